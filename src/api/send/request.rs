//! What a client asks to be sent, held to the documented rules

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;

use super::super::body::{self, Kind};
use super::super::directory::Profile;
use super::super::draft::Ground;
use super::super::error::{Failure, Faults};
use super::super::json::{self, Field};
use super::super::rule;
use super::super::{address, text};
use crate::config::{Config, url};
use crate::message::Transport;

/// A message to send that breaks no rule.
#[derive(Debug, PartialEq)]
pub(super) struct SendRequest<'a> {
    /// As written.
    pub(super) to_number: Cow<'a, str>,
    /// Without the blanks and brackets people write.
    pub(super) to_digits: String,
    pub(super) from_sender: Cow<'a, str>,
    /// Whose choice that is.
    pub(super) ground: Ground,
    pub(super) message: Cow<'a, str>,
    pub(super) tenant_id: Option<u64>,
    pub(super) callback_url: Option<Cow<'a, str>>,
}

pub(super) const NAMES: [&str; 5] = [
    "to_number",
    "from_sender",
    "message",
    "tenant_id",
    "callback_url",
];

/// Of any address in a request.
pub(in super::super) const NUMBER_CHARACTERS_MAX: usize = 30;
pub(super) const SENDER_CHARACTERS_MAX: usize = 30;
pub(super) const MESSAGE_CHARACTERS_MAX: usize = 1000;
/// Tenants are numbered from 1.
pub(super) const TENANTS: std::ops::RangeInclusive<i64> = 1..=i64::MAX;
/// What an SMPP source address takes.
pub(super) const SENDER_DIGITS_MAX: usize = 20;
pub(super) const SENDER_LETTERS_MAX: usize = 11;

impl<'a> SendRequest<'a> {
    pub(super) fn parse(
        headers: &HeaderMap,
        body: &'a Bytes,
        profile: &'a Profile,
        config: &Config,
    ) -> Result<SendRequest<'a>, Failure> {
        let [to_number, from_sender, message, tenant_id, callback_url] = fields(headers, body)?;
        let faults = &mut Faults::default();
        let to_number = rule::required_text("to_number", to_number, NUMBER_CHARACTERS_MAX, faults);
        let to_digits = to_number
            .as_deref()
            .and_then(|number| digits(number, faults));
        let from_sender = sender(from_sender, profile, faults);
        let message = rule::required_text("message", message, MESSAGE_CHARACTERS_MAX, faults)
            .filter(|message| fits_upstream(message, profile, faults));
        let tenant_id = rule::integer("tenant_id", &tenant_id, TENANTS, faults);
        let callback_url = callback(callback_url, config, faults);
        match (to_number, to_digits, from_sender, message) {
            (Some(to_number), Some(to_digits), Some((from_sender, ground)), Some(message)) => {
                std::mem::take(faults).check()?;
                Ok(SendRequest {
                    to_number,
                    to_digits,
                    from_sender,
                    ground,
                    message,
                    tenant_id: tenant_id.value().and_then(|id| u64::try_from(id).ok()),
                    callback_url,
                })
            }
            _ => Err(std::mem::take(faults).into()),
        }
    }
}

fn fields<'a>(headers: &HeaderMap, body: &'a Bytes) -> Result<[Field<'a>; NAMES.len()], Failure> {
    if body::kind(headers)? != Kind::Form {
        return json::fields(body, &NAMES);
    }
    let mut fields = std::array::from_fn(|_| Field::Absent);
    for (name, value) in form_urlencoded::parse(body) {
        if let Some(place) = NAMES.iter().position(|n| *n == name) {
            fields[place] = Field::Text(value);
        }
    }
    Ok(fields)
}

/// What [`digits`] takes, as a pattern.
pub(super) const NUMBER: &str = r"^[ .()-]*(\+[ .()-]*)?([0-9][ .()-]*){3,20}$";

/// `^\+?[0-9]{3,20}$` once the usual punctuation is gone.
fn digits(number: &str, faults: &mut Faults) -> Option<String> {
    let mut bare = String::with_capacity(number.len());
    bare.extend(
        number
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')),
    );
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    if (3..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(bare);
    }
    faults.add(
        "to_number",
        "The to_number field must be a number of 3 to 20 digits.",
    );
    None
}

fn sender<'a>(
    field: Field<'a>,
    profile: &'a Profile,
    faults: &mut Faults,
) -> Option<(Cow<'a, str>, Ground)> {
    let given = rule::text("from_sender", field, SENDER_CHARACTERS_MAX, faults).value();
    if faults.names("from_sender") {
        return None;
    }
    let default = || {
        let default = profile.gateway.default_sender_id.as_deref()?;
        Some((Cow::Borrowed(default), Ground::GatewayDefault))
    };
    let given = given.map(|sender| (sender, Ground::Request));
    let Some((sender, ground)) = given.or_else(default) else {
        rule::required("from_sender", faults);
        return None;
    };
    if profile.transport == Transport::Smpp && !fits_smpp(&sender) {
        faults.add(
            "from_sender",
            format!(
                "The from_sender field must have at most {SENDER_DIGITS_MAX} digits, \
                 or at most {SENDER_LETTERS_MAX} characters of the GSM alphabet."
            ),
        );
        return None;
    }
    Some((sender, ground))
}

fn fits_smpp(sender: &str) -> bool {
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.len() <= SENDER_DIGITS_MAX;
    }
    let letters = sender.chars();
    letters.clone().count() <= SENDER_LETTERS_MAX
        && letters.clone().all(|c| text::is_gsm(c) && !c.is_control())
}

