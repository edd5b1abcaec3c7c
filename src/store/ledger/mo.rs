//! MO messages with a callback to make, and what becomes of segments.
//!
//! Every segment that is acknowledged is in the log before: as news, or as one that came again.
//! Those of a set whose segments all came again are ignored in the end; any other set is posted,
//! and so is a whole message that comes again on the connection that has had the answers.

use super::Ledger;
use super::joined::{Joined, fingerprint};
use super::sets::{SetKey, Waiting};
use crate::message::{CallbackKind, Entry, Event, MessageId, MoRecord, State, Timestamp, join};
use crate::store::intent::Finding;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Mo {
    pub(super) record: Box<MoRecord>,
    pub(super) received_at: Timestamp,
    pub(super) first_frame: u64,
    pub(super) last_frame: u64,
    pub(super) callbacks_made: u32,
    pub(super) callbacks_open: u32,
}

impl Mo {
    pub(super) fn is_finished(&self) -> bool {
        self.callbacks_open == 0
    }
}

impl Ledger {
    /// Takes a message, or a segment of one: joined and entered when it is the last.
    pub(super) fn receive_mo(&mut self, record: MoRecord) -> Finding {
        // One that has its identifier already is not to wait for the others.
        let Some(concat) = record.segment.filter(|_| record.identifier.is_none()) else {
            return Finding::Mo {
                id: self.enter_mo(record, Vec::new()),
            };
        };
        let key = SetKey::of(&record, concat);
        let mut waiting = self.sets.of(&key).iter();
        if let Some(there) = waiting.find(|w| w.number() == concat.number) {
            if says_the_same(&there.record, &record) {
                return Finding::MoSegment;
            }
            // The reference is used anew: the older message will not be completed.
            self.end_set(&key);
        }
        let part = (concat.number, fingerprint(&record));
        let again = self.joined.has(&key, part, self.now);
        let id = self.next_id();
        let record = Box::new(record);
        self.record(
            id,
            match again {
                true => Event::MoSegmentAgain { record, concat },
                false => Event::MoSegment { record, concat },
            },
        );
        if self.sets.of(&key).len() < usize::from(concat.total) {
            return Finding::MoSegment;
        }
        match self.end_set(&key) {
            Some(id) => Finding::Mo { id },
            None => Finding::MoSegment,
        }
    }

    /// A set is complete, or the rest is not waited for: it is joined, or posted in parts, or
    /// ignored where all of it came again. The message that was joined.
    fn end_set(&mut self, key: &SetKey) -> Option<MessageId> {
        let segments = self.sets.of(key);
        let ids = segments.iter().map(|w| w.id).collect();
        if segments.iter().all(|w| w.again) && !self.is_sent_anew(key, segments) {
            self.record(MessageId::NONE, Event::MoRepeated { segments: ids });
            return None;
        }
        let segments = segments.to_vec();
        if segments.len() < usize::from(key.total) {
            self.post_incomplete(segments);
            return None;
        }
        let whole = join(segments.into_iter().map(|w| w.record).collect())?;
        Some(self.enter_mo(whole, ids))
    }

    /// A whole message came again on the connection that brought it before: its upstream has had
    /// the answers, so it is another one that says the same.
    fn is_sent_anew(&self, key: &SetKey, segments: &[Waiting]) -> bool {
        let before = self.joined.connection(key);
        before.is_some()
            && segments.len() == usize::from(key.total)
            && segments.iter().all(|w| Some(w.record.connection) == before)
    }

    fn enter_mo(&mut self, record: MoRecord, segments: Vec<MessageId>) -> MessageId {
        self.heed_keyword(&record);
        let id = self.next_id();
        let routed = record.route.service_profile.is_some();
        let callbacks = if routed {
            vec![CallbackKind::Mo]
        } else {
            Vec::new()
        };
        self.record(
            id,
            Event::MoReceived {
                record: Box::new(record),
                segments,
                callbacks,
            },
        );
        id
    }

