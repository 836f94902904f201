//! Which MAC address is whose, and which are routers'.

use std::net::IpAddr;

use rayon::prelude::*;

use super::address::{self, AddressKind};
use super::declared::Inventory;
use super::dedup_vec::DedupVec;
use super::host::Host;
use super::roles::is_external;
use crate::capture::Moment;
use crate::decode::{MacAddr, is_first_hop};

/// How an address and a MAC were seen together. The first is the best proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Proof {
    /// The host said so itself, by ARP or neighbour discovery.
    Said,
    /// A frame from the address came from the MAC, and no router had handed it on.
    Sent,
    /// The same, but how far it had come is not known.
    SentFromSomewhere,
    /// A frame to the address went to the MAC.
    Received,
    /// A frame from the address came from the MAC, after a router had handed it on.
    HandedOn,
}

impl Proof {
    /// By the time to live of what was sent.
    pub(super) const fn of_sent(hops: u8) -> Self {
        match hops {
            0 => Self::SentFromSomewhere,
            _ if is_first_hop(hops) => Self::Sent,
            _ => Self::HandedOn,
        }
    }
}

/// One MAC of a host, with its best proof and when that was first seen.
type MacLink = (Proof, Moment, MacAddr);

/// The MAC addresses seen with one host.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The MAC with which it was seen first; most have no other.
    usual: Option<MacLink>,
    /// Every proof that was seen with it: a bit for each.
    proofs: u8,
    /// The others.
    more: DedupVec<MacLink>,
    /// Whether the host sent router advertisements (RFC 4861 section 4.2).
    pub(super) advertises: bool,
}

/// A host of the site has one address, two when it moved or has an alias.
const MOST_ADDRESSES: usize = 2;

impl Links {
    pub(super) fn add(&mut self, proof: Proof, at: Moment, mac: MacAddr) {
        if mac.is_group() || mac == MacAddr::default() {
            return;
        }
        match &mut self.usual {
            usual @ None => *usual = Some((proof, at, mac)),
            Some(known) if known.2 == mac => *known = (*known).min((proof, at, mac)),
            Some(_) => return self.more.push((proof, at, mac)),
        }
        self.proofs |= 1 << proof as u8;
    }

    /// Whether a MAC was seen with the host in a way.
    fn has(&self, mac: MacAddr, proof: Proof) -> bool {
        let is_usual = self.usual.is_some_and(|usual| usual.2 == mac);
        is_usual && self.proofs >> proof as u8 & 1 != 0 || self.more.iter().any(|link| link.0 == proof && link.2 == mac)
    }

    fn iter(&self) -> impl Iterator<Item = &MacLink> {
        self.usual.iter().chain(self.more.iter())
    }
}

/// Writes to each host its MAC: the best proved, but of a router's only to its own addresses.
pub(super) fn give_macs(hosts: &mut [Host], links: &[&Links], inventory: &Inventory) {
    let routers = Routers::of(hosts, links, inventory);
    hosts.par_iter_mut().zip(links).for_each(|(host, links)| give_mac(host, links, &routers, inventory));
}

fn give_mac(host: &mut Host, links: &Links, routers: &Routers, inventory: &Inventory) {
    let is_outside = is_external(host.address, inventory) && !routers.is_on_link(host.address);
    let is_own = |(proof, _, mac): &&MacLink| match routers.list.binary_search_by_key(mac, |router| router.mac) {
        Ok(at) => {
            let router = routers.list[at];
            let is_the_one = || host.address.is_ipv4() && !is_outside && *proof != Proof::HandedOn;
            router.is_own(links, *proof) || router.has_one_v4 && is_the_one()
        }
        // What is sent to somebody outside goes to a router, known as one or not; what comes from there, with hops taken
        // off, comes from one, whatever role its MAC is declared to have.
        Err(_) => {
            let may_be = || *proof != Proof::HandedOn && inventory.by_mac(*mac).is_some();
            *proof < Proof::Received || !is_outside || may_be()
        }
    };
    // Of MACs that are proved alike one that is declared: a team of adapters sends by all of them.
    let best =
        links.iter().filter(is_own).min_by_key(|(proof, at, mac)| (*proof, inventory.by_mac(*mac).is_none(), *at));
    // Who has no address yet is nobody in particular.
    if address::kind(host.address) != AddressKind::Unspecified {
        host.mac = best.map(|(.., mac)| *mac);
    }
    host.mac_is_own = best.is_some_and(|link| link.0 < Proof::Received);
    let Some(own) = host.mac else { return };
    let is_alias = |link: &&MacLink| link.0 < Proof::Received && link.2 != own && is_own(link);
    let mut others: Vec<MacAddr> = links.iter().filter(is_alias).map(|(.., mac)| *mac).collect();
    others.sort_unstable();
    others.dedup();
    host.more_macs = others.into();
}

/// A MAC and what it was seen with: whether that is IPv6, an address or network, whether it is outside, and the proof.
type MacSighting = (MacAddr, bool, u64, bool, Proof);

/// A router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Router {
    mac: MacAddr,
    /// Whether what it sends at the first hop is its own.
    sends_own: bool,
    /// Whether the addresses that it says are its own: it says no more of them than a device has. Of more it answers for
    /// others (proxy ARP, RFC 1027).
    says_own: bool,
    /// Whether it is one by its advertisements alone, which are IPv6's, is declared, and goes with a single IPv4 address.
    has_one_v4: bool,
}

impl Router {
    /// Whether an address, with these links, is the router's own by one of them.
    fn is_own(self, links: &Links, proof: Proof) -> bool {
        let says = || self.says_own && proof == Proof::Said && !links.has(self.mac, Proof::HandedOn);
        proof < Proof::Received && self.sends_own && (links.has(self.mac, Proof::Sent) || says())
    }
}

