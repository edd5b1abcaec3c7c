//! What HTTP upstreams call back with: Jasmin's messages from handsets, a Twilio-compatible
//! upstream's signed statuses.
//!
//! Method: the running daemon, called as the upstream calls it; each test names the rule.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use serde_json::{Value, json};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

// ---- Jasmin

async fn jasmin(change: Value) -> (Bridge, App, String) {
    let app = App::start().await;
    let bridge = Bridge::start(&reference(app.address)).await;
    let members = with(
        http::http_gateway(),
        json!({"provider_type": "jasmin", "meta": {"service_profile": 12}}),
    );
    let gateway = bridge.http.create(with(members, change)).await;
    (bridge, app, format!("/webhooks/jasmin/{gateway}/mo"))
}

#[tokio::test]
async fn m_045_a_message_that_jasmin_brings_is_posted_to_the_application() {
    let (bridge, app, path) = jasmin(json!({})).await;
    let form = "id=7&from=4915112345678&to=12345&origin-connector=c&content=hi&binary=6869";
    let told = bridge
        .http
        .call("POST", &path, &[FORM, ("accept", "text/plain")], form)
        .await;
    assert_eq!((told.status, told.text().as_str()), (200, "ACK/Jasmin"));
    assert_eq!(told.header("content-type"), Some("text/plain"));
    let posted = app.until("POST", "/mo", 1).await[0].json();
    assert_eq!(posted["payload"], "hi");
    assert_eq!(
        (&posted["source_address"], &posted["dest_address"]),
        (&json!(4_915_112_345_678_u64), &json!(12345))
    );
    assert_eq!(posted["endpoint"]["name"], "Meter 17");
    assert_eq!(posted["multi_part_info"]["total"], 1);
}

