//! What a client asks to be sent, held to the documented rules.
//!
//! Two kinds of complaint: 400 for what is missing, mistyped or out of shape, 422 for what is
//! well-formed but means nothing. The first kind is told first, and completely.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use smpp_protocol::segment;
use uuid::Uuid;

use super::super::country;
use super::super::json::{self, Field};
use super::super::send::idempotency;
use super::super::text;
use super::refusal::Refusal;
use super::{extent, placeholder, schedule};
use crate::message::Timestamp;
use crate::store::IdempotencyKey;

/// A message to send that breaks no rule.
#[derive(Debug)]
pub(super) struct SendRequest<'a> {
    /// `+` and the digits.
    pub(super) destination: String,
    pub(super) sender: Cow<'a, str>,
    /// With the placeholders filled.
    pub(super) text: Cow<'a, str>,
    pub(super) unicode: bool,
    pub(super) parts: u8,
    pub(super) message_id: Cow<'a, str>,
    /// The id came from the client.
    has_own_id: bool,
    pub(super) campaign_id: Option<Cow<'a, str>>,
    pub(super) udh: Option<Vec<u8>>,
    pub(super) simulation: bool,
    pub(super) notify: bool,
    pub(super) skip_rcs_override: bool,
    /// In the future.
    pub(super) not_before: Option<Timestamp>,
    /// As it was asked for, for comparing repeats: the past is now, but when now is changes.
    scheduled: Option<Timestamp>,
}

pub(super) const NAMES: [&str; 11] = [
    "destination",
    "sender",
    "body",
    "campaignId",
    "messageId",
    "udhData",
    "simulation",
    "enableNotification",
    "placeholders",
    "scheduledDate",
    "skipRcsOverride",
];

pub(super) const SENDER_LETTERS_MAX: usize = 11;
pub(super) const SENDER_DIGITS_MIN: usize = 3;
pub(super) const SENDER_DIGITS_MAX: usize = 16;
pub(super) const ID_CHARACTERS_MAX: usize = 255;
pub(super) const UDH_DIGITS_MAX: usize = 280;
/// Digits of an international number with its country code.
pub(super) const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// A message is scheduled no further ahead.
const HORIZON: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

