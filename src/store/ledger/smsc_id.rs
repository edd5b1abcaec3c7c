//! Which message an upstream's id names, however the receipt spells it.
//!
//! A response's id is indexed in one normal form. A receipt's id is looked up in that
//! form, and, as the gateway's rule allows, read as hexadecimal or as decimal.

use crate::message::GatewayId;
use crate::store::intent::IdRule;
use hashbrown::DefaultHashBuilder;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// A form in which a receipt's id is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form<'a> {
    pub(super) text: Cow<'a, str>,
    /// Read in another base than it was written: the address has to fit, too.
    pub(super) converted: bool,
}

pub(super) fn hash(hasher: &DefaultHashBuilder, gateway: GatewayId, form: &str) -> u64 {
    hasher.hash_one((gateway, form))
}

/// Without blanks, leading zeros and the difference of case.
pub(super) fn normal(id: &str) -> Cow<'_, str> {
    let kept = kept(id);
    match kept.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(kept.to_ascii_lowercase()),
        false => Cow::Borrowed(kept),
    }
}

/// True when the id is of this normal form.
pub(super) fn is_normal_of(form: &str, id: &str) -> bool {
    let kept = kept(id).bytes().map(|b| b.to_ascii_lowercase());
    kept.eq(form.bytes())
}

fn kept(id: &str) -> &str {
    let trimmed = id.trim().trim_end_matches('\0');
    let digits = trimmed.trim_start_matches('0');
    match digits.is_empty() && !trimmed.is_empty() {
        true => "0",
        false => digits,
    }
}

/// The forms of a receipt's id, the most likely first; made only as far as they are
/// looked at.
pub(super) fn forms(id: &str, rule: IdRule) -> impl Iterator<Item = Form<'_>> {
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
        (text != plain).then_some(Form {
            text: text.into(),
            converted,
        })
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
        for id in [" 00B8BE19\0", "000", "a-1.5", "", "0"] {
            assert!(is_normal_of(&normal(id), id), "{id:?}");
            assert!(!is_normal_of("b8", id), "{id:?}");
        }
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
}
