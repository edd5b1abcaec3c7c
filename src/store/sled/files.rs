//! The data directory: its lock, its slices by name, and the mark of what is needed.

use super::slice::sync_directory;
use crate::store::StoreError;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::error;

#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    lock: Option<File>,
}

/// A slice as its directory's name tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SliceName {
    pub(super) sequence: u64,
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

impl DataDir {
    /// Creates the directory if need be, and takes its lock.
    pub(super) fn open(path: &Path) -> Result<DataDir, StoreError> {
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
        names.sort_by_key(|n| n.sequence);
        Ok(names)
    }

    pub(super) fn create_slice(&self, sequence: u64, first: u64) -> Result<SliceName, StoreError> {
        let path = self.path.join(format!("slice-{sequence:06}-{first:012}"));
        fs::create_dir_all(&path)
            .and_then(|()| sync_directory(&self.path))
            .map_err(|e| self.failed(&e))?;
        Ok(SliceName {
            sequence,
            first,
            path,
        })
    }

    /// Moves a slice that cannot be opened out of the way; never deletes it.
    pub(super) fn quarantine(&self, name: &SliceName, why: &StoreError) -> Result<(), StoreError> {
        if let StoreError::Io(_) = why {
            // The disk, not the data: another try may work.
            return Err(why.clone());
        }
        let stamp = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let file = name
            .path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or("slice");
        let aside = self.path.join(format!("quarantine-{stamp}-{file}"));
        fs::rename(&name.path, &aside).map_err(|e| self.failed(&e))?;
        error!(
            moved_to = %aside.display(),
            error = %why,
            "a slice of the log cannot be opened and was set aside; its messages are missing until it is repaired"
        );
        Ok(())
    }

    pub(super) fn remove(&self, name: &SliceName) -> Result<(), StoreError> {
        fs::remove_dir_all(&name.path)
            .and_then(|()| sync_directory(&self.path))
            .map_err(|e| self.failed(&e))
    }

    /// Everything open begins here or later; 0 when nobody has said so.
    pub(super) fn needed_from(&self) -> u64 {
        let text = fs::read_to_string(self.path.join("needed-from")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    pub(super) fn set_needed_from(&self, frame: u64) -> Result<(), StoreError> {
        let new = self.path.join("needed-from.new");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&new)?;
            writeln!(file, "{frame}")?;
            file.sync_all()?;
            fs::rename(&new, self.path.join("needed-from"))?;
            sync_directory(&self.path)
        };
        write().map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &std::io::Error) -> StoreError {
        StoreError::Io(format!("{}: {e}", self.path.display()))
    }
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
