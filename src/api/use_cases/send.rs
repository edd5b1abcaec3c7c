//! `POST /v1/sms/` and reading what was sent.
//!
//! The answer comes when the message is durable. Only a Twilio-compatible upstream is waited
//! for: its name for the message is the `message_sid`, and what it refuses is refused here.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::super::auth::{Call, Reader, Sender};
use super::super::directory::Profile;
use super::super::draft::{Draft, Ground, Purpose, Seen};
use super::super::error::{Failure, Faults};
use super::super::explain::{Case, Judged};
use super::super::json::{self, Field};
use super::super::query::Query;
use super::super::send::idempotency;
use super::super::way::{NoWay, TOO_LONG, Way};
use super::super::{Api, batch, body, clock, cursor, envelope, text};
use super::rejection::Rejection;
use super::{Key, UseCaseBatch, UseCaseCall, check, find, identity, record, refusal};
use crate::message::{
    Family, Head, Message, MessageId, Story, TrafficClass, Transport, UseCase, UseCaseOrigin,
    UseCaseStatus, Via,
};
use crate::route::{self, Ask};
use crate::store::{Acceptance, Filter, IdempotencyKey, KeyState, NewMessage, Settled};

pub(super) const NAMES: [&str; 3] = ["use_case_id", "to_phone_number", "message"];
pub(super) const MESSAGE_CHARACTERS_MAX: usize = 1600;
/// The upstream's answer is waited for, however short the wait of other sends is: the client
/// needs to hear of a refusal.
const WAIT_MIN: Duration = Duration::from_secs(30);
const RETRY_AFTER_S: u32 = 5;

struct SendRequest {
    use_case: u128,
    destination: String,
    text: String,
}

pub(in super::super) async fn send(
    UseCaseCall(call): UseCaseCall<Sender>,
) -> Result<Response, Rejection> {
    body::must_be_json(&call.headers)?;
    let key = || {
        let token = &call.caller.name;
        idempotency::key_of(&call.headers, token, call.uri.path(), &call.body)
    };
    send_one(&call.api, &call.body, key).await
}

/// `POST /v1/sms/batch`
pub(in super::super) async fn send_many(
    UseCaseBatch(call): UseCaseBatch<Sender>,
) -> Result<Response, Rejection> {
    batch::check_key(&call.headers)?;
    let items = call.upload.items(&call.headers).await?;
    let many = Arc::new(Many {
        api: call.api,
        token: call.caller.name,
        headers: call.headers,
        path: call.uri.path().to_owned(),
    });
    let one = move |number, item| many.clone().send(number, item);
    Ok(batch::answer(items, one, None).await)
}

/// What the messages of one request have in common.
#[derive(Debug)]
struct Many {
    api: Api,
    token: Arc<str>,
    headers: HeaderMap,
    path: String,
}

impl Many {
    async fn send(self: Arc<Self>, number: u64, item: Bytes) -> Result<Response, Rejection> {
        let key = || batch::key_of(&self.headers, &self.token, &self.path, number, &item);
        send_one(&self.api, &item, key).await
    }
}

/// Sends one message, unless a request with its key did.
async fn send_one(
    api: &Api,
    body: &Bytes,
    key: impl FnOnce() -> Result<Option<IdempotencyKey>, Failure>,
) -> Result<Response, Rejection> {
    admitted(api)?;
    let Some(key) = key()? else {
        return accept(api, body, None).await;
    };
    // Held until the answer is kept.
    let _run = api.0.running.begin(key)?;
    match known(api, api.store.key(key).await?).await? {
        Some(answer) => Ok(answer),
        None => accept(api, body, Some(key)).await,
    }
}

