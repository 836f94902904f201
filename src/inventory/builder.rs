//! From flows to hosts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use rayon::prelude::*;

use super::address::{self, AddressKind};
use super::addresses::Addresses;
use super::attachment::Attachments;
use super::declared::{Entry, Inventory};
use super::dedup_vec::DedupVec;
use super::doubts::{self, InventoryDoubts};
use super::error::SourceLocation;
use super::hints::Hint;
use super::host::{Host, HostId, Hosts};
use super::infer::{infer, open_roles};
use super::links::{Links, Proof, give_macs};
use super::matcher::Matcher;
use super::{contacts, link, roles};
use crate::capture::{Moment, Timestamp, prefetch_whole};
use crate::decode::MacAddr;
use crate::flow::{EndView, FlowView, Flows, SideEvidence};
use crate::policy::Policy;
use crate::protocol::{Transport, Turn};
use crate::relation::Orientation;

/// What is kept of a host only until its role is known.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// Whether any frame to it went to a group MAC, and to another MAC.
    to_group: bool,
    to_one: bool,
    /// Whether any of the former said so itself.
    is_sure: bool,
    links: Links,
}

impl Note {
    /// Whether it was only ever a destination of frames to a group's MAC; an address that is declared is one's own, as far as frames
    /// do not say otherwise: a subnet may be larger than its last byte.
    pub(super) const fn only_to_group(&self, is_declared: bool) -> bool {
        self.to_group && !self.to_one && (self.is_sure || !is_declared)
    }
}

/// What told of hosts beside the flows.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// What hosts said of themselves by ARP or neighbour discovery: address and MAC of the senders. Who was heard by
    /// nothing else is a host all the same: it is there, and silent.
    pub neighbours: &'a [(IpAddr, MacAddr)],
    /// Addresses that others asked for by ARP, ascending: somebody expects them.
    pub asked: &'a [IpAddr],
    /// What devices said by DHCP and LLDP.
    pub evidence: &'a SideEvidence,
}

/// The type that a router advertisement answers (RFC 4861 section 4.1): both share a flow.
const ROUTER_SOLICITATION: u8 = 133;

/// First and last time at which devices spoke without an address of theirs, by MAC.
type MacActivity = HashMap<MacAddr, (Timestamp, Timestamp)>;

/// Who is in a survey.
#[derive(Debug)]
pub struct Known {
    /// The hosts with their roles. Declared hosts of which nothing was captured are among them, not [`Host::heard`].
    pub hosts: Hosts,
    /// For each flow the hosts at its two ends.
    pub parties: Vec<[HostId; 2]>,
    /// Who came near to a role.
    pub hints: Vec<Hint>,
    /// What is doubtful about the inventory.
    pub doubts: InventoryDoubts,
}

/// The hosts of a survey.
///
/// Threads are those of the pool that it is called in; the result does not depend on their number.
pub fn hosts_of(
    flows: &Flows,
    orientations: &[Orientation],
    heard: Heard<'_>,
    inventory: &Inventory,
    policy: &Policy,
) -> Known {
    // An ARP probe (RFC 5227) asks from 0.0.0.0.
    let is_somebody = |(address, mac): &&(IpAddr, MacAddr)| {
        !matches!(address::kind(*address), AddressKind::Unspecified | AddressKind::Group) && !mac.is_group()
    };
    let neighbours: Vec<(IpAddr, MacAddr)> = heard.neighbours.iter().filter(is_somebody).copied().collect();
    let addresses = Addresses::of(flows, neighbours.iter().map(|(address, _)| *address));
    let ends_of = |place| flows.addresses(place).map(|address| addresses.number(address));
    let mut parties: Vec<[HostId; 2]> = flows.places().into_par_iter().map(ends_of).collect();

    let mut all = gather(addresses.len(), flows, orientations, &parties);
    for (address, mac) in &neighbours {
        all[addresses.number(*address).0 as usize].note.links.add(Proof::Said, Moment::NEVER, *mac);
    }
    let (mut hosts, mut notes) = (Vec::new(), Vec::new());
    let hosts_made = all.into_par_iter().enumerate().map(|(number, sums)| sums.host(addresses.get(number)));
    hosts_made.unzip_into_vecs(&mut hosts, &mut notes);
    drop(addresses);

    give_macs(&mut hosts, &notes.iter().map(|note| &note.links).collect::<Vec<_>>(), inventory);
    hosts.par_iter_mut().zip(&notes).for_each(|(host, note)| roles::give(host, note, inventory));
    drop(notes);
    let contacts = contacts::contacts(flows, orientations, &parties, policy);
    let hints = if contacts.list.is_empty() {
        Vec::new()
    } else {
        infer(&mut hosts, &contacts, open_roles(inventory), false).hints
    };
    roles::share_by_mac(&mut hosts);
    let spoke = spoke(heard.evidence);
    let doubts = doubts::doubts(&hosts, &contacts, &spoke.keys().copied().collect(), heard.asked, inventory);
    let declared = declared(&hosts, &spoke, inventory);
    if !declared.is_empty() {
        hosts = insert(hosts, declared, &mut parties);
    }
    let attachments = Attachments::of(heard.evidence, flows);
    attachments.give(&mut hosts);
    link::give(heard.evidence, &attachments.devices, &mut hosts);
    Known { hosts: Hosts::new(hosts), parties, hints, doubts }
}

