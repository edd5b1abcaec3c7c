//! Why an upstream refused, as far as another one might decide differently.

use serde::{Deserialize, Serialize};

/// The classes of refusals; a rule of a route names those after which another gateway is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RefusalClass {
    /// The upstream cannot take anything of us for now: throttled, full, failing, out of
    /// reach, or our account there does not work.
    Unavailable,
    /// It does not want this message, for reasons of its own.
    Rejected,
    /// It says that the message itself is wrong: its number, sender or form.
    Invalid,
}

impl RefusalClass {
    pub const ALL: [RefusalClass; 3] = [
        RefusalClass::Unavailable,
        RefusalClass::Rejected,
        RefusalClass::Invalid,
    ];

    /// As the configuration spells it.
    pub fn name(self) -> &'static str {
        match self {
            RefusalClass::Unavailable => "unavailable",
            RefusalClass::Rejected => "rejected",
            RefusalClass::Invalid => "invalid",
        }
    }
}

/// Why a message was given to another gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MoveReason {
    /// Its gateway has had no bind for too long.
    Down,
    /// Its gateway refused it.
    Refused(RefusalClass),
}

impl MoveReason {
    /// As a word for records and labels.
    pub fn name(self) -> &'static str {
        match self {
            MoveReason::Down => "down",
            MoveReason::Refused(class) => class.name(),
        }
    }
}
