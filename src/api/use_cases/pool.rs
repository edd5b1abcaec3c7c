//! Which sender a destination gets: the one it had, one of its area code, or the one that
//! has rested longest.
//!
//! Kept in memory, for the most recent destinations; after a restart it is learned from the
//! newest messages of the log.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tokio::sync::OnceCell;

use super::super::country;
use super::super::draft::{Ground, Purpose};
use crate::message::{Family, Story, UseCase, msisdn};
use crate::store::{Filter, Store, StoreError};

/// Destinations whose sender is remembered, over all use cases; about 100 octets each.
const DESTINATIONS_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("it is not zero");
/// Messages of the log that are read after a restart.
const LEARNED_MAX: usize = 10_000;
/// Pages of the log that are looked through for them, at most.
const LEARNED_PAGES_MAX: usize = 4;

/// The pools of all use cases.
#[derive(Debug)]
pub(in super::super) struct Pools {
    learned: OnceCell<()>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    /// By use case and destination.
    senders: LruCache<(u128, u64), Arc<str>>,
    /// When each sender was used last, in turns.
    turns: HashMap<(u128, Arc<str>), u64>,
    turn: u64,
}

impl Default for Pools {
    fn default() -> Pools {
        Pools {
            learned: OnceCell::new(),
            memory: Mutex::new(Memory {
                senders: LruCache::new(DESTINATIONS_MAX),
                turns: HashMap::new(),
                turn: 0,
            }),
        }
    }
}

impl Pools {
    /// Chooses a sender, which is thereby used unless it is only to be explained. `None`: the
    /// pool is empty.
    pub(super) async fn choose(
        &self,
        store: &dyn Store,
        use_case: &UseCase,
        destination: &str,
        purpose: Purpose,
    ) -> Result<Option<(String, Ground)>, StoreError> {
        self.learned
            .get_or_try_init(|| self.learn(store))
            .await
            .copied()?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = memory.choose(use_case, destination);
        if let (Some((sender, _)), Purpose::Send) = (&chosen, purpose) {
            memory.used(use_case.id, destination, sender);
        }
        Ok(chosen.map(|(sender, ground)| (sender.to_string(), ground)))
    }

    async fn learn(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut filter = Filter {
            also: Some(Arc::new(|story| use_case_of(story).is_some())),
            limit: LEARNED_MAX,
            ..Filter::default()
        };
        let mut newest_first = Vec::new();
        for _ in 0..LEARNED_PAGES_MAX {
            let mut page = store.list(filter.clone()).await?;
            filter.limit -= page.stories.len();
            newest_first.append(&mut page.stories);
            filter.cursor = page.next;
            if filter.cursor.is_none() || filter.limit == 0 {
                break;
            }
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        for story in newest_first.iter().rev() {
            if let (Some(use_case), Story::Mt(m)) = (use_case_of(story), story) {
                memory.used(use_case, &m.head.destination, &m.head.source);
            }
        }
        Ok(())
    }
}

fn use_case_of(story: &Story) -> Option<u128> {
    match story {
        Story::Mt(m) => match &m.head.family {
            Family::UseCases(origin) => Some(origin.use_case),
            _ => None,
        },
        Story::Mo(_) => None,
    }
}

impl Memory {
    fn choose(&self, use_case: &UseCase, destination: &str) -> Option<(Arc<str>, Ground)> {
        let in_pool = |sender: &str| use_case.senders.iter().any(|s| s == sender);
        if use_case.sticky_sender
            && let Some(number) = msisdn(destination)
            && let Some(last) = self.senders.peek(&(use_case.id, number))
            && in_pool(last)
        {
            return Some((last.clone(), Ground::Sticky));
        }
        let area = |number: &str| country::nanp_area(number.trim_start_matches('+'));
        let wanted = area(destination).filter(|_| use_case.area_code_geomatch);
        let near = |sender: &&String| wanted.is_some() && area(sender) == wanted;
        let rested = |sender: &&String| self.last_turn(use_case.id, sender);
        let all = use_case.senders.iter();
        if let Some(of_area) = all.clone().filter(near).min_by_key(rested) {
            return Some((of_area.as_str().into(), Ground::AreaCode));
        }
        let rested = all.min_by_key(rested)?;
        Some((rested.as_str().into(), Ground::Rested))
    }

    fn last_turn(&self, use_case: u128, sender: &str) -> u64 {
        let key = (use_case, Arc::from(sender));
        self.turns.get(&key).copied().unwrap_or(0)
    }

    fn used(&mut self, use_case: u128, destination: &str, sender: &str) {
        let sender: Arc<str> = sender.into();
        self.turn += 1;
        self.turns.insert((use_case, sender.clone()), self.turn);
        if let Some(number) = msisdn(destination) {
            self.senders.put((use_case, number), sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Timestamp, UseCaseStatus, Via};

    fn use_case(senders: &[&str]) -> UseCase {
        UseCase {
            id: 1,
            name: "u".into(),
            status: UseCaseStatus::Active,
            via: Via::Gateway("g".into()),
            messaging_service_sid: None,
            senders: senders.iter().map(|s| (*s).to_owned()).collect(),
            campaign: None,
            brand: None,
            allowed_regions: Vec::new(),
            sticky_sender: true,
            area_code_geomatch: true,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            configured: false,
        }
    }

    fn choose(pools: &Pools, use_case: &UseCase, to: &str) -> String {
        let mut memory = pools.memory.lock().unwrap();
        let (chosen, _) = memory.choose(use_case, to).unwrap();
        memory.used(use_case.id, to, &chosen);
        chosen.to_string()
    }

    #[test]
    fn a_destination_keeps_its_sender_while_it_is_in_the_pool() {
        let pools = Pools::default();
        let mut u = use_case(&["+14155550001", "+12125550002"]);
        let first = choose(&pools, &u, "+4915112345678");
        choose(&pools, &u, "+4915112345679");
        assert_eq!(choose(&pools, &u, "+4915112345678"), first);
        u.senders.retain(|s| *s != first);
        assert_ne!(choose(&pools, &u, "+4915112345678"), first);
        u.senders.clear();
        assert!(
            pools
                .memory
                .lock()
                .unwrap()
                .choose(&u, "+4915112345678")
                .is_none()
        );
    }

    #[test]
    fn the_area_code_decides_and_else_who_has_rested_longest() {
        let pools = Pools::default();
        let mut u = use_case(&["+14155550001", "+12125550002", "+12125550003"]);
        assert_eq!(choose(&pools, &u, "+12125550199"), "+12125550002");
        assert_eq!(choose(&pools, &u, "+12125550198"), "+12125550003");
        assert_eq!(choose(&pools, &u, "+12125550197"), "+12125550002");
        assert_eq!(choose(&pools, &u, "+13055550197"), "+14155550001");
        assert_eq!(choose(&pools, &u, "+13055550196"), "+12125550003");
        u.area_code_geomatch = false;
        u.sticky_sender = false;
        assert_eq!(choose(&pools, &u, "+12125550199"), "+12125550002");
        assert_eq!(choose(&pools, &u, "+12125550199"), "+14155550001");
    }
}
