//! The envelope `{"message":…,"data":…}`, whose members a single object repeats at top level.
//!
//! An object is written once and its octets are spliced in twice.

use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::object::{Members, Object};
use crate::openapi::Operation;

/// A JSON object as octets, with the place of its member `message`, which the top level must not
/// repeat: there it is the envelope's own.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    octets: Vec<u8>,
    /// With the comma before it.
    message: Range<usize>,
}

/// What stands before a record's text. In no text is it written so: there, quotes are escaped.
const MESSAGE: &[u8] = b",\"message\":";

impl Rendered {
    /// An object without a member `message`.
    pub(super) fn of(object: &impl Serialize) -> Self {
        let octets = serde_json::to_vec(object).expect("a record is plain data");
        debug_assert!(octets.first() == Some(&b'{') && octets.len() > 2);
        Self {
            octets,
            message: 0..0,
        }
    }

    /// An object that is written already, without a member `message`.
    pub(super) fn written(octets: Vec<u8>) -> Self {
        Self {
            octets,
            message: 0..0,
        }
    }

    /// The members of `before`, then `message`, then the members of `after`. `before` may not be
    /// empty.
    pub(super) fn around(before: &impl Members, message: &str, after: &impl Members) -> Self {
        let mut octets = Vec::with_capacity(1024 + message.len());
        before.write(&mut Object(&mut octets));
        octets[0] = b'{';
        let begin = octets.len();
        Object(&mut octets).add("message", &message);
        let end = octets.len();
        after.write(&mut Object(&mut octets));
        octets.push(b'}');
        Self {
            octets,
            message: begin..end,
        }
    }

    /// The whole answer.
    pub(super) fn in_envelope(&self, message: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * self.octets.len() + message.len() + 32);
        out.extend_from_slice(b"{\"message\":");
        write(&mut out, &message);
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(&self.octets);
        out.push(b',');
        let last = self.octets.len() - 1;
        if self.message.is_empty() {
            out.extend_from_slice(&self.octets[1..last]);
        } else {
            out.extend_from_slice(&self.octets[1..self.message.start]);
            out.extend_from_slice(&self.octets[self.message.end..last]);
        }
        out.push(b'}');
        out
    }

    /// The answer without the members that the top level repeats: half of it, and all that
    /// [`whole`] needs.
    pub(super) fn in_short(&self, message: &str) -> String {
        let mut out = Vec::with_capacity(self.octets.len() + message.len() + 32);
        out.extend_from_slice(b"{\"message\":");
        write(&mut out, &message);
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(&self.octets);
        out.push(b'}');
        String::from_utf8(out).expect("JSON is UTF-8")
    }
}

/// The answer that was put [`in_short`](Rendered::in_short); `None`: it is none.
pub(super) fn whole(short: &str) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Short<'a> {
        message: String,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        message: Option<&'a RawValue>,
    }
    let Short { message, data } = serde_json::from_str(short).ok()?;
    let record: Record<'_> = serde_json::from_str(data.get()).ok()?;
    let octets = data.get().as_bytes();
    let begin = octets.windows(MESSAGE.len()).position(|w| w == MESSAGE);
    let place = match (begin, record.message) {
        (Some(begin), Some(text)) => begin..begin + MESSAGE.len() + text.get().len(),
        _ => 0..0,
    };
    let record = Rendered {
        octets: octets.to_vec(),
        message: place,
    };
    Some(record.in_envelope(&message))
}

fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("a record is plain data, and memory takes it");
}

/// `{"message":…,"data":{…},…}`
pub(super) fn single(status: StatusCode, message: &str, object: &Rendered) -> Response {
    json(status, object.in_envelope(message))
}

/// `{"message":…,"data":[…]}`, and `pagination` where there is any.
pub(super) fn list(message: &str, rows: &[Rendered], pagination: Option<Value>) -> Response {
    let mut out = Vec::with_capacity(64 + rows.iter().map(|r| r.octets.len() + 1).sum::<usize>());
    out.extend_from_slice(b"{\"message\":");
    write(&mut out, &message);
    out.push(b',');
    write_rows(&mut out, rows);
    if let Some(pagination) = pagination {
        out.extend_from_slice(b",\"pagination\":");
        write(&mut out, &pagination);
    }
    out.push(b'}');
    json(StatusCode::OK, out)
}

