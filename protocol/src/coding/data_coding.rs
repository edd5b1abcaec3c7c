//! `data_coding`: SMPP's own values, and the GSM groups above them.

/// Which alphabet user data is in (SMPP 3.4 §5.2.19, with the groups of 3GPP TS 23.038).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataCoding(pub u8);

/// What user data under a [`DataCoding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Whatever the SMSC has agreed with its users.
    SmscDefault,
    /// GSM 7-bit, told so by a GSM coding group.
    Gsm7,
    /// IA5, which is ASCII.
    Ascii,
    /// ISO-8859-1.
    Latin1,
    /// ISO-8859-5.
    Cyrillic,
    /// ISO-8859-8.
    Hebrew,
    /// UTF-16, most significant octet first.
    Ucs2,
    /// JIS X 0208: Shift_JIS, ISO-2022-JP or EUC-JP, of which the specification names none.
    JisX0208,
    /// Japanese text with pictograms: Shift_JIS, whose user-defined area holds them.
    Pictogram,
    /// Music codes, which are written in ISO-2022-JP.
    Iso2022Jp,
    /// JIS X 0212, the supplementary kanji: EUC-JP or ISO-2022-JP-1.
    JisX0212,
    /// KS C 5601: EUC-KR.
    KsC5601,
    /// Not text.
    Binary,
}

impl DataCoding {
    /// The SMSC's default alphabet.
    pub const DEFAULT: Self = Self(0x00);
    /// IA5, ASCII.
    pub const ASCII: Self = Self(0x01);
    /// Octets without a meaning known here.
    pub const BINARY: Self = Self(0x04);
    /// ISO-8859-1.
    pub const LATIN1: Self = Self(0x03);
    /// JIS X 0208.
    pub const JIS: Self = Self(0x05);
    /// ISO-8859-5.
    pub const CYRILLIC: Self = Self(0x06);
    /// ISO-8859-8.
    pub const HEBREW: Self = Self(0x07);
    /// UTF-16 big-endian.
    pub const UCS2: Self = Self(0x08);
    /// Japanese text with pictograms.
    pub const PICTOGRAM: Self = Self(0x09);
    /// Music codes in ISO-2022-JP.
    pub const MUSIC: Self = Self(0x0A);
    /// JIS X 0212.
    pub const EXTENDED_KANJI: Self = Self(0x0D);
    /// KS C 5601.
    pub const KS_C_5601: Self = Self(0x0E);
    /// Class 0 ("flash") text in the default alphabet, by the general GSM group.
    pub const FLASH: Self = Self(0x10);
    /// Class 0 ("flash") UTF-16 text, by the general GSM group.
    pub const FLASH_UCS2: Self = Self(0x18);

    /// What the user data is, all 256 values read.
    ///
    /// Below 0x10 the values are SMPP's own; from 0x10 the GSM groups apply, which is how SMSCs
    /// use the range that SMPP keeps back.
    #[must_use]
    pub const fn charset(self) -> Charset {
        match self.0 {
            0x00 => Charset::SmscDefault,
            0x01 => Charset::Ascii,
            0x03 => Charset::Latin1,
            0x05 => Charset::JisX0208,
            0x06 => Charset::Cyrillic,
            0x07 => Charset::Hebrew,
            0x08 => Charset::Ucs2,
            0x09 => Charset::Pictogram,
            0x0A => Charset::Iso2022Jp,
            0x0D => Charset::JisX0212,
            0x0E => Charset::KsC5601,
            0x02 | 0x04 | 0x0B | 0x0C | 0x0F => Charset::Binary,
            // General groups: bit 5 says compressed, bits 3-2 the alphabet.
            0x10..=0x7F => match (self.0 & 0x20, self.0 & 0x0C) {
                (0, 0x00) => Charset::Gsm7,
                (0, 0x08) => Charset::Ucs2,
                _ => Charset::Binary,
            },
            // Reserved, and message waiting with the text in 7 bits.
            0x80..=0xDF => Charset::Gsm7,
            0xE0..=0xEF => Charset::Ucs2,
            0xF0..=0xFF => {
                if self.0 & 0x04 == 0 {
                    Charset::Gsm7
                } else {
                    Charset::Binary
                }
            }
        }
    }

    /// The message class 0 to 3, for the groups that carry one; 0 is shown at once.
    #[must_use]
    pub const fn message_class(self) -> Option<u8> {
        match self.0 {
            0x10..=0x7F if self.0 & 0x10 != 0 => Some(self.0 & 0x03),
            0xF0..=0xFF => Some(self.0 & 0x03),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gsm_groups_give_alphabet_and_class() {
        assert_eq!(DataCoding(0x18).charset(), Charset::Ucs2);
        assert_eq!(DataCoding(0x30).charset(), Charset::Binary, "compressed");
        assert_eq!(DataCoding(0xE0).charset(), Charset::Ucs2);
        assert_eq!(DataCoding(0xF5).charset(), Charset::Binary);
        assert_eq!(DataCoding(0xF0).message_class(), Some(0));
        assert_eq!(DataCoding(0x11).message_class(), Some(1));
        assert_eq!(DataCoding(0x08).message_class(), None);
    }
}
