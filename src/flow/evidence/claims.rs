//! Who speaks for an address on which VLAN path, by ARP (RFC 826) and neighbour discovery (RFC 4861): whom it tells so, and
//! in which order MACs take an address over from each other.

use std::net::{IpAddr, Ipv4Addr};

use super::Window;
use super::lowest::{Add, Lowest};
use crate::capture::{Moment, Retime, Shift, Timestamp};
use crate::decode::{IpPacket, MacAddr, VlanPath};
use crate::protocol::neighbour::{self, Said};
use crate::state::{Broken, Load, Stored, stored};

const SPEAKERS: usize = 1 << 16;
const LISTENERS: usize = 1 << 14;
const ORDERS: usize = 1 << 14;
/// Pairs of MACs of one address that are told apart.
const PAIRS: usize = 16;
/// Nanoseconds for which a MAC that took an address over keeps it at least, if nobody defends it: who is alive does so at
/// once (RFC 5227 section 2.4).
const DEFENCE: i64 = 2_000_000_000;

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
            Said::Asks(mac) if to_group => (ip.source, mac, To::Everyone { announces: false }),
            Said::Asks(mac) => (ip.source, mac, To::Somebody),
            Said::Advertises { target, link, is_solicited } => {
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

impl Add for Speaker {
    fn add(&mut self, other: Self) {
        self.window.add(other.window);
        self.broadcasts = self.broadcasts.saturating_add(other.broadcasts);
    }
}

/// How often one MAC took an address over from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turns {
    /// Times.
    pub count: u64,
    /// Of these, by saying to all that the address is there now, as a device that stands in for another does.
    pub announced: u64,
    /// Of these, from a MAC that had taken it over itself no more than two seconds before.
    pub quick: u64,
}

impl Turns {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            announced: self.announced.saturating_add(other.announced),
            quick: self.quick.saturating_add(other.quick),
        }
    }
}

impl Add for Turns {
    fn add(&mut self, other: Self) {
        *self = self.and(other);
    }
}

/// In which order MACs speak for an address, in one input. What is added came later. Times are as they were written, which
/// stay the same however a capture is cut.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Order {
    /// The first MAC, when it began, and whether it announced itself.
    first: (MacAddr, Timestamp, bool),
    /// The MAC that took over from it, and when.
    second: Option<(MacAddr, Timestamp)>,
    /// The MAC that has the address at the end, and since when.
    last: (MacAddr, Timestamp),
    turns: Lowest<(MacAddr, MacAddr), Turns, PAIRS>,
}

impl Order {
    fn once(mac: MacAddr, time: Timestamp, announces: bool) -> Self {
        Self { first: (mac, time, announces), second: None, last: (mac, time), turns: Lowest::default() }
    }
}

/// Whether who took an address over lost it again at once.
fn is_quick(taken: Timestamp, lost: Timestamp) -> bool {
    let had = taken.nanos().zip(lost.nanos()).map(|(taken, lost)| lost.saturating_sub(taken));
    had.is_some_and(|had| (0..=DEFENCE).contains(&had))
}

impl Add for Order {
    fn add(&mut self, other: Self) {
        let ((from, since), (to, at, announces)) = (self.last, other.first);
        // Of the MAC that has it at the seam: since when, and whether it took it over from another.
        let (since, took_over) = if from == to { (since, self.second.is_some()) } else { (at, true) };
        if from != to {
            let quick = u64::from(self.second.is_some() && is_quick(self.last.1, at));
            self.turns.add((from, to), Turns { count: 1, announced: u64::from(announces), quick });
        }
        // The other could not tell how long its first MAC had had the address.
        if let Some((next, _)) = other.second.filter(|(_, lost)| took_over && is_quick(since, *lost)) {
            self.turns.add((to, next), Turns { quick: 1, ..Turns::default() });
        }
        self.second = self.second.or(if from == to { other.second } else { Some((to, at)) });
        self.last = if other.second.is_some() { other.last } else { (to, since) };
        self.turns.absorb(other.turns, |_| {});
    }
}

/// All claims, up to a limit each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    speakers: Lowest<(VlanPath, IpAddr, MacAddr), Speaker, SPEAKERS>,
    /// By speaker and asker.
    listeners: Lowest<((VlanPath, IpAddr, MacAddr), IpAddr), Window, LISTENERS>,
    orders: Lowest<(u32, VlanPath, IpAddr), Order, ORDERS>,
}

impl Claims {
    /// Takes a packet's claim.
    pub(in crate::flow) fn add(&mut self, vlan: &VlanPath, claim: Claim, time: Timestamp, at: Moment) {
        let Claim { address, mac, to } = claim;
        let window = Window::once(time, at);
        let broadcasts = u64::from(matches!(to, To::Everyone { .. }));
        self.speakers.add((vlan.clone(), address, mac), Speaker { window, broadcasts });
        if let To::Asker(asker) = to {
            self.listeners.add(((vlan.clone(), address, mac), asker), window);
        }
        let announces = to == To::Everyone { announces: true };
        self.orders.add((at.frame.input(), vlan.clone(), address), Order::once(mac, time, announces));
    }

