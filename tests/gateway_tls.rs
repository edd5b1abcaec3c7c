//! Binds over TLS: trusted by CA file, by pin, or not at all.
//!
//! Method: a TLS server of its own passes the octets on to the simulator; the
//! certificates are made for the test.

mod common;

use common::sample;
use smpp_bridge::board::Board;
use smpp_bridge::config::Config;
use smpp_bridge::gateway::{self, Context};
use smpp_bridge::inbound::Judge;
use smpp_bridge::message::Gateway;
use smpp_bridge::metrics::Metrics;
use smpp_bridge::shutdown::Shutdown;
use smpp_bridge::simulator::{Options, Simulator};
use smpp_bridge::store::journal::MemoryJournal;
use smpp_bridge::store::{LogStore, OpenOptions, Policy, Store};
use smpp_bridge::tls::Trust;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const WITHIN: Duration = Duration::from_secs(20);

/// A self-signed certificate for `localhost`, in PEM and as its digest.
struct Certificate {
    pem: String,
    sha256: String,
    acceptor: TlsAcceptor,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    let sha256 = digest.as_ref().iter().map(|o| format!("{o:02x}")).collect();
    Certificate {
        pem: made.cert.pem(),
        sha256,
        acceptor: TlsAcceptor::from(Arc::new(server)),
    }
}

/// Ends TLS in front of the simulator; the port.
async fn tls_front(acceptor: TlsAcceptor, smsc: &Simulator) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = smsc.address();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(stream).await else {
                    return;
                };
                let mut plain = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    });
    port
}

/// The gateway's status once it says something final about its bind.
async fn status_of(port: u16, host: &str, meta: serde_json::Value, wanted: &str) -> String {
    let log = MemoryJournal::new();
    let options = OpenOptions {
        policy: Policy::default(),
        metrics: Metrics::new().store,
    };
    let store = Arc::new(LogStore::open(move || Ok((log.clone(), 0)), options).unwrap());
    let record = Gateway {
        server_host: host.into(),
        server_port: port,
        use_ssl: true,
        meta: serde_json::json!({ "smpp": meta }).as_object().cloned(),
        ..sample::gateway()
    };
    let id = store.put_gateway(record).await.unwrap().id;
    let config = Arc::new(Config::default());
    let metrics = Metrics::new().gateway;
    let board = Board::default();
    let shutdown = Shutdown::new();
    let context = Context {
        store: store.clone(),
        config: config.clone(),
        metrics: metrics.clone(),
        board: board.clone(),
        judge: Judge::new(config.clone(), metrics),
        trust: Arc::new(Trust::load(&config.tls).unwrap()),
        base_url: "http://bridge.test".into(),
    };
    let running = tokio::spawn(gateway::run(context, shutdown.clone()));
    let began = Instant::now();
    let told = loop {
        let told = board
            .of(id)
            .map(|s| format!("{} {}", s.bind, s.reason.unwrap_or_default()));
        if let Some(told) = told.filter(|t| t.contains(wanted)) {
            break told;
        }
        assert!(
            began.elapsed() < WITHIN,
            "{wanted} is not to be seen: {:?}",
            board.of(id)
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    shutdown.drain.cancel();
    running.await.unwrap();
    told
}

#[tokio::test]
async fn a_certificate_of_the_gateways_own_ca_is_trusted() {
    let smsc = Simulator::start(Options::default()).await.unwrap();
    let certificate = certificate();
    let port = tls_front(certificate.acceptor, &smsc).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &certificate.pem).unwrap();
    let meta = serde_json::json!({ "tls_ca_file": file });
    status_of(port, "localhost", meta, "bound_trx").await;
    assert_eq!(smsc.binds(), 1);
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_before_any_password_is_sent() {
    let smsc = Simulator::start(Options::default()).await.unwrap();
    let port = tls_front(certificate().acceptor, &smsc).await;
    let told = status_of(port, "localhost", serde_json::json!({}), "waiting").await;
    assert!(told.contains("certificate"), "{told}");
    assert!(told.contains("name its CA in tls.ca_file"), "{told}");
    assert_eq!(smsc.binds(), 0);
}

#[tokio::test]
async fn a_port_without_tls_is_called_one() {
    let smsc = Simulator::start(Options::default()).await.unwrap();
    let port = smsc.address().port();
    let told = status_of(port, "127.0.0.1", serde_json::json!({}), "waiting").await;
    assert!(told.contains("is this its plain port?"), "{told}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let smsc = Simulator::start(Options::default()).await.unwrap();
    let certificate = certificate();
    let port = tls_front(certificate.acceptor, &smsc).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, &certificate.pem).unwrap();
    let meta = serde_json::json!({ "tls_ca_file": file, "tls_server_name": "smsc.example" });
    let told = status_of(port, "localhost", meta, "waiting").await;
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_ca_and_no_name() {
    let smsc = Simulator::start(Options::default()).await.unwrap();
    let certificate = certificate();
    let port = tls_front(certificate.acceptor, &smsc).await;
    let meta = serde_json::json!({ "tls_pin_sha256": certificate.sha256 });
    status_of(port, "127.0.0.1", meta, "bound_trx").await;
    let other = serde_json::json!({ "tls_pin_sha256": "00".repeat(32) });
    status_of(port, "127.0.0.1", other, "waiting").await;
    assert_eq!(smsc.binds(), 1);
}
