//! Goal: the steps every message goes through allocate nothing, or a number that is known.
//! Method: an allocator that counts.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use smpp_protocol::pdu::{Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::receipt::Receipt;
use smpp_protocol::segment::{Concat, preview, split};
use smpp_protocol::{EsmClass, Pdu, PduRef, SequenceNumber, Tag, Tlvs};

/// A frame that is already shared, as one split off a read buffer is.
fn frame(body: Body) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    Pdu::request(SequenceNumber(1), body).encode(&mut out);
    let frame = out.split().freeze();
    drop(frame.clone());
    frame
}

fn submit_sm() -> SubmitSm {
    SubmitSm {
        source_addr: "Rebel".into(),
        destination_addr: "393401234567".into(),
        short_message: Bytes::from_static(b"hello"),
        ..SubmitSm::default()
    }
}

fn receipt() -> DeliverSm {
    let mut pdu = DeliverSm {
        esm_class: EsmClass::RECEIPT,
        short_message: Bytes::from_static(
            b"id:42 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 stat:DELIVRD \
              err:000 text:hello",
        ),
        ..DeliverSm::default()
    };
    pdu.tlvs.push_cstr(Tag::RECEIPTED_MESSAGE_ID, "42");
    pdu.tlvs.push_u8(Tag::MESSAGE_STATE, 2);
    pdu.tlvs.push(Tag::NETWORK_ERROR_CODE, &[3, 0, 0][..]);
    pdu
}

#[track_caller]
fn assert_allocates(expected: u64, step: impl FnOnce()) {
    let info = measure(step);
    assert_eq!(info.count_total, expected, "allocations");
    assert_eq!(info.count_current, 0, "left behind");
}

#[test]
fn decoding_and_encoding_a_message_allocates_nothing() {
    let bodies = [
        Body::SubmitSm(submit_sm()),
        Body::DeliverSm(receipt()),
        Body::SubmitSmResp(MessageResp::new("0123456789")),
    ];
    for body in bodies {
        let frame = frame(body);
        let mut out = BytesMut::with_capacity(512);
        assert_allocates(0, || {
            let decoded = Pdu::decode(frame.clone()).unwrap();
            decoded.pdu.encode(&mut out);
            let view = PduRef::read(&frame).unwrap();
            assert_eq!(view.sequence_number(), decoded.pdu.sequence_number);
            let octets = decoded.pdu.encode_to_slice(&mut [0; 512]);
            assert_eq!(octets, Some(frame.len()));
        });
    }
}

#[test]
fn a_single_deviation_allocates_nothing() {
    let mut out = BytesMut::from(&[0, 0, 0, 16, 0x80, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1][..]);
    let frame = out.split().freeze();
    drop(frame.clone());
    assert_allocates(0, || {
        assert_eq!(Pdu::decode(frame.clone()).unwrap().deviations.len(), 1);
    });
}

#[test]
fn the_tlvs_of_a_segment_allocate_once() {
    assert_allocates(0, || assert!(Tlvs::new().is_empty()));
    assert_allocates(1, || {
        let mut tlvs = Tlvs::new();
        tlvs.push_u16(Tag::SAR_MSG_REF_NUM, 4711);
        tlvs.push_u8(Tag::SAR_TOTAL_SEGMENTS, 3);
        tlvs.push_u8(Tag::SAR_SEGMENT_SEQNUM, 2);
    });
}

#[test]
fn reading_a_receipt_allocates_nothing() {
    let Body::DeliverSm(pdu) = Pdu::decode(frame(Body::DeliverSm(receipt())))
        .unwrap()
        .pdu
        .body
    else {
        panic!("deliver_sm")
    };
    assert_allocates(0, || {
        let receipt = Receipt::from_pdu(&pdu);
        assert_eq!(receipt.ids().count(), 1);
        assert!(receipt.done_date.is_some());
    });
}

#[test]
fn a_preview_allocates_nothing_and_a_split_little() {
    let text = "a€".repeat(500);
    assert_allocates(0, || assert_eq!(preview(&text).parts, 10));
    // The septets, the pieces, the segments, their octets, and what shares these.
    let info = measure(|| drop(split(&text, Concat::Udh8(1)).unwrap()));
    assert!(info.count_total <= 7, "{}", info.count_total);
}
