//! C-octet strings: the text fields of a PDU, without the NUL that ends them on the wire.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// Text of a mandatory field (SMPP 3.4 §3.1). Holds no NUL; empty is free.
///
/// The specification wants ASCII; peers write Latin-1, UTF-8 and worse, so the octets are kept as
/// they came and comparing is done on octets. Length limits belong to the field, not to the
/// string: decoding counts an over-long one as a deviation and keeps it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct COctetString(Bytes);

impl COctetString {
    /// The empty string, a single NUL on the wire.
    pub const EMPTY: Self = Self(Bytes::new());

    /// The empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self::EMPTY
    }

    /// A string known at compile time, up to its first NUL.
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        Self::from_bytes(Bytes::from_static(text.as_bytes()))
    }

    /// The octets up to the first NUL; shares the buffer.
    #[must_use]
    pub fn from_bytes(mut octets: Bytes) -> Self {
        if let Some(end) = octets.iter().position(|&octet| octet == 0) {
            octets.truncate(end);
        }
        Self(octets)
    }

    /// For octets that were just read up to a NUL.
    pub(crate) fn without_nul(octets: Bytes) -> Self {
        Self(octets)
    }

    /// The octets, without NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The octets as a shared buffer, without NUL.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The same text in octets of its own. A decoded field shares those of its frame, and with
    /// them a read buffer of many kilobytes: detach what is kept.
    #[must_use]
    pub fn detach(&self) -> Self {
        if self.is_empty() {
            Self::EMPTY
        } else {
            Self(Bytes::copy_from_slice(&self.0))
        }
    }

    /// Octets, without NUL.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the field was left out, as far as the wire allows that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text for people: UTF-8 (and so ASCII) as it is, anything else read as Latin-1, which
    /// is what peers that leave ASCII mostly mean.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(self.0.iter().copied().map(char::from).collect()),
        }
    }
}

impl From<&str> for COctetString {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            return Self::EMPTY;
        }
        let text = text.split('\0').next().unwrap_or_default();
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for COctetString {
    fn from(text: String) -> Self {
        Self::from_bytes(Bytes::from(text))
    }
}

impl From<Bytes> for COctetString {
    fn from(octets: Bytes) -> Self {
        Self::from_bytes(octets)
    }
}

impl AsRef<[u8]> for COctetString {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<str> for COctetString {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for COctetString {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for COctetString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str())
    }
}

impl fmt::Debug for COctetString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_ends_the_string_however_it_is_made() {
        assert_eq!(COctetString::from("ab\0cd"), "ab");
        assert_eq!(COctetString::from("ab\0cd".to_owned()), "ab");
        assert_eq!(COctetString::from_static("\0cd"), "");
    }

    #[test]
    fn octets_that_are_not_utf_8_read_as_latin_1() {
        let text = COctetString::from_bytes(Bytes::from_static(b"M\xfcller"));
        assert_eq!(text.to_str(), "Müller");
        assert_eq!(text.as_bytes(), b"M\xfcller");
    }
}
