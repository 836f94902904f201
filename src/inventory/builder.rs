//! From flows to hosts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::address::{self, Kind};
use super::bag::Bag;
use super::contacts::Contacts;
use super::declared::{Entry, Inventory};
use super::hash::Seeded;
use super::host::{Host, Hosts, RoleSource};
use super::infer::{Site, infer};
use super::links::{Links, Proof};
use super::matcher::Matcher;
use crate::capture::{FrameId, Timestamp};
use crate::decode::MacAddr;
use crate::flow::{Flow, FlowEnd};
use crate::policy::{Role, Transport};

/// Collects what each address did, flow by flow and in any order, then gives each its role.
#[derive(Debug)]
pub struct HostsBuilder {
    index: HashMap<IpAddr, u32, Seeded>,
    tallies: Vec<Tally>,
    links: Links,
    serves: Bag<(u32, Transport, u16)>,
    contacts: Contacts,
}

/// What one address did.
#[derive(Clone, Debug)]
struct Tally {
    address: IpAddr,
    first: Timestamp,
    last: Timestamp,
    packets_sent: u64,
    bytes_sent: u64,
    packets_received: u64,
    bytes_received: u64,
    /// Whether any frame to it went to a group MAC, and to another MAC.
    to_group: bool,
    to_one: bool,
    /// The last of each that was noted, so that a busy host does not note the same for each flow.
    served: Option<(Transport, u16)>,
}

impl Default for HostsBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl HostsBuilder {
    /// Knows nobody yet.
    pub fn new() -> Self {
        Self {
            index: HashMap::default(),
            tallies: Vec::new(),
            links: Links::new(),
            serves: Bag::new(),
            contacts: Contacts::new(),
        }
    }

    /// Adds a flow whose client is `ends[client_end]` (0 or 1).
    pub fn add(&mut self, flow: &Flow, client_end: u8) {
        let (first, last) = (flow.first(), flow.last());
        let [a, b] = &flow.ends;
        let [id_a, id_b] = [self.id(a.address), self.id(b.address)];
        let (client, server) = if client_end == 0 { ((id_a, a), (id_b, b)) } else { ((id_b, b), (id_a, a)) };
        self.contacts.add(flow, client, server);
        for (id, end, other) in [(id_a, a, b), (id_b, b, a)] {
            let Some(tally) = self.tallies.get_mut(id as usize) else { continue };
            tally.see(first, last);
            tally.packets_sent += end.packets;
            tally.bytes_sent += end.bytes;
            tally.packets_received += other.packets;
            tally.bytes_received += other.bytes;
            if end.packets > 0
                && let Some(mac) = end.source_mac
            {
                self.links.add(id, Proof::Sent, end.first_frame, mac);
            }
            if other.packets > 0
                && let Some(mac) = other.destination_mac
            {
                *(if mac.is_group() { &mut tally.to_group } else { &mut tally.to_one }) = true;
                if end.packets == 0 {
                    self.links.add(id, Proof::Received, other.first_frame, mac);
                }
            }
            if std::ptr::eq(end, server.1) && answered(flow.transport, end) {
                let served = Some((flow.transport, end.port));
                if tally.served != served {
                    tally.served = served;
                    self.serves.push((id, flow.transport, end.port));
                }
            }
        }
    }

    /// Adds what hosts said of themselves by ARP or neighbour discovery: (address, MAC) of the senders.
    /// A host that was heard by nothing else is a host all the same: it is there, and silent.
    pub fn add_neighbours(&mut self, pairs: &[(IpAddr, MacAddr)]) {
        for &(address, mac) in pairs {
            // An ARP probe (RFC 5227) asks from 0.0.0.0.
            if !matches!(address::kind(address), Kind::Unspecified | Kind::Group) && !mac.is_group() {
                let id = self.id(address);
                self.links.add(id, Proof::Said, FrameId::NONE, mac);
            }
        }
    }

