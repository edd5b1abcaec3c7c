//! Entries ⇄ frames: the octets of the log.
//!
//! A frame is at most [`FRAME_OCTETS_MAX`] long and holds whole entries; only an entry
//! longer than a frame is cut, over frames of its own. Layout, little endian:
//!
//! ```text
//! crc32 of the rest (4) | version (1) | flags (1) | entries that begin here (2) | entries
//! entry: length (LEB128) | postcard
//! ```
//!
//! Frames are numbered without gaps over all slices, from 1.

use super::StoreError;
use crate::message::Entry;

/// sled writes leaves beyond 128 KiB to files that it never syncs; with at most 17
/// values a leaf, 6 KiB each keep it below. A little less leaves room for keys.
pub(crate) const FRAME_OCTETS_MAX: usize = 6 * 1024;
const HEADER: usize = 8;
const VERSION: u8 = 1;
/// The frame begins with the rest of an entry.
const CONTINUES: u8 = 1;

/// A frame and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub number: u64,
    pub octets: Vec<u8>,
}

/// Packs entries into numbered frames.
#[derive(Debug)]
pub(crate) struct Packer {
    next: u64,
    done: Vec<Frame>,
    open: Vec<u8>,
    count: u16,
    scratch: Vec<u8>,
    octets: usize,
}

impl Packer {
    pub(crate) fn new(next: u64) -> Packer {
        Packer {
            next,
            done: Vec::new(),
            open: Vec::with_capacity(FRAME_OCTETS_MAX),
            count: 0,
            scratch: Vec::with_capacity(1024),
            octets: 0,
        }
    }

    /// Adds an entry; the number of the frame in which it begins.
    pub(crate) fn push(&mut self, entry: &Entry) -> u64 {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let encoded = postcard::to_extend(entry, scratch)
            .expect("entries hold nothing that cannot be encoded");
        let mut length = [0; 5];
        let length = leb128(encoded.len(), &mut length);
        let whole = length.len() + encoded.len();
        if !self.open.is_empty() && self.open.len() + whole > FRAME_OCTETS_MAX {
            self.close(0);
        }
        self.begin();
        self.open.extend_from_slice(length);
        self.count += 1;
        let number = self.next;
        if HEADER + whole <= FRAME_OCTETS_MAX {
            self.open.extend_from_slice(&encoded);
        } else {
            self.push_long(&encoded);
        }
        self.octets += whole;
        self.scratch = encoded;
        number
    }

    fn push_long(&mut self, mut rest: &[u8]) {
        let mut flags = 0;
        loop {
            let room = FRAME_OCTETS_MAX - self.open.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.open.extend_from_slice(now);
            self.close(flags);
            if later.is_empty() {
                return;
            }
            rest = later;
            flags = CONTINUES;
            self.begin();
        }
    }

    fn begin(&mut self) {
        if self.open.is_empty() {
            self.open.resize(HEADER, 0);
        }
    }

    fn close(&mut self, flags: u8) {
        if self.open.is_empty() {
            return;
        }
        let mut octets = std::mem::replace(&mut self.open, Vec::with_capacity(FRAME_OCTETS_MAX));
        octets[4] = VERSION;
        octets[5] = flags;
        octets[6..8].copy_from_slice(&self.count.to_le_bytes());
        let crc = crc32fast::hash(&octets[4..]);
        octets[..4].copy_from_slice(&crc.to_le_bytes());
        self.done.push(Frame {
            number: self.next,
            octets,
        });
        self.next += 1;
        self.count = 0;
    }

    /// Octets of entries since the last [`Packer::take`].
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// All frames so far; the next entry begins a new one.
    pub(crate) fn take(&mut self) -> Vec<Frame> {
        self.close(0);
        self.octets = 0;
        std::mem::take(&mut self.done)
    }
}

/// Puts entries together again from frames in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    last: u64,
    cut: Vec<u8>,
    cut_number: u64,
}

