//! A value that proves who somebody is: an API token, a signing key, a password. It never shows
//! itself: Debug prints `***`, there is no Display, and comparing takes the same time wherever two
//! values differ.

use std::fmt;

use subtle::ConstantTimeEq;

/// Read it with [`Secret::expose`], only where it goes into a header, a signature or a PDU.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself. Never for a log line, a metric or an error text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is this secret. Only the length can be learned from how long it takes.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_and_nothing_else() {
        let secret = Secret::new("s3cr3t");
        assert!(secret.matches(b"s3cr3t"));
        assert!(!secret.matches(b"s3cr3T"));
        assert!(!secret.matches(b"s3cr3t "));
        assert!(!secret.matches(b""));
        assert_eq!(secret, Secret::new("s3cr3t"));
    }

    #[test]
    fn debug_of_a_secret_shows_three_stars() {
        assert_eq!(format!("{:?}", Some(Secret::new("s3cr3t"))), "Some(***)");
    }
}
