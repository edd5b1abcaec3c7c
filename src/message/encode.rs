//! A value in the octets of the log: exactly as many as it takes.

use serde::Serialize;
use std::borrow::Cow;

/// Most heads and reports take less; longer ones are encoded twice.
const OCTETS: usize = 256;

pub fn encode(value: &impl Serialize) -> Box<[u8]> {
    encode_in(&mut [0; OCTETS], value).into()
}

/// The value's octets, in `room` where they fit.
pub fn encode_in<'r>(room: &'r mut [u8], value: &impl Serialize) -> Cow<'r, [u8]> {
    match postcard::to_slice(value, room) {
        Ok(octets) => Cow::Borrowed(octets),
        Err(_) => postcard::to_allocvec(value)
            .expect("it holds nothing that cannot be encoded")
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_most_is_encoded_whole() {
        for length in [0, OCTETS - 2, OCTETS - 1, 3 * OCTETS] {
            let text = "x".repeat(length);
            let octets = encode(&text);
            assert_eq!(postcard::from_bytes::<String>(&octets).unwrap(), text);
        }
    }
}
