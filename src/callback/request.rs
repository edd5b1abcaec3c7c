//! From a lease to an HTTP request: which body, which headers, whose signature.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::Full;

use super::{
    body::{self, Named, Times},
    target::Target,
    token::Signer,
};
use crate::{
    config::{Config, ServiceProfile, url::http_url},
    message::{
        CallbackKind, EncodedHead, EncodedReport, FamilyRef, GatewayId, HeadRef, Timestamp,
        TrafficClass, UniversalRef,
    },
    store::{CallbackLease, Gateways, Store, Subject},
};
use tokio::sync::watch;

/// Knows everything a callback needs beside its lease.
pub(super) struct Composer {
    config: Arc<Config>,
    store: Arc<dyn Store>,
    gateways: watch::Receiver<Gateways>,
    profiles: HashMap<u64, Profile>,
    endpoints: HashMap<u64, usize>,
    /// By the account's name.
    accounts: HashMap<String, Account>,
}

/// A universal account that is notified.
struct Account {
    target: Arc<Target>,
    price_per_part: f64,
}

/// A service profile, made ready.
struct Profile {
    /// Its place in the configuration.
    index: usize,
    general: Arc<Target>,
    p2p: Option<Arc<Target>>,
    signer: Option<Signer>,
}

/// A request that can be sent more than once.
#[derive(Debug)]
pub(super) struct Composed<'a> {
    method: Method,
    pub(super) body: Bytes,
    headers: HeaderMap,
    signer: Option<&'a Signer>,
}

const CALLBACK_TOKEN: HeaderName = HeaderName::from_static("x-callback-token");
const TRAFFIC_CLASS: HeaderName = HeaderName::from_static("x-traffic-class");
const PAYLOAD_ENCODING: HeaderName = HeaderName::from_static("x-payload-encoding");
const AGENT: &str = concat!("smpp-bridge/", env!("CARGO_PKG_VERSION"));

impl Composer {
    pub(super) fn new(config: Arc<Config>, store: Arc<dyn Store>) -> Composer {
        let issuer = &config.callbacks.jwt_issuer;
        let profiles = config.service_profiles.iter().enumerate();
        let profiles = profiles
            .filter_map(|(index, p)| {
                let p2p = p.p2p_callback_url.as_ref();
                let profile = Profile {
                    index,
                    general: Arc::new(Target::of(&p.callback_url, false)?),
                    p2p: p2p.and_then(|url| Target::of(url, false)).map(Arc::new),
                    signer: p.api_secret.as_ref().map(|s| Signer::new(s, issuer)),
                };
                Some((p.id, profile))
            })
            .collect();
        let endpoints = config.endpoints.iter().enumerate();
        let accounts = config.universal.accounts.iter().filter_map(|account| {
            let url = account.callback_url.as_ref()?;
            let notified = Account {
                target: Arc::new(Target::of(url, false)?),
                price_per_part: account.price_per_part,
            };
            Some((account.name.clone(), notified))
        });
        Composer {
            accounts: accounts.collect(),
            endpoints: endpoints.map(|(index, e)| (e.id, index)).collect(),
            gateways: store.gateways(),
            profiles,
            config,
            store,
        }
    }

    /// Where the callback goes. The error is for an operator, who can mend it.
    pub(super) fn target(&self, lease: &CallbackLease) -> Result<Arc<Target>, String> {
        match (lease.kind, &lease.subject) {
            (CallbackKind::Verdict, Subject::Mt { head, .. }) => {
                let url = read(head)?.callback_url.unwrap_or_default();
                let url = http_url(url).map_err(str::to_owned)?;
                let guarded = !self.config.callbacks.allow_private_networks;
                let target = Target::of(&url, guarded).ok_or("the URL names no host")?;
                Ok(Arc::new(target))
            }
            (CallbackKind::Patch, Subject::Mt { .. }) => Ok(self.profile(lease)?.general.clone()),
            (CallbackKind::Part(_), Subject::Mt { head, .. }) => {
                Ok(self.account(&read(head)?)?.0.target.clone())
            }
            (CallbackKind::Mo, Subject::Mo { record, .. }) => {
                let profile = self.profile(lease)?;
                if record.route.p2p {
                    let p2p = profile.p2p.clone();
                    p2p.ok_or_else(|| "the service profile has no p2p_callback_url any more".into())
                } else {
                    Ok(profile.general.clone())
                }
            }
            _ => Err(MISMATCH.to_owned()),
        }
    }

