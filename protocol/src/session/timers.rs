//! The session's own deadlines, apart from those of outstanding requests.

use std::time::Instant;

use super::options::SessionOptions;

/// When to ask for a sign of life, and when to give up on it.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When the peer was last heard.
    heard_at: Instant,
    /// When the `enquire_link` that is out must have had an effect.
    answer_due_at: Option<Instant>,
    misses: u32,
}

/// What silence asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing yet.
    Wait,
    /// Send an `enquire_link`.
    Enquire,
    /// The peer is gone.
    Dead,
}

impl Liveness {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard_at: now,
            answer_due_at: None,
            misses: 0,
        }
    }

    /// Any octet of the peer is life, whatever it answers.
    pub(super) fn heard(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    pub(super) fn deadline(&self, options: &SessionOptions) -> Option<Instant> {
        let interval = options.enquire_link?;
        Some(self.answer_due_at.unwrap_or(self.heard_at + interval))
    }

    pub(super) fn check(&mut self, options: &SessionOptions, now: Instant) -> Silence {
        match self.deadline(options) {
            Some(deadline) if deadline <= now => {}
            _ => return Silence::Wait,
        }
        if self.answer_due_at.is_some() {
            self.misses += 1;
            if self.misses >= options.enquire_link_misses.max(1) {
                return Silence::Dead;
            }
        }
        self.answer_due_at = Some(now + options.enquire_link_timeout);
        Silence::Enquire
    }
}
