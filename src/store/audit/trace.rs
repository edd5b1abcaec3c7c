//! What the entries of one message have told so far.
//!
//! It holds the last state, the place in the chain and the counts, and says of each event
//! whether it may follow those before it. It knows nothing of other messages.

use crate::message::{Event, GatewayId, State, Timestamp};

/// What the entries of one subject have told so far.
pub(super) struct Trace {
    pub(super) kind: Kind,
    /// Where it is, of an MT.
    pub(super) gateway: GatewayId,
    pub(super) state: State,
    /// The verdict was the bridge's own.
    pub(super) soft: bool,
    pub(super) at: Timestamp,
    pub(super) last_frame: u64,
    pub(super) callbacks: u32,
    pub(super) delivered: u32,
    pub(super) dead: u32,
    /// Times it was sent again in doubt.
    pub(super) resubmits: u32,
    pub(super) doubted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mt,
    Mo,
    MoSegment,
    /// The only kind that may end without a message.
    MoSegmentAgain,
}

impl Trace {
    /// What is wrong with a move, if anything is. `left` ends with `from`.
    pub(super) fn may_move(
        &self,
        from: GatewayId,
        to: GatewayId,
        left: &[GatewayId],
    ) -> Option<&'static str> {
        if from != self.gateway {
            return Some("moves a message from where it is not");
        }
        if left.contains(&to) {
            return Some("moves a message to where it was before");
        }
        let may_be_there = self.doubted || self.state != State::Queued;
        may_be_there.then_some("moves a message that its upstream may have taken")
    }

    /// Follows one event; what is wrong with it.
    pub(super) fn take(&mut self, event: &Event) -> Option<&'static str> {
        let (state, soft, callbacks) = match event {
            Event::Leased { .. } => (State::Submitting, false, 0),
            Event::Released { .. } | Event::Rerouted { .. } => (State::Queued, false, 0),
            Event::Submitted {
                state, callbacks, ..
            } => (*state, self.soft, callbacks.len()),
            Event::Refused {
                state,
                soft,
                callbacks,
                ..
            } => (*state, *soft, callbacks.len()),
            Event::Unanswered {
                state,
                next,
                callbacks,
                ..
            } => {
                self.doubted = true;
                self.resubmits += u32::from(*next == crate::message::Next::Resubmitted);
                (
                    *state,
                    *next == crate::message::Next::Failed,
                    callbacks.len(),
                )
            }
            Event::Reported { applied: false, .. } => return None,
            Event::Reported {
                state,
                report,
                callbacks,
                ..
            } => (*state, report.is_local(), callbacks.len()),
            Event::Expired { callbacks } => (State::Expired, true, callbacks.len()),
            Event::Cancelled { callbacks } => (State::Cancelled, true, callbacks.len()),
            Event::CallbackDelivered { .. } => {
                self.delivered += 1;
                return (self.delivered + self.dead > self.callbacks)
                    .then_some("tells of a callback that was not made");
            }
            Event::CallbackDead { .. } => {
                self.dead += 1;
                return None;
            }
            Event::CallbackRequeued { .. } => {
                self.dead = self.dead.saturating_sub(1);
                return None;
            }
            _ => return None,
        };
        self.callbacks += u32::try_from(callbacks).unwrap_or(u32::MAX);
        let (was, was_soft) = (self.state, self.soft);
        self.state = state;
        self.soft = soft;
        (was.is_terminal() && !was_soft && state != was)
            .then_some("changes a message after its verdict")
    }
}
