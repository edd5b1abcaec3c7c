//! One slice: a sled database, and the guards that this version of sled needs.

use super::files::SliceName;
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
    finished: sled::Tree,
    /// sled's file, opened a second time for an fdatasync of our own.
    file: Arc<File>,
}

/// Recovery of a slice of the usual size takes well under a second; a sled that hangs is
/// given up on.
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);

impl Slice {
    /// Opens or creates the database. sled panics, or hangs, on some damage, so it opens
    /// in a thread of its own.
    pub(super) fn open(name: &SliceName, cache_octets: u64) -> Result<Slice, StoreError> {
        drop_half_written_snapshots(&name.path);
        let db = match open_guarded(&name.path, cache_octets) {
            Ok(db) => db,
            Err(e) => {
                // A bad snapshot alone makes sled refuse; it can rebuild from its log.
                if !set_snapshots_aside(&name.path) {
                    return Err(e);
                }
                warn!(slice = %name.path.display(), error = %e, "opened anew without its snapshots");
                open_guarded(&name.path, cache_octets)?
            }
        };
        let frames = db.open_tree("frames").map_err(io)?;
        let finished = db.open_tree("finished").map_err(io)?;
        let path = name.path.join("db");
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|e| StoreError::Io(format!("{}: {e}", path.display())))?;
        db.flush().map_err(io)?;
        file.sync_all()
            .and_then(|()| sync_directory(&name.path))
            .map_err(|e| StoreError::Io(e.to_string()))?;
        Ok(Slice {
            name: name.clone(),
            db,
            frames,
            finished,
            file: Arc::new(file),
        })
    }

    pub(super) fn name(&self) -> &SliceName {
        &self.name
    }

    /// Atomic over a crash, and durable on return; the index of finished messages with it.
    pub(super) fn append(
        &self,
        frames: &[(u64, Arc<Vec<u8>>)],
        finished: &[(MessageId, u64)],
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (number, octets) in frames {
            batch.insert(&number.to_be_bytes(), octets.as_slice());
        }
        self.frames.apply_batch(batch).map_err(io)?;
        if !finished.is_empty() {
            let mut batch = sled::Batch::default();
            for (id, frame) in finished {
                batch.insert(&id.0.to_be_bytes(), &frame.to_be_bytes());
            }
            self.finished.apply_batch(batch).map_err(io)?;
        }
        self.db.flush().map_err(io)?;
        // sled's flush ends in sync_file_range, which a power cut does not respect.
        self.file
            .sync_data()
            .map_err(|e| StoreError::Io(format!("fdatasync: {e}")))
    }

    pub(super) fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.frames.get(number.to_be_bytes()).map_err(io)?;
        Ok(found.map(|octets| octets.to_vec()))
    }

    pub(super) fn last_frame_of(&self, message: MessageId) -> Result<Option<u64>, StoreError> {
        let found = self.finished.get(message.0.to_be_bytes()).map_err(io)?;
        Ok(found.and_then(|v| be_u64(&v)))
    }

    pub(super) fn highest(&self) -> Result<Option<u64>, StoreError> {
        let last = self.frames.last().map_err(io)?;
        Ok(last.and_then(|(key, _)| be_u64(&key)))
    }

    pub(super) fn octets_on_disk(&self) -> u64 {
        self.name.octets_on_disk()
    }
}

fn be_u64(octets: &[u8]) -> Option<u64> {
    octets.try_into().ok().map(u64::from_be_bytes)
}

fn io(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt(error.to_string()),
        other => StoreError::Io(other.to_string()),
    }
}

fn open_guarded(path: &Path, cache_octets: u64) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_octets)
        // Its garbage collector runs only in this thread.
        .flush_every_ms(Some(500));
    let (to, opened) = mpsc::channel();
    let open = move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        // The opener may have given up waiting.
        let _ = to.send(result);
    };
    std::thread::Builder::new()
        .name("log-open".to_owned())
        .spawn(open)
        .map_err(|e| StoreError::Io(format!("no thread to open the log: {e}")))?;
    match opened.recv_timeout(OPEN_TIMEOUT) {
        Ok(Ok(Ok(db))) => Ok(db),
        Ok(Ok(Err(e))) => Err(io(e)),
        Ok(Err(_)) => Err(StoreError::Corrupt(format!(
            "{}: sled gave up on it",
            path.display()
        ))),
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

pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}
