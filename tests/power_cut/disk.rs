//! A disk that keeps what was synced, and whatever it likes of the rest.
//!
//! It stands at the door of all syncs and remembers, for each file, what it held at its last
//! sync, and for each directory, the names it held. [`VolatileDisk::cut`] ends the power:
//! from then on no sync succeeds, and an image of what a machine might find after such an
//! end is written elsewhere. In it
//!
//! * each sector of 512 octets that was written since its file's last sync is, one by one
//!   and whatever the order of the writes, new or old, and now and then torn within;
//! * a length that has changed since is the old one or the new one;
//! * a name that was made, removed or renamed since its directory's last sync is, one by
//!   one, as it was or as it is. A file that was never synced may be there and empty.
//!
//! What sled syncs by itself does not pass the door, so it counts as not synced: the disk is
//! worse than a real one there. Of a sector that was written twice since the last sync, the
//! version between is never seen.

use smpp_bridge::store::sled::disk::Disk;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

const SECTOR: usize = 512;

#[derive(Debug)]
pub(crate) struct VolatileDisk {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    off: bool,
    files: BTreeMap<Inode, Vec<u8>>,
    /// By path below the root.
    directories: BTreeMap<PathBuf, BTreeMap<PathBuf, Inode>>,
    syncs: u64,
}

/// A file, whatever its name: its number, and when it was made, since numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Inode(u64, Option<SystemTime>);

impl Inode {
    fn of(metadata: &Metadata) -> Inode {
        Inode(metadata.ino(), metadata.created().ok())
    }
}

impl VolatileDisk {
    /// Everything that is there now has been there for long.
    pub(crate) fn over(root: &Path) -> VolatileDisk {
        let mut state = State::default();
        for directory in directories_below(root) {
            state.sync_directory(root, &root.join(directory)).unwrap();
        }
        for path in files_below(root) {
            state.sync_file(&File::open(path).unwrap()).unwrap();
        }
        state.syncs = 0;
        VolatileDisk {
            root: root.to_owned(),
            state: Mutex::new(state),
        }
    }

    /// How often something was synced.
    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Ends the power, and writes to `image` what may be left.
    pub(crate) fn cut(&self, image: &Path, rng: &mut fastrand::Rng) {
        let mut state = self.state();
        state.off = true;
        state.leave(&self.root, Path::new(""), image, rng);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for VolatileDisk {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.state().sync_file(file)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.state().sync_directory(&self.root, path)
    }
}

impl State {
    fn is_on(&mut self) -> io::Result<()> {
        self.syncs += 1;
        match self.off {
            true => Err(io::Error::other("the power is off")),
            false => Ok(()),
        }
    }

    fn sync_file(&mut self, file: &File) -> io::Result<()> {
        self.is_on()?;
        let inode = Inode::of(&file.metadata()?);
        let now = content(file)?;
        self.files.insert(inode, now);
        Ok(())
    }

    fn sync_directory(&mut self, root: &Path, path: &Path) -> io::Result<()> {
        self.is_on()?;
        let below = path
            .strip_prefix(root)
            .expect("the log stays in its directory");
        self.directories.insert(below.to_owned(), names_in(path));
        Ok(())
    }

    /// What is left of a directory.
    fn leave(&self, root: &Path, below: &Path, image: &Path, rng: &mut fastrand::Rng) {
        let to = image.join(below);
        fs::create_dir_all(&to).unwrap();
        let nothing = BTreeMap::new();
        let old = self.directories.get(below).unwrap_or(&nothing);
        let new = names_in(&root.join(below));
        let mut taken = BTreeSet::new();
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (old.get(name), new.get(name));
            let chosen = if was == is || rng.bool() { is } else { was };
            // A renamed file has one name or the other.
            let Some(inode) = chosen.filter(|inode| taken.insert(**inode)) else {
                continue;
            };
            let path = below.join(name);
            let is_directory = self.directories.contains_key(&path) || root.join(&path).is_dir();
            if is_directory {
                self.leave(root, &path, image, rng);
            } else {
                fs::write(image.join(&path), self.leftover(root, *inode, rng)).unwrap();
            }
        }
    }

    /// What is left of a file.
    fn leftover(&self, root: &Path, inode: Inode, rng: &mut fastrand::Rng) -> Vec<u8> {
        let old = self.files.get(&inode).cloned().unwrap_or_default();
        let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|m| Inode::of(&m) == inode);
        let now = files_below(root).into_iter().find(is_it);
        // Removed meanwhile, under a name that has survived.
        let Some(new) = now.and_then(|path| fs::read(path).ok()) else {
            return old;
        };
        if new == old {
            return old;
        }
        // How much of it had reached the disk by itself: nothing, all, or anything.
        let any = rng.f64();
        let share = *rng.choice(&[0.0, 1.0, any]).unwrap();
        let length = if rng.f64() < share {
            new.len()
        } else {
            old.len()
        };
        let mut left = vec![0; length];
        for at in (0..length).step_by(SECTOR) {
            let end = (at + SECTOR).min(length);
            let part = |all: &[u8]| {
                let mut part = vec![0; end - at];
                let there = all.get(at..end.min(all.len())).unwrap_or_default();
                part[..there.len()].copy_from_slice(there);
                part
            };
            let (was, is) = (part(&old), part(&new));
            let mut kept = if rng.f64() < share { is.clone() } else { was };
            if kept == is && kept != part(&old) && rng.u8(..) < 8 {
                let torn_at = rng.usize(..kept.len());
                kept[torn_at..].copy_from_slice(&part(&old)[torn_at..]);
            }
            left[at..end].copy_from_slice(&kept);
        }
        left
    }
}

fn content(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).expect("a small file");
    let mut octets = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut octets[read..], read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    octets.truncate(read);
    Ok(octets)
}

fn names_in(path: &Path) -> BTreeMap<PathBuf, Inode> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter_map(|e| Some((e.file_name().into(), Inode::of(&e.metadata().ok()?))))
        .collect()
}

/// Every directory below, itself included, as paths below it.
fn directories_below(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        next += 1;
        for name in names_in(&root.join(&directory)).into_keys() {
            let path = directory.join(name);
            if root.join(&path).is_dir() {
                found.push(path);
            }
        }
    }
    found
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let all = directories_below(root).into_iter();
    all.flat_map(|d| names_in(&root.join(&d)).into_keys().map(move |n| d.join(n)))
        .map(|path| root.join(path))
        .filter(|path| path.is_file())
        .collect()
}
