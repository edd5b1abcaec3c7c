//! Each family's requests at the bridge and at a bare server, taking turns in one run.
//!
//! `families [NAME]`: only the requests with this in their name. It ends with 1 when one is above
//! the bar.

use smpp_bridge_api_benches::case::{self, Case};
use smpp_bridge_api_benches::child::{Role, Server, THREADS};
use smpp_bridge_api_benches::load::{self, Seen};
use std::process::ExitCode;

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// CPU-microseconds above the bare server that a message may cost.
const BAR_US: f64 = 15.0;
const ROUNDS: usize = 5;
/// Connections, and requests of a round over them.
const CROWD: (usize, u64) = (32, 10_000);
const ALONE: (usize, u64) = (1, 2_000);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(role) = Role::of(&arguments) {
        role.serve();
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|a| !a.starts_with('-'));
    let cases = case::all();
    let cases = cases
        .iter()
        .filter(|case| wanted.is_none_or(|name| case.name.contains(name.as_str())));
    println!(
        "least CPU of {ROUNDS} rounds, and that round's rate and waits; servers of {THREADS} thread"
    );
    println!(
        "{:<27} {:>11}  {:>13}  {:>11}  {:>11}   {:>11} {:>6} {:>5}",
        "", "octets", "requests/s", "p50 us", "p99 us", "CPU us", "above", "ratio"
    );
    println!(
        "{:<27} {:>5} {:>5}  {:>6} {:>6}  {:>5} {:>5}  {:>5} {:>5}   {:>5} {:>5}",
        "connections",
        "in",
        "out",
        "bridge",
        "bare",
        "ours",
        "bare",
        "ours",
        "bare",
        "ours",
        "bare"
    );
    let mut worst: Option<(f64, &str)> = None;
    for case in cases {
        let above = compare(case);
        if case.brings && worst.is_none_or(|(most, _)| above > most) {
            worst = Some((above, case.name));
        }
    }
    match worst {
        Some((above, name)) if above > BAR_US => {
            println!("\nABOVE THE BAR of {BAR_US} us a message: {name}, {above:.1} us");
            ExitCode::FAILURE
        }
        Some((above, name)) => {
            println!(
                "\nwithin the bar of {BAR_US} us a message; the dearest is {name}, {above:.1} us"
            );
            ExitCode::SUCCESS
        }
        None => ExitCode::SUCCESS,
    }
}

/// Measures one kind of request with a crowd of clients and with one alone; the CPU above the bare
/// server that the crowd's cost.
fn compare(case: &Case) -> f64 {
    let mut bridge = Server::start(&Role::Bridge);
    let request = case.request();
    let answer = load::ask(bridge.address, &request);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(
        answer.shape.status == case.status && text.contains(case.says),
        "{}: {} {text}",
        case.name,
        answer.shape.status
    );
    let shape = answer.shape;
    let mut bare = Server::start(&Role::Bare {
        path: case.path().to_owned(),
        shape: shape.clone(),
    });
    println!("{}", case.name);
    let mut above = 0.0;
    for (connections, requests) in [ALONE, CROWD] {
        let (mut ours, mut floor) = (None, None);
        for _ in 0..=ROUNDS {
            for (server, best) in [(&mut bridge, &mut ours), (&mut bare, &mut floor)] {
                let cpu = server.cpu();
                let seen = load::run(server.address, &request, &shape, connections, requests);
                let cpu = server.cpu() - cpu;
                let each = cpu.as_secs_f64() * 1e6 / requests as f64;
                keep(best, each, seen);
            }
        }
        let (Some((cpu, ours)), Some((floor_cpu, floor))) = (ours, floor) else {
            unreachable!("there are rounds");
        };
        above = cpu - floor_cpu;
        let us = |wait: std::time::Duration| wait.as_secs_f64() * 1e6;
        println!(
            "{connections:>27} {:>5} {:>5}  {:>6.0} {:>6.0}  {:>5.0} {:>5.0}  {:>5.0} {:>5.0}   {cpu:>5.1} {floor_cpu:>5.1} {above:>6.1} {:>5.2}",
            request.len(),
            shape.octets,
            ours.per_second,
            floor.per_second,
            us(ours.p50),
            us(floor.p50),
            us(ours.p99),
            us(floor.p99),
            cpu / floor_cpu,
        );
    }
    above
}

/// The round with the least CPU.
fn keep(best: &mut Option<(f64, Seen)>, cpu: f64, seen: Seen) {
    if best.as_ref().is_none_or(|(least, _)| cpu < *least) {
        *best = Some((cpu, seen));
    }
}
