//! A message as this family shows it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use smpp_protocol::command::CommandStatus;
use uuid::Uuid;

use super::super::clock::Iso;
use super::super::text;
use super::identity;
use crate::message::{Family, Gateway, Message, State, Transport};

/// The life of a message in this family's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "UseCaseMessageStatus")]
pub(super) enum Status {
    Pending,
    Sent,
    Delivered,
    Undelivered,
    Failed,
}

/// When a record is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// In the answer to its send: the sender is not known yet.
    Accepted,
    Now,
}

/// A message of a use case.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UseCaseMessage")]
pub(super) struct Record<'a> {
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    #[schemars(with = "String", extend("format" = "uuid"))]
    use_case_id: Uuid,
    message_sid: String,
    from_number: Option<&'a str>,
    to_number: &'a str,
    body: &'a str,
    num_segments: Option<u8>,
    status: Status,
    handed_off_at: Option<Iso>,
    delivered_at: Option<Iso>,
    errored_at: Option<Iso>,
    error_code: Option<i64>,
    created_at: Iso,
    updated_at: Iso,
    provider_error: Option<&'a str>,
}

// The provider's numbers for what went wrong.
const QUEUE_OVERFLOW: i64 = 30001;
const UNREACHABLE: i64 = 30003;
const FILTERED: i64 = 30007;
const UNKNOWN: i64 = 30008;
const INVALID_DESTINATION: i64 = 21211;

impl Status {
    pub(super) fn named(word: &str) -> Option<Status> {
        use Status::{Delivered, Failed, Pending, Sent, Undelivered};
        let all = [
            ("pending", Pending),
            ("sent", Sent),
            ("delivered", Delivered),
            ("undelivered", Undelivered),
            ("failed", Failed),
        ];
        all.iter().find(|(w, _)| *w == word).map(|(_, s)| *s)
    }

    /// A Twilio-compatible upstream says itself when a message is sent; before, it has only
    /// taken it.
    pub(super) fn of(message: &Message, transport: Option<Transport>) -> Status {
        match message.state {
            State::Scheduled | State::Queued | State::Submitting => Status::Pending,
            State::Submitted if transport == Some(Transport::Twilio) => Status::Pending,
            State::Submitted | State::Enroute | State::Simulated => Status::Sent,
            State::Delivered => Status::Delivered,
            State::Failed => Status::Failed,
            State::Undelivered | State::Rejected => Status::Undelivered,
            // Decided here, or by the upstream's receipt.
            State::Expired | State::Cancelled if message.soft => Status::Failed,
            State::Expired | State::Cancelled => Status::Undelivered,
        }
    }
}

/// The record as JSON.
pub(super) fn render(message: &Message, gateway: &Gateway, moment: Moment) -> String {
    let transport = gateway.transport();
    let status = match moment {
        Moment::Accepted => Status::Pending,
        Moment::Now => Status::of(message, Some(transport)),
    };
    let use_case = match &message.head.family {
        Family::UseCases(origin) => origin.use_case,
        _ => 0,
    };
    let provider_sid = || message.external_id().map(str::to_owned);
    let sid = match transport {
        Transport::Twilio => provider_sid(),
        _ => None,
    };
    let ended = matches!(status, Status::Undelivered | Status::Failed);
    let handed_off = match status {
        Status::Pending => None,
        _ => handed_off_at(message, status, transport),
    };
    let record = Record {
        id: identity::uuid_of(message.id),
        use_case_id: Uuid::from_u128(use_case),
        message_sid: sid.unwrap_or_else(|| identity::sid_of(message.id)),
        from_number: match moment {
            Moment::Accepted => None,
            Moment::Now => from_number(message, status, transport),
        },
        to_number: &message.head.destination,
        body: &message.text,
        num_segments: (status != Status::Pending).then(|| segments(message)),
        status,
        handed_off_at: handed_off.map(Iso),
        delivered_at: message
            .delivered_at
            .filter(|_| status == Status::Delivered)
            .map(Iso),
        errored_at: message.failed_at.filter(|_| ended).map(Iso),
        error_code: if ended {
            error_code(message, gateway)
        } else {
            None
        },
        created_at: Iso(message.accepted_at),
        updated_at: Iso(message.updated_at),
        provider_error: message.provider_error.as_deref(),
    };
    serde_json::to_string(&record).expect("a record is plain data")
}

/// A verdict on its delivery implies that the upstream had handed it on.
fn handed_off_at(
    message: &Message,
    status: Status,
    transport: Transport,
) -> Option<crate::message::Timestamp> {
    let sent_at = match transport {
        Transport::Twilio => message.progressed_at,
        _ => message.submitted_at,
    };
    match status {
        Status::Delivered => sent_at.or(message.delivered_at),
        Status::Undelivered => sent_at.or(message.failed_at),
        Status::Pending | Status::Sent | Status::Failed => sent_at,
    }
}

/// With a messaging service the upstream chooses, and its callbacks tell.
fn from_number(message: &Message, status: Status, transport: Transport) -> Option<&str> {
    if transport == Transport::Twilio {
        let told = ["From", "from"].iter().find_map(|name| {
            let told = message.remote.get(*name).and_then(Value::as_str);
            told.filter(|number| !number.is_empty())
        });
        let chosen_there = matches!(
            &message.head.family,
            Family::UseCases(origin) if origin.messaging_service_sid.is_some()
        );
        if told.is_some() || chosen_there {
            return told;
        }
    }
    (status != Status::Pending).then_some(message.head.source.as_str())
}

fn segments(message: &Message) -> u8 {
    match message.head.segments {
        1 => text::extent(&message.text).parts,
        cut => cut,
    }
}

/// What went wrong, in the provider's numbers, whatever the upstream speaks.
fn error_code(message: &Message, gateway: &Gateway) -> Option<i64> {
    if let Some(code) = message.remote.get("ErrorCode") {
        return match code {
            Value::Number(n) => n.as_i64(),
            Value::String(s) => s.parse().ok(),
            _ => None,
        };
    }
    if gateway.transport() != Transport::Smpp {
        return None;
    }
    let status = message.remote.get("command_status").and_then(Value::as_u64);
    let status = status
        .and_then(|s| u32::try_from(s).ok())
        .map(CommandStatus);
    Some(match message.state {
        State::Expired if message.soft => match status {
            Some(CommandStatus::ESME_RTHROTTLED | CommandStatus::ESME_RMSGQFUL) => QUEUE_OVERFLOW,
            _ => UNKNOWN,
        },
        State::Expired => UNREACHABLE,
        State::Rejected => FILTERED,
        State::Undelivered if is_absent(message, gateway) => UNREACHABLE,
        State::Failed if status == Some(CommandStatus::ESME_RINVDSTADR) => INVALID_DESTINATION,
        _ => UNKNOWN,
    })
}

/// True when the receipt's `err` is one by which the gateway's SMSC says that the subscriber
/// is absent: a member of `meta.absent_subscriber_errors`.
fn is_absent(message: &Message, gateway: &Gateway) -> bool {
    let known = gateway.meta_member("absent_subscriber_errors");
    let known = known.and_then(Value::as_array);
    let (Some(known), Some(err)) = (known, message.provider_error.as_deref()) else {
        return false;
    };
    known.iter().any(|k| k.as_str() == Some(err))
}
