//! The one-octet fields: type of number, message class, data coding, version.
//!
//! Each is an open newtype, so reserved values survive; methods answer the questions a bridge asks
//! of the bits (SMPP 3.4 §5.2, 5.0 §4.7).

use crate::names::names;

names! {
    /// Type of number (SMPP 3.4 §5.2.5).
    pub struct Ton(u8), "{:#04X}";
    /// Not given.
    UNKNOWN = 0, "unknown";
    /// With country code, written without `+`.
    INTERNATIONAL = 1, "international";
    /// Without country code.
    NATIONAL = 2, "national";
    /// A number of the network itself.
    NETWORK_SPECIFIC = 3, "network_specific";
    /// A subscriber number.
    SUBSCRIBER = 4, "subscriber";
    /// Letters; at most 11 GSM septets on the air.
    ALPHANUMERIC = 5, "alphanumeric";
    /// An abbreviated number.
    ABBREVIATED = 6, "abbreviated";
}

impl Ton {
    const fn from_alias(_name: &str) -> Option<Self> {
        None
    }
}

names! {
    /// Numbering plan (SMPP 3.4 §5.2.6).
    pub struct Npi(u8), "{:#04X}";
    /// Not given.
    UNKNOWN = 0, "unknown";
    /// Telephone numbers, E.164.
    ISDN = 1, "isdn";
    /// X.121.
    DATA = 3, "data";
    /// F.69.
    TELEX = 4, "telex";
    /// E.212.
    LAND_MOBILE = 6, "land_mobile";
    /// A national plan.
    NATIONAL = 8, "national";
    /// A private plan.
    PRIVATE = 9, "private";
    /// ERMES paging.
    ERMES = 10, "ermes";
    /// An IPv4 address in dotted decimal.
    INTERNET = 14, "internet";
    /// A WAP client id.
    WAP_CLIENT_ID = 18, "wap_client_id";
}

impl Npi {
    const fn from_alias(_name: &str) -> Option<Self> {
        None
    }
}

/// Mode, type and GSM features of a message (SMPP 3.4 §5.2.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EsmClass(pub u8);

/// What the type bits of [`EsmClass`] say a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// An ordinary message.
    Normal,
    /// A delivery receipt of the SMSC.
    Receipt,
    /// The receiving application acknowledges delivery.
    DeliveryAcknowledgement,
    /// The user acknowledges by hand.
    UserAcknowledgement,
    /// End of a conversation (Korean CDMA).
    ConversationAbort,
    /// A state on the way, not a final one.
    Intermediate,
    /// The four type bits hold a reserved value.
    Reserved(u8),
}

impl EsmClass {
    /// Nothing set.
    pub const DEFAULT: Self = Self(0);
    /// Mode: one attempt, no receipt.
    pub const DATAGRAM: Self = Self(0x01);
    /// Mode: one attempt, the response waits for its outcome.
    pub const TRANSACTION: Self = Self(0x02);
    /// Mode: kept and retried.
    pub const STORE_AND_FORWARD: Self = Self(0x03);
    /// Type: a delivery receipt.
    pub const RECEIPT: Self = Self(0x04);
    /// Type: an intermediate notification.
    pub const INTERMEDIATE: Self = Self(0x20);
    /// The user data begins with a header.
    pub const UDH: Self = Self(0x40);
    /// The reply should take the same path.
    pub const REPLY_PATH: Self = Self(0x80);

    /// The type bits alone: 0x3C of the octet, whatever mode and features say.
    #[must_use]
    pub const fn message_type(self) -> MessageType {
        match self.0 & 0x3C {
            0x00 => MessageType::Normal,
            0x04 => MessageType::Receipt,
            0x08 => MessageType::DeliveryAcknowledgement,
            0x10 => MessageType::UserAcknowledgement,
            0x18 => MessageType::ConversationAbort,
            0x20 => MessageType::Intermediate,
            reserved => MessageType::Reserved(reserved),
        }
    }

    /// Whether the type is a delivery receipt; 0x44 is one too.
    #[must_use]
    pub const fn is_receipt(self) -> bool {
        matches!(self.message_type(), MessageType::Receipt)
    }

    /// Whether the type is an intermediate notification.
    #[must_use]
    pub const fn is_intermediate(self) -> bool {
        matches!(self.message_type(), MessageType::Intermediate)
    }

