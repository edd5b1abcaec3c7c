//! Messages that live their whole life, driven straight into a store on a real directory.
//!
//! One message is what the lab sends: 49 characters from a short sender to an MSISDN, one
//! segment, a receipt with the usual text, and a callback for the verdict. A group does each
//! step together, as many connections and a window do in the daemon.

use smpp_bridge::message::*;
use smpp_bridge::metrics::Metrics;
use smpp_bridge::store::sled::{SledJournal, SledOptions};
use smpp_bridge::store::*;
use std::path::Path;
use std::sync::Arc;

/// What a client sends.
pub const TEXT: &str = "The quick brown fox jumps over the lazy dog 12345";
const SOURCE: &str = "12345";
const CALLBACK_URL: &str = "http://127.0.0.1:18091/verdict/42";

/// A store on a directory, and its figures.
pub struct Log {
    pub store: LogStore,
    pub metrics: Metrics,
    next_destination: std::cell::Cell<u64>,
}

impl Log {
    /// Opens the log with the daemon's defaults, but for what `adjust` changes.
    pub fn open(path: &Path, adjust: impl FnOnce(&mut SledOptions, &mut Policy)) -> Log {
        let mut options = SledOptions::at(path);
        options.disk_reserve_octets = 0;
        let mut policy = Policy::default();
        adjust(&mut options, &mut policy);
        let metrics = Metrics::new();
        let open_options = OpenOptions {
            policy,
            metrics: metrics.store.clone(),
        };
        let store = LogStore::open(move || SledJournal::open(&options), open_options);
        Log {
            store: store.expect("the log opens"),
            metrics,
            next_destination: 1_000_000_000.into(),
        }
    }

    pub async fn close(self) {
        self.store.close().await.expect("the log closes");
    }

    /// Commits so far, and octets of entries in them.
    pub fn commits(&self) -> (u64, u64) {
        let store: &Arc<_> = &self.metrics.store;
        (
            store.commit_seconds.get_sample_count(),
            store.commit_octets.get(),
        )
    }

    /// From acceptance to the callback's delivery, for so many messages.
    pub async fn whole_life(&self, gateway: GatewayId, messages: usize) {
        let ids = self.submit(gateway, messages).await;
        self.receipts(gateway, &ids).await;
        self.callbacks(messages).await;
    }

    /// Accepted, leased and submitted: open until a receipt comes.
    pub async fn submit(&self, gateway: GatewayId, messages: usize) -> Vec<MessageId> {
        let accepted = self.accept(gateway, messages).await;
        let mut left = messages;
        while left > 0 {
            let leases = self.store.lease(gateway, left).await.expect("a lease");
            left -= leases.len();
            let responses = leases.iter().map(|l| Response {
                message: l.message,
                segment: 1,
                outcome: Outcome::Submitted {
                    upstream_id: Some(upstream_id(l.message)),
                    answer: None,
                },
            });
            self.store.responded(responses.collect());
        }
        accepted
    }

    /// Accepted, and queued.
    pub async fn accept(&self, gateway: GatewayId, messages: usize) -> Vec<MessageId> {
        let tickets: Vec<_> = (0..messages)
            .map(|_| self.store.accept(self.next_message(gateway)))
            .collect();
        let mut ids = Vec::with_capacity(messages);
        for ticket in tickets {
            match ticket.await.expect("an answer") {
                Acceptance::Accepted { id, .. } => ids.push(id),
                other => panic!("not accepted: {other:?}"),
            }
        }
        ids
    }

    /// A receipt for each: delivered.
    pub async fn receipts(&self, gateway: GatewayId, ids: &[MessageId]) {
        let inbound = ids.iter().map(|id| receipt(gateway, *id)).collect();
        let findings = self.store.inbound(inbound).await.expect("findings");
        for finding in findings {
            assert!(matches!(finding, Finding::Applied { .. }), "{finding:?}");
        }
    }

    /// So many callbacks are leased and delivered.
    pub async fn callbacks(&self, callbacks: usize) {
        let mut left = callbacks;
        while left > 0 {
            let leases = self.store.lease_callbacks(left).await.expect("callbacks");
            left -= leases.len();
            let done = leases
                .iter()
                .map(|l| (l.id, CallbackOutcome::Delivered { status: 200 }));
            self.store.callbacks_done(done.collect());
        }
    }

    fn next_message(&self, gateway: GatewayId) -> NewMessage {
        let number = self.next_destination.get();
        self.next_destination.set(number + 1);
        new_message(gateway, number)
    }
}

/// Makes what so many messages bring with them, and nothing else: not the log's cost.
pub fn make_only(messages: u64) {
    for number in 0..messages {
        let brought = (
            new_message(GatewayId(1), number),
            upstream_id(MessageId(number)),
            receipt(GatewayId(1), MessageId(number)),
        );
        drop(std::hint::black_box(brought));
    }
}

fn new_message(gateway: GatewayId, number: u64) -> NewMessage {
    NewMessage {
        head: Head {
            gateway,
            family: Family::Gateways,
            destination: format!("+49{number}"),
            source: SOURCE.into(),
            tenant_id: None,
            callback_url: Some(CALLBACK_URL.into()),
            forwards: true,
            receipts: None,
            segments: 1,
            unicode: false,
            traffic_class: TrafficClass::A2p,
            reference: 7,
            expires_at: Timestamp(4_000_000_000_000_000),
            not_before: None,
            others: None,
        },
        text: TEXT.into(),
        key: None,
        wait: false,
    }
}

fn upstream_id(id: MessageId) -> String {
    format!("{:016x}", id.0)
}

fn receipt(gateway: GatewayId, id: MessageId) -> Inbound {
    Inbound::Receipt(Box::new(Evidence {
        gateway,
        ids: vec![upstream_id(id)],
        id_rule: IdRule::Same,
        state: Some(State::Delivered),
        report: Report::Smpp(SmppReport {
            id: upstream_id(id),
            stat: "DELIVRD".into(),
            err: Some("000".into()),
            sub: Some(1),
            dlvrd: Some(1),
            submit_date: Some("2611250710".into()),
            done_date: Some("2611250711".into()),
            text: Some(TEXT[..20].into()),
            message_state: Some(2),
            source_addr: "491000000000".into(),
        })
        .into(),
        verbatim: false,
        always_delivered_at: false,
        if_unmatched: Unmatched::Keep,
    }))
}

/// Octets that came in for one message: what a client sent, what the upstream answered, and its
/// receipt's addresses and text; and the number we gave it.
pub fn payload_octets() -> u64 {
    let id = upstream_id(MessageId(0)).len();
    let request = TEXT.len() + SOURCE.len() + "+491000000000".len() + CALLBACK_URL.len();
    let receipt_text = format!(
        "id:{:016x} sub:001 dlvrd:001 submit date:2611250710 done date:2611250711 stat:DELIVRD err:000 text:{}",
        0,
        &TEXT[..20]
    );
    let receipt = receipt_text.len() + SOURCE.len() + "491000000000".len();
    (request + id + receipt + size_of::<MessageId>()) as u64
}
