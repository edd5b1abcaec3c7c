//! Japanese and Korean alphabets, by `encoding_rs`, in which a character takes one to three octets.
//!
//! Octets are text only if all of them are; nothing is replaced. SMPP names character sets but no
//! way to write them, so the form is told from the octets: an escape means ISO-2022-JP, else
//! Shift_JIS or EUC-JP, whichever the octets are valid as, the data coding's own form first.

mod iso_2022_jp;
mod supplement;

use encoding_rs::{EUC_JP, EUC_KR, Encoding, SHIFT_JIS};

use crate::coding::Charset;
use iso_2022_jp::ESC;

/// The text, or `None` if the octets are none in this alphabet.
pub(super) fn decode(charset: Charset, octets: &[u8]) -> Option<String> {
    let read = |encoding: &'static Encoding| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(octets)?;
        Some(text.into_owned())
    };
    match charset {
        Charset::KsC5601 => read(EUC_KR),
        // No form with octets above 0x7F uses it.
        _ if octets.contains(&ESC) => iso_2022_jp::decode(octets),
        Charset::JisX0212 => read(EUC_JP).or_else(|| read(SHIFT_JIS)),
        _ => read(SHIFT_JIS).or_else(|| read(EUC_JP)),
    }
}

/// The octets, or `None` if a character has no place. Some characters come back as others they
/// resemble; the caller compares.
pub(super) fn encode(charset: Charset, text: &str) -> Option<Vec<u8>> {
    match charset {
        Charset::KsC5601 => whole(EUC_KR, text),
        Charset::Iso2022Jp => iso_2022_jp::encode(&whole(EUC_JP, text)?),
        Charset::JisX0212 => whole(EUC_JP, text).or_else(|| supplement::encode(text)),
        _ => whole(SHIFT_JIS, text),
    }
}

/// Encodes a text that has every character in `encoding`.
fn whole(encoding: &'static Encoding, text: &str) -> Option<Vec<u8>> {
    let (octets, _, is_lossy) = encoding.encode(text);
    (!is_lossy).then(|| octets.into_owned())
}
