//! The reader of entries: it follows each message to its end, and keeps what it found.
//!
//! It owns the traces of the messages that it follows, at most as many as were asked for;
//! where more begin it stops taking them on, and the log is read again from there. Each
//! message is followed in exactly one reading.

use super::found::{Audit, Bounds};
use super::trace::{Kind, Trace};
use crate::message::{Entry, Event, GatewayId, MessageId, OrphanId, Snapshot, State};
use crate::store::StoreError;
use hashbrown::HashMap;
use std::collections::BTreeMap;

pub(super) struct Auditor {
    bounds: Bounds,
    pub(super) found: Audit,
    traces: HashMap<MessageId, Trace>,
    orphans: BTreeMap<OrphanId, (GatewayId, String)>,
    /// Where messages were that have moved, and are no more.
    left: HashMap<MessageId, Vec<GatewayId>>,
    /// Ids up to here were followed in an earlier reading.
    done: Option<MessageId>,
    /// Ids beyond are left to a later one; set when there are enough.
    until: Option<MessageId>,
    highest: MessageId,
    /// Where those begin.
    next_from: Option<u64>,
    by_state: HashMap<State, u64>,
}

impl Auditor {
    pub(super) fn new(bounds: Bounds) -> Auditor {
        Auditor {
            bounds,
            found: Audit::default(),
            traces: HashMap::new(),
            orphans: BTreeMap::new(),
            left: HashMap::new(),
            done: None,
            until: None,
            highest: MessageId::NONE,
            next_from: None,
            by_state: HashMap::new(),
        }
    }

    fn violation(&mut self, words: impl FnOnce() -> String) {
        self.found.violations.add(self.bounds.listed_max, words);
    }

    pub(super) fn damage(&mut self, first: u64, last: u64, error: &StoreError) {
        if self.done.is_none() {
            self.violation(|| format!("frames {first} to {last}: {error}"));
        }
    }

    /// True when the entry's message is followed in this reading.
    fn is_followed(&mut self, frame: u64, id: MessageId) -> bool {
        if self.done.is_some_and(|done| id <= done) {
            return false;
        }
        if self.until.is_some_and(|until| id > until) {
            self.next_from.get_or_insert(frame);
            return false;
        }
        true
    }

    pub(super) fn entry(&mut self, frame: u64, entry: &Entry) {
        let first_reading = self.done.is_none();
        self.found.entries += u64::from(first_reading);
        let id = entry.subject;
        self.end_segments(frame, &entry.event);
        if id != MessageId::NONE && !self.is_followed(frame, id) {
            return;
        }
        if id == MessageId::NONE && !first_reading {
            return;
        }
        match &entry.event {
            Event::Orphaned {
                orphan,
                gateway,
                ids,
                ..
            } => return self.orphan(*orphan, *gateway, ids),
            Event::OrphanClosed { orphan, .. } => {
                self.orphans.remove(orphan);
                return;
            }
            Event::Carried(snapshot) => return self.carried(frame, entry, snapshot),
            Event::Document { .. }
            | Event::KeyTaken { .. }
            | Event::KeyAnswered { .. }
            | Event::KeyCarried { .. }
            | Event::CarriedAll { .. }
            | Event::MoRepeated { .. }
            | Event::OptOuts { .. } => return,
            Event::Accepted { head, .. } => {
                let head = head.read();
                let state = match head.is_some_and(|h| h.family.is_simulation()) {
                    true => State::Simulated,
                    false => State::Queued,
                };
                self.begin(frame, entry, Kind::Mt, state);
                return self.is_at(id, head.map(|h| h.gateway));
            }
            Event::MoReceived {
                record, callbacks, ..
            } => {
                if record.route.service_profile.is_none() {
                    let unrouted = &mut self.found.mo_unrouted;
                    unrouted.add(self.bounds.listed_max, || entry.subject);
                }
                self.begin(frame, entry, Kind::Mo, State::Delivered);
                if let Some(t) = self.traces.get_mut(&entry.subject) {
                    t.callbacks = u32::try_from(callbacks.len()).unwrap_or(u32::MAX);
                }
                return;
            }
            Event::MoSegment { .. } => {
                return self.begin(frame, entry, Kind::MoSegment, State::Queued);
            }
            Event::MoSegmentAgain { .. } => {
                return self.begin(frame, entry, Kind::MoSegmentAgain, State::Queued);
            }
            _ => {}
        }
        let Some(trace) = self.traces.get_mut(&id) else {
            return self.violation(|| {
                format!("message {id}: an entry in frame {frame} before its acceptance")
            });
        };
        let mut wrong = Vec::new();
        if entry.at < trace.at {
            wrong.push("goes back in time");
        }
        if entry.previous != trace.last_frame {
            wrong.push("does not continue its chain");
        }
        if let Event::Rerouted { from, to, .. } = &entry.event {
            let left = self.left.entry(id).or_default();
            left.push(*from);
            wrong.extend(trace.may_move(*from, *to, left));
            trace.gateway = *to;
        }
        wrong.extend(trace.take(&entry.event));
        trace.at = entry.at;
        trace.last_frame = frame;
        for what in wrong {
            self.violation(|| format!("message {id}: the entry in frame {frame} {what}"));
        }
    }

