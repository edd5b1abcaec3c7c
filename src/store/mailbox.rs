//! What callers ask of the writer, on its way there.

use super::StoreError;
use super::intent::{
    Acceptance, CallbackLease, CallbackOutcome, Counts, Filter, Finding, IdempotencyKey, InDoubt,
    Inbound, KeyState, Lease, OrphanView, Prepared, Response,
};
use crate::message::{CallbackId, Entry, Gateway, GatewayId, MessageId, OnUnknown, Story, UseCase};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One call of [`super::Store`], on its way to the writer.
pub(super) enum Request {
    Accept(Box<Prepared>, Answer<Acceptance>),
    Lease(GatewayId, usize, Answer<Vec<Lease>>),
    WithdrawLeases(GatewayId),
    Release(Vec<(MessageId, Vec<u8>)>),
    Responded(Vec<Response>),
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
    List(Box<Filter>, Answer<Vec<Story>>),
    Counts(GatewayId, Answer<Counts>),
    Orphans(usize, Answer<Vec<OrphanView>>),
    InDoubt(usize, Answer<Vec<InDoubt>>),
    LogPage(u64, u64, Answer<super::LogPage>),
    Close(Answer<()>),
}

/// Requests waiting for the writer, at most; beyond it callers are told to come again.
pub(super) const MAILBOX_MAX: usize = 100_000;
/// The callers' side of the writer.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    closed: bool,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("requests", &self.requests.len())
            .finish_non_exhaustive()
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
        let refusable = matches!(request, Request::Accept(..) | Request::Inbound(..));
        if refusable && waiting.requests.len() >= MAILBOX_MAX {
            return Err((request, StoreError::Busy));
        }
        let was_empty = waiting.requests.is_empty();
        waiting.requests.push_back(request);
        drop(waiting);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(())
    }

    pub(super) fn close(&self) -> VecDeque<Request> {
        let mut waiting = self.lock();
        waiting.closed = true;
        std::mem::take(&mut waiting.requests)
    }

    /// Everything that is queued; waits for at most `patience` when nothing is.
    pub(super) fn take(&self, patience: Duration) -> VecDeque<Request> {
        let mut waiting = self.lock();
        if waiting.requests.is_empty() && !patience.is_zero() {
            waiting = self
                .filled
                .wait_timeout_while(waiting, patience, |w| w.requests.is_empty())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        std::mem::take(&mut waiting.requests)
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
        Request::Lease(_, _, to) => no(to, why),
        Request::ResolveInDoubt(_, _, to) => no(to, why),
        Request::Inbound(_, to) => no(to, why),
        Request::LeaseCallbacks(_, to) => no(to, why),
        Request::Redeliver(_, to) | Request::Cancel(_, to) => no(to, why),
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
        Request::Orphans(_, to) => no(to, why),
        Request::InDoubt(_, to) => no(to, why),
        Request::LogPage(_, _, to) => no(to, why),
        Request::Close(to) => no(to, why),
        // What the log then says of these messages is decided when it is read again.
        Request::WithdrawLeases(_)
        | Request::Release(_)
        | Request::Responded(_)
        | Request::CallbacksDone(_)
        | Request::ReturnCallbacks(_) => {}
    }
}
