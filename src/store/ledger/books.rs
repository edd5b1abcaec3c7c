//! The books: what must hold of the live state at every entry, checked as it goes.
//!
//! Two sides that are kept apart are compared: what entries did to single messages, summed
//! up here, and what the ledger's maps and queues hold. A violation is counted and told; it
//! changes nothing, since the log stays what it is. All checks but one cost two look-ups an
//! entry; the queues are counted once a second.

use super::Ledger;
use super::mt::Mt;
use crate::message::{Entry, Event, GatewayId, MessageId, State};

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Invariant {
    /// Accepted messages are those with a verdict and those without, and no others.
    AcceptedIsTerminalPlusOpen,
    /// A message begins once.
    AcceptedOnce,
    /// Nothing changes after a verdict, unless it was the bridge's own guess.
    VerdictIsFinal,
    /// Each entry names the frame of its message's entry before.
    ChainIsWhole,
    /// What messages have to call back is what the outbox holds.
    OutboxCounts,
    /// Messages with something to send are those in the queues.
    QueueCounts,
    /// Every frame that is needed can be read.
    FramesAreWhole,
    /// A message goes from where it is to another gateway, and only while each of its segments
    /// waits and none was ever in doubt.
    MovesAreSound,
}

impl Invariant {
    pub(in crate::store) const ALL: [Invariant; 8] = [
        Invariant::AcceptedIsTerminalPlusOpen,
        Invariant::AcceptedOnce,
        Invariant::VerdictIsFinal,
        Invariant::ChainIsWhole,
        Invariant::OutboxCounts,
        Invariant::QueueCounts,
        Invariant::FramesAreWhole,
        Invariant::MovesAreSound,
    ];

    /// As a label.
    pub(in crate::store) fn name(self) -> &'static str {
        match self {
            Invariant::AcceptedIsTerminalPlusOpen => "accepted_is_terminal_plus_open",
            Invariant::AcceptedOnce => "accepted_once",
            Invariant::VerdictIsFinal => "verdict_is_final",
            Invariant::ChainIsWhole => "chain_is_whole",
            Invariant::OutboxCounts => "outbox_counts",
            Invariant::QueueCounts => "queue_counts",
            Invariant::FramesAreWhole => "frames_are_whole",
            Invariant::MovesAreSound => "moves_are_sound",
        }
    }
}

/// What did not hold, where it was seen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Violation {
    pub(in crate::store) invariant: Invariant,
    pub(in crate::store) words: String,
}

/// Violations kept in words until they are taken; more are only counted.
const TOLD_MAX: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Books {
    accepted: u64,
    terminal: u64,
    open: u64,
    /// Of the terminal ones: no longer in memory.
    forgotten: u64,
    /// Messages with a segment to send.
    queued: u64,
    callbacks_open: u64,
    /// Reported already; a sum that is off stays off.
    unbalanced: [bool; 3],
    counts: [u64; Invariant::ALL.len()],
    told: Vec<Violation>,
}

/// One message as an entry finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    last_frame: u64,
    callbacks_open: u32,
    mt: Option<MtPage>,
}

#[derive(Clone, Copy, Debug)]
struct MtPage {
    gateway: GatewayId,
    /// Every segment waits, and none was ever in doubt.
    may_move: bool,
    state: State,
    soft: bool,
    queued: bool,
}

impl Page {
    fn of_mt(m: &Mt) -> Page {
        Page {
            last_frame: m.last_frame(),
            callbacks_open: m.callbacks_open(),
            mt: Some(MtPage {
                gateway: m.gateway,
                may_move: m.resubmits == 0 && m.segments().all(|(_, s)| s == State::Queued),
                state: m.state,
                soft: m.soft,
                queued: m.has_segment_in(State::Queued),
            }),
        }
    }
}

