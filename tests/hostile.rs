//! Requests that nobody sends by mistake: each gets its documented status and an error in
//! the documented shape, and the daemon lives on.
//!
//! Method: tables of octets against one daemon; after each table a message still goes out.

mod common;

use common::*;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const JSON: (&str, &str) = ("content-type", "application/json");
const BEARER: (&str, &str) = ("authorization", "Bearer adm-token");

async fn post(scene: &Scene, path: &str, body: &[u8]) -> Answer {
    scene.http().call("POST", path, &[JSON, BEARER], body).await
}

fn send_path(scene: &Scene) -> String {
    format!("/api/sms-gateways/{}/send", scene.gateway)
}

async fn must_work(scene: &mut Scene) {
    scene.http().must_live().await;
    scene.submitted("still here").await;
    assert!(scene.bridge.is_running());
    assert!(
        !scene.bridge.log().contains("panicked"),
        "{}",
        scene.bridge.log()
    );
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test]
async fn bodies_that_are_no_json_are_400_and_json_that_is_no_object_422() {
    let mut scene = Scene::new().await;
    let send = send_path(&scene);
    let dlr = format!("/api/sms-gateways/{}/dlr", scene.gateway);
    let deep = |depth: usize| {
        let inner = nested("[", "]", depth);
        format!(r#"{{"to_number":"+4915112345678","from_sender":"A","message":"m","x":{inner}}}"#)
    };
    let malformed: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"{\"to".to_vec(),
        b"nul".to_vec(),
        b"{'a':1}".to_vec(),
        b"{\"a\":1,}".to_vec(),
        b"{\"a\":1}}".to_vec(),
        b"{\"a\":1} x".to_vec(),
        b"{\"a\":01}".to_vec(),
        b"{\"a\":.5}".to_vec(),
        b"{\"a\":NaN}".to_vec(),
        b"{\"a\":1e}".to_vec(),
        b"{\"a\":\"\n\"}".to_vec(),
        b"{\"a\":\"\\x41\"}".to_vec(),
        b"{\"a\":\"\\u12\"}".to_vec(),
        b"{\"a\":\"\xff\"}".to_vec(),
        b"{\"\xc3\x28\":1}".to_vec(),
        b"{\"a\":\"\xed\xa0\x80\"}".to_vec(),
        b"{\"a\":\"\xc0\x80\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"\x00".to_vec(),
        br#"{"message":"\ud800"}"#.to_vec(),
        br#"{"message":"\udc00\ud800"}"#.to_vec(),
        br#"{"message":"\ud83d x"}"#.to_vec(),
        br#"{"x":"\ud800"}"#.to_vec(),
        br#"{"\udfff":1}"#.to_vec(),
        deep(64).into_bytes(),
        deep(1000).into_bytes(),
        nested("[", "]", 100_000).into_bytes(),
        "[".repeat(200_000).into_bytes(),
        nested("{\"a\":", "}", 10_000).into_bytes(),
    ];
    for body in &malformed {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        for path in ["/api/sms-gateways", send.as_str()] {
            let answer = post(&scene, path, body).await;
            assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text());
            answer.must_be_error(400);
        }
        // A report may come in its query alone, so an empty body is no report at all there.
        let blank = body.iter().all(u8::is_ascii_whitespace);
        let answer = post(&scene, &dlr, body).await;
        let status = if blank { 200 } else { 400 };
        assert_eq!(answer.status, status, "{dlr} {shown}: {}", answer.text());
    }
    for body in ["[]", "[{}]", "\"x\"", "7", "true", "null", " [1] ", "1e400"] {
        // A number that no float holds may be called either.
        let statuses: &[u16] = if body == "1e400" { &[400, 422] } else { &[422] };
        for path in ["/api/sms-gateways", send.as_str()] {
            let answer = post(&scene, path, body.as_bytes()).await;
            assert!(statuses.contains(&answer.status), "{path} {body}");
            answer.must_be_error(answer.status);
        }
    }
    // Just as deep as is allowed: 64, with the object around it.
    let answer = post(&scene, &send, deep(63).as_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    must_work(&mut scene).await;
}

