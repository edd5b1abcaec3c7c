//! Open messages are written anew from time to time, a few with each batch, so that a start
//! reads only the newest part of the log, and slices before it can be removed.
//!
//! Each round writes what is older than the round before began. So a start reads what was
//! written in two rounds at most, and whatever ends within one is never written again. A round
//! begins when the log has grown by `carry_octets_min`, or by four times what is open if that
//! is more: writing anew stays below an eighth of all writing, and a start without a checkpoint
//! reads at most twice that minimum and nine times what is open.

use super::documents::Counters;
use super::joined::Joined;
use super::mo::Mo;
use super::mt::Mt;
use super::sets::{SetKey, Waiting};
use super::{Key, Ledger};
use crate::message::{
    DocumentKind, Event, MessageId, OrphanId, Snapshot, SnapshotSegment, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Records carried with one batch: some 40 KB, which a commit hardly notices.
const CARRIED_PER_BATCH: usize = 128;
/// A round begins when the log has grown by so many times what is open.
const GROWN_TIMES: u64 = 4;
/// What an open message takes when it is carried, at most, if it is an ordinary one.
const CARRIED_OCTETS: u64 = 300;

/// When the rounds began, and how the log has grown since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    began_at: Timestamp,
    began_with: u64,
    round: u16,
    octets: u64,
}

/// What is still to be carried, and since when the log has grown.
#[derive(Debug, Default)]
pub(super) struct Carry {
    messages: VecDeque<MessageId>,
    orphans: VecDeque<OrphanId>,
    keys: VecDeque<u128>,
    joined: VecDeque<Arc<SetKey>>,
    /// Once nothing is left to be carried, nothing open is older than this frame.
    from_frame: Option<u64>,
    /// When and with which frame the latest round began.
    began_at: Timestamp,
    began_with: u64,
    /// Counts on with each round, and begins anew after the highest.
    round: u16,
    /// Octets of frames since.
    octets: u64,
}

impl Carry {
    pub(super) fn note_written(&mut self, octets: usize) {
        self.octets += octets as u64;
    }

    /// A round begins with the counters, so that a start knows where the latest began.
    pub(super) fn note_began(&mut self, frame: u64, at: Timestamp) {
        (self.began_with, self.began_at, self.octets) = (frame, at, 0);
        self.round = self.round.wrapping_add(1);
    }

    pub(super) fn round(&self) -> u16 {
        self.round
    }

    pub(super) fn marks(&self) -> Marks {
        Marks {
            began_at: self.began_at,
            began_with: self.began_with,
            round: self.round,
            octets: self.octets,
        }
    }

    /// Goes on from there; a round that was not at its end begins anew in time.
    pub(super) fn resume(&mut self, marks: Marks) {
        *self = Carry {
            began_at: marks.began_at,
            began_with: marks.began_with,
            round: marks.round,
            octets: marks.octets,
            ..Carry::default()
        };
    }
}

impl Ledger {
    /// Begins a round if the log has grown enough since the last one, or if that is long ago.
    pub(in crate::store) fn carry_if_due(&mut self) {
        if self.carry.began_at == Timestamp(0) {
            self.carry.began_at = self.now;
        }
        if self.carry.from_frame.is_some() {
            return;
        }
        let open = (self.mt.len() + self.mo.len()).saturating_sub(self.finished.len());
        let records = (open + self.orphans.len() + self.keys.len()) as u64;
        let grown = self.carry.octets
            >= self
                .policy
                .carry_octets_min
                .max(GROWN_TIMES * records * CARRIED_OCTETS);
        if grown || self.now.since(self.carry.began_at) >= self.policy.carry_every {
            self.begin_carry();
        }
    }

    /// Begins to carry everything that is older than the round before; records the documents
    /// anew at once.
    fn begin_carry(&mut self) {
        let before = self.carry.began_with;
        let round = self.carry.round;
        self.record_documents();
        self.mt.tidy();
        let mt = self.mt.iter();
        let mt = mt.filter(|m| m.round() != round && !m.is_finished());
        let mo = self.mo.iter();
        let mo = mo.filter(|(_, m)| m.first_frame < before && !m.is_finished());
        let segments = self.sets.waiting().filter(|w| w.frame < before);
        let mut messages: Vec<MessageId> = mt
            .map(|m| m.id)
            .chain(mo.map(|(id, _)| *id))
            .chain(segments.map(|w| w.id))
            .collect();
        messages.sort_unstable();
        self.carry.keys = self.keys.before(before).collect();
        self.carry.joined = self.joined.before(before, self.now).collect();
        self.carry.messages = messages.into();
        self.carry.orphans = self.orphans.numbers().collect();
        self.carry.from_frame = Some(before);
    }

