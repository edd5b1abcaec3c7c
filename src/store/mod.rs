//! What must not be lost: the durable, ordered record of every message.
//!
//! [`Store`] is the narrow door; it speaks of messages, never of keys or files.
//! Behind it stands [`LogStore`]: a writer thread that owns the `ledger` (the live
//! state, rebuilt from the log at start) and a [`journal`] (where frames of entries
//! become durable; on sled in production). Every answer follows the fdatasync of
//! everything it rests on.

pub mod audit;
mod checkpoint;
mod codec;
pub mod export;
mod intent;
pub mod journal;
mod ledger;
mod listing;
mod log_store;
mod mailbox;
mod numbers;
mod reader;
pub mod sled;
pub mod walk;
mod watchdog;
mod writer;

pub use export::LogPage;
pub use intent::{
    Acceptance, CallbackLease, CallbackOutcome, Counts, Cursor, Evidence, Filter, Finding, IdRule,
    IdempotencyKey, InDoubt, Inbound, KeyState, Lease, Listing, Mark, NewMessage, OrphanView,
    Outcome, Predicate, Response, Settled, Standings, Subject, Unmatched,
};
pub use ledger::Policy;
pub use log_store::{LogStore, OpenOptions};

use crate::message::{
    CallbackId, Entry, Gateway, GatewayId, MessageId, OnUnknown, OrphanId, Timestamp, UseCase,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{oneshot, watch};

/// All gateways that are not deleted.
pub type Gateways = Arc<BTreeMap<GatewayId, Gateway>>;

/// All use cases, by their id.
pub type UseCases = Arc<BTreeMap<u128, UseCase>>;

/// The record of every message, and what is to be done with the open ones.
///
/// Calls return at once; the [`Ticket`] resolves when what was asked is durable.
/// Calls made one after the other by one task take effect in that order.
pub trait Store: Send + Sync + 'static {
    /// Takes a message, or says why not.
    fn accept(&self, new: NewMessage) -> Ticket<Acceptance>;

    /// What [`Store::accept`] would answer instead of taking this message; `None`: it would take
    /// it. Nothing is recorded.
    fn objection(&self, new: NewMessage) -> Ticket<Option<Acceptance>>;

    /// Up to `room` segments' worth of due messages, oldest first; at least one message
    /// even if it has more segments than room. Waits until something is due, or until
    /// [`Store::withdraw_leases`].
    fn lease(&self, gateway: GatewayId, room: usize) -> Ticket<Vec<Lease>>;

    /// Answers every lease of the gateway that still waits, with nothing. Whoever stops
    /// working calls it and then takes its answer: only so is it known what was leased.
    fn withdraw_leases(&self, gateway: GatewayId);

    /// Leased segments that were not written: due again at once.
    fn release(&self, segments: Vec<(MessageId, Vec<u8>)>);

    /// What became of leased segments. Not waited for: the order of calls protects it.
    fn responded(&self, responses: Vec<Response>);

    /// Gives messages that wait for a gateway that is down to another one that is up, as far as
    /// their routes allow; refusals choose among those that are up from then on. Returns how
    /// many were moved, and moves no more than some thousand at once: then it may be asked again.
    fn reroute(&self, standings: Standings) -> Ticket<usize>;

    /// Decides the gateway's messages that are in flight although nobody sends them: since
    /// the bridge last stopped, or a task of it failed. To be called before the first
    /// lease. Returns how many there were.
    fn resolve_in_doubt(&self, gateway: GatewayId, policy: OnUnknown) -> Ticket<usize>;

    /// Receipts and MO messages, in the order of arrival; one finding each.
    fn inbound(&self, inbound: Vec<Inbound>) -> Ticket<Vec<Finding>>;

    /// Up to `most` due callbacks. Waits until one is due.
    fn lease_callbacks(&self, most: usize) -> Ticket<Vec<CallbackLease>>;

    /// What became of leased callbacks.
    fn callbacks_done(&self, outcomes: Vec<(CallbackId, CallbackOutcome)>);

    /// Queues the dead callbacks of this message again, however long ago it ended; false: it has
    /// none.
    fn redeliver(&self, message: MessageId) -> Ticket<bool>;

    /// Withdraws a message that is not submitted yet; false: too late, or unknown.
    fn cancel(&self, message: MessageId) -> Ticket<bool>;

    /// Creates (id 0) or replaces a gateway's record.
    fn put_gateway(&self, gateway: Gateway) -> Ticket<Gateway>;

    /// The gateways as they are, and each change.
    fn gateways(&self) -> watch::Receiver<Gateways>;

    /// A gateway, deleted or not.
    fn any_gateway(&self, id: GatewayId) -> Ticket<Option<Gateway>>;

    /// Creates or replaces a use case's record.
    fn put_use_case(&self, use_case: UseCase) -> Ticket<UseCase>;

    /// The use cases as they are, deleted ones included, and each change.
    fn use_cases(&self) -> watch::Receiver<UseCases>;

    /// Puts a number among those that want nothing of a use case, or takes it from them.
    fn set_opt_out(&self, use_case: u128, number: u64, out: bool) -> Ticket<()>;

    /// The numbers that want nothing of a use case, ascending.
    fn opt_outs(&self, use_case: u128) -> Ticket<Vec<u64>>;

    /// All gateways that are deleted: reports for their open messages may still come.
    fn deleted_gateways(&self) -> Ticket<Vec<Gateway>>;

    /// What is known of an idempotency key, without taking it.
    fn key(&self, key: IdempotencyKey) -> Ticket<KeyState>;

    /// Keeps the response for repeats of the key.
    fn answer_key(&self, key: IdempotencyKey, status: u16, body: String) -> Ticket<()>;

    /// The entries of one subject, oldest first; empty: unknown.
    fn entries(&self, subject: MessageId) -> Ticket<Vec<Entry>>;

    /// A page of the messages that match, newest first. It looks through a bounded part of the
    /// log: whoever wants all follows its cursor to the end.
    fn list(&self, filter: Filter) -> Ticket<Listing>;

    fn counts(&self, gateway: GatewayId) -> Ticket<Counts>;

    /// Receipts that match no message, newest first, of those older than this one.
    fn orphans_before(&self, before: OrphanId, most: usize) -> Ticket<Vec<OrphanView>>;

    /// The newest of them.
    fn orphans(&self, most: usize) -> Ticket<Vec<OrphanView>> {
        self.orphans_before(OrphanId(u64::MAX), most)
    }

    /// Messages that may have been sent twice, or whose outcome is unknown: those in memory.
    fn in_doubt(&self, most: usize) -> Ticket<Vec<InDoubt>>;

    /// The log itself, in its order: up to `frames` frames from `from` on, as lines of JSON.
    fn log_page(&self, from: u64, frames: u64) -> Ticket<LogPage>;

    /// Whether the log can be written.
    fn health(&self) -> watch::Receiver<Health>;

    /// Writes what is queued and ends; later calls fail with [`StoreError::Closed`].
    fn close(&self) -> Ticket<()>;
}