/// Every field of a send and of a gateway with a value of every other type.
#[tokio::test]
async fn fields_of_the_wrong_type_are_422_by_their_name() {
    let mut scene = Scene::new().await;
    let send = send_path(&scene);
    let odd = [
        json!(true),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"a": 1}),
    ];
    for name in ["to_number", "from_sender", "message", "callback_url"] {
        for value in &odd {
            let mut body = text("hi");
            body[name] = value.clone();
            let answer = post(&scene, &send, body.to_string().as_bytes()).await;
            answer.must_be_error(422);
            assert_eq!(answer.fields(), [name], "{value}");
        }
    }
    for value in [
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!([]),
        json!({}),
    ] {
        let body = with(text("hi"), json!({"tenant_id": value}));
        let answer = post(&scene, &send, body.to_string().as_bytes()).await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), ["tenant_id"], "{value}");
    }
    let names = [
        "name",
        "provider_type",
        "server_host",
        "api_path",
        "username",
        "password",
        "default_sender_id",
        "callback_token",
        "notes",
    ];
    for name in names {
        for value in &odd {
            let body = with(http::http_gateway(), json!({name: value}));
            let answer = post(&scene, "/api/sms-gateways", body.to_string().as_bytes()).await;
            answer.must_be_error(422);
            assert_eq!(answer.fields(), [name], "{value}");
        }
    }
    for (name, value) in [
        ("server_port", json!(1.5)),
        ("server_port", json!(1e300)),
        ("server_port", json!(u64::MAX)),
        ("server_port", json!(true)),
        ("server_port", json!([80])),
        ("use_ssl", json!("yes please")),
        ("use_ssl", json!([])),
        ("use_ssl", json!(2)),
        ("is_active", json!({})),
        ("meta", json!(7)),
        ("meta", json!("{}")),
        ("meta", json!([])),
        ("meta", json!({"a": "x".repeat(16 * 1024)})),
        ("server_host", json!("a b")),
        ("server_host", json!("a/b")),
        ("server_host", json!("user@a")),
        ("server_host", json!("a\u{0}b")),
        ("server_host", json!("a\r\nb")),
        ("api_path", json!("a\r\nx: y")),
        ("username", json!("a\r\nb")),
        ("password", json!("a\u{0}b")),
    ] {
        let body = with(http::http_gateway(), json!({name: value}));
        let answer = post(&scene, "/api/sms-gateways", body.to_string().as_bytes()).await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), [name], "{value}");
    }
    // Numbers of more digits than anybody needs are numbers still.
    let body = format!(
        r#"{{"to_number":"+4915112345678","from_sender":"A","message":"m","tenant_id":{}}}"#,
        "9".repeat(5000)
    );
    let answer = post(&scene, &send, body.as_bytes()).await;
    assert!([400, 422].contains(&answer.status), "{}", answer.text());
    answer.must_be_error(answer.status);
    must_work(&mut scene).await;
}

/// Of duplicate members the last one counts, and unknown ones do not.
#[tokio::test]
async fn of_duplicate_members_the_last_one_counts() {
    let scene = Scene::new().await;
    let send = send_path(&scene);
    let body = br#"{"message":7,"to_number":"x","x":1,"x":[],"to_number":"+4915112345678",
        "from_sender":"A","message":"first","message":"second"}"#;
    let answer = post(&scene, &send, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["data"]["message"], "second");
    // The names of members are case-sensitive.
    let body = br#"{"To_Number":"+4915112345678","from_sender":"A","message":"m"}"#;
    let answer = post(&scene, &send, body).await;
    assert_eq!(answer.fields(), ["to_number"]);
    let form = "to_number=1&to_number=%2B4915112345678&from_sender=A&message=a&message=b";
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let answer = scene
        .http()
        .call("POST", &send, &[kind, BEARER], form)
        .await;
    assert_eq!(answer.json()["data"]["message"], "b");
}

/// Texts that are odd and good: they reach the message centre as they are.
#[tokio::test]
async fn odd_texts_are_sent_as_they_are() {
    let scene = Scene::new().await;
    let send = send_path(&scene);
    for message in [
        "\u{0}",
        "\r\n\t",
        " leading and trailing ",
        "\u{feff}bom",
        "e\u{301}",
        "🎉👩‍👩‍👧",
        "\u{202e}right to left",
        "'; DROP TABLE messages; --",
        "%00%s%n{}<script>",
        "\u{fffd}",
        "\u{10ffff}",
    ] {
        let body = text(message);
        let answer = post(&scene, &send, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 201, "{message:?}: {}", answer.text());
        assert_eq!(answer.json()["data"]["message"], message);
        let record = scene.record(answer.id()).await;
        assert_eq!(record["message"], message);
    }
    // Escaped or not, a pair of surrogates is one character.
    let body = br#"{"to_number":"+4915112345678","from_sender":"A","message":"\ud83c\udf89"}"#;
    let answer = post(&scene, &send, body).await;
    assert_eq!(answer.json()["data"]["message"], "🎉");
}

