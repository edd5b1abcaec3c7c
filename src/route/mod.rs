//! Who gets what: pure decisions from the configuration.
//!
//! - `mo`: which application hears of a message from a handset, or of a receipt

mod mo;

pub use mo::{mo, receipts};
