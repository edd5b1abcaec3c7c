//! What the process has used so far.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// CPU time of all threads, user and system.
pub fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (s, ns) = (u64::try_from(t.tv_sec), u32::try_from(t.tv_nsec));
    Duration::new(s.unwrap_or(0), ns.unwrap_or(0))
}

/// CPU time of all threads of a process, in user and in system, to 10 ms.
pub fn user_and_system() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |n: usize| -> f64 {
        let ticks = after_name.split_whitespace().nth(n);
        ticks.and_then(|t| t.parse().ok()).unwrap_or(0.0)
    };
    (field(11) / 100.0, field(12) / 100.0)
}

/// Resident octets now, and at the most.
pub fn resident() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|l| l.starts_with(name));
        let kib = line.and_then(|l| l.split_whitespace().nth(1));
        kib.and_then(|k| k.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Octets of disk that a directory takes.
pub fn on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter_map(|e| {
            let m = fs::symlink_metadata(e.path()).ok()?;
            Some(match m.is_dir() {
                true => on_disk(&e.path()),
                false => m.blocks() * 512,
            })
        })
        .sum()
}
