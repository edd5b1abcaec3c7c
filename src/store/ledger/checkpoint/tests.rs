//! Whatever lives beside a checkpoint, a start that reads it knows what one from all frames knows.

use super::*;
use crate::message::{
    Concat, Disposition, Gateway, GatewayId, Head, MoRecord, OnUnknown, Report, SmppReport, sample,
};
use crate::store::codec::{Frame, Unpacker};
use crate::store::intent::{
    Acceptance, CallbackOutcome, Evidence, IdRule, IdempotencyKey, Inbound, NewMessage, Outcome,
    Prepared, Response, Unmatched,
};
use crate::store::ledger::{Policy, Reply};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;

const BEGAN: Timestamp = Timestamp(1_800_000_000_000_000);

/// A bridge's life, as far as the ledger sees it.
struct Life {
    ledger: Ledger,
    log: Vec<Frame>,
    now: Timestamp,
    random: fastrand::Rng,
    /// In flight, or open at the upstream.
    out: Vec<MessageId>,
    leased: Vec<crate::message::CallbackId>,
}

/// A checkpoint: blocks, and the frame as of which each is.
type Blocks = Vec<(u64, Vec<u8>)>;

impl Life {
    fn new(seed: u64, policy: Policy) -> Life {
        let mut ledger = Ledger::new(policy, 1);
        ledger.begin(BEGAN);
        Life {
            ledger,
            log: Vec::new(),
            now: BEGAN,
            random: fastrand::Rng::with_seed(seed),
            out: Vec::new(),
            leased: Vec::new(),
        }
    }

    fn highest(&self) -> u64 {
        self.log.last().map_or(0, |f| f.number)
    }

    /// Some calls and the commit behind them.
    fn batch(&mut self) {
        self.now = self.now + Duration::from_millis(self.random.u64(1..2000));
        self.ledger.begin(self.now);
        for _ in 0..self.random.usize(0..8) {
            self.call();
        }
        self.ledger.carry_if_due();
        self.ledger.carry_some();
        self.ledger.finish();
        self.log.extend(self.ledger.take_frames());
        self.ledger
            .take_replies()
            .into_iter()
            .for_each(|reply| match reply {
                Reply::Leases(_, leases) => self.out.extend(leases.iter().map(|l| l.message)),
                Reply::Callbacks(_, leases) => self.leased.extend(leases.iter().map(|l| l.id)),
                Reply::Plain(_) | Reply::Acceptance(..) => {}
            });
        self.ledger.take_to_index();
    }

    fn call(&mut self) {
        match self.random.u8(0..12) {
            0..=3 => self.accept(),
            4 | 5 => {
                let gateway = GatewayId(self.random.u32(1..4));
                self.ledger.lease(gateway, 3, oneshot::channel().0);
            }
            6 => self.respond(),
            7 => self.inbound(),
            8 => self.segment(),
            9 => self.ledger.lease_callbacks(2, oneshot::channel().0),
            10 => self.callback_ends(),
            _ => self.rare(),
        }
    }

    fn accept(&mut self) {
        let n = self.random.u32(..);
        let soon = self.now + Duration::from_secs(30);
        let head = Head {
            gateway: GatewayId(n % 3 + 1),
            destination: format!("+49{n}"),
            callback_url: (n.is_multiple_of(4)).then(|| "http://a/b".into()),
            forwards: true,
            segments: if n.is_multiple_of(5) { 2 } else { 1 },
            not_before: (n.is_multiple_of(7)).then_some(soon),
            expires_at: if n.is_multiple_of(11) {
                soon
            } else {
                Timestamp::NEVER
            },
            ..sample::head()
        };
        let key = (n.is_multiple_of(3)).then(|| IdempotencyKey {
            key: u128::from(n) << 64,
            content: 1,
        });
        let new = Prepared::from(NewMessage {
            head,
            text: format!("text {n}"),
            key,
            wait: false,
        });
        if let (Acceptance::Accepted { .. }, Some(key)) = (self.ledger.accept(new), key)
            && n.is_multiple_of(2)
        {
            self.ledger.answer_key(key, 202, format!("{n}"));
        }
    }

    fn some_out(&mut self) -> Option<MessageId> {
        (!self.out.is_empty()).then(|| self.out[self.random.usize(..self.out.len())])
    }

    fn respond(&mut self) {
        let Some(message) = self.some_out() else {
            return;
        };
        let segment = self.random.u8(1..3);
        let outcome = match self.random.u8(0..6) {
            0 => Outcome::Refused {
                disposition: Disposition::Deferred,
                class: None,
                status: Some(8),
                reason: "later".into(),
                answer: None,
            },
            1 => Outcome::Unanswered {
                reason: "silence".into(),
                policy: [OnUnknown::Resend, OnUnknown::Hold, OnUnknown::Fail]
                    [self.random.usize(..3)],
            },
            _ => Outcome::Submitted {
                upstream_id: Some(format!("{:x}-{segment}", message.0)),
                answer: None,
            },
        };
        self.ledger.responded(vec![Response {
            message,
            segment,
            outcome,
        }]);
    }

