//! What DHCP said of each device that asked for an address (RFC 2131).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::devices::Device;
use super::{Context, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, First, Window};
use crate::inventory::Host;
use crate::policy::Role;
use crate::verdict::Observations;

/// One DHCP client.
#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) mac: MacAddr,
    pub(super) host: Option<&'a Host>,
    pub(super) exchanges: Vec<&'a DhcpExchange>,
}

/// A device by its link address, and the address of the host that it is, if one is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    mac: MacAddr,
    host: Option<IpAddr>,
}

impl Identity {
    /// `02:..:1c (node-28)`.
    pub(super) fn name(&self, context: &Context<'_>) -> String {
        format!("{}{}", self.mac, self.host.map_or_else(String::new, |host| context.name(host)))
    }

    pub(super) fn filter(&self) -> String {
        format!("dhcp.hw.mac_addr == {}", self.mac)
    }

    pub(super) fn replaced(&self, with: &dyn Replace) -> Self {
        Self { mac: with.mac(self.mac), host: self.host.map(|host| with.address(host)) }
    }
}

impl Client<'_> {
    pub(super) fn role(&self) -> Role {
        self.host.map_or(Role::Host, |host| host.role)
    }

    pub(super) fn who(&self) -> Who {
        self.host.map_or(Who::Mac(self.mac), |host| Who::Address(host.address))
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { mac: self.mac, host: self.host.map(|host| host.address) }
    }

    /// All windows of a kind, added up.
    pub(super) fn sum(&self, of: impl Fn(&DhcpExchange) -> Window) -> Window {
        self.exchanges.iter().map(|exchange| of(exchange)).fold(Window::NONE, Window::and)
    }

    /// Whether no answer of a server to it was captured.
    pub(super) fn is_unheard(&self) -> bool {
        self.exchanges.iter().all(|exchange| exchange.offers.count == 0 && exchange.acks.count == 0)
    }

    /// The last address that it asked a server for by name: such a REQUEST takes up an OFFER (RFC 2131 section 4.3.2).
    pub(super) fn selected(&self) -> Option<&First<Ipv4Addr>> {
        self.exchanges.iter().filter_map(|exchange| exchange.selected.as_ref()).max_by_key(|selected| selected.at)
    }

    /// What is to be told of it, which it sent within a window.
    pub(super) fn device<T>(&self, window: Window, what: T) -> Device<T> {
        Device {
            role: self.role(),
            who: self.who(),
            packets: window.count,
            first: window.first,
            last: window.last,
            what,
        }
    }
}

/// All of them, by their link addresses.
pub(super) fn clients<'a>(seen: &Observations<'a>) -> Vec<Client<'a>> {
    if seen.evidence.dhcp().len() == 0 {
        return Vec::new();
    }
    // Hosts come in the order of their addresses: a device is best known by its first, an IPv4 one.
    let mut hosts: BTreeMap<MacAddr, &Host> = BTreeMap::new();
    for host in seen.hosts.iter() {
        if let Some(mac) = host.mac {
            hosts.entry(mac).or_insert(host);
        }
    }
    let mut clients: BTreeMap<MacAddr, Vec<&DhcpExchange>> = BTreeMap::new();
    for ((mac, _), exchange) in seen.evidence.dhcp() {
        clients.entry(*mac).or_default().push(exchange);
    }
    clients.into_iter().map(|(mac, exchanges)| Client { mac, host: hosts.get(&mac).copied(), exchanges }).collect()
}
