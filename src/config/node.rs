//! What was written, before anybody asks what it means: one tree for a TOML file and for the JSON
//! of a gateway's `meta.smpp`. It owns the places (octet offsets) that problems point at; it never
//! refuses anything.

use serde_json::Value as Json;
use toml_edit::{Item, Table as TomlTable, TableLike, Value as TomlValue};

/// One value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    /// Octet offset of the value in the file; None in JSON, and for tables that no header opens.
    pub(super) at: Option<usize>,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Real(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    Date,
    /// JSON only; the same as not written at all.
    Null,
}

/// One `key = value` of a table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Octet offset of the key.
    pub(super) at: Option<usize>,
    pub(super) node: Node,
}

impl Value {
    /// The value's type in words, to be put behind "this is".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Whole(_) => "a whole number",
            Self::Real(_) => "a fraction",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Date => "a date",
            Self::Null => "null",
        }
    }
}

impl Node {
    pub(super) fn from_toml(table: &TomlTable) -> Self {
        Self {
            at: table.span().map(|span| span.start),
            value: toml_table(table),
        }
    }

    /// Offsets do not exist in JSON that came over HTTP, so `at` is None throughout.
    pub(super) fn from_json(json: &Json) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Flag(*flag),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::Whole(whole),
                (None, real) => Value::Real(real.unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => Value::Table(
                members
                    .iter()
                    .map(|(key, member)| Entry {
                        key: key.clone(),
                        at: None,
                        node: Self::from_json(member),
                    })
                    .collect(),
            ),
        };
        Self { at: None, value }
    }
}

fn toml_table(table: &dyn TableLike) -> Value {
    let entries = table.iter().map(|(key, item)| Entry {
        key: key.to_owned(),
        at: table
            .key(key)
            .and_then(|key| key.span())
            .map(|span| span.start),
        node: toml_item(item),
    });
    Value::Table(entries.collect())
}

fn toml_item(item: &Item) -> Node {
    let value = match item {
        Item::None => Value::Null,
        Item::Value(value) => toml_value(value),
        Item::Table(table) => toml_table(table),
        Item::ArrayOfTables(tables) => Value::List(tables.iter().map(Node::from_toml).collect()),
    };
    Node {
        at: item.span().map(|span| span.start),
        value,
    }
}

fn toml_value(value: &TomlValue) -> Value {
    match value {
        TomlValue::String(text) => Value::Text(text.value().clone()),
        TomlValue::Integer(whole) => Value::Whole(*whole.value()),
        TomlValue::Float(real) => Value::Real(*real.value()),
        TomlValue::Boolean(flag) => Value::Flag(*flag.value()),
        TomlValue::Datetime(_) => Value::Date,
        TomlValue::InlineTable(table) => toml_table(table),
        TomlValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    at: item.span().map(|span| span.start),
                    value: toml_value(item),
                })
                .collect(),
        ),
    }
}
