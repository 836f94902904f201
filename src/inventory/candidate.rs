//! Who may be a gateway, and which of them are gateways beside one another.

use std::net::IpAddr;

use super::profile::Profile;

/// So many peers a hub has at least.
pub(super) const HUB_PEERS: usize = 3;

/// A host that may be a gateway.
pub(super) struct Candidate<'a> {
    pub(super) profile: &'a Profile,
    pub(super) address: IpAddr,
    pub(super) hub: bool,
    pub(super) points: u32,
    pub(super) services: usize,
}

/// Gateways that were found, the biggest first.
pub(super) struct Accepted<'a> {
    pub(super) list: Vec<&'a Candidate<'a>>,
    /// By unit: whether it is one of them, and whether it is a peer of one.
    is_gateway: Vec<bool>,
    is_peer: Vec<bool>,
}

impl<'a> Accepted<'a> {
    pub(super) fn new(units: usize) -> Self {
        Self { list: Vec::new(), is_gateway: vec![false; units], is_peer: vec![false; units] }
    }

    pub(super) fn push(&mut self, candidate: &'a Candidate<'a>) {
        self.list.push(candidate);
        self.is_gateway[candidate.profile.unit as usize] = true;
        for peer in &candidate.profile.peers {
            self.is_peer[*peer as usize] = true;
        }
    }

    /// Whether a candidate, no bigger than any of these, is a gateway beside them.
    pub(super) fn leaves_room_for(&self, candidate: &Candidate<'_>) -> bool {
        let Some(biggest) = self.list.first() else { return true };
        let is_own = |peer: &&u32| !self.is_gateway[**peer as usize] && !self.is_peer[**peer as usize];
        let own = candidate.profile.peers.iter().filter(is_own).count();
        let degree = candidate.profile.peers.len();
        let below = self.is_peer[candidate.profile.unit as usize];
        if !candidate.hub {
            // A laptop that configures one node is no second gateway.
            !below && own == degree
        } else if below {
            // A node that speaks with other nodes.
            own >= HUB_PEERS && own * 2 > degree
        } else {
            own >= HUB_PEERS || degree * 10 >= biggest.profile.peers.len() * 3
        }
    }
}
