//! A mobile-originated message, and how segments of one become a whole.

use super::{GatewayId, TrafficClass};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smpp_protocol::coding::DataCoding;
use smpp_protocol::text::{self, Alphabet as WireAlphabet, DecodedText};

/// A text from a handset, or one segment of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoRecord {
    pub gateway: GatewayId,
    pub source_addr: String,
    pub destination_addr: String,
    /// Raw octets of the PDU, as the application gets them.
    pub data_coding: u8,
    pub protocol_id: u8,
    /// User data without its header.
    #[serde(with = "serde_bytes")]
    pub octets: Vec<u8>,
    /// What the gateway means by data_coding 0.
    pub alphabet: Alphabet,
    pub route: MoRoute,
    /// Which segment this is; `None` is a whole message.
    pub segment: Option<Concat>,
    /// Common to the segments that are posted one by one.
    pub identifier: Option<u64>,
    /// Of all connections of this process, the one that brought it. The log does not know it: 0 is
    /// one of a process before, or no connection that is kept.
    #[serde(skip)]
    pub connection: u64,
}

/// Where an MO goes, decided when it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoRoute {
    pub class: TrafficClass,
    /// The service profile whose application gets it; `None` is unrouted.
    pub service_profile: Option<u64>,
    /// Posted to the profile's P2P URL rather than its general one.
    pub p2p: bool,
    pub endpoint_id: u64,
    pub endpoint_name: String,
}

/// The concatenation element of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Concat {
    pub reference: u16,
    pub total: u8,
    /// From 1.
    pub number: u8,
    /// 8 or 16 in a header, 0 in SAR TLVs: references of different kinds differ.
    pub reference_bits: u8,
}

/// What a gateway means by data_coding 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alphabet {
    #[default]
    Auto,
    Gsm,
    GsmPacked,
    Latin1,
    Windows1252,
    Ascii,
    Utf8,
    /// The octets are read already, and UTF-8, whatever data_coding says.
    Read,
}

impl Alphabet {
    pub fn on_wire(self) -> WireAlphabet {
        match self {
            Alphabet::Auto => WireAlphabet::Auto,
            Alphabet::Gsm => WireAlphabet::Gsm,
            Alphabet::GsmPacked => WireAlphabet::GsmPacked,
            Alphabet::Latin1 => WireAlphabet::Latin1,
            Alphabet::Windows1252 => WireAlphabet::Windows1252,
            Alphabet::Ascii => WireAlphabet::Ascii,
            Alphabet::Utf8 | Alphabet::Read => WireAlphabet::Utf8,
        }
    }
}

impl MoRecord {
    /// The text, or the octets where the data coding says binary.
    pub fn payload(&self) -> DecodedText {
        if self.alphabet == Alphabet::Read {
            return DecodedText::Text(String::from_utf8_lossy(&self.octets).into_owned());
        }
        let octets = Bytes::copy_from_slice(&self.octets);
        text::decode(
            &octets,
            DataCoding(self.data_coding),
            self.alphabet.on_wire(),
        )
    }
}

/// Joins the segments of one message, given in any order, each number once.
///
/// Octets are joined before they are decoded, since a cut may fall into a character;
/// segments that are not all coded alike are each decoded for themselves.
pub fn join(mut segments: Vec<MoRecord>) -> Option<MoRecord> {
    segments.sort_by_key(|s| s.segment.map_or(0, |c| c.number));
    let coding = |s: &MoRecord| (s.data_coding, s.alphabet);
    let alike = segments.windows(2).all(|w| coding(&w[0]) == coding(&w[1]));
    let mut rest = segments.into_iter();
    let mut whole = rest.next()?;
    whole.segment = None;
    if !alike {
        whole.octets = as_text(&whole).into_bytes();
        whole.alphabet = Alphabet::Read;
    }
    for s in rest {
        match alike {
            true => whole.octets.extend_from_slice(&s.octets),
            false => whole.octets.extend_from_slice(as_text(&s).as_bytes()),
        }
    }
    Some(whole)
}

fn as_text(segment: &MoRecord) -> String {
    match segment.payload() {
        DecodedText::Text(t) => t,
        DecodedText::Binary(b) => String::from_utf8_lossy(&b).into_owned(),
    }
}
