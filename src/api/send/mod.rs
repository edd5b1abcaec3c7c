//! `POST /api/sms-gateways/{id}/send`: accept durably, wait for the upstream a while, answer with
//! the record. And many messages in one request, each the same way but without the wait.
//!
//! The hot path. Nothing here reads the store: what was accepted and what came back tell the record.
//! What is checked before anything is accepted, [`draft`] checks for an explanation, too.

pub(super) mod describe;
pub(super) mod idempotency;
mod request;

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

pub(super) use self::idempotency::Running;
pub(super) use self::request::NUMBER_CHARACTERS_MAX;

use self::request::SendRequest;
use super::auth::{BatchCall, Call, Sender};
use super::clock::now;
use super::directory::Profile;
use super::draft::{Draft, Purpose, Seen};
use super::envelope::{self, Rendered};
use super::error::Failure;
use super::explain::{Case, Judged};
use super::messages::record;
use super::{Api, Id, batch, gateways, text};
use crate::message::{
    Entry, Event, Family, GatewayId, Head, Message, MessageId, Next, State, Timestamp, TrafficClass,
};
use crate::route;
use crate::store::{Acceptance, IdempotencyKey, KeyState, NewMessage, Settled};

pub(super) async fn send(id: Id, call: Call<Sender>) -> Result<Response, Failure> {
    let order = Order {
        api: &call.api,
        id,
        headers: &call.headers,
        body: &call.body,
    };
    let path = call.uri.path();
    order
        .send(|| idempotency::key_of(order.headers, &call.caller.name, path, order.body))
        .await
}

/// `POST /api/sms-gateways/{id}/send/batch`
pub(super) async fn send_many(id: Id, call: BatchCall<Sender>) -> Result<Response, Failure> {
    if id.gateway().and_then(|id| call.api.profile(id)).is_none() {
        return Err(Failure::not_found(gateways::NOT_FOUND));
    }
    batch::check_key(&call.headers)?;
    let items = call.upload.items(&call.headers).await?;
    let many = Arc::new(Many {
        api: call.api,
        id,
        token: call.caller.name,
        headers: call.headers,
        path: call.uri.path().to_owned(),
    });
    let one = move |number, item| many.clone().send(number, item);
    Ok(batch::answer(items, one, Some("SMS batch processed.")).await)
}

/// What the messages of one request have in common.
#[derive(Debug)]
struct Many {
    api: Api,
    id: Id,
    token: Arc<str>,
    headers: HeaderMap,
    path: String,
}

impl Many {
    /// As if it had come alone, and asked not to wait.
    async fn send(self: Arc<Self>, number: u64, item: Bytes) -> Result<Response, Failure> {
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert("prefer", HeaderValue::from_static("respond-async"));
        let order = Order {
            api: &self.api,
            id: self.id,
            headers: &headers,
            body: &item,
        };
        order
            .send(|| batch::key_of(&self.headers, &self.token, &self.path, number, &item))
            .await
    }
}

/// One message as it is asked for, alone or among others.
#[derive(Clone, Copy)]
struct Order<'a> {
    api: &'a Api,
    id: Id,
    headers: &'a HeaderMap,
    body: &'a Bytes,
}

impl Order<'_> {
    /// Sends it, unless a request with its key did.
    async fn send(
        self,
        key: impl FnOnce() -> Result<Option<IdempotencyKey>, Failure>,
    ) -> Result<Response, Failure> {
        let api = self.api;
        admitted(api)?;
        let Some(key) = key()? else {
            return accept(self, None).await;
        };
        // Held until the answer is kept.
        let _run = api.0.running.begin(key)?;
        match known(api, api.store.key(key).await?).await? {
            Some(answer) => Ok(answer),
            None => accept(self, Some(key)).await,
        }
    }
}

