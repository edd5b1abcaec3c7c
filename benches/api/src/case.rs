//! The requests: one a family, or a way into it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use serde_json::{Value, json};

/// Stands for a number that each request has anew.
pub const MARK: &str = "########";
/// What is sent: 49 characters, as the lab sends.
pub const TEXT: &str = "The quick brown fox jumps over the lazy dog 12345";
/// What the bridge calls itself.
pub const BASE_URL: &str = "https://bridge.example.com";
pub const TOKEN: &str = "send-token-of-a-usual-length-0123456789";
pub const CALLBACK_TOKEN: &str = "callback-token-0123456789";
pub const USE_CASE: &str = "0f9a1c1e-4b7e-4a52-9a52-5d0a3f6d7c11";

/// The universal accounts.
pub mod account {
    pub const KEY: &str = "key-of-a-usual-length-0123456789abcdef";
    pub const USER: &str = "named";
    pub const PASSWORD: &str = "password-of-a-usual-length";
}

/// The Twilio-compatible account.
pub mod twilio {
    pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
    pub const KEY: &str = "0123456789abcdef0123456789abcdef";
}

/// What an answer looks like from afar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub status: u16,
    pub octets: usize,
    /// Its `Content-Type`; empty: it has none.
    pub kind: String,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    /// It brings a message, or what became of one: the bar is for these.
    pub brings: bool,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// The status that says it was taken, and what the body says then.
    pub status: u16,
    pub says: &'static str,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Case {
    fn new(name: &'static str, method: &'static str, path: impl Into<String>) -> Case {
        Case {
            name,
            brings: method == "POST",
            method,
            path: path.into(),
            headers: Vec::new(),
            body: String::new(),
            status: 200,
            says: "",
        }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Case {
        self.headers.push((name, value.into()));
        self
    }

    fn bearer(self) -> Case {
        self.header("authorization", format!("Bearer {TOKEN}"))
    }

    fn json(mut self, body: &Value) -> Case {
        self.body = body.to_string();
        self.header("content-type", JSON)
    }

    fn form(mut self, body: impl Into<String>) -> Case {
        self.body = body.into();
        self.header("content-type", FORM)
    }

    fn answered(mut self, status: u16, says: &'static str) -> Case {
        (self.status, self.says) = (status, says);
        self
    }

    /// Without the query.
    pub fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The octets, with marks.
    pub fn request(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: bridge.example.com\r\nuser-agent: python-requests/2.32.3\r\n\
             accept-encoding: gzip, deflate\r\naccept: */*\r\nconnection: keep-alive\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        head += &self.body;
        head.into_bytes()
    }
}

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases = gateways();
    cases.extend(from_upstreams());
    cases.extend(use_cases());
    cases.extend(universal());
    cases.extend(reads());
    cases
}

/// Sends through a gateway. The upstream has answered when the message is durable.
fn gateways() -> Vec<Case> {
    const PATH: &str = "/api/sms-gateways/1/send";
    let body = json!({
        "to_number": format!("+49151{MARK}"),
        "from_sender": "12345",
        "message": TEXT,
        "tenant_id": 42,
        "callback_url": "https://app.example.com/verdict/42",
    });
    let form = format!(
        "to_number=%2B49151{MARK}&from_sender=12345&message={}&tenant_id=42\
         &callback_url=https%3A%2F%2Fapp.example.com%2Fverdict%2F42",
        TEXT.replace(' ', "+")
    );
    let send = |name| Case::new(name, "POST", PATH).bearer();
    let waited = "SMS sent successfully.";
    vec![
        send("gateways: send").json(&body).answered(201, waited),
        send("gateways: send, no wait")
            .header("prefer", "respond-async")
            .json(&body)
            .answered(201, "SMS queued."),
        send("gateways: send, key")
            .header("idempotency-key", format!("order-{MARK}"))
            .json(&body)
            .answered(201, waited),
        send("gateways: send, form")
            .form(form)
            .answered(201, waited),
    ]
}

/// What upstreams call with: receipts, and messages for the callbacks.
fn from_upstreams() -> Vec<Case> {
    let report = json!({
        "message_id": format!("7b9c2f6e-{MARK}"), "status": "DELIVRD", "err": "000",
        "subdate": "2611250710", "donedate": "2611250711",
    });
    let dlr = format!("/api/sms-gateways/2/dlr?token={CALLBACK_TOKEN}");
    let jasmin = |what| format!("/webhooks/jasmin/2/{what}?token={CALLBACK_TOKEN}");
    let hex: String = TEXT.bytes().map(|octet| format!("{octet:02x}")).collect();
    let acknowledged = "ACK/Jasmin";
    vec![
        Case::new("gateways: receipt", "POST", dlr)
            .json(&report)
            .answered(200, "DLR received"),
        Case::new("Jasmin: receipt", "POST", jasmin("dlr"))
            .header("accept", "text/plain")
            .form(format!(
                "id=7b9c2f6e-{MARK}&id_smsc=1234&message_status=DELIVRD&level=2&subdate=2611250710\
                 &donedate=2611250711&sub=001&dlvrd=001&err=000&text={}&connector=smsc",
                &TEXT[..20].replace(' ', "+")
            ))
            .answered(200, ""),
        Case::new("Jasmin: message", "POST", jasmin("mo"))
            .form(format!(
                "id=7b9c2f6e-{MARK}&from=49151{MARK}&to=12345&origin-connector=smsc&priority=1\
                 &coding=0&validity=&content={}&binary={hex}",
                TEXT.replace(' ', "+")
            ))
            .answered(200, acknowledged),
        twilio_status(),
    ]
}

/// Signed, so it is the same each time.
fn twilio_status() -> Case {
    const PATH: &str = "/v1/webhook/twilio/sms-status";
    let sid = "SM00000000000000000000000000000abc";
    let parameters = [
        ("AccountSid", twilio::ACCOUNT),
        ("ApiVersion", "2010-04-01"),
        ("From", "+15005550006"),
        ("MessageSid", sid),
        ("MessageStatus", "delivered"),
        ("SmsSid", sid),
        ("SmsStatus", "delivered"),
        ("To", "+14155550100"),
    ];
    let mut signed = format!("{BASE_URL}{PATH}");
    for (name, value) in parameters {
        signed += name;
        signed += value;
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, twilio::KEY.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let pairs = parameters.map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")));
    Case::new("use cases: Twilio status", "POST", PATH)
        .header("x-twilio-signature", signature)
        .form(pairs.join("&"))
        .answered(204, "")
}

fn use_cases() -> Vec<Case> {
    let body = json!({
        "use_case_id": USE_CASE,
        "to_phone_number": format!("+49151{MARK}"),
        "message": TEXT,
    });
    let send = |name| Case::new(name, "POST", "/v1/sms/").bearer().json(&body);
    vec![
        send("use cases: send").answered(201, "\"pending\""),
        send("use cases: send, key")
            .header("idempotency-key", format!("order-{MARK}"))
            .answered(201, "\"pending\""),
    ]
}

fn universal() -> Vec<Case> {
    let body = json!({
        "destination": format!("+49151{MARK}"),
        "sender": "12345",
        "body": TEXT.replace("lazy", "{animal}"),
        "campaignId": "autumn-2026",
        "messageId": format!("7b9c2f6e-0000-4000-8000-0000{MARK}"),
        "enableNotification": true,
        "placeholders": { "animal": "lazy" },
    });
    let send = |name| Case::new(name, "POST", "/api/message-server/sms/send").json(&body);
    let basic = BASE64_STANDARD.encode(format!("{}:{}", account::USER, account::PASSWORD));
    let accepted = "\"accepted\":true";
    vec![
        send("universal: send, key")
            .header("x-api-key", account::KEY)
            .answered(200, accepted),
        send("universal: send, password")
            .header("authorization", format!("Basic {basic}"))
            .answered(200, accepted),
    ]
}

fn reads() -> Vec<Case> {
    let get = |name, path: &str| Case::new(name, "GET", path).bearer();
    vec![
        get("gateways: read", "/api/sms-messages/1000000000")
            .answered(200, "SMS message fetched successfully."),
        get(
            "gateways: list of 50",
            "/api/sms-messages?per_page=50&cursor=a000000003b9aca0000000001",
        )
        .answered(200, "SMS messages fetched successfully."),
    ]
}
