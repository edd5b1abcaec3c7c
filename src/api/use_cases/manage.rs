//! Use cases and opt-outs, for operators.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::auth::Admin;
use super::super::clock::Iso;
use super::super::json as octets;
use super::super::{body, envelope};
use super::rejection::Rejection;
use super::{Key, NumberOf, UseCaseCall, check, find};
use crate::config::Config;
use crate::message::{Registration, Timestamp, UseCase, UseCaseStatus, Via, msisdn};

/// Characters of a name, a gateway's name or an id, at most.
pub(super) const TEXT_MAX: usize = 255;
/// Senders of one pool, at most.
pub(super) const SENDERS_MAX: usize = 1000;
pub(super) const REGIONS_MAX: usize = 250;

/// A purpose to send for, with its pool of senders.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UseCase")]
pub(super) struct Record<'a> {
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    name: &'a str,
    #[schemars(with = "String", extend("enum" = STATUSES))]
    status: UseCaseStatus,
    /// The name of the gateway that sends; null where a route chooses it.
    gateway: Option<&'a str>,
    /// The name of the route that chooses the gateway; null where there is none.
    route: Option<&'a str>,
    messaging_service_sid: Option<&'a str>,
    senders: &'a [String],
    #[schemars(with = "Option<Registered>")]
    campaign: Option<&'a Registration>,
    #[schemars(with = "Option<Registered>")]
    brand: Option<&'a Registration>,
    /// ISO 3166 codes; empty allows all.
    allowed_regions: &'a [String],
    sticky_sender: bool,
    area_code_geomatch: bool,
    created_at: Iso,
    updated_at: Iso,
}

/// A campaign or a brand, as whoever registers them calls it.
#[derive(JsonSchema)]
#[schemars(rename = "Registration")]
#[expect(dead_code, reason = "it says how a registration is written")]
struct Registered {
    id: Option<String>,
    /// `verified`, `pending`, `approved`, `suspended`, …
    status: String,
}

pub(super) const STATUSES: [&str; 3] = ["active", "inactive", "deleted"];

fn render(use_case: &UseCase) -> Value {
    let record = Record {
        id: Uuid::from_u128(use_case.id),
        name: &use_case.name,
        status: use_case.status,
        gateway: use_case.via.gateway_name(),
        route: use_case.via.route_name(),
        messaging_service_sid: use_case.messaging_service_sid.as_deref(),
        senders: &use_case.senders,
        campaign: use_case.campaign.as_ref(),
        brand: use_case.brand.as_ref(),
        allowed_regions: &use_case.allowed_regions,
        sticky_sender: use_case.sticky_sender,
        area_code_geomatch: use_case.area_code_geomatch,
        created_at: Iso(use_case.created_at),
        updated_at: Iso(use_case.updated_at),
    };
    serde_json::to_value(record).expect("a record is plain data")
}

fn answer(status: StatusCode, use_case: &UseCase) -> Response {
    envelope::json(status, render(use_case).to_string())
}

fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// `GET /v1/use-cases`
pub(in super::super) async fn list(
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    let all = call.api.0.use_cases.borrow().clone();
    let there = all.values().filter(|u| u.status != UseCaseStatus::Deleted);
    let rows: Vec<Value> = there.map(render).collect();
    let body = json!({ "use_cases": rows }).to_string();
    Ok(envelope::json(StatusCode::OK, body))
}

/// `GET /v1/use-cases/{id}`
pub(in super::super) async fn read(
    Key(key): Key,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    let use_case = find(&call.api, key).ok_or_else(Rejection::not_found)?;
    Ok(answer(StatusCode::OK, &use_case))
}

/// `POST /v1/use-cases`
pub(in super::super) async fn create(
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    body::must_be_json(&call.headers)?;
    let change = Change::parse(&call.body)?;
    let _changing = call.api.0.changing.lock().await;
    let id = change.id.unwrap_or_else(|| Uuid::new_v4().as_u128());
    if call.api.0.use_cases.borrow().contains_key(&id) {
        let taken = "There is a use case with this id.";
        return Err(Rejection::new(StatusCode::CONFLICT, "conflict", taken));
    }
    let blank = UseCase {
        id,
        name: String::new(),
        status: UseCaseStatus::Active,
        via: Via::Gateway(String::new()),
        messaging_service_sid: None,
        senders: Vec::new(),
        campaign: None,
        brand: None,
        allowed_regions: Vec::new(),
        sticky_sender: true,
        area_code_geomatch: true,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        configured: false,
    };
    let use_case = call
        .api
        .store
        .put_use_case(change.onto(blank, &call.api.config)?)
        .await?;
    Ok(answer(StatusCode::CREATED, &use_case))
}

