//! Family 2 against the running daemon: messages from handsets posted to the application,
//! and the receipts of those to them.
//!
//! Method: the message centre sends `deliver_sm`, the application records what comes; each
//! test is named after the acceptance rule it checks.

mod common;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Options, Simulator, mo};
use smpp_protocol::coding::{DataCoding, EsmClass};
use smpp_protocol::command::CommandStatus;
use smpp_protocol::gsm7;
use smpp_protocol::pdu::DeliverSm;
use smpp_protocol::tlv::Tag;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SECRET: &[u8] = b"s3cr3t-signing-key";

/// Sends an MO, which has to be acknowledged.
async fn deliver(scene: &Scene, pdu: DeliverSm) {
    let answer = scene.smsc.deliver(pdu).await;
    assert_eq!(answer, Some(CommandStatus::ESME_ROK));
}

/// As the message centre passes a text on in the alphabet it says.
fn coded(data_coding: u8, octets: &'static [u8]) -> DeliverSm {
    DeliverSm {
        data_coding: DataCoding(data_coding),
        short_message: Bytes::from_static(octets),
        ..mo(HANDSET, "12345", "")
    }
}

/// One part of a long message: 8-bit reference.
fn part(reference: u8, total: u8, number: u8, text: &str) -> DeliverSm {
    let mut octets = vec![5, 0, 3, reference, total, number];
    octets.extend_from_slice(text.as_bytes());
    DeliverSm {
        esm_class: EsmClass::UDH,
        short_message: octets.into(),
        ..mo(HANDSET, "12345", "")
    }
}

/// A change to the only service profile.
fn profile(config: &mut toml::Table, change: impl FnOnce(&mut toml::Table)) {
    let profiles = config["service_profiles"].as_array_mut().unwrap();
    change(profiles[0].as_table_mut().unwrap());
}

fn unix_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs()
}

/// Seconds since 1970 of `YYYY-MM-DD HH:MM:SS`.
fn seconds_of(date: &str) -> u64 {
    let shape = "dddd-dd-dd dd:dd:dd";
    let fits = date.len() == shape.len()
        && date.bytes().zip(shape.bytes()).all(|(b, s)| match s {
            b'd' => b.is_ascii_digit(),
            s => b == s,
        });
    assert!(fits, "{date}");
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let at = time::PrimitiveDateTime::parse(date, &format).unwrap();
    at.assume_utc().unix_timestamp().try_into().unwrap()
}

/// The claims of a callback's token, whose signature has to be good.
fn claims(callback: &Callback) -> Value {
    let header = callback.header("authorization").unwrap();
    let token = header.strip_prefix("Bearer ").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    ring::hmac::verify(&key, signed.as_bytes(), &signature).expect("the signature is good");
    let json = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let decoded = URL_SAFE_NO_PAD.decode(head).unwrap();
    assert_eq!(decoded, br#"{"alg":"HS256","typ":"JWT"}"#);
    json(claims)
}

/// M-001, M-002, M-003, M-004, M-005 and M-006, and M-018 for 200.
#[tokio::test]
async fn m_001_an_mo_is_posted_with_exactly_these_members() {
    let scene = Scene::new().await;
    let now = unix_s();
    deliver(&scene, mo(HANDSET, "12345", "hi")).await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    let body = seen[0].json();
    let names: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "id",
            "endpoint",
            "organisation",
            "source_address",
            "dest_address",
            "payload",
            "dcs",
            "pid",
            "submit_date",
            "multi_part_info"
        ]
    );
    assert_eq!(body["payload"], "hi");
    assert_eq!((&body["dcs"], &body["pid"]), (&json!(0), &json!(0)));
    assert_eq!(body["source_address"], 4_915_112_345_678_u64);
    assert_eq!(body["dest_address"], 12345);
    assert_eq!(body["endpoint"], json!({"id": 1, "name": "Meter 17"}));
    assert_eq!(
        body["organisation"],
        json!({"id": 4, "name": "Example Org"})
    );
    let submitted = seconds_of(body["submit_date"].as_str().unwrap());
    assert!(submitted.abs_diff(now) <= 5, "{submitted} {now}");
    let id = body["id"].as_u64().unwrap();
    let part = json!({"identifier": id.to_string(), "partno": 1, "total": 1});
    assert_eq!(body["multi_part_info"], part);
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("x-traffic-class"), Some("A2P"));
    assert!(seen[0].header("user-agent").is_some());
    let claims = claims(&seen[0]);
    let iat = claims["iat"].as_u64().unwrap();
    assert!(iat.abs_diff(now) <= 5);
    assert_eq!(claims["exp"], iat + 300);
    assert_eq!(claims["iss"], "smpp-bridge");
    assert_eq!(claims["sub"], id.to_string());
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    // The record of it.
    let delivered = wait_for("the end of the callback", async || {
        scene.http().mos("delivered").await.pop()
    })
    .await;
    assert_eq!(delivered["id"], id);
    assert_eq!(delivered["traffic_class"], "a2p");
    assert_eq!(
        (&delivered["attempts"], &delivered["last_status"]),
        (&json!(1), &json!(200))
    );
}

