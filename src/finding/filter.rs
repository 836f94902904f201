//! Wireshark display filters that show just one finding's packets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Replace, Who};
use crate::health::Measure;
use crate::protocol::{Transport, icmp};

/// How many addresses and ports a filter may list. Beyond that it shows what is wider: every conversation
/// of the servers' ports, because a filter of megabytes helps nobody.
const MAX_ITEMS: usize = 1500;

/// Whether IPv6, who asked, and on which ports: what servers of one clause have in common.
type Clients<'a> = (bool, BTreeSet<IpAddr>, &'a BTreeSet<u16>);

/// Clients, servers and ports of conversations of one transport.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    transport: Transport,
    /// Whether any server sent anything: else the way back shows nothing.
    answered: bool,
    pairs: BTreeMap<(IpAddr, IpAddr), BTreeSet<u16>>,
    /// Single flows: client, its port, server, its port.
    flows: BTreeSet<(IpAddr, u16, IpAddr, u16)>,
}

/// The packets of one TCP connection, by an address and both ports.
pub(super) fn of_connection(address: IpAddr, ports: [u16; 2]) -> String {
    let ip = if address.is_ipv6() { "ipv6" } else { "ip" };
    format!("({ip}.addr == {address} && tcp.port == {} && tcp.port == {})", ports[0], ports[1])
}

impl Filter {
    /// A filter for conversations of this transport.
    pub(super) const fn new(transport: Transport) -> Self {
        Self { transport, answered: false, pairs: BTreeMap::new(), flows: BTreeSet::new() }
    }

    /// Adds a conversation: client, server, the server's port (for ICMP the type), and whether the server
    /// was seen to send.
    pub(super) fn add(&mut self, client: IpAddr, server: IpAddr, port: u16, answered: bool) {
        self.answered |= answered;
        self.pairs.entry((client, server)).or_default().insert(port);
    }

    /// Adds one flow of a conversation whose others are not meant.
    pub(super) fn add_flow(&mut self, client: (IpAddr, u16), server: (IpAddr, u16), answered: bool) {
        self.answered |= answered;
        self.flows.insert((client.0, client.1, server.0, server.1));
    }

    /// The same of other hosts.
    pub(super) fn replaced(&self, with: &dyn Replace) -> Self {
        let pair = |((client, server), ports): (&(IpAddr, IpAddr), &BTreeSet<u16>)| {
            ((with.address(*client), with.address(*server)), ports.clone())
        };
        let flow = |(client, client_port, server, port): &(IpAddr, u16, IpAddr, u16)| {
            (with.address(*client), *client_port, with.address(*server), *port)
        };
        Self {
            pairs: self.pairs.iter().map(pair).collect(),
            flows: self.flows.iter().map(flow).collect(),
            transport: self.transport,
            answered: self.answered,
        }
    }

    /// The filter's text; empty if nothing was added.
    pub(super) fn text(&self) -> String {
        // Servers of equal clients and ports are listed together, so that a finding over all nodes
        // is one clause.
        let mut by_server: BTreeMap<(bool, IpAddr, &BTreeSet<u16>), BTreeSet<IpAddr>> = BTreeMap::new();
        for ((client, server), ports) in &self.pairs {
            by_server.entry((server.is_ipv6(), *server, ports)).or_default().insert(*client);
        }
        let mut clauses: BTreeMap<Clients<'_>, BTreeSet<IpAddr>> = BTreeMap::new();
        for ((v6, server, ports), clients) in by_server {
            clauses.entry((v6, clients, ports)).or_default().insert(server);
        }
        let items: usize =
            clauses.iter().map(|((_, clients, ports), servers)| clients.len() + servers.len() + ports.len()).sum();
        if items + 4 * self.flows.len() > MAX_ITEMS {
            return self.wider();
        }
        let ways = if self.answered { 2 } else { 1 };
        let mut text = String::new();
        for ((v6, clients, ports), servers) in &clauses {
            let ip = if *v6 { "ipv6" } else { "ip" };
            for (from, to, side) in [(clients, servers, "dst"), (servers, clients, "src")].into_iter().take(ways) {
                if !text.is_empty() {
                    text.push_str(" || ");
                }
                let (from, to) = (one_of(from.iter()), one_of(to.iter()));
                let _ = write!(text, "({ip}.src {from} && {ip}.dst {to}{})", self.port(*v6, side, ports));
            }
        }
        let (tcp_or_udp, open) = (if self.transport == Transport::Tcp { "tcp" } else { "udp" }, text.is_empty());
        let mut single = Vec::new();
        for (client, client_port, server, port) in &self.flows {
            let ip = if client.is_ipv6() { "ipv6" } else { "ip" };
            let there = (client, client_port, server, port);
            for (from, from_port, to, to_port) in [there, (server, port, client, client_port)].into_iter().take(ways) {
                single.push(format!(
                    "({ip}.src == {from} && {ip}.dst == {to} && {tcp_or_udp}.srcport == {from_port} && \
                     {tcp_or_udp}.dstport == {to_port})"
                ));
            }
        }
        if !single.is_empty() && !open {
            text.push_str(" || ");
        }
        text + &single.join(" || ")
    }