/// The routers.
struct Routers {
    /// Ascending by MAC.
    list: Vec<Router>,
    /// The IPv6 networks of the link, ascending.
    on_link: Vec<u64>,
}

impl Routers {
    /// Whether an address is of a network from which two devices send at the first hop: what goes there goes to its owner, not
    /// to a router (RFC 4861 section 5.2).
    fn is_on_link(&self, address: IpAddr) -> bool {
        let of = address::network_part(address).filter(|_| address.is_ipv6());
        of.is_some_and(|part| self.on_link.binary_search(&part).is_ok())
    }

    fn of(hosts: &[Host], links: &[&Links], inventory: &Inventory) -> Self {
        let mut companies: Vec<MacSighting> = hosts
            .par_iter()
            .zip(links)
            .flat_map_iter(|(host, links)| {
                let part = address::network_part(host.address);
                let is_outside = part.is_some() && is_external(host.address, inventory);
                part.into_iter().flat_map(move |part| {
                    links.iter().map(move |link| (link.2, host.address.is_ipv6(), part, is_outside, link.0))
                })
            })
            .collect();
        companies.par_sort_unstable();
        // Of each address or network the best proof.
        companies.dedup_by_key(|one| (one.0, one.1, one.2));
        // By two MACs: one of them alone could be anybody's.
        let mut of_link: Vec<u64> = companies.iter().filter(|one| is_of_link(one)).map(|one| one.2).collect();
        of_link.sort_unstable();
        let on_link: Vec<u64> =
            of_link.chunk_by(|a, b| a == b).filter(|macs| macs.len() > 1).map(|macs| macs[0]).collect();
        for one in companies.iter_mut().filter(|one| one.1 && one.3) {
            one.3 = on_link.binary_search(&one.2).is_err();
        }
        let mut routers: Vec<Router> = companies
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|company| {
                let mac = company.first()?.0;
                let is_declared = inventory.by_mac(mac).is_some();
                let few = |proof| count(company, |one| one.4 == proof && !is_of_link(one)) <= MOST_ADDRESSES;
                is_router(company, is_declared).then(|| Router {
                    mac,
                    sends_own: is_declared || few(Proof::Sent),
                    says_own: few(Proof::Said),
                    has_one_v4: false,
                })
            })
            .collect();
        let advertising = links.iter().filter(|links| links.advertises).flat_map(|links| links.iter());
        routers.extend(advertising.filter(|link| link.0 != Proof::Received).map(|link| Router {
            mac: link.2,
            sends_own: true,
            says_own: true,
            has_one_v4: inventory.by_mac(link.2).is_some() && has_one_v4(&companies, link.2),
        }));
        routers.sort_unstable();
        routers.dedup_by_key(|router| router.mac);
        Self { list: routers, on_link }
    }
}

/// Whether a MAC was seen with one IPv4 address. The list is in the order of MACs.
fn has_one_v4(companies: &[MacSighting], mac: MacAddr) -> bool {
    let first = companies.partition_point(|one| one.0 < mac);
    companies[first..].iter().take_while(|one| one.0 == mac && !one.1).take(2).count() == 1
}

/// Of IPv4 addresses or of IPv6 networks, whichever are more: how many are so.
fn count(company: &[MacSighting], is_so: impl Fn(&MacSighting) -> bool) -> usize {
    let of = |ipv6: bool| company.iter().filter(|one| one.1 == ipv6 && is_so(one)).count();
    of(false).max(of(true))
}

/// Whether a MAC is a router's, by all that it was seen with, each once.
///
/// It is if it handed on packets of several hosts, or if packets for others than itself go to it. Of a MAC that the
/// inventory gives no role more addresses than a host has are enough: they may be those of a bridge that hides the MACs
/// behind it.
fn is_router(company: &[MacSighting], is_declared: bool) -> bool {
    let handed_on = count(company, |one| one.4 == Proof::HandedOn);
    // What goes to a neighbour of the address that a declared device has is the device's too: no router lies between.
    let own: Vec<u64> = company.iter().filter(|one| is_declared && !one.1 && one.4 <= Proof::Sent).map(near).collect();
    let is_beside = |one: &MacSighting| !one.1 && one.4 == Proof::Received && own.binary_search(&near(one)).is_ok();
    let are_few = company.iter().filter(|one| is_beside(one)).count() <= MOST_ADDRESSES;
    let is_near = |one: &MacSighting| are_few && is_beside(one);
    let only_received = |one: &MacSighting| one.4 == Proof::Received && !is_near(one);
    let has_own = company.iter().any(|one| one.4 <= Proof::Sent);
    let outside = company.iter().filter(|one| one.3 && only_received(one)).count();
    let unsure = company.iter().any(|one| one.3 && one.4 == Proof::SentFromSomewhere);
    handed_on >= 2
        || has_own && handed_on > 0 && company.iter().any(|one| one.3 && one.4 == Proof::HandedOn)
        || outside >= 2
        || has_own && outside > 0
        || has_own && count(company, only_received) >= 2
        || unsure
        || count(company, |one| one.4 == Proof::SentFromSomewhere || !is_declared && !is_of_link(one)) > MOST_ADDRESSES
}

/// An IPv4 address without its last byte: most subnets are no smaller.
const fn near(one: &MacSighting) -> u64 {
    one.2 >> 8
}

/// Whether a network is one of the link itself: a host has an IPv6 address of each that its routers announce (RFC 4862
/// section 5.5, RFC 8028), and sends from it at the first hop, or says that it has it.
fn is_of_link(one: &MacSighting) -> bool {
    one.1 && one.4 <= Proof::Sent
}
