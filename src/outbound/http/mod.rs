//! What an HTTP upstream is sent: each message one request.
//!
//! - `order`: a message as a request has to carry it
//! - `generic`, `jasmin`, `twilio`: what each transport makes of an order

mod generic;
mod jasmin;
mod order;
mod twilio;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::Value;

pub use self::order::basic_text;

use self::order::{Order, Parcel};
use super::{UNREADABLE, in_words};
use crate::config::gateway::{HttpSettings, TwilioSettings};
use crate::message::{Family, Gateway, Transport};
use crate::store::Lease;

/// An HTTP upstream's record, understood: what makes requests of messages.
#[derive(Debug)]
pub struct Upstream {
    pub settings: HttpSettings,
    pub twilio: TwilioSettings,
    pub transport: Transport,
    pub gateway: Arc<Gateway>,
    /// What goes into the `Host` header.
    host: HeaderValue,
    /// In front of our own paths, without a slash at its end.
    base_url: String,
}

impl Upstream {
    /// Or why the record cannot work, in words for an operator.
    pub fn of(gateway: Arc<Gateway>, base_url: &str) -> Result<Upstream, String> {
        let transport = gateway.transport();
        let meta = gateway.meta.clone().map(Value::Object);
        Ok(Upstream {
            settings: HttpSettings::from_meta(transport, meta.as_ref()).map_err(in_words)?,
            twilio: match transport {
                Transport::Twilio => TwilioSettings::from_meta(meta.as_ref()).map_err(in_words)?,
                _ => TwilioSettings::default(),
            },
            host: host_header(&host_of(&gateway), gateway.server_port, gateway.use_ssl)
                .ok_or("server_host cannot be the name of a host; change it")?,
            transport,
            gateway,
            base_url: base_url.to_owned(),
        })
    }

    /// Whom to connect to.
    pub fn host(&self) -> String {
        host_of(&self.gateway)
    }

    /// The request for a message. The error says why there can be none.
    pub fn request(&self, lease: &Lease) -> Result<Request<Full<Bytes>>, String> {
        let head = lease.head.decode().ok_or(UNREADABLE)?;
        if head.segments > 1 {
            return Err("it was accepted in parts, when this gateway spoke SMPP".to_owned());
        }
        if let Family::Universal(origin) = &head.family
            && origin.udh.is_some()
        {
            return Err("a user data header cannot be sent over HTTP".to_owned());
        }
        let order = Order {
            gateway: &self.gateway,
            settings: &self.settings,
            head: &head,
            text: &lease.text,
            base_url: &self.base_url,
        };
        self.parcel(&order).request(&self.host, &self.gateway)
    }

    fn parcel(&self, order: &Order<'_>) -> Parcel {
        match self.transport {
            Transport::Jasmin => jasmin::form(order),
            Transport::JasminRest => jasmin::json(order),
            Transport::Twilio => twilio::parcel(order, &self.twilio),
            Transport::Http | Transport::Smpp => generic::parcel(order),
        }
    }
}

fn host_of(gateway: &Gateway) -> String {
    let host = gateway.server_host.trim_matches(['[', ']']);
    host.to_ascii_lowercase()
}

/// Without the port where it is the scheme's own.
fn host_header(host: &str, port: u16, tls: bool) -> Option<HeaderValue> {
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let text = match (port, tls) {
        (443, true) | (80, false) => host,
        _ => format!("{host}:{port}"),
    };
    HeaderValue::try_from(text).ok()
}
