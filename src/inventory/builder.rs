//! From flows to hosts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::address::{self, Kind};
use super::attachment::Attachments;
use super::bag::Bag;
use super::contacts;
use super::declared::{Entry, Inventory};
use super::error::Place;
use super::host::{Host, HostId, Hosts};
use super::infer::infer;
use super::links::{Links, Proof, give_macs};
use super::matcher::Matcher;
use super::mentions::{Mention, Mentions};
use super::roles;
use crate::capture::{FrameId, Timestamp};
use crate::decode::MacAddr;
use crate::flow::{EndView, FlowView, Flows, SideEvidence};
use crate::policy::Transport;
use crate::relation::Orientation;

/// What is kept of a host only until its role is known.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// Whether any frame to it went to a group MAC, and to another MAC.
    to_group: bool,
    to_one: bool,
    links: Links,
}

impl Note {
    /// Whether it was only ever a destination of frames to a group's MAC.
    pub(super) const fn only_to_group(&self) -> bool {
        self.to_group && !self.to_one
    }
}

/// What told of hosts beside the flows.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// What hosts said of themselves by ARP or neighbour discovery: address and MAC of the senders. Who was heard by
    /// nothing else is a host all the same: it is there, and silent.
    pub neighbours: &'a [(IpAddr, MacAddr)],
    /// What devices said by DHCP and LLDP.
    pub evidence: &'a SideEvidence,
}

/// First and last time at which devices spoke without an address of theirs, by MAC.
type Spoke = HashMap<MacAddr, (Timestamp, Timestamp)>;

/// The hosts of a survey with their roles, and for each flow the hosts at its two ends. Declared hosts of which
/// nothing was captured are among the hosts, not [`Host::heard`].
///
/// Threads are those of the pool that it is called in; the result does not depend on their number.
pub fn hosts_of(
    flows: &Flows,
    orientations: &[Orientation],
    heard: Heard<'_>,
    inventory: &Inventory,
) -> (Hosts, Vec<[HostId; 2]>) {
    // An ARP probe (RFC 5227) asks from 0.0.0.0.
    let is_somebody = |(address, mac): &&(IpAddr, MacAddr)| {
        !matches!(address::kind(*address), Kind::Unspecified | Kind::Group) && !mac.is_group()
    };
    let neighbours: Vec<(IpAddr, MacAddr)> = heard.neighbours.iter().filter(is_somebody).copied().collect();
    let mentions = Mentions::of(flows, &neighbours);

    let (mut hosts, mut notes) = (Vec::new(), Vec::new());
    // Each is written once, by whichever thread has the host.
    let parties: Vec<[AtomicU32; 2]> = flows.places().into_par_iter().map(|_| Default::default()).collect();
    (0..mentions.hosts())
        .into_par_iter()
        .map(|host| gather(host, &mentions, flows, orientations, &neighbours, &parties))
        .unzip_into_vecs(&mut hosts, &mut notes);
    let mut parties: Vec<[HostId; 2]> =
        parties.into_iter().map(|ends| ends.map(|host| HostId(host.into_inner()))).collect();
    drop(mentions);

    give_macs(&mut hosts, &notes.iter().map(|note| &note.links).collect::<Vec<_>>(), inventory);
    hosts.par_iter_mut().zip(&notes).for_each(|(host, note)| roles::give(host, note, inventory));
    drop(notes);
    let contacts = contacts::contacts(flows, orientations, &parties);
    if !contacts.is_empty() {
        infer(&mut hosts, &contacts, inventory);
    }
    roles::share_by_mac(&mut hosts);
    let declared = declared(&hosts, &spoke(heard.evidence), inventory);
    if !declared.is_empty() {
        hosts = insert(hosts, declared, &mut parties);
    }
    Attachments::of(heard.evidence, flows).give(&mut hosts);
    (Hosts::new(hosts), parties)
}

/// Everything that one host did. Its number is written to its end of each of its flows.
fn gather(
    number: usize,
    mentions: &Mentions,
    flows: &Flows,
    orientations: &[Orientation],
    neighbours: &[(IpAddr, MacAddr)],
    parties: &[[AtomicU32; 2]],
) -> (Host, Note) {
    let (address, list) = mentions.of_host(number, |place| flows.prefetch(place));
    let (mut host, mut note, mut served) = (Host::new(address), Note::default(), Bag::default());
    for mention in list {
        match mention {
            Mention::Flow { place, end } => {
                parties[place as usize][usize::from(end)].store(number as u32, Ordering::Relaxed);
                let flow = flows.view(place);
                let is_client = orientations.get(place as usize).is_some_and(|way| way.client == end);
                add(&mut host, &mut note, &mut served, &flow, usize::from(end), is_client);
            }
            Mention::Neighbour(at) => {
                if let Some((_, mac)) = neighbours.get(at) {
                    note.links.add(Proof::Said, FrameId::NONE, *mac);
                }
            }
        }
    }
    let mut served = served.finish();
    host.serves_more = served.len().saturating_sub(Host::MAX_SERVES) as u32;
    served.truncate(Host::MAX_SERVES);
    host.serves = served.into();
    (host, note)
}