/// Whether the log takes new messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Open,
    /// Little disk space is left: no new messages, but everything open goes on.
    Full {
        free_octets: u64,
    },
    /// A write failed; the log is opened anew every second until it works.
    Failing {
        reason: String,
        since: Timestamp,
    },
}

/// Why nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The disk refused. What was asked may or may not be in the log.
    Io(String),
    /// Too little space is left on the disk to accept more.
    Full,
    /// More is queued for the writer than it may hold.
    Busy,
    /// The bridge is stopping.
    Closed,
    /// What the log holds cannot be read.
    Corrupt(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Io(e) => write!(f, "the log's disk refused: {e}"),
            StoreError::Full => f.write_str("the disk has too little space left for the log"),
            StoreError::Busy => f.write_str("the log has more to write than it may hold"),
            StoreError::Closed => f.write_str("the log is closed"),
            StoreError::Corrupt(e) => write!(f, "the log cannot be read: {e}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// The answer of the store to come.
#[derive(Debug)]
#[must_use = "nothing is known to be durable until the ticket resolves"]
pub struct Ticket<T>(Inner<T>);

#[derive(Debug)]
enum Inner<T> {
    Waiting(oneshot::Receiver<Result<T, StoreError>>),
    Failed(Option<StoreError>),
}

impl<T> Ticket<T> {
    /// A ticket, and the place where its answer goes.
    pub fn new() -> (oneshot::Sender<Result<T, StoreError>>, Ticket<T>) {
        let (answer, waiting) = oneshot::channel();
        (answer, Ticket(Inner::Waiting(waiting)))
    }

    pub fn failed(error: StoreError) -> Ticket<T> {
        Ticket(Inner::Failed(Some(error)))
    }
}

impl<T: Unpin> Future for Ticket<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Waiting(waiting) => Pin::new(waiting)
                .poll(cx)
                .map(|got| got.unwrap_or(Err(StoreError::Closed))),
            Inner::Failed(error) => Poll::Ready(Err(error.take().unwrap_or(StoreError::Closed))),
        }
    }
}
