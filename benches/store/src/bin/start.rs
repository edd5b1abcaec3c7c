//! How long a start takes before the log answers, and what it reads for that.
//!
//! `start DIRECTORY [OPEN [LIVES]]`: the directory keeps the log for the next time.

use smpp_bridge::message::GatewayId;
use smpp_bridge_store_benches::life::Log;
use smpp_bridge_store_benches::{cost, lives, runtime};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GROUP: usize = 256;
const ROUNDS: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next().map(PathBuf::from) else {
        eprintln!("start DIRECTORY [OPEN [LIVES]]");
        std::process::exit(2);
    };
    let mut number = |default: u64| {
        let given = arguments.next().and_then(|n| n.parse().ok());
        given.unwrap_or(default)
    };
    let (open_messages, finished) = (number(1_000_000), number(0));
    if !directory.join("prepared").exists() {
        prepare(&directory, open_messages, finished);
        std::fs::write(directory.join("prepared"), "").expect("a mark");
    }
    println!(
        "{:>8} {:>8} {:>6} {:>6}",
        "open ms", "frames", "MB", "CPU ms"
    );
    for _ in 0..ROUNDS {
        runtime().block_on(async {
            let (began, cpu) = (Instant::now(), cost::cpu());
            let log = open(&directory);
            println!(
                "{:>8} {:>8} {:>6.0} {:>6}",
                began.elapsed().as_millis(),
                log.metrics.store.recovery_frames.get(),
                cost::resident().0 as f64 / 1e6,
                (cost::cpu() - cpu).as_millis()
            );
            log.close().await;
        });
    }
}

fn open(path: &Path) -> Log {
    Log::open(path, |_, policy| policy.queued_per_gateway_max = usize::MAX)
}

fn prepare(path: &Path, open_messages: u64, finished: u64) {
    runtime().block_on(async {
        let log = open(path);
        for _ in 0..open_messages.div_ceil(GROUP as u64) {
            log.submit(GatewayId(1), GROUP).await;
        }
        lives(&log, finished, GROUP, 1).await;
        log.close().await;
    });
}
