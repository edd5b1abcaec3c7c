//! Where a PDU's fields are written to: counted, or filled in, by the same calls.

use crate::c_octet_string::{COctetString, INLINE};

/// Octets of the longest text that is kept in its string, with its NUL.
pub(crate) const TEXT_OCTETS: usize = INLINE + 1;

/// Where fields are written to.
pub(crate) trait Sink {
    /// So many octets at once, which takes one look at the room for them.
    fn array<const N: usize>(&mut self, octets: [u8; N]);
    fn octets(&mut self, octets: &[u8]);

    #[inline(always)]
    fn u8(&mut self, value: u8) {
        self.array([value]);
    }

    #[inline(always)]
    fn u32(&mut self, value: u32) {
        self.array(value.to_be_bytes());
    }

    #[inline(always)]
    fn c_octets(&mut self, text: &COctetString) {
        self.octets(text.as_bytes());
        self.u8(0);
    }
}

/// The front of a PDU whose fields have room for `N` octets if their texts are short. What is too
/// much of a text is written over by the next field.
pub(crate) struct Front<'b, const N: usize> {
    octets: &'b mut [u8; N],
    at: usize,
    fits: bool,
}

impl<'b, const N: usize> Front<'b, N> {
    #[inline(always)]
    pub(crate) fn new(octets: &'b mut [u8; N]) -> Self {
        Self {
            octets,
            at: 0,
            fits: true,
        }
    }

    /// How many octets were written, unless one of the texts was long.
    #[inline(always)]
    pub(crate) fn written(&self) -> Option<usize> {
        self.fits.then_some(self.at)
    }

    #[inline(always)]
    fn next<const M: usize>(&mut self) -> Option<&mut [u8; M]> {
        self.octets.get_mut(self.at..)?.first_chunk_mut()
    }
}

impl<const N: usize> Sink for Front<'_, N> {
    #[inline(always)]
    fn array<const M: usize>(&mut self, octets: [u8; M]) {
        match self.next() {
            Some(next) => *next = octets,
            None => self.fits = false,
        }
        self.at += M;
    }

    #[inline(always)]
    fn octets(&mut self, _: &[u8]) {
        self.fits = false;
    }

    #[inline(always)]
    fn c_octets(&mut self, text: &COctetString) {
        // A copy of fixed length is a few moves, of variable length a call.
        match (text.as_inline(), self.next::<TEXT_OCTETS>()) {
            (Some((octets, len)), Some(next)) => {
                // Most fields of most messages are empty.
                if len > 0 {
                    *next.first_chunk_mut().expect("room for the NUL, too") = *octets;
                }
                next[len] = 0;
                self.at += len + 1;
            }
            _ => self.fits = false,
        }
    }
}

/// Copies octets to as many others, of a short text in pieces of fixed length, which may overlap: a
/// few moves, where a copy of any length is a call.
#[inline(always)]
pub(crate) fn copy(out: &mut [u8], text: &[u8]) -> Option<()> {
    match text.len() {
        256.. => out.copy_from_slice(text),
        128.. => {
            *out.first_chunk_mut::<128>()? = *text.first_chunk()?;
            if text.len() > 192 {
                *out.get_mut(128..)?.first_chunk_mut::<64>()? = *text[128..].first_chunk()?;
            }
            *out.last_chunk_mut::<64>()? = *text.last_chunk()?;
        }
        64.. => copy_ends::<64>(out, text)?,
        32.. => copy_ends::<32>(out, text)?,
        16.. => copy_ends::<16>(out, text)?,
        8.. => copy_ends::<8>(out, text)?,
        4.. => copy_ends::<4>(out, text)?,
        2.. => copy_ends::<2>(out, text)?,
        1 => *out.first_mut()? = text[0],
        0 => {}
    }
    Some(())
}

#[inline(always)]
fn copy_ends<const N: usize>(out: &mut [u8], text: &[u8]) -> Option<()> {
    *out.first_chunk_mut::<N>()? = *text.first_chunk()?;
    *out.last_chunk_mut::<N>()? = *text.last_chunk()?;
    Some(())
}

/// Writes into octets as long as there are enough.
pub(crate) struct Fill<'b> {
    rest: &'b mut [u8],
    is_full: bool,
}

impl<'b> Fill<'b> {
    pub(crate) fn new(out: &'b mut [u8]) -> Self {
        Self {
            rest: out,
            is_full: false,
        }
    }

    /// How many octets are left, unless there were too few.
    pub(crate) fn left(self) -> Option<usize> {
        (!self.is_full).then_some(self.rest.len())
    }
}

impl Sink for Fill<'_> {
    fn array<const N: usize>(&mut self, octets: [u8; N]) {
        self.octets(&octets);
    }

    fn octets(&mut self, octets: &[u8]) {
        let rest = std::mem::take(&mut self.rest);
        match rest.split_at_mut_checked(octets.len()) {
            Some((next, behind)) => {
                next.copy_from_slice(octets);
                self.rest = behind;
            }
            None => self.is_full = true,
        }
    }
}

/// Counts the octets that would be written.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    fn array<const N: usize>(&mut self, _: [u8; N]) {
        self.0 += N;
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}
