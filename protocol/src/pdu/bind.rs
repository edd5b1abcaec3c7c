//! Opening a session: the three binds, their answers, and outbind (SMPP 3.4 §4.1).

use super::{Layout, ResponseLayout};
use crate::c_octet_string::COctetString;
use crate::coding::{InterfaceVersion, Npi, Ton};
use crate::error::DecodeError;
use crate::tlv::{Tag, Tlvs};
use crate::wire::{Reader, Sink};

/// A request to open a session; the command id says in which direction.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bind {
    /// Account name; 16 octets with NUL.
    pub system_id: COctetString,
    /// 9 octets with NUL; providers hand out longer ones. Not shown by `Debug`.
    pub password: COctetString,
    /// Kind of ESME, usually empty; 13 octets with NUL.
    pub system_type: COctetString,
    /// SMPP version of the ESME.
    pub interface_version: InterfaceVersion,
    /// Type of number of `address_range`.
    pub addr_ton: Ton,
    /// Numbering plan of `address_range`.
    pub addr_npi: Npi,
    /// Addresses the ESME serves, as a UNIX regular expression; mostly empty and ignored; 41
    /// octets with NUL.
    pub address_range: COctetString,
    /// Optional parameters; the specification has none here.
    pub tlvs: Tlvs,
}

impl std::fmt::Debug for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bind")
            .field("system_id", &self.system_id)
            .field("system_type", &self.system_type)
            .field("interface_version", &self.interface_version)
            .field("addr_ton", &self.addr_ton)
            .field("addr_npi", &self.addr_npi)
            .field("address_range", &self.address_range)
            .field("tlvs", &self.tlvs)
            .finish_non_exhaustive()
    }
}

impl Layout for Bind {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            system_id: fields.c_octets("system_id", 16)?,
            password: fields.c_octets("password", 9)?,
            system_type: fields.c_octets("system_type", 13)?,
            interface_version: InterfaceVersion(fields.u8("interface_version")?),
            addr_ton: Ton(fields.u8("addr_ton")?),
            addr_npi: Npi(fields.u8("addr_npi")?),
            address_range: fields.c_octets("address_range", 41)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.system_id);
        out.c_octets(&self.password);
        out.c_octets(&self.system_type);
        out.u8(self.interface_version.0);
        out.u8(self.addr_ton.0);
        out.u8(self.addr_npi.0);
        out.c_octets(&self.address_range);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// The answer to a bind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindResp {
    /// Name of the SMSC; 16 octets with NUL.
    pub system_id: COctetString,
    /// Optional parameters, `sc_interface_version` before all.
    pub tlvs: Tlvs,
}

impl BindResp {
    /// A bind answer that says which version the SMSC speaks.
    #[must_use]
    pub fn new(system_id: impl Into<COctetString>, version: InterfaceVersion) -> Self {
        let mut tlvs = Tlvs::new();
        tlvs.push_u8(Tag::SC_INTERFACE_VERSION, version.0);
        Self {
            system_id: system_id.into(),
            tlvs,
        }
    }

    /// The version the SMSC says it speaks. `None` if it says nothing, which by the letter means
    /// no TLVs, and in practice 3.4.
    #[must_use]
    pub fn interface_version(&self) -> Option<InterfaceVersion> {
        self.tlvs
            .get_u8(Tag::SC_INTERFACE_VERSION)
            .map(InterfaceVersion)
    }
}

impl Layout for BindResp {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            system_id: fields.c_octets("system_id", 16)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.system_id);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

impl ResponseLayout for BindResp {
    const FIRST_FIELD: &'static str = "system_id";

    fn with_tlvs(tlvs: Tlvs) -> Self {
        Self {
            tlvs,
            ..Self::default()
        }
    }

    fn is_blank(&self) -> bool {
        self.system_id.is_empty() && self.tlvs.is_empty()
    }
}

/// The SMSC asks an ESME to bind to it on this connection (SMPP 3.4 §4.1.7).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outbind {
    /// Name of the SMSC; 16 octets with NUL.
    pub system_id: COctetString,
    /// Proves the SMSC to the ESME; 9 octets with NUL. Not shown by `Debug`.
    pub password: COctetString,
    /// Optional parameters; the specification has none here.
    pub tlvs: Tlvs,
}

impl std::fmt::Debug for Outbind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbind")
            .field("system_id", &self.system_id)
            .field("tlvs", &self.tlvs)
            .finish_non_exhaustive()
    }
}

impl Layout for Outbind {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            system_id: fields.c_octets("system_id", 16)?,
            password: fields.c_octets("password", 9)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.system_id);
        out.c_octets(&self.password);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}
