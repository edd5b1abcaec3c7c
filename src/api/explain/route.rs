//! Which gateway the answer names, and why that one.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::directory::Profile;
use super::super::gateways::Status;
use super::super::way::Routing;
use crate::message::Transport;
use crate::route::{Fate, RuleFate};

/// Which gateway, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRoute")]
pub(super) struct Route<'a> {
    /// Null where none can take the message.
    pub(super) gateway: Option<Upstream<'a>>,
    /// All that were considered, in the order in which they are tried.
    candidates: Vec<Candidate<'a>>,
    /// The route of the configuration that decides; null where the gateway is named.
    route: Option<&'a str>,
    /// The route's rules in their order, and what each has to do with the message.
    rules: Vec<Rule>,
}

/// One rule of the route.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRule")]
struct Rule {
    /// From 1.
    rule: usize,
    #[schemars(extend("enum" = RuleFate::NAMES))]
    fate: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCandidate")]
struct Candidate<'a> {
    /// Null where there is no gateway of this name.
    gateway: Option<u32>,
    name: &'a str,
    chosen: bool,
    /// Why it is chosen, or not: a sentence where the gateway is named; of a route `chosen`,
    /// `behind` (its turn comes after), `down`, `disabled`, `unknown_gateway`, or `unfit`.
    reason: &'static str,
    /// Its share among the rule's gateways; null where it is named, or there for failover only.
    weight: Option<u16>,
}

/// The gateway as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedGateway")]
pub(super) struct Upstream<'a> {
    id: u32,
    name: &'a str,
    #[schemars(extend("enum" = Transport::NAMES))]
    transport: &'static str,
    is_active: bool,
    status: Status,
}

impl<'a> Route<'a> {
    pub(super) fn of(profile: &'a Profile, status: Status, family: &str) -> Route<'a> {
        let gateway = &profile.gateway;
        let reason = match family {
            "gateway" => "the request names it",
            "use_case" => "the use case names it",
            _ => "the account's configuration names it",
        };
        Route {
            candidates: vec![Candidate {
                gateway: Some(gateway.id.0),
                name: &gateway.name,
                chosen: true,
                reason,
                weight: None,
            }],
            gateway: Some(Upstream {
                id: gateway.id.0,
                name: &gateway.name,
                transport: profile.transport.name(),
                is_active: gateway.is_active,
                status,
            }),
            route: None,
            rules: Vec::new(),
        }
    }

    pub(super) fn decided(routing: &'a Routing, gateway: Option<Upstream<'a>>) -> Route<'a> {
        let candidates = routing.candidates.iter().map(|c| Candidate {
            gateway: c.gateway.map(|id| id.0),
            name: &c.name,
            chosen: c.fate == Fate::Chosen.name(),
            reason: c.fate,
            weight: c.weight,
        });
        let rules = (1..).zip(&routing.rules);
        Route {
            gateway,
            candidates: candidates.collect(),
            route: Some(&routing.route),
            rules: rules.map(|(rule, fate)| Rule { rule, fate }).collect(),
        }
    }
}
