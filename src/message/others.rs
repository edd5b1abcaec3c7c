//! Where else a message may go, should its gateway not take it: decided when it is accepted.

use super::{GatewayId, RefusalClass};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The gateways that are left to a message of a route. Each is tried once: one that the message
/// has gone to is not among them any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// In the order in which they are tried.
    pub gateways: Vec<GatewayId>,
    /// Refusals after which the next one is tried. Without any, only a gateway that is down is
    /// left.
    pub after: Vec<RefusalClass>,
    /// The message leaves a gateway that has been down for so long.
    pub down_after_ms: u32,
}

/// [`Others`] where they lie: classes, a bit each (1); milliseconds (4); gateways (4 each);
/// little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct OthersRef<'a>(#[serde(borrow, with = "serde_bytes")] &'a [u8]);

const GATEWAYS: usize = 5;

impl<'a> OthersRef<'a> {
    pub fn gateways(self) -> impl Iterator<Item = GatewayId> + 'a {
        let octets = self.0.get(GATEWAYS..).unwrap_or_default();
        let ids = octets.chunks_exact(4);
        ids.map(|id| GatewayId(u32::from_le_bytes([id[0], id[1], id[2], id[3]])))
    }

    pub fn is_after(self, class: RefusalClass) -> bool {
        self.0.first().is_some_and(|bits| bits & bit(class) != 0)
    }

    pub fn down_after_ms(self) -> u32 {
        let octets = self.0.get(1..GATEWAYS).and_then(|o| o.try_into().ok());
        octets.map_or(0, u32::from_le_bytes)
    }
}

fn bit(class: RefusalClass) -> u8 {
    1 << class as u8
}

impl Serialize for Others {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bits = self.after.iter().fold(0, |bits, class| bits | bit(*class));
        let mut octets = vec![bits];
        octets.extend_from_slice(&self.down_after_ms.to_le_bytes());
        for gateway in &self.gateways {
            octets.extend_from_slice(&gateway.0.to_le_bytes());
        }
        serializer.serialize_bytes(&octets)
    }
}

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let octets: Vec<u8> = serde_bytes::deserialize(deserializer)?;
        if octets.len() < GATEWAYS {
            return Err(de::Error::custom("too short for other gateways"));
        }
        let read = OthersRef(&octets);
        Ok(Others {
            gateways: read.gateways().collect(),
            after: RefusalClass::ALL
                .into_iter()
                .filter(|c| read.is_after(*c))
                .collect(),
            down_after_ms: read.down_after_ms(),
        })
    }
}
