//! `/metrics`, `/livez`, `/readyz`: for those on call and their machines, without a token.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use prometheus::{Encoder, TextEncoder};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::board::Board;
use crate::message::{Gateway, GatewayStatus, Transport};
use crate::metrics::Metrics;
use crate::openapi::{Operation, Operations, Routes, get};
use crate::store::{Health, Store};

/// What is looked at.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub metrics: Metrics,
    pub board: Board,
    /// False: the bridge is stopping.
    pub admission: watch::Receiver<bool>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// The routes, to be merged with those of the API, or on a listener of their own; and what is said
/// about them.
pub fn router(context: Context) -> (Router, Operations) {
    let mut routes = Routes::new();
    routes.add("/metrics", [get(metrics, describe_metrics)], |m| m);
    routes.add("/livez", [get(livez, describe_livez)], |m| m);
    routes.add("/readyz", [get(readyz, describe_readyz)], |m| m);
    let (router, operations) = routes.finish();
    let router = router
        .method_not_allowed_fallback(async || {
            let body = json!({ "message": "This method is not allowed here." });
            answer(StatusCode::METHOD_NOT_ALLOWED, &body)
        })
        .with_state(context);
    (router, operations)
}

/// The routes on a listener of their own.
pub fn alone(router: Router) -> Router {
    router.fallback(async || answer(StatusCode::NOT_FOUND, &json!({ "message": "Not found." })))
}

const TAG: &str = "The bridge itself";

fn describe_metrics(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "readMetrics", "Figures, for Prometheus")
        .answers_with(
            200,
            "The figures.",
            "text/plain",
            json!({ "type": "string" }),
        );
}

fn describe_livez(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "isAlive", "Whether the process answers")
        .answers::<Life>(200, "It does.");
}

fn describe_readyz(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "isReady", "Whether messages are taken")
        .says("Whatever state the upstreams are in; the body names what is degraded.")
        .answers::<Readiness>(200, "They are.")
        .answers::<Readiness>(
            503,
            "They are not: the log cannot be written, or the bridge stops.",
        );
}

