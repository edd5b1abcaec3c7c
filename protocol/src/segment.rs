//! A text cut into segments, each carried by one `submit_sm`, and how many there will be.
//!
//! One segment takes 140 octets on the air, header included. Neither an escape and its septet nor
//! a surrogate pair is split; the segment that would end there is one unit shorter, so there may
//! be more segments than division says. [`preview`] and [`split`] always agree.
//!
//! [`split`] chooses between GSM 7-bit and UTF-16 by itself; [`split_as`] takes the data coding it
//! is told, and cuts between characters there, too.

mod assemble;
mod coded;
mod cost;

use bytes::Bytes;

use crate::coding::{DataCoding, EsmClass};
use crate::gsm7::{self, ESCAPE, Shift};
use crate::text::{Encoding, encode_ucs2};
use crate::tlv::Tlvs;

use assemble::{assemble, pieces};
use cost::{Limits, units_in};

pub use coded::{SplitError, split_as};
pub use cost::{Outline, Preview, outline, preview, preview_with, split_points};

/// Octets of user data one segment has on the air.
pub const SEGMENT_OCTETS_MAX: usize = 140;

/// Segments a message can count.
pub const SEGMENTS_MAX: usize = 255;

/// How the segments of a long text are told to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concat {
    /// A header with this 8-bit reference; understood nearly everywhere.
    Udh8(u8),
    /// A header with this 16-bit reference.
    Udh16(u16),
    /// The TLVs `sar_*` with this reference.
    Sar(u16),
    /// Not at all: a long text goes whole into `message_payload`, and the SMSC splits it.
    Payload,
}

impl Concat {
    /// What is possible with these tables: they need a header, and a header must not meet `sar_*`.
    fn beside(self, shift: Shift) -> Self {
        match self {
            Self::Sar(reference) if shift != Shift::DEFAULT => Self::Udh16(reference),
            concat => concat,
        }
    }

    /// Octets of the concatenation element, as far as the header is ours or will be the SMSC's.
    fn element_octets(self) -> usize {
        match self {
            Self::Udh8(_) | Self::Sar(_) | Self::Payload => 5,
            Self::Udh16(_) => 6,
        }
    }
}

/// One piece of a message, ready for the fields of `submit_sm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Says whether a header is in front.
    pub esm_class: EsmClass,
    /// 0 or 8 unless told otherwise; a gateway may want another value for the same alphabet.
    pub data_coding: DataCoding,
    /// Header and text; empty if the text is in `message_payload`.
    pub short_message: Bytes,
    /// `sar_*` or `message_payload`.
    pub tlvs: Tlvs,
    /// Which piece, from 1.
    pub part: u8,
    /// Of how many.
    pub total: u8,
}

/// More segments than can be counted, or a payload longer than a TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Segments it would take.
    pub parts: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the text would take {} segments", self.parts)
    }
}

impl std::error::Error for TooLong {}

/// Encodes a text and cuts it into segments, without national tables.
///
/// # Errors
/// If it would take more than [`SEGMENTS_MAX`].
pub fn split(text: &str, concat: Concat) -> Result<Vec<Segment>, TooLong> {
    split_with(text, concat, Shift::DEFAULT)
}

/// Encodes a text by the given tables and cuts it into segments. National tables need a header,
/// and a header must not meet `sar_*` TLVs, so [`Concat::Sar`] then becomes [`Concat::Udh16`].
///
/// # Errors
/// If it would take more than [`SEGMENTS_MAX`].
pub fn split_with(text: &str, concat: Concat, shift: Shift) -> Result<Vec<Segment>, TooLong> {
    let shift = shift.known();
    let (encoding, shift, octets) = match shift.encode(text) {
        Some(septets) => (Encoding::Gsm7, shift, septets),
        None => (Encoding::Ucs2, Shift::DEFAULT, encode_ucs2(text)),
    };
    let concat = concat.beside(shift);
    let limits = Limits::new(encoding, concat, shift);
    let unit_octets = match encoding {
        Encoding::Gsm7 => 1,
        Encoding::Ucs2 => 2,
    };
    let is_single = octets.len() <= limits.single_max * unit_octets;
    let octets_max = if is_single {
        usize::MAX
    } else {
        limits.part_max * unit_octets
    };
    let pieces = pieces(&octets, octets_max, |before_cut| {
        match (encoding, before_cut) {
            (Encoding::Gsm7, [.., ESCAPE]) => 1,
            // A high surrogate.
            (Encoding::Ucs2, [.., 0xD8..=0xDB, _]) => 2,
            _ => 0,
        }
    });
    assemble(&pieces, encoding.data_coding(), concat, shift)
}

