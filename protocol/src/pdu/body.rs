//! Every command SMPP knows, and what is not one of them.

use bytes::Bytes;

use super::{
    AlertNotification, Bind, BindResp, BroadcastSm, BroadcastSmResp, CancelBroadcastSm, CancelSm,
    DataSm, DataSmResp, DeliverSm, DeliverSmResp, Layout, Outbind, QueryBroadcastSm,
    QueryBroadcastSmResp, QuerySm, QuerySmResp, ReplaceSm, ResponseLayout, SubmitMulti,
    SubmitMultiResp, SubmitSm, SubmitSmResp,
};
use crate::command::CommandId;
use crate::error::{DecodeError, Fault};
use crate::tlv::Tlvs;
use crate::wire::{Reader, Sink};

/// Which command, with its fields. Responses that are a header alone may carry TLVs since 5.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Opens a session for sending.
    BindTransmitter(Bind),
    /// Answers it.
    BindTransmitterResp(BindResp),
    /// Opens a session for receiving.
    BindReceiver(Bind),
    /// Answers it.
    BindReceiverResp(BindResp),
    /// Opens a session for both.
    BindTransceiver(Bind),
    /// Answers it.
    BindTransceiverResp(BindResp),
    /// Asks for a bind.
    Outbind(Outbind),
    /// Ends a session.
    Unbind,
    /// Answers it.
    UnbindResp(Tlvs),
    /// Asks for a sign of life.
    EnquireLink,
    /// Answers it.
    EnquireLinkResp(Tlvs),
    /// Answers what has no answer of its own.
    GenericNack(Tlvs),
    /// A message to the SMSC.
    SubmitSm(SubmitSm),
    /// Answers it.
    SubmitSmResp(SubmitSmResp),
    /// A message or receipt to the ESME.
    DeliverSm(DeliverSm),
    /// Answers it.
    DeliverSmResp(DeliverSmResp),
    /// A message either way.
    DataSm(DataSm),
    /// Answers it.
    DataSmResp(DataSmResp),
    /// A message for many.
    SubmitMulti(SubmitMulti),
    /// Answers it.
    SubmitMultiResp(SubmitMultiResp),
    /// Asks for a message's state.
    QuerySm(QuerySm),
    /// Answers it.
    QuerySmResp(QuerySmResp),
    /// Withdraws messages.
    CancelSm(CancelSm),
    /// Answers it.
    CancelSmResp(Tlvs),
    /// Replaces a message's text.
    ReplaceSm(ReplaceSm),
    /// Answers it.
    ReplaceSmResp(Tlvs),
    /// A phone has come back.
    AlertNotification(AlertNotification),
    /// Starts a cell broadcast.
    BroadcastSm(BroadcastSm),
    /// Answers it.
    BroadcastSmResp(BroadcastSmResp),
    /// Asks for a broadcast's state.
    QueryBroadcastSm(QueryBroadcastSm),
    /// Answers it.
    QueryBroadcastSmResp(QueryBroadcastSmResp),
    /// Stops a broadcast.
    CancelBroadcastSm(CancelBroadcastSm),
    /// Answers it.
    CancelBroadcastSmResp(Tlvs),
    /// A command without a name here: reserved, a vendor's, or of 3.3.
    Unknown {
        /// Its number.
        command_id: CommandId,
        /// Everything behind the header.
        octets: Bytes,
    },
}

