//! PDUs: a status, a sequence number and a body.
//!
//! [`Pdu::decode`] turns one frame into a [`Pdu`] that shares the frame's octets and reports what
//! had to be forgiven; [`Pdu::encode`] appends the octets to a buffer. What encode writes, decode
//! reads back without a deviation.

mod ancillary;
mod bind;
mod body;
mod broadcast;
mod check;
mod data_sm;
mod exact;
mod multi;
mod short_message;
mod version;
mod view;

use bytes::{Bytes, BytesMut};

use crate::command::{CommandId, CommandStatus, SequenceNumber};
use crate::error::{DecodeError, Deviations, Fault, Header};
use crate::tlv::Tlvs;
use crate::wire::{Count, Fill, Front, HEADER_OCTETS, Reader, Sink, Strictness, TEXT_OCTETS, copy};
use exact::Exact;
use short_message::SHORT_MESSAGE_OCTETS_MAX;

pub use ancillary::{AlertNotification, CancelSm, QuerySm, QuerySmResp, ReplaceSm};
pub use bind::{Bind, BindResp, Outbind};
pub use body::Body;
pub use broadcast::{BroadcastSm, CancelBroadcastSm, QueryBroadcastSm};
pub use data_sm::DataSm;
pub use multi::{DESTINATIONS_MAX, Destination, SubmitMulti, SubmitMultiResp, UnsuccessSme};
pub use short_message::{
    BroadcastSmResp, DataSmResp, DeliverSm, DeliverSmResp, MessageResp, QueryBroadcastSmResp,
    SubmitSm, SubmitSmResp,
};
pub use view::{MessageRespRef, PduRef, ShortMessageRef};

/// One protocol data unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// How it ended, in a response; zero in a request.
    pub command_status: CommandStatus,
    /// Which request and response belong together.
    pub sequence_number: SequenceNumber,
    /// Which command, with its fields.
    pub body: Body,
}

/// A PDU, and how it departed from the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What was read.
    pub pdu: Pdu,
    /// What had to be forgiven, to be counted.
    pub deviations: Deviations,
}

impl Pdu {
    /// A request.
    #[must_use]
    pub fn request(sequence_number: SequenceNumber, body: Body) -> Self {
        Self {
            command_status: CommandStatus::ESME_ROK,
            sequence_number,
            body,
        }
    }

    /// A response.
    #[must_use]
    pub fn response(
        sequence_number: SequenceNumber,
        command_status: CommandStatus,
        body: Body,
    ) -> Self {
        Self {
            command_status,
            sequence_number,
            body,
        }
    }

    /// Which command this is.
    #[must_use]
    pub fn command_id(&self) -> CommandId {
        self.body.command_id()
    }

    /// Reads one frame, taking what can be understood.
    ///
    /// Fields share the frame's octets: whoever keeps one for long keeps the whole read buffer,
    /// and should [`detach`](crate::COctetString::detach) it.
    ///
    /// # Errors
    /// If the frame is not one whole PDU, or its fields cannot be told apart. The error knows
    /// what to answer.
    pub fn decode(frame: Bytes) -> Result<Decoded, DecodeError> {
        Self::decode_with(frame, Strictness::Lenient)
    }

    /// Reads one frame. [`Strictness::Strict`] turns every deviation into an error; an unknown
    /// command is one of them, while the lenient reader hands it out as [`Body::Unknown`].
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_with(mut frame: Bytes, strictness: Strictness) -> Result<Decoded, DecodeError> {
        let (header, octets) = header(&frame)?;
        frame.truncate(octets);
        let frame = &mut frame;
        // Those that come by the thousand: if nothing has to be forgiven, they are quick.
        match header.command_id {
            CommandId::SUBMIT_SM => quick(frame, header, strictness, Body::SubmitSm),
            CommandId::DELIVER_SM => quick(frame, header, strictness, Body::DeliverSm),
            CommandId::SUBMIT_SM_RESP => quick(frame, header, strictness, Body::SubmitSmResp),
            CommandId::DELIVER_SM_RESP => quick(frame, header, strictness, Body::DeliverSmResp),
            _ => thorough(frame, header, strictness),
        }
    }

    /// Appends the octets of this PDU to `out`.
    ///
    /// An error response whose fields are all empty is written as a header alone, as 5.0 §4.2
    /// wants it.
    pub fn encode(&self, out: &mut BytesMut) {
        // Those that go by the thousand have functions to themselves.
        match &self.body {
            Body::SubmitSm(body) => append::<MESSAGE_FRONT>(out, self, body),
            Body::DeliverSm(body) => append::<MESSAGE_FRONT>(out, self, body),
            Body::SubmitSmResp(body) | Body::DeliverSmResp(body) => {
                append::<RESP_FRONT>(out, self, body);
            }
            _ => self.append_any(out),
        }
    }

