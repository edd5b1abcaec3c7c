//! What an upstream sent: decides whether it is a receipt or a message, and for whom.
//!
//! Pure but for the configuration it holds; the caller passes the result to the store
//! and answers the upstream only when that is durable.

mod mo;
pub mod receipt;

pub use mo::WholeMo;

use crate::config::Config;
use crate::config::gateway::SmppSettings;
use crate::message::{Gateway, Report};
use crate::metrics::{GatewayMetrics, label};
use crate::store::{Evidence, Finding, Inbound, Unmatched};
use smpp_protocol::pdu::{DataSm, DeliverSm};
use smpp_protocol::receipt::{Kind, Receipt, classify};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Decides for all gateways.
#[derive(Clone, Debug)]
pub struct Judge {
    config: Arc<Config>,
    metrics: Arc<GatewayMetrics>,
    connections: Arc<AtomicU64>,
}

impl Judge {
    pub fn new(config: Arc<Config>, metrics: Arc<GatewayMetrics>) -> Judge {
        Judge {
            config,
            metrics,
            connections: Arc::default(),
        }
    }

    /// A number for a connection that brings messages, which no other has.
    pub fn new_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What a `deliver_sm` on this connection is.
    pub fn deliver_sm(
        &self,
        gateway: &Gateway,
        settings: &SmppSettings,
        pdu: &DeliverSm,
        connection: u64,
    ) -> Inbound {
        let kind = classify(pdu);
        let message = || Box::new(mo::record(&self.config, gateway, settings, pdu, connection));
        if kind == Kind::Message {
            return Inbound::Mo(message());
        }
        let receipt = Receipt::from_pdu(pdu);
        let if_unmatched = match kind {
            Kind::Receipt | Kind::Intermediate => Unmatched::Keep,
            // A person can type what a receipt says.
            Kind::MaybeReceipt(_) | Kind::Message => Unmatched::IsMessage(message()),
        };
        let intermediate = kind == Kind::Intermediate;
        let source = pdu.source_addr.to_str().into_owned();
        Inbound::Receipt(Box::new(self.evidence(
            gateway,
            settings,
            receipt,
            intermediate,
            source,
            if_unmatched,
        )))
    }

    /// What a `data_sm` is: the same, by the fields that it shares with a `deliver_sm`.
    pub fn data_sm(
        &self,
        gateway: &Gateway,
        settings: &SmppSettings,
        pdu: DataSm,
        connection: u64,
    ) -> Inbound {
        let same = DeliverSm {
            service_type: pdu.service_type,
            source_addr_ton: pdu.source_addr_ton,
            source_addr_npi: pdu.source_addr_npi,
            source_addr: pdu.source_addr,
            dest_addr_ton: pdu.dest_addr_ton,
            dest_addr_npi: pdu.dest_addr_npi,
            destination_addr: pdu.destination_addr,
            esm_class: pdu.esm_class,
            registered_delivery: pdu.registered_delivery,
            data_coding: pdu.data_coding,
            tlvs: pdu.tlvs,
            ..DeliverSm::default()
        };
        self.deliver_sm(gateway, settings, &same, connection)
    }

    /// A message that an HTTP upstream brought.
    pub fn message(&self, gateway: &Gateway, mo: WholeMo) -> Inbound {
        Inbound::Mo(Box::new(mo::whole(&self.config, gateway, mo)))
    }

    fn evidence(
        &self,
        gateway: &Gateway,
        settings: &SmppSettings,
        receipt: Receipt,
        intermediate: bool,
        source_addr: String,
        if_unmatched: Unmatched,
    ) -> Evidence {
        let unknown_is_final = self.config.receipts.unknown_is_final;
        let state = receipt::state_of(&receipt, intermediate, unknown_is_final);
        let named = state.map_or("other", |s| s.name());
        self.metrics
            .receipts
            .with_label_values(&[label(gateway.id).as_str(), named])
            .inc();
        let ids: Vec<String> = receipt.ids().map(|id| id.to_str().into_owned()).collect();
        Evidence {
            gateway: gateway.id,
            id_rule: receipt::id_rule(settings.receipt_id),
            state,
            report: Report::Smpp(receipt::report(&receipt, &ids, source_addr)).into(),
            ids,
            verbatim: false,
            always_delivered_at: false,
            if_unmatched,
        }
    }

    /// Counts what the store made of it.
    pub fn count(&self, gateway: &Gateway, found: &[Finding]) {
        let name = label(gateway.id);
        for one in found {
            match one {
                Finding::Orphan => self
                    .metrics
                    .orphans
                    .with_label_values(&[name.as_str()])
                    .inc(),
                Finding::Mo { .. } => self
                    .metrics
                    .mo
                    .with_label_values(&[name.as_str(), "whole"])
                    .inc(),
                Finding::MoSegment => self
                    .metrics
                    .mo
                    .with_label_values(&[name.as_str(), "segment"])
                    .inc(),
                Finding::Applied { .. } | Finding::Duplicate { .. } | Finding::Ignored { .. } => {}
            }
        }
    }
}
