//! One connection of the simulator: a session in the message centre's role.

use super::{Answer, ORDERS_MAX, Options, Order, RECORDED_MAX, Receiver, Recorded, Shared};
use bytes::{Bytes, BytesMut};
use smpp_protocol::coding::{DataCoding, EsmClass, InterfaceVersion, MessageState};
use smpp_protocol::command::{CommandStatus, SequenceNumber};
use smpp_protocol::pdu::{Bind, BindResp, Body, DeliverSm, MessageResp, Pdu, SubmitSm};
use smpp_protocol::receipt::{Receipt, ReceiptText};
use smpp_protocol::session::{Event, Session, SessionOptions};
use smpp_protocol::time::CivilTime;
use smpp_protocol::tlv::Tag;
use smpp_protocol::udh::strip_udh;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

type Teller = Option<oneshot::Sender<CommandStatus>>;

/// Serves one connection until either side ends it.
pub(super) async fn serve(
    stream: TcpStream,
    number: u64,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    // A socket that refuses the option works without it.
    let _ = stream.set_nodelay(true);
    let window = shared.options().window;
    let options = SessionOptions {
        window,
        // Whoever answers enquire_link may stay, however little he sends.
        inactivity_timeout: None,
        ..SessionOptions::smsc()
    };
    let (orders_tx, orders) = mpsc::channel(ORDERS_MAX);
    let mut connection = Connection {
        number,
        session: Session::smsc(options, Instant::now()),
        shared,
        orders: orders_tx,
        later: VecDeque::new(),
        outgoing: VecDeque::new(),
        over: false,
    };
    connection.run(stream, orders, stop).await;
    connection
        .shared
        .state()
        .receivers
        .retain(|r| r.connection != number);
}

struct Connection {
    number: u64,
    session: Session<Teller>,
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    /// What is due at a time, soonest first where delays are equal.
    later: VecDeque<(Instant, Later)>,
    /// Waits for a slot of the window.
    outgoing: VecDeque<(Box<DeliverSm>, Teller)>,
    over: bool,
}

enum Later {
    Respond(SequenceNumber, CommandStatus, Box<Body>),
    Deliver(Box<DeliverSm>),
}

