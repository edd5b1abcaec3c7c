//! Errors of the universal API: `{"error":…,"message":…}`, and `fields` where there are any.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

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

    /// The first text is the message; every field has its own.
    pub(super) fn of_fields(status: StatusCode, fields: Vec<(&'static str, String)>) -> Refusal {
        let first = fields.first().map(|(_, text)| text.clone());
        Refusal {
            fields,
            ..Refusal::new(status, first.unwrap_or_default())
        }
    }

    fn code(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "BAD_REQUEST",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::REQUEST_TIMEOUT => "REQUEST_TIMEOUT",
            StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED_MEDIA_TYPE",
            StatusCode::UNPROCESSABLE_ENTITY => "UNPROCESSABLE_ENTITY",
            StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            _ => "INTERNAL_SERVER_ERROR",
        }
    }
}

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

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.code(), "message": self.message });
        if !self.fields.is_empty() {
            let fields = self.fields.into_iter();
            let fields: Map<String, Value> = fields
                .map(|(name, text)| (name.to_owned(), Value::String(text)))
                .collect();
            body["fields"] = Value::Object(fields);
        }
        let mut response = envelope::json(self.status, body.to_string());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"sms\"");
            headers.insert(header::WWW_AUTHENTICATE, basic);
        }
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
