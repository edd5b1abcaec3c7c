//! Which gateway an MT takes: the rule that is for it, and of the rule's gateways the order
//! in which they are tried.
//!
//! A decision depends on nothing but the route, the message's destination and sender, and
//! how the gateways stand when it is made. The choice by weight is drawn from the digits of
//! the destination: a destination keeps its gateway, and the weights hold over many
//! destinations. What is drawn is the whole order, so that those of a gateway that is down
//! are shared by the others as their weights say.

use crate::config::{Match, Route, Rule};
use crate::message::{Gateway, GatewayStatus};

/// What is asked of a route.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// With or without `+`, as people write numbers.
    pub destination: &'a str,
    pub sender: &'a str,
}

/// How a gateway stands towards one message, when it is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Up,
    /// It has no bind; it is taken only where no other is up.
    Down,
    /// It is switched off.
    Disabled,
    /// There is none of this name.
    Unknown,
    /// It cannot carry this message; why not, in a few words.
    Unfit(&'static str),
    /// The message was there before: it is tried once.
    Tried,
}

impl Standing {
    /// Of a gateway's record, if there is one, and its place on the board.
    pub fn of(gateway: Option<&Gateway>, status: Option<&GatewayStatus>) -> Standing {
        match (gateway, status) {
            (None, _) => Standing::Unknown,
            (Some(gateway), _) if gateway.deleted => Standing::Unknown,
            (Some(gateway), _) if !gateway.is_active => Standing::Disabled,
            (Some(_), Some(status)) if status.is_up() => Standing::Up,
            (Some(_), _) => Standing::Down,
        }
    }

    /// A message may wait there.
    pub fn is_usable(self) -> bool {
        matches!(self, Standing::Up | Standing::Down)
    }
}

/// What became of one gateway of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The message goes there.
    Chosen,
    /// It is up, and its turn comes after the chosen one: by weight, or as a failover.
    Behind,
    /// It was passed over, or stays behind, for this reason.
    Not(Standing),
}

impl Fate {
    /// The message may go there later.
    pub fn is_left(self) -> bool {
        matches!(self, Fate::Behind | Fate::Not(Standing::Down))
    }

    /// As a word for records.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Chosen => "chosen",
            Fate::Behind | Fate::Not(Standing::Up) => "behind",
            Fate::Not(Standing::Down) => "down",
            Fate::Not(Standing::Disabled) => "disabled",
            Fate::Not(Standing::Unknown) => "unknown_gateway",
            Fate::Not(Standing::Unfit(_)) => "unfit",
            Fate::Not(Standing::Tried) => "loop_guard",
        }
    }
}

/// One gateway of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'r> {
    pub gateway: &'r str,
    /// `None`: it is one of the rule's `failover`.
    pub weight: Option<u16>,
    pub fate: Fate,
}

/// What a route says of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<'r> {
    pub rule: &'r Rule,
    /// Its place in the route, from 0.
    pub place: usize,
    /// Every gateway of the rule, in the order in which they are tried for this message.
    pub candidates: Vec<Candidate<'r>>,
}

impl<'r> Decision<'r> {
    /// `None`: the rule has no gateway that the message could wait for.
    pub fn chosen(&self) -> Option<&'r str> {
        let chosen = |c: &&Candidate<'_>| c.fate == Fate::Chosen;
        self.candidates.iter().find(chosen).map(|c| c.gateway)
    }
}

/// What one rule of the route has to do with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFate {
    /// It decides.
    Decides,
    /// The destination is another.
    OtherDestination,
    /// The destination is right, the sender is not.
    OtherSender,
    /// It matches, and a longer prefix does too.
    ShorterPrefix,
    /// It matches, and so does one with the same prefix that names the sender.
    AnySender,
    /// It matches, and an expression above does, or does before any prefix.
    LaterThanRegex,
}

impl RuleFate {
    pub const NAMES: [&str; 6] = [
        "decides",
        "not_matched",
        "other_sender",
        "shorter_prefix",
        "any_sender",
        "later_than_regex",
    ];

    /// As a word for records.
    pub fn name(self) -> &'static str {
        RuleFate::NAMES[self as usize]
    }
}

