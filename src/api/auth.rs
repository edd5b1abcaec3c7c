//! Who calls, and what the token opens.
//!
//! A handler reaches the store only through a [`Call`], and a `Call` names its scope in its type:
//! forgetting the check does not compile.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::json;

use super::batch::{self, Upload};
use super::error::{self, Failure};
use super::server::client_address;
use super::{Api, body, server};
use crate::config::{ApiConfig, Scope, SecretHash, sha256_of_candidate};
use crate::openapi::{Input, Operation, Scheme};

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scopes(u8);

impl Scopes {
    const ADMIN: Scopes = Scopes(1);
    const SEND: Scopes = Scopes(2);
    const READ: Scopes = Scopes(4);
    const ALL: Scopes = Scopes(7);

    const fn or(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    fn meet(self, other: Scopes) -> bool {
        self.0 & other.0 != 0
    }

    /// As the configuration spells them.
    fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Scopes::ADMIN, "admin"),
            (Scopes::SEND, "send"),
            (Scopes::READ, "read"),
        ];
        all.into_iter()
            .filter(move |(scope, _)| self.meet(*scope))
            .map(|(_, name)| name)
    }
}

/// What a route asks of its caller. `admin` opens everything.
pub(super) trait Scoped: Send + Sync + 'static {
    /// Any one of these will do.
    const ANY_OF: Scopes;
}

/// Changes what the bridge is.
#[derive(Debug)]
pub(super) enum Admin {}
/// Sends, and withdraws what was sent.
#[derive(Debug)]
pub(super) enum Sender {}
/// Reads messages and gateways.
#[derive(Debug)]
pub(super) enum Reader {}
/// Reads what operators look after; of no use to a sender.
#[derive(Debug)]
pub(super) enum Inspector {}

impl Scoped for Admin {
    const ANY_OF: Scopes = Scopes::ADMIN;
}

impl Scoped for Sender {
    const ANY_OF: Scopes = Scopes::ADMIN.or(Scopes::SEND);
}

impl Scoped for Reader {
    const ANY_OF: Scopes = Scopes::ALL;
}

impl Scoped for Inspector {
    const ANY_OF: Scopes = Scopes::ADMIN.or(Scopes::READ);
}

/// A caller that may do `S`.
#[derive(Debug)]
pub(super) struct Caller<S> {
    /// The token's name; empty on an open API.
    pub(super) name: Arc<str>,
    scopes: Scopes,
    scope: PhantomData<S>,
}

impl<S> Caller<S> {
    pub(super) fn sees_secrets(&self) -> bool {
        self.scopes.meet(Scopes::ADMIN)
    }

    pub(super) fn sees_usernames(&self) -> bool {
        self.scopes.meet(Scopes::ADMIN.or(Scopes::SEND))
    }
}

/// The configured tokens, found by a keyed hash of their digests and then compared in constant
/// time.
#[derive(Debug)]
pub(super) struct Tokens {
    hasher: RandomState,
    /// Sorted by hash. Empty: the API is open.
    grants: Vec<Grant>,
    nobody: Arc<str>,
}

#[derive(Debug)]
struct Grant {
    hash: u64,
    name: Arc<str>,
    token: SecretHash,
    scopes: Scopes,
}

impl Tokens {
    pub(super) fn new(config: &ApiConfig) -> Tokens {
        let hasher = RandomState::new();
        let mut grants: Vec<Grant> = config
            .tokens
            .iter()
            .map(|token| Grant {
                hash: hasher.hash_one(token.token.digest()),
                name: token.name.as_str().into(),
                token: token.token.clone(),
                scopes: token.scopes.iter().fold(Scopes(0), |all, s| {
                    all.or(match s {
                        Scope::Admin => Scopes::ADMIN,
                        Scope::Send => Scopes::SEND,
                        Scope::Read => Scopes::READ,
                    })
                }),
            })
            .collect();
        grants.sort_by_key(|g| g.hash);
        Tokens {
            hasher,
            grants,
            nobody: "".into(),
        }
    }

