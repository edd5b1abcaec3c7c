//! Keys by which clients may repeat a request without repeating its effect.
//!
//! A key belongs to the message that was accepted under it, and gets that one's answer.
//! There are never more than `keys_max`, their answers never take more than
//! `key_answers_octets_max`, and none is older than `key_retention`, once
//! [`Ledger::forget_keys`] has run.

use super::Ledger;
use crate::message::{Event, MessageId, Timestamp};
use crate::store::intent::{IdempotencyKey, KeyState};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

#[derive(Debug)]
pub(super) struct Key {
    pub(super) content: u128,
    pub(super) message: MessageId,
    pub(super) taken_at: Timestamp,
    /// Where it, or the latest copy of it, is.
    pub(super) frame: u64,
    pub(super) answer: Option<(u16, String)>,
}

/// All of them, also by age.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_key: HashMap<u128, Key>,
    by_age: BTreeSet<(Timestamp, u128)>,
    /// Of all answers.
    answers_octets: usize,
}

impl Key {
    fn answer_octets(&self) -> usize {
        self.answer.as_ref().map_or(0, |(_, body)| body.len())
    }
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn get(&self, key: u128) -> Option<&Key> {
        self.by_key.get(&key)
    }

    pub(super) fn insert(&mut self, key: u128, taken: Key) {
        self.remove(key);
        self.answers_octets += taken.answer_octets();
        self.by_age.insert((taken.taken_at, key));
        self.by_key.insert(key, taken);
    }

    pub(super) fn answer(&mut self, key: u128, status: u16, body: &str) {
        if let Some(known) = self.by_key.get_mut(&key) {
            self.answers_octets -= known.answer_octets();
            known.answer = Some((status, body.to_owned()));
            self.answers_octets += body.len();
        }
    }

    /// Those whose latest copy is older than the frame.
    pub(super) fn before(&self, frame: u64) -> impl Iterator<Item = u128> {
        let old = self.by_key.iter().filter(move |(_, k)| k.frame < frame);
        old.map(|(key, _)| *key)
    }

    /// The first one behind that, by age.
    pub(super) fn after(&self, at: Bound<(Timestamp, u128)>) -> Option<(Timestamp, u128)> {
        self.by_age.range((at, Bound::Unbounded)).next().copied()
    }

    fn oldest(&self) -> Option<(Timestamp, u128)> {
        self.by_age.first().copied()
    }

    fn remove(&mut self, key: u128) {
        if let Some(known) = self.by_key.remove(&key) {
            self.answers_octets -= known.answer_octets();
            self.by_age.remove(&(known.taken_at, key));
        }
    }
}

impl Ledger {
    pub(in crate::store) fn key(&self, key: IdempotencyKey) -> KeyState {
        match self.keys.get(key.key) {
            None => KeyState::Unused,
            Some(k) if k.content != key.content => KeyState::Conflict,
            Some(k) => match &k.answer {
                None => KeyState::Running { message: k.message },
                Some((status, body)) => KeyState::Answered {
                    status: *status,
                    body: body.clone(),
                },
            },
        }
    }

    pub(in crate::store) fn answer_key(&mut self, key: IdempotencyKey, status: u16, body: String) {
        if let Some(message) = self.keys.get(key.key).map(|k| k.message) {
            self.record(
                message,
                Event::KeyAnswered {
                    key: key.key,
                    status,
                    body,
                },
            );
        }
    }

    pub(super) fn forget_keys(&mut self) {
        while let Some((taken_at, key)) = self.keys.oldest() {
            let is_old = self.now.since(taken_at) >= self.policy.key_retention;
            let are_many = self.keys.len() > self.policy.keys_max
                || self.keys.answers_octets > self.policy.key_answers_octets_max;
            if !is_old && !are_many {
                break;
            }
            self.keys.remove(key);
        }
    }
}
