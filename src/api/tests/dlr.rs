//! Inbound reports over HTTP.

use serde_json::{Value, json};

use super::support::{ADMIN, Answer, Bridge, config, dispatched};
use crate::message::{GatewayId, Head, sample};
use crate::store::{Acceptance, NewMessage, Policy};

/// A message that an HTTP gateway has dispatched, since sending through one is not ours to test.
async fn submitted(bridge: &Bridge, gateway: u64, upstream_id: &str, answer: Value) -> u64 {
    let head = Head {
        gateway: GatewayId(u32::try_from(gateway).unwrap()),
        ..sample::head()
    };
    let new = NewMessage {
        head,
        text: "hi".into(),
        key: None,
        wait: false,
    };
    let Acceptance::Accepted { id, .. } = bridge.store.accept(new).await.unwrap() else {
        panic!("it is accepted");
    };
    let sent = bridge
        .upstream(gateway, |_| dispatched(upstream_id, answer.clone()))
        .await;
    assert_eq!(sent, id.0);
    id.0
}

async fn dlr(bridge: &Bridge, path: &str, body: Value) -> Answer {
    let json = [("content-type", "application/json")];
    bridge.call("POST", path, &json, body.to_string()).await
}

fn path(gateway: u64) -> String {
    format!("/api/sms-gateways/{gateway}/dlr")
}

#[tokio::test]
async fn a_report_is_written_word_for_word_by_whatever_way_it_comes() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let alias = format!("/webhooks/jasmin/{gateway}/dlr");
    for (n, way) in ["json", "alias", "slash", "form", "get"]
        .into_iter()
        .enumerate()
    {
        let id = format!("p-{n}");
        let message = submitted(&bridge, gateway, &id, json!({"message_id": id})).await;
        let body = json!({"message_id": id, "status": "DELIVRD"});
        let pairs = format!("message_id={id}&status=DELIVRD");
        let answer = match way {
            "json" => dlr(&bridge, &path(gateway), body).await,
            "alias" => dlr(&bridge, &alias, body).await,
            "slash" => dlr(&bridge, &format!("{alias}/"), body).await,
            "form" => bridge.call("POST", &path(gateway), &form, pairs).await,
            _ => {
                bridge
                    .call("GET", &format!("{alias}?{pairs}"), &[], "")
                    .await
            }
        };
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"message": "DLR received"}))
        );
        let record = bridge.message(message).await;
        assert_eq!(record["delivery_status"], "delivrd", "{way}");
        assert_eq!(record["state"], "delivered");
        assert!(record["delivered_at"].is_string());
    }
}

#[tokio::test]
async fn words_move_the_state_and_only_delivered_sets_the_time() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    for (word, shown, state, delivered) in [
        (Some("UNDELIV"), "undeliv", "undelivered", false),
        (Some("Delivered"), "delivered", "delivered", true),
        (None, "delivered", "delivered", true),
        (Some("ESME_ROK"), "esme_rok", "enroute", false),
        (Some("ESME_RINVDSTADR"), "esme_rinvdstadr", "failed", false),
        (Some("teleported"), "teleported", "submitted", false),
    ] {
        let id = format!("w-{word:?}");
        let message = submitted(&bridge, gateway, &id, json!({})).await;
        let answer = dlr(&bridge, &path(gateway), json!({"id": id, "status": word})).await;
        assert_eq!(answer.status, 200);
        let record = bridge.message(message).await;
        assert_eq!(
            (&record["delivery_status"], &record["state"]),
            (&json!(shown), &json!(state))
        );
        assert_eq!(record["delivered_at"].is_string(), delivered, "{word:?}");
        if word == Some("ESME_ROK") {
            dlr(
                &bridge,
                &path(gateway),
                json!({"id": id, "status": "DELIVRD"}),
            )
            .await;
            assert_eq!(bridge.message(message).await["state"], "delivered");
        }
    }
}

