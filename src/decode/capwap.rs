//! The data channel between access points and their controller: CAPWAP (RFC 5415, 5416).

use super::packet::TunnelKind;
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Step, Walk};
use super::{ethernet, plausible, wlan};

/// UDP port of the data channel at the controller (RFC 5415 section 3.1).
pub(super) const PORT: u16 = 5247;

/// The preamble's types (section 4.1): version 0 in the high bits.
mod preamble {
    pub(super) const CLEAR: u8 = 0;
    pub(super) const DTLS: u8 = 1;
}

/// Bits of the header's first word (section 4.3).
mod flag {
    /// The payload is in the radio's own format, not an Ethernet frame.
    pub(super) const NATIVE: u32 = 1 << 8;
    pub(super) const FRAGMENT: u32 = 1 << 7;
    pub(super) const WIRELESS: u32 = 1 << 5;
    pub(super) const RADIO_MAC: u32 = 1 << 4;
    pub(super) const KEEP_ALIVE: u32 = 1 << 3;
    pub(super) const RESERVED: u32 = 7;
}

/// IEEE 802.11, among the wireless bindings.
const IEEE_802_11: u32 = 1;

/// A header in the clear, then an 802.11 or an Ethernet frame; under DTLS it is told and not opened. A first fragment is
/// entered: the inner headers are there. What is not plausible is left as the UDP datagram that it is.
pub(super) fn capwap<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.u8(0) {
        Some(preamble::CLEAR) => {}
        // DTLS records follow three reserved bytes: a content type of its own range, and the version's first byte.
        Some(preamble::DTLS) if matches!((span.u8(4), span.u8(5)), (Some(20..=26), Some(0xfe))) => {
            return Err(Stop { layer: StopLayer::Capwap, reason: StopReason::Encrypted });
        }
        _ => return Ok(Step::Done),
    }
    let (Some(word), Some(offset)) = (span.u32(0), span.u16(6)) else {
        return if span.is_cut() { Err(span.short(StopLayer::Capwap)) } else { Ok(Step::Done) };
    };
    let has = |bit: u32| word & bit != 0;
    let (length, binding) = (((word >> 19) & 0x1f) as usize * 4, (word >> 9) & 0x1f);
    let Some(least) = least_length(span, has(flag::RADIO_MAC), has(flag::WIRELESS)) else { return Ok(Step::Done) };
    let is_later_fragment = has(flag::FRAGMENT) && offset >> 3 != 0;
    if has(flag::RESERVED) || has(flag::KEEP_ALIVE) || is_later_fragment || length < least || length >= span.wire() {
        return Ok(Step::Done);
    }
    let rest = span.skip(length, StopLayer::Capwap)?;
    let rest = if has(flag::FRAGMENT) { rest.beginning() } else { rest };
    match (has(flag::NATIVE), binding) {
        (true, IEEE_802_11) if wlan::is_plausible(rest) => walk.enter(TunnelKind::Capwap, wlan::in_either_order, rest),
        (false, _) if plausible::is_ethernet(rest) => walk.enter(TunnelKind::Capwap, ethernet::ethernet, rest),
        _ => Ok(Step::Done),
    }
}

/// The length of the header by the optional fields that it announces: each begins with its length and is padded to four
/// bytes. `None` where a field is not there or no radio's address.
fn least_length(span: Span<'_>, radio_mac: bool, wireless: bool) -> Option<usize> {
    let mut length = 8;
    if radio_mac {
        let field = usize::from(span.u8(length)?);
        if !matches!(field, 6 | 8) {
            return None;
        }
        length += (1 + field).next_multiple_of(4);
    }
    if wireless {
        length += (1 + usize::from(span.u8(length)?)).next_multiple_of(4);
    }
    Some(length)
}
