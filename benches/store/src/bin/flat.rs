//! Whether the log stays flat: CPU a message in a small log, and beside it in one of many
//! messages, with many open, many queued, over many gateways; time to open, memory, disk.
//!
//! `flat DIRECTORY [MESSAGES [CASE]]`: the directory keeps the logs for the next time.

use smpp_bridge::message::GatewayId;
use smpp_bridge_store_benches::life::{Log, payload_octets};
use smpp_bridge_store_benches::{cost, lives, runtime};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: usize = 256;
/// Lives of one measurement: what is open is carried in it as often as it is on the whole.
const MESSAGES: u64 = 200_000;
const ROUNDS: usize = 3;
const DEAD_GATEWAY: GatewayId = GatewayId(1000);

/// What there is before anything is measured.
#[derive(Clone, Copy)]
struct Before {
    name: &'static str,
    lives: u64,
    open: u64,
    queued: u64,
    gateways: u32,
}

const SMALL: Before = Before {
    name: "small",
    lives: 10_000,
    open: 0,
    queued: 0,
    gateways: 1,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next().map(PathBuf::from) else {
        eprintln!("flat DIRECTORY [MESSAGES [CASE]]");
        std::process::exit(2);
    };
    let many = arguments.next().and_then(|n| n.parse().ok());
    let only = arguments.next();
    let cases = [
        Before {
            name: "queued-100000",
            queued: 100_000,
            ..SMALL
        },
        Before {
            name: "gateways-200",
            gateways: 200,
            ..SMALL
        },
        Before {
            name: "open-1000000",
            open: 1_000_000,
            ..SMALL
        },
        Before {
            name: "large",
            lives: many.unwrap_or(10_000_000),
            open: 100_000,
            ..SMALL
        },
    ];
    println!(
        "CPU-microseconds a message, least of {ROUNDS} rounds of {MESSAGES}, in groups of {GROUP};"
    );
    println!(
        "opened: time, frames read, MB resident then; disk: octets a message, payload {}\n",
        payload_octets()
    );
    println!(
        "{:<14} {:>6} {:>6} {:>6}   {:>8} {:>8} {:>6}   {:>6}",
        "log", "us", "small", "ratio", "open ms", "frames", "MB", "disk"
    );
    let wanted = |case: &Before| only.as_ref().is_none_or(|name| name == case.name);
    for case in cases.into_iter().filter(wanted) {
        compare(&directory, case);
    }
}

/// A case and the small log, taking turns.
fn compare(directory: &Path, case: Before) {
    let path = directory.join(case.name);
    if !path.join("prepared").exists() {
        prepare(&path, case);
        std::fs::write(path.join("prepared"), "").expect("a mark");
    }
    let (mut own, mut small, mut opened) = (f64::MAX, f64::MAX, String::new());
    let mut disk = 0.0;
    for _ in 0..ROUNDS {
        let other = directory.join("small");
        let _ = std::fs::remove_dir_all(&other);
        prepare(&other, SMALL);
        small = small.min(measure(&other, SMALL).0);
        let (us, words, octets) = measure(&path, case);
        (own, opened, disk) = (own.min(us), words, octets);
    }
    println!(
        "{:<14} {own:>6.1} {small:>6.1} {:>6.2}   {opened}   {disk:>6.0}",
        case.name,
        own / small
    );
}

fn open(path: &Path) -> Log {
    Log::open(path, |_, policy| policy.queued_per_gateway_max = usize::MAX)
}

fn prepare(path: &Path, case: Before) {
    runtime().block_on(async {
        let log = open(path);
        for _ in 0..case.open.div_ceil(GROUP as u64) {
            log.submit(GatewayId(1), GROUP).await;
        }
        for _ in 0..case.queued.div_ceil(GROUP as u64) {
            log.accept(DEAD_GATEWAY, GROUP).await;
        }
        lives(&log, case.lives, GROUP, case.gateways).await;
        log.close().await;
    });
}

/// CPU a message; how the log opened; octets of disk a message.
fn measure(path: &Path, case: Before) -> (f64, String, f64) {
    runtime().block_on(async {
        let began = Instant::now();
        let log = open(path);
        let opened = format!(
            "{:>8} {:>8} {:>6.0}",
            began.elapsed().as_millis(),
            log.metrics.store.recovery_frames.get(),
            cost::resident().0 as f64 / 1e6
        );
        let before = cost::on_disk(path);
        let cost = lives(&log, MESSAGES, GROUP, case.gateways).await;
        let disk = (cost::on_disk(path) - before) as f64 / MESSAGES as f64;
        log.close().await;
        (cost.each(), opened, disk)
    })
}
