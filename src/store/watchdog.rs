//! The eye on a commit that does not end.

use super::Health;
use super::writer::{LOOK_EVERY, now};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::error;

/// A commit that takes longer makes the log unhealthy …
const COMMIT_SLOW: Duration = Duration::from_secs(5);
/// … and one that takes this long ends the process: a restart is safe.
const COMMIT_STUCK: Duration = Duration::from_secs(30);

/// Sees a commit that does not end.
#[derive(Debug)]
pub(super) struct Watchdog {
    started: Instant,
    /// Milliseconds after `started` when the present commit began, plus one; 0: none.
    began: AtomicU64,
}

impl Watchdog {
    pub(super) fn new() -> Watchdog {
        Watchdog {
            started: Instant::now(),
            began: AtomicU64::new(0),
        }
    }

    pub(super) fn begin(&self) {
        self.began.store(self.elapsed_ms() + 1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Watches until the writer is gone.
    pub(super) fn run(watchdog: &std::sync::Weak<Watchdog>, health: &watch::Sender<Health>) {
        let mut complained = false;
        loop {
            std::thread::sleep(LOOK_EVERY);
            let Some(w) = watchdog.upgrade() else { return };
            let began = w.began.load(Ordering::Relaxed);
            let took = match began {
                0 => Duration::ZERO,
                b => Duration::from_millis(w.elapsed_ms().saturating_sub(b - 1)),
            };
            if took > COMMIT_STUCK {
                error!(
                    seconds = took.as_secs(),
                    "a commit does not end; the process gives up, a restart is safe"
                );
                std::process::abort();
            }
            if took > COMMIT_SLOW && !complained {
                complained = true;
                let reason = "a commit takes more than five seconds".to_owned();
                health.send_replace(Health::Failing {
                    reason,
                    since: now(),
                });
            } else if took.is_zero() && complained {
                complained = false;
                health.send_replace(Health::Open);
            }
        }
    }
}
