//! Clients that keep their connections and wait for each answer, all on one thread.

use crate::case::{MARK, Shape};
use crate::place::{Core, settle_on};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the clients saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub shape: Shape,
    pub body: Vec<u8>,
}

/// One request, and its answer.
pub fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    on_one_thread(async || {
        let mut client = Client::connect(address).await;
        client.ask(request, 0).await
    })
}

/// So many requests over so many connections, each with another number. Every answer has to be of
/// this shape.
pub fn run(
    address: SocketAddr,
    request: &[u8],
    shape: &Shape,
    connections: usize,
    requests: u64,
) -> Seen {
    let (mut waits, wall) = on_one_thread(async || {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(address).await);
        }
        let began = Instant::now();
        let next = Rc::new(Cell::new(0));
        let tasks = clients.into_iter().map(|client| {
            let (request, shape) = (request.to_vec(), shape.clone());
            tokio::task::spawn_local(client.drive(request, shape, next.clone(), requests))
        });
        let mut waits = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            waits.extend(task.await.expect("a client that does not fail"));
        }
        (waits, began.elapsed())
    });
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    Seen {
        per_second: requests as f64 / wall.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    }
}

/// On a thread of its own, away from the server's.
fn on_one_thread<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    let run = || {
        settle_on(Core::Clients);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, work())
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("clients that do not fail"))
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.expect("a server");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Client {
            stream,
            read: Vec::with_capacity(64 << 10),
        }
    }

    /// Asks until all requests are out; how long each took.
    async fn drive(
        mut self,
        mut request: Vec<u8>,
        shape: Shape,
        next: Rc<Cell<u64>>,
        requests: u64,
    ) -> Vec<Duration> {
        let places = places(&request);
        let mut waits = Vec::new();
        while next.get() < requests {
            let number = next.replace(next.get() + 1);
            put(&mut request, &places, number);
            let began = Instant::now();
            let (head, end) = self.exchange(&request).await;
            waits.push(began.elapsed());
            assert_eq!(
                (status(&self.read), end - head),
                (shape.status, shape.octets),
                "{}",
                String::from_utf8_lossy(&self.read)
            );
        }
        waits
    }

    async fn ask(&mut self, request: &[u8], number: u64) -> Answer {
        let mut request = request.to_vec();
        let places = places(&request);
        put(&mut request, &places, number);
        let (head, end) = self.exchange(&request).await;
        let text = String::from_utf8_lossy(&self.read[..head]).into_owned();
        Answer {
            shape: Shape {
                status: status(&self.read),
                octets: end - head,
                kind: header(&text, "content-type").unwrap_or_default(),
            },
            body: self.read[head..end].to_vec(),
        }
    }

    /// Where the answer's head ends, and its body.
    async fn exchange(&mut self, request: &[u8]) -> (usize, usize) {
        self.stream.write_all(request).await.expect("a server");
        self.read.clear();
        let mut ends = None;
        loop {
            let got = self.stream.read_buf(&mut self.read).await;
            assert_ne!(got.expect("a server"), 0, "the server hung up");
            ends = ends.or_else(|| ends_of(&self.read));
            if let Some((head, end)) = ends.filter(|(_, end)| *end <= self.read.len()) {
                return (head, end);
            }
        }
    }
}

fn ends_of(read: &[u8]) -> Option<(usize, usize)> {
    let head = read.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).expect("a head");
    let length = header(text, "content-length").map_or(0, |n| n.parse().expect("a length"));
    Some((head, head + length))
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    let mut named = lines.filter(|(n, _)| n.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.to_owned())
}

/// `HTTP/1.1 200 …`
fn status(read: &[u8]) -> u16 {
    let digits = std::str::from_utf8(&read[9..12]).expect("a status");
    digits.parse().expect("a status")
}

/// Where the request wants a number.
fn places(request: &[u8]) -> Vec<usize> {
    let windows = request.windows(MARK.len()).enumerate();
    let marks = windows.filter(|(_, w)| *w == MARK.as_bytes());
    marks.map(|(at, _)| at).collect()
}

fn put(request: &mut [u8], places: &[usize], number: u64) {
    let digits = format!("{:0width$}", number, width = MARK.len());
    for at in places {
        request[*at..at + digits.len()].copy_from_slice(digits.as_bytes());
    }
}
