//! One message id, written in several ways.
//!
//! SMSCs give an id in `submit_sm_resp` and write it another way in the receipt: with zeros in
//! front, in capitals, or in the other number base. Ids stay text everywhere; they are read as
//! numbers only here, to find their counterpart, and never as machine integers alone, since ids of
//! 20 and more digits are common.

use crate::c_octet_string::COctetString;

/// Digits of the longest id that is converted, in either base.
const DIGITS_MAX: usize = 78;

/// The spelling that ids differing in blanks, case and leading zeros have in common.
#[must_use]
pub fn canonical(id: &COctetString) -> COctetString {
    let text = id.as_bytes().trim_ascii();
    let zeros = text.iter().take_while(|octet| **octet == b'0').count();
    // An id of nothing but zeros keeps one.
    let digits = &text[zeros.min(text.len().saturating_sub(1))..];
    if digits == id.as_bytes() && !digits.iter().any(u8::is_ascii_uppercase) {
        return id.clone();
    }
    COctetString::from_bytes(digits.to_ascii_lowercase().into())
}

/// The id read as hexadecimal and written as decimal, in canonical spelling. `None` unless it is
/// hexadecimal digits only, at most 64 of them.
#[must_use]
pub fn hex_to_dec(id: &COctetString) -> Option<COctetString> {
    convert(id, 16, 10).filter(|_| canonical(id).len() <= 64)
}

/// The id read as decimal and written as hexadecimal, in canonical spelling. `None` unless it is
/// decimal digits only, at most 78 of them.
#[must_use]
pub fn dec_to_hex(id: &COctetString) -> Option<COctetString> {
    convert(id, 10, 16)
}

fn convert(id: &COctetString, from: u32, to: u32) -> Option<COctetString> {
    let id = canonical(id);
    if id.is_empty() || id.len() > DIGITS_MAX {
        return None;
    }
    // Digits of the result, the least significant first.
    let mut result: Vec<u32> = Vec::with_capacity(DIGITS_MAX);
    for octet in id.as_bytes() {
        let mut carry = char::from(*octet).to_digit(from)?;
        for digit in &mut result {
            let value = *digit * from + carry;
            *digit = value % to;
            carry = value / to;
        }
        while carry > 0 {
            result.push(carry % to);
            carry /= to;
        }
    }
    if result.is_empty() {
        result.push(0);
    }
    let digits = result
        .iter()
        .rev()
        .filter_map(|digit| char::from_digit(*digit, to));
    Some(COctetString::from(digits.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_id_have_one_canonical_form() {
        for id in ["00B8BE19", "b8be19", " B8be19 ", "B8BE19"] {
            assert_eq!(canonical(&id.into()), "b8be19", "{id}");
        }
        assert_eq!(canonical(&"000".into()), "0");
        assert_eq!(canonical(&"".into()), "");
        assert_eq!(canonical(&"abc-123.4".into()), "abc-123.4");
    }

    #[test]
    fn numbers_of_any_length_change_their_base_and_back() {
        let cases = [
            ("38601fa", "59113978"),
            ("0", "0"),
            ("ff", "255"),
            ("10000000000000001", "18446744073709551617"),
        ];
        for (hex, dec) in cases {
            assert_eq!(hex_to_dec(&hex.into()).unwrap(), dec);
            assert_eq!(dec_to_hex(&dec.into()).unwrap(), hex);
        }
        let longest = COctetString::from("f".repeat(64));
        let decimal = hex_to_dec(&longest).unwrap();
        assert_eq!(decimal.len(), 78);
        assert_eq!(dec_to_hex(&decimal).unwrap(), longest);
        assert_eq!(hex_to_dec(&"0059113978".into()).unwrap(), "1494301048");
    }

    #[test]
    fn what_is_no_number_is_not_converted() {
        for id in ["", "abc-1", "xyz", "id 5"] {
            assert_eq!(hex_to_dec(&id.into()), None, "{id}");
        }
        assert_eq!(dec_to_hex(&"38601fa".into()), None);
        assert_eq!(hex_to_dec(&"f".repeat(65).as_str().into()), None);
        assert_eq!(dec_to_hex(&"9".repeat(79).as_str().into()), None);
    }
}
