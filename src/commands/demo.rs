//! `smpp-bridge demo`: the life of one message each way, shown as it happens.

use crate::daemon::Daemon;
use crate::simulator::{self, AutoReceipts, Options, Simulator};
use crate::{config, logging};
use axum::extract::State;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Everything the demo does is asked for with this token.
const TOKEN: &str = "demo-token";
/// A step that takes longer has failed.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
/// Callbacks shown late, at most.
const CALLBACKS_MAX: usize = 100;

/// Runs the tour, then serves until Ctrl-C unless `once`.
pub fn demo(port: u16, data: Option<PathBuf>, once: bool) -> ExitCode {
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(tour(port, data, once)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("smpp-bridge demo: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn tour(port: u16, data: Option<PathBuf>, once: bool) -> Result<(), String> {
    let begun = Instant::now();
    let step = |text: &str| say!("{:>7.3} s  {text}", begun.elapsed().as_secs_f64());
    let (data, temporary) = data_directory(data)?;
    let smsc = Simulator::start(Options {
        account: Some(("demo".to_owned(), "demo".to_owned())),
        receipts: Some(AutoReceipts {
            delay: Duration::from_millis(300),
            stat: "DELIVRD",
        }),
        ..Options::default()
    })
    .await
    .map_err(|e| format!("the simulator cannot listen: {e}"))?;
    step(&format!(
        "message centre simulator listens on {}",
        smsc.address()
    ));
    let (receiver, mut callbacks) = receive_callbacks().await?;
    step(&format!("callback receiver listens on http://{receiver}"));

    let api = free_address(port).await?;
    let text = configuration(api, &data, receiver);
    let config = config::parse("demo", &text, &|_| None).map_err(|p| p.to_string())?;
    // A second daemon in this process would have set it already.
    let _ = logging::init(&config.log);
    let daemon = Daemon::start(config).await.map_err(|e| e.to_string())?;
    let http = Http::new(daemon.api_address);
    step(&format!(
        "smpp-bridge serves on http://{}, log in {}",
        daemon.api_address,
        data.display()
    ));

    let gateway = http
        .call(Method::POST, "/api/sms-gateways", Some(&json!({
            "name": "demo", "provider_type": "smpp",
            "server_host": smsc.address().ip().to_string(), "server_port": smsc.address().port(),
            "username": "demo", "password": "demo", "meta": {"service_profile": 1},
        })))
        .await?;
    let gateway_id = gateway["id"]
        .as_u64()
        .ok_or("the gateway was not created")?;
    step(&format!("gateway {gateway_id} created"));
    until(|| async { smsc.bound() > 0 }, "the bind").await?;
    step("bound to the message centre as a transceiver");

    say!("\n-- out: one message to a handset");
    let sent = http
        .call(Method::POST, &format!("/api/sms-gateways/{gateway_id}/send"), Some(&json!({
            "to_number": "+4915112345678", "from_sender": "Demo", "message": "Hello from smpp-bridge",
            "callback_url": format!("http://{receiver}/verdict"),
        })))
        .await?;
    let id = sent["id"]
        .as_u64()
        .ok_or_else(|| format!("the message was not accepted: {sent}"))?;
    let mut shown = 0;
    let waited = Instant::now();
    loop {
        let events = http
            .call(Method::GET, &format!("/api/sms-messages/{id}/events"), None)
            .await?;
        let all = events["data"].as_array().cloned().unwrap_or_default();
        for event in all.iter().skip(shown) {
            step(&format!(
                "message {id}: {} ({})",
                event["type"].as_str().unwrap_or("?"),
                event["to_state"].as_str().unwrap_or("same state")
            ));
        }
        shown = all.len();
        if all.iter().any(|e| e["type"] == "callback_delivered") {
            break;
        }
        if waited.elapsed() > STEP_TIMEOUT {
            return Err(format!("the message did not come to its end: {events}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    show_callback(&mut callbacks, &step).await?;

    say!("\n-- in: one message from a handset");
    let answer = smsc
        .deliver(simulator::mo("4915112345678", "12345", "Hello, bridge!"))
        .await;
    let answer = answer.map_or_else(|| "nothing".to_owned(), |s| s.to_string());
    step(&format!(
        "the message centre sent deliver_sm; the bridge answered {answer}"
    ));
    show_callback(&mut callbacks, &step).await?;

    print_next_steps(&http, gateway_id, id);
    if !once {
        say!("\nServing until Ctrl-C.");
        let show = async {
            while let Some(callback) = callbacks.recv().await {
                step(&callback);
            }
        };
        tokio::select! {
            () = super::run::wait_for_signal() => {}
            () = show => {}
        }
    }
    daemon.stop().await;
    drop(temporary);
    Ok(())
}

fn print_next_steps(http: &Http, gateway: u64, message: u64) {
    let base = format!("http://{}", http.address);
    say!(
        "\nTry next:\n\
         \n  curl -s {base}/api/sms-gateways/{gateway}/send -H 'Authorization: Bearer {TOKEN}' \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"to_number\":\"+4915100000001\",\"from_sender\":\"Me\",\"message\":\"Hi\"}}'\n\
         \n  curl -s {base}/api/sms-messages/{message} -H 'Authorization: Bearer {TOKEN}'\n\
         \n  curl -s {base}/api/sms-messages/{message}/events -H 'Authorization: Bearer {TOKEN}'\n\
         \n  curl -s {base}/api/mo-messages -H 'Authorization: Bearer {TOKEN}'\n\
         \n  curl -s {base}/metrics"
    );
}

/// The port asked for, or, saying so, a free one.
async fn free_address(port: u16) -> Result<SocketAddr, String> {
    let wanted = SocketAddr::from(([127, 0, 0, 1], port));
    match TcpListener::bind(wanted).await {
        Ok(_) => Ok(wanted),
        Err(e) => {
            say!("          port {port} is not free ({e}); taking another one");
            let any = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
            any.and_then(|l| l.local_addr())
                .map_err(|e| format!("no free port: {e}"))
        }
    }
}

/// Removed again at the end, where it is ours.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Left-overs of a demo do no harm.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn data_directory(given: Option<PathBuf>) -> Result<(PathBuf, Temporary), String> {
    if let Some(path) = given {
        return Ok((path, Temporary(None)));
    }
    let path = std::env::temp_dir().join(format!("smpp-bridge-demo-{}", std::process::id()));
    std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok((path.clone(), Temporary(Some(path))))
}

fn configuration(api: SocketAddr, data: &std::path::Path, receiver: SocketAddr) -> String {
    format!(
        r#"[http]
listen = "{api}"
[storage]
path = {data}
[log]
level = "warn"
[[api.tokens]]
name = "demo"
token = "{TOKEN}"
scopes = ["admin"]
[callbacks]
allow_private_networks = true
[[service_profiles]]
id = 1
name = "demo"
organisation = {{ id = 1, name = "Demo" }}
callback_url = "http://{receiver}/mo"
receipts = "none"
"#,
        data = json!(data.display().to_string()),
    )
}

/// A receiver that takes every callback and tells of it.
async fn receive_callbacks() -> Result<(SocketAddr, mpsc::Receiver<String>), String> {
    let failed = |e: std::io::Error| format!("the callback receiver cannot listen: {e}");
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (to, callbacks) = mpsc::channel(CALLBACKS_MAX);
    let take = |State(to): State<mpsc::Sender<String>>,
                method: Method,
                uri: http::Uri,
                _: HeaderMap,
                body: String| async move {
        // More than fit are not shown, but taken all the same.
        let _ = to.try_send(format!("callback {method} {uri}: {body}"));
        "ok"
    };
    let router = axum::Router::new().fallback(take).with_state(to);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, callbacks))
}

async fn show_callback(
    callbacks: &mut mpsc::Receiver<String>,
    step: &impl Fn(&str),
) -> Result<(), String> {
    match tokio::time::timeout(STEP_TIMEOUT, callbacks.recv()).await {
        Ok(Some(callback)) => {
            step(&callback);
            Ok(())
        }
        _ => Err("the callback did not come".to_owned()),
    }
}

async fn until<F: Future<Output = bool>>(
    condition: impl Fn() -> F,
    what: &str,
) -> Result<(), String> {
    let begun = Instant::now();
    while !condition().await {
        if begun.elapsed() > STEP_TIMEOUT {
            return Err(format!("{what} did not happen"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The demo as a client of the API.
struct Http {
    address: SocketAddr,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
}

impl Http {
    fn new(address: SocketAddr) -> Http {
        Http {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .map_err(|e| e.to_string())?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|e| format!("{path}: {e}"))?;
        let octets = response
            .into_body()
            .collect()
            .await
            .map_err(|e| format!("{path}: {e}"))?
            .to_bytes();
        serde_json::from_slice(&octets).map_err(|e| format!("{path}: {e}"))
    }
}