/// In parts, where the upstream would cut a longer text.
fn fits_upstream(message: &str, profile: &Profile, faults: &mut Faults) -> bool {
    let Err(most) = profile.check_parts(text::extent(message).parts) else {
        return true;
    };
    faults.add(
        "message",
        format!("The message field must fit into {most} parts for this SMS gateway."),
    );
    false
}

fn callback<'a>(field: Field<'a>, config: &Config, faults: &mut Faults) -> Option<Cow<'a, str>> {
    let text = rule::text("callback_url", field, url::URL_OCTETS_MAX, faults).value()?;
    let wrong = match url::http_url(&text) {
        Err(wrong) => wrong,
        Ok(url) if !config.callbacks.allow_private_networks && address::is_refused(&url) => {
            "the address is of a network that must not be called"
        }
        Ok(_) => return Some(text),
    };
    faults.add(
        "callback_url",
        format!("The callback_url field is not acceptable: {wrong}."),
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Gateway, GatewayId, Timestamp};
    use axum::response::IntoResponse;
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;
    use serde_json::{Value, json};

    fn profile(provider_type: &str, default_sender_id: Option<&str>) -> Profile {
        let gateway = Gateway {
            id: GatewayId(1),
            name: "g".into(),
            provider_type: provider_type.into(),
            server_host: "h".into(),
            server_port: 1,
            api_path: "send".into(),
            username: None,
            password: None,
            default_sender_id: default_sender_id.map(Into::into),
            callback_token: None,
            use_ssl: false,
            is_active: true,
            notes: None,
            meta: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            deleted: false,
        };
        Profile::new(gateway, &Config::default(), "http://bridge")
    }

    fn status_of(profile: &Profile, change: Value) -> Result<String, u16> {
        let mut body = json!({"to_number": "+4915112345678", "from_sender": "Me", "message": "hi"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let body = Bytes::from(body.to_string());
        SendRequest::parse(&HeaderMap::new(), &body, profile, &Config::default())
            .map(|r| r.from_sender.into_owned())
            .map_err(|f| f.into_response().status().as_u16())
    }

    #[test]
    fn each_rule_refuses_what_breaks_it_and_nothing_else() {
        let smpp = profile("smpp", None);
        for good in [
            json!({}),
            json!({"to_number": "(+49) 151-123.45"}),
            json!({"to_number": "123"}),
            json!({"from_sender": "12345678901234567890"}),
            json!({"from_sender": "+4915112345678"}),
            json!({"from_sender": "LaraTest 99"}),
            json!({"message": "ä".repeat(1000)}),
            json!({"tenant_id": 7}),
            json!({"tenant_id": null}),
            json!({"tenant_id": "7"}),
            json!({"callback_url": "https://app.example.test/dlr"}),
            json!({"callback_url": null}),
            json!({"callback_url": ""}),
            json!({"unknown": {"deep": []}}),
        ] {
            assert!(status_of(&smpp, good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({"to_number": null}),
            json!({"to_number": ""}),
            json!({"to_number": "12"}),
            json!({"to_number": "1".repeat(21)}),
            json!({"to_number": "+1 ".repeat(11)}),
            json!({"to_number": "++491511234"}),
            json!({"to_number": "49151abc"}),
            json!({"to_number": 4_915_112_345_678_u64}),
            json!({"from_sender": ""}),
            json!({"from_sender": "123456789012345678901"}),
            json!({"from_sender": "LaraTest 999"}),
            json!({"from_sender": "Привет"}),
            json!({"from_sender": ["a"]}),
            json!({"message": ""}),
            json!({"message": "a".repeat(1001)}),
            json!({"message": false}),
            json!({"tenant_id": 0}),
            json!({"tenant_id": 1.5}),
            json!({"tenant_id": "x"}),
            json!({"callback_url": "ftp://a/"}),
            json!({"callback_url": "http://127.0.0.1/x"}),
            json!({"callback_url": "http://[::ffff:10.0.0.1]/x"}),
        ] {
            assert_eq!(status_of(&smpp, bad.clone()), Err(422), "{bad}");
        }
    }

    #[test]
    fn the_default_sender_stands_in_for_an_absent_or_empty_one() {
        let brand = profile("http", Some("Brand"));
        assert_eq!(
            status_of(&brand, json!({"from_sender": null})).unwrap(),
            "Brand"
        );
        assert_eq!(
            status_of(&brand, json!({"from_sender": ""})).unwrap(),
            "Brand"
        );
        let long = "s".repeat(30);
        assert_eq!(
            status_of(&brand, json!({"from_sender": long})).unwrap(),
            long
        );
        assert_eq!(
            status_of(&brand, json!({"from_sender": "s".repeat(31)})),
            Err(422)
        );
    }

    #[test]
    fn a_text_that_jasmin_would_cut_is_refused() {
        for jasmin in ["jasmin", "jasmin_rest"] {
            let jasmin = profile(jasmin, None);
            for (characters, taken) in [(765, true), (766, false)] {
                let said = json!({"message": "a".repeat(characters)});
                assert_eq!(status_of(&jasmin, said).is_ok(), taken, "{characters}");
            }
        }
        let http = profile("http", None);
        assert!(status_of(&http, json!({"message": "a".repeat(1000)})).is_ok());
    }

    #[test]
    fn a_form_says_the_same_as_json() {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let body = Bytes::from("to_number=%2B49151123&from_sender=A&message=a+b%26c&tenant_id=7");
        let profile = profile("smpp", None);
        let config = Config::default();
        let request = SendRequest::parse(&headers, &body, &profile, &config).unwrap();
        assert_eq!(request.to_number, "+49151123");
        assert_eq!(request.message, "a b&c");
        assert_eq!(request.tenant_id, Some(7));
    }
}
