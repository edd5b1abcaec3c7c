//! Goal: what a session sends and tells, in every situation the reference names. Method: one
//! session alone, fed PDU by PDU on made-up time.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use smpp_protocol::error::Fault;
use smpp_protocol::frame::FrameError;
use smpp_protocol::pdu::{Bind, BindResp, Body, DataSm, DeliverSm, MessageResp, Outbind, SubmitSm};
use smpp_protocol::session::{BindAs, Closed, Event, State, Unanswered};
use smpp_protocol::{
    CommandId, CommandStatus, InterfaceVersion, Pdu, SequenceNumber, Session, SessionOptions,
    Strictness, Tag, Tlvs, split_frame,
};

const OK: CommandStatus = CommandStatus::ESME_ROK;

/// One session and its clock.
struct Bench {
    session: Session<&'static str>,
    now: Instant,
}

fn options() -> SessionOptions {
    let bind = Bind {
        system_id: "rebel".into(),
        password: "secret".into(),
        ..Bind::default()
    };
    SessionOptions {
        window: 2,
        ..SessionOptions::esme(BindAs::Transceiver, bind)
    }
}

impl Bench {
    fn esme(options: SessionOptions) -> Self {
        let now = Instant::now();
        Self {
            session: Session::esme(options, now),
            now,
        }
    }

    fn smsc(options: SessionOptions) -> Self {
        let now = Instant::now();
        Self {
            session: Session::smsc(options, now),
            now,
        }
    }

    /// An ESME that has bound; its bind and the event are already taken.
    fn bound(options: SessionOptions) -> Self {
        let mut bench = Self::esme(options);
        bench.session.start(bench.now);
        let bind = bench.sent().remove(0);
        let resp = BindResp::new("smsc", InterfaceVersion::V3_4);
        bench.receive(bind.sequence_number.0, OK, Body::BindTransceiverResp(resp));
        let events = bench.events();
        assert!(matches!(&events[..], [Event::Bound { .. }]), "{events:?}");
        bench
    }

    fn bound_smsc(options: SessionOptions, body: Body) -> Self {
        let mut bench = Self::smsc(options);
        let resp = Body::response_to(body.command_id()).unwrap();
        bench.receive(1, OK, body);
        bench.session.respond(SequenceNumber(1), resp, OK);
        bench.sent();
        bench.events();
        bench
    }

    fn receive(&mut self, sequence: u32, status: CommandStatus, body: Body) {
        let mut octets = BytesMut::new();
        Pdu::response(SequenceNumber(sequence), status, body).encode(&mut octets);
        self.session.handle_frame(octets.freeze(), self.now);
    }

    fn receive_hex(&mut self, hex: &str) {
        let octets: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        self.session.handle_frame(Bytes::from(octets), self.now);
    }

    /// Everything written since the last time.
    fn sent(&mut self) -> Vec<Pdu> {
        let mut pdus = Vec::new();
        while let Some(frame) = split_frame(self.session.transmit(), 70_000).unwrap() {
            pdus.push(Pdu::decode(frame).unwrap().pdu);
        }
        assert!(self.session.transmit().is_empty());
        pdus
    }

    fn events(&mut self) -> Vec<Event<&'static str>> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    fn submit(&mut self, context: &'static str) -> Result<SequenceNumber, &'static str> {
        self.session
            .request(Body::SubmitSm(SubmitSm::default()), context, self.now)
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.session.handle_deadline(self.now);
    }

    /// The one PDU that was written: which, its status and number.
    fn answer(&mut self) -> (CommandId, CommandStatus, u32) {
        let sent = self.sent();
        let [pdu] = &sent[..] else { panic!("{sent:?}") };
        (pdu.command_id(), pdu.command_status, pdu.sequence_number.0)
    }
}

