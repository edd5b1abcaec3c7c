//! The commonest PDUs as they lie in their frame: nothing is copied and nothing is owned.
//!
//! [`PduRef::read`] looks at every octet that a strict reader would, so its fields need no further
//! care. It takes exactly what [`Pdu::decode_with`](super::Pdu::decode_with) takes in
//! [`Strictness::Strict`](crate::Strictness::Strict), and only the four PDUs that come by the
//! thousand; all else is for [`Pdu::decode`](super::Pdu::decode).

use bytes::Bytes;

use super::exact::{MessageRespMarks, ShortMessageMarks};
use super::{Pdu, header};
use crate::coding::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};
use crate::command::{CommandId, CommandStatus, SequenceNumber};
use crate::error::Header;
use crate::tlv::{Tag, TlvsRef};
use crate::wire::HEADER_OCTETS;

/// One of the commonest PDUs, exactly as the specification wants it, in its frame.
///
/// ```
/// use smpp_protocol::{Pdu, PduRef};
///
/// let frame = b"\0\0\0\x13\x80\0\0\x04\0\0\0\0\0\0\0\x0742\0";
/// match PduRef::read(frame) {
///     Some(PduRef::SubmitSmResp(answer)) => assert_eq!(answer.message_id(), b"42"),
///     Some(other) => panic!("{other:?} is another answer"),
///     // Another PDU, or one with something to forgive.
///     None => panic!("{:?}", Pdu::decode(frame.to_vec().into())),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PduRef<'a> {
    /// A message to the SMSC.
    SubmitSm(ShortMessageRef<'a>),
    /// Answers it.
    SubmitSmResp(MessageRespRef<'a>),
    /// A message or receipt to the ESME.
    DeliverSm(ShortMessageRef<'a>),
    /// Answers it.
    DeliverSmResp(MessageRespRef<'a>),
}

/// A `submit_sm` or `deliver_sm` in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortMessageRef<'a> {
    frame: &'a [u8],
    marks: ShortMessageMarks,
}

/// A `submit_sm_resp` or `deliver_sm_resp` in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRespRef<'a> {
    frame: &'a [u8],
    marks: MessageRespMarks,
}

impl<'a> PduRef<'a> {
    /// Reads one frame. `None` if it is another PDU, or not exactly as the specification wants it,
    /// or not whole: [`Pdu::decode`] knows which, and what can be forgiven. Octets behind
    /// `command_length` are left alone.
    #[must_use]
    #[inline]
    pub fn read(frame: &'a [u8]) -> Option<Self> {
        let (header, octets) = header(frame).ok()?;
        let frame = &frame[..octets];
        let status = header.command_status;
        Some(match header.command_id {
            CommandId::SUBMIT_SM => Self::SubmitSm(ShortMessageRef::read(frame, status)?),
            CommandId::DELIVER_SM => Self::DeliverSm(ShortMessageRef::read(frame, status)?),
            CommandId::SUBMIT_SM_RESP => Self::SubmitSmResp(MessageRespRef::read(frame, status)?),
            CommandId::DELIVER_SM_RESP => Self::DeliverSmResp(MessageRespRef::read(frame, status)?),
            _ => return None,
        })
    }

    /// Which command this is.
    #[must_use]
    pub fn command_id(&self) -> CommandId {
        self.header().command_id
    }

    /// How it ended, in a response; zero in a request.
    #[must_use]
    pub fn command_status(&self) -> CommandStatus {
        self.header().command_status
    }

    /// Which request and response belong together.
    #[must_use]
    pub fn sequence_number(&self) -> SequenceNumber {
        self.header().sequence_number
    }

    /// The same PDU with octets of its own; allocates once.
    #[must_use]
    pub fn to_pdu(&self) -> Pdu {
        let decoded = Pdu::decode(Bytes::copy_from_slice(self.frame()));
        decoded.expect("the frame was read before").pdu
    }

    fn frame(&self) -> &'a [u8] {
        match self {
            Self::SubmitSm(view) | Self::DeliverSm(view) => view.frame,
            Self::SubmitSmResp(view) | Self::DeliverSmResp(view) => view.frame,
        }
    }

    fn header(&self) -> Header {
        let (header, _) = header(self.frame()).expect("the frame was read before");
        header
    }
}

