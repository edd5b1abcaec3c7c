//! Octets of user data to text, by data coding and by what the SMSC's default alphabet is; and
//! which encoding an outgoing text needs.

mod charset;

use bytes::Bytes;

use crate::coding::{Charset, DataCoding, EsmClass};
use crate::gsm7::{self, Shift};
use crate::udh;

/// What an SMSC means by data coding 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// By content: GSM if no octet has its high bit set, else UTF-8 if valid, else windows-1252.
    #[default]
    Auto,
    /// GSM 7-bit, one septet an octet.
    Gsm,
    /// GSM 7-bit, eight septets in seven octets.
    GsmPacked,
    /// ISO-8859-1.
    Latin1,
    /// ISO-8859-1 with printable characters at 0x80 to 0x9F.
    Windows1252,
    /// ASCII.
    Ascii,
    /// UTF-8.
    Utf8,
}

/// Which octet of a 16-bit unit comes first when no byte order mark says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The most significant, as the specification has it.
    #[default]
    BigEndian,
    /// The least significant, as some providers have it.
    LittleEndian,
}

/// How a gateway's incoming text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// What data coding 0 means.
    pub default_alphabet: Alphabet,
    /// Byte order of data coding 8 and its relatives.
    pub byte_order: ByteOrder,
}

/// User data for people or for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodedText {
    /// Text. What could not be read is U+FFFD.
    Text(String),
    /// No text by its coding, or in an alphabet not known here (JIS, Korean).
    Binary(Bytes),
}

/// Reads user data that has no header.
#[must_use]
pub fn decode(octets: &Bytes, data_coding: DataCoding, default_alphabet: Alphabet) -> DecodedText {
    let options = TextOptions {
        default_alphabet,
        ..TextOptions::default()
    };
    decode_shifted(octets, data_coding, &options, Shift::DEFAULT, 0)
}

/// User data, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData {
    /// What is behind the header.
    pub content: DecodedText,
    /// `esm_class` announces a header, and there is none that fits.
    pub udh_invalid: bool,
}

/// Reads user data with its header, if `esm_class` announces one. A header that does not fit is
/// taken for text if it looks like some, else everything is binary.
#[must_use]
pub fn decode_user_data(
    esm_class: EsmClass,
    user_data: &Bytes,
    data_coding: DataCoding,
    options: &TextOptions,
) -> UserData {
    let plain = |udh_invalid| UserData {
        content: decode_shifted(user_data, data_coding, options, Shift::DEFAULT, 0),
        udh_invalid,
    };
    if !esm_class.has_udh() {
        return plain(false);
    }
    match udh::header(esm_class, user_data) {
        Some(udh) => {
            let text = user_data.slice(udh.octets()..);
            let (shift, fill_bits) = (udh.shift(), udh.fill_bits());
            let content = decode_shifted(&text, data_coding, options, shift, fill_bits);
            UserData {
                content,
                udh_invalid: false,
            }
        }
        None if user_data.iter().all(is_printable) => plain(true),
        None => UserData {
            content: DecodedText::Binary(user_data.clone()),
            udh_invalid: true,
        },
    }
}

/// Characters that people type; a header is hardly ever made of them.
fn is_printable(octet: &u8) -> bool {
    matches!(octet, b'\n' | b'\r' | 0x20..=0x7E)
}

/// Reads text behind a header that named the tables `shift` and left `fill_bits` before the first
/// septet, which matters to packed text only.
pub(crate) fn decode_shifted(
    octets: &Bytes,
    data_coding: DataCoding,
    options: &TextOptions,
    shift: Shift,
    fill_bits: u8,
) -> DecodedText {
    let text = match data_coding.charset() {
        Charset::SmscDefault => match options.default_alphabet {
            Alphabet::Auto => auto(octets, shift),
            Alphabet::Gsm => shift.decode(octets),
            Alphabet::GsmPacked => shift.decode(&gsm7::unpack(octets, fill_bits)),
            Alphabet::Latin1 => charset::latin1(without_nul(octets)),
            Alphabet::Windows1252 | Alphabet::Ascii => charset::windows_1252(without_nul(octets)),
            Alphabet::Utf8 => String::from_utf8_lossy(without_nul(octets)).into_owned(),
        },
        Charset::Gsm7 => match options.default_alphabet {
            Alphabet::GsmPacked => shift.decode(&gsm7::unpack(octets, fill_bits)),
            _ => shift.decode(octets),
        },
        Charset::Ascii => charset::windows_1252(without_nul(octets)),
        Charset::Latin1 => charset::latin1(without_nul(octets)),
        Charset::Cyrillic => charset::iso_8859_5(without_nul(octets)),
        Charset::Hebrew => charset::iso_8859_8(without_nul(octets)),
        Charset::Ucs2 => utf_16(octets, options.byte_order),
        Charset::Jis | Charset::KoreanKsc | Charset::Binary => {
            return DecodedText::Binary(octets.clone());
        }
    };
    DecodedText::Text(text)
}

