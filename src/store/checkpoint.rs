//! The checkpoint beside the log: the live state in one file, so that a start need not read all
//! of it from the frames.
//!
//! It is derived from the log and never needed. While it is made the log goes on: each block
//! has items of the live state as of a frame, and a start reads the frames from the first block
//! on and each block between the frames where it belongs ([`Taking`] says why that is right).
//! Whatever is not whole, or belongs to another log, is as good as none.
//!
//! ```text
//! format (8) | crc32 of the bridge's version (4) | blocks | last block
//! block, little endian: octets of items (4) | crc32 of what follows (4) | frame (8) | items
//! last block: LAST (4) | crc32 of what follows (4) | frame (8) | blocks (8) | crc32 of that frame (4)
//! ```

use super::StoreError;
use super::journal::{CheckpointFile, FrameSource, Journal};
use super::ledger::{Ledger, Restoring, Taking};
use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tracing::{info, warn};

/// Of the file. What is in the items follows memory: each version of the bridge has its own.
const FORMAT: [u8; 8] = *b"sbckpt\0\x01";
/// In place of a length: the last block.
const LAST: u32 = u32::MAX;
const HEADER: usize = 16;
/// Items of one block: what a batch is held up by is a tenth of a millisecond.
const BLOCK_OCTETS: usize = 64 * 1024;
/// A block that is longer was not written here.
const BLOCK_OCTETS_MAX: usize = 1 << 30;
/// Blocks that wait for the disk.
const WAITING_MAX: usize = 16;

/// Makes checkpoints, a block after a commit.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// The log has to grow by so much before the next one, in octets of frames.
    octets_min: u64,
    /// Octets of frames since the last one began.
    grown: u64,
    /// Octets of the last one.
    size: u64,
    making: Option<Making>,
}

#[derive(Debug)]
struct Making {
    taking: Taking,
    to: SyncSender<Vec<u8>>,
    /// There was no room for it.
    held: Option<Vec<u8>>,
    blocks: u64,
    octets: u64,
    is_all: bool,
}

impl Checkpoints {
    /// There is this one already.
    pub(super) fn new(octets_min: u64, found: Option<Whole>) -> Checkpoints {
        Checkpoints {
            octets_min,
            grown: 0,
            size: found.map_or(0, |found| found.octets),
            making: None,
        }
    }

    /// The log has grown by so many octets of frames, or so many were read behind the last
    /// checkpoint, which had this size.
    pub(super) fn note(&mut self, octets: u64) {
        self.grown += octets;
    }

    /// Gives up the one in the making: the log is read anew.
    pub(super) fn give_up(&mut self) {
        self.making = None;
    }

    /// True while there is more to be taken; then [`Checkpoints::go_on`] is called again soon.
    pub(super) fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// True while it waits for the disk.
    pub(super) fn is_held_up(&self) -> bool {
        self.making.as_ref().is_some_and(|m| m.held.is_some())
    }

    /// Takes some of the live state if it is time to; everything the ledger has decided is
    /// durable, up to the journal's last frame.
    pub(super) fn go_on<J: Journal>(&mut self, ledger: &Ledger, journal: &mut J) {
        // As long as the last one: so it costs a small part of what the frames did, and a start
        // reads no more of these than of the checkpoint.
        let due = self.octets_min.max(self.size);
        if self.making.is_none() && self.grown >= due {
            self.grown = 0;
            self.making = begin(ledger, journal);
        }
        let Some(making) = &mut self.making else {
            return;
        };
        match making.go_on(ledger, journal) {
            Ok(true) => {}
            Ok(false) => {
                self.size = making.octets;
                self.making = None;
            }
            // Its thread has said why.
            Err(()) => self.making = None,
        }
    }
}

