//! The listener: HTTP/1 connections, each a task, none held open by a client that says nothing.
//!
//! A connection has a deadline whenever it waits for its client: short while a head is on its way,
//! long between two requests, and as long from one octet to the next of an answer that is made as
//! it goes. It is looked at now and then, so that a request costs no timer. On shutdown the
//! listener closes, requests in flight are answered, and idle connections end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;
use tracing::{debug, warn};

/// A connection without a request is kept this long: longer than clients' pools keep theirs, so that
/// it is the client who closes, and no request meets a closing connection.
const IDLE_MAX: Duration = Duration::from_secs(100);
/// Wait after a connection could not be accepted, for lack of descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A head that is larger is refused with 431; no client of ours has a reason to come near.
const HEAD_OCTETS_MAX: usize = 64 << 10;

/// Serves until `shutdown`, and returns when the last connection has ended. Whoever cannot wait so
/// long drops the future: connections then end with the runtime.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        // Cancel-safe: an accepted connection is spawned before the next wait.
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(
                    stream,
                    peer.ip(),
                    router.clone(),
                    header_timeout,
                    shutdown.clone(),
                );
                connections.spawn(connection);
            }
            Err(e) => {
                warn!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    if let Err(e) = stream.set_nodelay(true) {
        debug!(error = %e, "TCP_NODELAY could not be set");
    }
    let deadline = Arc::new(Deadline::new(header_timeout));
    let answer = service_fn(|request| answer(request, peer, router.clone(), deadline.clone()));
    let io = Watched {
        io: TokioIo::new(stream),
        deadline: deadline.clone(),
    };
    let mut served = std::pin::pin!(
        http1::Builder::new()
            .max_buf_size(HEAD_OCTETS_MAX)
            .serve_connection(io, answer)
    );
    let mut closing = false;
    let mut look = std::pin::pin!(tokio::time::sleep(header_timeout / 2));
    loop {
        // Cancel-safe: the connection is polled in place, whatever else is ready.
        tokio::select! {
            ended = &mut served => {
                if let Err(e) = ended {
                    debug!(error = %e, "a connection ended early");
                }
                return;
            }
            () = shutdown.cancelled(), if !closing => {
                closing = true;
                served.as_mut().graceful_shutdown();
            }
            () = &mut look => {
                if deadline.is_past() {
                    debug!("a connection is cut: its client sends nothing");
                    return;
                }
                look.as_mut().reset(tokio::time::Instant::now() + header_timeout / 2);
            }
        }
    }
}

async fn answer(
    mut request: Request<Incoming>,
    peer: IpAddr,
    mut router: Router,
    deadline: Arc<Deadline>,
) -> Result<Response<Body>, Infallible> {
    deadline.lift();
    request.extensions_mut().insert(Peer(peer));
    let answer = router.call(request).await?;
    if answer.body().size_hint().exact().is_some() {
        deadline.set_idle();
        return Ok(answer);
    }
    deadline.set(IDLE_MAX, FLOWING);
    Ok(answer.map(|body| Body::new(Flowing { body, deadline })))
}

/// An answer's body that is made as it goes: as long as octets move, either way, so does the
/// deadline.
#[derive(Debug)]
struct Flowing {
    body: Body,
    deadline: Arc<Deadline>,
}

impl HttpBody for Flowing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.deadline.set_idle();
    }
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

/// Whose request it is: the peer, or whom a trusted proxy names in `X-Forwarded-For`. The
/// header is read from its end, where our own proxies write.
pub(super) fn client_address(parts: &Parts, trusted: &[IpNet]) -> Option<IpAddr> {
    let Peer(peer) = *parts.extensions.get::<Peer>()?;
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = peer.to_canonical();
    if !is_trusted(&client) {
        return Some(client);
    }
    let headers = parts.headers.get_all("x-forwarded-for").iter().rev();
    let named = headers.flat_map(|value| value.as_bytes().rsplit(|b| *b == b','));
    for hop in named {
        let hop = std::str::from_utf8(hop).ok()?.trim();
        client = hop.parse::<IpAddr>().ok()?.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    Some(client)
}

/// Whether what the peer says in `X-Forwarded-*` headers is believed.
pub(super) fn is_from_proxy(parts: &Parts, trusted: &[IpNet]) -> bool {
    let peer = parts.extensions.get::<Peer>();
    peer.is_some_and(|Peer(ip)| trusted.iter().any(|net| net.contains(&ip.to_canonical())))
}

/// Until when the client has to move. Written and read by the one task of the connection.
#[derive(Debug)]
struct Deadline {
    began: Instant,
    header_timeout: Duration,
    /// Milliseconds after `began`, above two bits that tell what is waited for. 0: nothing.
    at: AtomicU64,
}

// What a deadline is for.
const IDLE: u64 = 0;
const HEAD: u64 = 1;
const FLOWING: u64 = 2;
const KIND_BITS: u32 = 2;

impl Deadline {
    fn new(header_timeout: Duration) -> Deadline {
        let deadline = Deadline {
            began: Instant::now(),
            header_timeout,
            at: AtomicU64::new(0),
        };
        deadline.set(header_timeout, HEAD);
        deadline
    }

    fn set(&self, from_now: Duration, kind: u64) {
        let at = self.elapsed_ms() + u64::try_from(from_now.as_millis()).unwrap_or(u64::MAX >> 4);
        self.at
            .store(at.max(1) << KIND_BITS | kind, Ordering::Relaxed);
    }

    /// A request is being answered: that takes what it takes.
    fn lift(&self) {
        self.at.store(0, Ordering::Relaxed);
    }

    fn set_idle(&self) {
        self.set(IDLE_MAX, IDLE);
    }

    /// What is waited for; `None`: nothing.
    fn kind(&self) -> Option<u64> {
        let at = self.at.load(Ordering::Relaxed);
        (at != 0).then_some(at & ((1 << KIND_BITS) - 1))
    }

    /// Octets came: between requests they begin a head, which must not dribble.
    fn on_read(&self) {
        match self.kind() {
            Some(IDLE) => self.set(self.header_timeout, HEAD),
            Some(FLOWING) => self.set(IDLE_MAX, FLOWING),
            _ => {}
        }
    }

    /// The client took octets.
    fn on_written(&self) {
        if self.kind() == Some(FLOWING) {
            self.set(IDLE_MAX, FLOWING);
        }
    }

    fn is_past(&self) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        at != 0 && self.elapsed_ms() >= at >> KIND_BITS
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX >> 4)
    }
}