#[tokio::test]
async fn m_007_without_a_secret_there_is_no_authorization() {
    let scene = Scene::with(|c| profile(c, |p| drop(p.remove("api_secret"))), json!({})).await;
    deliver(&scene, mo(HANDSET, "12345", "hi")).await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].header("authorization"), None);
}

/// Also M-011 and M-012: which address is whose.
#[tokio::test]
async fn m_010_the_length_of_the_destination_decides() {
    let scene = Scene::new().await;
    for (n, (destination, path, written)) in [
        ("12345678", "/mo", json!(12_345_678)),
        ("123456789", "/p2p", json!(123_456_789)),
        ("+12345678", "/mo", json!(12_345_678)),
        ("INFO", "/mo", json!("INFO")),
        ("0123", "/mo", json!("0123")),
        ("1234567890123456", "/p2p", json!("1234567890123456")),
    ]
    .into_iter()
    .enumerate()
    {
        deliver(&scene, mo(HANDSET, destination, "hi")).await;
        let seen = wait_for(destination, async || scene.app.seen().get(n).cloned()).await;
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("POST", path),
            "{destination}"
        );
        assert_eq!(seen.json()["dest_address"], written, "{destination}");
        let class = if path == "/mo" { "A2P" } else { "P2P" };
        assert_eq!(seen.header("x-traffic-class"), Some(class));
    }
}

/// M-015, the other switches, and a profile that makes no difference.
#[tokio::test]
async fn m_015_the_switches_decide_what_is_p2p() {
    type Change = fn(&mut toml::Table);
    let cases: [(Change, &str, &str); 4] = [
        (|c| set(c, "mo", "a2p_max_digits", 7), "12345678", "/p2p"),
        (|c| set(c, "mo", "a2p_max_digits", 7), "1234567", "/mo"),
        // The source is a whole number always.
        (|c| set(c, "mo", "classify_by", "source"), "12345", "/p2p"),
        (
            |c| profile(c, |p| drop(p.insert("p2p_enabled".into(), false.into()))),
            "123456789",
            "/mo",
        ),
    ];
    for (change, destination, path) in cases {
        let scene = Scene::with(change, json!({})).await;
        deliver(&scene, mo(HANDSET, destination, "hi")).await;
        let seen = wait_for("a callback", async || scene.app.seen().first().cloned()).await;
        assert_eq!(seen.path, path, "{destination}");
    }
    let change = |c: &mut toml::Table| set(c, "mo", "address_type", "string");
    let scene = Scene::with(change, json!({})).await;
    deliver(&scene, mo(HANDSET, "12345", "hi")).await;
    let body = scene.app.until("POST", "/mo", 1).await[0].json();
    assert_eq!(
        (&body["source_address"], &body["dest_address"]),
        (&json!(HANDSET), &json!("12345"))
    );
}

#[tokio::test]
async fn m_016_a_p2p_mo_without_a_callback_is_kept_unrouted() {
    let change = |c: &mut toml::Table| profile(c, |p| drop(p.remove("p2p_callback_url")));
    let scene = Scene::with(change, json!({})).await;
    deliver(&scene, mo(HANDSET, "123456789", "hi")).await;
    // From a handset that nobody has, through a gateway without a profile.
    deliver(&scene, mo("4915100000000", "12345", "stray")).await;
    deliver(&scene, mo(HANDSET, "12345", "after")).await;
    scene.app.until("POST", "/mo", 1).await;
    assert_eq!(scene.app.seen().len(), 1);
    let unrouted = scene.http().mos("unrouted").await;
    let payloads: Vec<_> = unrouted
        .iter()
        .map(|m| m["payload"].as_str().unwrap())
        .collect();
    assert_eq!(payloads, ["stray", "hi"]);
    let path = format!("/api/mo-messages/{}", unrouted[1]["id"]);
    let one = scene.http().get(&path, READER).await;
    assert_eq!(one.member("state"), "unrouted");
    assert_eq!(one.member("traffic_class"), "p2p");
    let redeliver = format!("{path}/redeliver");
    let again = scene
        .http()
        .json("POST", &redeliver, SENDER, json!({}))
        .await;
    again.must_be_error(409);
}

