//! The universal API against the running daemon, its message centre and its application.
//!
//! Method: each test names the rule it checks; the message centre tells what was sent, the
//! application what was notified.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::Recorded;
use smpp_protocol::coding::{DataCoding, Npi, Ton};
use smpp_protocol::command::CommandStatus;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATH: &str = "/api/message-server/sms/send";
const KEY: (&str, &str) = ("x-api-key", "uk-acme");
const JSON: (&str, &str) = ("content-type", "application/json");

fn message(change: Value) -> Value {
    let body = json!({"destination": "+393401234567", "sender": "MyBrand", "body": "hello"});
    with(body, change)
}

async fn post(scene: &Scene, body: Value) -> Answer {
    scene
        .http()
        .call("POST", PATH, &[KEY, JSON], body.to_string())
        .await
}

/// Posts, is answered 200 and accepted; the answer.
async fn accepted(scene: &Scene, change: Value) -> Value {
    let answer = post(scene, message(change)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["results"]["sms"]["accepted"], true, "{json}");
    json
}

/// The reasons of a message that was not taken.
async fn reasons(scene: &Scene, change: Value) -> Value {
    let answer = post(scene, message(change)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sms = answer.json()["results"]["sms"].clone();
    assert_eq!(sms["accepted"], false, "{sms}");
    sms["reasons"].clone()
}

async fn until_submits(scene: &Scene, count: usize) -> Vec<Recorded> {
    wait_for(&format!("{count} submits"), async || {
        let recorded = scene.smsc.recorded();
        (recorded.len() >= count).then_some(recorded)
    })
    .await
}

/// Holds an error to the shape of this family.
fn must_be_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["error"], code, "{json}");
    assert!(json["message"].as_str().is_some_and(|m| !m.is_empty()));
}

fn error_fields(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let fields = json["fields"].as_object();
    fields
        .map(|f| f.keys().cloned().collect())
        .unwrap_or_default()
}

/// A change of the one account's table.
fn account(key: &str, value: impl Into<toml::Value>) -> impl FnOnce(&mut toml::Table) {
    let value = value.into();
    move |config| {
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        accounts[0]
            .as_table_mut()
            .unwrap()
            .insert(key.into(), value);
    }
}

/// The id of the newest message in the log.
async fn newest(scene: &Scene) -> u64 {
    let answer = scene.http().get("/api/sms-messages", ADMIN).await;
    answer.json()["data"][0]["id"].as_u64().unwrap()
}

async fn external_ids(scene: &Scene, parts: usize) -> Vec<String> {
    let id = newest(scene).await;
    wait_for("the ids of all parts", async || {
        let record = scene.record(id).await;
        let parts_known = record["remote_response"]["parts"].as_array()?.clone();
        (parts_known.len() == parts).then(|| {
            let ids = parts_known.iter();
            ids.map(|p| p["message_id"].as_str().unwrap().to_owned())
                .collect()
        })
    })
    .await
}

