//! The message record, as documented

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::super::clock::Iso;
use super::super::directory::{Profile, StatusMode};
use super::super::envelope::Rendered;
use super::super::error::Failure;
use super::super::object::{Members, Object};
use super::super::{Api, text};
use crate::message::{Entry, Message, MessageId, State, Story, TrafficClass};

/// Characters of `error_message`, at most.
const ERROR_CHARACTERS_MAX: usize = 500;
/// Characters of a provider's word in `delivery_status`, at most.
const WORD_CHARACTERS_MAX: usize = 64;

/// The members before `message`, which the envelope does not repeat.
#[derive(Debug, JsonSchema)]
struct Before<'a> {
    id: u64,
    sms_gateway_id: u32,
    tenant_id: Option<u64>,
    to_number: &'a str,
    from_sender: &'a str,
}

/// The members after it.
#[derive(Debug, JsonSchema)]
struct After<'a> {
    callback_url: &'a str,
    /// `queued`, `submitted`, `delivered`, `failed`, `simulated`; after a report over HTTP the
    /// provider's own word in lower case, unless the gateway wants the others.
    delivery_status: Cow<'a, str>,
    external_message_id: Option<&'a str>,
    /// What the upstream answered, with the members of its reports laid over it.
    remote_response: Option<&'a Map<String, Value>>,
    error_message: Option<&'a str>,
    requested_at: Iso,
    submitted_at: Option<Iso>,
    delivered_at: Option<Iso>,
    created_at: Iso,
    updated_at: Iso,
    /// What became of it, whoever the upstream is.
    #[schemars(extend("enum" = State::ALL.map(State::name)))]
    state: &'static str,
    failed_at: Option<Iso>,
    last_dlr_at: Option<Iso>,
    parts: u8,
    unicode: bool,
    #[schemars(extend("enum" = TrafficClass::NAMES))]
    traffic_class: &'static str,
    provider_error: Option<&'a str>,
}

impl Members for Before<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let Before {
            id,
            sms_gateway_id,
            tenant_id,
            to_number,
            from_sender,
        } = self;
        object.add("id", id);
        object.add("sms_gateway_id", sms_gateway_id);
        object.add("tenant_id", tenant_id);
        object.add("to_number", to_number);
        object.add("from_sender", from_sender);
    }
}

impl Members for After<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let After {
            callback_url,
            delivery_status,
            external_message_id,
            remote_response,
            error_message,
            requested_at,
            submitted_at,
            delivered_at,
            created_at,
            updated_at,
            state,
            failed_at,
            last_dlr_at,
            parts,
            unicode,
            traffic_class,
            provider_error,
        } = self;
        object.add("callback_url", callback_url);
        object.add("delivery_status", delivery_status);
        object.add("external_message_id", external_message_id);
        object.add("remote_response", remote_response);
        object.add("error_message", error_message);
        object.add("requested_at", requested_at);
        object.add("submitted_at", submitted_at);
        object.add("delivered_at", delivered_at);
        object.add("created_at", created_at);
        object.add("updated_at", updated_at);
        object.add("state", state);
        object.add("failed_at", failed_at);
        object.add("last_dlr_at", last_dlr_at);
        object.add("parts", parts);
        object.add("unicode", unicode);
        object.add("traffic_class", traffic_class);
        object.add("provider_error", provider_error);
    }
}

/// A message towards a handset.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Message")]
#[expect(dead_code, reason = "it says of what members `render` makes a record")]
pub(in super::super) struct Record<'a> {
    #[serde(flatten)]
    before: Before<'a>,
    /// The text. Beside `data` this name is the envelope's.
    message: &'a str,
    #[serde(flatten)]
    after: After<'a>,
}

