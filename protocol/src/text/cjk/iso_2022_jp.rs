//! ISO-2022-JP (RFC 1468) with JIS X 0212 (RFC 2237) and half-width katakana: sets of characters
//! in seven bits, each announced by an escape.
//!
//! What is written begins and ends in ASCII, so that pieces can be joined.

use encoding_rs::EUC_JP;

use super::supplement::SINGLE_SHIFT_3;

pub(super) const ESC: u8 = 0x1B;

/// What announces a half-width katakana in EUC-JP.
const SINGLE_SHIFT_2: u8 = 0x8E;

/// What the octets behind an escape are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Ascii,
    /// ASCII with a yen sign and an overline.
    Roman,
    Katakana,
    X0208,
    X0212,
}

impl Set {
    /// Escapes without their first octet. Two of JIS X 0208 differ in a few kanji alone.
    const ESCAPES: [(&'static [u8], Self); 6] = [
        (b"(B", Self::Ascii),
        (b"(J", Self::Roman),
        (b"(I", Self::Katakana),
        (b"$B", Self::X0208),
        (b"$@", Self::X0208),
        (b"$(D", Self::X0212),
    ];

    fn escape(self) -> &'static [u8] {
        let found = Self::ESCAPES.iter().find(|(_, set)| *set == self);
        found.map_or(b"(B", |(escape, _)| escape)
    }
}

/// The text, or `None` if an escape or a character is not known.
pub(super) fn decode(octets: &[u8]) -> Option<String> {
    let (mut set, mut rest, mut text) = (Set::Ascii, octets, String::with_capacity(octets.len()));
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match (set, first) {
            (_, ESC) => {
                let known = |(escape, _): &&(&[u8], Set)| behind.starts_with(escape);
                let (escape, announced) = Set::ESCAPES.iter().find(known)?;
                (set, rest) = (*announced, &behind[escape.len()..]);
            }
            (_, 0x80..) => return None,
            // Controls and the space are the same in every set.
            (_, ..=0x20) | (Set::Ascii, _) => text.push(char::from(first)),
            (Set::Roman, b'\\') => text.push('¥'),
            (Set::Roman, b'~') => text.push('‾'),
            (Set::Roman, _) => text.push(char::from(first)),
            (Set::Katakana, _) => push(&mut text, &[SINGLE_SHIFT_2, first | 0x80])?,
            (Set::X0208 | Set::X0212, _) => {
                let (&second, behind) = rest.split_first()?;
                rest = behind;
                let pair = [SINGLE_SHIFT_3, first | 0x80, second | 0x80];
                let is_pair = (0x21..=0x7E).contains(&second);
                let euc = &pair[usize::from(set == Set::X0208)..];
                is_pair.then(|| push(&mut text, euc))??;
            }
        }
    }
    Some(text)
}

/// Appends the one character that these octets are in EUC-JP.
fn push(text: &mut String, euc: &[u8]) -> Option<()> {
    text.push_str(&EUC_JP.decode_without_bom_handling_and_without_replacement(euc)?);
    Some(())
}

/// Octets of EUC-JP in ISO-2022-JP, or `None` if they are cut short.
pub(super) fn encode(euc: &[u8]) -> Option<Vec<u8>> {
    let (mut set, mut rest, mut out) = (Set::Ascii, euc, Vec::with_capacity(euc.len() + 8));
    while let Some(&first) = rest.first() {
        let (needed, start, end) = match first {
            0x00..=0x7F => (Set::Ascii, 0, 1),
            SINGLE_SHIFT_2 => (Set::Katakana, 1, 2),
            SINGLE_SHIFT_3 => (Set::X0212, 1, 3),
            _ => (Set::X0208, 0, 2),
        };
        announce(&mut out, &mut set, needed);
        let character = rest.get(start..end)?;
        out.extend(character.iter().map(|octet| octet & 0x7F));
        rest = &rest[end..];
    }
    announce(&mut out, &mut set, Set::Ascii);
    Some(out)
}

fn announce(out: &mut Vec<u8>, set: &mut Set, needed: Set) {
    if *set != needed {
        out.push(ESC);
        out.extend_from_slice(needed.escape());
        *set = needed;
    }
}
