//! Wrong credentials by source address, for every way to prove who calls.
//!
//! Method: the test is a proxy that the bridge trusts, so that it can call from anywhere.

mod common;

use common::{ADMIN, Answer, Bridge, Http, reference, set};
use serde_json::json;
use std::net::SocketAddr;

/// A bridge behind a proxy on this machine, that listens to three wrong credentials a minute.
async fn behind_a_proxy() -> Bridge {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut config = reference(nobody);
    set(&mut config, "http", "trusted_proxies", vec!["127.0.0.1/32"]);
    set(&mut config, "limits", "auth_failures_per_minute", 3);
    Bridge::start(&config).await
}

/// A route with a way to prove who calls.
struct Door {
    method: &'static str,
    path: String,
    header: &'static str,
    wrong: &'static str,
    right: &'static str,
    refusal: u16,
}

impl Door {
    async fn knock(&self, http: Http, from: &str, credential: &str) -> Answer {
        let headers = [
            ("x-forwarded-for", from),
            (self.header, credential),
            ("content-type", "application/json"),
        ];
        http.call(self.method, &self.path, &headers, "{}").await
    }
}

#[tokio::test]
async fn who_tries_too_many_credentials_is_not_listened_to_for_a_while() {
    let bridge = behind_a_proxy().await;
    let http = bridge.http;
    let gateway = http.create_http(json!({ "callback_token": "tok-6" })).await;
    let doors = [
        Door {
            method: "GET",
            path: "/api/sms-gateways".into(),
            header: "authorization",
            wrong: "Bearer x",
            right: "Bearer adm-token",
            refusal: 401,
        },
        Door {
            method: "POST",
            path: "/api/message-server/sms/send".into(),
            header: "x-api-key",
            wrong: "x",
            right: "uk-acme",
            refusal: 401,
        },
        Door {
            method: "POST",
            path: format!("/api/sms-gateways/{gateway}/dlr"),
            header: "x-callback-token",
            wrong: "x",
            right: "tok-6",
            refusal: 403,
        },
    ];
    for (number, door) in doors.iter().enumerate() {
        let stranger = format!("192.0.2.{number}");
        for _ in 0..3 {
            let refused = door.knock(http, &stranger, door.wrong).await;
            assert_eq!(refused.status, door.refusal, "{}", door.path);
        }
        for credential in [door.wrong, door.right] {
            let limited = door.knock(http, &stranger, credential).await;
            assert_eq!(limited.status, 429, "{}", door.path);
            let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        let other = door.knock(http, "198.51.100.1", door.right).await;
        assert!(![401, 403, 429].contains(&other.status), "{}", other.status);
    }
    let metrics = http.metrics().await;
    assert!(metrics.contains("smpp_bridge_http_auth_limited_total 6"));
}

#[tokio::test]
async fn neither_loopback_nor_who_shows_no_credential_is_limited() {
    let bridge = behind_a_proxy().await;
    let http = bridge.http;
    for _ in 0..10 {
        assert_eq!(http.get("/api/sms-gateways", "wrong").await.status, 401);
        let stranger = [("x-forwarded-for", "192.0.2.1")];
        let answer = http.call("GET", "/api/sms-gateways", &stranger, "").await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(http.get("/api/sms-gateways", ADMIN).await.status, 200);
}
