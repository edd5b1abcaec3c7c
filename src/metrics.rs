//! What the people on call see: one struct of metrics an area, registered once.
//!
//! The help texts say what a sustained rise means. Labels are few and bounded:
//! gateways by id, states and statuses by name.

use crate::message::GatewayId;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};
use std::sync::Arc;

/// All areas, and the registry that `/metrics` renders.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub registry: Registry,
    /// Set at each look at `/metrics`: 1 while sends are taken.
    pub ready: IntGauge,
    pub store: Arc<StoreMetrics>,
    pub gateway: Arc<GatewayMetrics>,
    pub callback: Arc<CallbackMetrics>,
    pub http: Arc<HttpMetrics>,
}

#[derive(Debug)]
pub struct StoreMetrics {
    pub commit_seconds: Histogram,
    pub commit_octets: IntCounter,
    pub failures: IntCounter,
    pub reroutes: IntCounterVec,
    pub invariant_violations: IntCounterVec,
    pub recovery_frames: IntGauge,
    pub recovery_frames_left: IntGauge,
    pub recovery_milliseconds: IntGauge,
    open_messages: IntGauge,
    messages: IntGauge,
    orphans: IntGauge,
    callbacks: IntGauge,
    callbacks_dead: IntGauge,
    in_doubt: IntGauge,
    queue_messages: IntGaugeVec,
    queue_age: IntGaugeVec,
}

#[derive(Debug)]
pub struct GatewayMetrics {
    pub submits: IntCounterVec,
    pub responses: IntCounterVec,
    pub response_seconds: HistogramVec,
    pub receipts: IntCounterVec,
    pub orphans: IntCounterVec,
    pub mo: IntCounterVec,
    pub unanswered: IntCounterVec,
    pub late_responses: IntCounterVec,
    pub deviations: IntCounterVec,
    pub binds_up: IntGaugeVec,
    pub binds_wanted: IntGaugeVec,
    pub bind_attempts: IntCounterVec,
    pub window_used: IntGaugeVec,
    pub paused: IntGaugeVec,
}

#[derive(Debug)]
pub struct CallbackMetrics {
    pub attempts: IntCounterVec,
    pub seconds: Histogram,
    pub dead: IntCounter,
}

#[derive(Debug)]
pub struct HttpMetrics {
    pub requests: IntCounterVec,
    pub seconds: HistogramVec,
    pub auth_failures: IntCounter,
    pub auth_limited: IntCounter,
}

