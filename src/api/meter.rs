//! Counts and times the requests of one route. The series are looked up once, not once a request.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use prometheus::{Histogram, IntCounter};
use tower_service::Service;

use crate::metrics::HttpMetrics;

/// The series of one route.
#[derive(Debug)]
struct Series {
    metrics: Arc<HttpMetrics>,
    route: &'static str,
    seconds: Histogram,
    by_status: [OnceLock<IntCounter>; STATUSES.len()],
}

/// Statuses that routes answer with; any other is counted as the last.
const STATUSES: [u16; 19] = [
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 501, 502, 503, 504,
];

impl Series {
    fn count(&self, status: u16, began: Instant) {
        self.seconds.observe(began.elapsed().as_secs_f64());
        let counter = |label: &str| {
            self.metrics
                .requests
                .with_label_values(&[self.route, label])
        };
        match STATUSES.iter().position(|s| *s == status) {
            Some(place) => self.by_status[place]
                .get_or_init(|| counter(&status.to_string()))
                .inc(),
            None => counter("other").inc(),
        }
    }
}

/// A layer that meters one route.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<Series>);

impl Meter {
    pub(super) fn new(metrics: &Arc<HttpMetrics>, route: &'static str) -> Meter {
        Meter(Arc::new(Series {
            metrics: metrics.clone(),
            route,
            seconds: metrics.seconds.with_label_values(&[route]),
            by_status: std::array::from_fn(|_| OnceLock::new()),
        }))
    }
}

impl<S> tower_layer::Layer<S> for Meter {
    type Service = Metered<S>;

    fn layer(&self, inner: S) -> Metered<S> {
        Metered {
            series: self.0.clone(),
            inner,
        }
    }
}

/// A route that is metered.
#[derive(Clone, Debug)]
pub(super) struct Metered<S> {
    series: Arc<Series>,
    inner: S,
}

impl<S> Service<Request> for Metered<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let began = Instant::now();
        let answer = self.inner.call(request);
        let series = self.series.clone();
        Box::pin(async move {
            let answer = answer.await?;
            series.count(answer.status().as_u16(), began);
            Ok(answer)
        })
    }
}