/// As Jasmin 0.11.0 says it: with the coding as the octet that it is.
#[tokio::test]
async fn the_coding_may_be_the_octet_itself() {
    let (bridge, app, path) = jasmin(json!({})).await;
    let rest = "id=28feb274&from=4915112345678&to=12345&origin-connector=c&priority=0";
    let gsm = format!("{rest}&content=5+%1Be&binary=35201b65&coding=%00");
    let told = bridge.http.call("POST", &path, &[FORM], gsm).await;
    assert_eq!((told.status, told.text().as_str()), (200, "ACK/Jasmin"));
    let ucs2 = format!("{path}?{rest}&content=%04%1F%D8%3C%DF%09&binary=041fd83cdf09&coding=%08");
    let told = bridge.http.call("GET", &ucs2, &[], "").await;
    assert_eq!((told.status, told.text().as_str()), (200, "ACK/Jasmin"));
    let posted = app.until("POST", "/mo", 2).await;
    let mut payloads: Vec<_> = posted
        .iter()
        .map(|c| c.json()["payload"].to_string())
        .collect();
    payloads.sort();
    assert_eq!(payloads, [r#""5 €""#, r#""П🌉""#]);
}

/// The octets count, not the text beside them.
#[tokio::test]
async fn octets_are_decoded_by_their_coding_and_a_get_will_do() {
    let (bridge, app, path) = jasmin(json!({})).await;
    let who = "from=491520000001&to=12345";
    let get = format!("{path}?{who}&coding=8&content=broken&binary=041f04400438043204350442");
    assert_eq!(
        bridge.http.call("GET", &get, &[], "").await.text(),
        "ACK/Jasmin"
    );
    let latin = format!("{who}&coding=3&content=x&binary=e9");
    assert_eq!(
        bridge.http.call("POST", &path, &[FORM], latin).await.status,
        200
    );
    let only_content = json!({"from": "491520000001", "to": "12345", "content": "naïve"});
    let told = bridge
        .http
        .call("POST", &path, &[JSON], only_content.to_string())
        .await;
    assert_eq!(told.status, 200);
    let posted = app.until("POST", "/mo", 3).await;
    let payload = |c: &Callback| c.json()["payload"].as_str().unwrap().to_owned();
    let mut payloads: Vec<String> = posted.iter().map(payload).collect();
    payloads.sort();
    assert_eq!(payloads, ["naïve", "é", "Привет"]);
    assert_eq!(
        posted[0].json()["endpoint"]["name"],
        "prov",
        "nobody's handset is the gateway's"
    );
}

#[tokio::test]
async fn a_message_without_the_token_or_an_address_is_refused() {
    let (bridge, app, path) = jasmin(json!({"callback_token": "tok-6"})).await;
    let form = "from=4915112345678&to=12345&binary=6869";
    let call = async |path: &str, form: &str| bridge.http.call("POST", path, &[FORM], form).await;
    call(&path, form).await.must_be_error(403);
    let with_token = format!("{path}?token=tok-6");
    let refused = call(&with_token, "to=12345&binary=6869").await;
    refused.must_be_error(422);
    assert_eq!(refused.fields(), ["from"]);
    call("/webhooks/jasmin/999/mo?token=tok-6", form)
        .await
        .must_be_error(404);
    assert_eq!(bridge.http.mos("pending").await.len() + app.seen().len(), 0);
    assert_eq!(call(&with_token, form).await.status, 200);
    app.until("POST", "/mo", 1).await;
}

/// Nobody's, by its length: kept and shown as such.
#[tokio::test]
async fn a_message_without_a_route_is_kept() {
    let (bridge, _app, path) = jasmin(json!({"meta": null})).await;
    let form = "from=491520000001&to=12345&binary=6869";
    assert_eq!(
        bridge.http.call("POST", &path, &[FORM], form).await.text(),
        "ACK/Jasmin"
    );
    assert_eq!(bridge.http.mos("unrouted").await.len(), 1);
}

// ---- Twilio

const PATH: &str = "/v1/webhook/twilio/sms-status";
const PUBLIC: &str = "https://bridge.example.test";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What the provider calls the message.
const SID: &str = "SM00000000000000000000000000000abc";

struct Line {
    bridge: Bridge,
    prov: Prov,
    app: App,
    gateway: u64,
}

fn account(prov: &Prov) -> Value {
    with(
        prov.gateway("twilio"),
        json!({"username": ACCOUNT, "password": AUTH_TOKEN}),
    )
}

impl Line {
    async fn new() -> Line {
        Line::with(PUBLIC, &[]).await
    }

    async fn with(public: &str, proxies: &[&str]) -> Line {
        let (app, prov) = (App::start().await, Prov::start().await);
        let mut config = reference(app.address);
        set(&mut config, "http", "public_base_url", public);
        let proxies: Vec<toml::Value> = proxies.iter().map(|p| (*p).into()).collect();
        set(&mut config, "http", "trusted_proxies", proxies);
        let bridge = Bridge::start(&config).await;
        let gateway = bridge.http.create(account(&prov)).await;
        Line {
            bridge,
            prov,
            app,
            gateway,
        }
    }

    fn http(&self) -> Http {
        self.bridge.http
    }

    /// Sends a message that the provider calls `sid`; our id.
    async fn sent_as(&self, sid: &str, change: Value) -> u64 {
        let taken = json!({"sid": sid, "status": "queued", "num_segments": "1"});
        self.prov.say([Said::json(201, &taken)]);
        let sent = self
            .http()
            .send(self.gateway, with(text("x"), change))
            .await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        assert_eq!(sent.member("external_message_id"), sid);
        sent.id()
    }

    async fn post(&self, path: &str, signature: &str, form: &str) -> Answer {
        let headers = [FORM, ("x-twilio-signature", signature)];
        self.http().call("POST", path, &headers, form).await
    }

    /// A status that is signed as it should be.
    async fn status(&self, sid: &str, word: &str, more: &[(&str, &str)]) -> Answer {
        let form = form(sid, word, more);
        let signature = sign(AUTH_TOKEN, &format!("{PUBLIC}{PATH}"), &form);
        self.post(PATH, &signature, &encoded(&form)).await
    }
}

fn form<'a>(sid: &'a str, word: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("SmsSid", sid),
        ("SmsStatus", word),
        ("MessageStatus", word),
        ("To", "+14155550100"),
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", "+15005550006"),
        ("ApiVersion", "2010-04-01"),
    ];
    form.extend_from_slice(more);
    form
}

fn encoded(form: &[(&str, &str)]) -> String {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    encoder.extend_pairs(form).finish()
}

fn sign(key: &str, url: &str, form: &[(&str, &str)]) -> String {
    let mut form = form.to_vec();
    form.sort_unstable();
    let pairs: String = form.iter().flat_map(|(n, v)| [*n, *v]).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(ring::hmac::sign(&key, format!("{url}{pairs}").as_bytes()))
}

/// 204, and not an octet more.
fn must_be_taken(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
}

fn must_be_forbidden(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (403, ""));
}

