//! What DHCP said of each device that asked for an address (RFC 2131).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::by_mac::{HostsByMac, Identity, affected};
use super::devices::Affected;
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, First, Window};
use crate::inventory::Host;
use crate::policy::Role;
use crate::verdict::Observations;

#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) mac: MacAddr,
    pub(super) host: Option<&'a Host>,
    /// What its MAC is declared to be: it may have no address yet.
    declared: Option<Role>,
    pub(super) exchanges: Vec<&'a DhcpExchange>,
    /// Those by which it got an address.
    pub(super) leases: Vec<&'a DhcpExchange>,
}

impl Client<'_> {
    pub(super) fn role(&self) -> Role {
        self.host.map(|host| host.role).or(self.declared).unwrap_or(Role::Host)
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

    /// How often servers refused it.
    fn naks(&self) -> u64 {
        self.sum(|exchange| exchange.naks).count
    }

    /// Whether no OFFER reached it, or none that was captured: `no-dhcp-offer` tells of it. Refusals prove more.
    pub(super) fn is_without_offer(&self) -> bool {
        self.is_unheard()
            && match self.selected() {
                Some(_) => self.naks() < 2,
                None => self.sum(|exchange| exchange.discovers).count > 0,
            }
    }

    /// The last address that it asked a server for by name: such a REQUEST takes up an OFFER (RFC 2131 section 4.3.2).
    pub(super) fn selected(&self) -> Option<&First<Ipv4Addr>> {
        self.exchanges.iter().filter_map(|exchange| exchange.selected.as_ref()).max_by_key(|selected| selected.at)
    }

    /// Its role, if need be by an address that it was to have.
    pub(super) fn role_at(&self, seen: &Observations<'_>, address: Option<Ipv4Addr>) -> Role {
        let at = |address: Ipv4Addr| {
            let heard = seen.hosts.at(address.into()).map(|host| host.role);
            heard.or_else(|| seen.inventory.find(address.into(), None).map(|entry| entry.role))
        };
        match self.role() {
            Role::Host => address.and_then(at).unwrap_or(Role::Host),
            role => role,
        }
    }

    /// What is to be told of it, which it sent within a window.
    pub(super) fn device<T>(&self, window: Window, what: T) -> Affected<T> {
        affected(self.mac, self.host, &window, what)
    }
}

/// Whether an ACK may have been taken: of a server that refuses and another that gives, the client follows the first.
fn is_taken(exchange: &DhcpExchange) -> bool {
    exchange.acks.count > 0 && (exchange.naks.count == 0 || exchange.starts.end > exchange.naks.end)
}

/// All of them, by their link addresses.
pub(super) fn clients<'a>(seen: &Observations<'a>) -> Vec<Client<'a>> {
    if seen.evidence.dhcp().len() == 0 {
        return Vec::new();
    }
    let hosts = HostsByMac::of(seen);
    let declined: BTreeSet<(MacAddr, u32)> = seen
        .evidence
        .refusals()
        .filter(|(_, refusals)| refusals.declines.count > 0)
        .map(|((mac, xid, _), _)| (*mac, *xid))
        .collect();
    let mut clients: BTreeMap<MacAddr, (Vec<&DhcpExchange>, Vec<&DhcpExchange>)> = BTreeMap::new();
    for (key, exchange) in seen.evidence.dhcp() {
        let (all, leases) = clients.entry(key.0).or_default();
        all.push(exchange);
        if is_taken(exchange) && !declined.contains(key) {
            leases.push(exchange);
        }
    }
    let client = |(mac, (exchanges, leases))| Client {
        mac,
        host: hosts.host(mac),
        declared: seen.inventory.by_mac(mac).map(|entry| entry.role),
        exchanges,
        leases,
    };
    clients.into_iter().map(client).collect()
}
