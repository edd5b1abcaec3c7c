//! Fields of a body, one after another: reading them with what can be forgiven, writing them.
//!
//! [`Reader`] walks over one frame and hands out fields that share its octets. It knows three
//! things the field layouts do not have to care about: whether the peer is to be read strictly,
//! that a response is never refused for a short body, and where in the frame it stands.
//! [`Sink`] is written to twice by the same code: once to count, once for real.

use bytes::{BufMut, Bytes, BytesMut};
use nom::IResult;
use nom::Parser;
use nom::bytes::complete::{tag, take, take_till};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::sequence::terminated;

use crate::c_octet_string::COctetString;
use crate::error::{DecodeError, Deviation, Deviations, Fault, Header};
use crate::time::SmppTime;
use crate::tlv::{Tag, Tlvs};

/// Octets of a PDU header, and so of the shortest PDU.
pub(crate) const HEADER_OCTETS: usize = 16;

/// Octets of a C-octet string, NUL included, that are still taken when its field allows fewer.
const C_OCTETS_MAX: usize = 256;

/// How exactly a peer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Take what can be understood, record what was wrong.
    #[default]
    Lenient,
    /// As `Lenient`, and a `deliver_sm` that ends early is taken if it got as far as its
    /// `esm_class`: old SMSCs leave out the fields they do not use.
    Forgiving,
    /// Refuse whatever the specification forbids.
    Strict,
}

/// What a malformed time means for the PDU.
#[derive(Clone, Copy)]
pub(crate) enum Times {
    /// The SMSC has to act on it, so it must be readable.
    Checked,
    /// Only a remark: the field is unused or only shown.
    Counted,
}

type Parsed<'f, O> = IResult<&'f [u8], O, ()>;

fn c_octets(input: &[u8]) -> Parsed<'_, &[u8]> {
    terminated(take_till(|octet| octet == 0), tag(&[0][..])).parse(input)
}

fn tlv(input: &[u8]) -> Parsed<'_, (u16, &[u8])> {
    (be_u16, length_data(be_u16)).parse(input)
}

/// Reads the fields of one frame in order.
pub(crate) struct Reader<'f> {
    frame: &'f Bytes,
    rest: &'f [u8],
    header: Header,
    strictness: Strictness,
    deviations: Deviations,
    /// There was a `short_message` with octets in it.
    has_short_message: bool,
    /// A body that ends here is forgiven.
    may_end: bool,
    /// The body ended early and was forgiven: further fields are empty without another word.
    exhausted: bool,
}

impl<'f> Reader<'f> {
    /// Reads behind the header. `frame` is exactly one PDU, so it holds at least a header.
    pub(crate) fn new(frame: &'f Bytes, header: Header, strictness: Strictness) -> Self {
        let rest = frame.get(HEADER_OCTETS..).unwrap_or_default();
        let deviations = Deviations::default();
        Self {
            frame,
            rest,
            header,
            strictness,
            deviations,
            has_short_message: false,
            may_end: header.command_id.is_response(),
            exhausted: false,
        }
    }

    pub(crate) fn header(&self) -> Header {
        self.header
    }

    /// What follows may be missing, if the reader is a forgiving one.
    pub(crate) fn forgive_rest(&mut self) {
        self.may_end |= self.strictness == Strictness::Forgiving;
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn into_deviations(self) -> Deviations {
        self.deviations
    }

    /// The octets not read yet.
    pub(crate) fn remaining(&mut self) -> Bytes {
        let rest = self.share(self.rest);
        self.rest = &[];
        rest
    }

    /// Tries `read` with strict eyes; puts everything back if it fails.
    pub(crate) fn attempt<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let (rest, strictness) = (self.rest, self.strictness);
        self.strictness = Strictness::Strict;
        let outcome = read(self).ok();
        self.strictness = strictness;
        if outcome.is_none() {
            self.rest = rest;
        }
        outcome
    }

