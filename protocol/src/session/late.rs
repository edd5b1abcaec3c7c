//! Numbers of requests that are no longer outstanding but may still be answered.

use std::collections::{HashSet, VecDeque};

use crate::command::SequenceNumber;

/// Timed-out requests remembered; the oldest are forgotten. Memory: about 20 octets each.
const TIMED_OUT_MAX: usize = 10_000;

/// `enquire_link` remembered: more are never out at once.
const ENQUIRIES_MAX: usize = 8;

/// Tells a late answer from a senseless one.
#[derive(Debug, Default)]
pub(super) struct Late {
    timed_out: HashSet<SequenceNumber>,
    order: VecDeque<SequenceNumber>,
    enquiries: VecDeque<SequenceNumber>,
}

impl Late {
    pub(super) fn remember(&mut self, sequence: SequenceNumber) {
        if self.order.len() >= TIMED_OUT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.timed_out.remove(&oldest);
        }
        if self.timed_out.insert(sequence) {
            self.order.push_back(sequence);
        }
    }

    pub(super) fn remember_enquiry(&mut self, sequence: SequenceNumber) {
        if self.enquiries.len() >= ENQUIRIES_MAX {
            self.enquiries.pop_front();
        }
        self.enquiries.push_back(sequence);
    }

    /// Whether this answers a request that timed out; only the first answer does.
    pub(super) fn settle(&mut self, sequence: SequenceNumber) -> bool {
        self.forget(sequence)
    }

    /// Whether this answers one of our `enquire_link`.
    pub(super) fn settle_enquiry(&mut self, sequence: SequenceNumber) -> bool {
        let found = self.enquiries.iter().position(|one| *one == sequence);
        found.and_then(|at| self.enquiries.remove(at)).is_some()
    }

    /// The number is used for something else now.
    pub(super) fn forget(&mut self, sequence: SequenceNumber) -> bool {
        let known = !self.timed_out.is_empty() && self.timed_out.remove(&sequence);
        if known {
            self.order.retain(|one| *one != sequence);
        }
        known
    }
}
