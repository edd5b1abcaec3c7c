//! `kill -9` under load, again and again, on one log: what was acknowledged is neither lost nor
//! sent twice without being listed.
//!
//! Method: the built binary as a child, its API under load, a message centre in this process
//! that writes down what it gets. Each round sends its messages and kills the bridge somewhere
//! in the middle, in every third round once more while it recovers; the load goes on as soon
//! as the bridge is back. At the end both sides are compared message by message.
//!
//! The environment sets the size: CRASH_ROUNDS, CRASH_MESSAGES (of each round), CRASH_SEED
//! (printed by every run) and SMPP_BRIDGE_BIN (another binary). The full drill is
//!
//!     CRASH_ROUNDS=20 CRASH_MESSAGES=20000 cargo test --release --test crash -- --nocapture

mod bridge;
mod client;
mod load;

use bridge::Bridge;
use client::{Client, Doubt, Gateway, Record};
use load::{Acknowledged, Load, Target, number_of, text_of};
use smpp_bridge::simulator::{self, Options, Simulator};
use smpp_protocol::command::CommandStatus;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// After the last round, everything open comes to its end within this time.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Submits that may be in flight when the kill comes.
const WINDOW: u16 = 100;
/// Rows of `/api/in-doubt`, at most: more than one round can add.
const DOUBTS_MAX: usize = 1000;
const READERS: usize = 16;
const SYSTEM_ID: &str = "drill";

/// One size of the drill, and where it runs.
struct Drill {
    rounds: u32,
    messages: u32,
    rng: fastrand::Rng,
    /// Nobody else knows it: a bridge of another run that looks for its own message centre at
    /// a port used anew gets no receipt of ours.
    password: String,
    // Removed at the end.
    folder: tempfile::TempDir,
}

