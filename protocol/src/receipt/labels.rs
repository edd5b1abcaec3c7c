//! The text of a receipt: labels and values, in any order and many spellings.
//!
//! A label stands at the start or behind a blank or one of `, ; |`, and before `:` or `=`. Its
//! value runs to the next label. The first of two equal labels counts, and once a state has been
//! seen `text` takes the rest, so a message quoting a receipt changes nothing.

use bytes::Bytes;

use super::Receipt;
use super::date::{self, ReceiptDate};
use super::state::ReceiptState;
use super::usual;
use crate::c_octet_string::{COctetString, find, find_nul};

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

/// A word of at most [`WORD_OCTETS_MAX`] octets in lower case as a number, which is quicker to
/// compare: the last octet lowest, and a one in front of the first, so that no two words are equal.
type Key = u128;

const fn key(word: &[u8]) -> Key {
    let mut key = 1;
    let mut at = 0;
    while at < word.len() {
        key = key << 8 | word[at].to_ascii_lowercase() as Key;
        at += 1;
    }
    key
}

/// Declares constants for the spellings of labels.
macro_rules! keys {
    ($($name:ident $word:literal)*) => { $( const $name: Key = key($word); )* };
}

keys! {
    ID b"id" MSGID b"msgid" MSG_ID b"msg_id" MESSAGE_ID b"message_id"
    SUB b"sub" DLVRD b"dlvrd" DLVD b"dlvd"
    SUBMIT b"submit" SUBMIT_DATE b"submit_date" SUBMIT_HYPHEN b"submit-date" SUBMITDATE b"submitdate"
    DONE b"done" DONE_DATE b"done_date" DONE_HYPHEN b"done-date" DONEDATE b"donedate"
    STAT b"stat" STATUS b"status" STATE b"state"
    ERR b"err" ERROR b"error" TEXT b"text" DATE b"date"
}

impl Label {
    /// The label that one word spells, in any case.
    fn of_word(word: Key) -> Option<Self> {
        Some(match word {
            ID | MSGID | MSG_ID | MESSAGE_ID => Self::Id,
            SUB => Self::Sub,
            DLVRD | DLVD => Self::Dlvrd,
            SUBMIT_DATE | SUBMIT_HYPHEN | SUBMITDATE => Self::SubmitDate,
            DONE_DATE | DONE_HYPHEN | DONEDATE => Self::DoneDate,
            STAT | STATUS | STATE => Self::Stat,
            ERR | ERROR => Self::Err,
            TEXT => Self::Text,
            _ => return None,
        })
    }

    /// The label of two words, the second of which is `date`.
    fn of_date(word: Key) -> Option<Self> {
        match word {
            SUBMIT | SUB => Some(Self::SubmitDate),
            DONE => Some(Self::DoneDate),
            _ => None,
        }
    }
}

/// Reads all labels of a text.
pub(super) fn parse(text: &Bytes) -> Receipt {
    let mut receipt = Receipt::default();
    parse_into(&mut receipt, text);
    receipt
}

/// As [`parse`], into an empty receipt, which is slow to move.
pub(super) fn parse_into(receipt: &mut Receipt, text: &Bytes) {
    if usual::parse_into(receipt, text).is_none() {
        parse_any(receipt, text);
    }
}

/// As [`parse_into`], for labels in any order.
pub(super) fn parse_any(receipt: &mut Receipt, text: &Bytes) {
    let octets = trim_end(text);
    let mut next = find_label(octets, 0);
    while let Some(Found {
        label, value_at, ..
    }) = next
    {
        if label == Label::Text && receipt.stat.is_some() {
            set_text(receipt, text, &octets[value_at..]);
            break;
        }
        next = find_label(octets, value_at);
        let end = next.as_ref().map_or(octets.len(), |found| found.label_at);
        let value = &octets[value_at..end];
        set(receipt, label, text, value, word(value));
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
}

/// Takes the value of a label, the first word of which is `word`.
fn set(receipt: &mut Receipt, label: Label, text: &Bytes, value: &[u8], word: &[u8]) {
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
        Label::SubmitDate => set_date(&mut receipt.submit_date, text, value, word),
        Label::DoneDate => set_date(&mut receipt.done_date, text, value, word),
        Label::Text => set_text(receipt, text, value),
    }
}

fn set_word(field: &mut Option<COctetString>, text: &Bytes, word: &[u8]) {
    if field.is_none() && !word.is_empty() {
        *field = Some(share(text, word));
    }
}

pub(super) fn set_text(receipt: &mut Receipt, text: &Bytes, value: &[u8]) {
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
fn set_date(field: &mut Option<ReceiptDate>, text: &Bytes, value: &[u8], first: &[u8]) {
    if field.is_some() {
        return;
    }
    let raw = if first.len() == value.len() || !first.contains(&b'-') {
        first
    } else {
        two_words(value.trim_ascii(), first.len())
    };
    let raw = &raw[..find_nul(raw).unwrap_or(raw.len())];
    let time = date::parse(raw);
    *field = Some(ReceiptDate {
        raw: share(text, raw),
        time,
    });
}

/// The first two words if the second is a time of day, else the first.
fn two_words(value: &[u8], first_octets: usize) -> &[u8] {
    let (first, rest) = value.split_at(first_octets);
    let second = word(rest);
    if rest.starts_with(b" ") && second.contains(&b':') {
        &value[..first_octets + 1 + second.len()]
    } else {
        first
    }
}

pub(super) fn number(word: &[u8]) -> Option<u16> {
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    let add = |number: u16, octet: &u8| match octet {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u16::from(octet - b'0')),
        _ => None,
    };
    digits
        .iter()
        .try_fold(0, add)
        .filter(|_| !digits.is_empty())
}

/// A part of the text, up to its first NUL.
fn share(text: &Bytes, part: &[u8]) -> COctetString {
    let octets = find_nul(part).unwrap_or(part.len());
    share_word(text, &part[..octets])
}

/// A part of the text without NUL.
#[inline(always)]
pub(super) fn share_word(text: &Bytes, word: &[u8]) -> COctetString {
    let at = word.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    let behind = text.get(at..).unwrap_or_default();
    COctetString::short(behind, word.len()).unwrap_or_else(|| share_odd(text, word))
}

/// A part that is long, or near the end of the text.
#[inline(never)]
fn share_odd(text: &Bytes, part: &[u8]) -> COctetString {
    COctetString::inline(part).unwrap_or_else(|| COctetString::long(text.slice_ref(part)))
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
pub(super) fn trim_end(text: &[u8]) -> &[u8] {
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
        at += find(text.get(at..)?, [b':', b'='])?;
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
    let (word, octets) = last_word(text)?;
    if word == DATE {
        let front = text[..text.len() - octets].strip_suffix(b" ")?;
        let (first, first_octets) = last_word(front)?;
        return Some((Label::of_date(first)?, first_octets + 1 + octets));
    }
    Some((Label::of_word(word)?, octets))
}

/// What stands behind the last blank or separator, and its length; `None` if it is too long for a
/// label.
fn last_word(text: &[u8]) -> Option<(Key, usize)> {
    let (mut key, mut octets) = (0, 0);
    for octet in text.iter().rev() {
        if octet.is_ascii_whitespace() || matches!(octet, b',' | b';' | b'|') {
            break;
        }
        if octets == WORD_OCTETS_MAX {
            return None;
        }
        key |= Key::from(octet.to_ascii_lowercase()) << (8 * octets);
        octets += 1;
    }
    Some((key | 1 << (8 * octets), octets))
}
