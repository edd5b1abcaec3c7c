//! What is said about the routes of messages.

use super::NOT_FOUND;
use super::event::Row;
use super::filter;
use super::record::Record;
use crate::api::cursor;
use crate::api::envelope::{describe_list, describe_single};
use crate::api::gateways;
use crate::api::query::Page;
use crate::openapi::Operation;

const TAG: &str = "Messages";

pub(in super::super) fn list(operation: &mut Operation<'_>) {
    operation.named(TAG, "listMessages", "Messages, newest first");
    describe_query(operation);
}

pub(in super::super) fn list_of_gateway(operation: &mut Operation<'_>) {
    operation
        .named(
            TAG,
            "listGatewayMessages",
            "Messages of one gateway, newest first",
        )
        .says("Of a deleted gateway, too: the history outlives it.");
    describe_query(operation);
    operation.refuses(404, gateways::NOT_FOUND);
}

fn describe_query(operation: &mut Operation<'_>) {
    filter::parameters(operation);
    Page::parameters(operation);
    cursor::parameter(operation);
    describe_list::<Record<'_>>(operation, "The messages of the page.");
    operation.refuses(422, "A parameter breaks a rule.");
}

pub(in super::super) fn read(operation: &mut Operation<'_>) {
    operation.named(TAG, "readMessage", "One message");
    describe_single::<Record<'_>>(operation, 200, "The message.");
    operation.refuses(404, NOT_FOUND);
}

pub(in super::super) fn events(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "listMessageEvents",
        "What happened to a message, oldest first",
    );
    describe_list::<Row>(operation, "The events.");
    operation.refuses(404, NOT_FOUND);
}

pub(in super::super) fn redeliver(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "redeliverMessage", "Make its dead callbacks once more")
        .says("Whenever it ended, as long as the log has it. Repeats have the same octets.");
    describe_single::<Record<'_>>(operation, 200, "The message; its callbacks are due.");
    operation
        .refuses(404, NOT_FOUND)
        .refuses(409, "It has no callback that could be made again.");
}

pub(in super::super) fn cancel(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "cancelMessage", "Withdraw a message")
        .says("Only a message that still waits can be withdrawn.");
    describe_single::<Record<'_>>(operation, 200, "The message, cancelled.");
    operation
        .refuses(404, NOT_FOUND)
        .refuses(409, "It is no longer waiting.");
}
