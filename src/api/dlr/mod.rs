//! Delivery reports of HTTP providers, and of whoever forwards one.
//!
//! Their proof is the gateway's callback token, not a bearer token of ours.

pub(super) mod describe;
mod report;
mod word;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use subtle::ConstantTimeEq;

use self::report::DlrReport;
use super::auth::{self, Unauthenticated};
use super::directory::{Profile, StatusMode};
use super::envelope;
use super::error::Failure;
use super::query::Query;
use super::{Api, Id, gateways};
use crate::config::DeliveredAt;
use crate::message::{GatewayId, Report};
use crate::metrics;
use crate::store::{Evidence, Finding, IdRule, Inbound, Unmatched};

/// What a report without a status says, by the documents.
const DEFAULT_WORD: &str = "delivered";

pub(super) async fn post(id: Id, call: Unauthenticated) -> Result<Response, Failure> {
    let profile = admitted(id, &call).await?;
    let reports = report::parse(&call.headers, &call.uri, &call.body)?;
    take(&call, &profile, reports).await
}

/// Jasmin can be told to use GET.
pub(super) async fn get(id: Id, call: Unauthenticated) -> Result<Response, Failure> {
    let profile = admitted(id, &call).await?;
    take(&call, &profile, vec![report::of_query(&call.uri)]).await
}

/// The gateway, deleted or not, if the report carries its token. Nothing of the body is looked at
/// before.
pub(super) async fn admitted(
    id: Id,
    call: &Unauthenticated,
) -> Result<std::sync::Arc<Profile>, Failure> {
    let profile = match id.gateway() {
        Some(id) => call.api.any_profile(id).await?,
        None => None,
    };
    let profile = profile.ok_or_else(|| Failure::not_found(gateways::NOT_FOUND))?;
    let proof = match profile.gateway.callback_token.as_deref() {
        Some(token) => {
            call.api.admit(call.address)?;
            proof(token, &call.headers, &call.uri)
        }
        None if call.api.config.dlr.require_token => Proof::Missing,
        None => Proof::Right,
    };
    if proof == Proof::Right {
        return Ok(profile);
    }
    call.api.metrics.http.auth_failures.inc();
    if proof == Proof::Wrong {
        call.api.count_attempt(call.address);
    }
    Err(Failure::new(
        StatusCode::FORBIDDEN,
        "Invalid callback token.",
    ))
}

/// What a report has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Right,
    Wrong,
    Missing,
}

fn proof(token: &str, headers: &HeaderMap, uri: &Uri) -> Proof {
    let query = Query::of(uri);
    let places = [
        query.get("token").map(str::as_bytes),
        query.get("callback_token").map(str::as_bytes),
        headers.get("x-callback-token").map(HeaderValue::as_bytes),
        auth::bearer(headers),
    ];
    let is_right = |given: &[u8]| bool::from(given.ct_eq(token.as_bytes()));
    let given = places.into_iter().flatten().map(is_right);
    given.fold(Proof::Missing, |so_far, right| match (so_far, right) {
        (Proof::Right, _) | (_, true) => Proof::Right,
        _ => Proof::Wrong,
    })
}

async fn take(
    call: &Unauthenticated,
    profile: &Profile,
    reports: Vec<DlrReport>,
) -> Result<Response, Failure> {
    if call.api.config.dlr.require_status && reports.iter().any(|r| r.word.is_none()) {
        return Err(Failure::field("status", "The status field is required."));
    }
    let evidence = reports
        .into_iter()
        .filter_map(|r| evidence(r, profile, &call.api));
    let inbound: Vec<Inbound> = evidence.map(|e| Inbound::Receipt(Box::new(e))).collect();
    if !inbound.is_empty() {
        let findings = call.api.store.inbound(inbound).await?;
        count(&findings, profile.gateway.id, &call.api);
    }
    Ok(acknowledgement(&call.headers))
}