    /// The request for it. A repeat has the octets of the first attempt.
    pub(super) async fn compose(&self, lease: &CallbackLease) -> Result<Composed<'_>, String> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (method, body, signer) = match (lease.kind, &lease.subject) {
            (CallbackKind::Mo, Subject::Mo { record, .. }) => {
                headers.insert(TRAFFIC_CLASS, traffic_class(record.route.class));
                if body::is_hex(record) {
                    headers.insert(PAYLOAD_ENCODING, HeaderValue::from_static("hex"));
                }
                let profile = self.profile(lease)?;
                (
                    Method::POST,
                    self.mo(lease, profile),
                    profile.signer.as_ref(),
                )
            }
            (CallbackKind::Patch, Subject::Mt { head, .. }) => {
                let head = read(head)?;
                headers.insert(TRAFFIC_CLASS, traffic_class(head.traffic_class));
                let profile = self.profile(lease)?;
                let body = self.patch(lease, &head, profile).await;
                (Method::PATCH, body, profile.signer.as_ref())
            }
            (CallbackKind::Verdict, Subject::Mt { head, .. }) => {
                let gateway = read(head)?.gateway;
                if let Some(token) = self.gateway(gateway).await.token {
                    let mut token = HeaderValue::from_str(&token)
                        .map_err(|_| "the gateway's callback_token cannot be sent in a header")?;
                    token.set_sensitive(true);
                    headers.insert(CALLBACK_TOKEN, token);
                }
                (Method::POST, verdict(lease, gateway), None)
            }
            (CallbackKind::Part(part), Subject::Mt { head, .. }) => (
                Method::POST,
                self.notification(lease, &read(head)?, part)?,
                None,
            ),
            _ => return Err(MISMATCH.to_owned()),
        };
        Ok(Composed {
            method,
            body,
            headers,
            signer,
        })
    }

    fn profile(&self, lease: &CallbackLease) -> Result<&Profile, String> {
        let id = match &lease.subject {
            Subject::Mo { record, .. } => record.route.service_profile,
            Subject::Mt { head, .. } => read(head)?.receipts.map(|r| r.service_profile),
        };
        let id = id.ok_or_else(|| "no service profile is named".to_owned())?;
        self.profiles
            .get(&id)
            .ok_or_else(|| format!("service profile {id} is not in the configuration any more"))
    }

    fn account<'h>(&self, head: &HeadRef<'h>) -> Result<(&Account, UniversalRef<'h>), String> {
        let FamilyRef::Universal(origin) = head.family else {
            return Err(MISMATCH.to_owned());
        };
        let account = self.accounts.get(origin.account).ok_or_else(|| {
            let name = origin.account;
            format!(
                "the universal account \"{name}\" has no callback_url in the configuration any more"
            )
        })?;
        Ok((account, origin))
    }

    fn notification(
        &self,
        lease: &CallbackLease,
        head: &HeadRef<'_>,
        part: u8,
    ) -> Result<Bytes, String> {
        if let Some(body) = &lease.body {
            return Ok(body.clone().into());
        }
        let (account, origin) = self.account(head)?;
        Ok(body::notification(
            &head.destination.text(),
            origin,
            part,
            account.price_per_part,
            lease.state,
            lease.created_at,
        ))
    }

    fn configured(&self, profile: &Profile) -> &ServiceProfile {
        &self.config.service_profiles[profile.index]
    }

    fn mo(&self, lease: &CallbackLease, profile: &Profile) -> Bytes {
        match (&lease.body, &lease.subject) {
            (
                None,
                Subject::Mo {
                    record,
                    received_at,
                },
            ) => body::mo(
                lease.id.message,
                record,
                *received_at,
                &self.configured(profile).organisation,
                self.config.mo.address_type,
            ),
            (body, _) => body.clone().unwrap_or_default().into(),
        }
    }

    async fn patch(&self, lease: &CallbackLease, head: &HeadRef<'_>, profile: &Profile) -> Bytes {
        if let Some(body) = &lease.body {
            return body.clone().into();
        }
        let gateway;
        let endpoint = match head.receipts.and_then(|r| r.endpoint) {
            Some(id) => Named {
                id,
                name: Some(self.endpoint_name(id)),
            },
            None => {
                gateway = self.gateway(head.gateway).await;
                Named {
                    id: u64::from(head.gateway.0),
                    name: Some(&gateway.name),
                }
            }
        };
        let organisation = &self.configured(profile).organisation;
        body::patch(
            lease.id.message,
            endpoint,
            organisation,
            lease.state,
            times(lease),
        )
    }

    /// Empty where the endpoint is not configured any more.
    fn endpoint_name(&self, id: u64) -> &str {
        let index = self.endpoints.get(&id);
        index.map_or("", |i| &self.config.endpoints[*i].name)
    }

    /// What callbacks tell of a gateway, deleted or not.
    async fn gateway(&self, id: GatewayId) -> GatewayFacts {
        let facts = |g: &crate::message::Gateway| GatewayFacts {
            name: g.name.clone(),
            token: g.callback_token.clone().filter(|t| !t.is_empty()),
        };
        if let Some(known) = self.gateways.borrow().get(&id).map(facts) {
            return known;
        }
        match self.store.any_gateway(id).await {
            Ok(Some(deleted)) => facts(&deleted),
            _ => GatewayFacts::default(),
        }
    }
}

