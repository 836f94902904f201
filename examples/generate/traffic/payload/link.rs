//! What runs below IP or beside it: ARP, LLDP, spanning tree, IGMP, MLD, neighbour discovery.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::frame::{self, Mac};

/// An ARP request (1) or reply (2) for IPv4 over Ethernet (RFC 826).
pub(crate) fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut out = vec![0, 1, 8, 0, 6, 4];
    out.extend(operation.to_be_bytes());
    for (mac, address) in [sender, target] {
        out.extend(mac);
        out.extend(address.octets());
    }
    out
}

/// An LLDP data unit (IEEE 802.1AB): chassis, port, time to live, system name.
pub(crate) fn lldp(chassis: Mac, port: &str, name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut tlv = |kind: u16, value: &[u8]| {
        out.extend((kind << 9 | value.len() as u16).to_be_bytes());
        out.extend(value);
    };
    tlv(1, &[&[4], &chassis[..]].concat());
    tlv(2, &[&[5], port.as_bytes()].concat());
    tlv(3, &120_u16.to_be_bytes());
    tlv(5, name.as_bytes());
    tlv(0, &[]);
    out
}

/// A rapid spanning tree bridge protocol data unit behind its LLC header (IEEE 802.1D section 9).
pub(crate) fn bpdu(bridge: Mac) -> Vec<u8> {
    let id = [&[0x80, 0x00], &bridge[..]].concat();
    let mut out = vec![0x42, 0x42, 0x03, 0, 0, 2, 2, 0x3c];
    out.extend(&id);
    out.extend([0; 4]);
    out.extend(&id);
    out.extend([0x80, 0x01, 0, 0, 0x14, 0, 2, 0, 0x0f, 0, 0]);
    out
}

/// IPv4's router alert (RFC 2113), which IGMP carries.
pub(crate) const ROUTER_ALERT: [u8; 4] = [0x94, 0x04, 0, 0];

/// An IGMPv2 membership report (RFC 2236).
pub(crate) fn igmp_report(group: Ipv4Addr) -> Vec<u8> {
    frame::icmp(0x16, 0, group.octets(), &[])
}

/// A hop-by-hop header with a router alert (RFC 2711), then an MLDv2 report that joins `group` (RFC 3810).
pub(crate) fn mld_report(source: Ipv6Addr, group: Ipv6Addr) -> Vec<u8> {
    let all_routers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
    let mut body = vec![0, 0, 0, 1, 4, 0, 0, 0];
    body.extend(group.octets());
    let mut out = vec![58, 0, 5, 2, 0, 0, 1, 0];
    out.extend(frame::icmpv6(source, all_routers, 143, 0, &body));
    out
}

/// A neighbour solicitation (135) or advertisement (136) with the sender's link-layer address (RFC 4861).
pub(crate) fn neighbour(kind: u8, source: Ipv6Addr, destination: Ipv6Addr, target: Ipv6Addr, mac: Mac) -> Vec<u8> {
    let mut body = if kind == 136 { vec![0x60, 0, 0, 0] } else { vec![0; 4] };
    body.extend(target.octets());
    body.extend([if kind == 136 { 2 } else { 1 }, 1]);
    body.extend(mac);
    frame::icmpv6(source, destination, kind, 0, &body)
}
