//! `/api/sms-gateways`: operators create, change and read gateways.

mod change;
pub(super) mod describe;
mod field;
mod meta;
mod record;

use axum::response::{IntoResponse, Response};
use futures_util::future::try_join_all;
use http::StatusCode;
use serde_json::json;

pub(super) use self::record::Status;

use self::record::View;
use super::auth::{Admin, Call, Reader};
use super::envelope::{self, Rendered};
use super::error::{Failure, Faults};
use super::query::{Page, Query};
use super::{Api, Id, body, rule};
use crate::message::Gateway;

pub(super) const NOT_FOUND: &str = "SMS gateway not found.";

pub(super) async fn list(call: Call<Reader>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let mut faults = Faults::default();
    let page = Page::of(&query, &mut faults);
    let is_active = query.get("is_active").map(|word| {
        rule::parse_flag(word).unwrap_or_else(|| {
            faults.add("is_active", "The is_active field must be true or false.");
            false
        })
    });
    faults.check()?;
    let search = query.get("search").map(str::to_lowercase);
    let snapshot = call.api.snapshot();
    let matching: Vec<&Gateway> = snapshot
        .profiles()
        .map(|profile| &profile.gateway)
        .filter(|g| is_active.is_none_or(|wanted| g.is_active == wanted))
        .filter(|g| search.as_deref().is_none_or(|word| mentions(g, word)))
        .collect();
    let paged = query.get("page").is_some();
    let (skip, take) = match paged {
        true => (page.offset(), page.size),
        false => (0, usize::MAX),
    };
    let shown: Vec<&Gateway> = matching.iter().skip(skip).take(take).copied().collect();
    // Asked all at once: they come in one batch.
    let counts = try_join_all(shown.iter().map(|g| call.api.store.counts(g.id))).await?;
    let rows: Vec<Rendered> = shown
        .into_iter()
        .zip(counts)
        .map(|(gateway, counts)| View::new(gateway, counts, &call.api, &call.caller).render())
        .collect();
    let pagination = paged.then(|| page.describe(Some(matching.len())));
    Ok(envelope::list(
        "SMS gateways fetched successfully.",
        &rows,
        pagination,
    ))
}

/// `word` is in lower case.
fn mentions(gateway: &Gateway, word: &str) -> bool {
    [&gateway.name, &gateway.server_host, &gateway.provider_type]
        .into_iter()
        .any(|text| text.to_lowercase().contains(word))
}

pub(super) async fn create(call: Call<Admin>) -> Result<Response, Failure> {
    body::must_be_json(&call.headers)?;
    let gateway = change::created(&call.body, &call.api.config)?;
    let gateway = call.api.store.put_gateway(gateway).await?;
    tracing::info!(gateway = %gateway.id, name = gateway.name, "gateway created");
    let made = "SMS gateway created successfully.";
    answer(StatusCode::CREATED, made, &gateway, &call).await
}

pub(super) async fn read(id: Id, call: Call<Reader>) -> Result<Response, Failure> {
    let profile = id.gateway().and_then(|id| call.api.profile(id));
    let profile = profile.ok_or_else(|| Failure::not_found(NOT_FOUND))?;
    let fetched = "SMS gateway fetched successfully.";
    answer(StatusCode::OK, fetched, &profile.gateway, &call).await
}

pub(super) async fn change(id: Id, call: Call<Admin>) -> Result<Response, Failure> {
    let alone = call.api.0.changing.lock().await;
    let present = present(id, &call.api).await?;
    body::must_be_json(&call.headers)?;
    let changed = change::changed(&present, &call.body, &call.api.config)?;
    let gateway = call.api.store.put_gateway(changed).await?;
    drop(alone);
    tracing::info!(gateway = %gateway.id, name = gateway.name, "gateway changed");
    let updated = "SMS gateway updated successfully.";
    answer(StatusCode::OK, updated, &gateway, &call).await
}

/// Soft: the history stays, and receipts of open messages still apply.
pub(super) async fn delete(id: Id, call: Call<Admin>) -> Result<Response, Failure> {
    let _alone = call.api.0.changing.lock().await;
    let mut gateway = present(id, &call.api).await?;
    gateway.deleted = true;
    let gateway = call.api.store.put_gateway(gateway).await?;
    tracing::info!(gateway = %gateway.id, name = gateway.name, "gateway deleted");
    let body = json!({ "message": "SMS gateway deleted successfully.", "data": null });
    Ok(envelope::json(StatusCode::OK, body.to_string()).into_response())
}

/// The record as the latest change left it.
async fn present(id: Id, api: &Api) -> Result<Gateway, Failure> {
    let gateway = match id.gateway() {
        Some(id) => api.store.any_gateway(id).await?,
        None => None,
    };
    gateway
        .filter(|g| !g.deleted)
        .ok_or_else(|| Failure::not_found(NOT_FOUND))
}

async fn answer<S>(
    status: StatusCode,
    message: &str,
    gateway: &Gateway,
    call: &Call<S>,
) -> Result<Response, Failure> {
    let counts = call.api.store.counts(gateway.id).await?;
    let view = View::new(gateway, counts, &call.api, &call.caller);
    Ok(envelope::single(status, message, &view.render()))
}