/// Whoever is no endpoint belongs to the gateway's profile.
#[tokio::test]
async fn a_strange_handset_belongs_to_the_gateways_profile() {
    let scene = Scene::with(|_| {}, json!({"meta": {"service_profile": 12}})).await;
    deliver(&scene, mo("4915100000000", "12345", "hi")).await;
    let body = scene.app.until("POST", "/mo", 1).await[0].json();
    assert_eq!(
        body["endpoint"],
        json!({"id": scene.gateway, "name": "smsc-main"})
    );
}

#[tokio::test]
async fn m_018_any_2xx_is_the_end() {
    let scene = Scene::new().await;
    for status in [204, 299, 201] {
        let before = scene.app.seen().len();
        scene.app.answer_next("/mo", [Reply::Status(status)]);
        deliver(&scene, mo(HANDSET, "12345", "hi")).await;
        let delivered = wait_for("the end of the callback", async || {
            let mut delivered = scene.http().mos("delivered").await;
            delivered.retain(|m| m["last_status"] == status);
            delivered.pop()
        })
        .await;
        assert_eq!(delivered["attempts"], 1);
        assert_eq!(scene.app.seen().len(), before + 1);
    }
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), 3, "no repeats");
}

/// M-019, M-020 and M-021: what is no 2xx is repeated, with the same octets and a new token.
#[tokio::test]
async fn m_019_what_is_not_accepted_is_repeated_with_the_same_body() {
    let scene = Scene::new().await;
    let elsewhere = scene.app.url("/elsewhere");
    for replies in [
        vec![Reply::Status(500), Reply::Status(500)],
        vec![Reply::Redirect(elsewhere.clone())],
        vec![Reply::Status(404), Reply::Status(400)],
    ] {
        let (before, attempts) = (scene.app.seen().len(), replies.len() + 1);
        scene.app.answer_next("/mo", replies);
        deliver(&scene, mo(HANDSET, "12345", "hi")).await;
        let seen = scene.app.until("POST", "/mo", before + attempts).await;
        let tries = &seen[before..];
        assert!(tries.iter().all(|t| t.body == tries[0].body));
        let tokens: Vec<Value> = tries.iter().map(|t| claims(t)["jti"].clone()).collect();
        assert!(tokens.windows(2).all(|w| w[0] != w[1]), "{tokens:?}");
        let id = tries[0].json()["id"].clone();
        let record = wait_for("the end of the callback", async || {
            let delivered = scene.http().mos("delivered").await;
            delivered.into_iter().find(|m| m["id"] == id)
        })
        .await;
        assert_eq!(record["attempts"], attempts);
        assert_eq!(scene.app.seen().len(), before + attempts);
    }
    assert!(scene.app.of("GET", "/elsewhere").is_empty());
    assert!(scene.app.of("POST", "/elsewhere").is_empty());
}

#[tokio::test]
async fn m_023_a_callback_nobody_accepts_is_dead_until_it_is_asked_for_again() {
    let change = |c: &mut toml::Table| set(c, "callbacks", "give_up_after_s", 1);
    let scene = Scene::with(change, json!({})).await;
    scene.app.answer_always("/mo", Reply::Status(503));
    deliver(&scene, mo(HANDSET, "12345", "hi")).await;
    let dead = wait_for("the dead callback", async || {
        scene.http().mos("dead").await.pop()
    })
    .await;
    assert_eq!(dead["last_status"], 503);
    let tries = scene.app.seen().len();
    assert_eq!(dead["attempts"], tries);
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), tries, "no further request");
    let metrics = scene.http().metrics().await;
    assert!(metrics.contains("dead"), "{metrics}");
    scene.app.answer_always("/mo", Reply::Status(200));
    let path = format!("/api/mo-messages/{}/redeliver", dead["id"]);
    let again = scene.http().json("POST", &path, SENDER, json!({})).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let seen = scene.app.until("POST", "/mo", tries + 1).await;
    assert_eq!(seen[tries].body, seen[0].body);
    wait_for("the delivery", async || {
        scene.http().mos("delivered").await.pop()
    })
    .await;
}

