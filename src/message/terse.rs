//! Short texts of the field in few octets: numbers, dates and hexadecimal ids take half an
//! octet a character, the status words of receipts one octet in all.
//!
//! What is none of these stays as it is. No text can be mistaken for a packed one, since the
//! first octet of UTF-8 is never one of the marks used here.

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Sixteen characters, two in an octet; whether the last half is one is in the mark.
const EVEN: u8 = 0xF8;
const ODD: u8 = 0xF9;
/// The same behind a `+`.
const PLUS_EVEN: u8 = 0xFA;
const PLUS_ODD: u8 = 0xFB;
/// From here on: the words below.
const WORD: u8 = 0x80;
const WORD_OCTETS: usize = 7;
const WORDS: [&str; 8] = [
    "DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "ACCEPTD", "UNKNOWN", "DELETED", "ENROUTE",
];
const CHARACTERS: &[u8; 16] = b"0123456789abcdef";
/// What each octet is as a character; [`NONE`] where it is none of them.
const VALUES: [u8; 256] = values();
const NONE: u8 = 0xFF;
/// The two characters of each octet.
const PAIRS: [[u8; 2]; 256] = pairs();
/// Texts of so many octets are packed without an allocation: nearly all.
const SHORT: usize = 64;

/// Hands over the text in as few octets as it takes.
pub fn pack<R>(text: &str, then: impl FnOnce(&[u8]) -> R) -> R {
    let mut short = [0; SHORT];
    match text.len() <= SHORT {
        true => then(packed(text, &mut short)),
        false => then(packed(text, &mut vec![0; text.len()])),
    }
}

/// The text in as few octets as it takes: its own, or some in `room`, which is as long as it.
fn packed<'a>(text: &'a str, room: &'a mut [u8]) -> &'a [u8] {
    if text.len() == WORD_OCTETS
        && let Some(word) = WORDS.iter().position(|w| *w == text)
    {
        room[0] = WORD + word as u8;
        return &room[..1];
    }
    let (plus, digits) = match text.as_bytes() {
        [b'+', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let length = 1 + digits.len().div_ceil(2);
    if length >= text.len() {
        return text.as_bytes();
    }
    let (pairs, last) = digits.as_chunks::<2>();
    let mut seen = 0;
    for (octet, [first, second]) in room[1..].iter_mut().zip(pairs) {
        let (first, second) = (VALUES[usize::from(*first)], VALUES[usize::from(*second)]);
        seen |= first | second;
        *octet = first << 4 | second & 0x0F;
    }
    if let [last] = last {
        let value = VALUES[usize::from(*last)];
        seen |= value;
        room[length - 1] = value << 4;
    }
    if seen == NONE {
        return text.as_bytes();
    }
    let odd = !last.is_empty();
    room[0] = match (plus, odd) {
        (false, false) => EVEN,
        (false, true) => ODD,
        (true, false) => PLUS_EVEN,
        (true, true) => PLUS_ODD,
    };
    &room[..length]
}

/// The text again; `None` where no text packs to these octets.
pub fn unpack(octets: &[u8]) -> Option<Cow<'_, str>> {
    match Halves::of(octets) {
        None => as_it_is(octets).map(Cow::Borrowed),
        Some(halves) => {
            let mut text = vec![0; halves.length()];
            halves.write(&mut text);
            String::from_utf8(text).ok().map(Cow::Owned)
        }
    }
}

/// Hands over the text again, `None` where no text packs to these octets; to look at it only.
pub fn look_at<R>(octets: &[u8], then: impl FnOnce(Option<&str>) -> R) -> R {
    let mut short = [0; SHORT];
    match Halves::of(octets) {
        None => then(as_it_is(octets)),
        Some(halves) if halves.length() <= SHORT => {
            let text = &mut short[..halves.length()];
            halves.write(text);
            then(std::str::from_utf8(text).ok())
        }
        Some(_) => then(unpack(octets).as_deref()),
    }
}

/// True where some text packs to these octets.
pub fn is_text(octets: &[u8]) -> bool {
    Halves::of(octets).is_some() || as_it_is(octets).is_some()
}

/// A word, or what was left as it is.
fn as_it_is(octets: &[u8]) -> Option<&str> {
    match octets {
        [mark, rest @ ..] if (WORD..WORD + WORDS.len() as u8).contains(mark) => {
            rest.is_empty().then(|| WORDS[usize::from(mark - WORD)])
        }
        _ => std::str::from_utf8(octets).ok(),
    }
}

/// Characters, two in an octet.
struct Halves<'a> {
    plus: bool,
    odd: bool,
    halves: &'a [u8],
}

