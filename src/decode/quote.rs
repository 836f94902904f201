//! The packet quoted inside an ICMP or ICMPv6 error.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{IpNumber, Ipv6HeaderSlice, ip_number};

use super::extension;
use super::span::{Span, be16};

/// What an ICMP error says of the packet that could not be delivered (RFC 792, RFC 4443 section 2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Quoted {
    /// Sender of the quoted packet: who is told of the error.
    pub source: IpAddr,
    /// Its receiver.
    pub destination: IpAddr,
    /// Its protocol, behind extension headers.
    pub protocol: u8,
    /// Source and destination port, if it is TCP or UDP, no later fragment, and at least four bytes
    /// of its transport header are quoted.
    pub ports: Option<(u16, u16)>,
    /// ICMP or ICMPv6 type, if that is what was quoted.
    pub icmp_type: Option<u8>,
}

/// Reads the quoted packet. `body` is [`super::Transport::Icmp`]'s: the bytes behind type, code and
/// checksum. `None` where no whole IP header of the error's own version stands there.
///
/// Whether the message is an error at all is for the caller to say, by its type.
pub fn quoted(body: &[u8], v6: bool) -> Option<Quoted> {
    let packet = body.get(4..)?;
    if v6 { quoted_v6(packet) } else { quoted_v4(packet) }
}

fn quoted_v4(packet: &[u8]) -> Option<Quoted> {
    let [version_ihl, _, _, _, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *packet.first_chunk::<20>()?;
    let header_length = usize::from(version_ihl & 0xf) * 4;
    if version_ihl >> 4 != 4 || header_length < 20 {
        return None;
    }
    let rest = packet.get(header_length..).unwrap_or_default();
    let first = be16(f0, f1) & 0x1fff == 0;
    let (source, destination) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
    Some(finish(source.into(), destination.into(), false, protocol, rest, first))
}

fn quoted_v6(packet: &[u8]) -> Option<Quoted> {
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    let rest = packet.get(header.slice().len()..).unwrap_or_default();
    let (source, destination) = (header.source_addr().into(), header.destination_addr().into());
    Some(finish(source, destination, true, header.next_header().0, rest, true))
}

/// Extension headers and the start of the transport header; `first` unless it is a later fragment.
fn finish(source: IpAddr, destination: IpAddr, v6: bool, protocol: u8, rest: &[u8], first: bool) -> Quoted {
    let mut quoted = Quoted { source, destination, protocol, ports: None, icmp_type: None };
    if !first {
        return quoted;
    }
    // The quote is cut by rule, so its true length does not matter.
    let chain = extension::walk(v6, protocol, Span::new(rest, 0));
    quoted.protocol = chain.protocol;
    if chain.stop.is_some() || chain.inside_datagram {
        return quoted;
    }
    match IpNumber(chain.protocol) {
        ip_number::TCP | ip_number::UDP => quoted.ports = chain.rest.u16(0).zip(chain.rest.u16(2)),
        ip_number::ICMP | ip_number::IPV6_ICMP => quoted.icmp_type = chain.rest.u8(0),
        _ => {}
    }
    quoted
}
