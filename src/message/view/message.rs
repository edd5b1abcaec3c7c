//! An MT message as the API shows it: what its entries have told, each let in by [`Message::apply`].
//!
//! It has what a reader is shown, times and answers included, and nothing of what the bridge
//! does next.

use super::callback::CallbackState;
use crate::message::event::Next;
use crate::message::remote::{bound, http_answer, scalar_text, status_members};
use crate::message::{Entry, Event, Head, MessageId, Report, State, Timestamp};
use serde_json::{Map, Value, json};
use smpp_protocol::command::CommandStatus;

/// An MT message as the API shows it.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub head: Head,
    pub text: String,
    pub state: State,
    /// The present verdict is the bridge's own guess.
    pub soft: bool,
    pub accepted_at: Timestamp,
    pub submitted_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    /// When a report first told of more than that the upstream had taken it.
    pub progressed_at: Option<Timestamp>,
    pub reported_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub segments: Vec<SegmentView>,
    /// The last status word that an HTTP upstream reported.
    pub word: Option<String>,
    pub error: Option<String>,
    pub provider_error: Option<String>,
    pub remote: Map<String, Value>,
    /// Times it was sent again although an earlier submit may have arrived.
    pub resubmits: u32,
    pub callbacks: Vec<CallbackState>,
}

#[derive(Clone, Debug)]
pub struct SegmentView {
    pub state: State,
    pub upstream_id: Option<String>,
}

impl Message {
    /// The message as it is accepted.
    pub fn accepted(id: MessageId, at: Timestamp, head: Head, text: String) -> Message {
        let state = match head.not_before {
            _ if head.family.is_simulation() => State::Simulated,
            Some(due_at) if due_at > at => State::Scheduled,
            _ => State::Queued,
        };
        let segment = SegmentView {
            state: match state {
                State::Scheduled => State::Queued,
                other => other,
            },
            upstream_id: None,
        };
        Message {
            id,
            segments: vec![segment; usize::from(head.segments.max(1))],
            head,
            text,
            state,
            soft: false,
            accepted_at: at,
            submitted_at: None,
            delivered_at: None,
            failed_at: None,
            progressed_at: None,
            reported_at: None,
            updated_at: at,
            word: None,
            error: None,
            provider_error: None,
            remote: Map::new(),
            resubmits: 0,
            callbacks: Vec::new(),
        }
    }

