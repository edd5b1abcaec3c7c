//! `smpp-bridge smsc`: the simulator as a command.

use crate::simulator::{AutoReceipts, IdFormat, Options, Simulator};
use clap::Args;
use smpp_protocol::command::CommandStatus;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct SmscArguments {
    /// Where to listen; loopback unless you say otherwise.
    #[arg(long, default_value = "127.0.0.1:2775")]
    listen: SocketAddr,
    /// Accept only this system_id (with --password).
    #[arg(long, requires = "password")]
    system_id: Option<String>,
    /// ... and this password.
    #[arg(long, requires = "system_id")]
    password: Option<String>,
    /// Answer each submit_sm this much later.
    #[arg(long, default_value_t = 0)]
    response_delay_ms: u64,
    /// Send a receipt this long after each submit that asks for one.
    #[arg(long, default_value_t = 500)]
    receipt_delay_ms: u64,
    /// Send no receipts.
    #[arg(long)]
    no_receipts: bool,
    /// What receipts say.
    #[arg(long, default_value = "DELIVRD", value_parser = ["DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED", "ACCEPTD", "ENROUTE"])]
    stat: String,
    /// Refuse each submit_sm with this status, such as ESME_RINVDSTADR.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    refuse: Option<CommandStatus>,
    /// Send each message back from the handset it went to.
    #[arg(long)]
    echo: bool,
    /// Message ids in hexadecimal.
    #[arg(long)]
    hex_ids: bool,
}

/// Serves until a signal, and tells every second how many submits came.
pub fn smsc(arguments: &SmscArguments) -> ExitCode {
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    runtime.block_on(async {
        let simulator = match Simulator::start(options(arguments)).await {
            Ok(simulator) => simulator,
            Err(e) => {
                eprintln!(
                    "smpp-bridge smsc: cannot listen on {}: {e}; choose another --listen",
                    arguments.listen
                );
                return ExitCode::FAILURE;
            }
        };
        say!(
            "message centre simulator on {}; Ctrl-C ends it",
            simulator.address()
        );
        let told = async {
            let mut last = (0, 0);
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let now = (simulator.bound(), simulator.submits());
                if now != last {
                    say!("bound {} submits {}", now.0, now.1);
                    last = now;
                }
            }
        };
        tokio::select! {
            () = super::run::wait_for_signal() => {}
            () = told => {}
        }
        ExitCode::SUCCESS
    })
}

fn options(a: &SmscArguments) -> Options {
    let stats = [
        "DELIVRD", "UNDELIV", "EXPIRED", "REJECTD", "DELETED", "ACCEPTD", "ENROUTE",
    ];
    let stat = stats
        .into_iter()
        .find(|s| *s == a.stat)
        .unwrap_or("DELIVRD");
    let receipts = AutoReceipts {
        delay: Duration::from_millis(a.receipt_delay_ms),
        stat,
    };
    Options {
        listen: a.listen,
        account: a.system_id.clone().zip(a.password.clone()),
        response_delay: Duration::from_millis(a.response_delay_ms),
        ids: if a.hex_ids {
            IdFormat::Hexadecimal
        } else {
            IdFormat::Decimal
        },
        status: a.refuse.unwrap_or(CommandStatus::ESME_ROK),
        receipts: (!a.no_receipts).then_some(receipts),
        echo: a.echo,
        ..Options::default()
    }
}

/// A status by the name that the specification gives it.
fn status(name: &str) -> Result<CommandStatus, String> {
    let known = CommandStatus::from_name(&name.to_ascii_uppercase());
    known.ok_or_else(|| "no such status; names are those of the specification".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_known_by_its_name() {
        assert_eq!(
            status("esme_rthrottled"),
            Ok(CommandStatus::ESME_RTHROTTLED)
        );
        assert!(status("THROTTLED").unwrap_err().contains("specification"));
    }
}
