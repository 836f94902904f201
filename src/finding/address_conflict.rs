//! `address-conflict`: one address that two devices claim in alternation.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::arp::proxies;
use super::devices::{Affected, MAX_TOLD, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, VlanPath, is_first_hop};
use crate::flow::Window;
use crate::policy::{FindingKind, Role};
use crate::verdict::Observations;

/// Who speaks for an address.
#[derive(Clone, Debug)]
struct Conflict {
    /// The first few, with their packets.
    first: Vec<(MacAddr, u64, Cited)>,
    more: usize,
}

/// What the MACs of a group that shares an address on purpose begin with: it is no device's own.
const SHARED: [&[u8]; 8] = [
    // VRRP (RFC 9568 section 7.3) for IPv4 and IPv6, and CARP.
    &[0x00, 0x00, 0x5e, 0x00, 0x01],
    &[0x00, 0x00, 0x5e, 0x00, 0x02],
    // Cisco's HSRP, version 1, version 2, and for IPv6.
    &[0x00, 0x00, 0x0c, 0x07, 0xac],
    &[0x00, 0x00, 0x0c, 0x9f],
    &[0x00, 0x05, 0x73, 0xa0],
    // Cisco's GLBP.
    &[0x00, 0x07, 0xb4, 0x00],
    // Microsoft's network load balancing.
    &[0x02, 0xbf],
    &[0x03, 0xbf],
];

/// Each address, and for each MAC when it spoke for it.
type Speakers = BTreeMap<IpAddr, BTreeMap<MacAddr, Window>>;

/// Addresses that two devices have, by ARP or by the frames that they send.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    grouped(judged.seen, contested(judged.seen))
}

fn contested(seen: &Observations<'_>) -> Vec<Affected<Conflict>> {
    let by_arp = by_arp(seen);
    let shared: HashSet<IpAddr> =
        seen.hosts.iter().filter(|host| !host.more_macs.is_empty()).map(|host| host.address).collect();
    if by_arp.is_empty() && shared.is_empty() {
        return Vec::new();
    }
    let sent = MacUse::of(seen, &shared);
    let mut contested = by_arp;
    for (address, macs) in &sent.contested {
        if !contested.contains_key(address) {
            contested.insert(*address, macs.clone());
        }
    }
    let proxies = proxies(seen);
    for macs in contested.values_mut() {
        macs.retain(|mac, _| !proxies.contains(mac) && !sent.routers.contains(mac) && !is_shared(*mac));
    }
    let devices = MacUses::of(seen, &sent, &contested);
    contested.into_iter().filter_map(|(address, macs)| device(seen, address, macs, &devices)).collect()
}

fn is_shared(mac: MacAddr) -> bool {
    SHARED.iter().any(|prefix| mac.0.starts_with(prefix))
}

/// Addresses that more than one MAC claims.
fn by_arp(seen: &Observations<'_>) -> Speakers {
    let mut speakers = Speakers::new();
    // Claims come in the order of addresses: most have one, and are not kept.
    let mut claims = seen.neighbours.claims().peekable();
    while let Some((address, mac, claim)) = claims.next() {
        let again = claims.peek().is_some_and(|next| next.0 == address);
        if again || speakers.contains_key(&IpAddr::V4(address)) {
            let window = Window {
                first: claim.first,
                last: claim.last,
                begin: claim.begin,
                end: claim.end,
                count: claim.packets,
            };
            speakers.entry(address.into()).or_default().insert(mac, window);
        }
    }
    speakers
}

/// What frames tell of MACs: whose addresses they send from.
#[derive(Default)]
struct MacUse {
    /// Addresses that each MAC sends from itself: no router has handed those frames on.
    own: BTreeMap<MacAddr, BTreeSet<IpAddr>>,
    /// MACs that hand on what others send.
    routers: HashSet<MacAddr>,
    /// Addresses that more than one MAC sends from within one VLAN.
    contested: Speakers,
}

impl MacUse {
    /// Addresses of one MAC that are told apart.
    const MOST_OWN: usize = 8;

