//! Whose number it is: country calling codes (ITU-T E.164), and the area codes by which the
//! countries of the North American plan share theirs (NANPA).

/// Calling code and ISO 3166 country. Where countries share one, the largest stands for all;
/// codes of no country have none.
const CODES: &[(u16, &str)] = &[
    (20, "EG"),
    (211, "SS"),
    (212, "MA"),
    (213, "DZ"),
    (216, "TN"),
    (218, "LY"),
    (220, "GM"),
    (221, "SN"),
    (222, "MR"),
    (223, "ML"),
    (224, "GN"),
    (225, "CI"),
    (226, "BF"),
    (227, "NE"),
    (228, "TG"),
    (229, "BJ"),
    (230, "MU"),
    (231, "LR"),
    (232, "SL"),
    (233, "GH"),
    (234, "NG"),
    (235, "TD"),
    (236, "CF"),
    (237, "CM"),
    (238, "CV"),
    (239, "ST"),
    (240, "GQ"),
    (241, "GA"),
    (242, "CG"),
    (243, "CD"),
    (244, "AO"),
    (245, "GW"),
    (246, "IO"),
    (247, "SH"),
    (248, "SC"),
    (249, "SD"),
    (250, "RW"),
    (251, "ET"),
    (252, "SO"),
    (253, "DJ"),
    (254, "KE"),
    (255, "TZ"),
    (256, "UG"),
    (257, "BI"),
    (258, "MZ"),
    (260, "ZM"),
    (261, "MG"),
    (262, "RE"),
    (263, "ZW"),
    (264, "NA"),
    (265, "MW"),
    (266, "LS"),
    (267, "BW"),
    (268, "SZ"),
    (269, "KM"),
    (27, "ZA"),
    (290, "SH"),
    (291, "ER"),
    (297, "AW"),
    (298, "FO"),
    (299, "GL"),
    (30, "GR"),
    (31, "NL"),
    (32, "BE"),
    (33, "FR"),
    (34, "ES"),
    (350, "GI"),
    (351, "PT"),
    (352, "LU"),
    (353, "IE"),
    (354, "IS"),
    (355, "AL"),
    (356, "MT"),
    (357, "CY"),
    (358, "FI"),
    (359, "BG"),
    (36, "HU"),
    (370, "LT"),
    (371, "LV"),
    (372, "EE"),
    (373, "MD"),
    (374, "AM"),
    (375, "BY"),
    (376, "AD"),
    (377, "MC"),
    (378, "SM"),
    (379, "VA"),
    (380, "UA"),
    (381, "RS"),
    (382, "ME"),
    (383, "XK"),
    (385, "HR"),
    (386, "SI"),
    (387, "BA"),
    (389, "MK"),
    (39, "IT"),
    (40, "RO"),
    (41, "CH"),
    (420, "CZ"),
    (421, "SK"),
    (423, "LI"),
    (43, "AT"),
    (44, "GB"),
    (45, "DK"),
    (46, "SE"),
    (47, "NO"),
    (48, "PL"),
    (49, "DE"),
    (500, "FK"),
    (501, "BZ"),
    (502, "GT"),
    (503, "SV"),
    (504, "HN"),
    (505, "NI"),
    (506, "CR"),
    (507, "PA"),
    (508, "PM"),
    (509, "HT"),
    (51, "PE"),
    (52, "MX"),
    (53, "CU"),
    (54, "AR"),
    (55, "BR"),
    (56, "CL"),
    (57, "CO"),
    (58, "VE"),
    (590, "GP"),
    (591, "BO"),
    (592, "GY"),
    (593, "EC"),
    (594, "GF"),
    (595, "PY"),
    (596, "MQ"),
    (597, "SR"),
    (598, "UY"),
    (599, "CW"),
    (60, "MY"),
    (61, "AU"),
    (62, "ID"),
    (63, "PH"),
    (64, "NZ"),
    (65, "SG"),
    (66, "TH"),
    (670, "TL"),
    (672, "NF"),
    (673, "BN"),
    (674, "NR"),
    (675, "PG"),
    (676, "TO"),
    (677, "SB"),
    (678, "VU"),
    (679, "FJ"),
    (680, "PW"),
    (681, "WF"),
    (682, "CK"),
    (683, "NU"),
    (685, "WS"),
    (686, "KI"),
    (687, "NC"),
    (688, "TV"),
    (689, "PF"),
    (690, "TK"),
    (691, "FM"),
    (692, "MH"),
    (800, ""),
    (808, ""),
    (81, "JP"),
    (82, "KR"),
    (84, "VN"),
    (850, "KP"),
    (852, "HK"),
    (853, "MO"),
    (855, "KH"),
    (856, "LA"),
    (86, "CN"),
    (870, ""),
    (878, ""),
    (880, "BD"),
    (881, ""),
    (882, ""),
    (883, ""),
    (886, "TW"),
    (888, ""),
    (90, "TR"),
    (91, "IN"),
    (92, "PK"),
    (93, "AF"),
    (94, "LK"),
    (95, "MM"),
    (960, "MV"),
    (961, "LB"),
    (962, "JO"),
    (963, "SY"),
    (964, "IQ"),
    (965, "KW"),
    (966, "SA"),
    (967, "YE"),
    (968, "OM"),
    (970, "PS"),
    (971, "AE"),
    (972, "IL"),
    (973, "BH"),
    (974, "QA"),
    (975, "BT"),
    (976, "MN"),
    (977, "NP"),
    (979, ""),
    (98, "IR"),
    (992, "TJ"),
    (993, "TM"),
    (994, "AZ"),
    (995, "GE"),
    (996, "KG"),
    (998, "UZ"),
];

