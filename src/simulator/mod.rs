//! A message centre to test against: accepts binds, records submits, answers as it is
//! told to, sends receipts and messages, and misbehaves on request.
//!
//! It stands beside the bridge and knows only the protocol crate. Limits: what it
//! recorded stays in memory, at most [`RECORDED_MAX`] submits.

mod connection;

use smpp_protocol::command::CommandStatus;
use smpp_protocol::pdu::{DeliverSm, SubmitSm};
use smpp_protocol::receipt::Receipt;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How the simulator behaves.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// `None` accepts any system_id and password.
    pub account: Option<(String, String)>,
    /// Each `submit_sm` is answered this much later.
    pub response_delay: Duration,
    pub ids: IdFormat,
    /// What submits without a scripted answer get.
    pub status: CommandStatus,
    /// Receipts for submits that ask for one; `None`: only on request.
    pub receipts: Option<AutoReceipts>,
    /// Each submit comes back from the handset it went to.
    pub echo: bool,
    /// Requests of ours that may wait for an answer on one connection.
    pub window: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            account: None,
            response_delay: Duration::ZERO,
            ids: IdFormat::Decimal,
            status: CommandStatus::ESME_ROK,
            receipts: None,
            echo: false,
            window: 100,
        }
    }
}

/// How message ids look in responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFormat {
    Decimal,
    Hexadecimal,
}

/// Receipts that follow submits by themselves.
#[derive(Clone, Debug)]
pub struct AutoReceipts {
    pub delay: Duration,
    pub stat: &'static str,
}

/// What the next submit gets instead of the usual status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(CommandStatus),
    /// None at all.
    Silence,
    /// The connection closes with the submit unanswered.
    Drop,
}

/// A submit as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub submit: SubmitSm,
    /// The id it got; empty where it got none.
    pub message_id: String,
    pub status: Option<CommandStatus>,
    /// Which connection brought it, from 1.
    pub connection: u64,
}

/// Submits kept, at most; older ones are forgotten.
pub const RECORDED_MAX: usize = 1_000_000;

/// A running message centre; it ends when dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    options: Mutex<Options>,
    state: Mutex<State>,
    next_id: AtomicU64,
    next_connection: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    recorded: VecDeque<Recorded>,
    submits: u64,
    script: VecDeque<Answer>,
    bind_answers: VecDeque<CommandStatus>,
    binds: u64,
    receivers: Vec<Receiver>,
}

/// A bound connection that takes `deliver_sm`.
#[derive(Clone, Debug)]
struct Receiver {
    connection: u64,
    orders: mpsc::Sender<Order>,
}

/// What a connection is told to do.
#[derive(Debug)]
enum Order {
    Deliver(Box<DeliverSm>, Option<oneshot::Sender<CommandStatus>>),
    Drop,
    Unbind,
}

/// Orders that wait for one connection, at most.
const ORDERS_MAX: usize = 100_000;

impl Simulator {
    pub async fn start(options: Options) -> io::Result<Simulator> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            options: Mutex::new(options),
            state: Mutex::new(State::default()),
            next_id: AtomicU64::new(1),
            next_connection: AtomicU64::new(1),
        });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, shared.clone(), stop.clone()));
        Ok(Simulator {
            address,
            shared,
            stop,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Submits seen since the start.
    pub fn submits(&self) -> u64 {
        self.shared.state().submits
    }

    pub fn recorded(&self) -> Vec<Recorded> {
        self.shared.state().recorded.iter().cloned().collect()
    }

    /// Connections that are bound.
    pub fn bound(&self) -> usize {
        self.shared.state().receivers.len()
    }

    /// Binds accepted since the start.
    pub fn binds(&self) -> u64 {
        self.shared.state().binds
    }

    /// The next submits get these answers, one each.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.state().script.extend(answers);
    }

    /// The next binds get these statuses, one each.
    pub fn answer_next_binds(&self, statuses: impl IntoIterator<Item = CommandStatus>) {
        self.shared.state().bind_answers.extend(statuses);
    }

    pub fn set_response_delay(&self, delay: Duration) {
        self.shared.options().response_delay = delay;
    }

    pub fn set_receipts(&self, receipts: Option<AutoReceipts>) {
        self.shared.options().receipts = receipts;
    }

    /// Sends a `deliver_sm` on the connection that bound first; the bridge's answer.
    /// `None`: nobody is bound, or no answer came.
    pub async fn deliver(&self, pdu: DeliverSm) -> Option<CommandStatus> {
        self.deliver_on(0, pdu).await
    }

    /// The same, on the connection that bound as the `nth`, from 0.
    pub async fn deliver_on(&self, nth: usize, pdu: DeliverSm) -> Option<CommandStatus> {
        let receiver = self.shared.state().receivers.get(nth).cloned()?;
        let (to, answer) = oneshot::channel();
        receiver
            .orders
            .send(Order::Deliver(Box::new(pdu), Some(to)))
            .await
            .ok()?;
        answer.await.ok()
    }

    /// Closes every connection without a word.
    pub fn drop_connections(&self) {
        self.order_all(|| Order::Drop);
    }

    /// Unbinds every connection.
    pub fn unbind_all(&self) {
        self.order_all(|| Order::Unbind);
    }

    fn order_all(&self, order: impl Fn() -> Order) {
        for receiver in &self.shared.state().receivers {
            // A connection that cannot take it is about to end anyway.
            let _ = receiver.orders.try_send(order());
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn options(&self) -> MutexGuard<'_, Options> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_message_id(&self) -> String {
        let n = self.next_id.fetch_add(1, Ordering::Relaxed);
        match self.options().ids {
            IdFormat::Decimal => n.to_string(),
            IdFormat::Hexadecimal => format!("{n:X}"),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let number = shared.next_connection.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connection::serve(
            stream,
            number,
            shared.clone(),
            stop.clone(),
        ));
    }
}

/// The receipt for a recorded submit, as Appendix B of SMPP 3.4 prints it, with TLVs.
pub fn receipt_for(recorded: &Recorded, stat: &str) -> DeliverSm {
    connection::receipt(&recorded.submit, &recorded.message_id, stat)
}

/// A message from a handset.
pub fn mo(source: &str, destination: &str, text: &'static str) -> DeliverSm {
    use smpp_protocol::address::Address;
    let (from, to) = (Address::source(source), Address::destination(destination));
    DeliverSm {
        source_addr_ton: from.ton,
        source_addr_npi: from.npi,
        source_addr: from.text,
        dest_addr_ton: to.ton,
        dest_addr_npi: to.npi,
        destination_addr: to.text,
        short_message: bytes::Bytes::from_static(text.as_bytes()),
        ..DeliverSm::default()
    }
}

/// Whether octets read as a receipt; for those who only see what was sent.
pub fn reads_as_receipt(text: &[u8]) -> bool {
    Receipt::parse_text(text).is_receipt()
}
