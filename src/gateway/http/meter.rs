//! The metrics of one HTTP upstream, under the names that binds have.

use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntGauge};

use super::request::End;
use crate::message::GatewayId;
use crate::metrics::{GatewayMetrics, label};

#[derive(Debug)]
pub(super) struct HttpMeter {
    all: Arc<GatewayMetrics>,
    name: String,
    pub(super) requests: IntCounter,
    pub(super) seconds: Histogram,
    pub(super) in_flight: IntGauge,
    pub(super) paused: IntGauge,
}

impl HttpMeter {
    pub(super) fn of(all: &Arc<GatewayMetrics>, gateway: GatewayId) -> HttpMeter {
        let name = label(gateway);
        let of = [name.as_str()];
        HttpMeter {
            requests: all.submits.with_label_values(&of),
            seconds: all.response_seconds.with_label_values(&of),
            in_flight: all.window_used.with_label_values(&of),
            paused: all.paused.with_label_values(&of),
            all: all.clone(),
            name,
        }
    }

    pub(super) fn count(&self, end: End) {
        let of = [self.name.as_str()];
        match class(end) {
            None => self.all.unanswered.with_label_values(&of).inc(),
            Some(class) => {
                let responses = &self.all.responses;
                responses
                    .with_label_values(&[self.name.as_str(), class])
                    .inc();
            }
        }
    }
}

/// `None`: there was no answer to classify.
fn class(end: End) -> Option<&'static str> {
    Some(match end {
        End::Unmade => "unsendable",
        End::NoConnection => "no_connection",
        End::Unanswered => return None,
        End::ErrorBody => "error_body",
        End::Answered(status) => match status.as_u16() {
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        },
    })
}
