//! `meta.smpp` of one gateway: JSON from the API, made into typed settings on top of `[smpp]`.
//! `meta` belongs to the client: members we do not know are left alone; those we know must be
//! right. `meta.http` and `meta.twilio` are read the same way, in `http`.

mod http;

use std::path::PathBuf;

use serde_json::Value as Json;

pub use self::http::{HttpSettings, TwilioSettings};
use super::{
    node::{Entry, Node, Value},
    smpp::SmppDefaults,
    table::{Findings, Table},
    value::{self, TEXT_MAX, Word, Wrong},
};

/// Everything a gateway's binds, submits and receipts need to know about this one SMSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmppSettings {
    /// `[smpp]` with this gateway's own values.
    pub link: SmppDefaults,
    /// In which directions its connections are bound. Default "trx": one carries both.
    pub bind: BindMode,
    /// How an id in a receipt becomes the id of a response. Default "auto": each way is tried.
    pub receipt_id: ReceiptId,
    /// What becomes of a `submit_sm` whose fate is unknown. Default "resend": a possible duplicate
    /// rather than a loss.
    pub on_unknown: OnUnknown,
    /// `data_coding` of GSM text. Default 0, the SMSC's default alphabet, which nearly always is
    /// GSM.
    pub data_coding_gsm7: u8,
    /// How parts of a long text are marked. Default "udh": understood by every SMSC and handset.
    pub concat: Concat,
    /// Type of number of the source address. None is "auto", the default: from the look of the
    /// address.
    pub source_ton: Option<u8>,
    /// Numbering plan of the source address; None as above.
    pub source_npi: Option<u8>,
    /// Type of number of the destination address; None as above.
    pub dest_ton: Option<u8>,
    /// Numbering plan of the destination address; None as above.
    pub dest_npi: Option<u8>,
    /// What `data_coding` 0 means in messages from handsets. Default "auto": told from the octets.
    pub default_alphabet_mo: AlphabetMo,
    /// `address_range` of the bind, at most 40 octets. Default empty: the SMSC knows which numbers
    /// are ours.
    pub address_range: String,
    /// For gateways with `use_ssl`.
    pub tls: GatewayTls,
}

/// How the peer's certificate is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayTls {
    /// `tls_server_name`: the name the certificate must have. None: `server_host`.
    pub server_name: Option<String>,
    /// `tls_ca_file`: PEM file of certificates trusted here beside those of the system and
    /// `tls.ca_file`.
    pub ca_file: Option<PathBuf>,
    /// `tls_pin_sha256`: SHA-256 of the peer's own certificate (DER), 64 hexadecimal digits, colons
    /// allowed. None: any certificate that is trusted.
    pub pin_sha256: Option<[u8; 32]>,
}

/// In which directions a gateway's connections are bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindMode {
    /// Each is a transceiver.
    Transceiver,
    /// Pairs of a transmitter and a receiver, for an SMSC that knows no transceiver.
    Pair,
}

/// How an id in a receipt becomes the id of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptId {
    /// Exact, then without regard to case and leading zeros, then both conversions.
    Auto,
    /// No conversion.
    Same,
    /// Hexadecimal in the response, decimal in the receipt.
    HexToDec,
    /// Decimal in the response, hexadecimal in the receipt.
    DecToHex,
}

/// What becomes of a `submit_sm` that was sent and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// Sent once more after the re-bind.
    Resend,
    /// Waits for late evidence, or for an operator.
    Hold,
    /// Failed, until evidence says otherwise.
    Fail,
}

/// How parts of a long text are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concat {
    /// A user data header in each part.
    Udh,
    /// The TLVs `sar_msg_ref_num`, `sar_total_segments` and `sar_segment_seqnum`.
    Sar,
    /// Not at all: the whole text in `message_payload`, for the SMSC to split.
    Payload,
}

/// What `data_coding` 0 means in messages from handsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlphabetMo {
    Auto,
    /// GSM 03.38, one septet an octet.
    Gsm,
    /// GSM 03.38, eight septets in seven octets.
    GsmPacked,
    Latin1,
    Windows1252,
    Ascii,
    Utf8,
}

impl SmppSettings {
    /// The settings of a gateway whose `meta` says nothing about SMPP.
    pub fn new(link: SmppDefaults) -> Self {
        Self {
            link,
            bind: BindMode::Transceiver,
            receipt_id: ReceiptId::Auto,
            on_unknown: OnUnknown::Resend,
            data_coding_gsm7: 0,
            concat: Concat::Udh,
            source_ton: None,
            source_npi: None,
            dest_ton: None,
            dest_npi: None,
            default_alphabet_mo: AlphabetMo::Auto,
            address_range: String::new(),
            tls: GatewayTls::default(),
        }
    }

    /// `meta` is the gateway's whole `meta`. The paths of mistakes begin with `meta.smpp`.
    pub fn from_meta(defaults: &SmppDefaults, meta: Option<&Json>) -> Result<Self, Mistakes> {
        read_member(meta, "smpp", |table| Self::read(table, defaults))
    }

