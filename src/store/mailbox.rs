//! What callers ask of the writer, on its way there.

use super::StoreError;
use super::intent::{
    Acceptance, CallbackLease, CallbackOutcome, Counts, Filter, Finding, IdempotencyKey, InDoubt,
    Inbound, KeyState, Lease, Listing, OrphanView, Prepared, Response, Standings,
};
use crate::message::{
    CallbackId, Entry, Gateway, GatewayId, MessageId, OnUnknown, OrphanId, Snapshot, UseCase,
};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One call of [`super::Store`], on its way to the writer.
pub(super) enum Request {
    Accept(Box<Prepared>, Answer<Acceptance>),
    Objection(Box<Prepared>, Answer<Option<Acceptance>>),
    Lease(GatewayId, usize, Answer<Vec<Lease>>),
    WithdrawLeases(GatewayId),
    Release(Vec<(MessageId, Vec<u8>)>),
    Responded(Vec<Response>),
    Reroute(Standings, Answer<usize>),
    ResolveInDoubt(GatewayId, OnUnknown, Answer<usize>),
    Inbound(Vec<Inbound>, Answer<Vec<Finding>>),
    LeaseCallbacks(usize, Answer<Vec<CallbackLease>>),
    CallbacksDone(Vec<(CallbackId, CallbackOutcome)>),
    ReturnCallbacks(Vec<CallbackId>),
    Redeliver(MessageId, Answer<bool>),
    Cancel(MessageId, Answer<bool>),
    PutGateway(Box<Gateway>, Answer<Gateway>),
    AnyGateway(GatewayId, Answer<Option<Gateway>>),
    PutUseCase(Box<UseCase>, Answer<UseCase>),
    SetOptOut(u128, u64, bool, Answer<()>),
    OptOuts(u128, Answer<Vec<u64>>),
    DeletedGateways(Answer<Vec<Gateway>>),
    Key(IdempotencyKey, Answer<KeyState>),
    AnswerKey(IdempotencyKey, u16, String, Answer<()>),
    Entries(MessageId, Answer<Vec<Entry>>),
    List(Box<Filter>, Answer<Listing>),
    /// Where the messages of these that are in memory have their last entries.
    LastFrames(Vec<MessageId>, std::sync::mpsc::Sender<Vec<Option<u64>>>),
    /// What the log tells of a message that is to be called back again.
    Recalled(MessageId, u64, Box<Snapshot>, Answer<bool>),
    Counts(GatewayId, Answer<Counts>),
    Orphans(OrphanId, usize, Answer<Vec<OrphanView>>),
    InDoubt(usize, Answer<Vec<InDoubt>>),
    LogPage(u64, u64, Answer<super::LogPage>),
    Close(Answer<()>),
}

/// Requests waiting for the writer, at most; beyond it callers are told to come again.
pub(super) const MAILBOX_MAX: usize = 100_000;
/// A batch of so much weight is a crowd, and the next one waits for as much.
const CROWD_MIN: usize = 8;
/// And no longer than this: about what a commit takes.
const GATHER: Duration = Duration::from_micros(300);

/// The callers' side of the writer.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Request {
    /// Of how many messages it speaks. What a bind says at once is as much of a crowd as what
    /// so many clients say one by one. Of callbacks that ended nobody waits for the news, and
    /// they come in no step with the rest.
    fn weight(&self) -> usize {
        let messages = match self {
            Request::Responded(responses) => responses.len(),
            Request::Inbound(inbound, _) => inbound.len(),
            _ => 1,
        };
        messages.max(1)
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    /// Of all of them.
    weight: usize,
    /// The writer wants to wake for so much.
    wanted: usize,
    closed: bool,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
    }
}

/// What was queued, and of how many messages it speaks.
pub(super) struct Taken {
    pub(super) requests: VecDeque<Request>,
    pub(super) weight: usize,
}

impl Waiting {
    fn take(&mut self) -> Taken {
        Taken {
            requests: std::mem::take(&mut self.requests),
            weight: std::mem::take(&mut self.weight),
        }
    }
}

