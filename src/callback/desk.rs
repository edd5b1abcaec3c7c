//! Who may go next, so that no receiver delays another.
//!
//! The desk holds the callbacks that the store has leased to us: those in flight, and a few
//! behind them per URL. What there is no room for goes back to the store with a time to come
//! again, at once; so neither a slow nor a dead receiver ever stands between the store and the
//! others. What always holds:
//!
//! * One URL, server, or all of them have at most [`URL_MAX`], [`SERVER_MAX`], [`IN_FLIGHT_MAX`]
//!   attempts in flight, and nobody takes more than half of what is still free: neither of all
//!   nor, as a URL, of its server's. So there is always some left for whoever comes next. URLs out of requests leave a quarter to those of the
//!   configuration.
//! * Held callbacks are at most [`HELD_MAX`]; at some 2 KiB each that is 8 MiB, and 256 MiB if
//!   each were as long as an MO can be.
//! * A server starts with few attempts at once, gets one more with each answer, and one alone
//!   after it could not be reached. Beyond [`SERVER_USUAL`] it gets more only while that does not
//!   make it slower: what waits longer for its answer would wait here as well, and hold up others.
//!
//! Pure: jobs and times come in, jobs and outcomes go out.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use hashbrown::HashMap;
use http::uri::PathAndQuery;
use tokio::sync::oneshot;

use super::{
    breaker::{Breaker, Gate, Patience},
    pace::Pace,
    target::Target,
};
use crate::{
    client::Origin,
    message::{CallbackId, Timestamp},
    store::{CallbackLease, CallbackOutcome},
};

/// Attempts in flight, all together: a socket and some 20 KiB each.
pub(super) const IN_FLIGHT_MAX: usize = 1024;
/// Of these for URLs that came in requests.
const GUARDED_MAX: usize = IN_FLIGHT_MAX / 4 * 3;
/// Callbacks held for URLs that came in requests.
const GUARDED_HELD_MAX: usize = HELD_MAX / 4 * 3;
/// Attempts in flight to one server.
const SERVER_MAX: usize = 256;
/// Attempts in flight to one server that is the slower the more there are.
const SERVER_USUAL: usize = 64;
/// Attempts in flight to one URL.
const URL_MAX: usize = 64;
/// Callbacks held, in flight or behind them.
pub(super) const HELD_MAX: usize = 4096;
/// Callbacks held for one URL: enough work for the time that the store needs for more.
const URL_HELD_MAX: usize = 512;
/// Callbacks held for a server, for each attempt it may have in flight.
const HELD_PER_ATTEMPT: usize = 8;
/// Attempts at once to a server that nothing is known of.
const SERVER_INITIAL: usize = 8;
/// Attempts at once to a server of which some URLs do not answer.
const SERVER_MIN: usize = 4;
/// Idle connections, all together.
const IDLE_MAX: usize = 1024;

/// A callback to make.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) lease: Box<CallbackLease>,
    pub(super) target: Arc<Target>,
}

/// Where an idle worker waits for its next job.
pub(super) type Seat = oneshot::Sender<Job>;

/// How far an attempt came, whatever the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// There was nothing to send.
    Untried,
    Answered,
    /// Connected, and then nothing.
    Silent,
    Unreachable,
}

/// Why a callback was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no room; it is to come again then.
    Crowded(Timestamp),
    /// Its receiver does not answer; it is to come again then.
    Down(Timestamp),
}

#[derive(Debug)]
pub(super) struct Desk {
    servers: HashMap<Arc<Origin>, Server>,
    /// Servers with jobs that wait, each once.
    ready: VecDeque<Arc<Origin>>,
    held: usize,
    in_flight: usize,
    /// Of these, for guarded URLs.
    guarded_held: usize,
    guarded: usize,
    idle: usize,
    closing: bool,
    patience: Patience,
    /// What the store is to be told.
    outcomes: Vec<(CallbackId, CallbackOutcome)>,
}

#[derive(Debug)]
struct Server {
    urls: HashMap<PathAndQuery, Url>,
    /// URLs with jobs that wait, each once.
    ready: VecDeque<PathAndQuery>,
    listed: bool,
    idle: VecDeque<Seat>,
    held: usize,
    in_flight: usize,
    /// Attempts it may have at once.
    limit: usize,
    breaker: Breaker,
    pace: Pace,
}

#[derive(Debug, Default)]
struct Url {
    queue: VecDeque<Job>,
    in_flight: usize,
    listed: bool,
    breaker: Breaker,
    pace: Pace,
}

impl Desk {
    pub(super) fn new(patience: Patience) -> Desk {
        Desk {
            servers: HashMap::new(),
            ready: VecDeque::new(),
            held: 0,
            in_flight: 0,
            guarded_held: 0,
            guarded: 0,
            idle: 0,
            closing: false,
            patience,
            outcomes: Vec::new(),
        }
    }

