//! First questions of a commissioning: who got no address, who has another's, who starts again and again, who
//! was never heard.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::cause::unanswered;
use super::detail::{frame, times};
use super::facts::{Facts, earlier};
use super::finding::{listed, plain};
use super::judge::Observations;
use super::{Conversation, Finding, Judgement, conflict, orphan};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{DhcpExchange, EndView, First, FlowView, Window};
use crate::inventory::Host;
use crate::policy::{FindingKind, Role, Transport};

/// Devices that a finding tells with their frames.
const MAX_TOLD: usize = 3;
/// Devices that a display filter lists.
const MAX_FILTERED: usize = 100;
/// So many starts within one survey are no accident: the first may be the switching on, the second a mend.
const STARTS: u64 = 3;

/// One device and what is to be told of it.
pub(super) struct Item {
    /// Its role.
    pub(super) role: Role,
    /// Its address, or its MAC where it has none.
    pub(super) who: Who,
    /// What was seen, in a sentence with frames.
    pub(super) text: String,
    /// A display filter for it.
    pub(super) filter: String,
    pub(super) packets: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// Whom an item is about; addresses are listed before MACs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Address(IpAddr),
    Mac(MacAddr),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
        }
    }
}

/// What was judged before.
pub(super) struct Judged<'a> {
    pub(super) flows: &'a [Judgement],
    pub(super) conversations: &'a [Conversation],
    pub(super) facts: &'a [Facts],
    pub(super) members: &'a [u32],
}

/// All findings of this kind.
pub(super) fn find(seen: &Observations<'_>, judged: &Judged<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let clients = clients(seen);
    let mut add = |kind, items: Vec<Item>| findings.extend(grouped(seen, kind, items));
    let mut without = never_offered(seen, &clients);
    without.extend(offered_in_vain(seen, &clients));
    add(FindingKind::NoDhcpOffer, without);
    add(FindingKind::OtherAddress, other_addresses(seen));
    add(FindingKind::AddressConflict, conflict::find(seen));
    add(FindingKind::AddressChanged, address_changed(seen, &clients));
    add(FindingKind::Restarting, restarting(seen, judged, &clients));
    add(FindingKind::NeverHeard, never_heard(seen));
    add(FindingKind::RejectedUnseen, orphan::find(seen));
    findings
}

/// One finding for each role.
fn grouped(seen: &Observations<'_>, kind: FindingKind, items: Vec<Item>) -> Vec<Finding> {
    let mut by_role: BTreeMap<Role, Vec<Item>> = BTreeMap::new();
    items.into_iter().for_each(|item| by_role.entry(item.role).or_default().push(item));
    let finding = |(role, mut items): (Role, Vec<Item>)| {
        items.sort_by_key(|item| item.who);
        let mut finding = plain(seen, kind, role, role);
        finding.client_role = role.name();
        finding.client = listed(&items.iter().map(|item| item.who).collect());
        for item in &items {
            finding.packets += item.packets;
            finding.first = earlier(finding.first, item.first);
            finding.last = finding.last.max(item.last);
        }
        finding.detail = heading(kind, items.len());
        for item in items.iter().take(MAX_TOLD) {
            let _ = write!(finding.detail, " {}", item.text);
        }
        if items.len() > MAX_TOLD {
            let _ = write!(finding.detail, " And {} more.", items.len() - MAX_TOLD);
        }
        match kind {
            FindingKind::NoDhcpOffer => {
                let doubt = seen.missing.of_silence(finding.first, finding.last, finding.packets);
                finding.detail.push_str(&doubt);
            }
            FindingKind::NeverHeard if seen.missing.filter.is_none() => {
                finding.detail.push_str(&seen.missing.of_all());
            }
            _ => {}
        }
        finding.advice = advice(kind).to_owned();
        let filters: BTreeSet<&str> = items.iter().map(|item| &*item.filter).filter(|text| !text.is_empty()).collect();
        finding.display_filter = filters.into_iter().take(MAX_FILTERED).collect::<Vec<_>>().join(" || ");
        finding
    };
    by_role.into_iter().map(finding).collect()
}

