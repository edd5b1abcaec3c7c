//! What is said about sending through a gateway.

use serde_json::{Value, json};

use super::idempotency::{HEADER, KEY_OCTETS_MAX, REPLAYED};
use super::request::{
    MESSAGE_CHARACTERS_MAX, NAMES, NUMBER, NUMBER_CHARACTERS_MAX, SENDER_CHARACTERS_MAX,
    SENDER_DIGITS_MAX, SENDER_LETTERS_MAX, TENANTS,
};
use crate::api::batch::describe::{Keys, batch};
use crate::api::envelope::describe_single;
use crate::api::messages::record::Record;
use crate::api::{gateways, rule};
use crate::config::url::{HTTP_URL, URL_OCTETS_MAX};
use crate::openapi::{Operation, Schema, object};

pub(in super::super) fn send(operation: &mut Operation<'_>) {
    let key = Schema::text(1..=KEY_OCTETS_MAX)
        .says("The same key with the same body gets the first answer again, for 24 hours.");
    let prefer =
        Schema::string().says("`respond-async`: answer as soon as the message is durable.");
    operation
        .named("Messages", "sendThroughGateway", "Send through one gateway")
        .says(
            "The message is durable before anything is answered. The answer waits a while for the \
             upstream, and tells the message in every case in which one was recorded.",
        )
        .header(HEADER, key)
        .header("prefer", prefer)
        .takes(body())
        .takes_as("application/x-www-form-urlencoded", form())
        .example(
            "text",
            json!({
                "to_number": "+4915112345678", "from_sender": "Me", "message": "Hello",
            }),
        );
    describe_single::<Record<'_>>(
        operation,
        201,
        "It was taken by the upstream, or waits for it.",
    );
    describe_single::<Record<'_>>(operation, 502, "The upstream did not take it.");
    describe_single::<Record<'_>>(operation, 504, "The upstream did not answer in time.");
    for status in [201, 502, 504] {
        let replayed =
            Schema::words(["true"]).says("There when the answer is that of an earlier request.");
        operation.answers_header(status, REPLAYED, replayed);
        for next in ["readMessage", "listMessageEvents", "cancelMessage"] {
            operation.leads_to(status, next, "id");
        }
    }
    operation
        .refuses(400, "The body is not valid JSON, or ended early.")
        .refuses(404, gateways::NOT_FOUND)
        .refuses(
            409,
            "The first request with this Idempotency-Key is still running.",
        )
        .refuses(415, "The body is neither JSON nor a form.")
        .refuses(
            422,
            "A field breaks a rule, the gateway is inactive, or the Idempotency-Key was used with \
             another body.",
        )
        .refuses(
            429,
            "Too many messages are waiting for this gateway, or too many wrong tokens came from \
             this address.",
        );
}

pub(in super::super) fn send_many(operation: &mut Operation<'_>) {
    operation.named(
        "Messages",
        "sendManyThroughGateway",
        "Send many messages through one gateway",
    );
    let one =
        |text: &str| json!({ "to_number": "+4915112345678", "from_sender": "Me", "message": text });
    let two = json!([one("Hello"), one("Hello again")]);
    batch(operation, body(), two, Keys::Idempotency, &["message"]);
    operation.refuses(404, gateways::NOT_FOUND);
}

/// In the order of the names.
pub(in super::super) fn body() -> Value {
    let tenant = rule::integer_or_digits(TENANTS, true).says("Stored, shown, and searched for.");
    object(&NAMES, &REQUIRED, fields(tenant, Schema::or_null))
}

/// A form has no null: what is not there is left out.
fn form() -> Value {
    let tenant = Schema::integer(TENANTS).says("Stored, shown, and searched for.");
    object(&NAMES, &REQUIRED, fields(tenant, |schema| schema))
}

const REQUIRED: [&str; 2] = ["to_number", "message"];

fn fields(tenant_id: Schema, optional: fn(Schema) -> Schema) -> [Schema; NAMES.len()] {
    [
        Schema::text(1..=NUMBER_CHARACTERS_MAX)
            .pattern(NUMBER)
            .says("A number of 3 to 20 digits, with the usual punctuation."),
        optional(Schema::text(0..=SENDER_CHARACTERS_MAX)).says(format!(
            "Required unless the gateway has a `default_sender_id`. For `smpp` at most \
             {SENDER_DIGITS_MAX} digits or {SENDER_LETTERS_MAX} characters of the GSM alphabet."
        )),
        Schema::text(1..=MESSAGE_CHARACTERS_MAX),
        tenant_id,
        optional(Schema::text(0..=URL_OCTETS_MAX).pattern(format!("^({HTTP_URL})?$"))).says(
            "Where the verdict is posted. Addresses of inner networks are refused unless the \
             configuration permits them.",
        ),
    ]
}
