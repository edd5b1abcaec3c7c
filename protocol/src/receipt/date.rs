//! Dates of a receipt: seven ways to write one, and no zone in most of them.

use crate::c_octet_string::COctetString;
use crate::time::{CivilTime, SmppTime, full_year, pair};

/// Ten digits in this range can be Unix seconds: 2001 to 2037.
const UNIX_SECONDS: std::ops::RangeInclusive<i64> = 1_000_000_000..=2_145_916_799;

/// A date as written, and as understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptDate {
    /// The characters of the receipt; may be empty.
    pub raw: COctetString,
    /// The time, in the SMSC's zone unless it says one; `None` for zeros and nonsense.
    pub time: Option<CivilTime>,
}

impl ReceiptDate {
    /// Whether this can be read as Unix seconds only.
    pub(super) fn is_certainly_unix(&self) -> bool {
        // Ten digits that are a calendar date say nothing about the zone.
        let has_zone = |time: CivilTime| time.utc_offset_minutes.is_some();
        self.raw.len() == 10 && self.time.is_some_and(has_zone)
    }

    /// Takes ten digits for Unix seconds, since the other date of the receipt is that.
    pub(super) fn read_as_unix(&mut self) {
        if let Some(time) = unix_seconds(self.raw.as_bytes()) {
            self.time = Some(time);
        }
    }
}

/// Any of the seven.
pub(super) fn parse(text: &[u8]) -> Option<CivilTime> {
    if let Ok(text) = text.try_into()
        && let Some(time) = ten_digits(text)
    {
        return Some(time);
    }
    let digits = text.iter().all(u8::is_ascii_digit);
    match text.len() {
        10 if digits => unix_seconds(text),
        12 if digits => civil(&text[2..], full_year(pair(text)?)).or_else(|| four_digit_year(text)),
        14 if digits => four_digit_year(text),
        16 if text.iter().take(15).all(u8::is_ascii_digit) => match SmppTime::parse(text)? {
            SmppTime::Absolute(time) => Some(time),
            SmppTime::Relative { .. } => None,
        },
        _ => iso(text),
    }
}

/// `YYMMDDhhmm`, as most write it.
pub(super) fn ten_digits(text: &[u8; 10]) -> Option<CivilTime> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = |at: usize| 10 * (text[at] - b'0') + text[at + 1] - b'0';
    CivilTime::new(full_year(part(0)), part(2), part(4), part(6), part(8), 0)
}

/// `YYYYMMDDhhmm` with or without `ss`.
fn four_digit_year(text: &[u8]) -> Option<CivilTime> {
    let year = 100 * u16::from(pair(text)?) + u16::from(pair(&text[2..])?);
    civil(&text[4..], year)
}

/// `MMDDhhmm` with or without `ss`.
fn civil(text: &[u8], year: u16) -> Option<CivilTime> {
    let part = |at: usize| pair(text.get(at..)?);
    let second = if text.len() > 8 { part(8)? } else { 0 };
    CivilTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, second)
}

fn unix_seconds(text: &[u8]) -> Option<CivilTime> {
    if text.len() != 10 {
        return None;
    }
    let seconds = std::str::from_utf8(text).ok()?.parse().ok()?;
    UNIX_SECONDS
        .contains(&seconds)
        .then(|| CivilTime::from_unix(seconds))?
}

/// `YYYY-MM-DD hh:mm` with or without `:ss`, with a blank or a `T` between.
fn iso(text: &[u8]) -> Option<CivilTime> {
    let separators = [(4, b"-"), (7, b"-"), (10, b" "), (13, b":")];
    let fits = separators
        .iter()
        .all(|(at, separator)| match text.get(*at) {
            Some(b'T') if *at == 10 => true,
            found => found == separator.first(),
        });
    if !fits {
        return None;
    }
    let part = |at: usize| pair(text.get(at..)?);
    let second = match text.get(16) {
        None => 0,
        Some(b':') => part(17)?,
        Some(_) => return None,
    };
    let year = 100 * u16::from(part(0)?) + u16::from(part(2)?);
    CivilTime::new(year, part(5)?, part(8)?, part(11)?, part(14)?, second)
}
