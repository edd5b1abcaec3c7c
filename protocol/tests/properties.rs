//! Goal: no input panics, and what is written reads back. Method: corpus PDUs damaged at random,
//! and texts, headers and receipts made at random; the seed of a failure is printed.

mod support;

#[path = "../../fuzz/src/checks.rs"]
#[allow(unreachable_pub, dead_code, reason = "public for the fuzz targets")]
mod checks;

use bytes::{Bytes, BytesMut};
use smpp_protocol::gsm7::{self, Shift};
use smpp_protocol::national::Language;
use smpp_protocol::receipt::{self, Receipt};
use smpp_protocol::segment::{Concat, preview_with, split_binary, split_with};
use smpp_protocol::text::{Alphabet, ByteOrder, DecodedText, TextOptions, decode_user_data};
use smpp_protocol::time::SmppTime;
use smpp_protocol::{
    Body, CommandId, DataCoding, EsmClass, Pdu, Strictness, Tlvs, split_frame, udh,
};
use support::{Random, seeds};

fn corpus() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/pdus-valid.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let hex = value["hex"].as_str().unwrap();
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect()
        })
        .collect()
}

/// A corpus PDU with some octets changed, removed or doubled, and mostly a true length again.
fn damaged(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = random.pick(corpus).clone();
    for _ in 0..random.below(6) {
        let at = random.below(octets.len().max(1));
        match random.below(5) {
            0 => octets[at] = random.next() as u8,
            1 => octets[at] ^= 1 << random.below(8),
            2 => octets.truncate(at.max(16)),
            3 => octets.insert(at, random.next() as u8),
            _ => {
                let copy = octets[at..].to_vec();
                octets.extend_from_slice(&copy[..random.below(copy.len() + 1)]);
            }
        }
    }
    if !random.one_in(8) {
        let length = (octets.len() as u32).to_be_bytes();
        octets[..4].copy_from_slice(&length);
    }
    octets
}

#[test]
fn damaged_pdus_give_a_pdu_or_an_error_and_never_a_panic() {
    let corpus = corpus();
    seeds(30_000, |random| {
        let octets = damaged(random, &corpus);
        let strict = Pdu::decode_with(Bytes::from(octets.clone()), Strictness::Strict);
        match Pdu::decode_with(Bytes::from(octets.clone()), Strictness::Forgiving) {
            Ok(decoded) if decoded.deviations.is_empty() => assert_eq!(strict.unwrap(), decoded),
            Ok(decoded) => assert!(strict.is_err(), "{decoded:?}"),
            Err(error) => {
                assert!(strict.is_err());
                let _ = (error.reply(), error.to_string());
            }
        }
        let mut input = BytesMut::from(&octets[..]);
        while let Ok(Some(frame)) = split_frame(&mut input, 70_000) {
            let _ = Pdu::decode(frame);
        }
    });
}

/// Octets without any plan; many are NULs and other small numbers, which lengths and ends are.
fn octets(random: &mut Random, octets_max: usize) -> Vec<u8> {
    let small = 1 + random.below(4);
    let octet = |random: &mut Random| match random.one_in(small) {
        true => random.below(6) as u8,
        false => random.next() as u8,
    };
    (0..random.below(octets_max + 1))
        .map(|_| octet(random))
        .collect()
}

#[test]
fn any_octets_up_to_two_kibibytes_are_a_pdu_or_an_error_under_every_command() {
    let commands: Vec<u32> = (0..0x200)
        .flat_map(|id| [id, id | 0x8000_0000])
        .filter(|id| CommandId(*id).name().is_some())
        .collect();
    assert_eq!(commands.len(), 33);
    seeds(20_000, |random| {
        let mut octets = octets(random, 2_048);
        // Nine of ten have a header that leads on to the fields.
        if octets.len() >= 16 && !random.one_in(10) {
            let length = octets.len() as u32;
            let status = u32::from(random.one_in(4));
            let header = [
                length,
                *random.pick(&commands),
                status,
                random.next() as u32,
            ];
            octets[..16].copy_from_slice(header.map(u32::to_be_bytes).as_flattened());
        }
        let frame = Bytes::from(octets);
        for strictness in [
            Strictness::Lenient,
            Strictness::Forgiving,
            Strictness::Strict,
        ] {
            match Pdu::decode_with(frame.clone(), strictness) {
                Ok(decoded) => decoded.pdu.encode(&mut BytesMut::new()),
                Err(error) => {
                    assert!(error.offset <= frame.len(), "{error}");
                    let _ = (error.reply(), error.severity(), error.to_string());
                }
            }
        }
        let _ = Receipt::parse_text(&frame).is_receipt();
        let _ = udh::parse(&frame).map(|(udh, _)| (udh.concatenation(), udh.shift()));
    });
}

