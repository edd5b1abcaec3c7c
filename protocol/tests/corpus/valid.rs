//! `pdus-valid.jsonl`: what must decode, field by field, and come out of encode as it went in.

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};
use smpp_protocol::pdu::Destination;
use smpp_protocol::tlv::Kind;
use smpp_protocol::{Body, COctetString, Fault, Pdu, Strictness, Tlv};

use super::{lines, to_hex};

#[test]
fn every_valid_pdu_decodes_to_its_fields() {
    for line in lines("pdus-valid.jsonl") {
        let name = &line.name;
        let decoded = Pdu::decode(Bytes::from(line.octets()))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let pdu = &decoded.pdu;
        let expect = line.expect();
        assert_eq!(
            expect["command"],
            pdu.command_id().name().unwrap(),
            "{name}"
        );
        assert_eq!(expect["command_status"], pdu.command_status.0, "{name}");
        assert_eq!(expect["sequence_number"], pdu.sequence_number.0, "{name}");
        let fields = if expect["mandatory"] == json!({}) {
            json!({})
        } else {
            mandatory(&pdu.body)
        };
        assert_eq!(expect["mandatory"], fields, "{name}");
        let tlvs: Vec<Value> = pdu
            .body
            .tlvs()
            .into_iter()
            .flat_map(|tlvs| tlvs.iter().map(tlv))
            .collect();
        assert_eq!(expect["tlvs"], Value::Array(tlvs), "{name}");
    }
}

#[test]
fn valid_pdus_have_no_deviations() {
    for line in lines("pdus-valid.jsonl") {
        let name = &line.name;
        let decoded = Pdu::decode(Bytes::from(line.octets())).unwrap();
        let strict = Pdu::decode_with(Bytes::from(line.octets()), Strictness::Strict);
        // Readable without doubt, yet forbidden: the one such line is counted.
        if decoded.deviations.contains(Fault::TwoUserData) {
            assert_eq!(strict.unwrap_err().fault, Fault::TwoUserData, "{name}");
            continue;
        }
        let deviations: Vec<String> = decoded.deviations.iter().map(ToString::to_string).collect();
        assert_eq!(deviations, Vec::<String>::new(), "{name}");
        assert_eq!(
            strict.unwrap_or_else(|error| panic!("{name}: {error}")),
            decoded
        );
    }
}

#[test]
fn valid_pdus_are_encoded_to_the_octets_they_came_from() {
    for line in lines("pdus-valid.jsonl") {
        let octets = line.octets();
        let pdu = Pdu::decode(Bytes::from(octets.clone())).unwrap().pdu;
        let mut out = BytesMut::from(&b"before"[..]);
        pdu.encode(&mut out);
        assert_eq!(out.len() - 6, pdu.encoded_len(), "{}", line.name);
        let again = out.split_off(6);
        // The one freedom: an error response that says nothing loses its empty fields.
        if again.len() == 16 && !pdu.command_status.is_ok() {
            assert!(
                octets[16..].iter().all(|&octet| octet == 0),
                "{}",
                line.name
            );
        } else {
            assert_eq!(to_hex(&again), to_hex(&octets), "{}", line.name);
        }
    }
}

fn tlv(tlv: Tlv<'_>) -> Value {
    let mut value = json!({
        "tag": format!("0x{:04x}", tlv.tag.0),
        "len": tlv.value.len(),
        "hex": to_hex(tlv.value),
    });
    if let Some(name) = tlv.tag.name() {
        value["name"] = json!(name);
    }
    match tlv.tag.layout().map(|layout| layout.kind) {
        Some(Kind::Integer) if !tlv.value.is_empty() => {
            let number = tlv
                .value
                .iter()
                .fold(0u64, |sum, &octet| sum << 8 | u64::from(octet));
            value["value"] = json!(number);
        }
        Some(Kind::CString) => {
            let text = COctetString::from_bytes(Bytes::copy_from_slice(tlv.value));
            value["value"] = json!(text.to_str());
        }
        _ => {}
    }
    value
}

/// Fields by their names, as the corpus writes them.
macro_rules! fields {
    ($body:ident: $($field:ident),* $(,)?) => {{
        let mut map = Map::new();
        $( map.insert(stringify!($field).to_owned(), ($body.$field.clone()).field()); )*
        map
    }};
}

trait Field {
    fn field(&self) -> Value;
}

impl Field for COctetString {
    fn field(&self) -> Value {
        json!(self.to_str())
    }
}

impl Field for u8 {
    fn field(&self) -> Value {
        json!(self)
    }
}

macro_rules! octet_fields {
    ($($type:ident),*) => {
        $( impl Field for smpp_protocol::$type {
            fn field(&self) -> Value {
                json!(self.0)
            }
        } )*
    };
}

octet_fields!(
    Ton,
    Npi,
    EsmClass,
    RegisteredDelivery,
    DataCoding,
    MessageState,
    InterfaceVersion
);

