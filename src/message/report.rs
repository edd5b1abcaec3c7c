//! What a delivery receipt says, whatever brought it.

use super::{State, TerseRef, encode, terse};
use serde::de::Deserializer;
use serde::ser::{Error, SerializeTuple, Serializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

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

/// A [`Report`] as the log and memory keep it: its many texts are read only where one is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedReport(Box<[u8]>);

/// A [`Report`] read where it lies: the same fields in the same order, nothing copied.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum ReportRef<'a> {
    #[serde(borrow)]
    Smpp(SmppReportRef<'a>),
    Http {
        word: &'a str,
        payload: &'a str,
        defaulted: bool,
    },
    Local {
        reason: &'a str,
    },
}

/// An [`SmppReport`] read where it lies.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SmppReportRef<'a> {
    #[serde(borrow)]
    pub id: TerseRef<'a>,
    pub stat: TerseRef<'a>,
    pub err: Option<TerseRef<'a>>,
    pub sub: Option<u16>,
    pub dlvrd: Option<u16>,
    pub submit_date: Option<TerseRef<'a>>,
    pub done_date: Option<TerseRef<'a>>,
    pub text: Option<&'a str>,
    pub message_state: Option<u8>,
    pub source_addr: TerseRef<'a>,
}

/// With what the octets of a [`Report::Http`] and of a [`Report::Local`] begin.
const HTTP: u8 = 1;
const LOCAL: u8 = 2;

impl EncodedReport {
    pub fn decode(&self) -> Option<Report> {
        postcard::from_bytes(&self.0).ok()
    }

    pub fn read(&self) -> Option<ReportRef<'_>> {
        postcard::from_bytes(&self.0).ok()
    }

    pub fn is_http(&self) -> bool {
        self.0.first() == Some(&HTTP)
    }

    pub fn is_local(&self) -> bool {
        self.0.first() == Some(&LOCAL)
    }
}

/// The octets as they are, so that a report is encoded once on its way to the log and memory.
impl Serialize for EncodedReport {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            let report = self.decode();
            let report = report.ok_or_else(|| S::Error::custom("an unreadable report"))?;
            return report.serialize(to);
        }
        let mut octets = to.serialize_tuple(self.0.len())?;
        for octet in &self.0 {
            octets.serialize_element(octet)?;
        }
        octets.end()
    }
}

impl<'de> Deserialize<'de> for EncodedReport {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return Report::deserialize(from).map(EncodedReport::from);
        }
        ReportRef::deserialize(from).map(|report| EncodedReport(encode(&report)))
    }
}

impl<'a> ReportRef<'a> {
    /// The status word as the upstream wrote it.
    pub fn word(self) -> Cow<'a, str> {
        match self {
            ReportRef::Smpp(r) => r.stat.text(),
            ReportRef::Http { word, .. } => word.into(),
            ReportRef::Local { .. } => "".into(),
        }
    }
}

impl From<Report> for EncodedReport {
    fn from(report: Report) -> Self {
        EncodedReport(encode(&report))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> [Report; 3] {
        let smpp = SmppReport {
            id: "00b8a1".into(),
            stat: "DELIVRD".into(),
            err: Some("000".into()),
            sub: Some(1),
            dlvrd: Some(300),
            submit_date: None,
            done_date: Some("2110290714".into()),
            text: Some("Grüße".into()),
            message_state: Some(2),
            source_addr: "+4915112345678".into(),
        };
        let http = Report::Http {
            word: "delivered".into(),
            payload: "{}".into(),
            defaulted: true,
        };
        let reason = "never reported".into();
        [Report::Smpp(smpp), http, Report::Local { reason }]
    }

    #[test]
    fn an_encoded_report_is_written_as_the_report_is() {
        for report in reports() {
            let encoded = EncodedReport::from(report.clone());
            // Something behind it shows where it ends.
            let octets = postcard::to_stdvec(&(&report, 77u8)).unwrap();
            assert_eq!(postcard::to_stdvec(&(&encoded, 77u8)).unwrap(), octets);
            let (read, behind): (EncodedReport, u8) = postcard::from_bytes(&octets).unwrap();
            assert_eq!((&read, behind), (&encoded, 77));
            assert_eq!(read.decode().as_ref(), Some(&report));
            let json = serde_json::to_string(&encoded).unwrap();
            assert_eq!(json, serde_json::to_string(&report).unwrap());
            assert_eq!(
                serde_json::from_str::<EncodedReport>(&json).unwrap(),
                encoded
            );
        }
    }

    #[test]
    fn a_report_with_octets_that_are_no_text_is_not_read() {
        let report = Report::Smpp(SmppReport {
            stat: "A\u{7F}Z".into(),
            ..SmppReport::default()
        });
        let mut octets = postcard::to_stdvec(&report).unwrap();
        let place = octets.iter().position(|o| *o == 0x7F).unwrap();
        octets[place] = 0xFF;
        assert!(postcard::from_bytes::<EncodedReport>(&octets).is_err());
    }

    #[test]
    fn a_report_reads_the_same_in_place() {
        for report in reports() {
            let encoded = EncodedReport::from(report.clone());
            let read = encoded.read().unwrap();
            assert_eq!(read.word(), report.word());
            assert_eq!(encoded.is_http(), matches!(report, Report::Http { .. }));
            assert_eq!(encoded.is_local(), matches!(report, Report::Local { .. }));
            if let (ReportRef::Smpp(read), Report::Smpp(report)) = (read, &report) {
                assert_eq!(read.source_addr.text(), report.source_addr);
                assert_eq!(read.text, report.text.as_deref());
            }
        }
    }
}
