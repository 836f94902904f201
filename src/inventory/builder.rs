//! From flows to hosts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::address::{self, Kind};
use super::attachment::Attachments;
use super::bag::Bag;
use super::contacts::Contacts;
use super::declared::{Entry, Inventory};
use super::error::Place;
use super::hash::Seeded;
use super::host::{Host, Hosts};
use super::infer::infer;
use super::links::{Links, Proof};
use super::matcher::Matcher;
use super::roles;
use crate::capture::{FrameId, Timestamp};
use crate::decode::MacAddr;
use crate::flow::{Flow, FlowEnd, SideEvidence};
use crate::policy::Transport;

/// Collects what each address did, flow by flow and in any order, then gives each its role.
///
/// Hosts are numbered as they come; the numbers depend on the order of the flows, so nothing that
/// is decided may depend on them.
#[derive(Debug, Default)]
pub struct HostsBuilder {
    index: HashMap<IpAddr, u32, Seeded>,
    hosts: Vec<Host>,
    /// What is noted of each host beside.
    notes: Vec<Note>,
    links: Links,
    /// Ports that a host served beside the one in its note.
    serves: Bag<(u32, Transport, u16)>,
    contacts: Contacts,
    /// Devices that spoke without an address of theirs: by DHCP or LLDP.
    macs: HashMap<MacAddr, (Timestamp, Timestamp)>,
    lldp: Attachments,
}

/// What is kept of a host only until its role is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Note {
    /// Whether any frame to it went to a group MAC, and to another MAC.
    to_group: bool,
    to_one: bool,
    /// One of the ports that it served; most hosts serve no other.
    served: Option<(Transport, u16)>,
}

impl Note {
    /// Whether it was only ever a destination of frames to a group's MAC.
    pub(super) const fn only_to_group(self) -> bool {
        self.to_group && !self.to_one
    }
}

