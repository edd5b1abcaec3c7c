//! `esm_class`: three fields in one octet, of which the type is the one that matters most.

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
}
