//! What ARP says (RFC 826): who claims which address, who is asked for and who answers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::evidence::{Claim, Window};
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::MacAddr;
use crate::state::stored;

/// A claim of an address by a MAC, or a question for an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Packets.
    pub packets: u64,
    /// Earliest and latest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// The first.
    pub begin: Moment,
    /// Effective time of the last.
    pub end: Timestamp,
}

impl Seen {
    /// The same as other evidence is kept.
    pub const fn window(self) -> Window {
        let Self { packets: count, first, last, begin, end } = self;
        Window { first, last, begin, end, count }
    }

    fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.begin = self.begin.min(other.begin);
        self.end = self.end.max(other.end);
    }
}

/// An ARP packet for Ethernet and IPv4.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arp {
    mac: MacAddr,
    pub(super) sender: Ipv4Addr,
    /// Whom a request looks for.
    pub(super) target: Option<Ipv4Addr>,
    /// What it says of its sender; `None` if it has no address yet.
    pub(super) claim: Option<Claim>,
}

impl Arp {
    /// Other hardware and protocols say nothing.
    pub(super) fn of(arp: &[u8]) -> Option<Self> {
        let (packet, _) = arp.split_first_chunk::<28>()?;
        // Hardware type Ethernet, protocol type IPv4, lengths 6 and 4.
        if packet[..6] != [0, 1, 8, 0, 6, 4] {
            return None;
        }
        let [.., a, b, c, d, e, f] = *packet.first_chunk::<14>()?;
        let sender = Ipv4Addr::new(packet[14], packet[15], packet[16], packet[17]);
        let target = Ipv4Addr::new(packet[24], packet[25], packet[26], packet[27]);
        let is_request = packet[7] == 1 && sender != target;
        let mac = MacAddr([a, b, c, d, e, f]);
        let claim = Claim::of_arp(sender, mac, target, is_request);
        Some(Self { mac, sender, target: is_request.then_some(target), claim })
    }
}

/// The latest effective times of something, ascending: as a set, parts add up in any order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Latest(Vec<Timestamp>);

impl Latest {
    const MOST: usize = 32;

    fn add(&mut self, time: Timestamp) {
        let Err(place) = self.0.binary_search(&time) else { return };
        if self.0.len() < Self::MOST {
            self.0.insert(place, time);
        } else if let Some(earlier) = place.checked_sub(1) {
            self.0[..place].rotate_left(1);
            self.0[earlier] = time;
        }
    }
}

/// Claims and questions, up to a limit each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Neighbours {
    claims: BTreeMap<(Ipv4Addr, MacAddr), Seen>,
    questions: BTreeMap<Ipv4Addr, Seen>,
    /// When an address was last asked for, and by which address.
    pub(super) asked: BTreeMap<(IpAddr, IpAddr), Latest>,
    /// ARP packets that found no place.
    pub turned_away: u64,
}

impl Neighbours {
    pub(super) const LIMIT: usize = 1 << 16;

    /// Takes an ARP packet.
    pub(super) fn observe(&mut self, arp: Arp, at: Moment, time: Timestamp) {
        let seen = Seen { packets: 1, first: time, last: time, begin: at, end: at.time };
        // A probe (RFC 5227) comes from 0.0.0.0: it claims nothing.
        if !arp.sender.is_unspecified() {
            Self::put(&mut self.claims, (arp.sender, arp.mac), seen, &mut self.turned_away);
        }
        if let Some(target) = arp.target {
            Self::put(&mut self.questions, target, seen, &mut self.turned_away);
            self.asks(arp.sender.into(), target.into(), at.time);
        }
    }

    /// Takes a question of an address for another, by ARP or neighbour solicitation.
    pub(super) fn asks(&mut self, sender: IpAddr, target: IpAddr, time: Timestamp) {
        if time != Timestamp::UNKNOWN {
            self.ask((target, sender), [time]);
        }
    }

    /// Adds when a target was asked for by a sender; at the limit the lowest stay here too.
    fn ask(&mut self, key: (IpAddr, IpAddr), times: impl IntoIterator<Item = Timestamp>) {
        if self.asked.len() >= Self::LIMIT && !self.asked.contains_key(&key) {
            match self.asked.last_entry().filter(|last| key < *last.key()) {
                Some(last) => drop(last.remove()),
                None => return,
            }
        }
        let latest = self.asked.entry(key).or_default();
        times.into_iter().for_each(|time| latest.add(time));
    }

