//! One message's answer among the others'.

use axum::response::Response;
use http::header;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::send::idempotency;

/// What an answer says outside of its body.
#[derive(Debug, Serialize, JsonSchema)]
struct Head {
    /// Which one, from 1: of a stream the line, of an array the item.
    #[schemars(range(min = 1))]
    number: u64,
    /// The status that the message would have got alone.
    #[schemars(range(min = 200, max = 599))]
    status: u16,
    /// Seconds after which to come again, where there is a use in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The answer is that of an earlier request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
}

/// What became of one message of a batch.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "BatchVerdict")]
#[expect(dead_code, reason = "it says of what members `of` makes a verdict")]
pub(super) struct Verdict {
    #[serde(flatten)]
    head: Head,
    /// The body that the message would have got alone.
    body: Map<String, Value>,
}

/// The verdict that an answer is.
pub(super) async fn of(number: u64, answer: Response) -> Vec<u8> {
    let (parts, body) = answer.into_parts();
    let seconds = parts.headers.get(header::RETRY_AFTER);
    let head = Head {
        number,
        status: parts.status.as_u16(),
        retry_after: seconds.and_then(|s| s.to_str().ok()?.parse().ok()),
        replayed: parts.headers.contains_key(idempotency::REPLAYED),
    };
    // It is in memory as a whole: nothing is waited for, and nothing fails.
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let mut out = Vec::with_capacity(body.len() + 64);
    serde_json::to_writer(&mut out, &head).expect("a verdict is plain data, and memory takes it");
    out.pop();
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(if body.is_empty() { b"null" } else { &body });
    out.push(b'}');
    out
}
