//! One gateway's queue: what is due, what will be, and who waits for it.

use crate::message::{MessageId, Timestamp};
use crate::store::StoreError;
use crate::store::intent::Lease;
use std::collections::{BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// The order is that of acceptance; a message that comes back takes its old place.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Due since they were accepted: the first has been due the longest.
    ready: BTreeSet<MessageId>,
    /// Due, and scheduled or deferred before.
    promoted: BTreeSet<MessageId>,
    later: BTreeSet<(Timestamp, MessageId)>,
    /// When those that are or were due later could have gone first.
    since: BTreeSet<(Timestamp, MessageId)>,
    waiting: VecDeque<Waiting>,
    /// Messages with a segment in flight.
    pub(super) in_flight: usize,
}

/// A message's place in its lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) id: MessageId,
    /// 0 is at once.
    pub(super) due_at: Timestamp,
    /// It is not to go before; `None`: from its acceptance on it may.
    pub(super) scheduled_for: Option<Timestamp>,
    pub(super) accepted_at: Timestamp,
}

impl Place {
    /// When it could have gone first.
    fn since(&self) -> Timestamp {
        let scheduled_for = self.scheduled_for.unwrap_or_default();
        self.accepted_at.max(scheduled_for)
    }
}

/// A lease that was asked for when nothing was due.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) room: usize,
    pub(super) to: oneshot::Sender<Result<Vec<Lease>, StoreError>>,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.promoted.len() + self.later.len()
    }

    /// In no order.
    pub(super) fn all(&self) -> impl Iterator<Item = MessageId> {
        let later = self.later.iter().map(|(_, id)| *id);
        self.ready
            .iter()
            .chain(&self.promoted)
            .copied()
            .chain(later)
    }

    /// What is due later, or was not looked at since it was due; the soonest first.
    #[cfg(test)]
    pub(super) fn later(&self) -> impl Iterator<Item = (Timestamp, MessageId)> {
        self.later.iter().copied()
    }

    /// Since when the one that could have gone first could have; `ready_since` tells it of one
    /// that is due since it was accepted. `None`: none is due, or was tried.
    pub(super) fn waiting_since(
        &self,
        now: Timestamp,
        ready_since: impl FnOnce(MessageId) -> Option<Timestamp>,
    ) -> Option<Timestamp> {
        let since = self.since.first().map(|(at, _)| *at);
        let ready = self.ready.first().copied().and_then(ready_since);
        since.filter(|at| *at <= now).into_iter().chain(ready).min()
    }

    pub(super) fn insert(&mut self, place: Place, now: Timestamp) {
        let Place { id, due_at, .. } = place;
        if due_at <= now && place.scheduled_for.is_none() {
            self.ready.insert(id);
            return;
        }
        self.since.insert((place.since(), id));
        if due_at <= now {
            self.promoted.insert(id);
        } else {
            self.later.insert((due_at, id));
        }
    }

    pub(super) fn remove(&mut self, place: Place) {
        let Place { id, due_at, .. } = place;
        if self.ready.remove(&id) {
            return;
        }
        self.since.remove(&(place.since(), id));
        if !self.promoted.remove(&id) {
            self.later.remove(&(due_at, id));
        }
    }

    /// Takes out one that is due and of which nothing is known.
    pub(super) fn forget(&mut self, id: MessageId) {
        self.ready.remove(&id);
        self.promoted.remove(&id);
    }

    /// Moves what has become due among the ready.
    pub(super) fn promote(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.promoted.insert(id);
        }
    }

    /// What is due, oldest first.
    pub(super) fn ready(&self) -> impl Iterator<Item = MessageId> {
        let (mut ready, mut promoted) = (self.ready.iter(), self.promoted.iter());
        let (mut one, mut other) = (ready.next(), promoted.next());
        std::iter::from_fn(move || {
            let is_one = one.is_some_and(|a| other.is_none_or(|b| a < b));
            match is_one {
                true => std::mem::replace(&mut one, ready.next()).copied(),
                false => std::mem::replace(&mut other, promoted.next()).copied(),
            }
        })
    }

    pub(super) fn first_ready(&self) -> Option<MessageId> {
        let both = self.ready.first().into_iter().chain(self.promoted.first());
        both.min().copied()
    }

    pub(super) fn is_deferring(&self) -> bool {
        !self.later.is_empty()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.promoted.is_empty()
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

    const NOW: Timestamp = Timestamp(10);

    /// Accepted at the time that is its number.
    fn place(id: u64, due_at: u64) -> Place {
        Place {
            id: MessageId(id),
            due_at: Timestamp(due_at),
            scheduled_for: None,
            accepted_at: Timestamp(id),
        }
    }

    fn scheduled(id: u64, at: u64) -> Place {
        Place {
            scheduled_for: Some(Timestamp(at)),
            ..place(id, at)
        }
    }

    fn since(lane: &Lane, now: u64) -> Option<u64> {
        let since = lane.waiting_since(Timestamp(now), |id| Some(Timestamp(id.0)));
        since.map(|at| at.0)
    }

    #[test]
    fn a_message_that_comes_back_keeps_its_place() {
        let mut lane = Lane::default();
        for id in [3, 1, 2] {
            lane.insert(place(id, 0), NOW);
        }
        lane.remove(place(1, 0));
        assert_eq!(lane.first_ready(), Some(MessageId(2)));
        lane.insert(place(1, 0), NOW);
        assert_eq!(lane.first_ready(), Some(MessageId(1)));
    }

    #[test]
    fn what_is_due_later_is_promoted_in_time() {
        let mut lane = Lane::default();
        lane.insert(place(1, 50), NOW);
        lane.promote(Timestamp(49));
        assert!(!lane.has_ready());
        lane.promote(Timestamp(50));
        assert_eq!(lane.first_ready(), Some(MessageId(1)));
        assert_eq!(lane.len(), 1);
    }

    #[test]
    fn what_was_due_later_is_leased_in_order_of_acceptance() {
        let mut lane = Lane::default();
        for place in [place(4, 0), scheduled(1, 20), place(2, 0), place(3, 30)] {
            lane.insert(place, NOW);
        }
        assert_eq!(lane.first_ready(), Some(MessageId(2)));
        lane.promote(Timestamp(30));
        let ready: Vec<u64> = lane.ready().map(|id| id.0).collect();
        assert_eq!(
            (ready, lane.first_ready()),
            (vec![1, 2, 3, 4], Some(MessageId(1)))
        );
    }

    #[test]
    fn the_message_that_has_been_due_the_longest_tells_since_when() {
        let mut lane = Lane::default();
        assert_eq!(since(&lane, 10), None);
        lane.insert(scheduled(1, 40), NOW);
        assert_eq!(since(&lane, 39), None, "it waits for nobody");
        assert_eq!(since(&lane, 40), Some(40));
        lane.insert(place(6, 0), NOW);
        lane.promote(Timestamp(40));
        assert_eq!(since(&lane, 50), Some(6), "the first is due only since 40");
        // Deferred, so it could have gone before.
        lane.insert(place(5, 90), NOW);
        assert_eq!(since(&lane, 50), Some(5));
        lane.promote(Timestamp(90));
        assert_eq!(since(&lane, 90), Some(5));
        lane.remove(place(5, 90));
        lane.remove(place(6, 0));
        assert_eq!(since(&lane, 90), Some(40));
        lane.remove(scheduled(1, 40));
        assert_eq!((since(&lane, 90), lane.len()), (None, 0));
        assert!(lane.since.is_empty());
    }
}
