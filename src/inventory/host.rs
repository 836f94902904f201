//! A host of the survey.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::hash::Seeded;
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::policy::{Role, Transport};

/// Index of a host in [`Hosts`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(pub u32);

/// How a role is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RoleSource {
    /// The inventory or a flag says so.
    Declared,
    /// The address itself says so (group, external), or nothing speaks for another role (host).
    Address,
    /// The traffic says so.
    Inferred,
}

/// One address, what is known of it and what it did.
#[derive(Clone, Debug)]
pub struct Host {
    /// Address.
    pub address: IpAddr,
    /// Its MAC address, where it is on a link that was captured (a router's MAC stands for nobody).
    pub mac: Option<MacAddr>,
    /// Role.
    pub role: Role,
    /// How the role is known.
    pub source: RoleSource,
    /// The same in words: the inventory entry, or the traffic that speaks for it.
    pub basis: Cow<'static, str>,
    /// Confidence in an inferred role, percent; 100 where it is declared or follows from the address.
    pub confidence: u8,
    /// Name from the inventory.
    pub name: Option<Arc<str>>,
    /// Software version from the inventory.
    pub version: Option<Arc<str>>,
    /// First packet sent or received.
    pub first_seen: Timestamp,
    /// Last packet sent or received.
    pub last_seen: Timestamp,
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Ports on which it answered as a server, ascending; at most [`Host::MAX_SERVES`], the lowest.
    pub serves: Box<[(Transport, u16)]>,
    /// How many more ports it answered on than `serves` holds.
    pub serves_more: u32,
}

impl Host {
    /// How many ports `serves` holds at most.
    pub const MAX_SERVES: usize = 32;
}

/// The hosts of a survey, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    list: Vec<Host>,
    index: HashMap<IpAddr, u32, Seeded>,
}

impl Hosts {
    /// From hosts in any order, one an address.
    pub fn new(mut list: Vec<Host>) -> Self {
        list.sort_by_key(|host| host.address);
        let index = list.iter().map(|host| host.address).zip(0..).collect();
        Self { list, index }
    }

    /// From hosts in the order of their addresses, and their positions.
    pub(super) fn sorted(list: Vec<Host>, index: HashMap<IpAddr, u32, Seeded>) -> Self {
        Self { list, index }
    }

    /// The host of an id from this list.
    pub fn get(&self, id: HostId) -> &Host {
        &self.list[id.0 as usize]
    }

    /// The host with an address; one hash look-up.
    pub fn find(&self, address: IpAddr) -> Option<HostId> {
        self.index.get(&address).copied().map(HostId)
    }

    /// All of them, in the order of their addresses.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Host> {
        self.list.iter()
    }

    /// Whether any role was inferred from the traffic: the report says so.
    pub fn any_inferred(&self) -> bool {
        self.list.iter().any(|host| host.source == RoleSource::Inferred)
    }
}
