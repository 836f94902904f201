//! The vendor's tables, cell by cell: what was carried, blocked, one-way, or not seen.

use super::{Judgements, Observations, Outcome, decide};
use crate::capture::Timestamp;
use crate::inventory::HostId;
use crate::policy::Role;

/// What was seen of a cell. Orders from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CellState {
    /// Nothing used it.
    NotSeen,
    /// Announced to a group, which owes no answer. Files call it `one-way`.
    Sent,
    /// Only the client was seen to send.
    OneWay,
    /// Tried and refused, rejected or unanswered.
    Blocked,
    /// It worked.
    Carried,
}

impl CellState {
    /// Every state, from least to most.
    pub const ALL: [Self; 5] = [Self::NotSeen, Self::Sent, Self::OneWay, Self::Blocked, Self::Carried];

    /// Name as people read it.
    pub const fn said(self) -> &'static str {
        match self {
            Self::NotSeen => "not seen",
            Self::Sent => "sent",
            Self::OneWay => "one way",
            Self::Blocked => "blocked",
            Self::Carried => "carried",
        }
    }

    /// Name as it stands in coverage.csv.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSeen => "not-seen",
            Self::Sent | Self::OneWay => "one-way",
            Self::Blocked => "blocked",
            Self::Carried => "carried",
        }
    }
}

/// One cell of the vendor's tables and what was seen of it.
#[derive(Clone, Debug)]
pub struct CellCoverage {
    /// Index in `Policy::cells`.
    pub cell: u16,
    /// The best state of any peer.
    pub state: CellState,
    /// Devices of the cell's product by the best that was seen of each, in the order of [`CellState`]; index 0 counts those
    /// that were present and never used it.
    pub hosts: [u32; CellState::ALL.len()],
    /// Number of distinct peers.
    pub peers: u32,
    /// The peers by the best that was seen with each, in the order of [`CellState`]; index 0 is always 0.
    pub peer_states: [u32; CellState::ALL.len()],
    /// Flows.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Earliest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
}

impl CellCoverage {
    /// A cell that nothing used.
    pub(crate) const fn unseen(cell: u16) -> Self {
        Self {
            cell,
            state: CellState::NotSeen,
            hosts: [0; CellState::ALL.len()],
            peers: 0,
            peer_states: [0; CellState::ALL.len()],
            flows: 0,
            packets: 0,
            bytes: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
        }
    }

    /// How many devices of the cell's product are in a state, as files name it: sent is one way.
    pub fn hosts_in(&self, state: CellState) -> u32 {
        let named = CellState::ALL.iter().filter(|other| other.name() == state.name());
        named.map(|state| self.hosts[*state as usize]).sum()
    }
}

/// What one host carried of the cells that are its product's.
#[derive(Clone, Debug)]
pub struct HostCoverage {
    /// The host.
    pub host: HostId,
    /// Each cell of the documents of its role (index in `Policy::cells`, ascending) and the best that was seen of it.
    pub cells: Vec<(u16, CellState)>,
}

/// What was seen of one cell with one host.
#[derive(Clone, Copy)]
struct Use {
    host: HostId,
    cell: u16,
    state: CellState,
}

/// The uses of the cells, by conversation: many, of few hosts and cells.
#[derive(Default)]
struct Uses {
    /// By the hosts of the cell's product; none where a group was addressed and nobody knows who listened.
    own: Vec<Use>,
    /// By their peers.
    peers: Vec<Use>,
}

/// Coverage of the vendor's tables, a cell each in the document's order; and the same of each host that runs a documented
/// product, in the order of their addresses.
pub fn cover(seen: &Observations<'_>, judged: &Judgements) -> (Vec<CellCoverage>, Vec<HostCoverage>) {
    let cells = seen.policy.cells().len();
    let mut coverage: Vec<CellCoverage> =
        (0..cells).map(|cell| CellCoverage::unseen(u16::try_from(cell).unwrap_or(u16::MAX))).collect();
    let uses = add_up(seen, judged, &mut coverage);
    count_peers(uses.peers, &mut coverage);
    let hosts = by_host(seen, uses.own);
    for (cell, state) in hosts.iter().flat_map(|host| &host.cells) {
        coverage[usize::from(*cell)].hosts[*state as usize] += 1;
    }
    (coverage, hosts)
}