#[test]
fn a_client_binds_submits_and_unbinds() {
    let mut bench = Bench::esme(options());
    assert_eq!(bench.session.room(), 0);
    bench.session.start(bench.now);
    bench.session.start(bench.now);
    let sent = bench.sent();
    let [
        Pdu {
            body: Body::BindTransceiver(bind),
            ..
        },
    ] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    assert_eq!(bind.interface_version, InterfaceVersion::V3_4);
    assert_eq!(bench.session.state(), State::Binding);
    assert_eq!(bench.submit("early"), Err("early"));

    let resp = BindResp::new("smsc", InterfaceVersion::V5_0);
    bench.receive(1, OK, Body::BindTransceiverResp(resp));
    let events = bench.events();
    let [
        Event::Bound {
            system_id,
            interface_version,
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (system_id.to_str(), *interface_version),
        ("smsc".into(), Some(InterfaceVersion::V5_0))
    );
    assert_eq!(bench.session.room(), 2);

    let sequence = bench.submit("message").unwrap();
    assert_eq!(bench.answer(), (CommandId::SUBMIT_SM, OK, sequence.0));
    bench.now += Duration::from_millis(20);
    bench.receive(sequence.0, OK, Body::SubmitSmResp(MessageResp::new("id-1")));
    let events = bench.events();
    let [
        Event::Response {
            context,
            status,
            body: Body::SubmitSmResp(resp),
            took,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (*context, *status, *took),
        ("message", OK, Duration::from_millis(20))
    );
    assert_eq!(resp.message_id, "id-1");

    bench.session.unbind(bench.now);
    assert_eq!(bench.session.room(), 0);
    let (command_id, _, sequence) = bench.answer();
    assert_eq!(command_id, CommandId::UNBIND);
    bench.receive(sequence, OK, Body::UnbindResp(Tlvs::new()));
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::Unbound)]
    ));
    assert_eq!(bench.session.next_deadline(), None);
}

