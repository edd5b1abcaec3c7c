//! One SMPP session, either side, without I/O: frames and instants in; octets, events and the next
//! deadline out.
//!
//! The calling contract: feed *one* input (a frame, a deadline, a command), then drain every
//! output ([`poll_event`](Session::poll_event) until `None`, and the octets of
//! [`transmit`](Session::transmit)), then wait until [`next_deadline`](Session::next_deadline).
//!
//! A session owns its window and its timers. It answers `enquire_link` and `unbind` by itself, asks
//! for signs of life, refuses what has no place in its state, and reports every request it was
//! given exactly once: as a response, or as unanswered. After [`Event::Closed`] the driver writes
//! what is pending and closes; no slot is taken any more.

mod event;
mod inbound;
mod late;
mod operation;
mod options;
mod timers;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use crate::c_octet_string::COctetString;
use crate::coding::InterfaceVersion;
use crate::command::{CommandStatus, SequenceNumber};
use crate::error::Reply;
use crate::frame::{FrameError, split_frame};
use crate::pdu::{Body, Pdu};
use crate::tlv::Tlvs;
use crate::window::Window;

pub use event::{Closed, Event, Unanswered};
pub use operation::{Admission, BindAs, Role, State, admit, may_request};
pub use options::SessionOptions;

use late::Late;
use timers::{Liveness, Silence};

/// Requests held while a bind is on its way. Few ever come; more are told to come again.
const HELD_MAX: usize = 100;

/// One session. `T` is what the application wants back with the answer to a request.
#[derive(Debug)]
pub struct Session<T> {
    role: Role,
    options: SessionOptions,
    state: State,
    window: Window<T>,
    late: Late,
    next_sequence: SequenceNumber,
    /// Our bind or unbind that is out; they take no slot.
    bind_sequence: Option<SequenceNumber>,
    unbind_sequence: Option<SequenceNumber>,
    /// What the peer's bind said, until it is answered.
    peer_bind: Option<PeerBind>,
    /// What the peer says it speaks.
    peer_version: Option<InterfaceVersion>,
    held: VecDeque<Pdu>,
    events: VecDeque<Event<T>>,
    transmit: BytesMut,
    liveness: Liveness,
    /// When the session must be bound, or unbound.
    phase_deadline: Option<Instant>,
    transaction_at: Instant,
    unbinding_for: Closed,
    disconnected: bool,
}

/// A bind that waits for the application's answer.
#[derive(Debug)]
struct PeerBind {
    sequence: SequenceNumber,
    bind_as: BindAs,
    system_id: COctetString,
    interface_version: InterfaceVersion,
}

impl<T> Session<T> {
    /// The client's side of a new connection. Nothing is sent before [`start`](Self::start).
    #[must_use]
    pub fn esme(options: SessionOptions, now: Instant) -> Self {
        Self::new(Role::Esme, options, now)
    }

    /// The server's side of a new connection, which must bind within `session_init_timeout`.
    #[must_use]
    pub fn smsc(options: SessionOptions, now: Instant) -> Self {
        Self::new(Role::Smsc, options, now)
    }

    fn new(role: Role, options: SessionOptions, now: Instant) -> Self {
        Self {
            role,
            state: State::Open,
            window: Window::new(options.window),
            late: Late::default(),
            next_sequence: options.first_sequence,
            bind_sequence: None,
            unbind_sequence: None,
            peer_bind: None,
            peer_version: None,
            held: VecDeque::new(),
            events: VecDeque::new(),
            transmit: BytesMut::new(),
            liveness: Liveness::new(now),
            phase_deadline: Some(now + options.session_init_timeout),
            transaction_at: now,
            unbinding_for: Closed::Unbound,
            disconnected: false,
            options,
        }
    }

    /// Where the session stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The version that both sides speak: the lower of what they said in the bind. An SMSC that
    /// says nothing is taken for 3.4, as nearly all of them are, though by the letter it knows no
    /// TLVs. Before the bind, what this side wants. See
    /// [`Body::beyond`].
    #[must_use]
    pub fn version(&self) -> InterfaceVersion {
        let own = match (self.role, self.options.bind.interface_version) {
            (Role::Smsc, _) => InterfaceVersion::V5_0,
            (Role::Esme, InterfaceVersion(0)) => InterfaceVersion::V3_4,
            (Role::Esme, version) => version,
        };
        match (self.role, self.peer_version) {
            (_, Some(version)) => own.min(version),
            (Role::Esme, None) => own.min(InterfaceVersion::V3_4),
            (Role::Smsc, None) => own,
        }
    }

