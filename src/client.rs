//! One HTTP connection to somebody else's server, and the exchange of one request on it.
//!
//! It is driven by the task that uses it: no task of its own, no hand-over between threads. The
//! addresses are checked when it connects, on what the name resolves to at that moment; TLS is
//! verified, redirects are not followed, and of an answer no more is read than the caller allows.

use std::{
    error::Error as _,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    select,
    time::{Duration, Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use crate::guard;

/// One server, as connections are shared: those of trusted URLs are never used for others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// In lower case; without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    pub tls: bool,
    /// The URL came in a request: it must not lead to our own network.
    pub guarded: bool,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Driver = http1::Connection<TokioIo<Box<dyn Io>>, Full<Bytes>>;

/// An open HTTP/1.1 connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    /// It has served a request, so the peer may be closing it this very moment.
    pub is_used: bool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("is_open", &self.is_open())
            .finish_non_exhaustive()
    }
}

/// A server's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// As much of it as the limits allowed.
    pub body: Bytes,
}

/// How much of an answer is read. A connection whose answer has more is not used again.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub octets_max: usize,
    /// From the answer's head to its end.
    pub time_max: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Lost {
    /// False: not an octet of the request was written.
    pub was_sent: bool,
    /// In words for an operator.
    pub reason: String,
}

/// Addresses of one name that are tried, at most.
const ADDRESSES_MAX: usize = 4;
/// Octets of an answer's head, at most.
const HEAD_OCTETS_MAX: usize = 64 * 1024;

impl Connection {
    /// Connects by `deadline`. The error is for an operator.
    pub async fn open(
        origin: &Origin,
        tls: &Arc<ClientConfig>,
        deadline: Instant,
    ) -> Result<Connection, String> {
        let tcp = match timeout_at(deadline, dial(origin, deadline)).await {
            Ok(dialled) => dialled?,
            Err(_) => return Err("no connection in time".to_owned()),
        };
        let io: Box<dyn Io> = if origin.tls {
            let name = ServerName::try_from(origin.host.clone())
                .map_err(|_| "the host's name cannot be one of a certificate".to_owned())?;
            let shake = TlsConnector::from(tls.clone()).connect(name, tcp);
            match timeout_at(deadline, shake).await {
                Ok(Ok(io)) => Box::new(io),
                Ok(Err(e)) => return Err(format!("TLS: {e}")),
                Err(_) => return Err("no TLS handshake in time".to_owned()),
            }
        } else {
            Box::new(tcp)
        };
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(HEAD_OCTETS_MAX)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|e| reason(&e))?;
        Ok(Connection {
            sender,
            driver: Some(Box::pin(driver)),
            is_used: false,
        })
    }

    /// Sends a request and reads the answer to its end, within limits. Dropping the future
    /// closes the connection.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Answer, Lost> {
        let Connection { sender, driver, .. } = self;
        let mut answer = std::pin::pin!(async {
            sender.ready().await.map_err(|e| lost(&e, false))?;
            let sent = sender.try_send_request(request).await;
            let response = sent.map_err(|mut e| {
                let was_sent = e.take_message().is_none();
                lost(e.error(), was_sent)
            })?;
            let (head, body) = response.into_parts();
            let (body, is_whole) = read(body, limits).await;
            let answer = Answer {
                status: head.status,
                headers: head.headers,
                body,
            };
            Ok((answer, is_whole))
        });
        let result = match driver {
            Some(running) => select! {
                biased;
                answered = &mut answer => answered,
                _ = running => {
                    // What came before the end is in the answer's channels; nothing else will.
                    *driver = None;
                    answer.await
                }
            },
            None => answer.await,
        };
        let (answer, is_whole) = result?;
        self.is_used = true;
        if !is_whole {
            self.driver = None;
        }
        Ok(answer)
    }

    /// Looks whether the peer has closed the connection while nobody used it.
    pub fn is_still_open(&mut self) -> bool {
        self.closed().now_or_never();
        self.is_open()
    }

    pub fn is_open(&self) -> bool {
        self.driver.is_some()
    }

    /// Resolves when the peer closes the connection, or sends what nobody asked for.
    pub async fn closed(&mut self) {
        if let Some(driver) = &mut self.driver {
            let _ = driver.await;
            self.driver = None;
        }
    }
}

/// What the limits allow of the body, and whether that is all.
async fn read(mut body: Incoming, limits: Limits) -> (Bytes, bool) {
    let mut octets = Bytes::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = limits.octets_max - octets.len();
            let is_too_much = data.len() > room;
            octets = joined(
                std::mem::take(&mut octets),
                data.slice(..data.len().min(room)),
            );
            if is_too_much {
                return false;
            }
        }
        true
    };
    let is_whole = timeout(limits.time_max, reading).await.unwrap_or(false);
    (octets, is_whole)
}

/// Nearly always there is one piece: no copy.
fn joined(begun: Bytes, piece: Bytes) -> Bytes {
    if begun.is_empty() {
        return piece;
    }
    let mut whole = BytesMut::from(begun);
    whole.extend_from_slice(&piece);
    whole.freeze()
}

/// Tries the name's addresses in turn, each for its share of the time that is left.
async fn dial(origin: &Origin, deadline: Instant) -> Result<TcpStream, String> {
    let addresses = resolve(origin).await?;
    let mut last = "the host's name has no address".to_owned();
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - tried).unwrap_or(1);
        match timeout(left / shares.max(1), TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // A request is one write; it must not wait for the acknowledgement of another.
                tcp.set_nodelay(true).map_err(|e| e.to_string())?;
                return Ok(tcp);
            }
            Ok(Err(e)) => last = format!("no connection: {e}"),
            Err(_) => last = "no connection in time".to_owned(),
        }
    }
    Err(last)
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, String> {
    let addresses: Vec<SocketAddr> = match origin.host.parse::<IpAddr>() {
        Ok(literal) => vec![(literal, origin.port).into()],
        Err(_) => lookup_host((origin.host.as_str(), origin.port))
            .await
            .map_err(|e| format!("the host's name cannot be resolved: {e}"))?
            .collect(),
    };
    let refused = addresses.iter().find(|a| guard::is_internal(a.ip()));
    match refused.filter(|_| origin.guarded) {
        // The address itself is not told: it would be news to whoever may send.
        Some(_) => Err("the URL leads to an internal address, which is not allowed".to_owned()),
        None => Ok(addresses.into_iter().take(ADDRESSES_MAX).collect()),
    }
}

fn lost(e: &hyper::Error, was_sent: bool) -> Lost {
    Lost {
        was_sent,
        reason: reason(e),
    }
}

/// An error with what is behind it.
fn reason(e: &hyper::Error) -> String {
    match e.source() {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    }
}
