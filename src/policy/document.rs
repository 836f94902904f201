//! The vendor's documents and their cells.

use super::{Direction, Role, Version};
use crate::protocol::{Protocol, Transport};

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct RoleSet(u8);

impl RoleSet {
    /// Every role.
    pub const ANY: Self = Self((1 << Role::ALL.len()) - 1);
    /// No role.
    pub const NONE: Self = Self(0);

    /// The same set with one more.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Whether the role is in it.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its roles, in their order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

/// One vendor table: a product and the ports it needs.
#[derive(Clone, Debug)]
pub struct Document {
    /// Short name, as it stands in coverage.csv and in citations.
    pub name: String,
    /// The product, in the vendor's words.
    pub product: String,
    /// The lowest version it covers.
    pub minimum_version: Version,
    /// Who runs the product: listens on the incoming ports, connects to the outgoing ones.
    pub role: Role,
    /// Whom it speaks of at the other end.
    pub peer: Role,
    /// The vendor's legend, in the document's order.
    pub legend: Vec<LegendEntry>,
}

/// One line of a legend.
#[derive(Clone, Debug)]
pub struct LegendEntry {
    /// Port.
    pub port: u16,
    /// The vendor's word for it.
    pub service: String,
    /// What its TCP payload is, where the format is public.
    pub tcp: Option<Protocol>,
    /// What its UDP payload is, where the format is public.
    pub udp: Option<Protocol>,
    /// What makes it be used, if it is not by itself.
    pub on_demand: Option<String>,
}

/// One port of one document, direction and transport.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Index in `Policy::documents`.
    pub document: u16,
    /// The document's role.
    pub role: Role,
    /// The document's peer.
    pub document_peer: Role,
    /// Which roles may be at the other end: the document's peer, unless the cell says otherwise.
    pub peers: RoleSet,
    /// Which way, seen from the document's role.
    pub direction: Direction,
    /// TCP or UDP.
    pub transport: Transport,
    /// The port at the server.
    pub port: u16,
    /// The legend's word for the port.
    pub service: String,
    /// What the payload must be, where the format is public.
    pub protocol: Option<Protocol>,
    /// What makes it be used, such as `a firmware update`; `None` if a site uses it by itself.
    pub on_demand: Option<String>,
}

impl Cell {
    /// Whether the cell may be cited for a peer of this role.
    pub const fn admits(&self, peer: Role) -> bool {
        self.peers.contains(peer)
    }

    /// Whether the document speaks of this peer, by the cell or as a whole.
    pub fn speaks_of(&self, peer: Role) -> bool {
        self.document_peer == peer || self.admits(peer)
    }
}
