//! From the outbox to the subscriber: takes the callbacks that are due, sends them, and tells the
//! store what became of them.
//!
//! One task leases and reports; workers, one a connection, send. What goes when is decided at the
//! `desk`; what is sent is composed from the lease alone by `request` and `body`. What always
//! holds: a callback is marked delivered only behind a 2xx of its receiver; it is made at least
//! once, and every repeat has the same body; and no receiver delays another.

mod body;
mod breaker;
mod desk;
mod pace;
mod request;
mod schedule;
mod target;
mod threads;
mod token;
mod worker;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    select,
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use self::threads::Threads;
use self::{
    breaker::Patience,
    desk::{Desk, Job, Refusal},
    request::Composer,
    schedule::Schedule,
    worker::{Failure, Office, now},
};
use crate::{
    config::Config,
    message::Timestamp,
    metrics::CallbackMetrics,
    store::{CallbackLease, CallbackOutcome, Store, StoreError, Ticket},
};

/// What the engine works with.
pub struct Engine {
    pub store: Arc<dyn Store>,
    pub config: Arc<Config>,
    /// Of [`crate::tls::Trust::https`].
    pub tls: Arc<ClientConfig>,
    pub metrics: Arc<CallbackMetrics>,
    /// How long attempts in flight may go on after the shutdown has begun.
    pub grace: Duration,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// Callbacks leased at a time: enough that the store is asked rarely, few enough that its writer
/// is not held up.
const LEASE_MAX: usize = 512;
/// A dead receiver is tried again after this long at most, by one callback.
const PROBE_EVERY_MAX: Duration = Duration::from_secs(5);
/// The first probe comes no later than the first repeat of what failed, jitter included.
const PROBE_SHARE: f64 = 0.8;
/// Outcomes and due callbacks are gathered this long, where there are few: each batch is a commit
/// of the store, and nobody waits for it.
const GATHER: Duration = Duration::from_millis(1);
/// The store is asked again this long after it failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Receivers that nothing is known of are forgotten this often.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Makes callbacks until the shutdown. Then nothing new is begun, attempts in flight may end
/// within the grace and are reported, and the rest is left to the store, where it is due again
/// at the next start. The store must be open until this returns.
pub async fn run(engine: Engine, shutdown: CancellationToken) {
    let grace = engine.grace;
    let mut dispatcher = Dispatcher::new(engine);
    dispatcher.work(&shutdown).await;
    dispatcher.finish(Instant::now() + grace).await;
}

/// The task that leases and reports.
struct Dispatcher {
    store: Arc<dyn Store>,
    office: Arc<Office>,
    workers: JoinSet<()>,
    lease: Option<Ticket<Vec<CallbackLease>>>,
    /// The store is not asked before.
    ask_at: Instant,
    /// When the store is told of outcomes; `None`: there are none.
    report_at: Option<Instant>,
    sweep_at: Instant,
}

impl Dispatcher {
    fn new(engine: Engine) -> Dispatcher {
        let Engine {
            store,
            config,
            tls,
            metrics,
            ..
        } = engine;
        let callbacks = &config.callbacks;
        let patience = Patience {
            initial: callbacks.backoff_initial.mul_f64(PROBE_SHARE),
            max: callbacks
                .backoff_max
                .mul_f64(PROBE_SHARE)
                .min(PROBE_EVERY_MAX),
            probe: callbacks.timeout + Duration::from_secs(1),
        };
        let office = Office {
            desk: Mutex::new(Desk::new(patience)),
            bell: Notify::new(),
            schedule: Schedule::new(callbacks),
            timeout: callbacks.timeout,
            composer: Composer::new(config, store.clone()),
            tls,
            metrics,
        };
        Dispatcher {
            store,
            office: Arc::new(office),
            workers: JoinSet::new(),
            lease: None,
            ask_at: Instant::now(),
            report_at: None,
            sweep_at: Instant::now() + SWEEP_EVERY,
        }
    }

