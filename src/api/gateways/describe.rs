//! What is said about the routes of gateways.

use serde_json::{Value, json};

use super::change::{
    API_PATH, META_OCTETS_MAX, NAMES, NOTES_MAX, PORTS, PROVIDER_TYPE_MAX, REQUIRED, SENDER_MAX,
    SYSTEM_ID_MAX, TEXT_MAX,
};
use super::record::View;
use super::{field, meta};
use crate::api::directory::StatusMode;
use crate::api::envelope::{describe_list, describe_single};
use crate::api::query::Page;
use crate::api::rule;
use crate::message::Transport;
use crate::openapi::{Operation, Schema, object};

const TAG: &str = "Gateways";

pub(in super::super) fn list(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "listGateways", "All gateways that are not deleted")
        .says("Without `page` all rows come at once, and no `pagination`.")
        .query(
            "search",
            Schema::string()
                .says("A part of the name, the host or the provider type, in any case."),
        )
        .query(
            "is_active",
            rule::flag_word().says("Only active ones, or only inactive ones."),
        );
    Page::parameters(operation);
    describe_list::<View<'_>>(operation, "The gateways.");
    operation.refuses(422, "A parameter breaks a rule.");
}

pub(in super::super) fn create(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "createGateway", "Create a gateway")
        .says("A gateway of type `smpp` binds at once; its `username` is the system_id.")
        .takes(smpp_needs_a_user(body(&REQUIRED)))
        .example(
            "smpp",
            json!({
                "name": "smsc-main", "provider_type": "smpp", "server_host": "127.0.0.1",
                "server_port": 2775, "username": "bridge", "password": "secret01",
            }),
        );
    describe_single::<View<'_>>(operation, 201, "The gateway.");
    for next in [
        "readGateway",
        "changeGateway",
        "sendThroughGateway",
        "deleteGateway",
    ] {
        operation.leads_to(201, next, "id");
    }
    refuse_body(operation);
}

pub(in super::super) fn read(operation: &mut Operation<'_>) {
    operation.named(TAG, "readGateway", "One gateway");
    describe_single::<View<'_>>(operation, 200, "The gateway.");
    operation.refuses(404, super::NOT_FOUND);
}

pub(in super::super) fn change(operation: &mut Operation<'_>) {
    describe_change(operation, "changeGateway");
}

pub(in super::super) fn replace(operation: &mut Operation<'_>) {
    describe_change(operation, "putGateway");
}

fn describe_change(operation: &mut Operation<'_>, id: &str) {
    operation
        .named(TAG, id, "Change a gateway")
        .says(
            "What is absent stays as it is, null goes back to the default. What a bind would \
             notice makes the gateway bind anew.",
        )
        .takes(body(&[]))
        .example("rename", json!({ "name": "smsc-main" }));
    describe_single::<View<'_>>(operation, 200, "The gateway.");
    refuse_body(operation);
    operation.refuses(404, super::NOT_FOUND);
}

pub(in super::super) fn delete(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "deleteGateway", "Delete a gateway")
        .says(
            "Its messages stay, and reports about open ones still apply. What is queued is not sent \
             through it any more: it moves on where a route has another gateway for it, and else \
             expires with its validity unless it is cancelled.",
        )
        .answers_with(
            200,
            "It is gone.",
            "application/json",
            json!({
                "type": "object",
                "properties": { "message": { "type": "string" }, "data": { "type": "null" } },
                "required": ["message", "data"],
            }),
        )
        .refuses(404, super::NOT_FOUND);
}

fn refuse_body(operation: &mut Operation<'_>) {
    operation
        .refuses(400, "The body is not valid JSON, or ended early.")
        .refuses(415, "The body is not called JSON.")
        .refuses(422, "A field breaks a rule.");
}

/// … and is held to the rules of its own `meta`.
fn smpp_needs_a_user(mut body: Value) -> Value {
    body["if"] = json!({ "properties": { "provider_type": { "const": Transport::Smpp.name() } } });
    let smpp = Schema::tree().with("properties", json!({ "smpp": Value::from(meta::smpp()) }));
    body["then"] = json!({
        "properties": {
            "username": Value::from(Schema::text(1..=SYSTEM_ID_MAX)),
            "meta": Value::from(smpp.or_null()),
        },
        "required": ["username"],
    });
    body
}

/// In the order of the names.
fn body(required: &[&'static str]) -> Value {
    let text = |least| Schema::text(least..=TEXT_MAX);
    let secret = || text(0).pattern(field::NO_CONTROLS);
    object(&NAMES, required, [
        text(1).pattern(field::NOT_BLANK),
        Schema::text(1..=PROVIDER_TYPE_MAX)
            .pattern(field::NOT_BLANK)
            .says("`smpp`, `http`, `jasmin`, `jasmin_rest`, `twilio`; any other word is stored and means `http`."),
        Schema::any_of([
            text(1).pattern(field::HOST_NAME),
            Schema::string().with("format", "ipv6"),
        ])
        .says("A host name or an IP address."),
        rule::integer_or_digits(PORTS, false),
        text(0).pattern(field::PATH).default(API_PATH).or_null(),
        secret().or_null().says(format!(
            "User of HTTP Basic; for `smpp` the system_id, required and of at most {SYSTEM_ID_MAX} octets."
        )),
        secret().or_null().with("writeOnly", true).says("Never shown again."),
        Schema::text(0..=SENDER_MAX).or_null().says("The sender of messages that name none."),
        secret().or_null().says("What delivery reports over HTTP have to carry."),
        rule::flag_schema().default(false).says("TLS to the upstream."),
        rule::flag_schema().default(true).says("Whether new sends are taken."),
        Schema::text(0..=NOTES_MAX).or_null(),
        any_meta(),
    ])
}

fn any_meta() -> Schema {
    let mode = Schema::words(StatusMode::NAMES).or_null();
    Schema::tree()
        .with("properties", json!({ "delivery_status_mode": Value::from(mode) }))
        .or_null()
        .says(format!(
            "Anything, of at most {META_OCTETS_MAX} octets as JSON. The bridge reads `smpp`, `http`, \
             `twilio`, `service_profile` and `delivery_status_mode`."
        ))
}