#[tokio::test]
async fn members_are_merged_and_the_trail_keeps_the_original() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let message = submitted(&bridge, gateway, "a", json!({"message_id": "a", "cost": 1})).await;
    let report = json!({
        "message_id": "a", "status": "DELIVRD", "cost": 2, "err": "000", "x": {"y": 1},
        "token": "t",
    });
    dlr(&bridge, &path(gateway), report).await;
    let remote = bridge.message(message).await["remote_response"].clone();
    assert_eq!(
        (&remote["cost"], &remote["x"]),
        (&json!(2), &json!({"y": 1}))
    );
    assert_eq!(remote["http_status"], 200);
    assert!(remote.get("token").is_none());
    let events = bridge.events(message).await;
    assert_eq!(events[1]["type"], "dispatched");
    assert_eq!(events[1]["detail"]["response"]["body"]["cost"], 1);
    assert_eq!(
        (&events[2]["type"], &events[2]["detail"]["defaulted"]),
        (&json!("dlr"), &json!(false))
    );
}

#[tokio::test]
async fn the_first_verdict_stands_and_later_ones_are_listed_as_ignored() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let message = submitted(&bridge, gateway, "a", json!({})).await;
    dlr(
        &bridge,
        &path(gateway),
        json!({"id": "a", "status": "DELIVRD"}),
    )
    .await;
    let before = bridge.message(message).await;
    for late in [
        json!({"id": "a", "status": "DELIVRD"}),
        json!({"id": "a", "status": "UNDELIV"}),
    ] {
        assert_eq!(dlr(&bridge, &path(gateway), late).await.status, 200);
    }
    let after = bridge.message(message).await;
    for member in [
        "delivery_status",
        "state",
        "updated_at",
        "delivered_at",
        "remote_response",
    ] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_ne!(after["last_dlr_at"], before["last_dlr_at"]);
    let events = bridge.events(message).await;
    assert_eq!(events.last().unwrap()["type"], "dlr_ignored");
}

#[tokio::test]
async fn what_names_nobody_is_acknowledged_and_kept() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let other = bridge.gateway(json!({})).await;
    let message = submitted(&bridge, gateway, "a", json!({})).await;
    for (path, body) in [
        (path(gateway), json!({"id": "b", "status": "DELIVRD"})),
        (path(other), json!({"id": "a", "status": "DELIVRD"})),
        (path(gateway), json!({"status": "DELIVRD"})),
        (path(gateway), json!({})),
    ] {
        assert_eq!(dlr(&bridge, &path, body).await.status, 200);
    }
    assert_eq!(bridge.message(message).await["state"], "submitted");
    let orphans = bridge.get("/api/orphans", ADMIN).await;
    assert_eq!(orphans.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(dlr(&bridge, &path(999), json!({})).await.status, 404);
    // The first of them comes to its message when its id becomes known.
    let late = submitted(&bridge, gateway, "b", json!({})).await;
    assert_eq!(bridge.message(late).await["state"], "delivered");
}

#[tokio::test]
async fn a_gateway_with_a_token_takes_no_report_without_it() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({"callback_token": "tok-6"})).await;
    let message = submitted(&bridge, gateway, "a", json!({})).await;
    let report = json!({"id": "a", "status": "DELIVRD"});
    let refused = dlr(&bridge, &path(gateway), report.clone()).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json(),
        json!({"message": "Invalid callback token."})
    );
    let malformed = bridge.call("POST", &path(gateway), &[], "{\"id").await;
    assert_eq!(malformed.status, 403, "the token comes before the body");
    assert_eq!(bridge.message(message).await["state"], "submitted");
    let with_token = format!("{}?token=tok-6", path(gateway));
    assert_eq!(dlr(&bridge, &with_token, report).await.status, 200);
    let record = bridge.message(message).await;
    assert_eq!(record["state"], "delivered");
    assert!(!record["callback_url"].as_str().unwrap().contains("tok-6"));
    assert!(!record.to_string().contains("tok-6"));
}

