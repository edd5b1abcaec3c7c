//! The live state of every gateway, written by its task and read by whoever asks.

use crate::message::{GatewayId, GatewayStatus};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Shared by clone.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    states: Mutex<BTreeMap<GatewayId, GatewayStatus>>,
    changes: watch::Sender<()>,
}

impl Board {
    pub fn set(&self, gateway: GatewayId, status: GatewayStatus) {
        self.lock().insert(gateway, status);
        self.0.changes.send_replace(());
    }

    pub fn clear(&self, gateway: GatewayId) {
        self.lock().remove(&gateway);
        self.0.changes.send_replace(());
    }

    /// Tells that something has changed, not what.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    pub fn of(&self, gateway: GatewayId) -> Option<GatewayStatus> {
        self.lock().get(&gateway).cloned()
    }

    pub fn all(&self) -> BTreeMap<GatewayId, GatewayStatus> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GatewayId, GatewayStatus>> {
        self.0.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
