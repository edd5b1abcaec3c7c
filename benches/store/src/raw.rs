//! The floor: the same octets appended to a plain file, in as many writes, each followed by
//! fdatasync.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Appends `octets` in `commits` writes of equal size.
pub fn append(path: &Path, octets: u64, commits: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let each = usize::try_from(octets / commits.max(1)).unwrap_or(usize::MAX);
    let mut block: Vec<u8> = (0..each).map(|n| n as u8).collect();
    for n in 0..commits {
        if let Some(first) = block.first_mut() {
            *first = n as u8;
        }
        file.write_all(&block)?;
        file.sync_data()?;
    }
    Ok(())
}
