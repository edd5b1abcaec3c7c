//! One HTTP upstream: leases its messages and sends each as one request.
//!
//! One task a gateway. Work is leased only while fewer requests are in flight than the window
//! allows, and pacing agrees; a slow upstream holds its own requests and nobody else's. A
//! request that was sent and not answered is never sent again: the message fails softly, and a
//! later report corrects that.
//!
//! - `way`: the record, understood, and what leads to the upstream
//! - `request`: one exchange and its outcome
//! - `answer`: what an answer says; `twilio`: where that transport says it in its own way

mod answer;
mod meter;
mod request;
mod twilio;
mod way;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, info, warn};

use self::meter::HttpMeter;
use self::request::{End, Finished};
use self::way::Way;
use super::{Context, answer_of, now};
use crate::client::Connection;
use crate::message::{Gateway, GatewayId, GatewayStatus, OnUnknown};
use crate::queue::Pacer;
use crate::shutdown::Shutdown;
use crate::store::{Lease, Outcome, Response, StoreError, Ticket};

/// A connection without a request is kept this long: the most impatient servers close theirs after
/// five seconds, and it is we who must close, lest a request meet a closing connection.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// A log that says no is asked again this much later.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Nothing is due before then.
const LONG: Duration = Duration::from_secs(3600);

struct Account {
    context: Context,
    id: GatewayId,
    gateway: watch::Receiver<Arc<Gateway>>,
    /// Or why the record cannot work.
    way: Result<Arc<Way>, String>,
    pacer: Pacer,
    lease: Option<Ticket<Vec<Lease>>>,
    lease_after: Option<Instant>,
    requests: JoinSet<Finished>,
    /// Open connections, the latest used last.
    idle: Vec<(Connection, Instant)>,
    meter: HttpMeter,
    /// What the board says.
    word: &'static str,
    /// No new work; what is in flight ends.
    draining: bool,
}

/// Runs the gateway until its drain begins; returns when no request is in flight.
pub(super) async fn run(
    context: Context,
    gateway: watch::Receiver<Arc<Gateway>>,
    shutdown: Shutdown,
) {
    let id = gateway.borrow().id;
    if !context
        .resolve_in_doubt(id, OnUnknown::Fail, &shutdown)
        .await
    {
        return;
    }
    let mut account = Account {
        meter: HttpMeter::of(&context.metrics, id),
        context,
        id,
        gateway,
        way: Err(String::new()),
        pacer: Pacer::new(None, Instant::now()),
        lease: None,
        lease_after: None,
        requests: JoinSet::new(),
        idle: Vec::new(),
        word: "",
        draining: false,
    };
    account.read_record();
    account.drive(&shutdown).await;
    account.meter.in_flight.set(0);
}

