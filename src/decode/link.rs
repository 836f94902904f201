//! Link types: the table from number to first layer, and the small ones themselves.

use super::non_ip::NonIp;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Layer, Step, Walk};
use super::{ethernet, network, nflog, pktap, ppp, sll, switch_tags, wlan};
use crate::capture::LinkType;

/// The link types that are decoded (<https://www.tcpdump.org/linktypes.html>).
const LINK_TYPES: &[(u16, Layer)] = &[
    (LinkType::ETHERNET.0, ethernet::ethernet),
    (LinkType::NULL.0, null),
    (LinkType::PPP.0, ppp::hdlc),
    (LinkType::PPP_HDLC.0, ppp::hdlc),
    (51, ppp::pppoe_session), // LINKTYPE_PPP_ETHER
    // Raw IP as the DLT_ values of some systems, which reach files unmapped.
    (12, network::ip),
    (14, network::ip),
    (LinkType::RAW.0, network::ip),
    (LinkType::IPV4.0, network::ip),
    (LinkType::IPV6.0, network::ip),
    (LinkType::C_HDLC.0, ppp::cisco_hdlc),
    (LinkType::IEEE802_11.0, wlan::ieee802_11),
    (107, frame_relay),
    (LinkType::LOOP.0, loopback),
    (109, enc),
    (LinkType::LINUX_SLL.0, sll::sll),
    (LinkType::PRISM.0, wlan::prism),
    (LinkType::RADIOTAP.0, wlan::radiotap),
    (163, wlan::prism),         // LINKTYPE_IEEE802_11_AVS
    (166, ppp::with_direction), // LINKTYPE_PPP_PPPD
    (LinkType::PPI.0, wlan::ppi),
    (204, ppp::with_direction), // LINKTYPE_PPP_WITH_DIR
    (LinkType::NFLOG.0, nflog::nflog),
    (LinkType::LINUX_SLL2.0, sll::sll2),
    (149, pktap::perhaps), // LINKTYPE_USER2
    (LinkType::PKTAP.0, pktap::pktap),
    (LinkType::DSA_TAG_BRCM.0, switch_tags::broadcom_frame),
    (LinkType::DSA_TAG_BRCM_PREPEND.0, switch_tags::broadcom_before),
    (LinkType::DSA_TAG_DSA.0, switch_tags::dsa_frame),
    (LinkType::DSA_TAG_EDSA.0, switch_tags::edsa_frame),
];

/// The first layer of a link type, if it is decoded.
pub(super) fn layer(link: LinkType) -> Option<Layer> {
    LINK_TYPES.iter().find(|(number, _)| *number == link.0).map(|(_, layer)| *layer)
}

/// A packet behind a header that names its link type.
pub(super) fn packet<'a>(walk: &mut Walk<'a>, link: u32, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match u16::try_from(link) {
        Ok(number) => match layer(LinkType(number)) {
            Some(layer) => Ok(Step::To(layer, span)),
            None => walk.non_ip(NonIp::LinkType(number), span),
        },
        Err(_) => Err(Stop { layer: StopLayer::Link, reason: StopReason::Unsupported }),
    }
}

/// AF_INET everywhere.
const AF_INET: u32 = 2;
/// AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin.
const AF_INET6: [u32; 4] = [10, 24, 28, 30];

/// LINKTYPE_NULL: an address family in the byte order of the machine. Some files hold an EtherType
/// in its low half instead, or PPP.
fn null<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[a, b, c, d], rest) = span.split::<4>(StopLayer::Null)?;
    if (a, b) == (0xff, 0x03) {
        return Ok(Step::To(ppp::ppp, span));
    }
    address_family(walk, [a, b, c, d], &[be16(b, a), be16(c, d)], rest)
}

/// LINKTYPE_LOOP: the same in network byte order.
fn loopback<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&head, rest) = span.split::<4>(StopLayer::Null)?;
    address_family(walk, head, &[], rest)
}

/// Families are small numbers, which tells the byte order; what is none may be an EtherType.
fn address_family<'a>(
    walk: &mut Walk<'a>,
    head: [u8; 4],
    ether_types: &[u16],
    rest: Span<'a>,
) -> Result<Step<'a>, Stop> {
    let family = u32::from_le_bytes(head).min(u32::from_be_bytes(head));
    if family == AF_INET || AF_INET6.contains(&family) {
        return Ok(Step::To(network::ip, rest));
    }
    match ether_types.iter().find_map(|number| ethernet::layer_of(*number)) {
        Some(layer) => Ok(Step::To(layer, rest)),
        None => walk.non_ip(NonIp::AddressFamily(family), rest),
    }
}

/// LINKTYPE_ENC of OpenBSD: address family in the machine's byte order, SPI, flags.
fn enc<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[a, b, c, d, ..], rest) = span.split::<12>(StopLayer::Link)?;
    address_family(walk, [a, b, c, d], &[], rest)
}

/// LINKTYPE_FRELAY: an address of 2 to 4 bytes (its last one has the low bit set), then either
/// control and NLPID (RFC 2427) or, in Cisco's framing, an EtherType.
fn frame_relay<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    const CONTROL_UI: u8 = 0x03;
    const NLPID: &[(u8, Layer)] = &[(0xcc, network::ip), (0x8e, network::ip), (0x80, ethernet::snap)];
    let mut rest = span;
    loop {
        let (&[address], behind) = rest.split::<1>(StopLayer::Link)?;
        rest = behind;
        if address & 1 == 1 {
            break;
        }
    }
    let (&[first, second], behind) = rest.split::<2>(StopLayer::Link)?;
    if first != CONTROL_UI {
        return ethernet::type_or_length(walk, be16(first, second), behind);
    }
    // One byte of padding may stand before the NLPID.
    let (nlpid, behind) = if second == 0 {
        let (&[nlpid], behind) = behind.split::<1>(StopLayer::Link)?;
        (nlpid, behind)
    } else {
        (second, behind)
    };
    match NLPID.iter().find(|(number, _)| *number == nlpid) {
        Some((_, layer)) => Ok(Step::To(*layer, behind)),
        None => walk.non_ip(NonIp::Llc(nlpid), behind),
    }
}