    fn id(&mut self, address: IpAddr) -> u32 {
        *self.index.entry(address).or_insert_with(|| {
            self.tallies.push(Tally::new(address));
            (self.tallies.len() - 1) as u32
        })
    }

    /// The hosts, each with its role.
    pub fn finish(self, inventory: &Inventory) -> Hosts {
        let Self { mut index, tallies, links, serves, contacts } = self;
        let is_external = |address: IpAddr| is_external(address, inventory);
        let macs = links.finish(tallies.len(), |host| {
            let address = tallies.get(host as usize)?.address;
            // Who has no address yet is nobody in particular.
            (address::kind(address) != Kind::Unspecified).then(|| (address, is_external(address)))
        });
        let mut known: Vec<Known> =
            tallies.iter().zip(&macs).map(|(tally, mac)| Known::of(tally, *mac, inventory)).collect();
        let contacts = contacts.finish();
        if !contacts.is_empty() {
            let addresses = tallies.iter().map(|tally| tally.address).collect();
            infer(&Site { addresses, macs: &macs, contacts }, &mut known, inventory);
        }
        share_by_mac(&tallies, &macs, &mut known);

        let mut order: Vec<(IpAddr, u32)> = tallies.iter().map(|tally| tally.address).zip(0..).collect();
        order.sort_unstable();
        let serves = serves.finish();
        let mut list = Vec::with_capacity(tallies.len());
        for (position, (address, id)) in order.into_iter().enumerate() {
            let at = id as usize;
            let (Some(tally), Some(known), Some(mac)) = (tallies.get(at), known.get_mut(at), macs.get(at)) else {
                continue;
            };
            if let Some(slot) = index.get_mut(&address) {
                *slot = position as u32;
            }
            let known = std::mem::take(known);
            let from = serves.partition_point(|served| served.0 < id);
            let to = from + serves.get(from..).unwrap_or_default().partition_point(|served| served.0 == id);
            let served = serves.get(from..to).unwrap_or_default();
            list.push(Host {
                address,
                mac: *mac,
                role: known.role,
                source: known.source,
                basis: known.basis,
                confidence: known.confidence,
                name: known.name,
                version: known.version,
                first_seen: tally.first,
                last_seen: tally.last,
                packets_sent: tally.packets_sent,
                bytes_sent: tally.bytes_sent,
                packets_received: tally.packets_received,
                bytes_received: tally.bytes_received,
                serves: served.iter().take(Host::MAX_SERVES).map(|&(_, transport, port)| (transport, port)).collect(),
                serves_more: served.len().saturating_sub(Host::MAX_SERVES) as u32,
            });
        }
        Hosts::sorted(list, index)
    }
}

impl Tally {
    const fn new(address: IpAddr) -> Self {
        Self {
            address,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            to_group: false,
            to_one: false,
            served: None,
        }
    }

    fn see(&mut self, first: Timestamp, last: Timestamp) {
        if first != Timestamp::UNKNOWN && (self.first == Timestamp::UNKNOWN || first < self.first) {
            self.first = first;
        }
        self.last = self.last.max(last);
    }

    /// A destination that was only ever seen with a group's MAC and never sent anything: a subnet's
    /// directed broadcast.
    const fn is_broadcast(&self) -> bool {
        self.to_group && !self.to_one && self.packets_sent == 0
    }
}

/// Whether the server's end of a flow answered, rather than only refused.
fn answered(transport: Transport, server: &FlowEnd) -> bool {
    match transport {
        Transport::Tcp => server.syn_acks > 0 || server.has_payload || server.packets > u64::from(server.resets),
        Transport::Udp => server.packets > 0,
        _ => false,
    }
}

/// What is known of a host's role, and how.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) role: Role,
    pub(super) source: RoleSource,
    pub(super) basis: Cow<'static, str>,
    pub(super) confidence: u8,
    pub(super) name: Option<Arc<str>>,
    pub(super) version: Option<Arc<str>>,
}

