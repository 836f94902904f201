//! Which of the MACs that speak for one address are of one device.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::contest::{Contest, Contests};
use super::mac_use::{MOST_OWN, OwnAddresses};
use crate::decode::MacAddr;
use crate::verdict::Observations;

/// Which MACs are of one device: those that share another address, a DHCP client identifier or an LLDP chassis, or are one
/// team.
pub(super) struct DeviceMarks<'a> {
    marks: BTreeMap<MacAddr, BTreeSet<Mark>>,
    own: &'a OwnAddresses,
    /// [`super::mac_use::MacUse::teams`].
    teams: BTreeSet<(IpAddr, MacAddr, MacAddr)>,
    /// MACs that hold an address against each other, and whether by defending it: [`Contest::disputing`].
    disputing: BTreeMap<(IpAddr, MacAddr), bool>,
    forgers: &'a BTreeSet<MacAddr>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Address(IpAddr),
    Client(u64),
    Chassis(String),
    /// Of one address: [`Contest::balanced`].
    Balanced,
}

/// Marks of one MAC that are told apart: each is looked at for each address that is contested.
const MOST_MARKS: usize = 3 * MOST_OWN;

impl<'a> DeviceMarks<'a> {
    pub(super) fn of(
        seen: &Observations<'_>,
        own: &'a OwnAddresses,
        teams: BTreeSet<(IpAddr, MacAddr, MacAddr)>,
        contests: &Contests,
        forgers: &'a BTreeSet<MacAddr>,
    ) -> Self {
        let mut marks: BTreeMap<MacAddr, BTreeSet<Mark>> =
            contests.values().flat_map(|contest| contest.speakers.keys()).map(|mac| (*mac, BTreeSet::new())).collect();
        let mut note = |mac: &MacAddr, mark: Mark| {
            if let Some(marks) = marks.get_mut(mac).filter(|marks| marks.len() < MOST_MARKS) {
                marks.insert(mark);
            }
        };
        for (mac, addresses) in own {
            addresses.keys().for_each(|address| note(mac, Mark::Address(*address)));
        }
        for ((mac, ..), exchange) in seen.evidence.dhcp() {
            if let Some(identifier) = exchange.identifier {
                note(mac, Mark::Client(identifier));
            }
        }
        for ((_, mac, unit), _) in seen.evidence.lldp_units() {
            note(mac, Mark::Chassis(unit.chassis.clone()));
        }
        let mut disputing = BTreeMap::new();
        for ((address, _), contest) in contests {
            for (mac, defends) in contest.disputing() {
                *disputing.entry((*address, mac)).or_default() |= defends;
            }
        }
        Self { marks, own, teams, disputing, forgers }
    }

    /// Groups the MACs that speak for an address to devices.
    pub(super) fn group(&self, address: IpAddr, contest: &Contest) -> Vec<usize> {
        let mut device: Vec<usize> = (0..contest.speakers.len()).collect();
        let mut by_mark: BTreeMap<&Mark, usize> = BTreeMap::new();
        let mut by_receiver: BTreeMap<MacAddr, usize> = BTreeMap::new();
        // Who tells others unasked that an address is his is no second MAC of its device.
        let is_forged = contest.speakers.keys().any(|mac| self.forgers.contains(mac));
        let balanced = if is_forged { Vec::new() } else { contest.balanced() };
        let disputed = self.disputed(address, contest);
        for (at, mac) in contest.speakers.keys().enumerate() {
            let marks = self.marks_of(mac, address).filter(|mark| !disputed.contains(mark));
            for mark in marks.chain(balanced.contains(mac).then_some(&Mark::Balanced)) {
                unite(&mut device, at, *by_mark.entry(mark).or_insert(at));
            }
            let team = self.teams.range((address, *mac, MacAddr([0; 6]))..=(address, *mac, MacAddr([0xff; 6])));
            let receivers = team.filter(|_| !is_forged).map(|(.., receiver)| *receiver);
            for receiver in receivers.chain([*mac]) {
                unite(&mut device, at, *by_receiver.entry(receiver).or_insert(at));
            }
        }
        (0..device.len()).map(|at| root(&mut device, at)).collect()
    }

    /// What tells a MAC's device while it speaks for an address: an address that it had at another time tells nothing.
    fn marks_of(&self, mac: &MacAddr, address: IpAddr) -> impl Iterator<Item = &Mark> {
        let own = self.own.get(mac);
        let times = own.and_then(|own| own.get(&address));
        let is_of_then = move |mark: &&Mark| match mark {
            Mark::Address(other) if *other == address => false,
            Mark::Address(other) => {
                let both = times.zip(own.and_then(|own| own.get(other)));
                both.is_none_or(|(one, other)| one.0 <= other.1 && other.0 <= one.1)
            }
            // IEEE 802.1AB: a chassis may be named by its network address.
            Mark::Chassis(chassis) => chassis.parse() != Ok(address),
            _ => true,
        };
        self.marks.get(mac).into_iter().flatten().filter(is_of_then)
    }

    /// What more than one MAC has that holds the address against the others: clones share more than one address, the
    /// identifier of their DHCP client, and the name of their chassis.
    fn disputed(&self, address: IpAddr, contest: &Contest) -> BTreeSet<&Mark> {
        let mut holders: BTreeMap<&Mark, usize> = BTreeMap::new();
        for mac in contest.speakers.keys() {
            let Some(defends) = self.disputing.get(&(address, *mac)) else { continue };
            for mark in self.marks_of(mac, address) {
                let is_disputed = match mark {
                    Mark::Address(other) => *defends || self.disputing.contains_key(&(*other, *mac)),
                    Mark::Client(_) => true,
                    // A MAC is of one chassis; a name is copied as the rest.
                    Mark::Chassis(chassis) => !is_mac(chassis),
                    Mark::Balanced => false,
                };
                *holders.entry(mark).or_default() += usize::from(is_disputed);
            }
        }
        holders.into_iter().filter(|(_, holders)| *holders > 1).map(|(mark, _)| mark).collect()
    }
}

fn is_mac(chassis: &str) -> bool {
    chassis.len() == 17 && chassis.split(':').filter(|part| part.len() == 2).count() == 6
}

fn root(device: &mut [usize], mut at: usize) -> usize {
    while device[at] != at {
        device[at] = device[device[at]];
        at = device[at];
    }
    at
}

fn unite(device: &mut [usize], one: usize, other: usize) {
    let (a, b) = (root(device, one), root(device, other));
    device[a.max(b)] = a.min(b);
}
