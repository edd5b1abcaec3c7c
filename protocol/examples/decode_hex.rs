//! Prints the PDU of a hex dump: `cargo run --example decode_hex -- 000000100000001500000000…`

use smpp_protocol::Pdu;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hex: String = std::env::args().skip(1).collect();
    let octet = |at| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("?"), 16);
    let octets = (0..hex.len()).step_by(2).map(octet);
    println!("{:#?}", Pdu::decode(octets.collect::<Result<_, _>>()?)?);
    Ok(())
}
