//! Routes over the running daemon: three message centres, an account and a use case that name a
//! route, and what becomes of messages when a centre goes or refuses.
//!
//! Method: the centres tell who got what; the events and the export tell the story.

mod common;

use common::*;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Answer as Reply, Recorded, Simulator, receipt_for};
use smpp_protocol::command::CommandStatus;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const PATH: &str = "/api/message-server/sms/send";

/// Everything to `a`, then to `b`, then to `c`.
const CHAIN: &str = r#"
    [[routes]]
    name = "world"
    down_after_ms = 500
    [[routes.rules]]
    to = [{ gateway = "a" }]
    failover = ["b", "c"]
    failover_on = ["unavailable", "rejected"]
"#;

struct World {
    bridge: Bridge,
    /// `None`: it is gone, or no message centre.
    centres: [Option<Simulator>; 3],
    ids: [u64; 3],
    _app: App,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl World {
    async fn with(routes: &str) -> World {
        World::behind(routes, None).await
    }

    /// With an upstream of this type in the place of the first message centre.
    async fn behind(routes: &str, upstream: Option<(&Prov, Value)>) -> World {
        let app = App::start().await;
        let mut config = reference(app.address);
        let routes: toml::Table = routes.parse().unwrap();
        config.insert("routes".into(), routes["routes"].clone());
        let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
        let account = accounts[0].as_table_mut().unwrap();
        account.remove("gateway");
        account.insert("route".into(), "world".into());
        let bridge = Bridge::start(&config).await;
        let mut world = World {
            bridge,
            centres: [None, None, None],
            ids: [0; 3],
            _app: app,
        };
        if let Some((prov, change)) = &upstream {
            let body = with(
                with(prov.gateway("http"), change.clone()),
                json!({"name": "a"}),
            );
            world.ids[0] = world.bridge.http.create(body).await;
        }
        let first = usize::from(upstream.is_some());
        for (at, name) in NAMES.into_iter().enumerate().skip(first) {
            let centre = message_centre().await;
            let change = json!({
                "name": name,
                "meta": {"smpp": {"reconnect_initial_ms": 100, "reconnect_max_ms": 200, "response_timeout_s": 2}},
            });
            let body = with(smpp_gateway(&centre), change);
            world.ids[at] = world.bridge.http.create(body).await;
            world.centres[at] = Some(centre);
        }
        for at in first..3 {
            world.until_up(at, true).await;
        }
        world
    }

    /// The bridge itself knows.
    async fn until_up(&self, at: usize, is_up: bool) {
        let what = format!("{} up: {is_up}", NAMES[at]);
        wait_for(&what, async || {
            let record = self.bridge.http.gateway(self.ids[at]).await.json();
            let word = record["data"]["status"]["bind"].as_str()?.to_owned();
            ((word == "bound_trx") == is_up).then_some(())
        })
        .await;
    }

    fn centre(&self, at: usize) -> &Simulator {
        self.centres[at].as_ref().unwrap()
    }

    /// Nobody listens there any more.
    async fn kill(&mut self, at: usize) -> SocketAddr {
        let centre = self.centres[at].take().unwrap();
        let address = centre.address();
        centre.drop_connections();
        drop(centre);
        self.until_up(at, false).await;
        address
    }

    async fn post(&self, change: Value) -> Answer {
        let body = json!({"destination": "+393401234567", "sender": "MyBrand", "body": "hello"});
        let headers = [
            ("x-api-key", "uk-acme"),
            ("content-type", "application/json"),
        ];
        let body = with(body, change).to_string();
        self.bridge.http.call("POST", PATH, &headers, body).await
    }

    async fn send(&self, change: Value) {
        let answer = self.post(change).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        assert_eq!(json["results"]["sms"]["accepted"], true, "{json}");
    }

    /// The newest message in the log.
    async fn newest(&self) -> u64 {
        let answer = self.bridge.http.get("/api/sms-messages", ADMIN).await;
        answer.json()["data"][0]["id"].as_u64().unwrap()
    }

    /// What one centre got, once there is so much.
    async fn until_submits(&self, at: usize, count: usize) -> Vec<Recorded> {
        wait_for(&format!("{count} submits at {}", NAMES[at]), async || {
            let recorded = self.centre(at).recorded();
            (recorded.len() >= count).then_some(recorded)
        })
        .await
    }

    fn submits(&self) -> [usize; 3] {
        let count = |c: &Option<Simulator>| c.as_ref().map_or(0, |c| c.recorded().len());
        [0, 1, 2].map(|at| count(&self.centres[at]))
    }

    /// The moves of a message, by the names of the gateways.
    async fn moves(&self, id: u64) -> Vec<(&'static str, &'static str, String)> {
        let name = |id: &Value| {
            let at = self.ids.iter().position(|i| Some(*i) == id.as_u64());
            NAMES[at.unwrap()]
        };
        let events = self.bridge.http.events(id).await;
        let moves = events.iter().filter(|e| e["type"] == "rerouted").map(|e| {
            let d = &e["detail"];
            let reason = d["reason"].as_str().unwrap().to_owned();
            (name(&d["from"]), name(&d["to"]), reason)
        });
        moves.collect()
    }

    /// The log proves itself, and the bridge has found nothing wrong with it.
    async fn must_be_sound(mut self) {
        let metrics = self.bridge.http.metrics().await;
        for line in metrics.lines() {
            let is_violation = line.starts_with("smpp_bridge_invariant_violations_total");
            assert!(!is_violation || line.ends_with(" 0"), "{line}");
        }
        self.bridge.stop().await;
        let verify = Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
            .args(["verify", "--data", "data"])
            .current_dir(self.bridge.folder.path())
            .output()
            .unwrap();
        assert!(verify.status.success(), "{verify:?}");
    }
}

fn moved(from: &'static str, to: &'static str, why: &str) -> (&'static str, &'static str, String) {
    (from, to, why.to_owned())
}

#[tokio::test]
async fn the_longest_prefix_a_regex_and_the_sender_choose() {
    let world = World::with(
        r#"
        [[routes]]
        name = "world"
        [[routes.rules]]
        prefix = "39"
        to = [{ gateway = "a" }]
        [[routes.rules]]
        prefix = "39340"
        to = [{ gateway = "b" }]
        [[routes.rules]]
        regex = "^393409[0-9]+$"
        to = [{ gateway = "c" }]
        [[routes.rules]]
        prefix = "39"
        senders = ["Special"]
        to = [{ gateway = "c" }]
        "#,
    )
    .await;
    for (destination, sender, expected) in [
        ("+393331234567", "MyBrand", [1, 0, 0]),
        ("+393401234567", "MyBrand", [1, 1, 0]),
        ("00393401234568", "MyBrand", [1, 2, 0]),
        ("+393409234567", "MyBrand", [1, 2, 1]),
        ("+393331234567", "Special", [1, 2, 2]),
    ] {
        world
            .send(json!({"destination": destination, "sender": sender}))
            .await;
        wait_for(&format!("{destination} {sender}"), async || {
            (world.submits() == expected).then_some(())
        })
        .await;
    }
    // No rule is for it.
    let refused = world.post(json!({"destination": "+4915112345678"})).await;
    let sms = &refused.json()["results"]["sms"];
    assert_eq!(sms["reasons"], json!(["NO_ROUTE"]), "{sms}");
    world.must_be_sound().await;
}

#[tokio::test]
async fn weights_share_destinations_and_each_keeps_its_gateway() {
    let world = World::with(
        r#"
        [[routes]]
        name = "world"
        [[routes.rules]]
        to = [{ gateway = "a", weight = 2 }, { gateway = "b", weight = 1 }]
        "#,
    )
    .await;
    let destination = |n: u32| format!("+39340123{n:04}");
    for round in 1..=2 {
        for n in 0..60 {
            let body = json!({"destination": destination(n), "body": format!("m{n}")});
            world.send(body).await;
        }
        wait_for("all submits", async || {
            (world.submits().iter().sum::<usize>() == 60 * round).then_some(())
        })
        .await;
    }
    let config: smpp_bridge::config::Config = {
        let path = world.bridge.folder.path().join("bridge.toml");
        smpp_bridge::config::load(&path, &|_| None).unwrap()
    };
    let route = config.route_named("world").unwrap();
    for (at, name) in [(0, "a"), (1, "b")] {
        let of_name = |n: &u32| {
            let to = destination(*n);
            let ask = smpp_bridge::route::Ask {
                destination: &to,
                sender: "MyBrand",
            };
            let up = |_: &str| smpp_bridge::route::Standing::Up;
            smpp_bridge::route::decide(route, ask, up).unwrap().chosen() == Some(name)
        };
        let mut expected: Vec<String> = (0..60)
            .filter(of_name)
            .flat_map(|n| [format!("m{n}"), format!("m{n}")])
            .collect();
        let recorded = world.centre(at).recorded();
        let texts = recorded.iter().map(|r| r.submit.short_message.to_vec());
        let mut got: Vec<String> = texts.map(|t| String::from_utf8(t).unwrap()).collect();
        expected.sort();
        got.sort();
        assert_eq!(got, expected, "{name}");
        assert!(got.len() > 20, "{name} has {}", got.len());
    }
    world.must_be_sound().await;
}

#[tokio::test]
async fn a_gateway_that_is_down_is_passed_over() {
    let mut world = World::with(CHAIN).await;
    world.kill(0).await;
    world.send(json!({})).await;
    world.until_submits(1, 1).await;
    let id = world.newest().await;
    assert_eq!(world.moves(id).await, []);
    world.must_be_sound().await;
}

#[tokio::test]
async fn what_waits_leaves_by_another_when_its_bind_is_gone_over_a_kill() {
    let mut world = World::with(CHAIN).await;
    // Everybody is gone: what comes waits for the first.
    let addresses = [
        world.kill(0).await,
        world.kill(1).await,
        world.kill(2).await,
    ];
    for n in 0..20 {
        world.send(json!({"body": format!("m{n}")})).await;
    }
    let id = world.newest().await;
    assert_eq!(world.moves(id).await, []);
    let options = smpp_bridge::simulator::Options {
        listen: addresses[2],
        ..common::account()
    };
    world.centres[2] = Some(Simulator::start(options).await.unwrap());
    world.until_submits(2, 20).await;
    wait_for("the move is shown", async || {
        (world.moves(id).await == [moved("a", "c", "down")]).then_some(())
    })
    .await;
    world.bridge.http.until_state(id, "submitted").await;
    world.bridge.kill9();
    world.bridge.start_again().await;
    assert_eq!(world.moves(id).await, [moved("a", "c", "down")]);
    world.until_up(2, true).await;
    // Its receipt comes from the gateway that took it.
    let recorded = world.centre(2).recorded();
    let last = recorded
        .iter()
        .find(|r| r.submit.short_message == b"m19".as_slice())
        .unwrap();
    let receipt = receipt_for(last, "DELIVRD");
    let answer = world.centre(2).deliver(receipt).await;
    assert_eq!(answer, Some(CommandStatus::ESME_ROK));
    world.bridge.http.until_state(id, "delivered").await;
    let mut texts: Vec<Vec<u8>> = recorded
        .iter()
        .map(|r| r.submit.short_message.to_vec())
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!((recorded.len(), texts.len()), (20, 20), "none twice");
    let of_gateway = |at: usize| format!("/api/sms-gateways/{}/messages", world.ids[at]);
    let listed = world.bridge.http.get(&of_gateway(2), READER).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 20);
    world.must_be_sound().await;
}

