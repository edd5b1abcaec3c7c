//! C-octet strings: the text fields of a PDU, without the NUL that ends them on the wire.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

/// Octets of a text that are kept in the string itself: every address and time fits, and so do
/// most message ids.
pub(crate) const INLINE: usize = 20;

/// A text that fits into a string itself: the first `len` octets, at most [`INLINE`]. What is
/// behind them is whatever was there.
#[derive(Clone, Copy)]
pub(crate) struct ShortText {
    octets: Chunk,
    len: Len,
}

impl ShortText {
    pub(crate) const EMPTY: Self = Self {
        octets: Chunk([0; INLINE]),
        len: Len::L0,
    };

    /// The first `len` octets of `octets`, if so few fit and there are enough behind them. There
    /// must be no NUL among them.
    #[inline(always)]
    pub(crate) fn new(octets: &[u8], len: usize) -> Option<Self> {
        // A copy of fixed length is a few moves, of variable length a call.
        let octets = Chunk(*octets.first_chunk()?);
        let len = Len::new(len)?;
        Some(Self { octets, len })
    }
}

/// 0 to [`INLINE`], so that other values of the octet can tell the kinds of a string apart, and
/// `None` from either.
#[rustfmt::skip]
#[derive(Clone, Copy)]
enum Len {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10,
    L11, L12, L13, L14, L15, L16, L17, L18, L19, L20,
}

impl Len {
    /// A match that changes nothing costs no more than looking whether there is such a length.
    #[rustfmt::skip]
    #[inline(always)]
    fn new(len: usize) -> Option<Self> {
        Some(match len {
            0 => Self::L0, 1 => Self::L1, 2 => Self::L2, 3 => Self::L3, 4 => Self::L4,
            5 => Self::L5, 6 => Self::L6, 7 => Self::L7, 8 => Self::L8, 9 => Self::L9,
            10 => Self::L10, 11 => Self::L11, 12 => Self::L12, 13 => Self::L13, 14 => Self::L14,
            15 => Self::L15, 16 => Self::L16, 17 => Self::L17, 18 => Self::L18, 19 => Self::L19,
            20 => Self::L20,
            _ => return None,
        })
    }
}

/// So many octets. They begin at a multiple of four so that a copy is two moves, not four that
/// overlap.
#[derive(Clone, Copy)]
#[repr(align(4))]
struct Chunk([u8; INLINE]);

/// Text of a mandatory field (SMPP 3.4 §3.1). Holds no NUL; up to 20 octets need no allocation
/// and share nothing; longer ones take a small one and share the buffer.
///
/// The specification wants ASCII; peers write Latin-1, UTF-8 and worse, so the octets are kept as
/// they came and comparing is done on octets. Length limits belong to the field, not to the
/// string: decoding counts an over-long one as a deviation and keeps it.
#[derive(Clone)]
pub struct COctetString(Octets);

#[derive(Clone)]
enum Octets {
    Inline(ShortText),
    /// Boxed, since it is rare and every string would be as large.
    Shared(Box<Bytes>),
}

impl COctetString {
    /// The empty string, a single NUL on the wire.
    pub const EMPTY: Self = Self(Octets::Inline(ShortText::EMPTY));

    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// A string known at compile time, up to its first NUL.
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        Self::from_bytes(Bytes::from_static(text.as_bytes()))
    }

    /// The octets up to the first NUL; a long text shares the buffer.
    #[must_use]
    pub fn from_bytes(mut octets: Bytes) -> Self {
        let len = find_nul(&octets).unwrap_or(octets.len());
        Self::inline(&octets[..len]).unwrap_or_else(|| {
            octets.truncate(len);
            Self::long(octets)
        })
    }

    /// For octets that were just read up to a NUL, and are too many to be kept inline.
    pub(crate) fn long(octets: Bytes) -> Self {
        Self(Octets::Shared(Box::new(octets)))
    }

    /// The first `len` octets of `octets`, if so few fit into the string itself and there are
    /// enough behind them. There must be no NUL among them.
    #[inline(always)]
    pub(crate) fn short(octets: &[u8], len: usize) -> Option<Self> {
        ShortText::new(octets, len).map(Self::from)
    }

    /// All of `octets`, if so few fit into the string itself. There must be no NUL among them.
    pub(crate) fn inline(octets: &[u8]) -> Option<Self> {
        let mut inline = [0; INLINE];
        inline.get_mut(..octets.len())?.copy_from_slice(octets);
        let len = Len::new(octets.len())?;
        let octets = Chunk(inline);
        Some(ShortText { octets, len }.into())
    }

    /// The inline octets with what is behind them, and how many count.
    #[inline]
    pub(crate) fn as_inline(&self) -> Option<(&[u8; INLINE], usize)> {
        match &self.0 {
            Octets::Inline(text) => Some((&text.octets.0, text.len as usize)),
            Octets::Shared(_) => None,
        }
    }

    /// The octets, without NUL.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Octets::Inline(text) => &text.octets.0[..text.len as usize],
            Octets::Shared(octets) => octets,
        }
    }

    /// The octets as a buffer, without NUL: shared if the text is long, copied if it is short.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Octets::Shared(octets) => *octets,
            Octets::Inline(_) if self.is_empty() => Bytes::new(),
            Octets::Inline(_) => Bytes::copy_from_slice(self.as_bytes()),
        }
    }

    /// The same text in octets of its own. A long one shares those of the frame it was decoded
    /// from, and with them a read buffer of many kilobytes: detach what is kept.
    #[must_use]
    pub fn detach(&self) -> Self {
        match &self.0 {
            Octets::Inline(_) => self.clone(),
            Octets::Shared(octets) => Self::long(Bytes::copy_from_slice(octets)),
        }
    }

    /// Octets, without NUL.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the field was left out, as far as the wire allows that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text for people: UTF-8 (and so ASCII) as it is, anything else read as Latin-1, which
    /// is what peers that leave ASCII mostly mean.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        match std::str::from_utf8(self.as_bytes()) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.as_bytes().iter().copied().map(char::from).collect()),
        }
    }
}