    /// The id by which the upstream knows the message: that of its first segment.
    pub fn external_id(&self) -> Option<&str> {
        self.segments.iter().find_map(|s| s.upstream_id.as_deref())
    }

    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Leased { .. } => self.enter(State::Submitting, at, None),
            Event::Released { .. } => self.enter(State::Queued, at, None),
            Event::Submitted {
                segment,
                upstream_id,
                answer,
                state,
                callbacks,
            } => {
                if let Some(s) = self.segment(*segment) {
                    s.state = State::Submitted;
                    s.upstream_id.clone_from(upstream_id);
                }
                self.remote = match answer {
                    Some(raw) => http_answer(raw),
                    None => self.smpp_answer(),
                };
                self.error = None;
                self.soft = false;
                self.enter(*state, at, None);
                self.made(callbacks.len());
            }
            Event::Refused {
                segment,
                status,
                reason,
                answer,
                state,
                soft,
                callbacks,
                ..
            } => {
                if let Some(s) = self.segment(*segment) {
                    s.state = if state.is_terminal() {
                        *state
                    } else {
                        State::Queued
                    };
                }
                self.error = Some(reason.clone());
                match answer {
                    Some(raw) => self.remote = http_answer(raw),
                    None => {
                        if let Some(status) = status {
                            self.remote = status_members(CommandStatus(*status));
                        }
                    }
                }
                self.soft = *soft;
                self.enter(*state, at, None);
                self.made(callbacks.len());
            }
            Event::Unanswered {
                reason,
                next,
                state,
                callbacks,
                ..
            } => {
                self.error = Some(reason.clone());
                if *next == Next::Resubmitted {
                    self.resubmits += 1;
                }
                self.soft = *next == Next::Failed;
                self.enter(*state, at, None);
                self.made(callbacks.len());
            }
            Event::Reported {
                segment,
                report,
                applied,
                segment_state,
                state,
                delivered,
                callbacks,
            } => {
                self.reported_at = Some(at);
                if !*applied {
                    return;
                }
                if let Some(s) = self.segment(*segment) {
                    s.state = *segment_state;
                }
                let report = report.decode();
                if let Some(report) = &report {
                    self.merge(report);
                }
                let has_moved = state.rank() >= State::Enroute.rank() && *state != State::Failed;
                if has_moved && *state != self.state {
                    self.progressed_at.get_or_insert(at);
                }
                self.soft = matches!(report, Some(Report::Local { .. }));
                self.enter(*state, at, Some(*delivered));
                self.made(callbacks.len());
            }
            Event::Rerouted { to, .. } => {
                self.head.gateway = *to;
                self.enter(State::Queued, at, None);
            }
            Event::Expired { callbacks } => {
                self.error =
                    Some("the validity period ran out before the message was submitted".into());
                self.soft = true;
                self.enter(State::Expired, at, None);
                self.made(callbacks.len());
            }
            Event::Cancelled { callbacks } => {
                self.soft = true;
                self.enter(State::Cancelled, at, None);
                self.made(callbacks.len());
            }
            Event::CallbackFailed { .. }
            | Event::CallbackDelivered { .. }
            | Event::CallbackDead { .. }
            | Event::CallbackRequeued { .. } => {
                if let Some(c) = number_of(&entry.event).and_then(|n| self.callbacks.get_mut(n)) {
                    c.apply(&entry.event);
                }
            }
            _ => {}
        }
    }

    fn segment(&mut self, number: u8) -> Option<&mut SegmentView> {
        self.segments.get_mut(usize::from(number).checked_sub(1)?)
    }

    /// Changes the state and the times that hang on it.
    fn enter(&mut self, state: State, at: Timestamp, delivered: Option<bool>) {
        let first = self.state != state;
        self.state = state;
        self.updated_at = at;
        if state.rank() >= State::Submitted.rank() && !state.is_negative() {
            self.submitted_at.get_or_insert(at);
        }
        if delivered.unwrap_or(state == State::Delivered) {
            self.delivered_at.get_or_insert(at);
        }
        if first && state.is_negative() {
            self.failed_at = Some(at);
        } else if !state.is_negative() {
            self.failed_at = None;
        }
    }

    fn made(&mut self, callbacks: usize) {
        self.callbacks
            .extend((0..callbacks).map(|_| CallbackState::default()));
    }

    /// What `remote_response` holds after an SMPP submit.
    pub(super) fn smpp_answer(&self) -> Map<String, Value> {
        let mut members = status_members(CommandStatus::ESME_ROK);
        members.insert("message_id".into(), json!(self.external_id()));
        let parts: Vec<Value> = (1..)
            .zip(&self.segments)
            .filter_map(|(n, s)| Some(json!({"part": n, "message_id": s.upstream_id.as_deref()?})))
            .collect();
        members.insert("parts".into(), Value::Array(parts));
        members
    }

    fn merge(&mut self, report: &Report) {
        if let Some(err) = report.error() {
            self.provider_error = Some(err.to_owned());
        }
        match report {
            Report::Smpp(r) => {
                let mut put = |name: &str, value: Value| {
                    if !value.is_null() {
                        self.remote.insert(name.to_owned(), value);
                    }
                };
                put("id", json!(r.id));
                put("sub", json!(r.sub));
                put("dlvrd", json!(r.dlvrd));
                put("submit_date", json!(r.submit_date));
                put("done_date", json!(r.done_date));
                put("stat", json!(r.stat));
                put("err", json!(r.err));
                put("text", json!(r.text));
                put("message_state", json!(r.message_state));
            }
            Report::Http { word, payload, .. } => {
                self.word = Some(word.to_lowercase());
                if let Ok(Value::Object(members)) = serde_json::from_str(payload) {
                    let told = |name: &str| {
                        let text = members.get(name).and_then(scalar_text);
                        text.filter(|text| !text.is_empty())
                    };
                    if let Some(err) = told("err").or_else(|| told("ErrorCode")) {
                        self.provider_error = Some(err);
                    }
                    self.remote.extend(members);
                }
            }
            Report::Local { reason } => self.error = Some(reason.clone()),
        }
        bound(&mut self.remote);
    }
}

fn number_of(event: &Event) -> Option<usize> {
    match event {
        Event::CallbackFailed { number, .. }
        | Event::CallbackDelivered { number, .. }
        | Event::CallbackDead { number, .. }
        | Event::CallbackRequeued { number } => usize::try_from(*number).ok(),
        _ => None,
    }
}
