//! Who may be a gateway, and which of them are gateways beside one another.

use std::net::IpAddr;

use super::profile::{ContactEnd, Profile, Profiles};
use super::services::Service;

/// So many peers a hub has at least.
pub(super) const HUB_PEERS: usize = 3;

/// Points that a service gives for the role that its position speaks for: gateways ask nodes for
/// firmware updating, configuration, CoAP and UPnP, and serve TFTP to them. Half of it where nothing
/// came of the contact.
pub(super) const fn points(service: Service) -> u32 {
    match service {
        Service::Firmware => 8,
        Service::Configuration => 6,
        Service::Coap | Service::Tftp => 4,
        Service::Upnp => 2,
        Service::Bacnet | Service::Http => 0,
    }
}

/// What a gateway needs.
pub(super) const GATEWAY_POINTS: u32 = 8;

/// Where a gateway stands in a service.
pub(super) const fn gateway_side(service: Service) -> ContactEnd {
    match service {
        Service::Tftp => ContactEnd::Server,
        _ => ContactEnd::Client,
    }
}

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
    /// Peers of that which has most.
    most: usize,
    /// By unit: whether it is one of them, and whether it is a peer of one.
    is_gateway: Vec<bool>,
    is_peer: Vec<bool>,
}

impl<'a> Accepted<'a> {
    pub(super) fn new(units: usize) -> Self {
        Self { list: Vec::new(), most: 0, is_gateway: vec![false; units], is_peer: vec![false; units] }
    }

    pub(super) fn push(&mut self, candidate: &'a Candidate<'a>) {
        self.list.push(candidate);
        self.note(candidate.profile);
    }

    /// Takes in a gateway that is known anyhow.
    pub(super) fn note(&mut self, profile: &Profile) {
        self.most = self.most.max(profile.peers.len());
        self.is_gateway[profile.unit as usize] = true;
        for peer in &profile.peers {
            self.is_peer[*peer as usize] = true;
        }
    }

    /// Whether none of these has to do with a host, nor is it one of them.
    pub(super) fn leaves(&self, unit: u32) -> bool {
        !self.is_gateway[unit as usize] && !self.is_peer[unit as usize]
    }

    /// How many peers a candidate has with which none of these has to do.
    pub(super) fn owns(&self, candidate: &Candidate<'_>) -> usize {
        candidate.profile.peers.iter().filter(|peer| self.leaves(**peer)).count()
    }

    /// Whether a candidate, no bigger than any of these, is a gateway beside them.
    pub(super) fn leaves_room_for(&self, candidate: &Candidate<'_>, profiles: &Profiles<'_>) -> bool {
        if self.most == 0 {
            return true;
        }
        let own = self.owns(candidate);
        let degree = candidate.profile.peers.len();
        let below = self.is_peer[candidate.profile.unit as usize];
        // Whomever it asks besides.
        if self.serves_its_own(candidate, profiles) {
            return true;
        }
        if !candidate.hub {
            // A laptop that configures one node is no second gateway.
            !below && own == degree && own > 1
        } else if below {
            // A node that speaks with other nodes.
            own >= HUB_PEERS && own * 2 > degree
        } else {
            own >= HUB_PEERS || degree * 10 >= self.most * 3
        }
    }

    /// Whether a candidate stands as a gateway, in two services, to hosts with which none of these has to do.
    fn serves_its_own(&self, candidate: &Candidate<'_>, profiles: &Profiles<'_>) -> bool {
        let is_served = |service: &Service| {
            let peers = profiles.peers(candidate.profile, *service, gateway_side(*service));
            peers.iter().any(|(peer, worked)| *worked && self.leaves(*peer))
        };
        let served: Vec<u32> =
            Service::ALL.into_iter().filter(is_served).map(points).filter(|points| *points > 0).collect();
        // A single one must ask it, too: a tool that visits a host asks alone.
        let is_asked = is_served(&Service::Tftp) || self.owns(candidate) > 1;
        is_asked && served.len() > 1 && served.iter().sum::<u32>() >= GATEWAY_POINTS
    }
}
