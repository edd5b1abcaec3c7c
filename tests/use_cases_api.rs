//! The use-case API against the running daemon, its message centre and its application.
//!
//! Method: each test names the rule it checks; the message centre tells what was sent and
//! says what became of it.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Answer as Reaction, mo};
use smpp_protocol::command::CommandStatus;

const SMS: &str = "/v1/sms/";
const USE_CASES: &str = "/v1/use-cases";
const TO: &str = "+14155550100";

/// The first use case of the documents, laid over with `change`.
fn use_case(change: Value) -> Value {
    let body = json!({
        "name": "Alerts", "gateway": "smsc-main",
        "senders": ["+14155550001", "+12125550002"],
        "campaign": {"id": "C1", "status": "verified"},
        "brand": {"id": "B1", "status": "approved"},
        "allowed_regions": ["US", "DE"],
    });
    with(body, change)
}

async fn create(scene: &Scene, change: Value) -> String {
    let made = scene
        .http()
        .json("POST", USE_CASES, ADMIN, use_case(change))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn message(use_case: &str, change: Value) -> Value {
    let body = json!({"use_case_id": use_case, "to_phone_number": TO, "message": "hi"});
    with(body, change)
}

async fn post(scene: &Scene, body: Value) -> Answer {
    scene.http().json("POST", SMS, SENDER, body).await
}

async fn sent(scene: &Scene, use_case: &str, change: Value) -> Value {
    let answer = post(scene, message(use_case, change)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn record(scene: &Scene, id: &Value) -> Value {
    let path = format!("{SMS}{}", id.as_str().unwrap());
    let answer = scene.http().get(&path, READER).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn until(scene: &Scene, id: &Value, status: &str) -> Value {
    wait_for(&format!("status {status}"), async || {
        let record = record(scene, id).await;
        (record["status"] == status).then_some(record)
    })
    .await
}

/// Holds an error to the shape of this family.
fn must_be_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["code"], code, "{json}");
    assert!(
        json["detail"].as_str().is_some_and(|d| !d.is_empty()),
        "{json}"
    );
}

/// The message centre's id of the newest submit.
fn newest_external(scene: &Scene) -> String {
    scene.smsc.recorded().last().unwrap().message_id.clone()
}

const MEMBERS: [&str; 14] = [
    "id",
    "use_case_id",
    "message_sid",
    "from_number",
    "to_number",
    "body",
    "num_segments",
    "status",
    "handed_off_at",
    "delivered_at",
    "errored_at",
    "error_code",
    "created_at",
    "updated_at",
];

#[tokio::test]
async fn an_id_that_is_taken_is_a_conflict() {
    let scene = Scene::new().await;
    let id = create(&scene, json!({})).await;
    let again = use_case(json!({ "id": id }));
    let answer = scene.http().json("POST", USE_CASES, ADMIN, again).await;
    must_be_error(&answer, 409, "conflict");
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_in_these_words() {
    let scene = Scene::new().await;
    let id = create(&scene, json!({})).await;
    let path = format!("{USE_CASES}/{id}/opt-outs/%FF");
    let answer = scene.http().json("PUT", &path, ADMIN, json!({})).await;
    must_be_error(&answer, 404, "not_found");
}

/// Also U-002, U-003, U-004.
#[tokio::test]
async fn u_001_a_message_is_taken_with_all_members() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    for path in [SMS, "/v1/sms"] {
        let answer = scene
            .http()
            .json("POST", path, SENDER, message(&uc, json!({})))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let json = answer.json();
        for member in MEMBERS {
            assert!(json.get(member).is_some(), "{member}");
        }
        assert_eq!(json["status"], "pending");
        for member in [
            "from_number",
            "num_segments",
            "handed_off_at",
            "delivered_at",
            "errored_at",
            "error_code",
        ] {
            assert_eq!(json[member], Value::Null, "{member}");
        }
        let sid = json["message_sid"].as_str().unwrap();
        assert!(sid.starts_with("SM") && sid.len() == 34);
        assert!(uuid::Uuid::parse_str(json["id"].as_str().unwrap()).is_ok());
        assert_eq!(
            (&json["use_case_id"], &json["to_number"], &json["body"]),
            (&json!(uc), &json!(TO), &json!("hi"))
        );
        let read = record(&scene, &json["id"]).await;
        for member in MEMBERS {
            assert!(read.get(member).is_some(), "{member}");
        }
        assert_eq!(read["message_sid"], json["message_sid"]);
    }
    for id in [uuid::Uuid::new_v4().to_string(), "abc".into()] {
        let path = format!("{SMS}{id}");
        must_be_error(&scene.http().get(&path, READER).await, 404, "not_found");
    }
}

/// Also U-006, U-007, U-008.
#[tokio::test]
async fn u_005_only_an_active_use_case_sends() {
    let scene = Scene::new().await;
    let unknown = uuid::Uuid::new_v4().to_string();
    let inactive = create(&scene, json!({"status": "inactive"})).await;
    let deleted = create(&scene, json!({})).await;
    let path = format!("{USE_CASES}/{deleted}");
    let gone = scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for id in [&unknown, &inactive, &deleted] {
        let answer = post(&scene, message(id, json!({}))).await;
        must_be_error(&answer, 404, "use_case_not_found");
    }
    must_be_error(&scene.http().get(&path, ADMIN).await, 404, "not_found");
    for id in [json!("abc"), Value::Null, json!(7)] {
        let answer = post(&scene, message("", json!({"use_case_id": id}))).await;
        must_be_error(&answer, 422, "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], "use_case_id");
    }
    let mut without = message("", json!({}));
    without.as_object_mut().unwrap().remove("use_case_id");
    let answer = post(&scene, without).await;
    must_be_error(&answer, 422, "invalid_request");
    assert_eq!(answer.json()["errors"][0]["field"], "use_case_id");
    assert_eq!(scene.smsc.submits(), 0);
}

/// Also U-010 and bodies that are none.
#[tokio::test]
async fn u_009_what_is_wrong_is_named() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let x = |n: usize| "a".repeat(n);
    for (change, field) in [
        (json!({"message": ""}), "message"),
        (json!({"message": x(1601)}), "message"),
        (json!({"message": 5}), "message"),
        (json!({"to_phone_number": "4155550100"}), "to_phone_number"),
        (
            json!({"to_phone_number": "+1 415 555 0100"}),
            "to_phone_number",
        ),
        (json!({"to_phone_number": "+0123456789"}), "to_phone_number"),
        (json!({"to_phone_number": "+12"}), "to_phone_number"),
    ] {
        let answer = post(&scene, message(&uc, change.clone())).await;
        must_be_error(&answer, 422, "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{change}");
    }
    let bearer = format!("Bearer {SENDER}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    for body in ["{\"use", "", "[1]", "null", "{\"message\":\"\\ud800\"}"] {
        let answer = scene.http().call("POST", SMS, &headers, body).await;
        must_be_error(&answer, 422, "invalid_request");
    }
    sent(&scene, &uc, json!({"message": x(1600)})).await;
}

/// Also U-012, U-013, U-016, U-017, U-018, U-024.
#[tokio::test]
async fn u_011_every_check_before_the_send_has_its_code() {
    let scene = Scene::new().await;
    for (change, to, code) in [
        (json!({"senders": []}), TO, "no_sender"),
        (
            json!({"campaign": {"status": "pending"}}),
            TO,
            "campaign_not_verified",
        ),
        (json!({"campaign": null}), TO, "campaign_not_verified"),
        (
            json!({"brand": {"status": "suspended"}}),
            TO,
            "brand_suspended",
        ),
        (json!({}), "+4930123456", "invalid_destination"),
        (json!({}), "+19115550100", "invalid_destination"),
        (json!({}), "+99912345678", "invalid_destination"),
        (json!({}), "+33612345678", "region_not_permitted"),
    ] {
        let uc = create(&scene, change.clone()).await;
        let answer = post(&scene, message(&uc, json!({"to_phone_number": to}))).await;
        must_be_error(&answer, 422, code);
    }
    let all = scene.http().get("/api/sms-messages", ADMIN).await;
    assert_eq!(all.json()["data"], json!([]), "nothing of it is visible");
    assert_eq!(scene.smsc.submits(), 0);
    let toll_free = json!({"senders": ["+18885550003"], "campaign": null});
    let uc = create(&scene, toll_free).await;
    sent(&scene, &uc, json!({})).await;
}

/// Also U-021, over a kill.
#[tokio::test]
async fn u_020_who_opts_out_gets_nothing_until_he_opts_in() {
    let mut scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let other = create(&scene, json!({"senders": ["+13055550009"]})).await;
    let path = format!("{USE_CASES}/{uc}/opt-outs/{TO}");
    let out = scene.http().json("PUT", &path, ADMIN, json!({})).await;
    assert_eq!(out.status, 204, "{}", out.text());
    must_be_error(
        &post(&scene, message(&uc, json!({}))).await,
        422,
        "opted_out",
    );
    sent(&scene, &other, json!({})).await;
    let list = scene
        .http()
        .get(&format!("{USE_CASES}/{uc}/opt-outs"), ADMIN)
        .await;
    assert_eq!(list.json(), json!({"opt_outs": [TO]}));
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    must_be_error(
        &post(&scene, message(&uc, json!({}))).await,
        422,
        "opted_out",
    );
    let back = scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    assert_eq!(back.status, 204);
    sent(&scene, &uc, json!({})).await;
    scene.until_bound().await;
    // By the handset's own word.
    for (words, taken) in [
        ("stop ", false),
        ("START", true),
        ("please stop", true),
        ("QUIT", false),
    ] {
        let answer = scene
            .smsc
            .deliver(mo("14155550100", "14155550001", words))
            .await;
        assert_eq!(answer, Some(CommandStatus::ESME_ROK));
        let answer = post(&scene, message(&uc, json!({}))).await;
        match taken {
            true => assert_eq!(answer.status, 201, "{words}"),
            false => must_be_error(&answer, 422, "opted_out"),
        }
    }
    sent(&scene, &other, json!({})).await;
}

#[tokio::test]
async fn u_025_without_a_token_nothing_opens() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let body = message(&uc, json!({})).to_string();
    let json = [("content-type", "application/json")];
    let nobody = scene.http().call("POST", SMS, &json, &body).await;
    must_be_error(&nobody, 401, "unauthenticated");
    let reader = scene
        .http()
        .json("POST", SMS, READER, message(&uc, json!({})))
        .await;
    must_be_error(&reader, 403, "forbidden");
    let sender = scene
        .http()
        .json("POST", USE_CASES, SENDER, use_case(json!({})))
        .await;
    must_be_error(&sender, 403, "forbidden");
    let large = scene
        .http()
        .call("POST", SMS, &json, "x".repeat(300_000))
        .await;
    must_be_error(&large, 413, "payload_too_large");
    let delete = scene.http().json("DELETE", SMS, ADMIN, json!({})).await;
    must_be_error(&delete, 405, "method_not_allowed");
    assert!(delete.header("allow").unwrap().contains("POST"));
    must_be_error(
        &scene.http().get("/v1/nothing", ADMIN).await,
        404,
        "not_found",
    );
}

/// Also U-031, U-035 and a record that is listed.
#[tokio::test]
async fn u_030_a_message_goes_from_pending_over_sent_to_delivered() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let made = sent(&scene, &uc, json!({})).await;
    let record = until(&scene, &made["id"], "sent").await;
    assert!(record["handed_off_at"].is_string());
    assert_eq!(record["num_segments"], 1);
    let pool = [json!("+14155550001"), json!("+12125550002")];
    assert!(pool.contains(&record["from_number"]), "{record}");
    scene.receive(&newest_external(&scene), "DELIVRD").await;
    let record = until(&scene, &made["id"], "delivered").await;
    assert!(record["handed_off_at"].as_str() <= record["delivered_at"].as_str());
    assert!(record["delivered_at"].is_string());
    assert_eq!(
        (&record["error_code"], &record["errored_at"]),
        (&Value::Null, &Value::Null)
    );

    let long = sent(&scene, &uc, json!({"message": "a".repeat(161)})).await;
    let record = until(&scene, &long["id"], "sent").await;
    assert_eq!(record["num_segments"], 2);
}

/// Also U-033 and U-034.
#[tokio::test]
async fn u_032_what_goes_wrong_has_a_time_and_a_code() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let untold = sent(&scene, &uc, json!({})).await;
    until(&scene, &untold["id"], "sent").await;
    for (stat, code) in [
        ("UNDELIV", 30008),
        ("EXPIRED", 30003),
        ("REJECTD", 30007),
        ("DELETED", 30008),
    ] {
        let made = sent(&scene, &uc, json!({})).await;
        until(&scene, &made["id"], "sent").await;
        scene.receive(&newest_external(&scene), stat).await;
        let record = until(&scene, &made["id"], "undelivered").await;
        assert_eq!(record["error_code"], code, "{stat}");
        assert!(record["errored_at"].is_string() && record["delivered_at"].is_null());
        assert!(record["handed_off_at"].is_string());
    }
    for (status, code) in [
        (CommandStatus::ESME_RINVDSTADR, 21211),
        (CommandStatus::ESME_RX_P_APPN, 30008),
    ] {
        scene.smsc.answer_next([Reaction::Status(status)]);
        let made = sent(&scene, &uc, json!({})).await;
        let record = until(&scene, &made["id"], "failed").await;
        assert_eq!(record["error_code"], code);
        assert!(record["errored_at"].is_string() && record["handed_off_at"].is_null());
    }
    // The gateway knows by which codes its message centre says that somebody is away.
    let meta = json!({"meta": {"absent_subscriber_errors": ["000"]}});
    scene.http().patch(scene.gateway, meta).await;
    let made = sent(&scene, &uc, json!({})).await;
    until(&scene, &made["id"], "sent").await;
    scene.receive(&newest_external(&scene), "UNDELIV").await;
    let record = until(&scene, &made["id"], "undelivered").await;
    assert_eq!(record["error_code"], 30003);
    // Nobody told what became of it: no end is made up.
    let record = crate::record(&scene, &untold["id"]).await;
    assert_eq!(
        (&record["status"], &record["delivered_at"]),
        (&json!("sent"), &Value::Null)
    );
}

