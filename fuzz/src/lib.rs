//! What the fuzz targets check. `checks` needs nothing but the crate under test, so `cargo test`
//! of that crate replays the corpora with it; `peer` compares with another crate.

pub mod checks;
pub mod peer;
