//! `[callbacks]`: how the outbox delivers to subscribers.

use std::time::Duration;

use super::{
    table::Table,
    value::{self, TEXT_MAX},
};

/// One schedule for every callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackConfig {
    /// `timeout_ms`: one attempt, from connecting to the end of the answer. Default 10 s: a busy
    /// application answers within it, and a hanging one does not hold a connection for long.
    pub timeout: Duration,
    /// `backoff_initial_ms`: wait after the first failed attempt; doubled after each further one.
    /// Default 1 s.
    pub backoff_initial: Duration,
    /// `backoff_max_ms`: no wait is longer. Default 300 s: a subscriber that is back is noticed
    /// within five minutes.
    pub backoff_max: Duration,
    /// `give_up_after_s`: this long after the event the callback is dead, and stays re-deliverable
    /// by hand. Default 24 h: a weekend's night shift can repair its server.
    pub give_up_after: Duration,
    /// Whether a URL that came in a request may resolve to loopback, link-local, private or
    /// multicast addresses. Default false: whoever may send must not reach our inner network. URLs
    /// of this file are trusted anyway.
    pub allow_private_networks: bool,
    /// The claim `iss` of the tokens that sign callbacks to service profiles. Default "smpp-bridge".
    pub jwt_issuer: String,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            backoff_initial: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            give_up_after: Duration::from_secs(24 * 60 * 60),
            allow_private_networks: false,
            jwt_issuer: "smpp-bridge".to_owned(),
        }
    }
}

impl CallbackConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let callbacks = Self {
            timeout: table.or("timeout_ms", default.timeout, value::millis(100..=120_000)),
            backoff_initial: table.or(
                "backoff_initial_ms",
                default.backoff_initial,
                value::millis(10..=3_600_000),
            ),
            backoff_max: table.or(
                "backoff_max_ms",
                default.backoff_max,
                value::millis(10..=86_400_000),
            ),
            give_up_after: table.or(
                "give_up_after_s",
                default.give_up_after,
                value::seconds(1..=2_592_000),
            ),
            allow_private_networks: table.or(
                "allow_private_networks",
                default.allow_private_networks,
                value::flag,
            ),
            jwt_issuer: table.or("jwt_issuer", default.jwt_issuer, value::text(TEXT_MAX)),
        };
        if callbacks.backoff_max < callbacks.backoff_initial {
            table.complain("backoff_max_ms", "is less than `backoff_initial_ms`");
        }
        callbacks
    }
}