impl Books {
    pub(super) fn violate(&mut self, invariant: Invariant, words: impl FnOnce() -> String) {
        self.counts[invariant as usize] += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(Violation {
                invariant,
                words: words(),
            });
        }
    }

    /// Enters what an entry did to its message.
    fn enter(&mut self, before: Option<Page>, after: Option<Page>) {
        let callbacks = |p: Option<Page>| p.map_or(0, |p| u64::from(p.callbacks_open));
        self.callbacks_open =
            (self.callbacks_open + callbacks(after)).wrapping_sub(callbacks(before));
        let (before, after) = (before.and_then(|p| p.mt), after.and_then(|p| p.mt));
        let Some(after) = after else { return };
        self.accepted += u64::from(before.is_none());
        for (page, sign) in [(before, u64::MAX), (Some(after), 1)] {
            let Some(page) = page else { continue };
            let side = match page.state.is_terminal() {
                true => &mut self.terminal,
                false => &mut self.open,
            };
            *side = side.wrapping_add(sign);
            if page.queued {
                self.queued = self.queued.wrapping_add(sign);
            }
        }
    }

    /// A message leaves memory: only one that has its verdict may.
    pub(super) fn forget(&mut self, id: MessageId, m: &Mt) {
        self.forgotten += 1;
        self.callbacks_open = self
            .callbacks_open
            .wrapping_sub(u64::from(m.callbacks_open()));
        if !m.state.is_terminal() {
            self.violate(Invariant::AcceptedIsTerminalPlusOpen, || {
                format!("message {id} is {} and was forgotten", m.state.name())
            });
        }
    }

    /// Tells once that two sides differ, and again when they have agreed in between.
    fn balance(&mut self, sum: usize, invariant: Invariant, sides: (u64, u64), what: &str) {
        let differ = sides.0 != sides.1;
        if differ && !self.unbalanced[sum] {
            self.violate(invariant, || {
                format!("{what}: {} against {}", sides.0, sides.1)
            });
        }
        self.unbalanced[sum] = differ;
    }
}

impl Ledger {
    /// A message as it is now; `None`: it is not in memory.
    pub(super) fn page(&self, id: MessageId) -> Option<Page> {
        if let Some(m) = self.mt.get(&id) {
            return Some(Page::of_mt(m));
        }
        self.mo.get(&id).map(|mo| Page {
            last_frame: mo.last_frame,
            callbacks_open: mo.callbacks_open,
            mt: None,
        })
    }

    /// Enters a message that has come from a checkpoint.
    pub(super) fn enter_restored(&mut self, id: MessageId) {
        let page = self.page(id);
        self.books.enter(None, page);
    }

    /// Checks an entry that has just taken effect.
    pub(super) fn check(&mut self, frame: u64, entry: &Entry, before: Option<Page>) {
        let id = entry.subject;
        let after = self.page(id);
        self.books.enter(before, after);
        if let Some(before) = before {
            self.check_entry(frame, entry, before, after);
        }
        let books = &mut self.books;
        let held = (books.open + books.terminal).wrapping_sub(books.forgotten);
        let sides = (books.accepted, books.open + books.terminal);
        let invariant = Invariant::AcceptedIsTerminalPlusOpen;
        let what = "accepted messages against those with and without a verdict";
        books.balance(0, invariant, sides, what);
        let sides = (held, self.mt.len() as u64);
        let what = "messages by their entries against those in memory";
        books.balance(1, invariant, sides, what);
        let sides = (books.callbacks_open, self.outbox.pending() as u64);
        let what = "callbacks that messages wait for against those in the outbox";
        books.balance(2, Invariant::OutboxCounts, sides, what);
    }

    fn check_entry(&mut self, frame: u64, entry: &Entry, before: Page, after: Option<Page>) {
        let id = entry.subject;
        if entry.previous != before.last_frame {
            self.books.violate(Invariant::ChainIsWhole, || {
                let (says, is) = (entry.previous, before.last_frame);
                format!("message {id}: its entry in frame {frame} follows frame {says}, the last was {is}")
            });
        }
        if let Event::Accepted { .. } = entry.event {
            self.books.violate(Invariant::AcceptedOnce, || {
                format!("message {id} is accepted a second time in frame {frame}")
            });
        }
        let (Some(before), Some(after)) = (before.mt, after.and_then(|p| p.mt)) else {
            return;
        };
        if let Event::Rerouted { from, to, .. } = entry.event
            && !(before.may_move && from != to && before.gateway == from && after.gateway == to)
        {
            self.books.violate(Invariant::MovesAreSound, || {
                let (state, at) = (before.state.name(), before.gateway);
                format!("message {id}: frame {frame} moves it from gateway {from} to {to}; it was {state} at {at}")
            });
        }
        if before.state.is_terminal() && !before.soft && after.state != before.state {
            self.books.violate(Invariant::VerdictIsFinal, || {
                let (from, to) = (before.state.name(), after.state.name());
                format!("message {id}: frame {frame} makes it {to} after it was {from}")
            });
        }
    }

