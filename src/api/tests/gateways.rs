//! Gateway records.

use serde_json::json;

use super::support::{ADMIN, Bridge, READER, SENDER};
use crate::message::{GatewayId, GatewayStatus, Timestamp};

#[tokio::test]
async fn a_gateway_of_four_members_has_the_documented_defaults() {
    let bridge = Bridge::new();
    let body = json!({
        "name": "n", "provider_type": "http", "server_host": "h", "server_port": 80, "x": {},
    });
    let made = bridge.json("POST", "/api/sms-gateways", ADMIN, body).await;
    assert_eq!(made.status, 201);
    assert!(made.member("id").as_u64().unwrap() >= 1);
    for (name, value) in [
        ("api_path", json!("send")),
        ("use_ssl", json!(false)),
        ("is_active", json!(true)),
        ("default_sender_id", json!(null)),
        ("callback_token", json!(null)),
        ("meta", json!(null)),
        ("notes", json!(null)),
        ("messages_count", json!(0)),
        ("has_password", json!(false)),
        ("transport", json!("http")),
    ] {
        assert_eq!(made.member(name), value, "{name}");
    }
    let created_at = made.member("created_at");
    assert_eq!(created_at.as_str().unwrap().len(), 27);
    assert_eq!(created_at, made.member("updated_at"));
}

#[tokio::test]
async fn no_answer_ever_holds_the_password() {
    let bridge = Bridge::new();
    let id = bridge
        .gateway(json!({"username": "u", "password": "hush-hush"}))
        .await;
    let path = format!("/api/sms-gateways/{id}");
    let answers = [
        bridge.get(&path, ADMIN).await,
        bridge.get("/api/sms-gateways", ADMIN).await,
        bridge
            .json("PUT", &path, ADMIN, json!({"password": "hush-hush"}))
            .await,
        bridge
            .json("PATCH", &path, ADMIN, json!({"name": "new"}))
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains("hush"), "{}", answer.text);
        assert!(answer.text.contains("\"has_password\":true"));
    }
}

#[tokio::test]
async fn secrets_show_by_scope() {
    let bridge = Bridge::new();
    let meta = json!({"a": {"b": [1, 2]}, "http": {"api_key": "k"}});
    let gateway = json!({"username": "u", "callback_token": "tok", "meta": meta});
    let id = bridge.gateway(gateway).await;
    let path = format!("/api/sms-gateways/{id}");
    let redacted = json!({"a": {"b": [1, 2]}, "http": {"api_key": null}});
    for (token, callback_token, username, meta) in [
        (ADMIN, json!("tok"), json!("u"), meta),
        (SENDER, json!(null), json!("u"), redacted.clone()),
        (READER, json!(null), json!(null), redacted),
    ] {
        let read = bridge.get(&path, token).await;
        assert_eq!(read.member("callback_token"), callback_token, "{token}");
        assert_eq!(read.member("username"), username, "{token}");
        assert_eq!(read.member("meta"), meta, "{token}");
        assert_eq!(read.member("has_callback_token"), json!(true));
    }
}

#[tokio::test]
async fn each_missing_member_is_named_alone() {
    let bridge = Bridge::new();
    let whole = json!({"name": "n", "provider_type": "http", "server_host": "h", "server_port": 1});
    for name in ["name", "provider_type", "server_host", "server_port"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(name);
        let answer = bridge.json("POST", "/api/sms-gateways", ADMIN, body).await;
        assert_eq!(
            (answer.status, answer.error_fields()),
            (422, vec![name.to_owned()])
        );
        assert_eq!(answer.json()["message"], answer.json()["errors"][name][0]);
    }
    for port in [json!(0), json!(65536), json!("80x"), json!(-1)] {
        let mut body = whole.clone();
        body["server_port"] = port;
        let answer = bridge.json("POST", "/api/sms-gateways", ADMIN, body).await;
        assert_eq!(
            (answer.status, answer.error_fields()),
            (422, vec!["server_port".into()])
        );
    }
}

