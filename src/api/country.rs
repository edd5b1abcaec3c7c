//! Which country calling codes there are (ITU-T E.164, assigned codes).

/// Codes of two digits; 1 and 7 are the ones of one digit.
const TWO: [u8; 44] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// Codes of three digits, as ranges with both ends included.
const THREE: [(u16, u16); 27] = [
    (211, 213),
    (216, 216),
    (218, 218),
    (220, 258),
    (260, 269),
    (290, 291),
    (297, 299),
    (350, 359),
    (370, 383),
    (385, 387),
    (389, 389),
    (420, 421),
    (423, 423),
    (500, 509),
    (590, 599),
    (670, 670),
    (672, 683),
    (685, 692),
    (800, 800),
    (808, 808),
    (850, 853),
    (855, 856),
    (870, 870),
    (878, 888),
    (960, 968),
    (970, 979),
    (992, 998),
];

/// True when the digits of an international number begin with an assigned country code.
pub(super) fn has_known_code(digits: &str) -> bool {
    let code = |octets: usize| digits.get(..octets).and_then(|d| d.parse::<u16>().ok());
    if matches!(code(1), Some(1 | 7)) {
        return true;
    }
    let two = code(2).and_then(|c| u8::try_from(c).ok());
    two.is_some_and(|c| TWO.contains(&c))
        || code(3).is_some_and(|c| THREE.iter().any(|(low, high)| (*low..=*high).contains(&c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_numbers() {
        for digits in [
            "14155550100",
            "79161234567",
            "393401234567",
            "35312345678",
            "8801712345678",
        ] {
            assert!(has_known_code(digits), "{digits}");
        }
        for digits in [
            "999123456789",
            "210123456789",
            "",
            "8",
            "38412345678",
            "28012345678",
        ] {
            assert!(!has_known_code(digits), "{digits}");
        }
    }
}
