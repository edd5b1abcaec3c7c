//! The audit trail of one message, as the API words it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use smpp_protocol::command::CommandStatus;

use super::super::clock::Iso;
use crate::message::{Entry, Event, Message, Next, Report, SmppReport, Snapshot, State, Story};

/// One line of a message's trail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MessageEvent")]
pub(super) struct Row {
    /// From 1. What is internal to the bridge has no line and takes no number.
    seq: u32,
    at: Iso,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = KINDS))]
    kind: &'static str,
    /// Null in the first line.
    from_state: Option<&'static str>,
    #[schemars(extend("enum" = State::ALL.map(State::name)))]
    to_state: &'static str,
    /// What is known of the event, by its type.
    #[schemars(with = "Map<String, Value>")]
    detail: Value,
}

/// The types there are.
const KINDS: [&str; 13] = [
    "requested",
    "dispatched",
    "submitted",
    "submit_failed",
    "resubmitted",
    "rerouted",
    "receipt",
    "dlr",
    "dlr_ignored",
    "callback_attempt",
    "callback_delivered",
    "callback_dead",
    "cancelled",
];

/// The lines of the entries, oldest first.
pub(super) fn rows(entries: &[Entry], segments: u8) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(entries.len());
    let mut message: Option<Box<Message>> = None;
    let mut seq = 0;
    for entry in entries {
        let from_state = message.as_ref().map(|m| m.state.name());
        match &mut message {
            Some(message) => message.apply(entry),
            None => {
                if let Some(Story::Mt(first)) = Story::of(std::slice::from_ref(entry)) {
                    message = Some(first);
                }
            }
        }
        let (Some(message), Some((kind, detail))) =
            (&message, line(&entry.event, segments, from_state.is_none()))
        else {
            continue;
        };
        seq += 1;
        rows.push(Row {
            seq,
            at: Iso(entry.at),
            kind,
            from_state,
            to_state: message.state.name(),
            detail,
        });
    }
    rows
}

/// Type and detail of an entry; `None`: it is nobody's business but ours.
fn line(event: &Event, segments: u8, first: bool) -> Option<(&'static str, Value)> {
    Some(match event {
        Event::Accepted { .. } => ("requested", json!({})),
        // What the copy is of went with its slice; here the trail begins.
        Event::Carried(snapshot) if first => ("requested", carried(snapshot)),
        Event::Submitted {
            segment,
            upstream_id,
            answer,
            ..
        } => {
            let mut detail = json!({ "message_id": upstream_id });
            name_part(&mut detail, *segment, segments);
            match answer {
                Some(raw) => {
                    detail["response"] = serde_json::from_str(raw).unwrap_or_else(|_| json!(raw));
                    ("dispatched", detail)
                }
                None => {
                    put_status(&mut detail, CommandStatus::ESME_ROK);
                    ("submitted", detail)
                }
            }
        }
        Event::Refused {
            segment,
            status,
            reason,
            answer,
            due_at,
            ..
        } => {
            let mut detail = json!({
                "reason": reason,
                "final": due_at.is_none(),
                "retry_at": due_at.map(Iso),
            });
            name_part(&mut detail, *segment, segments);
            match (answer, status) {
                (Some(raw), _) => {
                    detail["response"] = serde_json::from_str(raw).unwrap_or_else(|_| json!(raw));
                }
                (None, Some(status)) => put_status(&mut detail, CommandStatus(*status)),
                (None, None) => {}
            }
            ("submit_failed", detail)
        }
        Event::Unanswered {
            segment,
            reason,
            next,
            ..
        } => {
            let (kind, next) = match next {
                Next::Resubmitted => ("resubmitted", "resubmitted"),
                Next::Held => ("submit_failed", "held"),
                Next::Failed => ("submit_failed", "failed"),
            };
            let mut detail = json!({ "reason": reason, "outcome": "unknown", "next": next });
            name_part(&mut detail, *segment, segments);
            (kind, detail)
        }
        Event::Reported {
            segment,
            report,
            applied,
            segment_state,
            ..
        } => {
            let report = report.decode();
            let mut detail = report.as_ref().map_or_else(|| json!({}), reported);
            detail["applied"] = json!(applied);
            name_part(&mut detail, *segment, segments);
            if segments > 1 {
                detail["part_state"] = json!(segment_state.name());
            }
            let kind = match (report, applied) {
                (Some(Report::Http { .. }), true) => "dlr",
                (Some(Report::Http { .. }), false) => "dlr_ignored",
                (Some(Report::Smpp(_) | Report::Local { .. }) | None, _) => "receipt",
            };
            (kind, detail)
        }
        Event::Rerouted { from, to, why } => (
            "rerouted",
            json!({ "from": from.0, "to": to.0, "reason": why.name() }),
        ),
        Event::Expired { .. } => (
            "submit_failed",
            json!({ "reason": "the validity period ran out", "final": true }),
        ),
        Event::Cancelled { .. } => ("cancelled", json!({})),
        Event::CallbackFailed {
            number,
            status,
            reason,
            next_at,
            ..
        } => (
            "callback_attempt",
            json!({
                "callback": number, "http_status": status, "reason": reason,
                "next_at": Iso(*next_at),
            }),
        ),
        Event::CallbackDelivered { number, status } => (
            "callback_delivered",
            json!({ "callback": number, "http_status": status }),
        ),
        Event::CallbackDead { number, reason } => (
            "callback_dead",
            json!({ "callback": number, "reason": reason }),
        ),
        Event::CallbackRequeued { number } => (
            "callback_attempt",
            json!({ "callback": number, "requeued": true }),
        ),
        Event::Leased { .. }
        | Event::Released { .. }
        | Event::MoReceived { .. }
        | Event::MoSegment { .. }
        | Event::MoSegmentAgain { .. }
        | Event::MoRepeated { .. }
        | Event::Orphaned { .. }
        | Event::OrphanClosed { .. }
        | Event::Document { .. }
        | Event::KeyTaken { .. }
        | Event::KeyAnswered { .. }
        | Event::KeyCarried { .. }
        | Event::Carried(_)
        | Event::CarriedAll { .. }
        | Event::OptOuts { .. } => return None,
    })
}

fn carried(snapshot: &Snapshot) -> Value {
    match snapshot {
        Snapshot::Mt { accepted_at, .. } => {
            json!({ "carried": true, "requested_at": Iso(*accepted_at) })
        }
        _ => json!({ "carried": true }),
    }
}

fn name_part(detail: &mut Value, segment: u8, segments: u8) {
    if segments > 1 {
        detail["part"] = json!(segment);
    }
}

fn put_status(detail: &mut Value, status: CommandStatus) {
    detail["command_status"] = json!(status.0);
    detail["command_status_name"] = json!(status.to_string());
}

/// What a report says, its empty members left out.
pub(in super::super) fn reported(report: &Report) -> Value {
    match report {
        Report::Smpp(r) => smpp(r),
        Report::Http {
            word,
            payload,
            defaulted,
        } => json!({
            "status": word,
            "defaulted": defaulted,
            "payload": serde_json::from_str(payload).unwrap_or(Value::Null),
        }),
        Report::Local { reason } => json!({ "source": "bridge", "reason": reason }),
    }
}

fn smpp(r: &SmppReport) -> Value {
    let mut detail = json!({
        "id": r.id, "stat": r.stat, "err": r.err, "sub": r.sub, "dlvrd": r.dlvrd,
        "submit_date": r.submit_date, "done_date": r.done_date, "text": r.text,
        "message_state": r.message_state,
    });
    if let Some(members) = detail.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    detail
}
