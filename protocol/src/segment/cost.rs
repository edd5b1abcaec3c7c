//! How many segments a text will take, and where it will be cut.
//!
//! Nothing is encoded, and only lists of places are allocated. The counts are those of
//! [`split_with`](super::split_with), whose limits are the ones here.

use super::{Concat, SEGMENT_OCTETS_MAX};
use crate::gsm7::{Shift, is_plain};
use crate::text::Encoding;

/// What a text will cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// How it is encoded.
    pub encoding: Encoding,
    /// Septets or 16-bit units, headers not counted.
    pub units: usize,
    /// Segments. With [`Concat::Payload`], those the SMSC will most likely make.
    pub parts: usize,
    /// Units that one segment alone holds.
    pub single_max: usize,
    /// Units that each of several segments holds.
    pub part_max: usize,
    /// Units the last segment has left. Less than a character of two may still begin another.
    pub units_left: usize,
}

impl Preview {
    /// Whether the text needs UTF-16.
    #[must_use]
    pub fn is_unicode(&self) -> bool {
        self.encoding == Encoding::Ucs2
    }
}

/// What a text costs with 8-bit references, without national tables. Allocates nothing.
#[must_use]
pub fn preview(text: &str) -> Preview {
    preview_with(text, Concat::Udh8(0), Shift::DEFAULT)
}

/// What a text costs, with everything said. A text outside the tables of `shift` becomes UTF-16.
#[must_use]
pub fn preview_with(text: &str, concat: Concat, shift: Shift) -> Preview {
    let shift = shift.known();
    let gsm7 = Limits::new(Encoding::Gsm7, concat.beside(shift), shift);
    let measured = match shift {
        Shift::DEFAULT if is_plain(text.as_bytes()) => Some(gsm7.counted(text.len())),
        Shift::DEFAULT => gsm7.measure(text.chars().map(crate::gsm7::char_septets)),
        shift => gsm7.measure(text.chars().map(|character| shift.char_septets(character))),
    };
    if let Some(preview) = measured {
        return preview;
    }
    let ucs2 = Limits::new(Encoding::Ucs2, concat, Shift::DEFAULT);
    let measured = ucs2.measure(text.chars().map(|character| Some(character.len_utf16())));
    measured.expect("every character has a UTF-16 length")
}

/// Where the second and every later segment begins, in octets of the text as it is here (UTF-8).
/// With [`Concat::Payload`], where the SMSC will most likely cut.
#[must_use]
pub fn split_points(text: &str, concat: Concat, shift: Shift) -> Vec<usize> {
    let preview = preview_with(text, concat, shift);
    let shift = shift.known();
    let mut points = Vec::with_capacity(preview.parts - 1);
    if preview.parts == 1 {
        return points;
    }
    let mut in_part = 0;
    for (at, character) in text.char_indices() {
        let size = match preview.encoding {
            Encoding::Gsm7 => shift.char_septets(character).unwrap_or_default(),
            Encoding::Ucs2 => character.len_utf16(),
        };
        if in_part + size > preview.part_max {
            points.push(at);
            in_part = 0;
        }
        in_part += size;
    }
    points
}

/// A text before it is sent, for whoever writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Encoding, units used and left, segments.
    pub preview: Preview,
    /// As of [`split_points`].
    pub split_points: Vec<usize>,
    /// The characters outside the tables of `shift`, each with its place in octets of UTF-8: what
    /// makes the text UTF-16, and what would be lost if it had to stay GSM 7-bit. For other
    /// alphabets ask [`text::lossy`](crate::text::lossy).
    pub outside: Vec<(usize, char)>,
}

/// What a text costs, where it is cut, and which characters are to blame.
#[must_use]
pub fn outline(text: &str, concat: Concat, shift: Shift) -> Outline {
    let known = shift.known();
    let outside = text
        .char_indices()
        .filter(|(_, character)| known.char_septets(*character).is_none());
    Outline {
        preview: preview_with(text, concat, shift),
        split_points: split_points(text, concat, shift),
        outside: outside.collect(),
    }
}

