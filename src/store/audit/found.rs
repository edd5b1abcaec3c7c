//! What an audit found, and how much of it is told.
//!
//! Plain counts, and lists of which a count and the first ones are kept: however long the
//! log, and however wrong, what was found stays small.

use crate::message::{GatewayId, MessageId, OrphanId, State};

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    pub frames: u64,
    pub entries: u64,
    /// Messages whose acceptance, or a copy of it, is in the log.
    pub accepted: u64,
    /// Messages by their last state, in the order of [`State::ALL`].
    pub by_state: Vec<(State, u64)>,
    pub mo: u64,
    /// Messages from handsets that belong to no service profile.
    pub mo_unrouted: Listed<MessageId>,
    /// Segments from handsets that wait for the rest of theirs when the log ends.
    pub mo_waiting: u64,
    /// Segments that came again, and were ignored.
    pub mo_repeated: u64,
    /// Times a message was sent again without knowing whether it had arrived.
    pub resubmits: u64,
    /// Messages that were in flight when an answer got lost, or when the log ends; with the
    /// times they were sent again.
    pub in_doubt: Listed<(MessageId, u32)>,
    /// Of these, in flight when the log ends.
    pub in_flight: u64,
    /// Receipts that name no known message: number, gateway, the upstream's id.
    pub orphans: Listed<(OrphanId, GatewayId, String)>,
    pub callbacks_pending: u64,
    /// Messages with callbacks that were given up, and how many.
    pub callbacks_dead: Listed<(MessageId, u32)>,
    /// What must not be, in words.
    pub violations: Listed<String>,
}

/// Counted, and some of it told.
#[derive(Debug)]
pub struct Listed<T> {
    pub total: u64,
    /// The first ones, as many as were asked for.
    pub some: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed {
            total: 0,
            some: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    pub(super) fn add(&mut self, most: usize, one: impl FnOnce() -> T) {
        self.total += 1;
        if self.some.len() < most {
            self.some.push(one());
        }
    }
}

/// How much memory an audit may take, and how much it tells.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Messages whose life is followed at once, each some 50 octets. A log with more of them
    /// is read again, from where the next ones begin.
    pub messages_at_once: usize,
    /// Of each list.
    pub listed_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            // Just below the point where the table would double: 220 MB.
            messages_at_once: 3_600_000,
            listed_max: 20,
        }
    }
}

impl Audit {
    /// Accepted messages that have no verdict.
    pub fn open(&self) -> u64 {
        self.count(|state| !state.is_terminal())
    }

    /// Accepted messages that have one.
    pub fn terminal(&self) -> u64 {
        self.count(State::is_terminal)
    }

    fn count(&self, which: impl Fn(State) -> bool) -> u64 {
        let counted = self.by_state.iter().filter(|(s, _)| which(*s));
        counted.map(|(_, n)| n).sum()
    }
}
