//! Delivery receipts: what they say, from TLVs and from the text that 3.4's Appendix B suggests.
//!
//! The TLVs are the authority and the text is the fallback, and the only carrier of dates. Since
//! every SMSC writes the text a little differently, nothing in it is required: a receipt with an
//! id and nothing else is still a receipt.

mod date;
pub mod id;
mod kind;
mod labels;
mod state;
mod usual;
mod write;

use std::borrow::Cow;

use bytes::Bytes;

use crate::c_octet_string::COctetString;
use crate::coding::{DataCoding, EsmClass, MessageState};
use crate::pdu::{DataSm, DeliverSm};
use crate::text::{ByteOrder, DecodedText, TextOptions, decode_user_data};
use crate::tlv::{Tag, Tlv, Tlvs};
use crate::udh;

pub use date::ReceiptDate;
pub use kind::{Evidence, Kind, classify, classify_data_sm};
pub use state::ReceiptState;
pub use write::ReceiptText;

/// What a receipt says. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id by the text, without the separators around it. Never a number: ids of 20
    /// digits, letters and dashes occur.
    pub id: Option<COctetString>,
    /// The message's id by the TLV `receipted_message_id`.
    pub receipted_message_id: Option<COctetString>,
    /// Messages submitted; more than one only for distribution lists.
    pub sub: Option<u16>,
    /// Messages delivered.
    pub dlvrd: Option<u16>,
    /// When it was submitted, by the SMSC's clock.
    pub submit_date: Option<ReceiptDate>,
    /// When it reached its state, by the SMSC's clock.
    pub done_date: Option<ReceiptDate>,
    /// The state's word, as written.
    pub stat: Option<COctetString>,
    /// The state by the TLV `message_state`.
    pub message_state: Option<MessageState>,
    /// The state both together mean: the TLV's, unless that is on the way only and the text names
    /// a final one.
    pub state: Option<ReceiptState>,
    /// The error, as written: digits, hexadecimal or a word.
    pub err: Option<COctetString>,
    /// The beginning of the message.
    pub text: Option<Bytes>,
    /// The error of the network by the TLV `network_error_code`.
    pub network_error_code: Option<NetworkErrorCode>,
    /// The sender's own number by the TLV `user_message_reference`.
    pub user_message_reference: Option<u16>,
}

/// A network's error: whose list of errors, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkErrorCode {
    /// Kind of network, such as 3 for GSM. `None` where the peer wrote three digits instead.
    pub network: Option<u8>,
    /// The code.
    pub code: u16,
}

impl Receipt {
    /// Reads the text of a receipt, whatever its encoding was. Of TLVs it knows nothing.
    #[must_use]
    pub fn parse_text(text: &[u8]) -> Self {
        labels::parse(&Bytes::copy_from_slice(text))
    }

    /// Reads a `deliver_sm` as a receipt. Whether it is one is for [`classify`] to say.
    #[must_use]
    pub fn from_pdu(pdu: &DeliverSm) -> Self {
        let options = &TextOptions::default();
        Self::from_fields(
            pdu.esm_class,
            pdu.data_coding,
            &pdu.user_data(),
            &pdu.tlvs,
            options,
        )
    }

    /// Reads a `data_sm` as a receipt.
    #[must_use]
    pub fn from_data_sm(pdu: &DataSm) -> Self {
        let options = &TextOptions::default();
        Self::from_fields(
            pdu.esm_class,
            pdu.data_coding,
            &pdu.user_data(),
            &pdu.tlvs,
            options,
        )
    }

    /// Reads the fields that matter, with what is known about the gateway's texts.
    #[must_use]
    pub fn from_fields(
        esm_class: EsmClass,
        data_coding: DataCoding,
        user_data: &Bytes,
        tlvs: &Tlvs,
        options: &TextOptions,
    ) -> Self {
        let mut receipt = Self::default();
        receipt.read_user_data(esm_class, data_coding, user_data, options);
        receipt.read_tlvs(tlvs);
        if let Some(by_tlv) = receipt.message_state.map(ReceiptState::from) {
            receipt.state = match receipt.state {
                Some(by_text) if by_text.is_final() && !by_tlv.is_final() => Some(by_text),
                _ => Some(by_tlv),
            };
        }
        receipt
    }

