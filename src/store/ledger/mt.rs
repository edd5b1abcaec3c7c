//! An open MT message: what is at hand of it, and what entries do to it.

use super::packed::{Packed, Parts};
use super::{Ledger, Reply};
use crate::message::{
    CallbackKind, EncodedHead, Entry, Event, GatewayId, Head, HeadRef, MessageId, Next, Report,
    SnapshotSegment, State, Timestamp, Wants,
};
use crate::store::intent::Settled;
use std::borrow::Cow;
use tokio::sync::oneshot;

/// What has to be at hand for an open message: 64 octets, and its head, text and ids packed.
#[derive(Debug)]
pub(super) struct Mt {
    pub(super) id: MessageId,
    pub(super) accepted_at: Timestamp,
    frames: Frames,
    /// The text is there until every segment is submitted.
    packed: Packed,
    aside: Option<Box<Aside>>,
    pub(super) gateway: GatewayId,
    pub(super) attempts: u32,
    callbacks_made: u16,
    callbacks_open: u16,
    pub(super) state: State,
    /// The verdict is the bridge's own; a real one may replace it.
    pub(super) soft: bool,
    pub(super) resubmits: u8,
    wants: Wanted,
}

/// The frame of its last entry, and the round in which its first one was written, or the
/// latest copy of that: 48 bits and 16. Rounds are only told apart from the next ones.
#[derive(Clone, Copy, Debug)]
struct Frames(u64);

const FRAME_BITS: u32 = 48;

impl Frames {
    fn new(frame: u64, round: u16) -> Frames {
        debug_assert!(
            frame < 1 << FRAME_BITS,
            "1,000 years of 8,000 frames a second"
        );
        Frames(frame | u64::from(round) << FRAME_BITS)
    }

    fn frame(self) -> u64 {
        self.0 & ((1 << FRAME_BITS) - 1)
    }

    fn round(self) -> u16 {
        (self.0 >> FRAME_BITS) as u16
    }
}

/// What few messages have, and most of them not for long.
#[derive(Debug, Default)]
struct Aside {
    /// Its place in the lane.
    due_at: Timestamp,
    /// The attempt whose segments were sent again; 0 is none. Only one ever is.
    resubmitted_attempt: u32,
    /// The last status word an HTTP upstream reported: a new word is news.
    word: Option<Box<str>>,
    waiter: Option<Waiter>,
}

impl Aside {
    fn is_empty(&self) -> bool {
        self.due_at == Timestamp(0)
            && self.resubmitted_attempt == 0
            && self.word.is_none()
            && self.waiter.is_none()
    }
}

/// Which callbacks its changes cause, apart from those of parts: one bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted(u8);

impl Wanted {
    const VERDICT: u8 = 1;
    const PATCH: u8 = 2;
    const PATCH_PROGRESS: u8 = 4;
    /// No callback: it has somewhere else to go.
    const OTHERS: u8 = 8;

    fn of(wants: Wants, is_routed: bool) -> Wanted {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Wanted(
            bit(wants.verdict, Wanted::VERDICT)
                | bit(wants.patch, Wanted::PATCH)
                | bit(wants.patch_progress, Wanted::PATCH_PROGRESS)
                | bit(is_routed, Wanted::OTHERS),
        )
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What an entry does beyond the message itself.
#[derive(Debug, Default)]
pub(super) struct Effect<'e> {
    /// A segment's id at the upstream, learned.
    known_as: Option<&'e str>,
    /// The message may have gone twice.
    in_doubt: bool,
    callbacks: &'e [CallbackKind],
    report: Option<&'e Report>,
}

/// Where a message stands in its lane.
#[derive(Clone, Copy, Debug)]
struct Standing {
    queued: bool,
    in_flight: bool,
    finished: bool,
    due_at: Timestamp,
}

impl Standing {
    fn of(m: &Mt) -> Standing {
        Standing {
            queued: m.has_segment_in(State::Queued),
            in_flight: m.has_segment_in(State::Submitting),
            finished: m.is_finished(),
            due_at: m.due_at(),
        }
    }
}

/// A client that waits for the upstream's answer.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) to: oneshot::Sender<Settled>,
    pub(super) entries: Vec<Entry>,
}