/// U-044 and U-045 in the words of the gateway API, with signatures of the published vectors.
#[tokio::test]
async fn a_signed_status_drives_the_message() {
    let line = Line::new().await;
    let id = line.sent_as(SID, json!({})).await;
    must_be_taken(&line.status(SID, "sent", &[]).await);
    let record = line.http().record(id).await;
    assert_eq!(
        (&record["state"], &record["delivery_status"]),
        (&json!("enroute"), &json!("submitted"))
    );
    assert_eq!(record["remote_response"]["From"], "+15005550006");
    let delivered = encoded(&form(SID, "delivered", &[]));
    must_be_taken(
        &line
            .post(PATH, "PN1m3j66Ixxy7U4leMPgVc25aDI=", &delivered)
            .await,
    );
    let record = line.http().record(id).await;
    assert_eq!(
        (&record["state"], &record["delivery_status"]),
        (&json!("delivered"), &json!("delivered"))
    );
    assert!(record["delivered_at"].is_string());
    // U-050 and U-051: what comes after the verdict changes nothing.
    for word in ["sent", "delivered", "failed"] {
        must_be_taken(&line.status(SID, word, &[]).await);
        let now = line.http().record(id).await;
        for unchanged in ["state", "updated_at", "delivered_at", "delivery_status"] {
            assert_eq!(now[unchanged], record[unchanged], "{word}");
        }
    }
    let types = line.http().event_types(id).await;
    let dlrs = [
        "requested",
        "dispatched",
        "dlr",
        "dlr",
        "dlr_ignored",
        "dlr_ignored",
        "dlr_ignored",
    ];
    let of_provider: Vec<&String> = types
        .iter()
        .filter(|t| !t.starts_with("callback"))
        .collect();
    assert_eq!(of_provider, dlrs.iter().collect::<Vec<_>>());
}

/// Also U-047, U-049: no word of what exists without the proof.
#[tokio::test]
async fn u_046_what_is_not_signed_for_this_url_is_forbidden() {
    let line = Line::new().await;
    let id = line.sent_as(SID, json!({})).await;
    let url = format!("{PUBLIC}{PATH}");
    let delivered = form(SID, "delivered", &[]);
    let good = sign(AUTH_TOKEN, &url, &delivered);
    let changed = form(SID, "delivered", &[("Extra", "1")]);
    let foreign = delivered
        .iter()
        .map(|(n, v)| (*n, if *n == "AccountSid" { "AC2" } else { v }));
    let foreign: Vec<_> = foreign.collect();
    let unknown = form("SM9", "delivered", &[]);
    for (path, signature, form) in [
        (PATH, sign("another-token", &url, &delivered), &delivered),
        (PATH, String::new(), &delivered),
        (PATH, "not base64!".into(), &delivered),
        (
            PATH,
            sign(AUTH_TOKEN, "https://else.test/", &delivered),
            &delivered,
        ),
        (PATH, good.clone(), &changed),
        (
            "/v1/webhook/twilio/sms-status?a=b",
            good.clone(),
            &delivered,
        ),
        (PATH, sign(AUTH_TOKEN, &url, &foreign), &foreign),
        (PATH, "AAAA".into(), &unknown),
    ] {
        must_be_forbidden(&line.post(path, &signature, &encoded(form)).await);
    }
    let unsigned = line
        .http()
        .call("POST", PATH, &[FORM], encoded(&delivered))
        .await;
    must_be_forbidden(&unsigned);
    for (kind, body) in [
        ("application/json", "{"),
        ("multipart/form-data", "x"),
        ("text/xml", ""),
    ] {
        let headers = [
            ("content-type", kind),
            ("x-twilio-signature", good.as_str()),
        ];
        must_be_forbidden(&line.http().call("POST", PATH, &headers, body).await);
    }
    assert_eq!(line.http().record(id).await["state"], "submitted");
    assert!(!line.bridge.log().contains(AUTH_TOKEN));
    must_be_taken(&line.post(PATH, &good, &encoded(&delivered)).await);
}

