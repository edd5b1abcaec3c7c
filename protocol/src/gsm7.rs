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
    let octets = text.as_bytes();
    let mut septets = Vec::with_capacity(octets.len());
    let mut at = 0;
    while at < octets.len() {
        let mut end = octets.len().min(at + BLOCK_OCTETS);
        if is_plain(&octets[at..end]) {
            septets.extend_from_slice(&octets[at..end]);
        } else {
            while !text.is_char_boundary(end) {
                end += 1;
            }
            encode_block(&text[at..end], &mut septets)?;
        }
        at = end;
    }
    Some(septets)
}

/// Octets looked at together: a block of nothing but plain ones is copied.
const BLOCK_OCTETS: usize = 256;

/// Whether every octet is a character whose septet is the same number: most of ASCII. Written so
/// that the compiler can look at many octets at a time.
pub(crate) fn is_plain(octets: &[u8]) -> bool {
    octets.iter().fold(true, |plain, &octet| {
        // Not a control character and not above ASCII, which is negative.
        let is_printable = (octet as i8) >= 0x20;
        // Not @ and `, nor [ \\ ] ^ _ and { | } ~ and DEL.
        let is_border = octet & 0x5F == 0x40 || octet & 0x5F > 0x5A;
        plain & is_printable & !is_border & (octet != b'$')
    })
}

fn encode_block(text: &str, septets: &mut Vec<u8>) -> Option<()> {
    for character in text.chars() {
        match shift::default_code(character) {
            NONE => return None,
            code if code & ESCAPED != 0 => septets.extend_from_slice(&[ESCAPE, code & !ESCAPED]),
            code => septets.push(code),
        }
    }
    Some(())
}

/// How many septets the text takes, escapes counted, or `None` as for [`encode`].
#[must_use]
pub fn septets(text: &str) -> Option<usize> {
    if is_plain(text.as_bytes()) {
        return Some(text.len());
    }
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
    fn plain_is_what_the_table_leaves_as_it_is() {
        for octet in 0..=255u8 {
            let is_same =
                octet.is_ascii() && encode(&char::from(octet).to_string()) == Some(vec![octet]);
            // Line ends are septets of the same number, too, but too few to look for.
            let is_line_end = matches!(octet, b'\n' | b'\r');
            assert_eq!(is_plain(&[octet]), is_same && !is_line_end, "{octet:#x}");
        }
    }

    #[test]
    fn a_character_on_the_border_of_a_block_stays_whole() {
        for before in 0..2 * BLOCK_OCTETS {
            let text = "a".repeat(before) + "é€\n$" + &"b".repeat(70);
            let septets = encode(&text).unwrap();
            assert_eq!(septets.len(), before + 5 + 70);
            assert_eq!(decode(&septets), text);
            assert_eq!(encode(&(text + "ъ")), None);
        }
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
