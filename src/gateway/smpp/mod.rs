//! One SMPP account: its binds, what they share, and how it is told to the board.
//!
//! Correlation, pacing and the queue belong to the account; a receipt may come on any
//! bind, and any bind may send. Binds start staggered and come back with a delay that
//! doubles, jittered, so that an upstream never sees a storm of them.

mod bind;
mod connect;
mod ended;
mod meter;
mod settings;

use super::{Context, now};
use crate::config::gateway::SmppSettings;
use crate::message::{BOUND_RX, Gateway, GatewayStatus, Timestamp};
use crate::metrics::label;
use crate::queue::Pacer;
use crate::shutdown::Shutdown;
use ended::Ended;
use meter::BindMetrics;
use serde_json::Value;
use settings::Settings;
use smpp_protocol::session::BindAs;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, warn};

/// What the binds of one account share.
pub(super) struct Account {
    context: Context,
    gateway: watch::Receiver<Arc<Gateway>>,
    settings: Settings,
    shutdown: Shutdown,
    pacer: Mutex<Pacer>,
    states: Mutex<BTreeMap<u16, BindState>>,
    metrics: BindMetrics,
}

/// One bind, in words for an operator.
#[derive(Clone, Debug)]
struct BindState {
    word: &'static str,
    /// Why it is not bound; kept while another attempt is under way.
    reason: Option<String>,
    /// Bound, or not bound, since then, however many attempts there were.
    since: Timestamp,
}

impl BindState {
    fn after(
        last: Option<&BindState>,
        word: &'static str,
        reason: Option<String>,
        now: Timestamp,
    ) -> BindState {
        let same = last.filter(|last| is_bound(last.word) == is_bound(word));
        BindState {
            word,
            reason: reason.or_else(|| same.and_then(|last| last.reason.clone())),
            since: same.map_or(now, |last| last.since),
        }
    }
}

/// A bind that lasted this long was good: the next delay starts small again.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// Binds of one account start this far apart.
const STAGGER: Duration = Duration::from_millis(100);
/// A refused bind waits at least this long: accounts get locked for less.
const REFUSED_DELAY_MIN: Duration = Duration::from_secs(5);

/// Runs the account until its drain begins; returns when all binds are closed.
pub(super) async fn run(
    context: Context,
    gateway: watch::Receiver<Arc<Gateway>>,
    shutdown: Shutdown,
) {
    let record = gateway.borrow().clone();
    let settings = match Settings::of(&record, &context.config, &context.trust) {
        Ok(settings) => settings,
        Err(reason) => {
            error!(gateway = %record.id, name = %record.name, %reason, "the gateway cannot be started; change its record");
            let status = GatewayStatus {
                bind: "misconfigured",
                since: now(),
                bound: 0,
                wanted: 0,
                reason: Some(reason),
            };
            context.board.set(record.id, status);
            shutdown.drain.cancelled().await;
            return;
        }
    };
    let meta = record.meta.clone().map(Value::Object);
    for member in SmppSettings::unknown(meta.as_ref()) {
        warn!(gateway = %record.id, %member, "the bridge knows no such member of meta.smpp");
    }
    let on_unknown = settings.on_unknown;
    let account = Arc::new(Account {
        pacer: Mutex::new(Pacer::new(settings.throughput, Instant::now())),
        states: Mutex::new(BTreeMap::new()),
        metrics: BindMetrics::of(&context.metrics, record.id),
        context,
        gateway,
        settings,
        shutdown,
    });
    let context = &account.context;
    if !context
        .resolve_in_doubt(record.id, on_unknown, &account.shutdown)
        .await
    {
        return;
    }
    account
        .context
        .metrics
        .binds_wanted
        .with_label_values(&[label(record.id).as_str()])
        .set(i64::from(account.settings.binds));
    let mut binds = JoinSet::new();
    for number in 0..account.settings.binds {
        binds.spawn(keep_bound(account.clone(), number));
    }
    while let Some(ended) = binds.join_next().await {
        if let Err(e) = ended {
            error!(gateway = %record.id, error = %e, "a bind's task failed; the account starts anew");
            return;
        }
    }
}

