//! The inventory held against the traffic: what contradicts it, and what it says of nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::candidate::HUB_PEERS;
use super::contacts::{Contact, Contacts};
use super::declared::{Entry, Inventory};
use super::error::SourceLocation;
use super::host::{Host, RoleSource};
use super::infer::{EVERY_ROLE, infer};
use super::matcher::Matcher;
use crate::decode::MacAddr;
use crate::policy::Role;

/// Who contradicts the inventory by its traffic must be that sure, in percent.
const SURE: u8 = 60;

/// Traffic that contradicts the inventory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contradiction {
    /// Declared as one, a host behaves as another.
    Behaves {
        /// Who.
        host: Named,
        /// What the inventory says.
        declared: Role,
        /// What the traffic says.
        guess: Guess,
    },
    /// No declared gateway was heard, and a host that is not declared behaves as one.
    GatewayElsewhere {
        /// The declared one.
        silent: String,
        /// The other.
        host: Named,
        /// Why.
        guess: Guess,
    },
    /// An address is declared with one MAC, and was heard with another.
    OtherMac {
        /// Who.
        host: Named,
        /// What the inventory says.
        declared: MacAddr,
        /// What the traffic says.
        heard: MacAddr,
    },
    /// A MAC is declared with one address, and was heard with another.
    OtherAddress {
        /// The declared address.
        host: Named,
        /// The MAC.
        mac: MacAddr,
        /// The address that it was heard with.
        heard: IpAddr,
    },
    /// Nobody declares a host that behaves as Igor's do.
    NotListed {
        /// Who.
        host: Named,
        /// As what.
        guess: Guess,
    },
}

/// What a host is by its traffic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guess {
    /// Its role.
    pub role: Role,
    /// What speaks for it.
    pub basis: String,
    /// How sure that is, percent.
    pub confidence: u8,
}

impl Guess {
    fn of(host: &Host) -> Self {
        Self { role: host.role, basis: host.basis.to_string(), confidence: host.confidence }
    }
}

/// An address, and its name where the inventory gives one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Named(pub IpAddr, pub Option<Arc<str>>);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.1 {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// What is doubtful about an inventory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InventoryDoubts {
    /// What the traffic contradicts, gravest first.
    pub contradictions: Vec<Contradiction>,
    /// Entries that nothing in the capture matches, as `node-01 10.20.0.31`.
    pub unmatched: Vec<String>,
}

/// Holds an inventory against hosts, which have their roles by now, and what they had to do with each other.
pub(super) fn doubts(
    hosts: &[Host],
    contacts: &Contacts,
    spoke: &HashSet<MacAddr>,
    asked: &[IpAddr],
    inventory: &Inventory,
) -> InventoryDoubts {
    if inventory.entries().is_empty() && !inventory.is_complete() {
        return InventoryDoubts::default();
    }
    let mut contradictions = by_behaviour(hosts, contacts, inventory);
    contradictions.extend(by_address_and_mac(hosts, inventory));
    InventoryDoubts { contradictions, unmatched: unmatched(hosts, spoke, asked, inventory) }
}

fn named(host: &Host) -> Named {
    Named(host.address, host.name.clone())
}

