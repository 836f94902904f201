//! IPv4 and IPv6 with their options, extension headers and fragments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv6HeaderSlice, ip_number};

use super::extension::{self, Chain};
use super::packet::{Fragment, IpPacket, Network, Transport};
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer, StopReason};
use super::transport::{self, OverIp};
use super::tunnel;
use super::walk::{Step, Walk};

/// An IP packet, by the version in its first nibble: EtherTypes and link types are known to say
/// one version and carry the other.
pub(super) fn ip<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.u8(0).map(|first| first >> 4) {
        Some(4) => ipv4(walk, span),
        Some(6) => ipv6(walk, span),
        Some(_) => Err(Stop { layer: StopLayer::Ipv4, reason: StopReason::BadVersion }),
        None => Err(span.short(StopLayer::Ipv4)),
    }
}

/// Bytes of Ethernet's check sequence, which may stand behind what is left of a frame that was cut (IEEE 802.3 clause 3.2.9).
const CHECK_SEQUENCE: usize = 4;

/// What is known of an IP packet before its extension headers and transport are read.
struct Header {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    hops: u8,
    identification: u32,
    traffic_class: u8,
    fragment: Option<Fragment>,
    /// See [`OverIp::unbounded`].
    unbounded: bool,
    /// The length field counts more than the frame had, yet what is there can be read.
    exceeds: bool,
}

/// RFC 791. etherparse's slice needs the options to be there; addresses are to be kept where the
/// snap length cut these, so the fixed part is read here.
fn ipv4<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let bad_length = Stop { layer: StopLayer::Ipv4, reason: StopReason::BadLength };
    let (head, _) = span.split::<20>(StopLayer::Ipv4)?;
    let [version_ihl, traffic_class, l0, l1, i0, i1, f0, f1, hops, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *head;
    let header_length = usize::from(version_ihl & 0xf) * 4;
    let total_length = usize::from(be16(l0, l1));
    if header_length < 20 || (1..header_length).contains(&total_length) {
        return Err(bad_length);
    }
    let datagram = if total_length == 0 { span } else { span.claimed(total_length) };
    let offset = u32::from(be16(f0, f1) & 0x1fff) * 8;
    let more = f0 & 0x20 != 0;
    let length = datagram.wire_u32().saturating_sub(header_length as u32);
    let header = Header {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        protocol,
        hops,
        identification: be16(i0, i1).into(),
        traffic_class,
        fragment: (offset > 0 || more).then_some(Fragment { offset, more, length }),
        unbounded: total_length == 0,
        exceeds: total_length > span.wire(),
    };
    payload(walk, header, datagram.skip(header_length, StopLayer::Ipv4))
}

/// RFC 8200.
fn ipv6<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let Ok(head) = Ipv6HeaderSlice::from_slice(span.bytes()) else {
        return Err(span.short(StopLayer::Ipv6));
    };
    let rest = span.skip(head.slice().len(), StopLayer::Ipv6)?;
    let protocol = head.next_header();
    let length = match usize::from(head.payload_length()) {
        // Segmentation offload, which is TCP's and UDP's, or a jumbogram (RFC 2675): else truly nothing.
        0 if matches!(protocol, ip_number::TCP | ip_number::UDP) => None,
        0 if protocol == ip_number::IPV6_HOP_BY_HOP => extension::jumbo_length(rest),
        0 => Some(0),
        length => Some(length),
    };
    let header = Header {
        source: Ipv6Addr::from(head.source()).into(),
        destination: Ipv6Addr::from(head.destination()).into(),
        protocol: protocol.0,
        hops: head.hop_limit(),
        identification: 0,
        traffic_class: head.slice()[0] << 4 | head.slice()[1] >> 4,
        fragment: None,
        unbounded: head.payload_length() == 0,
        exceeds: length.is_some_and(|length| length > rest.wire()),
    };
    let datagram = match length {
        // A jumbogram's may be of any size, so that it proves nothing beyond the frame.
        Some(length) if head.payload_length() == 0 => rest.limit(length),
        Some(length) => rest.claimed(length),
        None => rest,
    };
    payload(walk, header, Ok(datagram))
}

/// Extension headers, transport and tunnel behind an IP header.
fn payload<'a>(walk: &mut Walk<'a>, header: Header, rest: Result<Span<'a>, Stop>) -> Result<Step<'a>, Stop> {
    let mut packet = IpPacket {
        source: header.source,
        destination: header.destination,
        protocol: header.protocol,
        fragment: header.fragment,
        hops: header.hops,
        identification: header.identification,
        traffic_class: header.traffic_class,
        transport: Transport::Other(&[]),
    };
    let (rest, stop) = match rest {
        Err(stop) => (None, Some(stop)),
        Ok(rest) if packet.fragment.is_some_and(|fragment| fragment.offset > 0) => {
            packet.transport = Transport::Other(rest.bytes());
            (None, None)
        }
        Ok(rest) => {
            let chain = extension::walk(header.source.is_ipv6(), header.protocol, rest);
            behind_extensions(&mut packet, header.unbounded, chain)
        }
    };
    let layer = if header.source.is_ipv6() { StopLayer::Ipv6 } else { StopLayer::Ipv4 };
    let is_wrong = header.exceeds
        && match (stop, packet.transport) {
            _ if header.unbounded => true,
            (Some(stop), _) => stop.reason == StopReason::BadLength,
            // A datagram that says itself that it is all there was not cut.
            (None, Transport::Udp { payload, payload_len, .. }) => payload.len() as u64 == u64::from(payload_len),
            (None, _) => false,
        };
    let bad_length = is_wrong.then_some(Stop { layer, reason: StopReason::BadLength });
    if header.exceeds && !is_wrong {
        walk.packet.is_sliced = true;
        packet.transport.forget_last(CHECK_SEQUENCE);
    }
    walk.packet.stop = stop.or(bad_length).or(walk.packet.stop);
    let (protocol, transport) = (packet.protocol, packet.transport);
    walk.packet.network = Network::Ip(packet);
    match rest {
        Some(rest) => tunnel::enter(walk, protocol, transport, rest),
        None => Ok(Step::Done),
    }
}

/// Takes over what the extension headers say, then reads the transport. Gives back the transport's
/// own bytes where a tunnel could begin.
fn behind_extensions<'a>(
    packet: &mut IpPacket<'a>,
    unbounded: bool,
    chain: Chain<'a>,
) -> (Option<Span<'a>>, Option<Stop>) {
    packet.protocol = chain.protocol;
    packet.fragment = packet.fragment.or(chain.fragment);
    packet.identification = chain.identification.unwrap_or(packet.identification);
    if chain.stop.is_some() || chain.inside_datagram {
        packet.transport = Transport::Other(chain.rest.bytes());
        return (None, chain.stop);
    }
    let carrier = OverIp { fragment: packet.fragment.is_some(), unbounded };
    let (transport, stop) = transport::transport(packet.protocol, chain.rest, carrier);
    packet.transport = transport;
    (stop.is_none().then_some(chain.rest), stop)
}

/// Whether a number of an IP header announces another IP header.
pub(super) fn is_ip(protocol: u8) -> bool {
    matches!(IpNumber(protocol), ip_number::IPV4 | ip_number::IPV6)
}
