//! Sets joined of late, so that a segment the upstream repeats is not taken for news.
//!
//! No octets are kept, only their fingerprints. The memory follows the log: what an entry
//! brings is remembered, by the time of the entry, and a set that a start would not find in
//! the frames it reads is carried forward.

use super::sets::SetKey;
use crate::message::{MoRecord, Snapshot, Timestamp};
use hashbrown::HashMap;
use ring::digest::{Context, SHA256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A joined set is remembered this long against repeats.
pub(super) const JOINED_KEPT: Duration = Duration::from_secs(120);
/// Joined sets remembered, at most: some 3 MB if they have a few segments each.
const JOINED_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct JoinedSets {
    sets: HashMap<Arc<SetKey>, Joined>,
    by_age: BTreeSet<(Timestamp, Arc<SetKey>)>,
}

/// A set whose message, or what there was of it, is in the log.
#[derive(Debug)]
pub(super) struct Joined {
    /// The message, or what segments that are posted one by one have in common.
    pub(super) of: u64,
    pub(super) at: Timestamp,
    /// A start that reads from here on remembers it.
    pub(super) frame: u64,
    /// Number and fingerprint of each segment.
    pub(super) parts: Vec<(u8, u64)>,
    /// The connection that brought all of it; 0: not one alone, or not known any more.
    pub(super) connection: u64,
}

impl JoinedSets {
    /// Whether the set joined last under this reference has that segment.
    pub(super) fn has(&self, key: &SetKey, part: (u8, u64), now: Timestamp) -> bool {
        let joined = self.sets.get(key);
        joined.is_some_and(|j| now.since(j.at) < JOINED_KEPT && j.parts.contains(&part))
    }

    /// The connection that brought the set joined last; `None`: not one alone, or not known.
    pub(super) fn connection(&self, key: &SetKey) -> Option<u64> {
        let connection = self.sets.get(key)?.connection;
        (connection != 0).then_some(connection)
    }

    /// Notes that a set is joined, or one segment more of it is posted; forgets sets that are
    /// old or too many.
    pub(super) fn remember(&mut self, key: Arc<SetKey>, mut joined: Joined) {
        let now = joined.at;
        if let Some(there) = self.sets.get(&key).filter(|j| j.of == joined.of) {
            joined.at = there.at;
            joined.frame = joined.frame.min(there.frame);
        }
        self.put(key, joined);
        while let Some((at, _)) = self.by_age.first() {
            if now.since(*at) < JOINED_KEPT && self.by_age.len() <= JOINED_MAX {
                return;
            }
            if let Some((_, key)) = self.by_age.pop_first() {
                self.sets.remove(&key);
            }
        }
    }

    /// Takes the place of an older set, or adds to what is known of the same.
    fn put(&mut self, key: Arc<SetKey>, mut joined: Joined) {
        if let Some(there) = self.sets.remove(&key) {
            self.by_age.remove(&(there.at, key.clone()));
            if there.of == joined.of {
                let known = there.parts.into_iter();
                let more = known.filter(|part| !joined.parts.contains(part));
                let more: Vec<_> = more.collect();
                joined.parts.extend(more);
                if joined.connection != there.connection {
                    joined.connection = 0;
                }
            }
        }
        self.by_age.insert((joined.at, key.clone()));
        self.sets.insert(key, joined);
    }

    /// The sets that still count, and which a start that reads from this frame on would miss.
    pub(super) fn before(&self, frame: u64, now: Timestamp) -> impl Iterator<Item = Arc<SetKey>> {
        let of_late = move |j: &Joined| j.frame < frame && now.since(j.at) < JOINED_KEPT;
        let sets = self.sets.iter().filter(move |(_, j)| of_late(j));
        sets.map(|(key, _)| key.clone())
    }

    pub(super) fn get(&self, key: &SetKey) -> Option<&Joined> {
        self.sets.get(key)
    }

    pub(super) fn snapshot(&self, key: &SetKey) -> Option<Snapshot> {
        let joined = self.sets.get(key)?;
        Some(Snapshot::MoJoined {
            gateway: key.gateway,
            source_addr: key.source.clone(),
            destination_addr: key.destination.clone(),
            reference: key.reference,
            reference_bits: key.reference_bits,
            total: key.total,
            of: joined.of,
            joined_at: joined.at,
            parts: joined.parts.clone(),
        })
    }

    /// A copy in the log: of a set that is remembered, or of one from frames that were not read.
    pub(super) fn restore(&mut self, key: SetKey, mut copy: Joined) {
        if let Some(there) = self.sets.get(&key) {
            if there.of != copy.of && there.at > copy.at {
                return;
            }
            // A copy does not know it.
            copy.connection = there.connection;
        }
        self.put(Arc::new(key), copy);
    }
}

/// Of what a segment says. It is in the log, so it is the same everywhere and always.
pub(super) fn fingerprint(record: &MoRecord) -> u64 {
    let mut hash = Context::new(&SHA256);
    hash.update(&[record.data_coding]);
    hash.update(&record.octets);
    let digest = hash.finish();
    let (head, _) = digest.as_ref().split_first_chunk().expect("it is longer");
    u64::from_le_bytes(*head)
}

#[cfg(test)]
mod tests {
    use super::super::{Ledger, Policy};
    use super::*;
    use crate::message::{Concat, sample};
    use crate::store::codec::{Frame, Unpacker};
    use crate::store::intent::Finding;

    const BEGAN: Timestamp = Timestamp(1_800_000_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    /// A segment of two that goes to nobody, so that its message is open for no callback.
    fn segment(number: u8, text: &str) -> MoRecord {
        let mut record = MoRecord {
            octets: text.into(),
            segment: Some(Concat {
                reference: 9,
                total: 2,
                number,
                reference_bits: 8,
            }),
            ..sample::mo()
        };
        record.route.service_profile = None;
        record
    }

    fn is_joined(ledger: &mut Ledger, number: u8, text: &str) -> bool {
        matches!(ledger.receive_mo(segment(number, text)), Finding::Mo { .. })
    }

    /// One batch; the frame from which a start reads now.
    fn batch(ledger: &mut Ledger, at: Timestamp, log: &mut Vec<Frame>) -> Option<u64> {
        ledger.begin(at);
        ledger.carry_if_due();
        let from = ledger.carry_some();
        ledger.finish();
        log.extend(ledger.take_frames());
        from
    }

    fn read(log: &[Frame], from: u64) -> Ledger {
        let next = log.last().map_or(1, |f| f.number + 1);
        let mut ledger = Ledger::new(Policy::default(), next);
        let mut unpacker = Unpacker::default();
        for frame in log.iter().filter(|f| f.number >= from) {
            let each = |number, entry| ledger.apply(number, &entry);
            unpacker.frame(frame.number, &frame.octets, each).unwrap();
        }
        ledger
    }

    #[test]
    fn a_start_that_misses_the_segments_knows_repeats() {
        let policy = Policy {
            carry_octets_min: 1,
            ..Policy::default()
        };
        let mut ledger = Ledger::new(policy, 1);
        let (mut log, mut reads_from) = (Vec::new(), 0);
        batch(&mut ledger, BEGAN, &mut log);
        is_joined(&mut ledger, 1, "one ");
        batch(&mut ledger, BEGAN, &mut log);
        assert!(is_joined(&mut ledger, 2, "two"));
        is_joined(&mut ledger, 2, "two");
        batch(&mut ledger, BEGAN, &mut log);
        let written = log.last().unwrap().number;
        for n in 1..20 {
            let from = batch(&mut ledger, BEGAN + SECOND * n, &mut log);
            reads_from = from.unwrap_or(reads_from);
            // Wherever a round stands, a start knows what came again, and what that was.
            let mut started = read(&log, reads_from);
            started.begin(BEGAN + SECOND * n);
            let waiting: Vec<bool> = started.sets.waiting().map(|w| w.again).collect();
            assert_eq!(waiting, [true], "after {n} rounds");
            assert!(!is_joined(&mut started, 1, "one "));
            assert_eq!(started.sets.waiting().count(), 0, "after {n} rounds");
        }
        assert!(reads_from > written, "no start reads the segments");
    }

    #[test]
    fn a_joined_set_is_remembered_for_so_long() {
        let mut ledger = Ledger::new(Policy::default(), 1);
        for (at, joins) in [
            (Duration::ZERO, true),
            (JOINED_KEPT - SECOND, false),
            (JOINED_KEPT, true),
        ] {
            ledger.begin(BEGAN + at);
            is_joined(&mut ledger, 1, "one ");
            assert_eq!(is_joined(&mut ledger, 2, "two"), joins, "{at:?}");
        }
    }

    #[test]
    fn joined_sets_are_bounded() {
        let mut joined = JoinedSets::default();
        let at = |n: u64| BEGAN + Duration::from_micros(n);
        let concat = segment(1, "").segment.unwrap();
        let key = |n: u64| SetKey {
            source: n.to_string(),
            ..SetKey::of(&segment(1, ""), concat)
        };
        let most = JOINED_MAX as u64;
        for n in 0..most + 10 {
            let set = Joined {
                of: n,
                at: at(n),
                frame: 1,
                parts: vec![(1, n)],
                connection: 0,
            };
            joined.remember(Arc::new(key(n)), set);
        }
        assert_eq!(
            (joined.sets.len(), joined.by_age.len()),
            (JOINED_MAX, JOINED_MAX)
        );
        assert!(joined.has(&key(10), (1, 10), at(most)));
        assert!(
            !joined.has(&key(9), (1, 9), at(most)),
            "the oldest give way"
        );
    }
}
