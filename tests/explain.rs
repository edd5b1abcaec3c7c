//! What `POST /v1/explain` says is what a send does.
//!
//! Method: the running daemon is asked, then given the same message; what the message centre, the
//! HTTP provider and the application got is held against what was said.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_protocol::command::CommandStatus;

const EXPLAIN: &str = "/v1/explain";
const KEY: (&str, &str) = ("x-api-key", "uk-acme");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Whose send it is about.
#[derive(Clone, Copy, Debug)]
enum To {
    Gateway(u64),
    UseCase,
    Universal,
}

impl To {
    fn asked(self, message: &Value) -> Value {
        match self {
            To::Gateway(id) => json!({"family": "gateway", "gateway": id, "message": message}),
            To::UseCase => json!({"family": "use_case", "message": message}),
            To::Universal => json!({"family": "universal", "message": message}),
        }
    }

    fn path(self) -> String {
        match self {
            To::Gateway(id) => format!("/api/sms-gateways/{id}/send"),
            To::UseCase => "/v1/sms/".into(),
            To::Universal => "/api/message-server/sms/send".into(),
        }
    }

    async fn post(self, http: Http, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {SENDER}");
        let token = ("authorization", bearer.as_str());
        let who = match self {
            To::Universal => KEY,
            To::Gateway(_) | To::UseCase => token,
        };
        http.call("POST", path, &[who, JSON], body.to_string())
            .await
    }

    async fn send(self, http: Http, message: &Value) -> Answer {
        self.post(http, &self.path(), message).await
    }

    async fn explain(self, http: Http, message: &Value) -> Value {
        let answer = self.post(http, EXPLAIN, &self.asked(message)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        assert_eq!(json["accepted"], json["refusal"].is_null(), "{json}");
        json
    }
}

/// A scene whose message centre is reached through a tap.
struct Line {
    scene: Scene,
    tap: Tap,
}

impl Line {
    async fn with(change: impl FnOnce(&mut toml::Table), meta: Value) -> Line {
        let smsc = message_centre().await;
        let tap = Tap::before(smsc.address()).await;
        let gateway = json!({"server_port": tap.address.port(), "meta": {"smpp": meta}});
        let scene = Scene::at(smsc, change, gateway).await;
        Line { scene, tap }
    }

    fn http(&self) -> Http {
        self.scene.http()
    }

    fn gateway(&self) -> To {
        To::Gateway(self.scene.gateway)
    }

