//! `submit_sm` and `deliver_sm`: one layout, two directions (SMPP 3.4 §4.4.1, §4.6.1).

use std::borrow::Cow;

use bytes::{Buf, Bytes};

use super::exact::{Exact, MessageRespMarks, ShortMessageMarks, own_text, short_text};
use super::{Fronted, Layout, ResponseLayout};
use crate::address::Address;
use crate::c_octet_string::COctetString;
use crate::coding::{DataCoding, EsmClass, Npi, RegisteredDelivery, Ton};
use crate::command::CommandStatus;
use crate::error::DecodeError;
use crate::segment::Segment;
use crate::tlv::{ShortTlvs, Tag, Tlvs, write_tlv};
use crate::wire::{HEADER_OCTETS, Reader, Sink, Times};

/// Octets that `sm_length` can announce.
pub(crate) const SHORT_MESSAGE_OCTETS_MAX: usize = u8::MAX as usize;

/// So many octets of a frame.
#[inline(always)]
fn octets<const N: usize>(frame: &[u8], at: usize) -> [u8; N] {
    *frame[at..]
        .first_chunk()
        .expect("fields in front of the text")
}

/// Declares a PDU with the layout of `submit_sm`; the two differ in who sends it and in whether
/// its times are checked.
macro_rules! short_message_pdu {
    ($(#[$doc:meta])* $type:ident, times $times:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $type {
            /// Application service, usually empty; 6 octets with NUL.
            pub service_type: COctetString,
            /// Type of number of the source.
            pub source_addr_ton: Ton,
            /// Numbering plan of the source.
            pub source_addr_npi: Npi,
            /// Who sends it; 21 octets with NUL. In a receipt, the original destination.
            pub source_addr: COctetString,
            /// Type of number of the destination.
            pub dest_addr_ton: Ton,
            /// Numbering plan of the destination.
            pub dest_addr_npi: Npi,
            /// Who receives it; 21 octets with NUL. In a receipt, the original source.
            pub destination_addr: COctetString,
            /// Mode, type and GSM features.
            pub esm_class: EsmClass,
            /// GSM protocol identifier.
            pub protocol_id: u8,
            /// 0 to 3, 0 the least.
            pub priority_flag: u8,
            /// When to deliver, empty for at once; 1 or 17 octets with NUL. Unused in `deliver_sm`.
            pub schedule_delivery_time: COctetString,
            /// Until when to try, empty for the SMSC's default; 1 or 17 octets with NUL. Unused
            /// in `deliver_sm`.
            pub validity_period: COctetString,
            /// Which receipts or acknowledgements are wanted.
            pub registered_delivery: RegisteredDelivery,
            /// 1 to replace a pending message between the same addresses. Unused in `deliver_sm`.
            pub replace_if_present_flag: u8,
            /// Alphabet of the user data.
            pub data_coding: DataCoding,
            /// A canned message kept in the SMSC, 0 for none. Unused in `deliver_sm`.
            pub sm_default_msg_id: u8,
            /// User data. Up to 254 octets by 3.4, 255 by 5.0; more than 255 are written as
            /// `message_payload`.
            pub short_message: Bytes,
            /// Optional parameters.
            pub tlvs: Tlvs,
        }

        impl $type {
            /// The user data, wherever it is: a `message_payload` with octets in it wins over
            /// `short_message`.
            #[must_use]
            pub fn user_data(&self) -> Cow<'_, Bytes> {
                user_data(&self.short_message, &self.tlvs)
            }

            /// Who sends it.
            #[must_use]
            pub fn source(&self) -> Address {
                let text = self.source_addr.clone();
                Address { ton: self.source_addr_ton, npi: self.source_addr_npi, text }
            }

            /// Who receives it.
            #[must_use]
            pub fn destination(&self) -> Address {
                let text = self.destination_addr.clone();
                Address { ton: self.dest_addr_ton, npi: self.dest_addr_npi, text }
            }

            /// The same message between these two.
            #[must_use]
            pub fn between(self, source: Address, destination: Address) -> Self {
                Self {
                    source_addr_ton: source.ton,
                    source_addr_npi: source.npi,
                    source_addr: source.text,
                    dest_addr_ton: destination.ton,
                    dest_addr_npi: destination.npi,
                    destination_addr: destination.text,
                    ..self
                }
            }

            /// The same message with the content of a segment.
            #[must_use]
            pub fn carrying(self, segment: Segment) -> Self {
                Self {
                    esm_class: segment.esm_class,
                    data_coding: segment.data_coding,
                    short_message: segment.short_message,
                    tlvs: segment.tlvs,
                    ..self
                }
            }
        }

        impl Exact for $type {
            #[inline(always)]
            fn take<R>(
                frame: &mut Bytes,
                status: CommandStatus,
                wrap: impl Fn(Self) -> R,
                other: impl FnOnce(&mut Bytes) -> R,
            ) -> R {
                let Some(marks) = ShortMessageMarks::find(frame, status) else {
                    return other(frame);
                };
                let (start, end) = (marks.short_message(), marks.tlvs);
                let octets = frame.len() - end;
                if !marks.are_inside(frame) || (start == end && octets == 0) {
                    return other(frame);
                }
                // One way for each, so that nothing is moved about before it is in its place.
                if octets == 0 {
                    wrap(Self::put_together(frame, marks, |mut frame| {
                        frame.advance(start);
                        (frame, Tlvs::new())
                    }))
                } else if start == end {
                    wrap(Self::put_together(frame, marks, |mut frame| {
                        frame.advance(end);
                        (Bytes::new(), Tlvs::of_frame(frame))
                    }))
                } else if let Some(tlvs) = ShortTlvs::at_end(frame, octets) {
                    wrap(Self::put_together(frame, marks, |mut frame| {
                        frame.truncate(end);
                        frame.advance(start);
                        (frame, tlvs.into())
                    }))
                } else {
                    wrap(Self::put_together(frame, marks, |mut frame| {
                        let short_message = frame.slice(start..end);
                        frame.advance(end);
                        (short_message, Tlvs::of_frame(frame))
                    }))
                }
            }
        }

        impl $type {
            #[inline(always)]
            fn put_together(
                frame: &mut Bytes,
                marks: ShortMessageMarks,
                rest: impl FnOnce(Bytes) -> (Bytes, Tlvs),
            ) -> Self {
                let text = |start, nul| short_text(frame, start, nul);
                let service_type = text(HEADER_OCTETS, marks.source_addr - 3);
                let source_addr = text(marks.source_addr, marks.destination_addr - 3);
                let destination_addr = text(marks.destination_addr, marks.esm_class - 1);
                let schedule_delivery_time = text(marks.esm_class + 3, marks.validity_period - 1);
                let validity_period = text(marks.validity_period, marks.registered_delivery - 1);
                let [source_addr_ton, source_addr_npi] = octets(frame, marks.source_addr - 2);
                let [dest_addr_ton, dest_addr_npi] = octets(frame, marks.destination_addr - 2);
                let [esm_class, protocol_id, priority_flag] = octets(frame, marks.esm_class);
                let [registered_delivery, replace_if_present_flag, data_coding, sm_default_msg_id] =
                    octets(frame, marks.registered_delivery);
                let (short_message, tlvs) = rest(std::mem::take(frame));
                Self {
                    service_type: service_type.into(),
                    source_addr_ton: Ton(source_addr_ton),
                    source_addr_npi: Npi(source_addr_npi),
                    source_addr: source_addr.into(),
                    dest_addr_ton: Ton(dest_addr_ton),
                    dest_addr_npi: Npi(dest_addr_npi),
                    destination_addr: destination_addr.into(),
                    esm_class: EsmClass(esm_class),
                    protocol_id,
                    priority_flag,
                    schedule_delivery_time: schedule_delivery_time.into(),
                    validity_period: validity_period.into(),
                    registered_delivery: RegisteredDelivery(registered_delivery),
                    replace_if_present_flag,
                    data_coding: DataCoding(data_coding),
                    sm_default_msg_id,
                    short_message,
                    tlvs,
                }
            }
        }

        impl Layout for $type {
            fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
                Ok(Self {
                    service_type: fields.c_octets("service_type", 6)?,
                    source_addr_ton: Ton(fields.u8("source_addr_ton")?),
                    source_addr_npi: Npi(fields.u8("source_addr_npi")?),
                    source_addr: fields.c_octets("source_addr", 21)?,
                    dest_addr_ton: Ton(fields.u8("dest_addr_ton")?),
                    dest_addr_npi: Npi(fields.u8("dest_addr_npi")?),
                    destination_addr: fields.c_octets("destination_addr", 21)?,
                    esm_class: EsmClass(fields.u8("esm_class")?),
                    protocol_id: {
                        if matches!(Times::$times, Times::Counted) {
                            fields.forgive_rest();
                        }
                        fields.u8("protocol_id")?
                    },
                    priority_flag: fields.u8("priority_flag")?,
                    schedule_delivery_time: fields.time("schedule_delivery_time", Times::$times)?,
                    validity_period: fields.time("validity_period", Times::$times)?,
                    registered_delivery: RegisteredDelivery(fields.u8("registered_delivery")?),
                    replace_if_present_flag: fields.u8("replace_if_present_flag")?,
                    data_coding: DataCoding(fields.u8("data_coding")?),
                    sm_default_msg_id: fields.u8("sm_default_msg_id")?,
                    short_message: fields.short_message()?,
                    tlvs: fields.tlvs_after_short_message()?,
                })
            }

            fn write(&self, out: &mut impl Sink) {
                self.write_fields(out);
                write_user_data(out, &self.short_message, &self.tlvs);
            }

            fn tlvs(&self) -> &Tlvs {
                &self.tlvs
            }
        }

        impl Fronted for $type {
            #[inline(always)]
            fn write_front(&self, out: &mut impl Sink) {
                self.write_fields(out);
                out.u8(self.short_message.len() as u8);
            }

            #[inline(always)]
            fn text(&self) -> &[u8] {
                &self.short_message
            }
        }

        impl $type {
            /// All up to `sm_length`.
            #[inline(always)]
            fn write_fields(&self, out: &mut impl Sink) {
                out.c_octets(&self.service_type);
                out.array([self.source_addr_ton.0, self.source_addr_npi.0]);
                out.c_octets(&self.source_addr);
                out.array([self.dest_addr_ton.0, self.dest_addr_npi.0]);
                out.c_octets(&self.destination_addr);
                out.array([self.esm_class.0, self.protocol_id, self.priority_flag]);
                out.c_octets(&self.schedule_delivery_time);
                out.c_octets(&self.validity_period);
                out.array([
                    self.registered_delivery.0,
                    self.replace_if_present_flag,
                    self.data_coding.0,
                    self.sm_default_msg_id,
                ]);
            }
        }
    };
}

