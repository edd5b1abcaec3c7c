//! Which messages a query asks for.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::clock;
use super::super::directory::{Snapshot, StatusMode};
use super::super::error::Faults;
use super::super::query::Query;
use super::record;
use crate::message::{GatewayId, Message, State, Story, Timestamp};
use crate::openapi::{Operation, Schema};
use crate::store::Filter;

const TENANTS: RangeInclusive<i64> = 1..=i64::MAX;
/// What a gateway's number may be.
pub(in super::super) const GATEWAYS: RangeInclusive<i64> = 1..=(1 << 32) - 1;

/// The parameters that [`parse`] reads.
pub(super) fn parameters(operation: &mut Operation<'_>) {
    let states = State::ALL.map(State::name);
    let text = |says: &str| Schema::string().says(says);
    operation
        .query("delivery_status", text("As it is shown, in any case."))
        .query("state", Schema::words(states).says("What became of them."))
        .query(
            "tenant_id",
            Schema::integer(TENANTS).says("Whose they are."),
        )
        .query(
            "to_number",
            text("As it was written in the request, with or without its `+`."),
        )
        .query("external_message_id", text("The upstream's id."))
        .query(
            "sms_gateway_id",
            Schema::integer(GATEWAYS).says("Of which gateway."),
        )
        .query("from", instant_schema().says("Not older than this."))
        .query("to", instant_schema().says("Not younger than this."));
}

/// Describes what [`instant`] reads.
pub(in super::super) fn instant_schema() -> Schema {
    Schema::any_of([
        Schema::string().with("format", "date-time"),
        Schema::string().with("format", "date"),
    ])
}

pub(super) fn parse(query: &Query<'_>, gateways: Arc<Snapshot>, faults: &mut Faults) -> Filter {
    let tenant_id = query.integer("tenant_id", TENANTS, faults);
    let gateway = query.integer("sms_gateway_id", GATEWAYS, faults);
    Filter {
        gateway: gateway.and_then(|id| u32::try_from(id).ok()).map(GatewayId),
        states: query
            .get("state")
            .into_iter()
            .filter_map(|s| state(s, faults))
            .collect(),
        tenant_id: tenant_id.and_then(|id| u64::try_from(id).ok()),
        to_number: query.get("to_number").map(number),
        external_id: query.get("external_message_id").map(Into::into),
        from: instant("from", query, faults),
        to: instant("to", query, faults),
        also: query.get("delivery_status").map(|word| {
            let word = word.to_lowercase();
            let also = move |story: &Story| match story {
                Story::Mt(message) => has_status(message, &word, &gateways),
                Story::Mo(_) => false,
            };
            Arc::new(also) as Arc<dyn Fn(&Story) -> bool + Send + Sync>
        }),
        ..Filter::default()
    }
}

fn state(name: &str, faults: &mut Faults) -> Option<State> {
    let state = State::from_name(name);
    if state.is_none() {
        let states = State::ALL.map(State::name).join(", ");
        faults.add("state", format!("The state field must be one of {states}."));
    }
    state
}

/// Without its `+`, which is a blank by the time it comes here if nobody escaped it.
fn number(text: &str) -> String {
    text.trim_start_matches(['+', ' ']).to_owned()
}

pub(in super::super) fn instant(
    name: &str,
    query: &Query<'_>,
    faults: &mut Faults,
) -> Option<Timestamp> {
    let text = query.get(name)?;
    let at = clock::parse(text);
    if at.is_none() {
        faults.add(
            name,
            format!("The {name} field must be a time such as 2025-03-01T14:22:10Z."),
        );
    }
    at
}

/// A gateway that is gone says no more how it reported: either way will do.
fn has_status(message: &Message, word: &str, gateways: &Snapshot) -> bool {
    let in_mode = |mode| record::delivery_status(message, mode) == word;
    match gateways.profile(message.head.gateway) {
        Some(profile) => in_mode(profile.mode),
        None => in_mode(StatusMode::Lifecycle) || in_mode(StatusMode::Verbatim),
    }
}
