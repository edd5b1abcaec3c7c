//! SMPP 3.3, 3.4 and 5.0 without I/O: octets to PDUs and back, text, receipts, sessions.
//!
//! Nothing here opens a socket, reads a clock, writes a log or awaits. Octets and instants come
//! in; PDUs, events and the next deadline come out. From the wire upwards:
//!
//! - [`frame`]: a byte stream cut into frames
//! - [`pdu`]: a frame to a PDU and back; [`command`], [`tlv`], [`coding`] and [`time`] are its parts
//! - [`error`]: what can be wrong with a PDU, and what the peer deserves for it
//! - [`address`]: a number or a name with its type
//! - [`gsm7`] with [`national`]: the 7-bit alphabet; [`text`]: any user data to text
//! - [`receipt`]: what became of a message
//! - [`udh`]: headers in front of the text; [`segment`]: a text cut into segments;
//!   [`assembly`]: segments put together again
//! - [`window`] and [`session`]: outstanding requests; states and timers of either side

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
pub use error::{DecodeError, Deviation, Deviations, Fault, Reply};
pub use frame::{FrameCodec, FrameError, split_frame};
pub use pdu::{Body, Decoded, Pdu};
pub use session::{Event, Session, SessionOptions};
pub use tlv::{Tag, Tlv, Tlvs};
pub use wire::Strictness;