/// Everything that one host did, as it is added up.
struct HostSums {
    first_seen: Timestamp,
    last_seen: Timestamp,
    last_sent: Timestamp,
    first_sent: Timestamp,
    packets_sent: u64,
    bytes_sent: u64,
    packets_received: u64,
    bytes_received: u64,
    note: Note,
    served: DedupVec<(Transport, u16)>,
}

/// The sums of all hosts, by their numbers. The flows are gone through in their order, by each thread for its share of
/// the hosts: they lie in the memory nearly as they come, and only the sums come from all over it.
fn gather(hosts: usize, flows: &Flows, orientations: &[Orientation], parties: &[[HostId; 2]]) -> Vec<HostSums> {
    let mut all: Vec<HostSums> = Vec::new();
    (0..hosts).into_par_iter().map(|_| HostSums::new()).collect_into_vec(&mut all);
    let mut shares = Vec::new();
    let (mut first, mut rest) = (0, &mut *all);
    for length in shares_of(hosts, parties) {
        let (share, others) = rest.split_at_mut(length);
        shares.push((first, share));
        (first, rest) = (first + length as u32, others);
    }
    shares.into_par_iter().for_each(|(first, share)| {
        let length = share.len();
        let of_share = |host: HostId| host.0.checked_sub(first).map(|at| at as usize).filter(|at| *at < length);
        for (place, ends) in (0..).zip(parties) {
            if let Some(later) = parties.get(place as usize + Flows::AHEAD) {
                let mut wanted = later.iter().filter_map(|host| of_share(*host)).peekable();
                if wanted.peek().is_some() {
                    flows.prefetch(place + Flows::AHEAD as u32);
                }
                wanted.for_each(|at| prefetch_whole(share, at));
            }
            let own = ends.map(of_share);
            if own == [None; 2] {
                continue;
            }
            let flow = flows.view(place);
            let client = orientations.get(place as usize).map(|way| usize::from(way.client));
            let times = (flow.first(), flow.last());
            for (end, at) in own.into_iter().enumerate() {
                if let Some(at) = at {
                    share[at].add(&flow, times, end, client == Some(end));
                }
            }
        }
    });
    all
}

/// How many hosts each thread takes, so that all have as many ends of flows to add.
fn shares_of(hosts: usize, parties: &[[HostId; 2]]) -> Vec<usize> {
    let threads = rayon::current_num_threads().max(1);
    if threads == 1 {
        return vec![hosts];
    }
    let mut ends = vec![0_u32; hosts];
    parties.iter().flatten().for_each(|host| ends[host.0 as usize] += 1);
    let fair = (parties.len() * 2).div_ceil(threads).max(1);
    let (mut shares, mut held, mut begin) = (Vec::new(), 0, 0);
    for (at, ends) in ends.iter().enumerate() {
        held += *ends as usize;
        if held >= fair {
            shares.push(at + 1 - begin);
            (held, begin) = (0, at + 1);
        }
    }
    shares.push(hosts - begin);
    shares
}

