//! One bind: a socket, a session, and the loop that drives both.
//!
//! The task owns all of it. Work is leased only while the window has room and pacing
//! allows; what arrived is answered only when the store has it. It ends with a
//! [`Ended`]: by then every leased segment is responded or released, and nothing of it
//! is left but what the store knows.

mod arrival;
mod work;

use super::super::answer_of;
use super::connect::connect;
use super::ended::{Ended, why_closed};
use super::meter::Share;
use super::{Account, bound};
use crate::message::{GatewayId, MessageId};
use crate::queue::disposition;
use crate::route;
use crate::store::{Finding, Inbound, Lease, Outcome, Response, StoreError, Ticket};
use bytes::BytesMut;
use futures_util::FutureExt;
use smpp_protocol::command::{CommandStatus, SequenceNumber};
use smpp_protocol::pdu::{Body, MessageResp};
use smpp_protocol::session::{BindAs, Event, Session, SessionOptions, State, Unanswered};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::{debug, info, warn};

/// Which segment a request carries.
#[derive(Clone, Copy, Debug)]
struct Sent {
    message: MessageId,
    segment: u8,
}

/// Octets asked of the socket at once.
const READ_OCTETS: usize = 64 * 1024;
/// Octets waiting to be written beyond which no more work is put on top.
const WRITE_OCTETS_MAX: usize = 256 * 1024;
/// Expiries in a row, nothing answered between, after which the link counts as dead.
const EXPIRIES_MAX: u32 = 3;
/// Expired requests whose late answer would still be understood, at most.
const LATE_MAX: usize = 10_000;
/// A log that says no is asked again this much later.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Connects, binds and works until the link is gone or the drain is done.
pub(super) async fn run(account: &Arc<Account>, number: u16) -> Ended {
    account.show(number, "connecting", None);
    let stream = match connect(&account.settings).await {
        Ok(stream) => stream,
        Err(e) => return Ended::Unreachable(e.to_string()),
    };
    account.show(number, "binding", None);
    let now = Instant::now();
    let bind_as = account.settings.bind_as(number);
    let mut bind = Bind {
        account,
        number,
        connection: account.context.judge.new_connection(),
        bind_as,
        session: Session::esme(account.session_options(bind_as), now),
        window_used: Share::of(&account.metrics.window_used),
        leased: VecDeque::new(),
        lease: None,
        lease_after: None,
        inbound: VecDeque::new(),
        inbound_open: 0,
        responses: Vec::new(),
        arrived: Vec::new(),
        late: HashMap::new(),
        expiries: 0,
        bound: false,
        draining: false,
        ended: None,
    };
    bind.session.start(now);
    let ended = bind.drive(stream).await;
    bind.settle().await;
    ended
}

struct Bind<'a> {
    account: &'a Arc<Account>,
    number: u16,
    /// What the store tells its messages by from those of another connection.
    connection: u64,
    bind_as: BindAs,
    session: Session<Sent>,
    window_used: Share,
    /// Segments leased and not yet written.
    leased: VecDeque<(Sent, Body)>,
    /// The store's answer to our request for work.
    lease: Option<Ticket<Vec<Lease>>>,
    lease_after: Option<Instant>,
    /// Batches that the store has not confirmed, oldest first.
    inbound: VecDeque<(Ticket<Vec<Finding>>, Vec<Arrived>)>,
    inbound_open: usize,
    /// Gathered while draining the session's events; told to the store at once.
    responses: Vec<Response>,
    arrived: Vec<(Arrived, Inbound)>,
    /// Requests that expired, by their number.
    late: HashMap<SequenceNumber, Sent>,
    expiries: u32,
    bound: bool,
    draining: bool,
    ended: Option<Ended>,
}

/// A request of the upstream that waits for our answer.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    sequence: SequenceNumber,
    is_data_sm: bool,
}

