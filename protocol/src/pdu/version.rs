//! What a peer of an older version does not have.
//!
//! Reading takes everything from everybody; these are rules for what is sent.

use bytes::Bytes;

use super::Body;
use crate::coding::{InterfaceVersion, MessageState, RegisteredDelivery};
use crate::tlv::{Tag, Tlvs};

/// What a version allows.
struct Limits {
    short_message_max: usize,
    message_id_max: usize,
    priority_flag_max: u8,
    registered_delivery_max: u8,
    destinations_max: usize,
    sm_default_msg_id_max: u8,
    has_tlvs: bool,
    has_late_states: bool,
}

impl Limits {
    fn of(version: InterfaceVersion) -> Self {
        let is_3_3 = !version.has_tlvs();
        let is_5_0 = version >= InterfaceVersion::V5_0;
        Self {
            short_message_max: match (is_3_3, is_5_0) {
                (true, _) => 140,
                (_, true) => 255,
                _ => 254,
            },
            message_id_max: if is_3_3 { 8 } else { 64 },
            priority_flag_max: if is_3_3 { 1 } else { u8::MAX },
            registered_delivery_max: if is_3_3 { 1 } else { u8::MAX },
            destinations_max: if is_3_3 || is_5_0 { 255 } else { 254 },
            sm_default_msg_id_max: if is_5_0 { 255 } else { 254 },
            has_tlvs: !is_3_3,
            has_late_states: is_5_0,
        }
    }
}

impl Body {
    /// The first thing that a peer of this version does not know or allow: `command_id`, a field
    /// by its name, or `tlv`. `None` if everything is in order, or not known here.
    #[must_use]
    pub fn beyond(&self, version: InterfaceVersion) -> Option<&'static str> {
        let limits = Limits::of(version);
        // What is older than 3.3 counts as that.
        let version = version.max(InterfaceVersion::V3_3);
        if self
            .command_id()
            .since()
            .is_some_and(|since| since > version)
        {
            return Some("command_id");
        }
        if !limits.has_tlvs && self.tlvs().is_some_and(|tlvs| !tlvs.is_empty()) {
            return Some("tlv");
        }
        self.field_beyond(&limits)
    }

    fn field_beyond(&self, limits: &Limits) -> Option<&'static str> {
        let is_long = |id: &crate::COctetString| id.len() > limits.message_id_max;
        match self {
            Self::SubmitSm(sm) => message(limits, &sm.short_message, sm.priority_flag)
                .or_else(|| submitted(limits, sm.registered_delivery, sm.sm_default_msg_id)),
            Self::DeliverSm(sm) => message(limits, &sm.short_message, sm.priority_flag),
            Self::SubmitMulti(sm) => message(limits, &sm.short_message, sm.priority_flag)
                .or_else(|| submitted(limits, sm.registered_delivery, sm.sm_default_msg_id))
                .or_else(|| {
                    let is_crowd = sm.dest_addresses.len() > limits.destinations_max;
                    is_crowd.then_some("number_of_dests")
                }),
            Self::ReplaceSm(sm) if is_long(&sm.message_id) => Some("message_id"),
            Self::ReplaceSm(sm) => message(limits, &sm.short_message, 0)
                .or_else(|| submitted(limits, sm.registered_delivery, sm.sm_default_msg_id)),
            Self::SubmitSmResp(resp) if is_long(&resp.message_id) => Some("message_id"),
            Self::SubmitMultiResp(resp) if is_long(&resp.message_id) => Some("message_id"),
            Self::QuerySm(query) if is_long(&query.message_id) => Some("message_id"),
            Self::QuerySmResp(resp) if is_long(&resp.message_id) => Some("message_id"),
            Self::CancelSm(cancel) if is_long(&cancel.message_id) => Some("message_id"),
            Self::QuerySmResp(resp) => {
                let states = [MessageState(0), MessageState::SKIPPED];
                let is_later = states.contains(&resp.message_state) && !limits.has_late_states;
                is_later.then_some("message_state")
            }
            _ => None,
        }
    }

    /// Takes the TLVs off, for a peer of 3.3, which does not read past the fields. User data in
    /// `message_payload` moves to `short_message`; what is too long for that is written as a TLV
    /// all the same, since a text that is not understood is better than none. Commands that 3.3
    /// does not have stay as they are.
    pub fn remove_tlvs(&mut self) {
        let Some(tlvs) = self.tlvs_mut() else {
            return;
        };
        let tlvs = std::mem::take(tlvs);
        let short_message = match self {
            Self::SubmitSm(sm) => &mut sm.short_message,
            Self::DeliverSm(sm) => &mut sm.short_message,
            Self::SubmitMulti(sm) => &mut sm.short_message,
            Self::ReplaceSm(sm) => &mut sm.short_message,
            _ => return,
        };
        if let Some(payload) = tlvs.share(Tag::MESSAGE_PAYLOAD)
            && short_message.is_empty()
        {
            *short_message = payload;
        }
    }

    /// The optional parameters of commands that 3.3 has.
    fn tlvs_mut(&mut self) -> Option<&mut Tlvs> {
        Some(match self {
            Self::BindTransmitter(body) | Self::BindReceiver(body) => &mut body.tlvs,
            Self::BindTransmitterResp(body)
            | Self::BindReceiverResp(body)
            | Self::BindTransceiverResp(body) => &mut body.tlvs,
            Self::SubmitSm(body) => &mut body.tlvs,
            Self::DeliverSm(body) => &mut body.tlvs,
            Self::SubmitMulti(body) => &mut body.tlvs,
            Self::SubmitMultiResp(body) => &mut body.tlvs,
            Self::SubmitSmResp(body) | Self::DeliverSmResp(body) => &mut body.tlvs,
            Self::QuerySm(body) => &mut body.tlvs,
            Self::QuerySmResp(body) => &mut body.tlvs,
            Self::CancelSm(body) => &mut body.tlvs,
            Self::ReplaceSm(body) => &mut body.tlvs,
            Self::UnbindResp(tlvs)
            | Self::EnquireLinkResp(tlvs)
            | Self::GenericNack(tlvs)
            | Self::CancelSmResp(tlvs)
            | Self::ReplaceSmResp(tlvs) => tlvs,
            _ => return None,
        })
    }
}

