//! What became of leased segments, and what is decided where nobody knows.

use super::Ledger;
use super::mt::Mt;
use super::reroute::Elsewhere;
use crate::message::{
    Disposition, Event, GatewayId, MessageId, MoveReason, Next, OnUnknown, State, Timestamp,
};
use crate::store::intent::{InDoubt, Outcome, Response};
use std::borrow::Cow;

impl Ledger {
    pub(in crate::store) fn responded(&mut self, responses: Vec<Response>) {
        for r in responses {
            self.respond(r);
        }
    }

    fn respond(&mut self, response: Response) {
        let Response {
            message: id,
            segment,
            outcome,
        } = response;
        let Some(m) = self.mt.get(&id) else { return };
        let Some(present) = m.segment(segment) else {
            return;
        };
        match outcome {
            Outcome::Submitted {
                upstream_id,
                answer,
            } => {
                if !matches!(present, State::Queued | State::Submitting | State::Failed) {
                    return;
                }
                let with = m.state_with(segment, State::Submitted);
                let state = if m.state.is_terminal() { m.state } else { with };
                let callbacks = m.callbacks_for(state, None);
                let early = (self.orphans.len() > 0).then(|| upstream_id.clone());
                self.record(
                    id,
                    Event::Submitted {
                        segment,
                        upstream_id,
                        answer,
                        state,
                        callbacks,
                    },
                );
                if let Some(upstream_id) = early.flatten() {
                    self.match_orphans(id, &upstream_id);
                }
            }
            Outcome::Refused {
                disposition,
                class,
                status,
                reason,
                answer,
            } => {
                if present != State::Submitting {
                    return;
                }
                let due_again = self.due_again(m, disposition);
                let elsewhere = self.elsewhere(m, segment, class, due_again.is_none());
                let due_at = match elsewhere {
                    Some(Elsewhere::To(_)) => Some(self.now),
                    Some(Elsewhere::Later(at)) => Some(at),
                    None => due_again,
                };
                let wanted = if due_at.is_some() {
                    State::Queued
                } else {
                    State::Failed
                };
                let with = m.state_with(segment, wanted);
                let state = if m.state.is_terminal() { m.state } else { with };
                let callbacks = m.callbacks_for(state, Some((segment, wanted)));
                self.record(
                    id,
                    Event::Refused {
                        segment,
                        status,
                        reason,
                        answer,
                        due_at,
                        state,
                        soft: false,
                        callbacks,
                    },
                );
                if let (Some(Elsewhere::To(to)), Some(class)) = (elsewhere, class) {
                    self.move_to(id, to, MoveReason::Refused(class));
                }
            }
            Outcome::Unanswered { reason, policy } => {
                if present == State::Submitting {
                    self.unanswered(id, segment, reason, policy);
                }
            }
        }
    }

    /// When a deferred message is due again; `None`: never.
    fn due_again(&self, m: &Mt, disposition: Disposition) -> Option<Timestamp> {
        let backed_off = || {
            let doublings = m.attempts.saturating_sub(1).min(16);
            let delay = self.policy.retry_initial * 2u32.pow(doublings);
            self.now + delay.min(self.policy.retry_max)
        };
        match disposition {
            Disposition::Throttled => Some(self.now),
            Disposition::Deferred => Some(backed_off()),
            Disposition::DeferredAtMost(times) if m.attempts <= u32::from(times) => {
                Some(backed_off())
            }
            Disposition::DeferredAtMost(_) | Disposition::Submitted | Disposition::Refused => None,
        }
    }

    /// The outcome of a submit is unknown: decides by the gateway's policy.
    fn unanswered(&mut self, id: MessageId, segment: u8, reason: String, policy: OnUnknown) {
        let Some(m) = self.mt.get(&id) else { return };
        let once_more = [0, m.attempts].contains(&m.resubmitted_attempt());
        let next = match policy {
            OnUnknown::Resend if once_more => Next::Resubmitted,
            OnUnknown::Hold => Next::Held,
            OnUnknown::Resend | OnUnknown::Fail => Next::Failed,
        };
        self.doubt(id, segment, reason, next);
    }

