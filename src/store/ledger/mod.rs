//! The live state: every open message, what is due, what waits for whom.
//!
//! It is a pure machine. Callers' intents come in with the time; entries for the log
//! and replies come out. A decision becomes an [`Event`]; only [`Ledger::apply`]
//! changes state, so reading the log back (the same `apply`, nothing else) gives the
//! same state. The writer sends the replies after the entries are durable.

mod acceptance;
mod books;
mod carry;
mod checkpoint;
mod deadlines;
mod documents;
mod evidence;
mod index;
mod joined;
mod keys;
mod lane;
mod lease;
mod messages;
mod mo;
mod mt;
mod outbox;
mod packed;
mod policy;
mod recall;
mod reroute;
mod response;
mod sets;
mod smsc_id;
mod use_case;

pub(super) use books::Invariant;
pub(super) use checkpoint::{Restoring, Taking};
pub use policy::Policy;
pub(super) use recall::retold;

use super::StoreError;
use super::codec::{Frame, Packer};
use super::intent::{Acceptance, CallbackLease, Lease};
use crate::message::{
    DocumentKind, Entry, Event, Figures, Gateway, GatewayId, LaneFigures, MessageId, Timestamp,
};
use deadlines::Deadlines;
use documents::Counters;
use evidence::Orphans;
use hashbrown::{DefaultHashBuilder, HashMap};
use joined::JoinedSets;
use keys::{Key, Keys};
use lane::Lane;
use messages::Messages;
use mo::Mo;
use outbox::Outbox;
use sets::Sets;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// Finished messages whose index entry the last stop may have swallowed.
const REINDEXED_MAX: usize = 10_000;

/// An answer that waits for the entries before it to be durable.
pub(super) enum Reply {
    /// Called with the fate of the batch.
    Plain(Box<dyn FnOnce(Result<(), StoreError>) + Send>),
    Acceptance(oneshot::Sender<Result<Acceptance, StoreError>>, Acceptance),
    Leases(oneshot::Sender<Result<Vec<Lease>, StoreError>>, Vec<Lease>),
    Callbacks(
        oneshot::Sender<Result<Vec<CallbackLease>, StoreError>>,
        Vec<CallbackLease>,
    ),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

#[derive(Debug)]
pub(super) struct Ledger {
    policy: Policy,
    /// The time of the present batch.
    now: Timestamp,
    last_id: MessageId,
    packer: Packer,
    replies: Vec<Reply>,

    mt: Messages,
    mo: HashMap<MessageId, Mo>,
    sets: Sets,
    joined: JoinedSets,
    lanes: HashMap<GatewayId, Lane>,
    /// Lanes that may have something for a waiting lease.
    touched: Vec<GatewayId>,
    /// Lanes with messages that are due later.
    deferring: BTreeSet<GatewayId>,
    /// Of what is in the lanes.
    deadlines: Deadlines,
    /// When they are next looked at.
    expiry_look_at: Timestamp,
    orphans: Orphans,
    outbox: Outbox,
    /// Messages with nothing more to come, oldest first.
    finished: VecDeque<MessageId>,
    to_index: Vec<(MessageId, u64)>,
    in_doubt: BTreeMap<MessageId, u8>,

