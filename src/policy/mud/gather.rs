//! Entries, of which requests and answers have one each, to what the device may ask and be asked.

use std::collections::BTreeMap;

use super::entry::{AccessEntry, Peers, Ports};
use super::member::Notes;
use super::{Described, MudList};
use crate::policy::{Direction, Role, RoleSet};
use crate::protocol::Transport;

/// A range of so many ports still becomes cells of a document, one a port.
const CELLS_A_RANGE: usize = 16;

#[derive(Default)]
pub(super) struct Gathered {
    /// What a document can list: the roles at the other end, and the entry it is from.
    pub(super) cells: BTreeMap<(Direction, Transport, u16), (RoleSet, String)>,
    pub(super) asks: Vec<Ask>,
}

/// One request that may be made.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Outgoing if the device asks.
    pub(super) direction: Direction,
    /// `None` for all.
    pub(super) transport: Option<Transport>,
    pub(super) server: Ports,
    pub(super) client: Ports,
    pub(super) kind: Option<u16>,
    pub(super) peers: Peers,
    pub(super) name: String,
    pub(super) line: usize,
}

pub(super) fn gather(entries: &[AccessEntry], device: &Described, notes: &Notes<'_>) -> Gathered {
    let kept = after_drops(entries, notes);
    versions(&kept, notes);
    let (mut asks, mut answers) = (Vec::new(), Vec::new());
    for entry in &kept {
        let (ask, is_answer) = ask(entry, &kept);
        if is_answer { answers.push(ask) } else { asks.push(ask) }
    }
    // An answer belongs to its request; one that stands alone lets its traffic through all the same.
    for answer in answers {
        if !asks.iter().any(|ask| covers(ask, &answer)) {
            asks.push(answer);
        }
    }
    let mut gathered = Gathered::default();
    for ask in asks {
        match cells(&ask) {
            Some(ports) => {
                for (transport, port) in ports {
                    let key = (ask.direction, transport, port);
                    let cell = gathered.cells.entry(key).or_insert_with(|| (RoleSet::NONE, ask.name.clone()));
                    cell.0 = ask.peers.roles.iter().fold(cell.0, RoleSet::with);
                }
            }
            // The other IP version says the same again.
            None if gathered.asks.iter().any(|other| same(other, &ask)) => {}
            None => gathered.asks.push(ask),
        }
    }
    if !gathered.asks.is_empty() {
        notes.lose(format!(
            "{} entries name addresses, wide port ranges, clients' ports, ICMP or other protocols, which a document does \
             not list: they became allowances, and their flows are \"site-approved\"",
            gathered.asks.len()
        ));
    }
    if gathered.cells.values().any(|(roles, _)| roles.contains(Role::Group)) && device.role != Role::Group {
        notes.lose("what a group is sent may be sent to any group: a document does not list groups' addresses");
    }
    gathered
}

/// The entries that let something through, less what an earlier entry of the same list drops.
fn after_drops(entries: &[AccessEntry], notes: &Notes<'_>) -> Vec<AccessEntry> {
    let mut drops: Vec<&AccessEntry> = Vec::new();
    let mut kept = Vec::new();
    for entry in entries {
        if !entry.accept {
            drops.push(entry);
            continue;
        }
        let mut entry = entry.clone();
        for drop in drops.iter().filter(|drop| drop.list == entry.list && drop.leg == entry.leg) {
            if !overlap(drop, &entry) {
                continue;
            }
            if wholly(drop, &entry) && drop.peers.blocks.is_empty() && entry.peers.blocks.is_empty() {
                let left = entry.peers.roles.iter().filter(|role| !drop.peers.roles.contains(*role));
                entry.peers.roles = left.collect();
            } else if !wholly(drop, &entry) || drop.peers.roles != RoleSet::ANY {
                notes.lose(format!(
                    "entry \"{}\" drops a part of what \"{}\" lets through; that part counts as let through",
                    drop.name, entry.name
                ));
            } else {
                entry.peers.blocks.clear();
            }
        }
        if !entry.peers.roles.is_empty() || !entry.peers.blocks.is_empty() {
            kept.push(entry);
        }
    }
    kept
}

/// Whether an entry asks for all headers that another does, the other end apart.
fn wholly(drop: &AccessEntry, entry: &AccessEntry) -> bool {
    let fits = |wide: &Ports, narrow: &Ports| {
        wide.is_empty()
            || !narrow.is_empty()
                && narrow.iter().all(|ports| wide.iter().any(|w| w.contains(ports.start()) && w.contains(ports.end())))
    };
    (drop.transport.is_none() || drop.transport == entry.transport)
        && fits(&drop.source, &entry.source)
        && fits(&drop.destination, &entry.destination)
        && (drop.kind.is_none() || drop.kind == entry.kind)
        && (drop.device_opens.is_none() || drop.device_opens == entry.device_opens)
}

