//! Where a message stands in its lane, and how the lanes follow.
//!
//! A message is in the lane of its gateway exactly while a segment of it is queued, at the
//! time when it is due, and counts as in flight while one is being submitted.

use super::super::Ledger;
use super::Mt;
use crate::message::{GatewayId, MessageId, State, Timestamp};

/// Where a message stands in its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) queued: bool,
    pub(super) in_flight: bool,
    pub(super) finished: bool,
    pub(super) due_at: Timestamp,
}

impl Standing {
    pub(super) fn of(m: &Mt) -> Standing {
        Standing {
            queued: m.has_segment_in(State::Queued),
            in_flight: m.has_segment_in(State::Submitting),
            finished: m.is_finished(),
            due_at: m.due_at(),
        }
    }
}

/// Touched lanes are sorted out beyond this; more gateways than that cost time, not truth.
const TOUCHED_MAX: usize = 100_000;

impl Ledger {
    /// Keeps the lane true to a message's segments.
    pub(super) fn move_in_lane(
        &mut self,
        gateway: GatewayId,
        id: MessageId,
        before: Standing,
        after: Standing,
    ) {
        let moved = before.due_at != after.due_at;
        if before.queued && (!after.queued || moved) {
            self.leave_lane(gateway, id, before.due_at);
        }
        if after.queued && (!before.queued || moved) {
            self.enter_lane(gateway, id, after.due_at);
        }
        if before.in_flight != after.in_flight {
            let lane = self.lanes.entry(gateway).or_default();
            lane.in_flight = match after.in_flight {
                true => lane.in_flight + 1,
                false => lane.in_flight.saturating_sub(1),
            };
        }
    }

    pub(in super::super) fn enter_lane(
        &mut self,
        gateway: GatewayId,
        id: MessageId,
        due_at: Timestamp,
    ) {
        let Some(m) = self.mt.get(&id) else {
            return;
        };
        self.deadlines.enter(id);
        let place = m.place(due_at);
        let lane = self.lanes.entry(gateway).or_default();
        lane.insert(place, self.now);
        if lane.is_deferring() {
            self.deferring.insert(gateway);
        }
        if self.touched.last() != Some(&gateway) {
            self.touched.push(gateway);
        }
        if self.touched.len() > TOUCHED_MAX {
            self.touched.sort_unstable();
            self.touched.dedup();
        }
    }

    pub(in super::super) fn leave_lane(
        &mut self,
        gateway: GatewayId,
        id: MessageId,
        due_at: Timestamp,
    ) {
        let Some(m) = self.mt.get(&id) else {
            return;
        };
        if self.deadlines.may_hold(m.accepted_at)
            && let Some(slot) = self.mt.slot_of(id)
        {
            self.deadlines.remove(slot, m.expires_at());
        }
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.remove(m.place(due_at));
        }
    }
}