    /// Carries some; the frame from which everything open begins, when all is done.
    pub(in crate::store) fn carry_some(&mut self) -> Option<u64> {
        let from_frame = self.carry.from_frame?;
        for _ in 0..CARRIED_PER_BATCH {
            if let Some(id) = self.carry.messages.pop_front() {
                if !self.is_finished(id)
                    && let Some(snapshot) = self.snapshot(id)
                {
                    self.record(id, Event::Carried(Box::new(snapshot)));
                }
            } else if let Some(number) = self.carry.orphans.pop_front() {
                if let Some(snapshot) = self.orphan_snapshot(number) {
                    self.record(MessageId::NONE, Event::Carried(Box::new(snapshot)));
                }
            } else if let Some(key) = self.carry.keys.pop_front() {
                self.carry_key(key);
            } else if let Some(key) = self.carry.joined.pop_front() {
                if let Some(snapshot) = self.joined.snapshot(&key) {
                    self.record(MessageId::NONE, Event::Carried(Box::new(snapshot)));
                }
            } else {
                self.carry.resume(self.carry.marks());
                self.record(MessageId::NONE, Event::CarriedAll { from_frame });
                return Some(from_frame);
            }
        }
        None
    }

    /// True while records wait to be carried.
    pub(in crate::store) fn is_carrying(&self) -> bool {
        self.carry.from_frame.is_some()
    }

    fn record_documents(&mut self) {
        for event in self.documents() {
            self.record(MessageId::NONE, event);
        }
    }

    /// Every document anew, that of the counters first, and the opt-outs.
    pub(super) fn documents(&self) -> Vec<Event> {
        let mut documents = Vec::new();
        for gateway in self.gateways.values() {
            let body = serde_json::to_string(gateway).expect("a gateway is plain data");
            documents.push((DocumentKind::Gateway, u64::from(gateway.id.0), body));
        }
        documents.extend(self.use_cases.documents());
        let documents = documents.into_iter().map(|(kind, id, body)| {
            let body = Some(body);
            Event::Document { kind, id, body }
        });
        let counters = std::iter::once(self.counters_document());
        let all = counters.chain(documents);
        all.chain(self.use_cases.opt_out_events()).collect()
    }

    pub(super) fn counters_document(&self) -> Event {
        let counters = Counters {
            last_id: self.last_id.0,
            ..self.counters.clone()
        };
        let body = serde_json::to_string(&counters).expect("counters are plain data");
        Event::Document {
            kind: DocumentKind::Counters,
            id: 0,
            body: Some(body),
        }
    }

    fn carry_key(&mut self, key: u128) {
        let Some(known) = self.keys.get(key) else {
            return;
        };
        let Key {
            content,
            message,
            taken_at,
            ref answer,
            ..
        } = *known;
        let answer = answer.clone();
        self.record(
            message,
            Event::KeyCarried {
                key,
                content,
                taken_at,
                answer,
            },
        );
    }

    /// Only an MT message is looked at: whatever else waits to be carried is.
    fn is_finished(&self, id: MessageId) -> bool {
        self.mt.get(&id).is_some_and(|m| m.is_finished())
    }

