//! What a message is, apart from its text: fixed when it is accepted.

use super::{GatewayId, Others, OthersRef, Timestamp, encode, terse};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Everything about an accepted message but its text.
///
/// It stays in memory, encoded, for as long as the message is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub gateway: GatewayId,
    pub family: Family,
    /// As the client wrote it.
    #[serde(with = "terse")]
    pub destination: String,
    /// As the client wrote it, or the gateway's default sender.
    #[serde(with = "terse")]
    pub source: String,
    pub tenant_id: Option<u64>,
    /// Where the client wants the verdict; without the gateway's token.
    pub callback_url: Option<String>,
    /// True when the bridge posts the verdict to `callback_url` itself; an HTTP
    /// upstream is told the URL instead.
    pub forwards: bool,
    /// Status updates to the service profile's application.
    pub receipts: Option<Receipts>,
    /// Number of segments, from 1.
    pub segments: u8,
    /// True when the text needs UCS-2.
    pub unicode: bool,
    pub traffic_class: TrafficClass,
    /// Concatenation reference; the same in a repeat.
    pub reference: u8,
    /// Given up, unless submitted by then.
    pub expires_at: Timestamp,
    /// Not sent before; `None` is at once.
    pub not_before: Option<Timestamp>,
    /// Where else it may go; `None`: nowhere.
    pub others: Option<Others>,
}

/// A [`Head`] as the log and the live state keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedHead(#[serde(with = "serde_bytes")] Box<[u8]>);

/// A [`Head`] read where it lies: the same fields in the same order, nothing copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct HeadRef<'a> {
    pub gateway: GatewayId,
    #[serde(borrow)]
    pub family: FamilyRef<'a>,
    #[serde(borrow)]
    pub destination: TerseRef<'a>,
    #[serde(borrow)]
    pub source: TerseRef<'a>,
    pub tenant_id: Option<u64>,
    pub callback_url: Option<&'a str>,
    pub forwards: bool,
    pub receipts: Option<Receipts>,
    pub segments: u8,
    pub unicode: bool,
    pub traffic_class: TrafficClass,
    pub reference: u8,
    pub expires_at: Timestamp,
    pub not_before: Option<Timestamp>,
    #[serde(borrow)]
    pub others: Option<OthersRef<'a>>,
}

/// A text that is packed where it lies; octets that no text packs to are an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TerseRef<'a>(#[serde(with = "serde_bytes")] &'a [u8]);

impl<'de: 'a, 'a> Deserialize<'de> for TerseRef<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let octets: &'de [u8] = serde_bytes::deserialize(from)?;
        match terse::is_text(octets) {
            true => Ok(TerseRef(octets)),
            false => Err(D::Error::custom("not a packed text")),
        }
    }
}

impl<'a> TerseRef<'a> {
    pub fn text(self) -> Cow<'a, str> {
        terse::unpack(self.0).unwrap_or_default()
    }
}

impl EncodedHead {
    pub fn decode(&self) -> Option<Head> {
        Head::decode(&self.0)
    }

    pub fn read(&self) -> Option<HeadRef<'_>> {
        HeadRef::read(&self.0)
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Octets that were encoded before.
    pub fn of_octets(octets: &[u8]) -> EncodedHead {
        EncodedHead(octets.into())
    }
}

impl Head {
    pub fn decode(octets: &[u8]) -> Option<Head> {
        postcard::from_bytes(octets).ok()
    }
}

impl<'a> HeadRef<'a> {
    pub fn read(octets: &'a [u8]) -> Option<HeadRef<'a>> {
        postcard::from_bytes(octets).ok()
    }
}

impl From<&Head> for EncodedHead {
    fn from(head: &Head) -> Self {
        EncodedHead(encode(head))
    }
}

/// Which API took the message, and what only that API knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    Gateways,
    UseCases(UseCaseOrigin),
    Universal(UniversalOrigin),
}

/// A message that was sent through a use case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseCaseOrigin {
    /// The use case's UUID.
    pub use_case: u128,
    /// A Twilio-compatible upstream chooses the sender from this service; else the
    /// head's source is the sender.
    pub messaging_service_sid: Option<String>,
}