/// The URL as the provider may spell it, and as a proxy of ours was called.
#[tokio::test]
async fn the_url_may_have_its_port_or_come_through_a_trusted_proxy() {
    let delivered = encoded(&form(SID, "delivered", &[]));
    let line = Line::new().await;
    let id = line.sent_as(SID, json!({})).await;
    must_be_taken(
        &line
            .post(PATH, "FTLdIQRg2+t4EgIXADGVbXup8Eo=", &delivered)
            .await,
    );
    assert_eq!(line.http().record(id).await["state"], "delivered");
    let tenant = format!("{PATH}?tenant=7");
    must_be_taken(
        &line
            .post(&tenant, "/EXgNtlYTYnDFaSBrVhJWcydebA=", &delivered)
            .await,
    );
    must_be_forbidden(
        &line
            .post(PATH, "E7mWhNnoyZaKF21pd4vsL+6jvBo=", &delivered)
            .await,
    );

    let more = form(
        SID,
        "delivered",
        &[
            ("Body", "naïve +1 &=é"),
            ("MessagingServiceSid", "MG00000000000000000000000000000001"),
            ("RawDlrDoneDate", "2510161042"),
        ],
    );
    must_be_taken(
        &line
            .post(PATH, "4KPCfNhxHEbi+055GQKwGXw9wII=", &encoded(&more))
            .await,
    );

    let port = Line::with("https://bridge.example.test:8443", &[]).await;
    must_be_taken(
        &port
            .post(PATH, "E7mWhNnoyZaKF21pd4vsL+6jvBo=", &delivered)
            .await,
    );
    must_be_taken(
        &port
            .post(PATH, "PN1m3j66Ixxy7U4leMPgVc25aDI=", &delivered)
            .await,
    );

    let forwarded = [
        FORM,
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "bridge.example.test"),
        ("x-twilio-signature", "PN1m3j66Ixxy7U4leMPgVc25aDI="),
    ];
    for (proxies, status) in [(&["127.0.0.0/8"][..], 204), (&[], 403)] {
        let behind = Line::with("http://10.0.0.7", proxies).await;
        let answer = behind
            .http()
            .call("POST", PATH, &forwarded, &delivered)
            .await;
        assert_eq!(answer.status, status);
    }
}

