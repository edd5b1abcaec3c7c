//! The answer: what a case comes to, in the order of a message's way.

use axum::response::Response;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::clock::Iso;
use super::super::directory::Profile;
use super::super::draft::{Draft, Ground};
use super::super::gateways::Status;
use super::super::use_cases::Rejection;
use super::super::{Api, country, text};
use super::asker::Asker;
use super::callbacks::{self, Callback};
use super::route::Route;
use super::written::Written;
use super::{Case, FAMILIES};
use crate::message::{Family, TrafficClass, UseCase};
use crate::metrics::label;

/// What a send would come to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub(super) struct Report<'a> {
    #[schemars(extend("enum" = FAMILIES.map(|(name, _)| name)))]
    family: &'static str,
    /// The send would take it.
    accepted: bool,
    /// What the send would be answered instead.
    refusal: Option<Refused>,
    /// What becomes of it first: `queued`, `scheduled`, `simulated`, or `repeated`, which is a
    /// message that was taken before and is answered as then. Null when it is refused.
    #[schemars(extend("enum" = ["queued", "scheduled", "simulated", "repeated", null]))]
    outcome: Option<&'static str>,
    /// Null where the checks end before there is one.
    route: Option<Route<'a>>,
    use_case: Option<Purpose<'a>>,
    limits: Option<Limits>,
    /// Null where a check fails before there is a message.
    message: Option<Message<'a>>,
    /// What would be written to the upstream; null where nothing would.
    wire: Option<Written>,
    /// Whom the bridge would tell what became of it.
    callbacks: Vec<Callback>,
}

/// The answer of the send.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRefusal")]
pub(super) struct Refused {
    /// HTTP status. With 200 the body says why it is not taken.
    status: u16,
    /// Seconds, as the header `Retry-After` says.
    retry_after: Option<u64>,
    body: Value,
}

/// The use case whose rules hold.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedUseCase")]
struct Purpose<'a> {
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    name: &'a str,
    brand: Option<&'a str>,
    campaign: Option<&'a str>,
    /// How many senders the pool has.
    senders: usize,
    /// Empty allows all.
    allowed_regions: &'a [String],
    /// The destination wants nothing of it; null where an earlier check fails.
    opted_out: Option<bool>,
}

/// What limits the send, and how much of it is left.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedLimits")]
struct Limits {
    /// Messages that may still wait for the gateway.
    queue_room: u64,
    queue_max: u64,
    /// Segments or requests a second, as configured; null is no limit.
    throughput_per_s: Option<u32>,
    /// Requests that may be unanswered: on each bind, or to the HTTP upstream.
    window: u16,
    /// How many are, on the bind that wrote last; null before the gateway has begun.
    in_flight: Option<i64>,
    /// The upstream asked for less, and gets nothing for a moment.
    is_paused: Option<bool>,
    /// Parts of the longest text that the upstream takes whole; null is no limit.
    parts_max: Option<u8>,
    account_rate: Option<Rate>,
}

/// Of an account: a send takes one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRate")]
struct Rate {
    per_s: u32,
    left: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedMessage")]
struct Message<'a> {
    /// As it was written, or chosen.
    source: &'a str,
    /// Who chose the sender.
    #[schemars(extend("enum" = Ground::NAMES))]
    source_from: &'static str,
    destination: &'a str,
    /// ISO 3166, by the number; null where it says none.
    region: Option<&'static str>,
    #[schemars(extend("enum" = TrafficClass::NAMES))]
    traffic_class: &'static str,
    /// With placeholders filled.
    text: &'a str,
    #[schemars(extend("enum" = ["gsm7", "ucs2"]))]
    encoding: &'static str,
    /// What makes it `ucs2`: the characters that the GSM alphabet does not have.
    outside_gsm: Vec<Outside>,
    /// Septets, or UTF-16 units.
    units: usize,
    units_per_part: usize,
    /// What the last part has left.
    units_left: usize,
    parts: u8,
    /// The bridge cuts the text, not the upstream.
    cut_here: bool,
    /// Where the second and each later part begins, in code points. Where the upstream cuts, most
    /// likely.
    split_at: Vec<usize>,
    /// Not sent before.
    scheduled_at: Option<Iso>,
    /// Given up then, unless it is submitted.
    expires_at: Iso,
}

/// A character, and where it stands, in code points.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCharacter")]
struct Outside {
    at: usize,
    character: char,
}