/// A message of the universal API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniversalOrigin {
    /// Name of the account in the configuration.
    pub account: String,
    /// The client's id, or the one it was given.
    pub message_id: String,
    pub campaign_id: Option<String>,
    /// Final states are posted to the account's callback URL, part by part.
    pub notify: bool,
    /// Nothing is ever sent.
    pub simulation: bool,
    /// Parts as told to the client; `segments` is 1 where the upstream cuts the text.
    pub parts: u8,
    /// Sent in front of the text as it is, in one PDU.
    #[serde(with = "serde_bytes")]
    pub udh: Option<Vec<u8>>,
    pub skip_rcs_override: bool,
}

/// Which callbacks the changes of a message cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The verdict, to its own URL.
    pub verdict: bool,
    /// The verdict, to its service profile.
    pub patch: bool,
    /// And progress, too.
    pub patch_progress: bool,
    /// Parts whose final states are told, one by one; 0 is none. More than there are
    /// segments where the upstream cuts the text itself.
    pub parts: u8,
}

impl Wants {
    pub fn of(head: &HeadRef<'_>) -> Wants {
        Wants {
            verdict: head.forwards && head.callback_url.is_some(),
            patch: head.receipts.is_some(),
            patch_progress: head.receipts.is_some_and(|r| r.all),
            parts: head.family.notified_parts(),
        }
    }
}

/// A [`Family`] read where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum FamilyRef<'a> {
    Gateways,
    #[serde(borrow)]
    UseCases(UseCaseRef<'a>),
    #[serde(borrow)]
    Universal(UniversalRef<'a>),
}

/// A [`UseCaseOrigin`] read where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct UseCaseRef<'a> {
    pub use_case: u128,
    pub messaging_service_sid: Option<&'a str>,
}

/// A [`UniversalOrigin`] read where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct UniversalRef<'a> {
    pub account: &'a str,
    pub message_id: &'a str,
    pub campaign_id: Option<&'a str>,
    pub notify: bool,
    pub simulation: bool,
    pub parts: u8,
    pub udh: Option<&'a [u8]>,
    pub skip_rcs_override: bool,
}

impl FamilyRef<'_> {
    /// Nothing of it is ever sent.
    pub fn is_simulation(self) -> bool {
        matches!(self, FamilyRef::Universal(u) if u.simulation)
    }

    /// Parts whose final states are posted; 0 is none.
    pub fn notified_parts(self) -> u8 {
        match self {
            FamilyRef::Universal(u) if u.notify && !u.simulation => u.parts,
            _ => 0,
        }
    }
}

impl Family {
    pub fn is_simulation(&self) -> bool {
        matches!(self, Family::Universal(u) if u.simulation)
    }

    /// A name for records and filters.
    pub fn name(&self) -> &'static str {
        match self {
            Family::Gateways => "gateways",
            Family::UseCases(_) => "use_cases",
            Family::Universal(_) => "universal",
        }
    }
}

/// Who hears of an MT's fate by PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    pub service_profile: u64,
    /// The endpoint whose msisdn is the destination; `None` is the gateway itself.
    pub endpoint: Option<u64>,
    /// Progress too, not only the verdict.
    pub all: bool,
}

/// Application-to-person (short addresses) or person-to-person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficClass {
    A2p,
    P2p,
}

impl TrafficClass {
    /// Classifies one address: digits only (one leading `+` apart) and longer than
    /// `a2p_digits_max` is person-to-person; anything else application-to-person.
    pub fn of_address(address: &str, a2p_digits_max: usize) -> TrafficClass {
        let digits = address.strip_prefix('+').unwrap_or(address);
        let is_msisdn = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_msisdn && digits.len() > a2p_digits_max {
            TrafficClass::P2p
        } else {
            TrafficClass::A2p
        }
    }

    pub const NAMES: [&str; 2] = ["a2p", "p2p"];