/// Cuts octets that are no text. `data` has no header of its own.
///
/// # Errors
/// If it would take more than [`SEGMENTS_MAX`].
pub fn split_binary(
    data: &[u8],
    data_coding: DataCoding,
    concat: Concat,
) -> Result<Vec<Segment>, TooLong> {
    let part_max = SEGMENT_OCTETS_MAX - 1 - concat.element_octets();
    let octets_max = if data.len() <= SEGMENT_OCTETS_MAX {
        usize::MAX
    } else {
        part_max
    };
    assemble(
        &pieces(data, octets_max, |_| 0),
        data_coding,
        concat,
        Shift::DEFAULT,
    )
}

/// One segment: a text behind a user data header of the caller's own, complete with its
/// length octet.
///
/// Whether both fit is for [`fits_behind`] to say.
pub fn with_header(header: &[u8], text: &str) -> Segment {
    let (encoding, octets) = match gsm7::encode(text) {
        Some(septets) => (Encoding::Gsm7, septets),
        None => (Encoding::Ucs2, encode_ucs2(text)),
    };
    Segment {
        esm_class: EsmClass::UDH,
        data_coding: encoding.data_coding(),
        short_message: [header, &octets].concat().into(),
        tlvs: Tlvs::default(),
        part: 1,
        total: 1,
    }
}

/// True when the text, in septets after fill bits or in 16-bit units, has room in the 140
/// octets of one message behind a header of so many octets (3GPP TS 23.040 §9.2.3.24).
pub fn fits_behind(header_octets: usize, text: &str) -> bool {
    let (encoding, units) = match gsm7::septets(text) {
        Some(septets) => (Encoding::Gsm7, septets),
        None => (Encoding::Ucs2, text.encode_utf16().count()),
    };
    units_behind(header_octets, encoding).is_some_and(|room| units <= room)
}