    pub(super) fn admit<S: Scoped>(&self, headers: &HeaderMap) -> Result<Caller<S>, Failure> {
        if self.grants.is_empty() {
            return Ok(Caller {
                name: self.nobody.clone(),
                scopes: Scopes::ALL,
                scope: PhantomData,
            });
        }
        let unknown = |text| Failure::new(StatusCode::UNAUTHORIZED, text);
        let token = bearer(headers)
            .ok_or_else(|| unknown("Unauthenticated: a bearer token is required."))?;
        let grant = self
            .grant_of(token)
            .ok_or_else(|| unknown("Unauthenticated: this bearer token is not known."))?;
        if !grant.scopes.meet(S::ANY_OF) {
            let scopes: Vec<&str> = S::ANY_OF.names().collect();
            return Err(Failure::new(
                StatusCode::FORBIDDEN,
                format!(
                    "This token does not have the scope {}.",
                    scopes.join(" or ")
                ),
            ));
        }
        Ok(Caller {
            name: grant.name.clone(),
            scopes: grant.scopes,
            scope: PhantomData,
        })
    }

    fn grant_of(&self, token: &[u8]) -> Option<&Grant> {
        let digest = sha256_of_candidate(token)?;
        let hash = self.hasher.hash_one(digest);
        let first = self.grants.partition_point(|g| g.hash < hash);
        self.grants[first..]
            .iter()
            .take_while(|g| g.hash == hash)
            .find(|g| g.token.is(&digest))
    }
}

/// What follows `Authorization: Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// A request whose body was read and whose caller may do `S`: the only way to the store.
#[derive(Debug)]
pub(super) struct Call<S> {
    pub(super) api: Api,
    pub(super) caller: Caller<S>,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
    pub(super) body: Bytes,
}

impl<S: Scoped> FromRequest<Api> for Call<S> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        // Too large comes before who is it.
        let body = body::read(&parts.headers, body, api.config.limits.body_octets).await?;
        let caller = admit(&parts, api)?;
        Ok(Call {
            api: api.clone(),
            caller,
            headers: parts.headers,
            uri: parts.uri,
            body,
        })
    }
}

/// The caller, if he may do `S`.
fn admit<S: Scoped>(parts: &Parts, api: &Api) -> Result<Caller<S>, Failure> {
    let address = client_address(parts, &api.config.http.trusted_proxies);
    api.admit(address)?;
    api.0.tokens.admit(&parts.headers).inspect_err(|failure| {
        api.metrics.http.auth_failures.inc();
        let is_wrong = failure.status == StatusCode::UNAUTHORIZED;
        if is_wrong && bearer(&parts.headers).is_some() {
            api.count_attempt(address);
        }
    })
}

/// As [`Call`], of a body with many messages that may still be on its way.
#[derive(Debug)]
pub(super) struct BatchCall<S> {
    pub(super) api: Api,
    pub(super) caller: Caller<S>,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
    pub(super) upload: Upload,
}

impl<S: Scoped> FromRequest<Api> for BatchCall<S> {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let (upload, caller) = if batch::is_lines(&parts.headers) {
            // Nobody sends much before he is known.
            match admit(&parts, api) {
                Ok(caller) => (Upload::lines(body, api), caller),
                Err(failure) => {
                    body::discard(&parts.headers, body).await;
                    return Err(failure);
                }
            }
        } else {
            let body = body::read(&parts.headers, body, api.config.limits.body_octets).await?;
            (Upload::Whole(body), admit(&parts, api)?)
        };
        Ok(BatchCall {
            api: api.clone(),
            caller,
            headers: parts.headers,
            uri: parts.uri,
            upload,
        })
    }
}

impl<S: Scoped> Input for BatchCall<S> {
    fn describe(operation: &mut Operation<'_>) {
        Call::<S>::describe(operation);
    }
}

/// Any one of the scopes will do.
impl<S: Scoped> Input for Call<S> {
    fn describe(operation: &mut Operation<'_>) {
        Unauthenticated::describe(operation);
        for scope in S::ANY_OF.names() {
            operation.requires(BEARER_TOKEN, &[scope]);
        }
        operation
            .refuses(401, "There is no token, or nobody knows it.")
            .refuses(403, "The token does not have the scope.")
            .refuses(429, "Too many wrong tokens came from this address.")
            .refuses(
                503,
                "The message log cannot be read or written, or the bridge stops.",
            );
    }
}

