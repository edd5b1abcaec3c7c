//! The vocabulary of the log: everything that can happen, as it is written down.
//!
//! An event records the decision with the evidence, so that reading the log back
//! needs no rules: states are set, never derived again. New events and new variants
//! are appended at the end; what is written once stays readable.

use super::{
    CallbackId, Concat, EncodedHead, EncodedReport, GatewayId, MessageId, MoRecord, MoveReason,
    OrphanId, State, Timestamp, terse,
};
use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The message it is about, or [`MessageId::NONE`].
    pub subject: MessageId,
    pub at: Timestamp,
    /// The frame that holds the subject's entry before this one; 0 is none.
    pub previous: u64,
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The API took a message.
    Accepted {
        head: EncodedHead,
        text: String,
    },
    /// Its unsent segments were given to a bind or request.
    Leased {
        attempt: u32,
    },
    /// These segments were given back unsent.
    Released {
        segments: Vec<u8>,
    },
    /// The upstream took a segment.
    Submitted {
        segment: u8,
        #[serde(with = "terse::option")]
        upstream_id: Option<String>,
        /// An HTTP upstream's answer, raw; `None` over SMPP.
        answer: Option<String>,
        state: State,
        callbacks: Vec<CallbackKind>,
    },
    /// The upstream, or the bridge, refused a segment.
    Refused {
        segment: u8,
        /// SMPP command_status, or HTTP status.
        status: Option<u32>,
        reason: String,
        answer: Option<String>,
        /// When it is due again; `None` is final.
        due_at: Option<Timestamp>,
        state: State,
        /// Decided by the bridge: a real verdict may still replace it.
        soft: bool,
        callbacks: Vec<CallbackKind>,
    },
    /// A submit stayed without an answer: its outcome is unknown.
    Unanswered {
        segment: u8,
        reason: String,
        next: Next,
        state: State,
        callbacks: Vec<CallbackKind>,
    },
    /// A receipt, or an HTTP status callback.
    Reported {
        segment: u8,
        report: EncodedReport,
        /// False: recorded, and nothing else.
        applied: bool,
        segment_state: State,
        state: State,
        /// The delivery time is now.
        delivered: bool,
        callbacks: Vec<CallbackKind>,
    },
    /// Its validity ran out before it was submitted.
    Expired {
        callbacks: Vec<CallbackKind>,
    },
    /// An operator withdrew it before it was submitted.
    Cancelled {
        callbacks: Vec<CallbackKind>,
    },

    /// A callback was not accepted, and is due again at `next_at`.
    CallbackFailed {
        number: u32,
        status: Option<u16>,
        reason: String,
        next_at: Timestamp,
        /// With the first failure: repeats send these very octets.
        body: Option<Vec<u8>>,
    },
    CallbackDelivered {
        number: u32,
        status: u16,
    },
    /// Given up; an operator can queue it again.
    CallbackDead {
        number: u32,
        reason: String,
    },
    CallbackRequeued {
        number: u32,
    },

    /// A whole MO; joined from `segments` where there are any.
    MoReceived {
        record: Box<MoRecord>,
        segments: Vec<MessageId>,
        callbacks: Vec<CallbackKind>,
    },
    /// One segment of an MO that waits for the others.
    MoSegment {
        record: Box<MoRecord>,
        concat: Concat,
    },

    /// A receipt that names no known message.
    Orphaned {
        orphan: OrphanId,
        gateway: GatewayId,
        ids: Vec<String>,
        report: EncodedReport,
        state: Option<State>,
    },
    OrphanClosed {
        orphan: OrphanId,
        end: OrphanEnd,
    },

    /// A record that is kept whole: the latest one counts, `None` removes it.
    Document {
        kind: DocumentKind,
        id: u64,
        body: Option<String>,
    },

    /// A client's idempotency key took effect.
    KeyTaken {
        key: u128,
        content: u128,
    },
    /// The response that a repeat of the key gets.
    KeyAnswered {
        key: u128,
        status: u16,
        body: String,
    },

    /// An open message brought forward from an older slice.
    Carried(Box<Snapshot>),
    /// Everything open has its first entry at or after this frame.
    CarriedAll {
        from_frame: u64,
    },
    /// These numbers want nothing of this use case any more, or again.
    OptOuts {
        use_case: u128,
        numbers: Vec<u64>,
        out: bool,
    },
    /// A key that still counts, brought forward.
    KeyCarried {
        key: u128,
        content: u128,
        taken_at: Timestamp,
        answer: Option<(u16, String)>,
    },

    /// It waits for another gateway of its route now; nothing of it was taken before.
    Rerouted {
        from: GatewayId,
        to: GatewayId,
        why: MoveReason,
    },

    /// A segment that a message joined of late has, too: the upstream repeats it, or another
    /// message begins alike. It waits for the others as any segment does.
    MoSegmentAgain {
        record: Box<MoRecord>,
        concat: Concat,
    },
    /// Segments that came again were repeats, and wait no more: nothing is posted.
    MoRepeated {
        segments: Vec<MessageId>,
    },
}

/// What follows an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    Resubmitted,
    Held,
    Failed,
}

/// Which callback, and so to whom and with which body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallbackKind {
    /// The verdict, to the `callback_url` of the send request.
    Verdict,
    /// Status by PATCH to the service profile.
    Patch,
    /// An MO by POST to the service profile.
    Mo,
    /// The final state of one part, from 1, to the universal account that sent it.
    Part(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrphanEnd {
    Matched(MessageId),
    /// Older than its retention, or pushed out by newer ones.
    Retired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    Gateway,
    /// Numbers that must not start again: the body is JSON.
    Counters,
    /// Its id is the upper half of the use case's; the body has the whole.
    UseCase,
}

/// A message's live state, for carrying it into a newer slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Snapshot {
    Mt {
        head: EncodedHead,
        text: Option<String>,
        accepted_at: Timestamp,
        submitted_at: Option<Timestamp>,
        state: State,
        soft: bool,
        attempts: u32,
        resubmits: u8,
        due_at: Option<Timestamp>,
        segments: Vec<SnapshotSegment>,
        callbacks: Vec<PendingCallback>,
        callbacks_made: u32,
    },
    Mo {
        record: MoRecord,
        received_at: Timestamp,
        callbacks: Vec<PendingCallback>,
        callbacks_made: u32,
    },
    MoSegment {
        record: MoRecord,
        received_at: Timestamp,
    },
    Orphan {
        orphan: OrphanId,
        gateway: GatewayId,
        ids: Vec<String>,
        report: EncodedReport,
        state: Option<State>,
        received_at: Timestamp,
    },
    MoSegmentAgain {
        record: MoRecord,
        received_at: Timestamp,
    },
    /// A set of segments that was joined of late: what comes again of it is a repeat.
    MoJoined {
        gateway: GatewayId,
        source_addr: String,
        destination_addr: String,
        reference: u16,
        reference_bits: u8,
        total: u8,
        /// Its message, or what its segments have in common where they were posted one by one.
        of: u64,
        joined_at: Timestamp,
        /// Number and fingerprint of each segment.
        parts: Vec<(u8, u64)>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSegment {
    pub state: State,
    #[serde(with = "terse::option")]
    pub upstream_id: Option<String>,
}

/// A callback that is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCallback {
    pub id: CallbackId,
    pub kind: CallbackKind,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub attempts: u32,
    /// The message's state when it was made.
    pub state: State,
    pub report: Option<EncodedReport>,
    pub body: Option<Vec<u8>>,
    pub dead: bool,
}
