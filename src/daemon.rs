//! The bridge in one process: builds everything in order, and takes it down in reverse.

use crate::admin;
use crate::api;
use crate::board::Board;
use crate::callback;
use crate::config::Config;
use crate::gateway;
use crate::inbound::Judge;
use crate::message::UseCaseStatus;
use crate::metrics::Metrics;
use crate::openapi::Operations;
use crate::shutdown::Shutdown;
use crate::store::sled::{SledJournal, SledOptions};
use crate::store::{LogStore, OpenOptions, Policy, Store, StoreError};
use crate::tls::{TlsError, Trust};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// A running bridge.
#[derive(Debug)]
pub struct Daemon {
    /// Where the API listens; of interest when the configured port is 0.
    pub api_address: SocketAddr,
    pub store: Arc<LogStore>,
    admission: watch::Sender<bool>,
    shutdown: Shutdown,
    grace: Duration,
    gateways: JoinHandle<()>,
    callbacks: JoinHandle<()>,
    callback_threads: callback::Threads,
    servers: Vec<JoinHandle<()>>,
}

/// Why the bridge does not start.
#[derive(Debug)]
pub enum StartError {
    /// The address that this key gives is taken, or not ours.
    Listen(&'static str, SocketAddr, std::io::Error),
    Store(StoreError),
    Tls(TlsError),
    /// The system gives no more threads.
    Threads(std::io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Listen(key, address, e) => {
                let way_out = match e.kind() {
                    ErrorKind::AddrInUse => "stop what listens there, or choose another port",
                    ErrorKind::PermissionDenied => "choose a port from 1024 on",
                    _ => "choose an address of this machine",
                };
                write!(f, "cannot listen on {address} ({key}): {e}; {way_out}")
            }
            StartError::Store(StoreError::Io(e)) => write!(f, "the log cannot be opened: {e}"),
            StartError::Store(e) => write!(f, "{e}"),
            StartError::Tls(e) => write!(f, "tls.ca_file: {e}"),
            StartError::Threads(e) => write!(
                f,
                "no threads for callbacks: {e}; raise the limit of tasks (TasksMax, ulimit -u)"
            ),
        }
    }
}

impl std::error::Error for StartError {}

impl Daemon {
    /// Listens first, so that a second start fails before it touches anything; then opens
    /// the log, starts the callbacks and the gateways, and serves.
    pub async fn start(config: Config) -> Result<Daemon, StartError> {
        let config = Arc::new(config);
        let (api_listener, api_address) = listen("http.listen", config.http.listen).await?;
        let admin_listener = match config.http.admin_listen {
            Some(address) => Some(listen("http.admin_listen", address).await?),
            None => None,
        };
        let metrics = Metrics::new();
        let trust = Arc::new(Trust::load(&config.tls).map_err(StartError::Tls)?);
        let store = Arc::new(open_store(&config, &metrics)?);
        put_use_cases(&config, store.as_ref())
            .await
            .map_err(StartError::Store)?;
        let board = Board::default();
        let shutdown = Shutdown::new();

        let base_url = config.http.base_url(api_address);
        let callbacks = callback::Engine {
            store: store.clone(),
            config: config.clone(),
            tls: trust.https().map_err(StartError::Tls)?,
            metrics: metrics.callback.clone(),
            grace: config.shutdown.grace / 2,
        };
        let callback_threads = callback::Threads::start().map_err(StartError::Threads)?;
        let callbacks = callback::run(callbacks, shutdown.drain.clone());
        let callbacks = callback_threads.spawn(callbacks);
        let judge = Judge::new(config.clone(), metrics.gateway.clone());
        let gateways = tokio::spawn(gateway::run(
            gateway::Context {
                store: store.clone(),
                config: config.clone(),
                metrics: metrics.gateway.clone(),
                board: board.clone(),
                judge: judge.clone(),
                trust,
                base_url: base_url.clone(),
            },
            shutdown.clone(),
        ));
        let (admission, admitted) = watch::channel(true);
        let (health, health_operations) = admin::router(admin::Context {
            store: store.clone(),
            metrics: metrics.clone(),
            board: board.clone(),
            admission: admitted.clone(),
        });
        let context = api::Context {
            store: store.clone(),
            config: config.clone(),
            metrics,
            board,
            judge,
            admission: admitted,
            base_url,
        };
        let timeout = config.limits.header_timeout;
        let serve = |listener, router| {
            tokio::spawn(api::serve(listener, router, timeout, shutdown.stop.clone()))
        };
        let servers = match admin_listener {
            Some((listener, address)) => {
                info!(listen = %address, "metrics and health are served");
                let api = api::router(context, Operations::default());
                vec![
                    serve(listener, admin::alone(health)),
                    serve(api_listener, api),
                ]
            }
            None => vec![serve(
                api_listener,
                api::router(context, health_operations).merge(health),
            )],
        };
        info!(listen = %api_address, "smpp-bridge serves");
        Ok(Daemon {
            api_address,
            store,
            admission,
            grace: config.shutdown.grace,
            shutdown,
            gateways,
            callbacks,
            callback_threads,
            servers,
        })
    }

