//! Which core a thread runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Whose core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    Server,
    Clients,
}

/// Keeps this thread, and those that it starts, on a core that the other side leaves alone: where
/// the two meet on one or part is no business of chance. On a machine of one core nothing is kept.
pub fn settle_on(core: Core) {
    let Ok(all) = sched_getaffinity(None) else {
        return;
    };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|n| all.is_set(*n)).collect();
    let (Some(first), Some(last)) = (cores.first(), cores.last()) else {
        return;
    };
    let mut one = CpuSet::new();
    one.set(match core {
        Core::Server => *first,
        Core::Clients => *last,
    });
    // Where it is not permitted it is left to the system.
    let _ = sched_setaffinity(None, &one);
}
