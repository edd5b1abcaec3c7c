//! Addresses: digits or letters with their type of number and numbering plan.

use std::fmt;

use crate::c_octet_string::COctetString;
use crate::coding::{Npi, Ton};

/// Digits from which a number is taken to be international even without `+`.
const INTERNATIONAL_DIGITS_MIN: usize = 9;

/// One end of a message, as the address fields hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// Type of number.
    pub ton: Ton,
    /// Numbering plan.
    pub npi: Npi,
    /// Digits without `+`, or letters.
    pub text: COctetString,
}

impl Address {
    /// An address with its type given.
    #[must_use]
    pub fn new(ton: Ton, npi: Npi, text: impl Into<COctetString>) -> Self {
        Self {
            ton,
            npi,
            text: text.into(),
        }
    }

    /// A sender, its type told by its looks. One leading `+` or `00` is removed; then
    ///
    /// - anything with a non-digit is alphanumeric (5/0),
    /// - digits that had `+` or `00`, and 9 or more digits, are international (1/1),
    /// - fewer digits are a short code (0/1).
    ///
    /// An empty text leaves the choice to the SMSC (0/0).
    #[must_use]
    pub fn source(text: &str) -> Self {
        Self::by_looks(text)
    }

    /// A receiver; the same rules as for [`source`](Self::source).
    #[must_use]
    pub fn destination(text: &str) -> Self {
        Self::by_looks(text)
    }

    fn by_looks(text: &str) -> Self {
        let (prefixed, rest) = match text.strip_prefix('+').or_else(|| text.strip_prefix("00")) {
            Some(rest) if is_digits(rest) => (true, rest),
            _ => (false, text),
        };
        if text.is_empty() {
            Self::default()
        } else if !is_digits(rest) {
            Self::new(Ton::ALPHANUMERIC, Npi::UNKNOWN, rest)
        } else if prefixed || rest.len() >= INTERNATIONAL_DIGITS_MIN {
            Self::new(Ton::INTERNATIONAL, Npi::ISDN, rest)
        } else {
            Self::new(Ton::UNKNOWN, Npi::ISDN, rest)
        }
    }

    /// Whether the address is digits only.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        !self.text.is_empty() && self.text.as_bytes().iter().all(u8::is_ascii_digit)
    }

    /// The digits two spellings of a number have in common: without blanks, `+` and `00`. `None`
    /// for anything that is not a number.
    #[must_use]
    pub fn digits(&self) -> Option<String> {
        let text = self.text.to_str();
        let text = text.trim();
        let text = text
            .strip_prefix('+')
            .or_else(|| text.strip_prefix("00"))
            .unwrap_or(text);
        is_digits(text).then(|| text.to_owned())
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

impl fmt::Display for Address {
    /// `+` and digits for an international number, else the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_plus = self.text.as_bytes().starts_with(b"+");
        if self.ton == Ton::INTERNATIONAL && !self.text.is_empty() && !has_plus {
            f.write_str("+")?;
        }
        f.write_str(&self.text.to_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_an_address_is_told_by_its_looks() {
        let cases = [
            ("+393401234567", 1, 1, "393401234567"),
            ("00393401234567", 1, 1, "393401234567"),
            ("393401234", 1, 1, "393401234"),
            ("39340123", 0, 1, "39340123"),
            ("+44", 1, 1, "44"),
            ("12345", 0, 1, "12345"),
            ("0", 0, 1, "0"),
            ("00", 0, 1, "00"),
            ("Rebel", 5, 0, "Rebel"),
            ("+plus", 5, 0, "+plus"),
            ("A1", 5, 0, "A1"),
            ("my-shop", 5, 0, "my-shop"),
            ("", 0, 0, ""),
        ];
        for (text, ton, npi, rest) in cases {
            let expected = Address::new(Ton(ton), Npi(npi), rest);
            assert_eq!(Address::source(text), expected, "{text}");
            assert_eq!(Address::destination(text), expected, "{text}");
        }
    }

    #[test]
    fn international_numbers_show_their_plus() {
        assert_eq!(Address::source("0039340").to_string(), "+39340");
        assert_eq!(Address::source("Rebel").to_string(), "Rebel");
        assert_eq!(
            Address::new(Ton::UNKNOWN, Npi::ISDN, " 00393401 ")
                .digits()
                .unwrap(),
            "393401"
        );
    }
}
