//! Many messages in one request: each is answered as if it had come alone.
//!
//! Method: the daemon over real sockets; streams are written and read at the same time, broken,
//! held up and repeated, and what was answered is looked for at the message centre and in the log.

mod common;

use common::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

fn path_of(gateway: u64) -> String {
    format!("/api/sms-gateways/{gateway}/send/batch")
}

async fn array(http: Http, path: &str, headers: &[(&str, &str)], items: Value) -> Vec<Value> {
    let answer = http.json_with("POST", path, SENDER, headers, items).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

/// A request whose lines are written one by one, and its answer that comes meanwhile.
struct Stream {
    output: OwnedWriteHalf,
    input: OwnedReadHalf,
    /// What has come and was not read, chunks' frames and all.
    raw: Vec<u8>,
    /// The body, up to its last whole line.
    text: Vec<u8>,
    ended: bool,
}

impl Stream {
    async fn open(http: Http, path: &str, headers: &[(&str, &str)]) -> Stream {
        let connection = TcpStream::connect(http.address).await.unwrap();
        let (input, mut output) = connection.into_split();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: bridge\r\ntransfer-encoding: chunked\r\n\
             content-type: application/x-ndjson\r\n"
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        output.write_all((head + "\r\n").as_bytes()).await.unwrap();
        Stream {
            output,
            input,
            raw: Vec::new(),
            text: Vec::new(),
            ended: false,
        }
    }

    async fn sender(http: Http, path: &str, headers: &[(&str, &str)]) -> Stream {
        let bearer = format!("Bearer {SENDER}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        Stream::open(http, path, &all).await
    }

    async fn write(&mut self, text: &str) {
        self.output.write_all(&chunk(text)).await.unwrap();
    }

    async fn line(&mut self, item: &Value) {
        self.write(&format!("{item}\n")).await;
    }

    async fn finish(&mut self) {
        self.output.write_all(b"0\r\n\r\n").await.unwrap();
    }

    /// The next verdict; `None` at the end of the answer.
    async fn verdict(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            if self.ended {
                assert!(self.text.is_empty(), "half a line");
                return None;
            }
            if self.unframe() {
                continue;
            }
            let read = self.input.read_buf(&mut self.raw);
            let read = tokio::time::timeout(WITHIN, read).await.expect("an answer");
            assert!(read.unwrap() > 0, "the answer is cut");
        }
    }

    async fn verdicts(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(verdict) = self.verdict().await {
            all.push(verdict);
        }
        all
    }

    /// Takes the head, or a whole chunk, out of what has come.
    fn unframe(&mut self) -> bool {
        if self.raw.starts_with(b"HTTP/") {
            let Some(end) = self.raw.windows(4).position(|w| w == b"\r\n\r\n") else {
                return false;
            };
            let head: Vec<u8> = self.raw.drain(..end + 4).collect();
            let head = String::from_utf8(head).unwrap().to_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert!(head.contains("application/x-ndjson"), "{head}");
            return true;
        }
        let Some(end) = self.raw.windows(2).position(|w| w == b"\r\n") else {
            return false;
        };
        let size = std::str::from_utf8(&self.raw[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if self.raw.len() < end + 2 + size + 2 {
            return false;
        }
        self.text
            .extend_from_slice(&self.raw[end + 2..end + 2 + size]);
        self.raw.drain(..end + 2 + size + 2);
        self.ended = size == 0;
        true
    }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn numbers(verdicts: &[Value]) -> Vec<u64> {
    let number = |v: &Value| v["number"].as_u64().unwrap();
    verdicts.iter().map(number).collect()
}

fn statuses(verdicts: &[Value]) -> Vec<u64> {
    let status = |v: &Value| v["status"].as_u64().unwrap();
    verdicts.iter().map(status).collect()
}

fn ids(verdicts: &[Value]) -> BTreeSet<u64> {
    let id = |v: &Value| v["body"]["id"].as_u64();
    verdicts.iter().filter_map(id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_an_array_is_answered_as_if_it_had_come_alone() {
    let scene = Scene::new().await;
    let items = [
        text("first"),
        json!({ "to_number": "12", "message": "" }),
        json!([1]),
        with(text("with a tenant"), json!({ "tenant_id": 7 })),
        json!("no object"),
    ];
    let verdicts = array(scene.http(), &path_of(scene.gateway), &[], json!(items)).await;
    assert_eq!(numbers(&verdicts), [1, 2, 3, 4, 5]);
    for (item, verdict) in items.iter().zip(&verdicts) {
        let prefer = [("prefer", "respond-async")];
        let alone = scene
            .http()
            .send_with(scene.gateway, &prefer, item.clone())
            .await;
        assert_eq!(verdict["status"], alone.status, "{item}");
        let (mut alone, mut among) = (alone.json(), verdict["body"].clone());
        for body in [&mut alone, &mut among] {
            assert_eq!(body["id"], body["data"]["id"]);
            for name in ["id", "requested_at", "created_at", "updated_at"] {
                for place in [&mut body["data"][name].take(), &mut body[name].take()] {
                    assert_eq!(place.is_null(), verdict["status"] != 201, "{name}");
                }
            }
        }
        assert_eq!(among, alone, "{item}");
    }
    for verdict in [&verdicts[0], &verdicts[3]] {
        let id = verdict["body"]["id"].as_u64().unwrap();
        scene.until_state(id, "submitted").await;
    }
    let none = array(scene.http(), &path_of(scene.gateway), &[], json!([])).await;
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_wrong_as_a_whole_is_refused_as_a_whole() {
    let scene = Scene::new().await;
    let path = path_of(scene.gateway);
    let bearer = format!("Bearer {SENDER}");
    let call = async |path: &str, token: &str, kind: &str, body: &str| {
        let headers = [("authorization", token), ("content-type", kind)];
        scene.http().call("POST", path, &headers, body).await
    };
    let json = "application/json";
    let many = format!("[{}1]", "1,".repeat(1000));
    for (path, token, kind, body, status) in [
        (path.as_str(), "", json, "[]", 401),
        (&path, "Bearer read-token", json, "[]", 403),
        (&path, "Bearer nobody", "application/x-ndjson", "{}", 401),
        (&path, bearer.as_str(), json, "{}", 422),
        (&path, &bearer, json, "[1", 400),
        (&path, &bearer, json, &many, 422),
        (&path, &bearer, "text/plain", "[]", 415),
        (
            &path,
            &bearer,
            "application/x-www-form-urlencoded",
            "a=b",
            415,
        ),
        (&path_of(999), &bearer, "application/x-ndjson", "{}", 404),
    ] {
        let answer = call(path, token, kind, body).await;
        answer.must_be_error(status);
    }
    let key = "k".repeat(256);
    let headers = [
        ("authorization", bearer.as_str()),
        ("idempotency-key", &key),
    ];
    let keyed = scene.http().call("POST", &path, &headers, "[]").await;
    keyed.must_be_error(422);
    let large = " ".repeat(300_000);
    assert_eq!(call(&path, &bearer, json, &large).await.status, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_answered_while_the_next_ones_are_not_written_yet() {
    let scene = Scene::new().await;
    let mut stream = Stream::sender(scene.http(), &path_of(scene.gateway), &[]).await;
    for n in 1..=5 {
        stream.line(&text(&format!("line {n}"))).await;
        let verdict = stream.verdict().await.unwrap();
        assert_eq!(
            (&verdict["number"], &verdict["status"]),
            (&json!(n), &json!(201))
        );
        let id = verdict["body"]["id"].as_u64().unwrap();
        assert_eq!(scene.record(id).await["message"], format!("line {n}"));
    }
    let long = text(&"x".repeat(100_000));
    stream.write(&format!("\n  \r\nnonsense\n{long}\n")).await;
    stream
        .write("{\"to_number\":\"+4915112345678\",\"from_se")
        .await;
    stream
        .write("nder\":\"Me\",\"message\":\"the last has no newline\"}")
        .await;
    stream.finish().await;
    let rest = stream.verdicts().await;
    assert_eq!(numbers(&rest), [8, 9, 10]);
    assert_eq!(statuses(&rest), [400, 413, 201]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_stream_is_answered_in_order_and_sent_once() {
    const LINES: usize = 3000;
    let scene = Scene::new().await;
    let mut stream = Stream::sender(scene.http(), &path_of(scene.gateway), &[]).await;
    let line = |n: usize| match n % 100 {
        99 => "{}\n".to_owned(),
        _ => format!("{}\n", text(&format!("{n:05}"))),
    };
    let lines: String = (0..LINES).map(line).collect();
    // Pieces that are no lines.
    let pieces: Vec<Vec<u8>> = lines
        .as_bytes()
        .chunks(7001)
        .map(|piece| chunk(std::str::from_utf8(piece).unwrap()))
        .collect();
    let mut output = std::mem::replace(&mut stream.output, lonely().await);
    let write = async move {
        for piece in pieces {
            output.write_all(&piece).await.unwrap();
        }
        output.write_all(b"0\r\n\r\n").await.unwrap();
        output
    };
    let (_output, verdicts) = tokio::join!(write, stream.verdicts());
    assert_eq!(numbers(&verdicts), (1..=LINES as u64).collect::<Vec<_>>());
    let taken = statuses(&verdicts).iter().filter(|s| **s == 201).count();
    assert_eq!(taken, LINES - LINES / 100);
    assert_eq!(ids(&verdicts).len(), taken);
    let mut submits: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    wait_for("the submits", async || {
        (scene.smsc.recorded().len() >= taken).then_some(())
    })
    .await;
    for recorded in scene.smsc.recorded() {
        let octets = recorded.submit.short_message.to_vec();
        *submits.entry(octets).or_default() += 1;
    }
    assert_eq!(submits.len(), taken);
    assert!(submits.values().all(|times| *times == 1));
}

/// Half of a connection that nobody uses.
async fn lonely() -> OwnedWriteHalf {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
    stream.unwrap().into_split().1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_not_read_and_nothing_is_lost() {
    const LINES: u64 = 20_000;
    let scene = Scene::new().await;
    let mut stream = Stream::sender(scene.http(), &path_of(scene.gateway), &[]).await;
    let line = format!("{}\n", text(&"slow ".repeat(60)));
    let mut output = std::mem::replace(&mut stream.output, lonely().await);
    let (told, written) = tokio::sync::watch::channel(0u64);
    let write = tokio::spawn(async move {
        for n in 1..=LINES {
            output.write_all(&chunk(&line)).await.unwrap();
            told.send_replace(n);
        }
        output.write_all(b"0\r\n\r\n").await.unwrap();
        output
    });
    let mut before = 0;
    wait_for("the writer to be held up", async || {
        tokio::time::sleep(QUIET).await;
        let now = *written.borrow();
        (std::mem::replace(&mut before, now) == now).then_some(())
    })
    .await;
    assert!(before < LINES, "{before} lines are held somewhere");
    let verdicts = stream.verdicts().await;
    write.await.unwrap();
    assert_eq!(numbers(&verdicts), (1..=LINES).collect::<Vec<_>>());
    assert_eq!(ids(&verdicts).len() as u64, LINES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_stream_loses_nothing_that_was_answered_and_its_repeat_doubles_nothing() {
    let mut scene = Scene::new().await;
    let key = [("idempotency-key", "tonight")];
    let line = |n: u64| text(&format!("night {n:03}"));
    let mut stream = Stream::sender(scene.http(), &path_of(scene.gateway), &key).await;
    for n in 1..=100 {
        stream.line(&line(n)).await;
    }
    stream
        .write("{\"to_number\":\"+4915112345678\",\"from_sender\":\"Me\",")
        .await;
    let mut answered = BTreeSet::new();
    for _ in 0..60 {
        let verdict = stream.verdict().await.unwrap();
        assert_eq!(verdict["status"], 201);
        answered.insert(verdict["body"]["id"].as_u64().unwrap());
    }
    drop(stream);
    scene.bridge.kill9();
    scene.bridge.start_again().await;
    for id in &answered {
        scene.record(*id).await;
    }

    let mut again = Stream::sender(scene.http(), &path_of(scene.gateway), &key).await;
    for n in 1..=110 {
        again.line(&line(n)).await;
    }
    again.finish().await;
    let verdicts = again.verdicts().await;
    assert!(statuses(&verdicts).iter().all(|s| *s == 201));
    let all = ids(&verdicts);
    assert_eq!(all.len(), 110);
    assert!(all.is_superset(&answered));
    let replayed = verdicts.iter().filter(|v| v["replayed"] == true).count();
    assert!((60..=100).contains(&replayed), "{replayed}");
    for id in all {
        scene.until_state(id, "submitted").await;
    }
    let http = scene.http();
    let listed = http.get("/api/sms-messages?per_page=500", READER).await;
    assert_eq!(listed.json()["data"].as_array().unwrap().len(), 110);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_messages_own_key_makes_its_repeat_safe() {
    let scene = Scene::new().await;
    let path = path_of(scene.gateway);
    let keyed = |text_: &str, key: &str| with(text(text_), json!({ "idempotency_key": key }));
    let first = array(
        scene.http(),
        &path,
        &[],
        json!([keyed("a", "k1"), keyed("b", "k2")]),
    )
    .await;
    let mixed = json!([
        keyed("c", "k3"),
        keyed("b", "k2"),
        keyed("else", "k1"),
        keyed("x", "")
    ]);
    let second = array(scene.http(), &path, &[], mixed).await;
    assert_eq!(statuses(&second), [201, 201, 422, 422]);
    assert_eq!(second[1]["body"], first[1]["body"]);
    assert_eq!(second[1]["replayed"], true);
    assert!(second[0].get("replayed").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_an_array_and_holds_up_a_stream() {
    let bridge = {
        let mut config = reference("127.0.0.1:9".parse().unwrap());
        set(&mut config, "limits", "queued_per_gateway", 5);
        Bridge::start(&config).await
    };
    // Nobody listens there: everything waits.
    let gateway = bridge
        .http
        .create(json!({
            "name": "nobody", "provider_type": "smpp", "server_host": "127.0.0.1",
            "server_port": 9, "username": "bridge", "password": "x",
        }))
        .await;
    let items: Vec<Value> = (0..8).map(|n| text(&format!("item {n}"))).collect();
    let verdicts = array(bridge.http, &path_of(gateway), &[], json!(items)).await;
    assert_eq!(
        statuses(&verdicts),
        [201, 201, 201, 201, 201, 429, 429, 429]
    );
    assert!(verdicts[5]["retry_after"].as_u64().unwrap() > 0);

    let mut stream = Stream::sender(bridge.http, &path_of(gateway), &[]).await;
    stream.line(&text("waits for room")).await;
    stream.line(&text("waits, too")).await;
    stream.finish().await;
    for id in ids(&verdicts).iter().take(2) {
        let path = format!("/api/sms-messages/{id}/cancel");
        let cancelled = bridge.http.json("POST", &path, SENDER, json!({})).await;
        assert_eq!(cancelled.status, 200);
    }
    assert_eq!(statuses(&stream.verdicts().await), [201, 201]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_stops_says_so_in_the_stream_and_ends() {
    let mut scene = Scene::new().await;
    let mut stream = Stream::sender(scene.http(), &path_of(scene.gateway), &[]).await;
    stream.line(&text("before")).await;
    assert_eq!(stream.verdict().await.unwrap()["status"], 201);
    scene.bridge.terminate();
    let last = stream.verdict().await.unwrap();
    assert_eq!((&last["number"], &last["status"]), (&json!(2), &json!(503)));
    assert!(stream.verdict().await.is_none());
    assert!(scene.bridge.until_ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_cases_and_universal_accounts_send_many_as_well() {
    let scene = Scene::new().await;
    let case = json!({ "name": "Orders", "gateway": "smsc-main", "senders": ["12345"] });
    let made = scene
        .http()
        .json("POST", "/v1/use-cases", ADMIN, case)
        .await;
    let case = made.json()["id"].clone();
    let item = |to: &str, text: &str| json!({ "use_case_id": case, "to_phone_number": to, "message": text });
    let items = json!([
        item("+4915112345678", "one"),
        item("4915112345678", "two"),
        7
    ]);
    let verdicts = array(scene.http(), "/v1/sms/batch", &[], items).await;
    assert_eq!(statuses(&verdicts), [201, 422, 422]);
    assert_eq!(verdicts[0]["body"]["status"], "pending");
    assert_eq!(verdicts[1]["body"]["code"], "invalid_request");
    let mut stream = Stream::sender(scene.http(), "/v1/sms/batch/", &[]).await;
    stream.line(&item("+4915112345678", "three")).await;
    stream.write("nonsense\n").await;
    stream.finish().await;
    let lines = stream.verdicts().await;
    assert_eq!(statuses(&lines), [201, 422]);
    assert_eq!(lines[1]["body"]["code"], "invalid_request");

    let path = "/api/message-server/sms/send/batch";
    let key = [("x-api-key", "uk-acme")];
    let mut stream = Stream::open(scene.http(), path, &key).await;
    let item = |id: &str, body: &str| json!({ "destination": "+393401234567", "sender": "Brand", "body": body, "messageId": id });
    for item in [
        item("1", "uno"),
        item("2", "due"),
        item("2", "tre"),
        item("3", ""),
    ] {
        stream.line(&item).await;
    }
    stream.finish().await;
    let lines = stream.verdicts().await;
    assert_eq!(statuses(&lines), [200, 200, 200, 400]);
    let accepted = |n: usize| lines[n]["body"]["results"]["sms"]["accepted"].clone();
    assert_eq!([accepted(0), accepted(1), accepted(2)], [true, true, false]);
    let nobody = [
        ("x-api-key", "nobody"),
        ("content-type", "application/json"),
    ];
    let refused = scene.http().call("POST", path, &nobody, "[]").await;
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (401, Some("UNAUTHORIZED"))
    );
    let known = [
        ("x-api-key", "uk-acme"),
        ("content-type", "application/json"),
    ];
    let wrong = scene.http().call("POST", path, &known, "{}").await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
}