#[tokio::test]
async fn what_was_moved_and_not_sent_is_there_after_a_kill() {
    let mut world = World::with(CHAIN).await;
    for at in [0, 1, 2] {
        world.centre(at).set_response_delay(Duration::from_secs(60));
    }
    world.kill(0).await;
    let address = world.kill(1).await;
    // The third takes one and never answers, so the window of one is full.
    let narrow =
        json!({"meta": {"smpp": {"window": 1, "reconnect_initial_ms": 100, "on_unknown": "hold"}}});
    world.bridge.http.patch(world.ids[2], narrow).await;
    world.until_up(2, true).await;
    for n in 0..5 {
        world.send(json!({"body": format!("m{n}")})).await;
    }
    world.until_submits(2, 1).await;
    let id = world.newest().await;
    world.kill(2).await;
    let options = smpp_bridge::simulator::Options {
        listen: address,
        ..common::account()
    };
    world.bridge.kill9();
    world.bridge.start_again().await;
    world.centres[1] = Some(Simulator::start(options).await.unwrap());
    // Those that were not sent go on; the one in doubt stays.
    let got = world.until_submits(1, 4).await;
    assert_eq!(got.len(), 4);
    assert_eq!(world.moves(id).await, [moved("c", "b", "down")]);
    world.bridge.http.until_state(id, "submitted").await;
    assert_eq!(world.submits()[1], 4);
    world.must_be_sound().await;
}

