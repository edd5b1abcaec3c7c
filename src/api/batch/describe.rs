//! What is said about sending many messages in one request.

use serde_json::{Value, json};

use super::verdict::Verdict;
use super::{ITEMS_MAX, KEY_MEMBER, LINE_OCTETS_MAX, NDJSON};
use crate::api::send::idempotency::{HEADER, KEY_OCTETS_MAX};
use crate::openapi::{Operation, Schema};

/// Whether its messages may have a key against repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Keys {
    /// By header and member.
    Idempotency,
    /// The family has names of its own for its messages.
    Own,
}

/// Describes [`super::Upload`] and [`super::answer`]; `item` is what the single send takes,
/// `others` the members beside `data` in the answer to an array.
pub(in super::super) fn batch(
    operation: &mut Operation<'_>,
    item: Value,
    example: Value,
    keys: Keys,
    others: &[&str],
) {
    let mut says = format!(
        "An array of at most {ITEMS_MAX} messages is answered as a whole. A body of \
         `{NDJSON}`, a message a line of at most {LINE_OCTETS_MAX} octets, is of any length: \
         each line is answered by a line as soon as it is durable, in order, while the next ones \
         come in. Read the answers while you write, or both ends wait for the other. A line that \
         finds the queue full, or the rate spent, waits for up to 30 seconds.\n\nEach message is \
         answered as if it had come alone, and asked not to wait for the upstream: one that is \
         refused does not touch the others. Of a broken connection every line that was answered \
         counts, and of the others some may."
    );
    if keys == Keys::Idempotency {
        says += &format!(
            "\n\nA message's own `{KEY_MEMBER}`, or else the `{HEADER}` of the request with the \
             message's number, makes a repeat safe: what was taken is answered as before."
        );
        let key = Schema::text(1..=KEY_OCTETS_MAX)
            .says("Makes a key for each message that has none, with its number.");
        operation.header(HEADER, key);
    }
    // Whatever it is, it has a verdict.
    let one = json!({ "anyOf": [item, {}] });
    let array = json!({ "type": "array", "maxItems": ITEMS_MAX, "items": one });
    let lines = json!({ "type": "string" });
    operation
        .says(&says)
        .takes(array)
        .takes_as(
            NDJSON,
            json!({ "description": "Lines, each of which has a verdict." }),
        )
        .example("two", example);
    let verdict = operation.schema_of::<Verdict>();
    let mut whole = json!({
        "type": "object",
        "properties": { "data": { "type": "array", "items": verdict } },
        "required": ["data"],
    });
    for other in others {
        whole["properties"][other] = json!({ "type": "string" });
    }
    operation
        .answers_with(
            200,
            "A verdict for each, in order.",
            "application/json",
            whole,
        )
        .answers_with(200, "A verdict for each, in order.", NDJSON, lines)
        .refuses(400, "The body is not valid JSON, or ended early.")
        .refuses(415, "The body is neither JSON nor lines of it.")
        .refuses(422, "The body is no array, or one of too many messages.");
}
