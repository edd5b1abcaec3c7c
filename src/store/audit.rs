//! What the log proves by itself, read from its first frame to its last.
//!
//! Every accepted message has exactly one verdict, or is open; nothing changes after a
//! verdict, unless it was the bridge's own guess; no entry is out of order or stands
//! beside its message's chain. The audit knows the events and nothing of the ledger, so
//! that it does not repeat the ledger's mistakes.

use super::StoreError;
use super::codec::{Unpacker, is_continuation};
use super::journal::FrameSource;
use crate::message::{Entry, Event, MessageId, OrphanId, Report, Snapshot, State, Timestamp};
use hashbrown::HashMap;
use std::collections::BTreeSet;

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
    pub mo_unrouted: u64,
    /// Times a message was sent again without knowing whether it had arrived.
    pub resubmits: u64,
    /// Messages in flight when the log ends.
    pub in_flight: u64,
    pub orphans: u64,
    pub callbacks_pending: u64,
    pub callbacks_dead: u64,
    /// What must not be, in words; at most [`VIOLATIONS_MAX`].
    pub violations: Vec<String>,
    pub violations_total: u64,
}

/// Violations told in words; more are only counted.
pub const VIOLATIONS_MAX: usize = 100;

impl Audit {
    /// Accepted messages that have no verdict.
    pub fn open(&self) -> u64 {
        self.by_state
            .iter()
            .filter(|(s, _)| !s.is_terminal())
            .map(|(_, n)| n)
            .sum()
    }
}

/// What a walk comes by.
#[derive(Debug)]
pub enum Found<'a> {
    Entry {
        /// The frame in which it begins.
        frame: u64,
        entry: &'a Entry,
    },
    /// These frames cannot be read, all for the same reason.
    Damage {
        first: u64,
        last: u64,
        error: &'a StoreError,
    },
}