    /// The first TLV of each kind counts.
    fn read_tlvs(&mut self, tlvs: &Tlvs) {
        let (mut id, mut state, mut error, mut reference) = (None, None, None, None);
        for tlv in tlvs {
            let first = match tlv.tag {
                Tag::RECEIPTED_MESSAGE_ID => &mut id,
                Tag::MESSAGE_STATE => &mut state,
                Tag::NETWORK_ERROR_CODE => &mut error,
                Tag::USER_MESSAGE_REFERENCE => &mut reference,
                _ => continue,
            };
            first.get_or_insert(tlv);
        }
        let id = id.map(Tlv::cstr).filter(|id| !id.is_empty());
        self.receipted_message_id = id.map(|id| tlvs.own_text(id));
        self.message_state = state.and_then(message_state);
        self.network_error_code = error.and_then(network_error_code);
        self.user_message_reference = reference
            .and_then(Tlv::integer)
            .and_then(|number| number.try_into().ok());
    }

    /// The text as it is; if no state is found, as UTF-16; then as its data coding says. Many
    /// receipts are ASCII under any data coding.
    fn read_user_data(
        &mut self,
        esm_class: EsmClass,
        data_coding: DataCoding,
        user_data: &Bytes,
        options: &TextOptions,
    ) {
        let header = udh::header(esm_class, user_data);
        let header_octets = header.map_or(0, |udh| udh.octets());
        let stripped;
        let text = match header_octets {
            0 => user_data,
            octets => {
                stripped = user_data.slice(octets..);
                &stripped
            }
        };
        // A header that esm_class forgot to announce.
        if let [5, 0, 3, _, _, _, ..] = text[..] {
            labels::parse_into(self, &text.slice(6..));
            if self.is_receipt() {
                return;
            }
            *self = Self::default();
        }
        labels::parse_into(self, text);
        if self.stat.is_some() || text.is_empty() {
            return;
        }
        let utf_16 = || {
            decode_user_data(
                EsmClass::DEFAULT,
                text,
                DataCoding::UCS2,
                &TextOptions {
                    byte_order: ByteOrder::BigEndian,
                    ..*options
                },
            )
        };
        let declared = || decode_user_data(esm_class, user_data, data_coding, options);
        for content in [utf_16().content, declared().content] {
            if let DecodedText::Text(text) = content {
                let receipt = labels::parse(&Bytes::from(text));
                if receipt.stat.is_some() {
                    *self = receipt;
                    return;
                }
            }
        }
    }

    /// Whether the text alone would be taken for a receipt: a state this crate knows and an id or
    /// a date, or any state with both. A person may type that, so the id must be known as well.
    #[must_use]
    pub fn is_receipt(&self) -> bool {
        let has_date = self.submit_date.is_some() || self.done_date.is_some();
        match self
            .stat
            .as_ref()
            .map(|stat| ReceiptState::from_stat(stat.as_bytes()))
        {
            None => false,
            Some(ReceiptState::Unrecognised) => self.id.is_some() && has_date,
            Some(_) => self.id.is_some() || has_date,
        }
    }

    /// The ids to look for: the TLV's, then the text's if it differs.
    pub fn ids(&self) -> impl Iterator<Item = &COctetString> {
        let by_text = self
            .id
            .iter()
            .filter(|id| Some(*id) != self.receipted_message_id.as_ref());
        self.receipted_message_id.iter().chain(by_text)
    }

    /// Whether TLV and text name different states.
    #[must_use]
    pub fn states_differ(&self) -> bool {
        let by_text = self
            .stat
            .as_ref()
            .map(|stat| ReceiptState::from_stat(stat.as_bytes()));
        match (self.message_state.map(ReceiptState::from), by_text) {
            (Some(by_tlv), Some(by_text)) => by_tlv != by_text,
            _ => false,
        }
    }

    /// The beginning of the message for people, read as UTF-8.
    #[must_use]
    pub fn text_str(&self) -> Option<Cow<'_, str>> {
        self.text.as_ref().map(|text| String::from_utf8_lossy(text))
    }

    /// Writes the text of Appendix B; the same as [`ReceiptText::write`].
    #[must_use]
    pub fn write_text(receipt: &ReceiptText<'_>) -> Bytes {
        receipt.write()
    }
}

/// The state, of any integer width; some peers write an ASCII digit.
fn message_state(tlv: Tlv<'_>) -> Option<MessageState> {
    match u32::try_from(tlv.integer()?).ok()? {
        digit @ 0x30..=0x39 => Some(MessageState((digit - 0x30) as u8)),
        state => Some(u8::try_from(state).map_or(MessageState::UNKNOWN, MessageState)),
    }
}

