//! The log as lines of JSON, for people and other programs.
//!
//! A line is an entry, or a stretch of frames that cannot be read. The same lines come from
//! a log at rest and, page by page, from one that is being written.

use super::StoreError;
use super::codec::is_continuation;
use super::journal::FrameSource;
use super::reader::entries_in;
use super::walk::Found;
use crate::message::Event;
use serde_json::{Value, json};

/// A stretch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// Each with its newline.
    pub lines: String,
    /// Where the next page begins, if the log goes on.
    pub next: Option<u64>,
    /// The lowest and the highest frame of the log.
    pub bounds: (u64, u64),
}

/// What was found, as one line without its newline.
pub fn line(found: &Found<'_>) -> String {
    match found {
        Found::Entry { frame, entry } => json!({
            "frame": frame,
            "message": entry.subject.0,
            "at_us": entry.at.0,
            "event": readable(&entry.event),
        }),
        Found::Damage { first, last, error } => {
            json!({"frame": first, "to": last, "damaged": error.to_string()})
        }
    }
    .to_string()
}

/// An event as JSON, with the head of a message told rather than encoded.
fn readable(event: &Event) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or(Value::Null);
    if let Event::Accepted { head, .. } = event
        && let Some(head) = head.decode()
        && let Ok(head) = serde_json::to_value(&head)
    {
        value["Accepted"]["head"] = head;
    }
    value
}

/// The entries that begin in up to `frames` frames from `from` on.
pub(super) fn page(source: &dyn FrameSource, from: u64, frames: u64) -> LogPage {
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let first = from.max(lowest);
    let end = first.saturating_add(frames.max(1)).min(highest + 1);
    let mut lines = String::new();
    let mut tell = |found: Found<'_>| {
        lines.push_str(&line(&found));
        lines.push('\n');
    };
    for frame in first..end {
        match entries_of_frame(source, frame) {
            Ok(entries) => entries
                .iter()
                .for_each(|entry| tell(Found::Entry { frame, entry })),
            Err(error) => tell(Found::Damage {
                first: frame,
                last: frame,
                error: &error,
            }),
        }
    }
    LogPage {
        lines,
        next: (end <= highest).then_some(end),
        bounds: (lowest, highest),
    }
}

fn entries_of_frame(
    source: &dyn FrameSource,
    frame: u64,
) -> Result<Vec<crate::message::Entry>, StoreError> {
    match source.read(frame)? {
        None => Err(StoreError::Corrupt("frames are missing".to_owned())),
        Some(octets) if is_continuation(&octets) => Ok(Vec::new()),
        Some(_) => entries_in(source, frame),
    }
}
