//! `meta.http` and `meta.twilio` of one gateway: how requests to an HTTP upstream are made and
//! paced.

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use serde_json::{Map, Value as Json};

use super::{Mistakes, read_member};
use crate::config::{
    node::Value,
    secret::Secret,
    table::Table,
    value::{self, TEXT_MAX, Wrong},
};
use crate::message::Transport;

/// What every HTTP transport needs to know about one upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpSettings {
    /// Requests in flight, each on a connection of its own. Default 32: some hundred messages a
    /// second at a quarter of a second an answer, and no more sockets than providers bear from one
    /// client.
    pub window: NonZeroU16,
    /// Requests a second. Default 0, no limit: the window paces.
    pub throughput: Option<NonZeroU32>,
    /// `timeout_s`: one request, from connecting to the end of the answer. Default 30 s.
    pub timeout: Duration,
    /// Whether `to` goes without its `+` (or `00`). Default: true for both Jasmin transports,
    /// whose routes are written without, false for the others.
    pub strip_plus: bool,
    /// Parts of the longest text that is taken. Default 5 for both Jasmin transports, because
    /// Jasmin cuts what is longer without a word; no limit for the others.
    pub max_parts: Option<u8>,
    /// Members or parameters that go along with every request. Default none.
    pub extra: Map<String, Json>,
}

/// What only a Twilio-compatible upstream needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TwilioSettings {
    /// The service that chooses the sender. None: `From` is the sender.
    pub messaging_service_sid: Option<String>,
    /// The auth token before the present one: signatures with either are taken while it is
    /// changed.
    pub previous_auth_token: Option<Secret>,
}

/// Jasmin's own default of `long_content_max_parts`.
const JASMIN_PARTS_MAX: u8 = 5;
/// Members of `extra`, at most.
const EXTRA_MAX: usize = 32;
/// What the bridge says itself.
const OWN: [&str; 9] = [
    "to",
    "from",
    "content",
    "hex-content",
    "coding",
    "username",
    "password",
    "dlr",
    "dlr-url",
];
/// What Jasmin takes beside that; it refuses a request with any other parameter.
const JASMIN: [&str; 7] = [
    "priority",
    "sdt",
    "validity-period",
    "tags",
    "custom_tlvs",
    "dlr-level",
    "dlr-method",
];
const TWILIO_OWN: [&str; 5] = [
    "To",
    "From",
    "Body",
    "MessagingServiceSid",
    "StatusCallback",
];

impl HttpSettings {
    /// `meta` is the gateway's whole `meta`. The paths of mistakes begin with `meta.http`.
    pub fn from_meta(transport: Transport, meta: Option<&Json>) -> Result<Self, Mistakes> {
        read_member(meta, "http", |table| {
            let mut settings = Self::read(table, transport);
            let extra = meta.and_then(|meta| meta.get("http")?.get("extra")?.as_object());
            for (name, value) in extra.into_iter().flatten() {
                match check_extra(transport, name, value) {
                    Ok(()) => _ = settings.extra.insert(name.clone(), value.clone()),
                    Err(wrong) => table.complain(&format!("extra.{name}"), wrong),
                }
            }
            if settings.extra.len() > EXTRA_MAX {
                table.complain("extra", format!("must have at most {EXTRA_MAX} members"));
            }
            settings
        })
    }

    fn read(table: &mut Table<'_>, transport: Transport) -> Self {
        let is_jasmin = matches!(transport, Transport::Jasmin | Transport::JasminRest);
        let window = NonZeroU16::new(32).expect("32 is not zero");
        table.or("extra", (), object);
        Self {
            window: table.or("window", window, value::at_least_one(1000)),
            throughput: table.or("throughput", None, value::ceiling(1_000_000)),
            timeout: table.or(
                "timeout_s",
                Duration::from_secs(30),
                value::seconds(1..=300),
            ),
            strip_plus: table.or("strip_plus", is_jasmin, value::flag),
            max_parts: table
                .optional("max_parts", value::whole(1..=255))
                .or(is_jasmin.then_some(JASMIN_PARTS_MAX)),
            extra: Map::new(),
        }
    }
}

fn object(written: &Value) -> Result<(), Wrong> {
    match written {
        Value::Table(_) => Ok(()),
        other => Err(Wrong::not("an object", other)),
    }
}

