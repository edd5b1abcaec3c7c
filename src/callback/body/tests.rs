//! Golden bodies: octet for octet what the receivers were promised.

use super::*;
use crate::message::{Alphabet, Concat, GatewayId, sample};

/// 2021-10-29 07:16:45 UTC.
const AT: Timestamp = Timestamp(1_635_491_805_000_000);

fn organisation(name: Option<&str>) -> Organisation {
    Organisation {
        id: 4,
        name: name.map(str::to_owned),
    }
}

fn record() -> MoRecord {
    MoRecord {
        source_addr: "+4915112345678".into(),
        octets: b"text from the \"handset\"".to_vec(),
        alphabet: Alphabet::Latin1,
        ..sample::mo()
    }
}

fn text(body: Bytes) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn an_mo_is_posted_as_documented() {
    let organisation = organisation(Some("Example Org"));
    let id = MessageId(46_638_782);
    assert_eq!(
        text(mo(id, &record(), AT, &organisation, AddressType::Auto)),
        r#"{"id":46638782,"endpoint":{"id":1,"name":"Meter 17"},"organisation":{"id":4,"name":"Example Org"},"source_address":4915112345678,"dest_address":12345,"payload":"text from the \"handset\"","dcs":0,"pid":0,"submit_date":"2021-10-29 07:16:45","multi_part_info":{"identifier":"46638782","partno":1,"total":1}}"#
    );
}

#[test]
fn a_segment_alone_tells_its_number_and_the_common_identifier() {
    let mut record = record();
    record.segment = Some(Concat {
        reference: 7,
        total: 3,
        number: 2,
        reference_bits: 8,
    });
    record.identifier = Some(99);
    record.destination_addr = "INFO".into();
    record.protocol_id = 64;
    let body = mo(
        MessageId(5),
        &record,
        AT,
        &organisation(None),
        AddressType::Text,
    );
    assert_eq!(
        text(body),
        r#"{"id":5,"endpoint":{"id":1,"name":"Meter 17"},"organisation":{"id":4},"source_address":"+4915112345678","dest_address":"INFO","payload":"text from the \"handset\"","dcs":0,"pid":64,"submit_date":"2021-10-29 07:16:45","multi_part_info":{"identifier":"99","partno":2,"total":3}}"#
    );
}

#[test]
fn an_address_is_a_number_only_where_nothing_is_lost() {
    let written = |a, t| serde_json::to_string(&address(a, t)).unwrap();
    for (a, json) in [
        ("12345", "12345"),
        ("+12345", "12345"),
        ("999999999999999", "999999999999999"),
        ("1234567890123456", "\"1234567890123456\""),
        ("0049151", "\"0049151\""),
        ("+0151", "\"+0151\""),
        ("0", "\"0\""),
        ("", "\"\""),
        ("+", "\"+\""),
        ("INFO", "\"INFO\""),
        ("12a", "\"12a\""),
    ] {
        assert_eq!(written(a, AddressType::Auto), json);
        assert_eq!(written(a, AddressType::Text), format!("\"{a}\""));
    }
}

#[test]
fn octets_are_lower_case_hex() {
    assert_eq!(hex(&[0x00, 0x9f, 0xA5, 0xFF]), "009fa5ff");
}

const TIMES: Times = Times {
    accepted_at: Timestamp(1_635_491_613_000_000),
    submitted_at: Some(Timestamp(1_635_491_614_000_000)),
    event_at: Timestamp(1_635_491_616_000_000),
};

#[test]
fn a_final_receipt_is_patched_as_documented() {
    let endpoint = Named {
        id: 1,
        name: Some("Meter 17"),
    };
    let id = MessageId(46_638_644);
    let body = patch(id, endpoint, &organisation(None), State::Delivered, TIMES);
    assert_eq!(
        text(body),
        r#"{"id":46638644,"endpoint":{"id":1,"name":"Meter 17"},"organisation":{"id":4},"submit_date":"2021-10-29 07:13:34","final_date":"2021-10-29 07:13:36","status":{"id":4,"status":"DELIVERED"}}"#
    );
}

#[test]
fn progress_has_no_final_date_and_what_was_never_submitted_the_time_of_acceptance() {
    let endpoint = Named {
        id: 3,
        name: Some("smsc-main"),
    };
    let times = Times {
        submitted_at: None,
        ..TIMES
    };
    let body = patch(
        MessageId(1),
        endpoint,
        &organisation(None),
        State::Queued,
        times,
    );
    assert_eq!(
        text(body),
        r#"{"id":1,"endpoint":{"id":3,"name":"smsc-main"},"organisation":{"id":4},"submit_date":"2021-10-29 07:13:33","status":{"id":1,"status":"DELIVERY ATTEMPT PENDING"}}"#
    );
}

#[test]
fn every_state_has_its_status_number() {
    let numbers = State::ALL.map(|s| status(s).id);
    assert_eq!(numbers, [1, 1, 1, 2, 3, 4, 5, 6, 5, 7, 5, 4]);
}

const GATEWAY: GatewayId = GatewayId(3);

#[test]
fn a_verdict_tells_what_the_receipt_said() {
    let report = Report::Smpp(SmppReport {
        id: "0A1B".into(),
        stat: "delivrd".into(),
        err: Some("000".into()),
        sub: Some(1),
        dlvrd: Some(1),
        submit_date: Some("2110290713".into()),
        done_date: Some("2110290714".into()),
        text: Some("hi".into()),
        message_state: None,
        source_addr: String::new(),
    });
    let body = verdict(GATEWAY, Some("a1b"), State::Delivered, Some(&report), TIMES);
    assert_eq!(
        text(body),
        r#"{"message_id":"a1b","id":"a1b","status":"DELIVRD","level":2,"connector":"3","id_smsc":"0A1B","sub":"001","dlvrd":"001","subdate":"2110290713","donedate":"2110290714","err":"000","text":"hi"}"#
    );
}

#[test]
fn a_verdict_without_a_receipt_tells_our_own_times_and_no_false_id() {
    let times = Times {
        submitted_at: None,
        ..TIMES
    };
    let body = verdict(GATEWAY, None, State::Failed, None, times);
    assert_eq!(
        text(body),
        r#"{"message_id":"","id":"","status":"UNDELIV","level":2,"connector":"3","id_smsc":"","sub":"001","dlvrd":"000","subdate":"","donedate":"2110290713","err":"000","text":""}"#
    );
}

#[test]
fn an_http_verdict_has_the_providers_word_and_code() {
    let report = Report::Http {
        word: "undelivered".into(),
        payload: r#"{"MessageSid":"SM1","ErrorCode":"30006"}"#.into(),
        defaulted: false,
    };
    let body = text(verdict(
        GATEWAY,
        Some("SM1"),
        State::Undelivered,
        Some(&report),
        TIMES,
    ));
    assert!(body.contains(r#""status":"UNDELIVERED""#), "{body}");
    assert!(body.contains(r#""err":"30006""#), "{body}");
    let coded = |payload| http_error(payload);
    assert_eq!(coded(r#"{"err":7}"#).as_deref(), Some("7"));
    assert_eq!(coded(r#"{"err":[]}"#), None);
    assert_eq!(coded("status=x"), None);
}
