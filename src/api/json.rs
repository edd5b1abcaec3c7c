//! JSON objects read straight into the fields a route knows.
//!
//! Unknown members are passed over, of duplicate ones the last counts, and a member of the wrong
//! type is kept as what it is, so that the answer can name it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::Failure;
use crate::message;

/// Nesting beyond this is malformed.
const DEPTH_MAX: u32 = 64;

/// 2^53: up to here every whole number is a double of its own.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A member's value, as lenient as JSON itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Field<'a> {
    #[default]
    Absent,
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is not whole, or no `i64`.
    Number,
    Text(Cow<'a, str>),
    /// An object or an array.
    Tree(Value),
}

/// The members of the object `body` is, by the order of `names`.
pub(super) fn fields<'a, const N: usize>(
    body: &'a [u8],
    names: &[&str; N],
) -> Result<[Field<'a>; N], Failure> {
    let text = checked(body)?;
    if !begins_with(text, '{') {
        return Err(another(text, "The body must be a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let fields = (&mut json)
        .deserialize_map(Members { names })
        .map_err(|e| Failure::malformed_at(&e))?;
    json.end().map_err(|e| Failure::malformed_at(&e))?;
    Ok(fields)
}

/// The items of the array `body` is, each as it is written.
pub(super) fn items(body: &Bytes, most: usize) -> Result<Vec<Bytes>, Failure> {
    let text = checked(body)?;
    if !begins_with(text, '[') {
        return Err(another(text, "The body must be a JSON array."));
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|e| Failure::malformed_at(&e))?;
    if items.len() > most {
        let many = format!("The body must have at most {most} items.");
        return Err(Failure::unprocessable(many));
    }
    let octets = items.iter().map(|item| item.get().as_bytes());
    Ok(octets.map(|octets| body.slice_ref(octets)).collect())
}

/// The whole value `body` is.
pub(super) fn value(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_str(checked(body)?).map_err(|e| Failure::malformed_at(&e))
}

/// As [`value`], of somebody who writes numbers beyond 64 bits: they become texts.
pub(super) fn exact(body: &[u8]) -> Result<Value, Failure> {
    message::exact(checked(body)?).map_err(|_| Failure::malformed())
}

/// The number that a double exactly is, if it is whole.
fn whole(value: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and small enough"
    )]
    let number = value as i64;
    (value.fract() == 0.0 && value.abs() <= EXACT_MAX).then_some(number)
}

/// The digits of a number, without a point where it is whole.
pub(super) fn decimal(number: &serde_json::Number) -> String {
    let whole = number.as_f64().filter(|_| number.is_f64()).and_then(whole);
    whole.map_or_else(|| number.to_string(), |n| n.to_string())
}

fn begins_with(text: &str, first: char) -> bool {
    let blank = |c| matches!(c, ' ' | '\t' | '\r' | '\n');
    text.trim_start_matches(blank).starts_with(first)
}

/// It is another kind of value, or none.
fn another(text: &str, expected: &'static str) -> Failure {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Failure::unprocessable(expected),
        Err(e) => Failure::malformed_at(&e),
    }
}

/// UTF-8, not nested too deep, no lone surrogate: what serde_json does not refuse everywhere.
fn checked(body: &[u8]) -> Result<&str, Failure> {
    let text = std::str::from_utf8(body).map_err(|_| Failure::malformed())?;
    if is_simple(body) || is_sound(body) {
        Ok(text)
    } else {
        Err(Failure::malformed())
    }
}

/// Neither a surrogate nor too much depth can be in it: true of nearly all, and seen at a glance.
fn is_simple(text: &[u8]) -> bool {
    // In pieces whose count fits an octet: so the compiler takes many at a time.
    let opening = |piece: &[u8]| -> u8 {
        let each = piece.iter().map(|b| u8::from(matches!(b, b'{' | b'[')));
        each.sum()
    };
    let depth: u32 = text.chunks(255).map(|p| u32::from(opening(p))).sum();
    depth <= DEPTH_MAX && !text.contains(&b'\\')
}

fn is_sound(text: &[u8]) -> bool {
    let mut depth = 0u32;
    let mut at = 0;
    while let Some(octet) = text.get(at) {
        at += 1;
        match octet {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => match end_of_string(text, at) {
                Some(end) => at = end,
                None => return false,
            },
            _ => {}
        }
    }
    true
}

/// Where the string that begins at `at` is over; `None` when it never ends or holds half a
/// surrogate pair.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let octet = text.get(at)?;
        at += 1;
        match octet {
            b'"' => return Some(at),
            b'\\' if text.get(at) == Some(&b'u') => {
                let unit = code_unit(text, at + 1)?;
                at += 5;
                match unit {
                    0xD800..=0xDBFF => {
                        let low = text.get(at..at + 2) == Some(b"\\u");
                        let low = low.then(|| code_unit(text, at + 2)).flatten()?;
                        if !(0xDC00..=0xDFFF).contains(&low) {
                            return None;
                        }
                        at += 6;
                    }
                    0xDC00..=0xDFFF => return None,
                    _ => {}
                }
            }
            b'\\' => at += 1,
            _ => {}
        }
    }
}