impl<'a> Halves<'a> {
    fn of(octets: &'a [u8]) -> Option<Halves<'a>> {
        let (mark, halves) = octets.split_first()?;
        let (plus, odd) = match *mark {
            EVEN => (false, false),
            ODD => (false, true),
            PLUS_EVEN => (true, false),
            PLUS_ODD => (true, true),
            _ => return None,
        };
        let odd = odd && !halves.is_empty();
        Some(Halves { plus, odd, halves })
    }

    fn length(&self) -> usize {
        usize::from(self.plus) + 2 * self.halves.len() - usize::from(self.odd)
    }

    /// `text` is of that length.
    fn write(&self, text: &mut [u8]) {
        let (plus, characters) = text.split_at_mut(usize::from(self.plus));
        plus.fill(b'+');
        let (pairs, last) = characters.as_chunks_mut::<2>();
        for (pair, octet) in pairs.iter_mut().zip(self.halves) {
            *pair = PAIRS[usize::from(*octet)];
        }
        if let ([last], Some(octet)) = (last, self.halves.last()) {
            *last = PAIRS[usize::from(*octet)][0];
        }
    }
}

const fn values() -> [u8; 256] {
    let mut all = [NONE; 256];
    let mut value = 0;
    while value < CHARACTERS.len() {
        all[CHARACTERS[value] as usize] = value as u8;
        value += 1;
    }
    all
}

const fn pairs() -> [[u8; 2]; 256] {
    let mut all = [[0; 2]; 256];
    let mut octet = 0;
    while octet < all.len() {
        all[octet] = [CHARACTERS[octet >> 4], CHARACTERS[octet & 0x0F]];
        octet += 1;
    }
    all
}

/// A field that is packed in the log, and plain text for people.
pub fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        return to.serialize_str(text);
    }
    pack(text, |octets| to.serialize_bytes(octets))
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    if from.is_human_readable() {
        return from.deserialize_string(Terse);
    }
    from.deserialize_bytes(Terse)
}

struct Terse;

impl Visitor<'_> for Terse {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<String, E> {
        let text = look_at(octets, |text| text.map(str::to_owned));
        text.ok_or_else(|| E::custom("not a packed text"))
    }
}

/// The same for a text that may be missing.
pub mod option {
    use super::{Terse, Visitor};
    use serde::de::Error;
    use serde::{Deserializer, Serialize, Serializer};
    use std::fmt;

    struct Packed<'a>(&'a str);

    impl Serialize for Packed<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            super::serialize(self.0, to)
        }
    }

    pub fn serialize<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        text.as_deref().map(Packed).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
        from.deserialize_option(Maybe)
    }

    struct Maybe;

    impl<'de> Visitor<'de> for Maybe {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            Terse.expecting(f)
        }

        fn visit_none<E: Error>(self) -> Result<Option<String>, E> {
            Ok(None)
        }

        fn visit_unit<E: Error>(self) -> Result<Option<String>, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<String>, D::Error> {
            super::deserialize(from).map(Some)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 18] = [
        "",
        "0",
        "00",
        "000",
        "+",
        "+4",
        "+49",
        "2611250710",
        "26112507101",
        "00197a3fe2b10450",
        "00197A3FE2B10450",
        "+4915112345678",
        "+491511234567",
        "DELIVRD",
        "delivrd",
        "ENROUTE",
        "Grüße",
        "\u{10FFFF}deadbeef",
    ];

    fn packed(text: &str) -> Vec<u8> {
        pack(text, <[u8]>::to_vec)
    }

    #[test]
    fn every_character_at_every_place_comes_back() {
        for length in [3, 8, SHORT, SHORT + 1, 2 * SHORT] {
            for place in 0..length {
                for character in '\0'..='\u{FF}' {
                    let mut text = "7".repeat(place);
                    text.push(character);
                    text.push_str(&"e".repeat(length - place - 1));
                    let octets = packed(&text);
                    assert_eq!(unpack(&octets).as_deref(), Some(text.as_str()));
                    assert!(look_at(&octets, |seen| seen == Some(text.as_str())));
                    let is_digit = matches!(character, '0'..='9' | 'a'..='f');
                    let begins = place == 0 && character == '+';
                    let shorter = 1 + (length - usize::from(begins)).div_ceil(2) < length;
                    assert_eq!(octets.len() < text.len(), shorter && (is_digit || begins));
                }
            }
        }
    }

    #[test]
    fn every_text_comes_back_and_none_grows() {
        for text in TEXTS {
            let octets = packed(text);
            assert_eq!(unpack(&octets).as_deref(), Some(text));
            assert!(is_text(&octets));
            assert!(octets.len() <= text.len(), "{text}");
        }
        assert_eq!(packed("DELIVRD").len(), 1);
        assert_eq!(packed("00197a3fe2b10450").len(), 9);
        assert_eq!(packed("+4915112345678").len(), 8);
    }

    #[test]
    fn octets_that_no_text_packs_to_are_none() {
        for octets in [&[0x88][..], &[0x80, b'a'], &[0xFF]] {
            assert_eq!(unpack(octets), None);
            assert!(!is_text(octets));
            assert!(look_at(octets, |seen| seen.is_none()));
        }
    }

    #[test]
    fn people_read_plain_text() {
        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Two {
            #[serde(with = "super")]
            one: String,
            #[serde(with = "super::option")]
            other: Option<String>,
        }
        for other in [None, Some("2611250710".to_owned())] {
            let two = Two {
                one: "DELIVRD".into(),
                other,
            };
            let json = serde_json::to_string(&two).unwrap();
            assert!(json.contains("\"DELIVRD\""));
            assert_eq!(serde_json::from_str::<Two>(&json).unwrap(), two);
            let octets = postcard::to_stdvec(&two).unwrap();
            assert!(octets.len() <= 2 + 1 + 7);
            assert_eq!(postcard::from_bytes::<Two>(&octets).unwrap(), two);
        }
    }
}
