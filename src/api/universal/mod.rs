//! `POST /api/message-server/sms/send`: one call, one message, with everything it may need:
//! placeholders, a time to send it, a header of its own, notifications part by part.
//!
//! An answer of 200 says that the request was understood; `accepted` in it, whether the message
//! was taken. The repeat of a `messageId` with the same content sends nothing.
//!
//! - `account`: who calls, from where, how often
//! - `request`: what is to be sent, held to the rules
//! - `refusal`: errors as this family words them

mod account;
pub(super) mod describe;
mod placeholder;
mod refusal;
mod request;
mod schedule;

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) use self::account::{AccountCall, Accounts};
pub(super) use self::refusal::Refusal;

use self::request::SendRequest;
use super::directory::Profile;
use super::{Api, clock, envelope, text};
use crate::config::Account;
use crate::message::{Family, Head, TrafficClass, UniversalOrigin};
use crate::route;
use crate::store::{Acceptance, IdempotencyKey, KeyState, NewMessage};

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

pub(super) async fn send(call: AccountCall) -> Result<Response, Refusal> {
    let (api, account) = (&call.api, call.account());
    if !*api.admission.borrow() {
        return Err(Refusal::unavailable("The bridge is shutting down."));
    }
    let request = SendRequest::parse(&call.body, account.max_parts, clock::now())?;
    let taken = take(api, account, &request).await?;
    let answer = Answer {
        message_id: &request.message_id,
        simulation: request.simulation,
        results: Results {
            sms: Verdict {
                accepted: taken.is_none(),
                unicode: request.unicode,
                parts: request.parts,
                reasons: taken.as_slice(),
            },
        },
    };
    let body = serde_json::to_vec(&answer).expect("an answer is plain data");
    Ok(envelope::json(StatusCode::OK, body))
}

/// Records the message durably; or why not.
async fn take(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
) -> Result<Option<Reason>, Refusal> {
    let Some(profile) = api.snapshot().named(&account.gateway).cloned() else {
        return Ok(Some(Reason::NoRoute));
    };
    if !profile.gateway.is_active {
        return Ok(Some(Reason::GatewayInactive));
    }
    let is_whole = profile.check_parts(request.parts).is_ok();
    if !is_whole || request.udh.is_some() && !profile.takes_headers() {
        return Ok(Some(Reason::NoRoute));
    }
    let key = request.key(&account.name);
    if let (Some(key), true) = (key, request.simulation) {
        // A simulation leaves the id free, but meets what is taken.
        return match api.store.key(key).await? {
            KeyState::Conflict => Ok(Some(Reason::DuplicateMessageId)),
            _ => accept(api, account, request, &profile, None).await,
        };
    }
    accept(api, account, request, &profile, key).await
}

async fn accept(
    api: &Api,
    account: &Account,
    request: &SendRequest<'_>,
    profile: &Profile,
    key: Option<IdempotencyKey>,
) -> Result<Option<Reason>, Refusal> {
    let new = NewMessage {
        head: head(api, account, request, profile),
        text: request.text.clone().into_owned(),
        key,
        wait: false,
    };
    Ok(match api.store.accept(new).await? {
        Acceptance::Accepted { .. } => None,
        Acceptance::Known(KeyState::Conflict) => Some(Reason::DuplicateMessageId),
        // The same message again: the same answer, and nothing is sent.
        Acceptance::Known(_) => None,
        Acceptance::OptedOut => Some(Reason::DestinationOptedOut),
        Acceptance::QueueFull => Some(Reason::QueueFull),
    })
}

fn head(api: &Api, account: &Account, request: &SendRequest<'_>, profile: &Profile) -> Head {
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
        reference: match segments {
            1 => 0,
            _ => api.0.references.next(gateway.id, &request.destination),
        },
        expires_at: begin + profile.validity,
        not_before: request.not_before,
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