/// Checks the request, records the message, and answers with what the upstream says of it.
async fn accept(order: Order<'_>, key: Option<IdempotencyKey>) -> Result<Response, Failure> {
    let api = order.api;
    let seen = &mut Seen::default();
    let (headers, body) = (order.headers, order.body);
    let Draft {
        profile,
        head,
        text,
        ..
    } = draft(api, order.id.gateway(), headers, body, Purpose::Send, seen)?;
    let wait = !asks_for_no_wait(headers) && !profile.wait.is_zero();
    let new = NewMessage {
        head: head.clone(),
        text: text.clone(),
        key,
        wait,
    };
    match api.store.accept(new).await? {
        Acceptance::Accepted { id, at, settled } => {
            let entries = match settled {
                Some(settled) => settled_within(profile.wait, settled).await,
                None => Settled::new(),
            };
            let message = message_of(id, at, head, text, &entries);
            let answer = Answer::new(&message, &profile, entries.last());
            keep(api, key, &answer).await;
            Ok(envelope::json(answer.status, answer.body()))
        }
        Acceptance::Known(state) => known(api, state)
            .await?
            .ok_or_else(|| Failure::unavailable("The Idempotency-Key could not be taken.")),
        Acceptance::OptedOut => Err(opted_out()),
        Acceptance::QueueFull => Err(queue_full()),
    }
}

fn admitted(api: &Api) -> Result<(), Failure> {
    match *api.admission.borrow() {
        true => Ok(()),
        false => Err(Failure::unavailable("The bridge is shutting down.")),
    }
}

/// Opt-outs are a use case's.
fn opted_out() -> Failure {
    Failure::unprocessable("The destination has opted out.")
}

fn queue_full() -> Failure {
    Failure::too_many("Too many messages are waiting for this SMS gateway.")
}

/// The checks in their order; what breaks none is a message to accept.
fn draft(
    api: &Api,
    gateway: Option<GatewayId>,
    headers: &HeaderMap,
    body: &Bytes,
    purpose: Purpose,
    seen: &mut Seen,
) -> Result<Draft, Failure> {
    let profile = gateway.and_then(|id| api.profile(id));
    let profile = profile.ok_or_else(|| Failure::not_found(gateways::NOT_FOUND))?;
    seen.profile = Some(profile.clone());
    if !profile.gateway.is_active {
        return Err(Failure::unprocessable("SMS gateway is inactive."));
    }
    let request = SendRequest::parse(headers, body, &profile, &api.config)?;
    let head = head(api, &profile, &request, purpose);
    let ground = request.ground;
    let text = request.message.into_owned();
    Ok(Draft {
        profile,
        head,
        text,
        ground,
    })
}

/// What a send of this body through the gateway would come to.
pub(super) async fn explain(
    call: &Call<Sender>,
    gateway: Option<GatewayId>,
    body: &Bytes,
) -> Judged {
    let mut case = Case::default();
    let refusal = look(&call.api, gateway, body, &mut case).await.err();
    (case, refusal.map(IntoResponse::into_response))
}

async fn look(
    api: &Api,
    gateway: Option<GatewayId>,
    body: &Bytes,
    case: &mut Case,
) -> Result<(), Failure> {
    admitted(api)?;
    let (headers, purpose) = (HeaderMap::new(), Purpose::Explain);
    let draft = draft(api, gateway, &headers, body, purpose, &mut case.seen)?;
    let objection = api.store.objection(draft.to_judge(None)).await;
    case.draft = Some(draft);
    match objection? {
        None | Some(Acceptance::Accepted { .. } | Acceptance::Known(_)) => Ok(()),
        Some(Acceptance::OptedOut) => Err(opted_out()),
        Some(Acceptance::QueueFull) => Err(queue_full()),
    }
}

/// RFC 7240.
fn asks_for_no_wait(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| matches!(b, b',' | b';')))
        .any(|wish| wish.trim_ascii().eq_ignore_ascii_case(b"respond-async"))
}

fn head(api: &Api, profile: &Profile, request: &SendRequest<'_>, purpose: Purpose) -> Head {
    let gateway = &profile.gateway;
    let extent = text::extent(&request.message);
    let segments = if profile.segments { extent.parts } else { 1 };
    let a2p_digits_max = usize::from(api.config.mo.a2p_max_digits);
    Head {
        gateway: gateway.id,
        family: Family::Gateways,
        destination: request.to_number.clone().into_owned(),
        source: request.from_sender.clone().into_owned(),
        tenant_id: request.tenant_id,
        callback_url: request.callback_url.clone().map(Into::into),
        forwards: profile.forwards && request.callback_url.is_some(),
        receipts: route::receipts(&api.config, gateway, &request.to_digits),
        segments,
        unicode: extent.unicode,
        traffic_class: TrafficClass::of_address(&request.from_sender, a2p_digits_max),
        reference: api.reference(purpose, gateway.id, &request.to_digits, segments),
        expires_at: now() + profile.validity,
        not_before: None,
        others: None,
    }
}

