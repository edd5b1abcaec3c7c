//! Where messages lie, by half a hash of a name of theirs; the slot says whether it is the right
//! one.
//!
//! Most messages end soon, and in a table of millions every step of a short life would wait for
//! memory. So what is new is in a small table, and goes to the large one only where many newer
//! ones have come and it is still there. It goes in small parts: nobody waits for all of it.

use hashbrown::HashTable;

/// Places in the small table, at most: more than the finished messages that are kept, and those
/// under way beside them.
const YOUNG_MAX: usize = 32 * 1024;
/// So many of the last young ones grow old at once, …
const AGED_AT_ONCE: usize = 256;
/// … with every so many new ones, in the second half of a generation.
const AGED_EVERY: usize = 64;
/// A table with room for this many times what it holds gives room back.
const SPARSE: usize = 8;
const SMALL: usize = 1024;

const _: () = assert!(YOUNG_MAX / 2 / AGED_EVERY * AGED_AT_ONCE > YOUNG_MAX);

/// What an index knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The upper half.
    pub(super) hash: u32,
    pub(super) slot: u32,
}

impl Place {
    /// A hash again, all of it made of the half.
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[derive(Debug, Default)]
pub(super) struct Index {
    young: HashTable<Place>,
    /// The generation before: empty before the young one is full.
    aging: HashTable<Place>,
    old: HashTable<Place>,
    /// So many are to come that are old.
    expected: usize,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.generations().map(HashTable::len).iter().sum()
    }

    /// So many old ones are to come, or none any more: makes room for them at once.
    pub(super) fn expect(&mut self, places: usize) {
        self.old.reserve(places, Place::spread);
        self.expected = places;
    }

    /// Puts in what is not there.
    pub(super) fn insert(&mut self, place: Place) {
        if self.expected > 0 {
            self.expected -= 1;
            put(&mut self.old, place);
            return;
        }
        put(&mut self.young, place);
        let young = self.young.len();
        if young > YOUNG_MAX / 2 && young.is_multiple_of(AGED_EVERY) {
            self.age(AGED_AT_ONCE);
        }
        if young >= YOUNG_MAX {
            debug_assert!(self.aging.is_empty(), "it grew old while this one grew");
            self.age(usize::MAX);
            std::mem::swap(&mut self.young, &mut self.aging);
        }
    }

    fn age(&mut self, most: usize) {
        for place in self.aging.extract_if(|_| true).take(most) {
            put(&mut self.old, place);
        }
    }

    /// The first of these that `is_it`.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(&Place) -> bool) -> Option<Place> {
        self.all(hash).find(|p| is_it(p))
    }

    /// All places with this hash.
    pub(super) fn all(&self, hash: u32) -> impl Iterator<Item = Place> {
        let tables = self.generations().into_iter();
        let places = tables.flat_map(move |table| table.iter_hash(spread(hash)));
        places.filter(move |p| p.hash == hash).copied()
    }

    pub(super) fn remove(&mut self, place: Place) {
        for table in [&mut self.young, &mut self.aging, &mut self.old] {
            if let Ok(known) = table.find_entry(place.spread(), |p| *p == place) {
                known.remove();
                return;
            }
        }
    }

    /// Gives back what has grown beyond what it holds.
    pub(super) fn tidy(&mut self) {
        for table in [&mut self.young, &mut self.aging, &mut self.old] {
            if table.capacity() > SPARSE * table.len().max(SMALL) {
                table.shrink_to(2 * table.len(), Place::spread);
            }
        }
    }

    fn generations(&self) -> [&HashTable<Place>; 3] {
        [&self.young, &self.aging, &self.old]
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.generations().map(HashTable::capacity).iter().sum()
    }
}

fn put(table: &mut HashTable<Place>, place: Place) {
    table.insert_unique(place.spread(), place, Place::spread);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u32) -> Place {
        // Two share each hash.
        let hash = (n / 2).wrapping_mul(0x9E37_79B9);
        Place { hash, slot: n }
    }

    fn holds(index: &Index, n: u32) -> bool {
        let is_it = |p: &Place| p.slot == n;
        index.find(place(n).hash, is_it) == Some(place(n))
    }

    #[test]
    fn places_of_every_age_are_found_until_they_are_removed() {
        let mut index = Index::default();
        let count = 5 * YOUNG_MAX as u32 + 7;
        for n in 0..count {
            index.insert(place(n));
            assert!(index.young.len() < YOUNG_MAX && index.aging.len() <= YOUNG_MAX);
        }
        assert_eq!(index.len(), count as usize);
        assert!(index.old.len() > 3 * YOUNG_MAX, "they grow old");
        assert!((0..count).all(|n| holds(&index, n)));
        assert_eq!(index.all(place(0).hash).count(), 2);
        for n in (0..count).step_by(3) {
            index.remove(place(n));
        }
        assert!((0..count).all(|n| holds(&index, n) == (n % 3 != 0)));
        (0..count).for_each(|n| index.remove(place(n)));
        assert_eq!(index.len(), 0);
        index.tidy();
        assert!(index.capacity() < SMALL);
    }

    #[test]
    fn what_ends_soon_never_grows_old() {
        let mut index = Index::default();
        let kept = YOUNG_MAX as u32 - 1;
        for n in 0..3 * YOUNG_MAX as u32 {
            if n >= kept {
                index.remove(place(n - kept));
            }
            index.insert(place(n));
        }
        assert_eq!((index.aging.len(), index.old.len()), (0, 0));
    }

    #[test]
    fn what_is_expected_is_old_at_once() {
        let mut index = Index::default();
        index.expect(20);
        (0..10).for_each(|n| index.insert(place(n)));
        index.expect(0);
        index.insert(place(10));
        assert_eq!((index.old.len(), index.young.len()), (10, 1));
        assert!((0..11).all(|n| holds(&index, n)));
    }
}
