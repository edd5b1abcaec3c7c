//! The numbers of an entry, told from those of the entry before it in the frame.
//!
//! All are LEB128. Subject and time are told by how far they are from the last ones, from 0 at
//! the beginning of a frame; the frame of the subject's entry before by how far it is back, and
//! one more; 0 is none. So most of them are one octet or two.

use crate::message::{Entry, Event, MessageId, Timestamp};

/// What the numbers of an entry are told from: those of the one before in its frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    subject: u64,
    at: u64,
}

impl Numbers {
    pub(super) fn of(entry: &Entry) -> Numbers {
        Numbers {
            subject: entry.subject.0,
            at: entry.at.0,
        }
    }

    /// The numbers of an entry that follows, in this frame.
    pub(super) fn told(&self, entry: &Entry, frame: u64) -> Leb128 {
        let mut numbers = Leb128::default();
        numbers.push(zigzag(entry.subject.0.wrapping_sub(self.subject)));
        numbers.push(zigzag(entry.at.0.wrapping_sub(self.at)));
        // What names a later frame is not sound, but it is told as it is.
        let back = frame.wrapping_sub(entry.previous).wrapping_add(1);
        numbers.push(if entry.previous == 0 { 0 } else { back });
        numbers
    }

    /// The entry that follows, in this frame: its numbers, then its event.
    pub(super) fn read(&mut self, mut octets: &[u8], frame: u64) -> Option<Entry> {
        let from = &mut octets;
        self.subject = self.subject.wrapping_add(unzigzag(take_leb128(from)?));
        self.at = self.at.wrapping_add(unzigzag(take_leb128(from)?));
        let previous = match take_leb128(from)? {
            0 => 0,
            back => frame.wrapping_add(1).wrapping_sub(back),
        };
        let event: Event = postcard::from_bytes(from).ok()?;
        Some(Entry {
            subject: MessageId(self.subject),
            at: Timestamp(self.at),
            previous,
            event,
        })
    }
}

/// Small differences of either sign as small numbers.
fn zigzag(difference: u64) -> u64 {
    let signed = difference as i64;
    (signed << 1 ^ signed >> 63) as u64
}

fn unzigzag(n: u64) -> u64 {
    n >> 1 ^ (n & 1).wrapping_neg()
}

/// Up to three numbers in LEB128.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leb128 {
    octets: [u8; 30],
    len: usize,
}

impl Leb128 {
    pub(super) fn push(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.octets[self.len] = (n & 0x7F) as u8 | 0x80;
            self.len += 1;
            n >>= 7;
        }
        self.octets[self.len] = n as u8;
        self.len += 1;
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

fn take_leb128(octets: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = octets.split_first()?;
        *octets = rest;
        n |= u64::from(octet & 0x7F) << shift;
        if octet & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

pub(super) fn take_length(octets: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_leb128(octets)?).ok()
}