    /// Segments end with a message that has them, or with the word that they were repeats,
    /// whichever reading follows that message.
    fn end_segments(&mut self, frame: u64, event: &Event) {
        let (segments, repeated) = match event {
            Event::MoReceived { segments, .. } => (segments, false),
            Event::MoRepeated { segments } => (segments, true),
            _ => return,
        };
        for id in segments {
            // Others are followed in another reading, or began in a slice that is gone.
            let Some(kind) = self.traces.get(id).map(|t| t.kind) else {
                continue;
            };
            let may_end = match kind {
                Kind::MoSegmentAgain => true,
                Kind::MoSegment => !repeated,
                Kind::Mt | Kind::Mo => false,
            };
            if may_end {
                self.traces.remove(id);
                self.found.mo_repeated += u64::from(repeated);
            } else {
                let what = match repeated {
                    true => "a segment that came again",
                    false => "a segment",
                };
                self.violation(|| format!("message {id}: frame {frame} ends it as {what}"));
            }
        }
    }

    fn is_at(&mut self, id: MessageId, gateway: Option<GatewayId>) {
        if let (Some(trace), Some(gateway)) = (self.traces.get_mut(&id), gateway) {
            trace.gateway = gateway;
        }
    }

    fn begin(&mut self, frame: u64, entry: &Entry, kind: Kind, state: State) {
        let id = entry.subject;
        let trace = Trace {
            kind,
            gateway: GatewayId(0),
            state,
            soft: false,
            at: entry.at,
            last_frame: frame,
            callbacks: 0,
            delivered: 0,
            dead: 0,
            resubmits: 0,
            doubted: false,
        };
        self.found.accepted += u64::from(kind == Kind::Mt);
        self.highest = self.highest.max(id);
        if self.traces.len() + 1 >= self.bounds.messages_at_once {
            self.until.get_or_insert(self.highest);
        }
        if self.traces.insert(id, trace).is_some() {
            self.violation(|| format!("message {id}: accepted a second time in frame {frame}"));
        }
    }