    /// Cancel-safe: the ticket outlives the loop's turn, the bell keeps its ring.
    async fn work(&mut self, shutdown: &CancellationToken) {
        loop {
            if self.report_at.is_some_and(|at| at <= Instant::now()) {
                self.report();
            }
            self.start();
            self.ask();
            self.sweep();
            let wake_at = self.wake_at();
            select! {
                biased;
                () = shutdown.cancelled() => return,
                leased = leased(&mut self.lease) => self.take(leased),
                () = self.office.bell.notified() => self.report_soon(),
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// When there is something to do even if nothing happens.
    fn wake_at(&self) -> Instant {
        let ask_at = self.lease.is_none().then_some(self.ask_at);
        let ask_at = ask_at.filter(|at| *at > Instant::now());
        [self.report_at, ask_at]
            .into_iter()
            .flatten()
            .fold(self.sweep_at, Instant::min)
    }

    /// The first outcome waits a moment for others, so that many make one batch.
    fn report_soon(&mut self) {
        let soon = Instant::now() + GATHER;
        self.report_at.get_or_insert(soon);
    }

    /// Tells the store what has ended since the last time.
    fn report(&mut self) {
        self.report_at = None;
        let outcomes = self.office.desk().take_outcomes();
        if !outcomes.is_empty() {
            self.store.callbacks_done(outcomes);
        }
    }

    /// Gives jobs to idle workers, and to new ones.
    fn start(&mut self) {
        loop {
            let started = self.office.desk().start();
            let Some((job, seat)) = started else { break };
            let job = match seat {
                Some(seat) => match seat.send(job) {
                    Ok(()) => continue,
                    Err(job) => job,
                },
                None => job,
            };
            self.workers.spawn(worker::run(self.office.clone(), job));
        }
        while let Some(ended) = self.workers.try_join_next() {
            if let Err(e) = ended {
                warn!(error = %e, "a callback worker ended unexpectedly");
            }
        }
    }

    fn ask(&mut self) {
        let room = self.office.desk().room();
        if self.lease.is_none() && room > 0 && Instant::now() >= self.ask_at {
            self.lease = Some(self.store.lease_callbacks(room.min(LEASE_MAX)));
        }
    }

    fn take(&mut self, leased: Result<Vec<CallbackLease>, StoreError>) {
        match leased {
            Ok(leases) => {
                // Fewer than could be had: the next ones may gather.
                if leases.len() < LEASE_MAX {
                    self.ask_at = Instant::now() + GATHER;
                }
                let now = now();
                let mut desk = self.office.desk();
                for lease in leases {
                    self.admit(&mut desk, lease, now);
                }
                self.report_at = Some(Instant::now());
            }
            Err(e) => {
                debug!(error = %e, "no callbacks can be leased");
                self.ask_at = Instant::now() + STORE_PAUSE;
            }
        }
    }

    fn admit(&self, desk: &mut Desk, lease: CallbackLease, now: Timestamp) {
        let target = match self.office.composer.target(&lease) {
            Ok(target) => target,
            Err(reason) => {
                let attempts = &self.office.metrics.attempts;
                attempts.with_label_values(&["impossible"]).inc();
                let failure = Failure {
                    status: None,
                    reason,
                    asked: None,
                    body: None,
                };
                return self.office.failed(desk, &lease, failure, now);
            }
        };
        let job = Job {
            lease: Box::new(lease),
            target,
        };
        let Err((Job { lease, .. }, refusal)) = desk.admit(job, now) else {
            return;
        };
        let deadline = lease.created_at + self.office.schedule.give_up_after;
        match refusal {
            Refusal::Down(_) if now >= deadline => {
                let reason = "its receiver has not been reached for too long".to_owned();
                self.office.give_up(desk, &lease, reason);
            }
            Refusal::Down(until) => {
                let until = until.min(deadline);
                desk.report(lease.id, CallbackOutcome::Postponed { until });
            }
            Refusal::Crowded(until) => {
                desk.report(lease.id, CallbackOutcome::Postponed { until });
            }
        }
    }

    fn sweep(&mut self) {
        if Instant::now() >= self.sweep_at {
            self.sweep_at = Instant::now() + SWEEP_EVERY;
            self.office.desk().sweep(now());
        }
    }

    /// Lets what is in flight end, until `deadline`.
    async fn finish(mut self, deadline: Instant) {
        self.lease = None;
        self.office.desk().close();
        let all_ended = async {
            while self.office.desk().in_flight() > 0 {
                self.office.bell.notified().await;
                self.report();
            }
        };
        let in_time = timeout_at(deadline, all_ended).await.is_ok();
        self.report();
        let left = self.office.desk().in_flight();
        if !in_time {
            info!(
                left,
                "callbacks in flight are cut off; they are due again at the next start"
            );
        }
        self.workers.shutdown().await;
    }
}

/// What the ticket brings; for ever, where there is none.
async fn leased(
    ticket: &mut Option<Ticket<Vec<CallbackLease>>>,
) -> Result<Vec<CallbackLease>, StoreError> {
    let Some(waiting) = ticket else {
        return std::future::pending().await;
    };
    let leased = waiting.await;
    *ticket = None;
    leased
}
