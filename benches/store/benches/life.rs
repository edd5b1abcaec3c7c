//! A message's whole life in the log, beside the same octets in a raw file.

use criterion::{BenchmarkId, Criterion, Throughput};
use smpp_bridge::message::GatewayId;
use smpp_bridge_store_benches::{Cost, life::Log, lives, raw, runtime};
use std::time::{Duration, Instant};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The lab's number of connections, and what a full window makes of it.
const GROUPS: [usize; 2] = [32, 256];
const MESSAGES: u64 = 64_000;
const ROUNDS: usize = 3;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    for group in GROUPS {
        wall(&mut criterion, group);
    }
    criterion.final_summary();
    println!(
        "\nCPU-microseconds a message, user and system, least of {ROUNDS} rounds of {MESSAGES}"
    );
    println!("group  commits/1000  octets   log  (user sys)   raw  (user sys)  ratio");
    for group in GROUPS {
        table(group);
    }
}

/// Wall time of one group, for criterion's comparison with the last run.
fn wall(criterion: &mut Criterion, group: usize) {
    let directory = tempfile::tempdir_in(".").expect("a directory on a disk");
    let runtime = runtime();
    let log = runtime.block_on(async { Log::open(directory.path(), |_, _| {}) });
    let mut benches = criterion.benchmark_group("life");
    benches.throughput(Throughput::Elements(group as u64));
    benches.bench_function(BenchmarkId::new("log", group), |b| {
        b.iter_custom(|times| {
            let began = Instant::now();
            for _ in 0..times {
                runtime.block_on(log.whole_life(GatewayId(1), group));
            }
            began.elapsed()
        });
    });
    let like = runtime.block_on(lives(&log, 100 * group as u64, group, 1));
    benches.bench_function(BenchmarkId::new("raw", group), |b| {
        b.iter_custom(|times| {
            let part = Cost {
                octets: like.octets * times / 100,
                commits: (like.commits * times).div_ceil(100),
                ..like
            };
            let began = Instant::now();
            raw(&directory.path().join("raw"), &part);
            began.elapsed()
        });
    });
    benches.finish();
    runtime.block_on(log.close());
}

/// CPU, the two taking turns.
fn table(group: usize) {
    let directory = tempfile::tempdir_in(".").expect("a directory on a disk");
    let runtime = runtime();
    let log = runtime.block_on(async { Log::open(directory.path(), |_, _| {}) });
    runtime.block_on(lives(&log, MESSAGES, group, 1));
    let mut best: Option<(Cost, Cost)> = None;
    for _ in 0..ROUNDS {
        let life = runtime.block_on(lives(&log, MESSAGES, group, 1));
        let file = raw(&directory.path().join("raw"), &life);
        let (a, b) = best.unwrap_or((life, file));
        let less = |x: Cost, y: Cost| if x.cpu < y.cpu { x } else { y };
        best = Some((less(a, life), less(b, file)));
    }
    let Some((life, file)) = best else { return };
    let us = |s: f64| s * 1e6 / MESSAGES as f64;
    println!(
        "{group:>5}  {:>12.1}  {:>6.1}  {:>4.1}  ({:.1} {:.1})  {:>5.1}  ({:.1} {:.1})  {:>5.1}",
        life.commits as f64 * 1000.0 / MESSAGES as f64,
        life.octets as f64 / MESSAGES as f64,
        life.each(),
        us(life.user_s),
        us(life.system_s),
        file.each(),
        us(file.user_s),
        us(file.system_s),
        life.each() / file.each(),
    );
    runtime.block_on(log.close());
}
