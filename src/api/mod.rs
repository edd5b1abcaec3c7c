//! HTTP in: what applications and operators ask of the bridge.
//!
//! A route's handler takes a `auth::Call`, which has read the body, checked who calls and brought
//! the one way to the store. It never sees a PDU, and knows gateways only by their records.
//!
//! - `auth`, `attempts`, `body`, `json`, `rule`, `query`, `cursor`: what a request says, checked
//! - `error`, `envelope`, `clock`: what an answer looks like
//! - `batch`: many messages in one request, for every family that sends
//! - `gateways`, `send`, `messages`, `dlr`, `mo`, `ledger`, `log`: the routes, a noun each
//! - `draft`: what a send checked and did not record yet; `explain`: a look at it
//! - `use_cases`: the API for sends by purpose, with its pools of senders and opt-outs
//! - `jasmin`, `twilio`: what those upstreams call back with
//! - `universal`: the API for one-shot sends, with accounts and errors of its own
//! - `docs`: what the API says about itself; each noun's `describe` says its part
//! - `server`, `meter`: connections and their figures

mod address;
mod attempts;
mod auth;
mod batch;
mod body;
mod clock;
mod country;
mod cursor;
mod directory;
mod dlr;
mod docs;
mod draft;
mod envelope;
mod error;
mod explain;
mod gateways;
mod jasmin;
mod json;
mod ledger;
mod log;
mod messages;
mod meter;
mod mo;
mod object;
mod query;
mod rule;
mod send;
mod server;
mod text;
mod twilio;
mod universal;
mod use_cases;
mod way;

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, Uri};
use tokio::sync::watch;

pub use self::server::serve;

use self::attempts::Attempts;
use self::auth::{Tokens, Unauthenticated};
use self::directory::{Directory, Profile, Snapshot};
use self::docs::Published;
use self::error::Failure;
use self::meter::Meter;
use self::send::Running;
use self::universal::{Accounts, Refusal};
use self::use_cases::{Pools, Rejection};
use crate::board::Board;
use crate::config::Config;
use crate::inbound::Judge;
use crate::message::{GatewayId, References};
use crate::metrics::Metrics;
use crate::openapi::{Endpoint, Input, Operation, Operations, Routes, Schema};
use crate::openapi::{delete, get, patch, post, put};
use crate::store::{Store, StoreError, UseCases};

/// What the API works with.
pub struct Context {
    pub store: Arc<dyn Store>,
    pub config: Arc<Config>,
    pub metrics: Metrics,
    pub board: Board,
    pub judge: Judge,
    /// False: the bridge is stopping, and no new message is taken.
    pub admission: watch::Receiver<bool>,
    /// In front of our own paths, without a slash at its end.
    pub base_url: String,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// The state behind every handler; shared by clone.
#[derive(Clone, Debug)]
struct Api(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    context: Context,
    tokens: Tokens,
    accounts: Accounts,
    attempts: Attempts,
    directory: Directory,
    references: References,
    running: Running,
    pools: Pools,
    use_cases: watch::Receiver<UseCases>,
    published: Published,
    /// Held while a gateway's record is read, changed and written: two changes at once must not
    /// undo one another.
    changing: tokio::sync::Mutex<()>,
}

impl Deref for Api {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0.context
    }
}

impl Api {
    /// A gateway that is not deleted.
    fn profile(&self, id: GatewayId) -> Option<Arc<Profile>> {
        self.0.directory.profile(id, &self.config, &self.base_url)
    }

    /// All gateways that are not deleted.
    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.directory.snapshot(&self.config, &self.base_url)
    }

    /// Before any credential is compared.
    fn admit(&self, address: Option<IpAddr>) -> Result<(), Failure> {
        let admitted = self.0.attempts.admit(address, Instant::now());
        admitted.map_err(|wait| {
            self.metrics.http.auth_limited.inc();
            Failure::too_many_attempts(wait)
        })
    }

    /// After one that was wrong.
    fn count_attempt(&self, address: Option<IpAddr>) {
        self.0.attempts.failed(address, Instant::now());
    }

    /// A gateway, deleted or not.
    async fn any_profile(&self, id: GatewayId) -> Result<Option<Arc<Profile>>, StoreError> {
        if let Some(profile) = self.profile(id) {
            return Ok(Some(profile));
        }
        let gateway = self.store.any_gateway(id).await?;
        Ok(gateway.map(|g| Arc::new(Profile::new(g, &self.config, &self.base_url))))
    }
}

