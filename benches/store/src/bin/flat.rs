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
/// Lives of one turn, and turns: a machine that slows down meanwhile slows both logs.
const MESSAGES: u64 = 20_000;
const TURNS: usize = 60;
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
        "CPU-microseconds a message, {TURNS} turns of {MESSAGES} in groups of {GROUP}, the small log beside;"
    );
    println!("ratio: the middle one of all turns; whole: all of them together, with what is");
    println!("carried and checkpoints; opened: time, frames read, MB resident then;");
    println!("disk: octets a message, payload {}\n", payload_octets());
    println!(
        "{:<14} {:>6} {:>6} {:>6} {:>6}   {:>8} {:>8} {:>6}   {:>6}",
        "log", "us", "small", "ratio", "whole", "open ms", "frames", "MB", "disk"
    );
    let wanted = |case: &Before| only.as_ref().is_none_or(|name| name == case.name);
    for case in cases.into_iter().filter(wanted) {
        compare(&directory, case);
    }
}

/// A case and the small log, taking turns.
fn compare(directory: &Path, case: Before) {
    let (path, beside) = (directory.join(case.name), directory.join("small"));
    if !path.join("prepared").exists() {
        prepare(&path, case);
        std::fs::write(path.join("prepared"), "").expect("a mark");
    }
    let _ = std::fs::remove_dir_all(&beside);
    prepare(&beside, SMALL);
    runtime().block_on(async {
        let began = Instant::now();
        let log = open(&path);
        let opened = format!(
            "{:>8} {:>8} {:>6.0}",
            began.elapsed().as_millis(),
            log.metrics.store.recovery_frames.get(),
            cost::resident().0 as f64 / 1e6
        );
        let small = open(&beside);
        let before = cost::on_disk(&path);
        let (mut all, mut all_small, mut ratios) = (0.0, 0.0, Vec::new());
        for _ in 0..TURNS {
            let own = lives(&log, MESSAGES, GROUP, case.gateways).await.each();
            let beside = lives(&small, MESSAGES, GROUP, SMALL.gateways).await.each();
            all += own;
            all_small += beside;
            ratios.push(own / beside);
        }
        let disk = (cost::on_disk(&path) - before) as f64 / (MESSAGES * TURNS as u64) as f64;
        small.close().await;
        log.close().await;
        ratios.sort_unstable_by(f64::total_cmp);
        println!(
            "{:<14} {:>6.1} {:>6.1} {:>6.2} {:>6.2}   {opened}   {disk:>6.0}",
            case.name,
            all / TURNS as f64,
            all_small / TURNS as f64,
            ratios[TURNS / 2],
            all / all_small,
        );
    });
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