    fn inbound(&mut self) {
        let id = match self.some_out() {
            Some(message) if self.random.bool() => format!("{:x}-1", message.0),
            _ => format!("nobody {}", self.random.u8(..)),
        };
        let states = [State::Delivered, State::Enroute, State::Failed];
        let evidence = Evidence {
            gateway: GatewayId(self.random.u32(1..4)),
            ids: vec![id.clone()],
            id_rule: IdRule::Same,
            state: Some(states[self.random.usize(..3)]),
            report: Report::Smpp(SmppReport {
                id,
                stat: "DELIVRD".into(),
                err: None,
                sub: None,
                dlvrd: None,
                submit_date: None,
                done_date: None,
                text: None,
                message_state: None,
                source_addr: "49".into(),
            })
            .into(),
            verbatim: false,
            always_delivered_at: false,
            if_unmatched: Unmatched::Keep,
        };
        self.ledger
            .inbound(vec![Inbound::Receipt(Box::new(evidence))]);
    }

    fn segment(&mut self) {
        let record = MoRecord {
            source_addr: format!("49{}", self.random.u8(..20)),
            octets: vec![b'a' + self.random.u8(..2)],
            segment: Some(Concat {
                reference: self.random.u16(..3),
                total: 2,
                number: self.random.u8(1..3),
                reference_bits: 8,
            }),
            connection: self.random.u64(1..3),
            ..sample::mo()
        };
        self.ledger.inbound(vec![Inbound::Mo(Box::new(record))]);
    }

    fn callback_ends(&mut self) {
        let Some(id) = self.leased.pop() else { return };
        let outcome = match self.random.u8(0..4) {
            0 => CallbackOutcome::Failed {
                status: Some(500),
                reason: "no".into(),
                next_at: self.now + Duration::from_secs(5),
                body: Some(b"{}".to_vec()),
            },
            1 => CallbackOutcome::Dead {
                reason: "no".into(),
            },
            _ => CallbackOutcome::Delivered { status: 200 },
        };
        self.ledger.callbacks_done(vec![(id, outcome)]);
    }

    fn rare(&mut self) {
        match self.random.u8(0..4) {
            0 => drop(self.ledger.put_gateway(gateway(self.random.u32(0..3)))),
            1 => self
                .ledger
                .set_opt_out(7, self.random.u64(..20), self.random.bool()),
            2 => {
                if let Some(id) = self.some_out() {
                    self.ledger.redeliver(id);
                }
            }
            _ => {
                let ids = self.ledger.mt.iter().map(|m| m.id).collect::<Vec<_>>();
                if !ids.is_empty() {
                    self.ledger.cancel(ids[self.random.usize(..ids.len())]);
                }
            }
        }
    }

    /// A checkpoint in small blocks, with batches between them.
    fn checkpoint(&mut self) -> Blocks {
        let mut first = Vec::new();
        let mut taking = Taking::begin(&self.ledger, &mut first);
        let mut blocks = vec![(self.highest(), first)];
        loop {
            if self.random.u8(0..3) == 0 {
                self.batch();
            }
            let mut items = Vec::new();
            let more = taking.some(&self.ledger, 400, &mut items);
            blocks.push((self.highest(), items));
            if !more {
                return blocks;
            }
        }
    }

    /// A start that reads all frames, or a checkpoint and those behind it.
    fn started(&self, checkpoint: Option<&Blocks>) -> Ledger {
        let mut ledger = Ledger::new(self.ledger.policy.clone(), self.highest() + 1);
        let mut restoring = Restoring::default();
        let mut blocks = checkpoint.into_iter().flatten().peekable();
        let from = checkpoint.map_or(0, |c| c[0].0 + 1);
        let mut unpacker = Unpacker::default();
        for frame in self.log.iter().filter(|f| f.number >= from) {
            while let Some((_, items)) = blocks.next_if(|(as_of, _)| *as_of < frame.number) {
                restoring.take(&mut ledger, items).unwrap();
            }
            let each = |number, entry: crate::message::Entry| {
                ledger.begin(entry.at);
                ledger.apply(number, &entry);
            };
            unpacker.frame(frame.number, &frame.octets, each).unwrap();
            ledger.note_read(frame.octets.len());
        }
        blocks.for_each(|(_, items)| restoring.take(&mut ledger, items).unwrap());
        restoring.end(&mut ledger);
        ledger.begin(self.now);
        ledger.doubt_what_was_in_flight();
        ledger.return_leased_callbacks();
        ledger
    }
}

