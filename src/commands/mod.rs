//! The binary's commands: thin fronts that read arguments and call a room.

/// A line on standard output. Nobody may be reading it, which changes nothing.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(
            &mut std::io::stdout(),
            format_args!("{}\n", format_args!($($text)*)),
        );
    }};
}

pub mod check;
pub mod demo;
pub mod export;
pub mod hash;
mod progress;
pub mod run;
pub mod smsc;
pub mod verify;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A native SMPP/HTTP bridge: persistent SMPP binds, HTTP APIs, and a durable log of
/// what happened to every message.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
First message in a minute:   smpp-bridge demo
Try a configuration:         smpp-bridge check --config config/bridge.toml
Serve:                       smpp-bridge run --config config/bridge.toml

Exit codes: 0 done, 1 failed, 2 wrong arguments, 78 wrong configuration."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C, then drain and stop.
    ///
    /// On SIGTERM new sends are refused (503), submits that are out are waited for,
    /// binds are unbound and the log is closed, within shutdown.grace_s.
    Run {
        /// The configuration file; every key is described in config/bridge.toml.
        #[arg(long, value_name = "FILE", env = "SMPP_BRIDGE_CONFIG")]
        config: PathBuf,
    },
    /// Read a configuration as `run` would, and list everything that is wrong with it.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE", env = "SMPP_BRIDGE_CONFIG")]
        config: PathBuf,
    },
    /// See a message go out and one come in, with everything built in, on loopback.
    ///
    /// Starts the bridge with a data directory of its own, a message centre simulator and
    /// a callback receiver, shows the life of one message each way, and keeps serving.
    Demo {
        /// Port of the HTTP API; another one is taken when it is busy.
        #[arg(long, default_value_t = 18080)]
        port: u16,
        /// Keep the log here instead of in a temporary directory.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// End after the tour instead of serving on.
        #[arg(long)]
        once: bool,
    },
    /// Prove a log that no bridge has open, from its first frame to its last.
    ///
    /// Every accepted message has one verdict or is open, nothing changes after a
    /// verdict, no entry is out of order, every checksum holds: else the exit code is 1. Lists
    /// what is in doubt, orphan, unrouted and dead. Needs 250 MB at most, however many messages there are:
    /// beyond 3.6 million it reads the later part again.
    Verify {
        /// The directory of storage.path.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// List everything, not only the first 20 of each.
        #[arg(long)]
        all: bool,
    },
    /// Write every entry of the log as a line of JSON, at rest or from a running bridge.
    #[command(group = clap::ArgGroup::new("where").required(true))]
    Export {
        /// The directory of storage.path, which no bridge has open.
        #[arg(long, value_name = "DIR", group = "where")]
        data: Option<PathBuf>,
        /// A running bridge, such as http://127.0.0.1:18080: everything up to now.
        #[arg(long, value_name = "URL", group = "where")]
        url: Option<String>,
        /// A token with the scope admin, for --url.
        #[arg(long, env = "SMPP_BRIDGE_TOKEN", hide_env_values = true)]
        token: Option<String>,
    },
    /// Hash a secret from standard input, for a configuration that does not hold it.
    ///
    /// Reads one line. Of a long random token or key, SHA-256 for token_sha256 or
    /// api_key_sha256; of a person's password, argon2id for password_hash. The bridge then
    /// never has the secret but while a client shows it. Secrets that the bridge itself shows
    /// or signs with (api_secret, the passwords of gateways) cannot be hashed.
    #[command(after_help = "\
Example:   openssl rand -hex 32 | tee token | smpp-bridge hash")]
    Hash {
        /// It is a password, which a person chose: hash it slowly, with a salt.
        #[arg(long)]
        password: bool,
    },
    /// Run the message centre simulator alone, to test an ESME against.
    Smsc(smsc::SmscArguments),
}

/// Runs what the arguments say.
pub fn execute(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::Run { config } => run::run(&config),
        Command::Check { config } => check::check(&config),
        Command::Demo { port, data, once } => demo::demo(port, data, once),
        Command::Verify { data, all } => verify::verify(&data, all),
        Command::Export { data, url, token } => match (data, url) {
            (_, Some(url)) => export::of_bridge(&url, token.as_deref()),
            (data, None) => export::of_directory(&data.unwrap_or_default()),
        },
        Command::Hash { password } => hash::hash(password),
        Command::Smsc(arguments) => smsc::smsc(&arguments),
    }
}

/// A runtime for a command, or the reason on standard error.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| {
            eprintln!("smpp-bridge: no runtime: {e}");
            ExitCode::FAILURE
        })
}
