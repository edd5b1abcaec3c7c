//! What operators look after: receipts without a message, messages without a certain outcome,
//! callbacks that nobody took.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::auth::{Call, Inspector};
use super::clock::Iso;
use super::envelope::{self, Rendered, describe_list};
use super::error::{Failure, Faults};
use super::query::Query;
use super::{Api, cursor, messages};
use crate::message::{
    CallbackState, Event, GatewayId, Message, MessageId, OrphanId, Report, State, Story,
};
use crate::openapi::{Operation, Schema};
use crate::store::{Filter, Mark, OrphanView};

/// Rows where the client does not say.
const ROWS: i64 = 100;
const ROWS_MAX: i64 = 1000;
/// Orphans that are looked at together for one page, where some are left out …
const ORPHANS_AT_ONCE: usize = 1000;
/// … and how often, at most.
const ORPHAN_LOOKS_MAX: usize = 10;

fn limit(query: &Query<'_>, faults: &mut Faults) -> usize {
    let limit = query.integer("per_page", 1..=ROWS_MAX, faults);
    usize::try_from(limit.unwrap_or(ROWS)).expect("the rule made it positive")
}

fn gateway(query: &Query<'_>, faults: &mut Faults) -> Option<GatewayId> {
    let id = query.integer("sms_gateway_id", messages::GATEWAYS, faults)?;
    u32::try_from(id).ok().map(GatewayId)
}

/// What a walk through the log is asked for.
fn filter(query: &Query<'_>, mark: Mark) -> Result<Filter, Failure> {
    let mut faults = Faults::default();
    let filter = Filter {
        mark,
        gateway: gateway(query, &mut faults),
        from: messages::instant("from", query, &mut faults),
        to: messages::instant("to", query, &mut faults),
        cursor: cursor::of(query, &mut faults),
        limit: limit(query, &mut faults),
        ..Filter::default()
    };
    faults.check()?;
    Ok(filter)
}

/// A receipt that names no known message.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Orphan")]
struct OrphanRow<'a> {
    id: u64,
    sms_gateway_id: u32,
    /// What it calls its message.
    message_ids: &'a [String],
    status: &'a str,
    #[schemars(extend("enum" = ["smpp", "http", "bridge"]))]
    source: &'static str,
    reason: &'static str,
    #[schemars(with = "Map<String, Value>")]
    detail: Value,
    received_at: Iso,
}

/// A message that may have been sent twice, or not at all.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "InDoubt")]
struct DoubtView {
    id: u64,
    sms_gateway_id: u32,
    #[schemars(extend("enum" = State::ALL.map(State::name)))]
    state: &'static str,
    /// How often it was sent once more.
    resubmits: u32,
    /// Its outcome is still unknown.
    open: bool,
}

/// A message with callbacks that were given up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeadCallbacks")]
struct DeadView<'a> {
    /// Of the message.
    id: u64,
    /// `mt` is redelivered at `/api/sms-messages`, `mo` at `/api/mo-messages`.
    #[schemars(extend("enum" = ["mt", "mo"]))]
    direction: &'static str,
    sms_gateway_id: u32,
    callbacks: Vec<DeadCallback<'a>>,
    accepted_at: Iso,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DeadCallback<'a> {
    /// As the message's events number them.
    callback: usize,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<&'a str>,
}

const TAG: &str = "Looking after";

fn describe_rows(operation: &mut Operation<'_>) {
    let rows = Schema::integer(1..=ROWS_MAX)
        .default(ROWS)
        .says("Rows, at most.");
    let gateway = Schema::integer(messages::GATEWAYS).says("Of which gateway.");
    operation
        .query("per_page", rows)
        .query("sms_gateway_id", gateway)
        .refuses(422, "A parameter breaks a rule.");
}

/// What [`filter`] reads.
fn describe_walk(operation: &mut Operation<'_>) {
    describe_rows(operation);
    let instant = messages::instant_schema;
    operation
        .query("from", instant().says("Accepted not before this."))
        .query("to", instant().says("Accepted not after this."));
    cursor::parameter(operation);
}

pub(super) fn describe_orphans(operation: &mut Operation<'_>) {
    operation.named(
        TAG,
        "listOrphans",
        "Receipts without a message, newest first",
    );
    describe_rows(operation);
    let before = Schema::string()
        .pattern(ORPHAN_CURSOR)
        .says("The `next_cursor` of the page before.");
    operation.query("cursor", before).query(
        "message_id",
        Schema::string().says("What they call their message, to the letter."),
    );
    describe_list::<OrphanRow<'_>>(operation, "The receipts.");
}

pub(super) fn describe_in_doubt(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "listInDoubt", "Messages that may have been sent twice")
        .says("Newest doubt first, of all that the log holds.");
    describe_walk(operation);
    describe_list::<DoubtView>(operation, "The messages.");
}

pub(super) fn describe_dead_callbacks(operation: &mut Operation<'_>) {
    operation
        .named(TAG, "listDeadCallbacks", "Callbacks that were given up")
        .says("By message, newest first, of all that the log holds.");
    describe_walk(operation);
    describe_list::<DeadView<'_>>(operation, "The messages.");
}

/// An orphan's number, as 16 hexadecimal digits.
const ORPHAN_CURSOR: &str = "^[0-9a-f]{16}$";

fn orphan_cursor(query: &Query<'_>, faults: &mut Faults) -> Option<OrphanId> {
    let text = query.get("cursor")?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == 16 && text.bytes().all(is_hex) {
        return u64::from_str_radix(text, 16).ok().map(OrphanId);
    }
    faults.add(
        "cursor",
        "The cursor field must be the next_cursor of a list before.",
    );
    None
}

