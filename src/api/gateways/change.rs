//! What a request says about a gateway, held to the documented rules and laid over the
//! record.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::super::error::{Failure, Faults};
use super::super::json::{self, Field};
use super::super::rule::{self, Given};
use super::field;
use crate::config::Config;
use crate::config::gateway::{HttpSettings, Mistakes, SmppSettings, TwilioSettings};
use crate::message::{Gateway, GatewayId, Timestamp, Transport};

pub(super) const NAMES: [&str; 13] = [
    "name",
    "provider_type",
    "server_host",
    "server_port",
    "api_path",
    "username",
    "password",
    "default_sender_id",
    "callback_token",
    "use_ssl",
    "is_active",
    "notes",
    "meta",
];

/// What has no default.
pub(super) const REQUIRED: [&str; 4] = ["name", "provider_type", "server_host", "server_port"];

pub(super) const API_PATH: &str = "send";
/// Characters, at most.
pub(super) const TEXT_MAX: usize = 255;
pub(super) const PROVIDER_TYPE_MAX: usize = 50;
pub(super) const SENDER_MAX: usize = 30;
pub(super) const NOTES_MAX: usize = 2000;
pub(super) const PORTS: RangeInclusive<i64> = 1..=65535;
/// `system_id` of a bind has 16 octets with its NUL.
pub(super) const SYSTEM_ID_MAX: usize = 15;
/// Octets of `meta` as JSON.
pub(super) const META_OCTETS_MAX: usize = 16 * 1024;

/// A new record. The store gives it its number and its times.
pub(super) fn created(body: &[u8], config: &Config) -> Result<Gateway, Failure> {
    let blank = Gateway {
        id: GatewayId(0),
        name: String::new(),
        provider_type: String::new(),
        server_host: String::new(),
        server_port: 0,
        api_path: API_PATH.into(),
        username: None,
        password: None,
        default_sender_id: None,
        callback_token: None,
        use_ssl: false,
        is_active: true,
        notes: None,
        meta: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        deleted: false,
    };
    let said = Said(json::fields(body, &NAMES)?);
    let mut faults = Faults::default();
    for name in REQUIRED {
        if !said.names(name) {
            rule::required(name, &mut faults);
        }
    }
    laid_over(blank, said, faults, config)
}

/// The record with the members that the body names.
pub(super) fn changed(present: &Gateway, body: &[u8], config: &Config) -> Result<Gateway, Failure> {
    let said = Said(json::fields(body, &NAMES)?);
    laid_over(present.clone(), said, Faults::default(), config)
}

fn laid_over(
    mut gateway: Gateway,
    mut said: Said<'_>,
    mut faults: Faults,
    config: &Config,
) -> Result<Gateway, Failure> {
    put_upstream(&mut gateway, &mut said, &mut faults);
    put_credentials(&mut gateway, &mut said, &mut faults);
    put_policy(&mut gateway, &mut said, &mut faults);
    match gateway.transport() {
        Transport::Smpp => check_smpp(&gateway, config, &mut faults),
        transport => check_http(&gateway, transport, &mut faults),
    }
    faults.check()?;
    Ok(gateway)
}

/// The members of a request.
struct Said<'a>([Field<'a>; NAMES.len()]);

impl<'a> Said<'a> {
    fn place(name: &str) -> usize {
        let place = NAMES.iter().position(|n| *n == name);
        place.expect("only names of the record are asked for")
    }

    fn names(&self, name: &str) -> bool {
        self.0[Said::place(name)] != Field::Absent
    }

    fn take(&mut self, name: &'static str) -> (&'static str, Field<'a>) {
        (name, std::mem::take(&mut self.0[Said::place(name)]))
    }
}

/// Who the upstream is and where.
fn put_upstream(gateway: &mut Gateway, said: &mut Said<'_>, faults: &mut Faults) {
    field::put_required(
        &mut gateway.name,
        said.take("name"),
        TEXT_MAX,
        faults,
        field::not_blank,
    );
    let provider_type = said.take("provider_type");
    field::put_required(
        &mut gateway.provider_type,
        provider_type,
        PROVIDER_TYPE_MAX,
        faults,
        field::not_blank,
    );
    let host = said.take("server_host");
    field::put_required(
        &mut gateway.server_host,
        host,
        TEXT_MAX,
        faults,
        field::host,
    );
    let (name, port) = said.take("server_port");
    match rule::integer(name, &port, PORTS, faults) {
        Given::Absent => {}
        Given::Cleared => rule::required(name, faults),
        Given::Value(port) => {
            gateway.server_port = u16::try_from(port).expect("the rule holds it to 65535");
        }
    }
    let (name, path) = said.take("api_path");
    match rule::text(name, path, TEXT_MAX, faults) {
        Given::Absent => {}
        Given::Cleared => gateway.api_path = API_PATH.into(),
        Given::Value(path) => match path.trim_start_matches('/') {
            "" => gateway.api_path = API_PATH.into(),
            path => match field::path(path) {
                Ok(()) => gateway.api_path = path.to_owned(),
                Err(wrong) => faults.add(name, format!("The {name} field {wrong}.")),
            },
        },
    }
    field::put_flag(&mut gateway.use_ssl, said.take("use_ssl"), false, faults);
}

