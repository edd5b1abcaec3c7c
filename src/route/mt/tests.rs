use super::*;
use crate::config;
use std::collections::BTreeMap;

fn route(rules: &str) -> Route {
    let text = format!("[[routes]]\nname = \"r\"\n{rules}");
    let config = config::parse("test", &text, &|_| None).unwrap_or_else(|e| panic!("{e}"));
    config.routes.into_iter().next().unwrap()
}

fn ask(destination: &str) -> Ask<'_> {
    Ask {
        destination,
        sender: "Brand",
    }
}

fn all_up(_: &str) -> Standing {
    Standing::Up
}

fn chosen<'r>(route: &'r Route, destination: &str) -> Option<&'r str> {
    decide(route, ask(destination), all_up)?.chosen()
}

const PREFIXES: &str = r#"
    [[routes.rules]]
    to = [{ gateway = "world" }]
    [[routes.rules]]
    prefix = "49"
    to = [{ gateway = "de" }]
    [[routes.rules]]
    prefix = "+4915"
    to = [{ gateway = "de-mobile" }]
    [[routes.rules]]
    prefix = "49"
    senders = ["Brand", "+491777"]
    to = [{ gateway = "de-brand" }]
    [[routes.rules]]
    regex = "^4917[0-9]0"
    to = [{ gateway = "odd" }]
    [[routes.rules]]
    regex = "^49170"
    to = [{ gateway = "odder" }]
"#;

#[test]
fn the_longest_prefix_wins_a_regex_goes_before_and_a_sender_within() {
    let route = route(PREFIXES);
    for (destination, sender, gateway) in [
        ("+393401234567", "Brand", "world"),
        ("+4930123456", "Other", "de"),
        ("+4930123456", "Brand", "de-brand"),
        ("+4930123456", "491777", "de-brand"),
        ("+4915112345678", "Brand", "de-mobile"),
        ("4915112345678", "Brand", "de-mobile"),
        ("004915112345678", "Brand", "de-mobile"),
        ("+49 (151) 123-456", "Brand", "de-mobile"),
        ("+4917001234567", "Brand", "odd"),
        ("+4917011234567", "Brand", "odder"),
        ("+4", "Brand", "world"),
        ("", "Brand", "world"),
    ] {
        let ask = Ask {
            destination,
            sender,
        };
        let decision = decide(&route, ask, all_up).unwrap();
        assert_eq!(decision.chosen(), Some(gateway), "{destination} {sender}");
    }
}

#[test]
fn every_rule_says_why_it_does_not_decide() {
    use RuleFate::*;
    let route = route(PREFIXES);
    for (destination, fates) in [
        (
            "+4930123456",
            [
                ShorterPrefix,
                AnySender,
                OtherDestination,
                Decides,
                OtherDestination,
                OtherDestination,
            ],
        ),
        (
            "+4917001234567",
            [
                LaterThanRegex,
                LaterThanRegex,
                OtherDestination,
                LaterThanRegex,
                Decides,
                LaterThanRegex,
            ],
        ),
    ] {
        assert_eq!(rule_fates(&route, ask(destination)), fates, "{destination}");
    }
    let other = Ask {
        destination: "+4930123456",
        sender: "Other",
    };
    assert_eq!(rule_fates(&route, other)[3], OtherSender);
}

#[test]
fn a_message_that_no_rule_is_for_has_no_way() {
    let route = route("[[routes.rules]]\nprefix = \"49\"\nto = [{ gateway = \"de\" }]");
    assert_eq!(decide(&route, ask("+393401234567"), all_up), None);
    assert_eq!(
        rule_fates(&route, ask("+393401234567")),
        [RuleFate::OtherDestination]
    );
}

const WEIGHTS: &str = r#"
    [[routes.rules]]
    to = [{ gateway = "a", weight = 70 }, { gateway = "b", weight = 20 }, { gateway = "c", weight = 10 }]
    failover = ["d", "e"]
"#;

