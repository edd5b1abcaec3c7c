//! One of each noun, for tests: a test writes out only what it is about.

use super::{
    Alphabet, EncodedHead, Event, Family, GatewayId, Head, MoRecord, MoRoute, MoveReason, State,
    Timestamp, TrafficClass,
};

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

/// A whole message from gateway 1 to service profile 12.
pub(crate) fn mo() -> MoRecord {
    MoRecord {
        gateway: GatewayId(1),
        source_addr: "4915112345678".into(),
        destination_addr: "12345".into(),
        data_coding: 0,
        protocol_id: 0,
        octets: b"hi".to_vec(),
        alphabet: Alphabet::Auto,
        route: MoRoute {
            class: TrafficClass::A2p,
            service_profile: Some(12),
            p2p: false,
            endpoint_id: 1,
            endpoint_name: "Meter 17".into(),
        },
        segment: None,
        identifier: None,
        connection: 0,
    }
}

/// Of [`head`].
pub(crate) fn accepted() -> Event {
    Event::Accepted {
        head: EncodedHead::from(&head()),
        text: "hi".into(),
    }
}

/// Of the only segment, for good, and nobody is told.
pub(crate) fn refused(state: State) -> Event {
    Event::Refused {
        segment: 1,
        status: None,
        reason: String::new(),
        answer: None,
        due_at: None,
        state,
        soft: false,
        callbacks: Vec::new(),
    }
}

/// From a gateway that is down.
pub(crate) fn moved(from: u32, to: u32) -> Event {
    Event::Rerouted {
        from: GatewayId(from),
        to: GatewayId(to),
        why: MoveReason::Down,
    }
}
