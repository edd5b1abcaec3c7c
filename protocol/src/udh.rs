//! User data headers: elements in front of the text, and what a bridge needs of them
//! (3GPP TS 23.040 §9.2.3.24).

use bytes::Bytes;

use crate::coding::EsmClass;
use crate::gsm7::Shift;
use crate::national::Language;
use crate::tlv::{Tag, Tlvs};

/// Identifiers of the elements this crate reads or writes.
pub mod element_id {
    /// Concatenation with an 8-bit reference.
    pub const CONCATENATION_8: u8 = 0x00;
    /// Application ports of 8 bits.
    pub const PORTS_8: u8 = 0x04;
    /// Application ports of 16 bits.
    pub const PORTS_16: u8 = 0x05;
    /// Concatenation with a 16-bit reference.
    pub const CONCATENATION_16: u8 = 0x08;
    /// The language behind an escape.
    pub const SINGLE_SHIFT: u8 = 0x24;
    /// The language of plain septets.
    pub const LOCKING_SHIFT: u8 = 0x25;
}

/// A header, without its length octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udh<'a> {
    elements: &'a [u8],
}

/// One element of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is.
    pub id: u8,
    /// Its data.
    pub data: &'a [u8],
}

/// The header's length octet promises more octets than there are, or is itself missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdhOverrun;

impl std::fmt::Display for UdhOverrun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the user data header is longer than the user data")
    }
}

impl std::error::Error for UdhOverrun {}

/// Splits user data into its header and what follows.
///
/// # Errors
/// If the header is longer than the user data.
pub fn parse(user_data: &[u8]) -> Result<(Udh<'_>, &[u8]), UdhOverrun> {
    let (length, rest) = user_data.split_first().ok_or(UdhOverrun)?;
    let (elements, text) = rest
        .split_at_checked(usize::from(*length))
        .ok_or(UdhOverrun)?;
    Ok((Udh { elements }, text))
}

impl<'a> Udh<'a> {
    /// The elements in order, up to the first that runs past the header.
    pub fn iter(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut rest = self.elements;
        std::iter::from_fn(move || {
            let [id, length, behind @ ..] = rest else {
                return None;
            };
            let (data, behind) = behind.split_at_checked(usize::from(*length))?;
            rest = behind;
            Some(Element { id: *id, data })
        })
    }

    /// Octets of the header, its length octet included.
    #[must_use]
    pub fn octets(&self) -> usize {
        1 + self.elements.len()
    }

    /// Bits between the header and text packed in septets, 0 to 6.
    #[must_use]
    pub fn fill_bits(&self) -> u8 {
        ((7 - self.octets() * 8 % 7) % 7) as u8
    }

    /// Which part of which message this is. `None` if there is no such element, or if it says one
    /// part or makes no sense; the text then stands alone. Of several elements the last counts.
    #[must_use]
    pub fn concatenation(&self) -> Option<Concatenation> {
        let last = self
            .iter()
            .filter_map(|element| match (element.id, element.data) {
                (element_id::CONCATENATION_8, &[reference, total, part]) => Some(Concatenation {
                    reference: u16::from(reference),
                    total,
                    part,
                    width: ReferenceWidth::Bits8,
                }),
                (element_id::CONCATENATION_16, &[high, low, total, part]) => Some(Concatenation {
                    reference: u16::from_be_bytes([high, low]),
                    total,
                    part,
                    width: ReferenceWidth::Bits16,
                }),
                _ => None,
            });
        last.last()?.checked()
    }

    /// The application ports, if any.
    #[must_use]
    pub fn ports(&self) -> Option<Ports> {
        let last = self
            .iter()
            .filter_map(|element| match (element.id, element.data) {
                (element_id::PORTS_8, &[destination, source]) => Some(Ports {
                    destination: u16::from(destination),
                    source: u16::from(source),
                }),
                (element_id::PORTS_16, &[d1, d2, s1, s2]) => Some(Ports {
                    destination: u16::from_be_bytes([d1, d2]),
                    source: u16::from_be_bytes([s1, s2]),
                }),
                _ => None,
            });
        last.last()
    }

    /// The tables that 7-bit text is read by; unknown languages count as not named.
    #[must_use]
    pub fn shift(&self) -> Shift {
        let mut shift = Shift::DEFAULT;
        for element in self.iter() {
            match (element.id, element.data) {
                (element_id::SINGLE_SHIFT, &[language]) => shift.single = Language(language),
                (element_id::LOCKING_SHIFT, &[language]) => shift.locking = Language(language),
                _ => {}
            }
        }
        shift.known()
    }
}

/// Application ports: the text is for a program, not for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Port of the receiver.
    pub destination: u16,
    /// Port of the sender.
    pub source: u16,
}

/// How a reference was written; equal numbers of different widths are different references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceWidth {
    /// Header element 0x00.
    Bits8,
    /// Header element 0x08.
    Bits16,
    /// The TLV `sar_msg_ref_num`.
    Sar,
}

/// One part of a message in several: `part` of `total`, both from 1, `total` at least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concatenation {
    /// The same in all parts.
    pub reference: u16,
    /// How many parts.
    pub total: u8,
    /// Which one this is.
    pub part: u8,
    /// How the reference was written.
    pub width: ReferenceWidth,
}

