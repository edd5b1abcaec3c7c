//! Messages that go to another gateway of their route: before anything of them was taken, and
//! once to each.

use super::Ledger;
use super::lane::Lane;
use super::mt::Mt;
use crate::message::{
    Event, GatewayId, MessageId, MoveReason, OthersRef, RefusalClass, State, Timestamp,
};
use crate::store::intent::Standings;
use hashbrown::{HashMap, HashSet};
use std::time::Duration;

/// What is known of the gateways for now; the log does not have it.
#[derive(Debug, Default)]
pub(super) struct Ways {
    up: HashSet<GatewayId>,
    moves: Moves,
}

/// How many were moved, from where to where and why.
pub(in crate::store) type Moves = HashMap<(GatewayId, GatewayId, MoveReason), u64>;

/// What a refusal comes to where the message has somewhere else to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    To(GatewayId),
    /// Other segments are not answered yet: until then nobody knows whether any was taken.
    Later(Timestamp),
}

/// Moves of one call, at most: a commit of some 100 KiB.
const MOVES_MAX: usize = 2000;
/// Segments are answered one soon after the other.
const HOLD: Duration = Duration::from_secs(1);

impl Ledger {
    pub(in crate::store) fn reroute(&mut self, standings: Standings) -> usize {
        self.ways.up = standings.up.into_iter().collect();
        let mut moved = 0;
        let mut down = standings.down;
        // Whoever is deleted does not come back.
        let gone = self.gateways.values().filter(|g| g.deleted);
        down.extend(gone.map(|g| (g.id, Duration::MAX)));
        for (gateway, down_for) in down {
            let Some(lane) = self.lanes.get_mut(&gateway) else {
                continue;
            };
            // Nobody leases from it, who would have done so.
            lane.promote(self.now);
            let waiting: Vec<MessageId> = lane.ready().collect();
            for id in waiting {
                if moved == MOVES_MAX {
                    return moved;
                }
                let to = self.mt.get(&id).and_then(|m| self.way_out(m, down_for));
                if let Some(to) = to {
                    self.move_to(id, to, MoveReason::Down);
                    moved += 1;
                }
            }
        }
        moved
    }

    /// Where a message goes whose gateway has been down for so long.
    fn way_out(&self, m: &Mt, down_for: Duration) -> Option<GatewayId> {
        let others = others_of(m)?;
        let patience = Duration::from_millis(others.down_after_ms().into());
        if down_for < patience || !m.segments().all(|(_, s)| s == State::Queued) {
            return None;
        }
        self.with_room(others).find(|g| self.ways.up.contains(g))
    }

    /// What becomes of a message after the refusal of a segment; `None`: what its gateway's own
    /// rules say. `is_final`: they say that it ends here. What would be tried again stays rather
    /// than to wait for a gateway that is down.
    pub(super) fn elsewhere(
        &self,
        m: &Mt,
        segment: u8,
        class: Option<RefusalClass>,
        is_final: bool,
    ) -> Option<Elsewhere> {
        let class = class?;
        let others = others_of(m).filter(|o| o.is_after(class))?;
        let mut is_answered = true;
        for (number, state) in m.segments() {
            match state {
                State::Queued => {}
                State::Submitting => is_answered &= number == segment,
                _ => return None,
            }
        }
        let up = self.with_room(others).find(|g| self.ways.up.contains(g));
        let to = up.or_else(|| self.with_room(others).next().filter(|_| is_final))?;
        Some(match is_answered {
            true => Elsewhere::To(to),
            false => Elsewhere::Later(self.now + HOLD),
        })
    }

    fn with_room<'a>(&'a self, others: OthersRef<'a>) -> impl Iterator<Item = GatewayId> + 'a {
        let most = self.policy.queued_per_gateway_max;
        let queued = |gateway: &GatewayId| self.lanes.get(gateway).map_or(0, Lane::len);
        others.gateways().filter(move |g| queued(g) < most)
    }

    pub(super) fn move_to(&mut self, id: MessageId, to: GatewayId, why: MoveReason) {
        let Some(from) = self.mt.get(&id).map(|m| m.gateway) else {
            return;
        };
        *self.ways.moves.entry((from, to, why)).or_default() += 1;
        self.record(id, Event::Rerouted { from, to, why });
    }

    /// After a failed write: nobody would tell again who is up.
    pub(in crate::store) fn take_ways_of(&mut self, failed: &mut Ledger) {
        self.ways = std::mem::take(&mut failed.ways);
    }

    /// Moves since they were last taken.
    pub(in crate::store) fn take_moves(&mut self) -> Moves {
        std::mem::take(&mut self.ways.moves)
    }
}

/// Where else the message may go; `None`: nowhere, or it may have been taken already.
fn others_of(m: &Mt) -> Option<OthersRef<'_>> {
    let is_untaken = m.resubmits == 0 && !m.state.is_terminal();
    match m.is_routed() && is_untaken {
        true => m.read_head()?.others,
        false => None,
    }
}
