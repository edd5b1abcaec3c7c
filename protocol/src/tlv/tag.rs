//! The tags of SMPP 3.4 §5.3.2 and 5.0 §4.8.4, and the shape each gives its value.

use std::ops::RangeInclusive;

use crate::names::names;

names! {
    /// Says what a TLV holds. 0x1400 to 0x3FFF belong to vendors.
    pub struct Tag(u16), "{:#06X}";
    /// Part of the receiving device: 1 display, 2 equipment, 3 SIM, 4 external unit.
    DEST_ADDR_SUBUNIT = 0x0005, "dest_addr_subunit";
    /// Kind of the receiving network: 1 GSM, 2 TDMA, 3 CDMA, 4 PDC, 5 PHS, 6 iDEN, 7 AMPS, 8 paging.
    DEST_NETWORK_TYPE = 0x0006, "dest_network_type";
    /// Bearer towards the receiver: 1 SMS, 2 CSD, 3 packet data, 4 USSD, 8 cell broadcast.
    DEST_BEARER_TYPE = 0x0007, "dest_bearer_type";
    /// Telematic interworking of the receiver, like the GSM protocol identifier.
    DEST_TELEMATICS_ID = 0x0008, "dest_telematics_id";
    /// Part of the sending device, as `dest_addr_subunit`.
    SOURCE_ADDR_SUBUNIT = 0x000D, "source_addr_subunit";
    /// Kind of the sending network, as `dest_network_type`.
    SOURCE_NETWORK_TYPE = 0x000E, "source_network_type";
    /// Bearer of the sender, as `dest_bearer_type`.
    SOURCE_BEARER_TYPE = 0x000F, "source_bearer_type";
    /// Telematic interworking of the sender; one octet by the text, two from some peers.
    SOURCE_TELEMATICS_ID = 0x0010, "source_telematics_id";
    /// Seconds from submission for which the message is worth keeping; beats `validity_period`.
    QOS_TIME_TO_LIVE = 0x0017, "qos_time_to_live";
    /// What a payload is: 0 WDP, 1 WCMP.
    PAYLOAD_TYPE = 0x0019, "payload_type";
    /// The status in words, for people.
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D, "additional_status_info_text";
    /// The `message_id` a receipt is about.
    RECEIPTED_MESSAGE_ID = 0x001E, "receipted_message_id";
    /// Message waiting: bit 7 on or off, bits 1-0 voice mail, fax, e-mail, other.
    MS_MSG_WAIT_FACILITIES = 0x0030, "ms_msg_wait_facilities";
    /// Privacy: 0 open, 1 restricted, 2 confidential, 3 secret.
    PRIVACY_INDICATOR = 0x0201, "privacy_indicator";
    /// Subaddress of the sender; the first octet gives its form.
    SOURCE_SUBADDRESS = 0x0202, "source_subaddress";
    /// Subaddress of the receiver; the first octet gives its form.
    DEST_SUBADDRESS = 0x0203, "dest_subaddress";
    /// A number of the ESME's own, carried through to the receipt.
    USER_MESSAGE_REFERENCE = 0x0204, "user_message_reference";
    /// An answer code the user typed.
    USER_RESPONSE_CODE = 0x0205, "user_response_code";
    /// Application port of the sender.
    SOURCE_PORT = 0x020A, "source_port";
    /// Application port of the receiver.
    DEST_PORT = 0x020B, "dest_port";
    /// Names the set a segment belongs to; counts only with the two below.
    SAR_MSG_REF_NUM = 0x020C, "sar_msg_ref_num";
    /// Language: 1 English, 2 French, 3 Spanish, 4 German, 5 Portuguese.
    LANGUAGE_INDICATOR = 0x020D, "language_indicator";
    /// How many segments the message has, 1 to 255.
    SAR_TOTAL_SEGMENTS = 0x020E, "sar_total_segments";
    /// Which segment this is, counted from 1.
    SAR_SEGMENT_SEQNUM = 0x020F, "sar_segment_seqnum";
    /// The SMPP version the SMSC speaks.
    SC_INTERFACE_VERSION = 0x0210, "sc_interface_version";
    /// How a call-back number may be shown and how it was checked. May repeat.
    CALLBACK_NUM_PRES_IND = 0x0302, "callback_num_pres_ind";
    /// Text to show for a call-back number, behind its data coding. May repeat.
    CALLBACK_NUM_ATAG = 0x0303, "callback_num_atag";
    /// Messages waiting in a mailbox, 0 to 99.
    NUMBER_OF_MESSAGES = 0x0304, "number_of_messages";
    /// A number to call back: digit mode, TON, NPI, digits. May repeat.
    CALLBACK_NUM = 0x0381, "callback_num";
    /// Whether the delivery-pending flag was set.
    DPF_RESULT = 0x0420, "dpf_result";
    /// Asks for the delivery-pending flag if delivery fails.
    SET_DPF = 0x0421, "set_dpf";
    /// Reachability: 0 available, 1 denied, 2 unavailable.
    MS_AVAILABILITY_STATUS = 0x0422, "ms_availability_status";
    /// A network's own error: kind of network, then a 16-bit code.
    NETWORK_ERROR_CODE = 0x0423, "network_error_code";
    /// User data that does not go into `short_message`.
    MESSAGE_PAYLOAD = 0x0424, "message_payload";
    /// Why delivery failed: 0 unreachable, 1 bad address, 2 permanent, 3 temporary.
    DELIVERY_FAILURE_REASON = 0x0425, "delivery_failure_reason";
    /// Whether more messages for the same destination follow.
    MORE_MESSAGES_TO_SEND = 0x0426, "more_messages_to_send";
    /// State of the message a receipt is about.
    MESSAGE_STATE = 0x0427, "message_state";
    /// Load of the peer in percent, in any response. Since 5.0.
    CONGESTION_STATE = 0x0428, "congestion_state";
    /// USSD operation.
    USSD_SERVICE_OP = 0x0501, "ussd_service_op";
    /// Cell broadcast channel: 0 basic, 1 extended. Since 5.0.
    BROADCAST_CHANNEL_INDICATOR = 0x0600, "broadcast_channel_indicator";
    /// Kind of network, then a 16-bit content type. Since 5.0.
    BROADCAST_CONTENT_TYPE = 0x0601, "broadcast_content_type";
    /// More about the content, free. Since 5.0.
    BROADCAST_CONTENT_TYPE_INFO = 0x0602, "broadcast_content_type_info";
    /// Message class of a broadcast. Since 5.0.
    BROADCAST_MESSAGE_CLASS = 0x0603, "broadcast_message_class";
    /// How often to repeat; 0 without end. Since 5.0.
    BROADCAST_REP_NUM = 0x0604, "broadcast_rep_num";
    /// Time between repeats: unit, then a 16-bit count. Since 5.0.
    BROADCAST_FREQUENCY_INTERVAL = 0x0605, "broadcast_frequency_interval";
    /// A target area, or one that failed in a response. Repeats. Since 5.0.
    BROADCAST_AREA_IDENTIFIER = 0x0606, "broadcast_area_identifier";
    /// Status of the failed area at the same position. Repeats. Since 5.0.
    BROADCAST_ERROR_STATUS = 0x0607, "broadcast_error_status";
    /// Percent of cells reached, 255 unknown. Repeats. Since 5.0.
    BROADCAST_AREA_SUCCESS = 0x0608, "broadcast_area_success";
    /// When the broadcast ended, absolute. Since 5.0.
    BROADCAST_END_TIME = 0x0609, "broadcast_end_time";
    /// Group of receivers, free. Since 5.0.
    BROADCAST_SERVICE_GROUP = 0x060A, "broadcast_service_group";
    /// Billing data; the first octet gives its form. Since 5.0.
    BILLING_IDENTIFICATION = 0x060B, "billing_identification";
    /// Network of the sender. Since 5.0.
    SOURCE_NETWORK_ID = 0x060D, "source_network_id";
    /// Network of the receiver. Since 5.0.
    DEST_NETWORK_ID = 0x060E, "dest_network_id";
    /// Node of the sender, six digits. Since 5.0.
    SOURCE_NODE_ID = 0x060F, "source_node_id";
    /// Node of the receiver, six digits. Since 5.0.
    DEST_NODE_ID = 0x0610, "dest_node_id";
    /// Number portability: 0 not asked, 1 not ported, 2 ported. Since 5.0.
    DEST_ADDR_NP_RESOLUTION = 0x0611, "dest_addr_np_resolution";
    /// Routing number of a ported destination. Since 5.0.
    DEST_ADDR_NP_INFORMATION = 0x0612, "dest_addr_np_information";
    /// Country code of a ported destination. Since 5.0.
    DEST_ADDR_NP_COUNTRY = 0x0613, "dest_addr_np_country";
    /// How long to show the text: 0 briefly, 1 default, 2 until called for.
    DISPLAY_TIME = 0x1201, "display_time";
    /// Alert tone of a TDMA phone.
    SMS_SIGNAL = 0x1203, "sms_signal";
    /// How long the phone should keep the message.
    MS_VALIDITY = 0x1204, "ms_validity";
    /// Alert the user: no value by 3.4, a level from 0 to 3 by 5.0.
    ALERT_ON_MESSAGE_DELIVERY = 0x130C, "alert_on_message_delivery";
    /// Kind of reply expected in an interactive session.
    ITS_REPLY_TYPE = 0x1380, "its_reply_type";
    /// Number and end mark of an interactive session.
    ITS_SESSION_INFO = 0x1383, "its_session_info";
}

