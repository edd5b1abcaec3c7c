//! The gateway API against the running daemon: gateways, sends over SMPP, delivery
//! reports over HTTP.
//!
//! Method: one daemon a test, or a table of cases against one; each test is named after
//! the acceptance rule it checks.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Answer as Reaction, IdFormat, Options, Simulator};
use smpp_protocol::command::CommandStatus;
use std::time::{Duration, Instant};

const GATEWAYS: &str = "/api/sms-gateways";

// ---- gateway records

/// Also G-002.
#[tokio::test]
async fn g_001_create_returns_a_positive_id_and_the_defaults() {
    let bridge = Bridge::alone().await;
    let body = with(
        http::http_gateway(),
        json!({"username": "u", "password": "p"}),
    );
    let made = bridge.http.json("POST", GATEWAYS, ADMIN, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.id() > 0);
    let body = http::http_gateway();
    let made = bridge.http.json("POST", GATEWAYS, ADMIN, body).await;
    for (name, value) in [
        ("api_path", json!("send")),
        ("use_ssl", json!(false)),
        ("is_active", json!(true)),
        ("default_sender_id", Value::Null),
        ("callback_token", Value::Null),
        ("meta", Value::Null),
        ("notes", Value::Null),
        ("messages_count", json!(0)),
        ("has_password", json!(false)),
        ("transport", json!("http")),
    ] {
        assert_eq!(made.member(name), value, "{name}");
    }
    let stamp = made.member("created_at");
    assert!(is_iso_microseconds(stamp.as_str().unwrap()), "{stamp}");
}

/// `2025-03-01T14:22:10.000000Z`
fn is_iso_microseconds(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(b, s)| match s {
            b'd' => b.is_ascii_digit(),
            s => b == s,
        })
}

#[tokio::test]
async fn g_003_no_answer_ever_shows_the_password() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    let secret = "Tops3cret-98";
    let body = with(
        http::http_gateway(),
        json!({"username": "u", "password": secret}),
    );
    let made = http.json("POST", GATEWAYS, ADMIN, body).await;
    let path = format!("{GATEWAYS}/{}", made.id());
    let put = json!({"name": "n", "password": secret});
    let answers = [
        made,
        http.get(&path, ADMIN).await,
        http.get(&path, SENDER).await,
        http.get(GATEWAYS, ADMIN).await,
        http.json("PUT", &path, ADMIN, put.clone()).await,
        http.json("PATCH", &path, ADMIN, put).await,
        http.json(
            "PATCH",
            &path,
            ADMIN,
            json!({"password": secret, "server_port": 0}),
        )
        .await,
    ];
    for answer in &answers {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    assert_eq!(answers[1].member("has_password"), true);
    assert!(answers[1].json().get("password").is_none());
    assert!(!bridge.log().contains(secret));
}

/// Also G-005.
#[tokio::test]
async fn g_004_only_an_administrator_reads_the_callback_token() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    let id = http.create_http(json!({"callback_token": "tok-6"})).await;
    let path = format!("{GATEWAYS}/{id}");
    let seen = http.get(&path, ADMIN).await;
    assert_eq!(seen.member("callback_token"), "tok-6");
    for token in [READER, SENDER] {
        let seen = http.get(&path, token).await;
        assert_eq!(seen.member("callback_token"), Value::Null);
        assert_eq!(seen.member("has_callback_token"), true);
        let list = http.get(GATEWAYS, token).await;
        assert!(!list.text().contains("tok-6"));
    }
}

/// Also G-007.
#[tokio::test]
async fn g_006_the_list_has_every_gateway_and_can_be_searched() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    let one = http.create_http(json!({"name": "smsc-main"})).await;
    let two = http.create_http(json!({"name": "Prov"})).await;
    let list = async |query: &str| {
        let answer = http.get(&format!("{GATEWAYS}{query}"), READER).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        assert!(json["message"].is_string());
        let rows = json["data"].as_array().unwrap();
        let ids = rows.iter().map(|row| row["id"].as_u64().unwrap());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(list("").await, [one, two]);
    assert_eq!(list("/").await, [one, two]);
    assert_eq!(list("?search=SMSC-M").await, [one]);
    assert_eq!(list("?search=127.0.0").await, [one, two]);
    assert_eq!(list("?search=nobody").await, [0; 0]);
    assert_eq!(list("?page=2&per_page=1").await, [two]);
    http.patch(two, json!({"is_active": false})).await;
    assert_eq!(list("?is_active=1").await, [one]);
    assert_eq!(list("?is_active=false").await, [two]);
}

/// G-009, G-010, and G-020's refusals: which field is named.
#[tokio::test]
async fn g_009_what_is_missing_or_wrong_is_named_and_nothing_else() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    for name in ["name", "provider_type", "server_host", "server_port"] {
        let mut body = http::http_gateway();
        body.as_object_mut().unwrap().remove(name);
        let answer = http.json("POST", GATEWAYS, ADMIN, body).await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), [name]);
    }
    for (change, field) in [
        (json!({"server_port": 0}), "server_port"),
        (json!({"server_port": 65536}), "server_port"),
        (json!({"server_port": "80x"}), "server_port"),
        (json!({"server_port": -1}), "server_port"),
        (json!({"server_host": "http://x"}), "server_host"),
        (json!({"name": "n".repeat(256)}), "name"),
        (json!({"meta": "text"}), "meta"),
        (json!({"meta": [1]}), "meta"),
        (json!({"provider_type": "smpp"}), "username"),
    ] {
        let body = with(http::http_gateway(), change.clone());
        let answer = http.json("POST", GATEWAYS, ADMIN, body).await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), [field], "{change}");
    }
    let list = http.get(GATEWAYS, ADMIN).await;
    assert_eq!(list.json()["data"], json!([]));
}

