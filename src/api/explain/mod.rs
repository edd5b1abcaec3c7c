//! `POST /v1/explain`: what a send would come to, and nothing is sent or recorded.
//!
//! It takes a message as one of the three families takes it, and asks that family's own code: the
//! same reader, the same checks in the same order, the same draft. What would be refused is told
//! in the words that the send would use. What would be written to the upstream is made by whatever
//! writes it.
//!
//! - `asker`: who may ask
//! - `report`: the answer; `callbacks`: the part of it that says who would hear of the message

mod asker;
mod callbacks;
pub(super) mod describe;
mod report;
mod route;
mod written;

use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;

use self::asker::Asker;
use self::report::{Refused, Report};
use super::draft::{Draft, Seen};
use super::json::{self, Field};
use super::messages::GATEWAYS;
use super::universal::Allowance;
use super::use_cases::Rejection;
use super::{envelope, send, universal, use_cases};
use crate::message::GatewayId;

/// What a family says of a message that it is shown, and what its send would answer instead of
/// taking it.
pub(super) type Judged = (Case, Option<Response>);

/// What is known of a message that a family was shown.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) seen: Seen,
    pub(super) draft: Option<Draft>,
    /// It was taken before: a send would be answered as then.
    pub(super) is_repeat: bool,
    /// The destination has opted out of the use case, or not.
    pub(super) opted_out: Option<bool>,
    /// Of the account's rate.
    pub(super) allowance: Option<Allowance>,
}

/// The API whose send is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Gateway,
    UseCase,
    Universal,
}

const FAMILIES: [(&str, Family); 3] = [
    ("gateway", Family::Gateway),
    ("use_case", Family::UseCase),
    ("universal", Family::Universal),
];
const NAMES: [&str; 3] = ["family", "gateway", "message"];

/// A request that says whose send it is about.
struct Asked {
    family: Family,
    gateway: Option<GatewayId>,
    /// The send's body.
    message: Bytes,
}

pub(super) async fn explain(asker: Asker) -> Result<Response, Rejection> {
    let asked = Asked::parse(asker.body())?;
    // Which call a family takes says who may send there.
    let (case, refusal) = match (asked.family, &asker) {
        (Family::Gateway, Asker::Token(call)) => {
            send::explain(call, asked.gateway, &asked.message).await
        }
        (Family::UseCase, Asker::Token(call)) => use_cases::explain(call, &asked.message).await,
        (Family::Universal, Asker::Account(call)) => universal::explain(call, &asked.message).await,
        (Family::Gateway | Family::UseCase, Asker::Account(_)) => {
            return Err(forbidden(
                "An account sends through the universal API only.",
            ));
        }
        (Family::Universal, Asker::Token(_)) => {
            return Err(forbidden(
                "The universal API is explained to its accounts, by their own credentials.",
            ));
        }
    };
    let refusal = match refusal {
        Some(answer) => Some(Refused::of(answer).await),
        None => None,
    };
    let report = Report::of(asked.family.name(), &case, refusal, &asker).await?;
    let body = serde_json::to_vec(&report).expect("a report is plain data");
    Ok(envelope::json(StatusCode::OK, body))
}

fn forbidden(text: &'static str) -> Rejection {
    Rejection::new(StatusCode::FORBIDDEN, "forbidden", text)
}

impl Family {
    fn name(self) -> &'static str {
        let known = FAMILIES.iter().find(|(_, family)| *family == self);
        known.map_or("", |(name, _)| name)
    }
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Asked, Rejection> {
        let [family, gateway, message] = json::fields(body, &NAMES)?;
        let mut errors = Vec::new();
        let mut wrong = |name: &str, text: &str| errors.push((name.to_owned(), text.to_owned()));
        let family = match &family {
            Field::Text(word) => FAMILIES.iter().find(|(name, _)| name == word),
            _ => None,
        };
        let family = family.map(|(_, family)| *family);
        if family.is_none() {
            wrong(
                "family",
                "The family must be gateway, use_case or universal.",
            );
        }
        let gateway = match gateway {
            Field::Integer(id) if GATEWAYS.contains(&id) => u32::try_from(id).ok().map(GatewayId),
            _ => None,
        };
        if family == Some(Family::Gateway) && gateway.is_none() {
            wrong("gateway", "The gateway must be the id of an SMS gateway.");
        }
        let message = match message {
            Field::Tree(message) if message.is_object() => Some(message),
            _ => {
                let text = "The message must be an object: the body of the send.";
                wrong("message", text);
                None
            }
        };
        match (family, message, errors.is_empty()) {
            (Some(family), Some(message), true) => Ok(Asked {
                family,
                gateway,
                message: message.to_string().into(),
            }),
            _ => Err(Rejection::fields(errors)),
        }
    }
}