fn heading(kind: FindingKind, number: usize) -> String {
    let one = number == 1;
    match kind {
        FindingKind::NoDhcpOffer if one => "A device asked for an address by DHCP and was given none.".into(),
        FindingKind::NoDhcpOffer => {
            format!("{number} devices asked for an address by DHCP and were given none.")
        }
        FindingKind::OtherAddress if one => "A server answered from another address than it was asked at.".into(),
        FindingKind::OtherAddress => format!("{number} servers answered from other addresses than they were asked at."),
        FindingKind::AddressConflict if one => "Two devices have one address.".into(),
        FindingKind::AddressConflict => format!("{number} addresses are each held by more than one device."),
        FindingKind::AddressChanged if one => "A device was given another address while the capture ran.".into(),
        FindingKind::AddressChanged => format!("{number} devices were given another address while the capture ran."),
        FindingKind::Restarting if one => "A device starts again and again.".into(),
        FindingKind::Restarting => format!("{number} devices start again and again."),
        FindingKind::RejectedUnseen => {
            "ICMP errors say that packets were lost which this capture does not hold: they went another way, or before it \
             began."
                .into()
        }
        _ if one => "A device of the inventory was never heard.".into(),
        _ => format!("{number} devices of the inventory were never heard."),
    }
}

const fn advice(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NoDhcpOffer => {
            "Check that a DHCP server serves this VLAN and has free addresses, that the router relays to it, and that the \
             switch lets its answers through (DHCP snooping). A mirror that copies one direction looks the same."
        }
        FindingKind::AddressConflict => {
            "Find both devices by their MAC addresses (the switch's address table) and give one of them another address; \
             look for a fixed address inside the DHCP server's range. A pair that shares an address on purpose (VRRP, a \
             failover) looks the same."
        }
        FindingKind::AddressChanged => {
            "Reserve the address at the DHCP server if anything refers to the device by it (inventory, firewall, BACnet)."
        }
        FindingKind::Restarting => {
            "Check its power (PoE budget and class, cable length), its cable, and the switch's log for the port going \
             down; then its firmware."
        }
        FindingKind::OtherAddress => {
            "Bind the server to one address: clients may refuse an answer from another, and firewalls do."
        }
        FindingKind::RejectedUnseen => {
            "Take the error for what it says: something could not be reached. Capture on the way to it to see the whole."
        }
        _ => {
            "Check power, cable, VLAN and address of the device, then the inventory; or capture where its traffic passes."
        }
    }
}

/// The host that a MAC belongs to, best known by its IPv4 address; else the MAC alone.
fn host_of<'a>(seen: &Observations<'a>) -> BTreeMap<MacAddr, &'a Host> {
    let mut hosts: BTreeMap<MacAddr, &Host> = BTreeMap::new();
    for host in seen.hosts.iter() {
        if let Some(mac) = host.mac {
            hosts.entry(mac).or_insert(host);
        }
    }
    hosts
}

/// What DHCP said of one client.
struct Client<'a> {
    mac: MacAddr,
    host: Option<&'a Host>,
    exchanges: Vec<&'a DhcpExchange>,
}