#[tokio::test]
async fn a_refusal_of_a_class_goes_on_and_none_is_tried_twice() {
    let world = World::with(CHAIN).await;
    let say = |at: usize, status| {
        let status = Reply::Status(status);
        world.centre(at).answer_next([status]);
    };
    say(0, CommandStatus::ESME_RTHROTTLED);
    say(1, CommandStatus::ESME_RX_P_APPN);
    world.send(json!({})).await;
    world.until_submits(2, 1).await;
    let id = world.newest().await;
    world.bridge.http.until_state(id, "submitted").await;
    let first = [moved("a", "b", "unavailable"), moved("b", "c", "rejected")];
    assert_eq!(world.moves(id).await, first);
    assert_eq!(world.submits(), [1, 1, 1]);

    // The last refusal is the verdict when no gateway is left.
    say(0, CommandStatus::ESME_RX_P_APPN);
    say(1, CommandStatus::ESME_RX_P_APPN);
    say(2, CommandStatus::ESME_RX_R_APPN);
    world.send(json!({"body": "again"})).await;
    let id = world.newest().await;
    world.bridge.http.until_state(id, "failed").await;
    let second = [moved("a", "b", "rejected"), moved("b", "c", "rejected")];
    assert_eq!(world.moves(id).await, second);
    assert_eq!(world.submits(), [2, 2, 2]);

    // A class that is not listed.
    say(0, CommandStatus::ESME_RINVDSTADR);
    world.send(json!({"body": "wrong"})).await;
    let id = world.newest().await;
    world.bridge.http.until_state(id, "failed").await;
    assert_eq!(world.moves(id).await, []);
    assert_eq!(world.submits(), [3, 2, 2]);
    let (a, b) = (world.ids[0], world.ids[1]);
    let line =
        format!("smpp_bridge_reroutes_total{{from=\"{a}\",reason=\"unavailable\",to=\"{b}\"}} 1");
    wait_for(&line, async || {
        world
            .bridge
            .http
            .metrics()
            .await
            .contains(&line)
            .then_some(())
    })
    .await;
    let exported = world.bridge.http.get("/api/log", ADMIN).await.text();
    assert_eq!(exported.matches("\"Rerouted\"").count(), 4);
    world.must_be_sound().await;
}

