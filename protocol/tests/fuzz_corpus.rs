//! Goal: nothing the fuzzer ever found comes back. Method: its corpora, replayed through the
//! functions its targets call, without the fuzzer.

#[path = "../../fuzz/src/checks.rs"]
#[allow(unreachable_pub, reason = "public for the fuzz targets")]
mod checks;

use std::fs;
use std::panic;
use std::path::Path;

#[track_caller]
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let data = fs::read(&file).unwrap();
        if let Err(panic) = panic::catch_unwind(|| check(&data)) {
            eprintln!("failed with {}", file.display());
            panic::resume_unwind(panic);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus for {target}");
}

#[test]
fn frames_of_the_corpus() {
    replay("frame", checks::frame);
}

#[test]
fn pdus_of_the_corpus() {
    replay("pdu", checks::pdu);
    replay("agree", checks::pdu);
}

#[test]
fn tlvs_of_the_corpus() {
    replay("tlvs", checks::tlvs);
}

#[test]
fn receipts_of_the_corpus() {
    replay("receipt", checks::receipt);
}

#[test]
fn texts_of_the_corpus() {
    replay("text", checks::text);
}

#[test]
fn segments_of_the_corpus() {
    replay("segment", checks::segment);
}

#[test]
fn sessions_of_the_corpus() {
    replay("session", checks::session);
}
