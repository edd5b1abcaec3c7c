//! The live state as items of a checkpoint, some with each batch, and the live state again.
//!
//! While items are taken the log goes on. So each is as of the last frame that was written by
//! then, and whoever reads them back has read the log up to that frame: what is in memory by
//! then is newer than its item, or the same, and entries of what is not yet there have done
//! nothing. Whatever began after the first item is in frames behind it.

use super::keys::Key;
use super::mt::{Mt, MtCopy};
use super::sets::SetKey;
use super::{Ledger, REINDEXED_MAX};
use crate::message::{Event, MessageId, OrphanId, PendingCallback, Snapshot, State, Timestamp};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What a checkpoint holds, in postcard.
#[derive(Debug, Serialize, Deserialize)]
enum Item<'a> {
    /// The first one, and what is only whole if it is taken at once.
    Begin {
        now: Timestamp,
        last_id: MessageId,
        carry: super::carry::Marks,
        /// Oldest first.
        finished: Vec<MessageId>,
        /// As many messages follow, if none comes or goes.
        messages: usize,
    },
    /// A document, or opt-outs.
    Event(Event),
    #[serde(borrow)]
    Mt(MtItem<'a>),
    /// What has no message of its own has frames of its own, too.
    Copy {
        subject: MessageId,
        first_frame: u64,
        last_frame: u64,
        snapshot: Snapshot,
    },
    Key {
        key: u128,
        content: u128,
        message: MessageId,
        taken_at: Timestamp,
        frame: u64,
        answer: Option<(u16, String)>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct MtItem<'a> {
    #[serde(borrow)]
    message: MtCopy<'a>,
    callbacks: Vec<PendingCallback>,
    in_doubt: Option<u8>,
}

/// What is still to be taken.
#[derive(Debug)]
pub(in crate::store) struct Taking {
    slot: usize,
    /// From handsets.
    mo: Vec<MessageId>,
    orphan: Bound<OrphanId>,
    key: Bound<(Timestamp, u128)>,
}

impl Taking {
    /// Begins: documents and what is taken at once go to `to`. Nothing may be waiting to be
    /// written.
    pub(in crate::store) fn begin(ledger: &Ledger, to: &mut Vec<u8>) -> Taking {
        let begin = Item::Begin {
            now: ledger.now,
            last_id: ledger.last_id,
            carry: ledger.carry.marks(),
            finished: ledger.finished.iter().copied().collect(),
            messages: ledger.mt.len(),
        };
        put(&begin, to);
        for event in ledger.documents() {
            put(&Item::Event(event), to);
        }
        // An entry that joins segments does something to both.
        let mut segments: Vec<MessageId> = ledger.sets.waiting().map(|w| w.id).collect();
        segments.sort_unstable();
        segments.iter().for_each(|id| ledger.put_mo(*id, to));
        let joined = ledger.joined.before(u64::MAX, ledger.now);
        joined.for_each(|key| ledger.put_joined(&key, to));
        Taking {
            slot: 0,
            mo: ledger.mo.keys().copied().collect(),
            orphan: Bound::Unbounded,
            key: Bound::Unbounded,
        }
    }

    /// Takes some more, until there are so many octets; false when that was all. Nothing may be
    /// waiting to be written.
    pub(in crate::store) fn some(
        &mut self,
        ledger: &Ledger,
        octets: usize,
        to: &mut Vec<u8>,
    ) -> bool {
        debug_assert!(ledger.is_clean(), "a checkpoint holds what is durable");
        while to.len() < octets {
            if !self.one(ledger, to) {
                put(&Item::Event(ledger.counters_document()), to);
                return false;
            }
        }
        true
    }

    /// False when there is none left.
    fn one(&mut self, ledger: &Ledger, to: &mut Vec<u8>) -> bool {
        if self.slot < ledger.mt.slots() {
            if let Some(m) = ledger.mt.in_slot(self.slot) {
                ledger.put_mt(m, to);
            }
            self.slot += 1;
        } else if let Some(id) = self.mo.pop() {
            ledger.put_mo(id, to);
        } else if let Some(id) = ledger.orphans.after(self.orphan) {
            self.orphan = Bound::Excluded(id);
            if let Some(snapshot) = ledger.orphan_snapshot(id) {
                put(&copy(MessageId::NONE, (0, 0), snapshot), to);
            }
        } else if let Some(at) = ledger.keys.after(self.key) {
            self.key = Bound::Excluded(at);
            ledger.put_key(at.1, to);
        } else {
            return false;
        }
        true
    }
}

fn put(item: &Item<'_>, to: &mut Vec<u8>) {
    let octets = std::mem::take(to);
    *to = postcard::to_extend(item, octets).expect("items hold nothing that cannot be encoded");
}

fn copy(subject: MessageId, frames: (u64, u64), snapshot: Snapshot) -> Item<'static> {
    Item::Copy {
        subject,
        first_frame: frames.0,
        last_frame: frames.1,
        snapshot,
    }
}

