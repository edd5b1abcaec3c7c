//! Segments put together again: the parts of one incoming message, in whatever order they come.
//!
//! Parts are kept as octets, because a character may straddle two of them, and are read as text
//! only when they are joined. Which parts belong together (gateway, addresses, reference, width
//! and total) is for the owner of many assemblies to say; one of them takes what it is given.

use bytes::{Bytes, BytesMut};

use crate::coding::{Charset, DataCoding, EsmClass};
use crate::gsm7::{self, Shift};
use crate::text::{Alphabet, DecodedText, TextOptions, decode_shifted};
use crate::udh;

/// The parts of one message. Memory: what is in the parts, at most 255 of them.
#[derive(Clone, Debug)]
pub struct Assembly {
    parts: Vec<Option<Part>>,
    present: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    data_coding: DataCoding,
    shift: Shift,
    fill_bits: u8,
    octets: Bytes,
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was missing.
    New,
    /// It was there already, with the same content.
    Repeated,
    /// Another content has this number: the reference is used for another message.
    Conflict,
    /// Its number is zero or above the total.
    OutOfRange,
}

impl Assembly {
    /// An assembly that waits for `total` parts.
    #[must_use]
    pub fn new(total: u8) -> Self {
        Self {
            parts: vec![None; usize::from(total)],
            present: 0,
        }
    }

    /// Adds the user data of one PDU, its header included.
    pub fn insert(
        &mut self,
        part: u8,
        esm_class: EsmClass,
        data_coding: DataCoding,
        user_data: &Bytes,
    ) -> Inserted {
        let header = udh::header(esm_class, user_data);
        let new = Part {
            data_coding,
            shift: header.map_or(Shift::DEFAULT, |udh| udh.shift()),
            fill_bits: header.map_or(0, |udh| udh.fill_bits()),
            octets: user_data.slice(header.map_or(0, |udh| udh.octets())..),
        };
        let slot = usize::from(part)
            .checked_sub(1)
            .and_then(|index| self.parts.get_mut(index));
        match slot {
            None => Inserted::OutOfRange,
            Some(Some(old)) if *old == new => Inserted::Repeated,
            Some(Some(_)) => Inserted::Conflict,
            Some(empty) => {
                *empty = Some(new);
                self.present += 1;
                Inserted::New
            }
        }
    }

    /// Whether every part is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.present == self.parts.len()
    }

    /// The numbers of the parts that are not there.
    pub fn missing(&self) -> impl Iterator<Item = u8> {
        let numbered = (1..=u8::MAX).zip(&self.parts);
        numbered
            .filter(|(_, part)| part.is_none())
            .map(|(number, _)| number)
    }

    /// The content of the parts that are there, in order: text if all of them are text.
    ///
    /// Parts under the same data coding and tables are joined before they are read; where these
    /// change, each run is read by itself.
    #[must_use]
    pub fn content(&self, options: &TextOptions) -> DecodedText {
        let mut text = String::new();
        let mut rest: Vec<&Part> = self.parts.iter().flatten().collect();
        while let Some(first) = rest.first() {
            let same =
                |part: &&Part| (part.data_coding, part.shift) == (first.data_coding, first.shift);
            let run = rest.iter().take_while(|part| same(part)).count();
            let following = rest.split_off(run);
            match read(&rest, options) {
                DecodedText::Text(part) => text.push_str(&part),
                DecodedText::Binary(_) => return DecodedText::Binary(self.octets()),
            }
            rest = following;
        }
        DecodedText::Text(text)
    }

    /// The octets of the parts that are there, in order, headers removed.
    #[must_use]
    pub fn octets(&self) -> Bytes {
        join(self.parts.iter().flatten().map(|part| &part.octets[..]))
    }
}

/// Reads parts of one data coding and shift.
fn read(parts: &[&Part], options: &TextOptions) -> DecodedText {
    let Some(Part {
        data_coding,
        shift,
        fill_bits,
        ..
    }) = parts.first()
    else {
        return DecodedText::Text(String::new());
    };
    let is_septets = matches!(data_coding.charset(), Charset::SmscDefault | Charset::Gsm7);
    if is_septets && options.default_alphabet == Alphabet::GsmPacked {
        let septets: Vec<u8> = parts
            .iter()
            .flat_map(|part| gsm7::unpack(&part.octets, part.fill_bits))
            .collect();
        return DecodedText::Text(shift.decode(&septets));
    }
    let octets = join(parts.iter().map(|part| &part.octets[..]));
    decode_shifted(&octets, *data_coding, options, *shift, *fill_bits)
}