fn shares(route: &Route, standing: impl Fn(&str) -> Standing) -> BTreeMap<&str, u32> {
    let mut shares = BTreeMap::new();
    for number in 0..100_000 {
        let destination = format!("+4915110{number:05}");
        let decision = decide(route, ask(&destination), &standing).unwrap();
        *shares.entry(decision.chosen().unwrap()).or_default() += 1;
    }
    shares
}

/// The numbers are exact: a change of them moves destinations from gateway to gateway.
#[test]
fn destinations_are_shared_by_weight_and_keep_their_gateway() {
    let route = route(WEIGHTS);
    let expected = BTreeMap::from([("a", 70_192), ("b", 19_871), ("c", 9_937)]);
    assert_eq!(shares(&route, all_up), expected);
    for (destination, gateway) in [
        ("+4915112345678", "a"),
        ("+4915112345679", "a"),
        ("+393401234567", "c"),
    ] {
        assert_eq!(chosen(&route, destination), Some(gateway), "{destination}");
    }
}

#[test]
fn those_of_a_gateway_that_is_down_are_shared_by_the_others_weights() {
    let route = route(WEIGHTS);
    let without_a = |name: &str| match name {
        "a" => Standing::Down,
        _ => Standing::Up,
    };
    let found = shares(&route, without_a);
    assert_eq!(found.len(), 2);
    assert!((66_000..67_300).contains(&found["b"]), "{found:?}");
    // Whoever had b or c still has it.
    for number in 0..1000 {
        let destination = format!("+4915110{number:05}");
        let before = chosen(&route, &destination).unwrap();
        let decision = decide(&route, ask(&destination), without_a).unwrap();
        assert!(before == "a" || decision.chosen() == Some(before));
    }
}

fn fates(route: &Route, standing: impl Fn(&str) -> Standing) -> BTreeMap<&str, Fate> {
    let decision = decide(route, ask("+4915112345678"), standing).unwrap();
    let candidates = decision.candidates.into_iter();
    candidates.map(|c| (c.gateway, c.fate)).collect()
}

#[test]
fn every_gateway_says_why_it_is_not_chosen() {
    let route = route(WEIGHTS);
    let standing = |name: &str| match name {
        "a" => Standing::Unknown,
        "b" => Standing::Disabled,
        "c" => Standing::Down,
        "d" => Standing::Up,
        _ => Standing::Up,
    };
    let expected = BTreeMap::from([
        ("a", Fate::Not(Standing::Unknown)),
        ("b", Fate::Not(Standing::Disabled)),
        ("c", Fate::Not(Standing::Down)),
        ("d", Fate::Chosen),
        ("e", Fate::Behind),
    ]);
    assert_eq!(fates(&route, standing), expected);
    let standing = |name: &str| match name {
        "a" => Standing::Tried,
        "b" => Standing::Unfit("it is too long"),
        "e" => Standing::Down,
        _ => Standing::Disabled,
    };
    assert_eq!(fates(&route, standing)["e"], Fate::Chosen);
    assert_eq!(fates(&route, standing)["a"], Fate::Not(Standing::Tried));
    assert_eq!(fates(&route, standing)["a"].name(), "loop_guard");
    let decision = decide(&route, ask("1"), |_| Standing::Disabled).unwrap();
    assert_eq!(decision.chosen(), None);
}

#[test]
fn failover_comes_after_all_targets_in_its_order() {
    let route = route(WEIGHTS);
    for number in 0..100 {
        let destination = format!("+4915110{number:05}");
        let decision = decide(&route, ask(&destination), all_up).unwrap();
        let names: Vec<&str> = decision.candidates.iter().map(|c| c.gateway).collect();
        assert_eq!(names[3..], ["d", "e"]);
        let weights: Vec<Option<u16>> = decision.candidates.iter().map(|c| c.weight).collect();
        assert_eq!(weights[3..], [None, None]);
        assert!(weights[..3].iter().all(Option::is_some));
    }
}
