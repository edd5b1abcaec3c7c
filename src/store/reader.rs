//! The reader thread: what no longer is in memory, fetched from the frames.

use super::StoreError;
use super::codec::{self, Unpacker};
use super::export::{self, LogPage};
use super::intent::Filter;
use super::journal::FrameSource;
use crate::message::{Entry, Event, MessageId, Story};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// What to read.
pub(super) enum Read {
    /// The story of one subject, from its last entry back.
    Entries {
        subject: MessageId,
        /// From memory; `None`: look into the index.
        last_frame: Option<u64>,
        to: oneshot::Sender<Result<Vec<Entry>, StoreError>>,
    },
    List {
        filter: Box<Filter>,
        to: oneshot::Sender<Result<Vec<Story>, StoreError>>,
    },
    Page {
        from: u64,
        frames: u64,
        to: oneshot::Sender<Result<LogPage, StoreError>>,
    },
    /// The log was opened anew.
    Source(Arc<dyn FrameSource>),
}

/// Frames that one listing looks through, at most: about 300 MB of log.
const LISTED_FRAMES_MAX: u64 = 50_000;

/// Serves reads until the writer is gone.
pub(super) fn run(reads: &Receiver<Read>, mut source: Arc<dyn FrameSource>) {
    while let Ok(read) = reads.recv() {
        match read {
            Read::Entries {
                subject,
                last_frame,
                to,
            } => {
                let _ = to.send(entries_of(&*source, subject, last_frame));
            }
            Read::List { filter, to } => {
                let _ = to.send(list(&*source, &filter));
            }
            Read::Page { from, frames, to } => {
                let _ = to.send(Ok(export::page(&*source, from, frames)));
            }
            Read::Source(new) => source = new,
        }
    }
}

/// The entries of one subject, oldest first.
fn entries_of(
    source: &dyn FrameSource,
    subject: MessageId,
    last_frame: Option<u64>,
) -> Result<Vec<Entry>, StoreError> {
    let mut next = match last_frame {
        Some(frame) => frame,
        None => source.last_frame_of(subject)?.unwrap_or(0),
    };
    let mut newest_first = Vec::new();
    while next != 0 {
        let mut here = entries_in(source, next)?;
        here.retain(|e| e.subject == subject);
        // Older slices may be gone: what is left is still the story's end.
        let Some(first) = here.first() else { break };
        let previous = first.previous;
        newest_first.extend(here.into_iter().rev());
        if previous >= next {
            return Err(StoreError::Corrupt(format!(
                "frame {next} names a later one as its past"
            )));
        }
        next = previous;
    }
    newest_first.reverse();
    Ok(newest_first)
}

/// The entries that begin in this frame.
pub(super) fn entries_in(source: &dyn FrameSource, number: u64) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    let Some(octets) = source.read(number)? else {
        return Ok(found);
    };
    if codec::is_continuation(&octets) {
        return Ok(found);
    }
    let mut unpacker = Unpacker::default();
    unpacker.frame(number, &octets, |_, e| found.push(e))?;
    let mut next = number + 1;
    while unpacker.is_cut() {
        let Some(octets) = source.read(next)? else {
            return Err(StoreError::Corrupt(format!("frame {next} is missing")));
        };
        unpacker.frame(next, &octets, |_, e| found.push(e))?;
        next += 1;
    }
    Ok(found)
}

/// Newest first. Entries are met before their message's acceptance, so the scan
/// gathers them until it comes to that.
fn list(source: &dyn FrameSource, filter: &Filter) -> Result<Vec<Story>, StoreError> {
    let Some((lowest, highest)) = source.bounds() else {
        return Ok(Vec::new());
    };
    let mut gathered: HashMap<MessageId, Vec<Entry>> = HashMap::new();
    let mut found = Vec::new();
    let wanted = filter.offset.saturating_add(filter.limit);
    let lowest = lowest.max(highest.saturating_sub(LISTED_FRAMES_MAX));
    for number in (lowest..=highest).rev() {
        for entry in entries_in(source, number)?.into_iter().rev() {
            let subject = entry.subject;
            if subject == MessageId::NONE {
                continue;
            }
            let begins = matches!(
                entry.event,
                Event::Accepted { .. } | Event::MoReceived { .. }
            );
            let entries = gathered.entry(subject).or_default();
            entries.push(entry);
            if begins && let Some(mut entries) = gathered.remove(&subject) {
                entries.reverse();
                found.extend(Story::of(&entries).filter(|s| filter.matches(s)));
            }
        }
        if found.len() >= wanted {
            break;
        }
    }
    if found.len() < wanted {
        // Whose beginning was in a slice that is gone.
        let mut carried: Vec<_> = gathered.into_values().collect();
        for entries in &mut carried {
            entries.reverse();
            if let Some(at) = entries
                .iter()
                .position(|e| matches!(e.event, Event::Carried(_)))
            {
                found.extend(Story::of(&entries[at..]).filter(|s| filter.matches(s)));
            }
        }
    }
    found.sort_by_key(|s| std::cmp::Reverse(s.id()));
    Ok(found
        .into_iter()
        .skip(filter.offset)
        .take(filter.limit)
        .collect())
}
