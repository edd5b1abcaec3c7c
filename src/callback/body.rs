//! What a callback says: the JSON of each kind, from the lease alone.
//!
//! The same lease under the same configuration gives the same octets.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smpp_protocol::{text::DecodedText, time::CivilTime};

use crate::{
    config::{AddressType, Organisation},
    message::{GatewayId, MessageId, MoRecord, Report, SmppReport, State, Timestamp, UniversalRef},
};

/// Numbers and names as callbacks to service profiles have them.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub(super) id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
}

impl<'a> From<&'a Organisation> for Named<'a> {
    fn from(organisation: &'a Organisation) -> Self {
        Named {
            id: organisation.id,
            name: organisation.name.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Mo<'a> {
    id: u64,
    endpoint: Named<'a>,
    organisation: Named<'a>,
    source_address: Address<'a>,
    dest_address: Address<'a>,
    payload: String,
    dcs: u8,
    pid: u8,
    submit_date: String,
    multi_part_info: Part,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Address<'a> {
    Number(u64),
    Text(&'a str),
}

#[derive(Serialize)]
struct Part {
    identifier: String,
    partno: u8,
    total: u8,
}

/// An MO for the service profile's application.
pub(super) fn mo(
    id: MessageId,
    record: &MoRecord,
    received_at: Timestamp,
    organisation: &Organisation,
    addresses: AddressType,
) -> Bytes {
    let (partno, total) = record.segment.map_or((1, 1), |c| (c.number, c.total));
    json(&Mo {
        id: id.0,
        endpoint: Named {
            id: record.route.endpoint_id,
            name: Some(&record.route.endpoint_name),
        },
        organisation: organisation.into(),
        source_address: address(&record.source_addr, addresses),
        dest_address: address(&record.destination_addr, addresses),
        payload: match record.payload() {
            DecodedText::Text(text) => text,
            DecodedText::Binary(octets) => hex(&octets),
        },
        dcs: record.data_coding,
        pid: record.protocol_id,
        submit_date: date_and_time(received_at),
        multi_part_info: Part {
            identifier: record.identifier.unwrap_or(id.0).to_string(),
            partno,
            total,
        },
    })
}

/// True when the body has the payload in hexadecimal digits.
pub(super) fn is_hex(record: &MoRecord) -> bool {
    matches!(record.payload(), DecodedText::Binary(_))
}

/// A number where none of it is lost by that, else a string.
fn address(written: &str, addresses: AddressType) -> Address<'_> {
    let digits = written.strip_prefix('+').unwrap_or(written);
    let lossless = (1..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    match digits.parse() {
        Ok(number) if lossless && addresses == AddressType::Auto => Address::Number(number),
        _ => Address::Text(written),
    }
}

fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |d: u8| char::from(DIGITS[usize::from(d & 0x0F)]);
    octets
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(*b)])
        .collect()
}

#[derive(Serialize)]
struct Patch<'a> {
    id: u64,
    endpoint: Named<'a>,
    organisation: Named<'a>,
    submit_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_date: Option<String>,
    status: Status,
}

#[derive(Serialize)]
struct Status {
    id: u8,
    status: &'static str,
}

/// The times of an MT that its callbacks tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) accepted_at: Timestamp,
    pub(super) submitted_at: Option<Timestamp>,
    /// When the state was reached.
    pub(super) event_at: Timestamp,
}

/// The status of an MT for the service profile's application.
pub(super) fn patch(
    id: MessageId,
    endpoint: Named<'_>,
    organisation: &Organisation,
    state: State,
    times: Times,
) -> Bytes {
    json(&Patch {
        id: id.0,
        endpoint,
        organisation: organisation.into(),
        submit_date: date_and_time(times.submitted_at.unwrap_or(times.accepted_at)),
        final_date: state.is_terminal().then(|| date_and_time(times.event_at)),
        status: status(state),
    })
}

fn status(state: State) -> Status {
    let (id, status) = match state {
        State::Scheduled | State::Queued | State::Submitting => (1, "DELIVERY ATTEMPT PENDING"),
        State::Submitted => (2, "IN PROGRESS"),
        State::Enroute => (3, "BUFFERED"),
        State::Delivered | State::Simulated => (4, "DELIVERED"),
        State::Undelivered | State::Rejected | State::Failed => (5, "FAILED"),
        State::Expired => (6, "EXPIRED"),
        State::Cancelled => (7, "CANCELED"),
    };
    Status { id, status }
}

#[derive(Serialize)]
struct Verdict<'a> {
    message_id: &'a str,
    id: &'a str,
    status: String,
    level: u8,
    connector: String,
    id_smsc: &'a str,
    sub: String,
    dlvrd: String,
    subdate: String,
    donedate: String,
    err: String,
    text: &'a str,
}