#[test]
fn responses_come_in_any_order_and_only_once() {
    let mut bench = Bench::bound(options());
    let first = bench.submit("first").unwrap();
    let second = bench.submit("second").unwrap();
    assert_eq!(bench.submit("third"), Err("third"), "the window is full");
    assert_eq!(bench.session.outstanding(), 2);
    for sequence in [second, first, first] {
        bench.receive(sequence.0, OK, Body::SubmitSmResp(MessageResp::new("id")));
    }
    let events = bench.events();
    let [
        Event::Response {
            context: "second", ..
        },
        Event::Response {
            context: "first", ..
        },
        Event::UnknownResponse {
            command_id: CommandId::SUBMIT_SM_RESP,
            ..
        },
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(bench.session.room(), 2);
}

#[test]
fn a_request_that_times_out_frees_its_slot_and_may_still_be_answered() {
    let mut bench = Bench::bound(SessionOptions {
        enquire_link: None,
        ..options()
    });
    let sequence = bench.submit("slow").unwrap();
    assert_eq!(
        bench.session.next_deadline(),
        Some(bench.now + Duration::from_secs(60))
    );
    bench.wait(60);
    let events = bench.events();
    assert!(
        matches!(
            events[..],
            [Event::Unanswered {
                context: "slow",
                reason: Unanswered::Timeout,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(bench.session.room(), 2);
    bench.receive(sequence.0, OK, Body::SubmitSmResp(MessageResp::new("late")));
    bench.receive(
        sequence.0,
        OK,
        Body::SubmitSmResp(MessageResp::new("again")),
    );
    let events = bench.events();
    let [
        Event::LateResponse {
            sequence: late,
            body: Body::SubmitSmResp(resp),
            ..
        },
        Event::UnknownResponse { .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*late, resp.message_id.to_str()), (sequence, "late".into()));
}

#[test]
fn a_generic_nack_ends_its_request_as_an_error_even_if_it_says_ok() {
    let mut bench = Bench::bound(options());
    for (status, seen) in [
        (CommandStatus::ESME_RINVCMDID, CommandStatus::ESME_RINVCMDID),
        (OK, CommandStatus::ESME_RUNKNOWNERR),
    ] {
        let sequence = bench.submit("message").unwrap();
        bench.receive(sequence.0, status, Body::GenericNack(Tlvs::new()));
        let events = bench.events();
        let [
            Event::Response {
                context: "message",
                status,
                body: Body::GenericNack(_),
                ..
            },
        ] = events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(status, seen);
    }
    bench.receive(
        0,
        CommandStatus::ESME_RINVCMDLEN,
        Body::GenericNack(Tlvs::new()),
    );
    assert!(matches!(
        bench.events()[..],
        [Event::UnknownResponse { .. }]
    ));
    assert!(bench.sent().len() == 2, "a nack is never answered");
}

#[test]
fn a_response_of_the_wrong_type_counts_and_is_told() {
    let mut bench = Bench::bound(options());
    let sequence = bench.submit("message").unwrap();
    bench.receive(sequence.0, OK, Body::DataSmResp(MessageResp::new("id")));
    let events = bench.events();
    let [
        Event::Deviation { deviation, .. },
        Event::Response {
            context: "message", ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(deviation.fault, Fault::ResponseMismatch);
}

#[test]
fn silence_is_asked_about_twice_and_then_ends_the_session() {
    let mut bench = Bench::bound(options());
    bench.submit("waiting").unwrap();
    bench.submit("waiting too").unwrap();
    bench.sent();
    assert_eq!(
        bench.session.next_deadline(),
        Some(bench.now + Duration::from_secs(30))
    );
    bench.wait(30);
    assert_eq!(
        bench.answer().0,
        CommandId::ENQUIRE_LINK,
        "a full window is no reason not to ask"
    );
    bench.wait(9);
    assert!(bench.sent().is_empty());
    bench.wait(1);
    assert_eq!(bench.answer().0, CommandId::ENQUIRE_LINK);
    bench.wait(10);
    let events = bench.events();
    let [
        Event::Unanswered {
            context: "waiting",
            reason: Unanswered::Closed,
            ..
        },
        Event::Unanswered {
            context: "waiting too",
            reason: Unanswered::Closed,
            ..
        },
        Event::Closed(Closed::EnquireLinkTimeout),
    ] = events[..]
    else {
        panic!("{events:?}")
    };
}

#[test]
fn any_sign_of_life_will_do_as_an_answer() {
    let mut bench = Bench::bound(options());
    for (status, body) in [
        (OK, Body::EnquireLinkResp(Tlvs::new())),
        (
            CommandStatus::ESME_RINVCMDID,
            Body::GenericNack(Tlvs::new()),
        ),
    ] {
        bench.wait(30);
        let (_, _, sequence) = bench.answer();
        bench.wait(5);
        bench.receive(sequence, status, body);
        assert!(bench.events().is_empty());
        assert_eq!(
            bench.session.next_deadline(),
            Some(bench.now + Duration::from_secs(30))
        );
    }
    bench.wait(30);
    bench.sent();
    bench.receive(77, OK, Body::DeliverSm(DeliverSm::default()));
    bench.wait(10);
    assert!(bench.sent().is_empty());
    assert!(matches!(bench.events()[..], [Event::Request(_)]));
}

#[test]
fn half_a_frame_is_a_sign_of_life() {
    let mut bench = Bench::bound(options());
    bench.wait(30);
    bench.sent();
    bench.wait(9);
    bench.session.handle_octets(bench.now);
    bench.wait(10);
    assert!(bench.sent().is_empty() && bench.events().is_empty());
}

#[test]
fn enquire_link_is_answered_in_every_state() {
    let mut open = Bench::esme(options());
    let mut unbinding = Bench::bound(options());
    unbinding.session.unbind(unbinding.now);
    unbinding.sent();
    for bench in [
        &mut open,
        &mut unbinding,
        &mut Bench::smsc(SessionOptions::smsc()),
    ] {
        bench.receive(0x8000_0001, OK, Body::EnquireLink);
        assert_eq!(
            bench.answer(),
            (CommandId::ENQUIRE_LINK_RESP, OK, 0x8000_0001)
        );
    }
}

#[test]
fn what_arrives_before_the_bind_is_settled_is_held() {
    let mut bench = Bench::esme(options());
    bench.session.start(bench.now);
    bench.sent();
    bench.receive(9, OK, Body::DeliverSm(DeliverSm::default()));
    assert!(bench.events().is_empty());
    bench.receive(1, OK, Body::BindTransceiverResp(BindResp::default()));
    let events = bench.events();
    let [
        Event::Bound {
            interface_version: None,
            ..
        },
        Event::Request(pdu),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    bench.session.respond(
        pdu.sequence_number,
        Body::response_to(pdu.command_id()).unwrap(),
        OK,
    );
    assert_eq!(bench.answer(), (CommandId::DELIVER_SM_RESP, OK, 9));
}

#[test]
fn a_flood_before_the_bind_is_told_to_come_again() {
    let mut bench = Bench::esme(options());
    bench.session.start(bench.now);
    bench.sent();
    for sequence in 0..101 {
        bench.receive(sequence, OK, Body::DeliverSm(DeliverSm::default()));
    }
    assert_eq!(
        bench.answer(),
        (
            CommandId::DELIVER_SM_RESP,
            CommandStatus::ESME_RX_T_APPN,
            100
        )
    );
}

#[test]
fn a_refused_bind_closes_by_response_or_by_nack() {
    for (body, status) in [
        (
            Body::BindTransceiverResp(BindResp::default()),
            CommandStatus::ESME_RINVPASWD,
        ),
        (
            Body::GenericNack(Tlvs::new()),
            CommandStatus::ESME_RINVCMDID,
        ),
        (Body::GenericNack(Tlvs::new()), OK),
    ] {
        let mut bench = Bench::esme(options());
        bench.session.start(bench.now);
        bench.receive(1, status, body);
        let events = bench.events();
        let [Event::BindRefused(seen), Event::Closed(Closed::BindRefused)] = events[..] else {
            panic!("{events:?}")
        };
        assert!(!seen.is_ok());
    }
}

#[test]
fn no_bind_in_time_closes_on_either_side() {
    let mut esme = Bench::esme(options());
    esme.session.start(esme.now);
    esme.wait(30);
    assert!(matches!(
        esme.events()[..],
        [Event::Closed(Closed::SessionInitTimeout)]
    ));
    let mut smsc = Bench::smsc(SessionOptions::smsc());
    smsc.wait(10);
    assert!(matches!(
        smsc.events()[..],
        [Event::Closed(Closed::SessionInitTimeout)]
    ));
}

#[test]
fn the_peers_unbind_is_answered_and_all_that_waits_comes_out() {
    let mut bench = Bench::bound(options());
    bench.submit("waiting").unwrap();
    bench.sent();
    bench.receive(5, OK, Body::Unbind);
    assert_eq!(bench.answer(), (CommandId::UNBIND_RESP, OK, 5));
    let events = bench.events();
    let [
        Event::PeerUnbound,
        Event::Unanswered {
            context: "waiting", ..
        },
        Event::Closed(Closed::PeerUnbound),
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(bench.submit("more"), Err("more"));
    bench.session.handle_closed(bench.now);
    assert!(bench.events().is_empty(), "said once");
}

#[test]
fn while_unbinding_responses_and_deliveries_still_count() {
    let mut bench = Bench::bound(options());
    let sequence = bench.submit("waiting").unwrap();
    bench.session.unbind(bench.now);
    bench.receive(sequence.0, OK, Body::SubmitSmResp(MessageResp::new("id")));
    bench.receive(8, OK, Body::DataSm(DataSm::default()));
    let events = bench.events();
    assert!(
        matches!(events[..], [Event::Response { .. }, Event::Request(_)]),
        "{events:?}"
    );
    bench.wait(5);
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::UnbindTimeout)]
    ));
}

#[test]
fn a_lost_connection_brings_out_every_context() {
    let mut bench = Bench::bound(options());
    bench.submit("one").unwrap();
    bench.submit("two").unwrap();
    bench.session.handle_closed(bench.now);
    let events = bench.events();
    let [
        Event::Unanswered {
            context: "one",
            reason: Unanswered::Closed,
            ..
        },
        Event::Unanswered {
            context: "two",
            reason: Unanswered::Closed,
            ..
        },
        Event::Closed(Closed::Disconnected),
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    let resp = Body::response_to(CommandId::DELIVER_SM).unwrap();
    bench.session.respond(SequenceNumber(1), resp, OK);
    assert!(bench.sent().is_empty());
}

#[test]
fn what_has_no_place_is_refused_and_the_session_goes_on() {
    let mut bench = Bench::bound(options());
    let cases = [
        (
            Body::SubmitSm(SubmitSm::default()),
            CommandId::SUBMIT_SM_RESP,
        ),
        (
            Body::BindReceiver(Bind::default()),
            CommandId::BIND_RECEIVER_RESP,
        ),
        (Body::Outbind(Outbind::default()), CommandId::GENERIC_NACK),
    ];
    for (body, answer) in cases {
        bench.receive(3, OK, body);
        assert_eq!(bench.answer(), (answer, CommandStatus::ESME_RINVBNDSTS, 3));
        assert!(matches!(bench.events()[..], [Event::Refused { .. }]));
    }
    assert_eq!(bench.session.state(), State::Bound(BindAs::Transceiver));
}

#[test]
fn a_server_binds_its_client_in_the_direction_it_asks_for() {
    let bind = Bind {
        system_id: "rebel".into(),
        interface_version: InterfaceVersion::V3_4,
        ..Bind::default()
    };
    let mut bench = Bench::smsc(SessionOptions::smsc());
    bench.receive(1, OK, Body::SubmitSm(SubmitSm::default()));
    assert_eq!(
        bench.answer().1,
        CommandStatus::ESME_RINVBNDSTS,
        "before the bind"
    );
    bench.events();

    bench.receive(2, OK, Body::BindReceiver(bind));
    bench.receive(3, OK, Body::DataSm(DataSm::default()));
    assert!(
        matches!(bench.events()[..], [Event::Request(_)]),
        "the rest is held"
    );
    let resp = BindResp::new("smsc", InterfaceVersion::V3_4);
    bench
        .session
        .respond(SequenceNumber(2), Body::BindReceiverResp(resp), OK);
    assert_eq!(bench.answer().0, CommandId::BIND_RECEIVER_RESP);
    let events = bench.events();
    let [Event::Bound { system_id, .. }, Event::Request(_)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*system_id, "rebel");
    assert_eq!(bench.session.state(), State::Bound(BindAs::Receiver));
    assert_eq!(bench.session.room(), 10);

    bench.receive(4, OK, Body::BindReceiver(Bind::default()));
    assert_eq!(bench.answer().1, CommandStatus::ESME_RALYBND);
    bench.receive(5, OK, Body::SubmitSm(SubmitSm::default()));
    assert_eq!(
        bench.answer().1,
        CommandStatus::ESME_RINVBNDSTS,
        "a receiver submits nothing"
    );
}

#[test]
fn a_server_that_refuses_a_bind_lets_the_client_try_again() {
    let mut bench = Bench::smsc(SessionOptions::smsc());
    for sequence in 1..3 {
        bench.receive(sequence, OK, Body::BindTransceiver(Bind::default()));
        let resp = Body::response_to(CommandId::BIND_TRANSCEIVER).unwrap();
        bench.session.respond(
            SequenceNumber(sequence),
            resp,
            CommandStatus::ESME_RINVPASWD,
        );
        assert_eq!(bench.answer().1, CommandStatus::ESME_RINVPASWD);
        assert_eq!(bench.session.state(), State::Open);
        bench.events();
        bench.wait(4);
    }
    // Trying does not begin the time anew: ten seconds since the connection.
    bench.wait(1);
    assert!(bench.events().is_empty());
    bench.wait(1);
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::SessionInitTimeout)]
    ));
}

#[test]
fn a_server_may_close_after_the_first_refusal() {
    let mut bench = Bench::smsc(SessionOptions::smsc());
    bench.receive(1, OK, Body::BindTransceiver(Bind::default()));
    bench.events();
    let resp = Body::response_to(CommandId::BIND_TRANSCEIVER).unwrap();
    let status = CommandStatus::ESME_RINVPASWD;
    bench.session.respond(SequenceNumber(1), resp, status);
    bench.session.unbind(bench.now);
    assert_eq!(
        bench.answer().1,
        status,
        "the refusal is written, no unbind"
    );
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::Unbound)]
    ));
}

