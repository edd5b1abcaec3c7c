//! The 8-bit alphabets that text in the field is found in.

/// ISO-8859-1: every octet is the code point of the same number.
pub(super) fn latin1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

/// windows-1252; below 0x80 it is ASCII. Five octets have no character and keep their number.
pub(super) fn windows_1252(octets: &[u8]) -> String {
    #[rustfmt::skip]
    const HIGH_CONTROLS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    let character = |&octet: &u8| match octet {
        0x80..=0x9F => HIGH_CONTROLS[usize::from(octet - 0x80)],
        _ => char::from(octet),
    };
    octets.iter().map(character).collect()
}

/// ISO-8859-5, Cyrillic: the Unicode block at U+0400 is laid out like it.
pub(super) fn iso_8859_5(octets: &[u8]) -> String {
    let character = |&octet: &u8| match octet {
        0x00..=0xA0 | 0xAD => char::from(octet),
        0xF0 => '№',
        0xFD => '§',
        _ => block(0x0401, octet - 0xA1),
    };
    octets.iter().map(character).collect()
}

/// ISO-8859-8, Hebrew in logical order.
pub(super) fn iso_8859_8(octets: &[u8]) -> String {
    let character = |&octet: &u8| match octet {
        0xAA => '×',
        0xBA => '÷',
        0x00..=0xA0 | 0xA2..=0xBE => char::from(octet),
        0xDF => '‗',
        0xE0..=0xFA => block(0x05D0, octet - 0xE0),
        0xFD => '\u{200e}',
        0xFE => '\u{200f}',
        _ => char::REPLACEMENT_CHARACTER,
    };
    octets.iter().map(character).collect()
}

fn block(first: u32, place: u8) -> char {
    char::from_u32(first + u32::from(place)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cyrillic_letters_lie_where_unicode_has_them() {
        assert_eq!(
            iso_8859_5(b"\xa1\xae\xb0\xcf\xd0\xef\xf0\xf1\xfd\xff"),
            "ЁЎАЯая№ё§џ"
        );
    }

    #[test]
    fn hebrew_letters_lie_where_unicode_has_them() {
        assert_eq!(iso_8859_8(b"\xe0\xfa\xaa\xa1"), "את×\u{fffd}");
    }

    #[test]
    fn the_euro_is_at_80_in_windows_1252_only() {
        assert_eq!(windows_1252(b"\x80 \x96 \xe9"), "€ – é");
        assert_eq!(latin1(b"\x80\xe9"), "\u{80}é");
    }
}
