//! The use-case API over a Twilio-compatible upstream: what it is told, what it refuses, what
//! its signed statuses do.
//!
//! Method: the running daemon between a client and a recorder that plays the provider.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use serde_json::{Value, json};

const PATH: &str = "/v1/webhook/twilio/sms-status";
const PUBLIC: &str = "http://127.0.0.1:18080";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG00000000000000000000000000000001";
const TO: &str = "+14155550100";

struct Line {
    bridge: Bridge,
    prov: Prov,
    use_case: String,
    _app: App,
}

impl Line {
    async fn new() -> Line {
        let (app, prov) = (App::start().await, Prov::start().await);
        let mut config = reference(app.address);
        set(&mut config, "http", "public_base_url", PUBLIC);
        let bridge = Bridge::start(&config).await;
        let account = json!({"name": "twi", "username": ACCOUNT, "password": AUTH_TOKEN});
        bridge
            .http
            .create(with(prov.gateway("twilio"), account))
            .await;
        let use_case = json!({
            "name": "UC2", "gateway": "twi", "messaging_service_sid": SERVICE,
            "senders": ["+14155550001"], "campaign": {"status": "verified"},
        });
        let made = bridge
            .http
            .json("POST", "/v1/use-cases", ADMIN, use_case)
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        Line {
            use_case: made.json()["id"].as_str().unwrap().into(),
            bridge,
            prov,
            _app: app,
        }
    }

    async fn post(&self) -> Answer {
        let body = json!({"use_case_id": self.use_case, "to_phone_number": TO, "message": "hi"});
        self.bridge
            .http
            .json("POST", "/v1/sms/", SENDER, body)
            .await
    }

    /// Sends a message that the provider calls `sid`; our id.
    async fn sent_as(&self, sid: &str) -> String {
        let taken = json!({"sid": sid, "status": "accepted", "num_segments": "0"});
        self.prov.say([Said::json(201, &taken)]);
        let answer = self.post().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let json = answer.json();
        assert_eq!(
            (&json["message_sid"], &json["status"]),
            (&json!(sid), &json!("pending"))
        );
        assert_eq!(json["from_number"], Value::Null);
        json["id"].as_str().unwrap().into()
    }

    async fn record(&self, id: &str) -> Value {
        let answer = self.bridge.http.get(&format!("/v1/sms/{id}"), READER).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A status that is signed as it should be, which is taken.
    async fn status(&self, sid: &str, word: &str, more: &[(&str, &str)]) {
        let mut form = vec![
            ("AccountSid", ACCOUNT),
            ("MessageSid", sid),
            ("MessageStatus", word),
            ("To", TO),
        ];
        form.extend_from_slice(more);
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form)
            .finish();
        form.sort_unstable();
        let pairs: String = form.iter().flat_map(|(n, v)| [*n, *v]).collect();
        let key = ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
        let key = ring::hmac::Key::new(key, AUTH_TOKEN.as_bytes());
        let signature = ring::hmac::sign(&key, format!("{PUBLIC}{PATH}{pairs}").as_bytes());
        let signature = STANDARD.encode(signature);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-twilio-signature", signature.as_str()),
        ];
        let answer = self.bridge.http.call("POST", PATH, &headers, encoded).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{word}");
    }
}

