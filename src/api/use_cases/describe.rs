//! What is said about the use-case API.

use serde_json::{Value, json};

use super::check::E164;
use super::manage::{self, REGIONS_MAX, SENDERS_MAX, STATUSES, TEXT_MAX};
use super::record;
use super::send::{MESSAGE_CHARACTERS_MAX, NAMES, ROWS, ROWS_MAX};
use crate::api::batch::describe::{Keys, batch};
use crate::api::cursor;
use crate::api::send::idempotency::{HEADER, KEY_OCTETS_MAX, REPLAYED};
use crate::openapi::{Operation, Schema, object};

const TAG: &str = "Use cases";

fn uuid() -> Schema {
    Schema::string().with("format", "uuid")
}

pub(in super::super) fn send(operation: &mut Operation<'_>) {
    let key = Schema::text(1..=KEY_OCTETS_MAX)
        .says("The same key with the same body gets the first answer again, for 24 hours.");
    operation
        .named(TAG, "sendForUseCase", "Send for a use case")
        .says(
            "The bridge chooses the sender after the answer. The message is durable before \
             anything is answered.",
        )
        .header(HEADER, key)
        .takes(body_of_send())
        .example("text", example("Hello"))
        .answers::<record::Record<'_>>(201, "The message waits for its sender.")
        .answers_header(
            201,
            REPLAYED,
            Schema::words(["true"]).says("There when the answer is that of an earlier request."),
        )
        .leads_to(201, "readUseCaseMessage", "id")
        .refuses(404, "There is no active use case with this id.")
        .refuses(
            409,
            "The first request with this Idempotency-Key is still running.",
        )
        .refuses(415, "The body is not called JSON.")
        .refuses(
            422,
            "A rule is broken; `code` says which: `invalid_request`, `brand_suspended`, \
             `no_sender`, `campaign_not_verified`, `invalid_destination`, `region_not_permitted`, \
             `opted_out`.",
        )
        .refuses(
            429,
            "Too many messages wait, or too many wrong tokens came from this address.",
        )
        .refuses(502, "The upstream did not take it.")
        .refuses(
            503,
            "The gateway is not there or not active, the upstream takes no more for now, the \
             message log cannot be written, or the bridge stops.",
        )
        .refuses(504, "The upstream did not answer in time.");
}

/// In the order of the names.
pub(in super::super) fn body_of_send() -> Value {
    let fields = [
        uuid(),
        Schema::string().pattern(E164).says("In E.164 form."),
        Schema::text(1..=MESSAGE_CHARACTERS_MAX),
    ];
    object(&NAMES, &NAMES, fields)
}

fn example(text: &str) -> Value {
    json!({
        "use_case_id": "6f1c7c1e-3c0b-4c8e-9a53-0d6a1f0c2b11",
        "to_phone_number": "+4915112345678", "message": text,
    })
}

pub(in super::super) fn send_many(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "sendManyForUseCases",
        "Send many messages, for any use cases",
    );
    let two = json!([example("Hello"), example("Hello again")]);
    batch(operation, body_of_send(), two, Keys::Idempotency, &[]);
}

pub(in super::super) fn read_message(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "readUseCaseMessage", "One message of a use case")
        .answers::<record::Record<'_>>(200, "The message.");
}

pub(in super::super) fn list_messages(operation: &mut Operation<'_>) {
    let words = ["pending", "sent", "delivered", "undelivered", "failed"];
    let limit = Schema::integer(1..=ROWS_MAX)
        .default(ROWS)
        .says("Rows, at most.");
    let row = operation.schema_of::<record::Record<'_>>();
    let list = json!({
        "type": "object",
        "properties": {
            "data": { "type": "array", "items": row },
            "next_cursor": { "type": ["string", "null"], "pattern": cursor::PATTERN },
        },
        "required": ["data", "next_cursor"],
    });
    operation
        .named(
            TAG,
            "listUseCaseMessages",
            "Messages of use cases, newest first",
        )
        .query("use_case_id", uuid().says("Of which use case."))
        .query("status", Schema::words(words).says("What became of them."))
        .query("limit", limit)
        .answers_with(
            200,
            "The messages; `next_cursor` leads on.",
            "application/json",
            list,
        );
    cursor::parameter(operation);
}

