//! The store over a journal: a handle for callers, a writer and a reader thread behind.

use super::checkpoint::{self, Checkpoints, Loading};
use super::intent::*;
use super::journal::{FrameSource, Journal};
use super::ledger::{Invariant, Ledger, Policy};
use super::mailbox::{Mailbox, Request, refuse};
use super::reader;
use super::walk::{Found, walk};
use super::watchdog::Watchdog;
use super::writer::{Opened, Writer, now};
use super::{Gateways, Health, Store, StoreError, Ticket, UseCases};
use crate::message::{
    CallbackId, Entry, Gateway, GatewayId, MessageId, OnUnknown, OrphanId, UseCase,
};
use crate::metrics::StoreMetrics;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tracing::{error, info};

/// What a store needs besides its journal.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    pub policy: Policy,
    pub metrics: Arc<StoreMetrics>,
}

/// The one implementation of [`Store`] on this machine's disk.
#[derive(Debug, Clone)]
pub struct LogStore {
    mailbox: Arc<Mailbox>,
    gateways: watch::Receiver<Gateways>,
    use_cases: watch::Receiver<UseCases>,
    health: watch::Receiver<Health>,
}

impl LogStore {
    /// Opens the log, reads its live part, and starts the threads.
    ///
    /// `open` gives the journal and the first frame to read; it is called again after
    /// a failed write.
    pub fn open<J: Journal>(
        mut open: impl FnMut() -> Result<(J, u64), StoreError> + Send + 'static,
        options: OpenOptions,
    ) -> Result<LogStore, StoreError> {
        let OpenOptions { policy, metrics } = options.clone();
        let mut open_and_read = move || {
            loop {
                let (journal, from) = open()?;
                if let Some(opened) = read_opened(journal, from, &policy, &metrics)? {
                    return Ok(opened);
                }
            }
        };
        for invariant in Invariant::ALL {
            // So that a rise from nothing can be seen.
            let name = [invariant.name()];
            options
                .metrics
                .invariant_violations
                .with_label_values(&name);
        }
        let Opened {
            journal,
            mut ledger,
            checkpoints,
        } = open_and_read()?;
        let (gateways_tx, gateways) = watch::channel(ledger.live_gateways());
        let _ = ledger.take_gateways();
        let (use_cases_tx, use_cases) = watch::channel(ledger.live_use_cases());
        let _ = ledger.take_use_cases();
        let (health_tx, health) = watch::channel(Health::Open);
        let (reads, incoming) = std::sync::mpsc::channel();
        let source = journal.source();
        let mailbox = Arc::new(Mailbox::default());
        let watchdog = Arc::new(Watchdog::new());
        let watched = Arc::downgrade(&watchdog);
        let watch_health = health_tx.clone();
        let writer = Writer {
            mailbox: mailbox.clone(),
            open: Box::new(open_and_read),
            journal,
            ledger,
            checkpoints,
            reads,
            gateways: gateways_tx,
            use_cases: use_cases_tx,
            health: health_tx,
            metrics: options.metrics,
            watchdog,
            runtime: tokio::runtime::Handle::try_current().ok(),
        };
        spawn("log-writer", move || writer.run())?;
        let (asked, policy) = (mailbox.clone(), options.policy);
        spawn("log-reader", move || {
            reader::run(&incoming, source, &asked, &policy);
        })?;
        spawn("log-watchdog", move || {
            Watchdog::run(&watched, &watch_health)
        })?;
        Ok(LogStore {
            mailbox,
            gateways,
            use_cases,
            health,
        })
    }

    /// Sends a request that carries its answer's address.
    fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Ticket<T> {
        let (to, ticket) = Ticket::new();
        if let Err((request, why)) = self.mailbox.push(request(to)) {
            refuse(request, &why);
        }
        ticket
    }

