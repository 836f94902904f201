//! Roles from the traffic, where nobody declared them. docs/roles.md tells the method in words.
//!
//! The vendor's tables of gateway and node are the same but for one cell, so a port alone does not say
//! which end is which. What does: one gateway speaks with many nodes, and each node with hardly
//! anybody but its gateway; and where there are too few nodes for that, who asks for what.

use std::fmt::Write as _;
use std::net::IpAddr;

use rayon::prelude::*;

use super::address::{self, AddressKind};
use super::candidate::{Accepted, Candidate, GATEWAY_POINTS, HUB_PEERS, gateway_side, points};
use super::contacts::Contacts;
use super::declared::Inventory;
use super::hints::Hint;
use super::host::{Host, RoleSource};
use super::profile::{ContactEnd, Profile, Profiles};
use super::services::Service;
use crate::decode::MacAddr;
use crate::policy::Role;

/// For a hub: a host with at least [`HUB_PEERS`] peers, which have fewer peers than it.
const HUB_POINTS: u32 = 12;
/// For BACnet with a host that speaks nothing of the lighting: only the gateway has both.
const BACNET_POINTS: u32 = 4;
/// For speaking with a declared node.
const DECLARED_PEER_POINTS: u32 = 8;
/// What a node needs.
const NODE_POINTS: u32 = 4;
/// For, or against, a node: its MAC is of the block of most nodes, or of another.
const OUI_POINTS: u32 = 4;
/// A node that is sure enough to count for the block of most nodes.
const SURE_NODE_POINTS: u32 = 6;

/// No inference is surer than this, in percent.
const MOST_CONFIDENCE: u32 = 95;
/// A gateway known by one service only is not surer than this.
const ONE_SERVICE_CONFIDENCE: u32 = 60;
/// A node known by its MAC alone, and one that asked the gateway for HTTP besides.
const OUI_CONFIDENCE: u8 = 40;
const OUI_HTTP_CONFIDENCE: u8 = 55;
/// A BACnet system that exchanged with the gateway, only one of them spoke, or both only to groups.
const BACNET_CONFIDENCE: [u8; 3] = [80, 60, 45];

/// Which roles may be inferred: gateway, node, BACnet system.
pub(super) type RolesToInfer = [bool; 3];

/// All that can be inferred.
pub(super) const EVERY_ROLE: RolesToInfer = [true; 3];

/// What an inventory leaves open: each role that no entry gives, and none if it says that it is complete.
pub(super) fn open_roles(inventory: &Inventory) -> RolesToInfer {
    [Role::Gateway, Role::Node, Role::Bacnet].map(|role| !inventory.is_complete() && !inventory.declares(role))
}

/// What inference found beside roles.
#[derive(Debug, Default)]
pub(super) struct Inferred {
    /// Who came near to a role.
    pub(super) hints: Vec<Hint>,
    /// Gateways, by their places, that speak with more hosts than those do: no node does that.
    pub(super) hubs: Vec<u32>,
}

/// Gives inferred roles to hosts of which nothing else is known.
/// Where nodes are declared, gateways are looked for among those that speak with them, unless `or_others` have theirs.
pub(super) fn infer(hosts: &mut [Host], contacts: &Contacts, wanted: RolesToInfer, or_others: bool) -> Inferred {
    if wanted == [false; 3] {
        return Inferred::default();
    }
    let open: Vec<bool> = hosts.iter().map(is_open).collect();
    let units = units(hosts, &open);
    let role = |host: u32| hosts.get(host as usize).map(|host| host.role);
    let takes_part = |host: u32| open.get(host as usize) == Some(&true) || role(host).is_some_and(Role::is_igor);
    let is_group = |host: u32| role(host) == Some(Role::Group);
    let profiles = Profiles::new(contacts, &units, takes_part, is_group);
    let mut inference = Inference {
        hosts,
        open: &open,
        units: &units,
        profiles: &profiles,
        gateways: Vec::new(),
        hubs: Vec::new(),
        oui: None,
    };

    if wanted[0] {
        inference.find_gateways(or_others);
    }
    inference.collect_gateways();
    if wanted[1] {
        inference.find_nodes();
    }
    if wanted[2] {
        inference.find_bacnet();
    }
    inference.share();
    Inferred { hints: inference.hints(wanted), hubs: inference.hubs }
}

