//! The power goes, again and again, in the middle of everything: what was acknowledged is
//! there afterwards, the log opens, and it proves itself.
//!
//! Method: the whole store over [`disk::VolatileDisk`], under load from several tasks. At a
//! random sync the power goes; the store is opened over what the disk has kept, is compared
//! with what its callers were told, and lives on, for ten cuts on one log.
//!
//! POWER_CUTS sets the number of cuts (the full drill has 200), POWER_CUT_SEED repeats one:
//!
//!     POWER_CUTS=200 cargo test --release --test power_cut -- --nocapture
//!
//! What this cannot show, since sled writes by itself: see `disk`.

#[path = "../common/mod.rs"]
mod common;
mod disk;

use common::sample::{self, head, new_message};
use disk::VolatileDisk;
use smpp_bridge::message::*;
use smpp_bridge::metrics::Metrics;
use smpp_bridge::store::audit::{Bounds, audit};
use smpp_bridge::store::journal::Journal;
use smpp_bridge::store::sled::disk::{Disk, MachineDisk};
use smpp_bridge::store::sled::{LogAtRest, SledJournal, SledOptions};
use smpp_bridge::store::walk::{Found, walk};
use smpp_bridge::store::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CUTS_A_LOG: u32 = 10;
const GATEWAY: GatewayId = GatewayId(1);
/// A cut comes after so many syncs, at most.
const SYNCS_MAX: u64 = 120;
/// Small, so that slices turn over and are removed while the power goes.
const SLICE_OCTETS: u64 = 60_000;
/// Nothing takes a tenth of this.
const WITHIN: Duration = Duration::from_secs(60);

/// What callers were told.
#[derive(Debug, Default)]
struct Told {
    /// The state that an answer has vouched for.
    messages: BTreeMap<MessageId, (String, State)>,
    orphans: u64,
}

type Shared = Arc<Mutex<Told>>;

fn told(shared: &Shared) -> std::sync::MutexGuard<'_, Told> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn options(path: &Path, disk: Arc<dyn Disk>) -> SledOptions {
    SledOptions {
        slice_octets_max: SLICE_OCTETS,
        retention: Duration::from_secs(3600),
        disk_reserve_octets: 0,
        cache_octets: 4 << 20,
        disk,
        ..SledOptions::at(path)
    }
}

fn open(path: &Path, disk: &Arc<VolatileDisk>) -> LogStore {
    let options = options(path, disk.clone());
    let all = OpenOptions {
        policy: Policy {
            checkpoint_octets_min: 10_000,
            ..Policy::default()
        },
        metrics: Metrics::new().store,
    };
    LogStore::open(move || SledJournal::open(&options), all)
        .unwrap_or_else(|e| panic!("the log does not open after a power cut: {e}"))
}

fn receipt(id: &str) -> Inbound {
    let evidence = sample::receipt(id, "DELIVRD", Some(State::Delivered));
    Inbound::Receipt(Box::new(evidence))
}

/// Sends until the power goes.
async fn send(store: LogStore, shared: Shared, task: usize, padding: usize) {
    for n in 0.. {
        let text = format!("{task}-{n} {}", "x".repeat(padding));
        let Ok(Acceptance::Accepted { id, .. }) = store.accept(new_message(head(), &text)).await
        else {
            return;
        };
        told(&shared).messages.insert(id, (text, State::Queued));
    }
}

/// Takes, submits, and reports delivered, until the power goes. Ids name their message, so
/// that no two are alike in all the lives of a log.
async fn deliver(store: LogStore, shared: Shared) {
    let known = |id: MessageId, state| {
        if let Some((_, known)) = told(&shared).messages.get_mut(&id) {
            *known = state;
        }
    };
    loop {
        let Ok(leases) = store.lease(GATEWAY, 16).await else {
            return;
        };
        let mut receipts = Vec::new();
        for lease in &leases {
            known(lease.message, State::Submitting);
            let outcome = Outcome::Submitted {
                upstream_id: Some(format!("u{}", lease.message)),
                answer: None,
            };
            store.responded(vec![Response {
                message: lease.message,
                segment: 1,
                outcome,
            }]);
            if lease.message.0 % 3 != 0 {
                receipts.push((lease.message, receipt(&format!("u{}", lease.message))));
            }
        }
        let (ids, inbound): (Vec<_>, Vec<_>) = receipts.into_iter().unzip();
        let orphan = receipt(&format!("nobody{}", fastrand::u64(..)));
        let inbound = inbound.into_iter().chain([orphan]).collect();
        let Ok(findings) = store.inbound(inbound).await else {
            return;
        };
        for (id, finding) in ids.into_iter().zip(&findings) {
            match finding {
                Finding::Applied { state, .. } => known(id, *state),
                other => panic!("message {id}: {other:?}"),
            }
        }
        told(&shared).orphans += 1;
    }
}

