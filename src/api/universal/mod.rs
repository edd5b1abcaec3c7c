//! `POST /api/message-server/sms/send`: one call, one message, with everything it may need:
//! placeholders, a time to send it, a header of its own, notifications part by part.
//!
//! An answer of 200 says that the request was understood; `accepted` in it, whether the message
//! was taken. The repeat of a `messageId` with the same content sends nothing.
//!
//! - `account`, `password`: who calls, from where, how often
//! - `request`: what is to be sent, held to the rules
//! - `refusal`: errors as this family words them

mod account;
pub(super) mod describe;
mod password;
mod placeholder;
mod refusal;
mod request;
mod schedule;

use std::sync::Arc;
use std::time::Instant;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) use self::account::{
    API_KEY, AccountBatch, AccountCall, Accounts, Allowance, Client, Identified, PASSWORD,
    is_account,
};
pub(super) use self::refusal::Refusal;

use self::request::SendRequest;
use super::directory::Profile;
use super::draft::{Draft, Ground, Purpose, Seen};
use super::explain::{Case, Judged};
use super::way::{NoWay, TOO_LONG, Way};
use super::{Api, batch, clock, envelope, text};
use crate::config::Account;
use crate::message::{Family, Head, TrafficClass, UniversalOrigin};
use crate::route::{self, Ask};
use crate::store::{Acceptance, IdempotencyKey, KeyState, NewMessage, StoreError};

/// All paths of this family begin with it.
pub(super) const PREFIX: &str = "/api/message-server/";

/// Why a well-formed message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Reason {
    NoRoute,
    GatewayInactive,
    DestinationOptedOut,
    DuplicateMessageId,
    QueueFull,
}

/// A request that was understood.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UniversalAnswer")]
struct Answer<'a> {
    message_id: &'a str,
    simulation: bool,
    results: Results<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UniversalResults")]
struct Results<'a> {
    sms: Verdict<'a>,
}

/// Whether the message was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UniversalVerdict")]
struct Verdict<'a> {
    /// Taken for sending, which is not delivered.
    accepted: bool,
    unicode: bool,
    parts: u8,
    /// Why not; empty when it was taken.
    reasons: &'a [Reason],
}

/// Why a message is not taken.
enum Untaken {
    /// It is well-formed: an answer of 200 tells.
    Reason(Reason),
    Refused(Refusal),
}

impl From<Reason> for Untaken {
    fn from(reason: Reason) -> Untaken {
        Untaken::Reason(reason)
    }
}

impl From<StoreError> for Untaken {
    fn from(error: StoreError) -> Untaken {
        Untaken::Refused(error.into())
    }
}

pub(super) async fn send(AccountCall(call): AccountCall) -> Result<Response, Refusal> {
    send_one(&call, &call.body).await
}

/// `POST /api/message-server/sms/send/batch`
pub(super) async fn send_many(call: AccountBatch) -> Result<Response, Refusal> {
    let items = call.upload.items(&call.headers).await;
    let items = items.map_err(|failure| match failure.status {
        // What is no array is out of shape.
        StatusCode::UNPROCESSABLE_ENTITY => Refusal::out_of_shape(failure),
        _ => failure.into(),
    })?;
    let client = Arc::new(call.client);
    let one = move |_, item: Bytes| {
        let client = client.clone();
        async move {
            client.pace()?;
            send_one(&client, &item).await
        }
    };
    Ok(batch::answer(items, one, None).await)
}

async fn send_one(client: &Client, body: &[u8]) -> Result<Response, Refusal> {
    let (api, account) = (&client.api, client.account());
    admitted(api)?;
    let request = SendRequest::parse(body, account.max_parts, clock::now())?;
    match take(api, account, &request).await {
        Ok(()) => Ok(answer(&request, None)),
        Err(Untaken::Reason(reason)) => Ok(answer(&request, Some(reason))),
        Err(Untaken::Refused(refusal)) => Err(refusal),
    }
}

fn admitted(api: &Api) -> Result<(), Refusal> {
    match *api.admission.borrow() {
        true => Ok(()),
        false => Err(Refusal::unavailable("The bridge is shutting down.")),
    }
}

fn answer(request: &SendRequest<'_>, untaken: Option<Reason>) -> Response {
    let answer = Answer {
        message_id: &request.message_id,
        simulation: request.simulation,
        results: Results {
            sms: Verdict {
                accepted: untaken.is_none(),
                unicode: request.unicode,
                parts: request.parts,
                reasons: untaken.as_slice(),
            },
        },
    };
    let body = serde_json::to_vec(&answer).expect("an answer is plain data");
    envelope::json(StatusCode::OK, body)
}

/// Records the message durably; or why not.
async fn take(api: &Api, account: &Account, request: &SendRequest<'_>) -> Result<(), Untaken> {
    let seen = &mut Seen::default();
    let draft = draft(api, account, request, Purpose::Send, seen)?;
    let new = NewMessage {
        key: key_of(api, account, request).await?,
        head: draft.head,
        text: draft.text,
        wait: false,
    };
    match api.store.accept(new).await? {
        Acceptance::Accepted { .. } => Ok(()),
        other => {
            judged(&other)?;
            Ok(())
        }
    }
}

