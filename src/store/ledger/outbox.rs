//! Callbacks that are due, in order of time; leased in memory, since the receiver may
//! see one twice but must see it once.

use super::{Ledger, Reply};
use crate::message::{
    CallbackId, CallbackKind, EncodedReport, Entry, Event, MessageId, PendingCallback, State,
    Timestamp,
};
use crate::store::StoreError;
use crate::store::intent::{CallbackLease, CallbackOutcome, Subject};
use hashbrown::HashMap;
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// Callbacks that one message may cause: more than its 255 parts and every change of its state.
const CALLBACKS_MAX: u32 = u16::MAX as u32;

/// Whoever asked for callbacks when none was due.
type CallbackAsker = oneshot::Sender<Result<Vec<CallbackLease>, StoreError>>;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    all: HashMap<CallbackId, Box<Held>>,
    /// Neither those that are leased or wait for an earlier one, nor dead ones.
    due: BTreeSet<(Timestamp, CallbackId)>,
    dead: usize,
    waiting: VecDeque<(usize, CallbackAsker)>,
}

/// A callback that is not done: 64 octets, and its report and body.
#[derive(Clone, Debug)]
struct Held {
    created_at: Timestamp,
    due_at: Timestamp,
    report: Option<EncodedReport>,
    body: Option<Box<[u8]>>,
    attempts: u32,
    kind: CallbackKind,
    /// The message's state when it was made.
    state: State,
    dead: bool,
}

impl Held {
    fn of(callback: PendingCallback) -> Held {
        Held {
            created_at: callback.created_at,
            due_at: callback.due_at,
            report: callback.report,
            body: callback.body.map(Vec::into_boxed_slice),
            attempts: callback.attempts,
            kind: callback.kind,
            state: callback.state,
            dead: callback.dead,
        }
    }

    fn pending(&self, id: CallbackId) -> PendingCallback {
        PendingCallback {
            id,
            kind: self.kind,
            created_at: self.created_at,
            due_at: self.due_at,
            attempts: self.attempts,
            state: self.state,
            report: self.report.clone(),
            body: self.body(),
            dead: self.dead,
        }
    }

    fn body(&self) -> Option<Vec<u8>> {
        self.body.as_deref().map(<[u8]>::to_vec)
    }
}

impl Outbox {
    pub(super) fn pending(&self) -> usize {
        self.all.len() - self.dead
    }

    pub(super) fn dead(&self) -> usize {
        self.dead
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.waiting.is_empty() {
            return None;
        }
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn insert(&mut self, callback: PendingCallback) {
        self.hold(callback.id, Box::new(Held::of(callback)));
    }

    fn hold(&mut self, id: CallbackId, callback: Box<Held>) {
        if callback.dead {
            self.dead += 1;
        } else {
            self.await_turn(id, callback.due_at);
        }
        self.all.insert(id, callback);
    }

    fn await_turn(&mut self, id: CallbackId, at: Timestamp) {
        if at != Timestamp::NEVER {
            self.due.insert((at, id));
        }
    }

    fn lose_turn(&mut self, id: CallbackId, at: Timestamp) {
        if at != Timestamp::NEVER {
            self.due.remove(&(at, id));
        }
    }

    fn remove(&mut self, id: CallbackId) -> Option<Box<Held>> {
        let callback = self.all.remove(&id)?;
        if callback.dead {
            self.dead -= 1;
        }
        self.lose_turn(id, callback.due_at);
        Some(callback)
    }

    /// Queues a known callback for another time.
    fn due_again(&mut self, id: CallbackId, at: Timestamp) {
        let Some(callback) = self.all.get_mut(&id) else {
            return;
        };
        let (before, dead) = (std::mem::replace(&mut callback.due_at, at), callback.dead);
        self.lose_turn(id, before);
        if !dead {
            self.await_turn(id, at);
        }
    }

    /// True while an earlier callback of the same kind and message is not done.
    fn has_earlier(&self, id: CallbackId, kind: CallbackKind) -> bool {
        (0..id.number).any(|number| {
            let earlier = self.all.get(&CallbackId {
                message: id.message,
                number,
            });
            earlier.is_some_and(|c| c.kind == kind && !c.dead)
        })
    }

    /// The callbacks of one message, done or dead ones left out of memory excepted.
    pub(super) fn of(&self, message: MessageId, made: u32) -> Vec<PendingCallback> {
        let ids = (0..made).map(|number| CallbackId { message, number });
        ids.filter_map(|id| Some(self.all.get(&id)?.pending(id)))
            .collect()
    }
}

impl Ledger {
    pub(in crate::store) fn lease_callbacks(&mut self, most: usize, to: CallbackAsker) {
        self.outbox.waiting.push_back((most, to));
    }

