//! The bind's way out: leased messages become submits while there is room.

use super::super::ended::Ended;
use super::{Bind, STORE_PAUSE, Sent, WRITE_OCTETS_MAX};
use crate::message::{Disposition, MessageId};
use crate::outbound::submit;
use crate::store::{Lease, Outcome, Response, StoreError};
use smpp_protocol::session::State;
use std::time::Instant;
use tracing::debug;

impl Bind<'_> {
    /// Writes leased segments while the window has room, and asks for more.
    /// A receiver has no part in it.
    pub(super) fn pump(&mut self, now: Instant) {
        if !self.bind_as.submits() {
            return;
        }
        while self.session.room() > 0 && self.session.transmit().len() < WRITE_OCTETS_MAX {
            let Some((sent, body)) = self.leased.pop_front() else {
                break;
            };
            match self.session.request(body, sent, now) {
                Ok(_) => self.account.metrics.submits.inc(),
                Err(_) => {
                    debug_assert!(false, "there was room");
                    self.account
                        .context
                        .store
                        .release(vec![(sent.message, vec![sent.segment])]);
                }
            }
        }
        self.window_used.set(self.session.outstanding());
        let may_ask = self.lease.is_none()
            && self.leased.is_empty()
            && !self.draining
            && self.ended.is_none()
            && self.lease_after.is_none_or(|at| now >= at)
            && self.account.gateway.borrow().is_active;
        if !may_ask {
            return;
        }
        self.lease_after = None;
        let room = self.session.room().min(self.account.pacer().allowance(now));
        if room > 0 {
            self.lease = Some(self.account.context.store.lease(self.id(), room));
        }
    }

    pub(super) fn handle_leases(&mut self, leases: Result<Vec<Lease>, StoreError>, now: Instant) {
        self.lease = None;
        let leases = match leases {
            Ok(leases) if self.draining || !self.account.gateway.borrow().is_active => {
                return self.give_back(leases);
            }
            Ok(leases) => leases,
            Err(e) => {
                debug!(gateway = %self.id(), error = %e, "no work from the log");
                self.lease_after = Some(now + STORE_PAUSE);
                return;
            }
        };
        for lease in leases {
            match submit::bodies(&lease, &self.account.settings.smpp) {
                Ok(bodies) => {
                    self.account.pacer().spend(bodies.len());
                    let message = lease.message;
                    self.leased.extend(
                        bodies
                            .into_iter()
                            .map(|(segment, body)| (Sent { message, segment }, body)),
                    );
                }
                Err(e) => self.refuse(&lease, &e),
            }
        }
    }

    fn refuse(&mut self, lease: &Lease, reason: &str) {
        let refused = |segment: &u8| Response {
            message: lease.message,
            segment: *segment,
            outcome: Outcome::Refused {
                disposition: Disposition::Refused,
                // It cannot be written for any upstream.
                class: None,
                status: None,
                reason: reason.to_owned(),
                answer: None,
            },
        };
        self.account
            .context
            .store
            .responded(lease.segments.iter().map(refused).collect());
    }

    /// No new work; what is out is waited for, then the session is unbound.
    pub(super) fn begin_drain(&mut self) {
        self.draining = true;
        self.withdraw_lease();
        self.release_unsent();
        if matches!(self.session.state(), State::Bound(_)) {
            self.begin_unbind(Instant::now());
        } else {
            self.ended.get_or_insert(Ended::Drained);
        }
    }

    pub(super) fn begin_unbind(&mut self, now: Instant) {
        if self.session.outstanding() == 0 && self.inbound.is_empty() && self.lease.is_none() {
            self.session.unbind(now);
        }
    }

    /// Asks for no more work. The answer still comes, and may have some.
    pub(super) fn withdraw_lease(&self) {
        if self.lease.is_some() {
            self.account.context.store.withdraw_leases(self.id());
        }
    }

    pub(super) fn give_back(&self, leases: Vec<Lease>) {
        if !leases.is_empty() {
            let segments = leases
                .into_iter()
                .map(|l| (l.message, l.segments))
                .collect();
            self.account.context.store.release(segments);
        }
    }

    pub(super) fn release_unsent(&mut self) {
        let mut unsent: Vec<(MessageId, Vec<u8>)> = Vec::new();
        for (sent, _) in self.leased.drain(..) {
            match unsent.last_mut() {
                Some((message, segments)) if *message == sent.message => {
                    segments.push(sent.segment)
                }
                _ => unsent.push((sent.message, vec![sent.segment])),
            }
        }
        if !unsent.is_empty() {
            self.account.context.store.release(unsent);
        }
    }
}