    async fn use_case(&self, change: Value) -> String {
        let body = json!({"name": "Alerts", "gateway": "smsc-main", "senders": ["12345"]});
        let http = self.http();
        let made = http.json("POST", "/v1/use-cases", ADMIN, with(body, change));
        let made = made.await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Asks, sends, and holds the message centre's octets against what was said.
    async fn must_send_what_is_explained(&self, to: To, message: Value) -> Value {
        let said = to.explain(self.http(), &message).await;
        assert_eq!(said["refusal"], Value::Null, "{said}");
        let parts = said["wire"]["submit_sm"].as_array().unwrap();
        let pdus: Vec<&str> = parts.iter().map(|p| p["pdu"].as_str().unwrap()).collect();
        assert!(!pdus.is_empty(), "{said}");
        let before = self.tap.submits().len();
        let answer = to.send(self.http(), &message).await;
        assert!(answer.status < 300, "{}", answer.text());
        let sent = wait_for("the submits", async || {
            let all = self.tap.submits();
            (all.len() >= before + pdus.len()).then(|| all[before..].to_vec())
        })
        .await;
        assert_eq!(sent, pdus, "{said}");
        said
    }
}

/// In code points, of each part.
fn lengths(said: &Value) -> Vec<usize> {
    let parts = said["wire"]["submit_sm"].as_array().unwrap();
    let texts = parts.iter().map(|part| part["text"].as_str().unwrap());
    texts.map(|text| text.chars().count()).collect()
}

fn texts() -> [String; 7] {
    let x = |text: &str, times: usize| text.repeat(times);
    [
        "Hello, @£$ {}[]~€".to_owned(),
        "Привет 🎉".to_owned(),
        "Façade".to_owned(),
        x("a", 161),
        x("a", 152) + "€" + &x("b", 152),
        x("я", 66) + "🎉" + &x("ы", 66),
        x("Grüße aus Köln. ", 40),
    ]
}

#[tokio::test]
async fn each_way_of_concatenation_is_explained_as_it_is_sent() {
    for meta in [
        json!({"concat": "udh"}),
        json!({"concat": "sar", "source_ton": 3, "source_npi": 8, "dest_ton": 2, "dest_npi": 3}),
        json!({"concat": "payload", "data_coding_gsm7": 1}),
    ] {
        let line = Line::with(|_| {}, meta.clone()).await;
        let cut_here = meta["concat"] != "payload";
        for written in texts() {
            let body = json!({
                "to_number": "+49 (151) 123-45 678", "from_sender": "Brand", "message": written,
            });
            let said = line.must_send_what_is_explained(line.gateway(), body).await;
            let message = &said["message"];
            assert_eq!(message["text"], written);
            assert_eq!(message["cut_here"], cut_here);
            let parts = said["wire"]["submit_sm"].as_array().unwrap();
            let joined: String = parts.iter().map(|p| p["text"].as_str().unwrap()).collect();
            assert_eq!(joined, written);
            if cut_here {
                assert_eq!(message["parts"], parts.len());
                let mut at = 0;
                let lengths = lengths(&said);
                let begins: Vec<usize> = lengths[..lengths.len() - 1]
                    .iter()
                    .map(|length| {
                        at += length;
                        at
                    })
                    .collect();
                assert_eq!(message["split_at"], json!(begins));
            } else {
                assert_eq!(parts.len(), 1);
            }
        }
    }
}

#[tokio::test]
async fn the_text_is_taken_apart() {
    let line = Line::with(|_| {}, json!({})).await;
    let explain = async |message: &str| {
        let said = line.gateway().explain(line.http(), &text(message)).await;
        said["message"].clone()
    };
    let plain = explain("10 €").await;
    assert_eq!(
        (&plain["encoding"], &plain["units"], &plain["units_left"]),
        (&json!("gsm7"), &json!(5), &json!(155))
    );
    assert_eq!(plain["outside_gsm"], json!([]));
    assert_eq!(
        (&plain["parts"], &plain["split_at"]),
        (&json!(1), &json!([]))
    );
    let foreign = explain("äçя🎉").await;
    assert_eq!(
        foreign["outside_gsm"],
        json!([
            {"at": 1, "character": "ç"}, {"at": 2, "character": "я"}, {"at": 3, "character": "🎉"},
        ])
    );
    assert_eq!(
        (
            &foreign["encoding"],
            &foreign["units"],
            &foreign["units_left"]
        ),
        (&json!("ucs2"), &json!(5), &json!(65))
    );
    let long = explain(&("a".repeat(152) + "€" + &"b".repeat(152))).await;
    assert_eq!(
        (
            &long["parts"],
            &long["split_at"],
            &long["units_per_part"],
            &long["units_left"]
        ),
        (&json!(3), &json!([152, 304]), &json!(153), &json!(152))
    );
    assert_eq!(
        (&long["source"], &long["source_from"], &long["region"]),
        (&json!("LaraTest"), &json!("request"), &json!("DE"))
    );
}

#[tokio::test]
async fn addresses_are_explained_as_the_wire_has_them() {
    let line = Line::with(|_| {}, json!({})).await;
    for (to, from, destination, source) in [
        (
            "0049 151-12345678",
            "+4915199999999",
            json!({"address": "4915112345678", "ton": 1, "npi": 1}),
            json!({"address": "4915199999999", "ton": 1, "npi": 1}),
        ),
        (
            "12345",
            "Brand",
            json!({"address": "12345", "ton": 0, "npi": 1}),
            json!({"address": "Brand", "ton": 5, "npi": 0}),
        ),
    ] {
        let body = json!({"to_number": to, "from_sender": from, "message": "hi"});
        let said = line.must_send_what_is_explained(line.gateway(), body).await;
        let part = &said["wire"]["submit_sm"][0];
        assert_eq!(
            (&part["destination"], &part["source"]),
            (&destination, &source)
        );
    }
}

#[tokio::test]
async fn the_universal_api_is_explained_as_it_sends() {
    let line = Line::with(|_| {}, json!({})).await;
    let message = |change: Value| {
        let body = json!({"destination": "+393401234567", "sender": "MyBrand", "body": "hello"});
        with(body, change)
    };
    for change in [
        json!({}),
        json!({"destination": "00393401234567", "body": "Привет {who}", "placeholders": {"who": "🎉"}}),
        json!({"body": "{x}", "placeholders": {"x": "a".repeat(400)}, "sender": "+393409999999"}),
        json!({"udhData": "0605040B8423F0", "body": "binary"}),
        json!({"udhData": "06050415811581", "body": "я"}),
        json!({"scheduledDate": "2020-10-01 09:00:00.000+0000"}),
    ] {
        let said = line
            .must_send_what_is_explained(To::Universal, message(change.clone()))
            .await;
        assert_eq!(said["outcome"], "queued", "{change}");
        let udh = change.get("udhData").is_some();
        if change["udhData"] == "0605040B8423F0" {
            let message = &said["message"];
            let units = ["units", "units_per_part", "units_left"].map(|name| &message[name]);
            assert_eq!(units, [&json!(6), &json!(152), &json!(146)]);
        }
        let flagged = said["wire"]["submit_sm"][0]["esm_class"] == 0x40;
        assert!(!udh || flagged && said["message"]["parts"] == 1, "{said}");
    }
    let outcome = async |change: Value| {
        let said = To::Universal.explain(line.http(), &message(change)).await;
        assert_eq!(said["accepted"], true, "{said}");
        said
    };
    let simulated = outcome(json!({"simulation": true})).await;
    assert_eq!(simulated["outcome"], "simulated");
    assert_eq!(
        (&simulated["wire"], &simulated["callbacks"]),
        (&Value::Null, &json!([]))
    );
    let later = time::OffsetDateTime::now_utc() + time::Duration::days(2);
    let date = format!("{} 09:00:00.000+0000", later.date());
    let scheduled = outcome(json!({"scheduledDate": date})).await;
    assert_eq!(scheduled["outcome"], "scheduled");
    let at = scheduled["message"]["scheduled_at"].as_str().unwrap();
    assert_eq!(at, format!("{}T09:00:00.000000Z", later.date()));
    assert!(scheduled["message"]["expires_at"].as_str().unwrap() > at);
    let known = json!({"messageId": "m-1"});
    assert_eq!(outcome(known.clone()).await["outcome"], "queued");
    To::Universal
        .send(line.http(), &message(known.clone()))
        .await;
    let repeated = outcome(known).await;
    assert_eq!(
        (&repeated["outcome"], &repeated["wire"]),
        (&json!("repeated"), &Value::Null)
    );
}

#[tokio::test]
async fn a_use_case_is_explained_with_the_sender_that_it_then_takes() {
    let line = Line::with(|_| {}, json!({})).await;
    let id = line
        .use_case(json!({
            "senders": ["+14155550001", "+12125550002", "+12125550003"],
            "campaign": {"status": "verified"}, "allowed_regions": ["US", "DE"],
        }))
        .await;
    let message =
        |to: &str| json!({"use_case_id": id, "to_phone_number": to, "message": "я".repeat(80)});
    for (to, from, source) in [
        ("+12125550199", "area_code", "+12125550002"),
        ("+12125550198", "area_code", "+12125550003"),
        ("+12125550199", "sticky", "+12125550002"),
        ("+4915112345678", "rested", "+14155550001"),
    ] {
        // Asking does not use a sender.
        let first = To::UseCase.explain(line.http(), &message(to)).await;
        let said = line
            .must_send_what_is_explained(To::UseCase, message(to))
            .await;
        assert_eq!(first["wire"], said["wire"]);
        assert_eq!(
            (&said["message"]["source_from"], &said["message"]["source"]),
            (&json!(from), &json!(source)),
            "{to}"
        );
        assert_eq!(said["use_case"]["id"], id);
        assert_eq!(said["use_case"]["campaign"], "verified");
        assert_eq!(said["use_case"]["opted_out"], false);
    }
}

#[tokio::test]
async fn a_route_is_explained_with_the_gateway_that_then_gets_the_message() {
    let routed = |config: &mut toml::Table| {
        let routes: toml::Table = r#"
            [[routes]]
            name = "world"
            [[routes.rules]]
            prefix = "49"
            to = [{ gateway = "idle", weight = 3 }, { gateway = "astray" }]
            failover = ["nobody", "smsc-main"]
            [[routes.rules]]
            to = [{ gateway = "idle" }]
        "#
        .parse()
        .unwrap();
        config.extend(routes);
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        let account = accounts[0].as_table_mut().unwrap();
        account.remove("gateway");
        account.insert("route".into(), "world".into());
    };
    let line = Line::with(routed, json!({})).await;
    let http = line.http();
    let idle = json!({"name": "idle", "is_active": false});
    let idle = http.create_http(idle).await;
    let nobody = json!({
        "name": "nobody", "provider_type": "smpp", "server_host": "127.0.0.1",
        "server_port": 9, "username": "u", "password": "p",
    });
    let nobody = http.create(nobody).await;
    let message = json!({"destination": "+4915100000001", "sender": "B", "body": "hi"});
    let said = line
        .must_send_what_is_explained(To::Universal, message.clone())
        .await;
    let route = &said["route"];
    assert_eq!(
        (&route["route"], &route["gateway"]["name"]),
        (&json!("world"), &json!("smsc-main"))
    );
    let candidates = route["candidates"].as_array().unwrap();
    let of = |name: &str| candidates.iter().find(|c| c["name"] == name).unwrap();
    for (name, gateway, reason, weight) in [
        ("idle", json!(idle), "disabled", json!(3)),
        ("astray", Value::Null, "unknown_gateway", json!(1)),
        ("nobody", json!(nobody), "down", Value::Null),
        (
            "smsc-main",
            json!(line.scene.gateway),
            "chosen",
            Value::Null,
        ),
    ] {
        let told = ["gateway", "reason", "weight"].map(|member| &of(name)[member]);
        assert_eq!(told, [&gateway, &json!(reason), &weight], "{name}");
    }
    assert_eq!(
        route["rules"],
        json!([{"rule": 1, "fate": "decides"}, {"rule": 2, "fate": "shorter_prefix"}])
    );
    let elsewhere = with(
        message,
        json!({"destination": "+393401234567", "messageId": "1"}),
    );
    let said = To::Universal.explain(http, &elsewhere).await;
    assert_eq!(
        said["refusal"],
        told(&To::Universal.send(http, &elsewhere).await)
    );
    let candidates = &said["route"]["candidates"];
    assert_eq!(
        (&candidates[0]["name"], &candidates[0]["reason"]),
        (&json!("idle"), &json!("disabled"))
    );
}

/// What the provider saw, with what it proves itself by masked.
fn masked(seen: &prov::Seen) -> Value {
    let mask = |text: &str| {
        let text = text
            .replace("prov-pass-98", "***")
            .replace("prov+pass", "***");
        text.replace("cb-token-77", "***")
            .replace("k-secret-55", "***")
    };
    let mut headers = serde_json::Map::new();
    for (name, value) in &seen.headers {
        let value = match name.as_str() {
            "content-length" => continue,
            "authorization" => "***",
            _ => value.to_str().unwrap(),
        };
        headers.insert(name.to_string(), json!(mask(value)));
    }
    let url = format!("http://{}{}", seen.header("host").unwrap(), seen.path);
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    json!({"method": seen.method, "url": mask(&url), "headers": headers, "body": mask(&body)})
}

#[tokio::test]
async fn each_http_transport_is_explained_as_it_is_asked() {
    let (app, prov) = (App::start().await, Prov::start().await);
    let bridge = Bridge::start(&reference(app.address)).await;
    let http = bridge.http;
    for (transport, extra) in [
        ("http", json!({"api_key": "k-secret-55", "campaign": 7})),
        ("jasmin", json!({"priority": 2})),
        ("jasmin_rest", json!({})),
        ("twilio", json!({})),
    ] {
        let change = json!({
            "callback_token": "cb-token-77", "default_sender_id": "Shop",
            "meta": {"http": {"extra": extra}},
        });
        let to = To::Gateway(http.create(with(prov.gateway(transport), change)).await);
        for message in ["Grüße €", "Привет 🎉", &"a".repeat(400)] {
            let message = json!({"to_number": "+49 151 12345678", "message": message});
            let said = to.explain(http, &message).await;
            let before = prov.seen().len();
            prov.say([Said::Now(200, r#"{"sid":"SM1","message_id":"p"}"#.into())]);
            let answer = to.send(http, &message).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(prov.seen().len(), before + 1);
            let sent = masked(&prov.last());
            let mut request = said["wire"]["request"].clone();
            let headers = request["headers"].as_object_mut().unwrap();
            assert_eq!(headers.len(), sent["headers"].as_object().unwrap().len());
            assert_eq!(request, sent, "{transport}");
            assert_eq!(said["message"]["source_from"], "gateway_default");
            assert_eq!(said["message"]["cut_here"], false);
            let whole = said.to_string();
            for secret in ["prov-pass-98", "cb-token-77", "k-secret-55"] {
                assert!(!whole.contains(secret), "{transport}: {secret} in {whole}");
            }
        }
    }
}

#[tokio::test]
async fn an_account_is_not_shown_whose_credentials_carry_its_messages() {
    let (app, prov) = (App::start().await, Prov::start().await);
    let bridge = Bridge::start(&reference(app.address)).await;
    let change = json!({
        "name": "smsc-main", "username": "account-4711", "password": "prov-pass-98",
        "meta": {"service_profile": 12},
    });
    let gateway = with(prov.gateway("twilio"), change);
    let id = bridge.http.create(gateway).await;
    let message = json!({"destination": "+393401234567", "sender": "MyBrand", "body": "hello"});
    let said = To::Universal.explain(bridge.http, &message).await;
    let url = said["wire"]["request"]["url"].as_str().unwrap();
    assert!(
        url.ends_with("/2010-04-01/Accounts/***/Messages.json"),
        "{url}"
    );
    let callbacks = said["callbacks"].as_array().unwrap();
    let of = |kind: &str| callbacks.iter().find(|c| c["kind"] == kind).unwrap();
    assert_eq!(of("status")["url"], Value::Null);
    assert_eq!(of("part")["url"], app.url("/universal"));
    let said = To::Gateway(id).explain(bridge.http, &text("hi")).await;
    let url = said["wire"]["request"]["url"].as_str().unwrap();
    assert!(
        url.ends_with("/Accounts/account-4711/Messages.json"),
        "{url}"
    );
    assert_eq!(said["callbacks"][0]["url"], app.url("/mo"));
}

/// What the send is answered, as an explanation tells it.
fn told(answer: &Answer) -> Value {
    let seconds = answer
        .header("retry-after")
        .map(|s| s.parse::<u64>().unwrap());
    json!({"status": answer.status, "retry_after": seconds, "body": answer.json()})
}

#[tokio::test]
async fn what_a_send_refuses_is_told_in_its_words() {
    let limit = |config: &mut toml::Table| set(config, "limits", "queued_per_gateway", 1);
    let line = Line::with(limit, json!({})).await;
    let http = line.http();
    let idle = http
        .create_http(json!({"name": "idle", "is_active": false}))
        .await;
    let jasmin = with(
        common::http::http_gateway(),
        json!({"name": "j", "provider_type": "jasmin"}),
    );
    let jasmin = To::Gateway(http.create(jasmin).await);
    let open = line.use_case(json!({"allowed_regions": ["DE"]})).await;
    let dark = line.use_case(json!({"status": "inactive"})).await;
    let empty = line.use_case(json!({"senders": []})).await;
    let us = line.use_case(json!({"senders": ["+14155550001"]})).await;
    let brand = line
        .use_case(json!({"brand": {"status": "suspended"}}))
        .await;
    let astray = line.use_case(json!({"gateway": "nowhere"})).await;
    let out = format!("/v1/use-cases/{open}/opt-outs/+4915100000001");
    assert_eq!(http.json("PUT", &out, ADMIN, json!({})).await.status, 204);
    let use_case =
        |id: &str, to: &str| json!({"use_case_id": id, "to_phone_number": to, "message": "hi"});
    let universal = |change: Value| {
        let body = json!({
            "destination": "+393401234567", "sender": "MyBrand", "body": "hi", "messageId": "1",
        });
        with(body, change)
    };
    let to = "+4915112345678";
    let mut refusals = vec![
        (To::Gateway(4_000_000_000), text("hi"), 404),
        (To::Gateway(idle), text("hi"), 422),
        (line.gateway(), json!({}), 422),
        (
            line.gateway(),
            json!({"to_number": "x", "message": 7, "tenant_id": 0}),
            422,
        ),
        (
            line.gateway(),
            with(text("hi"), json!({"callback_url": "ftp://a/"})),
            422,
        ),
        (jasmin, text(&"a".repeat(800)), 422),
        (To::UseCase, json!({"use_case_id": "x"}), 422),
        (
            To::UseCase,
            use_case("6f1c7c1e-3c0b-4c8e-9a53-0d6a1f0c2b11", to),
            404,
        ),
        (To::UseCase, use_case(&dark, to), 404),
        (To::UseCase, use_case(&brand, to), 422),
        (To::UseCase, use_case(&empty, to), 422),
        (To::UseCase, use_case(&us, to), 422),
        (To::UseCase, use_case(&open, "+4930123456"), 422),
        (To::UseCase, use_case(&open, "+33612345678"), 422),
        (To::UseCase, use_case(&open, "+4915100000001"), 422),
        (To::UseCase, use_case(&astray, to), 503),
        (To::Universal, universal(json!({"sender": ""})), 400),
        (To::Universal, universal(json!({"destination": "12"})), 422),
        (
            To::Universal,
            universal(json!({"body": "a".repeat(1600)})),
            422,
        ),
    ];
    // One message that waits fills the queue, and its id is taken.
    let fill = universal(json!({"scheduledDate": "2026-12-24 09:00:00.000+0000"}));
    let filled = To::Universal.send(http, &fill).await.json();
    assert_eq!(filled["results"]["sms"]["accepted"], true, "{filled}");
    refusals.extend([
        (line.gateway(), text("hi"), 429),
        (To::UseCase, use_case(&open, to), 429),
        (To::Universal, universal(json!({"messageId": "2"})), 200),
        (To::Universal, universal(json!({"body": "other"})), 200),
        (
            To::Universal,
            universal(json!({"body": "other", "simulation": true})),
            200,
        ),
    ]);
    for (to, message, status) in refusals {
        let said = to.explain(http, &message).await;
        let sent = to.send(http, &message).await;
        assert_eq!(sent.status, status, "{}", sent.text());
        assert_eq!(said["refusal"], told(&sent), "{to:?} {message}");
        assert_eq!(
            (&said["outcome"], &said["wire"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(said["callbacks"], json!([]));
    }
}

#[tokio::test]
async fn a_full_queue_and_a_gateway_that_is_down_are_told() {
    let limit = |config: &mut toml::Table| set(config, "limits", "queued_per_gateway", 2);
    let app = App::start().await;
    let mut config = reference(app.address);
    limit(&mut config);
    let bridge = Bridge::start(&config).await;
    let nobody = json!({
        "name": "smsc-main", "provider_type": "smpp", "server_host": "127.0.0.1",
        "server_port": 9, "username": "u", "password": "p",
        "meta": {"smpp": {"window": 7, "throughput": 50}},
    });
    let gateway = bridge.http.create(nobody).await;
    let to = To::Gateway(gateway);
    let said = to.explain(bridge.http, &text("hi")).await;
    assert_eq!(
        (
            &said["outcome"],
            &said["route"]["gateway"]["status"]["bound"]
        ),
        (&json!("queued"), &json!(0))
    );
    let limits = |said: &Value| said["limits"].clone();
    assert_eq!(
        (
            &limits(&said)["window"],
            &limits(&said)["throughput_per_s"],
            &limits(&said)["queue_room"]
        ),
        (&json!(7), &json!(50), &json!(2))
    );
    assert_eq!(said["route"]["candidates"][0]["gateway"], gateway);
    bridge.http.queue(gateway, text("one")).await;
    let said = to.explain(bridge.http, &text("hi")).await;
    assert_eq!(limits(&said)["queue_room"], 1);
    bridge.http.queue(gateway, text("two")).await;
    let said = to.explain(bridge.http, &text("hi")).await;
    assert_eq!(
        (&limits(&said)["queue_room"], &said["refusal"]["status"]),
        (&json!(0), &json!(429))
    );
    // What else there is to say is said all the same.
    assert_eq!(said["message"]["parts"], 1);
}

#[tokio::test]
async fn callbacks_are_explained_as_they_are_made() {
    let line = Line::with(|_| {}, json!({})).await;
    let app = &line.scene.app;
    let mine = app.url("/mine?access_token=abc");
    let body = with(text("hi"), json!({"callback_url": mine}));
    let said = line.must_send_what_is_explained(line.gateway(), body).await;
    let callback = |kind: &str, method: &str, url: String, profile: Value| {
        json!({
            "kind": kind, "method": method, "url": url, "service_profile": profile,
            "progress": false, "times": 1,
        })
    };
    assert_eq!(
        said["callbacks"],
        json!([
            callback(
                "verdict",
                "POST",
                app.url("/mine?access_token=***"),
                Value::Null
            ),
            callback("status", "PATCH", app.url("/mo"), json!(12)),
        ])
    );
    let message = json!({
        "destination": "+393401234567", "sender": "B", "body": "a".repeat(161),
    });
    let parts = line
        .must_send_what_is_explained(To::Universal, message)
        .await;
    let mut part = callback("part", "POST", app.url("/universal"), Value::Null);
    part["times"] = json!(2);
    assert_eq!(parts["callbacks"], json!([part]));
    for submit in line.scene.smsc.recorded() {
        let receipt = receipt(&submit.message_id, "DELIVRD");
        assert_eq!(
            line.scene.smsc.deliver(receipt).await,
            Some(CommandStatus::ESME_ROK)
        );
    }
    app.until("POST", "/mine", 1).await;
    app.until("PATCH", "/mo", 1).await;
    app.until("POST", "/universal", 2).await;
    assert_eq!(app.seen().len(), 4);
}

/// Figures that say what happened to messages; those of requests and of the process change.
async fn figures(http: Http) -> Vec<String> {
    let metrics = http.metrics().await;
    let lines = metrics.lines().filter(|line| {
        let moving = ["_http_", "process_", "_seconds", "_age", "enquire"];
        !line.starts_with('#') && !moving.iter().any(|word| line.contains(word))
    });
    lines.map(str::to_owned).collect()
}

async fn log(http: Http) -> (Option<String>, Vec<u8>) {
    let log = http.get("/api/log", ADMIN).await;
    assert_eq!(log.status, 200);
    (log.header("x-log-frames").map(str::to_owned), log.body)
}

#[tokio::test]
async fn to_explain_records_nothing_and_takes_nothing() {
    let slow = |config: &mut toml::Table| {
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        let account = accounts[0].as_table_mut().unwrap();
        account.insert("rate_per_s".into(), toml::Value::Integer(2));
    };
    let line = Line::with(slow, json!({})).await;
    let http = line.http();
    let id = line.use_case(json!({})).await;
    line.scene.submitted("first").await;
    let long = "a".repeat(200);
    let asked = [
        (line.gateway(), text(&long)),
        (
            To::UseCase,
            json!({"use_case_id": id, "to_phone_number": "+4915112345678", "message": long}),
        ),
        (
            To::Universal,
            json!({"destination": "+4915112345678", "sender": "B", "body": long, "messageId": "x"}),
        ),
        (line.gateway(), json!({})),
    ];
    let (before, recorded) = (figures(http).await, log(http).await);
    assert!(before.len() > 20 && !recorded.1.is_empty());
    let submits = line.tap.submits();
    let mut first = Vec::new();
    for round in 0..5 {
        for (index, (to, message)) in asked.iter().enumerate() {
            let said = to.explain(http, message).await;
            if index == 2 {
                assert_eq!(
                    said["limits"]["account_rate"],
                    json!({"per_s": 2, "left": 2})
                );
            }
            match first.get(index) {
                None => first.push(said["wire"].clone()),
                Some(wire) => assert_eq!(&said["wire"], wire, "{round}"),
            }
        }
    }
    assert_eq!(figures(http).await, before);
    assert_eq!(log(http).await, recorded);
    assert_eq!(line.tap.submits(), submits);
    assert!(line.scene.app.seen().is_empty());
}

#[tokio::test]
async fn an_account_that_sends_too_fast_is_told_so() {
    let slow = |config: &mut toml::Table| {
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        let account = accounts[0].as_table_mut().unwrap();
        account.insert("rate_per_s".into(), toml::Value::Integer(1));
    };
    let line = Line::with(slow, json!({})).await;
    let body = json!({"destination": "+393401234567", "sender": "B", "body": "hi"});
    // Whoever is slow to ask finds the rate whole again, and tries once more.
    let (said, sent) = wait_for("a refusal", async || {
        To::Universal.send(line.http(), &body).await;
        let said = To::Universal.explain(line.http(), &body).await;
        let sent = To::Universal.send(line.http(), &body).await;
        (sent.status == 429 && said["accepted"] == false).then_some((said, sent))
    })
    .await;
    assert_eq!(said["refusal"], told(&sent));
}

#[tokio::test]
async fn who_could_not_send_is_told_nothing() {
    let line = Line::with(|_| {}, json!({})).await;
    let (http, gateway) = (line.http(), line.gateway());
    let universal = json!({"destination": "+393401234567", "sender": "B", "body": "hi"});
    let bearer = |token: &str| format!("Bearer {token}");
    let (sender, reader, admin) = (bearer(SENDER), bearer(READER), bearer(ADMIN));
    let token = |value: &'static str| ("authorization", value);
    let sender = token(sender.leak());
    let cases = [
        (gateway.asked(&text("hi")), Some(sender), 200, ""),
        (
            gateway.asked(&text("hi")),
            Some(token(admin.leak())),
            200,
            "",
        ),
        (
            gateway.asked(&text("hi")),
            Some(token(reader.leak())),
            403,
            "forbidden",
        ),
        (gateway.asked(&text("hi")), None, 401, "unauthenticated"),
        (
            gateway.asked(&text("hi")),
            Some(("x-api-key", "wrong")),
            401,
            "unauthenticated",
        ),
        (gateway.asked(&text("hi")), Some(KEY), 403, "forbidden"),
        (To::UseCase.asked(&text("hi")), Some(KEY), 403, "forbidden"),
        (To::Universal.asked(&universal), Some(KEY), 200, ""),
        (
            To::Universal.asked(&universal),
            Some(token("Basic YWNtZTphY21lLXBhc3M=")),
            200,
            "",
        ),
        (
            To::Universal.asked(&universal),
            Some(sender),
            403,
            "forbidden",
        ),
        (json!({}), Some(sender), 422, "invalid_request"),
        (
            json!({"family": "sms", "message": {}}),
            Some(sender),
            422,
            "invalid_request",
        ),
        (
            json!({"family": "gateway", "message": {}}),
            Some(sender),
            422,
            "invalid_request",
        ),
        (
            json!({"family": "use_case", "message": "x"}),
            Some(sender),
            422,
            "invalid_request",
        ),
        (json!([]), Some(sender), 422, "invalid_request"),
    ];
    for (body, who, status, code) in cases {
        let headers: Vec<(&str, &str)> = who.into_iter().chain([JSON]).collect();
        let answer = http.call("POST", EXPLAIN, &headers, body.to_string()).await;
        assert_eq!(answer.status, status, "{body} {who:?}: {}", answer.text());
        if !code.is_empty() {
            assert_eq!(answer.json()["code"], code, "{body}");
        }
    }
}
