//! Passwords of which the configuration gives only a slow hash: proved once, then known again by a
//! fast one under a key of this process.
//!
//! Whoever knows a user name can make us work. So one password is checked at a time, whoever it is
//! for; each account has a queue of its own with few places, and one check of it in the common
//! queue, so that an account under attack delays another by one check at most. Whoever finds the
//! queue full is answered 429. A password that was proved passes by all of this.

use std::sync::{Arc, Mutex, PoisonError};

use ring::{hmac, rand::SystemRandom};
use subtle::ConstantTimeEq;
use tokio::sync::{self, Semaphore};

use crate::config::SlowHash;

/// Calls of one account that wait for a check of their password, the checked one included. A check
/// takes some 30 ms, so the last of them waits two seconds.
const WAITING_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Passwords {
    /// None: the system gives no random numbers, and nothing is remembered.
    key: Option<hmac::Key>,
    /// One check: it takes as many megabytes as the hash says.
    check: Arc<Semaphore>,
    /// By place in the configuration.
    desks: Vec<Desk>,
}

/// One account's passwords.
#[derive(Debug)]
struct Desk {
    places: Semaphore,
    turn: sync::Mutex<()>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    right: Option<Tag>,
    /// The latest: a client with an old password says it again and again.
    wrong: Option<Tag>,
}

type Tag = [u8; 32];

/// The account's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Passwords {
    pub(super) fn new(accounts: usize) -> Passwords {
        let desk = || Desk {
            places: Semaphore::new(WAITING_MAX),
            turn: sync::Mutex::default(),
            seen: Mutex::default(),
        };
        Passwords {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok(),
            check: Arc::new(Semaphore::new(1)),
            desks: std::iter::repeat_with(desk).take(accounts).collect(),
        }
    }

    /// Whether `hash`, of the account at this place, is of this password.
    pub(super) async fn is_right(
        &self,
        at: usize,
        hash: &SlowHash,
        password: &[u8],
    ) -> Result<bool, Busy> {
        let desk = &self.desks[at];
        let tag = self.tag(password);
        if let Some(known) = desk.verdict(tag.as_ref()) {
            return Ok(known);
        }
        let _place = desk.places.try_acquire().map_err(|_| Busy)?;
        let _turn = desk.turn.lock().await;
        // Others may have brought the same one meanwhile.
        if let Some(known) = desk.verdict(tag.as_ref()) {
            return Ok(known);
        }
        let permit = self.check.clone().acquire_owned().await;
        let (hash, password) = (hash.clone(), password.to_vec());
        // It ends by itself when nobody waits for it any more, and holds the permit until then.
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash.is_of(&password)
        });
        let is_right = checked.await.unwrap_or(false);
        desk.note(tag, is_right);
        Ok(is_right)
    }

    fn tag(&self, password: &[u8]) -> Option<Tag> {
        let tag = hmac::sign(self.key.as_ref()?, password);
        tag.as_ref().try_into().ok()
    }
}

impl Desk {
    /// What is known already.
    fn verdict(&self, tag: Option<&Tag>) -> Option<bool> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let tag = tag?;
        let is = |known: &Option<Tag>| known.is_some_and(|known| known.ct_eq(tag).into());
        match (is(&seen.right), is(&seen.wrong)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    fn note(&self, tag: Option<Tag>, is_right: bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match is_right {
            true => seen.right = tag,
            false => seen.wrong = tag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, PasswordHash, parse};

    const ACCOUNT: &str = r#"
        [[universal.accounts]]
        name = "a"
        username = "a"
        gateway = "g"
    "#;

    fn hash_of(password: &str) -> SlowHash {
        let made = SlowHash::of(password.as_bytes()).unwrap();
        let file = format!("{ACCOUNT}password_hash = \"{made}\"");
        let config: Config = parse("bridge.toml", &file, &|_| None).unwrap();
        match &config.universal.accounts[0].password {
            Some(PasswordHash::Slow(hash)) => hash.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_password_is_checked_once_and_then_known() {
        let hash = hash_of("right");
        let passwords = Passwords::new(2);
        assert_eq!(passwords.is_right(0, &hash, b"right").await, Ok(true));
        assert_eq!(passwords.is_right(0, &hash, b"wrong").await, Ok(false));
        // From here on nothing can be checked.
        let _permit = passwords.check.acquire().await.unwrap();
        assert_eq!(passwords.is_right(0, &hash, b"right").await, Ok(true));
        assert_eq!(passwords.is_right(0, &hash, b"wrong").await, Ok(false));
        assert_eq!(
            passwords.desks[1].verdict(passwords.tag(b"right").as_ref()),
            None
        );
    }

    #[tokio::test]
    async fn a_flood_on_one_account_is_refused_and_another_is_checked() {
        let hash = hash_of("right");
        let passwords = Arc::new(Passwords::new(2));
        let permit = passwords.check.acquire().await.unwrap();
        let wrong = |n: usize| {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            // All alike, so that one check answers them all.
            tokio::spawn(async move { passwords.is_right(0, &hash, b"wrong").await.map(|_| n) })
        };
        let flood: Vec<_> = (0..WAITING_MAX).map(wrong).collect();
        while passwords.desks[0].places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.is_right(0, &hash, b"right").await, Err(Busy));
        drop(permit);
        assert_eq!(passwords.is_right(1, &hash, b"right").await, Ok(true));
        for (n, one) in flood.into_iter().enumerate() {
            assert_eq!(one.await.unwrap(), Ok(n));
        }
        assert_eq!(passwords.is_right(0, &hash, b"right").await, Ok(true));
    }
}