#[tokio::test]
async fn m_024_an_mo_outlives_a_restart_while_the_application_is_down() {
    let mut scene = Scene::new().await;
    scene.app.down().await;
    deliver(&scene, mo(HANDSET, "12345", "hi")).await;
    wait_for("the first failure", async || {
        let pending = scene.http().mos("pending").await.pop()?;
        (pending["attempts"].as_u64()? > 0).then_some(())
    })
    .await;
    scene.bridge.restart().await;
    scene.app.up().await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].json()["payload"], "hi");
    wait_for("the delivery", async || {
        scene.http().mos("delivered").await.pop()
    })
    .await;
    assert_eq!(scene.app.seen().len(), 1);
}

/// A hanging application delays neither sends nor other callbacks.
#[tokio::test]
async fn m_025_a_hanging_application_holds_nothing_up() {
    let scene = Scene::new().await;
    scene.app.answer_always("/mo", Reply::Hang);
    for n in 0..100 {
        let began = Instant::now();
        deliver(&scene, mo(HANDSET, "12345", "hi")).await;
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{n}: {:?}",
            began.elapsed()
        );
    }
    scene.app.until("POST", "/mo", 1).await;
    let began = Instant::now();
    deliver(&scene, mo(HANDSET, "123456789", "p2p")).await;
    scene.app.until("POST", "/p2p", 1).await;
    scene.submitted("out").await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

/// M-027, M-028 and their kin: what the octets say.
#[tokio::test]
async fn m_027_the_payload_is_the_text_in_unicode() {
    let scene = Scene::new().await;
    let cases: [(DeliverSm, &str, Option<&str>); 17] = [
        (
            coded(8, b"\x04\x1f\x04\x40\x04\x38\x04\x32\x04\x35\x04\x42"),
            "Привет",
            None,
        ),
        (coded(8, b"\xd8\x3c\xdf\x89"), "🎉", None),
        (coded(3, b"\xe9"), "é", None),
        (coded(0, b"\x05"), "é", None),
        (coded(0, b"\x1b\x65"), "€", None),
        (coded(1, b"plain"), "plain", None),
        (coded(0, b""), "", None),
        (coded(5, b"\x93\xfa\x96\x7b"), "日本", None),
        (coded(6, b"\xbf\xe0"), "Пр", None),
        (coded(7, b"\xe9\xe5"), "יו", None),
        (coded(9, b"\xf8\x9f"), "\u{e63e}", None),
        (coded(10, b"\x1b$BF|K\\\x1b(B"), "日本", None),
        (coded(13, b"\x8f\xb0\xa1"), "丂", None),
        (coded(14, b"\xc7\xd1\xb1\xb9"), "한국", None),
        (coded(14, b"\xc7"), "c7", Some("hex")),
        (coded(4, b"\x00\xff\x10"), "00ff10", Some("hex")),
        (coded(0xF5, b"\x01\x02"), "0102", Some("hex")),
    ];
    for (n, (pdu, payload, encoding)) in cases.into_iter().enumerate() {
        let dcs = pdu.data_coding.0;
        deliver(&scene, pdu).await;
        let seen = wait_for(payload, async || scene.app.seen().get(n).cloned()).await;
        let body = seen.json();
        assert_eq!(body["payload"], payload, "dcs {dcs}");
        assert_eq!(body["dcs"], dcs);
        assert_eq!(seen.header("x-payload-encoding"), encoding, "dcs {dcs}");
    }
}

