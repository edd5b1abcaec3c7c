//! Why a bind is no more, for the supervisor, the board and an operator.

use smpp_protocol::command::CommandStatus;
use smpp_protocol::session::Closed;

/// Why a bind is no more.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was asked to, and everything is answered.
    Drained,
    /// No connection.
    Unreachable(String),
    /// The upstream said no to the bind.
    Refused(CommandStatus),
    /// It was up; now the connection is gone.
    Lost(String),
    /// It never came up, for another reason.
    Failed(String),
}

impl Ended {
    pub(super) fn was_bound(&self) -> bool {
        matches!(self, Ended::Drained | Ended::Lost(_))
    }

    /// For the metric.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Ended::Drained => "drained",
            Ended::Unreachable(_) => "unreachable",
            Ended::Refused(_) => "refused",
            Ended::Lost(_) => "lost",
            Ended::Failed(_) => "failed",
        }
    }

    /// For the board.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Ended::Drained => "unbound",
            Ended::Refused(_) => "bind_refused",
            Ended::Unreachable(_) | Ended::Lost(_) | Ended::Failed(_) => "waiting",
        }
    }

    /// For an operator.
    pub(super) fn reason(&self) -> String {
        match self {
            Ended::Drained => "stopped".to_owned(),
            Ended::Unreachable(e) => format!("cannot connect: {e}"),
            Ended::Lost(e) | Ended::Failed(e) => e.clone(),
            Ended::Refused(status) => {
                let hint = match *status {
                    CommandStatus::ESME_RALYBND => {
                        "; the upstream still holds an old session, or allows no more binds"
                    }
                    CommandStatus::ESME_RBINDFAIL
                    | CommandStatus::ESME_RINVPASWD
                    | CommandStatus::ESME_RINVSYSID => {
                        "; check username, password, system_type, this host's address at the upstream, and the binds it allows"
                    }
                    CommandStatus::ESME_RINVSYSTYP => "; ask the upstream for its system_type",
                    _ => "",
                };
                format!("the upstream refused the bind with {status}{hint}")
            }
        }
    }
}

/// In words for an operator.
pub(super) fn why_closed(reason: Closed) -> &'static str {
    match reason {
        Closed::Unbound => "unbound",
        Closed::UnbindTimeout => "the upstream did not answer the unbind",
        Closed::Inactivity => "no traffic for too long",
        Closed::PeerUnbound => "the upstream unbound",
        Closed::BindRefused => "the upstream refused the bind",
        Closed::SessionInitTimeout => {
            "the upstream did not answer the bind in time; is this its plain or its TLS port?"
        }
        Closed::EnquireLinkTimeout => "the upstream does not answer enquire_link",
        Closed::Framing => {
            "the upstream sends something that is no SMPP; is this its SMPP port, and plain or TLS as `use_ssl` says?"
        }
        Closed::Disconnected => "the upstream closed the connection",
    }
}
