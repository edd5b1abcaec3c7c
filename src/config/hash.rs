//! What is kept of a secret that clients show us and we only compare: its hash. Once the file has
//! been read, neither a token nor a key nor an account's password is in memory any more.
//!
//! A token or key is long and random, so a plain SHA-256 cannot be turned back. A password is what
//! a person chose: where the file holds only its hash, that is argon2id, slow on purpose. Neither
//! shows itself: Debug prints `***`, there is no Display.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc,
};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;

use super::{
    node::Value,
    secret::{SECRET_OCTETS_MAX, Secret},
    value::{self, Wrong},
};

/// SHA-256 of a token, a key, or a password that the file gives in clear.
#[derive(Clone)]
pub struct SecretHash {
    digest: [u8; 32],
    is_example: bool,
}

impl SecretHash {
    pub fn of(secret: &str) -> Self {
        Self {
            digest: sha256(secret.as_bytes()),
            is_example: secret.starts_with(EXAMPLE),
        }
    }

    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether `candidate` is the secret, as far as [`sha256_of_candidate`] goes.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        sha256_of_candidate(candidate).is_some_and(|digest| self.is(&digest))
    }

    /// In a time that does not tell where two digests differ.
    pub fn is(&self, digest: &[u8; 32]) -> bool {
        self.digest.ct_eq(digest).into()
    }

    /// It is one of the secrets of `config/bridge.toml`, which everybody knows.
    pub(super) fn is_example(&self) -> bool {
        self.is_example
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.digest)
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a client has shown, hashed. None: it is longer than any secret may be, and not worth the
/// work.
pub fn sha256_of_candidate(candidate: &[u8]) -> Option<[u8; 32]> {
    (candidate.len() <= SECRET_OCTETS_MAX).then(|| sha256(candidate))
}

/// What is kept of an account's password.
#[derive(Clone, Debug, PartialEq)]
pub enum PasswordHash {
    /// The file gives it in clear, so nothing is won by a slow hash.
    Fast(SecretHash),
    /// The file gives only this.
    Slow(SlowHash),
}

/// An argon2id hash with its salt and costs.
#[derive(Clone, PartialEq)]
pub struct SlowHash(Box<phc::PasswordHash>);

impl SlowHash {
    /// Of a new salt; it prints as what `password_hash` holds. None: the system gives no random
    /// numbers.
    pub fn of(password: &[u8]) -> Option<String> {
        let mut salt = [0; 16];
        SystemRandom::new().fill(&mut salt).ok()?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: phc::PasswordHash = argon2.hash_password_with_salt(password, &salt).ok()?;
        Some(hash.to_string())
    }

    /// Takes tens of milliseconds and megabytes, as the hash says: not for a thread that has
    /// anything else to do.
    pub fn is_of(&self, password: &[u8]) -> bool {
        Argon2::default()
            .verify_password(password, self.0.as_ref())
            .is_ok()
    }
}

impl fmt::Debug for SlowHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Costs of a new hash, as OWASP recommends for argon2id: 19 MiB, twice.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The costs that are taken from a file. One password is checked at a time, so this is all the
/// memory it needs: 64 MiB.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 8;

/// How the secrets of `config/bridge.toml` begin.
const EXAMPLE: &str = "change-me";

/// The file holds the SHA-256 in hexadecimal.
pub(super) fn written_sha256(value: &Value) -> Result<SecretHash, Wrong> {
    let text = value::any_text(value)?;
    let mut digest = [0; 32];
    let is_read = text.len() == 64
        && digest
            .iter_mut()
            .zip(text.as_bytes().chunks(2))
            .all(|(octet, pair)| {
                let pair = std::str::from_utf8(pair)
                    .ok()
                    .filter(|pair| !pair.starts_with('+'));
                pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
                    .map(|read| *octet = read)
                    .is_some()
            });
    match is_read {
        true => Ok(SecretHash {
            digest,
            is_example: false,
        }),
        false => Err(Wrong::new("must be 64 hexadecimal digits")
            .hint("`smpp-bridge hash` makes them of a secret")),
    }
}