#[tokio::test]
async fn a_message_in_doubt_stays_where_it_is() {
    let mut world = World::with(CHAIN).await;
    // The first takes one, never answers, and has room for no other.
    let narrow = json!({"meta": {"smpp": {"window": 1, "reconnect_initial_ms": 100, "reconnect_max_ms": 200}}});
    world.bridge.http.patch(world.ids[0], narrow).await;
    wait_for("the new bind", async || {
        (world.centre(0).binds() == 2).then_some(())
    })
    .await;
    world.until_up(0, true).await;
    world.centre(0).set_response_delay(Duration::from_secs(60));
    world.send(json!({"body": "doubted"})).await;
    let doubted = world.newest().await;
    world.until_submits(0, 1).await;
    world.send(json!({"body": "waits"})).await;
    let waits = world.newest().await;
    world.kill(0).await;
    // Its gateway's policy sends it again there, and nobody else does.
    wait_for("the doubt is recorded", async || {
        let types = world.bridge.http.event_types(doubted).await;
        types.contains(&"resubmitted".to_owned()).then_some(())
    })
    .await;
    // The one behind it goes on, which shows that the watch has been at work.
    let got = world.until_submits(1, 1).await;
    assert_eq!(got[0].submit.short_message, b"waits".as_slice());
    assert_eq!(world.moves(waits).await, [moved("a", "b", "down")]);
    assert_eq!(world.moves(doubted).await, []);
    assert_eq!(world.submits()[1..], [1, 0]);
    world.must_be_sound().await;
}

