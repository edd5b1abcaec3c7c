//! Where frames become durable.
//!
//! The ledger decides, the codec packs, a journal keeps. sled is the one in
//! production; [`MemoryJournal`] is the one in tests, which can lose what was not
//! synced and refuse on demand.

use super::StoreError;
use crate::message::MessageId;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

pub use super::codec::Frame;

/// The write side; owned by one thread.
pub trait Journal: Send + 'static {
    /// Appends the frames, all or none, and returns when they would survive a power cut.
    fn append(&mut self, frames: Vec<Frame>) -> Result<(), StoreError>;

    /// Notes where the entries of finished messages end. Derived, so not durable by itself.
    fn index(&mut self, finished: &[(MessageId, u64)]) -> Result<(), StoreError>;

    /// True when the present slice is old or large enough to begin a new one.
    fn is_slice_full(&self) -> bool;

    /// Begins a new slice; its first frame is the next one appended.
    fn begin_slice(&mut self) -> Result<(), StoreError>;

    /// Removes slices that hold nothing from `needed_from` on and are past their retention.
    fn retire(&mut self, needed_from: u64) -> Result<(), StoreError>;

    /// Makes sure that the slices with frames from there on can be opened.
    fn begin_reading(&mut self, _from: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// The log has been read: lets go of what only that needed.
    fn end_reading(&mut self) {}

    /// Octets left on the disk beyond the reserve; `None` where that means nothing.
    fn free_octets(&self) -> Option<u64>;

    /// Begins a checkpoint in place of the one before; `None`: none are kept.
    fn new_checkpoint(&mut self) -> std::io::Result<Option<Box<dyn CheckpointFile>>>;

    /// The latest one that was sealed, as it was written.
    fn checkpoint(&self) -> Option<Box<dyn Read + Send>>;

    /// The one there is cannot be used.
    fn remove_checkpoint(&mut self);

    /// Lets go of every file, so that the log can be opened anew. Nothing else is called
    /// afterwards.
    fn close(&mut self);

    /// The read side.
    fn source(&self) -> Arc<dyn FrameSource>;
}

/// A checkpoint that is being written, by a thread of its own. Dropped before it is sealed it is
/// as if it had never been.
pub trait CheckpointFile: Send {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<()>;

    /// It is whole: from now on it is the latest one, and would survive a power cut.
    fn seal(&mut self) -> std::io::Result<()>;
}

/// The read side; shared.
pub trait FrameSource: Send + Sync {
    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Where the entries of a finished message end.
    fn last_frame_of(&self, message: MessageId) -> Result<Option<u64>, StoreError>;

    /// The lowest and the highest frame there is.
    fn bounds(&self) -> Option<(u64, u64)>;
}

/// A journal in memory: what is appended is durable at once, unless a fault says
/// otherwise.
#[derive(Debug, Default, Clone)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    frames: BTreeMap<u64, Vec<u8>>,
    index: BTreeMap<MessageId, u64>,
    checkpoint: Option<Vec<u8>>,
    faults: Faults,
}

/// A checkpoint of a journal in memory.
#[derive(Debug)]
struct MemoryCheckpoint {
    octets: Vec<u8>,
    shared: Arc<Mutex<Memory>>,
}

impl CheckpointFile for MemoryCheckpoint {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    fn seal(&mut self) -> std::io::Result<()> {
        let octets = std::mem::take(&mut self.octets);
        lock(&self.shared).checkpoint = Some(octets);
        Ok(())
    }
}

fn lock(memory: &Mutex<Memory>) -> std::sync::MutexGuard<'_, Memory> {
    memory
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What goes wrong, and how slowly everything else goes right.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    /// Appends fail with this.
    pub refuse: Option<String>,
    /// The frames of a failing append are there after all.
    pub keep_refused: bool,
    pub append_delay: std::time::Duration,
}

impl MemoryJournal {
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    /// Octets of the latest checkpoint; `None`: there is none.
    pub fn checkpoint_octets(&self) -> Option<usize> {
        self.memory().checkpoint.as_ref().map(Vec::len)
    }

    pub fn set_faults(&self, faults: Faults) {
        self.memory().faults = faults;
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        lock(&self.shared)
    }
}

impl Journal for MemoryJournal {
    fn append(&mut self, frames: Vec<Frame>) -> Result<(), StoreError> {
        let faults = self.memory().faults.clone();
        std::thread::sleep(faults.append_delay);
        if faults.refuse.is_none() || faults.keep_refused {
            let mut memory = self.memory();
            memory
                .frames
                .extend(frames.into_iter().map(|f| (f.number, f.octets)));
        }
        faults
            .refuse
            .map_or(Ok(()), |reason| Err(StoreError::Io(reason)))
    }

    fn index(&mut self, finished: &[(MessageId, u64)]) -> Result<(), StoreError> {
        self.memory().index.extend(finished.iter().copied());
        Ok(())
    }

    fn is_slice_full(&self) -> bool {
        false
    }

    fn begin_slice(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn retire(&mut self, _needed_from: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn free_octets(&self) -> Option<u64> {
        None
    }

    fn new_checkpoint(&mut self) -> std::io::Result<Option<Box<dyn CheckpointFile>>> {
        Ok(Some(Box::new(MemoryCheckpoint {
            octets: Vec::new(),
            shared: self.shared.clone(),
        })))
    }

    fn checkpoint(&self) -> Option<Box<dyn Read + Send>> {
        let octets = self.memory().checkpoint.clone()?;
        Some(Box::new(std::io::Cursor::new(octets)))
    }

    fn remove_checkpoint(&mut self) {
        self.memory().checkpoint = None;
    }

    fn close(&mut self) {}

    fn source(&self) -> Arc<dyn FrameSource> {
        Arc::new(self.clone())
    }
}

impl FrameSource for MemoryJournal {
    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.memory().frames.get(&number).cloned())
    }

    fn last_frame_of(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        Ok(self.memory().index.get(&message).copied())
    }

    fn bounds(&self) -> Option<(u64, u64)> {
        let memory = self.memory();
        Some((
            *memory.frames.first_key_value()?.0,
            *memory.frames.last_key_value()?.0,
        ))
    }
}
