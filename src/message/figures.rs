//! The live state in numbers.

use super::GatewayId;

/// How much of what there is, for the metrics.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Without a verdict, or with callbacks to make.
    pub open_messages: usize,
    pub messages: usize,
    pub orphans: usize,
    pub callbacks: usize,
    pub callbacks_dead: usize,
    pub in_doubt: usize,
    pub lanes: Vec<LaneFigures>,
}

/// One gateway's queue.
#[derive(Clone, Copy, Debug)]
pub struct LaneFigures {
    pub gateway: GatewayId,
    pub queued: usize,
    /// For how long the oldest queued message could have gone; 0 if all are scheduled for later.
    pub oldest_ms: u64,
}
