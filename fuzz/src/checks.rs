//! One function for each fuzz target: any octets are taken, and a wrong outcome is a panic.
//!
//! The crate's own tests include this file and run it over the corpora.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use smpp_protocol::assembly::{Assembly, Inserted};
use smpp_protocol::gsm7::{self, Shift};
use smpp_protocol::national::Language;
use smpp_protocol::pdu::{Bind, Body, DeliverSm, MessageResp, SubmitSm};
use smpp_protocol::receipt::{Receipt, classify, id};
use smpp_protocol::segment::{Concat, outline, preview_with, split_as, split_binary, split_with};
use smpp_protocol::session::BindAs;
use smpp_protocol::text::{
    Alphabet, ByteOrder, DecodedText, TextOptions, decode, decode_user_data, encode, encode_ucs2,
    lossy,
};
use smpp_protocol::{
    CommandStatus, DataCoding, EsmClass, Event, Pdu, PduRef, SequenceNumber, Session,
    SessionOptions, Strictness, Tag, Tlvs, TlvsRef, split_frame, udh,
};

/// Compares every field of a view with that of the owned PDU.
macro_rules! same_fields {
    ($view:ident, $pdu:ident) => {{
        same_fields!(octets $view, $pdu: service_type source_addr destination_addr
            schedule_delivery_time validity_period);
        same_fields!(values $view, $pdu: source_addr_ton source_addr_npi dest_addr_ton
            dest_addr_npi esm_class protocol_id priority_flag registered_delivery
            replace_if_present_flag data_coding sm_default_msg_id);
        assert_eq!($view.short_message(), &$pdu.short_message[..]);
        assert_eq!($view.user_data(), &$pdu.user_data()[..]);
        same_tlvs($view.tlvs(), &$pdu.tlvs);
    }};
    (octets $view:ident, $pdu:ident: $($field:ident)*) => {
        $( assert_eq!($view.$field(), $pdu.$field.as_bytes()); )*
    };
    (values $view:ident, $pdu:ident: $($field:ident)*) => {
        $( assert_eq!($view.$field(), $pdu.$field); )*
    };
}

/// A stream is cut into the same frames however it arrives, and no octet is lost.
pub fn frame(data: &[u8]) {
    let Some((&step, stream)) = data.split_first() else {
        return;
    };
    let octets_max = 300;
    let mut whole = BytesMut::from(stream);
    let mut frames = Vec::new();
    let is_broken = loop {
        match split_frame(&mut whole, octets_max) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break false,
            Err(error) => {
                let _ = (error.to_string(), error.reply(), error.class());
                break true;
            }
        }
    };
    assert!(
        frames
            .iter()
            .all(|frame| (16..=octets_max).contains(&frame.len()))
    );
    assert_eq!([frames.concat(), whole.to_vec()].concat(), stream);

    let mut pieces = stream.chunks(usize::from(step).max(1));
    let (mut input, mut again) = (BytesMut::new(), Vec::new());
    let is_broken_again = loop {
        match split_frame(&mut input, octets_max) {
            Ok(Some(frame)) => again.push(frame),
            Ok(None) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => break false,
            },
            Err(_) => break true,
        }
    };
    assert_eq!((again, is_broken_again), (frames, is_broken));
}

/// What is read can be written and is then the same; strict, forgiving and lenient readers agree.
pub fn pdu(data: &[u8]) {
    view(data);
    let octets = || Bytes::copy_from_slice(data);
    let strict = Pdu::decode_with(octets(), Strictness::Strict);
    let lenient = Pdu::decode(octets());
    match Pdu::decode_with(octets(), Strictness::Forgiving) {
        Ok(decoded) if decoded.deviations.is_empty() => {
            assert_eq!(strict.as_ref(), Ok(&decoded));
            assert_eq!(lenient.as_ref(), Ok(&decoded));
        }
        Ok(_) => assert!(strict.is_err()),
        Err(error) => {
            assert!(strict.is_err() && lenient.is_err());
            assert!(error.offset <= data.len());
            let _ = (error.reply(), error.to_string());
        }
    }
    let Ok(decoded) = lenient else { return };
    let _ = format!("{decoded:?}");
    assert!(
        decoded
            .deviations
            .iter()
            .all(|deviation| deviation.offset <= data.len())
    );
    let mut out = BytesMut::from(&b"before"[..]);
    decoded.pdu.encode(&mut out);
    let written = out.split_off(6).freeze();
    let mut slice = vec![0; written.len() + 3];
    let octets = decoded.pdu.encode_to_slice(&mut slice);
    assert_eq!(&slice[..octets.expect("there is room")], &written[..]);
    assert_eq!(
        decoded.pdu.encode_to_slice(&mut slice[..written.len() - 1]),
        None
    );
    assert_eq!(written.len(), decoded.pdu.encoded_len());
    let again = Pdu::decode(written.clone()).expect("what was written is read");
    // The rest of a broken error response may look like TLVs once it is written in full.
    if decoded.deviations.is_empty() || decoded.pdu.command_status.is_ok() {
        assert_eq!(again.pdu, decoded.pdu);
        let mut out = BytesMut::new();
        again.pdu.encode(&mut out);
        assert_eq!(out, written);
    }
}