impl HostSums {
    fn new() -> Self {
        Self {
            first_seen: Timestamp::UNKNOWN,
            last_seen: Timestamp::UNKNOWN,
            last_sent: Timestamp::UNKNOWN,
            first_sent: Timestamp::UNKNOWN,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            note: Note::default(),
            served: DedupVec::default(),
        }
    }

    /// Adds one end of a flow, whose first and last times are known.
    fn add(&mut self, flow: &FlowView<'_>, (first, last): (Timestamp, Timestamp), own: usize, is_client: bool) {
        let (end, other) = (&flow.ends[own & 1], &flow.ends[1 - (own & 1)]);
        if first != Timestamp::UNKNOWN && (self.first_seen == Timestamp::UNKNOWN || first < self.first_seen) {
            self.first_seen = first;
        }
        self.last_seen = self.last_seen.max(last);
        if end.packets() > 0 {
            self.last_sent = self.last_sent.max(end.end());
            let begin = end.begin().time;
            if self.first_sent == Timestamp::UNKNOWN || begin < self.first_sent {
                self.first_sent = begin;
            }
        }
        self.packets_sent += end.packets();
        self.bytes_sent += end.bytes();
        self.packets_received += other.packets();
        self.bytes_received += other.bytes();
        let note = &mut self.note;
        if end.packets() > 0
            && let Some(mac) = end.source_mac()
        {
            note.links.add(Proof::of_sent(end.hops()), end.begin(), mac);
            note.links.advertises |= flow.icmp_type == Some(ROUTER_SOLICITATION)
                && flow.transport == Transport::Icmpv6
                && end.turn() == Turn::Response;
        }
        if other.packets() > 0
            && let Some(mac) = other.destination_mac()
        {
            let is_to_all = end.address.is_ipv4() && mac.may_be_subnet();
            *(if is_to_all { &mut note.to_group } else { &mut note.to_one }) = true;
            note.is_sure |= is_to_all && mac != MacAddr::LIKELY_GROUP;
            if end.packets() == 0 {
                note.links.add(Proof::Received, other.begin(), mac);
            }
        }
        if !is_client && answered(flow.transport, end) {
            self.served.push((flow.transport, end.port));
        }
    }

    /// The host of an address that did this.
    fn host(self, address: IpAddr) -> (Host, Note) {
        let mut served = self.served.finish();
        let serves_more = served.len().saturating_sub(Host::MAX_SERVES) as u32;
        served.truncate(Host::MAX_SERVES);
        let host = Host {
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            last_sent: self.last_sent,
            first_sent: self.first_sent,
            packets_sent: self.packets_sent,
            bytes_sent: self.bytes_sent,
            packets_received: self.packets_received,
            bytes_received: self.bytes_received,
            serves: served.into(),
            serves_more,
            ..Host::new(address)
        };
        (host, self.note)
    }
}

/// Devices that spoke by their MAC alone: by DHCP, LLDP or 802.1X.
fn spoke(evidence: &SideEvidence) -> MacActivity {
    let by_dhcp = evidence.dhcp().flat_map(|((client, ..), exchange)| {
        let asked = [&exchange.discovers, &exchange.starts].into_iter().filter(|asked| asked.count > 0);
        asked.map(|asked| (*client, asked.first, asked.last))
    });
    let by_lldp = evidence.lldp_units().map(|((_, source, _), window)| (*source, window.first, window.last));
    let mut spoke = MacActivity::new();
    let tried = evidence.link.authentication().filter(|(_, said)| said.was_tried());
    let by_802_1x = tried.map(|((_, station), said)| (*station, said.starts.and(said.responses)));
    let by_802_1x = by_802_1x.map(|(station, window)| (station, window.first, window.last));
    for (mac, first, last) in by_dhcp.chain(by_lldp).chain(by_802_1x) {
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
fn declared(hosts: &[Host], spoke: &MacActivity, inventory: &Inventory) -> Vec<Host> {
    let is_known = |address| hosts.binary_search_by_key(&address, |host| host.address).is_ok();
    let silent = |entry: &Entry| matches!(entry.matcher, Matcher::Address(address) if !is_known(address));
    if !inventory.entries().iter().any(silent) {
        return Vec::new();
    }
    let heard: HashSet<MacAddr> = hosts.iter().filter_map(|host| host.mac).collect();
    let macs: HashMap<&SourceLocation, MacAddr> = inventory
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