/// Keeps one bind up until the drain begins.
async fn keep_bound(account: Arc<Account>, number: u16) {
    let mut delay = Duration::ZERO;
    let mut wait = STAGGER * u32::from(number);
    loop {
        tokio::select! {
            () = account.shutdown.drain.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let began = Instant::now();
        let ended = bind::run(&account, number).await;
        let name = label(account.id());
        account
            .context
            .metrics
            .bind_attempts
            .with_label_values(&[name.as_str(), ended.outcome()])
            .inc();
        if let Ended::Drained = ended {
            account.show(number, "unbound", None);
            return;
        }
        let min = if matches!(ended, Ended::Refused(_)) {
            REFUSED_DELAY_MIN
        } else {
            Duration::ZERO
        };
        let lasted = began.elapsed();
        if ended.was_bound() && lasted >= STABLE_AFTER {
            delay = Duration::ZERO;
        }
        delay = next_delay(
            delay,
            account.settings.reconnect_initial,
            account.settings.reconnect_max,
        )
        .max(min);
        let jitter = 0.8 + 0.4 * fastrand::f64();
        wait = delay.mul_f64(jitter);
        let reason = ended.reason();
        warn!(
            gateway = %account.id(), bind = number, %reason,
            lasted_s = lasted.as_secs(), retry_in_ms = wait.as_millis(),
            "not bound"
        );
        account.show(number, ended.word(), Some(reason));
    }
}

fn next_delay(last: Duration, initial: Duration, max: Duration) -> Duration {
    if last.is_zero() {
        initial
    } else {
        (last * 2).min(max)
    }
}

impl Account {
    fn id(&self) -> crate::message::GatewayId {
        self.gateway.borrow().id
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the board how a bind is; the account's word is that of its best bind.
    fn show(&self, number: u16, word: &'static str, reason: Option<String>) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = BindState::after(states.get(&number), word, reason, now());
        states.insert(number, state);
        let up = states.values().filter(|s| is_bound(s.word));
        let bound = up.clone().count();
        // Up since the first bind is, down since the last one is.
        let first = up.clone().min_by_key(|s| s.since);
        let last = states.values().max_by_key(|s| s.since);
        let mut best = first.or(last).cloned();
        if let Some(best) = &mut best
            && let Some(other) = up.filter(|s| s.word != best.word).min_by_key(|s| s.since)
        {
            best.word = BOUND_PAIR;
            best.since = best.since.max(other.since);
        }
        drop(states);
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        let name = label(self.id());
        self.context
            .metrics
            .binds_up
            .with_label_values(&[name.as_str()])
            .set(i64::from(bound));
        if let Some(best) = best {
            let status = GatewayStatus {
                bind: best.word,
                since: best.since,
                bound,
                wanted: u32::from(self.settings.binds),
                reason: best.reason,
            };
            self.context.board.set(self.id(), status);
        }
    }
}

/// The word of a bind that is up.
fn bound(bind_as: BindAs) -> &'static str {
    match bind_as {
        BindAs::Transceiver => "bound_trx",
        BindAs::Transmitter => "bound_tx",
        BindAs::Receiver => BOUND_RX,
    }
}

fn is_bound(word: &str) -> bool {
    matches!(word, "bound_trx" | "bound_tx" | BOUND_RX)
}

/// A transmitter and a receiver are up.
const BOUND_PAIR: &str = "bound_tx_rx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_down_since_it_was_lost_whatever_was_tried_since() {
        let after = |last: &BindState, word, reason: Option<&str>, at| {
            BindState::after(Some(last), word, reason.map(str::to_owned), Timestamp(at))
        };
        let bound = BindState::after(None, "bound_trx", None, Timestamp(1));
        let lost = after(&bound, "waiting", Some("lost"), 2);
        let trying = after(&lost, "connecting", None, 3);
        assert_eq!(trying.since, Timestamp(2));
        assert_eq!(trying.reason.as_deref(), Some("lost"));
        let refused = after(&trying, "bind_refused", Some("no"), 4);
        assert_eq!(refused.since, Timestamp(2));
        assert_eq!(refused.reason.as_deref(), Some("no"));
        let again = after(&refused, "bound_trx", None, 5);
        assert_eq!((again.since, again.reason), (Timestamp(5), None));
    }

    #[test]
    fn the_delay_doubles_to_its_limit() {
        let (initial, max) = (Duration::from_secs(1), Duration::from_secs(20));
        let mut delay = Duration::ZERO;
        let seconds: Vec<u64> = (0..7)
            .map(|_| {
                delay = next_delay(delay, initial, max);
                delay.as_secs()
            })
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 20, 20]);
    }
}
