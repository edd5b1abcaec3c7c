//! A gateway over real sockets: the bind's life, submits, receipts, and everything that
//! goes wrong on the way.
//!
//! Method: the store, the gateways and the simulator in one process, no HTTP; assertions
//! on what the message centre saw and what the log says.

mod common;

use common::sample;
use smpp_bridge::board::Board;
use smpp_bridge::config::Config;
use smpp_bridge::gateway::{self, Context};
use smpp_bridge::inbound::Judge;
use smpp_bridge::message::*;
use smpp_bridge::metrics::Metrics;
use smpp_bridge::shutdown::Shutdown;
use smpp_bridge::simulator::{self, Answer, AutoReceipts, IdFormat, Options, Simulator};
use smpp_bridge::store::journal::MemoryJournal;
use smpp_bridge::store::*;
use smpp_bridge::tls::Trust;
use smpp_protocol::command::CommandStatus;
use std::sync::Arc;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

struct Bridge {
    store: Arc<LogStore>,
    board: Board,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<()>,
    gateway: GatewayId,
    log: MemoryJournal,
}

async fn simulator(options: Options) -> Simulator {
    Simulator::start(Options {
        account: Some(("esme".into(), "secret".into())),
        ..options
    })
    .await
    .unwrap()
}

fn open(log: &MemoryJournal) -> Arc<LogStore> {
    let log = log.clone();
    let policy = Policy {
        retry_initial: Duration::from_millis(10),
        ..Policy::default()
    };
    let options = OpenOptions {
        policy,
        metrics: Metrics::new().store,
    };
    Arc::new(LogStore::open(move || Ok((log.clone(), 0)), options).unwrap())
}

fn record(smsc: &Simulator, meta: serde_json::Value) -> Gateway {
    Gateway {
        server_port: smsc.address().port(),
        meta: serde_json::json!({ "smpp": meta }).as_object().cloned(),
        ..sample::gateway()
    }
}

impl Bridge {
    async fn start(smsc: &Simulator, meta: serde_json::Value) -> Bridge {
        let log = MemoryJournal::new();
        let store = open(&log);
        let gateway = store.put_gateway(record(smsc, meta)).await.unwrap().id;
        Bridge::run(store, gateway, log)
    }

    fn run(store: Arc<LogStore>, gateway: GatewayId, log: MemoryJournal) -> Bridge {
        let config = Arc::new(Config::default());
        let metrics = Metrics::new().gateway;
        let board = Board::default();
        let shutdown = Shutdown::new();
        let context = Context {
            store: store.clone(),
            config: config.clone(),
            metrics: metrics.clone(),
            board: board.clone(),
            judge: Judge::new(config.clone(), metrics),
            trust: Arc::new(Trust::load(&config.tls).unwrap()),
            base_url: "http://bridge.test".into(),
        };
        let running = tokio::spawn(gateway::run(context, shutdown.clone()));
        Bridge {
            store,
            board,
            shutdown,
            running,
            gateway,
            log,
        }
    }

    /// As a power cut would: nothing is told to anybody.
    async fn cut(self) -> (GatewayId, MemoryJournal) {
        self.running.abort();
        let log = self.log.clone();
        self.store.close().await.unwrap();
        (self.gateway, log)
    }

    async fn send(&self, text: &str) -> MessageId {
        self.send_head(text, 1).await
    }