impl From<ShortText> for COctetString {
    #[inline(always)]
    fn from(text: ShortText) -> Self {
        Self(Octets::Inline(text))
    }
}

impl From<&str> for COctetString {
    fn from(text: &str) -> Self {
        let octets = text.as_bytes();
        let len = find_nul(octets).unwrap_or(octets.len());
        let octets = &octets[..len];
        Self::inline(octets).unwrap_or_else(|| Self::long(Bytes::copy_from_slice(octets)))
    }
}

impl From<String> for COctetString {
    fn from(text: String) -> Self {
        Self::from_bytes(Bytes::from(text))
    }
}

impl From<Bytes> for COctetString {
    fn from(octets: Bytes) -> Self {
        Self::from_bytes(octets)
    }
}

impl AsRef<[u8]> for COctetString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Default for COctetString {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for COctetString {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for COctetString {}

impl PartialOrd for COctetString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for COctetString {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for COctetString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for COctetString {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for COctetString {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for COctetString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str())
    }
}

impl fmt::Debug for COctetString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

/// Where the first NUL is.
#[inline]
pub(crate) fn find_nul(octets: &[u8]) -> Option<usize> {
    find(octets, [0, 0])
}

/// Octets among which the end of a short text is.
pub(crate) const NEAR: usize = 24;

/// As [`find_nul`], quickest if it is [`NEAR`], and there are as many octets.
#[inline(always)]
pub(crate) fn find_near_nul(octets: &[u8]) -> Option<usize> {
    if let Some(near) = octets.first_chunk::<NEAR>() {
        for (index, word) in near.as_chunks().0.iter().enumerate() {
            let found = zeros(u64::from_le_bytes(*word));
            if found != 0 {
                return Some(8 * index + found.trailing_zeros() as usize / 8);
            }
        }
    }
    find_far_nul(octets)
}

#[inline(never)]
fn find_far_nul(octets: &[u8]) -> Option<usize> {
    find_nul(octets)
}

/// Where the first of two octets is, which may be one octet twice. Eight octets are looked at
/// together: what is searched here is short, and the end is near.
#[inline]
pub(crate) fn find(octets: &[u8], wanted: [u8; 2]) -> Option<usize> {
    let [one, other] = wanted.map(|octet| u64::from_ne_bytes([octet; 8]));
    let (words, rest) = octets.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ one) | zeros(word ^ other);
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let behind = rest.iter().position(|octet| wanted.contains(octet))?;
    Some(8 * words.len() + behind)
}

/// The high bit of each octet that is zero. Others may have it too, but no lower ones: below the
/// first zero no octet borrows.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_small_and_so_is_one_that_may_be_missing() {
        assert_eq!(size_of::<COctetString>(), 24);
        assert_eq!(size_of::<Option<COctetString>>(), 24);
    }

    #[test]
    fn short_and_long_texts_are_the_same_kind() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 64] {
            let text = "x".repeat(len);
            let made = COctetString::from(text.as_str());
            assert_eq!(made, COctetString::from(text.clone() + "\0behind"));
            assert_eq!(made.detach(), made);
            assert_eq!(made.len(), len);
            assert_eq!(made.into_bytes(), text);
        }
        let (short, long) = (COctetString::from("b"), COctetString::from("a".repeat(40)));
        assert!(short > long);
    }

    #[test]
    fn the_first_nul_is_found_wherever_it_is() {
        for octet in [1, 0x7F, 0x80, 0xFF] {
            for len in 0..40 {
                let mut octets = vec![octet; len];
                assert_eq!(find_nul(&octets), None);
                assert_eq!(find_near_nul(&octets), None);
                for at in (0..len).rev() {
                    octets[at] = 0;
                    assert_eq!(find_nul(&octets), Some(at));
                    assert_eq!(find_near_nul(&octets), Some(at));
                    assert_eq!(find(&octets, [octet ^ 2, 0]), Some(at));
                    assert_eq!(find(&octets, [0, octet ^ 2]), Some(at));
                }
            }
        }
    }

    #[test]
    fn a_nul_ends_the_string_however_it_is_made() {
        assert_eq!(COctetString::from("ab\0cd"), "ab");
        assert_eq!(COctetString::from("ab\0cd".to_owned()), "ab");
        assert_eq!(COctetString::from_static("\0cd"), "");
    }

    #[test]
    fn octets_that_are_not_utf_8_read_as_latin_1() {
        let text = COctetString::from_bytes(Bytes::from_static(b"M\xfcller"));
        assert_eq!(text.to_str(), "Müller");
        assert_eq!(text.as_bytes(), b"M\xfcller");
    }
}
