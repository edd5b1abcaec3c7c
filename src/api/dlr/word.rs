//! An HTTP provider's status word as a state.

use crate::message::State;

/// The state that a word tells; `None`: it tells nothing about the state.
pub(super) fn state_of(word: &str) -> Option<State> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "delivered" | "delivrd" | "read" | "success" => State::Delivered,
        "undeliv" | "undelivered" | "undeliverable" | "failed" | "error" | "failure"
        | "blocked" => State::Undelivered,
        "expired" => State::Expired,
        "rejectd" | "rejected" => State::Rejected,
        "deleted" | "canceled" | "cancelled" => State::Cancelled,
        "acceptd" | "accepted" | "enroute" | "queued" | "buffered" | "pending" | "scheduled"
        | "sending" | "sent" | "submitted" | "unknown" | "esme_rok" => State::Enroute,
        other if other.starts_with("esme_") => State::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_tells_its_state() {
        for (words, state) in [
            (
                "delivered delivrd read success DELIVRD Delivered",
                Some(State::Delivered),
            ),
            (
                "undeliv undelivered undeliverable failed error failure blocked UNDELIV",
                Some(State::Undelivered),
            ),
            ("expired", Some(State::Expired)),
            ("rejectd rejected", Some(State::Rejected)),
            ("deleted canceled cancelled", Some(State::Cancelled)),
            (
                "acceptd accepted enroute queued buffered pending scheduled sending sent submitted \
                 unknown esme_rok ESME_ROK",
                Some(State::Enroute),
            ),
            ("esme_rinvdstadr ESME_RTHROTTLED", Some(State::Failed)),
            ("teleported esme delivered! 0", None),
        ] {
            for word in words.split_whitespace() {
                assert_eq!(state_of(word), state, "{word}");
            }
        }
    }
}
