//! An open MT message: what is at hand of it, and what entries do to it.

use super::{Ledger, Reply};
use crate::message::{
    CallbackKind, EncodedHead, Entry, Event, GatewayId, MessageId, Next, Report, State, Timestamp,
};
use crate::store::intent::Settled;
use tokio::sync::oneshot;

/// What has to be at hand for an open message: 128 octets, and its head, text and ids.
#[derive(Debug)]
pub(super) struct Mt {
    pub(super) gateway: GatewayId,
    pub(super) state: State,
    /// The verdict is the bridge's own; a real one may replace it.
    pub(super) soft: bool,
    pub(super) resubmits: u8,
    /// The attempt whose segments were sent again; 0 is none. Only one ever is.
    pub(super) resubmitted_attempt: u32,
    pub(super) attempts: u32,
    pub(super) wants: Wants,
    pub(super) segments: Box<[Segment]>,
    pub(super) head: EncodedHead,
    /// Until every segment is submitted.
    pub(super) text: Option<Box<str>>,
    /// Where its first entry, or the latest copy of it, is.
    pub(super) first_frame: u64,
    pub(super) last_frame: u64,
    pub(super) accepted_at: Timestamp,
    /// 0 until then.
    submitted_at: Timestamp,
    /// Its place in the lane.
    pub(super) due_at: Timestamp,
    pub(super) callbacks_made: u32,
    pub(super) callbacks_open: u32,
    aside: Option<Box<Aside>>,
}

/// What few messages have, and none for long.
#[derive(Debug, Default)]
struct Aside {
    /// The last status word an HTTP upstream reported: a new word is news.
    word: Option<Box<str>>,
    waiter: Option<Waiter>,
}

/// Which callbacks its changes cause.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    pub(super) verdict: bool,
    pub(super) patch: bool,
    pub(super) patch_progress: bool,
    /// Parts whose final states are told, one by one; 0 is none. More than there are
    /// segments where the upstream cuts the text itself.
    pub(super) parts: u8,
}

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) state: State,
    pub(super) upstream_id: Option<Box<str>>,
}

