//! A message as a checkpoint has it: all that memory holds, but for the client that waits.

use super::super::packed::Packed;
use super::wanted::Wanted;
use super::{Frames, Mt};
use crate::message::{GatewayId, MessageId, State, Timestamp};
use serde::{Deserialize, Serialize};

/// Read where it lies.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct MtCopy<'a> {
    pub(in super::super) id: MessageId,
    accepted_at: Timestamp,
    frames: u64,
    #[serde(borrow, with = "serde_bytes")]
    packed: &'a [u8],
    due_at: Timestamp,
    resubmitted_attempt: u32,
    word: Option<&'a str>,
    gateway: GatewayId,
    attempts: u32,
    callbacks_made: u16,
    callbacks_open: u16,
    state: State,
    soft: bool,
    resubmits: u8,
    wants: u8,
}

impl Mt {
    pub(in super::super) fn copy(&self) -> MtCopy<'_> {
        MtCopy {
            id: self.id,
            accepted_at: self.accepted_at,
            frames: self.frames.0,
            packed: self.packed.octets(),
            due_at: self.due_at(),
            resubmitted_attempt: self.resubmitted_attempt(),
            word: self.word(),
            gateway: self.gateway,
            attempts: self.attempts,
            callbacks_made: self.callbacks_made,
            callbacks_open: self.callbacks_open,
            state: self.state,
            soft: self.soft,
            resubmits: self.resubmits,
            wants: self.wants.0,
        }
    }

    pub(in super::super) fn of_copy(copy: &MtCopy<'_>) -> Mt {
        let mut m = Mt {
            id: copy.id,
            accepted_at: copy.accepted_at,
            frames: Frames(copy.frames),
            packed: Packed::of_octets(copy.packed),
            aside: None,
            gateway: copy.gateway,
            attempts: copy.attempts,
            callbacks_made: copy.callbacks_made,
            callbacks_open: copy.callbacks_open,
            state: copy.state,
            soft: copy.soft,
            resubmits: copy.resubmits,
            wants: Wanted(copy.wants),
        };
        m.set_due_at(copy.due_at);
        m.set_resubmitted_attempt(copy.resubmitted_attempt);
        if let Some(word) = copy.word {
            m.with_aside(|aside| aside.word = Some(word.into()));
        }
        m
    }
}
