//! What can be wrong with octets from a peer, and what the peer deserves for it.
//!
//! One list of faults serves both ways of meeting them: a fault that makes a PDU unusable ends
//! decoding as a [`DecodeError`], one that can be lived with is recorded as a [`Deviation`] of a
//! PDU that was decoded all the same. [`DecodeError::reply`] is the one place that decides the
//! answer; it is total, and it never answers a response.

use std::fmt;

use crate::command::{CommandId, CommandStatus, SequenceNumber};

/// One way in which octets depart from the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// More octets are needed.
    Incomplete,
    /// `command_length` is below 16: the frame border is lost.
    CommandLengthTooSmall,
    /// `command_length` is above our limit.
    CommandLengthTooLarge,
    /// No command has this id.
    UnknownCommandId,
    /// A request carries a status other than zero.
    RequestStatusNonzero,
    /// The body ends before its mandatory fields do.
    BodyTruncated,
    /// The body ends inside a C-octet string.
    CStringUnterminated,
    /// A C-octet string is longer than its field allows.
    CStringTooLong,
    /// A time is neither absolute nor relative.
    TimeFormatInvalid,
    /// `sm_length` promises more octets than there are.
    SmLengthOverrun,
    /// One to three octets are left where a TLV should begin.
    TlvHeaderTruncated,
    /// A TLV promises more octets than there are.
    TlvLengthOverrun,
    /// A TLV's value has a length its tag does not allow.
    TlvBadLength,
    /// Octets follow a PDU that ends with its header.
    TrailingBytes,
    /// A destination of `submit_multi` is neither an address nor a list.
    DestFlagInvalid,
    /// Both `short_message` and `message_payload` hold user data; the payload counts.
    TwoUserData,
    /// A NUL that `sm_length` does not count stands behind `short_message`.
    NulAfterShortMessage,
    /// A request was answered by the response of another command.
    ResponseMismatch,
}

impl Fault {
    /// A stable word for counters and logs.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::CommandLengthTooSmall => "command_length_too_small",
            Self::CommandLengthTooLarge => "command_length_too_large",
            Self::UnknownCommandId => "unknown_command_id",
            Self::RequestStatusNonzero => "request_status_nonzero",
            Self::BodyTruncated => "body_truncated",
            Self::CStringUnterminated => "cstring_unterminated",
            Self::CStringTooLong => "cstring_too_long",
            Self::TimeFormatInvalid => "time_format_invalid",
            Self::SmLengthOverrun => "sm_length_overrun",
            Self::TlvHeaderTruncated => "tlv_header_truncated",
            Self::TlvLengthOverrun => "tlv_length_overrun",
            Self::TlvBadLength => "tlv_bad_length",
            Self::TrailingBytes => "trailing_bytes",
            Self::DestFlagInvalid => "dest_flag_invalid",
            Self::TwoUserData => "two_user_data",
            Self::NulAfterShortMessage => "nul_after_short_message",
            Self::ResponseMismatch => "response_mismatch",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.class())
    }
}

/// How far a fault reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No fault yet: the rest of the PDU is still to come.
    Incomplete,
    /// The PDU was read, and the fault is to be counted.
    Forgiven,
    /// The PDU is lost; the next one can be read.
    Pdu,
    /// The frame border is lost, and with it the connection.
    Connection,
}

/// A fault in a PDU that was decoded nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// What is wrong.
    pub fault: Fault,
    /// The field or TLV, in the specification's spelling.
    pub field: &'static str,
    /// Octets from the start of the PDU to where it was noticed.
    pub offset: usize,
}

impl Deviation {
    /// How far the fault reaches: [`Severity::Forgiven`].
    #[must_use]
    pub const fn severity(&self) -> Severity {
        Severity::Forgiven
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} at octet {}",
            self.fault, self.field, self.offset
        )
    }
}

/// The deviations of one PDU, in the order they were met. None and one allocate nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Deviations(Found);

#[derive(Clone, Default, PartialEq, Eq)]
enum Found {
    #[default]
    None,
    One(Deviation),
    /// Two or more.
    More(Vec<Deviation>),
}

impl Deviations {
    /// Whether the PDU is exactly as the specification wants it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Deviation> {
        self.as_slice().iter()
    }

    /// Whether this fault is among them.
    #[must_use]
    pub fn contains(&self, fault: Fault) -> bool {
        self.iter().any(|deviation| deviation.fault == fault)
    }

    fn as_slice(&self) -> &[Deviation] {
        match &self.0 {
            Found::None => &[],
            Found::One(deviation) => std::slice::from_ref(deviation),
            Found::More(deviations) => deviations,
        }
    }

    pub(crate) fn push(&mut self, deviation: Deviation) {
        match &mut self.0 {
            Found::None => self.0 = Found::One(deviation),
            Found::One(first) => self.0 = Found::More(vec![*first, deviation]),
            Found::More(deviations) => deviations.push(deviation),
        }
    }
}

