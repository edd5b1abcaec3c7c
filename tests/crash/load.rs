//! Many connections that send numbered messages, through kills and restarts.

use crate::client::{Client, id_of};
use http::{Method, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 32;

/// A message that the API acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) number: u32,
    pub(crate) id: u64,
}

/// The load over all rounds.
#[derive(Debug, Default)]
pub(crate) struct Load {
    next: AtomicU32,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Sends whose answer a kill took: they may be in the log or not.
    unanswered: AtomicU32,
}

pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: u64,
    /// Verdicts go to this URL, a slash and the message's number.
    pub(crate) callback_url: Option<String>,
    /// False while the bridge is known to be down.
    pub(crate) up: watch::Receiver<bool>,
}

pub(crate) fn text_of(number: u32) -> String {
    format!("seq{number} of the drill")
}

/// The number in a text of ours.
pub(crate) fn number_of(text: &[u8]) -> u32 {
    let text = std::str::from_utf8(text).expect("our texts are ASCII");
    let digits = text.strip_prefix("seq").and_then(|t| t.split(' ').next());
    digits
        .and_then(|d| d.parse().ok())
        .unwrap_or_else(|| panic!("no text of ours: {text}"))
}

impl Load {
    pub(crate) fn acknowledged(&self) -> usize {
        self.list().len()
    }

    pub(crate) fn unanswered(&self) -> u32 {
        self.unanswered.load(Ordering::Relaxed)
    }

    pub(crate) fn all(&self) -> Vec<Acknowledged> {
        self.list().clone()
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Acknowledged>> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until the messages up to `end` are acknowledged or unanswered.
    pub(crate) async fn run(self: Arc<Self>, end: u32, target: Arc<Target>) {
        let mut workers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            workers.spawn(self.clone().work(end, target.clone()));
        }
        while let Some(ended) = workers.join_next().await {
            ended.expect("a worker does not panic");
        }
    }

    async fn work(self: Arc<Self>, end: u32, target: Arc<Target>) {
        let mut client = Client::new(target.address);
        let path = format!("/api/sms-gateways/{}/send", target.gateway);
        let mut up = target.up.clone();
        loop {
            let claimed = self
                .next
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                    (n < end).then_some(n + 1)
                });
            let Ok(number) = claimed else { return };
            let mut body = json!({
                "to_number": format!("+4915{:08}", number), "from_sender": "12345",
                "message": text_of(number),
            });
            if let Some(url) = &target.callback_url {
                body["callback_url"] = format!("{url}/{number}").into();
            }
            self.send(&mut client, &path, number, body.to_string(), &mut up)
                .await;
        }
    }

    /// Until it is acknowledged, or a kill took the answer.
    async fn send(
        &self,
        client: &mut Client,
        path: &str,
        number: u32,
        body: String,
        up: &mut watch::Receiver<bool>,
    ) {
        loop {
            while client.connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
                up.wait_for(|up| *up).await.expect("the drill goes on");
            }
            match client.call(Method::POST, path, Some(body.clone())).await {
                Ok((StatusCode::CREATED, answer)) => {
                    let id = id_of(&answer);
                    self.list().push(Acknowledged { number, id });
                    return;
                }
                // Refused, so it is not in the log, and may be sent again.
                Ok((StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _)) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok((status, answer)) => panic!("{number} was answered {status}: {answer:?}"),
                Err(_) => {
                    self.unanswered.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}
