//! The nouns everyone shares: messages and their states, events, gateways,
//! receipts, mobile-originated texts. Values only: no I/O, no clock, no locks.

mod encode;
mod event;
mod exact;
mod figures;
mod gateway;
mod head;
mod id;
mod mo;
mod others;
mod redact;
mod reference;
mod refusal;
mod remote;
mod report;
#[cfg(test)]
pub(crate) mod sample;
mod state;
pub mod terse;
mod time;
mod use_case;
mod via;
mod view;

pub use encode::{encode, encode_in};
pub use event::{
    CallbackKind, DocumentKind, Entry, Event, Next, OrphanEnd, PendingCallback, Snapshot,
    SnapshotSegment,
};
pub use exact::exact;
pub use figures::{Figures, LaneFigures};
pub use gateway::{BOUND_RX, Gateway, GatewayStatus, Transport};
pub use head::{
    EncodedHead, Family, FamilyRef, Head, HeadRef, Receipts, TerseRef, TrafficClass,
    UniversalOrigin, UniversalRef, UseCaseOrigin, UseCaseRef, Wants,
};
pub use id::{CallbackId, GatewayId, MessageId, OrphanId};
pub use mo::{Alphabet, Concat, MoRecord, MoRoute, join};
pub use others::{Others, OthersRef};
pub use redact::{MASK, names_a_secret, redact};
pub use reference::References;
pub use refusal::{MoveReason, RefusalClass};
pub use remote::{Secrets, recorded_answer};
pub use report::{EncodedReport, Report, ReportRef, SmppReport};
pub use state::{Change, Disposition, OnUnknown, State};
pub use time::Timestamp;
pub use use_case::{Keyword, Registration, UseCase, UseCaseStatus, msisdn};
pub use via::Via;
pub use view::{CallbackState, Message, MoMessage, SegmentView, Story};