impl Client<'_> {
    fn role(&self) -> Role {
        self.host.map_or(Role::Host, |host| host.role)
    }

    fn who(&self) -> Who {
        self.host.map_or(Who::Mac(self.mac), |host| Who::Address(host.address))
    }

    /// `02:..:1c (node-28)`.
    fn name(&self) -> String {
        match self.host.and_then(|host| host.name.as_deref()) {
            Some(name) => format!("{} ({name})", self.mac),
            None => self.mac.to_string(),
        }
    }

    fn filter(&self) -> String {
        format!("dhcp.hw.mac_addr == {}", self.mac)
    }

    /// All windows of a kind, added up.
    fn sum(&self, of: impl Fn(&DhcpExchange) -> Window) -> Window {
        self.exchanges.iter().map(|exchange| of(exchange)).fold(Window::NONE, Window::and)
    }

    /// Whether no answer of a server to it was captured.
    fn is_unheard(&self) -> bool {
        self.exchanges.iter().all(|exchange| exchange.offers.count == 0 && exchange.acks.count == 0)
    }

    /// How often it asked, in a sentence.
    fn asked(&self, seen: &Observations<'_>, asked: Window) -> String {
        let discovers = self.sum(|exchange| exchange.discovers);
        let what = match discovers.count {
            0 => times(asked.count, "DHCPREQUEST", "DHCPREQUESTs"),
            count => times(count, "DHCPDISCOVER", "DHCPDISCOVERs"),
        };
        format!(
            "{} sent {what} in {}, from {}.",
            self.name(),
            lasting(asked.first, asked.last),
            frame(seen, asked.frame(), asked.first)
        )
    }

    /// The addresses that it asked a server for by name: such a REQUEST takes up an OFFER (RFC 2131 section 4.3.2).
    fn selected(&self) -> impl Iterator<Item = &First<Ipv4Addr>> {
        self.exchanges.iter().filter_map(|exchange| exchange.selected.as_ref())
    }

    /// Whether it came to use the last of them, which proves that the server acknowledged it.
    fn uses_what_it_selected(&self, seen: &Observations<'_>) -> bool {
        self.selected().max_by_key(|selected| selected.at).is_some_and(|selected| {
            let mut claims = seen.neighbours.claims_of(selected.what);
            let claimed = claims.any(|(mac, claim)| mac == self.mac && claim.end >= selected.at.time);
            let host = seen.hosts.find(selected.what.into()).map(|id| seen.hosts.get(id));
            claimed
                || host.is_some_and(|host| {
                    host.mac == Some(self.mac) && host.packets_sent > 0 && host.last_sent >= selected.at.time
                })
        })
    }

    fn item(&self, window: Window, text: String) -> Item {
        Item {
            role: self.role(),
            who: self.who(),
            text,
            filter: self.filter(),
            packets: window.count,
            first: window.first,
            last: window.last,
        }
    }
}

fn clients<'a>(seen: &Observations<'a>) -> Vec<Client<'a>> {
    if seen.evidence.dhcp().len() == 0 {
        return Vec::new();
    }
    let hosts = host_of(seen);
    let mut clients: BTreeMap<MacAddr, Vec<&DhcpExchange>> = BTreeMap::new();
    for ((mac, _), exchange) in seen.evidence.dhcp() {
        clients.entry(*mac).or_default().push(exchange);
    }
    clients.into_iter().map(|(mac, exchanges)| Client { mac, host: hosts.get(&mac).copied(), exchanges }).collect()
}

/// Devices to which no answer of a server was captured, nor anything that proves one.
fn never_offered(seen: &Observations<'_>, clients: &[Client<'_>]) -> Vec<Item> {
    let lone = clients.iter().filter(|client| client.is_unheard() && client.selected().next().is_none());
    lone.filter_map(|client| {
        let asked = client.sum(|exchange| exchange.discovers);
        (asked.count > 0).then(|| client.item(asked, format!("{} No offer came.", client.asked(seen, asked))))
    })
    .collect()
}

/// Devices that took up an offer, which was not captured, and never used the address: only its use would prove that the
/// server acknowledged it.
fn offered_in_vain(seen: &Observations<'_>, clients: &[Client<'_>]) -> Vec<Item> {
    let lone = clients.iter().filter(|client| client.is_unheard() && !client.uses_what_it_selected(seen));
    lone.filter_map(|client| {
        let asked = client.sum(|exchange| exchange.discovers.and(exchange.selects));
        let selected = client.selected().max_by_key(|selected| selected.at)?;
        let text = format!(
            "{} It took up an offer of {} that was not captured, in {}, and never used that address: no acknowledgment \
             reached it.",
            client.asked(seen, asked),
            selected.what,
            frame(seen, selected.at.frame, selected.time)
        );
        let role = seen.hosts.find(selected.what.into()).map_or(Role::Host, |id| seen.hosts.get(id).role);
        let item = client.item(asked, text);
        Some(Item { role: if item.role == Role::Host { role } else { item.role }, ..item })
    })
    .collect()
}

