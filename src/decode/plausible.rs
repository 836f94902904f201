//! Whether a header plausibly begins somewhere: what a guess may rest on.

use super::ethernet;
use super::span::{Span, be16};

/// How far behind an unknown EtherType an IP header is looked for, in bytes.
const FARTHEST: usize = 64;
/// Bytes that may follow an IP packet in its frame: padding, a trailer, a check sequence.
const TRAILER: usize = 64;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

/// Whether an IPv4 or IPv6 packet begins within the first bytes and ends where the frame does.
pub(super) fn holds_ip(span: Span<'_>) -> bool {
    (0..=FARTHEST).any(|at| match span.u8(at).map(|first| first >> 4) {
        Some(4) => is_ipv4(span, at),
        Some(6) => {
            (at == 0 || at.checked_sub(2).and_then(|before| span.u16(before)) == Some(IPV6)) && is_ipv6(span, at)
        }
        _ => false,
    })
}

/// Whether an IPv4 or IPv6 packet begins here and ends where the bytes do.
pub(super) fn is_ip(span: Span<'_>) -> bool {
    match span.u8(0).map(|first| first >> 4) {
        Some(4) => is_ipv4(span, 0),
        Some(6) => is_ipv6(span, 0),
        _ => false,
    }
}

/// Whether an Ethernet frame begins here, with at most two VLAN tags, whose IP packet ends with it or that holds ARP.
pub(super) fn is_frame_with_ip(span: Span<'_>) -> bool {
    const TAGS: [u16; 2] = [0x8100, 0x88a8];
    let mut at = 12;
    for _ in 0..2 {
        at += if span.u16(at).is_some_and(|ether_type| TAGS.contains(&ether_type)) { 4 } else { 0 };
    }
    match span.u16(at) {
        Some(IPV4) => is_ipv4(span, at + 2),
        Some(IPV6) => is_ipv6(span, at + 2),
        // Ethernet, IPv4, and the lengths of their addresses (RFC 826).
        Some(ARP) => (span.u32(at + 2), span.u16(at + 6)) == (Some(0x0001_0800), Some(0x0604)),
        _ => false,
    }
}

/// Whether an Ethernet frame could begin here: a known EtherType, which for IP has its version
/// behind it, or a length with LLC behind it.
pub(super) fn is_ethernet(span: Span<'_>) -> bool {
    let Some(&[high, low, first, second]) = span.bytes().get(12..).and_then(|rest| rest.first_chunk()) else {
        return false;
    };
    match be16(high, low) {
        IPV4 => first >> 4 == 4,
        IPV6 => first >> 4 == 6,
        length @ 3..=1500 => usize::from(length) + 14 <= span.wire() && first == second & 0xfe,
        ether_type => ethernet::is_known(ether_type),
    }
}

/// Whether an IPv4 header begins at byte `at`: its checksum is right (RFC 791 section 3.1) and its length ends with the
/// frame.
fn is_ipv4(span: Span<'_>, at: usize) -> bool {
    let Some(header) = span.bytes().get(at..).and_then(|bytes| bytes.first_chunk::<20>()) else { return false };
    let length = usize::from(header[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >> 4 != 4 || length < 20 || total < length || header[8] == 0 || !ends_with(span, at + total) {
        return false;
    }
    let Some(header) = span.bytes().get(at..at + length) else { return false };
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    (sum & 0xffff) + (sum >> 16) == 0xffff
}

/// Whether an IPv6 header begins at byte `at`: a usual next header (RFC 8200 section 4) and a length that ends with the
/// frame.
fn is_ipv6(span: Span<'_>, at: usize) -> bool {
    const NEXT: &[u8] = &[0, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 89, 103, 132];
    let (Some(first), Some(length), Some(next)) = (span.u8(at), span.u16(at + 4), span.u8(at + 6)) else {
        return false;
    };
    first >> 4 == 6 && NEXT.contains(&next) && ends_with(span, at + 40 + usize::from(length))
}

fn ends_with(span: Span<'_>, end: usize) -> bool {
    span.wire().checked_sub(end).is_some_and(|behind| behind <= TRAILER)
}
