//! What is said about delivery reports.

use serde_json::{Map, Value, json};

use super::report::{ID_NAMES, REPORTS_MAX, STATUS_NAMES};
use crate::api::gateways;
use crate::openapi::{Operation, Schema, Scheme};

const TAG: &str = "Reports";

pub(in super::super) fn post(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "reportDelivery",
        "A delivery report of an HTTP provider",
    );
    describe_post(operation);
}

pub(in super::super) fn post_alias(operation: &mut Operation<'_>) {
    operation.named(TAG, "reportJasminDelivery", "A delivery report of Jasmin");
    describe_post(operation);
}

pub(in super::super) fn get(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "reportJasminDeliveryByGet",
        "A delivery report of Jasmin, in the query",
    );
    describe(operation);
}

fn describe_post(operation: &mut Operation<'_>) {
    let report = report();
    let many = json!({ "type": "array", "items": report, "maxItems": REPORTS_MAX });
    operation
        .may_have_no_body()
        .takes(json!({ "anyOf": [report, many] }))
        .takes_as("application/x-www-form-urlencoded", report)
        .example(
            "delivered",
            json!({ "message_id": "b5f8e2", "status": "DELIVRD" }),
        );
    describe(operation);
    operation
        .refuses(400, "The body is not valid JSON, or ended early.")
        .refuses(415, "The body is neither JSON nor a form.")
        .refuses(
            422,
            "The body is neither an object nor an array of objects, or has no status where the \
             configuration asks for one.",
        );
}

fn describe(operation: &mut Operation<'_>) {
    let text = json!({ "type": "string", "const": "ACK/Jasmin" });
    let received = json!({
        "type": "object",
        "properties": { "message": { "type": "string" } },
        "required": ["message"],
    });
    operation
        .says(
            "The first of `message_id`, `id`, `messageId` that says something names the message, \
             the first of `status`, `message_status` tells what became of it; without any it was \
             delivered. Query parameters stand in for members that are not there. Reports about \
             unknown messages are kept.\n\nWhere the gateway has a `callback_token`, the report \
             has to carry it in one of the ways below.",
        )
        .answers_with(200, "It was received.", "application/json", received)
        .answers_with(
            200,
            "It was received; the text where `Accept` asks for nothing else.",
            "text/plain",
            text,
        )
        .refuses(422, "It has no status, and the configuration asks for one.");
    carries_token(operation);
}

/// How a gateway's upstream proves that it is the one.
pub(in super::super) fn carries_token(operation: &mut Operation<'_>) {
    operation
        .may_be_anonymous()
        .requires(TOKEN, &[])
        .requires(CALLBACK_TOKEN, &[])
        .requires(CALLBACK_HEADER, &[])
        .requires(CALLBACK_BEARER, &[])
        .refuses(403, "The gateway's token is not carried.")
        .refuses(404, gateways::NOT_FOUND)
        .refuses(429, "Too many wrong tokens came from this address.")
        .refuses(
            503,
            "The message log cannot be written, or the bridge stops.",
        );
}

/// Members of any name and type: all are kept with the message.
fn report() -> Value {
    let names = ID_NAMES.iter().chain(&STATUS_NAMES);
    let members: Map<String, Value> = names
        .map(|name| ((*name).to_owned(), Schema::any().into()))
        .collect();
    json!({ "type": "object", "properties": members })
}

fn key(place: &str, name: &str) -> Value {
    json!({
        "type": "apiKey", "in": place, "name": name,
        "description": "The `callback_token` of the gateway.",
    })
}

const TOKEN: Scheme = Scheme {
    name: "callbackToken",
    describe: || key("query", "token"),
};
const CALLBACK_TOKEN: Scheme = Scheme {
    name: "callbackTokenByItsName",
    describe: || key("query", "callback_token"),
};
const CALLBACK_HEADER: Scheme = Scheme {
    name: "callbackTokenHeader",
    describe: || key("header", "X-Callback-Token"),
};
const CALLBACK_BEARER: Scheme = Scheme {
    name: "callbackTokenBearer",
    describe: || {
        json!({
            "type": "http", "scheme": "bearer",
            "description": "The `callback_token` of the gateway.",
        })
    },
};
