//! `smpp-bridge verify`: the log proves itself, or says what is wrong with it.

use super::progress::Bar;
use crate::store::StoreError;
use crate::store::audit::{Audit, Bounds, Listed, audit};
use crate::store::sled::LogAtRest;
use std::path::Path;
use std::process::ExitCode;

/// Proves the log; the exit code says whether it holds. Of each list a few are told, or all.
pub fn verify(data: &Path, all: bool) -> ExitCode {
    let log = match open(data) {
        Ok(log) => log,
        Err(code) => return code,
    };
    let mut bounds = Bounds::default();
    if all {
        bounds.listed_max = usize::MAX;
    }
    let mut bar = Bar::new();
    let found = audit(&*log.source(), bounds, |reading, done, of| {
        let words = match reading {
            1 => format!("frame {done} of {of}"),
            n => format!("reading {n}, frame {done} of {of}"),
        };
        bar.show(done, of, &words);
    });
    bar.clear();
    tell(&found);
    match found.violations.total {
        0 => {
            say!("no violations");
            ExitCode::SUCCESS
        }
        n => {
            say!("{n} violations");
            ExitCode::FAILURE
        }
    }
}

fn tell(found: &Audit) {
    say!("frames {}  entries {}", found.frames, found.entries);
    say!(
        "messages accepted {} = with a verdict {} + open {}",
        found.accepted,
        found.terminal(),
        found.open()
    );
    for (state, n) in found.by_state.iter().filter(|(_, n)| *n > 0) {
        say!("  {:<12} {n}", state.name());
    }
    say!(
        "in flight at the end {}  sent again in doubt {}",
        found.in_flight,
        found.resubmits
    );
    list("messages in doubt", &found.in_doubt, |(id, resubmits)| {
        format!("{id}  sent again {resubmits} times")
    });
    say!("messages from handsets {}", found.mo);
    say!(
        "segments that wait for others {}  that came again and were ignored {}",
        found.mo_waiting,
        found.mo_repeated
    );
    list("of these unrouted", &found.mo_unrouted, ToString::to_string);
    list(
        "orphan receipts",
        &found.orphans,
        |(orphan, gateway, id)| format!("{}  gateway {gateway}  id {id}", orphan.0),
    );
    say!("callbacks pending {}", found.callbacks_pending);
    list(
        "messages with dead callbacks",
        &found.callbacks_dead,
        |(id, n)| format!("{id}  {n} dead"),
    );
    for violation in &found.violations.some {
        say!("VIOLATION: {violation}");
    }
}

fn list<T>(what: &str, listed: &Listed<T>, words: impl Fn(&T) -> String) {
    say!("{what} {}", listed.total);
    for one in &listed.some {
        say!("  {}", words(one));
    }
    let more = listed.total - listed.some.len() as u64;
    if more > 0 {
        say!("  and {more} more; --all lists them");
    }
}

/// The log in a directory, or why not on standard error.
pub(super) fn open(data: &Path) -> Result<LogAtRest, ExitCode> {
    if !holds_a_log(data) {
        eprintln!(
            "smpp-bridge: {}: there is no log; --data takes the directory of storage.path",
            data.display()
        );
        return Err(ExitCode::FAILURE);
    }
    LogAtRest::open(data).map_err(|e| {
        match e {
            StoreError::Io(e) => eprintln!("smpp-bridge: the log cannot be opened: {e}"),
            e => eprintln!("smpp-bridge: {e}"),
        }
        ExitCode::FAILURE
    })
}

/// Of an empty log everything would hold: a mistyped directory must not pass for one.
fn holds_a_log(data: &Path) -> bool {
    let names = std::fs::read_dir(data).into_iter().flatten().flatten();
    names.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("slice-") || name.starts_with("wal-")
    })
}