/// Also U-037, and after a restart.
#[tokio::test]
async fn u_036_a_destination_keeps_its_sender() {
    let mut scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let from = async |scene: &Scene, to: &str| {
        let made = sent(scene, &uc, json!({"to_phone_number": to})).await;
        until(scene, &made["id"], "sent").await["from_number"].clone()
    };
    assert_eq!(from(&scene, "+12125550199").await, "+12125550002");
    let first = from(&scene, "+4915112345671").await;
    assert_eq!(first, "+14155550001", "it has rested longer");
    assert_eq!(from(&scene, "+4915112345671").await, first);
    scene.bridge.restart().await;
    scene.until_bound().await;
    assert_eq!(from(&scene, "+4915112345671").await, first);
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repeat_safe() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let key = [("idempotency-key", "k-1")];
    let body = message(&uc, json!({}));
    let first = scene
        .http()
        .json_with("POST", SMS, SENDER, &key, body.clone())
        .await;
    let again = scene
        .http()
        .json_with("POST", SMS, SENDER, &key, body)
        .await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = message(&uc, json!({"message": "other"}));
    let conflict = scene
        .http()
        .json_with("POST", SMS, SENDER, &key, other)
        .await;
    must_be_error(&conflict, 422, "invalid_request");
    until(&scene, &first.json()["id"], "sent").await;
    assert_eq!(scene.smsc.submits(), 1);
}

