//! Laying one member of a request over the same member of a record.

use std::net::{IpAddr, Ipv6Addr};

use super::super::error::Faults;
use super::super::json::Field;
use super::super::rule::{self, Given};

/// A member of a request with its name.
type Named<'a> = (&'static str, Field<'a>);

/// What a text breaks, as the end of a sentence about its field.
type Broken = Result<(), &'static str>;

pub(super) fn put(
    to: &mut Option<String>,
    (name, field): Named<'_>,
    characters_max: usize,
    faults: &mut Faults,
) {
    match rule::text(name, field, characters_max, faults) {
        Given::Absent => {}
        Given::Cleared => *to = None,
        Given::Value(text) => *to = Some(text.into_owned()),
    }
}

/// A member without a default: it can be changed, never cleared.
pub(super) fn put_required(
    to: &mut String,
    (name, field): Named<'_>,
    characters_max: usize,
    faults: &mut Faults,
    further: fn(&str) -> Broken,
) {
    match rule::text(name, field, characters_max, faults) {
        Given::Absent => {}
        Given::Cleared => rule::required(name, faults),
        Given::Value(text) => match further(&text) {
            Ok(()) => *to = text.into_owned(),
            Err(wrong) => faults.add(name, format!("The {name} field {wrong}.")),
        },
    }
}

pub(super) fn put_flag(
    to: &mut bool,
    (name, field): Named<'_>,
    default: bool,
    faults: &mut Faults,
) {
    match rule::flag(name, &field, faults) {
        Given::Absent => {}
        Given::Cleared => *to = default,
        Given::Value(flag) => *to = flag,
    }
}

/// What [`not_blank`] asks for, as a pattern.
pub(super) const NOT_BLANK: &str = r"\S";
/// No control characters.
pub(super) const NO_CONTROLS: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// What [`host`] takes beside addresses.
pub(super) const HOST_NAME: &str = r"^[A-Za-z0-9._-]+$";
/// What [`path`] takes.
pub(super) const PATH: &str = r"^[^#\s\x00-\x1f\x7f-\x9f]*$";

pub(super) fn not_blank(text: &str) -> Broken {
    match text.trim() {
        "" => Err("must not be blank"),
        _ => Ok(()),
    }
}

/// A host name or an IP address.
pub(super) fn host(text: &str) -> Broken {
    let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let is_address =
        text.parse::<IpAddr>().is_ok() || bracketed.is_some_and(|t| t.parse::<Ipv6Addr>().is_ok());
    let of_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if is_address || text.bytes().all(of_name) {
        Ok(())
    } else {
        Err("must be a host name or an IP address, without scheme, port or path")
    }
}

/// The path of a URL, perhaps with a query.
pub(super) fn path(text: &str) -> Broken {
    let wrong = |c: char| c == '#' || c.is_whitespace() || c.is_control();
    if text.contains(wrong) {
        Err("must not have a blank or a #")
    } else {
        Ok(())
    }
}