async fn accept(
    api: &Api,
    body: &Bytes,
    key: Option<IdempotencyKey>,
) -> Result<Response, Rejection> {
    let seen = &mut Seen::default();
    let Draft {
        profile,
        head,
        text,
        ..
    } = draft(api, body, Purpose::Send, seen).await?;
    let new = NewMessage {
        head: head.clone(),
        text: text.clone(),
        key,
        wait: profile.transport == Transport::Twilio,
    };
    let (id, at, settled) = match api.store.accept(new).await? {
        Acceptance::Accepted { id, at, settled } => (id, at, settled),
        Acceptance::OptedOut => return Err(opted_out()),
        Acceptance::QueueFull => return Err(queue_full()),
        Acceptance::Known(state) => {
            let answer = known(api, state).await?;
            return answer.ok_or_else(|| idempotency::still_running().into());
        }
    };
    let entries = match settled {
        Some(settled) => tokio::time::timeout(profile.wait.max(WAIT_MIN), settled).await,
        None => Ok(Ok(Settled::new())),
    };
    let entries = entries.ok().and_then(Result::ok).unwrap_or_default();
    if let Some(refused) = refusal::of(&entries) {
        if let (true, Family::UseCases(origin)) = (refused.is_opt_out(), &head.family) {
            opt_out(api, origin.use_case, &head.destination).await?;
        }
        return Err(refused.into());
    }
    let mut message = Message::accepted(id, at, head, text);
    entries.iter().for_each(|entry| message.apply(entry));
    // It may have gone to another gateway of its route meanwhile.
    let profile = api
        .any_profile(message.head.gateway)
        .await?
        .unwrap_or(profile);
    let body = record::render(&message, &profile.gateway, record::Moment::Accepted);
    if let Some(key) = key {
        let kept = api.store.answer_key(key, 201, body.clone()).await;
        if let Err(e) = kept {
            tracing::warn!(error = %e, "the answer of an idempotency key could not be kept");
        }
    }
    Ok(envelope::json(StatusCode::CREATED, body))
}

fn admitted(api: &Api) -> Result<(), Rejection> {
    if *api.admission.borrow() {
        return Ok(());
    }
    let stopping = "The bridge is shutting down.";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Err(Rejection::busy(
        status,
        "unavailable",
        stopping,
        RETRY_AFTER_S,
    ))
}

/// The checks in their order; what breaks none is a message to accept.
async fn draft(
    api: &Api,
    body: &[u8],
    purpose: Purpose,
    seen: &mut Seen,
) -> Result<Draft, Rejection> {
    let request = parse(body)?;
    let use_case = find(api, Some(request.use_case))
        .filter(|u| u.status == UseCaseStatus::Active)
        .ok_or_else(Rejection::use_case_not_found)?;
    seen.use_case = Some(use_case.clone());
    let defaults = &api.config.use_cases_defaults;
    check::before_send(&use_case, &request.destination, defaults)?;
    let extent = text::extent(&request.text);
    // A named gateway is missed before a sender is chosen; a route may ask for the sender.
    if let Via::Gateway(_) = use_case.via {
        way(api, &use_case, &request, "", extent.parts, purpose, seen)?;
    }
    let pools = &api.0.pools;
    let chosen = pools.choose(api.store.as_ref(), &use_case, &request.destination, purpose);
    let (source, ground) = chosen.await?.unwrap_or((String::new(), Ground::Upstream));
    let way = way(
        api,
        &use_case,
        &request,
        &source,
        extent.parts,
        purpose,
        seen,
    )?;
    Ok(Draft {
        head: head(api, &use_case, &way, &request, source, extent, purpose),
        profile: way.profile,
        text: request.text,
        ground,
    })
}

/// What a send of this body would come to.
pub(in super::super) async fn explain(call: &Call<Sender>, body: &Bytes) -> Judged {
    let mut case = Case::default();
    let refusal = look(&call.api, body, &mut case).await.err();
    (case, refusal.map(IntoResponse::into_response))
}

async fn look(api: &Api, body: &Bytes, case: &mut Case) -> Result<(), Rejection> {
    admitted(api)?;
    let draft = draft(api, body, Purpose::Explain, &mut case.seen).await?;
    let objection = api.store.objection(draft.to_judge(None)).await;
    case.draft = Some(draft);
    let objection = objection?;
    case.opted_out = Some(matches!(objection, Some(Acceptance::OptedOut)));
    match objection {
        None | Some(Acceptance::Accepted { .. } | Acceptance::Known(_)) => Ok(()),
        Some(Acceptance::OptedOut) => Err(opted_out()),
        Some(Acceptance::QueueFull) => Err(queue_full()),
    }
}