/// Also G-013: who may do what.
#[tokio::test]
async fn g_012_without_a_token_401_and_without_the_scope_403() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    let id = http.create_http(json!({})).await;
    let gateway = format!("{GATEWAYS}/{id}");
    let (send, list) = (format!("{gateway}/send"), format!("{gateway}/messages"));
    for (method, path, sender, reader) in [
        ("GET", GATEWAYS, 200, 200),
        ("POST", GATEWAYS, 403, 403),
        ("GET", gateway.as_str(), 200, 200),
        ("PUT", &gateway, 403, 403),
        ("PATCH", &gateway, 403, 403),
        ("DELETE", &gateway, 403, 403),
        ("POST", &send, 422, 403),
        ("GET", &list, 200, 200),
        ("GET", "/api/sms-messages", 200, 200),
        ("GET", "/api/sms-messages/1", 404, 404),
        ("GET", "/api/sms-messages/1/events", 404, 404),
        ("POST", "/api/sms-messages/1/cancel", 404, 403),
        ("GET", "/api/mo-messages", 200, 200),
        ("GET", "/api/mo-messages/1", 404, 404),
        ("POST", "/api/mo-messages/1/redeliver", 404, 403),
        ("GET", "/api/orphans", 403, 200),
        ("GET", "/api/in-doubt", 403, 200),
    ] {
        let no_token = http.call(method, path, &[], "{}").await;
        no_token.must_be_error(401);
        let wrong = http.json(method, path, "no-such-token", json!({})).await;
        wrong.must_be_error(401);
        assert!(wrong.header("location").is_none());
        for (token, status) in [(SENDER, sender), (READER, reader)] {
            let answer = http.json(method, path, token, json!({})).await;
            assert_eq!(answer.status, status, "{method} {path} {token}");
        }
    }
    let all = http.get(GATEWAYS, ADMIN).await;
    assert_eq!(all.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn g_014_a_gateway_that_is_not_there_is_404() {
    let bridge = Bridge::alone().await;
    for id in [
        "999999",
        "abc",
        "0",
        "-1",
        "1.5",
        "4294967297",
        "18446744073709551616",
    ] {
        let path = format!("{GATEWAYS}/{id}");
        for (method, path) in [
            ("GET", path.clone()),
            ("PATCH", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/send")),
            ("GET", format!("{path}/messages")),
            ("POST", format!("{path}/dlr")),
        ] {
            let answer = bridge.http.json(method, &path, ADMIN, json!({})).await;
            answer.must_be_error(404);
        }
    }
}

#[tokio::test]
async fn g_015_a_patched_name_leaves_the_rest_and_the_old_password_still_binds() {
    let mut scene = Scene::new().await;
    let before = scene.http().gateway(scene.gateway).await.json()["data"].clone();
    scene
        .http()
        .patch(scene.gateway, json!({"name": "renamed"}))
        .await;
    let after = scene.http().gateway(scene.gateway).await.json()["data"].clone();
    for (name, value) in before.as_object().unwrap() {
        if !["name", "updated_at", "status"].contains(&name.as_str()) {
            assert_eq!(&after[name], value, "{name}");
        }
    }
    assert_eq!(after["name"], "renamed");
    scene.submitted("before").await;
    assert_eq!(scene.smsc.binds(), 1, "a name does not touch the bind");
    // The password is kept over a restart too: the bind needs it.
    scene.bridge.restart().await;
    scene.submitted("after").await;
}

#[tokio::test]
async fn g_016_null_clears_the_default_sender() {
    let bridge = Bridge::alone().await;
    let id = bridge
        .http
        .create_http(json!({"default_sender_id": "Brand"}))
        .await;
    let path = format!("{GATEWAYS}/{id}");
    let put = json!({"default_sender_id": null});
    let answer = bridge.http.json("PUT", &path, ADMIN, put).await;
    assert_eq!(answer.status, 200);
    let read = bridge.http.gateway(id).await;
    assert_eq!(read.member("default_sender_id"), Value::Null);
}

/// Also G-018 over SMPP: the history outlives its gateway.
#[tokio::test]
async fn g_017_a_deleted_gateway_is_gone_but_its_messages_still_take_reports() {
    let scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    let path = format!("{GATEWAYS}/{}", scene.gateway);
    let deleted = scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    assert_eq!(deleted.status, 200);
    scene.http().gateway(scene.gateway).await.must_be_error(404);
    scene.send(text("again")).await.must_be_error(404);
    let again = scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    again.must_be_error(404);
    wait_for("the unbind", async || {
        (scene.smsc.bound() == 0).then_some(())
    })
    .await;
    let dlr = scene
        .dlr(json!({"message_id": external, "status": "DELIVRD"}))
        .await;
    assert_eq!(dlr.status, 200);
    scene.until_state(id, "delivered").await;
    // An id is never used again.
    let next = scene.http().create_http(json!({})).await;
    assert!(next > scene.gateway);
}

#[tokio::test]
async fn g_020_meta_comes_back_as_it_was_said() {
    let bridge = Bridge::alone().await;
    let meta = json!({"a": {"b": [1, 2]}, "ключ": null, "x": 1.5, "big": 9007199254740993_u64});
    let id = bridge.http.create_http(json!({"meta": meta})).await;
    assert_eq!(bridge.http.gateway(id).await.member("meta"), meta);
}

#[tokio::test]
async fn g_022_after_a_restart_everything_is_as_before() {
    let mut scene = Scene::new().await;
    let other = scene.http().create_http(json!({"meta": {"a": 1}})).await;
    let (delivered, external) = scene.submitted("delivered").await;
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(delivered, "delivered").await;
    scene
        .smsc
        .answer_next([Reaction::Status(CommandStatus::ESME_RINVDSTADR)]);
    assert_eq!(scene.send(text("failed")).await.status, 502);
    scene.submitted("submitted").await;
    scene.app.until("PATCH", "/mo", 2).await;
    let state = async |http: Http| {
        let mut gateways = Vec::new();
        for id in [scene.gateway, other] {
            let mut record = http.gateway(id).await.json()["data"].clone();
            record["status"] = Value::Null;
            gateways.push(record);
        }
        let mut messages = http.get("/api/sms-messages", READER).await.json();
        // It names the listener, whose port is another one in each life.
        for row in messages["data"].as_array_mut().unwrap() {
            row["callback_url"] = Value::Null;
        }
        let mut events = Vec::new();
        for row in messages["data"].as_array().unwrap() {
            events.push(http.events(row["id"].as_u64().unwrap()).await);
        }
        (gateways, messages, events)
    };
    // What became of a callback is written after it was made.
    wait_for("the end of the callbacks", async || {
        let types = scene.http().event_types(delivered).await;
        (types.last().unwrap() == "callback_delivered").then_some(())
    })
    .await;
    let before = state(scene.http()).await;
    assert_eq!(before.1["data"].as_array().unwrap().len(), 3);
    scene.bridge.restart().await;
    let after = state(scene.bridge.http).await;
    assert_eq!(after, before);
}

// ---- sends

/// G-047, G-048, G-050, G-052, G-053 and G-059: the fields of a send.
#[tokio::test]
async fn g_047_a_send_that_breaks_a_rule_is_refused_and_never_sent() {
    let scene = Scene::new().await;
    let change = |change: Value| with(text("hi"), change);
    let without = |name: &str| {
        let mut body = text("hi");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, field) in [
        (without("to_number"), "to_number"),
        (without("message"), "message"),
        (without("from_sender"), "from_sender"),
        (change(json!({"from_sender": ""})), "from_sender"),
        (change(json!({"message": "ж".repeat(1001)})), "message"),
        (change(json!({"to_number": "1".repeat(31)})), "to_number"),
        (change(json!({"to_number": "12"})), "to_number"),
        (change(json!({"to_number": "hello"})), "to_number"),
        (
            change(json!({"from_sender": "s".repeat(31)})),
            "from_sender",
        ),
        (
            change(json!({"from_sender": "TwelveLetter"})),
            "from_sender",
        ),
        (change(json!({"tenant_id": 0})), "tenant_id"),
        (change(json!({"callback_url": "ftp://x/y"})), "callback_url"),
        (
            change(json!({"callback_url": "http://u:p@x/y"})),
            "callback_url",
        ),
    ] {
        let answer = scene.send(body.clone()).await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let path = format!("{GATEWAYS}/{}/send", scene.gateway);
    let bearer = [("authorization", "Bearer send-token")];
    for (body, status) in [("{\"to", 400), ("", 400), ("[]", 422), ("\"x\"", 422)] {
        let answer = scene.http().call("POST", &path, &bearer, body).await;
        answer.must_be_error(status);
    }
    let list = scene.http().get("/api/sms-messages", READER).await;
    assert_eq!(list.json()["data"], json!([]), "no record was made");
    assert_eq!(scene.smsc.submits(), 0);
    // A limit counts characters, and a message of just so many is good.
    let longest = scene
        .send(change(json!({"message": "ж".repeat(1000)})))
        .await;
    assert_eq!(longest.status, 201, "{}", longest.text());
    assert_eq!(longest.member("parts"), 15);
    assert_eq!(longest.member("unicode"), true);
}

/// Also G-053.
#[tokio::test]
async fn g_051_the_gateways_default_sender_stands_in() {
    let scene = Scene::with(|_| {}, json!({"default_sender_id": "Brand"})).await;
    for body in [
        json!({"to_number": "+4915112345678", "message": "absent"}),
        with(text("empty"), json!({"from_sender": ""})),
        with(text("null"), json!({"from_sender": null})),
    ] {
        let sent = scene.send(body).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        assert_eq!(sent.member("from_sender"), "Brand");
    }
    for recorded in scene.smsc.recorded() {
        assert_eq!(recorded.submit.source_addr.to_str(), "Brand");
    }
}

#[tokio::test]
async fn g_054_a_tenant_is_kept_and_can_be_asked_for() {
    let scene = Scene::new().await;
    let sent = scene.send(with(text("hi"), json!({"tenant_id": 7}))).await;
    assert_eq!(sent.member("tenant_id"), 7);
    let path = format!("{GATEWAYS}/{}/messages", scene.gateway);
    for (query, rows) in [("?tenant_id=7", 1), ("?tenant_id=8", 0)] {
        let list = scene.http().get(&format!("{path}{query}"), READER).await;
        assert_eq!(
            list.json()["data"].as_array().unwrap().len(),
            rows,
            "{query}"
        );
    }
}

/// The filters of both lists.
#[tokio::test]
async fn messages_can_be_listed_by_what_is_known_of_them() {
    let scene = Scene::new().await;
    let (first, external) = scene.submitted("first").await;
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(first, "delivered").await;
    let (second, _) = scene.submitted("second").await;
    let prov = scene.http().create_http(json!({})).await;
    for (query, ids) in [
        ("", vec![second, first]),
        ("?delivery_status=delivered", vec![first]),
        ("?delivery_status=submitted", vec![second]),
        ("?state=delivered", vec![first]),
        (&format!("?external_message_id={external}"), vec![first]),
        ("?to_number=%2B4915112345678", vec![second, first]),
        ("?to_number=+4915112345678", vec![second, first]),
        ("?to_number=4915112345678", vec![second, first]),
        ("?to_number=4915100000000", vec![]),
        ("?page=2&per_page=1", vec![first]),
        ("?from=2020-01-01T00:00:00Z", vec![second, first]),
        ("?to=2020-01-01T00:00:00Z", vec![]),
    ] {
        for list in [
            "/api/sms-messages",
            &format!("{GATEWAYS}/{}/messages", scene.gateway),
        ] {
            let answer = scene.http().get(&format!("{list}{query}"), READER).await;
            assert_eq!(answer.status, 200, "{list}{query}: {}", answer.text());
            let json = answer.json();
            let rows = json["data"].as_array().unwrap();
            let found: Vec<u64> = rows.iter().map(|r| r["id"].as_u64().unwrap()).collect();
            assert_eq!(found, ids, "{list}{query}");
        }
    }
    let none = format!("{GATEWAYS}/{prov}/messages");
    let answer = scene.http().get(&none, READER).await;
    assert_eq!(answer.json()["data"], json!([]));
    let wrong = scene
        .http()
        .get("/api/sms-messages?state=lost", READER)
        .await;
    wrong.must_be_error(422);
}

#[tokio::test]
async fn g_056_an_inactive_gateway_takes_no_sends() {
    let scene = Scene::with(|_| {}, json!({"is_active": false})).await;
    let answer = scene.send(text("hi")).await;
    answer.must_be_error(422);
    assert_eq!(answer.json()["message"], "SMS gateway is inactive.");
    assert_eq!(answer.fields(), [""; 0]);
    // Before the fields are looked at.
    let answer = scene.send(json!({})).await;
    assert_eq!(answer.json()["message"], "SMS gateway is inactive.");
    let list = scene.http().get("/api/sms-messages", READER).await;
    assert_eq!(list.json()["data"], json!([]));
    assert_eq!(scene.smsc.submits(), 0);
}

#[tokio::test]
async fn g_057_a_report_to_a_gateway_made_inactive_still_applies() {
    let scene = Scene::new().await;
    let (id, external) = scene.submitted("hi").await;
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": false}))
        .await;
    let answer = scene
        .dlr(json!({"message_id": external, "status": "DELIVRD"}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(scene.record(id).await["state"], "delivered");
}

/// Also G-061 and G-064.
#[tokio::test]
async fn g_060_unknown_members_are_ignored_and_the_answer_repeats_the_record() {
    let scene = Scene::new().await;
    let body = with(
        text("the text"),
        json!({"unknown": {"deep": [1]}, "id": 99}),
    );
    let sent = scene.send(body).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let json = sent.json();
    assert_eq!(json["data"]["message"], "the text");
    assert_ne!(json["message"], "the text");
    for (name, value) in json["data"].as_object().unwrap() {
        if name != "message" {
            assert_eq!(&json[name], value, "{name}");
        }
    }
    assert_eq!(sent.member("delivery_status"), "submitted");
    let record = scene.record(sent.id()).await;
    for name in [
        "id",
        "sms_gateway_id",
        "tenant_id",
        "to_number",
        "from_sender",
        "message",
        "callback_url",
        "delivery_status",
        "external_message_id",
        "remote_response",
        "error_message",
        "requested_at",
        "submitted_at",
        "delivered_at",
        "created_at",
        "updated_at",
        "state",
        "failed_at",
        "last_dlr_at",
        "parts",
        "unicode",
        "traffic_class",
        "provider_error",
    ] {
        assert!(record.get(name).is_some(), "{name}");
    }
    assert_eq!(record["sms_gateway_id"], scene.gateway);
    assert_eq!(record["created_at"], record["requested_at"]);
    for name in ["requested_at", "submitted_at", "updated_at"] {
        assert!(
            is_iso_microseconds(record[name].as_str().unwrap()),
            "{name}"
        );
    }
    let dlr_url = format!(
        "http://{}{GATEWAYS}/{}/dlr",
        scene.http().address,
        scene.gateway
    );
    assert_eq!(record["callback_url"], dlr_url);
    scene.submitted("two").await;
    let gateway = scene.http().gateway(scene.gateway).await;
    assert_eq!(gateway.member("messages_count"), 2);
}

/// G-046 and G-065 over SMPP: the record is there before the upstream has answered.
#[tokio::test]
async fn g_065_respond_async_answers_at_once_and_the_record_waits_queued() {
    let scene = Scene::new().await;
    scene.smsc.set_response_delay(Duration::from_secs(1));
    let began = Instant::now();
    let prefer = [("prefer", "respond-async")];
    let sent = scene
        .http()
        .send_with(scene.gateway, &prefer, text("hi"))
        .await;
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(sent.status, 201);
    assert_eq!(sent.member("delivery_status"), "queued");
    let record = scene.record(sent.id()).await;
    assert_eq!(record["delivery_status"], "queued");
    assert!(record["requested_at"].is_string());
    assert_eq!(record["submitted_at"], Value::Null);
    let list = scene.http().get("/api/sms-messages", READER).await;
    assert_eq!(list.json()["data"][0]["delivery_status"], "queued");
    scene.until_state(sent.id(), "submitted").await;
}

#[tokio::test]
async fn a_form_is_taken_as_json_is() {
    let scene = Scene::new().await;
    let path = format!("{GATEWAYS}/{}/send/", scene.gateway);
    let headers = [
        ("authorization", "Bearer send-token"),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
    ];
    let form = "to_number=%2B49+151+12345678&from_sender=LaraTest&message=a+%26+b&tenant_id=7";
    let sent = scene.http().call("POST", &path, &headers, form).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.member("tenant_id"), 7);
    let submit = scene.smsc.recorded().remove(0).submit;
    assert_eq!(submit.destination_addr.to_str(), "4915112345678");
    assert_eq!(&submit.short_message[..], b"a & b");
}

// ---- sends over SMPP

#[tokio::test]
async fn g_130_a_send_is_one_submit_sm_and_the_answer_has_its_id() {
    let scene = Scene::new().await;
    let sent = scene.send(text("hello")).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "submitted");
    assert_eq!(sent.member("error_message"), Value::Null);
    assert!(sent.member("submitted_at").is_string());
    let recorded = scene.smsc.recorded();
    assert_eq!(recorded.len(), 1);
    let submit = &recorded[0].submit;
    assert_eq!(
        sent.member("external_message_id"),
        recorded[0].message_id.as_str()
    );
    let remote = sent.member("remote_response");
    assert_eq!(remote["command_status"], 0);
    assert_eq!(remote["command_status_name"], "ESME_ROK");
    assert_eq!(remote["message_id"], recorded[0].message_id.as_str());
    assert_eq!(submit.destination_addr.to_str(), "4915112345678");
    assert_eq!((submit.dest_addr_ton.0, submit.dest_addr_npi.0), (1, 1));
    assert_eq!(submit.source_addr.to_str(), "LaraTest");
    assert_eq!((submit.source_addr_ton.0, submit.source_addr_npi.0), (5, 0));
    assert_eq!(submit.registered_delivery.0, 1);
    assert_eq!(&submit.short_message[..], b"hello");
}

#[tokio::test]
async fn g_131_a_delivrd_receipt_delivers_the_message() {
    let scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    let record = scene.until_state(id, "delivered").await;
    assert_eq!(record["delivery_status"], "delivered");
    assert!(record["delivered_at"].is_string());
    assert_eq!(record["failed_at"], Value::Null);
    let remote = &record["remote_response"];
    assert_eq!(remote["stat"], "DELIVRD");
    assert_eq!(
        remote["command_status_name"], "ESME_ROK",
        "the answer is kept beside it"
    );
    assert_eq!(remote["submit_date"], "2510291200");
    assert_eq!(remote["done_date"], "2510291201");
    assert_eq!(remote["err"], "000");
}

#[tokio::test]
async fn g_132_a_negative_receipt_fails_the_message() {
    let scene = Scene::new().await;
    for (stat, state) in [
        ("UNDELIV", "undelivered"),
        ("EXPIRED", "expired"),
        ("DELETED", "cancelled"),
        ("REJECTD", "rejected"),
        ("undeliverable", "undelivered"),
        ("FAILED", "undelivered"),
    ] {
        let (id, external) = scene.submitted("hello").await;
        scene.receive(&external, stat).await;
        let record = scene.until_state(id, state).await;
        assert_eq!(record["delivery_status"], "failed", "{stat}");
        assert_eq!(record["delivered_at"], Value::Null, "{stat}");
        assert!(record["failed_at"].is_string(), "{stat}");
        // The first verdict stands.
        scene.receive(&external, "DELIVRD").await;
        let after = scene.record(id).await;
        assert_eq!(after["state"], state, "{stat}");
        assert_eq!(after["updated_at"], record["updated_at"], "{stat}");
        assert_eq!(after["delivered_at"], Value::Null, "{stat}");
        let last = scene.http().events(id).await;
        let receipts: Vec<_> = last.iter().filter(|e| e["type"] == "receipt").collect();
        assert_eq!(receipts.len(), 2);
        assert_eq!(receipts[1]["detail"]["applied"], false);
    }
}

/// Also X-015: a word that nobody knows.
#[tokio::test]
async fn g_133_a_progress_receipt_leaves_the_message_open() {
    let scene = Scene::new().await;
    for stat in ["ENROUTE", "ACCEPTD", "UNKNOWN", "FOOBARR"] {
        let (id, external) = scene.submitted("hello").await;
        scene.receive(&external, stat).await;
        let record = scene.record(id).await;
        assert_eq!(record["delivery_status"], "submitted", "{stat}");
        assert_eq!(record["delivered_at"], Value::Null, "{stat}");
        assert_eq!(record["failed_at"], Value::Null, "{stat}");
        scene.receive(&external, "DELIVRD").await;
        scene.until_state(id, "delivered").await;
    }
}

#[tokio::test]
async fn g_137_a_receipts_id_may_be_padded_or_of_another_case() {
    let ids = IdFormat::Hexadecimal;
    let smsc = Simulator::start(Options { ids, ..account() })
        .await
        .unwrap();
    let scene = Scene::at(
        smsc,
        |_| {},
        json!({"meta": {"smpp": {"receipt_id": "same"}}}),
    )
    .await;
    let mut sent = Vec::new();
    for _ in 0..11 {
        sent.push(scene.submitted("hello").await);
    }
    for (n, id) in [(9, "a"), (10, "000B"), (8, "0009")] {
        scene.receive(id, "DELIVRD").await;
        scene.until_state(sent[n].0, "delivered").await;
    }
    assert_eq!(scene.record(sent[7].0).await["state"], "submitted");
}

#[tokio::test]
async fn g_139_a_receipt_of_an_unknown_id_is_acknowledged_and_kept() {
    let scene = Scene::new().await;
    let (id, _) = scene.submitted("hello").await;
    let before = scene.record(id).await;
    scene.receive("nobody-77", "DELIVRD").await;
    assert_eq!(scene.record(id).await, before);
    let orphans = scene.http().get("/api/orphans", READER).await.json();
    assert_eq!(orphans["data"][0]["message_ids"], json!(["nobody-77"]));
    assert_eq!(orphans["data"][0]["sms_gateway_id"], scene.gateway);
}

/// A receipt that overtakes its response is applied when the id is known.
#[tokio::test]
async fn a_receipt_before_its_response_is_matched() {
    let scene = Scene::new().await;
    scene.smsc.set_response_delay(Duration::from_secs(1));
    let id = scene.http().queue(scene.gateway, text("hello")).await;
    let external = wait_for("the submit", async || {
        scene.smsc.recorded().first().map(|r| r.message_id.clone())
    })
    .await;
    scene.receive(&external, "DELIVRD").await;
    let record = scene.until_state(id, "delivered").await;
    assert_eq!(record["external_message_id"], external);
    assert!(record["submitted_at"].is_string());
}

#[tokio::test]
async fn g_140_a_refused_submit_is_502_and_names_the_status() {
    let scene = Scene::new().await;
    scene
        .smsc
        .answer_next([Reaction::Status(CommandStatus::ESME_RINVDSTADR)]);
    let sent = scene.send(text("hello")).await;
    assert_eq!(sent.status, 502, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "failed");
    assert_eq!(sent.member("state"), "failed");
    assert_eq!(sent.member("submitted_at"), Value::Null);
    assert!(sent.member("failed_at").is_string());
    let error = sent.member("error_message");
    assert!(
        error.as_str().unwrap().contains("ESME_RINVDSTADR"),
        "{error}"
    );
    let record = scene.record(sent.id()).await;
    assert_eq!(record, sent.json()["data"]);
    assert_eq!(scene.smsc.submits(), 1);
}

#[tokio::test]
async fn g_141_a_throttled_message_is_tried_until_it_is_taken() {
    let scene = Scene::new().await;
    scene
        .smsc
        .answer_next([Reaction::Status(CommandStatus::ESME_RTHROTTLED); 2]);
    let id = scene.http().queue(scene.gateway, text("hello")).await;
    let record = scene.until_state(id, "submitted").await;
    assert_eq!(record["delivery_status"], "submitted");
    assert_eq!(record["error_message"], Value::Null);
    assert_eq!(scene.submits_of("hello"), 3);
}

#[tokio::test]
async fn g_143_while_the_smsc_is_down_sends_wait_and_go_out_when_it_is_back() {
    let app = App::start().await;
    let mut config = reference(app.address);
    set(&mut config, "limits", "send_wait_ms", 500);
    let bridge = Bridge::start(&config).await;
    let smsc = message_centre().await;
    let address = smsc.address();
    drop(smsc);
    let gone = json!({
        "name": "smsc-main", "provider_type": "smpp", "server_host": "127.0.0.1",
        "server_port": address.port(), "username": "bridge", "password": "secret01",
    });
    let gateway = bridge.http.create(gone).await;
    let sent = bridge.http.send(gateway, text("hello")).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "queued");
    let smsc = wait_for("the port", async || {
        let listen = address;
        Simulator::start(Options {
            listen,
            ..account()
        })
        .await
        .ok()
    })
    .await;
    bridge.http.until_state(sent.id(), "submitted").await;
    assert_eq!(smsc.submits(), 1);
    let gateway = bridge.http.gateway(gateway).await;
    assert_eq!(gateway.member("status")["bind"], "bound_trx");
}

#[tokio::test]
async fn g_144_a_custom_callback_url_gets_the_verdict() {
    let scene = Scene::with(|_| {}, json!({"callback_token": "tok-6"})).await;
    let url = scene.app.url("/dlr");
    let sent = scene
        .send(with(text("hello"), json!({"callback_url": url})))
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.member("callback_url"), url);
    let external = sent.member("external_message_id");
    scene.receive(external.as_str().unwrap(), "ENROUTE").await;
    scene.receive(external.as_str().unwrap(), "DELIVRD").await;
    let seen = scene.app.until("POST", "/dlr", 1).await;
    let body = seen[0].json();
    assert_eq!(body["message_id"], external);
    assert_eq!(body["id"], external);
    assert_eq!(body["status"], "DELIVRD");
    assert_eq!(body["level"], 2);
    assert_eq!(body["connector"], scene.gateway.to_string());
    for (name, value) in [
        ("id_smsc", external.as_str().unwrap()),
        ("sub", "001"),
        ("dlvrd", "001"),
        ("subdate", "2510291200"),
        ("donedate", "2510291201"),
        ("err", "000"),
        ("text", "hello"),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(seen[0].header("x-callback-token"), Some("tok-6"));
    assert_eq!(scene.record(sent.id()).await["state"], "delivered");
    // Forwarding it to the bridge is a harmless duplicate.
    let path = format!("{GATEWAYS}/{}/dlr?token=tok-6", scene.gateway);
    let forwarded = scene.http().call("POST", &path, &[], &seen[0].body).await;
    assert_eq!(forwarded.status, 200);
    wait_for("the end of the callback", async || {
        let types = scene.http().event_types(sent.id()).await;
        types.contains(&"callback_delivered".into()).then_some(())
    })
    .await;
    assert_eq!(scene.app.of("POST", "/dlr").len(), 1, "once per message");
}

#[tokio::test]
async fn a_callback_url_of_the_inner_network_is_refused_unless_allowed() {
    let change = |c: &mut toml::Table| set(c, "callbacks", "allow_private_networks", false);
    let scene = Scene::with(change, json!({})).await;
    for url in [
        "http://127.0.0.1:9/x",
        "http://[::1]/x",
        "http://10.1.2.3/x",
        "http://169.254.1.1/",
    ] {
        let answer = scene
            .send(with(text("hello"), json!({"callback_url": url})))
            .await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), ["callback_url"], "{url}");
    }
    assert_eq!(scene.smsc.submits(), 0);
}

