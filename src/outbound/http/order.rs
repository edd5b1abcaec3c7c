//! One message as an HTTP upstream's request has to carry it, before any transport gives it a form.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::config::gateway::HttpSettings;
use crate::message::{Family, Gateway, Head};

/// What every transport needs to know to make a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) settings: &'a HttpSettings,
    pub(super) head: &'a Head,
    pub(super) text: &'a str,
    /// In front of our own paths, without a slash at its end.
    pub(super) base_url: &'a str,
}

/// A request without its way: what a transport makes of an [`Order`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    /// Without a slash at its beginning.
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
const AGENT: &str = concat!("smpp-bridge/", env!("CARGO_PKG_VERSION"));

impl Order<'_> {
    /// The destination without what people write between the digits.
    pub(super) fn number(&self) -> String {
        let punctuation = |c: &char| matches!(c, ' ' | '-' | '.' | '(' | ')');
        let mut number: String = self.head.destination.clone();
        number.retain(|c| !punctuation(&c));
        if !self.settings.strip_plus {
            return number;
        }
        let bare = number.strip_prefix('+').or(number.strip_prefix("00"));
        bare.map_or(number.clone(), str::to_owned)
    }

    /// `None` where the upstream chooses.
    pub(super) fn sender(&self) -> Option<&str> {
        Some(self.head.source.as_str()).filter(|s| !s.is_empty())
    }

    /// Where the upstream reports to: the client's own URL, or ours with the gateway's token.
    pub(super) fn dlr_url(&self) -> String {
        match self.head.callback_url.as_deref() {
            Some(url) if !self.head.forwards => return url.to_owned(),
            _ => {}
        }
        let url = format!("{}/api/sms-gateways/{}/dlr", self.base_url, self.gateway.id);
        match self.gateway.callback_token.as_deref() {
            Some(token) if !token.is_empty() => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("token", token)
                    .finish();
                format!("{url}?{query}")
            }
            _ => url,
        }
    }

    /// The messaging service that the use case names.
    pub(super) fn messaging_service_sid(&self) -> Option<&str> {
        match &self.head.family {
            Family::UseCases(origin) => origin.messaging_service_sid.as_deref(),
            Family::Gateways | Family::Universal(_) => None,
        }
    }

    /// The path, where the record says one that is not everybody's default.
    pub(super) fn path_or(&self, default: &str) -> String {
        match self.gateway.api_path.trim_start_matches('/') {
            "" | "send" => default.to_owned(),
            path => path.to_owned(),
        }
    }

    pub(super) fn username(&self) -> &str {
        self.gateway.username.as_deref().unwrap_or_default()
    }

    pub(super) fn password(&self) -> &str {
        self.gateway.password.as_deref().unwrap_or_default()
    }

    /// `members` and then the gateway's extra ones, as a JSON body.
    pub(super) fn json(&self, mut members: Map<String, Value>) -> Vec<u8> {
        members.extend(self.settings.extra.clone());
        Value::Object(members).to_string().into_bytes()
    }

    /// `pairs` and then the gateway's extra ones, as a form; an extra one replaces its namesake.
    pub(super) fn form(&self, pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            if !self.settings.extra.contains_key(*name) {
                form.append_pair(name, value);
            }
        }
        for (name, value) in &self.settings.extra {
            match value {
                Value::String(text) => form.append_pair(name, text),
                other => form.append_pair(name, &other.to_string()),
            };
        }
        form.finish().into_bytes()
    }
}

impl Parcel {
    /// The request. `host` is what the header of that name says. The error is for an operator.
    pub(super) fn request(
        self,
        host: &HeaderValue,
        gateway: &Gateway,
    ) -> Result<Request<Full<Bytes>>, String> {
        let path = format!("/{}", self.path);
        let uri: Uri = path
            .parse()
            .map_err(|_| "the gateway's api_path cannot be part of a URL; change it".to_owned())?;
        let mut request = Request::new(Full::new(Bytes::from(self.body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers: &mut HeaderMap = request.headers_mut();
        let mut put = |name: HeaderName, value| headers.insert(name, value);
        put(header::HOST, host.clone());
        put(header::USER_AGENT, HeaderValue::from_static(AGENT));
        put(header::ACCEPT, HeaderValue::from_static("*/*"));
        put(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(basic) = basic(gateway) {
            put(header::AUTHORIZATION, basic);
        }
        Ok(request)
    }
}

/// `None` where the gateway has neither username nor password.
fn basic(gateway: &Gateway) -> Option<HeaderValue> {
    if gateway.username.is_none() && gateway.password.is_none() {
        return None;
    }
    let username = gateway.username.as_deref().unwrap_or_default();
    let password = gateway.password.as_deref().unwrap_or_default();
    let mut value = HeaderValue::try_from(format!("Basic {}", basic_text(username, password)))
        .expect("base64 is ASCII");
    value.set_sensitive(true);
    Some(value)
}

/// What HTTP Basic says of an account.
pub fn basic_text(username: &str, password: &str) -> String {
    STANDARD.encode(format!("{username}:{password}"))
}