    /// Whether the user data begins with a header (UDHI).
    #[must_use]
    pub const fn has_udh(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Which receipts a sender wants (SMPP 3.4 §5.2.17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegisteredDelivery(pub u8);

impl RegisteredDelivery {
    /// No receipt.
    pub const NONE: Self = Self(0);
    /// A receipt for success and failure.
    pub const FINAL: Self = Self(1);
    /// A receipt for failure only.
    pub const FAILURE: Self = Self(2);
    /// A receipt for success only. Since 5.0.
    pub const SUCCESS: Self = Self(3);
    /// Intermediate notifications as well.
    pub const INTERMEDIATE: Self = Self(0x10);

    /// Whether a final receipt is wanted for this outcome.
    #[must_use]
    pub const fn wants_receipt(self, delivered: bool) -> bool {
        match self.0 & 0x03 {
            1 => true,
            2 => !delivered,
            3 => delivered,
            _ => false,
        }
    }

    /// Whether intermediate notifications are wanted.
    #[must_use]
    pub const fn wants_intermediate(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// Which alphabet user data is in (SMPP 3.4 §5.2.19, with the groups of 3GPP TS 23.038).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataCoding(pub u8);

/// What user data under a [`DataCoding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Whatever the SMSC has agreed with its users.
    SmscDefault,
    /// GSM 7-bit, told so by a GSM coding group.
    Gsm7,
    /// IA5, which is ASCII.
    Ascii,
    /// ISO-8859-1.
    Latin1,
    /// ISO-8859-5.
    Cyrillic,
    /// ISO-8859-8.
    Hebrew,
    /// UTF-16, most significant octet first.
    Ucs2,
    /// JIS X 0208 or 0212.
    Jis,
    /// KS C 5601.
    KoreanKsc,
    /// Not text.
    Binary,
}

impl DataCoding {
    /// The SMSC's default alphabet.
    pub const DEFAULT: Self = Self(0x00);
    /// IA5, ASCII.
    pub const ASCII: Self = Self(0x01);
    /// Octets without a meaning known here.
    pub const BINARY: Self = Self(0x04);
    /// ISO-8859-1.
    pub const LATIN1: Self = Self(0x03);
    /// UTF-16 big-endian.
    pub const UCS2: Self = Self(0x08);
    /// Class 0 ("flash") text in the default alphabet, by the general GSM group.
    pub const FLASH: Self = Self(0x10);
    /// Class 0 ("flash") UTF-16 text, by the general GSM group.
    pub const FLASH_UCS2: Self = Self(0x18);

    /// What the user data is, all 256 values read.
    ///
    /// Below 0x10 the values are SMPP's own; from 0x10 the GSM groups apply, which is how SMSCs
    /// use the range that SMPP keeps back.
    #[must_use]
    pub const fn charset(self) -> Charset {
        match self.0 {
            0x00 => Charset::SmscDefault,
            0x01 => Charset::Ascii,
            0x03 => Charset::Latin1,
            0x05 | 0x0D => Charset::Jis,
            0x06 => Charset::Cyrillic,
            0x07 => Charset::Hebrew,
            0x08 => Charset::Ucs2,
            0x0E => Charset::KoreanKsc,
            0x02 | 0x04 | 0x09..=0x0C | 0x0F => Charset::Binary,
            // General groups: bit 5 says compressed, bits 3-2 the alphabet.
            0x10..=0x7F => match (self.0 & 0x20, self.0 & 0x0C) {
                (0, 0x00) => Charset::Gsm7,
                (0, 0x08) => Charset::Ucs2,
                _ => Charset::Binary,
            },
            // Reserved, and message waiting with the text in 7 bits.
            0x80..=0xDF => Charset::Gsm7,
            0xE0..=0xEF => Charset::Ucs2,
            0xF0..=0xFF => {
                if self.0 & 0x04 == 0 {
                    Charset::Gsm7
                } else {
                    Charset::Binary
                }
            }
        }
    }

    /// The message class 0 to 3, for the groups that carry one; 0 is shown at once.
    #[must_use]
    pub const fn message_class(self) -> Option<u8> {
        match self.0 {
            0x10..=0x7F if self.0 & 0x10 != 0 => Some(self.0 & 0x03),
            0xF0..=0xFF => Some(self.0 & 0x03),
            _ => None,
        }
    }
}

names! {
    /// State of a message as `message_state` reports it (SMPP 3.4 §5.2.28, 5.0 §4.7.15).
    pub struct MessageState(u8), "{:#04X}";
    /// Not yet due. Since 5.0.
    SCHEDULED = 0, "SCHEDULED";
    /// On its way.
    ENROUTE = 1, "ENROUTE";
    /// Arrived.
    DELIVERED = 2, "DELIVERED";
    /// Its validity ran out.
    EXPIRED = 3, "EXPIRED";
    /// Withdrawn.
    DELETED = 4, "DELETED";
    /// Cannot be delivered.
    UNDELIVERABLE = 5, "UNDELIVERABLE";
    /// Taken by the network; final by the text, not in practice.
    ACCEPTED = 6, "ACCEPTED";
    /// The SMSC does not know.
    UNKNOWN = 7, "UNKNOWN";
    /// Refused.
    REJECTED = 8, "REJECTED";
    /// Left out on purpose. Since 5.0.
    SKIPPED = 9, "SKIPPED";
}

impl MessageState {
    /// Whether nothing more will come: delivered, expired, deleted, undeliverable, rejected,
    /// skipped. `ACCEPTED` does not count, since receipts follow it in practice.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self.0, 2..=5 | 8 | 9)
    }

    const fn from_alias(_name: &str) -> Option<Self> {
        None
    }
}

/// SMPP version, one hexadecimal digit each for major and minor (SMPP 3.4 §5.2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceVersion(pub u8);

impl InterfaceVersion {
    /// SMPP 3.3 and older.
    pub const V3_3: Self = Self(0x33);
    /// SMPP 3.4.
    pub const V3_4: Self = Self(0x34);
    /// SMPP 5.0.
    pub const V5_0: Self = Self(0x50);

    /// Whether a peer of this version understands TLVs, that is 3.4 or later.
    #[must_use]
    pub const fn has_tlvs(self) -> bool {
        self.0 >= Self::V3_4.0
    }
}

macro_rules! octet_conversions {
    ($($type:ident),+) => {
        $(
            impl From<u8> for $type {
                fn from(octet: u8) -> Self {
                    Self(octet)
                }
            }

            impl From<$type> for u8 {
                fn from(value: $type) -> Self {
                    value.0
                }
            }
        )+
    };
}

octet_conversions!(EsmClass, RegisteredDelivery, DataCoding, InterfaceVersion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_type_is_told_by_its_mask_not_by_equality() {
        for octet in [0x04, 0x44, 0x84, 0xC4, 0x07] {
            assert!(EsmClass(octet).is_receipt(), "{octet:#x}");
        }
        for octet in [0x00, 0x08, 0x0C, 0x20, 0x40] {
            assert!(!EsmClass(octet).is_receipt(), "{octet:#x}");
        }
        assert!(EsmClass(0x60).is_intermediate());
        assert_eq!(
            EsmClass(0x48).message_type(),
            MessageType::DeliveryAcknowledgement
        );
    }

    #[test]
    fn receipts_are_wanted_as_the_low_bits_say() {
        let wanted = |octet, delivered| RegisteredDelivery(octet).wants_receipt(delivered);
        assert_eq!(
            [
                wanted(0, true),
                wanted(1, true),
                wanted(2, true),
                wanted(3, true)
            ],
            [false, true, false, true]
        );
        assert_eq!(
            [
                wanted(0, false),
                wanted(1, false),
                wanted(2, false),
                wanted(3, false)
            ],
            [false, true, true, false]
        );
        assert!(RegisteredDelivery(0x11).wants_intermediate());
    }

    #[test]
    fn gsm_groups_give_alphabet_and_class() {
        assert_eq!(DataCoding(0x18).charset(), Charset::Ucs2);
        assert_eq!(DataCoding(0x30).charset(), Charset::Binary, "compressed");
        assert_eq!(DataCoding(0xE0).charset(), Charset::Ucs2);
        assert_eq!(DataCoding(0xF5).charset(), Charset::Binary);
        assert_eq!(DataCoding(0xF0).message_class(), Some(0));
        assert_eq!(DataCoding(0x11).message_class(), Some(1));
        assert_eq!(DataCoding(0x08).message_class(), None);
    }

    #[test]
    fn accepted_is_not_final() {
        assert!(!MessageState::ACCEPTED.is_final());
        assert!(MessageState::SKIPPED.is_final());
    }
}