/// Septets, or 16-bit units, that have room in one message behind a header of so many octets;
/// `None`: the header alone is too long.
pub fn units_behind(header_octets: usize, encoding: Encoding) -> Option<usize> {
    (header_octets <= SEGMENT_OCTETS_MAX).then(|| units_in(encoding, header_octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::national::Language;
    use crate::tlv::Tag;

    #[test]
    fn the_vectors_of_the_contract_hold() {
        let repeat = |text: &str, times: usize| text.repeat(times);
        let cases = [
            (repeat("a", 160), false, 1),
            (repeat("a", 161), false, 2),
            (repeat("a", 306), false, 2),
            (repeat("a", 307), false, 3),
            (repeat("a", 459), false, 3),
            (repeat("a", 460), false, 4),
            (repeat("€", 80), false, 1),
            (repeat("€", 81), false, 2),
            (repeat("a", 158) + "€", false, 1),
            (repeat("a", 159) + "€", false, 2),
            (repeat("a", 152) + "€" + &repeat("a", 152), false, 3),
            (repeat("€", 153), false, 3),
            (repeat("я", 70), true, 1),
            (repeat("я", 71), true, 2),
            (repeat("я", 134), true, 2),
            (repeat("я", 135), true, 3),
            (repeat("🎉", 35), true, 1),
            (repeat("🎉", 36), true, 2),
            (repeat("🎉", 67), true, 3),
            (repeat("я", 66) + "🎉" + &repeat("я", 66), true, 3),
            ("Façade".to_owned(), true, 1),
            ("ÇA VA".to_owned(), false, 1),
            (repeat("a", 1000), false, 7),
            (repeat("я", 1000), true, 15),
            (repeat("a", 1600), false, 11),
            (repeat("я", 1600), true, 24),
            (String::new(), false, 1),
        ];
        for (text, unicode, parts) in cases {
            let preview = preview(&text);
            assert_eq!(
                (preview.is_unicode(), preview.parts),
                (unicode, parts),
                "{text}"
            );
            let segments = split(&text, Concat::Udh8(7)).unwrap();
            assert_eq!(segments.len(), parts, "{text}");
        }
    }

    #[test]
    fn a_header_of_the_callers_stands_in_front() {
        let header = [6, 5, 4, 0x0B, 0x84, 0x23, 0xF0];
        let segment = with_header(&header, "x");
        assert!(segment.esm_class.has_udh());
        assert_eq!(segment.short_message, [&header[..], b"x"].concat());
        // 133 octets are left: 152 septets or 66 units.
        assert!(fits_behind(7, &"a".repeat(152)));
        assert!(!fits_behind(7, &"a".repeat(153)));
        assert!(fits_behind(7, &"я".repeat(66)));
        assert!(!fits_behind(7, &"я".repeat(67)));
        assert!(fits_behind(140, "") && !fits_behind(141, ""));
        assert_eq!(units_behind(7, Encoding::Gsm7), Some(152));
        assert_eq!(units_behind(7, Encoding::Ucs2), Some(66));
        assert_eq!(units_behind(141, Encoding::Gsm7), None);
    }

    #[test]
    fn every_way_of_concatenation_marks_its_segments() {
        let text = "a".repeat(161);
        let udh = split(&text, Concat::Udh8(7)).unwrap();
        assert_eq!(udh[1].short_message[..7], [5, 0, 3, 7, 2, 2, b'a']);
        assert!(udh.iter().all(|segment| segment.esm_class.has_udh()));
        let wide = split(&text, Concat::Udh16(0x1234)).unwrap();
        assert_eq!(
            wide[0].short_message[..8],
            [6, 8, 4, 0x12, 0x34, 2, 1, b'a']
        );
        assert_eq!(wide[0].short_message.len(), 7 + 152);
        let sar = split(&text, Concat::Sar(900)).unwrap();
        assert_eq!(sar[0].short_message.len(), 153);
        assert_eq!(sar[1].tlvs.get_u8(Tag::SAR_SEGMENT_SEQNUM), Some(2));
        assert_eq!(sar[1].esm_class, EsmClass::DEFAULT);
        let payload = split(&text, Concat::Payload).unwrap();
        assert_eq!(payload.len(), 1);
        assert!(payload[0].short_message.is_empty());
        assert_eq!(
            payload[0].tlvs.get(Tag::MESSAGE_PAYLOAD).unwrap().len(),
            161
        );
    }

    #[test]
    fn a_short_text_is_marked_in_no_way() {
        for concat in [
            Concat::Udh8(1),
            Concat::Udh16(1),
            Concat::Sar(1),
            Concat::Payload,
        ] {
            let segments = split("hi", concat).unwrap();
            assert_eq!(segments.len(), 1);
            assert_eq!(segments[0].short_message, "hi");
            assert_eq!(segments[0].esm_class, EsmClass::DEFAULT);
            assert!(segments[0].tlvs.is_empty());
        }
    }

    #[test]
    fn a_text_of_more_than_255_segments_is_refused() {
        assert_eq!(
            split(&"a".repeat(255 * 153), Concat::Udh8(0))
                .unwrap()
                .len(),
            255
        );
        let error = split(&"a".repeat(255 * 153 + 1), Concat::Udh8(0)).unwrap_err();
        assert_eq!(error, TooLong { parts: 256 });
        assert!(split(&"a".repeat(65_536), Concat::Payload).is_err());
    }

    #[test]
    fn binary_is_cut_at_134_octets() {
        let data = vec![7; 300];
        let segments = split_binary(&data, DataCoding::BINARY, Concat::Udh8(9)).unwrap();
        let lengths: Vec<usize> = segments.iter().map(|one| one.short_message.len()).collect();
        assert_eq!(lengths, [140, 140, 38]);
        assert_eq!(
            split_binary(&data[..140], DataCoding::BINARY, Concat::Udh8(9))
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn national_tables_are_announced_in_every_segment() {
        let shift = Shift {
            locking: Language::DEFAULT,
            single: Language::TURKISH,
        };
        let segments = split_with(&"ş".repeat(78), Concat::Sar(5), shift).unwrap();
        assert_eq!(segments.len(), 2);
        for segment in segments {
            let (udh, _) = crate::udh::parse(&segment.short_message).unwrap();
            assert_eq!(udh.shift(), shift);
            assert_eq!(udh.concatenation().unwrap().reference, 5);
        }
    }
}