impl fmt::Debug for Deviations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The 16 octets every PDU begins with, without the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Which command.
    pub command_id: CommandId,
    /// How it ended; ignored in requests.
    pub command_status: CommandStatus,
    /// Which request and response belong together.
    pub sequence_number: SequenceNumber,
}

/// Why octets could not be made a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub fault: Fault,
    /// The field or TLV, in the specification's spelling.
    pub field: &'static str,
    /// Octets from the start of the PDU to where it was noticed.
    pub offset: usize,
    /// The header, where it could be read.
    pub header: Option<Header>,
}

/// What to send back for octets that could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: it was a response, or a request that has none.
    None,
    /// A `generic_nack`.
    GenericNack {
        /// What to say.
        status: CommandStatus,
        /// The request's number, or zero where it could not be read.
        sequence: SequenceNumber,
    },
    /// The response that belongs to the request, header only.
    Response {
        /// The response's id.
        command_id: CommandId,
        /// What to say.
        status: CommandStatus,
        /// The request's number.
        sequence: SequenceNumber,
    },
}

impl DecodeError {
    /// A stable word for counters and logs.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        self.fault.class()
    }

    /// How far the fault reaches; never [`Severity::Forgiven`].
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.fault {
            Fault::Incomplete => Severity::Incomplete,
            Fault::CommandLengthTooSmall | Fault::CommandLengthTooLarge => Severity::Connection,
            _ => Severity::Pdu,
        }
    }

    /// Whether the connection must be closed after the reply: the frame border is lost, and
    /// nothing that follows could be trusted.
    #[must_use]
    pub const fn closes(&self) -> bool {
        matches!(self.severity(), Severity::Connection)
    }

    /// What the peer deserves.
    ///
    /// A response is never answered: two peers that nack each other would not stop. A request is
    /// answered whenever its header was readable, since an unanswered one blocks the peer's window.
    #[must_use]
    pub fn reply(&self) -> Reply {
        if self.closes() {
            return Reply::GenericNack {
                status: CommandStatus::ESME_RINVCMDLEN,
                sequence: SequenceNumber::UNREADABLE,
            };
        }
        let Some(header) = self.header else {
            return Reply::None;
        };
        let sequence = header.sequence_number;
        match header.command_id.response() {
            _ if self.fault == Fault::Incomplete => Reply::None,
            _ if header.command_id.is_response() => Reply::None,
            Some(command_id) => Reply::Response {
                command_id,
                status: self.status(),
                sequence,
            },
            None if header.command_id.name().is_some() => Reply::None,
            None => Reply::GenericNack {
                status: CommandStatus::ESME_RINVCMDID,
                sequence,
            },
        }
    }

    /// The status that names the fault to the peer.
    #[must_use]
    pub fn status(&self) -> CommandStatus {
        match self.fault {
            Fault::Incomplete
            | Fault::CommandLengthTooSmall
            | Fault::CommandLengthTooLarge
            | Fault::BodyTruncated
            | Fault::CStringUnterminated
            | Fault::TrailingBytes => CommandStatus::ESME_RINVCMDLEN,
            Fault::UnknownCommandId | Fault::ResponseMismatch => CommandStatus::ESME_RINVCMDID,
            Fault::RequestStatusNonzero => CommandStatus::ESME_RUNKNOWNERR,
            Fault::CStringTooLong | Fault::TimeFormatInvalid => field_status(self.field),
            Fault::SmLengthOverrun | Fault::NulAfterShortMessage | Fault::TwoUserData => {
                CommandStatus::ESME_RINVMSGLEN
            }
            Fault::TlvHeaderTruncated | Fault::TlvLengthOverrun => {
                CommandStatus::ESME_RINVTLVSTREAM
            }
            Fault::TlvBadLength => CommandStatus::ESME_RINVTLVLEN,
            Fault::DestFlagInvalid => CommandStatus::ESME_RINVDESTFLAG,
        }
    }
}

/// The status that blames one field.
fn field_status(field: &str) -> CommandStatus {
    match field {
        "system_id" => CommandStatus::ESME_RINVSYSID,
        "password" => CommandStatus::ESME_RINVPASWD,
        "system_type" => CommandStatus::ESME_RINVSYSTYP,
        "service_type" => CommandStatus::ESME_RINVSERTYP,
        "source_addr" => CommandStatus::ESME_RINVSRCADR,
        "destination_addr" | "esme_addr" => CommandStatus::ESME_RINVDSTADR,
        "dl_name" => CommandStatus::ESME_RINVDLNAME,
        "message_id" => CommandStatus::ESME_RINVMSGID,
        "schedule_delivery_time" => CommandStatus::ESME_RINVSCHED,
        "validity_period" => CommandStatus::ESME_RINVEXPIRY,
        _ => CommandStatus::ESME_RINVCMDLEN,
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} at octet {}",
            self.fault, self.field, self.offset
        )?;
        match &self.header {
            Some(header) => write!(f, " of {} {}", header.command_id, header.sequence_number),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DecodeError {}
