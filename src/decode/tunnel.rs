//! Tunnels and the mirrors' own encapsulations, taken off so that flows carry the innermost
//! addresses.
//!
//! A tunnel is entered only when its header is plausible; where nothing inside can be read, the
//! packet around it stands, with the reason (see `Walk::enter`). A fragment at offset 0 of a
//! tunnel's packet is entered as well: its inner headers are there. Teredo and GUE are not entered,
//! nor is GTP-U that carries no IP packet.

use etherparse::{IpNumber, ip_number};

use super::packet::{Transport, TunnelKind};
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Layer, Step, Walk};
use super::{capwap, ethernet, gtp, l2tp, mpls, network, nsh, ppp, tzsp, wlan};

/// UDP destination ports of the tunnels that are entered.
const UDP_TUNNELS: &[(u16, Layer)] = &[
    (4789, vxlan),
    (8472, vxlan), // Linux's default, older than the assignment
    (4790, vxlan_gpe),
    (6081, geneve),
    (37_008, tzsp::tzsp),
    (capwap::PORT, capwap::capwap),
    (2152, gtp::gtp_u),
    (1701, l2tp::over_udp),
];

/// The same ports, each at its lowest five bits. Of comparisons the compiler makes a tree, and which way a packet goes in
/// it, no processor guesses.
const BY_LOW_BITS: [u16; 32] = {
    let (mut ports, mut at) = ([0; 32], 0);
    while at < UDP_TUNNELS.len() {
        let port = UDP_TUNNELS[at].0;
        assert!(ports[port as usize % 32] == 0, "two ports with the same bits");
        ports[port as usize % 32] = port;
        at += 1;
    }
    ports
};

/// Whether a UDP datagram with these ports may be a tunnel that [`super::decode`] enters: by its destination, and what a
/// wireless controller sends by its source.
pub const fn may_be_tunnel(source_port: u16, destination_port: u16) -> bool {
    (BY_LOW_BITS[destination_port as usize % 32] == destination_port) | (source_port == capwap::PORT)
}

/// Goes on inside, if what the IP packet carries is a tunnel. `span` holds the transport header.
pub(super) fn enter<'a>(
    walk: &mut Walk<'a>,
    protocol: u8,
    transport: Transport<'a>,
    span: Span<'a>,
) -> Result<Step<'a>, Stop> {
    if network::is_ip(protocol) {
        return if span.is_empty() { Ok(Step::Done) } else { walk.enter(TunnelKind::IpInIp, network::ip, span) };
    }
    match (IpNumber(protocol), transport) {
        (ip_number::GRE, _) => gre(walk, span),
        (ip_number::LAYER2_TUNNELING_PROTOCOL, _) => l2tp::over_ip(walk, span),
        (_, Transport::Udp { source_port, destination_port, payload_len, .. }) => {
            let by_port = |wanted: u16| UDP_TUNNELS.iter().find(|(port, _)| *port == wanted);
            let controller = if source_port == capwap::PORT { by_port(source_port) } else { None };
            match by_port(destination_port).or(controller) {
                Some((_, layer)) => Ok(Step::To(*layer, span.skip(8, StopLayer::Udp)?.limit(payload_len as usize))),
                None => Ok(Step::Done),
            }
        }
        _ => Ok(Step::Done),
    }
}

/// A tunnel's header was not there as a whole. That it was cut is worth a word; a datagram that is
/// too short for it is no such tunnel.
pub(super) fn no_header<'a>(span: Span<'a>, layer: StopLayer) -> Result<Step<'a>, Stop> {
    if span.is_cut() { Err(span.short(layer)) } else { Ok(Step::Done) }
}

/// Bits of the first two bytes of GRE (RFC 1701, 2784, 2890, 2637).
mod flag {
    pub(super) const CHECKSUM: u16 = 0x8000;
    pub(super) const ROUTING: u16 = 0x4000;
    pub(super) const KEY: u16 = 0x2000;
    pub(super) const SEQUENCE: u16 = 0x1000;
    /// Version 1 only.
    pub(super) const ACKNOWLEDGMENT: u16 = 0x0080;
    pub(super) const VERSION: u16 = 0x0007;
}

/// GRE protocols with a meaning of their own.
mod protocol {
    pub(super) const PPP: u16 = 0x880b;
    pub(super) const WCCP: u16 = 0x883e;
    pub(super) const ERSPAN: u16 = 0x88be;
    pub(super) const ERSPAN_III: u16 = 0x22eb;
}

