//! Septets packed without gaps: eight in seven octets (3GPP TS 23.038 §6.1.2.1).

/// Packs septets after `fill_bits` zero bits (0 to 6), which bring text behind a header to a
/// septet border.
#[must_use]
pub fn pack(septets: &[u8], fill_bits: u8) -> Vec<u8> {
    let mut octets = Vec::with_capacity((septets.len() * 7 + 13) / 8);
    let (mut pending, mut bits) = (0u16, u32::from(fill_bits.min(6)));
    for septet in septets {
        pending |= u16::from(septet & 0x7F) << bits;
        bits += 7;
        if bits >= 8 {
            octets.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(pending as u8);
    }
    octets
}

/// Unpacks septets that begin after `fill_bits` bits (0 to 6).
///
/// Only octets are counted here, so seven spare bits at the end look like one more septet. If they
/// are zero they are padding, not an `@`.
#[must_use]
pub fn unpack(octets: &[u8], fill_bits: u8) -> Vec<u8> {
    let fill_bits = usize::from(fill_bits.min(6));
    let count = (octets.len() * 8).saturating_sub(fill_bits) / 7;
    let septet = |index: usize| {
        let bit = fill_bits + 7 * index;
        let low = u16::from(octets[bit / 8]);
        let high = octets.get(bit / 8 + 1).copied().map_or(0, u16::from);
        (((high << 8 | low) >> (bit % 8)) & 0x7F) as u8
    };
    let mut septets: Vec<u8> = (0..count).map(septet).collect();
    let spare_bits = octets.len() * 8 - fill_bits.min(octets.len() * 8) - 7 * count;
    if spare_bits == 0 && septets.last() == Some(&0) {
        septets.pop();
    }
    septets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_septets_make_seven_octets() {
        assert_eq!(pack(b"hello", 0), [0xE8, 0x32, 0x9B, 0xFD, 0x06]);
        assert_eq!(pack(b"12345678", 0).len(), 7);
        assert_eq!(unpack(&[0xE8, 0x32, 0x9B, 0xFD, 0x06], 0), b"hello");
    }

    #[test]
    fn septets_behind_any_fill_come_back() {
        for fill_bits in 0..7 {
            for count in 0..40usize {
                let septets: Vec<u8> = (1..=count as u8).collect();
                let octets = pack(&septets, fill_bits);
                assert_eq!(unpack(&octets, fill_bits), septets, "{fill_bits} {count}");
            }
        }
    }

    #[test]
    fn nothing_packs_to_nothing() {
        assert_eq!(pack(&[], 0), []);
        assert_eq!(unpack(&[], 6), []);
    }
}
