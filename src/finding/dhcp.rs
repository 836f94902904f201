//! What DHCP said of each device that asked for an address (RFC 2131).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::by_mac::{HostsByMac, Identity};
use super::devices::Affected;
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, First, Transaction, Window};
use crate::inventory::Host;
use crate::policy::Role;
use crate::verdict::Observations;

#[derive(Debug)]
pub(super) struct Client<'a> {
    pub(super) mac: MacAddr,
    pub(super) host: Option<&'a Host>,
    pub(super) role: Role,
    pub(super) transactions: Vec<Transaction>,
    /// When a server last answered it, if one ever offered or acknowledged anything.
    pub(super) answered: Option<Timestamp>,
    /// When it last sent from an address that it did not make up itself.
    pub(super) used: Option<Timestamp>,
}

/// What a device whose server answered once asks for in vain, at least: DISCOVERs, and REQUESTs that name a server.
pub(super) const DISCOVERS: u64 = 3;
const SELECTS: u64 = 2;
/// Nanoseconds between the first and the last of them: copies of one frame lie closer.
const APART: u64 = 1_000_000_000;

/// Whether so many messages lie so far apart that they are no copies.
pub(super) fn is_repeated(window: Window, least: u64) -> bool {
    let apart = window.first.nanos().zip(window.last.nanos()).map(|(first, last)| last.abs_diff(first));
    window.count >= least && apart.is_some_and(|apart| apart >= APART)
}

impl<'a> Client<'a> {
    pub(super) fn identity(&self) -> Identity {
        Identity { mac: self.mac, host: self.host.map(|host| host.address) }
    }

    /// What was said in each of its transactions.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = &DhcpExchange> {
        self.transactions.iter().map(|transaction| &transaction.said)
    }

    /// The same of those by which it got an address. Where a mirror shows broadcasts only, its use proves that it was given
    /// (RFC 2131 section 4.4.1).
    pub(super) fn leases(&self) -> impl Iterator<Item = &DhcpExchange> {
        let is_unheard = self.is_unheard() && self.naks() == 0;
        let is_used = move |said: &DhcpExchange| {
            is_unheard && said.selects.count > 0 && self.used.is_some_and(|used| used > said.selects.end)
        };
        let taken = move |one: &&Transaction| !one.is_declined && (is_taken(&one.said) || is_used(&one.said));
        self.transactions.iter().filter(taken).map(|transaction| &transaction.said)
    }

    /// All windows of a kind, added up.
    pub(super) fn sum(&self, of: impl Fn(&DhcpExchange) -> Window) -> Window {
        self.exchanges().map(of).fold(Window::NONE, Window::and)
    }

    /// Whether no answer of a server to it was captured.
    pub(super) fn is_unheard(&self) -> bool {
        self.exchanges().all(|exchange| exchange.offers.count == 0 && exchange.acks.count == 0)
    }

    /// How often servers refused it.
    fn naks(&self) -> u64 {
        self.sum(|exchange| exchange.naks).count
    }

    /// Whether it declined what it asked a server for twice and more, the last time too: an acknowledgment reached it (RFC 2131
    /// section 4.4.4).
    fn declined_at_last(&self) -> bool {
        let selects = self.transactions.iter().filter(|transaction| transaction.said.selects.count > 0);
        let last = selects.max_by_key(|transaction| transaction.said.selects.end);
        let declines = self.transactions.iter().filter(|transaction| transaction.is_declined).count();
        declines > 1 && last.is_some_and(|last| last.is_declined)
    }

    /// What it asked since a server last answered it: all, if none ever did.
    fn since_answered(&self) -> impl Iterator<Item = &DhcpExchange> {
        let is_later = |exchange: &&DhcpExchange| {
            let begin = exchange.discovers.and(exchange.starts).begin.time;
            self.answered.is_none_or(|answered| begin > answered)
        };
        self.exchanges().filter(is_later)
    }

    /// All windows of a kind in that, added up.
    pub(super) fn sum_since(&self, of: impl Fn(&DhcpExchange) -> Window) -> Window {
        self.since_answered().map(of).fold(Window::NONE, Window::and)
    }

    /// Whether no OFFER reached it, or none that was captured, since a server last answered it: `no-dhcp-offer` tells of it.
    /// Refusals prove more.
    pub(super) fn is_without_offer(&self) -> bool {
        let discovers = self.sum_since(|exchange| exchange.discovers);
        if self.is_unheard() {
            return match self.selected() {
                Some(_) => self.naks() < 2 && !self.declined_at_last(),
                // Who hears nothing asks again (RFC 2131 section 4.1).
                None => is_repeated(discovers, 2),
            };
        }
        // One that goes on with an address was given it, or looks for servers now and then.
        let asked = discovers.and(self.sum_since(|exchange| exchange.selects));
        let uses = self.used.is_some_and(|used| used > asked.begin.time);
        let repeats = match self.selected_since() {
            Some(_) => is_repeated(self.sum_since(|exchange| exchange.selects), SELECTS),
            None => is_repeated(discovers, DISCOVERS),
        };
        repeats && !uses
    }

    /// The last address that it asked a server for by name: such a REQUEST takes up an OFFER (RFC 2131 section 4.3.2).
    pub(super) fn selected(&self) -> Option<&First<Ipv4Addr>> {
        last_selected(self.exchanges())
    }

    /// The same since a server last answered it.
    pub(super) fn selected_since(&self) -> Option<&First<Ipv4Addr>> {
        last_selected(self.since_answered())
    }

    /// Its role, if need be by an address that it was to have.
    pub(super) fn role_at(&self, seen: &Observations<'_>, address: Option<Ipv4Addr>) -> Role {
        let at = |address: Ipv4Addr| {
            let heard = seen.hosts.at(address.into()).map(|host| host.role);
            heard.or_else(|| seen.inventory.find(address.into(), None).map(|entry| entry.role))
        };
        match self.role {
            Role::Host => address.and_then(at).unwrap_or(Role::Host),
            role => role,
        }
    }

    /// What is to be told of it, which it sent within a window.
    pub(super) fn device<T>(&self, window: Window, what: T) -> Affected<T> {
        Affected::within(&window, self.role, self.identity().who(), what)
    }
}

