//! Who may send what, and when (SMPP 3.4 §2.3, 5.0 §2.4), read liberally.
//!
//! Pure decisions about requests; responses are matched by their sequence number in any state.

use crate::command::{CommandId, CommandStatus};

/// Which side of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The client: it binds.
    Esme,
    /// The server: it is bound to.
    Smsc,
}

/// In which directions a session is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindAs {
    /// The ESME sends.
    Transmitter,
    /// The ESME receives.
    Receiver,
    /// Both.
    Transceiver,
}

impl BindAs {
    /// Whether the ESME may submit.
    #[must_use]
    pub const fn submits(self) -> bool {
        matches!(self, Self::Transmitter | Self::Transceiver)
    }

    /// Whether the SMSC may deliver.
    #[must_use]
    pub const fn delivers(self) -> bool {
        matches!(self, Self::Receiver | Self::Transceiver)
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Connected, nothing bound.
    Open,
    /// A bind is on its way.
    Binding,
    /// Bound.
    Bound(BindAs),
    /// We have sent `unbind` and still collect responses.
    Unbinding,
    /// Over: flush what is left to write, then close.
    Closed,
}

/// What to do with a request of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Hand it to the application.
    Admit,
    /// Keep it until the bind is settled: a peer may send it in the same segment.
    Hold,
    /// Answer with this status.
    Refuse(CommandStatus),
}

/// Decides about a request, `enquire_link` and `unbind` excepted, which are always answered.
///
/// Deliveries are taken in any bound state, since some SMSCs send receipts to a transmitter; what
/// arrives while a bind is on its way is held.
#[must_use]
pub fn admit(role: Role, state: State, command_id: CommandId) -> Admission {
    let is_bind = matches!(
        command_id,
        CommandId::BIND_TRANSMITTER | CommandId::BIND_RECEIVER | CommandId::BIND_TRANSCEIVER
    );
    let refused = Admission::Refuse(CommandStatus::ESME_RINVBNDSTS);
    match (role, state) {
        (_, State::Closed) => refused,
        (Role::Smsc, State::Open) if is_bind => Admission::Admit,
        (Role::Smsc, State::Binding | State::Bound(_) | State::Unbinding) if is_bind => {
            Admission::Refuse(CommandStatus::ESME_RALYBND)
        }
        (Role::Esme, State::Open) if command_id == CommandId::OUTBIND => Admission::Admit,
        (_, State::Open) => refused,
        (role, _) if !may_send(role, command_id) => refused,
        (_, State::Binding) => Admission::Hold,
        (Role::Esme, State::Bound(_) | State::Unbinding) => Admission::Admit,
        (Role::Smsc, State::Bound(bind_as)) => {
            // 3.4 lets a receiver send data_sm, 5.0 does not.
            if bind_as.submits() || command_id == CommandId::DATA_SM {
                Admission::Admit
            } else {
                refused
            }
        }
        (Role::Smsc, State::Unbinding) => refused,
    }
}

/// Whether the peer of this role ever sends the command in a bound session.
fn may_send(role: Role, command_id: CommandId) -> bool {
    match role {
        Role::Esme => matches!(
            command_id,
            CommandId::DELIVER_SM | CommandId::DATA_SM | CommandId::ALERT_NOTIFICATION
        ),
        Role::Smsc => matches!(
            command_id,
            CommandId::SUBMIT_SM
                | CommandId::SUBMIT_MULTI
                | CommandId::DATA_SM
                | CommandId::QUERY_SM
                | CommandId::CANCEL_SM
                | CommandId::REPLACE_SM
                | CommandId::BROADCAST_SM
                | CommandId::QUERY_BROADCAST_SM
                | CommandId::CANCEL_BROADCAST_SM
        ),
    }
}

/// Whether we may send requests of our own that take a slot.
#[must_use]
pub fn may_request(role: Role, state: State) -> bool {
    match (role, state) {
        (Role::Esme, State::Bound(bind_as)) => bind_as.submits(),
        (Role::Smsc, State::Bound(bind_as)) => bind_as.delivers(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 7] = [
        State::Open,
        State::Binding,
        State::Bound(BindAs::Transmitter),
        State::Bound(BindAs::Receiver),
        State::Bound(BindAs::Transceiver),
        State::Unbinding,
        State::Closed,
    ];

    fn row(role: Role, command_id: CommandId) -> String {
        STATES
            .iter()
            .map(|state| match admit(role, *state, command_id) {
                Admission::Admit => '+',
                Admission::Hold => 'h',
                Admission::Refuse(CommandStatus::ESME_RALYBND) => 'a',
                Admission::Refuse(_) => '-',
            })
            .collect()
    }

    #[test]
    fn every_request_in_every_state_has_its_admission() {
        // Columns: open, binding, bound as transmitter, receiver, transceiver, unbinding, closed.
        let esme = [
            (CommandId::DELIVER_SM, "-h++++-"),
            (CommandId::DATA_SM, "-h++++-"),
            (CommandId::ALERT_NOTIFICATION, "-h++++-"),
            (CommandId::OUTBIND, "+------"),
            (CommandId::SUBMIT_SM, "-------"),
            (CommandId::BIND_TRANSCEIVER, "-------"),
            (CommandId::QUERY_SM, "-------"),
        ];
        for (command_id, expected) in esme {
            assert_eq!(row(Role::Esme, command_id), expected, "{command_id}");
        }
        let smsc = [
            (CommandId::BIND_RECEIVER, "+aaaaa-"),
            (CommandId::BIND_TRANSMITTER, "+aaaaa-"),
            (CommandId::BIND_TRANSCEIVER, "+aaaaa-"),
            (CommandId::SUBMIT_SM, "-h+-+--"),
            (CommandId::SUBMIT_MULTI, "-h+-+--"),
            (CommandId::QUERY_SM, "-h+-+--"),
            (CommandId::CANCEL_SM, "-h+-+--"),
            (CommandId::REPLACE_SM, "-h+-+--"),
            (CommandId::BROADCAST_SM, "-h+-+--"),
            (CommandId::QUERY_BROADCAST_SM, "-h+-+--"),
            (CommandId::CANCEL_BROADCAST_SM, "-h+-+--"),
            (CommandId::DATA_SM, "-h+++--"),
            (CommandId::DELIVER_SM, "-------"),
            (CommandId::ALERT_NOTIFICATION, "-------"),
            (CommandId::OUTBIND, "-------"),
        ];
        for (command_id, expected) in smsc {
            assert_eq!(row(Role::Smsc, command_id), expected, "{command_id}");
        }
    }

    #[test]
    fn own_requests_need_a_bind_in_their_direction() {
        let row = |role| STATES.map(|state| may_request(role, state));
        assert_eq!(
            row(Role::Esme),
            [false, false, true, false, true, false, false]
        );
        assert_eq!(
            row(Role::Smsc),
            [false, false, false, true, true, false, false]
        );
    }
}
