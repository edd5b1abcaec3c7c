//! An open MT message, in as little memory as it takes.
//!
//! It owns the states of its segments, its head, text and ids, the waiting client and the
//! counts of its callbacks. Its state is what its entries made of it and nothing else, so
//! reading them again gives the same; lanes, ids and the outbox follow in [`apply`].

mod apply;
mod change;
mod copy;
mod standing;
mod wanted;

pub(super) use copy::MtCopy;

use super::lane::Place;
use super::packed::Packed;
use crate::message::{
    EncodedHead, Entry, GatewayId, Head, HeadRef, MessageId, SnapshotSegment, State, Timestamp,
    Wants,
};
use crate::store::intent::Settled;
use std::borrow::Cow;
use tokio::sync::oneshot;
use wanted::Wanted;

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
            wants: Wanted::of(wants, head.others.is_some(), head.not_before.is_some()),
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
        parts.set_ids(segments.iter().map(|s| s.upstream_id.as_deref()));
        parts.submitted_after = submitted_at.map(|at| after(self.accepted_at, at));
        parts.text = text.map(str::as_bytes);
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

    /// Its place in its lane, with a segment to send from `due_at` on.
    fn place(&self, due_at: Timestamp) -> Place {
        Place {
            id: self.id,
            due_at,
            scheduled_for: self.scheduled_for(),
            accepted_at: self.accepted_at,
        }
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

    /// The same, to look at them only.
    pub(super) fn each_upstream_id(&self, each: impl FnMut(u8, &str)) {
        self.packed.each_id(each);
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
}

/// Microseconds from one time to a later one.
fn after(from: Timestamp, to: Timestamp) -> u64 {
    to.0.saturating_sub(from.0)
}
