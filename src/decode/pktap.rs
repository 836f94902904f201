//! Apple's packet tap header: which interface and process a packet belongs to.

use super::link;
use super::non_ip::NonIp;
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Step, Walk};
use crate::capture::LinkType;

/// Bytes of the header's first version; later ones are longer.
const SHORTEST: usize = 108;
/// Longer than any version.
const LONGEST: usize = 1024;
/// The record holds a packet.
const PACKET: u32 = 1;

/// LINKTYPE_PKTAP, in little-endian order: header length, record type, link type of the packet behind it, interface name.
pub(super) fn pktap<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (length, kind, link) = head(span)?;
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(Stop { layer: StopLayer::Pktap, reason: StopReason::BadLength });
    }
    let rest = span.skip(length, StopLayer::Pktap)?;
    match u16::try_from(link) {
        Ok(_) if kind != PACKET => walk.non_ip(NonIp::Opaque, rest),
        _ => link::packet(walk, link, rest),
    }
}

/// LINKTYPE_USER2, whose number macOS once took for the same: only if the header fits, for others use it for their own.
pub(super) fn perhaps<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match fits(span) {
        Some(true) => pktap(walk, span),
        None if span.is_cut() => Err(span.short(StopLayer::Pktap)),
        _ => walk.non_ip(NonIp::LinkType(149), span),
    }
}

/// Whether a header of a packet of a known link type begins here, with a name of letters and digits, filled by zeros.
/// `None` if the bytes end before that can be said.
fn fits(span: Span<'_>) -> Option<bool> {
    let (length, kind, link) = head(span).ok()?;
    let name = span.bytes().get(12..36)?;
    let written = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let is_packet = (SHORTEST..=LONGEST).contains(&length) && length < span.wire() && kind == PACKET;
    Some(
        is_packet
            && u16::try_from(link).is_ok_and(|number| link::layer(LinkType(number)).is_some())
            && written > 0
            && name.iter().skip(written).all(|byte| *byte == 0),
    )
}

/// Length, record type and link type.
fn head(span: Span<'_>) -> Result<(usize, u32, u32), Stop> {
    let (&[l0, l1, l2, l3, k0, k1, k2, k3, t0, t1, t2, t3], _) = span.split::<12>(StopLayer::Pktap)?;
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    Ok((length, u32::from_le_bytes([k0, k1, k2, k3]), u32::from_le_bytes([t0, t1, t2, t3])))
}