fn put_credentials(gateway: &mut Gateway, said: &mut Said<'_>, faults: &mut Faults) {
    for (to, name) in [
        (&mut gateway.username, "username"),
        (&mut gateway.password, "password"),
        (&mut gateway.callback_token, "callback_token"),
    ] {
        field::put(to, said.take(name), TEXT_MAX, faults);
        // They travel in headers, URLs and PDUs.
        if to
            .as_deref()
            .is_some_and(|text| text.contains(char::is_control))
        {
            faults.add(
                name,
                format!("The {name} field must not have control characters."),
            );
        }
    }
}

fn put_policy(gateway: &mut Gateway, said: &mut Said<'_>, faults: &mut Faults) {
    let sender = said.take("default_sender_id");
    field::put(&mut gateway.default_sender_id, sender, SENDER_MAX, faults);
    field::put_flag(&mut gateway.is_active, said.take("is_active"), true, faults);
    field::put(&mut gateway.notes, said.take("notes"), NOTES_MAX, faults);
    match said.take("meta").1 {
        Field::Absent => {}
        Field::Null => gateway.meta = None,
        Field::Tree(Value::Object(members)) => {
            check_meta(&members, faults);
            gateway.meta = Some(members);
        }
        _ => faults.add("meta", "The meta field must be an object."),
    }
}

fn check_meta(members: &Map<String, Value>, faults: &mut Faults) {
    let octets = serde_json::to_vec(members).map_or(usize::MAX, |json| json.len());
    if octets > META_OCTETS_MAX {
        faults.add(
            "meta",
            format!("The meta field must have at most {META_OCTETS_MAX} octets."),
        );
    }
    let mode = members.get("delivery_status_mode").unwrap_or(&Value::Null);
    if !mode.is_null() && mode != "verbatim" && mode != "lifecycle" {
        faults.add(
            "meta.delivery_status_mode",
            "The meta.delivery_status_mode field must be \"verbatim\" or \"lifecycle\".",
        );
    }
}

/// What a bind needs, held by the record as it would be.
fn check_smpp(gateway: &Gateway, config: &Config, faults: &mut Faults) {
    match gateway.username.as_deref() {
        None if !faults.names("username") => {
            faults.add(
                "username",
                "The username field is required for smpp: it is the system_id.",
            );
        }
        Some(name) if name.len() > SYSTEM_ID_MAX => faults.add(
            "username",
            format!("The username field must have at most {SYSTEM_ID_MAX} octets for smpp."),
        ),
        _ => {}
    }
    let meta = gateway.meta.clone().map(Value::Object);
    if let Err(wrong) = SmppSettings::from_meta(&config.smpp, meta.as_ref()) {
        add_mistakes(wrong, faults);
    }
}

/// What a request needs, held by the record as it would be.
fn check_http(gateway: &Gateway, transport: Transport, faults: &mut Faults) {
    let meta = gateway.meta.clone().map(Value::Object);
    if let Err(wrong) = HttpSettings::from_meta(transport, meta.as_ref()) {
        add_mistakes(wrong, faults);
    }
    if transport != Transport::Twilio {
        return;
    }
    if let Err(wrong) = TwilioSettings::from_meta(meta.as_ref()) {
        add_mistakes(wrong, faults);
    }
    for (name, value, what) in [
        ("username", &gateway.username, "the AccountSid"),
        ("password", &gateway.password, "the auth token"),
    ] {
        if value.is_none() && !faults.names(name) {
            let text = format!("The {name} field is required for twilio: it is {what}.");
            faults.add(name, text);
        }
    }
}

