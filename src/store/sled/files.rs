//! The data directory: its lock, its slices by name, and the mark of what is needed.

use super::disk::Disk;
use crate::store::StoreError;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    lock: Option<File>,
    disk: Arc<dyn Disk>,
}

/// A slice under such a name is being removed.
const GOING: &str = "going-";

/// A slice as its directory's name tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SliceName {
    pub(super) sequence: u64,
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

impl DataDir {
    /// Creates the directory if need be, and takes its lock.
    pub(super) fn open(path: &Path, disk: Arc<dyn Disk>) -> Result<DataDir, StoreError> {
        let failed = |e: std::io::Error| StoreError::Io(format!("{}: {e}", path.display()));
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir {
                path: path.to_owned(),
                lock: Some(lock),
                disk,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Io(format!(
                "{} belongs to another running smpp-bridge; stop that one, or set storage.path",
                path.display()
            ))),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    pub(super) fn unlock(&mut self) {
        self.lock = None;
    }

    /// Oldest first.
    pub(super) fn slices(&self) -> Result<Vec<SliceName>, StoreError> {
        let entries = fs::read_dir(&self.path).map_err(|e| self.failed(&e))?;
        let mut names: Vec<SliceName> = entries
            .flatten()
            .filter_map(|e| SliceName::parse(&e.path()))
            .collect();
        names.sort_by_key(|n| (n.first, n.sequence));
        Ok(names)
    }

    pub(super) fn create_slice(&self, sequence: u64, first: u64) -> Result<SliceName, StoreError> {
        let path = self.path.join(format!("slice-{sequence:06}-{first:012}"));
        fs::create_dir_all(&path)
            .and_then(|()| self.disk.sync_directory(&self.path))
            .map_err(|e| self.failed(&e))?;
        Ok(SliceName {
            sequence,
            first,
            path,
        })
    }

    /// Takes a slice out of the way that was never whole, or that nobody misses.
    pub(super) fn set_aside(&self, name: &SliceName, why: &StoreError) -> Result<(), StoreError> {
        let file = name.path.file_name().unwrap_or_default();
        let aside = self.path.join(format!("unfinished-{}", file.display()));
        fs::rename(&name.path, &aside)
            .and_then(|()| self.disk.sync_directory(&self.path))
            .map_err(|e| self.failed(&e))?;
        warn!(moved_to = %aside.display(), error = %why, "a slice that cannot be opened is set aside; nothing that it may hold is missing");
        Ok(())
    }

    /// Removes a slice in one step, so that a power cut leaves all of it or nothing.
    pub(super) fn remove(&self, name: &SliceName) -> Result<(), StoreError> {
        let file = name.path.file_name().unwrap_or_default();
        let going = self.path.join(format!("{GOING}{}", file.display()));
        fs::rename(&name.path, &going)
            .and_then(|()| self.disk.sync_directory(&self.path))
            .map_err(|e| self.failed(&e))?;
        self.remove_going();
        Ok(())
    }

    /// Removes what was to be removed when the process or the power ended.
    pub(super) fn remove_going(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries.filter(|e| e.file_name().to_string_lossy().starts_with(GOING)) {
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => info!(directory = %entry.path().display(), "removed"),
                Err(e) => {
                    warn!(directory = %entry.path().display(), error = %e, "cannot be removed");
                }
            }
        }
    }

    /// Everything open begins here or later; 0 when nobody has said so, or not legibly.
    pub(super) fn needed_from(&self) -> u64 {
        let text = fs::read_to_string(self.path.join("needed-from")).unwrap_or_default();
        let legible = text.trim().split_once(' ').and_then(|(frame, crc)| {
            let fits = u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(frame.as_bytes());
            frame.parse().ok().filter(|_| fits)
        });
        legible.unwrap_or(0)
    }

    pub(super) fn set_needed_from(&self, frame: u64) -> Result<(), StoreError> {
        let new = self.path.join("needed-from.new");
        let write = || -> std::io::Result<()> {
            let mut file = readable().truncate(true).open(&new)?;
            let frame = frame.to_string();
            writeln!(file, "{frame} {:08x}", crc32fast::hash(frame.as_bytes()))?;
            self.disk.sync_file(&file)?;
            fs::rename(&new, self.path.join("needed-from"))?;
            self.disk.sync_directory(&self.path)
        };
        write().map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &std::io::Error) -> StoreError {
        StoreError::Io(format!("{}: {e}", self.path.display()))
    }
}

/// How a file is made that will be synced.
pub(super) fn readable() -> fs::OpenOptions {
    let mut options = File::options();
    options.create(true).read(true).write(true);
    options
}

impl SliceName {
    fn parse(path: &Path) -> Option<SliceName> {
        let (sequence, first) = path
            .file_name()?
            .to_str()?
            .strip_prefix("slice-")?
            .split_once('-')?;
        Some(SliceName {
            sequence: sequence.parse().ok()?,
            first: first.parse().ok().filter(|f| *f > 0)?,
            path: path.to_owned(),
        })
    }

    pub(super) fn octets_on_disk(&self) -> u64 {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries
            .filter_map(|e| e.metadata().ok())
            .map(|m| m.len())
            .sum()
    }

    /// Since it was last written.
    pub(super) fn age(&self) -> Duration {
        let modified = fs::metadata(self.path.join("db")).and_then(|m| m.modified());
        modified
            .ok()
            .and_then(|t| t.elapsed().ok())
            .unwrap_or_default()
    }
}
