//! The reader thread: what no longer is in memory, fetched from the frames.

use super::StoreError;
use super::codec::{self, Unpacker};
use super::export::{self, LogPage};
use super::intent::{Filter, Listing};
use super::journal::FrameSource;
use super::ledger::{self, Policy};
use super::listing;
use super::mailbox::{Mailbox, Request, refuse};
use crate::message::{Entry, MessageId};
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
        to: oneshot::Sender<Result<Listing, StoreError>>,
    },
    /// The whole of a message that left memory, to be brought back there.
    Recall {
        subject: MessageId,
        to: oneshot::Sender<Result<bool, StoreError>>,
    },
    Page {
        from: u64,
        frames: u64,
        to: oneshot::Sender<Result<LogPage, StoreError>>,
    },
    /// The log was opened anew.
    Source(Arc<dyn FrameSource>),
}

/// Serves reads until the writer is gone. What only the writer knows is asked of it.
pub(super) fn run(
    reads: &Receiver<Read>,
    mut source: Arc<dyn FrameSource>,
    mailbox: &Mailbox,
    policy: &Policy,
) {
    let memory = |subjects: Vec<MessageId>| {
        let count = subjects.len();
        let (to, answer) = std::sync::mpsc::channel();
        // Who is not answered is told by the index alone.
        let asked = mailbox.push(Request::LastFrames(subjects, to));
        let known = asked.ok().and_then(|()| answer.recv().ok());
        known.unwrap_or_else(|| vec![None; count])
    };
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
                let _ = to.send(listing::page(&*source, &memory, &filter));
            }
            Read::Recall { subject, to } => recall(&*source, subject, to, mailbox, policy),
            Read::Page { from, frames, to } => {
                let _ = to.send(Ok(export::page(&*source, from, frames)));
            }
            Read::Source(new) => source = new,
        }
    }
}

/// Folds what the log tells of a message into what memory holds of one, and gives it back to
/// the writer; false goes to the caller where there is nothing to be done.
fn recall(
    source: &dyn FrameSource,
    subject: MessageId,
    to: oneshot::Sender<Result<bool, StoreError>>,
    mailbox: &Mailbox,
    policy: &Policy,
) {
    let recalled = source.last_frame_of(subject).and_then(|last_frame| {
        let Some(last_frame) = last_frame else {
            return Ok(None);
        };
        let entries = entries_of(source, subject, Some(last_frame))?;
        let snapshot = ledger::retold(policy, &entries);
        Ok(snapshot.map(|snapshot| (last_frame, snapshot)))
    });
    match recalled {
        Ok(Some((last_frame, snapshot))) => {
            let request = Request::Recalled(subject, last_frame, Box::new(snapshot), to);
            if let Err((request, why)) = mailbox.push(request) {
                refuse(request, &why);
            }
        }
        // The caller may be gone.
        Ok(None) => drop(to.send(Ok(false))),
        Err(e) => drop(to.send(Err(e))),
    }
}

/// The entries of one subject, oldest first.
pub(super) fn entries_of(
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
