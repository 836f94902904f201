//! GTP-U, the user plane of mobile networks (3GPP TS 29.281).

use super::packet::TunnelKind;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Step, Walk};
use super::{network, plausible};

/// Version 1, protocol type GTP, the reserved bit 0 (section 5.1); and the mask of these.
const VERSION_1: u8 = 0x30;
const FIXED: u8 = 0xf8;
/// Any of the flags for an extension header, a sequence number and an N-PDU number, which bring four bytes.
const OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;
/// The message that carries a packet (section 7.1).
const G_PDU: u8 = 255;
/// More extension headers than any sender writes.
const MOST_EXTENSIONS: usize = 8;

/// A message that carries an IP packet which fills it; anything else is left as the UDP datagram that it is.
pub(super) fn gtp_u<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let Ok((&[flags, kind, high, low, ..], rest)) = span.split::<8>(StopLayer::GtpU) else {
        return if span.is_cut() { Err(span.short(StopLayer::GtpU)) } else { Ok(Step::Done) };
    };
    if flags & FIXED != VERSION_1 || kind != G_PDU || usize::from(be16(high, low)) != rest.wire() {
        return Ok(Step::Done);
    }
    let Some(packet) = payload(flags, rest)? else { return Ok(Step::Done) };
    if plausible::is_ip(packet) { walk.enter(TunnelKind::GtpU, network::ip, packet) } else { Ok(Step::Done) }
}

/// What stands behind the optional fields and the extension headers (section 5.2): length in units of 4 bytes, content, next
/// type.
fn payload(flags: u8, span: Span<'_>) -> Result<Option<Span<'_>>, Stop> {
    if flags & OPTIONAL == 0 {
        return Ok(Some(span));
    }
    let (&[.., mut next], mut rest) = span.split::<4>(StopLayer::GtpU)?;
    if flags & EXTENSION == 0 {
        return Ok(Some(rest));
    }
    for _ in 0..MOST_EXTENSIONS {
        if next == 0 {
            return Ok(Some(rest));
        }
        let Some(length) = rest.u8(0).map(|length| usize::from(length) * 4).filter(|length| *length > 0) else {
            return Ok(None);
        };
        let behind = rest.skip(length, StopLayer::GtpU)?;
        next = rest.u8(length - 1).unwrap_or(0);
        rest = behind;
    }
    Ok(None)
}