#[tokio::test]
async fn g_149_an_inactive_gateway_keeps_its_bind_and_its_queue() {
    let scene = Scene::with(|_| {}, json!({"meta": {"smpp": {"window": 1}}})).await;
    let (delivered, external) = scene.submitted("hello").await;
    scene.smsc.set_response_delay(Duration::from_secs(1));
    let flies = scene.http().queue(scene.gateway, text("flies")).await;
    let waits = scene.http().queue(scene.gateway, text("waits")).await;
    let inactive = json!({"is_active": false});
    scene.http().patch(scene.gateway, inactive).await;
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(delivered, "delivered").await;
    scene.send(text("no")).await.must_be_error(422);
    scene.until_state(flies, "submitted").await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.submits_of("waits"), 0);
    assert_eq!(scene.record(waits).await["delivery_status"], "queued");
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": true}))
        .await;
    scene.until_state(waits, "submitted").await;
    assert_eq!(scene.smsc.binds(), 1, "the bind was not touched");
}

#[tokio::test]
async fn g_152_the_events_tell_the_story_in_order() {
    let scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(id, "delivered").await;
    scene.app.until("PATCH", "/mo", 1).await;
    wait_for("the callback's end", async || {
        let types = scene.http().event_types(id).await;
        (types == ["requested", "submitted", "receipt", "callback_delivered"]).then_some(())
    })
    .await;
    let events = scene.http().events(id).await;
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], n + 1);
        assert!(is_iso_microseconds(event["at"].as_str().unwrap()));
    }
    assert!(
        events
            .windows(2)
            .all(|w| w[0]["at"].as_str() <= w[1]["at"].as_str())
    );
    assert_eq!(events[0]["from_state"], Value::Null);
    assert_eq!(events[0]["to_state"], "queued");
    assert_eq!(events[1]["to_state"], "submitted");
    assert_eq!(events[2]["from_state"], "submitted");
    assert_eq!(events[2]["to_state"], "delivered");
    assert_eq!(events[2]["detail"]["stat"], "DELIVRD");
}

