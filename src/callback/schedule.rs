//! When a callback that was not accepted is due again, and when it is given up.
//!
//! Pure: the time and the dice come in.

use std::time::Duration;

use crate::{config::CallbackConfig, message::Timestamp};

/// The schedule, as documented
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) initial: Duration,
    pub(super) max: Duration,
    pub(super) give_up_after: Duration,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    At(Timestamp),
    GiveUp,
}

/// No receiver may put us off for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Delays vary by this share either way, so that what failed together does not return together.
const JITTER: f64 = 0.2;

impl Schedule {
    pub(super) fn new(config: &CallbackConfig) -> Schedule {
        Schedule {
            initial: config.backoff_initial,
            max: config.backoff_max,
            give_up_after: config.give_up_after,
        }
    }

    /// The wait after the `attempt`th attempt, from 1, without jitter.
    pub(super) fn delay(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.initial.saturating_mul(1 << doublings).min(self.max)
    }

    /// `dice` is between 0 and 1. The last attempt is made at the deadline itself, and a callback
    /// that was first tried behind it, because we were down, has had its one attempt.
    pub(super) fn after_failure(
        &self,
        attempt: u32,
        created_at: Timestamp,
        retry_after: Option<Duration>,
        now: Timestamp,
        dice: f64,
    ) -> Next {
        if self.is_overdue(created_at, now) {
            return Next::GiveUp;
        }
        let jitter = 1.0 - JITTER + 2.0 * JITTER * dice.clamp(0.0, 1.0);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let wait = self.delay(attempt).mul_f64(jitter).max(asked);
        Next::At((now + wait).min(created_at + self.give_up_after))
    }

    pub(super) fn is_overdue(&self, created_at: Timestamp, now: Timestamp) -> bool {
        now >= created_at + self.give_up_after
    }
}

/// Reads a `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let format = &time::format_description::well_known::Rfc2822;
    let at = time::OffsetDateTime::parse(value, format).ok()?;
    let at = u64::try_from(at.unix_timestamp()).ok()?;
    Some(Duration::from_secs(at.saturating_sub(now.unix_s())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(300),
        give_up_after: Duration::from_secs(86_400),
    };
    const BORN: Timestamp = Timestamp(1_700_000_000_000_000);

    fn after(attempt: u32, retry_after: Option<u64>, age: u64, dice: f64) -> Option<Duration> {
        let now = BORN + Duration::from_secs(age);
        let asked = retry_after.map(Duration::from_secs);
        match SCHEDULE.after_failure(attempt, BORN, asked, now, dice) {
            Next::At(at) => Some(at.since(now)),
            Next::GiveUp => None,
        }
    }

    #[test]
    fn delays_double_from_the_first_to_the_longest() {
        let delays = [1, 2, 3, 8, 9, 10, 11, 40, u32::MAX].map(|n| SCHEDULE.delay(n).as_secs());
        assert_eq!(delays, [1, 2, 4, 128, 256, 300, 300, 300, 300]);
    }

    #[test]
    fn jitter_is_a_fifth_either_way() {
        let wait = |dice| after(3, None, 0, dice).unwrap().as_millis();
        assert_eq!([wait(0.0), wait(0.5), wait(1.0)], [3200, 4000, 4800]);
    }

    #[test]
    fn a_receiver_may_ask_for_more_but_for_an_hour_at_most() {
        let wait = |asked| after(1, Some(asked), 0, 0.5).unwrap().as_secs();
        assert_eq!([wait(0), wait(7), wait(86_400)], [1, 7, 3600]);
    }

    #[test]
    fn the_last_attempt_is_made_at_the_deadline() {
        let wait = |age| after(20, None, age, 0.5);
        assert_eq!(wait(86_400 - 10), Some(Duration::from_secs(10)));
        assert_eq!(wait(86_400), None);
        assert_eq!(wait(200_000), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_unix_ms(1_445_412_479_000);
        let read = |value| retry_after(value, now).map(|d| d.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(1));
        assert_eq!(read("Wed, 21 Oct 2015 07:27:00 GMT"), Some(0));
        for odd in ["", "-1", "soon", "1.5", "99999999999999"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