/// Declares what reads a one-octet field, so many octets behind two octets before a mark.
macro_rules! octet_fields {
    ($($(#[$doc:meta])* $field:ident: $type:expr => $output:ty, $mark:ident, $offset:expr;)*) => { $(
        $(#[$doc])*
        #[must_use]
        #[inline]
        pub fn $field(&self) -> $output {
            $type(self.frame[self.marks.$mark + $offset - 2])
        }
    )* };
}

impl<'a> ShortMessageRef<'a> {
    #[inline(always)]
    fn read(frame: &'a [u8], status: CommandStatus) -> Option<Self> {
        let marks = ShortMessageMarks::find(frame, status)?;
        Some(Self { frame, marks })
    }

    /// From one mark to `less` octets before the other.
    #[inline(always)]
    fn between(&self, start: usize, behind: usize, less: usize) -> &'a [u8] {
        &self.frame[start..behind - less]
    }

    /// Application service, usually empty; up to 5 octets.
    #[must_use]
    #[inline]
    pub fn service_type(&self) -> &'a [u8] {
        self.between(HEADER_OCTETS, self.marks.source_addr, 3)
    }

    /// Who sends it; up to 20 octets. In a receipt, the original destination.
    #[must_use]
    #[inline]
    pub fn source_addr(&self) -> &'a [u8] {
        self.between(self.marks.source_addr, self.marks.destination_addr, 3)
    }

    /// Who receives it; up to 20 octets. In a receipt, the original source.
    #[must_use]
    #[inline]
    pub fn destination_addr(&self) -> &'a [u8] {
        self.between(self.marks.destination_addr, self.marks.esm_class, 1)
    }

    /// When to deliver, empty for at once; up to 16 octets, readable as a time.
    #[must_use]
    #[inline]
    pub fn schedule_delivery_time(&self) -> &'a [u8] {
        let start = self.marks.esm_class + 3;
        self.between(start, self.marks.validity_period, 1)
    }

    /// Until when to try, empty for the SMSC's default; up to 16 octets, readable as a time.
    #[must_use]
    #[inline]
    pub fn validity_period(&self) -> &'a [u8] {
        let start = self.marks.validity_period;
        self.between(start, self.marks.registered_delivery, 1)
    }

    /// The field `short_message`, up to 255 octets.
    #[must_use]
    #[inline]
    pub fn short_message(&self) -> &'a [u8] {
        self.between(self.marks.short_message(), self.marks.tlvs, 0)
    }

    /// The user data, wherever it is: a `message_payload` with octets in it wins over
    /// `short_message`.
    #[must_use]
    pub fn user_data(&self) -> &'a [u8] {
        match self.tlvs().get(Tag::MESSAGE_PAYLOAD) {
            Some(payload) if !payload.is_empty() => payload,
            _ => self.short_message(),
        }
    }

    /// Optional parameters.
    #[must_use]
    #[inline]
    pub fn tlvs(&self) -> TlvsRef<'a> {
        TlvsRef::of(&self.frame[self.marks.tlvs..])
    }

    octet_fields! {
        /// Type of number of the source.
        source_addr_ton: Ton => Ton, source_addr, 0;
        /// Numbering plan of the source.
        source_addr_npi: Npi => Npi, source_addr, 1;
        /// Type of number of the destination.
        dest_addr_ton: Ton => Ton, destination_addr, 0;
        /// Numbering plan of the destination.
        dest_addr_npi: Npi => Npi, destination_addr, 1;
        /// Mode, type and GSM features.
        esm_class: EsmClass => EsmClass, esm_class, 2;
        /// GSM protocol identifier.
        protocol_id: u8::from => u8, esm_class, 3;
        /// 0 to 3, 0 the least.
        priority_flag: u8::from => u8, esm_class, 4;
        /// Which receipts or acknowledgements are wanted.
        registered_delivery: RegisteredDelivery => RegisteredDelivery, registered_delivery, 2;
        /// 1 to replace a pending message between the same addresses.
        replace_if_present_flag: u8::from => u8, registered_delivery, 3;
        /// Alphabet of the user data.
        data_coding: DataCoding => DataCoding, registered_delivery, 4;
        /// A canned message kept in the SMSC, 0 for none.
        sm_default_msg_id: u8::from => u8, registered_delivery, 5;
    }
}

impl<'a> MessageRespRef<'a> {
    #[inline(always)]
    fn read(frame: &'a [u8], status: CommandStatus) -> Option<Self> {
        let marks = MessageRespMarks::find(frame, status)?;
        Some(Self { frame, marks })
    }

    /// What the peer calls the message; up to 64 octets.
    #[must_use]
    #[inline]
    pub fn message_id(&self) -> &'a [u8] {
        &self.frame[HEADER_OCTETS..][..self.marks.id_octets.into()]
    }

    /// Optional parameters.
    #[must_use]
    #[inline]
    pub fn tlvs(&self) -> TlvsRef<'a> {
        TlvsRef::of(&self.frame[self.marks.tlvs.into()..])
    }
}