impl Bind<'_> {
    async fn drive(&mut self, stream: Box<dyn super::connect::Stream>) -> Ended {
        let (mut read_half, mut write_half) = tokio::io::split(stream);
        let mut input = BytesMut::with_capacity(READ_OCTETS);
        let mut gateway = self.account.gateway.clone();
        let shutdown = self.account.shutdown.clone();
        loop {
            let now = Instant::now();
            self.take_answers(now);
            self.handle_events(now);
            self.tell_store();
            self.pump(now);
            if self.session.transmit().is_empty()
                && let Some(ended) = self.ended.take()
            {
                // Best effort: the peer may be gone.
                let _ = write_half.shutdown().await;
                return ended;
            }
            let reads =
                self.inbound_open < self.account.settings.inbound_max && self.ended.is_none();
            let deadline = self.next_deadline(now);
            input.reserve(READ_OCTETS);
            // Cancel-safe, each of them: reads and writes move what they moved, tickets
            // keep their answer, the rest are notices.
            tokio::select! {
                biased;
                () = shutdown.stop.cancelled() => {
                    return Ended::Lost("the grace for stopping is over".to_owned());
                }
                written = write_half.write_buf(self.session.transmit()), if !self.session_is_dry() => {
                    if let Err(e) = written {
                        return self.lost(&format!("writing failed: {e}"));
                    }
                }
                read = read_half.read_buf(&mut input), if reads => match read {
                    Ok(0) => return self.lost("the upstream closed the connection"),
                    Ok(_) => self.handle_octets(&mut input, Instant::now()),
                    Err(e) => return self.lost(&format!("reading failed: {e}")),
                },
                leases = answer_of(&mut self.lease) => self.handle_leases(leases, Instant::now()),
                findings = front(&mut self.inbound), if !self.inbound.is_empty() => {
                    self.answer_arrived(findings);
                }
                () = shutdown.drain.cancelled(), if !self.draining => self.begin_drain(),
                changed = gateway.changed() => {
                    if changed.is_err() {
                        self.begin_drain();
                    } else if !gateway.borrow_and_update().is_active {
                        self.withdraw_lease();
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.session.handle_deadline(Instant::now());
                }
            }
        }
    }

    /// Whatever the store has answered by now, so that it leaves in one write.
    fn take_answers(&mut self, now: Instant) {
        if let Some(leases) = answer_of(&mut self.lease).now_or_never() {
            self.handle_leases(leases, now);
        }
        while let Some(findings) = front(&mut self.inbound).now_or_never() {
            self.answer_arrived(findings);
        }
    }

    fn session_is_dry(&mut self) -> bool {
        self.session.transmit().is_empty()
    }

    fn handle_octets(&mut self, input: &mut BytesMut, now: Instant) {
        loop {
            match self.session.split_frame(input) {
                Ok(Some(frame)) => self.session.handle_frame(frame, now),
                Ok(None) => return,
                Err(e) => {
                    let first: Vec<u8> = input.iter().take(16).copied().collect();
                    warn!(gateway = %self.id(), bind = self.number, error = %e, octets = %hex(&first),
                        "what the upstream sends is no SMPP; closing");
                    input.clear();
                    self.session.handle_frame_error(&e, now);
                    return;
                }
            }
            self.handle_events(now);
        }
    }

    /// Everything the session has to say, until it is silent. What is for the store is
    /// gathered, for [`Bind::tell_store`].
    fn handle_events(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Bound { system_id, .. } => {
                    self.bound = true;
                    let metrics = &self.account.context.metrics;
                    metrics
                        .bind_attempts
                        .with_label_values(&[self.account.metrics.name.as_str(), "bound"])
                        .inc();
                    let word = bound(self.bind_as);
                    info!(gateway = %self.id(), bind = self.number, smsc = %system_id.to_str(), "{word}");
                    self.account.show(self.number, word, None);
                    if self.draining {
                        self.begin_unbind(now);
                    }
                }
                Event::BindRefused(status) => self.ended = Some(Ended::Refused(status)),
                Event::Response {
                    context,
                    status,
                    body,
                    took,
                    ..
                } => self.responded(context, status, &body, took, now),
                Event::Unanswered {
                    sequence,
                    context,
                    reason,
                } => self.unanswered(sequence, context, reason),
                Event::LateResponse {
                    sequence,
                    status,
                    body,
                } => {
                    self.account.metrics.late.inc();
                    // A late refusal says nothing that the decision taken since could use.
                    if let Some(sent) = self.late.remove(&sequence)
                        && status.is_ok()
                    {
                        self.responded(sent, status, &body, Duration::ZERO, now);
                    }
                }
                Event::Request(pdu) => self.arrive(pdu),
                Event::Deviation {
                    command_id,
                    deviation,
                } => {
                    debug!(gateway = %self.id(), %command_id, ?deviation, "a departure from the specification");
                    self.count_quirk(deviation.fault.class());
                }
                Event::Undecodable(e) => {
                    warn!(gateway = %self.id(), bind = self.number, error = %e, "a PDU that cannot be read; it was answered");
                    self.count_quirk(e.class());
                }
                Event::Refused { command_id, status } => {
                    debug!(gateway = %self.id(), %command_id, %status, "a request that has no place here");
                    self.count_quirk("request_refused");
                }
                Event::UnknownResponse { sequence, .. } => {
                    debug!(gateway = %self.id(), sequence = sequence.0, "an answer to nothing we asked");
                    self.count_quirk("unknown_response");
                }
                Event::PeerUnbound => {
                    info!(gateway = %self.id(), bind = self.number, "the upstream unbinds");
                }
                Event::Closed(reason) => {
                    let ended = match (self.draining, self.bound) {
                        (true, _) => Ended::Drained,
                        (false, true) => Ended::Lost(why_closed(reason).to_owned()),
                        (false, false) => Ended::Failed(why_closed(reason).to_owned()),
                    };
                    self.ended.get_or_insert(ended);
                }
            }
        }
    }

    fn responded(
        &mut self,
        sent: Sent,
        status: CommandStatus,
        body: &Body,
        took: Duration,
        now: Instant,
    ) {
        self.expiries = 0;
        let m = &self.account.metrics;
        m.response_seconds.observe(took.as_secs_f64());
        let outcome = if status.is_ok() {
            m.accepted.inc();
            self.account.pacer().accepted();
            let upstream_id = match body {
                Body::SubmitSmResp(MessageResp { message_id, .. }) if !message_id.is_empty() => {
                    Some(message_id.to_str().into_owned())
                }
                _ => None,
            };
            Outcome::Submitted {
                upstream_id,
                answer: None,
            }
        } else {
            m.status(status).inc();
            if status == CommandStatus::ESME_RTHROTTLED {
                self.account.pacer().throttled(now);
            }
            if status == CommandStatus::ESME_RINVBNDSTS {
                warn!(gateway = %self.id(), bind = self.number, "the upstream says we are not bound; binding anew");
                self.session.unbind(now);
            }
            Outcome::Refused {
                disposition: disposition(status),
                class: Some(route::class::of_status(status)),
                status: Some(status.0),
                reason: refusal(status, body),
                answer: None,
            }
        };
        self.responses.push(Response {
            message: sent.message,
            segment: sent.segment,
            outcome,
        });
    }

    fn unanswered(&mut self, sequence: SequenceNumber, sent: Sent, reason: Unanswered) {
        self.account.metrics.unanswered.inc();
        let reason = match reason {
            Unanswered::Timeout => {
                self.expiries += 1;
                if self.late.len() < LATE_MAX {
                    self.late.insert(sequence, sent);
                }
                if self.expiries >= EXPIRIES_MAX {
                    self.ended.get_or_insert_with(|| {
                        Ended::Lost("submits are not answered any more".to_owned())
                    });
                }
                "no answer within the response timeout"
            }
            Unanswered::Closed => "the connection closed before the answer",
        };
        let outcome = Outcome::Unanswered {
            reason: reason.to_owned(),
            policy: self.account.settings.on_unknown,
        };
        self.responses.push(Response {
            message: sent.message,
            segment: sent.segment,
            outcome,
        });
    }

    fn lost(&mut self, reason: &str) -> Ended {
        match self.ended.take() {
            Some(ended) => ended,
            None if self.draining => Ended::Drained,
            None if self.bound => Ended::Lost(reason.to_owned()),
            None => Ended::Failed(reason.to_owned()),
        }
    }

    /// Leaves nothing behind: what was written and not answered is unanswered, what was
    /// not written is due again. The lease comes first, or it would take what the
    /// unanswered give back.
    async fn settle(&mut self) {
        self.withdraw_lease();
        if let Some(lease) = self.lease.take() {
            self.give_back(lease.await.unwrap_or_default());
        }
        self.session.handle_closed(Instant::now());
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Unanswered {
                    sequence,
                    context,
                    reason,
                } => self.unanswered(sequence, context, reason),
                Event::Response {
                    context,
                    status,
                    body,
                    took,
                    ..
                } => {
                    self.responded(context, status, &body, took, Instant::now());
                }
                _ => {}
            }
        }
        self.tell_store();
        self.release_unsent();
        self.window_used.set(0);
    }

    /// The session's next deadline, or when pacing allows more.
    fn next_deadline(&mut self, now: Instant) -> Instant {
        if self.draining && self.ended.is_none() && matches!(self.session.state(), State::Bound(_))
        {
            self.begin_unbind(now);
        }
        let mut next = self
            .session
            .next_deadline()
            .unwrap_or(now + Duration::from_secs(3600));
        if let Some(at) = self.lease_after {
            next = next.min(at);
        }
        if self.bind_as.submits()
            && self.lease.is_none()
            && self.leased.is_empty()
            && self.session.room() > 0
            && !self.draining
        {
            let mut pacer = self.account.pacer();
            self.account
                .metrics
                .paused
                .set(i64::from(pacer.is_paused(now)));
            if let Some(at) = pacer.next_at(now) {
                next = next.min(at);
            }
        }
        next
    }

    fn count_quirk(&self, quirk: &str) {
        let all = &self.account.context.metrics.deviations;
        all.with_label_values(&[self.account.metrics.name.as_str(), quirk])
            .inc();
    }

    fn id(&self) -> GatewayId {
        self.account.id()
    }
}

