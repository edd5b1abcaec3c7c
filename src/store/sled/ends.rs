//! Where the entries of finished messages end: blocks of many, since each entry of sled costs
//! more than all that it says.
//!
//! A block lists messages by id with their last frames. Its key begins with the highest of
//! these frames, so that blocks stand in the order in which they were written, and goes on with
//! the lowest and the highest id, so that nearly all blocks are passed over unread.

use crate::message::MessageId;

/// Messages of one block, at most: with ten octets for each of its two numbers it still is no
/// longer than a frame.
pub(super) const BLOCK_MAX: usize = 300;

pub(super) type Key = [u8; 24];

/// One block of at most [`BLOCK_MAX`] messages, in order of their ids, none of them twice.
pub(super) fn encode(ends: &[(MessageId, u64)]) -> Option<(Key, Vec<u8>)> {
    let (lowest, highest) = (ends.first()?.0, ends.last()?.0);
    let frame = ends.iter().map(|(_, frame)| *frame).max()?;
    let mut key = [0; 24];
    key[..8].copy_from_slice(&frame.to_be_bytes());
    key[8..16].copy_from_slice(&lowest.0.to_be_bytes());
    key[16..].copy_from_slice(&highest.0.to_be_bytes());
    let mut block = Vec::with_capacity(4 * ends.len());
    let mut before = lowest;
    for &(id, last) in ends {
        push(&mut block, id.0 - before.0);
        push(&mut block, frame - last);
        before = id;
    }
    Some((key, block))
}

/// True when a block may name this message.
pub(super) fn may_name(key: &[u8], message: MessageId) -> bool {
    match (number_at(key, 8), number_at(key, 16)) {
        (Some(lowest), Some(highest)) => (lowest..=highest).contains(&message.0),
        _ => false,
    }
}

/// The message's last frame, if the block names it.
pub(super) fn find(key: &[u8], mut block: &[u8], message: MessageId) -> Option<u64> {
    let (frame, mut id) = (number_at(key, 0)?, number_at(key, 8)?);
    while !block.is_empty() && id <= message.0 {
        id = id.checked_add(take(&mut block)?)?;
        let last = frame.checked_sub(take(&mut block)?)?;
        if id == message.0 {
            return Some(last);
        }
    }
    None
}

fn number_at(key: &[u8], at: usize) -> Option<u64> {
    let octets = key.get(at..at + 8)?;
    octets.try_into().ok().map(u64::from_be_bytes)
}

/// LEB128.
fn push(block: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        block.push((n & 0x7F) as u8 | 0x80);
        n >>= 7;
    }
    block.push(n as u8);
}

fn take(block: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = block.split_first()?;
        *block = rest;
        n |= u64::from(octet & 0x7F) << shift;
        if octet & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_names_what_was_put_into_it_and_nothing_else() {
        let ends: Vec<(MessageId, u64)> = (0..BLOCK_MAX as u64)
            .map(|n| (MessageId(1 << 52 | n << 12), 1_000_000 - n * 7919 % 300))
            .collect();
        let (key, block) = encode(&ends).unwrap();
        assert!(block.len() < 6 * 1024);
        for (id, frame) in &ends {
            assert!(may_name(&key, *id));
            assert_eq!(find(&key, &block, *id), Some(*frame));
            assert_eq!(find(&key, &block, MessageId(id.0 + 1)), None);
        }
        assert!(!may_name(&key, MessageId(1)));
        assert_eq!(encode(&[]), None);
    }

    #[test]
    fn the_farthest_numbers_fit() {
        let ends = [(MessageId(0), 0), (MessageId(u64::MAX), u64::MAX)];
        let (key, block) = encode(&ends).unwrap();
        assert_eq!(find(&key, &block, MessageId(0)), Some(0));
        assert_eq!(find(&key, &block, MessageId(u64::MAX)), Some(u64::MAX));
        assert_eq!(
            find(&key, &block[..3], MessageId(u64::MAX)),
            None,
            "cut off"
        );
    }
}