#[tokio::test]
async fn a_long_message_is_delivered_with_its_last_part_and_failed_with_its_first() {
    let scene = Scene::new().await;
    let long = "a".repeat(307);
    let (id, external) = scene.submitted(&long).await;
    let submits = scene.smsc.recorded();
    assert_eq!(submits.len(), 3);
    let headers: Vec<&[u8]> = submits
        .iter()
        .map(|r| &r.submit.short_message[..6])
        .collect();
    let reference = headers[0][3];
    for (n, header) in (1u8..).zip(&headers) {
        assert_eq!(*header, &[5, 0, 3, reference, 3, n]);
    }
    let ids: Vec<String> = submits.iter().map(|r| r.message_id.clone()).collect();
    assert_eq!(external, ids[0]);
    let record = scene.record(id).await;
    assert_eq!(record["parts"], 3);
    assert_eq!(
        record["remote_response"]["parts"].as_array().unwrap().len(),
        3
    );
    for part in &ids[..2] {
        scene.receive(part, "DELIVRD").await;
    }
    let record = scene.record(id).await;
    assert_eq!(
        (&record["state"], &record["delivered_at"]),
        (&json!("submitted"), &Value::Null)
    );
    scene.receive(&ids[2], "DELIVRD").await;
    scene.until_state(id, "delivered").await;

    let (id, _) = scene.submitted(&long).await;
    let second = scene.smsc.recorded()[4].message_id.clone();
    scene.receive(&second, "UNDELIV").await;
    let record = scene.until_state(id, "undelivered").await;
    assert_eq!(record["delivery_status"], "failed");
}

