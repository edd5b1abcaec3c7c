//! What a strict SMSC refuses in a message whose octets are sound.

use super::SubmitSm;
use crate::command::CommandStatus;
use crate::tlv::{Tag, Tlvs};
use crate::udh;

/// The largest priority a GSM network knows (SMPP 3.4 §5.2.14).
const PRIORITY_MAX: u8 = 3;

/// Bits of `registered_delivery` that mean something (SMPP 3.4 §5.2.17).
const REGISTERED_DELIVERY_BITS: u8 = 0x1F;

impl SubmitSm {
    /// Looks for values that contradict each other or the specification. Decoding takes them, and
    /// a lenient SMSC may live with them; a strict one answers with the status given here.
    ///
    /// # Errors
    /// The status of the first thing found.
    pub fn check(&self) -> Result<(), CommandStatus> {
        let findings = [
            (
                self.destination_addr.is_empty(),
                CommandStatus::ESME_RINVDSTADR,
            ),
            (
                self.priority_flag > PRIORITY_MAX,
                CommandStatus::ESME_RINVPRTFLG,
            ),
            (
                self.registered_delivery.0 & !REGISTERED_DELIVERY_BITS != 0,
                CommandStatus::ESME_RINVREGDLVFLG,
            ),
            (
                self.replace_if_present_flag > 1,
                CommandStatus::ESME_RINVREPFLAG,
            ),
            (self.has_broken_header(), CommandStatus::ESME_RINVESMCLASS),
            (
                self.esm_class.has_udh() && sar_tlvs(&self.tlvs) > 0,
                CommandStatus::ESME_RINVTLVVAL,
            ),
            (
                matches!(sar_tlvs(&self.tlvs), 1 | 2),
                CommandStatus::ESME_RMISSINGTLV,
            ),
            (self.has_two_user_data(), CommandStatus::ESME_RINVMSGLEN),
        ];
        match findings.into_iter().find(|(found, _)| *found) {
            Some((_, status)) => Err(status),
            None => Ok(()),
        }
    }

    fn has_broken_header(&self) -> bool {
        self.esm_class.has_udh() && udh::parse(&self.user_data()).is_err()
    }

    fn has_two_user_data(&self) -> bool {
        !self.short_message.is_empty() && self.tlvs.contains(Tag::MESSAGE_PAYLOAD)
    }
}

/// How many of the three `sar_*` TLVs there are; they count only together.
fn sar_tlvs(tlvs: &Tlvs) -> usize {
    let tags = [
        Tag::SAR_MSG_REF_NUM,
        Tag::SAR_TOTAL_SEGMENTS,
        Tag::SAR_SEGMENT_SEQNUM,
    ];
    tags.into_iter().filter(|tag| tlvs.contains(*tag)).count()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::address::Address;
    use crate::coding::{EsmClass, RegisteredDelivery};
    use crate::segment::{Concat, split};

    fn sound() -> SubmitSm {
        let (source, destination) = (Address::source("Rebel"), Address::destination("+39340123"));
        SubmitSm::default().between(source, destination)
    }

    #[test]
    fn our_own_segments_are_sound_in_every_way_of_concatenation() {
        for concat in [
            Concat::Udh8(1),
            Concat::Udh16(1),
            Concat::Sar(1),
            Concat::Payload,
        ] {
            for segment in split(&"a".repeat(400), concat).unwrap() {
                assert_eq!(sound().carrying(segment).check(), Ok(()), "{concat:?}");
            }
        }
    }

    #[test]
    fn every_contradiction_has_its_status() {
        let mut half_sar = Tlvs::new();
        half_sar.push_u16(Tag::SAR_MSG_REF_NUM, 1);
        let mut payload = Tlvs::new();
        payload.push(Tag::MESSAGE_PAYLOAD, &b"x"[..]);
        let text = Bytes::from_static(b"\x05x");
        let header = Bytes::from_static(b"\x00x");
        let cases = [
            (SubmitSm::default(), CommandStatus::ESME_RINVDSTADR),
            (
                SubmitSm {
                    priority_flag: 4,
                    ..sound()
                },
                CommandStatus::ESME_RINVPRTFLG,
            ),
            (
                SubmitSm {
                    registered_delivery: RegisteredDelivery(0x20),
                    ..sound()
                },
                CommandStatus::ESME_RINVREGDLVFLG,
            ),
            (
                SubmitSm {
                    replace_if_present_flag: 2,
                    ..sound()
                },
                CommandStatus::ESME_RINVREPFLAG,
            ),
            (
                SubmitSm {
                    esm_class: EsmClass::UDH,
                    short_message: text.clone(),
                    ..sound()
                },
                CommandStatus::ESME_RINVESMCLASS,
            ),
            (
                SubmitSm {
                    esm_class: EsmClass::UDH,
                    short_message: header,
                    tlvs: half_sar.clone(),
                    ..sound()
                },
                CommandStatus::ESME_RINVTLVVAL,
            ),
            (
                SubmitSm {
                    tlvs: half_sar,
                    ..sound()
                },
                CommandStatus::ESME_RMISSINGTLV,
            ),
            (
                SubmitSm {
                    short_message: text,
                    tlvs: payload,
                    ..sound()
                },
                CommandStatus::ESME_RINVMSGLEN,
            ),
        ];
        for (pdu, status) in cases {
            assert_eq!(pdu.check(), Err(status), "{pdu:?}");
        }
    }
}