fn auto(octets: &[u8], shift: Shift) -> String {
    if octets.is_ascii() {
        return shift.decode(octets);
    }
    let octets = without_nul(octets);
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => charset::windows_1252(octets),
    }
}

/// One NUL at the end is a C programmer's, except in GSM, where it is an `@`.
fn without_nul(octets: &[u8]) -> &[u8] {
    octets.strip_suffix(&[0]).unwrap_or(octets)
}

/// UTF-16 with what the field does to it: a byte order mark is obeyed and dropped, an odd last
/// octet and lone surrogates become U+FFFD, zeros at the end go. An odd number of octets that is
/// valid UTF-8 is UTF-8.
fn utf_16(octets: &[u8], byte_order: ByteOrder) -> String {
    let odd = !octets.len().is_multiple_of(2);
    if odd
        && !octets.contains(&0)
        && let Ok(text) = std::str::from_utf8(octets)
    {
        return text.to_owned();
    }
    let (octets, byte_order) = match octets {
        [0xFE, 0xFF, rest @ ..] => (rest, ByteOrder::BigEndian),
        [0xFF, 0xFE, rest @ ..] => (rest, ByteOrder::LittleEndian),
        _ => (octets, byte_order),
    };
    let units = octets.chunks_exact(2).map(|pair| match byte_order {
        ByteOrder::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
        ByteOrder::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
    });
    let mut text = String::with_capacity(octets.len());
    text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    let kept = text.trim_end_matches('\0').len();
    text.truncate(kept);
    if odd {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// How an outgoing text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GSM 7-bit, data coding 0, counted in septets.
    Gsm7,
    /// UTF-16 big-endian, data coding 8, counted in 16-bit units.
    Ucs2,
}

impl Encoding {
    /// The data coding this is sent under, unless a gateway wants another.
    #[must_use]
    pub const fn data_coding(self) -> DataCoding {
        match self {
            Self::Gsm7 => DataCoding::DEFAULT,
            Self::Ucs2 => DataCoding::UCS2,
        }
    }
}

/// GSM 7-bit if every character is in its tables, else UTF-16. Nothing is replaced or normalised.
#[must_use]
pub fn choose(text: &str) -> Encoding {
    match gsm7::septets(text) {
        Some(_) => Encoding::Gsm7,
        None => Encoding::Ucs2,
    }
}

/// The text as UTF-16, most significant octet first, without a byte order mark.
#[must_use]
pub fn encode_ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(octets: &[u8], data_coding: u8) -> String {
        let octets = Bytes::copy_from_slice(octets);
        match decode(&octets, DataCoding(data_coding), Alphabet::Auto) {
            DecodedText::Text(text) => text,
            DecodedText::Binary(octets) => format!("binary {octets:?}"),
        }
    }

    #[test]
    fn a_nul_at_the_end_is_an_at_sign_only_in_gsm() {
        assert_eq!(text(b"me\0", 0xF1), "me@");
        assert_eq!(text(b"me\0", 0x00), "me@");
        assert_eq!(text(b"me\0", 0x03), "me");
        assert_eq!(text(b"me\0", 0x01), "me");
    }

    #[test]
    fn an_odd_utf_16_that_is_utf_8_is_read_as_such() {
        assert_eq!(text("Привет!".as_bytes(), 8), "Привет!");
        assert_eq!(text(b"\0A\0B\0", 8), "AB\u{fffd}");
    }

    #[test]
    fn alphabets_not_known_here_stay_octets() {
        for data_coding in [0x05, 0x0D, 0x0E, 0x0A, 0x02, 0x04, 0x30] {
            assert_eq!(text(b"x", data_coding), "binary b\"x\"", "{data_coding:#x}");
        }
    }

    #[test]
    fn one_character_outside_gsm_makes_the_whole_text_utf_16() {
        assert_eq!(choose("Ciao! È stato spedito."), Encoding::Ucs2);
        assert_eq!(choose("Ciao! è stato spedito."), Encoding::Gsm7);
        assert_eq!(choose(""), Encoding::Gsm7);
    }
}
