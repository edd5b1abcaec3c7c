//! Goal: what is forgiven, and how, where the corpus has no line for it. Method: PDUs built by our
//! own encoder and damaged by hand.

use bytes::{Bytes, BytesMut};
use smpp_protocol::pdu::{
    AlertNotification, Bind, Body, DESTINATIONS_MAX, DeliverSm, Destination, MessageResp, Outbind,
    SubmitMulti, SubmitSm,
};
use smpp_protocol::{
    CommandId, CommandStatus, EsmClass, Fault, Pdu, Reply, SequenceNumber, Strictness, Tag, Tlvs,
};

fn encoded(pdu: &Pdu) -> BytesMut {
    let mut out = BytesMut::new();
    pdu.encode(&mut out);
    out
}

fn request(body: Body) -> BytesMut {
    encoded(&Pdu::request(SequenceNumber(9), body))
}

/// The frame with another length of its own.
fn frame(mut octets: BytesMut) -> Bytes {
    let length = octets.len() as u32;
    octets[..4].copy_from_slice(&length.to_be_bytes());
    octets.freeze()
}

fn deliver_sm() -> DeliverSm {
    DeliverSm {
        source_addr: "393401234567".into(),
        esm_class: EsmClass::RECEIPT,
        short_message: Bytes::from_static(b"hi"),
        ..DeliverSm::default()
    }
}

#[test]
fn a_delivery_without_its_last_fields_is_taken_by_a_forgiving_reader_only() {
    let whole = request(Body::DeliverSm(deliver_sm()));
    // The short message, sm_length and the four octets before it.
    let cut = frame(BytesMut::from(&whole[..whole.len() - 7]));
    assert_eq!(
        Pdu::decode(cut.clone()).unwrap_err().fault,
        Fault::BodyTruncated
    );
    let forgiven = Pdu::decode_with(cut, Strictness::Forgiving).unwrap();
    assert_eq!(forgiven.deviations.len(), 1);
    let expected = DeliverSm {
        short_message: Bytes::new(),
        ..deliver_sm()
    };
    assert_eq!(forgiven.pdu.body, Body::DeliverSm(expected));
    // Not as far as esm_class.
    let cut = frame(BytesMut::from(&whole[..16 + 16]));
    assert!(Pdu::decode_with(cut, Strictness::Forgiving).is_err());
}

#[test]
fn a_nul_that_sm_length_does_not_count_is_stepped_over() {
    let mut pdu = deliver_sm();
    let without = request(Body::DeliverSm(pdu.clone())).len();
    pdu.tlvs.push_cstr(Tag::RECEIPTED_MESSAGE_ID, "42");
    let whole = request(Body::DeliverSm(pdu.clone()));
    let mut octets = BytesMut::from(&whole[..without]);
    octets.extend_from_slice(&[0]);
    octets.extend_from_slice(&whole[without..]);
    let decoded = Pdu::decode(frame(octets)).unwrap();
    assert!(decoded.deviations.contains(Fault::NulAfterShortMessage));
    assert_eq!(decoded.pdu.body, Body::DeliverSm(pdu));
}

#[test]
fn an_error_response_may_hold_fields_or_tlvs_or_neither() {
    let mut tlvs = Tlvs::new();
    tlvs.push_cstr(Tag::ADDITIONAL_STATUS_INFO_TEXT, "no such route");
    let resp = MessageResp {
        tlvs: tlvs.clone(),
        ..MessageResp::default()
    };
    let status = CommandStatus::ESME_RINVDSTADR;
    let pdu = Pdu::response(SequenceNumber(9), status, Body::SubmitSmResp(resp.clone()));
    let with_fields = encoded(&pdu);
    assert_eq!(Pdu::decode(with_fields.clone().freeze()).unwrap().pdu, pdu);
    // The same without the NUL of message_id: TLVs directly behind the header.
    let mut only_tlvs = BytesMut::from(&with_fields[..16]);
    only_tlvs.extend_from_slice(&with_fields[17..]);
    let decoded = Pdu::decode(frame(only_tlvs)).unwrap();
    assert!(decoded.deviations.is_empty());
    assert_eq!(decoded.pdu, pdu);
    // Nothing at all, and what is no body in any way.
    for tail in [&b""[..], b"\x00\x00\x01"] {
        let mut octets = BytesMut::from(&with_fields[..16]);
        octets.extend_from_slice(tail);
        let decoded = Pdu::decode(frame(octets)).unwrap();
        assert_eq!(decoded.pdu.command_status, status);
        assert_eq!(decoded.deviations.is_empty(), tail.is_empty());
    }
}

#[test]
fn an_error_response_is_written_as_a_header_and_a_success_in_full() {
    let written = |status| {
        let body = Body::response_to(CommandId::DELIVER_SM).unwrap();
        encoded(&Pdu::response(SequenceNumber(9), status, body)).len()
    };
    assert_eq!(written(CommandStatus::ESME_ROK), 17);
    assert_eq!(written(CommandStatus::ESME_RX_T_APPN), 16);
}