/// `GET /api/orphans`, newest first.
pub(super) async fn orphans(call: Call<Inspector>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let mut faults = Faults::default();
    let limit = limit(&query, &mut faults);
    let gateway = gateway(&query, &mut faults);
    let before = orphan_cursor(&query, &mut faults);
    faults.check()?;
    let named = query.get("message_id");
    let wanted = |orphan: &OrphanView| {
        gateway.is_none_or(|g| orphan.gateway == g)
            && named.is_none_or(|named| orphan.ids.iter().any(|id| id == named))
    };
    let mut page = Vec::new();
    let mut next = Some(before.unwrap_or(OrphanId(u64::MAX)));
    for _ in 0..ORPHAN_LOOKS_MAX {
        let Some(before) = next else { break };
        let room = limit - page.len();
        // One more than there is room for tells whether it goes on.
        let most = if named.is_none() && gateway.is_none() {
            room + 1
        } else {
            ORPHANS_AT_ONCE
        };
        let orphans = call.api.store.orphans_before(before, most).await?;
        let is_all = orphans.len() < most;
        let mut rest = orphans.into_iter().peekable();
        next = None;
        while page.len() < limit
            && let Some(orphan) = rest.next()
        {
            next = Some(orphan.id);
            page.extend(Some(orphan).filter(&wanted));
        }
        if is_all && rest.peek().is_none() {
            next = None;
        }
        if page.len() >= limit {
            break;
        }
    }
    let next = next.map(|last| format!("{:016x}", last.0));
    let rows: Vec<Rendered> = page
        .iter()
        .map(|orphan| {
            Rendered::of(&OrphanRow {
                id: orphan.id.0,
                sms_gateway_id: orphan.gateway.0,
                message_ids: &orphan.ids,
                status: orphan.report.word(),
                source: source(&orphan.report),
                reason: "No message of this gateway has such an id.",
                detail: messages::reported(&orphan.report),
                received_at: Iso(orphan.received_at),
            })
        })
        .collect();
    Ok(envelope::list(
        "Orphan receipts fetched successfully.",
        &rows,
        Some(json!({ "per_page": limit, "next_cursor": next })),
    ))
}

fn source(report: &Report) -> &'static str {
    match report {
        Report::Smpp(_) => "smpp",
        Report::Http { .. } => "http",
        Report::Local { .. } => "bridge",
    }
}

/// `GET /api/in-doubt`.
pub(super) async fn in_doubt(call: Call<Inspector>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let filter = filter(&query, Mark::Doubted)?;
    let (limit, is_first) = (filter.limit, filter.cursor.is_none());
    let mut rows = match is_first {
        true => undecided(&call.api, &filter).await?,
        false => Vec::new(),
    };
    let listing = call.api.store.list(filter).await?;
    let told = listing.stories.iter().filter_map(|story| match story {
        Story::Mt(m) => Some(Rendered::of(&doubt(m))),
        Story::Mo(_) => None,
    });
    rows.extend(told);
    let next = listing.next.map(cursor::write);
    Ok(envelope::list(
        "Messages in doubt fetched successfully.",
        &rows,
        Some(json!({ "per_page": limit, "next_cursor": next })),
    ))
}

fn doubt(m: &Message) -> DoubtView {
    DoubtView {
        id: m.id.0,
        sms_gateway_id: m.head.gateway.0,
        state: m.state.name(),
        resubmits: m.resubmits,
        open: m.state == State::Submitting,
    }
}

/// What was in flight when the bridge last stopped, and was not decided by its gateway yet: no
/// more than were in its window.
async fn undecided(api: &Api, filter: &Filter) -> Result<Vec<Rendered>, Failure> {
    let mut rows = Vec::new();
    let known = api.store.in_doubt(filter.limit).await?;
    for doubted in known.iter().filter(|doubted| doubted.open) {
        let entries = api.store.entries(doubted.message).await?;
        let is_unanswered = |e: &crate::message::Entry| matches!(e.event, Event::Unanswered { .. });
        if let Some(story) = Story::of(&entries)
            && let Story::Mt(m) = &story
            && !entries.iter().any(is_unanswered)
            && filter.matches(&story)
        {
            rows.push(Rendered::of(&doubt(m)));
        }
    }
    Ok(rows)
}

/// `GET /api/dead-callbacks`.
pub(super) async fn dead_callbacks(call: Call<Inspector>) -> Result<Response, Failure> {
    let query = Query::of(&call.uri);
    let filter = filter(&query, Mark::Dead)?;
    let limit = filter.limit;
    let listing = call.api.store.list(filter).await?;
    let rows: Vec<Rendered> = listing
        .stories
        .iter()
        .map(|story| Rendered::of(&dead(story)))
        .collect();
    let next = listing.next.map(cursor::write);
    Ok(envelope::list(
        "Dead callbacks fetched successfully.",
        &rows,
        Some(json!({ "per_page": limit, "next_cursor": next })),
    ))
}

fn dead(story: &Story) -> DeadView<'_> {
    let (direction, gateway, callbacks, accepted_at) = match story {
        Story::Mt(m) => ("mt", m.head.gateway, m.callbacks.as_slice(), m.accepted_at),
        Story::Mo(m) => ("mo", m.record.gateway, m.callback.as_slice(), m.received_at),
    };
    let MessageId(id) = story.id();
    let numbered = callbacks.iter().enumerate();
    DeadView {
        id,
        direction,
        sms_gateway_id: gateway.0,
        callbacks: numbered
            .filter(|(_, c)| c.dead)
            .map(|(number, c)| given_up(number, c))
            .collect(),
        accepted_at: Iso(accepted_at),
    }
}

fn given_up(number: usize, c: &CallbackState) -> DeadCallback<'_> {
    DeadCallback {
        callback: number,
        attempts: c.attempts,
        last_status: c.status,
        last_error: c.reason.as_deref(),
    }
}