impl Account {
    async fn drive(&mut self, shutdown: &Shutdown) {
        loop {
            let now = Instant::now();
            self.pump(now);
            if self.draining && self.requests.is_empty() && self.lease.is_none() {
                return;
            }
            let deadline = self.next_deadline(now);
            // Cancel-safe, each of them: the set and the ticket keep what they have, the rest
            // are notices.
            tokio::select! {
                biased;
                // What is in flight is in doubt now, and decided at the next start.
                () = shutdown.stop.cancelled() => return,
                Some(ended) = self.requests.join_next(), if !self.requests.is_empty() => {
                    self.request_ended(ended, Instant::now());
                }
                leases = answer_of(&mut self.lease) => self.handle_leases(leases, Instant::now()),
                () = shutdown.drain.cancelled(), if !self.draining => self.begin_drain(),
                changed = self.gateway.changed(), if !self.draining => match changed {
                    Ok(()) => self.read_record(),
                    Err(_) => self.begin_drain(),
                },
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
    }

    /// Follows the record: from now on requests are made of it.
    fn read_record(&mut self) {
        let gateway = self.gateway.borrow_and_update().clone();
        if !gateway.is_active {
            self.withdraw_lease();
        }
        let before = self.way.as_ref().ok().cloned();
        self.way = Way::of(gateway, &self.context.trust, &self.context.base_url).map(Arc::new);
        match &self.way {
            Err(reason) => {
                error!(gateway = %self.id, %reason, "the gateway cannot send; change its record");
                let reason = reason.clone();
                self.show("misconfigured", Some(reason));
                self.withdraw_lease();
            }
            Ok(way) => {
                let throughput = way
                    .upstream
                    .settings
                    .throughput
                    .map(std::num::NonZeroU32::get);
                let same = |f: fn(&Way, &Way) -> bool| before.as_ref().is_some_and(|b| f(b, way));
                if !same(|a, b| a.origin == b.origin) {
                    self.idle.clear();
                }
                if !same(|a, b| a.upstream.settings.throughput == b.upstream.settings.throughput) {
                    self.pacer = Pacer::new(throughput, Instant::now());
                }
                self.show(READY, None);
            }
        }
    }

    /// Asks for work while there is room.
    fn pump(&mut self, now: Instant) {
        self.idle
            .retain(|(_, since)| now.duration_since(*since) < IDLE_MAX);
        let in_flight = i64::try_from(self.requests.len()).unwrap_or(i64::MAX);
        self.meter.in_flight.set(in_flight);
        if self.lease.is_some() || self.lease_after.is_some_and(|at| now < at) {
            return;
        }
        let room = self.room();
        if room == 0 {
            return;
        }
        self.lease_after = None;
        let room = room.min(self.pacer.allowance(now));
        if room > 0 {
            self.lease = Some(self.context.store.lease(self.id, room));
        }
    }

    /// How many more requests may be in flight.
    fn room(&self) -> usize {
        match &self.way {
            Ok(way) if !self.draining && self.gateway.borrow().is_active => {
                usize::from(way.upstream.settings.window.get()).saturating_sub(self.requests.len())
            }
            _ => 0,
        }
    }

    fn handle_leases(&mut self, leases: Result<Vec<Lease>, StoreError>, now: Instant) {
        self.lease = None;
        let leases = match leases {
            Ok(leases) => leases,
            Err(e) => {
                debug!(gateway = %self.id, error = %e, "no work from the log");
                self.lease_after = Some(now + STORE_PAUSE);
                return;
            }
        };
        let is_active = self.gateway.borrow().is_active;
        let way = match &self.way {
            Ok(way) if !self.draining && is_active => way.clone(),
            _ => return self.give_back(leases),
        };
        for lease in leases {
            self.pacer.spend(1);
            self.meter.requests.inc();
            let connection = self.idle_connection();
            self.requests
                .spawn(request::send(way.clone(), lease, connection));
        }
    }

    fn give_back(&self, leases: Vec<Lease>) {
        if !leases.is_empty() {
            let segments = leases.into_iter().map(|l| (l.message, l.segments));
            self.context.store.release(segments.collect());
        }
    }

    fn idle_connection(&mut self) -> Option<Connection> {
        while let Some((mut connection, _)) = self.idle.pop() {
            if connection.is_still_open() {
                return Some(connection);
            }
        }
        None
    }

    fn request_ended(&mut self, ended: Result<Finished, JoinError>, now: Instant) {
        let finished = match ended {
            Ok(finished) => finished,
            Err(e) => {
                // Whose it was died with it: the fresh start finds the message in doubt.
                error!(gateway = %self.id, error = %e, "a request's task failed; the gateway starts anew");
                return self.begin_drain();
            }
        };
        let Finished {
            lease,
            outcome,
            end,
            took,
            connection,
        } = finished;
        self.meter.count(end);
        if let End::Answered(_) | End::ErrorBody = end {
            self.meter.seconds.observe(took.as_secs_f64());
        }
        self.pace(end, now);
        self.judge(end, &outcome);
        let response = |segment: &u8| Response {
            message: lease.message,
            segment: *segment,
            outcome: outcome.clone(),
        };
        let responses = lease.segments.iter().map(response).collect();
        self.context.store.responded(responses);
        if let (Some((connection, led)), Ok(way)) = (connection, &self.way)
            && led.origin == way.origin
            && !self.draining
        {
            self.idle.push((connection, now));
        }
    }

    fn pace(&mut self, end: End, now: Instant) {
        match end {
            End::Answered(status) if status.as_u16() == 429 => self.pacer.throttled(now),
            End::Answered(status) if status.is_success() => self.pacer.accepted(),
            _ => {}
        }
    }

    /// What the end of one request tells of the upstream.
    fn judge(&mut self, end: End, outcome: &Outcome) {
        let fails = match end {
            End::Unmade => return,
            End::NoConnection | End::Unanswered => true,
            End::ErrorBody => false,
            End::Answered(status) => {
                status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 407)
            }
        };
        let reason = match outcome {
            Outcome::Refused { reason, .. } | Outcome::Unanswered { reason, .. } if fails => {
                Some(reason.clone())
            }
            _ => None,
        };
        match (&reason, self.word == FAILING) {
            (Some(reason), false) => {
                warn!(gateway = %self.id, %reason, "the upstream does not take messages");
            }
            (None, true) => info!(gateway = %self.id, "the upstream takes messages again"),
            _ => {}
        }
        self.show(if fails { FAILING } else { READY }, reason);
    }

    /// Tells the board how the upstream is, when that is news.
    fn show(&mut self, word: &'static str, reason: Option<String>) {
        if self.word == word {
            return;
        }
        self.word = word;
        let status = GatewayStatus {
            bind: word,
            since: now(),
            bound: 0,
            wanted: 0,
            reason,
        };
        self.context.board.set(self.id, status);
    }

    fn begin_drain(&mut self) {
        self.draining = true;
        self.idle.clear();
        self.withdraw_lease();
    }

    /// Asks for no more work. The answer still comes, and may have some.
    fn withdraw_lease(&self) {
        if self.lease.is_some() {
            self.context.store.withdraw_leases(self.id);
        }
    }

    fn next_deadline(&mut self, now: Instant) -> Instant {
        let mut next = now + LONG;
        if let Some((_, since)) = self.idle.first() {
            next = next.min(*since + IDLE_MAX);
        }
        if self.lease.is_none() && self.room() > 0 {
            self.meter.paused.set(i64::from(self.pacer.is_paused(now)));
            let due = self.lease_after.or_else(|| self.pacer.next_at(now));
            next = due.map_or(next, |at| next.min(at));
        }
        next
    }
}

/// Nothing speaks against sending.
const READY: &str = "ready";
/// The last request found no upstream, no answer, or one that takes nothing.
const FAILING: &str = "failing";
