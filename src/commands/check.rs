//! `smpp-bridge check`: reads a configuration exactly as `run` does, says what is wrong with it,
//! and starts nothing.

use std::{
    env, fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use crate::config::{self, Config};

/// EX_CONFIG of sysexits.h. The unit file does not restart after it: a mistake in a file does not
/// go away by itself.
pub const EXIT_CONFIG: u8 = 78;

/// Prints every problem of the file to stderr, or one good line to stdout.
pub fn check(path: &Path) -> ExitCode {
    ExitCode::from(report(
        path,
        &|name| env::var(name).ok(),
        &mut io::stdout(),
        &mut io::stderr(),
    ))
}

/// The same with everything passed in; gives the exit code. Nobody may be reading the output, which
/// changes nothing.
pub fn report(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    good: &mut dyn Write,
    bad: &mut dyn Write,
) -> u8 {
    match config::load(path, env) {
        Ok(config) => {
            let _ = writeln!(good, "{}: good ({})", path.display(), Summary(&config));
            0
        }
        Err(problems) => {
            let _ = writeln!(bad, "{problems}");
            EXIT_CONFIG
        }
    }
}

/// What the file holds, in numbers: a table that was commented out by mistake shows.
struct Summary<'a>(&'a Config);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        let counts = [
            (config.api.tokens.len(), "token"),
            (config.service_profiles.len(), "service profile"),
            (config.endpoints.len(), "endpoint"),
            (config.universal.accounts.len(), "universal account"),
        ];
        for (n, (count, noun)) in counts.into_iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{comma}{count} {noun}{plural}")?;
        }
        Ok(())
    }
}