impl Mt {
    /// As it is accepted; `None`: its head cannot be read.
    pub(super) fn of_head(
        id: MessageId,
        frame: u64,
        at: Timestamp,
        encoded: &EncodedHead,
        text: Option<&str>,
    ) -> Option<Mt> {
        let head = encoded.read()?;
        let state = match head.family.is_simulation() {
            true => State::Simulated,
            false => State::Queued,
        };
        let wants = Wants::of(&head);
        let mut m = Mt {
            id,
            accepted_at: at,
            frames: Frames::new(frame, 0),
            packed: Packed::new(wants.parts, state, head.segments, encoded.octets(), text),
            aside: None,
            gateway: head.gateway,
            attempts: 0,
            callbacks_made: 0,
            callbacks_open: 0,
            state,
            soft: false,
            resubmits: 0,
            wants: Wanted::of(wants, head.others.is_some()),
        };
        m.set_due_at(head.not_before.unwrap_or_default());
        Some(m)
    }

    /// As a copy of it says; only a state or an id for each segment changes nothing else.
    pub(super) fn restore(
        &mut self,
        segments: &[SnapshotSegment],
        submitted_at: Option<Timestamp>,
        text: Option<&str>,
    ) {
        let segments = &segments[..segments.len().min(u8::MAX.into())];
        let mut parts = self.packed.parts();
        parts.states = segments.iter().map(|s| s.state as u8).collect();
        let ids = segments.iter().map(|s| s.upstream_id.as_deref());
        parts.ids = ids.map(|id| id.map(Cow::Borrowed)).collect();
        parts.submitted_after = submitted_at.map(|at| after(self.accepted_at, at));
        parts.text = text;
        self.packed = Packed::of(&parts);
    }

    pub(super) fn last_frame(&self) -> u64 {
        self.frames.frame()
    }

    pub(super) fn set_last_frame(&mut self, frame: u64) {
        self.frames = Frames::new(frame, self.frames.round());
    }

    /// The round in which its first entry was written, or the latest copy of that.
    pub(super) fn round(&self) -> u16 {
        self.frames.round()
    }

    pub(super) fn set_round(&mut self, round: u16) {
        self.frames = Frames::new(self.frames.frame(), round);
    }

    /// Its place in the lane; 0 is at once.
    pub(super) fn due_at(&self) -> Timestamp {
        self.aside.as_ref().map_or(Timestamp(0), |a| a.due_at)
    }

    pub(super) fn set_due_at(&mut self, at: Timestamp) {
        if at != self.due_at() {
            self.with_aside(|aside| aside.due_at = at);
        }
    }

    pub(super) fn resubmitted_attempt(&self) -> u32 {
        self.aside.as_ref().map_or(0, |a| a.resubmitted_attempt)
    }

    pub(super) fn set_resubmitted_attempt(&mut self, attempt: u32) {
        if attempt != self.resubmitted_attempt() {
            self.with_aside(|aside| aside.resubmitted_attempt = attempt);
        }
    }

    fn with_aside(&mut self, change: impl FnOnce(&mut Aside)) {
        change(self.aside.get_or_insert_default());
        self.tidy_aside();
    }

    fn tidy_aside(&mut self) {
        if self.aside.as_ref().is_some_and(|a| a.is_empty()) {
            self.aside = None;
        }
    }

    pub(super) fn callbacks_made(&self) -> u32 {
        self.callbacks_made.into()
    }

    pub(super) fn callbacks_open(&self) -> u32 {
        self.callbacks_open.into()
    }

    pub(super) fn set_callbacks(&mut self, made: u32, open: u32) {
        let small = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        (self.callbacks_made, self.callbacks_open) = (small(made), small(open));
    }

