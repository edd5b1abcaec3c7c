//! Gateways of the HTTP transports: what a provider gets, and what becomes of its answer.
//!
//! Method: the running daemon between a client and a provider that records and is scripted;
//! each test is named after the acceptance rule it checks.

mod common;

use common::prov::basic;
use common::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;

/// A bridge, a provider, and one gateway from the one to the other.
struct Line {
    bridge: Bridge,
    prov: Prov,
    gateway: u64,
}

impl Line {
    async fn of(provider_type: &str) -> Line {
        Line::with(provider_type, json!({})).await
    }

    async fn with(provider_type: &str, change: Value) -> Line {
        let prov = Prov::start().await;
        let bridge = Bridge::alone().await;
        let gateway = bridge
            .http
            .create(with(prov.gateway(provider_type), change))
            .await;
        Line {
            bridge,
            prov,
            gateway,
        }
    }

    fn http(&self) -> Http {
        self.bridge.http
    }

    async fn send(&self, body: Value) -> Answer {
        self.http().send(self.gateway, body).await
    }

    fn dlr_url(&self) -> String {
        let address = self.http().address;
        format!("http://{address}/api/sms-gateways/{}/dlr", self.gateway)
    }
}

// ---- the generic transport

/// Also G-031, G-036, and the member names of the request.
#[tokio::test]
async fn g_030_a_send_is_one_post_with_basic_and_the_record_has_the_answer() {
    let line = Line::of("http").await;
    line.prov
        .say([Said::json(200, &json!({"message_id": "abc-1", "cost": 2}))]);
    let sent = line.send(text("hello")).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "submitted");
    assert_eq!(sent.member("external_message_id"), "abc-1");
    assert!(sent.member("submitted_at").is_string());
    assert_eq!(sent.member("remote_response")["message_id"], "abc-1");
    assert_eq!(sent.member("remote_response")["http_status"], 200);
    assert_eq!(sent.member("callback_url"), line.dlr_url());
    assert_eq!(line.http().record(sent.id()).await, sent.json()["data"]);

    let seen = line.prov.only();
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("POST", "/send")
    );
    let credentials = basic("account", "prov-pass-98");
    assert_eq!(seen.header("authorization"), Some(credentials.as_str()));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(
        seen.header("host"),
        Some(line.prov.address.to_string().as_str())
    );
    assert_eq!(
        seen.json(),
        json!({
            "to": "+4915112345678", "from": "LaraTest", "content": "hello", "dlr": "yes",
            "dlr-level": 3, "dlr-method": "POST", "dlr-url": line.dlr_url(),
        })
    );
    let types = line.http().event_types(sent.id()).await;
    assert_eq!(types, ["requested", "dispatched"]);
    let events = line.http().events(sent.id()).await;
    assert_eq!(events[1]["detail"]["response"]["body"]["cost"], 2);
}

#[tokio::test]
async fn g_032_a_custom_callback_url_goes_to_the_provider() {
    let line = Line::of("http").await;
    let custom = "https://app.example.test/dlr";
    let sent = line
        .send(with(text("x"), json!({"callback_url": custom})))
        .await;
    assert_eq!(line.prov.only().json()["dlr-url"], custom);
    assert_eq!(sent.member("callback_url"), custom);
    // The provider calls it, so the bridge does not.
    let done = json!({"message_id": "p-1", "status": "DELIVRD"});
    assert_eq!(line.http().dlr(line.gateway, done).await.status, 200);
    let types = line.http().event_types(sent.id()).await;
    assert_eq!(types, ["requested", "dispatched", "dlr"]);
}

/// Also G-034.
#[tokio::test]
async fn g_033_the_path_has_one_slash_and_null_means_send() {
    let line = Line::with("http", json!({"api_path": "/api/v2/send"})).await;
    line.send(text("x")).await;
    assert_eq!(line.prov.last().path, "/api/v2/send");
    line.http()
        .patch(line.gateway, json!({"api_path": null}))
        .await;
    line.send(text("x")).await;
    assert_eq!(line.prov.last().path, "/send");
    let open = json!({"username": null, "password": null, "meta": {"http": {"extra": {"a": 1}}}});
    line.http().patch(line.gateway, open).await;
    line.send(text("x")).await;
    assert_eq!(line.prov.last().header("authorization"), None);
    assert_eq!(line.prov.last().json()["a"], 1);
}