fn overlap(drop: &AccessEntry, entry: &AccessEntry) -> bool {
    let meet = |a: &Ports, b: &Ports| {
        a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| a.start() <= b.end() && b.start() <= a.end()))
    };
    let peers = drop.peers.blocks.is_empty() != entry.peers.blocks.is_empty()
        || drop.peers.roles.iter().any(|role| entry.peers.roles.contains(role))
        || drop.peers.blocks.iter().any(|a| entry.peers.blocks.iter().any(|b| a.contains(b) || b.contains(a)));
    peers
        && (drop.transport.is_none() || entry.transport.is_none() || drop.transport == entry.transport)
        && meet(&drop.source, &entry.source)
        && meet(&drop.destination, &entry.destination)
}

/// What a policy does not tell apart: the IP versions.
fn versions(entries: &[AccessEntry], notes: &Notes<'_>) {
    let only = |version: u8| {
        let has = |entry: &&AccessEntry| entry.version == Some(version);
        entries.iter().filter(has).count() > 0 && !entries.iter().any(|entry| entry.version != Some(version))
    };
    for version in [4, 6] {
        if only(version) {
            notes.lose(format!("every entry is of IPv{version}; the policy holds for both versions of IP"));
        }
    }
}

/// The request that an entry is of, and whether the entry is that of its answers.
fn ask(entry: &AccessEntry, all: &[AccessEntry]) -> (Ask, bool) {
    let out = entry.leg == MudList::From;
    // The packet's source answers if it is at the server's end.
    let is_answer = match (entry.device_opens, entry.source.is_empty(), entry.destination.is_empty()) {
        (Some(device), ..) => device != out,
        (None, false, true) => true,
        // Both ends' ports are said: of a pair that mirrors, the device's own packets are the request.
        (None, false, false) => !out && all.iter().any(|other| mirrors(other, entry)),
        _ => false,
    };
    let (server, client) =
        if is_answer { (&entry.source, &entry.destination) } else { (&entry.destination, &entry.source) };
    let transport = match (entry.transport, entry.version) {
        (Some(Transport::Icmp), Some(6)) => Some(Transport::Icmpv6),
        (other, _) => other,
    };
    let ask = Ask {
        direction: if out != is_answer { Direction::Outgoing } else { Direction::Incoming },
        transport,
        server: server.clone(),
        client: client.clone(),
        kind: entry.kind,
        peers: entry.peers.clone(),
        name: entry.name.clone(),
        line: entry.line,
    };
    (ask, is_answer)
}

fn mirrors(other: &AccessEntry, entry: &AccessEntry) -> bool {
    other.leg != entry.leg
        && other.transport == entry.transport
        && other.source == entry.destination
        && other.destination == entry.source
}

fn same(a: &Ask, b: &Ask) -> bool {
    (a.direction, a.transport, &a.server, &a.client, a.kind, &a.peers)
        == (b.direction, b.transport, &b.server, &b.client, b.kind, &b.peers)
}

/// Whether a request lets its answers through: the answers' entry adds nothing.
fn covers(ask: &Ask, answer: &Ask) -> bool {
    let within = |narrow: &Ports, wide: &Ports| {
        wide.is_empty()
            || !narrow.is_empty()
                && narrow.iter().all(|n| wide.iter().any(|w| w.contains(n.start()) && w.contains(n.end())))
    };
    ask.direction == answer.direction
        && (ask.transport.is_none() || ask.transport == answer.transport)
        && within(&answer.server, &ask.server)
        && within(&answer.client, &ask.client)
        && answer.peers.roles.iter().all(|role| ask.peers.roles.contains(role))
        && answer.peers.blocks.iter().all(|block| ask.peers.blocks.contains(block))
}

/// The ports of a document that a request fits; `None` if a document cannot list it.
fn cells(ask: &Ask) -> Option<Vec<(Transport, u16)>> {
    let transport = ask.transport.filter(|transport| transport.has_ports())?;
    let count: usize = ask.server.iter().map(ExactSizeIterator::len).sum();
    let fits = (1..=CELLS_A_RANGE).contains(&count) && ask.client.is_empty() && ask.peers.blocks.is_empty();
    fits.then(|| ask.server.iter().flat_map(|range| range.clone()).map(|port| (transport, port)).collect())
}
