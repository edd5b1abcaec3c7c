//! The checkpoint's file: `checkpoint`, and `checkpoint.new` while the next one is written.

use super::disk::Disk;
use super::files::readable;
use crate::store::journal::CheckpointFile;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NAME: &str = "checkpoint";
const NEW: &str = "checkpoint.new";
/// Synced after so many octets, so that no commit has to wait for much of it.
const SYNC_OCTETS: usize = 4 << 20;

/// One in the making.
#[derive(Debug)]
pub(super) struct NewCheckpoint {
    file: File,
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    unsynced: usize,
}

impl NewCheckpoint {
    pub(super) fn create(directory: &Path, disk: Arc<dyn Disk>) -> io::Result<NewCheckpoint> {
        let path = directory.join(NEW);
        // One that was given up may still be written to: that is another file.
        let _ = fs::remove_file(&path);
        Ok(NewCheckpoint {
            file: readable().truncate(true).open(path)?,
            directory: directory.to_owned(),
            disk,
            unsynced: 0,
        })
    }
}

impl CheckpointFile for NewCheckpoint {
    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)?;
        self.unsynced += octets.len();
        if self.unsynced >= SYNC_OCTETS {
            self.disk.sync_file(&self.file)?;
            self.unsynced = 0;
        }
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        self.disk.sync_file(&self.file)?;
        fs::rename(self.directory.join(NEW), self.directory.join(NAME))?;
        self.disk.sync_directory(&self.directory)
    }
}

/// The latest one; `None`: there is none.
pub(super) fn open(directory: &Path) -> Option<File> {
    File::open(directory.join(NAME)).ok()
}

/// Removes what a start cannot use.
pub(super) fn remove(directory: &Path) {
    for name in [NAME, NEW] {
        // What stays is found useless again, and is written over.
        let _ = fs::remove_file(directory.join(name));
    }
}
