//! When those come back that there was no room for: one after the other, as fast as their
//! receiver takes them, so that asking the store again costs little however many there are.
//!
//! Pure: the time comes in.

use std::time::Duration;

use crate::message::Timestamp;

/// Of one URL, or of one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Smoothed time of one attempt.
    attempt: Duration,
    /// The least that it ever was; `None` before the first.
    fastest: Option<Duration>,
    last: Timestamp,
}

/// Nobody comes back sooner: a commit of the store takes about as long.
const SOONEST: Duration = Duration::from_millis(5);
/// Places further away than this are given anew from the front: what recovers is noticed by all
/// within half a minute.
const HORIZON: Duration = Duration::from_secs(30);
const STEP_MIN: Duration = Duration::from_micros(20);
const STEP_MAX: Duration = Duration::from_millis(20);
/// The step where nothing is taken at all: 2,000 looks a second, about a hundredth of a core.
const STEP_DEAD: Duration = Duration::from_micros(500);

impl Default for Pace {
    fn default() -> Self {
        Pace {
            attempt: Duration::from_millis(5),
            fastest: None,
            last: Timestamp::default(),
        }
    }
}

impl Pace {
    pub(super) fn observe(&mut self, took: Duration) {
        self.attempt = match self.fastest {
            None => took,
            Some(_) => (self.attempt * 7 + took) / 8,
        };
        let fastest = self.fastest.unwrap_or(took);
        self.fastest = Some(fastest.min(self.attempt));
    }

    /// Attempts take twice as long as they once did.
    pub(super) fn is_slowing(&self) -> bool {
        self.fastest.is_some_and(|f| self.attempt > 2 * f)
    }

    /// A place behind those already given, where `at_once` attempts are made at a time.
    pub(super) fn place(&mut self, now: Timestamp, at_once: usize) -> Timestamp {
        let at_once = u32::try_from(at_once.max(1)).unwrap_or(u32::MAX);
        let step = (self.attempt / at_once).clamp(STEP_MIN, STEP_MAX);
        self.next(now + SOONEST, step)
    }

    /// A place not before the next look at a receiver that is down.
    pub(super) fn place_behind(&mut self, until: Timestamp) -> Timestamp {
        self.next(until, STEP_DEAD)
    }

    fn next(&mut self, soonest: Timestamp, step: Duration) -> Timestamp {
        let next = self.last + step;
        self.last = if next < soonest || next > soonest + HORIZON {
            soonest
        } else {
            next
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    #[test]
    fn places_follow_one_another_as_fast_as_the_receiver_is() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.observe(Duration::from_millis(64));
        }
        let first = pace.place(NOW, 64);
        let second = pace.place(NOW, 64);
        assert_eq!(first.since(NOW), SOONEST);
        let step = second.since(first).as_micros();
        assert!((950..=1000).contains(&step), "{step}");
    }

    #[test]
    fn it_slows_when_attempts_take_twice_as_long() {
        let mut pace = Pace::default();
        assert!(!pace.is_slowing());
        for took in [200, 200, 150, 250, 200] {
            pace.observe(Duration::from_millis(took));
            assert!(!pace.is_slowing(), "{took}");
        }
        for _ in 0..20 {
            pace.observe(Duration::from_millis(450));
        }
        assert!(pace.is_slowing());
        for _ in 0..20 {
            pace.observe(Duration::from_millis(200));
        }
        assert!(!pace.is_slowing());
    }

    #[test]
    fn places_stay_within_the_horizon() {
        let mut pace = Pace::default();
        let until = NOW + Duration::from_secs(5);
        let farthest = (0..200_000)
            .map(|_| pace.place_behind(until))
            .max()
            .unwrap();
        assert!(farthest <= until + HORIZON);
        assert!(farthest > until + HORIZON / 2);
    }
}
