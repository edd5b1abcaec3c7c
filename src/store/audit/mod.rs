//! What the log proves by itself, read from its first frame to its last.
//!
//! Every accepted message has exactly one verdict, or is open; nothing changes after a
//! verdict, unless it was the bridge's own guess; no entry is out of order or stands
//! beside its message's chain. The audit knows the events and nothing of the ledger, so
//! that it does not repeat the ledger's mistakes.

mod auditor;
mod found;
mod trace;

pub use found::{Audit, Bounds, Listed};

use super::journal::FrameSource;
use super::walk::{Found, walk};
use auditor::Auditor;

/// Proves the log, or says what is wrong with it. `progress` gets which reading it is, and
/// frames done and all.
pub fn audit(
    source: &dyn FrameSource,
    bounds: Bounds,
    mut progress: impl FnMut(u32, u64, u64),
) -> Audit {
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let mut auditor = Auditor::new(bounds);
    auditor.found.frames = highest + 1 - lowest;
    let mut from = lowest;
    for reading in 1.. {
        let each = |found: Found<'_>| match found {
            Found::Entry { frame, entry } => auditor.entry(frame, entry),
            Found::Damage { first, last, error } => auditor.damage(first, last, error),
        };
        walk(source, from, each, |frame, _| {
            progress(reading, frame + 1 - lowest, highest + 1 - lowest);
        });
        match auditor.next_reading() {
            Some(frame) => from = frame,
            None => break,
        }
    }
    auditor.finish()
}

#[cfg(test)]
mod tests;
