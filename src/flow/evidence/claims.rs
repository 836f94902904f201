//! Who speaks for an address on which VLAN path, by ARP (RFC 826) and neighbour discovery (RFC 4861): whom it tells so, and
//! in which order MACs take an address over from each other.

use std::net::{IpAddr, Ipv4Addr};

use smallvec::SmallVec;

use super::Window;
use super::lowest::{Add, BoundedMap, summed};
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::{IpPacket, MacAddr, VlanPath};
use crate::protocol::neighbour::{self, NeighbourMessage};
use crate::state::{Broken, Load, Stored, stored};

const SPEAKERS: usize = 1 << 16;
const LISTENERS: usize = 1 << 14;
const ORDERS: usize = 1 << 14;
/// Claims of one address whose order is known: the first.
const ORDERED: usize = 64;
/// Who is told that an address is at a MAC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::flow) enum To {
    /// Everybody, who is asked something, or told that the address is there now.
    Everyone {
        /// Whether it says nothing else.
        announces: bool,
    },
    /// One who asked.
    Asker(IpAddr),
    /// One who said not who it is, or did not ask.
    Somebody,
}

/// One packet's claim of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::flow) struct Claim {
    address: IpAddr,
    mac: MacAddr,
    to: To,
}

impl Claim {
    /// That of an ARP packet; 0.0.0.0, from which who has no address yet probes (RFC 5227), is nobody's.
    pub(in crate::flow) fn of_arp(sender: Ipv4Addr, mac: MacAddr, target: Ipv4Addr, is_request: bool) -> Option<Self> {
        let to = match (sender == target, is_request) {
            (true, _) => To::Everyone { announces: true },
            (false, true) => To::Everyone { announces: false },
            (false, false) if target.is_unspecified() => To::Somebody,
            (false, false) => To::Asker(target.into()),
        };
        (!sender.is_unspecified()).then_some(Self { address: sender.into(), mac, to })
    }

    /// That of an ICMPv6 message.
    pub(in crate::flow) fn of_icmp(ip: &IpPacket<'_>, kind: u8, body: &[u8]) -> Option<Self> {
        if ip.hops != neighbour::HOP_LIMIT {
            return None;
        }
        let to_group = ip.destination.is_multicast();
        let (address, mac, to) = match neighbour::said(kind, body)? {
            NeighbourMessage::Asks(mac) if to_group => (ip.source, mac, To::Everyone { announces: false }),
            NeighbourMessage::Asks(mac) => (ip.source, mac, To::Somebody),
            NeighbourMessage::Advertises { target, link, is_solicited } => {
                let announces = !is_solicited;
                let to = if to_group { To::Everyone { announces } } else { To::Asker(ip.destination) };
                (target.into(), link, to)
            }
        };
        let mac = MacAddr(mac);
        (!address.is_unspecified() && !mac.is_group()).then_some(Self { address, mac, to })
    }
}

/// One MAC as it speaks for one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Speaker {
    /// When.
    pub window: Window,
    /// How often everybody was told, not one who asked.
    pub broadcasts: u64,
}

summed!(Speaker { window }, mine, theirs: {
    mine.broadcasts = mine.broadcasts.saturating_add(theirs.broadcasts);
});

/// When a MAC claimed an address, and whether it announced to all that the address is there now, as a device does that
/// stands in for another.
pub type Claimed = (Timestamp, MacAddr, bool);

/// The first claims of an address in the order of time: they add up however the parts of a capture lie between one another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct ClaimOrder(SmallVec<[Claimed; 1]>);

impl ClaimOrder {
    fn put(&mut self, claim: Claimed) {
        if let Err(at) = self.0.binary_search(&claim)
            && at < ORDERED
        {
            self.0.insert(at, claim);
            self.0.truncate(ORDERED);
        }
    }
}

impl Add for ClaimOrder {
    fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|claim| self.put(claim));
    }

    fn shift(&mut self, _: Shift) {}
}