/// Complaints of one kind.
type Faults = Vec<(&'static str, String)>;

impl<'a> SendRequest<'a> {
    /// `parts_max`: a longer text is refused.
    pub(super) fn parse(
        octets: &'a [u8],
        parts_max: u8,
        now: Timestamp,
    ) -> Result<SendRequest<'a>, Refusal> {
        let fields = json::fields(octets, &NAMES)
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "The body is no JSON object."))?;
        let [
            destination,
            sender,
            body,
            campaign_id,
            message_id,
            udh,
            simulation,
            notify,
            placeholders,
            scheduled,
            skip_rcs_override,
        ] = fields;
        let faults = &mut Faults::new();
        let destination = required("destination", destination, faults);
        let sender = required("sender", sender, faults).filter(|s| check_sender(s, faults));
        let body = required("body", body, faults);
        let campaign_id = optional("campaignId", campaign_id, faults);
        let message_id = optional("messageId", message_id, faults);
        check_id("campaignId", campaign_id.as_deref(), 0, faults);
        check_id("messageId", message_id.as_deref(), 1, faults);
        let udh = optional("udhData", udh, faults).and_then(|hex| header(&hex, faults));
        let simulation = flag("simulation", &simulation, false, faults);
        let notify = flag("enableNotification", &notify, true, faults);
        let skip_rcs_override = flag("skipRcsOverride", &skip_rcs_override, false, faults);
        let placeholders = values(placeholders, faults);
        let scheduled =
            optional("scheduledDate", scheduled, faults).and_then(|written| date(&written, faults));
        let (Some(destination), Some(sender), Some(body), true) =
            (destination, sender, body, faults.is_empty())
        else {
            let faults = std::mem::take(faults);
            return Err(Refusal::of_fields(StatusCode::BAD_REQUEST, faults));
        };
        let text = match body {
            Cow::Borrowed(body) => placeholder::fill(body, &placeholders),
            Cow::Owned(body) => Cow::Owned(placeholder::fill(&body, &placeholders).into_owned()),
        };
        let extent = extent(&text, udh.as_deref());
        let destination = international(&destination, faults);
        check_text(&text, udh.as_deref(), extent.parts, parts_max, faults);
        if scheduled.is_some_and(|at| at > now + HORIZON) {
            let far = "The scheduledDate must be within the next 365 days.";
            faults.push(("scheduledDate", far.into()));
        }
        let (Some(destination), true) = (destination, faults.is_empty()) else {
            let faults = std::mem::take(faults);
            return Err(Refusal::of_fields(StatusCode::UNPROCESSABLE_ENTITY, faults));
        };
        Ok(SendRequest {
            destination,
            sender,
            text,
            unicode: extent.unicode,
            parts: extent.parts,
            has_own_id: message_id.is_some(),
            message_id: message_id.unwrap_or_else(|| Uuid::new_v4().to_string().into()),
            campaign_id,
            udh,
            simulation,
            notify,
            skip_rcs_override,
            not_before: scheduled.filter(|at| *at > now),
            scheduled,
        })
    }

    /// What makes a repeat of the account's `messageId` known; `None`: the client named no id.
    pub(super) fn key(&self, account: &str) -> Option<IdempotencyKey> {
        #[derive(Serialize)]
        struct Content<'c> {
            destination: &'c str,
            sender: &'c str,
            text: &'c str,
            campaign_id: Option<&'c str>,
            udh: Option<&'c [u8]>,
            notify: bool,
            skip_rcs_override: bool,
            scheduled: Option<u64>,
        }
        if !self.has_own_id {
            return None;
        }
        let content = Content {
            destination: &self.destination,
            sender: &self.sender,
            text: &self.text,
            campaign_id: self.campaign_id.as_deref(),
            udh: self.udh.as_deref(),
            notify: self.notify,
            skip_rcs_override: self.skip_rcs_override,
            scheduled: self.scheduled.map(|at| at.0),
        };
        let content = serde_json::to_vec(&content).expect("a request is plain data");
        Some(idempotency::key(
            &["universal", account],
            self.message_id.as_bytes(),
            &content,
        ))
    }
}

fn required<'a>(name: &'static str, field: Field<'a>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    match field {
        Field::Text(text) if !text.is_empty() => Some(text),
        Field::Absent | Field::Null | Field::Text(_) => {
            faults.push((name, format!("The {name} is required.")));
            None
        }
        _ => no_string(name, faults),
    }
}

fn optional<'a>(name: &'static str, field: Field<'a>, faults: &mut Faults) -> Option<Cow<'a, str>> {
    match field {
        Field::Absent | Field::Null => None,
        Field::Text(text) => Some(text),
        _ => no_string(name, faults),
    }
}

fn no_string<T>(name: &'static str, faults: &mut Faults) -> Option<T> {
    faults.push((name, format!("The {name} must be a string.")));
    None
}

fn flag(name: &'static str, field: &Field<'_>, default: bool, faults: &mut Faults) -> bool {
    match field {
        Field::Absent | Field::Null => default,
        Field::Bool(flag) => *flag,
        _ => {
            faults.push((name, format!("The {name} must be true or false.")));
            default
        }
    }
}

/// Digits of a number, or letters of the basic GSM alphabet that are not only digits.
fn check_sender(sender: &str, faults: &mut Faults) -> bool {
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    let fits = if digits.bytes().all(|b| b.is_ascii_digit()) {
        (SENDER_DIGITS_MIN..=SENDER_DIGITS_MAX).contains(&digits.len())
    } else {
        sender.chars().count() <= SENDER_LETTERS_MAX && sender.chars().all(text::is_basic_gsm)
    };
    if !fits {
        faults.push((
            "sender",
            format!(
                "The sender must have {SENDER_DIGITS_MIN} to {SENDER_DIGITS_MAX} digits, \
                 or at most {SENDER_LETTERS_MAX} characters of the basic GSM alphabet."
            ),
        ));
    }
    fits
}

