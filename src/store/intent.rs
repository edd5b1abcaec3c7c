//! What callers ask of the store, and what they get back.

use crate::message::{
    CallbackId, CallbackKind, Disposition, EncodedHead, EncodedReport, Entry, GatewayId, Head,
    MessageId, MoRecord, OnUnknown, OrphanId, RefusalClass, Report, State, Story, Timestamp,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A message to accept.
#[derive(Debug)]
pub struct NewMessage {
    pub head: Head,
    pub text: String,
    pub key: Option<IdempotencyKey>,
    /// The caller wants to hear when the upstream has answered.
    pub wait: bool,
}

/// A message on its way to the writer, encoded by its caller's thread.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) gateway: GatewayId,
    pub(super) head: EncodedHead,
    pub(super) text: String,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) wait: bool,
}

impl From<NewMessage> for Prepared {
    fn from(new: NewMessage) -> Prepared {
        Prepared {
            gateway: new.head.gateway,
            head: EncodedHead::from(&new.head),
            text: new.text,
            key: new.key,
            wait: new.wait,
        }
    }
}

/// A client's key, and a digest of the request that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: u128,
    pub content: u128,
}

#[derive(Debug)]
pub enum Acceptance {
    Accepted {
        id: MessageId,
        at: Timestamp,
        settled: Option<oneshot::Receiver<Settled>>,
    },
    /// The key was used before.
    Known(KeyState),
    /// The gateway's queue is at its limit.
    QueueFull,
    /// The destination wants nothing of this use case.
    OptedOut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    Unused,
    /// The first request with it is still running.
    Running {
        message: MessageId,
    },
    Answered {
        status: u16,
        body: String,
    },
    /// It came with another request.
    Conflict,
}

/// The entries of a message from its acceptance to the upstream's answer.
pub type Settled = Vec<Entry>;

/// A message to send, held until its segments are responded, or released.
#[derive(Clone, Debug)]
pub struct Lease {
    pub message: MessageId,
    /// As the log has it: whoever sends the message reads it.
    pub head: EncodedHead,
    pub text: String,
    /// Numbers of the segments still to be sent, ascending, from 1.
    pub segments: Vec<u8>,
    /// 1 with the first lease.
    pub attempt: u32,
}

/// What became of one leased segment.
#[derive(Clone, Debug)]
pub struct Response {
    pub message: MessageId,
    pub segment: u8,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Submitted {
        upstream_id: Option<String>,
        answer: Option<String>,
    },
    Refused {
        disposition: Disposition,
        /// What it means for another upstream; `None`: this one may have taken it all the same.
        class: Option<RefusalClass>,
        status: Option<u32>,
        reason: String,
        answer: Option<String>,
    },
    /// Written, and never answered.
    Unanswered { reason: String, policy: OnUnknown },
}

/// How the gateways of routes stand.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// They take messages.
    pub up: Vec<GatewayId>,
    /// They do not, for so long.
    pub down: Vec<(GatewayId, Duration)>,
}

/// Something an upstream sent.
#[derive(Debug)]
pub enum Inbound {
    Receipt(Box<Evidence>),
    Mo(Box<MoRecord>),
}

/// A receipt or HTTP status callback, and how to find its message.
#[derive(Debug)]
pub struct Evidence {
    pub gateway: GatewayId,
    /// Ids it names, best first.
    pub ids: Vec<String>,
    pub id_rule: IdRule,
    /// `None`: the word says nothing about the state.
    pub state: Option<State>,
    pub report: EncodedReport,
    /// Applies even where the state stays: the word itself is news.
    pub verbatim: bool,
    /// Marks the delivery time whatever the word says.
    pub always_delivered_at: bool,
    pub if_unmatched: Unmatched,
}

#[derive(Debug)]
pub enum Unmatched {
    /// Kept as an orphan.
    Keep,
    /// Told as an orphan and not kept: the caller has somewhere else to look.
    Leave,
    /// It looked like a receipt only by its text: then it is a message.
    IsMessage(Box<MoRecord>),
}

/// How ids in receipts relate to those in responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdRule {
    #[default]
    Auto,
    Same,
    HexToDec,
    DecToHex,
}

/// What the store made of something inbound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Applied {
        message: MessageId,
        state: State,
    },
    Duplicate {
        message: MessageId,
    },
    Ignored {
        message: MessageId,
    },
    Orphan,
    Mo {
        id: MessageId,
    },
    /// A segment that waits for the others, or repeats one.
    MoSegment,
}

/// A callback to make.
#[derive(Clone, Debug)]
pub struct CallbackLease {
    pub id: CallbackId,
    pub kind: CallbackKind,
    /// 1 with the first attempt.
    pub attempt: u32,
    pub created_at: Timestamp,
    /// Of the message when the callback was made.
    pub state: State,
    pub report: Option<EncodedReport>,
    pub subject: Subject,
    /// The octets of the first attempt, where it failed.
    pub body: Option<Vec<u8>>,
}