    gateways: BTreeMap<GatewayId, Gateway>,
    gateways_changed: bool,
    use_cases: use_case::UseCases,
    counters: Counters,
    keys: Keys,
    carry: carry::Carry,
    books: books::Books,
    ways: reroute::Ways,
}

impl Ledger {
    /// An empty ledger whose next frame has this number.
    pub(super) fn new(policy: Policy, next_frame: u64) -> Ledger {
        let hasher = DefaultHashBuilder::default();
        Ledger {
            now: Timestamp(0),
            last_id: MessageId::NONE,
            packer: Packer::new(next_frame),
            replies: Vec::new(),
            mt: Messages::new(hasher.clone()),
            mo: HashMap::new(),
            sets: Sets::default(),
            joined: JoinedSets::default(),
            lanes: HashMap::new(),
            touched: Vec::new(),
            deferring: BTreeSet::new(),
            deadlines: Deadlines::default(),
            expiry_look_at: Timestamp(0),
            orphans: Orphans::new(hasher),
            outbox: Outbox::default(),
            finished: VecDeque::new(),
            to_index: Vec::new(),
            in_doubt: BTreeMap::new(),
            gateways: BTreeMap::new(),
            gateways_changed: false,
            use_cases: use_case::UseCases::default(),
            counters: Counters::default(),
            keys: Keys::default(),
            carry: carry::Carry::default(),
            books: books::Books::default(),
            ways: reroute::Ways::default(),
            policy,
        }
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Does what has become due, and serves whoever waits for it.
    pub(super) fn finish(&mut self) {
        self.end_overdue_sets();
        self.retire_orphans();
        self.forget_keys();
        self.expire_queued();
        self.serve_leases();
        self.serve_callbacks();
        self.evict_finished();
    }

    /// When [`Ledger::finish`] has something to do next, without being asked.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let deferring = self.deferring.iter().filter_map(|id| self.lanes.get(id));
        let waiting_lanes = deferring.filter_map(Lane::next_due).min();
        let expiring = (!self.deadlines.is_empty()).then_some(self.expiry_look_at);
        let (callback, set) = (self.outbox.next_due(), self.sets.next_due());
        let all = [waiting_lanes, expiring, callback, set];
        all.into_iter().flatten().min()
    }

    pub(super) fn take_frames(&mut self) -> Vec<Frame> {
        let frames = self.packer.take();
        for frame in &frames {
            self.carry.note_written(frame.octets.len());
        }
        frames
    }

    /// After a frame was read back: memory stays as bounded as it was when it was written.
    pub(super) fn note_read(&mut self, octets: usize) {
        self.carry.note_written(octets);
        self.evict_finished();
        if self.to_index.len() >= 2 * REINDEXED_MAX {
            self.trim_to_index();
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.packer.is_empty()
    }

    /// Octets of entries not yet taken.
    pub(super) fn pending_octets(&self) -> usize {
        self.packer.octets()
    }

    pub(super) fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    pub(super) fn take_to_index(&mut self) -> Vec<(MessageId, u64)> {
        std::mem::take(&mut self.to_index)
    }

    /// Leaves only the newest finished messages to be indexed.
    pub(super) fn trim_to_index(&mut self) {
        let surplus = self.to_index.len().saturating_sub(REINDEXED_MAX);
        self.to_index.drain(..surplus);
    }

    /// Answers when the batch is durable.
    pub(super) fn reply<T: Send + 'static>(
        &mut self,
        to: oneshot::Sender<Result<T, StoreError>>,
        value: T,
    ) {
        self.replies.push(Reply::Plain(Box::new(move |fate| {
            // Nobody may be waiting any more; what was recorded stays recorded.
            let _ = to.send(fate.map(|()| value));
        })));
    }

    /// The same for the most frequent answer.
    pub(super) fn reply_acceptance(
        &mut self,
        to: oneshot::Sender<Result<Acceptance, StoreError>>,
        acceptance: Acceptance,
    ) {
        self.replies.push(Reply::Acceptance(to, acceptance));
    }

    /// Runs when the batch is durable, and not at all when it is not.
    pub(super) fn after_commit(&mut self, then: impl FnOnce() + Send + 'static) {
        self.replies.push(Reply::Plain(Box::new(move |fate| {
            if fate.is_ok() {
                then();
            }
        })));
    }

    /// Writes an event down and lets it take effect.
    fn record(&mut self, subject: MessageId, event: Event) {
        let previous = self.last_frame_of(subject).unwrap_or(0);
        let entry = Entry {
            subject,
            at: self.now,
            previous,
            event,
        };
        let frame = self.packer.push(&entry);
        self.apply(frame, &entry);
        self.tell_waiter(entry);
    }

    /// The frame with the latest entry of a message that is in memory.
    pub(super) fn last_frame_of(&self, subject: MessageId) -> Option<u64> {
        match self.mt.get(&subject) {
            Some(m) => Some(m.last_frame()),
            None => self.mo.get(&subject).map(|m| m.last_frame),
        }
    }