    /// Writes a PDU. An SMSC must not send TLVs to a client that says it speaks 3.3 or less.
    fn write(&mut self, mut pdu: Pdu) {
        if self.role == Role::Smsc && !self.version().has_tlvs() {
            pdu.body.remove_tlvs();
        }
        pdu.encode(&mut self.transmit);
    }

    /// Requests that wait for a response.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.window.len()
    }

    /// Free slots: how many requests would be taken now. Zero unless bound for them.
    #[must_use]
    pub fn room(&self) -> usize {
        if may_request(self.role, self.state) {
            self.window.room()
        } else {
            0
        }
    }

    /// The octets to write. The driver removes what it has written.
    pub fn transmit(&mut self) -> &mut BytesMut {
        &mut self.transmit
    }

    /// The next thing the application has to know.
    pub fn poll_event(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// When [`handle_deadline`](Self::handle_deadline) wants to be called, if nothing else happens
    /// before. `None` once the session is closed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let liveness = match self.state {
            State::Bound(_) => self.liveness.deadline(&self.options),
            _ => None,
        };
        [
            self.phase_deadline,
            self.window.next_deadline(),
            liveness,
            self.inactive_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes the next whole frame off the front of what was received, for
    /// [`handle_frame`](Self::handle_frame).
    ///
    /// # Errors
    /// For [`handle_frame_error`](Self::handle_frame_error): the frame border is lost.
    pub fn split_frame(&self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        split_frame(input, self.options.octets_max)
    }

    /// Sends the bind. Does nothing on a server, or if it was called before.
    pub fn start(&mut self, now: Instant) {
        if self.role == Role::Esme && self.state == State::Open {
            self.state = State::Binding;
            self.phase_deadline = Some(now + self.options.session_init_timeout);
            let body = self.options.bind_body();
            self.bind_sequence = Some(self.send(body));
        }
    }

    /// Sends a request that takes a slot, such as `submit_sm` or, from a server, `deliver_sm`.
    ///
    /// # Errors
    /// Gives the context back if there is no [`room`](Self::room); the body was not sent.
    pub fn request(&mut self, body: Body, context: T, now: Instant) -> Result<SequenceNumber, T> {
        self.request_until(body, context, now, now + self.options.response_timeout)
    }

    /// Like [`request`](Self::request), with a deadline of its own: in transaction mode the answer
    /// waits for the delivery.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn request_until(
        &mut self,
        body: Body,
        context: T,
        now: Instant,
        deadline_at: Instant,
    ) -> Result<SequenceNumber, T> {
        if self.room() == 0 {
            return Err(context);
        }
        let sequence = self.take_sequence();
        // In the window before in the buffer: on a fast line the answer comes before the write
        // returns.
        self.window
            .insert(sequence, body.command_id(), context, now, deadline_at)?;
        self.write(Pdu::request(sequence, body));
        self.transaction_at = now;
        Ok(sequence)
    }

    /// Sends a request that has no response: `alert_notification`, or `outbind` on a fresh
    /// connection. Takes no slot.
    pub fn notify(&mut self, body: Body) -> SequenceNumber {
        self.send(body)
    }

    /// Answers a request of the peer. Takes no slot. On a server, a successful answer to the bind
    /// makes the session bound. A bind that is refused leaves it open: the client may try again,
    /// for instance with another password, but only until the session-init timer that began with
    /// the connection runs out. A server that wants no second try calls [`unbind`](Self::unbind),
    /// which closes a session that is not bound. After [`handle_closed`](Self::handle_closed) nothing is written.
    pub fn respond(&mut self, sequence: SequenceNumber, body: Body, status: CommandStatus) {
        if self.disconnected {
            return;
        }
        self.write(Pdu::response(sequence, status, body));
        match self.peer_bind.take_if(|bind| bind.sequence == sequence) {
            Some(bind) if status.is_ok() => {
                let interface_version = Some(bind.interface_version);
                // The bind itself was the last transaction.
                let now = self.transaction_at;
                self.bound(bind.bind_as, bind.system_id, interface_version, now);
            }
            Some(_) => {
                self.state = State::Open;
                self.held.clear();
            }
            None => {}
        }
    }

    /// Ends the session in order: no new requests, but responses are still collected, and
    /// deliveries still come, until the peer answers or `unbind_timeout` is over.
    pub fn unbind(&mut self, now: Instant) {
        self.unbind_for(Closed::Unbound, now);
    }

    fn unbind_for(&mut self, reason: Closed, now: Instant) {
        match self.state {
            State::Bound(_) => {
                self.state = State::Unbinding;
                self.unbinding_for = reason;
                self.phase_deadline = Some(now + self.options.unbind_timeout);
                self.unbind_sequence = Some(self.send(Body::Unbind));
            }
            State::Open | State::Binding => self.close(reason),
            State::Unbinding | State::Closed => {}
        }
    }

    /// Octets of the peer have come that make no whole frame yet: a sign of life all the same.
    pub fn handle_octets(&mut self, now: Instant) {
        self.liveness.heard(now);
    }

    /// Does what is due. Calling it early or twice does no harm.
    pub fn handle_deadline(&mut self, now: Instant) {
        while let Some(expired) = self.window.expire(now) {
            self.late.remember(expired.sequence_number);
            self.events.push_back(Event::Unanswered {
                sequence: expired.sequence_number,
                context: expired.context,
                reason: Unanswered::Timeout,
            });
        }
        if self.phase_deadline.is_some_and(|deadline| deadline <= now) {
            let reason = match (self.state, self.unbinding_for) {
                (State::Unbinding, Closed::Unbound) => Closed::UnbindTimeout,
                (State::Unbinding, reason) => reason,
                _ => Closed::SessionInitTimeout,
            };
            return self.close(reason);
        }
        if !matches!(self.state, State::Bound(_)) {
            return;
        }
        match self.liveness.check(&self.options, now) {
            Silence::Wait => {}
            Silence::Enquire => {
                let sequence = self.send(Body::EnquireLink);
                self.late.remember_enquiry(sequence);
            }
            Silence::Dead => return self.close(Closed::EnquireLinkTimeout),
        }
        if self.inactive_at().is_some_and(|deadline| deadline <= now) {
            self.unbind_for(Closed::Inactivity, now);
        }
    }

    /// The connection is gone, by the peer's hand or ours.
    pub fn handle_closed(&mut self, _now: Instant) {
        self.close(Closed::Disconnected);
        self.transmit.clear();
        self.disconnected = true;
    }

    /// The octets received cannot be cut into frames. A last word is written where one is due.
    pub fn handle_frame_error(&mut self, error: &FrameError, _now: Instant) {
        if self.state != State::Closed {
            self.reply(error.reply());
            self.close(match error {
                FrameError::Io(_) => Closed::Disconnected,
                _ => Closed::Framing,
            });
        }
    }

    fn inactive_at(&self) -> Option<Instant> {
        match self.state {
            State::Bound(_) => Some(self.transaction_at + self.options.inactivity_timeout?),
            _ => None,
        }
    }

    fn bound(
        &mut self,
        bind_as: BindAs,
        system_id: COctetString,
        interface_version: Option<InterfaceVersion>,
        now: Instant,
    ) {
        self.state = State::Bound(bind_as);
        self.phase_deadline = None;
        self.transaction_at = now;
        self.liveness.heard(now);
        self.events.push_back(Event::Bound {
            system_id,
            interface_version,
        });
        for pdu in std::mem::take(&mut self.held) {
            self.handle_request(pdu, now);
        }
    }

    /// Ends the session: everything outstanding comes out, then the reason, once.
    fn close(&mut self, reason: Closed) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.phase_deadline = None;
        self.held.clear();
        for outstanding in self.window.drain() {
            self.events.push_back(Event::Unanswered {
                sequence: outstanding.sequence_number,
                context: outstanding.context,
                reason: Unanswered::Closed,
            });
        }
        self.events.push_back(Event::Closed(reason));
    }

    /// Writes a request without a slot.
    fn send(&mut self, body: Body) -> SequenceNumber {
        let sequence = self.take_sequence();
        self.write(Pdu::request(sequence, body));
        sequence
    }

    /// The next number that nothing outstanding has.
    fn take_sequence(&mut self) -> SequenceNumber {
        let mut sequence = self.next_sequence;
        while self.window.contains(sequence)
            || self.bind_sequence == Some(sequence)
            || self.unbind_sequence == Some(sequence)
        {
            sequence = sequence.next();
        }
        self.next_sequence = sequence.next();
        self.late.forget(sequence);
        sequence
    }

    fn reply(&mut self, reply: Reply) {
        let (body, status, sequence) = match reply {
            Reply::None => return,
            Reply::GenericNack { status, sequence } => {
                (Body::GenericNack(Tlvs::new()), status, sequence)
            }
            Reply::Response {
                command_id,
                status,
                sequence,
            } => {
                let nack = || Body::GenericNack(Tlvs::new());
                (
                    Body::empty_response(command_id).unwrap_or_else(nack),
                    status,
                    sequence,
                )
            }
        };
        Pdu::response(sequence, status, body).encode(&mut self.transmit);
    }
}
