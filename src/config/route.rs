//! `[[routes]]`: which gateways a message may take, by its destination and sender.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU16,
    time::Duration,
};

use super::{
    nearest::nearest,
    node::Value,
    pattern::{Pattern, pattern},
    table::Table,
    value::{self, TEXT_MAX, Word, Wrong},
};
use crate::message::{RefusalClass, Via};

/// A named list of rules. An account or a use case names it instead of a gateway.
///
/// Exactly one rule decides on a message: the first of those with a `regex` that matches,
/// in the order of the file; else the one with the longest `prefix`; the default rule has
/// neither. Among rules with the same prefix one that names the sender goes before one
/// that names none.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub name: String,
    /// A message leaves a gateway that has had no bind for so long. Default 5 seconds: longer
    /// than a bind that is taken up again at once, shorter than anybody waits for a code.
    pub down_after: Duration,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// Places of rules with a `regex`, in the order of the file.
    patterns: Vec<usize>,
    /// Places of the others by their prefix; those that name senders first.
    prefixes: HashMap<String, Vec<usize>>,
}

/// One rule: whom it is for, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub destination: Match,
    /// Only messages of these senders; a `+` in front does not count. Default none listed:
    /// any sender.
    pub senders: Vec<String>,
    /// The choice is among these, by weight. Never empty.
    pub to: Vec<Target>,
    /// Tried after those, in this order. Default none.
    pub failover: Vec<String>,
    /// Refusals after which the next gateway is tried. Default none: only a gateway without
    /// a bind is left.
    pub failover_on: Vec<RefusalClass>,
}

/// What a rule asks of the digits of a destination, without `+` and without `00`.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// They begin with these; empty for the default rule.
    Prefix(String),
    Pattern(Pattern),
}

/// A gateway by its name, with its share of the messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Gateways are made over the API, so the name is looked up when a message is sent.
    pub gateway: String,
    /// Its share is this, of the sum of all. Default 1.
    pub weight: NonZeroU16,
}

/// Gateways of one rule, at most: one message is never tried more often.
pub const CANDIDATES_MAX: usize = 16;
/// Digits of an international number (E.164).
const PREFIX_MAX: usize = 15;
const WEIGHT_MAX: u16 = 10_000;
const DOWN_AFTER: Duration = Duration::from_secs(5);

impl Route {
    /// One route; `names` collects what is taken, right or wrong in the rest.
    pub(super) fn read(table: &mut Table<'_>, names: &mut HashSet<String>) -> Option<Route> {
        let name = table.required("name", value::text(TEXT_MAX));
        table.once("name", &name, names);
        let down_after = table.or("down_after_ms", DOWN_AFTER, value::millis(100..=3_600_000));
        let mut taken = Taken::default();
        if table.length("rules") == 0 {
            table.complain("rules", "needs at least one rule");
        }
        let rules = table.tables("rules", |table| Rule::read(table, &mut taken));
        Some(Route::new(name?, down_after, rules))
    }

    /// Rules that do not contradict each other.
    pub fn new(name: String, down_after: Duration, rules: Vec<Rule>) -> Route {
        let mut patterns = Vec::new();
        let mut prefixes: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            match &rule.destination {
                Match::Pattern(_) => patterns.push(place),
                Match::Prefix(prefix) => prefixes.entry(prefix.clone()).or_default().push(place),
            }
        }
        for places in prefixes.values_mut() {
            places.sort_by_key(|place| rules[*place].senders.is_empty());
        }
        Route {
            name,
            down_after,
            rules,
            patterns,
            prefixes,
        }
    }

    /// The place of the rule that decides; `None`: no rule is for this message.
    pub fn rule_for(&self, digits: &str, sender: &str) -> Option<usize> {
        let takes = |place: &&usize| self.rules[**place].takes_sender(sender);
        let matches = |place: &&usize| self.rules[**place].destination.takes(digits);
        if let Some(place) = self.patterns.iter().filter(takes).find(matches) {
            return Some(*place);
        }
        let lengths = (0..=digits.len().min(PREFIX_MAX)).rev();
        let with = lengths.filter_map(|length| self.prefixes.get(digits.get(..length)?));
        with.flatten().find(takes).copied()
    }
}

impl Rule {
    fn read(table: &mut Table<'_>, taken: &mut Taken) -> Option<Rule> {
        let (has_prefix, has_regex) = (table.has("prefix"), table.has("regex"));
        let destination = match (has_prefix, has_regex) {
            (true, true) => {
                let wrong = "contradicts `prefix`: a rule has one of them, or none";
                table.complain("regex", wrong);
                None
            }
            (_, true) => table.required("regex", pattern).map(Match::Pattern),
            (true, _) => table.required("prefix", prefix).map(Match::Prefix),
            (false, false) => Some(Match::Prefix(String::new())),
        };
        let senders = table.list("senders", value::text(TEXT_MAX));
        let to = table.tables("to", Target::read);
        let failover = table.list("failover", value::text(TEXT_MAX));
        let failover_on = table.list("failover_on", value::word);
        if table.length("to") == 0 {
            table.complain("to", "is required: at least one gateway");
        }
        check_candidates(table, &to, &failover, &failover_on);
        let rule = Rule {
            destination: destination?,
            senders,
            to,
            failover,
            failover_on,
        };
        taken.check(table, &rule);
        (!rule.to.is_empty()).then_some(rule)
    }

    pub fn takes_sender(&self, sender: &str) -> bool {
        self.senders.is_empty() || self.senders.iter().any(|s| bare(s) == bare(sender))
    }

