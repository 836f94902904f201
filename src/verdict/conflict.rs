//! One address with more than one device behind it at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::commissioning::{Item, Who};
use super::detail::{frame, times};
use super::judge::Observations;
use crate::decode::{MacAddr, VlanPath};
use crate::flow::Window;
use crate::inventory::HostId;
use crate::policy::Role;

/// MACs that are told with their frames.
const MAX_TOLD: usize = 3;
/// A MAC that claims more addresses than this answers for others (proxy ARP, RFC 1027): it is no second device.
const MAX_CLAIMED: usize = 4;

/// Each address, and for each MAC when it spoke for it.
type Speakers = BTreeMap<IpAddr, BTreeMap<MacAddr, Window>>;

/// Addresses that two devices have, by ARP or by the frames that they send.
pub(super) fn find(seen: &Observations<'_>) -> Vec<Item> {
    let mut speakers = by_arp(seen);
    by_frames(seen, &mut speakers);
    speakers.into_iter().filter_map(|(address, macs)| item(seen, address, &macs)).collect()
}

fn by_arp(seen: &Observations<'_>) -> Speakers {
    let mut claimed: BTreeMap<MacAddr, usize> = BTreeMap::new();
    let mut speakers = Speakers::new();
    // Claims come in the order of addresses: most have one, and are not kept.
    let mut claims = seen.neighbours.claims().peekable();
    while let Some((address, mac, claim)) = claims.next() {
        *claimed.entry(mac).or_default() += 1;
        let again = claims.peek().is_some_and(|next| next.0 == address);
        if again || speakers.contains_key(&IpAddr::V4(address)) {
            let window = Window { first: claim.first, last: claim.last, frame: claim.frame, count: claim.packets };
            speakers.entry(address.into()).or_default().insert(mac, window);
        }
    }
    for macs in speakers.values_mut() {
        macs.retain(|mac, _| claimed.get(mac).is_none_or(|count| *count <= MAX_CLAIMED));
    }
    speakers
}

/// Adds MACs that frames with the address came from, where both are seen in one VLAN and neither is known by another
/// IPv4 address: a router's would be.
fn by_frames(seen: &Observations<'_>, speakers: &mut Speakers) {
    let shared: BTreeMap<IpAddr, HostId> = seen
        .hosts
        .iter()
        .zip(0..)
        .filter(|(host, _)| !host.more_macs.is_empty() && !speakers.contains_key(&host.address))
        .map(|(host, at)| (host.address, HostId(at)))
        .collect();
    if shared.is_empty() {
        return;
    }
    let mut owners: BTreeMap<MacAddr, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    let mut windows: BTreeMap<(IpAddr, VlanPath), BTreeMap<MacAddr, Window>> = BTreeMap::new();
    for flow in seen.flows.iter() {
        for end in flow.ends.iter().filter(|end| end.packets() > 0) {
            let Some(mac) = end.source_mac() else { continue };
            if let IpAddr::V4(address) = end.address {
                let known = owners.entry(mac).or_default();
                if known.len() < 2 {
                    known.insert(address);
                }
            }
            if shared.contains_key(&end.address) {
                let once =
                    Window { first: end.first(), last: end.last(), frame: end.first_frame(), count: end.packets() };
                let held = windows.entry((end.address, flow.vlan())).or_default().entry(mac).or_insert(Window::NONE);
                *held = held.and(once);
            }
        }
    }
    for ((address, _), mut macs) in windows {
        macs.retain(|mac, _| owners.get(mac).is_none_or(|known| known.len() < 2));
        if macs.len() > 1 {
            speakers.entry(address).or_default().extend(macs);
        }
    }
}

/// Only devices that spoke at the same time conflict; one after the other is a device exchanged.
fn item(seen: &Observations<'_>, address: IpAddr, macs: &BTreeMap<MacAddr, Window>) -> Option<Item> {
    let overlaps = |a: &Window, b: &Window| a.first <= b.last && b.first <= a.last;
    let at_once: Vec<(&MacAddr, &Window)> = macs
        .iter()
        .filter(|(mac, window)| macs.iter().any(|(other, theirs)| other != *mac && overlaps(window, theirs)))
        .collect();
    if at_once.len() < 2 {
        return None;
    }
    let all = at_once.iter().fold(Window::NONE, |sum, (_, window)| sum.and(**window));
    let told: Vec<String> = at_once
        .iter()
        .take(MAX_TOLD)
        .map(|(mac, window)| {
            let count = times(window.count, "packet", "packets");
            format!("{mac} ({count}, from {})", frame(seen, window.frame, window.first))
        })
        .collect();
    let host = seen.hosts.find(address).map(|id| seen.hosts.get(id));
    let name = host.and_then(|host| host.name.as_deref()).map_or_else(String::new, |name| format!(" ({name})"));
    let family = if address.is_ipv6() { "ipv6" } else { "ip" };
    let arp = if address.is_ipv6() { String::new() } else { format!("arp.src.proto_ipv4 == {address} || ") };
    Some(Item {
        role: host.map_or(Role::Host, |host| host.role),
        who: Who::Address(address),
        text: format!("{address}{name} is spoken for by {}.", told.join(" and by ")),
        filter: format!("{arp}{family}.src == {address}"),
        packets: all.count,
        first: all.first,
        last: all.last,
    })
}