/// The file holds an argon2id hash.
pub(super) fn written_slow(value: &Value) -> Result<PasswordHash, Wrong> {
    let hint = "`smpp-bridge hash --password` makes one";
    let hash = phc::PasswordHash::new(value::any_text(value)?)
        .ok()
        .filter(|hash| hash.algorithm.as_str() == "argon2id")
        .filter(|hash| hash.salt.is_some() && hash.hash.is_some());
    let costs = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    let (Some(hash), Some(costs)) = (hash, costs) else {
        return Err(Wrong::new("must be an argon2id hash, \"$argon2id$v=19$…\"").hint(hint));
    };
    let is_bearable = costs.m_cost() <= MEMORY_KIB_MAX
        && costs.t_cost() <= PASSES_MAX
        && costs.p_cost() <= LANES_MAX;
    match is_bearable {
        true => Ok(PasswordHash::Slow(SlowHash(Box::new(hash)))),
        false => Err(Wrong::new(format!(
            "costs too much: at most m={MEMORY_KIB_MAX}, t={PASSES_MAX}, p={LANES_MAX}"
        ))
        .hint(hint)),
    }
}

/// Of the secret in clear, which is dropped.
pub(super) fn of_token(secret: Secret) -> SecretHash {
    SecretHash::of(secret.expose())
}

/// The same for a password.
pub(super) fn of_password(secret: Secret) -> PasswordHash {
    PasswordHash::Fast(of_token(secret))
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, octets);
    digest.as_ref().try_into().expect("SHA-256 has 32 octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// The first is "abc" of FIPS 180-2.
    #[test]
    fn a_written_hash_matches_its_secret_and_nothing_else() {
        let written = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for written in [written.to_owned(), written.to_uppercase()] {
            let hash = written_sha256(&text(&written)).unwrap();
            assert!(hash.matches(b"abc") && hash == SecretHash::of("abc"));
            assert!(!hash.matches(b"abd") && !hash.matches(b"") && !hash.matches(b"abc "));
        }
        for odd in [
            "",
            "ba",
            &written[1..],
            &format!("+{}", &written[1..]),
            &"é".repeat(32),
        ] {
            assert!(written_sha256(&text(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_is_longer_than_any_secret_is_nobodys() {
        let long = "x".repeat(SECRET_OCTETS_MAX + 1);
        assert!(!SecretHash::of(&long).matches(long.as_bytes()));
        assert!(SecretHash::of(&long[1..]).matches(&long.as_bytes()[1..]));
    }

    #[test]
    fn a_password_is_proved_by_the_hash_that_was_made_of_it() {
        let made = SlowHash::of("pä ss".as_bytes()).unwrap();
        assert_ne!(
            made,
            SlowHash::of("pä ss".as_bytes()).unwrap(),
            "no two salts are the same"
        );
        let Ok(PasswordHash::Slow(hash)) = written_slow(&text(&made)) else {
            panic!("{made}");
        };
        assert!(hash.is_of("pä ss".as_bytes()));
        assert!(!hash.is_of(b"pa ss") && !hash.is_of(b""));
    }

    #[test]
    fn a_hash_that_is_none_or_would_cost_too_much_is_refused() {
        let tail = "c2FsdHNhbHRzYWx0c2FsdA$Jlg2y0ll2RpkCBCO5nTsL+aYl1Qj0H2Z1vOnLjBpVYQ";
        let at = |costs: &str| written_slow(&text(&format!("$argon2id$v=19${costs}${tail}")));
        assert!(at("m=65536,t=10,p=8").is_ok());
        for costs in ["m=65537,t=2,p=1", "m=19456,t=11,p=1", "m=19456,t=2,p=9"] {
            let wrong = at(costs).unwrap_err();
            assert!(wrong.message.starts_with("costs too much"), "{costs}");
        }
        for odd in [
            "",
            "secret",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA",
            &format!("$argon2i$v=19$m=19456,t=2,p=1${tail}"),
            &format!("$scrypt$ln=17,r=8,p=1${tail}"),
        ] {
            assert!(written_slow(&text(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn debug_of_a_hash_shows_three_stars() {
        let made = SlowHash::of(b"x").unwrap();
        let slow = written_slow(&text(&made)).unwrap();
        let shown = format!("{:?} {slow:?}", SecretHash::of("s3cr3t"));
        assert_eq!(shown, "*** Slow(***)");
    }
}
