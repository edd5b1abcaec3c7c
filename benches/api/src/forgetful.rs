//! A store that takes everything at once and keeps nothing: what is left is the API.
//!
//! What the API sends by is answered here. The rest, gateways and use cases before all, is that
//! of a real log in memory.

use smpp_bridge::message::*;
use smpp_bridge::store::*;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{oneshot, watch};

/// Ids have as many digits from the first to the last, so that answers have as many octets.
const FIRST_ID: u64 = 1_000_000_000;

#[derive(Debug)]
pub struct Forgetful {
    log: LogStore,
    next_id: AtomicU64,
    /// Of a message that was submitted, from its acceptance on.
    entries: Vec<Entry>,
    accepted_at: Timestamp,
}

impl Forgetful {
    /// Sends one message through `gateway`, and answers for any with what became of it.
    pub async fn new(log: LogStore, gateway: GatewayId) -> Forgetful {
        let new = NewMessage {
            head: Head {
                gateway,
                family: Family::Gateways,
                destination: "+491512345678".into(),
                source: "12345".into(),
                tenant_id: Some(42),
                callback_url: None,
                forwards: false,
                receipts: None,
                segments: 1,
                unicode: false,
                traffic_class: TrafficClass::A2p,
                reference: 0,
                expires_at: Timestamp(4_000_000_000_000_000),
                not_before: None,
                others: None,
            },
            text: crate::case::TEXT.into(),
            key: None,
            wait: false,
        };
        let accepted = log.accept(new).await.expect("an answer");
        let Acceptance::Accepted { id, at, .. } = accepted else {
            panic!("not accepted: {accepted:?}");
        };
        let leases = log.lease(gateway, 1).await.expect("a lease");
        let outcome = Outcome::Submitted {
            upstream_id: Some("0123456789abcdef".into()),
            answer: None,
        };
        let responses = leases.iter().map(|lease| Response {
            message: lease.message,
            segment: 1,
            outcome: outcome.clone(),
        });
        log.responded(responses.collect());
        let entries = log.entries(id).await.expect("its entries");
        Forgetful {
            log,
            next_id: FIRST_ID.into(),
            entries,
            accepted_at: at,
        }
    }
}

fn at_once<T>(answer: T) -> Ticket<T> {
    let (to, ticket) = Ticket::new();
    let _ = to.send(Ok(answer));
    ticket
}

impl Store for Forgetful {
    fn accept(&self, new: NewMessage) -> Ticket<Acceptance> {
        let settled = new.wait.then(|| {
            let (to, settled) = oneshot::channel();
            // Without the acceptance itself, as the log answers.
            let _ = to.send(self.entries[1..].to_vec());
            settled
        });
        at_once(Acceptance::Accepted {
            id: MessageId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            at: self.accepted_at,
            settled,
        })
    }

    fn inbound(&self, inbound: Vec<Inbound>) -> Ticket<Vec<Finding>> {
        let finding = |one: &Inbound| match one {
            Inbound::Receipt(_) => Finding::Applied {
                message: MessageId(FIRST_ID),
                state: State::Delivered,
            },
            Inbound::Mo(_) => Finding::Mo {
                id: MessageId(FIRST_ID),
            },
        };
        at_once(inbound.iter().map(finding).collect())
    }

    fn key(&self, _: IdempotencyKey) -> Ticket<KeyState> {
        at_once(KeyState::Unused)
    }

    fn answer_key(&self, _: IdempotencyKey, _: u16, _: String) -> Ticket<()> {
        at_once(())
    }

    fn entries(&self, _: MessageId) -> Ticket<Vec<Entry>> {
        at_once(self.entries.clone())
    }

    /// A full page, and more to come.
    fn list(&self, filter: Filter) -> Ticket<Listing> {
        let story = Story::of(&self.entries).expect("a story");
        at_once(Listing {
            stories: vec![story; filter.limit],
            next: Some(Cursor {
                carried: false,
                frame: FIRST_ID,
                passed: 1,
            }),
        })
    }

    fn objection(&self, new: NewMessage) -> Ticket<Option<Acceptance>> {
        self.log.objection(new)
    }

    fn lease(&self, gateway: GatewayId, room: usize) -> Ticket<Vec<Lease>> {
        self.log.lease(gateway, room)
    }

    fn withdraw_leases(&self, gateway: GatewayId) {
        self.log.withdraw_leases(gateway);
    }

    fn release(&self, segments: Vec<(MessageId, Vec<u8>)>) {
        self.log.release(segments);
    }

    fn responded(&self, responses: Vec<Response>) {
        self.log.responded(responses);
    }

    fn reroute(&self, standings: Standings) -> Ticket<usize> {
        self.log.reroute(standings)
    }

    fn resolve_in_doubt(&self, gateway: GatewayId, policy: OnUnknown) -> Ticket<usize> {
        self.log.resolve_in_doubt(gateway, policy)
    }

    fn lease_callbacks(&self, most: usize) -> Ticket<Vec<CallbackLease>> {
        self.log.lease_callbacks(most)
    }

    fn callbacks_done(&self, outcomes: Vec<(CallbackId, CallbackOutcome)>) {
        self.log.callbacks_done(outcomes);
    }

    fn redeliver(&self, message: MessageId) -> Ticket<bool> {
        self.log.redeliver(message)
    }

    fn cancel(&self, message: MessageId) -> Ticket<bool> {
        self.log.cancel(message)
    }

    fn put_gateway(&self, gateway: Gateway) -> Ticket<Gateway> {
        self.log.put_gateway(gateway)
    }

    fn gateways(&self) -> watch::Receiver<Gateways> {
        self.log.gateways()
    }

    fn any_gateway(&self, id: GatewayId) -> Ticket<Option<Gateway>> {
        self.log.any_gateway(id)
    }

    fn put_use_case(&self, use_case: UseCase) -> Ticket<UseCase> {
        self.log.put_use_case(use_case)
    }

    fn use_cases(&self) -> watch::Receiver<UseCases> {
        self.log.use_cases()
    }

    fn set_opt_out(&self, use_case: u128, number: u64, out: bool) -> Ticket<()> {
        self.log.set_opt_out(use_case, number, out)
    }

    fn opt_outs(&self, use_case: u128) -> Ticket<Vec<u64>> {
        self.log.opt_outs(use_case)
    }

    fn deleted_gateways(&self) -> Ticket<Vec<Gateway>> {
        self.log.deleted_gateways()
    }

    fn counts(&self, gateway: GatewayId) -> Ticket<Counts> {
        self.log.counts(gateway)
    }

    fn orphans_before(&self, before: OrphanId, most: usize) -> Ticket<Vec<OrphanView>> {
        self.log.orphans_before(before, most)
    }

    fn in_doubt(&self, most: usize) -> Ticket<Vec<InDoubt>> {
        self.log.in_doubt(most)
    }

    fn log_page(&self, from: u64, frames: u64) -> Ticket<LogPage> {
        self.log.log_page(from, frames)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.log.health()
    }

    fn close(&self) -> Ticket<()> {
        self.log.close()
    }
}
