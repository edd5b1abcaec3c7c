//! What holds for every route: tokens, slashes, methods, sizes, refusals.

use axum::body::Body;
use serde_json::json;

use super::support::{ADMIN, Bridge, READER, SENDER, config, text};
use crate::store::Policy;

const ROUTES: [(&str, &str); 15] = [
    ("GET", "/api/sms-gateways"),
    ("POST", "/api/sms-gateways"),
    ("GET", "/api/sms-gateways/1"),
    ("PUT", "/api/sms-gateways/1"),
    ("PATCH", "/api/sms-gateways/1"),
    ("DELETE", "/api/sms-gateways/1"),
    ("POST", "/api/sms-gateways/1/send"),
    ("GET", "/api/sms-gateways/1/messages"),
    ("GET", "/api/sms-messages"),
    ("GET", "/api/sms-messages/1"),
    ("GET", "/api/sms-messages/1/events"),
    ("POST", "/api/sms-messages/1/cancel"),
    ("GET", "/api/mo-messages"),
    ("POST", "/api/mo-messages/1/redeliver"),
    ("GET", "/api/orphans"),
];

#[tokio::test]
async fn every_route_without_a_known_token_is_401_in_json() {
    let bridge = Bridge::new();
    for (method, path) in ROUTES {
        for path in [path.to_owned(), format!("{path}/")] {
            for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
                let answer = bridge.call(method, &path, headers, "").await;
                assert_eq!(answer.status, 401, "{method} {path}");
                assert!(answer.json()["message"].is_string());
                assert_eq!(answer.headers["content-type"], "application/json");
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_403_and_changes_nothing() {
    let bridge = Bridge::new();
    let body = json!({"name": "n", "provider_type": "http", "server_host": "h", "server_port": 1});
    for token in [SENDER, READER] {
        let answer = bridge
            .json("POST", "/api/sms-gateways", token, body.clone())
            .await;
        assert_eq!(answer.status, 403);
    }
    let all = bridge.get("/api/sms-gateways", READER).await;
    assert_eq!(all.json()["data"], json!([]));
    let gateway = bridge.smpp_gateway().await;
    let path = format!("/api/sms-gateways/{gateway}/send");
    assert_eq!(
        bridge.json("POST", &path, READER, text("hi")).await.status,
        403
    );
    assert_eq!(bridge.get("/api/orphans", SENDER).await.status, 403);
    assert_eq!(bridge.get("/api/in-doubt", ADMIN).await.status, 200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_json() {
    let bridge = Bridge::new();
    let unknown = bridge.get("/api/sms", ADMIN).await;
    assert_eq!(
        (unknown.status, unknown.json()["message"].is_string()),
        (404, true)
    );
    for path in ["/api/sms-gateways/1/send", "/api/sms-gateways/1/send/"] {
        let wrong = bridge.get(path, ADMIN).await;
        assert_eq!(wrong.status, 405);
        assert!(wrong.json()["message"].is_string());
        assert_eq!(wrong.headers["allow"], "POST");
    }
    let wrong = bridge
        .json("DELETE", "/api/sms-messages", ADMIN, json!({}))
        .await;
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_before_anybody_asks_who_sent_it() {
    let bridge = Bridge::new();
    let large = "x".repeat((256 << 10) + 1);
    let paths = [
        "/api/sms-gateways/1/send",
        "/api/sms-messages",
        "/nowhere",
        "/api/sms-gateways",
        "/api/sms-gateways/1/dlr",
    ];
    for path in paths {
        let answer = bridge.call("POST", path, &[], large.clone()).await;
        assert_eq!(answer.status, 413, "{path}");
        assert!(answer.json()["message"].is_string());
    }
    let piece = |_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 100 << 10]));
    let pieces = Body::from_stream(futures_util::stream::iter((0..3).map(piece)));
    assert_eq!(bridge.call("POST", paths[0], &[], pieces).await.status, 413);
    let fits = "x".repeat(256 << 10);
    assert_eq!(bridge.call("POST", paths[0], &[], fits).await.status, 401);
}

#[tokio::test]
async fn without_tokens_the_api_is_open() {
    let mut open = config();
    open.api.tokens.clear();
    let bridge = Bridge::with(open, Policy::default());
    assert_eq!(
        bridge
            .call("GET", "/api/sms-gateways", &[], "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_no_json_is_400_what_is_no_object_422_and_what_is_neither_415() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    let send = format!("/api/sms-gateways/{gateway}/send");
    for path in [send.as_str(), "/api/sms-gateways"] {
        for (kind, body, status) in [
            ("application/json", "{\"to", 400),
            ("application/json", "", 400),
            ("application/json", "[1]", 422),
            ("application/json", "\"text\"", 422),
            ("application/json", r#"{"message":"\ud800"}"#, 400),
            ("text/xml", "<a/>", 415),
            ("multipart/form-data; boundary=x", "--x", 415),
        ] {
            let headers = [
                ("authorization", "Bearer adm-token"),
                ("content-type", kind),
            ];
            let answer = bridge.call("POST", path, &headers, body).await;
            assert_eq!(answer.status, status, "{path} {kind} {body}");
            assert!(answer.json()["message"].is_string());
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_503_with_retry_after_and_no_word_about_why() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    bridge.break_disk();
    let answer = bridge.send(gateway, text("hi")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.text.contains("no disk"), "{}", answer.text);
}

#[tokio::test]
async fn a_bridge_that_stops_takes_no_new_message() {
    let bridge = Bridge::new();
    let gateway = bridge.smpp_gateway().await;
    bridge.admission.send_replace(false);
    let answer = bridge.send(gateway, text("hi")).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(bridge.get("/api/sms-gateways", READER).await.status, 200);
}