/// A frame has a view exactly if it is one of the commonest PDUs and a strict reader takes it; the
/// view then has what every reader makes of it.
pub fn view(data: &[u8]) {
    let strictness = [
        Strictness::Lenient,
        Strictness::Forgiving,
        Strictness::Strict,
    ];
    let read = strictness.map(|how| Pdu::decode_with(Bytes::copy_from_slice(data), how));
    let Some(view) = PduRef::read(data) else {
        let [.., strict] = read;
        assert!(!strict.is_ok_and(|decoded| matches!(
            decoded.pdu.body,
            Body::SubmitSm(_) | Body::SubmitSmResp(_) | Body::DeliverSm(_) | Body::DeliverSmResp(_)
        )));
        return;
    };
    let pdu = view.to_pdu();
    assert_eq!(view.command_id(), pdu.command_id());
    assert_eq!(view.command_status(), pdu.command_status);
    assert_eq!(view.sequence_number(), pdu.sequence_number);
    match (view, &pdu.body) {
        (PduRef::SubmitSm(view), Body::SubmitSm(pdu)) => same_fields!(view, pdu),
        (PduRef::DeliverSm(view), Body::DeliverSm(pdu)) => same_fields!(view, pdu),
        (PduRef::SubmitSmResp(view), Body::SubmitSmResp(pdu))
        | (PduRef::DeliverSmResp(view), Body::DeliverSmResp(pdu)) => {
            assert_eq!(view.message_id(), pdu.message_id.as_bytes());
            same_tlvs(view.tlvs(), &pdu.tlvs);
        }
        other => panic!("{other:?}"),
    }
    for decoded in read {
        let decoded = decoded.expect("what has a view is accepted");
        assert!(decoded.deviations.is_empty());
        assert_eq!(decoded.pdu, pdu);
    }
}

fn same_tlvs(view: TlvsRef<'_>, tlvs: &Tlvs) {
    assert_eq!(view, tlvs.iter());
    for tlv in tlvs {
        assert_eq!(view.get(tlv.tag), tlvs.get(tlv.tag));
    }
}

/// TLVs keep their order and their octets, and are read in any width.
pub fn tlvs(data: &[u8]) {
    let mut frame = Vec::from([0, 0, 0, 0, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, b'7', 0]);
    frame.extend_from_slice(data);
    let octets = u32::try_from(frame.len()).expect("a fuzzer's input is small");
    frame[..4].copy_from_slice(&octets.to_be_bytes());
    let decoded =
        Pdu::decode(Bytes::from(frame)).expect("a response is never refused for its body");
    let Body::SubmitSmResp(MessageResp { message_id, tlvs }) = decoded.pdu.body else {
        panic!("submit_sm_resp is read as something else");
    };
    assert_eq!(message_id, "7");
    let mut rest = data;
    for tlv in tlvs.iter() {
        let header = [
            tlv.tag.0.to_be_bytes(),
            (tlv.value.len() as u16).to_be_bytes(),
        ]
        .concat();
        rest = rest
            .strip_prefix(&header[..])
            .expect("the header that was read");
        rest = rest
            .strip_prefix(tlv.value)
            .expect("the value that was read");
        let _ = (
            tlvs.get_u8(tlv.tag),
            tlvs.get_u16(tlv.tag),
            tlvs.get_u32(tlv.tag),
        );
        if let Some(text) = tlvs.get_cstr(tlv.tag) {
            assert!(!text.contains(&0));
        }
    }
    assert_eq!(
        rest.is_empty(),
        decoded.deviations.iter().all(|one| one.field != "tlv")
    );
    let collected: Tlvs = tlvs.iter().collect();
    assert_eq!(collected, tlvs);
    let (mut fewer, first) = (tlvs.clone(), tlvs.iter().next().map(|tlv| tlv.tag));
    if let Some(tag) = first {
        fewer.remove(tag);
        assert_eq!(fewer.len() + tlvs.all(tag).count(), tlvs.len());
        assert!(!fewer.contains(tag));
    }
}

