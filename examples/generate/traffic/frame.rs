//! Frames from the inside out: transport segment, IP packet, Ethernet frame, each with its checksum.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) type Mac = [u8; 6];

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// The one's complement sum of RFC 1071, not yet complemented.
pub(crate) fn sum(bytes: &[u8], start: u32) -> u32 {
    let mut total = u64::from(start);
    for pair in bytes.chunks(2) {
        total += u64::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u64::from);
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u32
}

/// RFC 1071's checksum.
pub(crate) fn checksum(bytes: &[u8], start: u32) -> u16 {
    !(sum(bytes, start) as u16)
}

/// The sum over the pseudo header of RFC 9293 section 3.1 and RFC 8200 section 8.1.
pub(crate) fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> u32 {
    let mut bytes = octets(source);
    bytes.extend(octets(destination));
    bytes.extend((length as u32).to_be_bytes());
    bytes.extend([0, 0, 0, protocol]);
    sum(&bytes, 0)
}

pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// A UDP datagram (RFC 768), a computed checksum of 0 sent as all ones.
pub(crate) fn udp(source: (IpAddr, u16), destination: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len();
    let mut out = Vec::with_capacity(length);
    out.extend(source.1.to_be_bytes());
    out.extend(destination.1.to_be_bytes());
    out.extend((length as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    let check = match checksum(&out, pseudo(source.0, destination.0, UDP, length)) {
        0 => 0xffff,
        other => other,
    };
    out[6..8].copy_from_slice(&check.to_be_bytes());
    out
}

/// What a TCP segment says beside its ports.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) payload: &'a [u8],
}

/// Maximum segment size 1460, SACK permitted, window scale 7: what a client of today offers.
const SYN_OPTIONS: [u8; 12] = [2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7];

/// A TCP segment (RFC 9293); SYN segments carry the usual options.
pub(crate) fn tcp(source: (IpAddr, u16), destination: (IpAddr, u16), segment: Segment<'_>) -> Vec<u8> {
    let options: &[u8] = if segment.flags & SYN != 0 { &SYN_OPTIONS } else { &[] };
    let mut out = Vec::with_capacity(20 + options.len() + segment.payload.len());
    out.extend(source.1.to_be_bytes());
    out.extend(destination.1.to_be_bytes());
    out.extend(segment.seq.to_be_bytes());
    out.extend(segment.ack.to_be_bytes());
    out.extend([((20 + options.len()) as u8 / 4) << 4, segment.flags]);
    out.extend(segment.window.to_be_bytes());
    out.extend([0; 4]);
    out.extend(options);
    out.extend(segment.payload);
    let check = checksum(&out, pseudo(source.0, destination.0, TCP, out.len()));
    out[16..18].copy_from_slice(&check.to_be_bytes());
    out
}

/// An ICMP message (RFC 792).
pub(crate) fn icmp(kind: u8, code: u8, rest: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, code, 0, 0];
    out.extend(rest);
    out.extend(body);
    let check = checksum(&out, 0);
    out[2..4].copy_from_slice(&check.to_be_bytes());
    out
}

/// An ICMPv6 message (RFC 4443).
pub(crate) fn icmpv6(source: Ipv6Addr, destination: Ipv6Addr, kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, code, 0, 0];
    out.extend(body);
    let check = checksum(&out, pseudo(source.into(), destination.into(), ICMPV6, out.len()));
    out[2..4].copy_from_slice(&check.to_be_bytes());
    out
}

/// What an IPv4 header says beside its addresses and protocol.
#[derive(Clone, Copy, Default)]
pub(crate) struct V4<'a> {
    pub(crate) id: u16,
    pub(crate) ttl: u8,
    /// Flags and fragment offset, as they stand in the header.
    pub(crate) fragment: u16,
    pub(crate) tos: u8,
    pub(crate) options: &'a [u8],
}

/// An IPv4 packet (RFC 791).
pub(crate) fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, head: V4<'_>, payload: &[u8]) -> Vec<u8> {
    let header = 20 + head.options.len();
    let mut out = Vec::with_capacity(header + payload.len());
    out.extend([0x40 | (header / 4) as u8, head.tos]);
    out.extend(((header + payload.len()) as u16).to_be_bytes());
    out.extend(head.id.to_be_bytes());
    out.extend(head.fragment.to_be_bytes());
    out.extend([head.ttl, protocol, 0, 0]);
    out.extend(source.octets());
    out.extend(destination.octets());
    out.extend(head.options);
    let check = checksum(&out, 0);
    out[10..12].copy_from_slice(&check.to_be_bytes());
    out.extend(payload);
    out
}

/// An IPv6 packet (RFC 8200); extension headers are the caller's, at the front of `payload`.
pub(crate) fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + payload.len());
    out.extend([0x60, 0, 0, 0]);
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend([next, hops]);
    out.extend(source.octets());
    out.extend(destination.octets());
    out.extend(payload);
    out
}

/// One VLAN tag: its EtherType (0x8100 or 0x88a8) and VLAN identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u16, pub(crate) u16);

/// An Ethernet frame, padded to the 60 bytes that a wire asks for.
pub(crate) fn ethernet(destination: Mac, source: Mac, tags: &[Tag], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(14 + 4 * tags.len() + payload.len().max(46));
    out.extend(destination);
    out.extend(source);
    for tag in tags {
        out.extend(tag.0.to_be_bytes());
        out.extend(tag.1.to_be_bytes());
    }
    out.extend(ethertype.to_be_bytes());
    out.extend(payload);
    out.resize(out.len().max(60 + 4 * tags.len()), 0);
    out
}

/// The Ethernet address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7).
pub(crate) fn group_mac(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V4(_) => [0xff; 6],
        IpAddr::V6(v6) => {
            let o = v6.octets();
            [0x33, 0x33, o[12], o[13], o[14], o[15]]
        }
    }
}

/// The link-local address of a MAC address (RFC 4291 appendix A).
pub(crate) fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
