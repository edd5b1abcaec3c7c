//! How a session behaves: window, timers, strictness. Each default has its reason.

use std::time::Duration;

use super::operation::BindAs;
use crate::coding::InterfaceVersion;
use crate::command::SequenceNumber;
use crate::frame::OCTETS_MAX;
use crate::pdu::{Bind, Body};
use crate::wire::Strictness;

/// Settings of one session, for either side.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Requests that may wait for a response. 3.4 recommends 10 at most.
    pub window: usize,
    /// The direction to bind in. Not used by an SMSC.
    pub bind_as: BindAs,
    /// The bind to send. Not used by an SMSC.
    pub bind: Bind,
    /// From the connection to a settled bind.
    pub session_init_timeout: Duration,
    /// Silence of the peer after which `enquire_link` is sent; `None` sends none. 30 s, since
    /// some SMSCs drop a line that is silent for longer.
    pub enquire_link: Option<Duration>,
    /// From `enquire_link` to a sign of life.
    pub enquire_link_timeout: Duration,
    /// Unanswered `enquire_link` in a row that end the session, at least 1.
    pub enquire_link_misses: u32,
    /// From a request to its response.
    pub response_timeout: Duration,
    /// Time without a transaction after which we unbind; `enquire_link` is none. `None` never.
    pub inactivity_timeout: Option<Duration>,
    /// From `unbind` to its response.
    pub unbind_timeout: Duration,
    /// Octets of the longest PDU taken.
    pub octets_max: usize,
    /// Number of the first request. 1 by the text; some peers are tested by beginning elsewhere.
    pub first_sequence: SequenceNumber,
    /// How exactly the peer's requests are read. Responses are always read leniently.
    pub strictness: Strictness,
}

impl SessionOptions {
    /// Defaults of a client: 30 s for the bind's answer, no inactivity timer.
    #[must_use]
    pub fn esme(bind_as: BindAs, bind: Bind) -> Self {
        Self {
            window: 10,
            bind_as,
            bind,
            session_init_timeout: Duration::from_secs(30),
            enquire_link: Some(Duration::from_secs(30)),
            enquire_link_timeout: Duration::from_secs(10),
            enquire_link_misses: 2,
            response_timeout: Duration::from_secs(60),
            inactivity_timeout: None,
            unbind_timeout: Duration::from_secs(5),
            octets_max: OCTETS_MAX,
            first_sequence: SequenceNumber::MIN,
            strictness: Strictness::Lenient,
        }
    }

    /// Defaults of a server: 10 s for the client to bind, 60 s of silence before `enquire_link`,
    /// 300 s without a transaction.
    #[must_use]
    pub fn smsc() -> Self {
        Self {
            session_init_timeout: Duration::from_secs(10),
            enquire_link: Some(Duration::from_secs(60)),
            response_timeout: Duration::from_secs(30),
            inactivity_timeout: Some(Duration::from_secs(300)),
            ..Self::esme(BindAs::Transceiver, Bind::default())
        }
    }

    /// The bind as a PDU body; a version left at zero becomes 3.4, which every SMSC takes.
    pub(super) fn bind_body(&self) -> Body {
        let mut bind = self.bind.clone();
        if bind.interface_version == InterfaceVersion(0) {
            bind.interface_version = InterfaceVersion::V3_4;
        }
        match self.bind_as {
            BindAs::Transmitter => Body::BindTransmitter(bind),
            BindAs::Receiver => Body::BindReceiver(bind),
            BindAs::Transceiver => Body::BindTransceiver(bind),
        }
    }
}
