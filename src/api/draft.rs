//! A message that breaks no rule, before anybody records it: what a send hands to the store, and
//! an explanation only looks at.

use std::sync::Arc;

use super::Api;
use super::directory::Profile;
use super::way::Routing;
use crate::message::{GatewayId, Head, UseCase};
use crate::store::{IdempotencyKey, NewMessage};

/// What a draft is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be recorded: whatever is given out in turn is taken.
    Send,
    /// To be looked at: nothing may change by it.
    Explain,
}

/// What becomes known on the way to a draft, also where it is not reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) use_case: Option<Arc<UseCase>>,
    /// Of the gateway that the message would leave through.
    pub(super) profile: Option<Arc<Profile>>,
    /// What a route says of it.
    pub(super) routing: Option<Routing>,
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) profile: Arc<Profile>,
    pub(super) head: Head,
    pub(super) text: String,
    pub(super) ground: Ground,
}

/// Why a message has the sender that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// The request names it.
    Request,
    /// It is the gateway's default.
    GatewayDefault,
    /// The destination had it before.
    Sticky,
    /// It is of the destination's area code.
    AreaCode,
    /// It has rested longest.
    Rested,
    /// A Twilio-compatible upstream chooses it.
    Upstream,
}

impl Ground {
    pub(super) const NAMES: [&str; 6] = [
        "request",
        "gateway_default",
        "sticky",
        "area_code",
        "rested",
        "upstream",
    ];

    pub(super) fn name(self) -> &'static str {
        Ground::NAMES[self as usize]
    }
}

impl Draft {
    /// For the store to judge.
    pub(super) fn to_judge(&self, key: Option<IdempotencyKey>) -> NewMessage {
        NewMessage {
            head: self.head.clone(),
            text: self.text.clone(),
            key,
            wait: false,
        }
    }
}

impl Api {
    /// The concatenation reference of a message in so many segments.
    pub(super) fn reference(
        &self,
        purpose: Purpose,
        gateway: GatewayId,
        destination: &str,
        segments: u8,
    ) -> u8 {
        let references = &self.0.references;
        match (segments, purpose) {
            (1, _) => 0,
            (_, Purpose::Send) => references.next(gateway, destination),
            (_, Purpose::Explain) => references.peek(gateway, destination),
        }
    }
}