fn code_unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = std::str::from_utf8(text.get(at..at + 4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

struct Members<'n, const N: usize> {
    names: &'n [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Field<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = std::array::from_fn(|_| Field::Absent);
        while let Some(place) = map.next_key_seed(Name { names: self.names })? {
            match place {
                Some(place) => fields[place] = map.next_value_seed(Member)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// A key, as its place among the names.
struct Name<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|name| *name == key))
    }
}

struct Member;

impl<'de> DeserializeSeed<'de> for Member {
    type Value = Field<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Field::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Field::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Field::Number, Field::Integer))
    }

    /// JSON has one kind of numbers: 80.0 is the whole number 80, as far as it is exact.
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(whole(value).map_or(Field::Number, Field::Integer))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Value>()? {
            items.push(item);
        }
        Ok(Field::Tree(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = serde_json::Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            members.insert(name, value);
        }
        Ok(Field::Tree(Value::Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<[Field<'_>; 2], u16> {
        fields(body.as_bytes(), &["a", "b"]).map_err(|f| f.status.as_u16())
    }

    fn text(t: &str) -> Field<'_> {
        Field::Text(t.into())
    }

    #[test]
    fn known_members_are_found_and_unknown_ones_passed_over() {
        assert_eq!(
            read(r#" {"x":{"a":[1,{"b":2}]},"b":7,"a":"t\u00e4"} "#),
            Ok([text("tä"), Field::Integer(7)])
        );
        assert_eq!(read("{}"), Ok([Field::Absent, Field::Absent]));
        assert_eq!(
            read(r#"{"a":null,"b":1.5}"#),
            Ok([Field::Null, Field::Number])
        );
        assert_eq!(
            read(r#"{"a":80.0,"b":1e300}"#),
            Ok([Field::Integer(80), Field::Number])
        );
        assert_eq!(read(r#"{"\u0061":"x"}"#), Ok([text("x"), Field::Absent]));
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        let refused = |body: &str| fields(body.as_bytes(), &["a", "b"]).unwrap_err();
        let said = |body| refused(body).into_message().into_owned();
        let place = "The body is not valid JSON: line 2, column 4.";
        assert_eq!(
            said("{\"a\": 1,\n \"b\"}"),
            "The body is not valid JSON: line 2, column 5."
        );
        assert_eq!(said("{\n}  x"), place);
        assert_eq!(said(""), "The body is not valid JSON: line 1, column 0.");
    }

    #[test]
    fn items_are_given_as_they_are_written() {
        let of = |body: &'static str| {
            let items = items(&Bytes::from_static(body.as_bytes()), 3);
            items.map_err(|f| f.status.as_u16())
        };
        let whole = of(" [ {\"a\" : [1]} ,\"x\", 1.50]").unwrap();
        assert_eq!(whole, ["{\"a\" : [1]}", "\"x\"", "1.50"]);
        assert_eq!(of("[]"), Ok(vec![]));
        assert_eq!(of("[1,2,3,4]"), Err(422));
        assert_eq!(of("{}"), Err(422));
        for bad in ["[1", "[1,]", "", "[\"\\ud800\"]"] {
            assert_eq!(of(bad), Err(400), "{bad}");
        }
    }

    #[test]
    fn of_duplicate_members_the_last_counts() {
        assert_eq!(
            read(r#"{"a":"first","b":1,"a":"last"}"#),
            Ok([text("last"), Field::Integer(1)])
        );
    }

    #[test]
    fn what_is_no_json_is_400_and_what_is_no_object_422() {
        let deep = |n| format!(r#"{{"a":{}{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(read(&deep(63)).is_ok());
        assert_eq!(read(&deep(64)), Err(400));
        let bad = [
            r#"{"to"#,
            "",
            "{} x",
            r#"{"a":"\ud800"}"#,
            r#"{"zzz":"\ud83c x"}"#,
            r#"{"a":"\udc00\ud800"}"#,
            r#"{"a":01}"#,
            "[1,",
            "{'a':1}",
        ];
        for body in bad {
            assert_eq!(read(body), Err(400), "{body}");
        }
        for body in ["[1]", "\"text\"", "null", " 7 ", "true"] {
            assert_eq!(read(body), Err(422), "{body}");
        }
        assert_eq!(
            read(r#"{"a":"\ud83c\udf89"}"#),
            Ok([text("🎉"), Field::Absent])
        );
        let latin = fields(b"{\"a\":\"\xe4\"}", &["a"]).unwrap_err();
        assert_eq!(latin.status.as_u16(), 400);
    }
}
