//! The journal on sled 0.34.7, used only in the way that proved safe and fast.
//!
//! A commit is one record in a write-ahead file and one fdatasync. sled gets the frames
//! afterwards, in large batches: an append-only tree, a database per time slice, one
//! thread that writes, and our own fdatasync after each of sled's flushes, which by
//! themselves reach neither the disk's cache nor the file's metadata. No deletes, no
//! random keys, no transactions: a slice that nothing needs any more is removed as a
//! directory.
//!
//! ```text
//! data/
//!   lock                               held by the process that owns the directory
//!   needed-from                        everything open begins at or after this frame; its crc32
//!   wal-a wal-b                        records that sled may not have yet
//!   checkpoint                         the live state as of some frame; derived
//!   slice-000007-000000012345/         sequence, number of its first frame
//!     tree "frames": number (8 octets, big endian) → frame
//!     tree "ends": blocks of finished messages and their last frames; derived
//!     begun                            the slice was whole on the disk before its first frame
//! ```

mod at_rest;
mod checkpoint;
pub mod disk;
mod ends;
mod feeder;
mod files;
mod slice;
mod wal;

use super::StoreError;
use super::codec::{Frame, refuse_other_version};
use super::journal::{CheckpointFile, FrameSource, Journal};
use crate::message::MessageId;
pub use at_rest::LogAtRest;
use checkpoint::NewCheckpoint;
use disk::{Disk, MachineDisk};
use feeder::Feeder;
use files::{DataDir, SliceName};
use slice::Slice;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};
use wal::{Wal, Written};

/// Where the log is, and how it is cut and kept.
#[derive(Clone, Debug)]
pub struct SledOptions {
    pub path: PathBuf,
    /// A slice that has grown this large, in octets of frames, is closed.
    pub slice_octets_max: u64,
    /// A slice this old is closed.
    pub slice_age_max: Duration,
    /// Slices without open messages are kept this long.
    pub retention: Duration,
    /// … or until all slices take more than this, in octets; 0: no limit.
    pub retention_octets_max: u64,
    /// Below this much free space nothing new is accepted.
    pub disk_reserve_octets: u64,
    /// sled's own cache; the log hardly reads.
    pub cache_octets: u64,
    /// What syncs.
    pub disk: Arc<dyn Disk>,
}

impl SledOptions {
    /// The defaults, at this place.
    pub fn at(path: impl Into<PathBuf>) -> SledOptions {
        SledOptions {
            path: path.into(),
            slice_octets_max: 256 << 20,
            slice_age_max: Duration::from_secs(6 * 3600),
            retention: Duration::from_secs(30 * 86_400),
            retention_octets_max: 0,
            disk_reserve_octets: 256 << 20,
            cache_octets: 8 << 20,
            disk: Arc::new(MachineDisk),
        }
    }
}

/// The write side, and through `Shared` the read side.
#[derive(Debug)]
pub struct SledJournal {
    options: SledOptions,
    dir: DataDir,
    shared: Arc<Shared>,
    wal: Wal,
    feeder: Arc<Feeder>,
    feeding: Option<JoinHandle<()>>,
    present: Option<Slice>,
    /// First frame of the present slice.
    present_first: u64,
    octets: u64,
    began: Instant,
    highest: u64,
}

/// Slices that are open for reading; closed ones are opened on demand.
#[derive(Debug)]
struct Shared {
    cache_octets: u64,
    disk: Arc<dyn Disk>,
    /// Nobody writes: slices are opened without a trace of ours.
    at_rest: bool,
    /// The highest frame there is.
    highest: AtomicU64,
    /// Of a log at rest: what the write-ahead files hold.
    ahead: BTreeMap<u64, Vec<u8>>,
    /// Holds the frames that are in no slice yet; `None` once closed. Apart from the
    /// slices, since opening an old one takes its time and must not hold up a commit.
    feeder: Mutex<Option<Arc<Feeder>>>,
    slices: Mutex<Slices>,
}

#[derive(Debug, Default)]
struct Slices {
    /// By first frame.
    known: BTreeMap<u64, SliceName>,
    open: Vec<Slice>,
    /// What was wrong with those that cannot be opened: sled may take minutes to say so.
    unreadable: BTreeMap<u64, StoreError>,
    closed: bool,
}

/// Slices held open, at most: the present one, and the old one that was read last. Each
/// takes some 40 MB however small its cache is.
const OPEN_MAX: usize = 2;