#[test]
fn whatever_was_read_is_written_and_read_again() {
    let corpus = corpus();
    seeds(30_000, |random| {
        let octets = damaged(random, &corpus);
        let Ok(decoded) = Pdu::decode(Bytes::from(octets)) else {
            return;
        };
        let mut out = BytesMut::new();
        decoded.pdu.encode(&mut out);
        assert_eq!(out.len(), decoded.pdu.encoded_len());
        let again = Pdu::decode(out.freeze()).unwrap();
        // The rest of a broken error response may look like TLVs once it is written in full.
        let is_broken = !decoded.deviations.is_empty() && !decoded.pdu.command_status.is_ok();
        if !is_broken {
            assert_eq!(again.pdu, decoded.pdu);
        }
    });
}

#[test]
fn the_view_of_a_frame_and_its_owned_pdu_agree_in_every_strictness() {
    let corpus = corpus();
    seeds(30_000, |random| checks::view(&damaged(random, &corpus)));
}

#[test]
fn every_message_from_the_smsc_can_be_classified_and_read() {
    let corpus = corpus();
    seeds(20_000, |random| {
        let Ok(decoded) = Pdu::decode(Bytes::from(damaged(random, &corpus))) else {
            return;
        };
        match &decoded.pdu.body {
            Body::DeliverSm(pdu) => {
                let _ = (receipt::classify(pdu), Receipt::from_pdu(pdu).ids().count());
                let _ = udh::concatenation(pdu.esm_class, &pdu.user_data(), &pdu.tlvs);
                let options = TextOptions::default();
                let _ =
                    decode_user_data(pdu.esm_class, &pdu.user_data(), pdu.data_coding, &options);
            }
            Body::DataSm(pdu) => {
                let _ = (receipt::classify_data_sm(pdu), Receipt::from_data_sm(pdu));
            }
            _ => {}
        }
    });
}

#[test]
fn any_octets_are_some_text_under_any_coding() {
    const ALPHABETS: [Alphabet; 7] = [
        Alphabet::Auto,
        Alphabet::Gsm,
        Alphabet::GsmPacked,
        Alphabet::Latin1,
        Alphabet::Windows1252,
        Alphabet::Ascii,
        Alphabet::Utf8,
    ];
    seeds(20_000, |random| {
        let octets: Vec<u8> = (0..random.below(40)).map(|_| random.next() as u8).collect();
        let options = TextOptions {
            default_alphabet: *random.pick(&ALPHABETS),
            byte_order: *random.pick(&[ByteOrder::BigEndian, ByteOrder::LittleEndian]),
        };
        let (esm_class, data_coding) = (
            EsmClass(random.next() as u8),
            DataCoding(random.next() as u8),
        );
        let octets = Bytes::from(octets);
        let read = decode_user_data(esm_class, &octets, data_coding, &options);
        if let DecodedText::Binary(binary) = read.content {
            assert!(octets.ends_with(&binary));
        }
        let _ = udh::ports(esm_class, &octets, &Tlvs::new());
        let _ = SmppTime::parse(&octets);
    });
}

/// Text of characters that meet at the borders: one or two septets, one or two units.
fn text(random: &mut Random) -> String {
    const GSM: [&str; 6] = ["a", "@", "€", "{", "Δ", "à"];
    const ALL: [&str; 8] = ["a", "€", "ç", "я", "🎉", "ş", "ã", "\u{0}"];
    let from: &[&str] = if random.one_in(2) { &GSM } else { &ALL };
    let mut text = String::new();
    for _ in 0..random.below(12) {
        let times = random.below(80);
        text.push_str(&random.pick(from).repeat(times));
    }
    text
}

fn concat(random: &mut Random) -> Concat {
    match random.below(4) {
        0 => Concat::Udh8(random.next() as u8),
        1 => Concat::Udh16(random.next() as u16),
        2 => Concat::Sar(random.next() as u16),
        _ => Concat::Payload,
    }
}

