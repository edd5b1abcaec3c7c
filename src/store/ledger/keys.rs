//! Keys by which clients may repeat a request without repeating its effect.
//!
//! A key belongs to the message that was accepted under it, and gets that one's answer.
//! There are never more than `keys_max`, and none is older than `key_retention`, once
//! [`Ledger::forget_keys`] has run.

use super::Ledger;
use crate::message::{Event, MessageId, Timestamp};
use crate::store::intent::{IdempotencyKey, KeyState};

#[derive(Debug)]
pub(super) struct Key {
    pub(super) content: u128,
    pub(super) message: MessageId,
    pub(super) taken_at: Timestamp,
    /// Where it, or the latest copy of it, is.
    pub(super) frame: u64,
    pub(super) answer: Option<(u16, String)>,
}

impl Ledger {
    pub(in crate::store) fn key(&self, key: IdempotencyKey) -> KeyState {
        match self.keys.get(&key.key) {
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
        if let Some(message) = self.keys.get(&key.key).map(|k| k.message) {
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

    pub(super) fn insert_key(&mut self, key: u128, taken: Key) {
        self.keys_by_age.insert((taken.taken_at, key));
        if let Some(before) = self.keys.insert(key, taken)
            && self.keys[&key].taken_at != before.taken_at
        {
            self.keys_by_age.remove(&(before.taken_at, key));
        }
    }

    pub(super) fn forget_keys(&mut self) {
        while let Some((taken_at, key)) = self.keys_by_age.first().copied() {
            let is_old = self.now.since(taken_at) >= self.policy.key_retention;
            if !is_old && self.keys.len() <= self.policy.keys_max {
                break;
            }
            self.keys_by_age.pop_first();
            self.keys.remove(&key);
        }
    }
}
