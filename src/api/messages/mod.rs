//! `/api/sms-messages`: what became of each message, and why.

pub(super) mod describe;
mod event;
mod filter;
pub(super) mod record;

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;

use super::auth::{Call, Reader, Sender};
use super::cursor;
use super::directory::Profile;
use super::envelope::{self, Rendered};
use super::error::{Failure, Faults};
use super::query::{Page, Query};
use super::{Api, Id, gateways};
use crate::message::{GatewayId, MessageId, Story};

pub(super) use self::event::reported;
pub(super) use self::filter::{GATEWAYS, instant, instant_schema};

const NOT_FOUND: &str = "SMS message not found.";

pub(super) async fn list(call: Call<Reader>) -> Result<Response, Failure> {
    list_where(&call, None).await
}

/// History outlives its gateway, so a deleted one still lists.
pub(super) async fn list_of_gateway(id: Id, call: Call<Reader>) -> Result<Response, Failure> {
    let profile = match id.gateway() {
        Some(id) => call.api.any_profile(id).await?,
        None => None,
    };
    let profile = profile.ok_or_else(|| Failure::not_found(gateways::NOT_FOUND))?;
    list_where(&call, Some(profile.gateway.id)).await
}

async fn list_where(call: &Call<Reader>, gateway: Option<GatewayId>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let mut faults = Faults::default();
    let page = Page::of(&query, &mut faults);
    let mut filter = filter::parse(&query, call.api.snapshot(), &mut faults);
    filter.cursor = cursor::of(&query, &mut faults);
    faults.check()?;
    filter.gateway = gateway.or(filter.gateway);
    filter.offset = page.offset();
    filter.limit = page.size;
    let listing = call.api.store.list(filter).await?;
    let mut profiles = Profiles::default();
    let mut rows: Vec<Rendered> = Vec::with_capacity(listing.stories.len());
    for story in listing.stories {
        if let Story::Mt(message) = story
            && let Some(profile) = profiles.of(&call.api, message.head.gateway).await?
        {
            rows.push(record::render(&message, &profile));
        }
    }
    let fetched = "SMS messages fetched successfully.";
    let pagination = page.before(listing.next);
    Ok(envelope::list(fetched, &rows, Some(pagination)))
}

/// Profiles asked for once each.
#[derive(Default)]
struct Profiles(HashMap<GatewayId, Option<Arc<Profile>>>);

impl Profiles {
    async fn of(&mut self, api: &Api, id: GatewayId) -> Result<Option<Arc<Profile>>, Failure> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let profile = api.any_profile(id).await?;
        self.0.insert(id, profile.clone());
        Ok(profile)
    }
}

pub(super) async fn read(id: Id, call: Call<Reader>) -> Result<Response, Failure> {
    let rendered = rendered(id, &call.api).await?;
    let fetched = "SMS message fetched successfully.";
    Ok(envelope::single(StatusCode::OK, fetched, &rendered))
}

pub(super) async fn events(id: Id, call: Call<Reader>) -> Result<Response, Failure> {
    let (message, _, entries) = match id.0 {
        Some(id) => record::load(&call.api, MessageId(id)).await?,
        None => None,
    }
    .ok_or_else(|| Failure::not_found(NOT_FOUND))?;
    let rows = event::rows(&entries, message.head.segments);
    let rows: Vec<Rendered> = rows.iter().map(Rendered::of).collect();
    let fetched = "SMS message events fetched successfully.";
    Ok(envelope::list(fetched, &rows, None))
}

/// Withdraws a message that is not submitted yet.
pub(super) async fn cancel(id: Id, call: Call<Sender>) -> Result<Response, Failure> {
    let Some(message) = id.0.map(MessageId) else {
        return Err(Failure::not_found(NOT_FOUND));
    };
    if call.api.store.cancel(message).await? {
        let rendered = rendered(id, &call.api).await?;
        return Ok(envelope::single(
            StatusCode::OK,
            "SMS message cancelled.",
            &rendered,
        ));
    }
    rendered(id, &call.api).await?;
    Err(Failure::new(
        StatusCode::CONFLICT,
        "The SMS message is no longer waiting: it cannot be cancelled.",
    ))
}

/// Makes its dead callbacks once more, however long ago it ended.
pub(super) async fn redeliver(id: Id, call: Call<Sender>) -> Result<Response, Failure> {
    let before = rendered(id, &call.api).await?;
    let queued = match id.0 {
        Some(id) => call.api.store.redeliver(MessageId(id)).await?,
        None => false,
    };
    if !queued {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "The SMS message has no callback that could be made again.",
        ));
    }
    let queued = "SMS message's callbacks queued for delivery.";
    Ok(envelope::single(StatusCode::OK, queued, &before))
}

async fn rendered(id: Id, api: &Api) -> Result<Rendered, Failure> {
    let loaded = match id.0 {
        Some(id) => record::load(api, MessageId(id)).await?,
        None => None,
    };
    let (message, profile, _) = loaded.ok_or_else(|| Failure::not_found(NOT_FOUND))?;
    Ok(record::render(&message, &profile))
}
