//! Optional parameters: a tag, a length, a value (SMPP 3.4 §3.2.4, 5.0 §4.8).
//!
//! [`Tlvs`] keeps every one of them in the order of the wire, repeats and unknown tags included,
//! since vendors put what they like there. Three fit without an allocation, which is as many as a
//! delivery receipt or a segment has.

mod tag;

use bytes::Bytes;

use crate::c_octet_string::{COctetString, find_nul};
use crate::wire::Sink;

pub use tag::{Kind, Layout, Tag};

/// Octets of a value at most: its length is a 16-bit number.
pub const VALUE_OCTETS_MAX: usize = u16::MAX as usize;

/// How many TLVs a [`Tlvs`] holds without an allocation.
const INLINE: usize = 3;

/// Every octet, to share one-octet values from.
static OCTETS: [u8; 256] = {
    let mut octets = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        octets[octet] = octet as u8;
        octet += 1;
    }
    octets
};

/// What is before the first NUL, without blanks around it.
fn cstr(value: &[u8]) -> &[u8] {
    value[..find_nul(value).unwrap_or(value.len())].trim_ascii()
}

/// One octet that needs neither an allocation nor an owner.
#[inline]
pub(crate) fn one_octet(value: u8) -> Bytes {
    let at = usize::from(value);
    Bytes::from_static(&OCTETS[at..=at])
}

/// One optional parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tlv {
    /// Says what the value is.
    pub tag: Tag,
    /// The value alone, neither tag nor length.
    pub value: Bytes,
}

/// The optional part of a PDU, in wire order.
#[derive(Clone, Default)]
pub struct Tlvs {
    inline: [Option<Tlv>; INLINE],
    inline_len: u8,
    spilled: Vec<Tlv>,
}

impl Tlvs {
    /// No TLVs; allocates nothing.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self {
            inline: [const { None }; INLINE],
            inline_len: 0,
            spilled: Vec::new(),
        }
    }

    /// All of them, in wire order.
    pub fn iter(&self) -> impl Iterator<Item = &Tlv> {
        self.inline.iter().flatten().chain(&self.spilled)
    }

    /// How many there are, repeats counted.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.inline_len) + self.spilled.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inline_len == 0
    }

    /// The value of the first TLV with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&Bytes> {
        self.iter().find(|tlv| tlv.tag == tag).map(|tlv| &tlv.value)
    }

    /// The values of every TLV with this tag, in wire order.
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = &Bytes> {
        self.iter()
            .filter(move |tlv| tlv.tag == tag)
            .map(|tlv| &tlv.value)
    }

    /// Whether a TLV with this tag is there.
    #[must_use]
    pub fn contains(&self, tag: Tag) -> bool {
        self.get(tag).is_some()
    }

    /// Adds a TLV behind the others. A value longer than [`VALUE_OCTETS_MAX`] cannot be written
    /// and is cut there.
    pub fn push(&mut self, tag: Tag, value: impl Into<Bytes>) {
        let mut value = value.into();
        value.truncate(VALUE_OCTETS_MAX);
        *self.push_empty(tag) = value;
    }

    /// Adds a TLV with an empty value, and says where that is.
    pub(crate) fn push_empty(&mut self, tag: Tag) -> &mut Bytes {
        let value = Bytes::new();
        let at = usize::from(self.inline_len);
        if at < INLINE {
            self.inline_len += 1;
            &mut self.inline[at].insert(Tlv { tag, value }).value
        } else {
            self.spilled.push(Tlv { tag, value });
            let last = self.spilled.last_mut();
            &mut last.expect("one was pushed just now").value
        }
    }

    /// Adds a one-octet integer; allocates nothing.
    pub fn push_u8(&mut self, tag: Tag, value: u8) {
        self.push(tag, one_octet(value));
    }

    /// Adds a two-octet integer.
    pub fn push_u16(&mut self, tag: Tag, value: u16) {
        self.push(tag, Bytes::copy_from_slice(&value.to_be_bytes()));
    }

    /// Adds a four-octet integer.
    pub fn push_u32(&mut self, tag: Tag, value: u32) {
        self.push(tag, Bytes::copy_from_slice(&value.to_be_bytes()));
    }

    /// Adds a C-octet string and writes its NUL. Text behind a NUL of its own is left out.
    pub fn push_cstr(&mut self, tag: Tag, value: &str) {
        let text = value
            .as_bytes()
            .split(|&octet| octet == 0)
            .next()
            .unwrap_or_default();
        let mut octets = Vec::with_capacity(text.len() + 1);
        octets.extend_from_slice(text);
        octets.push(0);
        self.push(tag, octets);
    }

    /// Removes every TLV with this tag.
    pub fn remove(&mut self, tag: Tag) {
        let kept = std::mem::take(self);
        for tlv in kept.into_iter().filter(|tlv| tlv.tag != tag) {
            self.push(tlv.tag, tlv.value);
        }
    }

    /// The integer of the first TLV with this tag, if it fits one octet.
    ///
    /// Peers write integers in other widths than the table says; 1, 2, 3, 4 and 8 octets are
    /// read, and anything else counts as absent.
    #[must_use]
    pub fn get_u8(&self, tag: Tag) -> Option<u8> {
        self.integer(tag)?.try_into().ok()
    }

    /// Like [`get_u8`](Self::get_u8), for integers that fit two octets.
    #[must_use]
    pub fn get_u16(&self, tag: Tag) -> Option<u16> {
        self.integer(tag)?.try_into().ok()
    }

    /// Like [`get_u8`](Self::get_u8), for integers that fit four octets.
    #[must_use]
    pub fn get_u32(&self, tag: Tag) -> Option<u32> {
        self.integer(tag)?.try_into().ok()
    }

    /// The text of the first TLV with this tag: up to the first NUL, without blanks around it.
    /// Many peers leave the NUL out, some write blanks before it.
    #[must_use]
    pub fn get_cstr(&self, tag: Tag) -> Option<Bytes> {
        let value = self.get(tag)?;
        let text = cstr(value);
        Some(if text.is_empty() {
            Bytes::new()
        } else {
            value.slice_ref(text)
        })
    }

    /// As [`get_cstr`](Self::get_cstr), shared only if it is long.
    pub(crate) fn get_c_octets(&self, tag: Tag) -> Option<COctetString> {
        let value = self.get(tag)?;
        let text = cstr(value);
        let short = COctetString::inline(text);
        Some(short.unwrap_or_else(|| COctetString::long(value.slice_ref(text))))
    }

    fn integer(&self, tag: Tag) -> Option<u64> {
        let value = self.get(tag)?;
        match value.len() {
            1..=4 | 8 => Some(
                value
                    .iter()
                    .fold(0, |sum, &octet| sum << 8 | u64::from(octet)),
            ),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn write(&self, out: &mut impl Sink) {
        if !self.is_empty() {
            self.write_all(out);
        }
    }

    fn write_all(&self, out: &mut impl Sink) {
        for Tlv { tag, value } in self.iter() {
            let octets = value.len().min(VALUE_OCTETS_MAX);
            let [tag, tag_low] = tag.0.to_be_bytes();
            let [len, len_low] = (octets as u16).to_be_bytes();
            out.array([tag, tag_low, len, len_low]);
            // Most are numbers.
            match value[..octets] {
                [one] => out.array([one]),
                [high, low] => out.array([high, low]),
                ref value => out.octets(value),
            }
        }
    }
}

impl std::fmt::Debug for Tlvs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|tlv| (tlv.tag, &tlv.value)))
            .finish()
    }
}

