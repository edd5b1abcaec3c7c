//! The rules of one field, as JSON Schema. Its numbers come from whoever enforces them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

/// What a field may be.
#[derive(Clone, Debug)]
pub struct Schema(Map<String, Value>);

impl Schema {
    /// Anything that JSON can say.
    pub fn any() -> Schema {
        Schema(Map::new())
    }

    /// Whatever is of this type.
    pub fn of_type(name: &str) -> Schema {
        Schema::any().with("type", name)
    }

    pub fn string() -> Schema {
        Schema::of_type("string")
    }

    /// A string of so many code points.
    pub fn text(characters: RangeInclusive<usize>) -> Schema {
        let text = Schema::string().with("maxLength", *characters.end());
        match characters.start() {
            0 => text,
            least => text.with("minLength", *least),
        }
    }

    /// One of these words.
    pub fn words(words: impl IntoIterator<Item = &'static str>) -> Schema {
        let words: Vec<Value> = words.into_iter().map(Value::from).collect();
        Schema::string().with("enum", words)
    }

    /// A whole number. The largest `i64` is no limit.
    pub fn integer(range: RangeInclusive<i64>) -> Schema {
        let integer = Schema::of_type("integer").with("minimum", *range.start());
        match *range.end() {
            i64::MAX => integer.with("format", "int64").with("maximum", i64::MAX),
            most => integer.with("maximum", most),
        }
    }

    pub fn flag() -> Schema {
        Schema::of_type("boolean")
    }

    /// An object with members of any name.
    pub fn tree() -> Schema {
        Schema::of_type("object")
    }

    /// What fits at least one of these.
    pub fn any_of(schemas: impl IntoIterator<Item = Schema>) -> Schema {
        let schemas: Vec<Value> = schemas.into_iter().map(Value::from).collect();
        Schema::any().with("anyOf", schemas)
    }

    /// A regular expression, in what Rust, ECMAScript and Python have in common.
    pub fn pattern(self, pattern: impl Into<String>) -> Schema {
        self.with("pattern", pattern.into())
    }

    /// One more keyword of JSON Schema.
    pub fn with(mut self, keyword: &str, value: impl Into<Value>) -> Schema {
        self.0.insert(keyword.into(), value.into());
        self
    }

    pub fn default(self, value: impl Into<Value>) -> Schema {
        self.with("default", value)
    }

    pub fn says(self, description: impl Into<String>) -> Schema {
        self.with("description", description.into())
    }

    /// Null will do as well.
    pub fn or_null(mut self) -> Schema {
        match self.0.get_mut("type") {
            Some(one) => {
                let name = one.take();
                *one = json!([name, "null"]);
                if let Some(Value::Array(words)) = self.0.get_mut("enum") {
                    words.push(Value::Null);
                }
                self
            }
            None => match self.0.get_mut("anyOf") {
                Some(Value::Array(schemas)) => {
                    schemas.push(json!({ "type": "null" }));
                    self
                }
                _ => self,
            },
        }
    }
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Value {
        Value::Object(schema.0)
    }
}

/// An object of these members: one schema for each name that the reader of the body knows.
pub fn object<const N: usize>(
    names: &[&'static str; N],
    required: &[&'static str],
    schemas: [Schema; N],
) -> Value {
    let members = names.iter().zip(schemas);
    let members: Map<String, Value> = members
        .map(|(name, schema)| ((*name).to_owned(), schema.into()))
        .collect();
    let mut object = json!({ "type": "object", "properties": members });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_one_more_type_or_one_more_alternative() {
        let of = |schema: Schema| Value::from(schema.or_null());
        assert_eq!(
            of(Schema::text(0..=9)),
            json!({ "type": ["string", "null"], "maxLength": 9 })
        );
        assert_eq!(
            of(Schema::words(["a"])),
            json!({ "type": ["string", "null"], "enum": ["a", null] })
        );
        assert_eq!(
            of(Schema::any_of([Schema::flag()])),
            json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] })
        );
    }
}