    async fn send_head(&self, text: &str, segments: u8) -> MessageId {
        let head = Head {
            gateway: self.gateway,
            destination: "+49 151 1234-5678".into(),
            segments,
            reference: 42,
            ..sample::head()
        };
        let new = sample::new_message(head, text);
        match self.store.accept(new).await.unwrap() {
            Acceptance::Accepted { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    async fn message(&self, id: MessageId) -> Message {
        match Story::of(&self.store.entries(id).await.unwrap()) {
            Some(Story::Mt(m)) => *m,
            other => panic!("{other:?}"),
        }
    }

    async fn until_state(&self, id: MessageId, state: State) -> Message {
        let began = std::time::Instant::now();
        loop {
            let m = self.message(id).await;
            if m.state == state {
                return m;
            }
            assert!(
                began.elapsed() < WITHIN,
                "message {id} stays {:?}, not {state:?}: {m:?}",
                m.state
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.shutdown.drain.cancel();
        tokio::time::timeout(WITHIN, self.running)
            .await
            .expect("it drains")
            .unwrap();
        self.store.close().await.unwrap();
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < WITHIN, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn quick() -> serde_json::Value {
    serde_json::json!({ "reconnect_initial_ms": 50, "reconnect_max_ms": 200 })
}

fn with(mut meta: serde_json::Value, more: serde_json::Value) -> serde_json::Value {
    meta.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    meta
}

#[tokio::test]
async fn a_message_is_submitted_and_its_receipt_delivers_it() {
    let receipts = Some(AutoReceipts {
        delay: Duration::from_millis(10),
        stat: "DELIVRD",
    });
    let smsc = simulator(Options {
        receipts,
        ..Options::default()
    })
    .await;
    let bridge = Bridge::start(&smsc, quick()).await;
    let id = bridge.send("hello @ 10 €").await;
    let m = bridge.until_state(id, State::Delivered).await;
    assert_eq!(m.external_id(), Some("1"));
    assert_eq!(m.remote["stat"], "DELIVRD");
    let sent = &smsc.recorded()[0].submit;
    assert_eq!(sent.destination_addr.to_str(), "4915112345678");
    assert_eq!((sent.dest_addr_ton.0, sent.dest_addr_npi.0), (1, 1));
    assert_eq!(sent.source_addr.to_str(), "Test");
    assert_eq!((sent.source_addr_ton.0, sent.source_addr_npi.0), (5, 0));
    assert_eq!(sent.registered_delivery.0, 1);
    assert_eq!(&sent.short_message[..], b"hello \0 10 \x1b\x65");
    bridge.stop().await;
    until("the unbind", || smsc.bound() == 0).await;
}

#[tokio::test]
async fn a_long_message_goes_out_in_order_with_one_reference() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"window": 1}))).await;
    let id = bridge.send_head(&"x".repeat(400), 3).await;
    bridge.until_state(id, State::Submitted).await;
    let headers: Vec<Vec<u8>> = smsc
        .recorded()
        .iter()
        .map(|r| r.submit.short_message[..6].to_vec())
        .collect();
    assert_eq!(
        headers,
        [
            [5, 0, 3, 42, 3, 1],
            [5, 0, 3, 42, 3, 2],
            [5, 0, 3, 42, 3, 3]
        ]
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_receipt_on_another_bind_is_matched() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"binds": 2}))).await;
    until("two binds", || smsc.bound() == 2).await;
    let id = bridge.send("hello").await;
    bridge.until_state(id, State::Submitted).await;
    let sent = smsc.recorded().remove(0);
    for bind in [0, 1] {
        let status = smsc
            .deliver_on(bind, simulator::receipt_for(&sent, "DELIVRD"))
            .await;
        assert_eq!(status, Some(CommandStatus::ESME_ROK));
    }
    bridge.until_state(id, State::Delivered).await;
    bridge.stop().await;
}

