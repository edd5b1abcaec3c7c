//! One connection to a receiver, and the exchange of one request on it.
//!
//! It is driven by the task that uses it: no task of its own, no hand-over between threads. The
//! addresses are checked when it connects, on what the name resolves to at that moment.

use std::{
    error::Error as _,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use http::{Request, StatusCode, header::RETRY_AFTER};
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

use super::target::Origin;
use crate::guard;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Driver = http1::Connection<TokioIo<Box<dyn Io>>, Full<Bytes>>;

/// An open HTTP/1.1 connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    /// It has served a request, so the peer may be closing it this very moment.
    pub(super) is_used: bool,
}

/// A receiver's answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<String>,
}

/// Addresses of one name that are tried, at most.
const ADDRESSES_MAX: usize = 4;
/// An answer's body is read up to here, so that the connection can be used again.
const BODY_OCTETS_MAX: usize = 64 * 1024;
/// And no longer than this: the status has said everything.
const BODY_TIME_MAX: Duration = Duration::from_secs(1);
/// Octets of an answer's head, at most.
const HEAD_OCTETS_MAX: usize = 64 * 1024;

impl Connection {
    /// Connects by `deadline`. The error is for an operator.
    pub(super) async fn open(
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
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, hyper::Error> {
        let Connection { sender, driver, .. } = self;
        let mut answer = std::pin::pin!(async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let retry_after = head.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok());
            let answer = Answer {
                status: head.status,
                retry_after: retry_after.map(str::to_owned),
            };
            Ok::<_, hyper::Error>((answer, drain(body).await))
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
        let (answer, is_drained) = result?;
        self.is_used = true;
        if !is_drained {
            self.driver = None;
        }
        Ok(answer)
    }

    pub(super) fn is_open(&self) -> bool {
        self.driver.is_some()
    }

    /// Resolves when the peer closes the connection, or sends what nobody asked for.
    pub(super) async fn closed(&mut self) {
        if let Some(driver) = &mut self.driver {
            let _ = driver.await;
            self.driver = None;
        }
    }
}

/// Reads what is left of the answer; false: there is more than we care for.
async fn drain(mut body: Incoming) -> bool {
    let read = async {
        let mut octets = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            octets += frame.data_ref().map_or(0, Bytes::len);
            if octets > BODY_OCTETS_MAX {
                return false;
            }
        }
        true
    };
    timeout(BODY_TIME_MAX, read).await.unwrap_or(false)
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

/// An error with what is behind it.
pub(super) fn reason(e: &hyper::Error) -> String {
    match e.source() {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    }
}
