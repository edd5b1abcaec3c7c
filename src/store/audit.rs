//! What the log proves by itself, read from its first frame to its last.
//!
//! Every accepted message has exactly one verdict, or is open; nothing changes after a
//! verdict, unless it was the bridge's own guess; no entry is out of order or stands
//! beside its message's chain. The audit knows the events and nothing of the ledger, so
//! that it does not repeat the ledger's mistakes.

use super::StoreError;
use super::journal::FrameSource;
use super::walk::{Found, walk};
use crate::message::{
    Entry, Event, GatewayId, MessageId, OrphanId, Report, Snapshot, State, Timestamp,
};
use hashbrown::HashMap;
use std::collections::BTreeMap;

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
    /// Messages from handsets that belong to no service profile.
    pub mo_unrouted: Listed<MessageId>,
    /// Segments from handsets that wait for the rest of theirs when the log ends.
    pub mo_waiting: u64,
    /// Segments that came again, and were ignored.
    pub mo_repeated: u64,
    /// Times a message was sent again without knowing whether it had arrived.
    pub resubmits: u64,
    /// Messages that were in flight when an answer got lost, or when the log ends; with the
    /// times they were sent again.
    pub in_doubt: Listed<(MessageId, u32)>,
    /// Of these, in flight when the log ends.
    pub in_flight: u64,
    /// Receipts that name no known message: number, gateway, the upstream's id.
    pub orphans: Listed<(OrphanId, GatewayId, String)>,
    pub callbacks_pending: u64,
    /// Messages with callbacks that were given up, and how many.
    pub callbacks_dead: Listed<(MessageId, u32)>,
    /// What must not be, in words.
    pub violations: Listed<String>,
}

/// Counted, and some of it told.
#[derive(Debug)]
pub struct Listed<T> {
    pub total: u64,
    /// The first ones, as many as were asked for.
    pub some: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed {
            total: 0,
            some: Vec::new(),
        }
    }
}

impl<T> Listed<T> {
    fn add(&mut self, most: usize, one: impl FnOnce() -> T) {
        self.total += 1;
        if self.some.len() < most {
            self.some.push(one());
        }
    }
}

/// How much memory an audit may take, and how much it tells.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Messages whose life is followed at once, each some 50 octets. A log with more of them
    /// is read again, from where the next ones begin.
    pub messages_at_once: usize,
    /// Of each list.
    pub listed_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            // Just below the point where the table would double: 220 MB.
            messages_at_once: 3_600_000,
            listed_max: 20,
        }
    }
}

impl Audit {
    /// Accepted messages that have no verdict.
    pub fn open(&self) -> u64 {
        self.count(|state| !state.is_terminal())
    }

    /// Accepted messages that have one.
    pub fn terminal(&self) -> u64 {
        self.count(State::is_terminal)
    }

    fn count(&self, which: impl Fn(State) -> bool) -> u64 {
        let counted = self.by_state.iter().filter(|(s, _)| which(*s));
        counted.map(|(_, n)| n).sum()
    }
}

/// Proves the log, or says what is wrong with it. `progress` gets which reading it is, and
/// frames done and all.
pub fn audit(
    source: &dyn FrameSource,
    bounds: Bounds,
    mut progress: impl FnMut(u32, u64, u64),
) -> Audit {
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let mut auditor = Auditor::new(bounds);
    auditor.found.frames = highest + 1 - lowest;
    let mut from = lowest;
    for reading in 1.. {
        let each = |found: Found<'_>| match found {
            Found::Entry { frame, entry } => auditor.entry(frame, entry),
            Found::Damage { first, last, error } => auditor.damage(first, last, error),
        };
        walk(source, from, each, |frame, _| {
            progress(reading, frame + 1 - lowest, highest + 1 - lowest);
        });
        match auditor.next_reading() {
            Some(frame) => from = frame,
            None => break,
        }
    }
    auditor.finish()
}