/// All claims, up to a limit each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    speakers: BoundedMap<(VlanPath, IpAddr, MacAddr), Speaker, SPEAKERS>,
    /// By speaker and asker.
    listeners: BoundedMap<((VlanPath, IpAddr, MacAddr), IpAddr), Window, LISTENERS>,
    orders: BoundedMap<(VlanPath, IpAddr), ClaimOrder, ORDERS>,
    /// Who was asked for by neighbour solicitations to a group; a part of states by itself.
    sought: BoundedMap<IpAddr, Window, LISTENERS>,
}

impl Claims {
    /// Takes a packet's claim.
    pub(in crate::flow) fn add(&mut self, vlan: &VlanPath, claim: Claim, time: Timestamp, at: Moment) {
        let (Claim { address, mac, to }, vlan) = (claim, vlan.network());
        let window = Window::once(time, at);
        let broadcasts = u64::from(matches!(to, To::Everyone { .. }));
        self.speakers.add((vlan.clone(), address, mac), Speaker { window, broadcasts });
        if let To::Asker(asker) = to {
            self.listeners.add(((vlan.clone(), address, mac), asker), window);
        }
        let announces = to == To::Everyone { announces: true };
        self.orders.add((vlan, address), ClaimOrder(SmallVec::from_iter([(at.time, mac, announces)])));
    }

    /// Takes an ICMPv6 message that may ask for an address. Who asks from none looks whether its own is free (RFC 4862 section 5.4).
    pub(in crate::flow) fn seek(&mut self, ip: &IpPacket<'_>, (kind, body): (u8, &[u8]), time: Timestamp, at: Moment) {
        let asks = ip.hops == neighbour::HOP_LIMIT && ip.destination.is_multicast() && !ip.source.is_unspecified();
        if let Some(target) = neighbour::sought(kind, body).filter(|_| asks && ip.source.is_ipv6()) {
            self.sought.add(target.into(), Window::once(time, at));
        }
    }

    /// Takes what a state of a program before this one tells of ARP: neither VLAN nor order.
    pub(in crate::flow) fn add_earlier(&mut self, address: Ipv4Addr, mac: MacAddr, window: Window) {
        self.speakers.add((VlanPath::Untagged, address.into(), mac), Speaker { window, broadcasts: window.count });
    }

    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.speakers.absorb(other.speakers, shift);
        self.listeners.absorb(other.listeners, shift);
        self.orders.absorb(other.orders, shift);
        self.sought.absorb(other.sought, shift);
    }

    /// The solicitations for an address, and how often and until when it was spoken for.
    pub fn sought(&self, address: IpAddr) -> Option<(Window, u64, Timestamp)> {
        let asked = *self.sought.get(&address)?;
        let spoken = self.speakers().filter(|((_, claimed, _), _)| *claimed == address);
        let (claimed, until) = spoken.fold((0_u64, Timestamp::UNKNOWN), |(count, until), (_, speaker)| {
            (count.saturating_add(speaker.window.count), until.max(speaker.window.end))
        });
        Some((asked, claimed, until))
    }

    /// Everybody who was asked for so.
    pub fn all_sought(&self) -> impl ExactSizeIterator<Item = (&IpAddr, &Window)> {
        self.sought.iter()
    }

    /// Stores who was asked for by solicitations.
    pub(in crate::flow) fn store_sought(&self, to: &mut Vec<u8>) {
        self.sought.store(to);
    }

    /// Loads that.
    pub(in crate::flow) fn load_sought(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.sought = from.get()?;
        Ok(())
    }

    /// Who speaks for which address on which VLAN path, in their order.
    pub fn speakers(&self) -> impl ExactSizeIterator<Item = (&(VlanPath, IpAddr, MacAddr), &Speaker)> {
        self.speakers.iter()
    }

    /// Who was told by a speaker that an address is there, because it had asked.
    pub fn listeners(&self) -> impl Iterator<Item = (&(VlanPath, IpAddr, MacAddr), IpAddr)> {
        self.listeners.iter().map(|((speaker, asker), _)| (speaker, *asker))
    }

    /// The first claims of an address in the order of time, and whether there may have been more.
    pub fn order(&self, vlan: &VlanPath, address: IpAddr) -> (&[Claimed], bool) {
        let order = self.orders.get(&(vlan.clone(), address));
        order.map_or((&[], true), |order| (&order.0, order.0.len() == ORDERED))
    }

    /// The first claims of each address.
    pub fn orders(&self) -> impl Iterator<Item = (IpAddr, &[Claimed])> {
        self.orders.iter().map(|((_, address), order)| (*address, &*order.0))
    }

    /// Whether nobody claimed anything.
    pub(in crate::flow) fn is_empty(&self) -> bool {
        self.speakers.iter().len() == 0
    }

    pub(super) const fn turned_away(&self) -> bool {
        let of_speakers = self.speakers.turned_away() || self.listeners.turned_away() || self.orders.turned_away();
        of_speakers || self.sought.turned_away()
    }
}

