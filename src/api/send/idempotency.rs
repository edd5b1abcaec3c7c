//! `Idempotency-Key`: a repeat gets the first answer, and nothing is sent twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use ring::digest::{Context, SHA256};

use super::super::envelope;
use super::super::error::Failure;
use crate::store::IdempotencyKey;

pub(in super::super) const HEADER: &str = "idempotency-key";
/// The header, as an error names it.
pub(in super::super) const FIELD: &str = "Idempotency-Key";
pub(in super::super) const REPLAYED: &str = "idempotent-replayed";
pub(in super::super) const KEY_OCTETS_MAX: usize = 255;

/// The key of a request, if it has one. The same key of another token is another key, and the same
/// body for another gateway is another request.
pub(in super::super) fn key_of(
    headers: &HeaderMap,
    token: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Failure> {
    let Some(given) = headers.get(HEADER) else {
        return Ok(None);
    };
    let given = checked(FIELD, given.as_bytes())?;
    Ok(Some(keyed(token, given, path, body)))
}

/// The key, if it has a fit length.
pub(in super::super) fn checked<'k>(field: &str, key: &'k [u8]) -> Result<&'k [u8], Failure> {
    if (1..=KEY_OCTETS_MAX).contains(&key.len()) {
        return Ok(key);
    }
    let wrong = "The idempotency key must have 1 to 255 characters.";
    Err(Failure::field(field, wrong))
}

/// The key `given` with a token, and the digest of what came with it.
pub(in super::super) fn keyed(
    token: &str,
    given: &[u8],
    path: &str,
    body: &[u8],
) -> IdempotencyKey {
    IdempotencyKey {
        key: digest(token.as_bytes(), given),
        content: digest(path.trim_end_matches('/').as_bytes(), body),
    }
}

/// The key of a client that is known by `scope`, and the digest of what came with it.
pub(in super::super) fn key(scope: &[&str], given: &[u8], content: &[u8]) -> IdempotencyKey {
    let scope = scope.join("\0");
    IdempotencyKey {
        key: digest(scope.as_bytes(), given),
        content: digest(b"", content),
    }
}

/// The first half of a SHA-256 over both, the first one's length in front.
fn digest(first: &[u8], second: &[u8]) -> u128 {
    let mut context = Context::new(&SHA256);
    context.update(&u64::try_from(first.len()).unwrap_or(u64::MAX).to_be_bytes());
    context.update(first);
    context.update(second);
    let whole = context.finish();
    let half = whole
        .as_ref()
        .first_chunk()
        .expect("a SHA-256 has 32 octets");
    u128::from_be_bytes(*half)
}

/// The answer of the first request.
pub(in super::super) fn replay(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = envelope::json(status, body).into_response();
    let replayed = HeaderValue::from_static("true");
    response.headers_mut().insert(REPLAYED, replayed);
    response
}

pub(in super::super) fn conflict() -> Failure {
    Failure::field(FIELD, "This Idempotency-Key was used with another request.")
}

pub(in super::super) fn still_running() -> Failure {
    Failure::new(
        StatusCode::CONFLICT,
        "The first request with this Idempotency-Key is still running.",
    )
}

/// Keys whose first request is being answered by this process. What the log calls running and is
/// not among them lost its request to a crash or a client that hung up.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Running(Arc<Mutex<HashMap<u128, u128>>>);

/// One running request; dropping it ends it.
#[derive(Debug)]
pub(in super::super) struct Run {
    running: Running,
    key: u128,
}

impl Running {
    pub(in super::super) fn begin(&self, key: IdempotencyKey) -> Result<Run, Failure> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.get(&key.key) {
            None => {
                keys.insert(key.key, key.content);
                Ok(Run {
                    running: self.clone(),
                    key: key.key,
                })
            }
            Some(content) if *content == key.content => Err(still_running()),
            Some(_) => Err(conflict()),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut keys = self
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(token: &str, path: &str, key: &str, body: &str) -> IdempotencyKey {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, key.parse().unwrap());
        key_of(&headers, token, path, body.as_bytes())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn token_and_key_make_the_key_and_path_and_body_the_content() {
        let first = key("a", "/x", "k", "body");
        assert_eq!(first, key("a", "/x/", "k", "body"));
        assert_ne!(first.key, key("b", "/x", "k", "body").key);
        assert_ne!(first.key, key("", "/x", "ak", "body").key);
        assert_ne!(first.content, key("a", "/x", "k", "Body").content);
        assert_ne!(first.content, key("a", "/y", "k", "body").content);
    }

    #[test]
    fn a_running_key_refuses_a_second_request_until_it_is_dropped() {
        let running = Running::default();
        let one = key("a", "/x", "k", "1");
        let run = running.begin(one).unwrap();
        assert_eq!(running.begin(one).unwrap_err().status, StatusCode::CONFLICT);
        let other = running.begin(key("a", "/x", "k", "2")).unwrap_err();
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
        drop(run);
        assert!(running.begin(one).is_ok());
    }
}