    /// Refuses new sends, waits for the answers that are out, unbinds, closes the log.
    ///
    /// After the grace everything is let go; what was not answered is in doubt then, and
    /// decided at the next start.
    pub async fn stop(self) {
        info!(
            grace_s = self.grace.as_secs(),
            "stopping: no new sends, waiting for what is in flight"
        );
        self.admission.send_replace(false);
        self.shutdown.drain.cancel();
        let ended = async {
            log_failure("gateways", self.gateways.await);
            log_failure("callbacks", self.callbacks.await);
        };
        tokio::pin!(ended);
        if tokio::time::timeout(self.grace, &mut ended).await.is_err() {
            warn!("the grace is over; what is still in flight is decided at the next start");
            self.shutdown.stop.cancel();
            if tokio::time::timeout(LAST_WORDS, &mut ended).await.is_err() {
                error!("a task does not end; the process ends without it");
            }
        }
        self.shutdown.stop.cancel();
        for server in self.servers {
            if tokio::time::timeout(LAST_WORDS, server).await.is_err() {
                warn!("open HTTP connections are cut");
            }
        }
        if let Err(e) = self.store.close().await {
            error!(error = %e, "the log was not closed cleanly; nothing acknowledged is lost");
        }
        drop(self.callback_threads);
        info!("stopped");
    }
}

/// After the grace, time for each task to notice.
const LAST_WORDS: Duration = Duration::from_secs(2);

fn log_failure(name: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended {
        error!(task = name, error = %e, "a task failed");
    }
}

/// The listener, and the address it has got.
async fn listen(
    key: &'static str,
    wanted: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |e| StartError::Listen(key, wanted, e);
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Use cases of the configuration are put into the log where they differ from it; those that
/// have left the configuration are deleted.
async fn put_use_cases(config: &Config, store: &LogStore) -> Result<(), StoreError> {
    let known = store.use_cases().borrow().clone();
    for use_case in &config.use_cases {
        let same = known.get(&use_case.id).is_some_and(|k| {
            let mut k = k.clone();
            (k.created_at, k.updated_at) = (use_case.created_at, use_case.updated_at);
            k == *use_case
        });
        if !same {
            store.put_use_case(use_case.clone()).await?;
        }
    }
    let gone = known.values().filter(|k| {
        k.configured
            && k.status != UseCaseStatus::Deleted
            && !config.use_cases.iter().any(|u| u.id == k.id)
    });
    for use_case in gone {
        let status = UseCaseStatus::Deleted;
        let deleted = crate::message::UseCase {
            status,
            ..use_case.clone()
        };
        store.put_use_case(deleted).await?;
    }
    Ok(())
}

fn open_store(config: &Config, metrics: &Metrics) -> Result<LogStore, StartError> {
    let storage = &config.storage;
    let options = SledOptions {
        slice_octets_max: storage.slice_octets,
        slice_age_max: storage.slice_age,
        retention: storage.retention_age,
        retention_octets_max: storage.retention_octets.unwrap_or(0),
        disk_reserve_octets: storage.disk_reserve_octets,
        cache_octets: storage.cache_octets,
        ..SledOptions::at(&storage.path)
    };
    let policy = Policy {
        queued_per_gateway_max: usize::try_from(config.limits.queued_per_gateway)
            .unwrap_or(usize::MAX),
        orphan_retention: config.receipts.orphan_retention,
        reassembly_timeout: config.mo.reassembly_timeout,
        carry_every: storage.slice_age,
        ..Policy::default()
    };
    let open = move || SledJournal::open(&options);
    LogStore::open(
        open,
        OpenOptions {
            policy,
            metrics: metrics.store.clone(),
        },
    )
    .map_err(StartError::Store)
}
