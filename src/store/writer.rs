//! The writer thread: gathers what callers ask while the last batch syncs, lets the
//! ledger decide, makes the entries durable, and only then answers.
//!
//! Nobody else writes. A lone request is committed at once; under load batches form by
//! themselves, and one that follows a crowd waits a moment for the next (`mailbox`).

use super::checkpoint::Checkpoints;
use super::journal::Journal;
use super::ledger::{Invariant, Ledger, Reply};
use super::mailbox::{Answer, Mailbox, Request, refuse};
use super::reader::Read;
use super::watchdog::Watchdog;
use super::{Gateways, Health, StoreError, UseCases};
use crate::message::{MessageId, Timestamp};
use crate::metrics::{StoreMetrics, label};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// Entries of one commit are cut off here, so that a commit stays within milliseconds.
const BATCH_OCTETS: usize = 128 * 1024;
/// A failing log is opened anew this often.
const REOPEN_EVERY: Duration = Duration::from_secs(1);
/// Figures are published, and the disk is looked at, this often.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A checkpoint that waits for the disk is looked after this often.
const HELD_UP: Duration = Duration::from_millis(5);
/// Leased segments whose lease nobody got.
type Unsent = Vec<(MessageId, Vec<u8>)>;

/// Opens the log and reads it into a ledger.
pub(super) type Open<J> = Box<dyn FnMut() -> Result<Opened<J>, StoreError> + Send>;

/// A log that was opened and read.
pub(super) struct Opened<J> {
    pub(super) journal: J,
    pub(super) ledger: Ledger,
    pub(super) checkpoints: Checkpoints,
}

pub(super) struct Writer<J: Journal> {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) open: Open<J>,
    pub(super) journal: J,
    pub(super) ledger: Ledger,
    pub(super) checkpoints: Checkpoints,
    pub(super) reads: std::sync::mpsc::Sender<Read>,
    pub(super) gateways: watch::Sender<Gateways>,
    pub(super) use_cases: watch::Sender<UseCases>,
    pub(super) health: watch::Sender<Health>,
    pub(super) metrics: Arc<StoreMetrics>,
    pub(super) watchdog: Arc<Watchdog>,
    /// Where answers are given, many with one wake-up; without it the writer gives them.
    pub(super) runtime: Option<tokio::runtime::Handle>,
}

enum Flow {
    On,
    Closed(Answer<()>),
}

impl<J: Journal> Writer<J> {
    /// Runs until closed.
    pub(super) fn run(mut self) {
        // What reading the log has found is told at once.
        self.look_around();
        let mut looked_at = Instant::now();
        // The weight of the last batch.
        let mut crowd = 0;
        let mut queue = VecDeque::new();
        loop {
            let patience = if queue.is_empty() {
                self.patience()
            } else {
                Duration::ZERO
            };
            let taken = self.mailbox.take(patience, crowd);
            crowd = taken.weight;
            queue.extend(taken.requests);
            self.ledger.begin(now());
            let mut flow = Flow::On;
            while let Some(request) = queue.pop_front() {
                if let Request::Close(answer) = request {
                    flow = Flow::Closed(answer);
                    break;
                }
                self.handle(request);
                if self.ledger.pending_octets() >= BATCH_OCTETS {
                    break;
                }
            }
            self.ledger.carry_if_due();
            let carried_from = self.ledger.carry_some();
            self.ledger.finish();
            let outcome = self.commit();
            if let Err((reason, unsent)) = outcome {
                if let Flow::Closed(answer) = flow {
                    // Nobody would ask again for the end.
                    self.end(answer, Err(reason), queue);
                    return;
                }
                self.recover(&reason, &unsent, &mut queue);
            } else if let Some(from) = carried_from
                && let Err(e) = self.journal.retire(from)
            {
                warn!(error = %e, "an old slice could not be removed");
            }
            if let Flow::Closed(answer) = flow {
                self.end(answer, Ok(()), queue);
                return;
            }
            self.rotate_if_due();
            self.checkpoints.go_on(&self.ledger, &mut self.journal);
            if looked_at.elapsed() >= LOOK_EVERY {
                looked_at = Instant::now();
                self.look_around();
            }
        }
    }