/// The record as octets.
pub(in super::super) fn render(message: &Message, profile: &Profile) -> Rendered {
    let head = &message.head;
    let before = Before {
        id: message.id.0,
        sms_gateway_id: head.gateway.0,
        tenant_id: head.tenant_id,
        to_number: &head.destination,
        from_sender: &head.source,
    };
    let after = After {
        callback_url: head.callback_url.as_deref().unwrap_or(&profile.dlr_url),
        delivery_status: delivery_status(message, profile.mode),
        external_message_id: message.external_id(),
        remote_response: Some(&message.remote).filter(|r| !r.is_empty()),
        error_message: error(message),
        requested_at: Iso(message.accepted_at),
        submitted_at: message.submitted_at.map(Iso),
        delivered_at: message.delivered_at.map(Iso),
        created_at: Iso(message.accepted_at),
        updated_at: Iso(message.updated_at),
        state: message.state.name(),
        failed_at: message.failed_at.map(Iso),
        last_dlr_at: message.reported_at.map(Iso),
        parts: parts(message),
        unicode: head.unicode,
        traffic_class: head.traffic_class.name(),
        provider_error: message.provider_error.as_deref(),
    };
    Rendered::around(&before, &message.text, &after)
}

/// The documented word for the message's state, or the provider's own.
pub(super) fn delivery_status(message: &Message, mode: StatusMode) -> Cow<'_, str> {
    let words = message.word.as_deref().filter(|w| !w.is_empty());
    if let (StatusMode::Verbatim, Some(word), false) = (mode, words, message.soft) {
        return match word.char_indices().nth(WORD_CHARACTERS_MAX) {
            Some((end, _)) => Cow::Borrowed(&word[..end]),
            None => Cow::Borrowed(word),
        };
    }
    Cow::Borrowed(match message.state {
        State::Scheduled | State::Queued | State::Submitting => "queued",
        State::Submitted | State::Enroute => "submitted",
        State::Delivered => "delivered",
        State::Simulated => "simulated",
        State::Undelivered
        | State::Expired
        | State::Rejected
        | State::Cancelled
        | State::Failed => "failed",
    })
}

/// What went wrong, for as long as nothing has gone right since.
fn error(message: &Message) -> Option<&str> {
    use State::{Delivered, Enroute, Submitted};
    if matches!(message.state, Submitted | Enroute | Delivered) {
        return None;
    }
    let error = message.error.as_deref()?;
    Some(match error.char_indices().nth(ERROR_CHARACTERS_MAX) {
        Some((end, _)) => &error[..end],
        None => error,
    })
}

/// Where the upstream does the cutting, the head knows of one segment only.
fn parts(message: &Message) -> u8 {
    match message.head.segments {
        1 => text::extent(&message.text).parts,
        cut => cut,
    }
}

/// What the log tells of an MT message, its gateway's profile beside it.
pub(in super::super) async fn load(
    api: &Api,
    id: MessageId,
) -> Result<Option<(Message, Arc<Profile>, Vec<Entry>)>, Failure> {
    let entries = api.store.entries(id).await?;
    let Some(Story::Mt(message)) = Story::of(&entries) else {
        return Ok(None);
    };
    let profile = api.any_profile(message.head.gateway).await?;
    Ok(profile.map(|profile| (*message, profile, entries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Timestamp;

    #[test]
    fn the_members_that_are_written_are_those_that_are_described() {
        let before = Before {
            id: 1,
            sms_gateway_id: 2,
            tenant_id: None,
            to_number: "to",
            from_sender: "from",
        };
        let at = Iso(Timestamp(0));
        let after = After {
            callback_url: "url",
            delivery_status: "queued".into(),
            external_message_id: None,
            remote_response: None,
            error_message: None,
            requested_at: at,
            submitted_at: None,
            delivered_at: None,
            created_at: at,
            updated_at: at,
            state: "queued",
            failed_at: None,
            last_dlr_at: None,
            parts: 1,
            unicode: false,
            traffic_class: "a2p",
            provider_error: None,
        };
        let octets = Rendered::around(&before, "text", &after).in_envelope("Sent.");
        let answer: Value = serde_json::from_slice(&octets).unwrap();
        let schema = schemars::schema_for!(Record<'_>);
        let names = |object: &Value| {
            let mut names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            names.sort_unstable();
            names
        };
        assert_eq!(
            names(&answer["data"]),
            names(&schema.as_value()["properties"])
        );
    }
}
