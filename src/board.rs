//! The live state of every gateway, written by its task and read by whoever asks.

use crate::message::{GatewayId, GatewayStatus};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by clone.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<GatewayId, GatewayStatus>>>);

impl Board {
    pub fn set(&self, gateway: GatewayId, status: GatewayStatus) {
        self.lock().insert(gateway, status);
    }

    pub fn clear(&self, gateway: GatewayId) {
        self.lock().remove(&gateway);
    }

    pub fn of(&self, gateway: GatewayId) -> Option<GatewayStatus> {
        self.lock().get(&gateway).cloned()
    }

    pub fn all(&self) -> BTreeMap<GatewayId, GatewayStatus> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GatewayId, GatewayStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