    /// Every gateway that it names.
    pub fn gateways(&self) -> impl Iterator<Item = &str> {
        let to = self.to.iter().map(|target| target.gateway.as_str());
        to.chain(self.failover.iter().map(String::as_str))
    }

    /// Is for messages that no other rule is for.
    pub fn is_default(&self) -> bool {
        matches!(&self.destination, Match::Prefix(prefix) if prefix.is_empty())
    }
}

impl Match {
    pub fn takes(&self, digits: &str) -> bool {
        match self {
            Match::Prefix(prefix) => digits.starts_with(prefix),
            Match::Pattern(pattern) => pattern.is_match(digits),
        }
    }
}

impl Target {
    fn read(table: &mut Table<'_>) -> Option<Target> {
        let gateway = table.required("gateway", value::text(TEXT_MAX));
        let weight = table.or("weight", NonZeroU16::MIN, value::at_least_one(WEIGHT_MAX));
        Some(Target {
            gateway: gateway?,
            weight,
        })
    }
}

fn check_candidates(
    table: &mut Table<'_>,
    to: &[Target],
    failover: &[String],
    failover_on: &[RefusalClass],
) {
    let mut names = HashSet::new();
    for target in to {
        if !names.insert(&target.gateway) {
            table.complain("to", format!("names `{}` twice", target.gateway));
        }
    }
    for gateway in failover {
        if !names.insert(gateway) {
            let wrong = format!("names `{gateway}`, which the rule has already");
            table.complain(
                "failover",
                Wrong::new(wrong).hint("a gateway is tried once"),
            );
        }
    }
    if names.len() > CANDIDATES_MAX {
        let wrong = format!("has more than {CANDIDATES_MAX} gateways together with `failover`");
        table.complain("to", wrong);
    }
    if names.len() == 1 && !failover_on.is_empty() {
        table.complain("failover_on", "has no other gateway to try");
    }
}

/// What rules above have taken: a rule to which nothing is left is a mistake.
#[derive(Default)]
struct Taken(HashSet<Share>);

/// What a rule asks of the destination, and one of its senders; the empty one is any.
type Share = (&'static str, String, String);

impl Taken {
    fn check(&mut self, table: &mut Table<'_>, rule: &Rule) {
        let (key, text) = match &rule.destination {
            Match::Prefix(prefix) => ("prefix", prefix.as_str()),
            Match::Pattern(pattern) => ("regex", pattern.as_str()),
        };
        let share = |sender: &str| (key, text.to_owned(), bare(sender).to_owned());
        let mut shares: Vec<Share> = rule.senders.iter().map(|s| share(s)).collect();
        if shares.is_empty() {
            shares.push(share(""));
        }
        // Expressions are asked in their order: one for any sender leaves nothing to others.
        let all_taken = key == "regex" && self.0.contains(&share(""));
        if all_taken || shares.iter().all(|s| self.0.contains(s)) {
            let wrong = match rule.is_default() {
                true => "is never reached: there is a default rule above".to_owned(),
                false => format!("is never reached: a rule above has the same {key}"),
            };
            table.complain(key, wrong);
        } else if let Some((_, _, sender)) = shares.iter().find(|s| self.0.contains(s)) {
            let wrong = format!("has `{sender}`, which a rule above with the same {key} has");
            table.complain("senders", wrong);
        }
        if let Match::Pattern(pattern) = &rule.destination
            && rule.senders.is_empty()
            && pattern.matches_everything()
        {
            let wrong = "matches every number, so no prefix and no regex below is ever reached";
            let wrong = Wrong::new(wrong).hint("leave it out: the default rule has none");
            table.complain("regex", wrong);
        }
        self.0.extend(shares);
    }
}

/// Digits of a number's beginning, with or without `+`, given back without.
fn prefix(written: &Value) -> Result<String, Wrong> {
    let text = value::any_text(written)?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_digits = digits.bytes().all(|octet| octet.is_ascii_digit());
    if (1..=PREFIX_MAX).contains(&digits.len()) && is_digits && !digits.starts_with('0') {
        return Ok(digits.to_owned());
    }
    let wrong = Wrong::new("must be the first digits of an international number, at most 15");
    Err(wrong.hint("for example \"49\" or \"4915\""))
}

fn bare(address: &str) -> &str {
    address.strip_prefix('+').unwrap_or(address)
}

/// `gateway` or `route` of an account or a use case: exactly one of them. `routes` has the
/// names there are. None is always accompanied by a complaint.
pub(super) fn via(table: &mut Table<'_>, routes: &HashSet<String>) -> Option<Via> {
    match (table.has("gateway"), table.has("route")) {
        (true, true) => {
            table.complain("route", "contradicts `gateway`: there is one of them");
            None
        }
        (false, true) => {
            let known = |written: &Value| known(written, routes);
            table.required("route", known).map(Via::Route)
        }
        (true, false) => {
            let gateway = table.required("gateway", value::text(TEXT_MAX));
            gateway.map(Via::Gateway)
        }
        (false, false) => {
            let wrong = Wrong::new("is required").hint("`route` would do as well");
            table.complain("gateway", wrong);
            None
        }
    }
}

fn known(written: &Value, routes: &HashSet<String>) -> Result<String, Wrong> {
    let name = value::text(TEXT_MAX)(written)?;
    if routes.contains(&name) {
        return Ok(name);
    }
    let wrong = Wrong::new("names no route of `[[routes]]`");
    Err(match nearest(&name, routes.iter().map(String::as_str)) {
        Some(near) => wrong.hint(format!("did you mean \"{near}\"?")),
        None => wrong,
    })
}

impl Word for RefusalClass {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("unavailable", Self::Unavailable),
        ("rejected", Self::Rejected),
        ("invalid", Self::Invalid),
    ];
}
