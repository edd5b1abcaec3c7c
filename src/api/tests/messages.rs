//! Reading messages and their trails.

use serde_json::{Value, json};

use super::support::{Bridge, READER, SENDER, refused, taken, text};
use crate::message::{GatewayId, MoRecord, MoRoute, Report, SmppReport, State, sample};
use crate::store::{Evidence, Finding, IdRule, Inbound, Unmatched};

async fn receipt(bridge: &Bridge, gateway: u64, id: &str, stat: &str, state: State) -> Finding {
    let evidence = Evidence {
        gateway: GatewayId(u32::try_from(gateway).unwrap()),
        ids: vec![id.into()],
        id_rule: IdRule::Auto,
        state: Some(state),
        report: Report::Smpp(SmppReport {
            id: id.into(),
            stat: stat.into(),
            err: Some("000".into()),
            ..SmppReport::default()
        })
        .into(),
        verbatim: false,
        always_delivered_at: false,
        if_unmatched: Unmatched::Keep,
    };
    bridge
        .store
        .inbound(vec![Inbound::Receipt(Box::new(evidence))])
        .await
        .unwrap()[0]
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_trail_of_a_delivered_message_is_requested_submitted_receipt() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let id = bridge.queued(gateway, text("hi")).await;
    bridge.upstream(gateway, |_| taken("a")).await;
    receipt(&bridge, gateway, "a", "DELIVRD", State::Delivered).await;
    receipt(&bridge, gateway, "a", "UNDELIV", State::Undelivered).await;
    let events = bridge.events(id).await;
    assert_eq!(
        kinds(&events),
        ["requested", "submitted", "receipt", "receipt"]
    );
    let field = |n: usize, name: &str| events[n][name].clone();
    assert_eq!(
        (field(0, "from_state"), field(0, "to_state")),
        (json!(null), json!("queued"))
    );
    assert_eq!(field(1, "to_state"), "submitted");
    assert_eq!(field(1, "detail")["command_status_name"], "ESME_ROK");
    assert_eq!(
        (field(2, "from_state"), field(2, "to_state")),
        (json!("submitted"), json!("delivered"))
    );
    assert_eq!(field(2, "detail")["applied"], true);
    assert_eq!(field(3, "detail")["applied"], false);
    assert_eq!(field(3, "to_state"), "delivered");
    let seqs: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert!(
        events
            .windows(2)
            .all(|w| w[0]["at"].as_str() <= w[1]["at"].as_str())
    );
    let record = bridge.message(id).await;
    assert_eq!(record["delivery_status"], "delivered");
    assert_eq!(record["remote_response"]["stat"], "DELIVRD");
    assert!(record["delivered_at"].is_string() && record["last_dlr_at"].is_string());
}