    /// `None`: not yet.
    pub(super) fn submitted_at(&self) -> Option<Timestamp> {
        let after = self.packed.submitted_after()?;
        Some(Timestamp(self.accepted_at.0.saturating_add(after)))
    }

    /// When it is given up, unless submitted by then.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.read_head().map_or(Timestamp::NEVER, |h| h.expires_at)
    }

    pub(super) fn read_head(&self) -> Option<HeadRef<'_>> {
        self.packed.read_head()
    }

    pub(super) fn decode_head(&self) -> Option<Head> {
        Head::decode(self.packed.head())
    }

    pub(super) fn encoded_head(&self) -> EncodedHead {
        EncodedHead::of_octets(self.packed.head())
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.packed.text()
    }

    /// The last status word an HTTP upstream reported.
    pub(super) fn word(&self) -> Option<&str> {
        self.aside.as_ref()?.word.as_deref()
    }

    pub(super) fn set_waiter(&mut self, waiter: Waiter) {
        self.with_aside(|aside| aside.waiter = Some(waiter));
    }

    /// The state of a segment; `None`: there is no such segment.
    pub(super) fn segment(&self, number: u8) -> Option<State> {
        self.packed.state(number)
    }

    /// The states of all segments, numbered.
    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = (u8, State)> {
        let states = self.packed.states().enumerate();
        states.map(|(i, state)| (i as u8 + 1, state))
    }

    /// Of these, the numbers of those in one state.
    pub(super) fn segments_in(&self, state: State) -> impl Iterator<Item = u8> {
        let in_it = self.segments().filter(move |(_, s)| *s == state);
        in_it.map(|(number, _)| number)
    }

    /// What the upstream calls its segments, as far as it has said.
    pub(super) fn upstream_ids(&self) -> impl Iterator<Item = (u8, Cow<'_, str>)> {
        self.packed.ids()
    }

    pub(super) fn upstream_id(&self, number: u8) -> Option<Cow<'_, str>> {
        let mut ids = self.upstream_ids();
        ids.find_map(|(n, id)| (n == number).then_some(id))
    }

    pub(super) fn has_segment_in(&self, state: State) -> bool {
        self.packed.states().any(|s| s == state)
    }

    /// The message's state if this segment were in that one.
    pub(super) fn state_with(&self, number: u8, state: State) -> State {
        let states = self.segments();
        State::of_segments(states.map(|(n, s)| if n == number { state } else { s }))
    }

    /// Nothing more is to be done; only late evidence may come.
    pub(super) fn is_finished(&self) -> bool {
        self.state.is_terminal()
            && self.callbacks_open == 0
            && !self.has_segment_in(State::Submitting)
    }

    /// Lets an entry take effect on the message itself.
    pub(super) fn take<'e>(&mut self, entry: &'e Entry) -> Effect<'e> {
        let mut effect = Effect::default();
        match &entry.event {
            Event::Leased { attempt } => {
                self.attempts = *attempt;
                self.move_segments(State::Queued, State::Submitting);
                self.state = State::Submitting;
            }
            Event::Released { segments } => {
                for number in segments {
                    self.move_segment(*number, State::Queued);
                }
                if !self.has_segment_in(State::Submitting) {
                    // What was not sent was no attempt.
                    self.attempts = self.attempts.saturating_sub(1);
                }
                self.set_due_at(Timestamp(0));
                self.state = State::Queued;
            }
            Event::Submitted {
                segment,
                upstream_id,
                state,
                callbacks,
                ..
            } => {
                self.submitted(*segment, upstream_id.as_deref(), entry.at);
                self.state = *state;
                effect.known_as = upstream_id.as_deref();
                effect.callbacks = callbacks;
            }
            Event::Refused {
                segment,
                due_at,
                state,
                soft,
                callbacks,
                ..
            } => {
                let due = due_at.is_some();
                self.move_segment(*segment, if due { State::Queued } else { State::Failed });
                self.set_due_at(due_at.unwrap_or(self.due_at()));
                self.soft = *soft;
                self.state = *state;
                effect.callbacks = callbacks;
            }
            Event::Unanswered {
                segment,
                next,
                state,
                callbacks,
                ..
            } => {
                self.unanswered(*segment, *next);
                self.state = *state;
                effect.in_doubt = true;
                effect.callbacks = callbacks;
            }
            Event::Reported {
                segment,
                report,
                applied: true,
                segment_state,
                state,
                callbacks,
                ..
            } => {
                self.move_segment(*segment, *segment_state);
                self.soft = false;
                self.note_submitted(entry.at);
                self.state = *state;
                if let Report::Http { word, .. } = report {
                    self.with_aside(|aside| aside.word = Some(word.as_str().into()));
                }
                effect.report = Some(report);
                effect.callbacks = callbacks;
            }
            Event::Rerouted { to, .. } => self.reroute(*to),
            Event::Expired { callbacks } => {
                self.soft = true;
                self.state = State::Expired;
                effect.callbacks = callbacks;
            }
            Event::Cancelled { callbacks } => {
                self.soft = true;
                self.state = State::Cancelled;
                effect.callbacks = callbacks;
            }
            _ => {}
        }
        if self.state.is_terminal() {
            // What was not sent by then is not sent any more.
            self.move_segments(State::Queued, self.state);
            if self.text().is_some() {
                self.rewrite(|parts| parts.text = None);
            }
        }
        effect
    }

    fn submitted(&mut self, segment: u8, upstream_id: Option<&str>, at: Timestamp) {
        self.move_segment(segment, State::Submitted);
        let all = !self.has_segment_in(State::Queued) && !self.has_segment_in(State::Submitting);
        let after = after(self.accepted_at, at);
        self.rewrite(|parts| {
            let known = usize::from(segment).checked_sub(1);
            if let Some(id) = known.and_then(|i| parts.ids.get_mut(i)) {
                *id = upstream_id.map(|id| id.to_owned().into());
            }
            parts.submitted_after.get_or_insert(after);
            if all {
                parts.text = None;
            }
        });
    }

    /// It waits for another gateway, which is none of the others any more.
    fn reroute(&mut self, to: GatewayId) {
        let Some(mut head) = self.decode_head() else {
            return;
        };
        self.gateway = to;
        head.gateway = to;
        if let Some(others) = &mut head.others {
            others.gateways.retain(|other| *other != to);
        }
        head.others.take_if(|others| others.gateways.is_empty());
        self.wants.0 &= if head.others.is_some() {
            u8::MAX
        } else {
            !Wanted::OTHERS
        };
        let head = EncodedHead::from(&head);
        let mut parts = self.packed.parts();
        parts.head = head.octets();
        self.packed = Packed::of(&parts);
        // Its attempts at the gateway before are none at this one.
        self.attempts = 0;
        self.state = State::Queued;
    }

    /// It may have somewhere else to go; seen without reading its head.
    pub(super) fn is_routed(&self) -> bool {
        self.wants.has(Wanted::OTHERS)
    }

    fn note_submitted(&mut self, at: Timestamp) {
        if self.packed.submitted_after().is_none() {
            let after = after(self.accepted_at, at);
            self.rewrite(|parts| parts.submitted_after = Some(after));
        }
    }

    fn rewrite(&mut self, change: impl FnOnce(&mut Parts<'_>)) {
        let mut parts = self.packed.parts();
        change(&mut parts);
        self.packed = Packed::of(&parts);
    }

    fn unanswered(&mut self, segment: u8, next: Next) {
        let after = match next {
            Next::Resubmitted => State::Queued,
            Next::Held => State::Submitting,
            Next::Failed => State::Failed,
        };
        self.move_segment(segment, after);
        if next == Next::Resubmitted {
            if self.resubmitted_attempt() != self.attempts {
                self.resubmits = self.resubmits.saturating_add(1);
            }
            self.set_resubmitted_attempt(self.attempts);
            self.set_due_at(Timestamp(0));
        }
        self.soft |= next == Next::Failed && !self.state.is_terminal();
    }

    fn move_segment(&mut self, number: u8, to: State) {
        self.packed.set_state(number, to);
    }

    fn move_segments(&mut self, from: State, to: State) {
        for number in 1..=self.packed.segments() as u8 {
            if self.packed.state(number) == Some(from) {
                self.packed.set_state(number, to);
            }
        }
    }

    /// The callbacks that a change of the message's state causes, and of one segment's.
    pub(super) fn callbacks_for(
        &self,
        to: State,
        segment: Option<(u8, State)>,
    ) -> Vec<CallbackKind> {
        let news = to != self.state;
        let verdict = to.is_terminal() && news;
        let progress = matches!(to, State::Submitted | State::Enroute) && news;
        let mut kinds = Vec::new();
        if verdict && self.wants.has(Wanted::VERDICT) {
            kinds.push(CallbackKind::Verdict);
        }
        let tells_progress = progress && self.wants.has(Wanted::PATCH_PROGRESS);
        if self.wants.has(Wanted::PATCH) && (verdict || tells_progress) {
            kinds.push(CallbackKind::Patch);
        }
        if self.packed.told() > 0 {
            self.add_parts(to, segment, &mut kinds);
        }
        kinds
    }

    /// A part is told of when its segment reaches a final state, by a verdict of its own
    /// or because it is not sent any more.
    fn add_parts(&self, to: State, changed: Option<(u8, State)>, kinds: &mut Vec<CallbackKind>) {
        let cut_here = self.packed.segments() > 1;
        for (number, before) in self.segments() {
            let after = match changed {
                Some((n, state)) if n == number => state,
                _ => before,
            };
            let after = match after {
                State::Queued if to.is_terminal() => to,
                other => other,
            };
            if !after.is_terminal() || after == before {
                continue;
            }
            match cut_here {
                true => kinds.push(CallbackKind::Part(number)),
                // One verdict for all that the upstream made of it.
                false => kinds.extend((1..=self.packed.told()).map(CallbackKind::Part)),
            }
        }
    }

    /// The state of a part, whoever cut the text.
    pub(super) fn state_of_part(&self, part: u8) -> State {
        let last = self.packed.states().next_back();
        self.segment(part).or(last).unwrap_or(self.state)
    }
}

