//! What a message brings with it, in one run of octets: a million of them are in memory.
//!
//! ```text
//! segments (1) | parts to tell of (1) | a state each (1)
//! submitted: microseconds after acceptance, and one more; 0: not yet
//! the upstream's id of each segment: its length and one more, octets; 0: none
//! head: length, octets | text: length and one more, octets; 0: none
//! ```
//!
//! Numbers are LEB128, ids are packed as in the log. States change where they are; anything
//! else is written anew as a whole, which a message of one segment sees once.

use crate::message::{HeadRef, State, terse};
use std::borrow::Cow;

/// Where the states begin.
const STATES: usize = 2;

#[derive(Debug)]
pub(super) struct Packed(Box<[u8]>);

/// The same, taken apart.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) told: u8,
    pub(super) states: Cow<'a, [u8]>,
    /// Microseconds after acceptance.
    pub(super) submitted_after: Option<u64>,
    /// One for each segment.
    pub(super) ids: Vec<Option<Cow<'a, str>>>,
    pub(super) head: &'a [u8],
    pub(super) text: Option<&'a str>,
}

impl Packed {
    /// A message of so many segments in this state, as it is accepted.
    pub(super) fn new(
        told: u8,
        state: State,
        segments: u8,
        head: &[u8],
        text: Option<&str>,
    ) -> Packed {
        let segments = usize::from(segments.max(1));
        Packed::of(&Parts {
            told,
            states: vec![state as u8; segments].into(),
            submitted_after: None,
            ids: vec![None; segments],
            head,
            text,
        })
    }

    pub(super) fn of(parts: &Parts<'_>) -> Packed {
        let mut to = Vec::with_capacity(256);
        to.push(u8::try_from(parts.states.len()).expect("at most 255 segments"));
        to.push(parts.told);
        to.extend_from_slice(&parts.states);
        push(&mut to, parts.submitted_after.map_or(0, |us| us + 1));
        let mut packed = Vec::with_capacity(32);
        for id in &parts.ids {
            let Some(id) = id else {
                to.push(0);
                continue;
            };
            packed.clear();
            terse::pack(id, &mut packed);
            push(&mut to, packed.len() as u64 + 1);
            to.extend_from_slice(&packed);
        }
        push(&mut to, parts.head.len() as u64);
        to.extend_from_slice(parts.head);
        push(&mut to, parts.text.map_or(0, |t| t.len() as u64 + 1));
        to.extend_from_slice(parts.text.unwrap_or_default().as_bytes());
        // Copied: an allocator leaves what shrinks to half where it is, at its full size.
        Packed(to.as_slice().into())
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let mut rest = self.after_states();
        let submitted_after = take(&mut rest).checked_sub(1);
        let ids = self.states().map(|_| take_id(&mut rest)).collect();
        let head = take_octets(&mut rest);
        Parts {
            told: self.told(),
            states: Cow::Borrowed(&self.0[STATES..STATES + self.segments()]),
            submitted_after,
            ids,
            head,
            text: take_text(&mut rest),
        }
    }

    pub(super) fn segments(&self) -> usize {
        usize::from(self.0[0])
    }

    /// Parts whose final states are told, one by one; 0 is none. More than there are segments
    /// where the upstream cuts the text itself.
    pub(super) fn told(&self) -> u8 {
        self.0[1]
    }

    /// Of each segment, in order.
    pub(super) fn states(&self) -> impl DoubleEndedIterator<Item = State> + ExactSizeIterator {
        let states = &self.0[STATES..STATES + self.segments()];
        states.iter().map(|s| State::ALL[usize::from(*s)])
    }

    /// `None`: there is no such segment. They are counted from 1.
    pub(super) fn state(&self, segment: u8) -> Option<State> {
        self.states().nth(usize::from(segment).checked_sub(1)?)
    }

