//! Where a list goes on, as clients carry it from one page to the next.
//!
//! Every text of the right shape is a cursor: one that was made up leads to some place of the
//! log, and shows nothing that its reader could not list anyway.

use super::error::Faults;
use super::query::Query;
use crate::openapi::{Operation, Schema};
use crate::store::Cursor;

/// The shape of a cursor.
pub(super) const PATTERN: &str = "^[ab][0-9a-f]{24}$";

pub(super) fn write(cursor: Cursor) -> String {
    let walk = if cursor.carried { 'b' } else { 'a' };
    format!("{walk}{:016x}{:08x}", cursor.frame, cursor.passed)
}

fn read(text: &str) -> Option<Cursor> {
    let (walk, place) = text.split_at_checked(1)?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if place.len() != 24 || !place.bytes().all(is_hex) {
        return None;
    }
    let (frame, passed) = place.split_at(16);
    Some(Cursor {
        carried: match walk {
            "a" => false,
            "b" => true,
            _ => return None,
        },
        frame: u64::from_str_radix(frame, 16).ok()?,
        passed: u32::from_str_radix(passed, 16).ok()?,
    })
}

/// The parameter `cursor`.
pub(super) fn of(query: &Query<'_>, faults: &mut Faults) -> Option<Cursor> {
    let cursor = read(query.get("cursor")?);
    if cursor.is_none() {
        faults.add(
            "cursor",
            "The cursor field must be the next_cursor of a list before.",
        );
    }
    cursor
}

/// Describes [`of`].
pub(super) fn parameter(operation: &mut Operation<'_>) {
    let cursor = Schema::string().pattern(PATTERN).says(
        "The `next_cursor` of the page before: nothing comes twice or is missed, whatever is \
         written meanwhile. A page looks through a part of the log, so it may have fewer rows \
         than were asked for, or none; only a `next_cursor` of null is the end.",
    );
    operation.query("cursor", cursor);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        for carried in [false, true] {
            for frame in [0, 7, u64::MAX] {
                let cursor = Cursor {
                    carried,
                    frame,
                    passed: 3,
                };
                assert_eq!(read(&write(cursor)), Some(cursor));
            }
        }
        for wrong in [
            "",
            "a",
            "c0000000000000001",
            "é",
            "x00000000000000000000000a",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&format!("a+{}", "0".repeat(23))), None);
        assert_eq!(read(&format!("a{}", "F".repeat(24))), None);
    }
}
