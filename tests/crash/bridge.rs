//! The daemon as a child on one data directory, killed and started again.

use crate::client::{Client, TOKEN};
use http::{Method, StatusCode};
use serde_json::json;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A start that takes longer has failed, whatever the log holds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Bridge {
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    child: Child,
    pub(crate) slowest_start: Duration,
}

impl Bridge {
    pub(crate) async fn start(folder: &Path, rng: &mut fastrand::Rng) -> Bridge {
        let address = free_address(rng);
        let data = json!(folder.join("data").display().to_string());
        let config = format!(
            "[http]\nlisten = \"{address}\"\n[storage]\npath = {data}\n[log]\nlevel = \"warn\"\n\
             [callbacks]\nallow_private_networks = true\nbackoff_initial_ms = 100\n\
             [[api.tokens]]\nname = \"drill\"\ntoken = \"{TOKEN}\"\nscopes = [\"admin\"]\n"
        );
        std::fs::write(folder.join("bridge.toml"), config).unwrap();
        let mut bridge = Bridge {
            address,
            folder: folder.to_owned(),
            child: spawn(folder),
            slowest_start: Duration::ZERO,
        };
        bridge.until_ready().await;
        bridge
    }

    /// SIGKILL: nothing of the process runs after this.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it once more, and has the log prove itself.
    pub(crate) fn verify(&mut self) {
        self.kill();
        let program = std::env::var("SMPP_BRIDGE_BIN");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_smpp-bridge").to_owned());
        let data = self.folder.join("data");
        let proof = std::process::Command::new(program)
            .arg("verify")
            .arg("--data")
            .arg(data)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&proof.stdout);
        assert!(
            proof.status.success() && said.contains("no violations"),
            "{said}"
        );
    }

    /// Begins it again; it may not be ready yet.
    pub(crate) fn spawn_again(&mut self) {
        self.child = spawn(&self.folder);
    }

    pub(crate) async fn until_ready(&mut self) {
        let begun = Instant::now();
        let mut client = Client::new(self.address);
        loop {
            let answer = client.call(Method::GET, "/readyz", None).await;
            if answer.is_ok_and(|(status, _)| status == StatusCode::OK) {
                self.slowest_start = self.slowest_start.max(begun.elapsed());
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the bridge ended with {status}:\n{}", self.log());
            }
            assert!(begun.elapsed() < START_TIMEOUT, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The end of what it said on stderr.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("bridge.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Makes a gateway that leads to `smsc`, its id.
    pub(crate) async fn make_gateway(
        &self,
        smsc: SocketAddr,
        (system_id, password): (&str, &str),
        window: u16,
    ) -> u64 {
        let gateway = json!({
            "name": "drill", "provider_type": "smpp",
            "server_host": smsc.ip().to_string(), "server_port": smsc.port(),
            "username": system_id, "password": password,
            "meta": {"smpp": {
                "window": window, "reconnect_initial_ms": 50, "reconnect_max_ms": 500,
            }},
        });
        let made = Client::new(self.address)
            .call(Method::POST, "/api/sms-gateways", Some(gateway.to_string()))
            .await;
        let (status, body) = made.expect("the bridge answers");
        assert_eq!(status, StatusCode::CREATED, "{body:?}");
        crate::client::id_of(&body)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path) -> Child {
    let binary = std::env::var_os("SMPP_BRIDGE_BIN")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_smpp-bridge").into());
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("bridge.log"))
        .unwrap();
    Command::new(binary)
        .arg("run")
        .arg("--config")
        .arg(folder.join("bridge.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts")
}

/// Below the ports that connections get, so that none of ours takes it while the bridge is down.
fn free_address(rng: &mut fastrand::Rng) -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rng.u16(20_000..32_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
