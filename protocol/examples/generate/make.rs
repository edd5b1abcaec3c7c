//! One body of each command in turn, every field within its range.

use bytes::Bytes;
use smpp_protocol::pdu::{
    AlertNotification, Bind, BindResp, Body, BroadcastSm, CancelBroadcastSm, CancelSm, DataSm,
    DeliverSm, Destination, MessageResp, Outbind, QueryBroadcastSm, QuerySm, QuerySmResp,
    ReplaceSm, SubmitMulti, SubmitMultiResp, SubmitSm, UnsuccessSme,
};
use smpp_protocol::{
    COctetString, CommandStatus, DataCoding, InterfaceVersion, MessageState, Tag, Tlvs,
};

use crate::random::Random;

/// TLVs of messages, by 3.4 §4.4 and §4.6.
const MESSAGE: &[Tag] = &[
    Tag::USER_MESSAGE_REFERENCE,
    Tag::SOURCE_PORT,
    Tag::DEST_PORT,
    Tag::SAR_MSG_REF_NUM,
    Tag::SAR_TOTAL_SEGMENTS,
    Tag::SAR_SEGMENT_SEQNUM,
    Tag::USER_RESPONSE_CODE,
    Tag::PRIVACY_INDICATOR,
    Tag::PAYLOAD_TYPE,
    Tag::MESSAGE_PAYLOAD,
    Tag::CALLBACK_NUM,
    Tag::SOURCE_SUBADDRESS,
    Tag::DEST_SUBADDRESS,
    Tag::LANGUAGE_INDICATOR,
];

/// Body number so and so of 33.
pub(crate) fn body(number: usize, random: &mut Random) -> Body {
    match number % 33 {
        0 => Body::BindTransmitter(bind(random)),
        1 => Body::BindTransmitterResp(bind_resp(random)),
        2 => Body::BindReceiver(bind(random)),
        3 => Body::BindReceiverResp(bind_resp(random)),
        4 => Body::BindTransceiver(bind(random)),
        5 => Body::BindTransceiverResp(bind_resp(random)),
        6 => Body::Outbind(Outbind {
            system_id: random.text(15),
            password: random.text(8),
            ..Outbind::default()
        }),
        7 => Body::Unbind,
        8 => Body::UnbindResp(Tlvs::new()),
        9 => Body::EnquireLink,
        10 => Body::EnquireLinkResp(Tlvs::new()),
        11 => Body::GenericNack(Tlvs::new()),
        12 => Body::SubmitSm(submit_sm(random)),
        13 => Body::SubmitSmResp(message_resp(random, &[])),
        14 => Body::DeliverSm(deliver_sm(random)),
        15 => Body::DeliverSmResp(MessageResp::default()),
        16 => Body::DataSm(data_sm(random)),
        17 => Body::DataSmResp(message_resp(random, &[Tag::ADDITIONAL_STATUS_INFO_TEXT])),
        18 => Body::SubmitMulti(submit_multi(random)),
        19 => Body::SubmitMultiResp(submit_multi_resp(random)),
        20 => Body::QuerySm(QuerySm {
            message_id: random.text(64),
            source_addr_ton: random.ton(),
            source_addr_npi: random.npi(),
            source_addr: random.digits(20),
            ..QuerySm::default()
        }),
        21 => Body::QuerySmResp(QuerySmResp {
            message_id: random.text(64),
            final_date: random.time(),
            message_state: MessageState(1 + random.octet(8)),
            error_code: random.octet(256),
            ..QuerySmResp::default()
        }),
        22 => Body::CancelSm(cancel_sm(random)),
        23 => Body::CancelSmResp(Tlvs::new()),
        24 => Body::ReplaceSm(replace_sm(random)),
        25 => Body::ReplaceSmResp(Tlvs::new()),
        26 => Body::AlertNotification(alert_notification(random)),
        27 => Body::BroadcastSm(broadcast_sm(random)),
        28 => Body::BroadcastSmResp(message_resp(random, &[Tag::BROADCAST_ERROR_STATUS])),
        29 => Body::QueryBroadcastSm(QueryBroadcastSm {
            message_id: random.text(64),
            source_addr_ton: random.ton(),
            source_addr_npi: random.npi(),
            source_addr: random.digits(20),
            tlvs: some(random, &[Tag::USER_MESSAGE_REFERENCE]),
        }),
        30 => Body::QueryBroadcastSmResp(message_resp(random, &[Tag::BROADCAST_AREA_IDENTIFIER])),
        31 => Body::CancelBroadcastSm(CancelBroadcastSm {
            service_type: random.text(5),
            message_id: random.text(64),
            source_addr_ton: random.ton(),
            source_addr_npi: random.npi(),
            source_addr: random.digits(20),
            tlvs: some(random, &[Tag::USER_MESSAGE_REFERENCE]),
        }),
        _ => Body::CancelBroadcastSmResp(Tlvs::new()),
    }
}

fn bind(random: &mut Random) -> Bind {
    Bind {
        system_id: random.text(15),
        password: random.text(8),
        system_type: random.text(12),
        interface_version: InterfaceVersion(random.pick(&[0x33, 0x34, 0x50])),
        addr_ton: random.ton(),
        addr_npi: random.npi(),
        address_range: random.text(40),
        ..Bind::default()
    }
}

