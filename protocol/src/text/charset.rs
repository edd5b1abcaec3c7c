//! The 8-bit alphabets that text in the field is found in: one character an octet.

/// What each octet means; U+FFFD where it means nothing.
pub(super) type Table = fn(u8) -> char;

/// Octets as text.
pub(super) fn read(octets: &[u8], table: Table) -> String {
    octets.iter().map(|&octet| table(octet)).collect()
}

/// Text as octets, or `None` if a character is in no place of the table.
pub(super) fn write(text: &str, table: Table) -> Option<Vec<u8>> {
    text.chars()
        .map(|character| {
            let same = u8::try_from(character).ok();
            same.filter(|&octet| table(octet) == character)
                .or_else(|| (0x80..=u8::MAX).find(|&octet| table(octet) == character))
                .filter(|_| character != char::REPLACEMENT_CHARACTER)
        })
        .collect()
}

/// ISO-8859-1: every octet is the code point of the same number.
pub(super) fn latin1(octet: u8) -> char {
    char::from(octet)
}

/// windows-1252; below 0x80 it is ASCII. Five octets have no character and keep their number.
pub(super) fn windows_1252(octet: u8) -> char {
    #[rustfmt::skip]
    const HIGH_CONTROLS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match octet {
        0x80..=0x9F => HIGH_CONTROLS[usize::from(octet - 0x80)],
        _ => char::from(octet),
    }
}

/// ISO-8859-5, Cyrillic: the Unicode block at U+0400 is laid out like it.
pub(super) fn iso_8859_5(octet: u8) -> char {
    match octet {
        0x00..=0xA0 | 0xAD => char::from(octet),
        0xF0 => '№',
        0xFD => '§',
        _ => block(0x0401, octet - 0xA1),
    }
}

/// ISO-8859-8, Hebrew in logical order.
pub(super) fn iso_8859_8(octet: u8) -> char {
    match octet {
        0xAA => '×',
        0xBA => '÷',
        0x00..=0xA0 | 0xA2..=0xBE => char::from(octet),
        0xDF => '‗',
        0xE0..=0xFA => block(0x05D0, octet - 0xE0),
        0xFD => '\u{200e}',
        0xFE => '\u{200f}',
        _ => char::REPLACEMENT_CHARACTER,
    }
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
            read(b"\xa1\xae\xb0\xcf\xd0\xef\xf0\xf1\xfd\xff", iso_8859_5),
            "ЁЎАЯая№ё§џ"
        );
    }

    #[test]
    fn hebrew_letters_lie_where_unicode_has_them() {
        assert_eq!(read(b"\xe0\xfa\xaa\xa1", iso_8859_8), "את×\u{fffd}");
    }

    #[test]
    fn the_euro_is_at_80_in_windows_1252_only() {
        assert_eq!(read(b"\x80 \x96 \xe9", windows_1252), "€ – é");
        assert_eq!(read(b"\x80\xe9", latin1), "\u{80}é");
        assert_eq!(write("€é", windows_1252).unwrap(), b"\x80\xe9");
        assert_eq!(write("€", latin1), None);
    }

    #[test]
    fn every_octet_that_means_something_comes_back() {
        for table in [latin1 as Table, windows_1252, iso_8859_5, iso_8859_8] {
            for octet in 0..=u8::MAX {
                let text = read(&[octet], table);
                let written = write(&text, table);
                let wanted = (text != "\u{fffd}").then(|| vec![octet]);
                assert_eq!(written, wanted, "{octet:#x}");
            }
        }
    }
}
