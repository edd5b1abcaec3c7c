//! Text to octets under a data coding of the caller's choice.

use bytes::Bytes;

use super::{Alphabet, DecodedText, charset, cjk, decode, encode_ucs2};
use crate::coding::{Charset, DataCoding};
use crate::gsm7;

/// The text as octets under a data coding, where `default_alphabet` says what data coding 0 means
/// in this direction. `None` if anything would be lost: what is returned is read by
/// [`decode`] as the same text.
///
/// [`choose`](super::choose) never chooses anything but data codings 0 and 8; all others are for
/// those who know that their SMSC wants them. Not possible are packed septets that end in an `@`
/// that looks like padding, and text that ends in a NUL where reading drops it.
#[must_use]
pub fn encode(text: &str, data_coding: DataCoding, default_alphabet: Alphabet) -> Option<Vec<u8>> {
    let octets = write(text, data_coding, default_alphabet)?;
    let read = decode(
        &Bytes::copy_from_slice(&octets),
        data_coding,
        default_alphabet,
    );
    matches!(read, DecodedText::Text(same) if same == text).then_some(octets)
}

/// The characters that cannot be sent under a data coding, each with its place in the text in
/// octets of UTF-8. With [`DataCoding::DEFAULT`] and [`Alphabet::Gsm`] they are the reason why a
/// text becomes UTF-16.
pub fn lossy(
    text: &str,
    data_coding: DataCoding,
    default_alphabet: Alphabet,
) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(move |(_, character)| {
        let mut utf_8 = [0; 4];
        let alone = character.encode_utf8(&mut utf_8);
        encode(alone, data_coding, default_alphabet).is_none()
    })
}

/// Like [`encode`], without looking whether it reads as the same.
pub(crate) fn write(
    text: &str,
    data_coding: DataCoding,
    default_alphabet: Alphabet,
) -> Option<Vec<u8>> {
    let charset = data_coding.charset();
    match charset {
        Charset::SmscDefault => match default_alphabet {
            Alphabet::Auto | Alphabet::Gsm => gsm7::encode(text),
            Alphabet::GsmPacked => Some(gsm7::pack(&gsm7::encode(text)?, 0)),
            Alphabet::Latin1 => charset::write(text, charset::latin1),
            Alphabet::Windows1252 => charset::write(text, charset::windows_1252),
            Alphabet::Ascii => ascii(text),
            Alphabet::Utf8 => Some(text.as_bytes().to_vec()),
        },
        Charset::Gsm7 => match default_alphabet {
            Alphabet::GsmPacked => Some(gsm7::pack(&gsm7::encode(text)?, 0)),
            _ => gsm7::encode(text),
        },
        Charset::Ascii => ascii(text),
        Charset::Latin1 => charset::write(text, charset::latin1),
        Charset::Cyrillic => charset::write(text, charset::iso_8859_5),
        Charset::Hebrew => charset::write(text, charset::iso_8859_8),
        Charset::Ucs2 => Some(encode_ucs2(text)),
        Charset::JisX0208
        | Charset::Pictogram
        | Charset::Iso2022Jp
        | Charset::JisX0212
        | Charset::KsC5601 => cjk::encode(charset, text),
        Charset::Binary => None,
    }
}

fn ascii(text: &str) -> Option<Vec<u8>> {
    text.is_ascii().then(|| text.as_bytes().to_vec())
}