/// Adds one end of a flow to its host.
fn add(
    host: &mut Host,
    note: &mut Note,
    served: &mut Bag<(Transport, u16)>,
    flow: &FlowView<'_>,
    own: usize,
    is_client: bool,
) {
    let (end, other) = (&flow.ends[own & 1], &flow.ends[1 - (own & 1)]);
    see(host, flow.first(), flow.last());
    host.packets_sent += end.packets();
    host.bytes_sent += end.bytes();
    host.packets_received += other.packets();
    host.bytes_received += other.bytes();
    if end.packets() > 0
        && let Some(mac) = end.source_mac()
    {
        note.links.add(Proof::Sent, end.first_frame(), mac);
    }
    if other.packets() > 0
        && let Some(mac) = other.destination_mac()
    {
        *(if mac.is_group() { &mut note.to_group } else { &mut note.to_one }) = true;
        if end.packets() == 0 {
            note.links.add(Proof::Received, other.first_frame(), mac);
        }
    }
    if !is_client && answered(flow.transport, end) {
        served.push((flow.transport, end.port));
    }
}

/// Devices that spoke by their MAC alone: by DHCP or LLDP.
fn spoke(evidence: &SideEvidence) -> Spoke {
    let by_dhcp = evidence.dhcp().flat_map(|((client, _), exchange)| {
        let asked = [&exchange.discovers, &exchange.starts].into_iter().filter(|asked| asked.count > 0);
        asked.map(|asked| (*client, asked.first, asked.last))
    });
    let by_lldp = evidence.lldp_units().map(|((_, source, _), window)| (*source, window.first, window.last));
    let mut spoke = Spoke::new();
    for (mac, first, last) in by_dhcp.chain(by_lldp) {
        let times = spoke.entry(mac).or_insert((first, last));
        times.0 = match (times.0, first) {
            (Timestamp::UNKNOWN, known) | (known, Timestamp::UNKNOWN) => known,
            (a, b) => a.min(b),
        };
        times.1 = times.1.max(last);
    }
    spoke
}

/// The declared addresses that were not seen, ascending, unless the device (the MAC that the same entry may give) has
/// another. What spoke by its MAC alone (it asked for an address and got none) was heard, the rest was not.
fn declared(hosts: &[Host], spoke: &Spoke, inventory: &Inventory) -> Vec<Host> {
    let is_known = |address| hosts.binary_search_by_key(&address, |host| host.address).is_ok();
    let silent = |entry: &Entry| matches!(entry.matcher, Matcher::Address(address) if !is_known(address));
    if !inventory.entries().iter().any(silent) {
        return Vec::new();
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
    let mut declared = Vec::new();
    for entry in inventory.entries() {
        let Matcher::Address(address) = entry.matcher else { continue };
        let mac = macs.get(&entry.place).copied();
        if is_known(address) || mac.is_some_and(|mac| heard.contains(&mac)) {
            continue;
        }
        let mut host = Host::new(address);
        let times = mac.and_then(|mac| spoke.get(&mac));
        (host.mac, host.heard) = (mac, times.is_some());
        (host.first_seen, host.last_seen) = times.copied().unwrap_or((Timestamp::UNKNOWN, Timestamp::UNKNOWN));
        roles::give(&mut host, &Note::default(), inventory);
        declared.push(host);
    }
    declared.sort_by_key(|host| host.address);
    declared.dedup_by_key(|host| host.address);
    declared
}

/// Puts hosts where their addresses belong, and sets the numbers in `parties` right.
fn insert(hosts: Vec<Host>, more: Vec<Host>, parties: &mut [[HostId; 2]]) -> Vec<Host> {
    let mut all = Vec::with_capacity(hosts.len() + more.len());
    let mut numbers = Vec::with_capacity(hosts.len());
    let mut more = more.into_iter().peekable();
    for host in hosts {
        while let Some(before) = more.next_if(|before| before.address < host.address) {
            all.push(before);
        }
        numbers.push(HostId(all.len() as u32));
        all.push(host);
    }
    all.extend(more);
    for id in parties.iter_mut().flatten() {
        *id = numbers.get(id.0 as usize).copied().unwrap_or(*id);
    }
    all
}

fn see(host: &mut Host, first: Timestamp, last: Timestamp) {
    if first != Timestamp::UNKNOWN && (host.first_seen == Timestamp::UNKNOWN || first < host.first_seen) {
        host.first_seen = first;
    }
    host.last_seen = host.last_seen.max(last);
}

/// Whether the server's end of a flow answered, rather than only refused.
fn answered(transport: Transport, server: &EndView<'_>) -> bool {
    match transport {
        Transport::Tcp => {
            server.syn_acks() > 0 || server.has_payload() || server.packets() > u64::from(server.resets())
        }
        Transport::Udp => server.packets() > 0,
        _ => false,
    }
}