fn parse(octets: &[u8]) -> Result<SendRequest, Rejection> {
    let [use_case, destination, message] = json::fields(octets, &NAMES)?;
    let mut errors = Vec::new();
    let mut wrong = |name: &str, text: &str| errors.push((name.to_owned(), text.to_owned()));
    let use_case = match &use_case {
        Field::Text(text) => super::parse(text),
        _ => None,
    };
    if use_case.is_none() {
        wrong("use_case_id", "The use_case_id must be a UUID.");
    }
    let destination = match destination {
        Field::Text(number) if check::is_e164(&number) => Some(number.into_owned()),
        _ => {
            let text = "The to_phone_number must be a number in E.164 form, like +14155550100.";
            wrong("to_phone_number", text);
            None
        }
    };
    let text = match message {
        Field::Text(text)
            if !text.is_empty() && text.chars().nth(MESSAGE_CHARACTERS_MAX).is_none() =>
        {
            Some(text.into_owned())
        }
        _ => {
            wrong("message", "The message must have 1 to 1600 characters.");
            None
        }
    };
    match (use_case, destination, text) {
        (Some(use_case), Some(destination), Some(text)) => Ok(SendRequest {
            use_case,
            destination,
            text,
        }),
        _ => Err(Rejection::fields(errors)),
    }
}

fn way(
    api: &Api,
    use_case: &UseCase,
    request: &SendRequest,
    sender: &str,
    parts: u8,
    purpose: Purpose,
    seen: &mut Seen,
) -> Result<Way, Rejection> {
    let ask = Ask {
        destination: &request.destination,
        sender,
    };
    let unfit = |profile: &Profile| profile.check_parts(parts).is_err().then_some(TOO_LONG);
    let way = api.way(&use_case.via, ask, parts, unfit, purpose, seen);
    way.map_err(|none| {
        let most = seen.profile.as_ref().and_then(|p| p.parts_max);
        if let (NoWay::Unfit, Some(most)) = (none, most) {
            let text = format!("The message must have at most {most} parts.");
            return Rejection::field("message", text);
        }
        let none = match use_case.via {
            Via::Gateway(_) => "The use case's gateway is not there, or not active.",
            Via::Route(_) => "The use case's route has no gateway for this message.",
        };
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Rejection::busy(status, "no_route", none, RETRY_AFTER_S)
    })
}

fn head(
    api: &Api,
    use_case: &UseCase,
    way: &Way,
    request: &SendRequest,
    source: String,
    extent: text::Extent,
    purpose: Purpose,
) -> Head {
    let profile = &way.profile;
    let gateway = &profile.gateway;
    let segments = if profile.segments { extent.parts } else { 1 };
    let service = use_case.messaging_service_sid.clone();
    // Whichever gateway of a route it comes to; others than Twilio-compatible ones leave it.
    let with_service = profile.transport == Transport::Twilio || way.others.is_some();
    Head {
        gateway: gateway.id,
        family: Family::UseCases(UseCaseOrigin {
            use_case: use_case.id,
            messaging_service_sid: service.filter(|_| with_service),
        }),
        destination: request.destination.clone(),
        traffic_class: TrafficClass::of_address(&source, usize::from(api.config.mo.a2p_max_digits)),
        source,
        tenant_id: None,
        callback_url: None,
        forwards: false,
        receipts: route::receipts(&api.config, gateway, &request.destination),
        segments,
        unicode: extent.unicode,
        reference: api.reference(purpose, gateway.id, &request.destination, segments),
        expires_at: clock::now() + profile.validity,
        not_before: None,
        others: way.others.clone(),
    }
}

fn queue_full() -> Rejection {
    let full = "Too many messages are waiting for this use case's gateway.";
    let status = StatusCode::TOO_MANY_REQUESTS;
    Rejection::busy(status, "too_many_requests", full, RETRY_AFTER_S)
}

fn opted_out() -> Rejection {
    Rejection::check(
        "opted_out",
        "The destination has opted out of this use case.",
    )
}

async fn opt_out(api: &Api, use_case: u128, destination: &str) -> Result<(), Rejection> {
    if let Some(number) = crate::message::msisdn(destination) {
        api.store.set_opt_out(use_case, number, true).await?;
    }
    Ok(())
}

