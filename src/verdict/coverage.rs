//! The vendor's tables, cell by cell: what was carried, blocked, one-way, or not seen.

use std::collections::BTreeMap;

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

/// One host's use of one cell with one peer.
struct Use {
    cell: u16,
    /// The host of the cell's product; `None` where a group was addressed and nobody knows who listened.
    host: Option<HostId>,
    peer: HostId,
    state: CellState,
}

/// Coverage of the vendor's tables, a cell each in the document's order; and the same of each host that runs a documented
/// product, in the order of their addresses.
pub fn cover(seen: &Observations<'_>, judged: &Judgements) -> (Vec<CellCoverage>, Vec<HostCoverage>) {
    let Judgements { conversations, facts, .. } = judged;
    let cells = seen.policy.cells();
    let mut coverage: Vec<CellCoverage> =
        (0..cells.len()).map(|cell| CellCoverage::unseen(u16::try_from(cell).unwrap_or(u16::MAX))).collect();
    let one = |host: HostId| seen.hosts.device_of(host);
    let mut uses = Vec::new();
    for (conversation, facts) in conversations.iter().zip(facts) {
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
        let listener = (!to_group).then_some(one(server));
        let ends = [(filled.client, Some(one(client)), one(server)), (filled.server, listener, one(client))];
        for (cell, host, peer) in ends {
            let Some(cell) = cell else { continue };
            uses.push(Use { cell, host, peer, state });
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
    for (cell, states) in best_by(&uses, |one| Some(one.peer)) {
        coverage[usize::from(cell)].peers = states.len().try_into().unwrap_or(u32::MAX);
        states.values().for_each(|state| coverage[usize::from(cell)].peer_states[*state as usize] += 1);
    }
    let by_host = best_by(&uses, |one| one.host);
    let mut hosts = Vec::new();
    for (host, id) in seen.hosts.iter().zip(0..).map(|(host, id)| (host, HostId(id))) {
        if one(id) != id {
            continue;
        }
        let own: Vec<(u16, CellState)> = cells
            .iter()
            .zip(0u16..)
            .filter(|(cell, _)| cell.role == host.role)
            .map(|(_, at)| {
                let state = by_host.get(&at).and_then(|states| states.get(&id));
                (at, state.copied().unwrap_or(CellState::NotSeen))
            })
            .collect();
        for (cell, state) in &own {
            coverage[usize::from(*cell)].hosts[*state as usize] += 1;
        }
        if !own.is_empty() {
            hosts.push(HostCoverage { host: id, cells: own });
        }
    }
    (coverage, hosts)
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

/// For each cell the best state of each host that `who` names.
fn best_by(uses: &[Use], who: impl Fn(&Use) -> Option<HostId>) -> BTreeMap<u16, BTreeMap<HostId, CellState>> {
    let mut best: BTreeMap<u16, BTreeMap<HostId, CellState>> = BTreeMap::new();
    for (one, host) in uses.iter().filter_map(|one| Some((one, who(one)?))) {
        let state = best.entry(one.cell).or_default().entry(host).or_insert(one.state);
        *state = (*state).max(one.state);
    }
    best
}
