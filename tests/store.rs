//! What any store must do, run against the log in memory and the log on sled.
//!
//! Goal: the suite is the definition of the store. Method: each rule is a function over
//! a way to open a store twice; every rule runs on every engine, and each closes and
//! opens the store in between where the rule is about what survives.

mod common;

use common::sample::{self, head, new_message};
use smpp_bridge::message::*;
use smpp_bridge::metrics::Metrics;
use smpp_bridge::store::journal::{Faults, MemoryJournal};
use smpp_bridge::store::sled::{SledJournal, SledOptions};
use smpp_bridge::store::*;
use std::sync::Arc;
use std::time::Duration;

/// A place where a log lives, and the ways to open it.
struct Place {
    directory: Option<tempfile::TempDir>,
    memory: MemoryJournal,
    policy: Policy,
}

impl Place {
    fn in_memory() -> Place {
        Place {
            directory: None,
            memory: MemoryJournal::new(),
            policy: Policy::default(),
        }
    }

    /// Each write takes its time, so that requests gather behind it.
    fn on_a_slow_disk() -> Place {
        let place = Place::in_memory();
        place.memory.set_faults(Faults {
            append_delay: Duration::from_millis(3),
            ..Faults::default()
        });
        place
    }

    fn on_sled() -> Place {
        Place {
            directory: Some(tempfile::tempdir().unwrap()),
            ..Place::in_memory()
        }
    }

    /// Each commit makes a checkpoint, so that each start reads one.
    fn with_checkpoints(mut self) -> Place {
        self.policy.checkpoint_octets_min = 1;
        self
    }

    fn options(&self) -> OpenOptions {
        OpenOptions {
            policy: self.policy.clone(),
            metrics: Metrics::new().store,
        }
    }

    fn open(&self) -> LogStore {
        match &self.directory {
            None => {
                let memory = self.memory.clone();
                LogStore::open(move || Ok((memory.clone(), 0)), self.options())
            }
            Some(directory) => {
                let mut options = SledOptions::at(directory.path());
                options.disk_reserve_octets = 0;
                LogStore::open(move || SledJournal::open(&options), self.options())
            }
        }
        .unwrap()
    }
}

async fn reopen(place: &Place, store: LogStore) -> LogStore {
    store.close().await.unwrap();
    place.open()
}