/// Whether an answer of the store other than acceptance is a repeat of what was taken.
fn judged(objection: &Acceptance) -> Result<bool, Reason> {
    match objection {
        Acceptance::Known(KeyState::Conflict) => Err(Reason::DuplicateMessageId),
        // The same message again: the same answer, and nothing is sent.
        Acceptance::Known(_) => Ok(true),
        Acceptance::Accepted { .. } => Ok(false),
        Acceptance::OptedOut => Err(Reason::DestinationOptedOut),
        Acceptance::QueueFull => Err(Reason::QueueFull),
    }
}

/// The checks in their order; what breaks none is a message to accept.
fn draft(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
    purpose: Purpose,
    seen: &mut Seen,
) -> Result<Draft, Reason> {
    let ask = Ask {
        destination: &request.destination,
        sender: &request.sender,
    };
    let unfit = |profile: &Profile| {
        if request.udh.is_some() && !profile.takes_headers() {
            return Some("it takes no user data header");
        }
        profile
            .check_parts(request.parts)
            .is_err()
            .then_some(TOO_LONG)
    };
    let way = api.way(&account.via, ask, request.parts, unfit, purpose, seen);
    let Way { profile, others } = way.map_err(|none| match none {
        NoWay::Inactive => Reason::GatewayInactive,
        NoWay::None | NoWay::Unfit => Reason::NoRoute,
    })?;
    Ok(Draft {
        head: Head {
            others,
            ..head(api, account, request, &profile, purpose)
        },
        text: request.text.clone().into_owned(),
        ground: Ground::Request,
        profile,
    })
}

/// What makes a repeat known. A simulation leaves the id free, but meets what is taken.
async fn key_of(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
) -> Result<Option<IdempotencyKey>, Untaken> {
    let key = request.key(&account.name);
    match (key, request.simulation) {
        (Some(key), true) => match api.store.key(key).await? {
            KeyState::Conflict => Err(Reason::DuplicateMessageId.into()),
            _ => Ok(None),
        },
        (key, _) => Ok(key),
    }
}

/// What a send of this body by the account would come to.
pub(super) async fn explain(call: &Identified, body: &Bytes) -> Judged {
    let mut case = Case {
        allowance: call.allowance(Instant::now()),
        ..Case::default()
    };
    let refusal = look(call, body, &mut case).await.err();
    (case, refusal)
}

async fn look(call: &Identified, body: &Bytes, case: &mut Case) -> Result<(), Response> {
    let (api, account) = (&call.api, call.account());
    let request = call.would_be_paced(Instant::now());
    let request = request.and_then(|()| admitted(api));
    let request = request
        .and_then(|()| SendRequest::parse(body, account.max_parts, clock::now()))
        .map_err(IntoResponse::into_response)?;
    match weigh(api, account, &request, case).await {
        Ok(()) => Ok(()),
        Err(Untaken::Reason(reason)) => Err(answer(&request, Some(reason))),
        Err(Untaken::Refused(refusal)) => Err(refusal.into_response()),
    }
}

/// As [`take`], without taking.
async fn weigh(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
    case: &mut Case,
) -> Result<(), Untaken> {
    let draft = draft(api, account, request, Purpose::Explain, &mut case.seen)?;
    let draft = case.draft.insert(draft);
    let key = key_of(api, account, request).await?;
    if let Some(objection) = api.store.objection(draft.to_judge(key)).await? {
        case.is_repeat = judged(&objection)?;
    }
    Ok(())
}

fn head(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
    profile: &Profile,
    purpose: Purpose,
) -> Head {
    let gateway = &profile.gateway;
    let segments = match profile.segments {
        true => request.parts,
        false => 1,
    };
    let begin = request.not_before.unwrap_or_else(clock::now);
    Head {
        gateway: gateway.id,
        family: Family::Universal(UniversalOrigin {
            account: account.name.clone(),
            message_id: request.message_id.clone().into_owned(),
            campaign_id: request.campaign_id.as_deref().map(str::to_owned),
            notify: request.notify && account.callback_url.is_some(),
            simulation: request.simulation,
            parts: request.parts,
            udh: request.udh.clone(),
            skip_rcs_override: request.skip_rcs_override,
        }),
        destination: request.destination.clone(),
        source: request.sender.clone().into_owned(),
        tenant_id: None,
        callback_url: None,
        forwards: false,
        receipts: match request.simulation {
            true => None,
            false => route::receipts(&api.config, gateway, &request.destination),
        },
        segments,
        unicode: request.unicode,
        traffic_class: TrafficClass::of_address(
            &request.sender,
            usize::from(api.config.mo.a2p_max_digits),
        ),
        reference: api.reference(purpose, gateway.id, &request.destination, segments),
        expires_at: begin + profile.validity,
        not_before: request.not_before,
        others: None,
    }
}

/// What a text needs, as this family counts: one part where the client made its own header.
fn extent(body: &str, udh: Option<&[u8]>) -> text::Extent {
    let extent = text::extent(body);
    match udh {
        Some(_) => text::Extent { parts: 1, ..extent },
        None => extent,
    }
}