/// Units that fit.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    encoding: Encoding,
    pub(super) single_max: usize,
    pub(super) part_max: usize,
}

impl Limits {
    pub(super) fn new(encoding: Encoding, concat: Concat, shift: Shift) -> Self {
        let shift_octets = shift.header_octets();
        let length_octet = usize::from(shift_octets > 0);
        Self {
            encoding,
            single_max: units_in(encoding, length_octet + shift_octets),
            part_max: units_in(encoding, 1 + concat.element_octets() + shift_octets),
        }
    }

    /// Counts units and segments; `None` as soon as a character has no size.
    fn measure(self, sizes: impl Iterator<Item = Option<usize>> + Clone) -> Option<Preview> {
        let (mut units, mut characters) = (0, 0);
        for size in sizes.clone() {
            units += size?;
            characters += 1;
        }
        let mut preview = self.counted(units);
        if units > self.single_max && units != characters {
            let (parts, in_last) = count_parts(sizes.flatten(), self.part_max);
            (preview.parts, preview.units_left) = (parts, self.part_max - in_last);
        }
        Some(preview)
    }

    /// What so many characters of one unit cost.
    fn counted(self, units: usize) -> Preview {
        let Self {
            encoding,
            single_max,
            part_max,
        } = self;
        let (parts, units_left) = if units <= single_max {
            (1, single_max - units)
        } else {
            let parts = units.div_ceil(part_max);
            (parts, parts * part_max - units)
        };
        Preview {
            encoding,
            units,
            parts,
            single_max,
            part_max,
            units_left,
        }
    }
}

/// Fills one segment after another; what does not fit whole begins the next. How many there are,
/// and how much is in the last.
fn count_parts(sizes: impl Iterator<Item = usize>, part_max: usize) -> (usize, usize) {
    let (mut parts, mut in_part) = (1, 0);
    for size in sizes {
        if in_part + size > part_max {
            parts += 1;
            in_part = 0;
        }
        in_part += size;
    }
    (parts, in_part)
}

pub(super) fn units_in(encoding: Encoding, header_octets: usize) -> usize {
    let octets = SEGMENT_OCTETS_MAX - header_octets;
    match encoding {
        Encoding::Gsm7 => octets * 8 / 7,
        Encoding::Ucs2 => octets / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::national::Language;

    #[test]
    fn a_preview_says_what_is_left_and_where_the_cuts_are() {
        let cases = [
            ("a".repeat(150), 10, vec![]),
            ("a".repeat(161), 145, vec![153]),
            (
                "a".repeat(152) + "€" + &"a".repeat(152),
                152,
                vec![152, 306],
            ),
            ("я".repeat(66) + "🎉" + &"я".repeat(66), 66, vec![132, 266]),
        ];
        for (text, left, cuts) in cases {
            let preview = preview(&text);
            assert_eq!(preview.units_left, left, "{text}");
            let points = split_points(&text, Concat::Udh8(0), Shift::DEFAULT);
            assert_eq!(points, cuts, "{text}");
        }
    }

    #[test]
    fn an_outline_names_the_characters_that_make_a_text_utf_16() {
        let text = format!("Façade {}", "a".repeat(70));
        let found = outline(&text, Concat::Udh8(0), Shift::DEFAULT);
        assert_eq!(found.outside, [(2, 'ç')]);
        assert_eq!(found.split_points, [68], "67 units, one of them two octets");
        assert_eq!((found.preview.parts, found.preview.units_left), (2, 57));
        let turkish = Shift {
            locking: Language::DEFAULT,
            single: Language::TURKISH,
        };
        let found = outline(&text, Concat::Udh8(0), turkish);
        assert_eq!((found.outside.len(), found.preview.parts), (0, 1));
    }
}