    fn patience(&self) -> Duration {
        if self.ledger.is_carrying() {
            return Duration::ZERO;
        }
        if self.checkpoints.is_making() {
            let held_up = self.checkpoints.is_held_up();
            return if held_up { HELD_UP } else { Duration::ZERO };
        }
        match self.ledger.next_deadline() {
            Some(at) => at.since(now()).min(LOOK_EVERY),
            None => LOOK_EVERY,
        }
    }

    fn handle(&mut self, request: Request) {
        let l = &mut self.ledger;
        match request {
            Request::Accept(new, to) => {
                if matches!(*self.health.borrow(), Health::Full { .. }) {
                    let _ = to.send(Err(StoreError::Full));
                    return;
                }
                let acceptance = l.accept(*new);
                l.reply_acceptance(to, acceptance);
            }
            Request::Objection(new, to) => {
                if matches!(*self.health.borrow(), Health::Full { .. }) {
                    let _ = to.send(Err(StoreError::Full));
                    return;
                }
                let objection = l.objection(&new);
                l.reply(to, objection);
            }
            Request::Lease(gateway, room, to) => l.lease(gateway, room, to),
            Request::WithdrawLeases(gateway) => l.withdraw_leases(gateway),
            Request::Release(segments) => l.release(segments),
            Request::Responded(responses) => l.responded(responses),
            Request::Reroute(standings, to) => {
                let moved = l.reroute(standings);
                l.reply(to, moved);
            }
            Request::ResolveInDoubt(gateway, policy, to) => {
                let n = l.resolve_in_doubt(gateway, policy);
                l.reply(to, n);
            }
            Request::Inbound(inbound, to) => {
                if matches!(*self.health.borrow(), Health::Full { .. }) {
                    let _ = to.send(Err(StoreError::Full));
                    return;
                }
                let findings = l.inbound(inbound);
                l.reply(to, findings);
            }
            Request::LeaseCallbacks(most, to) => l.lease_callbacks(most, to),
            Request::CallbacksDone(outcomes) => l.callbacks_done(outcomes),
            Request::ReturnCallbacks(ids) => l.return_callbacks(ids.into_iter()),
            Request::Redeliver(id, to) => match l.last_frame_of(id) {
                Some(_) => {
                    let found = l.redeliver(id);
                    l.reply(to, found);
                }
                None => self.read_later(Read::Recall { subject: id, to }),
            },
            Request::Recalled(id, last_frame, snapshot, to) => {
                l.recall(id, last_frame, *snapshot);
                let found = l.redeliver(id);
                l.reply(to, found);
            }
            Request::LastFrames(ids, to) => {
                let known: Vec<_> = ids.into_iter().map(|id| l.last_frame_of(id)).collect();
                // What they name is there to be read then.
                l.after_commit(move || drop(to.send(known)));
            }
            Request::Cancel(id, to) => {
                let done = l.cancel(id);
                l.reply(to, done);
            }
            Request::PutGateway(gateway, to) => {
                let gateway = l.put_gateway(*gateway);
                l.reply(to, gateway);
            }
            Request::AnyGateway(id, to) => {
                let found = l.gateway(id).cloned();
                l.reply(to, found);
            }
            Request::PutUseCase(use_case, to) => {
                let use_case = l.put_use_case(*use_case);
                l.reply(to, use_case);
            }
            Request::SetOptOut(use_case, number, out, to) => {
                l.set_opt_out(use_case, number, out);
                l.reply(to, ());
            }
            Request::OptOuts(use_case, to) => {
                let numbers = l.opt_outs(use_case);
                l.reply(to, numbers);
            }
            Request::DeletedGateways(to) => {
                let found = l.deleted_gateways();
                l.reply(to, found);
            }
            Request::Key(key, to) => {
                let state = l.key(key);
                l.reply(to, state);
            }
            Request::AnswerKey(key, status, body, to) => {
                l.answer_key(key, status, body);
                l.reply(to, ());
            }
            Request::Entries(id, to) => {
                let last_frame = l.last_frame_of(id);
                self.read_later(Read::Entries {
                    subject: id,
                    last_frame,
                    to,
                });
            }
            Request::List(filter, to) => self.read_later(Read::List { filter, to }),
            Request::Counts(gateway, to) => {
                let counts = l.counts(gateway);
                l.reply(to, counts);
            }
            Request::Orphans(before, most, to) => {
                let views = l.orphan_views(before, most);
                l.reply(to, views);
            }
            Request::InDoubt(most, to) => {
                let views = l.in_doubt(most);
                l.reply(to, views);
            }
            Request::LogPage(from, frames, to) => self.read_later(Read::Page { from, frames, to }),
            Request::Close(_) => debug_assert!(false, "the loop ends on it"),
        }
    }

