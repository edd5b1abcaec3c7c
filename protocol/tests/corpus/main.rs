//! Goal: every line of the corpus reads as it says. Method: one module a file; the expectations
//! were checked against other decoders when the corpus was made, so a difference is our bug.
//!
//! The environment variable SMPP_PEER_CORPUS may name a folder with more lines of the same kinds.

mod malformed;
mod mo_decode;
mod receipts;
mod tables;
mod texts;
mod valid;

use serde_json::Value;

/// One line: its name, for messages, and everything else.
struct Line {
    name: String,
    value: Value,
}

impl Line {
    fn octets(&self) -> Vec<u8> {
        hex(self.value["hex"].as_str().expect("hex"))
    }

    fn expect(&self) -> &Value {
        &self.value["expect"]
    }
}

/// The lines of a file of this folder, then those of the same name in the peers' folder.
fn lines(file: &str) -> Vec<Line> {
    let own = format!("{}/tests/corpus/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![std::fs::read_to_string(&own).expect("corpus file")];
    match std::env::var("SMPP_PEER_CORPUS") {
        Ok(folder) => texts.extend(std::fs::read_to_string(format!("{folder}/{file}")).ok()),
        Err(_) => println!("SMPP_PEER_CORPUS is not set: only our own lines of {file}"),
    }
    let lines: Vec<Line> = texts
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            Line {
                name: value["name"].as_str().expect("name").to_owned(),
                value,
            }
        })
        .collect();
    assert!(!lines.is_empty());
    lines
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits"))
        .collect()
}

fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