/// Three octets, or three digits in the place of them.
fn network_error_code(tlv: Tlv<'_>) -> Option<NetworkErrorCode> {
    match *tlv.value {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            let digit = |octet: u8| u16::from(octet - b'0');
            let code = 100 * digit(a) + 10 * digit(b) + digit(c);
            Some(NetworkErrorCode {
                network: None,
                code,
            })
        }
        [network, high, low] => {
            let code = u16::from_be_bytes([high, low]);
            Some(NetworkErrorCode {
                network: Some(network),
                code,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(text: &[u8], data_coding: u8) -> DeliverSm {
        DeliverSm {
            esm_class: EsmClass::RECEIPT,
            data_coding: DataCoding(data_coding),
            short_message: Bytes::copy_from_slice(text),
            ..DeliverSm::default()
        }
    }

    const TEXT: &str = "id:42 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 \
                        stat:DELIVRD err:000 text:hi";

    #[test]
    fn the_text_is_read_whatever_its_coding() {
        let utf_16: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (text, data_coding) in [
            (TEXT.as_bytes(), 0),
            (TEXT.as_bytes(), 8),
            (&utf_16, 8),
            (&utf_16, 0),
        ] {
            let receipt = Receipt::from_pdu(&deliver(text, data_coding));
            assert_eq!(receipt.id.unwrap(), "42");
            assert_eq!(receipt.state, Some(ReceiptState::Delivered));
        }
    }

    #[test]
    fn a_header_in_front_is_skipped_announced_or_not() {
        let text = [&[5, 0, 3, 9, 2, 1], TEXT.as_bytes()].concat();
        let mut pdu = deliver(&text, 0);
        assert_eq!(Receipt::from_pdu(&pdu).id.unwrap(), "42");
        pdu.esm_class = EsmClass(0x44);
        assert_eq!(Receipt::from_pdu(&pdu).id.unwrap(), "42");
    }

    #[test]
    fn the_tlv_wins_unless_it_is_on_the_way_and_the_text_is_final() {
        let cases = [
            (MessageState::UNDELIVERABLE, ReceiptState::Undeliverable),
            (MessageState::ENROUTE, ReceiptState::Delivered),
            (MessageState::ACCEPTED, ReceiptState::Delivered),
            (MessageState::UNKNOWN, ReceiptState::Delivered),
            (MessageState(77), ReceiptState::Delivered),
        ];
        for (by_tlv, merged) in cases {
            let mut pdu = deliver(TEXT.as_bytes(), 0);
            pdu.tlvs.push_u8(Tag::MESSAGE_STATE, by_tlv.0);
            let receipt = Receipt::from_pdu(&pdu);
            assert_eq!(receipt.state, Some(merged), "{by_tlv}");
            assert!(receipt.states_differ());
        }
    }

    #[test]
    fn tlvs_are_read_in_the_widths_peers_write() {
        let mut pdu = deliver(b"", 0);
        pdu.tlvs.push_u32(Tag::MESSAGE_STATE, 2);
        pdu.tlvs.push(Tag::NETWORK_ERROR_CODE, &b"021"[..]);
        pdu.tlvs.push(Tag::RECEIPTED_MESSAGE_ID, &b" 00ab \0"[..]);
        let receipt = Receipt::from_pdu(&pdu);
        assert_eq!(receipt.state, Some(ReceiptState::Delivered));
        assert_eq!(
            receipt.network_error_code,
            Some(NetworkErrorCode {
                network: None,
                code: 21
            })
        );
        assert_eq!(
            receipt.ids().map(|id| id.to_str()).collect::<Vec<_>>(),
            ["00ab"]
        );
        let digit = Tlv {
            tag: Tag::MESSAGE_STATE,
            value: b"5",
        };
        assert_eq!(message_state(digit), Some(MessageState::UNDELIVERABLE));
    }

    #[test]
    fn the_tlv_id_is_looked_for_first() {
        let mut pdu = deliver(TEXT.as_bytes(), 0);
        pdu.tlvs.push_cstr(Tag::RECEIPTED_MESSAGE_ID, "2a");
        let receipt = Receipt::from_pdu(&pdu);
        assert_eq!(
            receipt.ids().map(|id| id.to_str()).collect::<Vec<_>>(),
            ["2a", "42"]
        );
    }
}
