//! The log as its operators meet it: proved, written out while the bridge runs, and on a disk
//! that fills.
//!
//! Method: the daemon and the commands as children, the real disk or a file size that the kernel
//! limits; what the commands print is compared with what the API said.

mod common;

use common::*;
use serde_json::Value;
use smpp_bridge::simulator::{Answer as Reaction, mo};
use smpp_protocol::command::CommandStatus;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;

/// Runs the binary to its end; the runtime goes on meanwhile.
async fn command(arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_smpp-bridge"));
    command.args(arguments);
    let ended = tokio::task::spawn_blocking(move || command.output());
    ended.await.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The ids that an export calls accepted.
fn accepted(export: &str) -> BTreeSet<u64> {
    let lines = export
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap());
    let begins = lines.filter(|l| l["event"].get("Accepted").is_some());
    begins.map(|l| l["message"].as_u64().unwrap()).collect()
}

fn data(bridge: &Bridge) -> String {
    bridge.folder.path().join("data").display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_exported_while_the_bridge_runs_and_the_same_at_rest() {
    let mut scene = Scene::new().await;
    let mut ids = BTreeSet::new();
    for n in 0..150 {
        // Enough for several pages.
        let message = format!("{n} {}", "long ".repeat(180));
        ids.insert(scene.http().queue(scene.gateway, text(&message)).await);
    }
    let url = format!("http://{}", scene.http().address);
    let live = command(&["export", "--url", &url, "--token", ADMIN]).await;
    assert!(live.status.success(), "{live:?}");
    assert_eq!(accepted(&said(&live)), ids);
    let frames = said(&live).lines().count();
    assert!(frames > 300, "all entries, not only acceptances: {frames}");
    for token in [READER, SENDER, "nobody"] {
        let refused = command(&["export", "--url", &url, "--token", token]).await;
        assert!(!refused.status.success(), "{token} may not read the log");
        assert!(refused.stdout.is_empty());
    }
    // A reader goes on where it ended.
    let last: Value = serde_json::from_str(said(&live).lines().last().unwrap()).unwrap();
    let from = last["frame"].as_u64().unwrap();
    let path = format!("/api/log?from={from}");
    let rest = scene.http().get(&path, ADMIN).await;
    assert_eq!(rest.status, 200);
    let text = rest.text();
    assert!(text.contains(&format!("{{\"frame\":{from},")), "{text}");
    assert!(
        !text.contains(&format!("{{\"frame\":{},", from - 1)),
        "{text}"
    );

    // While it runs nobody else may open it.
    let busy = command(&["export", "--data", &data(&scene.bridge)]).await;
    assert!(String::from_utf8_lossy(&busy.stderr).contains("another running smpp-bridge"));
    scene.bridge.stop().await;
    let rest = command(&["export", "--data", &data(&scene.bridge)]).await;
    assert!(
        said(&rest).starts_with(&said(&live)),
        "the same lines, and more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_proves_the_sum_and_lists_what_waits() {
    let mut scene = Scene::new().await;
    let (done, external) = scene.submitted("done").await;
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(done, "delivered").await;
    for n in 0..25 {
        scene.receive(&format!("nobody{n:02}"), "DELIVRD").await;
    }
    let unrouted = scene
        .smsc
        .deliver(mo("4915100000001", "99999", "whose?"))
        .await;
    assert_eq!(unrouted, Some(CommandStatus::ESME_ROK));
    scene.smsc.answer_next([Reaction::Silence]);
    let doubted = scene.http().queue(scene.gateway, text("doubted")).await;
    wait_for("the submit", async || {
        (scene.submits_of("doubted") > 0).then_some(())
    })
    .await;
    scene.bridge.kill9();

    let data = data(&scene.bridge);
    let proof = command(&["verify", "--data", &data]).await;
    let words = said(&proof);
    assert!(proof.status.success(), "{words}");
    for line in [
        "messages accepted 2 = with a verdict 1 + open 1",
        "messages in doubt 1",
        &format!("  {}  sent again 0 times", doubted),
        "of these unrouted 1",
        "orphan receipts 25",
        "id nobody00",
        "  and 5 more; --all lists them",
        "no violations",
    ] {
        assert!(words.contains(line), "{line} is not in\n{words}");
    }
    let all = said(&command(&["verify", "--data", &data, "--all"]).await);
    assert!(
        all.contains("id nobody24") && !all.contains("more; --all"),
        "{all}"
    );
}

/// A directory on a disk that nobody else fills: memory, where there is such a disk.
fn folder_in_memory() -> tempfile::TempDir {
    let shared = PathBuf::from("/dev/shm");
    match shared.is_dir() {
        true => tempfile::tempdir_in(shared).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

fn free_mib(at: &std::path::Path) -> u64 {
    let stat = rustix::fs::statvfs(at).unwrap();
    (stat.f_bavail * stat.f_frsize) >> 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_closes_admission_and_opens_it_again() {
    let disk = folder_in_memory();
    let reserve = free_mib(disk.path()).saturating_sub(100).max(16);
    let path = disk.path().join("data").display().to_string();
    let scene = Scene::with(
        |config| {
            set(config, "storage", "path", path);
            set(
                config,
                "storage",
                "disk_reserve_mib",
                i64::try_from(reserve).unwrap(),
            );
        },
        Value::Object(serde_json::Map::new()),
    )
    .await;
    let (open, external) = scene.submitted("before").await;
    let binds = scene.smsc.binds();

    // Until less than the reserve is left.
    let filler = disk.path().join("filler");
    let more = free_mib(disk.path()).saturating_sub(reserve) + 8;
    let octets = vec![1; usize::try_from(more << 20).unwrap()];
    std::fs::write(&filler, &octets).unwrap();
    wait_for("the refusal", async || {
        let answer = scene.send(text("refused")).await;
        (answer.status == 503).then(|| answer.must_be_error(503))
    })
    .await;
    let ready = scene.http().call("GET", "/readyz", &[], "").await;
    assert_eq!(
        (ready.status, ready.json()["degraded"][0]["reason"].as_str()),
        (503, Some("full"))
    );
    let answer = scene.smsc.deliver(receipt(&external, "DELIVRD")).await;
    assert_eq!(
        answer,
        Some(CommandStatus::ESME_RX_T_APPN),
        "it may be sent again"
    );
    assert!(scene.smsc.bound() > 0);
    assert_eq!(scene.smsc.binds(), binds, "no bind was lost");

    std::fs::remove_file(&filler).unwrap();
    wait_for("the recovery", async || {
        let answer = scene.send(text("after")).await;
        (answer.status == 201).then_some(())
    })
    .await;
    assert_eq!(scene.smsc.binds(), binds);
    scene.receive(&external, "DELIVRD").await;
    scene.until_state(open, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_refuses_what_is_beyond_the_write_ahead_file_loses_nothing() {
    let mut scene = Scene::new().await;
    // The write-ahead files are there; what grows is refused from here on.
    scene.bridge.set_file_octets_max(Some(1 << 20));
    let mut taken = Vec::new();
    let long = "x".repeat(900);
    let began = std::time::Instant::now();
    loop {
        assert!(began.elapsed() < WITHIN, "nothing is refused");
        let headers = [("prefer", "respond-async")];
        let answer = scene
            .http()
            .send_with(scene.gateway, &headers, text(&long))
            .await;
        match answer.status {
            201 => taken.push(answer.id()),
            503 => break,
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(scene.bridge.is_running());
    scene.bridge.set_file_octets_max(None);
    wait_for("the recovery", async || {
        let answer = scene.send(text("after")).await;
        (answer.status == 201).then_some(())
    })
    .await;
    for id in &taken {
        scene.until_state(*id, "submitted").await;
    }
    scene.bridge.stop().await;
    let proof = command(&["verify", "--data", &data(&scene.bridge)]).await;
    assert!(proof.status.success(), "{}", said(&proof));
}
