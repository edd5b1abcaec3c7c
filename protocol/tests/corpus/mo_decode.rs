//! `mo-decode.jsonl`: incoming user data to text, or to octets where it is none.

use bytes::Bytes;
use serde_json::{Value, json};
use smpp_protocol::text::{
    Alphabet, ByteOrder, DecodedText, TextOptions, decode, decode_user_data,
};
use smpp_protocol::udh::{self, element_id};
use smpp_protocol::{DataCoding, EsmClass, Tlvs};

use super::{Line, lines, to_hex};

#[test]
fn every_incoming_message_reads_as_the_corpus_says() {
    for line in lines("mo-decode.jsonl") {
        let name = &line.name;
        let octet = |key: &str| line.value[key].as_u64().unwrap() as u8;
        let (data_coding, esm_class) = (
            DataCoding(octet("data_coding")),
            EsmClass(octet("esm_class")),
        );
        let octets = Bytes::from(line.octets());
        let options = options(&line);
        let read = decode_user_data(esm_class, &octets, data_coding, &options);
        match &read.content {
            DecodedText::Text(text) => {
                assert_eq!(line.expect()["kind"], "text", "{name}");
                assert_eq!(line.expect()["text"], *text, "{name}");
            }
            DecodedText::Binary(binary) => {
                assert_eq!(line.expect()["kind"], "binary", "{name}");
                assert_eq!(line.expect()["binary_hex"], to_hex(binary), "{name}");
            }
        }
        if !esm_class.has_udh() && options.byte_order == ByteOrder::BigEndian {
            assert_eq!(
                decode(&octets, data_coding, options.default_alphabet),
                read.content
            );
        }
        if let Some(elements) = line.expect()["udh"].as_array() {
            check_udh(&line, elements, esm_class, &octets);
        }
    }
}

fn options(line: &Line) -> TextOptions {
    let gateway = &line.value["gateway"];
    TextOptions {
        default_alphabet: match gateway["default_alphabet"].as_str() {
            None | Some("auto") => Alphabet::Auto,
            Some("gsm") => Alphabet::Gsm,
            Some("gsm-packed") => Alphabet::GsmPacked,
            Some("latin1") => Alphabet::Latin1,
            Some("ascii") => Alphabet::Ascii,
            Some(other) => panic!("{other}"),
        },
        byte_order: match gateway["ucs2"].as_str() {
            Some("le") => ByteOrder::LittleEndian,
            _ => ByteOrder::BigEndian,
        },
    }
}

fn check_udh(line: &Line, elements: &[Value], esm_class: EsmClass, octets: &Bytes) {
    let name = &line.name;
    let (header, _) = udh::parse(octets).unwrap();
    let found: Vec<Value> = header
        .iter()
        .map(|element| json!({ "iei": element.id, "hex": to_hex(element.data) }))
        .collect();
    let expected: Vec<Value> = elements
        .iter()
        .map(|element| json!({ "iei": element["iei"], "hex": element["hex"] }))
        .collect();
    assert_eq!(found, expected, "{name}");
    let part = udh::concatenation(esm_class, octets, &Tlvs::new());
    for element in elements {
        match element["iei"].as_u64().unwrap() as u8 {
            element_id::CONCATENATION_8 | element_id::CONCATENATION_16 if element["seq"] != 0 => {
                let part = part.unwrap();
                assert_eq!(element["ref"], part.reference, "{name}");
                assert_eq!(element["total"], part.total, "{name}");
                assert_eq!(element["seq"], part.part, "{name}");
            }
            element_id::CONCATENATION_8 => assert_eq!(part, None, "{name}"),
            element_id::PORTS_16 => {
                let ports = header.ports().unwrap();
                assert_eq!(element["dst_port"], ports.destination, "{name}");
                assert_eq!(element["src_port"], ports.source, "{name}");
            }
            element_id::SINGLE_SHIFT => {
                assert_eq!(element["language"], header.shift().single.0, "{name}");
            }
            element_id::LOCKING_SHIFT => {
                assert_eq!(element["language"], header.shift().locking.0, "{name}");
            }
            _ => {}
        }
    }
}
