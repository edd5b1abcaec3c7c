//! Which gateway a send takes: the one that its account or use case names, or what a route
//! decides as the gateways stand now.

use std::sync::Arc;

use super::Api;
use super::directory::{Profile, Snapshot};
use super::draft::{Purpose, Seen};
use crate::config::Route;
use crate::message::{GatewayId, Others, Via};
use crate::route::{self, Ask, Decision, Standing};

/// Where a message goes, and where else it may.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) profile: Arc<Profile>,
    pub(super) others: Option<Others>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    /// No such gateway, no rule for the message, or none of the rule's gateways is there.
    None,
    /// The gateway is switched off.
    Inactive,
    /// The gateway cannot carry the message.
    Unfit,
}

/// Why a gateway is unfit.
pub(super) const TOO_LONG: &str = "its upstream takes no text that long";

/// A route's decision, for whoever explains it.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    pub(super) route: String,
    /// What each rule has to do with the message.
    pub(super) rules: Vec<&'static str>,
    pub(super) candidates: Vec<Considered>,
}

/// One gateway of the rule.
#[derive(Clone, Debug)]
pub(super) struct Considered {
    pub(super) name: String,
    pub(super) gateway: Option<GatewayId>,
    /// `None`: it is one of the rule's failover.
    pub(super) weight: Option<u16>,
    pub(super) fate: &'static str,
}

impl Api {
    /// `unfit` says why a gateway cannot carry the message, in a few words; what comes to be known
    /// on the way is `seen`.
    pub(super) fn way(
        &self,
        via: &Via,
        ask: Ask<'_>,
        parts: u8,
        unfit: impl Fn(&Profile) -> Option<&'static str>,
        purpose: Purpose,
        seen: &mut Seen,
    ) -> Result<Way, NoWay> {
        let gateways = self.snapshot();
        match via {
            Via::Gateway(name) => {
                let profile = gateways.named(name).cloned();
                seen.profile.clone_from(&profile);
                let profile = profile.ok_or(NoWay::None)?;
                match (profile.gateway.is_active, unfit(&profile)) {
                    (false, _) => Err(NoWay::Inactive),
                    (true, Some(_)) => Err(NoWay::Unfit),
                    (true, None) => Ok(Way {
                        profile,
                        others: None,
                    }),
                }
            }
            Via::Route(name) => {
                let route = self.config.route_named(name).ok_or(NoWay::None)?;
                let decision =
                    route::decide(route, ask, |name| self.standing(&gateways, name, &unfit));
                if purpose == Purpose::Explain {
                    seen.routing = Some(Routing::of(route, ask, decision.as_ref(), &gateways));
                }
                let decision = decision.ok_or(NoWay::None)?;
                let chosen = decision.chosen().and_then(|name| gateways.named(name));
                let profile = chosen.cloned().ok_or(NoWay::None)?;
                seen.profile = Some(profile.clone());
                let others = others(route, &decision, &profile, parts, &gateways);
                Ok(Way { profile, others })
            }
        }
    }

    fn standing(
        &self,
        gateways: &Snapshot,
        name: &str,
        unfit: impl Fn(&Profile) -> Option<&'static str>,
    ) -> Standing {
        let profile = gateways.named(name);
        if let Some(why) = profile.and_then(|p| unfit(p)) {
            return Standing::Unfit(why);
        }
        let status = profile.and_then(|p| self.board.of(p.gateway.id));
        Standing::of(profile.map(|p| &p.gateway), status.as_ref())
    }
}

/// Where else the message may go. A text of several parts is cut already, or is not: it goes only
/// where texts are taken the same way.
fn others(
    route: &Route,
    decision: &Decision<'_>,
    chosen: &Profile,
    parts: u8,
    gateways: &Snapshot,
) -> Option<Others> {
    let usable = decision.candidates.iter().filter(|c| c.fate.is_left());
    let others = usable.filter_map(|c| gateways.named(c.gateway));
    let fits = |other: &&Arc<Profile>| parts <= 1 || other.segments == chosen.segments;
    let others: Vec<GatewayId> = others.filter(fits).map(|p| p.gateway.id).collect();
    (!others.is_empty()).then(|| Others {
        gateways: others,
        after: decision.rule.failover_on.clone(),
        down_after_ms: u32::try_from(route.down_after.as_millis()).unwrap_or(u32::MAX),
    })
}

impl Routing {
    fn of(
        route: &Route,
        ask: Ask<'_>,
        decision: Option<&Decision<'_>>,
        gateways: &Snapshot,
    ) -> Routing {
        let considered = |c: &route::Candidate<'_>| Considered {
            name: c.gateway.to_owned(),
            gateway: gateways.named(c.gateway).map(|p| p.gateway.id),
            weight: c.weight,
            fate: c.fate.name(),
        };
        let candidates = decision.iter().flat_map(|d| &d.candidates);
        Routing {
            route: route.name.clone(),
            rules: route::rule_fates(route, ask)
                .iter()
                .map(|f| f.name())
                .collect(),
            candidates: candidates.map(considered).collect(),
        }
    }
}