/// What is inferred beside the inventory, where that says otherwise. Between two hosts nothing tells gateway and node apart
/// but who has more peers: only hubs contradict, and only if no declared gateway is one.
fn by_behaviour(hosts: &[Host], contacts: &Contacts, inventory: &Inventory) -> Vec<Contradiction> {
    let mut found = Vec::new();
    // As if nobody were declared.
    let mut alone: Vec<Host> = hosts.iter().map(undeclared).collect();
    let hubs = infer(&mut alone, contacts, EVERY_ROLE, true).hubs;
    let hub = |place: &u32| Some((hosts.get(*place as usize)?, alone.get(*place as usize)?));
    let hubs: Vec<(&Host, &Host)> = hubs.iter().filter_map(hub).collect();
    let sure = |host: &Host| host.source == RoleSource::Inferred && host.confidence >= SURE;
    let is_confirmed = hubs.iter().any(|(host, _)| host.role == Role::Gateway);
    let is_declared = |host: &Host, roles: &[Role]| host.source == RoleSource::Declared && roles.contains(&host.role);
    let wrong = hubs.iter().filter(|(host, alone)| sure(alone) && is_declared(host, &[Role::Node, Role::Bacnet]));
    let wrong: Vec<_> = wrong.filter(|_| !is_confirmed).collect();
    let stand_in = hubs.iter().find(|(host, alone)| host.source != RoleSource::Declared && sure(alone));
    let behaves = |host: &Host, alone: &Host| Contradiction::Behaves {
        host: named(host),
        declared: host.role,
        guess: Guess::of(alone),
    };
    found.extend(wrong.iter().map(|(host, alone)| behaves(host, alone)));
    // A gateway of which few nodes were heard is no hub: then it serves a declared one.
    let [gateways, nodes] = [Role::Gateway, Role::Node].map(|role| declared(hosts, role));
    let served = contacts.list.iter().filter(|one| one.service.is_lighting() && joins(one, &gateways, &nodes));
    let served = served.flat_map(|one| [one.client, one.server]).filter(|place| nodes.contains(place));
    let makers: HashSet<_> = served.filter_map(|place| Some(hosts.get(place as usize)?.maker())).collect();
    let turned = hosts.iter().zip(&alone).filter(|(host, alone)| {
        is_declared(host, &[Role::Gateway]) && sure(alone) && matches!(alone.role, Role::Node | Role::Bacnet)
    });
    let turned: Vec<_> = turned.collect();
    // A block of gateways may hold the nodes of one of them; gateways in reserve may be asked by another. Beside nodes that are
    // declared and served, the former are of those nodes' maker, which is not the gateway's.
    let of_hubs: Vec<_> =
        hubs.iter().filter(|(host, _)| host.role == Role::Gateway).map(|(host, _)| host.maker()).collect();
    let is_of_nodes = |host: &Host| match host.maker() {
        _ if makers.is_empty() => true,
        None => false,
        maker => makers.contains(&maker) && !of_hubs.contains(&maker),
    };
    let are_its_nodes = is_confirmed && turned.iter().filter(|(host, _)| is_of_nodes(host)).count() >= HUB_PEERS;
    if !wrong.is_empty() || stand_in.is_some() && !is_confirmed && makers.is_empty() || are_its_nodes {
        found.extend(turned.iter().map(|(host, alone)| behaves(host, alone)));
    }
    // A block may hold more than the nodes, or the BACnet systems, that it is written for.
    let others = hosts.iter().zip(&alone).filter(|(host, alone)| match alone.role {
        Role::Bacnet => is_declared(host, &[Role::Node]) && sure(alone),
        Role::Node => is_confirmed && is_declared(host, &[Role::Bacnet]) && sure(alone),
        _ => false,
    });
    found.extend(others.map(|(host, alone)| behaves(host, alone)));
    let silent = inventory.entries().iter().find(|entry| entry.role == Role::Gateway);
    let is_heard = |host: &Host| host.packets_sent > 0 || host.mac_is_own;
    let speaks = hosts.iter().any(|host| host.role == Role::Gateway && is_heard(host));
    if let (Some(silent), false, Some((host, alone))) = (silent, speaks, stand_in) {
        found.push(Contradiction::GatewayElsewhere {
            silent: entry_name(silent),
            host: named(host),
            guess: Guess::of(alone),
        });
    }
    if !found.is_empty() {
        return found;
    }
    // The inventory is right about the rest: whom it lacks beside those.
    let is_known = |host: &Host| host.source == RoleSource::Declared;
    let mut beside: Vec<Host> =
        hosts.iter().map(|host| if is_known(host) { host.clone() } else { undeclared(host) }).collect();
    infer(&mut beside, contacts, EVERY_ROLE, true);
    let missing = hosts.iter().zip(&beside).filter(|(host, beside)| {
        // Who asks for one thing may be a person at a computer, or of another trade that speaks CoAP.
        let is_sure = beside.source == RoleSource::Inferred && beside.confidence > SURE;
        !is_known(host) && host.role != beside.role && is_sure && matches!(beside.role, Role::Gateway | Role::Node)
    });
    found
        .extend(missing.map(|(host, beside)| Contradiction::NotListed { host: named(host), guess: Guess::of(beside) }));
    found
}

/// The places of those that are declared to be something.
fn declared(hosts: &[Host], role: Role) -> HashSet<u32> {
    let is_it = |(host, _): &(&Host, u32)| host.source == RoleSource::Declared && host.role == role;
    hosts.iter().zip(0..).filter(is_it).map(|(_, place)| place).collect()
}

