//! How long the steps of a message take, one thread, in nanoseconds. Run it with
//! `cargo bench -p smpp-protocol`; the best of several rounds is shown, since everything else that
//! happens on a machine only adds.

use std::hint::black_box;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use smpp_protocol::pdu::{Bind, BindResp, Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::receipt::{self, Receipt};
use smpp_protocol::segment::{Concat, preview, split};
use smpp_protocol::session::{BindAs, Event};
use smpp_protocol::{
    Address, COctetString, CommandStatus, EsmClass, Pdu, SequenceNumber, Session, SessionOptions,
    Tag, gsm7, split_frame,
};

const ROUNDS: u32 = 9;
const TIMES: u32 = 100_000;

fn time<R>(name: &str, times: u32, mut step: impl FnMut() -> R) {
    let round = |step: &mut dyn FnMut() -> R| {
        let start = Instant::now();
        for _ in 0..times {
            black_box(step());
        }
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    let best = (0..ROUNDS)
        .map(|_| round(&mut step))
        .fold(f64::INFINITY, f64::min);
    println!("{name:<48} {best:>10.1} ns");
}

const TEXT: &str = "Your code is 493817. Never give it to anyone, not even to us. It is good for \
                    ten minutes, and for this one login only. If you asked for none, ignore it.";

fn submit_sm() -> Body {
    let (source, destination) = (Address::source("Rebel"), Address::source("+393401234567"));
    Body::SubmitSm(SubmitSm {
        source_addr_ton: source.ton,
        source_addr_npi: source.npi,
        source_addr: source.text,
        dest_addr_ton: destination.ton,
        dest_addr_npi: destination.npi,
        destination_addr: destination.text,
        short_message: Bytes::from_static(TEXT.as_bytes()),
        ..SubmitSm::default()
    })
}

fn receipt() -> Body {
    let text = "id:0123456789abcdef sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 \
                stat:DELIVRD err:000 text:Your code is 493817.";
    let mut pdu = DeliverSm {
        source_addr: COctetString::from_static("393401234567"),
        destination_addr: COctetString::from_static("Rebel"),
        esm_class: EsmClass::RECEIPT,
        short_message: Bytes::from_static(text.as_bytes()),
        ..DeliverSm::default()
    };
    pdu.tlvs
        .push_cstr(Tag::RECEIPTED_MESSAGE_ID, "0123456789abcdef");
    pdu.tlvs.push_u8(Tag::MESSAGE_STATE, 2);
    Body::DeliverSm(pdu)
}

fn frame(body: Body) -> Bytes {
    let mut out = BytesMut::new();
    Pdu::request(SequenceNumber(1), body).encode(&mut out);
    out.freeze()
}

fn main() {
    println!("message of {} characters", TEXT.len());
    for (name, body) in [
        ("submit_sm", submit_sm()),
        ("deliver_sm receipt", receipt()),
    ] {
        let octets = frame(body.clone());
        time(&format!("decode {name}"), TIMES, || {
            Pdu::decode(octets.clone())
        });
        let pdu = Pdu::request(SequenceNumber(1), body);
        let mut out = BytesMut::with_capacity(4096);
        time(&format!("encode {name}"), TIMES, || {
            out.clear();
            pdu.encode(&mut out);
        });
    }
    let octets = frame(Body::SubmitSmResp(MessageResp::new("0123456789abcdef")));
    time("decode submit_sm_resp", TIMES, || {
        Pdu::decode(octets.clone())
    });

    let stream = frame(submit_sm()).repeat(100);
    time("split 100 frames off one read", TIMES / 100, || {
        let mut input = BytesMut::from(&stream[..]);
        while let Ok(Some(frame)) = split_frame(&mut input, 70_000) {
            black_box(frame);
        }
    });

    let long = TEXT.repeat(7);
    time("encode 153 characters as GSM 7-bit", TIMES, || {
        gsm7::encode(black_box(TEXT))
    });
    time("encode 1071 characters as GSM 7-bit", TIMES, || {
        gsm7::encode(black_box(&long))
    });
    let septets = gsm7::encode(&long).unwrap();
    time("decode 1071 septets", TIMES, || {
        gsm7::decode(black_box(&septets))
    });
    time("pack 1071 septets", TIMES, || {
        gsm7::pack(black_box(&septets), 0)
    });
    time("preview 153 characters", TIMES, || preview(black_box(TEXT)));
    time("preview 1071 characters", TIMES, || {
        preview(black_box(&long))
    });
    time("split 153 characters", TIMES, || {
        split(black_box(TEXT), Concat::Udh8(1))
    });
    time("split 1071 characters into 7", TIMES, || {
        split(black_box(&long), Concat::Udh8(1))
    });

    let Body::DeliverSm(pdu) = receipt() else {
        unreachable!()
    };
    time("classify a receipt", TIMES, || receipt::classify(&pdu));
    time("read a receipt", TIMES, || Receipt::from_pdu(&pdu));
    session();
}

/// A window of submits answered, as one bind task sees it.
fn session() {
    let now = Instant::now();
    let options = SessionOptions {
        window: 100,
        ..SessionOptions::esme(BindAs::Transceiver, Bind::default())
    };
    let mut session: Session<u64> = Session::esme(options, now);
    session.start(now);
    let resp = |number: u32, body: Body| {
        let mut out = BytesMut::new();
        Pdu::response(SequenceNumber(number), CommandStatus::ESME_ROK, body).encode(&mut out);
        out.freeze()
    };
    session.handle_frame(resp(1, Body::BindTransceiverResp(BindResp::default())), now);
    while session.poll_event().is_some() {}
    let mut number = 1;
    let body = submit_sm();
    time(
        "submit and its response, with 100 outstanding",
        TIMES / 100,
        || {
            session.transmit().clear();
            let first = number + 1;
            while session.room() > 0 {
                number = session.request(body.clone(), 7, now).unwrap().0;
            }
            for number in first..=number {
                session.handle_frame(
                    resp(number, Body::SubmitSmResp(MessageResp::new("0123456789"))),
                    now,
                );
                while let Some(event) = session.poll_event() {
                    assert!(matches!(event, Event::Response { .. }));
                }
            }
        },
    );
    println!("(the line above: divide by 100)");
}