fn check_extra(transport: Transport, name: &str, value: &Json) -> Result<(), Wrong> {
    let is_form = matches!(transport, Transport::Jasmin | Transport::Twilio);
    let is_own = match transport {
        Transport::Twilio => TWILIO_OWN.contains(&name),
        _ => OWN.contains(&name.replace('_', "-").as_str()),
    };
    if is_own {
        return Err(Wrong::new("is set by the bridge").hint("leave it out"));
    }
    let is_jasmin = matches!(transport, Transport::Jasmin | Transport::JasminRest);
    if is_jasmin && !JASMIN.contains(&name) {
        return Err(
            Wrong::new("is not taken by Jasmin").hint(format!("it takes {}", JASMIN.join(", ")))
        );
    }
    if is_form && !(value.is_string() || value.is_number()) {
        return Err("must be a string or a number: it goes into a form".into());
    }
    Ok(())
}

impl TwilioSettings {
    /// `meta` is the gateway's whole `meta`. The paths of mistakes begin with `meta.twilio`.
    pub fn from_meta(meta: Option<&Json>) -> Result<Self, Mistakes> {
        read_member(meta, "twilio", |table| Self {
            messaging_service_sid: table.optional("messaging_service_sid", value::text(TEXT_MAX)),
            previous_auth_token: table
                .optional("previous_auth_token", value::text(TEXT_MAX))
                .map(Secret::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(transport: Transport, http: Json) -> Result<HttpSettings, Vec<String>> {
        HttpSettings::from_meta(transport, Some(&json!({ "http": http })))
            .map_err(|wrong| wrong.into_iter().map(|(path, _)| path).collect())
    }

    #[test]
    fn each_transport_has_its_defaults() {
        let plain = HttpSettings::from_meta(Transport::Http, None).unwrap();
        assert_eq!((plain.window.get(), plain.throughput), (32, None));
        assert_eq!(plain.timeout, Duration::from_secs(30));
        assert_eq!((plain.strip_plus, plain.max_parts), (false, None));
        for jasmin in [Transport::Jasmin, Transport::JasminRest] {
            let settings = read(jasmin, json!(null)).unwrap();
            assert_eq!((settings.strip_plus, settings.max_parts), (true, Some(5)));
        }
    }

    #[test]
    fn a_gateway_says_its_own_values() {
        let said = json!({
            "window": 4, "throughput": 50, "timeout_s": 2, "strip_plus": true, "max_parts": 9,
            "extra": {"priority": 1, "nested": {"a": [1]}}, "their_own": 1,
        });
        let settings = read(Transport::Http, said).unwrap();
        assert_eq!((settings.window.get(), settings.timeout.as_secs()), (4, 2));
        assert_eq!((settings.strip_plus, settings.max_parts), (true, Some(9)));
        assert_eq!(settings.extra["nested"], json!({"a": [1]}));
    }

    #[test]
    fn every_mistake_is_named_with_its_path() {
        let said = json!({
            "window": 0, "throughput": -1, "timeout_s": 0.5, "strip_plus": "no", "max_parts": 256,
            "extra": {"to": "x", "dlr_url": "x"},
        });
        assert_eq!(
            read(Transport::Http, said).unwrap_err(),
            [
                "meta.http.window",
                "meta.http.throughput",
                "meta.http.timeout_s",
                "meta.http.strip_plus",
                "meta.http.max_parts",
                "meta.http.extra.to",
                "meta.http.extra.dlr_url",
            ]
        );
        assert_eq!(read(Transport::Http, json!([])).unwrap_err(), ["meta.http"]);
        let extra = |transport, extra| read(transport, json!({ "extra": extra })).unwrap_err();
        assert_eq!(extra(Transport::Http, json!(7)), ["meta.http.extra"]);
        assert_eq!(
            extra(Transport::Jasmin, json!({"tenant_id": 7, "tags": ["a"]})),
            ["meta.http.extra.tenant_id", "meta.http.extra.tags"]
        );
        assert_eq!(
            extra(Transport::Twilio, json!({"Body": "b"})),
            ["meta.http.extra.Body"]
        );
        let wrong = TwilioSettings::from_meta(Some(&json!({"twilio": {
            "messaging_service_sid": 5, "previous_auth_token": [],
        }})));
        assert_eq!(wrong.unwrap_err().len(), 2);
    }
}
