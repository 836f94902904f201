//! Linux cooked captures, versions 1 and 2.

use super::link_words::MacAddr;
use super::non_ip::NonIp;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Step, Walk};
use super::{ethernet, tunnel, wlan};

/// Linux ARPHRD numbers with a meaning here (linux/if_arp.h).
mod hardware {
    /// The address is a MAC.
    pub(super) const ETHERNET: u16 = 1;
    /// The protocol field says nothing.
    pub(super) const CAN: u16 = 280;
    /// The content is an 802.11 frame.
    pub(super) const IEEE802_11: u16 = 801;
    /// The content is an 802.11 frame behind a radiotap header.
    pub(super) const RADIOTAP: u16 = 803;
    /// The protocol is one of GRE's.
    pub(super) const GRE: u16 = 778;
    /// The protocol field is a netlink family.
    pub(super) const NETLINK: u16 = 824;
}

/// LINKTYPE_LINUX_SLL: packet type, hardware type, address length, address, protocol.
pub(super) fn sll<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (head, rest) = span.split::<16>(StopLayer::Sll)?;
    let [t0, t1, h0, h1, l0, l1, a, b, c, d, e, f, _, _, p0, p1] = *head;
    let hardware = be16(h0, h1);
    address(walk, hardware, be16(l0, l1), [a, b, c, d, e, f]);
    walk.packet.to_group = is_to_group(be16(t0, t1));
    content(walk, hardware, be16(p0, p1), rest)
}

/// LINKTYPE_LINUX_SLL2: protocol, reserved, interface, hardware type, packet type, address length,
/// address.
pub(super) fn sll2<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (head, rest) = span.split::<20>(StopLayer::Sll2)?;
    let [p0, p1, _, _, _, _, _, _, h0, h1, kind, length, a, b, c, d, e, f, _, _] = *head;
    let hardware = be16(h0, h1);
    address(walk, hardware, u16::from(length), [a, b, c, d, e, f]);
    walk.packet.to_group = is_to_group(kind.into());
    content(walk, hardware, be16(p0, p1), rest)
}

/// Whether a packet type is one host's, broadcast or multicast (LINKTYPE_LINUX_SLL): all that is recorded of the receiver. What the
/// host itself or one other sends to another, or to many, has types of its own.
const fn is_to_group(packet_type: u16) -> Option<bool> {
    match packet_type {
        0 => Some(false),
        1 | 2 => Some(true),
        _ => None,
    }
}

/// The sender's link address; the receiver's is not recorded.
fn address(walk: &mut Walk<'_>, hardware: u16, length: u16, bytes: [u8; 6]) {
    walk.begin_link();
    if hardware == hardware::ETHERNET && length == 6 {
        walk.packet.source_mac = Some(MacAddr(bytes));
    }
}

/// What the protocol field announces, which the hardware type may overrule.
fn content<'a>(walk: &mut Walk<'a>, hardware: u16, protocol: u16, rest: Span<'a>) -> Result<Step<'a>, Stop> {
    match (hardware, protocol) {
        (hardware::NETLINK | hardware::CAN, _) => walk.non_ip(NonIp::Opaque, rest),
        (hardware::IEEE802_11, _) => Ok(Step::To(wlan::ieee802_11, rest)),
        (hardware::RADIOTAP, _) => Ok(Step::To(wlan::radiotap, rest)),
        (hardware::GRE, _) => match tunnel::gre_content(protocol) {
            Some(layer) => Ok(Step::To(layer, rest)),
            None => walk.non_ip(NonIp::EtherType(protocol), rest),
        },
        (_, 0x0004) => Ok(Step::To(ethernet::llc, rest)),
        // Numbers of Linux below the EtherTypes (0x0001: Novell's raw 802.3): no lengths, as on Ethernet.
        (_, ..0x0600) => ethernet::unknown(walk, protocol, rest),
        _ => ethernet::type_or_length(walk, protocol, rest),
    }
}
