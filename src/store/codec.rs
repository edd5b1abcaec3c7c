//! Entries ⇄ frames: the octets of the log.
//!
//! A frame is at most [`FRAME_OCTETS_MAX`] long and holds whole entries; only an entry
//! longer than a frame is cut, over frames of its own. Layout, little endian:
//!
//! ```text
//! crc32 of the rest (4) | version (1) | flags (1) | entries that begin here (2) | entries
//! entry: length | subject | time | frame of its entry before | event (postcard)
//! ```
//!
//! `numbers` says how the numbers of an entry are told.
//!
//! Frames are numbered without gaps over all slices, from 1.

use super::StoreError;
use super::journal::FrameSource;
use super::numbers::{Leb128, Numbers, take_length};
use crate::message::{Entry, encode_in};

/// sled writes leaves beyond 128 KiB to files that it never syncs; with at most 17
/// values a leaf, 6 KiB each keep it below. A little less leaves room for keys.
pub(crate) const FRAME_OCTETS_MAX: usize = 6 * 1024;
const HEADER: usize = 8;
/// Frames of another version are not read. 1 had each number in full.
const VERSION: u8 = 2;
/// Most events take less.
const SCRATCH: usize = 1024;
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
    /// Of the last entry in the open frame.
    last: Numbers,
    /// Where an event is encoded, unless it is longer.
    scratch: Box<[u8]>,
    octets: usize,
}

impl Packer {
    pub(crate) fn new(next: u64) -> Packer {
        Packer {
            next,
            done: Vec::new(),
            open: Vec::with_capacity(FRAME_OCTETS_MAX),
            count: 0,
            last: Numbers::default(),
            scratch: [0; SCRATCH].into(),
            octets: 0,
        }
    }

