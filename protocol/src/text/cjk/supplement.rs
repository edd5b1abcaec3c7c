//! Characters of JIS X 0212 in EUC-JP, which `encoding_rs` reads and does not write.

use std::collections::HashMap;
use std::sync::OnceLock;

use encoding_rs::EUC_JP;

/// What announces two octets of JIS X 0212.
pub(super) const SINGLE_SHIFT_3: u8 = 0x8F;

/// The text in EUC-JP with JIS X 0212, or `None` if a character is in neither set.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut utf_8 = [0; 4];
    for character in text.chars() {
        match super::whole(EUC_JP, character.encode_utf8(&mut utf_8)) {
            Some(known) => octets.extend_from_slice(&known),
            None => octets.extend_from_slice(places().get(&character)?),
        }
    }
    Some(octets)
}

/// Where each character of JIS X 0212 is: the reading turned round, once, on first use.
fn places() -> &'static HashMap<char, [u8; 3]> {
    static PLACES: OnceLock<HashMap<char, [u8; 3]>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let rows = 0xA1..=0xFE;
        rows.flat_map(|row| (0xA1..=0xFE).map(move |cell| [SINGLE_SHIFT_3, row, cell]))
            .filter_map(|place| {
                let read = EUC_JP.decode_without_bom_handling_and_without_replacement(&place)?;
                Some((read.chars().next()?, place))
            })
            .collect()
    })
}
