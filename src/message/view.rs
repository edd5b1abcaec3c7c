//! The story of one message: its log entries folded into what a reader wants to know.

use super::event::Next;
use super::remote::{bound, http_answer, scalar_text, status_members};
use super::{
    Entry, Event, Head, MessageId, MoRecord, PendingCallback, Report, Snapshot, State, Timestamp,
};
use serde_json::{Map, Value, json};
use smpp_protocol::command::CommandStatus;

/// Whatever the entries of one subject tell.
#[derive(Clone, Debug)]
pub enum Story {
    Mt(Box<Message>),
    Mo(Box<MoMessage>),
}

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

/// An MO message as the API shows it.
#[derive(Clone, Debug)]
pub struct MoMessage {
    pub id: MessageId,
    pub record: MoRecord,
    pub received_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None` is unrouted.
    pub callback: Option<CallbackState>,
}

/// How far a callback has come.
#[derive(Clone, Debug, Default)]
pub struct CallbackState {
    pub attempts: u32,
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub delivered: bool,
    pub dead: bool,
    pub next_at: Option<Timestamp>,
}

impl Story {
    /// Folds entries of one subject, oldest first. `None` when the beginning is missing.
    pub fn of(entries: &[Entry]) -> Option<Story> {
        let mut story = None;
        for entry in entries {
            match &mut story {
                None => story = Story::begin(entry),
                Some(Story::Mt(m)) => m.apply(entry),
                Some(Story::Mo(m)) => m.apply(entry),
            }
        }
        story
    }

    pub fn id(&self) -> MessageId {
        match self {
            Story::Mt(m) => m.id,
            Story::Mo(m) => m.id,
        }
    }

    /// Nothing more will be done, and hardly anything more will be heard.
    pub fn is_over(&self) -> bool {
        match self {
            Story::Mt(m) => {
                m.state.is_terminal() && !m.soft && m.callbacks.iter().all(|c| c.delivered)
            }
            Story::Mo(m) => m.callback.as_ref().is_none_or(|c| c.delivered),
        }
    }

    /// A callback was given up, and not queued again.
    pub fn has_dead_callback(&self) -> bool {
        match self {
            Story::Mt(m) => m.callbacks.iter().any(|c| c.dead),
            Story::Mo(m) => m.callback.as_ref().is_some_and(|c| c.dead),
        }
    }

    fn begin(entry: &Entry) -> Option<Story> {
        match &entry.event {
            Event::Accepted { head, text } => {
                let head = head.decode()?;
                Some(Story::Mt(Box::new(Message::accepted(
                    entry.subject,
                    entry.at,
                    head,
                    text.clone(),
                ))))
            }
            Event::MoReceived {
                record, callbacks, ..
            } => Some(Story::Mo(Box::new(MoMessage {
                id: entry.subject,
                record: (**record).clone(),
                received_at: entry.at,
                updated_at: entry.at,
                callback: (!callbacks.is_empty()).then(CallbackState::default),
            }))),
            Event::Carried(snapshot) => Story::carried(entry, snapshot),
            _ => None,
        }
    }

    /// The beginning of a story whose first entries are in a slice that is gone.
    fn carried(entry: &Entry, snapshot: &Snapshot) -> Option<Story> {
        match snapshot {
            Snapshot::Mt {
                head,
                text,
                accepted_at,
                submitted_at,
                state,
                soft,
                resubmits,
                segments,
                callbacks,
                callbacks_made,
                ..
            } => {
                let text = text.clone().unwrap_or_default();
                let mut m = Message::accepted(entry.subject, entry.at, head.decode()?, text);
                m.accepted_at = *accepted_at;
                m.submitted_at = *submitted_at;
                m.state = *state;
                m.soft = *soft;
                m.resubmits = u32::from(*resubmits);
                m.segments = segments
                    .iter()
                    .map(|s| SegmentView {
                        state: s.state,
                        upstream_id: s.upstream_id.clone(),
                    })
                    .collect();
                if submitted_at.is_some() {
                    m.remote = m.smpp_answer();
                }
                let numbers = 0..*callbacks_made;
                m.callbacks = numbers
                    .map(|n| CallbackState::carried(callbacks, n))
                    .collect();
                Some(Story::Mt(Box::new(m)))
            }
            Snapshot::Mo {
                record,
                received_at,
                callbacks,
                callbacks_made,
            } => Some(Story::Mo(Box::new(MoMessage {
                id: entry.subject,
                record: record.clone(),
                received_at: *received_at,
                updated_at: entry.at,
                callback: (*callbacks_made > 0).then(|| CallbackState::carried(callbacks, 0)),
            }))),
            Snapshot::MoSegment { .. }
            | Snapshot::MoSegmentAgain { .. }
            | Snapshot::MoJoined { .. }
            | Snapshot::Orphan { .. } => None,
        }
    }
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
                self.merge(report);
                let has_moved = state.rank() >= State::Enroute.rank() && *state != State::Failed;
                if has_moved && *state != self.state {
                    self.progressed_at.get_or_insert(at);
                }
                self.soft = matches!(report, Report::Local { .. });
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
    fn smpp_answer(&self) -> Map<String, Value> {
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

impl MoMessage {
    fn apply(&mut self, entry: &Entry) {
        if let Some(c) = &mut self.callback {
            c.apply(&entry.event);
            self.updated_at = entry.at;
        }
    }

    /// `pending`, `delivered`, `dead` or `unrouted`.
    pub fn state(&self) -> &'static str {
        match &self.callback {
            None => "unrouted",
            Some(c) if c.delivered => "delivered",
            Some(c) if c.dead => "dead",
            Some(_) => "pending",
        }
    }
}

impl CallbackState {
    /// As a copy of the live state has it: those that are not there were done.
    fn carried(pending: &[PendingCallback], number: u32) -> CallbackState {
        let Some(callback) = pending.iter().find(|c| c.id.number == number) else {
            return CallbackState {
                delivered: true,
                ..CallbackState::default()
            };
        };
        let is_due = !callback.dead && callback.attempts > 0;
        CallbackState {
            attempts: callback.attempts,
            dead: callback.dead,
            next_at: is_due.then_some(callback.due_at),
            ..CallbackState::default()
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::CallbackFailed {
                status,
                reason,
                next_at,
                ..
            } => {
                self.attempts += 1;
                self.status = *status;
                self.reason = Some(reason.clone());
                self.next_at = Some(*next_at);
            }
            Event::CallbackDelivered { status, .. } => {
                self.attempts += 1;
                self.status = Some(*status);
                self.reason = None;
                self.next_at = None;
                self.delivered = true;
            }
            Event::CallbackDead { reason, .. } => {
                self.reason = Some(reason.clone());
                self.next_at = None;
                self.dead = true;
            }
            Event::CallbackRequeued { .. } => {
                self.dead = false;
                self.delivered = false;
            }
            _ => {}
        }
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
