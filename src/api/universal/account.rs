//! Who calls the universal API: a key or a name and password, from a permitted address, not too
//! often. A handler is reached only behind all three.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::super::batch::{self, Upload};
use super::super::error::Failure;
use super::super::server::client_address;
use super::super::{Api, body};
use super::password::{Busy, Passwords};
use super::refusal::{self, Refusal};
use crate::config::{Account, Config, PasswordHash, sha256_of_candidate};
use crate::openapi::{Input, Operation, Scheme};

/// Who calls: an account from a permitted address. The only way to the store.
#[derive(Debug)]
pub(in super::super) struct Client {
    pub(in super::super) api: Api,
    index: usize,
}

/// A request of an account that may send now.
#[derive(Debug)]
pub(in super::super) struct AccountCall(pub(super) Identified);

/// A request whose body was read and whose account is known, from an address where it may be used.
#[derive(Debug)]
pub(in super::super) struct Identified {
    client: Client,
    pub(in super::super) body: Bytes,
}

impl Deref for Identified {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Identified {
    pub(in super::super) async fn of(request: Request, api: &Api) -> Result<Identified, Failure> {
        let (parts, octets) = request.into_parts();
        let octets = body::read(&parts.headers, octets, api.config.limits.body_octets).await?;
        body::must_be_json(&parts.headers)?;
        Ok(Identified {
            client: Client::identify(&parts, api).await?,
            body: octets,
        })
    }
}

impl Client {
    pub(super) fn account(&self) -> &Account {
        &self.api.config.universal.accounts[self.index]
    }

    /// What is left of the account's rate; `None`: it has none.
    pub(super) fn allowance(&self, now: Instant) -> Option<Allowance> {
        let rate = self.api.0.accounts.rates.get(self.index)?.as_ref()?;
        let per_second = self.account().rate_per_s?.get();
        let left = rate.left(now);
        Some(Allowance { per_second, left })
    }

    /// What a send would be told that came now. Nothing is taken from the rate.
    pub(super) fn would_be_paced(&self, now: Instant) -> Result<(), Refusal> {
        match self.api.0.accounts.rates.get(self.index) {
            Some(Some(rate)) => rate.after_one(now).map(drop).map_err(too_fast),
            _ => Ok(()),
        }
    }

    /// Takes one message's allowance of the account's rate.
    pub(super) fn pace(&self) -> Result<(), Refusal> {
        self.api.0.accounts.pace(self.index, Instant::now())
    }

    async fn identify(parts: &Parts, api: &Api) -> Result<Client, Failure> {
        let address = client_address(parts, &api.config.http.trusted_proxies);
        api.admit(address)?;
        let accounts = &api.0.accounts;
        let index = accounts
            .identify(&parts.headers, &api.config)
            .await
            .map_err(|Busy| Failure::too_many_attempts(Duration::from_secs(1)))?;
        let index = index.ok_or_else(|| {
            api.metrics.http.auth_failures.inc();
            if is_account(&parts.headers) {
                api.count_attempt(address);
            }
            Failure::new(
                StatusCode::UNAUTHORIZED,
                "An API key, or a user name and password, is required.",
            )
        })?;
        let account = &api.config.universal.accounts[index];
        let permitted = account.allowed_ips.is_empty()
            || address.is_some_and(|ip| account.allowed_ips.iter().any(|net| net.contains(&ip)));
        if !permitted {
            api.metrics.http.auth_failures.inc();
            return Err(Failure::new(
                StatusCode::FORBIDDEN,
                "The account must not be used from this address.",
            ));
        }
        let api = api.clone();
        Ok(Client { api, index })
    }
}

impl FromRequest<Api> for AccountCall {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<AccountCall, Refusal> {
        let call = Identified::of(request, api).await?;
        call.pace()?;
        Ok(AccountCall(call))
    }
}

/// As [`AccountCall`], of a body with many messages that may still be on its way.
#[derive(Debug)]
pub(in super::super) struct AccountBatch {
    pub(super) client: Client,
    pub(super) headers: HeaderMap,
    pub(super) upload: Upload,
}

impl FromRequest<Api> for AccountBatch {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<AccountBatch, Refusal> {
        let (parts, octets) = request.into_parts();
        let (upload, client) = if batch::is_lines(&parts.headers) {
            match Client::identify(&parts, api).await {
                Ok(client) => (Upload::lines(octets, api), client),
                Err(failure) => {
                    body::discard(&parts.headers, octets).await;
                    return Err(failure.into());
                }
            }
        } else {
            let limit = api.config.limits.body_octets;
            let octets = body::read(&parts.headers, octets, limit).await?;
            body::must_be_json(&parts.headers)?;
            (Upload::Whole(octets), Client::identify(&parts, api).await?)
        };
        Ok(AccountBatch {
            client,
            headers: parts.headers,
            upload,
        })
    }
}

impl Input for AccountBatch {
    fn describe(operation: &mut Operation<'_>) {
        AccountCall::describe(operation);
    }
}

/// What is left of an account's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Allowance {
    pub(in super::super) per_second: u32,
    /// Calls that could be made now.
    pub(in super::super) left: u32,
}

