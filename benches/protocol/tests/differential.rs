//! Goal: other decoders read what this crate writes, and the same way. Method: PDUs made at
//! random, and the valid ones of the test corpus, decoded by each crate and written again; what
//! comes out must be the octets that went in. What a peer refuses is listed, not an error.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use smpp_codec::pdus::{DeliverSmRequest, SubmitSmRequest, SubmitSmResponse};
use smpp_protocol::pdu::{Bind, Body, DataSm, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::time::SmppTime;
use smpp_protocol::{
    COctetString, CommandStatus, DataCoding, EsmClass, Npi, Pdu, RegisteredDelivery,
    SequenceNumber, Tag, Ton,
};
use smpp_protocol_benches::{Ours, Peer, Rusmpp, Smpp34, SmppCodec};

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn octets(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.below(256) as u8)
            .collect()
    }

    fn text(&mut self, most: u64) -> COctetString {
        let text: String = (0..self.below(most + 1))
            .map(|_| char::from(33 + self.below(94) as u8))
            .collect();
        text.into()
    }
}

fn submit_sm(random: &mut Random) -> SubmitSm {
    let mut pdu = SubmitSm {
        service_type: random.text(5),
        source_addr_ton: Ton(random.below(7) as u8),
        source_addr_npi: Npi(random.below(2) as u8),
        source_addr: random.text(20),
        dest_addr_ton: Ton(random.below(7) as u8),
        dest_addr_npi: Npi(random.below(2) as u8),
        destination_addr: random.text(20),
        esm_class: EsmClass(random.below(256) as u8),
        protocol_id: random.below(256) as u8,
        priority_flag: random.below(4) as u8,
        registered_delivery: RegisteredDelivery(random.below(256) as u8),
        replace_if_present_flag: random.below(2) as u8,
        data_coding: DataCoding(random.below(256) as u8),
        sm_default_msg_id: random.below(256) as u8,
        short_message: random.octets(254).into(),
        ..SubmitSm::default()
    };
    if random.below(4) == 0 {
        let at = 1_000_000_000 + random.below(1_000_000_000) as i64;
        pdu.validity_period = SmppTime::absolute(at).unwrap();
    }
    if random.below(3) == 0 {
        pdu.tlvs
            .push_u16(Tag::USER_MESSAGE_REFERENCE, random.below(65_536) as u16);
        pdu.tlvs
            .push_u16(Tag::SAR_MSG_REF_NUM, random.below(65_536) as u16);
        pdu.tlvs
            .push_u8(Tag::SAR_TOTAL_SEGMENTS, 1 + random.below(255) as u8);
        pdu.tlvs
            .push_u8(Tag::SAR_SEGMENT_SEQNUM, 1 + random.below(255) as u8);
    }
    pdu
}

fn deliver_sm(random: &mut Random) -> DeliverSm {
    let SubmitSm {
        source_addr,
        destination_addr,
        esm_class,
        data_coding,
        short_message,
        ..
    } = submit_sm(random);
    let mut pdu = DeliverSm {
        source_addr,
        destination_addr,
        esm_class,
        data_coding,
        short_message,
        ..DeliverSm::default()
    };
    if random.below(2) == 0 {
        pdu.tlvs
            .push_cstr(Tag::RECEIPTED_MESSAGE_ID, &random.text(64).to_str());
        pdu.tlvs.push_u8(Tag::MESSAGE_STATE, random.below(10) as u8);
    }
    pdu
}

fn body(random: &mut Random) -> Body {
    match random.below(6) {
        0 => Body::SubmitSm(submit_sm(random)),
        1 => Body::DeliverSm(deliver_sm(random)),
        2 => Body::SubmitSmResp(MessageResp::new(random.text(64))),
        3 => {
            let mut pdu = DataSm {
                source_addr: random.text(20),
                destination_addr: random.text(20),
                data_coding: DataCoding(random.below(256) as u8),
                ..DataSm::default()
            };
            pdu.tlvs.push(Tag::MESSAGE_PAYLOAD, random.octets(1000));
            Body::DataSm(pdu)
        }
        4 => Body::BindTransceiver(Bind {
            system_id: random.text(15),
            password: random.text(8),
            system_type: random.text(12),
            address_range: random.text(40),
            ..Bind::default()
        }),
        _ => [Body::EnquireLink, Body::Unbind][random.below(2) as usize].clone(),
    }
}