#[test]
fn a_client_of_3_3_gets_no_tlvs_and_one_of_3_4_does() {
    for (version, has_tlvs) in [(0x33, false), (0x00, false), (0x34, true), (0x50, true)] {
        let mut bench = Bench::smsc(SessionOptions::smsc());
        let bind = Bind {
            interface_version: InterfaceVersion(version),
            ..Bind::default()
        };
        bench.receive(1, OK, Body::BindReceiver(bind));
        let resp = BindResp::new("smsc", InterfaceVersion::V3_4);
        let resp = Body::BindReceiverResp(resp);
        bench.session.respond(SequenceNumber(1), resp, OK);
        assert_eq!(bench.session.version().has_tlvs(), has_tlvs, "{version:#x}");

        let mut deliver_sm = DeliverSm::default();
        deliver_sm.tlvs.push(Tag::MESSAGE_PAYLOAD, &b"text"[..]);
        let body = Body::DeliverSm(deliver_sm);
        bench.session.request(body, "mo", bench.now).unwrap();
        let sent = bench.sent();
        let [bound, delivered] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(!bound.body.tlvs().unwrap().is_empty(), has_tlvs);
        assert_eq!(!delivered.body.tlvs().unwrap().is_empty(), has_tlvs);
        let Body::DeliverSm(deliver_sm) = &delivered.body else {
            panic!("{delivered:?}")
        };
        assert_eq!(*deliver_sm.user_data(), "text");
    }
}