#[tokio::test]
async fn use_cases_are_made_changed_and_survive_a_restart() {
    let mut scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let path = format!("{USE_CASES}/{uc}");
    let shown = scene.http().get(&path, ADMIN).await.json();
    let expected =
        use_case(json!({"status": "active", "sticky_sender": true, "area_code_geomatch": true}));
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let change = json!({"name": "New", "sticky_sender": false, "campaign": null});
    let changed = scene.http().json("PATCH", &path, ADMIN, change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(
        (&changed.json()["name"], &changed.json()["brand"]["id"]),
        (&json!("New"), &json!("B1"))
    );
    scene.bridge.restart().await;
    let again = scene.http().get(&path, ADMIN).await.json();
    assert_eq!(again, changed.json());
    let all = scene.http().get(USE_CASES, ADMIN).await.json();
    assert_eq!(all["use_cases"], json!([again]));
    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"gateway": null}), "gateway"),
        (json!({"status": "asleep"}), "status"),
        (json!({"senders": ["+12"]}), "senders"),
        (json!({"senders": "x"}), "senders"),
        (json!({"allowed_regions": ["USA"]}), "allowed_regions"),
        (json!({"campaign": {"id": "x"}}), "campaign"),
        (json!({"sticky_sender": 1}), "sticky_sender"),
    ] {
        let refused = scene
            .http()
            .json("PATCH", &path, ADMIN, change.clone())
            .await;
        must_be_error(&refused, 422, "invalid_request");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{change}");
    }
}