fn certificate() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(server)))
}

#[tokio::test]
async fn g_035_over_tls_only_a_trusted_provider_gets_the_message() {
    let (trusted, acceptor) = certificate();
    let (_, foreign) = certificate();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, trusted).unwrap();
    let mut config = reference(([127, 0, 0, 1], 9).into());
    set(&mut config, "tls", "ca_file", ca_file.to_str().unwrap());
    let bridge = Bridge::start(&config).await;
    let tls = json!({"use_ssl": true, "server_host": "localhost"});
    for (acceptor, status, state) in [(acceptor, 201, "submitted"), (foreign, 502, "failed")] {
        let prov = Prov::start_with(Some(acceptor)).await;
        let body = with(prov.gateway("http"), tls.clone());
        let gateway = bridge.http.create(body).await;
        let sent = bridge.http.send(gateway, text("x")).await;
        assert_eq!(sent.status, status, "{}", sent.text());
        assert_eq!(sent.member("state"), state);
        assert_eq!(prov.seen().len(), usize::from(status == 201));
    }
}

/// Also G-039.
#[tokio::test]
async fn g_037_the_id_is_found_wherever_it_may_be() {
    let line = Line::of("http").await;
    let uuid = "07033084-5cfd-4812-90a4-e4d24ffb6e3d";
    for (body, id) in [
        (r#"{"id":77}"#.to_owned(), json!("77")),
        (r#"{"data":{"messageId":"z"}}"#.to_owned(), json!("z")),
        (format!("Success \"{uuid}\""), json!(uuid)),
        (format!(r#"{{"data":"Success \"{uuid}"}}"#), json!(uuid)),
        ("queued, thank you".to_owned(), Value::Null),
    ] {
        line.prov.say([Said::Now(200, body.clone())]);
        let sent = line.send(text("x")).await;
        assert_eq!(sent.status, 201, "{body}");
        assert_eq!(sent.member("external_message_id"), id, "{body}");
        assert_eq!(sent.member("delivery_status"), "submitted");
    }
}

/// As doubles they would be one.
#[tokio::test]
async fn ids_that_are_numbers_beyond_64_bits_are_told_apart_to_the_last_digit() {
    let line = Line::of("http").await;
    let mut sent = Vec::new();
    let ids = ["18446744073709551617", "18446744073709551618"];
    for id in ids {
        let body = format!(r#"{{"message_id":{id}}}"#);
        line.prov.say([Said::Now(200, body)]);
        let answer = line.send(text("x")).await;
        assert_eq!(answer.member("external_message_id"), id);
        assert_eq!(answer.member("remote_response")["message_id"], id);
        sent.push(answer.id());
    }
    let path = format!("/api/sms-gateways/{}/dlr", line.gateway);
    let headers = [("content-type", "application/json")];
    let dlr = format!(r#"{{"message_id":{},"status":"DELIVRD"}}"#, ids[1]);
    let answer = line.http().call("POST", &path, &headers, dlr).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(line.http().record(sent[0]).await["state"], "submitted");
    assert_eq!(line.http().record(sent[1]).await["state"], "delivered");
}

/// Also G-042, and redirects.
#[tokio::test]
async fn g_041_a_refusal_is_502_and_told_in_the_providers_words() {
    let line = Line::of("http").await;
    let echo = "wrong password prov-pass-98";
    for (status, body, error) in [
        (500, "boom", "boom"),
        (200, r#"Error "No route found""#, "No route found"),
        (403, echo, "wrong password ***"),
        (302, "", "HTTP 302 Found"),
    ] {
        line.prov.say([Said::Now(status, body.into())]);
        let sent = line.send(text("x")).await;
        assert_eq!(sent.status, 502, "{}", sent.text());
        assert_eq!(sent.member("delivery_status"), "failed");
        assert_eq!(sent.member("error_message"), error);
        assert_eq!(sent.member("submitted_at"), Value::Null);
        assert!(sent.member("failed_at").is_string());
        assert_eq!(sent.member("remote_response")["http_status"], status);
        let record = line.http().record(sent.id()).await;
        assert_eq!(record, sent.json()["data"]);
        let events = line.http().events(sent.id()).await;
        let all = json!(events).to_string() + &sent.text() + &line.bridge.log();
        assert!(!all.contains("prov-pass-98"));
    }
    assert_eq!(line.prov.seen().len(), 4, "nothing is sent twice");
    let long = "ä".repeat(70_000);
    line.prov.say([Said::Now(400, long)]);
    let sent = line.send(text("x")).await;
    let error = sent.member("error_message");
    assert_eq!(error.as_str().unwrap().chars().count(), 500);
}

#[tokio::test]
async fn g_044_no_answer_in_time_is_504_and_nothing_is_sent_again() {
    let line = Line::with("http", json!({"meta": {"http": {"timeout_s": 1}}})).await;
    line.prov.say([Said::Hang, Said::Close]);
    let sent = line.send(text("x")).await;
    assert_eq!(sent.status, 504, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "failed");
    let error = sent.member("error_message");
    assert!(error.as_str().unwrap().contains("timeout"), "{error}");
    // What the connection's end leaves open is no less unknown.
    let cut = line.send(text("y")).await;
    assert_eq!(cut.status, 504, "{}", cut.text());
    tokio::time::sleep(QUIET).await;
    assert_eq!(line.prov.seen().len(), 2);
    let types = line.http().event_types(sent.id()).await;
    assert_eq!(types[..2], ["requested", "submit_failed"]);
}

#[tokio::test]
async fn g_045_a_provider_that_is_not_there_is_502_at_once() {
    let bridge = Bridge::alone().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let gateway = bridge.http.create_http(json!({"server_port": port})).await;
    let began = Instant::now();
    let sent = bridge.http.send(gateway, text("x")).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(sent.status, 502, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "failed");
    let error = sent.member("error_message");
    assert!(
        error.as_str().unwrap().starts_with("cannot connect"),
        "{error}"
    );
    let status = bridge.http.gateway(gateway).await.member("status");
    assert_eq!(status["bind"], "failing");
    let ready = bridge.http.call("GET", "/readyz", &[], "").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["degraded"][0]["state"], "failing");
}

#[tokio::test]
async fn g_046_while_a_provider_is_slow_the_record_is_there_as_queued() {
    let line = Line::of("http").await;
    line.prov
        .say([Said::After(Duration::from_secs(1), 200, "{}".into())]);
    let id = line.http().queue(line.gateway, text("x")).await;
    line.prov.until_seen(1).await;
    let record = line.http().record(id).await;
    assert_eq!(
        (&record["delivery_status"], &record["state"]),
        (&json!("queued"), &json!("submitting"))
    );
    assert!(record["requested_at"].is_string());
    line.http().until_state(id, "submitted").await;
}

/// Also G-048, G-050, G-056, G-059 for this transport.
#[tokio::test]
async fn g_047_what_breaks_a_rule_never_reaches_the_provider() {
    let line = Line::of("http").await;
    let long = |n| with(text("x"), json!({"message": "a".repeat(n)}));
    for (body, field) in [
        (with(text("x"), json!({"to_number": null})), "to_number"),
        (with(text("x"), json!({"message": ""})), "message"),
        (
            with(text("x"), json!({"to_number": "1".repeat(31)})),
            "to_number",
        ),
        (
            with(text("x"), json!({"from_sender": "s".repeat(31)})),
            "from_sender",
        ),
        (with(text("x"), json!({"from_sender": null})), "from_sender"),
        (long(1001), "message"),
    ] {
        let sent = line.send(body).await;
        sent.must_be_error(422);
        assert_eq!(sent.fields(), [field]);
    }
    line.http()
        .patch(line.gateway, json!({"is_active": false}))
        .await;
    line.send(text("x")).await.must_be_error(422);
    assert_eq!(line.prov.seen().len(), 0);
    line.http()
        .patch(line.gateway, json!({"is_active": true}))
        .await;
    assert_eq!(line.send(long(1000)).await.status, 201);
    assert_eq!(line.prov.only().json()["content"], "a".repeat(1000));
}

/// Also G-053, G-060, G-061, G-064.
#[tokio::test]
async fn g_051_the_default_sender_stands_in_and_unknown_members_stay_here() {
    let line = Line::with("http", json!({"default_sender_id": "Brand"})).await;
    for from_sender in [Value::Null, json!("")] {
        let unknown = json!({"from_sender": from_sender, "secret_note": "n"});
        let sent = line.send(with(text("x"), unknown)).await;
        assert_eq!(sent.member("from_sender"), "Brand");
        assert_ne!(sent.json()["message"], "x");
        let seen = line.prov.last().json();
        assert_eq!(
            (&seen["from"], seen.get("secret_note")),
            (&json!("Brand"), None)
        );
    }
    let gateway = line.http().gateway(line.gateway).await;
    assert_eq!(gateway.member("messages_count"), 2);
}

#[tokio::test]
async fn g_065_respond_async_does_not_wait_for_the_provider() {
    let line = Line::of("http").await;
    line.prov.say([Said::After(
        Duration::from_secs(1),
        200,
        r#"{"id":"late"}"#.into(),
    )]);
    let began = Instant::now();
    let sent = line
        .http()
        .send_with(line.gateway, &[("prefer", "respond-async")], text("x"))
        .await;
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(
        (sent.status, sent.member("delivery_status")),
        (201, json!("queued"))
    );
    let record = line.http().until_state(sent.id(), "submitted").await;
    assert_eq!(record["external_message_id"], "late");
}

/// A provider may take longer than a send waits for its turn.
#[tokio::test]
async fn a_send_waits_for_the_providers_word_beyond_the_wait_for_its_turn() {
    let prov = Prov::start().await;
    let mut config = reference(([127, 0, 0, 1], 9).into());
    set(&mut config, "limits", "send_wait_ms", 100);
    let bridge = Bridge::start(&config).await;
    let gateway = bridge.http.create(prov.gateway("http")).await;
    prov.say([Said::After(
        Duration::from_secs(1),
        200,
        r#"{"id":"1"}"#.into(),
    )]);
    let sent = bridge.http.send(gateway, text("x")).await;
    assert_eq!(sent.member("delivery_status"), "submitted");
}

// ---- reports

/// Also G-096 and G-097: the whole way of a message.
#[tokio::test]
async fn g_080_a_report_of_the_provider_delivers_the_message() {
    let line = Line::of("http").await;
    line.prov
        .say([Said::json(200, &json!({"message_id": "a", "cost": 1}))]);
    let sent = line.send(text("x")).await;
    let report = json!({"message_id": "a", "status": "DELIVRD", "cost": 2, "x": {"y": 1}});
    assert_eq!(line.http().dlr(line.gateway, report).await.status, 200);
    let record = line.http().record(sent.id()).await;
    assert_eq!(
        (&record["delivery_status"], &record["state"]),
        (&json!("delivrd"), &json!("delivered"))
    );
    assert_eq!(record["remote_response"]["cost"], 2);
    assert_eq!(record["remote_response"]["x"]["y"], 1);
    let events = line.http().events(sent.id()).await;
    assert_eq!(events[1]["detail"]["response"]["body"]["cost"], 1);
}

/// X-012 over HTTP.
#[tokio::test]
async fn x_012_the_same_id_at_two_gateways_is_two_messages() {
    let line = Line::of("http").await;
    let other = line.http().create(line.prov.gateway("http")).await;
    line.prov.say_always(Said::json(200, &json!({"id": "p-1"})));
    let first = line.send(text("x")).await.id();
    let second = line.http().send(other, text("x")).await.id();
    line.http()
        .dlr(other, json!({"id": "p-1", "status": "UNDELIV"}))
        .await;
    assert_eq!(line.http().record(first).await["state"], "submitted");
    assert_eq!(line.http().record(second).await["state"], "undelivered");
}

/// Also G-111: the generated URL is one that the bridge takes, and shows without its token.
#[tokio::test]
async fn g_110_the_dlr_url_carries_the_gateways_token() {
    let line = Line::with("http", json!({"callback_token": "tok-6"})).await;
    let sent = line.send(text("x")).await;
    let url = line.prov.only().json()["dlr-url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(url, format!("{}?token=tok-6", line.dlr_url()));
    assert_eq!(sent.member("callback_url"), line.dlr_url());
    let path = url.split_once("/api").unwrap().1;
    let report = json!({"message_id": "p-1", "status": "DELIVRD"}).to_string();
    let json = [("content-type", "application/json")];
    let told = line
        .http()
        .call("POST", &format!("/api{path}"), &json, report)
        .await;
    assert_eq!(told.status, 200);
    assert_eq!(line.http().record(sent.id()).await["state"], "delivered");
}

// ---- Jasmin

/// Also G-072 and G-075.
#[tokio::test]
async fn g_070_jasmin_gets_a_form_with_what_it_takes_and_no_more() {
    let line = Line::of("jasmin").await;
    line.prov.say([Said::Now(200, "Success \"j-1\"".into())]);
    let sent = line.send(text("10 € [x]")).await;
    assert_eq!(sent.member("external_message_id"), "j-1");
    let seen = line.prov.only();
    let credentials = basic("account", "prov-pass-98");
    assert_eq!(seen.header("authorization"), Some(credentials.as_str()));
    let pairs = [
        ("username", "account"),
        ("password", "prov-pass-98"),
        ("to", "4915112345678"),
        ("from", "LaraTest"),
        ("coding", "0"),
        ("content", "10 € [x]"),
        ("dlr", "yes"),
        ("dlr-level", "3"),
        ("dlr-method", "POST"),
        ("dlr-url", &line.dlr_url()),
    ];
    assert_eq!(
        seen.form(),
        pairs.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
}

#[tokio::test]
async fn g_071_text_beyond_gsm_goes_to_jasmin_as_octets() {
    let line = Line::of("jasmin").await;
    line.send(text("Привет")).await;
    let seen = line.prov.only();
    assert_eq!(seen.field("coding").as_deref(), Some("8"));
    let octets = seen.field("hex-content").unwrap();
    assert_eq!(octets, "041f04400438043204350442");
    assert_eq!(seen.field("content"), None);
}

#[tokio::test]
async fn g_073_jasmins_rest_proxy_gets_json_without_credentials() {
    let line = Line::with("jasmin_rest", json!({"api_path": "secure/send"})).await;
    line.prov.say([
        Said::Now(200, r#"{"data":"Success \"r-1"}"#.into()),
        Said::Now(412, r#"{"message":"Error \"No route found"}"#.into()),
    ]);
    let sent = line.send(text("x")).await;
    assert_eq!(sent.member("external_message_id"), "r-1");
    let seen = line.prov.only();
    assert_eq!(seen.path, "/secure/send");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert!(seen.header("authorization").is_some());
    assert!(!String::from_utf8_lossy(&seen.body).contains("prov-pass-98"));
    assert_eq!(seen.json().get("username"), None);
    let refused = line.send(text("x")).await;
    assert_eq!(refused.status, 502);
    assert_eq!(refused.member("error_message"), "No route found");
}

/// Jasmin would cut it and say nothing.
#[tokio::test]
async fn a_text_of_too_many_parts_is_refused_before_it_is_accepted() {
    let line = Line::of("jasmin").await;
    let long = |n| text(&"a".repeat(n));
    assert_eq!(line.send(long(765)).await.status, 201);
    let refused = line.send(long(766)).await;
    refused.must_be_error(422);
    assert_eq!(refused.fields(), ["message"]);
    assert_eq!(line.prov.seen().len(), 1);
    let more = json!({"meta": {"http": {"max_parts": 7}}});
    line.http().patch(line.gateway, more).await;
    assert_eq!(line.send(long(1000)).await.status, 201);
}

/// Level 1 is no delivery; level 2 is. Also G-103.
#[tokio::test]
async fn jasmins_own_reports_drive_the_message() {
    let line = Line::of("jasmin").await;
    line.prov.say([Said::Now(200, "Success \"j-1\"".into())]);
    let sent = line.send(text("x")).await;
    let url = line.prov.only().field("dlr-url").unwrap();
    let path = url.split_once("/api").unwrap().1;
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/plain"),
        ("user-agent", "Jasmin gateway/1.0 DLRThrower"),
    ];
    for (form, state) in [
        (
            "id=j-1&level=1&message_status=ESME_ROK&connector=c",
            "enroute",
        ),
        (
            "id=j-1&level=2&message_status=DELIVRD&connector=c&id_smsc=9&err=000",
            "delivered",
        ),
    ] {
        let told = line
            .http()
            .call("POST", &format!("/api{path}"), &headers, form)
            .await;
        assert_eq!((told.status, told.text().as_str()), (200, "ACK/Jasmin"));
        assert_eq!(line.http().record(sent.id()).await["state"], state);
    }
}

// ---- Twilio

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn g_076_twilio_gets_a_form_at_the_accounts_path() {
    let account = json!({"username": ACCOUNT, "password": AUTH_TOKEN});
    let line = Line::with("twilio", account).await;
    line.prov.say([Said::json(
        201,
        &json!({"sid": "SM1", "status": "queued", "num_segments": "0"}),
    )]);
    let sent = line.send(text("hi")).await;
    assert_eq!(
        (sent.status, sent.member("external_message_id")),
        (201, json!("SM1"))
    );
    assert_eq!(sent.member("remote_response")["num_segments"], "0");
    let seen = line.prov.only();
    assert_eq!(
        seen.path,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    );
    assert_eq!(
        seen.header("authorization"),
        Some(basic(ACCOUNT, AUTH_TOKEN).as_str())
    );
    let status = format!(
        "http://{}/v1/webhook/twilio/sms-status",
        line.http().address
    );
    let pairs = [
        ("To", "+4915112345678"),
        ("Body", "hi"),
        ("From", "LaraTest"),
        ("StatusCallback", &status),
    ];
    assert_eq!(
        seen.form(),
        pairs.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );

    let service = json!({"meta": {"twilio": {"messaging_service_sid": "MG1"}}});
    line.http().patch(line.gateway, service).await;
    line.send(text("hi")).await;
    let seen = line.prov.last();
    assert_eq!(seen.field("MessagingServiceSid").as_deref(), Some("MG1"));
    assert_eq!(seen.field("From"), None);
}

/// What another family makes of the code has to be in the record.
#[tokio::test]
async fn a_twilio_refusal_keeps_its_code_in_the_record() {
    let account = json!({"username": ACCOUNT, "password": AUTH_TOKEN});
    let line = Line::with("twilio", account).await;
    let body = json!({"code": 21211, "message": "Invalid 'To' Phone Number", "status": 400});
    line.prov.say([Said::json(400, &body)]);
    let sent = line.send(text("hi")).await;
    assert_eq!(sent.status, 502);
    assert_eq!(
        sent.member("error_message"),
        "Invalid 'To' Phone Number (code 21211)"
    );
    let remote = sent.member("remote_response");
    assert_eq!(
        (&remote["code"], &remote["http_status"]),
        (&json!(21211), &json!(400))
    );
}

// ---- the gateway's task

/// Connections are kept and used again, and one that the provider closed costs nothing.
#[tokio::test]
async fn requests_share_connections_and_never_more_than_the_window() {
    let line = Line::with("http", json!({"meta": {"http": {"window": 3}}})).await;
    line.prov
        .say_always(Said::After(Duration::from_millis(20), 200, "{}".into()));
    let mut ids = Vec::new();
    for n in 0..30 {
        ids.push(line.http().queue(line.gateway, text(&format!("{n}"))).await);
    }
    for id in ids {
        line.http().until_state(id, "submitted").await;
    }
    let mut contents: Vec<String> = line
        .prov
        .seen()
        .iter()
        .map(|s| s.json()["content"].to_string())
        .collect();
    contents.sort();
    contents.dedup();
    assert_eq!(
        (line.prov.seen().len(), contents.len()),
        (30, 30),
        "each once"
    );
    assert!(line.prov.connections() <= 3, "{}", line.prov.connections());
}

#[tokio::test]
async fn a_slow_provider_delays_nobody_else() {
    let line = Line::with("http", json!({"meta": {"http": {"window": 2}}})).await;
    line.prov.say_always(Said::Hang);
    for n in 0..5 {
        line.http().queue(line.gateway, text(&format!("{n}"))).await;
    }
    line.prov.until_seen(2).await;
    let quick = Prov::start().await;
    let other = line.http().create(quick.gateway("http")).await;
    let began = Instant::now();
    assert_eq!(line.http().send(other, text("x")).await.status, 201);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(line.prov.seen().len(), 2, "the window is full");
}

#[tokio::test]
async fn an_inactive_gateway_keeps_what_is_queued_until_it_is_active_again() {
    let line = Line::with("http", json!({"meta": {"http": {"window": 1}}})).await;
    let slow = Said::After(Duration::from_secs(1), 200, "{}".into());
    line.prov.say([slow]);
    line.http().queue(line.gateway, text("first")).await;
    line.prov.until_seen(1).await;
    let second = line.http().queue(line.gateway, text("second")).await;
    line.http()
        .patch(line.gateway, json!({"is_active": false}))
        .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(line.http().record(second).await["state"], "queued");
    line.http()
        .patch(line.gateway, json!({"is_active": true}))
        .await;
    line.http().until_state(second, "submitted").await;
    assert_eq!(line.prov.seen().len(), 2);
}

#[tokio::test]
async fn a_changed_address_or_password_counts_from_the_next_request() {
    let line = Line::of("http").await;
    line.send(text("x")).await;
    let moved = Prov::start().await;
    let port = json!({"server_port": moved.address.port(), "password": "new-pass-11"});
    line.http().patch(line.gateway, port).await;
    line.send(text("y")).await;
    let credentials = basic("account", "new-pass-11");
    assert_eq!(
        moved.only().header("authorization"),
        Some(credentials.as_str())
    );
    assert_eq!(line.prov.seen().len(), 1);
}

#[tokio::test]
async fn a_request_too_many_makes_the_gateway_pause_and_not_lose_the_rest() {
    let line = Line::with("http", json!({"meta": {"http": {"window": 1}}})).await;
    line.prov.say([Said::Now(429, "slow down".into())]);
    let refused = line.send(text("x")).await;
    assert_eq!(
        (refused.status, refused.member("state")),
        (502, json!("failed"))
    );
    let next = line.send(text("y")).await;
    assert_eq!(
        (next.status, next.member("state")),
        (201, json!("submitted"))
    );
}

/// The request was out: whether it was taken nobody knows, so it is not sent again.
#[tokio::test]
async fn after_a_kill_a_request_in_flight_is_failed_softly_and_a_report_corrects_it() {
    let mut line = Line::of("http").await;
    line.prov
        .say([Said::json(200, &json!({"id": "first"})), Said::Hang]);
    let first = line.send(text("first")).await.id();
    let id = line.http().queue(line.gateway, text("second")).await;
    line.prov.until_seen(2).await;
    line.bridge.kill9();
    line.bridge.start_again().await;
    let record = line.http().until_state(id, "failed").await;
    let error = record["error_message"].as_str().unwrap();
    assert!(error.contains("stopped before the answer"), "{error}");
    let in_doubt = line.http().get("/api/in-doubt", ADMIN).await.text();
    assert!(in_doubt.contains(&format!("{id}")), "{in_doubt}");
    let report = json!({"id": "first", "status": "DELIVRD"});
    line.http().dlr(line.gateway, report).await;
    line.http().until_state(first, "delivered").await;
    assert_eq!(
        line.http().send(line.gateway, text("third")).await.status,
        201
    );
    assert_eq!(line.prov.seen().len(), 3, "nothing went twice");
}

/// SIGTERM waits for the answers that are out.
#[tokio::test]
async fn a_stop_waits_for_answers_and_leaves_the_rest_queued() {
    let mut line = Line::with("http", json!({"meta": {"http": {"window": 1}}})).await;
    line.prov.say([Said::After(
        Duration::from_secs(1),
        200,
        r#"{"id":"in-time"}"#.into(),
    )]);
    let first = line.http().queue(line.gateway, text("first")).await;
    line.prov.until_seen(1).await;
    let second = line.http().queue(line.gateway, text("second")).await;
    line.bridge.stop().await;
    assert_eq!(line.prov.seen().len(), 1);
    line.bridge.start_again().await;
    let record = line.http().until_state(first, "submitted").await;
    assert_eq!(record["external_message_id"], "in-time");
    line.http().until_state(second, "submitted").await;
}

#[tokio::test]
async fn what_a_provider_answers_is_counted_by_class() {
    let line = Line::of("http").await;
    line.prov.say([
        Said::Now(200, "{}".into()),
        Said::Now(200, "Error \"no\"".into()),
        Said::Now(404, String::new()),
    ]);
    for _ in 0..3 {
        line.send(text("x")).await;
    }
    let metrics = line.http().metrics().await;
    let gateway = line.gateway;
    for class in ["2xx", "error_body", "4xx"] {
        let line = format!(
            "smpp_bridge_submit_responses_total{{gateway=\"{gateway}\",status=\"{class}\"}} 1"
        );
        assert!(metrics.contains(&line), "{line}");
    }
    assert!(metrics.contains(&format!(
        "smpp_bridge_submits_total{{gateway=\"{gateway}\"}} 3"
    )));
}

// ---- the other families

/// One report of the provider, and a notification for each part that was told to the client.
#[tokio::test]
async fn a_universal_message_goes_over_http_and_is_notified_part_by_part() {
    let (app, prov) = (App::start().await, Prov::start().await);
    let bridge = Bridge::start(&reference(app.address)).await;
    let gateway = with(prov.gateway("jasmin"), json!({"name": "smsc-main"}));
    let gateway = bridge.http.create(gateway).await;
    let headers = [
        ("x-api-key", "uk-acme"),
        ("content-type", "application/json"),
    ];
    let post = async |body: Value| {
        let path = "/api/message-server/sms/send";
        let answer = bridge
            .http
            .call("POST", path, &headers, body.to_string())
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["results"]["sms"].clone()
    };
    let message =
        |n| json!({"destination": "+393401234567", "sender": "Me", "body": "a".repeat(n)});
    let long = post(message(766)).await;
    assert_eq!(
        (&long["accepted"], &long["reasons"]),
        (&json!(false), &json!(["NO_ROUTE"]))
    );
    let taken = post(message(200)).await;
    assert_eq!(
        (&taken["accepted"], &taken["parts"]),
        (&json!(true), &json!(2))
    );
    prov.until_seen(1).await;
    let seen = prov.only();
    assert_eq!(seen.field("to").as_deref(), Some("393401234567"));
    let ours = format!(
        "http://{}/api/sms-gateways/{gateway}/dlr",
        bridge.http.address
    );
    assert_eq!(seen.field("dlr-url"), Some(ours));
    let report = json!({"id": "p-1", "message_status": "DELIVRD", "level": 2});
    assert_eq!(bridge.http.dlr(gateway, report).await.status, 200);
    let told = app.until("POST", "/universal", 2).await;
    let mut parts: Vec<Value> = told.iter().map(|c| c.json()["numPart"].clone()).collect();
    parts.sort_by_key(Value::to_string);
    assert_eq!(parts, [1, 2]);
    assert!(told.iter().all(|c| c.json()["statusCode"] == 3));
}