    /// Writes the octets of this PDU to the front of `out` and says how many there are. `None` if
    /// there is no room for them. What is behind them, and all of `out` if there is no room, may
    /// be written over; a slice with room for the PDU and of 133 octets or more is filled quickly.
    pub fn encode_to_slice(&self, out: &mut [u8]) -> Option<usize> {
        match &self.body {
            Body::SubmitSm(body) => fill::<MESSAGE_FRONT>(out, self, body),
            Body::DeliverSm(body) => fill::<MESSAGE_FRONT>(out, self, body),
            Body::SubmitSmResp(body) | Body::DeliverSmResp(body) => {
                fill::<RESP_FRONT>(out, self, body)
            }
            _ => self.fill_any(out),
        }
    }

    #[inline(never)]
    fn append_any(&self, out: &mut BytesMut) {
        let (start, octets) = (out.len(), self.encoded_len());
        out.resize(start + octets, 0);
        let written = self.fill_any(&mut out[start..]);
        debug_assert_eq!(written, Some(octets), "counted by the same calls");
    }

    #[inline(never)]
    fn fill_any(&self, out: &mut [u8]) -> Option<usize> {
        let room = out.len();
        let mut fields = Fill::new(out);
        write_header(&mut fields, self.header());
        self.write_body(&mut fields);
        let octets = room - fields.left()?;
        *out.first_chunk_mut()? = command_length(octets);
        Some(octets)
    }

    #[inline(always)]
    fn header(&self) -> Header {
        Header {
            command_id: self.command_id(),
            command_status: self.command_status,
            sequence_number: self.sequence_number,
        }
    }

    /// Octets that [`encode`](Self::encode) would append, header included.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let mut count = Count(HEADER_OCTETS);
        self.write_body(&mut count);
        count.0
    }

    fn write_body(&self, out: &mut impl Sink) {
        if self.command_status.is_ok() || !self.body.is_blank_response() {
            self.body.write(out);
        }
    }
}

/// Octets of a `submit_sm` or `deliver_sm` up to its `short_message`, if its texts are short.
const MESSAGE_FRONT: usize = HEADER_OCTETS + 5 * TEXT_OCTETS + 12;

/// Octets of their responses up to the TLVs, if the id is short.
const RESP_FRONT: usize = HEADER_OCTETS + TEXT_OCTETS;

/// Appends a PDU, quickly if its front is a short one.
#[inline(always)]
fn append<const FRONT: usize>(out: &mut BytesMut, pdu: &Pdu, body: &impl Fronted) {
    if append_short::<FRONT>(out, pdu, body).is_none() {
        pdu.append_any(out);
    }
}

/// `None`, and nothing appended, if it is not one of the short ones.
#[inline(always)]
fn append_short<const FRONT: usize>(
    out: &mut BytesMut,
    pdu: &Pdu,
    body: &impl Fronted,
) -> Option<()> {
    let (start, text, tlvs) = (out.len(), body.text(), body.tlvs().as_octets());
    let behind = text.len() + tlvs.len();
    if text.len() > SHORT_MESSAGE_OCTETS_MAX {
        return None;
    }
    out.reserve(FRONT + behind);
    let header = pdu.header();
    // Put together where it goes, over zeros: their number is fixed, so that they are a few moves.
    out.extend_from_slice(&[0; FRONT]);
    let front = &mut out[start..];
    let octets = fill_front::<FRONT>(front, header, behind, |fields| body.write_front(fields));
    out.truncate(start + octets.unwrap_or_default());
    octets?;
    for part in [text, tlvs] {
        if !part.is_empty() {
            out.extend_from_slice(part);
        }
    }
    Some(())
}

/// Writes a PDU, quickly if its front is a short one and there is room for the longest of these.
/// Whatever is called is called last, so that no register has to be saved first.
#[inline(always)]
fn fill<const FRONT: usize>(out: &mut [u8], pdu: &Pdu, body: &impl Fronted) -> Option<usize> {
    let text = body.text();
    let write = |fields: &mut Front<'_, FRONT>| body.write_front(fields);
    let (Some(at), ..=SHORT_MESSAGE_OCTETS_MAX) =
        (fill_front(out, pdu.header(), text.len(), write), text.len())
    else {
        return pdu.fill_any(out);
    };
    let octets = at + text.len();
    copy(out.get_mut(at..octets)?, text)?;
    match body.tlvs().as_octets() {
        [] => Some(octets),
        tlvs => fill_tlvs(out, octets, tlvs),
    }
}

/// Writes the TLVs of a PDU and its length. `None` if there is no room.
#[inline(never)]
fn fill_tlvs(out: &mut [u8], at: usize, tlvs: &[u8]) -> Option<usize> {
    let octets = at + tlvs.len();
    copy(out.get_mut(at..octets)?, tlvs)?;
    *out.first_chunk_mut()? = command_length(octets);
    Some(octets)
}