fn bind_resp(random: &mut Random) -> BindResp {
    BindResp {
        system_id: random.text(15),
        tlvs: some(random, &[Tag::SC_INTERFACE_VERSION]),
    }
}

/// User data for the field, unless the TLV has some: never both.
fn short_message(random: &mut Random, tlvs: &Tlvs) -> Bytes {
    match tlvs.contains(Tag::MESSAGE_PAYLOAD) {
        true => Bytes::new(),
        false => random.octets(254).into(),
    }
}

fn submit_sm(random: &mut Random) -> SubmitSm {
    let tlvs = some(random, MESSAGE);
    SubmitSm {
        service_type: random.text(5),
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(20),
        dest_addr_ton: random.ton(),
        dest_addr_npi: random.npi(),
        destination_addr: random.digits(20),
        esm_class: random.esm_class(),
        protocol_id: random.octet(256),
        priority_flag: random.octet(4),
        schedule_delivery_time: random.time(),
        validity_period: random.time(),
        registered_delivery: random.registered_delivery(),
        replace_if_present_flag: random.octet(2),
        data_coding: DataCoding(random.octet(15)),
        sm_default_msg_id: random.octet(255),
        short_message: short_message(random, &tlvs),
        tlvs,
    }
}

fn deliver_sm(random: &mut Random) -> DeliverSm {
    let submit = submit_sm(random);
    let tlvs = some(
        random,
        &[
            Tag::USER_MESSAGE_REFERENCE,
            Tag::SOURCE_PORT,
            Tag::NETWORK_ERROR_CODE,
            Tag::MESSAGE_STATE,
            Tag::RECEIPTED_MESSAGE_ID,
            Tag::MESSAGE_PAYLOAD,
        ],
    );
    DeliverSm {
        service_type: submit.service_type,
        source_addr_ton: submit.source_addr_ton,
        source_addr_npi: submit.source_addr_npi,
        source_addr: submit.source_addr,
        dest_addr_ton: submit.dest_addr_ton,
        dest_addr_npi: submit.dest_addr_npi,
        destination_addr: submit.destination_addr,
        esm_class: submit.esm_class,
        protocol_id: submit.protocol_id,
        priority_flag: submit.priority_flag,
        schedule_delivery_time: COctetString::new(),
        validity_period: COctetString::new(),
        registered_delivery: submit.registered_delivery,
        replace_if_present_flag: 0,
        data_coding: submit.data_coding,
        sm_default_msg_id: 0,
        short_message: short_message(random, &tlvs),
        tlvs,
    }
}

fn data_sm(random: &mut Random) -> DataSm {
    DataSm {
        service_type: random.text(5),
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(64),
        dest_addr_ton: random.ton(),
        dest_addr_npi: random.npi(),
        destination_addr: random.text(64),
        esm_class: random.esm_class(),
        registered_delivery: random.registered_delivery(),
        data_coding: DataCoding(random.octet(15)),
        tlvs: some(random, MESSAGE),
    }
}

fn message_resp(random: &mut Random, tags: &[Tag]) -> MessageResp {
    MessageResp {
        message_id: random.text(64),
        tlvs: some(random, tags),
    }
}

fn submit_multi(random: &mut Random) -> SubmitMulti {
    let submit = submit_sm(random);
    let dest_addresses = (0..1 + random.below(20)).map(|_| destination(random));
    let dest_addresses = dest_addresses.collect();
    SubmitMulti {
        service_type: submit.service_type,
        source_addr_ton: submit.source_addr_ton,
        source_addr_npi: submit.source_addr_npi,
        source_addr: submit.source_addr,
        dest_addresses,
        esm_class: submit.esm_class,
        protocol_id: submit.protocol_id,
        priority_flag: submit.priority_flag,
        schedule_delivery_time: submit.schedule_delivery_time,
        validity_period: submit.validity_period,
        registered_delivery: submit.registered_delivery,
        replace_if_present_flag: submit.replace_if_present_flag,
        data_coding: submit.data_coding,
        sm_default_msg_id: submit.sm_default_msg_id,
        short_message: random.octets(254).into(),
        tlvs: some(random, &[Tag::USER_MESSAGE_REFERENCE, Tag::PAYLOAD_TYPE]),
    }
}

fn destination(random: &mut Random) -> Destination {
    match random.below(3) {
        0 => Destination::List {
            dl_name: random.text(20),
        },
        _ => Destination::Address {
            dest_addr_ton: random.ton(),
            dest_addr_npi: random.npi(),
            destination_addr: random.digits(20),
        },
    }
}

fn submit_multi_resp(random: &mut Random) -> SubmitMultiResp {
    let unsuccess = |random: &mut Random| UnsuccessSme {
        dest_addr_ton: random.ton(),
        dest_addr_npi: random.npi(),
        destination_addr: random.digits(20),
        error_status_code: random.pick(&[
            CommandStatus::ESME_RINVDSTADR,
            CommandStatus::ESME_RTHROTTLED,
            CommandStatus::ESME_RSUBMITFAIL,
        ]),
    };
    SubmitMultiResp {
        message_id: random.text(64),
        unsuccess_smes: (0..random.below(9)).map(|_| unsuccess(random)).collect(),
        ..SubmitMultiResp::default()
    }
}