// ---- delivery reports over HTTP, of messages that went out over SMPP

/// As an HTTP provider's gateway shows its provider's words.
async fn verbatim() -> Scene {
    Scene::with(
        |_| {},
        json!({"meta": {"delivery_status_mode": "verbatim"}}),
    )
    .await
}

fn dlr_path(gateway: u64) -> String {
    format!("{GATEWAYS}/{gateway}/dlr")
}

#[tokio::test]
async fn g_080_a_dlr_delivers_and_keeps_the_providers_word() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    let dlr = scene
        .dlr(json!({"message_id": external, "status": "DELIVRD"}))
        .await;
    assert_eq!(dlr.status, 200);
    assert_eq!(dlr.header("content-type"), Some("application/json"));
    assert_eq!(dlr.text(), r#"{"message":"DLR received"}"#);
    let record = scene.record(id).await;
    assert_eq!(record["delivery_status"], "delivrd");
    assert_eq!(record["state"], "delivered");
    assert!(record["delivered_at"].is_string());
    assert!(record["last_dlr_at"].is_string());
}

/// G-081, G-082: the alias, the form, the query, no content type, and GET on the alias alone.
#[tokio::test]
async fn g_081_every_way_to_bring_a_dlr_has_the_same_result() {
    let scene = verbatim().await;
    let route = dlr_path(scene.gateway);
    let alias = format!("/webhooks/jasmin/{}/dlr", scene.gateway);
    let json = ("content-type", "application/json; charset=utf-8");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let object = |id: &str| format!(r#"{{"id":"{id}","message_status":"DELIVRD"}}"#);
    let pairs = |id: &str| format!("id={id}&message_status=DELIVRD");
    type Way<'a> = (&'a str, String, Option<(&'a str, &'a str)>, bool, bool);
    let ways: [Way<'_>; 9] = [
        ("POST", route.clone(), Some(json), true, false),
        ("POST", alias.clone(), Some(json), true, false),
        ("POST", format!("{alias}/"), Some(json), true, false),
        ("POST", route.clone(), Some(form), false, false),
        ("POST", alias.clone(), Some(form), false, false),
        ("POST", route.clone(), None, true, false),
        ("POST", route.clone(), None, false, false),
        ("POST", route.clone(), Some(json), true, true),
        ("GET", alias.clone(), None, false, true),
    ];
    for (method, path, kind, as_json, in_query) in ways {
        let (id, external) = scene.submitted("hello").await;
        let body = match as_json {
            true => object(&external),
            false => pairs(&external),
        };
        let headers: Vec<_> = kind.into_iter().collect();
        let answer = match in_query {
            true => {
                let path = format!("{path}?{}", pairs(&external));
                scene.http().call(method, &path, &headers, "").await
            }
            false => scene.http().call(method, &path, &headers, body).await,
        };
        assert_eq!(
            answer.status,
            200,
            "{method} {path} {kind:?}: {}",
            answer.text()
        );
        let record = scene.record(id).await;
        assert_eq!(
            record["delivery_status"], "delivrd",
            "{method} {path} {kind:?}"
        );
        assert_eq!(record["state"], "delivered");
    }
    let answer = scene.http().call("GET", &route, &[], "").await;
    answer.must_be_error(405);
    assert_eq!(answer.header("allow"), Some("POST"));
}

