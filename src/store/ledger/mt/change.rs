//! What an entry does to its message.
//!
//! The entry has the decision in it, so nothing is decided here, and no clock is read: the
//! same entries in the same order make the same message. What is to be done beyond the
//! message is told as an [`Effect`].

use super::super::packed::{Packed, Parts};
use super::wanted::Wanted;
use super::{Mt, after};
use crate::message::{
    CallbackKind, EncodedHead, EncodedReport, Entry, Event, GatewayId, Next, ReportRef, State,
    Timestamp,
};

/// What an entry does beyond the message itself.
#[derive(Debug, Default)]
pub(in super::super) struct Effect<'e> {
    /// A segment's id at the upstream, learned.
    pub(super) known_as: Option<&'e str>,
    /// The message may have gone twice.
    pub(super) in_doubt: bool,
    pub(super) callbacks: &'e [CallbackKind],
    pub(super) report: Option<&'e EncodedReport>,
}

impl Mt {
    /// Lets an entry take effect on the message itself.
    pub(in super::super) fn take<'e>(&mut self, entry: &'e Entry) -> Effect<'e> {
        let mut effect = Effect::default();
        match &entry.event {
            Event::Leased { attempt } => {
                self.attempts = *attempt;
                self.move_segments(State::Queued, State::Submitting);
                self.state = State::Submitting;
            }
            Event::Released { segments } => {
                for number in segments {
                    self.move_segment(*number, State::Queued);
                }
                if !self.has_segment_in(State::Submitting) {
                    // What was not sent was no attempt.
                    self.attempts = self.attempts.saturating_sub(1);
                }
                self.set_due_at(Timestamp(0));
                self.state = State::Queued;
            }
            Event::Submitted {
                segment,
                upstream_id,
                state,
                callbacks,
                ..
            } => {
                self.submitted(*segment, upstream_id.as_deref(), entry.at);
                self.state = *state;
                effect.known_as = upstream_id.as_deref();
                effect.callbacks = callbacks;
            }
            Event::Refused {
                segment,
                due_at,
                state,
                soft,
                callbacks,
                ..
            } => {
                let due = due_at.is_some();
                self.move_segment(*segment, if due { State::Queued } else { State::Failed });
                self.set_due_at(due_at.unwrap_or(self.due_at()));
                self.soft = *soft;
                self.state = *state;
                effect.callbacks = callbacks;
            }
            Event::Unanswered {
                segment,
                next,
                state,
                callbacks,
                ..
            } => {
                self.unanswered(*segment, *next);
                self.state = *state;
                effect.in_doubt = true;
                effect.callbacks = callbacks;
            }
            Event::Reported {
                segment,
                report,
                applied: true,
                segment_state,
                state,
                callbacks,
                ..
            } => {
                self.move_segment(*segment, *segment_state);
                self.soft = false;
                self.note_submitted(entry.at);
                self.state = *state;
                if report.is_http()
                    && let Some(ReportRef::Http { word, .. }) = report.read()
                {
                    self.with_aside(|aside| aside.word = Some(word.into()));
                }
                effect.report = Some(report);
                effect.callbacks = callbacks;
            }
            Event::Rerouted { to, .. } => self.reroute(*to),
            Event::Expired { callbacks } => {
                self.soft = true;
                self.state = State::Expired;
                effect.callbacks = callbacks;
            }
            Event::Cancelled { callbacks } => {
                self.soft = true;
                self.state = State::Cancelled;
                effect.callbacks = callbacks;
            }
            _ => {}
        }
        if self.state.is_terminal() {
            // What was not sent by then is not sent any more.
            self.move_segments(State::Queued, self.state);
            if self.packed.has_text() {
                self.rewrite(|parts| parts.text = None);
            }
        }
        effect
    }

    fn submitted(&mut self, segment: u8, upstream_id: Option<&str>, at: Timestamp) {
        self.move_segment(segment, State::Submitted);
        let all = !self.has_segment_in(State::Queued) && !self.has_segment_in(State::Submitting);
        let after = after(self.accepted_at, at);
        self.rewrite(|parts| {
            parts.set_id(segment, upstream_id);
            parts.submitted_after.get_or_insert(after);
            if all {
                parts.text = None;
            }
        });
    }

    /// It waits for another gateway, which is none of the others any more.
    fn reroute(&mut self, to: GatewayId) {
        let Some(mut head) = self.decode_head() else {
            return;
        };
        self.gateway = to;
        head.gateway = to;
        if let Some(others) = &mut head.others {
            others.gateways.retain(|other| *other != to);
        }
        head.others.take_if(|others| others.gateways.is_empty());
        self.wants.0 &= if head.others.is_some() {
            u8::MAX
        } else {
            !Wanted::OTHERS
        };
        let head = EncodedHead::from(&head);
        let mut parts = self.packed.parts();
        parts.head = head.octets();
        self.packed = Packed::of(&parts);
        // Its attempts at the gateway before are none at this one.
        self.attempts = 0;
        self.state = State::Queued;
    }

    fn note_submitted(&mut self, at: Timestamp) {
        if self.packed.submitted_after().is_none() {
            let after = after(self.accepted_at, at);
            self.rewrite(|parts| parts.submitted_after = Some(after));
        }
    }

    fn rewrite(&mut self, change: impl FnOnce(&mut Parts<'_>)) {
        let mut parts = self.packed.parts();
        change(&mut parts);
        self.packed = Packed::of(&parts);
    }

    fn unanswered(&mut self, segment: u8, next: Next) {
        let after = match next {
            Next::Resubmitted => State::Queued,
            Next::Held => State::Submitting,
            Next::Failed => State::Failed,
        };
        self.move_segment(segment, after);
        if next == Next::Resubmitted {
            if self.resubmitted_attempt() != self.attempts {
                self.resubmits = self.resubmits.saturating_add(1);
            }
            self.set_resubmitted_attempt(self.attempts);
            self.set_due_at(Timestamp(0));
        }
        self.soft |= next == Next::Failed && !self.state.is_terminal();
    }

    fn move_segment(&mut self, number: u8, to: State) {
        self.packed.set_state(number, to);
    }

    fn move_segments(&mut self, from: State, to: State) {
        for number in 1..=self.packed.segments() as u8 {
            if self.packed.state(number) == Some(from) {
                self.packed.set_state(number, to);
            }
        }
    }
}