/// M-030, M-031 and M-032: parts in any order, and twice.
#[tokio::test]
async fn m_030_parts_are_joined_and_posted_once() {
    let scene = Scene::new().await;
    for (n, order) in [vec![1, 2], vec![2, 1], vec![1, 1, 2], vec![3, 1, 3, 2]]
        .into_iter()
        .enumerate()
    {
        let total = *order.iter().max().unwrap();
        let reference = u8::try_from(n).unwrap();
        let texts = ["", "one ", "two ", "three"];
        for number in order.iter().copied() {
            deliver(
                &scene,
                part(reference, total, number, texts[usize::from(number)]),
            )
            .await;
        }
        let seen = wait_for("the callback", async || scene.app.seen().get(n).cloned()).await;
        let body = seen.json();
        let whole = texts[1..=usize::from(total)].concat();
        assert_eq!(body["payload"], whole, "{order:?}");
        let identifier = body["id"].to_string();
        let info = json!({"identifier": identifier, "partno": 1, "total": 1});
        assert_eq!(body["multi_part_info"], info);
        assert_eq!(scene.app.seen().len(), n + 1);
    }
    // A handset's reference tells its own messages apart, no others.
    deliver(&scene, part(9, 2, 1, "mine")).await;
    let other = DeliverSm {
        source_addr: "4915199999999".into(),
        ..part(9, 2, 2, "theirs")
    };
    deliver(&scene, other).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), 4);
}

/// Some handsets and centres use one reference for everything. What comes again in part is no news;
/// another message is, also if it begins alike, or says the same once more.
#[tokio::test]
async fn a_reference_that_is_used_anew_at_once_loses_no_message() {
    let scene = Scene::new().await;
    let mut expected = 0;
    for (parts, whole) in [
        (vec![(1, "one "), (2, "two")], Some("one two")),
        (vec![(2, "two"), (2, "two")], None),
        (vec![(1, "one ")], Some("one two")),
        (vec![(2, "2"), (1, "1 ")], Some("1 2")),
        (vec![(1, "1 "), (2, "other")], Some("1 other")),
        (vec![(2, "other"), (2, "other")], None),
    ] {
        for (number, text) in parts {
            deliver(&scene, part(5, 2, number, text)).await;
        }
        expected += usize::from(whole.is_some());
        let seen = scene.app.until("POST", "/mo", expected).await;
        assert_eq!(seen.len(), expected);
        if let Some(whole) = whole {
            assert_eq!(seen[expected - 1].json()["payload"], whole);
        }
    }
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), expected);
}

/// SIGKILL, and a bind of the next life.
async fn kill_and_start_again(scene: &mut Scene) {
    let (bound, binds) = (scene.smsc.bound(), scene.smsc.binds());
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    wait_for("the bind", async || {
        (scene.smsc.binds() > binds && scene.smsc.bound() == bound).then_some(())
    })
    .await;
}

/// Segments that were found to be repeats, so many times.
async fn until_ignored(scene: &Scene, times: usize) {
    wait_for("the end of the repeats", async || {
        let log = scene.http().get("/api/log", ADMIN).await.text();
        let ignored = log.lines().filter(|l| l.contains("\"MoRepeated\""));
        (ignored.count() == times).then_some(())
    })
    .await;
}

/// A callback may be made again whose answer was killed, so they are not counted.
async fn until_posted(scene: &Scene, payload: &str) -> Value {
    wait_for(payload, async || {
        let mut bodies = scene.app.seen().into_iter().map(|c| c.json());
        bodies.find(|body| body["payload"] == payload)
    })
    .await
}

#[tokio::test]
async fn a_message_that_begins_like_the_one_before_outlives_a_kill() {
    let mut scene = Scene::new().await;
    deliver(&scene, part(5, 2, 1, "one ")).await;
    deliver(&scene, part(5, 2, 2, "two")).await;
    scene.app.until("POST", "/mo", 1).await;
    deliver(&scene, part(5, 2, 1, "one ")).await;
    kill_and_start_again(&mut scene).await;
    deliver(&scene, part(5, 2, 2, "other")).await;
    let whole = until_posted(&scene, "one other").await;
    assert_eq!(whole["multi_part_info"]["total"], 1);
}

