//! Instants as the gateway API writes and reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use crate::message::Timestamp;

/// The wall clock.
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}

/// `2025-03-01T14:22:10.000000Z`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Iso(pub(super) Timestamp);

impl Iso {
    /// ASCII, always of this length: the year 9999 is the last one that is told apart.
    pub(super) fn octets(self) -> [u8; 27] {
        let seconds = i64::try_from(self.0.unix_s()).unwrap_or(i64::MAX);
        let at = OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(PrimitiveDateTime::MAX.assume_utc());
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        let mut out = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut out[0..4], u32::try_from(year).unwrap_or(0));
        digits(&mut out[5..7], u32::from(u8::from(month)));
        digits(&mut out[8..10], u32::from(day));
        digits(&mut out[11..13], u32::from(hour));
        digits(&mut out[14..16], u32::from(minute));
        digits(&mut out[17..19], u32::from(second));
        let micros = u32::try_from(self.0.0 % 1_000_000).expect("it is below a million");
        digits(&mut out[20..26], micros);
        out
    }
}

fn digits(out: &mut [u8], mut number: u32) {
    for place in out.iter_mut().rev() {
        // One digit always fits.
        *place = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
    }
}

impl Serialize for Iso {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let octets = self.octets();
        serializer.serialize_str(std::str::from_utf8(&octets).expect("it is ASCII"))
    }
}

impl JsonSchema for Iso {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// An instant in a query: RFC 3339, `YYYY-MM-DD HH:MM:SS` in UTC, or a day (its beginning). One
/// before 1970 is 1970.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    // A `+` in a query is a blank by the time it comes here.
    let rfc3339 = text.replacen(' ', "+", 1);
    let at = OffsetDateTime::parse(&rfc3339, &Rfc3339)
        .ok()
        .or_else(|| {
            let blank = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
            let t = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
            let at = PrimitiveDateTime::parse(text, blank)
                .or_else(|_| PrimitiveDateTime::parse(text, t));
            at.ok().map(PrimitiveDateTime::assume_utc)
        })
        .or_else(|| {
            let day = Date::parse(text, format_description!("[year]-[month]-[day]"));
            day.ok().map(|d| d.midnight().assume_utc())
        })?;
    let micros = at.unix_timestamp_nanos() / 1000;
    Some(Timestamp(u64::try_from(micros).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(at: Timestamp) -> String {
        String::from_utf8(Iso(at).octets().to_vec()).unwrap()
    }

    #[test]
    fn instants_have_six_fractional_digits_and_a_z() {
        assert_eq!(written(Timestamp(0)), "1970-01-01T00:00:00.000000Z");
        let at = Timestamp(1_740_838_930_000_042);
        assert_eq!(written(at), "2025-03-01T14:22:10.000042Z");
        assert_eq!(&written(Timestamp::NEVER)[..4], "9999");
    }

    #[test]
    fn instants_are_read_in_every_usual_spelling() {
        let at = Some(Timestamp(1_740_838_930_000_000));
        assert_eq!(parse("2025-03-01T14:22:10.000000Z"), at);
        assert_eq!(parse("2025-03-01T15:22:10+01:00"), at);
        assert_eq!(parse("2025-03-01T15:22:10 01:00"), at, "a decoded plus");
        assert_eq!(parse("2025-03-01 14:22:10"), at);
        assert_eq!(parse("2025-03-01T14:22:10"), at);
        let day = Some(Timestamp(1_740_787_200_000_000));
        assert_eq!(parse("2025-03-01"), day);
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("1969-12-31T00:00:00Z"), Some(Timestamp(0)));
    }
}
