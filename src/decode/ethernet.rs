//! Ethernet II, IEEE 802.3 with LLC and SNAP, tags, and the table of EtherTypes.

use super::link_words::MacAddr;
use super::non_ip::NonIp;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Layer, Step, Walk};
use super::{mpls, network, nsh, plausible, ppp, switch_tags};

/// Below this, the field behind the addresses is a length (IEEE 802.3 clause 3.2.6).
const LARGEST_LENGTH: u16 = 1500;

/// The first bytes of Novell's raw 802.3 frames: IPX without LLC, by its unused checksum.
const NOVELL_RAW: u16 = 0xffff;

/// What an EtherType announces.
enum LinkPayload {
    /// A layer that is decoded further.
    Layer(Layer),
    /// An end that is known by name.
    Named(NonIp),
}

/// The EtherTypes that are known (IEEE 802 numbers); tags are in [`TAGS`].
const ETHER_TYPES: &[(u16, LinkPayload)] = &[
    (0x0800, LinkPayload::Layer(network::ip)),
    (0x86dd, LinkPayload::Layer(network::ip)),
    (0x0806, LinkPayload::Layer(arp)),
    (0x8035, LinkPayload::Named(NonIp::Rarp)),
    (0x6558, LinkPayload::Layer(ethernet)),
    (0x8809, LinkPayload::Named(NonIp::SlowProtocols)),
    (0x8847, LinkPayload::Layer(mpls::mpls)),
    (0x8848, LinkPayload::Layer(mpls::mpls)),
    (0x8863, LinkPayload::Named(NonIp::PppoeDiscovery)),
    (0x8864, LinkPayload::Layer(ppp::pppoe_session)),
    (0x8870, LinkPayload::Layer(llc)),
    (0x880b, LinkPayload::Layer(ppp::ppp)),
    (0x888e, LinkPayload::Named(NonIp::Eapol)),
    (0x88cc, LinkPayload::Named(NonIp::Lldp)),
    (0x88e5, LinkPayload::Named(NonIp::Macsec)),
    (0x88e7, LinkPayload::Layer(backbone)),
    (0x88f7, LinkPayload::Named(NonIp::Ptp)),
    (0x8874, LinkPayload::Layer(switch_tags::broadcom_legacy)),
    (0x8909, LinkPayload::Layer(switch_tags::cisco_metadata)),
    (0x894f, LinkPayload::Layer(nsh::nsh)),
    (0xd28b, LinkPayload::Layer(switch_tags::arista)),
    (0xdada, LinkPayload::Layer(switch_tags::edsa)),
];

/// A tag between an EtherType and the next one.
struct Tag {
    ether_type: u16,
    /// Length with the EtherType at its end.
    length: usize,
    /// Whether its first 16 bits hold a VLAN identifier in their low twelve.
    vlan: bool,
}

const fn tag(ether_type: u16, length: usize, vlan: bool) -> Tag {
    Tag { ether_type, length, vlan }
}

/// Tags that stand before the payload's EtherType.
const TAGS: &[Tag] = &[
    tag(0x8100, 4, true), // IEEE 802.1Q
    tag(0x88a8, 4, true), // IEEE 802.1ad
    tag(0x9100, 4, true), // in use before 802.1ad, as are the next two
    tag(0x9200, 4, true),
    tag(0x9300, 4, true),
    tag(0x8926, 6, false), // Cisco VN-tag
    tag(0x893f, 8, false), // IEEE 802.1BR E-tag
    tag(0x892f, 6, false), // HSR (IEC 62439-3)
    tag(0x8988, 8, false), // Cisco's time tag: when a switch sent the mirrored frame, in six bytes
];

/// Looks an EtherType up.
fn carries(ether_type: u16) -> Option<&'static LinkPayload> {
    ETHER_TYPES.iter().find(|(number, _)| *number == ether_type).map(|(_, carries)| carries)
}

/// Whether an EtherType is one that is decoded further or named: what a guess may rest on.
pub(super) fn is_known(ether_type: u16) -> bool {
    carries(ether_type).is_some() || TAGS.iter().any(|tag| tag.ether_type == ether_type)
}

/// The layer behind an EtherType, if it is decoded further.
pub(super) fn layer_of(ether_type: u16) -> Option<Layer> {
    match carries(ether_type) {
        Some(LinkPayload::Layer(layer)) => Some(*layer),
        _ => None,
    }
}

/// Destination, source, then an EtherType or a length.
pub(super) fn ethernet<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[high, low], rest) = addresses(walk, span)?.split::<2>(StopLayer::Ethernet)?;
    type_or_length(walk, be16(high, low), rest)
}

/// Destination and source; what follows.
#[inline]
pub(super) fn addresses<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Span<'a>, Stop> {
    walk.begin_link();
    let (destination, rest) = span.split::<6>(StopLayer::Ethernet)?;
    walk.packet.destination_mac = Some(MacAddr(*destination));
    let (source, rest) = rest.split::<6>(StopLayer::Ethernet)?;
    walk.packet.source_mac = Some(MacAddr(*source));
    Ok(rest)
}

/// Provider backbone bridging (IEEE 802.1ah): flags and service instance, then the customer's frame.
fn backbone<'a>(_: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (_, rest) = span.split::<4>(StopLayer::Vlan)?;
    Ok(Step::To(ethernet, rest))
}

