//! The write-ahead file: what a commit waits for.
//!
//! A batch is one record, written into a file that was filled with zeros beforehand, and
//! one fdatasync that has no metadata to write. sled gets the frames afterwards, many
//! batches at a time ([`super::feeder`]); until it has them on the disk the record stays.
//! Two files take turns: one is used anew only when sled has all of it.
//!
//! ```text
//! record, little endian:
//! magic (4) | crc32 of all that follows (4) | octets of frames (4) | frames (4) | first number (8)
//! frame: length (2) | octets
//! ```
//!
//! Old records may stand behind the last one. They cannot be taken for new ones: numbers
//! ascend within a file, and old ones are lower. So a damaged record costs its own frames
//! and no others: the next whole record with higher numbers is found behind it.

use super::disk::Disk;
use crate::store::StoreError;
use crate::store::codec::Frame;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Octets of one file. At 35,000 messages a second both together hold half a second:
/// longer than sled was ever seen to stall.
pub(super) const FILE_OCTETS: u64 = 4 << 20;
const HEADER: usize = 24;
const MAGIC: u32 = 0x4C_41_57_31;

#[derive(Debug)]
pub(super) struct Wal {
    files: [Half; 2],
    /// Which file takes the next record, and where.
    present: usize,
    offset: u64,
    record: Vec<u8>,
    disk: Arc<dyn Disk>,
}

#[derive(Debug)]
struct Half {
    file: File,
    /// The highest frame in it.
    last: u64,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Durable,
    /// Both files hold frames that sled does not have: wait until it has this one.
    WaitFor(u64),
    /// Larger than a file: it has to go to sled at once.
    TooLarge,
}

impl Wal {
    /// Opens both files, creating them where they are missing, and gives back the frames
    /// in them, ascending.
    pub(super) fn open(
        directory: &Path,
        disk: Arc<dyn Disk>,
    ) -> Result<(Wal, Vec<Frame>), StoreError> {
        let open = |name: &str| {
            let path = directory.join(name);
            let opened = open_file(&path, &*disk);
            opened.map_err(|e| StoreError::Io(format!("{}: {e}", path.display())))
        };
        let ((a, mut frames), (b, more)) = (open("wal-a")?, open("wal-b")?);
        disk.sync_directory(directory)
            .map_err(|e| StoreError::Io(format!("{}: {e}", directory.display())))?;
        frames.extend(more);
        frames.sort_by_key(|f| f.number);
        // The newest records stay for one more start, should sled lose what it has just got.
        let wal = Wal {
            present: usize::from(a.last > b.last),
            files: [a, b],
            offset: 0,
            record: Vec::new(),
            disk,
        };
        Ok((wal, frames))
    }

    /// Nothing in the files is needed any more: sled has it all.
    pub(super) fn begin_anew(&mut self) {
        self.present = 1 - self.present;
        self.offset = 0;
        for half in &mut self.files {
            half.last = 0;
        }
    }

    /// Writes the frames, durable on return; `fed` is the highest frame that sled has.
    pub(super) fn write(&mut self, frames: &[Frame], fed: u64) -> io::Result<Written> {
        let Some(last) = frames.last().map(|f| f.number) else {
            return Ok(Written::Durable);
        };
        encode(frames, &mut self.record);
        let octets = self.record.len() as u64;
        if octets > FILE_OCTETS {
            return Ok(Written::TooLarge);
        }
        if self.offset + octets > FILE_OCTETS {
            let other = 1 - self.present;
            if self.files[other].last > fed {
                return Ok(Written::WaitFor(self.files[other].last));
            }
            self.present = other;
            self.offset = 0;
        }
        let half = &mut self.files[self.present];
        half.file.write_all_at(&self.record, self.offset)?;
        self.disk.sync_file(&half.file)?;
        half.last = last;
        self.offset += octets;
        Ok(Written::Durable)
    }
}

fn encode(frames: &[Frame], record: &mut Vec<u8>) {
    record.clear();
    record.extend_from_slice(&MAGIC.to_le_bytes());
    record.resize(HEADER, 0);
    for frame in frames {
        let length = u16::try_from(frame.octets.len()).expect("a frame is at most 6 KiB");
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&frame.octets);
    }
    let octets = u32::try_from(record.len() - HEADER).unwrap_or(u32::MAX);
    let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
    let first = frames.first().map_or(0, |f| f.number);
    record[8..12].copy_from_slice(&octets.to_le_bytes());
    record[12..16].copy_from_slice(&count.to_le_bytes());
    record[16..24].copy_from_slice(&first.to_le_bytes());
    let crc = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// A file of the right size, every octet of it written once, and the frames in it.
fn open_file(path: &Path, disk: &dyn Disk) -> io::Result<(Half, Vec<Frame>)> {
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)?;
    let frames = read(&mut file)?;
    let length = file.metadata()?.len();
    if length != FILE_OCTETS {
        // A file that is too short was never finished, or was cut: what it holds stays.
        file.set_len(length.min(FILE_OCTETS))?;
        file.seek(SeekFrom::End(0))?;
        let mut zeros = io::repeat(0).take(FILE_OCTETS.saturating_sub(length));
        let mut to = io::BufWriter::with_capacity(1 << 20, &file);
        io::copy(&mut zeros, &mut to)?;
        to.flush()?;
        drop(to);
        disk.sync_file(&file)?;
    }
    let last = frames.last().map_or(0, |f| f.number);
    Ok((Half { file, last }, frames))
}