/// Writes header and fields in front of so many octets, and says how many those are; `None` if
/// they are not short, or `out` is.
#[inline(always)]
fn fill_front<const ROOM: usize>(
    out: &mut [u8],
    header: Header,
    behind: usize,
    write: impl FnOnce(&mut Front<'_, ROOM>),
) -> Option<usize> {
    if !header.command_status.is_ok() {
        return None;
    }
    let out = out.first_chunk_mut()?;
    let mut fields = Front::new(out);
    write_header(&mut fields, header);
    write(&mut fields);
    let octets = fields.written()?;
    *out.first_chunk_mut()? = command_length(octets + behind);
    Some(octets)
}

/// Everything in front of the body; the length is still to be written.
#[inline(always)]
fn write_header(out: &mut impl Sink, header: Header) {
    out.u32(0);
    out.u32(header.command_id.0);
    out.u32(header.command_status.0);
    out.u32(header.sequence_number.0);
}

fn command_length(octets: usize) -> [u8; 4] {
    u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes()
}

/// A PDU that is exactly as the specification wants it; or else what a thorough reading says.
///
/// A function for each kind of PDU, so that each is put together where the caller wants it: a PDU
/// is hundreds of octets, and moving it takes longer than reading it.
#[inline(never)]
fn quick<T: Exact>(
    frame: &mut Bytes,
    header: Header,
    strictness: Strictness,
    body: impl Fn(T) -> Body,
) -> Result<Decoded, DecodeError> {
    let wrap = |fields| {
        let pdu = Pdu {
            command_status: header.command_status,
            sequence_number: header.sequence_number,
            body: body(fields),
        };
        Ok(Decoded {
            pdu,
            deviations: Deviations::default(),
        })
    };
    T::take(frame, header.command_status, wrap, |frame| {
        thorough(frame, header, strictness)
    })
}

/// Any PDU, with what can be forgiven.
#[inline(never)]
fn thorough(
    frame: &mut Bytes,
    header: Header,
    strictness: Strictness,
) -> Result<Decoded, DecodeError> {
    let mut fields = Reader::new(std::mem::take(frame), header, strictness);
    if !header.command_id.is_response() && !header.command_status.is_ok() {
        fields.tolerate(Fault::RequestStatusNonzero, "command_status")?;
    }
    let pdu = Pdu {
        command_status: header.command_status,
        sequence_number: header.sequence_number,
        body: Body::read(&mut fields)?,
    };
    Ok(Decoded {
        pdu,
        deviations: fields.into_deviations(),
    })
}

/// The header of a frame, and how many octets of it are the PDU.
#[inline(always)]
fn header(frame: &[u8]) -> Result<(Header, usize), DecodeError> {
    let refuse = |fault, offset, header| DecodeError {
        fault,
        field: "command_length",
        offset,
        header,
    };
    let Some([command_length, command_id, command_status, sequence_number]) = words(frame) else {
        return Err(refuse(Fault::Incomplete, frame.len(), None));
    };
    let header = Header {
        command_id: CommandId(command_id),
        command_status: CommandStatus(command_status),
        sequence_number: SequenceNumber(sequence_number),
    };
    match usize::try_from(command_length).unwrap_or(usize::MAX) {
        octets if octets < HEADER_OCTETS => {
            Err(refuse(Fault::CommandLengthTooSmall, 0, Some(header)))
        }
        octets if octets > frame.len() => Err(refuse(Fault::Incomplete, frame.len(), Some(header))),
        octets => Ok((header, octets)),
    }
}

/// The four numbers of a header.
#[inline(always)]
fn words(frame: &[u8]) -> Option<[u32; 4]> {
    let (words, []) = frame.first_chunk::<HEADER_OCTETS>()?.as_chunks() else {
        return None;
    };
    let words: &[[u8; 4]; 4] = words.try_into().ok()?;
    Some(words.map(u32::from_be_bytes))
}

/// A body with mandatory fields and TLVs.
pub(crate) trait Layout: Sized {
    fn read(fields: &mut Reader) -> Result<Self, DecodeError>;

    fn write(&self, out: &mut impl Sink);
    fn tlvs(&self) -> &Tlvs;
}

/// A body of short fields, with user data and TLVs behind them.
pub(crate) trait Fronted: Layout {
    fn write_front(&self, out: &mut impl Sink);
    /// User data in front of the TLVs.
    fn text(&self) -> &[u8];
}

/// A response body, which peers send in part or not at all (3.4 §5.1.3, 5.0 §4.2).
pub(crate) trait ResponseLayout: Layout + Default {
    /// What is missing first when nothing is there.
    const FIRST_FIELD: &'static str;

    fn with_tlvs(tlvs: Tlvs) -> Self;
    fn is_blank(&self) -> bool;

    /// Reads whatever is there. Correlation needs only the header, so in the end anything goes:
    /// the fields, or in an error response TLVs alone, or as much of the fields as there is.
    fn read_response(fields: &mut Reader) -> Result<Self, DecodeError> {
        let ok = fields.header().command_status.is_ok();
        if fields.is_at_end() {
            if ok {
                fields.tolerate(Fault::BodyTruncated, Self::FIRST_FIELD)?;
            }
            return Ok(Self::default());
        }
        if ok {
            return Self::read(fields);
        }
        if let Some(whole) = fields.attempt(Self::read) {
            return Ok(whole);
        }
        match fields.attempt(Reader::tlvs) {
            Some(tlvs) => Ok(Self::with_tlvs(tlvs)),
            None => Self::read(fields),
        }
    }
}