/// Decides; `None`: no rule is for this message. The cost does not grow with the number of
/// prefixes.
pub fn decide<'r>(
    route: &'r Route,
    ask: Ask<'_>,
    standing: impl Fn(&str) -> Standing,
) -> Option<Decision<'r>> {
    let digits = digits(ask.destination);
    let place = route.rule_for(&digits, ask.sender)?;
    let rule = &route.rules[place];
    let drawn = draw(rule, &digits);
    let drawn = drawn.into_iter().map(|at| {
        let target = &rule.to[at];
        (target.gateway.as_str(), Some(target.weight.get()))
    });
    let failover = rule.failover.iter().map(|name| (name.as_str(), None));
    let mut candidates: Vec<Candidate<'r>> = drawn
        .chain(failover)
        .map(|(gateway, weight)| Candidate {
            gateway,
            weight,
            fate: Fate::Not(standing(gateway)),
        })
        .collect();
    let standings = candidates.iter().map(|c| match c.fate {
        Fate::Not(standing) => standing,
        Fate::Chosen | Fate::Behind => Standing::Up,
    });
    let chosen = pick(standings);
    for (at, candidate) in candidates.iter_mut().enumerate() {
        if chosen == Some(at) {
            candidate.fate = Fate::Chosen;
        } else if candidate.fate == Fate::Not(Standing::Up) {
            candidate.fate = Fate::Behind;
        }
    }
    Some(Decision {
        rule,
        place,
        candidates,
    })
}

/// The first that is up, or else the first that may be waited for: its place in the order.
pub fn pick(standings: impl Iterator<Item = Standing>) -> Option<usize> {
    let mut waiting = None;
    for (at, standing) in standings.enumerate() {
        match standing {
            Standing::Up => return Some(at),
            Standing::Down => waiting = waiting.or(Some(at)),
            _ => {}
        }
    }
    waiting
}

/// Why each rule decides or does not, in the order of the route.
pub fn rule_fates(route: &Route, ask: Ask<'_>) -> Vec<RuleFate> {
    let digits = digits(ask.destination);
    let deciding = route.rule_for(&digits, ask.sender);
    let fate = |(place, rule): (usize, &Rule)| match (deciding, &rule.destination) {
        (Some(deciding), _) if deciding == place => RuleFate::Decides,
        (_, destination) if !destination.takes(&digits) => RuleFate::OtherDestination,
        _ if !rule.takes_sender(ask.sender) => RuleFate::OtherSender,
        (Some(deciding), Match::Prefix(own)) => match &route.rules[deciding].destination {
            Match::Prefix(longer) if longer == own => RuleFate::AnySender,
            Match::Prefix(_) => RuleFate::ShorterPrefix,
            Match::Pattern(_) => RuleFate::LaterThanRegex,
        },
        _ => RuleFate::LaterThanRegex,
    };
    route.rules.iter().enumerate().map(fate).collect()
}

/// A number's digits, without what says that it is international: what rules are asked with.
pub fn digits(destination: &str) -> String {
    let digits: String = destination.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("00") {
        Some(rest) if !destination.starts_with('+') => rest.to_owned(),
        _ => digits,
    }
}

/// The order of the rule's targets for this destination: each next one is drawn by weight
/// from those that are left.
fn draw(rule: &Rule, digits: &str) -> Vec<usize> {
    let mut left: Vec<usize> = (0..rule.to.len()).collect();
    let mut order = Vec::with_capacity(left.len());
    let mut seed = mix(hash(digits));
    while left.len() > 1 {
        let weight = |at: &usize| u64::from(rule.to[*at].weight.get());
        let mut ticket = seed % left.iter().map(weight).sum::<u64>();
        let drawn = left.iter().position(|at| {
            let is_here = ticket < weight(at);
            ticket = ticket.saturating_sub(weight(at));
            is_here
        });
        order.push(left.remove(drawn.expect("a ticket is below the sum of all weights")));
        seed = mix(seed);
    }
    order.extend(left);
    order
}

/// FNV-1a. The same in every version of the bridge: whoever explains a decision later must
/// come to the same one.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// One step of SplitMix64: numbers that differ in one digit share nothing after it.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
