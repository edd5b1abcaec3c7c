//! Messages that left memory, told again by the log and brought back.

use super::Ledger;
use crate::message::{Entry, Event, MessageId, Snapshot};
use crate::store::Policy;

/// What memory would hold of a message after these entries, which are all it has, oldest first;
/// `None`: nothing of it is left, or no callback of it is dead.
pub(in crate::store) fn retold(policy: &Policy, entries: &[Entry]) -> Option<Snapshot> {
    let id = entries.first()?.subject;
    let mut alone = Ledger::new(policy.clone(), 1);
    for entry in entries {
        alone.begin(entry.at);
        alone.apply(1, entry);
    }
    let snapshot = alone.snapshot(id)?;
    let (Snapshot::Mt { callbacks, .. } | Snapshot::Mo { callbacks, .. }) = &snapshot else {
        return None;
    };
    callbacks.iter().any(|c| c.dead).then_some(snapshot)
}

impl Ledger {
    /// Brings a message back into memory; `last_frame` holds its last entry. In the log it is
    /// carried forward, so that a start finds it as well.
    pub(in crate::store) fn recall(&mut self, id: MessageId, last_frame: u64, snapshot: Snapshot) {
        if self.last_frame_of(id).is_some() {
            return;
        }
        let entry = Entry {
            subject: id,
            at: self.now,
            previous: last_frame,
            event: Event::Carried(Box::new(snapshot)),
        };
        let frame = self.packer.push(&entry);
        self.apply(frame, &entry);
    }
}
