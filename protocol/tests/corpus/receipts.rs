//! `receipts.jsonl`: texts of receipts, field by field.

use serde_json::{Value, json};
use smpp_protocol::receipt::{Receipt, ReceiptDate, ReceiptState};

use super::lines;

#[test]
fn every_receipt_reads_as_the_corpus_says() {
    for line in lines("receipts.jsonl") {
        let receipt = Receipt::parse_text(&line.octets());
        let text = |field: &Option<smpp_protocol::COctetString>| {
            field.as_ref().map(|text| text.to_str().into_owned())
        };
        let read = json!({
            "id": text(&receipt.id),
            "sub": receipt.sub,
            "dlvrd": receipt.dlvrd,
            "submit_date": date(receipt.submit_date.as_ref()),
            "done_date": date(receipt.done_date.as_ref()),
            "stat": text(&receipt.stat),
            "state": receipt.state.map(ReceiptState::name),
            "final": receipt.state.map(ReceiptState::is_final),
            "err": text(&receipt.err),
            "text": receipt.text_str(),
            "is_receipt": receipt.is_receipt(),
        });
        let mut expect = line.expect().clone();
        if receipt.state.is_none() && expect["final"] == false {
            expect["final"] = Value::Null;
        }
        assert_eq!(read, expect, "{}", line.name);
    }
}

fn date(date: Option<&ReceiptDate>) -> Value {
    date.and_then(|date| date.time)
        .map_or(Value::Null, |time| json!(time.to_string()))
}