short_message_pdu! {
    /// A message from the ESME to the SMSC (SMPP 3.4 §4.4.1).
    SubmitSm, times Checked
}

short_message_pdu! {
    /// A message or a receipt from the SMSC to the ESME (SMPP 3.4 §4.6.1).
    DeliverSm, times Counted
}

/// The answer to a request that made, or was, one message: all five share this body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageResp {
    /// What the peer calls the message; 65 octets with NUL. Empty in `deliver_sm_resp`.
    pub message_id: COctetString,
    /// Optional parameters.
    pub tlvs: Tlvs,
}

/// Answers `submit_sm` (SMPP 3.4 §4.4.2).
pub type SubmitSmResp = MessageResp;
/// Answers `deliver_sm`; `message_id` must be empty (SMPP 3.4 §4.6.2).
pub type DeliverSmResp = MessageResp;
/// Answers `data_sm` (SMPP 3.4 §4.7.2).
pub type DataSmResp = MessageResp;
/// Answers `broadcast_sm` (SMPP 5.0 §4.4.1.2).
pub type BroadcastSmResp = MessageResp;
/// Answers `query_broadcast_sm` (SMPP 5.0 §4.6.1.3).
pub type QueryBroadcastSmResp = MessageResp;

impl MessageResp {
    /// A response with this id and no TLVs.
    #[must_use]
    pub fn new(message_id: impl Into<COctetString>) -> Self {
        Self {
            message_id: message_id.into(),
            tlvs: Tlvs::new(),
        }
    }
}