#[tokio::test]
async fn n_001_a_message_is_taken_and_answered_as_documented() {
    let scene = Scene::new().await;
    for path in [PATH.to_owned(), format!("{PATH}/")] {
        let body = message(json!({})).to_string();
        let answer = scene.http().call("POST", &path, &[KEY, JSON], body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let id = json["messageId"].as_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
        assert_eq!(
            json,
            json!({"messageId": id, "simulation": false, "results": {"sms":
                {"accepted": true, "unicode": false, "parts": 1, "reasons": []}}})
        );
    }
    until_submits(&scene, 2).await;
}

/// Also N-003.
#[tokio::test]
async fn n_002_a_name_and_password_do_as_well_and_a_key_decides() {
    let scene = Scene::new().await;
    let basic = ("authorization", "Basic YWNtZTphY21lLXBhc3M=");
    let wrong_basic = ("authorization", "Basic YWNtZTpmYWxzZQ==");
    let wrong_key = ("x-api-key", "uk-acmf");
    let bearer = ("authorization", "Bearer adm-token");
    for (headers, status) in [
        (vec![basic], 200),
        (vec![KEY, wrong_basic], 200),
        (vec![], 401),
        (vec![wrong_basic], 401),
        (vec![wrong_key], 401),
        (vec![wrong_key, basic], 401),
        (vec![bearer], 401),
    ] {
        let mut headers = headers;
        headers.push(JSON);
        let body = message(json!({})).to_string();
        let answer = scene.http().call("POST", PATH, &headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 401 {
            must_be_error(&answer, 401, "UNAUTHORIZED");
            let realm = answer.header("www-authenticate");
            assert_eq!(realm, Some("Basic realm=\"sms\""));
        }
    }
    // what was wrong is nowhere repeated.
    let told = scene.bridge.log() + &scene.http().metrics().await;
    for secret in ["uk-acme", "acme-pass", "uk-acmf", "false"] {
        assert!(secret == "false" || !told.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn n_005_an_account_is_bound_to_its_addresses() {
    let nets = || toml::Value::Array(vec!["10.0.0.0/8".into()]);
    let scene = Scene::with(account("allowed_ips", nets()), json!({})).await;
    let refused = post(&scene, message(json!({}))).await;
    must_be_error(&refused, 403, "FORBIDDEN");
    // A header is believed only of a trusted proxy.
    let forwarded = [KEY, JSON, ("x-forwarded-for", "10.1.2.3")];
    let body = message(json!({})).to_string();
    let refused = scene.http().call("POST", PATH, &forwarded, &body).await;
    must_be_error(&refused, 403, "FORBIDDEN");

    let proxied = |config: &mut toml::Table| {
        account("allowed_ips", nets())(config);
        let proxies = toml::Value::Array(vec!["127.0.0.1/32".into()]);
        set(config, "http", "trusted_proxies", proxies);
    };
    let scene = Scene::with(proxied, json!({})).await;
    let answer = scene.http().call("POST", PATH, &forwarded, &body).await;
    assert_eq!(answer.status, 200);
    let refused = post(&scene, message(json!({}))).await;
    must_be_error(&refused, 403, "FORBIDDEN");
}

#[tokio::test]
async fn n_007_too_fast_is_429_with_a_time_that_holds() {
    let scene = Scene::with(account("rate_per_s", 1), json!({})).await;
    let mut refused = None;
    for _ in 0..10 {
        let answer = post(&scene, message(json!({}))).await;
        if answer.status == 429 {
            must_be_error(&answer, 429, "TOO_MANY_REQUESTS");
            refused = Some(answer);
        }
    }
    let refused = refused.expect("ten calls at once are too many");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(post(&scene, message(json!({}))).await.status, 200);
}

/// Also N-009, N-010, N-011, N-013, N-015, N-039, N-053, N-057.
#[tokio::test]
async fn n_008_what_is_wrong_is_named() {
    let scene = Scene::new().await;
    for (change, status, field) in [
        (json!({"destination": null}), 400, "destination"),
        (json!({"sender": null}), 400, "sender"),
        (json!({"body": null}), 400, "body"),
        (json!({"destination": 393401234567u64}), 400, "destination"),
        (json!({"destination": "+12"}), 422, "destination"),
        (json!({"destination": "hello"}), 422, "destination"),
        (json!({"sender": "MyBrandName1"}), 400, "sender"),
        (json!({"campaignId": "a".repeat(256)}), 400, "campaignId"),
        (json!({"scheduledDate": "tomorrow"}), 400, "scheduledDate"),
        (
            json!({"scheduledDate": "2025-10-01T09:00:00Z x"}),
            400,
            "scheduledDate",
        ),
        (json!({"udhData": "05ZZ"}), 400, "udhData"),
        (json!({"udhData": "050"}), 400, "udhData"),
        (json!({"udhData": "0605040B84"}), 400, "udhData"),
        (json!({"simulation": "true"}), 400, "simulation"),
        (json!({"placeholders": {"a": []}}), 400, "placeholders"),
        (json!({"placeholders": {"a": {}}}), 400, "placeholders"),
        (json!({"placeholders": {"a": null}}), 400, "placeholders"),
        (json!({"body": "a".repeat(1531)}), 422, "body"),
    ] {
        let answer = post(&scene, message(change.clone())).await;
        let code = if status == 400 {
            "BAD_REQUEST"
        } else {
            "UNPROCESSABLE_ENTITY"
        };
        must_be_error(&answer, status, code);
        assert_eq!(error_fields(&answer), [field], "{change}");
    }
    for name in ["destination", "sender", "body"] {
        let mut body = message(json!({}));
        body.as_object_mut().unwrap().remove(name);
        let answer = post(&scene, body).await;
        must_be_error(&answer, 400, "BAD_REQUEST");
        assert_eq!(error_fields(&answer), [name]);
    }
    for body in [
        "{\"destination\"",
        "",
        "[1]",
        "\"text\"",
        "{\"body\":\"\\ud800\"}",
    ] {
        let answer = scene.http().call("POST", PATH, &[KEY, JSON], body).await;
        must_be_error(&answer, 400, "BAD_REQUEST");
    }
    assert_eq!(scene.smsc.submits(), 0);
    // One less, and nothing is wrong.
    for change in [
        json!({"sender": "MyBrandName"}),
        json!({"campaignId": "é".repeat(255)}),
        json!({"messageId": "m".repeat(255)}),
        json!({"body": "a".repeat(1530)}),
    ] {
        accepted(&scene, change).await;
    }
    until_submits(&scene, 13).await;
}

/// Also N-060.
#[tokio::test]
async fn n_012_addresses_reach_the_message_centre_with_their_types() {
    let scene = Scene::new().await;
    accepted(&scene, json!({})).await;
    accepted(
        &scene,
        json!({"sender": "+393407654321", "destination": "00393401234567"}),
    )
    .await;
    let recorded = until_submits(&scene, 2).await;
    let brand = recorded
        .iter()
        .find(|r| r.submit.source_addr == "MyBrand")
        .unwrap();
    assert_eq!(
        (brand.submit.source_addr_ton, brand.submit.source_addr_npi),
        (Ton(5), Npi(0))
    );
    let number = recorded
        .iter()
        .find(|r| r.submit.source_addr == "393407654321")
        .unwrap();
    assert_eq!(
        (number.submit.source_addr_ton, number.submit.source_addr_npi),
        (Ton(1), Npi(1))
    );
    assert!(number.submit.destination_addr == "393401234567");
    assert_eq!(number.submit.dest_addr_ton, Ton(1));
}

/// Also N-016 and N-017.
#[tokio::test]
async fn n_017_a_repeat_sends_nothing_and_other_content_is_refused() {
    let mut scene = Scene::new().await;
    let first = accepted(&scene, json!({"messageId": "order-2"})).await;
    assert_eq!(first["messageId"], "order-2");
    assert_eq!(
        accepted(&scene, json!({"messageId": "order-2"})).await,
        first
    );
    let other = json!({"messageId": "order-2", "body": "other"});
    assert_eq!(
        reasons(&scene, other).await,
        json!(["DUPLICATE_MESSAGE_ID"])
    );
    until_submits(&scene, 1).await;
    scene.bridge.restart().await;
    assert_eq!(
        accepted(&scene, json!({"messageId": "order-2"})).await,
        first
    );
    scene.until_bound().await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.smsc.submits(), 1);
    // What was refused does not take the id.
    let refused = post(
        &scene,
        message(json!({"messageId": "order-3", "sender": ""})),
    )
    .await;
    assert_eq!(refused.status, 400);
    accepted(&scene, json!({"messageId": "order-3"})).await;
}

/// Also N-020, and the order of the checks.
#[tokio::test]
async fn n_019_paths_methods_types_and_sizes_are_refused_in_this_family_s_words() {
    let scene = Scene::new().await;
    let http = scene.http();
    let body = message(json!({})).to_string();
    let unknown = http
        .call("POST", "/api/message-server/sms/sendx", &[KEY, JSON], &body)
        .await;
    must_be_error(&unknown, 404, "NOT_FOUND");
    let get = http.call("GET", PATH, &[KEY], "").await;
    must_be_error(&get, 405, "METHOD_NOT_ALLOWED");
    assert!(get.header("allow").unwrap().contains("POST"));
    // No credentials here: what is asked comes before who asks.
    let text = http
        .call("POST", PATH, &[("content-type", "text/plain")], &body)
        .await;
    must_be_error(&text, 415, "UNSUPPORTED_MEDIA_TYPE");
    let large = http.call("POST", PATH, &[JSON], "x".repeat(300_000)).await;
    must_be_error(&large, 413, "PAYLOAD_TOO_LARGE");
    let nobody = http.call("POST", PATH, &[JSON], "{").await;
    must_be_error(&nobody, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn n_021_a_simulation_is_answered_and_never_sent() {
    let mut scene = Scene::new().await;
    let answer = accepted(&scene, json!({"simulation": true, "messageId": "s-1"})).await;
    assert_eq!(answer["simulation"], true);
    let id = newest(&scene).await;
    let record = scene.record(id).await;
    assert_eq!(record["state"], "simulated");
    // The id is free: the real message goes out.
    accepted(
        &scene,
        json!({"messageId": "s-1", "enableNotification": false}),
    )
    .await;
    until_submits(&scene, 1).await;
    let taken = json!({"messageId": "s-1", "simulation": true, "body": "other"});
    assert_eq!(
        reasons(&scene, taken).await,
        json!(["DUPLICATE_MESSAGE_ID"])
    );
    scene.bridge.restart().await;
    assert_eq!(scene.record(id).await["state"], "simulated");
    scene.until_bound().await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.smsc.submits(), 1);
    assert!(scene.app.of("POST", "/universal").is_empty());
    let faulty = post(
        &scene,
        message(json!({"simulation": true, "destination": "x"})),
    )
    .await;
    assert_eq!(faulty.status, 422);
}

/// Also N-025, N-026, N-027.
#[tokio::test]
async fn n_024_texts_are_counted_as_they_are_sent() {
    let scene = Scene::new().await;
    let x = |s: &str, n: usize| s.repeat(n);
    for (body, unicode, parts) in [
        ("🎉".to_owned(), true, 1),
        ("è".to_owned(), false, 1),
        (x("a", 160), false, 1),
        (x("a", 161), false, 2),
        (x("a", 306), false, 2),
        (x("a", 307), false, 3),
        (x("я", 70), true, 1),
        (x("я", 71), true, 2),
        (x("я", 134), true, 2),
        (x("я", 135), true, 3),
    ] {
        let before = scene.smsc.recorded().len();
        let answer = accepted(&scene, json!({"body": body})).await;
        let sms = &answer["results"]["sms"];
        assert_eq!(
            (&sms["unicode"], &sms["parts"]),
            (&json!(unicode), &json!(parts))
        );
        let recorded = until_submits(&scene, before + parts).await;
        let coding = DataCoding(if unicode { 8 } else { 0 });
        assert!(
            recorded[before..]
                .iter()
                .all(|r| r.submit.data_coding == coding)
        );
        if body == "è" {
            assert_eq!(recorded[before].submit.short_message[..], [4]);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(scene.smsc.recorded().len(), before + parts);
    }
}

/// Also N-045.
#[tokio::test]
async fn n_032_parts_go_out_with_one_reference_and_are_told_one_by_one() {
    let scene = Scene::new().await;
    let answer = accepted(
        &scene,
        json!({"body": "a".repeat(400), "messageId": "long"}),
    )
    .await;
    assert_eq!(answer["results"]["sms"]["parts"], 3);
    let mut headers: Vec<Vec<u8>> = until_submits(&scene, 3)
        .await
        .iter()
        .map(|r| r.submit.short_message[..6].to_vec())
        .collect();
    headers.sort();
    let reference = headers[0][3];
    let expected: Vec<Vec<u8>> = (1..=3).map(|n| vec![5, 0, 3, reference, 3, n]).collect();
    assert_eq!(headers, expected);
    let ids = external_ids(&scene, 3).await;
    for id in [&ids[2], &ids[0], &ids[1]] {
        scene.receive(id, "DELIVRD").await;
        scene.receive(id, "DELIVRD").await;
    }
    let seen = scene.app.until("POST", "/universal", 3).await;
    let mut parts: Vec<u64> = seen
        .iter()
        .map(|c| c.json()["numPart"].as_u64().unwrap())
        .collect();
    parts.sort_unstable();
    assert_eq!(parts, [1, 2, 3]);
    for callback in &seen {
        let json = callback.json();
        assert_eq!(
            (&json["totalParts"], &json["statusCode"]),
            (&json!(3), &json!(3))
        );
        assert_eq!(json["messageId"], "long");
    }
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.of("POST", "/universal").len(), 3);
}

/// One part fails: it alone is told so, and the others have verdicts of their own.
#[tokio::test]
async fn each_part_has_its_own_verdict() {
    let scene = Scene::new().await;
    accepted(&scene, json!({"body": "a".repeat(307)})).await;
    let ids = external_ids(&scene, 3).await;
    scene.receive(&ids[1], "UNDELIV").await;
    scene.receive(&ids[0], "DELIVRD").await;
    scene.receive(&ids[2], "ENROUTE").await;
    scene.receive(&ids[2], "EXPIRED").await;
    let mut told: Vec<(u64, u64)> = scene
        .app
        .until("POST", "/universal", 3)
        .await
        .iter()
        .map(|c| {
            let json = c.json();
            (
                json["numPart"].as_u64().unwrap(),
                json["statusCode"].as_u64().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(1, 3), (2, 6), (3, 6)]);
}

/// Also N-034 and N-036.
#[tokio::test]
async fn n_033_placeholders_are_filled_once() {
    let scene = Scene::new().await;
    for (body, values, text) in [
        (
            "Ciao {nome} alle {ora}",
            json!({"nome": "Mario", "ora": "14:30"}),
            "Ciao Mario alle 14:30",
        ),
        ("n={n} b={b}", json!({"n": 5, "b": true}), "n=5 b=true"),
        ("hi there", json!({"unused": "x"}), "hi there"),
    ] {
        let before = scene.smsc.recorded().len();
        accepted(&scene, json!({"body": body, "placeholders": values})).await;
        let recorded = until_submits(&scene, before + 1).await;
        assert_eq!(recorded[before].submit.short_message, text.as_bytes());
    }
    accepted(
        &scene,
        json!({"body": "{left} as it is", "placeholders": {"a": "b"}}),
    )
    .await;
    let recorded = until_submits(&scene, 4).await;
    // Braces are in the extension table.
    assert_eq!(
        recorded[3].submit.short_message,
        &b"\x1b(left\x1b) as it is"[..]
    );
}

fn in_the_future(ahead: Duration) -> String {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
    let seconds = i64::try_from(at.as_secs()).unwrap();
    let t = smpp_protocol::time::CivilTime::from_unix(seconds).unwrap();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}+0000",
        t.year,
        t.month,
        t.day,
        t.hour,
        t.minute,
        t.second,
        at.subsec_millis()
    )
}

#[tokio::test]
async fn n_038_a_scheduled_message_waits_for_its_time_and_survives_a_kill() {
    let mut scene = Scene::new().await;
    let began = std::time::Instant::now();
    let ahead = Duration::from_secs(4);
    let date = in_the_future(ahead);
    accepted(
        &scene,
        json!({"scheduledDate": date, "body": "later", "messageId": "l"}),
    )
    .await;
    let id = newest(&scene).await;
    assert_eq!(scene.record(id).await["state"], "scheduled");
    accepted(
        &scene,
        json!({"scheduledDate": "2025-10-01 09:00:00.000+0000", "body": "past"}),
    )
    .await;
    until_submits(&scene, 1).await;
    assert_eq!(scene.submits_of("past"), 1);
    // Killed before its answer is recorded, it would rightly go out again.
    let past = newest(&scene).await;
    scene.until_state(past, "submitted").await;
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    assert_eq!(scene.record(id).await["state"], "scheduled");
    until_submits(&scene, 2).await;
    assert!(began.elapsed() >= ahead - Duration::from_millis(100));
    scene.until_state(id, "submitted").await;
    assert_eq!(scene.submits_of("later"), 1);
    // Beyond the horizon it means nothing; cancelled it is never sent.
    let far = in_the_future(Duration::from_secs(366 * 24 * 3600));
    let refused = post(&scene, message(json!({"scheduledDate": far}))).await;
    must_be_error(&refused, 422, "UNPROCESSABLE_ENTITY");
    let date = in_the_future(Duration::from_secs(3600));
    accepted(&scene, json!({"scheduledDate": date, "messageId": "never"})).await;
    let id = newest(&scene).await;
    let path = format!("/api/sms-messages/{id}/cancel");
    let cancelled = scene.http().json("POST", &path, SENDER, json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let told = scene.app.until("POST", "/universal", 1).await;
    assert_eq!(
        (&told[0].json()["messageId"], &told[0].json()["statusCode"]),
        (&json!("never"), &json!(6))
    );
}

/// Also N-048 and N-049.
#[tokio::test]
async fn n_043_a_delivery_is_notified() {
    let scene = Scene::new().await;
    accepted(
        &scene,
        json!({"messageId": "order-9", "destination": "393401234567"}),
    )
    .await;
    let ids = wait_for("the submit", async || {
        let record = scene.record(newest(&scene).await).await;
        record["external_message_id"].as_str().map(str::to_owned)
    })
    .await;
    scene.receive(&ids, "ENROUTE").await;
    scene.receive(&ids, "DELIVRD").await;
    scene.receive(&ids, "UNDELIV").await;
    let seen = scene.app.until("POST", "/universal", 1).await;
    let json = seen[0].json();
    let date = json["eventDate"].as_str().unwrap();
    assert_eq!(date.len(), "2025-10-16T10:42:18Z".len());
    assert!(date.ends_with('Z') && date.as_bytes()[10] == b'T');
    assert_eq!(
        json,
        json!({"channel": "SMS", "eventType": "DELIVERY", "messageId": "order-9",
            "destination": "+393401234567", "statusCode": 3, "description": "delivered",
            "price": 0.035, "numPart": 1, "totalParts": 1, "eventDate": date})
    );
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.of("POST", "/universal").len(), 1);
}

/// Also what the upstream refuses, N-047 and N-050.
#[tokio::test]
async fn n_044_every_other_end_is_undeliverable() {
    let scene = Scene::new().await;
    for (n, stat) in ["UNDELIV", "EXPIRED", "REJECTD", "DELETED"]
        .into_iter()
        .enumerate()
    {
        accepted(&scene, json!({"messageId": stat})).await;
        let external = external_of(&scene).await;
        scene.receive(&external, stat).await;
        let seen = scene.app.until("POST", "/universal", n + 1).await;
        let json = seen[n].json();
        assert_eq!(json["messageId"], stat);
        assert_eq!(json["statusCode"], 6);
        assert_eq!(json["description"], "undeliverable");
    }
    // Refused on the way, in two parts.
    use smpp_bridge::simulator::Answer as Reaction;
    let refuse = || Reaction::Status(CommandStatus::ESME_RINVDSTADR);
    scene.smsc.answer_next([refuse(), refuse()]);
    accepted(&scene, json!({"messageId": "two", "body": "a".repeat(161)})).await;
    let seen = scene.app.until("POST", "/universal", 6).await;
    let mut parts: Vec<Value> = seen[4..]
        .iter()
        .map(|c| c.json()["numPart"].clone())
        .collect();
    parts.sort_by_key(Value::as_u64);
    assert_eq!(parts, [json!(1), json!(2)]);
    assert!(seen[4..].iter().all(|c| c.json()["statusCode"] == 6));
    // Who wants no notification gets none.
    accepted(&scene, json!({"enableNotification": false})).await;
    let external = external_of(&scene).await;
    scene.receive(&external, "DELIVRD").await;
    // A repeat after a 500 has the same octets.
    scene.app.answer_next("/universal", [Reply::Status(500)]);
    accepted(&scene, json!({"messageId": "again"})).await;
    let external = external_of(&scene).await;
    scene.receive(&external, "DELIVRD").await;
    let seen = scene.app.until("POST", "/universal", 8).await;
    assert_eq!(seen[6].body, seen[7].body);
    assert_eq!(seen[7].json()["messageId"], "again");
}

async fn external_of(scene: &Scene) -> String {
    let id = newest(scene).await;
    wait_for("the upstream's id", async || {
        let record = scene.record(id).await;
        record["external_message_id"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn n_052_a_header_of_the_client_goes_in_front() {
    let scene = Scene::new().await;
    let answer = accepted(&scene, json!({"udhData": "0605040B8423F0", "body": "x"})).await;
    assert_eq!(answer["results"]["sms"]["parts"], 1);
    let recorded = until_submits(&scene, 1).await;
    assert!(recorded[0].submit.esm_class.has_udh());
    let octets = [&[6, 5, 4, 0x0B, 0x84, 0x23, 0xF0][..], b"x"].concat();
    assert_eq!(recorded[0].submit.short_message, octets);
    let long = post(
        &scene,
        message(json!({"udhData": "0605040B8423F0", "body": "a".repeat(153)})),
    )
    .await;
    must_be_error(&long, 422, "UNPROCESSABLE_ENTITY");
}

/// Also N-055: there is no RCS to override.
#[tokio::test]
async fn reasons_say_why_a_message_is_not_taken() {
    let scene = Scene::new().await;
    accepted(&scene, json!({"skipRcsOverride": true})).await;
    accepted(&scene, json!({"skipRcsOverride": false})).await;
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": false}))
        .await;
    let inactive = reasons(&scene, json!({"messageId": "m"})).await;
    assert_eq!(inactive, json!(["GATEWAY_INACTIVE"]));
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": true}))
        .await;
    accepted(&scene, json!({"messageId": "m"})).await;
    let path = format!("/api/sms-gateways/{}", scene.gateway);
    scene.http().json("DELETE", &path, ADMIN, json!({})).await;
    assert_eq!(reasons(&scene, json!({})).await, json!(["NO_ROUTE"]));
}

#[tokio::test]
async fn a_full_queue_is_a_reason() {
    let limit = |config: &mut toml::Table| set(config, "limits", "queued_per_gateway", 2);
    let scene = Scene::with(limit, json!({})).await;
    let port = scene.smsc.address().port();
    scene
        .http()
        .patch(
            scene.gateway,
            json!({"is_active": false, "server_port": port}),
        )
        .await;
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": true, "server_port": 1}))
        .await;
    scene
        .http()
        .patch(scene.gateway, json!({"name": "smsc-main"}))
        .await;
    accepted(&scene, json!({})).await;
    accepted(&scene, json!({})).await;
    assert_eq!(reasons(&scene, json!({})).await, json!(["QUEUE_FULL"]));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_takes_nothing() {
    let mut scene = Scene::new().await;
    scene.bridge.set_writable(false);
    let refused = post(&scene, message(json!({}))).await;
    must_be_error(&refused, 503, "SERVICE_UNAVAILABLE");
    assert!(refused.header("retry-after").is_some());
    scene.bridge.set_writable(true);
    wait_for("recovery", async || {
        let answer = post(&scene, message(json!({}))).await;
        (answer.status == 200).then_some(())
    })
    .await;
    scene.bridge.stop().await;
}

///
#[tokio::test]
async fn x_019_its_messages_are_among_all_others() {
    let scene = Scene::new().await;
    accepted(&scene, json!({"messageId": "mine"})).await;
    let id = newest(&scene).await;
    let record = scene.until_state(id, "submitted").await;
    assert_eq!(record["to_number"], "+393401234567");
    assert_eq!(record["from_sender"], "MyBrand");
    let types = scene.http().event_types(id).await;
    assert_eq!(types, ["requested", "submitted"]);
}

///
#[tokio::test]
async fn x_002_what_was_accepted_survives_a_kill() {
    let mut scene = Scene::new().await;
    scene.smsc.answer_next(std::iter::repeat_n(
        smpp_bridge::simulator::Answer::Silence,
        20,
    ));
    for n in 0..10 {
        accepted(&scene, json!({"body": format!("n{n}")})).await;
    }
    scene.bridge.kill9();
    scene.smsc.answer_next([]);
    scene.bridge.start_again().await;
    for n in 0..10 {
        let text = format!("n{n}");
        wait_for(&text, async || (scene.submits_of(&text) > 0).then_some(())).await;
    }
}