#[tokio::test]
async fn what_comes_again_after_a_kill_is_not_posted() {
    let mut scene = Scene::new().await;
    for (number, text) in [(1, "one "), (2, "two")] {
        deliver(&scene, part(5, 2, number, text)).await;
    }
    scene.app.until("POST", "/mo", 1).await;
    // As a whole, and killed in between.
    kill_and_start_again(&mut scene).await;
    deliver(&scene, part(5, 2, 1, "one ")).await;
    kill_and_start_again(&mut scene).await;
    deliver(&scene, part(5, 2, 2, "two")).await;
    until_ignored(&scene, 1).await;
    // In part, until it is overdue.
    deliver(&scene, part(5, 2, 2, "two")).await;
    until_ignored(&scene, 2).await;
    deliver(&scene, part(6, 2, 2, "beta")).await;
    deliver(&scene, part(6, 2, 1, "alpha ")).await;
    until_posted(&scene, "alpha beta").await;
    let seen = scene.app.seen();
    let payloads: Vec<Value> = seen.iter().map(|c| c.json()["payload"].clone()).collect();
    assert!(
        payloads
            .iter()
            .all(|p| *p == "one two" || *p == "alpha beta"),
        "{payloads:?}"
    );
    let log = scene.http().get("/api/log", ADMIN).await.text();
    let received = log.lines().filter(|l| l.contains("\"MoReceived\""));
    assert_eq!(received.count(), 2);
    scene.bridge.stop().await;
    let proof = std::process::Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
        .args(["verify", "--data", "data"])
        .current_dir(scene.bridge.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(proof.stdout).unwrap();
    assert!(proof.status.success(), "{said}");
    assert!(
        said.contains("segments that wait for others 0  that came again and were ignored 3"),
        "{said}"
    );
}

/// 16-bit references and the SAR TLVs join as well.
#[tokio::test]
async fn every_way_to_mark_parts_is_understood() {
    let scene = Scene::new().await;
    for (number, text) in [(2u8, "two"), (1, "one ")] {
        let mut octets = vec![6, 8, 4, 1, 2, 2, number];
        octets.extend_from_slice(text.as_bytes());
        let pdu = DeliverSm {
            esm_class: EsmClass::UDH,
            short_message: octets.into(),
            ..mo(HANDSET, "12345", "")
        };
        deliver(&scene, pdu).await;
    }
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].json()["payload"], "one two");
    for (number, text) in [(1u8, "eins "), (2, "zwei")] {
        let mut pdu = mo(HANDSET, "12345", text);
        pdu.tlvs.push_u16(Tag::SAR_MSG_REF_NUM, 7);
        pdu.tlvs.push_u8(Tag::SAR_TOTAL_SEGMENTS, 2);
        pdu.tlvs.push_u8(Tag::SAR_SEGMENT_SEQNUM, number);
        deliver(&scene, pdu).await;
    }
    let seen = scene.app.until("POST", "/mo", 2).await;
    assert_eq!(seen[1].json()["payload"], "eins zwei");
}

/// A header may name national tables, and says where packed septets begin.
#[tokio::test]
async fn the_header_of_each_part_says_how_to_read_it() {
    const TURKISH: u8 = 1;
    let scene = Scene::new().await;
    let headed = |header: &[u8], octets: &[u8]| DeliverSm {
        esm_class: EsmClass::UDH,
        short_message: Bytes::from([header, octets].concat()),
        ..mo(HANDSET, "12345", "")
    };
    deliver(
        &scene,
        headed(&[3, 0x24, 1, TURKISH], b"\x1b\x73i\x1b\x73e"),
    )
    .await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].json()["payload"], "şişe");
    assert_eq!(seen[0].json()["dcs"], 0);
    // Only one part of two needs the table, and only that one names it.
    deliver(&scene, part(7, 2, 2, "two")).await;
    let first = [8, 0, 3, 7, 2, 1, 0x24, 1, TURKISH];
    deliver(&scene, headed(&first, b"\x1b\x63ok ")).await;
    let seen = scene.app.until("POST", "/mo", 2).await;
    assert_eq!(seen[1].json()["payload"], "çok two");
    assert_eq!(seen[1].json()["dcs"], 0);

    let packed = json!({"meta": {"smpp": {"default_alphabet_mo": "gsm-packed"}}});
    let scene = Scene::with(|_| {}, packed).await;
    for (number, text) in [(2, "two"), (1, "one, ")] {
        let header = [5, 0, 3, 8, 2, number];
        // Six octets of header are 48 bits; the next septet begins at the 49th.
        deliver(&scene, headed(&header, &gsm7::pack(text.as_bytes(), 1))).await;
    }
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].json()["payload"], "one, two");
}