    pub(super) fn serve_callbacks(&mut self) {
        while self
            .outbox
            .due
            .first()
            .is_some_and(|(at, _)| *at <= self.now)
        {
            let Some((most, to)) = self.outbox.waiting.pop_front() else {
                return;
            };
            if to.is_closed() {
                continue;
            }
            let mut leases = Vec::with_capacity(most.min(self.outbox.due.len()));
            while leases.len() < most.max(1)
                && let Some((at, id)) = self.outbox.due.first().copied()
                && at <= self.now
            {
                // Leased: not due until the caller says what became of it.
                self.outbox.due_again(id, Timestamp::NEVER);
                match self.lease_callback(id) {
                    Some(lease) => leases.push(lease),
                    None => {
                        debug_assert!(false, "a callback has its message");
                        self.outbox.remove(id);
                    }
                }
            }
            self.replies.push(Reply::Callbacks(to, leases));
        }
    }

    fn lease_callback(&self, id: CallbackId) -> Option<CallbackLease> {
        let callback = self.outbox.all.get(&id)?;
        let subject = if let Some(m) = self.mt.get(&id.message) {
            Subject::Mt {
                head: m.encoded_head(),
                accepted_at: m.accepted_at,
                submitted_at: m.submitted_at(),
                upstream_id: m.upstream_ids().next().map(|(_, id)| id.into_owned()),
            }
        } else {
            let mo = self.mo.get(&id.message)?;
            Subject::Mo {
                record: mo.record.clone(),
                received_at: mo.received_at,
            }
        };
        Some(CallbackLease {
            id,
            kind: callback.kind,
            attempt: callback.attempts + 1,
            created_at: callback.created_at,
            state: callback.state,
            report: callback.report.clone(),
            subject,
            body: callback.body(),
        })
    }

    /// After the log was read: what was leased when it was copied is due, since nobody has it
    /// any more.
    pub(in crate::store) fn return_leased_callbacks(&mut self) {
        let outbox = &self.outbox;
        let leased = outbox.all.iter().filter(|(id, c)| {
            c.due_at == Timestamp::NEVER && !c.dead && !outbox.has_earlier(**id, c.kind)
        });
        let leased: Vec<CallbackId> = leased.map(|(id, _)| *id).collect();
        self.return_callbacks(leased.into_iter());
    }

    /// A lease whose asker is gone: due again at once.
    pub(in crate::store) fn return_callbacks(&mut self, ids: impl Iterator<Item = CallbackId>) {
        for id in ids {
            self.outbox.due_again(id, self.now);
        }
    }

    pub(in crate::store) fn callbacks_done(
        &mut self,
        outcomes: Vec<(CallbackId, CallbackOutcome)>,
    ) {
        for (id, outcome) in outcomes {
            if !self.outbox.all.contains_key(&id) {
                continue;
            }
            let number = id.number;
            let event = match outcome {
                CallbackOutcome::Delivered { status } => {
                    Event::CallbackDelivered { number, status }
                }
                CallbackOutcome::Failed {
                    status,
                    reason,
                    next_at,
                    body,
                } => Event::CallbackFailed {
                    number,
                    status,
                    reason,
                    next_at,
                    body,
                },
                CallbackOutcome::Dead { reason } => Event::CallbackDead { number, reason },
                CallbackOutcome::Postponed { until } => {
                    self.outbox.due_again(id, until);
                    continue;
                }
            };
            self.record(id.message, event);
        }
    }

    /// Queues the dead callbacks of a message again, in their order.
    pub(in crate::store) fn redeliver(&mut self, message: MessageId) -> bool {
        let made = match (self.mt.get(&message), self.mo.get(&message)) {
            (Some(m), _) => m.callbacks_made(),
            (None, Some(mo)) => mo.callbacks_made,
            (None, None) => return false,
        };
        let mut dead = self.outbox.of(message, made);
        dead.retain(|c| c.dead);
        for callback in &dead {
            let number = callback.id.number;
            self.record(message, Event::CallbackRequeued { number });
        }
        !dead.is_empty()
    }

