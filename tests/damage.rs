//! Damaged logs: bits that flipped, stretches that were lost, files cut short or gone.
//!
//! Goal: whatever is damaged, the log either opens, and what is missing is exactly what it
//! says, or it refuses with the place and the way out; it never hangs, and never panics out of
//! the process. Method: one real log of several slices, the last of whose frames only the
//! write-ahead file has; of each copy one file is hurt at random, then read and opened.
//!
//! DAMAGE_CASES sets how many (the full drill has 400), DAMAGE_SEED repeats a run:
//!
//!     DAMAGE_CASES=400 cargo test --release --test damage -- --nocapture

mod common;

use common::sample::{head, new_message};
use smpp_bridge::metrics::Metrics;
use smpp_bridge::store::audit::{Bounds, audit};
use smpp_bridge::store::journal::{Frame, Journal};
use smpp_bridge::store::sled::{LogAtRest, SledJournal, SledOptions};
use smpp_bridge::store::walk::{Found, walk};
use smpp_bridge::store::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The log gives sled two minutes to open; whatever takes longer than that hangs.
const HANGS_AFTER: Duration = Duration::from_secs(150);
/// sled's threads mostly wait, when it opens and when it closes.
const AT_ONCE: usize = 12;

fn options(path: &Path, slice_octets_max: u64) -> SledOptions {
    SledOptions {
        slice_octets_max,
        disk_reserve_octets: 0,
        cache_octets: 4 << 20,
        ..SledOptions::at(path)
    }
}

fn open(path: &Path, slice_octets_max: u64) -> Result<LogStore, StoreError> {
    let options = options(path, slice_octets_max);
    let all = OpenOptions {
        policy: Policy {
            checkpoint_octets_min: 20_000,
            ..Policy::default()
        },
        metrics: Metrics::new().store,
    };
    LogStore::open(move || SledJournal::open(&options), all)
}

async fn accept_some(store: &LogStore, messages: usize) {
    for n in 0..messages {
        let text = format!("{n} {}", "x".repeat(700));
        let accepted = store.accept(new_message(head(), &text)).await.unwrap();
        assert!(matches!(accepted, Acceptance::Accepted { .. }));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(path, to).unwrap()),
        }
    }
}

fn slices(path: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(path).unwrap().flatten().map(|e| e.path());
    let mut slices: Vec<PathBuf> = names.filter(|p| p.is_dir()).collect();
    slices.sort();
    slices
}

/// A log of several slices; sled does not have what was accepted last.
async fn sound_log(folder: &Path) -> PathBuf {
    let log = folder.join("sound");
    let store = open(&log, 60_000).unwrap();
    accept_some(&store, 250).await;
    store.close().await.unwrap();
    let newest = slices(&log).pop().unwrap();
    assert!(slices(&log).len() > 2);
    let before = folder.join("before");
    copy(&newest, &before);
    let store = open(&log, u64::MAX).unwrap();
    accept_some(&store, 40).await;
    store.close().await.unwrap();
    fs::remove_dir_all(&newest).unwrap();
    fs::rename(before, newest).unwrap();
    log
}

/// How many entries begin in each frame, and the frames that are told to be unreadable.
#[derive(Default)]
struct Reading {
    entries: BTreeMap<u64, usize>,
    damaged: Vec<(u64, u64)>,
}

fn read(path: &Path) -> Result<Reading, StoreError> {
    let log = LogAtRest::open(path)?;
    let mut reading = Reading::default();
    let each = |found: Found<'_>| match found {
        Found::Entry { frame, .. } => *reading.entries.entry(frame).or_default() += 1,
        Found::Damage { first, last, error } => {
            assert!(!error.to_string().is_empty());
            reading.damaged.push((first, last));
        }
    };
    walk(&*log.source(), 0, each, |_, _| {});
    // Whatever the damage, the audit ends, too.
    audit(&*log.source(), Bounds::default(), |_, _, _| {});
    Ok(reading)
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.retain(|f| !f.ends_with("lock") && fs::metadata(f).unwrap().len() > 0);
    found.sort();
    found
}

