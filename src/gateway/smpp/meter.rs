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