/// Any text can be asked what it says as a receipt; capitals change nothing but the words, which
/// also compares the quick way through a usual text with the ordinary one.
pub fn receipt(data: &[u8]) {
    let Some(([esm_class, data_coding], text)) = data.split_first_chunk() else {
        return;
    };
    let mut pdu = DeliverSm {
        esm_class: EsmClass(*esm_class),
        data_coding: DataCoding(*data_coding),
        short_message: Bytes::copy_from_slice(text),
        ..DeliverSm::default()
    };
    pdu.tlvs.push(
        Tag::RECEIPTED_MESSAGE_ID,
        Bytes::copy_from_slice(text.get(..9).unwrap_or(text)),
    );
    let receipt = Receipt::from_pdu(&pdu);
    let _ = (
        classify(&pdu),
        receipt.is_receipt(),
        receipt.states_differ(),
        receipt.text_str(),
    );
    for id in receipt.ids() {
        let _ = (id::canonical(id), id::hex_to_dec(id), id::dec_to_hex(id));
    }

    let (plain, capitals) = (Receipt::parse_text(text), text.to_ascii_uppercase());
    let capitals = Receipt::parse_text(&capitals);
    let upper = |text: Option<&[u8]>| text.map(<[u8]>::to_ascii_uppercase);
    for (one, other) in [
        (&plain.id, &capitals.id),
        (&plain.stat, &capitals.stat),
        (&plain.err, &capitals.err),
    ] {
        let bytes = |field: &Option<smpp_protocol::COctetString>| {
            upper(field.as_ref().map(smpp_protocol::COctetString::as_bytes))
        };
        assert_eq!(bytes(one), bytes(other));
    }
    let dates = |receipt: &Receipt| {
        [&receipt.submit_date, &receipt.done_date]
            .map(|date| upper(date.as_ref().map(|date| date.raw.as_bytes())))
    };
    assert_eq!(dates(&plain), dates(&capitals));
    assert_eq!(
        upper(plain.text.as_deref()),
        upper(capitals.text.as_deref())
    );
    assert_eq!((plain.sub, plain.dlvrd), (capitals.sub, capitals.dlvrd));
    assert_eq!(plain.state, capitals.state);
}

/// Octets are some text under any coding; a text that can be encoded comes back.
pub fn text(data: &[u8]) {
    let Some(([esm_class, data_coding, choice], octets)) = data.split_first_chunk() else {
        return;
    };
    let options = TextOptions {
        default_alphabet: [
            Alphabet::Auto,
            Alphabet::Gsm,
            Alphabet::GsmPacked,
            Alphabet::Latin1,
            Alphabet::Windows1252,
            Alphabet::Ascii,
            Alphabet::Utf8,
        ][usize::from(choice & 7).min(6)],
        byte_order: if choice & 8 == 0 {
            ByteOrder::BigEndian
        } else {
            ByteOrder::LittleEndian
        },
    };
    let (esm_class, user_data) = (EsmClass(*esm_class), Bytes::copy_from_slice(octets));
    let _ = decode_user_data(esm_class, &user_data, DataCoding(*data_coding), &options);
    let _ = (udh::parse(octets).is_ok(), udh::looks_concatenated(octets));
    let septets: Vec<u8> = octets.iter().map(|octet| octet & 0x7F).collect();
    let fill_bits = choice >> 4;
    let unpacked = gsm7::unpack(&gsm7::pack(&septets, fill_bits), fill_bits);
    assert!(septets.starts_with(&unpacked) || unpacked.starts_with(&septets));

    let text = String::from_utf8_lossy(octets);
    let languages = |number: u8| Shift {
        locking: Language(number),
        single: Language(number),
    };
    for shift in [Shift::DEFAULT, languages(choice & 0x0F).known()] {
        let septets = shift.encode(&text);
        let counted: Option<usize> = text.chars().map(|one| shift.char_septets(one)).sum();
        assert_eq!(septets.as_ref().map(Vec::len), counted);
        if let Some(septets) = septets {
            assert_eq!(shift.decode(&septets), text);
        }
    }
    assert_eq!(
        gsm7::septets(&text),
        gsm7::encode(&text).map(|septets| septets.len())
    );
    assert_eq!(encode_ucs2(&text).len(), 2 * text.encode_utf16().count());

    let (data_coding, alphabet) = (DataCoding(*data_coding), options.default_alphabet);
    if let Some(octets) = encode(&text, data_coding, alphabet) {
        let read = decode(&Bytes::from(octets), data_coding, alphabet);
        assert_eq!(read, DecodedText::Text(text.into_owned()));
    } else if !text.ends_with(['\0', '@']) && !text.starts_with(['\u{feff}', '\u{fffe}']) {
        let is_refused = |text: &str| encode(text, data_coding, alphabet).is_none();
        assert!(is_refused("a") || lossy(&text, data_coding, alphabet).next().is_some());
    }
}

