//! What operators look after: receipts without a message, messages without a certain outcome.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::auth::{Call, Inspector};
use super::clock::Iso;
use super::envelope::{self, Rendered, describe_list};
use super::error::{Failure, Faults};
use super::messages;
use super::query::Query;
use crate::message::{Report, State};
use crate::openapi::{Operation, Schema};

/// Rows where the client does not say.
const ROWS: i64 = 100;
const ROWS_MAX: i64 = 1000;

fn limit(call: &Call<Inspector>) -> Result<usize, Failure> {
    let mut faults = Faults::default();
    let query = Query::of(&call.uri);
    let limit = query
        .integer("per_page", 1..=ROWS_MAX, &mut faults)
        .unwrap_or(ROWS);
    faults.check()?;
    Ok(usize::try_from(limit).expect("the rule made it positive"))
}

/// A receipt that names no known message.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Orphan")]
struct OrphanView<'a> {
    id: u64,
    sms_gateway_id: u32,
    /// What it calls its message.
    message_ids: &'a [String],
    status: &'a str,
    #[schemars(extend("enum" = ["smpp", "http", "bridge"]))]
    source: &'static str,
    reason: &'static str,
    #[schemars(with = "Map<String, Value>")]
    detail: Value,
    received_at: Iso,
}

/// A message that may have been sent twice, or not at all.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InDoubt")]
struct DoubtView {
    id: u64,
    sms_gateway_id: u32,
    #[schemars(extend("enum" = State::ALL.map(State::name)))]
    state: &'static str,
    /// How often it was sent once more.
    resubmits: u8,
    /// Its outcome is still unknown.
    open: bool,
}

const TAG: &str = "Looking after";

fn describe_rows(operation: &mut Operation<'_>) {
    let rows = Schema::integer(1..=ROWS_MAX)
        .default(ROWS)
        .says("Rows, at most.");
    operation
        .query("per_page", rows)
        .refuses(422, "A parameter breaks a rule.");
}

pub(super) fn describe_orphans(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "listOrphans",
        "Receipts without a message, newest first",
    );
    describe_rows(operation);
    describe_list::<OrphanView<'_>>(operation, "The receipts.");
}

pub(super) fn describe_in_doubt(operation: &mut Operation<'_>) {
    operation.named(TAG, "listInDoubt", "Messages that may have been sent twice");
    describe_rows(operation);
    describe_list::<DoubtView>(operation, "The messages.");
}

/// `GET /api/orphans`, newest first.
pub(super) async fn orphans(call: Call<Inspector>) -> Result<Response, Failure> {
    let orphans = call.api.store.orphans(limit(&call)?).await?;
    let rows: Vec<Rendered> = orphans
        .iter()
        .map(|orphan| {
            Rendered::of(&OrphanView {
                id: orphan.id.0,
                sms_gateway_id: orphan.gateway.0,
                message_ids: &orphan.ids,
                status: orphan.report.word(),
                source: source(&orphan.report),
                reason: "No message of this gateway has such an id.",
                detail: messages::reported(&orphan.report),
                received_at: Iso(orphan.received_at),
            })
        })
        .collect();
    Ok(envelope::list(
        "Orphan receipts fetched successfully.",
        &rows,
        None,
    ))
}

fn source(report: &Report) -> &'static str {
    match report {
        Report::Smpp(_) => "smpp",
        Report::Http { .. } => "http",
        Report::Local { .. } => "bridge",
    }
}

/// `GET /api/in-doubt`.
pub(super) async fn in_doubt(call: Call<Inspector>) -> Result<Response, Failure> {
    let doubts = call.api.store.in_doubt(limit(&call)?).await?;
    let rows: Vec<Rendered> = doubts
        .iter()
        .map(|doubt| {
            Rendered::of(&DoubtView {
                id: doubt.message.0,
                sms_gateway_id: doubt.gateway.0,
                state: doubt.state.name(),
                resubmits: doubt.resubmits,
                open: doubt.open,
            })
        })
        .collect();
    Ok(envelope::list(
        "Messages in doubt fetched successfully.",
        &rows,
        None,
    ))
}