impl Drill {
    fn new(name: &str, rounds: u32, messages: u32) -> Drill {
        let seed = number("CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
        println!("{name}: {rounds} rounds of {messages} messages, CRASH_SEED={seed}");
        Drill {
            rounds,
            messages,
            rng: fastrand::Rng::with_seed(seed),
            password: format!("{:08x}", fastrand::u32(..)),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn account(&self) -> Option<(String, String)> {
        Some((SYSTEM_ID.to_owned(), self.password.clone()))
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

fn size(variable: &str, default: u32) -> u32 {
    number(variable).map_or(default, |n| u32::try_from(n).expect("a size fits"))
}

/// What the rounds left.
struct Outcome {
    bridge: Bridge,
    gateway: u64,
    load: Arc<Load>,
    kills: u32,
    /// Resubmits by id, as `/api/in-doubt` had them after each start.
    doubts: BTreeMap<u64, u32>,
}

/// Every round, and then until nothing is queued.
async fn run(drill: &mut Drill, smsc: &Simulator, callback_url: Option<String>) -> Outcome {
    let folder = drill.folder.path().to_owned();
    let bridge = Bridge::start(&folder, &mut drill.rng).await;
    let gateway = bridge
        .make_gateway(smsc.address(), (SYSTEM_ID, &drill.password), WINDOW)
        .await;
    let (up, watched) = watch::channel(true);
    let target = Arc::new(Target {
        address: bridge.address,
        gateway,
        callback_url,
        up: watched,
    });
    let mut outcome = Outcome {
        bridge,
        gateway,
        load: Arc::default(),
        kills: 0,
        doubts: BTreeMap::new(),
    };
    let begun = Instant::now();
    for round in 1..=drill.rounds {
        let load = outcome
            .load
            .clone()
            .run(round * drill.messages, target.clone());
        let load = tokio::spawn(load);
        let share = drill.rng.u32(drill.messages / 10..drill.messages * 9 / 10);
        let enough = outcome.load.acknowledged() + usize::try_from(share).unwrap();
        while outcome.load.acknowledged() < enough && !load.is_finished() {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        pause(&mut drill.rng, 10).await;
        up.send_replace(false);
        outcome.bridge.kill();
        outcome.kills += 1;
        outcome.bridge.spawn_again();
        if round % 3 == 0 {
            pause(&mut drill.rng, 300).await;
            outcome.bridge.kill();
            outcome.kills += 1;
            outcome.bridge.spawn_again();
        }
        outcome.bridge.until_ready().await;
        up.send_replace(true);
        outcome.note_doubts().await;
        load.await.unwrap();
        println!(
            "{:>6.1} s  round {round}: {} acknowledged, {} unanswered, {} at the message centre, \
             {} in doubt so far",
            begun.elapsed().as_secs_f64(),
            outcome.load.acknowledged(),
            outcome.load.unanswered(),
            smsc.submits(),
            outcome.doubts.len(),
        );
    }
    outcome.until_drained().await;
    outcome
}

async fn pause(rng: &mut fastrand::Rng, milliseconds_max: u64) {
    let microseconds = rng.u64(0..milliseconds_max * 1000);
    tokio::time::sleep(Duration::from_micros(microseconds)).await;
}

impl Outcome {
    fn client(&self) -> Client {
        Client::new(self.bridge.address)
    }

    async fn gateway(&self) -> Gateway {
        let path = format!("/api/sms-gateways/{}", self.gateway);
        self.client().get(&path).await
    }

    /// Once it is bound, the policy has decided what was in flight at the kill.
    async fn note_doubts(&mut self) {
        let begun = Instant::now();
        while self.gateway().await.status.bound == 0 {
            assert!(begun.elapsed() < SETTLE_TIMEOUT, "{}", self.bridge.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let path = format!("/api/in-doubt?per_page={DOUBTS_MAX}");
        let doubts: Vec<Doubt> = self.client().get(&path).await;
        for doubt in doubts {
            let resubmits = self.doubts.entry(doubt.id).or_default();
            *resubmits = doubt.resubmits.max(*resubmits);
        }
    }

    async fn until_drained(&self) {
        let begun = Instant::now();
        loop {
            let queue = self.gateway().await.status.queue;
            if queue == 0 {
                return;
            }
            assert!(
                begun.elapsed() < SETTLE_TIMEOUT,
                "{queue} stay queued:\n{}",
                self.bridge.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads every acknowledged message by its id: it is there, as it was sent, and comes to `state`.
    async fn assert_all_are(&self, state: &'static str) {
        let all = self.load.all();
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        let mut readers = JoinSet::new();
        for share in all.chunks(all.len().div_ceil(READERS).max(1)) {
            let (share, mut client) = (share.to_vec(), self.client());
            readers.spawn(async move {
                for message in share {
                    until_state(&mut client, message, state, deadline).await;
                }
            });
        }
        while let Some(read) = readers.join_next().await {
            read.expect("every acknowledged message is as it should be");
        }
        let ids: HashSet<u64> = all.iter().map(|m| m.id).collect();
        assert_eq!(ids.len(), all.len(), "no id was given twice");
    }

    /// The resubmits of each message in doubt, by its number.
    async fn doubts_by_number(&self) -> HashMap<u32, u32> {
        let mut client = self.client();
        let mut found = HashMap::new();
        for (id, resubmits) in &self.doubts {
            let record: Record = client.get(&format!("/api/sms-messages/{id}")).await;
            found.insert(number_of(record.message.as_bytes()), *resubmits);
        }
        found
    }
}

async fn until_state(client: &mut Client, message: Acknowledged, state: &str, deadline: Instant) {
    let path = format!("/api/sms-messages/{}", message.id);
    loop {
        let record: Record = client.get(&path).await;
        assert_eq!(record.message, text_of(message.number));
        if record.state == state {
            return;
        }
        let open = ["queued", "submitting", "submitted"].contains(&record.state.as_str());
        if !open || Instant::now() >= deadline {
            let story: serde_json::Value = client.get(&format!("{path}/events")).await;
            panic!("{message:?}: {record:?}\n{story:#}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How often the message centre got each message.
fn arrivals(smsc: &Simulator) -> HashMap<u32, u32> {
    let mut arrivals = HashMap::new();
    for recorded in smsc.recorded() {
        *arrivals
            .entry(number_of(&recorded.submit.short_message))
            .or_default() += 1;
    }
    arrivals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_kill_9_and_doubles_are_listed() {
    let rounds = size("CRASH_ROUNDS", 5);
    let mut drill = Drill::new("messages", rounds, size("CRASH_MESSAGES", 2000));
    // An answer that takes a while, so that submits are in flight when the kill comes.
    let smsc = Simulator::start(Options {
        response_delay: Duration::from_millis(5),
        account: drill.account(),
        ..Options::default()
    })
    .await
    .unwrap();
    let mut outcome = run(&mut drill, &smsc, None).await;
    outcome.assert_all_are("submitted").await;

    let arrivals = arrivals(&smsc);
    let all = outcome.load.all();
    let lost = all.iter().filter(|m| !arrivals.contains_key(&m.number));
    let lost: Vec<_> = lost.collect();
    let doubts = outcome.doubts_by_number().await;
    let doubles: HashMap<u32, u32> = arrivals
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(number, count)| (*number, count - 1))
        .collect();
    let unlisted: Vec<_> = doubles
        .iter()
        .filter(|(number, more)| doubts.get(number).is_none_or(|resubmits| *more > resubmits))
        .collect();
    let taken_unanswered = arrivals.len() - (all.len() - lost.len());
    println!(
        "messages: {} kills; {} acknowledged, {} lost; {} unanswered, of which {taken_unanswered} \
         arrived; {} submits, {} doubles of {} messages, {} unlisted; {} in doubt; slowest start \
         {} ms",
        outcome.kills,
        all.len(),
        lost.len(),
        outcome.load.unanswered(),
        smsc.submits(),
        doubles.values().sum::<u32>(),
        doubles.len(),
        unlisted.len(),
        doubts.len(),
        outcome.bridge.slowest_start.as_millis(),
    );
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(unlisted.is_empty(), "sent twice, not listed: {unlisted:?}");
    let sent = u64::from(drill.rounds * drill.messages);
    let answered = u64::try_from(all.len()).unwrap();
    assert_eq!(answered + u64::from(outcome.load.unanswered()), sent);
    // What the log calls accepted is what arrived: neither less nor more.
    let accepted = outcome.gateway().await.messages_count;
    assert_eq!(accepted, u64::try_from(arrivals.len()).unwrap());
    outcome.bridge.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_of_acknowledged_messages_survive_kill_9() {
    let rounds = size("CRASH_ROUNDS", 5);
    let messages = (size("CRASH_MESSAGES", 2000) / 10).clamp(50, 500);
    let mut drill = Drill::new("verdicts", rounds, messages);
    let options = Options {
        account: drill.account(),
        ..Options::default()
    };
    let smsc = Arc::new(Simulator::start(options).await.unwrap());
    let application = Application::start().await;
    let receipts = tokio::spawn(send_receipts(smsc.clone(), drill.rng.fork()));
    let url = Some(format!("http://{}/verdict", application.address));
    let mut outcome = run(&mut drill, &smsc, url).await;
    outcome.assert_all_are("delivered").await;

    let all = outcome.load.all();
    let begun = Instant::now();
    let missing = loop {
        let taken = application.taken();
        let missing = all.iter().filter(|m| !taken.contains_key(&m.number));
        let missing: Vec<_> = missing.copied().collect();
        if missing.is_empty() || begun.elapsed() > SETTLE_TIMEOUT {
            break missing;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    receipts.abort();
    let taken = application.taken();
    println!(
        "verdicts: {} kills; {} acknowledged, {} without a verdict; {} verdicts taken, {} more \
         than once; {} in doubt",
        outcome.kills,
        all.len(),
        missing.len(),
        taken.values().sum::<u32>(),
        taken.values().filter(|count| **count > 1).count(),
        outcome.doubts.len(),
    );
    assert!(missing.is_empty(), "no verdict came for {missing:?}");
    outcome.bridge.verify();
}

/// Receipts as a message centre sends them: some time after the submit, and again on the next
/// bind until one is taken.
async fn send_receipts(smsc: Arc<Simulator>, mut rng: fastrand::Rng) {
    const AT_ONCE: usize = 50;
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut sending = JoinSet::new();
    let mut done = 0;
    loop {
        let recorded = smsc.recorded();
        for submit in &recorded[done..] {
            let receipt = simulator::receipt_for(submit, "DELIVRD");
            let slot = slots.clone().acquire_owned().await.expect("never closed");
            let (smsc, delay) = (smsc.clone(), Duration::from_millis(rng.u64(0..200)));
            sending.spawn(async move {
                tokio::time::sleep(delay).await;
                while smsc.deliver(receipt.clone()).await != Some(CommandStatus::ESME_ROK) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                drop(slot);
            });
        }
        done = recorded.len();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes verdicts, and refuses the first attempt of every seventh message.
struct Application {
    address: std::net::SocketAddr,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    taken: HashMap<u32, u32>,
    refused: HashSet<u32>,
}

impl Application {
    async fn start() -> Application {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::<Mutex<Calls>>::default();
        let state = calls.clone();
        let take = move |uri: http::Uri| {
            let number = uri.path().rsplit('/').next().and_then(|n| n.parse().ok());
            let number: u32 = number.expect("only verdicts are called back");
            let mut calls = state.lock().unwrap_or_else(PoisonError::into_inner);
            let refused = number.is_multiple_of(7) && calls.refused.insert(number);
            if !refused {
                *calls.taken.entry(number).or_default() += 1;
            }
            std::future::ready(match refused {
                true => http::StatusCode::SERVICE_UNAVAILABLE,
                false => http::StatusCode::OK,
            })
        };
        let router = axum::Router::new().fallback(take);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Application { address, calls }
    }

    fn taken(&self) -> HashMap<u32, u32> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.taken.clone()
    }
}
