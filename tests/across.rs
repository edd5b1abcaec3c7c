//! What must hold whatever happens: kills, restarts, full queues, failing disks, hanging
//! peers, secrets.
//!
//! Method: the running daemon is hurt at the worst moment, and the records, the message
//! centre and the application are asked what became of each message.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Answer as Reaction, mo};
use smpp_protocol::coding::EsmClass;
use smpp_protocol::command::CommandStatus;
use smpp_protocol::pdu::DeliverSm;
use smpp_protocol::tlv::Tag;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RESPOND_ASYNC: [(&str, &str); 1] = [("prefer", "respond-async")];

/// How often the message centre saw each text.
fn seen_texts(scene: &Scene) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    for recorded in scene.smsc.recorded() {
        let text = String::from_utf8(recorded.submit.short_message.to_vec()).unwrap();
        *seen.entry(text).or_default() += 1;
    }
    seen
}

// ---- kills and restarts

#[tokio::test]
async fn x_002_what_was_acknowledged_survives_a_kill_and_is_sent() {
    let mut scene = Scene::new().await;
    // Nobody answers before the kill: whatever is out then is in doubt.
    scene.smsc.answer_next([Reaction::Silence; 10]);
    let mut sent = Vec::new();
    for n in 0..30 {
        let text = text(&format!("n{n}"));
        sent.push(scene.http().queue(scene.gateway, text).await);
    }
    scene.bridge.kill9();
    scene.smsc.answer_next([]);
    scene.bridge.start_again().await;
    for id in &sent {
        let record = wait_for("the submit", async || {
            let record = scene.record(*id).await;
            (record["state"] == "submitted").then_some(record)
        })
        .await;
        assert!(record["external_message_id"].is_string());
    }
    let seen = seen_texts(&scene);
    for n in 0..30 {
        let times = seen.get(&format!("n{n}")).copied().unwrap_or(0);
        assert!((1..=2).contains(&times), "n{n} was sent {times} times");
    }
}

/// The same for an answer that waited for the upstream: it is not sent again.
#[tokio::test]
async fn a_submitted_message_is_not_sent_again_after_a_kill() {
    let mut scene = Scene::new().await;
    let (id, external) = scene.submitted("once").await;
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    assert_eq!(scene.record(id).await["external_message_id"], external);
    let (second, _) = scene.submitted("second").await;
    assert!(second > id);
    assert_eq!(scene.submits_of("once"), 1);
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(id, "delivered").await;
}

/// A receipt and an MO that were acknowledged survive as well.
#[tokio::test]
async fn acknowledged_receipts_and_mos_survive_a_kill() {
    let mut scene = Scene::new().await;
    scene.app.down().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    let answer = scene.smsc.deliver(mo(HANDSET, "12345", "hi")).await;
    assert_eq!(answer, Some(CommandStatus::ESME_ROK));
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    assert_eq!(scene.record(id).await["state"], "delivered");
    scene.app.up().await;
    let patch = scene.app.until("PATCH", "/mo", 1).await;
    assert_eq!(patch[0].json()["id"], id);
    let post = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(post[0].json()["payload"], "hi");
}

#[tokio::test]
async fn x_004_an_accepted_callback_is_not_made_again_after_a_restart() {
    let mut scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    scene.smsc.deliver(mo(HANDSET, "12345", "hi")).await;
    wait_for("the end of both callbacks", async || {
        let types = scene.http().event_types(id).await;
        let mo = scene.http().mos("delivered").await.len();
        (types.contains(&"callback_delivered".into()) && mo == 1).then_some(())
    })
    .await;
    assert_eq!(scene.app.seen().len(), 2);
    scene.bridge.restart().await;
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    scene.until_bound().await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), 2);
}