impl Ledger {
    fn put_mt(&self, m: &Mt, to: &mut Vec<u8>) {
        let callbacks = match m.callbacks_made() {
            0 => Vec::new(),
            made => self.outbox.of(m.id, made),
        };
        let item = MtItem {
            message: m.copy(),
            callbacks,
            in_doubt: self.in_doubt.get(&m.id).copied(),
        };
        put(&Item::Mt(item), to);
    }

    fn put_mo(&self, id: MessageId, to: &mut Vec<u8>) {
        let frames = match (self.mo.get(&id), self.sets.get(id)) {
            (Some(mo), _) => (mo.first_frame, mo.last_frame),
            (None, Some(waiting)) => (waiting.frame, waiting.frame),
            (None, None) => return,
        };
        if let Some(snapshot) = self.snapshot(id) {
            put(&copy(id, frames, snapshot), to);
        }
    }

    fn put_joined(&self, key: &SetKey, to: &mut Vec<u8>) {
        if let (Some(joined), Some(snapshot)) = (self.joined.get(key), self.joined.snapshot(key)) {
            put(
                &copy(MessageId::NONE, (joined.frame, joined.frame), snapshot),
                to,
            );
        }
    }

    fn put_key(&self, key: u128, to: &mut Vec<u8>) {
        if let Some(known) = self.keys.get(key) {
            let item = Item::Key {
                key,
                content: known.content,
                message: known.message,
                taken_at: known.taken_at,
                frame: known.frame,
                answer: known.answer.clone(),
            };
            put(&item, to);
        }
    }
}

/// Makes the live state of the items of a checkpoint, block by block.
#[derive(Debug, Default)]
pub(in crate::store) struct Restoring {
    /// As the checkpoint began, oldest first.
    finished: Vec<MessageId>,
    /// Finished as their items were taken.
    restored: Vec<MessageId>,
}

impl Restoring {
    /// Takes up the items of one block; the log has been read as far as it was when they were
    /// taken. `None`: they are not what this code writes.
    pub(in crate::store) fn take(&mut self, ledger: &mut Ledger, mut items: &[u8]) -> Option<()> {
        while !items.is_empty() {
            let (item, rest) = postcard::take_from_bytes::<Item<'_>>(items).ok()?;
            self.one(ledger, item)?;
            items = rest;
        }
        Some(())
    }

    /// The last block has been taken up.
    pub(in crate::store) fn end(self, ledger: &mut Ledger) {
        ledger.mt.expect(0);
        // The index of the newest may not have been durable.
        let newest = self.finished.iter().rev().take(REINDEXED_MAX).rev();
        let known = newest.filter_map(|id| Some((*id, ledger.last_frame_of(*id)?)));
        let known: Vec<_> = known.collect();
        ledger.to_index.splice(0..0, known);
        // What has finished while the checkpoint was made is not told by the frames behind.
        let known: HashSet<MessageId> = ledger.finished.iter().copied().collect();
        for id in self.restored {
            if !known.contains(&id) && ledger.is_finished_in_memory(id) {
                ledger.finished.push_front(id);
            }
        }
    }