/// What the write-ahead files hold, of a log that is not to be changed.
pub(super) fn frames_at_rest(directory: &Path) -> io::Result<Vec<Frame>> {
    let mut frames = Vec::new();
    for name in ["wal-a", "wal-b"] {
        match File::open(directory.join(name)) {
            Ok(mut file) => frames.extend(read(&mut file)?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    frames.sort_by_key(|f| f.number);
    Ok(frames)
}

/// The frames of all whole records, ascending.
fn read(file: &mut File) -> io::Result<Vec<Frame>> {
    let mut all = Vec::new();
    file.take(FILE_OCTETS).read_to_end(&mut all)?;
    let mut frames: Vec<Frame> = Vec::new();
    let mut rest = &all[..];
    while !rest.is_empty() {
        let last = frames.last().map_or(0, |f| f.number);
        match next_record(rest) {
            Some((mut record, after)) if record[0].number > last => {
                frames.append(&mut record);
                rest = after;
            }
            _ => rest = from_next_magic(&rest[1..]),
        }
    }
    Ok(frames)
}

/// From where the next record may begin.
fn from_next_magic(octets: &[u8]) -> &[u8] {
    let magic = MAGIC.to_le_bytes();
    let at = octets.windows(magic.len()).position(|w| w == magic);
    &octets[at.unwrap_or(octets.len())..]
}

/// The record at the front and what follows it; `None`: there is no whole one.
fn next_record(octets: &[u8]) -> Option<(Vec<Frame>, &[u8])> {
    let header = octets.get(..HEADER)?;
    let u32_at = |at: usize| header[at..at + 4].try_into().ok().map(u32::from_le_bytes);
    if u32_at(0)? != MAGIC {
        return None;
    }
    let length = usize::try_from(u32_at(8)?).ok()?;
    let end = HEADER.checked_add(length)?;
    let body = octets.get(HEADER..end)?;
    if crc32fast::hash(&octets[8..end]) != u32_at(4)? {
        return None;
    }
    let first = u64::from_le_bytes(header[16..24].try_into().ok()?);
    let mut frames = Vec::new();
    let mut rest = body;
    for n in 0..u64::from(u32_at(12)?) {
        let (length, after) = rest.split_at_checked(2)?;
        let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
        let (frame, after) = after.split_at_checked(length)?;
        frames.push(Frame {
            number: first + n,
            octets: frame.to_vec(),
        });
        rest = after;
    }
    (!frames.is_empty()).then_some((frames, &octets[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sled::disk::MachineDisk;

    fn frames(numbers: std::ops::RangeInclusive<u64>, octets: usize) -> Vec<Frame> {
        numbers
            .map(|number| Frame {
                number,
                octets: vec![number as u8; octets],
            })
            .collect()
    }

    fn open(directory: &Path) -> (Wal, Vec<Frame>) {
        Wal::open(directory, Arc::new(MachineDisk)).unwrap()
    }

    fn found(directory: &Path) -> Vec<u64> {
        open(directory).1.iter().map(|f| f.number).collect()
    }

    #[test]
    fn what_was_written_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let (mut wal, nothing) = open(directory.path());
        assert!(nothing.is_empty());
        wal.write(&frames(1..=3, 100), 0).unwrap();
        wal.write(&frames(4..=4, 6000), 0).unwrap();
        let (_, again) = open(directory.path());
        assert_eq!(again, [frames(1..=3, 100), frames(4..=4, 6000)].concat());
    }

    #[test]
    fn a_torn_record_is_as_if_it_was_never_written() {
        let directory = tempfile::tempdir().unwrap();
        let (mut wal, _) = open(directory.path());
        wal.write(&frames(1..=2, 500), 0).unwrap();
        let torn_at = wal.offset + 300;
        wal.write(&frames(3..=4, 500), 0).unwrap();
        wal.files[0].file.write_all_at(&[0xFF; 8], torn_at).unwrap();
        assert_eq!(found(directory.path()), [1, 2]);
    }

    #[test]
    fn what_was_written_last_outlives_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        for n in 1..=3 {
            let (mut wal, _) = open(directory.path());
            wal.write(&frames(n..=n, 100), n - 1).unwrap();
        }
        assert_eq!(found(directory.path()), [2, 3]);
    }

    #[test]
    fn files_take_turns_and_wait_for_sled() {
        let directory = tempfile::tempdir().unwrap();
        let (mut wal, _) = open(directory.path());
        let batch = |n: u64| frames(n * 100 + 1..=n * 100 + 100, 6000);
        let mut written = 0;
        let waits_for = loop {
            match wal.write(&batch(written), 0).unwrap() {
                Written::Durable => written += 1,
                Written::WaitFor(number) => break number,
                Written::TooLarge => panic!("it fits"),
            }
        };
        assert_eq!(written, 12, "six records of 600 KB in each file");
        assert_eq!(waits_for, 600, "the older file has to be free");
        assert_eq!(found(directory.path()), (1..=1200).collect::<Vec<_>>());
        assert_eq!(wal.write(&batch(written), 600).unwrap(), Written::Durable);
        let now = found(directory.path());
        assert_eq!(now.last(), Some(&1300));
        assert!(
            !now.contains(&101),
            "old records behind new ones are not taken up"
        );
        assert!(now.contains(&601));
    }

    #[test]
    fn what_is_larger_than_a_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (mut wal, _) = open(directory.path());
        assert_eq!(
            wal.write(&frames(1..=800, 6000), 0).unwrap(),
            Written::TooLarge
        );
        assert_eq!(wal.write(&frames(1..=1, 10), 0).unwrap(), Written::Durable);
    }
}