    fn of(seen: &Observations<'_>, shared: &HashSet<IpAddr>) -> Self {
        let mut sent = Self::default();
        let mut handed_on: BTreeMap<MacAddr, BTreeSet<IpAddr>> = BTreeMap::new();
        let mut windows: BTreeMap<(IpAddr, VlanPath), BTreeMap<MacAddr, Window>> = BTreeMap::new();
        for flow in seen.flows.iter() {
            for end in flow.ends.iter().filter(|end| end.packets() > 0) {
                let Some(mac) = end.source_mac() else { continue };
                // Whoever has no address yet sends from this one.
                if end.address.is_unspecified() || end.address.is_loopback() {
                    continue;
                }
                // How far it came is not known of all: that is no proof of a router.
                let is_own = end.hops() == 0 || is_first_hop(end.hops());
                let known = if is_own { sent.own.entry(mac) } else { handed_on.entry(mac) }.or_default();
                if known.len() < Self::MOST_OWN {
                    known.insert(end.address);
                }
                if is_own && shared.contains(&end.address) {
                    let once = Window {
                        first: end.first(),
                        last: end.last(),
                        begin: end.begin(),
                        end: end.end(),
                        count: end.packets(),
                    };
                    let held =
                        windows.entry((end.address, flow.vlan())).or_default().entry(mac).or_insert(Window::NONE);
                    *held = held.and(once);
                }
            }
        }
        for (address, mac, _) in seen.neighbours.claims() {
            let known = sent.own.entry(mac).or_default();
            if known.len() < Self::MOST_OWN {
                known.insert(address.into());
            }
        }
        sent.routers = handed_on.into_iter().filter(|(_, hosts)| hosts.len() > 1).map(|(mac, _)| mac).collect();
        for ((address, _), mut macs) in windows {
            // Who has another IPv4 address is a router, and this one lies behind it: its own it would claim by ARP.
            let others = |mac: &MacAddr| sent.own[mac].iter().filter(|own| own.is_ipv4() && **own != address).count();
            macs.retain(|mac, _| others(mac) <= usize::from(address.is_ipv6()));
            if macs.len() > 1 {
                sent.contested.entry(address).or_default().extend(macs);
            }
        }
        sent
    }
}

/// Which MACs are of one device: those that share another address, a DHCP client identifier or an LLDP chassis.
struct MacUses(BTreeMap<MacAddr, Vec<Mark>>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Address(IpAddr),
    Client(u64),
    Chassis(String),
}

impl MacUses {
    fn of(seen: &Observations<'_>, sent: &MacUse, contested: &Speakers) -> Self {
        let mut marks: BTreeMap<MacAddr, Vec<Mark>> =
            contested.values().flat_map(BTreeMap::keys).map(|mac| (*mac, Vec::new())).collect();
        let mut note = |mac: &MacAddr, mark: Mark| {
            if let Some(marks) = marks.get_mut(mac) {
                marks.push(mark);
            }
        };
        for (mac, addresses) in &sent.own {
            addresses.iter().for_each(|address| note(mac, Mark::Address(*address)));
        }
        for ((mac, _), exchange) in seen.evidence.dhcp() {
            if let Some(identifier) = exchange.identifier {
                note(mac, Mark::Client(identifier));
            }
        }
        for ((_, mac, unit), _) in seen.evidence.lldp_units() {
            note(mac, Mark::Chassis(unit.chassis.clone()));
        }
        Self(marks)
    }

    /// Groups MACs that speak for an address to devices.
    fn group(&self, address: IpAddr, macs: &[MacAddr]) -> Vec<usize> {
        let mut device: Vec<usize> = (0..macs.len()).collect();
        let mut by_mark: BTreeMap<&Mark, usize> = BTreeMap::new();
        fn root(device: &mut [usize], mut at: usize) -> usize {
            while device[at] != at {
                device[at] = device[device[at]];
                at = device[at];
            }
            at
        }
        for (at, mac) in macs.iter().enumerate() {
            for mark in self.0.get(mac).into_iter().flatten().filter(|mark| **mark != Mark::Address(address)) {
                let other = *by_mark.entry(mark).or_insert(at);
                let (a, b) = (root(&mut device, at), root(&mut device, other));
                device[a.max(b)] = a.min(b);
            }
        }
        (0..macs.len()).map(|at| root(&mut device, at)).collect()
    }
}

