//! The real daemon over real sockets, and everybody it talks to: a message centre, an
//! application that takes callbacks, a client of the API.
//!
//! Nothing waits for time to pass: [`wait_for`] waits for a condition. Every port is the
//! kernel's choice, so tests run side by side.

// Each test binary uses the part it needs.
#![allow(dead_code, unused_imports)]

pub(crate) mod app;
pub(crate) mod bridge;
pub(crate) mod http;
pub(crate) mod prov;
pub(crate) mod sample;
pub(crate) mod tap;

pub(crate) use self::app::{App, Callback, Reply};
pub(crate) use self::bridge::{Bridge, reference, set};
pub(crate) use self::http::{ADMIN, Answer, Http, READER, SENDER};
pub(crate) use self::prov::{Prov, Said};
pub(crate) use self::tap::Tap;

use bytes::Bytes;
use serde_json::{Value, json};
use smpp_bridge::simulator::{Options, Simulator};
use smpp_protocol::coding::EsmClass;
use smpp_protocol::command::CommandStatus;
use smpp_protocol::pdu::DeliverSm;
use std::time::{Duration, Instant};

/// A condition that does not come within this time does not come.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);
/// For what must not happen: it would have happened by then.
pub(crate) const QUIET: Duration = Duration::from_millis(700);

/// The handset of the endpoint in the reference configuration.
pub(crate) const HANDSET: &str = "4915112345678";

/// Asks again and again until the condition gives something.
pub(crate) async fn wait_for<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(began.elapsed() < WITHIN, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The bridge with one SMPP gateway `smsc-main`, its message centre and its application.
pub(crate) struct Scene {
    pub(crate) bridge: Bridge,
    pub(crate) smsc: Simulator,
    pub(crate) app: App,
    pub(crate) gateway: u64,
}

/// An account as the gateways of these tests have it.
pub(crate) fn account() -> Options {
    Options {
        account: Some(("bridge".into(), "secret01".into())),
        ..Options::default()
    }
}

pub(crate) async fn message_centre() -> Simulator {
    Simulator::start(account()).await.unwrap()
}

/// The members that make a gateway of a message centre.
pub(crate) fn smpp_gateway(smsc: &Simulator) -> Value {
    json!({
        "name": "smsc-main", "provider_type": "smpp",
        "server_host": "127.0.0.1", "server_port": smsc.address().port(),
        "username": "bridge", "password": "secret01",
    })
}

/// A message that breaks no rule.
pub(crate) fn text(message: &str) -> Value {
    json!({ "to_number": "+4915112345678", "from_sender": "LaraTest", "message": message })
}

/// `body` with the members of `change` laid over it.
pub(crate) fn with(mut body: Value, change: Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The receipt of SMPP 3.4, Appendix B, in text alone.
pub(crate) fn receipt(id: &str, stat: &str) -> DeliverSm {
    let text = format!(
        "id:{id} sub:001 dlvrd:001 submit date:2510291200 done date:2510291201 \
         stat:{stat} err:000 text:hello"
    );
    DeliverSm {
        source_addr: HANDSET.into(),
        destination_addr: "LaraTest".into(),
        esm_class: EsmClass::RECEIPT,
        short_message: Bytes::from(text),
        ..DeliverSm::default()
    }
}

impl Scene {
    pub(crate) async fn new() -> Scene {
        Scene::with(|_| {}, json!({})).await
    }

    /// With a changed configuration, and a gateway of other members.
    pub(crate) async fn with(change: impl FnOnce(&mut toml::Table), gateway: Value) -> Scene {
        Scene::at(message_centre().await, change, gateway).await
    }

    /// With a message centre that is there already.
    pub(crate) async fn at(
        smsc: Simulator,
        change: impl FnOnce(&mut toml::Table),
        gateway: Value,
    ) -> Scene {
        let app = App::start().await;
        let mut config = reference(app.address);
        change(&mut config);
        let bridge = Bridge::start(&config).await;
        let body = with(smpp_gateway(&smsc), gateway);
        let gateway = bridge.http.create(body).await;
        let scene = Scene {
            bridge,
            smsc,
            app,
            gateway,
        };
        scene.until_bound().await;
        scene
    }

    pub(crate) async fn until_bound(&self) {
        wait_for("the bind", async || (self.smsc.bound() > 0).then_some(())).await;
    }

    pub(crate) fn http(&self) -> Http {
        self.bridge.http
    }

    pub(crate) async fn send(&self, body: Value) -> Answer {
        self.http().send(self.gateway, body).await
    }

    /// Sends and is taken by the message centre: our id and its own.
    pub(crate) async fn submitted(&self, message: &str) -> (u64, String) {
        let sent = self.send(text(message)).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        assert_eq!(sent.member("delivery_status"), "submitted");
        let external = sent.member("external_message_id");
        (sent.id(), external.as_str().unwrap().to_owned())
    }

    /// A receipt from the message centre, acknowledged by the bridge.
    pub(crate) async fn receive(&self, id: &str, stat: &str) {
        let answer = self.smsc.deliver(receipt(id, stat)).await;
        assert_eq!(answer, Some(CommandStatus::ESME_ROK), "{stat} of {id}");
    }

    pub(crate) async fn dlr(&self, body: Value) -> Answer {
        self.http().dlr(self.gateway, body).await
    }

    pub(crate) async fn record(&self, id: u64) -> Value {
        self.http().record(id).await
    }

    pub(crate) async fn until_state(&self, id: u64, state: &str) -> Value {
        self.http().until_state(id, state).await
    }

    /// What the message centre saw of one text.
    pub(crate) fn submits_of(&self, message: &str) -> usize {
        let recorded = self.smsc.recorded();
        let octets = message.as_bytes();
        let same = |r: &&smpp_bridge::simulator::Recorded| r.submit.short_message == octets;
        recorded.iter().filter(same).count()
    }
}
