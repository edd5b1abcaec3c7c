//! The plain transport: JSON, HTTP Basic, the member names of the compatible peer.

use serde_json::{Map, Value, json};

use super::order::{JSON, Order, Parcel};

pub(super) fn parcel(order: &Order<'_>) -> Parcel {
    Parcel {
        path: order.path_or("send"),
        content_type: JSON,
        body: order.json(members(order, Content::Text)),
    }
}

/// How the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Text,
    /// The octets in hexadecimal, and their data coding.
    Hex(&'a str, u8),
}

/// The members of the body, without extra ones.
pub(super) fn members(order: &Order<'_>, content: Content<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("to", json!(order.number()));
    if let Some(sender) = order.sender() {
        put("from", json!(sender));
    }
    match content {
        Content::Text => put("content", json!(order.text)),
        Content::Hex(octets, coding) => {
            put("coding", json!(coding));
            put("hex-content", json!(octets))
        }
    };
    put("dlr", json!("yes"));
    put("dlr-level", json!(3));
    put("dlr-method", json!("POST"));
    put("dlr-url", json!(order.dlr_url()));
    members
}
