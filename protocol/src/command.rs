//! The three numbers of a PDU header that carry meaning: which command, how it ended, and which
//! request an answer belongs to.
//!
//! All three are open: every 32-bit value can be held, compared and printed, whether or not SMPP
//! gives it a name. Vendors use values far outside their ranges, and a bridge has to report them
//! as they came.
//!
//! Three commands that only 3.3 had have no name here: 0x22 `param_retrieve`, 0x23
//! `query_last_msgs` and 0x24 `query_msg_details`. 3.4 reserves their numbers, so a peer of today
//! can mean anything by them; no message depends on them; and what is known of their fields is
//! known from implementations alone. They are read as [`Body::Unknown`](crate::Body::Unknown),
//! octets and all, and answered as 3.4 §4.3 has it: `generic_nack` with `ESME_RINVCMDID`. Whoever
//! has a peer that needs them can read and write these octets.

mod status;

use std::fmt;

use crate::coding::InterfaceVersion;
use crate::names::names;

pub use status::CommandStatus;

/// Bit 31 of a command id: set in responses.
const RESPONSE_BIT: u32 = 0x8000_0000;

names! {
    /// What a PDU is (SMPP 3.4 §5.1.2.1, 5.0 §4.7.5). Bit 31 tells a response from a request.
    pub struct CommandId(u32), "{:#010X}";
    /// The answer to something that could not be answered by its own response.
    GENERIC_NACK = 0x8000_0000, "generic_nack";
    /// Opens a session for receiving only.
    BIND_RECEIVER = 0x0000_0001, "bind_receiver";
    /// Answers `bind_receiver`.
    BIND_RECEIVER_RESP = 0x8000_0001, "bind_receiver_resp";
    /// Opens a session for sending only.
    BIND_TRANSMITTER = 0x0000_0002, "bind_transmitter";
    /// Answers `bind_transmitter`.
    BIND_TRANSMITTER_RESP = 0x8000_0002, "bind_transmitter_resp";
    /// Asks for the state of a message.
    QUERY_SM = 0x0000_0003, "query_sm";
    /// Answers `query_sm`.
    QUERY_SM_RESP = 0x8000_0003, "query_sm_resp";
    /// Hands a message to the SMSC.
    SUBMIT_SM = 0x0000_0004, "submit_sm";
    /// Answers `submit_sm`.
    SUBMIT_SM_RESP = 0x8000_0004, "submit_sm_resp";
    /// Hands a message or a receipt to the ESME.
    DELIVER_SM = 0x0000_0005, "deliver_sm";
    /// Answers `deliver_sm`.
    DELIVER_SM_RESP = 0x8000_0005, "deliver_sm_resp";
    /// Ends a session.
    UNBIND = 0x0000_0006, "unbind";
    /// Answers `unbind`.
    UNBIND_RESP = 0x8000_0006, "unbind_resp";
    /// Replaces the text of a message that is still pending.
    REPLACE_SM = 0x0000_0007, "replace_sm";
    /// Answers `replace_sm`.
    REPLACE_SM_RESP = 0x8000_0007, "replace_sm_resp";
    /// Withdraws pending messages.
    CANCEL_SM = 0x0000_0008, "cancel_sm";
    /// Answers `cancel_sm`.
    CANCEL_SM_RESP = 0x8000_0008, "cancel_sm_resp";
    /// Opens a session for both directions. Since 3.4.
    BIND_TRANSCEIVER = 0x0000_0009, "bind_transceiver";
    /// Answers `bind_transceiver`. Since 3.4.
    BIND_TRANSCEIVER_RESP = 0x8000_0009, "bind_transceiver_resp";
    /// The SMSC asks the ESME to bind. Has no response. Since 3.4.
    OUTBIND = 0x0000_000B, "outbind";
    /// Asks whether the peer is alive.
    ENQUIRE_LINK = 0x0000_0015, "enquire_link";
    /// Answers `enquire_link`.
    ENQUIRE_LINK_RESP = 0x8000_0015, "enquire_link_resp";
    /// Hands over one message for several destinations.
    SUBMIT_MULTI = 0x0000_0021, "submit_multi";
    /// Answers `submit_multi`.
    SUBMIT_MULTI_RESP = 0x8000_0021, "submit_multi_resp";
    /// A subscriber became reachable. Has no response. Since 3.4.
    ALERT_NOTIFICATION = 0x0000_0102, "alert_notification";
    /// A message in either direction, with the text in a TLV. Since 3.4.
    DATA_SM = 0x0000_0103, "data_sm";
    /// Answers `data_sm`. Since 3.4.
    DATA_SM_RESP = 0x8000_0103, "data_sm_resp";
    /// Starts a cell broadcast. Since 5.0.
    BROADCAST_SM = 0x0000_0111, "broadcast_sm";
    /// Answers `broadcast_sm`. Since 5.0.
    BROADCAST_SM_RESP = 0x8000_0111, "broadcast_sm_resp";
    /// Asks for the state of a cell broadcast. Since 5.0.
    QUERY_BROADCAST_SM = 0x0000_0112, "query_broadcast_sm";
    /// Answers `query_broadcast_sm`. Since 5.0.
    QUERY_BROADCAST_SM_RESP = 0x8000_0112, "query_broadcast_sm_resp";
    /// Stops a cell broadcast. Since 5.0.
    CANCEL_BROADCAST_SM = 0x0000_0113, "cancel_broadcast_sm";
    /// Answers `cancel_broadcast_sm`. Since 5.0.
    CANCEL_BROADCAST_SM_RESP = 0x8000_0113, "cancel_broadcast_sm_resp";
}