#[tokio::test]
async fn sigterm_drains_and_nothing_is_sent_twice() {
    let gateway = json!({"meta": {"smpp": {"window": 2}}});
    let mut scene = Scene::with(|_| {}, gateway).await;
    scene.smsc.set_response_delay(Duration::from_millis(1500));
    let mut sent = Vec::new();
    for n in 0..6 {
        let text = text(&format!("n{n}"));
        sent.push(scene.http().queue(scene.gateway, text).await);
    }
    wait_for("two submits", async || {
        (scene.smsc.submits() == 2).then_some(())
    })
    .await;
    // A client that waits for its answer when the signal comes.
    let http = scene.http();
    let gateway = scene.gateway;
    scene.bridge.terminate();
    let refused = wait_for("the refusal", async || {
        let answer = http.send_with(gateway, &RESPOND_ASYNC, text("late")).await;
        if answer.status == 201 {
            sent.push(answer.id());
            return None;
        }
        Some(answer)
    })
    .await;
    refused.must_be_error(503);
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    // Reading goes on, and who looks is told.
    assert_eq!(http.record(sent[0]).await["delivery_status"], "queued");
    let ready = http.call("GET", "/readyz", &[], "").await;
    assert_eq!(ready.status, 503);
    let status = scene.bridge.until_ended().await;
    assert!(status.success(), "{status}");
    wait_for("the unbind", async || {
        (scene.smsc.bound() == 0).then_some(())
    })
    .await;
    assert_eq!(scene.smsc.submits(), 2, "what was not out stays");
    scene.smsc.set_response_delay(Duration::ZERO);
    scene.bridge.start_again().await;
    for id in &sent {
        scene.until_state(*id, "submitted").await;
        let types = scene.http().event_types(*id).await;
        assert!(!types.contains(&"resubmitted".into()), "{types:?}");
    }
    let seen = seen_texts(&scene);
    for n in 0..6 {
        assert_eq!(seen[&format!("n{n}")], 1);
    }
}

/// A client that waits when SIGTERM comes gets its answer.
#[tokio::test]
async fn a_waiting_send_is_answered_during_the_drain() {
    let mut scene = Scene::new().await;
    scene.smsc.set_response_delay(Duration::from_secs(1));
    let (http, gateway) = (scene.http(), scene.gateway);
    let waiting = tokio::spawn(async move { http.send(gateway, text("hello")).await });
    wait_for("the submit", async || {
        (scene.smsc.submits() == 1).then_some(())
    })
    .await;
    scene.bridge.terminate();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.member("delivery_status"), "submitted");
    assert!(scene.bridge.until_ended().await.success());
    scene.bridge.start_again().await;
    let record = scene.record(answer.id()).await;
    assert_eq!(record["delivery_status"], "submitted");
    assert_eq!(scene.smsc.submits(), 1);
}

/// Clients go on sending while the bridge is restarted under them.
#[tokio::test]
async fn a_restart_under_load_loses_nothing_and_repeats_nothing() {
    let mut scene = Scene::new().await;
    let load = |http: Http, gateway: u64, life: u32| async move {
        let mut taken = Vec::new();
        for n in 0..10_000 {
            let name = format!("life{life} n{n}");
            let path = format!("/api/sms-gateways/{gateway}/send");
            let headers = [
                ("authorization", "Bearer send-token"),
                ("content-type", "application/json"),
                RESPOND_ASYNC[0],
            ];
            let body = text(&name).to_string();
            match http.try_call("POST", &path, &headers, body).await {
                Ok(answer) if answer.status == 201 => taken.push((answer.id(), name)),
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                Err(_) => break,
            }
        }
        taken
    };
    let mut taken = Vec::new();
    for life in 0..2 {
        let client = tokio::spawn(load(scene.http(), scene.gateway, life));
        let before = scene.smsc.submits();
        wait_for("some submits", async || {
            (scene.smsc.submits() >= before + 30).then_some(())
        })
        .await;
        scene.bridge.restart().await;
        taken.extend(client.await.unwrap());
    }
    assert!(taken.len() >= 60);
    for (id, _) in &taken {
        scene.until_state(*id, "submitted").await;
    }
    let seen = seen_texts(&scene);
    for (_, name) in &taken {
        assert_eq!(seen[name], 1, "{name}");
    }
}

// ---- the upstream misbehaves

#[tokio::test]
async fn x_013_a_dropped_connection_submits_at_most_once_more() {
    let scene = Scene::new().await;
    scene.smsc.answer_next([Reaction::Drop]);
    let sent = scene.send(text("hello")).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let record = scene.until_state(sent.id(), "submitted").await;
    assert_eq!(record["delivery_status"], "submitted");
    assert_eq!(scene.submits_of("hello"), 2);
    let types = scene.http().event_types(sent.id()).await;
    assert_eq!(types, ["requested", "resubmitted", "submitted"]);
    let doubts = scene.http().get("/api/in-doubt", ADMIN).await.json();
    assert_eq!(doubts["data"][0]["id"], sent.id());
    // Twice in a row is the end of it.
    scene.smsc.answer_next([Reaction::Drop, Reaction::Drop]);
    let sent = scene.send(text("again")).await;
    assert_eq!(sent.status, 504, "{}", sent.text());
    assert_eq!(sent.member("delivery_status"), "failed");
    assert_eq!(scene.submits_of("again"), 2);
}