impl SledJournal {
    /// Opens the log; gives the first frame that has to be read, too.
    pub fn open(options: &SledOptions) -> Result<(SledJournal, u64), StoreError> {
        let dir = DataDir::open(&options.path, options.disk.clone())?;
        dir.remove_going();
        let mut names = dir.slices()?;
        let (wal, ahead) = Wal::open(&options.path, options.disk.clone())?;
        let present = match open_newest(&dir, &mut names, options, whole_from(&ahead))? {
            Some(slice) => slice,
            None => {
                let first = ahead.first().map_or(1, |f| f.number);
                let name = dir.create_slice(1, first)?;
                names.push(name.clone());
                Slice::open(&name, options.cache_octets, options.disk.clone())?
            }
        };
        let highest = catch_up(&present, ahead)?;
        let (feeder, feeding) = Feeder::start(present.clone(), highest)?;
        let present_first = present.name().first;
        let octets = present.octets_on_disk();
        let needed_from = dir.needed_from();
        let shared = Arc::new(Shared {
            cache_octets: options.cache_octets,
            disk: options.disk.clone(),
            at_rest: false,
            highest: AtomicU64::new(highest),
            ahead: BTreeMap::new(),
            feeder: Mutex::new(Some(feeder.clone())),
            slices: Mutex::new(Slices {
                known: names.into_iter().map(|n| (n.first, n)).collect(),
                open: vec![present.clone()],
                ..Slices::default()
            }),
        });
        let mut journal = SledJournal {
            options: options.clone(),
            dir,
            shared,
            wal,
            feeder,
            feeding: Some(feeding),
            present: Some(present),
            present_first,
            octets,
            began: Instant::now(),
            highest,
        };
        if let Err(e) = refuse_other_version(&*journal.shared) {
            journal.close();
            return Err(e);
        }
        Ok((journal, needed_from))
    }

    /// The next frames go to a new slice. Where that fails the present one goes on for
    /// another slice's worth.
    fn turn_over(&mut self) -> Result<(), StoreError> {
        // What is written ahead belongs to the slice before.
        self.feeder.wait_for(self.highest)?;
        self.wal.begin_anew();
        let first = self.highest + 1;
        let sequence = self.present()?.name().sequence + 1;
        let name = self.dir.create_slice(sequence, first)?;
        let disk = self.options.disk.clone();
        let slice = Slice::open(&name, self.options.cache_octets, disk)?;
        info!(slice = %name.path.display(), "a new slice of the log begins");
        let mut slices = self.shared.lock();
        slices.known.insert(first, name);
        slices.open = vec![slice.clone()];
        drop(slices);
        self.feeder.turn_to(slice.clone());
        self.present = Some(slice);
        self.present_first = first;
        Ok(())
    }

    fn present(&self) -> Result<&Slice, StoreError> {
        self.present.as_ref().ok_or(StoreError::Closed)
    }
}

impl Journal for SledJournal {
    fn append(&mut self, frames: Vec<Frame>) -> Result<(), StoreError> {
        let Some(last) = frames.last().map(|f| f.number) else {
            return Ok(());
        };
        self.octets += frames.iter().map(|f| f.octets.len() as u64).sum::<u64>();
        loop {
            let fed = self.feeder.fed()?;
            let written = self.wal.write(&frames, fed);
            match written.map_err(|e| StoreError::Io(format!("the write-ahead file: {e}")))? {
                Written::Durable => break self.feeder.take(frames),
                Written::WaitFor(number) => self.feeder.wait_for(number)?,
                Written::TooLarge => {
                    self.feeder.take(frames);
                    break self.feeder.wait_for(last)?;
                }
            }
        }
        self.highest = last;
        self.shared.highest.store(last, Ordering::Release);
        Ok(())
    }

    fn index(&mut self, finished: &[(MessageId, u64)]) -> Result<(), StoreError> {
        self.feeder.index(finished);
        Ok(())
    }

    fn is_slice_full(&self) -> bool {
        let used = self.highest >= self.present_first;
        let old = self.began.elapsed() >= self.options.slice_age_max;
        used && (old || self.octets >= self.options.slice_octets_max)
    }

    fn begin_slice(&mut self) -> Result<(), StoreError> {
        let begun = self.turn_over();
        self.octets = 0;
        self.began = Instant::now();
        begun
    }