/// A stream that tells its deadline when octets move.
#[derive(Debug)]
struct Watched {
    io: TokioIo<TcpStream>,
    deadline: Arc<Deadline>,
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() {
            self.deadline.on_read();
        }
        read
    }
}

impl Watched {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.deadline.on_written();
        }
        written
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, octets);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.note(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const TIMEOUT: Duration = Duration::from_millis(200);

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let client = |peer: &str, forwarded: &[&str]| {
            let mut request = Request::new(());
            request.extensions_mut().insert(Peer(peer.parse().unwrap()));
            for value in forwarded {
                let headers = request.headers_mut();
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            client_address(&request.into_parts().0, &trusted).map(|ip| ip.to_string())
        };
        let is = |ip: &str| Some(ip.to_owned());
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), is("192.0.2.1"));
        assert_eq!(client("10.1.1.1", &[]), is("10.1.1.1"));
        assert_eq!(client("10.1.1.1", &["198.51.100.7"]), is("198.51.100.7"));
        assert_eq!(
            client("10.1.1.1", &["6.6.6.6", "198.51.100.7, 10.2.2.2"]),
            is("198.51.100.7")
        );
        assert_eq!(client("::ffff:192.0.2.1", &[]), is("192.0.2.1"));
        assert_eq!(client("10.1.1.1", &["nonsense"]), None);
    }

    async fn begin() -> (TcpStream, CancellationToken, tokio::task::JoinHandle<()>) {
        let slow = || async {
            tokio::time::sleep(2 * TIMEOUT).await;
            "slow"
        };
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/echo", post(|body: Body| async { body }))
            .route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(serve(listener, router, TIMEOUT, shutdown.clone()));
        (stream, shutdown, server)
    }

    async fn rest_of(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(10 * TIMEOUT, read)
            .await
            .expect("the connection ends");
        String::from_utf8(answer).unwrap()
    }

    async fn read_until(stream: &mut TcpStream, end: &str) -> String {
        let mut answer = String::new();
        while !answer.ends_with(end) {
            answer.push(char::from(stream.read_u8().await.expect(&answer)));
        }
        answer
    }

    #[tokio::test]
    async fn a_head_that_dribbles_is_cut_and_an_idle_connection_is_not() {
        let (mut stream, _shutdown, _server) = begin().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut stream, "hello").await;
        tokio::time::sleep(3 * TIMEOUT).await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        read_until(&mut stream, "hello").await;
        stream.write_all(b"GET / HTTP/1.1\r\nhos").await.unwrap();
        assert_eq!(rest_of(&mut stream).await, "");
    }

    /// It would be taken for one that dribbles a head.
    #[tokio::test]
    async fn a_client_that_sends_on_while_it_is_answered_is_not_cut() {
        let (mut stream, _shutdown, _server) = begin().await;
        let head = b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        for _ in 0..4 {
            stream.write_all(b"4\r\necho\r\n").await.unwrap();
            read_until(&mut stream, "echo\r\n").await;
            tokio::time::sleep(TIMEOUT * 2 / 3).await;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        read_until(&mut stream, "0\r\n\r\n").await;
    }

    #[tokio::test]
    async fn a_client_that_never_says_a_word_is_cut() {
        let (mut stream, _shutdown, _server) = begin().await;
        assert_eq!(rest_of(&mut stream).await, "");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let (mut stream, _shutdown, _server) = begin().await;
        let head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(HEAD_OCTETS_MAX));
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(rest_of(&mut stream).await.starts_with("HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn shutdown_answers_what_is_in_flight_and_then_ends() {
        let (mut stream, shutdown, server) = begin().await;
        stream
            .write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(TIMEOUT / 2).await;
        shutdown.cancel();
        assert!(rest_of(&mut stream).await.ends_with("slow"));
        tokio::time::timeout(10 * TIMEOUT, server)
            .await
            .unwrap()
            .unwrap();
    }
}
