//! A gateway as its readers may see it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::Api;
use super::super::auth::Caller;
use super::super::clock::Iso;
use super::super::envelope::Rendered;
use crate::message::{Gateway, Transport, redact};
use crate::store::Counts;

/// One account at one upstream.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Gateway")]
pub(super) struct View<'a> {
    /// Never given twice.
    id: u32,
    name: &'a str,
    provider_type: &'a str,
    server_host: &'a str,
    server_port: u16,
    api_path: &'a str,
    /// Null also for the scope `read`.
    username: Option<&'a str>,
    default_sender_id: Option<&'a str>,
    /// Null for all but the scope `admin`.
    callback_token: Option<&'a str>,
    use_ssl: bool,
    /// False: no new sends; receipts of open messages still come.
    is_active: bool,
    notes: Option<&'a str>,
    /// Secrets in it are null for all but the scope `admin`.
    meta: Option<Map<String, Value>>,
    /// Messages ever sent through it.
    messages_count: u64,
    created_at: Iso,
    updated_at: Iso,
    has_password: bool,
    has_callback_token: bool,
    /// What `provider_type` means to the bridge.
    #[schemars(extend("enum" = Transport::NAMES))]
    transport: &'static str,
    status: Status,
}

/// The live state.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GatewayStatus")]
pub(in super::super) struct Status {
    /// How the binds are; of an HTTP upstream `ready`, `failing` or `misconfigured`, and null
    /// before its task has begun.
    bind: Option<&'static str>,
    /// Bound or not bound, ready or not ready, since then.
    since: Option<Iso>,
    /// Binds that are up.
    bound: u32,
    /// Binds that should be.
    wanted: u32,
    /// Why it is not bound.
    reason: Option<String>,
    /// Messages that wait.
    queue: u64,
    oldest_queued_at: Option<Iso>,
}

impl<'a> View<'a> {
    pub(super) fn new<S>(
        gateway: &'a Gateway,
        counts: Counts,
        api: &Api,
        caller: &Caller<S>,
    ) -> View<'a> {
        let secrets = caller.sees_secrets();
        View {
            id: gateway.id.0,
            name: &gateway.name,
            provider_type: &gateway.provider_type,
            server_host: &gateway.server_host,
            server_port: gateway.server_port,
            api_path: &gateway.api_path,
            username: gateway
                .username
                .as_deref()
                .filter(|_| caller.sees_usernames()),
            default_sender_id: gateway.default_sender_id.as_deref(),
            callback_token: gateway.callback_token.as_deref().filter(|_| secrets),
            use_ssl: gateway.use_ssl,
            is_active: gateway.is_active,
            notes: gateway.notes.as_deref(),
            meta: gateway.meta.clone().map(|mut meta| {
                if !secrets {
                    redact(&mut meta, &Value::Null);
                }
                meta
            }),
            messages_count: counts.messages,
            created_at: Iso(gateway.created_at),
            updated_at: Iso(gateway.updated_at),
            has_password: gateway.password.is_some(),
            has_callback_token: gateway.callback_token.is_some(),
            transport: gateway.transport().name(),
            status: Status::new(gateway, counts, api),
        }
    }

    pub(super) fn render(&self) -> Rendered {
        Rendered::of(self)
    }
}

impl Status {
    pub(in super::super) fn new(gateway: &Gateway, counts: Counts, api: &Api) -> Status {
        let live = api.board.of(gateway.id);
        let unbound = (gateway.transport() == Transport::Smpp).then_some("closed");
        Status {
            bind: live.as_ref().map(|l| l.bind).or(unbound),
            since: live.as_ref().map(|l| Iso(l.since)),
            bound: live.as_ref().map_or(0, |l| l.bound),
            wanted: live.as_ref().map_or(0, |l| l.wanted),
            reason: live.and_then(|l| l.reason),
            queue: counts.queued,
            oldest_queued_at: counts.oldest_queued_at.map(Iso),
        }
    }

    /// For whoever is no operator.
    pub(in super::super) fn conceal_reason(&mut self) {
        self.reason = None;
    }
}
