//! The upstream side: one supervised task for each configured gateway.
//!
//! The supervisor follows the gateways in the store. A change that the wire would
//! notice ends a gateway's binds, answers awaited, and begins them anew; any other
//! change is passed on to the running task.

mod failover;
mod http;
mod smpp;

use crate::board::Board;
use crate::config::Config;
use crate::inbound::Judge;
use crate::message::{Gateway, GatewayId, OnUnknown, Timestamp, Transport};
use crate::metrics::GatewayMetrics;
use crate::shutdown::Shutdown;
use crate::store::{Gateways, Store, StoreError, Ticket};
use crate::tls::Trust;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// What every gateway's task works with.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub config: Arc<Config>,
    pub metrics: Arc<GatewayMetrics>,
    pub board: Board,
    pub judge: Judge,
    /// Whose certificates are believed.
    pub trust: Arc<Trust>,
    /// In front of our own paths, for the URLs that HTTP upstreams report to; without a slash
    /// at its end.
    pub base_url: String,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("gateway::Context").finish_non_exhaustive()
    }
}

impl Context {
    /// Decides what was in flight when the bridge last stopped. False: stopping.
    async fn resolve_in_doubt(
        &self,
        id: GatewayId,
        policy: OnUnknown,
        shutdown: &Shutdown,
    ) -> bool {
        loop {
            match self.store.resolve_in_doubt(id, policy).await {
                Ok(0) => return true,
                Ok(messages) => {
                    info!(gateway = %id, messages, ?policy, "messages were in flight at the last stop; decided by policy");
                    return true;
                }
                Err(e) => warn!(gateway = %id, error = %e, "the log is not ready"),
            }
            tokio::select! {
                () = shutdown.drain.cancelled() => return false,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

/// The ticket's answer; never, without a ticket.
async fn answer_of<T: Unpin>(ticket: &mut Option<Ticket<T>>) -> Result<T, StoreError> {
    match ticket {
        Some(ticket) => ticket.await,
        None => std::future::pending().await,
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}

/// A running gateway.
struct Running {
    gateway: watch::Sender<Arc<Gateway>>,
    shutdown: Shutdown,
}

/// Runs all gateways until shutdown; returns when every bind is closed.
pub async fn run(context: Context, shutdown: Shutdown) {
    let failover = tokio::spawn(failover::run(context.clone(), shutdown.clone()));
    let mut gateways = context.store.gateways();
    let mut supervisor = Supervisor {
        context,
        shutdown: shutdown.clone(),
        running: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let now = gateways.borrow_and_update().clone();
    supervisor.follow(&now);
    loop {
        // Each branch only takes a notice; what it means is read from the source.
        tokio::select! {
            biased;
            () = shutdown.drain.cancelled() => break,
            changed = gateways.changed() => {
                if changed.is_err() {
                    break;
                }
                let now = gateways.borrow_and_update().clone();
                supervisor.follow(&now);
            }
            Some(ended) = supervisor.tasks.join_next(), if !supervisor.tasks.is_empty() => {
                let now = gateways.borrow().clone();
                supervisor.ended(ended, &now);
            }
        }
    }
    supervisor.stop_all().await;
    if let Err(e) = failover.await {
        error!(error = %e, "the watch over routes failed");
    }
}

struct Supervisor {
    context: Context,
    shutdown: Shutdown,
    running: HashMap<GatewayId, Running>,
    /// Tasks give back whose they were.
    tasks: JoinSet<GatewayId>,
}

impl Supervisor {
    fn follow(&mut self, gateways: &Gateways) {
        for (id, gateway) in gateways.iter() {
            match self.running.get(id) {
                None => self.start(gateway),
                Some(r) if r.gateway.borrow().binds_differently(gateway) => {
                    info!(gateway = %id, name = %gateway.name, "the gateway's link has changed: it begins anew");
                    r.shutdown.drain.cancel();
                }
                Some(r) => {
                    let new = Arc::new(gateway.clone());
                    r.gateway.send_if_modified(|old| {
                        let differs = **old != *new;
                        *old = new;
                        differs
                    });
                }
            }
        }
        for (id, r) in &self.running {
            if !gateways.contains_key(id) {
                r.shutdown.drain.cancel();
            }
        }
    }

    fn start(&mut self, gateway: &Gateway) {
        let id = gateway.id;
        let shutdown = Shutdown {
            drain: self.shutdown.drain.child_token(),
            stop: self.shutdown.stop.child_token(),
        };
        let (sender, receiver) = watch::channel(Arc::new(gateway.clone()));
        let context = self.context.clone();
        let stops = shutdown.clone();
        let is_smpp = gateway.transport() == Transport::Smpp;
        self.tasks.spawn(async move {
            match is_smpp {
                true => smpp::run(context, receiver, stops).await,
                false => http::run(context, receiver, stops).await,
            }
            id
        });
        self.running.insert(
            id,
            Running {
                gateway: sender,
                shutdown,
            },
        );
    }

    /// A task has ended: because its link changed, or it is gone, or by a fault of ours.
    fn ended(&mut self, ended: Result<GatewayId, tokio::task::JoinError>, gateways: &Gateways) {
        match ended {
            Ok(id) => {
                self.running.remove(&id);
                self.context.board.clear(id);
                self.context.metrics.forget(id);
                if let Some(gateway) = gateways.get(&id)
                    && !self.shutdown.drain.is_cancelled()
                {
                    self.start(gateway);
                }
            }
            Err(e) => {
                error!(error = %e, "a gateway's task failed; it is started anew");
                // Which one it was shows in who no longer listens.
                self.running.retain(|_, r| r.gateway.receiver_count() > 0);
                self.follow(gateways);
            }
        }
    }

    async fn stop_all(&mut self) {
        for r in self.running.values() {
            r.shutdown.drain.cancel();
        }
        while self.tasks.join_next().await.is_some() {}
    }
}
