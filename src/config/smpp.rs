//! `[smpp]`: what every SMPP gateway starts from. A gateway's `meta.smpp` may say each of these
//! keys differently.

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use super::{
    node::Value,
    table::Table,
    value::{self, Wrong},
};

/// How one bind is made, kept and paced. Timers are written in the unit their key ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmppDefaults {
    /// Requests outstanding on one bind. Default 10, which SMSCs commonly allow without asking.
    pub window: NonZeroU16,
    /// Connections of one gateway. Default 1: a second one is refused by many accounts.
    pub binds: NonZeroU16,
    /// `submit_sm` a second of one gateway, all binds together. Default 0, no limit: the window
    /// paces, and the SMSC throttles.
    pub throughput: Option<NonZeroU32>,
    /// `enquire_link_s`: silence before we ask whether the peer is there. Default 30 s: under the
    /// minute after which many SMSCs and NATs drop an idle connection.
    pub enquire_link: Duration,
    /// `enquire_link_timeout_s`: wait for the answer. Default 10 s.
    pub enquire_link_timeout: Duration,
    /// Unanswered ones in a row before the connection counts as dead. Default 2: one may be lost in
    /// a busy SMSC.
    pub enquire_link_misses: u8,
    /// `response_timeout_s`: a `submit_sm` without its response by then is in doubt. Default 30 s
    ///.
    pub response_timeout: Duration,
    /// `bind_timeout_s`: wait for the bind's response. Default 30 s: some SMSCs ask a slow
    /// directory first.
    pub bind_timeout: Duration,
    /// `connect_timeout_s`: wait for TCP and TLS. Default 10 s.
    pub connect_timeout: Duration,
    /// `unbind_timeout_s`: wait for the unbind's response before the connection is closed anyway.
    /// Default 5 s.
    pub unbind_timeout: Duration,
    /// `reconnect_initial_ms`: wait after the first failed attempt to bind; doubled after each
    /// further one. Default 1 s.
    pub reconnect_initial: Duration,
    /// `reconnect_max_ms`: no wait is longer. Default 20 s: a gateway is bound again within 30 s
    /// after its SMSC is back.
    pub reconnect_max: Duration,
    /// `validity_s`: how long a message may wait here to be sent; then it is expired. How long the
    /// SMSC tries is its own affair. Default 86,400 s, one day.
    pub validity: Duration,
    /// Octets of the largest PDU we take. Default 70,000: a `message_payload` of 64 KiB with room
    /// for the rest.
    pub max_pdu: usize,
    /// `deliver_sm` taken and not yet durable, of one gateway; beyond it we read no further.
    /// Default 1000: memory stays bounded when an SMSC empties its queue on us.
    pub deliver_inflight_max: u32,
    /// `system_type` of the bind, at most 12 octets. Default empty: most SMSCs ignore it, some
    /// refuse an unexpected one.
    pub system_type: String,
    /// `interface_version` of the bind. Default 0x34 (SMPP 3.4): what nearly every SMSC speaks. In
    /// JSON as 52 or "0x34".
    pub interface_version: u8,
}

impl Default for SmppDefaults {
    fn default() -> Self {
        Self {
            window: NonZeroU16::new(10).expect("10 is not zero"),
            binds: NonZeroU16::MIN,
            throughput: None,
            enquire_link: Duration::from_secs(30),
            enquire_link_timeout: Duration::from_secs(10),
            enquire_link_misses: 2,
            response_timeout: Duration::from_secs(30),
            bind_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            unbind_timeout: Duration::from_secs(5),
            reconnect_initial: Duration::from_secs(1),
            reconnect_max: Duration::from_secs(20),
            validity: Duration::from_secs(24 * 60 * 60),
            max_pdu: 70_000,
            deliver_inflight_max: 1000,
            system_type: String::new(),
            interface_version: 0x34,
        }
    }
}

impl SmppDefaults {
    /// Reads what `table` says and takes the rest from `base`.
    pub(super) fn read(table: &mut Table<'_>, base: &Self) -> Self {
        let smpp = Self {
            window: table.or("window", base.window, value::at_least_one(u16::MAX)),
            binds: table.or("binds", base.binds, value::at_least_one(100)),
            throughput: table.or("throughput", base.throughput, value::ceiling(1_000_000)),
            enquire_link: table.or(
                "enquire_link_s",
                base.enquire_link,
                value::seconds(1..=3600),
            ),
            enquire_link_timeout: table.or(
                "enquire_link_timeout_s",
                base.enquire_link_timeout,
                value::seconds(1..=300),
            ),
            enquire_link_misses: table.or(
                "enquire_link_misses",
                base.enquire_link_misses,
                value::whole(1..=20),
            ),
            response_timeout: table.or(
                "response_timeout_s",
                base.response_timeout,
                value::seconds(1..=3600),
            ),
            bind_timeout: table.or("bind_timeout_s", base.bind_timeout, value::seconds(1..=300)),
            connect_timeout: table.or(
                "connect_timeout_s",
                base.connect_timeout,
                value::seconds(1..=300),
            ),
            unbind_timeout: table.or(
                "unbind_timeout_s",
                base.unbind_timeout,
                value::seconds(1..=60),
            ),
            reconnect_initial: table.or(
                "reconnect_initial_ms",
                base.reconnect_initial,
                value::millis(10..=600_000),
            ),
            reconnect_max: table.or(
                "reconnect_max_ms",
                base.reconnect_max,
                value::millis(10..=3_600_000),
            ),
            validity: table.or("validity_s", base.validity, value::seconds(1..=5_443_200)),
            max_pdu: table.or("max_pdu", base.max_pdu, value::whole(1024..=16_777_216)),
            deliver_inflight_max: table.or(
                "deliver_inflight_max",
                base.deliver_inflight_max,
                value::whole(1..=1_000_000),
            ),
            system_type: table.or("system_type", base.system_type.clone(), value::ascii(12)),
            interface_version: table.or(
                "interface_version",
                base.interface_version,
                interface_version,
            ),
        };
        if smpp.reconnect_max < smpp.reconnect_initial {
            let key = if table.has("reconnect_max_ms") {
                "reconnect_max_ms"
            } else {
                "reconnect_initial_ms"
            };
            table.complain(
                key,
                "`reconnect_max_ms` is less than `reconnect_initial_ms`",
            );
        }
        smpp
    }
}

/// SMPP 3.3 (0x33) to 5.0 (0x50), as a number or as the hexadecimal text that JSON needs.
fn interface_version(written: &Value) -> Result<u8, Wrong> {
    if let Value::Text(text) = written {
        let number = text
            .strip_prefix("0x")
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        return match number {
            Some(number @ 0x30..=0x50) => Ok(number),
            _ => {
                Err(Wrong::new("must be between 0x30 and 0x50")
                    .hint("SMPP 3.4 is 0x34, 5.0 is 0x50"))
            }
        };
    }
    value::whole(0x30..=0x50)(written).map_err(|wrong| wrong.hint("SMPP 3.4 is 0x34, 5.0 is 0x50"))
}