/// The verdict on an MT for whoever sent it. A message that never got an upstream id has empty
/// ids: ours in their place could be taken for another message's.
pub(super) fn verdict(
    gateway: GatewayId,
    upstream_id: Option<&str>,
    state: State,
    report: Option<&Report>,
    times: Times,
) -> Bytes {
    let id = upstream_id.unwrap_or_default();
    let receipt = match report {
        Some(Report::Smpp(receipt)) => Some(receipt),
        _ => None,
    };
    let word = report.map_or("", Report::word);
    let count = |n: Option<u16>, or: u16| {
        let mut text = String::with_capacity(3);
        push_number(&mut text, 3, n.unwrap_or(or).into());
        text
    };
    let date = |told: Option<&String>, ours: Option<Timestamp>| match told {
        Some(date) => date.clone(),
        None => ours.map(receipt_date).unwrap_or_default(),
    };
    json(&Verdict {
        message_id: id,
        id,
        status: if word.is_empty() {
            SmppReport::word_of(state).to_owned()
        } else {
            word.to_uppercase()
        },
        level: 2,
        connector: gateway.to_string(),
        id_smsc: receipt.map_or(id, |r| &r.id),
        sub: count(receipt.and_then(|r| r.sub), 1),
        dlvrd: count(
            receipt.and_then(|r| r.dlvrd),
            u16::from(state == State::Delivered),
        ),
        subdate: date(
            receipt.and_then(|r| r.submit_date.as_ref()),
            times.submitted_at,
        ),
        donedate: date(
            receipt.and_then(|r| r.done_date.as_ref()),
            Some(times.event_at),
        ),
        err: error(report),
        text: receipt.and_then(|r| r.text.as_deref()).unwrap_or_default(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    channel: &'static str,
    event_type: &'static str,
    message_id: &'a str,
    destination: &'a str,
    status_code: u8,
    description: &'static str,
    price: f64,
    num_part: u8,
    total_parts: u8,
    event_date: String,
}

/// The final state of one part for the account that sent it.
pub(super) fn notification(
    destination: &str,
    origin: UniversalRef<'_>,
    part: u8,
    price: f64,
    state: State,
    event_at: Timestamp,
) -> Bytes {
    let (status_code, description) = match state {
        State::Delivered => (3, "delivered"),
        _ => (6, "undeliverable"),
    };
    json(&Notification {
        channel: "SMS",
        event_type: "DELIVERY",
        message_id: origin.message_id,
        destination,
        status_code,
        description,
        price,
        num_part: part,
        total_parts: origin.parts,
        event_date: event_date(event_at),
    })
}

fn error(report: Option<&Report>) -> String {
    let told = match report {
        Some(Report::Smpp(receipt)) => receipt.err.clone(),
        Some(Report::Http { payload, .. }) => http_error(payload),
        _ => None,
    };
    told.unwrap_or_else(|| "000".to_owned())
}

/// The error code of an HTTP upstream's status callback.
fn http_error(payload: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Codes {
        err: Option<Code>,
        #[serde(rename = "ErrorCode")]
        error_code: Option<Code>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Text(String),
        Number(u64),
    }
    let codes: Codes = serde_json::from_str(payload).ok()?;
    match codes.err.or(codes.error_code)? {
        Code::Text(text) => Some(text).filter(|t| !t.is_empty()),
        Code::Number(number) => Some(number.to_string()),
    }
}

/// `YYYY-MM-DD HH:MM:SS`, UTC.
fn date_and_time(at: Timestamp) -> String {
    let mut text = String::with_capacity(20);
    if let Some(t) = civil(at) {
        push_number(&mut text, 4, t.year.into());
        for (mark, number) in [
            ('-', t.month),
            ('-', t.day),
            (' ', t.hour),
            (':', t.minute),
            (':', t.second),
        ] {
            text.push(mark);
            push_number(&mut text, 2, number.into());
        }
    }
    text
}

/// `YYYY-MM-DDTHH:MM:SSZ`
fn event_date(at: Timestamp) -> String {
    let mut date = date_and_time(at).replacen(' ', "T", 1);
    date.push('Z');
    date
}

/// `YYMMDDhhmm`, UTC, as receipts have it.
fn receipt_date(at: Timestamp) -> String {
    let mut text = String::with_capacity(10);
    if let Some(t) = civil(at) {
        push_number(&mut text, 2, u32::from(t.year) % 100);
        for number in [t.month, t.day, t.hour, t.minute] {
            push_number(&mut text, 2, number.into());
        }
    }
    text
}

/// In so many digits at least, and no more than nine.
fn push_number(text: &mut String, digits: u32, number: u32) {
    let mut step = 10u32.pow(digits - 1);
    while number / 10 >= step {
        step *= 10;
    }
    while step > 0 {
        let digit = (number / step % 10).to_le_bytes()[0];
        text.push(char::from(b'0' + digit));
        step /= 10;
    }
}

fn civil(at: Timestamp) -> Option<CivilTime> {
    CivilTime::from_unix(i64::try_from(at.unix_s()).ok()?)
}

fn json(body: &impl Serialize) -> Bytes {
    let mut octets = Vec::with_capacity(512);
    serde_json::to_writer(&mut octets, body)
        .expect("strings and numbers can always be written into memory");
    octets.into()
}

#[cfg(test)]
mod tests;
