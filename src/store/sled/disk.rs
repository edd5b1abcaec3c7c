//! How written octets become durable: the one door between the log's files and the disk.
//!
//! Files are written as usual; whether they would survive a power cut is decided here, by
//! [`Disk::sync_file`] and [`Disk::sync_directory`]. A test puts a disk in this place that
//! forgets whatever did not pass the door.

use std::fs::File;
use std::io;
use std::path::Path;

/// What syncs. Nothing else in the log may: an octet that did not pass here is not durable.
pub trait Disk: std::fmt::Debug + Send + Sync + 'static {
    /// Returns when everything written to the file so far would survive a power cut, its
    /// length included. The file is open for reading, too.
    fn sync_file(&self, file: &File) -> io::Result<()>;

    /// The same for the names in a directory.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineDisk;

impl Disk for MachineDisk {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}
