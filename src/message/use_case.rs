//! A use case: a purpose to send for, with its pool of senders and what it is registered for.

use super::{Timestamp, Via};
use serde::{Deserialize, Serialize};

/// The record that operators create and change through the API, or write into the
/// configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseCase {
    /// A UUID.
    pub id: u128,
    pub name: String,
    pub status: UseCaseStatus,
    /// The gateway or the route its messages take.
    #[serde(flatten)]
    pub via: Via,
    /// A Twilio-compatible upstream chooses the sender from this service.
    pub messaging_service_sid: Option<String>,
    /// The pool: numbers with `+`, short codes, or names.
    pub senders: Vec<String>,
    pub campaign: Option<Registration>,
    pub brand: Option<Registration>,
    /// ISO 3166 codes of the countries that may be sent to; none is all.
    pub allowed_regions: Vec<String>,
    /// A destination keeps its sender.
    pub sticky_sender: bool,
    /// A sender of the destination's area code is preferred.
    pub area_code_geomatch: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// It is the configuration's, and only changed there.
    pub configured: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UseCaseStatus {
    #[default]
    Active,
    Inactive,
    Deleted,
}

/// A campaign or a brand, as whoever registers them calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub id: Option<String>,
    /// `verified`, `pending`, `approved`, `suspended`, …
    pub status: String,
}

impl UseCase {
    /// True when the address is one of the pool's, whatever is in front of its digits.
    pub fn has_sender(&self, address: &str) -> bool {
        let bare = bare(address);
        self.senders.iter().any(|s| self::bare(s) == bare)
    }
}

fn bare(address: &str) -> &str {
    address.strip_prefix('+').unwrap_or(address)
}

/// What a handset's owner says about further messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    Stop,
    Start,
}

impl Keyword {
    /// The keyword that the text is, alone.
    pub fn of(text: &str) -> Option<Keyword> {
        const STOP: [&str; 8] = [
            "STOP",
            "STOPALL",
            "UNSUBSCRIBE",
            "CANCEL",
            "END",
            "QUIT",
            "REVOKE",
            "OPTOUT",
        ];
        const START: [&str; 3] = ["START", "YES", "UNSTOP"];
        let word = text.trim();
        let is = |known: &&str| word.eq_ignore_ascii_case(known);
        if STOP.iter().any(&is) {
            Some(Keyword::Stop)
        } else if START.iter().any(is) {
            Some(Keyword::Start)
        } else {
            None
        }
    }
}

/// The digits of an international number as a number; `None` where it is none.
///
/// At most 15 digits (E.164), so it always fits.
pub fn msisdn(address: &str) -> Option<u64> {
    let digits = bare(address);
    let fits = (1..=15).contains(&digits.len()) && !digits.starts_with('0');
    let is_number = fits && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_stand_alone_in_any_case() {
        for text in ["STOP", " stop ", "Unsubscribe\n", "optout"] {
            assert_eq!(Keyword::of(text), Some(Keyword::Stop), "{text:?}");
        }
        for text in ["START", "yes", " unstop"] {
            assert_eq!(Keyword::of(text), Some(Keyword::Start), "{text:?}");
        }
        for text in ["please stop", "stop it", "", "no"] {
            assert_eq!(Keyword::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_use_case_is_read_as_it_was_written_before_there_were_routes() {
        let before = r#"{"id":340282366920938463463374607431768211455,"name":"u","status":"active",
            "gateway":"smsc","messaging_service_sid":null,"senders":[],"campaign":null,"brand":null,
            "allowed_regions":[],"sticky_sender":true,"area_code_geomatch":true,
            "created_at":1,"updated_at":2,"configured":false}"#;
        let mut use_case: UseCase = serde_json::from_str(before).unwrap();
        assert_eq!(use_case.via, Via::Gateway("smsc".into()));
        assert_eq!(
            (use_case.id, use_case.updated_at),
            (u128::MAX, Timestamp(2))
        );
        use_case.via = Via::Route("world".into());
        let written = serde_json::to_string(&use_case).unwrap();
        assert_eq!(serde_json::from_str::<UseCase>(&written).unwrap(), use_case);
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(msisdn("+14155550100"), Some(14_155_550_100));
        assert_eq!(msisdn("14155550100"), Some(14_155_550_100));
        for address in ["", "+", "Brand", "+0123", "1234567890123456", "+1 415"] {
            assert_eq!(msisdn(address), None, "{address}");
        }
    }
}
