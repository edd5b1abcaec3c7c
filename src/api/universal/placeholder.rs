//! `{key}` in a text, replaced by the value of that key.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// One pass from left to right: what was put in is not looked at again, and a `{key}` without a
/// value stays as it is. Values are strings, numbers or booleans.
pub(super) fn fill<'a>(text: &'a str, values: &Map<String, Value>) -> Cow<'a, str> {
    if values.is_empty() || !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        filled.push_str(before);
        let found = from[1..].find('}').and_then(|close| {
            let value = values.get(&from[1..1 + close])?;
            Some((close + 2, value))
        });
        match found {
            Some((octets, value)) => {
                push(&mut filled, value);
                rest = &from[octets..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}

fn push(text: &mut String, value: &Value) {
    match value {
        Value::String(s) => text.push_str(s),
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_with_a_value_are_replaced_once() {
        let values = json!({
            "nome": "Mario", "ora": "14:30", "n": 5, "yes": true, "a": "{b}", "b": "x", "": "e",
            "f": 1.5,
        });
        let values = values.as_object().unwrap();
        for (text, filled) in [
            ("Ciao {nome} alle {ora}", "Ciao Mario alle 14:30"),
            ("{n} {yes} {f}", "5 true 1.5"),
            ("{a}{b}", "{b}x"),
            ("{Nome} {unknown}", "{Nome} {unknown}"),
            ("{{nome}}", "{Mario}"),
            ("{no{nome}", "{noMario"),
            ("{nome", "{nome"),
            ("}{", "}{"),
            ("{}", "e"),
            ("è {nome} €", "è Mario €"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill(text, values), filled, "{text}");
        }
    }
}