/// What is missing is not waited for for ever.
#[tokio::test]
async fn parts_without_their_fellows_are_posted_one_by_one() {
    let change = |c: &mut toml::Table| set(c, "mo", "reassembly_timeout_s", 1);
    let mut scene = Scene::with(change, json!({})).await;
    deliver(&scene, part(7, 3, 3, "three")).await;
    deliver(&scene, part(7, 3, 1, "one ")).await;
    // What was acknowledged is there after a restart too.
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    let seen = scene.app.until("POST", "/mo", 2).await;
    let mut parts: Vec<Value> = seen.iter().map(Callback::json).collect();
    parts.sort_by_key(|p| p["multi_part_info"]["partno"].as_u64());
    assert_eq!(
        (&parts[0]["payload"], &parts[1]["payload"]),
        (&json!("one "), &json!("three"))
    );
    for (part, number) in parts.iter().zip([1, 3]) {
        assert_eq!(part["multi_part_info"]["partno"], number);
        assert_eq!(part["multi_part_info"]["total"], 3);
    }
    let identifier = |n: usize| parts[n]["multi_part_info"]["identifier"].clone();
    assert!(identifier(0).is_string());
    assert_eq!(identifier(0), identifier(1));
    assert_ne!(parts[0]["id"], parts[1]["id"]);
}

#[tokio::test]
async fn without_reassembly_each_part_is_posted_at_once() {
    let change = |c: &mut toml::Table| set(c, "mo", "reassembly", false);
    let scene = Scene::with(change, json!({})).await;
    deliver(&scene, part(7, 2, 2, "two")).await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    let body = seen[0].json();
    assert_eq!(body["payload"], "two");
    assert_eq!(body["multi_part_info"]["partno"], 2);
    assert_eq!(body["multi_part_info"]["total"], 2);
    deliver(&scene, part(7, 2, 1, "one ")).await;
    let other = scene.app.until("POST", "/mo", 2).await[1].json();
    assert_eq!(
        other["multi_part_info"]["identifier"],
        body["multi_part_info"]["identifier"]
    );
}

#[tokio::test]
async fn m_036_the_text_may_be_in_the_payload_tlv() {
    let scene = Scene::new().await;
    let mut pdu = mo(HANDSET, "12345", "");
    let long = "x".repeat(600);
    pdu.tlvs.push(Tag::MESSAGE_PAYLOAD, long.clone());
    deliver(&scene, pdu).await;
    let seen = scene.app.until("POST", "/mo", 1).await;
    assert_eq!(seen[0].json()["payload"], long);
}

#[tokio::test]
async fn m_037_the_receipt_of_an_mt_is_patched() {
    let scene = Scene::new().await;
    let now = unix_s();
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    let seen = scene.app.until("PATCH", "/mo", 1).await;
    let body = seen[0].json();
    let names: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "id",
            "endpoint",
            "organisation",
            "submit_date",
            "final_date",
            "status"
        ]
    );
    assert_eq!(body["id"], id);
    assert_eq!(body["endpoint"], json!({"id": 1, "name": "Meter 17"}));
    assert_eq!(body["organisation"]["id"], 4);
    assert_eq!(body["status"], json!({"id": 4, "status": "DELIVERED"}));
    for name in ["submit_date", "final_date"] {
        let at = seconds_of(body[name].as_str().unwrap());
        assert!(at.abs_diff(now) <= 5, "{name}");
    }
    assert_eq!(claims(&seen[0])["sub"], id.to_string());
}

/// The same for a refused submit.
#[tokio::test]
async fn m_038_each_verdict_has_its_number() {
    use smpp_bridge::simulator::Answer;
    let scene = Scene::new().await;
    for (n, (stat, status)) in [
        ("UNDELIV", json!({"id": 5, "status": "FAILED"})),
        ("REJECTD", json!({"id": 5, "status": "FAILED"})),
        ("EXPIRED", json!({"id": 6, "status": "EXPIRED"})),
        ("DELETED", json!({"id": 7, "status": "CANCELED"})),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, external) = scene.submitted("hello").await;
        scene.receive(&external, stat).await;
        let body = scene.app.until("PATCH", "/mo", n + 1).await[n].json();
        assert_eq!(body["id"], id);
        assert_eq!(body["status"], status, "{stat}");
        assert!(body["final_date"].is_string());
    }
    let refuse = Answer::Status(CommandStatus::ESME_RINVDSTADR);
    scene.smsc.answer_next([refuse]);
    let failed = scene.send(text("hello")).await;
    let body = scene.app.until("PATCH", "/mo", 5).await[4].json();
    assert_eq!(body["id"], failed.id());
    assert_eq!(body["status"], json!({"id": 5, "status": "FAILED"}));
}

