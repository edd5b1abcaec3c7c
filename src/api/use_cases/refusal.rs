//! What a Twilio-compatible upstream refused, in this family's codes.

use http::StatusCode;
use serde_json::Value;

use super::rejection::Rejection;
use crate::message::{Entry, Event};

/// Why the upstream did not take a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its answer: HTTP status and its own code.
    Answered {
        status: Option<u32>,
        code: Option<i64>,
        /// Words for the client, the upstream's where it has some.
        reason: String,
    },
    /// It did not answer in time.
    Silent,
}

const OPTED_OUT: i64 = 21610;
const RETRY_AFTER_S: u32 = 5;

/// The refusal among what happened to a message, if that is how it ended.
pub(super) fn of(entries: &[Entry]) -> Option<Refusal> {
    match &entries.last()?.event {
        Event::Refused {
            due_at: None,
            status,
            answer,
            reason,
            ..
        } => Some(Refusal::Answered {
            status: *status,
            code: answer.as_deref().and_then(code_in),
            reason: reason.clone(),
        }),
        Event::Unanswered { .. } => Some(Refusal::Silent),
        _ => None,
    }
}

/// The member `code` of the recorded answer's body.
fn code_in(answer: &str) -> Option<i64> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let body = match answer.get("body")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    body.get("code")?.as_i64()
}

impl Refusal {
    pub(super) fn is_opt_out(&self) -> bool {
        matches!(
            self,
            Refusal::Answered {
                code: Some(OPTED_OUT),
                ..
            }
        )
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Rejection {
        let gateway = StatusCode::BAD_GATEWAY;
        let Refusal::Answered {
            status,
            code,
            reason,
        } = refusal
        else {
            let late = "The upstream did not answer in time.";
            return Rejection::new(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", late);
        };
        match (code, status) {
            (Some(21211 | 21214 | 21614), _) => Rejection::check("invalid_destination", reason),
            (Some(OPTED_OUT), _) => Rejection::check("opted_out", reason),
            (Some(21408), _) => Rejection::check("region_not_permitted", reason),
            (Some(21703 | 21704), _) => Rejection::check("no_sender", reason),
            (Some(30034), _) => Rejection::check("campaign_not_verified", reason),
            (Some(21602 | 21617), _) => Rejection::check("invalid_request", reason),
            (Some(20003), _) | (_, Some(401 | 403)) => Rejection::new(
                gateway,
                "upstream_auth",
                "The upstream does not accept the gateway's credentials.",
            ),
            (Some(20429), _) | (_, Some(429)) => Rejection::busy(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream_busy",
                "The upstream takes no more messages for now.",
                RETRY_AFTER_S,
            ),
            (_, Some(400..=499)) => {
                let code = code.map_or_else(String::new, |code| format!(" (code {code})"));
                Rejection::new(gateway, "upstream_refused", format!("{reason}{code}"))
            }
            _ => Rejection::new(gateway, "upstream_error", "The upstream failed."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_follow_the_table() {
        for (code, status, http, ours) in [
            (Some(21211), Some(400), 422, "invalid_destination"),
            (Some(21614), Some(400), 422, "invalid_destination"),
            (Some(21610), Some(400), 422, "opted_out"),
            (Some(21408), Some(400), 422, "region_not_permitted"),
            (Some(21703), Some(400), 422, "no_sender"),
            (Some(30034), Some(400), 422, "campaign_not_verified"),
            (Some(21617), Some(400), 422, "invalid_request"),
            (Some(20003), Some(401), 502, "upstream_auth"),
            (None, Some(403), 502, "upstream_auth"),
            (Some(20429), Some(429), 503, "upstream_busy"),
            (Some(99999), Some(400), 502, "upstream_refused"),
            (None, Some(500), 502, "upstream_error"),
            (None, None, 502, "upstream_error"),
        ] {
            let reason = "no".to_owned();
            let refusal = Refusal::Answered {
                status,
                code,
                reason,
            };
            let rejection = Rejection::from(refusal);
            assert_eq!(rejection.status.as_u16(), http, "{code:?} {status:?}");
            assert!(
                format!("{rejection:?}").contains(ours),
                "{code:?} {status:?}"
            );
        }
        assert_eq!(Rejection::from(Refusal::Silent).status.as_u16(), 504);
        assert_eq!(
            code_in(r#"{"http_status":400,"body":{"code":21610}}"#),
            Some(21610)
        );
        assert_eq!(code_in(r#"{"http_status":400,"body":"no"}"#), None);
    }
}
