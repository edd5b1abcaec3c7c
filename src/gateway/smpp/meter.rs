//! The metrics of one account, resolved once, so that counting costs no lookup.

use crate::message::GatewayId;
use crate::metrics::{GatewayMetrics, label};
use prometheus::{Histogram, IntCounter, IntGauge};
use smpp_protocol::command::CommandStatus;
use std::sync::Arc;

/// The metrics of one account, resolved once.
#[derive(Debug)]
pub(super) struct BindMetrics {
    pub(super) all: Arc<GatewayMetrics>,
    pub(super) name: String,
    pub(super) submits: IntCounter,
    pub(super) accepted: IntCounter,
    pub(super) response_seconds: Histogram,
    pub(super) unanswered: IntCounter,
    pub(super) late: IntCounter,
    pub(super) window_used: IntGauge,
    pub(super) paused: IntGauge,
}

/// What one bind adds to a gauge of its gateway, taken back with it.
#[derive(Debug)]
pub(super) struct Share {
    gauge: IntGauge,
    shown: i64,
}

impl Share {
    pub(super) fn of(gauge: &IntGauge) -> Share {
        Share {
            gauge: gauge.clone(),
            shown: 0,
        }
    }

    pub(super) fn set(&mut self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        if value != self.shown {
            self.gauge.add(value - self.shown);
            self.shown = value;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl BindMetrics {
    pub(super) fn of(all: &Arc<GatewayMetrics>, gateway: GatewayId) -> BindMetrics {
        let name = label(gateway);
        let of = [name.as_str()];
        let ok = CommandStatus::ESME_ROK.to_string();
        BindMetrics {
            submits: all.submits.with_label_values(&of),
            accepted: all
                .responses
                .with_label_values(&[name.as_str(), ok.as_str()]),
            response_seconds: all.response_seconds.with_label_values(&of),
            unanswered: all.unanswered.with_label_values(&of),
            late: all.late_responses.with_label_values(&of),
            window_used: all.window_used.with_label_values(&of),
            paused: all.paused.with_label_values(&of),
            all: all.clone(),
            name,
        }
    }

    /// Unknown statuses share one label: an upstream must not make up series without end.
    pub(super) fn status(&self, status: CommandStatus) -> IntCounter {
        let name = status.name().unwrap_or("vendor");
        self.all
            .responses
            .with_label_values(&[self.name.as_str(), name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_the_sum_of_the_shares_that_are_there() {
        let gauge = IntGauge::new("window_used", "of two binds").unwrap();
        let (mut one, mut other) = (Share::of(&gauge), Share::of(&gauge));
        one.set(10);
        other.set(5);
        assert_eq!(gauge.get(), 15);
        one.set(3);
        assert_eq!(gauge.get(), 8);
        drop(one);
        assert_eq!(gauge.get(), 5);
        drop(other);
        assert_eq!(gauge.get(), 0);
    }
}