/// A verdict is told once.
#[tokio::test]
async fn m_039_progress_is_not_patched_and_a_verdict_only_once() {
    let scene = Scene::new().await;
    let (_, external) = scene.submitted("hello").await;
    for stat in ["ENROUTE", "ACCEPTD", "UNKNOWN"] {
        scene.receive(&external, stat).await;
    }
    tokio::time::sleep(QUIET).await;
    assert!(scene.app.seen().is_empty());
    for stat in ["DELIVRD", "DELIVRD", "UNDELIV"] {
        scene.receive(&external, stat).await;
    }
    scene.app.until("PATCH", "/mo", 1).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(scene.app.seen().len(), 1);
}

/// The simulator's way to see messages in both directions, with segments in each of the ways.
#[tokio::test]
async fn an_echoing_message_centre_brings_every_text_back() {
    let smsc = Simulator::start(Options {
        echo: true,
        ..account()
    });
    let scene = Scene::at(smsc.await.unwrap(), |_| {}, json!({})).await;
    let long = "Длинное сообщение 🌉 на кириллице. ".repeat(5);
    let mut expected = 0;
    for concat in ["udh", "sar", "payload"] {
        let change = json!({"meta": {"smpp": {"concat": concat}}});
        scene.http().patch(scene.gateway, change).await;
        for said in ["5 € [net]", long.as_str()] {
            let message = with(text(said), json!({"from_sender": "12345"}));
            assert_eq!(scene.send(message).await.status, 201);
            expected += 1;
            let back = scene.app.until("POST", "/mo", expected).await;
            let back = back[expected - 1].json();
            assert_eq!(back["payload"], *said, "{concat}");
            assert_eq!(back["source_address"].to_string(), HANDSET);
            assert_eq!(back["dest_address"], 12345);
        }
    }
}

/// The switch `receipts` of a profile.
#[tokio::test]
async fn a_profile_gets_as_many_receipts_as_it_wants() {
    for (setting, expected) in [("none", vec![]), ("all", vec![2, 3, 4])] {
        let change = |c: &mut toml::Table| {
            profile(c, |p| drop(p.insert("receipts".into(), setting.into())));
        };
        let scene = Scene::with(change, json!({})).await;
        let (_, external) = scene.submitted("hello").await;
        scene.receive(&external, "ENROUTE").await;
        scene.receive(&external, "DELIVRD").await;
        scene.app.until("PATCH", "/mo", expected.len()).await;
        if expected.is_empty() {
            tokio::time::sleep(QUIET).await;
        }
        let seen = scene.app.of("PATCH", "/mo");
        let mut told: Vec<u64> = seen
            .iter()
            .map(|c| c.json()["status"]["id"].as_u64().unwrap())
            .collect();
        told.retain(|id| *id != 1);
        told.sort_unstable();
        assert_eq!(told, expected, "{setting}");
    }
}

#[tokio::test]
async fn m_042_the_source_of_an_mt_decides_its_class() {
    let scene = Scene::new().await;
    for (source, class) in [("12345", "a2p"), (HANDSET, "p2p"), ("LaraTest", "a2p")] {
        let sent = scene
            .send(with(text("hi"), json!({"from_sender": source})))
            .await;
        assert_eq!(sent.member("traffic_class"), class, "{source}");
    }
}

#[tokio::test]
async fn m_043_a_receipt_is_never_posted_as_a_message() {
    let scene = Scene::new().await;
    let (id, external) = scene.submitted("hello").await;
    scene.receive(&external, "DELIVRD").await;
    // Of nobody's message, and an intermediate notification.
    scene.receive("nobody", "DELIVRD").await;
    let intermediate = DeliverSm {
        esm_class: EsmClass::INTERMEDIATE,
        ..receipt(&external, "ENROUTE")
    };
    deliver(&scene, intermediate).await;
    scene.until_state(id, "delivered").await;
    scene.app.until("PATCH", "/mo", 1).await;
    tokio::time::sleep(QUIET).await;
    assert!(scene.app.seen().iter().all(|c| c.method == "PATCH"));
    assert!(scene.http().mos("pending").await.is_empty());
}
