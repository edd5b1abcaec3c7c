//! What keeps a dead receiver cheap: after a failure nobody tries for a while, then one does.
//!
//! Pure: the time comes in.

use std::time::Duration;

use crate::message::Timestamp;

/// Of one URL, or of one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    /// In a row; 0 is closed.
    failures: u32,
    open_until: Timestamp,
    /// A probe is under way, and nobody else tries until then.
    probing_until: Timestamp,
}

/// How long a breaker waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) initial: Duration,
    pub(super) max: Duration,
    /// A probe that has not come back by then is given up.
    pub(super) probe: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// To be asked again then.
    Shut(Timestamp),
}

/// While a probe is under way the others come to look this often.
const GLANCE: Duration = Duration::from_millis(500);

impl Breaker {
    /// Asks without taking part.
    pub(super) fn gate(&self, now: Timestamp, patience: Patience) -> Gate {
        // A clock that stepped back must not keep it shut.
        let holds = |until: Timestamp, most: Duration| now < until && until <= now + most;
        if self.failures == 0 {
            Gate::Open
        } else if holds(self.open_until, patience.max) {
            Gate::Shut(self.open_until)
        } else if holds(self.probing_until, patience.probe) {
            Gate::Shut(now + GLANCE)
        } else {
            Gate::Open
        }
    }

    /// One attempt goes through the open gate: it is the probe, where there were failures.
    pub(super) fn pass(&mut self, now: Timestamp, patience: Patience) {
        if self.failures > 0 {
            self.probing_until = now + patience.probe;
        }
    }

    /// An attempt failed. True: this is news, and not one of many that began before it.
    pub(super) fn fail(&mut self, now: Timestamp, patience: Patience) -> bool {
        if now < self.open_until && self.open_until <= now + patience.max {
            return false;
        }
        let doublings = self.failures.min(31);
        let wait = patience.initial.saturating_mul(1 << doublings);
        self.failures = self.failures.saturating_add(1);
        self.open_until = now + wait.min(patience.max);
        self.probing_until = Timestamp::default();
        true
    }

    pub(super) fn succeed(&mut self) {
        *self = Breaker::default();
    }

    /// The last attempt failed.
    pub(super) fn is_open(&self) -> bool {
        self.failures > 0
    }

    /// Nothing would be forgotten by dropping it.
    pub(super) fn is_idle(&self, now: Timestamp, patience: Patience) -> bool {
        self.failures == 0 || now >= self.open_until.max(self.probing_until) + 10 * patience.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(5),
        probe: Duration::from_secs(11),
    };

    fn at(s: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_700_000_000_000 + s * 1000)
    }

    #[test]
    fn one_probe_goes_when_the_wait_is_over_and_decides() {
        let mut b = Breaker::default();
        assert_eq!(b.gate(at(0), PATIENCE), Gate::Open);
        assert!(b.fail(at(0), PATIENCE));
        assert_eq!(b.gate(at(0), PATIENCE), Gate::Shut(at(1)));
        assert_eq!(b.gate(at(1), PATIENCE), Gate::Open);
        b.pass(at(1), PATIENCE);
        assert!(matches!(b.gate(at(1), PATIENCE), Gate::Shut(_)));
        assert!(b.fail(at(2), PATIENCE));
        assert_eq!(b.gate(at(2), PATIENCE), Gate::Shut(at(4)));
        b.pass(at(4), PATIENCE);
        b.succeed();
        assert_eq!(b.gate(at(4), PATIENCE), Gate::Open);
    }

    #[test]
    fn attempts_that_fail_together_count_once() {
        let mut b = Breaker::default();
        assert!(b.fail(at(0), PATIENCE));
        assert!((0..64).all(|_| !b.fail(at(0), PATIENCE)));
        assert_eq!(b.gate(at(0), PATIENCE), Gate::Shut(at(1)));
    }

    #[test]
    fn waits_are_bounded_and_survive_a_clock_that_steps_back() {
        let mut b = Breaker::default();
        for n in 0..40 {
            b.fail(at(n * 10), PATIENCE);
        }
        assert_eq!(b.gate(at(390), PATIENCE), Gate::Shut(at(395)));
        assert_eq!(b.gate(at(100), PATIENCE), Gate::Open);
    }

    #[test]
    fn a_probe_that_never_returns_is_replaced() {
        let mut b = Breaker::default();
        b.fail(at(0), PATIENCE);
        b.pass(at(1), PATIENCE);
        assert!(matches!(b.gate(at(11), PATIENCE), Gate::Shut(_)));
        assert_eq!(b.gate(at(12), PATIENCE), Gate::Open);
    }
}
