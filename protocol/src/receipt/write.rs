//! Writing a receipt's text, for when we are the SMSC.

use std::io::Write;

use bytes::Bytes;

use crate::coding::MessageState;
use crate::time::CivilTime;

/// Octets of the message that a receipt repeats.
const TEXT_OCTETS_MAX: usize = 20;

/// The fields of SMPP 3.4 Appendix B, in its order. Clients compare fixed columns, so every field
/// is written as wide as it says there.
#[derive(Clone, Copy, Debug)]
pub struct ReceiptText<'a> {
    /// Exactly the id given in `submit_sm_resp`.
    pub id: &'a str,
    /// Messages submitted, 1 unless a list was sent to.
    pub sub: u16,
    /// Messages delivered.
    pub dlvrd: u16,
    /// When it was submitted, in the client's zone; seconds are not written.
    pub submit_date: CivilTime,
    /// When it reached its state, in the client's zone; seconds are not written.
    pub done_date: CivilTime,
    /// The state.
    pub state: MessageState,
    /// Three characters; shorter ones get zeros in front.
    pub err: &'a str,
    /// The message; its first 20 octets are written.
    pub text: &'a [u8],
}

impl ReceiptText<'_> {
    /// The text, ready for `short_message`.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let Self {
            id,
            sub,
            dlvrd,
            err,
            ..
        } = self;
        let (submit_date, done_date) = (ten_digits(self.submit_date), ten_digits(self.done_date));
        let stat = stat(self.state);
        let text = &self.text[..self.text.len().min(TEXT_OCTETS_MAX)];
        let mut out = Vec::with_capacity(128 + id.len());
        write!(
            out,
            "id:{id} sub:{sub:03} dlvrd:{dlvrd:03} submit date:{submit_date} \
             done date:{done_date} stat:{stat} err:{err:0>3} text:"
        )
        .expect("a Vec takes everything");
        out.extend_from_slice(text);
        Bytes::from(out)
    }
}

fn ten_digits(time: CivilTime) -> String {
    let CivilTime {
        year,
        month,
        day,
        hour,
        minute,
        ..
    } = time;
    format!("{:02}{month:02}{day:02}{hour:02}{minute:02}", year % 100)
}

/// The state's word: seven letters where the text has some.
fn stat(state: MessageState) -> &'static str {
    match state {
        MessageState::SCHEDULED => "SCHEDULED",
        MessageState::ENROUTE => "ENROUTE",
        MessageState::DELIVERED => "DELIVRD",
        MessageState::EXPIRED => "EXPIRED",
        MessageState::DELETED => "DELETED",
        MessageState::UNDELIVERABLE => "UNDELIV",
        MessageState::ACCEPTED => "ACCEPTD",
        MessageState::REJECTED => "REJECTD",
        MessageState::SKIPPED => "SKIPPED",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::{Receipt, ReceiptState};

    #[test]
    fn what_is_written_reads_back() {
        let text = ReceiptText {
            id: "0123456789",
            sub: 1,
            dlvrd: 1,
            submit_date: CivilTime::new(2026, 11, 22, 10, 0, 59).unwrap(),
            done_date: CivilTime::new(2026, 11, 22, 10, 1, 0).unwrap(),
            state: MessageState::DELIVERED,
            err: "0",
            text: b"a message longer than twenty octets",
        }
        .write();
        assert_eq!(
            text,
            "id:0123456789 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 \
             stat:DELIVRD err:000 text:a message longer tha"
        );
        let receipt = Receipt::parse_text(&text);
        assert_eq!(receipt.state, Some(ReceiptState::Delivered));
        assert_eq!(receipt.id.unwrap(), "0123456789");
    }

    #[test]
    fn every_state_reads_back_as_itself() {
        for state in MessageState::ALL {
            assert_eq!(
                ReceiptState::from_stat(stat(*state).as_bytes()),
                ReceiptState::from(*state)
            );
        }
    }
}