/// `PATCH /v1/use-cases/{id}`: what is absent is kept, null is back to the default.
pub(in super::super) async fn change(
    Key(key): Key,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    let _changing = call.api.0.changing.lock().await;
    let present = changeable(&call.api, key)?;
    body::must_be_json(&call.headers)?;
    let changed = Change::parse(&call.body)?.onto(present, &call.api.config)?;
    let use_case = call.api.store.put_use_case(changed).await?;
    Ok(answer(StatusCode::OK, &use_case))
}

/// `DELETE /v1/use-cases/{id}`: its messages stay, nothing more is sent.
pub(in super::super) async fn delete(
    Key(key): Key,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    let _changing = call.api.0.changing.lock().await;
    let mut use_case = changeable(&call.api, key)?;
    use_case.status = UseCaseStatus::Deleted;
    call.api.store.put_use_case(use_case).await?;
    Ok(nothing())
}

fn changeable(api: &super::Api, key: Option<u128>) -> Result<UseCase, Rejection> {
    let use_case = find(api, key).ok_or_else(Rejection::not_found)?;
    if use_case.configured {
        let there = "This use case is the configuration's; change it there.";
        return Err(Rejection::new(StatusCode::CONFLICT, "conflict", there));
    }
    Ok((*use_case).clone())
}

/// `GET /v1/use-cases/{id}/opt-outs`
pub(in super::super) async fn opt_outs(
    Key(key): Key,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    let use_case = find(&call.api, key).ok_or_else(Rejection::not_found)?;
    let numbers = call.api.store.opt_outs(use_case.id).await?;
    let numbers: Vec<String> = numbers.iter().map(|n| format!("+{n}")).collect();
    let body = json!({ "opt_outs": numbers }).to_string();
    Ok(envelope::json(StatusCode::OK, body))
}

/// `PUT /v1/use-cases/{id}/opt-outs/{e164}`
pub(in super::super) async fn opt_out(
    at: NumberOf,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    set_opt_out(&call.api, &at, true).await
}

/// `DELETE /v1/use-cases/{id}/opt-outs/{e164}`
pub(in super::super) async fn opt_in(
    at: NumberOf,
    UseCaseCall(call): UseCaseCall<Admin>,
) -> Result<Response, Rejection> {
    set_opt_out(&call.api, &at, false).await
}

async fn set_opt_out(api: &super::Api, at: &NumberOf, out: bool) -> Result<Response, Rejection> {
    let use_case = find(api, at.key.0).ok_or_else(Rejection::not_found)?;
    let plus = format!("+{}", at.number.trim_start_matches('+'));
    let number = msisdn(&plus).filter(|_| check::is_e164(&plus));
    let wrong = "The number must be in E.164 form, like +14155550100.";
    let number = number.ok_or_else(|| Rejection::field("e164", wrong))?;
    api.store.set_opt_out(use_case.id, number, out).await?;
    Ok(nothing())
}

/// What a request says of a use case.
#[derive(Default)]
struct Change {
    id: Option<u128>,
    members: serde_json::Map<String, Value>,
    errors: Vec<(String, String)>,
}

impl Change {
    fn parse(body: &[u8]) -> Result<Change, Rejection> {
        let Value::Object(members) = octets::value(body)? else {
            return Err(Rejection::fields(Vec::new()));
        };
        let mut change = Change {
            members,
            ..Change::default()
        };
        if let Some(id) = change.members.get("id").filter(|v| !v.is_null()) {
            change.id = id.as_str().and_then(super::parse);
            if change.id.is_none() {
                change.wrong("id", "must be a UUID");
            }
        }
        Ok(change)
    }

    fn wrong(&mut self, name: &str, text: &str) {
        let text = format!("The {name} {text}.");
        self.errors.push((name.to_owned(), text));
    }