/// Whether a host may be given a role: it is a unicast host of the site, and nobody declared it.
fn is_open(host: &Host) -> bool {
    host.source == RoleSource::Address
        && host.role == Role::Host
        && !matches!(address::kind(host.address), AddressKind::Unspecified | AddressKind::Loopback)
}

/// Whether somebody said that a host is a node.
fn is_declared_node(host: &Host) -> bool {
    host.role == Role::Node && host.source == RoleSource::Declared
}

/// For each host, whose evidence it shares: an IPv6 address that of the lowest address of its MAC.
fn units(hosts: &[Host], open: &[bool]) -> Vec<u32> {
    let mut units: Vec<u32> = (0..hosts.len() as u32).collect();
    let mut by_mac: Vec<(MacAddr, IpAddr, u32)> = hosts
        .par_iter()
        .zip(open)
        .enumerate()
        .filter(|(_, (host, open))| **open || host.role.is_igor())
        .filter_map(|(id, (host, _))| Some((host.mac?, host.address, id as u32)))
        .collect();
    by_mac.par_sort_unstable();
    for run in by_mac.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(_, _, leader)) = run.first() else { continue };
        for (_, address, id) in run {
            if address.is_ipv6()
                && let Some(unit) = units.get_mut(*id as usize)
            {
                *unit = leader;
            }
        }
    }
    units
}

pub(super) struct Inference<'a> {
    hosts: &'a mut [Host],
    open: &'a [bool],
    units: &'a [u32],
    pub(super) profiles: &'a Profiles<'a>,
    /// Units of the gateways with the confidence in each, ascending.
    pub(super) gateways: Vec<(u32, u8)>,
    /// Units of those of the gateways that are hubs.
    hubs: Vec<u32>,
    /// The MAC block of most nodes.
    oui: Option<[u8; 3]>,
}

impl<'a> Inference<'a> {
    pub(super) fn address(&self, unit: u32) -> IpAddr {
        self.hosts.get(unit as usize).map_or(IpAddr::from([0; 4]), |host| host.address)
    }

    fn role(&self, unit: u32) -> Option<Role> {
        self.hosts.get(unit as usize).map(|host| host.role)
    }

    fn is_open(&self, unit: u32) -> bool {
        self.open.get(unit as usize) == Some(&true)
    }

    fn set(&mut self, unit: u32, role: Role, confidence: u8, basis: String) {
        if let Some(host) = self.hosts.get_mut(unit as usize) {
            (host.role, host.source, host.confidence) = (role, RoleSource::Inferred, confidence);
            host.basis = basis.into();
        }
    }

