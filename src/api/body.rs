//! The octets of a request's body, bounded in size and time, and what kind of text they are.

use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;

use super::error::Failure;

/// A body that takes longer is not being sent but held.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// So much of a body that is too large is read and thrown away, so that the client is there to read
/// the answer; what exceeds even this meets a closed connection.
const DISCARDED_MAX: usize = 4 << 20;

/// Reads the whole body, of at most `octets_max`.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    octets_max: usize,
) -> Result<Bytes, Failure> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > octets_max && headers.contains_key(header::EXPECT) {
        return Err(too_large(octets_max));
    }
    // Nearly always the body came along with the head, in one piece: no timer, no copy.
    let first = body.frame().now_or_never();
    let begun = match first {
        Some(None) => return Ok(Bytes::new()),
        Some(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Some(Some(Err(_))) => return Err(broken()),
        None => Bytes::new(),
    };
    if body.is_end_stream() && begun.len() <= octets_max {
        return Ok(begun);
    }
    let rest = read_rest(begun, body, octets_max);
    match tokio::time::timeout(BODY_TIMEOUT, rest).await {
        Ok(read) => read,
        Err(_) => Err(Failure::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive in time.",
        )),
    }
}

/// Reads what a client is sending who is refused for what came before: some of it, so that he is
/// there to read the answer. Who waits to be told to go on is told the answer instead.
pub(super) async fn discard(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(header::EXPECT) {
        let _ = read(headers, body, 0).await;
    }
}

async fn read_rest(begun: Bytes, mut body: Body, octets_max: usize) -> Result<Bytes, Failure> {
    let mut whole = BytesMut::from(begun);
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| broken())?.into_data() else {
            continue;
        };
        if whole.len() + data.len() <= octets_max && discarded == 0 {
            whole.extend_from_slice(&data);
            continue;
        }
        discarded += whole.len() + data.len();
        whole = BytesMut::new();
        if discarded > DISCARDED_MAX {
            break;
        }
    }
    if discarded > 0 || whole.len() > octets_max {
        return Err(too_large(octets_max));
    }
    Ok(whole.freeze())
}

fn too_large(octets_max: usize) -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The body must have at most {octets_max} octets."),
    )
}

fn broken() -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "The body ended early.")
}

/// What `Content-Type` says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Form,
    /// There is no such header.
    Unsaid,
}

/// The kind of the body, or 415.
pub(super) fn kind(headers: &HeaderMap) -> Result<Kind, Failure> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Kind::Unsaid);
    };
    let essence = value.as_bytes().split(|b| *b == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    let is = |name: &[u8]| essence.eq_ignore_ascii_case(name);
    if is(b"application/json") || essence.to_ascii_lowercase().ends_with(b"+json") {
        Ok(Kind::Json)
    } else if is(b"application/x-www-form-urlencoded") {
        Ok(Kind::Form)
    } else if essence.is_empty() {
        Ok(Kind::Unsaid)
    } else {
        Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This Content-Type is not supported here; application/json is.",
        ))
    }
}

/// For routes that take nothing but JSON.
pub(super) fn must_be_json(headers: &HeaderMap) -> Result<(), Failure> {
    match kind(headers)? {
        Kind::Json | Kind::Unsaid => Ok(()),
        Kind::Form => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The Content-Type must be application/json here.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(value: &str) -> Option<Kind> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
        kind(&headers).ok()
    }

    #[test]
    fn content_types_are_told_apart() {
        assert_eq!(kind_of("application/json"), Some(Kind::Json));
        assert_eq!(kind_of("Application/JSON; charset=utf-8"), Some(Kind::Json));
        assert_eq!(kind_of("application/problem+json"), Some(Kind::Json));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(kind_of(form), Some(Kind::Form));
        assert_eq!(kind_of("multipart/form-data; boundary=x"), None);
        assert_eq!(kind_of("text/xml"), None);
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_joined_and_one_too_many_is_refused() {
        let pieces = |n: usize| {
            let piece = || Ok::<_, std::io::Error>(Bytes::from_static(b"abcd"));
            Body::from_stream(futures_util::stream::iter((0..n).map(move |_| piece())))
        };
        let headers = HeaderMap::new();
        let read_of = |body, most| read(&headers, body, most);
        assert_eq!(read_of(pieces(3), 12).await.unwrap(), "abcdabcdabcd");
        let refused = read_of(pieces(4), 12).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read_of(Body::from("abcd"), 4).await.unwrap(), "abcd");
        let refused = read_of(Body::from("abcde"), 4).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read_of(Body::empty(), 4).await.unwrap(), "");
    }
}
