//! What a session does with a frame of the peer.

use std::time::Instant;

use bytes::Bytes;

use super::operation::{Admission, BindAs, admit};
use super::{Closed, Event, HELD_MAX, PeerBind, Role, Session, State};
use crate::command::{CommandId, CommandStatus, SequenceNumber};
use crate::error::{Deviation, Fault, Reply};
use crate::pdu::{BindResp, Body, Decoded, Pdu};
use crate::tlv::Tlvs;
use crate::wire::Strictness;

/// Where a header begins to say that a PDU is a response.
const COMMAND_ID_AT: usize = 4;

impl<T> Session<T> {
    /// One frame of the peer. In a closed session it is ignored.
    pub fn handle_frame(&mut self, frame: Bytes, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        self.liveness.heard(now);
        // A response is never refused: it belongs to a request that waits.
        let is_response = frame
            .get(COMMAND_ID_AT)
            .is_some_and(|octet| octet & 0x80 != 0);
        let strictness = if is_response {
            Strictness::Lenient
        } else {
            self.options.strictness
        };
        match Pdu::decode_with(frame, strictness) {
            Ok(Decoded { pdu, deviations }) => {
                let command_id = pdu.command_id();
                for deviation in deviations.iter().copied() {
                    self.events.push_back(Event::Deviation {
                        command_id,
                        deviation,
                    });
                }
                if is_response {
                    self.handle_response(pdu, now);
                } else {
                    self.handle_request(pdu, now);
                }
            }
            Err(error) => {
                self.reply(error.reply());
                self.events.push_back(Event::Undecodable(error));
                if error.closes() {
                    self.close(Closed::Framing);
                }
            }
        }
    }

    pub(super) fn handle_request(&mut self, pdu: Pdu, now: Instant) {
        let sequence = pdu.sequence_number;
        match pdu.body {
            Body::EnquireLink => {
                let body = Body::EnquireLinkResp(Tlvs::new());
                return Pdu::response(sequence, CommandStatus::ESME_ROK, body)
                    .encode(&mut self.transmit);
            }
            Body::Unbind => return self.handle_unbind(sequence),
            Body::Unknown { .. } => {
                let status = CommandStatus::ESME_RINVCMDID;
                return self.reply(Reply::GenericNack { status, sequence });
            }
            _ => {}
        }
        self.transaction_at = now;
        match admit(self.role, self.state, pdu.command_id()) {
            Admission::Admit => {
                self.note_bind(&pdu);
                self.events.push_back(Event::Request(pdu));
            }
            Admission::Hold if self.held.len() < HELD_MAX => self.held.push_back(pdu),
            Admission::Hold => self.refuse(&pdu, CommandStatus::ESME_RX_T_APPN),
            Admission::Refuse(status) => self.refuse(&pdu, status),
        }
    }

    /// Remembers a bind until the application answers it.
    fn note_bind(&mut self, pdu: &Pdu) {
        let (bind_as, bind) = match &pdu.body {
            Body::BindTransmitter(bind) => (BindAs::Transmitter, bind),
            Body::BindReceiver(bind) => (BindAs::Receiver, bind),
            Body::BindTransceiver(bind) => (BindAs::Transceiver, bind),
            _ => return,
        };
        self.state = State::Binding;
        self.peer_version = Some(bind.interface_version);
        self.peer_bind = Some(PeerBind {
            sequence: pdu.sequence_number,
            bind_as,
            system_id: bind.system_id.clone(),
            interface_version: bind.interface_version,
        });
    }

    /// An error for a request that has no place here. What has no response gets a `generic_nack`,
    /// and `alert_notification` not even that.
    fn refuse(&mut self, pdu: &Pdu, status: CommandStatus) {
        let (command_id, sequence) = (pdu.command_id(), pdu.sequence_number);
        match command_id.response() {
            Some(command_id) => self.reply(Reply::Response {
                command_id,
                status,
                sequence,
            }),
            None if command_id == CommandId::ALERT_NOTIFICATION => {}
            None => self.reply(Reply::GenericNack { status, sequence }),
        }
        self.events.push_back(Event::Refused { command_id, status });
    }

    fn handle_unbind(&mut self, sequence: SequenceNumber) {
        let body = Body::UnbindResp(Tlvs::new());
        Pdu::response(sequence, CommandStatus::ESME_ROK, body).encode(&mut self.transmit);
        self.events.push_back(Event::PeerUnbound);
        self.close(Closed::PeerUnbound);
    }

    fn handle_response(&mut self, pdu: Pdu, now: Instant) {
        let sequence = pdu.sequence_number;
        if let Some(outstanding) = self.window.complete(sequence) {
            self.transaction_at = now;
            let (command_id, expected) = (pdu.command_id(), outstanding.command_id.response());
            if Some(command_id) != expected && command_id != CommandId::GENERIC_NACK {
                let fault = Fault::ResponseMismatch;
                let deviation = Deviation {
                    fault,
                    field: "command_id",
                    offset: COMMAND_ID_AT,
                };
                self.events.push_back(Event::Deviation {
                    command_id,
                    deviation,
                });
            }
            self.events.push_back(Event::Response {
                sequence,
                context: outstanding.context,
                status: status_of(&pdu),
                body: pdu.body,
                took: now.saturating_duration_since(outstanding.sent_at),
            });
        } else if self.bind_sequence == Some(sequence) {
            self.bind_sequence = None;
            self.handle_bind_resp(pdu, now);
        } else if self.unbind_sequence == Some(sequence) {
            self.unbind_sequence = None;
            self.close(self.unbinding_for);
        } else if self.late.settle(sequence) {
            let status = status_of(&pdu);
            self.events.push_back(Event::LateResponse {
                sequence,
                status,
                body: pdu.body,
            });
        } else if !self.late.settle_enquiry(sequence) {
            self.events.push_back(Event::UnknownResponse {
                command_id: pdu.command_id(),
                sequence,
                status: pdu.command_status,
            });
        }
    }

    /// The answer to our bind, of whatever type: some SMSCs answer with the wrong one.
    fn handle_bind_resp(&mut self, pdu: Pdu, now: Instant) {
        let status = status_of(&pdu);
        if self.state != State::Binding || self.role != Role::Esme {
            return;
        }
        if !status.is_ok() {
            self.events.push_back(Event::BindRefused(status));
            return self.close(Closed::BindRefused);
        }
        let resp = match pdu.body {
            Body::BindTransmitterResp(resp)
            | Body::BindReceiverResp(resp)
            | Body::BindTransceiverResp(resp) => resp,
            _ => BindResp::default(),
        };
        let interface_version = resp.interface_version();
        self.peer_version = interface_version;
        self.bound(self.options.bind_as, resp.system_id, interface_version, now);
    }
}

/// The status of a response. A `generic_nack` that says OK still means that it is not.
fn status_of(pdu: &Pdu) -> CommandStatus {
    match pdu.body {
        Body::GenericNack(_) if pdu.command_status.is_ok() => CommandStatus::ESME_RUNKNOWNERR,
        _ => pdu.command_status,
    }
}