    /// A copy of an open message: the beginning of its chain where older slices are gone.
    fn carried(&mut self, frame: u64, entry: &Entry, snapshot: &Snapshot) {
        if let Some(trace) = self.traces.get_mut(&entry.subject) {
            trace.last_frame = frame;
            trace.at = trace.at.max(entry.at);
            return;
        }
        let mut resubmits = 0;
        let (kind, state, soft, callbacks, made) = match snapshot {
            Snapshot::Mt {
                state,
                soft,
                callbacks,
                callbacks_made,
                resubmits: times,
                ..
            } => {
                resubmits = u32::from(*times);
                (Kind::Mt, *state, *soft, callbacks, *callbacks_made)
            }
            Snapshot::Mo {
                callbacks,
                callbacks_made,
                ..
            } => (
                Kind::Mo,
                State::Delivered,
                false,
                callbacks,
                *callbacks_made,
            ),
            Snapshot::MoSegment { .. } => {
                return self.begin(frame, entry, Kind::MoSegment, State::Queued);
            }
            Snapshot::MoSegmentAgain { .. } => {
                return self.begin(frame, entry, Kind::MoSegmentAgain, State::Queued);
            }
            Snapshot::MoJoined { .. } => return,
            Snapshot::Orphan {
                orphan,
                gateway,
                ids,
                ..
            } => return self.orphan(*orphan, *gateway, ids),
        };
        self.begin(frame, entry, kind, state);
        if let Snapshot::Mt { head, .. } = snapshot {
            self.is_at(entry.subject, head.read().map(|h| h.gateway));
        }
        if let Some(trace) = self.traces.get_mut(&entry.subject) {
            let open = u32::try_from(callbacks.len()).unwrap_or(u32::MAX);
            trace.soft = soft;
            trace.resubmits = resubmits;
            trace.doubted = resubmits > 0;
            trace.callbacks = made;
            trace.delivered = made.saturating_sub(open);
            trace.dead = u32::try_from(callbacks.iter().filter(|c| c.dead).count()).unwrap_or(0);
        }
    }

    fn orphan(&mut self, orphan: OrphanId, gateway: GatewayId, ids: &[String]) {
        let id = ids.first().cloned().unwrap_or_default();
        self.orphans.insert(orphan, (gateway, id));
    }

    /// Sums up what was followed; where the next reading begins, if one is needed.
    pub(super) fn next_reading(&mut self) -> Option<u64> {
        let mut ids: Vec<MessageId> = self.traces.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(trace) = self.traces.remove(&id) {
                self.sum_up(id, &trace);
            }
            self.left.remove(&id);
        }
        self.done = self.until.take();
        self.done.and(self.next_from.take())
    }

    fn sum_up(&mut self, id: MessageId, trace: &Trace) {
        let most = self.bounds.listed_max;
        let found = &mut self.found;
        let done = trace.delivered + trace.dead;
        found.callbacks_pending += u64::from(trace.callbacks.saturating_sub(done));
        if trace.dead > 0 {
            found.callbacks_dead.add(most, || (id, trace.dead));
        }
        match trace.kind {
            Kind::Mt => {
                let in_flight = trace.state == State::Submitting;
                found.in_flight += u64::from(in_flight);
                found.resubmits += u64::from(trace.resubmits);
                if trace.doubted || in_flight {
                    found.in_doubt.add(most, || (id, trace.resubmits));
                }
                *self.by_state.entry(trace.state).or_default() += 1;
            }
            Kind::Mo => found.mo += 1,
            Kind::MoSegment | Kind::MoSegmentAgain => found.mo_waiting += 1,
        }
    }

    pub(super) fn finish(mut self) -> Audit {
        let by_state = |s| (s, self.by_state.get(&s).copied().unwrap_or(0));
        self.found.by_state = State::ALL.into_iter().map(by_state).collect();
        for (orphan, (gateway, id)) in std::mem::take(&mut self.orphans) {
            let orphans = &mut self.found.orphans;
            orphans.add(self.bounds.listed_max, || (orphan, gateway, id));
        }
        let (accepted, verdicts, open) = (
            self.found.accepted,
            self.found.terminal(),
            self.found.open(),
        );
        if accepted != verdicts + open {
            self.violation(|| {
                format!("{accepted} messages accepted, {verdicts} with a verdict and {open} open")
            });
        }
        self.found
    }
}
