//! The configuration: one TOML file made into typed values, once, with every mistake reported at
//! once.
//!
//! It owns the defaults (each in its section's `Default`, with the reason in the field's comment)
//! and the rules; the manual of every key is `config/bridge.toml`, and a test holds the two
//! together. What comes out of [`load`] needs no further checking: it never contradicts itself, and
//! an open API listens on loopback only.
//!
//! A field has the name of its key. Where the key ends with a unit (`timeout_ms`, `slice_mib`) the
//! field has that unit in its type instead ([`std::time::Duration`]) or is in octets.

mod callback;
pub mod gateway;
mod hash;
mod http;
mod mo;
mod nearest;
mod node;
mod pattern;
mod problem;
mod process;
mod receipt;
mod route;
mod secret;
mod smpp;
mod storage;
mod subscriber;
mod table;
mod universal;
pub mod url;
mod use_case;
mod value;

use std::{collections::HashSet, fs::File, io::Read, path::Path};

pub use self::{
    callback::CallbackConfig,
    hash::{PasswordHash, SecretHash, SlowHash, sha256_of_candidate},
    http::{ApiConfig, ApiToken, HttpConfig, Scope},
    mo::{AddressType, ClassifyBy, MoConfig},
    pattern::Pattern,
    problem::{Problem, Problems},
    process::{LimitConfig, LogConfig, LogFormat, ShutdownConfig, TlsConfig},
    receipt::{DeliveredAt, DlrConfig, ReceiptConfig},
    route::{CANDIDATES_MAX, Match, Route, Rule, Target},
    secret::Secret,
    smpp::SmppDefaults,
    storage::StorageConfig,
    subscriber::{Endpoint, Organisation, ReceiptWish, ServiceProfile},
    universal::{Account, UniversalConfig},
    use_case::UseCasesDefaults,
};
use self::{
    node::Node,
    table::{Complaint, Findings, Table},
    value::Wrong,
};
use crate::message::UseCase;

/// The whole file. An empty one gives `Config::default()`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    pub http: HttpConfig,
    pub storage: StorageConfig,
    pub tls: TlsConfig,
    pub api: ApiConfig,
    pub callbacks: CallbackConfig,
    pub dlr: DlrConfig,
    pub receipts: ReceiptConfig,
    pub mo: MoConfig,
    pub service_profiles: Vec<ServiceProfile>,
    pub endpoints: Vec<Endpoint>,
    pub routes: Vec<Route>,
    pub universal: UniversalConfig,
    pub use_cases: Vec<UseCase>,
    pub use_cases_defaults: UseCasesDefaults,
    pub smpp: SmppDefaults,
    pub limits: LimitConfig,
    pub log: LogConfig,
    pub shutdown: ShutdownConfig,
}

/// Reads the file at `path`. `env` looks up the variables that `…_env` keys name.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let file = path.display().to_string();
    let mut octets = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets));
    if let Err(e) = read {
        return Err(Problems::file(&file, format!("cannot be read: {e}")));
    }
    if u64::try_from(octets.len()).is_ok_and(|length| length > FILE_OCTETS_MAX) {
        return Err(Problems::file(&file, "has more than 16 MiB".to_owned()));
    }
    match String::from_utf8(octets) {
        Ok(text) => parse(&file, &text, env),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            Err(problem_at(
                &file,
                &String::from_utf8_lossy(&e.as_bytes()[..at]),
                at,
                "is not UTF-8 from here on",
            ))
        }
    }
}

/// Reads a configuration from memory; `file` is its name in problems. Secret files and
/// `tls.ca_file` are looked up on disk even so.
pub fn parse(
    file: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let document = match toml_edit::Document::parse(text) {
        Ok(document) => document,
        Err(e) => {
            return Err(problem_at(
                file,
                text,
                e.span().map_or(0, |span| span.start),
                e.message(),
            ));
        }
    };
    let root = Node::from_toml(document.as_table());
    let mut findings = Findings::default();
    let config = Config::read(&mut Table::new(&root, "", env, &mut findings));
    if findings.complaints.is_empty() {
        Ok(config)
    } else {
        Err(Problems::locate(file, text, findings.complaints))
    }
}