async fn metrics(State(context): State<Context>) -> Response {
    let is_ready = *context.admission.borrow() && *context.store.health().borrow() == Health::Open;
    context.metrics.ready.set(i64::from(is_ready));
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&context.metrics.registry.gather(), &mut text) {
        Ok(()) => (
            [(header::CONTENT_TYPE, encoder.format_type().to_owned())],
            text,
        )
            .into_response(),
        Err(e) => {
            tracing::error!(error = %e, "the metrics cannot be rendered");
            let body = json!({ "message": "The metrics cannot be rendered." });
            answer(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Life {
    #[schemars(extend("enum" = ["alive"]))]
    status: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Readiness {
    #[schemars(extend("enum" = ["ready", "unready"]))]
    status: &'static str,
    degraded: Vec<Degraded>,
}

/// A part that does not do what it should.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "part", rename_all = "lowercase")]
enum Degraded {
    Bridge {
        reason: &'static str,
    },
    Log {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        free_octets: Option<u64>,
    },
    /// It has fewer binds than it should; or it is reached over HTTP, and its `state` says what is
    /// wrong.
    Gateway {
        id: u32,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        bind: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bound: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        /// Seconds that it has had no bind, or has been in this state.
        #[serde(skip_serializing_if = "Option::is_none")]
        for_s: Option<u64>,
    },
}

/// The process answers, so it lives.
async fn livez() -> Response {
    answer(StatusCode::OK, &Life { status: "alive" })
}

/// 200 for as long as sends are accepted, whatever state the upstreams are in.
async fn readyz(State(context): State<Context>) -> Response {
    let mut degraded = Vec::new();
    let mut ready = true;
    if !*context.admission.borrow() {
        ready = false;
        degraded.push(Degraded::Bridge {
            reason: "shutting down",
        });
    }
    let health = context.store.health().borrow().clone();
    match health {
        Health::Open => {}
        Health::Full { free_octets } => {
            ready = false;
            degraded.push(Degraded::Log {
                reason: "full",
                free_octets: Some(free_octets),
            });
        }
        // The reason may name files: it is in the daemon's log.
        Health::Failing { .. } => {
            ready = false;
            degraded.push(Degraded::Log {
                reason: "failing",
                free_octets: None,
            });
        }
    }
    let gateways = context.store.gateways().borrow().clone();
    degraded.extend(gateways.values().filter_map(|g| match g.transport() {
        Transport::Smpp => unbound(g, &context.board),
        _ => failing(g, &context.board),
    }));
    let (status, word) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
    };
    let body = Readiness {
        status: word,
        degraded,
    };
    answer(status, &body)
}

/// A gateway that has fewer binds than it should.
fn unbound(gateway: &Gateway, board: &Board) -> Option<Degraded> {
    let live = board.of(gateway.id);
    let for_s = live.as_ref().filter(|l| l.bound == 0).map(lasted_s);
    let live = live.unwrap_or_default();
    if live.wanted > 0 && live.bound >= live.wanted {
        return None;
    }
    let bind = if live.bind.is_empty() {
        "closed"
    } else {
        live.bind
    };
    Some(Degraded::Gateway {
        id: gateway.id.0,
        name: gateway.name.clone(),
        bind: Some(bind),
        bound: Some(live.bound),
        wanted: Some(live.wanted),
        state: None,
        for_s,
    })
}

/// An HTTP upstream that takes no messages, as its last answer or the lack of one shows.
fn failing(gateway: &Gateway, board: &Board) -> Option<Degraded> {
    let live = board.of(gateway.id)?;
    if live.bind == "ready" {
        return None;
    }
    Some(Degraded::Gateway {
        id: gateway.id.0,
        name: gateway.name.clone(),
        bind: None,
        bound: None,
        wanted: None,
        state: Some(live.bind),
        for_s: Some(lasted_s(&live)),
    })
}

fn lasted_s(live: &GatewayStatus) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    now.saturating_sub(live.since.unix_s())
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let body = serde_json::to_vec(body).expect("an answer is plain data");
    (status, json, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{GatewayId, Timestamp};
    use crate::store::journal::{Faults, MemoryJournal};
    use crate::store::{LogStore, OpenOptions, Policy};
    use axum::body::Body;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    struct Bridge {
        router: Router,
        context: Context,
        admission: watch::Sender<bool>,
        journal: MemoryJournal,
    }

    fn bridge() -> Bridge {
        let metrics = Metrics::new();
        let journal = MemoryJournal::new();
        let opened = journal.clone();
        let options = OpenOptions {
            policy: Policy::default(),
            metrics: metrics.store.clone(),
        };
        let store = LogStore::open(move || Ok((opened.clone(), 0)), options).unwrap();
        let (admission, open) = watch::channel(true);
        let context = Context {
            store: Arc::new(store),
            metrics,
            board: Board::default(),
            admission: open,
        };
        Bridge {
            router: router(context.clone()).0,
            context,
            admission,
            journal,
        }
    }

    fn smpp_gateway() -> Gateway {
        let record = json!({
            "id": 0, "name": "smsc-main", "provider_type": "smpp", "server_host": "h",
            "server_port": 1, "api_path": "send", "username": "u", "password": null,
            "default_sender_id": null, "callback_token": null, "use_ssl": false,
            "is_active": true, "notes": null, "meta": null, "created_at": 0, "updated_at": 0,
            "deleted": false,
        });
        serde_json::from_value(record).unwrap()
    }

    impl Bridge {
        async fn get(&self, path: &str) -> (u16, String) {
            let request = http::Request::get(path).body(Body::empty()).unwrap();
            let answer = self.router.clone().oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let octets = answer.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(octets.to_vec()).unwrap())
        }

        async fn readyz(&self) -> (u16, Value) {
            let (status, body) = self.get("/readyz").await;
            (status, serde_json::from_str(&body).unwrap())
        }
    }

    #[tokio::test]
    async fn a_bridge_is_ready_whatever_its_gateways_do_and_names_those_that_are_down() {
        let bridge = bridge();
        assert_eq!(
            bridge.readyz().await,
            (200, json!({"status": "ready", "degraded": []}))
        );
        bridge
            .context
            .store
            .put_gateway(smpp_gateway())
            .await
            .unwrap();
        let (status, body) = bridge.readyz().await;
        assert_eq!(
            (status, &body["degraded"][0]["name"]),
            (200, &json!("smsc-main"))
        );
        let bound = GatewayStatus {
            bind: "bound_trx",
            since: Timestamp(0),
            bound: 1,
            wanted: 1,
            reason: None,
        };
        bridge.context.board.set(GatewayId(1), bound);
        assert_eq!(bridge.readyz().await.1["degraded"], json!([]));
    }

    #[tokio::test]
    async fn a_bridge_that_stops_or_cannot_write_is_not_ready_but_alive() {
        let bridge = bridge();
        bridge.admission.send_replace(false);
        assert_eq!(bridge.readyz().await.0, 503);
        assert!(
            bridge
                .get("/metrics")
                .await
                .1
                .contains("\nsmpp_bridge_ready 0\n")
        );
        bridge.admission.send_replace(true);
        assert!(
            bridge
                .get("/metrics")
                .await
                .1
                .contains("\nsmpp_bridge_ready 1\n")
        );
        let refuse = Some("no disk".to_owned());
        bridge.journal.set_faults(Faults {
            refuse,
            ..Faults::default()
        });
        bridge
            .context
            .store
            .put_gateway(smpp_gateway())
            .await
            .unwrap_err();
        let mut health = bridge.context.store.health();
        health.wait_for(|h| *h != Health::Open).await.unwrap();
        let (status, body) = bridge.readyz().await;
        assert_eq!((status, &body["degraded"][0]["part"]), (503, &json!("log")));
        assert!(!body.to_string().contains("no disk"));
        assert!(
            bridge
                .get("/metrics")
                .await
                .1
                .contains("\nsmpp_bridge_ready 0\n")
        );
        assert_eq!(bridge.get("/livez/").await.0, 200);
    }

    #[tokio::test]
    async fn on_a_listener_of_their_own_everything_is_answered_in_json() {
        let mut bridge = bridge();
        bridge.router = alone(bridge.router);
        let (status, body) = bridge.get("/nowhere").await;
        assert_eq!(
            (status, body.as_str()),
            (404, r#"{"message":"Not found."}"#)
        );
    }

    #[tokio::test]
    async fn metrics_are_rendered_as_prometheus_reads_them() {
        let bridge = bridge();
        bridge.context.metrics.http.auth_failures.inc();
        let (status, text) = bridge.get("/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains("# TYPE smpp_bridge_http_auth_failures_total counter"));
        assert!(text.contains("smpp_bridge_http_auth_failures_total 1"));
    }
}