impl Mailbox {
    /// Queues a request. `Err` gives it back with the reason.
    pub(super) fn push(&self, request: Request) -> Result<(), (Request, StoreError)> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err((request, StoreError::Closed));
        }
        // What is fire and forget is bounded by what was leased.
        let refusable = matches!(
            request,
            Request::Accept(..) | Request::Objection(..) | Request::Inbound(..)
        );
        if refusable && waiting.requests.len() >= MAILBOX_MAX {
            return Err((request, StoreError::Busy));
        }
        let before = waiting.weight;
        waiting.weight += request.weight();
        waiting.requests.push_back(request);
        let wanted = waiting.wanted.max(1);
        let is_enough = before < wanted && waiting.weight >= wanted;
        drop(waiting);
        if is_enough {
            self.filled.notify_one();
        }
        Ok(())
    }

    pub(super) fn close(&self) -> VecDeque<Request> {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.take().requests
    }

    /// Everything that is queued; waits for at most `patience` when nothing is.
    ///
    /// Where the last batch had the weight of a `crowd`, the next one most likely has it too: from
    /// its first request on it is given a moment to gather, since each commit costs as much as
    /// several requests. Who comes alone never waits for others.
    pub(super) fn take(&self, patience: Duration, crowd: usize) -> Taken {
        let mut waiting = self.lock();
        if waiting.requests.is_empty() && !patience.is_zero() {
            waiting = self
                .filled
                .wait_timeout_while(waiting, patience, |w| w.requests.is_empty())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let is_crowd = crowd >= CROWD_MIN && !waiting.requests.is_empty();
        if is_crowd && waiting.weight < crowd && !patience.is_zero() {
            waiting.wanted = crowd;
            waiting = self
                .filled
                .wait_timeout_while(waiting, GATHER, |w| w.weight < crowd)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            waiting.wanted = 0;
        }
        waiting.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the caller why its request is not done.
pub(super) fn refuse(request: Request, why: &StoreError) {
    fn no<T>(to: Answer<T>, why: &StoreError) {
        let _ = to.send(Err(why.clone()));
    }
    match request {
        Request::Accept(_, to) => no(to, why),
        Request::Objection(_, to) => no(to, why),
        Request::Lease(_, _, to) => no(to, why),
        Request::Reroute(_, to) | Request::ResolveInDoubt(_, _, to) => no(to, why),
        Request::Inbound(_, to) => no(to, why),
        Request::LeaseCallbacks(_, to) => no(to, why),
        Request::Redeliver(_, to) | Request::Cancel(_, to) | Request::Recalled(.., to) => {
            no(to, why);
        }
        Request::PutGateway(_, to) => no(to, why),
        Request::AnyGateway(_, to) => no(to, why),
        Request::PutUseCase(_, to) => no(to, why),
        Request::SetOptOut(.., to) => no(to, why),
        Request::OptOuts(_, to) => no(to, why),
        Request::DeletedGateways(to) => no(to, why),
        Request::Key(_, to) => no(to, why),
        Request::AnswerKey(_, _, _, to) => no(to, why),
        Request::Entries(_, to) => no(to, why),
        Request::List(_, to) => no(to, why),
        Request::Counts(_, to) => no(to, why),
        Request::Orphans(.., to) => no(to, why),
        Request::InDoubt(_, to) => no(to, why),
        Request::LogPage(_, _, to) => no(to, why),
        Request::Close(to) => no(to, why),
        // The reader goes without; what the log then says of these messages is decided when it is read again.
        Request::LastFrames(..)
        | Request::WithdrawLeases(_)
        | Request::Release(_)
        | Request::Responded(_)
        | Request::CallbacksDone(_)
        | Request::ReturnCallbacks(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;
    use crate::store::intent::Outcome;

    fn responses(count: u64) -> Request {
        let responded = |n| Response {
            message: MessageId(n),
            segment: 1,
            outcome: Outcome::Submitted {
                upstream_id: None,
                answer: None,
            },
        };
        Request::Responded((0..count).map(responded).collect())
    }

    #[test]
    fn a_batch_weighs_as_much_as_the_messages_it_speaks_of() {
        let mailbox = Mailbox::default();
        let taken = || {
            let taken = mailbox.take(Duration::ZERO, 0);
            (taken.requests.len(), taken.weight)
        };
        for request in [
            responses(30),
            responses(0),
            Request::WithdrawLeases(GatewayId(1)),
        ] {
            assert!(mailbox.push(request).is_ok());
        }
        assert_eq!(taken(), (3, 32));
        assert_eq!(taken(), (0, 0));
    }
}
