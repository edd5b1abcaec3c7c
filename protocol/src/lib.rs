//! SMPP 3.3, 3.4 and 5.0 without I/O: octets to PDUs and back, text, receipts, sessions.
//!
//! Nothing here opens a socket, reads a clock, writes a log or awaits. Octets and instants come
//! in; PDUs, events and the next deadline come out. From the wire upwards:
//!
//! - [`frame`]: a byte stream cut into frames
//! - [`pdu`]: a frame to a PDU and back; [`command`], [`tlv`], [`coding`] and [`time`] are its
//!   parts
//! - [`error`]: what can be wrong with a PDU, and what the peer deserves for it
//! - [`address`]: a number or a name with its type
//! - [`gsm7`] with [`national`]: the 7-bit alphabet; [`text`]: any user data to text
//! - [`udh`]: headers in front of the text; [`segment`]: a text cut into segments;
//!   [`assembly`]: segments put together again
//! - [`receipt`]: what became of a message
//! - [`window`] and [`session`]: outstanding requests; states and timers of either side
//!
//! What a peer sends is read leniently: numbers without a name survive, fields that are too long
//! are kept, a response is never refused for its body, and whatever had to be forgiven comes with
//! the PDU as a [`Deviation`] to be counted. Any octets give a PDU or a [`DecodeError`]; none give
//! a panic. What is written is exactly what the specification wants.
//!
//! # A message on its way
//!
//! ```
//! use bytes::BytesMut;
//! use smpp_protocol::pdu::{Body, SubmitSm};
//! use smpp_protocol::segment::{Concat, split};
//! use smpp_protocol::{Address, Pdu, SequenceNumber};
//!
//! let segments = split("Your code is 493817", Concat::Udh8(7))?;
//! let mut out = BytesMut::new();
//! for (number, segment) in (1..).zip(segments) {
//!     let submit_sm = SubmitSm::default()
//!         .between(Address::source("Rebel"), Address::destination("+393401234567"))
//!         .carrying(segment);
//!     Pdu::request(SequenceNumber(number), Body::SubmitSm(submit_sm)).encode(&mut out);
//! }
//!
//! let decoded = Pdu::decode(out.freeze())?;
//! assert!(decoded.deviations.is_empty());
//! let Body::SubmitSm(submit_sm) = decoded.pdu.body else { panic!("submit_sm") };
//! assert_eq!(submit_sm.destination().to_string(), "+393401234567");
//! assert_eq!(*submit_sm.user_data(), "Your code is 493817");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod address;
pub mod assembly;
mod c_octet_string;
pub mod coding;
pub mod command;
pub mod error;
pub mod frame;
pub mod gsm7;
mod names;
pub mod national;
pub mod pdu;
pub mod receipt;
pub mod segment;
pub mod session;
pub mod text;
pub mod time;
pub mod tlv;
pub mod udh;
pub mod window;
mod wire;

pub use address::Address;
pub use c_octet_string::COctetString;
pub use coding::{
    DataCoding, EsmClass, InterfaceVersion, MessageState, Npi, RegisteredDelivery, Ton,
};
pub use command::{CommandId, CommandStatus, SequenceNumber};
pub use error::{DecodeError, Deviation, Deviations, Fault, Header, Reply, Severity};
pub use frame::{FrameCodec, FrameError, split_frame};
pub use pdu::{Body, Decoded, Pdu, PduRef};
pub use receipt::{Receipt, ReceiptState};
pub use session::{Event, Session, SessionOptions};
pub use tlv::{Tag, Tlv, Tlvs, TlvsRef};
pub use wire::Strictness;

/// The examples of the README are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