/// What the bridge decided by itself gives way to a real verdict.
#[tokio::test]
async fn a_soft_failure_is_replaced_by_the_upstreams_verdict() {
    let smpp = json!({"on_unknown": "fail", "response_timeout_s": 1});
    let scene = Scene::with(|_| {}, json!({"meta": {"smpp": smpp}})).await;
    scene.smsc.set_response_delay(Duration::from_secs(2));
    let sent = scene.send(text("hello")).await;
    assert_eq!(sent.status, 504, "{}", sent.text());
    assert_eq!(sent.member("state"), "failed");
    assert_eq!(sent.member("delivery_status"), "failed");
    let list = scene.http().get("/api/in-doubt", ADMIN).await.json();
    assert_eq!(list["data"][0]["id"], sent.id());
    // The response comes after all, and names the message.
    let external = scene.smsc.recorded()[0].message_id.clone();
    wait_for("the late response", async || {
        let record = scene.record(sent.id()).await;
        (record["external_message_id"] == external).then_some(())
    })
    .await;
    scene.receive(&external, "DELIVRD").await;
    let record = scene.until_state(sent.id(), "delivered").await;
    assert_eq!(record["delivery_status"], "delivered");
    assert!(record["delivered_at"].is_string());
    assert_eq!(record["error_message"], Value::Null);
    let patched = scene.app.until("PATCH", "/mo", 2).await;
    let told: Vec<_> = patched
        .iter()
        .map(|p| p.json()["status"]["id"].clone())
        .collect();
    assert_eq!(told, [5, 4], "the callbacks follow");
    // Once: the verdict stands now.
    scene.receive(&external, "UNDELIV").await;
    assert_eq!(scene.record(sent.id()).await["state"], "delivered");
    assert_eq!(scene.smsc.submits(), 1);
}

#[tokio::test]
async fn x_012_the_same_id_at_two_gateways_is_two_messages() {
    let scene = Scene::new().await;
    let other_smsc = message_centre().await;
    let other = with(smpp_gateway(&other_smsc), json!({"name": "other"}));
    let other = scene.http().create(other).await;
    wait_for("the bind", async || (other_smsc.bound() > 0).then_some(())).await;
    let (id, external) = scene.submitted("one").await;
    let twin = scene.http().send(other, text("two")).await;
    assert_eq!(twin.member("external_message_id"), external);
    other_smsc.deliver(receipt(&external, "DELIVRD")).await;
    scene.until_state(twin.id(), "delivered").await;
    assert_eq!(scene.record(id).await["state"], "submitted");
    scene.receive(&external, "UNDELIV").await;
    scene.until_state(id, "undelivered").await;
    assert_eq!(scene.record(twin.id()).await["state"], "delivered");
}

#[tokio::test]
async fn x_015_an_unheard_of_word_is_acknowledged_and_changes_nothing() {
    let mut scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "FOOBARR").await;
    assert_eq!(scene.record(id).await["state"], "submitted");
    // Octets that are nothing at all.
    for octets in [
        &b""[..],
        b"id:",
        b"\xff\xfe\x00id:\x00 stat:\xff",
        b"stat:DELIVRD",
    ] {
        let pdu = DeliverSm {
            short_message: bytes::Bytes::copy_from_slice(octets),
            ..receipt("1", "X")
        };
        let answer = scene.smsc.deliver(pdu).await;
        assert_eq!(answer, Some(CommandStatus::ESME_ROK), "{octets:?}");
    }
    assert_eq!(scene.record(id).await["state"], "submitted");
    assert!(scene.bridge.is_running());
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(id, "delivered").await;
}

#[tokio::test]
async fn x_021_delivered_in_any_spelling_is_delivered() {
    let scene = Scene::new().await;
    for stat in ["DELIVRD", "delivrd", "Delivered"] {
        let (id, external) = scene.submitted("hello").await;
        scene.receive(&external, stat).await;
        let record = scene.until_state(id, "delivered").await;
        assert_eq!(record["delivery_status"], "delivered", "{stat}");
    }
}

