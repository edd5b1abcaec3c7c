//! One request: from a leased message to what became of it.
//!
//! What always holds: once an octet of a request may have been written, it is never written again.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::time::{Duration, Instant, timeout_at};
use tracing::warn;

use super::answer::{Verdict, bounded};
use super::way::Way;
use crate::client::{Answer, Connection, Limits};
use crate::message::{Disposition, OnUnknown, RefusalClass, recorded_answer};
use crate::store::{Lease, Outcome};

/// A request that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) lease: Lease,
    pub(super) outcome: Outcome,
    pub(super) end: End,
    pub(super) took: Duration,
    /// Still open, and the way it leads.
    pub(super) connection: Option<(Connection, Arc<Way>)>,
}

/// How it ended, as far as the gateway is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No request could be made of the message.
    Unmade,
    NoConnection,
    Unanswered,
    /// A 2xx whose body says no.
    ErrorBody,
    Answered(StatusCode),
}

/// How the exchange went.
enum Exchange {
    Answered(Answer),
    NoConnection(String),
    Unanswered(String),
}

/// TCP and TLS together: a host that takes longer is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Octets of an answer, at most; ids and errors stand at its beginning.
const ANSWER_OCTETS_MAX: usize = 64 * 1024;

/// Sends the message over `connection`, or a new one.
pub(super) async fn send(way: Arc<Way>, lease: Lease, connection: Option<Connection>) -> Finished {
    let began = Instant::now();
    let (outcome, end, connection) = match way.upstream.request(&lease) {
        Err(reason) => (refused(None, None, &reason, None), End::Unmade, connection),
        Ok(request) => {
            let (exchange, connection) = exchange(&way, connection, request, began).await;
            let (outcome, end) = outcome(&way, exchange);
            (outcome, end, connection)
        }
    };
    Finished {
        lease,
        outcome,
        end,
        took: began.elapsed(),
        connection: connection.filter(Connection::is_open).map(|c| (c, way)),
    }
}

async fn exchange(
    way: &Way,
    mut connection: Option<Connection>,
    request: Request<Full<Bytes>>,
    began: Instant,
) -> (Exchange, Option<Connection>) {
    let deadline = began + way.upstream.settings.timeout;
    let limits = Limits {
        octets_max: ANSWER_OCTETS_MAX,
        time_max: way.upstream.settings.timeout,
    };
    loop {
        let mut open = match connection.take() {
            Some(open) => open,
            None => {
                let by = deadline.min(began + CONNECT_TIMEOUT);
                match Connection::open(&way.origin, &way.tls, by).await {
                    Ok(open) => open,
                    Err(reason) => return (Exchange::NoConnection(reason), None),
                }
            }
        };
        let was_used = open.is_used;
        match timeout_at(deadline, open.exchange(request.clone(), limits)).await {
            Ok(Ok(answer)) => return (Exchange::Answered(answer), Some(open)),
            // It was closed before we wrote: another one will do.
            Ok(Err(lost)) if !lost.was_sent && was_used => {}
            Ok(Err(lost)) if !lost.was_sent => return (Exchange::NoConnection(lost.reason), None),
            Ok(Err(lost)) => {
                let reason = format!("the connection closed before the answer: {}", lost.reason);
                return (Exchange::Unanswered(reason), None);
            }
            Err(_) => {
                let seconds = way.upstream.settings.timeout.as_secs();
                let reason = format!("timeout: the upstream did not answer within {seconds} s");
                return (Exchange::Unanswered(reason), None);
            }
        }
    }
}

fn outcome(way: &Way, exchange: Exchange) -> (Outcome, End) {
    let answer = match exchange {
        Exchange::Answered(answer) => answer,
        Exchange::NoConnection(reason) => {
            let reason = format!("cannot connect: {reason}");
            let class = Some(RefusalClass::Unavailable);
            return (refused(None, class, &reason, None), End::NoConnection);
        }
        Exchange::Unanswered(reason) => {
            let policy = OnUnknown::Fail;
            return (Outcome::Unanswered { reason, policy }, End::Unanswered);
        }
    };
    let status = answer.status;
    let recorded = recorded_answer(status.as_u16(), &answer.body, &way.secrets);
    match way.verdict(status, &answer.body) {
        Verdict::Taken { id } => {
            if id.is_none() {
                warn!(gateway = %way.upstream.gateway.id, %status, "the upstream took a message and named no id; its reports will not be matched");
            }
            let outcome = Outcome::Submitted {
                upstream_id: id,
                answer: Some(recorded),
            };
            (outcome, End::Answered(status))
        }
        Verdict::Refused { reason } => {
            let reason = way.secrets.blot(&reason);
            let class = way.class(status, &answer.body);
            let outcome = refused(Some(status), class, &reason, Some(recorded));
            match status.is_success() {
                true => (outcome, End::ErrorBody),
                false => (outcome, End::Answered(status)),
            }
        }
    }
}

fn refused(
    status: Option<StatusCode>,
    class: Option<RefusalClass>,
    reason: &str,
    answer: Option<String>,
) -> Outcome {
    Outcome::Refused {
        disposition: Disposition::Refused,
        class,
        status: status.map(|status| u32::from(status.as_u16())),
        reason: bounded(reason),
        answer,
    }
}
