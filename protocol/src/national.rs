//! The national tables of 3GPP TS 23.038: twelve that replace the default alphabet (locking
//! shift), thirteen that replace its extension (single shift).
//!
//! The tables were generated once from published implementations, merged by majority; a test holds
//! them to the corpus. Phones and networks support them unevenly, so they are always understood
//! and only used on request.

mod tables;

use crate::names::names;

names! {
    /// A language of the national tables; 0 stands for the default alphabet, and values without a
    /// name have no table.
    pub struct Language(u8), "{:#04X}";
    /// The default alphabet.
    DEFAULT = 0, "default";
    /// Both tables.
    TURKISH = 1, "Turkish";
    /// Single shift only.
    SPANISH = 2, "Spanish";
    /// Both tables.
    PORTUGUESE = 3, "Portuguese";
    /// Both tables.
    BENGALI = 4, "Bengali";
    /// Both tables.
    GUJARATI = 5, "Gujarati";
    /// Both tables.
    HINDI = 6, "Hindi";
    /// Both tables.
    KANNADA = 7, "Kannada";
    /// Both tables.
    MALAYALAM = 8, "Malayalam";
    /// Both tables.
    ORIYA = 9, "Oriya";
    /// Both tables.
    PUNJABI = 10, "Punjabi";
    /// Both tables.
    TAMIL = 11, "Tamil";
    /// Both tables.
    TELUGU = 12, "Telugu";
    /// Both tables.
    URDU = 13, "Urdu";
}

/// Stands for septets a locking table does not assign.
pub(crate) const UNASSIGNED: char = '\0';

impl Language {
    /// The 128 characters that replace the default alphabet, or `None` where the language has no
    /// such table. The escape and unassigned places hold [`UNASSIGNED`].
    pub(crate) fn locking(self) -> Option<&'static [char; 128]> {
        Some(match self {
            Self::TURKISH => &tables::TURKISH_LOCKING,
            Self::PORTUGUESE => &tables::PORTUGUESE_LOCKING,
            Self::BENGALI => &tables::BENGALI_LOCKING,
            Self::GUJARATI => &tables::GUJARATI_LOCKING,
            Self::HINDI => &tables::HINDI_LOCKING,
            Self::KANNADA => &tables::KANNADA_LOCKING,
            Self::MALAYALAM => &tables::MALAYALAM_LOCKING,
            Self::ORIYA => &tables::ORIYA_LOCKING,
            Self::PUNJABI => &tables::PUNJABI_LOCKING,
            Self::TAMIL => &tables::TAMIL_LOCKING,
            Self::TELUGU => &tables::TELUGU_LOCKING,
            Self::URDU => &tables::URDU_LOCKING,
            _ => return None,
        })
    }

    /// The characters behind an escape, by septet, or `None` where the language has no such table.
    pub(crate) fn single_shift(self) -> Option<&'static [(u8, char)]> {
        Some(match self {
            Self::TURKISH => tables::TURKISH_SINGLE,
            Self::SPANISH => tables::SPANISH_SINGLE,
            Self::PORTUGUESE => tables::PORTUGUESE_SINGLE,
            Self::BENGALI => tables::BENGALI_SINGLE,
            Self::GUJARATI => tables::GUJARATI_SINGLE,
            Self::HINDI => tables::HINDI_SINGLE,
            Self::KANNADA => tables::KANNADA_SINGLE,
            Self::MALAYALAM => tables::MALAYALAM_SINGLE,
            Self::ORIYA => tables::ORIYA_SINGLE,
            Self::PUNJABI => tables::PUNJABI_SINGLE,
            Self::TAMIL => tables::TAMIL_SINGLE,
            Self::TELUGU => tables::TELUGU_SINGLE,
            Self::URDU => tables::URDU_SINGLE,
            _ => return None,
        })
    }

    const fn from_alias(_name: &str) -> Option<Self> {
        None
    }
}
