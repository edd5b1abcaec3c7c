//! `remote_response`: what an upstream said, kept within bounds and without secrets.

use super::exact;
use serde_json::{Map, Value, json};
use smpp_protocol::command::CommandStatus;

/// Members of `remote_response`, at most.
const REMOTE_MEMBERS_MAX: usize = 64;
/// Octets of `remote_response` as JSON, at most.
const REMOTE_OCTETS_MAX: usize = 16 * 1024;
/// Characters of an answer that is no JSON object, at most: an error page says it all at its
/// beginning.
const TEXT_CHARACTERS_MAX: usize = 4096;
/// Members that never show, whoever sent them.
const SECRET_MEMBERS: [&str; 3] = ["token", "callback_token", "password"];

pub(super) fn status_members(status: CommandStatus) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("command_status".into(), json!(status.0));
    members.insert("command_status_name".into(), json!(status.to_string()));
    members
}

/// An HTTP upstream's answer, as it was recorded: `{"http_status":…, "body":…}`.
pub(super) fn http_answer(recorded: &str) -> Map<String, Value> {
    let Ok(Value::Object(mut record)) = serde_json::from_str::<Value>(recorded) else {
        return Map::new();
    };
    let body = record.remove("body").unwrap_or(Value::Null);
    let body = match body {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        Value::String(raw) => Map::from_iter([("raw".to_owned(), Value::String(raw))]),
        other => Map::from_iter([("raw".to_owned(), Value::String(other.to_string()))]),
    };
    // First, so that it is not what a long answer is cut by.
    let mut members = Map::new();
    if let Some(status) = record.remove("http_status") {
        members.insert("http_status".into(), status);
    }
    for (name, value) in body {
        members.entry(name).or_insert(value);
    }
    bound(&mut members);
    members
}

/// What is kept of an HTTP upstream's answer: the form in which it is recorded. `body` is cut
/// at the limit of `remote_response`, and `secrets` are blotted out wherever they stand.
pub fn recorded_answer(status: u16, body: &[u8], secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(body);
    let body = match exact(&text) {
        Ok(Value::Object(mut members)) => {
            bound(&mut members);
            Value::Object(members)
        }
        _ => Value::String(text.chars().take(TEXT_CHARACTERS_MAX).collect()),
    };
    let recorded = json!({ "http_status": status, "body": secrets.blotted(body) });
    recorded.to_string()
}

/// What an upstream must never be quoted with.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

/// Shorter ones are left: they are part of too many words, and no secrets worth the name.
const SECRET_OCTETS_MIN: usize = 6;
const BLOT: &str = "***";

impl Secrets {
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Secrets {
        let long = |s: &String| s.len() >= SECRET_OCTETS_MIN;
        Secrets(secrets.into_iter().filter(long).collect())
    }

    /// The text without them.
    pub fn blot(&self, text: &str) -> String {
        let secrets = self.0.iter();
        secrets.fold(text.to_owned(), |text, s| text.replace(s, BLOT))
    }

    fn blotted(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.blot(&text)),
            Value::Array(items) => items.into_iter().map(|v| self.blotted(v)).collect(),
            Value::Object(members) => {
                let members = members.into_iter();
                let blotted = members.map(|(name, v)| (self.blot(&name), self.blotted(v)));
                Value::Object(blotted.collect())
            }
            other => other,
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Drops secrets, and cuts what is beyond the limits, saying so.
pub(super) fn bound(members: &mut Map<String, Value>) {
    members.retain(|name, _| !SECRET_MEMBERS.contains(&name.as_str()));
    let mut octets = 2;
    let mut kept = 0;
    let before = members.len();
    members.retain(|name, value| {
        octets += name.len() + value.to_string().len() + 4;
        let keep = kept < REMOTE_MEMBERS_MAX && octets <= REMOTE_OCTETS_MAX;
        kept += usize::from(keep);
        keep
    });
    if members.len() < before {
        members.insert("truncated".into(), Value::Bool(true));
    }
}

pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Value {
        let secrets = Secrets::new(["s3cret-pass".to_owned(), "ab".to_owned()]);
        Value::Object(http_answer(&recorded_answer(
            status,
            body.as_bytes(),
            &secrets,
        )))
    }

    #[test]
    fn an_answer_reads_back_as_it_was_recorded() {
        for (body, expected) in [
            (
                r#"{"message_id":"abc-1","cost":1}"#,
                json!({"message_id": "abc-1", "cost": 1, "http_status": 200}),
            ),
            (
                r#"{"token":"t","echo":{"pw":["s3cret-pass"]}}"#,
                json!({"echo": {"pw": ["***"]}, "http_status": 200}),
            ),
            (
                "Error \"wrong s3cret-pass\"",
                json!({"raw": "Error \"wrong ***\"", "http_status": 200}),
            ),
            ("[1,2]", json!({"raw": "[1,2]", "http_status": 200})),
            ("", json!({"raw": "", "http_status": 200})),
        ] {
            assert_eq!(told(200, body), expected, "{body}");
        }
    }

    #[test]
    fn an_answer_is_cut_at_its_limit() {
        let raw = told(500, &"ä".repeat(40_000));
        assert_eq!(raw["raw"].as_str().unwrap().chars().count(), 4096);
        let many: Map<String, Value> = (0..100).map(|n| (format!("m{n}"), json!(n))).collect();
        let kept = told(200, &Value::Object(many).to_string());
        assert_eq!(kept["truncated"], true);
        assert_eq!(kept.as_object().unwrap().len(), REMOTE_MEMBERS_MAX + 1);
        assert_eq!(kept["http_status"], 200);
    }
}
