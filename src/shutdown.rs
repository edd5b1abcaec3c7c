//! The phases of stopping.

use tokio_util::sync::CancellationToken;

/// Both phases, in order. Cloned into every task.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Nothing new is begun: sends are refused, leases end, what is out is waited for.
    pub drain: CancellationToken,
    /// The grace is over: let go of everything.
    pub stop: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Shutdown {
        Shutdown::default()
    }
}
