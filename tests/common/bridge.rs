//! The daemon as a child process: its configuration, its log output, its life and death.

use super::http::Http;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A debug build on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);
/// The grace of the configuration, and what the log needs to close.
const STOP_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Bridge {
    pub(crate) http: Http,
    pub(crate) folder: TempDir,
    child: Child,
}

/// The reference configuration, with callbacks to `app`. The kernel chooses the port, from which
/// the base URL follows; the data lie in the working directory.
pub(crate) fn reference(app: SocketAddr) -> toml::Table {
    let text = REFERENCE
        .replace("127.0.0.1:18091", &app.to_string())
        .replace("listen = \"127.0.0.1:18080\"", "listen = \"127.0.0.1:0\"")
        .replace("public_base_url = \"http://127.0.0.1:18080\"\n", "")
        .replace("\"./data\"", "\"data\"");
    text.parse().unwrap()
}

const REFERENCE: &str = include_str!("reference.toml");

/// Sets one key, its table made where it is missing.
pub(crate) fn set(config: &mut toml::Table, table: &str, key: &str, value: impl Into<toml::Value>) {
    let table = config
        .entry(table)
        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
    let table = table.as_table_mut().unwrap();
    table.insert(key.into(), value.into());
}

impl Bridge {
    pub(crate) async fn start(config: &toml::Table) -> Bridge {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bridge.toml");
        std::fs::write(path, config.to_string()).unwrap();
        let (child, address) = launch(&folder).await;
        Bridge {
            http: Http { address },
            folder,
            child,
        }
    }

    /// With nobody to call back.
    pub(crate) async fn alone() -> Bridge {
        Bridge::start(&reference(SocketAddr::from(([127, 0, 0, 1], 9)))).await
    }

    /// Everything the daemon has written to its output, over all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(log_path(&self.folder)).unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Octets of its memory that are resident.
    pub(crate) fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// The nice values of its threads of this name.
    pub(crate) fn nice_of(&self, thread: &str) -> Vec<i32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats =
            tasks.filter_map(|t| std::fs::read_to_string(t.unwrap().path().join("stat")).ok());
        let nice = stats.filter_map(|stat| {
            let (name, rest) = stat.split_once('(')?.1.split_once(") ")?;
            let nice = rest.split(' ').nth(16)?;
            (name == thread).then(|| nice.parse().unwrap())
        });
        nice.collect()
    }

    /// SIGTERM, and nothing more.
    pub(crate) fn terminate(&self) {
        rustix::process::kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// From now on no write to any file succeeds, or every one again: to the process it looks
    /// like a disk that fails.
    pub(crate) fn set_writable(&self, is_writable: bool) {
        self.set_file_octets_max(if is_writable { None } else { Some(0) });
    }

    /// No file may be written beyond this length.
    pub(crate) fn set_file_octets_max(&self, current: Option<u64>) {
        let limit = Rlimit {
            current,
            maximum: None,
        };
        rustix::process::prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) async fn until_ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < STOP_WITHIN, "it does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGTERM, and the end.
    pub(crate) async fn stop(&mut self) {
        self.terminate();
        let status = self.until_ended().await;
        assert!(status.success(), "{status}\n{}", self.log());
    }

    /// SIGKILL.
    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A new life over the same log, on another port.
    pub(crate) async fn start_again(&mut self) {
        let (child, address) = launch(&self.folder).await;
        self.child = child;
        self.http = Http { address };
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the daemon ---\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_path(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

async fn launch(folder: &TempDir) -> (Child, SocketAddr) {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log_path(folder))
        .unwrap();
    let read_from = File::metadata(&log).unwrap().len();
    let mut child = Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
        .args(["run", "--config", "bridge.toml"])
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let began = Instant::now();
    loop {
        let log = std::fs::read(log_path(folder)).unwrap();
        let log = String::from_utf8_lossy(&log[usize::try_from(read_from).unwrap()..]).into_owned();
        if let Some(address) = served_address(&log) {
            return (child, address);
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the daemon does not start: {status}\n{log}");
        }
        if began.elapsed() > START_WITHIN {
            child.kill().unwrap();
            panic!("the daemon does not start in time\n{log}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// From the line that says so.
fn served_address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|l| l.contains("smpp-bridge serves"))?;
    let address = line.split("listen=").nth(1)?.split_whitespace().next()?;
    address.parse().ok()
}
