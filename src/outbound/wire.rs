//! What would be written to an upstream, as text, for whoever has no business with PDUs.
//!
//! It is made by what makes the real thing, so it cannot say anything else.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use smpp_protocol::address::Address;
use smpp_protocol::coding::DataCoding;
use smpp_protocol::command::SequenceNumber;
use smpp_protocol::pdu::{Body, Pdu, SubmitSm};
use smpp_protocol::text::{self, Alphabet, DecodedText, TextOptions};
use std::fmt::Write;
use std::sync::Arc;

use super::http::Upstream;
use super::submit;
use crate::config::Config;
use crate::config::gateway::SmppSettings;
use crate::message::{EncodedHead, Gateway, Head, MASK, MessageId, Transport};
use crate::store::Lease;

/// All that one message would put onto the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// One for each segment, in their order; never empty.
    Pdus(Vec<PduText>),
    Request(RequestText),
}

/// One `submit_sm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PduText {
    /// From 1.
    pub part: u8,
    /// All octets, in hexadecimal. `sequence_number` is the bind's to give, and 0 here.
    pub hex: String,
    pub source: End,
    pub destination: End,
    pub esm_class: u8,
    pub data_coding: u8,
    pub registered_delivery: u8,
    /// Octets of header and text.
    pub user_data_octets: usize,
    /// What a handset makes of the user data; `None`: nothing to be read.
    pub text: Option<String>,
}

/// An address as its fields hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub address: String,
    pub ton: u8,
    pub npi: u8,
}

/// One request, but for the headers that belong to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestText {
    pub method: String,
    pub url: String,
    /// Names in lower case. What proves who we are is masked.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What the message becomes, for a gateway whose secrets are masked or not. The error says to an
/// operator why there is nothing.
pub fn of(
    gateway: &Gateway,
    config: &Config,
    base_url: &str,
    head: &Head,
    text: &str,
) -> Result<Wire, String> {
    let lease = Lease {
        message: MessageId::NONE,
        segments: (1..=head.segments.max(1)).collect(),
        head: EncodedHead::from(head),
        text: text.to_owned(),
        attempt: 1,
    };
    match gateway.transport() {
        Transport::Smpp => pdus(&lease, &submit::settings(gateway, config)?),
        _ => request(&lease, gateway, base_url),
    }
}

fn pdus(lease: &Lease, settings: &SmppSettings) -> Result<Wire, String> {
    let bodies = submit::bodies(lease, settings)?;
    let texts = bodies.into_iter().filter_map(|(part, body)| {
        let sm = match &body {
            Body::SubmitSm(sm) => sm.clone(),
            _ => return None,
        };
        let pdu = Pdu::request(SequenceNumber(0), body);
        Some(pdu_text(part, &sm, &pdu, settings))
    });
    Ok(Wire::Pdus(texts.collect()))
}

fn pdu_text(part: u8, sm: &SubmitSm, pdu: &Pdu, settings: &SmppSettings) -> PduText {
    let mut octets = BytesMut::with_capacity(pdu.encoded_len());
    pdu.encode(&mut octets);
    PduText {
        part,
        hex: hex(&octets),
        source: End::from(&sm.source()),
        destination: End::from(&sm.destination()),
        esm_class: sm.esm_class.0,
        data_coding: sm.data_coding.0,
        registered_delivery: sm.registered_delivery.0,
        user_data_octets: sm.user_data().len(),
        text: read(sm, settings),
    }
}

/// A gateway may want another `data_coding` for the same alphabet; the handset gets it right.
fn read(sm: &SubmitSm, settings: &SmppSettings) -> Option<String> {
    let data_coding = match sm.data_coding.0 == settings.data_coding_gsm7 {
        true => DataCoding::DEFAULT,
        false => sm.data_coding,
    };
    let options = TextOptions {
        default_alphabet: Alphabet::Gsm,
        ..TextOptions::default()
    };
    match text::decode_user_data(sm.esm_class, &sm.user_data(), data_coding, &options).content {
        DecodedText::Text(text) => Some(text),
        DecodedText::Binary(_) => None,
    }
}

impl From<&Address> for End {
    fn from(address: &Address) -> End {
        End {
            address: address.text.to_str().into_owned(),
            ton: address.ton.0,
            npi: address.npi.0,
        }
    }
}

fn hex(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * octets.len());
    for octet in octets {
        write!(digits, "{octet:02x}").expect("a string takes everything");
    }
    digits
}

fn request(lease: &Lease, gateway: &Gateway, base_url: &str) -> Result<Wire, String> {
    let upstream = Upstream::of(Arc::new(gateway.clone()), base_url)?;
    let (head, body) = upstream.request(lease)?.into_parts();
    let scheme = if gateway.use_ssl { "https" } else { "http" };
    let host = head.headers.get(http::header::HOST);
    let host = host.map_or_else(Default::default, |h| String::from_utf8_lossy(h.as_bytes()));
    let headers = head.headers.iter().map(|(name, value)| {
        let value = match value.is_sensitive() {
            true => MASK.to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        (name.as_str().to_owned(), value)
    });
    let body = body.collect().now_or_never();
    let body = body.and_then(Result::ok).map(|whole| whole.to_bytes());
    let body: Bytes = body.expect("a body in one piece is there at once");
    Ok(Wire::Request(RequestText {
        method: head.method.to_string(),
        url: format!("{scheme}://{host}{}", head.uri),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    }))
}
