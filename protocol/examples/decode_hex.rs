//! Prints the PDUs of a hex dump: `cargo run --example decode_hex -- 00000010000000150000…`

use bytes::BytesMut;
use smpp_protocol::frame::OCTETS_MAX;
use smpp_protocol::{Pdu, split_frame};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits: String = std::env::args()
        .skip(1)
        .flat_map(|dump| dump.into_bytes())
        .filter(u8::is_ascii_hexdigit)
        .map(char::from)
        .collect();
    let octets: Result<BytesMut, _> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16))
        .collect();
    let mut octets = octets?;
    while let Some(frame) = split_frame(&mut octets, OCTETS_MAX)? {
        println!("{:#?}", Pdu::decode(frame)?);
    }
    Ok(())
}
