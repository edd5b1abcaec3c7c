//! Watches the gateways of routes: what waits for one that is down goes to another that is up.
//!
//! The task owns how long each gateway has been down; which message may leave and where to, the
//! store decides. Without routes there is no task.

use super::Context;
use crate::message::GatewayId;
use crate::route::Standing;
use crate::shutdown::Shutdown;
use crate::store::Standings;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How often it looks: a small part of the shortest patience that makes sense.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(context: Context, shutdown: Shutdown) {
    if context.config.routes.is_empty() {
        return;
    }
    let mut watch = Watch::default();
    let mut changes = context.board.changes();
    loop {
        // Each branch only takes a notice; how the gateways stand is read from the source.
        tokio::select! {
            () = shutdown.drain.cancelled() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Some(standings) = watch.look(&context, Instant::now()) {
            give(&context, standings).await;
        }
    }
}

/// Tells the store, until it has nothing left to move.
async fn give(context: &Context, standings: Standings) {
    loop {
        match context.store.reroute(standings.clone()).await {
            Ok(0) => return,
            Ok(messages) => info!(
                messages,
                "waiting messages went to other gateways of their routes"
            ),
            Err(e) => return warn!(error = %e, "waiting messages could not be rerouted"),
        }
    }
}

#[derive(Debug, Default)]
struct Watch {
    /// Whom a route has named since the start: messages keep a gateway that is renamed.
    routed: BTreeSet<GatewayId>,
    down_since: BTreeMap<GatewayId, Instant>,
    up: Vec<GatewayId>,
}

impl Watch {
    /// How the gateways of routes stand; `None`: nothing that the store does not know.
    fn look(&mut self, context: &Context, now: Instant) -> Option<Standings> {
        let routed = context.config.routes.iter().flat_map(|r| &r.rules);
        let names: BTreeSet<&str> = routed.flat_map(|rule| rule.gateways()).collect();
        let gateways = context.store.gateways().borrow().clone();
        let named = gateways
            .values()
            .filter(|g| names.contains(g.name.as_str()));
        self.routed.extend(named.map(|g| g.id));
        let routed = self.routed.iter().filter_map(|id| gateways.get(id));
        let mut up = Vec::new();
        let mut down = BTreeMap::new();
        for gateway in routed {
            let status = context.board.of(gateway.id);
            match Standing::of(Some(gateway), status.as_ref()) {
                Standing::Up => up.push(gateway.id),
                _ => {
                    let since = self.down_since.get(&gateway.id).copied();
                    down.insert(gateway.id, since.unwrap_or(now));
                }
            }
        }
        let is_news = self.up != up || !down.is_empty() && !up.is_empty();
        self.up.clone_from(&up);
        self.down_since = down;
        let down = self.down_since.iter();
        is_news.then(|| Standings {
            up,
            down: down.map(|(id, since)| (*id, now - *since)).collect(),
        })
    }
}
