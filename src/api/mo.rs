//! `/api/mo-messages`: texts from handsets and how their callbacks fare.

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use smpp_protocol::text::DecodedText;

use super::auth::{Call, Reader, Sender};
use super::clock::Iso;
use super::envelope::{self, Rendered, describe_list, describe_single};
use super::error::{Failure, Faults};
use super::query::{Page, Query};
use super::{Api, Id, cursor, messages};
use crate::message::{GatewayId, MessageId, MoMessage, Story, TrafficClass};
use crate::openapi::{Operation, Schema};
use crate::store::Filter;

const NOT_FOUND: &str = "MO message not found.";
const STATES: [&str; 4] = ["pending", "delivered", "dead", "unrouted"];

pub(super) async fn list(call: Call<Reader>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let mut faults = Faults::default();
    let page = Page::of(&query, &mut faults);
    let state = query.get("state");
    if state.is_some_and(|s| !STATES.contains(&s)) {
        faults.add(
            "state",
            format!("The state field must be one of {}.", STATES.join(", ")),
        );
    }
    let gateway = query.integer("sms_gateway_id", messages::GATEWAYS, &mut faults);
    let filter = Filter {
        mo: true,
        gateway: gateway.and_then(|id| u32::try_from(id).ok()).map(GatewayId),
        mo_state: state.map(Into::into),
        from: messages::instant("from", &query, &mut faults),
        to: messages::instant("to", &query, &mut faults),
        cursor: cursor::of(&query, &mut faults),
        offset: page.offset(),
        limit: page.size,
        ..Filter::default()
    };
    faults.check()?;
    let listing = call.api.store.list(filter).await?;
    let rows: Vec<Rendered> = listing
        .stories
        .iter()
        .filter_map(|story| match story {
            Story::Mo(mo) => Some(render(mo)),
            Story::Mt(_) => None,
        })
        .collect();
    let fetched = "MO messages fetched successfully.";
    let pagination = page.before(listing.next);
    Ok(envelope::list(fetched, &rows, Some(pagination)))
}

pub(super) async fn read(id: Id, call: Call<Reader>) -> Result<Response, Failure> {
    let mo = load(id, &call.api).await?;
    Ok(envelope::single(
        StatusCode::OK,
        "MO message fetched successfully.",
        &render(&mo),
    ))
}

/// Queues the dead callback again, however long ago it was given up.
pub(super) async fn redeliver(id: Id, call: Call<Sender>) -> Result<Response, Failure> {
    let mo = load(id, &call.api).await?;
    if !call.api.store.redeliver(mo.id).await? {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "The MO message has no callback that could be made again.",
        ));
    }
    let mo = load(id, &call.api).await?;
    Ok(envelope::single(
        StatusCode::OK,
        "MO message queued for delivery.",
        &render(&mo),
    ))
}

async fn load(id: Id, api: &Api) -> Result<MoMessage, Failure> {
    let entries = match id.0 {
        Some(id) => api.store.entries(MessageId(id)).await?,
        None => Vec::new(),
    };
    match Story::of(&entries) {
        Some(Story::Mo(mo)) => Ok(*mo),
        _ => Err(Failure::not_found(NOT_FOUND)),
    }
}

const TAG: &str = "Messages from handsets";

pub(super) fn describe_many(operation: &mut Operation<'_>) {
    operation
        .named(
            TAG,
            "listMoMessages",
            "Messages from handsets, newest first",
        )
        .query(
            "state",
            Schema::words(STATES).says("How their callbacks fare."),
        )
        .query(
            "sms_gateway_id",
            Schema::integer(messages::GATEWAYS).says("Through which gateway they came."),
        )
        .query(
            "from",
            messages::instant_schema().says("Not older than this."),
        )
        .query("to", messages::instant_schema().says("Older than this."));
    Page::parameters(operation);
    cursor::parameter(operation);
    describe_list::<View<'_>>(operation, "The messages of the page.");
    operation.refuses(422, "A parameter breaks a rule.");
}

pub(super) fn describe_one(operation: &mut Operation<'_>) {
    operation.named(TAG, "readMoMessage", "One message from a handset");
    describe_single::<View<'_>>(operation, 200, "The message.");
    operation.refuses(404, NOT_FOUND);
}

pub(super) fn describe_redeliver(operation: &mut Operation<'_>) {
    operation.named(TAG, "redeliverMoMessage", "Make its callback once more");
    describe_single::<View<'_>>(operation, 200, "The message; its callback is due.");
    operation
        .refuses(404, NOT_FOUND)
        .refuses(409, "It has no callback that could be made again.");
}

/// A message from a handset, and how its callback fares.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MoMessage")]
struct View<'a> {
    id: u64,
    sms_gateway_id: u32,
    source_address: &'a str,
    dest_address: &'a str,
    payload: String,
    #[schemars(extend("enum" = ["text", "hex"]))]
    payload_encoding: &'static str,
    dcs: u8,
    pid: u8,
    #[schemars(extend("enum" = TrafficClass::NAMES))]
    traffic_class: &'static str,
    service_profile: Option<u64>,
    endpoint: Endpoint<'a>,
    /// Null is a whole message.
    part: Option<Part>,
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<&'a str>,
    next_attempt_at: Option<Iso>,
    received_at: Iso,
    updated_at: Iso,
}

/// Whose device it is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MoEndpoint")]
struct Endpoint<'a> {
    id: u64,
    name: &'a str,
}

/// One part of a message whose other parts did not come.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MoPart")]
struct Part {
    identifier: Option<u64>,
    partno: u8,
    total: u8,
}

fn render(mo: &MoMessage) -> Rendered {
    let record = &mo.record;
    let (payload, payload_encoding) = match record.payload() {
        DecodedText::Text(text) => (text, "text"),
        DecodedText::Binary(octets) => (hex(&octets), "hex"),
    };
    let callback = mo.callback.as_ref();
    Rendered::of(&View {
        id: mo.id.0,
        sms_gateway_id: record.gateway.0,
        source_address: &record.source_addr,
        dest_address: &record.destination_addr,
        payload,
        payload_encoding,
        dcs: record.data_coding,
        pid: record.protocol_id,
        traffic_class: record.route.class.name(),
        service_profile: record.route.service_profile,
        endpoint: Endpoint {
            id: record.route.endpoint_id,
            name: &record.route.endpoint_name,
        },
        part: record.segment.map(|c| Part {
            identifier: record.identifier,
            partno: c.number,
            total: c.total,
        }),
        state: mo.state(),
        attempts: callback.map_or(0, |c| c.attempts),
        last_status: callback.and_then(|c| c.status),
        last_error: callback.and_then(|c| c.reason.as_deref()),
        next_attempt_at: callback.and_then(|c| c.next_at).map(Iso),
        received_at: Iso(mo.received_at),
        updated_at: Iso(mo.updated_at),
    })
}

fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 0x0F)]);
    octets
        .iter()
        .flat_map(|o| [digit(o >> 4), digit(*o)])
        .collect()
}
