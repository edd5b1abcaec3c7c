//! What has to hold before anything is sent, in the documented order.

use super::super::country;
use super::rejection::Rejection;
use crate::config::UseCasesDefaults;
use crate::message::UseCase;

/// Checks the use case itself, then the destination. Opt-outs are the store's to check: it
/// knows them to the latest.
pub(super) fn before_send(
    use_case: &UseCase,
    destination: &str,
    defaults: &UseCasesDefaults,
) -> Result<(), Rejection> {
    let status = |r: &Option<crate::message::Registration>| {
        r.as_ref().map(|r| r.status.to_ascii_lowercase())
    };
    if status(&use_case.brand).as_deref() == Some("suspended") {
        return Err(Rejection::check(
            "brand_suspended",
            "The brand's registration is suspended.",
        ));
    }
    if use_case.senders.is_empty() {
        return Err(Rejection::check(
            "no_sender",
            "The use case has no phone number to send from.",
        ));
    }
    let verified = status(&use_case.campaign).as_deref() == Some("verified");
    if !verified && use_case.senders.iter().any(|s| is_us_long_code(s)) {
        return Err(Rejection::check(
            "campaign_not_verified",
            "US long codes need a campaign that is verified.",
        ));
    }
    let digits = destination.trim_start_matches('+');
    let landline = &defaults.landline_prefixes;
    if !is_number(digits) || landline.iter().any(|p| destination.starts_with(p.as_str())) {
        return Err(Rejection::check(
            "invalid_destination",
            "The destination is not a number that takes messages.",
        ));
    }
    let region = country::region(digits).unwrap_or_default();
    let allowed = &use_case.allowed_regions;
    if !allowed.is_empty() && !allowed.iter().any(|r| r.eq_ignore_ascii_case(region)) {
        return Err(Rejection::check(
            "region_not_permitted",
            "The destination's region is not permitted for this use case.",
        ));
    }
    Ok(())
}

/// What [`is_e164`] takes, and the same where the `+` may be missing.
pub(super) const E164: &str = r"^\+[1-9][0-9]{7,14}$";
pub(super) const E164_LENIENT: &str = r"^\+?[1-9][0-9]{7,14}$";

/// [`E164`]
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn is_number(digits: &str) -> bool {
    if digits.starts_with('1') {
        return country::nanp_area(digits).is_some();
    }
    country::has_known_code(digits)
}

/// `+1` and a number of the North American plan that is not free of charge for its caller.
fn is_us_long_code(sender: &str) -> bool {
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    country::nanp_area(digits).is_some_and(|area| !country::is_toll_free(area))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Registration, Timestamp, UseCaseStatus, Via};
    use axum::response::IntoResponse;

    fn use_case(senders: &[&str], campaign: &str, brand: &str) -> UseCase {
        let registered = |status: &str| {
            let status = status.to_owned();
            (!status.is_empty()).then_some(Registration { id: None, status })
        };
        UseCase {
            id: 1,
            name: "u".into(),
            status: UseCaseStatus::Active,
            via: Via::Gateway("g".into()),
            messaging_service_sid: None,
            senders: senders.iter().map(|s| (*s).to_owned()).collect(),
            campaign: registered(campaign),
            brand: registered(brand),
            allowed_regions: vec!["US".into(), "DE".into()],
            sticky_sender: true,
            area_code_geomatch: true,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            configured: false,
        }
    }

    #[test]
    fn the_first_check_that_fails_is_told() {
        let defaults = UseCasesDefaults {
            landline_prefixes: vec!["+4930".into()],
        };
        let us = "+14155550100";
        for (senders, campaign, brand, to, code) in [
            (&["+14155550001"][..], "verified", "approved", us, ""),
            (&["+14155550001"], "verified", "", "+4915112345678", ""),
            (&[], "", "suspended", "x", "brand_suspended"),
            (&[], "verified", "", us, "no_sender"),
            (
                &["+14155550001"],
                "pending",
                "",
                us,
                "campaign_not_verified",
            ),
            (
                &["+18885550003", "+14155550001"],
                "",
                "",
                us,
                "campaign_not_verified",
            ),
            (&["+18885550003"], "", "", us, ""),
            (&["12345", "Brand"], "", "", us, ""),
            (&["12345"], "", "", "+11155550100", "invalid_destination"),
            (&["12345"], "", "", "+99912345678", "invalid_destination"),
            (&["12345"], "", "", "+4930123456", "invalid_destination"),
            (&["12345"], "", "", "+33612345678", "region_not_permitted"),
            (&["12345"], "", "", "+14165550100", "region_not_permitted"),
        ] {
            let use_case = use_case(senders, campaign, brand);
            let checked = before_send(&use_case, to, &defaults);
            let status = checked.as_ref().err().map(|r| r.status.as_u16());
            assert_eq!(status.is_none(), code.is_empty(), "{to} {code}");
            if let Err(r) = checked {
                assert_eq!(status, Some(422));
                assert!(format!("{r:?}").contains(code), "{code}: {r:?}");
                let _ = r.into_response();
            }
        }
    }

    #[test]
    fn destinations_are_e_164() {
        assert!(is_e164("+14155550100") && is_e164("+12345678"));
        for number in [
            "4155550100",
            "+1 415 555 0100",
            "+0123456789",
            "+12",
            "+1234567",
            "",
        ] {
            assert!(!is_e164(number), "{number}");
        }
    }
}
