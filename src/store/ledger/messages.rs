//! The open messages, found by our number and by the upstream's.
//!
//! Each lies in a slot of 64 octets, a chunk of slots at a time, so that a million of them move
//! nothing when one more comes, and chunks that empty give their memory back.

use super::index::{Index, Place};
use super::mt::Mt;
use super::smsc_id::{Form, hash, is_normal_of, normal};
use crate::message::{GatewayId, MessageId};
use hashbrown::DefaultHashBuilder;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// Slots of one chunk: 64 KiB.
const CHUNK: usize = 1024;
/// Places that are found without the index: those of what came or was asked for lately.
const RECENT: usize = 2048;

#[derive(Debug)]
pub(super) struct Messages {
    hasher: DefaultHashBuilder,
    chunks: Vec<Chunk>,
    /// Chunks with a free slot; the first one is filled first.
    roomy: BTreeSet<u32>,
    by_id: Index,
    by_upstream: Index,
    /// By hash: a message's life is short, and in the index of a million each of its steps would
    /// wait for memory.
    recent: Box<[Cell<Place>]>,
    /// The slot that was asked for last: several questions about one message follow each other.
    asked: Cell<u32>,
    /// None ever had a higher number: what is new is not looked for.
    highest: MessageId,
}

#[derive(Debug, Default)]
struct Chunk {
    /// Empty, or as many as there were at most.
    slots: Vec<Option<Mt>>,
    free: Vec<u16>,
}

fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Messages {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Messages {
        Messages {
            hasher,
            chunks: Vec::new(),
            roomy: BTreeSet::new(),
            by_id: Index::default(),
            by_upstream: Index::default(),
            recent: vec![Cell::default(); RECENT].into(),
            asked: Cell::new(0),
            highest: MessageId::NONE,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&Mt> {
        self.at(self.place_of(*id)?)
    }

    pub(super) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Mt> {
        let place = self.place_of(*id)?;
        let (chunk, at) = split(place);
        self.chunks[chunk].slots[at].as_mut()
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mt> {
        self.chunks.iter().flat_map(|c| c.slots.iter().flatten())
    }

    /// Slots there are, free ones among them.
    pub(super) fn slots(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Where a message lies.
    pub(super) fn slot_of(&self, id: MessageId) -> Option<u32> {
        self.place_of(id)
    }

    /// The message that lies there; it stays there as long as it is in memory.
    pub(super) fn in_slot(&self, slot: usize) -> Option<&Mt> {
        self.at(u32::try_from(slot).ok()?)
    }

    /// So many are to come that are old, or none any more.
    pub(super) fn expect(&mut self, messages: usize) {
        self.by_id.expect(messages);
        self.by_upstream.expect(messages);
    }

    /// Puts a message in that is not there.
    pub(super) fn insert_new(&mut self, m: Mt) {
        self.highest = self.highest.max(m.id);
        let id_hash = self.hasher.hash_one(m.id);
        let gateway = m.gateway;
        let names: Vec<u32> = m
            .upstream_ids()
            .map(|(_, id)| self.upstream_hash(gateway, &id))
            .collect();
        let slot = self.put(m);
        let place = Place {
            hash: half(id_hash),
            slot,
        };
        self.by_id.insert(place);
        self.recent(id_hash).set(place);
        for (n, hash) in names.iter().enumerate() {
            // The upstream may have used one id for several segments.
            if !names[..n].contains(hash) {
                self.by_upstream.insert(Place { hash: *hash, slot });
            }
        }
        self.asked.set(slot);
    }

    /// Puts a message in, in the place of one with its number if there is one.
    pub(super) fn insert(&mut self, m: Mt) {
        self.remove(&m.id);
        self.insert_new(m);
    }

    pub(super) fn remove(&mut self, id: &MessageId) -> Option<Mt> {
        let slot = self.place_of(*id)?;
        let hash = half(self.hasher.hash_one(id));
        self.by_id.remove(Place { hash, slot });
        let (chunk, at) = split(slot);
        let m = self.chunks[chunk].slots[at].take()?;
        m.each_upstream_id(|_, upstream_id| self.unlearn(slot, m.gateway, upstream_id));
        self.give_back(chunk, at);
        Some(m)
    }

    /// The upstream calls one of the message's segments so.
    pub(super) fn learn(&mut self, id: MessageId, upstream_id: &str) {
        let Some(slot) = self.place_of(id) else {
            return;
        };
        let Some(m) = self.at(slot) else {
            return;
        };
        let has_one_segment = m.segments().len() == 1;
        let place = self.upstream_place(slot, m.gateway, upstream_id);
        // The upstream may have used one id for several segments.
        let is_known = || self.by_upstream.find(place.hash, |p| *p == place).is_some();
        debug_assert!(!has_one_segment || !is_known(), "it was forgotten first");
        if has_one_segment || !is_known() {
            self.by_upstream.insert(place);
        }
    }

    /// The upstream's id of a segment gives way to another one.
    pub(super) fn forget_id(&mut self, id: MessageId, upstream_id: &str) {
        if let Some(slot) = self.place_of(id)
            && let Some(gateway) = self.at(slot).map(|m| m.gateway)
        {
            self.unlearn(slot, gateway, upstream_id);
        }
    }

    fn unlearn(&mut self, slot: u32, gateway: GatewayId, upstream_id: &str) {
        let place = self.upstream_place(slot, gateway, upstream_id);
        self.by_upstream.remove(place);
    }

    /// The segments that this form may mean. The upstream may have used one id for several;
    /// then in order of their acceptance.
    pub(super) fn named(&self, gateway: GatewayId, form: &Form<'_>) -> Vec<(MessageId, u8)> {
        let hash = half(hash(&self.hasher, gateway, &form.text));
        let places = self.by_upstream.all(hash);
        let messages = places
            .filter_map(|p| Some((p.slot, self.at(p.slot)?)))
            .filter(|(_, m)| m.gateway == gateway);
        let mut found = Vec::new();
        for (slot, m) in messages {
            self.asked.set(slot);
            m.each_upstream_id(|number, id| {
                if is_normal_of(&form.text, id) {
                    found.push((m.id, number));
                }
            });
        }
        found.sort_unstable();
        found
    }

    /// Gives back what the indexes have grown beyond what they hold.
    pub(super) fn tidy(&mut self) {
        self.by_id.tidy();
        self.by_upstream.tidy();
    }

    fn upstream_place(&self, slot: u32, gateway: GatewayId, upstream_id: &str) -> Place {
        let hash = self.upstream_hash(gateway, upstream_id);
        Place { hash, slot }
    }

    fn upstream_hash(&self, gateway: GatewayId, upstream_id: &str) -> u32 {
        half(hash(&self.hasher, gateway, &normal(upstream_id)))
    }

    fn place_of(&self, id: MessageId) -> Option<u32> {
        let holds_it = |slot: u32| self.at(slot).is_some_and(|m| m.id == id);
        if holds_it(self.asked.get()) {
            return Some(self.asked.get());
        }
        if id > self.highest {
            return None;
        }
        let id_hash = self.hasher.hash_one(id);
        let hash = half(id_hash);
        let is_it = |p: &Place| p.hash == hash && holds_it(p.slot);
        let recent = self.recent(id_hash);
        if !is_it(&recent.get()) {
            recent.set(self.by_id.find(hash, is_it)?);
        }
        let slot = recent.get().slot;
        self.asked.set(slot);
        Some(slot)
    }

    /// Where its place may stand; the slot says whether it does.
    fn recent(&self, id_hash: u64) -> &Cell<Place> {
        &self.recent[id_hash as usize % RECENT]
    }

    fn at(&self, slot: u32) -> Option<&Mt> {
        let (chunk, at) = split(slot);
        self.chunks.get(chunk)?.slots.get(at)?.as_ref()
    }

    /// The slot in which it lies now.
    fn put(&mut self, m: Mt) -> u32 {
        let number = match self.roomy.first() {
            Some(number) => *number,
            None => {
                self.chunks.push(Chunk::default());
                let number = u32::try_from(self.chunks.len() - 1);
                let number = number.expect("memory for so many messages there is none");
                self.roomy.insert(number);
                number
            }
        };
        let chunk = &mut self.chunks[number as usize];
        let at = match chunk.free.pop() {
            Some(at) => {
                chunk.slots[usize::from(at)] = Some(m);
                usize::from(at)
            }
            None => {
                chunk.slots.reserve_exact(CHUNK - chunk.slots.len());
                chunk.slots.push(Some(m));
                chunk.slots.len() - 1
            }
        };
        if chunk.free.is_empty() && chunk.slots.len() == CHUNK {
            self.roomy.remove(&number);
        }
        number * CHUNK as u32 + at as u32
    }

    fn give_back(&mut self, number: usize, at: usize) {
        let chunk = &mut self.chunks[number];
        chunk.free.push(at as u16);
        if chunk.free.len() == chunk.slots.len() {
            *chunk = Chunk::default();
        }
        self.roomy.insert(number as u32);
    }
}

/// Chunk and place in it.
fn split(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{EncodedHead, Event, State, Timestamp, sample};

    fn message(id: u64) -> Mt {
        let head = EncodedHead::from(&sample::head());
        Mt::of_head(MessageId(id), 1, Timestamp(5), &head, Some("hi")).unwrap()
    }

    /// One that the upstream calls so.
    fn submitted(messages: &mut Messages, id: u64, upstream_id: &str) {
        messages.insert(message(id));
        let event = Event::Submitted {
            segment: 1,
            upstream_id: Some(upstream_id.into()),
            answer: None,
            state: State::Submitted,
            callbacks: Vec::new(),
        };
        let m = messages.get_mut(&MessageId(id)).unwrap();
        m.take(&crate::message::Entry {
            subject: m.id,
            at: Timestamp(9),
            previous: 1,
            event,
        });
        messages.learn(MessageId(id), upstream_id);
    }

    fn named(messages: &Messages, text: &str) -> Vec<u64> {
        let form = Form {
            text: text.into(),
            converted: false,
        };
        let found = messages.named(GatewayId(1), &form);
        found.into_iter().map(|(id, _)| id.0).collect()
    }

    fn empty() -> Messages {
        Messages::new(DefaultHashBuilder::default())
    }

    #[test]
    fn a_slot_is_a_cache_line() {
        assert_eq!(size_of::<Option<Mt>>(), 64);
    }

    #[test]
    fn an_id_used_twice_keeps_both_messages() {
        let mut messages = empty();
        submitted(&mut messages, 2, "007");
        submitted(&mut messages, 1, "7");
        submitted(&mut messages, 3, "8");
        assert_eq!(named(&messages, "7"), [1, 2]);
        messages.remove(&MessageId(1));
        assert_eq!(named(&messages, "7"), [2]);
        messages.remove(&MessageId(2));
        assert!(named(&messages, "7").is_empty());
        assert_eq!(named(&messages, "8"), [3]);
        assert_eq!((messages.len(), messages.by_upstream.len()), (1, 1));
    }

    #[test]
    fn an_id_of_another_gateway_is_another() {
        let mut messages = empty();
        submitted(&mut messages, 1, "7");
        let form = Form {
            text: "7".into(),
            converted: false,
        };
        assert!(messages.named(GatewayId(2), &form).is_empty());
    }

    #[test]
    fn many_come_and_go_and_give_their_memory_back() {
        let mut messages = empty();
        let ids = 1..=20 * CHUNK as u64;
        for id in ids.clone() {
            submitted(&mut messages, id, &id.to_string());
        }
        assert!(
            ids.clone()
                .all(|id| named(&messages, &id.to_string()) == [id])
        );
        for id in ids.clone().filter(|id| id % 2 == 0) {
            assert_eq!(messages.remove(&MessageId(id)).map(|m| m.id.0), Some(id));
        }
        for id in ids.clone() {
            let there = messages.get(&MessageId(id)).map(|m| m.id.0);
            assert_eq!(there, (id % 2 == 1).then_some(id));
        }
        messages.insert(message(10_000_000));
        assert_eq!(messages.chunks.len(), 20, "free slots are used first");
        for id in ids.chain([10_000_000]) {
            messages.remove(&MessageId(id));
        }
        assert_eq!((messages.len(), messages.iter().count()), (0, 0));
        assert!(messages.chunks.iter().all(|c| c.slots.capacity() == 0));
        messages.tidy();
        assert!(messages.by_id.capacity() < CHUNK && messages.by_upstream.len() == 0);
    }
}
