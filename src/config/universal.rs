//! `[[universal.accounts]]`: the clients of the universal API.

use std::{collections::HashSet, num::NonZeroU32};

use http::Uri;
use ipnet::IpNet;

use super::{
    hash::{PasswordHash, SecretHash},
    route::via,
    table::Table,
    value::{self, TEXT_MAX, Wrong},
};
use crate::message::Via;

/// `[universal]`: who may call the universal API. Without accounts every call is answered 401.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UniversalConfig {
    /// `[[universal.accounts]]`; names, keys and user names are unique.
    pub accounts: Vec<Account>,
}

/// One client of the universal API. It has an `api_key`, or `username` and `password`, or all three.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The name in logs and records.
    pub name: String,
    /// Of what `X-Api-Key` must hold. In the file as `api_key`, `api_key_env` or `api_key_file`, or
    /// as this hash, `api_key_sha256`.
    pub api_key: Option<SecretHash>,
    /// User name of HTTP Basic, without a colon.
    pub username: Option<String>,
    /// Of the password of HTTP Basic. In the file as `password`, `password_env` or `password_file`,
    /// or as an argon2id hash, `password_hash`.
    pub password: Option<PasswordHash>,
    /// Networks the account may call from. Default none listed: any.
    pub allowed_ips: Vec<IpNet>,
    /// The gateway or the route its messages take. Gateways are made over the API, so their names
    /// are looked up when a message is sent.
    pub via: Via,
    /// Gets the delivery notifications. None (the default): there are none.
    pub callback_url: Option<Uri>,
    /// `price` of a notification, in whatever currency was agreed. Default 0.
    pub price_per_part: f64,
    /// Messages a second before 429. Default 0, no limit of its own: `limits.queued_per_gateway`
    /// still holds.
    pub rate_per_s: Option<NonZeroU32>,
    /// A longer text is refused. Default 10 parts: what handsets are known to join.
    pub max_parts: u8,
}

/// What an account has when its table does not say otherwise.
const PRICE_PER_PART: f64 = 0.0;
const RATE_PER_S: Option<NonZeroU32> = None;
const PARTS_MAX: u8 = 10;

/// What must not be given to two accounts.
#[derive(Default)]
struct Taken {
    names: HashSet<String>,
    api_keys: Vec<SecretHash>,
    usernames: HashSet<String>,
}

impl UniversalConfig {
    pub(super) fn read(table: &mut Table<'_>, routes: &HashSet<String>) -> Self {
        let mut taken = Taken::default();
        Self {
            accounts: table.tables("accounts", |table| Account::read(table, &mut taken, routes)),
        }
    }
}

impl Account {
    fn read(table: &mut Table<'_>, taken: &mut Taken, routes: &HashSet<String>) -> Option<Self> {
        let name = table.required("name", value::text(TEXT_MAX));
        let api_key = table.token("api_key", |_| Ok(()));
        let username = table.optional("username", value::text(TEXT_MAX));
        let password = table.password("password");
        table.once("name", &name, &mut taken.names);
        table.once_token("api_key", &api_key, &mut taken.api_keys);
        table.once("username", &username, &mut taken.usernames);
        check_credentials(table, username.as_deref());
        let allowed_ips = table.list("allowed_ips", value::network);
        let via = via(table, routes);
        let callback_url = table.optional("callback_url", value::url);
        let price_per_part = table.or("price_per_part", PRICE_PER_PART, value::price);
        let rate_per_s = table.or("rate_per_s", RATE_PER_S, value::ceiling(1_000_000));
        let max_parts = table.or("max_parts", PARTS_MAX, value::whole(1..=255));
        Some(Self {
            name: name?,
            api_key,
            username,
            password,
            allowed_ips,
            via: via?,
            callback_url,
            price_per_part,
            rate_per_s,
            max_parts,
        })
    }
}

fn check_credentials(table: &mut Table<'_>, username: Option<&str>) {
    let (key, user, password) = (
        table.has_secret("api_key"),
        table.has("username"),
        table.has_secret("password"),
    );
    if !key && !user && !password {
        table.complain(
            "api_key",
            Wrong::new("is required").hint("`username` and `password` would do as well"),
        );
    } else if user && !password {
        table.complain("password", "is required beside `username`");
    } else if password && !user {
        table.complain("username", "is required beside `password`");
    }
    if username.is_some_and(|username| username.contains(':')) {
        table.complain(
            "username",
            "must not contain a colon: HTTP Basic ends the user name there",
        );
    }
}