/// Messages keep a gateway, not its name.
#[tokio::test]
async fn a_gateway_that_is_renamed_is_left_and_taken_all_the_same() {
    let mut world = World::with(CHAIN).await;
    world.kill(0).await;
    let address = world.kill(1).await;
    world.kill(2).await;
    world.send(json!({})).await;
    let id = world.newest().await;
    for at in [0, 1] {
        let name = json!({"name": format!("renamed {at}")});
        let answer = world.bridge.http.patch(world.ids[at], name).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let options = smpp_bridge::simulator::Options {
        listen: address,
        ..common::account()
    };
    world.centres[1] = Some(Simulator::start(options).await.unwrap());
    world.until_submits(1, 1).await;
    assert_eq!(world.moves(id).await, [moved("a", "b", "down")]);
    world.must_be_sound().await;
}

/// As the chain above, after refusals of every class.
const ALL: &str = r#"
    [[routes]]
    name = "world"
    down_after_ms = 500
    [[routes.rules]]
    to = [{ gateway = "a" }]
    failover = ["b", "c"]
    failover_on = ["unavailable", "rejected", "invalid"]
"#;

#[tokio::test]
async fn a_refusal_over_http_goes_on_and_what_may_have_been_taken_does_not() {
    let prov = Prov::start().await;
    let impatient = json!({"meta": {"http": {"timeout_s": 1}}});
    let world = World::behind(ALL, Some((&prov, impatient))).await;
    let now = |status: u16, body: &str| Said::Now(status, body.to_owned());
    let mut moves = 0;
    for (n, (said, class)) in [
        (now(503, "busy"), Some("unavailable")),
        (now(429, ""), Some("unavailable")),
        (now(401, "who?"), Some("unavailable")),
        (now(404, "where?"), Some("rejected")),
        (now(200, r#"Error "No route found""#), Some("rejected")),
        (now(400, "what?"), Some("invalid")),
        (now(500, "boom"), None),
        (now(502, ""), None),
        (now(504, ""), None),
        (Said::Hang, None),
        (Said::Close, None),
    ]
    .into_iter()
    .enumerate()
    {
        let what = format!("{said:?}");
        prov.say([said]);
        world.send(json!({"body": format!("m{n}")})).await;
        let id = world.newest().await;
        let (state, told) = match class {
            Some(class) => ("submitted", vec![moved("a", "b", class)]),
            None => ("failed", vec![]),
        };
        let record = world.bridge.http.until_state(id, state).await;
        moves += usize::from(class.is_some());
        assert_eq!(world.moves(id).await, told, "{what}");
        let gateway = world.ids[usize::from(class.is_some())];
        assert_eq!(record["sms_gateway_id"], gateway, "{what}");
        assert_eq!(prov.seen().len(), n + 1, "{what}");
        assert_eq!(world.submits()[1..], [moves, 0], "{what}");
    }
    // Nobody listens: nothing was said to anybody.
    let nowhere = json!({"server_port": 9});
    let answer = world.bridge.http.patch(world.ids[0], nowhere).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.send(json!({"body": "last"})).await;
    let id = world.newest().await;
    world.bridge.http.until_state(id, "submitted").await;
    assert_eq!(
        world.moves(id).await,
        [moved("a", "b", "unavailable")],
        "no connection"
    );
    world.must_be_sound().await;
}

#[tokio::test]
async fn who_has_opted_out_at_the_provider_is_tried_nowhere_else() {
    let prov = Prov::start().await;
    let twilio = json!({"provider_type": "twilio", "username": "AC1", "password": "key"});
    let world = World::behind(ALL, Some((&prov, twilio))).await;
    let http = world.bridge.http;
    let says = |code: u32| Said::json(400, &json!({"code": code, "message": "no", "status": 400}));
    prov.say([says(21610)]);
    world.send(json!({})).await;
    let id = world.newest().await;
    http.until_state(id, "failed").await;
    assert_eq!(world.moves(id).await, []);
    let case = json!({"name": "Alerts", "route": "world", "senders": ["12345"]});
    let case = http.json("POST", "/v1/use-cases", ADMIN, case).await.json();
    let body =
        json!({"use_case_id": case["id"], "to_phone_number": "+14155550100", "message": "hi"});
    // Who waits for the provider's answer is told, and later before anybody is asked.
    prov.say([says(21610)]);
    for _ in 0..2 {
        let refused = http.json("POST", "/v1/sms/", SENDER, body.clone()).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert_eq!(refused.json()["code"], "opted_out");
    }
    assert_eq!(prov.seen().len(), 2);
    assert_eq!(world.submits()[1..], [0, 0]);
    // Another refusal with the same status is one of its class.
    prov.say([says(21408)]);
    world.send(json!({"body": "again"})).await;
    let id = world.newest().await;
    http.until_state(id, "submitted").await;
    assert_eq!(world.moves(id).await, [moved("a", "b", "invalid")]);
    world.must_be_sound().await;
}

#[tokio::test]
async fn a_use_case_takes_a_route_and_keeps_its_opt_outs_and_keys() {
    let world = World::with(CHAIN).await;
    let http = world.bridge.http;
    let body = json!({"name": "Alerts", "route": "world", "senders": ["12345"]});
    let made = http
        .json("POST", "/v1/use-cases", ADMIN, body.clone())
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let use_case = made.json();
    assert_eq!(use_case["route"], "world");
    assert_eq!(use_case["gateway"], Value::Null);
    for (change, field) in [
        (json!({"route": "nowhere"}), "route"),
        (json!({"gateway": "a"}), "route"),
        (json!({"route": null}), "gateway"),
    ] {
        let refused = http
            .json("POST", "/v1/use-cases", ADMIN, with(body.clone(), change))
            .await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains(field), "{}", refused.text());
    }
    world
        .centre(0)
        .answer_next([Reply::Status(CommandStatus::ESME_RSYSERR)]);
    let id = use_case["id"].as_str().unwrap();
    let send = json!({"use_case_id": id, "to_phone_number": "+14155550100", "message": "hi"});
    let key = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let sent = http
            .json_with("POST", "/v1/sms/", SENDER, &key, send.clone())
            .await;
        assert_eq!(sent.status, 201, "{}", sent.text());
    }
    world.until_submits(1, 1).await;
    assert_eq!(world.submits(), [1, 1, 0], "the repeat sends nothing");
    let newest = world.newest().await;
    http.until_state(newest, "submitted").await;
    assert_eq!(world.moves(newest).await, [moved("a", "b", "unavailable")]);
    let out = format!("/v1/use-cases/{id}/opt-outs/+14155550100");
    assert_eq!(http.json("PUT", &out, ADMIN, json!({})).await.status, 204);
    let refused = http.json("POST", "/v1/sms/", SENDER, send).await;
    assert_eq!(refused.status, 422);
    assert_eq!(world.submits(), [1, 1, 0]);
    // Back to a gateway: naming one takes the route away.
    let path = format!("/v1/use-cases/{id}");
    let changed = http
        .json("PATCH", &path, ADMIN, json!({"gateway": "c"}))
        .await;
    let record = changed.json();
    assert_eq!(
        (&record["gateway"], &record["route"]),
        (&json!("c"), &Value::Null)
    );
    world.must_be_sound().await;
}