/// Hurts one file; says how.
fn hurt(path: &Path, rng: &mut fastrand::Rng) -> String {
    let all = files(path);
    // Mostly where the messages are.
    let heavy = |f: &&PathBuf| f.ends_with("db") || f.ends_with("wal-a") || f.ends_with("wal-b");
    let weighty: Vec<&PathBuf> = all.iter().filter(heavy).collect();
    let file = match rng.u8(..4) {
        0 => rng.choice(&all).unwrap(),
        _ => *rng.choice(&weighty).unwrap(),
    };
    let mut octets = fs::read(file).unwrap();
    // Files are filled with zeros beforehand, where damage does nothing.
    let used = octets.iter().rposition(|o| *o != 0).map_or(1, |at| at + 1);
    let at = rng.usize(..used);
    let end = (at + rng.usize(1..20_000)).min(octets.len());
    let how = match rng.u8(..5) {
        0 | 1 => {
            octets[at] ^= 1 << rng.u8(..8);
            format!("a bit of octet {at} flipped")
        }
        2 => {
            octets[at..end].fill(0);
            format!("octets {at} to {end} zero")
        }
        3 => {
            octets[at..end].iter_mut().for_each(|o| *o = rng.u8(..));
            format!("octets {at} to {end} garbage")
        }
        _ => {
            octets.truncate(at);
            format!("cut at {at}")
        }
    };
    fs::write(file, octets).unwrap();
    format!("{}: {how}", file.strip_prefix(path).unwrap().display())
}

/// What became of a damaged log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It opened, with everything.
    Whole,
    /// It opened, and tells what is missing.
    Told,
    /// It refused, and opened once the slice it named was gone.
    Refused,
}

/// Reads and opens a damaged log.
fn try_log(path: &Path, sound: &BTreeMap<u64, usize>, how: &str) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    check_reading(&read(path), path, sound, how);
    let _inside = runtime.enter();
    match open(path, u64::MAX) {
        Ok(store) => {
            let more = runtime.block_on(store.accept(new_message(head(), "after")));
            assert!(
                matches!(more, Ok(Acceptance::Accepted { .. })),
                "{how}: {more:?}"
            );
            runtime.block_on(store.close()).unwrap();
            let again = read(path);
            let missing = check_reading(&again, path, sound, how);
            println!(
                "{missing} frames of {} are missing after {how}",
                sound.len()
            );
            match missing {
                0 => Outcome::Whole,
                _ => Outcome::Told,
            }
        }
        Err(e) => {
            let words = e.to_string();
            let helps =
                words.contains("smpp-bridge verify") && words.contains("move its directory out of");
            assert!(words.contains("slice-") && helps, "{how}: {words}");
            // The way out that it tells.
            let named = slices(path).into_iter().find(|s| {
                let name = s.file_name().unwrap().to_str().unwrap();
                words.contains(name)
            });
            let aside = path.with_extension("aside");
            fs::rename(named.expect("it names the slice"), &aside).unwrap();
            let store = open(path, u64::MAX).unwrap_or_else(|e| panic!("{how}, slice gone: {e}"));
            runtime.block_on(store.close()).unwrap();
            fs::remove_dir_all(aside).unwrap();
            Outcome::Refused
        }
    }
}

/// Everything that is missing is in frames that are told to be; how many frames are.
fn check_reading(
    reading: &Result<Reading, StoreError>,
    path: &Path,
    sound: &BTreeMap<u64, usize>,
    how: &str,
) -> usize {
    let reading = match reading {
        Ok(reading) => reading,
        Err(e) => {
            let words = e.to_string();
            assert!(words.contains(path.to_str().unwrap()), "{how}: {words}");
            return 0;
        }
    };
    let highest = reading.entries.keys().next_back().copied().unwrap_or(0);
    let mut missing = 0;
    for (frame, entries) in sound {
        if reading.entries.get(frame) == Some(entries) {
            continue;
        }
        missing += 1;
        let told = reading
            .damaged
            .iter()
            .any(|(first, last)| (first..=last).contains(&frame));
        // The end of the write-ahead file looks like a record that was never finished.
        let at_the_end = how.starts_with("wal-") && *frame > highest;
        assert!(
            told || at_the_end,
            "{how}: frame {frame} is missing silently"
        );
    }
    missing
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
    )
}

