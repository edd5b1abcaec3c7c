//! What an HTTP upstream's answer says: taken, under which id, or refused, and why.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::message::exact;

/// An answer, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// `None`: it took the message and named no id, so no report will ever find it.
    Taken { id: Option<String> },
    /// For good, in the upstream's words.
    Refused { reason: String },
}

/// Names under which an id is looked for, in this order.
const ID_NAMES: [&str; 3] = ["message_id", "id", "messageId"];
/// Names under which a text of Jasmin's may stand; then those of anybody's error.
const TEXT_NAMES: [&str; 2] = ["data", "message"];
const ERROR_NAMES: [&str; 5] = ["message", "error", "detail", "error_message", "description"];
/// A longer one is no id.
const ID_OCTETS_MAX: usize = 255;
/// Characters of a refusal's reason, at most.
const REASON_CHARACTERS_MAX: usize = 500;

/// Reads the answer of a generic or a Jasmin upstream.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(body);
    let json = exact(&text).ok();
    if !status.is_success() {
        let said = json
            .as_ref()
            .and_then(error_of)
            .or_else(|| quoted(&text, "Error"));
        return Verdict::refused(status, said.as_deref().unwrap_or(&text));
    }
    match json {
        Some(Value::Object(members)) => of_members(&members),
        Some(Value::String(text)) => of_text(&text),
        _ => of_text(&text),
    }
}

impl Verdict {
    /// Refused with an HTTP status, which is told only where the upstream says nothing: the record
    /// of its answer has it anyway.
    pub(super) fn refused(status: StatusCode, said: &str) -> Verdict {
        let reason = match said.trim() {
            "" => format!("HTTP {status}"),
            said => said.to_owned(),
        };
        Verdict::Refused {
            reason: bounded(&reason),
        }
    }

    pub(super) fn taken(id: Option<String>) -> Verdict {
        Verdict::Taken {
            id: id.filter(|id| id.len() <= ID_OCTETS_MAX),
        }
    }
}

pub(super) fn bounded(reason: &str) -> String {
    reason.chars().take(REASON_CHARACTERS_MAX).collect()
}

fn of_members(members: &Map<String, Value>) -> Verdict {
    let texts = TEXT_NAMES
        .iter()
        .filter_map(|name| members.get(*name)?.as_str());
    let mut success = None;
    for text in texts {
        if let Some(error) = quoted(text, "Error") {
            return Verdict::Refused {
                reason: bounded(&error),
            };
        }
        success = success.or_else(|| quoted(text, "Success"));
    }
    let nested = members.get("data").and_then(Value::as_object);
    let id = id_of(members)
        .or_else(|| nested.and_then(id_of))
        .or(success);
    match (id, error_in(members)) {
        (None, Some(error)) => Verdict::Refused {
            reason: bounded(&error),
        },
        (id, _) => Verdict::taken(id),
    }
}

/// What a member that is there for errors says. Beside an id it is taken for a remark.
fn error_in(members: &Map<String, Value>) -> Option<String> {
    let mut members = ["error", "errors"].iter().filter_map(|n| members.get(*n));
    let error = members.find(|value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    })?;
    Some(error_of(error).unwrap_or_else(|| error.to_string()))
}

fn of_text(text: &str) -> Verdict {
    match quoted(text, "Error") {
        Some(error) => Verdict::Refused {
            reason: bounded(&error),
        },
        None => Verdict::taken(quoted(text, "Success")),
    }
}

fn id_of(members: &Map<String, Value>) -> Option<String> {
    ID_NAMES
        .iter()
        .find_map(|name| text_of(members.get(*name)?))
}

/// A string that is not empty, or a number as its digits.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The words of a JSON error.
fn error_of(json: &Value) -> Option<String> {
    let Value::Object(members) = json else {
        return json
            .as_str()
            .map(|text| quoted(text, "Error").unwrap_or_else(|| text.to_owned()));
    };
    let mut texts = ERROR_NAMES
        .iter()
        .filter_map(|name| members.get(*name)?.as_str());
    let text = texts.find(|text| !text.is_empty())?;
    Some(quoted(text, "Error").unwrap_or_else(|| text.to_owned()))
}

/// What stands in quotes behind `word`. Jasmin's REST proxy loses the closing quote.
fn quoted(text: &str, word: &str) -> Option<String> {
    let rest = text
        .trim()
        .strip_prefix(word)?
        .trim_start()
        .strip_prefix('"')?;
    let inner = rest.strip_suffix('"').unwrap_or(rest);
    Some(inner.to_owned()).filter(|inner| !inner.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Result<Option<String>, String> {
        match read(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
            Verdict::Taken { id } => Ok(id),
            Verdict::Refused { reason } => Err(reason),
        }
    }

    #[test]
    fn an_id_is_found_wherever_it_may_be() {
        for (body, id) in [
            (r#"{"message_id":"abc-1"}"#, Some("abc-1")),
            (r#"{"message_id":"","id":null,"messageId":"c"}"#, Some("c")),
            (r#"{"id":77}"#, Some("77")),
            (
                r#"{"id":18446744073709551617}"#,
                Some("18446744073709551617"),
            ),
            (r#"{"data":{"messageId":"z"}}"#, Some("z")),
            (r#"{"id":"top","data":{"message_id":"z"}}"#, Some("top")),
            (r#"Success "0703-4812""#, Some("0703-4812")),
            ("Success \"0703-4812\"\n", Some("0703-4812")),
            (r#"{"data":"Success \"0703-4812"}"#, Some("0703-4812")),
            (r#"{"data":"Success \"0703-4812\""}"#, Some("0703-4812")),
            (r#""Success \"0703-4812\"""#, Some("0703-4812")),
            (r#"{"status":"ok"}"#, None),
            (r#"{"id":"a","error":"none"}"#, Some("a")),
            (r#"{"error":null,"errors":[]}"#, None),
            (r#"{"error":"","errors":{}}"#, None),
            (r#"{"error":0}"#, None),
            (r#"{"id":{"a":1}}"#, None),
            ("[1]", None),
            ("OK", None),
            ("", None),
        ] {
            assert_eq!(told(200, body), Ok(id.map(Into::into)), "{body}");
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(256));
        assert_eq!(told(201, &long), Ok(None), "that is no id");
    }

    #[test]
    fn an_error_is_told_in_the_upstreams_words() {
        for (status, body, reason) in [
            (200, r#"Error "No route found""#, "No route found"),
            (
                200,
                r#"{"data":"Error \"No route found"}"#,
                "No route found",
            ),
            (
                200,
                r#"{"message":"Error \"No route found"}"#,
                "No route found",
            ),
            (200, r#"{"error":"no credit"}"#, "no credit"),
            (202, r#"{"error":{"message":"no credit"}}"#, "no credit"),
            (200, r#"{"errors":["no","credit"]}"#, r#"["no","credit"]"#),
            (500, "boom", "boom"),
            (503, "", "HTTP 503 Service Unavailable"),
            (302, "", "HTTP 302 Found"),
            (412, r#"Error "No route found""#, "No route found"),
            (
                403,
                r#"{"message":"Error \"Authentication failure"}"#,
                "Authentication failure",
            ),
            (400, r#"{"error":"bad number"}"#, "bad number"),
            (400, r#"{"x":1}"#, r#"{"x":1}"#),
        ] {
            assert_eq!(told(status, body), Err(reason.into()), "{body}");
        }
        let long = told(500, &"ä".repeat(9000)).unwrap_err();
        assert_eq!(long.chars().count(), 500);
    }
}