impl Account {
    fn session_options(&self, bind_as: BindAs) -> SessionOptions {
        let link = &self.settings.smpp.link;
        SessionOptions {
            window: self.settings.window,
            session_init_timeout: link.bind_timeout,
            enquire_link: (!link.enquire_link.is_zero()).then_some(link.enquire_link),
            enquire_link_timeout: link.enquire_link_timeout,
            enquire_link_misses: u32::from(link.enquire_link_misses),
            response_timeout: link.response_timeout,
            unbind_timeout: link.unbind_timeout,
            octets_max: link.max_pdu,
            ..SessionOptions::esme(bind_as, self.settings.bind.clone())
        }
    }
}

/// The status, and what the upstream adds in words.
fn refusal(status: CommandStatus, body: &Body) -> String {
    let text = body
        .tlvs()
        .and_then(|t| t.get_cstr(smpp_protocol::tlv::Tag::ADDITIONAL_STATUS_INFO_TEXT));
    match text {
        Some(text) if !text.is_empty() => format!("{status}: {}", String::from_utf8_lossy(text)),
        _ => status.to_string(),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

/// The answer for the oldest batch; it stays in the queue for whoever handles it.
async fn front(
    inbound: &mut VecDeque<(Ticket<Vec<Finding>>, Vec<Arrived>)>,
) -> Result<Vec<Finding>, StoreError> {
    match inbound.front_mut() {
        Some((ticket, _)) => ticket.await,
        None => std::future::pending().await,
    }
}
