//! When queued messages are given up, in order of time, whatever their order in the queues.

use crate::message::{MessageId, Timestamp};
use std::collections::BTreeSet;

/// The messages of all lanes that are not valid for ever. Nearly all leave a lane as soon as
/// they enter it: only those that are still there at the next look are put in order.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Entered a lane since the last look.
    fresh: Vec<MessageId>,
    /// The second by which each of the others is over, and its slot: some 16 octets.
    by_time: BTreeSet<(u32, u32)>,
    looked_at: Timestamp,
}

impl Deadlines {
    /// Before the first look it says nothing: then all lanes are looked through.
    pub(super) fn enter(&mut self, id: MessageId) {
        if !self.is_new() {
            self.fresh.push(id);
        }
    }

    /// No look has been taken, as while a log is read.
    pub(super) fn is_new(&self) -> bool {
        self.looked_at == Timestamp(0)
    }

    pub(super) fn begin(&mut self, in_lanes: Vec<MessageId>, now: Timestamp) {
        (self.fresh, self.looked_at) = (in_lanes, now);
    }

    /// False where a message that was accepted then cannot be in order yet.
    pub(super) fn may_hold(&self, accepted_at: Timestamp) -> bool {
        accepted_at <= self.looked_at
    }

    /// Some that have entered since; the last look is at an end when there are none.
    pub(super) fn take_fresh(&mut self, most: usize, now: Timestamp) -> Vec<MessageId> {
        self.looked_at = now;
        match self.fresh.len().saturating_sub(most) {
            0 => std::mem::take(&mut self.fresh),
            left => self.fresh.split_off(left),
        }
    }

    pub(super) fn insert(&mut self, slot: u32, at: Timestamp) {
        self.by_time.extend(key(slot, at));
    }

    pub(super) fn remove(&mut self, slot: u32, at: Timestamp) {
        if let Some(key) = key(slot, at) {
            self.by_time.remove(&key);
        }
    }

    /// Takes out one that is over; its slot.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<u32> {
        let (second, slot) = self.by_time.first().copied()?;
        if u64::from(second) > now.unix_s() {
            return None;
        }
        self.by_time.pop_first();
        Some(slot)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.by_time.is_empty()
    }
}

/// `None`: it is farther than anybody waits.
fn key(slot: u32, at: Timestamp) -> Option<(u32, u32)> {
    let over_by = at.unix_s().saturating_add(1);
    Some((u32::try_from(over_by).ok()?, slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp(second * 1_000_000 + 7)
    }

    #[test]
    fn they_come_in_order_of_time_and_go() {
        let mut deadlines = Deadlines::default();
        for (slot, second) in [(1, 30), (2, 10), (3, 20), (4, u64::MAX / 1_000_001)] {
            deadlines.insert(slot, at(second));
        }
        deadlines.remove(1, at(30));
        deadlines.remove(4, Timestamp::NEVER);
        assert_eq!(deadlines.pop(at(10)), None, "not quite over");
        assert_eq!(deadlines.pop(at(30)), Some(2));
        assert_eq!(deadlines.pop(at(30)), Some(3));
        assert_eq!(deadlines.pop(Timestamp::NEVER), None);
        assert!(deadlines.is_empty());
    }

    #[test]
    fn what_has_entered_is_taken_once() {
        let mut deadlines = Deadlines::default();
        deadlines.enter(MessageId(9));
        assert!(deadlines.is_new() && deadlines.is_empty());
        deadlines.begin(vec![MessageId(1)], at(4));
        (2..=3).for_each(|id| deadlines.enter(MessageId(id)));
        assert!(!deadlines.may_hold(at(5)));
        assert_eq!(deadlines.take_fresh(2, at(9)), [MessageId(2), MessageId(3)]);
        assert!(deadlines.may_hold(at(9)) && !deadlines.may_hold(at(10)));
        assert_eq!(deadlines.take_fresh(2, at(9)), [MessageId(1)]);
        assert!(deadlines.take_fresh(2, at(9)).is_empty() && deadlines.is_empty());
    }
}