    pub(super) fn snapshot(&self, id: MessageId) -> Option<Snapshot> {
        if let Some(m) = self.mt.get(&id) {
            let mut segments: Vec<SnapshotSegment> = m
                .segments()
                .map(|(_, state)| SnapshotSegment {
                    state,
                    upstream_id: None,
                })
                .collect();
            for (number, id) in m.upstream_ids() {
                segments[usize::from(number) - 1].upstream_id = Some(id.into_owned());
            }
            let due_at = m.due_at();
            return Some(Snapshot::Mt {
                head: m.encoded_head(),
                text: m.text().map(str::to_owned),
                accepted_at: m.accepted_at,
                submitted_at: m.submitted_at(),
                state: m.state,
                soft: m.soft,
                attempts: m.attempts,
                resubmits: m.resubmits,
                due_at: (due_at != Timestamp(0)).then_some(due_at),
                segments,
                callbacks: self.outbox.of(id, m.callbacks_made()),
                callbacks_made: m.callbacks_made(),
            });
        }
        if let Some(mo) = self.mo.get(&id) {
            return Some(Snapshot::Mo {
                record: (*mo.record).clone(),
                received_at: mo.received_at,
                callbacks: self.outbox.of(id, mo.callbacks_made),
                callbacks_made: mo.callbacks_made,
            });
        }
        let waiting = self.sets.get(id)?;
        let (record, received_at) = (waiting.record.clone(), waiting.received_at);
        Some(match waiting.again {
            true => Snapshot::MoSegmentAgain {
                record,
                received_at,
            },
            false => Snapshot::MoSegment {
                record,
                received_at,
            },
        })
    }

    pub(super) fn apply_carried(&mut self, frame: u64, id: MessageId, snapshot: &Snapshot) {
        let round = self.carry.round;
        if let Some(m) = self.mt.get_mut(&id) {
            m.set_last_frame(frame);
            m.set_round(round);
            return;
        }
        if let Some(mo) = self.mo.get_mut(&id) {
            (mo.first_frame, mo.last_frame) = (frame, frame);
            return;
        }
        match snapshot {
            Snapshot::Mt {
                head,
                text,
                accepted_at,
                submitted_at,
                state,
                soft,
                attempts,
                resubmits,
                due_at,
                segments,
                callbacks,
                callbacks_made,
            } => {
                let Some(mut m) = Mt::of_head(id, frame, *accepted_at, head, None) else {
                    return;
                };
                m.restore(segments, *submitted_at, text.as_deref());
                m.set_round(round);
                m.state = *state;
                m.soft = *soft;
                m.attempts = *attempts;
                m.resubmits = *resubmits;
                m.set_resubmitted_attempt(if *resubmits > 0 { u32::MAX } else { 0 });
                m.set_due_at(due_at.unwrap_or_default());
                let open = open_callbacks(callbacks.iter().map(|c| c.dead));
                m.set_callbacks(*callbacks_made, open);
                let queued = m.has_segment_in(crate::message::State::Queued);
                if m.has_segment_in(crate::message::State::Submitting) {
                    self.lanes.entry(m.gateway).or_default().in_flight += 1;
                }
                let (gateway, due_at) = (m.gateway, m.due_at());
                self.mt.insert(m);
                if queued {
                    self.enter_lane(gateway, id, due_at);
                }
                callbacks.iter().for_each(|c| self.outbox.insert(c.clone()));
            }
            Snapshot::Mo {
                record,
                received_at,
                callbacks,
                callbacks_made,
            } => {
                self.mo.insert(
                    id,
                    Mo {
                        record: Box::new(record.clone()),
                        received_at: *received_at,
                        first_frame: frame,
                        last_frame: frame,
                        callbacks_made: *callbacks_made,
                        callbacks_open: open_callbacks(callbacks.iter().map(|c| c.dead)),
                    },
                );
                callbacks.iter().for_each(|c| self.outbox.insert(c.clone()));
            }
            Snapshot::MoSegment {
                record,
                received_at,
            }
            | Snapshot::MoSegmentAgain {
                record,
                received_at,
            } => self.wait_for_rest(Waiting {
                id,
                record: record.clone(),
                received_at: *received_at,
                frame,
                again: matches!(snapshot, Snapshot::MoSegmentAgain { .. }),
            }),
            Snapshot::MoJoined {
                of,
                joined_at,
                parts,
                ..
            } => {
                let Some(key) = SetKey::of_joined(snapshot) else {
                    return;
                };
                let copy = Joined {
                    of: *of,
                    at: *joined_at,
                    frame,
                    parts: parts.clone(),
                    connection: 0,
                };
                self.joined.restore(key, copy);
            }
            Snapshot::Orphan {
                orphan,
                gateway,
                ids,
                report,
                state,
                received_at,
            } => {
                self.insert_orphan(
                    *orphan,
                    *gateway,
                    ids.clone(),
                    report.clone(),
                    *state,
                    *received_at,
                );
            }
        }
    }
}

fn open_callbacks(dead: impl Iterator<Item = bool>) -> u32 {
    u32::try_from(dead.filter(|d| !d).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