/// What kind of value a TLV has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned, most significant octet first.
    Integer,
    /// Text that should end with a NUL and often does not.
    CString,
    /// Anything else.
    Octets,
}

/// The shape of a TLV's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What the value is.
    pub kind: Kind,
    /// Octets the specification allows, NUL included.
    pub octets: RangeInclusive<usize>,
}

/// Octets of a value, at least and at most, by the octets of its tag.
static LIMITS: [[[u16; 2]; 64]; 7] = {
    let mut table = [[[0; 2]; 64]; 7];
    let mut at = 0;
    while at < 7 * 64 {
        let tag = Tag((at / 64 * 256 + at % 64) as u16);
        table[at / 64][at % 64] = limits(tag);
        at += 1;
    }
    table
};

const fn limits(tag: Tag) -> [u16; 2] {
    match tag.layout() {
        Some(layout) => [*layout.octets.start() as u16, *layout.octets.end() as u16],
        None => [0, u16::MAX],
    }
}

impl Tag {
    /// Entity id demanded by Indian operators (DLT); not part of SMPP.
    pub const DLT_ENTITY_ID: Self = Self(0x1400);
    /// Template id demanded by Indian operators (DLT); not part of SMPP.
    pub const DLT_TEMPLATE_ID: Self = Self(0x1401);
    /// Telemarketer id demanded by Indian operators (DLT); not part of SMPP.
    pub const DLT_TELEMARKETER_ID: Self = Self(0x1402);

