//! What a receipt says, in the bridge's terms.

use crate::config::gateway::ReceiptId;
use crate::message::{SmppReport, State};
use crate::store::IdRule;
use smpp_protocol::COctetString;
use smpp_protocol::coding::MessageState;
use smpp_protocol::receipt::{Receipt, ReceiptDate, ReceiptState};

/// The state that a receipt tells; `None`: it stays.
///
/// An intermediate notification is never final, whatever it says. `ACCEPTD` means in
/// the field that the message centre has it, and `UNKNOWN` that it knows nothing.
pub fn state_of(receipt: &Receipt, intermediate: bool, unknown_is_final: bool) -> Option<State> {
    if receipt
        .message_state
        .is_some_and(|state| state.0 > STATES_MAX)
    {
        return None;
    }
    let state = match receipt.state? {
        ReceiptState::Delivered => State::Delivered,
        ReceiptState::Expired => State::Expired,
        ReceiptState::Deleted => State::Cancelled,
        ReceiptState::Undeliverable | ReceiptState::Skipped => State::Undelivered,
        ReceiptState::Rejected => State::Rejected,
        ReceiptState::Accepted | ReceiptState::Enroute | ReceiptState::Scheduled => State::Enroute,
        ReceiptState::Unknown if unknown_is_final => State::Undelivered,
        ReceiptState::Unknown => State::Enroute,
        ReceiptState::Unrecognised => return None,
    };
    if intermediate {
        Some(State::Enroute)
    } else {
        Some(state)
    }
}

/// The last `message_state` that SMPP 5.0 names: a higher one says nothing.
const STATES_MAX: u8 = 9;

/// The receipt as the log keeps it.
pub(super) fn report(receipt: &Receipt, ids: &[String], source_addr: String) -> SmppReport {
    let text = |field: &Option<COctetString>| field.as_ref().map(|f| f.to_str().into_owned());
    let date = |date: &Option<ReceiptDate>| date.as_ref().map(|d| d.raw.to_str().into_owned());
    let err = text(&receipt.err).or_else(|| {
        receipt
            .network_error_code
            .as_ref()
            .map(|e| e.code.to_string())
    });
    SmppReport {
        id: ids.first().cloned().unwrap_or_default(),
        stat: text(&receipt.stat).unwrap_or_else(|| word_of(receipt.message_state).to_owned()),
        err,
        sub: receipt.sub,
        dlvrd: receipt.dlvrd,
        submit_date: date(&receipt.submit_date),
        done_date: date(&receipt.done_date),
        text: receipt.text_str().map(|t| t.into_owned()),
        message_state: receipt.message_state.map(|s| s.0),
        source_addr,
    }
}

/// The receipt word of a TLV, for those that have no text.
fn word_of(state: Option<MessageState>) -> &'static str {
    match state.map(|s| s.0) {
        Some(0) => "SCHEDULED",
        Some(1) => "ENROUTE",
        Some(2) => "DELIVRD",
        Some(3) => "EXPIRED",
        Some(4) => "DELETED",
        Some(5) => "UNDELIV",
        Some(6) => "ACCEPTD",
        Some(8) => "REJECTD",
        Some(9) => "SKIPPED",
        _ => "UNKNOWN",
    }
}

pub(super) fn id_rule(setting: ReceiptId) -> IdRule {
    match setting {
        ReceiptId::Auto => IdRule::Auto,
        ReceiptId::Same => IdRule::Same,
        ReceiptId::HexToDec => IdRule::HexToDec,
        ReceiptId::DecToHex => IdRule::DecToHex,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, intermediate: bool, unknown_is_final: bool) -> Option<State> {
        state_of(
            &Receipt::parse_text(text.as_bytes()),
            intermediate,
            unknown_is_final,
        )
    }

    #[test]
    fn every_word_has_its_state() {
        let table = [
            ("DELIVRD", Some(State::Delivered)),
            ("delivrd", Some(State::Delivered)),
            ("Delivered", Some(State::Delivered)),
            ("UNDELIV", Some(State::Undelivered)),
            ("UNDELIVERABLE", Some(State::Undelivered)),
            ("EXPIRED", Some(State::Expired)),
            ("DELETED", Some(State::Cancelled)),
            ("REJECTD", Some(State::Rejected)),
            ("REJECTED", Some(State::Rejected)),
            ("FAILED", Some(State::Undelivered)),
            ("ACCEPTD", Some(State::Enroute)),
            ("ENROUTE", Some(State::Enroute)),
            ("UNKNOWN", Some(State::Enroute)),
            ("FOOBARR", None),
        ];
        for (word, state) in table {
            assert_eq!(
                told(&format!("id:1 stat:{word} err:000"), false, false),
                state,
                "{word}"
            );
        }
    }

    #[test]
    fn unknown_is_final_only_where_the_operator_says_so() {
        assert_eq!(
            told("id:1 stat:UNKNOWN", false, true),
            Some(State::Undelivered)
        );
        let of_number = |number| {
            let receipt = Receipt {
                state: Some(MessageState(number).into()),
                message_state: Some(MessageState(number)),
                ..Receipt::default()
            };
            state_of(&receipt, false, true)
        };
        assert_eq!(of_number(7), Some(State::Undelivered));
        assert_eq!(of_number(10), None, "no number of the specification");
    }

    #[test]
    fn an_intermediate_notification_is_never_final() {
        assert_eq!(told("id:1 stat:DELIVRD", true, false), Some(State::Enroute));
    }
}
