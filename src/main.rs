//! The `smpp-bridge` binary: arguments to a command.

use clap::Parser;
use std::process::ExitCode;

/// Messages are many small allocations on several threads, made on one and freed on
/// another: what the system's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    smpp_bridge::commands::execute(smpp_bridge::commands::Arguments::parse())
}