#[test]
fn the_version_of_a_session_is_the_lower_one() {
    for (own, said, expected) in [
        (0x50, Some(0x34), 0x34),
        (0x34, Some(0x50), 0x34),
        (0x50, Some(0x50), 0x50),
        (0x34, Some(0x33), 0x33),
        (0x33, Some(0x34), 0x33),
        (0x50, None, 0x34),
        (0x00, None, 0x34),
    ] {
        let mut options = options();
        options.bind.interface_version = InterfaceVersion(own);
        let mut bench = Bench::esme(options);
        bench.session.start(bench.now);
        let resp = match said {
            Some(version) => BindResp::new("smsc", InterfaceVersion(version)),
            None => BindResp::default(),
        };
        bench.receive(1, OK, Body::BindTransceiverResp(resp));
        assert_eq!(bench.session.version(), InterfaceVersion(expected));
    }
}

#[test]
fn commands_of_3_3_alone_are_handed_nowhere_and_nacked() {
    for command_id in 0x22..=0x24 {
        let mut bench = Bench::bound_smsc(
            SessionOptions::smsc(),
            Body::BindTransmitter(Bind::default()),
        );
        bench.sent();
        bench.events();
        // param_retrieve("x"), or as little of the others.
        bench.receive_hex(&format!("00000012{command_id:08x}00000000000000077800"));
        assert_eq!(
            bench.answer(),
            (CommandId::GENERIC_NACK, CommandStatus::ESME_RINVCMDID, 7)
        );
        let events = bench.events();
        assert!(!events.iter().any(|one| matches!(one, Event::Request(_))));
        assert!(matches!(bench.session.state(), State::Bound(_)));
    }
}

