//! The same octets for rusmpp: where both decode without a remark, both write the same.

use bytes::{Bytes, BytesMut};
use rusmpp::tokio_codec::CommandCodec;
use smpp_protocol::{Pdu, Strictness};
use tokio_util::codec::{Decoder, Encoder};

/// Two decoders that take a PDU have read the same fields if they write the same octets.
pub fn agree(data: &[u8]) {
    let Ok(ours) = Pdu::decode_with(Bytes::copy_from_slice(data), Strictness::Strict) else {
        return;
    };
    let mut frame = BytesMut::from(data);
    let Ok(Some(theirs)) = CommandCodec::new().decode(&mut frame) else {
        return;
    };
    let (mut our_octets, mut their_octets) = (BytesMut::new(), BytesMut::new());
    ours.pdu.encode(&mut our_octets);
    if CommandCodec::new()
        .encode(&theirs, &mut their_octets)
        .is_ok()
    {
        assert_eq!(our_octets, their_octets, "{ours:?}\n{theirs:?}");
    }
}