    /// The use case with the change laid over it, if it breaks no rule.
    fn onto(mut self, mut u: UseCase, config: &Config) -> Result<UseCase, Rejection> {
        if let Some(name) = self.text("name") {
            u.name = name.unwrap_or_default();
        }
        if u.name.is_empty() {
            self.wrong("name", "is required");
        }
        self.change_via(&mut u.via, config);
        if let Some(sid) = self.text("messaging_service_sid") {
            u.messaging_service_sid = sid;
        }
        if let Some(status) = self.text("status") {
            match status.as_deref() {
                None | Some("active") => u.status = UseCaseStatus::Active,
                Some("inactive") => u.status = UseCaseStatus::Inactive,
                Some("deleted") => u.status = UseCaseStatus::Deleted,
                Some(_) => self.wrong("status", "must be active, inactive or deleted"),
            }
        }
        if let Some(senders) = self.texts("senders", SENDERS_MAX) {
            if !senders.iter().all(|s| is_sender(s)) {
                self.wrong(
                    "senders",
                    "must be numbers in E.164 form, short codes, or names of up to 11 characters",
                );
            }
            u.senders = senders;
        }
        if let Some(regions) = self.texts("allowed_regions", REGIONS_MAX) {
            let is_region = |r: &String| r.len() == 2 && r.bytes().all(|b| b.is_ascii_alphabetic());
            if !regions.iter().all(is_region) {
                self.wrong("allowed_regions", "must be ISO 3166 codes of two letters");
            }
            u.allowed_regions = regions;
        }
        if let Some(campaign) = self.registration("campaign") {
            u.campaign = campaign;
        }
        if let Some(brand) = self.registration("brand") {
            u.brand = brand;
        }
        if let Some(sticky) = self.flag("sticky_sender") {
            u.sticky_sender = sticky;
        }
        if let Some(geomatch) = self.flag("area_code_geomatch") {
            u.area_code_geomatch = geomatch;
        }
        if self.errors.is_empty() {
            Ok(u)
        } else {
            Err(Rejection::fields(self.errors))
        }
    }

    /// The one of `gateway` and `route` that is named takes the place of what was there.
    fn change_via(&mut self, via: &mut Via, config: &Config) {
        let (gateway, route) = (self.text("gateway"), self.text("route"));
        match (gateway, route) {
            (Some(Some(_)), Some(Some(_))) => {
                self.wrong("route", "contradicts the gateway: there is one of them");
            }
            (Some(Some(gateway)), _) => *via = Via::Gateway(gateway),
            (_, Some(Some(route))) => *via = Via::Route(route),
            // What is not there is taken away easily.
            (Some(None), _) if via.gateway_name().is_some() => *via = Via::Gateway(String::new()),
            (_, Some(None)) if via.route_name().is_some() => *via = Via::Gateway(String::new()),
            _ => {}
        }
        match via {
            Via::Gateway(name) if name.is_empty() => {
                self.wrong("gateway", "is required, unless there is a route");
            }
            Via::Route(name) if config.route_named(name).is_none() => {
                self.wrong("route", "is none of the configuration's");
            }
            _ => {}
        }
    }

    /// A string, or null; `None`: not a word of it.
    fn text(&mut self, name: &str) -> Option<Option<String>> {
        match self.members.get(name)? {
            Value::Null => Some(None),
            Value::String(s) if s.chars().count() <= TEXT_MAX => Some(Some(s.clone())),
            _ => {
                self.wrong(
                    name,
                    &format!("must be a string of at most {TEXT_MAX} characters"),
                );
                None
            }
        }
    }

    fn texts(&mut self, name: &str, most: usize) -> Option<Vec<String>> {
        let texts = match self.members.get(name)? {
            Value::Null => Some(Vec::new()),
            Value::Array(items) if items.len() <= most => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(name, &format!("must be a list of at most {most} strings"));
        }
        texts
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        match self.members.get(name)? {
            Value::Null => Some(true),
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.wrong(name, "must be true or false");
                None
            }
        }
    }

    fn registration(&mut self, name: &str) -> Option<Option<Registration>> {
        let given = self.members.get(name)?.clone();
        if given.is_null() {
            return Some(None);
        }
        let short = |v: &Value| {
            v.as_str()
                .filter(|s| s.chars().count() <= TEXT_MAX)
                .map(str::to_owned)
        };
        let id = given.get("id").filter(|v| !v.is_null());
        let status = given
            .get("status")
            .and_then(short)
            .filter(|s| !s.is_empty());
        match (id.map(short), status) {
            (None, Some(status)) => Some(Some(Registration { id: None, status })),
            (Some(Some(id)), Some(status)) => Some(Some(Registration {
                id: Some(id),
                status,
            })),
            _ => {
                self.wrong(
                    name,
                    "must be an object with a string status, and an id if any",
                );
                None
            }
        }
    }
}

/// A number, a short code, or a name.
fn is_sender(sender: &str) -> bool {
    let is_short = (3..=8).contains(&sender.len()) && sender.bytes().all(|b| b.is_ascii_digit());
    let is_name = !sender.is_empty()
        && sender.chars().count() <= 11
        && sender.bytes().any(|b| b.is_ascii_alphabetic());
    check::is_e164(sender) || is_short || is_name
}
