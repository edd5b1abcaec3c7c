//! Which callbacks a change of a message causes.
//!
//! What its client wants to hear was settled when the message was accepted, and is kept in
//! one octet. Only news causes a callback: a new state of the message, or a verdict of a part.

use super::Mt;
use crate::message::{CallbackKind, State, Timestamp, Wants};

/// Which callbacks its changes cause, apart from those of parts: one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted(pub(super) u8);

impl Wanted {
    const VERDICT: u8 = 1;
    const PATCH: u8 = 2;
    const PATCH_PROGRESS: u8 = 4;
    /// No callback: it has somewhere else to go.
    pub(super) const OTHERS: u8 = 8;
    /// No callback: it was not to go at once.
    const SCHEDULED: u8 = 16;

    pub(super) fn of(wants: Wants, is_routed: bool, is_scheduled: bool) -> Wanted {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Wanted(
            bit(wants.verdict, Wanted::VERDICT)
                | bit(wants.patch, Wanted::PATCH)
                | bit(wants.patch_progress, Wanted::PATCH_PROGRESS)
                | bit(is_routed, Wanted::OTHERS)
                | bit(is_scheduled, Wanted::SCHEDULED),
        )
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

impl Mt {
    /// It may have somewhere else to go; seen without reading its head.
    pub(in super::super) fn is_routed(&self) -> bool {
        self.wants.has(Wanted::OTHERS)
    }

    /// When it may go first, if not at once; seen without reading its head where that is so.
    pub(super) fn scheduled_for(&self) -> Option<Timestamp> {
        match self.wants.has(Wanted::SCHEDULED) {
            true => self.read_head()?.not_before,
            false => None,
        }
    }

    /// The callbacks that a change of the message's state causes, and of one segment's.
    pub(in super::super) fn callbacks_for(
        &self,
        to: State,
        segment: Option<(u8, State)>,
    ) -> Vec<CallbackKind> {
        let news = to != self.state;
        let verdict = to.is_terminal() && news;
        let progress = matches!(to, State::Submitted | State::Enroute) && news;
        let mut kinds = Vec::new();
        if verdict && self.wants.has(Wanted::VERDICT) {
            kinds.push(CallbackKind::Verdict);
        }
        let tells_progress = progress && self.wants.has(Wanted::PATCH_PROGRESS);
        if self.wants.has(Wanted::PATCH) && (verdict || tells_progress) {
            kinds.push(CallbackKind::Patch);
        }
        if self.packed.told() > 0 {
            self.add_parts(to, segment, &mut kinds);
        }
        kinds
    }

    /// A part is told of when its segment reaches a final state, by a verdict of its own
    /// or because it is not sent any more.
    fn add_parts(&self, to: State, changed: Option<(u8, State)>, kinds: &mut Vec<CallbackKind>) {
        let cut_here = self.packed.segments() > 1;
        for (number, before) in self.segments() {
            let after = match changed {
                Some((n, state)) if n == number => state,
                _ => before,
            };
            let after = match after {
                State::Queued if to.is_terminal() => to,
                other => other,
            };
            if !after.is_terminal() || after == before {
                continue;
            }
            match cut_here {
                true => kinds.push(CallbackKind::Part(number)),
                // One verdict for all that the upstream made of it.
                false => kinds.extend((1..=self.packed.told()).map(CallbackKind::Part)),
            }
        }
    }

    /// The state of a part, whoever cut the text.
    pub(super) fn state_of_part(&self, part: u8) -> State {
        let last = self.packed.states().next_back();
        self.segment(part).or(last).unwrap_or(self.state)
    }
}
