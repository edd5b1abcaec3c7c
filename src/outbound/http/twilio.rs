//! A Twilio-compatible upstream: a form to the account's messages, statuses to our own webhook.

use super::order::{FORM, Order, Parcel};
use crate::config::gateway::TwilioSettings;

/// Behind our base URL: where statuses go, whoever wants them in the end.
const STATUS_PATH: &str = "/v1/webhook/twilio/sms-status";

pub(super) fn parcel(order: &Order<'_>, twilio: &TwilioSettings) -> Parcel {
    let number = e164(&order.number());
    let status_url = format!("{}{STATUS_PATH}", order.base_url);
    let service = order
        .messaging_service_sid()
        .or(twilio.messaging_service_sid.as_deref());
    let mut pairs = vec![("To", number.as_str()), ("Body", order.text)];
    match (service, order.sender()) {
        (Some(service), _) => pairs.push(("MessagingServiceSid", service)),
        (None, Some(sender)) => pairs.push(("From", sender)),
        (None, None) => {}
    }
    pairs.push(("StatusCallback", &status_url));
    let account: String = form_urlencoded::byte_serialize(order.username().as_bytes()).collect();
    Parcel {
        path: order.path_or(&format!("2010-04-01/Accounts/{account}/Messages.json")),
        content_type: FORM,
        body: order.form(&pairs),
    }
}

/// With its `+`, which this API insists on.
fn e164(number: &str) -> String {
    if number.starts_with('+') {
        return number.to_owned();
    }
    format!("+{}", number.strip_prefix("00").unwrap_or(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_their_plus() {
        for (number, expected) in [
            ("+14155550100", "+14155550100"),
            ("14155550100", "+14155550100"),
            ("0014155550100", "+14155550100"),
        ] {
            assert_eq!(e164(number), expected);
        }
    }
}