pub(in super::super) fn list(operation: &mut Operation<'_>) {
    let row = operation.schema_of::<manage::Record<'_>>();
    let list = json!({
        "type": "object",
        "properties": { "use_cases": { "type": "array", "items": row } },
        "required": ["use_cases"],
    });
    operation
        .named(TAG, "listUseCases", "All use cases that are not deleted")
        .answers_with(200, "The use cases.", "application/json", list);
}

pub(in super::super) fn create(operation: &mut Operation<'_>) {
    let mut body = body();
    body["properties"]["id"] = uuid()
        .or_null()
        .says("One is made where there is none.")
        .into();
    body["required"] = json!(["name"]);
    let named =
        |name: &str| json!({ "required": [name], "properties": { name: { "type": "string" } } });
    body["anyOf"] = json!([named("gateway"), named("route")]);
    operation
        .named(TAG, "createUseCase", "Create a use case")
        .takes(body)
        .example(
            "short code",
            json!({
                "name": "Orders", "gateway": "smsc-main", "senders": ["12345"],
            }),
        )
        .answers::<manage::Record<'_>>(201, "The use case.")
        .refuses(409, "There is a use case with this id.")
        .refuses(415, "The body is not called JSON.");
    for next in [
        "readUseCase",
        "changeUseCase",
        "deleteUseCase",
        "listOptOuts",
    ] {
        operation.leads_to(201, next, "id");
    }
}

pub(in super::super) fn read(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "readUseCase", "One use case")
        .answers::<manage::Record<'_>>(200, "The use case.");
}

pub(in super::super) fn change(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "changeUseCase", "Change a use case")
        .says("What is absent stays as it is, null goes back to the default.")
        .takes(body())
        .answers::<manage::Record<'_>>(200, "The use case.")
        .refuses(409, "It is the configuration's, and changed there.")
        .refuses(415, "The body is not called JSON.");
}

pub(in super::super) fn delete(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "deleteUseCase", "Delete a use case")
        .says("Its messages stay; nothing more is sent.")
        .answers_nothing(204, "It is gone.")
        .refuses(409, "It is the configuration's, and changed there.");
}

pub(in super::super) fn opt_outs(operation: &mut Operation<'_>) {
    let list = json!({
        "type": "object",
        "properties": { "opt_outs": {
            "type": "array", "items": { "type": "string", "pattern": E164 },
        } },
        "required": ["opt_outs"],
    });
    operation
        .named(TAG, "listOptOuts", "Who opted out of a use case")
        .answers_with(200, "Their numbers.", "application/json", list);
}

pub(in super::super) fn opt_out(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "optOut", "Send this number nothing more")
        .answers_nothing(204, "It has opted out.");
}

pub(in super::super) fn opt_in(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "optIn", "Let this number be sent to again")
        .answers_nothing(204, "It has not opted out any more.");
}

fn body() -> Value {
    let text = |least| Schema::text(least..=TEXT_MAX);
    let list = |item: Schema, most: usize| {
        let list = Schema::any().with("type", "array").with("maxItems", most);
        list.with("items", Value::from(item)).or_null()
    };
    let sender = Schema::any_of([
        Schema::string().pattern(E164),
        Schema::string().pattern("^[0-9]{3,8}$"),
        Schema::text(1..=11).pattern("[A-Za-z]"),
    ]);
    let registration = || {
        let members = json!({
            "id": Value::from(text(0).or_null()),
            "status": Value::from(text(1)),
        });
        Schema::tree()
            .with("properties", members)
            .with("required", vec!["status"])
            .or_null()
    };
    const NAMES: [&str; 11] = [
        "name",
        "gateway",
        "route",
        "messaging_service_sid",
        "status",
        "senders",
        "allowed_regions",
        "campaign",
        "brand",
        "sticky_sender",
        "area_code_geomatch",
    ];
    object(
        &NAMES,
        &[],
        [
            text(1),
            text(1)
                .or_null()
                .says("The name of the gateway that sends, unless there is a route."),
            text(1).or_null().says("The name of a route of the configuration, in place of a gateway. Naming one of the \
                 two takes the other away."),
            text(0).or_null(),
            Schema::words(STATUSES).or_null(),
            list(sender, SENDERS_MAX).says("Numbers in E.164 form, short codes, or names."),
            list(Schema::string().pattern("^[A-Za-z]{2}$"), REGIONS_MAX)
                .says("ISO 3166 codes; empty allows all."),
            registration(),
            registration(),
            Schema::flag().or_null().default(true),
            Schema::flag().or_null().default(true),
        ],
    )
}
