//! Where the fields of the commonest PDUs are, if these are exactly as the specification wants.
//!
//! The one quick decoder: [`PduRef`](super::PduRef) lends the fields from there,
//! [`Pdu::decode`](super::Pdu::decode) takes them from there, and what is not found here is left to
//! the thorough reader. A PDU has marks exactly if a strict reader accepts it.

use bytes::Bytes;

use crate::c_octet_string::{COctetString, INLINE, NEAR, ShortText, find_near_nul, find_nul};
use crate::command::CommandStatus;
use crate::time::SmppTime;
use crate::tlv::{self, Tag};
use crate::wire::HEADER_OCTETS;

/// A body that is read quickly if it is exactly as the specification wants it.
pub(super) trait Exact: Sized {
    /// Takes the fields out of the frame, the last of them with the frame itself, and hands them
    /// to `wrap`; or the frame to `other`, if there is something to forgive or the body is an odd
    /// one. `wrap` is inlined wherever the fields are put together.
    fn take<R>(
        frame: &mut Bytes,
        status: CommandStatus,
        wrap: impl Fn(Self) -> R,
        other: impl FnOnce(&mut Bytes) -> R,
    ) -> R;
}

/// Octets from the front of a frame to fields of a `submit_sm` or `deliver_sm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShortMessageMarks {
    pub(super) source_addr: usize,
    pub(super) destination_addr: usize,
    pub(super) esm_class: usize,
    pub(super) validity_period: usize,
    pub(super) registered_delivery: usize,
    pub(super) tlvs: usize,
}

/// Octets of the id in the body of a response, and from the front of the frame to its TLVs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageRespMarks {
    pub(super) id_octets: u8,
    pub(super) tlvs: u8,
}

/// Behind the NUL of a C-octet string of at most `octets_max` octets.
#[inline(always)]
fn behind_text(frame: &[u8], at: usize, octets_max: usize) -> Option<usize> {
    let rest = frame.get(at..)?;
    // Most fields of most messages are empty.
    if *rest.first()? == 0 {
        return Some(at + 1);
    }
    let octets = match octets_max {
        ..=NEAR => find_near_nul(rest),
        _ => find_nul(rest),
    }?;
    (octets < octets_max).then_some(at + octets + 1)
}

#[inline(always)]
fn behind_time(frame: &[u8], at: usize) -> Option<usize> {
    if *frame.get(at)? == 0 {
        return Some(at + 1);
    }
    behind_readable_time(frame, at)
}

#[inline(never)]
fn behind_readable_time(frame: &[u8], at: usize) -> Option<usize> {
    let behind = behind_text(frame, at, SmppTime::CHARACTERS + 1)?;
    SmppTime::parse(&frame[at..behind - 1])?;
    Some(behind)
}

/// Whether all of `rest` is TLVs, each of a length that its tag allows.
#[inline(always)]
fn are_tlvs(rest: &[u8], has_short_message: bool) -> bool {
    rest.is_empty() || are_some_tlvs(rest, has_short_message)
}

#[inline(never)]
fn are_some_tlvs(mut rest: &[u8], has_short_message: bool) -> bool {
    while !rest.is_empty() {
        let Some((tlv, behind)) = tlv::split(rest) else {
            return false;
        };
        let octets = tlv.value.len();
        let is_second = has_short_message && octets > 0 && tlv.tag == Tag::MESSAGE_PAYLOAD;
        if !tlv.tag.allows(octets) || is_second {
            return false;
        }
        rest = behind;
    }
    true
}

impl ShortMessageMarks {
    /// Octets from `registered_delivery` to `short_message`.
    pub(super) const BEFORE_TEXT: usize = 5;

    #[inline(always)]
    pub(super) fn find(frame: &[u8], status: CommandStatus) -> Option<Self> {
        if !status.is_ok() {
            return None;
        }
        let source_addr = behind_text(frame, HEADER_OCTETS, 6)? + 2;
        let destination_addr = behind_text(frame, source_addr, 21)? + 2;
        let esm_class = behind_text(frame, destination_addr, 21)?;
        let validity_period = behind_time(frame, esm_class + 3)?;
        let registered_delivery = behind_time(frame, validity_period)?;
        let octets = usize::from(*frame.get(registered_delivery + Self::BEFORE_TEXT - 1)?);
        let tlvs = registered_delivery + Self::BEFORE_TEXT + octets;
        if !are_tlvs(frame.get(tlvs..)?, octets > 0) {
            return None;
        }
        Some(Self {
            source_addr,
            destination_addr,
            esm_class,
            validity_period,
            registered_delivery,
            tlvs,
        })
    }

    /// Whether no text is near the end of the frame, so that each can be copied by a fixed length.
    #[inline(always)]
    pub(super) fn are_inside(self, frame: &[u8]) -> bool {
        // Three octets and two NULs.
        let has_times = self.registered_delivery - self.esm_class > 5;
        let last = if has_times {
            self.validity_period
        } else {
            self.destination_addr
        };
        last + INLINE <= frame.len()
    }

