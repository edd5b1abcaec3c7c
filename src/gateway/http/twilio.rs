//! What a Twilio-compatible upstream answers.

use http::StatusCode;
use serde_json::Value;

use super::answer::{Verdict, bounded};

/// The provider's word for a destination that wants nothing of this sender.
const OPTED_OUT: i64 = 21610;

/// Such a message is sent by nobody.
pub(super) fn is_opt_out(body: &[u8]) -> bool {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    json.get("code").and_then(Value::as_i64) == Some(OPTED_OUT)
}

pub(super) fn answer(status: StatusCode, body: &[u8]) -> Verdict {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    if status.is_success() {
        return Verdict::taken(text("sid").filter(|sid| !sid.is_empty()).map(str::to_owned));
    }
    let code = json.get("code").and_then(Value::as_i64);
    match (text("message"), code) {
        (Some(message), Some(code)) => Verdict::Refused {
            reason: bounded(&format!("{message} (code {code})")),
        },
        (Some(message), None) => Verdict::refused(status, message),
        (None, Some(code)) => Verdict::refused(status, &format!("code {code}")),
        (None, None) => Verdict::refused(status, &String::from_utf8_lossy(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let told = |status: u16, body: &str| match answer(
            StatusCode::from_u16(status).unwrap(),
            body.as_bytes(),
        ) {
            Verdict::Taken { id } => Ok(id),
            Verdict::Refused { reason } => Err(reason),
        };
        let taken = r#"{"sid":"SM1","status":"accepted","num_segments":"0","error_code":null}"#;
        assert_eq!(told(201, taken), Ok(Some("SM1".into())));
        assert_eq!(told(200, "{}"), Ok(None));
        for (status, body, reason) in [
            (
                400,
                r#"{"code":21211,"message":"Invalid 'To' Phone Number","status":400}"#,
                "Invalid 'To' Phone Number (code 21211)",
            ),
            (401, r#"{"message":"Authenticate"}"#, "Authenticate"),
            (429, r#"{"code":20429}"#, "code 20429"),
            (503, "down", "down"),
        ] {
            assert_eq!(told(status, body), Err(reason.into()), "{body}");
        }
    }
}
