//! Concatenation references of long messages.

use super::GatewayId;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, Ordering};

/// Gives out the 8-bit references that tell a handset which segments belong together.
///
/// Each pair of gateway and destination counts in its own bucket, so that a reference
/// returns after 256 messages only; buckets are shared when there are more pairs, which
/// at worst returns one sooner. They begin at random: a restart does not repeat the
/// latest ones.
#[derive(Debug)]
pub struct References {
    hasher: RandomState,
    buckets: Box<[AtomicU8]>,
}

const BUCKETS: usize = 4096;

impl References {
    pub fn new() -> References {
        References {
            hasher: RandomState::new(),
            buckets: (0..BUCKETS)
                .map(|_| AtomicU8::new(fastrand::u8(..)))
                .collect(),
        }
    }

    pub fn next(&self, gateway: GatewayId, destination: &str) -> u8 {
        self.bucket(gateway, destination)
            .fetch_add(1, Ordering::Relaxed)
    }

    /// What [`References::next`] would give, which is not given thereby.
    pub fn peek(&self, gateway: GatewayId, destination: &str) -> u8 {
        self.bucket(gateway, destination).load(Ordering::Relaxed)
    }

    fn bucket(&self, gateway: GatewayId, destination: &str) -> &AtomicU8 {
        let hash = self.hasher.hash_one((gateway, destination));
        let bucket = usize::try_from(hash % BUCKETS as u64).expect("it is below the buckets");
        &self.buckets[bucket]
    }
}

impl Default for References {
    fn default() -> Self {
        References::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_does_not_return_within_255_messages() {
        let references = References::new();
        let mut seen = [false; 256];
        for _ in 0..256 {
            let peeked = references.peek(GatewayId(1), "4915112345678");
            let next = references.next(GatewayId(1), "4915112345678");
            assert_eq!(peeked, next);
            assert!(!std::mem::replace(&mut seen[usize::from(next)], true));
        }
    }
}
