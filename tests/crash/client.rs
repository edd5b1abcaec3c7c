//! A keep-alive client of the API, with one connection and no more work than it needs.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::net::SocketAddr;
use tokio::net::TcpStream;

pub(crate) const TOKEN: &str = "drill-token";

/// The connection ended before the answer came: whether the request was taken is unknown.
#[derive(Debug)]
pub(crate) struct Unanswered;

pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Client {
        Client {
            address,
            connection: None,
        }
    }

    /// Nothing was sent unless this succeeds.
    pub(crate) async fn connect(&mut self) -> Result<(), Unanswered> {
        if self.connection.as_ref().is_some_and(|c| !c.is_closed()) {
            return Ok(());
        }
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|_| Unanswered)?;
        stream.set_nodelay(true).map_err(|_| Unanswered)?;
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Unanswered)?;
        // It ends with the connection, whose user learns of it.
        tokio::spawn(async move { drop(driver.await) });
        self.connection = Some(sender);
        Ok(())
    }

    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<(StatusCode, Bytes), Unanswered> {
        self.connect().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "bridge")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .header("prefer", "respond-async")
            .body(Full::from(body.unwrap_or_default()))
            .expect("a request of ours is well formed");
        let answer = self.exchange(request).await;
        if answer.is_none() {
            self.connection = None;
        }
        answer.ok_or(Unanswered)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Option<(StatusCode, Bytes)> {
        let sender = self.connection.as_mut()?;
        sender.ready().await.ok()?;
        let response = sender.send_request(request).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, body))
    }

    /// A GET that must succeed, its `data`.
    pub(crate) async fn get<T: for<'a> Deserialize<'a>>(&mut self, path: &str) -> T {
        let (status, body) = self
            .call(Method::GET, path, None)
            .await
            .unwrap_or_else(|_| panic!("GET {path}: no answer"));
        assert_eq!(status, StatusCode::OK, "GET {path}: {body:?}");
        let answer: Data<T> =
            serde_json::from_slice(&body).unwrap_or_else(|e| panic!("GET {path}: {e}: {body:?}"));
        answer.data
    }
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// What the drill reads of a message's record.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) message: String,
    pub(crate) state: String,
}

/// What it reads of a row of `/api/in-doubt`.
#[derive(Debug, Deserialize)]
pub(crate) struct Doubt {
    pub(crate) id: u64,
    pub(crate) resubmits: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Gateway {
    pub(crate) messages_count: u64,
    pub(crate) status: Status,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) bound: u32,
    pub(crate) queue: u64,
}

/// The id in the answer to a POST.
pub(crate) fn id_of(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Made {
        id: u64,
    }
    let made: Made = serde_json::from_slice(body).expect("what was made has an id");
    made.id
}
