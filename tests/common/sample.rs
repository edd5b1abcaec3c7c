//! One of each noun, for tests of what stands behind the API: a test writes out only what it is
//! about.

use smpp_bridge::message::*;
use smpp_bridge::store::{Evidence, IdRule, NewMessage, Unmatched};

/// An SMPP account on this machine, at nobody's port.
pub(crate) fn gateway() -> Gateway {
    Gateway {
        id: GatewayId(0),
        name: "smsc-main".into(),
        provider_type: "smpp".into(),
        server_host: "127.0.0.1".into(),
        server_port: 1,
        api_path: "send".into(),
        username: Some("esme".into()),
        password: Some("secret".into()),
        default_sender_id: None,
        callback_token: None,
        use_ssl: false,
        is_active: true,
        notes: None,
        meta: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        deleted: false,
    }
}

/// One segment through gateway 1, at once and without an end, with nobody to tell.
pub(crate) fn head() -> Head {
    Head {
        gateway: GatewayId(1),
        family: Family::Gateways,
        destination: "+4915112345678".into(),
        source: "Test".into(),
        tenant_id: None,
        callback_url: None,
        forwards: false,
        receipts: None,
        segments: 1,
        unicode: false,
        traffic_class: TrafficClass::A2p,
        reference: 7,
        expires_at: Timestamp::NEVER,
        not_before: None,
        others: None,
    }
}

/// Without a key, for a client that does not wait.
pub(crate) fn new_message(head: Head, text: &str) -> NewMessage {
    NewMessage {
        head,
        text: text.into(),
        key: None,
        wait: false,
    }
}

/// The receipt that gateway 1 sends for [`head`]'s handset.
pub(crate) fn receipt(id: &str, stat: &str, state: Option<State>) -> Evidence {
    Evidence {
        gateway: GatewayId(1),
        ids: vec![id.into()],
        id_rule: IdRule::Auto,
        state,
        report: Report::Smpp(SmppReport {
            id: id.into(),
            stat: stat.into(),
            source_addr: "4915112345678".into(),
            ..SmppReport::default()
        })
        .into(),
        verbatim: false,
        always_delivered_at: false,
        if_unmatched: Unmatched::Keep,
    }
}

/// A whole message from gateway 1 to a service profile.
pub(crate) fn mo(service_profile: u64) -> MoRecord {
    MoRecord {
        gateway: GatewayId(1),
        source_addr: "4915112345678".into(),
        destination_addr: "12345".into(),
        data_coding: 0,
        protocol_id: 0,
        octets: b"hi".to_vec(),
        alphabet: Alphabet::Latin1,
        route: MoRoute {
            class: TrafficClass::A2p,
            service_profile: Some(service_profile),
            p2p: false,
            endpoint_id: 1,
            endpoint_name: "Meter 17".into(),
        },
        segment: None,
        identifier: None,
        connection: 0,
    }
}
