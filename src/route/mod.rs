//! Who gets what: pure decisions from the configuration.
//!
//! - `mt`: which gateway a message to a handset takes
//! - `class`: what a refusal by one upstream means for another
//! - `mo`: which application hears of a message from a handset, or of a receipt

pub mod class;
mod mo;
mod mt;

pub use mo::{mo, receipts};
pub use mt::{
    Ask, Candidate, Decision, Fate, RuleFate, Standing, decide, digits, pick, rule_fates,
};
