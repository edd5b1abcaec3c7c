//! `[tls]`, `[limits]`, `[log]` and `[shutdown]`: the process as a whole.

use std::{path::PathBuf, time::Duration};

use tracing_subscriber::EnvFilter;

use super::{
    node::Value,
    table::Table,
    value::{self, TEXT_MAX, Word, Wrong},
};

/// `[tls]`: whom we trust when we connect. There is no switch that turns verification off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of certificates trusted beside those of the system. None (the default): those of
    /// the system alone.
    pub ca_file: Option<PathBuf>,
}

/// `[limits]`: what one client or one gateway may take of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitConfig {
    /// Messages that wait for one gateway; beyond it sends are answered 429. Default 100,000: a
    /// quarter of an hour of 100 a second; what waits longer is better told to come back.
    pub queued_per_gateway: u32,
    /// Largest request body; beyond it 413. Default 262,144 (256 KiB).
    pub body_octets: usize,
    /// `send_wait_ms`: how long a send waits for the SMSC's answer before it is answered `queued`.
    /// Default 10 s. 0 answers at once.
    pub send_wait: Duration,
    /// `header_timeout_ms`: a client that has not sent its headers by then is cut. Default 10 s:
    /// slow clients must not hold connections, and none is slower for a reason.
    pub header_timeout: Duration,
    /// Wrong credentials from one address in a minute; beyond it 429 until the minute is over.
    /// Default 100: no client is wrong so often, and nobody guesses a token at that rate. 0 is no
    /// limit. Loopback has none.
    pub auth_failures_per_minute: u32,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            queued_per_gateway: 100_000,
            body_octets: 256 << 10,
            send_wait: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            auth_failures_per_minute: 100,
        }
    }
}

/// `[log]`: what goes to stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Default "text", for people; "json" for collectors.
    pub format: LogFormat,
    /// A filter such as `info` or `info,smpp_bridge::gateway=debug`; `RUST_LOG` overrides it.
    /// Default "info": what an operator did or must know.
    pub level: String,
}

/// One line an event, either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

/// `[shutdown]`: how SIGTERM ends the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// `grace_s`: how long requests and outstanding PDUs may finish; what has not is left to the
    /// log. Default 30 s, as long as a response may take. The unit file's `TimeoutStopSec` must be
    /// longer.
    pub grace: Duration,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
        }
    }
}

impl TlsConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let ca_file = table.optional("ca_file", value::path);
        if let Some(path) = ca_file.as_ref().filter(|path| !path.is_file()) {
            table.complain(
                "ca_file",
                format!("{} is not a file we can see", path.display()),
            );
        }
        Self { ca_file }
    }
}

impl LimitConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            queued_per_gateway: table.or(
                "queued_per_gateway",
                default.queued_per_gateway,
                value::whole(1..=100_000_000),
            ),
            body_octets: table.or(
                "body_octets",
                default.body_octets,
                value::whole(1024..=16_777_216),
            ),
            send_wait: table.or(
                "send_wait_ms",
                default.send_wait,
                value::millis(0..=120_000),
            ),
            header_timeout: table.or(
                "header_timeout_ms",
                default.header_timeout,
                value::millis(100..=120_000),
            ),
            auth_failures_per_minute: table.or(
                "auth_failures_per_minute",
                default.auth_failures_per_minute,
                value::whole(0..=1_000_000),
            ),
        }
    }
}

impl LogConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            format: table.or("format", default.format, value::word),
            level: table.or("level", default.level, filter),
        }
    }
}

fn filter(written: &Value) -> Result<String, Wrong> {
    let text = value::text(TEXT_MAX)(written)?;
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(e) => Err(Wrong::new(format!("is no log filter: {e}")).hint("for example \"info\"")),
    }
}

impl ShutdownConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            grace: table.or("grace_s", Self::default().grace, value::seconds(0..=600)),
        }
    }
}

impl Word for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}
