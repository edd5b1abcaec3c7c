//! How requests end: the status of a response, 67 of them named.

use crate::names::names;

names! {
    /// How a request ended (SMPP 3.4 §5.1.3, 5.0 §4.7.6). Zero in requests.
    ///
    /// `name` gives the 5.0 spelling; `from_name` also reads the 3.4 spellings of 0xC0 to 0xC4.
    pub struct CommandStatus(u32), "{:#010X}";
    /// Done.
    ESME_ROK = 0x0000_0000, "ESME_ROK";
    /// The user data has a length the SMSC does not take.
    ESME_RINVMSGLEN = 0x0000_0001, "ESME_RINVMSGLEN";
    /// `command_length` does not fit this PDU.
    ESME_RINVCMDLEN = 0x0000_0002, "ESME_RINVCMDLEN";
    /// `command_id` is not known or not offered.
    ESME_RINVCMDID = 0x0000_0003, "ESME_RINVCMDID";
    /// Not allowed in this session state.
    ESME_RINVBNDSTS = 0x0000_0004, "ESME_RINVBNDSTS";
    /// This session, or in practice this account, is bound already.
    ESME_RALYBND = 0x0000_0005, "ESME_RALYBND";
    /// `priority_flag` not accepted.
    ESME_RINVPRTFLG = 0x0000_0006, "ESME_RINVPRTFLG";
    /// `registered_delivery` not accepted.
    ESME_RINVREGDLVFLG = 0x0000_0007, "ESME_RINVREGDLVFLG";
    /// The SMSC is out of order, wholly or in part.
    ESME_RSYSERR = 0x0000_0008, "ESME_RSYSERR";
    /// Source address malformed or not permitted.
    ESME_RINVSRCADR = 0x0000_000A, "ESME_RINVSRCADR";
    /// Destination address malformed or not served.
    ESME_RINVDSTADR = 0x0000_000B, "ESME_RINVDSTADR";
    /// No message has this `message_id`.
    ESME_RINVMSGID = 0x0000_000C, "ESME_RINVMSGID";
    /// Bind refused.
    ESME_RBINDFAIL = 0x0000_000D, "ESME_RBINDFAIL";
    /// Password malformed or, in practice, wrong.
    ESME_RINVPASWD = 0x0000_000E, "ESME_RINVPASWD";
    /// `system_id` malformed or, in practice, unknown.
    ESME_RINVSYSID = 0x0000_000F, "ESME_RINVSYSID";
    /// `cancel_sm` failed.
    ESME_RCANCELFAIL = 0x0000_0011, "ESME_RCANCELFAIL";
    /// `replace_sm` failed.
    ESME_RREPLACEFAIL = 0x0000_0013, "ESME_RREPLACEFAIL";
    /// A queue of the SMSC is full.
    ESME_RMSGQFUL = 0x0000_0014, "ESME_RMSGQFUL";
    /// `service_type` not accepted.
    ESME_RINVSERTYP = 0x0000_0015, "ESME_RINVSERTYP";
    /// `number_of_dests` out of range.
    ESME_RINVNUMDESTS = 0x0000_0033, "ESME_RINVNUMDESTS";
    /// No distribution list has this name.
    ESME_RINVDLNAME = 0x0000_0034, "ESME_RINVDLNAME";
    /// `dest_flag` is neither 1 nor 2.
    ESME_RINVDESTFLAG = 0x0000_0040, "ESME_RINVDESTFLAG";
    /// Submitting with replacement is not offered.
    ESME_RINVSUBREP = 0x0000_0042, "ESME_RINVSUBREP";
    /// `esm_class` not accepted.
    ESME_RINVESMCLASS = 0x0000_0043, "ESME_RINVESMCLASS";
    /// Distribution lists are not open to this ESME.
    ESME_RCNTSUBDL = 0x0000_0044, "ESME_RCNTSUBDL";
    /// Submission failed; at some SMSCs a full window or queue.
    ESME_RSUBMITFAIL = 0x0000_0045, "ESME_RSUBMITFAIL";
    /// Source TON not accepted.
    ESME_RINVSRCTON = 0x0000_0048, "ESME_RINVSRCTON";
    /// Source NPI not accepted.
    ESME_RINVSRCNPI = 0x0000_0049, "ESME_RINVSRCNPI";
    /// Destination TON not accepted.
    ESME_RINVDSTTON = 0x0000_0050, "ESME_RINVDSTTON";
    /// Destination NPI not accepted.
    ESME_RINVDSTNPI = 0x0000_0051, "ESME_RINVDSTNPI";
    /// `system_type` not accepted.
    ESME_RINVSYSTYP = 0x0000_0053, "ESME_RINVSYSTYP";
    /// `replace_if_present_flag` not accepted.
    ESME_RINVREPFLAG = 0x0000_0054, "ESME_RINVREPFLAG";
    /// A count of messages is out of range.
    ESME_RINVNUMMSGS = 0x0000_0055, "ESME_RINVNUMMSGS";
    /// Faster than the account allows.
    ESME_RTHROTTLED = 0x0000_0058, "ESME_RTHROTTLED";
    /// `schedule_delivery_time` not accepted.
    ESME_RINVSCHED = 0x0000_0061, "ESME_RINVSCHED";
    /// `validity_period` not accepted.
    ESME_RINVEXPIRY = 0x0000_0062, "ESME_RINVEXPIRY";
    /// No canned message has this `sm_default_msg_id`.
    ESME_RINVDFTMSGID = 0x0000_0063, "ESME_RINVDFTMSGID";
    /// ESME to SMSC: cannot take it now, deliver it again.
    ESME_RX_T_APPN = 0x0000_0064, "ESME_RX_T_APPN";
    /// ESME to SMSC: never deliver anything to this address again.
    ESME_RX_P_APPN = 0x0000_0065, "ESME_RX_P_APPN";
    /// ESME to SMSC: this one message is refused for good.
    ESME_RX_R_APPN = 0x0000_0066, "ESME_RX_R_APPN";
    /// `query_sm` failed.
    ESME_RQUERYFAIL = 0x0000_0067, "ESME_RQUERYFAIL";
    /// The optional part cannot be read. `ESME_RINVOPTPARSTREAM` in 3.4.
    ESME_RINVTLVSTREAM = 0x0000_00C0, "ESME_RINVTLVSTREAM";
    /// A TLV has no place here. `ESME_ROPTPARNOTALLWD` in 3.4.
    ESME_RTLVNOTALLWD = 0x0000_00C1, "ESME_RTLVNOTALLWD";
    /// A TLV has the wrong length. `ESME_RINVPARLEN` in 3.4.
    ESME_RINVTLVLEN = 0x0000_00C2, "ESME_RINVTLVLEN";
    /// A TLV is missing. `ESME_RMISSINGOPTPARAM` in 3.4.
    ESME_RMISSINGTLV = 0x0000_00C3, "ESME_RMISSINGTLV";
    /// A TLV has a value that makes no sense. `ESME_RINVOPTPARAMVAL` in 3.4.
    ESME_RINVTLVVAL = 0x0000_00C4, "ESME_RINVTLVVAL";
    /// Transaction mode: the one attempt failed.
    ESME_RDELIVERYFAILURE = 0x0000_00FE, "ESME_RDELIVERYFAILURE";
    /// Something else went wrong.
    ESME_RUNKNOWNERR = 0x0000_00FF, "ESME_RUNKNOWNERR";
    /// This ESME may not use the service. Since 5.0.
    ESME_RSERTYPUNAUTH = 0x0000_0100, "ESME_RSERTYPUNAUTH";
    /// This ESME may not use the operation. Since 5.0.
    ESME_RPROHIBITED = 0x0000_0101, "ESME_RPROHIBITED";
    /// The service is out of order. Since 5.0.
    ESME_RSERTYPUNAVAIL = 0x0000_0102, "ESME_RSERTYPUNAVAIL";
    /// The service refuses this content. Since 5.0.
    ESME_RSERTYPDENIED = 0x0000_0103, "ESME_RSERTYPDENIED";
    /// `data_coding` not accepted. Since 5.0.
    ESME_RINVDCS = 0x0000_0104, "ESME_RINVDCS";
    /// `source_addr_subunit` not accepted. Since 5.0.
    ESME_RINVSRCADDRSUBUNIT = 0x0000_0105, "ESME_RINVSRCADDRSUBUNIT";
    /// `dest_addr_subunit` not accepted. Since 5.0.
    ESME_RINVDSTADDRSUBUNIT = 0x0000_0106, "ESME_RINVDSTADDRSUBUNIT";
    /// `broadcast_frequency_interval` not accepted. Since 5.0.
    ESME_RINVBCASTFREQINT = 0x0000_0107, "ESME_RINVBCASTFREQINT";
    /// Name of a broadcast area not accepted. Since 5.0.
    ESME_RINVBCASTALIAS_NAME = 0x0000_0108, "ESME_RINVBCASTALIAS_NAME";
    /// Format of a broadcast area not accepted. Since 5.0.
    ESME_RINVBCASTAREAFMT = 0x0000_0109, "ESME_RINVBCASTAREAFMT";
    /// Too few or too many broadcast areas. Since 5.0.
    ESME_RINVNUMBCAST_AREAS = 0x0000_010A, "ESME_RINVNUMBCAST_AREAS";
    /// `broadcast_content_type` not accepted. Since 5.0.
    ESME_RINVBCASTCNTTYPE = 0x0000_010B, "ESME_RINVBCASTCNTTYPE";
    /// `broadcast_message_class` not accepted. Since 5.0.
    ESME_RINVBCASTMSGCLASS = 0x0000_010C, "ESME_RINVBCASTMSGCLASS";
    /// `broadcast_sm` failed. Since 5.0.
    ESME_RBCASTFAIL = 0x0000_010D, "ESME_RBCASTFAIL";
    /// `query_broadcast_sm` failed. Since 5.0.
    ESME_RBCASTQUERYFAIL = 0x0000_010E, "ESME_RBCASTQUERYFAIL";
    /// `cancel_broadcast_sm` failed. Since 5.0.
    ESME_RBCASTCANCELFAIL = 0x0000_010F, "ESME_RBCASTCANCELFAIL";
    /// `broadcast_rep_num` not accepted. Since 5.0.
    ESME_RINVBCAST_REP = 0x0000_0110, "ESME_RINVBCAST_REP";
    /// `broadcast_service_group` not accepted. Since 5.0.
    ESME_RINVBCASTSRVGRP = 0x0000_0111, "ESME_RINVBCASTSRVGRP";
    /// `broadcast_channel_indicator` not accepted. Since 5.0.
    ESME_RINVBCASTCHANIND = 0x0000_0112, "ESME_RINVBCASTCHANIND";
}