fn message(limits: &Limits, short_message: &Bytes, priority_flag: u8) -> Option<&'static str> {
    if short_message.len() > limits.short_message_max {
        return Some("short_message");
    }
    (priority_flag > limits.priority_flag_max).then_some("priority_flag")
}

fn submitted(
    limits: &Limits,
    registered_delivery: RegisteredDelivery,
    sm_default_msg_id: u8,
) -> Option<&'static str> {
    if registered_delivery.0 > limits.registered_delivery_max {
        return Some("registered_delivery");
    }
    (sm_default_msg_id > limits.sm_default_msg_id_max).then_some("sm_default_msg_id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::DataCoding;
    use crate::command::CommandId;
    use crate::pdu::{Bind, BindResp, DataSm, Destination, MessageResp, QuerySmResp, SubmitMulti};
    use crate::pdu::{DeliverSm, SubmitSm};

    /// What is beyond 3.3, 3.4 and 5.0.
    fn beyond(body: impl Into<Body>) -> [Option<&'static str>; 3] {
        let body = body.into();
        [0x33, 0x34, 0x50].map(|version| body.beyond(InterfaceVersion(version)))
    }

    impl From<SubmitSm> for Body {
        fn from(sm: SubmitSm) -> Self {
            Self::SubmitSm(sm)
        }
    }

    #[test]
    fn each_version_has_its_limits() {
        let id = |octets| MessageResp::new("1".repeat(octets));
        assert_eq!(beyond(SubmitSm::default()), [None, None, None]);
        for (short_message, expected) in [
            (140, [None, None, None]),
            (141, [Some("short_message"), None, None]),
            (255, [Some("short_message"), Some("short_message"), None]),
        ] {
            let short_message = vec![b'a'; short_message].into();
            let sm = SubmitSm {
                short_message,
                ..SubmitSm::default()
            };
            assert_eq!(beyond(sm), expected);
        }
        let sm = SubmitSm {
            priority_flag: 2,
            ..SubmitSm::default()
        };
        assert_eq!(beyond(sm), [Some("priority_flag"), None, None]);
        let registered_delivery = RegisteredDelivery(2);
        let sm = SubmitSm {
            registered_delivery,
            ..SubmitSm::default()
        };
        assert_eq!(beyond(sm), [Some("registered_delivery"), None, None]);
        let sm = SubmitSm {
            sm_default_msg_id: 255,
            ..SubmitSm::default()
        };
        let field = Some("sm_default_msg_id");
        assert_eq!(beyond(sm), [field, field, None]);
        assert_eq!(beyond(Body::SubmitSmResp(id(8))), [None, None, None]);
        assert_eq!(
            beyond(Body::SubmitSmResp(id(9))),
            [Some("message_id"), None, None]
        );
        let dl_name = crate::COctetString::from_static("x");
        let dest_addresses = vec![Destination::List { dl_name }; 255];
        let multi = Body::SubmitMulti(SubmitMulti {
            dest_addresses,
            ..SubmitMulti::default()
        });
        assert_eq!(beyond(multi), [None, Some("number_of_dests"), None]);
        let message_state = MessageState::SKIPPED;
        let resp = Body::QuerySmResp(QuerySmResp {
            message_state,
            ..QuerySmResp::default()
        });
        assert_eq!(
            beyond(resp),
            [Some("message_state"), Some("message_state"), None]
        );
        let resp = Body::BindReceiverResp(BindResp::new("smsc", InterfaceVersion::V3_4));
        assert_eq!(beyond(resp), [Some("tlv"), None, None]);
    }

    #[test]
    fn each_command_came_with_a_version() {
        let command = Some("command_id");
        let later = [command, None, None];
        assert_eq!(beyond(Body::BindTransceiver(Bind::default())), later);
        assert_eq!(beyond(Body::DataSm(DataSm::default())), later);
        let latest = [command, command, None];
        assert_eq!(beyond(Body::BroadcastSm(Default::default())), latest);
        assert_eq!(beyond(Body::EnquireLink), [None, None, None]);
        // What is not known here may be known there.
        let (command_id, octets) = (CommandId(0x22), Bytes::new());
        assert_eq!(
            beyond(Body::Unknown { command_id, octets }),
            [None, None, None]
        );
    }

    #[test]
    fn a_text_outlives_the_tlv_it_was_in() {
        for octets in [5, 300] {
            let mut sm = DeliverSm {
                data_coding: DataCoding::LATIN1,
                ..DeliverSm::default()
            };
            sm.tlvs.push(Tag::MESSAGE_PAYLOAD, vec![b'a'; octets]);
            sm.tlvs.push_u8(Tag::MESSAGE_STATE, 2);
            let mut body = Body::DeliverSm(sm);
            body.remove_tlvs();
            let Body::DeliverSm(sm) = body else {
                panic!("deliver_sm")
            };
            assert!(sm.tlvs.is_empty());
            assert_eq!(sm.user_data().len(), octets);
        }
    }
}