/// What a peer writes after reading this frame; `None` if it refuses.
fn round_trip<P: Peer>(frame: &Bytes, is_ok: impl Fn(&P::Output) -> bool) -> Option<Vec<u8>> {
    let decoded = P::decode(P::input(frame));
    if !is_ok(&decoded) {
        return None;
    }
    let (mut out, mut vec) = (BytesMut::new(), Vec::new());
    let returned = P::encode(P::lend(&decoded), &mut out, &mut vec);
    Some([&out[..], &vec, &returned].concat())
}

/// What each peer makes of a frame, for the commands it is asked about.
fn peers(frame: &Bytes) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let mut all = vec![(
        "rusmpp",
        round_trip::<Rusmpp>(frame, |out| matches!(out, Ok(Some(_)))),
    )];
    macro_rules! both {
        ($smpp34:ty, $smpp_codec:ty) => {{
            all.push((
                "smpp34",
                round_trip::<Smpp34<$smpp34>>(frame, Result::is_ok),
            ));
            all.push((
                "smpp-codec",
                round_trip::<SmppCodec<$smpp_codec>>(frame, Result::is_ok),
            ));
        }};
    }
    match frame[4..8] {
        [0, 0, 0, 4] => both!(smpp34::submit_sm, SubmitSmRequest),
        [0, 0, 0, 5] => both!(smpp34::deliver_sm, DeliverSmRequest),
        [0x80, 0, 0, 4] => both!(smpp34::submit_sm_resp, SubmitSmResponse),
        _ => {}
    }
    all
}

/// Counts by peer: read alike, read otherwise, refused.
type Counts = BTreeMap<&'static str, [usize; 3]>;

fn compare(counts: &mut Counts, name: &str, frame: &Bytes) -> bool {
    let mut rusmpp_agrees = true;
    for (peer, written) in peers(frame) {
        let outcome = match written {
            Some(written) if written == frame[..] => 0,
            Some(written) => {
                rusmpp_agrees &= peer != "rusmpp";
                if !name.is_empty() {
                    let written = Bytes::from(written);
                    println!("{peer} writes {name} otherwise:\n  {frame:x}\n  {written:x}");
                }
                1
            }
            None => {
                if !name.is_empty() {
                    println!("{peer} refuses {name}");
                }
                2
            }
        };
        counts.entry(peer).or_default()[outcome] += 1;
    }
    rusmpp_agrees
}

#[test]
fn generated_pdus_are_read_alike() {
    let (mut random, mut counts) = (Random(0x9E37_79B9_7F4A_7C15), Counts::new());
    for number in 1..=20_000 {
        let pdu = Pdu {
            command_status: CommandStatus::ESME_ROK,
            sequence_number: SequenceNumber(number),
            body: body(&mut random),
        };
        let mut out = BytesMut::new();
        pdu.encode(&mut out);
        let frame = out.freeze();
        assert_eq!(Ours::decode(frame.clone()).unwrap().pdu, pdu);
        assert!(compare(&mut counts, "", &frame), "{pdu:?}");
    }
    println!("alike, otherwise, refused: {counts:?}");
    assert_eq!(counts["rusmpp"][1], 0);
}

#[test]
fn the_corpus_is_read_alike_where_it_is_read() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../protocol/tests/corpus/pdus-valid.jsonl"
    );
    let mut counts = Counts::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\": \"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let hex = field("hex");
        let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let frame: Bytes = (0..hex.len()).step_by(2).map(octet).collect();
        compare(&mut counts, &field("name"), &frame);
    }
    println!("alike, otherwise, refused: {counts:?}");
}
