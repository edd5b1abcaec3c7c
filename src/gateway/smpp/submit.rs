//! From a leased message to its `submit_sm` bodies.

use crate::config::gateway::{Concat as ConcatSetting, SmppSettings};
use crate::message::{Family, Head};
use crate::store::Lease;
use smpp_protocol::address::Address;
use smpp_protocol::coding::{DataCoding, Npi, RegisteredDelivery, Ton};
use smpp_protocol::pdu::{Body, SubmitSm};
use smpp_protocol::segment::{self, Concat, Segment, TooLong};

/// The segments of the lease that are still to be sent, with their numbers.
pub(super) fn bodies(lease: &Lease, settings: &SmppSettings) -> Result<Vec<(u8, Body)>, TooLong> {
    let reference = lease.head.reference;
    let concat = match settings.concat {
        ConcatSetting::Udh => Concat::Udh8(reference),
        ConcatSetting::Sar => Concat::Sar(u16::from(reference)),
        ConcatSetting::Payload => Concat::Payload,
    };
    let source = address(
        Address::source(&lease.head.source),
        settings.source_ton,
        settings.source_npi,
    );
    let number = without_punctuation(&lease.head.destination);
    let destination = address(
        Address::destination(&number),
        settings.dest_ton,
        settings.dest_npi,
    );
    let segments = match udh(&lease.head) {
        Some(udh) => vec![segment::with_header(udh, &lease.text)],
        None => segment::split(&lease.text, concat)?,
    };
    Ok(segments
        .into_iter()
        .filter(|s| lease.segments.contains(&s.part))
        .map(|s| (s.part, body(s, &source, &destination, settings)))
        .collect())
}

/// The client's own header, to go in front of the text as it is.
fn udh(head: &Head) -> Option<&[u8]> {
    match &head.family {
        Family::Universal(origin) => origin.udh.as_deref(),
        Family::Gateways | Family::UseCases(_) => None,
    }
}

fn body(
    segment: Segment,
    source: &Address,
    destination: &Address,
    settings: &SmppSettings,
) -> Body {
    let data_coding = match segment.data_coding {
        DataCoding::DEFAULT => DataCoding(settings.data_coding_gsm7),
        other => other,
    };
    Body::SubmitSm(SubmitSm {
        source_addr_ton: source.ton,
        source_addr_npi: source.npi,
        source_addr: source.text.clone(),
        dest_addr_ton: destination.ton,
        dest_addr_npi: destination.npi,
        destination_addr: destination.text.clone(),
        esm_class: segment.esm_class,
        registered_delivery: RegisteredDelivery::FINAL,
        data_coding,
        short_message: segment.short_message,
        tlvs: segment.tlvs,
        ..SubmitSm::default()
    })
}

/// A number as people write it, without what they put between the digits.
fn without_punctuation(number: &str) -> String {
    number
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect()
}

fn address(mut address: Address, ton: Option<u8>, npi: Option<u8>) -> Address {
    if let Some(ton) = ton {
        address.ton = Ton(ton);
    }
    if let Some(npi) = npi {
        address.npi = Npi(npi);
    }
    address
}
