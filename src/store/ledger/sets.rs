//! Segments that wait for the rest of theirs.
//!
//! A set is what waits under one reference, each number once. It ends when it is complete, when
//! it is overdue, or when its reference is used anew; its segments are taken out one by one.

use crate::message::{Concat, GatewayId, MessageId, MoRecord, Snapshot, Timestamp};
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: HashMap<Arc<SetKey>, Set>,
    by_age: BTreeSet<(Timestamp, Arc<SetKey>)>,
    by_segment: HashMap<MessageId, Arc<SetKey>>,
}

/// Two senders may use one reference at the same time, and so may one towards two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SetKey {
    pub(super) gateway: GatewayId,
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) reference: u16,
    pub(super) reference_bits: u8,
    pub(super) total: u8,
}

impl SetKey {
    pub(super) fn of(record: &MoRecord, concat: Concat) -> SetKey {
        SetKey {
            gateway: record.gateway,
            source: record.source_addr.clone(),
            destination: record.destination_addr.clone(),
            reference: concat.reference,
            reference_bits: concat.reference_bits,
            total: concat.total,
        }
    }

    /// Of the copy of a joined set; `None`: it is the copy of something else.
    pub(super) fn of_joined(copy: &Snapshot) -> Option<SetKey> {
        let Snapshot::MoJoined {
            gateway,
            source_addr,
            destination_addr,
            reference,
            reference_bits,
            total,
            ..
        } = copy
        else {
            return None;
        };
        Some(SetKey {
            gateway: *gateway,
            source: source_addr.clone(),
            destination: destination_addr.clone(),
            reference: *reference,
            reference_bits: *reference_bits,
            total: *total,
        })
    }
}

#[derive(Debug)]
struct Set {
    overdue_at: Timestamp,
    segments: Vec<Waiting>,
}

#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: MessageId,
    pub(super) record: MoRecord,
    pub(super) received_at: Timestamp,
    pub(super) frame: u64,
    /// A message joined of late has it: repeated by the upstream, or the beginning of another
    /// message that begins alike.
    pub(super) again: bool,
}

impl Waiting {
    pub(super) fn number(&self) -> u8 {
        self.record.segment.map_or(0, |c| c.number)
    }
}

impl Sets {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(at, _)| *at)
    }

    /// The oldest set that is overdue.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<Arc<SetKey>> {
        let (at, key) = self.by_age.first()?;
        (*at <= now).then(|| key.clone())
    }

    /// Every segment that waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.sets.values().flat_map(|s| &s.segments)
    }

    pub(super) fn get(&self, id: MessageId) -> Option<&Waiting> {
        let key = self.by_segment.get(&id)?;
        self.of(key).iter().find(|w| w.id == id)
    }

    /// What waits under a reference.
    pub(super) fn of(&self, key: &SetKey) -> &[Waiting] {
        self.sets.get(key).map_or(&[], |s| &s.segments)
    }

    /// Lets a segment wait; the first of a set says when it is overdue. One that waits already
    /// has a newer copy in the log.
    pub(super) fn insert(&mut self, key: SetKey, waiting: Waiting, overdue_at: Timestamp) {
        let key = match self.sets.get_key_value(&key) {
            Some((key, _)) => key.clone(),
            None => Arc::new(key),
        };
        let set = self.sets.entry(key.clone()).or_insert_with(|| {
            self.by_age.insert((overdue_at, key.clone()));
            Set {
                overdue_at,
                segments: Vec::new(),
            }
        });
        match set.segments.iter_mut().find(|w| w.id == waiting.id) {
            Some(there) => there.frame = waiting.frame,
            None => {
                self.by_segment.insert(waiting.id, key);
                set.segments.push(waiting);
            }
        }
    }

    /// Takes a segment out; its set is gone with the last one.
    pub(super) fn take(&mut self, id: MessageId) -> Option<(Arc<SetKey>, Waiting)> {
        let key = self.by_segment.remove(&id)?;
        let set = self.sets.get_mut(&key)?;
        let at = set.segments.iter().position(|w| w.id == id)?;
        let waiting = set.segments.remove(at);
        if set.segments.is_empty() {
            let overdue_at = set.overdue_at;
            self.sets.remove(&key);
            self.by_age.remove(&(overdue_at, key.clone()));
        }
        Some((key, waiting))
    }
}
