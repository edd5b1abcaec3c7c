//! JSON that others write, in which a whole number may be larger than any of ours: an id of
//! theirs has as many digits as they like, and as a double it would be that of many messages.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::{Result, Value};

/// Reads JSON. A whole number beyond 64 bits becomes the text of its digits.
pub fn exact(json: &str) -> Result<Value> {
    match quoted(json) {
        Cow::Borrowed(json) => serde_json::from_str(json),
        Cow::Owned(quoted) => {
            // In quotes, whatever is no number would pass.
            serde_json::from_str::<IgnoredAny>(json)?;
            serde_json::from_str(&quoted)
        }
    }
}

/// The same with such numbers in quotes.
fn quoted(json: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let octets = json.as_bytes();
    while let Some(octet) = octets.get(at) {
        match octet {
            b'"' => at = end_of_string(octets, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(octets, at);
                let number = &json[at..end];
                if is_beyond(number) {
                    out.push_str(&json[copied..at]);
                    out.push('"');
                    out.push_str(number);
                    out.push('"');
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[copied..]);
    Cow::Owned(out)
}

/// Behind the closing quote, or where the text ends.
fn end_of_string(octets: &[u8], mut at: usize) -> usize {
    loop {
        match octets.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return octets.len(),
        }
    }
}

fn end_of_number(octets: &[u8], at: usize) -> usize {
    let of_number = |o: &&u8| matches!(o, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    at + octets[at..].iter().take_while(of_number).count()
}

/// So many digits fit whatever they are.
const DIGITS_SAFE: usize = 18;

fn is_beyond(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() > DIGITS_SAFE
        && digits.bytes().all(|b| b.is_ascii_digit())
        && number.parse::<u64>().is_err()
        && number.parse::<i64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_beyond_64_bits_is_the_text_of_its_digits() {
        for (text, value) in [
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-9223372036854775808", json!(i64::MIN)),
            ("-9223372036854775809", json!("-9223372036854775809")),
            ("1844674407370955161.5", json!(1_844_674_407_370_955_161.5)),
            ("1e21", json!(1e21)),
            (
                r#" {"a" : 100000000000000000001,"b":[100000000000000000002 , 7]}"#,
                json!({"a": "100000000000000000001", "b": ["100000000000000000002", 7]}),
            ),
            (
                r#"{"a\\":"\" 100000000000000000001","100000000000000000001":null}"#,
                json!({"a\\": "\" 100000000000000000001", "100000000000000000001": null}),
            ),
        ] {
            assert_eq!(exact(text).unwrap(), value, "{text}");
        }
        let long = "9".repeat(400);
        assert_eq!(exact(&long).unwrap(), json!(long));
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in [
            "",
            "{",
            "000000000000000000000",
            "[100000000000000000001",
            "{100000000000000000001:1}",
            "100000000000000000001x",
            "\"100000000000000000001",
            "\"\\",
            "1-00000000000000000001",
            "-",
        ] {
            assert!(exact(text).is_err(), "{text}");
        }
    }
}
