//! A text cut into segments under a data coding of the caller's choice.

use super::assemble::assemble;
use super::{Concat, Limits, SEGMENT_OCTETS_MAX, Segment, TooLong};
use crate::coding::{Charset, DataCoding};
use crate::gsm7::Shift;
use crate::text::{Alphabet, Encoding, encode, lossy, write};

/// Why a text cannot be sent under a data coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// A character would be lost.
    Lossy {
        /// Its place in octets of UTF-8.
        at: usize,
        /// The first of them.
        character: char,
    },
    /// The data coding is none of text, or of packed septets, which are not cut here.
    NoText,
    /// It would take too many segments.
    TooLong(TooLong),
}

impl std::fmt::Display for SplitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lossy { at, character } => {
                write!(
                    f,
                    "{character:?} at octet {at} has no place in the alphabet"
                )
            }
            Self::NoText => f.write_str("no text can be cut under this data coding"),
            Self::TooLong(too_long) => too_long.fmt(f),
        }
    }
}

impl std::error::Error for SplitError {}

/// Encodes a text as [`text::encode`](crate::text::encode) does and cuts it between characters.
/// A segment holds 160 septets of GSM 7-bit alone and 153 beside others; of anything else 140
/// octets and 134 (one less with [`Concat::Udh16`]).
///
/// # Errors
/// If a character would be lost, or there would be more than
/// [`SEGMENTS_MAX`](super::SEGMENTS_MAX) segments.
pub fn split_as(
    text: &str,
    data_coding: DataCoding,
    default_alphabet: Alphabet,
    concat: Concat,
) -> Result<Vec<Segment>, SplitError> {
    let (single_max, part_max) =
        limits(data_coding, default_alphabet, concat).ok_or(SplitError::NoText)?;
    let whole = encode(text, data_coding, default_alphabet).ok_or_else(|| {
        let first = lossy(text, data_coding, default_alphabet).next();
        let (at, character) = first.unwrap_or((text.len(), char::REPLACEMENT_CHARACTER));
        SplitError::Lossy { at, character }
    })?;
    let pieces = if whole.len() <= single_max {
        vec![whole]
    } else {
        let is_stateful = data_coding.charset() == Charset::Iso2022Jp;
        cut(text, part_max, is_stateful, |piece| {
            write(piece, data_coding, default_alphabet).unwrap_or_default()
        })
    };
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    assemble(&pieces, data_coding, concat, Shift::DEFAULT).map_err(SplitError::TooLong)
}

/// Octets of `short_message` that one segment alone holds, and each of several; `None` if the data
/// coding is none of text that can be cut.
fn limits(
    data_coding: DataCoding,
    default_alphabet: Alphabet,
    concat: Concat,
) -> Option<(usize, usize)> {
    let is_septets = match (data_coding.charset(), default_alphabet) {
        (Charset::Binary, _) => return None,
        (Charset::SmscDefault | Charset::Gsm7, Alphabet::GsmPacked) => return None,
        (Charset::SmscDefault, Alphabet::Auto | Alphabet::Gsm) | (Charset::Gsm7, _) => true,
        _ => false,
    };
    if is_septets {
        let limits = Limits::new(Encoding::Gsm7, concat, Shift::DEFAULT);
        return Some((limits.single_max, limits.part_max));
    }
    let part_max = SEGMENT_OCTETS_MAX - 1 - concat.element_octets();
    Some((SEGMENT_OCTETS_MAX, part_max))
}

/// Fills one piece after another with whole characters, each piece encoded by itself.
fn cut(
    text: &str,
    octets_max: usize,
    is_stateful: bool,
    encode: impl Fn(&str) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let end = if is_stateful {
            stateful_end(rest, octets_max, &encode)
        } else {
            end(rest, octets_max, &encode)
        };
        let (piece, behind) = rest.split_at(end);
        pieces.push(encode(piece));
        rest = behind;
    }
    pieces
}