    fn find_gateways(&mut self, or_others: bool) {
        let nodes_declared = !or_others && self.hosts.iter().any(is_declared_node);
        let this = &*self;
        let open = this.profiles.par_iter().filter(|profile| this.is_candidate(profile.unit));
        let mut candidates: Vec<Candidate<'a>> =
            open.filter_map(|profile| this.candidate(profile, nodes_declared)).collect();
        candidates.sort_by(|a, b| {
            (b.hub, b.profile.peers.len(), b.points)
                .cmp(&(a.hub, a.profile.peers.len(), a.points))
                .then(a.address.cmp(&b.address))
        });
        let mut accepted = Accepted::new(self.hosts.len());
        let known = self.profiles.iter().filter(|profile| self.role(profile.unit) == Some(Role::Gateway));
        known.for_each(|profile| accepted.note(profile));
        let richest = candidates.iter().filter(|candidate| candidate.services > 1).max_by_key(|one| one.points);
        let mut blocks: Vec<[u8; 3]> =
            richest.iter().flat_map(|rich| &rich.profile.peers).filter_map(|peer| self.universal_oui(*peer)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        for candidate in &candidates {
            // Beside a surer gateway, a tool asks that one's nodes for one thing, and who is of another trade devices of other makers.
            let mut makers = candidate.profile.peers.iter().filter_map(|peer| self.universal_oui(*peer)).peekable();
            let is_of_the_trade = candidate.services > 1
                || richest.is_none_or(|rich| rich.points <= candidate.points)
                || accepted.owns(candidate) >= HUB_PEERS
                    && (blocks.is_empty()
                        || makers.peek().is_none()
                        || makers.any(|maker| blocks.binary_search(&maker).is_ok()));
            if is_of_the_trade && accepted.leaves_room_for(candidate, self.profiles) {
                accepted.push(candidate);
            }
        }
        for candidate in accepted.list {
            let cap = if candidate.services > 1 { MOST_CONFIDENCE } else { ONE_SERVICE_CONFIDENCE };
            let confidence = (45 + 3 * candidate.points).min(cap) as u8;
            let mut basis = self.profiles.sentence(candidate.profile);
            if candidate.hub {
                let _ = write!(basis, "; {} peers, more than they have", candidate.profile.peers.len());
                self.hubs.push(candidate.profile.unit);
            }
            self.set(candidate.profile.unit, Role::Gateway, confidence, basis);
        }
    }

    /// Weighs one host as a gateway; `None` if too little speaks for it.
    fn candidate(&self, profile: &'a Profile, nodes_declared: bool) -> Option<Candidate<'a>> {
        let degree = profile.peers.len();
        let hub = degree >= HUB_PEERS && degree > self.profiles.median_degree(&profile.peers);
        let asks_several = [Service::Firmware, Service::Configuration, Service::Coap]
            .into_iter()
            .any(|service| profile.side(service, ContactEnd::Client).tried as usize >= HUB_PEERS);
        let (mut speaks_for, mut speaks_against, mut services, mut typical, mut fan_out) = (0, 0, 0, false, 0);
        for service in Service::ALL.into_iter().filter(|service| service.is_lighting()) {
            let own = gateway_side(service);
            let (mine, other) = (profile.side(service, own), profile.side(service, own.other()));
            let weight = |tried: u32, worked: u32| match (tried, worked) {
                (0, 0) => 0,
                (_, 0) => points(service) / 2,
                _ => points(service),
            };
            let (mine_points, other_points) = (weight(mine.tried, mine.worked), weight(other.tried, other.worked));
            // Who is a hub because others ask it is not one that asks.
            if hub && (asks_several || other.tried as usize >= HUB_PEERS) {
                speaks_for += mine_points.max(other_points);
            } else {
                speaks_for += mine_points;
                speaks_against += other_points;
            }
            if mine.worked + other.worked > 0 {
                services += 1;
                // Kerberos and network boot have hubs too, but not as clients, and not with these.
                let asks = profile.side(service, ContactEnd::Client).worked;
                typical |= matches!(service, Service::Firmware | Service::Coap)
                    || (service == Service::Configuration && asks > 0);
                if matches!(service, Service::Firmware | Service::Coap | Service::Configuration) {
                    fan_out = fan_out.max(asks);
                }
            }
        }
        let mut points = speaks_for + if hub { HUB_POINTS } else { 0 };
        if profile.bacnet_peers.iter().any(|peer| profile.peers.binary_search(peer).is_err()) && services > 0 {
            points += BACNET_POINTS;
        }
        let is_declared = |peer: &&u32| self.hosts.get(**peer as usize).is_some_and(is_declared_node);
        let declared = if nodes_declared { profile.peers.iter().filter(is_declared).count() } else { 0 };
        let has_declared = declared > 0;
        if has_declared {
            points += DECLARED_PEER_POINTS;
        }
        let points = points.saturating_sub(speaks_against);
        let enough = if nodes_declared {
            has_declared && (services > 1 || services > 0 && (typical || hub && declared * 2 > degree))
        } else if hub {
            (services > 1 && typical) || fan_out as usize >= HUB_PEERS
        } else {
            services > 1
        };
        let address = self.address(profile.unit);
        (enough && points >= GATEWAY_POINTS).then_some(Candidate { profile, address, hub, points, services })
    }

    fn collect_gateways(&mut self) {
        let gateways = self.hosts.iter().zip(self.units).filter(|(host, _)| host.role == Role::Gateway);
        let mut gateways: Vec<(u32, u8)> = gateways.map(|(host, unit)| (*unit, host.confidence)).collect();
        gateways.sort_unstable();
        gateways.dedup_by_key(|gateway| gateway.0);
        self.gateways = gateways;
    }

    pub(super) fn gateway(&self, unit: u32) -> Option<u8> {
        let at = self.gateways.binary_search_by_key(&unit, |gateway| gateway.0).ok()?;
        self.gateways.get(at).map(|gateway| gateway.1)
    }

    fn find_nodes(&mut self) {
        if self.gateways.is_empty() {
            return;
        }
        let this = &*self;
        let candidates = this.profiles.par_iter().filter(|profile| this.is_candidate(profile.unit));
        let weighed = |profile: &Profile| {
            let (points, confidence, basis) = this.weigh_node(profile);
            (points > 0).then_some((profile.unit, points, confidence, basis))
        };
        let nodes: Vec<(u32, u32, u8, String)> = candidates.filter_map(weighed).collect();
        self.oui = self.most_common_oui(&nodes);
        for (unit, mut points, most, mut basis) in nodes {
            match (self.oui, self.universal_oui(unit)) {
                (Some(common), Some(own)) if common == own => {
                    points += OUI_POINTS;
                    let _ = write!(basis, "; MAC block {} as most nodes", oui_text(own));
                }
                (Some(_), Some(_)) => points = points.saturating_sub(OUI_POINTS),
                _ => {}
            }
            if points >= NODE_POINTS {
                let confidence = (45 + 4 * points).min(MOST_CONFIDENCE).min(u32::from(most)) as u8;
                self.set(unit, Role::Node, confidence, basis);
            }
        }
        self.find_nodes_by_mac();
    }

    /// Whether a unit may still become something: open, and neither gateway nor anything else yet.
    pub(super) fn is_candidate(&self, unit: u32) -> bool {
        let is_scanner = || self.profiles.of(unit).is_some_and(Profile::is_scanner);
        self.is_open(unit) && self.role(unit) == Some(Role::Host) && !is_scanner()
    }

    /// Points for a node, the most confidence that its gateways allow, and the reason.
    fn weigh_node(&self, profile: &Profile) -> (u32, u8, String) {
        let (mut total, mut most, mut parts) = (0, 0, Vec::new());
        let mut with = None;
        for service in Service::ALL.into_iter().filter(|service| service.is_lighting()) {
            let mut best = 0;
            let mut said = None;
            for side in [ContactEnd::Client, ContactEnd::Server] {
                for &(peer, worked) in self.profiles.peers(profile, service, side) {
                    let Some(confidence) = self.gateway(peer) else { continue };
                    most = most.max(confidence);
                    with = with.max(Some(std::cmp::Reverse(self.address(peer))));
                    // CoAP and UPnP go both ways; for the rest the other way round says less.
                    let usual = side != gateway_side(service) || matches!(service, Service::Coap | Service::Upnp);
                    let given = points(service) / if worked { 1 } else { 2 } / if usual { 1 } else { 2 };
                    if given > best {
                        best = given;
                        said = Some(side);
                    }
                }
            }
            total += best;
            match said {
                Some(ContactEnd::Client) => parts.push(format!("asks for {}", self.profiles.words(service))),
                Some(ContactEnd::Server) => parts.push(format!("is asked for {}", self.profiles.words(service))),
                None => {}
            }
        }
        let mut basis = parts.join(", ");
        if let Some(std::cmp::Reverse(address)) = with {
            let _ = write!(basis, "; with the gateway {address}");
        }
        (total, most, basis)
    }

    fn universal_oui(&self, unit: u32) -> Option<[u8; 3]> {
        self.hosts.get(unit as usize)?.maker()
    }

    /// The MAC block of most nodes: of at least three sure ones and three in five of them, and of no gateway.
    fn most_common_oui(&self, nodes: &[(u32, u32, u8, String)]) -> Option<[u8; 3]> {
        let sure = nodes.iter().filter(|node| node.1 >= SURE_NODE_POINTS);
        let mut blocks: Vec<[u8; 3]> = sure.filter_map(|node| self.universal_oui(node.0)).collect();
        blocks.sort_unstable();
        let all = blocks.len();
        let most = blocks.chunk_by(|a, b| a == b).rev().max_by_key(|run| run.len())?;
        let block = *most.first()?;
        let gateways = self.gateways.iter().any(|gateway| self.universal_oui(gateway.0) == Some(block));
        (most.len() >= 3 && most.len() * 5 >= all * 3 && !gateways).then_some(block)
    }

    /// Hosts with the nodes' MAC block that were not heard to speak with the gateway: a node that
    /// cannot reach its gateway is the one that is looked for.
    fn find_nodes_by_mac(&mut self) {
        let Some(block) = self.oui else { return };
        for unit in 0..self.hosts.len() as u32 {
            let own = self.units.get(unit as usize) == Some(&unit);
            if !own || !self.is_candidate(unit) || self.universal_oui(unit) != Some(block) {
                continue;
            }
            let profile = self.profiles.of(unit);
            let meets = |service| {
                let sides = [ContactEnd::Client, ContactEnd::Server];
                profile.is_some_and(|profile| {
                    sides.iter().any(|side| {
                        self.profiles.peers(profile, service, *side).iter().any(|peer| self.gateway(peer.0).is_some())
                    })
                })
            };
            if meets(Service::Bacnet) {
                continue;
            }
            let basis = format!("MAC block {} as most nodes", oui_text(block));
            let (confidence, basis) = if meets(Service::Http) {
                (OUI_HTTP_CONFIDENCE, format!("{basis}; HTTP with the gateway"))
            } else {
                (OUI_CONFIDENCE, format!("{basis}; not heard with a gateway"))
            };
            self.set(unit, Role::Node, confidence, basis);
        }
    }

    fn find_bacnet(&mut self) {
        let speaks = |unit: u32| self.profiles.of(unit).is_some_and(|profile| profile.speaks_bacnet());
        let gateway_to_groups = self.gateways.iter().filter(|gateway| speaks(gateway.0)).map(|gateway| gateway.1).max();
        // Who serves the lighting of several nodes, or of whoever there is, is a gateway that somebody has not declared.
        let is_node = |unit: &&u32| self.role(**unit) == Some(Role::Node);
        let any_nodes = self.hosts.iter().any(|host| host.role == Role::Node);
        let is_system = |profile: &&Profile| {
            let nodes = if any_nodes { profile.peers.iter().filter(is_node).count() } else { profile.peers.len() };
            self.is_candidate(profile.unit) && (nodes < HUB_PEERS || self.candidate(profile, false).is_none())
        };
        for profile in self.profiles.iter().filter(is_system).collect::<Vec<_>>() {
            let partners = [ContactEnd::Client, ContactEnd::Server].into_iter().flat_map(|side| {
                self.profiles.peers(profile, Service::Bacnet, side).iter().filter_map(|&(peer, worked)| {
                    Some((worked, self.gateway(peer)?, std::cmp::Reverse(self.address(peer))))
                })
            });
            let words = self.profiles.words(Service::Bacnet);
            let (rank, most, basis) = match partners.max() {
                Some((true, most, with)) => (0, most, format!("exchanges {words} with the gateway {}", with.0)),
                Some((false, most, with)) => (1, most, format!("{words} one way with the gateway {}", with.0)),
                None => match gateway_to_groups {
                    Some(most) if profile.bacnet_to_group => {
                        (2, most, format!("sends {words} to groups, and so does a gateway"))
                    }
                    _ => continue,
                },
            };
            let confidence = BACNET_CONFIDENCE.get(rank).copied().unwrap_or(0).min(most);
            self.set(profile.unit, Role::Bacnet, confidence, basis);
        }
    }

    /// Gives a unit's role to its other addresses, and says of the rest why they have none.
    fn share(&mut self) {
        for (host, &unit) in (0u32..).zip(self.units).filter(|(host, unit)| host != *unit) {
            if self.is_candidate(host)
                && let Some(leader) = self.hosts.get(unit as usize)
                && leader.source == RoleSource::Inferred
            {
                let (role, confidence) = (leader.role, leader.confidence);
                let basis = format!("same MAC as {}", leader.address);
                self.set(host, role, confidence, basis);
            }
        }
        let (open, profiles) = (self.open, self.profiles);
        self.hosts.par_iter_mut().zip(open).enumerate().for_each(|(at, (host, open))| {
            if *open
                && host.role == Role::Host
                && let Some(profile) = profiles.of(at as u32).filter(|profile| !profile.peers.is_empty())
            {
                let mut basis = String::with_capacity(96);
                basis.push_str("too little for a role: ");
                profiles.write_sentence(profile, &mut basis);
                host.basis = basis.into();
            }
        });
    }
}

fn oui_text([a, b, c]: [u8; 3]) -> String {
    format!("{a:02x}:{b:02x}:{c:02x}")
}