/// One life of a log: until the power goes. What the disk has kept is in `image` then.
async fn live(path: &Path, image: &Path, shared: &Shared, rng: &mut fastrand::Rng) {
    let disk = Arc::new(VolatileDisk::over(path));
    let at = rng.u64(1..SYNCS_MAX);
    let store = open(path, &disk);
    let _ = store.resolve_in_doubt(GATEWAY, OnUnknown::Resend).await;
    let padding = *rng.choice(&[10, 300, 5000]).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        tasks.spawn(send(store.clone(), shared.clone(), task, padding));
    }
    tasks.spawn(deliver(store.clone(), shared.clone()));
    let begun = std::time::Instant::now();
    while disk.syncs() < at {
        assert!(begun.elapsed() < WITHIN, "nothing is synced");
        tokio::time::sleep(Duration::from_micros(50)).await;
    }
    disk.cut(image, rng);
    // Whoever waits for work hears of the end only now.
    let _ = store.close().await;
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task hears of the end");
    }
}

/// The log at rest has everything that was told, and proves itself.
fn check(path: &Path, told: &Told, words: &str) {
    let log = LogAtRest::open(path).unwrap();
    let found = audit(&*log.source(), Bounds::default(), |_, _, _| {});
    let violations = &found.violations;
    assert_eq!(violations.total, 0, "{words}: {:?}", violations.some);
    assert!(
        found.orphans.total >= told.orphans,
        "{words}: an orphan is missing"
    );
    let mut states: BTreeMap<MessageId, (String, State)> = BTreeMap::new();
    let each = |found: Found<'_>| {
        let Found::Entry { entry, .. } = found else {
            panic!("{words}: {found:?}");
        };
        match &entry.event {
            Event::Accepted { text, .. } => {
                states.insert(entry.subject, (text.clone(), State::Queued));
            }
            Event::Leased { .. } => states.get_mut(&entry.subject).unwrap().1 = State::Submitting,
            Event::Submitted { state, .. }
            | Event::Reported {
                state,
                applied: true,
                ..
            } => states.get_mut(&entry.subject).unwrap().1 = *state,
            _ => {}
        }
    };
    walk(&*log.source(), 0, each, |_, _| {});
    for (id, (text, state)) in &told.messages {
        let Some((found, reached)) = states.get(id) else {
            panic!("{words}: message {id} was acknowledged and is lost");
        };
        assert_eq!(found, text, "{words}: message {id}");
        assert!(
            reached.rank() >= state.rank(),
            "{words}: message {id} was told to be {state:?} and is {reached:?}"
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_cuts() {
    let cuts = u32::try_from(number("POWER_CUTS").unwrap_or(12)).unwrap();
    let seed = number("POWER_CUT_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{cuts} cuts, POWER_CUT_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut acknowledged = 0;
    let mut left = cuts;
    while left > 0 {
        let lives = left.min(CUTS_A_LOG);
        left -= lives;
        acknowledged += one_log(lives, cuts - left - lives, seed, &mut rng).await;
    }
    println!("{cuts} cuts; {acknowledged} messages acknowledged, none missing");
}

/// The lives of one log; how many messages were acknowledged in them.
async fn one_log(lives: u32, before: u32, seed: u64, rng: &mut fastrand::Rng) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::default();
    let mut path = folder.path().join("new");
    std::fs::create_dir(&path).unwrap();
    for life in 1..=lives {
        let image = folder.path().join(format!("after-{life}"));
        live(&path, &image, &shared, rng).await;
        std::fs::remove_dir_all(&path).unwrap();
        let words = format!("cut {} of POWER_CUT_SEED={seed}", before + life);
        // As the disk has left it, and once more after the log has put itself in order.
        check(&image, &told(&shared), &words);
        let opened = SledJournal::open(&options(&image, Arc::new(MachineDisk)));
        opened.unwrap_or_else(|e| panic!("{words}: {e}")).0.close();
        check(&image, &told(&shared), &words);
        path = image;
    }
    let told = told(&shared);
    told.messages.len()
}
