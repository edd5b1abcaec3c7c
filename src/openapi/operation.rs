//! The description of one method of one path: what it takes, what it answers, who may call it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::schema::Schema;

/// Says about an operation what its handler does.
pub type Describe = fn(&mut Operation<'_>);

/// A way to prove who calls.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    pub name: &'static str,
    /// The scheme as OpenAPI has it.
    pub describe: fn() -> Value,
}

/// One operation of the document, as it is being described.
#[derive(Debug)]
pub struct Operation<'d> {
    schemas: &'d mut SchemaGenerator,
    schemes: &'d mut Map<String, Value>,
    members: Map<String, Value>,
    parameters: Vec<Value>,
    bodies: Map<String, Value>,
    needs_body: bool,
    answers: BTreeMap<u16, Value>,
    refusals: BTreeSet<u16>,
    security: Vec<Value>,
    /// How this family writes its errors.
    error: Value,
}

/// What every answer of JSON is called.
const JSON: &str = "application/json";

impl<'d> Operation<'d> {
    pub(super) fn new(
        schemas: &'d mut SchemaGenerator,
        schemes: &'d mut Map<String, Value>,
    ) -> Operation<'d> {
        Operation {
            schemas,
            schemes,
            members: Map::new(),
            parameters: Vec::new(),
            bodies: Map::new(),
            needs_body: true,
            answers: BTreeMap::new(),
            refusals: BTreeSet::new(),
            security: Vec::new(),
            error: Value::Bool(true),
        }
    }

    /// The group, an identifier that is unique in the document, and a line.
    pub fn named(&mut self, tag: &str, id: &str, summary: &str) -> &mut Self {
        self.members.insert("tags".into(), json!([tag]));
        self.members.insert("operationId".into(), json!(id));
        self.members.insert("summary".into(), json!(summary));
        self
    }

    /// What the line does not say. CommonMark.
    pub fn says(&mut self, description: &str) -> &mut Self {
        let text = json!(description);
        self.members.insert("description".into(), text);
        self
    }

    pub fn path(&mut self, name: &str, schema: Schema) -> &mut Self {
        self.parameter("path", name, schema)
    }

    pub fn query(&mut self, name: &str, schema: Schema) -> &mut Self {
        self.parameter("query", name, schema)
    }

    /// A parameter of a query that has to say something.
    pub fn query_required(&mut self, name: &str, schema: Schema) -> &mut Self {
        self.parameter("query", name, schema);
        if let Some(parameter) = self.parameters.last_mut() {
            parameter["required"] = json!(true);
            parameter["allowEmptyValue"] = json!(false);
        }
        self
    }

    pub fn header(&mut self, name: &str, schema: Schema) -> &mut Self {
        self.parameter("header", name, schema)
    }

    /// The schema's description is the parameter's. An empty one in a query is as good as none.
    fn parameter(&mut self, place: &str, name: &str, schema: Schema) -> &mut Self {
        let mut schema = Value::from(schema);
        let description = schema
            .as_object_mut()
            .and_then(|s| s.shift_remove("description"));
        let mut parameter = json!({
            "name": name, "in": place, "required": place == "path",
            "description": description.unwrap_or_default(), "schema": schema,
        });
        if place == "query" {
            parameter["allowEmptyValue"] = json!(true);
        }
        self.parameters.push(parameter);
        self
    }

    /// The body may be left out.
    pub fn may_have_no_body(&mut self) -> &mut Self {
        self.needs_body = false;
        self
    }

    /// A body of JSON.
    pub fn takes(&mut self, schema: Value) -> &mut Self {
        self.takes_as(JSON, schema)
    }

    /// A body in one more notation.
    pub fn takes_as(&mut self, media_type: &str, schema: Value) -> &mut Self {
        let body = json!({ "schema": schema });
        self.bodies.insert(media_type.into(), body);
        self
    }

    /// A body to try.
    pub fn example(&mut self, name: &str, value: Value) -> &mut Self {
        if let Some(body) = self.bodies.get_mut(JSON) {
            body["examples"][name] = json!({ "value": value });
        }
        self
    }

    /// A type's schema, to be part of another one.
    pub fn schema_of<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().into()
    }

    /// An answer of JSON that is a `T`.
    pub fn answers<T: JsonSchema>(&mut self, status: u16, description: &str) -> &mut Self {
        let schema = self.schema_of::<T>();
        self.answers_with(status, description, JSON, schema)
    }

    /// An answer of some media type.
    pub fn answers_with(
        &mut self,
        status: u16,
        description: &str,
        media_type: &str,
        schema: Value,
    ) -> &mut Self {
        let answer = self.answer(status, description);
        answer["content"][media_type] = json!({ "schema": schema });
        self
    }

    /// An answer's header. `schema` describes it, too.
    pub fn answers_header(&mut self, status: u16, name: &str, schema: Schema) -> &mut Self {
        let mut schema = Value::from(schema);
        let description = schema
            .as_object_mut()
            .and_then(|s| s.shift_remove("description"));
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["headers"][name] =
                json!({ "description": description.unwrap_or_default(), "schema": schema });
        }
        self
    }

    /// What a client may do next with a member of the answer: the operation `id` takes it as its
    /// path's `id`.
    pub fn leads_to(&mut self, status: u16, id: &str, member: &str) -> &mut Self {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["links"][id] = json!({
                "operationId": id,
                "parameters": { "id": format!("$response.body#/{member}") },
            });
        }
        self
    }

    fn answer(&mut self, status: u16, description: &str) -> &mut Value {
        let answer = self.answers.entry(status).or_insert_with(|| json!({}));
        answer["description"] = json!(description);
        answer
    }

    /// An answer without a body.
    pub fn answers_nothing(&mut self, status: u16, description: &str) -> &mut Self {
        self.answer(status, description);
        self
    }

    /// How all refusals of this operation are written, those of before included.
    pub fn errors<T: JsonSchema>(&mut self) -> &mut Self {
        self.error = self.schema_of::<T>();
        self
    }

    /// A refusal. Where a client should come again it learns when.
    pub fn refuses(&mut self, status: u16, description: &str) -> &mut Self {
        self.answer(status, description);
        self.refusals.insert(status);
        match status {
            429 | 503 => {
                let seconds = Schema::integer(1..=i64::from(u32::MAX))
                    .says("Seconds after which to come again.");
                self.answers_header(status, "Retry-After", seconds)
            }
            401 => {
                let scheme = Schema::string().says("How to prove who calls.");
                self.answers_header(status, "WWW-Authenticate", scheme)
            }
            _ => self,
        }
    }

    /// One way to be let in, beside those that were named before; `roles` has to be held as a whole.
    pub fn requires(&mut self, scheme: Scheme, roles: &[&str]) -> &mut Self {
        let known = self.schemes.entry(scheme.name);
        known.or_insert_with(scheme.describe);
        let mut way = Map::new();
        way.insert(scheme.name.into(), json!(roles));
        self.security.push(Value::Object(way));
        self
    }

    /// Those who prove nothing may be let in, too.
    pub fn may_be_anonymous(&mut self) -> &mut Self {
        self.security.push(json!({}));
        self
    }

    pub(super) fn finish(self) -> Value {
        let mut members = self.members;
        if !self.parameters.is_empty() {
            members.insert("parameters".into(), self.parameters.into());
        }
        if !self.bodies.is_empty() {
            let body = json!({ "required": self.needs_body, "content": self.bodies });
            members.insert("requestBody".into(), body);
        }
        let mut answers = self.answers;
        for status in self.refusals {
            let refusal = answers.entry(status).or_default();
            refusal["content"][JSON] = json!({ "schema": self.error });
        }
        let answers = answers.into_iter();
        let answers: Map<String, Value> = answers.map(|(s, a)| (s.to_string(), a)).collect();
        members.insert("responses".into(), answers.into());
        members.insert("security".into(), self.security.into());
        members.into()
    }
}