/// Each rule on each engine.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod in_memory { $( #[tokio::test] async fn $rule() { super::$rule(super::Place::in_memory()).await; } )* }
        mod on_a_slow_disk { $( #[tokio::test] async fn $rule() { super::$rule(super::Place::on_a_slow_disk()).await; } )* }
        mod on_sled { $( #[tokio::test] async fn $rule() { super::$rule(super::Place::on_sled()).await; } )* }
        mod in_memory_with_checkpoints { $( #[tokio::test] async fn $rule() { super::$rule(super::Place::in_memory().with_checkpoints()).await; } )* }
        mod on_sled_with_checkpoints { $( #[tokio::test] async fn $rule() { super::$rule(super::Place::on_sled().with_checkpoints()).await; } )* }
    };
}

rules!(
    an_accepted_message_is_there_after_a_restart,
    a_message_lives_from_acceptance_to_delivery,
    messages_are_leased_in_order_of_acceptance,
    a_lease_waits_for_work,
    a_lease_whose_asker_is_gone_is_due_again,
    withdrawn_leases_are_answered_with_nothing,
    segments_are_released_one_by_one,
    released_messages_keep_their_place,
    the_first_verdict_wins,
    a_receipt_before_its_response_is_matched,
    a_receipt_matches_after_a_restart,
    an_orphan_is_kept_over_a_restart,
    ids_match_in_hexadecimal_and_decimal,
    what_was_in_flight_is_in_doubt_after_a_restart,
    a_second_unknown_outcome_fails_softly_and_a_receipt_corrects_it,
    a_throttled_message_is_due_at_once_and_a_failing_one_only_so_often,
    a_waiting_client_hears_of_the_answer,
    all_segments_make_a_message,
    an_idempotency_key_counts_once,
    callbacks_are_made_once_and_survive_a_restart,
    a_dead_callback_can_be_queued_again,
    segments_of_an_mo_are_joined_in_any_order,
    incomplete_segments_are_posted_one_by_one,
    a_message_that_begins_like_the_one_before_is_whole_over_a_restart,
    a_message_that_comes_again_is_ignored_over_a_restart,
    a_message_that_is_sent_anew_is_ignored_only_where_its_answers_may_be_lost,
    a_segment_that_comes_again_after_a_restart_is_not_posted,
    a_segment_of_a_message_in_parts_that_comes_again_is_not_posted,
    the_same_octets_in_another_coding_are_news,
    gateways_are_there_after_a_restart,
    a_full_queue_refuses,
    a_validity_that_runs_out_ends_a_message,
    a_validity_that_runs_out_behind_a_longer_one_ends_its_message,
    a_deferred_message_expires_before_it_is_due_again,
    the_message_that_has_been_due_the_longest_tells_the_age,
    messages_are_listed_newest_first,
    the_story_of_a_finished_message_can_be_read,
    a_simulation_is_over_when_it_begins,
    parts_are_told_of_one_by_one,
    a_guess_about_a_part_is_corrected_once,
    one_verdict_tells_of_all_parts_that_the_upstream_cut,
    a_message_can_be_cancelled_until_it_is_submitted,
    messages_are_counted_by_gateway_over_restarts,
    a_scheduled_message_is_waiting_once_it_is_due,
    a_scheduled_message_that_nobody_takes_expires,
    the_log_is_read_page_by_page,
    what_waits_for_a_gateway_that_is_down_moves,
    a_scheduled_message_moves_once_it_is_due,
    a_refusal_moves_a_message_once_to_each_gateway,
    a_refusal_of_another_class_or_that_passes_does_not_move,
    what_may_have_been_taken_never_moves,
    parts_move_together_once_all_are_refused,
    a_receipt_of_the_second_gateway_is_matched,
    a_closed_store_refuses_and_says_so,
);

const GATEWAY: GatewayId = GatewayId(1);

async fn accept(store: &LogStore, head: Head, text: &str) -> MessageId {
    match store.accept(new_message(head, text)).await.unwrap() {
        Acceptance::Accepted { id, .. } => id,
        other => panic!("not accepted: {other:?}"),
    }
}

async fn lease(store: &LogStore, room: usize) -> Vec<Lease> {
    let waited = tokio::time::timeout(Duration::from_secs(10), store.lease(GATEWAY, room)).await;
    waited.expect("something is due").unwrap()
}

fn submitted(message: MessageId, segment: u8, id: &str) -> Response {
    let outcome = Outcome::Submitted {
        upstream_id: Some(id.into()),
        answer: None,
    };
    Response {
        message,
        segment,
        outcome,
    }
}

fn unanswered(message: MessageId, policy: OnUnknown) -> Response {
    let outcome = Outcome::Unanswered {
        reason: "test".into(),
        policy,
    };
    Response {
        message,
        segment: 1,
        outcome,
    }
}

fn refused(message: MessageId, disposition: Disposition) -> Response {
    let outcome = Outcome::Refused {
        disposition,
        class: None,
        status: Some(8),
        reason: "test".into(),
        answer: None,
    };
    Response {
        message,
        segment: 1,
        outcome,
    }
}

fn receipt(id: &str, stat: &str, state: Option<State>) -> Inbound {
    Inbound::Receipt(Box::new(sample::receipt(id, stat, state)))
}

async fn find(store: &LogStore, inbound: Inbound) -> Finding {
    store.inbound(vec![inbound]).await.unwrap().remove(0)
}

async fn message(store: &LogStore, id: MessageId) -> Message {
    match Story::of(&store.entries(id).await.unwrap()) {
        Some(Story::Mt(m)) => *m,
        other => panic!("no message {id}: {other:?}"),
    }
}

/// Accepted, leased and submitted under this upstream id.
async fn submit_one(store: &LogStore, head: Head, upstream_id: &str) -> MessageId {
    let id = accept(store, head, "hello").await;
    let leased = lease(store, 100).await;
    assert_eq!(leased.last().unwrap().message, id);
    store.responded(vec![submitted(id, 1, upstream_id)]);
    id
}

async fn an_accepted_message_is_there_after_a_restart(place: Place) {
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    let store = reopen(&place, store).await;
    let m = message(&store, id).await;
    assert_eq!((m.state, m.text.as_str()), (State::Queued, "hello"));
    assert_eq!(lease(&store, 1).await[0].message, id);
}

async fn a_message_lives_from_acceptance_to_delivery(place: Place) {
    let store = place.open();
    let id = submit_one(&store, head(), "A1").await;
    let m = message(&store, id).await;
    assert_eq!((m.state, m.external_id()), (State::Submitted, Some("A1")));
    assert!(m.submitted_at.is_some() && m.delivered_at.is_none());
    let found = find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(
        found,
        Finding::Applied {
            message: id,
            state: State::Delivered
        }
    );
    let m = message(&store, id).await;
    assert!(m.delivered_at.is_some());
    assert_eq!(m.remote["stat"], "DELIVRD");
    assert_eq!(m.remote["command_status_name"], "ESME_ROK");
}

async fn messages_are_leased_in_order_of_acceptance(place: Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(accept(&store, head(), &n.to_string()).await);
    }
    let store = reopen(&place, store).await;
    let mut leased = lease(&store, 20).await;
    leased.extend(lease(&store, 100).await);
    assert_eq!(leased.iter().map(|l| l.message).collect::<Vec<_>>(), ids);
}

async fn a_lease_waits_for_work(place: Place) {
    let store = place.open();
    let waiting = store.lease(GATEWAY, 10);
    tokio::pin!(waiting);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut waiting)
            .await
            .is_err()
    );
    let id = accept(&store, head(), "hello").await;
    assert_eq!(waiting.await.unwrap()[0].message, id);
}

async fn a_lease_whose_asker_is_gone_is_due_again(place: Place) {
    let store = place.open();
    for n in 0..20 {
        drop(store.lease(GATEWAY, 1));
        let id = accept(&store, head(), &n.to_string()).await;
        let leased = lease(&store, 10).await;
        assert_eq!(leased[0].message, id);
        store.responded(vec![submitted(id, 1, &n.to_string())]);
    }
}

async fn withdrawn_leases_are_answered_with_nothing(place: Place) {
    let store = place.open();
    let (one, other) = (store.lease(GATEWAY, 10), store.lease(GatewayId(2), 10));
    store.withdraw_leases(GATEWAY);
    assert!(one.await.unwrap().is_empty());
    let id = accept(&store, head(), "hello").await;
    assert_eq!(lease(&store, 1).await[0].message, id);
    drop(other);
}

async fn segments_are_released_one_by_one(place: Place) {
    let store = place.open();
    let id = accept(
        &store,
        Head {
            segments: 3,
            ..head()
        },
        "long",
    )
    .await;
    lease(&store, 3).await;
    store.release(vec![(id, vec![2, 3])]);
    let again = lease(&store, 3).await;
    assert_eq!(again[0].segments, [2, 3], "the first may have been sent");
    store.responded(vec![
        submitted(id, 1, "a"),
        submitted(id, 2, "b"),
        submitted(id, 3, "c"),
    ]);
    assert_eq!(message(&store, id).await.state, State::Submitted);
}

async fn released_messages_keep_their_place(place: Place) {
    let store = place.open();
    let a = accept(&store, head(), "a").await;
    let b = accept(&store, head(), "b").await;
    assert_eq!(lease(&store, 1).await[0].message, a);
    store.release(vec![(a, vec![1])]);
    let again = lease(&store, 2).await;
    assert_eq!(again.iter().map(|l| l.message).collect::<Vec<_>>(), [a, b]);
    assert_eq!(again[0].attempt, 1, "what was not sent was no attempt");
}

async fn the_first_verdict_wins(place: Place) {
    let store = place.open();
    let id = submit_one(&store, head(), "A1").await;
    find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    let later = find(&store, receipt("A1", "UNDELIV", Some(State::Undelivered))).await;
    assert_eq!(later, Finding::Ignored { message: id });
    let same = find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(same, Finding::Duplicate { message: id });
    let store = reopen(&place, store).await;
    assert_eq!(message(&store, id).await.state, State::Delivered);
    let entries = store.entries(id).await.unwrap();
    let ignored = entries
        .iter()
        .filter(|e| matches!(e.event, Event::Reported { applied: false, .. }));
    assert_eq!(ignored.count(), 2, "they are recorded all the same");
}

async fn a_receipt_before_its_response_is_matched(place: Place) {
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    lease(&store, 1).await;
    let early = find(&store, receipt("00a1", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(early, Finding::Orphan);
    let store = reopen(&place, store).await;
    store.responded(vec![submitted(id, 1, "A1")]);
    assert_eq!(message(&store, id).await.state, State::Delivered);
    assert!(store.orphans(10).await.unwrap().is_empty());
}

async fn a_receipt_matches_after_a_restart(place: Place) {
    let store = place.open();
    let id = submit_one(&store, head(), "A1").await;
    let store = reopen(&place, store).await;
    let found = find(&store, receipt("A1", "UNDELIV", Some(State::Undelivered))).await;
    assert_eq!(
        found,
        Finding::Applied {
            message: id,
            state: State::Undelivered
        }
    );
    assert!(message(&store, id).await.failed_at.is_some());
}

async fn an_orphan_is_kept_over_a_restart(place: Place) {
    let store = place.open();
    assert_eq!(
        find(&store, receipt("nobody", "DELIVRD", None)).await,
        Finding::Orphan
    );
    let store = reopen(&place, store).await;
    let orphans = store.orphans(10).await.unwrap();
    assert_eq!(orphans[0].ids, ["nobody"]);
}

async fn ids_match_in_hexadecimal_and_decimal(place: Place) {
    let store = place.open();
    let hex = submit_one(&store, head(), "38601FA").await;
    let decimal = submit_one(&store, head(), "4711").await;
    let found = find(
        &store,
        receipt("0059113978", "DELIVRD", Some(State::Delivered)),
    )
    .await;
    assert_eq!(
        found,
        Finding::Applied {
            message: hex,
            state: State::Delivered
        }
    );
    let found = find(&store, receipt("1267", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(
        found,
        Finding::Applied {
            message: decimal,
            state: State::Delivered
        }
    );
    let stranger = Inbound::Receipt(Box::new(Evidence {
        report: Report::Smpp(SmppReport {
            source_addr: "12025550123".into(),
            ..SmppReport::default()
        })
        .into(),
        ..sample::receipt("1267", "DELIVRD", Some(State::Delivered))
    }));
    assert_eq!(
        find(&store, stranger).await,
        Finding::Orphan,
        "a converted id needs the address"
    );
}

async fn what_was_in_flight_is_in_doubt_after_a_restart(place: Place) {
    let store = place.open();
    let sent = accept(&store, head(), "sent").await;
    lease(&store, 1).await;
    let waiting = accept(&store, head(), "waiting").await;
    let store = reopen(&place, store).await;
    assert_eq!(store.in_doubt(10).await.unwrap().len(), 1);
    assert_eq!(
        store
            .resolve_in_doubt(GATEWAY, OnUnknown::Resend)
            .await
            .unwrap(),
        1
    );
    let leased = lease(&store, 10).await;
    assert_eq!(
        leased.iter().map(|l| l.message).collect::<Vec<_>>(),
        [sent, waiting]
    );
    let m = message(&store, sent).await;
    assert_eq!(m.resubmits, 1);
    let listed = store.in_doubt(10).await.unwrap();
    assert_eq!(
        (listed[0].message, listed[0].resubmits),
        (sent, 1),
        "it stays listed"
    );
}

async fn a_second_unknown_outcome_fails_softly_and_a_receipt_corrects_it(place: Place) {
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    lease(&store, 1).await;
    store.responded(vec![unanswered(id, OnUnknown::Resend)]);
    assert_eq!(lease(&store, 1).await[0].attempt, 2);
    store.responded(vec![unanswered(id, OnUnknown::Resend)]);
    let m = message(&store, id).await;
    assert_eq!((m.state, m.soft), (State::Failed, true));
    store.responded(vec![submitted(id, 1, "late")]);
    assert_eq!(
        message(&store, id).await.state,
        State::Failed,
        "a late answer is no verdict"
    );
    find(&store, receipt("late", "DELIVRD", Some(State::Delivered))).await;
    let m = message(&store, id).await;
    assert_eq!((m.state, m.soft), (State::Delivered, false));
}

async fn a_throttled_message_is_due_at_once_and_a_failing_one_only_so_often(mut place: Place) {
    place.policy.retry_initial = Duration::from_millis(1);
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    for _ in 0..5 {
        lease(&store, 1).await;
        store.responded(vec![refused(id, Disposition::Throttled)]);
    }
    let other = accept(&store, head(), "other").await;
    assert_eq!(lease(&store, 1).await[0].message, id, "it keeps its place");
    store.responded(vec![submitted(id, 1, "1")]);
    for _ in 0..4 {
        assert_eq!(lease(&store, 1).await[0].message, other);
        store.responded(vec![refused(other, Disposition::DeferredAtMost(3))]);
    }
    let m = message(&store, other).await;
    assert_eq!((m.state, m.soft), (State::Failed, false));
}

async fn a_waiting_client_hears_of_the_answer(place: Place) {
    let store = place.open();
    let new = NewMessage {
        wait: true,
        ..new_message(head(), "hello")
    };
    let Acceptance::Accepted {
        id,
        settled: Some(settled),
        ..
    } = store.accept(new).await.unwrap()
    else {
        panic!("not accepted");
    };
    lease(&store, 1).await;
    store.responded(vec![submitted(id, 1, "A1")]);
    let entries = settled.await.unwrap();
    assert!(matches!(
        entries.last().unwrap().event,
        Event::Submitted { .. }
    ));
}

async fn all_segments_make_a_message(place: Place) {
    let store = place.open();
    let id = accept(
        &store,
        Head {
            segments: 3,
            ..head()
        },
        "long",
    )
    .await;
    assert_eq!(
        lease(&store, 1).await[0].segments,
        [1, 2, 3],
        "one message at least"
    );
    store.responded(vec![submitted(id, 1, "a"), submitted(id, 3, "c")]);
    assert_eq!(message(&store, id).await.state, State::Submitting);
    store.responded(vec![submitted(id, 2, "b")]);
    assert_eq!(message(&store, id).await.state, State::Submitted);
    for (upstream_id, state) in [
        ("b", State::Submitted),
        ("a", State::Submitted),
        ("c", State::Delivered),
    ] {
        let found = find(
            &store,
            receipt(upstream_id, "DELIVRD", Some(State::Delivered)),
        )
        .await;
        assert_eq!(found, Finding::Applied { message: id, state });
    }
    let bad = accept(
        &store,
        Head {
            segments: 2,
            ..head()
        },
        "long",
    )
    .await;
    lease(&store, 2).await;
    store.responded(vec![submitted(bad, 1, "d"), submitted(bad, 2, "e")]);
    let found = find(&store, receipt("e", "UNDELIV", Some(State::Undelivered))).await;
    assert_eq!(
        found,
        Finding::Applied {
            message: bad,
            state: State::Undelivered
        }
    );
    find(&store, receipt("d", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(message(&store, bad).await.state, State::Undelivered);
}

async fn a_message_can_be_cancelled_until_it_is_submitted(place: Place) {
    let store = place.open();
    let queued = accept(&store, head(), "queued").await;
    assert!(store.cancel(queued).await.unwrap());
    assert!(!store.cancel(queued).await.unwrap(), "it has its verdict");
    assert!(!store.cancel(MessageId(1)).await.unwrap(), "unknown");
    let sent = submit_one(&store, head(), "A1").await;
    assert!(!store.cancel(sent).await.unwrap(), "too late");
    let store = reopen(&place, store).await;
    assert_eq!(message(&store, queued).await.state, State::Cancelled);
    assert_eq!(message(&store, sent).await.state, State::Submitted);
}

async fn messages_are_counted_by_gateway_over_restarts(place: Place) {
    let store = place.open();
    let first = submit_one(&store, head(), "A1").await;
    let second = accept(&store, head(), "waits").await;
    assert!(first < second);
    let elsewhere = Head {
        gateway: GatewayId(2),
        ..head()
    };
    accept(&store, elsewhere, "elsewhere").await;
    let store = reopen(&place, store).await;
    let counts = store.counts(GATEWAY).await.unwrap();
    assert_eq!((counts.messages, counts.queued), (2, 1));
    assert!(counts.oldest_queued_at.is_some());
    let none = store.counts(GatewayId(3)).await.unwrap();
    assert_eq!((none.messages, none.queued), (0, 0));
}

async fn a_scheduled_message_is_waiting_once_it_is_due(place: Place) {
    let store = place.open();
    let oldest = async |store: &LogStore| store.counts(GATEWAY).await.unwrap().oldest_queued_at;
    let now = Timestamp::from_unix_ms(unix_ms());
    let at = |delay| Head {
        not_before: Some(now + delay),
        ..head()
    };
    accept(&store, at(Duration::from_secs(3600)), "much later").await;
    assert_eq!(oldest(&store).await, None);
    let soon = now + Duration::from_millis(300);
    accept(&store, at(Duration::from_millis(300)), "soon").await;
    let began = std::time::Instant::now();
    while oldest(&store).await.is_none() {
        assert!(began.elapsed() < Duration::from_secs(10), "it is not due");
        // Whatever is written moves the log's clock.
        let elsewhere = Head {
            gateway: GatewayId(2),
            ..head()
        };
        accept(&store, elsewhere, "elsewhere").await;
    }
    assert_eq!(oldest(&store).await, Some(soon));
    let store = reopen(&place, store).await;
    assert_eq!(oldest(&store).await, Some(soon));
}

async fn a_scheduled_message_that_nobody_takes_expires(place: Place) {
    let store = place.open();
    let now = Timestamp::from_unix_ms(unix_ms());
    let head = Head {
        not_before: Some(now + Duration::from_millis(50)),
        expires_at: now + Duration::from_millis(100),
        ..head()
    };
    let id = accept(&store, head, "too late").await;
    let began = std::time::Instant::now();
    while message(&store, id).await.state != State::Expired {
        assert!(began.elapsed() < Duration::from_secs(30), "it stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn the_log_is_read_page_by_page(place: Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(accept(&store, head(), &n.to_string()).await);
    }
    // Longer than a frame, so that it is cut.
    let long = "long ".repeat(4000);
    ids.push(accept(&store, head(), &long).await);
    let store = reopen(&place, store).await;
    let (mut next, mut lines) = (Some(0), String::new());
    while let Some(from) = next {
        let page = store.log_page(from, 3).await.unwrap();
        lines.push_str(&page.lines);
        assert!(page.next.is_none_or(|n| n > from && n <= page.bounds.1));
        next = page.next;
    }
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let accepted = lines
        .iter()
        .filter(|l| l["event"].get("Accepted").is_some());
    let found: Vec<u64> = accepted.map(|l| l["message"].as_u64().unwrap()).collect();
    assert_eq!(found, ids.iter().map(|id| id.0).collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap()["event"]["Accepted"]["text"], long);
    let beyond = store.log_page(1 << 40, 3).await.unwrap();
    assert_eq!((beyond.lines.as_str(), beyond.next), ("", None));
}

async fn a_closed_store_refuses_and_says_so(place: Place) {
    let store = place.open();
    assert_eq!(*store.health().borrow(), Health::Open);
    let waiting = store.lease(GATEWAY, 1);
    store.close().await.unwrap();
    assert_eq!(waiting.await.unwrap_err(), StoreError::Closed);
    let late = store.accept(new_message(head(), "late")).await;
    assert_eq!(late.unwrap_err(), StoreError::Closed);
    assert_eq!(store.close().await.unwrap_err(), StoreError::Closed);
}

async fn an_idempotency_key_counts_once(place: Place) {
    let store = place.open();
    let key = IdempotencyKey { key: 1, content: 2 };
    let with_key = || NewMessage {
        key: Some(key),
        ..new_message(head(), "hello")
    };
    let Acceptance::Accepted { id, .. } = store.accept(with_key()).await.unwrap() else {
        panic!()
    };
    let again = store.accept(with_key()).await.unwrap();
    assert!(matches!(again, Acceptance::Known(KeyState::Running { message }) if message == id));
    store.answer_key(key, 201, "body".into()).await.unwrap();
    let store = reopen(&place, store).await;
    let answered = KeyState::Answered {
        status: 201,
        body: "body".into(),
    };
    assert_eq!(store.key(key).await.unwrap(), answered);
    let other = IdempotencyKey { key: 1, content: 3 };
    assert_eq!(store.key(other).await.unwrap(), KeyState::Conflict);
}

fn mo(text: &str, segment: Option<Concat>) -> Inbound {
    Inbound::Mo(Box::new(MoRecord {
        octets: text.as_bytes().to_vec(),
        segment,
        ..sample::mo(1)
    }))
}

fn part(number: u8, total: u8) -> Option<Concat> {
    Some(Concat {
        reference: 9,
        total,
        number,
        reference_bits: 8,
    })
}

async fn lease_callback(store: &LogStore) -> CallbackLease {
    let waited = tokio::time::timeout(Duration::from_secs(10), store.lease_callbacks(1)).await;
    waited.expect("a callback is due").unwrap().remove(0)
}

async fn callbacks_are_made_once_and_survive_a_restart(place: Place) {
    let store = place.open();
    let with_callback = Head {
        callback_url: Some("http://a/".into()),
        forwards: true,
        ..head()
    };
    let id = submit_one(&store, with_callback, "A1").await;
    find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    let callback = lease_callback(&store).await;
    assert_eq!(
        (callback.kind, callback.state, callback.attempt),
        (CallbackKind::Verdict, State::Delivered, 1)
    );
    let store = reopen(&place, store).await;
    let callback = lease_callback(&store).await;
    let failed = CallbackOutcome::Failed {
        status: Some(500),
        reason: "500".into(),
        next_at: Timestamp(0),
        body: Some(b"body".to_vec()),
    };
    store.callbacks_done(vec![(callback.id, failed)]);
    let store = reopen(&place, store).await;
    let again = lease_callback(&store).await;
    assert_eq!(
        (again.attempt, again.body.as_deref()),
        (2, Some(&b"body"[..]))
    );
    store.callbacks_done(vec![(again.id, CallbackOutcome::Delivered { status: 200 })]);
    let store = reopen(&place, store).await;
    let none = tokio::time::timeout(Duration::from_millis(100), store.lease_callbacks(1)).await;
    assert!(none.is_err(), "a delivered callback is not made again");
    assert!(message(&store, id).await.callbacks[0].delivered);
}

async fn a_dead_callback_can_be_queued_again(place: Place) {
    let store = place.open();
    let Finding::Mo { id } = find(&store, mo("hi", None)).await else {
        panic!()
    };
    let callback = lease_callback(&store).await;
    store.callbacks_done(vec![(
        callback.id,
        CallbackOutcome::Dead {
            reason: "over".into(),
        },
    )]);
    let store = reopen(&place, store).await;
    assert!(store.redeliver(id).await.unwrap());
    assert_eq!(lease_callback(&store).await.id, callback.id);
}

async fn segments_of_an_mo_are_joined_in_any_order(place: Place) {
    let store = place.open();
    assert_eq!(
        find(&store, mo("two ", part(2, 3))).await,
        Finding::MoSegment
    );
    assert_eq!(
        find(&store, mo("two ", part(2, 3))).await,
        Finding::MoSegment
    );
    assert_eq!(
        find(&store, mo("three", part(3, 3))).await,
        Finding::MoSegment
    );
    let store = reopen(&place, store).await;
    let Finding::Mo { id } = find(&store, mo("one ", part(1, 3))).await else {
        panic!("not joined")
    };
    let Some(Story::Mo(whole)) = Story::of(&store.entries(id).await.unwrap()) else {
        panic!()
    };
    assert_eq!(whole.record.octets, b"one two three");
    assert!(whole.record.segment.is_none());
    assert_eq!(
        find(&store, mo("one ", part(1, 3))).await,
        Finding::MoSegment,
        "a repeat is no news"
    );
}

async fn incomplete_segments_are_posted_one_by_one(mut place: Place) {
    place.policy.reassembly_timeout = Duration::from_millis(50);
    let store = place.open();
    find(&store, mo("three", part(3, 3))).await;
    find(&store, mo("one", part(1, 3))).await;
    let first = lease_callback(&store).await;
    let second = lease_callback(&store).await;
    let records = [first, second].map(|c| match c.subject {
        Subject::Mo { record, .. } => *record,
        Subject::Mt { .. } => panic!("not an MO"),
    });
    assert_eq!(
        records.each_ref().map(|r| r.segment.unwrap().number),
        [1, 3]
    );
    assert_eq!(records[0].identifier, records[1].identifier);
}

/// The message that this segment completes.
async fn joined(store: &LogStore, segment: Inbound) -> MoMessage {
    let Finding::Mo { id } = find(store, segment).await else {
        panic!("not joined")
    };
    match Story::of(&store.entries(id).await.unwrap()) {
        Some(Story::Mo(whole)) => *whole,
        other => panic!("{other:?}"),
    }
}

/// Events of the log with this name.
async fn logged(store: &LogStore, name: &str) -> usize {
    let page = store.log_page(0, 1 << 20).await.unwrap();
    let lines = page.lines.lines();
    let events = lines.map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    events.filter(|l| l["event"].get(name).is_some()).count()
}

async fn until_logged(store: &LogStore, name: &str, count: usize) {
    let wait = async {
        while logged(store, name).await < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(10), wait).await;
    within.unwrap_or_else(|_| panic!("{name} is not in the log {count} times"));
}

async fn a_message_that_begins_like_the_one_before_is_whole_over_a_restart(place: Place) {
    let store = place.open();
    find(&store, mo("one ", part(1, 3))).await;
    find(&store, mo("two ", part(2, 3))).await;
    joined(&store, mo("three", part(3, 3))).await;
    for (segment, number) in [("two ", 2), ("one ", 1)] {
        let again = find(&store, mo(segment, part(number, 3))).await;
        assert_eq!(again, Finding::MoSegment);
    }
    let store = reopen(&place, store).await;
    let other = joined(&store, mo("other", part(3, 3))).await;
    assert_eq!(other.record.octets, b"one two other");
    assert_eq!(logged(&store, "MoRepeated").await, 0);
}

async fn a_message_that_comes_again_is_ignored_over_a_restart(place: Place) {
    let mut store = place.open();
    find(&store, mo("one ", part(1, 2))).await;
    joined(&store, mo("two", part(2, 2))).await;
    for times in 1..=2 {
        for (segment, number) in [("two", 2), ("one ", 1)] {
            store = reopen(&place, store).await;
            let again = find(&store, mo(segment, part(number, 2))).await;
            assert_eq!(again, Finding::MoSegment);
        }
        assert_eq!(logged(&store, "MoRepeated").await, times);
    }
    assert_eq!(logged(&store, "MoReceived").await, 1);
    assert_eq!(logged(&store, "MoSegmentAgain").await, 4);
}

async fn a_message_that_is_sent_anew_is_ignored_only_where_its_answers_may_be_lost(place: Place) {
    let store = place.open();
    let on = |connection, text: &str, number| match mo(text, part(number, 2)) {
        Inbound::Mo(record) => Inbound::Mo(Box::new(MoRecord {
            connection,
            ..*record
        })),
        other => panic!("{other:?}"),
    };
    let mut received = 0;
    for (first, second, is_news) in [
        (7, 7, true),
        (7, 7, true),
        (8, 8, false),
        (7, 8, false),
        (7, 7, true),
        (0, 0, false),
    ] {
        find(&store, on(first, "one ", 1)).await;
        find(&store, on(second, "two", 2)).await;
        received += usize::from(is_news);
        assert_eq!(
            logged(&store, "MoReceived").await,
            received,
            "{first} {second}"
        );
    }
}

async fn a_segment_that_comes_again_after_a_restart_is_not_posted(mut place: Place) {
    let store = place.open();
    find(&store, mo("one ", part(1, 2))).await;
    joined(&store, mo("two", part(2, 2))).await;
    place.policy.reassembly_timeout = Duration::from_millis(50);
    let store = reopen(&place, store).await;
    find(&store, mo("two", part(2, 2))).await;
    until_logged(&store, "MoRepeated", 1).await;
    assert_eq!(logged(&store, "MoReceived").await, 1);
}

async fn a_segment_of_a_message_in_parts_that_comes_again_is_not_posted(mut place: Place) {
    let store = place.open();
    find(&store, mo("three", part(3, 3))).await;
    find(&store, mo("one", part(1, 3))).await;
    place.policy.reassembly_timeout = Duration::from_millis(50);
    let store = reopen(&place, store).await;
    until_logged(&store, "MoReceived", 2).await;
    let store = reopen(&place, store).await;
    find(&store, mo("three", part(3, 3))).await;
    until_logged(&store, "MoRepeated", 1).await;
    find(&store, mo("one", part(1, 3))).await;
    until_logged(&store, "MoRepeated", 2).await;
    // What was missing is news.
    find(&store, mo("two", part(2, 3))).await;
    until_logged(&store, "MoReceived", 3).await;
}

async fn the_same_octets_in_another_coding_are_news(place: Place) {
    let coded = |data_coding, text: &str, number| match mo(text, part(number, 2)) {
        Inbound::Mo(record) => Inbound::Mo(Box::new(MoRecord {
            data_coding,
            ..*record
        })),
        other => other,
    };
    let store = place.open();
    find(&store, coded(0, "ab", 1)).await;
    joined(&store, coded(0, "cd", 2)).await;
    find(&store, coded(8, "ab", 1)).await;
    let other = joined(&store, coded(8, "cd", 2)).await;
    assert_eq!(other.record.data_coding, 8);
}

async fn gateways_are_there_after_a_restart(place: Place) {
    let store = place.open();
    let record = Gateway {
        meta: serde_json::json!({"a": {"b": [1, 2]}}).as_object().cloned(),
        ..sample::gateway()
    };
    let made = store.put_gateway(record.clone()).await.unwrap();
    assert_eq!(made.id, GatewayId(1));
    store
        .put_gateway(Gateway {
            deleted: true,
            ..made.clone()
        })
        .await
        .unwrap();
    let second = store.put_gateway(record).await.unwrap();
    assert_eq!(second.id, GatewayId(2), "a number is never used twice");
    let store = reopen(&place, store).await;
    let gateways = store.gateways().borrow().clone();
    assert_eq!(gateways.keys().copied().collect::<Vec<_>>(), [GatewayId(2)]);
    assert_eq!(gateways[&GatewayId(2)], second);
    assert!(
        store
            .any_gateway(GatewayId(1))
            .await
            .unwrap()
            .unwrap()
            .deleted
    );
}

async fn a_full_queue_refuses(mut place: Place) {
    place.policy.queued_per_gateway_max = 2;
    let store = place.open();
    accept(&store, head(), "1").await;
    accept(&store, head(), "2").await;
    assert!(matches!(
        store.accept(new_message(head(), "3")).await.unwrap(),
        Acceptance::QueueFull
    ));
    lease(&store, 1).await;
    accept(&store, head(), "3").await;
}

async fn a_validity_that_runs_out_ends_a_message(place: Place) {
    let store = place.open();
    let id = accept(
        &store,
        Head {
            expires_at: Timestamp(1),
            ..head()
        },
        "late",
    )
    .await;
    let m = message(&store, id).await;
    assert_eq!((m.state, m.soft), (State::Expired, true));
}

/// Valid for so long from now on.
fn valid_for(ms: u64) -> Head {
    Head {
        expires_at: Timestamp::from_unix_ms(unix_ms() + ms),
        ..head()
    }
}

async fn until_expired(store: &LogStore, id: MessageId) {
    let began = std::time::Instant::now();
    while message(store, id).await.state != State::Expired {
        assert!(began.elapsed() < Duration::from_secs(30), "it stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_validity_that_runs_out_behind_a_longer_one_ends_its_message(place: Place) {
    let store = place.open();
    let longer = accept(&store, head(), "for ever").await;
    let mut shorter = Vec::new();
    for ms in [300, 3_600_000, 200] {
        shorter.push(accept(&store, valid_for(ms), "not so long").await);
    }
    let store = reopen(&place, store).await;
    until_expired(&store, shorter[0]).await;
    until_expired(&store, shorter[2]).await;
    for id in [longer, shorter[1]] {
        assert_eq!(message(&store, id).await.state, State::Queued);
    }
    assert_eq!(store.counts(GATEWAY).await.unwrap().queued, 2);
}

async fn a_deferred_message_expires_before_it_is_due_again(mut place: Place) {
    place.policy.retry_initial = Duration::from_secs(3600);
    place.policy.retry_max = Duration::from_secs(3600);
    let store = place.open();
    let id = accept(&store, valid_for(1500), "deferred").await;
    lease(&store, 1).await;
    let outcome = Outcome::Refused {
        disposition: Disposition::Deferred,
        class: None,
        status: Some(8),
        reason: "later".into(),
        answer: None,
    };
    store.responded(vec![Response {
        message: id,
        segment: 1,
        outcome,
    }]);
    until_expired(&store, id).await;
    assert_eq!(store.counts(GATEWAY).await.unwrap().queued, 0);
}

async fn the_message_that_has_been_due_the_longest_tells_the_age(place: Place) {
    let store = place.open();
    let oldest = async |store: &LogStore| store.counts(GATEWAY).await.unwrap().oldest_queued_at;
    let soon = Timestamp::from_unix_ms(unix_ms() + 300);
    let scheduled = Head {
        not_before: Some(soon),
        ..head()
    };
    accept(&store, scheduled, "accepted first").await;
    let second = accept(&store, head(), "due first").await;
    let began = std::time::Instant::now();
    while Timestamp::from_unix_ms(unix_ms()) <= soon {
        assert!(began.elapsed() < Duration::from_secs(10), "it is not due");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let due_first = message(&store, second).await.accepted_at;
    let store = reopen(&place, store).await;
    assert_eq!(oldest(&store).await, Some(due_first));
    assert!(store.cancel(second).await.unwrap());
    assert_eq!(oldest(&store).await, Some(soon));
}

async fn messages_are_listed_newest_first(place: Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(
            accept(
                &store,
                Head {
                    tenant_id: Some(n % 2),
                    ..head()
                },
                &n.to_string(),
            )
            .await,
        );
    }
    let list = |filter: Filter| async {
        let found = store.list(filter).await.unwrap();
        found.stories.iter().map(Story::id).collect::<Vec<_>>()
    };
    let all = list(Filter {
        limit: 3,
        ..Filter::default()
    })
    .await;
    assert_eq!(all, [ids[4], ids[3], ids[2]]);
    let rest = list(Filter {
        offset: 3,
        limit: 3,
        ..Filter::default()
    })
    .await;
    assert_eq!(rest, [ids[1], ids[0]]);
    let one = list(Filter {
        tenant_id: Some(1),
        limit: 10,
        ..Filter::default()
    })
    .await;
    assert_eq!(one, [ids[3], ids[1]]);
}

async fn the_story_of_a_finished_message_can_be_read(mut place: Place) {
    place.policy.finished_max = 0;
    let store = place.open();
    let id = submit_one(&store, head(), "A1").await;
    find(&store, receipt("A1", "DELIVRD", Some(State::Delivered))).await;
    // Two more, so that the first is certainly out of memory.
    for upstream_id in ["A2", "A3"] {
        submit_one(&store, head(), upstream_id).await;
        find(
            &store,
            receipt(upstream_id, "DELIVRD", Some(State::Delivered)),
        )
        .await;
    }
    assert_eq!(message(&store, id).await.state, State::Delivered);
    let store = reopen(&place, store).await;
    assert_eq!(message(&store, id).await.state, State::Delivered);
    assert!(store.entries(MessageId(12345)).await.unwrap().is_empty());
}

fn universal(segments: u8, parts: u8, simulation: bool) -> Head {
    Head {
        family: Family::Universal(UniversalOrigin {
            account: "acme".into(),
            message_id: "m".into(),
            campaign_id: None,
            notify: true,
            simulation,
            parts,
            udh: None,
            skip_rcs_override: false,
        }),
        segments,
        ..head()
    }
}

async fn a_simulation_is_over_when_it_begins(place: Place) {
    let store = place.open();
    let simulated = accept(&store, universal(2, 2, true), "simulated").await;
    let real = accept(&store, universal(1, 1, false), "real").await;
    let store = reopen(&place, store).await;
    assert_eq!(message(&store, simulated).await.state, State::Simulated);
    let leased = lease(&store, 10).await;
    assert_eq!(leased.iter().map(|l| l.message).collect::<Vec<_>>(), [real]);
    assert!(!store.cancel(simulated).await.unwrap());
    let counts = store.counts(GATEWAY).await.unwrap();
    assert_eq!((counts.messages, counts.queued), (1, 0));
}

/// The parts that are told of now, with the states that are told.
async fn told(store: &LogStore) -> Vec<(CallbackKind, State)> {
    let leases = store.lease_callbacks(10).await.unwrap();
    let done = |l: &CallbackLease| (l.id, CallbackOutcome::Delivered { status: 200 });
    store.callbacks_done(leases.iter().map(done).collect());
    leases.iter().map(|l| (l.kind, l.state)).collect()
}

async fn parts_are_told_of_one_by_one(place: Place) {
    use CallbackKind::Part;
    let store = place.open();
    let id = accept(&store, universal(3, 3, false), "long").await;
    lease(&store, 10).await;
    store.responded(vec![submitted(id, 1, "a"), submitted(id, 2, "b")]);
    find(&store, receipt("b", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(told(&store).await, [(Part(2), State::Delivered)]);
    // The third is refused: the message is lost, but the first may still arrive.
    let mut third = refused(id, Disposition::Refused);
    third.segment = 3;
    store.responded(vec![third]);
    assert_eq!(told(&store).await, [(Part(3), State::Failed)]);
    let store = reopen(&place, store).await;
    find(&store, receipt("b", "DELIVRD", Some(State::Delivered))).await;
    find(&store, receipt("a", "UNDELIV", Some(State::Undelivered))).await;
    assert_eq!(told(&store).await, [(Part(1), State::Undelivered)]);
    assert_eq!(message(&store, id).await.state, State::Failed);
    // What is cancelled before it is sent is told of as a whole.
    let id = accept(&store, universal(2, 2, false), "never").await;
    assert!(store.cancel(id).await.unwrap());
    let both = [(Part(1), State::Cancelled), (Part(2), State::Cancelled)];
    assert_eq!(told(&store).await, both);
}

async fn a_guess_about_a_part_is_corrected_once(place: Place) {
    use CallbackKind::Part;
    let store = place.open();
    let id = accept(&store, universal(1, 1, false), "lost").await;
    lease(&store, 10).await;
    store.responded(vec![unanswered(id, OnUnknown::Fail)]);
    assert_eq!(told(&store).await, [(Part(1), State::Failed)]);
    store.responded(vec![submitted(id, 1, "x")]);
    for _ in 0..2 {
        find(&store, receipt("x", "DELIVRD", Some(State::Delivered))).await;
    }
    assert_eq!(told(&store).await, [(Part(1), State::Delivered)]);
}

async fn one_verdict_tells_of_all_parts_that_the_upstream_cut(place: Place) {
    use CallbackKind::Part;
    let store = place.open();
    submit_one(&store, universal(1, 3, false), "h").await;
    find(&store, receipt("h", "DELIVRD", Some(State::Delivered))).await;
    let all = [1, 2, 3].map(|n| (Part(n), State::Delivered));
    assert_eq!(told(&store).await, all);
}

#[tokio::test]
async fn a_failing_disk_refuses_everything_and_loses_nothing_acknowledged() {
    let place = Place::in_memory();
    let store = place.open();
    let before = accept(&store, head(), "before").await;
    place.memory.set_faults(Faults {
        refuse: Some("no space".into()),
        ..Faults::default()
    });
    assert!(matches!(
        store.accept(new_message(head(), "during")).await,
        Err(StoreError::Io(_))
    ));
    let mut health = store.health();
    health
        .wait_for(|h| matches!(h, Health::Failing { .. }))
        .await
        .unwrap();
    assert!(
        store
            .inbound(vec![receipt("x", "DELIVRD", None)])
            .await
            .is_err()
    );
    place.memory.set_faults(Faults::default());
    health.wait_for(|h| *h == Health::Open).await.unwrap();
    let after = accept(&store, head(), "after").await;
    let leased = lease(&store, 10).await;
    assert_eq!(
        leased.iter().map(|l| l.message).collect::<Vec<_>>(),
        [before, after]
    );
}

#[tokio::test]
async fn a_lease_that_became_durable_while_the_disk_failed_is_due_again() {
    let place = Place::in_memory();
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    place.memory.set_faults(Faults {
        refuse: Some("torn".into()),
        keep_refused: true,
        ..Faults::default()
    });
    assert!(store.lease(GATEWAY, 1).await.is_err());
    place.memory.set_faults(Faults::default());
    let mut health = store.health();
    health.wait_for(|h| *h == Health::Open).await.unwrap();
    assert_eq!(lease(&store, 1).await[0].message, id);
}

#[tokio::test]
async fn answers_that_came_while_the_disk_failed_are_not_lost() {
    let place = Place::in_memory();
    let store = place.open();
    let mut ids = Vec::new();
    for text in ["first", "second", "third"] {
        ids.push(accept(&store, head(), text).await);
    }
    lease(&store, 3).await;
    place.memory.set_faults(Faults {
        refuse: Some("no disk".into()),
        ..Faults::default()
    });
    // One is lost with the write that fails, one comes while nothing can be written.
    store.responded(vec![submitted(ids[0], 1, "a")]);
    let mut health = store.health();
    health.wait_for(|h| *h != Health::Open).await.unwrap();
    store.responded(vec![submitted(ids[1], 1, "b")]);
    store.release(vec![(ids[2], vec![1])]);
    place.memory.set_faults(Faults::default());
    health.wait_for(|h| *h == Health::Open).await.unwrap();
    for (id, upstream_id) in [(ids[0], "a"), (ids[1], "b")] {
        let m = message(&store, id).await;
        assert_eq!(
            (m.state, m.external_id()),
            (State::Submitted, Some(upstream_id))
        );
    }
    assert_eq!(lease(&store, 3).await[0].message, ids[2]);
    assert!(
        store
            .in_doubt(10)
            .await
            .unwrap()
            .iter()
            .all(|d| !d.open || d.message == ids[2])
    );
}

/// Every message of the log, page by page.
async fn walk(store: &LogStore) -> Vec<MessageId> {
    let mut filter = Filter {
        limit: 7,
        ..Filter::default()
    };
    let mut walked = Vec::new();
    loop {
        let page = store.list(filter.clone()).await.unwrap();
        walked.extend(page.stories.iter().map(Story::id));
        filter.cursor = page.next;
        if filter.cursor.is_none() {
            return walked;
        }
    }
}

#[tokio::test]
async fn slices_turn_over_and_open_messages_are_carried() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = SledOptions::at(directory.path());
    options.slice_octets_max = 40_000;
    options.retention = Duration::ZERO;
    options.disk_reserve_octets = 0;
    let open = || {
        let options = options.clone();
        let all = OpenOptions {
            policy: Policy {
                finished_max: 10,
                ..Policy::default()
            },
            metrics: Metrics::new().store,
        };
        LogStore::open(move || SledJournal::open(&options), all).unwrap()
    };
    let store = open();
    let old = submit_one(&store, head(), "old").await;
    assert_eq!(
        find(&store, receipt("orphan", "DELIVRD", None)).await,
        Finding::Orphan
    );
    for n in 0..600 {
        let upstream_id = format!("n{n}");
        submit_one(&store, head(), &upstream_id).await;
        find(
            &store,
            receipt(&upstream_id, "DELIVRD", Some(State::Delivered)),
        )
        .await;
    }
    let slices = std::fs::read_dir(directory.path()).unwrap().flatten();
    let slices = slices
        .filter(|e| e.file_name().to_string_lossy().starts_with("slice-"))
        .count();
    assert!(
        (2..=4).contains(&slices),
        "old slices are removed, {slices} are left"
    );
    // What was carried out of them is listed after everything else, once.
    let walked = walk(&store).await;
    assert_eq!(walked.last(), Some(&old));
    assert!(
        walked.len() > 20 && walked.windows(2).all(|w| w[0] > w[1]),
        "{walked:?}"
    );
    store.close().await.unwrap();
    let store = open();
    assert_eq!(message(&store, old).await.state, State::Submitted);
    let found = find(&store, receipt("old", "DELIVRD", Some(State::Delivered))).await;
    assert_eq!(
        found,
        Finding::Applied {
            message: old,
            state: State::Delivered
        }
    );
    assert_eq!(store.orphans(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let place = Place::on_sled();
    let _store = place.open();
    let options = SledOptions::at(place.directory.as_ref().unwrap().path());
    let second = SledJournal::open(&options).map(|_| ());
    assert!(
        second
            .unwrap_err()
            .to_string()
            .contains("another running smpp-bridge")
    );
}

#[tokio::test]
async fn a_half_written_snapshot_does_not_keep_the_log_shut() {
    let place = Place::on_sled();
    let store = place.open();
    let id = accept(&store, head(), "hello").await;
    store.close().await.unwrap();
    let root = place.directory.as_ref().unwrap().path();
    let slice = std::fs::read_dir(root).unwrap().flatten().map(|e| e.path());
    let slice = slice.into_iter().find(|p| p.is_dir()).unwrap();
    std::fs::write(slice.join("snap.00000000FFFFFFFF.generating"), b"torn!").unwrap();
    let store = place.open();
    assert_eq!(message(&store, id).await.state, State::Queued);
    store.close().await.unwrap();
    std::fs::write(slice.join("snap.00000000FFFFFFFF"), b"").unwrap();
    let store = place.open();
    assert_eq!(message(&store, id).await.state, State::Queued);
}

#[tokio::test]
async fn many_at_once_are_all_durable() {
    let place = Place::on_sled();
    let store = Arc::new(place.open());
    let mut tasks = Vec::new();
    for n in 0..50 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for m in 0..20 {
                ids.push(accept(&store, head(), &format!("{n}-{m}")).await);
            }
            ids
        }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    store.close().await.unwrap();
    let store = place.open();
    let mut leased = lease(&store, 2000).await;
    assert_eq!(leased.len(), 1000);
    ids.sort_unstable();
    leased.sort_by_key(|l| l.message);
    assert_eq!(leased.iter().map(|l| l.message).collect::<Vec<_>>(), ids);
}

const OTHER: GatewayId = GatewayId(2);
const THIRD: GatewayId = GatewayId(3);

/// The head of a message of a route: from the first gateway it may go to these.
fn routed(others: &[GatewayId]) -> Head {
    Head {
        others: Some(Others {
            gateways: others.to_vec(),
            after: vec![RefusalClass::Unavailable, RefusalClass::Rejected],
            down_after_ms: 1000,
        }),
        ..head()
    }
}

async fn lease_of(store: &LogStore, gateway: GatewayId) -> Lease {
    let waited = tokio::time::timeout(Duration::from_secs(10), store.lease(gateway, 1)).await;
    waited.expect("something is due").unwrap().remove(0)
}

/// The first gateway has been down for so long, and these are up.
async fn down_for(store: &LogStore, seconds: u64, up: &[GatewayId]) -> usize {
    let standings = Standings {
        up: up.to_vec(),
        down: vec![(GATEWAY, Duration::from_secs(seconds))],
    };
    store.reroute(standings).await.unwrap()
}

fn refused_as(lease: &Lease, segment: u8, class: RefusalClass, how: Disposition) -> Response {
    let outcome = Outcome::Refused {
        disposition: how,
        class: Some(class),
        status: Some(8),
        reason: "no".into(),
        answer: None,
    };
    Response {
        message: lease.message,
        segment,
        outcome,
    }
}

/// From, to and why, in their order.
async fn moves(store: &LogStore, id: MessageId) -> Vec<(u32, u32, &'static str)> {
    let entries = store.entries(id).await.unwrap();
    let moves = entries.iter().filter_map(|e| match e.event {
        Event::Rerouted { from, to, why } => Some((from.0, to.0, why.name())),
        _ => None,
    });
    moves.collect()
}

async fn what_waits_for_a_gateway_that_is_down_moves(place: Place) {
    let store = place.open();
    let id = accept(&store, routed(&[OTHER, THIRD]), "hello").await;
    let plain = accept(&store, head(), "stays").await;
    assert_eq!(down_for(&store, 0, &[OTHER]).await, 0, "too early");
    assert_eq!(down_for(&store, 5, &[]).await, 0, "nobody is up");
    assert_eq!(down_for(&store, 5, &[THIRD]).await, 1);
    assert_eq!(moves(&store, id).await, [(1, 3, "down")]);
    let store = reopen(&place, store).await;
    assert_eq!(moves(&store, id).await, [(1, 3, "down")]);
    let leased = lease_of(&store, THIRD).await;
    let sent_by = leased.head.decode().map(|head| head.gateway);
    assert_eq!((leased.message, sent_by), (id, Some(THIRD)));
    assert_eq!(leased.attempt, 1);
    assert_eq!(lease_of(&store, GATEWAY).await.message, plain);
    let count = async |g| store.counts(g).await.unwrap().messages;
    assert_eq!((count(GATEWAY).await, count(THIRD).await), (1, 1));
    assert_eq!(message(&store, id).await.head.gateway, THIRD);
}

async fn a_scheduled_message_moves_once_it_is_due(place: Place) {
    let store = place.open();
    let now = Timestamp::from_unix_ms(unix_ms());
    let later = Head {
        not_before: Some(now + Duration::from_secs(3600)),
        ..routed(&[OTHER])
    };
    let later = accept(&store, later, "later").await;
    let soon = Head {
        not_before: Some(now + Duration::from_millis(300)),
        ..routed(&[OTHER])
    };
    let soon = accept(&store, soon, "soon").await;
    // Nobody leases from the first gateway meanwhile.
    let began = std::time::Instant::now();
    while down_for(&store, 5, &[OTHER]).await == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it does not move"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(moves(&store, soon).await.len(), 1);
    assert!(moves(&store, later).await.is_empty());
}

async fn a_refusal_moves_a_message_once_to_each_gateway(place: Place) {
    let store = place.open();
    let id = accept(&store, routed(&[OTHER, THIRD]), "hello").await;
    assert_eq!(down_for(&store, 0, &[GATEWAY, OTHER, THIRD]).await, 0);
    let refuse = async |store: &LogStore, gateway, class| {
        let leased = lease_of(store, gateway).await;
        assert_eq!((leased.message, leased.attempt), (id, 1));
        store.responded(vec![refused_as(&leased, 1, class, Disposition::Refused)]);
    };
    refuse(&store, GATEWAY, RefusalClass::Rejected).await;
    let store = reopen(&place, store).await;
    assert_eq!(down_for(&store, 0, &[GATEWAY, OTHER, THIRD]).await, 0);
    refuse(&store, OTHER, RefusalClass::Unavailable).await;
    refuse(&store, THIRD, RefusalClass::Rejected).await;
    assert_eq!(message(&store, id).await.state, State::Failed);
    let expected = [(1, 2, "rejected"), (2, 3, "unavailable")];
    assert_eq!(moves(&store, id).await, expected);
}

async fn a_refusal_of_another_class_or_that_passes_does_not_move(place: Place) {
    let store = place.open();
    let invalid = accept(&store, routed(&[OTHER]), "invalid").await;
    let busy = accept(&store, routed(&[OTHER]), "busy").await;
    // Nobody else is up: what would be taken later waits where it is.
    let leased = lease_of(&store, GATEWAY).await;
    let response = refused_as(&leased, 1, RefusalClass::Invalid, Disposition::Refused);
    store.responded(vec![response]);
    let leased = lease_of(&store, GATEWAY).await;
    let response = refused_as(
        &leased,
        1,
        RefusalClass::Unavailable,
        Disposition::Throttled,
    );
    store.responded(vec![response]);
    assert_eq!(message(&store, invalid).await.state, State::Failed);
    assert_eq!(message(&store, busy).await.state, State::Queued);
    assert!(moves(&store, invalid).await.is_empty());
    assert!(moves(&store, busy).await.is_empty());
}

async fn what_may_have_been_taken_never_moves(place: Place) {
    let store = place.open();
    let doubted = accept(&store, routed(&[OTHER]), "doubted").await;
    let two = Head {
        segments: 2,
        ..routed(&[OTHER])
    };
    let half = accept(&store, two, "half").await;
    let leased = lease_of(&store, GATEWAY).await;
    store.responded(vec![unanswered(leased.message, OnUnknown::Resend)]);
    let again = lease_of(&store, GATEWAY).await;
    assert_eq!(again.message, doubted);
    store.release(vec![(doubted, vec![1])]);
    // Of the other one a part was taken.
    let leased = store.lease(GATEWAY, 100).await.unwrap();
    let of_half = leased.iter().find(|l| l.message == half).unwrap();
    let class = RefusalClass::Unavailable;
    store.responded(vec![
        submitted(half, 1, "h1"),
        refused_as(of_half, 2, class, Disposition::Throttled),
    ]);
    store.release(vec![(doubted, vec![1])]);
    assert_eq!(down_for(&store, 60, &[OTHER]).await, 0);
    let store = reopen(&place, store).await;
    assert_eq!(down_for(&store, 60, &[OTHER]).await, 0);
    assert!(moves(&store, doubted).await.is_empty() && moves(&store, half).await.is_empty());
}

async fn parts_move_together_once_all_are_refused(place: Place) {
    let store = place.open();
    let two = Head {
        segments: 2,
        ..routed(&[OTHER])
    };
    let id = accept(&store, two, "two parts").await;
    assert_eq!(down_for(&store, 0, &[GATEWAY, OTHER]).await, 0);
    let leased = lease_of(&store, GATEWAY).await;
    assert_eq!(leased.segments, [1, 2]);
    let refuse = |n| refused_as(&leased, n, RefusalClass::Rejected, Disposition::Refused);
    store.responded(vec![refuse(1)]);
    assert!(moves(&store, id).await.is_empty());
    store.responded(vec![refuse(2)]);
    assert_eq!(moves(&store, id).await, [(1, 2, "rejected")]);
    let leased = lease_of(&store, OTHER).await;
    assert_eq!(leased.segments, [1, 2]);
}

async fn a_receipt_of_the_second_gateway_is_matched(place: Place) {
    let store = place.open();
    let id = accept(&store, routed(&[OTHER]), "hello").await;
    assert_eq!(down_for(&store, 5, &[OTHER]).await, 1);
    assert_eq!(lease_of(&store, OTHER).await.message, id);
    store.responded(vec![submitted(id, 1, "77")]);
    let store = reopen(&place, store).await;
    let of_first = receipt("77", "DELIVRD", Some(State::Delivered));
    assert_eq!(find(&store, of_first).await, Finding::Orphan);
    let Inbound::Receipt(mut evidence) = receipt("77", "DELIVRD", Some(State::Delivered)) else {
        unreachable!("it is a receipt");
    };
    evidence.gateway = OTHER;
    let found = find(&store, Inbound::Receipt(evidence)).await;
    let state = State::Delivered;
    assert_eq!(found, Finding::Applied { message: id, state });
}

fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap()
}