#[test]
fn a_server_delivers_and_is_answered() {
    let mut bench = Bench::bound_smsc(
        SessionOptions::smsc(),
        Body::BindTransceiver(Bind::default()),
    );
    let body = Body::DeliverSm(DeliverSm::default());
    let sequence = bench.session.request(body, "receipt", bench.now).unwrap();
    bench.receive(
        sequence.0,
        CommandStatus::ESME_RX_T_APPN,
        Body::DeliverSmResp(MessageResp::default()),
    );
    let events = bench.events();
    let [
        Event::Response {
            context: "receipt",
            status: CommandStatus::ESME_RX_T_APPN,
            ..
        },
    ] = events[..]
    else {
        panic!("{events:?}")
    };
}

#[test]
fn a_client_without_transactions_is_unbound() {
    let mut bench = Bench::bound_smsc(
        SessionOptions::smsc(),
        Body::BindTransceiver(Bind::default()),
    );
    for _ in 0..5 {
        bench.wait(59);
        bench.receive(7, OK, Body::EnquireLink);
    }
    bench.sent();
    bench.wait(5);
    assert_eq!(
        bench.answer().0,
        CommandId::UNBIND,
        "enquire_link is no transaction"
    );
    bench.wait(5);
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::Inactivity)]
    ));
}

