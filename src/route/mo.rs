//! Who hears what: the application behind a message from a handset, or behind a receipt.

use crate::config::{ClassifyBy, Config, Endpoint, ReceiptWish, ServiceProfile};
use crate::message::{Gateway, MoRoute, Receipts, TrafficClass};

/// Where an MO goes.
pub fn mo(config: &Config, gateway: &Gateway, source: &str, destination: &str) -> MoRoute {
    let endpoint = endpoint_of(config, source);
    let deciding = match config.mo.classify_by {
        ClassifyBy::Destination => destination,
        ClassifyBy::Source => source,
    };
    let class = TrafficClass::of_address(deciding, usize::from(config.mo.a2p_max_digits));
    let profile = profile_of(config, gateway, endpoint);
    let p2p = class == TrafficClass::P2p && profile.is_some_and(|p| p.p2p_enabled);
    let reachable = profile.filter(|p| !p2p || p.p2p_callback_url.is_some());
    MoRoute {
        class,
        service_profile: reachable.map(|p| p.id),
        p2p,
        endpoint_id: endpoint.map_or(u64::from(gateway.id.0), |e| e.id),
        endpoint_name: endpoint.map_or_else(|| gateway.name.clone(), |e| e.name.clone()),
    }
}

/// Who hears by PATCH of an MT to this destination.
pub fn receipts(config: &Config, gateway: &Gateway, destination: &str) -> Option<Receipts> {
    let endpoint = endpoint_of(config, destination);
    let profile = profile_of(config, gateway, endpoint)?;
    let all = match profile.receipts {
        ReceiptWish::None => return None,
        ReceiptWish::Final => false,
        ReceiptWish::All => true,
    };
    Some(Receipts {
        service_profile: profile.id,
        endpoint: endpoint.map(|e| e.id),
        all,
    })
}

fn endpoint_of<'a>(config: &'a Config, address: &str) -> Option<&'a Endpoint> {
    let msisdn = address.strip_prefix('+').unwrap_or(address);
    config.endpoints.iter().find(|e| e.msisdn == msisdn)
}

/// The endpoint's profile, or else the one that the gateway's `meta` names.
fn profile_of<'a>(
    config: &'a Config,
    gateway: &Gateway,
    endpoint: Option<&Endpoint>,
) -> Option<&'a ServiceProfile> {
    let by_gateway = || gateway.meta_member("service_profile")?.as_u64();
    let id = endpoint.map(|e| e.service_profile).or_else(by_gateway)?;
    config.service_profiles.iter().find(|p| p.id == id)
}
