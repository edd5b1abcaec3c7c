//! Where a PDU's fields are written to: first counted, then filled in, by the same calls.

use crate::c_octet_string::{COctetString, INLINE};

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

/// Octets that an inline text takes with its NUL, however short it is: what is too much of it is
/// written over.
pub(crate) const SLACK: usize = INLINE + 1;

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
    #[inline(always)]
    pub(crate) fn left(self) -> Option<usize> {
        (!self.is_full).then_some(self.rest.len())
    }

    #[inline(never)]
    #[cold]
    fn c_octets_at_the_end(&mut self, text: &COctetString) {
        self.octets(text.as_bytes());
        self.array([0]);
    }
}

impl Sink for Fill<'_> {
    #[inline(always)]
    fn array<const N: usize>(&mut self, octets: [u8; N]) {
        let rest = std::mem::take(&mut self.rest);
        match rest.split_first_chunk_mut() {
            Some((next, behind)) => {
                *next = octets;
                self.rest = behind;
            }
            None => self.is_full = true,
        }
    }

    #[inline(always)]
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

    #[inline(always)]
    fn c_octets(&mut self, text: &COctetString) {
        // A copy of fixed length is a few moves, of variable length a call.
        if let Some((octets, len)) = text.as_inline()
            && let Some(next) = self.rest.first_chunk_mut::<SLACK>()
        {
            *next.first_chunk_mut().expect("24 is more than 23") = *octets;
            next[len] = 0;
            let rest = std::mem::take(&mut self.rest);
            self.rest = &mut rest[len + 1..];
        } else {
            self.c_octets_at_the_end(text);
        }
    }
}

/// Counts the octets that would be written.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    #[inline(always)]
    fn array<const N: usize>(&mut self, _: [u8; N]) {
        self.0 += N;
    }

    #[inline(always)]
    fn octets(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}
