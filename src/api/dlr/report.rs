//! What a provider says in one report, wherever it says it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use serde_json::{Map, Value};

use super::super::body::{self, Kind};
use super::super::error::Failure;
use super::super::json;
use super::super::query::Query;

/// Reports in one array, at most.
pub(super) const REPORTS_MAX: usize = 500;
/// Characters of a status word, at most.
const WORD_CHARACTERS_MAX: usize = 64;
/// Names under which an id is looked for, in this order; then those of a status.
pub(super) const ID_NAMES: [&str; 3] = ["message_id", "id", "messageId"];
pub(super) const STATUS_NAMES: [&str; 2] = ["status", "message_status"];
/// Members that are of nobody's concern but the check of the token.
const SECRET_NAMES: [&str; 3] = ["token", "callback_token", "password"];

/// One report.
#[derive(Debug, PartialEq)]
pub(super) struct DlrReport {
    pub(super) id: Option<String>,
    /// Trimmed.
    pub(super) word: Option<String>,
    /// Every member, without secrets.
    pub(super) members: Map<String, Value>,
}

/// The reports of a request: the body's, else the query's; the body wins over the query.
pub(super) fn parse(
    headers: &HeaderMap,
    uri: &Uri,
    body: &Bytes,
) -> Result<Vec<DlrReport>, Failure> {
    let query = Query::of(uri).into_pairs();
    let bodies = bodies(headers, body)?;
    Ok(bodies
        .into_iter()
        .map(|members| DlrReport::of(members, &query))
        .collect())
}

/// The report that a query makes alone.
pub(super) fn of_query(uri: &Uri) -> DlrReport {
    DlrReport::of(Map::new(), &Query::of(uri).into_pairs())
}