/// Also U-041.
#[tokio::test]
async fn u_040_the_provider_is_asked_as_documented() {
    let line = Line::new().await;
    line.sent_as("SMabc").await;
    let seen = line.prov.only();
    assert_eq!(seen.method, "POST");
    assert_eq!(
        seen.path,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    );
    assert_eq!(
        seen.header("authorization"),
        Some(prov::basic(ACCOUNT, AUTH_TOKEN).as_str())
    );
    let callback = format!("{PUBLIC}{PATH}");
    for (name, value) in [
        ("To", TO),
        ("Body", "hi"),
        ("MessagingServiceSid", SERVICE),
        ("StatusCallback", callback.as_str()),
    ] {
        assert_eq!(seen.field(name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn u_042_what_the_provider_refuses_is_refused_in_our_codes() {
    let line = Line::new().await;
    for (status, code, ours, word) in [
        (400, 21408, 422, "region_not_permitted"),
        (400, 21211, 422, "invalid_destination"),
        (400, 21614, 422, "invalid_destination"),
        (400, 21703, 422, "no_sender"),
        (400, 30034, 422, "campaign_not_verified"),
        (401, 20003, 502, "upstream_auth"),
        (429, 20429, 503, "upstream_busy"),
        (400, 12345, 502, "upstream_refused"),
        (500, 0, 502, "upstream_error"),
    ] {
        let body = json!({"code": code, "message": "no", "status": status});
        line.prov.say([Said::json(status, &body)]);
        let answer = line.post().await;
        assert_eq!(answer.status, ours, "{code}: {}", answer.text());
        assert_eq!(answer.json()["code"], word);
        assert_eq!(answer.header("retry-after").is_some(), ours == 503);
    }
    // Whom the provider knows as opted out is opted out here.
    let out = json!({"code": 21610, "message": "no", "status": 400});
    line.prov.say([Said::json(400, &out)]);
    for _ in 0..2 {
        let answer = line.post().await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (422, &json!("opted_out"))
        );
    }
    assert_eq!(line.prov.seen().len(), 10, "the second was not asked for");
}

/// Also U-045, U-050, U-051, U-056 and U-064.
#[tokio::test]
async fn u_044_signed_statuses_move_the_message() {
    let line = Line::new().await;
    let id = line.sent_as("SM1").await;
    for word in ["queued", "sending", "foo"] {
        line.status("SM1", word, &[]).await;
        assert_eq!(line.record(&id).await["status"], "pending", "{word}");
    }
    line.status("SM1", "queued", &[("From", "+15005550006")])
        .await;
    assert_eq!(line.record(&id).await["from_number"], "+15005550006");
    line.status("SM1", "sent", &[("From", "+15005550006")])
        .await;
    let sent = line.record(&id).await;
    assert_eq!(
        (&sent["status"], &sent["num_segments"]),
        (&json!("sent"), &json!(1))
    );
    assert!(sent["handed_off_at"].is_string());
    assert_eq!(sent["from_number"], "+15005550006");
    line.status("SM1", "sent", &[("From", "+15005550006")])
        .await;
    assert_eq!(
        line.record(&id).await["handed_off_at"],
        sent["handed_off_at"]
    );
    line.status("SM1", "delivered", &[]).await;
    let delivered = line.record(&id).await;
    assert_eq!(delivered["status"], "delivered");
    assert!(delivered["delivered_at"].is_string() && delivered["error_code"].is_null());
    assert_eq!(delivered["handed_off_at"], sent["handed_off_at"]);
    line.status("SM1", "sent", &[]).await;
    assert_eq!(line.record(&id).await, delivered);
}

/// Also U-053 and a delivery without a hand-off.
#[tokio::test]
async fn u_052_what_goes_wrong_has_the_provider_s_code() {
    let line = Line::new().await;
    let id = line.sent_as("SM2").await;
    line.status("SM2", "undelivered", &[("ErrorCode", "30006")])
        .await;
    let record = line.record(&id).await;
    assert_eq!(
        (&record["status"], &record["error_code"]),
        (&json!("undelivered"), &json!(30006))
    );
    assert!(record["errored_at"].is_string());
    assert_eq!(record["handed_off_at"], record["errored_at"]);

    let id = line.sent_as("SM3").await;
    line.status("SM3", "failed", &[("ErrorCode", "30007")])
        .await;
    let record = line.record(&id).await;
    assert_eq!(
        (&record["status"], &record["error_code"]),
        (&json!("failed"), &json!(30007))
    );
    assert_eq!(record["handed_off_at"], Value::Null);

    let id = line.sent_as("SM4").await;
    line.status("SM4", "undelivered", &[("ErrorCode", "many")])
        .await;
    assert_eq!(line.record(&id).await["error_code"], Value::Null);

    let id = line.sent_as("SM5").await;
    line.status("SM5", "delivered", &[]).await;
    let record = line.record(&id).await;
    assert_eq!(record["handed_off_at"], record["delivered_at"]);
}
