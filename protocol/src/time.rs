//! Times on the wire: absolute, relative, or a civil date without a zone.
//!
//! Nothing here reads a clock. An absolute time says when by a calendar and a zone, a relative one
//! how long from now; a receipt often has neither zone nor seconds (SMPP 3.4 §7.1.1, 5.0 §4.7.23).

use std::fmt;
use std::time::Duration;

use crate::c_octet_string::COctetString;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A date and a time of day, with the zone where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CivilTime {
    /// All four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31, as the month allows.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Minutes ahead of UTC; `None` if nothing says which zone this is.
    pub utc_offset_minutes: Option<i16>,
}

impl CivilTime {
    /// A time without a zone, if there is such a date.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let time = Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            utc_offset_minutes: None,
        };
        valid.then_some(time)
    }

    /// The civil time in UTC of a Unix time, or `None` outside the years 0 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // Days since 0000-03-01, so that the leap day ends the year.
        let days = days.checked_add(719_468)?;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Some(Self {
            year: u16::try_from(year).ok().filter(|year| *year <= 9999)?,
            month: month as u8,
            day: (of_year - (153 * march_month + 2) / 5 + 1) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            utc_offset_minutes: Some(0),
        })
    }

    /// Seconds since 1970 in UTC; a time without a zone is taken to be
    /// `default_offset_minutes` ahead of UTC.
    #[must_use]
    pub fn to_unix(self, default_offset_minutes: i16) -> i64 {
        let (month, year) = (i64::from(self.month), i64::from(self.year));
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let days = era * 146_097 + of_era - 719_468;
        let of_day =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let offset = self.utc_offset_minutes.unwrap_or(default_offset_minutes);
        days * DAY + of_day - i64::from(offset) * 60
    }

    /// The same digits in another zone.
    pub(crate) fn at_offset(mut self, minutes: i16) -> Self {
        self.utc_offset_minutes = Some(minutes);
        self
    }
}

impl fmt::Display for CivilTime {
    /// ISO 8601, with the offset where it is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match self.utc_offset_minutes {
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            None => Ok(()),
        }
    }
}

/// A time field of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmppTime {
    /// A moment. Without a zone if the peer left it out.
    Absolute(CivilTime),
    /// A time from now.
    Relative {
        /// Of no fixed length.
        years: u8,
        /// Of no fixed length.
        months: u8,
        /// 0 to 31.
        days: u8,
        /// 0 to 23.
        hours: u8,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
    },
}

impl SmppTime {
    /// Characters of a time on the wire, without its NUL.
    pub const CHARACTERS: usize = 16;

    /// The longest time written as relative; the field has two digits for days, and months have
    /// no fixed length.
    pub const RELATIVE_MAX: Duration = Duration::from_secs(31 * DAY as u64);

