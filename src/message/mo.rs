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
            Alphabet::Utf8 => WireAlphabet::Utf8,
        }
    }
}

impl MoRecord {
    /// The text, or the octets where the data coding says binary.
    pub fn payload(&self) -> DecodedText {
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
/// where data codings differ each segment is decoded for itself and the whole
/// becomes UCS-2.
pub fn join(mut segments: Vec<MoRecord>) -> Option<MoRecord> {
    segments.sort_by_key(|s| s.segment.map_or(0, |c| c.number));
    let same_coding = segments
        .windows(2)
        .all(|w| w[0].data_coding == w[1].data_coding);
    let mut rest = segments.into_iter();
    let mut whole = rest.next()?;
    whole.segment = None;
    if same_coding {
        for s in rest {
            whole.octets.extend_from_slice(&s.octets);
        }
        return Some(whole);
    }
    let mut text = as_text(&whole);
    for s in rest {
        text.push_str(&as_text(&s));
    }
    whole.octets = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    whole.data_coding = UCS2;
    Some(whole)
}

const UCS2: u8 = 8;

fn as_text(segment: &MoRecord) -> String {
    match segment.payload() {
        DecodedText::Text(t) => t,
        DecodedText::Binary(b) => String::from_utf8_lossy(&b).into_owned(),
    }
}
