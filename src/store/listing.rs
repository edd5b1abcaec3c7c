//! Lists: a walk from the newest frame back, a page at a time.
//!
//! A story is met where it has its [`Mark`], which is a place in the log that never moves; a
//! [`Cursor`] is such a place. So whoever follows cursors meets nothing twice and misses nothing,
//! whatever is written meanwhile. Where the log's oldest slices are gone, a second walk meets
//! what was carried out of them.
//!
//! A page looks through a bounded part of the log; a page with less than was asked for, or
//! nothing, goes on at its cursor all the same.

use super::StoreError;
use super::intent::{Cursor, Filter, Listing, Mark};
use super::journal::FrameSource;
use super::reader::{entries_in, entries_of};
use crate::message::{Entry, Event, MessageId, Snapshot, Story};
use std::collections::HashMap;

/// Frames that one page looks through, at most: some 100 MB of log, less than a second.
const FRAMES_MAX: usize = 16_384;
/// Frames above a cursor, in which most messages that begin below it come to their end.
const AHEAD: u64 = 2048;
/// Stories of one page that have to be looked up in the index of the finished.
const LOOKED_UP_MAX: usize = 200;

/// Where messages that are in memory have their last entries; asked for many at once.
pub(super) type Memory<'a> = &'a dyn Fn(Vec<MessageId>) -> Vec<Option<u64>>;

/// The page that begins at the filter's cursor.
pub(super) fn page(
    source: &dyn FrameSource,
    memory: Memory<'_>,
    filter: &Filter,
) -> Result<Listing, StoreError> {
    let Some((lowest, highest)) = source.bounds() else {
        return Ok(Listing::default());
    };
    let newest = Cursor::newest(highest);
    let at = filter.cursor.filter(|c| c.frame <= highest);
    let mut walk = Walk {
        source,
        memory,
        filter,
        gathers: filter.mark == Mark::Begun,
        is_whole: at.is_none(),
        gathered: HashMap::new(),
        looked_up: 0,
        lowest,
    };
    let at = at.unwrap_or(Cursor {
        carried: filter.cursor.is_some_and(|c| c.carried),
        ..newest
    });
    walk.run(at, highest)
}

struct Walk<'a> {
    source: &'a dyn FrameSource,
    memory: Memory<'a>,
    filter: &'a Filter,
    /// Entries are kept until their message's beginning is met.
    gathers: bool,
    /// Nothing was written above what is gathered.
    is_whole: bool,
    /// Newest first.
    gathered: HashMap<MessageId, Vec<Entry>>,
    looked_up: usize,
    lowest: u64,
}

