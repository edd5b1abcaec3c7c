//! The callback engine over real sockets: a store in memory, and an application that answers as a
//! test says. Every test waits for what it wants to see, never for time to pass.

mod common;

use std::{
    collections::HashSet,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use common::sample::{self, mo};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::hmac;
use serde_json::{Value, json};
use smpp_bridge::{
    callback::{self, Engine},
    config::{self, Config, TlsConfig},
    message::{
        CallbackState, Event, Gateway, GatewayId, Head, MessageId, MoRecord, Receipts, Report,
        SmppReport, State, Story,
    },
    metrics::Metrics,
    store::{
        Acceptance, Evidence, Finding, Inbound, LogStore, OpenOptions, Outcome, Policy,
        Response as SubmitResponse, Store, journal::MemoryJournal,
    },
    tls::Trust,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

async fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One request, as the application got it.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Debug)]
enum Reply {
    Status(u16),
    With(u16, &'static str, String),
    /// Nothing, for ever.
    Hang,
}

/// The application: what it says depends on the path, and on how often it was asked there.
struct App {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

type Script = Arc<dyn Fn(&str, usize) -> Reply + Send + Sync>;

impl App {
    async fn start(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> App {
        App::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    async fn start_at(
        address: SocketAddr,
        script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> App {
        let until = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(e) => assert!(Instant::now() < until, "{e}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let address = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::default(), Arc::default());
        let serving = tokio::spawn(serve(
            listener,
            Arc::new(script),
            Arc::clone(&seen),
            Arc::clone(&connections),
        ));
        App {
            address,
            seen,
            connections,
            serving,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|s| s.path == path).collect()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
) {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::Relaxed);
        let (script, seen) = (script.clone(), seen.clone());
        tasks.spawn(async move {
            let service = service_fn(move |r| answer(r, script.clone(), seen.clone()));
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(tcp), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let record = Seen {
        method: head.method.to_string(),
        path: path.clone(),
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    };
    let nth = {
        let mut seen = seen.lock().unwrap();
        seen.push(record);
        seen.iter().filter(|s| s.path == path).count()
    };
    let mut response = Response::new(Full::new(Bytes::from_static(b"thank you")));
    match script(&path, nth) {
        Reply::Status(status) => *response.status_mut() = status.try_into().unwrap(),
        Reply::With(status, name, value) => {
            *response.status_mut() = status.try_into().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Reply::Hang => std::future::pending().await,
    }
    Ok(response)
}

/// The bridge, as far as callbacks need it.
struct Bridge {
    journal: MemoryJournal,
    store: LogStore,
    metrics: Metrics,
    shutdown: CancellationToken,
    engine: JoinHandle<()>,
}

impl Bridge {
    async fn start(config: &str) -> Bridge {
        Bridge::start_on(MemoryJournal::new(), config).await
    }

    async fn start_on(journal: MemoryJournal, config: &str) -> Bridge {
        let config = config::parse("test.toml", config, &|_| None).unwrap();
        let trust = Trust::load(&config.tls).unwrap();
        Bridge::start_with(journal, config, trust).await
    }

    async fn start_with(journal: MemoryJournal, config: Config, trust: Trust) -> Bridge {
        let metrics = Metrics::new();
        let (opened, options) = (
            journal.clone(),
            OpenOptions {
                policy: Policy::default(),
                metrics: metrics.store.clone(),
            },
        );
        let store = LogStore::open(move || Ok((opened.clone(), 1)), options).unwrap();
        let shutdown = CancellationToken::new();
        let engine = Engine {
            store: Arc::new(store.clone()),
            config: Arc::new(config),
            tls: trust.https().unwrap(),
            metrics: metrics.callback.clone(),
            grace: Duration::from_secs(5),
        };
        let engine = tokio::spawn(callback::run(engine, shutdown.clone()));
        Bridge {
            journal,
            store,
            metrics,
            shutdown,
            engine,
        }
    }

    /// Gives back the log.
    async fn stop(self) -> MemoryJournal {
        self.shutdown.cancel();
        self.engine.await.unwrap();
        self.store.close().await.unwrap();
        self.journal
    }

    async fn receive(&self, record: MoRecord) -> MessageId {
        let inbound = vec![Inbound::Mo(Box::new(record))];
        match self.store.inbound(inbound).await.unwrap()[..] {
            [Finding::Mo { id }] => id,
            ref other => panic!("{other:?}"),
        }
    }

    async fn story(&self, id: MessageId) -> Story {
        Story::of(&self.store.entries(id).await.unwrap()).unwrap()
    }

    async fn callback(&self, id: MessageId) -> CallbackState {
        match self.story(id).await {
            Story::Mo(mo) => mo.callback.unwrap(),
            Story::Mt(mt) => mt.callbacks[0].clone(),
        }
    }

    async fn wait_until<F: Fn(&CallbackState) -> bool>(&self, id: MessageId, holds: F) {
        let until = Instant::now() + PATIENCE;
        loop {
            let callback = self.callback(id).await;
            if holds(&callback) {
                return;
            }
            assert!(Instant::now() < until, "it stayed {callback:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn attempts(&self, outcome: &str) -> u64 {
        let attempts = &self.metrics.callback.attempts;
        attempts.with_label_values(&[outcome]).get()
    }

    /// A gateway, and a message that its upstream has taken as `m-1`.
    async fn submitted(&self, head: impl FnOnce(&mut Head)) -> MessageId {
        let gateway = self.store.put_gateway(gateway()).await.unwrap();
        let mut new = Head {
            gateway: gateway.id,
            ..sample::head()
        };
        head(&mut new);
        let new = sample::new_message(new, "hello");
        let Acceptance::Accepted { id, .. } = self.store.accept(new).await.unwrap() else {
            panic!("not accepted");
        };
        let leases = self.store.lease(gateway.id, 1).await.unwrap();
        assert_eq!(leases[0].message, id);
        self.store.responded(vec![SubmitResponse {
            message: id,
            segment: 1,
            outcome: Outcome::Submitted {
                upstream_id: Some("m-1".into()),
                answer: None,
            },
        }]);
        id
    }

    async fn delivered(&self, gateway: GatewayId) {
        let report = SmppReport {
            id: "m-1".into(),
            stat: "DELIVRD".into(),
            err: Some("000".into()),
            sub: Some(1),
            dlvrd: Some(1),
            submit_date: Some("2510160712".into()),
            done_date: Some("2510160713".into()),
            text: Some("hello".into()),
            message_state: Some(2),
            source_addr: "4915112345678".into(),
        };
        let evidence = Evidence {
            gateway,
            report: Report::Smpp(report).into(),
            ..sample::receipt("m-1", "DELIVRD", Some(State::Delivered))
        };
        let found = self
            .store
            .inbound(vec![Inbound::Receipt(Box::new(evidence))])
            .await;
        assert!(matches!(found.unwrap()[..], [Finding::Applied { .. }]));
    }
}

fn gateway() -> Gateway {
    Gateway {
        callback_token: Some("tok-6".into()),
        ..sample::gateway()
    }
}

/// Quick repeats, private addresses allowed, and a profile for each URL, from 12.
fn config(give_up_after_s: u32, urls: &[String]) -> String {
    let mut text = format!(
        "[callbacks]\ntimeout_ms = 2000\nbackoff_initial_ms = 20\nbackoff_max_ms = 100\n\
         give_up_after_s = {give_up_after_s}\nallow_private_networks = true\n"
    );
    for (id, url) in (12..).zip(urls) {
        text += &format!(
            "[[service_profiles]]\nid = {id}\nname = \"p{id}\"\n\
             organisation = {{ id = 4, name = \"Example Org\" }}\ncallback_url = \"{url}\"\n"
        );
    }
    text
}

fn accept(_: &str, _: usize) -> Reply {
    Reply::Status(204)
}

#[tokio::test]
async fn an_mo_is_posted_as_promised_and_shown_delivered() {
    let app = App::start(accept).await;
    let bridge = Bridge::start(&config(20, &[app.url("/mo?a=b")])).await;
    let id = bridge.receive(mo(12)).await;
    wait_for("the POST", || app.seen().len() == 1).await;
    let seen = app.seen().remove(0);
    assert_eq!((&*seen.method, &*seen.path), ("POST", "/mo"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("x-traffic-class"), Some("A2P"));
    assert!(
        seen.header("user-agent")
            .unwrap()
            .starts_with("smpp-bridge/")
    );
    assert_eq!(seen.header("host"), Some(&*app.address.to_string()));
    assert_eq!(seen.header("authorization"), None);
    let body = seen.json();
    assert_eq!(body["id"], json!(id.0));
    assert_eq!(body["source_address"], json!(4_915_112_345_678_u64));
    assert_eq!(
        body["organisation"],
        json!({"id": 4, "name": "Example Org"})
    );
    bridge.wait_until(id, |c| c.delivered).await;
    assert_eq!(bridge.callback(id).await.status, Some(204));
    assert_eq!(bridge.callback(id).await.attempts, 1);
}

#[tokio::test]
async fn every_attempt_has_a_new_token_that_the_secret_verifies() {
    let app = App::start(|_, nth| Reply::Status(if nth < 3 { 500 } else { 200 })).await;
    let mut text = config(20, &[app.url("/mo")]);
    text += "api_secret = \"s3cr3t-signing-key\"\n";
    let bridge = Bridge::start(&text).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.delivered).await;
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cr3t-signing-key");
    let mut ids = HashSet::new();
    for seen in app.seen() {
        let token = seen.header("authorization").unwrap();
        let token = token.strip_prefix("Bearer ").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let header = URL_SAFE_NO_PAD.decode(header).unwrap();
        assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iss"], "smpp-bridge");
        assert_eq!(claims["sub"], id.to_string());
        ids.insert(claims["jti"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_refused_callback_is_repeated_octet_for_octet_until_it_is_accepted() {
    let app = App::start(|_, nth| Reply::Status([500, 404, 299][nth - 1])).await;
    let bridge = Bridge::start(&config(20, &[app.url("/mo")])).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.delivered).await;
    let seen = app.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|s| s.body == seen[0].body));
    assert_eq!(bridge.callback(id).await.attempts, 3);
    assert_eq!(bridge.attempts("refused"), 2);
    assert_eq!(bridge.attempts("delivered"), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_but_repeated() {
    let app = App::start(|path, nth| match (path, nth) {
        ("/mo", 1) => Reply::With(302, "location", "/elsewhere".into()),
        _ => Reply::Status(200),
    })
    .await;
    let bridge = Bridge::start(&config(20, &[app.url("/mo")])).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.delivered).await;
    assert_eq!(app.seen_at("/mo").len(), 2);
    assert_eq!(app.seen_at("/elsewhere").len(), 0);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let app = App::start(|_, nth| match nth {
        1 => Reply::With(429, "retry-after", "1".into()),
        _ => Reply::Status(200),
    })
    .await;
    let bridge = Bridge::start(&config(20, &[app.url("/mo")])).await;
    let began = Instant::now();
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.delivered).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(app.seen().len(), 2);
}

#[tokio::test]
async fn a_callback_is_given_up_and_an_operator_can_redeliver_it() {
    let accepts = Arc::new(AtomicUsize::new(500));
    let status = accepts.clone();
    let app =
        App::start(move |_, _| Reply::Status(status.load(Ordering::Relaxed).try_into().unwrap()))
            .await;
    let bridge = Bridge::start(&config(1, &[app.url("/mo")])).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.dead).await;
    let (tried, callback) = (app.seen().len(), bridge.callback(id).await);
    assert!(tried > 3);
    assert_eq!(usize::try_from(callback.attempts).unwrap(), tried);
    assert_eq!(callback.status, Some(500));
    assert_eq!(bridge.metrics.callback.dead.get(), 1);
    accepts.store(200, Ordering::Relaxed);
    assert!(bridge.store.redeliver(id).await.unwrap());
    bridge.wait_until(id, |c| c.delivered).await;
    let seen = app.seen();
    assert_eq!(seen.len(), tried + 1);
    assert!(seen.iter().all(|s| s.body == seen[0].body));
}

#[tokio::test]
async fn a_hanging_url_delays_no_other_of_the_same_server() {
    let app = App::start(|path, _| match path {
        "/hang" => Reply::Hang,
        _ => Reply::Status(200),
    })
    .await;
    let bridge = Bridge::start(&config(20, &[app.url("/hang"), app.url("/well")])).await;
    for _ in 0..500 {
        bridge.receive(mo(12)).await;
    }
    wait_for("the hanging requests", || !app.seen_at("/hang").is_empty()).await;
    for n in 1..=20 {
        let began = Instant::now();
        let id = bridge.receive(mo(13)).await;
        bridge.wait_until(id, |c| c.delivered).await;
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(app.seen_at("/well").len(), n);
    }
    let hanging = app.seen_at("/hang").len();
    assert!(
        hanging <= 200,
        "{hanging} of 500 were sent to a URL that hangs"
    );
}

#[tokio::test]
async fn a_dead_server_is_tried_rarely_and_delays_nobody() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}/", gone.local_addr().unwrap());
    drop(gone);
    let app = App::start(accept).await;
    let bridge = Bridge::start(&config(60, &[dead, app.url("/mo")])).await;
    let records = |profile, n| {
        (0..n)
            .map(|_| Inbound::Mo(Box::new(mo(profile))))
            .collect::<Vec<_>>()
    };
    bridge.store.inbound(records(12, 5000)).await.unwrap();
    wait_for("an attempt", || bridge.attempts("unreachable") > 0).await;
    bridge.store.inbound(records(13, 500)).await.unwrap();
    wait_for("the others", || app.seen().len() == 500).await;
    let tried = bridge.attempts("unreachable");
    assert!(tried < 500, "{tried} attempts to reach a dead server");
    bridge.stop().await;
}

#[tokio::test]
async fn callbacks_survive_a_restart_with_their_octets() {
    // An address of its own: while nobody listens, the port must not go to another test.
    let own = "127.0.0.7:0".parse().unwrap();
    let app = App::start_at(own, |_, _| Reply::Status(500)).await;
    let (address, url) = (app.address, app.url("/mo"));
    let bridge = Bridge::start(&config(60, std::slice::from_ref(&url))).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.attempts > 0).await;
    let first = app.seen().remove(0).body;
    let journal = bridge.stop().await;
    drop(app);
    // A new name would show in a body that is made anew.
    let changed = config(60, &[url]).replace("Example Org", "Other Org");
    let bridge = Bridge::start_on(journal, &changed).await;
    let app = App::start_at(address, accept).await;
    bridge.wait_until(id, |c| c.delivered).await;
    assert_eq!(app.seen().len(), 1);
    assert_eq!(app.seen()[0].body, first);
}

#[tokio::test]
async fn a_final_receipt_is_patched_and_the_verdict_posted() {
    let app = App::start(accept).await;
    let mut text = config(20, &[app.url("/mo")]);
    text += "[[endpoints]]\nid = 1\nname = \"Meter 17\"\nmsisdn = \"4915112345678\"\n\
             service_profile = 12\n";
    let bridge = Bridge::start(&text).await;
    let url = app.url("/dlr");
    let id = bridge
        .submitted(|head| {
            head.callback_url = Some(url);
            head.forwards = true;
            head.receipts = Some(Receipts {
                service_profile: 12,
                endpoint: Some(1),
                all: false,
            });
        })
        .await;
    bridge.delivered(GatewayId(1)).await;
    wait_for("both callbacks", || app.seen().len() == 2).await;
    let patch = app.seen_at("/mo").remove(0);
    assert_eq!(patch.method, "PATCH");
    let body = patch.json();
    assert_eq!(body["id"], json!(id.0));
    assert_eq!(body["endpoint"], json!({"id": 1, "name": "Meter 17"}));
    assert_eq!(body["status"], json!({"id": 4, "status": "DELIVERED"}));
    let verdict = app.seen_at("/dlr").remove(0);
    assert_eq!(verdict.method, "POST");
    assert_eq!(verdict.header("x-callback-token"), Some("tok-6"));
    let body = verdict.json();
    assert_eq!(body["message_id"], "m-1");
    assert_eq!(body["status"], "DELIVRD");
    assert_eq!(body["sub"], "001");
    assert_eq!(body["connector"], "1");
    wait_for_all_done(&bridge, id).await;
}

async fn wait_for_all_done(bridge: &Bridge, id: MessageId) {
    let until = Instant::now() + PATIENCE;
    loop {
        let entries = bridge.store.entries(id).await.unwrap();
        let done =
            |e: &&smpp_bridge::message::Entry| matches!(e.event, Event::CallbackDelivered { .. });
        if entries.iter().filter(done).count() == 2 {
            return;
        }
        assert!(Instant::now() < until, "{entries:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_url_of_a_request_must_not_lead_inside_but_one_of_the_configuration_may() {
    let app = App::start(accept).await;
    let text = config(20, &[app.url("/mo")]).replace("networks = true", "networks = false");
    let bridge = Bridge::start(&text).await;
    let url = format!("http://localhost:{}/dlr", app.address.port());
    let id = bridge
        .submitted(|head| {
            head.callback_url = Some(url);
            head.forwards = true;
        })
        .await;
    bridge.delivered(GatewayId(1)).await;
    bridge.wait_until(id, |c| c.attempts >= 2).await;
    let reason = bridge.callback(id).await.reason.unwrap();
    assert!(reason.contains("internal address"), "{reason}");
    let trusted = bridge.receive(mo(12)).await;
    bridge.wait_until(trusted, |c| c.delivered).await;
    assert_eq!(app.seen_at("/dlr").len(), 0);
}

#[tokio::test]
async fn a_missing_profile_is_a_reason_and_ends_when_it_is_back() {
    let app = App::start(accept).await;
    let bridge = Bridge::start(&config(60, &[])).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.attempts >= 2).await;
    let reason = bridge.callback(id).await.reason.unwrap();
    assert!(reason.contains("service profile 12"), "{reason}");
    let journal = bridge.stop().await;
    let bridge = Bridge::start_on(journal, &config(60, &[app.url("/mo")])).await;
    bridge.wait_until(id, |c| c.delivered).await;
}

#[tokio::test]
async fn many_callbacks_go_once_each_over_few_connections() {
    let app = App::start(accept).await;
    let bridge = Bridge::start(&config(60, &[app.url("/mo")])).await;
    let records = (0..5000).map(|_| Inbound::Mo(Box::new(mo(12)))).collect();
    let found = bridge.store.inbound(records).await.unwrap();
    wait_for("all", || bridge.attempts("delivered") == 5000).await;
    let ids: HashSet<u64> = app
        .seen()
        .iter()
        .map(|s| s.json()["id"].as_u64().unwrap())
        .collect();
    assert_eq!((ids.len(), app.seen().len()), (5000, 5000));
    assert!(app.connections.load(Ordering::Relaxed) <= 64);
    for finding in found.iter().step_by(500) {
        let Finding::Mo { id } = finding else {
            panic!("{finding:?}")
        };
        bridge.wait_until(*id, |c| c.delivered).await;
    }
}

#[tokio::test]
async fn a_server_that_drops_idle_connections_costs_no_attempt() {
    // Each connection serves one request, says nothing of that, and is closed.
    let app = App::start(accept).await;
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mo", front.local_addr().unwrap());
    let behind = app.address;
    tokio::spawn(async move {
        loop {
            let (mut near, _) = front.accept().await.unwrap();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut far = tokio::net::TcpStream::connect(behind).await.unwrap();
                let mut octets = [0; 4096];
                let n = near.read(&mut octets).await.unwrap_or(0);
                far.write_all(&octets[..n]).await.unwrap();
                let n = far.read(&mut octets).await.unwrap_or(0);
                let _ = near.write_all(&octets[..n]).await;
            });
        }
    });
    let bridge = Bridge::start(&config(60, &[url])).await;
    let records = (0..200).map(|_| Inbound::Mo(Box::new(mo(12)))).collect();
    bridge.store.inbound(records).await.unwrap();
    wait_for("all", || bridge.attempts("delivered") == 200).await;
    assert_eq!(bridge.attempts("unanswered"), 0);
    assert_eq!(bridge.attempts("unreachable"), 0);
}

#[tokio::test]
async fn tls_receivers_are_verified() {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der());
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![signed.cert.der().clone()], key.unwrap())
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let record = seen.clone();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, record) = (acceptor.clone(), record.clone());
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else {
                    return;
                };
                let script: Script = Arc::new(accept);
                let service = service_fn(move |r| answer(r, script.clone(), record.clone()));
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
            });
        }
    });
    let text = config(60, &[format!("https://localhost:{port}/mo")]);
    let bridge = Bridge::start(&text).await;
    let id = bridge.receive(mo(12)).await;
    bridge.wait_until(id, |c| c.attempts > 0).await;
    let reason = bridge.callback(id).await.reason.unwrap();
    assert!(reason.starts_with("TLS: "), "{reason}");
    assert_eq!(seen.lock().unwrap().len(), 0);
    let journal = bridge.stop().await;
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, signed.cert.pem()).unwrap();
    let trust = Trust::load(&TlsConfig {
        ca_file: Some(ca_file),
    });
    let config = config::parse("test.toml", &text, &|_| None).unwrap();
    let bridge = Bridge::start_with(journal, config, trust.unwrap()).await;
    bridge.wait_until(id, |c| c.delivered).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_in_flight_at_shutdown_ends_and_is_recorded() {
    let release = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = release.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mo", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let app: JoinHandle<()> = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let service = service_fn(move |_: Request<Incoming>| {
            count.fetch_add(1, Ordering::Relaxed);
            held(gate.clone())
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tcp), service)
            .await;
    });
    let bridge = Bridge::start(&config(60, std::slice::from_ref(&url))).await;
    let id = bridge.receive(mo(12)).await;
    wait_for("the POST", || asked.load(Ordering::Relaxed) == 1).await;
    bridge.shutdown.cancel();
    release.add_permits(1);
    let journal = bridge.stop().await;
    app.abort();
    let bridge = Bridge::start_on(journal, &config(60, &[url])).await;
    assert!(bridge.callback(id).await.delivered);
}

async fn held(gate: Arc<tokio::sync::Semaphore>) -> Result<Response<Full<Bytes>>, Infallible> {
    gate.acquire().await.unwrap().forget();
    Ok(Response::new(Full::default()))
}