    /// What holds for the ports, with the `&&` before it. `side` is where the server stands.
    fn port(&self, v6: bool, side: &str, ports: &BTreeSet<u16>) -> String {
        match self.transport {
            Transport::Tcp => format!(" && tcp.{side}port {}", ranges(ports)),
            Transport::Udp => format!(" && udp.{side}port {}", ranges(ports)),
            Transport::Icmp => format!(" && icmp.type {}", ranges(&with_replies(ports, icmp::pairs(false)))),
            Transport::Icmpv6 => format!(" && icmpv6.type {}", ranges(&with_replies(ports, icmp::pairs(true)))),
            Transport::Other(number) if v6 => format!(" && ipv6.nxt == {number}"),
            Transport::Other(number) => format!(" && ip.proto == {number}"),
        }
    }

    fn wider(&self) -> String {
        let single = || self.flows.iter().map(|(_, _, server, port)| (*server, *port));
        let ports: BTreeSet<u16> =
            self.pairs.values().flatten().copied().chain(single().map(|(_, port)| port)).collect();
        let servers: BTreeSet<IpAddr> =
            self.pairs.keys().map(|(_, server)| *server).chain(single().map(|(server, _)| server)).collect();
        let ports = match (ports.first(), ports.last()) {
            (Some(first), Some(last)) if ports.len() > MAX_ITEMS => format!("in {{{first}..{last}}}"),
            _ => ranges(&ports),
        };
        let mut text = match self.transport {
            Transport::Tcp => format!("tcp.port {ports}"),
            Transport::Udp => format!("udp.port {ports}"),
            Transport::Icmp => "icmp".to_owned(),
            Transport::Icmpv6 => "icmpv6".to_owned(),
            Transport::Other(number) => format!("(ip.proto == {number} || ipv6.nxt == {number})"),
        };
        if servers.len() <= MAX_ITEMS {
            let _ = write!(text, " && ({})", of_addresses(servers.iter()));
        }
        text
    }
}

/// A filter for what a device answers to one kind of question.
pub(super) fn of_answers(measure: Measure, who: Who) -> String {
    let ip = if matches!(who, Who::Address(address) if address.is_ipv6()) { "ipv6" } else { "ip" };
    format!("({} && {ip}.addr == {who})", measure.dissector())
}

/// A filter for everything that these hosts sent or received.
pub(super) fn of_hosts(hosts: &[Who]) -> String {
    of_addresses(hosts.iter().filter_map(|who| match who {
        Who::Address(address) => Some(address),
        Who::Mac(_) => None,
    }))
}

/// To or from one of these.
fn of_addresses<'a>(addresses: impl Iterator<Item = &'a IpAddr> + Clone) -> String {
    let family = |v6| addresses.clone().filter(move |address| address.is_ipv6() == v6).take(MAX_ITEMS);
    [("ip", false), ("ipv6", true)]
        .into_iter()
        .filter(|(_, v6)| family(*v6).next().is_some())
        .map(|(ip, v6)| format!("{ip}.addr {}", one_of(family(v6))))
        .collect::<Vec<_>>()
        .join(" || ")
}

fn one_of<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> String {
    let list: Vec<String> = addresses.map(ToString::to_string).collect();
    match &list[..] {
        [one] => format!("== {one}"),
        _ => format!("in {{{}}}", list.join(", ")),
    }
}

/// Numbers as `== 80` or `in {80, 88, 50195..50199}`.
fn ranges(numbers: &BTreeSet<u16>) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if u32::from(*last) + 1 == u32::from(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let text = |(low, high): &(u16, u16)| if low == high { low.to_string() } else { format!("{low}..{high}") };
    match &ranges[..] {
        [(low, high)] if low == high => format!("== {low}"),
        _ => format!("in {{{}}}", ranges.iter().map(text).collect::<Vec<_>>().join(", ")),
    }
}

