//! The same octets for rusmpp: where both decode them without a remark, both have read the same.

use bytes::{Bytes, BytesMut};
use rusmpp::tokio_codec::CommandCodec;
use smpp_protocol::{Body, Pdu, Strictness, Tag};
use tokio_util::codec::{Decoder, Encoder};

/// What rusmpp writes after reading a PDU is the PDU that this crate read.
pub fn agree(data: &[u8]) {
    let Ok(ours) = Pdu::decode_with(Bytes::copy_from_slice(data), Strictness::Strict) else {
        return;
    };
    // What is behind the status of an error is a guess: fields, TLVs, or a part of either.
    if !ours.pdu.command_status.is_ok() {
        return;
    }
    // rusmpp drops TLVs where its structs have room for none or one; 5.0 §4.2 allows them in every response.
    if has_dropped_tlvs(&ours.pdu.body) {
        return;
    }
    // rusmpp ends a text at its first NUL, and takes what follows for TLVs.
    let text = ours
        .pdu
        .body
        .tlvs()
        .and_then(|t| t.get(Tag::ADDITIONAL_STATUS_INFO_TEXT));
    if text.is_some_and(|text| {
        text.split_last()
            .is_some_and(|(_, before)| before.contains(&0))
    }) {
        return;
    }
    let mut frame = BytesMut::from(&data[..octets_of(data)]);
    let Ok(Some(theirs)) = CommandCodec::new().decode(&mut frame) else {
        return;
    };
    let mut written = BytesMut::new();
    if CommandCodec::new().encode(&theirs, &mut written).is_ok() {
        let again = Pdu::decode(written.freeze()).expect("what they wrote is read");
        assert_eq!(comparable(again.pdu), comparable(ours.pdu), "{theirs:?}");
    }
}

/// Without the TLVs of which rusmpp keeps only the bits that mean something.
fn comparable(mut pdu: Pdu) -> Pdu {
    let tlvs = match &mut pdu.body {
        Body::SubmitSm(body) => &mut body.tlvs,
        Body::DeliverSm(body) => &mut body.tlvs,
        Body::DataSm(body) => &mut body.tlvs,
        Body::SubmitMulti(body) => &mut body.tlvs,
        Body::SubmitSmResp(body) | Body::DeliverSmResp(body) | Body::DataSmResp(body) => {
            &mut body.tlvs
        }
        _ => return pdu,
    };
    for tag in [Tag::MS_MSG_WAIT_FACILITIES, Tag::CALLBACK_NUM_PRES_IND] {
        tlvs.remove(tag);
    }
    pdu
}

fn has_dropped_tlvs(body: &Body) -> bool {
    let keeps_them = matches!(
        body,
        Body::SubmitSm(_)
            | Body::SubmitSmResp(_)
            | Body::DeliverSm(_)
            | Body::DeliverSmResp(_)
            | Body::DataSm(_)
            | Body::DataSmResp(_)
            | Body::SubmitMulti(_)
            | Body::SubmitMultiResp(_)
    );
    !keeps_them && body.tlvs().is_some_and(|tlvs| !tlvs.is_empty())
}

/// What `command_length` says, which this crate has found to be there.
fn octets_of(frame: &[u8]) -> usize {
    let length = frame.first_chunk().copied().map_or(0, u32::from_be_bytes);
    length as usize
}