/// G-083, G-084, G-085, G-091, G-092, G-103 and G-104: what the words mean.
#[tokio::test]
async fn g_083_the_word_decides_state_and_times() {
    let scene = verbatim().await;
    for (members, word, state, at) in [
        (
            json!({"status": "UNDELIV"}),
            "undeliv",
            "undelivered",
            "failed_at",
        ),
        (
            json!({"status": "Delivered"}),
            "delivered",
            "delivered",
            "delivered_at",
        ),
        (
            json!({"status": " DELIVRD "}),
            "delivrd",
            "delivered",
            "delivered_at",
        ),
        (json!({}), "delivered", "delivered", "delivered_at"),
        (
            json!({"status": null, "message_status": ""}),
            "delivered",
            "delivered",
            "delivered_at",
        ),
        (
            json!({"status": "UNDELIV", "message_status": "DELIVRD"}),
            "undeliv",
            "undelivered",
            "failed_at",
        ),
        (
            json!({"message_status": "REJECTD"}),
            "rejectd",
            "rejected",
            "failed_at",
        ),
        (
            json!({"status": "", "message_status": "EXPIRED"}),
            "expired",
            "expired",
            "failed_at",
        ),
        (
            json!({"status": "canceled"}),
            "canceled",
            "cancelled",
            "failed_at",
        ),
        (json!({"status": "ESME_ROK"}), "esme_rok", "enroute", ""),
        (json!({"status": "ACCEPTD"}), "acceptd", "enroute", ""),
        (
            json!({"status": ["DELIVRD"]}),
            "[\"delivrd\"]",
            "submitted",
            "",
        ),
        (
            json!({"status": "teleported"}),
            "teleported",
            "submitted",
            "",
        ),
        (
            json!({"status": "ESME_RINVDSTADR"}),
            "esme_rinvdstadr",
            "failed",
            "failed_at",
        ),
    ] {
        let (id, external) = scene.submitted("hello").await;
        let body = with(members.clone(), json!({"message_id": external}));
        assert_eq!(scene.dlr(body).await.status, 200);
        let record = scene.record(id).await;
        assert_eq!(record["delivery_status"], word, "{members}");
        assert_eq!(record["state"], state, "{members}");
        for name in ["delivered_at", "failed_at"] {
            assert_eq!(
                record[name].is_string(),
                name == at,
                "{name} after {members}"
            );
        }
        assert!(record["last_dlr_at"].is_string());
        // G-103: what was progress is followed by the verdict.
        if at.is_empty() {
            let body = json!({"message_id": external, "status": "DELIVRD"});
            scene.dlr(body).await;
            let record = scene.record(id).await;
            assert_eq!(record["delivery_status"], "delivrd", "{members}");
            assert!(record["delivered_at"].is_string());
        }
    }
}

#[tokio::test]
async fn g_086_a_dlr_without_a_status_does_not_undo_a_failure() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    scene
        .dlr(json!({"message_id": external, "status": "UNDELIV"}))
        .await;
    let before = scene.record(id).await;
    assert_eq!(scene.dlr(json!({"message_id": external})).await.status, 200);
    let after = scene.record(id).await;
    assert_eq!(unchanged(&after), unchanged(&before));
}

/// What a provider says has a limit, and what it does not say is noted.
#[tokio::test]
async fn a_dlrs_words_and_members_are_bounded_and_a_default_is_flagged() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    let mut dlr = json!({"message_id": external, "status": format!("  {}", "É".repeat(100))});
    for n in 0..200 {
        dlr[format!("member{n}")] = json!("x".repeat(200));
    }
    assert_eq!(scene.dlr(dlr).await.status, 200);
    let record = scene.record(id).await;
    assert_eq!(record["delivery_status"], "é".repeat(64));
    assert_eq!(record["state"], "submitted");
    let remote = &record["remote_response"];
    assert_eq!(remote["truncated"], true);
    assert_eq!(
        remote["command_status_name"], "ESME_ROK",
        "what was there stays"
    );
    assert!(remote.as_object().unwrap().len() <= 65);
    assert!(remote.to_string().len() <= 17 * 1024);
    scene.dlr(json!({"message_id": external})).await;
    let events = scene.http().events(id).await;
    let flags: Vec<_> = events
        .iter()
        .filter(|e| e["type"] == "dlr")
        .map(|e| e["detail"]["defaulted"].clone())
        .collect();
    assert_eq!(flags, [false, true]);
}

/// A record but for what even an ignored report moves.
fn unchanged(record: &Value) -> Value {
    with(record.clone(), json!({"last_dlr_at": null}))
}

/// G-087, G-088 and G-090: how a report names its message.
#[tokio::test]
async fn g_088_the_first_id_that_is_present_names_the_message() {
    let scene = verbatim().await;
    let number = |id: &str| id.parse::<u64>().unwrap();
    // Which of three messages changes, by what the report says.
    type Ids = fn(&[String; 3]) -> Value;
    let cases: [(Ids, usize); 7] = [
        (
            |m| json!({"message_id": m[0], "id": m[1], "messageId": m[2]}),
            0,
        ),
        (|m| json!({"messageId": m[2], "id": m[1]}), 1),
        (|m| json!({"messageId": m[2]}), 2),
        (
            |m| json!({"message_id": null, "id": "", "messageId": m[2]}),
            2,
        ),
        (
            |m| json!({"message_id": "", "id": m[1], "messageId": m[2]}),
            1,
        ),
        (|m| json!({"id": m[1].parse::<u64>().unwrap()}), 1),
        (
            |m| json!({"message_id": m[0].parse::<u64>().unwrap(), "id": m[1]}),
            0,
        ),
    ];
    for (n, (ids, wanted)) in cases.into_iter().enumerate() {
        let mut sent = Vec::new();
        for _ in 0..3 {
            sent.push(scene.submitted("hello").await);
        }
        let externals = [0, 1, 2].map(|n: usize| sent[n].1.clone());
        assert!(number(&externals[0]) > 0);
        let body = with(ids(&externals), json!({"status": "DELIVRD"}));
        assert_eq!(scene.dlr(body).await.status, 200);
        for (place, (id, _)) in sent.iter().enumerate() {
            let state = if place == wanted {
                "delivered"
            } else {
                "submitted"
            };
            assert_eq!(
                scene.record(*id).await["state"],
                state,
                "case {n}, message {place}"
            );
        }
    }
}

