//! The application behind the callbacks: records every request, and answers as it is told to.

use super::wait_for;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Callback {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// 302 to this place.
    Redirect(String),
    /// No answer at all.
    Hang,
}

#[derive(Default)]
struct Book {
    seen: Vec<Callback>,
    /// One each, by path.
    next: HashMap<String, VecDeque<Reply>>,
    /// When there is no next.
    always: HashMap<String, Reply>,
}

pub(crate) struct App {
    pub(crate) address: SocketAddr,
    book: Arc<Mutex<Book>>,
    server: Option<JoinHandle<()>>,
}

impl App {
    pub(crate) async fn start() -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let server = Some(tokio::spawn(serve(listener, book.clone())));
        App {
            address,
            book,
            server,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Closes the port and every connection.
    pub(crate) async fn down(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
    }

    /// Listens on the same port again.
    pub(crate) async fn up(&mut self) {
        let listener = wait_for("the application's port", async || {
            TcpListener::bind(self.address).await.ok()
        })
        .await;
        self.server = Some(tokio::spawn(serve(listener, self.book.clone())));
    }

    /// The next requests of a path get these, one each; then 200.
    pub(crate) fn answer_next(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut book = self.book.lock().unwrap();
        book.next.entry(path.into()).or_default().extend(replies);
    }

    pub(crate) fn answer_always(&self, path: &str, reply: Reply) {
        self.book.lock().unwrap().always.insert(path.into(), reply);
    }

    pub(crate) fn seen(&self) -> Vec<Callback> {
        self.book.lock().unwrap().seen.clone()
    }

    /// What came by one method to one path.
    pub(crate) fn of(&self, method: &str, path: &str) -> Vec<Callback> {
        let mut seen = self.seen();
        seen.retain(|c| c.method == method && c.path == path);
        seen
    }

    pub(crate) async fn until(&self, method: &str, path: &str, count: usize) -> Vec<Callback> {
        wait_for(&format!("{count} times {method} {path}"), async || {
            let seen = self.of(method, path);
            (seen.len() >= count).then_some(seen)
        })
        .await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(listener: TcpListener, book: Arc<Mutex<Book>>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let book = book.clone();
        let answer = service_fn(move |request| answer(request, book.clone()));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn answer(
    request: Request<Incoming>,
    book: Arc<Mutex<Book>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let reply = {
        let mut book = book.lock().unwrap();
        book.seen.push(Callback {
            method: parts.method.to_string(),
            path: path.clone(),
            headers: parts.headers,
            body,
        });
        let next = book.next.get_mut(&path).and_then(VecDeque::pop_front);
        next.or_else(|| book.always.get(&path).cloned())
    };
    let mut response = Response::new(Full::new(Bytes::from_static(b"ok")));
    match reply {
        None => {}
        Some(Reply::Status(status)) => *response.status_mut() = status.try_into().unwrap(),
        Some(Reply::Redirect(to)) => {
            *response.status_mut() = http::StatusCode::FOUND;
            let headers = response.headers_mut();
            headers.insert(http::header::LOCATION, to.parse().unwrap());
        }
        Some(Reply::Hang) => tokio::time::sleep(Duration::from_secs(3600)).await,
    }
    Ok(response)
}