/// All routes. `/metrics` and its kin are the business of `admin`; what is said about them,
/// `beside`, has its place in our document.
pub fn router(context: Context, beside: Operations) -> Router {
    let (router, mut operations) = routes(&context.metrics).finish();
    operations.extend(beside);
    let api = Api(Arc::new(Shared {
        tokens: Tokens::new(&context.config.api),
        accounts: Accounts::new(&context.config),
        attempts: Attempts::new(context.config.limits.auth_failures_per_minute),
        directory: Directory::new(context.store.gateways()),
        references: References::new(),
        running: Running::default(),
        pools: Pools::default(),
        use_cases: context.store.use_cases(),
        published: Published::new(operations),
        changing: tokio::sync::Mutex::default(),
        context,
    }));
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(api)
}

/// Every path, its methods, and what is said about each.
fn routes(metrics: &Metrics) -> Routes<Api> {
    let mut routes = Routes::new();
    let mut add = |path: &'static str, endpoints: Vec<Endpoint<Api>>| {
        let meter = Meter::new(&metrics.http, path);
        routes.add(path, endpoints, |methods| methods.layer(meter));
    };
    add(
        "/api/sms-gateways",
        vec![
            get(gateways::list, gateways::describe::list),
            post(gateways::create, gateways::describe::create),
        ],
    );
    add(
        "/api/sms-gateways/{id}",
        vec![
            get(gateways::read, gateways::describe::read),
            put(gateways::change, gateways::describe::replace),
            patch(gateways::change, gateways::describe::change),
            delete(gateways::delete, gateways::describe::delete),
        ],
    );
    add(
        "/api/sms-gateways/{id}/send",
        vec![post(send::send, send::describe::send)],
    );
    add(
        "/api/sms-gateways/{id}/send/batch",
        vec![post(send::send_many, send::describe::send_many)],
    );
    add(
        "/api/sms-gateways/{id}/messages",
        vec![get(
            messages::list_of_gateway,
            messages::describe::list_of_gateway,
        )],
    );
    add(
        "/api/sms-gateways/{id}/dlr",
        vec![post(dlr::post, dlr::describe::post)],
    );
    add(
        "/webhooks/jasmin/{id}/dlr",
        vec![
            post(dlr::post, dlr::describe::post_alias),
            get(dlr::get, dlr::describe::get),
        ],
    );
    add(
        "/webhooks/jasmin/{id}/mo",
        vec![
            post(jasmin::mo, jasmin::describe_post),
            get(jasmin::mo, jasmin::describe_get),
        ],
    );
    add(
        "/v1/webhook/twilio/sms-status",
        vec![post(twilio::status, twilio::describe)],
    );
    add(
        "/api/sms-messages",
        vec![get(messages::list, messages::describe::list)],
    );
    add(
        "/api/sms-messages/{id}",
        vec![get(messages::read, messages::describe::read)],
    );
    add(
        "/api/sms-messages/{id}/events",
        vec![get(messages::events, messages::describe::events)],
    );
    add(
        "/api/sms-messages/{id}/cancel",
        vec![post(messages::cancel, messages::describe::cancel)],
    );
    add(
        "/api/sms-messages/{id}/redeliver",
        vec![post(messages::redeliver, messages::describe::redeliver)],
    );
    add("/api/mo-messages", vec![get(mo::list, mo::describe_many)]);
    add(
        "/api/mo-messages/{id}",
        vec![get(mo::read, mo::describe_one)],
    );
    add(
        "/api/mo-messages/{id}/redeliver",
        vec![post(mo::redeliver, mo::describe_redeliver)],
    );
    add(
        "/api/message-server/sms/send",
        vec![post(universal::send, universal::describe::send)],
    );
    add(
        "/api/message-server/sms/send/batch",
        vec![post(universal::send_many, universal::describe::send_many)],
    );
    add(
        "/v1/sms/batch",
        vec![post(use_cases::send_many, use_cases::describe::send_many)],
    );
    add(
        "/v1/sms",
        vec![
            post(use_cases::send, use_cases::describe::send),
            get(use_cases::list_messages, use_cases::describe::list_messages),
        ],
    );
    add(
        "/v1/sms/{id}",
        vec![get(
            use_cases::read_message,
            use_cases::describe::read_message,
        )],
    );
    add(
        "/v1/explain",
        vec![post(explain::explain, explain::describe::explain)],
    );
    add(
        "/v1/use-cases",
        vec![
            get(use_cases::list, use_cases::describe::list),
            post(use_cases::create, use_cases::describe::create),
        ],
    );
    add(
        "/v1/use-cases/{id}",
        vec![
            get(use_cases::read, use_cases::describe::read),
            patch(use_cases::change, use_cases::describe::change),
            delete(use_cases::delete, use_cases::describe::delete),
        ],
    );
    add(
        "/v1/use-cases/{id}/opt-outs",
        vec![get(use_cases::opt_outs, use_cases::describe::opt_outs)],
    );
    add(
        "/v1/use-cases/{id}/opt-outs/{number}",
        vec![
            put(use_cases::opt_out, use_cases::describe::opt_out),
            delete(use_cases::opt_in, use_cases::describe::opt_in),
        ],
    );
    add(
        "/api/orphans",
        vec![get(ledger::orphans, ledger::describe_orphans)],
    );
    add(
        "/api/in-doubt",
        vec![get(ledger::in_doubt, ledger::describe_in_doubt)],
    );
    add(
        "/api/dead-callbacks",
        vec![get(ledger::dead_callbacks, ledger::describe_dead_callbacks)],
    );
    add("/api/log", vec![get(log::export, log::describe)]);
    add("/openapi.json", vec![get(docs::json, docs::describe_json)]);
    add("/docs", vec![get(docs::page, docs::describe_page)]);
    routes
}

