//! Wall-clock instants as the log keeps them.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Later than everything.
    pub const NEVER: Timestamp = Timestamp(u64::MAX);

    pub fn from_unix_ms(ms: u64) -> Timestamp {
        Timestamp(ms.saturating_mul(1000))
    }

    pub fn unix_ms(self) -> u64 {
        self.0 / 1000
    }

    pub fn unix_s(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time from `earlier` to this one; zero when it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, d: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}
