//! The bearer token of callbacks to service profiles: a JWS in compact form, HS256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::Serialize;

use crate::{
    config::Secret,
    message::{CallbackId, Timestamp},
};

/// One service profile's key.
#[derive(Debug)]
pub(super) struct Signer {
    key: hmac::Key,
    issuer: String,
}

/// A token is good for this many seconds: longer than any attempt, too short to be of use to
/// whoever finds it in a log.
const GOOD_FOR_S: u64 = 300;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    sub: String,
}

impl Signer {
    pub(super) fn new(secret: &Secret, issuer: &str) -> Signer {
        Signer {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()),
            issuer: issuer.to_owned(),
        }
    }

    /// A new token. `nonce` differs from attempt to attempt: after a crash an attempt's number
    /// comes twice.
    pub(super) fn token(&self, id: CallbackId, attempt: u32, now: Timestamp, nonce: u64) -> String {
        let iat = now.unix_s();
        let claims = Claims {
            iss: &self.issuer,
            iat,
            exp: iat + GOOD_FOR_S,
            jti: format!("{}-{}-{attempt}-{nonce:016x}", id.message, id.number),
            sub: id.message.to_string(),
        };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        jws(&self.key, &claims)
    }
}

/// `{"alg":"HS256","typ":"JWT"}`, encoded.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

fn jws(key: &hmac::Key, claims: &[u8]) -> String {
    let mut token = String::with_capacity(HEADER.len() + claims.len() * 4 / 3 + 48);
    token.push_str(HEADER);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = hmac::sign(key, token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
    token
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageId;

    #[test]
    fn the_published_vector_is_met() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cr3t-signing-key");
        let claims = br#"{"iss":"bridge","iat":1700000000,"exp":1700000300,"jti":"mo-46638782-1"}"#;
        assert_eq!(
            jws(&key, claims),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJicmlkZ2UiLCJpYXQiOjE3MDAwMDAwMDAsI\
             mV4cCI6MTcwMDAwMDMwMCwianRpIjoibW8tNDY2Mzg3ODItMSJ9.iiuxXkYr20k9uL749BDjIPnxhw6-CJA\
             -UHlxo0NfHgI"
        );
    }

    #[test]
    fn a_token_names_issuer_times_attempt_and_message() {
        let signer = Signer::new(&Secret::new("k"), "bridge");
        let id = CallbackId {
            message: MessageId(46_638_782),
            number: 0,
        };
        let token = signer.token(id, 2, Timestamp::from_unix_ms(1_700_000_000_000), 10);
        let claims = token.split('.').nth(1).unwrap();
        assert_eq!(
            String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap(),
            r#"{"iss":"bridge","iat":1700000000,"exp":1700000300,"jti":"46638782-0-2-000000000000000a","sub":"46638782"}"#
        );
    }
}
