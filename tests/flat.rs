//! The log stays flat: what a start reads, what memory holds and what the disk keeps depend on
//! what is open, not on how much there ever was.
//!
//! Method: messages live their life in a store on a real directory, and what is looked at is
//! counted: frames, octets of memory, blocks of disk. Memory is that of a child process, since
//! other tests run in this one. `FLAT_OPEN=1000000` is the long form of the memory test.

#[path = "../benches/store/src/life.rs"]
#[allow(unreachable_pub, dead_code)] // A library's module, of which this needs a part.
mod life;

use life::Log;
use smpp_bridge::message::GatewayId;
use smpp_bridge::store::Store as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// As in the daemon: what memory costs depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GATEWAY: GatewayId = GatewayId(1);
const DEAD_GATEWAY: GatewayId = GatewayId(2);

/// The formula of README.md, in octets. What the messages themselves bring is the lab's: head
/// 75, text 49, upstream id 16, receipt 130.
const PROCESS: u64 = 80_000_000;
const OPEN: u64 = 220;
/// The same after a start, which has read it from old slices.
const REOPENED: u64 = 270;
/// With a validity that ends.
const QUEUED: u64 = 290;
const CALLBACK: u64 = 300;

fn small_rounds(
    options: &mut smpp_bridge::store::sled::SledOptions,
    policy: &mut smpp_bridge::store::Policy,
) {
    options.slice_octets_max = 400_000;
    options.retention = Duration::ZERO;
    policy.carry_octets_min = 200_000;
    policy.finished_max = 100;
}

fn slices(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap().flatten();
    let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
    let mut slices: Vec<_> = names.filter(|n| n.starts_with("slice-")).collect();
    slices.sort();
    slices
}

/// The slices there are once this one is gone. sled is behind what was acknowledged, and slices
/// are looked at as it is fed: so the log goes on.
async fn left_without(log: &Log, path: &Path, slice: &String) -> Vec<String> {
    for _ in 0..300 {
        let left = slices(path);
        if !left.contains(slice) {
            return left;
        }
        log.whole_life(GATEWAY, 100).await;
    }
    panic!("{slice} stays: {:?}", slices(path));
}

/// Octets on the disk, as `du` counts them.
fn on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let octets = |e: std::fs::DirEntry| match std::fs::symlink_metadata(e.path()) {
        Ok(m) if m.is_dir() => on_disk(&e.path()),
        Ok(m) => m.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(octets).sum()
}

#[tokio::test]
async fn a_start_reads_what_is_open_and_the_newest_part() {
    let directory = tempfile::tempdir().unwrap();
    let keep = |options: &mut _, policy: &mut _| {
        small_rounds(options, policy);
        options.retention = Duration::from_secs(86_400);
    };
    let log = Log::open(directory.path(), keep);
    log.submit(GATEWAY, 100).await;
    for _ in 0..100 {
        log.whole_life(GATEWAY, 100).await;
    }
    let (_, written) = log.commits();
    log.close().await;
    assert!(slices(directory.path()).len() >= 4);
    let log = Log::open(directory.path(), keep);
    let read = u64::try_from(log.metrics.store.recovery_frames.get()).unwrap() * 6 * 1024;
    assert!(written > 2_000_000, "{written}");
    // Two rounds, what is open, and frames that are not full.
    assert!(read < 900_000, "{read} of {written} octets were read");
    assert_eq!(log.metrics.store.recovery_frames_left.get(), 0);
    log.close().await;
}

#[tokio::test]
async fn a_start_reads_the_checkpoint_and_what_was_written_since() {
    let directory = tempfile::tempdir().unwrap();
    let keep = |_: &mut _, policy: &mut smpp_bridge::store::Policy| {
        policy.checkpoint_octets_min = 100_000;
        policy.finished_max = 100;
    };
    let log = Log::open(directory.path(), keep);
    let open = log.submit(GATEWAY, 1000).await;
    for _ in 0..30 {
        log.whole_life(GATEWAY, 100).await;
    }
    let (_, written) = log.commits();
    log.close().await;
    let log = Log::open(directory.path(), keep);
    let read = u64::try_from(log.metrics.store.recovery_frames.get()).unwrap() * 6 * 1024;
    // Frames that are not full, and a checkpoint that was not at its end.
    assert!(
        written > 800_000 && read < 500_000,
        "{read} of {written} octets were read"
    );
    log.receipts(GATEWAY, &open).await;
    log.close().await;
}

/// What was open in it has ended since, as only frames tell that are gone.
#[tokio::test]
async fn a_checkpoint_older_than_the_oldest_slice_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let opened = |checkpoint_octets_min| {
        Log::open(path, |options, policy| {
            small_rounds(options, policy);
            policy.checkpoint_octets_min = checkpoint_octets_min;
        })
    };
    let log = opened(50_000);
    let queued = log.accept(GATEWAY, 100).await;
    while !path.join("checkpoint").exists() {
        log.whole_life(DEAD_GATEWAY, 100).await;
    }
    log.close().await;
    let old = slices(path);
    let log = opened(u64::MAX);
    for id in queued {
        assert!(log.store.cancel(id).await.unwrap());
    }
    for slice in &old {
        left_without(&log, path, slice).await;
    }
    log.close().await;
    let log = opened(u64::MAX);
    assert_eq!(log.store.counts(GATEWAY).await.unwrap().queued, 0);
    log.close().await;
}

