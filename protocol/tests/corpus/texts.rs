//! `texts.jsonl`: encoding, length and parts of outgoing texts.

use serde_json::json;
use smpp_protocol::gsm7::{self, Shift};
use smpp_protocol::national::Language;
use smpp_protocol::segment::{Concat, Segment, preview_with, split_with};
use smpp_protocol::text::{self, Encoding};
use smpp_protocol::udh;

use super::{Line, lines, to_hex};

/// The tables a line asks for.
fn shift(line: &Line) -> Shift {
    let language = |key: &str| Language(line.expect()[key].as_u64().unwrap_or(0) as u8);
    Shift {
        locking: language("locking_shift"),
        single: language("single_shift"),
    }
}

#[test]
fn every_text_has_the_encoding_length_and_parts_of_the_corpus() {
    for line in lines("texts.jsonl") {
        let name = &line.name;
        let expect = line.expect();
        let text = line.value["text"].as_str().unwrap();
        assert_eq!(text.as_bytes(), line.octets(), "{name}");
        for (concat, width) in [(Concat::Udh8(1), "8bit"), (Concat::Udh16(1), "16bit")] {
            let preview = preview_with(text, concat, shift(&line));
            let (encoding, units) = match preview.encoding {
                Encoding::Gsm7 => ("gsm7", "septets"),
                Encoding::Ucs2 => ("ucs2", "utf16_units"),
            };
            assert_eq!(expect["encoding"], encoding, "{name}");
            assert_eq!(expect[units], preview.units, "{name}");
            assert_eq!(expect["single"], preview.parts == 1, "{name}");
            assert_eq!(
                expect[format!("parts_{width}_ref")],
                preview.parts,
                "{name}"
            );
            let segments = split_with(text, concat, shift(&line)).unwrap();
            let sizes: Vec<usize> = segments
                .iter()
                .map(|segment| text_of(segment).len())
                .collect();
            assert_eq!(
                expect[format!("part_sizes_{width}_ref")],
                json!(sizes),
                "{name}"
            );
            let whole: Vec<u8> = segments
                .iter()
                .flat_map(|one| text_of(one).to_vec())
                .collect();
            let key = if encoding == "gsm7" {
                "unpacked_hex"
            } else {
                "utf16be_hex"
            };
            assert_eq!(expect[key], to_hex(&whole), "{name}");
            assert_eq!(expect["data_coding"], segments[0].data_coding.0, "{name}");
            if let Some(packed) = expect["packed_hex"].as_str() {
                let header = udh::header(segments[0].esm_class, &segments[0].short_message);
                let fill_bits = header.map_or(0, |udh| udh.fill_bits());
                assert_eq!(packed, to_hex(&gsm7::pack(&whole, fill_bits)), "{name}");
            }
            if let Some(limits) = expect["limits"].as_object() {
                assert_eq!(limits["single"], preview.single_max, "{name}");
                let key = if width == "8bit" {
                    "concat8"
                } else {
                    "concat16"
                };
                assert_eq!(limits[key], preview.part_max, "{name}");
            }
        }
        let chosen = text::choose(text) == Encoding::Gsm7;
        assert_eq!(chosen, gsm7::encode(text).is_some(), "{name}");
    }
}

fn text_of(segment: &Segment) -> bytes::Bytes {
    udh::strip_udh(segment.esm_class, &segment.short_message)
}
