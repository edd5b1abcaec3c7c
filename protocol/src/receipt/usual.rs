//! The text of a receipt exactly as Appendix B writes it, which is what most SMSCs send.
//!
//! Reads what [`labels`](super::labels) reads, and quicker, since it knows where to look. What is
//! not plain words in the usual order is left to that.

use bytes::Bytes;

use super::labels::{number, set_text, share_word, trim_end};
use super::{Receipt, ReceiptDate, ReceiptState, date};
use crate::c_octet_string::COctetString;

/// Reads `text` into an empty receipt; `None`, and nothing is read, if it is written in any other
/// way.
pub(super) fn parse_into(receipt: &mut Receipt, text: &Bytes) -> Option<()> {
    let (id, rest) = word(text.strip_prefix(b"id:")?)?;
    let (sub, rest) = word(rest.strip_prefix(b" sub:")?)?;
    let (dlvrd, rest) = word(rest.strip_prefix(b" dlvrd:")?)?;
    let (submit_date, rest) = local_date(text, rest.strip_prefix(b" submit date:")?)?;
    let (done_date, rest) = local_date(text, rest.strip_prefix(b" done date:")?)?;
    let (stat, rest) = word(rest.strip_prefix(b" stat:")?)?;
    let (err, rest) = word(rest.strip_prefix(b" err:")?)?;
    let begin = match rest.strip_prefix(b" text:") {
        Some(begin) => begin,
        None => rest.strip_prefix(b" Text:")?,
    };
    let own = |word| -> Option<COctetString> { Some(share_word(text, word)) };
    (receipt.id, receipt.stat, receipt.err) = (own(id), own(stat), own(err));
    (receipt.sub, receipt.dlvrd) = (number(sub), number(dlvrd));
    (receipt.submit_date, receipt.done_date) = (Some(submit_date), Some(done_date));
    receipt.state = Some(ReceiptState::from_stat(stat));
    set_text(receipt, text, trim_end(begin));
    Some(())
}

/// Plain octets up to a blank, at least one; and the blank with what is behind it.
#[inline(always)]
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_odd = |octet: &u8| !IS_PLAIN[usize::from(*octet)];
    let octets = match text {
        // As numbers and errors mostly are.
        [a, b, c, b' ', ..] if ![a, b, c].into_iter().any(is_odd) => 3,
        _ => text.iter().position(is_odd)?,
    };
    let (word, rest) = text.split_at(octets);
    (octets > 0 && rest[0] == b' ').then_some((word, rest))
}

/// By octet: whether it neither ends a word nor belongs to a label.
static IS_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = matches!(octet as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_');
        octet += 1;
    }
    table
};

/// A date that says no zone, and what is behind it; with a zone, both dates have to be looked at.
#[inline(always)]
fn local_date<'t>(text: &Bytes, rest: &'t [u8]) -> Option<(ReceiptDate, &'t [u8])> {
    // Nearly all have ten digits: looked at once, as a date, and not as a word before.
    if let Some((digits, behind)) = rest.split_first_chunk()
        && behind.first() == Some(&b' ')
        && let Some(time) = date::ten_digits(digits)
    {
        let (raw, time) = (share_word(text, digits), Some(time));
        return Some((ReceiptDate { raw, time }, behind));
    }
    let (word, behind) = word(rest)?;
    let time = date::parse(word);
    let raw = share_word(text, word);
    match time {
        Some(time) if time.utc_offset_minutes.is_some() => None,
        _ => Some((ReceiptDate { raw, time }, behind)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels;
    use super::*;

    const USUAL: &str = "id:42 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 \
                         stat:DELIVRD err:000 text:hi there";

    #[test]
    fn what_is_read_here_is_what_the_labels_say() {
        let mut read = 0;
        for at in 0..USUAL.len() {
            for octet in *b"\0 09:=,;|-+AaT~" {
                let mut texts = [USUAL.as_bytes().to_vec(), USUAL.into(), USUAL.into()];
                texts[0][at] = octet;
                texts[1].insert(at, octet);
                texts[2].truncate(at);
                texts[2].push(octet);
                for text in texts.map(Bytes::from) {
                    let (mut here, mut there) = (Receipt::default(), Receipt::default());
                    if parse_into(&mut here, &text).is_some() {
                        read += 1;
                        labels::parse_any(&mut there, &text);
                    }
                    assert_eq!(here, there, "{text:?}");
                }
            }
        }
        assert!(read > 500, "{read}");
    }
}
