//! `[[service_profiles]]` and `[[endpoints]]`: who gets messages from handsets and receipts, and
//! whose handset it is.

use std::collections::HashSet;

use http::Uri;

use super::{
    secret::Secret,
    table::Table,
    value::{self, TEXT_MAX, Word, Wrong},
};

/// One `[[service_profiles]]`: a subscriber and where its callbacks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProfile {
    /// Unique; a gateway's `meta.service_profile` and an endpoint's `service_profile` name it.
    pub id: u64,
    pub name: String,
    /// Sent with every callback.
    pub organisation: Organisation,
    /// Gets `POST` for messages from handsets and `PATCH` for receipts.
    pub callback_url: Uri,
    /// Signs the callbacks' bearer token. None (the default): no `Authorization` header. Also as
    /// `api_secret_env` or `api_secret_file`.
    pub api_secret: Option<Secret>,
    /// Whether person-to-person messages go their own way. Default false: everything goes to
    /// `callback_url`.
    pub p2p_enabled: bool,
    /// Gets person-to-person messages when `p2p_enabled`. None (the default): they are stored as
    /// unrouted.
    pub p2p_callback_url: Option<Uri>,
    /// Which receipts of messages to this subscriber's endpoints are sent. Default "final".
    pub receipts: ReceiptWish,
}

/// Whom a service profile belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    pub id: u64,
    /// None: the member is left out of callbacks.
    pub name: Option<String>,
}

/// Which receipts a subscriber wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptWish {
    None,
    /// The verdict, once.
    Final,
    /// Every step, pending and buffered included.
    All,
}

impl ServiceProfile {
    /// `ids` collects every id that was readable, also of profiles that have other mistakes.
    pub(super) fn read(table: &mut Table<'_>, ids: &mut HashSet<u64>) -> Option<Self> {
        let id = table.required("id", value::whole(1..=ID_MAX));
        table.once("id", &id, ids);
        let name = table.required("name", value::text(TEXT_MAX));
        if !table.has("organisation") {
            table.complain(
                "organisation",
                Wrong::new("is required").hint("for example { id = 4, name = \"Example\" }"),
            );
        }
        let organisation = if table.has("organisation") {
            table.section("organisation", Organisation::read)
        } else {
            None
        };
        let callback_url = table.required("callback_url", value::url);
        let api_secret = table.secret("api_secret");
        let p2p_enabled = table.or("p2p_enabled", false, value::flag);
        let p2p_callback_url = table.optional("p2p_callback_url", value::url);
        let receipts = table.or("receipts", ReceiptWish::Final, value::word);
        Some(Self {
            id: id?,
            name: name?,
            organisation: organisation?,
            callback_url: callback_url?,
            api_secret,
            p2p_enabled,
            p2p_callback_url,
            receipts,
        })
    }
}

impl Organisation {
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let id = table.required("id", value::whole(1..=ID_MAX));
        let name = table.optional("name", value::text(TEXT_MAX));
        Some(Self { id: id?, name })
    }
}

/// One `[[endpoints]]`: a handset or device that belongs to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Unique; appears in callbacks.
    pub id: u64,
    /// Appears in callbacks.
    pub name: String,
    /// Its number, without `+`; unique.
    pub msisdn: String,
    /// The id of a service profile of this file.
    pub service_profile: u64,
}

impl Endpoint {
    /// `profiles` are the known ids of service profiles; `ids` and `msisdns` collect what is taken.
    pub(super) fn read(
        table: &mut Table<'_>,
        profiles: &HashSet<u64>,
        ids: &mut HashSet<u64>,
        msisdns: &mut HashSet<String>,
    ) -> Option<Self> {
        let id = table.required("id", value::whole(1..=ID_MAX));
        let name = table.required("name", value::text(TEXT_MAX));
        let msisdn = table.required("msisdn", value::msisdn);
        let service_profile = table.required("service_profile", value::whole(1..=ID_MAX));
        table.once("id", &id, ids);
        table.once("msisdn", &msisdn, msisdns);
        if let Some(profile) = service_profile.filter(|profile| !profiles.contains(profile)) {
            table.complain(
                "service_profile",
                format!("no [[service_profiles]] has the id {profile}"),
            );
        }
        Some(Self {
            id: id?,
            name: name?,
            msisdn: msisdn?,
            service_profile: service_profile?,
        })
    }
}

/// 2^53 − 1: every JSON reader keeps such a number exactly.
const ID_MAX: i64 = 9_007_199_254_740_991;

impl Word for ReceiptWish {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("final", Self::Final),
        ("all", Self::All),
    ];
}
