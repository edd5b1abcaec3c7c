//! What is kept whole, each version in place of the one before: gateways, use cases, and the
//! numbers that must not start again.
//!
//! A deleted gateway stays, since messages name it; no number is given twice.

use super::Ledger;
use crate::message::{DocumentKind, Event, Gateway, GatewayId, MessageId};
use crate::store::Gateways;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers that must not start again; kept as a document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) last_gateway: u32,
    pub(super) last_orphan: u64,
    pub(super) last_id: u64,
    pub(super) messages: BTreeMap<u32, u64>,
}

impl Ledger {
    /// The gateways, if they have changed since the last call.
    pub(in crate::store) fn take_gateways(&mut self) -> Option<Gateways> {
        std::mem::take(&mut self.gateways_changed).then(|| self.live_gateways())
    }

    pub(in crate::store) fn live_gateways(&self) -> Gateways {
        let live = self.gateways.iter().filter(|(_, g)| !g.deleted);
        Arc::new(live.map(|(id, g)| (*id, g.clone())).collect())
    }

    pub(in crate::store) fn deleted_gateways(&self) -> Vec<Gateway> {
        let deleted = self.gateways.values().filter(|g| g.deleted);
        deleted.cloned().collect()
    }

    pub(super) fn apply_document(&mut self, kind: DocumentKind, id: u64, body: Option<&str>) {
        match kind {
            DocumentKind::Gateway => {
                let Some(gateway) = body.and_then(|b| serde_json::from_str::<Gateway>(b).ok())
                else {
                    return;
                };
                self.counters.last_gateway = self.counters.last_gateway.max(gateway.id.0);
                self.gateways.insert(gateway.id, gateway);
                self.gateways_changed = true;
            }
            DocumentKind::UseCase => self.use_cases.put(body),
            DocumentKind::Counters => {
                debug_assert_eq!(id, 0, "there is one document of counters");
                if let Some(c) = body.and_then(|b| serde_json::from_str::<Counters>(b).ok()) {
                    self.last_id = self.last_id.max(MessageId(c.last_id));
                    self.counters = c;
                }
            }
        }
    }

    pub(in crate::store) fn put_gateway(&mut self, mut gateway: Gateway) -> Gateway {
        if gateway.id.0 == 0 {
            gateway.id = GatewayId(self.counters.last_gateway + 1);
            gateway.created_at = self.now;
        }
        gateway.updated_at = self.now;
        let body = serde_json::to_string(&gateway).expect("a gateway is plain data");
        let id = u64::from(gateway.id.0);
        self.record(
            MessageId::NONE,
            Event::Document {
                kind: DocumentKind::Gateway,
                id,
                body: Some(body),
            },
        );
        gateway
    }

    pub(in crate::store) fn gateway(&self, id: GatewayId) -> Option<&Gateway> {
        self.gateways.get(&id)
    }
}
