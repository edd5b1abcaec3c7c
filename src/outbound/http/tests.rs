//! What each transport puts on the wire, from the same message.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Upstream;
use super::order::{Order, Parcel};
use crate::message::{
    EncodedHead, Family, Gateway, GatewayId, Head, MessageId, UniversalOrigin, UseCaseOrigin,
    sample,
};
use crate::store::Lease;

const BASE: &str = "http://bridge.test";

fn gateway(provider_type: &str, change: Value) -> Gateway {
    let mut record = json!({
        "id": 7, "name": "g", "provider_type": provider_type, "server_host": "prov.test",
        "server_port": 8080, "api_path": "send", "username": "user", "password": "pass word",
        "default_sender_id": null, "callback_token": null, "use_ssl": false, "is_active": true,
        "notes": null, "meta": null, "created_at": 0, "updated_at": 0, "deleted": false,
    });
    for (name, value) in change.as_object().unwrap() {
        record[name] = value.clone();
    }
    serde_json::from_value(record).unwrap()
}

fn head() -> Head {
    Head {
        gateway: GatewayId(7),
        destination: "+49 (151) 123-45".into(),
        source: "Brand".into(),
        ..sample::head()
    }
}

fn upstream(gateway: Gateway) -> Upstream {
    Upstream::of(Arc::new(gateway), BASE).unwrap()
}

fn parcel(gateway: Gateway, head: &Head, text: &str) -> Parcel {
    let upstream = upstream(gateway.clone());
    upstream.parcel(&Order {
        gateway: &gateway,
        settings: &upstream.settings,
        head,
        text,
        base_url: BASE,
    })
}

fn json_of(parcel: &Parcel) -> Value {
    assert_eq!(parcel.content_type, "application/json");
    serde_json::from_slice(&parcel.body).unwrap()
}

