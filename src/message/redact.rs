//! Which members hold secrets, as far as their names tell.

use serde_json::{Map, Value};

/// Parts of such names.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private",
    "authorization",
];

/// What stands where a secret was.
pub const MASK: &str = "***";

/// True when whatever has this name is nobody's business.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Puts `instead` where secrets are, however deep.
pub fn redact(members: &mut Map<String, Value>, instead: &Value) {
    for (name, value) in members {
        match names_a_secret(name) {
            true => *value = instead.clone(),
            false => redact_value(value, instead),
        }
    }
}

fn redact_value(value: &mut Value, instead: &Value) {
    match value {
        Value::Object(members) => redact(members, instead),
        Value::Array(items) => items.iter_mut().for_each(|v| redact_value(v, instead)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_found_however_deep() {
        let mut meta = json!({
            "smpp": {"window": 5, "Api-Key": "k"},
            "http": [{"headers": {"Authorization": "Basic x", "accept": "*/*"}}],
            "client_secret": {"a": 1},
        });
        redact_value(&mut meta, &Value::Null);
        assert_eq!(
            meta,
            json!({
                "smpp": {"window": 5, "Api-Key": null},
                "http": [{"headers": {"Authorization": null, "accept": "*/*"}}],
                "client_secret": null,
            })
        );
    }
}
