//! What a session tells its driver.

use std::time::Duration;

use crate::c_octet_string::COctetString;
use crate::coding::InterfaceVersion;
use crate::command::{CommandId, CommandStatus, SequenceNumber};
use crate::error::{DecodeError, Deviation};
use crate::pdu::{Body, Pdu};

/// Something the application has to know. `T` is the context it gave with a request.
#[derive(Debug)]
pub enum Event<T> {
    /// The session is bound.
    Bound {
        /// What the peer calls itself.
        system_id: COctetString,
        /// The version the peer says it speaks; `None` if an SMSC says nothing.
        interface_version: Option<InterfaceVersion>,
    },
    /// The SMSC refused the bind; [`Event::Closed`] follows.
    BindRefused(CommandStatus),
    /// A request was answered.
    Response {
        /// The request's number.
        sequence: SequenceNumber,
        /// What came with the request.
        context: T,
        /// How it ended. A `generic_nack` is never OK, whatever it says.
        status: CommandStatus,
        /// The answer; [`Body::GenericNack`] if the peer could not do better.
        body: Body,
        /// From the request to now.
        took: Duration,
    },
    /// A request will get no answer in time: what became of it is not known.
    Unanswered {
        /// The request's number; a [`Event::LateResponse`] may follow under it.
        sequence: SequenceNumber,
        /// What came with the request.
        context: T,
        /// Why.
        reason: Unanswered,
    },
    /// The answer to a request that was reported as unanswered.
    LateResponse {
        /// The request's number.
        sequence: SequenceNumber,
        /// How it ended.
        status: CommandStatus,
        /// The answer.
        body: Body,
    },
    /// A response that no request of this session waits for: a duplicate, or the peer's mistake.
    UnknownResponse {
        /// What it claims to be.
        command_id: CommandId,
        /// Its number.
        sequence: SequenceNumber,
        /// Its status.
        status: CommandStatus,
    },
    /// A request of the peer, to be answered with `respond` unless it has no response.
    Request(Pdu),
    /// A request was answered with an error by the session itself, since it has no place in this
    /// state.
    Refused {
        /// What it was.
        command_id: CommandId,
        /// What was answered.
        status: CommandStatus,
    },
    /// A PDU departed from the specification and was read nevertheless.
    Deviation {
        /// Which PDU.
        command_id: CommandId,
        /// How.
        deviation: Deviation,
    },
    /// A PDU could not be read; it has been answered as it deserves.
    Undecodable(DecodeError),
    /// The peer unbinds; it has been answered, and [`Event::Closed`] follows.
    PeerUnbound,
    /// Nothing more will come: write what is pending, then close the connection.
    Closed(Closed),
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The response timer ran out; the session goes on.
    Timeout,
    /// The session ended first.
    Closed,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// We unbound and the peer agreed.
    Unbound,
    /// We unbound and the peer did not answer in time.
    UnbindTimeout,
    /// We unbound since there was no transaction for too long.
    Inactivity,
    /// The peer unbound.
    PeerUnbound,
    /// The bind was refused.
    BindRefused,
    /// No bind was settled in time.
    SessionInitTimeout,
    /// The peer did not answer `enquire_link`.
    EnquireLinkTimeout,
    /// The border between PDUs is lost.
    Framing,
    /// The connection is gone.
    Disconnected,
}

impl Closed {
    /// A stable word for counters and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::UnbindTimeout => "unbind_timeout",
            Self::Inactivity => "inactivity",
            Self::PeerUnbound => "peer_unbound",
            Self::BindRefused => "bind_refused",
            Self::SessionInitTimeout => "session_init_timeout",
            Self::EnquireLinkTimeout => "enquire_link_timeout",
            Self::Framing => "framing",
            Self::Disconnected => "disconnected",
        }
    }
}
