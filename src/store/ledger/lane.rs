//! One gateway's queue: what is due, what will be, and who waits for it.

use crate::message::{MessageId, Timestamp};
use crate::store::StoreError;
use crate::store::intent::Lease;
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// The order is that of acceptance; a message that comes back takes its old place.
#[derive(Debug, Default)]
pub(super) struct Lane {
    ready: BTreeSet<MessageId>,
    later: BTreeSet<(Timestamp, MessageId)>,
    waiting: VecDeque<Waiting>,
    /// Messages with a segment in flight.
    pub(super) in_flight: usize,
}

/// A lease that was asked for when nothing was due.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) room: usize,
    pub(super) to: oneshot::Sender<Result<Vec<Lease>, StoreError>>,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.later.len()
    }

    /// What is due later, or was not looked at since it was due; the soonest first.
    pub(super) fn later(&self) -> impl Iterator<Item = (Timestamp, MessageId)> {
        self.later.iter().copied()
    }

    pub(super) fn insert(&mut self, id: MessageId, due_at: Timestamp, now: Timestamp) {
        if due_at <= now {
            self.ready.insert(id);
        } else {
            self.later.insert((due_at, id));
        }
    }

    pub(super) fn remove(&mut self, id: MessageId, due_at: Timestamp) {
        if !self.ready.remove(&id) {
            self.later.remove(&(due_at, id));
        }
    }

    /// Moves what has become due among the ready.
    pub(super) fn promote(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.ready.insert(id);
        }
    }

    /// What is due, oldest first.
    pub(super) fn ready(&self) -> impl Iterator<Item = MessageId> {
        self.ready.iter().copied()
    }

    pub(super) fn first_ready(&self) -> Option<MessageId> {
        self.ready.first().copied()
    }

    pub(super) fn is_deferring(&self) -> bool {
        !self.later.is_empty()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    /// The next lease request whose asker is still there.
    pub(super) fn next_waiting(&mut self) -> Option<Waiting> {
        while let Some(w) = self.waiting.pop_front() {
            if !w.to.is_closed() {
                return Some(w);
            }
        }
        None
    }

    /// When somebody who waits can be served.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        if self.waiting.is_empty() {
            return None;
        }
        self.later.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_back_keeps_its_place() {
        let mut lane = Lane::default();
        let now = Timestamp(10);
        for id in [3, 1, 2] {
            lane.insert(MessageId(id), Timestamp(0), now);
        }
        lane.remove(MessageId(1), Timestamp(0));
        assert_eq!(lane.first_ready(), Some(MessageId(2)));
        lane.insert(MessageId(1), Timestamp(0), now);
        assert_eq!(lane.first_ready(), Some(MessageId(1)));
    }

    #[test]
    fn what_is_due_later_is_promoted_in_time() {
        let mut lane = Lane::default();
        lane.insert(MessageId(1), Timestamp(50), Timestamp(10));
        lane.promote(Timestamp(49));
        assert!(!lane.has_ready());
        lane.promote(Timestamp(50));
        assert_eq!(lane.first_ready(), Some(MessageId(1)));
        assert_eq!(lane.len(), 1);
    }
}
