//! The thread that gives sled what the write-ahead file holds already.
//!
//! It alone writes to sled. Many commits make one sled batch, one flush and one
//! fdatasync: sled wakes all its threads at each flush, so few large ones are cheap and
//! many small ones are not. Frames it has not fed yet are read from here.

use super::ends::BLOCK_MAX;
use super::slice::Slice;
use crate::message::MessageId;
use crate::store::StoreError;
use crate::store::codec::Frame;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Frames gather this long before they are fed. Each batch costs the same some hundred
/// microseconds, however little is in it; a start reads what was not fed from the write-ahead
/// files.
const GATHER: Duration = Duration::from_millis(100);
/// … or until there are so many: about 1.5 MB.
const GATHER_FRAMES: usize = 256;
/// Frames of one sled batch, at most.
const BATCH_FRAMES: usize = 512;

/// Shared by the journal, the reader and the feeder's thread.
#[derive(Debug)]
pub(super) struct Feeder {
    state: Mutex<State>,
    /// Rung when there is something to feed, and when something was fed.
    bell: Condvar,
}

#[derive(Debug)]
struct State {
    /// By number: written ahead, and not yet in sled.
    frames: BTreeMap<u64, Arc<Vec<u8>>>,
    /// Finished messages to be indexed when they make a block, and their last frames. What a
    /// crash takes of them is found again when the log is read.
    finished: HashMap<MessageId, u64>,
    /// The highest frame that sled has, durably.
    fed: u64,
    /// Where they go; `None` once the feeder has ended.
    slice: Option<Slice>,
    hurry: bool,
    failed: Option<StoreError>,
    ending: bool,
}

impl State {
    /// Finished messages for the index, by id, when they are enough or no more are to come.
    fn finished_by_id(&self) -> Vec<(MessageId, u64)> {
        if self.finished.len() < BLOCK_MAX && !self.ending {
            return Vec::new();
        }
        let mut all: Vec<_> = self.finished.iter().map(|(id, f)| (*id, *f)).collect();
        all.sort_unstable();
        all
    }
}

impl Feeder {
    /// Starts the thread. `fed` is the highest frame in sled.
    pub(super) fn start(
        slice: Slice,
        fed: u64,
    ) -> Result<(Arc<Feeder>, JoinHandle<()>), StoreError> {
        let feeder = Arc::new(Feeder {
            state: Mutex::new(State {
                frames: BTreeMap::new(),
                finished: HashMap::new(),
                fed,
                slice: Some(slice),
                hurry: false,
                failed: None,
                ending: false,
            }),
            bell: Condvar::new(),
        });
        let own = feeder.clone();
        let thread = std::thread::Builder::new()
            .name("log-feeder".to_owned())
            .spawn(move || own.run());
        let thread = thread.map_err(|e| StoreError::Io(format!("no thread for the log: {e}")))?;
        Ok((feeder, thread))
    }

    /// Takes frames that are durable already.
    pub(super) fn take(&self, frames: Vec<Frame>) {
        let mut state = self.lock();
        let was_empty = state.frames.is_empty();
        state
            .frames
            .extend(frames.into_iter().map(|f| (f.number, Arc::new(f.octets))));
        let ring = was_empty || state.frames.len() >= GATHER_FRAMES;
        drop(state);
        if ring {
            self.bell.notify_all();
        }
    }

    pub(super) fn index(&self, finished: &[(MessageId, u64)]) {
        self.lock().finished.extend(finished.iter().copied());
    }

    pub(super) fn read(&self, number: u64) -> Option<Vec<u8>> {
        self.lock().frames.get(&number).map(|f| f.to_vec())
    }

    /// The last frame of a finished message that is not indexed yet.
    pub(super) fn last_frame_of(&self, message: MessageId) -> Option<u64> {
        self.lock().finished.get(&message).copied()
    }

    /// The highest frame that sled has. `Err`: feeding has failed.
    pub(super) fn fed(&self) -> Result<u64, StoreError> {
        let state = self.lock();
        match &state.failed {
            None => Ok(state.fed),
            Some(e) => Err(e.clone()),
        }
    }

    /// Returns when sled has everything up to this frame.
    pub(super) fn wait_for(&self, number: u64) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.hurry = true;
        self.bell.notify_all();
        while state.fed < number && state.failed.is_none() {
            state = self
                .bell
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.hurry = false;
        state.failed.clone().map_or(Ok(()), Err)
    }

    /// The next frames go to this slice; everything before is in sled.
    pub(super) fn turn_to(&self, slice: Slice) {
        self.lock().slice = Some(slice);
    }

    /// Feeds the rest, unless feeding has failed, and ends the thread.
    pub(super) fn end(&self) {
        self.lock().ending = true;
        self.bell.notify_all();
    }

    fn run(&self) {
        self.feed();
        // Nobody else may be kept from opening it.
        self.lock().slice = None;
    }

    fn feed(&self) {
        let mut state = self.lock();
        loop {
            while state.frames.is_empty() && state.finished.len() < BLOCK_MAX && !state.ending {
                state = self
                    .bell
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.failed.is_some()
                || state.ending && state.frames.is_empty() && state.finished.is_empty()
            {
                if state.ending {
                    return;
                }
                state = self
                    .bell
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if !state.ending && !state.hurry && state.frames.len() < GATHER_FRAMES {
                let gathered =
                    |s: &mut State| !(s.ending || s.hurry || s.frames.len() >= GATHER_FRAMES);
                state = self
                    .bell
                    .wait_timeout_while(state, GATHER, gathered)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
            let batch: Vec<(u64, Arc<Vec<u8>>)> = state
                .frames
                .iter()
                .take(BATCH_FRAMES)
                .map(|(n, f)| (*n, f.clone()))
                .collect();
            let finished = state.finished_by_id();
            let Some(slice) = state.slice.clone() else {
                return;
            };
            drop(state);
            let result = slice.append(&batch, &finished);
            state = self.lock();
            match result {
                Ok(()) => {
                    for (id, frame) in finished {
                        // It may have got a later entry meanwhile.
                        if state.finished.get(&id) == Some(&frame) {
                            state.finished.remove(&id);
                        }
                    }
                    if let Some((last, _)) = batch.last() {
                        state.fed = *last;
                        let rest = state.frames.split_off(&(last + 1));
                        state.frames = rest;
                    }
                }
                Err(e) => state.failed = Some(e),
            }
            self.bell.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
