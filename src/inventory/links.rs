//! Which MAC address is whose, and which are routers'.

use rayon::prelude::*;

use super::address::{self, Kind};
use super::bag::Bag;
use super::declared::Inventory;
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
pub(super) fn give_macs(hosts: &mut [Host], links: &[&Links], inventory: &Inventory) {
    let routers = routers(hosts, links, inventory);
    hosts.par_iter_mut().zip(links).for_each(|(host, links)| give_mac(host, links, &routers));
}

fn give_mac(host: &mut Host, links: &Links, routers: &[MacAddr]) {
    let is_router = |link: &&Link| routers.binary_search(&link.2).is_ok();
    let best = links.iter().filter(|link| !is_router(link)).min();
    // Who has no address yet is nobody in particular.
    if address::kind(host.address) != Kind::Unspecified {
        host.mac = best.map(|(.., mac)| *mac);
    }
    let Some(own) = host.mac else { return };
    let is_alias = |link: &&Link| link.0 != Proof::Received && link.2 != own && !is_router(link);
    let mut others: Vec<MacAddr> = links.iter().filter(is_alias).map(|(.., mac)| *mac).collect();
    others.sort_unstable();
    others.dedup();
    host.more_macs = others.into();
}

/// A MAC and what it was seen with: an address or network of IPv4 (`false`) or IPv6 (`true`), or `None` for any
/// external address.
type Company = (MacAddr, Option<(bool, u64)>);

/// The MACs of routers, ascending.
fn routers(hosts: &[Host], links: &[&Links], inventory: &Inventory) -> Vec<MacAddr> {
    let part = |host: &Host| {
        if is_external(host.address, inventory) {
            return Some(None);
        }
        address::network_part(host.address).map(|part| Some((host.address.is_ipv6(), part)))
    };
    let mut companies: Vec<Company> = hosts
        .par_iter()
        .zip(links)
        .flat_map_iter(|(host, links)| {
            part(host).into_iter().flat_map(|part| links.iter().map(move |link| (link.2, part)))
        })
        .collect();
    companies.par_sort_unstable();
    companies.dedup();
    companies.chunk_by(|a, b| a.0 == b.0).filter(|one| is_router(one)).filter_map(|one| Some(one.first()?.0)).collect()
}

/// Whether a MAC is a router's, by all that it was seen with, each once and ascending.
fn is_router(company: &[Company]) -> bool {
    let parts = |ipv6: bool| company.iter().filter(|one| one.1.is_some_and(|part| part.0 == ipv6)).count();
    company.first().is_some_and(|one| one.1.is_none())
        || [false, true].into_iter().any(|ipv6| parts(ipv6) > MOST_ADDRESSES)
}
