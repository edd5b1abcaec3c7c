//! Sends and their answers.

use std::time::Duration;

use serde_json::json;

use super::support::{ADMIN, Bridge, READER, config, refused, taken, text};
use crate::message::OnUnknown;
use crate::store::{Outcome, Policy};

#[tokio::test]
async fn a_send_answers_with_what_the_upstream_said() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let (sent, id) = tokio::join!(
        bridge.send(gateway, text("hi \"you\"")),
        bridge.upstream(gateway, |_| taken("smsc-1")),
    );
    assert_eq!(sent.status, 201);
    assert_eq!(sent.member("id"), id);
    assert_eq!(sent.member("delivery_status"), "submitted");
    assert_eq!(sent.member("external_message_id"), "smsc-1");
    assert_eq!(sent.member("state"), "submitted");
    assert_eq!(sent.json()["message"], "SMS sent successfully.");
    assert_eq!(sent.json()["data"]["message"], "hi \"you\"");
    let remote = sent.member("remote_response");
    assert_eq!(remote["command_status_name"], "ESME_ROK");
    assert_eq!(
        remote["parts"],
        json!([{"part": 1, "message_id": "smsc-1"}])
    );
    let url = format!("http://bridge.test/api/sms-gateways/{gateway}/dlr");
    assert_eq!(sent.member("callback_url"), url);
    // What the answer said without reading the log is what the log says.
    assert_eq!(bridge.message(id).await, sent.json()["data"]);
    let count = bridge
        .get(&format!("/api/sms-gateways/{gateway}"), READER)
        .await;
    assert_eq!(count.member("messages_count"), 1);
}

#[tokio::test]
async fn a_refusal_is_502_and_an_unknown_outcome_504_both_with_the_record() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let (sent, _) = tokio::join!(
        bridge.send(gateway, text("hi")),
        bridge.upstream(gateway, |_| refused(
            0x0B,
            "ESME_RINVDSTADR: invalid destination"
        )),
    );
    assert_eq!(sent.status, 502);
    assert_eq!(sent.member("delivery_status"), "failed");
    assert!(
        sent.member("error_message")
            .as_str()
            .unwrap()
            .contains("ESME_RINVDSTADR")
    );
    assert_eq!(sent.member("submitted_at"), json!(null));
    assert!(sent.member("failed_at").is_string());
    let timeout = || Outcome::Unanswered {
        reason: "no answer within the timeout".into(),
        policy: OnUnknown::Fail,
    };
    let (sent, _) = tokio::join!(
        bridge.send(gateway, text("hi")),
        bridge.upstream(gateway, |_| timeout()),
    );
    assert_eq!(sent.status, 504);
    assert!(
        sent.member("error_message")
            .as_str()
            .unwrap()
            .contains("timeout")
    );
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_201_queued() {
    let mut config = config();
    config.limits.send_wait = Duration::from_millis(50);
    let bridge = Bridge::with(config, Policy::default());
    let gateway = bridge.smpp_gateway().await;
    let sent = bridge.send(gateway, text("hi")).await;
    assert_eq!(
        (sent.status, sent.member("delivery_status")),
        (201, json!("queued"))
    );
    assert_eq!(sent.member("requested_at"), sent.member("created_at"));
    assert_eq!(sent.member("remote_response"), json!(null));
}

#[tokio::test]
async fn prefer_respond_async_does_not_wait() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let began = std::time::Instant::now();
    let id = bridge.queued(gateway, text("hi")).await;
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(bridge.message(id).await["state"], "queued");
    bridge.upstream(gateway, |_| taken("a")).await;
    assert_eq!(bridge.message(id).await["state"], "submitted");
}