struct Auditor {
    bounds: Bounds,
    found: Audit,
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

/// What the entries of one subject have told so far.
struct Trace {
    kind: Kind,
    /// Where it is, of an MT.
    gateway: GatewayId,
    state: State,
    /// The verdict was the bridge's own.
    soft: bool,
    at: Timestamp,
    last_frame: u64,
    callbacks: u32,
    delivered: u32,
    dead: u32,
    /// Times it was sent again in doubt.
    resubmits: u32,
    doubted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mt,
    Mo,
    MoSegment,
    /// The only kind that may end without a message.
    MoSegmentAgain,
}

impl Auditor {
    fn new(bounds: Bounds) -> Auditor {
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

    fn damage(&mut self, first: u64, last: u64, error: &StoreError) {
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

    fn entry(&mut self, frame: u64, entry: &Entry) {
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
    fn next_reading(&mut self) -> Option<u64> {
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

    fn finish(mut self) -> Audit {
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

impl Trace {
    /// What is wrong with a move, if anything is. `left` ends with `from`.
    fn may_move(&self, from: GatewayId, to: GatewayId, left: &[GatewayId]) -> Option<&'static str> {
        if from != self.gateway {
            return Some("moves a message from where it is not");
        }
        if left.contains(&to) {
            return Some("moves a message to where it was before");
        }
        let may_be_there = self.doubted || self.state != State::Queued;
        may_be_there.then_some("moves a message that its upstream may have taken")
    }

    /// Follows one event; what is wrong with it.
    fn take(&mut self, event: &Event) -> Option<&'static str> {
        let (state, soft, callbacks) = match event {
            Event::Leased { .. } => (State::Submitting, false, 0),
            Event::Released { .. } | Event::Rerouted { .. } => (State::Queued, false, 0),
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
                self.doubted = true;
                self.resubmits += u32::from(*next == crate::message::Next::Resubmitted);
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
    use crate::message::Concat;
    use crate::message::sample::{self, accepted, moved, refused};
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

    fn cancelled() -> Event {
        Event::Cancelled {
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
        audit(frames, Bounds::default(), |_, _, _| {})
            .violations
            .some
    }

    #[test]
    fn a_sound_log_has_no_violations() {
        let sound = log(vec![
            accepted(),
            Event::Leased { attempt: 1 },
            refused(State::Failed),
        ]);
        let found = audit(&sound, Bounds::default(), |_, _, _| {});
        assert_eq!(
            (found.accepted, found.open(), found.violations.total),
            (1, 0, 0)
        );
        let guess = log(vec![accepted(), cancelled(), refused(State::Failed)]);
        assert!(
            violations(&guess).is_empty(),
            "the bridge's own verdict gives way"
        );
    }

    #[test]
    fn a_log_with_more_messages_than_are_followed_at_once_is_read_again() {
        let mut packer = Packer::new(1);
        let mut frames = BTreeMap::new();
        let mut at = HashMap::new();
        let mut push = |id: u64, event: Event| {
            let frame = packer.push(&Entry {
                subject: MessageId(id),
                at: Timestamp(id),
                previous: at.get(&id).copied().unwrap_or(0),
                event,
            });
            at.insert(id, frame);
            frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
        };
        for id in 1..=50 {
            push(id, accepted());
            push(id, Event::Leased { attempt: 1 });
            // Verdicts come much later, and not for all.
            if id > 20 && id % 5 > 0 {
                push(id - 20, refused(State::Failed));
            }
        }
        let frames = Frames(frames);
        let whole = audit(&frames, Bounds::default(), |_, _, _| {});
        assert_eq!(
            (whole.accepted, whole.terminal(), whole.open()),
            (50, 24, 26)
        );
        let bounds = Bounds {
            messages_at_once: 7,
            listed_max: 100,
        };
        let mut readings = 0;
        let parts = audit(&frames, bounds, |reading, _, _| readings = reading);
        assert_eq!(readings, 8, "seven at once, fifty in all");
        assert_eq!(parts.violations.some, Vec::<String>::new());
        assert_eq!(parts.by_state, whole.by_state);
        assert_eq!(
            (parts.accepted, parts.entries, parts.in_flight),
            (whole.accepted, whole.entries, whole.in_flight)
        );
        assert_eq!(parts.in_doubt.some.len(), 26);
        assert_eq!(whole.in_doubt.some, parts.in_doubt.some[..20]);
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
    fn a_move_that_must_not_be_is_found() {
        let sound = log(vec![accepted(), moved(1, 2), moved(2, 3)]);
        assert_eq!(violations(&sound), Vec::<String>::new());
        let unanswered = Event::Unanswered {
            segment: 1,
            reason: String::new(),
            next: crate::message::Next::Resubmitted,
            state: State::Queued,
            callbacks: Vec::new(),
        };
        let lease = || Event::Leased { attempt: 1 };
        for (life, what) in [
            (vec![accepted(), moved(2, 3)], "from where it is not"),
            (
                vec![accepted(), moved(1, 2), moved(2, 1)],
                "where it was before",
            ),
            (vec![accepted(), lease(), moved(1, 2)], "may have taken"),
            (
                vec![accepted(), lease(), unanswered, moved(1, 2)],
                "may have taken",
            ),
        ] {
            let found = violations(&log(life));
            assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
        }
    }

    fn segment(again: bool) -> Event {
        let concat = Concat {
            reference: 9,
            total: 2,
            number: 1,
            reference_bits: 8,
        };
        let record = Box::new(sample::mo());
        match again {
            true => Event::MoSegmentAgain { record, concat },
            false => Event::MoSegment { record, concat },
        }
    }

    /// Segments 1 to 4, of which 1 and 2 came again, and what ends them.
    fn log_of_segments(ends: Vec<Event>) -> Frames {
        let mut packer = Packer::new(1);
        let segments = [true, true, false, false].map(segment);
        let mut frames = BTreeMap::new();
        for (subject, event) in (1..).zip(segments.into_iter().chain(ends)) {
            let is_word = matches!(event, Event::MoRepeated { .. });
            packer.push(&Entry {
                subject: MessageId(if is_word { 0 } else { subject }),
                at: Timestamp(subject),
                previous: 0,
                event,
            });
            frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
        }
        Frames(frames)
    }

    fn repeated(segments: &[u64]) -> Event {
        Event::MoRepeated {
            segments: segments.iter().map(|id| MessageId(*id)).collect(),
        }
    }

    fn received(segments: &[u64]) -> Event {
        Event::MoReceived {
            record: Box::new(sample::mo()),
            segments: segments.iter().map(|id| MessageId(*id)).collect(),
            callbacks: Vec::new(),
        }
    }

    #[test]
    fn each_segment_waits_or_is_in_a_message_or_was_a_repeat() {
        let sound = log_of_segments(vec![received(&[2, 3]), repeated(&[1])]);
        for messages_at_once in [100, 2] {
            let bounds = Bounds {
                messages_at_once,
                listed_max: 20,
            };
            let found = audit(&sound, bounds, |_, _, _| {});
            assert_eq!(found.violations.some, Vec::<String>::new());
            let counts = (found.mo, found.mo_waiting, found.mo_repeated);
            assert_eq!(counts, (1, 1, 1), "{messages_at_once} at once");
        }
        let news = violations(&log_of_segments(vec![repeated(&[1, 3])]));
        assert_eq!(news.len(), 1);
        assert!(news[0].contains("message 3"), "{news:?}");
        let message = violations(&log_of_segments(vec![received(&[4]), received(&[5])]));
        assert!(message.len() == 1 && message[0].contains("message 5"));
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