fn join<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut joined = BytesMut::new();
    parts.for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Concat, split};
    use crate::text::Encoding;

    fn assembled(text: &str, order: impl Fn(usize) -> usize) -> DecodedText {
        let segments = split(text, Concat::Udh8(1)).unwrap();
        let mut assembly = Assembly::new(segments.len() as u8);
        for index in 0..segments.len() {
            assert!(!assembly.is_complete());
            let segment = &segments[order(index)];
            let insert = |assembly: &mut Assembly| {
                let user_data = &segment.short_message;
                assembly.insert(
                    segment.part,
                    segment.esm_class,
                    segment.data_coding,
                    user_data,
                )
            };
            assert_eq!(insert(&mut assembly), Inserted::New);
            assert_eq!(insert(&mut assembly), Inserted::Repeated);
        }
        assert!(assembly.is_complete());
        assembly.content(&TextOptions::default())
    }

    #[test]
    fn parts_in_any_order_make_the_text() {
        for text in ["a€".repeat(300), "я🎉".repeat(100)] {
            assert_eq!(
                assembled(&text, |index| index),
                DecodedText::Text(text.clone())
            );
            let parts = split(&text, Concat::Udh8(1)).unwrap().len();
            assert_eq!(
                assembled(&text, |index| parts - 1 - index),
                DecodedText::Text(text)
            );
        }
    }

    #[test]
    fn a_character_split_by_the_sender_is_whole_again() {
        let units = crate::text::encode_ucs2("a🎉");
        let mut assembly = Assembly::new(2);
        let coding = Encoding::Ucs2.data_coding();
        let (front, back) = (
            Bytes::copy_from_slice(&units[..4]),
            Bytes::copy_from_slice(&units[4..]),
        );
        assembly.insert(2, EsmClass::DEFAULT, coding, &back);
        assembly.insert(1, EsmClass::DEFAULT, coding, &front);
        assert_eq!(
            assembly.content(&TextOptions::default()),
            DecodedText::Text("a🎉".to_owned())
        );
    }

    #[test]
    fn what_is_missing_is_named_and_the_rest_is_read() {
        let mut assembly = Assembly::new(3);
        let part = Bytes::from_static(b"b");
        assert_eq!(
            assembly.insert(2, EsmClass::DEFAULT, DataCoding::DEFAULT, &part),
            Inserted::New
        );
        assert_eq!(assembly.missing().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(
            assembly.content(&TextOptions::default()),
            DecodedText::Text("b".to_owned())
        );
        let other = Bytes::from_static(b"x");
        let again = assembly.insert(2, EsmClass::DEFAULT, DataCoding::DEFAULT, &other);
        assert_eq!(again, Inserted::Conflict);
        for number in [0, 4] {
            let out = assembly.insert(number, EsmClass::DEFAULT, DataCoding::DEFAULT, &part);
            assert_eq!(out, Inserted::OutOfRange);
        }
    }

    #[test]
    fn codings_that_differ_are_read_one_by_one() {
        let mut assembly = Assembly::new(3);
        let cyrillic = Bytes::from_static(&[0x04, 0x16]);
        assembly.insert(
            1,
            EsmClass::DEFAULT,
            DataCoding::DEFAULT,
            &Bytes::from_static(b"a"),
        );
        assembly.insert(2, EsmClass::DEFAULT, DataCoding::UCS2, &cyrillic);
        assert_eq!(
            assembly.content(&TextOptions::default()),
            DecodedText::Text("aЖ".to_owned())
        );
        assembly.insert(
            3,
            EsmClass::DEFAULT,
            DataCoding::BINARY,
            &Bytes::from_static(b"\xff"),
        );
        let octets = Bytes::from_static(b"a\x04\x16\xff");
        assert_eq!(
            assembly.content(&TextOptions::default()),
            DecodedText::Binary(octets)
        );
    }
}