#[tokio::test]
async fn fields_are_checked_after_the_gateway_and_nothing_is_recorded() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    for (body, fields) in [
        (
            json!({"from_sender": "A", "message": "hi"}),
            &["to_number"][..],
        ),
        (
            json!({"from_sender": "A", "to_number": "+49151123"}),
            &["message"],
        ),
        (
            json!({"to_number": "+49151123", "message": "hi"}),
            &["from_sender"],
        ),
        (json!({}), &["to_number", "from_sender", "message"]),
    ] {
        let answer = bridge.send(gateway, body).await;
        assert_eq!(
            (answer.status, answer.error_fields()),
            (422, fields.iter().map(|f| f.to_string()).collect())
        );
    }
    let missing = bridge.send(999, json!({})).await;
    assert_eq!(missing.status, 404);
    let path = format!("/api/sms-gateways/{gateway}");
    bridge
        .json("PATCH", &path, ADMIN, json!({"is_active": false}))
        .await;
    let inactive = bridge.send(gateway, json!({})).await;
    assert_eq!(inactive.status, 422);
    assert_eq!(
        inactive.json(),
        json!({"message": "SMS gateway is inactive."})
    );
    let all = bridge.get("/api/sms-messages", READER).await;
    assert_eq!(all.json()["data"], json!([]));
}

#[tokio::test]
async fn a_long_text_waits_for_all_its_segments() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let (sent, _) = tokio::join!(
        bridge.send(gateway, text(&"a".repeat(307))),
        bridge.upstream(gateway, |n| taken(&format!("s-{n}"))),
    );
    assert_eq!((sent.status, sent.member("parts")), (201, json!(3)));
    assert_eq!(sent.member("unicode"), json!(false));
    assert_eq!(
        sent.member("remote_response")["parts"][2]["message_id"],
        "s-3"
    );
}

#[tokio::test]
async fn a_full_queue_is_429_with_retry_after() {
    let policy = Policy {
        queued_per_gateway_max: 1,
        ..Policy::default()
    };
    let bridge = Bridge::with(config(), policy);
    let gateway = bridge.smpp_gateway().await;
    bridge.queued(gateway, text("one")).await;
    let refused = bridge.send(gateway, text("two")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
}

const SEND: [(&str, &str); 3] = [
    ("authorization", "Bearer send-token"),
    ("content-type", "application/json"),
    ("prefer", "respond-async"),
];

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_sends_nothing() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let path = format!("/api/sms-gateways/{gateway}/send");
    let with_key = |key: &'static str| [&SEND[..], &[("idempotency-key", key)]].concat();
    let first = bridge
        .call("POST", &path, &with_key("k1"), text("hi").to_string())
        .await;
    assert_eq!(first.status, 201);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = bridge
        .call("POST", &path, &with_key("k1"), text("hi").to_string())
        .await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = bridge
        .call("POST", &path, &with_key("k1"), text("ho").to_string())
        .await;
    assert_eq!(other.status, 422);
    let own = bridge
        .call("POST", &path, &with_key("k2"), text("hi").to_string())
        .await;
    assert_ne!(own.member("id"), first.member("id"));
    let list = bridge.get("/api/sms-messages", READER).await;
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 2);
    let long = "k".repeat(256);
    let headers = [&SEND[..], &[("idempotency-key", &long)]].concat();
    let wrong = bridge
        .call("POST", &path, &headers, text("hi").to_string())
        .await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn a_key_whose_first_request_runs_is_409() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let path = format!("/api/sms-gateways/{gateway}/send");
    let headers = [SEND[0], SEND[1], ("idempotency-key", "k")];
    let first = bridge.call("POST", &path, &headers, text("hi").to_string());
    let second = async {
        let second = bridge
            .call("POST", &path, &headers, text("hi").to_string())
            .await;
        bridge.upstream(gateway, |_| taken("a")).await;
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (201, 409));
}

#[tokio::test]
async fn a_key_whose_first_request_was_cut_off_is_answered_from_the_record() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let path = format!("/api/sms-gateways/{gateway}/send");
    let headers = [SEND[0], SEND[1], ("idempotency-key", "k")];
    let first = bridge.call("POST", &path, &headers, text("hi").to_string());
    let cut = tokio::time::timeout(Duration::from_millis(100), first).await;
    assert!(cut.is_err(), "the client hangs up while it waits");
    let id = bridge.upstream(gateway, |_| taken("a")).await;
    let again = bridge
        .call("POST", &path, &headers, text("hi").to_string())
        .await;
    assert_eq!((again.status, again.member("id")), (201, json!(id)));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.member("state"), "submitted");
}