impl Config {
    /// The route of this name.
    pub fn route_named(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    fn read(table: &mut Table<'_>) -> Self {
        let mut profile_ids = HashSet::new();
        let (mut use_case_ids, mut route_names) = (HashSet::new(), HashSet::new());
        let (mut endpoint_ids, mut msisdns) = (HashSet::new(), HashSet::new());
        // A token with a mistake still shows that the API is not meant to be open.
        let (api, tokens) = table.section("api", |table| {
            (ApiConfig::read(table), table.length("tokens"))
        });
        let config = Self {
            http: table.section("http", HttpConfig::read),
            storage: table.section("storage", StorageConfig::read),
            tls: table.section("tls", TlsConfig::read),
            api,
            callbacks: table.section("callbacks", CallbackConfig::read),
            dlr: table.section("dlr", DlrConfig::read),
            receipts: table.section("receipts", ReceiptConfig::read),
            mo: table.section("mo", MoConfig::read),
            service_profiles: table.tables("service_profiles", |table| {
                ServiceProfile::read(table, &mut profile_ids)
            }),
            endpoints: table.tables("endpoints", |table| {
                Endpoint::read(table, &profile_ids, &mut endpoint_ids, &mut msisdns)
            }),
            routes: table.tables("routes", |table| Route::read(table, &mut route_names)),
            universal: table.section("universal", |table| {
                UniversalConfig::read(table, &route_names)
            }),
            use_cases: table.tables("use_cases", |table| {
                use_case::read(table, &mut use_case_ids, &route_names)
            }),
            use_cases_defaults: table.section("use_cases_defaults", UseCasesDefaults::read),
            smpp: table.section("smpp", |table| {
                SmppDefaults::read(table, &SmppDefaults::default())
            }),
            limits: table.section("limits", LimitConfig::read),
            log: table.section("log", LogConfig::read),
            shutdown: table.section("shutdown", ShutdownConfig::read),
        };
        if !config.http.listen.ip().is_loopback() {
            config.refuse_open_api(table, tokens);
        }
        table.refuse_unknown();
        config
    }

    /// Without a token, or with one that everybody knows, only this machine may
    /// reach the API. `tokens` counts the right and the wrong ones.
    fn refuse_open_api(&self, table: &mut Table<'_>, tokens: usize) {
        let elsewhere = "is not a loopback address";
        if tokens == 0 {
            let wrong = Wrong::new(format!("{elsewhere}, and there are no [[api.tokens]]"));
            let wrong = wrong.hint("add a token, or listen on 127.0.0.1");
            table.complain_in("http", "listen", wrong);
        }
        let tokens = self.api.tokens.iter();
        let tokens = tokens.map(|token| (&token.name, Some(&token.token)));
        let accounts = self.universal.accounts.iter().flat_map(|account| {
            let password = match &account.password {
                Some(PasswordHash::Fast(hash)) => Some(hash),
                Some(PasswordHash::Slow(_)) | None => None,
            };
            [account.api_key.as_ref(), password].map(|hash| (&account.name, hash))
        });
        for (name, secret) in tokens.chain(accounts) {
            if secret.is_some_and(SecretHash::is_example) {
                let message =
                    format!("{elsewhere}, and `{name}` still has a secret of the example");
                table.complain_in("http", "listen", message);
            }
        }
    }
}

fn problem_at(file: &str, text: &str, at: usize, message: &str) -> Problems {
    let message = message.trim().replace('\n', ", ");
    let complaint = Complaint {
        at: Some(at),
        key: String::new(),
        message,
        hint: None,
    };
    Problems::locate(file, text, vec![complaint])
}

/// Far more than any configuration has; a limit, because a path may name anything.
const FILE_OCTETS_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../config/bridge.toml");

    /// The manual cannot forget a key: whatever the reader asks for must stand in its section, with
    /// a `#` in front where it is off.
    #[test]
    fn every_key_that_is_read_is_in_the_manual() {
        let document = toml_edit::Document::parse(MANUAL).unwrap();
        let root = Node::from_toml(document.as_table());
        let mut findings = Findings::default();
        Config::read(&mut Table::new(&root, "", &|_| None, &mut findings));
        assert!(findings.keys.len() > 80);
        for key in findings.keys {
            let key: String = key
                .split('[')
                .map(|piece| piece.rsplit(']').next().unwrap())
                .collect();
            assert!(is_documented(&key), "{key} is not in config/bridge.toml");
        }
    }

    #[test]
    fn every_key_of_a_gateway_is_in_the_manual() {
        for key in gateway::SmppSettings::keys() {
            let here = MANUAL.contains(&format!("\"{key}\""));
            let in_smpp = is_documented(&format!("smpp.{key}"));
            assert!(here || in_smpp, "{key} is not in config/bridge.toml");
        }
    }

    fn headers() -> impl Iterator<Item = &'static str> {
        MANUAL
            .lines()
            .filter(|line| line.starts_with('['))
            .map(|line| line.trim_matches(['[', ']']))
    }

    fn is_documented(key: &str) -> bool {
        if headers().any(|header| header == key || header.starts_with(&format!("{key}."))) {
            return true;
        }
        let Some((mut table, mut name)) = key.rsplit_once('.') else {
            return false;
        };
        if let Some((outer, inline)) = table.rsplit_once('.')
            && ["organisation", "campaign", "brand", "to"].contains(&inline)
        {
            (table, name) = (outer, inline);
        }
        MANUAL
            .lines()
            .skip_while(|line| !(line.starts_with('[') && line.trim_matches(['[', ']']) == table))
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .any(|line| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{name} = "))
            })
    }
}