/// The answer to a repeat; `None`: it is none.
async fn known(api: &Api, state: KeyState) -> Result<Option<Response>, Rejection> {
    match state {
        KeyState::Unused => Ok(None),
        KeyState::Conflict => Err(idempotency::conflict().into()),
        KeyState::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED);
            Ok(Some(idempotency::replay(status, body)))
        }
        // Nobody here runs it any more: the record tells how far it came.
        KeyState::Running { message } => {
            let body = load(api, message).await?;
            let body = body.ok_or_else(|| Rejection::from(idempotency::still_running()))?;
            Ok(Some(idempotency::replay(StatusCode::CREATED, body)))
        }
    }
}

/// The record of a message of this family.
async fn load(api: &Api, id: MessageId) -> Result<Option<String>, Rejection> {
    let entries = api.store.entries(id).await?;
    match Story::of(&entries) {
        Some(Story::Mt(m)) if matches!(m.head.family, Family::UseCases(_)) => {
            let profile = api.any_profile(m.head.gateway).await?;
            Ok(profile.map(|p| record::render(&m, &p.gateway, record::Moment::Now)))
        }
        _ => Ok(None),
    }
}

/// `GET /v1/sms/{id}`
pub(in super::super) async fn read(
    Key(key): Key,
    UseCaseCall(call): UseCaseCall<Reader>,
) -> Result<Response, Rejection> {
    let id = key.and_then(identity::message_of);
    let record = match id {
        Some(id) => load(&call.api, id).await?,
        None => None,
    };
    let record = record.ok_or_else(Rejection::not_found)?;
    Ok(envelope::json(StatusCode::OK, record))
}

/// Rows where the client does not say.
pub(super) const ROWS: i64 = 50;
pub(super) const ROWS_MAX: i64 = 200;

/// `GET /v1/sms/?use_case_id=&status=&limit=&cursor=`, newest first. `next_cursor` is there
/// while more may follow.
pub(in super::super) async fn list(
    UseCaseCall(call): UseCaseCall<Reader>,
) -> Result<Response, Rejection> {
    let api = &call.api;
    let query = Query::of(&call.uri);
    let mut faults = Faults::default();
    let limit = query.integer("limit", 1..=ROWS_MAX, &mut faults);
    let cursor = cursor::of(&query, &mut faults);
    faults.check()?;
    let limit = usize::try_from(limit.unwrap_or(ROWS)).expect("the rule made it positive");
    let named = |name: &str| -> Result<Option<u128>, Rejection> {
        let Some(text) = query.get(name) else {
            return Ok(None);
        };
        let uuid = super::parse(text);
        uuid.map(Some)
            .ok_or_else(|| Rejection::field(name, format!("The {name} must be a UUID.")))
    };
    let use_case = named("use_case_id")?;
    let status = match query.get("status") {
        None => None,
        Some(word) => Some(record::Status::named(word).ok_or_else(|| {
            let text = "The status must be pending, sent, delivered, undelivered or failed.";
            Rejection::field("status", text)
        })?),
    };
    let snapshot = api.snapshot();
    let gateways = snapshot.clone();
    let filter = Filter {
        also: Some(Arc::new(move |story| {
            let Story::Mt(m) = story else { return false };
            let Family::UseCases(origin) = &m.head.family else {
                return false;
            };
            let transport = gateways.profile(m.head.gateway).map(|p| p.transport);
            use_case.is_none_or(|u| origin.use_case == u)
                && status.is_none_or(|s| record::Status::of(m, transport) == s)
        })),
        cursor,
        limit,
        ..Filter::default()
    };
    let listing = api.store.list(filter).await?;
    let mut rows = Vec::with_capacity(listing.stories.len());
    for story in &listing.stories {
        if let Story::Mt(m) = story
            && let Some(profile) = api.any_profile(m.head.gateway).await?
        {
            rows.push(record::render(m, &profile.gateway, record::Moment::Now));
        }
    }
    let next = listing.next.map(cursor::write);
    let body = format!(
        "{{\"data\":[{}],\"next_cursor\":{}}}",
        rows.join(","),
        json!(next)
    );
    Ok(envelope::json(StatusCode::OK, body))
}
