//! Cutting a byte stream into frames, one PDU each, by `command_length` alone.
//!
//! The length is checked before anything is allocated for it. A length that cannot be right means
//! the frame border is lost: there is no way to find it again, so every [`FrameError`] ends the
//! connection.

use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use nom::number::complete::be_u32;
use tokio_util::codec::{Decoder, Encoder};

use crate::command::{CommandStatus, SequenceNumber};
use crate::error::Reply;
use crate::pdu::Pdu;
use crate::wire::HEADER_OCTETS;

/// Octets of a PDU taken by default: the longest payload with all fields and some TLVs is about
/// 66,000. Memory for one connection's input is at most twice this.
pub const OCTETS_MAX: usize = 70_000;

/// Reads frames and writes PDUs.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    /// Octets of the longest PDU taken.
    pub octets_max: usize,
}

impl Default for FrameCodec {
    fn default() -> Self {
        Self {
            octets_max: OCTETS_MAX,
        }
    }
}

/// Why no further frame can be read.
#[derive(Debug)]
pub enum FrameError {
    /// `command_length` is below 16.
    TooSmall {
        /// What it said.
        command_length: u32,
        /// The first octets received, up to 16, to tell an HTTP or TLS client by.
        octets: Bytes,
    },
    /// `command_length` is above the limit.
    TooLarge {
        /// What it said.
        command_length: u32,
        /// The first octets received, up to 16, to tell an HTTP or TLS client by.
        octets: Bytes,
    },
    /// The connection failed.
    Io(io::Error),
}

impl FrameError {
    /// What to send before closing: `generic_nack` with sequence number zero, or nothing if the
    /// connection itself failed.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::TooSmall { .. } | Self::TooLarge { .. } => Reply::GenericNack {
                status: CommandStatus::ESME_RINVCMDLEN,
                sequence: SequenceNumber::UNREADABLE,
            },
            Self::Io(_) => Reply::None,
        }
    }

    /// A stable word for counters and logs.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::TooSmall { .. } => "command_length_too_small",
            Self::TooLarge { .. } => "command_length_too_large",
            Self::Io(_) => "io",
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { command_length, .. } => {
                write!(f, "command_length {command_length} is below 16")
            }
            Self::TooLarge {
                command_length,
                octets,
            } => {
                write!(
                    f,
                    "command_length {command_length} is above the limit; it began {octets:?}"
                )
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Takes the next whole frame off the front of `input`, or `None` if more octets are needed.
///
/// # Errors
/// If `command_length` is below 16 or above `octets_max`; `input` is left as it is.
pub fn split_frame(input: &mut BytesMut, octets_max: usize) -> Result<Option<Bytes>, FrameError> {
    let Ok((_, command_length)) = be_u32::<_, ()>(&input[..]) else {
        return Ok(None);
    };
    let octets = usize::try_from(command_length).unwrap_or(usize::MAX);
    let begin = || Bytes::copy_from_slice(&input[..input.len().min(HEADER_OCTETS)]);
    if octets < HEADER_OCTETS {
        return Err(FrameError::TooSmall {
            command_length,
            octets: begin(),
        });
    }
    if octets > octets_max {
        return Err(FrameError::TooLarge {
            command_length,
            octets: begin(),
        });
    }
    if input.len() < octets {
        return Ok(None);
    }
    Ok(Some(input.split_to(octets).freeze()))
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        split_frame(input, self.octets_max)
    }
}

impl Encoder<Pdu> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, pdu: Pdu, out: &mut BytesMut) -> Result<(), FrameError> {
        pdu.encode(out);
        Ok(())
    }
}

impl Encoder<&Pdu> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, pdu: &Pdu, out: &mut BytesMut) -> Result<(), FrameError> {
        pdu.encode(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENQUIRE_LINK: [u8; 16] = [0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 1];

    #[test]
    fn octets_that_come_one_at_a_time_make_a_frame_at_the_last() {
        let mut input = BytesMut::new();
        for octet in &ENQUIRE_LINK[..15] {
            input.extend_from_slice(&[*octet]);
            assert!(split_frame(&mut input, OCTETS_MAX).unwrap().is_none());
        }
        input.extend_from_slice(&ENQUIRE_LINK[15..]);
        assert_eq!(
            split_frame(&mut input, OCTETS_MAX).unwrap().unwrap(),
            ENQUIRE_LINK[..]
        );
        assert!(input.is_empty());
    }

    #[test]
    fn many_frames_in_one_read_come_out_one_by_one() {
        let mut input = BytesMut::from(&ENQUIRE_LINK.repeat(500)[..]);
        let mut codec = FrameCodec::default();
        let mut frames = 0;
        while let Some(frame) = codec.decode(&mut input).unwrap() {
            assert_eq!(frame, ENQUIRE_LINK[..]);
            frames += 1;
        }
        assert_eq!(frames, 500);
    }

    #[test]
    fn an_http_request_on_the_port_is_refused_before_any_allocation() {
        let mut input = BytesMut::from(&b"GET / HTTP/1.1\r\nHost: x\r\n"[..]);
        let error = split_frame(&mut input, OCTETS_MAX).unwrap_err();
        assert_eq!(error.class(), "command_length_too_large");
        assert!(error.to_string().contains("GET /"), "{error}");
        assert!(matches!(error.reply(), Reply::GenericNack { .. }));
    }
}
