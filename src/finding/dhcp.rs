//! What DHCP said of each device that asked for an address (RFC 2131).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::by_mac::{HostsByMac, Identity, affected};
use super::devices::Affected;
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

impl Client<'_> {
    pub(super) fn role(&self) -> Role {
        self.host.map_or(Role::Host, |host| host.role)
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
    pub(super) fn device<T>(&self, window: Window, what: T) -> Affected<T> {
        affected(self.mac, self.host, &window, what)
    }
}

/// All of them, by their link addresses.
pub(super) fn clients<'a>(seen: &Observations<'a>) -> Vec<Client<'a>> {
    if seen.evidence.dhcp().len() == 0 {
        return Vec::new();
    }
    let hosts = HostsByMac::of(seen);
    let mut clients: BTreeMap<MacAddr, Vec<&DhcpExchange>> = BTreeMap::new();
    for ((mac, _), exchange) in seen.evidence.dhcp() {
        clients.entry(*mac).or_default().push(exchange);
    }
    clients.into_iter().map(|(mac, exchanges)| Client { mac, host: hosts.host(mac), exchanges }).collect()
}
