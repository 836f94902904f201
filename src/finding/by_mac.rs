//! Devices by their link address: what is told of a link knows no other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::devices::Affected;
use super::{Context, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::Window;
use crate::inventory::{Host, Inventory, Powered, powers};
use crate::policy::Role;
use crate::verdict::Observations;

/// A device by its link address, and the address of the host that it is, if one is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) mac: MacAddr,
    pub(super) host: Option<IpAddr>,
}

impl Identity {
    /// `02:..:1c (node-28)`.
    pub(super) fn name(&self, context: &Context<'_>) -> String {
        format!("{}{}", self.mac, self.host.map_or_else(String::new, |host| context.name(host)))
    }

    /// Its address, or else its MAC.
    pub(super) fn who(&self) -> Who {
        self.host.map_or(Who::Mac(self.mac), Who::Address)
    }

    /// A filter for what DHCP says of it.
    pub(super) fn filter(&self) -> String {
        format!("dhcp.hw.mac_addr == {}", self.mac)
    }

    pub(super) fn replaced(&self, with: &dyn Replace) -> Self {
        Self { mac: with.mac(self.mac), host: self.host.map(|host| with.address(host)) }
    }
}

/// The hosts of a survey by their MACs, and what is declared of MACs: a device may have no address yet.
pub(super) struct HostsByMac<'a> {
    hosts: BTreeMap<MacAddr, &'a Host>,
    inventory: &'a Inventory,
    /// The blocks of MACs of which three nodes or more are, and nobody but them and gateways.
    of_nodes: BTreeSet<[u8; 3]>,
}

impl<'a> HostsByMac<'a> {
    /// Hosts come in the order of their addresses: a device is best known by its first, an IPv4 one.
    pub(super) fn of(seen: &Observations<'a>) -> Self {
        let mut hosts: BTreeMap<MacAddr, &Host> = BTreeMap::new();
        for host in seen.hosts.iter() {
            if let Some(mac) = host.mac {
                hosts.entry(mac).or_insert(host);
            }
        }
        let mut blocks: BTreeMap<[u8; 3], (usize, bool)> = BTreeMap::new();
        for (mac, host) in &hosts {
            let (nodes, others) = blocks.entry(block(*mac)).or_default();
            *nodes += usize::from(host.role == Role::Node);
            *others |= !matches!(host.role, Role::Node | Role::Gateway);
        }
        blocks.retain(|[first, ..], (nodes, others)| *nodes > 2 && !*others && first & 2 == 0);
        Self { hosts, inventory: seen.inventory, of_nodes: blocks.into_keys().collect() }
    }

    /// The host with a MAC.
    pub(super) fn host(&self, mac: MacAddr) -> Option<&'a Host> {
        self.hosts.get(&mac).copied()
    }

    /// Its role, by its address or what its MAC is declared to be; of a device without an address, by its maker.
    pub(super) fn role(&self, mac: MacAddr) -> Role {
        let declared = || self.inventory.by_mac(mac).map(|entry| entry.role);
        let made = || self.of_nodes.contains(&block(mac)).then_some(Role::Node);
        self.host(mac).map(|host| host.role).or_else(declared).or_else(made).unwrap_or(Role::Host)
    }

    /// A device by its MAC.
    pub(super) fn identity(&self, mac: MacAddr) -> Identity {
        Identity { mac, host: self.host(mac).map(|host| host.address) }
    }

    /// What is to be told of it within a window.
    pub(super) fn device<T>(&self, mac: MacAddr, window: &Window, what: T) -> Affected<T> {
        Affected::within(window, self.role(mac), self.identity(mac).who(), what)
    }
}

/// The part of a MAC that names its maker.
const fn block(MacAddr([a, b, c, ..]): MacAddr) -> [u8; 3] {
    [a, b, c]
}

/// Units of LLDP that tell of power.
pub(super) const POWER_UNITS: &str = "(lldp.ieee.802_3.subtype == 0x02 || lldp.media.subtype == 0x04)";

/// The power of every device that LLDP tells of, hosts or not.
pub(super) fn power(seen: &Observations<'_>) -> BTreeMap<MacAddr, Powered> {
    // Of what is no host, only what it said itself.
    let mut all = powers(&seen.evidence.link, &BTreeMap::new());
    for host in seen.hosts.iter() {
        if let (Some(mac), Some(power)) = (host.mac, host.power()) {
            all.insert(mac, power.clone());
        }
    }
    all
}

/// `, at lighting-switch port Gi1/0/7`, with what is before it; empty where the port is not known.
pub(super) fn plugged(device: &Identity, context: &Context<'_>) -> String {
    let host = device.host.and_then(|address| context.hosts.at(address));
    let attachment = host.and_then(|host| host.attachment.as_deref());
    attachment.map_or_else(String::new, |at| format!(", at {} port {},", at.switch, at.port))
}
