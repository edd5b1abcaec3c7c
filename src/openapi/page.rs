//! The document as one page of HTML: no script, nothing to fetch.

use std::fmt::Write;

use serde_json::{Map, Value};

const STYLE: &str = include_str!("page.css");

/// Renders a document that [`Operations::document`](super::Operations::document) made.
pub fn page(document: &Value) -> String {
    let mut out = Page(String::with_capacity(256 << 10));
    let info = &document["info"];
    let title = text(&info["title"]);
    out.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.raw("<meta name=\"viewport\" content=\"width=device-width\"><title>");
    out.text(title);
    out.raw("</title><style>");
    out.raw(STYLE);
    out.raw("</style></head><body><header><h1>");
    out.text(title);
    out.raw(" <small>");
    out.text(text(&info["version"]));
    out.raw("</small></h1>");
    out.prose(&info["description"]);
    out.raw("<p><a href=\"openapi.json\">openapi.json</a></p></header><main>");
    for tag in members(&document["tags"]) {
        out.tag(tag, document);
    }
    out.raw("<section><h2>Schemas</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        out.raw("<details id=\"schema-");
        out.text(name);
        out.raw("\"><summary><code>");
        out.text(name);
        out.raw("</code></summary>");
        out.schema(schema);
        out.raw("</details>");
    }
    out.raw("</section></main></body></html>\n");
    out.0
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

struct Page(String);

