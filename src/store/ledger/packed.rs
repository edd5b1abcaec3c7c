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
/// As many as one octet counts.
const SEGMENTS_MAX: usize = 255;

#[derive(Debug)]
pub(super) struct Packed(Box<[u8]>);

/// The same, taken apart.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) told: u8,
    pub(super) states: Cow<'a, [u8]>,
    /// Microseconds after acceptance.
    pub(super) submitted_after: Option<u64>,
    /// One for each segment, as they are packed.
    ids: Cow<'a, [u8]>,
    pub(super) head: &'a [u8],
    pub(super) text: Option<&'a [u8]>,
}

impl Parts<'_> {
    /// The upstream's id of each segment.
    pub(super) fn set_ids<'i>(&mut self, ids: impl Iterator<Item = Option<&'i str>>) {
        let mut packed = Vec::new();
        ids.for_each(|id| push_id(&mut packed, id));
        self.ids = packed.into();
    }

    /// The upstream's id of one segment; they are counted from 1.
    pub(super) fn set_id(&mut self, segment: u8, id: Option<&str>) {
        let mut rest = &*self.ids;
        let mut packed = Vec::with_capacity(ID_OCTETS * self.states.len());
        for number in 1..=self.states.len() {
            let before = rest;
            take_some(&mut rest);
            match number == usize::from(segment) {
                true => push_id(&mut packed, id),
                false => packed.extend_from_slice(&before[..before.len() - rest.len()]),
            }
        }
        self.ids = packed.into();
    }
}

/// Most ids take less.
const ID_OCTETS: usize = 24;

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
        let (states, no_ids) = ([state as u8; SEGMENTS_MAX], [0; SEGMENTS_MAX]);
        Packed::of(&Parts {
            told,
            states: states[..segments].into(),
            submitted_after: None,
            ids: no_ids[..segments].into(),
            head,
            text: text.map(str::as_bytes),
        })
    }

    pub(super) fn of(parts: &Parts<'_>) -> Packed {
        let submitted = parts.submitted_after.map_or(0, |us| us + 1);
        let head = parts.head.len() as u64;
        let text = parts.text.unwrap_or_default();
        let text_length = parts.text.map_or(0, |t| t.len() as u64 + 1);
        let numbers = [submitted, head, text_length].map(octets_of);
        let runs = parts.states.len() + parts.ids.len() + parts.head.len() + text.len();
        // At once as long as it gets: an allocator leaves what shrinks to half where it is.
        let mut to = Vec::with_capacity(STATES + numbers.iter().sum::<usize>() + runs);
        to.push(u8::try_from(parts.states.len()).expect("at most 255 segments"));
        to.push(parts.told);
        to.extend_from_slice(&parts.states);
        push(&mut to, submitted);
        to.extend_from_slice(&parts.ids);
        push(&mut to, head);
        to.extend_from_slice(parts.head);
        push(&mut to, text_length);
        to.extend_from_slice(text);
        Packed(to.into_boxed_slice())
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// As [`Packed::octets`] gave them, from where they cannot have changed.
    pub(super) fn of_octets(octets: &[u8]) -> Packed {
        Packed(octets.into())
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        let mut rest = self.after_states();
        let submitted_after = take(&mut rest).checked_sub(1);
        let ids = rest;
        for _ in 0..self.segments() {
            take_some(&mut rest);
        }
        let ids = Cow::Borrowed(&ids[..ids.len() - rest.len()]);
        let head = take_octets(&mut rest);
        Parts {
            told: self.told(),
            states: Cow::Borrowed(&self.0[STATES..STATES + self.segments()]),
            submitted_after,
            ids,
            head,
            text: take_some(&mut rest),
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

    /// The same as [`Packed::ids`], to look at them only.
    pub(super) fn each_id(&self, mut each: impl FnMut(u8, &str)) {
        let mut rest = self.after_states();
        take(&mut rest);
        for number in 1..=self.0[0] {
            if let Some(octets) = take_some(&mut rest) {
                terse::look_at(octets, |id| id.into_iter().for_each(|id| each(number, id)));
            }
        }
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
        std::str::from_utf8(self.text_octets()?).ok()
    }

    pub(super) fn has_text(&self) -> bool {
        self.text_octets().is_some()
    }

    fn text_octets(&self) -> Option<&[u8]> {
        let mut rest = self.behind_ids();
        take_octets(&mut rest);
        take_some(&mut rest)
    }

    fn after_states(&self) -> &[u8] {
        &self.0[STATES + self.segments()..]
    }

    fn behind_ids(&self) -> &[u8] {
        let mut rest = self.after_states();
        take(&mut rest);
        for _ in 0..self.segments() {
            take_some(&mut rest);
        }
        rest
    }
}

/// Octets of a number.
fn octets_of(n: u64) -> usize {
    (u64::BITS - (n | 1).leading_zeros()).div_ceil(7) as usize
}

fn push_id(to: &mut Vec<u8>, id: Option<&str>) {
    let Some(id) = id else { return to.push(0) };
    terse::pack(id, |octets| {
        push(to, octets.len() as u64 + 1);
        to.extend_from_slice(octets);
    });
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
        parts.set_id(2, Some("00B8be"));
        parts.submitted_after = Some(1_000_000);
        parts.text = None;
        let packed = Packed::of(&parts);
        let states: Vec<State> = packed.states().collect();
        assert_eq!(states, [State::Queued, State::Submitting]);
        assert_eq!((packed.state(2), packed.state(3)), (Some(states[1]), None));
        assert_eq!(packed.ids().collect::<Vec<_>>(), [(2, "00B8be".into())]);
        packed.each_id(|number, id| assert_eq!((number, id), (2, "00B8be")));
        assert_eq!(packed.submitted_after(), Some(1_000_000));
        assert_eq!((packed.head(), packed.text()), (&b"a head"[..], None));
    }

    #[test]
    fn empty_is_not_missing() {
        let packed = Packed::new(0, State::Queued, 1, b"", Some(""));
        assert_eq!(packed.text(), Some(""));
        let mut parts = packed.parts();
        parts.set_id(1, Some(""));
        let packed = Packed::of(&parts);
        assert_eq!(packed.ids().collect::<Vec<_>>(), [(1, "".into())]);
    }
}
