//! A bridge without upstreams, and a client for it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::super::{Context, router};
use crate::board::Board;
use crate::config::{ApiToken, Config, Scope, SecretHash};
use crate::inbound::Judge;
use crate::message::{Disposition, GatewayId, MessageId};
use crate::metrics::Metrics;
use crate::openapi::Operations;
use crate::store::journal::{Faults, MemoryJournal};
use crate::store::{LogStore, OpenOptions, Outcome, Policy, Response, Store};

pub(super) const ADMIN: &str = "adm-token";
pub(super) const SENDER: &str = "send-token";
pub(super) const READER: &str = "read-token";

pub(super) struct Bridge {
    pub(super) store: Arc<dyn Store>,
    pub(super) board: Board,
    pub(super) admission: watch::Sender<bool>,
    pub(super) router: Router,
    journal: MemoryJournal,
}

/// A client's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// A member, which has to be the same at top level and in `data`.
    pub(super) fn member(&self, name: &str) -> Value {
        let json = self.json();
        assert_eq!(json[name], json["data"][name], "{name}");
        json[name].clone()
    }

    pub(super) fn error_fields(&self) -> Vec<String> {
        let json = self.json();
        assert!(json["message"].is_string(), "{json}");
        let errors = json["errors"].as_object();
        errors
            .map(|e| e.keys().cloned().collect())
            .unwrap_or_default()
    }
}

pub(super) fn config() -> Config {
    let token = |name: &str, scope| ApiToken {
        name: name.into(),
        token: SecretHash::of(&format!("{name}-token")),
        scopes: vec![scope],
    };
    let mut config = Config::default();
    config.api.tokens = vec![
        token("adm", Scope::Admin),
        token("send", Scope::Send),
        token("read", Scope::Read),
    ];
    config.limits.send_wait = Duration::from_secs(5);
    config
}

impl Bridge {
    pub(super) fn new() -> Bridge {
        Bridge::with(config(), Policy::default())
    }

    pub(super) fn with(config: Config, policy: Policy) -> Bridge {
        let metrics = Metrics::new();
        let journal = MemoryJournal::new();
        let opened = journal.clone();
        let options = OpenOptions {
            policy,
            metrics: metrics.store.clone(),
        };
        let store = LogStore::open(move || Ok((opened.clone(), 0)), options).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let board = Board::default();
        let (admission, open) = watch::channel(true);
        let config = Arc::new(config);
        let context = Context {
            store: store.clone(),
            judge: Judge::new(config.clone(), metrics.gateway.clone()),
            config,
            metrics,
            board: board.clone(),
            admission: open,
            base_url: "http://bridge.test".into(),
        };
        let router = router(context, Operations::default());
        Bridge {
            store,
            board,
            admission,
            router,
            journal,
        }
    }

    /// From now on nothing can be written.
    pub(super) fn break_disk(&self) {
        let refuse = Some("no disk".to_owned());
        self.journal.set_faults(Faults {
            refuse,
            ..Faults::default()
        });
    }

    pub(super) async fn raw(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let octets = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(octets.to_vec()).unwrap(),
        }
    }

    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        self.raw(request).await
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.call("GET", path, &[("authorization", &bearer)], "")
            .await
    }

    pub(super) async fn json(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.call(method, path, &headers, body.to_string()).await
    }

    /// Creates a gateway; `change` over four members that make an HTTP one.
    pub(super) async fn gateway(&self, change: Value) -> u64 {
        let mut body = json!({
            "name": "prov", "provider_type": "http", "server_host": "127.0.0.1",
            "server_port": 18090,
        });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.json("POST", "/api/sms-gateways", ADMIN, body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.member("id").as_u64().unwrap()
    }

    pub(super) async fn smpp_gateway(&self) -> u64 {
        let smpp = json!({"name": "smsc-main", "provider_type": "smpp", "username": "bridge"});
        self.gateway(smpp).await
    }

    pub(super) async fn send(&self, gateway: u64, body: Value) -> Answer {
        let path = format!("/api/sms-gateways/{gateway}/send");
        self.json("POST", &path, SENDER, body).await
    }

    /// Sends without waiting; the message's id.
    pub(super) async fn queued(&self, gateway: u64, body: Value) -> u64 {
        let path = format!("/api/sms-gateways/{gateway}/send");
        let headers = [
            ("authorization", "Bearer send-token"),
            ("prefer", "respond-async"),
            ("content-type", "application/json"),
        ];
        let answer = self.call("POST", &path, &headers, body.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.member("id").as_u64().unwrap()
    }

    pub(super) async fn message(&self, id: u64) -> Value {
        let answer = self.get(&format!("/api/sms-messages/{id}"), READER).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"].clone()
    }

    pub(super) async fn events(&self, id: u64) -> Vec<Value> {
        let answer = self
            .get(&format!("/api/sms-messages/{id}/events"), READER)
            .await;
        answer.json()["data"].as_array().unwrap().clone()
    }

    /// Plays the upstream for one message of the gateway.
    pub(super) async fn upstream(&self, gateway: u64, outcome: impl Fn(u8) -> Outcome) -> u64 {
        let gateway = GatewayId(u32::try_from(gateway).unwrap());
        let lease = self.store.lease(gateway, 1).await.unwrap().remove(0);
        let responses = lease.segments.iter().map(|segment| Response {
            message: lease.message,
            segment: *segment,
            outcome: outcome(*segment),
        });
        self.store.responded(responses.collect());
        let MessageId(id) = lease.message;
        id
    }
}

pub(super) fn taken(upstream_id: &str) -> Outcome {
    Outcome::Submitted {
        upstream_id: Some(upstream_id.into()),
        answer: None,
    }
}

/// As an HTTP provider takes it.
pub(super) fn dispatched(upstream_id: &str, body: Value) -> Outcome {
    let answer = json!({ "http_status": 200, "body": body });
    Outcome::Submitted {
        upstream_id: Some(upstream_id.into()),
        answer: Some(answer.to_string()),
    }
}

pub(super) fn refused(status: u32, reason: &str) -> Outcome {
    Outcome::Refused {
        disposition: Disposition::Refused,
        class: None,
        status: Some(status),
        reason: reason.into(),
        answer: None,
    }
}

pub(super) fn text(message: &str) -> Value {
    json!({ "to_number": "+4915112345678", "from_sender": "LaraTest", "message": message })
}