fn gateway(id: u32) -> Gateway {
    Gateway {
        id: GatewayId(id),
        name: format!("gateway {id}"),
        provider_type: "smpp".into(),
        server_host: "localhost".into(),
        server_port: 2775,
        api_path: String::new(),
        username: None,
        password: None,
        default_sender_id: None,
        callback_token: None,
        use_ssl: false,
        is_active: true,
        notes: None,
        meta: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        deleted: false,
    }
}

/// All that a start has to know, a line each.
fn told(ledger: &mut Ledger, with_finished: bool) -> BTreeSet<String> {
    let now = ledger.now;
    let mut told = Vec::new();
    let mt = ledger
        .mt
        .iter()
        .filter(|m| with_finished || !m.is_finished());
    for m in mt {
        let mut copy = format!("{:?} {:?}", m.copy(), ledger.in_doubt.get(&m.id));
        for c in ledger.outbox.of(m.id, m.callbacks_made()) {
            let due_at = c.due_at.max(now);
            copy += &format!(" {:?}", PendingCallback { due_at, ..c });
        }
        told.push(copy);
    }
    for (id, mo) in ledger
        .mo
        .iter()
        .filter(|(_, mo)| with_finished || !mo.is_finished())
    {
        told.push(format!("{id} {mo:?}"));
        for c in ledger.outbox.of(*id, mo.callbacks_made) {
            let due_at = c.due_at.max(now);
            told.push(format!("{:?}", PendingCallback { due_at, ..c }));
        }
    }
    told.extend(ledger.sets.waiting().map(|w| format!("{w:?}")));
    let keys = ledger.keys.before(u64::MAX);
    told.extend(keys.map(|key| format!("{key} {:?}", ledger.keys.get(key))));
    told.extend(
        ledger
            .orphans
            .numbers()
            .map(|n| format!("{:?}", ledger.orphan_snapshot(n))),
    );
    let joined = ledger.joined.before(u64::MAX, now);
    told.extend(joined.map(|key| format!("{key:?} {:?}", ledger.joined.get(&key))));
    for (id, lane) in &ledger.lanes {
        let later = lane.later().map(|(at, id)| (at.max(now), id));
        let mut all: Vec<_> = lane.ready().map(|id| (now, id)).chain(later).collect();
        all.sort_unstable();
        told.push(format!("lane {id} {} {all:?}", lane.in_flight));
    }
    told.extend(ledger.documents().iter().map(|d| format!("{d:?}")));
    let carry = &ledger.carry;
    told.push(format!("{:?} round {}", ledger.last_id, carry.round()));
    if with_finished {
        let mut finished: Vec<_> = ledger.finished.iter().copied().collect();
        finished.sort_unstable();
        told.push(format!("{finished:?}"));
    }
    let (counts, words) = ledger.take_violations();
    assert!(counts.iter().all(|n| *n == 0), "{words:?}");
    told.into_iter().collect()
}

fn compare(seed: u64, policy: &Policy, with_finished: bool) {
    let mut life = Life::new(seed, policy.clone());
    for _ in 0..life.random.usize(0..300) {
        life.batch();
    }
    let checkpoint = life.checkpoint();
    for _ in 0..life.random.usize(0..100) {
        life.batch();
    }
    let mut whole = life.started(None);
    let mut restored = life.started(Some(&checkpoint));
    let (whole, found) = (
        told(&mut whole, with_finished),
        told(&mut restored, with_finished),
    );
    let missing: Vec<_> = whole.difference(&found).collect();
    let more: Vec<_> = found.difference(&whole).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "seed {seed}: a checkpoint has {more:#?} in place of {missing:#?}"
    );
    restored.finish();
    assert!(restored.finished.len() <= policy.finished_max);
    let finished = restored.mt.iter().filter(|m| m.is_finished()).count();
    assert!(
        finished <= policy.finished_max,
        "seed {seed}: {finished} stay for ever"
    );
}

#[test]
fn a_start_from_a_checkpoint_knows_what_one_from_all_frames_knows() {
    for seed in 0..20 {
        compare(seed, &Policy::default(), true);
    }
}

#[test]
fn finished_messages_are_bounded_after_a_checkpoint() {
    let policy = Policy {
        finished_max: 20,
        ..Policy::default()
    };
    for seed in 100..120 {
        compare(seed, &policy, false);
    }
}

#[test]
fn a_round_of_carrying_beside_a_checkpoint_changes_nothing() {
    let policy = Policy {
        carry_octets_min: 1,
        ..Policy::default()
    };
    for seed in 200..220 {
        compare(seed, &policy, true);
    }
}
