//! How far a long command is.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A bar on a terminal; silent elsewhere.
pub(super) struct Bar {
    shown_at: Option<Instant>,
    terminal: bool,
}

impl Bar {
    pub(super) fn new() -> Bar {
        Bar {
            shown_at: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn show(&mut self, done: u64, all: u64, words: &str) {
        let due = self
            .shown_at
            .is_none_or(|at| at.elapsed() > Duration::from_millis(200));
        if self.terminal && due {
            self.shown_at = Some(Instant::now());
            let percent = done.min(all) * 100 / all.max(1);
            let filled = usize::try_from(percent / 4).unwrap_or(0);
            let bar = "#".repeat(filled);
            eprint!("\r[{bar:<25}] {percent:>3} %  {words:<50}");
        }
    }

    pub(super) fn clear(&self) {
        if self.terminal && self.shown_at.is_some() {
            eprint!("\r{:<90}\r", "");
        }
    }
}
