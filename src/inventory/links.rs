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

/// The MAC addresses seen with each host.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The MAC with which each host was seen first; most have no other.
    usual: Vec<Option<Link>>,
    /// The others.
    more: Bag<(u32, Link)>,
}

/// A MAC that was seen with more IPv4 addresses than this, or more IPv6 /64 networks, or with any
/// external address, is a router: a host of the site has one address, two when it moved or has an alias.
const MOST_ADDRESSES: usize = 2;

/// What a MAC was seen with.
#[derive(Clone, Copy, Default, Debug)]
struct Company {
    router: bool,
    /// The first addresses or networks of each family; unused places hold `None`.
    parts: [[Option<u128>; MOST_ADDRESSES]; 2],
}

impl Company {
    fn meet(&mut self, ipv6: bool, part: u128) {
        let Some(places) = self.parts.get_mut(usize::from(ipv6)) else { return };
        match places.iter_mut().find(|place| place.is_none_or(|known| known == part)) {
            Some(place) => *place = Some(part),
            None => self.router = true,
        }
    }
}

impl Links {
    pub(super) fn add(&mut self, host: u32, proof: Proof, frame: FrameId, mac: MacAddr) {
        if mac.is_group() || mac == MacAddr::default() {
            return;
        }
        let at = host as usize;
        if self.usual.len() <= at {
            self.usual.resize(at + 1, None);
        }
        let Some(usual) = self.usual.get_mut(at) else { return };
        match usual {
            None => *usual = Some((proof, frame, mac)),
            Some(known) if known.2 == mac => *known = (*known).min((proof, frame, mac)),
            Some(_) => self.more.push((host, (proof, frame, mac))),
        }
    }

    /// Writes to each host its MAC: the best proved that is no router's.
    pub(super) fn give_macs(self, hosts: &mut [Host], inventory: &Inventory) {
        let more = self.more.finish();
        let usual = self.usual.iter().zip(0u32..).filter_map(|(link, host)| Some((host, (*link)?)));
        let all = || usual.clone().chain(more.iter().copied());

        let mut companies: HashMap<MacAddr, Company, Seeded> = HashMap::default();
        for (host, (.., mac)) in all() {
            let Some(host) = hosts.get(host as usize) else { continue };
            let company = companies.entry(mac).or_default();
            if company.router {
                continue;
            }
            if is_external(host.address, inventory) {
                company.router = true;
            } else if let Some(part) = address::network_part(host.address) {
                company.meet(host.address.is_ipv6(), part);
            }
        }
        let mut best: Vec<Option<Link>> = vec![None; hosts.len()];
        for (host, link) in all() {
            if companies.get(&link.2).is_some_and(|company| company.router) {
                continue;
            }
            if let Some(slot) = best.get_mut(host as usize) {
                *slot = Some(slot.map_or(link, |known| known.min(link)));
            }
        }
        for (host, link) in hosts.iter_mut().zip(best) {
            // Who has no address yet is nobody in particular.
            if address::kind(host.address) != Kind::Unspecified {
                host.mac = link.map(|(.., mac)| mac);
            }
        }
        // The same host's links stand side by side.
        for links in more.chunk_by(|a, b| a.0 == b.0) {
            let usual = links.first().and_then(|link| *self.usual.get(link.0 as usize)?);
            let Some(host) = links.first().and_then(|link| hosts.get_mut(link.0 as usize)) else { continue };
            let Some(own) = host.mac else { continue };
            let spoken = links.iter().map(|link| link.1).chain(usual).filter(|link| link.0 != Proof::Received);
            let mut others: Vec<MacAddr> = spoken
                .map(|(.., mac)| mac)
                .filter(|mac| *mac != own && companies.get(mac).is_some_and(|company| !company.router))
                .collect();
            others.sort_unstable();
            others.dedup();
            host.more_macs = others.into();
        }
    }
}
