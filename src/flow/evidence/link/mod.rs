//! What is said of the link itself: power, who was let in, the spanning tree, groups, DHCP servers, broadcasts, and packets
//! that were too big. Only frames of these kinds come here.
//!
//! Like all evidence it adds up in any order, and each set keeps its lowest keys.

mod authentication;
mod broadcast;
mod groups;
mod offers;
mod size;
mod spanning_tree;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

pub use authentication::Authentication;
pub use broadcast::{Broadcasts, STRETCH};
pub use groups::Membership;
pub use offers::Offers;
pub use size::{Pieces, TooBig};
pub use spanning_tree::{BridgePort, Port};

use super::Window;
use super::lowest::BoundedMap;
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::{IpPacket, MacAddr, NonIp, Packet, Transport, VlanPath};
use crate::protocol::membership::{self, MembershipMessage};
use crate::protocol::{eapol, poe, stp};
use crate::state::{Broken, Load, Stored, stored};

/// Which datagram a fragment is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DatagramId {
    /// The VLAN path.
    pub vlan: VlanPath,
    /// The sender.
    pub source: IpAddr,
    /// The receiver.
    pub destination: IpAddr,
    /// The IP protocol.
    pub protocol: u8,
    /// The identification.
    pub identification: u32,
}

stored!(DatagramId { vlan, source, destination, protocol, identification });

impl DatagramId {
    pub(in crate::flow) fn of(vlan: &VlanPath, ip: &IpPacket<'_>) -> Self {
        let IpPacket { source, destination, protocol, identification, .. } = *ip;
        Self { vlan: vlan.clone(), source, destination, protocol, identification }
    }
}

/// Sets of which a key holds the input keep it so: one capture, one link.
const STATIONS: usize = 8192;
const UNITS: usize = 8192;

