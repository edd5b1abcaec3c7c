//! Status callbacks of a Twilio-compatible upstream.
//!
//! Their proof is a signature with the account's auth token, which is looked at before anything
//! else; who cannot prove it learns nothing. The answer comes when the status is durable.

mod signature;
mod word;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use self::signature::Signed;
use super::auth::Unauthenticated;
use super::body::{self, Kind};
use super::error::Failure;
use super::{Api, dlr, json as octets};
use crate::config::gateway::TwilioSettings;
use crate::message::{Gateway, GatewayId, Report, Transport};
use crate::openapi::{Operation, Scheme};
use crate::store::{Evidence, Finding, IdRule, Inbound, Unmatched};

/// Parameters of one status, at most: the documented ones are a dozen.
const PAIRS_MAX: usize = 200;

/// `POST /v1/webhook/twilio/sms-status`
pub(super) async fn status(call: Unauthenticated) -> Result<Response, Failure> {
    let Some(status) = Status::read(&call.headers, &call.uri, &call.body) else {
        return Ok(forbidden(&call.api));
    };
    let signed = Signed {
        urls: urls(&call),
        parameters: status.signed_parameters.clone(),
        signature: signature_of(&call.headers).to_vec(),
    };
    let live = call.api.snapshot();
    let live = signers(live.profiles().map(|p| &p.gateway), &status, &signed);
    match take(&call.api, &status, &signed, &live).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Ok(forbidden(&call.api)),
    }
}

pub(super) fn describe(operation: &mut Operation<'_>) {
    let status = json!({
        "type": "object",
        "properties": {
            "AccountSid": { "type": "string" },
            "MessageSid": { "type": "string" },
            "MessageStatus": { "type": "string" },
            "ErrorCode": { "type": ["string", "integer", "null"] },
            "From": { "type": "string" },
            "To": { "type": "string" },
        },
    });
    operation
        .named(
            "Reports",
            "reportTwilioStatus",
            "A signed status of a Twilio-compatible upstream",
        )
        .says(
            "The signature covers the URL as the upstream was given it, and all parameters; of a \
             JSON body, its digest in the query parameter `bodySHA256`. Nothing else is looked \
             at before.",
        )
        .may_have_no_body()
        .takes_as("application/x-www-form-urlencoded", status.clone())
        .takes(status)
        .requires(SIGNATURE, &[])
        .answers_nothing(204, "It was taken, or means nothing here.")
        .answers_nothing(403, "The signature is not that of an account we know.")
        .refuses(
            503,
            "The message log cannot be written, or the bridge stops.",
        );
}

const SIGNATURE: Scheme = Scheme {
    name: "twilioSignature",
    describe: || {
        json!({
            "type": "apiKey", "in": "header", "name": "X-Twilio-Signature",
            "description": "HMAC-SHA1 with the account's auth token, in Base64.",
        })
    },
};

fn forbidden(api: &Api) -> Response {
    api.metrics.http.auth_failures.inc();
    StatusCode::FORBIDDEN.into_response()
}

fn signature_of(headers: &HeaderMap) -> &[u8] {
    let header = headers.get("x-twilio-signature");
    header.map_or(b"", |value| value.as_bytes())
}

/// What the sender may call this request's URL: what it was given, and what a proxy of ours says.
fn urls(call: &Unauthenticated) -> Vec<String> {
    let path = call.uri.path_and_query().map_or("/", |p| p.as_str());
    let mut urls = signature::spellings(&format!("{}{path}", call.api.base_url));
    let header = |name: &str| call.headers.get(name)?.to_str().ok();
    // What the outermost proxy wrote comes first.
    let first = |name| Some(header(name)?.split(',').next()?.trim());
    let scheme = first("x-forwarded-proto");
    let host = first("x-forwarded-host").or_else(|| scheme.and(header("host")));
    if let (true, Some(host)) = (call.from_proxy, host) {
        let scheme = scheme.unwrap_or("https");
        urls.extend(signature::spellings(&format!("{scheme}://{host}{path}")));
    }
    urls
}

/// The gateways of the account that can have signed it. Several may share one account.
fn signers<'g>(
    gateways: impl Iterator<Item = &'g Gateway>,
    status: &Status,
    signed: &Signed,
) -> Vec<GatewayId> {
    let of_account = gateways.filter(|g| {
        g.transport() == Transport::Twilio && g.username.as_deref() == Some(&status.account)
    });
    let signers = of_account.filter(|gateway| {
        let meta = gateway.meta.clone().map(Value::Object);
        let twilio = TwilioSettings::from_meta(meta.as_ref()).unwrap_or_default();
        let former = twilio.previous_auth_token.as_ref().map(|t| t.expose());
        let keys = [gateway.password.as_deref(), former];
        keys.into_iter()
            .flatten()
            .any(|key| !key.is_empty() && signed.fits(key))
    });
    signers.map(|gateway| gateway.id).collect()
}

