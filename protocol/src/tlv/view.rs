//! Optional parameters where they lie.

use std::fmt;

use super::Tag;
use crate::c_octet_string::find_nul;

/// One optional parameter, in the octets of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tlv<'a> {
    /// Says what the value is.
    pub tag: Tag,
    /// The value alone, neither tag nor length.
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The value as a number. Peers write integers in other widths than the table says; 1, 2, 3, 4
    /// and 8 octets are read, and anything else counts as absent.
    #[must_use]
    pub fn integer(self) -> Option<u64> {
        match self.value.len() {
            1..=4 | 8 => Some(
                self.value
                    .iter()
                    .fold(0, |sum, &octet| sum << 8 | u64::from(octet)),
            ),
            _ => None,
        }
    }

    /// The value up to its first NUL, without blanks around it.
    #[must_use]
    pub fn cstr(self) -> &'a [u8] {
        let nul = find_nul(self.value).unwrap_or(self.value.len());
        self.value[..nul].trim_ascii()
    }
}

/// Optional parameters in their frame, in the order of the wire; all of them are whole.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct TlvsRef<'a> {
    rest: &'a [u8],
}

impl<'a> TlvsRef<'a> {
    /// For octets of whole TLVs.
    #[inline(always)]
    pub(crate) fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The value of the first TLV with this tag.
    #[must_use]
    pub fn get(mut self, tag: Tag) -> Option<&'a [u8]> {
        self.find(|tlv| tlv.tag == tag).map(|tlv| tlv.value)
    }
}

impl<'a> Iterator for TlvsRef<'a> {
    type Item = Tlv<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tlv<'a>> {
        let (tlv, behind) = split(self.rest)?;
        self.rest = behind;
        Some(tlv)
    }
}

impl fmt::Debug for TlvsRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for Tlv { tag, value } in *self {
            map.entry(&tag, &format_args!("b\"{}\"", value.escape_ascii()));
        }
        map.finish()
    }
}

/// The TLV in front, and what is behind it.
#[inline(always)]
pub(crate) fn split(octets: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let ([tag, tag_low, len, len_low], behind) = octets.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes([*len, *len_low]));
    let (value, behind) = behind.split_at_checked(len)?;
    let tag = Tag(u16::from_be_bytes([*tag, *tag_low]));
    Some((Tlv { tag, value }, behind))
}
