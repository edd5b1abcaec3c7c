//! The API describes itself: the document names every route, and the daemon does what it says.
//!
//! `.ci/openapi` makes thousands of calls from the document; here is what those cannot see.

mod common;

use common::{ADMIN, Answer, Bridge, HANDSET, Http, READER, SENDER, Scene, wait_for};
use serde_json::{Value, json};
use smpp_protocol::command::CommandStatus;
use smpp_protocol::pdu::DeliverSm;
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One method of one path, as documented.
struct Operation {
    method: String,
    path: String,
    says: Value,
}

async fn document(http: Http) -> Value {
    let answer = http.call("GET", "/openapi.json", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, says) in methods.as_object().unwrap() {
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                says: says.clone(),
            });
        }
    }
    assert!(all.len() >= 40, "{}", all.len());
    all
}

impl Operation {
    /// Of something that is not there.
    fn real_path(&self) -> String {
        let path = self.path.replace("{id}", "4000000000");
        path.replace("{number}", "+4915112345678")
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn must_document(&self, answer: &Answer) {
        let documented = &self.says["responses"][answer.status.to_string()];
        if answer.body.is_empty() && documented.is_object() && documented.get("content").is_none() {
            return;
        }
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap();
        assert!(
            documented["content"][kind].is_object(),
            "{}: {} {kind} {}",
            self.name(),
            answer.status,
            answer.text()
        );
    }

    /// Scopes of bearer tokens, any of which will do; `None`: it takes no such token.
    fn scopes(&self) -> Option<BTreeSet<&str>> {
        let ways = self.says["security"].as_array().unwrap();
        let scopes = ways.iter().filter_map(|way| way["bearerToken"][0].as_str());
        let scopes: BTreeSet<&str> = scopes.collect();
        (!scopes.is_empty()).then_some(scopes)
    }
}

#[tokio::test]
async fn every_documented_operation_answers_and_no_other_method_does() {
    let bridge = Bridge::alone().await;
    let document = document(bridge.http).await;
    let operations = operations(&document);
    for operation in &operations {
        for path in [operation.real_path(), operation.real_path() + "/"] {
            let bearer = format!("Bearer {ADMIN}");
            let headers = [("authorization", bearer.as_str())];
            let answer = bridge
                .http
                .call(&operation.method, &path, &headers, "")
                .await;
            operation.must_document(&answer);
        }
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        // A path that is not there would be 404.
        let real = path.replace(['{', '}'], "");
        for method in METHODS.iter().filter(|m| methods.get(**m).is_none()) {
            let answer = bridge
                .http
                .call(&method.to_uppercase(), &real, &[], "")
                .await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed = answer.header("allow").unwrap().to_lowercase();
            let allowed: BTreeSet<&str> = allowed.split(',').map(str::trim).collect();
            let allowed: BTreeSet<&str> = allowed.into_iter().filter(|m| *m != "head").collect();
            let documented = methods.as_object().unwrap().keys().map(String::as_str);
            assert_eq!(allowed, documented.collect(), "{path}");
        }
    }
}

#[tokio::test]
async fn names_in_the_document_are_unique_and_references_lead_somewhere() {
    let bridge = Bridge::alone().await;
    let document = document(bridge.http).await;
    let operations = operations(&document);
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|o| o.says["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
    let tags = document["tags"].as_array().unwrap();
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    for operation in &operations {
        let tag = &operation.says["tags"][0];
        assert!(tags.iter().any(|t| &t["name"] == tag), "{tag}");
        let security = operation.says["security"].as_array().unwrap();
        let mut names = security
            .iter()
            .flat_map(|way| way.as_object().unwrap().keys());
        assert!(names.all(|name| schemes.contains_key(name)));
        for answer in operation.says["responses"].as_object().unwrap().values() {
            let links = answer["links"].as_object().into_iter().flatten();
            for (id, _) in links {
                assert!(ids.contains(id.as_str()), "{id}");
            }
        }
    }
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.push(reference.clone());
            }
            members.values().for_each(|v| collect_references(v, found));
        }
        Value::Array(items) => items.iter().for_each(|v| collect_references(v, found)),
        _ => {}
    }
}

#[tokio::test]
async fn a_token_opens_exactly_what_its_scope_is_documented_to_open() {
    let bridge = Bridge::alone().await;
    let document = document(bridge.http).await;
    let mut closed = 0;
    for operation in operations(&document) {
        let Some(scopes) = operation.scopes() else {
            continue;
        };
        let path = operation.real_path();
        for (token, scope) in [(ADMIN, "admin"), (SENDER, "send"), (READER, "read")] {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str())];
            let answer = bridge
                .http
                .call(&operation.method, &path, &headers, "")
                .await;
            let is_open = answer.status != 403;
            assert_eq!(
                is_open,
                scopes.contains(scope),
                "{} {scope}",
                operation.name()
            );
            closed += usize::from(!is_open);
        }
        let answer = bridge.http.call(&operation.method, &path, &[], "").await;
        assert_eq!(answer.status, 401, "{}", operation.name());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert!(closed > 10, "{closed}");
}