#[test]
fn a_damaged_log_opens_and_tells_or_refuses_and_helps() {
    let cases = number("DAMAGE_CASES").unwrap_or(40);
    let seed = number("DAMAGE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{cases} cases, DAMAGE_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let log = runtime.block_on(sound_log(folder.path()));
    let all = read(&log).unwrap();
    assert!(all.damaged.is_empty() && all.entries.len() > 30);
    let (to, done) = mpsc::channel();
    let next = Arc::new(AtomicU64::new(0));
    for _ in 0..AT_ONCE {
        let (to, next, log, entries) = (to.clone(), next.clone(), log.clone(), all.entries.clone());
        std::thread::spawn(move || {
            loop {
                let case = next.fetch_add(1, Ordering::Relaxed);
                if case >= cases {
                    return;
                }
                let _ = to.send(one_case(&log, case, seed, &entries));
            }
        });
    }
    drop(to);
    let mut tally: BTreeMap<Outcome, u32> = BTreeMap::new();
    for _ in 0..cases {
        let outcome = done.recv_timeout(HANGS_AFTER);
        *tally
            .entry(outcome.expect("a case hangs or has failed"))
            .or_default() += 1;
    }
    println!("{cases} damaged logs: {tally:?}");
}

fn one_case(log: &Path, case: u64, seed: u64, sound: &BTreeMap<u64, usize>) -> Outcome {
    let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(case));
    let path = log.with_file_name(format!("case-{case}"));
    copy(log, &path);
    let how = hurt(&path, &mut rng);
    println!("case {case} of DAMAGE_SEED={seed}: {how}");
    let outcome = try_log(&path, sound, &how);
    fs::remove_dir_all(path).unwrap();
    outcome
}

/// As another version of sled would have left it.
fn make_unopenable(slice: &Path) {
    let settings = "segment_size: 524288\nuse_compression: false\nversion: 0.33\ncrc.";
    fs::write(slice.join("conf"), settings).unwrap();
}

#[test]
fn a_slice_that_cannot_be_opened_keeps_the_log_shut_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let log = runtime.block_on(sound_log(folder.path()));
    runtime.block_on(async {
        // The write-ahead files have what came since the start before this one, and no more.
        let store = open(&log, u64::MAX).unwrap();
        accept_some(&store, 1).await;
        store.close().await.unwrap();
    });
    let sound = read(&log).unwrap().entries;
    let newest = slices(&log).pop().unwrap();
    make_unopenable(&newest);
    let outcome = try_log(&log, &sound, "another version of sled");
    assert_eq!(outcome, Outcome::Refused);
    // What only the write-ahead file had is in the log that goes on.
    let left = read(&log).unwrap();
    let last = sound.keys().next_back().unwrap();
    assert_eq!(left.entries.get(last), sound.get(last));
    assert!(!left.damaged.is_empty(), "the gap is told");
}

/// The power may go while sled makes a slice whose first frames are only ahead of it, or while
/// there are none at all: nothing of it is missed, so the log opens by itself.
#[test]
fn a_slice_of_which_everything_is_written_ahead_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&log, 60_000).unwrap();
        let begun = std::time::Instant::now();
        while slices(&log).len() < 2 {
            assert!(begun.elapsed() < HANGS_AFTER, "no second slice");
            accept_some(&store, 1).await;
        }
        store.close().await.unwrap();
    });
    let sound = read(&log).unwrap();
    let newest = slices(&log).pop().unwrap();
    make_unopenable(&newest);
    let at_rest = read(&log).unwrap();
    assert_eq!(at_rest.damaged, []);
    assert_eq!(at_rest.entries, sound.entries);
    let store = open(&log, u64::MAX).unwrap();
    runtime.block_on(store.close()).unwrap();
    assert!(!newest.exists());
    let again = read(&log).unwrap();
    assert_eq!(again.damaged, []);
    for (frame, entries) in sound.entries {
        assert_eq!(again.entries.get(&frame), Some(&entries), "frame {frame}");
    }
}

