//! What a request did not achieve, as the gateway API says it: always JSON, never a word about our
//! inside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::envelope;
use crate::store::StoreError;

/// An answer other than the one that was hoped for.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    message: Cow<'static, str>,
    faults: Faults,
    /// Seconds after which to come again.
    retry_after: Option<u32>,
}

/// What is wrong with the fields of a request, in the order of the checks.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, Vec<String>)>);

/// A client that meets a full queue or a failing log is told to wait this long: seconds are what
/// either takes to change.
const RETRY_AFTER_S: u32 = 5;

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            faults: Faults::default(),
            retry_after: None,
        }
    }

    pub(super) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    pub(super) fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The body is not valid JSON.")
    }

    /// Where the reading of the body stopped.
    pub(super) fn malformed_at(place: &serde_json::Error) -> Self {
        let (line, column) = (place.line(), place.column());
        Self::new(
            StatusCode::BAD_REQUEST,
            format!("The body is not valid JSON: line {line}, column {column}."),
        )
    }

    pub(super) fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn unavailable(message: &'static str) -> Self {
        Self {
            retry_after: Some(RETRY_AFTER_S),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }

    pub(super) fn too_many(message: &'static str) -> Self {
        Self {
            retry_after: Some(RETRY_AFTER_S),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, message)
        }
    }

    /// Credentials are not looked at for `wait`.
    pub(super) fn too_many_attempts(wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        Self {
            retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
            ..Self::too_many("Too many wrong credentials came from this address.")
        }
    }

    pub(super) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// What is wrong with which field.
    pub(super) fn field_texts(&self) -> Vec<(String, String)> {
        let pair = |(name, texts): &(String, Vec<String>)| {
            (name.clone(), texts.first().cloned().unwrap_or_default())
        };
        self.faults.0.iter().map(pair).collect()
    }

    /// What it says, for whoever says it in another shape.
    pub(super) fn into_message(self) -> Cow<'static, str> {
        self.message
    }

    /// One field is wrong.
    pub(super) fn field(name: &str, text: impl Into<String>) -> Self {
        let mut faults = Faults::default();
        faults.add(name, text);
        faults.into()
    }
}

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        let (field, text) = (field.into(), text.into());
        match self.0.iter_mut().find(|(name, _)| *name == field) {
            Some((_, texts)) => texts.push(text),
            None => self.0.push((field, vec![text])),
        }
    }

    pub(super) fn names(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    /// Fails when there is any.
    pub(super) fn check(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.into())
        }
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        let first = faults.0.first().and_then(|(_, texts)| texts.first());
        let message = first.cloned().unwrap_or_default();
        Self {
            faults,
            ..Self::unprocessable(message)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::unavailable(match error {
            StoreError::Closed => "The bridge is shutting down.",
            StoreError::Busy => "The bridge has more to record than it can take at once.",
            StoreError::Full | StoreError::Io(_) => "The message log cannot be written.",
            StoreError::Corrupt(_) => "The message log cannot be read.",
        })
    }
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Body<'a> {
    /// In words; of several wrong fields the first.
    message: &'a str,
    /// What is wrong with each field, in the order of the checks.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    errors: Map<String, Value>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let errors = self.faults.0.into_iter();
        let body = Body {
            message: &self.message,
            errors: errors.map(|(k, texts)| (k, json!(texts))).collect(),
        };
        envelope::refusal(
            self.status,
            &body,
            self.retry_after.map(u64::from),
            "Bearer",
        )
    }
}