/// Whether something came of a contact between one of each.
fn joins(contact: &Contact, some: &HashSet<u32>, others: &HashSet<u32>) -> bool {
    let is_between = |a: &u32, b: &u32| some.contains(a) && others.contains(b);
    contact.worked && (is_between(&contact.client, &contact.server) || is_between(&contact.server, &contact.client))
}

/// A host as it would be if the inventory said nothing of it.
fn undeclared(host: &Host) -> Host {
    let mut host = host.clone();
    if host.source != RoleSource::Address {
        (host.role, host.source) = (Role::Host, RoleSource::Address);
    }
    host
}

/// Entries with an address and a MAC that were heard, but never together.
fn by_address_and_mac(hosts: &[Host], inventory: &Inventory) -> Vec<Contradiction> {
    let mut pairs: BTreeMap<&SourceLocation, (Option<&Entry>, Option<MacAddr>)> = BTreeMap::new();
    for entry in inventory.entries() {
        let pair = pairs.entry(&entry.place).or_default();
        match entry.matcher {
            Matcher::Address(_) => pair.0 = Some(entry),
            Matcher::Mac(mac) => pair.1 = Some(mac),
            _ => {}
        }
    }
    let own_mac = |host: &&Host| host.mac_is_own && host.packets_sent > 0;
    let mut by_mac: HashMap<MacAddr, IpAddr> = HashMap::new();
    for host in hosts.iter().filter(own_mac).filter(|host| host.address.is_ipv4()) {
        by_mac.extend(host.mac.map(|mac| (mac, host.address)));
    }
    let mut found = Vec::new();
    for (entry, mac) in pairs.into_values() {
        let (Some(entry), Some(declared)) = (entry, mac) else { continue };
        let Matcher::Address(address) = entry.matcher else { continue };
        let at = hosts.binary_search_by_key(&address, |host| host.address).ok();
        let heard = at.and_then(|at| hosts.get(at)).filter(own_mac);
        let sends = at.and_then(|at| hosts.get(at)).is_some_and(|host| host.packets_sent > 0);
        let name = Named(address, entry.name.clone());
        match (heard, heard.and_then(|host| host.mac)) {
            (Some(host), Some(heard)) if heard != declared && !host.more_macs.contains(&declared) => {
                found.push(Contradiction::OtherMac { host: name, declared, heard });
            }
            // A device may have several addresses: of those that are declared, none contradicts another.
            (None, _) if address.is_ipv4() && !sends => {
                let other = by_mac.get(&declared).filter(|heard| inventory.by_address(**heard).is_none());
                found.extend(other.map(|heard| Contradiction::OtherAddress {
                    host: name,
                    mac: declared,
                    heard: *heard,
                }));
            }
            _ => {}
        }
    }
    found
}

/// Entries that nothing matches by any of what they give: neither what was heard, nor an address that others asked for, which
/// is right, and its device absent.
fn unmatched(hosts: &[Host], spoke: &HashSet<MacAddr>, asked: &[IpAddr], inventory: &Inventory) -> Vec<String> {
    let heard: Vec<&Host> = hosts.iter().filter(|host| host.heard).collect();
    let mut macs: Vec<MacAddr> =
        heard.iter().flat_map(|host| host.mac.iter().chain(&host.more_macs)).copied().collect();
    macs.extend(spoke);
    macs.sort_unstable();
    let matches = |matcher: &Matcher| match matcher {
        Matcher::Mac(mac) => macs.binary_search(mac).is_ok(),
        Matcher::MacPrefix(prefix) => {
            let at = macs.partition_point(|mac| *mac < prefix.first());
            macs.get(at).is_some_and(|mac| prefix.holds(*mac))
        }
        _ => matcher.span().is_some_and(|(first, last)| {
            let at = heard.partition_point(|host| host.address < first);
            let wanted = asked.partition_point(|address| *address < first);
            heard.get(at).is_some_and(|host| host.address <= last)
                || asked.get(wanted).is_some_and(|address| *address <= last)
        }),
    };
    let mut by_place: BTreeMap<&SourceLocation, (bool, &Entry)> = BTreeMap::new();
    for entry in inventory.entries() {
        let place = by_place.entry(&entry.place).or_insert((false, entry));
        place.0 |= matches(&entry.matcher);
    }
    let silent = by_place.into_values().filter(|(matched, _)| !matched).map(|(_, entry)| entry);
    silent.map(entry_name).collect()
}

fn entry_name(entry: &Entry) -> String {
    match &entry.name {
        Some(name) => format!("{} ({name})", entry.matcher),
        None => entry.matcher.to_string(),
    }
}
