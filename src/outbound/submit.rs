//! From a leased message to its `submit_sm` bodies.

use super::{UNREADABLE, in_words};
use crate::config::Config;
use crate::config::gateway::{Concat as ConcatSetting, SmppSettings};
use crate::message::{FamilyRef, Gateway, HeadRef};
use crate::store::Lease;
use smpp_protocol::address::Address;
use smpp_protocol::coding::{DataCoding, Npi, RegisteredDelivery, Ton};
use smpp_protocol::pdu::{Body, SubmitSm};
use smpp_protocol::segment::{self, Concat, Segment, TooLong};

/// What the gateway's record says of its submits. The error says to an operator why it cannot
/// work.
pub fn settings(gateway: &Gateway, config: &Config) -> Result<SmppSettings, String> {
    let meta = gateway.meta.clone().map(serde_json::Value::Object);
    SmppSettings::from_meta(&config.smpp, meta.as_ref()).map_err(in_words)
}

/// The segments of the lease that are still to be sent, with their numbers. The error says why
/// there can be none.
pub fn bodies(lease: &Lease, settings: &SmppSettings) -> Result<Vec<(u8, Body)>, String> {
    let head = lease.head.read().ok_or(UNREADABLE)?;
    let reference = head.reference;
    let concat = match settings.concat {
        ConcatSetting::Udh => Concat::Udh8(reference),
        ConcatSetting::Sar => Concat::Sar(u16::from(reference)),
        ConcatSetting::Payload => Concat::Payload,
    };
    let source = address(
        Address::source(&head.source.text()),
        settings.source_ton,
        settings.source_npi,
    );
    let number = without_punctuation(&head.destination.text());
    let destination = address(
        Address::destination(&number),
        settings.dest_ton,
        settings.dest_npi,
    );
    let segments = match udh(head) {
        Some(udh) => vec![segment::with_header(udh, &lease.text)],
        None => split(head, &lease.text, concat).map_err(|e| e.to_string())?,
    };
    Ok(segments
        .into_iter()
        .filter(|s| lease.segments.contains(&s.part))
        .map(|s| (s.part, body(s, &source, &destination, settings)))
        .collect())
}

/// As many segments as were accepted, whatever the gateway's settings, or its transport, say now.
fn split(head: HeadRef<'_>, text: &str, concat: Concat) -> Result<Vec<Segment>, TooLong> {
    let segments = segment::split(text, concat)?;
    let accepted = usize::from(head.segments);
    if segments.len() == accepted {
        return Ok(segments);
    }
    let as_accepted = match accepted {
        1 => Concat::Payload,
        _ => Concat::Udh8(head.reference),
    };
    segment::split(text, as_accepted)
}

/// The client's own header, to go in front of the text as it is.
fn udh(head: HeadRef<'_>) -> Option<&[u8]> {
    match head.family {
        FamilyRef::Universal(origin) => origin.udh,
        FamilyRef::Gateways | FamilyRef::UseCases(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SmppDefaults;
    use crate::message::{EncodedHead, Head, MessageId, sample};
    use smpp_protocol::udh;

    fn lease(segments: u8) -> Lease {
        Lease {
            message: MessageId(1),
            head: EncodedHead::from(&Head {
                segments,
                ..sample::head()
            }),
            text: "a".repeat(400),
            segments: (1..=segments).collect(),
            attempt: 1,
        }
    }

    #[test]
    fn a_message_goes_in_the_segments_it_was_accepted_in() {
        for (concat, accepted) in [
            (ConcatSetting::Udh, 3),
            (ConcatSetting::Payload, 1),
            // The setting, or the transport, was another one when it was accepted.
            (ConcatSetting::Udh, 1),
            (ConcatSetting::Sar, 1),
            (ConcatSetting::Payload, 3),
        ] {
            let mut settings = SmppSettings::new(SmppDefaults::default());
            settings.concat = concat;
            let bodies = bodies(&lease(accepted), &settings).unwrap();
            let octets = |body: &Body| match body {
                Body::SubmitSm(sm) => udh::strip_udh(sm.esm_class, &sm.user_data()).len(),
                _ => 0,
            };
            let numbers: Vec<u8> = bodies.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, lease(accepted).segments, "{concat:?}");
            let whole: usize = bodies.iter().map(|(_, body)| octets(body)).sum();
            assert_eq!(whole, 400, "{concat:?} {accepted}");
        }
    }
}
