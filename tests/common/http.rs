//! A client of the API, one connection a request, octets as the test wants them.

use super::wait_for;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const ADMIN: &str = "adm-token";
pub(crate) const SENDER: &str = "send-token";
pub(crate) const READER: &str = "read-token";

/// No answer of the bridge takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{}: {e}: {}", self.status, self.text()))
    }

    /// A member, which has to be the same at top level and in `data`.
    pub(crate) fn member(&self, name: &str) -> Value {
        let json = self.json();
        assert_eq!(json.get(name), json["data"].get(name), "{name} in {json}");
        json[name].clone()
    }

    pub(crate) fn id(&self) -> u64 {
        self.member("id").as_u64().unwrap()
    }

    /// The names of the fields that were wrong.
    pub(crate) fn fields(&self) -> Vec<String> {
        let json = self.json();
        assert!(json["message"].is_string(), "{json}");
        let errors = json["errors"].as_object();
        errors
            .map(|e| e.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Holds an error to the shape of the gateway API.
    pub(crate) fn must_be_error(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{status}"
        );
        let json = self.json();
        assert!(
            json["message"].as_str().is_some_and(|m| !m.is_empty()),
            "{json}"
        );
        if let Some(errors) = json.get("errors") {
            let texts = errors.as_object().unwrap().values();
            for text in texts {
                assert!(text.as_array().unwrap().iter().all(Value::is_string));
            }
        }
    }
}

impl Http {
    /// Writes the octets and reads one answer.
    pub(crate) async fn try_raw(&self, octets: &[u8]) -> io::Result<Answer> {
        let exchange = async {
            let stream = TcpStream::connect(self.address).await?;
            let (mut input, mut output) = stream.into_split();
            // A server may answer, and stop reading, before it has everything.
            let write = async {
                let _ = output.write_all(octets).await;
            };
            let (_, answer) = tokio::join!(write, read_answer(&mut input));
            answer
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    pub(crate) async fn raw(&self, octets: &[u8]) -> Answer {
        match self.try_raw(octets).await {
            Ok(answer) => answer,
            Err(e) => panic!(
                "no answer to {:?}: {e}",
                String::from_utf8_lossy(&octets[..octets.len().min(200)])
            ),
        }
    }

    pub(crate) async fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> io::Result<Answer> {
        self.try_raw(&self.request(method, path, headers, body.as_ref()))
            .await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.raw(&self.request(method, path, headers, body.as_ref()))
            .await
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut octets = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        for (name, value) in headers {
            octets.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        octets.extend_from_slice(b"\r\n");
        octets.extend_from_slice(body);
        octets
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.call("GET", path, &[("authorization", &bearer)], "")
            .await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        self.json_with(method, path, token, &[], body).await
    }

    pub(crate) async fn json_with(
        &self,
        method: &str,
        path: &str,
        token: &str,
        more: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend_from_slice(more);
        self.call(method, path, &headers, body.to_string()).await
    }

    /// Creates a gateway; its id.
    pub(crate) async fn create(&self, body: Value) -> u64 {
        let made = self.json("POST", "/api/sms-gateways", ADMIN, body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.id()
    }

    /// Creates one over HTTP, `change` laid over what it needs.
    pub(crate) async fn create_http(&self, change: Value) -> u64 {
        self.create(super::with(http_gateway(), change)).await
    }

    pub(crate) async fn patch(&self, gateway: u64, body: Value) -> Answer {
        let path = format!("/api/sms-gateways/{gateway}");
        let changed = self.json("PATCH", &path, ADMIN, body).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        changed
    }

    pub(crate) async fn gateway(&self, gateway: u64) -> Answer {
        self.get(&format!("/api/sms-gateways/{gateway}"), ADMIN)
            .await
    }

    pub(crate) async fn send(&self, gateway: u64, body: Value) -> Answer {
        self.send_with(gateway, &[], body).await
    }

    pub(crate) async fn send_with(
        &self,
        gateway: u64,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answer {
        let path = format!("/api/sms-gateways/{gateway}/send");
        self.json_with("POST", &path, SENDER, headers, body).await
    }

    /// Sends without waiting for the upstream; the message's id.
    pub(crate) async fn queue(&self, gateway: u64, body: Value) -> u64 {
        let sent = self
            .send_with(gateway, &[("prefer", "respond-async")], body)
            .await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        sent.id()
    }

    pub(crate) async fn dlr(&self, gateway: u64, body: Value) -> Answer {
        let path = format!("/api/sms-gateways/{gateway}/dlr");
        let json = [("content-type", "application/json")];
        self.call("POST", &path, &json, body.to_string()).await
    }

    pub(crate) async fn record(&self, id: u64) -> Value {
        let answer = self.get(&format!("/api/sms-messages/{id}"), READER).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].clone()
    }

    pub(crate) async fn events(&self, id: u64) -> Vec<Value> {
        let path = format!("/api/sms-messages/{id}/events");
        let answer = self.get(&path, READER).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn event_types(&self, id: u64) -> Vec<String> {
        let events = self.events(id).await;
        let types = events.iter().map(|e| e["type"].as_str().unwrap().into());
        types.collect()
    }

    pub(crate) async fn until_state(&self, id: u64, state: &str) -> Value {
        wait_for(&format!("state {state} of message {id}"), async || {
            let record = self.record(id).await;
            (record["state"] == state).then_some(record)
        })
        .await
    }

    /// All MOs in a state, newest first.
    pub(crate) async fn mos(&self, state: &str) -> Vec<Value> {
        let answer = self
            .get(&format!("/api/mo-messages?state={state}"), READER)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn metrics(&self) -> String {
        self.call("GET", "/metrics", &[], "").await.text()
    }

    /// Holds the daemon to being there.
    pub(crate) async fn must_live(&self) {
        assert_eq!(self.call("GET", "/livez", &[], "").await.status, 200);
    }
}

/// The four members that a gateway needs, and nobody listens there.
pub(crate) fn http_gateway() -> Value {
    json!({
        "name": "prov", "provider_type": "http",
        "server_host": "127.0.0.1", "server_port": 18090,
    })
}

async fn read_answer(input: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Answer> {
    let mut octets = Vec::new();
    let head = loop {
        if let Some(end) = octets.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if input.read_buf(&mut octets).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let text = std::str::from_utf8(&octets[..head]).map_err(|_| invalid())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|s| s.parse().ok()).ok_or_else(invalid)?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().into(), value.trim().into()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse::<usize>().ok());
    let mut body = octets.split_off(head + 4);
    while length.is_none_or(|length| body.len() < length) {
        if input.read_buf(&mut body).await? == 0 {
            break;
        }
    }
    if length.is_some_and(|length| body.len() < length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}