/// Reads the body even so: a client that is still sending it would not see the answer.
async fn not_found(uri: Uri, call: Result<Unauthenticated, Failure>) -> Response {
    let not_found = Failure::not_found("Not found.");
    shaped(&uri, call.err().unwrap_or(not_found))
}

async fn not_allowed(uri: Uri, call: Result<Unauthenticated, Failure>) -> Response {
    let not_allowed = Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This method is not allowed here.",
    );
    shaped(&uri, call.err().unwrap_or(not_allowed))
}

/// In the words of the family whose path it is.
fn shaped(uri: &Uri, failure: Failure) -> Response {
    if uri.path().starts_with(universal::PREFIX) {
        return Refusal::from(failure).into_response();
    }
    if uri.path().starts_with(use_cases::PREFIX) {
        return Rejection::from(failure).into_response();
    }
    failure.into_response()
}

/// The number in a path. Whatever is no number is nobody's: the handler answers 404.
#[derive(Clone, Copy, Debug)]
struct Id(Option<u64>);

impl Id {
    fn gateway(self) -> Option<GatewayId> {
        self.0.and_then(|id| u32::try_from(id).ok()).map(GatewayId)
    }
}

impl FromRequestParts<Api> for Id {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Id, Self::Rejection> {
        let id = Path::<u64>::from_request_parts(parts, api).await;
        Ok(Id(id.ok().map(|Path(id)| id)))
    }
}

impl Input for Id {
    fn describe(operation: &mut Operation<'_>) {
        let id = Schema::integer(1..=i64::MAX).says("Anything but such a number is 404.");
        operation.path("id", id);
    }
}

#[cfg(test)]
mod tests;
