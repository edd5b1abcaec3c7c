//! MO messages with a callback to make, and segments that wait for the rest of theirs.

use super::Ledger;
use crate::message::{
    CallbackKind, Concat, Entry, Event, GatewayId, MessageId, MoRecord, State, Timestamp, join,
};
use crate::store::intent::Finding;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

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

/// Segments of messages that are not complete.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: HashMap<SetKey, Set>,
    by_age: std::collections::BTreeSet<(Timestamp, SetKey)>,
    /// Sets joined of late, so that a segment the upstream repeats is not taken for news.
    joined: HashMap<SetKey, Joined>,
    joined_by_age: VecDeque<(Timestamp, SetKey)>,
    hasher: RandomState,
}

/// A set that is complete: its message is in the log.
#[derive(Debug)]
struct Joined {
    at: Timestamp,
    /// Number and hash of the octets of each segment.
    segments: Vec<(u8, u64)>,
    /// Segments that came again: of an upstream that heard no answer, or of another message that
    /// begins alike. Their octets are in the log as they are.
    again: Vec<MoRecord>,
}

impl Joined {
    fn has(&self, number: u8, octets: u64) -> bool {
        self.segments.contains(&(number, octets))
    }

    /// The segment came again. Once all have, it was the same message.
    fn repeat(&mut self, record: MoRecord) {
        let number = |r: &MoRecord| r.segment.map(|c| c.number);
        if self.again.iter().all(|r| number(r) != number(&record)) {
            self.again.push(record);
        }
        if self.again.len() == self.segments.len() {
            self.again.clear();
        }
    }
}

/// Two senders may use one reference at the same time, and so may one towards two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct SetKey {
    gateway: GatewayId,
    source: String,
    destination: String,
    reference: u16,
    reference_bits: u8,
    total: u8,
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
    number: u8,
}

/// A joined set is remembered this long against repeats.
const JOINED_KEPT: Duration = Duration::from_secs(120);
/// Joined sets remembered, at most.
const JOINED_MAX: usize = 10_000;

impl Sets {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(at, _)| *at)
    }

    /// Every segment that waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.sets.values().flat_map(|s| &s.segments)
    }

    fn hash(&self, record: &MoRecord) -> u64 {
        self.hasher.hash_one(&record.octets)
    }

    fn joined_of_late(&mut self, key: &SetKey, now: Timestamp) -> Option<&mut Joined> {
        let joined = self.joined.get_mut(key);
        joined.filter(|joined| now.since(joined.at) < JOINED_KEPT)
    }

    /// Notes that a set is joined, and forgets those that are old or too many.
    fn remember(&mut self, key: SetKey, segments: &[Waiting], now: Timestamp) {
        let segments = segments.iter().map(|w| (w.number, self.hash(&w.record)));
        let joined = Joined {
            at: now,
            segments: segments.collect(),
            again: Vec::new(),
        };
        self.joined.insert(key.clone(), joined);
        self.joined_by_age.push_back((now, key));
        while let Some((at, key)) = self.joined_by_age.front() {
            if now.since(*at) < JOINED_KEPT && self.joined_by_age.len() <= JOINED_MAX {
                return;
            }
            if self.joined.get(key).is_some_and(|j| j.at == *at) {
                self.joined.remove(key);
            }
            self.joined_by_age.pop_front();
        }
    }

    fn take(&mut self, key: &SetKey) -> Vec<Waiting> {
        let Some(set) = self.sets.remove(key) else {
            return Vec::new();
        };
        self.by_age.remove(&(set.overdue_at, key.clone()));
        set.segments
    }
}

impl SetKey {
    fn of(record: &MoRecord, concat: Concat) -> SetKey {
        SetKey {
            gateway: record.gateway,
            source: record.source_addr.clone(),
            destination: record.destination_addr.clone(),
            reference: concat.reference,
            reference_bits: concat.reference_bits,
            total: concat.total,
        }
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
        let octets = self.sets.hash(&record);
        if let Some(joined) = self.sets.joined_of_late(&key, self.now) {
            if joined.has(concat.number, octets) {
                joined.repeat(record);
                return Finding::MoSegment;
            }
            // The reference is used anew, by a message that began as the one before did.
            let again = std::mem::take(&mut joined.again);
            self.sets.joined.remove(&key);
            for segment in again {
                self.receive_segment(segment);
            }
        }
        self.receive_segment(record)
    }

