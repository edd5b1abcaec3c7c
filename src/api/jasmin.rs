//! Messages from handsets that Jasmin brings, under the gateway's callback token.
//!
//! Jasmin repeats one until the body of our answer is the acknowledgement it knows, so that comes
//! only when the message is durable.

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use smpp_protocol::text::encode_ucs2;

use super::auth::Unauthenticated;
use super::body::{self, Kind};
use super::error::{Failure, Faults};
use super::json::Field;
use super::send::NUMBER_CHARACTERS_MAX;
use super::{Id, dlr, gateways, json, rule};
use crate::inbound::WholeMo;
use crate::openapi::{Operation, Schema, object};

/// `POST` and `GET /webhooks/jasmin/{id}/mo`
pub(super) async fn mo(id: Id, call: Unauthenticated) -> Result<Response, Failure> {
    let profile = dlr::admitted(id, &call).await?;
    if profile.gateway.deleted {
        return Err(Failure::not_found(gateways::NOT_FOUND));
    }
    let mo = read(&Pairs::of(&call)?)?;
    let inbound = call.api.judge.message(&profile.gateway, mo);
    let findings = call.api.store.inbound(vec![inbound]).await?;
    call.api.judge.count(&profile.gateway, &findings);
    Ok(dlr::jasmin_acknowledgement())
}

pub(super) fn describe_post(operation: &mut Operation<'_>) {
    let text = |schema: Schema| Schema::any_of([schema, Schema::of_type("number")]);
    let [from, to, content, binary, coding] = fields();
    let json = [
        text(from),
        text(to),
        text(content).or_null(),
        binary.or_null(),
        coding.clone().or_null(),
    ];
    let [from, to, content, binary, _] = fields();
    operation
        .named(
            TAG,
            "bringJasminMessage",
            "A message from a handset, by Jasmin",
        )
        .takes_as(
            "application/x-www-form-urlencoded",
            object(&FIELDS, &REQUIRED, [from, to, content, binary, coding]),
        )
        .takes(object(&FIELDS, &REQUIRED, json));
    describe(operation);
}

pub(super) fn describe_get(operation: &mut Operation<'_>) {
    let [from, to, content, binary, coding] = fields();
    operation
        .named(
            TAG,
            "bringJasminMessageByGet",
            "A message from a handset, by Jasmin, in the query",
        )
        .query_required("from", from)
        .query_required("to", to)
        .query("content", content)
        .query("binary", binary)
        .query("coding", coding);
    describe(operation);
}

fn describe(operation: &mut Operation<'_>) {
    let text = serde_json::json!({ "type": "string", "const": "ACK/Jasmin" });
    operation
        .says(
            "It is posted to the application of the gateway's service profile. `binary` counts, \
             read by `coding`; `content` stands in where there is none.",
        )
        .answers_with(200, "The message is durable.", "text/plain", text)
        .refuses(400, "The body is not valid JSON, or ended early.")
        .refuses(415, "The body is neither JSON nor a form.")
        .refuses(422, "A field is missing or cannot be read.");
    dlr::describe::carries_token(operation);
}

const TAG: &str = "Messages from handsets";
const REQUIRED: [&str; 2] = ["from", "to"];
const FIELDS: [&str; 5] = ["from", "to", "content", "binary", "coding"];

/// In the order of the names.
fn fields() -> [Schema; 5] {
    [
        Schema::text(1..=NUMBER_CHARACTERS_MAX),
        Schema::text(1..=NUMBER_CHARACTERS_MAX),
        Schema::string(),
        Schema::string()
            .with("format", "hex-octets")
            .says("The octets, two hexadecimal digits each."),
        Schema::integer(0..=255).default(0),
    ]
}

