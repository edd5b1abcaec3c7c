//! Goal: two parties and an unreliable world never lose or double an outcome. Method: a client
//! and a server with one to three binds between them, on a virtual clock, with latency, loss,
//! silence, refusals, duplicates, half-closed and broken lines by seed. After every step an auditor
//! checks what must hold then, and at the end counts what became of every request.

mod support;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use smpp_protocol::pdu::{Bind, BindResp, Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::session::{BindAs, Event, State, Unanswered};
use smpp_protocol::{CommandStatus, InterfaceVersion, Pdu, Session, SessionOptions, Tag};
use support::{Random, seeds};

/// Which message a `deliver_sm` is the receipt of; a vendor's tag, so that no other frame has it.
const RECEIPT_FOR: Tag = Tag(0x1400);

/// A request's number in the auditor's book.
type Ticket = usize;

/// What became of the requests of one side of a bind.
#[derive(Debug, Default)]
struct Auditor {
    /// By ticket: whether it was heard of again.
    settled: Vec<bool>,
    waiting: usize,
    timed_out: usize,
    late: usize,
}

impl Auditor {
    fn open(&mut self) -> Ticket {
        self.settled.push(false);
        self.waiting += 1;
        self.settled.len() - 1
    }

    fn settle(&mut self, ticket: Ticket) {
        let settled = &mut self.settled[ticket];
        assert!(!*settled, "request {ticket} was settled twice");
        *settled = true;
        self.waiting -= 1;
    }
}

/// What the two parties know of messages, over all their binds.
#[derive(Debug, Default)]
struct Book {
    /// Ids that the server has given out: from 1 to this.
    accepted: u32,
    /// Receipts the server has still to send, over whichever bind has room.
    to_report: VecDeque<u32>,
    /// Ids that the client knows from responses.
    known: BTreeSet<u32>,
    /// Ids that the client has receipts for.
    reported: BTreeSet<u32>,
    /// Receipts that came before the response, over another bind.
    early: usize,
}

/// One side of a bind: a session, what it receives, and when each piece arrives.
struct Side {
    session: Session<Ticket>,
    window: usize,
    input: BytesMut,
    /// `None` is the end of what the other side has to say.
    arriving: VecDeque<(Instant, Option<Bytes>)>,
    auditor: Auditor,
    closed: bool,
    /// It says no more.
    is_mute: bool,
}

impl Side {
    fn new(session: Session<Ticket>, window: usize) -> Self {
        Self {
            session,
            window,
            input: BytesMut::new(),
            arriving: VecDeque::new(),
            auditor: Auditor::default(),
            closed: false,
            is_mute: false,
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let arrival = self.arriving.front().map(|(at, _)| *at);
        [arrival, self.session.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Feeds what has arrived and what is due, and answers as a careless application would.
    fn step(&mut self, now: Instant, book: &mut Book, random: &mut Random) {
        while self.arriving.front().is_some_and(|(at, _)| *at <= now) {
            match self.arriving.pop_front() {
                Some((_, Some(octets))) => self.input.extend_from_slice(&octets),
                _ => self.session.handle_closed(now),
            }
            self.drain(book, random);
            while let Some(frame) = self.session.split_frame(&mut self.input).unwrap() {
                self.session.handle_frame(frame, now);
                self.drain(book, random);
            }
        }
        self.session.handle_deadline(now);
        self.drain(book, random);
        let deadline = self.session.next_deadline();
        assert!(deadline.is_none_or(|at| at > now), "a deadline was missed");
        while self.session.room() > 0 && random.one_in(3) {
            let ticket = self.auditor.open();
            let body = match self.session.state() {
                State::Bound(_) if ticket.is_multiple_of(2) => Body::SubmitSm(SubmitSm::default()),
                _ => Body::DeliverSm(DeliverSm::default()),
            };
            self.request(body, ticket, now);
        }
    }

    /// Over this bind go the receipts of messages that came over any of them.
    fn report(&mut self, now: Instant, book: &mut Book) {
        while self.session.room() > 0
            && let Some(id) = book.to_report.pop_front()
        {
            let mut sm = DeliverSm::default();
            sm.tlvs.push_u32(RECEIPT_FOR, id);
            let ticket = self.auditor.open();
            self.request(Body::DeliverSm(sm), ticket, now);
        }
    }

    fn request(&mut self, body: Body, ticket: Ticket, now: Instant) {
        let sent = self.session.request(body, ticket, now);
        sent.expect("there was room");
        self.check();
    }

    /// What holds after each step.
    fn check(&self) {
        let (outstanding, room) = (self.session.outstanding(), self.session.room());
        assert_eq!(outstanding, self.auditor.waiting, "a slot leaked");
        assert!(outstanding + room <= self.window);
        assert!(room == 0 || outstanding + room == self.window);
        if self.closed {
            let deadline = self.session.next_deadline();
            assert_eq!((outstanding, room, deadline), (0, 0, None));
        }
    }

    fn drain(&mut self, book: &mut Book, random: &mut Random) {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.closed, "nothing comes after Closed: {event:?}");
            match event {
                Event::Response { context, body, .. } => {
                    self.auditor.settle(context);
                    if let Body::SubmitSmResp(resp) = body {
                        book.known.extend(resp.message_id.to_str().parse::<u32>());
                    }
                }
                Event::Unanswered {
                    context, reason, ..
                } => {
                    self.auditor.settle(context);
                    self.auditor.timed_out += usize::from(reason == Unanswered::Timeout);
                }
                Event::LateResponse { .. } => self.auditor.late += 1,
                Event::Request(pdu) => self.answer(pdu, book, random),
                Event::Closed(_) => self.closed = true,
                _ => {}
            }
        }
        self.check();
    }

    /// Mostly well, sometimes with an error, twice, or not at all.
    fn answer(&mut self, pdu: Pdu, book: &mut Book, random: &mut Random) {
        let ok = CommandStatus::ESME_ROK;
        let (status, body) = match &pdu.body {
            Body::BindTransceiver(_) => {
                let resp = BindResp::new("smsc", InterfaceVersion::V3_4);
                (ok, Body::BindTransceiverResp(resp))
            }
            _ if random.one_in(20) => return,
            Body::SubmitSm(_) if random.one_in(5) => (
                CommandStatus::ESME_RTHROTTLED,
                Body::SubmitSmResp(MessageResp::default()),
            ),
            Body::SubmitSm(_) => {
                book.accepted += 1;
                book.to_report.push_back(book.accepted);
                let id = book.accepted.to_string();
                (ok, Body::SubmitSmResp(MessageResp::new(id)))
            }
            Body::DeliverSm(sm) => {
                if let Some(id) = sm.tlvs.get_u32(RECEIPT_FOR) {
                    assert!(id <= book.accepted, "a receipt for no message");
                    assert!(book.reported.insert(id), "two receipts for {id}");
                    book.early += usize::from(!book.known.contains(&id));
                }
                (ok, Body::DeliverSmResp(MessageResp::default()))
            }
            body => (
                ok,
                Body::response_to(body.command_id()).expect("a response"),
            ),
        };
        if random.one_in(30) {
            self.session
                .respond(pdu.sequence_number, body.clone(), status);
        }
        self.session.respond(pdu.sequence_number, body, status);
    }
}

/// A bind between the two parties.
struct Line {
    client: Side,
    server: Side,
    /// Milliseconds that a piece is under way, one more than at most.
    latency_max: u64,
    /// Whether PDUs get lost.
    is_lossy: bool,
}

impl Line {
    fn new(now: Instant, random: &mut Random) -> Self {
        let bind = Bind {
            system_id: "rebel".into(),
            ..Bind::default()
        };
        let windows = [1 + random.below(20), 1 + random.below(20)];
        let options = |options: SessionOptions, window| SessionOptions {
            window,
            response_timeout: Duration::from_secs(5),
            ..options
        };
        let esme = options(SessionOptions::esme(BindAs::Transceiver, bind), windows[0]);
        let smsc = options(SessionOptions::smsc(), windows[1]);
        let mut client = Side::new(Session::esme(esme, now), windows[0]);
        client.session.start(now);
        Self {
            client,
            server: Side::new(Session::smsc(smsc, now), windows[1]),
            // Some lines are so slow that answers come after their timer.
            latency_max: *random.pick(&[1, 50, 1_000, 8_000]),
            is_lossy: random.one_in(4),
        }
    }

