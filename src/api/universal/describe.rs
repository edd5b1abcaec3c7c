//! What is said about the universal API.

use serde_json::{Value, json};

use super::request::{
    ID_CHARACTERS_MAX, NAMES, NUMBER_DIGITS, SENDER_DIGITS_MAX, SENDER_DIGITS_MIN,
    SENDER_LETTERS_MAX, UDH_DIGITS_MAX,
};
use super::{Answer, schedule};
use crate::api::batch::describe::{Keys, batch};
use crate::api::{country, text};
use crate::openapi::{Operation, Schema, object};

pub(in super::super) fn send(operation: &mut Operation<'_>) {
    operation
        .named("Universal", "sendUniversal", "Send one message")
        .says(
            "200 says that the request was understood; `accepted` in it, whether the message was \
             taken. The same `messageId` with the same content within 24 hours sends nothing, and \
             is answered as before.",
        )
        .takes(body())
        .example("placeholders", json!({
            "destination": "+4915112345678", "sender": "Me", "body": "Hello {name}",
            "placeholders": { "name": "Ada" },
        }))
        .answers::<Answer<'_>>(200, "The request was understood.")
        .refuses(
            400,
            "A member is missing, of the wrong type or out of shape, or the body is no JSON object.",
        )
        .refuses(
            422,
            "It is well-formed but means nothing: no real number, a text that is too long, a date \
             that is too far ahead.",
        );
}

pub(in super::super) fn send_many(operation: &mut Operation<'_>) {
    operation.named("Universal", "sendManyUniversal", "Send many messages");
    let one = |id: &str| {
        json!({
            "destination": "+4915112345678", "sender": "Me", "body": "Hello", "messageId": id,
        })
    };
    let two = json!([one("order-1"), one("order-2")]);
    batch(operation, body(), two, Keys::Own, &[]);
}

/// In the order of the names.
pub(in super::super) fn body() -> Value {
    let international = format!(r"^(\+|00)?({})$", country::numbers(&NUMBER_DIGITS));
    object(&NAMES, &["destination", "sender", "body"], [
        Schema::string()
            .pattern(international)
            .says("An international number; one that is none is 422, not 400."),
        sender(),
        Schema::string().with("minLength", 1).says(
            "The text. `{key}` is replaced by the placeholder of that name. How many parts it may \
             take is the account's.",
        ),
        Schema::text(0..=ID_CHARACTERS_MAX).or_null(),
        Schema::text(1..=ID_CHARACTERS_MAX)
            .or_null()
            .says("Yours; one is made where there is none."),
        Schema::string()
            .pattern(user_data_header())
            .with("maxLength", UDH_DIGITS_MAX)
            .or_null()
            .says("Hexadecimal digits; the first octet counts the others. The body has to fit behind."),
        Schema::flag().default(false).or_null().says("Checked and counted, never sent."),
        Schema::flag().default(true).or_null().says("Whether the account is told of each part's end."),
        Schema::tree()
            .with("additionalProperties", json!({ "type": ["string", "number", "boolean"] }))
            .or_null(),
        Schema::string()
            .pattern(schedule::pattern())
            .or_null()
            .says("`2025-10-01 09:00:00.000+0000`; the past is now, and a year ahead the limit."),
        Schema::flag().default(false).or_null().says("Stored, without effect."),
    ])
}

/// Two digits for the number of octets that follow, and those.
fn user_data_header() -> String {
    let digit = |n: usize| match char::from_digit(n as u32, 16).expect("a digit is below 16") {
        letter @ 'a'..='f' => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        digit => digit.to_string(),
    };
    let lengths = (0..UDH_DIGITS_MAX / 2).map(|octets| {
        let (high, low) = (digit(octets / 16), digit(octets % 16));
        format!("{high}{low}[0-9a-fA-F]{{{}}}", 2 * octets)
    });
    format!("^({})$", lengths.collect::<Vec<_>>().join("|"))
}

fn sender() -> Schema {
    let digits = format!(r"^\+?[0-9]{{{SENDER_DIGITS_MIN},{SENDER_DIGITS_MAX}}}$");
    let letters: String = (' '..='\u{20ac}')
        .filter(|c| text::is_basic_gsm(*c))
        .flat_map(|c| [Some('\\').filter(|_| "\\^-[]".contains(c)), Some(c)])
        .flatten()
        .collect();
    let letters = Schema::string()
        .pattern(format!("^[{letters}]{{1,{SENDER_LETTERS_MAX}}}$"))
        .with("not", json!({ "pattern": r"^\+?[0-9]*$" }));
    Schema::any_of([Schema::string().pattern(digits), letters])
        .says("A number, or characters of the basic GSM alphabet.")
}