    fn retire(&mut self, needed_from: u64) -> Result<(), StoreError> {
        self.dir.set_needed_from(needed_from)?;
        let known: Vec<SliceName> = self.shared.lock().known.values().cloned().collect();
        let mut total: u64 = known.iter().map(SliceName::octets_on_disk).sum();
        let limit = self.options.retention_octets_max;
        for pair in known.windows(2) {
            let [slice, next] = pair else { continue };
            let needed = next.first > needed_from;
            let expired = slice.age() > self.options.retention;
            let oversized = limit > 0 && total > limit;
            if needed || !(expired || oversized) {
                continue;
            }
            total = total.saturating_sub(slice.octets_on_disk());
            let mut slices = self.shared.lock();
            slices.known.remove(&slice.first);
            slices.open.retain(|s| s.name() != slice);
            drop(slices);
            self.dir.remove(slice)?;
            info!(slice = %slice.path.display(), "a slice past its retention is removed");
        }
        Ok(())
    }

    /// Refuses where a slice with open messages cannot be opened: without it ids would be
    /// given again and messages be forgotten, which only the operator may decide.
    fn begin_reading(&mut self, from: u64) -> Result<(), StoreError> {
        self.shared.open_all_from(from)
    }

    fn end_reading(&mut self) {
        self.shared.lock().open.truncate(1);
    }

    fn new_checkpoint(&mut self) -> std::io::Result<Option<Box<dyn CheckpointFile>>> {
        if self.present.is_none() {
            return Ok(None);
        }
        let new = NewCheckpoint::create(&self.options.path, self.options.disk.clone())?;
        Ok(Some(Box::new(new)))
    }

    fn checkpoint(&self) -> Option<Box<dyn Read + Send>> {
        Some(Box::new(checkpoint::open(&self.options.path)?))
    }

    fn remove_checkpoint(&mut self) {
        checkpoint::remove(&self.options.path);
    }

    fn free_octets(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.options.path).ok()?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        Some(free.saturating_sub(self.options.disk_reserve_octets))
    }

    fn close(&mut self) {
        self.feeder.end();
        if let Some(feeding) = self.feeding.take()
            && feeding.join().is_err()
        {
            error!("the thread that feeds the log failed; the write-ahead file has what it left");
        }
        self.present = None;
        *self.shared.feeder() = None;
        let mut slices = self.shared.lock();
        slices.closed = true;
        slices.open.clear();
        drop(slices);
        self.dir.unlock();
    }

    fn source(&self) -> Arc<dyn FrameSource> {
        self.shared.clone()
    }
}

/// The newest slice, the one that is written to; `None`: there is none.
///
/// One that cannot be opened is set aside where nothing is lost by that: it was never whole,
/// or the write-ahead files, which have every frame from `ahead_from` on, have all that it may
/// hold.
fn open_newest(
    dir: &DataDir,
    names: &mut Vec<SliceName>,
    options: &SledOptions,
    ahead_from: Option<u64>,
) -> Result<Option<Slice>, StoreError> {
    while let Some(newest) = names.last() {
        let spare = Slice::is_unfinished(newest) || is_ahead(newest, ahead_from);
        match Slice::open(newest, options.cache_octets, options.disk.clone()) {
            Ok(slice) => return Ok(Some(slice)),
            Err(e @ StoreError::Corrupt(_)) if spare => {
                dir.set_aside(newest, &e)?;
                names.pop();
            }
            Err(e) => return Err(refused(newest, &e)),
        }
    }
    Ok(None)
}

/// The write-ahead files have every frame from this one to the newest. What they have besides is
/// older, and has gaps.
fn whole_from(ahead: &[Frame]) -> Option<u64> {
    let mut numbers = ahead.iter().rev().map(|f| f.number);
    let newest = numbers.next()?;
    Some(
        numbers.fold(newest, |from, number| match number + 1 == from {
            true => number,
            false => from,
        }),
    )
}

/// True when no frame of the slice is older than what the write-ahead files have. Each frame is
/// written there first and stays until sled has it, so where they begin before the slice they
/// have all of it, or it never held any.
fn is_ahead(slice: &SliceName, ahead_from: Option<u64>) -> bool {
    ahead_from.is_some_and(|from| from <= slice.first)
}

/// Why the log does not open because of one slice, and what can be done.
fn refused(name: &SliceName, why: &StoreError) -> StoreError {
    let StoreError::Corrupt(why) = why else {
        // The disk, not the data: another try may work.
        return why.clone();
    };
    let data = name.path.parent().unwrap_or(&name.path).display();
    StoreError::Corrupt(format!(
        "{why}. The slice holds the frames from {} on, and open messages may be among them. \
         Copy {data} before anything else; `smpp-bridge verify --data {data}` tells what can \
         still be read, and `smpp-bridge export --data {data}` writes it out. To go on without \
         the slice, move its directory out of {data} and start again",
        name.first
    ))
}

