//! A Twilio-compatible upstream's status word as a state.

use crate::message::State;

/// The state that a word tells; `None`: it is of no concern here.
///
/// `sent` is the hand-off to a carrier, so it is more than having been taken. A message that was
/// cancelled there failed: nobody has tried to deliver it.
pub(super) fn state_of(word: &str) -> Option<State> {
    Some(match word.to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => State::Submitted,
        "sent" => State::Enroute,
        "delivered" | "read" => State::Delivered,
        "undelivered" => State::Undelivered,
        "failed" | "canceled" => State::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_tells_its_state() {
        for (words, state) in [
            ("accepted scheduled queued sending", Some(State::Submitted)),
            ("sent Sent", Some(State::Enroute)),
            ("delivered read", Some(State::Delivered)),
            ("undelivered", Some(State::Undelivered)),
            ("failed canceled", Some(State::Failed)),
            ("partially_delivered receiving received foo", None),
        ] {
            for word in words.split_whitespace() {
                assert_eq!(state_of(word), state, "{word}");
            }
        }
    }
}