#[derive(Default)]
struct GatewayFacts {
    name: String,
    token: Option<String>,
}

fn read(head: &EncodedHead) -> Result<HeadRef<'_>, String> {
    head.read()
        .ok_or_else(|| "the message's record cannot be read".to_owned())
}

fn verdict(lease: &CallbackLease, gateway: GatewayId) -> Bytes {
    match (&lease.body, &lease.subject) {
        (None, Subject::Mt { upstream_id, .. }) => body::verdict(
            gateway,
            upstream_id.as_deref(),
            lease.state,
            lease
                .report
                .as_ref()
                .and_then(EncodedReport::decode)
                .as_ref(),
            times(lease),
        ),
        (body, _) => body.clone().unwrap_or_default().into(),
    }
}

fn times(lease: &CallbackLease) -> Times {
    let (accepted_at, submitted_at) = match &lease.subject {
        Subject::Mt {
            accepted_at,
            submitted_at,
            ..
        } => (*accepted_at, *submitted_at),
        Subject::Mo { received_at, .. } => (*received_at, None),
    };
    Times {
        accepted_at,
        submitted_at,
        event_at: lease.created_at,
    }
}

fn traffic_class(class: TrafficClass) -> HeaderValue {
    HeaderValue::from_static(match class {
        TrafficClass::A2p => "A2P",
        TrafficClass::P2p => "P2P",
    })
}

/// The ledger makes MO callbacks for MO messages and the others for MT.
const MISMATCH: &str = "the callback does not fit its message";

impl Composed<'_> {
    /// The request, signed anew.
    pub(super) fn request(
        &self,
        target: &Target,
        lease: &CallbackLease,
        now: Timestamp,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(target.path.clone());
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(HOST, target.host.clone());
        if let Some(signer) = self.signer {
            let token = signer.token(lease.id, lease.attempt, now, fastrand::u64(..));
            if let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {token}")) {
                bearer.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, bearer);
            }
        }
        request
    }
}