    pub(super) fn set_state(&mut self, segment: u8, state: State) {
        if (1..=self.segments()).contains(&usize::from(segment)) {
            self.0[STATES - 1 + usize::from(segment)] = state as u8;
        }
    }

    pub(super) fn submitted_after(&self) -> Option<u64> {
        take(&mut self.after_states()).checked_sub(1)
    }

    /// The upstream's ids, with the segments that have one.
    pub(super) fn ids(&self) -> impl Iterator<Item = (u8, Cow<'_, str>)> {
        let mut rest = self.after_states();
        take(&mut rest);
        let ids = (1..=self.0[0]).map(move |number| (number, take_id(&mut rest)));
        ids.filter_map(|(number, id)| Some((number, id?)))
    }

    /// Encoded.
    pub(super) fn head(&self) -> &[u8] {
        take_octets(&mut self.behind_ids())
    }

    pub(super) fn read_head(&self) -> Option<HeadRef<'_>> {
        HeadRef::read(self.head())
    }

    pub(super) fn text(&self) -> Option<&str> {
        let mut rest = self.behind_ids();
        take_octets(&mut rest);
        take_text(&mut rest)
    }

    fn after_states(&self) -> &[u8] {
        &self.0[STATES + self.segments()..]
    }

    fn behind_ids(&self) -> &[u8] {
        let mut rest = self.after_states();
        take(&mut rest);
        for _ in 0..self.segments() {
            let length = take(&mut rest).saturating_sub(1);
            rest = &rest[length as usize..];
        }
        rest
    }
}

fn push(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push((n & 0x7F) as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

/// What is read here was written here: it is whole.
fn take(from: &mut &[u8]) -> u64 {
    let mut n = 0;
    for (i, octet) in from.iter().enumerate() {
        n |= u64::from(octet & 0x7F) << (7 * i);
        if octet & 0x80 == 0 {
            *from = &from[i + 1..];
            break;
        }
    }
    n
}

fn take_octets<'a>(from: &mut &'a [u8]) -> &'a [u8] {
    let length = take(from) as usize;
    let (octets, rest) = from.split_at(length);
    *from = rest;
    octets
}

/// Octets that may be missing.
fn take_some<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(from).checked_sub(1)? as usize;
    let (octets, rest) = from.split_at(length);
    *from = rest;
    Some(octets)
}

fn take_id<'a>(from: &mut &'a [u8]) -> Option<Cow<'a, str>> {
    take_some(from).and_then(terse::unpack)
}

fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    take_some(from).and_then(|octets| std::str::from_utf8(octets).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found_again() {
        let mut packed = Packed::new(3, State::Queued, 2, b"a head", Some("a text"));
        packed.set_state(2, State::Submitting);
        packed.set_state(3, State::Failed);
        assert_eq!(packed.head(), b"a head");
        assert_eq!(packed.text(), Some("a text"));
        assert_eq!((packed.told(), packed.submitted_after()), (3, None));
        let mut parts = packed.parts();
        parts.ids[1] = Some("00B8be".into());
        parts.submitted_after = Some(1_000_000);
        parts.text = None;
        let packed = Packed::of(&parts);
        let states: Vec<State> = packed.states().collect();
        assert_eq!(states, [State::Queued, State::Submitting]);
        assert_eq!((packed.state(2), packed.state(3)), (Some(states[1]), None));
        assert_eq!(packed.ids().collect::<Vec<_>>(), [(2, "00B8be".into())]);
        assert_eq!(packed.submitted_after(), Some(1_000_000));
        assert_eq!((packed.head(), packed.text()), (&b"a head"[..], None));
    }

    #[test]
    fn empty_is_not_missing() {
        let packed = Packed::new(0, State::Queued, 1, b"", Some(""));
        assert_eq!(packed.text(), Some(""));
        let mut parts = packed.parts();
        parts.ids[0] = Some("".into());
        let packed = Packed::of(&parts);
        assert_eq!(packed.ids().collect::<Vec<_>>(), [(1, "".into())]);
    }
}
