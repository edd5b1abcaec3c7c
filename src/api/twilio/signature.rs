//! The proof of a Twilio-compatible sender: an HMAC-SHA1 over the URL it was given and, where the
//! body is a form, every parameter of it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

/// What was signed.
#[derive(Debug)]
pub(super) struct Signed {
    /// Every spelling of the URL that the sender may have meant.
    pub(super) urls: Vec<String>,
    /// What follows the URL.
    pub(super) parameters: String,
    /// As the sender encoded it.
    pub(super) signature: Vec<u8>,
}

impl Signed {
    /// Whether the signature was made with this key.
    pub(super) fn fits(&self, key: &str) -> bool {
        let Ok(tag) = STANDARD.decode(&self.signature) else {
            return false;
        };
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        self.urls.iter().any(|url| {
            let text = format!("{url}{}", self.parameters);
            // In constant time.
            hmac::verify(&key, text.as_bytes(), &tag).is_ok()
        })
    }
}

/// The URL without its port, and with it: senders are not of one mind about default ports.
pub(super) fn spellings(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![url.to_owned()];
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let colon = authority
        .rfind(':')
        .filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match colon {
        Some(at) => (&authority[..at], &authority[at + 1..]),
        None if scheme.eq_ignore_ascii_case("https") => (authority, "443"),
        None => (authority, "80"),
    };
    vec![
        format!("{scheme}://{host}{path}"),
        format!("{scheme}://{host}:{port}{path}"),
    ]
}

/// Names in the order of their octets, each with its values, sorted and once each.
pub(super) fn parameters(pairs: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        sorted.entry(name).or_default().insert(value);
    }
    let mut text = String::new();
    for (name, values) in sorted {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// Whether the URL names the digest of this body.
pub(super) fn names_digest(uri: &Uri, body: &[u8]) -> bool {
    let query = uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, named)) = pairs.find(|(name, _)| name == "bodySHA256") else {
        return false;
    };
    let digest = digest::digest(&digest::SHA256, body);
    let hex: String = digest.as_ref().iter().map(|o| format!("{o:02x}")).collect();
    named.as_bytes().ct_eq(hex.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn pairs(form: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = form.iter().map(|(n, v)| ((*n).into(), (*v).into()));
        owned.collect()
    }

    fn fits(key: &str, url: &str, form: &[(&str, &str)], signature: &str) -> bool {
        Signed {
            urls: vec![url.to_owned()],
            parameters: parameters(&pairs(form)),
            signature: signature.into(),
        }
        .fits(key)
    }

    #[test]
    fn the_published_vectors_are_met() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let form = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ];
        assert!(fits("12345", url, &form, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!fits("12346", url, &form, "RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(!fits("12345", url, &form, "RSOYDt4T1cUTdK1PDd93/VVr8B8"));
        assert!(!fits("12345", url, &form, ""));
        let repeated = [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ];
        assert!(fits(
            "12345",
            url,
            &repeated,
            "IK+Dwps556ElfBT0I3Rgjkr1wJU="
        ));
        let body = br#"{"property": "value", "boolean": true}"#;
        let sha256 = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        let with_digest = format!("{url}&bodySHA256={sha256}");
        assert!(names_digest(&with_digest.parse().unwrap(), body));
        assert!(!names_digest(&with_digest.parse().unwrap(), b"{}"));
        assert!(!names_digest(&url.parse().unwrap(), body));
        assert!(fits(
            "12345",
            &with_digest,
            &[],
            "a9nBmqA0ju/hNViExpshrM61xv4="
        ));
    }

    #[test]
    fn a_status_is_proved_for_each_url_and_every_parameter() {
        let bridge = "https://bridge.example.test/v1/webhook/twilio/sms-status";
        let port = |port: &str| bridge.replace(".test/", &format!(".test:{port}/"));
        let form = |status| {
            vec![
                ("MessageStatus", status),
                ("SmsStatus", status),
                ("To", "+14155550100"),
                ("AccountSid", "AC00000000000000000000000000000001"),
                ("ApiVersion", "2010-04-01"),
                ("From", "+15005550006"),
                ("MessageSid", "SM00000000000000000000000000000abc"),
                ("SmsSid", "SM00000000000000000000000000000abc"),
            ]
        };
        let delivered = form("delivered");
        for (url, signature) in [
            (
                "http://127.0.0.1:18080/v1/webhook/twilio/sms-status".to_owned(),
                "VS8qlCaan1+xv6whhJ+jBHRnPLk=",
            ),
            (bridge.to_owned(), "PN1m3j66Ixxy7U4leMPgVc25aDI="),
            (port("443"), "FTLdIQRg2+t4EgIXADGVbXup8Eo="),
            (port("8443"), "E7mWhNnoyZaKF21pd4vsL+6jvBo="),
            (format!("{bridge}?tenant=7"), "/EXgNtlYTYnDFaSBrVhJWcydebA="),
        ] {
            assert!(fits(KEY, &url, &delivered, signature), "{url}");
        }
        let undelivered = [form("undelivered"), vec![("ErrorCode", "30006")]].concat();
        assert!(fits(
            KEY,
            bridge,
            &undelivered,
            "6ic2ioog+YwuXC93+q5G8FQA+84="
        ));
        let more = [
            delivered,
            vec![
                ("Body", "naïve +1 &=é"),
                ("MessagingServiceSid", "MG00000000000000000000000000000001"),
                ("RawDlrDoneDate", "2510161042"),
            ],
        ];
        assert!(fits(
            KEY,
            bridge,
            &more.concat(),
            "4KPCfNhxHEbi+055GQKwGXw9wII="
        ));
        let digest = "9c590a05b6373ee16c8bf792ba4fc216f8cde51b4cc6b4a534f4c67868ec678b";
        let url = format!("{bridge}?bodySHA256={digest}");
        assert!(fits(KEY, &url, &[], "k3z0J/B3xQRXxQN4k41NFbibAlM="));
    }

    #[test]
    fn a_url_is_spelt_without_and_with_its_port() {
        for (url, without, with) in [
            (
                "https://a.test/x?y=:1",
                "https://a.test/x?y=:1",
                "https://a.test:443/x?y=:1",
            ),
            ("http://a.test", "http://a.test", "http://a.test:80"),
            (
                "https://a.test:443/",
                "https://a.test/",
                "https://a.test:443/",
            ),
            (
                "https://a.test:8443?x",
                "https://a.test?x",
                "https://a.test:8443?x",
            ),
            ("http://[::1]/x", "http://[::1]/x", "http://[::1]:80/x"),
            ("http://[::1]:81/x", "http://[::1]/x", "http://[::1]:81/x"),
        ] {
            assert_eq!(spellings(url), [without, with]);
        }
    }
}
