//! `remote_response`: what an upstream said, kept within bounds and without secrets.

use serde_json::{Map, Value, json};
use smpp_protocol::command::CommandStatus;

/// Members of `remote_response`, at most.
const REMOTE_MEMBERS_MAX: usize = 64;
/// Octets of `remote_response` as JSON, at most.
const REMOTE_OCTETS_MAX: usize = 16 * 1024;
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
    let mut members = match body {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        Value::String(raw) => Map::from_iter([("raw".to_owned(), Value::String(raw))]),
        other => Map::from_iter([("raw".to_owned(), Value::String(other.to_string()))]),
    };
    if let Some(status) = record.remove("http_status") {
        members.insert("http_status".into(), status);
    }
    bound(&mut members);
    members
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