    fn doubt(&mut self, id: MessageId, segment: u8, reason: String, next: Next) {
        let Some(m) = self.mt.get(&id) else { return };
        let wanted = match next {
            Next::Resubmitted => State::Queued,
            Next::Held => State::Submitting,
            Next::Failed => State::Failed,
        };
        let with = m.state_with(segment, wanted);
        let state = if m.state.is_terminal() { m.state } else { with };
        let callbacks = m.callbacks_for(state, Some((segment, wanted)));
        self.record(
            id,
            Event::Unanswered {
                segment,
                reason,
                next,
                state,
                callbacks,
            },
        );
    }

    pub(in crate::store) fn resolve_in_doubt(
        &mut self,
        gateway: GatewayId,
        policy: OnUnknown,
    ) -> usize {
        if self.lanes.get(&gateway).is_none_or(|l| l.in_flight == 0) {
            return 0;
        }
        let in_flight = |m: &Mt| m.gateway == gateway && m.has_segment_in(State::Submitting);
        let mut open: Vec<MessageId> = self
            .mt
            .iter()
            .filter(|m| in_flight(m))
            .map(|m| m.id)
            .collect();
        open.sort_unstable();
        for id in &open {
            let Some(m) = self.mt.get(id) else { continue };
            let in_flight: Vec<u8> = m.segments_in(State::Submitting).collect();
            for segment in in_flight {
                // Nothing of it may have been written: two stops in a row are no reason to
                // give a message up.
                let next = match policy {
                    OnUnknown::Resend => Next::Resubmitted,
                    OnUnknown::Hold => Next::Held,
                    OnUnknown::Fail => Next::Failed,
                };
                let reason = "the bridge stopped before the answer came".to_owned();
                self.doubt(*id, segment, reason, next);
            }
        }
        open.len()
    }

    /// After the log was read: what was in flight is in doubt.
    pub(in crate::store) fn doubt_what_was_in_flight(&mut self) {
        if self.lanes.values().all(|lane| lane.in_flight == 0) {
            return;
        }
        let in_flight = self
            .mt
            .iter()
            .filter(|m| m.has_segment_in(State::Submitting));
        let ids: Vec<(MessageId, u8)> = in_flight.map(|m| (m.id, m.resubmits)).collect();
        self.in_doubt.extend(ids);
    }

    /// Takes over what upstreams have answered and a failed write has lost: segments that are
    /// in flight here, and were not any more in the ledger before.
    pub(in crate::store) fn take_answers_of(&mut self, failed: &Ledger) {
        let mut responses = Vec::new();
        let mut unsent = Vec::new();
        for m in self.mt.iter() {
            let Some(old) = failed.mt.get(&m.id) else {
                continue;
            };
            for number in m.segments_in(State::Submitting) {
                let then = old.segment(number).unwrap_or(State::Submitting);
                if then == State::Submitting {
                    continue;
                }
                let upstream_id = old.upstream_id(number).map(Cow::into_owned);
                if upstream_id.is_none() && then != State::Submitted {
                    // Deferred or refused: another try gets the same answer.
                    unsent.push((m.id, vec![number]));
                    continue;
                }
                responses.push(Response {
                    message: m.id,
                    segment: number,
                    outcome: Outcome::Submitted {
                        upstream_id,
                        answer: None,
                    },
                });
            }
        }
        responses.sort_unstable_by_key(|r| (r.message, r.segment));
        self.responded(responses);
        self.release(unsent);
    }

    pub(in crate::store) fn in_doubt(&self, most: usize) -> Vec<InDoubt> {
        let newest_first = self.in_doubt.keys().rev().take(most);
        newest_first
            .filter_map(|id| {
                let m = self.mt.get(id)?;
                Some(InDoubt {
                    message: *id,
                    gateway: m.gateway,
                    state: m.state,
                    resubmits: m.resubmits,
                    open: m.has_segment_in(State::Submitting),
                })
            })
            .collect()
    }
}