/// Where TLV and text disagree the TLV wins.
#[tokio::test]
async fn x_023_the_tlv_tells_the_state() {
    let scene = Scene::new().await;
    let tlv = |id: &str, state: u8, text: &str| {
        let mut pdu = DeliverSm {
            short_message: bytes::Bytes::copy_from_slice(text.as_bytes()),
            ..receipt(id, "X")
        };
        pdu.tlvs.push_cstr(Tag::RECEIPTED_MESSAGE_ID, id);
        pdu.tlvs.push_u8(Tag::MESSAGE_STATE, state);
        pdu
    };
    for (state, word, shown, status) in [
        (9, "", "undelivered", "failed"),
        (2, "", "delivered", "delivered"),
        (5, "id:0 stat:DELIVRD", "undelivered", "failed"),
        (8, "", "rejected", "failed"),
    ] {
        let (id, external) = scene.submitted("hello").await;
        scene.smsc.deliver(tlv(&external, state, word)).await;
        let record = scene.until_state(id, shown).await;
        assert_eq!(record["delivery_status"], status, "{state}");
        assert_eq!(record["remote_response"]["message_state"], state);
    }
    for state in [0, 1, 6, 7, 99] {
        let (id, external) = scene.submitted("hello").await;
        scene.smsc.deliver(tlv(&external, state, "")).await;
        let record = scene.record(id).await;
        assert_eq!(record["delivery_status"], "submitted", "{state}");
        let internal = if state == 99 { "submitted" } else { "enroute" };
        assert_eq!(record["state"], internal, "{state}");
        scene.receive(&external, "DELIVRD").await;
        scene.until_state(id, "delivered").await;
    }
    // An intermediate notification is never the end, whatever it says.
    let (id, external) = scene.submitted("hello").await;
    let intermediate = DeliverSm {
        esm_class: EsmClass::INTERMEDIATE,
        ..tlv(&external, 2, "")
    };
    scene.smsc.deliver(intermediate).await;
    assert_eq!(scene.record(id).await["delivery_status"], "submitted");
}

#[tokio::test]
async fn x_024_unknown_is_final_where_the_operator_says_so() {
    let change = |c: &mut toml::Table| set(c, "receipts", "unknown_is_final", true);
    let scene = Scene::with(change, json!({})).await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "UNKNOWN").await;
    let record = scene.until_state(id, "undelivered").await;
    assert_eq!(record["delivery_status"], "failed");
}

/// Each family says it in its own words.
#[tokio::test]
async fn x_001_a_receipt_delivers_in_the_words_of_each_family() {
    let scene = Scene::new().await;
    let http = scene.http();
    let case = json!({"name": "Alerts", "gateway": "smsc-main", "senders": ["12345"]});
    let case = http.json("POST", "/v1/use-cases", ADMIN, case).await.json();
    let (first, _) = scene.submitted("first").await;
    let third = json!({
        "use_case_id": case["id"], "to_phone_number": "+14155550100", "message": "third",
    });
    let third = http.json("POST", "/v1/sms/", SENDER, third).await;
    assert_eq!(third.status, 201, "{}", third.text());
    let fourth = json!({
        "destination": "+393401234567", "sender": "MyBrand", "body": "fourth", "messageId": "m-4",
    });
    let headers = [
        ("x-api-key", "uk-acme"),
        ("content-type", "application/json"),
    ];
    let path = "/api/message-server/sms/send";
    let fourth = http.call("POST", path, &headers, fourth.to_string()).await;
    assert_eq!(fourth.status, 200, "{}", fourth.text());
    let recorded = wait_for("all submits", async || {
        let recorded = scene.smsc.recorded();
        (recorded.len() == 3).then_some(recorded)
    })
    .await;
    for submit in recorded {
        scene.receive(&submit.message_id, "DELIVRD").await;
    }
    let record = scene.until_state(first, "delivered").await;
    assert_eq!(record["delivery_status"], "delivered");
    let path = format!("/v1/sms/{}", third.json()["id"].as_str().unwrap());
    let shown = wait_for("the delivery of the third family's", async || {
        let shown = http.get(&path, READER).await.json();
        (shown["status"] == "delivered").then_some(shown)
    })
    .await;
    assert!(shown["delivered_at"].is_string(), "{shown}");
    let told = scene.app.until("POST", "/universal", 1).await;
    let told = told[0].json();
    assert_eq!(
        (&told["messageId"], &told["statusCode"]),
        (&json!("m-4"), &json!(3))
    );
}

// ---- the disk fails