impl CommandStatus {
    /// Whether the request succeeded.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether the value lies in the range kept for vendors, 0x400 to 0x4FF.
    #[must_use]
    pub const fn is_vendor(self) -> bool {
        matches!(self.0, 0x400..=0x4FF)
    }

    fn from_alias(name: &str) -> Option<Self> {
        match name {
            "ESME_RINVOPTPARSTREAM" => Some(Self::ESME_RINVTLVSTREAM),
            "ESME_ROPTPARNOTALLWD" => Some(Self::ESME_RTLVNOTALLWD),
            "ESME_RINVPARLEN" => Some(Self::ESME_RINVTLVLEN),
            "ESME_RMISSINGOPTPARAM" => Some(Self::ESME_RMISSINGTLV),
            "ESME_RINVOPTPARAMVAL" => Some(Self::ESME_RINVTLVVAL),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_either_version_are_read() {
        assert_eq!(
            CommandStatus::from_name("ESME_RINVPARLEN"),
            Some(CommandStatus(0xC2))
        );
        assert_eq!(
            CommandStatus::from_name("ESME_RINVTLVLEN"),
            Some(CommandStatus(0xC2))
        );
        assert_eq!(CommandStatus::from_name("esme_rok"), None);
        for status in CommandStatus::ALL {
            assert_eq!(
                CommandStatus::from_name(status.name().unwrap()),
                Some(*status)
            );
        }
    }
}