/// Sender and number as no SMSC takes them.
#[tokio::test]
async fn numbers_and_senders_that_no_smsc_takes_are_422() {
    let mut scene = Scene::new().await;
    for number in [
        "",
        "+",
        "++49151",
        "12",
        "0x1234",
        "١٢٣٤٥",
        "123\u{0}45",
        "1234567\n",
        "+49 151 x",
    ] {
        let answer = scene
            .send(with(text("hi"), json!({"to_number": number})))
            .await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), ["to_number"], "{number:?}");
    }
    for sender in [
        "Привет",
        "a\u{0}b",
        "a\nb",
        "twelve chars",
        "123456789012345678901",
        "🎉",
    ] {
        let answer = scene
            .send(with(text("hi"), json!({"from_sender": sender})))
            .await;
        answer.must_be_error(422);
        assert_eq!(answer.fields(), ["from_sender"], "{sender:?}");
    }
    assert_eq!(scene.smsc.submits(), 0);
    must_work(&mut scene).await;
}

#[tokio::test]
async fn content_types_that_are_not_taken_are_415() {
    let scene = Scene::new().await;
    let send = send_path(&scene);
    let gateway = format!("/api/sms-gateways/{}", scene.gateway);
    for (method, path, kind, status) in [
        ("POST", send.as_str(), "text/plain", 415),
        ("POST", &send, "multipart/form-data; boundary=x", 415),
        ("POST", &send, "application/xml", 415),
        ("POST", "/api/sms-gateways", "text/plain", 415),
        (
            "POST",
            "/api/sms-gateways",
            "application/x-www-form-urlencoded",
            415,
        ),
        ("PATCH", &gateway, "text/plain", 415),
        ("POST", &send, "application/json;charset=UTF-8", 422),
        ("POST", &send, "APPLICATION/JSON", 422),
        ("POST", &send, "application/vnd.api+json", 422),
    ] {
        let headers = [("content-type", kind), BEARER];
        let answer = scene.http().call(method, path, &headers, "{}").await;
        answer.must_be_error(status);
    }
}

#[tokio::test]
async fn paths_are_what_they_are() {
    let scene = Scene::new().await;
    let id = scene.gateway;
    for (method, path, status) in [
        ("GET", format!("/api/sms-gateways/{id}"), 200),
        ("GET", format!("/api/sms-gateways/{id}/"), 200),
        ("GET", format!("/api/sms-gateways/%3{id}"), 200),
        ("GET", format!("/api/sms-gateways/{id}?x=%ff&y"), 200),
        ("GET", format!("/api/sms-gateways/{id}//"), 404),
        ("GET", format!("//api/sms-gateways/{id}"), 404),
        ("GET", "/api/sms-gateways/%00".into(), 404),
        ("GET", "/api/sms-gateways/%ff".into(), 404),
        ("GET", "/api/sms-gateways/1%2F".into(), 404),
        (
            "GET",
            "/api/sms-gateways/..%2f..%2fetc%2fpasswd".into(),
            404,
        ),
        ("GET", "/api/../api/sms-gateways".into(), 404),
        (
            "GET",
            format!("/api/sms-gateways/ {id}").replace(' ', "%20"),
            404,
        ),
        ("GET", "/api/sms-gateways/1e0".into(), 404),
        (
            "GET",
            "/api/sms-gateways/99999999999999999999999999".into(),
            404,
        ),
        ("GET", "/API/sms-gateways".into(), 404),
        ("GET", "/api/sms-messages/abc".into(), 404),
        ("GET", "/api/sms-messages/-1".into(), 404),
        ("GET", "/api/sms-messages/abc/events".into(), 404),
        ("GET", "/api/mo-messages/abc".into(), 404),
        ("POST", "/api/mo-messages/abc/redeliver".into(), 404),
        ("POST", "/api/sms-messages/abc/cancel".into(), 404),
        ("GET", "/api/sms-messages?page=0".into(), 422),
        (
            "GET",
            "/api/sms-messages?page=99999999999999999999".into(),
            422,
        ),
        ("GET", "/api/sms-messages?per_page=501".into(), 422),
        ("GET", "/api/sms-messages?tenant_id=x".into(), 422),
        ("GET", "/api/sms-messages?from=yesterday".into(), 422),
        ("GET", "/api/sms-messages?state=%ff".into(), 422),
        ("GET", "/api/mo-messages?state=lost".into(), 422),
        ("GET", "/api/sms-gateways?is_active=maybe".into(), 422),
        ("GET", "/api/orphans?per_page=0".into(), 422),
        ("BREW", "/api/sms-gateways".into(), 405),
        ("TRACE", "/api/sms-gateways".into(), 405),
        ("OPTIONS", "/api/sms-gateways".into(), 405),
    ] {
        let answer = scene.http().call(method, &path, &[BEARER], "").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if status >= 400 {
            answer.must_be_error(status);
        }
        if status == 405 {
            assert!(answer.header("allow").is_some(), "{path}");
        }
    }
}