impl Exact for MessageResp {
    #[inline(always)]
    fn take<R>(
        frame: &mut Bytes,
        status: CommandStatus,
        wrap: impl Fn(Self) -> R,
        other: impl FnOnce(&mut Bytes) -> R,
    ) -> R {
        let Some(marks) = MessageRespMarks::find(frame, status) else {
            return other(frame);
        };
        let id_end = HEADER_OCTETS + usize::from(marks.id_octets);
        let message_id = own_text(frame, HEADER_OCTETS, id_end);
        let tlvs = usize::from(marks.tlvs);
        if tlvs < frame.len() {
            let mut frame = std::mem::take(frame);
            frame.advance(tlvs);
            let tlvs = Tlvs::of_frame(frame);
            wrap(Self { message_id, tlvs })
        } else {
            wrap(Self::new(message_id))
        }
    }
}

impl Layout for MessageResp {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            message_id: fields.c_octets("message_id", 65)?,
            tlvs: fields.tlvs()?,
        })
    }

    fn write(&self, out: &mut impl Sink) {
        out.c_octets(&self.message_id);
        self.tlvs.write(out);
    }

    fn tlvs(&self) -> &Tlvs {
        &self.tlvs
    }
}

impl Fronted for MessageResp {
    #[inline(always)]
    fn write_front(&self, out: &mut impl Sink) {
        out.c_octets(&self.message_id);
    }

    #[inline(always)]
    fn text(&self) -> &[u8] {
        &[]
    }
}

impl ResponseLayout for MessageResp {
    const FIRST_FIELD: &'static str = "message_id";

    fn with_tlvs(tlvs: Tlvs) -> Self {
        Self {
            tlvs,
            ..Self::default()
        }
    }

    fn is_blank(&self) -> bool {
        self.message_id.is_empty() && self.tlvs.is_empty()
    }
}

/// The user data of a PDU with both a `short_message` and TLVs.
pub(crate) fn user_data<'a>(short_message: &'a Bytes, tlvs: &Tlvs) -> Cow<'a, Bytes> {
    match tlvs.share(Tag::MESSAGE_PAYLOAD) {
        Some(payload) if !payload.is_empty() => Cow::Owned(payload),
        _ => Cow::Borrowed(short_message),
    }
}

/// Writes sm_length, short_message and the TLVs; user data that sm_length cannot count goes into
/// `message_payload`, unless that is taken.
pub(crate) fn write_user_data(out: &mut impl Sink, short_message: &Bytes, tlvs: &Tlvs) {
    if short_message.len() <= SHORT_MESSAGE_OCTETS_MAX {
        out.u8(short_message.len() as u8);
        out.octets(short_message);
        tlvs.write(out);
        return;
    }
    out.u8(0);
    tlvs.write(out);
    if !tlvs.contains(Tag::MESSAGE_PAYLOAD) {
        write_tlv(out, Tag::MESSAGE_PAYLOAD, short_message);
    }
}
