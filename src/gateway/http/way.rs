//! The way to one HTTP upstream: its record and settings, ready to be used without further checks.

use std::sync::Arc;

use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;

use bytes::Bytes;
use rustls::ClientConfig;
use serde_json::Value;

use super::answer::{self, Verdict};
use super::order::{Order, Parcel, basic_text};
use super::{generic, jasmin, twilio};
use crate::client::Origin;
use crate::config::gateway::{HttpSettings, Mistakes, TwilioSettings};
use crate::message::{Family, Gateway, Secrets, Transport};
use crate::store::Lease;
use crate::tls::Trust;

/// A gateway's record, understood.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) settings: HttpSettings,
    pub(super) origin: Origin,
    pub(super) tls: Arc<ClientConfig>,
    /// What nothing that is kept or logged may quote.
    pub(super) secrets: Secrets,
    gateway: Arc<Gateway>,
    transport: Transport,
    twilio: TwilioSettings,
    /// What goes into the `Host` header.
    host: HeaderValue,
    base_url: String,
}

impl Way {
    /// Or why the record cannot work, in words for an operator.
    pub(super) fn of(gateway: Arc<Gateway>, trust: &Trust, base_url: &str) -> Result<Way, String> {
        let transport = gateway.transport();
        let meta = gateway.meta.clone().map(Value::Object);
        let settings = HttpSettings::from_meta(transport, meta.as_ref()).map_err(in_words)?;
        let twilio = match transport {
            Transport::Twilio => TwilioSettings::from_meta(meta.as_ref()).map_err(in_words)?,
            _ => TwilioSettings::default(),
        };
        let host = gateway
            .server_host
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        Ok(Way {
            settings,
            tls: trust.https().map_err(|e| e.to_string())?,
            secrets: secrets(&gateway, &twilio),
            host: host_header(&host, gateway.server_port, gateway.use_ssl)
                .ok_or("server_host cannot be the name of a host; change it")?,
            origin: Origin {
                host,
                port: gateway.server_port,
                tls: gateway.use_ssl,
                // Who writes gateways is trusted as who writes the configuration.
                guarded: false,
            },
            gateway,
            transport,
            twilio,
            base_url: base_url.to_owned(),
        })
    }

    /// The request for a message. The error says why there can be none.
    pub(super) fn request(&self, lease: &Lease) -> Result<Request<Full<Bytes>>, String> {
        if lease.head.segments > 1 {
            return Err("it was accepted in parts, when this gateway spoke SMPP".to_owned());
        }
        if let Family::Universal(origin) = &lease.head.family
            && origin.udh.is_some()
        {
            return Err("a user data header cannot be sent over HTTP".to_owned());
        }
        let order = Order {
            gateway: &self.gateway,
            settings: &self.settings,
            head: &lease.head,
            text: &lease.text,
            base_url: &self.base_url,
        };
        self.parcel(&order).request(&self.host, &self.gateway)
    }

    pub(super) fn parcel(&self, order: &Order<'_>) -> Parcel {
        match self.transport {
            Transport::Jasmin => jasmin::form(order),
            Transport::JasminRest => jasmin::json(order),
            Transport::Twilio => twilio::parcel(order, &self.twilio),
            Transport::Http | Transport::Smpp => generic::parcel(order),
        }
    }

    /// What the upstream's answer says.
    pub(super) fn verdict(&self, status: StatusCode, body: &[u8]) -> Verdict {
        match self.transport {
            Transport::Twilio => twilio::answer(status, body),
            _ => answer::read(status, body),
        }
    }
}

fn in_words(mistakes: Mistakes) -> String {
    let all = mistakes
        .iter()
        .map(|(path, text)| format!("{path}: {text}"));
    all.collect::<Vec<_>>().join("; ")
}

fn secrets(gateway: &Gateway, twilio: &TwilioSettings) -> Secrets {
    let username = gateway.username.as_deref().unwrap_or_default();
    let password = gateway.password.as_deref();
    let former = twilio.previous_auth_token.as_ref();
    let all = [
        password.map(str::to_owned),
        password.map(|password| basic_text(username, password)),
        gateway.callback_token.clone(),
        former.map(|former| former.expose().to_owned()),
    ];
    Secrets::new(all.into_iter().flatten())
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
