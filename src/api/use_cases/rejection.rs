//! Errors of the use-case API: `{"detail":…,"code":…}`, and `errors` where fields are wrong.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::envelope;
use super::super::error::Failure;
use crate::store::StoreError;

/// An answer other than the one that was hoped for.
#[derive(Debug)]
pub(in super::super) struct Rejection {
    pub(super) status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<(String, String)>,
    /// Seconds after which to come again.
    retry_after: Option<u32>,
}

impl Rejection {
    pub(in super::super) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Rejection {
        Rejection {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// A check before the send failed.
    pub(super) fn check(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(in super::super) fn fields(errors: Vec<(String, String)>) -> Rejection {
        let first = errors.first().map(|(_, text)| text.clone());
        let detail = first.unwrap_or_else(|| "The request is not valid.".into());
        Rejection {
            errors,
            ..Rejection::check("invalid_request", detail)
        }
    }

    pub(super) fn field(name: &str, text: impl Into<String>) -> Rejection {
        Rejection::fields(vec![(name.to_owned(), text.into())])
    }

    pub(super) fn not_found() -> Rejection {
        Rejection::new(StatusCode::NOT_FOUND, "not_found", "Not found.")
    }

    pub(super) fn use_case_not_found() -> Rejection {
        Rejection::new(
            StatusCode::NOT_FOUND,
            "use_case_not_found",
            "There is no active use case with this id.",
        )
    }

    pub(super) fn busy(
        status: StatusCode,
        code: &'static str,
        detail: &'static str,
        retry_after: u32,
    ) -> Rejection {
        Rejection {
            retry_after: Some(retry_after),
            ..Rejection::new(status, code, detail)
        }
    }
}

/// What every family refuses alike, in this family's words.
impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Rejection {
        let (status, code) = match failure.status {
            // A body that is no JSON is one more way to be invalid here.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request")
            }
            StatusCode::UNAUTHORIZED => (failure.status, "unauthenticated"),
            StatusCode::FORBIDDEN => (failure.status, "forbidden"),
            StatusCode::NOT_FOUND => (failure.status, "not_found"),
            StatusCode::METHOD_NOT_ALLOWED => (failure.status, "method_not_allowed"),
            StatusCode::REQUEST_TIMEOUT => (failure.status, "request_timeout"),
            StatusCode::CONFLICT => (failure.status, "conflict"),
            StatusCode::PAYLOAD_TOO_LARGE => (failure.status, "payload_too_large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (failure.status, "unsupported_media_type"),
            StatusCode::TOO_MANY_REQUESTS => (failure.status, "too_many_requests"),
            StatusCode::SERVICE_UNAVAILABLE => (failure.status, "unavailable"),
            other => (other, "internal_error"),
        };
        Rejection {
            retry_after: failure.retry_after(),
            errors: failure.field_texts(),
            ..Rejection::new(status, code, failure.into_message())
        }
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Rejection {
        Failure::from(error).into()
    }
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UseCaseError")]
pub(in super::super) struct Body<'a> {
    /// In words; of several wrong fields the first.
    detail: &'a str,
    /// For programs.
    code: &'a str,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UseCaseFieldError")]
struct Wrong<'a> {
    field: &'a str,
    message: &'a str,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let errors = self.errors.iter();
        let body = Body {
            detail: &self.detail,
            code: self.code,
            errors: errors
                .map(|(field, message)| Wrong { field, message })
                .collect(),
        };
        envelope::refusal(
            self.status,
            &body,
            self.retry_after.map(u64::from),
            "Bearer",
        )
    }
}