/// As `name=value` lines, decoded.
fn form_of(parcel: &Parcel) -> Vec<String> {
    assert_eq!(parcel.content_type, "application/x-www-form-urlencoded");
    let pairs = form_urlencoded::parse(&parcel.body);
    pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[test]
fn the_generic_transport_sends_json_with_the_documented_members() {
    let extra = json!({"meta": {"http": {"extra": {"tenant": {"a": 1}, "dlr-level": 2}}}});
    let made = parcel(gateway("http", extra), &head(), "Grüße €");
    assert_eq!(made.path, "send");
    assert_eq!(
        json_of(&made),
        json!({
            "to": "+4915112345", "from": "Brand", "content": "Grüße €", "dlr": "yes",
            "dlr-level": 2, "dlr-method": "POST",
            "dlr-url": "http://bridge.test/api/sms-gateways/7/dlr", "tenant": {"a": 1},
        })
    );
}

#[test]
fn the_number_loses_its_prefix_only_where_that_is_wanted() {
    for (provider_type, meta, number, expected) in [
        ("http", json!(null), "+49 151", "+49151"),
        (
            "http",
            json!({"http": {"strip_plus": true}}),
            "+49 151",
            "49151",
        ),
        ("jasmin_rest", json!(null), "+49151", "49151"),
        ("jasmin_rest", json!(null), "0049151", "49151"),
        (
            "jasmin_rest",
            json!({"http": {"strip_plus": false}}),
            "+49151",
            "+49151",
        ),
    ] {
        let head = Head {
            destination: number.into(),
            ..head()
        };
        let made = parcel(gateway(provider_type, json!({ "meta": meta })), &head, "x");
        assert_eq!(json_of(&made)["to"], expected, "{provider_type} {number}");
    }
}

#[test]
fn the_dlr_url_is_the_clients_or_ours_with_the_token() {
    let token = json!({"callback_token": "tok 6&"});
    let ours = "http://bridge.test/api/sms-gateways/7/dlr?token=tok+6%26";
    let custom = "https://app.test/dlr";
    for (callback_url, forwards, expected) in [
        (None, false, ours),
        (Some(custom), false, custom),
        (Some(custom), true, ours),
    ] {
        let head = Head {
            callback_url: callback_url.map(Into::into),
            forwards,
            ..head()
        };
        let made = parcel(gateway("http", token.clone()), &head, "x");
        assert_eq!(json_of(&made)["dlr-url"], expected);
    }
}

#[test]
fn paths_have_one_slash_and_the_transports_default() {
    let account = json!({"username": "AC/1"});
    for (provider_type, api_path, expected) in [
        ("http", "send", "send"),
        ("http", "api/v2/send", "api/v2/send"),
        ("jasmin", "send", "send"),
        ("jasmin_rest", "send", "secure/send"),
        ("jasmin_rest", "other", "other"),
        ("twilio", "send", "2010-04-01/Accounts/AC%2F1/Messages.json"),
        ("twilio", "own/Messages", "own/Messages"),
    ] {
        let mut gateway = gateway(provider_type, account.clone());
        gateway.api_path = api_path.into();
        assert_eq!(parcel(gateway, &head(), "x").path, expected);
    }
}

#[test]
fn jasmin_gets_a_form_with_what_it_takes_and_no_more() {
    let extra = json!({"meta": {"http": {"extra": {"priority": 2, "dlr-level": "1"}}}});
    assert_eq!(
        form_of(&parcel(gateway("jasmin", extra), &head(), "10 € [x] &+")),
        [
            "username=user",
            "password=pass word",
            "to=4915112345",
            "from=Brand",
            "coding=0",
            "content=10 € [x] &+",
            "dlr=yes",
            "dlr-method=POST",
            "dlr-url=http://bridge.test/api/sms-gateways/7/dlr",
            "priority=2",
            "dlr-level=1",
        ]
    );
    let unicode = form_of(&parcel(gateway("jasmin", json!({})), &head(), "Привет🎉"));
    assert!(unicode.contains(&"coding=8".to_owned()));
    let octets = "hex-content=041f04400438043204350442d83cdf89";
    assert!(unicode.contains(&octets.to_owned()), "{unicode:?}");
    assert!(!unicode.iter().any(|pair| pair.starts_with("content=")));
}

#[test]
fn jasmins_rest_proxy_gets_json_without_credentials() {
    let gateway = |text| parcel(gateway("jasmin_rest", json!({})), &head(), text);
    assert_eq!(
        json_of(&gateway("hi")),
        json!({
            "to": "4915112345", "from": "Brand", "content": "hi", "dlr": "yes", "dlr-level": 3,
            "dlr-method": "POST", "dlr-url": "http://bridge.test/api/sms-gateways/7/dlr",
        })
    );
    let unicode = json_of(&gateway("я"));
    assert_eq!(unicode["hex-content"], "044f");
    assert_eq!(
        (&unicode["coding"], unicode.get("content")),
        (&json!(8), None)
    );
}

#[test]
fn twilio_gets_a_form_and_our_webhook_whoever_wants_the_verdict() {
    let status = "StatusCallback=http://bridge.test/v1/webhook/twilio/sms-status";
    let custom = Head {
        callback_url: Some("https://app.test/dlr".into()),
        forwards: true,
        ..head()
    };
    assert_eq!(
        form_of(&parcel(gateway("twilio", json!({})), &custom, "hi")),
        ["To=+4915112345", "Body=hi", "From=Brand", status]
    );
    let meta = json!({"meta": {"twilio": {"messaging_service_sid": "MG1"}}});
    let service = [
        "To=+4915112345",
        "Body=hi",
        "MessagingServiceSid=MG1",
        status,
    ];
    assert_eq!(
        form_of(&parcel(gateway("twilio", meta.clone()), &head(), "hi")),
        service
    );
    let use_case = |sid: Option<&str>| Head {
        family: Family::UseCases(UseCaseOrigin {
            use_case: 1,
            messaging_service_sid: sid.map(Into::into),
        }),
        ..head()
    };
    let of_use_case = form_of(&parcel(
        gateway("twilio", meta),
        &use_case(Some("MG2")),
        "hi",
    ));
    assert!(of_use_case.contains(&"MessagingServiceSid=MG2".to_owned()));
    let plain = form_of(&parcel(gateway("twilio", json!({})), &use_case(None), "hi"));
    assert!(plain.contains(&"From=Brand".to_owned()));
}

#[test]
fn the_request_has_basic_only_where_there_is_an_account() {
    let lease = |head: Head| Lease {
        message: MessageId(1),
        head: EncodedHead::from(&head),
        text: "hi".into(),
        segments: vec![1],
        attempt: 1,
    };
    let request = upstream(gateway("http", json!({})))
        .request(&lease(head()))
        .unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "/send");
    assert_eq!(request.headers()["host"], "prov.test:8080");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        request.headers()["authorization"],
        "Basic dXNlcjpwYXNzIHdvcmQ="
    );
    let open = gateway("http", json!({"username": null, "password": null}));
    let request = upstream(open).request(&lease(head())).unwrap();
    assert_eq!(request.headers().get("authorization"), None);

    let parts = Head {
        segments: 2,
        ..head()
    };
    assert!(
        upstream(gateway("http", json!({})))
            .request(&lease(parts))
            .is_err()
    );
    let with_udh = Head {
        family: Family::Universal(UniversalOrigin {
            account: "a".into(),
            message_id: "m".into(),
            campaign_id: None,
            notify: false,
            simulation: false,
            parts: 1,
            udh: Some(vec![5, 0, 3, 1, 1, 1]),
            skip_rcs_override: false,
        }),
        ..head()
    };
    assert!(
        upstream(gateway("http", json!({})))
            .request(&lease(with_udh))
            .is_err()
    );
}

#[test]
fn the_host_header_leaves_out_the_schemes_own_port() {
    for (host, port, tls, expected) in [
        ("api.test", 443, true, "api.test"),
        ("api.test", 443, false, "api.test:443"),
        ("api.test", 80, false, "api.test"),
        ("[2001:DB8::1]", 8080, false, "[2001:db8::1]:8080"),
    ] {
        let change = json!({"server_host": host, "server_port": port, "use_ssl": tls});
        let request = upstream(gateway("http", change)).request(&Lease {
            message: MessageId(1),
            head: EncodedHead::from(&head()),
            text: "hi".into(),
            segments: vec![1],
            attempt: 1,
        });
        assert_eq!(request.unwrap().headers()["host"], expected);
    }
}