#[tokio::test]
async fn a_use_case_of_the_configuration_is_there_and_only_changed_there() {
    let id = "0f9a1c1e-4b7e-4a52-9a52-5d0a3f6d7c11";
    let configured = |config: &mut toml::Table| {
        let table = format!(
            "id = \"{id}\"\nname = \"C\"\ngateway = \"smsc-main\"\nsenders = [\"12345\"]\n\
             campaign = {{ status = \"verified\" }}"
        );
        let table: toml::Table = table.parse().unwrap();
        let all = toml::Value::Array(vec![table.into()]);
        config.insert("use_cases".into(), all);
    };
    let mut scene = Scene::with(configured, json!({})).await;
    sent(&scene, id, json!({})).await;
    let path = format!("{USE_CASES}/{id}");
    let change = json!({"name": "Other"});
    let refused = scene.http().json("PATCH", &path, ADMIN, change).await;
    must_be_error(&refused, 409, "conflict");
    let refused = scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    must_be_error(&refused, 409, "conflict");
    // It goes with its table.
    scene.bridge.stop().await;
    let file = scene.bridge.folder.path().join("bridge.toml");
    let mut config: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    config.remove("use_cases");
    std::fs::write(&file, config.to_string()).unwrap();
    scene.bridge.start_again().await;
    let gone = post(&scene, message(id, json!({}))).await;
    must_be_error(&gone, 404, "use_case_not_found");
}