/// An object has the members of its schema, and those that are required there.
fn must_have_the_members_of(name: &str, document: &Value, object: &Value) {
    let schema = &document["components"]["schemas"][name];
    let members: BTreeSet<&String> = object.as_object().unwrap().keys().collect();
    let documented = schema["properties"].as_object().unwrap();
    let unknown: Vec<_> = members
        .iter()
        .filter(|m| !documented.contains_key(**m))
        .collect();
    assert!(unknown.is_empty(), "{name} says nothing of {unknown:?}");
    for required in schema["required"].as_array().unwrap() {
        let required = required.as_str().unwrap();
        assert!(object.get(required).is_some(), "{name} has no {required}");
    }
}

async fn universal(http: Http, body: Value) -> Value {
    let headers = [
        ("x-api-key", "uk-acme"),
        ("content-type", "application/json"),
    ];
    let path = "/api/message-server/sms/send";
    http.call("POST", path, &headers, body.to_string())
        .await
        .json()
}

#[tokio::test]
async fn records_have_exactly_the_documented_members() {
    let scene = Scene::new().await;
    let http = scene.http();
    let document = document(http).await;
    let gateway = http.gateway(scene.gateway).await.json()["data"].clone();
    must_have_the_members_of("Gateway", &document, &gateway);
    must_have_the_members_of("GatewayStatus", &document, &gateway["status"]);

    let (id, _) = scene.submitted("hello").await;
    must_have_the_members_of("Message", &document, &scene.record(id).await);
    for event in http.events(id).await {
        must_have_the_members_of("MessageEvent", &document, &event);
    }

    let mo = DeliverSm {
        source_addr: HANDSET.into(),
        destination_addr: "12345".into(),
        short_message: bytes::Bytes::from_static(b"hi"),
        ..DeliverSm::default()
    };
    assert_eq!(scene.smsc.deliver(mo).await, Some(CommandStatus::ESME_ROK));
    let mos = wait_for("the MO", async || {
        let mos = http.get("/api/mo-messages", READER).await.json()["data"].clone();
        (mos != json!([])).then_some(mos)
    })
    .await;
    must_have_the_members_of("MoMessage", &document, &mos[0]);
    must_have_the_members_of("MoEndpoint", &document, &mos[0]["endpoint"]);

    let sent = http
        .dlr(
            scene.gateway,
            json!({ "id": "nobody", "status": "DELIVRD" }),
        )
        .await;
    assert_eq!(sent.status, 200);
    let orphans = http.get("/api/orphans", READER).await.json();
    must_have_the_members_of("Orphan", &document, &orphans["data"][0]);

    let purpose = json!({ "name": "Alerts", "gateway": "smsc-main", "senders": ["12345"] });
    let made = http
        .json("POST", "/v1/use-cases", ADMIN, purpose)
        .await
        .json();
    must_have_the_members_of("UseCase", &document, &made);
    let sms =
        json!({ "use_case_id": made["id"], "to_phone_number": "+491511234567", "message": "hi" });
    let sent = http.json("POST", "/v1/sms/", SENDER, sms).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    must_have_the_members_of("UseCaseMessage", &document, &sent.json());
    let refused = http
        .json("POST", "/v1/sms/", SENDER, json!({}))
        .await
        .json();
    must_have_the_members_of("UseCaseError", &document, &refused);
    must_have_the_members_of("UseCaseFieldError", &document, &refused["errors"][0]);

    let one = json!({ "destination": "+4915112345678", "sender": "Me", "body": "hi" });
    let sent = universal(http, one).await;
    must_have_the_members_of("UniversalAnswer", &document, &sent);
    must_have_the_members_of("UniversalVerdict", &document, &sent["results"]["sms"]);
    must_have_the_members_of(
        "UniversalError",
        &document,
        &universal(http, json!({})).await,
    );

    let refused = http
        .json("POST", "/api/sms-gateways", ADMIN, json!({}))
        .await;
    must_have_the_members_of("Error", &document, &refused.json());
    let ready = http.call("GET", "/readyz", &[], "").await;
    must_have_the_members_of("Readiness", &document, &ready.json());
}

#[tokio::test]
async fn documented_lengths_are_those_that_hold() {
    let bridge = Bridge::alone().await;
    let http = bridge.http;
    let document = document(http).await;
    let body = &document["paths"]["/api/sms-gateways"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"]["properties"];
    let mut checked = 0;
    for (name, schema) in body.as_object().unwrap() {
        // The host has its own length in an alternative.
        let Some(length) = schema["maxLength"].as_u64() else {
            continue;
        };
        let of_length = |n: u64| {
            let mut body = common::http::http_gateway();
            body[name] = "x".repeat(usize::try_from(n).unwrap()).into();
            body
        };
        let made = http
            .json("POST", "/api/sms-gateways", ADMIN, of_length(length))
            .await;
        assert_eq!(made.status, 201, "{name} {}", made.text());
        let refused = http
            .json("POST", "/api/sms-gateways", ADMIN, of_length(length + 1))
            .await;
        assert_eq!(
            (refused.status, refused.fields()),
            (422, vec![name.clone()])
        );
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing() {
    let bridge = Bridge::alone().await;
    let document = document(bridge.http).await;
    for path in ["/docs", "/docs/"] {
        let page = bridge.http.call("GET", path, &[], "").await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let page = page.text();
        for operation in operations(&document) {
            let id = operation.says["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<details id=\"{id}\">")), "{id}");
        }
        for word in ["<script", "src=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