impl Connection {
    async fn run(
        &mut self,
        stream: TcpStream,
        mut orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) {
        let (mut read_half, mut write_half) = stream.into_split();
        let mut input = BytesMut::with_capacity(64 * 1024);
        loop {
            let now = Instant::now();
            self.do_what_is_due(now);
            self.handle_events(now);
            self.send_outgoing(now);
            if self.over && self.session.transmit().is_empty() {
                let _ = write_half.shutdown().await;
                return;
            }
            let deadline = self
                .next_deadline()
                .unwrap_or(now + Duration::from_secs(3600));
            let dry = self.session.transmit().is_empty();
            input.reserve(16 * 1024);
            tokio::select! {
                () = stop.cancelled() => return,
                written = write_half.write_buf(self.session.transmit()), if !dry => {
                    if written.is_err() {
                        return;
                    }
                }
                read = read_half.read_buf(&mut input) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => self.handle_octets(&mut input),
                },
                Some(order) = orders.recv() => match order {
                    Order::Deliver(pdu, teller) => self.outgoing.push_back((pdu, teller)),
                    Order::Drop => return,
                    Order::Unbind => self.session.unbind(Instant::now()),
                },
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.session.handle_deadline(Instant::now());
                }
            }
        }
    }

    fn handle_octets(&mut self, input: &mut BytesMut) {
        let now = Instant::now();
        loop {
            match self.session.split_frame(input) {
                Ok(Some(frame)) => self.session.handle_frame(frame, now),
                Ok(None) => return,
                Err(e) => {
                    input.clear();
                    self.session.handle_frame_error(&e, now);
                    return;
                }
            }
            self.handle_events(now);
        }
    }

    fn handle_events(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Request(pdu) => self.handle_request(pdu, now),
                Event::Response {
                    context: Some(teller),
                    status,
                    ..
                } => {
                    // Whoever asked may have gone.
                    let _ = teller.send(status);
                }
                Event::Closed(_) => self.over = true,
                _ => {}
            }
        }
    }

    fn handle_request(&mut self, pdu: Pdu, now: Instant) {
        let sequence = pdu.sequence_number;
        match pdu.body {
            Body::BindTransceiver(bind) => {
                let status = self.judge(&bind);
                self.session
                    .respond(sequence, Body::BindTransceiverResp(bind_resp()), status);
                self.register(status);
            }
            Body::BindReceiver(bind) => {
                let status = self.judge(&bind);
                self.session
                    .respond(sequence, Body::BindReceiverResp(bind_resp()), status);
                self.register(status);
            }
            Body::BindTransmitter(bind) => {
                let status = self.judge(&bind);
                self.session
                    .respond(sequence, Body::BindTransmitterResp(bind_resp()), status);
            }
            Body::SubmitSm(submit) => self.handle_submit(sequence, submit, now),
            other => {
                if let Some(body) = Body::response_to(other.command_id()) {
                    self.session
                        .respond(sequence, body, CommandStatus::ESME_RINVCMDID);
                }
            }
        }
    }

    fn judge(&self, bind: &Bind) -> CommandStatus {
        if let Some(status) = self.shared.state().bind_answers.pop_front() {
            return status;
        }
        match &self.shared.options().account {
            Some((id, _)) if bind.system_id.to_str() != *id => CommandStatus::ESME_RINVSYSID,
            Some((_, password)) if bind.password.to_str() != *password => {
                CommandStatus::ESME_RINVPASWD
            }
            _ => CommandStatus::ESME_ROK,
        }
    }

    fn register(&self, status: CommandStatus) {
        if status.is_ok() {
            let mut state = self.shared.state();
            state.binds += 1;
            state.receivers.push(Receiver {
                connection: self.number,
                orders: self.orders.clone(),
            });
        }
    }

    fn handle_submit(&mut self, sequence: SequenceNumber, submit: SubmitSm, now: Instant) {
        let options = self.shared.options().clone();
        let answer = self.shared.state().script.pop_front();
        let status = match answer {
            None => Some(options.status),
            Some(Answer::Status(status)) => Some(status),
            Some(Answer::Silence | Answer::Drop) => None,
        };
        let message_id = match status.is_none_or(CommandStatus::is_ok) {
            true => self.shared.next_message_id(),
            false => String::new(),
        };
        if let Some(status) = status {
            let body = match status.is_ok() {
                true => MessageResp::new(message_id.clone()),
                false => MessageResp::default(),
            };
            let body = Box::new(Body::SubmitSmResp(body));
            let response = Later::Respond(sequence, status, body);
            self.after(now + options.response_delay, response);
        }
        if status.is_some_and(CommandStatus::is_ok) {
            self.follow_up(&submit, &message_id, &options, now);
        }
        self.record(Recorded {
            submit,
            message_id,
            status,
            connection: self.number,
        });
        if answer == Some(Answer::Drop) {
            self.over = true;
        }
    }

    /// What comes after the response: a receipt, an echo.
    fn follow_up(&mut self, submit: &SubmitSm, id: &str, options: &Options, now: Instant) {
        if let Some(auto) = &options.receipts
            && submit
                .registered_delivery
                .wants_receipt(auto.stat == "DELIVRD")
        {
            let pdu = receipt(submit, id, auto.stat);
            self.after(now + auto.delay, Later::Deliver(Box::new(pdu)));
        }
        if options.echo {
            let pdu = Box::new(reply(submit));
            self.after(now + options.response_delay, Later::Deliver(pdu));
        }
    }

    fn record(&self, recorded: Recorded) {
        let mut state = self.shared.state();
        state.submits += 1;
        if state.recorded.len() >= RECORDED_MAX {
            state.recorded.pop_front();
        }
        state.recorded.push_back(recorded);
    }

    fn after(&mut self, at: Instant, what: Later) {
        let place = self
            .later
            .iter()
            .rposition(|(t, _)| *t <= at)
            .map_or(0, |i| i + 1);
        self.later.insert(place, (at, what));
    }

    fn do_what_is_due(&mut self, now: Instant) {
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            match self.later.pop_front() {
                Some((_, Later::Respond(sequence, status, body))) => {
                    self.session.respond(sequence, *body, status)
                }
                Some((_, Later::Deliver(pdu))) => self.outgoing.push_back((pdu, None)),
                None => {}
            }
        }
    }

    fn send_outgoing(&mut self, now: Instant) {
        while self.session.room() > 0
            && let Some((pdu, teller)) = self.outgoing.pop_front()
        {
            if self
                .session
                .request(Body::DeliverSm(*pdu), teller, now)
                .is_err()
            {
                return;
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let due = self.later.front().map(|(at, _)| *at);
        [due, self.session.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }
}

fn bind_resp() -> BindResp {
    BindResp::new("simulator", InterfaceVersion::V3_4)
}

/// The receipt for a submit: addresses swapped, TLVs and text.
pub(super) fn receipt(submit: &SubmitSm, message_id: &str, stat: &str) -> DeliverSm {
    let state = match stat {
        "DELIVRD" => 2,
        "EXPIRED" => 3,
        "DELETED" => 4,
        "UNDELIV" => 5,
        "ACCEPTD" => 6,
        "REJECTD" => 8,
        "ENROUTE" => 1,
        _ => 7,
    };
    let state = MessageState(state);
    let now = CivilTime::from_unix(unix_seconds()).unwrap_or(MIDNIGHT_1970);
    let text: Bytes = Receipt::write_text(&ReceiptText {
        id: message_id,
        sub: 1,
        dlvrd: u16::from(stat == "DELIVRD"),
        submit_date: now,
        done_date: now,
        state,
        err: "000",
        text: &quoted(submit),
    });
    let mut pdu = DeliverSm {
        source_addr_ton: submit.dest_addr_ton,
        source_addr_npi: submit.dest_addr_npi,
        source_addr: submit.destination_addr.clone(),
        dest_addr_ton: submit.source_addr_ton,
        dest_addr_npi: submit.source_addr_npi,
        destination_addr: submit.source_addr.clone(),
        esm_class: EsmClass::RECEIPT,
        short_message: text,
        ..DeliverSm::default()
    };
    pdu.tlvs.push_cstr(Tag::RECEIPTED_MESSAGE_ID, message_id);
    pdu.tlvs.push_u8(Tag::MESSAGE_STATE, state.0);
    pdu
}

/// The same text from the handset to whoever sent it; segments say so as they did.
fn reply(submit: &SubmitSm) -> DeliverSm {
    let pdu = DeliverSm {
        esm_class: match submit.esm_class.has_udh() {
            true => EsmClass::UDH,
            false => EsmClass::DEFAULT,
        },
        data_coding: submit.data_coding,
        short_message: submit.short_message.clone(),
        ..DeliverSm::default()
    };
    let mut pdu = pdu.between(submit.destination(), submit.source());
    for tag in REPLIED {
        if let Some(value) = submit.tlvs.get(tag) {
            pdu.tlvs.push(tag, value);
        }
    }
    pdu
}

/// What a submit may carry beside its octets that its text depends on.
const REPLIED: [Tag; 4] = [
    Tag::MESSAGE_PAYLOAD,
    Tag::SAR_MSG_REF_NUM,
    Tag::SAR_TOTAL_SEGMENTS,
    Tag::SAR_SEGMENT_SEQNUM,
];

/// What a receipt's plain text can quote of a message: neither headers nor other alphabets.
fn quoted(submit: &SubmitSm) -> Vec<u8> {
    if submit.data_coding != DataCoding::DEFAULT {
        return Vec::new();
    }
    let text = strip_udh(submit.esm_class, &submit.short_message);
    text.iter()
        .copied()
        .filter(|o| matches!(o, b' '..=b'~'))
        .collect()
}

fn unix_seconds() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0))
}

/// Where the clock stands at nothing sensible.
const MIDNIGHT_1970: CivilTime = CivilTime {
    year: 1970,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    utc_offset_minutes: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_quote_what_plain_text_can_hold() {
        let receipt_text = |esm_class, data_coding, octets: &'static [u8]| {
            let submit = SubmitSm {
                esm_class,
                data_coding,
                short_message: Bytes::from_static(octets),
                ..SubmitSm::default()
            };
            receipt(&submit, "1", "DELIVRD").short_message
        };
        let (plain, header) = (EsmClass::default(), EsmClass::UDH);
        let text = receipt_text(plain, DataCoding::DEFAULT, b"Hello, \x1b\x65uro");
        assert!(text.ends_with(b"text:Hello, euro"), "{text:?}");
        let text = receipt_text(header, DataCoding::DEFAULT, b"\x05\0\x03\xa4\x02\x01Long");
        assert!(text.ends_with(b"text:Long"), "{text:?}");
        let text = receipt_text(plain, DataCoding(8), b"\x04\x1f\xd8\x3c");
        assert!(text.ends_with(b"text:"), "{text:?}");
    }
}