impl Body {
    /// Which command this is.
    #[must_use]
    pub fn command_id(&self) -> CommandId {
        match self {
            Self::BindTransmitter(_) => CommandId::BIND_TRANSMITTER,
            Self::BindTransmitterResp(_) => CommandId::BIND_TRANSMITTER_RESP,
            Self::BindReceiver(_) => CommandId::BIND_RECEIVER,
            Self::BindReceiverResp(_) => CommandId::BIND_RECEIVER_RESP,
            Self::BindTransceiver(_) => CommandId::BIND_TRANSCEIVER,
            Self::BindTransceiverResp(_) => CommandId::BIND_TRANSCEIVER_RESP,
            Self::Outbind(_) => CommandId::OUTBIND,
            Self::Unbind => CommandId::UNBIND,
            Self::UnbindResp(_) => CommandId::UNBIND_RESP,
            Self::EnquireLink => CommandId::ENQUIRE_LINK,
            Self::EnquireLinkResp(_) => CommandId::ENQUIRE_LINK_RESP,
            Self::GenericNack(_) => CommandId::GENERIC_NACK,
            Self::SubmitSm(_) => CommandId::SUBMIT_SM,
            Self::SubmitSmResp(_) => CommandId::SUBMIT_SM_RESP,
            Self::DeliverSm(_) => CommandId::DELIVER_SM,
            Self::DeliverSmResp(_) => CommandId::DELIVER_SM_RESP,
            Self::DataSm(_) => CommandId::DATA_SM,
            Self::DataSmResp(_) => CommandId::DATA_SM_RESP,
            Self::SubmitMulti(_) => CommandId::SUBMIT_MULTI,
            Self::SubmitMultiResp(_) => CommandId::SUBMIT_MULTI_RESP,
            Self::QuerySm(_) => CommandId::QUERY_SM,
            Self::QuerySmResp(_) => CommandId::QUERY_SM_RESP,
            Self::CancelSm(_) => CommandId::CANCEL_SM,
            Self::CancelSmResp(_) => CommandId::CANCEL_SM_RESP,
            Self::ReplaceSm(_) => CommandId::REPLACE_SM,
            Self::ReplaceSmResp(_) => CommandId::REPLACE_SM_RESP,
            Self::AlertNotification(_) => CommandId::ALERT_NOTIFICATION,
            Self::BroadcastSm(_) => CommandId::BROADCAST_SM,
            Self::BroadcastSmResp(_) => CommandId::BROADCAST_SM_RESP,
            Self::QueryBroadcastSm(_) => CommandId::QUERY_BROADCAST_SM,
            Self::QueryBroadcastSmResp(_) => CommandId::QUERY_BROADCAST_SM_RESP,
            Self::CancelBroadcastSm(_) => CommandId::CANCEL_BROADCAST_SM,
            Self::CancelBroadcastSmResp(_) => CommandId::CANCEL_BROADCAST_SM_RESP,
            Self::Unknown { command_id, .. } => *command_id,
        }
    }

