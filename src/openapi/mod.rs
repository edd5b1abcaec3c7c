//! What the HTTP API says about itself: an OpenAPI 3.1 document and a page that shows it.
//!
//! A route is registered through [`Routes`] together with its description, so that neither exists
//! without the other. What the extractors of a handler ask of a request (a token and its scopes,
//! an id in the path, a body that is not too large) they describe themselves, see [`Input`];
//! answers are described by the types that are serialized. Nothing is rendered, nor held in
//! memory, before somebody asks.
//!
//! - `endpoint`: a handler with its description, and the table of them
//! - `operation`: the description of one method of one path
//! - `schema`: the rules of one field
//! - `page`: the document as HTML

mod endpoint;
mod operation;
mod page;
mod schema;

pub use self::endpoint::{Endpoint, Input, Inputs, Routes, delete, get, patch, post, put};
pub use self::operation::{Describe, Operation, Scheme};
pub use self::page::page;
pub use self::schema::{Schema, object};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Every operation that a listener serves, in the order of registration.
#[derive(Clone, Debug, Default)]
pub struct Operations(Vec<Described>);

/// One method of one path.
#[derive(Clone, Copy, Debug)]
struct Described {
    path: &'static str,
    /// In lower case.
    method: &'static str,
    /// What the handler's extractors say.
    inputs: Describe,
    describe: Describe,
}

/// The head of the document.
#[derive(Debug)]
pub struct Head<'a> {
    pub title: &'a str,
    pub version: &'a str,
    /// CommonMark.
    pub description: &'a str,
    /// In front of every path.
    pub base_url: &'a str,
    /// Groups of operations in their order, each with a sentence.
    pub tags: &'a [(&'a str, &'a str)],
}

impl Operations {
    /// Those of `other`, after these.
    pub fn extend(&mut self, other: Operations) {
        self.0.extend(other.0);
    }

    /// The whole document.
    pub fn document(&self, head: &Head<'_>) -> Value {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let settings = settings.with(|s| {
            s.definitions_path = "/components/schemas".into();
            s.meta_schema = None;
        });
        let mut schemas = settings.into_generator();
        let mut schemes = Map::new();
        let mut paths = Map::new();
        for described in &self.0 {
            let mut operation = Operation::new(&mut schemas, &mut schemes);
            (described.inputs)(&mut operation);
            (described.describe)(&mut operation);
            let methods = paths.entry(described.path).or_insert_with(|| json!({}));
            methods[described.method] = operation.finish();
        }
        let tags = head.tags.iter();
        let tags: Vec<Value> = tags
            .map(|(name, says)| json!({ "name": name, "description": says }))
            .collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": head.title,
                "version": head.version,
                "description": head.description,
            },
            "servers": [{ "url": head.base_url }],
            "tags": tags,
            "paths": paths,
            "components": {
                "schemas": schemas.take_definitions(true),
                "securitySchemes": schemes,
            },
        })
    }
}