    /// Octets from the front of the frame to `short_message`.
    #[inline(always)]
    pub(super) fn short_message(self) -> usize {
        self.registered_delivery + Self::BEFORE_TEXT
    }
}

impl MessageRespMarks {
    #[inline(always)]
    pub(super) fn find(frame: &[u8], status: CommandStatus) -> Option<Self> {
        if let Some(behind) = behind_text(frame, HEADER_OCTETS, 65)
            && are_tlvs(&frame[behind..], false)
        {
            return Some(Self {
                id_octets: (behind - 1 - HEADER_OCTETS) as u8,
                tlvs: behind as u8,
            });
        }
        // An error may come without the fields (5.0 §4.2).
        let is_bare = !status.is_ok() && are_tlvs(&frame[HEADER_OCTETS..], false);
        is_bare.then_some(Self {
            id_octets: 0,
            tlvs: HEADER_OCTETS as u8,
        })
    }
}

/// The text between two marks, which is short and not near the end of the frame.
#[inline(always)]
pub(super) fn short_text(frame: &[u8], start: usize, nul: usize) -> ShortText {
    // An empty one may be near the end; what is copied of it is nothing, wherever that is from.
    let from = if start == nul { 0 } else { start };
    ShortText::new(&frame[from..], nul - start).expect("a short text")
}

/// The text between two marks, its NUL left out.
#[inline(always)]
pub(super) fn own_text(frame: &Bytes, start: usize, nul: usize) -> COctetString {
    COctetString::inline(&frame[start..nul])
        .unwrap_or_else(|| COctetString::long(frame.slice(start..nul)))
}

#[cfg(test)]
mod tests {
    use super::super::{Pdu, PduRef, header, thorough};
    use super::*;
    use crate::command::CommandId;
    use crate::wire::Strictness;

    /// Decodes without what this module finds.
    fn thoroughly(mut frame: Bytes, strictness: Strictness) -> Option<Pdu> {
        let (header, octets) = header(&frame).ok()?;
        frame.truncate(octets);
        let decoded = thorough(&mut frame, header, strictness).ok()?;
        (strictness == Strictness::Strict || decoded.deviations.is_empty()).then_some(decoded.pdu)
    }

    fn frames() -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for file in ["pdus-valid.jsonl", "pdus-malformed.jsonl"] {
            let path = format!("{}/tests/corpus/{file}", env!("CARGO_MANIFEST_DIR"));
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let (_, behind) = line.split_once("\"hex\":").expect("a PDU in hex");
                let hex = behind.split('"').nth(1).unwrap();
                let pairs = hex.as_bytes().chunks_exact(2);
                let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
                frames.push(pairs.map(|pair| octet(pair).unwrap()).collect());
            }
        }
        frames
    }

    /// With one octet changed to each of some values, and cut at each place, its length made true.
    fn damaged(frame: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        (16..frame.len()).flat_map(move |at| {
            let with = [0, 1, 4, b'0', b'2', 0xFF].map(|octet| {
                let mut changed = frame.to_vec();
                changed[at] = octet;
                changed
            });
            let (mut cut, mut grown) = (frame[..at].to_vec(), frame.to_vec());
            grown.insert(at, b'1');
            for changed in [&mut cut, &mut grown] {
                let octets = changed.len() as u32;
                changed[..4].copy_from_slice(&octets.to_be_bytes());
            }
            with.into_iter().chain([cut, grown])
        })
    }

    /// The quick reading finds what the thorough one accepts without a remark, and the same.
    fn assert_agrees(frame: &[u8]) -> bool {
        let commands = [
            CommandId::SUBMIT_SM,
            CommandId::SUBMIT_SM_RESP,
            CommandId::DELIVER_SM,
            CommandId::DELIVER_SM_RESP,
        ];
        let is_common =
            header(frame).is_ok_and(|(header, _)| commands.contains(&header.command_id));
        let quick = PduRef::read(frame).map(|view| view.to_pdu());
        for strictness in [
            Strictness::Lenient,
            Strictness::Forgiving,
            Strictness::Strict,
        ] {
            let thorough = thoroughly(Bytes::copy_from_slice(frame), strictness);
            assert_eq!(quick, thorough.filter(|_| is_common), "{frame:x?}");
        }
        quick.is_some()
    }

    #[test]
    fn the_quick_reading_and_the_thorough_one_agree_on_damage_anywhere() {
        let (mut exact, mut other) = (0, 0);
        for frame in frames() {
            for damaged in damaged(&frame).chain([frame.clone()]) {
                if assert_agrees(&damaged) {
                    exact += 1;
                } else {
                    other += 1;
                }
            }
        }
        assert!(exact > 1_000 && other > 1_000, "{exact} {other}");
    }
}
