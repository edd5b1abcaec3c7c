//! Lists that are walked to their end, and what is found at the end of them can be acted on.
//!
//! Method: the daemon over real sockets; pages are followed by cursor while new messages come, and
//! messages are pushed out of memory by as many others as it keeps.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Answer as Reaction, mo};
use smpp_protocol::command::CommandStatus;
use std::collections::BTreeSet;

/// One page: its rows, and where the list goes on.
async fn page(http: Http, path: &str, query: &str, cursor: &Value) -> (Vec<Value>, Value) {
    let cursor = match cursor.as_str() {
        Some(cursor) => format!("&cursor={cursor}"),
        None => String::new(),
    };
    let answer = http.get(&format!("{path}?{query}{cursor}"), ADMIN).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let next = match json.get("pagination") {
        Some(pagination) => pagination["next_cursor"].clone(),
        None => json["next_cursor"].clone(),
    };
    (json["data"].as_array().unwrap().clone(), next)
}

/// Every row of a list, `between` done after each page.
async fn walk(http: Http, path: &str, query: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next = Value::Null;
    loop {
        let (mut more, after) = page(http, path, query, &next).await;
        rows.append(&mut more);
        between().await;
        if after.is_null() {
            return rows;
        }
        next = after;
    }
}

async fn all(http: Http, path: &str) -> Vec<Value> {
    walk(http, path, "per_page=100", async || {}).await
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|r| r["id"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_by_cursor_meets_each_message_once_while_new_ones_come() {
    let mut scene = Scene::new().await;
    let mut sent = Vec::new();
    for n in 0..40 {
        sent.push(scene.submitted(&format!("walked {n}")).await);
    }
    for (id, external) in sent.iter().step_by(3) {
        scene.receive(external, "DELIVRD").await;
        scene.until_state(*id, "delivered").await;
    }
    scene.bridge.restart().await;
    scene.until_bound().await;
    let newest_first: Vec<u64> = sent.iter().rev().map(|(id, _)| *id).collect();
    let of_gateway = format!("/api/sms-gateways/{}/messages", scene.gateway);
    for path in ["/api/sms-messages", &of_gateway] {
        let rows = walk(scene.http(), path, "per_page=7", async || {
            scene.http().queue(scene.gateway, text("meanwhile")).await;
        })
        .await;
        let mut walked = ids(&rows);
        // What came in before this walk, but after the one before.
        walked.retain(|id| newest_first.contains(id));
        assert_eq!(walked, newest_first, "{path}");
        let states: Vec<&str> = rows.iter().map(|r| r["state"].as_str().unwrap()).collect();
        let delivered = states.iter().filter(|s| **s == "delivered").count();
        assert_eq!(delivered, 14, "a page further back is as true as the first");
    }
    let query = "per_page=3&state=delivered";
    let rows = walk(scene.http(), "/api/sms-messages", query, async || {}).await;
    let delivered: Vec<u64> = sent.iter().step_by(3).rev().map(|(id, _)| *id).collect();
    assert_eq!(ids(&rows), delivered);
    // A page by number is one of the same list.
    let (rows, _) = page(
        scene.http(),
        "/api/sms-messages",
        "per_page=4&page=2&state=delivered",
        &Value::Null,
    )
    .await;
    assert_eq!(ids(&rows), delivered[4..8]);
    for wrong in ["cursor=x", "cursor=a", "cursor=c000000000000000000000000"] {
        for path in [
            "/api/sms-messages",
            "/api/mo-messages",
            "/v1/sms",
            "/api/in-doubt",
            "/api/dead-callbacks",
            "/api/orphans",
        ] {
            let answer = scene.http().get(&format!("{path}?{wrong}"), ADMIN).await;
            assert_eq!(answer.status, 422, "{path}?{wrong}");
        }
    }
}

const PAYLOADS: [&str; 9] = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_use_cases_and_of_handsets_are_walked_as_well() {
    let scene = Scene::new().await;
    let case = json!({ "name": "Orders", "gateway": "smsc-main", "senders": ["12345"] });
    let made = scene
        .http()
        .json("POST", "/v1/use-cases", ADMIN, case)
        .await;
    let case = made.json()["id"].as_str().unwrap().to_owned();
    let mut sent = Vec::new();
    for n in PAYLOADS {
        let body = json!({
            "use_case_id": case, "to_phone_number": "+4915112345678", "message": n,
        });
        let answer = scene.http().json("POST", "/v1/sms", SENDER, body).await;
        sent.push(answer.json()["id"].clone());
        scene.http().queue(scene.gateway, text("between")).await;
        let arrived = scene.smsc.deliver(mo(HANDSET, "99999999999", n)).await;
        assert_eq!(arrived, Some(CommandStatus::ESME_ROK));
    }
    let query = format!("limit=2&use_case_id={case}");
    let rows = walk(scene.http(), "/v1/sms", &query, async || {}).await;
    let walked: Vec<Value> = rows.iter().rev().map(|r| r["id"].clone()).collect();
    assert_eq!(walked, sent);
    let query = "per_page=2&state=delivered";
    wait_for("the callbacks", async || {
        (scene.http().mos("delivered").await.len() == 9).then_some(())
    })
    .await;
    let rows = walk(scene.http(), "/api/mo-messages", query, async || {}).await;
    let walked: Vec<&str> = rows
        .iter()
        .rev()
        .map(|r| r["payload"].as_str().unwrap())
        .collect();
    assert_eq!(walked, PAYLOADS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_are_listed_by_pages_and_by_what_they_name() {
    let scene = Scene::new().await;
    for n in 0..7 {
        scene.receive(&format!("nobody{n}"), "DELIVRD").await;
    }
    let rows = walk(scene.http(), "/api/orphans", "per_page=3", async || {}).await;
    let named: Vec<&str> = rows
        .iter()
        .map(|r| r["message_ids"][0].as_str().unwrap())
        .collect();
    assert_eq!(
        named,
        [
            "nobody6", "nobody5", "nobody4", "nobody3", "nobody2", "nobody1", "nobody0"
        ]
    );
    let (rows, next) = page(
        scene.http(),
        "/api/orphans",
        "message_id=nobody4",
        &Value::Null,
    )
    .await;
    assert_eq!((rows.len(), next), (1, Value::Null));
    let other = format!("sms_gateway_id={}", scene.gateway + 1);
    let (rows, next) = page(scene.http(), "/api/orphans", &other, &Value::Null).await;
    assert_eq!((rows.len(), next), (0, Value::Null));
}

/// Finished messages that memory keeps.
const KEPT: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_memory_is_listed_and_called_back_again() {
    let hurried = |config: &mut toml::Table| {
        set(config, "callbacks", "give_up_after_s", 1);
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        accounts[0].as_table_mut().unwrap().remove("rate_per_s");
    };
    let mut scene = Scene::with(hurried, json!({})).await;
    for path in ["/mo", "/dlr"] {
        scene.app.answer_always(path, Reply::Status(503));
    }
    let posted = json!({ "to_number": "+49170", "callback_url": scene.app.url("/dlr") });
    let sent = scene.send(with(text("told nobody"), posted)).await;
    let (called, external) = (sent.id(), sent.member("external_message_id"));
    scene.receive(external.as_str().unwrap(), "DELIVRD").await;
    let arrived = scene.smsc.deliver(mo(HANDSET, "12345", "for nobody")).await;
    assert_eq!(arrived, Some(CommandStatus::ESME_ROK));
    scene.smsc.answer_next([Reaction::Drop]);
    let doubted = scene
        .send(with(text("twice"), json!({ "to_number": "+49170" })))
        .await
        .id();
    scene.until_state(doubted, "submitted").await;
    let twice = scene.record(doubted).await["external_message_id"].clone();
    scene.receive(twice.as_str().unwrap(), "DELIVRD").await;
    let dead = wait_for("the dead callbacks", async || {
        let rows = all(scene.http(), "/api/dead-callbacks").await;
        (rows.len() == 2).then_some(rows)
    })
    .await;
    let moment = ids(&dead)[0].max(ids(&dead)[1]);
    assert_eq!(ids(&all(scene.http(), "/api/in-doubt").await), [doubted]);

    crowd_out(&scene).await;
    wait_for("memory to let go", async || {
        let metrics = scene.http().metrics().await;
        metrics
            .contains("smpp_bridge_messages_in_doubt 0")
            .then_some(())
    })
    .await;
    assert_eq!(all(scene.http(), "/api/dead-callbacks").await, dead);
    assert_eq!(ids(&all(scene.http(), "/api/in-doubt").await), [doubted]);
    let kinds: BTreeSet<_> = dead
        .iter()
        .map(|r| r["direction"].clone().to_string())
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(dead.iter().all(|r| r["callbacks"][0]["last_status"] == 503));
    let late = format!("from={}", "2099-01-01");
    let (none, next) = page(scene.http(), "/api/dead-callbacks", &late, &Value::Null).await;
    assert_eq!((none.len(), next), (0, Value::Null));

    for path in ["/mo", "/dlr"] {
        scene.app.answer_always(path, Reply::Status(200));
    }
    let seen = |path: &str| scene.app.of("POST", path).len();
    let before = (seen("/mo"), seen("/dlr"));
    let mo_id = dead.iter().find(|r| r["direction"] == "mo").unwrap()["id"].clone();
    let again = async |path: String| scene.http().json("POST", &path, SENDER, json!({})).await;
    let (mt_path, mo_path) = (
        format!("/api/sms-messages/{called}/redeliver"),
        format!("/api/mo-messages/{mo_id}/redeliver"),
    );
    for path in [&mt_path, &mo_path] {
        let queued = again(path.clone()).await;
        assert_eq!(queued.status, 200, "{}", queued.text());
    }
    scene.app.until("POST", "/mo", before.0 + 1).await;
    scene.app.until("POST", "/dlr", before.1 + 1).await;
    wait_for("nothing to be dead any more", async || {
        all(scene.http(), "/api/dead-callbacks")
            .await
            .is_empty()
            .then_some(())
    })
    .await;
    wait_for("both to be delivered", async || {
        let types = scene.http().event_types(called).await;
        let mo = scene
            .http()
            .get(&format!("/api/mo-messages/{mo_id}"), READER)
            .await;
        let told = types.last().is_some_and(|t| t == "callback_delivered");
        (told && mo.json()["data"]["state"] == "delivered").then_some(())
    })
    .await;
    assert_eq!(scene.http().event_types(called).await[0], "requested");
    for path in [&mt_path, &mo_path] {
        again(path.clone()).await.must_be_error(409);
    }
    again(format!("/api/sms-messages/{doubted}/redeliver"))
        .await
        .must_be_error(409);
    again("/api/sms-messages/7/redeliver".into())
        .await
        .must_be_error(404);
    again(format!("/api/sms-messages/{called}/cancel"))
        .await
        .must_be_error(409);
    assert!(moment > 0);

    scene.bridge.restart().await;
    assert!(all(scene.http(), "/api/dead-callbacks").await.is_empty());
    assert_eq!(scene.record(called).await["state"], "delivered");
    let metrics = scene.http().metrics().await;
    assert!(!metrics.lines().any(|l| {
        l.starts_with("smpp_bridge_invariant_violations_total") && !l.ends_with(" 0")
    }));
    scene.bridge.stop().await;
    let data = scene.bridge.folder.path().join("data");
    let proof = std::process::Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
        .args(["verify", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(
        proof.status.success(),
        "{}",
        String::from_utf8_lossy(&proof.stdout)
    );
}

/// As many finished messages as memory keeps, and some more.
async fn crowd_out(scene: &Scene) {
    let headers = [
        ("x-api-key", "uk-acme"),
        ("content-type", "application/json"),
    ];
    let item = json!({
        "destination": "+393401234567", "sender": "Brand", "body": "hi", "simulation": true,
    });
    let items = json!(vec![item; 1000]).to_string();
    for _ in 0..KEPT / 1000 + 1 {
        let path = "/api/message-server/sms/send/batch";
        let answer = scene.http().call("POST", path, &headers, &items).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