#[test]
fn an_outbind_is_handed_on_before_the_bind() {
    let mut bench = Bench::esme(options());
    bench.receive(1, OK, Body::Outbind(Outbind::default()));
    assert!(matches!(bench.events()[..], [Event::Request(_)]));
    bench.session.start(bench.now);
    assert_eq!(bench.answer().0, CommandId::BIND_TRANSCEIVER);
}

#[test]
fn a_delivery_that_cannot_be_read_is_answered_with_its_number() {
    let mut bench = Bench::bound(options());
    // sm_length says 255, and nothing follows.
    bench.receive_hex(
        "0000003700000005000000000000236a00010131353535303030313131310001013135353530303032323232\
         00000000000000000000ff",
    );
    assert_eq!(
        bench.answer(),
        (
            CommandId::DELIVER_SM_RESP,
            CommandStatus::ESME_RINVMSGLEN,
            0x236A
        )
    );
    assert!(matches!(bench.events()[..], [Event::Undecodable(_)]));
    assert_eq!(bench.session.state(), State::Bound(BindAs::Transceiver));
}

#[test]
fn unknown_requests_are_nacked_and_unknown_responses_are_not() {
    for strictness in [Strictness::Lenient, Strictness::Strict] {
        let mut bench = Bench::bound(SessionOptions {
            strictness,
            ..options()
        });
        bench.receive_hex("00000010000102000000000000000042");
        assert_eq!(
            bench.answer(),
            (CommandId::GENERIC_NACK, CommandStatus::ESME_RINVCMDID, 0x42)
        );
        assert_eq!(bench.events().len(), 1);
        bench.receive_hex("00000010800102000000000000000042");
        assert!(bench.sent().is_empty());
        let events = bench.events();
        assert!(matches!(
            events[..],
            [Event::Deviation { .. }, Event::UnknownResponse { .. }]
        ));
    }
}

#[test]
fn a_lost_frame_border_gets_a_last_word() {
    let mut bench = Bench::bound(options());
    let mut input = BytesMut::from(&b"GET / HTTP/1.1"[..]);
    let error: FrameError = bench.session.split_frame(&mut input).unwrap_err();
    bench.session.handle_frame_error(&error, bench.now);
    assert_eq!(
        bench.answer(),
        (CommandId::GENERIC_NACK, CommandStatus::ESME_RINVCMDLEN, 0)
    );
    assert!(matches!(
        bench.events()[..],
        [Event::Closed(Closed::Framing)]
    ));
}

#[test]
fn sequence_numbers_wrap_around_what_is_outstanding() {
    let first_sequence = SequenceNumber(0x7FFF_FFFE);
    let mut bench = Bench::bound(SessionOptions {
        first_sequence,
        window: 3,
        ..options()
    });
    assert_eq!(bench.submit("last"), Ok(SequenceNumber::MAX));
    assert_eq!(bench.submit("first"), Ok(SequenceNumber::MIN));
    assert_eq!(bench.submit("second"), Ok(SequenceNumber(2)));
}

#[test]
fn many_responses_leave_in_one_buffer() {
    let mut bench = Bench::bound(options());
    for sequence in 1..=500 {
        bench.receive(sequence, OK, Body::DeliverSm(DeliverSm::default()));
    }
    for event in bench.events() {
        let Event::Request(pdu) = event else {
            panic!("{event:?}")
        };
        let resp = Body::response_to(pdu.command_id()).unwrap();
        bench.session.respond(pdu.sequence_number, resp, OK);
    }
    assert_eq!(bench.session.transmit().len(), 500 * 17);
    assert_eq!(bench.sent().len(), 500);
}