impl PartialEq for Tlvs {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tlvs {}

impl IntoIterator for Tlvs {
    type Item = Tlv;
    type IntoIter = std::iter::Chain<
        std::iter::Flatten<std::array::IntoIter<Option<Tlv>, INLINE>>,
        std::vec::IntoIter<Tlv>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.inline.into_iter().flatten().chain(self.spilled)
    }
}

impl FromIterator<Tlv> for Tlvs {
    fn from_iter<I: IntoIterator<Item = Tlv>>(tlvs: I) -> Self {
        let mut all = Self::new();
        for tlv in tlvs {
            all.push(tlv.tag, tlv.value);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_unknown_tags_keep_their_order() {
        let mut tlvs = Tlvs::new();
        for number in 0..9u8 {
            tlvs.push_u8(
                if number % 2 == 0 {
                    Tag::CALLBACK_NUM
                } else {
                    Tag(0x3FFF)
                },
                number,
            );
        }
        let octets: Vec<u8> = tlvs.iter().map(|tlv| tlv.value[0]).collect();
        assert_eq!(octets, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(tlvs.all(Tag::CALLBACK_NUM).count(), 5);
        assert_eq!(tlvs.get(Tag(0x3FFF)).unwrap()[..], [1]);
        tlvs.remove(Tag::CALLBACK_NUM);
        assert_eq!(tlvs.len(), 4);
    }

    #[test]
    fn integers_of_another_width_are_read_when_they_fit() {
        let mut tlvs = Tlvs::new();
        tlvs.push_u32(Tag::MESSAGE_STATE, 2);
        tlvs.push_u16(Tag::SAR_TOTAL_SEGMENTS, 300);
        tlvs.push(Tag::DEST_PORT, Bytes::from_static(&[1, 2, 3, 4, 5]));
        assert_eq!(tlvs.get_u8(Tag::MESSAGE_STATE), Some(2));
        assert_eq!(tlvs.get_u8(Tag::SAR_TOTAL_SEGMENTS), None);
        assert_eq!(tlvs.get_u16(Tag::DEST_PORT), None);
    }

    #[test]
    fn text_ends_at_its_nul_and_loses_blanks() {
        let mut tlvs = Tlvs::new();
        tlvs.push(Tag::RECEIPTED_MESSAGE_ID, Bytes::from_static(b" 42 \0\0x"));
        assert_eq!(tlvs.get_cstr(Tag::RECEIPTED_MESSAGE_ID).unwrap(), "42");
    }

    #[test]
    fn a_value_too_long_for_its_length_field_is_cut() {
        let mut tlvs = Tlvs::new();
        tlvs.push(Tag::MESSAGE_PAYLOAD, vec![0; VALUE_OCTETS_MAX + 9]);
        assert_eq!(
            tlvs.get(Tag::MESSAGE_PAYLOAD).unwrap().len(),
            VALUE_OCTETS_MAX
        );
    }
}