fn begin<J: Journal>(ledger: &Ledger, journal: &mut J) -> Option<Making> {
    let file = match journal.new_checkpoint() {
        Ok(file) => file?,
        Err(e) => {
            warn!(error = %e, "no checkpoint could be begun; a start reads more of the log");
            return None;
        }
    };
    let (to, blocks) = sync_channel::<Vec<u8>>(WAITING_MAX);
    let spawned = std::thread::Builder::new()
        .name("log-checkpoint".to_owned())
        .spawn(move || {
            if let Err(e) = write(file, &blocks) {
                warn!(error = %e, "no checkpoint could be made; a start reads more of the log");
            }
        });
    spawned.ok()?;
    let mut first = block();
    let taking = Taking::begin(ledger, &mut first);
    let mut making = Making {
        taking,
        to,
        held: None,
        blocks: 0,
        octets: 0,
        is_all: false,
    };
    let mut octets = format().to_vec();
    octets.extend(making.whole(first, highest(journal)));
    making.held = Some(octets);
    Some(making)
}

/// How a checkpoint of this version begins.
fn format() -> [u8; 12] {
    let mut format = [0; 12];
    format[..8].copy_from_slice(&FORMAT);
    let version = crc32fast::hash(env!("CARGO_PKG_VERSION").as_bytes());
    format[8..].copy_from_slice(&version.to_le_bytes());
    format
}

fn highest<J: Journal>(journal: &J) -> u64 {
    journal.source().bounds().map_or(0, |(_, highest)| highest)
}

/// Writes blocks until the last one; a file that does not get it is given up.
fn write(mut file: Box<dyn CheckpointFile>, blocks: &Receiver<Vec<u8>>) -> io::Result<()> {
    for block in blocks {
        // The end is an empty one.
        if block.is_empty() {
            return file.seal();
        }
        file.write(&block)?;
    }
    Ok(())
}

/// An empty one, with room for its header.
fn block() -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK_OCTETS + BLOCK_OCTETS / 8);
    block.resize(HEADER, 0);
    block
}

impl Making {
    /// False when all is on its way to the disk. `Err`: it cannot be written.
    fn go_on<J: Journal>(&mut self, ledger: &Ledger, journal: &J) -> Result<bool, ()> {
        let octets = match self.held.take() {
            Some(held) => held,
            None if self.is_all => Vec::new(),
            None => {
                let frame = highest(journal);
                let mut items = block();
                let more = self.taking.some(ledger, BLOCK_OCTETS, &mut items);
                let mut octets = self.whole(items, frame);
                if !more {
                    self.is_all = true;
                    octets.extend(self.last(&*journal.source(), frame).ok_or(())?);
                }
                octets
            }
        };
        let is_end = octets.is_empty();
        self.octets += octets.len() as u64;
        match self.to.try_send(octets) {
            Ok(()) => Ok(!is_end),
            Err(TrySendError::Full(octets)) => {
                self.octets -= octets.len() as u64;
                self.held = Some(octets);
                Ok(true)
            }
            Err(TrySendError::Disconnected(_)) => Err(()),
        }
    }

    /// With its header.
    fn whole(&mut self, mut block: Vec<u8>, frame: u64) -> Vec<u8> {
        self.blocks += 1;
        let length = u32::try_from(block.len() - HEADER).expect("a block is not that long");
        seal(&mut block, length, frame);
        block
    }

    /// The last block: what the log has to hold for the checkpoint to be of it.
    fn last(&self, source: &dyn FrameSource, frame: u64) -> Option<Vec<u8>> {
        let mut last = vec![0; HEADER];
        last.extend_from_slice(&self.blocks.to_le_bytes());
        last.extend_from_slice(&mark(source, frame)?.to_le_bytes());
        seal(&mut last, LAST, frame);
        Some(last)
    }
}