impl Unpacker {
    /// Reads one frame; `each` gets the number of the frame in which an entry begins.
    pub(crate) fn frame(
        &mut self,
        number: u64,
        octets: &[u8],
        mut each: impl FnMut(u64, Entry),
    ) -> Result<(), StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("frame {number}: {what}"));
        if self.last != 0 && number != self.last + 1 {
            return Err(corrupt(&format!("follows frame {}", self.last)));
        }
        self.last = number;
        let (header, mut rest) = octets
            .split_at_checked(HEADER)
            .ok_or_else(|| corrupt("too short"))?;
        let crc = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        if crc != crc32fast::hash(&octets[4..]) {
            return Err(corrupt("its checksum does not fit"));
        }
        if header[4] != VERSION {
            return Err(corrupt(&format!("version {} is not known here", header[4])));
        }
        if header[5] & CONTINUES != 0 {
            self.cut.extend_from_slice(rest);
            let (length, at) =
                read_leb128(&self.cut).ok_or_else(|| corrupt("no entry to continue"))?;
            if self.cut.len() < at + length {
                return Ok(());
            }
            let entry =
                decode(&self.cut[at..at + length]).ok_or_else(|| corrupt("unreadable entry"))?;
            each(self.cut_number, entry);
            self.cut.clear();
            return Ok(());
        }
        let count = u16::from_le_bytes([header[6], header[7]]);
        for _ in 0..count {
            let (length, at) = read_leb128(rest).ok_or_else(|| corrupt("no entry length"))?;
            if rest.len() < at + length {
                self.cut.clear();
                self.cut.extend_from_slice(rest);
                self.cut_number = number;
                return Ok(());
            }
            let entry =
                decode(&rest[at..at + length]).ok_or_else(|| corrupt("unreadable entry"))?;
            each(number, entry);
            rest = &rest[at + length..];
        }
        Ok(())
    }

    /// True before the first frame.
    pub(crate) fn is_fresh(&self) -> bool {
        self.last == 0
    }

    /// True when the last frame's entry goes on in the next one.
    pub(crate) fn is_cut(&self) -> bool {
        !self.cut.is_empty()
    }
}

/// True when the frame holds only the rest of an entry.
pub(crate) fn is_continuation(octets: &[u8]) -> bool {
    octets.get(5).is_some_and(|flags| flags & CONTINUES != 0)
}

fn decode(octets: &[u8]) -> Option<Entry> {
    postcard::from_bytes(octets).ok()
}

fn leb128(mut n: usize, out: &mut [u8; 5]) -> &[u8] {
    let mut i = 0;
    while n >= 0x80 && i < 4 {
        out[i] = (n & 0x7F) as u8 | 0x80;
        n >>= 7;
        i += 1;
    }
    out[i] = n as u8;
    &out[..=i]
}

/// The number, and how many octets it took.
fn read_leb128(octets: &[u8]) -> Option<(usize, usize)> {
    let mut n = 0;
    for (i, b) in octets.iter().take(5).enumerate() {
        n |= usize::from(b & 0x7F) << (7 * i);
        if b & 0x80 == 0 {
            return Some((n, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DocumentKind, Event, MessageId, Timestamp};

    fn entry(id: u64, octets: usize) -> Entry {
        Entry {
            subject: MessageId(id),
            at: Timestamp(7),
            previous: 3,
            event: Event::Document {
                kind: DocumentKind::Gateway,
                id,
                body: Some("x".repeat(octets)),
            },
        }
    }

    fn unpack(frames: &[Frame]) -> Result<Vec<(u64, Entry)>, StoreError> {
        let mut found = Vec::new();
        let mut unpacker = Unpacker::default();
        for f in frames {
            unpacker.frame(f.number, &f.octets, |n, e| found.push((n, e)))?;
        }
        assert!(!unpacker.is_cut());
        Ok(found)
    }

    #[test]
    fn entries_of_any_size_come_back_from_frames_within_the_limit() {
        let mut packer = Packer::new(41);
        let sizes = [
            0,
            10,
            6_000,
            6_200,
            100,
            20_000,
            1,
            FRAME_OCTETS_MAX - 8,
            30_000,
            5,
        ];
        let pushed: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(i, size)| {
                let e = entry(i as u64 + 1, *size);
                (packer.push(&e), e)
            })
            .collect();
        let frames = packer.take();
        assert!(frames.iter().all(|f| f.octets.len() <= FRAME_OCTETS_MAX));
        let numbers: Vec<u64> = frames.iter().map(|f| f.number).collect();
        assert_eq!(numbers, (41..41 + frames.len() as u64).collect::<Vec<_>>());
        assert_eq!(unpack(&frames).unwrap(), pushed);
    }

    #[test]
    fn a_flipped_bit_and_a_missing_frame_are_found() {
        let mut packer = Packer::new(1);
        for i in 0..100 {
            packer.push(&entry(i, 200));
        }
        let frames = packer.take();
        let mut flipped = frames.clone();
        flipped[1].octets[100] ^= 1;
        assert!(unpack(&flipped).is_err());
        let mut gap = frames;
        gap.remove(1);
        assert!(unpack(&gap).is_err());
    }
}
