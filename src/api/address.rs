//! Which hosts a client may have called back: not those of our inner network.
//!
//! Only literal addresses are judged here; what a name resolves to is judged when it is connected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

/// The URL's host is an address that strangers must not have us call.
pub(super) fn is_refused(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().is_ok_and(is_inner)
}

fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_inner_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_inner_v4(v4),
            None => is_inner_v6(v6),
        },
    }
}

fn is_inner_v4(a: Ipv4Addr) -> bool {
    let [first, second, ..] = a.octets();
    let shared_by_carrier = first == 100 && second & 0xC0 == 64;
    let this_network = first == 0;
    a.is_loopback()
        || a.is_private()
        || a.is_link_local()
        || a.is_multicast()
        || a.is_broadcast()
        || shared_by_carrier
        || this_network
}

fn is_inner_v6(a: Ipv6Addr) -> bool {
    a.is_loopback()
        || a.is_unspecified()
        || a.is_multicast()
        || a.is_unique_local()
        || a.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_refused_and_outer_ones_and_names_are_not() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "224.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "100.64.0.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
        ] {
            let url = format!("http://{inner}:8080/x").parse().unwrap();
            assert!(is_refused(&url), "{inner}");
        }
        for outer in [
            "192.0.2.1",
            "172.32.0.1",
            "100.128.0.1",
            "[2001:db8::1]",
            "localhost",
            "a.b",
        ] {
            let url = format!("http://{outer}/").parse().unwrap();
            assert!(!is_refused(&url), "{outer}");
        }
    }
}
