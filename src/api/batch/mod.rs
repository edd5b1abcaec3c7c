//! Many messages in one request, each answered as if it had come alone.
//!
//! A family brings its own single send; here is what is common: an array of JSON that is answered
//! as a whole, and a stream of lines that is answered line by line, in order, while it comes in.
//! Of a stream a window of lines is in work and nothing else is held: who reads the answers
//! slowly, or fills a queue, is read slowly.
//!
//! - `lines`: a body cut into lines
//! - `verdict`: one message's answer among the others'
//! - `describe`: what is said about such routes

pub(super) mod describe;
mod lines;
mod verdict;

use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub(super) use self::lines::{LINE_OCTETS_MAX, Lines, is_lines};

use super::envelope::{self, Rendered};
use super::error::Failure;
use super::send::idempotency;
use super::{Api, body, json};
use crate::store::IdempotencyKey;

/// Messages in one array, at most; the limit of the body is often reached before.
pub(super) const ITEMS_MAX: usize = 1000;
/// Messages in work at once: what one commit of the log takes. Memory of a stream is at most
/// this many times [`LINE_OCTETS_MAX`], and the answers.
const WINDOW: usize = 256;
/// Answers that are written together where they are ready together.
const WRITTEN_TOGETHER: usize = 64;
/// A line that meets a full queue, or a spent rate, waits this long before it is refused …
const ROOM_WITHIN: Duration = Duration::from_secs(30);
/// … and tries again this often.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// The media type of lines of JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// What a request brings.
#[derive(Debug)]
pub(super) enum Items {
    Array(Vec<Bytes>),
    Lines(Box<Lines>),
}

/// The body of a batch.
#[derive(Debug)]
pub(super) enum Upload {
    /// Read as a whole.
    Whole(Bytes),
    /// Still on its way.
    Lines(Box<Lines>),
}

impl Upload {
    /// A body that is read line by line, until the bridge stops.
    pub(super) fn lines(body: Body, api: &Api) -> Upload {
        Upload::Lines(Box::new(Lines::new(body, api.admission.clone())))
    }

    /// The messages, or why there are none.
    pub(super) async fn items(self, headers: &HeaderMap) -> Result<Items, Failure> {
        match self {
            Upload::Whole(octets) => {
                body::must_be_json(headers)?;
                Ok(Items::Array(json::items(&octets, ITEMS_MAX)?))
            }
            Upload::Lines(mut lines) => {
                lines.begin().await?;
                Ok(Items::Lines(lines))
            }
        }
    }
}

/// Sends each and answers them all; `one` is the family's single send, which gets a message's
/// number and octets. An array's answer says `message`, where the family has such a member.
pub(super) async fn answer<F, Fut, E>(
    items: Items,
    one: F,
    message: Option<&'static str>,
) -> Response
where
    F: Fn(u64, Bytes) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, E>> + Send + 'static,
    E: From<Failure> + IntoResponse + Send + 'static,
{
    match items {
        Items::Array(items) => {
            let numbered = (1..).zip(items);
            let verdicts = stream::iter(numbered)
                .map(|(number, item)| {
                    let sent = one(number, item);
                    async move {
                        let verdict = verdict::of(number, sent.await.into_response()).await;
                        Rendered::written(verdict)
                    }
                })
                .buffered(WINDOW);
            let rows: Vec<Rendered> = verdicts.collect().await;
            envelope::rows(message, &rows)
        }
        Items::Lines(lines) => {
            let verdicts = each_line(*lines, one);
            let mut response = Response::new(Body::from_stream(verdicts));
            let kind = HeaderValue::from_static(NDJSON);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    }
}

/// A verdict a line, in the order of the lines.
fn each_line<F, Fut, E>(
    lines: Lines,
    one: F,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send
where
    F: Fn(u64, Bytes) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, E>> + Send + 'static,
    E: From<Failure> + IntoResponse + Send + 'static,
{
    let lines = stream::unfold(lines, |mut lines| async move {
        let line = lines.next().await?;
        Some((line, lines))
    });
    let verdicts = lines.map(move |(number, line)| {
        let one = one.clone();
        async move {
            let answer = match line {
                Ok(item) => patiently(|| one(number, item.clone())).await,
                Err(failure) => E::from(failure).into_response(),
            };
            let mut verdict = verdict::of(number, answer).await;
            verdict.push(b'\n');
            verdict
        }
    });
    let together = verdicts.buffered(WINDOW).ready_chunks(WRITTEN_TOGETHER);
    together.map(|verdicts| Ok(Bytes::from(verdicts.concat())))
}

/// Tries until there is room, within reason: the stream waits, and with it whoever fills it.
async fn patiently<Fut, E>(attempt: impl Fn() -> Fut) -> Response
where
    Fut: Future<Output = Result<Response, E>>,
    E: IntoResponse,
{
    let began = Instant::now();
    loop {
        let answer = attempt().await.into_response();
        if answer.status() != StatusCode::TOO_MANY_REQUESTS || began.elapsed() >= ROOM_WITHIN {
            return answer;
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

/// Names the key of one message of a batch.
pub(super) const KEY_MEMBER: &str = "idempotency_key";

/// Holds the key of a request to what a key may be, before any message is looked at.
pub(super) fn check_key(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get(idempotency::HEADER) {
        Some(key) => idempotency::checked(idempotency::FIELD, key.as_bytes()).map(|_| ()),
        None => Ok(()),
    }
}

/// The idempotency key of one message: its own, or made of the request's and its number.
pub(super) fn key_of(
    headers: &HeaderMap,
    token: &str,
    path: &str,
    number: u64,
    item: &[u8],
) -> Result<Option<IdempotencyKey>, Failure> {
    // What is no object is refused where the message is read.
    let [own] = json::fields(item, &[KEY_MEMBER]).unwrap_or_default();
    let own = match own {
        json::Field::Absent | json::Field::Null => None,
        json::Field::Text(key) => Some(key),
        _ => Some("".into()),
    };
    if let Some(own) = own {
        let own = idempotency::checked(KEY_MEMBER, own.as_bytes())?;
        return Ok(Some(idempotency::keyed(token, own, path, item)));
    }
    let Some(common) = headers.get(idempotency::HEADER) else {
        return Ok(None);
    };
    let numbered = [common.as_bytes(), b"\0", number.to_string().as_bytes()].concat();
    Ok(Some(idempotency::keyed(token, &numbered, path, item)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(header: Option<&str>, number: u64, item: &str) -> Result<Option<IdempotencyKey>, u16> {
        let mut headers = HeaderMap::new();
        if let Some(key) = header {
            headers.insert(idempotency::HEADER, key.parse().unwrap());
        }
        key_of(&headers, "a", "/x", number, item.as_bytes()).map_err(|f| f.status.as_u16())
    }

    #[test]
    fn a_messages_own_key_counts_wherever_it_stands_and_the_requests_by_its_number() {
        let own = r#"{"idempotency_key":"k"}"#;
        let first = key(None, 1, own).unwrap().unwrap();
        assert_eq!(key(Some("x"), 7, own), Ok(Some(first)));
        assert_eq!(key(None, 1, "{}"), Ok(None));
        let by_number = |n| key(Some("x"), n, "{}").unwrap().unwrap();
        assert_eq!(by_number(1), by_number(1));
        assert_ne!(by_number(1).key, by_number(2).key);
        for wrong in [r#"{"idempotency_key":""}"#, r#"{"idempotency_key":7}"#] {
            assert_eq!(key(None, 1, wrong), Err(422), "{wrong}");
        }
    }
}
