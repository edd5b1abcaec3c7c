//! `smpp-bridge verify` and `export`: what the log holds, proved and written out.

use crate::message::Event;
use crate::store::audit::{Found, audit, walk};
use crate::store::sled::LogAtRest;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Proves the log; the exit code says whether it holds.
pub fn verify(data: &Path) -> ExitCode {
    let journal = match open(data) {
        Ok(journal) => journal,
        Err(code) => return code,
    };
    let mut bar = Bar::new();
    let found = audit(&*journal.source(), |done, all| bar.show(done, all));
    bar.clear();
    println!("frames {}  entries {}", found.frames, found.entries);
    println!(
        "messages accepted {}  open {}",
        found.accepted,
        found.open()
    );
    for (state, n) in found.by_state.iter().filter(|(_, n)| *n > 0) {
        println!("  {:<12} {n}", state.name());
    }
    println!(
        "in flight at the end {}  sent again in doubt {}",
        found.in_flight, found.resubmits
    );
    println!(
        "messages from handsets {}  unrouted {}",
        found.mo, found.mo_unrouted
    );
    println!("orphan receipts {}", found.orphans);
    println!(
        "callbacks pending {}  dead {}",
        found.callbacks_pending, found.callbacks_dead
    );
    if found.violations_total == 0 {
        println!("no violations");
        return ExitCode::SUCCESS;
    }
    for violation in &found.violations {
        println!("VIOLATION: {violation}");
    }
    println!("{} violations", found.violations_total);
    ExitCode::FAILURE
}

/// Writes every entry as a line of JSON to standard output.
pub fn export(data: &Path) -> ExitCode {
    let journal = match open(data) {
        Ok(journal) => journal,
        Err(code) => return code,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut bar = Bar::new();
    let mut failed = None;
    let source = journal.source();
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let each = |found: Found<'_>| {
        if failed.is_some() {
            return;
        }
        let line = match found {
            Found::Entry { frame, entry } => json!({
                "frame": frame,
                "message": entry.subject.0,
                "at_us": entry.at.0,
                "event": readable(&entry.event),
            }),
            Found::Damage { first, last, error } => {
                json!({"frame": first, "to": last, "damaged": error.to_string()})
            }
        };
        failed = writeln!(out, "{line}").err();
    };
    walk(&*source, 0, each, |number| {
        bar.show(number + 1 - lowest, highest + 1 - lowest);
    });
    bar.clear();
    match failed.or_else(|| out.flush().err()) {
        None => ExitCode::SUCCESS,
        Some(e) => {
            eprintln!("smpp-bridge export: {e}");
            ExitCode::FAILURE
        }
    }
}

/// An event as JSON, with the head of a message told rather than encoded.
fn readable(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or(Value::Null);
    if let Event::Accepted { head, .. } = event
        && let Some(head) = head.decode()
        && let Ok(head) = serde_json::to_value(&head)
    {
        value["Accepted"]["head"] = head;
    }
    value
}

fn open(data: &Path) -> Result<LogAtRest, ExitCode> {
    if !data.is_dir() {
        eprintln!(
            "smpp-bridge: {}: there is no log; --data takes the directory of storage.path",
            data.display()
        );
        return Err(ExitCode::FAILURE);
    }
    LogAtRest::open(data).map_err(|e| {
        eprintln!("smpp-bridge: {e}");
        ExitCode::FAILURE
    })
}

/// Progress on a terminal; silent elsewhere.
struct Bar {
    shown_at: Option<Instant>,
    terminal: bool,
}

impl Bar {
    fn new() -> Bar {
        Bar {
            shown_at: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, done: u64, all: u64) {
        let due = self
            .shown_at
            .is_none_or(|at| at.elapsed() > Duration::from_millis(200));
        if self.terminal && due {
            self.shown_at = Some(Instant::now());
            let percent = done * 100 / all.max(1);
            let filled = usize::try_from(percent / 4).unwrap_or(0);
            eprint!(
                "\r[{:<25}] {percent:>3} %  frame {done} of {all}",
                "#".repeat(filled)
            );
        }
    }

    fn clear(&self) {
        if self.terminal && self.shown_at.is_some() {
            eprint!("\r{:<70}\r", "");
        }
    }
}