stored!(Speaker { window, broadcasts });
stored!(Claims { speakers, listeners, orders; ..Self::default() });

stored!(ClaimOrder(claims: list(ORDERED, "an address has too many claims"))
    where |order| order.0.windows(2).all(|two| two[0] < two[1]) => "claims are not in their order");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameId;

    /// The turns of MACs at seconds, which announce themselves or not, from M to N.
    fn order(claims: &[(u8, i64, bool)]) -> ClaimOrder {
        let once = |(mac, second, announces): &(u8, i64, bool)| {
            (Timestamp::from_nanos(second * 1_000_000_000), MacAddr([2, 0, 0, 0, 0, *mac]), *announces)
        };
        let mut sum = ClaimOrder::default();
        claims.iter().map(once).for_each(|claim| sum.put(claim));
        sum
    }

    proptest::proptest! {
        /// However it is dealt out to two parts.
        #[test]
        fn the_order_of_parts_is_that_of_the_whole(
            claims in proptest::collection::vec((0_u8..3, 0_i64..200, proptest::bool::ANY, proptest::bool::ANY), 0..200),
        ) {
            let of = |part: bool| -> Vec<_> {
                claims.iter().filter(|claim| claim.3 == part).map(|(mac, second, announces, _)| (*mac, *second, *announces)).collect()
            };
            let mut sum = order(&of(false));
            sum.add(order(&of(true)));
            proptest::prop_assert_eq!(sum, order(&[of(true), of(false)].concat()));
        }

        #[test]
        fn a_state_gives_back_what_was_claimed(claims in proptest::collection::vec((0_u8..3, 0_u8..2, 0_u8..4), 0..24)) {
            let mut all = Claims::default();
            for (number, (mac, vlan, to)) in (1..).zip(&claims) {
                let mut path = VlanPath::Untagged;
                (0..*vlan).for_each(|tag| path.push(u16::from(tag)));
                let [address, asker] = [[10, 0, 0, 1], [10, 0, 0, *to]].map(Ipv4Addr::from);
                let claim = Claim::of_arp(address, MacAddr([2, 0, 0, 0, 0, *mac]), asker, *to == 2).unwrap();
                let time = Timestamp::from_nanos(number as i64);
                all.add(&path, claim, time, Moment { time, frame: FrameId::new(0, number) });
            }
            let mut bytes = Vec::new();
            all.store(&mut bytes);
            let loaded: Claims = Load::of_head(bytes.clone()).get().unwrap();
            proptest::prop_assert_eq!(loaded, all);
            for cut in 0..bytes.len() {
                proptest::prop_assert!(Load::of_head(bytes[..cut].to_vec()).get::<Claims>().is_err());
            }
        }
    }
}
