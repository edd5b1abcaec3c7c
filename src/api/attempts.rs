//! Wrong credentials by source address: whoever tries too many in a minute is not listened to for
//! the rest of it, so that nobody finds a token by trying.
//!
//! Loopback is never limited: behind a proxy on this machine that is not configured as trusted,
//! everybody has its address. A request without any credential is no attempt.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered, at most: half a megabyte. While so many fail within a minute, a
/// further one is not counted; a limit by address does not stop such an attack anyway.
const ADDRESSES_MAX: usize = 10_000;

/// The failures of the last minute.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Failures of one address in a window; 0 is without a limit.
    failures_max: u32,
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    ends_at: Instant,
    failures: u32,
}

impl Attempts {
    pub(super) fn new(failures_max: u32) -> Attempts {
        Attempts {
            failures_max,
            windows: Mutex::default(),
        }
    }

    /// Whether a credential from this address is looked at; if not, after how long it will be.
    pub(super) fn admit(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let Some(source) = self.source(address) else {
            return Ok(());
        };
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        match windows.get(&source) {
            Some(w) if w.failures >= self.failures_max && now < w.ends_at => Err(w.ends_at - now),
            _ => Ok(()),
        }
    }

    /// A credential from this address was wrong.
    pub(super) fn failed(&self, address: Option<IpAddr>, now: Instant) {
        let Some(source) = self.source(address) else {
            return;
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES_MAX && !windows.contains_key(&source) {
            windows.retain(|_, w| now < w.ends_at);
            if windows.len() >= ADDRESSES_MAX {
                return;
            }
        }
        let fresh = Window {
            ends_at: now + WINDOW,
            failures: 0,
        };
        let window = windows.entry(source).or_insert(fresh);
        if now >= window.ends_at {
            *window = fresh;
        }
        window.failures = window.failures.saturating_add(1);
    }

    /// Whose attempts are counted together: an IPv6 customer has a network of 2^64 addresses.
    fn source(&self, address: Option<IpAddr>) -> Option<IpAddr> {
        let source = match address.filter(|_| self.failures_max > 0)? {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                let network = u128::from(v6) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            other => other,
        };
        Some(source).filter(|ip| !ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_that_fails_too_often_waits_for_the_end_of_its_minute() {
        let began = Instant::now();
        let attempts = Attempts::new(3);
        let stranger = ip("192.0.2.1");
        for _ in 0..3 {
            assert!(attempts.admit(stranger, began).is_ok());
            attempts.failed(stranger, began);
        }
        let later = began + Duration::from_secs(20);
        assert_eq!(
            attempts.admit(stranger, later),
            Err(WINDOW - Duration::from_secs(20))
        );
        assert!(attempts.admit(ip("192.0.2.2"), later).is_ok());
        assert!(attempts.admit(stranger, began + WINDOW).is_ok());
        attempts.failed(stranger, began + WINDOW);
        assert!(
            attempts.admit(stranger, began + WINDOW).is_ok(),
            "the count begins anew"
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_loopback_is_none() {
        let now = Instant::now();
        let attempts = Attempts::new(1);
        attempts.failed(ip("2001:db8::1"), now);
        assert!(attempts.admit(ip("2001:db8::ffff:2"), now).is_err());
        assert!(attempts.admit(ip("2001:db8:0:1::1"), now).is_ok());
        for exempt in [ip("127.0.0.1"), ip("::1"), None] {
            attempts.failed(exempt, now);
            assert!(attempts.admit(exempt, now).is_ok(), "{exempt:?}");
        }
        let off = Attempts::new(0);
        off.failed(ip("192.0.2.1"), now);
        assert!(off.admit(ip("192.0.2.1"), now).is_ok());
    }

    #[test]
    fn memory_stays_bounded_and_what_is_over_makes_room() {
        let now = Instant::now();
        let attempts = Attempts::new(1);
        let nth = |n: usize| {
            Some(IpAddr::from(
                u32::try_from(n + (1 << 24)).unwrap().to_be_bytes(),
            ))
        };
        for n in 0..=ADDRESSES_MAX {
            attempts.failed(nth(n), now);
        }
        assert!(attempts.admit(nth(ADDRESSES_MAX - 1), now).is_err());
        assert!(attempts.admit(nth(ADDRESSES_MAX), now).is_ok());
        attempts.failed(nth(ADDRESSES_MAX), now + WINDOW);
        assert!(attempts.admit(nth(ADDRESSES_MAX), now + WINDOW).is_err());
        assert_eq!(attempts.windows.lock().unwrap().len(), 1);
    }
}
