//! What enters the ledger, and what leaves it unsent.

use super::Ledger;
use super::lane::Lane;
use super::mt::Waiter;
use crate::message::{Event, GatewayId, MessageId, State};
use crate::store::intent::{Acceptance, Counts, KeyState, Prepared};
use std::time::Duration;
use tokio::sync::oneshot;

/// Validity ends within this much of its time.
const EXPIRY_LOOK_EVERY: Duration = Duration::from_secs(1);
/// A commit of some 50 KiB.
const EXPIRED_PER_BATCH: usize = 2000;
/// Some milliseconds.
const LOOKED_AT_PER_BATCH: usize = 10_000;

impl Ledger {
    /// What stands against a message.
    pub(in crate::store) fn objection(&self, new: &Prepared) -> Option<Acceptance> {
        if let Some(key) = new.key {
            match self.key(key) {
                KeyState::Unused => {}
                known => return Some(Acceptance::Known(known)),
            }
        }
        if self.is_opted_out(&new.head) {
            return Some(Acceptance::OptedOut);
        }
        let queued = self.lanes.get(&new.gateway).map_or(0, Lane::len);
        if queued >= self.policy.queued_per_gateway_max {
            return Some(Acceptance::QueueFull);
        }
        None
    }

    pub(in crate::store) fn accept(&mut self, new: Prepared) -> Acceptance {
        if let Some(objection) = self.objection(&new) {
            return objection;
        }
        let id = self.next_id();
        self.record(
            id,
            Event::Accepted {
                head: new.head,
                text: new.text,
            },
        );
        if let Some(key) = new.key {
            self.record(
                id,
                Event::KeyTaken {
                    key: key.key,
                    content: key.content,
                },
            );
        }
        let settled = new.wait.then(|| {
            let (to, settled) = oneshot::channel();
            if let Some(m) = self.mt.get_mut(&id) {
                m.set_waiter(Waiter {
                    to,
                    entries: Vec::new(),
                });
            }
            settled
        });
        Acceptance::Accepted {
            id,
            at: self.now,
            settled,
        }
    }

    pub(in crate::store) fn cancel(&mut self, id: MessageId) -> bool {
        let Some(m) = self.mt.get(&id) else {
            return false;
        };
        if !matches!(m.state, State::Queued | State::Scheduled) {
            return false;
        }
        let callbacks = m.callbacks_for(State::Cancelled, None);
        self.record(id, Event::Cancelled { callbacks });
        true
    }

    /// Ends queued messages whose validity has run out, wherever they stand: in a batch only so
    /// many, and the rest in the next ones.
    pub(super) fn expire_queued(&mut self) {
        if self.now < self.expiry_look_at {
            return;
        }
        if self.deadlines.is_new() {
            let in_lanes = self.lanes.values().flat_map(Lane::all).collect();
            self.deadlines.begin(in_lanes, self.now);
        }
        let fresh = self.deadlines.take_fresh(LOOKED_AT_PER_BATCH, self.now);
        let mut is_all = fresh.len() < LOOKED_AT_PER_BATCH;
        for id in fresh {
            if let (Some(m), Some(slot)) = (self.mt.get(&id), self.mt.slot_of(id))
                && m.has_segment_in(State::Queued)
            {
                self.deadlines.insert(slot, m.expires_at());
            }
        }
        let mut expired = 0;
        while let Some(slot) = self.deadlines.pop(self.now) {
            let m = self.mt.in_slot(slot as usize);
            let overdue =
                m.filter(|m| m.has_segment_in(State::Queued) && m.expires_at() <= self.now);
            if let Some(id) = overdue.map(|m| m.id) {
                self.expire(id);
                expired += 1;
            }
            if expired == EXPIRED_PER_BATCH {
                is_all = false;
                break;
            }
        }
        if is_all {
            self.expiry_look_at = self.now + EXPIRY_LOOK_EVERY;
        }
    }

    pub(super) fn expire(&mut self, id: MessageId) {
        if let Some(m) = self.mt.get(&id) {
            let callbacks = m.callbacks_for(State::Expired, None);
            self.record(id, Event::Expired { callbacks });
        }
    }

    pub(in crate::store) fn counts(&self, gateway: GatewayId) -> Counts {
        let lane = self.lanes.get(&gateway);
        Counts {
            messages: self.counters.messages.get(&gateway.0).copied().unwrap_or(0),
            queued: lane.map_or(0, |l| l.len() as u64),
            oldest_queued_at: lane.and_then(|l| self.waiting_since(l)),
        }
    }
}