#[tokio::test]
async fn a_slice_past_its_retention_gives_its_space_back() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(directory.path(), small_rounds);
    log.submit(GATEWAY, 100).await;
    let oldest = slices(directory.path()).remove(0);
    for _ in 0..60 {
        log.whole_life(GATEWAY, 100).await;
    }
    let left = left_without(&log, directory.path(), &oldest).await;
    let (_, written) = log.commits();
    log.close().await;
    let now = on_disk(directory.path());
    assert!(left.len() <= 3, "{left:?}");
    let wal = 8 << 20;
    assert!(now < wal + 3 * written, "{now} beside {written} written");
}

#[tokio::test]
async fn the_oldest_slices_go_when_the_log_is_too_large() {
    let directory = tempfile::tempdir().unwrap();
    let sized = |options: &mut smpp_bridge::store::sled::SledOptions, policy: &mut _| {
        small_rounds(options, policy);
        options.retention = Duration::from_secs(86_400);
        options.retention_octets_max = 6_000_000;
    };
    let log = Log::open(directory.path(), sized);
    let oldest = slices(directory.path()).remove(0);
    for _ in 0..100 {
        log.whole_life(GATEWAY, 100).await;
    }
    left_without(&log, directory.path(), &oldest).await;
    log.close().await;
}

/// Runs `child` alone in a process of its own; the octets that its memory holds in the end.
fn grown_in_child(what: &str, messages: u64) -> (u64, u64) {
    let directory = tempfile::tempdir().unwrap();
    grown_in_child_on(directory.path(), what, messages)
}

/// The same, on a log that may be there already.
fn grown_in_child_on(directory: &Path, what: &str, messages: u64) -> (u64, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("FLAT_CHILD", what)
        .env("FLAT_DIRECTORY", directory)
        .env("FLAT_MESSAGES", messages.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|l| l.split_once("resident "));
    let (_, figures) = line.unwrap_or_else(|| panic!("{output:?}"));
    let mut figures = figures.split(' ').map(|n| n.parse::<u64>().unwrap());
    (figures.next().unwrap(), figures.next().unwrap())
}

/// The other side of [`grown_in_child`]; of its own accord it does nothing.
#[tokio::test]
async fn child() {
    let Ok(what) = std::env::var("FLAT_CHILD") else {
        return;
    };
    let count: usize = std::env::var("FLAT_MESSAGES").unwrap().parse().unwrap();
    let directory = std::env::var("FLAT_DIRECTORY").unwrap();
    let log = Log::open(Path::new(&directory), |_, policy| {
        policy.queued_per_gateway_max = usize::MAX;
    });
    if what == "reopened" {
        while log.metrics.store.recovery_frames_left.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let known = log.store.counts(GATEWAY).await.unwrap().messages;
        println!("resident {} {known}", resident());
        return log.close().await;
    }
    for first in (0..count).step_by(256) {
        let group = 256.min(count - first);
        match what.as_str() {
            "open" => drop(log.submit(GATEWAY, group).await),
            "queued" => drop(log.accept(DEAD_GATEWAY, group).await),
            "callbacks" => {
                let ids = log.submit(GATEWAY, group).await;
                log.receipts(GATEWAY, &ids).await;
            }
            other => panic!("{other}"),
        }
    }
    let living = resident();
    log.close().await;
    println!("resident {living} {}", count);
}

/// Resident octets of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[test]
fn open_messages_take_the_memory_of_the_formula_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let (before, count) = grown_in_child_on(directory.path(), "open", messages());
    let (after, known) = grown_in_child_on(directory.path(), "reopened", count);
    assert_eq!(known, count);
    println!("{count} open messages after a start: {after} octets resident, {before} before it");
    assert!(after < PROCESS + count * REOPENED, "{after}");
}

fn messages() -> u64 {
    let long = std::env::var("FLAT_OPEN").ok();
    long.map_or(100_000, |n| n.parse().unwrap())
}

#[test]
fn open_messages_take_the_memory_that_the_formula_says() {
    let count = messages();
    let (resident, _) = grown_in_child("open", count);
    println!("{count} open messages: {resident} octets resident");
    assert!(resident < PROCESS + count * OPEN, "{resident}");
}

#[test]
fn queued_messages_take_the_memory_that_the_formula_says() {
    let (resident, count) = grown_in_child("queued", messages());
    println!("{count} queued messages: {resident} octets resident");
    assert!(resident < PROCESS + count * QUEUED, "{resident}");
}

#[test]
fn callbacks_take_the_memory_that_the_formula_says() {
    let (resident, count) = grown_in_child("callbacks", messages() / 2);
    println!("{count} callbacks: {resident} octets resident");
    assert!(resident < PROCESS + count * (OPEN + CALLBACK), "{resident}");
}