#[tokio::test]
async fn x_017_while_nothing_can_be_written_nothing_is_acknowledged() {
    let mut scene = Scene::new().await;
    let (id, external) = scene.submitted("before").await;
    scene.bridge.set_writable(false);
    for _ in 0..3 {
        let refused = scene.send(text("lost")).await;
        refused.must_be_error(503);
        assert!(refused.header("retry-after").is_some());
        let answer = scene.smsc.deliver(receipt(&external, "DELIVRD")).await;
        assert_eq!(answer, Some(CommandStatus::ESME_RX_T_APPN));
        let answer = scene.smsc.deliver(mo(HANDSET, "12345", "lost")).await;
        assert_eq!(answer, Some(CommandStatus::ESME_RX_T_APPN));
        let body = json!({"message_id": external, "status": "DELIVRD"});
        scene.dlr(body).await.must_be_error(503);
    }
    let ready = scene.http().call("GET", "/readyz", &[], "").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["degraded"][0]["part"], "log");
    assert_eq!(
        scene.http().call("GET", "/livez", &[], "").await.status,
        200
    );
    assert!(scene.app.seen().is_empty());
    // The disk is good again: so is the bridge, by itself.
    scene.bridge.set_writable(true);
    wait_for("the recovery", async || {
        let answer = scene.send(text("after")).await;
        (answer.status == 201).then_some(())
    })
    .await;
    assert_eq!(scene.submits_of("lost"), 0);
    let state = scene.record(id).await["state"].clone();
    assert_eq!(state, "submitted", "what was refused did not happen");
    wait_for("the receipt", async || {
        let answer = scene.smsc.deliver(receipt(&external, "DELIVRD")).await;
        (answer == Some(CommandStatus::ESME_ROK)).then_some(())
    })
    .await;
    scene.until_state(id, "delivered").await;
    scene.bridge.restart().await;
    assert_eq!(scene.record(id).await["state"], "delivered");
}

// ---- clients misbehave