fn last_selected<'a>(exchanges: impl Iterator<Item = &'a DhcpExchange>) -> Option<&'a First<Ipv4Addr>> {
    exchanges.filter_map(|exchange| exchange.selected.as_ref()).max_by_key(|selected| selected.at)
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
    let used = last_used(seen);
    let mut clients: BTreeMap<MacAddr, Vec<Transaction>> = BTreeMap::new();
    for transaction in seen.evidence.transactions() {
        clients.entry(transaction.client).or_default().push(transaction);
    }
    let client = |(mac, transactions): (MacAddr, Vec<Transaction>)| Client {
        mac,
        host: hosts.host(mac),
        role: hosts.role(mac),
        answered: answered(&transactions),
        used: used.get(&mac).copied(),
        transactions,
    };
    clients.into_iter().map(client).collect()
}

/// When a server last answered, if one ever offered or acknowledged anything.
fn answered(transactions: &[Transaction]) -> Option<Timestamp> {
    let sum =
        |of: fn(&DhcpExchange) -> Window| transactions.iter().map(|one| of(&one.said)).fold(Window::NONE, Window::and);
    let given = sum(|one| one.offers.and(one.acks));
    (given.count > 0).then(|| given.and(sum(|one| one.naks)).end)
}

/// When each device last sent from an address that it did not make up itself.
fn last_used(seen: &Observations<'_>) -> BTreeMap<MacAddr, Timestamp> {
    let mut used = BTreeMap::new();
    let mut uses = |mac: MacAddr, address: IpAddr, at: Timestamp| {
        if matches!(address, IpAddr::V4(v4) if !v4.is_unspecified() && !v4.is_link_local()) {
            let last = used.entry(mac).or_insert(at);
            *last = at.max(*last);
        }
    };
    seen.evidence.claims.speakers().for_each(|((_, address, mac), claim)| uses(*mac, *address, claim.window.end));
    for host in seen.hosts.iter().filter(|host| host.packets_sent > 0) {
        if let Some(mac) = host.mac {
            uses(mac, host.address, host.last_sent);
        }
    }
    used
}
