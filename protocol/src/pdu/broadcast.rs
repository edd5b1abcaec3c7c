//! Cell broadcast: start, ask, stop (SMPP 5.0 §4.4, §4.6).

use super::Layout;
use crate::c_octet_string::COctetString;
use crate::coding::{DataCoding, Npi, Ton};
use crate::error::DecodeError;
use crate::tlv::Tlvs;
use crate::wire::{Reader, Sink, Times};

/// Starts a cell broadcast. Area, content type, repetition and interval are TLVs the
/// specification wants; the text is in `message_payload`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BroadcastSm {
    /// Application service; 6 octets with NUL.
    pub service_type: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Who sends it; 21 octets with NUL.
    pub source_addr: COctetString,
    /// A broadcast to replace, else empty; 65 octets with NUL.
    pub message_id: COctetString,
    /// 0 normal, 1 immediate, 2 high, 4 background.
    pub priority_flag: u8,
    /// When to begin, empty for at once; 1 or 17 octets with NUL.
    pub schedule_delivery_time: COctetString,
    /// Until when to repeat; 1 or 17 octets with NUL.
    pub validity_period: COctetString,
    /// 1 to replace a broadcast.
    pub replace_if_present_flag: u8,
    /// Alphabet of the text.
    pub data_coding: DataCoding,
    /// A canned message kept in the SMSC, 0 for none.
    pub sm_default_msg_id: u8,
    /// Optional parameters, four of them mandatory.
    pub tlvs: Tlvs,
}

impl Layout for BroadcastSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            service_type: fields.c_octets("service_type", 6)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 21)?,
            message_id: fields.c_octets("message_id", 65)?,
            priority_flag: fields.u8("priority_flag")?,
            schedule_delivery_time: fields.time("schedule_delivery_time", Times::Checked)?,
            validity_period: fields.time("validity_period", Times::Checked)?,
            replace_if_present_flag: fields.u8("replace_if_present_flag")?,
            data_coding: DataCoding(fields.u8("data_coding")?),
            sm_default_msg_id: fields.u8("sm_default_msg_id")?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.service_type);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.c_octets(&self.message_id);
        out.u8(self.priority_flag);
        out.c_octets(&self.schedule_delivery_time);
        out.c_octets(&self.validity_period);
        out.u8(self.replace_if_present_flag);
        out.u8(self.data_coding.0);
        out.u8(self.sm_default_msg_id);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// Asks for the state of a cell broadcast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryBroadcastSm {
    /// The broadcast, or empty if `user_message_reference` names it; 65 octets with NUL.
    pub message_id: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Must be what the broadcast said; 21 octets with NUL.
    pub source_addr: COctetString,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl Layout for QueryBroadcastSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            message_id: fields.c_octets("message_id", 65)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 21)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.message_id);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// Stops a cell broadcast, or with an empty `message_id` all that match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelBroadcastSm {
    /// Application service, to narrow the match; 6 octets with NUL.
    pub service_type: COctetString,
    /// The broadcast, or empty for all that match; 65 octets with NUL.
    pub message_id: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Source of the broadcast; 21 octets with NUL.
    pub source_addr: COctetString,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl Layout for CancelBroadcastSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            service_type: fields.c_octets("service_type", 6)?,
            message_id: fields.c_octets("message_id", 65)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 21)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.service_type);
        out.c_octets(&self.message_id);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}