fn check_id(name: &'static str, id: Option<&str>, characters_min: usize, faults: &mut Faults) {
    let characters = id.map_or(characters_min, |id| id.chars().count());
    if !(characters_min..=ID_CHARACTERS_MAX).contains(&characters) {
        faults.push((
            name,
            format!("The {name} must have {characters_min} to {ID_CHARACTERS_MAX} characters."),
        ));
    }
}

/// A user data header in hexadecimal digits, its first octet counting the others.
fn header(hex: &str, faults: &mut Faults) -> Option<Vec<u8>> {
    let octets = (hex.len() <= UDH_DIGITS_MAX)
        .then(|| octets(hex))
        .flatten()
        .filter(|o| o.first().is_some_and(|n| usize::from(*n) + 1 == o.len()));
    if octets.is_none() {
        faults.push((
            "udhData",
            format!(
                "The udhData must be at most {UDH_DIGITS_MAX} hexadecimal digits, two for each \
                 octet, the first octet telling how many follow."
            ),
        ));
    }
    octets
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

fn values(field: Field<'_>, faults: &mut Faults) -> Map<String, Value> {
    let members = match field {
        Field::Absent | Field::Null => return Map::new(),
        Field::Tree(Value::Object(members)) => members,
        _ => {
            faults.push(("placeholders", "The placeholders must be an object.".into()));
            return Map::new();
        }
    };
    if let Some((key, _)) = members
        .iter()
        .find(|(_, v)| matches!(v, Value::Null | Value::Array(_) | Value::Object(_)))
    {
        let wrong = format!("The placeholder {key:?} must be a string, a number or a boolean.");
        faults.push(("placeholders", wrong));
    }
    members
}

fn date(written: &str, faults: &mut Faults) -> Option<Timestamp> {
    let at = schedule::parse(written);
    if at.is_none() {
        let wrong = "The scheduledDate must be written as 2025-10-01 09:00:00.000+0000.";
        faults.push(("scheduledDate", wrong.into()));
    }
    at
}

/// `^(\+|00)?[1-9][0-9]{6,14}$` with an assigned country code, as `+` and the digits.
fn international(number: &str, faults: &mut Faults) -> Option<String> {
    let digits = number
        .strip_prefix('+')
        .or_else(|| number.strip_prefix("00"))
        .unwrap_or(number);
    let is_number = NUMBER_DIGITS.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if is_number && country::has_known_code(digits) {
        return Some(format!("+{digits}"));
    }
    let wrong = "The destination is not an international phone number.";
    faults.push(("destination", wrong.into()));
    None
}

fn check_text(text: &str, udh: Option<&[u8]>, parts: u8, parts_max: u8, faults: &mut Faults) {
    if text.is_empty() {
        faults.push(("body", "The body is empty.".into()));
    } else if udh.is_some_and(|udh| !segment::fits_behind(udh.len(), text)) {
        let wrong = "The body does not fit into one message behind the udhData.";
        faults.push(("body", wrong.into()));
    } else if parts > parts_max {
        faults.push((
            "body",
            format!("The body takes {parts} parts; {parts_max} are allowed."),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use serde_json::json;

    fn parse(change: Value) -> Result<(String, u8, bool), u16> {
        let mut body = json!({
            "destination": "+393401234567", "sender": "MyBrand", "body": "hi",
        });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let octets = body.to_string();
        let now = Timestamp(1_795_000_000_000_000);
        SendRequest::parse(octets.as_bytes(), 10, now)
            .map(|r| (r.destination, r.parts, r.unicode))
            .map_err(|r| r.into_response().status().as_u16())
    }

    #[test]
    fn what_is_out_of_shape_is_400_and_what_means_nothing_422() {
        let x = |n: usize| "a".repeat(n);
        for (change, status) in [
            (json!({"destination": null}), 400),
            (json!({"destination": ""}), 400),
            (json!({"destination": 393401234567u64}), 400),
            (json!({"destination": "+12"}), 422),
            (json!({"destination": "hello"}), 422),
            (json!({"destination": "+999123456789"}), 422),
            (json!({"destination": "0393401234567"}), 422),
            (json!({"sender": "MyBrandName1"}), 400),
            (json!({"sender": "Brand€"}), 400),
            (json!({"sender": "12"}), 400),
            (json!({"sender": "12345678901234567"}), 400),
            (json!({"body": ""}), 400),
            (json!({"body": x(1531)}), 422),
            (json!({"campaignId": x(256)}), 400),
            (json!({"messageId": x(256)}), 400),
            (json!({"messageId": ""}), 400),
            (json!({"messageId": 7}), 400),
            (json!({"simulation": "true"}), 400),
            (json!({"enableNotification": 1}), 400),
            (json!({"udhData": "05ZZ"}), 400),
            (json!({"udhData": "050"}), 400),
            (json!({"udhData": "0605040B8423"}), 400),
            (json!({"udhData": ""}), 400),
            (json!({"udhData": "0605040B8423F0", "body": x(153)}), 422),
            (json!({"placeholders": {"a": null}}), 400),
            (json!({"placeholders": {"a": [1]}}), 400),
            (json!({"placeholders": {"a": {}}}), 400),
            (json!({"placeholders": [1]}), 400),
            (json!({"scheduledDate": "tomorrow"}), 400),
            (
                json!({"scheduledDate": "2126-10-01 09:00:00.000+0000"}),
                422,
            ),
            (json!({"destination": "+12", "sender": ""}), 400),
        ] {
            assert_eq!(parse(change.clone()), Err(status), "{change}");
        }
    }

    #[test]
    fn what_is_right_is_taken() {
        let x = |n: usize| "a".repeat(n);
        let number = "+393401234567".to_owned();
        for (change, parts, unicode) in [
            (json!({"destination": "00393401234567"}), 1, false),
            (json!({"destination": "393401234567"}), 1, false),
            (json!({"sender": "MyBrandName"}), 1, false),
            (json!({"sender": "+393401234567"}), 1, false),
            (json!({"body": x(1530)}), 10, false),
            (json!({"body": "🎉"}), 1, true),
            (
                json!({"campaignId": x(255), "messageId": "é".repeat(255)}),
                1,
                false,
            ),
            (
                json!({"udhData": "0605040B8423F0", "body": x(152)}),
                1,
                false,
            ),
            (
                json!({"scheduledDate": "2025-10-01 09:00:00.000+0000"}),
                1,
                false,
            ),
            (
                json!({"placeholders": {"unused": 1.5}, "skipRcsOverride": true}),
                1,
                false,
            ),
            (
                json!({"body": "{a}", "placeholders": {"a": x(161)}}),
                2,
                false,
            ),
        ] {
            assert_eq!(
                parse(change.clone()),
                Ok((number.clone(), parts, unicode)),
                "{change}"
            );
        }
    }

    #[test]
    fn a_repeat_is_known_by_account_id_and_content() {
        let key = |account: &str, body: Value| {
            let octets = body.to_string();
            let request = SendRequest::parse(octets.as_bytes(), 10, Timestamp(0)).unwrap();
            request.key(account)
        };
        let body =
            json!({"destination": "+393401234567", "sender": "B", "body": "hi", "messageId": "1"});
        let spelled = json!({"body": "{x}", "placeholders": {"x": "hi"}, "messageId": "1",
            "sender": "B", "destination": "00393401234567", "simulation": false});
        let first = key("a", body.clone()).unwrap();
        assert_eq!(Some(first), key("a", spelled));
        assert_ne!(first.key, key("b", body.clone()).unwrap().key);
        let mut other = body.clone();
        other["body"] = json!("ho");
        let other = key("a", other).unwrap();
        assert_eq!(first.key, other.key);
        assert_ne!(first.content, other.content);
        let mut anonymous = body;
        anonymous["messageId"] = Value::Null;
        assert_eq!(key("a", anonymous), None);
    }
}