impl Concatenation {
    fn checked(self) -> Option<Self> {
        (self.total >= 2 && (1..=self.total).contains(&self.part)).then_some(self)
    }
}

/// Which part a PDU is, by header or by `sar_*` TLVs; the header wins.
#[must_use]
pub fn concatenation(esm_class: EsmClass, user_data: &[u8], tlvs: &Tlvs) -> Option<Concatenation> {
    let by_header = header(esm_class, user_data).and_then(|udh| udh.concatenation());
    by_header.or_else(|| {
        let part = Concatenation {
            reference: tlvs.get_u16(Tag::SAR_MSG_REF_NUM)?,
            total: tlvs.get_u8(Tag::SAR_TOTAL_SEGMENTS)?,
            part: tlvs.get_u8(Tag::SAR_SEGMENT_SEQNUM)?,
            width: ReferenceWidth::Sar,
        };
        part.checked()
    })
}

/// Application ports, by header or by TLVs; the header wins.
#[must_use]
pub fn ports(esm_class: EsmClass, user_data: &[u8], tlvs: &Tlvs) -> Option<Ports> {
    header(esm_class, user_data)
        .and_then(|udh| udh.ports())
        .or_else(|| {
            Some(Ports {
                destination: tlvs.get_u16(Tag::DEST_PORT)?,
                source: tlvs.get_u16(Tag::SOURCE_PORT).unwrap_or(0),
            })
        })
}

/// The header, if `esm_class` announces one and it is there.
#[must_use]
pub fn header(esm_class: EsmClass, user_data: &[u8]) -> Option<Udh<'_>> {
    if !esm_class.has_udh() {
        return None;
    }
    parse(user_data).ok().map(|(udh, _)| udh)
}

/// Whether user data begins like a header for concatenation although nothing announces one.
///
/// Some SMSCs forget to. The same octets are legal GSM characters, so this is for gateways that are
/// known to need it; then read the message as if [`EsmClass::UDH`] were set.
#[must_use]
pub fn looks_concatenated(user_data: &[u8]) -> bool {
    match user_data {
        [5, 0, 3, _, total, part, ..] | [6, 8, 4, _, _, total, part, ..] => {
            *total >= 2 && (1..=*total).contains(part)
        }
        _ => false,
    }
}

/// The user data without its header; all of it if there is none, or if it is broken.
#[must_use]
pub fn strip_udh(esm_class: EsmClass, user_data: &Bytes) -> Bytes {
    match header(esm_class, user_data) {
        Some(udh) => user_data.slice(udh.octets()..),
        None => user_data.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_concatenation_is_found_behind_other_elements() {
        let (udh, text) = parse(b"\x0b\x05\x04\x15\x82\x00\x00\x00\x03\x07\x02\x01x").unwrap();
        assert_eq!(text, b"x");
        let part = udh.concatenation().unwrap();
        assert_eq!((part.reference, part.total, part.part), (7, 2, 1));
        assert_eq!(
            udh.ports(),
            Some(Ports {
                destination: 5506,
                source: 0
            })
        );
        assert_eq!(udh.fill_bits(), 2);
    }

    #[test]
    fn senseless_numbers_mean_a_message_alone() {
        for element in [[1u8, 0, 0], [1, 2, 0], [1, 2, 3], [1, 1, 1]] {
            let user_data = [&[5, 0, 3][..], &element, b"x"].concat();
            assert_eq!(
                concatenation(EsmClass::UDH, &user_data, &Tlvs::new()),
                None,
                "{element:?}"
            );
        }
    }

    #[test]
    fn an_element_past_the_end_is_dropped_with_all_behind_it() {
        let (udh, text) = parse(b"\x04\x70\x01\x01\x00x").unwrap();
        assert_eq!(udh.iter().count(), 1);
        assert_eq!(text, b"x");
        assert_eq!(parse(b"\x05abc"), Err(UdhOverrun));
        assert_eq!(parse(b""), Err(UdhOverrun));
    }

    #[test]
    fn a_header_that_nothing_announces_can_be_recognised() {
        assert!(looks_concatenated(b"\x05\x00\x03\x2a\x02\x01part"));
        assert!(looks_concatenated(b"\x06\x08\x04\x12\x34\x02\x02part"));
        assert!(!looks_concatenated(b"\x05\x00\x03\x2a\x02\x03part"));
        assert!(!looks_concatenated(b"\x05\x00\x03"));
    }

    #[test]
    fn the_header_wins_over_sar_tlvs() {
        let mut tlvs = Tlvs::new();
        tlvs.push_u16(Tag::SAR_MSG_REF_NUM, 900);
        tlvs.push_u8(Tag::SAR_TOTAL_SEGMENTS, 3);
        tlvs.push_u8(Tag::SAR_SEGMENT_SEQNUM, 2);
        let part = concatenation(EsmClass::UDH, b"\x05\x00\x03\x07\x02\x01x", &tlvs).unwrap();
        assert_eq!((part.reference, part.width), (7, ReferenceWidth::Bits8));
        let part = concatenation(EsmClass::DEFAULT, b"x", &tlvs).unwrap();
        assert_eq!((part.reference, part.width), (900, ReferenceWidth::Sar));
    }
}