    fn tell(&self, request: Request) {
        if let Err((request, why)) = self.mailbox.push(request) {
            refuse(request, &why);
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    // A log thread that panics leaves the state unknown: ending is safe, going on is not.
    let guarded = move || {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
            error!("a thread of the log ended unexpectedly; the process stops, a restart is safe");
            std::process::abort();
        }
    };
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(guarded);
    thread
        .map(drop)
        .map_err(|e| StoreError::Io(format!("no thread for the log: {e}")))
}

/// Reads a log that has just been opened: from its checkpoint on, or from the frame that it
/// names. `None`: the checkpoint, whole as it is, was of no use, and has been removed.
fn read_opened<J: Journal>(
    mut journal: J,
    needed_from: u64,
    policy: &Policy,
    metrics: &StoreMetrics,
) -> Result<Option<Opened<J>>, StoreError> {
    let found = checkpoint::find(&journal);
    let from = found.map_or(needed_from, |found| found.from);
    if let Err(e) = journal.begin_reading(from) {
        journal.close();
        return Err(e);
    }
    if let Some(found) = found {
        let octets = found.octets;
        info!(
            octets,
            from, "a checkpoint is read, and the log from there on"
        );
    }
    let loading = found.and_then(|_| journal.checkpoint()).map(Loading::open);
    let loading = loading.transpose();
    let read = loading.and_then(|l| read_log(&*journal.source(), from, l, policy, metrics));
    let (ledger, octets) = match read {
        Ok(read) => read,
        Err(e) => {
            error!(error = %e, "the log is read without its checkpoint");
            journal.remove_checkpoint();
            journal.close();
            return Ok(None);
        }
    };
    journal.end_reading();
    let mut checkpoints = Checkpoints::new(policy.checkpoint_octets_min, found);
    checkpoints.note(octets);
    Ok(Some(Opened {
        journal,
        ledger,
        checkpoints,
    }))
}

/// Rebuilds the live state from a checkpoint and the frames behind it, or from frames alone;
/// says how many octets these had. `Err`: the checkpoint cannot be used.
fn read_log(
    source: &dyn FrameSource,
    from: u64,
    mut loading: Option<Loading>,
    policy: &Policy,
    metrics: &StoreMetrics,
) -> Result<(Ledger, u64), StoreError> {
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let mut ledger = Ledger::new(policy.clone(), highest + 1);
    let mut failed = Ok(());
    let mut read = 0u64;
    let entries = Cell::new(0u64);
    // Octets of frames that the ledger has not been told of.
    let unnoted = Cell::new(0);
    let mut damaged = 0u64;
    let mut progress = Progress::new(from.max(lowest), highest);
    let each = |found: Found<'_>| match found {
        Found::Entry { frame, entry } => {
            entries.set(entries.get() + 1);
            if unnoted.get() > 0 {
                ledger.note_read(unnoted.take());
            }
            if let Some(loading) = &mut loading
                && failed.is_ok()
            {
                // Items as of the frames before, which have all been read.
                failed = loading.up_to(frame - 1, &mut ledger);
            }
            ledger.begin(entry.at);
            ledger.apply(frame, entry);
        }
        Found::Damage { first, last, error } => {
            damaged += last - first + 1;
            ledger.note_damage(format!(
                "frames {first} to {last}: {error}; what they held is missing"
            ));
        }
    };
    walk(source, from, each, |frame, octets| {
        unnoted.set(unnoted.get() + octets);
        read += octets as u64;
        progress.at(frame, entries.get(), metrics);
    });
    failed?;
    if let Some(loading) = loading {
        loading.end(&mut ledger)?;
    }
    if damaged > 0 {
        error!(
            damaged,
            "the log goes on without its damaged frames; stop the bridge and run `smpp-bridge verify` to see whose they were"
        );
    }
    ledger.note_read(unnoted.take());
    ledger.begin(now());
    ledger.doubt_what_was_in_flight();
    ledger.return_leased_callbacks();
    ledger.trim_to_index();
    progress.publish(highest, metrics);
    info!(
        entries = entries.get(),
        damaged,
        frames = progress.frames(),
        milliseconds = progress.began.elapsed().as_millis(),
        "the log is read"
    );
    Ok((ledger, read))
}

/// How far the log is read: a line and two gauges a second.
struct Progress {
    first: u64,
    last: u64,
    began: Instant,
    told_at: Instant,
}

/// Whoever waits for a long start hears of it this often.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Progress {
    fn new(first: u64, last: u64) -> Progress {
        let now = Instant::now();
        Progress {
            first,
            last,
            began: now,
            told_at: now,
        }
    }

    fn frames(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Comes to this frame.
    fn at(&mut self, frame: u64, entries: u64, metrics: &StoreMetrics) {
        if self.told_at.elapsed() < TELL_EVERY {
            return;
        }
        self.told_at = Instant::now();
        self.publish(frame, metrics);
        let done = frame - self.first;
        info!(entries, done, of = self.frames(), "the log is being read");
    }

    fn publish(&self, frame: u64, metrics: &StoreMetrics) {
        let done = (frame + 1).saturating_sub(self.first);
        let left = i64::try_from(self.frames() - done.min(self.frames()));
        metrics.recovery_frames_left.set(left.unwrap_or(i64::MAX));
        let all = i64::try_from(self.frames());
        metrics.recovery_frames.set(all.unwrap_or(i64::MAX));
        let took = i64::try_from(self.began.elapsed().as_millis());
        metrics.recovery_milliseconds.set(took.unwrap_or(i64::MAX));
    }
}

