//! An MO as the log keeps it.

use crate::config::Config;
use crate::config::gateway::{AlphabetMo, SmppSettings};
use crate::message::{Alphabet, Concat, Gateway, MoRecord};
use crate::route;
use smpp_protocol::coding::Charset;
use smpp_protocol::gsm7::Shift;
use smpp_protocol::pdu::DeliverSm;
use smpp_protocol::text::{self, DecodedText, TextOptions};
use smpp_protocol::udh::{self, ReferenceWidth};

/// Takes a `deliver_sm` that is a message; routes it, and notes which segment it is.
pub(super) fn record(
    config: &Config,
    gateway: &Gateway,
    settings: &SmppSettings,
    pdu: &DeliverSm,
    connection: u64,
) -> MoRecord {
    let source_addr = pdu.source_addr.to_str().into_owned();
    let destination_addr = pdu.destination_addr.to_str().into_owned();
    let data = &pdu.user_data();
    let concat = udh::concatenation(pdu.esm_class, data, &pdu.tlvs).filter(|c| c.total > 1);
    let segment = concat.map(|c| Concat {
        reference: c.reference,
        total: c.total,
        number: c.part,
        reference_bits: match c.width {
            ReferenceWidth::Bits8 => 8,
            ReferenceWidth::Bits16 => 16,
            ReferenceWidth::Sar => 0,
        },
    });
    let (octets, alphabet) = content(pdu, alphabet(settings.default_alphabet_mo));
    MoRecord {
        gateway: gateway.id,
        route: route::mo(config, gateway, &source_addr, &destination_addr),
        source_addr,
        destination_addr,
        data_coding: pdu.data_coding.0,
        protocol_id: pdu.protocol_id,
        octets,
        alphabet,
        identifier: segment
            .filter(|_| !config.mo.reassembly)
            .map(|c| identifier(pdu, c.reference)),
        connection,
        segment,
    }
}

/// What is behind the header, and how to read it. Where that takes the header itself, which
/// names national tables and says where the first packed septet begins, it is read here.
fn content(pdu: &DeliverSm, alphabet: Alphabet) -> (Vec<u8>, Alphabet) {
    let data = &pdu.user_data();
    let seven_bit = matches!(
        pdu.data_coding.charset(),
        Charset::SmscDefault | Charset::Gsm7
    );
    let needs_header = udh::header(pdu.esm_class, data).is_some_and(|udh| {
        seven_bit && (udh.shift() != Shift::DEFAULT || alphabet == Alphabet::GsmPacked)
    });
    if needs_header {
        let options = TextOptions {
            default_alphabet: alphabet.on_wire(),
            ..TextOptions::default()
        };
        let read = text::decode_user_data(pdu.esm_class, data, pdu.data_coding, &options);
        if let DecodedText::Text(text) = read.content {
            return (text.into_bytes(), Alphabet::Read);
        }
    }
    let behind = udh::strip_udh(pdu.esm_class, data);
    (behind.to_vec(), alphabet)
}

/// A whole message that came otherwise than as a PDU.
#[derive(Clone, Debug)]
pub struct WholeMo {
    pub source_addr: String,
    pub destination_addr: String,
    pub data_coding: u8,
    /// User data without a header.
    pub octets: Vec<u8>,
}

/// Routes it.
pub(super) fn whole(config: &Config, gateway: &Gateway, mo: WholeMo) -> MoRecord {
    MoRecord {
        gateway: gateway.id,
        route: route::mo(config, gateway, &mo.source_addr, &mo.destination_addr),
        source_addr: mo.source_addr,
        destination_addr: mo.destination_addr,
        data_coding: mo.data_coding,
        protocol_id: 0,
        octets: mo.octets,
        alphabet: Alphabet::Auto,
        identifier: None,
        connection: 0,
        segment: None,
    }
}

/// Of the parts of one message, where nobody keeps them until they are complete: the same for
/// each, and another one for another handset.
fn identifier(pdu: &DeliverSm, reference: u16) -> u64 {
    let mut addresses = crc32fast::Hasher::new();
    addresses.update(pdu.source_addr.as_bytes());
    addresses.update(b"\0");
    addresses.update(pdu.destination_addr.as_bytes());
    u64::from(addresses.finalize()) << 16 | u64::from(reference)
}

fn alphabet(setting: AlphabetMo) -> Alphabet {
    match setting {
        AlphabetMo::Auto => Alphabet::Auto,
        AlphabetMo::Gsm => Alphabet::Gsm,
        AlphabetMo::GsmPacked => Alphabet::GsmPacked,
        AlphabetMo::Latin1 => Alphabet::Latin1,
        AlphabetMo::Windows1252 => Alphabet::Windows1252,
        AlphabetMo::Ascii => Alphabet::Ascii,
        AlphabetMo::Utf8 => Alphabet::Utf8,
    }
}
