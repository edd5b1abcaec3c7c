//! `/openapi.json` and `/docs`: what the API says about itself, to everybody.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header;
use serde_json::json;

use super::{Api, envelope};
use crate::openapi::{self, Head, Operation, Operations};

/// The document and its page, made when they are first asked for.
#[derive(Debug)]
pub(super) struct Published {
    operations: Operations,
    json: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
}

const DESCRIPTION: &str = "Send SMS, learn what became of them, receive SMS from handsets.\n\n\
    Every path works with and without a slash at its end. Unknown members of a body and unknown \
    parameters are passed over; of duplicates the last counts. Limits of texts count code \
    points.\n\n\
    An unknown path is `404`, a method that a path does not have `405` with `Allow`, a head of \
    more than 64 KiB `431`; any operation answers `413` to a body that is too large. Errors are \
    JSON, in the words of each group.";

/// The groups, in their order on the page.
const TAGS: [(&str, &str); 8] = [
    (
        "Gateways",
        "One gateway is one account at one upstream. Changes need no restart.",
    ),
    (
        "Messages",
        "Messages towards handsets, and what became of them.",
    ),
    (
        "Messages from handsets",
        "What subscribers were sent, and whether they took it.",
    ),
    (
        "Use cases",
        "Sends by purpose: the bridge checks what has to hold and chooses the sender.",
    ),
    (
        "Universal",
        "One-shot sends with everything they may need; accounts of their own.",
    ),
    ("Reports", "Where HTTP providers report deliveries."),
    ("Looking after", "What needs the eyes of an operator."),
    ("The bridge itself", "Health, figures, and this document."),
];

impl Published {
    pub(super) fn new(operations: Operations) -> Published {
        Published {
            operations,
            json: OnceLock::new(),
            page: OnceLock::new(),
        }
    }

    fn document(&self, base_url: &str) -> serde_json::Value {
        self.operations.document(&Head {
            title: "smpp-bridge",
            version: env!("CARGO_PKG_VERSION"),
            description: DESCRIPTION,
            base_url,
            tags: &TAGS,
        })
    }
}

pub(super) async fn json(State(api): State<Api>) -> Response {
    let published = &api.0.published;
    let json = published
        .json
        .get_or_init(|| published.document(&api.base_url).to_string().into());
    envelope::json(http::StatusCode::OK, json.clone())
}

pub(super) async fn page(State(api): State<Api>) -> Response {
    let published = &api.0.published;
    let page = published
        .page
        .get_or_init(|| openapi::page(&published.document(&api.base_url)).into());
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // It runs nothing and loads nothing, whatever is written in it.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page.clone()).into_response()
}

const TAG: &str = "The bridge itself";

pub(super) fn describe_json(operation: &mut Operation<'_>) {
    let document = json!({
        "type": "object",
        "required": ["openapi", "info", "paths"],
    });
    operation
        .named(TAG, "readDescription", "This document")
        .answers_with(200, "OpenAPI 3.1.", "application/json", document);
}

pub(super) fn describe_page(operation: &mut Operation<'_>) {
    let html = json!({ "type": "string" });
    operation
        .named(TAG, "readPage", "This document, to read")
        .answers_with(200, "One page, without scripts.", "text/html", html);
}