/// What a callback is about.
#[derive(Clone, Debug)]
pub enum Subject {
    Mt {
        head: EncodedHead,
        accepted_at: Timestamp,
        submitted_at: Option<Timestamp>,
        upstream_id: Option<String>,
    },
    Mo {
        record: Box<MoRecord>,
        received_at: Timestamp,
    },
}

#[derive(Clone, Debug)]
pub enum CallbackOutcome {
    Delivered {
        status: u16,
    },
    Failed {
        status: Option<u16>,
        reason: String,
        next_at: Timestamp,
        /// With the first failure.
        body: Option<Vec<u8>>,
    },
    Dead {
        reason: String,
    },
    /// Not tried; due again then. Not recorded.
    Postponed {
        until: Timestamp,
    },
}

/// A condition on a message's story.
pub type Predicate = Arc<dyn Fn(&Story) -> bool + Send + Sync>;

/// A place in the log from which a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// On the second walk, for what was carried out of slices that are gone.
    pub carried: bool,
    pub frame: u64,
    /// Entries of that frame that are done, from its end.
    pub passed: u32,
}

impl Cursor {
    pub(super) fn newest(highest: u64) -> Cursor {
        Cursor {
            carried: false,
            frame: highest,
            passed: 0,
        }
    }

    /// The next frame back.
    pub(super) fn below(self) -> Cursor {
        Cursor {
            frame: self.frame.saturating_sub(1),
            passed: 0,
            ..self
        }
    }
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Listing {
    /// Newest first.
    pub stories: Vec<Story>,
    /// Where the list goes on; `None`: this was all.
    pub next: Option<Cursor>,
}

/// What makes a message be listed, and its place in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// It is there.
    #[default]
    Begun,
    /// An outcome was unknown: it may have been sent twice.
    Doubted,
    /// A callback of it is dead.
    Dead,
}

/// Which messages to list.
#[derive(Clone, Default)]
pub struct Filter {
    pub mark: Mark,
    /// With [`Mark::Begun`]: MO messages instead of MT.
    pub mo: bool,
    pub gateway: Option<GatewayId>,
    pub states: Vec<State>,
    /// `pending`, `delivered`, `dead` or `unrouted`.
    pub mo_state: Option<String>,
    pub tenant_id: Option<u64>,
    /// Without a `+`.
    pub to_number: Option<String>,
    pub external_id: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// A further condition, where a reader knows more than the record does.
    pub also: Option<Predicate>,
    pub cursor: Option<Cursor>,
    /// So many are left out, from the cursor on.
    pub offset: usize,
    pub limit: usize,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter")
            .field("mo", &self.mo)
            .finish_non_exhaustive()
    }
}

impl Filter {
    pub fn matches(&self, story: &Story) -> bool {
        let any_kind = self.mark != Mark::Begun;
        let here = match story {
            Story::Mt(m) => {
                (any_kind || !self.mo)
                    && self.gateway.is_none_or(|g| m.head.gateway == g)
                    && (self.states.is_empty() || self.states.contains(&m.state))
                    && self.tenant_id.is_none_or(|t| m.head.tenant_id == Some(t))
                    && self
                        .to_number
                        .as_deref()
                        .is_none_or(|n| m.head.destination.trim_start_matches('+') == n)
                    && self.external_id.as_deref().is_none_or(|id| {
                        m.segments
                            .iter()
                            .any(|s| s.upstream_id.as_deref() == Some(id))
                    })
                    && self.within(m.accepted_at)
            }
            Story::Mo(m) => {
                (any_kind || self.mo)
                    && self.gateway.is_none_or(|g| m.record.gateway == g)
                    && self.mo_state.as_deref().is_none_or(|s| m.state() == s)
                    && self.within(m.received_at)
            }
        };
        let dead = self.mark != Mark::Dead || story.has_dead_callback();
        here && dead && self.also.as_ref().is_none_or(|also| also(story))
    }

    pub(super) fn within(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages ever accepted for the gateway.
    pub messages: u64,
    /// Due or deferred, not submitted.
    pub queued: u64,
    /// Since when the oldest queued message could have gone: its acceptance, or the time for
    /// which it was scheduled. None that is scheduled for later counts.
    pub oldest_queued_at: Option<Timestamp>,
}

/// A receipt without a message.
#[derive(Clone, Debug)]
pub struct OrphanView {
    pub id: OrphanId,
    pub gateway: GatewayId,
    pub ids: Vec<String>,
    pub report: Report,
    pub received_at: Timestamp,
}

/// A message whose submit may have been taken without our knowing.
#[derive(Clone, Copy, Debug)]
pub struct InDoubt {
    pub message: MessageId,
    pub gateway: GatewayId,
    pub state: State,
    pub resubmits: u8,
    /// Its outcome is still unknown.
    pub open: bool,
}