    /// Records a fault that can be lived with; in strict mode it is an error after all.
    pub(crate) fn tolerate(
        &mut self,
        fault: Fault,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        match self.strictness {
            Strictness::Strict => Err(self.error(fault, field)),
            Strictness::Lenient | Strictness::Forgiving => {
                let offset = self.offset();
                self.deviations.push(Deviation {
                    fault,
                    field,
                    offset,
                });
                Ok(())
            }
        }
    }

    pub(crate) fn error(&self, fault: Fault, field: &'static str) -> DecodeError {
        DecodeError {
            fault,
            field,
            offset: self.offset(),
            header: Some(self.header),
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        match be_u8::<_, ()>(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => self.cut_short(field).map(|()| 0),
        }
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match be_u32::<_, ()>(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => self.cut_short(field).map(|()| 0),
        }
    }

    /// A C-octet string of at most `octets_max` octets, NUL included.
    #[inline]
    pub(crate) fn c_octets(
        &mut self,
        field: &'static str,
        octets_max: usize,
    ) -> Result<COctetString, DecodeError> {
        // Most fields of most messages are empty.
        if let [0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(COctetString::EMPTY);
        }
        self.c_octets_not_empty(field, octets_max)
    }

    fn c_octets_not_empty(
        &mut self,
        field: &'static str,
        octets_max: usize,
    ) -> Result<COctetString, DecodeError> {
        let text = match c_octets(self.rest) {
            Ok((rest, text)) => {
                self.check_length(field, text.len() + 1, octets_max)?;
                self.rest = rest;
                text
            }
            Err(_) if self.rest.is_empty() => {
                self.cut_short(field)?;
                return Ok(COctetString::EMPTY);
            }
            Err(_) => {
                let text = self.rest;
                if !self.header.command_id.is_response() {
                    return Err(self.error(Fault::CStringUnterminated, field));
                }
                self.tolerate(Fault::CStringUnterminated, field)?;
                self.rest = &[];
                self.exhausted = true;
                text
            }
        };
        Ok(COctetString::without_nul(self.share(text)))
    }

    /// A time as a C-octet string. The text is kept as it is; `times` says what it means if nobody
    /// can read it.
    pub(crate) fn time(
        &mut self,
        field: &'static str,
        times: Times,
    ) -> Result<COctetString, DecodeError> {
        let text = self.c_octets(field, SmppTime::CHARACTERS + 1)?;
        // Longer than the field is another fault, and already recorded.
        let is_checked = !text.is_empty() && text.len() <= SmppTime::CHARACTERS;
        if is_checked && SmppTime::parse(text.as_bytes()).is_none() {
            match times {
                Times::Checked => return Err(self.error(Fault::TimeFormatInvalid, field)),
                Times::Counted => self.tolerate(Fault::TimeFormatInvalid, field)?,
            }
        }
        Ok(text)
    }

    /// `sm_length` and as many octets; fewer are an overrun.
    pub(crate) fn short_message(&mut self) -> Result<Bytes, DecodeError> {
        let octets = self.u8("sm_length")?;
        match take::<_, _, ()>(octets).parse(self.rest) {
            Ok((rest, text)) => {
                self.rest = rest;
                self.has_short_message = !text.is_empty();
                Ok(self.share(text))
            }
            Err(_) => Err(self.error(Fault::SmLengthOverrun, "short_message")),
        }
    }

    /// Everything to the end of the frame as TLVs.
    pub(crate) fn tlvs(&mut self) -> Result<Tlvs, DecodeError> {
        let mut tlvs = Tlvs::new();
        while !self.rest.is_empty() {
            match tlv(self.rest) {
                Ok((rest, (number, value))) => {
                    let tag = Tag(number);
                    self.check_layout(tag, value.len())?;
                    if tag == Tag::MESSAGE_PAYLOAD && self.has_short_message && !value.is_empty() {
                        self.tolerate(Fault::TwoUserData, "message_payload")?;
                    }
                    self.rest = rest;
                    tlvs.push(tag, self.share(value));
                }
                Err(_) => {
                    self.tolerate(self.tlv_fault(), "tlv")?;
                    self.rest = &[];
                }
            }
        }
        Ok(tlvs)
    }

    /// TLVs behind a `short_message`, where some peers write a NUL that `sm_length` leaves out:
    /// if nothing fits, try one octet later.
    pub(crate) fn tlvs_after_short_message(&mut self) -> Result<Tlvs, DecodeError> {
        let fits = self.rest.is_empty() || tlv(self.rest).is_ok();
        if !fits && self.strictness != Strictness::Strict && self.rest[0] == 0 {
            let fault = self.tlv_fault();
            let behind = &self.rest[1..];
            if behind.is_empty() || tlv(behind).is_ok() {
                self.tolerate(fault, "tlv")?;
                self.tolerate(Fault::NulAfterShortMessage, "short_message")?;
                self.rest = behind;
            }
        }
        self.tlvs()
    }

    fn tlv_fault(&self) -> Fault {
        if self.rest.len() < 4 {
            Fault::TlvHeaderTruncated
        } else {
            Fault::TlvLengthOverrun
        }
    }

    fn check_layout(&mut self, tag: Tag, octets: usize) -> Result<(), DecodeError> {
        match tag.layout() {
            Some(layout) if !layout.octets.contains(&octets) => {
                self.tolerate(Fault::TlvBadLength, tag.name().unwrap_or("tlv"))
            }
            _ => Ok(()),
        }
    }

    fn check_length(
        &mut self,
        field: &'static str,
        octets: usize,
        octets_max: usize,
    ) -> Result<(), DecodeError> {
        if octets <= octets_max {
            return Ok(());
        }
        if octets > C_OCTETS_MAX && !self.header.command_id.is_response() {
            return Err(self.error(Fault::CStringTooLong, field));
        }
        self.tolerate(Fault::CStringTooLong, field)
    }

    /// The body ended before `field`: an error, or forgiven once.
    #[cold]
    fn cut_short(&mut self, field: &'static str) -> Result<(), DecodeError> {
        if !self.may_end {
            return Err(self.error(Fault::BodyTruncated, field));
        }
        if !self.exhausted {
            self.tolerate(Fault::BodyTruncated, field)?;
            self.exhausted = true;
        }
        self.rest = &[];
        Ok(())
    }

    fn offset(&self) -> usize {
        self.frame.len() - self.rest.len()
    }

    /// The same octets without copying; nothing at all for empty ones.
    fn share(&self, octets: &'f [u8]) -> Bytes {
        if octets.is_empty() {
            Bytes::new()
        } else {
            self.frame.slice_ref(octets)
        }
    }
}

/// Where fields are written to.
pub(crate) trait Sink {
    fn u8(&mut self, value: u8);
    fn u16(&mut self, value: u16);
    fn u32(&mut self, value: u32);
    fn octets(&mut self, octets: &[u8]);

    fn c_octets(&mut self, text: &COctetString) {
        self.octets(text.as_bytes());
        self.u8(0);
    }
}

impl Sink for BytesMut {
    fn u8(&mut self, value: u8) {
        self.put_u8(value);
    }

    fn u16(&mut self, value: u16) {
        self.put_u16(value);
    }

    fn u32(&mut self, value: u32) {
        self.put_u32(value);
    }

    fn octets(&mut self, octets: &[u8]) {
        self.put_slice(octets);
    }
}

/// Counts the octets that would be written.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Sink for Count {
    fn u8(&mut self, _: u8) {
        self.0 += 1;
    }

    fn u16(&mut self, _: u16) {
        self.0 += 2;
    }

    fn u32(&mut self, _: u32) {
        self.0 += 4;
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}