    /// The one place where state changes, for what happens now and for what the log says.
    pub(super) fn apply(&mut self, frame: u64, entry: &Entry) {
        let before = self.page(entry.subject);
        self.last_id = self.last_id.max(entry.subject);
        let (subject, at) = (entry.subject, entry.at);
        match &entry.event {
            Event::Accepted { .. }
            | Event::Leased { .. }
            | Event::Released { .. }
            | Event::Submitted { .. }
            | Event::Refused { .. }
            | Event::Unanswered { .. }
            | Event::Reported { .. }
            | Event::Expired { .. }
            | Event::Cancelled { .. }
            | Event::Rerouted { .. } => self.apply_mt(frame, entry),
            Event::CallbackFailed { .. }
            | Event::CallbackDelivered { .. }
            | Event::CallbackDead { .. }
            | Event::CallbackRequeued { .. } => self.apply_callback(frame, entry),
            Event::MoReceived { .. }
            | Event::MoSegment { .. }
            | Event::MoSegmentAgain { .. }
            | Event::MoRepeated { .. } => self.apply_mo(frame, entry),
            Event::Orphaned { .. } | Event::OrphanClosed { .. } => self.apply_orphan(entry),
            Event::Document { kind, id, body } => {
                if *kind == DocumentKind::Counters {
                    self.carry.note_began(frame, at);
                }
                self.apply_document(*kind, *id, body.as_deref());
            }
            Event::KeyTaken { key, content } => {
                let taken = Key {
                    content: *content,
                    message: subject,
                    taken_at: at,
                    frame,
                    answer: None,
                };
                self.keys.insert(*key, taken);
            }
            Event::KeyAnswered { key, status, body } => self.keys.answer(*key, *status, body),
            Event::Carried(snapshot) => self.apply_carried(frame, subject, snapshot),
            Event::CarriedAll { .. } => {}
            Event::OptOuts {
                use_case,
                numbers,
                out,
            } => self.use_cases.opt(*use_case, numbers, *out),
            Event::KeyCarried {
                key,
                content,
                taken_at,
                answer,
            } => {
                let carried = Key {
                    content: *content,
                    message: subject,
                    taken_at: *taken_at,
                    frame,
                    answer: answer.clone(),
                };
                self.keys.insert(*key, carried);
            }
        }
        self.check(frame, entry, before);
    }

    /// Frames that were needed and could not be read.
    pub(super) fn note_damage(&mut self, words: String) {
        self.books.violate(Invariant::FramesAreWhole, || words);
    }

    fn next_id(&mut self) -> MessageId {
        self.last_id = self.last_id.next(self.now.unix_ms(), self.policy.node);
        self.last_id
    }

    /// Gives up memory of what is finished, beyond the most that is kept.
    fn evict_finished(&mut self) {
        while self.finished.len() > self.policy.finished_max {
            let Some(id) = self.finished.pop_front() else {
                return;
            };
            if self.mt.get(&id).is_some_and(|m| m.is_finished()) {
                self.forget_mt(id);
            } else if self.mo.get(&id).is_some_and(Mo::is_finished) {
                self.forget_mo(id);
            }
        }
    }

    /// Figures for metrics.
    pub(super) fn figures(&self) -> Figures {
        Figures {
            open_messages: self.mt.len() - self.finished.len().min(self.mt.len()),
            messages: self.mt.len(),
            orphans: self.orphans.len(),
            callbacks: self.outbox.pending(),
            callbacks_dead: self.outbox.dead(),
            in_doubt: self.in_doubt.len(),
            lanes: self
                .lanes
                .iter()
                .map(|(id, lane)| {
                    let since = self.waiting_since(lane);
                    let waits = since.map(|at| self.now.since(at));
                    let ms = waits.map_or(0, |w| u64::try_from(w.as_millis()).unwrap_or(u64::MAX));
                    LaneFigures {
                        gateway: *id,
                        queued: lane.len(),
                        oldest_ms: ms,
                    }
                })
                .collect(),
        }
    }

    /// Since when the message that has been due the longest could have gone; one that is
    /// scheduled waits for nobody before its time.
    fn waiting_since(&self, lane: &Lane) -> Option<Timestamp> {
        lane.waiting_since(self.now, |id| self.mt.get(&id).map(|m| m.accepted_at))
    }
}