    /// A segment that is news.
    fn receive_segment(&mut self, record: MoRecord) -> Finding {
        let Some(concat) = record.segment else {
            return Finding::MoSegment;
        };
        let key = SetKey::of(&record, concat);
        let known = self.sets.sets.get(&key);
        let same_number = known.and_then(|s| s.segments.iter().find(|w| w.number == concat.number));
        if let Some(there) = same_number {
            if there.record.octets == record.octets {
                return Finding::MoSegment;
            }
            // The reference is used anew: the older message will not be completed.
            self.post_incomplete(&key);
        }
        let id = self.next_id();
        self.record(
            id,
            Event::MoSegment {
                record: Box::new(record),
                concat,
            },
        );
        let complete = self
            .sets
            .sets
            .get(&key)
            .is_some_and(|s| s.segments.len() == usize::from(concat.total));
        if !complete {
            return Finding::MoSegment;
        }
        let segments: Vec<Waiting> = self
            .sets
            .sets
            .get(&key)
            .map(|s| s.segments.clone())
            .unwrap_or_default();
        let ids = segments.iter().map(|w| w.id).collect();
        self.sets.remember(key, &segments, self.now);
        match join(segments.into_iter().map(|w| w.record).collect()) {
            Some(whole) => {
                let id = self.enter_mo(whole, ids);
                Finding::Mo { id }
            }
            None => Finding::MoSegment,
        }
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

    /// Posts the segments of overdue sets one by one.
    pub(super) fn join_overdue(&mut self) {
        while let Some((at, key)) = self.sets.by_age.first().cloned() {
            if at > self.now {
                return;
            }
            self.post_incomplete(&key);
        }
    }

    fn post_incomplete(&mut self, key: &SetKey) {
        let mut segments = self
            .sets
            .sets
            .get(key)
            .map(|s| s.segments.clone())
            .unwrap_or_default();
        segments.sort_by_key(|w| w.number);
        let identifier = segments.first().map(|w| w.id.0);
        for mut waiting in segments {
            waiting.record.identifier = identifier;
            self.enter_mo(waiting.record, vec![waiting.id]);
        }
    }

    pub(super) fn apply_mo(&mut self, frame: u64, entry: &Entry) {
        match &entry.event {
            Event::MoSegment { record, concat } => {
                let mut record = (**record).clone();
                record.segment = Some(*concat);
                self.insert_segment(entry.subject, record, entry.at, frame);
            }
            Event::MoReceived {
                record,
                segments,
                callbacks,
            } => {
                self.drop_segments(segments);
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

    pub(super) fn insert_segment(
        &mut self,
        id: MessageId,
        record: MoRecord,
        received_at: Timestamp,
        frame: u64,
    ) {
        let Some(concat) = record.segment else { return };
        let key = SetKey::of(&record, concat);
        let overdue_at = received_at + self.policy.reassembly_timeout;
        let set = self.sets.sets.entry(key.clone()).or_insert_with(|| {
            self.sets.by_age.insert((overdue_at, key));
            Set {
                overdue_at,
                segments: Vec::new(),
            }
        });
        set.segments.retain(|w| w.id != id);
        set.segments.push(Waiting {
            id,
            record,
            received_at,
            frame,
            number: concat.number,
        });
    }

    fn drop_segments(&mut self, ids: &[MessageId]) {
        if ids.is_empty() {
            return;
        }
        let holds = |set: &Set| set.segments.iter().any(|w| ids.contains(&w.id));
        let keys: Vec<SetKey> = self
            .sets
            .sets
            .iter()
            .filter(|(_, s)| holds(s))
            .map(|(k, _)| k.clone())
            .collect();
        for key in keys {
            let overdue_at = self.sets.sets.get(&key).map(|s| s.overdue_at);
            let mut rest = self.sets.take(&key);
            rest.retain(|w| !ids.contains(&w.id));
            if let (false, Some(overdue_at)) = (rest.is_empty(), overdue_at) {
                self.sets.by_age.insert((overdue_at, key.clone()));
                self.sets.sets.insert(
                    key,
                    Set {
                        overdue_at,
                        segments: rest,
                    },
                );
            }
        }
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
