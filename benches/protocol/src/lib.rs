//! The same PDUs for this crate and its peers, and one way to call each of them.
//!
//! A frame is made once by smpp-protocol; every peer gets its own value by decoding that frame,
//! so all of them hold the same fields. [`Peer`] names what is measured: one frame to a PDU, a PDU
//! to octets in a buffer that is reused where the peer allows it.

use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};
use rusmpp::tokio_codec::CommandCodec;
use rusmpp_core::decode::borrowed::DecodeWithLength;
use rusmpp_core::encode::{Encode, Length};
use smpp_codec::pdus::{DeliverSmRequest, SubmitSmRequest, SubmitSmResponse};
use smpp_protocol::pdu::{Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::{
    Address, CommandStatus, DecodeError, Decoded, EsmClass, Pdu, RegisteredDelivery,
    SequenceNumber, Tag,
};
use smpp34::CommandHeader;
use tokio_util::codec::{Decoder, Encoder};

/// A text of one segment, ASCII and without escapes.
pub const TEXT: &str = "Your code is 493817. Never give it to anyone, not even to us. It is good \
                        for ten minutes, and for this one login only. If you asked for none, \
                        ignore it.";

/// What an SMSC writes into a receipt.
pub const RECEIPT: &str = "id:0123456789abcdef sub:001 dlvrd:001 submit date:2611221000 \
                           done date:2611221001 stat:DELIVRD err:000 text:Your code is 493817.";

/// The PDUs that are measured, by name.
#[must_use]
pub fn frames() -> [(&'static str, Bytes); 5] {
    let submit_sm = SubmitSm {
        registered_delivery: RegisteredDelivery(1),
        short_message: Bytes::from_static(TEXT.as_bytes()),
        ..SubmitSm::default()
    }
    .between(
        Address::source("Rebel"),
        Address::destination("+393401234567"),
    );
    let deliver_sm = DeliverSm {
        short_message: Bytes::from_static(TEXT.as_bytes()),
        ..DeliverSm::default()
    }
    .between(
        Address::source("+393401234567"),
        Address::destination("4321"),
    );
    let mut segment = submit_sm.clone();
    segment.tlvs.push_u16(Tag::SAR_MSG_REF_NUM, 4711);
    segment.tlvs.push_u8(Tag::SAR_TOTAL_SEGMENTS, 3);
    segment.tlvs.push_u8(Tag::SAR_SEGMENT_SEQNUM, 2);
    let mut receipt = DeliverSm {
        esm_class: EsmClass::RECEIPT,
        short_message: Bytes::from_static(RECEIPT.as_bytes()),
        ..deliver_sm.clone()
    };
    receipt
        .tlvs
        .push_cstr(Tag::RECEIPTED_MESSAGE_ID, "0123456789abcdef");
    receipt.tlvs.push_u8(Tag::MESSAGE_STATE, 2);
    let resp = Body::SubmitSmResp(MessageResp::new("0123456789abcdef"));
    [
        ("submit_sm", frame(Body::SubmitSm(submit_sm))),
        ("deliver_sm", frame(Body::DeliverSm(deliver_sm))),
        ("submit_sm with 3 TLVs", frame(Body::SubmitSm(segment))),
        ("receipt with 2 TLVs", frame(Body::DeliverSm(receipt))),
        ("submit_sm_resp", frame(resp)),
    ]
}

fn frame(body: Body) -> Bytes {
    let pdu = Pdu {
        command_status: CommandStatus::ESME_ROK,
        sequence_number: SequenceNumber(7),
        body,
    };
    let mut out = BytesMut::with_capacity(4096);
    pdu.encode(&mut out);
    shared(&mut out)
}

/// All that was written, sharing its buffer as a frame split off a read buffer does.
fn shared(buffer: &mut BytesMut) -> Bytes {
    let frame = buffer.split().freeze();
    drop(frame.clone());
    frame
}

/// A crate, by what it makes of frames of one kind.
///
/// What is decoded stays as the crate returns it, in its `Result`: taking it out would move
/// hundreds of octets, which costs as much as reading them.
pub trait Peer {
    /// Its name on crates.io.
    const NAME: &'static str;
    /// What it decodes from.
    type Input;
    /// What it decodes to.
    type Output;
    /// What it encodes: that, lent where the crate needs no more.
    type Lent<'a>;

    /// A frame in the shape the crate likes best; not measured.
    fn input(frame: &Bytes) -> Self::Input;
    /// One frame to one PDU.
    fn decode(input: Self::Input) -> Self::Output;
    /// A PDU in the shape the crate encodes; not measured, but in a round trip.
    fn lend(output: &Self::Output) -> Self::Lent<'_>;
    /// One PDU to octets: appended to one of the buffers, or returned by a crate that insists.
    fn encode(pdu: Self::Lent<'_>, out: &mut BytesMut, vec: &mut Vec<u8>) -> Vec<u8>;
}

/// This crate.
pub struct Ours;

impl Peer for Ours {
    const NAME: &'static str = "smpp-protocol";
    type Input = Bytes;
    type Output = Result<Decoded, DecodeError>;
    type Lent<'a> = &'a Pdu;

    fn input(frame: &Bytes) -> Bytes {
        frame.clone()
    }

    fn decode(input: Bytes) -> Self::Output {
        Pdu::decode(input)
    }

    fn lend(output: &Self::Output) -> &Pdu {
        &output.as_ref().expect("a valid frame").pdu
    }

    fn encode(pdu: &Pdu, out: &mut BytesMut, _: &mut Vec<u8>) -> Vec<u8> {
        pdu.encode(out);
        Vec::new()
    }
}

/// rusmpp with its owned types, through its codec.
pub struct Rusmpp;

impl Peer for Rusmpp {
    const NAME: &'static str = "rusmpp";
    type Input = BytesMut;
    type Output = Result<Option<rusmpp::Command>, rusmpp::tokio_codec::DecodeError>;
    type Lent<'a> = &'a rusmpp::Command;

    fn input(frame: &Bytes) -> BytesMut {
        // Split off a larger buffer, so that sharing it costs no allocation later.
        let mut buffer = BytesMut::with_capacity(frame.len() + 64);
        buffer.extend_from_slice(frame);
        buffer.split_to(frame.len())
    }

    fn decode(mut input: BytesMut) -> Self::Output {
        CommandCodec::new().decode(&mut input)
    }

    fn lend(output: &Self::Output) -> &rusmpp::Command {
        let command = output.as_ref().expect("a valid frame").as_ref();
        command.expect("a whole frame")
    }

    fn encode(pdu: &rusmpp::Command, out: &mut BytesMut, _: &mut Vec<u8>) -> Vec<u8> {
        CommandCodec::new().encode(pdu, out).expect("room");
        Vec::new()
    }
}

/// smpp34, for its PDU of type `T`.
pub struct Smpp34<T>(PhantomData<T>);

/// smpp-codec, for its PDU of type `T`.
pub struct SmppCodec<T>(PhantomData<T>);

macro_rules! smpp34 {
    ($($type:ty)*) => { $(
        impl Peer for Smpp34<$type> {
            const NAME: &'static str = "smpp34";
            type Input = Bytes;
            type Output = Result<$type, smpp34::SmppError>;
            type Lent<'a> = $type;

            fn input(frame: &Bytes) -> Bytes {
                frame.clone()
            }

            fn decode(input: Bytes) -> Self::Output {
                let header = CommandHeader::decode(&input)?;
                <$type>::decode(header, &input)
            }

            fn lend(output: &Self::Output) -> $type {
                match output {
                    Ok(pdu) => pdu.clone(),
                    Err(_) => panic!("a valid frame"),
                }
            }

            fn encode(pdu: $type, _: &mut BytesMut, _: &mut Vec<u8>) -> Vec<u8> {
                pdu.encode()
            }
        }
    )* };
}

smpp34! { smpp34::submit_sm smpp34::deliver_sm smpp34::submit_sm_resp }

macro_rules! smpp_codec {
    ($($type:ty)*) => { $(
        impl Peer for SmppCodec<$type> {
            const NAME: &'static str = "smpp-codec";
            type Input = Bytes;
            type Output = Result<$type, smpp_codec::common::PduError>;
            type Lent<'a> = &'a $type;

            fn input(frame: &Bytes) -> Bytes {
                frame.clone()
            }

            fn decode(input: Bytes) -> Self::Output {
                <$type>::decode(&input)
            }

            fn lend(output: &Self::Output) -> &$type {
                output.as_ref().expect("a valid frame")
            }

            fn encode(pdu: &$type, _: &mut BytesMut, vec: &mut Vec<u8>) -> Vec<u8> {
                pdu.encode(vec).expect("room");
                Vec::new()
            }
        }
    )* };
}

smpp_codec! { SubmitSmRequest DeliverSmRequest SubmitSmResponse }

/// A frame to a PDU of rusmpp-core that borrows from it, the way its codec for slices does.
///
/// # Errors
/// If rusmpp-core refuses it.
///
/// # Panics
/// If the frame is shorter than its `command_length`.
pub fn rusmpp_lent(frame: &[u8]) -> Result<(LentCommand<'_>, usize), LentError> {
    let command_length = u32::from_be_bytes(*frame.first_chunk().expect("a header")) as usize;
    LentCommand::decode(&frame[4..command_length], command_length - 4)
}

/// A PDU of rusmpp-core to octets at the front of `out`, the way its codec for slices does; how
/// many, or `None` without room.
pub fn rusmpp_to_slice(command: &LentCommand<'_>, out: &mut [u8]) -> Option<usize> {
    let command_length = 4 + command.length();
    let out = out.get_mut(..command_length)?;
    out[..4].copy_from_slice(&(command_length as u32).to_be_bytes());
    command.encode(&mut out[4..]);
    Some(command_length)
}

/// What rusmpp-core borrows, with room for as many TLVs as are measured.
pub type LentCommand<'a> = rusmpp_core::command::borrowed::Command<'a, 3>;
/// Why it did not.
pub type LentError = rusmpp_core::decode::DecodeError;

/// Calls a macro with the peers' types for each of [`frames`], in their order.
#[macro_export]
macro_rules! for_each_frame {
    ($call:ident) => {
        $call! {
            0 smpp34::submit_sm, smpp_codec::pdus::SubmitSmRequest;
            1 smpp34::deliver_sm, smpp_codec::pdus::DeliverSmRequest;
            2 smpp34::submit_sm, smpp_codec::pdus::SubmitSmRequest;
            3 smpp34::deliver_sm, smpp_codec::pdus::DeliverSmRequest;
            4 smpp34::submit_sm_resp, smpp_codec::pdus::SubmitSmResponse;
        }
    };
}

#[cfg(test)]
mod tests {
    use smpp_protocol::PduRef;

    use super::*;

    fn round_trip<P: Peer>(frame: &Bytes) -> Vec<u8> {
        let (mut out, mut vec) = (BytesMut::new(), Vec::new());
        let decoded = P::decode(P::input(frame));
        let returned = P::encode(P::lend(&decoded), &mut out, &mut vec);
        [&out[..], &vec, &returned].concat()
    }

    /// Whoever writes other octets did less work, or other work.
    #[test]
    fn every_crate_writes_the_frame_it_read() {
        macro_rules! check {
            ($($index:literal $smpp34:ty, $smpp_codec:ty;)*) => { $(
                let (name, frame) = &frames()[$index];
                assert_eq!(round_trip::<Ours>(frame), frame[..], "{name}");
                assert_eq!(round_trip::<Rusmpp>(frame), frame[..], "{name}");
                assert_eq!(round_trip::<Smpp34<$smpp34>>(frame), frame[..], "{name}");
                assert_eq!(round_trip::<SmppCodec<$smpp_codec>>(frame), frame[..], "{name}");
            )* };
        }
        for_each_frame!(check);
        for (name, frame) in &frames() {
            let mut out = [0; 512];
            let (lent, _) = rusmpp_lent(frame).unwrap();
            let octets = rusmpp_to_slice(&lent, &mut out).unwrap();
            assert_eq!(out[..octets], frame[..], "{name}");
            let pdu = PduRef::read(frame).unwrap().to_pdu();
            let octets = pdu.encode_to_slice(&mut out).unwrap();
            assert_eq!(out[..octets], frame[..], "{name}");
        }
    }
}