/// For a message centre that knows no transceiver.
#[tokio::test]
async fn a_pair_sends_on_its_transmitter_and_hears_on_its_receiver() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"bind": "tx_rx"}))).await;
    let status = || bridge.board.of(bridge.gateway).unwrap_or_default();
    until("both binds", || status().bind == "bound_tx_rx").await;
    assert_eq!((status().bound, status().wanted), (2, 2));
    // The only one that would take a deliver_sm is the receiver.
    assert_eq!(smsc.bound(), 1);
    let mut messages = Vec::new();
    for n in 0..30 {
        messages.push(bridge.send(&n.to_string()).await);
    }
    for id in &messages {
        bridge.until_state(*id, State::Submitted).await;
    }
    let sent = smsc.recorded();
    assert!(sent.iter().all(|s| s.connection == sent[0].connection));
    for one in &sent {
        let status = smsc.deliver(simulator::receipt_for(one, "DELIVRD")).await;
        assert_eq!(status, Some(CommandStatus::ESME_ROK));
    }
    for id in messages {
        bridge.until_state(id, State::Delivered).await;
    }
    bridge.stop().await;
    until("the unbind", || smsc.bound() == 0).await;
}

/// Nothing could be sent, so a route takes another gateway.
#[tokio::test]
async fn a_receiver_alone_makes_no_gateway_that_is_up() {
    let smsc = simulator(Options::default()).await;
    smsc.answer_next_binds([CommandStatus::ESME_RALYBND]);
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"bind": "tx_rx"}))).await;
    let status = || bridge.board.of(bridge.gateway).unwrap_or_default();
    // A refused bind waits for five seconds.
    until("the receiver's bind", || status().bind == "bound_rx").await;
    assert_eq!(status().bound, 1);
    assert!(!status().is_up());
    until("the transmitter's bind", || status().bind == "bound_tx_rx").await;
    assert!(status().is_up());
    bridge.stop().await;
}

#[tokio::test]
async fn hexadecimal_ids_match_decimal_receipts() {
    let smsc = simulator(Options {
        ids: IdFormat::Hexadecimal,
        ..Options::default()
    })
    .await;
    let bridge = Bridge::start(&smsc, quick()).await;
    for n in 0..12 {
        let id = bridge.send(&n.to_string()).await;
        bridge.until_state(id, State::Submitted).await;
    }
    let mut sent = smsc.recorded().remove(11);
    assert_eq!(sent.message_id, "C");
    sent.message_id = "0000000012".into();
    smsc.deliver(simulator::receipt_for(&sent, "DELIVRD")).await;
    let all = bridge
        .store
        .list(Filter {
            limit: 1,
            ..Filter::default()
        })
        .await
        .unwrap()
        .stories;
    bridge.until_state(all[0].id(), State::Delivered).await;
    bridge.stop().await;
}

#[tokio::test]
async fn an_unknown_receipt_is_acknowledged_and_kept() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    until("the bind", || smsc.bound() == 1).await;
    let id = bridge.send("hello").await;
    bridge.until_state(id, State::Submitted).await;
    let mut strange = smsc.recorded().remove(0);
    strange.message_id = "nobody".into();
    assert_eq!(
        smsc.deliver(simulator::receipt_for(&strange, "DELIVRD"))
            .await,
        Some(CommandStatus::ESME_ROK)
    );
    assert_eq!(bridge.store.orphans(10).await.unwrap()[0].ids, ["nobody"]);
    assert_eq!(bridge.message(id).await.state, State::Submitted);
    bridge.stop().await;
}

#[tokio::test]
async fn a_typed_receipt_is_a_message_unless_its_id_is_ours() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    let id = bridge.send("hello").await;
    bridge.until_state(id, State::Submitted).await;
    let forged = simulator::mo(
        "12025550123",
        "12345",
        "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000",
    );
    smsc.deliver(forged).await;
    assert_eq!(
        bridge.message(id).await.state,
        State::Submitted,
        "the sender is another phone"
    );
    let mos = bridge
        .store
        .list(Filter {
            mo: true,
            limit: 10,
            ..Filter::default()
        })
        .await
        .unwrap()
        .stories;
    assert_eq!(mos.len(), 1);
    let plain = simulator::mo(
        "4915112345678",
        "12345",
        "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000",
    );
    smsc.deliver(plain).await;
    bridge.until_state(id, State::Delivered).await;
    bridge.stop().await;
}

