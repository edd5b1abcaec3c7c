//! What is said about `meta.smpp`. Whoever enforces it is the configuration's reader of the same
//! keys; a test holds each limit here against it.

use serde_json::{Map, Value};

use crate::openapi::Schema;

/// Whole numbers: name, least, most, what it is.
const NUMBERS: [(&str, i64, i64, &str); 17] = [
    ("window", 1, 65_535, "Requests outstanding on one bind."),
    ("binds", 1, 100, "Connections."),
    (
        "throughput",
        0,
        1_000_000,
        "`submit_sm` a second; 0 is no limit.",
    ),
    (
        "enquire_link_s",
        1,
        3600,
        "Silence before the peer is asked whether it is there.",
    ),
    ("enquire_link_timeout_s", 1, 300, "Wait for its answer."),
    (
        "enquire_link_misses",
        1,
        20,
        "Missing answers before the connection counts as dead.",
    ),
    (
        "response_timeout_s",
        1,
        3600,
        "A submit without its response by then is in doubt.",
    ),
    ("bind_timeout_s", 1, 300, "Wait for the bind's response."),
    ("connect_timeout_s", 1, 300, "Wait for TCP and TLS."),
    ("unbind_timeout_s", 1, 60, "Wait for the unbind's response."),
    (
        "reconnect_initial_ms",
        10,
        600_000,
        "Wait after the first failed attempt to bind.",
    ),
    (
        "reconnect_max_ms",
        10,
        3_600_000,
        "No wait is longer; not less than the first.",
    ),
    (
        "validity_s",
        1,
        5_443_200,
        "How long a message may be tried.",
    ),
    ("max_pdu", 1024, 16_777_216, "Octets of the largest PDU."),
    (
        "deliver_inflight_max",
        1,
        1_000_000,
        "`deliver_sm` taken and not yet durable.",
    ),
    (
        "data_coding_gsm7",
        0,
        255,
        "The data_coding of text in the GSM alphabet.",
    ),
    (
        "interface_version",
        0x30,
        0x50,
        "Of the bind; 0x34 is SMPP 3.4.",
    ),
];

/// One of a few words.
const WORDS: [(&str, &[&str]); 5] = [
    ("bind", &["trx", "tx_rx"]),
    ("receipt_id", &["auto", "same", "hex_to_dec", "dec_to_hex"]),
    ("on_unknown", &["resend", "hold", "fail"]),
    ("concat", &["udh", "sar", "payload"]),
    (
        "default_alphabet_mo",
        &[
            "auto",
            "gsm",
            "gsm-packed",
            "latin1",
            "windows-1252",
            "ascii",
            "utf-8",
        ],
    ),
];

/// TON and NPI: an octet, or `auto`.
const OCTETS: [&str; 4] = ["source_ton", "source_npi", "dest_ton", "dest_npi"];

/// Texts: name, pattern.
const TEXTS: [(&str, &str); 5] = [
    ("system_type", "^[ -~]{0,12}$"),
    ("address_range", "^[ -~]{0,40}$"),
    ("tls_server_name", r"^[^\u0000-\u001f\u007f-\u009f]{0,255}$"),
    ("tls_ca_file", r"^[^\u0000-\u001f\u007f-\u009f]{0,4095}$"),
    ("tls_pin_sha256", "^(:*([0-9A-Fa-f]:*){64})?$"),
];

/// The member `smpp` of `meta`.
pub(super) fn smpp() -> Schema {
    let members: Map<String, Value> = members()
        .map(|(name, schema)| (name.to_owned(), schema.or_null().into()))
        .collect();
    Schema::tree().with("properties", members).or_null().says(
        "Of a gateway of type `smpp`: what is not said is taken from the configuration's `[smpp]`.",
    )
}

fn members() -> impl Iterator<Item = (&'static str, Schema)> {
    let numbers = NUMBERS
        .iter()
        .map(|(name, least, most, says)| (*name, Schema::integer(*least..=*most).says(*says)));
    let words = WORDS
        .iter()
        .map(|(name, words)| (*name, Schema::words(words.iter().copied())));
    let octet = || Schema::any_of([Schema::integer(0..=255), Schema::words(["auto"])]);
    let octets = OCTETS.iter().map(move |name| (*name, octet()));
    let texts = TEXTS
        .iter()
        .map(|(name, pattern)| (*name, Schema::string().pattern(*pattern)));
    numbers.chain(words).chain(octets).chain(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SmppDefaults;
    use crate::config::gateway::SmppSettings;
    use serde_json::json;

    /// Whether the rules take a member of this value.
    fn takes(name: &str, value: &Value) -> bool {
        let mut smpp = json!({ "reconnect_initial_ms": 10, "reconnect_max_ms": 3_600_000 });
        smpp[name] = value.clone();
        let meta = json!({ "smpp": smpp });
        SmppSettings::from_meta(&SmppDefaults::default(), Some(&meta)).is_ok()
    }

    #[test]
    fn limits_are_those_of_the_rules() {
        for (name, least, most, _) in NUMBERS {
            assert!(
                takes(name, &json!(least)) && takes(name, &json!(most)),
                "{name}"
            );
            assert!(
                !takes(name, &json!(least - 1)) && !takes(name, &json!(most + 1)),
                "{name}"
            );
        }
        for name in OCTETS {
            for good in [json!(0), json!(255), json!("auto")] {
                assert!(takes(name, &good), "{name} {good}");
            }
            assert!(
                !takes(name, &json!(256)) && !takes(name, &json!("1")),
                "{name}"
            );
        }
        for (name, words) in WORDS {
            assert!(words.iter().all(|word| takes(name, &json!(word))), "{name}");
            assert!(!takes(name, &json!("loud")), "{name}");
        }
        let x = |n: usize| json!("x".repeat(n));
        for (name, most) in [
            ("system_type", 12),
            ("address_range", 40),
            ("tls_server_name", 255),
            ("tls_ca_file", 4095),
        ] {
            assert!(
                takes(name, &x(most)) && !takes(name, &x(most + 1)),
                "{name}"
            );
            assert!(
                takes(name, &x(0)) && !takes(name, &json!("a\u{7}")),
                "{name}"
            );
        }
        let pin = "tls_pin_sha256";
        assert!(takes(pin, &json!("0f:".repeat(32))) && !takes(pin, &json!("0f".repeat(33))));
    }

    #[test]
    fn every_key_of_the_rules_is_described() {
        let described: Vec<&str> = members().map(|(name, _)| name).collect();
        let read = SmppSettings::keys();
        assert_eq!(read.len(), described.len(), "{read:?}");
        assert!(
            read.iter().all(|key| described.contains(&key.as_str())),
            "{read:?}"
        );
    }
}