/// A text that is cut and put together again, in any order, is the same; the preview knew it.
pub fn segment(data: &[u8]) {
    let Some(([concat, shift, repeat], octets)) = data.split_first_chunk() else {
        return;
    };
    let concat = match concat % 3 {
        0 => Concat::Udh8(*repeat),
        1 => Concat::Udh16(u16::from(*repeat) << 8 | 1),
        _ => Concat::Sar(u16::from(*repeat)),
    };
    let shift = Shift {
        locking: Language(shift & 0x0F),
        single: Language(shift >> 4),
    };
    let text = String::from_utf8_lossy(octets).repeat(usize::from(*repeat) % 40 + 1);
    let preview = preview_with(&text, concat, shift);
    match split_with(&text, concat, shift) {
        Err(too_long) => assert!(too_long.parts > 255 && preview.parts == too_long.parts),
        Ok(segments) => {
            assert_eq!(segments.len(), preview.parts);
            let outline = outline(&text, concat, shift);
            assert_eq!(outline.preview, preview);
            assert_eq!(!outline.outside.is_empty(), preview.is_unicode());
            let cuts = outline.split_points;
            assert_eq!(cuts.len() + 1, preview.parts);
            assert!(cuts.iter().all(|&at| text.is_char_boundary(at)));
            let total = u8::try_from(segments.len()).expect("at most 255");
            let mut assembly = Assembly::new(total);
            for segment in segments.iter().rev() {
                assert_eq!(segment.total, total);
                let (octets, esm_class) = (&segment.short_message, segment.esm_class);
                let inserted =
                    assembly.insert(segment.part, esm_class, segment.data_coding, octets);
                assert_eq!(inserted, Inserted::New);
            }
            assert!(assembly.is_complete());
            let options = TextOptions {
                default_alphabet: Alphabet::Gsm,
                ..TextOptions::default()
            };
            // UTF-16 loses a byte order mark in front, and zeros at the end.
            let is_kept = !text.starts_with(['\u{feff}', '\u{fffe}']) && !text.ends_with('\0');
            if is_kept || !preview.is_unicode() {
                assert_eq!(assembly.content(&options), DecodedText::Text(text.clone()));
            }
        }
    }
    segment_as(&text, DataCoding(*repeat), concat);
    if let Ok(segments) = split_binary(octets, DataCoding::BINARY, concat) {
        let mut assembly = Assembly::new(u8::try_from(segments.len()).expect("at most 255"));
        for segment in &segments {
            let octets = &segment.short_message;
            assembly.insert(segment.part, segment.esm_class, segment.data_coding, octets);
        }
        assert_eq!(assembly.octets(), octets);
    }
}

/// A text cut under any data coding is the same when it is put together again.
fn segment_as(text: &str, data_coding: DataCoding, concat: Concat) {
    let Ok(segments) = split_as(text, data_coding, Alphabet::Gsm, concat) else {
        return;
    };
    let mut assembly = Assembly::new(u8::try_from(segments.len()).expect("at most 255"));
    for segment in segments.iter().rev() {
        let octets = &segment.short_message;
        assert!(octets.len() <= 160);
        let data = udh::strip_udh(segment.esm_class, octets);
        let part = decode(&data, segment.data_coding, Alphabet::Gsm);
        assert!(matches!(part, DecodedText::Text(_)), "{part:?}");
        assembly.insert(segment.part, segment.esm_class, segment.data_coding, octets);
    }
    let options = TextOptions {
        default_alphabet: Alphabet::Gsm,
        ..TextOptions::default()
    };
    assert_eq!(
        assembly.content(&options),
        DecodedText::Text(text.to_owned())
    );
}

