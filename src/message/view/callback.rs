//! How far one callback has come, as the entries of its message tell.

use crate::message::{Event, PendingCallback, Timestamp};

/// How far a callback has come.
#[derive(Clone, Debug, Default)]
pub struct CallbackState {
    pub attempts: u32,
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub delivered: bool,
    pub dead: bool,
    pub next_at: Option<Timestamp>,
}

impl CallbackState {
    /// As a copy of the live state has it: those that are not there were done.
    pub(super) fn carried(pending: &[PendingCallback], number: u32) -> CallbackState {
        let Some(callback) = pending.iter().find(|c| c.id.number == number) else {
            return CallbackState {
                delivered: true,
                ..CallbackState::default()
            };
        };
        let is_due = !callback.dead && callback.attempts > 0;
        CallbackState {
            attempts: callback.attempts,
            dead: callback.dead,
            next_at: is_due.then_some(callback.due_at),
            ..CallbackState::default()
        }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::CallbackFailed {
                status,
                reason,
                next_at,
                ..
            } => {
                self.attempts += 1;
                self.status = *status;
                self.reason = Some(reason.clone());
                self.next_at = Some(*next_at);
            }
            Event::CallbackDelivered { status, .. } => {
                self.attempts += 1;
                self.status = Some(*status);
                self.reason = None;
                self.next_at = None;
                self.delivered = true;
            }
            Event::CallbackDead { reason, .. } => {
                self.reason = Some(reason.clone());
                self.next_at = None;
                self.dead = true;
            }
            Event::CallbackRequeued { .. } => {
                self.dead = false;
                self.delivered = false;
            }
            _ => {}
        }
    }
}