/// Igor hosts whose leases name more than one address.
fn address_changed(seen: &Observations<'_>, clients: &[Client<'_>]) -> Vec<Item> {
    let igor = clients.iter().filter(|client| client.role().is_igor());
    igor.filter_map(|client| {
        let mut leases: BTreeMap<Ipv4Addr, Window> = BTreeMap::new();
        for exchange in &client.exchanges {
            let Some(leased) = &exchange.leased else { continue };
            let once = Window { count: exchange.acks.count, ..Window::once(leased.time, leased.at) };
            let held = leases.entry(leased.what).or_insert(Window::NONE);
            *held = held.and(once);
        }
        if leases.len() < 2 {
            return None;
        }
        let mut leases: Vec<(Ipv4Addr, Window)> = leases.into_iter().collect();
        leases.sort_by_key(|(_, window)| window.begin);
        let told: Vec<String> = leases
            .iter()
            .take(MAX_TOLD)
            .map(|(address, window)| format!("{address} ({})", frame(seen, window.frame(), window.first)))
            .collect();
        let more =
            if leases.len() > MAX_TOLD { format!(" and {} more", leases.len() - MAX_TOLD) } else { String::new() };
        let all = client.sum(|exchange| exchange.acks);
        Some(client.item(all, format!("{} was given {}{more}.", client.name(), told.join(", then "))))
    })
    .collect()
}

