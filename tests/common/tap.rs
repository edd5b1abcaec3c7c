//! Between the bridge and a message centre: passes every octet on, and keeps what the bridge wrote.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// One connection's octets each.
type Lines = Arc<Mutex<Vec<Vec<u8>>>>;

pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    lines: Lines,
    server: JoinHandle<()>,
}

impl Tap {
    pub(crate) async fn before(server: SocketAddr) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = Lines::default();
        let server = tokio::spawn(serve(listener, server, lines.clone()));
        Tap {
            address,
            lines,
            server,
        }
    }

    /// Each whole `submit_sm` in hexadecimal, its sequence number made zero.
    pub(crate) fn submits(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().flat_map(|line| submits_in(line)).collect()
    }
}

fn submits_in(mut octets: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(length) = octets.first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        let Some((pdu, rest)) = octets.split_at_checked(length) else {
            break;
        };
        octets = rest;
        if pdu[4..8] == [0, 0, 0, 4] {
            let mut pdu = pdu.to_vec();
            pdu[12..16].fill(0);
            found.push(pdu.iter().map(|octet| format!("{octet:02x}")).collect());
        }
    }
    found
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, lines: Lines) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(pass(client, server, lines.clone()));
    }
}

async fn pass(client: TcpStream, server: SocketAddr, lines: Lines) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let line = {
        let mut lines = lines.lock().unwrap();
        lines.push(Vec::new());
        lines.len() - 1
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut octets = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut octets).await {
            lines.lock().unwrap()[line].extend_from_slice(&octets[..count]);
            if to_server.write_all(&octets[..count]).await.is_err() {
                break;
            }
        }
        _ = to_server.shutdown().await;
    };
    let back = async {
        _ = copy(&mut from_server, &mut to_client).await;
        _ = to_client.shutdown().await;
    };
    tokio::join!(there, back);
}