    /// Enters a callback that an event has caused.
    pub(super) fn make_callback(
        &mut self,
        message: MessageId,
        kind: CallbackKind,
        at: Timestamp,
        state: State,
        report: Option<&EncodedReport>,
    ) {
        let number = match (self.mt.get_mut(&message), self.mo.get_mut(&message)) {
            (Some(m), _) if m.callbacks_made() < CALLBACKS_MAX => {
                let (made, open) = (m.callbacks_made(), m.callbacks_open());
                m.set_callbacks(made + 1, open + 1);
                made
            }
            (None, Some(mo)) => {
                mo.callbacks_made += 1;
                mo.callbacks_open += 1;
                mo.callbacks_made - 1
            }
            _ => return,
        };
        let id = CallbackId { message, number };
        // In order: it waits for an earlier one to the same receiver.
        let waits = self.outbox.has_earlier(id, kind);
        let held = Held {
            created_at: at,
            due_at: if waits { Timestamp::NEVER } else { at },
            report: report.cloned(),
            body: None,
            attempts: 0,
            kind,
            state,
            dead: false,
        };
        self.outbox.hold(id, Box::new(held));
    }

    pub(super) fn apply_callback(&mut self, frame: u64, entry: &Entry) {
        let message = entry.subject;
        let mut open_change = 0i64;
        match &entry.event {
            Event::CallbackFailed {
                number,
                next_at,
                body,
                ..
            } => {
                let id = CallbackId {
                    message,
                    number: *number,
                };
                if let Some(c) = self.outbox.all.get_mut(&id) {
                    c.attempts += 1;
                    if let Some(body) = body {
                        c.body = Some(body.as_slice().into());
                    }
                }
                self.outbox.due_again(id, *next_at);
            }
            Event::CallbackDelivered { number, .. } => {
                let id = CallbackId {
                    message,
                    number: *number,
                };
                if let Some(done) = self.outbox.remove(id) {
                    open_change -= i64::from(!done.dead);
                    self.release_next(id, done.kind, entry.at);
                }
            }
            Event::CallbackDead { number, .. } => {
                let id = CallbackId {
                    message,
                    number: *number,
                };
                if let Some(mut c) = self.outbox.remove(id) {
                    open_change -= i64::from(!c.dead);
                    c.dead = true;
                    let kind = c.kind;
                    self.outbox.hold(id, c);
                    self.release_next(id, kind, entry.at);
                }
            }
            Event::CallbackRequeued { number } => {
                let id = CallbackId {
                    message,
                    number: *number,
                };
                if let Some(mut c) = self.outbox.remove(id) {
                    open_change += i64::from(c.dead);
                    c.dead = false;
                    // The schedule begins anew; the octets stay those of the first attempt.
                    c.attempts = 0;
                    c.created_at = entry.at;
                    // In order, as when they were made.
                    let waits = self.outbox.has_earlier(id, c.kind);
                    c.due_at = if waits { Timestamp::NEVER } else { entry.at };
                    self.outbox.hold(id, c);
                }
            }
            _ => {}
        }
        let open = |n: u32| u32::try_from(i64::from(n) + open_change).unwrap_or(0);
        if let Some(m) = self.mt.get_mut(&message) {
            let was_finished = m.is_finished();
            m.set_last_frame(frame);
            m.set_callbacks(m.callbacks_made(), open(m.callbacks_open()));
            self.note_finished(message, was_finished);
        } else if let Some(mo) = self.mo.get_mut(&message) {
            let was_finished = mo.is_finished();
            mo.last_frame = frame;
            mo.callbacks_open = open(mo.callbacks_open);
            self.note_finished_mo(message, was_finished);
        }
    }

    /// The next callback to the same receiver may go.
    fn release_next(&mut self, done: CallbackId, kind: CallbackKind, at: Timestamp) {
        let made = self.mt.get(&done.message).map_or(0, |m| m.callbacks_made());
        let next = (done.number + 1..made)
            .map(|number| CallbackId {
                message: done.message,
                number,
            })
            .find(|id| {
                self.outbox
                    .all
                    .get(id)
                    .is_some_and(|c| c.kind == kind && !c.dead)
            });
        if let Some(next) = next {
            self.outbox.due_again(next, at);
        }
    }

    pub(super) fn forget_callbacks(&mut self, message: MessageId, made: u32) {
        for number in 0..made {
            self.outbox.remove(CallbackId { message, number });
        }
    }
}
