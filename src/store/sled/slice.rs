//! One slice: a sled database, and the guards that this version of sled needs.

use super::disk::Disk;
use super::ends;
use super::files::{SliceName, readable};
use crate::message::MessageId;
use crate::store::StoreError;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tracing::warn;

/// An open slice; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    name: SliceName,
    db: sled::Db,
    frames: sled::Tree,
    ends: sled::Tree,
    /// sled's file, opened a second time for an fdatasync of our own.
    file: Arc<File>,
    disk: Arc<dyn Disk>,
}

/// Recovery of a slice of the usual size takes well under a second; a sled that hangs is
/// given up on.
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);

/// sled's garbage collector runs only in the thread that this starts.
const COLLECT_EVERY_MS: Option<u64> = Some(500);

/// Written once a slice is whole on the disk, before it gets its first frame. A slice
/// without it was being made when the power went, and holds nothing.
const BEGUN: &str = "begun";

impl Slice {
    /// Opens or creates the database, and makes all of it durable.
    pub(super) fn open(
        name: &SliceName,
        cache_octets: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Slice, StoreError> {
        let slice = Slice::open_as(name, cache_octets, disk, COLLECT_EVERY_MS)?;
        slice.settle().map_err(|e| slice.failed(&e))?;
        Ok(slice)
    }

    /// Opens the database to read from it: nothing but what sled itself does is written.
    pub(super) fn open_at_rest(
        name: &SliceName,
        cache_octets: u64,
        disk: Arc<dyn Disk>,
    ) -> Result<Slice, StoreError> {
        // Nothing to collect, and nothing to wait for when it closes.
        Slice::open_as(name, cache_octets, disk, None)
    }

    fn open_as(
        name: &SliceName,
        cache_octets: u64,
        disk: Arc<dyn Disk>,
        collect_every_ms: Option<u64>,
    ) -> Result<Slice, StoreError> {
        drop_half_written_snapshots(&name.path);
        let (db, frames, ends) = match open_guarded(&name.path, cache_octets, collect_every_ms) {
            Ok(opened) => opened,
            Err(e) => {
                // A bad snapshot alone makes sled refuse; it can rebuild from its log.
                if !set_snapshots_aside(&name.path) {
                    return Err(e);
                }
                warn!(slice = %name.path.display(), error = %e, "opened anew without its snapshots");
                open_guarded(&name.path, cache_octets, collect_every_ms)?
            }
        };
        let path = name.path.join("db");
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|e| StoreError::Io(format!("{}: {e}", path.display())))?;
        Ok(Slice {
            name: name.clone(),
            db,
            frames,
            ends,
            file: Arc::new(file),
            disk,
        })
    }

    /// True when nothing was ever in it: it was being made when the power went.
    pub(super) fn is_unfinished(name: &SliceName) -> bool {
        !name.path.join(BEGUN).exists()
    }

    /// Syncs every file that sled has made, and then says so.
    fn settle(&self) -> std::io::Result<()> {
        let directory = &self.name.path;
        self.disk.sync_file(&self.file)?;
        for entry in std::fs::read_dir(directory)?.flatten() {
            if entry.file_type()?.is_file() && entry.file_name() != "db" {
                self.disk.sync_file(&File::open(entry.path())?)?;
            }
        }
        self.disk.sync_directory(directory)?;
        if Slice::is_unfinished(&self.name) {
            let mark = readable().truncate(true).open(directory.join(BEGUN))?;
            self.disk.sync_file(&mark)?;
            self.disk.sync_directory(directory)?;
        }
        Ok(())
    }

    fn failed(&self, e: &std::io::Error) -> StoreError {
        StoreError::Io(format!("{}: {e}", self.name.path.display()))
    }

