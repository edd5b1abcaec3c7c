//! Limits and times by which the ledger decides, and what they are where nothing is said.

use std::time::Duration;

/// Limits and times by which the ledger decides.
#[derive(Clone, Debug)]
pub struct Policy {
    /// This node's number, 0–15, part of every message id.
    pub node: u8,
    /// Messages that may wait for one gateway; more are refused.
    pub queued_per_gateway_max: usize,
    pub orphan_retention: Duration,
    /// Orphans in memory; the oldest give way.
    pub orphans_max: usize,
    /// An MO whose segments are incomplete this long after the first is posted in parts.
    pub reassembly_timeout: Duration,
    /// Finished messages kept in memory, so that late and repeated receipts find them.
    pub finished_max: usize,
    /// Delay before the second attempt of a message that its upstream deferred; doubles.
    pub retry_initial: Duration,
    pub retry_max: Duration,
    pub key_retention: Duration,
    /// Keys in memory; the oldest give way.
    pub keys_max: usize,
    /// Octets of their answers in memory; the oldest keys give way.
    pub key_answers_octets_max: usize,
    /// What is open is written anew at least this often, so that no slice is kept for it.
    pub carry_every: Duration,
    /// … and when the log has grown by this much, in octets of frames, or by four times
    /// what is open: a start without a checkpoint reads two such parts.
    pub carry_octets_min: u64,
    /// The live state is written beside the log when that has grown by this much, in octets of
    /// frames, or by as much as was written the last time: a start reads no more frames.
    pub checkpoint_octets_min: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            node: 0,
            queued_per_gateway_max: 100_000,
            orphan_retention: Duration::from_secs(72 * 3600),
            orphans_max: 100_000,
            reassembly_timeout: Duration::from_secs(60),
            finished_max: 20_000,
            retry_initial: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            key_retention: Duration::from_secs(24 * 3600),
            keys_max: 500_000,
            key_answers_octets_max: 512 << 20,
            carry_every: Duration::from_secs(6 * 3600),
            carry_octets_min: 32 << 20,
            checkpoint_octets_min: 32 << 20,
        }
    }
}
