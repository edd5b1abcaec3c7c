use super::*;
use crate::message::sample::{self, accepted, moved, refused};
use crate::message::{Concat, Entry, Event, MessageId, State, Timestamp};
use crate::store::StoreError;
use crate::store::codec::Packer;
use std::collections::{BTreeMap, HashMap};

struct Frames(BTreeMap<u64, Vec<u8>>);

impl FrameSource for Frames {
    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(&number).cloned())
    }

    fn last_frame_of(&self, _: MessageId) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    fn bounds(&self) -> Option<(u64, u64)> {
        Some((*self.0.first_key_value()?.0, *self.0.last_key_value()?.0))
    }
}

fn cancelled() -> Event {
    Event::Cancelled {
        callbacks: Vec::new(),
    }
}

/// A frame for each event of one message, chained.
fn log(events: Vec<Event>) -> Frames {
    let mut packer = Packer::new(1);
    let mut frames = BTreeMap::new();
    for (n, event) in (0..).zip(events) {
        packer.push(&Entry {
            subject: MessageId(7),
            at: Timestamp(n),
            previous: n,
            event,
        });
        frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
    }
    Frames(frames)
}

fn violations(frames: &Frames) -> Vec<String> {
    audit(frames, Bounds::default(), |_, _, _| {})
        .violations
        .some
}

#[test]
fn a_sound_log_has_no_violations() {
    let sound = log(vec![
        accepted(),
        Event::Leased { attempt: 1 },
        refused(State::Failed),
    ]);
    let found = audit(&sound, Bounds::default(), |_, _, _| {});
    assert_eq!(
        (found.accepted, found.open(), found.violations.total),
        (1, 0, 0)
    );
    let guess = log(vec![accepted(), cancelled(), refused(State::Failed)]);
    assert!(
        violations(&guess).is_empty(),
        "the bridge's own verdict gives way"
    );
}

#[test]
fn a_log_with_more_messages_than_are_followed_at_once_is_read_again() {
    let mut packer = Packer::new(1);
    let mut frames = BTreeMap::new();
    let mut at = HashMap::new();
    let mut push = |id: u64, event: Event| {
        let frame = packer.push(&Entry {
            subject: MessageId(id),
            at: Timestamp(id),
            previous: at.get(&id).copied().unwrap_or(0),
            event,
        });
        at.insert(id, frame);
        frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
    };
    for id in 1..=50 {
        push(id, accepted());
        push(id, Event::Leased { attempt: 1 });
        // Verdicts come much later, and not for all.
        if id > 20 && id % 5 > 0 {
            push(id - 20, refused(State::Failed));
        }
    }
    let frames = Frames(frames);
    let whole = audit(&frames, Bounds::default(), |_, _, _| {});
    assert_eq!(
        (whole.accepted, whole.terminal(), whole.open()),
        (50, 24, 26)
    );
    let bounds = Bounds {
        messages_at_once: 7,
        listed_max: 100,
    };
    let mut readings = 0;
    let parts = audit(&frames, bounds, |reading, _, _| readings = reading);
    assert_eq!(readings, 8, "seven at once, fifty in all");
    assert_eq!(parts.violations.some, Vec::<String>::new());
    assert_eq!(parts.by_state, whole.by_state);
    assert_eq!(
        (parts.accepted, parts.entries, parts.in_flight),
        (whole.accepted, whole.entries, whole.in_flight)
    );
    assert_eq!(parts.in_doubt.some.len(), 26);
    assert_eq!(whole.in_doubt.some, parts.in_doubt.some[..20]);
}

#[test]
fn a_verdict_that_changes_is_found() {
    let frames = log(vec![
        accepted(),
        refused(State::Failed),
        refused(State::Queued),
    ]);
    assert!(violations(&frames)[0].contains("after its verdict"));
}

#[test]
fn a_second_acceptance_and_a_missing_one_are_found() {
    assert!(violations(&log(vec![accepted(), accepted()]))[0].contains("a second time"));
    assert!(violations(&log(vec![cancelled()]))[0].contains("before its acceptance"));
}

