//! The way to one HTTP upstream: its record and settings, ready to be used without further checks.

use std::sync::Arc;

use http::StatusCode;
use rustls::ClientConfig;

use super::answer::{self, Verdict};
use super::twilio;
use crate::client::Origin;
use crate::config::gateway::TwilioSettings;
use crate::message::{Gateway, RefusalClass, Secrets, Transport};
use crate::outbound::http::{Upstream, basic_text};
use crate::route;
use crate::tls::Trust;

/// A gateway's record, understood.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) upstream: Upstream,
    pub(super) origin: Origin,
    pub(super) tls: Arc<ClientConfig>,
    /// What nothing that is kept or logged may quote.
    pub(super) secrets: Secrets,
}

impl Way {
    /// Or why the record cannot work, in words for an operator.
    pub(super) fn of(gateway: Arc<Gateway>, trust: &Trust, base_url: &str) -> Result<Way, String> {
        let upstream = Upstream::of(gateway.clone(), base_url)?;
        Ok(Way {
            tls: trust.https().map_err(|e| e.to_string())?,
            secrets: secrets(&gateway, &upstream.twilio),
            origin: Origin {
                host: upstream.host(),
                port: gateway.server_port,
                tls: gateway.use_ssl,
                // Who writes gateways is trusted as who writes the configuration.
                guarded: false,
            },
            upstream,
        })
    }

    /// What a refusal means for another upstream; `None`: none is asked.
    pub(super) fn class(&self, status: StatusCode, body: &[u8]) -> Option<RefusalClass> {
        match self.upstream.transport {
            Transport::Twilio if twilio::is_opt_out(body) => None,
            _ => route::class::of_http(status.as_u16()),
        }
    }

    /// What the upstream's answer says.
    pub(super) fn verdict(&self, status: StatusCode, body: &[u8]) -> Verdict {
        match self.upstream.transport {
            Transport::Twilio => twilio::answer(status, body),
            _ => answer::read(status, body),
        }
    }
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