/// Adds the documented flows of each conversation to the cells that it fills.
fn add_up(seen: &Observations<'_>, judged: &Judgements, coverage: &mut [CellCoverage]) -> Uses {
    let mut uses = Uses::default();
    for (conversation, facts) in judged.conversations.iter().zip(&judged.facts) {
        let documented = facts.documented(conversation);
        if documented.flows == 0 {
            continue;
        }
        let role = |host| seen.hosts.role(host);
        let (client, server) = (conversation.client, conversation.server);
        let port = conversation.port;
        let Some(filled) = decide::documented(seen.policy, role(client), role(server), conversation.transport, port)
        else {
            continue;
        };
        let to_group = role(server) == Role::Group;
        let state = match state(conversation.outcome, facts.both_ways) {
            CellState::OneWay if to_group => CellState::Sent,
            state => state,
        };
        let [client, server] = [client, server].map(|host| seen.hosts.device_of(host));
        let listener = (!to_group).then_some(server);
        for (cell, host, peer) in [(filled.client, Some(client), server), (filled.server, listener, client)] {
            let Some(cell) = cell else { continue };
            uses.own.extend(host.map(|host| Use { host, cell, state }));
            uses.peers.push(Use { host: peer, cell, state });
            if let Some(covered) = coverage.get_mut(usize::from(cell)) {
                covered.state = covered.state.max(state);
                covered.flows += documented.flows;
                covered.packets += documented.packets;
                covered.bytes += documented.bytes;
                covered.first = covered.first.earlier(documented.first);
                covered.last = covered.last.max(documented.last);
            }
        }
    }
    uses
}

/// Counts the peers of each cell, each by the best that was seen with it.
fn count_peers(peers: Vec<Use>, coverage: &mut [CellCoverage]) {
    for Use { cell, state, .. } in best(peers) {
        let covered = &mut coverage[usize::from(cell)];
        covered.peers += 1;
        covered.peer_states[state as usize] += 1;
    }
}

/// What each device carried of the cells of its role.
fn by_host(seen: &Observations<'_>, own: Vec<Use>) -> Vec<HostCoverage> {
    let of_role = |role| {
        let cells = seen.policy.cells().iter().zip(0u16..).filter(move |(cell, _)| cell.role == role);
        cells.map(|(_, at)| at).collect::<Vec<u16>>()
    };
    let of_roles = Role::ALL.map(|role| (role, of_role(role)));
    let used = best(own);
    let mut hosts = Vec::new();
    for id in (0..seen.hosts.len() as u32).map(HostId) {
        let role = seen.hosts.role(id);
        let Some((_, cells)) = of_roles.iter().find(|(of, cells)| *of == role && !cells.is_empty()) else { continue };
        if seen.hosts.device_of(id) != id {
            continue;
        }
        let from = used.partition_point(|one| one.host < id);
        let used = used[from..].iter().take_while(|one| one.host == id);
        let state = |cell: u16| used.clone().find(|one| one.cell == cell).map_or(CellState::NotSeen, |one| one.state);
        hosts.push(HostCoverage { host: id, cells: cells.iter().map(|cell| (*cell, state(*cell))).collect() });
    }
    hosts
}

/// Of each host and cell the best, ascending. Sorted as numbers: there are two for most conversations.
fn best(mut uses: Vec<Use>) -> Vec<Use> {
    let place = |one: &Use| u64::from(one.host.0) << 16 | u64::from(one.cell);
    uses.sort_unstable_by_key(|one| place(one) << 3 | (CellState::Carried as u64 - one.state as u64));
    uses.dedup_by_key(|one| place(one));
    uses
}

/// What a conversation's outcome says of the cells it fills.
const fn state(outcome: Outcome, both_ways: bool) -> CellState {
    match outcome {
        Outcome::Established => CellState::Carried,
        // The capture began inside it: both sides speaking is a port that works.
        Outcome::Midstream if both_ways => CellState::Carried,
        Outcome::Refused | Outcome::Rejected | Outcome::Unanswered => CellState::Blocked,
        Outcome::Midstream | Outcome::OneWay => CellState::OneWay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_uses_the_best_counts() {
        let one = |host, cell, state| Use { host: HostId(host), cell, state };
        use CellState::{Blocked, Carried, OneWay};
        let uses =
            vec![one(2, 1, Blocked), one(1, 7, OneWay), one(2, 1, Carried), one(1, 3, Blocked), one(2, 1, OneWay)];
        let best: Vec<_> = best(uses).into_iter().map(|one| (one.host.0, one.cell, one.state)).collect();
        assert_eq!(best, [(1, 3, Blocked), (1, 7, OneWay), (2, 1, Carried)]);
    }

    #[test]
    fn peers_are_counted_once_at_each_cell() {
        let mut coverage = vec![CellCoverage::unseen(0), CellCoverage::unseen(1)];
        let one = |host, cell, state| Use { host: HostId(host), cell, state };
        let peers = [(5, 0), (6, 0), (5, 0), (5, 1)].map(|(host, cell)| one(host, cell, CellState::Carried));
        count_peers(peers.to_vec(), &mut coverage);
        assert_eq!(coverage.iter().map(|cell| cell.peers).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(coverage[0].peer_states[CellState::Carried as usize], 2);
    }
}