/// Gives a slice what the write-ahead files hold and it does not; the highest frame then.
fn catch_up(slice: &Slice, ahead: Vec<Frame>) -> Result<u64, StoreError> {
    let first = slice.name().first;
    let highest = slice.highest()?.unwrap_or(first - 1);
    let mut last = highest;
    let mut missing = Vec::new();
    for frame in ahead {
        if frame.number <= highest {
            // Damage to a slice is healed where a copy is still at hand.
            let lost = frame.number >= first && matches!(slice.read(frame.number), Ok(None));
            if lost {
                missing.push((frame.number, Arc::new(frame.octets)));
            }
            continue;
        }
        if frame.number > last + 1 {
            error!(
                from = last + 1,
                to = frame.number - 1,
                "these frames are in no slice and no write-ahead file; `smpp-bridge verify` tells whose they were"
            );
        }
        last = frame.number.max(last);
        missing.push((frame.number, Arc::new(frame.octets)));
    }
    if !missing.is_empty() {
        info!(
            frames = missing.len(),
            "the log takes up what was written ahead"
        );
        for batch in missing.chunks(512) {
            slice.append(batch, &[])?;
        }
    }
    Ok(last)
}

impl Shared {
    fn feeder(&self) -> MutexGuard<'_, Option<Arc<Feeder>>> {
        self.feeder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Slices> {
        self.slices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, name: &SliceName) -> Result<Slice, StoreError> {
        match self.at_rest {
            true => Slice::open_at_rest(name, self.cache_octets, self.disk.clone()),
            false => Slice::open(name, self.cache_octets, self.disk.clone()),
        }
    }

    /// Opens every slice with frames from `needed_from` on.
    fn open_all_from(&self, needed_from: u64) -> Result<(), StoreError> {
        let known: Vec<SliceName> = self.lock().known.values().cloned().collect();
        for pair in known.windows(2).rev() {
            let [name, next] = pair else { continue };
            if next.first > needed_from {
                self.holding(name.first).map_err(|e| refused(name, &e))?;
            }
        }
        Ok(())
    }

    /// The slice that holds a frame, opened if it has to be.
    fn holding(&self, frame: u64) -> Result<Option<Slice>, StoreError> {
        let mut slices = self.lock();
        if slices.closed {
            return Err(StoreError::Closed);
        }
        let Some(name) = slices
            .known
            .range(..=frame)
            .next_back()
            .map(|(_, n)| n.clone())
        else {
            return Ok(None);
        };
        if let Some(slice) = slices.open.iter().find(|s| *s.name() == name) {
            return Ok(Some(slice.clone()));
        }
        let slice = match slices.unreadable.get(&name.first) {
            Some(e) => return Err(e.clone()),
            None => self.open(&name),
        };
        let slice = slice.inspect_err(|e| {
            if let StoreError::Corrupt(_) = e {
                error!(slice = %name.path.display(), error = %e, "a slice of the log cannot be opened");
                slices.unreadable.insert(name.first, e.clone());
            }
        })?;
        let behind_present = slices.open.len().min(1);
        slices.open.insert(behind_present, slice.clone());
        slices.open.truncate(OPEN_MAX);
        Ok(Some(slice))
    }
}

impl FrameSource for Shared {
    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let feeder = self.feeder().clone();
        if let Some(octets) = feeder.and_then(|f| f.read(number)) {
            return Ok(Some(octets));
        }
        let found = match self.holding(number) {
            Ok(Some(slice)) => slice.read(number),
            Ok(None) => Ok(None),
            Err(e) => Err(e),
        };
        match (found, self.ahead.get(&number)) {
            (Ok(None) | Err(_), Some(octets)) => Ok(Some(octets.clone())),
            (found, _) => found,
        }
    }

    fn last_frame_of(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        let feeder = self.feeder().clone();
        if let Some(frame) = feeder.and_then(|f| f.last_frame_of(message)) {
            return Ok(Some(frame));
        }
        // The newest slice with an entry knows best; a message ends in the slice where
        // it began, or not long after.
        let firsts: Vec<u64> = self.lock().known.keys().rev().copied().collect();
        for first in firsts {
            let Some(slice) = self.holding(first)? else {
                continue;
            };
            match slice.last_frame_of(message) {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(e) => warn!(error = %e, "the index of a slice cannot be read"),
            }
        }
        Ok(None)
    }

    fn bounds(&self) -> Option<(u64, u64)> {
        let lowest = self.lock().known.keys().next().copied();
        // Where every slice is gone, the write-ahead files are the log.
        let lowest = lowest.or_else(|| self.ahead.keys().next().copied())?;
        let highest = self.highest.load(Ordering::Acquire);
        (highest >= lowest).then_some((lowest, highest))
    }
}
