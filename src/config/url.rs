//! Which URLs may be called: the documented rules for those in the file and those in a
//! request alike.

use http::Uri;
use std::net::Ipv4Addr;

/// Longer URLs are cut or refused by many servers.
pub const URL_OCTETS_MAX: usize = 2048;

/// What [`http_url`] takes of every client, as a pattern; it takes some more.
pub const HTTP_URL: &str = r"https?://([A-Za-z0-9-]*\.)*[A-Za-z][A-Za-z0-9-]*(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~/-]*)?(\?[A-Za-z0-9._~/=&-]*)?";

/// Parses an absolute `http` or `https` URL without user information. The error is a sentence about
/// the URL.
pub fn http_url(text: &str) -> Result<Uri, &'static str> {
    if text.len() > URL_OCTETS_MAX {
        return Err("the URL must have at most 2048 octets");
    }
    if text.contains('#') {
        return Err("the URL must not have a fragment: it would never be sent");
    }
    let uri: Uri = text
        .parse()
        .map_err(|_| "must be a URL such as https://example.org/path")?;
    let Some(authority) = uri.authority() else {
        return Err("must be a whole URL such as https://example.org/path");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("the URL must begin with http:// or https://");
    }
    if authority.as_str().contains('@') {
        return Err("the URL must not contain a user name or password");
    }
    if authority.host().is_empty() {
        return Err("the URL must name a host");
    }
    if ends_in_number(authority.host()) && authority.host().parse::<Ipv4Addr>().is_err() {
        return Err("the URL's host must be a name or an IP address, written as is usual");
    }
    let behind_host = &authority.as_str()[authority.host().len()..];
    if !behind_host.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
        return Err("the URL's port must be between 1 and 65535");
    }
    Ok(uri)
}

/// A name of the kind that `getaddrinfo` takes for an address, `127.1` or `0x7f000001`: no rule
/// about addresses would see it as one.
fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_can_be_called_are_taken() {
        for good in [
            "http://127.0.0.1:18091/mo",
            "https://example.org",
            "HTTPS://Example.org/a?b=c&d=%20",
            "http://[::1]:8080/",
            "http://[::1]/",
            "http://0x7f.example.org/",
            "http://1.example/",
        ] {
            assert!(http_url(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn urls_that_cannot_or_must_not_be_called_are_refused() {
        let long = format!("http://example.org/{}", "a".repeat(URL_OCTETS_MAX));
        for bad in [
            "",
            "/mo",
            "example.org",
            "example.org:80",
            "ftp://example.org/",
            "http://user@example.org/",
            "http://user:pass@example.org/",
            "http://",
            "http://:80/",
            "http://example.org:0/",
            "http://example.org:99999/",
            "http://example.org:/",
            "http://example.org/a b",
            "http://exämple.org/",
            "http://example.org/#top",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://127.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://127.0.0.0x1/",
            long.as_str(),
        ] {
            assert!(http_url(bad).is_err(), "{bad}");
        }
    }
}
