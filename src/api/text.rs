//! How many segments a text takes, and in which alphabet.

use smpp_protocol::gsm7::{self, Shift};
use smpp_protocol::segment::{self, Concat};
use smpp_protocol::text::Encoding;

/// What a text needs on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// At most 255; no text within the API's limits comes near it.
    pub(super) parts: u8,
    /// It needs UCS-2.
    pub(super) unicode: bool,
}

/// What a text needs, and what there is to say about it. Places are in code points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) parts: u8,
    /// Septets, or UTF-16 units.
    pub(super) units: usize,
    /// That fit into each part.
    pub(super) units_per_part: usize,
    /// That fit into the last part beside what it has.
    pub(super) units_left: usize,
    /// Where each part but the first begins.
    pub(super) split_at: Vec<usize>,
    /// What the GSM alphabet does not have.
    pub(super) outside: Vec<(usize, char)>,
}

impl Outline {
    /// Of a text behind a header of its client's own, so many octets long: it is never cut.
    pub(super) fn behind(self, header_octets: usize, unicode: bool) -> Outline {
        let encoding = match unicode {
            true => Encoding::Ucs2,
            false => Encoding::Gsm7,
        };
        let room = segment::units_behind(header_octets, encoding).unwrap_or(0);
        Outline {
            parts: 1,
            units_per_part: room,
            units_left: room.saturating_sub(self.units),
            split_at: Vec::new(),
            ..self
        }
    }
}

pub(super) fn outline(text: &str) -> Outline {
    let outline = segment::outline(text, Concat::Udh8(0), Shift::DEFAULT);
    let preview = outline.preview;
    let place = |octets: usize| text[..octets].chars().count();
    Outline {
        parts: u8::try_from(preview.parts).unwrap_or(u8::MAX),
        units: preview.units,
        units_per_part: match preview.parts {
            1 => preview.single_max,
            _ => preview.part_max,
        },
        units_left: preview.units_left,
        split_at: outline.split_points.into_iter().map(place).collect(),
        outside: outline
            .outside
            .into_iter()
            .map(|(octets, character)| (place(octets), character))
            .collect(),
    }
}

/// What every send asks about encoding.
pub(super) fn extent(text: &str) -> Extent {
    let preview = segment::preview(text);
    Extent {
        parts: u8::try_from(preview.parts).unwrap_or(u8::MAX),
        unicode: preview.is_unicode(),
    }
}

/// True when the GSM alphabet, with its extension, has the character.
pub(super) fn is_gsm(c: char) -> bool {
    gsm7::char_septets(c).is_some()
}

/// True when the basic GSM alphabet has the character, and it is no control character.
pub(super) fn is_basic_gsm(c: char) -> bool {
    gsm7::char_septets(c) == Some(1) && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_contract_hold() {
        let x = |s: &str, n: usize| s.repeat(n);
        for (text, unicode, parts) in [
            (x("a", 160), false, 1),
            (x("a", 161), false, 2),
            (x("a", 306), false, 2),
            (x("a", 307), false, 3),
            (x("a", 459), false, 3),
            (x("a", 460), false, 4),
            (x("€", 80), false, 1),
            (x("€", 81), false, 2),
            (x("a", 158) + "€", false, 1),
            (x("a", 159) + "€", false, 2),
            (x("a", 152) + "€" + &x("a", 152), false, 3),
            (x("€", 153), false, 3),
            (x("я", 70), true, 1),
            (x("я", 71), true, 2),
            (x("я", 134), true, 2),
            (x("я", 135), true, 3),
            (x("🎉", 35), true, 1),
            (x("🎉", 36), true, 2),
            (x("🎉", 67), true, 3),
            (x("я", 66) + "🎉" + &x("я", 66), true, 3),
            ("Ciao! è stato spedito.".into(), false, 1),
            ("Façade".into(), true, 1),
            ("ÇA VA".into(), false, 1),
            ("a`b".into(), true, 1),
            (x("a", 1000), false, 7),
            (x("я", 1000), true, 15),
        ] {
            assert_eq!(extent(&text), Extent { parts, unicode }, "{text}");
        }
    }
}