/// Touched lanes are sorted out beyond this; more gateways than that cost time, not truth.
const TOUCHED_MAX: usize = 100_000;

impl Ledger {
    /// Collects what a waiting client wants to know, and tells it when it is complete.
    pub(super) fn tell_waiter(&mut self, entry: Entry) {
        let Some(m) = self.mt.get_mut(&entry.subject) else {
            return;
        };
        let answered = m.state.rank() >= State::Submitted.rank();
        let Some(aside) = &mut m.aside else { return };
        let Some(waiter) = &mut aside.waiter else {
            return;
        };
        if waiter.to.is_closed() {
            aside.waiter = None;
            return;
        }
        waiter.entries.push(entry);
        if answered && let Some(waiter) = aside.waiter.take() {
            m.tidy_aside();
            self.replies.push(Reply::Plain(Box::new(move |fate| {
                if fate.is_ok() {
                    // The client may have stopped waiting.
                    let _ = waiter.to.send(waiter.entries);
                }
            })));
        }
    }

    pub(super) fn apply_mt(&mut self, frame: u64, entry: &Entry) {
        let id = entry.subject;
        if let Event::Accepted { head, text } = &entry.event {
            let Some(mut m) = Mt::of_head(id, frame, entry.at, head, Some(text)) else {
                return;
            };
            m.set_round(self.carry.round());
            if m.state == State::Simulated {
                self.mt.insert(m);
                self.note_finished(id, false);
                return;
            }
            *self.counters.messages.entry(m.gateway.0).or_default() += 1;
            let (gateway, due_at) = (m.gateway, m.due_at());
            if due_at > entry.at {
                m.state = State::Scheduled;
            }
            self.mt.insert(m);
            self.enter_lane(gateway, id, due_at);
            return;
        }
        let Some(m) = self.mt.get_mut(&id) else {
            return;
        };
        let (before, gateway_before) = (Standing::of(m), m.gateway);
        m.set_last_frame(frame);
        let known_before = match entry.event {
            Event::Submitted { segment, .. } => m.upstream_id(segment).map(Cow::into_owned),
            _ => None,
        };
        let effect = m.take(entry);
        let after = Standing::of(m);
        let (gateway, state, resubmits) = (m.gateway, m.state, m.resubmits);
        let state_for = |m: &Mt, kind: CallbackKind| match kind {
            CallbackKind::Part(part) => m.state_of_part(part),
            _ => state,
        };
        let states: Vec<State> = effect.callbacks.iter().map(|k| state_for(m, *k)).collect();
        if let Some(before) = known_before {
            self.mt.forget_id(id, &before);
        }
        if let Some(upstream_id) = effect.known_as {
            self.mt.learn(id, upstream_id);
        }
        if effect.in_doubt {
            self.in_doubt.insert(id, resubmits);
        }
        if gateway == gateway_before {
            self.move_in_lane(gateway, id, before, after);
        } else {
            self.leave_lane(gateway_before, id, before.due_at);
            self.enter_lane(gateway, id, after.due_at);
            let messages = &mut self.counters.messages;
            let there = messages.entry(gateway_before.0).or_default();
            *there = there.saturating_sub(1);
            *messages.entry(gateway.0).or_default() += 1;
        }
        for (kind, state) in effect.callbacks.iter().zip(states) {
            self.make_callback(id, *kind, entry.at, state, effect.report);
        }
        self.note_finished(id, before.finished);
    }

