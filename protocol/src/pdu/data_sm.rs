//! `data_sm`: the short form of a message, either way, with its text in a TLV (SMPP 3.4 §4.7.1).

use std::borrow::Cow;

use bytes::Bytes;

use super::Layout;
use super::short_message::user_data;
use crate::address::Address;
use crate::c_octet_string::COctetString;
use crate::coding::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};
use crate::error::DecodeError;
use crate::tlv::Tlvs;
use crate::wire::{Reader, Sink};

/// What `user_data` gives when there is no payload.
static NOTHING: Bytes = Bytes::new();

/// A message without `short_message`; user data is in `message_payload`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSm {
    /// Application service, usually empty; 6 octets with NUL.
    pub service_type: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Who sends it; 65 octets with NUL.
    pub source_addr: COctetString,
    /// Type of number of the destination.
    pub dest_addr_ton: Ton,
    /// Numbering plan of the destination.
    pub dest_addr_npi: Npi,
    /// Who receives it; 65 octets with NUL.
    pub destination_addr: COctetString,
    /// Mode, type and GSM features.
    pub esm_class: EsmClass,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// Alphabet of the user data.
    pub data_coding: DataCoding,
    /// Optional parameters, the user data among them.
    pub tlvs: Tlvs,
}

impl DataSm {
    /// The user data, empty if there is no `message_payload`.
    #[must_use]
    pub fn user_data(&self) -> Cow<'_, Bytes> {
        user_data(&NOTHING, &self.tlvs)
    }

    /// Who sends it.
    #[must_use]
    pub fn source(&self) -> Address {
        let text = self.source_addr.clone();
        Address {
            ton: self.source_addr_ton,
            npi: self.source_addr_npi,
            text,
        }
    }

    /// Who receives it.
    #[must_use]
    pub fn destination(&self) -> Address {
        let text = self.destination_addr.clone();
        Address {
            ton: self.dest_addr_ton,
            npi: self.dest_addr_npi,
            text,
        }
    }
}

impl Layout for DataSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            service_type: fields.c_octets("service_type", 6)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 65)?,
            dest_addr_ton: Ton(fields.u8("dest_addr_ton")?),
            dest_addr_npi: Npi(fields.u8("dest_addr_npi")?),
            destination_addr: fields.c_octets("destination_addr", 65)?,
            esm_class: EsmClass(fields.u8("esm_class")?),
            registered_delivery: RegisteredDelivery(fields.u8("registered_delivery")?),
            data_coding: DataCoding(fields.u8("data_coding")?),
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.service_type);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.u8(self.dest_addr_ton.0);
        out.u8(self.dest_addr_npi.0);
        out.c_octets(&self.destination_addr);
        out.u8(self.esm_class.0);
        out.u8(self.registered_delivery.0);
        out.u8(self.data_coding.0);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}