    /// How many more may be leased.
    pub(super) fn room(&self) -> usize {
        HELD_MAX - self.held.min(HELD_MAX)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The last attempt found no such server.
    pub(super) fn is_lost(&self, origin: &Origin) -> bool {
        self.servers
            .get(origin)
            .is_some_and(|s| s.breaker.is_open())
    }

    /// Nothing begins any more.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn report(&mut self, id: CallbackId, outcome: CallbackOutcome) {
        self.outcomes.push((id, outcome));
    }

    pub(super) fn has_no_outcomes(&self) -> bool {
        self.outcomes.is_empty()
    }

    pub(super) fn take_outcomes(&mut self) -> Vec<(CallbackId, CallbackOutcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// Takes a job, or says when it is to come again.
    pub(super) fn admit(&mut self, job: Job, now: Timestamp) -> Result<(), (Job, Refusal)> {
        let origin = job.target.origin.clone();
        let server_share = self.share_of_held(&origin);
        let server = self.servers.entry(origin.clone()).or_default();
        if let Gate::Shut(until) = server.breaker.gate(now, self.patience) {
            let until = server.pace.place_behind(until);
            return Err((job, Refusal::Down(until)));
        }
        if server.held >= server_share.min(server.limit * HELD_PER_ATTEMPT) {
            let until = server.pace.place(now, server.limit);
            return Err((job, Refusal::Crowded(until)));
        }
        let url = server.urls.entry(job.target.path.clone()).or_default();
        if let Gate::Shut(until) = url.breaker.gate(now, self.patience) {
            let until = url.pace.place_behind(until);
            return Err((job, Refusal::Down(until)));
        }
        let url_share = share(server.limit * HELD_PER_ATTEMPT, server.held);
        if url.in_flight + url.queue.len() >= url_share.min(URL_HELD_MAX) {
            let until = url.pace.place(now, server.limit.min(URL_MAX));
            return Err((job, Refusal::Crowded(until)));
        }
        server.breaker.pass(now, self.patience);
        url.breaker.pass(now, self.patience);
        let path = job.target.path.clone();
        url.queue.push_back(job);
        server.held += 1;
        self.held += 1;
        self.guarded_held += usize::from(origin.guarded);
        server.list(&path);
        if !server.listed {
            server.listed = true;
            self.ready.push_back(origin);
        }
        Ok(())
    }

    /// The next job that may go, of the servers in turn, and the idle worker for it if there is
    /// one.
    pub(super) fn start(&mut self) -> Option<(Job, Option<Seat>)> {
        if self.closing {
            return None;
        }
        for _ in 0..self.ready.len() {
            let origin = self.ready.pop_front()?;
            let may_start = self.may_start(&origin);
            let Some(server) = self.servers.get_mut(&origin) else {
                continue;
            };
            let job = if may_start { server.take() } else { None };
            server.listed = !server.ready.is_empty();
            let seat = job.as_ref().and_then(|_| server.seat(&mut self.idle));
            let guarded = origin.guarded;
            if server.listed {
                self.ready.push_back(origin);
            }
            if let Some(job) = job {
                self.in_flight += 1;
                self.guarded += usize::from(guarded);
                return Some((job, seat));
            }
        }
        None
    }

    fn may_start(&self, origin: &Origin) -> bool {
        let Some(server) = self.servers.get(origin) else {
            return false;
        };
        let mut free = share(IN_FLIGHT_MAX, self.in_flight);
        if origin.guarded {
            free = free.min(share(GUARDED_MAX, self.guarded));
        }
        server.in_flight < free.min(server.limit)
    }

    /// How many callbacks a server may have held for it.
    fn share_of_held(&self, origin: &Origin) -> usize {
        let free = share(HELD_MAX, self.held);
        if origin.guarded {
            free.min(share(GUARDED_HELD_MAX, self.guarded_held))
        } else {
            free
        }
    }

    /// An attempt ended. Gives the worker its next job for the same server, if one may go.
    pub(super) fn finished(
        &mut self,
        target: &Target,
        reach: Reach,
        took: Duration,
        now: Timestamp,
    ) -> Option<Job> {
        let patience = self.patience;
        let server = self.servers.get_mut(&target.origin)?;
        self.held -= 1;
        self.in_flight -= 1;
        self.guarded_held -= usize::from(target.origin.guarded);
        self.guarded -= usize::from(target.origin.guarded);
        server.held -= 1;
        server.in_flight -= 1;
        server.pace.observe(took);
        if let Some(url) = server.urls.get_mut(&target.path) {
            url.in_flight -= 1;
            url.pace.observe(took);
            match reach {
                Reach::Answered => url.breaker.succeed(),
                Reach::Silent if url.breaker.fail(now, patience) => {
                    server.limit = (server.limit / 2).max(SERVER_MIN);
                }
                Reach::Silent | Reach::Unreachable | Reach::Untried => {}
            }
        }
        match reach {
            Reach::Untried => {}
            Reach::Answered => {
                server.breaker.succeed();
                if server.limit < server.limit_max() {
                    server.limit += 1;
                }
            }
            Reach::Silent => {
                server.breaker.succeed();
                self.send_back(&target.origin, Some(&target.path), now);
            }
            Reach::Unreachable => {
                if server.breaker.fail(now, patience) {
                    server.limit = 1;
                }
                self.send_back(&target.origin, None, now);
            }
        }
        self.next_for(&target.origin)
    }

    fn next_for(&mut self, origin: &Arc<Origin>) -> Option<Job> {
        let may_start = !self.closing && self.may_start(origin);
        let server = self.servers.get_mut(origin)?;
        if let Some(job) = may_start.then(|| server.take()).flatten() {
            self.in_flight += 1;
            self.guarded += usize::from(origin.guarded);
            return Some(job);
        }
        if !server.listed && !server.ready.is_empty() {
            server.listed = true;
            self.ready.push_back(origin.clone());
        }
        None
    }

    /// Returns what waits for one URL of a server, or for all, to the store.
    fn send_back(&mut self, origin: &Origin, path: Option<&PathAndQuery>, now: Timestamp) {
        let Some(server) = self.servers.get_mut(origin) else {
            return;
        };
        let mut back = Vec::new();
        match path {
            Some(path) => back.extend(server.urls.get_mut(path).map(|u| (u.breaker, &mut u.queue))),
            None => {
                let breaker = server.breaker;
                back.extend(server.urls.values_mut().map(|u| (breaker, &mut u.queue)));
            }
        }
        for (breaker, queue) in back {
            let until = match breaker.gate(now, self.patience) {
                Gate::Shut(until) => until,
                Gate::Open => now,
            };
            for job in queue.drain(..) {
                server.held -= 1;
                self.held -= 1;
                self.guarded_held -= usize::from(origin.guarded);
                let until = server.pace.place_behind(until);
                self.outcomes
                    .push((job.lease.id, CallbackOutcome::Postponed { until }));
            }
        }
    }

    /// An idle worker offers itself; false: there are enough.
    pub(super) fn sit(&mut self, origin: &Arc<Origin>, seat: Seat) -> bool {
        if self.idle >= IDLE_MAX || self.closing {
            return false;
        }
        let server = self.servers.entry(origin.clone()).or_default();
        // The oldest give up first.
        while server.idle.front().is_some_and(Seat::is_closed) {
            server.idle.pop_front();
            self.idle -= 1;
        }
        server.idle.push_back(seat);
        self.idle += 1;
        true
    }

    /// Forgets receivers that nothing is known of any more.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        let patience = self.patience;
        let idle = &mut self.idle;
        self.servers.retain(|_, server| {
            server.urls.retain(|_, url| {
                url.in_flight > 0 || !url.queue.is_empty() || !url.breaker.is_idle(now, patience)
            });
            let before = server.idle.len();
            server.idle.retain(|seat| !seat.is_closed());
            *idle -= before - server.idle.len();
            !server.urls.is_empty()
                || !server.idle.is_empty()
                || server.listed
                || !server.breaker.is_idle(now, patience)
        });
    }
}

