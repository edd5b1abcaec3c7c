//! The state a receipt reports, from a word or a number.

use crate::coding::MessageState;

/// What became of a message, as far as its receipt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiptState {
    /// Arrived. Final.
    Delivered,
    /// Its validity ran out. Final.
    Expired,
    /// Withdrawn. Final.
    Deleted,
    /// Cannot be delivered. Final.
    Undeliverable,
    /// Refused. Final.
    Rejected,
    /// Left out on purpose. Final.
    Skipped,
    /// Taken by the network; more should follow.
    Accepted,
    /// On its way.
    Enroute,
    /// Not yet due.
    Scheduled,
    /// The SMSC does not know.
    Unknown,
    /// A word this crate does not know.
    Unrecognised,
}

impl ReceiptState {
    /// Whether nothing more will come.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::Expired
                | Self::Deleted
                | Self::Undeliverable
                | Self::Rejected
                | Self::Skipped
        )
    }

    /// A stable word for logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
            Self::Undeliverable => "undeliverable",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Accepted => "accepted",
            Self::Enroute => "enroute",
            Self::Scheduled => "scheduled",
            Self::Unknown => "unknown",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// The state of a receipt's `stat` word: Appendix B's seven letters, the whole word, or what
    /// SMSCs write in its place. Told by how the word begins, in any case.
    #[must_use]
    pub fn from_stat(word: &[u8]) -> Self {
        const BEGINNINGS: [(&[u8], ReceiptState); 15] = [
            (b"DELIVERY_F", ReceiptState::Undeliverable),
            (b"DELIV", ReceiptState::Delivered),
            (b"UNDELIV", ReceiptState::Undeliverable),
            (b"EXPIR", ReceiptState::Expired),
            (b"DELET", ReceiptState::Deleted),
            (b"REJEC", ReceiptState::Rejected),
            (b"FAIL", ReceiptState::Undeliverable),
            (b"ACCEP", ReceiptState::Accepted),
            (b"ACK", ReceiptState::Accepted),
            (b"ENROUTE", ReceiptState::Enroute),
            (b"EN_ROUTE", ReceiptState::Enroute),
            (b"BUFF", ReceiptState::Enroute),
            (b"UNKN", ReceiptState::Unknown),
            (b"SCHED", ReceiptState::Scheduled),
            (b"SKIP", ReceiptState::Skipped),
        ];
        // One of two words in nearly every receipt.
        match word {
            b"DELIVRD" => return Self::Delivered,
            b"UNDELIV" => return Self::Undeliverable,
            _ => {}
        }
        let begins = |with: &[u8]| {
            word.get(..with.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(with))
        };
        let found = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning));
        found.map_or(Self::Unrecognised, |(_, state)| *state)
    }
}

impl From<MessageState> for ReceiptState {
    /// Numbers without a name count as unknown.
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::SCHEDULED => Self::Scheduled,
            MessageState::ENROUTE => Self::Enroute,
            MessageState::DELIVERED => Self::Delivered,
            MessageState::EXPIRED => Self::Expired,
            MessageState::DELETED => Self::Deleted,
            MessageState::UNDELIVERABLE => Self::Undeliverable,
            MessageState::ACCEPTED => Self::Accepted,
            MessageState::REJECTED => Self::Rejected,
            MessageState::SKIPPED => Self::Skipped,
            _ => Self::Unknown,
        }
    }
}