/// `{"data":[…]}`, after `message` where there is one.
pub(super) fn rows(message: Option<&str>, rows: &[Rendered]) -> Response {
    let mut out = Vec::with_capacity(64 + rows.iter().map(|r| r.octets.len() + 1).sum::<usize>());
    out.push(b'{');
    if let Some(message) = message {
        out.extend_from_slice(b"\"message\":");
        write(&mut out, &message);
        out.push(b',');
    }
    write_rows(&mut out, rows);
    out.push(b'}');
    json(StatusCode::OK, out)
}

fn write_rows(out: &mut Vec<u8>, rows: &[Rendered]) {
    out.extend_from_slice(b"\"data\":[");
    for (number, row) in rows.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&row.octets);
    }
    out.push(b']');
}

/// Describes [`single`].
pub(super) fn describe_single<T: JsonSchema>(
    operation: &mut Operation<'_>,
    status: u16,
    description: &str,
) {
    let object = operation.schema_of::<T>();
    let envelope = json!({
        "type": "object",
        "properties": { "message": { "type": "string" }, "data": object },
        "required": ["message", "data"],
    });
    // The members once more, but for `message`, which is a string in both.
    let both = json!({ "allOf": [envelope, object] });
    operation.answers_with(status, description, "application/json", both);
}

/// Describes [`list`].
pub(super) fn describe_list<T: JsonSchema>(operation: &mut Operation<'_>, description: &str) {
    let row = operation.schema_of::<T>();
    let count = json!({ "type": "integer", "minimum": 0 });
    let next = json!({ "type": ["string", "null"], "pattern": "^[ab]?[0-9a-f]{16,24}$" });
    let list = json!({
        "type": "object",
        "properties": {
            "message": { "type": "string" },
            "data": { "type": "array", "items": row },
            "pagination": {
                "type": "object",
                "properties": {
                    "page": count, "per_page": count, "total": count, "next_cursor": next,
                },
                "required": ["per_page"],
            },
        },
        "required": ["message", "data"],
    });
    operation.answers_with(200, description, "application/json", list);
}

/// A refusal, in whichever family's words: what its status asks for goes into the headers.
/// `challenge` tells with 401 how to prove oneself.
pub(super) fn refusal(
    status: StatusCode,
    body: &impl Serialize,
    retry_after_s: Option<u64>,
    challenge: &'static str,
) -> Response {
    let body = serde_json::to_vec(body).expect("an error is plain data");
    let mut response = json(status, body);
    let headers = response.headers_mut();
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(challenge);
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An answer of JSON text.
pub(super) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    struct Part(&'static str, &'static str);
    impl Members for Part {
        fn write(&self, object: &mut Object<'_>) {
            object.add(self.0, &self.1);
        }
    }

    #[test]
    fn a_single_object_repeats_its_members_but_not_message() {
        let rendered = Rendered::around(&Part("id", "1"), "te\"xt", &Part("state", "queued"));
        let answer: Value = serde_json::from_slice(&rendered.in_envelope("Sent.")).unwrap();
        assert_eq!(
            answer,
            json!({
                "message": "Sent.",
                "data": {"id": "1", "message": "te\"xt", "state": "queued"},
                "id": "1",
                "state": "queued",
            })
        );
        let plain = Rendered::of(&json!({"id": 2}));
        let answer: Value = serde_json::from_slice(&plain.in_envelope("Read.")).unwrap();
        assert_eq!(
            answer,
            json!({"message": "Read.", "data": {"id": 2}, "id": 2})
        );
    }

    #[test]
    fn an_answer_in_short_is_made_whole_again() {
        struct Nested(Map<String, Value>);
        impl Members for Nested {
            fn write(&self, object: &mut Object<'_>) {
                object.add("remote_response", &Some(&self.0));
            }
        }
        let tricky = Part("from", "\",\"message\":\"x\\");
        let nested = Nested(Map::from_iter([("message".into(), json!(1))]));
        let rendered = Rendered::around(&tricky, "te\"xt,\"message\":", &nested);
        let without = Rendered::of(&json!({"id": 2, "r": {"a": 1, "message": 1}}));
        for rendered in [rendered, without] {
            let answer = rendered.in_envelope("Sent \"it\".");
            let short = rendered.in_short("Sent \"it\".");
            assert_eq!(whole(&short).as_ref(), Some(&answer));
            let answer_again = whole(std::str::from_utf8(&answer).unwrap());
            assert_eq!(
                answer_again.as_ref(),
                Some(&answer),
                "what is whole stays so"
            );
        }
        assert_eq!(whole("{}"), None);
    }
}