/// What follows an EtherType, through any number of tags.
pub(super) fn type_or_length<'a>(walk: &mut Walk<'a>, ether_type: u16, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let tags = Tags { ether_type, rest: span };
    walk.packet.vlan.extend(tags.filter_map(|(_, id)| id));
    let (ether_type, rest) = tags.last().map_or((ether_type, span), |(end, _)| (end.ether_type, end.rest));
    if let Some(tag) = TAGS.iter().find(|tag| tag.ether_type == ether_type) {
        // The identifier is kept even where the EtherType behind it was cut.
        if let (true, Some(control)) = (tag.vlan, rest.u16(0)) {
            walk.packet.vlan.push(control & 0xfff);
        }
        return Err(rest.short(StopLayer::Vlan));
    }
    match carries(ether_type) {
        Some(LinkPayload::Layer(layer)) => Ok(Step::To(*layer, rest)),
        Some(LinkPayload::Named(kind)) => walk.non_ip(*kind, rest),
        None if ether_type <= LARGEST_LENGTH => {
            let rest = rest.limit(usize::from(ether_type));
            if rest.u16(0) == Some(NOVELL_RAW) { walk.non_ip(NonIp::Llc(0xff), rest) } else { Ok(Step::To(llc, rest)) }
        }
        None => unknown(walk, ether_type, rest),
    }
}

/// An EtherType that is not known: a tag, if an IP header stands behind it.
#[cold]
pub(super) fn unknown<'a>(walk: &mut Walk<'a>, ether_type: u16, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let is_tag = plausible::holds_ip(span);
    walk.non_ip(if is_tag { NonIp::UnknownTag(ether_type) } else { NonIp::EtherType(ether_type) }, span)
}

/// Steps over tags: yields where each ends, and the VLAN identifier if it has one. Ends before a
/// tag that is not there as a whole.
#[derive(Clone, Copy)]
struct Tags<'a> {
    ether_type: u16,
    rest: Span<'a>,
}

impl<'a> Iterator for Tags<'a> {
    type Item = (Tags<'a>, Option<u16>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = TAGS.iter().find(|tag| tag.ether_type == self.ether_type)?;
        let next = self.rest.u16(tag.length - 2)?;
        let id = if tag.vlan { self.rest.u16(0).map(|control| control & 0xfff) } else { None };
        *self = Tags { ether_type: next, rest: self.rest.skip(tag.length, StopLayer::Vlan).ok()? };
        Some((*self, id))
    }
}

/// ARP (RFC 826): named, and held to the length of its own address fields.
fn arp<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    walk.non_ip(NonIp::Arp, span)?;
    let (&[_, _, _, _, hardware, protocol, _, _], rest) = span.split::<8>(StopLayer::Arp)?;
    rest.skip(2 * (usize::from(hardware) + usize::from(protocol)), StopLayer::Arp)?;
    Ok(Step::Done)
}

/// LLC service access points with a meaning here (IEEE 802.2).
mod sap {
    /// SNAP extension.
    pub(super) const SNAP: u8 = 0xaa;
    /// Spanning tree.
    pub(super) const STP: u8 = 0x42;
    /// IP (RFC 948).
    pub(super) const IP: u8 = 0x06;
}

/// SNAP organization codes with a meaning here.
mod oui {
    /// The protocol number is an EtherType (RFC 1042).
    pub(super) const ETHER_TYPE: u32 = 0x00_0000;
    /// The same for frames bridged from Ethernet (IEEE 802.1H).
    pub(super) const BRIDGE_TUNNEL: u32 = 0x00_00f8;
    /// Cisco.
    pub(super) const CISCO: u32 = 0x00_000c;
    /// IEEE 802.1 (RFC 2427, RFC 2684).
    pub(super) const IEEE_802_1: u32 = 0x00_80c2;
}

/// IEEE 802.2 logical link control.
pub(super) fn llc<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[destination, source, control], rest) = span.split::<3>(StopLayer::Llc)?;
    match (destination, source, control) {
        (sap::SNAP, _, 0x03) => snap(walk, rest),
        (sap::IP, sap::IP, 0x03) => Ok(Step::To(network::ip, rest)),
        (sap::STP, ..) => walk.non_ip(NonIp::Stp, rest),
        _ => walk.non_ip(NonIp::Llc(destination), rest),
    }
}

/// The Subnetwork Access Protocol: an organization code and its protocol number.
pub(super) fn snap<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[a, b, c, high, low], rest) = span.split::<5>(StopLayer::Llc)?;
    let number = be16(high, low);
    match (u32::from_be_bytes([0, a, b, c]), number) {
        (oui::ETHER_TYPE | oui::BRIDGE_TUNNEL, _) if number > LARGEST_LENGTH => type_or_length(walk, number, rest),
        (oui::CISCO, 0x2000) => walk.non_ip(NonIp::Cdp, rest),
        (oui::CISCO, 0x010b) => walk.non_ip(NonIp::Stp, rest),
        (oui::IEEE_802_1, 0x0001 | 0x0007) => Ok(Step::To(ethernet, rest)),
        (organization, _) => walk.non_ip(NonIp::Snap(organization, number), rest),
    }
}