/// Area codes of Canada.
const CANADA: [u16; 46] = [
    204, 226, 236, 249, 250, 257, 263, 289, 306, 343, 354, 365, 367, 368, 382, 403, 416, 418, 428,
    431, 437, 438, 450, 460, 468, 474, 506, 514, 519, 548, 579, 581, 584, 587, 604, 613, 639, 647,
    672, 683, 705, 709, 742, 753, 778, 780,
];
const CANADA_REST: [u16; 8] = [782, 807, 819, 825, 867, 873, 879, 905];

/// Area codes of the plan's other countries; the United States' own territories are theirs.
const ISLANDS: [(u16, &str); 26] = [
    (242, "BS"),
    (246, "BB"),
    (264, "AI"),
    (268, "AG"),
    (284, "VG"),
    (345, "KY"),
    (441, "BM"),
    (473, "GD"),
    (649, "TC"),
    (658, "JM"),
    (664, "MS"),
    (721, "SX"),
    (758, "LC"),
    (767, "DM"),
    (784, "VC"),
    (809, "DO"),
    (829, "DO"),
    (849, "DO"),
    (868, "TT"),
    (869, "KN"),
    (876, "JM"),
    (340, "VI"),
    (670, "MP"),
    (671, "GU"),
    (684, "AS"),
    (787, "PR"),
];

/// Area codes whose calls the called one pays.
const TOLL_FREE: [u16; 7] = [800, 833, 844, 855, 866, 877, 888];

/// True when the digits of an international number begin with an assigned country code.
pub(super) fn has_known_code(digits: &str) -> bool {
    region(digits).is_some()
}

/// The country of an international number, by its digits; empty where its code is no
/// country's. `None`: there is no such code.
pub(super) fn region(digits: &str) -> Option<&'static str> {
    if let Some(national) = digits.strip_prefix('1') {
        return Some(nanp_region(number(national, 3)?));
    }
    if digits.starts_with('7') {
        let kazakh = matches!(digits.as_bytes().get(1), Some(b'6' | b'7'));
        return Some(if kazakh { "KZ" } else { "RU" });
    }
    [2, 3].into_iter().find_map(|length| {
        let code = number(digits, length)?;
        CODES.iter().find(|(c, _)| *c == code).map(|(_, r)| *r)
    })
}

fn nanp_region(area: u16) -> &'static str {
    if CANADA.contains(&area) || CANADA_REST.contains(&area) {
        return "CA";
    }
    let island = ISLANDS.iter().find(|(a, _)| *a == area);
    match (island, area) {
        (Some((_, region)), _) => region,
        (None, 939) => "PR",
        (None, _) => "US",
    }
}

/// The area code, where the digits are a number of the North American plan: area code and
/// exchange begin with 2–9, and the area code does not end in 11.
pub(super) fn nanp_area(digits: &str) -> Option<u16> {
    let national = digits.strip_prefix('1').filter(|n| n.len() == 10)?;
    let starts = |at: usize| matches!(national.as_bytes().get(at), Some(b'2'..=b'9'));
    let area = number(national, 3)?;
    (starts(0) && starts(3) && area % 100 != 11).then_some(area)
}

pub(super) fn is_toll_free(area: u16) -> bool {
    TOLL_FREE.contains(&area)
}

/// International numbers of so many digits with an assigned code, as a pattern without an anchor.
pub(super) fn numbers(digits: &std::ops::RangeInclusive<usize>) -> String {
    let of_length = |length: usize| {
        let codes = CODES.iter().map(|(code, _)| code.to_string());
        let codes: Vec<String> = codes.filter(|code| code.len() == length).collect();
        match length {
            1 => "1|7".to_owned(),
            _ => codes.join("|"),
        }
    };
    let patterns = (1..=3).map(|length| {
        let (least, most) = (digits.start() - length, digits.end() - length);
        format!("({})[0-9]{{{least},{most}}}", of_length(length))
    });
    patterns.collect::<Vec<_>>().join("|")
}

fn number(digits: &str, length: usize) -> Option<u16> {
    digits.get(..length)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_told_by_their_codes() {
        for (digits, country) in [
            ("14155550100", "US"),
            ("14165550100", "CA"),
            ("18765550100", "JM"),
            ("79161234567", "RU"),
            ("77011234567", "KZ"),
            ("393401234567", "IT"),
            ("35312345678", "IE"),
            ("8801712345678", "BD"),
            ("4930123456", "DE"),
            ("33612345678", "FR"),
            ("88312345678", ""),
        ] {
            assert_eq!(region(digits), Some(country), "{digits}");
        }
        for digits in [
            "999123456789",
            "210123456789",
            "",
            "8",
            "38412345678",
            "28012345678",
        ] {
            assert!(!has_known_code(digits), "{digits}");
        }
    }

    #[test]
    fn numbers_of_the_north_american_plan_have_its_shape() {
        assert_eq!(nanp_area("14155550100"), Some(415));
        for digits in [
            "1415555010",
            "11155550100",
            "19115550100",
            "14151550100",
            "4155550100",
        ] {
            assert_eq!(nanp_area(digits), None, "{digits}");
        }
        assert!(is_toll_free(888) && !is_toll_free(415));
    }
}
