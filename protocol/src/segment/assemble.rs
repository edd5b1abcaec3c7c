//! Pieces of octets made into segments, with a header in front or TLVs beside.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Concat, Segment, TooLong};
use crate::coding::{DataCoding, EsmClass};
use crate::gsm7::Shift;
use crate::national::Language;
use crate::tlv::{Tag, Tlvs, VALUE_OCTETS_MAX};
use crate::udh::element_id;

/// Octets of the longest header written here: length, concatenation and two languages.
const HEADER_OCTETS_MAX: usize = 1 + 6 + 3 + 3;

/// Cuts at `octets_max`, less what `pull_back` says belongs to the next piece. At least one piece.
pub(super) fn pieces(
    octets: &[u8],
    octets_max: usize,
    pull_back: impl Fn(&[u8]) -> usize,
) -> Vec<&[u8]> {
    let mut pieces = Vec::with_capacity(octets.len() / octets_max + 1);
    let mut rest = octets;
    while rest.len() > octets_max {
        let cut = octets_max - pull_back(&rest[..octets_max]);
        let (piece, behind) = rest.split_at(cut);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// Puts headers in front of pieces, or TLVs beside them. All segments share one buffer.
pub(super) fn assemble(
    pieces: &[&[u8]],
    data_coding: DataCoding,
    concat: Concat,
    shift: Shift,
) -> Result<Vec<Segment>, TooLong> {
    let parts = pieces.len();
    let octets = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    if concat == Concat::Payload && parts > 1 {
        return payload(pieces, octets, data_coding, shift).map_err(|()| TooLong { parts });
    }
    let total = u8::try_from(parts).map_err(|_| TooLong { parts })?;
    let mut out = BytesMut::with_capacity(octets + parts * HEADER_OCTETS_MAX);
    let mut segments = Vec::with_capacity(parts);
    for (part, piece) in (1..=total).zip(pieces) {
        let has_header = write_header(&mut out, concat, shift, part, total);
        out.extend_from_slice(piece);
        let esm_class = if has_header {
            EsmClass::UDH
        } else {
            EsmClass::DEFAULT
        };
        let mut tlvs = Tlvs::new();
        if let Concat::Sar(reference) = concat
            && total > 1
        {
            tlvs.push_u16(Tag::SAR_MSG_REF_NUM, reference);
            tlvs.push_u8(Tag::SAR_TOTAL_SEGMENTS, total);
            tlvs.push_u8(Tag::SAR_SEGMENT_SEQNUM, part);
        }
        let short_message = out.split().freeze();
        segments.push(Segment {
            esm_class,
            data_coding,
            short_message,
            tlvs,
            part,
            total,
        });
    }
    Ok(segments)
}

/// One segment that leaves the cutting to the SMSC; an error if a TLV cannot hold it.
fn payload(
    pieces: &[&[u8]],
    octets: usize,
    data_coding: DataCoding,
    shift: Shift,
) -> Result<Vec<Segment>, ()> {
    let mut out = BytesMut::with_capacity(octets + HEADER_OCTETS_MAX);
    let has_header = write_header(&mut out, Concat::Payload, shift, 1, 1);
    pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    if out.len() > VALUE_OCTETS_MAX {
        return Err(());
    }
    let esm_class = if has_header {
        EsmClass::UDH
    } else {
        EsmClass::DEFAULT
    };
    let mut tlvs = Tlvs::new();
    tlvs.push(Tag::MESSAGE_PAYLOAD, out.freeze());
    let short_message = Bytes::new();
    Ok(vec![Segment {
        esm_class,
        data_coding,
        short_message,
        tlvs,
        part: 1,
        total: 1,
    }])
}

/// Appends the header of a segment, if it needs one.
fn write_header(out: &mut BytesMut, concat: Concat, shift: Shift, part: u8, total: u8) -> bool {
    let start = out.len();
    out.put_u8(0);
    match concat {
        _ if total == 1 => {}
        Concat::Udh8(reference) => {
            out.put_slice(&[element_id::CONCATENATION_8, 3, reference, total, part]);
        }
        Concat::Udh16(reference) => {
            let [high, low] = reference.to_be_bytes();
            out.put_slice(&[element_id::CONCATENATION_16, 4, high, low, total, part]);
        }
        Concat::Sar(_) | Concat::Payload => {}
    }
    if shift.single != Language::DEFAULT {
        out.put_slice(&[element_id::SINGLE_SHIFT, 1, shift.single.0]);
    }
    if shift.locking != Language::DEFAULT {
        out.put_slice(&[element_id::LOCKING_SHIFT, 1, shift.locking.0]);
    }
    let elements = out.len() - start - 1;
    if elements == 0 {
        out.truncate(start);
    } else {
        out[start] = elements as u8;
    }
    elements > 0
}