#[tokio::test]
async fn x_007_a_body_of_300_kb_is_413_everywhere() {
    let scene = Scene::new().await;
    let http = scene.http();
    let big = with(text("hi"), json!({"padding": "x".repeat(300_000)})).to_string();
    let gateway = format!("/api/sms-gateways/{}", scene.gateway);
    let bearer = ("authorization", "Bearer adm-token");
    let kind = ("content-type", "application/json");
    for (method, path) in [
        ("POST", "/api/sms-gateways".to_owned()),
        ("PATCH", gateway.clone()),
        ("POST", format!("{gateway}/send")),
        ("POST", format!("{gateway}/dlr")),
        ("POST", format!("/webhooks/jasmin/{}/dlr", scene.gateway)),
        ("POST", "/api/sms-messages/1/cancel".to_owned()),
        ("POST", "/api/mo-messages/1/redeliver".to_owned()),
    ] {
        // Before anybody asks who it is.
        for headers in [&[kind, bearer][..], &[kind]] {
            let answer = http.call(method, &path, headers, &big).await;
            answer.must_be_error(413);
        }
    }
    // Nor in pieces of unknown number.
    let path = format!("{gateway}/send");
    let mut chunked = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer send-token\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for piece in big.as_bytes().chunks(7000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    http.raw(&chunked).await.must_be_error(413);
    assert_eq!(scene.smsc.submits(), 0);
    // Just as much as is allowed is taken.
    let room = 262_144 - with(text("hi"), json!({"padding": ""})).to_string().len();
    let most = with(text("hi"), json!({"padding": "x".repeat(room)}));
    assert_eq!(most.to_string().len(), 262_144);
    assert_eq!(scene.send(most).await.status, 201);
}

#[tokio::test]
async fn x_009_unknown_paths_are_404_and_wrong_methods_405_with_allow() {
    let bridge = Bridge::alone().await;
    for path in [
        "/",
        "/nope",
        "/api",
        "/api/sms-gatewayss",
        "/api/sms-gateways/1/sendx",
        "//",
    ] {
        for method in ["GET", "POST"] {
            bridge
                .http
                .call(method, path, &[], "{}")
                .await
                .must_be_error(404);
        }
    }
    for (method, path, allowed) in [
        ("DELETE", "/api/sms-gateways", &["GET", "POST"][..]),
        (
            "POST",
            "/api/sms-gateways/1",
            &["GET", "PUT", "PATCH", "DELETE"],
        ),
        ("GET", "/api/sms-gateways/1/send", &["POST"]),
        ("GET", "/api/sms-gateways/1/send/", &["POST"]),
        ("GET", "/api/sms-gateways/1/dlr", &["POST"]),
        ("PUT", "/webhooks/jasmin/1/dlr", &["GET", "POST"]),
        ("DELETE", "/api/sms-messages/1", &["GET"]),
        ("DELETE", "/metrics", &["GET"]),
        ("POST", "/readyz", &["GET"]),
    ] {
        let answer = bridge.http.call(method, path, &[], "").await;
        answer.must_be_error(405);
        let allow = answer.header("allow").unwrap_or_default();
        let allow: Vec<&str> = allow.split(',').map(str::trim).collect();
        for method in allowed {
            assert!(allow.contains(method), "{path}: {allow:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut() {
    let change = |c: &mut toml::Table| set(c, "limits", "header_timeout_ms", 800);
    let app = App::start().await;
    let mut config = reference(app.address);
    change(&mut config);
    let bridge = Bridge::start(&config).await;
    let stream = TcpStream::connect(bridge.http.address).await.unwrap();
    let (mut input, mut output) = stream.into_split();
    let dribble = async {
        for octet in b"GET /livez HTTP/1.1\r\nhost: x\r\nx-padding: "
            .iter()
            .cycle()
        {
            if output.write_all(&[*octet]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let mut answer = Vec::new();
    let cut = async {
        tokio::select! {
            () = dribble => {}
            _ = input.read_to_end(&mut answer) => {}
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), cut).await;
    assert!(in_time.is_ok(), "it is still served");
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    // Others are served meanwhile and after.
    bridge.http.must_live().await;
}

#[tokio::test]
async fn many_silent_connections_do_not_keep_others_out() {
    let scene = Scene::new().await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(scene.http().address).await.unwrap());
    }
    let began = Instant::now();
    scene.submitted("hello").await;
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_full_queue_is_429_with_retry_after_and_no_record() {
    let change = |c: &mut toml::Table| set(c, "limits", "queued_per_gateway", 5);
    let gateway = json!({"meta": {"smpp": {"window": 1}}});
    let scene = Scene::with(change, gateway).await;
    scene.smsc.set_response_delay(Duration::from_millis(1200));
    let mut taken = 0;
    let refused = loop {
        let answer = scene
            .http()
            .send_with(scene.gateway, &RESPOND_ASYNC, text("hello"))
            .await;
        if answer.status != 201 {
            break answer;
        }
        taken += 1;
        assert!(taken <= 6, "the limit does not hold");
    };
    assert!(taken >= 5);
    refused.must_be_error(429);
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    let list = scene.http().get("/api/sms-messages", READER).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), taken);
    // One gateway's queue is its own business.
    let smsc = message_centre().await;
    let other = with(smpp_gateway(&smsc), json!({"name": "other"}));
    let other = scene.http().create(other).await;
    assert_eq!(scene.http().send(other, text("hi")).await.status, 201);
    // There is room again when something has gone.
    scene.smsc.set_response_delay(Duration::ZERO);
    wait_for("room", async || {
        let answer = scene.send(text("hello")).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

// ---- idempotency

#[tokio::test]
async fn an_idempotency_key_replays_its_answer_and_refuses_another_body() {
    let mut scene = Scene::new().await;
    let key = [("idempotency-key", "order-1")];
    let first = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!(first.status, 201);
    assert_eq!(first.header("idempotent-replayed"), None);
    for restarted in [false, true] {
        if restarted {
            scene.bridge.kill9();
            scene.bridge.start_again().await;
        }
        let again = scene
            .http()
            .send_with(scene.gateway, &key, text("hello"))
            .await;
        assert_eq!(again.status, 201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.body, first.body, "the stored answer");
        let other = scene
            .http()
            .send_with(scene.gateway, &key, text("other"))
            .await;
        other.must_be_error(422);
    }
    assert_eq!(scene.smsc.submits(), 1);
    // Another token's key is another key.
    let path = format!("/api/sms-gateways/{}/send", scene.gateway);
    let admin = scene
        .http()
        .json_with("POST", &path, ADMIN, &key, text("hello"))
        .await;
    assert_eq!(admin.status, 201);
    assert_ne!(admin.id(), first.id());
    // A refusal is an answer, too, and a failed send is not sent again.
    scene
        .smsc
        .answer_next([Reaction::Status(CommandStatus::ESME_RINVDSTADR)]);
    let key = [("idempotency-key", "order-2")];
    let failed = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!(failed.status, 502);
    let again = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!((again.status, again.body), (502, failed.body));
    assert_eq!(scene.smsc.submits(), 3);
    for wrong in ["", &"k".repeat(256)] {
        let key = [("idempotency-key", wrong)];
        let answer = scene
            .http()
            .send_with(scene.gateway, &key, text("hello"))
            .await;
        answer.must_be_error(422);
    }
    let longest = "k".repeat(255);
    let key = [("idempotency-key", longest.as_str())];
    let answer = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!(answer.status, 201);
}

/// What was refused before a message was made may be tried again under the same key.
#[tokio::test]
async fn a_refused_request_does_not_use_its_key() {
    let scene = Scene::new().await;
    let key = [("idempotency-key", "order-1")];
    let inactive = json!({"is_active": false});
    scene.http().patch(scene.gateway, inactive).await;
    let refused = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!(refused.status, 422);
    scene
        .http()
        .patch(scene.gateway, json!({"is_active": true}))
        .await;
    let sent = scene
        .http()
        .send_with(scene.gateway, &key, text("hello"))
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(sent.header("idempotent-replayed"), None);
}

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_are_one_message() {
    let scene = Scene::new().await;
    scene.smsc.set_response_delay(Duration::from_millis(300));
    let (http, gateway) = (scene.http(), scene.gateway);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..50 {
        running.spawn(async move {
            let key = [("idempotency-key", "order-1")];
            http.send_with(gateway, &key, text("hello")).await
        });
    }
    let mut ids = Vec::new();
    while let Some(answer) = running.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            201 => ids.push(answer.id()),
            _ => answer.must_be_error(409),
        }
    }
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(scene.smsc.submits(), 1);
    let key = [("idempotency-key", "order-1")];
    let again = http.send_with(gateway, &key, text("hello")).await;
    assert_eq!((again.status, again.id()), (201, ids[0]));
}

// ---- callbacks and looks

#[tokio::test]
async fn callbacks_wait_for_an_application_that_is_down() {
    let mut scene = Scene::new().await;
    scene.app.down().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let (id, external) = scene.submitted("hello").await;
        scene.receive(&external, "DELIVRD").await;
        ids.push(id);
    }
    wait_for("a failed attempt", async || {
        let types = scene.http().event_types(ids[0]).await;
        types.contains(&"callback_attempt".into()).then_some(())
    })
    .await;
    scene.app.up().await;
    let seen = scene.app.until("PATCH", "/mo", 5).await;
    let mut told: Vec<u64> = seen
        .iter()
        .map(|c| c.json()["id"].as_u64().unwrap())
        .collect();
    told.sort_unstable();
    assert_eq!(told, ids);
    let lines = |what: &str| scene.bridge.log().matches(what).count();
    assert_eq!(lines("callbacks find no server"), 1);
    wait_for("the log to tell of the end", async || {
        (lines("callbacks find their server again") == 1).then_some(())
    })
    .await;
}

/// A name is looked at where it leads to, when the callback connects.
#[tokio::test]
async fn a_callback_url_whose_name_leads_inside_is_never_called() {
    let change = |c: &mut toml::Table| {
        set(c, "callbacks", "allow_private_networks", false);
        set(c, "callbacks", "give_up_after_s", 1);
    };
    let scene = Scene::with(change, json!({})).await;
    let url = format!("http://localhost:{}/dlr", scene.app.address.port());
    let sent = scene
        .send(with(text("hello"), json!({"callback_url": url})))
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let external = sent.member("external_message_id");
    scene.receive(external.as_str().unwrap(), "DELIVRD").await;
    // The operator's own URLs are trusted, wherever they lead.
    scene.app.until("PATCH", "/mo", 1).await;
    wait_for("the dead callback", async || {
        let types = scene.http().event_types(sent.id()).await;
        types.contains(&"callback_dead".into()).then_some(())
    })
    .await;
    assert!(scene.app.of("POST", "/dlr").is_empty());
}

#[tokio::test]
async fn health_and_metrics_need_no_token_and_say_what_is_degraded() {
    let scene = Scene::new().await;
    let http = scene.http();
    for path in ["/livez", "/readyz", "/metrics", "/livez/", "/metrics/"] {
        assert_eq!(http.call("GET", path, &[], "").await.status, 200, "{path}");
    }
    let ready = http.call("GET", "/readyz", &[], "").await.json();
    assert_eq!(ready["degraded"], json!([]));
    scene.submitted("hello").await;
    let metrics = http.metrics().await;
    assert!(metrics.contains("# HELP "));
    // A gateway whose SMSC is not there: still ready, and named.
    let lost = with(
        smpp_gateway(&scene.smsc),
        json!({"name": "lost", "server_port": 1}),
    );
    let lost = http.create(lost).await;
    let ready = wait_for("the degraded part", async || {
        let answer = http.call("GET", "/readyz", &[], "").await;
        assert_eq!(answer.status, 200);
        let degraded = answer.json()["degraded"].clone();
        // It has no duration before the gateway's task has begun.
        degraded[0]["for_s"].is_u64().then_some(degraded)
    })
    .await;
    assert_eq!(ready[0]["id"], lost);
    assert_eq!(ready[0]["name"], "lost");
    let gateway = http.gateway(lost).await;
    assert_ne!(gateway.member("status")["bind"], "bound_trx");
    // One that is no more is missed by nobody.
    let wanted = format!("smpp_bridge_binds_wanted{{gateway=\"{lost}\"}} 1");
    assert!(http.metrics().await.contains(&wanted));
    let path = format!("/api/sms-gateways/{lost}");
    assert_eq!(
        http.json("DELETE", &path, ADMIN, json!({})).await.status,
        200
    );
    wait_for("its binds to be forgotten", async || {
        (!http.metrics().await.contains(&wanted)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn on_a_listener_of_their_own_health_and_metrics_have_left_the_api() {
    let mut config = reference(SocketAddr::from(([127, 0, 0, 1], 9)));
    set(&mut config, "http", "admin_listen", "127.0.0.1:0");
    let bridge = Bridge::start(&config).await;
    let log = bridge.log();
    let line = log.lines().find(|l| l.contains("metrics and health are"));
    let address = line.unwrap().split("listen=").nth(1).unwrap();
    let inner = Http {
        address: address.trim().parse().unwrap(),
    };
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(inner.call("GET", path, &[], "").await.status, 200, "{path}");
        let outside = bridge.http.call("GET", path, &[], "").await;
        assert_eq!(outside.status, 404, "{path}");
    }
    let gateways = "/api/sms-gateways";
    assert_eq!(inner.get(gateways, ADMIN).await.status, 404);
    assert_eq!(bridge.http.get(gateways, ADMIN).await.status, 200);
    let document = bridge.http.get("/openapi.json", ADMIN).await.json();
    assert!(document["paths"].get("/metrics").is_none());
}

/// Also house rule: no text of messages.
#[tokio::test]
async fn x_005_no_secret_is_ever_logged_or_counted() {
    let change = |c: &mut toml::Table| set(c, "log", "level", "smpp_bridge=trace,info");
    let gateway = json!({"callback_token": "tok-very-secret"});
    let mut scene = Scene::with(change, gateway).await;
    let http = scene.http();
    for (name, value) in [
        ("authorization", "Bearer wrong-token-1"),
        ("authorization", "Basic d3Jvbmc6d3JvbmctcGFzcy0y"),
        ("x-api-key", "wrong-key-3"),
    ] {
        let answer = http
            .call("GET", "/api/sms-gateways", &[(name, value)], "")
            .await;
        answer.must_be_error(401);
        assert!(!answer.text().contains("wrong"));
    }
    let path = format!(
        "/api/sms-gateways/{}/dlr?token=wrong-token-4",
        scene.gateway
    );
    let wrong = [("x-callback-token", "wrong-token-5")];
    http.call("POST", &path, &wrong, "{}")
        .await
        .must_be_error(403);
    // A password that the message centre refuses.
    let refused = json!({"name": "refused", "password": "wrong-password-6"});
    let refused = http.create(with(smpp_gateway(&scene.smsc), refused)).await;
    wait_for("the refusal", async || {
        let gateway = http.gateway(refused).await;
        (gateway.member("status")["bind"] == "bind_refused").then_some(())
    })
    .await;
    let url = scene.app.url("/dlr");
    let body = with(text("the-text-itself"), json!({"callback_url": url}));
    let sent = scene.send(body).await;
    let external = sent.member("external_message_id");
    scene.receive(external.as_str().unwrap(), "DELIVRD").await;
    scene.app.until("POST", "/dlr", 1).await;
    let patched = scene.app.until("PATCH", "/mo", 1).await;
    let jwt = patched[0].header("authorization").unwrap().to_owned();
    scene
        .smsc
        .deliver(mo(HANDSET, "12345", "the-text-from-afar"))
        .await;
    scene.app.until("POST", "/mo", 1).await;
    let metrics = http.metrics().await;
    scene.bridge.stop().await;
    let log = scene.bridge.log();
    assert!(log.lines().count() > 5);
    for secret in [
        "wrong-token-1",
        "d3Jvbmc6d3JvbmctcGFzcy0y",
        "wrong-key-3",
        "wrong-token-4",
        "wrong-token-5",
        "wrong-password-6",
        "tok-very-secret",
        "adm-token",
        "send-token",
        "read-token",
        "secret01",
        "s3cr3t-signing-key",
        "uk-acme",
        "acme-pass",
        "the-text-itself",
        "the-text-from-afar",
        &jwt,
    ] {
        assert!(!log.contains(secret), "the log has {secret}");
        assert!(!metrics.contains(secret), "the metrics have {secret}");
    }
    let health = Value::String(metrics);
    assert!(health.as_str().is_some_and(|m| m.contains("auth")));
}