    /// Waits no longer for the rest of overdue sets.
    pub(super) fn end_overdue_sets(&mut self) {
        while let Some(key) = self.sets.overdue(self.now) {
            self.end_set(&key);
        }
    }

    /// Posts segments one by one.
    fn post_incomplete(&mut self, mut segments: Vec<Waiting>) {
        segments.sort_by_key(Waiting::number);
        let identifier = segments.first().map(|w| w.id.0);
        for mut waiting in segments {
            waiting.record.identifier = identifier;
            self.enter_mo(waiting.record, vec![waiting.id]);
        }
    }

    pub(super) fn apply_mo(&mut self, frame: u64, entry: &Entry) {
        match &entry.event {
            Event::MoSegment { record, concat } | Event::MoSegmentAgain { record, concat } => {
                let mut record = (**record).clone();
                record.segment = Some(*concat);
                self.wait_for_rest(Waiting {
                    id: entry.subject,
                    record,
                    received_at: entry.at,
                    frame,
                    again: matches!(entry.event, Event::MoSegmentAgain { .. }),
                });
            }
            Event::MoRepeated { segments } => {
                for id in segments {
                    self.sets.take(*id);
                }
            }
            Event::MoReceived {
                record,
                segments,
                callbacks,
            } => {
                self.take_segments(frame, entry, record, segments);
                let mo = Mo {
                    record: record.clone(),
                    received_at: entry.at,
                    first_frame: frame,
                    last_frame: frame,
                    callbacks_made: 0,
                    callbacks_open: 0,
                };
                self.mo.insert(entry.subject, mo);
                for kind in callbacks {
                    self.make_callback(entry.subject, *kind, entry.at, State::Delivered, None);
                }
                self.note_finished_mo(entry.subject, false);
            }
            _ => {}
        }
    }

    pub(super) fn wait_for_rest(&mut self, waiting: Waiting) {
        let Some(concat) = waiting.record.segment else {
            return;
        };
        let key = SetKey::of(&waiting.record, concat);
        let overdue_at = waiting.received_at + self.policy.reassembly_timeout;
        self.sets.insert(key, waiting, overdue_at);
    }

    /// These segments wait no more: a message has them, which is remembered.
    fn take_segments(&mut self, frame: u64, entry: &Entry, mo: &MoRecord, segments: &[MessageId]) {
        let taken: Vec<(Arc<SetKey>, Waiting)> = segments
            .iter()
            .filter_map(|id| self.sets.take(*id))
            .collect();
        let Some((key, _)) = taken.first() else {
            return;
        };
        let (key, segments) = (key.clone(), taken.iter().map(|(_, w)| w));
        let connection = taken[0].1.record.connection;
        let alone = segments.clone().all(|w| w.record.connection == connection);
        let joined = Joined {
            of: mo.identifier.unwrap_or(entry.subject.0),
            at: entry.at,
            frame: segments.clone().map(|w| w.frame).fold(frame, u64::min),
            parts: segments
                .map(|w| (w.number(), fingerprint(&w.record)))
                .collect(),
            connection: if alone { connection } else { 0 },
        };
        self.joined.remember(key, joined);
    }

    pub(super) fn note_finished_mo(&mut self, id: MessageId, was_finished: bool) {
        let Some(mo) = self.mo.get(&id) else { return };
        if mo.is_finished() {
            self.to_index.push((id, mo.last_frame));
            if !was_finished {
                self.finished.push_back(id);
            }
        }
    }

    pub(super) fn forget_mo(&mut self, id: MessageId) {
        if let Some(mo) = self.mo.remove(&id) {
            self.forget_callbacks(id, mo.callbacks_made);
        }
    }
}

/// One segment of a reference is the other one again.
fn says_the_same(one: &MoRecord, other: &MoRecord) -> bool {
    one.octets == other.octets && one.data_coding == other.data_coding
}
