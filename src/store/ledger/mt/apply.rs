//! What an entry of an MT message does to the ledger.
//!
//! The message is changed first; then whatever hangs on it follows: its lane, the ids by
//! which receipts find it, its callbacks, the counts, the client that waits, and the list
//! of what is finished.

use super::super::{Ledger, Reply};
use super::Mt;
use super::standing::Standing;
use crate::message::{CallbackKind, Entry, Event, MessageId, State};
use std::borrow::Cow;

impl Ledger {
    /// Collects what a waiting client wants to know, and tells it when it is complete.
    pub(in super::super) fn tell_waiter(&mut self, entry: Entry) {
        let Some(m) = self.mt.get_mut(&entry.subject) else {
            return;
        };
        let answered = m.state.rank() >= State::Submitted.rank();
        let Some(aside) = &mut m.aside else { return };
        let Some(waiter) = &mut aside.waiter else {
            return;
        };
        if waiter.to.is_closed() {
            aside.waiter = None;
            return;
        }
        waiter.entries.push(entry);
        if answered && let Some(waiter) = aside.waiter.take() {
            m.tidy_aside();
            self.replies.push(Reply::Plain(Box::new(move |fate| {
                if fate.is_ok() {
                    // The client may have stopped waiting.
                    let _ = waiter.to.send(waiter.entries);
                }
            })));
        }
    }

    pub(in super::super) fn apply_mt(&mut self, frame: u64, entry: &Entry) {
        let id = entry.subject;
        if let Event::Accepted { head, text } = &entry.event {
            let Some(mut m) = Mt::of_head(id, frame, entry.at, head, Some(text)) else {
                return;
            };
            m.set_round(self.carry.round());
            if m.state == State::Simulated {
                self.mt.insert(m);
                self.note_finished(id, false);
                return;
            }
            *self.counters.messages.entry(m.gateway.0).or_default() += 1;
            let (gateway, due_at) = (m.gateway, m.due_at());
            if due_at > entry.at {
                m.state = State::Scheduled;
            }
            self.mt.insert(m);
            self.enter_lane(gateway, id, due_at);
            return;
        }
        let Some(m) = self.mt.get_mut(&id) else {
            return;
        };
        let (before, gateway_before) = (Standing::of(m), m.gateway);
        m.set_last_frame(frame);
        let known_before = match entry.event {
            Event::Submitted { segment, .. } => m.upstream_id(segment).map(Cow::into_owned),
            _ => None,
        };
        let effect = m.take(entry);
        let after = Standing::of(m);
        let (gateway, state, resubmits) = (m.gateway, m.state, m.resubmits);
        let state_for = |m: &Mt, kind: CallbackKind| match kind {
            CallbackKind::Part(part) => m.state_of_part(part),
            _ => state,
        };
        let states: Vec<State> = effect.callbacks.iter().map(|k| state_for(m, *k)).collect();
        if let Some(before) = known_before {
            self.mt.forget_id(id, &before);
        }
        if let Some(upstream_id) = effect.known_as {
            self.mt.learn(id, upstream_id);
        }
        if effect.in_doubt {
            self.in_doubt.insert(id, resubmits);
        }
        if gateway == gateway_before {
            self.move_in_lane(gateway, id, before, after);
        } else {
            self.leave_lane(gateway_before, id, before.due_at);
            self.enter_lane(gateway, id, after.due_at);
            let messages = &mut self.counters.messages;
            let there = messages.entry(gateway_before.0).or_default();
            *there = there.saturating_sub(1);
            *messages.entry(gateway.0).or_default() += 1;
        }
        for (kind, state) in effect.callbacks.iter().zip(states) {
            self.make_callback(id, *kind, entry.at, state, effect.report);
        }
        self.note_finished(id, before.finished);
    }

    /// Puts a message that has just become finished among the finished.
    pub(in super::super) fn note_finished(&mut self, id: MessageId, was_finished: bool) {
        let Some(m) = self.mt.get(&id) else { return };
        if m.is_finished() {
            self.to_index.push((id, m.last_frame()));
            if !was_finished {
                self.finished.push_back(id);
            }
        }
    }

    pub(in super::super) fn forget_mt(&mut self, id: MessageId) {
        let Some(m) = self.mt.remove(&id) else { return };
        self.books.forget(id, &m);
        self.in_doubt.remove(&id);
        self.forget_callbacks(id, m.callbacks_made());
    }
}
