//! A gateway: one configured upstream account with its policy.

use super::{GatewayId, MASK, Timestamp, redact};
use serde::{Deserialize, Serialize};

/// The record that operators create and change through the API.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    pub id: GatewayId,
    pub name: String,
    pub provider_type: String,
    pub server_host: String,
    pub server_port: u16,
    pub api_path: String,
    pub username: Option<String>,
    /// Never leaves the bridge but towards its own upstream.
    pub password: Option<String>,
    pub default_sender_id: Option<String>,
    pub callback_token: Option<String>,
    pub use_ssl: bool,
    pub is_active: bool,
    pub notes: Option<String>,
    pub meta: Option<serde_json::Map<String, serde_json::Value>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Set by DELETE: no bind and no route any more, but receipts still apply.
    pub deleted: bool,
}

/// How a gateway reaches its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Smpp,
    Http,
    Jasmin,
    JasminRest,
    Twilio,
}

impl Gateway {
    pub fn transport(&self) -> Transport {
        match self.provider_type.to_ascii_lowercase().as_str() {
            "smpp" => Transport::Smpp,
            "jasmin" => Transport::Jasmin,
            "jasmin_rest" => Transport::JasminRest,
            "twilio" => Transport::Twilio,
            _ => Transport::Http,
        }
    }

    /// A member of `meta`, if there is one of that name.
    pub fn meta_member(&self, name: &str) -> Option<&serde_json::Value> {
        self.meta.as_ref()?.get(name)
    }

    /// The record with a mask wherever it has a secret, to be shown.
    #[must_use]
    pub fn masked(&self) -> Gateway {
        let mask = |secret: &Option<String>| secret.as_ref().map(|_| MASK.to_owned());
        let mut meta = self.meta.clone();
        if let Some(meta) = &mut meta {
            redact(meta, &MASK.into());
        }
        Gateway {
            password: mask(&self.password),
            callback_token: mask(&self.callback_token),
            meta,
            ..self.clone()
        }
    }

    /// True when a change from `self` to `new` needs new binds. Requests over HTTP stand each
    /// for itself: the next one has what is new, and only another transport begins anew.
    pub fn binds_differently(&self, new: &Gateway) -> bool {
        if self.transport() != Transport::Smpp && self.transport() == new.transport() {
            return self.deleted != new.deleted;
        }
        let wire = |g: &Gateway| {
            (
                g.transport(),
                g.server_host.clone(),
                g.server_port,
                g.username.clone(),
                g.password.clone(),
                g.use_ssl,
                g.meta_member("smpp").cloned(),
                g.deleted,
            )
        };
        wire(self) != wire(new)
    }
}

impl Transport {
    pub const NAMES: [&str; 5] = ["smpp", "http", "jasmin", "jasmin_rest", "twilio"];

    pub fn name(self) -> &'static str {
        match self {
            Transport::Smpp => "smpp",
            Transport::Http => "http",
            Transport::Jasmin => "jasmin",
            Transport::JasminRest => "jasmin_rest",
            Transport::Twilio => "twilio",
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("provider_type", &self.provider_type)
            .field("server_host", &self.server_host)
            .field("server_port", &self.server_port)
            .field("is_active", &self.is_active)
            .finish_non_exhaustive()
    }
}

/// The live state of a gateway, as its task publishes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayStatus {
    /// `bound_trx`, `bound_tx_rx`, `binding`, `waiting`, `bind_refused`, …; over HTTP `ready` or
    /// `failing`.
    pub bind: &'static str,
    /// Bound or not bound, ready or not ready, since then.
    pub since: Timestamp,
    /// Binds up, and binds wanted; over HTTP there are none.
    pub bound: u32,
    pub wanted: u32,
    /// Why it is not bound, in words for an operator.
    pub reason: Option<String>,
}

/// Only receivers are up: receipts come, and nothing can be sent.
pub const BOUND_RX: &str = "bound_rx";

impl GatewayStatus {
    /// It takes messages. One that is reached over HTTP has no binds to go by: whether its
    /// upstream answers shows in each request.
    pub fn is_up(&self) -> bool {
        (self.bound > 0 && self.bind != BOUND_RX) || matches!(self.bind, "ready" | "failing")
    }
}