    /// Hands a read to the reader once this batch is durable.
    fn read_later(&mut self, read: Read) {
        let reads = self.reads.clone();
        self.ledger.after_commit(move || {
            // The reader ends only with the writer.
            let _ = reads.send(read);
        });
    }

    /// Makes the batch durable, then answers. `Err`: why not, and the leases nobody got.
    fn commit(&mut self) -> Result<(), (StoreError, Unsent)> {
        let began = Instant::now();
        let wrote = !self.ledger.is_clean();
        let result = if wrote {
            let octets = self.ledger.pending_octets();
            let frames = self.ledger.take_frames();
            let grown: usize = frames.iter().map(|f| f.octets.len()).sum();
            self.checkpoints.note(grown as u64);
            self.watchdog.begin();
            let result = self.journal.append(frames);
            self.watchdog.end();
            self.metrics.commit_octets.inc_by(octets as u64);
            self.metrics
                .commit_seconds
                .observe(began.elapsed().as_secs_f64());
            result
        } else {
            Ok(())
        };
        if result.is_ok()
            && let Some(gateways) = self.ledger.take_gateways()
        {
            self.gateways.send_replace(gateways);
        }
        if result.is_ok()
            && let Some(use_cases) = self.ledger.take_use_cases()
        {
            self.use_cases.send_replace(use_cases);
        }
        let replies = self.ledger.take_replies();
        if let Err(e) = result {
            // Whoever hears of the failure finds the log unhealthy.
            let (reason, since) = (e.to_string(), now());
            self.health.send_replace(Health::Failing { reason, since });
            return Err((e.clone(), answer(replies, &Err(e), &self.mailbox)));
        }
        match &self.runtime {
            // From inside the runtime the askers wake cheaply; from here each is a journey.
            Some(runtime) if replies.len() > 1 => {
                let mailbox = self.mailbox.clone();
                runtime.spawn(async move { answer(replies, &Ok(()), &mailbox) });
            }
            _ => {
                answer(replies, &Ok(()), &self.mailbox);
            }
        }
        let finished = self.ledger.take_to_index();
        if !finished.is_empty()
            && let Err(e) = self.journal.index(&finished)
        {
            warn!(error = %e, "the index of finished messages could not be written");
        }
        Ok(())
    }

    /// After a failed write nothing in memory is to be trusted: reads the log anew, and
    /// tells everybody no until that works.
    fn recover(
        &mut self,
        reason: &StoreError,
        unsent: &[(MessageId, Vec<u8>)],
        queue: &mut VecDeque<Request>,
    ) {
        error!(error = %reason, "the log failed; nothing is accepted until it works again");
        self.metrics.failures.inc();
        self.checkpoints.give_up();
        self.journal.close();
        let mut kept = Vec::new();
        loop {
            let mut closing = None;
            let taken = self.mailbox.take(REOPEN_EVERY, 0);
            for request in queue.drain(..).chain(taken.requests) {
                match request {
                    Request::Close(answer) => closing = Some(answer),
                    // Nobody would say it again.
                    Request::Responded(_) | Request::Release(_) | Request::CallbacksDone(_) => {
                        kept.push(request);
                    }
                    other => refuse(other, reason),
                }
            }
            if let Some(answer) = closing {
                queue.push_back(Request::Close(answer));
                return;
            }
            match (self.open)() {
                Ok(opened) => {
                    self.journal = opened.journal;
                    self.checkpoints = opened.checkpoints;
                    let mut failed = std::mem::replace(&mut self.ledger, opened.ledger);
                    self.ledger.begin(now());
                    self.ledger.release(unsent.to_vec());
                    self.ledger.take_ways_of(&mut failed);
                    self.ledger.take_answers_of(&failed);
                    kept.drain(..).for_each(|request| self.handle(request));
                    self.ledger.finish();
                    if let Err((e, _)) = self.commit() {
                        warn!(error = %e, "the log opened, but still cannot be written");
                        continue;
                    }
                    let _ = self.reads.send(Read::Source(self.journal.source()));
                    self.health.send_replace(Health::Open);
                    info!("the log works again");
                    return;
                }
                Err(e) => warn!(error = %e, "the log cannot be opened yet"),
            }
        }
    }

