//! `[dlr]` and `[receipts]`: how verdicts are read, those of HTTP providers and those of SMSCs.

use std::time::Duration;

use super::{
    table::Table,
    value::{self, Word},
};

/// `[dlr]`: delivery reports that arrive over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DlrConfig {
    /// Whether a report to a gateway without `callback_token` is refused. Default false: the
    /// documented API takes it.
    pub require_token: bool,
    /// Whether a report without a status is ignored. Default false: the documented API reads it as
    /// delivered.
    pub require_status: bool,
    /// When a report sets `delivered_at`. Default "on_delivered".
    pub delivered_at: DeliveredAt,
}

/// When a report over HTTP sets `delivered_at`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeliveredAt {
    /// Only when it says delivered: a failed message has no time of delivery.
    #[default]
    OnDelivered,
    /// Always, for clients that relied on the documents' letter.
    Always,
}

/// `[receipts]`: receipts of an SMSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptConfig {
    /// Whether `UNKNOWN` ends a message as undelivered. Default false: SMSCs say it and deliver
    /// later.
    pub unknown_is_final: bool,
    /// `orphan_retention_s`: how long a receipt without a known message is kept for a later match.
    /// Default 72 h, longer than an SMSC usually keeps trying.
    pub orphan_retention: Duration,
}

impl Default for ReceiptConfig {
    fn default() -> Self {
        Self {
            unknown_is_final: false,
            orphan_retention: Duration::from_secs(72 * 60 * 60),
        }
    }
}

impl DlrConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            require_token: table.or("require_token", default.require_token, value::flag),
            require_status: table.or("require_status", default.require_status, value::flag),
            delivered_at: table.or("delivered_at", default.delivered_at, value::word),
        }
    }
}

impl ReceiptConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            unknown_is_final: table.or("unknown_is_final", default.unknown_is_final, value::flag),
            orphan_retention: table.or(
                "orphan_retention_s",
                default.orphan_retention,
                value::seconds(60..=2_592_000),
            ),
        }
    }
}

impl Word for DeliveredAt {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("on_delivered", Self::OnDelivered),
        ("always", Self::Always),
    ];
}