#[test]
fn a_move_that_must_not_be_is_found() {
    let sound = log(vec![accepted(), moved(1, 2), moved(2, 3)]);
    assert_eq!(violations(&sound), Vec::<String>::new());
    let unanswered = Event::Unanswered {
        segment: 1,
        reason: String::new(),
        next: crate::message::Next::Resubmitted,
        state: State::Queued,
        callbacks: Vec::new(),
    };
    let lease = || Event::Leased { attempt: 1 };
    for (life, what) in [
        (vec![accepted(), moved(2, 3)], "from where it is not"),
        (
            vec![accepted(), moved(1, 2), moved(2, 1)],
            "where it was before",
        ),
        (vec![accepted(), lease(), moved(1, 2)], "may have taken"),
        (
            vec![accepted(), lease(), unanswered, moved(1, 2)],
            "may have taken",
        ),
    ] {
        let found = violations(&log(life));
        assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
    }
}

fn segment(again: bool) -> Event {
    let concat = Concat {
        reference: 9,
        total: 2,
        number: 1,
        reference_bits: 8,
    };
    let record = Box::new(sample::mo());
    match again {
        true => Event::MoSegmentAgain { record, concat },
        false => Event::MoSegment { record, concat },
    }
}

/// Segments 1 to 4, of which 1 and 2 came again, and what ends them.
fn log_of_segments(ends: Vec<Event>) -> Frames {
    let mut packer = Packer::new(1);
    let segments = [true, true, false, false].map(segment);
    let mut frames = BTreeMap::new();
    for (subject, event) in (1..).zip(segments.into_iter().chain(ends)) {
        let is_word = matches!(event, Event::MoRepeated { .. });
        packer.push(&Entry {
            subject: MessageId(if is_word { 0 } else { subject }),
            at: Timestamp(subject),
            previous: 0,
            event,
        });
        frames.extend(packer.take().into_iter().map(|f| (f.number, f.octets)));
    }
    Frames(frames)
}

fn repeated(segments: &[u64]) -> Event {
    Event::MoRepeated {
        segments: segments.iter().map(|id| MessageId(*id)).collect(),
    }
}

fn received(segments: &[u64]) -> Event {
    Event::MoReceived {
        record: Box::new(sample::mo()),
        segments: segments.iter().map(|id| MessageId(*id)).collect(),
        callbacks: Vec::new(),
    }
}

#[test]
fn each_segment_waits_or_is_in_a_message_or_was_a_repeat() {
    let sound = log_of_segments(vec![received(&[2, 3]), repeated(&[1])]);
    for messages_at_once in [100, 2] {
        let bounds = Bounds {
            messages_at_once,
            listed_max: 20,
        };
        let found = audit(&sound, bounds, |_, _, _| {});
        assert_eq!(found.violations.some, Vec::<String>::new());
        let counts = (found.mo, found.mo_waiting, found.mo_repeated);
        assert_eq!(counts, (1, 1, 1), "{messages_at_once} at once");
    }
    let news = violations(&log_of_segments(vec![repeated(&[1, 3])]));
    assert_eq!(news.len(), 1);
    assert!(news[0].contains("message 3"), "{news:?}");
    let message = violations(&log_of_segments(vec![received(&[4]), received(&[5])]));
    assert!(message.len() == 1 && message[0].contains("message 5"));
}

#[test]
fn a_missing_and_a_damaged_frame_are_found() {
    let whole = log(vec![
        accepted(),
        Event::Leased { attempt: 1 },
        refused(State::Failed),
    ]);
    let mut gap = whole.0.clone();
    gap.remove(&2);
    let found = violations(&Frames(gap));
    assert!(
        found[0].contains("missing") && found[1].contains("chain"),
        "{found:?}"
    );
    let mut damaged = whole.0;
    damaged.get_mut(&3).unwrap()[12] ^= 1;
    assert!(violations(&Frames(damaged))[0].contains("checksum"));
}