    /// Members of `meta.smpp` that are passed over, each with what was probably meant: a slip
    /// would go unnoticed.
    pub fn unknown(meta: Option<&Json>) -> Vec<String> {
        let unknown = read_member(meta, "smpp", |table| {
            Self::read(table, &SmppDefaults::default());
            let told = |(entry, hint): (&Entry, Option<String>)| match hint {
                Some(hint) => format!("{}; {hint}", entry.key),
                None => entry.key.clone(),
            };
            table.unknown().into_iter().map(told).collect()
        });
        unknown.unwrap_or_default()
    }

    /// The names that `meta.smpp` may have.
    #[cfg(test)]
    pub(crate) fn keys() -> Vec<String> {
        let mut findings = Findings::default();
        let nothing = Node::from_json(&Json::Object(serde_json::Map::new()));
        let mut table = Table::new(&nothing, "", &|_| None, &mut findings);
        Self::read(&mut table, &SmppDefaults::default());
        let mut keys: Vec<String> = findings.keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn read(table: &mut Table<'_>, defaults: &SmppDefaults) -> Self {
        let default = Self::new(SmppDefaults::read(table, defaults));
        Self {
            link: default.link,
            bind: table.or("bind", default.bind, value::word),
            receipt_id: table.or("receipt_id", default.receipt_id, value::word),
            on_unknown: table.or("on_unknown", default.on_unknown, value::word),
            data_coding_gsm7: table.or(
                "data_coding_gsm7",
                default.data_coding_gsm7,
                value::whole(0..=255),
            ),
            concat: table.or("concat", default.concat, value::word),
            source_ton: table.or("source_ton", default.source_ton, number_or_auto),
            source_npi: table.or("source_npi", default.source_npi, number_or_auto),
            dest_ton: table.or("dest_ton", default.dest_ton, number_or_auto),
            dest_npi: table.or("dest_npi", default.dest_npi, number_or_auto),
            default_alphabet_mo: table.or(
                "default_alphabet_mo",
                default.default_alphabet_mo,
                value::word,
            ),
            address_range: table.or("address_range", default.address_range, value::ascii(40)),
            tls: GatewayTls {
                server_name: table.optional("tls_server_name", value::text(TEXT_MAX)),
                ca_file: table.optional("tls_ca_file", value::path),
                pin_sha256: table.optional("tls_pin_sha256", sha256),
            },
        }
    }
}

/// Every mistake in a gateway's `meta`, as (path of the member, sentence).
pub type Mistakes = Vec<(String, String)>;

/// Reads one member of `meta`, an object or nothing.
fn read_member<T>(
    meta: Option<&Json>,
    name: &str,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> Result<T, Mistakes> {
    let member = meta.and_then(|meta| meta.get(name));
    let node = Node::from_json(member.unwrap_or(&Json::Null));
    let path = format!("meta.{name}");
    if !matches!(node.value, Value::Table(_) | Value::Null) {
        let wrong = Wrong::not("an object", &node.value);
        return Err(vec![(path, wrong.message)]);
    }
    let mut findings = Findings::default();
    let settings = read(&mut Table::new(&node, &path, &|_| None, &mut findings));
    if findings.complaints.is_empty() {
        return Ok(settings);
    }
    let complaints = findings.complaints.into_iter();
    Err(complaints
        .map(|complaint| match complaint.hint {
            Some(hint) => (complaint.key, format!("{}; {hint}", complaint.message)),
            None => (complaint.key, complaint.message),
        })
        .collect())
}

/// A field of one octet, or the word "auto" (None).
fn number_or_auto(written: &Value) -> Result<Option<u8>, Wrong> {
    match written {
        Value::Text(text) if text == "auto" => Ok(None),
        Value::Text(_) => Err("must be \"auto\" or a number between 0 and 255".into()),
        _ => value::whole(0..=255)(written).map(Some),
    }
}

/// 64 hexadecimal digits, with or without colons between them.
fn sha256(written: &Value) -> Result<[u8; 32], Wrong> {
    let digits: Option<Vec<u8>> = value::any_text(written)?
        .chars()
        .filter(|character| *character != ':')
        .map(|character| {
            character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let octets = digits.map(|digits| {
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit))
            .collect()
    });
    octets
        .and_then(|octets: Vec<u8>| octets.try_into().ok())
        .ok_or_else(|| "must be 64 hexadecimal digits, with or without colons".into())
}

impl Word for BindMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("trx", Self::Transceiver), ("tx_rx", Self::Pair)];
}

impl Word for ReceiptId {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("same", Self::Same),
        ("hex_to_dec", Self::HexToDec),
        ("dec_to_hex", Self::DecToHex),
    ];
}

impl Word for OnUnknown {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("resend", Self::Resend),
        ("hold", Self::Hold),
        ("fail", Self::Fail),
    ];
}

impl Word for Concat {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("udh", Self::Udh),
        ("sar", Self::Sar),
        ("payload", Self::Payload),
    ];
}

