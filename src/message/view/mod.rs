//! The story of one message: its log entries folded into what a reader wants to know.
//!
//! It begins with the acceptance or reception, or with a copy where older slices are gone,
//! and takes one entry after the other. Nothing here decides; what an entry says is shown.

mod callback;
mod message;

pub use callback::CallbackState;
pub use message::{Message, SegmentView};

use super::{Entry, Event, MessageId, MoRecord, Snapshot, Timestamp};

/// Whatever the entries of one subject tell.
#[derive(Clone, Debug)]
pub enum Story {
    Mt(Box<Message>),
    Mo(Box<MoMessage>),
}

/// An MO message as the API shows it.
#[derive(Clone, Debug)]
pub struct MoMessage {
    pub id: MessageId,
    pub record: MoRecord,
    pub received_at: Timestamp,
    pub updated_at: Timestamp,
    /// `None` is unrouted.
    pub callback: Option<CallbackState>,
}

impl Story {
    /// Folds entries of one subject, oldest first. `None` when the beginning is missing.
    pub fn of(entries: &[Entry]) -> Option<Story> {
        let mut story = None;
        for entry in entries {
            match &mut story {
                None => story = Story::begin(entry),
                Some(Story::Mt(m)) => m.apply(entry),
                Some(Story::Mo(m)) => m.apply(entry),
            }
        }
        story
    }

    pub fn id(&self) -> MessageId {
        match self {
            Story::Mt(m) => m.id,
            Story::Mo(m) => m.id,
        }
    }

    /// Nothing more will be done, and hardly anything more will be heard.
    pub fn is_over(&self) -> bool {
        match self {
            Story::Mt(m) => {
                m.state.is_terminal() && !m.soft && m.callbacks.iter().all(|c| c.delivered)
            }
            Story::Mo(m) => m.callback.as_ref().is_none_or(|c| c.delivered),
        }
    }

    /// A callback was given up, and not queued again.
    pub fn has_dead_callback(&self) -> bool {
        match self {
            Story::Mt(m) => m.callbacks.iter().any(|c| c.dead),
            Story::Mo(m) => m.callback.as_ref().is_some_and(|c| c.dead),
        }
    }

    fn begin(entry: &Entry) -> Option<Story> {
        match &entry.event {
            Event::Accepted { head, text } => {
                let head = head.decode()?;
                Some(Story::Mt(Box::new(Message::accepted(
                    entry.subject,
                    entry.at,
                    head,
                    text.clone(),
                ))))
            }
            Event::MoReceived {
                record, callbacks, ..
            } => Some(Story::Mo(Box::new(MoMessage {
                id: entry.subject,
                record: (**record).clone(),
                received_at: entry.at,
                updated_at: entry.at,
                callback: (!callbacks.is_empty()).then(CallbackState::default),
            }))),
            Event::Carried(snapshot) => Story::carried(entry, snapshot),
            _ => None,
        }
    }

    /// The beginning of a story whose first entries are in a slice that is gone.
    fn carried(entry: &Entry, snapshot: &Snapshot) -> Option<Story> {
        match snapshot {
            Snapshot::Mt {
                head,
                text,
                accepted_at,
                submitted_at,
                state,
                soft,
                resubmits,
                segments,
                callbacks,
                callbacks_made,
                ..
            } => {
                let text = text.clone().unwrap_or_default();
                let mut m = Message::accepted(entry.subject, entry.at, head.decode()?, text);
                m.accepted_at = *accepted_at;
                m.submitted_at = *submitted_at;
                m.state = *state;
                m.soft = *soft;
                m.resubmits = u32::from(*resubmits);
                m.segments = segments
                    .iter()
                    .map(|s| SegmentView {
                        state: s.state,
                        upstream_id: s.upstream_id.clone(),
                    })
                    .collect();
                if submitted_at.is_some() {
                    m.remote = m.smpp_answer();
                }
                let numbers = 0..*callbacks_made;
                m.callbacks = numbers
                    .map(|n| CallbackState::carried(callbacks, n))
                    .collect();
                Some(Story::Mt(Box::new(m)))
            }
            Snapshot::Mo {
                record,
                received_at,
                callbacks,
                callbacks_made,
            } => Some(Story::Mo(Box::new(MoMessage {
                id: entry.subject,
                record: record.clone(),
                received_at: *received_at,
                updated_at: entry.at,
                callback: (*callbacks_made > 0).then(|| CallbackState::carried(callbacks, 0)),
            }))),
            Snapshot::MoSegment { .. }
            | Snapshot::MoSegmentAgain { .. }
            | Snapshot::MoJoined { .. }
            | Snapshot::Orphan { .. } => None,
        }
    }
}

impl MoMessage {
    fn apply(&mut self, entry: &Entry) {
        if let Some(c) = &mut self.callback {
            c.apply(&entry.event);
            self.updated_at = entry.at;
        }
    }

    /// `pending`, `delivered`, `dead` or `unrouted`.
    pub fn state(&self) -> &'static str {
        match &self.callback {
            None => "unrouted",
            Some(c) if c.delivered => "delivered",
            Some(c) if c.dead => "dead",
            Some(_) => "pending",
        }
    }
}
