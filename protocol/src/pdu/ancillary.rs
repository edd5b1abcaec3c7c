//! Asking about, withdrawing and replacing a message, and the notice that a phone came back
//! (SMPP 3.4 §4.8 to §4.12).

use std::borrow::Cow;

use bytes::Bytes;

use super::short_message::{user_data, write_user_data};
use super::{Layout, ResponseLayout};
use crate::c_octet_string::COctetString;
use crate::coding::{MessageState, Npi, RegisteredDelivery, Ton};
use crate::error::DecodeError;
use crate::tlv::Tlvs;
use crate::wire::{Reader, Sink, Times};

/// Asks for the state of a message (SMPP 3.4 §4.8.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuerySm {
    /// As the SMSC gave it; 65 octets with NUL.
    pub message_id: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Must be what the submission said; 21 octets with NUL.
    pub source_addr: COctetString,
    /// Optional parameters; the specification has none here.
    pub tlvs: Tlvs,
}

impl Layout for QuerySm {
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

/// The state of a message (SMPP 3.4 §4.8.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuerySmResp {
    /// The message asked about; 65 octets with NUL.
    pub message_id: COctetString,
    /// When it reached its final state, empty before; 1 or 17 octets with NUL, 13 from SMSCs that
    /// leave the zone out.
    pub final_date: COctetString,
    /// Where it stands.
    pub message_state: MessageState,
    /// The network's error, 0 for none.
    pub error_code: u8,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl Layout for QuerySmResp {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        let message_id = fields.c_octets("message_id", 65)?;
        let final_date = fields.time("final_date", Times::Counted)?;
        Ok(Self {
            message_id,
            final_date,
            message_state: MessageState(fields.u8("message_state")?),
            error_code: fields.u8("error_code")?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.message_id);
        out.c_octets(&self.final_date);
        out.u8(self.message_state.0);
        out.u8(self.error_code);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

impl ResponseLayout for QuerySmResp {
    const FIRST_FIELD: &'static str = "message_id";

    fn with_tlvs(tlvs: Tlvs) -> Self {
        Self {
            tlvs,
            ..Self::default()
        }
    }

    fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// Withdraws one message, or with an empty `message_id` all that match (SMPP 3.4 §4.9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelSm {
    /// Application service, to narrow the match; 6 octets with NUL.
    pub service_type: COctetString,
    /// The message, or empty for all between these addresses; 65 octets with NUL.
    pub message_id: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Source of the submission; 21 octets with NUL.
    pub source_addr: COctetString,
    /// Type of number of the destination.
    pub dest_addr_ton: Ton,
    /// Numbering plan of the destination.
    pub dest_addr_npi: Npi,
    /// Destination of the submission; 21 octets with NUL.
    pub destination_addr: COctetString,
    /// Optional parameters; the specification has none here.
    pub tlvs: Tlvs,
}

impl Layout for CancelSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            service_type: fields.c_octets("service_type", 6)?,
            message_id: fields.c_octets("message_id", 65)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 21)?,
            dest_addr_ton: Ton(fields.u8("dest_addr_ton")?),
            dest_addr_npi: Npi(fields.u8("dest_addr_npi")?),
            destination_addr: fields.c_octets("destination_addr", 21)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.service_type);
        out.c_octets(&self.message_id);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.u8(self.dest_addr_ton.0);
        out.u8(self.dest_addr_npi.0);
        out.c_octets(&self.destination_addr);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// Gives a pending message another text; destination and alphabet stay (SMPP 3.4 §4.10.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplaceSm {
    /// The message; 65 octets with NUL.
    pub message_id: COctetString,
    /// Type of number of the source.
    pub source_addr_ton: Ton,
    /// Numbering plan of the source.
    pub source_addr_npi: Npi,
    /// Must be what the submission said; 21 octets with NUL.
    pub source_addr: COctetString,
    /// New time of delivery, empty to leave it; 1 or 17 octets with NUL.
    pub schedule_delivery_time: COctetString,
    /// New validity, empty to leave it; 1 or 17 octets with NUL.
    pub validity_period: COctetString,
    /// Which receipts are wanted.
    pub registered_delivery: RegisteredDelivery,
    /// A canned message kept in the SMSC, 0 for none.
    pub sm_default_msg_id: u8,
    /// New user data; more than 255 octets are written as `message_payload`, known since 5.0.
    pub short_message: Bytes,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl ReplaceSm {
    /// The user data, wherever it is.
    #[must_use]
    pub fn user_data(&self) -> Cow<'_, Bytes> {
        user_data(&self.short_message, &self.tlvs)
    }
}

impl Layout for ReplaceSm {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            message_id: fields.c_octets("message_id", 65)?,
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 21)?,
            schedule_delivery_time: fields.time("schedule_delivery_time", Times::Checked)?,
            validity_period: fields.time("validity_period", Times::Checked)?,
            registered_delivery: RegisteredDelivery(fields.u8("registered_delivery")?),
            sm_default_msg_id: fields.u8("sm_default_msg_id")?,
            short_message: fields.short_message()?,
            tlvs: fields.tlvs_after_short_message()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.message_id);
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.c_octets(&self.schedule_delivery_time);
        out.c_octets(&self.validity_period);
        out.u8(self.registered_delivery.0);
        out.u8(self.sm_default_msg_id);
        write_user_data(out, &self.short_message, &self.tlvs);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

/// A phone that could not be reached has come back (SMPP 3.4 §4.12.1). Has no response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertNotification {
    /// Type of number of the phone.
    pub source_addr_ton: Ton,
    /// Numbering plan of the phone.
    pub source_addr_npi: Npi,
    /// The phone; 65 octets with NUL.
    pub source_addr: COctetString,
    /// Type of number of the ESME.
    pub esme_addr_ton: Ton,
    /// Numbering plan of the ESME.
    pub esme_addr_npi: Npi,
    /// Who had asked to be told; 65 octets with NUL.
    pub esme_addr: COctetString,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

impl Layout for AlertNotification {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            source_addr_ton: Ton(fields.u8("source_addr_ton")?),
            source_addr_npi: Npi(fields.u8("source_addr_npi")?),
            source_addr: fields.c_octets("source_addr", 65)?,
            esme_addr_ton: Ton(fields.u8("esme_addr_ton")?),
            esme_addr_npi: Npi(fields.u8("esme_addr_npi")?),
            esme_addr: fields.c_octets("esme_addr", 65)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.u8(self.source_addr_ton.0);
        out.u8(self.source_addr_npi.0);
        out.c_octets(&self.source_addr);
        out.u8(self.esme_addr_ton.0);
        out.u8(self.esme_addr_npi.0);
        out.c_octets(&self.esme_addr);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}