/// What an entry does beyond the message itself.
#[derive(Debug, Default)]
struct Effect<'e> {
    /// A segment's id at the upstream, learned.
    known_as: Option<(u8, &'e str)>,
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
            due_at: m.due_at,
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
    pub(super) fn of_head(frame: u64, at: Timestamp, encoded: &EncodedHead) -> Option<Box<Mt>> {
        let head = encoded.read()?;
        let state = match head.family.is_simulation() {
            true => State::Simulated,
            false => State::Queued,
        };
        let segment = Segment {
            state,
            upstream_id: None,
        };
        Some(Box::new(Mt {
            gateway: head.gateway,
            state,
            soft: false,
            resubmits: 0,
            resubmitted_attempt: 0,
            attempts: 0,
            wants: Wants {
                verdict: head.forwards && head.callback_url.is_some(),
                patch: head.receipts.is_some(),
                patch_progress: head.receipts.is_some_and(|r| r.all),
                parts: head.family.notified_parts(),
            },
            segments: vec![segment; usize::from(head.segments.max(1))].into_boxed_slice(),
            head: encoded.clone(),
            text: None,
            first_frame: frame,
            last_frame: frame,
            accepted_at: at,
            submitted_at: Timestamp(0),
            due_at: head.not_before.unwrap_or(Timestamp(0)),
            callbacks_made: 0,
            callbacks_open: 0,
            aside: None,
        }))
    }

    pub(super) fn submitted_at(&self) -> Option<Timestamp> {
        (self.submitted_at != Timestamp(0)).then_some(self.submitted_at)
    }

    pub(super) fn set_submitted_at(&mut self, at: Option<Timestamp>) {
        self.submitted_at = at.unwrap_or(Timestamp(0));
    }

    /// When it is given up, unless submitted by then.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.head.read().map_or(Timestamp::NEVER, |h| h.expires_at)
    }

    /// The last status word an HTTP upstream reported.
    pub(super) fn word(&self) -> Option<&str> {
        self.aside.as_ref()?.word.as_deref()
    }

    pub(super) fn set_waiter(&mut self, waiter: Waiter) {
        self.aside.get_or_insert_default().waiter = Some(waiter);
    }

    pub(super) fn segment(&self, number: u8) -> Option<&Segment> {
        self.segments.get(usize::from(number).checked_sub(1)?)
    }

    fn segment_mut(&mut self, number: u8) -> Option<&mut Segment> {
        self.segments.get_mut(usize::from(number).checked_sub(1)?)
    }

    pub(super) fn has_segment_in(&self, state: State) -> bool {
        self.segments.iter().any(|s| s.state == state)
    }

    /// The message's state if this segment were in that one.
    pub(super) fn state_with(&self, number: u8, state: State) -> State {
        let at = usize::from(number).wrapping_sub(1);
        State::of_segments(
            self.segments
                .iter()
                .enumerate()
                .map(|(i, s)| if i == at { state } else { s.state }),
        )
    }

    /// Nothing more is to be done; only late evidence may come.
    pub(super) fn is_finished(&self) -> bool {
        self.state.is_terminal()
            && self.callbacks_open == 0
            && !self.has_segment_in(State::Submitting)
    }

    /// Lets an entry take effect on the message itself.
    fn take<'e>(&mut self, entry: &'e Entry) -> Effect<'e> {
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
                self.due_at = Timestamp(0);
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
                effect.known_as = upstream_id.as_deref().map(|id| (*segment, id));
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
                self.due_at = due_at.unwrap_or(self.due_at);
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
                    self.aside.get_or_insert_default().word = Some(word.as_str().into());
                }
                effect.report = Some(report);
                effect.callbacks = callbacks;
            }
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
            self.text = None;
        }
        effect
    }

    fn submitted(&mut self, segment: u8, upstream_id: Option<&str>, at: Timestamp) {
        if let Some(s) = self.segment_mut(segment) {
            s.state = State::Submitted;
            s.upstream_id = upstream_id.map(Into::into);
        }
        if !self.has_segment_in(State::Queued) && !self.has_segment_in(State::Submitting) {
            self.text = None;
        }
        self.note_submitted(at);
    }

    fn note_submitted(&mut self, at: Timestamp) {
        if self.submitted_at == Timestamp(0) {
            self.submitted_at = at;
        }
    }

    fn unanswered(&mut self, segment: u8, next: Next) {
        let after = match next {
            Next::Resubmitted => State::Queued,
            Next::Held => State::Submitting,
            Next::Failed => State::Failed,
        };
        self.move_segment(segment, after);
        if next == Next::Resubmitted {
            if self.resubmitted_attempt != self.attempts {
                self.resubmits = self.resubmits.saturating_add(1);
            }
            self.resubmitted_attempt = self.attempts;
            self.due_at = Timestamp(0);
        }
        self.soft |= next == Next::Failed && !self.state.is_terminal();
    }

    fn move_segment(&mut self, number: u8, to: State) {
        if let Some(s) = self.segment_mut(number) {
            s.state = to;
        }
    }

    fn move_segments(&mut self, from: State, to: State) {
        for s in self.segments.iter_mut().filter(|s| s.state == from) {
            s.state = to;
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
        if verdict && self.wants.verdict {
            kinds.push(CallbackKind::Verdict);
        }
        if self.wants.patch && (verdict || progress && self.wants.patch_progress) {
            kinds.push(CallbackKind::Patch);
        }
        if self.wants.parts > 0 {
            self.add_parts(to, segment, &mut kinds);
        }
        kinds
    }

    /// A part is told of when its segment reaches a final state, by a verdict of its own
    /// or because it is not sent any more.
    fn add_parts(&self, to: State, changed: Option<(u8, State)>, kinds: &mut Vec<CallbackKind>) {
        let cut_here = self.segments.len() > 1;
        for (number, segment) in (1..=u8::MAX).zip(&self.segments) {
            let after = match changed {
                Some((n, state)) if n == number => state,
                _ => segment.state,
            };
            let after = match after {
                State::Queued if to.is_terminal() => to,
                other => other,
            };
            if !after.is_terminal() || after == segment.state {
                continue;
            }
            match cut_here {
                true => kinds.push(CallbackKind::Part(number)),
                // One verdict for all that the upstream made of it.
                false => kinds.extend((1..=self.wants.parts).map(CallbackKind::Part)),
            }
        }
    }

    /// The state of a part, whoever cut the text.
    pub(super) fn state_of_part(&self, part: u8) -> State {
        let last = self.segments.last();
        let segment = self.segment(part).or(last);
        segment.map_or(self.state, |s| s.state)
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
            if aside.word.is_none() {
                m.aside = None;
            }
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
            let Some(mut m) = Mt::of_head(frame, entry.at, head) else {
                return;
            };
            if m.state == State::Simulated {
                self.mt.insert(id, m);
                self.note_finished(id, false);
                return;
            }
            *self.counters.messages.entry(m.gateway.0).or_default() += 1;
            m.text = Some(text.as_str().into());
            if m.due_at > entry.at {
                m.state = State::Scheduled;
            }
            let (gateway, due_at) = (m.gateway, m.due_at);
            self.mt.insert(id, m);
            self.enter_lane(gateway, id, due_at);
            return;
        }
        let Some(m) = self.mt.get_mut(&id) else {
            return;
        };
        let before = Standing::of(m);
        m.last_frame = frame;
        let effect = m.take(entry);
        let after = Standing::of(m);
        let (gateway, state, resubmits) = (m.gateway, m.state, m.resubmits);
        let state_for = |m: &Mt, kind: CallbackKind| match kind {
            CallbackKind::Part(part) => m.state_of_part(part),
            _ => state,
        };
        let states: Vec<State> = effect.callbacks.iter().map(|k| state_for(m, *k)).collect();
        if let Some((segment, upstream_id)) = effect.known_as {
            self.correlations.insert(gateway, upstream_id, id, segment);
        }
        if effect.in_doubt {
            self.in_doubt.insert(id, resubmits);
        }
        self.move_in_lane(gateway, id, before, after);
        for (kind, state) in effect.callbacks.iter().zip(states) {
            let report = effect.report.cloned();
            self.make_callback(id, *kind, entry.at, state, report);
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
            self.to_index.push((id, m.last_frame));
            if !was_finished {
                self.finished.push_back(id);
            }
        }
    }

    pub(super) fn forget_mt(&mut self, id: MessageId) {
        let Some(m) = self.mt.remove(&id) else { return };
        self.books.forget(id, &m);
        for s in &m.segments {
            if let Some(upstream_id) = &s.upstream_id {
                self.correlations.remove(m.gateway, upstream_id, id);
            }
        }
        self.in_doubt.remove(&id);
        self.forget_callbacks(id, m.callbacks_made);
    }
}
