//! The constant tables against `tables.json`.

use serde_json::Value;
use smpp_protocol::gsm7::Shift;
use smpp_protocol::national::Language;
use smpp_protocol::tlv::Kind;
use smpp_protocol::{CommandId, CommandStatus, Tag};

fn tables() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/tables.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn number(text: &Value) -> u32 {
    u32::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn every_command_of_both_versions_has_its_name() {
    let tables = tables();
    let commands = tables["commands"].as_array().unwrap();
    assert_eq!(commands.len(), CommandId::ALL.len());
    for command in commands {
        assert_eq!(
            CommandId(number(&command["id"])).name(),
            command["name"].as_str()
        );
    }
}

#[test]
fn every_status_has_the_names_of_both_versions() {
    let tables = tables();
    let statuses = tables["command_status"].as_array().unwrap();
    assert_eq!(statuses.len(), CommandStatus::ALL.len());
    for status in statuses {
        let value = CommandStatus(number(&status["value"]));
        assert_eq!(value.name(), status["name_v50"].as_str());
        for name in ["name_v34", "name_v50"] {
            if let Some(name) = status[name].as_str() {
                assert_eq!(CommandStatus::from_name(name), Some(value));
            }
        }
    }
}

#[test]
fn every_tlv_has_its_name_kind_and_length() {
    let tables = tables();
    let tlvs = tables["tlv"].as_array().unwrap();
    assert_eq!(tlvs.len(), Tag::ALL.len());
    for tlv in tlvs {
        let tag = Tag(number(&tlv["tag"]) as u16);
        let name = tlv["name"].as_str();
        assert_eq!(tag.name(), name);
        let layout = tag.layout().unwrap();
        let octets = tlv["min_len"].as_u64().unwrap()..=tlv["max_len"].as_u64().unwrap();
        assert_eq!(
            *layout.octets.start() as u64..=*layout.octets.end() as u64,
            octets,
            "{name:?}"
        );
        let kind = match layout.kind {
            Kind::Integer => "integer",
            Kind::CString => "c-octet-string",
            Kind::Octets => "octet-string",
        };
        assert_eq!(kind, tlv["type"].as_str().unwrap(), "{name:?}");
    }
}

#[test]
fn every_gsm_table_is_that_of_the_corpus() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/gsm-tables.json");
    let tables: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let character = |text: &Value| char::from_u32(number_of(text.as_str().unwrap())).unwrap();
    for (language, table) in tables["locking"].as_object().unwrap() {
        let shift = Shift {
            locking: Language(language.parse().unwrap()),
            ..Shift::DEFAULT
        };
        for (septet, expected) in table.as_array().unwrap().iter().enumerate() {
            let septet = septet as u8;
            let read = shift.decode(&[septet]);
            match expected {
                Value::Null if septet == 0x1B => assert_eq!(read, " "),
                Value::Null => assert_eq!(read, "\u{fffd}", "{language} {septet:#x}"),
                expected => assert_eq!(read, character(expected).to_string()),
            }
        }
    }
    for (language, table) in tables["single_shift"].as_object().unwrap() {
        let shift = Shift {
            single: Language(language.parse().unwrap()),
            ..Shift::DEFAULT
        };
        let table = table.as_object().unwrap();
        for septet in 0..128u8 {
            let expected = match table.get(&format!("0x{septet:02X}")) {
                Some(expected) => character(expected).to_string(),
                None if septet == 0x1B => " ".to_owned(),
                None => Shift::DEFAULT.decode(&[septet]),
            };
            assert_eq!(
                shift.decode(&[0x1B, septet]),
                expected,
                "{language} {septet:#x}"
            );
        }
    }
}

#[test]
fn what_a_national_table_decodes_it_encodes() {
    for language in Language::ALL {
        for shift in [
            Shift {
                locking: *language,
                ..Shift::DEFAULT
            },
            Shift {
                single: *language,
                ..Shift::DEFAULT
            },
            Shift {
                locking: *language,
                single: *language,
            },
        ] {
            for octets in (0..128u8).flat_map(|septet| [vec![septet], vec![0x1B, septet]]) {
                let text = shift.decode(&octets);
                let mut septets = Vec::new();
                for character in text.chars().filter(|one| *one != '\u{fffd}') {
                    shift.encode_char(character, &mut septets).unwrap();
                    assert_eq!(shift.decode(&septets), text, "{language} {octets:?}");
                }
            }
        }
    }
}

fn number_of(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("U+"), 16).unwrap()
}
