//! An HTTP provider: records every request, and answers as it is told to.

use super::wait_for;
use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Names and values of a form, in the order they came.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        assert_eq!(
            self.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let found = self.form().into_iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value)
    }
}

/// What the provider says to one request.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Status and body, at once.
    Now(u16, String),
    After(Duration, u16, String),
    /// No answer at all.
    Hang,
    /// It closes the connection without a word.
    Close,
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Said {
        Said::Now(status, body.to_string())
    }
}

#[derive(Default)]
struct Book {
    seen: Vec<Seen>,
    connections: usize,
    next: VecDeque<Said>,
    always: Option<Said>,
}

pub(crate) struct Prov {
    pub(crate) address: SocketAddr,
    book: Arc<Mutex<Book>>,
    server: JoinHandle<()>,
}

impl Prov {
    pub(crate) async fn start() -> Prov {
        Prov::start_with(None).await
    }

    pub(crate) async fn start_with(tls: Option<TlsAcceptor>) -> Prov {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let server = tokio::spawn(serve(listener, tls, book.clone()));
        Prov {
            address,
            book,
            server,
        }
    }

    /// The members that make a gateway of it.
    pub(crate) fn gateway(&self, provider_type: &str) -> Value {
        json!({
            "name": provider_type, "provider_type": provider_type,
            "server_host": "127.0.0.1", "server_port": self.address.port(),
            "username": "account", "password": "prov-pass-98",
        })
    }

    /// The next requests get these, one each; then `{"message_id":"p-<n>"}`.
    pub(crate) fn say(&self, said: impl IntoIterator<Item = Said>) {
        self.book.lock().unwrap().next.extend(said);
    }

    pub(crate) fn say_always(&self, said: Said) {
        self.book.lock().unwrap().always = Some(said);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.book.lock().unwrap().seen.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.book.lock().unwrap().connections
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("there was a request")
    }

    pub(crate) async fn until_seen(&self, count: usize) {
        wait_for(&format!("request {count} to the provider"), async || {
            (self.seen().len() >= count).then_some(())
        })
        .await;
    }
}

impl Drop for Prov {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// `Authorization` of an account.
pub(crate) fn basic(username: &str, password: &str) -> String {
    let pair = format!("{username}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {encoded}")
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, book: Arc<Mutex<Book>>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (book, tls) = (book.clone(), tls.clone());
        book.lock().unwrap().connections += 1;
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(request, book.clone()));
            let served = http1::Builder::new();
            match tls {
                None => _ = served.serve_connection(TokioIo::new(stream), answer).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        _ = served.serve_connection(TokioIo::new(stream), answer).await;
                    }
                }
            }
        });
    }
}

/// An error closes the connection.
async fn answer(
    request: Request<Incoming>,
    book: Arc<Mutex<Book>>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|b| b.to_bytes());
    let path = parts.uri.path_and_query().unwrap().to_string();
    let (said, count) = {
        let mut book = book.lock().unwrap();
        book.seen.push(Seen {
            method: parts.method.to_string(),
            path,
            headers: parts.headers,
            body: body.unwrap_or_default(),
        });
        let said = book.next.pop_front().or_else(|| book.always.clone());
        (said, book.seen.len())
    };
    let (status, body) = match said {
        None => (
            200,
            json!({ "message_id": format!("p-{count}") }).to_string(),
        ),
        Some(Said::Now(status, body)) => (status, body),
        Some(Said::After(delay, status, body)) => {
            tokio::time::sleep(delay).await;
            (status, body)
        }
        Some(Said::Hang) => std::future::pending().await,
        Some(Said::Close) => return Err("closed"),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().unwrap();
    if (300..400).contains(&status) {
        let to = http::HeaderValue::from_static("http://127.0.0.1:1/elsewhere");
        response.headers_mut().insert(http::header::LOCATION, to);
    }
    Ok(response)
}