/// G-093, G-095 and A-6: reports that name nobody.
#[tokio::test]
async fn g_093_an_unknown_id_is_200_and_changes_nothing() {
    let scene = verbatim().await;
    let (id, _) = scene.submitted("hello").await;
    let before = scene.record(id).await;
    for body in [
        json!({"message_id": "nobody", "status": "DELIVRD"}),
        json!({"status": "DELIVRD"}),
        json!({}),
        json!([]),
        json!({"message_id": {"x": 1}, "status": "DELIVRD"}),
        json!({"message_id": true}),
    ] {
        let answer = scene.dlr(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(answer.text(), r#"{"message":"DLR received"}"#);
    }
    assert_eq!(scene.record(id).await, before);
    for path in [dlr_path(999_999), "/webhooks/jasmin/abc/dlr".into()] {
        let answer = scene.http().call("POST", &path, &[], "{}").await;
        answer.must_be_error(404);
    }
}

/// B-4: a report that overtakes the answer is kept.
#[tokio::test]
async fn a_dlr_before_its_id_is_known_is_applied_later() {
    let scene = verbatim().await;
    let dlr = scene
        .dlr(json!({"message_id": "1", "status": "DELIVRD"}))
        .await;
    assert_eq!(dlr.status, 200);
    let orphans = scene.http().get("/api/orphans", ADMIN).await.json();
    assert_eq!(orphans["data"][0]["message_ids"], json!(["1"]));
    let sent = scene.send(text("hello")).await;
    assert_eq!(sent.member("external_message_id"), "1");
    let record = scene.until_state(sent.id(), "delivered").await;
    assert_eq!(record["delivery_status"], "delivrd");
}

/// Also X-012 over HTTP: the same id at two gateways.
#[tokio::test]
async fn g_094_a_dlr_to_another_gateway_does_not_touch_the_message() {
    let scene = verbatim().await;
    let other_smsc = message_centre().await;
    let other = with(smpp_gateway(&other_smsc), json!({"name": "other"}));
    let other = scene.http().create(other).await;
    wait_for("the bind", async || (other_smsc.bound() > 0).then_some(())).await;
    let (id, external) = scene.submitted("hello").await;
    let twin = scene.http().send(other, text("twin")).await;
    assert_eq!(twin.member("external_message_id"), external);
    let prov = scene.http().create_http(json!({})).await;
    let body = json!({"message_id": external, "status": "DELIVRD"});
    assert_eq!(scene.http().dlr(prov, body.clone()).await.status, 200);
    assert_eq!(scene.record(id).await["state"], "submitted");
    assert_eq!(scene.http().dlr(other, body).await.status, 200);
    assert_eq!(scene.record(id).await["state"], "submitted");
    assert_eq!(scene.record(twin.id()).await["state"], "delivered");
}

/// G-096, and secrets, which are dropped.
#[tokio::test]
async fn g_096_a_dlrs_members_are_merged_into_the_providers_answer() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    let dlr = json!({
        "message_id": external, "status": "ENROUTE", "err": "000", "connector": "c1",
        "x": {"y": 1, "z": 2}, "cost": 1, "token": "hush", "password": "hush",
        "callback_token": "hush",
    });
    scene.dlr(dlr).await;
    let dlr = json!({"message_id": external, "status": "DELIVRD", "cost": 2, "x": {"y": 3}});
    scene.dlr(dlr).await;
    let remote = &scene.record(id).await["remote_response"];
    assert_eq!(remote["command_status_name"], "ESME_ROK");
    assert_eq!(
        (&remote["err"], &remote["connector"]),
        (&json!("000"), &json!("c1"))
    );
    assert_eq!(remote["cost"], 2, "the newest wins");
    assert_eq!(remote["x"], json!({"y": 3}), "nested ones are replaced");
    assert!(!remote.to_string().contains("hush"));
    let events = scene.http().events(id).await;
    let dlrs: Vec<_> = events.iter().filter(|e| e["type"] == "dlr").collect();
    assert_eq!(
        dlrs[0]["detail"]["payload"]["cost"], 1,
        "the trail has the first"
    );
    assert!(!json!(events).to_string().contains("hush"));
}

#[tokio::test]
async fn g_099_the_same_dlr_twice_changes_nothing_the_second_time() {
    let scene = verbatim().await;
    for status in ["DELIVRD", "UNDELIV", "ACCEPTD"] {
        let (id, external) = scene.submitted("hello").await;
        let body = json!({"message_id": external, "status": status});
        assert_eq!(scene.dlr(body.clone()).await.status, 200);
        let before = scene.record(id).await;
        let again = scene.dlr(body).await;
        assert_eq!(again.text(), r#"{"message":"DLR received"}"#);
        let after = scene.record(id).await;
        assert_eq!(unchanged(&after), unchanged(&before), "{status}");
    }
}

#[tokio::test]
async fn g_100_the_first_verdict_stands_and_the_second_is_listed_as_ignored() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    scene
        .dlr(json!({"message_id": external, "status": "DELIVRD"}))
        .await;
    let before = scene.record(id).await;
    scene
        .dlr(json!({"message_id": external, "status": "UNDELIV", "late": 1}))
        .await;
    let after = scene.record(id).await;
    assert_eq!(unchanged(&after), unchanged(&before));
    assert_eq!(after["delivery_status"], "delivrd");
    let types = scene.http().event_types(id).await;
    assert_eq!(types.iter().filter(|t| *t == "dlr").count(), 1);
    assert_eq!(types.iter().filter(|t| *t == "dlr_ignored").count(), 1);
}

/// A different word of progress is written, though the state stays.
#[tokio::test]
async fn another_word_of_progress_is_shown_as_it_is_said() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    for word in ["enroute", "acceptd", "teleported"] {
        scene
            .dlr(json!({"message_id": external, "status": word}))
            .await;
        let record = scene.record(id).await;
        assert_eq!(record["delivery_status"], word);
        assert_eq!(record["state"], "enroute");
    }
}

/// Also G-106.
#[tokio::test]
async fn g_105_jasmin_gets_its_acknowledgement_and_everybody_else_json() {
    let scene = verbatim().await;
    let path = format!("/webhooks/jasmin/{}/dlr", scene.gateway);
    for (accept, plain) in [
        ("text/plain", true),
        ("*/*", false),
        ("text/plain, */*", false),
        ("application/json, text/plain", false),
    ] {
        for id in [scene.submitted("hello").await.1, "nobody".into()] {
            let body = json!({"id": id, "message_status": "DELIVRD"}).to_string();
            let headers = [("accept", accept), ("content-type", "application/json")];
            let answer = scene.http().call("POST", &path, &headers, body).await;
            assert_eq!(answer.status, 200);
            match plain {
                true => {
                    assert_eq!(answer.text(), "ACK/Jasmin");
                    let kind = answer.header("content-type").unwrap();
                    assert!(kind.starts_with("text/plain"), "{kind}");
                }
                false => assert_eq!(answer.text(), r#"{"message":"DLR received"}"#),
            }
        }
    }
}

/// Also G-111.
#[tokio::test]
async fn g_109_a_gateway_with_a_token_wants_it_before_anything_else() {
    let meta = json!({"callback_token": "tok-6", "meta": {"delivery_status_mode": "verbatim"}});
    let scene = Scene::with(|_| {}, meta).await;
    let path = dlr_path(scene.gateway);
    let (id, external) = scene.submitted("hello").await;
    let good = json!({"message_id": external, "status": "DELIVRD"}).to_string();
    let json_type = ("content-type", "application/json");
    for (query, header) in [
        ("", None),
        ("?token=wrong", None),
        ("?token=", None),
        ("?token=tok-66", None),
        ("", Some(("x-callback-token", "TOK-6"))),
        ("", Some(("authorization", "Bearer adm-token"))),
    ] {
        for body in [good.as_str(), "{\"broken"] {
            let mut headers = vec![json_type];
            headers.extend(header);
            let path = format!("{path}{query}");
            let answer = scene.http().call("POST", &path, &headers, body).await;
            answer.must_be_error(403);
            assert_eq!(answer.json()["message"], "Invalid callback token.");
        }
    }
    // In the body it proves nothing.
    let inside = json!({"message_id": external, "status": "DELIVRD", "token": "tok-6"});
    scene.dlr(inside).await.must_be_error(403);
    assert_eq!(scene.record(id).await["state"], "submitted");
    for (query, header) in [
        ("?token=tok-6", None),
        ("?callback_token=tok-6", None),
        ("", Some(("x-callback-token", "tok-6"))),
        ("", Some(("authorization", "Bearer tok-6"))),
    ] {
        let (id, external) = scene.submitted("hello").await;
        let body = json!({"message_id": external, "status": "DELIVRD"}).to_string();
        let mut headers = vec![json_type];
        headers.extend(header);
        let path = format!("{path}{query}");
        let answer = scene.http().call("POST", &path, &headers, body).await;
        assert_eq!(answer.status, 200, "{query} {header:?}");
        let record = scene.record(id).await;
        assert_eq!(record["state"], "delivered");
        assert!(!record.to_string().contains("tok-6"), "{record}");
    }
}

/// The switches of `[dlr]`.
#[tokio::test]
async fn the_operator_can_demand_a_token_and_a_status() {
    let change = |c: &mut toml::Table| {
        set(c, "dlr", "require_token", true);
        set(c, "dlr", "require_status", true);
    };
    let scene = Scene::with(change, json!({})).await;
    let (id, external) = scene.submitted("hello").await;
    let body = json!({"message_id": external, "status": "DELIVRD"});
    scene.dlr(body).await.must_be_error(403);
    scene
        .http()
        .patch(scene.gateway, json!({"callback_token": "t"}))
        .await;
    let path = format!("{}?token=t", dlr_path(scene.gateway));
    let body = json!({"message_id": external}).to_string();
    let answer = scene.http().call("POST", &path, &[], body).await;
    answer.must_be_error(422);
    assert_eq!(answer.fields(), ["status"]);
    assert_eq!(scene.record(id).await["state"], "submitted");
}

/// Also bodies that are no report at all.
#[tokio::test]
async fn g_113_a_malformed_dlr_is_refused_and_changes_nothing() {
    let scene = verbatim().await;
    let (id, external) = scene.submitted("hello").await;
    let before = scene.record(id).await;
    let json = "application/json";
    let broken = format!("{{\"message_id\":\"{external}\"");
    let lone = format!("{{\"message_id\":\"{external}\",\"x\":\"\\ud800\"}}");
    for (kind, body, status) in [
        (json, broken.as_str(), 400),
        (json, "not json", 400),
        (json, &lone, 400),
        (json, "7", 422),
        (json, "[7]", 422),
        ("multipart/form-data; boundary=x", "x", 415),
        ("text/xml", "<x/>", 415),
    ] {
        let path = dlr_path(scene.gateway);
        let headers = [("content-type", kind)];
        let answer = scene.http().call("POST", &path, &headers, body).await;
        answer.must_be_error(status);
    }
    assert_eq!(scene.record(id).await, before);
}

#[tokio::test]
async fn g_114_an_array_of_reports_applies_each() {
    let scene = verbatim().await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(scene.submitted("hello").await);
    }
    let words = ["DELIVRD", "UNDELIV", "ENROUTE"];
    let reports = sent.iter().zip(words);
    let reports = reports.map(|((_, id), word)| json!({"message_id": id, "status": word}));
    let answer = scene.dlr(Value::Array(reports.collect())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), r#"{"message":"DLR received"}"#);
    for ((id, _), word) in sent.iter().zip(["delivrd", "undeliv", "enroute"]) {
        assert_eq!(scene.record(*id).await["delivery_status"], word);
    }
    let many = Value::Array(vec![json!({}); 501]);
    scene.dlr(many).await.must_be_error(422);
}