    /// Adds an entry; the number of the frame in which it begins.
    pub(crate) fn push(&mut self, entry: &Entry) -> u64 {
        let mut scratch = std::mem::take(&mut self.scratch);
        let event = encode_in(&mut scratch, &entry.event);
        let mut numbers = self.last.told(entry, self.next);
        if !self.open.is_empty() && self.open.len() + whole(&numbers, &event) > FRAME_OCTETS_MAX {
            self.close(0);
            numbers = self.last.told(entry, self.next);
        }
        self.begin();
        let mut length = Leb128::default();
        length.push((numbers.octets().len() + event.len()) as u64);
        self.open.extend_from_slice(length.octets());
        self.open.extend_from_slice(numbers.octets());
        self.count += 1;
        self.last = Numbers::of(entry);
        let number = self.next;
        let whole = whole(&numbers, &event);
        if HEADER + whole <= FRAME_OCTETS_MAX {
            self.open.extend_from_slice(&event);
        } else {
            self.push_long(&event);
        }
        self.octets += whole;
        drop(event);
        self.scratch = scratch;
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
        self.last = Numbers::default();
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
            let mut cut = &self.cut[..];
            let length = take_length(&mut cut).ok_or_else(|| corrupt("no entry to continue"))?;
            let Some(whole) = cut.get(..length) else {
                return Ok(());
            };
            let entry = Numbers::default().read(whole, self.cut_number);
            each(
                self.cut_number,
                entry.ok_or_else(|| corrupt("unreadable entry"))?,
            );
            self.cut.clear();
            return Ok(());
        }
        let count = u16::from_le_bytes([header[6], header[7]]);
        let mut last = Numbers::default();
        for _ in 0..count {
            let mut after = rest;
            let length = take_length(&mut after).ok_or_else(|| corrupt("no entry length"))?;
            let Some((whole, after)) = after.split_at_checked(length) else {
                self.cut.clear();
                self.cut.extend_from_slice(rest);
                self.cut_number = number;
                return Ok(());
            };
            let entry = last.read(whole, number);
            each(number, entry.ok_or_else(|| corrupt("unreadable entry"))?);
            rest = after;
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

/// Octets of an entry, its length included.
fn whole(numbers: &Leb128, event: &[u8]) -> usize {
    let entry = numbers.octets().len() + event.len();
    let length = (usize::BITS - entry.leading_zeros()).div_ceil(7);
    length as usize + entry
}

/// Refuses a log whose newest frame is whole and of another version than this code writes.
pub(crate) fn refuse_other_version(source: &dyn FrameSource) -> Result<(), StoreError> {
    let Some((lowest, highest)) = source.bounds() else {
        return Ok(());
    };
    let newest = (lowest..=highest).rev().take(NEWEST_FRAMES);
    let version = newest
        .filter_map(|number| source.read(number).ok().flatten())
        .find_map(|octets| version_of(&octets));
    match version {
        Some(version) if version != VERSION => Err(StoreError::Corrupt(format!(
            "it is written in format {version}, and this version of smpp-bridge reads and writes \
             format {VERSION}. Nothing was changed: go on with the version that wrote it, or set \
             storage.path to another directory"
        ))),
        _ => Ok(()),
    }
}

/// Frames of which one should be readable.
const NEWEST_FRAMES: usize = 8;

/// The version of a frame that is whole.
fn version_of(octets: &[u8]) -> Option<u8> {
    let (crc, rest) = octets.split_first_chunk::<4>()?;
    let whole = u32::from_le_bytes(*crc) == crc32fast::hash(rest);
    rest.first().copied().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{
        Concat, DocumentKind, Event, GatewayId, MessageId, MoRecord, Snapshot, Timestamp, sample,
    };

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

    #[test]
    fn numbers_of_any_size_and_order_come_back() {
        let mut packer = Packer::new(1 << 40);
        let numbers = [0, 1, 127, 128, u64::MAX, 1 << 53, u64::MAX - 1, 5];
        let mut pushed = Vec::new();
        for (subject, at) in numbers.iter().flat_map(|s| numbers.map(|at| (*s, at))) {
            let e = Entry {
                subject: MessageId(subject),
                at: Timestamp(at),
                previous: at,
                event: Event::Leased { attempt: 1 },
            };
            pushed.push((packer.push(&e), e));
        }
        assert_eq!(unpack(&packer.take()).unwrap(), pushed);
    }

    #[test]
    fn segments_that_came_again_come_back() {
        let concat = Concat {
            reference: 9,
            total: 2,
            number: 1,
            reference_bits: 8,
        };
        let record = MoRecord {
            segment: Some(concat),
            ..sample::mo()
        };
        let copies = [
            Snapshot::MoSegmentAgain {
                record: record.clone(),
                received_at: Timestamp(3),
            },
            Snapshot::MoJoined {
                gateway: GatewayId(1),
                source_addr: "4915112345678".into(),
                destination_addr: "12345".into(),
                reference: 9,
                reference_bits: 8,
                total: 2,
                of: u64::MAX,
                joined_at: Timestamp(5),
                parts: vec![(1, u64::MAX), (2, 0)],
            },
        ];
        let events = [
            Event::MoSegmentAgain {
                record: Box::new(record),
                concat,
            },
            Event::MoRepeated {
                segments: vec![MessageId(7), MessageId(8)],
            },
        ];
        // Their numbers in the log, which never change.
        let number = |octets: Vec<u8>| octets[0];
        let encoded = events.each_ref().map(|e| postcard::to_allocvec(e).unwrap());
        assert_eq!(encoded.map(number), [25, 26]);
        let encoded = copies.each_ref().map(|c| postcard::to_allocvec(c).unwrap());
        assert_eq!(encoded.map(number), [4, 5]);
        let carried = copies.map(|copy| Event::Carried(Box::new(copy)));
        let mut packer = Packer::new(1);
        let pushed: Vec<_> = events
            .into_iter()
            .chain(carried)
            .map(|event| {
                let e = Entry {
                    event,
                    ..entry(7, 0)
                };
                (packer.push(&e), e)
            })
            .collect();
        assert_eq!(unpack(&packer.take()).unwrap(), pushed);
    }

    #[test]
    fn an_entry_like_the_one_before_takes_few_octets() {
        let mut packer = Packer::new(1_000_000);
        for id in 0..100 {
            packer.push(&Entry {
                subject: MessageId(1 << 52 | id << 4),
                at: Timestamp(1_800_000_000_000_000),
                previous: 999_990,
                event: Event::Leased { attempt: 1 },
            });
        }
        assert!(packer.octets() < 100 * 7 + 20, "{}", packer.octets());
    }
}