    /// Whether this answers a request.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.command_id().is_response()
    }

    /// The optional parameters; `None` where there is no room for any.
    #[must_use]
    pub fn tlvs(&self) -> Option<&Tlvs> {
        Some(match self {
            Self::BindTransmitter(body)
            | Self::BindReceiver(body)
            | Self::BindTransceiver(body) => body.tlvs(),
            Self::BindTransmitterResp(body)
            | Self::BindReceiverResp(body)
            | Self::BindTransceiverResp(body) => body.tlvs(),
            Self::Outbind(body) => body.tlvs(),
            Self::UnbindResp(tlvs)
            | Self::EnquireLinkResp(tlvs)
            | Self::GenericNack(tlvs)
            | Self::CancelSmResp(tlvs)
            | Self::ReplaceSmResp(tlvs)
            | Self::CancelBroadcastSmResp(tlvs) => tlvs,
            Self::SubmitSm(body) => body.tlvs(),
            Self::DeliverSm(body) => body.tlvs(),
            Self::SubmitSmResp(body)
            | Self::DeliverSmResp(body)
            | Self::DataSmResp(body)
            | Self::BroadcastSmResp(body)
            | Self::QueryBroadcastSmResp(body) => body.tlvs(),
            Self::DataSm(body) => body.tlvs(),
            Self::SubmitMulti(body) => body.tlvs(),
            Self::SubmitMultiResp(body) => body.tlvs(),
            Self::QuerySm(body) => body.tlvs(),
            Self::QuerySmResp(body) => body.tlvs(),
            Self::CancelSm(body) => body.tlvs(),
            Self::ReplaceSm(body) => body.tlvs(),
            Self::AlertNotification(body) => body.tlvs(),
            Self::BroadcastSm(body) => body.tlvs(),
            Self::QueryBroadcastSm(body) => body.tlvs(),
            Self::CancelBroadcastSm(body) => body.tlvs(),
            Self::Unbind | Self::EnquireLink | Self::Unknown { .. } => return None,
        })
    }

    /// An empty response to the request with this id, or `None` if it has no response.
    #[must_use]
    pub fn response_to(command_id: CommandId) -> Option<Self> {
        Self::empty_response(command_id.response()?)
    }

    /// An empty response with this id.
    pub(crate) fn empty_response(command_id: CommandId) -> Option<Self> {
        Some(match command_id {
            CommandId::GENERIC_NACK => Self::GenericNack(Tlvs::new()),
            CommandId::BIND_TRANSMITTER_RESP => Self::BindTransmitterResp(BindResp::default()),
            CommandId::BIND_RECEIVER_RESP => Self::BindReceiverResp(BindResp::default()),
            CommandId::BIND_TRANSCEIVER_RESP => Self::BindTransceiverResp(BindResp::default()),
            CommandId::UNBIND_RESP => Self::UnbindResp(Tlvs::new()),
            CommandId::ENQUIRE_LINK_RESP => Self::EnquireLinkResp(Tlvs::new()),
            CommandId::SUBMIT_SM_RESP => Self::SubmitSmResp(SubmitSmResp::default()),
            CommandId::DELIVER_SM_RESP => Self::DeliverSmResp(DeliverSmResp::default()),
            CommandId::DATA_SM_RESP => Self::DataSmResp(DataSmResp::default()),
            CommandId::SUBMIT_MULTI_RESP => Self::SubmitMultiResp(SubmitMultiResp::default()),
            CommandId::QUERY_SM_RESP => Self::QuerySmResp(QuerySmResp::default()),
            CommandId::CANCEL_SM_RESP => Self::CancelSmResp(Tlvs::new()),
            CommandId::REPLACE_SM_RESP => Self::ReplaceSmResp(Tlvs::new()),
            CommandId::BROADCAST_SM_RESP => Self::BroadcastSmResp(BroadcastSmResp::default()),
            CommandId::QUERY_BROADCAST_SM_RESP => {
                Self::QueryBroadcastSmResp(QueryBroadcastSmResp::default())
            }
            CommandId::CANCEL_BROADCAST_SM_RESP => Self::CancelBroadcastSmResp(Tlvs::new()),
            _ => return None,
        })
    }

    /// Whether this is a response with nothing in it.
    pub(crate) fn is_blank_response(&self) -> bool {
        match self {
            Self::BindTransmitterResp(body)
            | Self::BindReceiverResp(body)
            | Self::BindTransceiverResp(body) => body.is_blank(),
            Self::SubmitSmResp(body)
            | Self::DeliverSmResp(body)
            | Self::DataSmResp(body)
            | Self::BroadcastSmResp(body)
            | Self::QueryBroadcastSmResp(body) => body.is_blank(),
            Self::SubmitMultiResp(body) => body.is_blank(),
            Self::QuerySmResp(body) => body.is_blank(),
            _ => false,
        }
    }

    pub(super) fn read(fields: &mut Reader) -> Result<Self, DecodeError> {
        let command_id = fields.header().command_id;
        Ok(match command_id {
            CommandId::SUBMIT_SM => Self::SubmitSm(Layout::read(fields)?),
            CommandId::SUBMIT_SM_RESP => Self::SubmitSmResp(SubmitSmResp::read_response(fields)?),
            CommandId::DELIVER_SM => Self::DeliverSm(Layout::read(fields)?),
            CommandId::DELIVER_SM_RESP => {
                Self::DeliverSmResp(DeliverSmResp::read_response(fields)?)
            }
            CommandId::ENQUIRE_LINK => no_body(fields, Self::EnquireLink)?,
            CommandId::ENQUIRE_LINK_RESP => Self::EnquireLinkResp(fields.tlvs()?),
            CommandId::DATA_SM => Self::DataSm(Layout::read(fields)?),
            CommandId::DATA_SM_RESP => Self::DataSmResp(DataSmResp::read_response(fields)?),
            CommandId::BIND_TRANSMITTER => Self::BindTransmitter(Layout::read(fields)?),
            CommandId::BIND_TRANSMITTER_RESP => {
                Self::BindTransmitterResp(BindResp::read_response(fields)?)
            }
            CommandId::BIND_RECEIVER => Self::BindReceiver(Layout::read(fields)?),
            CommandId::BIND_RECEIVER_RESP => {
                Self::BindReceiverResp(BindResp::read_response(fields)?)
            }
            CommandId::BIND_TRANSCEIVER => Self::BindTransceiver(Layout::read(fields)?),
            CommandId::BIND_TRANSCEIVER_RESP => {
                Self::BindTransceiverResp(BindResp::read_response(fields)?)
            }
            CommandId::OUTBIND => Self::Outbind(Layout::read(fields)?),
            CommandId::UNBIND => no_body(fields, Self::Unbind)?,
            CommandId::UNBIND_RESP => Self::UnbindResp(fields.tlvs()?),
            CommandId::GENERIC_NACK => Self::GenericNack(fields.tlvs()?),
            CommandId::SUBMIT_MULTI => Self::SubmitMulti(Layout::read(fields)?),
            CommandId::SUBMIT_MULTI_RESP => {
                Self::SubmitMultiResp(SubmitMultiResp::read_response(fields)?)
            }
            CommandId::QUERY_SM => Self::QuerySm(Layout::read(fields)?),
            CommandId::QUERY_SM_RESP => Self::QuerySmResp(QuerySmResp::read_response(fields)?),
            CommandId::CANCEL_SM => Self::CancelSm(Layout::read(fields)?),
            CommandId::CANCEL_SM_RESP => Self::CancelSmResp(fields.tlvs()?),
            CommandId::REPLACE_SM => Self::ReplaceSm(Layout::read(fields)?),
            CommandId::REPLACE_SM_RESP => Self::ReplaceSmResp(fields.tlvs()?),
            CommandId::ALERT_NOTIFICATION => Self::AlertNotification(Layout::read(fields)?),
            CommandId::BROADCAST_SM => Self::BroadcastSm(Layout::read(fields)?),
            CommandId::BROADCAST_SM_RESP => {
                Self::BroadcastSmResp(BroadcastSmResp::read_response(fields)?)
            }
            CommandId::QUERY_BROADCAST_SM => Self::QueryBroadcastSm(Layout::read(fields)?),
            CommandId::QUERY_BROADCAST_SM_RESP => {
                Self::QueryBroadcastSmResp(QueryBroadcastSmResp::read_response(fields)?)
            }
            CommandId::CANCEL_BROADCAST_SM => Self::CancelBroadcastSm(Layout::read(fields)?),
            CommandId::CANCEL_BROADCAST_SM_RESP => Self::CancelBroadcastSmResp(fields.tlvs()?),
            command_id => {
                fields.tolerate(Fault::UnknownCommandId, "command_id")?;
                Self::Unknown {
                    command_id,
                    octets: fields.remaining(),
                }
            }
        })
    }

    pub(super) fn write(&self, out: &mut impl Sink) {
        match self {
            Self::BindTransmitter(body)
            | Self::BindReceiver(body)
            | Self::BindTransceiver(body) => {
                body.write(out);
            }
            Self::BindTransmitterResp(body)
            | Self::BindReceiverResp(body)
            | Self::BindTransceiverResp(body) => body.write(out),
            Self::Outbind(body) => body.write(out),
            Self::UnbindResp(tlvs)
            | Self::EnquireLinkResp(tlvs)
            | Self::GenericNack(tlvs)
            | Self::CancelSmResp(tlvs)
            | Self::ReplaceSmResp(tlvs)
            | Self::CancelBroadcastSmResp(tlvs) => tlvs.write(out),
            Self::SubmitSm(body) => body.write(out),
            Self::DeliverSm(body) => body.write(out),
            Self::SubmitSmResp(body)
            | Self::DeliverSmResp(body)
            | Self::DataSmResp(body)
            | Self::BroadcastSmResp(body)
            | Self::QueryBroadcastSmResp(body) => body.write(out),
            Self::DataSm(body) => body.write(out),
            Self::SubmitMulti(body) => body.write(out),
            Self::SubmitMultiResp(body) => body.write(out),
            Self::QuerySm(body) => body.write(out),
            Self::QuerySmResp(body) => body.write(out),
            Self::CancelSm(body) => body.write(out),
            Self::ReplaceSm(body) => body.write(out),
            Self::AlertNotification(body) => body.write(out),
            Self::BroadcastSm(body) => body.write(out),
            Self::QueryBroadcastSm(body) => body.write(out),
            Self::CancelBroadcastSm(body) => body.write(out),
            Self::Unbind | Self::EnquireLink => {}
            Self::Unknown { octets, .. } => out.octets(octets),
        }
    }
}

/// A request that ends with its header.
fn no_body(fields: &mut Reader, body: Body) -> Result<Body, DecodeError> {
    if !fields.is_at_end() {
        fields.tolerate(Fault::TrailingBytes, "body")?;
    }
    Ok(body)
}