/// What the upstream answered, or nothing when it took too long.
async fn settled_within(
    wait: Duration,
    settled: tokio::sync::oneshot::Receiver<Settled>,
) -> Settled {
    match tokio::time::timeout(wait, settled).await {
        Ok(Ok(entries)) => entries,
        // Too long, or the log was opened anew meanwhile: it is queued, as far as is known.
        Ok(Err(_)) | Err(_) => Settled::new(),
    }
}

fn message_of(
    id: MessageId,
    at: Timestamp,
    head: Head,
    text: String,
    entries: &[Entry],
) -> Message {
    let mut message = Message::accepted(id, at, head, text);
    for entry in entries {
        message.apply(entry);
    }
    message
}

/// What the client gets, and a repeat of its key.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    words: &'static str,
    record: Rendered,
}

impl Answer {
    fn new(message: &Message, profile: &Profile, last: Option<&Entry>) -> Answer {
        let unanswered = last.is_some_and(|e| {
            matches!(
                &e.event,
                Event::Unanswered {
                    next: Next::Failed,
                    ..
                }
            )
        });
        let (status, words) = outcome(message.state, unanswered);
        Answer {
            status,
            words,
            record: record::render(message, profile),
        }
    }

    fn body(&self) -> Vec<u8> {
        self.record.in_envelope(self.words)
    }
}

/// Status and words by what became of the message while the client waited.
fn outcome(state: State, unanswered: bool) -> (StatusCode, &'static str) {
    match state {
        State::Scheduled | State::Queued | State::Submitting => {
            (StatusCode::CREATED, "SMS queued.")
        }
        State::Failed if unanswered => (
            StatusCode::GATEWAY_TIMEOUT,
            "The upstream did not answer in time.",
        ),
        State::Expired => (
            StatusCode::GATEWAY_TIMEOUT,
            "The SMS expired before it was sent.",
        ),
        State::Failed => (
            StatusCode::BAD_GATEWAY,
            "The upstream did not take the SMS.",
        ),
        State::Cancelled => (StatusCode::BAD_GATEWAY, "The SMS was cancelled."),
        // Whatever a receipt says so soon: the upstream took it.
        State::Submitted
        | State::Enroute
        | State::Delivered
        | State::Undelivered
        | State::Rejected
        | State::Simulated => (StatusCode::CREATED, "SMS sent successfully."),
    }
}

/// Keeps the answer for repeats, in short: it is in memory for a day. Where that fails the message
/// is recorded all the same, and a repeat is answered from the record.
async fn keep(api: &Api, key: Option<IdempotencyKey>, answer: &Answer) {
    let Some(key) = key else { return };
    let short = answer.record.in_short(answer.words);
    let status = answer.status.as_u16();
    let kept = api.store.answer_key(key, status, short).await;
    if let Err(e) = kept {
        tracing::warn!(error = %e, "the answer of an idempotency key could not be kept");
    }
}

/// The answer to a repeat; `None`: it is none.
async fn known(api: &Api, state: KeyState) -> Result<Option<Response>, Failure> {
    match state {
        KeyState::Unused => Ok(None),
        KeyState::Conflict => Err(idempotency::conflict()),
        KeyState::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED);
            let body = envelope::whole(&body).unwrap_or_else(|| body.into());
            Ok(Some(idempotency::replay(status, body)))
        }
        // Nobody here runs it any more: the record tells how far it came.
        KeyState::Running { message } => {
            let (message, profile, entries) = record::load(api, message)
                .await?
                .ok_or_else(idempotency::still_running)?;
            let answer = Answer::new(&message, &profile, entries.last());
            Ok(Some(idempotency::replay(answer.status, answer.body())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_follow_the_table() {
        for (state, unanswered, status) in [
            (State::Queued, false, 201),
            (State::Submitting, false, 201),
            (State::Submitted, false, 201),
            (State::Delivered, false, 201),
            (State::Undelivered, false, 201),
            (State::Failed, false, 502),
            (State::Failed, true, 504),
            (State::Expired, false, 504),
        ] {
            assert_eq!(outcome(state, unanswered).0.as_u16(), status, "{state:?}");
        }
    }

    #[test]
    fn prefer_respond_async_is_found_among_other_wishes() {
        let asks = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", http::HeaderValue::from_static(value));
            asks_for_no_wait(&headers)
        };
        assert!(asks("respond-async"));
        assert!(asks("wait=10, Respond-Async; x=y"));
        assert!(!asks("wait=10"));
    }
}
