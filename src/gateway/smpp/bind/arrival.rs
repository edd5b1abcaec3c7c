//! The bind's way in: what the upstream asks goes to the store, and is answered when it
//! is there.

use super::{Arrived, Bind};
use crate::store::{Finding, StoreError};
use smpp_protocol::command::CommandStatus;
use smpp_protocol::pdu::{Body, MessageResp, Pdu};
use tracing::debug;

impl Bind<'_> {
    /// A request of the upstream: goes to the store, and is answered when it is there.
    pub(super) fn arrive(&mut self, pdu: Pdu) {
        let gateway = self.account.gateway.borrow().clone();
        let judge = &self.account.context.judge;
        let settings = &self.account.settings.smpp;
        let sequence = pdu.sequence_number;
        match pdu.body {
            Body::DeliverSm(sm) => {
                let inbound = judge.deliver_sm(&gateway, settings, &sm, self.connection);
                self.arrived.push((
                    Arrived {
                        sequence,
                        is_data_sm: false,
                    },
                    inbound,
                ));
            }
            Body::DataSm(sm) => {
                let inbound = judge.data_sm(&gateway, settings, sm, self.connection);
                self.arrived.push((
                    Arrived {
                        sequence,
                        is_data_sm: true,
                    },
                    inbound,
                ));
            }
            Body::AlertNotification(_) => {
                debug!(gateway = %self.id(), "a handset is reachable again")
            }
            other => {
                debug!(gateway = %self.id(), command = ?other.command_id(), "not handled here")
            }
        }
    }

    /// Hands over what was gathered: one call for each kind.
    pub(super) fn tell_store(&mut self) {
        let store = &self.account.context.store;
        if !self.responses.is_empty() {
            store.responded(std::mem::take(&mut self.responses));
        }
        if !self.arrived.is_empty() {
            let (arrived, inbound): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.arrived).into_iter().unzip();
            self.inbound_open += arrived.len();
            self.inbound.push_back((store.inbound(inbound), arrived));
        }
    }

    /// Answers the oldest batch: it is durable, or the store said why not.
    pub(super) fn answer_arrived(&mut self, findings: Result<Vec<Finding>, StoreError>) {
        let Some((_, arrived)) = self.inbound.pop_front() else {
            return;
        };
        self.inbound_open -= arrived.len();
        let status = match &findings {
            Ok(found) => {
                let gateway = self.account.gateway.borrow();
                self.account.context.judge.count(&gateway, found);
                CommandStatus::ESME_ROK
            }
            // The upstream keeps it and tries again.
            Err(_) => CommandStatus::ESME_RX_T_APPN,
        };
        for one in arrived {
            let body = match one.is_data_sm {
                false => Body::DeliverSmResp(MessageResp::default()),
                true => Body::DataSmResp(MessageResp::default()),
            };
            self.session.respond(one.sequence, body, status);
        }
    }
}