/// What the store needs to know of a report; `None`: it names no message.
fn evidence(report: DlrReport, profile: &Profile, api: &Api) -> Option<Evidence> {
    let defaulted = report.word.is_none();
    let word = report.word.unwrap_or_else(|| DEFAULT_WORD.to_owned());
    let payload = serde_json::to_string(&report.members).ok()?;
    Some(Evidence {
        gateway: profile.gateway.id,
        ids: vec![report.id?],
        id_rule: IdRule::Same,
        state: word::state_of(&word),
        report: Report::Http {
            word,
            payload,
            defaulted,
        }
        .into(),
        verbatim: profile.mode == StatusMode::Verbatim,
        always_delivered_at: api.config.dlr.delivered_at == DeliveredAt::Always,
        if_unmatched: Unmatched::Keep,
    })
}

pub(super) fn count(findings: &[Finding], gateway: GatewayId, api: &Api) {
    let gateway = metrics::label(gateway);
    for finding in findings {
        let told = match finding {
            Finding::Applied { state, .. } => state.name(),
            Finding::Duplicate { .. } => "duplicate",
            Finding::Ignored { .. } => "ignored",
            Finding::Orphan | Finding::Mo { .. } | Finding::MoSegment => {
                api.metrics
                    .gateway
                    .orphans
                    .with_label_values(&[&gateway])
                    .inc();
                continue;
            }
        };
        let receipts = &api.metrics.gateway.receipts;
        receipts.with_label_values(&[gateway.as_str(), told]).inc();
    }
}

/// Jasmin repeats a report until the body is this very text; everybody else gets JSON.
fn acknowledgement(headers: &HeaderMap) -> Response {
    if wants_plain_text(headers) {
        return jasmin_acknowledgement();
    }
    envelope::json(StatusCode::OK, r#"{"message":"DLR received"}"#)
}

pub(super) fn jasmin_acknowledgement() -> Response {
    let plain = HeaderValue::from_static("text/plain");
    ([(header::CONTENT_TYPE, plain)], "ACK/Jasmin").into_response()
}

fn wants_plain_text(headers: &HeaderMap) -> bool {
    let names = |wanted: &str| {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .flat_map(|value| value.as_bytes().split(|b| *b == b','))
            .filter_map(|range| range.split(|b| *b == b';').next())
            .any(|range| range.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    names("text/plain") && !names("application/json") && !names("*/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_for_plain_text_alone_gets_it() {
        let plain = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            wants_plain_text(&headers)
        };
        assert!(plain("text/plain"));
        assert!(plain("text/html, Text/Plain;q=0.5"));
        assert!(!plain("*/*"));
        assert!(!plain("text/plain, */*"));
        assert!(!plain("text/plain, application/json"));
        assert!(!wants_plain_text(&HeaderMap::new()));
    }

    #[test]
    fn the_token_may_come_in_four_places() {
        let with = |name: Option<&'static str>, value: &'static str, uri: &str| {
            let mut headers = HeaderMap::new();
            if let Some(name) = name {
                headers.insert(name, HeaderValue::from_static(value));
            }
            proof("tok-6", &headers, &uri.parse().unwrap())
        };
        assert_eq!(with(None, "", "/dlr?token=tok-6"), Proof::Right);
        assert_eq!(
            with(None, "", "/dlr?a=b&callback_token=tok-6"),
            Proof::Right
        );
        assert_eq!(
            with(Some("x-callback-token"), "tok-6", "/dlr"),
            Proof::Right
        );
        assert_eq!(
            with(Some("authorization"), "Bearer tok-6", "/dlr"),
            Proof::Right
        );
        assert_eq!(
            with(Some("x-callback-token"), "tok-6", "/dlr?token=wrong"),
            Proof::Right
        );
        assert_eq!(
            with(Some("x-callback-token"), "tok-7", "/dlr"),
            Proof::Wrong
        );
        assert_eq!(with(None, "", "/dlr"), Proof::Missing);
    }
}
