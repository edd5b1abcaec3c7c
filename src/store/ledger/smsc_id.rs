//! Which message an upstream's id names, however the receipt spells it.
//!
//! A response's id is indexed in one normal form. A receipt's id is looked up in that
//! form, and, as the gateway's rule allows, read as hexadecimal or as decimal.

use crate::message::{GatewayId, MessageId};
use crate::store::intent::IdRule;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Segments by gateway and upstream id. Only hashes are kept: 64 keyed bits.
#[derive(Debug)]
pub(super) struct Correlations {
    hasher: DefaultHashBuilder,
    hits: HashTable<Hit>,
}

/// A segment that an upstream id means. There is one for each open segment, so it is packed:
/// 17 octets rather than 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    key: [u8; 8],
    message: [u8; 8],
    segment: u8,
}

/// A form in which a receipt's id is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) text: String,
    /// Read in another base than it was written: the address has to fit, too.
    pub(super) converted: bool,
}

impl Correlations {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Correlations {
        Correlations {
            hasher,
            hits: HashTable::new(),
        }
    }

    pub(super) fn insert(&mut self, gateway: GatewayId, id: &str, message: MessageId, segment: u8) {
        let key = hash(&self.hasher, gateway, &normal(id));
        let hit = Hit::new(key, message, segment);
        if self.hits.find(key, |known| *known == hit).is_none() {
            self.hits.insert_unique(key, hit, Hit::key);
        }
    }

    /// Takes out what the id means of this message.
    pub(super) fn remove(&mut self, gateway: GatewayId, id: &str, message: MessageId) {
        let key = hash(&self.hasher, gateway, &normal(id));
        let of_message = |hit: &Hit| hit.key() == key && hit.message() == message;
        while let Ok(hit) = self.hits.find_entry(key, of_message) {
            hit.remove();
        }
    }

    /// The segments that this form may mean. The upstream may have used one id for several;
    /// then in order of their acceptance.
    pub(super) fn find(&self, gateway: GatewayId, form: &Form) -> Vec<(MessageId, u8)> {
        let key = hash(&self.hasher, gateway, &form.text);
        let hits = self.hits.iter_hash(key).filter(|hit| hit.key() == key);
        let mut found: Vec<_> = hits.map(|hit| (hit.message(), hit.segment)).collect();
        found.sort_unstable();
        found
    }
}

impl Hit {
    fn new(key: u64, message: MessageId, segment: u8) -> Hit {
        Hit {
            key: key.to_ne_bytes(),
            message: message.0.to_ne_bytes(),
            segment,
        }
    }

    fn key(&self) -> u64 {
        u64::from_ne_bytes(self.key)
    }

    fn message(&self) -> MessageId {
        MessageId(u64::from_ne_bytes(self.message))
    }
}

pub(super) fn hash(hasher: &DefaultHashBuilder, gateway: GatewayId, form: &str) -> u64 {
    hasher.hash_one((gateway, form))
}

/// Without blanks, leading zeros and the difference of case.
pub(super) fn normal(id: &str) -> String {
    let trimmed = id.trim().trim_end_matches('\0');
    let digits = trimmed.trim_start_matches('0');
    let kept = if digits.is_empty() && !trimmed.is_empty() {
        "0"
    } else {
        digits
    };
    kept.to_ascii_lowercase()
}

/// The forms of a receipt's id, the most likely first; made only as far as they are
/// looked at.
pub(super) fn forms(id: &str, rule: IdRule) -> impl Iterator<Item = Form> {
    #[derive(Clone, Copy)]
    enum Reading {
        Plain,
        AsHex,
        AsDec,
    }
    // Where the operator named the reading, no further proof is asked.
    let (readings, doubtful): (&[Reading], bool) = match rule {
        IdRule::Same => (&[Reading::Plain], false),
        IdRule::Auto => (&[Reading::Plain, Reading::AsHex, Reading::AsDec], true),
        IdRule::HexToDec => (&[Reading::AsHex, Reading::Plain], false),
        IdRule::DecToHex => (&[Reading::AsDec, Reading::Plain], false),
    };
    let plain = normal(id);
    readings.iter().filter_map(move |reading| {
        let (text, converted) = match reading {
            Reading::Plain => {
                return Some(Form {
                    text: plain.clone(),
                    converted: false,
                });
            }
            Reading::AsHex => (convert(&plain, 10, 16)?, doubtful),
            Reading::AsDec => (convert(&plain, 16, 10)?, doubtful),
        };
        (text != plain).then_some(Form { text, converted })
    })
}

/// Digits of an id that are still converted; more than any upstream uses.
const CONVERTED_DIGITS_MAX: usize = 80;

/// A number of any size written in another base; `None` when it is not one.
fn convert(digits: &str, from: u32, to: u32) -> Option<String> {
    if digits.is_empty() || digits.len() > CONVERTED_DIGITS_MAX {
        return None;
    }
    // Least significant digit first.
    let mut out: Vec<u32> = vec![0];
    for c in digits.chars() {
        let mut carry = c.to_digit(from)?;
        for d in &mut out {
            let v = *d * from + carry;
            *d = v % to;
            carry = v / to;
        }
        while carry > 0 {
            out.push(carry % to);
            carry /= to;
        }
    }
    while out.len() > 1 && out.last() == Some(&0) {
        out.pop();
    }
    out.iter().rev().map(|d| char::from_digit(*d, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_case_do_not_matter() {
        assert_eq!(normal(" 00B8BE19\0"), "b8be19");
        assert_eq!(normal("000"), "0");
        assert_eq!(normal("a-1.5"), "a-1.5");
    }

    #[test]
    fn numbers_of_any_size_are_converted() {
        assert_eq!(convert("59113978", 10, 16).as_deref(), Some("38601fa"));
        assert_eq!(convert("38601fa", 16, 10).as_deref(), Some("59113978"));
        assert_eq!(
            convert("18446744073709551617", 10, 16).as_deref(),
            Some("10000000000000001")
        );
        assert_eq!(convert("12g", 16, 10), None);
        assert_eq!(convert("", 10, 16), None);
    }

    #[test]
    fn the_rule_says_which_forms_are_tried() {
        let texts = |id, rule| forms(id, rule).map(|f| f.text).collect::<Vec<_>>();
        assert_eq!(texts("0010", IdRule::Same), ["10"]);
        assert_eq!(texts("0010", IdRule::Auto), ["10", "a", "16"]);
        assert_eq!(texts("10", IdRule::HexToDec), ["a", "10"]);
        assert_eq!(texts("10", IdRule::DecToHex), ["16", "10"]);
        assert_eq!(texts("x-1", IdRule::Auto), ["x-1"]);
    }

    #[test]
    fn an_id_used_twice_keeps_both_messages() {
        let mut c = Correlations::new(DefaultHashBuilder::default());
        let g = GatewayId(1);
        c.insert(g, "7", MessageId(1), 1);
        c.insert(g, "7", MessageId(2), 1);
        c.insert(GatewayId(2), "7", MessageId(3), 1);
        let form = Form {
            text: "7".into(),
            converted: false,
        };
        assert_eq!(c.find(g, &form), [(MessageId(1), 1), (MessageId(2), 1)]);
        c.remove(g, "7", MessageId(1));
        assert_eq!(c.find(g, &form), [(MessageId(2), 1)]);
        c.remove(g, "7", MessageId(2));
        assert!(c.find(g, &form).is_empty());
    }
}
