//! `[http]` and `[api]`: where clients reach us, and who they are.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
};

use ipnet::IpNet;

use super::{
    hash::SecretHash,
    node::Value,
    secret::Secret,
    table::Table,
    value::{self, TEXT_MAX, Word, Wrong},
};

/// `[http]`: the listener of every API family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address and port of the API. Default 127.0.0.1:18080: nobody but this machine, because
    /// without tokens the API is open. Any other address needs `[[api.tokens]]`.
    pub listen: SocketAddr,
    /// How the outside reaches `listen`, without a slash at its end; the URLs given to providers
    /// begin with it, and their signatures are checked against it. None (the default): the address
    /// that was bound, see [`HttpConfig::base_url`].
    pub public_base_url: Option<String>,
    /// Peers whose `X-Forwarded-*` headers are believed. Default none: anybody can write such a
    /// header.
    pub trusted_proxies: Vec<IpNet>,
    /// Address and port of a second listener for `/metrics`, `/livez` and `/readyz`.
    /// None (the default): they are on `listen`. They need no token, so a public API wants them
    /// elsewhere.
    pub admin_listen: Option<SocketAddr>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 18080)),
            public_base_url: None,
            trusted_proxies: Vec::new(),
            admin_listen: None,
        }
    }
}

impl HttpConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let http = Self {
            listen: table.or("listen", default.listen, value::socket_addr),
            public_base_url: table.optional("public_base_url", base_url),
            trusted_proxies: table.list("trusted_proxies", value::network),
            admin_listen: table.optional("admin_listen", value::socket_addr),
        };
        if http.admin_listen == Some(http.listen) && http.listen.port() != 0 {
            table.complain(
                "admin_listen",
                Wrong::new("is the same as `listen`")
                    .hint("leave it out to have one listener for everything"),
            );
        }
        if http.listen.ip().is_unspecified() && !table.has("public_base_url") {
            let hint = "for example \"https://sms.example.org\"";
            table.complain(
                "public_base_url",
                Wrong::new(format!(
                    "is required, because no provider can call back to {}",
                    http.listen
                ))
                .hint(hint),
            );
        }
        http
    }

    /// What to put in front of our own paths, without a slash at its end. `bound` is the address
    /// the listener has got, which differs from `listen` when that asked for port 0.
    pub fn base_url(&self, bound: SocketAddr) -> String {
        self.public_base_url
            .clone()
            .unwrap_or_else(|| format!("http://{bound}"))
    }
}

fn base_url(written: &Value) -> Result<String, Wrong> {
    let uri = value::url(written)?;
    if uri.query().is_some() {
        return Err("must not have a query: our own paths follow it".into());
    }
    value::any_text(written).map(|text| text.trim_end_matches('/').to_owned())
}

/// `[api]`: who may call the APIs of gateways and of use cases. No token: anybody, on a loopback
/// `listen` only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiConfig {
    /// `[[api.tokens]]`; names and values are unique.
    pub tokens: Vec<ApiToken>,
}

/// One client of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Who holds it: the name in logs and records, where the token itself never appears.
    pub name: String,
    /// Of what follows `Authorization: Bearer`, which is visible ASCII. In the file as `token`,
    /// `token_env` or `token_file`, or as this hash, `token_sha256`.
    pub token: SecretHash,
    /// What it opens; at least one.
    pub scopes: Vec<Scope>,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything, secrets that may be shown included.
    Admin,
    /// Send, and read messages.
    Send,
    /// Read, without secrets.
    Read,
}

impl ApiToken {
    /// Whether the token was given this very scope. What one scope implies of another is the API's
    /// decision.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl ApiConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let mut names = HashSet::new();
        let mut secrets = Vec::new();
        let tokens = table.tables("tokens", |table| {
            let name = table.required("name", value::text(TEXT_MAX));
            let token = table.token("token", travels_in_a_header);
            if !table.has_secret("token") {
                table.complain("token", Wrong::new("is required").hint(OTHER_WAYS));
            }
            let scopes = table.list("scopes", value::word::<Scope>);
            if !table.has("scopes") {
                table.complain(
                    "scopes",
                    Wrong::new("is required").hint("for example [\"send\"]"),
                );
            } else if table.length("scopes") == 0 {
                table.complain(
                    "scopes",
                    Wrong::new("must name at least one scope").hint("for example [\"send\"]"),
                );
            }
            table.once("name", &name, &mut names);
            table.once_token("token", &token, &mut secrets);
            Some(ApiToken {
                name: name?,
                token: token?,
                scopes,
            })
        });
        Self { tokens }
    }
}

fn travels_in_a_header(token: &Secret) -> Result<(), Wrong> {
    match token.expose().bytes().all(|octet| octet.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("must be ASCII without blanks: it travels in a header".into()),
    }
}

const OTHER_WAYS: &str = "`token_sha256`, `token_env` and `token_file` would do as well";

impl Word for Scope {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("admin", Self::Admin),
        ("send", Self::Send),
        ("read", Self::Read),
    ];
}