    pub fn name(self) -> &'static str {
        match self {
            TrafficClass::A2p => "a2p",
            TrafficClass::P2p => "p2p",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{RefusalClass, sample};

    #[test]
    fn a_head_reads_the_same_in_place() {
        let head = Head {
            gateway: GatewayId(7),
            family: Family::Gateways,
            destination: "+4915112345678".into(),
            source: "Test".into(),
            tenant_id: Some(300),
            callback_url: Some("http://a/b".into()),
            forwards: true,
            receipts: Some(Receipts {
                service_profile: 12,
                endpoint: None,
                all: true,
            }),
            segments: 3,
            unicode: true,
            traffic_class: TrafficClass::P2p,
            reference: 200,
            expires_at: Timestamp(1_795_000_000_000_000),
            not_before: None,
            others: Some(Others {
                gateways: vec![GatewayId(8), GatewayId(300)],
                after: vec![RefusalClass::Unavailable],
                down_after_ms: 5000,
            }),
        };
        let encoded = EncodedHead::from(&head);
        assert_eq!(encoded.decode().as_ref(), Some(&head));
        let read = encoded.read().unwrap();
        assert_eq!(
            (&*read.destination.text(), &*read.source.text()),
            ("+4915112345678", "Test")
        );
        assert_eq!(read.callback_url, Some("http://a/b"));
        assert_eq!(
            (read.receipts, read.segments, read.unicode),
            (head.receipts, 3, true)
        );
        assert_eq!(
            (read.reference, read.expires_at, read.not_before),
            (200, head.expires_at, None)
        );
        let others = read.others.unwrap();
        assert_eq!(
            others.gateways().collect::<Vec<_>>(),
            [GatewayId(8), GatewayId(300)]
        );
        assert_eq!(others.down_after_ms(), 5000);
        assert!(others.is_after(RefusalClass::Unavailable));
        assert!(!others.is_after(RefusalClass::Invalid));
    }

    #[test]
    fn an_address_that_is_no_text_is_an_unreadable_head() {
        let head = Head {
            destination: "A\u{7F}Z".into(),
            ..sample::head()
        };
        let mut octets = EncodedHead::from(&head).octets().to_vec();
        assert!(HeadRef::read(&octets).is_some());
        let place = octets.iter().position(|o| *o == 0x7F).unwrap();
        octets[place] = 0xFF;
        assert_eq!(HeadRef::read(&octets), None);
    }

    #[test]
    fn every_family_reads_the_same_in_place() {
        let head = |family| Head {
            family,
            reference: 9,
            not_before: Some(Timestamp(2)),
            ..sample::head()
        };
        let use_case = EncodedHead::from(&head(Family::UseCases(UseCaseOrigin {
            use_case: u128::MAX - 1,
            messaging_service_sid: Some("MG1".into()),
        })));
        let read = use_case.read().unwrap();
        let expected = UseCaseRef {
            use_case: u128::MAX - 1,
            messaging_service_sid: Some("MG1"),
        };
        assert_eq!(read.family, FamilyRef::UseCases(expected));
        assert_eq!((read.reference, read.not_before), (9, Some(Timestamp(2))));

        let universal = EncodedHead::from(&head(Family::Universal(UniversalOrigin {
            account: "acme".into(),
            message_id: "m".into(),
            campaign_id: None,
            notify: true,
            simulation: false,
            parts: 3,
            udh: Some(vec![5, 0, 3, 1, 2, 1]),
            skip_rcs_override: true,
        })));
        let read = universal.read().unwrap();
        let expected = UniversalRef {
            account: "acme",
            message_id: "m",
            campaign_id: None,
            notify: true,
            simulation: false,
            parts: 3,
            udh: Some(&[5, 0, 3, 1, 2, 1]),
            skip_rcs_override: true,
        };
        assert_eq!(read.family, FamilyRef::Universal(expected));
        assert_eq!((read.reference, read.not_before), (9, Some(Timestamp(2))));
    }

    #[test]
    fn eight_digits_are_a2p_and_nine_p2p() {
        let class = |a| TrafficClass::of_address(a, 8);
        assert_eq!(class("12345678"), TrafficClass::A2p);
        assert_eq!(class("+12345678"), TrafficClass::A2p);
        assert_eq!(class("123456789"), TrafficClass::P2p);
        assert_eq!(class("INFO"), TrafficClass::A2p);
        assert_eq!(class("12345678X0"), TrafficClass::A2p);
        assert_eq!(class(""), TrafficClass::A2p);
        assert_eq!(TrafficClass::of_address("12345678", 7), TrafficClass::P2p);
    }
}