#[tokio::test]
async fn messages_are_listed_by_use_case_and_status_a_page_at_a_time() {
    let scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let other = create(&scene, json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let made = sent(&scene, &uc, json!({})).await;
        until(&scene, &made["id"], "sent").await;
        ids.insert(0, made["id"].clone());
    }
    sent(&scene, &other, json!({})).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("{SMS}?use_case_id={uc}&status=sent&limit=2{cursor}");
        let page = scene.http().get(&path, READER).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["id"].clone()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let none = scene.http().get("/v1/sms/?status=failed", READER).await;
    assert_eq!(none.json()["data"], json!([]));
    for query in ["status=gone", "use_case_id=x", "limit=0", "cursor=x"] {
        let refused = scene.http().get(&format!("{SMS}?{query}"), READER).await;
        must_be_error(&refused, 422, "invalid_request");
    }
}

///
#[tokio::test]
async fn x_002_what_was_accepted_survives_a_kill_and_is_among_all_messages() {
    let mut scene = Scene::new().await;
    let uc = create(&scene, json!({})).await;
    let made = sent(&scene, &uc, json!({"message": "kept"})).await;
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    until(&scene, &made["id"], "sent").await;
    let all = scene.http().get("/api/sms-messages", ADMIN).await.json();
    assert_eq!(all["data"][0]["message"], "kept");
    assert_eq!(all["data"][0]["to_number"], TO);
}