impl Input for AccountCall {
    fn describe(operation: &mut Operation<'_>) {
        operation
            .requires(API_KEY, &[])
            .requires(PASSWORD, &[])
            .errors::<refusal::Body<'_>>()
            .refuses(401, "There is no key, or name and password, or nobody knows them.")
            .refuses(403, "The account must not be used from this address.")
            .refuses(408, "The body did not arrive in time.")
            .refuses(413, "The body is larger than the configuration allows.")
            .refuses(415, "The body is not called JSON.")
            .refuses(429, "The account sends faster than it may, or too many wrong credentials came from this address.")
            .refuses(503, "The message log cannot be written, or the bridge stops.");
    }
}

/// `api_key` of an account.
pub(in super::super) const API_KEY: Scheme = Scheme {
    name: "accountKey",
    describe: || {
        json!({
            "type": "apiKey", "in": "header", "name": "X-Api-Key",
            "description": "The key of a universal account. Where there is one, it decides.",
        })
    },
};

/// `username` and `password` of an account.
pub(in super::super) const PASSWORD: Scheme = Scheme {
    name: "accountPassword",
    describe: || {
        json!({
            "type": "http", "scheme": "basic",
            "description": "Name and password of a universal account.",
        })
    },
};

/// The configured accounts, found by hash and then compared in constant time.
#[derive(Debug)]
pub(in super::super) struct Accounts {
    hasher: RandomState,
    /// Hash of the key, place in the configuration; sorted.
    keys: Vec<(u64, usize)>,
    /// Hash of the user name, place in the configuration; sorted.
    users: Vec<(u64, usize)>,
    /// By place in the configuration; `None` is without a limit.
    rates: Vec<Option<Rate>>,
    passwords: Passwords,
}

impl Accounts {
    pub(in super::super) fn new(config: &Config) -> Accounts {
        let hasher = RandomState::new();
        let accounts = config.universal.accounts.iter().enumerate();
        let sorted = |mut all: Vec<(u64, usize)>| {
            all.sort_unstable();
            all
        };
        let keys = accounts.clone().filter_map(|(at, account)| {
            let key = account.api_key.as_ref()?.digest();
            Some((hasher.hash_one(&key[..]), at))
        });
        let users = accounts.clone().filter_map(|(at, account)| {
            let user = account.username.as_deref()?;
            Some((hasher.hash_one(user.as_bytes()), at))
        });
        Accounts {
            keys: sorted(keys.collect()),
            users: sorted(users.collect()),
            rates: config
                .universal
                .accounts
                .iter()
                .map(|a| a.rate_per_s.map(|n| Rate::new(n.get())))
                .collect(),
            passwords: Passwords::new(config.universal.accounts.len()),
            hasher,
        }
    }

    /// Whose credentials these are. Where there is a key, it decides.
    async fn identify(&self, headers: &HeaderMap, config: &Config) -> Result<Option<usize>, Busy> {
        let accounts = &config.universal.accounts;
        if let Some(key) = headers.get("x-api-key") {
            return Ok(self.of_key(key.as_bytes(), accounts));
        }
        let Some((user, password)) = basic(headers) else {
            return Ok(None);
        };
        let named =
            |at: &usize| accounts[*at].username.as_deref().map(str::as_bytes) == Some(&user);
        let Some(at) = self.candidates(&self.users, &user).find(named) else {
            return Ok(None);
        };
        let is_right = match &accounts[at].password {
            Some(PasswordHash::Fast(known)) => known.matches(&password),
            Some(PasswordHash::Slow(known)) => {
                self.passwords.is_right(at, known, &password).await?
            }
            None => false,
        };
        Ok(is_right.then_some(at))
    }

