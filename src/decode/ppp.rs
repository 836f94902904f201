//! PPP in its framings: bare, HDLC-like, Cisco HDLC, PPPoE.

use super::non_ip::NonIp;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Layer, Step, Walk};
use super::{ethernet, mpls, network};

/// PPP protocol numbers that are decoded further (IANA PPP numbers).
const PROTOCOLS: &[(u16, Layer)] =
    &[(0x0021, network::ip), (0x0057, network::ip), (0x0031, bridged), (0x0281, mpls::mpls), (0x0283, mpls::mpls)];

/// PPP, with or without the address and control bytes `ff 03` (RFC 1662 section 3.2).
pub(super) fn ppp<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let rest = if span.u16(0) == Some(0xff03) { span.skip(2, StopLayer::Ppp)? } else { span };
    let (&[first], short) = rest.split::<1>(StopLayer::Ppp)?;
    // Protocol field compression: the low bit marks the last byte (RFC 1661 sections 2 and 6.5).
    let (protocol, rest) = if first & 1 == 1 {
        (u16::from(first), short)
    } else {
        let (&[high, low], long) = rest.split::<2>(StopLayer::Ppp)?;
        (be16(high, low), long)
    };
    match PROTOCOLS.iter().find(|(number, _)| *number == protocol) {
        Some((_, layer)) => Ok(Step::To(*layer, rest)),
        None => walk.non_ip(NonIp::Ppp(protocol), rest),
    }
}

/// LINKTYPE_PPP_HDLC, and LINKTYPE_PPP where it holds Cisco's framing instead: told apart by the
/// address byte.
pub(super) fn hdlc<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.u16(0) {
        Some(0x0f00 | 0x8f00 | 0xbf00) => cisco_hdlc(walk, span),
        _ => ppp(walk, span),
    }
}

/// Cisco HDLC (RFC 1547 section 4.3.1): address, control, EtherType.
pub(super) fn cisco_hdlc<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    if span.u16(0) == Some(0xff03) {
        return ppp(walk, span);
    }
    let (&[_, _, high, low], rest) = span.split::<4>(StopLayer::Ppp)?;
    match be16(high, low) {
        // Cisco's keepalive borrowed RARP's number.
        0x8035 => walk.non_ip(NonIp::EtherType(0x8035), rest),
        // ISO protocols stand behind one byte of padding.
        0xfefe => walk.non_ip(NonIp::Llc(0xfe), rest),
        ether_type => ethernet::type_or_length(walk, ether_type, rest),
    }
}

/// LINKTYPE_PPP_WITH_DIR and LINKTYPE_PPP_PPPD: one byte that says who sent it, before or instead
/// of the address byte.
pub(super) fn with_direction<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (_, rest) = span.split::<1>(StopLayer::Ppp)?;
    let rest = if rest.u8(0) == Some(0x03) { rest.skip(1, StopLayer::Ppp)? } else { rest };
    ppp(walk, rest)
}

/// Bridged frames (RFC 3518 section 4.2): flags, MAC type, then an Ethernet frame.
fn bridged<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[_, mac_type], rest) = span.split::<2>(StopLayer::Ppp)?;
    if mac_type == 1 { Ok(Step::To(ethernet::ethernet, rest)) } else { walk.non_ip(NonIp::Ppp(0x0031), rest) }
}

/// PPPoE session (RFC 2516 section 4): version and type 1, code 0, session, length, PPP.
pub(super) fn pppoe_session<'a>(_: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[version_type, _code, _, _, high, low], rest) = span.split::<6>(StopLayer::Pppoe)?;
    if version_type != 0x11 {
        return Err(Stop { layer: StopLayer::Pppoe, reason: StopReason::BadVersion });
    }
    Ok(Step::To(ppp, rest.limit(usize::from(be16(high, low)))))
}
