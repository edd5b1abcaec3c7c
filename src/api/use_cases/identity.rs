//! What a message is called here: a UUID and a `message_sid`, both made of its number, so that
//! nothing has to be looked up to find it again.

use uuid::Uuid;

use crate::message::MessageId;

/// Tells our UUIDs from others.
const TAG: [u8; 6] = *b"smppbr";

/// A UUID of version 8 (RFC 9562 §5.8) with the message's number in its last 7 octets.
pub(super) fn uuid_of(id: MessageId) -> Uuid {
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&TAG);
    // Numbers stay below 2^53.
    octets[9..].copy_from_slice(&id.0.to_be_bytes()[1..]);
    Uuid::new_v8(octets)
}

/// The message whose UUID it is, if it is one of ours.
pub(super) fn message_of(uuid: u128) -> Option<MessageId> {
    let octets = uuid.to_be_bytes();
    let mut number = [0; 8];
    number[1..].copy_from_slice(&octets[9..]);
    let id = MessageId(u64::from_be_bytes(number));
    (uuid_of(id).as_u128() == uuid).then_some(id)
}

/// `SM` and 32 hexadecimal digits, where no upstream has a name for the message.
pub(super) fn sid_of(id: MessageId) -> String {
    format!("SM{}", uuid_of(id).simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_message() {
        for number in [1, 0x12_3456_789A_BCDE, (1 << 53) - 1] {
            let id = MessageId(number);
            let uuid = uuid_of(id);
            assert_eq!(uuid.get_version_num(), 8);
            assert_eq!(message_of(uuid.as_u128()), Some(id));
            let sid = sid_of(id);
            assert!(sid.len() == 34 && sid.starts_with("SM"));
            assert!(
                sid[2..]
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            );
        }
        assert_eq!(message_of(Uuid::new_v4().as_u128()), None);
    }
}