impl<'a> Report<'a> {
    pub(super) async fn of(
        family: &'static str,
        case: &'a Case,
        refusal: Option<Refused>,
        asker: &Asker,
    ) -> Result<Report<'a>, Rejection> {
        let api = asker.api();
        let of_the_house = asker.is_of_the_house();
        let outcome = match (&refusal, &case.draft) {
            (None, Some(draft)) => Some(outcome(draft, case.is_repeat)),
            _ => None,
        };
        let (mut route, mut limits) = (None, None);
        if let Some(profile) = &case.seen.profile {
            let counts = api.store.counts(profile.gateway.id).await?;
            limits = Some(Limits::of(profile, counts.queued, case, api));
            let mut status = Status::new(&profile.gateway, counts, api);
            if !of_the_house {
                status.conceal_reason();
            }
            route = Some(Route::of(profile, status, family));
        }
        if let Some(routing) = &case.seen.routing {
            let gateway = route.and_then(|named| named.gateway);
            route = Some(Route::decided(routing, gateway));
        }
        // Of what is sent, something is written and somebody may be told.
        let sent = case.draft.as_ref();
        let sent = sent.filter(|_| matches!(outcome, Some("queued" | "scheduled")));
        Ok(Report {
            family,
            accepted: refusal.is_none(),
            refusal,
            outcome,
            route,
            use_case: case.seen.use_case.as_deref().map(|u| Purpose::of(u, case)),
            limits,
            message: case.draft.as_ref().map(Message::of),
            wire: sent.map(|draft| Written::of(draft, api, of_the_house)),
            callbacks: sent.map_or_else(Vec::new, |draft| {
                callbacks::of(&draft.head, &api.config, of_the_house)
            }),
        })
    }
}

fn outcome(draft: &Draft, is_repeat: bool) -> &'static str {
    match (is_repeat, draft.head.family.is_simulation()) {
        (true, _) => "repeated",
        (_, true) => "simulated",
        _ if draft.head.not_before.is_some() => "scheduled",
        _ => "queued",
    }
}

impl Refused {
    pub(super) async fn of(response: Response) -> Refused {
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        // A refusal is in memory, and JSON.
        let body = response.into_body().collect().await;
        let body = body.map(|whole| whole.to_bytes()).unwrap_or_default();
        Refused {
            status,
            retry_after,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}

impl<'a> Purpose<'a> {
    fn of(use_case: &'a UseCase, case: &Case) -> Purpose<'a> {
        let brand = use_case.brand.as_ref();
        let campaign = use_case.campaign.as_ref();
        Purpose {
            id: Uuid::from_u128(use_case.id),
            name: &use_case.name,
            brand: brand.map(|b| b.status.as_str()),
            campaign: campaign.map(|c| c.status.as_str()),
            senders: use_case.senders.len(),
            allowed_regions: &use_case.allowed_regions,
            opted_out: case.opted_out,
        }
    }
}

impl Limits {
    fn of(profile: &Profile, queued: u64, case: &Case, api: &Api) -> Limits {
        let id = profile.gateway.id;
        let queue_max = u64::from(api.config.limits.queued_per_gateway);
        // A gateway that runs has its figures; to ask for others would make them.
        let runs = api
            .board
            .of(id)
            .is_some_and(|live| live.bind != "misconfigured");
        let gauge = |gauges: &prometheus::IntGaugeVec| {
            runs.then(|| gauges.with_label_values(&[label(id).as_str()]).get())
        };
        let metrics = &api.metrics.gateway;
        Limits {
            queue_room: queue_max.saturating_sub(queued),
            queue_max,
            throughput_per_s: profile.throughput,
            window: profile.window,
            in_flight: gauge(&metrics.window_used),
            is_paused: gauge(&metrics.paused).map(|paused| paused != 0),
            parts_max: profile.parts_max,
            account_rate: case.allowance.map(|allowance| Rate {
                per_s: allowance.per_second,
                left: allowance.left,
            }),
        }
    }
}

impl<'a> Message<'a> {
    fn of(draft: &'a Draft) -> Message<'a> {
        let (head, text) = (&draft.head, draft.text.as_str());
        let outline = text::outline(text);
        let header = match &head.family {
            Family::Universal(origin) => origin.udh.as_ref(),
            Family::Gateways | Family::UseCases(_) => None,
        };
        let outline = match header {
            Some(header) => outline.behind(header.len(), head.unicode),
            None => outline,
        };
        let digits = head.destination.strip_prefix('+');
        Message {
            source: &head.source,
            source_from: draft.ground.name(),
            destination: &head.destination,
            region: digits.and_then(country::region).filter(|r| !r.is_empty()),
            traffic_class: head.traffic_class.name(),
            text,
            encoding: if head.unicode { "ucs2" } else { "gsm7" },
            outside_gsm: outline
                .outside
                .into_iter()
                .map(|(at, character)| Outside { at, character })
                .collect(),
            units: outline.units,
            units_per_part: outline.units_per_part,
            units_left: outline.units_left,
            parts: outline.parts,
            cut_here: draft.profile.segments,
            split_at: outline.split_at,
            scheduled_at: head.not_before.map(Iso),
            expires_at: Iso(head.expires_at),
        }
    }
}
