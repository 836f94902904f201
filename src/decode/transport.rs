//! TCP, UDP, ICMP and ICMPv6 headers.
//!
//! A header that was cut still gives what was captured of it: ports are known from the first four
//! bytes on, which is why these are read field by field and not through a slice that needs them all.

use etherparse::{IpNumber, ip_number};

use super::packet::{TcpFlags, Transport};
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};

/// What an IP header says about its payload, as far as the transport header depends on it.
#[derive(Clone, Copy)]
pub(super) struct OverIp {
    /// A part of a datagram: the transport's own length speaks of the whole.
    pub(super) fragment: bool,
    /// The IP header gives no length (segmentation offload) or a jumbogram's, so that a UDP length
    /// of 0 is right (RFC 2675 section 4).
    pub(super) unbounded: bool,
}

/// Reads the header of `protocol`. A stop says that the header could not be read to its end or that
/// its length is wrong; the transport holds what could be read all the same.
pub(super) fn transport<'a>(protocol: u8, span: Span<'a>, carrier: OverIp) -> (Transport<'a>, Option<Stop>) {
    match IpNumber(protocol) {
        ip_number::TCP => tcp(span, carrier),
        ip_number::UDP => udp(span, carrier),
        ip_number::ICMP => icmp(span, StopLayer::Icmp),
        ip_number::IPV6_ICMP => icmp(span, StopLayer::Icmpv6),
        _ => (Transport::Other(span.bytes()), None),
    }
}

/// RFC 9293 section 3.1.
fn tcp(span: Span<'_>, carrier: OverIp) -> (Transport<'_>, Option<Stop>) {
    let (Some(source_port), Some(destination_port)) = (span.u16(0), span.u16(2)) else {
        return (Transport::Other(span.bytes()), Some(span.short(StopLayer::Tcp)));
    };
    let offset = span.u8(12).map(|byte| usize::from(byte >> 4) * 4);
    let (payload, stop) = match offset {
        Some(..20) => (None, Some(Stop { layer: StopLayer::Tcp, reason: StopReason::BadLength })),
        Some(offset) if offset > span.wire() && !carrier.fragment => {
            (None, Some(Stop { layer: StopLayer::Tcp, reason: StopReason::BadLength }))
        }
        Some(offset) => match span.skip(offset, StopLayer::Tcp) {
            Ok(payload) => (Some((payload.bytes(), payload.wire_u32())), None),
            Err(stop) => (Some((&[][..], span.wire_u32().saturating_sub(offset as u32))), Some(stop)),
        },
        None => (None, Some(span.short(StopLayer::Tcp))),
    };
    let (payload, payload_len) = payload.unwrap_or_default();
    let transport = Transport::Tcp {
        source_port,
        destination_port,
        flags: TcpFlags(span.u8(13).unwrap_or(0)),
        numbers: span.bytes().get(4..).and_then(<[u8]>::first_chunk),
        window: span.u16(14).unwrap_or(0),
        checksum: span.u16(16).unwrap_or(0),
        options: span.bytes().get(20..offset.unwrap_or(20).min(span.bytes().len())).unwrap_or(&[]),
        payload,
        payload_len,
    };
    (transport, stop)
}

/// RFC 768.
fn udp(span: Span<'_>, carrier: OverIp) -> (Transport<'_>, Option<Stop>) {
    let (Some(source_port), Some(destination_port)) = (span.u16(0), span.u16(2)) else {
        return (Transport::Other(span.bytes()), Some(span.short(StopLayer::Udp)));
    };
    let bad_length = Some(Stop { layer: StopLayer::Udp, reason: StopReason::BadLength });
    let (span, stop) = match span.u16(4).map(usize::from) {
        Some(0) if carrier.unbounded => (span, None),
        Some(..8) => (span.limit(8), bad_length),
        Some(length) if length > span.wire() && !carrier.fragment => (span, bad_length),
        Some(length) => (span.limit(length), None),
        None => (span.limit(8), None),
    };
    let checksum = span.u16(6).unwrap_or(0);
    let (payload, payload_len, stop) = match span.skip(8, StopLayer::Udp) {
        Ok(payload) => (payload.bytes(), payload.wire_u32(), stop),
        Err(cut) => (&[][..], span.wire_u32().saturating_sub(8), Some(cut)),
    };
    (Transport::Udp { source_port, destination_port, checksum, payload, payload_len }, stop)
}

/// Type, code, checksum, body: RFC 792 and RFC 4443 section 2.1.
fn icmp(span: Span<'_>, layer: StopLayer) -> (Transport<'_>, Option<Stop>) {
    let (Some(kind), Some(code)) = (span.u8(0), span.u8(1)) else {
        return (Transport::Other(span.bytes()), Some(span.short(layer)));
    };
    match span.skip(4, layer) {
        Ok(body) => (Transport::Icmp { kind, code, body: body.bytes() }, None),
        Err(stop) => (Transport::Icmp { kind, code, body: &[] }, Some(stop)),
    }
}
