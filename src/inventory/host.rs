//! A host of the survey.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::link::{Dot1x, HostLink, Powered};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::policy::Role;
use crate::protocol::Transport;

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

/// A switch port, as the switch tells it by LLDP (IEEE 802.1AB).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Attachment {
    /// The switch's name, or its chassis id if it gives none. Untrusted text.
    pub switch: String,
    /// The port's id, and its description behind it if it differs. Untrusted text.
    pub port: String,
}

/// One address, what is known of it and what it did.
#[derive(Clone, Debug)]
pub struct Host {
    /// Address.
    pub address: IpAddr,
    /// Its MAC address, where it is on a link that was captured (a router's MAC stands for nobody).
    pub mac: Option<MacAddr>,
    /// Other MAC addresses that spoke for this address, ascending; no router's. More than one device has it, or
    /// had it one after the other.
    pub more_macs: Box<[MacAddr]>,
    /// The name it gives itself by LLDP.
    pub lldp_name: Option<Arc<str>>,
    /// The switch port that it is plugged into, where the capture shows it.
    pub attachment: Option<Arc<Attachment>>,
    /// What the link itself says of it: power, 802.1X, groups.
    pub link: Option<Arc<HostLink>>,
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
    /// Whether any frame told of it; if not, the inventory declares it and nothing was captured of it.
    pub heard: bool,
    /// First packet sent or received.
    pub first_seen: Timestamp,
    /// Last packet sent or received.
    pub last_seen: Timestamp,
    /// Effective time of the last packet sent ([`crate::capture::Moment`]); unknown if none was.
    pub last_sent: Timestamp,
    /// Effective time of the first; unknown if none was.
    pub first_sent: Timestamp,
    /// Whether it was seen to send with its MAC, or said that it has it: not only what was sent to it went there.
    pub mac_is_own: bool,
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

    /// The first three bytes of its MAC, if they are a manufacturer's.
    pub(super) fn maker(&self) -> Option<[u8; 3]> {
        let MacAddr([a, b, c, ..]) = self.mac?;
        (a & 2 == 0).then_some([a, b, c])
    }

    /// What LLDP says of its power.
    pub fn power(&self) -> Option<&Powered> {
        self.link.as_ref()?.power.as_ref()
    }

    /// How far it came with 802.1X.
    pub fn dot1x(&self) -> Option<Dot1x> {
        self.link.as_ref()?.dot1x
    }

    /// A host of which nothing is known but its address.
    pub(crate) fn new(address: IpAddr) -> Self {
        Self {
            address,
            mac: None,
            more_macs: Box::default(),
            lldp_name: None,
            attachment: None,
            link: None,
            role: Role::Host,
            source: RoleSource::Address,
            basis: Cow::Borrowed("nothing speaks for another role"),
            confidence: 100,
            name: None,
            version: None,
            heard: true,
            first_seen: Timestamp::UNKNOWN,
            last_seen: Timestamp::UNKNOWN,
            last_sent: Timestamp::UNKNOWN,
            first_sent: Timestamp::UNKNOWN,
            mac_is_own: false,
            packets_sent: 0,
            bytes_sent: 0,
            packets_received: 0,
            bytes_received: 0,
            serves: Box::default(),
            serves_more: 0,
        }
    }
}

/// The hosts of a survey, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    list: Vec<Host>,
    /// The role of each once more: it is asked for four times a flow, and hosts are large. 7 % on a million flows of
    /// 250,000 hosts.
    roles: Vec<Role>,
    any_named: bool,
    /// Of a device with several addresses, the host that stands for it, for each of its other hosts.
    devices: BTreeMap<HostId, HostId>,
}

impl Hosts {
    /// From hosts in any order, one an address.
    pub fn new(mut list: Vec<Host>) -> Self {
        if !list.is_sorted_by_key(|host| host.address) {
            list.sort_by_key(|host| host.address);
        }
        let roles = list.iter().map(|host| host.role).collect();
        let any_named = list.iter().any(|host| host.name.is_some());
        let devices = devices(&list);
        Self { list, roles, any_named, devices }
    }

