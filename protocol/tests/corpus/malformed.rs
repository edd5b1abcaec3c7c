//! `pdus-malformed.jsonl`: every damage has its class, its answer, and its effect on the session.

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use smpp_protocol::error::Header;
use smpp_protocol::frame::OCTETS_MAX;
use smpp_protocol::{CommandStatus, Pdu, Reply, Severity, Strictness, split_frame};

use super::{Line, lines};

/// Classes that are lived with unless the reader is strict; responses live with all of them.
const TOLERATED: [&str; 7] = [
    "request_status_nonzero",
    "trailing_bytes",
    "cstring_too_long",
    "tlv_bad_length",
    "tlv_header_truncated",
    "tlv_length_overrun",
    "unknown_command_id",
];

#[test]
fn every_damage_is_told_and_answered_as_the_corpus_says() {
    for line in lines("pdus-malformed.jsonl") {
        let class = line.expect()["class"].as_str().unwrap();
        let mut input = BytesMut::from(&line.octets()[..]);
        match split_frame(&mut input, OCTETS_MAX) {
            Err(error) => {
                assert_eq!(error.class(), class, "{}", line.name);
                assert_eq!(line.expect()["connection"], "close", "{}", line.name);
                check_reply(&line, error.reply());
            }
            Ok(None) => assert_eq!(class, "incomplete", "{}", line.name),
            Ok(Some(frame)) => check_frame(&line, class, frame),
        }
    }
}

fn check_frame(line: &Line, class: &str, frame: Bytes) {
    let name = &line.name;
    let strict = Pdu::decode_with(frame.clone(), Strictness::Strict).unwrap_err();
    assert_eq!(strict.class(), class, "{name}");
    assert_eq!(strict.severity(), Severity::Pdu, "{name}");
    assert_eq!(line.expect()["connection"], "keep", "{name}");
    check_header(line, strict.header.unwrap());
    check_reply(line, strict.reply());
    let is_response = strict.header.unwrap().command_id.is_response();
    match Pdu::decode(frame) {
        Ok(decoded) => {
            assert!(
                is_response || TOLERATED.contains(&class),
                "{name}: accepted"
            );
            let classes: Vec<&str> = decoded
                .deviations
                .iter()
                .map(|deviation| deviation.fault.class())
                .collect();
            assert!(classes.contains(&class), "{name}: {classes:?}");
        }
        Err(error) => {
            assert!(
                !is_response && !TOLERATED.contains(&class),
                "{name}: refused: {error}"
            );
            assert_eq!(error.class(), class, "{name}");
        }
    }
}

fn check_header(line: &Line, header: Header) {
    let partial = &line.expect()["partial"];
    if partial.is_object() {
        assert_eq!(
            partial["command_id"],
            format!("0x{:08x}", header.command_id.0)
        );
        assert_eq!(partial["sequence_number"], header.sequence_number.0);
        assert_eq!(partial["command_status"], header.command_status.0);
    }
}

fn check_reply(line: &Line, reply: Reply) {
    let name = &line.name;
    let expect = line.expect();
    match reply {
        // Responses are never answered, nor is what has no response.
        Reply::None => {
            let octets = line.octets();
            let unanswerable = octets[4] & 0x80 != 0 || octets[4..8] == [0, 0, 0, 0x0B];
            let alert = octets[4..8] == [0, 0, 1, 2];
            assert!(
                expect["reply"].is_null() || unanswerable || alert,
                "{name}: no reply"
            );
        }
        Reply::GenericNack { status, .. } => {
            assert_eq!(expect["reply"], "generic_nack", "{name}");
            assert_eq!(expect["reply_status"], status.name().unwrap(), "{name}");
        }
        Reply::Response {
            command_id,
            status,
            sequence,
        } => {
            assert_eq!(
                sequence,
                smpp_protocol::SequenceNumber(be(&line.octets()[12..16]))
            );
            assert_eq!(
                command_id.0,
                be(&line.octets()[4..8]) | 0x8000_0000,
                "{name}"
            );
            match &expect["reply_status"] {
                // Ignored by default; a strict reader still has to answer something.
                Value::Null => assert_ne!(status, CommandStatus::ESME_ROK),
                Value::String(text) if text == "per field" => {
                    assert_ne!(status, CommandStatus::ESME_RINVCMDLEN, "{name}");
                }
                Value::String(text) => assert!(
                    text.split(" / ")
                        .any(|one| CommandStatus::from_name(one) == Some(status)),
                    "{name}: {status} is not {text}"
                ),
                other => panic!("{name}: {other}"),
            }
        }
    }
}

fn be(octets: &[u8]) -> u32 {
    u32::from_be_bytes(octets.try_into().unwrap())
}