    /// Whether the tag lies in the range kept for vendors.
    #[must_use]
    pub const fn is_vendor(self) -> bool {
        matches!(self.0, 0x1400..=0x3FFF)
    }

    /// Whether a value may have so many octets; of a tag the specification does not know, any.
    #[inline]
    pub(crate) fn allows(self, octets: usize) -> bool {
        let [high, low] = self.0.to_be_bytes().map(usize::from);
        // Most tags that are sent are in this table; asking for a layout takes longer.
        let [least, most] = match LIMITS.get(high).and_then(|page| page.get(low)) {
            Some(limits) => *limits,
            None => limits(self),
        };
        (usize::from(least)..=usize::from(most)).contains(&octets)
    }

    /// The shape of the value, or `None` for a tag the specification does not know.
    #[must_use]
    pub const fn layout(self) -> Option<Layout> {
        let (kind, octets) = match self {
            Self::SOURCE_TELEMATICS_ID => (Kind::Integer, 1..=2),
            Self::DEST_TELEMATICS_ID
            | Self::USER_MESSAGE_REFERENCE
            | Self::SOURCE_PORT
            | Self::DEST_PORT
            | Self::SAR_MSG_REF_NUM
            | Self::BROADCAST_REP_NUM
            | Self::SMS_SIGNAL => (Kind::Integer, 2..=2),
            Self::QOS_TIME_TO_LIVE | Self::BROADCAST_ERROR_STATUS => (Kind::Integer, 4..=4),
            Self::ALERT_ON_MESSAGE_DELIVERY => (Kind::Integer, 0..=1),
            Self::ADDITIONAL_STATUS_INFO_TEXT => (Kind::CString, 1..=256),
            Self::RECEIPTED_MESSAGE_ID => (Kind::CString, 1..=65),
            Self::BROADCAST_END_TIME => (Kind::CString, 16..=17),
            Self::SOURCE_NETWORK_ID | Self::DEST_NETWORK_ID => (Kind::CString, 7..=65),
            Self::SOURCE_SUBADDRESS | Self::DEST_SUBADDRESS => (Kind::Octets, 2..=23),
            Self::CALLBACK_NUM_ATAG => (Kind::Octets, 1..=65),
            Self::CALLBACK_NUM => (Kind::Octets, 4..=19),
            Self::NETWORK_ERROR_CODE
            | Self::BROADCAST_CONTENT_TYPE
            | Self::BROADCAST_FREQUENCY_INTERVAL => (Kind::Octets, 3..=3),
            Self::MESSAGE_PAYLOAD => (Kind::Octets, 0..=65_535),
            Self::BROADCAST_CONTENT_TYPE_INFO | Self::BROADCAST_SERVICE_GROUP => {
                (Kind::Octets, 1..=255)
            }
            Self::BROADCAST_AREA_IDENTIFIER => (Kind::Octets, 1..=101),
            Self::BILLING_IDENTIFICATION => (Kind::Octets, 1..=1024),
            Self::SOURCE_NODE_ID | Self::DEST_NODE_ID => (Kind::Octets, 6..=6),
            Self::DEST_ADDR_NP_INFORMATION => (Kind::Octets, 10..=10),
            Self::DEST_ADDR_NP_COUNTRY => (Kind::Octets, 1..=5),
            Self::MS_VALIDITY => (Kind::Octets, 1..=4),
            Self::ITS_SESSION_INFO => (Kind::Octets, 2..=2),
            _ if self.name().is_some() => (Kind::Integer, 1..=1),
            _ => return None,
        };
        Some(Layout { kind, octets })
    }

    fn from_alias(name: &str) -> Option<Self> {
        match name {
            "destination_port" => Some(Self::DEST_PORT),
            _ => None,
        }
    }
}