    /// The host that stands for the device of a host: the addresses of one device of Igor's (one MAC, role and name) are
    /// one, and it is told by the first that is not link-local.
    pub fn device_of(&self, id: HostId) -> HostId {
        self.devices.get(&id).copied().unwrap_or(id)
    }

    /// Every device, by the host that stands for it, and whether any of its addresses was heard.
    pub fn devices(&self) -> BTreeMap<HostId, bool> {
        let mut heard = BTreeMap::new();
        for (host, id) in self.list.iter().zip(0..) {
            *heard.entry(self.device_of(HostId(id))).or_default() |= host.heard;
        }
        heard
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The host of an id from this list.
    pub fn get(&self, id: HostId) -> &Host {
        &self.list[id.0 as usize]
    }

    /// The role of the host of an id from this list.
    #[inline]
    pub fn role(&self, id: HostId) -> Role {
        self.roles[id.0 as usize]
    }

    /// Whether any has a name.
    pub fn any_named(&self) -> bool {
        self.any_named
    }

    /// The name of the host of an id from this list.
    #[inline]
    pub fn name(&self, id: HostId) -> Option<&str> {
        if self.any_named { self.get(id).name.as_deref() } else { None }
    }

    /// The host with an address.
    pub fn find(&self, address: IpAddr) -> Option<HostId> {
        // As addresses are ordered: those of IPv4 first.
        let at = match address {
            IpAddr::V4(v4) => self.list.binary_search_by(|host| match host.address {
                IpAddr::V4(own) => own.to_bits().cmp(&v4.to_bits()),
                IpAddr::V6(_) => Ordering::Greater,
            }),
            IpAddr::V6(v6) => self.list.binary_search_by(|host| match host.address {
                IpAddr::V4(_) => Ordering::Less,
                IpAddr::V6(own) => own.to_bits().cmp(&v6.to_bits()),
            }),
        };
        Some(HostId(at.ok()? as u32))
    }

    /// The same as it is.
    pub fn at(&self, address: IpAddr) -> Option<&Host> {
        self.find(address).map(|id| self.get(id))
    }

    /// The host that stands for the device with an address.
    pub fn device_at(&self, address: IpAddr) -> Option<HostId> {
        self.find(address).map(|id| self.device_of(id))
    }

    /// The role of an address: any host's where it is none of theirs.
    pub fn role_at(&self, address: IpAddr) -> Role {
        self.find(address).map_or(Role::Host, |id| self.role(id))
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

fn devices(list: &[Host]) -> BTreeMap<HostId, HostId> {
    let is_link_local = |host: &Host| match host.address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let mut hosts: Vec<_> = list
        .iter()
        .zip((0..).map(HostId))
        .filter(|(host, _)| host.role.is_igor())
        .filter_map(|(host, id)| Some(((host.mac?, host.role, host.name.as_deref()), is_link_local(host), id)))
        .collect();
    hosts.sort_unstable();
    let of_device = hosts.chunk_by(|a, b| a.0 == b.0);
    of_device.flat_map(|hosts| hosts[1..].iter().map(|(.., id)| (*id, hosts[0].2))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_and_in_the_order_of_their_addresses() {
        let addresses: Vec<IpAddr> = ["fe80::1", "10.0.0.2", "10.0.0.10", "::", "255.255.255.255", "9.0.0.1", "fd00::"]
            .map(|text| text.parse().expect("address"))
            .into();
        let hosts = Hosts::new(addresses.iter().copied().map(Host::new).collect());
        let listed: Vec<IpAddr> = hosts.iter().map(|host| host.address).collect();
        let mut sorted = addresses.clone();
        sorted.sort();
        assert_eq!(listed, sorted);
        for address in addresses {
            assert_eq!(hosts.at(address).map(|host| host.address), Some(address));
        }
        assert_eq!(hosts.find(IpAddr::from([10, 0, 0, 3])), None);
    }
}