#[tokio::test]
async fn throttled_submits_are_paced_and_none_is_lost() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    smsc.answer_next([Answer::Status(CommandStatus::ESME_RTHROTTLED); 2]);
    let id = bridge.send("hello").await;
    bridge.until_state(id, State::Submitted).await;
    assert_eq!(smsc.submits(), 3);
    bridge.stop().await;
}

#[tokio::test]
async fn a_refused_submit_fails_the_message_and_says_why() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    smsc.answer_next([Answer::Status(CommandStatus::ESME_RINVDSTADR)]);
    let id = bridge.send("hello").await;
    let m = bridge.until_state(id, State::Failed).await;
    assert!(m.error.unwrap().contains("ESME_RINVDSTADR"));
    assert_eq!(m.remote["command_status"], 0x0B);
    bridge.stop().await;
}

#[tokio::test]
async fn a_general_failure_is_tried_three_times_more() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    smsc.answer_next([Answer::Status(CommandStatus::ESME_RSYSERR); 4]);
    let id = bridge.send("hello").await;
    bridge.until_state(id, State::Failed).await;
    assert_eq!(smsc.submits(), 4);
    bridge.stop().await;
}

#[tokio::test]
async fn a_connection_lost_with_a_submit_in_flight_sends_it_once_more_and_says_so() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    smsc.answer_next([Answer::Drop]);
    let id = bridge.send("hello").await;
    let m = bridge.until_state(id, State::Submitted).await;
    assert_eq!((smsc.submits(), m.resubmits), (2, 1));
    let entries = bridge.store.entries(id).await.unwrap();
    let resubmitted = |e: &&Entry| {
        matches!(
            e.event,
            Event::Unanswered {
                next: Next::Resubmitted,
                ..
            }
        )
    };
    assert_eq!(entries.iter().filter(resubmitted).count(), 1);
    assert_eq!(bridge.store.in_doubt(10).await.unwrap().len(), 1);
    bridge.stop().await;
}

#[tokio::test]
async fn without_an_answer_the_policy_decides() {
    for (policy, state, submits) in [("resend", State::Submitted, 2), ("fail", State::Failed, 1)] {
        let smsc = simulator(Options::default()).await;
        let meta = serde_json::json!({"on_unknown": policy, "response_timeout_s": 1});
        let bridge = Bridge::start(&smsc, with(quick(), meta)).await;
        smsc.answer_next([Answer::Silence]);
        let id = bridge.send("hello").await;
        bridge.until_state(id, state).await;
        assert_eq!(smsc.submits(), submits, "{policy}");
        bridge.stop().await;
    }
}

