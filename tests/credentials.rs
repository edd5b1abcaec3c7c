//! Credentials: wrong ones by source address, for every way to prove who calls; and a configuration
//! that holds only their hashes.
//!
//! Method: the test is a proxy that the bridge trusts, so that it can call from anywhere. Hashes are
//! made by the command that makes them.

mod common;

use base64::Engine as _;
use common::{ADMIN, Answer, Bridge, Http, reference, set};
use serde_json::json;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

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

/// What `smpp-bridge hash` says to a line on its standard input; None: it refuses.
fn hash(line: &str, arguments: &[&str]) -> Option<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
        .arg("hash")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    drop(input);
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    let secret = line.trim_end();
    assert!(secret.is_empty() || !said.contains(secret), "{said}");
    let printed = String::from_utf8(done.stdout).unwrap();
    done.status.success().then(|| printed.trim_end().to_owned())
}

/// The reference configuration with nothing in clear: the admin's token, and the account's key and
/// password.
fn hashed() -> (toml::Table, [String; 3]) {
    let token = "e5f1c9a40d3b42a7b6c8d1e2f3a4b5c6";
    let hashes = [
        hash(&format!("{token}\n"), &[]).unwrap(),
        hash("uk-acme-0123456789abcdef0123", &[]).unwrap(),
        hash("acme-pass\r\n", &["--password"]).unwrap(),
    ];
    let mut config = reference(SocketAddr::from(([127, 0, 0, 1], 9)));
    let tokens = config["api"]["tokens"].as_array_mut().unwrap();
    let admin = tokens[0].as_table_mut().unwrap();
    admin.remove("token");
    admin.insert("token_sha256".into(), hashes[0].clone().into());
    let accounts = config["universal"]["accounts"].as_array_mut().unwrap();
    let account = accounts[0].as_table_mut().unwrap();
    account.remove("api_key");
    account.remove("password");
    account.insert("api_key_sha256".into(), hashes[1].clone().into());
    account.insert("password_hash".into(), hashes[2].clone().into());
    (config, hashes)
}

fn basic(password: &str) -> String {
    let pair = base64::prelude::BASE64_STANDARD.encode(format!("acme:{password}"));
    format!("Basic {pair}")
}

#[tokio::test]
async fn a_hash_in_the_configuration_lets_its_secret_in_and_nothing_else() {
    let (config, hashes) = hashed();
    let bridge = Bridge::start(&config).await;
    let http = bridge.http;
    for (token, status) in [
        ("e5f1c9a40d3b42a7b6c8d1e2f3a4b5c6", 200),
        ("e5f1c9a40d3b42a7b6c8d1e2f3a4b5c7", 401),
        (hashes[0].as_str(), 401),
        ("send-token", 200),
    ] {
        assert_eq!(
            http.get("/api/sms-gateways", token).await.status,
            status,
            "{token}"
        );
    }
    let credentials = [
        ("x-api-key", "uk-acme-0123456789abcdef0123".to_owned(), 400),
        ("x-api-key", hashes[1].clone(), 401),
        ("authorization", basic("wrong"), 401),
        ("authorization", basic("acme-pass"), 400),
        ("authorization", basic("acme-pass"), 400),
        ("authorization", basic("wrong"), 401),
        ("authorization", basic(&hashes[2]), 401),
    ];
    for (header, value, status) in credentials {
        let headers = [
            (header, value.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = http
            .call("POST", "/api/message-server/sms/send", &headers, "{}")
            .await;
        assert_eq!(answer.status, status, "{header}: {value}");
    }
    let shown = bridge.log() + &http.metrics().await;
    for secret in hashes
        .iter()
        .map(String::as_str)
        .chain(["acme-pass", "e5f1c9a40d3b"])
    {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn a_token_that_could_be_found_by_trying_and_an_empty_line_are_not_hashed() {
    assert_eq!(hash("adm-token\n", &[]), None);
    assert_eq!(hash("\n", &["--password"]), None);
    assert!(hash("adm-token\n", &["--password"]).is_some());
}

/// Many strangers at once who know a user name cannot keep its owner, or anybody else, out.
#[tokio::test]
async fn a_flood_of_wrong_passwords_is_bounded() {
    let (config, _) = hashed();
    let bridge = Bridge::start(&config).await;
    let http = bridge.http;
    let call = move |password: String| async move {
        let headers = [
            ("authorization", password.as_str()),
            ("content-type", "application/json"),
        ];
        http.call("POST", "/api/message-server/sms/send", &headers, "{}")
            .await
    };
    assert_eq!(call(basic("acme-pass")).await.status, 400, "proved once");
    let wrong = (0..200).map(|n| tokio::spawn(call(basic(&format!("wrong-{n}")))));
    let wrong: Vec<_> = wrong.collect();
    assert_eq!(call(basic("acme-pass")).await.status, 400);
    let mut limited = 0;
    for one in wrong {
        let answer = one.await.unwrap();
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            limited += 1;
        }
    }
    assert!(limited > 0);
}