#[tokio::test]
async fn malformed_reports_change_nothing_and_arrays_change_all() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let mut messages = Vec::new();
    for id in ["a", "b", "c"] {
        messages.push(submitted(&bridge, gateway, id, json!({})).await);
    }
    let json_type = [("content-type", "application/json")];
    let bad = bridge
        .call("POST", &path(gateway), &json_type, "{\"id\":\"a\"")
        .await;
    assert_eq!(bad.status, 400);
    assert_eq!(bridge.message(messages[0]).await["state"], "submitted");
    let three = json!([{"id": "a"}, {"id": "b", "status": "EXPIRED"}, {"id": "c"}]);
    assert_eq!(dlr(&bridge, &path(gateway), three).await.status, 200);
    let mut states = Vec::new();
    for message in messages {
        states.push(bridge.message(message).await["state"].clone());
    }
    assert_eq!(states, ["delivered", "expired", "delivered"]);
}

#[tokio::test]
async fn lifecycle_mode_shows_the_documented_words() {
    let bridge = Bridge::new();
    let meta = json!({"delivery_status_mode": "lifecycle"});
    let gateway = bridge.gateway(json!({"meta": meta})).await;
    let message = submitted(&bridge, gateway, "a", json!({})).await;
    dlr(
        &bridge,
        &path(gateway),
        json!({"id": "a", "status": "DELIVRD"}),
    )
    .await;
    assert_eq!(
        bridge.message(message).await["delivery_status"],
        "delivered"
    );
}

#[tokio::test]
async fn reports_apply_to_deleted_and_inactive_gateways() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let one = submitted(&bridge, gateway, "a", json!({})).await;
    let two = submitted(&bridge, gateway, "b", json!({})).await;
    let itself = format!("/api/sms-gateways/{gateway}");
    bridge
        .json("PATCH", &itself, ADMIN, json!({"is_active": false}))
        .await;
    dlr(
        &bridge,
        &path(gateway),
        json!({"id": "a", "status": "DELIVRD"}),
    )
    .await;
    assert_eq!(bridge.message(one).await["state"], "delivered");
    bridge.json("DELETE", &itself, ADMIN, json!({})).await;
    assert_eq!(
        dlr(&bridge, &path(gateway), json!({"id": "b"}))
            .await
            .status,
        200
    );
    assert_eq!(bridge.message(two).await["state"], "delivered");
    assert_eq!(bridge.message(two).await["delivery_status"], "delivered");
}

#[tokio::test]
async fn jasmin_gets_its_own_acknowledgement() {
    let bridge = Bridge::new();
    let gateway = bridge.gateway(json!({})).await;
    let answer = bridge
        .call("POST", &path(gateway), &[("accept", "text/plain")], "id=1")
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "ACK/Jasmin"));
    assert_eq!(answer.headers["content-type"], "text/plain");
}

#[tokio::test]
async fn the_switches_of_the_configuration_hold() {
    let mut strict = config();
    strict.dlr.require_status = true;
    strict.dlr.delivered_at = crate::config::DeliveredAt::Always;
    let bridge = Bridge::with(strict, Policy::default());
    let gateway = bridge.gateway(json!({})).await;
    let message = submitted(&bridge, gateway, "a", json!({})).await;
    let refused = dlr(&bridge, &path(gateway), json!({"id": "a"})).await;
    assert_eq!(
        (refused.status, refused.error_fields()),
        (422, vec!["status".into()])
    );
    dlr(
        &bridge,
        &path(gateway),
        json!({"id": "a", "status": "UNDELIV"}),
    )
    .await;
    let record = bridge.message(message).await;
    assert_eq!(record["state"], "undelivered");
    assert!(record["delivered_at"].is_string());

    let mut closed = config();
    closed.dlr.require_token = true;
    let bridge = Bridge::with(closed, Policy::default());
    let gateway = bridge.gateway(json!({})).await;
    assert_eq!(
        dlr(&bridge, &path(gateway), json!({"id": "a"}))
            .await
            .status,
        403
    );
}
