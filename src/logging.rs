//! Where events go: one line each to stderr, as text or as JSON, filtered by `log.level` or
//! `RUST_LOG`. It owns the process-wide subscriber, so only a command calls it, once; tests
//! install their own.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt, util::TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Overrides `log.level` for one run, as everywhere in Rust.
const OVERRIDE: &str = "RUST_LOG";

/// Installs the subscriber. Fails only when there is one already. A `RUST_LOG` that is no filter is
/// reported and ignored.
pub fn init(config: &LogConfig) -> Result<(), TryInitError> {
    let (filter, complaint) = filter(config, env::var(OVERRIDE).ok().as_deref());
    let colours = io::stderr().is_terminal();
    match config.format {
        LogFormat::Text => text(filter, colours, io::stderr).try_init()?,
        LogFormat::Json => json(filter, io::stderr).try_init()?,
    }
    if let Some(complaint) = complaint {
        tracing::warn!(%complaint, "{OVERRIDE} is no log filter, log.level holds");
    }
    Ok(())
}

/// The filter that holds, and what is wrong with the one that should have.
fn filter(config: &LogConfig, wish: Option<&str>) -> (EnvFilter, Option<String>) {
    let configured = || EnvFilter::new(&config.level);
    match wish
        .filter(|wish| !wish.is_empty())
        .map(|wish| EnvFilter::builder().parse(wish))
    {
        Some(Ok(filter)) => (filter, None),
        Some(Err(e)) => (configured(), Some(e.to_string())),
        None => (configured(), None),
    }
}

// A line that cannot be written is lost. To complain of it on stderr, as is the default, would end
// the thread that logs: stderr is what cannot be written.

fn text<W>(filter: EnvFilter, colours: bool, out: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(out)
        .log_internal_errors(false)
        .finish()
}

/// The event's fields stand beside time, level and target, where collectors look for them.
fn json<W>(filter: EnvFilter, out: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    fmt()
        .with_env_filter(filter)
        .json()
        .flatten_event(true)
        .with_writer(out)
        .log_internal_errors(false)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Page {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl fmt::MakeWriter<'_> for Page {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn events() {
        tracing::info!(gateway = "main", binds = 2, "bound");
        tracing::debug!("too fine");
    }

    #[test]
    fn text_is_one_plain_line_an_event() {
        let page = Page::default();
        let (filter, _) = filter(&LogConfig::default(), None);
        tracing::subscriber::with_default(text(filter, false, page.clone()), events);
        let text = page.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("INFO") && text.ends_with("bound gateway=\"main\" binds=2\n"),
            "{text}"
        );
    }

    #[test]
    fn json_is_one_object_an_event_with_its_fields_at_the_top() {
        let page = Page::default();
        let (filter, _) = filter(&LogConfig::default(), None);
        tracing::subscriber::with_default(json(filter, page.clone()), events);
        let event: serde_json::Value = serde_json::from_str(page.text().trim_end()).unwrap();
        assert_eq!(event["message"], "bound");
        assert_eq!(event["gateway"], "main");
        assert_eq!(event["level"], "INFO");
    }

    #[test]
    fn rust_log_overrides_the_level_when_it_is_a_filter() {
        let config = LogConfig::default();
        assert_eq!(filter(&config, None).0.to_string(), "info");
        assert_eq!(filter(&config, Some("")).0.to_string(), "info");
        assert_eq!(filter(&config, Some("debug")).0.to_string(), "debug");
        let (filter, complaint) = filter(&config, Some("a=loudest"));
        assert_eq!(filter.to_string(), "info");
        assert!(complaint.is_some());
    }
}