/// A log with a checkpoint in the middle, and the frames that a start reads behind that.
fn log_with_checkpoint(log: &Path, messages: usize) -> Arc<smpp_bridge::metrics::StoreMetrics> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let options = options(log, 60_000);
    let policy = Policy {
        checkpoint_octets_min: 50_000,
        ..Policy::default()
    };
    let metrics = Metrics::new().store;
    let all = OpenOptions {
        policy,
        metrics: metrics.clone(),
    };
    let store = LogStore::open(move || SledJournal::open(&options), all).unwrap();
    let known = runtime.block_on(store.counts(head().gateway)).unwrap();
    assert_eq!(known.queued, messages as u64, "all that was accepted");
    runtime.block_on(accept_some(&store, 250 - messages));
    let made = || log.join("checkpoint").exists();
    for _ in 0..1000 {
        if made() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(made(), "no checkpoint");
    runtime.block_on(store.close()).unwrap();
    metrics
}

#[test]
fn a_damaged_checkpoint_costs_a_longer_start_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, case) = (folder.path().join("sound"), folder.path().join("case"));
    log_with_checkpoint(&sound, 0);
    let started = |what: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        copy(&sound, &case);
        let path = case.join("checkpoint");
        let octets = fs::read(&path).unwrap();
        fs::write(path, what(octets)).unwrap();
        let read = log_with_checkpoint(&case, 250).recovery_frames.get();
        fs::remove_dir_all(&case).unwrap();
        read
    };
    let with = started(&|octets| octets);
    let without = started(&|_| Vec::new());
    assert!(with > 0 && with < without, "{with} of {without} frames");
    for share in 0..8 {
        let at = move |octets: &[u8]| octets.len() * share / 8;
        let flipped = started(&|mut octets| {
            let at = at(&octets);
            octets[at] ^= 1;
            octets
        });
        let cut = started(&|mut octets| {
            octets.truncate(at(&octets));
            octets
        });
        assert_eq!((flipped, cut), (without, without), "at {share} eighths");
    }
    let without_end = started(&|mut octets| {
        octets.truncate(octets.len() - 28);
        octets
    });
    assert_eq!(without_end, without);
}

#[test]
fn a_checkpoint_of_another_log_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (folder.path().join("own"), folder.path().join("other"));
    log_with_checkpoint(&own, 0);
    log_with_checkpoint(&other, 0);
    // As when slices are put back from a copy.
    fs::copy(other.join("checkpoint"), own.join("checkpoint")).unwrap();
    let known = read(&own).unwrap().entries.len();
    let all = log_with_checkpoint(&own, 250).recovery_frames.get();
    assert_eq!(usize::try_from(all).unwrap(), known);
}

/// Not damage, but a log that another version of the bridge wrote.
#[test]
fn a_log_of_another_format_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path(), 1 << 20);
    let frame = |number| {
        let mut octets = vec![0; 60];
        octets[4] = 1;
        let crc = crc32fast::hash(&octets[4..]);
        octets[..4].copy_from_slice(&crc.to_le_bytes());
        Frame { number, octets }
    };
    let (mut journal, _) = SledJournal::open(&options).unwrap();
    journal.append(vec![frame(1), frame(2)]).unwrap();
    journal.close();
    for _ in 0..2 {
        let Err(StoreError::Corrupt(why)) = SledJournal::open(&options).map(|_| ()) else {
            panic!("it opened");
        };
        assert!(
            why.contains("format 1") && why.contains("format 2"),
            "{why}"
        );
        let at_rest = LogAtRest::open(directory.path()).map(|_| ());
        assert_eq!(at_rest, Err(StoreError::Corrupt(why)));
    }
    assert_eq!(slices(directory.path()).len(), 1);
}
