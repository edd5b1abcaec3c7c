//! Which tables septets are read by: the default ones, or a language's.

use super::is_plain;
use crate::national::{Language, UNASSIGNED};

/// The septet that announces a second one.
pub(crate) const ESCAPE: u8 = 0x1B;

/// Set in a code if the character needs an escape.
pub(super) const ESCAPED: u8 = 0x80;

/// The code of a character that is in neither default table, where no septet has it.
pub(super) const NONE: u8 = 0xFF;

/// The default alphabet by septet (3GPP TS 23.038 §6.2.1).
#[rustfmt::skip]
const ALPHABET: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', UNASSIGNED, 'Æ', 'æ', 'ß', 'É',
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The default extension table (3GPP TS 23.038 §6.2.1.1).
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Codes of the characters below U+0100, which nearly all are.
static LATIN: [u8; 256] = latin_codes();

const fn latin_codes() -> [u8; 256] {
    let mut codes = [NONE; 256];
    let mut septet = 0;
    while septet < 128 {
        let character = ALPHABET[septet] as usize;
        if character < 256 && septet != ESCAPE as usize {
            codes[character] = septet as u8;
        }
        septet += 1;
    }
    let mut index = 0;
    while index < EXTENSION.len() {
        let (septet, character) = EXTENSION[index];
        if (character as usize) < 256 {
            codes[character as usize] = septet | ESCAPED;
        }
        index += 1;
    }
    codes
}

/// The septet of a character in the default tables, with [`ESCAPED`] if it needs an escape, or
/// [`NONE`].
pub(super) fn default_code(character: char) -> u8 {
    match LATIN.get(character as usize) {
        Some(code) => *code,
        None => match character {
            '€' => 0x65 | ESCAPED,
            'Δ' => 0x10,
            'Φ' => 0x12,
            'Γ' => 0x13,
            'Λ' => 0x14,
            'Ω' => 0x15,
            'Π' => 0x16,
            'Ψ' => 0x17,
            'Σ' => 0x18,
            'Θ' => 0x19,
            'Ξ' => 0x1A,
            _ => NONE,
        },
    }
}

/// A pair of tables: what plain septets mean, and what those behind an escape mean. The default
/// pair needs no header; a language's must be announced in every segment (UDH elements 0x24 and
/// 0x25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shift {
    /// Replaces the default alphabet.
    pub locking: Language,
    /// Replaces the extension table.
    pub single: Language,
}

impl Shift {
    /// The default alphabet and its extension table.
    pub const DEFAULT: Self = Self {
        locking: Language::DEFAULT,
        single: Language::DEFAULT,
    };

    /// Tables without those the languages do not have: an unknown language counts as not named.
    #[must_use]
    pub fn known(self) -> Self {
        let keep = |language: Language, known| if known { language } else { Language::DEFAULT };
        Self {
            locking: keep(self.locking, self.locking.locking().is_some()),
            single: keep(self.single, self.single.single_shift().is_some()),
        }
    }

    /// Octets the tables' announcement takes in a header, its length octet not counted.
    #[must_use]
    pub fn header_octets(self) -> usize {
        let octets = |language| if language == Language::DEFAULT { 0 } else { 3 };
        octets(self.locking) + octets(self.single)
    }

    /// Septets the character takes, or `None` if it is in neither table.
    #[must_use]
    pub fn char_septets(self, character: char) -> Option<usize> {
        self.code(character)
            .map(|code| 1 + usize::from(code & ESCAPED != 0))
    }

    /// The text as septets, one an octet, or `None` if a character is in neither table.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        if self == Self::DEFAULT {
            return super::encode(text);
        }
        let mut septets = Vec::with_capacity(text.len());
        for character in text.chars() {
            self.encode_char(character, &mut septets)?;
        }
        Some(septets)
    }

    /// Appends the character's septets; `None`, and nothing appended, if it is in neither table.
    pub fn encode_char(self, character: char, septets: &mut Vec<u8>) -> Option<()> {
        match self.code(character)? {
            code if code & ESCAPED != 0 => septets.extend_from_slice(&[ESCAPE, code & !ESCAPED]),
            code => septets.push(code),
        }
        Some(())
    }

    /// The text of septets, one an octet; the rules are those of [`decode`](super::decode).
    #[must_use]
    pub fn decode(self, septets: &[u8]) -> String {
        if self.locking == Language::DEFAULT && is_plain(septets) {
            return String::from_utf8(septets.to_vec()).expect("ASCII is UTF-8");
        }
        let plain = self.locking.locking().unwrap_or(&ALPHABET);
        let extension = self.single.single_shift().unwrap_or(&EXTENSION);
        let mut text = String::with_capacity(septets.len());
        let mut septets = septets.iter().copied();
        while let Some(septet) = septets.next() {
            text.push(match septet {
                ESCAPE => match septets.next() {
                    None | Some(ESCAPE) => ' ',
                    Some(second) => extension
                        .iter()
                        .find(|(septet, _)| *septet == second)
                        .map_or_else(|| plain_character(plain, second), |(_, found)| *found),
                },
                septet => plain_character(plain, septet),
            });
        }
        text
    }

    /// The septet, with [`ESCAPED`] if it needs an escape.
    fn code(self, character: char) -> Option<u8> {
        if self == Self::DEFAULT {
            return Some(default_code(character)).filter(|code| *code != NONE);
        }
        let plain = match self.locking.locking() {
            // Kannada has one character twice, and its first place is a known misprint.
            Some(table) if character != UNASSIGNED => table
                .iter()
                .rposition(|one| *one == character)
                .map(|septet| septet as u8),
            Some(_) => None,
            None => Some(default_code(character)).filter(|code| code & ESCAPED == 0),
        };
        let escaped = || match self.single.single_shift() {
            Some(table) => table
                .iter()
                .find(|(_, one)| *one == character)
                .map(|(septet, _)| *septet),
            None => EXTENSION
                .iter()
                .find(|(_, one)| *one == character)
                .map(|(septet, _)| *septet),
        };
        plain.or_else(|| escaped().map(|septet| septet | ESCAPED))
    }
}

fn plain_character(table: &[char; 128], septet: u8) -> char {
    match table.get(usize::from(septet)) {
        Some(&UNASSIGNED) | None => char::REPLACEMENT_CHARACTER,
        Some(character) => *character,
    }
}
