//! Identifiers, each with its owner in its name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Our number of a message, mobile-terminated or mobile-originated.
///
/// Ordered by acceptance, unique over all nodes, and below 2^53, so that every
/// JSON reader keeps it: milliseconds since 2024 above, then a counter, then the
/// node in the lowest four bits. Zero is nobody.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MessageId(pub u64);

/// 2024-01-01T00:00:00Z in milliseconds.
const EPOCH_MS: u64 = 1_704_067_200_000;
const NODE_BITS: u32 = 4;
const COUNTER_BITS: u32 = 8;

impl MessageId {
    /// The subject of events that concern no message.
    pub const NONE: MessageId = MessageId(0);

    /// The id after this one at the time `now_ms` (Unix milliseconds).
    ///
    /// More than 256 a millisecond run ahead of the clock and stay unique.
    #[must_use]
    pub fn next(self, now_ms: u64, node: u8) -> MessageId {
        let by_clock = now_ms.saturating_sub(EPOCH_MS) << COUNTER_BITS;
        let by_count = (self.0 >> NODE_BITS) + 1;
        MessageId(by_clock.max(by_count) << NODE_BITS | u64::from(node & 0x0F))
    }

    /// Unix milliseconds at which the id was given, as far as it tells.
    pub fn given_at_ms(self) -> u64 {
        (self.0 >> (NODE_BITS + COUNTER_BITS)) + EPOCH_MS
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A gateway's number, from 1, never used twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct GatewayId(pub u32);

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One callback of a message: its number among that message's callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallbackId {
    pub message: MessageId,
    pub number: u32,
}

/// An orphan receipt's number, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrphanId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_stay_below_two_to_the_53() {
        let now = 1_795_000_000_000;
        let mut id = MessageId::NONE;
        for _ in 0..10_000 {
            let next = id.next(now, 3);
            assert!(next > id);
            assert_eq!(next.0 & 0x0F, 3);
            id = next;
        }
        assert!(id.next(now - 5_000, 3) > id, "a clock that steps back");
        let in_60_years = now + 60 * 365 * 86_400_000;
        assert!(id.next(in_60_years, 0).0 < 1 << 53);
    }
}
