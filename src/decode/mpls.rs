//! MPLS label stacks, with and without a pseudowire.

use super::non_ip::NonIp;
use super::plausible::is_ethernet;
use super::span::Span;
use super::stop::{Stop, StopLayer};
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
        4 | 6 if is_ethernet(rest) && !fills_the_frame(rest) => Ok(Step::To(ethernet::ethernet, rest)),
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

/// Whether the length of an IP header that would begin here ends where the frame does. That proves
/// it; a packet that was padded to Ethernet's least length has less.
fn fills_the_frame(span: Span<'_>) -> bool {
    let length = match span.u8(0).map(|first| first >> 4) {
        Some(4) => span.u16(2).map(usize::from),
        _ => span.u16(4).map(|length| usize::from(length) + 40),
    };
    length == Some(span.wire())
}
