//! `smpp-bridge check`: reads a configuration exactly as `run` does, says what is wrong with it,
//! and starts nothing.

use std::{
    env, fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use crate::config::{self, Config};
use crate::tls::Trust;

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
            if let Err(e) = Trust::load(&config.tls) {
                let _ = writeln!(bad, "{}: tls.ca_file: {e}", path.display());
                return EXIT_CONFIG;
            }
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
            (config.routes.len(), "route"),
            (config.use_cases.len(), "use case"),
        ];
        for (n, (count, noun)) in counts.into_iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{comma}{count} {noun}{plural}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(path: &Path) -> (u8, String, String) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let code = report(path, &|_| None, &mut good, &mut bad);
        (
            code,
            String::from_utf8(good).unwrap(),
            String::from_utf8(bad).unwrap(),
        )
    }

    #[test]
    fn the_shipped_file_is_good_and_counted() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bridge.toml");
        let (code, good, bad) = run(&path);
        assert_eq!((code, bad.as_str()), (0, ""));
        let counts = "good (3 tokens, 1 service profile, 1 endpoint, 1 universal account, 1 route, 1 use case)\n";
        assert_eq!(good, format!("{}: {counts}", path.display()));
    }

    #[test]
    fn a_bad_file_gives_a_line_a_problem_and_exit_code_78() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.toml");
        std::fs::write(&path, "[log]\nformat = \"xml\"\nlevle = \"info\"\n").unwrap();
        let (code, good, bad) = run(&path);
        assert_eq!((code, good.as_str()), (78, ""));
        let lines: Vec<&str> = bad.lines().collect();
        assert_eq!(lines.len(), 2, "{bad}");
        assert!(lines[0].ends_with("bridge.toml:2:10: log.format: must be \"text\" or \"json\""));
        assert!(lines[1].ends_with(":3:1: log.levle: unknown key; did you mean `level`?"));
    }
}
