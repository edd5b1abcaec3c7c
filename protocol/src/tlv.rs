//! Optional parameters: a tag, a length, a value (SMPP 3.4 §3.2.4, 5.0 §4.8).
//!
//! [`Tlvs`] keeps every one of them as it is on the wire, in the wire's order, repeats and unknown
//! tags included, since vendors put what they like there. Those of a frame stay in it, and are
//! written again with one copy. What it holds are whole TLVs, and nothing else.

mod tag;
mod view;

use bytes::Bytes;

use crate::c_octet_string::COctetString;
use crate::wire::{Sink, TLV_HEADER_OCTETS};

pub use tag::{Kind, Layout, Tag};
pub use view::{Tlv, TlvsRef};

pub(crate) use view::split;

/// Octets of a value at most: its length is a 16-bit number.
pub const VALUE_OCTETS_MAX: usize = u16::MAX as usize;

/// Octets that the first TLV makes room for, which are enough for those of a segment.
const OCTETS_OFTEN: usize = 32;

/// The optional part of a PDU, in wire order. None allocate nothing, as do those of a frame.
#[derive(Clone)]
pub struct Tlvs(Octets);

#[derive(Clone)]
enum Octets {
    /// A part of a frame.
    Shared(Bytes),
    /// What is put together here.
    Own(Vec<u8>),
    /// The last so many of these, which keep no frame alive and no count of its owners.
    Short(u8, Chunk),
}

/// Octets that are kept as a copy: the TLVs of most receipts and of all segments fit.
const SHORT_OCTETS: usize = 36;

/// So many octets, at a multiple of four so that copying them takes few moves.
#[derive(Clone, Copy)]
#[repr(align(4))]
struct Chunk([u8; SHORT_OCTETS]);

/// Whole TLVs that are few octets, which can be moved about at no cost.
#[derive(Clone, Copy)]
pub(crate) struct ShortTlvs {
    len: u8,
    octets: Chunk,
}

impl ShortTlvs {
    /// The last `len` octets of a frame, which are whole TLVs, if these and the frame are of a
    /// length for that.
    #[inline(always)]
    pub(crate) fn at_end(frame: &[u8], len: usize) -> Option<Self> {
        let octets = Chunk(*frame.last_chunk()?);
        (len <= SHORT_OCTETS).then_some(Self {
            len: len as u8,
            octets,
        })
    }
}

impl From<ShortTlvs> for Tlvs {
    #[inline(always)]
    fn from(tlvs: ShortTlvs) -> Self {
        Self(Octets::Short(tlvs.len, tlvs.octets))
    }
}

impl Tlvs {
    /// No TLVs.
    #[must_use]
    #[inline]
    pub const fn new() -> Self {
        Self(Octets::Own(Vec::new()))
    }

    /// Octets of whole TLVs.
    #[inline(always)]
    pub(crate) fn of_frame(octets: Bytes) -> Self {
        Self(Octets::Shared(octets))
    }

    /// All of them as they are on the wire.
    #[must_use]
    #[inline]
    pub fn as_octets(&self) -> &[u8] {
        match &self.0 {
            Octets::Shared(octets) => octets,
            Octets::Own(octets) => octets,
            // Saturating, so that nothing here can panic: a function that cannot saves no registers.
            Octets::Short(len, octets) => &octets.0[SHORT_OCTETS.saturating_sub((*len).into())..],
        }
    }