/// Declares the sets of [`LinkEvidence`], each with what reads it.
macro_rules! sets {
    ($($(#[$doc:meta])* $set:ident: $key:ty => $value:ty, $most:expr;)+) => {
        /// What was said of links.
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct LinkEvidence {
            $($set: BoundedMap<$key, $value, { $most }>,)+
        }

        impl LinkEvidence {
            $(
                $(#[$doc])*
                pub fn $set(&self) -> impl ExactSizeIterator<Item = (&$key, &$value)> {
                    self.$set.iter()
                }
            )+

            pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
                $(self.$set.absorb(other.$set, shift);)+
            }
        }
    };
}

sets! {
    /// What devices and switches said of power by LLDP, by input, sender, and what was said.
    power: (u32, MacAddr, poe::Power) => Window, UNITS;
    /// How each device was let in by 802.1X, by input and its MAC; what a switch sent to a group is of that group.
    authentication: (u32, MacAddr) => Authentication, STATIONS;
    /// Ports that took part in a spanning tree.
    bridges: BridgePort => Port, 4096;
    /// When a topology changed, by VLAN path, minute since 1970 as written, and the sender of the unit that says so.
    changes: (VlanPath, i64, MacAddr) => Window, 8192;
    /// Who listens to which group, by VLAN path, host and group.
    members: (VlanPath, IpAddr, IpAddr) => Membership, 16_384;
    /// Who asks who listens, by VLAN path and address.
    queriers: (VlanPath, IpAddr) => Window, 1024;
    /// Addresses that DHCP servers gave, by client, transaction, the server's identifier and stretch of time.
    offers: (MacAddr, u32, Ipv4Addr, i64) => Offers, 65_536;
    /// Broadcasts that are not IP, by stretch of time ([`STRETCH`]) since 1970 as written.
    broadcasts: i64 => Broadcasts, 65_536;
    /// Who sent them.
    senders: MacAddr => Window, 16_384;
    /// Packets that did not fit, by who says so, their sender, their receiver, and minute.
    too_big: (IpAddr, IpAddr, IpAddr, i64) => TooBig, 16_384;
    /// Datagrams that came in pieces.
    pieces: DatagramId => Pieces, 16_384;
}

impl LinkEvidence {
    /// Takes a frame that is not IP.
    pub(in crate::flow) fn frame(
        &mut self,
        packet: &Packet<'_>,
        (kind, body): (NonIp, &[u8]),
        time: Timestamp,
        at: Moment,
    ) {
        let (source, destination) = (packet.source_mac, packet.destination_mac.unwrap_or_default());
        let (from, once) = (source.unwrap_or_default(), Window::once(time, at));
        match kind {
            NonIp::Lldp => {
                if let Some(power) = poe::Power::of_unit(body) {
                    self.power.add((at.frame.input(), from, power), once);
                }
            }
            NonIp::Eapol => {
                if let Some(step) = eapol::step(body) {
                    let station = if step.is_of_device() { from } else { destination };
                    self.authentication.add((at.frame.input(), station), Authentication::of(step, once));
                }
            }
            NonIp::Stp => self.spanning_tree(packet, stp::message(body), time, once),
            _ => {}
        }
        if destination == MacAddr::BROADCAST {
            self.broadcasts.add(broadcast::stretch(time), Broadcasts::of(kind == NonIp::Arp, once));
            self.senders.add(from, once);
        }
    }

    fn spanning_tree(&mut self, packet: &Packet<'_>, message: Option<stp::Bpdu>, time: Timestamp, once: Window) {
        let Some(message) = message else { return };
        if let stp::Bpdu::Unit(unit) = message {
            let key = BridgePort { vlan: packet.vlan.clone(), root: unit.root, bridge: unit.bridge, port: unit.port };
            self.bridges.add(key, Port::of(&unit, once));
        }
        if matches!(message, stp::Bpdu::Notification | stp::Bpdu::Unit(stp::Unit { changes: true, .. })) {
            let key = (packet.vlan.clone(), spanning_tree::minute(time), packet.source_mac.unwrap_or_default());
            self.changes.add(key, once);
        }
    }

    /// Takes an IP packet that is neither TCP nor UDP, and no fragment of a datagram.
    pub(in crate::flow) fn packet(&mut self, packet: &Packet<'_>, ip: &IpPacket<'_>, time: Timestamp, at: Moment) {
        let once = Window::once(time, at);
        match ip.transport {
            Transport::Other(body) if ip.protocol == groups::IGMP => {
                membership::igmp(body, |said| self.group(&packet.vlan, ip.source, said, once));
            }
            Transport::Icmp { kind, body, .. } if ip.protocol == 58 && membership::is_mld(kind) => {
                membership::mld(kind, body, |said| self.group(&packet.vlan, ip.source, said, once));
            }
            _ => {}
        }
    }

    fn group(&mut self, vlan: &VlanPath, from: IpAddr, said: MembershipMessage, once: Window) {
        match said {
            MembershipMessage::Query => self.queriers.add((vlan.clone(), from), once),
            MembershipMessage::Joins(group) | MembershipMessage::Leaves(group) if !group.is_multicast() => {}
            MembershipMessage::Joins(group) => self.members.add((vlan.clone(), from, group), Membership::joined(once)),
            MembershipMessage::Leaves(group) => self.members.add((vlan.clone(), from, group), Membership::left(once)),
        }
    }

    /// Takes an ICMP or ICMPv6 error, if it says that a packet was too big.
    pub(in crate::flow) fn error(&mut self, ip: &IpPacket<'_>, time: Timestamp, at: Moment) {
        self.too_big.extend(size::too_big(ip, Window::once(time, at)));
    }

    /// Takes a fragment.
    pub(in crate::flow) fn fragment(&mut self, vlan: &VlanPath, ip: &IpPacket<'_>, time: Timestamp, at: Moment) {
        if let Some(fragment) = ip.fragment {
            self.pieces.add(DatagramId::of(vlan, ip), Pieces::of(fragment, Window::once(time, at)));
        }
    }

    /// Takes a DHCP message, if a server gives an address by it.
    pub(super) fn offer(&mut self, payload: &[u8], time: Timestamp, at: Moment) {
        self.offers.extend(offers::of(payload, time, at));
    }

    /// Who sent to whom, and when, a datagram in pieces of which the first was not captured: what it is of is not known.
    pub fn headless(&self) -> impl Iterator<Item = ((IpAddr, IpAddr), Window)> + '_ {
        let headless = self.pieces().filter(|(_, pieces)| pieces.firsts == 0);
        headless.map(|(datagram, pieces)| ((datagram.source, datagram.destination), pieces.fragments))
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The sets that turned something away for want of room, in words.
    pub fn overflows(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.power.turned_away(), "LLDP power units"),
            (self.authentication.turned_away(), "802.1X stations"),
            (self.bridges.turned_away() || self.changes.turned_away(), "spanning tree ports"),
            (self.members.turned_away() || self.queriers.turned_away(), "group members"),
            (self.offers.turned_away(), "DHCP offers"),
            (self.broadcasts.turned_away() || self.senders.turned_away(), "broadcasts"),
            (self.too_big.turned_away() || self.pieces.turned_away(), "fragmented packets"),
        ]
        .into_iter()
        .filter_map(|(turned_away, what)| turned_away.then_some(what))
    }
}

/// What is kept by input is stored without it: it is the section's.
impl Stored for LinkEvidence {
    fn store(&self, to: &mut Vec<u8>) {
        self.power.store_keys(|(_, mac, power)| (*mac, *power), to);
        self.authentication.store_keys(|(_, station)| *station, to);
        self.bridges.store(to);
        self.changes.store(to);
        self.members.store(to);
        self.queriers.store(to);
        self.offers.store_keys(|(client, xid, server, _)| (*client, *xid, *server), to);
        self.broadcasts.store(to);
        self.senders.store(to);
        self.too_big.store_keys(|(router, source, destination, _)| (*router, *source, *destination), to);
        self.pieces.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let input = from.input;
        let power: BoundedMap<(MacAddr, poe::Power), Window, UNITS> = from.get()?;
        let authentication: BoundedMap<MacAddr, Authentication, STATIONS> = from.get()?;
        Ok(Self {
            power: power.with_keys(|(mac, power)| (input, mac, power)),
            authentication: authentication.with_keys(|station| (input, station)),
            bridges: from.get()?,
            changes: from.get()?,
            members: from.get()?,
            queriers: from.get()?,
            offers: BoundedMap::load_keys(from, offers::key)?,
            broadcasts: from.get()?,
            senders: from.get()?,
            too_big: BoundedMap::load_keys(from, size::key)?,
            pieces: from.get()?,
        })
    }
}