    /// What was found since the last call: counts in the order of [`Invariant::ALL`], and
    /// some of it in words. Counts the queues, too.
    pub(in crate::store) fn take_violations(
        &mut self,
    ) -> ([u64; Invariant::ALL.len()], Vec<Violation>) {
        let queued: usize = self.lanes.values().map(super::Lane::len).sum();
        if queued as u64 != self.books.queued {
            let sides = (self.books.queued, queued);
            self.books.violate(Invariant::QueueCounts, || {
                format!(
                    "messages with something to send: {} by their segments, {} in the queues",
                    sides.0, sides.1
                )
            });
        }
        let books = &mut self.books;
        (
            std::mem::take(&mut books.counts),
            std::mem::take(&mut books.told),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::sample::{accepted, moved, refused};
    use crate::message::{CallbackKind, Timestamp};
    use crate::store::ledger::Policy;

    fn entry(at: u64, previous: u64, event: Event) -> Entry {
        Entry {
            subject: MessageId(7),
            at: Timestamp(at),
            previous,
            event,
        }
    }

    /// A ledger after these events, a frame each, and what it found.
    fn after(entries: Vec<Entry>) -> (Ledger, Vec<Invariant>) {
        let mut ledger = Ledger::new(Policy::default(), 1);
        for (frame, entry) in (1..).zip(entries) {
            ledger.begin(entry.at);
            ledger.apply(frame, &entry);
        }
        let found = found(&mut ledger);
        (ledger, found)
    }

    fn found(ledger: &mut Ledger) -> Vec<Invariant> {
        let (counts, told) = ledger.take_violations();
        assert_eq!(counts.iter().sum::<u64>(), told.len() as u64);
        told.into_iter().map(|v| v.invariant).collect()
    }

    #[test]
    fn a_sound_life_violates_nothing() {
        let life = vec![
            entry(1, 0, accepted()),
            entry(2, 1, Event::Leased { attempt: 1 }),
            entry(3, 2, refused(State::Failed)),
        ];
        let (ledger, found) = after(life);
        assert_eq!(found, []);
        assert_eq!((ledger.books.accepted, ledger.books.terminal), (1, 1));
    }

    #[test]
    fn a_verdict_that_changes_is_found() {
        let life = vec![
            entry(1, 0, accepted()),
            entry(2, 1, refused(State::Failed)),
            entry(3, 2, refused(State::Rejected)),
        ];
        assert_eq!(after(life).1, [Invariant::VerdictIsFinal]);
    }

    #[test]
    fn an_entry_that_skips_another_is_found() {
        let life = vec![
            entry(1, 0, accepted()),
            entry(2, 1, Event::Leased { attempt: 1 }),
            entry(3, 1, refused(State::Failed)),
        ];
        assert_eq!(after(life).1, [Invariant::ChainIsWhole]);
    }

    #[test]
    fn a_second_acceptance_is_found() {
        let life = vec![entry(1, 0, accepted()), entry(2, 1, accepted())];
        assert!(after(life).1.contains(&Invariant::AcceptedOnce));
    }

    #[test]
    fn a_move_of_what_may_be_taken_or_is_elsewhere_is_found() {
        let sound = vec![entry(1, 0, accepted()), entry(2, 1, moved(1, 2))];
        assert_eq!(after(sound).1, []);
        let elsewhere = vec![entry(1, 0, accepted()), entry(2, 1, moved(2, 3))];
        assert_eq!(after(elsewhere).1, [Invariant::MovesAreSound]);
        let in_flight = vec![
            entry(1, 0, accepted()),
            entry(2, 1, Event::Leased { attempt: 1 }),
            entry(3, 2, moved(1, 2)),
        ];
        assert!(after(in_flight).1.contains(&Invariant::MovesAreSound));
    }

    #[test]
    fn a_message_that_vanishes_is_found() {
        let (mut ledger, _) = after(vec![entry(1, 0, accepted())]);
        ledger.mt.remove(&MessageId(7));
        let other = Entry {
            subject: MessageId(8),
            ..entry(2, 0, accepted())
        };
        ledger.apply(2, &other);
        assert_eq!(found(&mut ledger), [Invariant::AcceptedIsTerminalPlusOpen]);
    }

    #[test]
    fn an_open_message_that_is_forgotten_is_found() {
        let (mut ledger, _) = after(vec![entry(1, 0, accepted())]);
        ledger.forget_mt(MessageId(7));
        assert!(found(&mut ledger).contains(&Invariant::AcceptedIsTerminalPlusOpen));
    }

    #[test]
    fn queues_and_outbox_that_lose_something_are_found() {
        let mut life = vec![entry(1, 0, accepted())];
        let (mut ledger, _) = after(life.clone());
        ledger.leave_lane(GatewayId(1), MessageId(7), Timestamp(0));
        assert_eq!(found(&mut ledger), [Invariant::QueueCounts]);
        let cancelled = Event::Cancelled {
            callbacks: vec![CallbackKind::Verdict],
        };
        life.push(entry(2, 1, cancelled));
        let (mut ledger, none) = after(life);
        assert_eq!(none, []);
        ledger.forget_callbacks(MessageId(7), 1);
        let delivered = Event::CallbackDelivered {
            number: 0,
            status: 200,
        };
        ledger.apply(3, &entry(3, 2, delivered));
        assert_eq!(found(&mut ledger), [Invariant::OutboxCounts]);
    }
}