/// U-060.
#[tokio::test]
async fn u_060_a_json_status_is_proved_by_its_digest() {
    let line = Line::new().await;
    let id = line.sent_as(SID, json!({})).await;
    let digest = "9c590a05b6373ee16c8bf792ba4fc216f8cde51b4cc6b4a534f4c67868ec678b";
    let path = format!("{PATH}?bodySHA256={digest}");
    let body =
        format!(r#"{{"AccountSid":"{ACCOUNT}","MessageSid":"{SID}","MessageStatus":"delivered"}}"#);
    let headers = [JSON, ("x-twilio-signature", "k3z0J/B3xQRXxQN4k41NFbibAlM=")];
    let altered = body.replace("delivered", "undelivered");
    must_be_forbidden(&line.http().call("POST", &path, &headers, &altered).await);
    must_be_forbidden(&line.http().call("POST", PATH, &headers, &body).await);
    must_be_taken(&line.http().call("POST", &path, &headers, &body).await);
    assert_eq!(line.http().record(id).await["state"], "delivered");
}

/// Also U-052, U-053: each verdict, and its code in the record.
#[tokio::test]
async fn u_052_a_negative_status_fails_the_message_with_its_code() {
    let line = Line::new().await;
    for (n, (word, state, code)) in [
        ("undelivered", "undelivered", "30006"),
        ("failed", "failed", "30007"),
        ("canceled", "failed", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let sid = format!("SM{n}");
        let id = line.sent_as(&sid, json!({})).await;
        must_be_taken(&line.status(&sid, word, &[("ErrorCode", code)]).await);
        let record = line.http().record(id).await;
        assert_eq!(
            (&record["state"], &record["delivery_status"]),
            (&json!(state), &json!("failed"))
        );
        assert_eq!(record["remote_response"]["ErrorCode"], code);
        assert_eq!(record["provider_error"].as_str().unwrap_or_default(), code);
        assert_eq!(record["delivered_at"], Value::Null);
    }
}

/// U-064: progress is recorded and moves nothing; what means nothing is not even that.
#[tokio::test]
async fn u_064_progress_leaves_the_message_as_it_is() {
    let line = Line::new().await;
    let id = line.sent_as(SID, json!({})).await;
    for word in ["queued", "sending", "sending", "foo", "partially_delivered"] {
        must_be_taken(&line.status(SID, word, &[]).await);
        let record = line.http().record(id).await;
        assert_eq!(
            (&record["state"], &record["delivery_status"]),
            (&json!("submitted"), &json!("submitted"))
        );
    }
    let types = line.http().event_types(id).await;
    assert_eq!(
        types,
        ["requested", "dispatched", "dlr", "dlr", "dlr_ignored"]
    );
    must_be_taken(&line.status(SID, "sent", &[]).await);
    let sent = line.http().record(id).await;
    must_be_taken(&line.status(SID, "sending", &[]).await);
    let late = line.http().record(id).await;
    assert_eq!(
        (&late["state"], &late["updated_at"]),
        (&sent["state"], &sent["updated_at"])
    );
}

/// U-048, and why the status is kept: it may have overtaken the answer with the id.
#[tokio::test]
async fn u_048_a_status_of_an_unknown_message_is_kept_for_it() {
    let line = Line::new().await;
    must_be_taken(&line.status(SID, "delivered", &[]).await);
    let orphans = line.http().get("/api/orphans", ADMIN).await.text();
    assert!(orphans.contains(SID), "{orphans}");
    let taken = json!({"sid": SID, "status": "queued"});
    line.prov.say([Said::json(201, &taken)]);
    let sent = line.http().send(line.gateway, text("x")).await;
    let record = line.http().until_state(sent.id(), "delivered").await;
    assert_eq!(record["external_message_id"], SID);
    let orphans = line.http().get("/api/orphans", ADMIN).await.text();
    assert!(!orphans.contains(SID), "{orphans}");
}

/// U-066.
#[tokio::test]
async fn u_066_while_the_token_is_changed_either_signs() {
    let line = Line::new().await;
    let changed = json!({
        "password": "the-new-auth-token",
        "meta": {"twilio": {"previous_auth_token": AUTH_TOKEN}},
    });
    line.http().patch(line.gateway, changed).await;
    let id = line.sent_as(SID, json!({})).await;
    must_be_taken(&line.status(SID, "sent", &[]).await);
    assert_eq!(line.http().record(id).await["state"], "enroute");
    let delivered = form(SID, "delivered", &[]);
    let signature = sign("the-new-auth-token", &format!("{PUBLIC}{PATH}"), &delivered);
    must_be_taken(&line.post(PATH, &signature, &encoded(&delivered)).await);
    assert_eq!(line.http().record(id).await["state"], "delivered");
    line.http().patch(line.gateway, json!({"meta": null})).await;
    must_be_forbidden(&line.status(SID, "sent", &[]).await);
}

/// Two gateways of one account, one of them deleted since: each message is found.
#[tokio::test]
async fn gateways_may_share_an_account_and_a_deleted_ones_messages_still_take_statuses() {
    let line = Line::new().await;
    let first = line.sent_as("SM1", json!({})).await;
    let path = format!("/api/sms-gateways/{}", line.gateway);
    let http = line.http();
    for left in [2, 1, 0] {
        if left > 0 {
            http.create(account(&line.prov)).await;
        }
        if left == 1 {
            let gone = http.json("DELETE", &path, ADMIN, json!({})).await;
            assert_eq!(gone.status, 200);
        }
        let word = ["delivered", "sent", "queued"][left];
        must_be_taken(&line.status("SM1", word, &[]).await);
    }
    assert_eq!(http.record(first).await["state"], "delivered");
    let orphans = http.get("/api/orphans", ADMIN).await.text();
    assert!(!orphans.contains("SM1"), "{orphans}");
}

/// The provider calls us, whoever wants to know; we tell them.
#[tokio::test]
async fn a_custom_callback_url_gets_the_verdict_from_the_bridge() {
    let line = Line::new().await;
    let url = line.app.url("/dlr");
    let id = line.sent_as(SID, json!({"callback_url": url})).await;
    let ours = format!("{PUBLIC}{PATH}");
    assert_eq!(line.prov.last().field("StatusCallback"), Some(ours));
    must_be_taken(
        &line
            .status(SID, "undelivered", &[("ErrorCode", "30006")])
            .await,
    );
    let told = line.app.until("POST", "/dlr", 1).await[0].json();
    assert_eq!(
        (&told["message_id"], &told["status"]),
        (&json!(SID), &json!("UNDELIVERED"))
    );
    assert_eq!(told["err"], "30006");
    assert_eq!(line.http().record(id).await["callback_url"], url);
}

/// Other methods, and a slash at the end, which is part of what was signed.
#[tokio::test]
async fn the_route_is_a_route_like_the_others() {
    let line = Line::new().await;
    let get = line.http().call("GET", PATH, &[], "").await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let delivered = form(SID, "delivered", &[]);
    let slash = format!("{PATH}/");
    let signature = sign(AUTH_TOKEN, &format!("{PUBLIC}{slash}"), &delivered);
    must_be_taken(&line.post(&slash, &signature, &encoded(&delivered)).await);
    let large = "x".repeat(300_000);
    assert_eq!(line.post(PATH, "", &large).await.status, 413);
}
