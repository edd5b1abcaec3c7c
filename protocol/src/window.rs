//! Requests that wait for their response, by sequence number.
//!
//! A window owns a bounded number of slots. A request takes one, is outstanding, and is completed
//! by its response, expires at its deadline, or is drained when the session ends; each of the
//! three hands the caller's context back, so no slot and no context can be lost. Responses may
//! come in any order.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use crate::command::{CommandId, SequenceNumber};

/// Deadlines of completed requests that may lie about before they are swept.
const STALE_MAX: usize = 64;

/// Outstanding requests, each with a context `T` of the caller's.
#[derive(Debug)]
pub struct Window<T> {
    capacity: usize,
    slots: HashMap<u32, Outstanding<T>, BuildHasherDefault<SequenceHasher>>,
    /// Deadlines of all slots, and of some already completed ones; the first is always a slot's.
    deadlines: BinaryHeap<Reverse<(Instant, u32)>>,
}

/// A request that waits.
#[derive(Debug)]
pub struct Outstanding<T> {
    /// Its number.
    pub sequence_number: SequenceNumber,
    /// Which command it was.
    pub command_id: CommandId,
    /// What the caller wants to remember.
    pub context: T,
    /// When it was handed over.
    pub sent_at: Instant,
    deadline_at: Instant,
}

impl<T> Window<T> {
    /// A window with this many slots. Memory: about 100 octets a slot, plus the context.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            slots: HashMap::default(),
            deadlines: BinaryHeap::new(),
        }
    }

    /// Slots in all.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Free slots.
    #[must_use]
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.slots.len())
    }

    /// Outstanding requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is outstanding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether this request is outstanding.
    #[must_use]
    pub fn contains(&self, sequence_number: SequenceNumber) -> bool {
        self.slots.contains_key(&sequence_number.0)
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// Gives the context back if there is no free slot, or if the number is outstanding already.
    pub fn insert(
        &mut self,
        sequence_number: SequenceNumber,
        command_id: CommandId,
        context: T,
        sent_at: Instant,
        deadline_at: Instant,
    ) -> Result<(), T> {
        if self.room() == 0 || self.contains(sequence_number) {
            return Err(context);
        }
        let outstanding = Outstanding {
            sequence_number,
            command_id,
            context,
            sent_at,
            deadline_at,
        };
        self.slots.insert(sequence_number.0, outstanding);
        self.deadlines
            .push(Reverse((deadline_at, sequence_number.0)));
        Ok(())
    }

    /// Frees the slot of a request that was answered; `None` if it is not outstanding.
    pub fn complete(&mut self, sequence_number: SequenceNumber) -> Option<Outstanding<T>> {
        let outstanding = self.slots.remove(&sequence_number.0)?;
        self.sweep();
        Some(outstanding)
    }

    /// Frees the slot of one request whose deadline is not after `now`. Call until `None`.
    pub fn expire(&mut self, now: Instant) -> Option<Outstanding<T>> {
        let Reverse((deadline_at, sequence_number)) = *self.deadlines.peek()?;
        if deadline_at > now {
            return None;
        }
        self.complete(SequenceNumber(sequence_number))
    }

    /// When the next request expires.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines
            .peek()
            .map(|Reverse((deadline_at, _))| *deadline_at)
    }

    /// Frees every slot, the request sent first at the front.
    pub fn drain(&mut self) -> Vec<Outstanding<T>> {
        self.deadlines.clear();
        let mut all: Vec<_> = self
            .slots
            .drain()
            .map(|(_, outstanding)| outstanding)
            .collect();
        all.sort_by_key(|outstanding| (outstanding.sent_at, outstanding.sequence_number));
        all
    }

    /// Restores the invariant that the first deadline is a slot's, and that stale ones are few.
    fn sweep(&mut self) {
        let is_live = |slots: &HashMap<u32, Outstanding<T>, _>, deadline_at, sequence_number| {
            slots
                .get(&sequence_number)
                .is_some_and(|slot| slot.deadline_at == deadline_at)
        };
        while let Some(Reverse((deadline_at, sequence_number))) = self.deadlines.peek() {
            if is_live(&self.slots, *deadline_at, *sequence_number) {
                break;
            }
            self.deadlines.pop();
        }
        if self.deadlines.len() > 2 * self.slots.len() + STALE_MAX {
            let Self {
                slots, deadlines, ..
            } = self;
            deadlines.retain(|Reverse((deadline_at, sequence_number))| {
                is_live(slots, *deadline_at, *sequence_number)
            });
        }
    }
}

/// Spreads sequence numbers, which are our own and run upwards, over a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequenceHasher(u64);

impl Hasher for SequenceHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u32(u32::from(*octet));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
