//! What the commands say about common mistakes, and the exit codes that `--help` promises.
//!
//! Method: the binary as a child that ends by itself; what it printed to standard error.

mod common;

use common::{Bridge, reference, set};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Runs the binary in `folder` to its end: its exit code, and what it said in lines.
fn smpp_bridge(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smpp-bridge"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG");
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(said.is_empty() || said.ends_with('\n'), "{said:?}");
    (status.code().unwrap(), said)
}

/// A folder with `bridge.toml`.
fn with_config(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bridge.toml"), text).unwrap();
    folder
}

const RUN: &[&str] = &["run", "--config", "bridge.toml"];
const CHECK: &[&str] = &["check", "--config", "bridge.toml"];

#[test]
fn run_refuses_what_check_refuses_in_the_same_words() {
    let folder = with_config("[http]\nlisten = \"localhost:1\"\nlisen = 1\n");
    let (code, said) = smpp_bridge(folder.path(), RUN);
    assert_eq!((code, said.lines().count()), (78, 2), "{said}");
    assert_eq!(smpp_bridge(folder.path(), CHECK), (code, said));

    let no_certificate = "[tls]\nca_file = \"bridge.toml\"\n[http]\nlisten = \"127.0.0.1:0\"\n";
    let folder = with_config(no_certificate);
    for command in [RUN, CHECK] {
        let (code, said) = smpp_bridge(folder.path(), command);
        assert_eq!(code, 78, "{said}");
        let told = "tls.ca_file: bridge.toml: has no certificate";
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn an_address_that_is_taken_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    for (key, config) in [
        ("http.listen", format!("[http]\nlisten = \"{taken}\"")),
        (
            "http.admin_listen",
            format!("[http]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"{taken}\""),
        ),
    ] {
        let folder = with_config(&config);
        let (code, said) = smpp_bridge(folder.path(), RUN);
        let told = format!("cannot listen on {taken} ({key}): ");
        assert!(code == 1 && said.contains(&told), "{code} {said}");
        assert!(said.contains("stop what listens there"), "{said}");
    }
    let folder = with_config(
        "[http]\nlisten = \"192.0.2.1:1\"\npublic_base_url = \"http://x\"\n[[api.tokens]]\nname = \"a\"\ntoken = \"long-and-random\"\nscopes = [\"admin\"]",
    );
    let (code, said) = smpp_bridge(folder.path(), RUN);
    assert!(
        code == 1 && said.contains("choose an address of this machine"),
        "{said}"
    );
}

#[tokio::test]
async fn a_log_that_is_in_use_is_opened_by_nobody_else() {
    let bridge = Bridge::alone().await;
    let data = bridge.folder.path().join("data").display().to_string();
    let mut config = reference(SocketAddr::from(([127, 0, 0, 1], 9)));
    set(&mut config, "storage", "path", data.as_str());
    let folder = with_config(&config.to_string());
    for command in [
        RUN,
        &["verify", "--data", data.as_str()],
        &["export", "--data", data.as_str()],
    ] {
        let (code, said) = smpp_bridge(folder.path(), command);
        let told = format!("the log cannot be opened: {data} belongs to another running");
        assert!(code == 1 && said.contains(&told), "{code} {said}");
    }
}

#[test]
fn a_directory_without_a_log_proves_nothing_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["verify", "export"] {
        for data in [".", "nowhere"] {
            let (code, said) = smpp_bridge(folder.path(), &[command, "--data", data]);
            assert!(code == 1 && said.contains("there is no log"), "{said}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn nobody_need_read_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_smpp-bridge"))
        .args(["demo", "--once", "--port", "0"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_export_that_reaches_no_bridge_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for (url, why) in [
        (format!("http://{address}"), "Connection refused"),
        (address.to_string(), "must begin with http://"),
        (format!("https://{address}"), "must begin with http://"),
    ] {
        let (code, said) = smpp_bridge(folder.path(), &["export", "--url", &url]);
        assert!(code == 1 && said.contains(why), "{code} {said}");
    }
}
