//! `scheduledDate`: `yyyy-MM-dd HH:mm:ss.SSSZ`.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description as format;

use crate::message::Timestamp;

/// The documented way to write the offset, and two that are tolerated.
const FORMATS: [&[BorrowedFormatItem<'_>]; 3] = [
    format!(
        "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]\
         [offset_hour sign:mandatory][offset_minute]"
    ),
    format!(
        "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]\
         [offset_hour sign:mandatory]:[offset_minute]"
    ),
    format!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]Z"),
];

/// The instant; one before 1970 is 1970.
pub(super) fn parse(written: &str) -> Option<Timestamp> {
    let [documented, colon, zulu] = FORMATS;
    let at = OffsetDateTime::parse(written, documented)
        .or_else(|_| OffsetDateTime::parse(written, colon))
        .or_else(|_| {
            time::PrimitiveDateTime::parse(written, zulu).map(time::PrimitiveDateTime::assume_utc)
        })
        .ok()?;
    let micros = at.unix_timestamp_nanos() / 1000;
    Some(Timestamp(u64::try_from(micros).unwrap_or(0)))
}

/// What [`parse`] reads, as a pattern: days that the calendar has, from the year 1000 on.
pub(super) fn pattern() -> String {
    let years = "[1-9][0-9]{3}";
    // Every fourth year, but of those that end a century every fourth again.
    let leap_years = "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)";
    let date = std::format!(
        "({years}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|{years}-(0[469]|11)-(0[1-9]|[12][0-9]|30)\
         |{years}-02-(0[1-9]|1[0-9]|2[0-8])|{leap_years}-02-29)"
    );
    let time = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}";
    std::format!("^{date} {time}(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_documented() {
        let nine = Some(Timestamp(1_759_309_200_000_000));
        for (written, at) in [
            ("2025-10-01 09:00:00.000+0000", nine),
            ("2025-10-01 11:00:00.000+0200", nine),
            ("2025-10-01 09:00:00.000Z", nine),
            ("2025-10-01 09:00:00.000+00:00", nine),
            (
                "2025-10-01 09:00:00.250-0000",
                nine.map(|t| Timestamp(t.0 + 250_000)),
            ),
            ("2025-10-01T09:00:00Z x", None),
            ("2025-10-01T09:00:00.000+0000", None),
            ("2025-10-01 09:00:00+0000", None),
            ("2025-10-01 09:00:00.000", None),
            ("2025-13-01 09:00:00.000+0000", None),
            ("2025-02-30 09:00:00.000+0000", None),
            ("tomorrow", None),
            ("", None),
            ("1960-01-01 00:00:00.000+0000", Some(Timestamp(0))),
        ] {
            assert_eq!(parse(written), at, "{written}");
        }
    }
}
