//! A secret that is needed in clear: a key that signs, a password that we show to somebody else. It
//! never shows itself: Debug prints `***`, there is no Display, and comparing takes the same time
//! wherever two values differ. Of what clients show us only a [`super::SecretHash`] is kept.

use std::{fmt, fs::File, io::Read};

use subtle::ConstantTimeEq;

use super::{
    node::Value,
    table::Env,
    value::{self, TEXT_MAX, Wrong},
};

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
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret itself stands in the file.
pub(super) fn written(value: &Value) -> Result<Secret, Wrong> {
    secret(value::any_text(value)?.to_owned())
}

/// The value names a variable. It is not repeated in complaints: somebody may have put the secret
/// there by mistake.
pub(super) fn from_env(value: &Value, env: Env<'_>) -> Result<Secret, Wrong> {
    let name = value::text(TEXT_MAX)(value)?;
    match env(&name) {
        Some(text) => secret(text),
        None => Err("the environment variable named here is not set, or is not UTF-8".into()),
    }
}

/// The value names a file, whose content is the secret but for the line ends at its end.
pub(super) fn from_file(value: &Value) -> Result<Secret, Wrong> {
    let path = value::path(value)?;
    let mut text = String::new();
    let read = File::open(&path)
        .and_then(|file| file.take(SECRET_FILE_OCTETS_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => secret(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(e) => Err(format!("the file named here cannot be read: {e}").into()),
    }
}

fn secret(text: String) -> Result<Secret, Wrong> {
    if text.is_empty() {
        Err("the secret is empty".into())
    } else if text.len() > SECRET_OCTETS_MAX {
        Err(format!("the secret has more than {SECRET_OCTETS_MAX} octets").into())
    } else if text.chars().any(char::is_control) {
        Err("the secret contains control characters".into())
    } else {
        Ok(Secret::new(text))
    }
}

/// Room for a secret that is just too long behind its line end: a larger file is refused, not cut.
const SECRET_FILE_OCTETS_MAX: u64 = 8192;

/// Enough for any token or key; a limit, because what a client shows is hashed on every request.
pub(super) const SECRET_OCTETS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_equals_itself_and_nothing_else() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(secret, Secret::new("s3cr3t"));
        for other in ["s3cr3T", "s3cr3t ", ""] {
            assert_ne!(secret, Secret::new(other));
        }
    }

    #[test]
    fn debug_of_a_secret_shows_three_stars() {
        assert_eq!(format!("{:?}", Some(Secret::new("s3cr3t"))), "Some(***)");
    }
}