/// The default for smpp.
#[tokio::test]
async fn g_117_in_lifecycle_mode_only_four_words_are_shown() {
    for meta in [json!(null), json!({"delivery_status_mode": "lifecycle"})] {
        let scene = Scene::with(|_| {}, json!({"meta": meta})).await;
        for (word, shown) in [
            ("DELIVRD", "delivered"),
            ("UNDELIV", "failed"),
            ("ESME_RINVDSTADR", "failed"),
            ("ACCEPTD", "submitted"),
            ("teleported", "submitted"),
        ] {
            let (id, external) = scene.submitted("hello").await;
            scene
                .dlr(json!({"message_id": external, "status": word}))
                .await;
            assert_eq!(scene.record(id).await["delivery_status"], shown, "{word}");
        }
    }
}

/// Any part's id is good, and the whole follows its parts.
#[tokio::test]
async fn a_dlr_may_name_any_part() {
    let scene = verbatim().await;
    let (id, _) = scene.submitted(&"a".repeat(200)).await;
    let ids: Vec<String> = scene
        .smsc
        .recorded()
        .iter()
        .map(|r| r.message_id.clone())
        .collect();
    assert_eq!(ids.len(), 2);
    scene.dlr(json!({"id": ids[1], "status": "DELIVRD"})).await;
    assert_eq!(scene.record(id).await["delivered_at"], Value::Null);
    scene.dlr(json!({"id": ids[0], "status": "DELIVRD"})).await;
    assert_eq!(scene.record(id).await["state"], "delivered");
}

// ---- changes of a gateway that the wire notices

/// No restart of the bridge, and nothing that waits is lost.
#[tokio::test]
async fn a_changed_port_or_password_binds_anew() {
    let scene = Scene::new().await;
    let (before, external) = scene.submitted("before").await;
    let second = message_centre().await;
    let port = json!({"server_port": second.address().port()});
    scene.http().patch(scene.gateway, port).await;
    wait_for("the new bind", async || (second.bound() == 1).then_some(())).await;
    wait_for("the end of the old one", async || {
        (scene.smsc.bound() == 0).then_some(())
    })
    .await;
    let sent = scene.send(text("after")).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!((second.submits(), scene.smsc.submits()), (1, 1));
    // Both messages have the same id at their centres; the newer one is meant now.
    assert_eq!(sent.member("external_message_id"), external);
    assert_eq!(scene.record(before).await["state"], "submitted");

    let wrong = json!({"password": "wrong"});
    let changed = scene.http().patch(scene.gateway, wrong).await;
    assert!(!changed.text().contains("wrong"));
    let status = wait_for("the refusal", async || {
        let status = scene.http().gateway(scene.gateway).await.member("status");
        (status["bind"] == "bind_refused").then_some(status)
    })
    .await;
    let reason = status["reason"].as_str().unwrap();
    assert!(reason.contains("ESME_RINVPASWD"), "{reason}");
    let waits = scene.http().queue(scene.gateway, text("waits")).await;
    assert_eq!(scene.record(waits).await["delivery_status"], "queued");
    scene
        .http()
        .patch(scene.gateway, json!({"password": "secret01"}))
        .await;
    scene.until_state(waits, "submitted").await;
}

/// A message centre that is gone for good, as far as this test is concerned.
async fn without_a_message_centre(gateway: Value) -> Scene {
    let scene = Scene::with(|_| {}, json!({})).await;
    let lost = with(
        smpp_gateway(&scene.smsc),
        json!({"name": "lost", "server_port": 1}),
    );
    let gateway = scene.http().create(with(lost, gateway)).await;
    Scene { gateway, ..scene }
}

/// A message that nobody took in time is over by our own word.
#[tokio::test]
async fn a_message_that_outlives_its_validity_is_expired() {
    let meta = json!({"meta": {"smpp": {"validity_s": 1}}});
    let scene = without_a_message_centre(meta).await;
    let id = scene.http().queue(scene.gateway, text("late")).await;
    let record = scene.until_state(id, "expired").await;
    assert_eq!(record["delivery_status"], "failed");
    assert_eq!(record["submitted_at"], Value::Null);
    assert!(record["failed_at"].is_string());
    let patched = scene.app.until("PATCH", "/mo", 1).await;
    assert_eq!(
        patched[0].json()["status"],
        json!({"id": 6, "status": "EXPIRED"})
    );
}

#[tokio::test]
async fn a_waiting_message_can_be_cancelled_and_a_submitted_one_not() {
    let scene = without_a_message_centre(json!({})).await;
    let id = scene.http().queue(scene.gateway, text("never")).await;
    let path = format!("/api/sms-messages/{id}/cancel");
    let cancelled = scene.http().json("POST", &path, SENDER, json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert_eq!(cancelled.member("state"), "cancelled");
    assert_eq!(cancelled.member("delivery_status"), "failed");
    let again = scene.http().json("POST", &path, SENDER, json!({})).await;
    again.must_be_error(409);
    let port = json!({"server_port": scene.smsc.address().port()});
    scene.http().patch(scene.gateway, port).await;
    let sent = scene.send(text("next")).await;
    assert_eq!(sent.member("delivery_status"), "submitted");
    assert_eq!(scene.submits_of("never"), 0);
    let path = format!("/api/sms-messages/{}/cancel", sent.id());
    let late = scene.http().json("POST", &path, SENDER, json!({})).await;
    late.must_be_error(409);
    assert_eq!(scene.record(sent.id()).await["state"], "submitted");
}

#[tokio::test]
async fn a_number_written_with_a_point_is_whole_where_it_is() {
    let scene = Scene::new().await;
    let mut body = text("hello");
    body["tenant_id"] = json!(7.0);
    let sent = scene.send(body).await;
    assert_eq!((sent.status, sent.member("tenant_id")), (201, json!(7)));
    let mut body = text("hello");
    body["tenant_id"] = json!(7.5);
    assert_eq!(scene.send(body).await.status, 422);
}