#[tokio::test]
async fn held_messages_wait_for_evidence() {
    let smsc = simulator(Options::default()).await;
    let meta = serde_json::json!({"on_unknown": "hold", "response_timeout_s": 1});
    let bridge = Bridge::start(&smsc, with(quick(), meta)).await;
    smsc.answer_next([Answer::Silence]);
    let id = bridge.send("hello").await;
    until("the submit", || smsc.submits() == 1).await;
    let began = std::time::Instant::now();
    while bridge.store.in_doubt(10).await.unwrap().is_empty() {
        assert!(
            began.elapsed() < WITHIN,
            "it is in doubt when the timer fires"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(bridge.message(id).await.state, State::Submitting);
    assert_eq!(smsc.submits(), 1, "it is not sent again");
    bridge.stop().await;
}

#[tokio::test]
async fn a_wrong_password_is_shown_and_tried_again_slowly() {
    let smsc = Simulator::start(Options {
        account: Some(("esme".into(), "other".into())),
        ..Options::default()
    })
    .await
    .unwrap();
    let bridge = Bridge::start(&smsc, quick()).await;
    let refused = || {
        bridge
            .board
            .of(bridge.gateway)
            .is_some_and(|s| s.bind == "bind_refused")
    };
    until("the refusal", refused).await;
    let reason = bridge.board.of(bridge.gateway).unwrap().reason.unwrap();
    assert!(
        reason.contains("ESME_RINVPASWD") && reason.contains("check username"),
        "{reason}"
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_bind_that_is_lost_comes_back_and_the_queue_goes_on() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    until("the bind", || smsc.bound() == 1).await;
    for round in 0..3 {
        if round % 2 == 0 {
            smsc.drop_connections()
        } else {
            smsc.unbind_all()
        }
        let id = bridge.send(&format!("round {round}")).await;
        bridge.until_state(id, State::Submitted).await;
    }
    assert!(smsc.binds() >= 4);
    bridge.stop().await;
}

#[tokio::test]
async fn an_inactive_gateway_stays_bound_and_queues() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    let delivered = bridge.send("before").await;
    bridge.until_state(delivered, State::Submitted).await;
    let active = bridge.store.gateways().borrow()[&bridge.gateway].clone();
    bridge
        .store
        .put_gateway(Gateway {
            is_active: false,
            ..active.clone()
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waits = bridge.send("while inactive").await;
    smsc.deliver(simulator::receipt_for(&smsc.recorded()[0], "DELIVRD"))
        .await;
    bridge.until_state(delivered, State::Delivered).await;
    assert_eq!(bridge.message(waits).await.state, State::Queued);
    assert_eq!(
        (smsc.bound(), smsc.binds()),
        (1, 1),
        "the bind was not touched"
    );
    bridge.store.put_gateway(active).await.unwrap();
    bridge.until_state(waits, State::Submitted).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_changed_password_binds_anew() {
    let smsc = simulator(Options::default()).await;
    let log = MemoryJournal::new();
    let store = open(&log);
    let wrong = Gateway {
        password: Some("wrong".into()),
        ..record(&smsc, quick())
    };
    let made = store.put_gateway(wrong).await.unwrap();
    let bridge = Bridge::run(store, made.id, log);
    let refused = || {
        bridge
            .board
            .of(bridge.gateway)
            .is_some_and(|s| s.bind == "bind_refused")
    };
    until("the refusal", refused).await;
    bridge
        .store
        .put_gateway(Gateway {
            password: Some("secret".into()),
            ..made
        })
        .await
        .unwrap();
    until("the bind", || smsc.bound() == 1).await;
    bridge.stop().await;
}

#[tokio::test]
async fn the_window_is_never_exceeded_and_always_used() {
    let smsc = simulator(Options {
        response_delay: Duration::from_millis(20),
        ..Options::default()
    })
    .await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"window": 5}))).await;
    until("the bind", || smsc.bound() == 1).await;
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(bridge.send(&n.to_string()).await);
    }
    for id in ids {
        bridge.until_state(id, State::Submitted).await;
    }
    let texts: Vec<String> = smsc
        .recorded()
        .iter()
        .map(|r| String::from_utf8(r.submit.short_message.to_vec()).unwrap())
        .collect();
    assert_eq!(
        texts,
        (0..50).map(|n| n.to_string()).collect::<Vec<_>>(),
        "in order of acceptance"
    );
    bridge.stop().await;
}

#[tokio::test]
async fn what_was_in_flight_at_a_cut_is_sent_once_more() {
    let smsc = simulator(Options::default()).await;
    let bridge = Bridge::start(&smsc, quick()).await;
    smsc.answer_next([Answer::Silence]);
    let id = bridge.send("hello").await;
    until("the submit", || smsc.submits() == 1).await;
    let (gateway, log) = bridge.cut().await;
    let bridge = Bridge::run(open(&log), gateway, log);
    let m = bridge.until_state(id, State::Submitted).await;
    assert_eq!((smsc.submits(), m.resubmits), (2, 1));
    bridge.stop().await;
}

