//! The whole log, while the bridge runs: what `smpp-bridge export --url` reads.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;

use super::Api;
use super::auth::{Admin, Call};
use super::error::{Failure, Faults};
use super::query::Query;
use crate::openapi::{Operation, Schema};
use crate::store::LogPage;

/// Frames that are read at once, about 400 KB: other reads wait for no more than that.
const FRAMES: u64 = 64;

/// `GET /api/log`: every entry up to now as a line of JSON, oldest first. `from` is the frame
/// to begin with, so that a reader may go on where it ended.
///
/// A page is read when the one before it is on its way: a slow client costs no memory. Where
/// the log fails in the middle, the answer is cut short and the client sees that.
pub(super) async fn export(call: Call<Admin>) -> Result<Response, Failure> {
    let mut faults = Faults::default();
    let from = Query::of(&call.uri).integer("from", 0..=i64::MAX, &mut faults);
    faults.check()?;
    let from = from.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let page = call.api.store.log_page(from, FRAMES).await?;
    let (lowest, highest) = page.bounds;
    let pages = stream::unfold(Some(page), move |page| {
        next(call.api.clone(), page, highest)
    });
    let head = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (
            header::HeaderName::from_static("x-log-frames"),
            format!("{lowest}-{highest}"),
        ),
    ];
    Ok((head, Body::from_stream(pages)).into_response())
}

pub(super) fn describe(operation: &mut Operation<'_>) {
    let lines = serde_json::json!({ "type": "string" });
    operation
        .named(
            "Looking after",
            "exportLog",
            "The whole log, an entry a line",
        )
        .says("Oldest first, up to the newest entry when the call came.")
        .query(
            "from",
            Schema::integer(0..=i64::MAX)
                .says("The frame to begin with; the whole log if not said."),
        )
        .answers_with(200, "Lines of JSON.", "application/x-ndjson", lines)
        .answers_header(
            200,
            "x-log-frames",
            Schema::string().says("The lowest and the highest frame, with a hyphen between."),
        )
        .refuses(422, "The parameter is no frame.");
}

type Piece = Result<Bytes, crate::store::StoreError>;

/// Gives a page away and reads the next, up to what was the end when the client asked.
async fn next(api: Api, page: Option<LogPage>, until: u64) -> Option<(Piece, Option<LogPage>)> {
    let page = page?;
    let after = match page.next.filter(|n| *n <= until) {
        None => None,
        Some(from) => match api.store.log_page(from, FRAMES.min(until - from + 1)).await {
            Ok(page) => Some(page),
            Err(e) => return Some((Err(e), None)),
        },
    };
    Some((Ok(page.lines.into()), after))
}
