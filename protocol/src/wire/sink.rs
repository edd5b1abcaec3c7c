//! Where a PDU's fields are written to: first counted, then filled in, by the same calls.

use crate::c_octet_string::{COctetString, INLINE};

/// Where fields are written to.
pub(crate) trait Sink {
    fn u8(&mut self, value: u8);
    fn u16(&mut self, value: u16);
    fn u32(&mut self, value: u32);
    fn octets(&mut self, octets: &[u8]);

    #[inline]
    fn c_octets(&mut self, text: &COctetString) {
        self.octets(text.as_bytes());
        self.u8(0);
    }
}

/// Writes into octets that were counted before.
pub(crate) struct Fill<'b> {
    out: &'b mut [u8],
    at: usize,
}

impl<'b> Fill<'b> {
    pub(crate) fn new(out: &'b mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    /// The next `N` octets, of which the first `octets` are to be kept.
    #[inline(always)]
    fn next<const N: usize>(&mut self, octets: usize) -> Option<&mut [u8; N]> {
        let next = self.out.get_mut(self.at..)?.first_chunk_mut();
        self.at += octets;
        next
    }
}

impl Sink for Fill<'_> {
    #[inline(always)]
    fn u8(&mut self, value: u8) {
        *self.next(1).expect("Count went the same way") = [value];
    }

    #[inline(always)]
    fn u16(&mut self, value: u16) {
        *self.next(2).expect("Count went the same way") = value.to_be_bytes();
    }

    #[inline(always)]
    fn u32(&mut self, value: u32) {
        *self.next(4).expect("Count went the same way") = value.to_be_bytes();
    }

    #[inline(always)]
    fn octets(&mut self, octets: &[u8]) {
        self.out[self.at..][..octets.len()].copy_from_slice(octets);
        self.at += octets.len();
    }

    #[inline(always)]
    fn c_octets(&mut self, text: &COctetString) {
        // A copy of fixed length is a few moves; what is too much of it is written over.
        if let Some((octets, len)) = text.as_inline()
            && self.out.len() - self.at > INLINE
        {
            if len > 0 {
                *self
                    .next(len)
                    .expect("the condition left more than an inline text takes") = *octets;
            }
            self.u8(0);
        } else {
            self.octets(text.as_bytes());
            self.u8(0);
        }
    }
}

/// Counts the octets that would be written.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    #[inline(always)]
    fn u8(&mut self, _: u8) {
        self.0 += 1;
    }

    #[inline(always)]
    fn u16(&mut self, _: u16) {
        self.0 += 2;
    }

    #[inline(always)]
    fn u32(&mut self, _: u32) {
        self.0 += 4;
    }

    #[inline(always)]
    fn octets(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}
