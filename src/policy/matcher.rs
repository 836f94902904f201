//! Allowances of the site's own and supporting protocols: what they match.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::{Role, RoleSet};
use crate::protocol::Transport;

/// Ports, or ICMP types; empty holds for all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortSet(pub Vec<RangeInclusive<u16>>);

impl PortSet {
    /// Whether the port is in it, or it holds for all.
    pub fn contains(&self, port: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&port))
    }

    /// Each port, and each range with this sign in it: `80`, `50195-50199`.
    pub fn words(&self, joint: char) -> Vec<String> {
        let word = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (one, last) if one == last => one.to_string(),
            (first, last) => format!("{first}{joint}{last}"),
        };
        self.0.iter().map(word).collect()
    }
}

/// Which hosts may be at one end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// By role.
    pub roles: RoleSet,
    /// By address or CIDR block.
    pub blocks: Vec<IpNet>,
}

impl Endpoint {
    /// Everybody.
    pub const ANY: Self = Self { roles: RoleSet::ANY, blocks: Vec::new() };

    /// Whether a host of this role and address is meant.
    pub fn contains(&self, role: Role, address: IpAddr) -> bool {
        self.roles.contains(role) || self.blocks.iter().any(|block| block.contains(&address))
    }
}

/// One end of a flow, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// What the host is.
    pub role: Role,
    /// Its address.
    pub address: IpAddr,
    /// Its port; 0 where the transport has none.
    pub port: u16,
}

/// What an allowance or a supporting entry matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matcher {
    /// Who asks.
    pub from: Endpoint,
    /// Who answers.
    pub to: Endpoint,
    /// Transports; empty holds for all.
    pub transports: Vec<Transport>,
    /// The server's ports.
    pub ports: PortSet,
    /// The client's ports.
    pub client_ports: PortSet,
    /// ICMP types.
    pub types: PortSet,
}

impl Matcher {
    /// Whether a flow matches. `icmp_type` is that of the request.
    pub fn matches(&self, client: &Party, server: &Party, transport: Transport, icmp_type: Option<u8>) -> bool {
        (self.transports.is_empty() || self.transports.contains(&transport))
            && (!transport.has_ports() || self.ports.contains(server.port) && self.client_ports.contains(client.port))
            && icmp_type.is_none_or(|kind| self.types.contains(u16::from(kind)))
            && self.from.contains(client.role, client.address)
            && self.to.contains(server.role, server.address)
    }
}

/// An allowance of the site's own: never mixed with the vendor's documents.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Name, if the file gives one.
    pub name: Option<String>,
    /// What it allows.
    pub matcher: Matcher,
    /// Why, in the site's words.
    pub reason: String,
    /// Where it stands: its line in the policy file, from 1.
    pub line: usize,
}

/// A protocol that networks need and the vendor's document does not list.
#[derive(Clone, Debug)]
pub struct Supporting {
    /// Name of the entry; several may share one.
    pub name: String,
    /// The protocol, as people call it.
    pub service: String,
    /// What it covers.
    pub matcher: Matcher,
    /// Why networks need it.
    pub reason: String,
}