fn with_replies(types: &BTreeSet<u16>, replies: &[(u8, u8)]) -> BTreeSet<u16> {
    let answer =
        |kind: &u16| replies.iter().find(|(request, _)| u16::from(*request) == *kind).map(|(_, reply)| (*reply).into());
    types.iter().copied().chain(types.iter().filter_map(answer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(transport: Transport, pairs: &[(&str, &str, u16)]) -> String {
        let mut filter = Filter::new(transport);
        for (client, server, port) in pairs {
            filter.add(client.parse().unwrap(), server.parse().unwrap(), *port, true);
        }
        filter.text()
    }

    #[test]
    fn one_conversation_is_shown_both_ways() {
        assert_eq!(
            filter(Transport::Tcp, &[("10.0.0.2", "10.0.0.1", 80)]),
            "(ip.src == 10.0.0.2 && ip.dst == 10.0.0.1 && tcp.dstport == 80) || \
             (ip.src == 10.0.0.1 && ip.dst == 10.0.0.2 && tcp.srcport == 80)"
        );
        assert_eq!(
            filter(Transport::Icmpv6, &[("fd00::2", "fd00::1", 128)]),
            "(ipv6.src == fd00::2 && ipv6.dst == fd00::1 && icmpv6.type in {128..129}) || \
             (ipv6.src == fd00::1 && ipv6.dst == fd00::2 && icmpv6.type in {128..129})"
        );
        assert_eq!(
            filter(Transport::Other(47), &[("10.0.0.2", "10.0.0.1", 0)]),
            "(ip.src == 10.0.0.2 && ip.dst == 10.0.0.1 && ip.proto == 47) || \
             (ip.src == 10.0.0.1 && ip.dst == 10.0.0.2 && ip.proto == 47)"
        );
        assert_eq!(filter(Transport::Tcp, &[]), "");
        let mut unanswered = Filter::new(Transport::Udp);
        unanswered.add("10.0.0.2".parse().unwrap(), "10.0.0.255".parse().unwrap(), 1900, false);
        assert_eq!(unanswered.text(), "(ip.src == 10.0.0.2 && ip.dst == 10.0.0.255 && udp.dstport == 1900)");
    }

    #[test]
    fn hosts_with_equal_peers_and_ports_are_listed_together_and_others_are_not_mixed() {
        assert_eq!(
            filter(
                Transport::Udp,
                &[
                    ("10.0.0.2", "10.0.0.1", 69),
                    ("10.0.0.3", "10.0.0.1", 69),
                    ("10.0.0.2", "10.0.0.9", 70),
                    ("10.0.0.2", "10.0.0.9", 71),
                    ("10.0.0.2", "10.0.0.9", 80),
                ]
            ),
            "(ip.src == 10.0.0.2 && ip.dst == 10.0.0.9 && udp.dstport in {70..71, 80}) || \
             (ip.src == 10.0.0.9 && ip.dst == 10.0.0.2 && udp.srcport in {70..71, 80}) || \
             (ip.src in {10.0.0.2, 10.0.0.3} && ip.dst == 10.0.0.1 && udp.dstport == 69) || \
             (ip.src == 10.0.0.1 && ip.dst in {10.0.0.2, 10.0.0.3} && udp.srcport == 69)"
        );
    }

    #[test]
    fn one_flow_of_a_conversation_is_shown_alone() {
        let mut filter = Filter::new(Transport::Tcp);
        let [client, server] = ["10.0.0.2", "10.0.0.1"].map(|text| text.parse().unwrap());
        filter.add_flow((client, 40_000), (server, 80), true);
        assert_eq!(
            filter.text(),
            "(ip.src == 10.0.0.2 && ip.dst == 10.0.0.1 && tcp.srcport == 40000 && tcp.dstport == 80) || \
             (ip.src == 10.0.0.1 && ip.dst == 10.0.0.2 && tcp.srcport == 80 && tcp.dstport == 40000)"
        );
    }

    #[test]
    fn a_filter_has_bounds() {
        let mut filter = Filter::new(Transport::Tcp);
        for host in 0..20_000u32 {
            filter.add(IpAddr::from(host.to_be_bytes()), "10.0.0.1".parse().unwrap(), (host % 50_000) as u16, false);
        }
        let text = filter.text();
        assert_eq!(text, "tcp.port in {0..19999} && (ip.addr == 10.0.0.1)");
    }
}
