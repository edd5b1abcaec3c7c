//! The states of a message and the rules that move it between them.

use serde::{Deserialize, Serialize};

/// What is known of a message, or of one segment of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Accepted for a later time.
    Scheduled,
    /// Stored, not yet given to the upstream.
    Queued,
    /// A `submit_sm` or HTTP request is in flight.
    Submitting,
    /// The upstream took it.
    Submitted,
    /// An intermediate receipt came.
    Enroute,
    Delivered,
    Undelivered,
    Expired,
    Rejected,
    Cancelled,
    Failed,
    /// Accepted as a simulation; nothing is ever sent.
    Simulated,
}

impl State {
    pub const ALL: [State; 12] = [
        State::Scheduled,
        State::Queued,
        State::Submitting,
        State::Submitted,
        State::Enroute,
        State::Delivered,
        State::Undelivered,
        State::Expired,
        State::Rejected,
        State::Cancelled,
        State::Failed,
        State::Simulated,
    ];

    /// A message moves only to a higher rank; all final verdicts rank alike.
    pub fn rank(self) -> u8 {
        match self {
            State::Scheduled => 0,
            State::Queued => 1,
            State::Submitting => 2,
            State::Submitted => 3,
            State::Enroute => 4,
            _ => 5,
        }
    }

    pub fn is_terminal(self) -> bool {
        self.rank() == 5
    }

    /// A final verdict other than delivered.
    pub fn is_negative(self) -> bool {
        self.is_terminal() && !matches!(self, State::Delivered | State::Simulated)
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Scheduled => "scheduled",
            State::Queued => "queued",
            State::Submitting => "submitting",
            State::Submitted => "submitted",
            State::Enroute => "enroute",
            State::Delivered => "delivered",
            State::Undelivered => "undelivered",
            State::Expired => "expired",
            State::Rejected => "rejected",
            State::Cancelled => "cancelled",
            State::Failed => "failed",
            State::Simulated => "simulated",
        }
    }

    pub fn from_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.name() == name)
    }

    /// What becomes of `self` when evidence for `to` arrives.
    ///
    /// `soft` says that the present verdict was the bridge's own guess, which one
    /// real verdict from the upstream may replace.
    pub fn on_evidence(self, soft: bool, to: State) -> Change {
        if self == to {
            return Change::Duplicate;
        }
        let replaces_guess = self.is_terminal() && soft && to.is_terminal();
        if to.rank() > self.rank() || replaces_guess {
            Change::To(to)
        } else {
            Change::Ignored
        }
    }

    /// The state of a whole message from those of its segments.
    ///
    /// One negative verdict decides at once; otherwise the segment that is least far.
    pub fn of_segments(segments: impl Iterator<Item = State>) -> State {
        let mut least = State::Delivered;
        for s in segments {
            if s.is_negative() {
                return s;
            }
            if s.rank() < least.rank() {
                least = s;
            }
        }
        least
    }
}

/// What evidence does to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    To(State),
    /// The state is known already.
    Duplicate,
    /// It comes too late, or would step back.
    Ignored,
}

/// What a submit response, or its absence, means for the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposition {
    Submitted,
    /// The whole upstream asks for less; due again at once, paced by the gateway.
    Throttled,
    /// Due again later, for as long as the message is valid.
    Deferred,
    /// Due again later, but only so many times.
    DeferredAtMost(u8),
    /// For good.
    Refused,
}

/// What a gateway does with a submit whose outcome is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnUnknown {
    /// Sent once more after the re-bind: a possible duplicate, recorded.
    #[default]
    Resend,
    /// Waits for late evidence: a response, a receipt, an operator.
    Hold,
    /// Failed softly: a later receipt still corrects it.
    Fail,
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::*;

    #[test]
    fn only_a_higher_rank_moves_a_message() {
        assert_eq!(Queued.on_evidence(false, Submitted), Change::To(Submitted));
        assert_eq!(
            Submitted.on_evidence(false, Delivered),
            Change::To(Delivered)
        );
        assert_eq!(Enroute.on_evidence(false, Submitted), Change::Ignored);
        assert_eq!(Enroute.on_evidence(false, Enroute), Change::Duplicate);
    }

    #[test]
    fn the_first_verdict_wins_unless_it_was_a_guess() {
        for first in State::ALL.into_iter().filter(|s| s.is_terminal()) {
            for later in State::ALL.into_iter().filter(|s| *s != first) {
                assert_eq!(first.on_evidence(false, later), Change::Ignored);
            }
        }
        assert_eq!(Failed.on_evidence(true, Delivered), Change::To(Delivered));
        assert_eq!(Expired.on_evidence(true, Enroute), Change::Ignored);
    }

    #[test]
    fn a_message_is_as_far_as_its_last_segment_and_as_bad_as_its_worst() {
        let of = |s: &[State]| State::of_segments(s.iter().copied());
        assert_eq!(of(&[Delivered, Delivered]), Delivered);
        assert_eq!(of(&[Delivered, Submitted]), Submitted);
        assert_eq!(of(&[Queued, Submitted, Delivered]), Queued);
        assert_eq!(of(&[Queued, Undelivered]), Undelivered);
    }

    #[test]
    fn names_read_back() {
        for s in State::ALL {
            assert_eq!(State::from_name(s.name()), Some(s));
        }
    }
}
