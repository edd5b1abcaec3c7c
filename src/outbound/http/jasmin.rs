//! Jasmin: its HTTP API, which takes a form and refuses any parameter it does not know, and its
//! REST proxy, which takes JSON and asks for credentials in a header alone.

use std::fmt::Write;

use smpp_protocol::{gsm7, text};

use super::generic::{self, Content};
use super::order::{FORM, JSON, Order, Parcel};

/// UCS-2. With it `content` would be sent as raw UTF-8, so the octets go as `hex-content`.
const UCS2: u8 = 8;

/// For `/send`.
pub(super) fn form(order: &Order<'_>) -> Parcel {
    let (number, dlr_url) = (order.number(), order.dlr_url());
    let mut pairs = vec![
        ("username", order.username()),
        ("password", order.password()),
        ("to", number.as_str()),
    ];
    pairs.extend(order.sender().map(|sender| ("from", sender)));
    let octets = ucs2_hex(order.text);
    match &octets {
        None => pairs.extend([("coding", "0"), ("content", order.text)]),
        Some(octets) => pairs.extend([("coding", "8"), ("hex-content", octets)]),
    }
    pairs.extend([
        ("dlr", "yes"),
        ("dlr-level", "3"),
        ("dlr-method", "POST"),
        ("dlr-url", &dlr_url),
    ]);
    Parcel {
        path: order.path_or("send"),
        content_type: FORM,
        body: order.form(&pairs),
    }
}

/// For `/secure/send`.
pub(super) fn json(order: &Order<'_>) -> Parcel {
    let octets = ucs2_hex(order.text);
    let content = match &octets {
        None => Content::Text,
        Some(octets) => Content::Hex(octets, UCS2),
    };
    Parcel {
        path: order.path_or("secure/send"),
        content_type: JSON,
        body: order.json(generic::members(order, content)),
    }
}

/// The octets of a text that the GSM alphabet does not have; `None`: it has it.
fn ucs2_hex(text: &str) -> Option<String> {
    if gsm7::septets(text).is_some() {
        return None;
    }
    let octets = text::encode_ucs2(text);
    let mut hex = String::with_capacity(2 * octets.len());
    for octet in octets {
        write!(hex, "{octet:02x}").expect("a string takes everything");
    }
    Some(hex)
}
