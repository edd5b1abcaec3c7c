//! Open messages move from old slices into the present one, a few with each batch, so
//! that old slices can be removed and a start reads only the newest ones.

use super::Ledger;
use super::mo::Mo;
use super::mt::{Mt, Segment};
use crate::message::{DocumentKind, Entry, Event, MessageId, Snapshot, SnapshotSegment, Timestamp};
use std::collections::VecDeque;

/// Messages carried with one batch; keeps a commit's latency where it is.
const CARRIED_PER_BATCH: usize = 64;

/// What is still to be carried.
#[derive(Debug, Default)]
pub(super) struct Carry {
    queue: VecDeque<MessageId>,
    /// Once the queue is empty, nothing open is older than this frame.
    from_frame: Option<u64>,
}

impl Ledger {
    /// Begins to carry everything whose first entry is older than this frame; records
    /// the documents anew at once.
    pub(in crate::store) fn begin_carry(&mut self, before: u64) {
        self.record_documents();
        self.carry_orphans();
        let mut queue: Vec<MessageId> = Vec::new();
        queue.extend(
            self.mt
                .iter()
                .filter(|(_, m)| m.first_frame < before && !m.is_finished())
                .map(|(id, _)| *id),
        );
        queue.extend(
            self.mo
                .iter()
                .filter(|(_, m)| m.first_frame < before && !m.is_finished())
                .map(|(id, _)| *id),
        );
        queue.extend(
            self.sets
                .waiting()
                .filter(|w| w.frame < before)
                .map(|w| w.id),
        );
        queue.sort_unstable();
        self.carry.queue = queue.into();
        self.carry.from_frame = Some(before);
    }

    /// Carries some; the frame from which everything open begins, when all is done.
    pub(in crate::store) fn carry_some(&mut self) -> Option<u64> {
        let from_frame = self.carry.from_frame?;
        for _ in 0..CARRIED_PER_BATCH {
            let Some(id) = self.carry.queue.pop_front() else {
                self.carry.from_frame = None;
                self.record(MessageId::NONE, Event::CarriedAll { from_frame });
                return Some(from_frame);
            };
            if let Some(snapshot) = self.snapshot(id) {
                self.record(id, Event::Carried(Box::new(snapshot)));
            }
        }
        None
    }

    /// True while messages wait to be carried.
    pub(in crate::store) fn is_carrying(&self) -> bool {
        self.carry.from_frame.is_some()
    }

    fn record_documents(&mut self) {
        self.counters.last_id = self.last_id.0;
        let counters = serde_json::to_string(&self.counters).expect("counters are plain data");
        let mut documents = vec![(DocumentKind::Counters, 0, counters)];
        for gateway in self.gateways.values() {
            let body = serde_json::to_string(gateway).expect("a gateway is plain data");
            documents.push((DocumentKind::Gateway, u64::from(gateway.id.0), body));
        }
        documents.extend(self.use_cases.documents());
        for (kind, id, body) in documents {
            self.record(
                MessageId::NONE,
                Event::Document {
                    kind,
                    id,
                    body: Some(body),
                },
            );
        }
        for event in self.use_cases.opt_out_events() {
            self.record(MessageId::NONE, event);
        }
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|(k, v)| (*k, v.content, v.message, v.answer.clone()))
            .collect();
        for (key, content, message, answer) in keys {
            self.record(message, Event::KeyTaken { key, content });
            if let Some((status, body)) = answer {
                self.record(message, Event::KeyAnswered { key, status, body });
            }
        }
    }

    fn carry_orphans(&mut self) {
        for snapshot in self.orphan_snapshots() {
            self.record(MessageId::NONE, Event::Carried(Box::new(snapshot)));
        }
    }

    fn snapshot(&self, id: MessageId) -> Option<Snapshot> {
        if let Some(m) = self.mt.get(&id) {
            if m.is_finished() {
                return None;
            }
            return Some(Snapshot::Mt {
                head: m.head.clone(),
                text: m.text.as_deref().map(str::to_owned),
                accepted_at: m.accepted_at,
                submitted_at: m.submitted_at(),
                state: m.state,
                soft: m.soft,
                attempts: m.attempts,
                resubmits: m.resubmits,
                due_at: (m.due_at != Timestamp(0)).then_some(m.due_at),
                segments: m
                    .segments
                    .iter()
                    .map(|s| SnapshotSegment {
                        state: s.state,
                        upstream_id: s.upstream_id.as_deref().map(str::to_owned),
                    })
                    .collect(),
                callbacks: self.outbox.of(id, m.callbacks_made),
                callbacks_made: m.callbacks_made,
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
        let waiting = self.sets.waiting().find(|w| w.id == id)?;
        Some(Snapshot::MoSegment {
            record: waiting.record.clone(),
            received_at: waiting.received_at,
        })
    }

    pub(super) fn apply_carried(&mut self, frame: u64, entry: &Entry, snapshot: &Snapshot) {
        let id = entry.subject;
        if let Some(m) = self.mt.get_mut(&id) {
            (m.first_frame, m.last_frame) = (frame, frame);
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
                let Some(mut m) = Mt::of_head(frame, *accepted_at, head) else {
                    return;
                };
                m.text = text.as_deref().map(Into::into);
                m.set_submitted_at(*submitted_at);
                m.state = *state;
                m.soft = *soft;
                m.attempts = *attempts;
                m.resubmits = *resubmits;
                m.resubmitted_attempt = if *resubmits > 0 { u32::MAX } else { 0 };
                m.due_at = due_at.unwrap_or(Timestamp(0));
                m.callbacks_made = *callbacks_made;
                m.callbacks_open = open_callbacks(callbacks.iter().map(|c| c.dead));
                m.segments = segments
                    .iter()
                    .map(|s| Segment {
                        state: s.state,
                        upstream_id: s.upstream_id.as_deref().map(Into::into),
                    })
                    .collect();
                for (number, s) in (1..).zip(segments) {
                    if let Some(upstream_id) = &s.upstream_id {
                        self.correlations.insert(m.gateway, upstream_id, id, number);
                    }
                }
                let queued = m.has_segment_in(crate::message::State::Queued);
                if m.has_segment_in(crate::message::State::Submitting) {
                    self.lanes.entry(m.gateway).or_default().in_flight += 1;
                }
                let (gateway, due_at) = (m.gateway, m.due_at);
                self.mt.insert(id, m);
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
            } => {
                self.insert_segment(id, record.clone(), *received_at, frame);
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
