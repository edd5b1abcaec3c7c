//! A log that nobody writes, opened to be read.
//!
//! Whatever cannot be read is an error of its frames and of nothing else, and nothing of
//! ours is written: not even what the write-ahead files hold goes into a slice. (sled
//! itself tidies a database up when it opens it.)

use super::files::DataDir;
use super::{Shared, SledOptions, Slices, is_ahead, wal, whole_from};
use crate::store::StoreError;
use crate::store::codec::refuse_other_version;
use crate::store::journal::FrameSource;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The log in a directory, locked for as long as this lives.
#[derive(Debug)]
pub struct LogAtRest {
    _lock: DataDir,
    shared: Arc<Shared>,
}

impl LogAtRest {
    /// Fails only where the directory cannot be read, belongs to a running bridge, or holds a
    /// log of another format.
    pub fn open(path: &Path) -> Result<LogAtRest, StoreError> {
        let options = SledOptions::at(path);
        let dir = DataDir::open(path, options.disk.clone())?;
        let names = dir.slices()?;
        let ahead = wal::frames_at_rest(path)
            .map_err(|e| StoreError::Io(format!("{}: {e}", path.display())))?;
        let ahead_last = ahead.last().map_or(0, |f| f.number);
        let ahead_from = whole_from(&ahead);
        let newest = names.last().map_or(0, |n| n.first);
        let newest_is_spare = names.last().is_some_and(|n| is_ahead(n, ahead_from));
        let shared = Arc::new(Shared {
            cache_octets: options.cache_octets,
            disk: options.disk,
            at_rest: true,
            highest: AtomicU64::new(0),
            ahead: ahead.into_iter().map(|f| (f.number, f.octets)).collect(),
            feeder: Mutex::new(None),
            slices: Mutex::new(Slices {
                known: names.into_iter().map(|n| (n.first, n)).collect(),
                ..Slices::default()
            }),
        });
        // Of a slice that cannot be opened at least the first frame is told to be missing,
        // unless the write-ahead files have whatever it held.
        let highest = match shared.holding(newest) {
            Ok(Some(slice)) => slice.highest().ok().flatten().unwrap_or(newest - 1),
            Ok(None) => 0,
            Err(_) if newest_is_spare => newest - 1,
            Err(_) => newest,
        };
        shared
            .highest
            .store(highest.max(ahead_last), Ordering::Release);
        refuse_other_version(&*shared)?;
        Ok(LogAtRest { _lock: dir, shared })
    }

    /// All frames.
    pub fn source(&self) -> Arc<dyn FrameSource> {
        self.shared.clone()
    }
}