fn with_text(mut map: Map<String, Value>, short_message: &[u8]) -> Map<String, Value> {
    map.insert("sm_length".into(), json!(short_message.len()));
    map.insert("short_message_hex".into(), json!(to_hex(short_message)));
    map
}

fn mandatory(body: &Body) -> Value {
    let map = match body {
        Body::BindTransmitter(b) | Body::BindReceiver(b) | Body::BindTransceiver(b) => fields!(
            b: system_id, password, system_type, interface_version, addr_ton, addr_npi, address_range
        ),
        Body::BindTransmitterResp(b) | Body::BindReceiverResp(b) | Body::BindTransceiverResp(b) => {
            fields!(b: system_id)
        }
        Body::Outbind(b) => fields!(b: system_id, password),
        Body::SubmitSm(b) => with_text(
            fields!(b: service_type, source_addr_ton, source_addr_npi, source_addr, dest_addr_ton,
                dest_addr_npi, destination_addr, esm_class, protocol_id, priority_flag,
                schedule_delivery_time, validity_period, registered_delivery,
                replace_if_present_flag, data_coding, sm_default_msg_id),
            &b.short_message,
        ),
        Body::DeliverSm(b) => with_text(
            fields!(b: service_type, source_addr_ton, source_addr_npi, source_addr, dest_addr_ton,
                dest_addr_npi, destination_addr, esm_class, protocol_id, priority_flag,
                schedule_delivery_time, validity_period, registered_delivery,
                replace_if_present_flag, data_coding, sm_default_msg_id),
            &b.short_message,
        ),
        Body::DataSm(b) => fields!(
            b: service_type, source_addr_ton, source_addr_npi, source_addr, dest_addr_ton,
            dest_addr_npi, destination_addr, esm_class, registered_delivery, data_coding
        ),
        Body::SubmitSmResp(b)
        | Body::DeliverSmResp(b)
        | Body::DataSmResp(b)
        | Body::BroadcastSmResp(b)
        | Body::QueryBroadcastSmResp(b) => fields!(b: message_id),
        Body::SubmitMulti(b) => {
            let mut map = with_text(
                fields!(b: service_type, source_addr_ton, source_addr_npi, source_addr, esm_class,
                    protocol_id, priority_flag, schedule_delivery_time, validity_period,
                    registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id),
                &b.short_message,
            );
            map.insert("number_of_dests".into(), json!(b.dest_addresses.len()));
            map.insert(
                "dest_addresses".into(),
                b.dest_addresses.iter().map(destination).collect(),
            );
            map
        }
        Body::SubmitMultiResp(b) => {
            let mut map = fields!(b: message_id);
            map.insert("no_unsuccess".into(), json!(b.unsuccess_smes.len()));
            let smes: Vec<Value> = b
                .unsuccess_smes
                .iter()
                .map(|sme| {
                    let mut map = fields!(sme: dest_addr_ton, dest_addr_npi, destination_addr);
                    map.insert("error_status_code".into(), json!(sme.error_status_code.0));
                    Value::Object(map)
                })
                .collect();
            map.insert("unsuccess_smes".into(), json!(smes));
            map
        }
        Body::QuerySm(b) => fields!(b: message_id, source_addr_ton, source_addr_npi, source_addr),
        Body::QuerySmResp(b) => fields!(b: message_id, final_date, message_state, error_code),
        Body::CancelSm(b) => fields!(
            b: service_type, message_id, source_addr_ton, source_addr_npi, source_addr,
            dest_addr_ton, dest_addr_npi, destination_addr
        ),
        Body::ReplaceSm(b) => with_text(
            fields!(b: message_id, source_addr_ton, source_addr_npi, source_addr,
                schedule_delivery_time, validity_period, registered_delivery, sm_default_msg_id),
            &b.short_message,
        ),
        Body::AlertNotification(b) => fields!(
            b: source_addr_ton, source_addr_npi, source_addr, esme_addr_ton, esme_addr_npi, esme_addr
        ),
        Body::BroadcastSm(b) => fields!(
            b: service_type, source_addr_ton, source_addr_npi, source_addr, message_id,
            priority_flag, schedule_delivery_time, validity_period, replace_if_present_flag,
            data_coding, sm_default_msg_id
        ),
        Body::QueryBroadcastSm(b) => {
            fields!(b: message_id, source_addr_ton, source_addr_npi, source_addr)
        }
        Body::CancelBroadcastSm(b) => fields!(
            b: service_type, message_id, source_addr_ton, source_addr_npi, source_addr
        ),
        _ => Map::new(),
    };
    Value::Object(map)
}

fn destination(destination: &Destination) -> Value {
    match destination {
        Destination::Address {
            dest_addr_ton,
            dest_addr_npi,
            destination_addr,
        } => json!({
            "dest_flag": 1,
            "dest_addr_ton": dest_addr_ton.0,
            "dest_addr_npi": dest_addr_npi.0,
            "destination_addr": destination_addr.to_str(),
        }),
        Destination::List { dl_name } => json!({ "dest_flag": 2, "dl_name": dl_name.to_str() }),
    }
}
