//! What an address says of itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is, by the address alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AddressKind {
    /// `0.0.0.0` or `::`: a host that has no address yet, and so nobody in particular.
    Unspecified,
    /// A multicast or the limited broadcast address.
    Group,
    /// This machine's own (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
    Loopback,
    /// IPv6 link-local unicast (RFC 4291 section 2.5.6).
    LinkLocal6,
    /// RFC 1918, shared (RFC 6598), IPv4 link-local (RFC 3927), unique local (RFC 4193).
    Private,
    /// Any other unicast address.
    Public,
}

pub(super) fn kind(address: IpAddr) -> AddressKind {
    match address.to_canonical() {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn kind_v4(address: Ipv4Addr) -> AddressKind {
    if address.is_unspecified() {
        AddressKind::Unspecified
    } else if address.is_multicast() || address.is_broadcast() {
        AddressKind::Group
    } else if address.is_loopback() {
        AddressKind::Loopback
    } else if address.is_private() || address.is_link_local() || is_shared(address) {
        AddressKind::Private
    } else {
        AddressKind::Public
    }
}

fn kind_v6(address: Ipv6Addr) -> AddressKind {
    if address.is_unspecified() {
        AddressKind::Unspecified
    } else if address.is_multicast() {
        AddressKind::Group
    } else if address.is_loopback() {
        AddressKind::Loopback
    } else if address.is_unicast_link_local() {
        AddressKind::LinkLocal6
    } else if address.is_unique_local() {
        AddressKind::Private
    } else {
        AddressKind::Public
    }
}

/// 100.64.0.0/10 (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    a == 100 && b & 0xc0 == 64
}

/// What a MAC is counted by to tell a router: an IPv4 address, or the /64 of an IPv6 address. Nothing
/// for an address that any host may have beside its own.
pub(super) fn network_part(address: IpAddr) -> Option<u64> {
    match (kind(address), address) {
        (AddressKind::Private | AddressKind::Public, IpAddr::V4(v4)) if !v4.is_link_local() => {
            Some(u64::from(v4.to_bits()))
        }
        (AddressKind::Private | AddressKind::Public, IpAddr::V6(v6)) => Some((v6.to_bits() >> 64) as u64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_addresses() {
        for (text, expected) in [
            ("0.0.0.0", AddressKind::Unspecified),
            ("::", AddressKind::Unspecified),
            ("224.0.0.1", AddressKind::Group),
            ("239.255.255.250", AddressKind::Group),
            ("255.255.255.255", AddressKind::Group),
            ("ff02::1", AddressKind::Group),
            ("127.0.0.1", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("fe80::1", AddressKind::LinkLocal6),
            ("10.255.255.255", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.31.255.255", AddressKind::Private),
            ("192.168.1.1", AddressKind::Private),
            ("169.254.1.1", AddressKind::Private),
            ("100.64.0.0", AddressKind::Private),
            ("100.127.255.255", AddressKind::Private),
            ("fc00::1", AddressKind::Private),
            ("fdff::1", AddressKind::Private),
            ("::ffff:10.0.0.1", AddressKind::Private),
            ("172.15.255.255", AddressKind::Public),
            ("172.32.0.0", AddressKind::Public),
            ("100.63.255.255", AddressKind::Public),
            ("100.128.0.0", AddressKind::Public),
            ("192.167.255.255", AddressKind::Public),
            ("8.8.8.8", AddressKind::Public),
            ("2001:db8::1", AddressKind::Public),
            ("fec0::1", AddressKind::Public),
            ("fe00::1", AddressKind::Public),
        ] {
            assert_eq!(kind(text.parse().expect(text)), expected, "{text}");
        }
    }
}
