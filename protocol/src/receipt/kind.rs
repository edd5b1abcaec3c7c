//! Whether a message from the SMSC is a receipt.
//!
//! The type bits decide where they are set right. Many SMSCs leave them at zero, so TLVs and text
//! can make a receipt too; but anyone can type the text of one, so then the id has to belong to a
//! message of this gateway, which only its owner can tell.

use super::Receipt;
use crate::coding::{EsmClass, MessageType};
use crate::pdu::{DataSm, DeliverSm};
use crate::tlv::{Tag, Tlvs};

/// What a message from the SMSC is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A receipt, without doubt; readable or not, never a message for people.
    Receipt,
    /// A state on the way.
    Intermediate,
    /// A receipt if its id belongs to an open message of this gateway, else a message.
    MaybeReceipt(Evidence),
    /// A message for people or programs.
    Message,
}

/// Why something may be a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The TLV `receipted_message_id` is there.
    Tlv,
    /// Only the text reads like one: the addresses have to fit, too.
    Text,
}

/// Tells what a `deliver_sm` is.
#[must_use]
pub fn classify(pdu: &DeliverSm) -> Kind {
    classify_fields(pdu.esm_class, &pdu.tlvs, || Receipt::from_pdu(pdu))
}

/// Tells what a `data_sm` is.
#[must_use]
pub fn classify_data_sm(pdu: &DataSm) -> Kind {
    classify_fields(pdu.esm_class, &pdu.tlvs, || Receipt::from_data_sm(pdu))
}

fn classify_fields(esm_class: EsmClass, tlvs: &Tlvs, read: impl Fn() -> Receipt) -> Kind {
    match esm_class.message_type() {
        MessageType::Receipt => return Kind::Receipt,
        MessageType::Intermediate => return Kind::Intermediate,
        MessageType::Normal
        | MessageType::DeliveryAcknowledgement
        | MessageType::UserAcknowledgement
        | MessageType::ConversationAbort
        | MessageType::Reserved(_) => {}
    }
    match (
        tlvs.contains(Tag::RECEIPTED_MESSAGE_ID),
        tlvs.contains(Tag::MESSAGE_STATE),
    ) {
        (true, true) => Kind::Receipt,
        (true, false) => Kind::MaybeReceipt(Evidence::Tlv),
        (false, _) if read().is_receipt() => Kind::MaybeReceipt(Evidence::Text),
        (false, _) => Kind::Message,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn kind(esm_class: u8, text: &'static str, tags: &[Tag]) -> Kind {
        let mut pdu = DeliverSm {
            esm_class: EsmClass(esm_class),
            short_message: Bytes::from_static(text.as_bytes()),
            ..DeliverSm::default()
        };
        for tag in tags {
            pdu.tlvs.push_u8(*tag, 2);
        }
        classify(&pdu)
    }

    #[test]
    fn type_bits_then_tlvs_then_text_make_a_receipt() {
        let both = [Tag::RECEIPTED_MESSAGE_ID, Tag::MESSAGE_STATE];
        let text = "id:1 stat:DELIVRD";
        let cases = [
            (kind(0x04, "what?", &[]), Kind::Receipt),
            (kind(0x44, "", &[]), Kind::Receipt),
            (kind(0x20, text, &both), Kind::Intermediate),
            (kind(0x00, "", &both), Kind::Receipt),
            (kind(0x08, "", &both), Kind::Receipt),
            (
                kind(0x00, text, &both[..1]),
                Kind::MaybeReceipt(Evidence::Tlv),
            ),
            (
                kind(0x00, text, &both[1..]),
                Kind::MaybeReceipt(Evidence::Text),
            ),
            (kind(0x08, text, &[]), Kind::MaybeReceipt(Evidence::Text)),
            (kind(0x00, "hello", &[]), Kind::Message),
            (kind(0x08, "hello", &[]), Kind::Message),
        ];
        for (index, (found, expected)) in cases.into_iter().enumerate() {
            assert_eq!(found, expected, "case {index}");
        }
    }
}
