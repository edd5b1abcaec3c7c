//! Due messages, handed out in order of acceptance to whoever waits for them.

use super::lane::{Lane, Waiting};
use super::{Ledger, Reply};
use crate::message::{Event, GatewayId, MessageId, State};
use crate::store::StoreError;
use crate::store::intent::Lease;
use tokio::sync::oneshot;

impl Ledger {
    pub(in crate::store) fn lease(
        &mut self,
        gateway: GatewayId,
        room: usize,
        to: oneshot::Sender<Result<Vec<Lease>, StoreError>>,
    ) {
        self.lanes
            .entry(gateway)
            .or_default()
            .wait(Waiting { room, to });
        self.touched.push(gateway);
    }

    /// Nobody waits for this gateway's messages any more.
    pub(in crate::store) fn withdraw_leases(&mut self, gateway: GatewayId) {
        while let Some(waiting) = self.lanes.get_mut(&gateway).and_then(Lane::next_waiting) {
            self.replies.push(Reply::Leases(waiting.to, Vec::new()));
        }
    }

    /// Serves the leases that wait, in the lanes where something may have become due.
    pub(super) fn serve_leases(&mut self) {
        let now = self.now;
        let lanes = &self.lanes;
        let is_due = |id: &&GatewayId| {
            lanes
                .get(*id)
                .and_then(Lane::next_due)
                .is_some_and(|at| at <= now)
        };
        let mut lanes: Vec<GatewayId> = self.deferring.iter().filter(is_due).copied().collect();
        lanes.append(&mut self.touched);
        lanes.sort_unstable();
        lanes.dedup();
        for gateway in lanes {
            self.serve_lane(gateway);
        }
    }

    fn serve_lane(&mut self, gateway: GatewayId) {
        let now = self.now;
        loop {
            let Some(lane) = self.lanes.get_mut(&gateway) else {
                return;
            };
            lane.promote(now);
            if !lane.is_deferring() {
                self.deferring.remove(&gateway);
            }
            if !lane.has_ready() {
                return;
            }
            let Some(waiting) = lane.next_waiting() else {
                return;
            };
            let leases = self.take_due(gateway, waiting.room);
            self.replies.push(Reply::Leases(waiting.to, leases));
        }
    }

    fn take_due(&mut self, gateway: GatewayId, room: usize) -> Vec<Lease> {
        let queued = self.lanes.get(&gateway).map_or(0, Lane::len);
        let mut leases: Vec<Lease> = Vec::with_capacity(room.min(queued));
        let mut segments = 0;
        while let Some(id) = self.lanes.get(&gateway).and_then(Lane::first_ready) {
            let Some(m) = self.mt.get(&id) else {
                debug_assert!(false, "a lane holds only open messages");
                if let Some(lane) = self.lanes.get_mut(&gateway) {
                    lane.forget(id);
                }
                continue;
            };
            if m.expires_at() <= self.now {
                self.expire(id);
                continue;
            }
            let pending = m.segments_in(State::Queued).count();
            if !leases.is_empty() && segments + pending > room {
                break;
            }
            segments += pending;
            let Some(lease) = self.lease_one(id) else {
                continue;
            };
            leases.push(lease);
            if segments >= room {
                break;
            }
        }
        leases
    }

    fn lease_one(&mut self, id: MessageId) -> Option<Lease> {
        let m = self.mt.get(&id)?;
        let segments = m.segments_in(State::Queued).collect();
        let Some(text) = m.text() else {
            debug_assert!(false, "a queued message has its text");
            return None;
        };
        let attempt = m.attempts + 1;
        let lease = Lease {
            message: id,
            head: m.encoded_head(),
            text: text.to_owned(),
            segments,
            attempt,
        };
        self.record(id, Event::Leased { attempt });
        Some(lease)
    }

    pub(in crate::store) fn release(&mut self, segments: Vec<(MessageId, Vec<u8>)>) {
        for (id, mut segments) in segments {
            let Some(m) = self.mt.get(&id) else { continue };
            let in_flight = |n: &u8| m.segment(*n) == Some(State::Submitting);
            segments.retain(in_flight);
            if !segments.is_empty() {
                self.record(id, Event::Released { segments });
            }
        }
    }
}
