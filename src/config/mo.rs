//! `[mo]`: what happens to a message from a handset before it is posted.

use std::time::Duration;

use super::{
    table::Table,
    value::{self, Word},
};

/// `[mo]`: classification and joining of messages from handsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoConfig {
    /// An address of at most this many digits is an application's. Default 8, the documented limit.
    pub a2p_max_digits: u8,
    /// Whose address decides. Default "destination": what was dialled says whether it is a service.
    pub classify_by: ClassifyBy,
    /// Whether the parts of a long message are joined and posted once. Default true; false posts
    /// each part.
    pub reassembly: bool,
    /// `reassembly_timeout_s`: missing parts are waited for this long, then those that came are
    /// posted. Default 60 s: parts come within seconds, and an SMSC that repeats one does so within
    /// a minute.
    pub reassembly_timeout: Duration,
    /// How addresses appear in the callback's JSON. Default "auto", as documented.
    pub address_type: AddressType,
}

/// Whose address decides between A2P and P2P.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassifyBy {
    Destination,
    Source,
}

/// How an address appears in a callback's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressType {
    /// A number where it is one of 1 to 15 digits without a leading zero, else a string.
    Auto,
    /// Always a string.
    Text,
}

impl Default for MoConfig {
    fn default() -> Self {
        Self {
            a2p_max_digits: 8,
            classify_by: ClassifyBy::Destination,
            reassembly: true,
            reassembly_timeout: Duration::from_secs(60),
            address_type: AddressType::Auto,
        }
    }
}

impl MoConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        Self {
            a2p_max_digits: table.or(
                "a2p_max_digits",
                default.a2p_max_digits,
                value::whole(0..=20),
            ),
            classify_by: table.or("classify_by", default.classify_by, value::word),
            reassembly: table.or("reassembly", default.reassembly, value::flag),
            reassembly_timeout: table.or(
                "reassembly_timeout_s",
                default.reassembly_timeout,
                value::seconds(1..=86_400),
            ),
            address_type: table.or("address_type", default.address_type, value::word),
        }
    }
}

impl Word for ClassifyBy {
    const WORDS: &'static [(&'static str, Self)] =
        &[("destination", Self::Destination), ("source", Self::Source)];
}

impl Word for AddressType {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("string", Self::Text)];
}
