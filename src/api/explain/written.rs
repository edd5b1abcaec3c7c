//! What would be written to the upstream, as text. Secrets are masked before it is made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::Api;
use super::super::draft::Draft;
use crate::message::MASK;
use crate::outbound::wire::{self, PduText, RequestText, Wire};

/// Either PDUs or a request, or why there can be none.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedWire")]
pub(super) struct Written {
    /// Why nothing can be written, for an operator.
    problem: Option<String>,
    submit_sm: Vec<SubmitSm>,
    request: Option<Request>,
}

/// One `submit_sm`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedSubmitSm")]
struct SubmitSm {
    part: u8,
    /// What a handset makes of it; null where that is no text.
    text: Option<String>,
    source: Address,
    destination: Address,
    esm_class: u8,
    data_coding: u8,
    registered_delivery: u8,
    /// Octets of header and text.
    user_data_octets: usize,
    /// The whole PDU in hexadecimal. The bind gives the sequence number, which is 0 here.
    pdu: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedAddress")]
struct Address {
    address: String,
    ton: u8,
    npi: u8,
}

/// One HTTP request. Secrets are `***`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRequest")]
struct Request {
    method: String,
    url: String,
    /// But those of the connection.
    headers: BTreeMap<String, String>,
    body: String,
}

impl Written {
    pub(super) fn of(draft: &Draft, api: &Api, of_the_house: bool) -> Written {
        let mut gateway = draft.profile.gateway.masked();
        if !of_the_house && gateway.username.is_some() {
            gateway.username = Some(MASK.to_owned());
        }
        let (config, base_url) = (&api.config, &api.base_url);
        match wire::of(&gateway, config, base_url, &draft.head, &draft.text) {
            Err(problem) => Written {
                problem: Some(problem),
                ..Written::default()
            },
            Ok(Wire::Pdus(pdus)) => Written {
                submit_sm: pdus.into_iter().map(SubmitSm::from).collect(),
                ..Written::default()
            },
            Ok(Wire::Request(request)) => Written {
                request: Some(request.into()),
                ..Written::default()
            },
        }
    }
}

impl From<PduText> for SubmitSm {
    fn from(pdu: PduText) -> SubmitSm {
        let address = |end: wire::End| Address {
            address: end.address,
            ton: end.ton,
            npi: end.npi,
        };
        SubmitSm {
            part: pdu.part,
            text: pdu.text,
            source: address(pdu.source),
            destination: address(pdu.destination),
            esm_class: pdu.esm_class,
            data_coding: pdu.data_coding,
            registered_delivery: pdu.registered_delivery,
            user_data_octets: pdu.user_data_octets,
            pdu: pdu.hex,
        }
    }
}

impl From<RequestText> for Request {
    fn from(request: RequestText) -> Request {
        Request {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().collect(),
            body: request.body,
        }
    }
}
