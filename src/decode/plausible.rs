//! Whether an IP header plausibly begins somewhere: what a guess may rest on.

use super::span::Span;

/// How far behind an unknown EtherType an IP header is looked for, in bytes.
const FARTHEST: usize = 64;
/// Bytes that may follow an IP packet in its frame: padding, a trailer, a check sequence.
const TRAILER: usize = 64;

/// Whether an IPv4 or IPv6 packet begins within the first bytes and ends where the frame does.
pub(super) fn holds_ip(span: Span<'_>) -> bool {
    (0..=FARTHEST).any(|at| match span.u8(at).map(|first| first >> 4) {
        Some(4) => is_ipv4(span, at),
        Some(6) => {
            (at == 0 || at.checked_sub(2).and_then(|before| span.u16(before)) == Some(0x86dd)) && is_ipv6(span, at)
        }
        _ => false,
    })
}

/// Whether an IPv4 header begins at byte `at`: its checksum is right (RFC 791 section 3.1) and its length ends with the
/// frame.
fn is_ipv4(span: Span<'_>, at: usize) -> bool {
    let Some(header) = span.bytes().get(at..).and_then(|bytes| bytes.first_chunk::<20>()) else { return false };
    let length = usize::from(header[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if length < 20 || total < length || header[8] == 0 || !ends_with(span, at + total) {
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
    let (Some(length), Some(next)) = (span.u16(at + 4), span.u8(at + 6)) else { return false };
    NEXT.contains(&next) && ends_with(span, at + 40 + usize::from(length))
}

fn ends_with(span: Span<'_>, end: usize) -> bool {
    span.wire().checked_sub(end).is_some_and(|behind| behind <= TRAILER)
}