#[tokio::test]
async fn authorization_headers_that_are_none_are_401() {
    let bridge = Bridge::alone().await;
    let long = format!("Bearer {}", "x".repeat(8000));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "bearer",
        "adm-token",
        "Basic YWRtOmFkbQ==",
        "Bearer adm-token extra",
        "Bearer Bearer adm-token",
        "Bearer ADM-TOKEN",
        "Bearer adm-toke",
        "Bearer adm-tokenn",
        &long,
    ] {
        let headers = [("authorization", value)];
        let answer = bridge
            .http
            .call("GET", "/api/sms-gateways", &headers, "")
            .await;
        answer.must_be_error(401);
        assert!(answer.header("www-authenticate").is_some());
    }
    let headers = [("authorization", "bearer   adm-token ")];
    let answer = bridge
        .http
        .call("GET", "/api/sms-gateways", &headers, "")
        .await;
    assert_eq!(answer.status, 200);
}

/// Octets below HTTP: a refusal or a closed connection, and the next client is served.
#[tokio::test]
async fn what_is_no_http_is_refused_or_cut() {
    let mut scene = Scene::new().await;
    let http = scene.http();
    let many = (0..500)
        .map(|n| format!("x-{n}: y\r\n"))
        .collect::<String>();
    let huge = format!("x-huge: {}\r\n", "y".repeat(2 << 20));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
    for octets in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nhost: x\r\nx\x00y: z\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n: empty\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n").into_bytes(),
        format!("GET /livez HTTP/1.1\r\nhost: x\r\n{huge}\r\n").into_bytes(),
        long.into_bytes(),
    ] {
        match http.try_raw(&octets).await {
            Ok(answer) => assert!((400..500).contains(&answer.status), "{}", answer.status),
            Err(e) => assert_ne!(e.kind(), std::io::ErrorKind::TimedOut),
        }
        http.must_live().await;
    }
    // A chunked body that is none, on a route that reads it.
    let path = send_path(&scene);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer send-token\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let bad = [head.as_bytes(), b"zz\r\n{}\r\n0\r\n\r\n"].concat();
    if let Ok(answer) = http.try_raw(&bad).await {
        assert_eq!(answer.status, 400);
    }
    must_work(&mut scene).await;
}

/// A client that goes in the middle of its body.
#[tokio::test]
async fn a_body_that_ends_early_is_no_message() {
    let mut scene = Scene::new().await;
    let body = text("half").to_string();
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer send-token\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            send_path(&scene),
            body.len()
        );
        let mut stream = TcpStream::connect(scene.http().address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert!(read.is_ok(), "the connection ends");
        assert!(!answer.starts_with(b"HTTP/1.1 2"));
    }
    assert_eq!(scene.smsc.submits(), 0);
    let list = scene.http().get("/api/sms-messages", READER).await.json();
    assert_eq!(list["data"], Value::Array(Vec::new()));
    must_work(&mut scene).await;
}

/// Several requests on one connection, the next before the answer of the last.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let scene = Scene::new().await;
    let mut octets = Vec::new();
    for n in 0..20 {
        let last = if n == 19 { "connection: close\r\n" } else { "" };
        let path = if n % 2 == 0 { "/livez" } else { "/nope" };
        octets
            .extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{last}\r\n").as_bytes());
    }
    let mut stream = TcpStream::connect(scene.http().address).await.unwrap();
    stream.write_all(&octets).await.unwrap();
    let mut answers = String::new();
    let read = stream.read_to_string(&mut answers);
    tokio::time::timeout(WITHIN, read).await.unwrap().unwrap();
    let statuses: Vec<&str> = answers
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answers[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "404"].repeat(10));
}
