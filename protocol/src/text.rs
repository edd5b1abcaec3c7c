//! Octets of user data to text, by data coding and by what the SMSC's default alphabet is; and
//! which encoding an outgoing text needs.

//!
//! Data codings 5, 9, 10, 13 and 14 (Japanese and Korean) are read and written with the feature
//! `cjk`, by `encoding_rs`. A table of what each data coding is, and of what gets lost:
//!
//! | data coding | read as | written as |
//! |---|---|---|
//! | 0, GSM groups | the SMSC's alphabet, GSM 7-bit | the same |
//! | 1 | ASCII, above it windows-1252 | ASCII |
//! | 3, 6, 7 | ISO-8859-1, -5, -8; octets without a character become U+FFFD | the same |
//! | 8, GSM groups | UTF-16; lone surrogates become U+FFFD | UTF-16 big-endian |
//! | 5 | ISO-2022-JP if it has an escape, else Shift_JIS, else EUC-JP | Shift_JIS |
//! | 9 | the same; pictograms are U+E000 to U+E757, private use | Shift_JIS, no pictograms |
//! | 10 | the same | ISO-2022-JP |
//! | 13 | ISO-2022-JP-1 if it has an escape, else EUC-JP, else Shift_JIS | EUC-JP |
//! | 14 | EUC-KR with its extension windows-949 | the same |
//! | 2, 4, 11, 12, 15, GSM groups | octets | – |
//!
//! In data codings 5 to 14 octets that are not valid throughout are handed out as octets, so
//! nothing gets lost. EUC-JP under 5 that is also valid as Shift_JIS is read as the latter.
//! Characters that come back as another one (`¥`, `‾` and `−` in Shift_JIS and EUC-JP) are not
//! written at all.

mod charset;
#[cfg(feature = "cjk")]
mod cjk;
mod encoding;

use bytes::Bytes;

use crate::coding::{Charset, DataCoding, EsmClass};
use crate::gsm7::{self, Shift};
use crate::udh;

pub(crate) use encoding::write;
pub use encoding::{encode, lossy};

/// Without the feature nothing is known of these alphabets.
#[cfg(not(feature = "cjk"))]
mod cjk {
    use crate::coding::Charset;

    pub(super) fn decode(_: Charset, _: &[u8]) -> Option<String> {
        None
    }

    pub(super) fn encode(_: Charset, _: &str) -> Option<Vec<u8>> {
        None
    }
}

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
    /// No text by its coding, or not valid in a Japanese or Korean alphabet.
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
    let read = |table| charset::read(without_nul(octets), table);
    let charset = data_coding.charset();
    let text = match charset {
        Charset::SmscDefault => match options.default_alphabet {
            Alphabet::Auto => auto(octets, shift),
            Alphabet::Gsm => shift.decode(octets),
            Alphabet::GsmPacked => shift.decode(&gsm7::unpack(octets, fill_bits)),
            Alphabet::Latin1 => read(charset::latin1),
            Alphabet::Windows1252 | Alphabet::Ascii => read(charset::windows_1252),
            Alphabet::Utf8 => String::from_utf8_lossy(without_nul(octets)).into_owned(),
        },
        Charset::Gsm7 => match options.default_alphabet {
            Alphabet::GsmPacked => shift.decode(&gsm7::unpack(octets, fill_bits)),
            _ => shift.decode(octets),
        },
        Charset::Ascii => read(charset::windows_1252),
        Charset::Latin1 => read(charset::latin1),
        Charset::Cyrillic => read(charset::iso_8859_5),
        Charset::Hebrew => read(charset::iso_8859_8),
        Charset::Ucs2 => utf_16(octets, options.byte_order),
        Charset::JisX0208
        | Charset::Pictogram
        | Charset::Iso2022Jp
        | Charset::JisX0212
        | Charset::KsC5601 => match cjk::decode(charset, without_nul(octets)) {
            Some(text) => text,
            None => return DecodedText::Binary(octets.clone()),
        },
        Charset::Binary => return DecodedText::Binary(octets.clone()),
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
        Err(_) => charset::read(octets, charset::windows_1252),
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
    fn what_is_no_text_stays_octets() {
        for data_coding in [0x02, 0x04, 0x0B, 0x0C, 0x0F, 0x30] {
            assert_eq!(text(b"x", data_coding), "binary b\"x\"", "{data_coding:#x}");
        }
        // An escape of nothing, half a character, and what no table has.
        for data_coding in [5, 9, 10, 13, 14] {
            for octets in [&b"\x1b$x"[..], b"a\x8f", b"\xff\xff"] {
                let read = text(octets, data_coding);
                let is_kept = read.starts_with("binary");
                assert!(is_kept || data_coding == 14 && octets[0] == 0x1B, "{read}");
            }
        }
    }

    #[test]
    #[cfg(feature = "cjk")]
    fn japanese_and_korean_are_read_in_the_forms_they_come_in() {
        let (kanji, shift_jis, euc_jp) = (
            "日本",
            b"\x93\xfa\x96\x7b".as_slice(),
            b"\xc6\xfc\xcb\xdc".as_slice(),
        );
        let iso_2022_jp = b"\x1b$BF|K\\\x1b(B".as_slice();
        for data_coding in [5, 9, 10] {
            assert_eq!(text(shift_jis, data_coding), kanji);
            assert_eq!(text(iso_2022_jp, data_coding), kanji);
        }
        assert_eq!(text(euc_jp, 13), kanji);
        assert_eq!(text(iso_2022_jp, 13), kanji);
        // 丂 is in JIS X 0212 alone.
        assert_eq!(text(b"\x8f\xb0\xa1", 13), "丂");
        assert_eq!(text(b"\x1b$(D0!\x1b(B", 13), "丂");
        assert_eq!(text(b"\xb1\xb2", 5), "ｱｲ");
        assert_eq!(text(b"\x1b(I12\x1b(J\\\x1b(B", 10), "ｱｲ¥");
        // The sun of i-mode.
        assert_eq!(text(b"\xf8\x9f", 9), "\u{e63e}");
        assert_eq!(text(b"\xc7\xd1\xb1\xb9\xbe\xee", 14), "한국어");
    }

    #[test]
    fn one_character_outside_gsm_makes_the_whole_text_utf_16() {
        assert_eq!(choose("Ciao! È stato spedito."), Encoding::Ucs2);
        assert_eq!(choose("Ciao! è stato spedito."), Encoding::Gsm7);
        assert_eq!(choose(""), Encoding::Gsm7);
    }
}
