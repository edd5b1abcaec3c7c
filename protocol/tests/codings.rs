//! Goal: text under any data coding comes back as it was, whole, cut and shuffled, or is refused.
//! Method: every character of Unicode's first plane, and texts and octets made at random by seed.

mod support;

use bytes::Bytes;
use smpp_protocol::assembly::{Assembly, Inserted};
use smpp_protocol::segment::{Concat, Segment, split_as};
use smpp_protocol::text::{Alphabet, DecodedText, TextOptions, decode, encode, lossy};
use smpp_protocol::{DataCoding, EsmClass};
use support::{Random, seeds};

/// Data codings of text whose alphabet does not depend on the SMSC, with characters each has.
const ALPHABETS: &[(DataCoding, &str)] = &[
    (DataCoding::ASCII, "aZ ~\n@"),
    (DataCoding::LATIN1, "aé\u{a0}ÿ¿"),
    (DataCoding::CYRILLIC, "aЖё№§"),
    (DataCoding::HEBREW, "aאת×‗"),
    (DataCoding::UCS2, "aя日🎉"),
    #[cfg(feature = "cjk")]
    (DataCoding::JIS, "a日本ｱア、①"),
    #[cfg(feature = "cjk")]
    (DataCoding::PICTOGRAM, "a日本ｱア、①"),
    #[cfg(feature = "cjk")]
    (DataCoding::MUSIC, "a日本ア、 "),
    #[cfg(feature = "cjk")]
    (DataCoding::EXTENDED_KANJI, "a日丂ｱア、"),
    #[cfg(feature = "cjk")]
    (DataCoding::KS_C_5601, "a한국어똠、"),
];

fn text(random: &mut Random, characters: &str) -> String {
    let characters: Vec<char> = characters.chars().collect();
    let mut text = String::new();
    for _ in 0..random.below(12) {
        let one = *random.pick(&characters);
        text.extend(std::iter::repeat_n(one, random.below(60)));
    }
    text
}

fn read(octets: &[u8], data_coding: DataCoding) -> DecodedText {
    let octets = Bytes::copy_from_slice(octets);
    decode(&octets, data_coding, Alphabet::Gsm)
}

#[test]
fn every_character_of_an_alphabet_comes_back_and_all_others_are_refused() {
    // How many characters of the first plane each has. Python's codecs count the same for the
    // first five and for windows-949; the Japanese ones differ in vendors' kanji.
    let counts = |data_coding| match data_coding {
        DataCoding::ASCII => 127,
        DataCoding::LATIN1 | DataCoding::CYRILLIC => 255,
        DataCoding::HEBREW => 219,
        // Without surrogates, NUL, the byte order mark and its reverse.
        DataCoding::UCS2 => 63_485,
        DataCoding::JIS | DataCoding::PICTOGRAM => 7_516,
        DataCoding::MUSIC => 7_515,
        DataCoding::EXTENDED_KANJI => 13_301,
        _ => 17_175,
    };
    for (data_coding, _) in ALPHABETS {
        let mut count = 0;
        for character in '\0'..='\u{ffff}' {
            let text = character.to_string();
            if let Some(octets) = encode(&text, *data_coding, Alphabet::Gsm) {
                assert_eq!(read(&octets, *data_coding), DecodedText::Text(text));
                count += 1;
            }
        }
        assert_eq!(count, counts(*data_coding), "{data_coding:?}");
    }
}

#[test]
fn texts_come_back_whole_and_cut_shuffled_and_doubled() {
    seeds(1_000, |random| {
        let (data_coding, characters) = *random.pick(ALPHABETS);
        let text = text(random, characters);
        let octets = encode(&text, data_coding, Alphabet::Gsm).expect("all characters are known");
        assert_eq!(read(&octets, data_coding), DecodedText::Text(text.clone()));
        assert_eq!(lossy(&text, data_coding, Alphabet::Gsm).next(), None);

        let concat = match random.below(2) {
            0 => Concat::Udh8(random.next() as u8),
            _ => Concat::Udh16(random.next() as u16),
        };
        let segments = split_as(&text, data_coding, Alphabet::Gsm, concat).unwrap();
        check_segments(random, &segments, &text, data_coding);
    });
}