impl Page {
    /// Our own markup.
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '&' => self.raw("&amp;"),
                '"' => self.raw("&quot;"),
                c => self.0.push(c),
            }
        }
    }

    /// Paragraphs; of CommonMark only the code spans.
    fn prose(&mut self, description: &Value) {
        for paragraph in text(description).split("\n\n").filter(|p| !p.is_empty()) {
            self.raw("<p>");
            for (number, piece) in paragraph.split('`').enumerate() {
                let is_code = number % 2 == 1;
                self.raw(if is_code { "<code>" } else { "" });
                self.text(piece);
                self.raw(if is_code { "</code>" } else { "" });
            }
            self.raw("</p>");
        }
    }

    /// All operations of one group.
    fn tag(&mut self, tag: &Value, document: &Value) {
        self.raw("<section><h2>");
        self.text(text(&tag["name"]));
        self.raw("</h2>");
        self.prose(&tag["description"]);
        for (path, methods) in object(&document["paths"]) {
            for (method, operation) in object(methods) {
                if operation["tags"][0] == tag["name"] {
                    self.operation(method, path, operation);
                }
            }
        }
        self.raw("</section>");
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) {
        self.raw("<details id=\"");
        self.text(text(&operation["operationId"]));
        self.raw("\"><summary><b class=\"");
        self.text(method);
        self.raw("\">");
        self.text(&method.to_uppercase());
        self.raw("</b> <code>");
        self.text(path);
        self.raw("</code> ");
        self.text(text(&operation["summary"]));
        self.raw("</summary>");
        self.prose(&operation["description"]);
        self.security(&operation["security"]);
        self.parameters(&operation["parameters"]);
        for (media_type, body) in object(&operation["requestBody"]["content"]) {
            self.raw("<h3>Body <small>");
            self.text(media_type);
            self.raw("</small></h3>");
            self.schema(&body["schema"]);
            for (name, example) in object(&body["examples"]) {
                self.raw("<h4>");
                self.text(name);
                self.raw("</h4>");
                self.json(&example["value"]);
            }
        }
        self.answers(&operation["responses"]);
        self.raw("</details>");
    }

    fn security(&mut self, security: &Value) {
        let ways = members(security).iter().map(|way| {
            let schemes = object(way).map(|(name, roles)| {
                let roles: Vec<&str> = members(roles).iter().map(text).collect();
                format!("{name} {}", roles.join(" ")).trim().to_owned()
            });
            let schemes: Vec<String> = schemes.collect();
            match schemes.as_slice() {
                [] => "nothing".to_owned(),
                all => all.join(" and "),
            }
        });
        let ways: Vec<String> = ways.collect();
        if !ways.is_empty() {
            self.raw("<p>Needs ");
            self.text(&ways.join(", or "));
            self.raw(".</p>");
        }
    }

    fn parameters(&mut self, parameters: &Value) {
        let all = members(parameters);
        if all.is_empty() {
            return;
        }
        self.raw("<h3>Parameters</h3><dl>");
        for parameter in all {
            self.raw("<dt><code>");
            self.text(text(&parameter["name"]));
            self.raw("</code> <small>");
            self.text(text(&parameter["in"]));
            self.raw("</small></dt><dd>");
            self.prose(&parameter["description"]);
            self.schema(&parameter["schema"]);
            self.raw("</dd>");
        }
        self.raw("</dl>");
    }

    fn answers(&mut self, answers: &Value) {
        self.raw("<h3>Answers</h3><dl>");
        for (status, answer) in object(answers) {
            self.raw("<dt><code>");
            self.text(status);
            self.raw("</code></dt><dd>");
            self.prose(&answer["description"]);
            for (name, header) in object(&answer["headers"]) {
                self.raw("<p>Header <code>");
                self.text(name);
                self.raw("</code>: ");
                self.text(text(&header["description"]));
                self.raw("</p>");
            }
            for (media_type, body) in object(&answer["content"]) {
                self.raw("<p><small>");
                self.text(media_type);
                self.raw("</small></p>");
                self.schema(&body["schema"]);
            }
            self.raw("</dd>");
        }
        self.raw("</dl>");
    }

    /// Members of an object one below the other; whatever else a schema says, as JSON.
    fn schema(&mut self, schema: &Value) {
        if let Some(name) = text(&schema["$ref"]).strip_prefix("#/components/schemas/") {
            self.raw("<p><a href=\"#schema-");
            self.text(name);
            self.raw("\">");
            self.text(name);
            self.raw("</a></p>");
            return;
        }
        self.prose(&schema["description"]);
        for part in members(&schema["allOf"]) {
            self.schema(part);
        }
        let required = members(&schema["required"]);
        if schema["properties"].is_object() {
            self.raw("<dl>");
        }
        for (name, member) in object(&schema["properties"]) {
            self.raw("<dt><code>");
            self.text(name);
            self.raw("</code>");
            if required.iter().any(|r| r == name) {
                self.raw(" <small>required</small>");
            }
            self.raw("</dt><dd>");
            self.schema(member);
            self.raw("</dd>");
        }
        if schema["properties"].is_object() {
            self.raw("</dl>");
        }
        self.rules(schema);
    }

    fn rules(&mut self, schema: &Value) {
        const SHOWN_ABOVE: [&str; 5] = ["description", "properties", "required", "allOf", "title"];
        let rest = object(schema).filter(|(name, _)| !SHOWN_ABOVE.contains(&name.as_str()));
        let rest: Map<String, Value> = rest.map(|(n, v)| (n.clone(), v.clone())).collect();
        if rest.is_empty() || (rest.len() == 1 && schema["type"] == "object") {
            return;
        }
        self.raw("<p class=\"rules\">");
        for (name, value) in &rest {
            self.raw("<span>");
            self.text(name);
            self.raw(" <code>");
            match value.as_str() {
                Some(word) => self.text(word),
                None => self.text(&value.to_string()),
            }
            self.raw("</code></span> ");
        }
        self.raw("</p>");
    }

    fn json(&mut self, value: &Value) {
        let mut json = String::new();
        // Writing to a string cannot fail.
        let _ = write!(json, "{value:#}");
        self.raw("<pre>");
        self.text(&json);
        self.raw("</pre>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_never_becomes_markup() {
        let document = json!({
            "info": { "title": "<script>", "version": "1", "description": "a `b<` & c" },
            "tags": [{ "name": "T" }],
            "paths": { "/a": { "get": {
                "tags": ["T"], "operationId": "x\"y", "summary": "<i>",
                "security": [{ "token": ["admin"] }, {}],
                "responses": { "200": { "description": "fine" } },
            } } },
        });
        let page = page(&document);
        assert!(!page.contains("<script>") && !page.contains("<i>"));
        assert!(page.contains("<p>a <code>b&lt;</code> &amp; c</p>"));
        assert!(page.contains("id=\"x&quot;y\""));
        assert!(page.contains("Needs token admin, or nothing."));
    }
}
