//! MPLS label stacks, with and without a pseudowire.

use super::packet::{NonIp, Stop, StopLayer};
use super::span::{Span, be16};
use super::walk::{Step, Walk};
use super::{ethernet, network};

/// EtherType under which frames are counted whose payload is neither IP nor Ethernet.
const UNICAST: u16 = 0x8847;

/// A label stack (RFC 3032). Labels do not say what they carry: the payload's first nibble does
/// (RFC 4928), and where that could be the start of a MAC address, the EtherType behind it.
pub(super) fn mpls<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let mut rest = span;
    loop {
        let (&[_, _, bottom_of_stack, _], behind) = rest.split::<4>(StopLayer::Mpls)?;
        rest = behind;
        if bottom_of_stack & 1 == 1 {
            break;
        }
    }
    let Some(first) = rest.u8(0) else { return Err(rest.short(StopLayer::Mpls)) };
    match first >> 4 {
        4 if !is_ipv4(rest) && is_ethernet(rest) => Ok(Step::To(ethernet::ethernet, rest)),
        6 if !is_ipv6(rest) && is_ethernet(rest) => Ok(Step::To(ethernet::ethernet, rest)),
        4 | 6 => Ok(Step::To(network::ip, rest)),
        0 => {
            let behind_control_word = rest.skip(4, StopLayer::Mpls)?;
            let plain = is_ethernet(rest) && !is_ethernet(behind_control_word);
            Ok(Step::To(ethernet::ethernet, if plain { rest } else { behind_control_word }))
        }
        // 1 is an associated channel (RFC 5586); the others are no IP version either.
        _ if is_ethernet(rest) => Ok(Step::To(ethernet::ethernet, rest)),
        _ => walk.non_ip(NonIp::EtherType(UNICAST), rest),
    }
}

/// Whether an IPv4 header could stand here.
fn is_ipv4(span: Span<'_>) -> bool {
    let length = span.u16(2).map_or(0, usize::from);
    matches!(span.u8(0), Some(0x45..=0x4f)) && (length == 0 || (20..=span.wire()).contains(&length))
}

/// Whether an IPv6 header could stand here.
fn is_ipv6(span: Span<'_>) -> bool {
    span.u16(4).is_some_and(|length| usize::from(length) + 40 <= span.wire())
}

/// Whether an Ethernet frame could stand here: a known EtherType, or a length with LLC behind it.
fn is_ethernet(span: Span<'_>) -> bool {
    let Some(&[high, low, dsap, ssap]) = span.bytes().get(12..).and_then(|rest| rest.first_chunk()) else {
        return false;
    };
    let number = be16(high, low);
    ethernet::is_known(number) || (usize::from(number) + 14 <= span.wire() && number >= 3 && dsap == ssap & 0xfe)
}
