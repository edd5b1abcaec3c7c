//! `[[use_cases]]` and `[use_cases_defaults]`: what the use-case API sends for.

use std::collections::HashSet;

use uuid::Uuid;

use super::{
    node::Value,
    route::via,
    table::Table,
    value::{self, TEXT_MAX, Word, Wrong},
};
use crate::message::{Registration, Timestamp, UseCase, UseCaseStatus};

/// One `[[use_cases]]`, as the record that the API shows. It is the configuration's: the API
/// shows and uses it, and does not change it. `ids` collects what is taken; `routes` has the
/// names there are.
pub(super) fn read(
    table: &mut Table<'_>,
    ids: &mut HashSet<u128>,
    routes: &HashSet<String>,
) -> Option<UseCase> {
    let id = table.required("id", uuid);
    table.once("id", &id, ids);
    let name = table.required("name", value::text(TEXT_MAX));
    let via = via(table, routes);
    let status = table.or("status", UseCaseStatus::Active, value::word);
    let messaging_service_sid = table.optional("messaging_service_sid", value::text(TEXT_MAX));
    let senders = table.list("senders", value::text(TEXT_MAX));
    let allowed_regions = table.list("allowed_regions", region);
    let campaign = registration(table, "campaign");
    let brand = registration(table, "brand");
    let sticky_sender = table.or("sticky_sender", true, value::flag);
    let area_code_geomatch = table.or("area_code_geomatch", true, value::flag);
    Some(UseCase {
        id: id?,
        name: name?,
        status,
        via: via?,
        messaging_service_sid,
        senders,
        campaign,
        brand,
        allowed_regions,
        sticky_sender,
        area_code_geomatch,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        configured: true,
    })
}

fn registration(table: &mut Table<'_>, key: &str) -> Option<Registration> {
    if !table.has(key) {
        return None;
    }
    table.section(key, |table| {
        let id = table.optional("id", value::text(TEXT_MAX));
        let status = table.required("status", value::text(TEXT_MAX));
        Some(Registration {
            id,
            status: status?,
        })
    })
}

fn uuid(written: &Value) -> Result<u128, Wrong> {
    let text = value::any_text(written)?;
    let wrong = || Wrong::new("must be a UUID").hint("make one with `uuidgen`");
    Uuid::try_parse(text)
        .map(|uuid| uuid.as_u128())
        .map_err(|_| wrong())
}

fn region(written: &Value) -> Result<String, Wrong> {
    let text = value::any_text(written)?;
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(Wrong::new("must be an ISO 3166 code of two letters").hint("for example \"DE\""))
}

impl Word for UseCaseStatus {
    const WORDS: &'static [(&'static str, Self)] =
        &[("active", Self::Active), ("inactive", Self::Inactive)];
}

/// `[use_cases_defaults]`: holds for every use case that does not bring its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UseCasesDefaults {
    /// A destination that begins with one of these is a landline and refused. Default none: the
    /// check is off.
    pub landline_prefixes: Vec<String>,
}

impl UseCasesDefaults {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            landline_prefixes: table.list("landline_prefixes", value::number_prefix),
        }
    }
}
