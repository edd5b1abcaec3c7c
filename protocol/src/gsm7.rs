//! The GSM 7-bit alphabet: text to septets and back, one septet an octet or packed.
//!
//! Over SMPP septets normally travel unpacked, one an octet with the high bit clear; a character
//! of the extension table is an escape and a second septet (3GPP TS 23.038 §6.2.1). A [`Shift`]
//! swaps in national tables.

mod packing;
mod shift;

pub(crate) use shift::ESCAPE;
use shift::{ESCAPED, NONE};

pub use packing::{pack, unpack};
pub use shift::Shift;

/// The text as septets, one an octet, or `None` if a character is outside the default alphabet
/// and its extension table.
#[must_use]
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    if text.is_ascii() {
        // One look-up an octet, unless an escape turns up.
        let mut seen = 0;
        septets.extend(text.bytes().map(|octet| {
            let code = shift::LATIN[usize::from(octet)];
            seen |= code;
            code
        }));
        if seen & ESCAPED == 0 {
            return Some(septets);
        }
        septets.clear();
    }
    for character in text.chars() {
        match shift::default_code(character) {
            NONE => return None,
            code if code & ESCAPED != 0 => septets.extend_from_slice(&[ESCAPE, code & !ESCAPED]),
            code => septets.push(code),
        }
    }
    Some(septets)
}

/// How many septets the text takes, escapes counted, or `None` as for [`encode`].
#[must_use]
pub fn septets(text: &str) -> Option<usize> {
    text.chars().map(char_septets).sum()
}

/// One for a character of the default alphabet, two for its extension table.
#[must_use]
pub fn char_septets(character: char) -> Option<usize> {
    match shift::default_code(character) {
        NONE => None,
        code => Some(1 + usize::from(code & ESCAPED != 0)),
    }
}

/// The text of septets, one an octet.
///
/// An escape before a septet the extension table does not know gives that septet's ordinary
/// character; two escapes, or one at the end, give a blank. An octet with its high bit set is no
/// septet and gives U+FFFD.
#[must_use]
pub fn decode(septets: &[u8]) -> String {
    Shift::DEFAULT.decode(septets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_tables_comes_back() {
        for septet in 0..128u8 {
            let text = decode(&[septet]);
            if septet != ESCAPE {
                assert_eq!(encode(&text), Some(vec![septet]), "{text}");
            }
        }
        let extension = "\u{c}^{}\\[~]|€";
        assert_eq!(septets(extension), Some(20));
        assert_eq!(decode(&encode(extension).unwrap()), extension);
    }

    #[test]
    fn near_misses_are_outside() {
        for character in [
            'ç', '`', '\u{a0}', '“', '’', '…', 'Α', 'ş', '\t', '\u{1b}', '😀', 'á',
        ] {
            assert_eq!(encode(&character.to_string()), None, "{character}");
            assert_eq!(char_septets(character), None);
        }
        assert_eq!(encode("ÇA VA"), Some(vec![9, 65, 32, 86, 65]));
    }

    #[test]
    fn reading_never_goes_past_the_end() {
        assert_eq!(decode(&[0x61, ESCAPE]), "a ");
        assert_eq!(decode(&[ESCAPE, ESCAPE, 0x61]), " a");
        assert_eq!(decode(&[ESCAPE, 0x61, 0xFF]), "a\u{fffd}");
    }
}