impl Metrics {
    /// Registers everything with a registry of its own.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let r = Registrar(&registry);
        let gateway = &["gateway"];
        Metrics {
            ready: r.gauge(
                "ready",
                "1 while sends are taken. 0: the log is full or fails, or the bridge stops; /readyz says which.",
            ),
            store: Arc::new(StoreMetrics {
                commit_seconds: r.histogram(
                    "store_commit_seconds",
                    "Time to make one batch durable. A rise means a slow disk: every answer waits for it.",
                    &[5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.2, 1.0, 5.0],
                ),
                commit_octets: r.counter("store_entry_octets_total", "Octets of entries written to the log."),
                failures: r.counter(
                    "store_failures_total",
                    "Failed writes. Any at all: look at the disk and the daemon's log.",
                ),
                reroutes: r.counter_vec(
                    "reroutes_total",
                    "Messages given to another gateway of their route. A rise: `from` is down, or refuses them.",
                    &["from", "to", "reason"],
                ),
                invariant_violations: r.counter_vec(
                    "invariant_violations_total",
                    "What must hold of every message and did not. Any at all: stop, keep a copy of the log, run `verify`.",
                    &["invariant"],
                ),
                recovery_frames: r.gauge(
                    "store_recovery_frames",
                    "Frames of the log that were read when it was opened last. A rise means more open messages.",
                ),
                recovery_frames_left: r.gauge(
                    "store_recovery_frames_left",
                    "Frames of the log still to be read after it was opened. Nothing is accepted until it is 0.",
                ),
                recovery_milliseconds: r.gauge(
                    "store_recovery_milliseconds",
                    "Time the log took to be read when it was opened last. A rise means more open messages.",
                ),
                open_messages: r.gauge(
                    "messages_open",
                    "Messages without a verdict, or with callbacks to make. A steady rise means missing receipts.",
                ),
                messages: r.gauge("messages_in_memory", "Messages in memory, open and recently finished. A rise means more open messages."),
                orphans: r.gauge(
                    "orphan_receipts",
                    "Receipts that name no known message. A rise points to a wrong receipt_id rule or a foreign sender.",
                ),
                callbacks: r.gauge(
                    "callbacks_pending",
                    "Callbacks not yet accepted. A rise means that an application does not take them.",
                ),
                callbacks_dead: r.gauge("callbacks_dead", "Callbacks given up. A rise means that an application was away for longer than give_up_after_s; they can be made again."),
                in_doubt: r.gauge(
                    "messages_in_doubt",
                    "Messages that were in flight when an answer got lost, and may have been sent twice. A rise means lost connections or late answers.",
                ),
                queue_messages: r.gauge_vec("queue_messages", "Messages waiting for the gateway. A rise means the upstream takes less than comes in; at limits.queued_per_gateway sends are refused.", gateway),
                queue_age: r.gauge_vec(
                    "queue_oldest_milliseconds",
                    "For how long the oldest message has waited since it was due. A rise means the upstream takes less than comes in.",
                    gateway,
                ),
            }),
            gateway: Arc::new(GatewayMetrics {
                submits: r.counter_vec("submits_total", "Segments sent to the upstream.", gateway),
                responses: r.counter_vec(
                    "submit_responses_total",
                    "Answers to submits by status; of HTTP upstreams by class, with no_connection and error_body (2xx, but refused). ESME_RTHROTTLED or 4xx in numbers: the rate is above the contract, or the account is refused.",
                    &["gateway", "status"],
                ),
                response_seconds: r.histogram_vec(
                    "submit_response_seconds",
                    "From a segment's submit to its answer. A rise means a slow upstream: with the window it limits the rate.",
                    &[1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0],
                    gateway,
                ),
                receipts: r.counter_vec("receipts_total", "Receipts by the state they tell.", &["gateway", "state"]),
                orphans: r.counter_vec("orphan_receipts_total", "Receipts that named no known message. A rise points to a wrong receipt_id rule or a foreign sender.", gateway),
                mo: r.counter_vec("mo_total", "Mobile-originated messages by class.", &["gateway", "class"]),
                unanswered: r.counter_vec(
                    "submits_unanswered_total",
                    "Submits whose outcome is unknown. A rise means lost connections or an overloaded upstream; each may be a duplicate later.",
                    gateway,
                ),
                late_responses: r.counter_vec("late_responses_total", "Answers after the response timer. A rise means that response_timeout_s is too short for this upstream.", gateway),
                deviations: r.counter_vec(
                    "smpp_quirk_total",
                    "Departures from the specification that were tolerated, by kind. A rise of a new kind: the upstream has changed.",
                    &["gateway", "quirk"],
                ),
                binds_up: r.gauge_vec("binds_up", "Binds that are up. Below binds_wanted for long: the gateway's status says why.", gateway),
                binds_wanted: r.gauge_vec("binds_wanted", "Binds that should be up.", gateway),
                bind_attempts: r.counter_vec(
                    "bind_attempts_total",
                    "Attempts to bind, by outcome. A rise of anything but bound means a flapping upstream.",
                    &["gateway", "outcome"],
                ),
                window_used: r.gauge_vec("window_used", "Submits without an answer. At window × binds, or at window over HTTP: the upstream is the limit.", gateway),
                paused: r.gauge_vec("throttle_pause", "1 while the gateway pauses because the upstream asked for less. For long: set throughput to what the contract says.", gateway),
            }),
            callback: Arc::new(CallbackMetrics {
                attempts: r.counter_vec("callback_attempts_total", "Attempts to make a callback, by outcome. A rise of anything but delivered means that an application is down or refuses them.", &["outcome"]),
                seconds: r.histogram(
                    "callback_seconds",
                    "Time of one attempt to make a callback. A rise means a slow application.",
                    &[1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0, 10.0],
                ),
                dead: r.counter("callbacks_dead_total", "Callbacks given up after their last attempt. Any at all: see /api/dead-callbacks."),
            }),
            http: Arc::new(HttpMetrics {
                requests: r.counter_vec("http_requests_total", "API requests by route and status.", &["route", "status"]),
                seconds: r.histogram_vec(
                    "http_request_seconds",
                    "Time to answer an API request. A rise: sends wait for the upstream, everything for the disk.",
                    &[5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0, 10.0],
                    &["route"],
                ),
                auth_failures: r.counter("http_auth_failures_total", "Requests with a missing or wrong credential. A rise means a client with an old token, or somebody who guesses."),
                auth_limited: r.counter(
                    "http_auth_limited_total",
                    "Requests refused unseen, because their address brought too many wrong credentials. Somebody guesses, or holds an old token.",
                ),
            }),
            registry,
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl GatewayMetrics {
    /// Takes away what a gateway's task tells of now: it has ended. Totals stay.
    pub(crate) fn forget(&self, gateway: GatewayId) {
        let name = label(gateway);
        for gauge in [
            &self.binds_up,
            &self.binds_wanted,
            &self.window_used,
            &self.paused,
        ] {
            // One that was never set is not there.
            let _ = gauge.remove_label_values(&[&name]);
        }
    }
}

impl StoreMetrics {
    /// Publishes the ledger's figures.
    pub(crate) fn publish(&self, figures: &crate::message::Figures) {
        let gauge = |g: &IntGauge, n: usize| g.set(i64::try_from(n).unwrap_or(i64::MAX));
        gauge(&self.open_messages, figures.open_messages);
        gauge(&self.messages, figures.messages);
        gauge(&self.orphans, figures.orphans);
        gauge(&self.callbacks, figures.callbacks);
        gauge(&self.callbacks_dead, figures.callbacks_dead);
        gauge(&self.in_doubt, figures.in_doubt);
        for lane in &figures.lanes {
            let name = label(lane.gateway);
            gauge(
                &self.queue_messages.with_label_values(&[&name]),
                lane.queued,
            );
            let age = i64::try_from(lane.oldest_ms).unwrap_or(i64::MAX);
            self.queue_age.with_label_values(&[&name]).set(age);
        }
    }
}

/// A gateway as a label.
pub fn label(gateway: GatewayId) -> String {
    gateway.0.to_string()
}

const NAMESPACE: &str = "smpp_bridge";

/// Makes metrics and registers them. The names are constants of this file, so neither
/// can fail.
struct Registrar<'a>(&'a Registry);

impl Registrar<'_> {
    fn register<M: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<M>,
    ) -> M {
        let metric = made.expect("a metric's name and labels are well formed");
        self.0
            .register(Box::new(metric.clone()))
            .expect("a metric's name is used once");
        metric
    }

    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace(NAMESPACE)
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Self::opts(name, help)))
    }

    fn counter_vec(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Self::opts(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Self::opts(name, help)))
    }

    fn gauge_vec(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Self::opts(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    fn histogram_vec(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: &[&str],
    ) -> HistogramVec {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The names in a text, without what a histogram's series add.
    fn named(text: &str) -> BTreeSet<&str> {
        let prefix = "smpp_bridge_";
        let found = text.match_indices(prefix).map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            let name = &rest[prefix.len()..end.unwrap_or(rest.len())];
            name.strip_suffix("_bucket").unwrap_or(name)
        });
        found.collect()
    }

    #[test]
    fn every_metric_that_is_written_about_is_there() {
        let metrics = Metrics::new();
        // A name that is taken cannot be registered with another meaning.
        let is_taken = |name: &str| {
            let opts = Registrar::opts(name, "taken?");
            let other = IntGauge::with_opts(opts).unwrap();
            metrics.registry.register(Box::new(other)).is_err()
        };
        for (text, names_min) in [
            (include_str!("../config/alerts.yml"), 12),
            (include_str!("../README.md"), 8),
            (include_str!("../drills/README.md"), 1),
        ] {
            let names = named(text);
            assert!(names.len() >= names_min, "{names:?}");
            let missing: Vec<&str> = names.into_iter().filter(|n| !is_taken(n)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