/// Reads every entry from a frame on, oldest first. `progress` gets the number of each
/// frame that is done.
pub fn walk(
    source: &dyn FrameSource,
    from: u64,
    mut each: impl FnMut(Found<'_>),
    mut progress: impl FnMut(u64),
) {
    let Some((lowest, highest)) = source.bounds() else {
        return;
    };
    let mut unpacker = Unpacker::default();
    let mut damage: Option<(u64, u64, StoreError)> = None;
    for number in from.max(lowest)..=highest {
        let read = read_frame(source, number, &mut unpacker, |frame, entry| {
            tell(&mut damage, &mut each);
            each(Found::Entry {
                frame,
                entry: &entry,
            });
        });
        match (read, &mut damage) {
            (Ok(()), _) => {}
            (Err(e), Some((_, last, same))) if e == *same && *last + 1 == number => *last = number,
            (Err(e), _) => {
                tell(&mut damage, &mut each);
                damage = Some((number, number, e));
            }
        }
        progress(number);
    }
    tell(&mut damage, &mut each);
}

fn tell(damage: &mut Option<(u64, u64, StoreError)>, each: &mut impl FnMut(Found<'_>)) {
    if let Some((first, last, error)) = damage.take() {
        each(Found::Damage {
            first,
            last,
            error: &error,
        });
    }
}

/// One frame of a walk. After an error the next one is read as if it were the first.
fn read_frame(
    source: &dyn FrameSource,
    number: u64,
    unpacker: &mut Unpacker,
    each: impl FnMut(u64, Entry),
) -> Result<(), StoreError> {
    let octets = source.read(number).and_then(|found| {
        found.ok_or_else(|| StoreError::Corrupt("frames are missing".to_owned()))
    });
    let read = octets.and_then(|octets| {
        // The rest of an entry whose beginning is in a slice that is gone.
        if unpacker.is_fresh() && is_continuation(&octets) {
            return Ok(());
        }
        unpacker.frame(number, &octets, each)
    });
    if read.is_err() {
        *unpacker = Unpacker::default();
    }
    read
}

/// Proves the log, or says what is wrong with it. `progress` gets frames done and all.
pub fn audit(source: &dyn FrameSource, mut progress: impl FnMut(u64, u64)) -> Audit {
    let mut auditor = Auditor::default();
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    auditor.found.frames = highest + 1 - lowest;
    let each = |found: Found<'_>| match found {
        Found::Entry { frame, entry } => auditor.entry(frame, entry),
        Found::Damage { first, last, error } => {
            auditor.violation(|| format!("frames {first} to {last}: {error}"));
        }
    };
    walk(source, 0, each, |number| {
        progress(number + 1 - lowest, highest + 1 - lowest);
    });
    auditor.finish()
}

#[derive(Default)]
struct Auditor {
    found: Audit,
    traces: HashMap<MessageId, Trace>,
    orphans: BTreeSet<OrphanId>,
}

/// What the entries of one subject have told so far.
struct Trace {
    kind: Kind,
    state: State,
    /// The verdict was the bridge's own.
    soft: bool,
    at: Timestamp,
    last_frame: u64,
    callbacks: u32,
    delivered: u32,
    dead: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mt,
    Mo,
    MoSegment,
}

impl Auditor {
    fn violation(&mut self, words: impl FnOnce() -> String) {
        self.found.violations_total += 1;
        if self.found.violations.len() < VIOLATIONS_MAX {
            self.found.violations.push(words());
        }
    }

    fn entry(&mut self, frame: u64, entry: &Entry) {
        self.found.entries += 1;
        match &entry.event {
            Event::Orphaned { orphan, .. } => {
                self.orphans.insert(*orphan);
                return;
            }
            Event::OrphanClosed { orphan, .. } => {
                self.orphans.remove(orphan);
                return;
            }
            Event::Carried(snapshot) => return self.carried(frame, entry, snapshot),
            Event::Document { .. }
            | Event::KeyTaken { .. }
            | Event::KeyAnswered { .. }
            | Event::CarriedAll { .. }
            | Event::OptOuts { .. } => return,
            Event::Accepted { head, .. } => {
                let simulation = head.read().is_some_and(|h| h.family.is_simulation());
                let state = match simulation {
                    true => State::Simulated,
                    false => State::Queued,
                };
                return self.begin(frame, entry, Kind::Mt, state);
            }
            Event::MoReceived {
                record,
                callbacks,
                segments,
            } => {
                for segment in segments {
                    self.traces.remove(segment);
                }
                self.found.mo_unrouted += u64::from(record.route.service_profile.is_none());
                self.begin(frame, entry, Kind::Mo, State::Delivered);
                if let Some(t) = self.traces.get_mut(&entry.subject) {
                    t.callbacks = u32::try_from(callbacks.len()).unwrap_or(u32::MAX);
                }
                return;
            }
            Event::MoSegment { .. } => {
                return self.begin(frame, entry, Kind::MoSegment, State::Queued);
            }
            _ => {}
        }
        let id = entry.subject;
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
        wrong.extend(trace.take(&entry.event, &mut self.found.resubmits));
        trace.at = entry.at;
        trace.last_frame = frame;
        for what in wrong {
            self.violation(|| format!("message {id}: the entry in frame {frame} {what}"));
        }
    }

    fn begin(&mut self, frame: u64, entry: &Entry, kind: Kind, state: State) {
        let id = entry.subject;
        let trace = Trace {
            kind,
            state,
            soft: false,
            at: entry.at,
            last_frame: frame,
            callbacks: 0,
            delivered: 0,
            dead: 0,
        };
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
        let (kind, state, soft, callbacks, made) = match snapshot {
            Snapshot::Mt {
                state,
                soft,
                callbacks,
                callbacks_made,
                ..
            } => (Kind::Mt, *state, *soft, callbacks, *callbacks_made),
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
            Snapshot::Orphan { orphan, .. } => {
                self.orphans.insert(*orphan);
                return;
            }
        };
        self.begin(frame, entry, kind, state);
        if let Some(trace) = self.traces.get_mut(&entry.subject) {
            let open = u32::try_from(callbacks.len()).unwrap_or(u32::MAX);
            trace.soft = soft;
            trace.callbacks = made;
            trace.delivered = made.saturating_sub(open);
            trace.dead = u32::try_from(callbacks.iter().filter(|c| c.dead).count()).unwrap_or(0);
        }
    }

    fn finish(mut self) -> Audit {
        let mut by_state: HashMap<State, u64> = HashMap::new();
        for trace in self.traces.values() {
            let done = trace.delivered + trace.dead;
            self.found.callbacks_pending += u64::from(trace.callbacks.saturating_sub(done));
            self.found.callbacks_dead += u64::from(trace.dead);
            match trace.kind {
                Kind::Mt => {
                    self.found.accepted += 1;
                    self.found.in_flight += u64::from(trace.state == State::Submitting);
                    *by_state.entry(trace.state).or_default() += 1;
                }
                Kind::Mo => self.found.mo += 1,
                Kind::MoSegment => {}
            }
        }
        self.found.by_state = State::ALL
            .into_iter()
            .map(|s| (s, by_state.get(&s).copied().unwrap_or(0)))
            .collect();
        self.found.orphans = self.orphans.len() as u64;
        self.found
    }
}

impl Trace {
    /// Follows one event; what is wrong with it.
    fn take(&mut self, event: &Event, resubmits: &mut u64) -> Option<&'static str> {
        let (state, soft, callbacks) = match event {
            Event::Leased { .. } => (State::Submitting, false, 0),
            Event::Released { .. } => (State::Queued, false, 0),
            Event::Submitted {
                state, callbacks, ..
            } => (*state, self.soft, callbacks.len()),
            Event::Refused {
                state,
                soft,
                callbacks,
                ..
            } => (*state, *soft, callbacks.len()),
            Event::Unanswered {
                state,
                next,
                callbacks,
                ..
            } => {
                *resubmits += u64::from(*next == crate::message::Next::Resubmitted);
                (
                    *state,
                    *next == crate::message::Next::Failed,
                    callbacks.len(),
                )
            }
            Event::Reported { applied: false, .. } => return None,
            Event::Reported {
                state,
                report,
                callbacks,
                ..
            } => (
                *state,
                matches!(report, Report::Local { .. }),
                callbacks.len(),
            ),
            Event::Expired { callbacks } => (State::Expired, true, callbacks.len()),
            Event::Cancelled { callbacks } => (State::Cancelled, true, callbacks.len()),
            Event::CallbackDelivered { .. } => {
                self.delivered += 1;
                return (self.delivered + self.dead > self.callbacks)
                    .then_some("tells of a callback that was not made");
            }
            Event::CallbackDead { .. } => {
                self.dead += 1;
                return None;
            }
            Event::CallbackRequeued { .. } => {
                self.dead = self.dead.saturating_sub(1);
                return None;
            }
            _ => return None,
        };
        self.callbacks += u32::try_from(callbacks).unwrap_or(u32::MAX);
        let (was, was_soft) = (self.state, self.soft);
        self.state = state;
        self.soft = soft;
        (was.is_terminal() && !was_soft && state != was)
            .then_some("changes a message after its verdict")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{EncodedHead, Family, GatewayId, Head, TrafficClass};
    use crate::store::codec::Packer;
    use std::collections::BTreeMap;

    struct Frames(BTreeMap<u64, Vec<u8>>);

    impl FrameSource for Frames {
        fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(self.0.get(&number).cloned())
        }

        fn last_frame_of(&self, _: MessageId) -> Result<Option<u64>, StoreError> {
            Ok(None)
        }

        fn bounds(&self) -> Option<(u64, u64)> {
            Some((*self.0.first_key_value()?.0, *self.0.last_key_value()?.0))
        }
    }

    fn accepted() -> Event {
        let head = Head {
            gateway: GatewayId(1),
            family: Family::Gateways,
            destination: "1".into(),
            source: "2".into(),
            tenant_id: None,
            callback_url: None,
            forwards: false,
            receipts: None,
            segments: 1,
            unicode: false,
            traffic_class: TrafficClass::A2p,
            reference: 0,
            expires_at: Timestamp::NEVER,
            not_before: None,
        };
        Event::Accepted {
            head: EncodedHead::from(&head),
            text: "hi".into(),
        }
    }

    fn cancelled() -> Event {
        Event::Cancelled {
            callbacks: Vec::new(),
        }
    }

    fn refused(state: State) -> Event {
        Event::Refused {
            segment: 1,
            status: None,
            reason: String::new(),
            answer: None,
            due_at: None,
            state,
            soft: false,
            callbacks: Vec::new(),
        }
    }

    /// A frame for each event of one message, chained.
    fn log(events: Vec<Event>) -> Frames {
        let mut packer = Packer::new(1);
        let mut frames = BTreeMap::new();
        for (n, event) in (0..).zip(events) {
            packer.push(&Entry {
                subject: MessageId(7),
                at: Timestamp(n),
                previous: n,
                event,
            });
            frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
        }
        Frames(frames)
    }

    fn violations(frames: &Frames) -> Vec<String> {
        audit(frames, |_, _| {}).violations
    }

    #[test]
    fn a_sound_log_has_no_violations() {
        let sound = log(vec![
            accepted(),
            Event::Leased { attempt: 1 },
            refused(State::Failed),
        ]);
        let found = audit(&sound, |_, _| {});
        assert_eq!(
            (found.accepted, found.open(), found.violations_total),
            (1, 0, 0)
        );
        let guess = log(vec![accepted(), cancelled(), refused(State::Failed)]);
        assert!(
            violations(&guess).is_empty(),
            "the bridge's own verdict gives way"
        );
    }

    #[test]
    fn a_verdict_that_changes_is_found() {
        let frames = log(vec![
            accepted(),
            refused(State::Failed),
            refused(State::Queued),
        ]);
        assert!(violations(&frames)[0].contains("after its verdict"));
    }

    #[test]
    fn a_second_acceptance_and_a_missing_one_are_found() {
        assert!(violations(&log(vec![accepted(), accepted()]))[0].contains("a second time"));
        assert!(violations(&log(vec![cancelled()]))[0].contains("before its acceptance"));
    }

    #[test]
    fn a_missing_and_a_damaged_frame_are_found() {
        let whole = log(vec![
            accepted(),
            Event::Leased { attempt: 1 },
            refused(State::Failed),
        ]);
        let mut gap = whole.0.clone();
        gap.remove(&2);
        let found = violations(&Frames(gap));
        assert!(
            found[0].contains("missing") && found[1].contains("chain"),
            "{found:?}"
        );
        let mut damaged = whole.0;
        damaged.get_mut(&3).unwrap()[12] ^= 1;
        assert!(violations(&Frames(damaged))[0].contains("checksum"));
    }
}
