//! The gateways as requests need them: looked up and understood once a change, not once a request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::config::gateway::{Concat, HttpSettings, SmppSettings};
use crate::message::{Gateway, GatewayId, Transport};
use crate::store::Gateways;

/// One gateway with what its record implies.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) gateway: Gateway,
    pub(super) transport: Transport,
    pub(super) mode: StatusMode,
    /// Where its upstream reports to, without the token.
    pub(super) dlr_url: String,
    /// How long a message may be tried.
    pub(super) validity: Duration,
    /// The bridge cuts long texts itself.
    pub(super) segments: bool,
    /// Parts of the longest text that the upstream takes whole; `None` is no limit.
    pub(super) parts_max: Option<u8>,
    /// The bridge itself posts the verdict to a message's `callback_url`. Other upstreams are told
    /// the URL, and call it.
    pub(super) forwards: bool,
    /// Segments or requests a second; `None` is no limit.
    pub(super) throughput: Option<u32>,
    /// Requests unanswered on one bind, or at one HTTP upstream.
    pub(super) window: u16,
    /// How long a send waits for the upstream's word; zero: not at all.
    pub(super) wait: Duration,
}

/// What `delivery_status` holds after a report over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusMode {
    /// `queued`, `submitted`, `delivered`, `failed`.
    Lifecycle,
    /// The provider's own word.
    Verbatim,
}

impl StatusMode {
    /// As `meta.delivery_status_mode` spells them.
    pub(super) const NAMES: [&str; 2] = ["verbatim", "lifecycle"];

    pub(super) fn of(gateway: &Gateway) -> StatusMode {
        let wish = gateway.meta_member("delivery_status_mode");
        match wish.and_then(serde_json::Value::as_str) {
            Some("lifecycle") => StatusMode::Lifecycle,
            Some("verbatim") => StatusMode::Verbatim,
            _ => match gateway.transport() {
                Transport::Smpp | Transport::Twilio => StatusMode::Lifecycle,
                Transport::Http | Transport::Jasmin | Transport::JasminRest => StatusMode::Verbatim,
            },
        }
    }
}

impl Profile {
    pub(super) fn new(gateway: Gateway, config: &Config, base_url: &str) -> Profile {
        let transport = gateway.transport();
        let smpp = (transport == Transport::Smpp).then(|| settings_of(&gateway, config));
        let http = (transport != Transport::Smpp).then(|| http_settings_of(&gateway));
        Profile {
            transport,
            mode: StatusMode::of(&gateway),
            dlr_url: format!("{base_url}/api/sms-gateways/{}/dlr", gateway.id),
            validity: smpp
                .as_ref()
                .map_or(config.smpp.validity, |s| s.link.validity),
            throughput: match (&smpp, &http) {
                (Some(smpp), _) => smpp.link.throughput,
                (None, http) => http.as_ref().and_then(|h| h.throughput),
            }
            .map(std::num::NonZeroU32::get),
            window: match (&smpp, &http) {
                (Some(smpp), _) => smpp.link.window.get(),
                (None, http) => http.as_ref().map_or(0, |h| h.window.get()),
            },
            segments: smpp.is_some_and(|s| s.concat != Concat::Payload),
            parts_max: http.as_ref().and_then(|h| h.max_parts),
            forwards: matches!(transport, Transport::Smpp | Transport::Twilio),
            wait: wait(config.limits.send_wait, http.as_ref()),
            gateway,
        }
    }

    /// A message may bring its own user data header.
    pub(super) fn takes_headers(&self) -> bool {
        self.transport == Transport::Smpp
    }

    /// Holds a text of so many parts to what the upstream takes; the error is the limit. Every
    /// family has to ask before it accepts a message: Jasmin cuts what is longer, and says nothing.
    pub(super) fn check_parts(&self, parts: u8) -> Result<(), u8> {
        match self.parts_max {
            Some(most) if parts > most => Err(most),
            _ => Ok(()),
        }
    }
}

/// An HTTP upstream answers, or its request times out: that is waited for, beyond the wait for its
/// turn.
fn wait(send_wait: Duration, http: Option<&HttpSettings>) -> Duration {
    match http {
        Some(http) if !send_wait.is_zero() => send_wait + http.timeout,
        _ => send_wait,
    }
}

/// A record that no longer fits the rules is taken for one that says nothing.
fn http_settings_of(gateway: &Gateway) -> HttpSettings {
    let meta = gateway.meta.clone().map(serde_json::Value::Object);
    let transport = gateway.transport();
    HttpSettings::from_meta(transport, meta.as_ref())
        .or_else(|_| HttpSettings::from_meta(transport, None))
        .expect("no meta has no mistakes")
}

/// A record that no longer fits the rules is taken for one that says nothing.
fn settings_of(gateway: &Gateway, config: &Config) -> SmppSettings {
    let smpp = gateway.meta_member("smpp").cloned();
    let meta = smpp.map(|smpp| serde_json::json!({ "smpp": smpp }));
    SmppSettings::from_meta(&config.smpp, meta.as_ref())
        .unwrap_or_else(|_| SmppSettings::new(config.smpp.clone()))
}

/// Profiles of all gateways that are not deleted, as of one change.
#[derive(Debug)]
pub(super) struct Snapshot {
    of: Gateways,
    profiles: BTreeMap<GatewayId, Arc<Profile>>,
    /// Of gateways with the same name the oldest.
    by_name: HashMap<String, GatewayId>,
}

impl Snapshot {
    pub(super) fn named(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profile(*self.by_name.get(name)?)
    }

    pub(super) fn profile(&self, id: GatewayId) -> Option<&Arc<Profile>> {
        self.profiles.get(&id)
    }

    pub(super) fn profiles(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.values()
    }
}

/// Follows the store's gateways.
#[derive(Debug)]
pub(super) struct Directory {
    gateways: watch::Receiver<Gateways>,
    current: RwLock<Arc<Snapshot>>,
}

impl Directory {
    pub(super) fn new(gateways: watch::Receiver<Gateways>) -> Directory {
        let empty = Snapshot {
            of: Gateways::default(),
            profiles: BTreeMap::new(),
            by_name: HashMap::new(),
        };
        Directory {
            gateways,
            current: RwLock::new(Arc::new(empty)),
        }
    }

    pub(super) fn profile(
        &self,
        id: GatewayId,
        config: &Config,
        base_url: &str,
    ) -> Option<Arc<Profile>> {
        self.snapshot(config, base_url).profile(id).cloned()
    }

    /// The gateways as they are now.
    pub(super) fn snapshot(&self, config: &Config, base_url: &str) -> Arc<Snapshot> {
        let gateways = self.gateways.borrow().clone();
        let known = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if Arc::ptr_eq(&known.of, &gateways) {
            return known;
        }
        let profiles = gateways.values().map(|gateway| {
            let unchanged = known.profile(gateway.id).filter(|p| p.gateway == *gateway);
            let profile = unchanged
                .cloned()
                .unwrap_or_else(|| Arc::new(Profile::new(gateway.clone(), config, base_url)));
            (gateway.id, profile)
        });
        let newest_first = gateways.values().rev();
        let snapshot = Arc::new(Snapshot {
            by_name: newest_first.map(|g| (g.name.clone(), g.id)).collect(),
            profiles: profiles.collect(),
            of: gateways,
        });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        snapshot
    }
}
