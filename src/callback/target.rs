//! Where a callback goes: its URL, taken apart once.

use std::sync::Arc;

use http::{HeaderValue, Uri, uri::PathAndQuery};

use crate::client::Origin;

/// One URL.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) origin: Arc<Origin>,
    pub(super) path: PathAndQuery,
    /// What goes into the `Host` header.
    pub(super) host: HeaderValue,
}

impl Target {
    /// `url` is one that [`crate::config::url::http_url`] took.
    pub(super) fn of(url: &Uri, guarded: bool) -> Option<Target> {
        let authority = url.authority()?;
        let tls = url.scheme_str()?.eq_ignore_ascii_case("https");
        let host = authority.host().trim_start_matches('[');
        let origin = Origin {
            host: host.trim_end_matches(']').to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            guarded,
        };
        Some(Target {
            origin: Arc::new(origin),
            path: path_of(url)?,
            host: HeaderValue::from_str(authority.as_str()).ok()?,
        })
    }
}

fn path_of(url: &Uri) -> Option<PathAndQuery> {
    match url.path_and_query() {
        None => Some(PathAndQuery::from_static("/")),
        Some(path) if path.as_str().starts_with('/') => Some(path.clone()),
        Some(query) => format!("/{}", query.as_str()).parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, host, port, tls, path, header) in [
            ("http://App.test", "app.test", 80, false, "/", "App.test"),
            (
                "https://app.test/a?b=c",
                "app.test",
                443,
                true,
                "/a?b=c",
                "app.test",
            ),
            (
                "http://app.test:81?q",
                "app.test",
                81,
                false,
                "/?q",
                "app.test:81",
            ),
            (
                "HTTPS://[2001:DB8::1]:8443/",
                "2001:db8::1",
                8443,
                true,
                "/",
                "[2001:DB8::1]:8443",
            ),
        ] {
            let target = Target::of(&url.parse().unwrap(), true).unwrap();
            assert_eq!(target.origin.host, host);
            assert_eq!((target.origin.port, target.origin.tls), (port, tls));
            assert_eq!(target.path, path);
            assert_eq!(target.host, header);
        }
    }
}