/// Only devices that spoke in alternation conflict; one after the other is a device exchanged.
fn device(
    seen: &Observations<'_>,
    address: IpAddr,
    macs: BTreeMap<MacAddr, Window>,
    devices: &MacUses,
) -> Option<Affected<Conflict>> {
    if macs.len() < 2 {
        return None;
    }
    let mut by_begin: Vec<(MacAddr, Window, usize)> = {
        let group = devices.group(address, &macs.keys().copied().collect::<Vec<_>>());
        macs.into_iter().zip(group).map(|((mac, window), device)| (mac, window, device)).collect()
    };
    by_begin.sort_by_key(|(mac, window, _)| (window.begin, *mac));
    let overlapping = overlapping(&by_begin);
    let mut at_once: Vec<(MacAddr, Window)> =
        by_begin.iter().zip(overlapping).filter(|(_, overlaps)| *overlaps).map(|(one, _)| (one.0, one.1)).collect();
    if at_once.len() < 2 {
        return None;
    }
    at_once.sort_by_key(|one| one.0);
    let all = at_once.iter().fold(Window::NONE, |sum, (_, window)| sum.and(*window));
    let cited = |(mac, window): &(MacAddr, Window)| (*mac, window.count, Cited::new(window.frame(), window.first));
    Some(Affected {
        role: seen.hosts.find(address).map_or(Role::Host, |id| seen.hosts.role(id)),
        who: Who::Address(address),
        packets: all.count,
        first: all.first,
        last: all.last,
        what: Conflict {
            first: at_once.iter().take(MAX_TOLD).map(cited).collect(),
            more: at_once.len().saturating_sub(MAX_TOLD),
        },
    })
}

/// For each window, in the order of their beginnings, whether one of another device overlaps it.
fn overlapping(by_begin: &[(MacAddr, Window, usize)]) -> Vec<bool> {
    let mut overlaps = vec![false; by_begin.len()];
    // Of what began before: the latest end, and the latest end of another device than that.
    let mut latest: [Option<(usize, Timestamp)>; 2] = [None; 2];
    for (at, (_, window, device)) in by_begin.iter().enumerate() {
        let other = latest.into_iter().flatten().find(|(of, _)| of != device);
        overlaps[at] |= other.is_some_and(|(_, end)| window.begin.time <= end);
        let mut ends: Vec<(usize, Timestamp)> = latest.into_iter().flatten().chain([(*device, window.end)]).collect();
        ends.sort_by_key(|(_, end)| std::cmp::Reverse(*end));
        latest = [ends.first().copied(), ends.iter().find(|(of, _)| *of != ends[0].0).copied()];
    }
    // Of what began after, the first of another device.
    let mut next = None;
    for at in (0..by_begin.len()).rev() {
        if by_begin.get(at + 1).is_some_and(|after| after.2 != by_begin[at].2) {
            next = Some(at + 1);
        }
        overlaps[at] |= next.is_some_and(|next: usize| by_begin[next].1.begin.time <= by_begin[at].1.end);
    }
    overlaps
}

impl Trouble for Conflict {
    const KIND: FindingKind = FindingKind::AddressConflict;
    const ADVICE: &'static str = "Find both devices by their MAC addresses (the switch's address table) and give one of them \
                                  another address; look for a fixed address inside the DHCP server's range. A pair that shares \
                                  an address on purpose (VRRP, a failover) looks the same.";
    const NEXT: &'static str = "Find both by their MACs and give one another address";
    const HEADING: &'static str = "Two devices have one address.";
    const HEADINGS: &'static str = "{number} addresses are each held by more than one device.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let one = |(mac, packets, at): &(MacAddr, u64, Cited)| {
            format!("{mac} ({}, from {})", times(*packets, "packet", "packets"), frame(context, *at))
        };
        let mut told: Vec<String> = self.first.iter().map(one).collect();
        if self.more > 0 {
            told.push(format!("{} more", self.more));
        }
        let name = context.name(who);
        format!("{who}{name} is spoken for by {}.", told.join(" and by "))
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let macs: Vec<String> = self.first.iter().map(|(mac, ..)| mac.to_string()).collect();
        macs.join(" and ")
    }

    fn filter(&self, who: Who) -> String {
        match who {
            Who::Address(IpAddr::V6(_)) => format!("ipv6.src == {who}"),
            _ => format!("arp.src.proto_ipv4 == {who} || ip.src == {who}"),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |(mac, packets, at): &(MacAddr, u64, Cited)| (with.mac(*mac), *packets, *at);
        Self { first: self.first.iter().map(other).collect(), more: self.more }
    }
}
