//! A PDU as JSON, its fields by the names of the specification: numbers as numbers, strings
//! without their NUL, user data and TLVs in hexadecimal digits.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use smpp_protocol::pdu::{Body, Destination, UnsuccessSme};
use smpp_protocol::{
    COctetString, DataCoding, EsmClass, InterfaceVersion, MessageState, Npi, Pdu,
    RegisteredDelivery, Tlvs, Ton,
};

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Header, fields and TLVs.
pub(crate) fn describe(pdu: &Pdu) -> Value {
    let none = Tlvs::new();
    let tlvs = pdu.body.tlvs().unwrap_or(&none).iter();
    let tlvs: Vec<Value> = tlvs.map(|tlv| json!([tlv.tag.0, hex(tlv.value)])).collect();
    json!({
        "command": pdu.command_id().to_string(),
        "command_id": pdu.command_id().0,
        "command_status": pdu.command_status.0,
        "sequence_number": pdu.sequence_number.0,
        "fields": fields(&pdu.body),
        "tlvs": tlvs,
    })
}

trait Field {
    fn value(&self) -> Value;
}

impl Field for u8 {
    fn value(&self) -> Value {
        json!(self)
    }
}

impl Field for COctetString {
    fn value(&self) -> Value {
        json!(self.to_str())
    }
}

impl Field for Bytes {
    fn value(&self) -> Value {
        json!(hex(self))
    }
}

impl Field for Vec<Destination> {
    fn value(&self) -> Value {
        let one = |destination: &Destination| match destination {
            Destination::Address {
                dest_addr_ton,
                dest_addr_npi,
                destination_addr,
            } => json!({
                "dest_addr_ton": dest_addr_ton.0,
                "dest_addr_npi": dest_addr_npi.0,
                "destination_addr": destination_addr.to_str(),
            }),
            Destination::List { dl_name } => json!({ "dl_name": dl_name.to_str() }),
        };
        self.iter().map(one).collect()
    }
}

impl Field for Vec<UnsuccessSme> {
    fn value(&self) -> Value {
        let one = |sme: &UnsuccessSme| {
            json!({
                "dest_addr_ton": sme.dest_addr_ton.0,
                "dest_addr_npi": sme.dest_addr_npi.0,
                "destination_addr": sme.destination_addr.to_str(),
                "error_status_code": sme.error_status_code.0,
            })
        };
        self.iter().map(one).collect()
    }
}

/// Numbers with names.
macro_rules! numbers {
    ($($type:ty),+) => {
        $(
            impl Field for $type {
                fn value(&self) -> Value {
                    json!(self.0)
                }
            }
        )+
    };
}

numbers!(
    Ton,
    Npi,
    EsmClass,
    RegisteredDelivery,
    DataCoding,
    InterfaceVersion,
    MessageState
);

/// The named fields of a body.
macro_rules! named {
    ($body:expr; $($name:ident)+) => {
        Map::from_iter([$((stringify!($name).to_owned(), Field::value(&$body.$name))),+])
    };
}

fn fields(body: &Body) -> Map<String, Value> {
    match body {
        Body::BindTransmitter(bind) | Body::BindReceiver(bind) | Body::BindTransceiver(bind) => {
            named!(bind; system_id password system_type interface_version addr_ton addr_npi
                address_range)
        }
        Body::BindTransmitterResp(resp)
        | Body::BindReceiverResp(resp)
        | Body::BindTransceiverResp(resp) => named!(resp; system_id),
        Body::Outbind(outbind) => named!(outbind; system_id password),
        Body::SubmitSm(sm) => {
            named!(sm; service_type source_addr_ton source_addr_npi source_addr dest_addr_ton
                dest_addr_npi destination_addr esm_class protocol_id priority_flag
                schedule_delivery_time validity_period registered_delivery replace_if_present_flag
                data_coding sm_default_msg_id short_message)
        }
        Body::DeliverSm(sm) => {
            named!(sm; service_type source_addr_ton source_addr_npi source_addr dest_addr_ton
                dest_addr_npi destination_addr esm_class protocol_id priority_flag
                schedule_delivery_time validity_period registered_delivery replace_if_present_flag
                data_coding sm_default_msg_id short_message)
        }
        Body::DataSm(sm) => {
            named!(sm; service_type source_addr_ton source_addr_npi source_addr dest_addr_ton
                dest_addr_npi destination_addr esm_class registered_delivery data_coding)
        }
        Body::SubmitMulti(sm) => {
            named!(sm; service_type source_addr_ton source_addr_npi source_addr dest_addresses
                esm_class protocol_id priority_flag schedule_delivery_time validity_period
                registered_delivery replace_if_present_flag data_coding sm_default_msg_id
                short_message)
        }
        Body::SubmitMultiResp(resp) => named!(resp; message_id unsuccess_smes),
        Body::SubmitSmResp(resp)
        | Body::DeliverSmResp(resp)
        | Body::DataSmResp(resp)
        | Body::BroadcastSmResp(resp)
        | Body::QueryBroadcastSmResp(resp) => named!(resp; message_id),
        Body::QuerySm(query) => {
            named!(query; message_id source_addr_ton source_addr_npi source_addr)
        }
        Body::QuerySmResp(resp) => {
            named!(resp; message_id final_date message_state error_code)
        }
        Body::CancelSm(cancel) => {
            named!(cancel; service_type message_id source_addr_ton source_addr_npi source_addr
                dest_addr_ton dest_addr_npi destination_addr)
        }
        Body::ReplaceSm(replace) => {
            named!(replace; message_id source_addr_ton source_addr_npi source_addr
                schedule_delivery_time validity_period registered_delivery sm_default_msg_id
                short_message)
        }
        Body::AlertNotification(alert) => {
            named!(alert; source_addr_ton source_addr_npi source_addr esme_addr_ton esme_addr_npi
                esme_addr)
        }
        Body::BroadcastSm(sm) => {
            named!(sm; service_type source_addr_ton source_addr_npi source_addr message_id
                priority_flag schedule_delivery_time validity_period replace_if_present_flag
                data_coding sm_default_msg_id)
        }
        Body::QueryBroadcastSm(query) => {
            named!(query; message_id source_addr_ton source_addr_npi source_addr)
        }
        Body::CancelBroadcastSm(cancel) => {
            named!(cancel; service_type message_id source_addr_ton source_addr_npi source_addr)
        }
        Body::Unknown { octets, .. } => Map::from_iter([("octets".to_owned(), json!(hex(octets)))]),
        _ => Map::new(),
    }
}
