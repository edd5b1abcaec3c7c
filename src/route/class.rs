//! What an upstream's refusal means for another upstream: one table for all transports.

use crate::message::RefusalClass;
use smpp_protocol::command::CommandStatus;

/// The class of a `submit_sm_resp` that is not `ESME_ROK`.
pub fn of_status(status: CommandStatus) -> RefusalClass {
    use CommandStatus as S;
    match status {
        S::ESME_RTHROTTLED
        | S::ESME_RMSGQFUL
        | S::ESME_RX_T_APPN
        | S::ESME_RSYSERR
        | S::ESME_RSUBMITFAIL
        | S::ESME_RINVBNDSTS
        | S::ESME_RALYBND => RefusalClass::Unavailable,
        S::ESME_RINVMSGLEN
        | S::ESME_RINVSRCADR
        | S::ESME_RINVDSTADR
        | S::ESME_RINVSERTYP
        | S::ESME_RINVESMCLASS
        | S::ESME_RINVSRCTON
        | S::ESME_RINVSRCNPI
        | S::ESME_RINVDSTTON
        | S::ESME_RINVDSTNPI
        | S::ESME_RINVSCHED
        | S::ESME_RINVEXPIRY => RefusalClass::Invalid,
        // RX_P_APPN, RX_R_APPN, and whatever an upstream has made up.
        _ => RefusalClass::Rejected,
    }
}

/// The class of an answer over HTTP that says no; of 2xx, one whose body does. `None`: a server
/// that failed on the way, or a proxy in front of it, may have passed the message on.
pub fn of_http(status: u16) -> Option<RefusalClass> {
    let class = match status {
        // Our account there: no credit, no access, too many at once. Nothing is said of the
        // message.
        401 | 402 | 403 | 407 | 408 | 425 | 429 => RefusalClass::Unavailable,
        501 | 503 => RefusalClass::Unavailable,
        500.. => return None,
        400 | 413 | 414 | 422 => RefusalClass::Invalid,
        _ => RefusalClass::Rejected,
    };
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefusalClass::{Invalid, Rejected, Unavailable};

    #[test]
    fn every_status_has_its_class() {
        use CommandStatus as S;
        for (status, class) in [
            (S::ESME_RTHROTTLED, Unavailable),
            (S::ESME_RMSGQFUL, Unavailable),
            (S::ESME_RX_T_APPN, Unavailable),
            (S::ESME_RSYSERR, Unavailable),
            (S::ESME_RSUBMITFAIL, Unavailable),
            (S::ESME_RINVBNDSTS, Unavailable),
            (S::ESME_RINVDSTADR, Invalid),
            (S::ESME_RINVSRCADR, Invalid),
            (S::ESME_RINVMSGLEN, Invalid),
            (S::ESME_RX_P_APPN, Rejected),
            (S::ESME_RX_R_APPN, Rejected),
            (S(0x400), Rejected),
        ] {
            assert_eq!(of_status(status), class, "{status}");
        }
    }

    #[test]
    fn every_answer_over_http_has_its_class() {
        for (status, class) in [
            (200, Rejected),
            (302, Rejected),
            (400, Invalid),
            (401, Unavailable),
            (402, Unavailable),
            (403, Unavailable),
            (404, Rejected),
            (412, Rejected),
            (422, Invalid),
            (429, Unavailable),
            (503, Unavailable),
        ] {
            assert_eq!(of_http(status), Some(class), "{status}");
        }
        for status in [500, 502, 504] {
            assert_eq!(of_http(status), None, "{status}");
        }
    }
}
