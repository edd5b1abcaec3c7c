//! One worker: a connection to one server, and the loop that sends callbacks on it.
//!
//! It ends when it has been idle for a while, when an idle connection is closed, or when the
//! engine drops it; what it was sending then is due again, since nobody reported it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use http::header::RETRY_AFTER;
use rustls::ClientConfig;
use tokio::{
    select,
    sync::{Notify, oneshot},
    time::{Duration, Instant, sleep, timeout_at},
};

use tracing::{info, warn};

use super::{
    desk::{Desk, Job, Reach},
    request::{Composed, Composer},
    schedule::{Next, Schedule, retry_after},
};
use crate::{
    client::{Answer, Connection, Limits, Origin},
    message::Timestamp,
    metrics::CallbackMetrics,
    store::{CallbackLease, CallbackOutcome},
};

/// What all workers of an engine share.
pub(super) struct Office {
    pub(super) desk: Mutex<Desk>,
    /// Rung with the first outcome behind a report.
    pub(super) bell: Notify,
    pub(super) composer: Composer,
    pub(super) schedule: Schedule,
    pub(super) timeout: Duration,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) metrics: Arc<CallbackMetrics>,
}

/// A connection is kept this long without work; servers close theirs after 60 s or more, mostly.
const IDLE: Duration = Duration::from_secs(20);

/// An answer's body is read so far that the connection can be used again, and no further: the
/// status has said everything.
const BODY: Limits = Limits {
    octets_max: 64 * 1024,
    time_max: Duration::from_secs(1),
};

/// How an attempt ended.
enum Attempt {
    Answered(Answer),
    Failed { reach: Reach, reason: String },
}

/// Why an attempt did not succeed.
pub(super) struct Failure<'a> {
    pub(super) status: Option<u16>,
    pub(super) reason: String,
    /// The receiver's `Retry-After`.
    pub(super) asked: Option<Duration>,
    /// What was sent.
    pub(super) body: Option<&'a [u8]>,
}

/// Sends the job, and every further one for the same server.
pub(super) async fn run(office: Arc<Office>, mut job: Job) {
    let mut connection = None;
    loop {
        let target = job.target.clone();
        let next = match office.send(&mut connection, job).await {
            Some(next) => Some(next),
            None => rest(&office, &target.origin, &mut connection).await,
        };
        match next {
            Some(next) => job = next,
            None => return,
        }
    }
}

/// Waits for work while the connection is open.
async fn rest(
    office: &Office,
    origin: &Arc<Origin>,
    connection: &mut Option<Connection>,
) -> Option<Job> {
    let open = connection.as_mut().filter(|c| c.is_open())?;
    let (seat, mut call) = oneshot::channel();
    if !office.desk().sit(origin, seat) {
        return None;
    }
    // Cancel-safe: the channel is looked at again below, and the connection is dropped.
    select! {
        biased;
        job = &mut call => return job.ok(),
        () = open.closed() => {}
        () = sleep(IDLE) => {}
    }
    *connection = None;
    call.close();
    call.try_recv().ok()
}

impl Office {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one attempt, notes what became of it, and gives the next job if one may go.
    async fn send(&self, connection: &mut Option<Connection>, job: Job) -> Option<Job> {
        let began = Instant::now();
        let (attempt, body) = match self.composer.compose(&job.lease).await {
            Ok(composed) => {
                let attempt = self.attempt(connection, &job, &composed, began).await;
                (attempt, Some(composed.body))
            }
            Err(reason) => {
                let reach = Reach::Untried;
                (Attempt::Failed { reach, reason }, None)
            }
        };
        let took = began.elapsed();
        self.metrics.seconds.observe(took.as_secs_f64());
        let now = now();
        let reach = match &attempt {
            Attempt::Answered(_) => Reach::Answered,
            Attempt::Failed { reach, .. } => *reach,
        };
        let mut desk = self.desk();
        tell(&desk, &job.target.origin, &attempt);
        let is_first = desk.has_no_outcomes();
        self.conclude(&mut desk, &job.lease, attempt, body.as_deref(), now);
        let next = desk.finished(&job.target, reach, took, now);
        drop(desk);
        if is_first {
            self.bell.notify_one();
        }
        next
    }