#[tokio::test]
async fn messages_are_filtered_and_listed_newest_first() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let other = bridge.smpp_gateway().await;
    let with = |tenant: u64| {
        let mut body = text("hi");
        body["tenant_id"] = json!(tenant);
        body
    };
    let one = bridge.queued(gateway, with(7)).await;
    bridge.upstream(gateway, |_| taken("a")).await;
    let two = bridge.queued(gateway, with(8)).await;
    bridge
        .upstream(gateway, |_| refused(0x0B, "ESME_RINVDSTADR"))
        .await;
    let three = bridge.queued(other, with(7)).await;
    let of_gateway = format!("/api/sms-gateways/{gateway}/messages");
    let ids = async |path: &str| {
        let answer = bridge.get(path, READER).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let rows = answer.json()["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|m| m["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("/api/sms-messages").await, [three, two, one]);
    assert_eq!(ids(&of_gateway).await, [two, one]);
    assert_eq!(ids(&format!("{of_gateway}?tenant_id=7")).await, [one]);
    assert_eq!(ids("/api/sms-messages?tenant_id=9").await, [0; 0]);
    assert_eq!(ids("/api/sms-messages?state=failed").await, [two]);
    assert_eq!(
        ids("/api/sms-messages?delivery_status=submitted").await,
        [one]
    );
    assert_eq!(ids("/api/sms-messages?external_message_id=a").await, [one]);
    assert_eq!(
        ids("/api/sms-messages?to_number=%2B4915112345678&per_page=1&page=2").await,
        [two]
    );
    assert_eq!(
        ids("/api/sms-messages?to_number=+4915112345678")
            .await
            .len(),
        3
    );
    assert_eq!(ids("/api/sms-messages?to=2020-01-01").await, [0; 0]);
    assert_eq!(
        ids("/api/sms-messages?from=2020-01-01T00:00:00Z")
            .await
            .len(),
        3
    );
    for wrong in ["state=lost", "tenant_id=0", "from=soon", "page=x"] {
        let answer = bridge
            .get(&format!("/api/sms-messages?{wrong}"), READER)
            .await;
        assert_eq!(
            (answer.status, answer.error_fields().len()),
            (422, 1),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_message_is_cancelled_only_while_it_waits() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let id = bridge.queued(gateway, text("hi")).await;
    let path = format!("/api/sms-messages/{id}/cancel");
    assert_eq!(
        bridge.json("POST", &path, READER, json!({})).await.status,
        403
    );
    let cancelled = bridge.json("POST", &path, SENDER, json!({})).await;
    assert_eq!(
        (cancelled.status, cancelled.member("state")),
        (200, json!("cancelled"))
    );
    assert_eq!(
        bridge.json("POST", &path, SENDER, json!({})).await.status,
        409
    );
    assert_eq!(kinds(&bridge.events(id).await), ["requested", "cancelled"]);
    let nobody = bridge
        .json("POST", "/api/sms-messages/12/cancel", SENDER, json!({}))
        .await;
    assert_eq!(nobody.status, 404);
}

#[tokio::test]
async fn who_is_unknown_is_404() {
    let bridge = Bridge::new();
    for path in [
        "/api/sms-messages/1",
        "/api/sms-messages/x",
        "/api/sms-messages/1/events",
        "/api/mo-messages/1",
        "/api/sms-gateways/7/messages",
    ] {
        assert_eq!(bridge.get(path, READER).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn mo_messages_show_class_and_callback_state() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let record = |profile: Option<u64>| MoRecord {
        gateway: GatewayId(u32::try_from(gateway).unwrap()),
        route: MoRoute {
            service_profile: profile,
            ..sample::mo().route
        },
        ..sample::mo()
    };
    let inbound = vec![
        Inbound::Mo(Box::new(record(Some(12)))),
        Inbound::Mo(Box::new(record(None))),
    ];
    let findings = bridge.store.inbound(inbound).await.unwrap();
    let [Finding::Mo { id: routed }, Finding::Mo { id: unrouted }] = findings[..] else {
        panic!("{findings:?}");
    };
    let read = bridge
        .get(&format!("/api/mo-messages/{routed}"), READER)
        .await;
    assert_eq!(read.member("state"), "pending");
    assert_eq!(read.member("traffic_class"), "a2p");
    assert_eq!(read.member("payload"), "hi");
    assert_eq!(
        read.member("endpoint"),
        json!({"id": 1, "name": "Meter 17"})
    );
    assert_eq!(
        (read.member("attempts"), read.member("last_status")),
        (json!(0), json!(null))
    );
    let list = bridge.get("/api/mo-messages?state=unrouted", READER).await;
    let rows = list.json()["data"].as_array().unwrap().clone();
    assert_eq!((rows.len(), rows[0]["id"].clone()), (1, json!(unrouted.0)));
    assert_eq!(
        bridge.get("/api/mo-messages?state=x", READER).await.status,
        422
    );
    let again = format!("/api/mo-messages/{unrouted}/redeliver");
    assert_eq!(
        bridge.json("POST", &again, SENDER, json!({})).await.status,
        409
    );
    let mt = bridge
        .get(&format!("/api/sms-messages/{routed}"), READER)
        .await;
    assert_eq!(mt.status, 404, "an MO is no MT");
}

#[tokio::test]
async fn orphans_are_listed_with_their_reason() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let finding = receipt(&bridge, gateway, "nobody", "DELIVRD", State::Delivered).await;
    assert_eq!(finding, Finding::Orphan);
    let list = bridge.get("/api/orphans", READER).await;
    let row = list.json()["data"][0].clone();
    assert_eq!(row["message_ids"], json!(["nobody"]));
    assert_eq!(
        (row["status"].clone(), row["source"].clone()),
        (json!("DELIVRD"), json!("smpp"))
    );
    assert!(row["reason"].is_string());
}