/// What the query and the body say; the body wins.
struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn of(call: &Unauthenticated) -> Result<Pairs, Failure> {
        let query = call.uri.query().unwrap_or_default();
        let mut pairs = of_form(query.as_bytes());
        pairs.extend(of_body(&call.headers, &call.body)?);
        Ok(Pairs(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut latest_first = self.0.iter().rev();
        let found = latest_first.find(|(n, value)| n == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

fn of_body(headers: &HeaderMap, body: &Bytes) -> Result<Vec<(String, String)>, Failure> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if body::kind(headers)? != Kind::Json {
        return Ok(of_form(body));
    }
    let Value::Object(members) = json::exact(body)? else {
        return Err(Failure::unprocessable("The body must be an object."));
    };
    let texts = members.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some(Ok((name, text))),
        // As a number, octets would lose the zeros in front.
        Value::Number(number) if name != "binary" => Some(Ok((name, json::decimal(&number)))),
        // What is not there, and what nobody knows.
        Value::Null => None,
        _ if !FIELDS.contains(&name.as_str()) => None,
        _ => Some(Err(Failure::field(
            &name,
            format!("The {name} field must be a string."),
        ))),
    });
    texts.collect()
}

fn of_form(form: &[u8]) -> Vec<(String, String)> {
    let pieces = form.split(|octet| *octet == b'&');
    let pairs = pieces.flat_map(|piece| {
        let told = form_urlencoded::parse(piece).into_owned();
        told.map(|(name, value)| match piece.strip_prefix(b"coding=") {
            Some(raw) => (
                name,
                octet_told(raw).map_or(value, |coding| coding.to_string()),
            ),
            None => (name, value),
        })
    });
    pairs.collect()
}

/// Jasmin up to 0.11 tells the coding as the octet itself, `%08`, and not as the number it is:
/// what is one octet and no digit.
fn octet_told(raw: &[u8]) -> Option<u8> {
    let octet = match raw {
        [b'%', high, low] => octet_of(&[*high, *low])?,
        [b'+'] => b' ',
        [octet] => *octet,
        _ => return None,
    };
    (!octet.is_ascii_digit()).then_some(octet)
}

const UCS2: u8 = 8;

/// The octets are what counts; `content` stands in where they are missing or damaged, since Jasmin
/// made it of the same octets.
fn read(pairs: &Pairs) -> Result<WholeMo, Failure> {
    let mut faults = Faults::default();
    let mut address = |name: &str| {
        let said = pairs
            .get(name)
            .map_or(Field::Absent, |said| Field::Text(said.into()));
        let address = rule::required_text(name, said, NUMBER_CHARACTERS_MAX, &mut faults);
        address.unwrap_or_default().into_owned()
    };
    let (source_addr, destination_addr) = (address("from"), address("to"));
    let coding = pairs.get("coding").unwrap_or("0").trim().parse::<u8>();
    if coding.is_err() {
        faults.add("coding", "The coding field must be a number of 0 to 255.");
    }
    let content = || pairs.get("content").map(|text| (UCS2, encode_ucs2(text)));
    let octets = pairs.get("binary").and_then(octets_of);
    let told = match (octets, coding) {
        (Some(octets), Ok(coding)) => Some((coding, octets)),
        (Some(_), Err(_)) => None,
        (None, _) => content(),
    };
    if told.is_none() && pairs.get("binary").is_some_and(|b| octets_of(b).is_none()) {
        faults.add("binary", "The binary field must be octets in hexadecimal.");
    }
    faults.check()?;
    // A text of no octets is a text.
    let (data_coding, octets) = told.unwrap_or_default();
    Ok(WholeMo {
        source_addr,
        destination_addr,
        data_coding,
        octets,
    })
}

fn octets_of(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(octet_of).collect()
}

fn octet_of([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(form: &str) -> Option<(u8, Vec<u8>)> {
        let mo = read(&Pairs(of_form(form.as_bytes()))).ok()?;
        assert_eq!(
            (mo.source_addr.as_str(), mo.destination_addr.as_str()),
            ("49", "12345")
        );
        Some((mo.data_coding, mo.octets))
    }

    #[test]
    fn members_of_json_are_texts_or_numbers_and_nothing_else() {
        let of = |body: &'static str| {
            let mut headers = HeaderMap::new();
            let kind = http::HeaderValue::from_static("application/json");
            headers.insert(http::header::CONTENT_TYPE, kind);
            of_body(&headers, &Bytes::from_static(body.as_bytes()))
                .map_err(|failure| failure.status.as_u16())
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            of(r#"{"from":49,"coding":8.0,"binary":"00","content":null,"tlv_params":{}}"#),
            Ok(vec![
                pair("from", "49"),
                pair("coding", "8"),
                pair("binary", "00")
            ])
        );
        for wrong in [
            r#"{"coding":{}}"#,
            r#"{"to":[1]}"#,
            r#"{"content":true}"#,
            r#"{"binary":12}"#,
        ] {
            assert_eq!(of(wrong), Err(422), "{wrong}");
        }
    }

    #[test]
    fn the_octets_count_and_the_content_stands_in() {
        let from_to = "from=49&to=12345";
        for (rest, expected) in [
            ("&content=x&binary=6869&coding=0", Some((0, b"hi".to_vec()))),
            ("&content=x&binary=6869", Some((0, b"hi".to_vec()))),
            ("&binary=041F&coding=8", Some((8, vec![4, 0x1F]))),
            (
                "&content=%D0%9F&binary=zz&coding=8",
                Some((8, vec![4, 0x1F])),
            ),
            ("&content=%D0%9F", Some((8, vec![4, 0x1F]))),
            ("&content=&binary=", Some((0, vec![]))),
            ("&binary=00&coding=%00", Some((0, vec![0]))),
            ("&binary=00&coding=%0a", Some((10, vec![0]))),
            ("&binary=00&coding=%F1", Some((0xF1, vec![0]))),
            ("&binary=00&coding=+", Some((32, vec![0]))),
            ("&binary=00&coding=%38", Some((8, vec![0]))),
            ("&binary=123", None),
            ("&binary=12&coding=xx", None),
            ("&binary=12&coding=%F1%00", None),
            ("&binary=12&coding=256", None),
        ] {
            assert_eq!(told(&format!("{from_to}{rest}")), expected, "{rest}");
        }
        assert_eq!(told("to=12345&binary=6869"), None);
        let long = "1".repeat(NUMBER_CHARACTERS_MAX + 1);
        assert_eq!(told(&format!("from=49&to={long}&binary=6869")), None);
        assert_eq!(told(&format!("from={long}&to=12345&binary=6869")), None);
    }
}