    fn step(&mut self, now: Instant, book: &mut Book, random: &mut Random) {
        self.client.step(now, book, random);
        self.carry(now, random, true);
        self.server.step(now, book, random);
        self.server.report(now, book);
        self.carry(now, random, false);
    }

    /// Moves what one side has written to the other, in pieces that arrive in order; whole PDUs
    /// may get lost. A side that is closed says so to the other, and then nothing more.
    fn carry(&mut self, now: Instant, random: &mut Random, forth: bool) {
        let (from, to) = match forth {
            true => (&mut self.client, &mut self.server),
            false => (&mut self.server, &mut self.client),
        };
        if from.is_mute || (self.is_lossy && random.one_in(10)) {
            from.session.transmit().clear();
        }
        let mut pieces = Vec::new();
        while !from.session.transmit().is_empty() {
            let pending = from.session.transmit();
            let octets = 1 + random.below(pending.len());
            pieces.push(Some(pending.split_to(octets).freeze()));
        }
        if from.closed && !from.is_mute {
            pieces.push(None);
            from.is_mute = true;
        }
        for piece in pieces {
            let at = now + Duration::from_millis(random.next() % self.latency_max);
            let last = to.arriving.back().map_or(at, |(last, _)| *last);
            to.arriving.push_back((at.max(last), piece));
        }
    }