#[test]
fn user_data_too_long_for_sm_length_goes_into_the_payload() {
    for octets in [255, 256, 65_535] {
        let short_message = Bytes::from(vec![b'a'; octets]);
        let pdu = SubmitSm {
            short_message: short_message.clone(),
            ..SubmitSm::default()
        };
        let decoded = Pdu::decode(request(Body::SubmitSm(pdu)).freeze()).unwrap();
        assert!(decoded.deviations.is_empty());
        let Body::SubmitSm(read) = decoded.pdu.body else {
            panic!("submit_sm")
        };
        assert_eq!(*read.user_data(), short_message);
        assert_eq!(read.short_message.is_empty(), octets > 255);
    }
}

#[test]
fn more_destinations_than_can_be_counted_are_not_written() {
    let dest_addresses = vec![
        Destination::List {
            dl_name: "STAFF".into()
        };
        300
    ];
    let pdu = SubmitMulti {
        dest_addresses,
        ..SubmitMulti::default()
    };
    let decoded = Pdu::decode(request(Body::SubmitMulti(pdu)).freeze()).unwrap();
    let Body::SubmitMulti(read) = decoded.pdu.body else {
        panic!("submit_multi")
    };
    assert_eq!(read.dest_addresses.len(), DESTINATIONS_MAX);
}

#[test]
fn a_command_without_a_name_keeps_its_octets() {
    let command_id = CommandId(0x0001_0200);
    let body = Body::Unknown {
        command_id,
        octets: Bytes::from_static(b"vendor"),
    };
    let octets = request(body.clone()).freeze();
    let decoded = Pdu::decode(octets.clone()).unwrap();
    assert_eq!(decoded.pdu.body, body);
    let error = Pdu::decode_with(octets, Strictness::Strict).unwrap_err();
    let nack = Reply::GenericNack {
        status: CommandStatus::ESME_RINVCMDID,
        sequence: SequenceNumber(9),
    };
    assert_eq!(error.reply(), nack);
}

#[test]
fn what_has_no_response_is_not_answered_even_when_it_is_broken() {
    for body in [
        Body::AlertNotification(AlertNotification::default()),
        Body::Outbind(Outbind::default()),
    ] {
        let whole = request(body);
        let cut = frame(BytesMut::from(&whole[..whole.len() - 1]));
        let error = Pdu::decode(cut).unwrap_err();
        assert_eq!(error.fault, Fault::BodyTruncated);
        assert_eq!(error.reply(), Reply::None);
    }
}

#[test]
fn passwords_are_not_shown() {
    let bind = Bind {
        system_id: "rebel".into(),
        password: "hunter2".into(),
        ..Bind::default()
    };
    let outbind = Outbind {
        password: "hunter2".into(),
        ..Outbind::default()
    };
    let shown = format!("{bind:?} {outbind:?}");
    assert!(
        shown.contains("rebel") && !shown.contains("hunter2"),
        "{shown}"
    );
}

/// Bodies with user data and TLVs of so many octets, and one with texts that are long.
fn bodies(text: usize, tlvs: usize) -> impl Iterator<Item = Body> {
    let octets = |count| (0..count).map(|at| at as u8).collect::<Vec<_>>();
    let mut message = SubmitSm {
        source_addr: "Rebel".into(),
        destination_addr: "39340123456789012345".into(),
        short_message: octets(text).into(),
        ..SubmitSm::default()
    };
    let mut resp = MessageResp::new("0123456789abcdef");
    if tlvs > 0 {
        message.tlvs.push(Tag(0x1400), octets(tlvs));
        resp.tlvs.push(Tag(0x1400), octets(tlvs));
    }
    let timed = SubmitSm {
        validity_period: "000002000000000R".into(),
        ..message.clone()
    };
    let long = SubmitSm {
        destination_addr: "x".repeat(21).into(),
        ..message.clone()
    };
    let messages = [message, timed, long].map(Body::SubmitSm);
    messages.into_iter().chain([Body::SubmitSmResp(resp)])
}

#[test]
fn a_pdu_is_the_same_whatever_room_there_is_for_it() {
    let with_tlvs = [0, 1, 5, 31, 32, 300].map(|tlvs| (160, tlvs));
    for (text, tlvs) in (0..260).map(|text| (text, 0)).chain(with_tlvs) {
        for body in bodies(text, tlvs) {
            let pdu = Pdu::request(SequenceNumber(9), body);
            let octets = pdu.encoded_len();
            let mut exact = vec![0xFF; octets];
            assert_eq!(pdu.encode_to_slice(&mut exact), Some(octets));
            let decoded = Pdu::decode(exact.clone().into()).unwrap().pdu;
            // More than sm_length can count goes into message_payload.
            assert!(text > 255 || decoded == pdu, "{pdu:?}");
            for room in [132, 133, 1024].map(|room| octets.max(room)) {
                let mut roomy = vec![0xFF; room];
                assert_eq!(pdu.encode_to_slice(&mut roomy), Some(octets));
                assert_eq!(roomy[..octets], exact, "{pdu:?}");
            }
            for capacity in [0, 6 + octets, 1024] {
                let mut appended = BytesMut::with_capacity(capacity);
                appended.extend_from_slice(b"before");
                pdu.encode(&mut appended);
                assert_eq!(appended[6..], exact, "{pdu:?}");
            }
            for room in [octets - 1, octets.saturating_sub(160), 0] {
                assert_eq!(pdu.encode_to_slice(&mut exact[..room]), None, "{pdu:?}");
            }
        }
    }
}