    async fn attempt(
        &self,
        connection: &mut Option<Connection>,
        job: &Job,
        composed: &Composed<'_>,
        began: Instant,
    ) -> Attempt {
        let deadline = began + self.timeout;
        loop {
            let mut open = match connection.take().filter(Connection::is_open) {
                Some(open) => open,
                None => match Connection::open(&job.target.origin, &self.tls, deadline).await {
                    Ok(open) => open,
                    Err(reason) => {
                        let reach = Reach::Unreachable;
                        return Attempt::Failed { reach, reason };
                    }
                },
            };
            let request = composed.request(&job.target, &job.lease, now());
            let was_used = open.is_used;
            let reason = match timeout_at(deadline, open.exchange(request, BODY)).await {
                Ok(Ok(answer)) => {
                    *connection = Some(open);
                    return Attempt::Answered(answer);
                }
                // The peer closed an idle connection while we wrote: that says nothing of it.
                Ok(Err(_)) if was_used => continue,
                Ok(Err(e)) => e.reason,
                Err(_) => format!("no answer within {} ms", self.timeout.as_millis()),
            };
            let reach = Reach::Silent;
            return Attempt::Failed { reach, reason };
        }
    }

    /// Turns an attempt's end into what the store is to record.
    fn conclude(
        &self,
        desk: &mut Desk,
        lease: &CallbackLease,
        attempt: Attempt,
        body: Option<&[u8]>,
        now: Timestamp,
    ) {
        let label = match &attempt {
            Attempt::Answered(answer) if answer.status.is_success() => "delivered",
            Attempt::Answered(_) => "refused",
            Attempt::Failed { reach, .. } => match reach {
                Reach::Unreachable => "unreachable",
                Reach::Silent => "unanswered",
                Reach::Untried | Reach::Answered => "impossible",
            },
        };
        self.metrics.attempts.with_label_values(&[label]).inc();
        match attempt {
            Attempt::Answered(answer) if answer.status.is_success() => {
                let status = answer.status.as_u16();
                desk.report(lease.id, CallbackOutcome::Delivered { status });
            }
            Attempt::Answered(answer) => {
                let may_ask = matches!(answer.status.as_u16(), 429 | 503);
                let asked = answer.headers.get(RETRY_AFTER).filter(|_| may_ask);
                let asked = asked.and_then(|value| retry_after(value.to_str().ok()?, now));
                let reason = format!("answered {}", answer.status);
                let status = Some(answer.status.as_u16());
                let failure = Failure {
                    status,
                    reason,
                    asked,
                    body,
                };
                self.failed(desk, lease, failure, now);
            }
            Attempt::Failed { reason, .. } => {
                let failure = Failure {
                    status: None,
                    reason,
                    asked: None,
                    body,
                };
                self.failed(desk, lease, failure, now);
            }
        }
    }

    /// Notes a failed attempt, and the end if it was the last.
    pub(super) fn failed(
        &self,
        desk: &mut Desk,
        lease: &CallbackLease,
        failure: Failure<'_>,
        now: Timestamp,
    ) {
        let Failure {
            status,
            reason,
            asked,
            body,
        } = failure;
        let next = self.schedule.after_failure(
            lease.attempt,
            lease.created_at,
            asked,
            now,
            fastrand::f64(),
        );
        let first = lease.body.is_none();
        let (next_at, is_last) = match next {
            Next::At(at) => (at, false),
            Next::GiveUp => (now, true),
        };
        desk.report(
            lease.id,
            CallbackOutcome::Failed {
                status,
                reason: reason.clone(),
                next_at,
                body: body.filter(|_| first).map(<[u8]>::to_vec),
            },
        );
        if is_last {
            self.give_up(desk, lease, reason);
        }
    }

    pub(super) fn give_up(&self, desk: &mut Desk, lease: &CallbackLease, reason: String) {
        self.metrics.dead.inc();
        desk.report(lease.id, CallbackOutcome::Dead { reason });
    }
}

/// Tells when a server of the configuration is lost and found again: those of requests are anybody's.
fn tell(desk: &Desk, origin: &Origin, attempt: &Attempt) {
    if origin.guarded {
        return;
    }
    let (host, port) = (&origin.host, origin.port);
    match (attempt, desk.is_lost(origin)) {
        (
            Attempt::Failed {
                reach: Reach::Unreachable,
                reason,
            },
            false,
        ) => warn!(%host, port, %reason, "callbacks find no server; they are repeated"),
        (Attempt::Answered(_), true) => info!(%host, port, "callbacks find their server again"),
        _ => {}
    }
}

/// The wall clock; callbacks are due by it, and outlive the process.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.unwrap_or_default().as_micros();
    Timestamp(u64::try_from(micros).unwrap_or(u64::MAX))
}
