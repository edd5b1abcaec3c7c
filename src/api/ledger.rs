//! What operators look after: receipts without a message, messages without a certain outcome.

use axum::response::Response;
use serde_json::{Value, json};

use super::auth::{Call, Inspector};
use super::clock::Iso;
use super::envelope::{self, Rendered};
use super::error::{Failure, Faults};
use super::messages;
use super::query::Query;
use crate::message::Report;

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

/// `GET /api/orphans`, newest first.
pub(super) async fn orphans(call: Call<Inspector>) -> Result<Response, Failure> {
    let orphans = call.api.store.orphans(limit(&call)?).await?;
    let rows: Vec<Rendered> = orphans
        .iter()
        .map(|orphan| {
            Rendered::of(&json!({
                "id": orphan.id.0,
                "sms_gateway_id": orphan.gateway.0,
                "message_ids": orphan.ids,
                "status": orphan.report.word(),
                "source": source(&orphan.report),
                "reason": "No message of this gateway has such an id.",
                "detail": messages::reported(&orphan.report),
                "received_at": Iso(orphan.received_at),
            }))
        })
        .collect();
    Ok(envelope::list(
        "Orphan receipts fetched successfully.",
        &rows,
        None,
    ))
}

fn source(report: &Report) -> Value {
    match report {
        Report::Smpp(_) => json!("smpp"),
        Report::Http { .. } => json!("http"),
        Report::Local { .. } => json!("bridge"),
    }
}

/// `GET /api/in-doubt`.
pub(super) async fn in_doubt(call: Call<Inspector>) -> Result<Response, Failure> {
    let doubts = call.api.store.in_doubt(limit(&call)?).await?;
    let rows: Vec<Rendered> = doubts
        .iter()
        .map(|doubt| {
            Rendered::of(&json!({
                "id": doubt.message.0,
                "sms_gateway_id": doubt.gateway.0,
                "state": doubt.state.name(),
                "resubmits": doubt.resubmits,
                "open": doubt.open,
            }))
        })
        .collect();
    Ok(envelope::list(
        "Messages in doubt fetched successfully.",
        &rows,
        None,
    ))
}