/// What is configured as `[[api.tokens]]`.
const BEARER_TOKEN: Scheme = Scheme {
    name: "bearerToken",
    describe: || {
        json!({
            "type": "http", "scheme": "bearer",
            "description": "A token of the configuration. One with the scope `admin` opens \
                everything, `send` sending and the reading of messages, `read` reading without \
                secrets.",
        })
    },
};

/// A request that carries its own proof, or needs none: its handler has to say which.
#[derive(Debug)]
pub(super) struct Unauthenticated {
    pub(super) api: Api,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
    pub(super) body: Bytes,
    /// Its `X-Forwarded-*` headers are believed.
    pub(super) from_proxy: bool,
    /// Of whoever sent it, where it is known.
    pub(super) address: Option<IpAddr>,
}

impl FromRequest<Api> for Unauthenticated {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let from_proxy = server::is_from_proxy(&parts, &api.config.http.trusted_proxies);
        let body = body::read(&parts.headers, body, api.config.limits.body_octets).await?;
        Ok(Unauthenticated {
            address: client_address(&parts, &api.config.http.trusted_proxies),
            api: api.clone(),
            headers: parts.headers,
            uri: parts.uri,
            body,
            from_proxy,
        })
    }
}

impl Input for Unauthenticated {
    fn describe(operation: &mut Operation<'_>) {
        operation
            .errors::<error::Body<'_>>()
            .refuses(400, "The body ended early.")
            .refuses(408, "The body did not arrive in time.")
            .refuses(413, "The body is larger than the configuration allows.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiToken;

    fn token(name: &str, scopes: &[Scope]) -> ApiToken {
        ApiToken {
            name: name.into(),
            token: SecretHash::of(&format!("{name}-token")),
            scopes: scopes.to_vec(),
        }
    }

    fn with(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    fn status<S: Scoped>(tokens: &Tokens, headers: &HeaderMap) -> u16 {
        tokens
            .admit::<S>(headers)
            .map_or_else(|f| f.status.as_u16(), |_| 200)
    }

    #[test]
    fn each_scope_opens_what_it_should() {
        let tokens = Tokens::new(&ApiConfig {
            tokens: vec![
                token("adm", &[Scope::Admin]),
                token("send", &[Scope::Send]),
                token("read", &[Scope::Read]),
            ],
        });
        for (name, admin, send, read, inspect) in [
            ("adm", 200, 200, 200, 200),
            ("send", 403, 200, 200, 403),
            ("read", 403, 403, 200, 200),
            ("else", 401, 401, 401, 401),
        ] {
            let headers = with(&format!("bearer {name}-token"));
            assert_eq!(status::<Admin>(&tokens, &headers), admin, "{name}");
            assert_eq!(status::<Sender>(&tokens, &headers), send, "{name}");
            assert_eq!(status::<Reader>(&tokens, &headers), read, "{name}");
            assert_eq!(status::<Inspector>(&tokens, &headers), inspect, "{name}");
        }
        assert_eq!(status::<Reader>(&tokens, &HeaderMap::new()), 401);
        for odd in [
            "Basic YTpi",
            "Bearer",
            "Bearer ",
            "adm-token",
            "Bearer adm-token x",
        ] {
            assert_eq!(status::<Reader>(&tokens, &with(odd)), 401, "{odd}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_missing() {
        let tokens = Tokens::new(&ApiConfig {
            tokens: vec![token("send", &[Scope::Send])],
        });
        let said = |headers: &HeaderMap| {
            let refused = tokens.admit::<Inspector>(headers).unwrap_err();
            refused.into_message().into_owned()
        };
        assert!(said(&HeaderMap::new()).ends_with("a bearer token is required."));
        assert!(said(&with("Bearer other")).ends_with("this bearer token is not known."));
        let scope = "This token does not have the scope admin or read.";
        assert_eq!(said(&with("Bearer send-token")), scope);
    }

    #[test]
    fn without_tokens_the_api_is_open() {
        let tokens = Tokens::new(&ApiConfig::default());
        let caller = tokens.admit::<Admin>(&HeaderMap::new()).unwrap();
        assert!(caller.sees_secrets() && caller.sees_usernames());
        assert_eq!(&*caller.name, "");
    }
}
