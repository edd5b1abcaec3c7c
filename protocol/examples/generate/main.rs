//! PDUs made at random, for other people's decoders; and what this crate reads in theirs.
//!
//! `generate COUNT SEED` prints a PDU a line, as JSON: `hex`, and the fields as in `describe.rs`.
//! `generate read` takes lines of hex and prints the same for each, or an `error`.
//! `generate texts SEED` prints user data under every data coding of text.

mod describe;
mod make;
mod random;

use std::io::{BufRead, Write};

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use smpp_protocol::text::{Alphabet, encode};
use smpp_protocol::{DataCoding, Pdu, SequenceNumber};

use describe::{describe, hex};
use random::Random;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["read"] => {
            for line in std::io::stdin().lock().lines() {
                writeln!(out, "{}", read(line?.trim())?)?;
            }
        }
        ["texts", seed] => texts(&mut Random(seed.parse()?), &mut out)?,
        [count, seed] => {
            let mut random = Random(seed.parse()?);
            for number in 0..count.parse()? {
                writeln!(out, "{}", generate(number, &mut random))?;
            }
        }
        _ => return Err("generate COUNT SEED | generate read | generate texts SEED".into()),
    }
    Ok(())
}

/// The next PDU: every command takes its turn.
fn generate(number: usize, random: &mut Random) -> Value {
    let body = make::body(number, random);
    let sequence = SequenceNumber(1 + random.below(0x7FFF_FFFF) as u32);
    let pdu = Pdu::request(sequence, body);
    let mut octets = BytesMut::new();
    pdu.encode(&mut octets);
    let mut described = describe(&pdu);
    described["hex"] = hex(&octets).into();
    described
}

fn read(hex: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let octet = |at| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("?"), 16);
    let octets: Result<Bytes, _> = (0..hex.len()).step_by(2).map(octet).collect();
    Ok(match Pdu::decode(octets?) {
        Ok(decoded) => {
            let mut described = describe(&decoded.pdu);
            let deviations = decoded.deviations.iter();
            described["deviations"] = deviations.map(|one| one.to_string()).collect();
            described
        }
        Err(error) => json!({ "error": error.to_string() }),
    })
}

/// Texts as octets under the data codings that Python has codecs for.
fn texts(random: &mut Random, out: &mut impl Write) -> std::io::Result<()> {
    let alphabets = [
        (DataCoding::ASCII, "aZ ~@"),
        (DataCoding::LATIN1, "aéÿ¿"),
        (DataCoding::CYRILLIC, "aЖё№§"),
        (DataCoding::HEBREW, "aאת×"),
        (DataCoding::UCS2, "aя日🎉"),
        (DataCoding::JIS, "a日本ｱア、語"),
        (DataCoding::PICTOGRAM, "a日本ｱア、語"),
        (DataCoding::MUSIC, "a日本ア、語 "),
        (DataCoding::EXTENDED_KANJI, "a日丂ｱア、丄"),
        (DataCoding::KS_C_5601, "a한국어、語"),
    ];
    for (data_coding, characters) in alphabets {
        let characters: Vec<char> = characters.chars().collect();
        for _ in 0..20 {
            let text: String = (0..1 + random.below(60))
                .map(|_| characters[random.below(characters.len())])
                .collect();
            let octets = encode(&text, data_coding, Alphabet::Gsm).unwrap_or_default();
            let line = json!({
                "data_coding": data_coding.0, "text": text, "hex": hex(&octets)
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