    /// All of them, in wire order.
    #[must_use]
    #[inline]
    pub fn iter(&self) -> TlvsRef<'_> {
        TlvsRef::of(self.as_octets())
    }

    /// How many there are, repeats counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.as_octets().is_empty()
    }

    /// The value of the first TLV with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&[u8]> {
        self.iter().get(tag)
    }

    /// As [`get`](Self::get), to be kept: shares the frame's octets if there are many.
    #[must_use]
    pub fn share(&self, tag: Tag) -> Option<Bytes> {
        self.get(tag).map(|value| self.share_part(value))
    }

    /// The values of every TLV with this tag, in wire order.
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |tlv| tlv.tag == tag)
            .map(|tlv| tlv.value)
    }

    /// Whether a TLV with this tag is there.
    #[must_use]
    pub fn contains(&self, tag: Tag) -> bool {
        self.get(tag).is_some()
    }

    /// Adds a TLV behind the others. A value longer than [`VALUE_OCTETS_MAX`] cannot be written
    /// and is cut there.
    pub fn push(&mut self, tag: Tag, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        let value = &value[..value.len().min(VALUE_OCTETS_MAX)];
        let mut octets = std::mem::take(self).into_own();
        if octets.is_empty() {
            octets.reserve_exact(OCTETS_OFTEN.max(TLV_HEADER_OCTETS + value.len()));
        }
        octets.extend_from_slice(&header(tag, value));
        octets.extend_from_slice(value);
        self.0 = Octets::Own(octets);
    }

    /// Adds a one-octet integer.
    pub fn push_u8(&mut self, tag: Tag, value: u8) {
        self.push(tag, [value]);
    }

    /// Adds a two-octet integer.
    pub fn push_u16(&mut self, tag: Tag, value: u16) {
        self.push(tag, value.to_be_bytes());
    }

    /// Adds a four-octet integer.
    pub fn push_u32(&mut self, tag: Tag, value: u32) {
        self.push(tag, value.to_be_bytes());
    }

    /// Adds a C-octet string and writes its NUL. Text behind a NUL of its own is left out.
    pub fn push_cstr(&mut self, tag: Tag, value: &str) {
        let text = value
            .as_bytes()
            .split(|&octet| octet == 0)
            .next()
            .unwrap_or_default();
        self.push(tag, [text, b"\0"].concat());
    }

    /// Removes every TLV with this tag.
    pub fn remove(&mut self, tag: Tag) {
        if self.contains(tag) {
            *self = self.iter().filter(|tlv| tlv.tag != tag).collect();
        }
    }

    /// The integer of the first TLV with this tag, if it fits one octet; see
    /// [`Tlv::integer`] for what is read.
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

    fn integer(&self, tag: Tag) -> Option<u64> {
        self.iter().find(|tlv| tlv.tag == tag)?.integer()
    }

    /// The text of the first TLV with this tag: up to the first NUL, without blanks around it.
    /// Many peers leave the NUL out, some write blanks before it.
    #[must_use]
    pub fn get_cstr(&self, tag: Tag) -> Option<&[u8]> {
        Some(self.iter().find(|tlv| tlv.tag == tag)?.cstr())
    }

    /// A text that is a part of what [`as_octets`](Self::as_octets) says, shared only if it is long.
    #[inline]
    pub(crate) fn own_text(&self, text: &[u8]) -> COctetString {
        let short = COctetString::inline(text);
        short.unwrap_or_else(|| COctetString::long(self.share_part(text)))
    }

    /// A part of what [`as_octets`](Self::as_octets) says.
    fn share_part(&self, part: &[u8]) -> Bytes {
        match &self.0 {
            Octets::Shared(octets) if !part.is_empty() => octets.slice_ref(part),
            _ => Bytes::copy_from_slice(part),
        }
    }

    fn into_own(self) -> Vec<u8> {
        match self.0 {
            Octets::Own(octets) => octets,
            _ => self.as_octets().to_vec(),
        }
    }

    #[inline(always)]
    pub(crate) fn write(&self, out: &mut impl Sink) {
        if !self.is_empty() {
            out.octets(self.as_octets());
        }
    }
}

/// Tag and length.
fn header(tag: Tag, value: &[u8]) -> [u8; TLV_HEADER_OCTETS] {
    let [tag, tag_low] = tag.0.to_be_bytes();
    let [len, len_low] = (value.len() as u16).to_be_bytes();
    [tag, tag_low, len, len_low]
}

/// Writes one TLV, its value cut to what can be written.
pub(crate) fn write_tlv(out: &mut impl Sink, tag: Tag, value: &[u8]) {
    let value = &value[..value.len().min(VALUE_OCTETS_MAX)];
    out.array(header(tag, value));
    out.octets(value);
}

impl Default for Tlvs {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Tlvs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.iter().fmt(f)
    }
}

impl PartialEq for Tlvs {
    fn eq(&self, other: &Self) -> bool {
        self.as_octets() == other.as_octets()
    }
}

impl Eq for Tlvs {}

impl<'a> IntoIterator for &'a Tlvs {
    type Item = Tlv<'a>;
    type IntoIter = TlvsRef<'a>;

    fn into_iter(self) -> TlvsRef<'a> {
        self.iter()
    }
}

impl<'a> FromIterator<Tlv<'a>> for Tlvs {
    fn from_iter<I: IntoIterator<Item = Tlv<'a>>>(tlvs: I) -> Self {
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
        assert_eq!(tlvs.get(Tag(0x3FFF)).unwrap(), [1]);
        tlvs.remove(Tag::CALLBACK_NUM);
        assert_eq!(tlvs.len(), 4);
    }

    #[test]
    fn integers_of_another_width_are_read_when_they_fit() {
        let mut tlvs = Tlvs::new();
        tlvs.push_u32(Tag::MESSAGE_STATE, 2);
        tlvs.push_u16(Tag::SAR_TOTAL_SEGMENTS, 300);
        tlvs.push(Tag::DEST_PORT, [1, 2, 3, 4, 5]);
        assert_eq!(tlvs.get_u8(Tag::MESSAGE_STATE), Some(2));
        assert_eq!(tlvs.get_u8(Tag::SAR_TOTAL_SEGMENTS), None);
        assert_eq!(tlvs.get_u16(Tag::DEST_PORT), None);
    }

    #[test]
    fn text_ends_at_its_nul_and_loses_blanks() {
        let mut tlvs = Tlvs::new();
        tlvs.push(Tag::RECEIPTED_MESSAGE_ID, b" 42 \0\0x");
        assert_eq!(tlvs.get_cstr(Tag::RECEIPTED_MESSAGE_ID).unwrap(), b"42");
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