/// Where the first piece ends, if what a character takes depends on nothing else.
fn end(text: &str, octets_max: usize, encode: impl Fn(&str) -> Vec<u8>) -> usize {
    let mut octets = 0;
    for (at, character) in text.char_indices() {
        octets += encode(&text[at..at + character.len_utf8()]).len();
        if octets > octets_max {
            return at;
        }
    }
    text.len()
}

/// Where the first piece ends in ISO-2022-JP, where characters of one set share an escape.
fn stateful_end(text: &str, octets_max: usize, encode: impl Fn(&str) -> Vec<u8>) -> usize {
    // No character takes less than an octet.
    let ends: Vec<usize> = text
        .char_indices()
        .map(|(at, character)| at + character.len_utf8())
        .take(octets_max)
        .collect();
    let fitting = ends.partition_point(|&end| encode(&text[..end]).len() <= octets_max);
    ends[fitting.max(1) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str, data_coding: DataCoding, alphabet: Alphabet) -> Vec<usize> {
        split_as(text, data_coding, alphabet, Concat::Udh8(1))
            .unwrap()
            .iter()
            .map(|segment| segment.short_message.len())
            .collect()
    }

    #[test]
    fn limits_are_those_of_the_alphabet() {
        let latin = Alphabet::Latin1;
        assert_eq!(
            lengths(&"a".repeat(160), DataCoding::DEFAULT, Alphabet::Gsm),
            [160]
        );
        assert_eq!(
            lengths(&"a".repeat(161), DataCoding::DEFAULT, Alphabet::Gsm),
            [159, 14]
        );
        assert_eq!(lengths(&"é".repeat(140), DataCoding::DEFAULT, latin), [140]);
        assert_eq!(
            lengths(&"é".repeat(141), DataCoding::DEFAULT, latin),
            [140, 13]
        );
        assert_eq!(
            lengths(&"Ж".repeat(141), DataCoding::CYRILLIC, latin),
            [140, 13]
        );
        assert_eq!(lengths(&"a".repeat(71), DataCoding::UCS2, latin), [140, 14]);
    }

    #[test]
    #[cfg(feature = "cjk")]
    fn a_character_of_two_octets_is_not_cut() {
        let text = format!("a{}", "日".repeat(100));
        for data_coding in [DataCoding::JIS, DataCoding::EXTENDED_KANJI] {
            assert_eq!(
                lengths(&text, data_coding, Alphabet::Gsm),
                [6 + 133, 6 + 68]
            );
        }
        // Of 134 octets in ISO-2022-JP, six announce the kanji and their end.
        let kanji = "日".repeat(100);
        assert_eq!(
            lengths(&kanji, DataCoding::MUSIC, Alphabet::Gsm),
            [140, 6 + 6 + 72]
        );
    }

    #[test]
    fn a_long_text_may_leave_the_cutting_to_the_smsc() {
        let text = "Ж".repeat(300);
        let segments = split_as(&text, DataCoding::CYRILLIC, Alphabet::Gsm, Concat::Payload);
        let [segment] = &segments.unwrap()[..] else {
            panic!("one segment")
        };
        assert!(segment.short_message.is_empty());
        assert_eq!(
            segment.tlvs.get(crate::Tag::MESSAGE_PAYLOAD).unwrap().len(),
            300
        );
    }

    #[test]
    fn what_would_be_lost_is_named() {
        let split = |text, data_coding| {
            split_as(text, data_coding, Alphabet::Gsm, Concat::Udh8(1)).unwrap_err()
        };
        let (at, character) = (1, 'я');
        assert_eq!(
            split("aя", DataCoding::LATIN1),
            SplitError::Lossy { at, character }
        );
        assert_eq!(split("a", DataCoding::BINARY), SplitError::NoText);
        let long = "я".repeat(134 * 255 + 1);
        let parts = 256;
        let too_long = SplitError::TooLong(TooLong { parts });
        assert_eq!(split(&long, DataCoding::CYRILLIC), too_long);
    }
}
