//! Values that the specification allows, by seed.

use smpp_protocol::{COctetString, EsmClass, Npi, RegisteredDelivery, Ton};

/// Splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(crate) fn octet(&mut self, end: usize) -> u8 {
        self.below(end) as u8
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn octets(&mut self, most: usize) -> Vec<u8> {
        let octets = self.below(most + 1);
        (0..octets).map(|_| self.octet(256)).collect()
    }

    /// Printable ASCII, up to so many characters.
    pub(crate) fn text(&mut self, most: usize) -> COctetString {
        let text: String = (0..self.below(most + 1))
            .map(|_| char::from(0x21 + self.octet(94)))
            .collect();
        text.into()
    }

    pub(crate) fn digits(&mut self, most: usize) -> COctetString {
        let text: String = (0..self.below(most + 1))
            .map(|_| char::from(b'0' + self.octet(10)))
            .collect();
        text.into()
    }

    /// None, absolute or relative.
    pub(crate) fn time(&mut self) -> COctetString {
        let two = |random: &mut Self, first, count| format!("{:02}", first + random.below(count));
        match self.below(4) {
            0 => {
                let mut text: String = ["00", "00"].concat();
                for count in [28, 24, 60, 60] {
                    text += &two(self, 0, count);
                }
                (text + "000R").into()
            }
            1 => {
                let mut text = two(self, 20, 17);
                for (first, count) in [(1, 12), (1, 28), (0, 24), (0, 60), (0, 60)] {
                    text += &two(self, first, count);
                }
                text += &self.below(10).to_string();
                text += &two(self, 0, 49);
                (text + self.pick(&["+", "-"])).into()
            }
            _ => COctetString::new(),
        }
    }

    pub(crate) fn ton(&mut self) -> Ton {
        Ton(self.octet(7))
    }

    pub(crate) fn npi(&mut self) -> Npi {
        Npi(self.pick(&[0, 1, 3, 4, 6, 8, 9, 10, 14, 18]))
    }

    /// A mode, a type and features. No header is announced: what follows is not one.
    pub(crate) fn esm_class(&mut self) -> EsmClass {
        let kind = self.pick(&[0, 0x04, 0x08, 0x10, 0x18, 0x20]);
        EsmClass(self.octet(4) | kind | self.pick(&[0, 0x80]))
    }

    pub(crate) fn registered_delivery(&mut self) -> RegisteredDelivery {
        let acknowledgement = self.pick(&[0, 0x04, 0x08, 0x0C]);
        RegisteredDelivery(self.octet(3) | acknowledgement | self.pick(&[0, 0x10]))
    }
}