fn add_mistakes(mistakes: Mistakes, faults: &mut Faults) {
    for (path, sentence) in mistakes {
        let text = format!("The {path} field {sentence}.");
        faults.add(path, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(change: Value) -> Vec<u8> {
        let mut body = json!({
            "name": "main", "provider_type": "http", "server_host": "127.0.0.1",
            "server_port": 18090,
        });
        let members = body.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        body.to_string().into_bytes()
    }

    fn create(change: Value) -> Result<Gateway, Failure> {
        created(&body(change), &Config::default())
    }

    fn wrong_fields(result: Result<Gateway, Failure>) -> Vec<String> {
        use axum::response::IntoResponse;
        use http_body_util::BodyExt;
        let response = result.unwrap_err().into_response();
        assert_eq!(response.status(), 422);
        let octets = futures_util::FutureExt::now_or_never(response.into_body().collect())
            .unwrap()
            .unwrap()
            .to_bytes();
        let body: Value = serde_json::from_slice(&octets).unwrap();
        body["errors"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    #[test]
    fn each_rule_names_its_field() {
        for (change, field) in [
            (json!({"name": ""}), "name"),
            (json!({"name": null}), "name"),
            (json!({"name": "n".repeat(256)}), "name"),
            (json!({"name": 7}), "name"),
            (json!({"provider_type": "p".repeat(51)}), "provider_type"),
            (json!({"server_host": "http://a"}), "server_host"),
            (json!({"server_host": "a/b"}), "server_host"),
            (json!({"server_host": "u@a"}), "server_host"),
            (json!({"server_host": "a b"}), "server_host"),
            (json!({"server_host": "a:80"}), "server_host"),
            (json!({"server_port": 0}), "server_port"),
            (json!({"server_port": 65536}), "server_port"),
            (json!({"server_port": "80x"}), "server_port"),
            (json!({"server_port": -1}), "server_port"),
            (json!({"server_port": null}), "server_port"),
            (json!({"api_path": "a b"}), "api_path"),
            (json!({"api_path": "a#b"}), "api_path"),
            (json!({"username": "u".repeat(256)}), "username"),
            (json!({"password": "a\r\nb"}), "password"),
            (
                json!({"default_sender_id": "s".repeat(31)}),
                "default_sender_id",
            ),
            (json!({"use_ssl": "maybe"}), "use_ssl"),
            (json!({"is_active": 2}), "is_active"),
            (json!({"notes": "n".repeat(2001)}), "notes"),
            (json!({"meta": "text"}), "meta"),
            (json!({"meta": [1]}), "meta"),
            (json!({"meta": {"a": "x".repeat(17_000)}}), "meta"),
            (
                json!({"meta": {"delivery_status_mode": "loud"}}),
                "meta.delivery_status_mode",
            ),
            (json!({"provider_type": "smpp"}), "username"),
            (
                json!({"provider_type": "SMPP", "username": "u".repeat(16)}),
                "username",
            ),
            (
                json!({"provider_type": "smpp", "username": "u", "meta": {"smpp": {"window": 0}}}),
                "meta.smpp.window",
            ),
            (json!({"meta": {"http": {"window": 0}}}), "meta.http.window"),
            (
                json!({"provider_type": "jasmin", "meta": {"http": {"extra": {"to": "1"}}}}),
                "meta.http.extra.to",
            ),
            (
                json!({"provider_type": "twilio", "password": "p"}),
                "username",
            ),
            (
                json!({"provider_type": "twilio", "username": "AC1"}),
                "password",
            ),
        ] {
            assert_eq!(wrong_fields(create(change.clone())), [field], "{change}");
        }
        assert_eq!(
            wrong_fields(created(b"{}", &Config::default())),
            ["name", "provider_type", "server_host", "server_port"]
        );
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in [
            "smsc.example.org",
            "10.0.0.1",
            "::1",
            "[2001:db8::1]",
            "a_b-c",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(
                create(json!({"server_host": good})).unwrap().server_host,
                good
            );
        }
    }

    #[test]
    fn defaults_hold_where_nothing_or_null_is_said() {
        let plain = create(json!({})).unwrap();
        let nulls = create(json!({
            "api_path": null, "use_ssl": null, "is_active": null, "meta": null, "username": null,
        }))
        .unwrap();
        assert!(plain == nulls);
        assert_eq!(
            (plain.api_path.as_str(), plain.use_ssl, plain.is_active),
            ("send", false, true)
        );
        for (said, kept) in [("/api/v2/send", "api/v2/send"), ("", "send"), ("/", "send")] {
            assert_eq!(create(json!({"api_path": said})).unwrap().api_path, kept);
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let before = create(json!({"password": "p", "default_sender_id": "Brand"})).unwrap();
        let after = changed(&before, br#"{"name":"new"}"#, &Config::default()).unwrap();
        assert_eq!(after.password.as_deref(), Some("p"));
        assert_eq!((after.name.as_str(), after.server_port), ("new", 18090));
        let cleared = br#"{"default_sender_id":null,"password":null}"#;
        let after = changed(&before, cleared, &Config::default()).unwrap();
        assert_eq!((after.default_sender_id, after.password), (None, None));
    }
}