impl Default for Known {
    fn default() -> Self {
        Self::by_address(Role::Host, "nothing speaks for another role")
    }
}

impl Known {
    const fn by_address(role: Role, basis: &'static str) -> Self {
        Self {
            role,
            source: RoleSource::Address,
            basis: Cow::Borrowed(basis),
            confidence: 100,
            name: None,
            version: None,
        }
    }

    /// A role that the traffic speaks for.
    pub(super) fn inferred(role: Role, confidence: u8, basis: String) -> Self {
        let source = RoleSource::Inferred;
        Self { role, source, basis: basis.into(), confidence, name: None, version: None }
    }

    fn declared(entry: &Entry) -> Self {
        let place = entry.place.line();
        let basis = match entry.matcher {
            Matcher::Address(_) => place,
            _ => format!("{place} ({})", entry.matcher),
        };
        Self {
            role: entry.role,
            source: RoleSource::Declared,
            basis: basis.into(),
            confidence: 100,
            name: entry.name.clone(),
            version: entry.version.clone(),
        }
    }

    /// What the inventory or the address itself says.
    fn of(tally: &Tally, mac: Option<MacAddr>, inventory: &Inventory) -> Self {
        let address = tally.address;
        let kind = address::kind(address);
        match kind {
            Kind::Group => return Self::by_address(Role::Group, "multicast or broadcast address"),
            Kind::Unspecified => return Self::by_address(Role::Host, "no address yet"),
            _ => {}
        }
        if let Some(entry) = inventory.by_address(address) {
            return Self::declared(entry);
        }
        if tally.is_broadcast() {
            return Self::by_address(Role::Group, "only seen as the destination of broadcast frames");
        }
        let by_mac = || mac.and_then(|mac| inventory.by_mac(mac));
        if let Some(entry) = inventory.by_block(address).or_else(by_mac) {
            return Self::declared(entry);
        }
        match kind {
            Kind::Loopback => Self::by_address(Role::Host, "loopback address"),
            Kind::Public if !inventory.is_site(address) => {
                Self::by_address(Role::External, "public address outside the site")
            }
            _ => Self::default(),
        }
    }

    const fn is_igor(&self) -> bool {
        self.role.is_igor()
    }
}

fn is_external(address: IpAddr, inventory: &Inventory) -> bool {
    address::kind(address) == Kind::Public
        && !inventory.is_site(address)
        && inventory.by_address(address).is_none()
        && inventory.by_block(address).is_none()
}

/// Gives each fe80:: address of which nothing is known the role that its MAC's other addresses have.
fn share_by_mac(tallies: &[Tally], macs: &[Option<MacAddr>], known: &mut [Known]) {
    let mut givers: Vec<(MacAddr, IpAddr, usize)> = Vec::new();
    let mut takers: Vec<(MacAddr, usize)> = Vec::new();
    for (at, ((tally, mac), known)) in tallies.iter().zip(macs).zip(known.iter()).enumerate() {
        match mac {
            Some(mac) if known.is_igor() => givers.push((*mac, tally.address, at)),
            Some(mac) if known.source == RoleSource::Address && address::kind(tally.address) == Kind::LinkLocal6 => {
                takers.push((*mac, at));
            }
            _ => {}
        }
    }
    givers.sort_unstable();
    for (mac, taker) in takers {
        let from = givers.partition_point(|giver| giver.0 < mac);
        let same = givers.get(from..).unwrap_or_default().iter().take_while(|giver| giver.0 == mac);
        let mut roles = same.filter_map(|giver| Some((known.get(giver.2)?, giver.1)));
        let Some((first, address)) = roles.next() else { continue };
        // Two roles at one MAC give none.
        if roles.any(|(other, _)| other.role != first.role) {
            continue;
        }
        let shared = Known { basis: format!("same MAC as {address}").into(), ..first.clone() };
        if let Some(slot) = known.get_mut(taker) {
            *slot = shared;
        }
    }
}