#[tokio::test]
async fn lists_are_searched_filtered_and_paged() {
    let bridge = Bridge::new();
    let main = bridge.smpp_gateway().await;
    let other = bridge.gateway(json!({"is_active": false})).await;
    let ids = async |query: &str| {
        let answer = bridge
            .get(&format!("/api/sms-gateways{query}"), READER)
            .await;
        assert!(answer.json()["message"].is_string());
        let rows = answer.json()["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|g| g["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [main, other]);
    assert_eq!(ids("/?search=SMSC-M").await, [main]);
    assert_eq!(ids("?search=HTTP").await, [other]);
    assert_eq!(ids("?is_active=true").await, [main]);
    assert_eq!(ids("?is_active=0").await, [other]);
    assert_eq!(ids("?page=2&per_page=1").await, [other]);
    let wrong = bridge.get("/api/sms-gateways?page=0", READER).await;
    assert_eq!(
        (wrong.status, wrong.error_fields()),
        (422, vec!["page".into()])
    );
}

#[tokio::test]
async fn a_change_keeps_the_rest_and_null_clears() {
    let bridge = Bridge::new();
    let id = bridge
        .gateway(json!({"password": "p", "default_sender_id": "Brand", "api_path": "/a/b"}))
        .await;
    let path = format!("/api/sms-gateways/{id}");
    let before = bridge.get(&path, ADMIN).await.json()["data"].clone();
    let patched = bridge
        .json("PATCH", &path, ADMIN, json!({"name": "new"}))
        .await;
    for (name, value) in before.as_object().unwrap() {
        match name.as_str() {
            "name" => assert_eq!(patched.member(name), "new"),
            "updated_at" => {}
            _ => assert_eq!(patched.member(name), *value, "{name}"),
        }
    }
    let cleared = json!({"default_sender_id": null, "api_path": null});
    bridge.json("PUT", &path, ADMIN, cleared).await;
    let read = bridge.get(&path, ADMIN).await;
    assert_eq!(read.member("default_sender_id"), json!(null));
    assert_eq!(read.member("api_path"), "send");
    assert_eq!(read.member("has_password"), json!(true));
    let gateway = bridge
        .store
        .any_gateway(GatewayId(u32::try_from(id).unwrap()))
        .await;
    assert_eq!(gateway.unwrap().unwrap().password.as_deref(), Some("p"));
}

#[tokio::test]
async fn who_is_not_there_is_404_and_a_deleted_one_is_not_there() {
    let bridge = Bridge::new();
    let id = bridge.smpp_gateway().await;
    for path in [
        "/api/sms-gateways/999999",
        "/api/sms-gateways/abc",
        "/api/sms-gateways/%ff",
    ] {
        assert_eq!(bridge.get(path, ADMIN).await.status, 404, "{path}");
        assert_eq!(
            bridge.json("PATCH", path, ADMIN, json!({})).await.status,
            404
        );
    }
    let path = format!("/api/sms-gateways/{id}");
    assert_eq!(
        bridge.json("DELETE", &path, ADMIN, json!({})).await.status,
        200
    );
    assert_eq!(bridge.get(&path, ADMIN).await.status, 404);
    assert_eq!(
        bridge.send(id, super::support::text("hi")).await.status,
        404
    );
    assert_eq!(
        bridge.json("DELETE", &path, ADMIN, json!({})).await.status,
        404
    );
    let next = bridge.smpp_gateway().await;
    assert!(next > id, "numbers are never used twice");
}

#[tokio::test]
async fn the_live_state_shows_in_status() {
    let bridge = Bridge::new();
    let id = bridge.smpp_gateway().await;
    let path = format!("/api/sms-gateways/{id}");
    assert_eq!(
        bridge.get(&path, READER).await.member("status")["bind"],
        "closed"
    );
    let status = GatewayStatus {
        bind: "bound_trx",
        since: Timestamp(1_740_838_930_000_000),
        bound: 1,
        wanted: 1,
        reason: None,
    };
    bridge
        .board
        .set(GatewayId(u32::try_from(id).unwrap()), status);
    let status = bridge.get(&path, READER).await.member("status");
    assert_eq!(status["bind"], "bound_trx");
    assert_eq!(status["since"], "2025-03-01T14:22:10.000000Z");
    assert_eq!(status["queue"], 0);
}