    /// Calls sled where it may panic over what it finds.
    fn guarded<T>(&self, call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, StoreError> {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|e| named(&self.name.path, &e)),
            Err(_) => Err(gave_up(&self.name.path)),
        }
    }

    pub(super) fn name(&self) -> &SliceName {
        &self.name
    }

    /// Atomic over a crash, and durable on return; the index of finished messages, in order
    /// of their ids, with it.
    pub(super) fn append(
        &self,
        frames: &[(u64, Arc<Vec<u8>>)],
        finished: &[(MessageId, u64)],
    ) -> Result<(), StoreError> {
        self.guarded(|| {
            let mut batch = sled::Batch::default();
            for (number, octets) in frames {
                batch.insert(&number.to_be_bytes(), octets.as_slice());
            }
            self.frames.apply_batch(batch)?;
            for (key, block) in finished.chunks(ends::BLOCK_MAX).filter_map(ends::encode) {
                self.ends.insert(key, block)?;
            }
            self.db.flush()
        })?;
        // sled's flush ends in sync_file_range, which a power cut does not respect.
        self.disk.sync_file(&self.file).map_err(|e| self.failed(&e))
    }

    pub(super) fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.guarded(|| self.frames.get(number.to_be_bytes()))?;
        Ok(found.map(|octets| octets.to_vec()))
    }

    /// The newest block that names the message knows best.
    pub(super) fn last_frame_of(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        self.guarded(|| {
            for block in self.ends.iter().rev() {
                let (key, block) = block?;
                if ends::may_name(&key, message)
                    && let Some(frame) = ends::find(&key, &block, message)
                {
                    return Ok(Some(frame));
                }
            }
            Ok(None)
        })
    }

    pub(super) fn highest(&self) -> Result<Option<u64>, StoreError> {
        let last = self.guarded(|| self.frames.last())?;
        Ok(last.and_then(|(key, _)| be_u64(&key)))
    }

    pub(super) fn octets_on_disk(&self) -> u64 {
        self.name.octets_on_disk()
    }
}

fn be_u64(octets: &[u8]) -> Option<u64> {
    octets.try_into().ok().map(u64::from_be_bytes)
}

/// Says which slice it is.
fn named(path: &Path, error: &sled::Error) -> StoreError {
    let words = format!("{}: {error}", path.display());
    match error {
        sled::Error::Io(_) => StoreError::Io(words),
        _ => StoreError::Corrupt(words),
    }
}

fn gave_up(path: &Path) -> StoreError {
    StoreError::Corrupt(format!("{}: sled gave up on it", path.display()))
}

/// sled panics, or hangs, on some damage, so it opens in a thread of its own.
fn open_guarded(
    path: &Path,
    cache_octets: u64,
    collect_every_ms: Option<u64>,
) -> Result<(sled::Db, sled::Tree, sled::Tree), StoreError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_octets)
        .flush_every_ms(collect_every_ms);
    let (to, opened) = mpsc::channel();
    let open = move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let db = config.open()?;
            let (frames, ends) = (db.open_tree("frames")?, db.open_tree("ends")?);
            db.flush()?;
            Ok((db, frames, ends))
        }));
        // The opener may have given up waiting.
        let _ = to.send(result);
    };
    std::thread::Builder::new()
        .name("log-open".to_owned())
        .spawn(open)
        .map_err(|e| StoreError::Io(format!("no thread to open the log: {e}")))?;
    match opened.recv_timeout(OPEN_TIMEOUT) {
        Ok(Ok(result)) => result.map_err(|e: sled::Error| named(path, &e)),
        Ok(Err(_)) => Err(gave_up(path)),
        Err(_) => Err(StoreError::Corrupt(format!(
            "{}: sled did not open it within {} s",
            path.display(),
            OPEN_TIMEOUT.as_secs()
        ))),
    }
}

/// sled takes a left-over `snap.*.generating` for its newest snapshot, and never opens again.
fn drop_half_written_snapshots(path: &Path) {
    for file in snapshots(path).filter(|p| p.extension().is_some_and(|e| e == "generating")) {
        if let Err(e) = std::fs::remove_file(&file) {
            warn!(file = %file.display(), error = %e, "a half-written snapshot could not be removed");
        }
    }
}

/// True when there was one to move.
fn set_snapshots_aside(path: &Path) -> bool {
    let mut moved = false;
    for file in snapshots(path).collect::<Vec<_>>() {
        let Some(name) = file.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        moved |= std::fs::rename(&file, path.join(format!("aside-{name}"))).is_ok();
    }
    moved
}

fn snapshots(path: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|e| e.path()).filter(|p| {
        p.file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with("snap."))
    })
}