    fn of_key(&self, key: &[u8], accounts: &[Account]) -> Option<usize> {
        let digest = sha256_of_candidate(key)?;
        self.candidates(&self.keys, &digest).find(|at| {
            let known = accounts[*at].api_key.as_ref();
            known.is_some_and(|known| known.is(&digest))
        })
    }

    fn candidates<'a>(
        &self,
        of: &'a [(u64, usize)],
        value: &[u8],
    ) -> impl Iterator<Item = usize> + use<'a> {
        let hash = self.hasher.hash_one(value);
        let first = of.partition_point(|(h, _)| *h < hash);
        of[first..]
            .iter()
            .take_while(move |(h, _)| *h == hash)
            .map(|(_, at)| *at)
    }

    fn pace(&self, index: usize, now: Instant) -> Result<(), Refusal> {
        match self.rates.get(index) {
            Some(Some(rate)) => rate.take(now).map_err(too_fast),
            _ => Ok(()),
        }
    }
}

fn too_fast(wait: Duration) -> Refusal {
    Refusal::too_many(wait.as_millis().div_ceil(1000) as u64)
}

/// There is a credential of an account, right or wrong.
pub(in super::super) fn is_account(headers: &HeaderMap) -> bool {
    headers.contains_key("x-api-key") || basic(headers).is_some()
}

/// Name and password of HTTP Basic (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut user = BASE64_STANDARD.decode(credentials.trim_ascii()).ok()?;
    let colon = user.iter().position(|b| *b == b':')?;
    let password = user.split_off(colon + 1);
    user.pop();
    Some((user, password))
}

/// So many calls a second, and a second's worth of them at once.
#[derive(Debug)]
struct Rate {
    interval: Duration,
    /// When the allowance will be whole again.
    whole_at: Mutex<Option<Instant>>,
}

impl Rate {
    fn new(per_s: u32) -> Rate {
        Rate {
            interval: Duration::from_secs(1) / per_s.max(1),
            whole_at: Mutex::new(None),
        }
    }

    /// Takes one call's allowance, or tells after how long there is some.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut whole_at = self.whole_at();
        *whole_at = Some(self.with_one_more(*whole_at, now)?);
        Ok(())
    }

    /// As [`Rate::take`], without taking it.
    fn after_one(&self, now: Instant) -> Result<Instant, Duration> {
        self.with_one_more(*self.whole_at(), now)
    }

    /// Calls that could be made now.
    fn left(&self, now: Instant) -> u32 {
        let taken = self
            .whole_at()
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let free = Duration::from_secs(1).saturating_sub(taken);
        u32::try_from(free.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX)
    }

    fn with_one_more(&self, whole_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let after = whole_at.map_or(now, |at| at.max(now)) + self.interval;
        match (after - now).checked_sub(Duration::from_secs(1)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(after),
        }
    }

    fn whole_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.whole_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_a_seconds_worth_through_and_then_says_how_long() {
        let began = Instant::now();
        let rate = Rate::new(2);
        assert_eq!(rate.left(began), 2);
        assert!(rate.take(began).is_ok() && rate.take(began).is_ok());
        assert_eq!(
            (rate.left(began), rate.after_one(began)),
            (0, Err(Duration::from_millis(500)))
        );
        assert_eq!(rate.take(began), Err(Duration::from_millis(500)));
        let later = began + Duration::from_millis(500);
        assert!(rate.after_one(later).is_ok() && rate.after_one(later).is_ok());
        assert_eq!(rate.left(later), 1);
        assert!(rate.take(later).is_ok());
        assert!(rate.take(later).is_err());
        assert!(rate.take(began + Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn basic_credentials_are_taken_apart() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            basic(&headers)
        };
        let pair = |a: &str, b: &str| Some((a.as_bytes().to_vec(), b.as_bytes().to_vec()));
        assert_eq!(of("Basic YWNtZTphY21lLXBhc3M="), pair("acme", "acme-pass"));
        assert_eq!(of("basic YTpiOmM="), pair("a", "b:c"));
        assert_eq!(of("Basic YWNtZQ=="), None);
        assert_eq!(of("Basic !!"), None);
        assert_eq!(of("Bearer YTpi"), None);
    }
}
