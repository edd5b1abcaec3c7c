//! Who would hear of a message's fate from the bridge.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::Config;
use crate::message::{EncodedHead, Family, Head, MASK, Wants, names_a_secret};

/// One kind of callback.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCallback")]
pub(super) struct Callback {
    /// `verdict` goes to the `callback_url` of the send, `status` to a service profile, `part` to
    /// the account, once for each part.
    #[schemars(extend("enum" = ["verdict", "status", "part"]))]
    kind: &'static str,
    #[schemars(extend("enum" = ["POST", "PATCH"]))]
    method: &'static str,
    /// Secrets in its query are masked. Null where it is not the asker's to know.
    url: Option<String>,
    /// Of which service profile.
    service_profile: Option<u64>,
    /// Progress, too, not only how it ends.
    progress: bool,
    /// How many there are of the final kind.
    times: u8,
}

/// In the order in which one change of the message makes them due. `foreign`: those to others
/// than whoever sends are told with their URL.
pub(super) fn of(head: &Head, config: &Config, foreign: bool) -> Vec<Callback> {
    let encoded = EncodedHead::from(head);
    let wants = encoded.read().map(|head| Wants::of(&head));
    let wants = wants.unwrap_or_default();
    let verdict = wants.verdict.then(|| Callback {
        kind: "verdict",
        method: "POST",
        url: head.callback_url.as_deref().map(masked),
        service_profile: None,
        progress: false,
        times: 1,
    });
    let receipts = head.receipts.filter(|_| wants.patch);
    let status = receipts.map(|receipts| {
        let id = receipts.service_profile;
        let profile = config.service_profiles.iter().find(|p| p.id == id);
        let url = profile.map(|p| masked(&p.callback_url.to_string()));
        Callback {
            kind: "status",
            method: "PATCH",
            url: url.filter(|_| foreign),
            service_profile: Some(id),
            progress: wants.patch_progress,
            times: 1,
        }
    });
    let account = match &head.family {
        Family::Universal(origin) => {
            let mut accounts = config.universal.accounts.iter();
            accounts.find(|a| a.name == origin.account)
        }
        Family::Gateways | Family::UseCases(_) => None,
    };
    let url = account.and_then(|a| a.callback_url.as_ref());
    let part = (wants.parts > 0).then(|| Callback {
        kind: "part",
        method: "POST",
        url: url.map(|url| masked(&url.to_string())),
        service_profile: None,
        progress: false,
        times: wants.parts,
    });
    [verdict, status, part].into_iter().flatten().collect()
}

/// The URL, its query's secrets masked as far as names tell.
fn masked(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if names_a_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_query_are_masked() {
        for (url, shown) in [
            ("http://a.test/b", "http://a.test/b"),
            ("http://a.test/b?c=d&e", "http://a.test/b?c=d&e"),
            (
                "http://a.test/?id=1&access-token=x%3D&b=",
                "http://a.test/?id=1&access-token=***&b=",
            ),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