#[test]
fn segments_are_as_many_as_foretold_within_limits_and_join_to_the_text() {
    seeds(4_000, |random| {
        let (text, concat) = (text(random), concat(random));
        let shift = Shift {
            locking: *random.pick(Language::ALL),
            single: *random.pick(Language::ALL),
        };
        let shift = if random.one_in(2) {
            Shift::DEFAULT
        } else {
            shift
        };
        let preview = preview_with(&text, concat, shift);
        let segments = split_with(&text, concat, shift).unwrap();
        if concat != Concat::Payload {
            assert_eq!(segments.len(), preview.parts);
        }
        let mut joined = String::new();
        for (index, segment) in segments.iter().enumerate() {
            assert_eq!(usize::from(segment.part), index + 1);
            assert_eq!(usize::from(segment.total), segments.len());
            assert!(concat == Concat::Payload || segment.short_message.len() <= 160);
            let payload = segment.tlvs.share(smpp_protocol::Tag::MESSAGE_PAYLOAD);
            let data = &payload.unwrap_or_else(|| segment.short_message.clone());
            let part = udh::concatenation(segment.esm_class, data, &segment.tlvs);
            assert_eq!(part.is_some(), segments.len() > 1, "{segment:?}");
            // Text that ends in NULs as UTF-16 is cut there on reception, so it is left out here.
            let options = TextOptions {
                default_alphabet: Alphabet::Gsm,
                ..Default::default()
            };
            let read = decode_user_data(segment.esm_class, data, segment.data_coding, &options);
            let DecodedText::Text(part) = read.content else {
                panic!("{segment:?}")
            };
            joined.push_str(&part);
        }
        if !text.contains('\0') {
            assert_eq!(joined, text);
        }
    });
}

#[test]
fn a_concatenation_is_found_wherever_it_stands_in_the_header() {
    seeds(5_000, |random| {
        let (total, part) = (2 + random.below(254) as u8, 1 + random.below(2) as u8);
        let reference = random.next() as u16;
        let [high, low] = reference.to_be_bytes();
        let (element, reference) = match random.below(2) {
            0 => (vec![0, 3, low, total, part], u16::from(low)),
            _ => (vec![8, 4, high, low, total, part], reference),
        };
        let mut elements = vec![element];
        for _ in 0..random.below(5) {
            // Anything but another concatenation.
            let id = *random.pick(&[1, 4, 5, 9, 0x24, 0x25, 0x70, 0xFF]);
            let mut other: Vec<u8> = (0..random.below(9)).map(|_| random.next() as u8).collect();
            other.splice(..0, [id, other.len() as u8]);
            elements.insert(random.below(elements.len() + 1), other);
        }
        let mut user_data = elements.concat();
        user_data.insert(0, user_data.len() as u8);
        user_data.extend_from_slice(b"text");
        let found = udh::concatenation(EsmClass::UDH, &user_data, &Tlvs::new()).unwrap();
        assert_eq!(
            (found.reference, found.total, found.part),
            (reference, total, part)
        );
        let text = udh::strip_udh(EsmClass::UDH, &Bytes::from(user_data));
        assert_eq!(&text[..], b"text");
    });
}

#[test]
fn binary_segments_join_to_the_data() {
    seeds(2_000, |random| {
        let data: Vec<u8> = (0..random.below(700))
            .map(|_| random.next() as u8)
            .collect();
        let segments = split_binary(&data, DataCoding::BINARY, concat(random)).unwrap();
        let joined: Vec<u8> = segments
            .iter()
            .flat_map(|segment| {
                let payload = segment.tlvs.share(smpp_protocol::Tag::MESSAGE_PAYLOAD);
                let data = payload.unwrap_or_else(|| segment.short_message.clone());
                udh::strip_udh(segment.esm_class, &data).to_vec()
            })
            .collect();
        assert_eq!(joined, data);
    });
}

#[test]
fn packed_septets_come_back_behind_any_fill() {
    seeds(5_000, |random| {
        let count = random.below(170);
        let mut septets: Vec<u8> = (0..count).map(|_| random.next() as u8 & 0x7F).collect();
        let fill_bits = random.below(7) as u8;
        // An @ that exactly fills the last octet cannot be told from padding.
        if septets.last() == Some(&0) {
            septets.push(1);
        }
        assert_eq!(
            gsm7::unpack(&gsm7::pack(&septets, fill_bits), fill_bits),
            septets
        );
    });
}

#[test]
fn receipts_of_any_shape_are_read_without_a_panic() {
    const PIECES: [&str; 24] = [
        "id",
        ":",
        "=",
        " ",
        "stat",
        "DELIVRD",
        "submit date",
        "done date",
        "2611221000",
        "text",
        "err",
        ",",
        ";",
        "|",
        "\0",
        "é",
        "sub",
        "dlvrd",
        "1795341600",
        "2026-11-22",
        "10:00",
        "\n",
        "message_id",
        "261122100000004+",
    ];
    seeds(30_000, |random| {
        let text: String = (0..random.below(30))
            .map(|_| *random.pick(&PIECES))
            .collect();
        let receipt = Receipt::parse_text(text.as_bytes());
        let _ = (receipt.is_receipt(), receipt.text_str());
    });
}