/// Igor hosts that got an address anew, or opened the same connection anew, again and again.
fn restarting(seen: &Observations<'_>, judged: &Judged<'_>, clients: &[Client<'_>]) -> Vec<Item> {
    let mut items: BTreeMap<Who, Item> = BTreeMap::new();
    for client in clients.iter().filter(|client| client.role().is_igor()) {
        let starts: Vec<&&DhcpExchange> =
            client.exchanges.iter().filter(|exchange| exchange.starts.count > 0 && exchange.acks.count > 0).collect();
        if (starts.len() as u64) < STARTS {
            continue;
        }
        let all = client.sum(|exchange| exchange.starts);
        let text = format!(
            "{} got its address by DHCP {} times anew in {}, the first in {}.",
            client.name(),
            starts.len(),
            lasting(all.first, all.last),
            frame(seen, all.frame(), all.first)
        );
        items.insert(client.who(), client.item(all, text));
    }
    let of_igor = |conversation: &Conversation| seen.hosts.role(conversation.client).is_igor();
    let grouped = judged.facts.iter().zip(judged.conversations);
    let grouped = grouped.filter(|(facts, conversation)| facts.starts_anew && of_igor(conversation));
    for at in grouped.flat_map(|(facts, _)| judged.members.get(facts.members()).unwrap_or_default()) {
        let Some(judgement) = judged.flows.get(*at as usize) else { continue };
        let flow = seen.flows.view(*at);
        let Some(starts) = starts_anew(&flow, judgement.client) else { continue };
        let [client, server] = ends(&flow, judgement.client);
        let host = seen.hosts.get(judgement.client_host);
        // Of more than so many it is only known that there were more.
        let at_least = if starts == 32 { "at least " } else { "" };
        let text = format!(
            "It opened the same connection {at_least}{starts} times anew, {} port {} to {} port {}, from {}: a port counter that \
             begins again.",
            client.address,
            client.port,
            server.address,
            server.port,
            frame(seen, client.first_frame(), client.first())
        );
        let filter = format!(
            "{}.addr == {} && tcp.port == {} && tcp.port == {}",
            if client.address.is_ipv6() { "ipv6" } else { "ip" },
            client.address,
            client.port,
            server.port
        );
        match items.get_mut(&Who::Address(host.address)) {
            // One connection is told; the others say the same.
            Some(item) if item.text.contains("It opened") => item.packets += flow.packets(),
            Some(item) => {
                let _ = write!(item.text, " {text}");
                item.filter = format!("{} || ({filter})", item.filter);
                item.packets += flow.packets();
                item.last = item.last.max(flow.last());
            }
            None => {
                let name = host.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
                let item = Item {
                    role: host.role,
                    who: Who::Address(host.address),
                    text: format!("{}{name}: {text}", host.address),
                    filter: format!("({filter})"),
                    packets: flow.packets(),
                    first: flow.first(),
                    last: flow.last(),
                };
                items.insert(item.who, item);
            }
        }
    }
    items.into_values().collect()
}

/// How often a connection of one pair of ports was opened, if that was often: initial sequence numbers that were accepted.
/// A SYN that is repeated, by its sender or by a mirror, has the same.
#[inline]
pub(super) fn starts_anew(flow: &FlowView<'_>, client: u8) -> Option<u64> {
    let [client, server] = ends(flow, client);
    let may_be = flow.transport == Transport::Tcp && u64::from(client.syns().min(server.syn_acks())) >= STARTS;
    if !may_be || flow.folded > 0 || !client.has_payload() || !server.has_payload() {
        return None;
    }
    let starts = u64::from(client.opened());
    (starts >= STARTS).then_some(starts)
}

/// Client and server of a flow.
fn ends<'a, 'b>(flow: &'a FlowView<'b>, client: u8) -> [&'a EndView<'b>; 2] {
    [client, 1 - (client & 1)].map(|end| &flow.ends[usize::from(end & 1)])
}

/// Devices that answered a TFTP request from another address of theirs.
fn other_addresses(seen: &Observations<'_>) -> Vec<Item> {
    let mut items: BTreeMap<(IpAddr, IpAddr), Item> = BTreeMap::new();
    for (request, transfer) in &seen.relations.other_addresses {
        let [request, transfer] = [request, transfer].map(|at| seen.flows.view(*at));
        let of_both = |address: &IpAddr| transfer.ends.iter().any(|end| end.address == *address);
        let Some(asked) = request.ends.iter().map(|end| end.address).find(|address| !of_both(address)) else {
            continue;
        };
        let client = request.ends.iter().map(|end| end.address).find(of_both);
        let Some(answered) = transfer.ends.iter().find(|end| Some(end.address) != client) else { continue };
        let host = seen.hosts.find(asked).map(|id| seen.hosts.get(id));
        let item = items.entry((asked, answered.address)).or_insert_with(|| Item {
            role: host.map_or(Role::Host, |host| host.role),
            who: Who::Address(asked),
            text: format!(
                "{asked} was asked for a file by TFTP, and {} sent it, from {}: both are of {}.",
                answered.address,
                frame(seen, answered.first_frame(), answered.first()),
                answered.source_mac().map_or_else(|| "one device".to_owned(), |mac| mac.to_string())
            ),
            filter: format!("(ip.addr == {asked} || ip.addr == {})", answered.address)
                .replace("ip.", if asked.is_ipv6() { "ipv6." } else { "ip." }),
            packets: 0,
            first: transfer.first(),
            last: transfer.last(),
        });
        item.packets += transfer.packets();
        (item.first, item.last) = (earlier(item.first, transfer.first()), item.last.max(transfer.last()));
    }
    items.into_values().collect()
}

/// Devices of the inventory of which nothing was captured.
fn never_heard(seen: &Observations<'_>) -> Vec<Item> {
    let silent = seen.hosts.iter().filter(|host| !host.heard && host.role.is_igor());
    // What it sent may be just what was left out; being asked for in vain, again and again, is proof.
    let is_told = |host: &&Host| unanswered(seen, host.address).is_some() || !seen.missing.may_hide(seen.hosts, host);
    silent
        .filter(is_told)
        .map(|host| {
            let name = host.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
            let asked = unanswered(seen, host.address);
            let text = match asked {
                Some(asked) => format!(
                    "{}{name} was asked for by ARP {} and never answered, from {}: it is not on the network.",
                    host.address,
                    times(asked.packets, "time", "times"),
                    frame(seen, asked.begin.frame, asked.first)
                ),
                None => format!("{}{name}.", host.address),
            };
            Item {
                role: host.role,
                who: Who::Address(host.address),
                text,
                filter: asked.map_or_else(String::new, |_| format!("arp.dst.proto_ipv4 == {}", host.address)),
                packets: asked.map_or(0, |asked| asked.packets),
                first: asked.map_or(Timestamp::UNKNOWN, |asked| asked.first),
                last: asked.map_or(Timestamp::UNKNOWN, |asked| asked.last),
            }
        })
        .collect()
}

/// The time between two times, as a person says it.
fn lasting(first: Timestamp, last: Timestamp) -> String {
    let (Some(first), Some(last)) = (first.nanos(), last.nanos()) else { return "an unknown time".into() };
    match last.abs_diff(first) / 1_000_000_000 {
        0 => "less than a second".into(),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    }
}
