//! Errors of the universal API: `{"error":…,"message":…}`, and `fields` where there are any.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::envelope;
use super::super::error::Failure;
use crate::store::StoreError;

/// An answer other than 200.
#[derive(Debug)]
pub(in super::super) struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    fields: Vec<(&'static str, String)>,
    /// Seconds after which to come again.
    retry_after: Option<u64>,
}

/// Waits that a client is told where nothing better is known, in seconds.
const RETRY_AFTER_S: u64 = 5;

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            status,
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    pub(super) fn unavailable(message: &'static str) -> Refusal {
        Refusal {
            retry_after: Some(RETRY_AFTER_S),
            ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }

    pub(super) fn too_many(retry_after_s: u64) -> Refusal {
        Refusal {
            retry_after: Some(retry_after_s.max(1)),
            ..Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "The account sends faster than it may.",
            )
        }
    }

    /// In this family what is of a wrong kind is 400.
    pub(super) fn out_of_shape(failure: Failure) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, failure.into_message())
    }

    /// The first text is the message; every field has its own.
    pub(super) fn of_fields(status: StatusCode, fields: Vec<(&'static str, String)>) -> Refusal {
        let first = fields.first().map(|(_, text)| text.clone());
        Refusal {
            fields,
            ..Refusal::new(status, first.unwrap_or_default())
        }
    }

    fn code(&self) -> &'static str {
        CODES
            .iter()
            .find(|(status, _)| *status == self.status)
            .map_or(INTERNAL, |(_, code)| code)
    }
}

const INTERNAL: &str = "INTERNAL_SERVER_ERROR";

/// The word for each status.
const CODES: [(StatusCode, &str); 12] = [
    (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
    (StatusCode::FORBIDDEN, "FORBIDDEN"),
    (StatusCode::NOT_FOUND, "NOT_FOUND"),
    (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
    (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
    (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
    (StatusCode::UNPROCESSABLE_ENTITY, "UNPROCESSABLE_ENTITY"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
    (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
    (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL),
];

/// What every family refuses alike, in this family's words.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal {
            retry_after: failure.retry_after().map(u64::from),
            ..Refusal::new(failure.status, failure.into_message())
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Failure::from(error).into()
    }
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UniversalError")]
pub(super) struct Body<'a> {
    /// The word for the status.
    #[schemars(extend("enum" = CODES.map(|(_, code)| code)))]
    error: &'a str,
    /// In words; of several wrong fields the first.
    message: &'a str,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<&'a str, String>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body {
            error: self.code(),
            message: &self.message,
            fields: self.fields.into_iter().collect(),
        };
        envelope::refusal(self.status, &body, self.retry_after, "Basic realm=\"sms\"")
    }
}
