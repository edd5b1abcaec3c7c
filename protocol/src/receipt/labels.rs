//! The text of a receipt: labels and values, in any order and many spellings.
//!
//! A label stands at the start or behind a blank or one of `, ; |`, and before `:` or `=`. Its
//! value runs to the next label. The first of two equal labels counts, and once a state has been
//! seen `text` takes the rest, so a message quoting a receipt changes nothing.

use bytes::Bytes;

use super::Receipt;
use super::date::ReceiptDate;
use super::state::ReceiptState;
use crate::c_octet_string::COctetString;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Id,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
    Text,
}

/// Octets of the longest label of one word.
const WORD_OCTETS_MAX: usize = b"submit_date".len();

impl Label {
    /// The label that one word spells, in any case.
    fn of_word(word: &[u8]) -> Option<Self> {
        let mut lower = [0; WORD_OCTETS_MAX];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"id" | b"msgid" | b"msg_id" | b"message_id" => Self::Id,
            b"sub" => Self::Sub,
            b"dlvrd" | b"dlvd" => Self::Dlvrd,
            b"submit_date" | b"submit-date" | b"submitdate" => Self::SubmitDate,
            b"done_date" | b"done-date" | b"donedate" => Self::DoneDate,
            b"stat" | b"status" | b"state" => Self::Stat,
            b"err" | b"error" => Self::Err,
            b"text" => Self::Text,
            _ => return None,
        })
    }

    /// The label of two words, the second of which is `date`.
    fn of_date(word: &[u8]) -> Option<Self> {
        [
            (&b"submit"[..], Self::SubmitDate),
            (b"done", Self::DoneDate),
            (b"sub", Self::SubmitDate),
        ]
        .into_iter()
        .find_map(|(spelling, label)| word.eq_ignore_ascii_case(spelling).then_some(label))
    }
}

/// Reads all labels of a text.
pub(super) fn parse(text: &Bytes) -> Receipt {
    let octets = trim_end(text);
    let mut receipt = Receipt::default();
    let mut next = find_label(octets, 0);
    while let Some(Found {
        label, value_at, ..
    }) = next
    {
        if label == Label::Text && receipt.stat.is_some() {
            set_text(&mut receipt, text, &octets[value_at..]);
            break;
        }
        next = find_label(octets, value_at);
        let end = next.as_ref().map_or(octets.len(), |found| found.label_at);
        set(&mut receipt, label, text, &octets[value_at..end]);
    }
    let certain =
        |date: &Option<ReceiptDate>| date.as_ref().is_some_and(ReceiptDate::is_certainly_unix);
    if certain(&receipt.submit_date) || certain(&receipt.done_date) {
        receipt
            .submit_date
            .iter_mut()
            .for_each(ReceiptDate::read_as_unix);
        receipt
            .done_date
            .iter_mut()
            .for_each(ReceiptDate::read_as_unix);
    }
    receipt
}

fn set(receipt: &mut Receipt, label: Label, text: &Bytes, value: &[u8]) {
    let word = word(value);
    match label {
        Label::Id => set_word(&mut receipt.id, text, word),
        Label::Stat if receipt.stat.is_none() && !word.is_empty() => {
            set_word(&mut receipt.stat, text, word);
            receipt.state = Some(ReceiptState::from_stat(word));
        }
        Label::Stat => {}
        Label::Err => set_word(&mut receipt.err, text, word),
        Label::Sub => receipt.sub = receipt.sub.or_else(|| number(word)),
        Label::Dlvrd => receipt.dlvrd = receipt.dlvrd.or_else(|| number(word)),
        Label::SubmitDate => set_date(&mut receipt.submit_date, text, value),
        Label::DoneDate => set_date(&mut receipt.done_date, text, value),
        Label::Text => set_text(receipt, text, value),
    }
}

fn set_word(field: &mut Option<COctetString>, text: &Bytes, word: &[u8]) {
    if field.is_none() && !word.is_empty() {
        *field = Some(share(text, word));
    }
}

fn set_text(receipt: &mut Receipt, text: &Bytes, value: &[u8]) {
    if receipt.text.is_none() {
        let value = value.trim_ascii();
        let value = if value.is_empty() {
            Bytes::new()
        } else {
            text.slice_ref(value)
        };
        receipt.text = Some(value);
    }
}

/// A date is one word, or two if the first is a calendar date and the second a time of day.
fn set_date(field: &mut Option<ReceiptDate>, text: &Bytes, value: &[u8]) {
    if field.is_some() {
        return;
    }
    let value = value.trim_ascii();
    let first = word(value);
    let rest = &value[first.len()..];
    let second = word(rest);
    let raw = if first.contains(&b'-') && rest.starts_with(b" ") && second.contains(&b':') {
        &value[..first.len() + 1 + second.len()]
    } else {
        first
    };
    *field = Some(ReceiptDate::new(share(text, raw)));
}

fn number(word: &[u8]) -> Option<u16> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn share(text: &Bytes, part: &[u8]) -> COctetString {
    if part.is_empty() {
        COctetString::EMPTY
    } else {
        COctetString::from_bytes(text.slice_ref(part))
    }
}

/// The first word of a value, without separators behind it.
fn word(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    let end = value
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(value.len());
    let mut word = &value[..end];
    while let [rest @ .., b',' | b';' | b'|'] = word {
        word = rest;
    }
    word
}

/// Without the NULs and blanks that some SMSCs pad with.
fn trim_end(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [rest @ .., 0 | b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

struct Found {
    label: Label,
    label_at: usize,
    value_at: usize,
}

/// The next label at or behind `from`: the first separator with a label's spelling before it.
fn find_label(text: &[u8], from: usize) -> Option<Found> {
    let mut at = from;
    loop {
        at += text
            .get(at..)?
            .iter()
            .position(|octet| matches!(octet, b':' | b'='))?;
        let before = text[from..at].trim_ascii_end();
        if let Some((label, octets)) = label_at_end(before) {
            let label_at = from + before.len() - octets;
            return Some(Found {
                label,
                label_at,
                value_at: at + 1,
            });
        }
        at += 1;
    }
}

/// The label that ends here, and its length.
fn label_at_end(text: &[u8]) -> Option<(Label, usize)> {
    let word = last_word(text);
    if word.eq_ignore_ascii_case(b"date") {
        let front = text[..text.len() - word.len()].strip_suffix(b" ")?;
        let first = last_word(front);
        return Some((Label::of_date(first)?, first.len() + 1 + word.len()));
    }
    Some((Label::of_word(word)?, word.len()))
}

/// What stands behind the last blank or separator.
fn last_word(text: &[u8]) -> &[u8] {
    let is_border = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b',' | b';' | b'|');
    let start = text
        .iter()
        .rposition(is_border)
        .map_or(0, |border| border + 1);
    &text[start..]
}