fn seal(block: &mut [u8], length: u32, frame: u64) {
    block[..4].copy_from_slice(&length.to_le_bytes());
    block[8..16].copy_from_slice(&frame.to_le_bytes());
    let crc = crc32fast::hash(&block[8..]);
    block[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// By which a frame is known again.
fn mark(source: &dyn FrameSource, frame: u64) -> Option<u32> {
    match source.read(frame) {
        Ok(Some(octets)) => Some(crc32fast::hash(&octets)),
        Ok(None) if frame == 0 => Some(0),
        _ => None,
    }
}

/// A checkpoint that is whole, and of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// The first frame that has to be read besides.
    pub(super) from: u64,
    pub(super) octets: u64,
}

/// Looks whether the journal's checkpoint is of any use.
pub(super) fn find<J: Journal>(journal: &J) -> Option<Whole> {
    let mut read = journal.checkpoint()?;
    let whole = verify(&mut read, &*journal.source());
    whole
        .inspect_err(|e| info!(reason = %e, "the checkpoint is of no use; the log is read without"))
        .ok()
}

/// Reads all of a checkpoint. `Err`: why it is none.
fn verify(read: &mut dyn Read, source: &dyn FrameSource) -> Result<Whole, StoreError> {
    let broken = |what: &str| StoreError::Corrupt(format!("checkpoint: {what}"));
    let mut blocks = Blocks::open(read)?;
    let mut first = None;
    let (mut count, mut octets) = (0u64, 0u64);
    loop {
        match blocks.next()? {
            Block::Items(frame) => {
                first.get_or_insert(frame);
                count += 1;
                octets += (HEADER + blocks.items().len()) as u64;
            }
            Block::Last {
                frame,
                blocks,
                mark: known,
            } => {
                let (lowest, highest) = source.bounds().unwrap_or((1, 0));
                if blocks != count {
                    return Err(broken("blocks are missing"));
                }
                if frame > highest || mark(source, frame) != Some(known) {
                    return Err(broken("it is of another log"));
                }
                let from = first.ok_or_else(|| broken("it is empty"))? + 1;
                if from < lowest {
                    return Err(broken("frames that belong to it are gone"));
                }
                return Ok(Whole { from, octets });
            }
        }
    }
}

/// The blocks of a checkpoint, one after the other.
struct Blocks<R> {
    from: R,
    octets: Vec<u8>,
}

enum Block {
    /// As of this frame; [`Blocks::items`] has them.
    Items(u64),
    Last {
        frame: u64,
        blocks: u64,
        mark: u32,
    },
}

impl<R: Read> Blocks<R> {
    fn open(mut from: R) -> Result<Blocks<R>, StoreError> {
        let mut found = [0; 12];
        from.read_exact(&mut found).map_err(failed)?;
        if found != format() {
            let words = "checkpoint: another version of the bridge wrote it";
            return Err(StoreError::Corrupt(words.to_owned()));
        }
        Ok(Blocks {
            from,
            octets: Vec::new(),
        })
    }

    fn next(&mut self) -> Result<Block, StoreError> {
        let mut header = [0; HEADER];
        self.from.read_exact(&mut header).map_err(failed)?;
        let u32_at = |octets: &[u8], at: usize| {
            octets
                .get(at..at + 4)
                .and_then(|o| o.try_into().ok())
                .map_or(0, u32::from_le_bytes)
        };
        let u64_at = |octets: &[u8], at: usize| {
            octets
                .get(at..at + 8)
                .and_then(|o| o.try_into().ok())
                .map_or(0, u64::from_le_bytes)
        };
        let length = u32_at(&header, 0);
        let octets = match length {
            LAST => 12,
            length => length as usize,
        };
        let broken = || StoreError::Corrupt("checkpoint: a checksum does not fit".to_owned());
        if octets > BLOCK_OCTETS_MAX {
            return Err(broken());
        }
        self.octets.clear();
        self.octets.extend_from_slice(&header[8..]);
        let mut body = (&mut self.from).take(octets as u64);
        body.read_to_end(&mut self.octets).map_err(failed)?;
        let is_whole = self.octets.len() == 8 + octets;
        if !is_whole || crc32fast::hash(&self.octets) != u32_at(&header, 4) {
            return Err(broken());
        }
        let frame = u64_at(&self.octets, 0);
        Ok(match length {
            LAST => Block::Last {
                frame,
                blocks: u64_at(&self.octets, 8),
                mark: u32_at(&self.octets, 16),
            },
            _ => Block::Items(frame),
        })
    }

    fn items(&self) -> &[u8] {
        &self.octets[8..]
    }
}

fn failed(e: io::Error) -> StoreError {
    StoreError::Io(format!("checkpoint: {e}"))
}

/// Takes the blocks of a checkpoint up, each where it belongs.
pub(super) struct Loading {
    blocks: Blocks<BufReader<Box<dyn Read + Send>>>,
    /// As of which frame the next block is; `None`: there is none.
    next: Option<u64>,
    restoring: Restoring,
}

impl Loading {
    /// Of a checkpoint that was found whole.
    pub(super) fn open(read: Box<dyn Read + Send>) -> Result<Loading, StoreError> {
        let mut loading = Loading {
            blocks: Blocks::open(BufReader::with_capacity(1 << 18, read))?,
            next: None,
            restoring: Restoring::default(),
        };
        loading.advance()?;
        Ok(loading)
    }

    /// Takes up the blocks as of this frame and before.
    pub(super) fn up_to(&mut self, frame: u64, ledger: &mut Ledger) -> Result<(), StoreError> {
        while self.next.is_some_and(|next| next <= frame) {
            let items = self.blocks.items();
            if self.restoring.take(ledger, items).is_none() {
                let words = "checkpoint: its items cannot be read";
                return Err(StoreError::Corrupt(words.to_owned()));
            }
            self.advance()?;
        }
        Ok(())
    }

    /// The log is read: takes up the rest.
    pub(super) fn end(mut self, ledger: &mut Ledger) -> Result<(), StoreError> {
        self.up_to(u64::MAX, ledger)?;
        self.restoring.end(ledger);
        Ok(())
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.next = match self.blocks.next()? {
            Block::Items(frame) => Some(frame),
            Block::Last { .. } => None,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;

    /// Frames from here to there, all of them empty.
    struct Log(u64, u64);

    impl FrameSource for Log {
        fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
            Ok((self.0..=self.1).contains(&number).then(Vec::new))
        }

        fn last_frame_of(&self, _subject: MessageId) -> Result<Option<u64>, StoreError> {
            Ok(None)
        }

        fn bounds(&self) -> Option<(u64, u64)> {
            Some((self.0, self.1))
        }
    }

    /// Of no items, as of the frames from 10 to 20.
    fn checkpoint() -> Vec<u8> {
        let mut octets = format().to_vec();
        for frame in [10, 20] {
            let mut block = vec![0; HEADER];
            seal(&mut block, 0, frame);
            octets.extend(block);
        }
        let mut last = vec![0; HEADER];
        last.extend(2u64.to_le_bytes());
        last.extend(crc32fast::hash(&[]).to_le_bytes());
        seal(&mut last, LAST, 20);
        octets.extend(last);
        octets
    }

    #[test]
    fn one_of_another_version_is_not_read() {
        let mut octets = checkpoint();
        octets[11] ^= 1;
        assert!(verify(&mut &octets[..], &Log(1, 30)).is_err());
    }

    #[test]
    fn every_frame_behind_the_first_block_has_to_be_there() {
        let found = |lowest, highest| verify(&mut &checkpoint()[..], &Log(lowest, highest));
        let whole = Whole {
            from: 11,
            octets: 2 * HEADER as u64,
        };
        assert_eq!(found(1, 30), Ok(whole));
        assert_eq!(found(11, 20), Ok(whole));
        assert!(found(12, 30).is_err(), "the frame behind the first block");
        assert!(found(1, 19).is_err(), "the frame of the last one");
    }
}
