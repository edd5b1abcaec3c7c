//! A server as a process of its own, so that its CPU time is nobody else's.
//!
//! It prints where it listens, then its CPU time for each line it reads, and ends with its input.

use crate::case::Shape;
use crate::place::{Core, settle_on};
use crate::{bare, bridge};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;

/// Threads of a server; one core is the clients'.
pub const THREADS: usize = 1;

/// Which server; in this form it is told to the process.
#[derive(Clone, Debug)]
pub enum Role {
    Bridge,
    Bare { path: String, shape: Shape },
}

const BRIDGE: &str = "serve-bridge";
const BARE: &str = "serve-bare";

impl Role {
    fn arguments(&self) -> Vec<String> {
        match self {
            Role::Bridge => vec![BRIDGE.into()],
            Role::Bare { path, shape } => vec![
                BARE.into(),
                path.clone(),
                shape.status.to_string(),
                shape.octets.to_string(),
                shape.kind.clone(),
            ],
        }
    }

    /// `None`: these are other arguments.
    pub fn of(arguments: &[String]) -> Option<Role> {
        match arguments {
            [word] if word == BRIDGE => Some(Role::Bridge),
            [word, path, status, octets, kind] if word == BARE => Some(Role::Bare {
                path: path.clone(),
                shape: Shape {
                    status: status.parse().ok()?,
                    octets: octets.parse().ok()?,
                    kind: kind.clone(),
                },
            }),
            _ => None,
        }
    }

    /// Serves until the input ends.
    pub fn serve(self) {
        settle_on(Core::Server);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .expect("a runtime");
        let (address, _admission) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("its address");
            let admission = match self {
                Role::Bridge => {
                    let (router, admission) = bridge::router().await;
                    tokio::spawn(bridge::serve(listener, router));
                    Some(admission)
                }
                Role::Bare { path, shape } => {
                    tokio::spawn(bare::serve(listener, bare::router(&path, shape)));
                    None
                }
            };
            (address, admission)
        });
        println!("{address}");
        for _ in std::io::stdin().lock().lines() {
            println!("{}", cpu().as_nanos());
        }
    }
}

/// CPU time of all threads of this process, user and system.
fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (s, ns) = (u64::try_from(t.tv_sec), u32::try_from(t.tv_nsec));
    Duration::new(s.unwrap_or(0), ns.unwrap_or(0))
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    process: Child,
    ask: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(role: &Role) -> Server {
        let mut process = Command::new(std::env::current_exe().expect("a path"))
            .args(role.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let ask = process.stdin.take();
        let mut told = BufReader::new(process.stdout.take().expect("its output"));
        let address = line(&mut told).parse().expect("an address");
        Server {
            address,
            process,
            ask,
            told,
        }
    }

    /// CPU time so far, of all threads.
    pub fn cpu(&mut self) -> Duration {
        let ask = self.ask.as_mut().expect("it has not ended");
        ask.write_all(b"cpu\n").expect("it runs");
        Duration::from_nanos(line(&mut self.told).parse().expect("nanoseconds"))
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.process.wait();
    }
}
