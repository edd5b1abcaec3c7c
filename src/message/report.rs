//! What a delivery receipt says, whatever brought it.

use super::{State, encode, terse};
use serde::{Deserialize, Serialize};

/// A receipt that came as a `deliver_sm` or `data_sm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmppReport {
    /// The id it names; that of the TLV where there is one.
    #[serde(with = "terse")]
    pub id: String,
    /// The status word as received; from the TLV's value where the text has none.
    #[serde(with = "terse")]
    pub stat: String,
    #[serde(with = "terse::option")]
    pub err: Option<String>,
    pub sub: Option<u16>,
    pub dlvrd: Option<u16>,
    /// As received; minute resolution, no time zone.
    #[serde(with = "terse::option")]
    pub submit_date: Option<String>,
    #[serde(with = "terse::option")]
    pub done_date: Option<String>,
    pub text: Option<String>,
    /// TLV message_state, raw.
    pub message_state: Option<u8>,
    /// The handset, as the receipt's source address has it.
    #[serde(with = "terse")]
    pub source_addr: String,
}

/// What happened to a segment, by its upstream's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    Smpp(SmppReport),
    /// An HTTP "DLR": the word as it came, trimmed, and all members as JSON text.
    Http {
        word: String,
        payload: String,
        /// No status was named, so delivered was assumed.
        defaulted: bool,
    },
    /// The bridge's own verdict on a message that the upstream never reported on.
    Local {
        reason: String,
    },
}

/// A [`Report`] as memory keeps it: its many texts are read only where one is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedReport(Box<[u8]>);

impl EncodedReport {
    pub fn read(&self) -> Option<Report> {
        postcard::from_bytes(&self.0).ok()
    }
}

impl From<&Report> for EncodedReport {
    fn from(report: &Report) -> Self {
        EncodedReport(encode(report))
    }
}

impl Report {
    /// The status word as the upstream wrote it.
    pub fn word(&self) -> &str {
        match self {
            Report::Smpp(r) => &r.stat,
            Report::Http { word, .. } => word,
            Report::Local { .. } => "",
        }
    }

    pub fn error(&self) -> Option<&str> {
        match self {
            Report::Smpp(r) => r.err.as_deref(),
            _ => None,
        }
    }
}

impl SmppReport {
    /// The receipt word of a state, where only the TLV tells it.
    pub fn word_of(state: State) -> &'static str {
        match state {
            State::Delivered => "DELIVRD",
            State::Expired => "EXPIRED",
            State::Cancelled => "DELETED",
            State::Rejected => "REJECTD",
            State::Enroute => "ENROUTE",
            _ => "UNDELIV",
        }
    }
}