    fn one(&mut self, ledger: &mut Ledger, item: Item<'_>) -> Option<()> {
        match item {
            Item::Begin {
                now,
                last_id,
                carry,
                finished,
                messages,
            } => {
                ledger.begin(now);
                ledger.last_id = last_id;
                ledger.carry.resume(carry);
                ledger.mt.expect(messages);
                ledger.finished = finished.iter().copied().collect();
                self.finished = finished;
            }
            Item::Event(Event::Document { kind, id, body }) => {
                ledger.apply_document(kind, id, body.as_deref());
            }
            Item::Event(Event::OptOuts {
                use_case,
                numbers,
                out,
            }) => ledger.use_cases.opt(use_case, &numbers, out),
            Item::Event(_) => return None,
            Item::Mt(item) => self.restore_mt(ledger, item),
            Item::Copy {
                subject,
                first_frame,
                last_frame,
                snapshot,
            } => {
                if !ledger.holds(subject, &snapshot) {
                    ledger.apply_carried(first_frame, subject, &snapshot);
                    if let Some(mo) = ledger.mo.get_mut(&subject) {
                        mo.last_frame = last_frame;
                    }
                    self.note(ledger, subject);
                }
            }
            Item::Key {
                key,
                content,
                message,
                taken_at,
                frame,
                answer,
            } => {
                let known = Key {
                    content,
                    message,
                    taken_at,
                    frame,
                    answer,
                };
                if ledger.keys.get(key).is_none() {
                    ledger.keys.insert(key, known);
                }
            }
        }
        Some(())
    }

    fn restore_mt(&mut self, ledger: &mut Ledger, item: MtItem<'_>) {
        let id = item.message.id;
        if ledger.mt.get(&id).is_some() {
            return;
        }
        let m = Mt::of_copy(&item.message);
        if m.has_segment_in(State::Submitting) {
            ledger.lanes.entry(m.gateway).or_default().in_flight += 1;
        }
        let lane = m
            .has_segment_in(State::Queued)
            .then(|| (m.gateway, m.due_at()));
        ledger.mt.insert_new(m);
        if let Some((gateway, due_at)) = lane {
            ledger.enter_lane(gateway, id, due_at);
        }
        for callback in item.callbacks {
            ledger.outbox.insert(callback);
        }
        if let Some(resubmits) = item.in_doubt {
            ledger.in_doubt.insert(id, resubmits);
        }
        self.note(ledger, id);
    }

    fn note(&mut self, ledger: &mut Ledger, id: MessageId) {
        ledger.enter_restored(id);
        if ledger.is_finished_in_memory(id) {
            self.restored.push(id);
        }
    }
}

impl Ledger {
    fn is_finished_in_memory(&self, id: MessageId) -> bool {
        match (self.mt.get(&id), self.mo.get(&id)) {
            (Some(m), _) => m.is_finished(),
            (None, Some(mo)) => mo.is_finished(),
            (None, None) => false,
        }
    }

    /// What the frames that were read have of it is newer, or the same.
    fn holds(&self, subject: MessageId, snapshot: &Snapshot) -> bool {
        match snapshot {
            Snapshot::Mt { .. } => self.mt.get(&subject).is_some(),
            Snapshot::Mo { .. } => self.mo.contains_key(&subject),
            Snapshot::MoSegment { .. } | Snapshot::MoSegmentAgain { .. } => {
                self.sets.get(subject).is_some()
            }
            Snapshot::Orphan { orphan, .. } => self.orphans.holds(*orphan),
            Snapshot::MoJoined { .. } => {
                SetKey::of_joined(snapshot).is_some_and(|key| self.joined.get(&key).is_some())
            }
        }
    }
}

#[cfg(test)]
mod tests;
