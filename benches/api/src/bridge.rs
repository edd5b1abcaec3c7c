//! The daemon's own router and server, over a store that forgets.

use crate::case::{CALLBACK_TOKEN, USE_CASE, account};
use crate::forgetful::Forgetful;
use axum::Router;
use smpp_bridge::api::{self, Context};
use smpp_bridge::board::Board;
use smpp_bridge::config::{self, Config};
use smpp_bridge::inbound::Judge;
use smpp_bridge::message::{Gateway, GatewayId, Timestamp};
use smpp_bridge::metrics::Metrics;
use smpp_bridge::openapi::Operations;
use smpp_bridge::store::journal::MemoryJournal;
use smpp_bridge::store::{LogStore, OpenOptions, Policy, Store};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The bridge's routes; whoever drops the sender stops it from taking messages.
pub async fn router() -> (Router, watch::Sender<bool>) {
    let config = Arc::new(config());
    let metrics = Metrics::new();
    let journal = MemoryJournal::new();
    let options = OpenOptions {
        policy: Policy::default(),
        metrics: metrics.store.clone(),
    };
    let log = LogStore::open(move || Ok((journal.clone(), 0)), options).expect("a log");
    for gateway in gateways() {
        log.put_gateway(gateway).await.expect("a gateway");
    }
    for use_case in &config.use_cases {
        log.put_use_case(use_case.clone())
            .await
            .expect("a use case");
    }
    let store = Forgetful::new(log, GatewayId(1)).await;
    let (admission, admitted) = watch::channel(true);
    let context = Context {
        store: Arc::new(store),
        judge: Judge::new(config.clone(), metrics.gateway.clone()),
        metrics,
        board: Board::default(),
        admission: admitted,
        base_url: crate::case::BASE_URL.into(),
        config,
    };
    (api::router(context, Operations::default()), admission)
}

/// As the daemon serves.
pub async fn serve(listener: TcpListener, router: Router) {
    let timeout = Config::default().limits.header_timeout;
    api::serve(listener, router, timeout, CancellationToken::new()).await;
}

fn config() -> Config {
    let password = config::SlowHash::of(account::PASSWORD.as_bytes()).expect("random numbers");
    let text = format!(
        r#"
[[api.tokens]]
name = "admin"
token = "adm-token"
scopes = ["admin"]
[[api.tokens]]
name = "sender"
token = "{token}"
scopes = ["send"]
[[service_profiles]]
id = 12
name = "mo-default"
organisation = {{ id = 4, name = "Example Org" }}
callback_url = "https://app.example.com/mo"
api_secret = "s3cr3t-signing-key-of-32-octets!"
receipts = "final"
[[endpoints]]
id = 1
name = "Short code"
msisdn = "12345"
service_profile = 12
[[universal.accounts]]
name = "keyed"
api_key = "{key}"
gateway = "smsc-main"
callback_url = "https://app.example.com/universal"
price_per_part = 0.035
rate_per_s = 1000000
[[universal.accounts]]
name = "named"
username = "{user}"
password_hash = "{password}"
gateway = "smsc-main"
callback_url = "https://app.example.com/universal"
price_per_part = 0.035
rate_per_s = 1000000
[[use_cases]]
id = "{USE_CASE}"
name = "reminders"
gateway = "smsc-main"
status = "active"
senders = ["+14155550001", "+12125550002", "12345"]
campaign = {{ id = "C1", status = "verified" }}
allowed_regions = ["US", "DE"]
sticky_sender = true
"#,
        token = crate::case::TOKEN,
        key = account::KEY,
        user = account::USER,
    );
    let parsed = config::parse("bench.toml", &text, &|_| None);
    parsed.unwrap_or_else(|problems| panic!("{problems}"))
}

/// An SMPP one, a Jasmin and a Twilio-compatible one, numbered from 1.
fn gateways() -> [Gateway; 3] {
    let gateway = |name: &str, kind: &str| Gateway {
        id: GatewayId(0),
        name: name.into(),
        provider_type: kind.into(),
        server_host: "smsc.example.com".into(),
        server_port: 2775,
        api_path: "send".into(),
        username: Some("bridge".into()),
        password: Some("secret".into()),
        default_sender_id: None,
        callback_token: Some(CALLBACK_TOKEN.into()),
        use_ssl: false,
        is_active: true,
        notes: None,
        meta: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        deleted: false,
    };
    let twilio = Gateway {
        username: Some(crate::case::twilio::ACCOUNT.into()),
        password: Some(crate::case::twilio::KEY.into()),
        ..gateway("provider", "twilio")
    };
    [
        gateway("smsc-main", "smpp"),
        gateway("jasmin", "jasmin"),
        twilio,
    ]
}
