//! `smpp-bridge run`: the daemon, from configuration to the last unbind.

use crate::commands::check::EXIT_CONFIG;
use crate::daemon::{Daemon, StartError};
use crate::{config, logging};
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// Serves until SIGTERM or SIGINT.
pub fn run(path: &Path) -> ExitCode {
    let config = match config::load(path, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    if let Err(e) = logging::init(&config.log) {
        eprintln!("smpp-bridge: cannot log: {e}");
        return ExitCode::FAILURE;
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    runtime.block_on(async {
        survive_file_limits();
        let daemon = match Daemon::start(config).await {
            Ok(daemon) => daemon,
            Err(e) => {
                eprintln!("smpp-bridge: {e}");
                return match e {
                    // As `check` has it.
                    StartError::Tls(_) => ExitCode::from(EXIT_CONFIG),
                    StartError::Listen(..) | StartError::Store(_) | StartError::Threads(_) => {
                        ExitCode::FAILURE
                    }
                };
            }
        };
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        wait_for_signal().await;
        tell_systemd(&[sd_notify::NotifyState::Stopping]);
        daemon.stop().await;
        ExitCode::SUCCESS
    })
}

/// A write beyond RLIMIT_FSIZE is an error like that of a full disk, not the end of the process.
fn survive_file_limits() {
    let xfsz = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Err(e) = signal(xfsz) {
        warn!(error = %e, "SIGXFSZ is not handled: a limit on file sizes would end this process");
    }
}

/// SIGTERM or SIGINT; a second one ends the process at once.
pub(super) async fn wait_for_signal() {
    let (mut term, mut int) = match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(term), Ok(int)) => (term, int),
        _ => {
            warn!("no signal handlers: only SIGKILL ends this process");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = term.recv() => info!("SIGTERM"),
        _ = int.recv() => info!("SIGINT"),
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        warn!("asked to stop a second time: ending at once; the log is safe");
        std::process::exit(1);
    });
}

/// Under systemd with Type=notify; elsewhere it does nothing.
fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(false, states) {
        warn!(error = %e, "systemd could not be told");
    }
}