    /// Reads `YYMMDDhhmmsstnnp`. Peers that leave the end out are understood from 12 digits on,
    /// and blanks in a relative time count as zeros.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            [fields @ .., b'R'] if text.len() == Self::CHARACTERS => Self::parse_relative(fields),
            [fields @ .., sign @ (b'+' | b'-')] if text.len() == Self::CHARACTERS => {
                let quarters = i16::from(pair(&fields[13..])?);
                let minutes = if *sign == b'-' {
                    -15 * quarters
                } else {
                    15 * quarters
                };
                let time = Self::parse_digits(fields)?;
                // Up to +14:00; the text stops at 48 quarters.
                (quarters <= 56).then_some(Self::Absolute(time.at_offset(minutes)))
            }
            _ if (12..Self::CHARACTERS).contains(&text.len()) => {
                Self::parse_digits(text).map(Self::Absolute)
            }
            _ => None,
        }
    }

    fn parse_digits(text: &[u8]) -> Option<CivilTime> {
        if !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let year = full_year(pair(text)?);
        let part = |at: usize| pair(&text[at..]);
        CivilTime::new(year, part(2)?, part(4)?, part(6)?, part(8)?, part(10)?)
    }

    fn parse_relative(fields: &[u8]) -> Option<Self> {
        let part = |at: usize| {
            let digit = |octet| match octet {
                b' ' => Some(0),
                b'0'..=b'9' => Some(octet - b'0'),
                _ => None,
            };
            Some(10 * digit(*fields.get(at)?)? + digit(*fields.get(at + 1)?)?)
        };
        Some(Self::Relative {
            years: part(0)?,
            months: part(2)?,
            days: part(4)?,
            hours: part(6)?,
            minutes: part(8)?,
            seconds: part(10)?,
        })
    }

    /// A relative time as a field, cut to [`RELATIVE_MAX`](Self::RELATIVE_MAX) and whole seconds.
    #[must_use]
    pub fn relative(time: Duration) -> COctetString {
        let seconds = time.min(Self::RELATIVE_MAX).as_secs();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        COctetString::from(format!(
            "0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"
        ))
    }

    /// A moment in UTC as a field, or `None` outside the years 1938 to 2037, which two digits can
    /// tell apart.
    #[must_use]
    pub fn absolute(unix_seconds: i64) -> Option<COctetString> {
        let time = CivilTime::from_unix(unix_seconds)?;
        let CivilTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = time;
        let text = format!(
            "{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}000+",
            year % 100
        );
        (1938..=2037)
            .contains(&year)
            .then(|| COctetString::from(text))
    }

    /// The time `now` becomes, in Unix seconds; years count 365 days and months 30. A time without
    /// a zone is taken to be in UTC.
    #[must_use]
    pub fn to_unix(self, now_unix_seconds: i64) -> i64 {
        match self {
            Self::Absolute(time) => time.to_unix(0),
            Self::Relative {
                years,
                months,
                days,
                hours,
                minutes,
                seconds,
            } => {
                let days = i64::from(years) * 365 + i64::from(months) * 30 + i64::from(days);
                let of_day = i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds);
                now_unix_seconds.saturating_add(days * DAY + of_day)
            }
        }
    }
}

/// The century of a two-digit year: 00 to 37 are 20xx, 38 to 99 are 19xx (SMPP 3.4 §7.1.1).
pub(crate) fn full_year(two_digits: u8) -> u16 {
    u16::from(two_digits) + if two_digits < 38 { 2000 } else { 1900 }
}

/// The number of the first two digits.
pub(crate) fn pair(text: &[u8]) -> Option<u8> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => Some(10 * (tens - b'0') + ones - b'0'),
        _ => None,
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_times_are_local_to_their_zone() {
        let SmppTime::Absolute(time) = SmppTime::parse(b"261122101500004+").unwrap() else {
            panic!("absolute");
        };
        assert_eq!(time.to_string(), "2026-11-22T10:15:00+01:00");
        assert_eq!(CivilTime::from_unix(time.to_unix(0)).unwrap().hour, 9);
    }

    #[test]
    fn relative_times_are_written_in_days_and_read_back() {
        let two_days = SmppTime::relative(Duration::from_secs(2 * 86_400 + 61));
        assert_eq!(two_days, "000002000101000R");
        let parsed = SmppTime::parse(two_days.as_bytes()).unwrap();
        assert_eq!(parsed.to_unix(1_000), 1_000 + 2 * 86_400 + 61);
        assert_eq!(SmppTime::relative(Duration::MAX), "000031000000000R");
    }

    #[test]
    fn unix_times_survive_the_calendar() {
        for seconds in [
            -1_000_000_000,
            -1,
            0,
            951_782_400,
            1_795_341_600,
            2_145_916_799,
        ] {
            let time = CivilTime::from_unix(seconds).unwrap();
            assert_eq!(time.to_unix(600), seconds, "{time}");
        }
        assert_eq!(
            CivilTime::from_unix(1_795_341_600).unwrap().to_string(),
            "2026-11-22T10:00:00+00:00"
        );
        assert_eq!(
            SmppTime::absolute(1_795_341_600).unwrap(),
            "261122100000000+"
        );
        assert_eq!(CivilTime::from_unix(i64::MAX), None);
        assert_eq!(SmppTime::absolute(i64::from(u32::MAX)), None, "2106");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2611221000",
            "tomorrow",
            "26112210000000R",
            "261322100000000+",
            "26112210000000é+",
            "0000000000000000",
        ] {
            assert_eq!(SmppTime::parse(text.as_bytes()), None, "{text}");
        }
        assert!(SmppTime::parse(b"261122100000").is_some(), "no zone");
        assert!(SmppTime::parse(b"    02000000000R").is_some(), "blanks");
    }
}