    /// At the limit the lowest keys stay, so that parts add up to the same in any order.
    fn put<K: Ord>(map: &mut BTreeMap<K, Seen>, key: K, seen: Seen, turned_away: &mut u64) {
        if let Some(known) = map.get_mut(&key) {
            return known.add(seen);
        }
        if map.len() >= Self::LIMIT {
            match map.last_entry().filter(|last| key < *last.key()) {
                Some(last) => *turned_away += last.remove().packets,
                None => return *turned_away += seen.packets,
            }
        }
        map.insert(key, seen);
    }

    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.turned_away += other.turned_away;
        let shifted = |seen: Seen| Seen { begin: seen.begin.shifted(shift), ..seen };
        for (key, seen) in other.claims {
            Self::put(&mut self.claims, key, shifted(seen), &mut self.turned_away);
        }
        for (key, seen) in other.questions {
            Self::put(&mut self.questions, key, shifted(seen), &mut self.turned_away);
        }
        for (key, latest) in other.asked {
            self.ask(key, latest.0);
        }
    }

    /// Which MAC claimed which address, in their order.
    pub fn claims(&self) -> impl Iterator<Item = (Ipv4Addr, MacAddr, Seen)> + '_ {
        self.claims.iter().map(|((address, mac), seen)| (*address, *mac, *seen))
    }

    /// Which MACs claimed an address.
    pub fn claims_of(&self, address: Ipv4Addr) -> impl Iterator<Item = (MacAddr, Seen)> + '_ {
        let all = (address, MacAddr([0; 6]))..=(address, MacAddr([0xff; 6]));
        self.claims.range(all).map(|((_, mac), seen)| (*mac, *seen))
    }

    /// Addresses that were asked for.
    pub fn questions(&self) -> impl Iterator<Item = (Ipv4Addr, Seen)> + '_ {
        self.questions.iter().map(|(address, seen)| (*address, *seen))
    }

    /// When a host last asked for an address, ascending: of very often, the latest times.
    pub fn asked_by(&self, sender: IpAddr, address: IpAddr) -> &[Timestamp] {
        self.asked.get(&(address, sender)).map_or(&[], |latest| &latest.0)
    }

    /// How often an address was asked for.
    pub fn asked(&self, address: Ipv4Addr) -> u64 {
        self.questions.get(&address).map_or(0, |seen| seen.packets)
    }

    /// The questions for an address that nobody ever claimed, if there were any.
    pub fn unanswered(&self, address: Ipv4Addr) -> Option<Seen> {
        self.questions.get(&address).copied().filter(|_| !self.is_claimed(address))
    }

    /// Whether an address was ever claimed by its owner.
    pub fn is_claimed(&self, address: Ipv4Addr) -> bool {
        self.claims_of(address).next().is_some()
    }
}

stored!(Seen { packets, first, last, begin, end });

stored!(Latest(times: list(Self::MOST, "there are too many times of questions"))
    where |it| it.0.is_sorted_by(|a, b| a < b) => "times are not in their order");

stored!(Neighbours {
    claims: map(Self::LIMIT, "there are too many claims of addresses"),
    questions: map(Self::LIMIT, "there are too many addresses that were asked for"),
    turned_away,
    ; ..Self::default()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameId;

    fn at(number: u64) -> Moment {
        Moment { time: Timestamp::from_nanos(5), frame: FrameId::new(0, number) }
    }

    /// Who has 10.0.0.2? Tell 10.0.0.1 (RFC 826's layout).
    const REQUEST: [u8; 28] = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    #[test]
    fn a_request_claims_its_sender_and_asks_for_its_target() {
        let mut neighbours = Neighbours::default();
        neighbours.observe(Arp::of(&REQUEST).unwrap(), at(3), Timestamp::from_nanos(5));
        let (one, two) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(neighbours.claims().next().map(|claim| claim.0), Some(one));
        assert!(neighbours.is_claimed(one) && !neighbours.is_claimed(two));
        assert_eq!(neighbours.questions().next().map(|question| question.0), Some(two));
        for cut in 0..28 {
            assert!(Arp::of(&REQUEST[..cut]).is_none());
        }
    }

    #[test]
    fn the_latest_questions_of_each_host_add_up_in_any_order() {
        let ask = |seconds: &[i64]| {
            let mut neighbours = Neighbours::default();
            for second in seconds {
                let at = Moment { time: Timestamp::from_nanos(*second), frame: FrameId::new(0, 1) };
                neighbours.observe(Arp::of(&REQUEST).unwrap(), at, at.time);
            }
            neighbours
        };
        let (asker, target) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let all: Vec<i64> = (0..40).map(|number| number * 7 % 37).collect();
        let latest: Vec<_> = (5..37).map(Timestamp::from_nanos).collect();
        assert_eq!(ask(&all).asked_by(asker, target), latest);
        assert!(ask(&all).asked_by(target, asker).is_empty());
        for cut in 0..all.len() {
            let mut parts = ask(&all[cut..]);
            parts.absorb(ask(&all[..cut]), Shift::NONE);
            assert_eq!(parts.asked_by(asker, target), latest);
        }
    }

    #[test]
    fn what_finds_no_place_is_counted_and_the_lowest_stay_in_any_order() {
        let limit = Neighbours::LIMIT as u32;
        let of = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut neighbours = Neighbours::default();
            for number in numbers {
                let mut request = REQUEST;
                request[14..18].copy_from_slice(&(number + 1).to_be_bytes());
                neighbours.observe(Arp::of(&request).unwrap(), at(u64::from(number) + 1), Timestamp::UNKNOWN);
            }
            neighbours
        };
        let whole = of(&mut (0..limit + 5));
        assert_eq!((whole.claims().count(), whole.turned_away), (Neighbours::LIMIT, 5));
        assert_eq!(of(&mut (0..limit + 5).rev()).claims, whole.claims);
        let mut parts = of(&mut (100..limit + 5));
        parts.absorb(of(&mut (0..100)), Shift::NONE);
        assert_eq!((&parts.claims, parts.turned_away), (&whole.claims, 5));
    }
}