    fn rotate_if_due(&mut self) {
        if self.journal.is_slice_full()
            && let Err(e) = self.journal.begin_slice()
        {
            warn!(error = %e, "no new slice could be begun; the present one goes on");
        }
    }

    fn look_around(&mut self) {
        self.metrics.publish(&self.ledger.figures());
        let (counts, violations) = self.ledger.take_violations();
        for (invariant, count) in Invariant::ALL.iter().zip(counts) {
            let name = [invariant.name()];
            let counter = self.metrics.invariant_violations.with_label_values(&name);
            counter.inc_by(count);
        }
        for ((from, to, why), count) in self.ledger.take_moves() {
            let labels = [label(from), label(to), why.name().to_owned()];
            let labels = labels.each_ref().map(String::as_str);
            self.metrics
                .reroutes
                .with_label_values(&labels)
                .inc_by(count);
        }
        for violation in violations {
            let invariant = violation.invariant.name();
            error!(
                invariant,
                "the log is not as it must be: {}", violation.words
            );
        }
        let free = self.journal.free_octets();
        let health = self.health.borrow().clone();
        match (free, health) {
            (Some(0), Health::Open) => {
                error!("the disk is nearly full; no new messages are accepted");
                self.health.send_replace(Health::Full { free_octets: 0 });
            }
            (Some(1..), Health::Full { .. }) => {
                info!("the disk has room again");
                self.health.send_replace(Health::Open);
            }
            _ => {}
        }
    }

    fn end(&mut self, answer: Answer<()>, fate: Result<(), StoreError>, queue: VecDeque<Request>) {
        for late in queue.into_iter().chain(self.mailbox.close()) {
            refuse(late, &StoreError::Closed);
        }
        self.journal.close();
        // Whoever closes may not wait for it.
        let _ = answer.send(fate);
    }
}

/// Sends the replies. What somebody leased who is gone by now goes back; returned are the
/// messages that nobody got because the batch failed.
fn answer(replies: Vec<Reply>, fate: &Result<(), StoreError>, mailbox: &Mailbox) -> Unsent {
    let mut unsent = Vec::new();
    let mut gone = Vec::new();
    let mut callbacks = Vec::new();
    for reply in replies {
        match reply {
            Reply::Plain(tell) => tell(fate.clone()),
            // Nobody may be waiting any more; what was recorded stays recorded.
            Reply::Acceptance(to, acceptance) => drop(to.send(fate.clone().map(|()| acceptance))),
            Reply::Leases(to, leases) => match fate {
                Ok(()) => {
                    if let Err(Ok(back)) = to.send(Ok(leases)) {
                        gone.extend(back.into_iter().map(|l| (l.message, l.segments)));
                    }
                }
                Err(e) => {
                    unsent.extend(leases.into_iter().map(|l| (l.message, l.segments)));
                    // They hear of it, or are gone.
                    let _ = to.send(Err(e.clone()));
                }
            },
            Reply::Callbacks(to, leases) => {
                if let Err(Ok(back)) = to.send(fate.clone().map(|()| leases)) {
                    callbacks.extend(back.into_iter().map(|l| l.id));
                }
            }
        }
    }
    // A closed mailbox means that the log is read anew before anybody leases again.
    if !gone.is_empty() {
        let _ = mailbox.push(Request::Release(gone));
    }
    if !callbacks.is_empty() {
        let _ = mailbox.push(Request::ReturnCallbacks(callbacks));
    }
    unsent
}

/// The clock of the log.
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}