impl HostsBuilder {
    /// Knows nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a flow whose client is `ends[client_end]` (0 or 1).
    pub fn add(&mut self, flow: &Flow, client_end: u8) {
        let (first, last) = (flow.first(), flow.last());
        let [a, b] = &flow.ends;
        let [id_a, id_b] = [self.id(a.address), self.id(b.address)];
        let (client, server) = if client_end == 0 { ((id_a, a), (id_b, b)) } else { ((id_b, b), (id_a, a)) };
        self.contacts.add(flow, client, server);
        for (id, end, other) in [(id_a, a, b), (id_b, b, a)] {
            let at = id as usize;
            let (Some(host), Some(note)) = (self.hosts.get_mut(at), self.notes.get_mut(at)) else { continue };
            see(host, first, last);
            host.packets_sent += end.packets;
            host.bytes_sent += end.bytes;
            host.packets_received += other.packets;
            host.bytes_received += other.bytes;
            if end.packets > 0
                && let Some(mac) = end.source_mac
            {
                self.links.add(id, Proof::Sent, end.first_frame, mac);
            }
            if other.packets > 0
                && let Some(mac) = other.destination_mac
            {
                *(if mac.is_group() { &mut note.to_group } else { &mut note.to_one }) = true;
                if end.packets == 0 {
                    self.links.add(id, Proof::Received, other.first_frame, mac);
                }
            }
            if std::ptr::eq(end, server.1) && answered(flow.transport, end) {
                let served = (flow.transport, end.port);
                if *note.served.get_or_insert(served) != served {
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

    /// Adds a device that was heard by its MAC, with the first and last time.
    pub fn add_mac(&mut self, mac: MacAddr, first: Timestamp, last: Timestamp) {
        let times = self.macs.entry(mac).or_insert((first, last));
        let known = |a: Timestamp, b: Timestamp| {
            if a == Timestamp::UNKNOWN {
                b
            } else if b == Timestamp::UNKNOWN {
                a
            } else {
                a.min(b)
            }
        };
        *times = (known(times.0, first), times.1.max(last));
    }

    /// Adds what devices and switches said by LLDP, and the flows that were captured beside it.
    pub fn add_lldp(&mut self, evidence: &SideEvidence, flows: &[Flow]) {
        for ((_, source, _), window) in evidence.lldp_units() {
            self.add_mac(*source, window.first, window.last);
        }
        self.lldp = Attachments::of(evidence, flows);
    }

    fn id(&mut self, address: IpAddr) -> u32 {
        *self.index.entry(address).or_insert_with(|| {
            self.hosts.push(Host::new(address));
            self.notes.push(Note::default());
            (self.hosts.len() - 1) as u32
        })
    }

    /// The hosts, each with its role.
    pub fn finish(self, inventory: &Inventory) -> Hosts {
        let Self { mut index, mut hosts, notes, links, serves, contacts, macs, lldp } = self;
        list_services(&mut hosts, &notes, &serves.finish());
        links.give_macs(&mut hosts, inventory);
        for (host, note) in hosts.iter_mut().zip(notes) {
            roles::give(host, note, inventory);
        }
        let contacts = contacts.finish();
        if !contacts.is_empty() {
            infer(&mut hosts, &contacts, inventory);
        }
        roles::share_by_mac(&mut hosts);
        add_declared(&mut hosts, &mut index, &macs, inventory);
        lldp.give(&mut hosts);
        Hosts::indexed(hosts, index)
    }
}

/// Adds the declared addresses that were not seen, unless the device (the MAC that the same entry may give) has
/// another. What spoke by its MAC alone (it asked for an address and got none) was heard, the rest was not.
fn add_declared(
    hosts: &mut Vec<Host>,
    index: &mut HashMap<IpAddr, u32, Seeded>,
    spoke: &HashMap<MacAddr, (Timestamp, Timestamp)>,
    inventory: &Inventory,
) {
    let silent = |entry: &Entry| matches!(entry.matcher, Matcher::Address(address) if !index.contains_key(&address));
    if !inventory.entries().iter().any(silent) {
        return;
    }
    let heard: HashSet<MacAddr> = hosts.iter().filter_map(|host| host.mac).collect();
    let macs: HashMap<&Place, MacAddr> = inventory
        .entries()
        .iter()
        .filter_map(|entry| match entry.matcher {
            Matcher::Mac(mac) => Some((&entry.place, mac)),
            _ => None,
        })
        .collect();
    for entry in inventory.entries() {
        let Matcher::Address(address) = entry.matcher else { continue };
        let mac = macs.get(&entry.place).copied();
        if index.contains_key(&address) || mac.is_some_and(|mac| heard.contains(&mac)) {
            continue;
        }
        let mut host = Host::new(address);
        let times = mac.and_then(|mac| spoke.get(&mac));
        (host.mac, host.heard) = (mac, times.is_some());
        (host.first_seen, host.last_seen) = times.copied().unwrap_or((Timestamp::UNKNOWN, Timestamp::UNKNOWN));
        roles::give(&mut host, Note::default(), inventory);
        index.insert(address, hosts.len() as u32);
        hosts.push(host);
    }
}

fn see(host: &mut Host, first: Timestamp, last: Timestamp) {
    if first != Timestamp::UNKNOWN && (host.first_seen == Timestamp::UNKNOWN || first < host.first_seen) {
        host.first_seen = first;
    }
    host.last_seen = host.last_seen.max(last);
}

/// Whether the server's end of a flow answered, rather than only refused.
fn answered(transport: Transport, server: &FlowEnd) -> bool {
    match transport {
        Transport::Tcp => server.syn_acks > 0 || server.has_payload || server.packets > u64::from(server.resets),
        Transport::Udp => server.packets > 0,
        _ => false,
    }
}

/// Writes to each host the ports that it served: the one noted, and `more`, by host, ascending.
fn list_services(hosts: &mut [Host], notes: &[Note], more: &[(u32, Transport, u16)]) {
    for (host, note) in hosts.iter_mut().zip(notes) {
        if let Some(served) = note.served {
            host.serves = Box::new([served]);
        }
    }
    for run in more.chunk_by(|a, b| a.0 == b.0) {
        let Some(host) = run.first().and_then(|first| hosts.get_mut(first.0 as usize)) else { continue };
        let others = run.iter().map(|&(_, transport, port)| (transport, port));
        let mut all: Vec<(Transport, u16)> = host.serves.iter().copied().chain(others).collect();
        all.sort_unstable();
        all.dedup();
        host.serves_more = all.len().saturating_sub(Host::MAX_SERVES) as u32;
        all.truncate(Host::MAX_SERVES);
        host.serves = all.into();
    }
}