impl Walk<'_> {
    fn run(&mut self, mut at: Cursor, highest: u64) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let mut to_skip = self.filter.offset;
        if self.gathers && !at.carried {
            for frame in (at.frame + 1..=highest.min(at.frame + AHEAD)).rev() {
                self.gather(entries(self.source, frame)?);
            }
        }
        for _ in 0..FRAMES_MAX {
            let ends = at.frame < self.lowest;
            let found = if ends {
                Vec::new()
            } else {
                entries(self.source, at.frame)?
            };
            if ends || self.is_past(&found, at.carried) {
                // What was carried out of slices that are gone is older than all else.
                if at.carried || self.lowest <= 1 {
                    return Ok(listing);
                }
                at = Cursor {
                    carried: true,
                    ..Cursor::newest(highest)
                };
                continue;
            }
            for (passed, story) in self.stories(found, at)? {
                if to_skip > 0 {
                    to_skip -= 1;
                    continue;
                }
                listing.stories.push(story);
                if listing.stories.len() >= self.filter.limit {
                    listing.next = Some(Cursor { passed, ..at });
                    return Ok(listing);
                }
            }
            at = at.below();
            if self.looked_up >= LOOKED_UP_MAX {
                break;
            }
        }
        listing.next = Some(at);
        Ok(listing)
    }

    /// Nothing from here on is as young as the filter wants it.
    fn is_past(&self, entries: &[Entry], carried: bool) -> bool {
        let youngest = entries.last().map(|e| e.at);
        !carried
            && self
                .filter
                .from
                .is_some_and(|from| youngest.is_some_and(|at| at < from))
    }

    fn gather(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            if entry.subject != MessageId::NONE {
                self.gathered.entry(entry.subject).or_default().push(entry);
            }
        }
    }

    /// The stories that have their marks in this frame, each with its place there.
    fn stories(
        &mut self,
        entries: Vec<Entry>,
        at: Cursor,
    ) -> Result<Vec<(u32, Story)>, StoreError> {
        let numbered = (1..).zip(entries.iter().rev());
        let marks: Vec<(u32, Entry)> = numbered
            .filter(|(passed, e)| *passed > at.passed && self.filter.is_mark(e, at.carried))
            .map(|(passed, e)| (passed, e.clone()))
            .collect();
        if self.gathers && !at.carried {
            self.gather(entries);
        }
        let subjects = marks.iter().map(|(_, e)| e.subject);
        let mut gathered: Vec<Option<Story>> = subjects
            .clone()
            .map(|id| {
                if at.carried {
                    None
                } else {
                    self.gathered_story(id)
                }
            })
            .collect();
        let unknown: Vec<MessageId> = subjects
            .zip(&gathered)
            .filter(|(_, story)| story.is_none())
            .map(|(id, _)| id)
            .collect();
        let mut last_frames = match unknown.is_empty() {
            true => Vec::new(),
            false => (self.memory)(unknown),
        }
        .into_iter();
        let mut stories = Vec::new();
        for ((passed, mark), story) in marks.into_iter().zip(&mut gathered) {
            let story = match story.take() {
                Some(story) => Some(story),
                None => self.told(&mark, at.carried, last_frames.next().flatten())?,
            };
            stories.extend(
                story
                    .filter(|s| self.filter.matches(s))
                    .map(|s| (passed, s)),
            );
        }
        Ok(stories)
    }

    /// What was gathered, if nothing can be missing.
    fn gathered_story(&mut self, id: MessageId) -> Option<Story> {
        let mut entries = self.gathered.remove(&id)?;
        entries.reverse();
        let story = Story::of(&entries)?;
        (self.is_whole || story.is_over()).then_some(story)
    }

    /// The whole story, if this is the mark by which it is listed.
    fn told(
        &mut self,
        mark: &Entry,
        carried: bool,
        last_frame: Option<u64>,
    ) -> Result<Option<Story>, StoreError> {
        self.looked_up += usize::from(last_frame.is_none());
        let mut entries = entries_of(self.source, mark.subject, last_frame)?;
        if entries.is_empty() {
            // It is neither in memory nor in the index yet.
            entries = entries_of(self.source, mark.subject, Some(mark.previous))?;
            entries.push(mark.clone());
        }
        let is_listed_by = |e: &&Entry| match carried {
            true => begins(&e.event) || self.filter.is_mark(e, false),
            false => self.filter.is_mark(e, false),
        };
        if entries.iter().find(is_listed_by) != Some(mark) {
            return Ok(None);
        }
        Ok(Story::of(&entries))
    }
}

/// Whether a story can begin with it.
fn begins(event: &Event) -> bool {
    match event {
        Event::Accepted { .. } | Event::MoReceived { .. } => true,
        Event::Carried(snapshot) => {
            matches!(**snapshot, Snapshot::Mt { .. } | Snapshot::Mo { .. })
        }
        _ => false,
    }
}

/// Damage is told when the log is opened and proved; a list goes over it.
fn entries(source: &dyn FrameSource, frame: u64) -> Result<Vec<Entry>, StoreError> {
    match entries_in(source, frame) {
        Err(StoreError::Corrupt(_)) => Ok(Vec::new()),
        other => other,
    }
}

impl Filter {
    /// True for an entry by which a story is listed, on the first walk or on that of the carried.
    fn is_mark(&self, entry: &Entry, carried: bool) -> bool {
        let within = |at| self.within(at);
        match (&entry.event, self.mark) {
            (Event::Carried(snapshot), mark) if carried => match &**snapshot {
                Snapshot::Mt { accepted_at, .. } => {
                    within(*accepted_at) && (mark != Mark::Begun || !self.mo)
                }
                Snapshot::Mo { received_at, .. } => {
                    within(*received_at)
                        && mark != Mark::Doubted
                        && (mark != Mark::Begun || self.mo)
                }
                _ => false,
            },
            _ if carried => false,
            (Event::Accepted { .. }, Mark::Begun) => !self.mo && within(entry.at),
            (Event::MoReceived { .. }, Mark::Begun) => self.mo && within(entry.at),
            (Event::Unanswered { .. }, Mark::Doubted) => true,
            (Event::CallbackDead { .. }, Mark::Dead) => true,
            _ => false,
        }
    }
}
