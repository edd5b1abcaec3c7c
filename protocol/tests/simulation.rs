//! Goal: two sessions and an unreliable world never lose or double an outcome. Method: a client
//! and a server on a virtual clock, with latency, silence, refusals, duplicates and broken
//! connections by seed; an auditor counts what became of every request.

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use smpp_protocol::pdu::{Bind, BindResp, Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::session::{BindAs, Event, State, Unanswered};
use smpp_protocol::{CommandStatus, InterfaceVersion, Pdu, Session, SessionOptions};
use support::{Random, seeds};

/// A request's number in the auditor's book.
type Ticket = u32;

/// How often each request was heard of again.
#[derive(Debug, Default)]
struct Auditor {
    outcomes: BTreeMap<Ticket, u32>,
    timed_out: u32,
    late: u32,
    requests_seen: u32,
}

impl Auditor {
    fn open(&mut self) -> Ticket {
        let ticket = self.outcomes.len() as Ticket;
        self.outcomes.insert(ticket, 0);
        ticket
    }

    fn settle(&mut self, ticket: Ticket) {
        *self
            .outcomes
            .get_mut(&ticket)
            .expect("a ticket that was opened") += 1;
    }
}

/// One side: a session, what it receives, and when each piece arrives.
struct Side {
    session: Session<Ticket>,
    input: BytesMut,
    arriving: VecDeque<(Instant, Bytes)>,
    auditor: Auditor,
    closed: bool,
}

impl Side {
    fn new(session: Session<Ticket>) -> Self {
        Self {
            session,
            input: BytesMut::new(),
            arriving: VecDeque::new(),
            auditor: Auditor::default(),
            closed: false,
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
    fn step(&mut self, now: Instant, random: &mut Random) {
        while self.arriving.front().is_some_and(|(at, _)| *at <= now) {
            let (_, octets) = self.arriving.pop_front().unwrap();
            self.input.extend_from_slice(&octets);
            while let Some(frame) = self.session.split_frame(&mut self.input).unwrap() {
                self.session.handle_frame(frame, now);
                self.drain(random);
            }
        }
        self.session.handle_deadline(now);
        self.drain(random);
        while self.session.room() > 0 && random.one_in(3) {
            let ticket = self.auditor.open();
            let body = match self.session.state() {
                State::Bound(_) if ticket.is_multiple_of(2) => Body::SubmitSm(SubmitSm::default()),
                _ => Body::DeliverSm(DeliverSm::default()),
            };
            self.session
                .request(body, ticket, now)
                .expect("there was room");
        }
    }

    fn drain(&mut self, random: &mut Random) {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.closed, "nothing comes after Closed: {event:?}");
            match event {
                Event::Response { context, .. } => self.auditor.settle(context),
                Event::Unanswered {
                    context, reason, ..
                } => {
                    self.auditor.settle(context);
                    self.auditor.timed_out += u32::from(reason == Unanswered::Timeout);
                }
                Event::LateResponse { .. } => self.auditor.late += 1,
                Event::Request(pdu) => {
                    self.auditor.requests_seen += 1;
                    self.answer(pdu, random);
                }
                Event::Closed(_) => self.closed = true,
                _ => {}
            }
        }
    }

    /// Mostly well, sometimes with an error, twice, or not at all.
    fn answer(&mut self, pdu: Pdu, random: &mut Random) {
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
            Body::SubmitSm(_) => (ok, Body::SubmitSmResp(MessageResp::new("id"))),
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

/// Moves what one side has written to the other, in pieces that arrive in order.
fn carry(from: &mut Side, to: &mut Side, now: Instant, latency_max: u64, random: &mut Random) {
    while !from.session.transmit().is_empty() {
        let pending = from.session.transmit();
        let octets = pending.split_to(1 + random.below(pending.len())).freeze();
        let at = now + Duration::from_millis(random.next() % latency_max.max(1));
        let last = to.arriving.back().map_or(at, |(last, _)| *last);
        to.arriving.push_back((at.max(last), octets));
    }
}

#[test]
fn every_request_has_exactly_one_outcome_whatever_the_world_does() {
    let (answered, timed_out, late) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    seeds(3_000, |random| {
        let start = Instant::now();
        let mut now = start;
        let bind = Bind {
            system_id: "rebel".into(),
            ..Bind::default()
        };
        let esme = SessionOptions {
            window: 1 + random.below(20),
            response_timeout: Duration::from_secs(5),
            ..SessionOptions::esme(BindAs::Transceiver, bind)
        };
        let smsc = SessionOptions {
            window: 1 + random.below(20),
            response_timeout: Duration::from_secs(5),
            ..SessionOptions::smsc()
        };
        let mut client = Side::new(Session::esme(esme, now));
        let mut server = Side::new(Session::smsc(smsc, now));
        client.session.start(now);
        // Some lines are so slow that answers come after their timer.
        let latency_max = *random.pick(&[1, 50, 1_000, 8_000]);
        // Most worlds end soon, so that there can be many.
        let seconds_max = if random.one_in(10) { 120 } else { 15 };
        let ends_at = start + Duration::from_secs(1 + random.next() % seconds_max);
        let orderly = random.one_in(2);
        for _ in 0..3_000 {
            client.step(now, random);
            carry(&mut client, &mut server, now, latency_max, random);
            server.step(now, random);
            carry(&mut server, &mut client, now, latency_max, random);
            if now >= ends_at && orderly {
                client.session.unbind(now);
            } else if now >= ends_at {
                break;
            }
            if client.closed && server.closed {
                break;
            }
            let pause = Duration::from_millis(1 + random.next() % 500);
            let next = [client.next_at(), server.next_at()]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next else { break };
            now = next.min(now + pause).max(now + Duration::from_millis(1));
        }
        for side in [&mut client, &mut server] {
            side.session.handle_closed(now);
            side.drain(random);
            assert!(side.closed);
            assert_eq!(side.session.outstanding(), 0);
            assert_eq!(side.session.next_deadline(), None);
            for (ticket, outcomes) in &side.auditor.outcomes {
                assert_eq!(*outcomes, 1, "request {ticket}");
            }
            answered.fetch_add(side.auditor.outcomes.len() as u32, Relaxed);
            timed_out.fetch_add(side.auditor.timed_out, Relaxed);
            late.fetch_add(side.auditor.late, Relaxed);
        }
    });
    // The world was worth simulating.
    println!("{answered:?} requests, {timed_out:?} timed out, {late:?} answered late");
    assert!(answered.into_inner() > 10_000);
    assert!(timed_out.into_inner() > 100);
    assert!(late.into_inner() > 100);
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
        let mut side = Side::new(Session::esme(options, now));
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
            side.step(now, random);
        }
        side.session.handle_closed(now);
        side.drain(random);
        assert!(
            side.auditor
                .outcomes
                .values()
                .all(|outcomes| *outcomes == 1)
        );
    });
}
