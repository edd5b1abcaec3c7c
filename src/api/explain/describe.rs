//! What is said about the explanation of a send.

use serde_json::{Value, json};

use super::NAMES;
use super::report::Report;
use crate::api::messages::GATEWAYS;
use crate::api::{send, universal, use_cases};
use crate::openapi::{Operation, Schema, object};

pub(in super::super) fn explain(operation: &mut Operation<'_>) {
    operation
        .named("Messages", "explainSend", "What a send would come to")
        .says(
            "Sends nothing and records nothing. The message is checked as its family's send checks \
             it, and the answer is 200 whether it would be taken or not: `refusal` has what the \
             send would be answered instead. A token that may send has sends through gateways and \
             for use cases explained; an account of the universal API has its own, by its own \
             credentials.",
        )
        .takes(body())
        .example(
            "through a gateway",
            json!({
                "family": "gateway", "gateway": 1,
                "message": {
                    "to_number": "+4915112345678", "from_sender": "Me", "message": "Hello",
                },
            }),
        )
        .answers::<Report<'_>>(200, "What would happen, or why it would be refused.");
}

/// Every family with the body of its own send.
fn body() -> Value {
    let gateway = Schema::integer(GATEWAYS).says("The gateway's id, as in the path of its send.");
    let gateway = Some(gateway);
    json!({ "anyOf": [
        family("gateway", gateway, send::describe::body()),
        family("use_case", None, use_cases::describe::body_of_send()),
        family("universal", None, universal::describe::body()),
    ] })
}

fn family(name: &'static str, gateway: Option<Schema>, send: Value) -> Value {
    let required: &[&'static str] = match gateway {
        Some(_) => &NAMES,
        None => &["family", "message"],
    };
    // What the send would refuse is explained, too.
    let message = Schema::any().with("anyOf", vec![send, json!({ "type": "object" })]);
    let members = [
        Schema::words([name]).says("Whose send it is."),
        gateway.unwrap_or_else(Schema::any),
        message.says("The body of the send."),
    ];
    object(&NAMES, required, members)
}