    /// Keeps the lane true to a message's segments.
    fn move_in_lane(
        &mut self,
        gateway: GatewayId,
        id: MessageId,
        before: Standing,
        after: Standing,
    ) {
        let moved = before.due_at != after.due_at;
        if before.queued && (!after.queued || moved) {
            self.leave_lane(gateway, id, before.due_at);
        }
        if after.queued && (!before.queued || moved) {
            self.enter_lane(gateway, id, after.due_at);
        }
        if before.in_flight != after.in_flight {
            let lane = self.lanes.entry(gateway).or_default();
            lane.in_flight = match after.in_flight {
                true => lane.in_flight + 1,
                false => lane.in_flight.saturating_sub(1),
            };
        }
    }

    pub(super) fn enter_lane(&mut self, gateway: GatewayId, id: MessageId, due_at: Timestamp) {
        let lane = self.lanes.entry(gateway).or_default();
        lane.insert(id, due_at, self.now);
        if lane.is_deferring() {
            self.deferring.insert(gateway);
        }
        if self.touched.last() != Some(&gateway) {
            self.touched.push(gateway);
        }
        if self.touched.len() > TOUCHED_MAX {
            self.touched.sort_unstable();
            self.touched.dedup();
        }
    }

    pub(super) fn leave_lane(&mut self, gateway: GatewayId, id: MessageId, due_at: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&gateway) {
            lane.remove(id, due_at);
        }
    }

    /// Puts a message that has just become finished among the finished.
    pub(super) fn note_finished(&mut self, id: MessageId, was_finished: bool) {
        let Some(m) = self.mt.get(&id) else { return };
        if m.is_finished() {
            self.to_index.push((id, m.last_frame()));
            if !was_finished {
                self.finished.push_back(id);
            }
        }
    }

    pub(super) fn forget_mt(&mut self, id: MessageId) {
        let Some(m) = self.mt.remove(&id) else { return };
        self.books.forget(id, &m);
        self.in_doubt.remove(&id);
        self.forget_callbacks(id, m.callbacks_made());
    }
}

/// Microseconds from one time to a later one.
fn after(from: Timestamp, to: Timestamp) -> u64 {
    to.0.saturating_sub(from.0)
}
