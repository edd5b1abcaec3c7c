//! Fields of a body, one after another: reading them with what can be forgiven.
//!
//! [`Reader`] walks over one frame and hands out fields: short texts as copies, the rest sharing
//! the frame's octets, the last of it as the frame's new owner. It knows three
//! things the field layouts do not have to care about: whether the peer is to be read strictly,
//! that a response is never refused for a short body, and where in the frame it stands.
//! [`sink`] is the other way round.

mod sink;

use bytes::{Buf, Bytes};
use nom::number::complete::be_u32;

use crate::c_octet_string::{COctetString, find_nul};
use crate::error::{DecodeError, Deviation, Deviations, Fault, Header};
use crate::time::SmppTime;
use crate::tlv::{self, Tag, Tlvs};

pub(crate) use sink::{Count, Fill, Front, Sink, TEXT_OCTETS, copy};

/// Octets of a PDU header, and so of the shortest PDU.
pub(crate) const HEADER_OCTETS: usize = 16;

/// Octets of a TLV's tag and length.
pub(crate) const TLV_HEADER_OCTETS: usize = 4;

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

/// Reads the fields of one frame in order.
pub(crate) struct Reader {
    /// Given away with the last field that needs it, which saves counting one more owner: empty
    /// from then on, as is the rest.
    frame: Bytes,
    /// Octets read, those of the header included.
    at: usize,
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

impl Reader {
    /// Reads behind the header. `frame` is exactly one PDU, so it holds at least a header.
    pub(crate) fn new(frame: Bytes, header: Header, strictness: Strictness) -> Self {
        Self {
            frame,
            at: HEADER_OCTETS,
            header,
            strictness,
            deviations: Deviations::default(),
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
        self.at >= self.frame.len()
    }

    pub(crate) fn into_deviations(self) -> Deviations {
        self.deviations
    }

    /// The octets not read yet.
    pub(crate) fn remaining(&mut self) -> Bytes {
        self.take(self.rest().len())
    }

    /// Tries `read` with strict eyes; puts everything back if it fails.
    pub(crate) fn attempt<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let (frame, at, strictness) = (self.frame.clone(), self.at, self.strictness);
        self.strictness = Strictness::Strict;
        let outcome = read(self).ok();
        self.strictness = strictness;
        if outcome.is_none() {
            (self.frame, self.at) = (frame, at);
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
                let offset = self.at;
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
            offset: self.at,
            header: Some(self.header),
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        match self.frame.get(self.at) {
            Some(value) => {
                self.at += 1;
                Ok(*value)
            }
            None => self.cut_short(field).map(|()| 0),
        }
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match be_u32::<_, ()>(self.rest()) {
            Ok((_, value)) => {
                self.at += 4;
                Ok(value)
            }
            Err(_) => self.cut_short(field).map(|()| 0),
        }
    }

    /// A C-octet string of at most `octets_max` octets, NUL included.
    pub(crate) fn c_octets(
        &mut self,
        field: &'static str,
        octets_max: usize,
    ) -> Result<COctetString, DecodeError> {
        let rest = self.rest();
        if let Some(octets) = find_nul(rest) {
            self.check_length(field, octets + 1, octets_max)?;
            let text = text(&self.frame, self.at, octets);
            self.at += octets + 1;
            return Ok(text);
        }
        if rest.is_empty() {
            self.cut_short(field)?;
            return Ok(COctetString::EMPTY);
        }
        if !self.header.command_id.is_response() {
            return Err(self.error(Fault::CStringUnterminated, field));
        }
        self.tolerate(Fault::CStringUnterminated, field)?;
        let text = text(&self.frame, self.at, self.rest().len());
        self.at = self.frame.len();
        self.exhausted = true;
        Ok(text)
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
        let octets = usize::from(self.u8("sm_length")?);
        if octets > self.rest().len() {
            return Err(self.error(Fault::SmLengthOverrun, "short_message"));
        }
        self.has_short_message = octets > 0;
        Ok(self.take(octets))
    }

    /// Everything to the end of the frame as TLVs.
    pub(crate) fn tlvs(&mut self) -> Result<Tlvs, DecodeError> {
        let start = self.at;
        while let Some((tlv, _)) = tlv::split(self.rest()) {
            let (tag, octets) = (tlv.tag, tlv.value.len());
            self.check_layout(tag, octets)?;
            if tag == Tag::MESSAGE_PAYLOAD && self.has_short_message && octets > 0 {
                self.tolerate(Fault::TwoUserData, "message_payload")?;
            }
            self.at += TLV_HEADER_OCTETS + octets;
        }
        let end = self.at;
        if !self.is_at_end() {
            self.tolerate(self.tlv_fault(), "tlv")?;
            self.at = self.frame.len();
        }
        Ok(Tlvs::of_frame(take(&mut self.frame, start, end - start)))
    }

    /// TLVs behind a `short_message`, where some peers write a NUL that `sm_length` leaves out:
    /// if nothing fits, try one octet later.
    pub(crate) fn tlvs_after_short_message(&mut self) -> Result<Tlvs, DecodeError> {
        if !self.is_at_end() && self.strictness != Strictness::Strict {
            self.skip_nul()?;
        }
        self.tlvs()
    }

    fn skip_nul(&mut self) -> Result<(), DecodeError> {
        if let [0, behind @ ..] = self.rest()
            && tlv::split(self.rest()).is_none()
            && (behind.is_empty() || tlv::split(behind).is_some())
        {
            self.tolerate(self.tlv_fault(), "tlv")?;
            self.tolerate(Fault::NulAfterShortMessage, "short_message")?;
            self.at += 1;
        }
        Ok(())
    }

    fn tlv_fault(&self) -> Fault {
        if self.rest().len() < TLV_HEADER_OCTETS {
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
        self.at = self.at.max(self.frame.len());
        Ok(())
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, octets: usize) -> Bytes {
        let start = self.at;
        self.at += octets;
        take(&mut self.frame, start, octets)
    }
}

/// The octets behind `start`, which are there, without copying them: none need no owner, and the
/// last ones take the frame along.
#[inline(always)]
pub(crate) fn take(frame: &mut Bytes, start: usize, octets: usize) -> Bytes {
    match octets {
        0 => Bytes::new(),
        _ if start + octets == frame.len() => {
            let mut last = std::mem::take(frame);
            last.advance(start);
            last
        }
        _ => frame.slice(start..start + octets),
    }
}

/// The octets behind `start`, which are there and have no NUL among them, as a text.
fn text(frame: &Bytes, start: usize, octets: usize) -> COctetString {
    COctetString::inline(&frame[start..start + octets])
        .unwrap_or_else(|| COctetString::long(frame.slice(start..start + octets)))
}