/// Each segment is text by itself, and all of them in any order are the text.
fn check_segments(random: &mut Random, segments: &[Segment], text: &str, data_coding: DataCoding) {
    let mut joined = String::new();
    for segment in segments {
        assert_eq!(segment.data_coding, data_coding);
        assert!(segment.short_message.len() <= 140);
        let data = smpp_protocol::udh::strip_udh(segment.esm_class, &segment.short_message);
        match read(&data, data_coding) {
            DecodedText::Text(part) => joined.push_str(&part),
            DecodedText::Binary(octets) => panic!("a character is cut: {octets:?}"),
        }
    }
    assert_eq!(joined, text);
    let mut assembly = Assembly::new(segments[0].total);
    let mut order: Vec<&Segment> = segments.iter().chain(segments).collect();
    while !order.is_empty() {
        let one = order.swap_remove(random.below(order.len()));
        let is_missing = assembly.missing().any(|part| part == one.part);
        let wanted = if is_missing {
            Inserted::New
        } else {
            Inserted::Repeated
        };
        let inserted =
            assembly.insert(one.part, one.esm_class, one.data_coding, &one.short_message);
        assert_eq!(inserted, wanted);
    }
    let content = assembly.content(&TextOptions::default());
    assert_eq!(content, DecodedText::Text(text.to_owned()));
}

#[test]
fn an_alphabet_for_data_coding_0_holds_in_both_directions() {
    let cases = [
        (Alphabet::Gsm, "€@Δ", "я"),
        (Alphabet::Auto, "€@Δ", "я"),
        (Alphabet::Latin1, "é\u{80}", "€"),
        (Alphabet::Windows1252, "€é", "я"),
        (Alphabet::Ascii, "@a", "é"),
        (Alphabet::Utf8, "я日🎉", "\0"),
    ];
    for (alphabet, known, unknown) in cases {
        let octets = encode(known, DataCoding::DEFAULT, alphabet).unwrap();
        let read = decode(&Bytes::from(octets), DataCoding::DEFAULT, alphabet);
        assert_eq!(read, DecodedText::Text(known.to_owned()), "{alphabet:?}");
        let text = format!("{known}{unknown}");
        let lost: Vec<_> = lossy(&text, DataCoding::DEFAULT, alphabet).collect();
        let character = unknown.chars().next().unwrap();
        assert_eq!(lost, [(known.len(), character)], "{alphabet:?}");
    }
}

/// Octets that are nearly text: escapes, leads and trails of two-octet characters, and noise.
fn octets(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"\x1b$B",
        b"\x1b$@",
        b"\x1b(B",
        b"\x1b(J",
        b"\x1b(I",
        b"\x1b$(D",
        b"\x1b",
        b"F|K\\",
        b"\x93\xfa",
        b"\xc6\xfc",
        b"\x8f\xb0\xa1",
        b"\x8e\xb1",
        b"a",
        b"\0",
    ];
    let mut octets = Vec::new();
    for _ in 0..random.below(20) {
        if random.one_in(3) {
            octets.push(random.next() as u8);
        } else {
            octets.extend_from_slice(random.pick::<&[u8]>(&PIECES));
        }
    }
    octets
}

#[test]
fn octets_are_text_or_stay_as_they_are() {
    let mut texts = 0;
    for seed in 0..40_000 {
        let random = &mut Random(seed);
        let octets = octets(random);
        let data_coding = DataCoding(random.next() as u8 & 0x0F);
        match read(&octets, data_coding) {
            DecodedText::Binary(same) => assert_eq!(same, octets, "seed {seed}"),
            DecodedText::Text(_) => texts += 1,
        }
        let cut = Bytes::from(octets).slice(..);
        let mut assembly = Assembly::new(2);
        let at = random.below(cut.len() + 1);
        assembly.insert(2, EsmClass::DEFAULT, data_coding, &cut.slice(at..));
        assembly.insert(1, EsmClass::DEFAULT, data_coding, &cut.slice(..at));
        // A sender may cut where it likes: joined octets are read, not parts.
        assert_eq!(assembly.content(&TextOptions::default()), {
            decode(&cut, data_coding, Alphabet::Auto)
        });
    }
    assert!(texts > 1_000);
}
