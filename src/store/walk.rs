//! Every entry of a log, one after the other, and the frames that cannot be read.
//!
//! One frame that is damaged costs its own entries and none of the others.

use super::StoreError;
use super::codec::{Unpacker, is_continuation};
use super::journal::FrameSource;
use crate::message::Entry;

/// What a walk comes by.
#[derive(Debug)]
pub enum Found<'a> {
    Entry {
        /// The frame in which it begins.
        frame: u64,
        entry: &'a Entry,
    },
    /// These frames cannot be read, all for the same reason.
    Damage {
        first: u64,
        last: u64,
        error: &'a StoreError,
    },
}

/// Reads every entry from a frame on, oldest first. `progress` gets the number of each
/// frame that is done, and its octets; 0 where it could not be read.
pub fn walk(
    source: &dyn FrameSource,
    from: u64,
    mut each: impl FnMut(Found<'_>),
    mut progress: impl FnMut(u64, usize),
) {
    let Some((lowest, highest)) = source.bounds() else {
        return;
    };
    let mut unpacker = Unpacker::default();
    let mut damage: Option<(u64, u64, StoreError)> = None;
    for number in from.max(lowest)..=highest {
        let read = read_frame(source, number, &mut unpacker, |frame, entry| {
            tell(&mut damage, &mut each);
            each(Found::Entry {
                frame,
                entry: &entry,
            });
        });
        let octets = *read.as_ref().unwrap_or(&0);
        match (read, &mut damage) {
            (Ok(_), _) => {}
            (Err(e), Some((_, last, same))) if e == *same && *last + 1 == number => *last = number,
            (Err(e), _) => {
                tell(&mut damage, &mut each);
                damage = Some((number, number, e));
            }
        }
        progress(number, octets);
    }
    tell(&mut damage, &mut each);
}

fn tell(damage: &mut Option<(u64, u64, StoreError)>, each: &mut impl FnMut(Found<'_>)) {
    if let Some((first, last, error)) = damage.take() {
        each(Found::Damage {
            first,
            last,
            error: &error,
        });
    }
}

/// One frame of a walk. After an error the next one is read as if it were the first.
fn read_frame(
    source: &dyn FrameSource,
    number: u64,
    unpacker: &mut Unpacker,
    each: impl FnMut(u64, Entry),
) -> Result<usize, StoreError> {
    let octets = source.read(number).and_then(|found| {
        found.ok_or_else(|| StoreError::Corrupt("frames are missing".to_owned()))
    });
    let read = octets.and_then(|octets| {
        // The rest of an entry whose beginning is in a slice that is gone.
        if unpacker.is_fresh() && is_continuation(&octets) {
            return Ok(octets.len());
        }
        unpacker.frame(number, &octets, each)?;
        Ok(octets.len())
    });
    if read.is_err() {
        *unpacker = Unpacker::default();
    }
    read
}
