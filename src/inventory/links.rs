//! Which MAC address is whose, and which are routers'.

use std::collections::HashMap;

use super::address::{self, Kind};
use super::bag::Bag;
use super::declared::Inventory;
use super::hash::Seeded;
use super::host::Host;
use super::roles::is_external;
use crate::capture::FrameId;
use crate::decode::MacAddr;

/// How an address and a MAC were seen together. The first is the best proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Proof {
    /// The host said so itself, by ARP or neighbour discovery.
    Said,
    /// A frame from the address came from the MAC.
    Sent,
    /// A frame to the address went to the MAC.
    Received,
}

/// One MAC of a host, with its best proof and the first frame of that.
type Link = (Proof, FrameId, MacAddr);

/// The MAC addresses seen with one host.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The MAC with which it was seen first; most have no other.
    usual: Option<Link>,
    /// The others.
    more: Bag<Link>,
}

/// A MAC that was seen with more IPv4 addresses than this, or more IPv6 /64 networks, or with any
/// external address, is a router: a host of the site has one address, two when it moved or has an alias.
const MOST_ADDRESSES: usize = 2;

/// What a MAC was seen with.
#[derive(Clone, Copy, Default, Debug)]
struct Company {
    router: bool,
    /// The first addresses or networks of each family; unused places hold `None`.
    parts: [[Option<u64>; MOST_ADDRESSES]; 2],
}

impl Company {
    fn meet(&mut self, ipv6: bool, part: u64) {
        let Some(places) = self.parts.get_mut(usize::from(ipv6)) else { return };
        match places.iter_mut().find(|place| place.is_none_or(|known| known == part)) {
            Some(place) => *place = Some(part),
            None => self.router = true,
        }
    }
}

impl Links {
    pub(super) fn add(&mut self, proof: Proof, frame: FrameId, mac: MacAddr) {
        if mac.is_group() || mac == MacAddr::default() {
            return;
        }
        match &mut self.usual {
            usual @ None => *usual = Some((proof, frame, mac)),
            Some(known) if known.2 == mac => *known = (*known).min((proof, frame, mac)),
            Some(_) => self.more.push((proof, frame, mac)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Link> {
        self.usual.iter().chain(self.more.iter())
    }
}

/// Writes to each host its MAC: the best proved that is no router's.
pub(super) fn give_macs<'a>(hosts: &mut [Host], links: impl Iterator<Item = &'a Links> + Clone, inventory: &Inventory) {
    let mut companies: HashMap<MacAddr, Company, Seeded> = HashMap::default();
    for (host, links) in hosts.iter().zip(links.clone()) {
        for (.., mac) in links.iter() {
            let company = companies.entry(*mac).or_default();
            if company.router {
                continue;
            }
            if is_external(host.address, inventory) {
                company.router = true;
            } else if let Some(part) = address::network_part(host.address) {
                company.meet(host.address.is_ipv6(), part);
            }
        }
    }
    for (host, links) in hosts.iter_mut().zip(links) {
        let is_router = |link: &&Link| companies.get(&link.2).is_some_and(|company| company.router);
        let best = links.iter().filter(|link| !is_router(link)).min();
        // Who has no address yet is nobody in particular.
        if address::kind(host.address) != Kind::Unspecified {
            host.mac = best.map(|(.., mac)| *mac);
        }
        let Some(own) = host.mac else { continue };
        let is_alias = |link: &&Link| link.0 != Proof::Received && link.2 != own && !is_router(link);
        let mut others: Vec<MacAddr> = links.iter().filter(is_alias).map(|(.., mac)| *mac).collect();
        others.sort_unstable();
        others.dedup();
        host.more_macs = others.into();
    }
}
