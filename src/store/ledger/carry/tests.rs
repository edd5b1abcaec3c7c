use super::*;
use crate::message::sample;
use crate::store::Policy;
use crate::store::intent::{Acceptance, IdempotencyKey, KeyState, NewMessage, Prepared};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const KEY: IdempotencyKey = IdempotencyKey { key: 5, content: 6 };

fn message(key: Option<IdempotencyKey>) -> Prepared {
    Prepared::from(NewMessage {
        head: sample::head(),
        text: "hello".into(),
        key,
        wait: false,
    })
}

/// One batch, as the writer makes them; the frame from which everything open begins now.
fn batch(ledger: &mut Ledger, at: Timestamp) -> Option<u64> {
    ledger.begin(at);
    ledger.carry_if_due();
    let from = ledger.carry_some();
    ledger.finish();
    ledger.take_frames();
    from
}

#[test]
fn a_round_begins_in_time_and_ends_with_everything_in_newer_frames() {
    let mut ledger = Ledger::new(Policy::default(), 1);
    let began = Timestamp(1_800_000_000_000_000);
    batch(&mut ledger, began);
    for _ in 0..3 * CARRIED_PER_BATCH {
        ledger.accept(message(None));
    }
    assert_eq!(batch(&mut ledger, began + HOUR * 5), None, "too early");
    assert_eq!(batch(&mut ledger, began + HOUR * 6), Some(0));
    let mut from = None;
    for _ in 0..4 {
        assert_eq!(from, None);
        from = batch(&mut ledger, began + HOUR * 12);
    }
    let from = from.expect("three batches and the end");
    assert!(from > 0 && ledger.mt.len() == 3 * CARRIED_PER_BATCH);
    let round = ledger.carry.round;
    assert!(ledger.mt.iter().all(|m| m.round() == round));
    assert!(!ledger.is_carrying());
}

/// Rounds while a thousand messages come and go beside so many open ones.
fn rounds_beside(open: usize) -> usize {
    let policy = Policy {
        carry_octets_min: 1000,
        ..Policy::default()
    };
    let mut ledger = Ledger::new(policy, 1);
    let now = Timestamp(1_800_000_000_000_000);
    batch(&mut ledger, now);
    for _ in 0..open {
        ledger.accept(message(None));
    }
    let come_and_go = |_: &usize| {
        let Acceptance::Accepted { id, .. } = ledger.accept(message(None)) else {
            panic!("not accepted");
        };
        assert!(ledger.cancel(id));
        batch(&mut ledger, now).is_some()
    };
    (0..1000).filter(come_and_go).count()
}

#[test]
fn a_growing_log_is_carried_the_less_often_the_more_is_open() {
    assert!((50..=200).contains(&rounds_beside(0)));
    assert!((1..=5).contains(&rounds_beside(50)));
}

#[test]
fn a_carried_key_is_no_younger() {
    let mut ledger = Ledger::new(Policy::default(), 1);
    let taken_at = Timestamp(1_800_000_000_000_000);
    batch(&mut ledger, taken_at);
    ledger.accept(message(Some(KEY)));
    ledger.answer_key(KEY, 202, "{}".into());
    let frame = |ledger: &Ledger| ledger.keys.get(KEY.key).map(|k| k.frame);
    let taken_in = frame(&ledger);
    for hours in [6, 12, 18] {
        batch(&mut ledger, taken_at + HOUR * hours);
        batch(&mut ledger, taken_at + HOUR * hours);
        let answered = KeyState::Answered {
            status: 202,
            body: "{}".into(),
        };
        assert_eq!(ledger.key(KEY), answered);
    }
    assert!(frame(&ledger) > taken_in, "it was carried");
    batch(&mut ledger, taken_at + HOUR * 24);
    assert_eq!(ledger.key(KEY), KeyState::Unused);
    assert_eq!(ledger.keys.len(), 0);
}

/// The keys that are left of thirty, each with an answer of a hundred octets.
fn left_of_thirty(policy: Policy) -> Vec<u128> {
    let mut ledger = Ledger::new(policy, 1);
    for key in 0..30 {
        let key = IdempotencyKey { key, content: 1 };
        ledger.begin(Timestamp(1_800_000_000_000_000 + key.key as u64));
        ledger.accept(message(Some(key)));
        ledger.answer_key(key, 202, "1".repeat(100));
        ledger.finish();
    }
    (0..30).filter(|k| ledger.keys.get(*k).is_some()).collect()
}

#[test]
fn a_callback_that_was_carried_while_it_was_leased_is_due_after_a_start() {
    let policy = Policy {
        carry_octets_min: 1,
        ..Policy::default()
    };
    let mut ledger = Ledger::new(policy.clone(), 1);
    let now = Timestamp(1_800_000_000_000_000);
    batch(&mut ledger, now);
    let mut new = message(None);
    new.head = crate::message::EncodedHead::from(&crate::message::Head {
        callback_url: Some("http://a/b".into()),
        forwards: true,
        ..sample::head()
    });
    let Acceptance::Accepted { id, .. } = ledger.accept(new) else {
        panic!("not accepted");
    };
    assert!(ledger.cancel(id));
    let (to, _asker) = tokio::sync::oneshot::channel();
    ledger.lease_callbacks(1, to);
    batch(&mut ledger, now);
    // As a start that reads only the copy finds it.
    let copy = ledger.snapshot(id).expect("it is open");
    let mut started = Ledger::new(policy, 9);
    started.begin(now);
    started.apply_carried(9, id, &copy);
    started.return_leased_callbacks();
    let (to, mut leased) = tokio::sync::oneshot::channel();
    started.lease_callbacks(1, to);
    started.finish();
    let leases = started.take_replies();
    assert!(
        matches!(&leases[..], [crate::store::ledger::Reply::Callbacks(_, leases)] if leases.len() == 1)
    );
    drop(leases);
    assert!(leased.try_recv().is_err());
}

#[test]
fn keys_are_bounded() {
    let left = left_of_thirty(Policy {
        keys_max: 10,
        ..Policy::default()
    });
    assert_eq!(left, Vec::from_iter(20..30));
}

#[test]
fn the_answers_of_keys_are_bounded() {
    let left = left_of_thirty(Policy {
        key_answers_octets_max: 450,
        ..Policy::default()
    });
    assert_eq!(left, Vec::from_iter(26..30));
}