fn bodies(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Map<String, Value>>, Failure> {
    let kind = body::kind(headers)?;
    let blank = body.iter().all(u8::is_ascii_whitespace);
    match kind {
        _ if blank => Ok(vec![Map::new()]),
        Kind::Json => objects(json::exact(body)?),
        Kind::Form => Ok(vec![form(body)]),
        Kind::Unsaid => match json::exact(body) {
            Ok(value) => objects(value),
            Err(wrong) if looks_like_json(body) => Err(wrong),
            Err(_) => Ok(vec![form(body)]),
        },
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn objects(value: Value) -> Result<Vec<Map<String, Value>>, Failure> {
    match value {
        Value::Object(members) => Ok(vec![members]),
        Value::Array(items) if items.len() > REPORTS_MAX => Err(Failure::unprocessable(format!(
            "At most {REPORTS_MAX} reports may come at once."
        ))),
        Value::Array(items) => items.into_iter().map(object).collect(),
        _ => Err(Failure::unprocessable(
            "The body must be an object or an array of objects.",
        )),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, Failure> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Failure::unprocessable("Each report must be an object.")),
    }
}

fn form(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

impl DlrReport {
    fn of(mut members: Map<String, Value>, query: &[(Cow<'_, str>, Cow<'_, str>)]) -> DlrReport {
        for (name, value) in query {
            if members.get(name.as_ref()).and_then(word).is_none() {
                members.insert(name.to_string(), Value::String(value.to_string()));
            }
        }
        let id = ID_NAMES.iter().find_map(|name| text(members.get(*name)?));
        let word = STATUS_NAMES
            .iter()
            .find_map(|name| word(members.get(*name)?));
        members.retain(|name, _| !SECRET_NAMES.contains(&name.as_str()));
        DlrReport { id, word, members }
    }
}

/// The word of a member that says something: a blank one is as good as none. What is no text is a
/// word that nobody knows, for no word at all would mean a delivery.
fn word(value: &Value) -> Option<String> {
    let told = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().chars().take(WORD_CHARACTERS_MAX).collect(),
        other => other
            .to_string()
            .chars()
            .take(WORD_CHARACTERS_MAX)
            .collect(),
    };
    Some(told).filter(|told: &String| !told.is_empty())
}

/// The text of a member that says something: an empty one is as good as none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    fn read(kind: &'static str, query: &str, body: &str) -> Result<Vec<DlrReport>, u16> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let uri = format!("/dlr?{query}").parse().unwrap();
        parse(&headers, &uri, &Bytes::from(body.to_owned())).map_err(|f| f.status.as_u16())
    }

    fn said(kind: &'static str, query: &str, body: &str) -> (String, String) {
        let report = read(kind, query, body).unwrap().remove(0);
        (
            report.id.unwrap_or_default(),
            report.word.unwrap_or_default(),
        )
    }

    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn ids_and_words_are_found_in_their_order_of_precedence() {
        for (kind, query, body, id, word) in [
            (
                JSON,
                "",
                r#"{"message_id":"a","id":"b","messageId":"c","status":"X"}"#,
                "a",
                "X",
            ),
            (
                JSON,
                "",
                r#"{"message_id":"","id":null,"messageId":"c"}"#,
                "c",
                "",
            ),
            (JSON, "", r#"{"id":77,"message_status":"Y"}"#, "77", "Y"),
            (
                JSON,
                "",
                r#"{"id":18446744073709551617}"#,
                "18446744073709551617",
                "",
            ),
            (
                "",
                "",
                r#"{"id":18446744073709551618}"#,
                "18446744073709551618",
                "",
            ),
            (
                JSON,
                "",
                r#"{"id":"a","status":"X","message_status":"Y"}"#,
                "a",
                "X",
            ),
            (
                JSON,
                "",
                r#"{"id":"a","status":" ","message_status":"Y"}"#,
                "a",
                "Y",
            ),
            (JSON, "", r#"{"id":"a","status":false}"#, "a", "false"),
            (JSON, "status=Q", r#"{"id":"a","status":{}}"#, "a", "{}"),
            (JSON, "", r#"{"id":"a","status":null}"#, "a", ""),
            (JSON, "id=q&status=Q", r#"{"id":"a"}"#, "a", "Q"),
            (JSON, "id=q", r#"{"id":""}"#, "q", ""),
            (JSON, "message_id=q", r#"{"id":"a"}"#, "q", ""),
            (JSON, "", r#"{"id":"a","id":"b"}"#, "b", ""),
            (JSON, "", r#"{"id":["a"],"messageId":{"x":1}}"#, "", ""),
            (
                FORM,
                "",
                "message_id=a+b&status=%20DELIVRD",
                "a b",
                "DELIVRD",
            ),
            ("", "", r#"{"id":"a","status":"X"}"#, "a", "X"),
            ("", "", "id=a&status=X", "a", "X"),
            (JSON, "id=q&status=X", "", "q", "X"),
        ] {
            assert_eq!(
                said(kind, query, body),
                (id.into(), word.into()),
                "{body} {query}"
            );
        }
    }

    #[test]
    fn a_word_has_at_most_64_characters() {
        let body = format!(r#"{{"status":"{}"}}"#, "ä".repeat(80));
        assert_eq!(said(JSON, "", &body).1.chars().count(), 64);
    }

    #[test]
    fn arrays_are_read_item_by_item_and_have_a_limit() {
        let three = read(JSON, "", r#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#).unwrap();
        assert_eq!(three.len(), 3);
        let many = |n| format!("[{}]", vec!["{}"; n].join(","));
        assert_eq!(read(JSON, "", &many(500)).unwrap().len(), 500);
        assert_eq!(read(JSON, "", &many(501)), Err(422));
        assert_eq!(read(JSON, "", "[1]"), Err(422));
        assert_eq!(read(JSON, "", "\"x\""), Err(422));
        assert_eq!(read(JSON, "", "{\"id"), Err(400));
        assert_eq!(read("", "", "{\"id"), Err(400));
        assert_eq!(read("multipart/form-data; boundary=x", "", "x"), Err(415));
    }

    #[test]
    fn secrets_are_dropped_from_the_members() {
        let report = read(JSON, "token=t", r#"{"id":"a","password":"p","x":{"y":1}}"#);
        let members = report.unwrap().remove(0).members;
        assert_eq!(
            Value::Object(members),
            serde_json::json!({"id": "a", "x": {"y": 1}})
        );
    }
}