    /// One side has no more to say, but goes on listening.
    fn half_close(&mut self, now: Instant, random: &mut Random) {
        let forth = random.one_in(2);
        self.carry(now, random, forth);
        let (from, to) = match forth {
            true => (&mut self.client, &mut self.server),
            false => (&mut self.server, &mut self.client),
        };
        if !from.is_mute {
            from.is_mute = true;
            let last = to.arriving.back().map_or(now, |(last, _)| *last);
            to.arriving.push_back((last, None));
        }
    }

    /// The line is gone, and with it all that was under way.
    fn end(&mut self, now: Instant, book: &mut Book, random: &mut Random) {
        for side in [&mut self.client, &mut self.server] {
            side.session.handle_closed(now);
            side.drain(book, random);
            assert!(side.closed);
            side.check();
            assert!(side.auditor.settled.iter().all(|settled| *settled));
        }
    }
}

#[test]
fn every_request_has_exactly_one_outcome_whatever_the_world_does() {
    let total = Mutex::new([0; 6]);
    seeds(3_000, |random| {
        let start = Instant::now();
        let (mut now, mut book) = (start, Book::default());
        let mut lines: Vec<Line> = (0..1 + random.below(3))
            .map(|_| Line::new(now, random))
            .collect();
        // Most worlds end soon, so that there can be many.
        let seconds_max = if random.one_in(20) { 120 } else { 8 };
        let ends_at = start + Duration::from_secs(1 + random.next() % seconds_max);
        let end = random.below(3);
        let mut half_closed = 0;
        for _ in 0..3_000 {
            for line in &mut lines {
                line.step(now, &mut book, random);
            }
            if now >= ends_at {
                match end {
                    0 => lines
                        .iter_mut()
                        .for_each(|line| line.client.session.unbind(now)),
                    1 => {
                        lines
                            .iter_mut()
                            .for_each(|line| line.half_close(now, random));
                        half_closed = lines.len();
                    }
                    _ => break,
                }
            }
            let sides = || lines.iter().flat_map(|line| [&line.client, &line.server]);
            if sides().all(|side| side.closed) {
                break;
            }
            let pause = Duration::from_millis(1 + random.next() % 500);
            let Some(next) = sides().filter_map(Side::next_at).min() else {
                break;
            };
            now = next.min(now + pause).max(now + Duration::from_millis(1));
        }
        let mut counts = [0, 0, 0, book.early, half_closed, 0];
        for line in &mut lines {
            line.end(now, &mut book, random);
            for side in [&line.client, &line.server] {
                counts[0] += side.auditor.settled.len();
                counts[1] += side.auditor.timed_out;
                counts[2] += side.auditor.late;
            }
        }
        counts[5] = book.reported.len();
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total
            .iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    });
    // The world was worth simulating.
    let [requests, timed_out, late, early, half_closed, reported] = total.into_inner().unwrap();
    println!(
        "{requests} requests, {timed_out} timed out, {late} answered late; {reported} receipts, \
         {early} before their responses; {half_closed} binds half-closed"
    );
    assert!(requests > 10_000 && reported > 10_000);
    assert!(timed_out > 100 && late > 100);
    assert!(early > 100 && half_closed > 100);
}

#[test]
fn random_frames_never_break_a_session_or_lose_a_context() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/corpus/pdus-malformed.jsonl"
    );
    let frames: Vec<Bytes> = std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = value["hex"].as_str().unwrap();
            let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (0..hex.len())
                .step_by(2)
                .map(octet)
                .collect::<Vec<u8>>()
                .into()
        })
        .collect();
    seeds(2_000, |random| {
        let mut now = Instant::now();
        let options = SessionOptions::esme(BindAs::Transceiver, Bind::default());
        let window = options.window;
        let mut side = Side::new(Session::esme(options, now), window);
        let mut book = Book::default();
        side.session.start(now);
        let mut resp = BytesMut::new();
        let body = Body::BindTransceiverResp(BindResp::default());
        Pdu::response(1.into(), CommandStatus::ESME_ROK, body).encode(&mut resp);
        side.session.handle_frame(resp.freeze(), now);
        for _ in 0..40 {
            let mut octets = random.pick(&frames).to_vec();
            if random.one_in(2) && octets.len() >= 16 {
                octets[15] = random.below(20) as u8;
                octets[12..15].fill(0);
            }
            side.session.handle_frame(Bytes::from(octets), now);
            now += Duration::from_millis(random.next() % 3_000);
            side.drain(&mut book, random);
            side.step(now, &mut book, random);
        }
        side.session.handle_closed(now);
        side.drain(&mut book, random);
        assert!(side.auditor.settled.iter().all(|settled| *settled));
    });
}
