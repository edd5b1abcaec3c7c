//! The one-octet fields: type of number, message class, data coding, version.
//!
//! Each is an open newtype, so reserved values survive; methods answer the questions a bridge asks
//! of the bits (SMPP 3.4 §5.2, 5.0 §4.7).

mod data_coding;
mod esm_class;

use crate::names::names;

pub use data_coding::{Charset, DataCoding};
pub use esm_class::{EsmClass, MessageType};

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
    fn accepted_is_not_final() {
        assert!(!MessageState::ACCEPTED.is_final());
        assert!(MessageState::SKIPPED.is_final());
    }
}