#[tokio::test]
async fn draining_waits_for_answers_and_leaves_the_rest_queued() {
    let smsc = simulator(Options {
        response_delay: Duration::from_millis(300),
        ..Options::default()
    })
    .await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"window": 2}))).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(bridge.send(&n.to_string()).await);
    }
    until("the first submits", || smsc.submits() == 2).await;
    let (gateway, log) = (bridge.gateway, bridge.log.clone());
    bridge.stop().await;
    assert_eq!(smsc.submits(), 2);
    smsc.set_response_delay(Duration::ZERO);
    let bridge = Bridge::run(open(&log), gateway, log);
    for id in &ids {
        bridge.until_state(*id, State::Submitted).await;
    }
    assert_eq!(smsc.submits(), 6, "nothing is sent twice");
    assert!(bridge.store.in_doubt(10).await.unwrap().is_empty());
    bridge.stop().await;
}

#[tokio::test]
async fn binding_anew_under_load_sends_everything_once() {
    let delay = Duration::from_millis(20);
    let smsc = simulator(Options {
        response_delay: delay,
        ..Options::default()
    })
    .await;
    let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"window": 5}))).await;
    let mut ids = Vec::new();
    for n in 0..150 {
        ids.push(bridge.send(&n.to_string()).await);
        if n % 50 == 25 {
            let now = bridge.store.gateways().borrow()[&bridge.gateway].clone();
            let meta =
                serde_json::json!({"smpp": with(quick(), serde_json::json!({"window": 5 + n}))});
            let changed = Gateway {
                meta: meta.as_object().cloned(),
                ..now
            };
            bridge.store.put_gateway(changed).await.unwrap();
        }
    }
    for id in ids {
        bridge.until_state(id, State::Submitted).await;
    }
    assert_eq!(smsc.submits(), 150, "nothing is sent twice");
    assert!(
        bridge.store.in_doubt(10).await.unwrap().is_empty(),
        "and nothing is in doubt"
    );
    bridge.stop().await;
}

#[tokio::test]
async fn connections_lost_while_stopping_leave_nothing_unsent_behind_as_sent() {
    for _ in 0..5 {
        let smsc = simulator(Options {
            response_delay: Duration::from_secs(5),
            ..Options::default()
        })
        .await;
        let bridge = Bridge::start(&smsc, with(quick(), serde_json::json!({"window": 50}))).await;
        until("the bind", || smsc.bound() == 1).await;
        let mut ids = Vec::new();
        for n in 0..100 {
            ids.push(bridge.send(&n.to_string()).await);
        }
        until("a full window", || smsc.submits() == 50).await;
        let (gateway, log) = (bridge.gateway, bridge.log.clone());
        smsc.drop_connections();
        bridge.stop().await;
        smsc.set_response_delay(Duration::ZERO);
        let bridge = Bridge::run(open(&log), gateway, log);
        for id in &ids {
            let m = bridge.until_state(*id, State::Submitted).await;
            assert!(m.resubmits <= 1, "{m:?}");
        }
        assert!(
            smsc.submits() <= 150,
            "only what was in flight is sent again"
        );
        bridge.stop().await;
    }
}

#[tokio::test]
async fn octets_that_are_no_smpp_close_the_connection_and_nothing_else() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smsc = simulator(Options::default()).await;
    let log = MemoryJournal::new();
    let store = open(&log);
    let garbage = Gateway {
        server_port: listener.local_addr().unwrap().port(),
        ..record(&smsc, quick())
    };
    let id = store.put_gateway(garbage).await.unwrap().id;
    let good = store.put_gateway(record(&smsc, quick())).await.unwrap().id;
    let bridge = Bridge::run(store, good, log);
    let (mut stream, _) = listener.accept().await.unwrap();
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .unwrap();
    let told = || {
        bridge
            .board
            .of(id)
            .is_some_and(|s| s.reason.is_some_and(|r| r.contains("no SMPP")))
    };
    until("the reason", told).await;
    let sent = bridge.send("hello").await;
    bridge.until_state(sent, State::Submitted).await;
    bridge.stop().await;
}
