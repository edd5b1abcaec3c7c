//! `submit_multi`: one message for many destinations (SMPP 3.4 §4.5).

use std::borrow::Cow;

use bytes::Bytes;

use super::short_message::{user_data, write_user_data};
use super::{Layout, ResponseLayout};
use crate::c_octet_string::COctetString;
use crate::coding::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};
use crate::command::CommandStatus;
use crate::error::{DecodeError, Fault};
use crate::tlv::Tlvs;
use crate::wire::{Reader, Sink, Times};

/// Destinations one PDU can count; 254 by 3.4. Further ones are not written.
pub const DESTINATIONS_MAX: usize = u8::MAX as usize;

/// One destination of a [`SubmitMulti`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address (`dest_flag` 1).
    Address {
        /// Type of number.
        dest_addr_ton: Ton,
        /// Numbering plan.
        dest_addr_npi: Npi,
        /// 21 octets with NUL.
        destination_addr: COctetString,
    },
    /// A distribution list kept in the SMSC (`dest_flag` 2).
    List {
        /// 21 octets with NUL.
        dl_name: COctetString,
    },
}

impl Destination {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        match fields.u8("dest_flag")? {
            1 => Ok(Self::Address {
                dest_addr_ton: Ton(fields.u8("dest_addr_ton")?),
                dest_addr_npi: Npi(fields.u8("dest_addr_npi")?),
                destination_addr: fields.c_octets("destination_addr", 21)?,
            }),
            2 => Ok(Self::List {
                dl_name: fields.c_octets("dl_name", 21)?,
            }),
            _ => Err(fields.error(Fault::DestFlagInvalid, "dest_flag")),
        }
    }

    fn write(&self, out: &mut impl Sink) {
        match self {
            Self::Address {
                dest_addr_ton,
                dest_addr_npi,
                destination_addr,
            } => {
                out.u8(1);
                out.u8(dest_addr_ton.0);
                out.u8(dest_addr_npi.0);
                out.c_octets(destination_addr);
            }
            Self::List { dl_name } => {
                out.u8(2);
                out.c_octets(dl_name);
            }
        }
    }
}

/// One message for up to [`DESTINATIONS_MAX`] destinations; the fields are those of `submit_sm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmitMulti {
    /// Application service, usually empty; 6 octets with NUL.
    pub service_type: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Who sends it; 21 octets with NUL.
    pub source_addr: COctetString,
    /// Who receives it.
    pub dest_addresses: Vec<Destination>,
    /// Mode, type and GSM features.
    pub esm_class: EsmClass,
    /// GSM protocol identifier.
    pub protocol_id: u8,
    /// 0 to 3, 0 the least.
    pub priority_flag: u8,
    /// When to deliver, empty for at once; 1 or 17 octets with NUL.
    pub schedule_delivery_time: COctetString,
    /// Until when to try, empty for the SMSC's default; 1 or 17 octets with NUL.
    pub validity_period: COctetString,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// 1 to replace a pending message between the same addresses.
    pub replace_if_present_flag: u8,
    /// Alphabet of the user data.
    pub data_coding: DataCoding,
    /// A canned message kept in the SMSC, 0 for none.
    pub sm_default_msg_id: u8,
    /// User data; more than 255 octets are written as `message_payload`.
    pub short_message: Bytes,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl SubmitMulti {
    /// The user data, wherever it is.
    #[must_use]
    pub fn user_data(&self) -> Cow<'_, Bytes> {
        user_data(&self.short_message, &self.tlvs)
    }
}

impl Layout for SubmitMulti {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        let service_type = fields.c_octets("service_type", 6)?;
        let source_addr_ton = Ton(fields.u8("source_addr_ton")?);
        let source_addr_npi = Npi(fields.u8("source_addr_npi")?);
        let source_addr = fields.c_octets("source_addr", 21)?;
        let mut dest_addresses = Vec::new();
        for _ in 0..fields.u8("number_of_dests")? {
            dest_addresses.push(Destination::read(fields)?);
        }
        Ok(Self {
            service_type,
            source_addr_ton,
            source_addr_npi,
            source_addr,
            dest_addresses,
            esm_class: EsmClass(fields.u8("esm_class")?),
            protocol_id: fields.u8("protocol_id")?,
            priority_flag: fields.u8("priority_flag")?,
            schedule_delivery_time: fields.time("schedule_delivery_time", Times::Checked)?,
            validity_period: fields.time("validity_period", Times::Checked)?,
            registered_delivery: RegisteredDelivery(fields.u8("registered_delivery")?),
            replace_if_present_flag: fields.u8("replace_if_present_flag")?,
            data_coding: DataCoding(fields.u8("data_coding")?),
            sm_default_msg_id: fields.u8("sm_default_msg_id")?,
            short_message: fields.short_message()?,
            tlvs: fields.tlvs_after_short_message()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        let destinations = self.dest_addresses.len().min(DESTINATIONS_MAX);
        out.c_octets(&self.service_type);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.u8(destinations as u8);
        for destination in &self.dest_addresses[..destinations] {
            destination.write(out);
        }
        out.u8(self.esm_class.0);
        out.u8(self.protocol_id);
        out.u8(self.priority_flag);
        out.c_octets(&self.schedule_delivery_time);
        out.c_octets(&self.validity_period);
        out.u8(self.registered_delivery.0);
        out.u8(self.replace_if_present_flag);
        out.u8(self.data_coding.0);
        out.u8(self.sm_default_msg_id);
        write_user_data(out, &self.short_message, &self.tlvs);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// A destination of `submit_multi` that was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnsuccessSme {
    /// Type of number.
    pub dest_addr_ton: Ton,
    /// Numbering plan.
    pub dest_addr_npi: Npi,
    /// 21 octets with NUL.
    pub destination_addr: COctetString,
    /// Why.
    pub error_status_code: CommandStatus,
}

/// The answer to a [`SubmitMulti`]: one id for all, and who was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmitMultiResp {
    /// What the SMSC calls the message; 65 octets with NUL.
    pub message_id: COctetString,
    /// Destinations that were refused, up to [`DESTINATIONS_MAX`].
    pub unsuccess_smes: Vec<UnsuccessSme>,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl Layout for SubmitMultiResp {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        let message_id = fields.c_octets("message_id", 65)?;
        let mut unsuccess_smes = Vec::new();
        for _ in 0..fields.u8("no_unsuccess")? {
            unsuccess_smes.push(UnsuccessSme {
                dest_addr_ton: Ton(fields.u8("dest_addr_ton")?),
                dest_addr_npi: Npi(fields.u8("dest_addr_npi")?),
                destination_addr: fields.c_octets("destination_addr", 21)?,
                error_status_code: CommandStatus(fields.u32("error_status_code")?),
            });
        }
        Ok(Self {
            message_id,
            unsuccess_smes,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        let refused = self.unsuccess_smes.len().min(DESTINATIONS_MAX);
        out.c_octets(&self.message_id);
        out.u8(refused as u8);
        for sme in &self.unsuccess_smes[..refused] {
            out.u8(sme.dest_addr_ton.0);
            out.u8(sme.dest_addr_npi.0);
            out.c_octets(&sme.destination_addr);
            out.u32(sme.error_status_code.0);
        }
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

impl ResponseLayout for SubmitMultiResp {
    const FIRST_FIELD: &'static str = "message_id";

    fn with_tlvs(tlvs: Tlvs) -> Self {
        Self {
            tlvs,
            ..Self::default()
        }
    }

    fn is_blank(&self) -> bool {
        self.message_id.is_empty() && self.unsuccess_smes.is_empty() && self.tlvs.is_empty()
    }
}