/// Half of what is free, and one at least while anything is.
fn share(most: usize, taken: usize) -> usize {
    most.saturating_sub(taken).div_ceil(2)
}

impl Default for Server {
    fn default() -> Self {
        Server {
            urls: HashMap::new(),
            ready: VecDeque::new(),
            listed: false,
            idle: VecDeque::new(),
            held: 0,
            in_flight: 0,
            limit: SERVER_INITIAL,
            breaker: Breaker::default(),
            pace: Pace::default(),
        }
    }
}

impl Server {
    fn limit_max(&self) -> usize {
        match self.pace.is_slowing() {
            true => SERVER_USUAL,
            false => SERVER_MAX,
        }
    }

    /// Notes that this URL has jobs, if that is so.
    fn list(&mut self, path: &PathAndQuery) {
        if let Some(url) = self.urls.get_mut(path)
            && !url.queue.is_empty()
            && !url.listed
        {
            url.listed = true;
            self.ready.push_back(path.clone());
        }
    }

    /// The next job that may go, of the URLs in turn. A URL too leaves half of what is free to the
    /// others of its server.
    fn take(&mut self) -> Option<Job> {
        let at_once = URL_MAX.min(share(self.limit, self.in_flight));
        for _ in 0..self.ready.len() {
            let path = self.ready.pop_front()?;
            let Some(url) = self.urls.get_mut(&path) else {
                continue;
            };
            let job = if url.in_flight < at_once {
                url.queue.pop_front()
            } else {
                None
            };
            url.listed = !url.queue.is_empty();
            if url.listed {
                self.ready.push_back(path);
            }
            if let Some(job) = job {
                url.in_flight += 1;
                self.in_flight += 1;
                return Some(job);
            }
        }
        None
    }

    /// The idle worker that was busy last: the others may then time out.
    fn seat(&mut self, idle: &mut usize) -> Option<Seat> {
        while let Some(seat) = self.idle.pop_back() {
            *idle -= 1;
            if !seat.is_closed() {
                return Some(seat);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