impl CommandId {
    /// Whether bit 31 is set, which also holds for `generic_nack`.
    #[must_use]
    pub const fn is_response(self) -> bool {
        self.0 & RESPONSE_BIT != 0
    }

    /// The id of the response to this request, or `None` where the specification has none:
    /// for responses, `outbind`, `alert_notification` and commands without a name.
    #[must_use]
    pub const fn response(self) -> Option<Self> {
        if self.is_response() {
            return None;
        }
        let response = Self(self.0 | RESPONSE_BIT);
        match response.name() {
            Some(_) if self.0 != 0 => Some(response),
            _ => None,
        }
    }

    /// The id of the request that this response answers, or `None` for requests,
    /// `generic_nack` and commands without a name.
    #[must_use]
    pub const fn request(self) -> Option<Self> {
        if !self.is_response() {
            return None;
        }
        let request = Self(self.0 & !RESPONSE_BIT);
        match request.name() {
            Some(_) => Some(request),
            None => None,
        }
    }

    /// The version that brought the command; `None` for those without a name.
    #[must_use]
    pub const fn since(self) -> Option<InterfaceVersion> {
        if self.name().is_none() {
            return None;
        }
        Some(match Self(self.0 & !RESPONSE_BIT) {
            Self::BIND_TRANSCEIVER | Self::OUTBIND | Self::ALERT_NOTIFICATION | Self::DATA_SM => {
                InterfaceVersion::V3_4
            }
            Self::BROADCAST_SM | Self::QUERY_BROADCAST_SM | Self::CANCEL_BROADCAST_SM => {
                InterfaceVersion::V5_0
            }
            _ => InterfaceVersion::V3_3,
        })
    }

    const fn from_alias(_name: &str) -> Option<Self> {
        None
    }
}

/// Ties a response to its request within one session and direction (SMPP 3.4 §5.1.4).
///
/// Ours run from [`SequenceNumber::MIN`] to [`SequenceNumber::MAX`] and start again; a peer's are
/// echoed as they came, whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(pub u32);

impl SequenceNumber {
    /// Stands in a `generic_nack` for a request whose number could not be read.
    pub const UNREADABLE: Self = Self(0);
    /// The first number of a session.
    pub const MIN: Self = Self(1);
    /// The last number before starting again.
    pub const MAX: Self = Self(0x7FFF_FFFF);

    /// The number after this one, going from [`MAX`](Self::MAX) to [`MIN`](Self::MIN).
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 >= Self::MAX.0 {
            Self::MIN
        } else {
            Self(self.0 + 1)
        }
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for SequenceNumber {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_responses_know_each_other() {
        assert_eq!(
            CommandId::SUBMIT_SM.response(),
            Some(CommandId::SUBMIT_SM_RESP)
        );
        assert_eq!(
            CommandId::SUBMIT_SM_RESP.request(),
            Some(CommandId::SUBMIT_SM)
        );
        for alone in [
            CommandId::OUTBIND,
            CommandId::ALERT_NOTIFICATION,
            CommandId(0),
            CommandId(0x22),
        ] {
            assert_eq!(alone.response(), None, "{alone}");
        }
        assert_eq!(CommandId::GENERIC_NACK.request(), None);
        assert!(CommandId::GENERIC_NACK.is_response());
    }

    #[test]
    fn numbers_without_a_name_print_as_hexadecimal() {
        assert_eq!(CommandStatus(0x400).to_string(), "0x00000400");
        assert_eq!(
            CommandStatus::ESME_RTHROTTLED.to_string(),
            "ESME_RTHROTTLED"
        );
        assert_eq!(format!("{:?}", CommandId(0x0001_0200)), "0x00010200");
    }

    #[test]
    fn sequence_numbers_start_again_after_the_last() {
        assert_eq!(SequenceNumber(7).next(), SequenceNumber(8));
        assert_eq!(SequenceNumber::MAX.next(), SequenceNumber::MIN);
        assert_eq!(SequenceNumber(u32::MAX).next(), SequenceNumber::MIN);
    }
}