impl Word for AlphabetMo {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("gsm", Self::Gsm),
        ("gsm-packed", Self::GsmPacked),
        ("latin1", Self::Latin1),
        ("windows-1252", Self::Windows1252),
        ("ascii", Self::Ascii),
        ("utf-8", Self::Utf8),
    ];
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn read(meta: Json) -> Result<SmppSettings, Vec<(String, String)>> {
        SmppSettings::from_meta(&SmppDefaults::default(), Some(&meta))
    }

    #[test]
    fn a_meta_that_says_nothing_gives_the_defaults() {
        let defaults = SmppDefaults::default();
        let expected = SmppSettings::new(defaults.clone());
        assert_eq!(SmppSettings::from_meta(&defaults, None).unwrap(), expected);
        for meta in [
            json!({}),
            json!(null),
            json!([1]),
            json!("text"),
            json!({ "smpp": null }),
            json!({ "smpp": {} }),
            json!({ "smpp": { "window": null, "tls_ca_file": "", "their_own": [{}] } }),
        ] {
            assert_eq!(read(meta.clone()).unwrap(), expected, "{meta}");
        }
    }

    #[test]
    fn a_gateway_says_its_own_values_and_inherits_the_rest() {
        let pin = "AB:".repeat(31) + "cd";
        let settings = read(json!({ "smpp": {
            "bind": "tx_rx", "binds": 2, "window": 50, "throughput": 100, "system_type": "SMPP",
            "receipt_id": "hex_to_dec", "on_unknown": "hold", "validity_s": 3600,
            "data_coding_gsm7": 1, "concat": "sar", "source_ton": 5, "source_npi": "auto",
            "dest_ton": 1, "dest_npi": 1, "enquire_link_s": 15, "response_timeout_s": 60,
            "reconnect_initial_ms": 500, "reconnect_max_ms": 5000,
            "default_alphabet_mo": "gsm-packed", "interface_version": "0x50",
            "address_range": "^49", "tls_server_name": "smsc.example", "tls_pin_sha256": pin,
        }}))
        .unwrap();
        assert_eq!(settings.link.window.get(), 50);
        assert_eq!(settings.link.throughput.unwrap().get(), 100);
        assert_eq!(settings.link.validity, Duration::from_secs(3600));
        assert_eq!(settings.link.interface_version, 0x50);
        assert_eq!(
            settings.link.bind_timeout,
            SmppDefaults::default().bind_timeout
        );
        assert_eq!(settings.bind, BindMode::Pair);
        assert_eq!(settings.receipt_id, ReceiptId::HexToDec);
        assert_eq!(settings.on_unknown, OnUnknown::Hold);
        assert_eq!(settings.concat, Concat::Sar);
        assert_eq!((settings.source_ton, settings.source_npi), (Some(5), None));
        assert_eq!(settings.default_alphabet_mo, AlphabetMo::GsmPacked);
        let pin = settings.tls.pin_sha256.unwrap();
        assert_eq!((pin[0], pin[31]), (0xab, 0xcd));
    }

    #[test]
    fn a_member_that_is_passed_over_is_told() {
        let meta = json!({ "smpp": { "windw": 5, "colour": 1, "window": 5 }, "windw": 1 });
        let told = SmppSettings::unknown(Some(&meta));
        assert_eq!(told, ["windw; did you mean `window`?", "colour"]);
        assert!(SmppSettings::unknown(None).is_empty());
    }

    #[test]
    fn every_mistake_in_meta_is_named_with_its_path() {
        let wrong = read(json!({ "smpp": {
            "bind": "rx", "window": 0, "binds": "two", "receipt_id": "same ", "source_ton": 256,
            "dest_npi": "national", "concat": true, "system_type": "thirteen octe",
            "tls_pin_sha256": "abc", "interface_version": "3.4", "reconnect_max_ms": 10,
            "validity_s": 1.5, "throughput": 18_446_744_073_709_551_615_u64,
        }}))
        .unwrap_err();
        let paths: Vec<&str> = wrong.iter().map(|(path, _)| path.as_str()).collect();
        for key in [
            "bind",
            "window",
            "binds",
            "receipt_id",
            "source_ton",
            "dest_npi",
            "concat",
            "system_type",
            "tls_pin_sha256",
            "interface_version",
            "reconnect_max_ms",
            "validity_s",
            "throughput",
        ] {
            assert!(
                paths.contains(&format!("meta.smpp.{key}").as_str()),
                "{key}: {wrong:?}"
            );
        }
        assert_eq!(wrong.len(), 13, "{wrong:?}");
        assert_eq!(read(json!({ "smpp": 5 })).unwrap_err()[0].0, "meta.smpp");
    }

    #[test]
    fn no_value_of_any_member_panics() {
        let keys = SmppSettings::keys();
        for key in &keys {
            for odd in [
                json!(""),
                json!("é"),
                json!(-1),
                json!(0),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(1e300),
                json!(true),
                json!([]),
                json!({ "a": [null] }),
            ] {
                let mut smpp = serde_json::Map::new();
                smpp.insert(key.clone(), odd);
                let _ = read(json!({ "smpp": smpp }));
            }
        }
        assert!(keys.len() > 30);
    }
}