/// Generic routing encapsulation, version 0 (RFC 2784, 2890; routing: RFC 1701) and 1 (RFC 2637).
fn gre<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[f0, f1, p0, p1], mut rest) = span.split::<4>(StopLayer::Gre)?;
    let (flags, protocol) = (be16(f0, f1), be16(p0, p1));
    let has = |bit: u16| usize::from(flags & bit != 0);
    match flags & flag::VERSION {
        0 => {
            let checksum = has(flag::CHECKSUM | flag::ROUTING);
            rest = rest.skip(4 * (checksum + has(flag::KEY) + has(flag::SEQUENCE)), StopLayer::Gre)?;
            if flags & flag::ROUTING != 0 {
                rest = source_routes(rest)?;
            }
        }
        1 if protocol == protocol::PPP => {
            rest = rest.skip(4 * (has(flag::KEY) + has(flag::SEQUENCE) + has(flag::ACKNOWLEDGMENT)), StopLayer::Gre)?;
        }
        _ => return Ok(Step::Done),
    }
    match protocol {
        // An acknowledgment or a keepalive carries nothing.
        _ if rest.is_empty() => Ok(Step::Done),
        protocol::ERSPAN if flags & flag::SEQUENCE == 0 => walk.enter(TunnelKind::ErspanI, ethernet::ethernet, rest),
        protocol::ERSPAN | protocol::ERSPAN_III => erspan(walk, rest),
        _ => match gre_content(protocol) {
            Some(layer) => walk.enter(TunnelKind::Gre, layer, rest),
            None => Ok(Step::Done),
        },
    }
}

/// The layer that a GRE protocol announces.
pub(super) fn gre_content(protocol: u16) -> Option<Layer> {
    match protocol {
        protocol::WCCP => Some(wccp),
        protocol::PPP => Some(ppp::ppp),
        // Aruba's controllers: one number for each of their queues.
        0x8200..=0x8370 if protocol & 0xf == 0 => Some(wlan::ieee802_11),
        _ => ethernet::layer_of(protocol),
    }
}

/// The source route entries of RFC 1701: address family, offset, length, information; an entry of
/// family 0 and length 0 ends them.
fn source_routes(mut rest: Span<'_>) -> Result<Span<'_>, Stop> {
    loop {
        let (&[family0, family1, _, length], behind) = rest.split::<4>(StopLayer::Gre)?;
        rest = behind.skip(usize::from(length), StopLayer::Gre)?;
        if (family0, family1, length) == (0, 0, 0) {
            return Ok(rest);
        }
    }
}

/// Packets redirected by WCCP: version 2 puts four bytes before the IP header.
fn wccp<'a>(_: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let redirect = !matches!(span.u8(0), Some(0x45..=0x4f));
    Ok(Step::To(network::ip, if redirect { span.skip(4, StopLayer::Gre)? } else { span }))
}

/// ERSPAN II (version 1, 8 bytes) and III (version 2, 12 bytes, and 8 more by the low bit of its
/// last one: draft-foschiano-erspan sections 4.2 and 4.3).
fn erspan<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.u8(0).map(|first| first >> 4) {
        Some(1) => walk.enter(TunnelKind::ErspanII, ethernet::ethernet, span.skip(8, StopLayer::Erspan)?),
        Some(2) => {
            let (head, rest) = span.split::<12>(StopLayer::Erspan)?;
            let subheader = if head[11] & 1 == 1 { 8 } else { 0 };
            walk.enter(TunnelKind::ErspanIII, ethernet::ethernet, rest.skip(subheader, StopLayer::Erspan)?)
        }
        _ => no_header(span, StopLayer::Erspan),
    }
}

/// RFC 7348 section 5: the I flag, then 24 bits of network identifier.
fn vxlan<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.split::<8>(StopLayer::Vxlan) {
        Ok((head, rest)) if head[0] & 0x08 != 0 && !rest.is_empty() => {
            walk.enter(TunnelKind::Vxlan, ethernet::ethernet, rest)
        }
        Ok(_) => Ok(Step::Done),
        Err(_) => no_header(span, StopLayer::Vxlan),
    }
}

/// What VXLAN-GPE's next protocol announces (draft-ietf-nvo3-vxlan-gpe section 3.2).
const VXLAN_GPE: &[(u8, Layer)] =
    &[(1, network::ip), (2, network::ip), (3, ethernet::ethernet), (4, nsh::nsh), (5, mpls::mpls)];

/// VXLAN with a next protocol where the P flag says so.
fn vxlan_gpe<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.split::<8>(StopLayer::Vxlan) {
        Ok((&[flags, _, _, next, ..], rest)) if flags & 0x04 != 0 && !rest.is_empty() => {
            match VXLAN_GPE.iter().find(|(number, _)| *number == next) {
                Some((_, layer)) => walk.enter(TunnelKind::Vxlan, *layer, rest),
                None => Ok(Step::Done),
            }
        }
        _ => vxlan(walk, span),
    }
}

/// RFC 8926 section 3.4: version 0, length of the options in units of 4 bytes, EtherType.
fn geneve<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let Ok((&[version_length, _, p0, p1, ..], rest)) = span.split::<8>(StopLayer::Geneve) else {
        return no_header(span, StopLayer::Geneve);
    };
    let options = usize::from(version_length & 0x3f) * 4;
    match ethernet::layer_of(be16(p0, p1)) {
        Some(layer) if version_length >> 6 == 0 && options < rest.wire() => {
            walk.enter(TunnelKind::Geneve, layer, rest.skip(options, StopLayer::Geneve)?)
        }
        _ => Ok(Step::Done),
    }
}