/// Whatever happens to a session, in whatever order: every context comes back exactly once, and
/// never more requests are outstanding than there are slots.
pub fn session(data: &[u8]) {
    let Some((&choice, mut rest)) = data.split_first() else {
        return;
    };
    let mut now = Instant::now();
    let window = usize::from(choice >> 4) + 1;
    let options = SessionOptions {
        window,
        ..if choice & 1 == 0 {
            SessionOptions::esme(BindAs::Transceiver, Bind::default())
        } else {
            SessionOptions::smsc()
        }
    };
    let mut session: Session<u32> = if choice & 1 == 0 {
        Session::esme(options, now)
    } else {
        Session::smsc(options, now)
    };
    session.start(now);
    let (mut open, mut given) = (BTreeSet::new(), 0);
    while let Some((&operation, behind)) = rest.split_first() {
        rest = behind;
        match operation % 8 {
            0 => {
                if let Ok(number) = session.request(Body::SubmitSm(SubmitSm::default()), given, now)
                {
                    assert!(number.0 != 0 && open.insert(given));
                }
                given += 1;
            }
            1 => {
                let status = CommandStatus(u32::from(operation >> 6));
                let number = SequenceNumber(u32::from(operation >> 3) % 8);
                let body = Body::SubmitSmResp(MessageResp::new("7"));
                session.handle_frame(written(&Pdu::response(number, status, body)), now);
            }
            2 => {
                let number = SequenceNumber(u32::from(operation >> 3) % 4);
                let body = Body::BindTransceiverResp(Default::default());
                let pdu = Pdu::response(number, CommandStatus::ESME_ROK, body);
                session.handle_frame(written(&pdu), now);
            }
            3 => {
                let body = [
                    Body::BindTransceiver(Bind::default()),
                    Body::EnquireLink,
                    Body::Unbind,
                    Body::DeliverSm(DeliverSm::default()),
                ][usize::from(operation >> 3) % 4]
                    .clone();
                let number = SequenceNumber(u32::from(operation >> 5));
                session.handle_frame(written(&Pdu::request(number, body)), now);
            }
            4 => now += Duration::from_millis(u64::from(operation) * 97),
            5 => {
                if session
                    .next_deadline()
                    .is_some_and(|deadline| deadline <= now)
                {
                    session.handle_deadline(now);
                } else if let Some(deadline) = session.next_deadline() {
                    now = deadline;
                    session.handle_deadline(now);
                }
            }
            6 => {
                let octets = usize::from(operation >> 3).min(rest.len()) + 16;
                let (front, behind) = rest.split_at(octets.min(rest.len()));
                session.handle_frame(Bytes::copy_from_slice(front), now);
                rest = behind;
            }
            _ if operation > 0xF0 => session.unbind(now),
            _ => session.handle_octets(now),
        }
        assert!(session.outstanding() <= window);
        drain(&mut session, &mut open);
    }
    session.handle_closed(now);
    drain(&mut session, &mut open);
    assert!(open.is_empty(), "never came back: {open:?}");
}

fn written(pdu: &Pdu) -> Bytes {
    let mut out = BytesMut::new();
    pdu.encode(&mut out);
    out.freeze()
}

/// Takes what the session has to say, and answers its requests.
fn drain(session: &mut Session<u32>, open: &mut BTreeSet<u32>) {
    while let Some(event) = session.poll_event() {
        match event {
            Event::Response { context, .. } | Event::Unanswered { context, .. } => {
                assert!(open.remove(&context), "{context} came back twice");
            }
            Event::Request(pdu) => {
                if let Some(body) = Body::response_to(pdu.command_id()) {
                    session.respond(pdu.sequence_number, body, CommandStatus::ESME_ROK);
                }
            }
            _ => {}
        }
    }
    let mut written = std::mem::take(session.transmit());
    while let Ok(Some(frame)) = split_frame(&mut written, 70_000) {
        let decoded = Pdu::decode(frame).expect("what a session writes is read");
        assert!(decoded.deviations.is_empty(), "{decoded:?}");
    }
    assert!(written.is_empty());
}