impl Store for LogStore {
    fn accept(&self, new: NewMessage) -> Ticket<Acceptance> {
        let prepared = Box::new(Prepared::from(new));
        self.ask(|to| Request::Accept(prepared, to))
    }

    fn objection(&self, new: NewMessage) -> Ticket<Option<Acceptance>> {
        let prepared = Box::new(Prepared::from(new));
        self.ask(|to| Request::Objection(prepared, to))
    }

    fn lease(&self, gateway: GatewayId, room: usize) -> Ticket<Vec<Lease>> {
        self.ask(|to| Request::Lease(gateway, room, to))
    }

    fn withdraw_leases(&self, gateway: GatewayId) {
        self.tell(Request::WithdrawLeases(gateway));
    }

    fn release(&self, segments: Vec<(MessageId, Vec<u8>)>) {
        self.tell(Request::Release(segments));
    }

    fn responded(&self, responses: Vec<Response>) {
        self.tell(Request::Responded(responses));
    }

    fn reroute(&self, standings: Standings) -> Ticket<usize> {
        self.ask(|to| Request::Reroute(standings, to))
    }

    fn resolve_in_doubt(&self, gateway: GatewayId, policy: OnUnknown) -> Ticket<usize> {
        self.ask(|to| Request::ResolveInDoubt(gateway, policy, to))
    }

    fn inbound(&self, inbound: Vec<Inbound>) -> Ticket<Vec<Finding>> {
        self.ask(|to| Request::Inbound(inbound, to))
    }

    fn lease_callbacks(&self, most: usize) -> Ticket<Vec<CallbackLease>> {
        self.ask(|to| Request::LeaseCallbacks(most, to))
    }

    fn callbacks_done(&self, outcomes: Vec<(CallbackId, CallbackOutcome)>) {
        self.tell(Request::CallbacksDone(outcomes));
    }

    fn redeliver(&self, message: MessageId) -> Ticket<bool> {
        self.ask(|to| Request::Redeliver(message, to))
    }

    fn cancel(&self, message: MessageId) -> Ticket<bool> {
        self.ask(|to| Request::Cancel(message, to))
    }

    fn put_gateway(&self, gateway: Gateway) -> Ticket<Gateway> {
        self.ask(|to| Request::PutGateway(Box::new(gateway), to))
    }

    fn gateways(&self) -> watch::Receiver<Gateways> {
        self.gateways.clone()
    }

    fn any_gateway(&self, id: GatewayId) -> Ticket<Option<Gateway>> {
        self.ask(|to| Request::AnyGateway(id, to))
    }

    fn put_use_case(&self, use_case: UseCase) -> Ticket<UseCase> {
        self.ask(|to| Request::PutUseCase(Box::new(use_case), to))
    }

    fn use_cases(&self) -> watch::Receiver<UseCases> {
        self.use_cases.clone()
    }

    fn set_opt_out(&self, use_case: u128, number: u64, out: bool) -> Ticket<()> {
        self.ask(|to| Request::SetOptOut(use_case, number, out, to))
    }

    fn opt_outs(&self, use_case: u128) -> Ticket<Vec<u64>> {
        self.ask(|to| Request::OptOuts(use_case, to))
    }

    fn deleted_gateways(&self) -> Ticket<Vec<Gateway>> {
        self.ask(Request::DeletedGateways)
    }

    fn key(&self, key: IdempotencyKey) -> Ticket<KeyState> {
        self.ask(|to| Request::Key(key, to))
    }

    fn answer_key(&self, key: IdempotencyKey, status: u16, body: String) -> Ticket<()> {
        self.ask(|to| Request::AnswerKey(key, status, body, to))
    }

    fn entries(&self, subject: MessageId) -> Ticket<Vec<Entry>> {
        self.ask(|to| Request::Entries(subject, to))
    }

    fn list(&self, filter: Filter) -> Ticket<Listing> {
        self.ask(|to| Request::List(Box::new(filter), to))
    }

    fn counts(&self, gateway: GatewayId) -> Ticket<Counts> {
        self.ask(|to| Request::Counts(gateway, to))
    }

    fn orphans_before(&self, before: OrphanId, most: usize) -> Ticket<Vec<OrphanView>> {
        self.ask(|to| Request::Orphans(before, most, to))
    }

    fn in_doubt(&self, most: usize) -> Ticket<Vec<InDoubt>> {
        self.ask(|to| Request::InDoubt(most, to))
    }

    fn log_page(&self, from: u64, frames: u64) -> Ticket<super::LogPage> {
        self.ask(|to| Request::LogPage(from, frames, to))
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    fn close(&self) -> Ticket<()> {
        self.ask(Request::Close)
    }
}