    /// Takes what a state of a program before this one tells of ARP: neither VLAN nor order.
    pub(in crate::flow) fn add_earlier(&mut self, address: Ipv4Addr, mac: MacAddr, window: Window) {
        self.speakers.add((VlanPath::Untagged, address.into(), mac), Speaker { window, broadcasts: window.count });
    }

    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.speakers.absorb(other.speakers, |speaker| speaker.window.shift(shift));
        self.listeners.absorb(other.listeners, |window| window.shift(shift));
        self.orders.absorb(other.orders, |_| {});
    }

    pub(super) fn retime(&mut self, retime: Retime) {
        self.speakers.values_mut().for_each(|speaker| speaker.window.retime(retime));
        self.listeners.values_mut().for_each(|window| window.retime(retime));
    }

    /// Who speaks for which address on which VLAN path, in their order.
    pub fn speakers(&self) -> impl ExactSizeIterator<Item = (&(VlanPath, IpAddr, MacAddr), &Speaker)> {
        self.speakers.iter()
    }

    /// Who was told by a speaker that an address is there, because it had asked.
    pub fn listeners(&self) -> impl Iterator<Item = (&(VlanPath, IpAddr, MacAddr), IpAddr)> {
        self.listeners.iter().map(|((speaker, asker), _)| (speaker, *asker))
    }

    /// How often one MAC took an address over from another, for each input in which any did.
    pub fn turns(&self) -> impl Iterator<Item = (&VlanPath, IpAddr, (MacAddr, MacAddr), Turns)> {
        self.orders.iter().flat_map(|((_, vlan, address), order)| {
            order.turns.iter().map(move |(pair, turns)| (vlan, *address, *pair, *turns))
        })
    }

    /// Whether nobody claimed anything.
    pub(in crate::flow) fn is_empty(&self) -> bool {
        self.speakers.iter().len() == 0
    }

    pub(super) const fn turned_away(&self) -> bool {
        self.speakers.turned_away() || self.listeners.turned_away() || self.orders.turned_away()
    }
}

stored!(Speaker { window, broadcasts });
stored!(Turns { count, announced, quick });
stored!(Order { first, second, last, turns });

/// Orders are kept by input, which is the section's.
impl Stored for Claims {
    fn store(&self, to: &mut Vec<u8>) {
        self.speakers.store(to);
        self.listeners.store(to);
        self.orders.store_keys(|(_, vlan, address)| (vlan.clone(), *address), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (speakers, listeners) = from.get()?;
        let orders: Lowest<(VlanPath, IpAddr), Order, ORDERS> = from.get()?;
        let orders = orders.with_keys(|(vlan, address)| (from.input, vlan, address));
        Ok(Self { speakers, listeners, orders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameId;

    /// The turns of MACs at seconds, which announce themselves or not, from M to N.
    fn order(claims: &[(u8, i64, bool)]) -> Order {
        let once = |(mac, second, announces): &(u8, i64, bool)| {
            Order::once(MacAddr([2, 0, 0, 0, 0, *mac]), Timestamp::from_nanos(second * 1_000_000_000), *announces)
        };
        let mut all = claims.iter().map(once);
        let mut sum = all.next().unwrap();
        all.for_each(|claim| sum.add(claim));
        sum
    }

    fn turns(claims: &[(u8, i64, bool)]) -> Turns {
        order(claims).turns.iter().fold(Turns::default(), |sum, (_, turns)| sum.and(*turns))
    }

    #[test]
    fn a_failover_and_its_failback_are_two_announced_turns_and_a_defence_is_a_quick_one() {
        let failover = [(1, 0, false), (2, 60, true), (2, 70, false), (1, 170, true), (1, 180, false)];
        assert_eq!(turns(&failover), Turns { count: 2, announced: 2, quick: 0 });
        // RFC 5227 section 2.4: the second announces itself, and the first defends its address at once.
        let defended = [(1, 0, false), (2, 20, true), (1, 21, true)];
        assert_eq!(turns(&defended), Turns { count: 2, announced: 2, quick: 1 });
        // Whoever took over last before the first was heard is not known.
        assert_eq!(turns(&[(1, 0, false), (2, 1, false)]), Turns { count: 1, announced: 0, quick: 0 });
    }

    proptest::proptest! {
        #[test]
        fn the_order_of_parts_is_that_of_the_whole(
            claims in proptest::collection::vec((0_u8..3, 0_i64..4, proptest::bool::ANY), 2..24),
            cuts in (1_usize..23, 1_usize..23),
        ) {
            let mut now = 0;
            let claims: Vec<_> = claims.iter().map(|(mac, later, announces)| {
                now += later;
                (*mac, now, *announces)
            }).collect();
            let [a, b] = [cuts.0.min(cuts.1), cuts.0.max(cuts.1)].map(|cut| cut.min(claims.len()));
            let parts = [&claims[..a], &claims[a..b], &claims[b..]].into_iter().filter(|part| !part.is_empty());
            let mut parts = parts.map(order);
            let mut sum = parts.next().unwrap();
            parts.for_each(|part| sum.add(part));
            proptest::prop_assert_eq!(sum, order(&claims));
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