fn cancel_sm(random: &mut Random) -> CancelSm {
    CancelSm {
        service_type: random.text(5),
        message_id: random.text(64),
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(20),
        dest_addr_ton: random.ton(),
        dest_addr_npi: random.npi(),
        destination_addr: random.digits(20),
        ..CancelSm::default()
    }
}

fn replace_sm(random: &mut Random) -> ReplaceSm {
    ReplaceSm {
        message_id: random.text(64),
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(20),
        schedule_delivery_time: random.time(),
        validity_period: random.time(),
        registered_delivery: random.registered_delivery(),
        sm_default_msg_id: random.octet(255),
        short_message: random.octets(254).into(),
        ..ReplaceSm::default()
    }
}

fn alert_notification(random: &mut Random) -> AlertNotification {
    AlertNotification {
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(64),
        esme_addr_ton: random.ton(),
        esme_addr_npi: random.npi(),
        esme_addr: random.text(64),
        tlvs: some(random, &[Tag::MS_AVAILABILITY_STATUS]),
    }
}

fn broadcast_sm(random: &mut Random) -> BroadcastSm {
    let mut tlvs = Tlvs::new();
    for tag in [
        Tag::BROADCAST_AREA_IDENTIFIER,
        Tag::BROADCAST_CONTENT_TYPE,
        Tag::BROADCAST_REP_NUM,
        Tag::BROADCAST_FREQUENCY_INTERVAL,
    ] {
        tlvs.push(tag, value(random, tag));
    }
    BroadcastSm {
        service_type: random.text(5),
        source_addr_ton: random.ton(),
        source_addr_npi: random.npi(),
        source_addr: random.text(20),
        message_id: random.text(64),
        priority_flag: random.octet(4),
        schedule_delivery_time: random.time(),
        validity_period: random.time(),
        replace_if_present_flag: random.octet(2),
        data_coding: DataCoding(random.octet(15)),
        sm_default_msg_id: random.octet(255),
        tlvs,
    }
}

/// Some of these TLVs, each at most once.
fn some(random: &mut Random, tags: &[Tag]) -> Tlvs {
    let mut tlvs = Tlvs::new();
    for tag in tags {
        if random.below(3) == 0 {
            tlvs.push(*tag, value(random, *tag));
        }
    }
    tlvs
}

/// A value the specification allows.
fn value(random: &mut Random, tag: Tag) -> Vec<u8> {
    match tag {
        Tag::USER_MESSAGE_REFERENCE
        | Tag::SOURCE_PORT
        | Tag::DEST_PORT
        | Tag::SAR_MSG_REF_NUM
        | Tag::BROADCAST_REP_NUM => vec![random.octet(256), random.octet(256)],
        Tag::SAR_TOTAL_SEGMENTS | Tag::SAR_SEGMENT_SEQNUM => vec![1 + random.octet(255)],
        Tag::PRIVACY_INDICATOR => vec![random.octet(4)],
        Tag::PAYLOAD_TYPE => vec![random.octet(2)],
        Tag::LANGUAGE_INDICATOR => vec![random.octet(6)],
        Tag::SC_INTERFACE_VERSION => vec![random.pick(&[0x33, 0x34, 0x50])],
        Tag::MESSAGE_STATE => vec![1 + random.octet(8)],
        Tag::MS_AVAILABILITY_STATUS => vec![random.octet(3)],
        Tag::NETWORK_ERROR_CODE => {
            vec![1 + random.octet(3), random.octet(256), random.octet(256)]
        }
        Tag::RECEIPTED_MESSAGE_ID | Tag::ADDITIONAL_STATUS_INFO_TEXT => {
            let mut text = random.text(63).as_bytes().to_vec();
            text.push(0);
            text
        }
        Tag::CALLBACK_NUM => {
            let mut number = vec![random.octet(2), random.ton().0, random.npi().0, b'1'];
            number.extend_from_slice(random.digits(15).as_bytes());
            number
        }
        Tag::SOURCE_SUBADDRESS | Tag::DEST_SUBADDRESS => {
            let mut subaddress = vec![random.pick(&[0x80, 0x88, 0xA0]), random.octet(256)];
            subaddress.extend(random.octets(20));
            subaddress
        }
        Tag::BROADCAST_AREA_IDENTIFIER => [vec![1], random.octets(20)].concat(),
        Tag::BROADCAST_CONTENT_TYPE => vec![random.octet(4), 0, random.octet(3)],
        Tag::BROADCAST_FREQUENCY_INTERVAL => vec![random.pick(&[8, 9, 10]), 0, random.octet(256)],
        Tag::BROADCAST_ERROR_STATUS => vec![0, 0, 0, random.octet(9)],
        Tag::MESSAGE_PAYLOAD => random.octets(400),
        _ => vec![random.octet(256)],
    }
}