/// Records the status with the message it is of; false: nobody we know has signed it. A message
/// may be of a gateway that is deleted by now, and another may have taken over its account.
async fn take(
    api: &Api,
    status: &Status,
    signed: &Signed,
    live: &[GatewayId],
) -> Result<bool, Failure> {
    if !live.is_empty() && status.is_nobodys_news() {
        return Ok(true);
    }
    if report(api, status, live, || Unmatched::Leave).await? {
        return Ok(true);
    }
    let deleted = api.store.deleted_gateways().await?;
    let deleted = signers(deleted.iter(), status, signed);
    let known = match live {
        [] => &deleted,
        live => live,
    };
    if known.is_empty() {
        return Ok(false);
    }
    if !status.is_nobodys_news() && !report(api, status, &deleted, || Unmatched::Leave).await? {
        // It may have overtaken the answer that tells its id.
        report(api, status, known, || Unmatched::Keep).await?;
    }
    Ok(true)
}

/// Whether a message of these gateways was found.
async fn report(
    api: &Api,
    status: &Status,
    gateways: &[GatewayId],
    if_unmatched: impl Fn() -> Unmatched,
) -> Result<bool, Failure> {
    let evidence = gateways
        .iter()
        .filter_map(|gateway| status.evidence(*gateway, if_unmatched()));
    let inbound: Vec<Inbound> = evidence.map(|e| Inbound::Receipt(Box::new(e))).collect();
    if inbound.is_empty() {
        return Ok(false);
    }
    let keeps = matches!(if_unmatched(), Unmatched::Keep);
    let findings = api.store.inbound(inbound).await?;
    for (gateway, finding) in gateways.iter().zip(&findings) {
        if keeps || *finding != Finding::Orphan {
            dlr::count(std::slice::from_ref(finding), *gateway, api);
        }
    }
    Ok(findings.iter().any(|f| *f != Finding::Orphan))
}

/// A status as it was said.
#[derive(Debug)]
struct Status {
    account: String,
    sid: String,
    word: String,
    members: Map<String, Value>,
    /// What the signature covers beside the URL.
    signed_parameters: String,
}

impl Status {
    /// `None`: malformed, or nobody's account.
    fn read(headers: &HeaderMap, uri: &Uri, body: &Bytes) -> Option<Status> {
        let (members, signed_parameters) = match body::kind(headers).ok()? {
            Kind::Json => {
                let Ok(Value::Object(members)) = octets::value(body) else {
                    return None;
                };
                // The URL names the body's digest, and the signature covers the URL.
                signature::names_digest(uri, body).then(|| (members, String::new()))?
            }
            Kind::Form | Kind::Unsaid => {
                let pairs: Vec<(String, String)> =
                    form_urlencoded::parse(body).into_owned().collect();
                if pairs.len() > PAIRS_MAX {
                    return None;
                }
                let parameters = signature::parameters(&pairs);
                let members = pairs.into_iter().map(|(n, v)| (n, Value::String(v)));
                (members.collect(), parameters)
            }
        };
        let text = |names: [&str; 2]| {
            let mut texts = names.iter().filter_map(|name| members.get(*name)?.as_str());
            let found = texts.find(|text| !text.is_empty());
            found.unwrap_or_default().to_owned()
        };
        Some(Status {
            account: text(["AccountSid", ""]),
            sid: text(["MessageSid", "SmsSid"]),
            word: text(["MessageStatus", "SmsStatus"]),
            members,
            signed_parameters,
        })
        .filter(|status| !status.account.is_empty())
    }

    /// It names no message, or says what means nothing here.
    fn is_nobodys_news(&self) -> bool {
        self.sid.is_empty() || word::state_of(&self.word).is_none()
    }

    fn evidence(&self, gateway: GatewayId, if_unmatched: Unmatched) -> Option<Evidence> {
        Some(Evidence {
            gateway,
            ids: vec![self.sid.clone()],
            id_rule: IdRule::Same,
            state: Some(word::state_of(&self.word)?),
            report: Report::Http {
                word: self.word.clone(),
                payload: serde_json::to_string(&self.members).ok()?,
                defaulted: false,
            }
            .into(),
            // A word of progress is news of its own: it may be the first to name the sender.
            verbatim: true,
            always_delivered_at: false,
            if_unmatched,
        })
    }
}
