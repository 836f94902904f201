//! Windows Defender Firewall, as a PowerShell script.

use std::fmt::Write as _;

use super::format::{MANY, Written, commented, header};
use super::hosts::plain;
use super::rules::{Helper, Rule, RuleList};
use super::{Base, End, Family, HostSet, Hosts, Member, RuleDirection, text};
use crate::policy::PortSet;
use crate::protocol::Transport;

/// Longest description that the firewall's own dialog shows whole.
const DESCRIPTION: usize = 400;

pub(super) fn write(list: &RuleList) -> Written {
    let mut losses = general_losses(list);
    let mut lists = Lists::default();
    let mut rules = String::new();
    for (rule, number) in list.rules.iter().zip(1..).filter(|(rule, _)| !covered(rule, list)) {
        rules.push_str(&command(rule, number, list, (&mut lists, &mut losses)));
    }
    let limits = limits(list, &lists, &rules);
    let mut lines = header(list, &losses, &limits);
    lines.push("Run in PowerShell as Administrator; running it again replaces these rules".to_owned());
    let mut out = String::new();
    out.push_str(&commented("#", &lines));
    out.push_str("#Requires -RunAsAdministrator\n$ErrorActionPreference = 'Stop'\n");
    let group = format!("Igor ({}, by igorscope)", list.side);
    let _ = writeln!(out, "$Group = {}\n", crate::text::powershell(&group));
    for set in list.used_sets() {
        variable(&mut out, set, &list.hosts);
    }
    out.push_str(&lists.declared());
    out.push_str("Get-NetFirewallRule -Group $Group -ErrorAction SilentlyContinue | Remove-NetFirewallRule\n\n");
    out.push_str(&rules);
    // Windows PowerShell 5.1 takes a script without a mark for one in the system's own code page.
    let mark = if out.is_ascii() { "" } else { "\u{feff}" };
    Written { text: format!("{mark}{out}").replace('\n', "\r\n"), losses, limits }
}

/// Microsoft names no number of addresses that a rule may have: what was taken is to be looked at.
fn limits(list: &RuleList, lists: &Lists, rules: &str) -> Vec<String> {
    let of_sets = list.used_sets().into_iter().map(|set| list.hosts.of(set).len());
    let lists = lists.0.iter().map(|(_, addresses)| addresses.as_str());
    let written_out = rules.lines().chain(lists).map(|line| line.matches("', '").count() + 1);
    let most = of_sets.chain(written_out).max().unwrap_or(0);
    let many = (most > MANY).then(|| {
        format!(
            "up to {most} addresses in one rule, for which Microsoft names no limit: afterwards count what was taken \
             (Get-NetFirewallRule -Group $Group | Get-NetFirewallAddressFilter), or give whole subnets in the inventory"
        )
    });
    many.into_iter().collect()
}

fn general_losses(list: &RuleList) -> Vec<String> {
    let mut losses = vec![
        "Windows lets everything out unless its profiles say otherwise: the rules for outgoing traffic limit nothing \
         until DefaultOutboundAction is Block (Set-NetFirewallProfile), which also stops what Windows itself needs"
            .to_owned(),
        "rules for incoming traffic that are there already stay in force beside these".to_owned(),
    ];
    if list.needs_tftp() {
        losses.push(
            "Windows has no TFTP helper: the answer and the data of a TFTP request that goes out come back from a fresh \
             port and are dropped, unless the program that asks has a rule of its own (New-NetFirewallRule -Program)"
                .to_owned(),
        );
    }
    if list
        .rules
        .iter()
        .any(|rule| matches!(rule.helper, Some(Helper::Discovery { .. })) && rule.way == RuleDirection::Out)
    {
        losses.push(
            "unicast answers to SSDP and CoAP groups come in by Windows' own allowance for 3 seconds; keep \
             AllowUnicastResponseToMulticast on (Set-NetFirewallProfile)"
                .to_owned(),
        );
    }
    losses
}

fn variable_name(set: HostSet) -> String {
    let name = set.name();
    format!("${}{}", name[..1].to_uppercase(), &name[1..])
}

fn variable(out: &mut String, set: HostSet, hosts: &Hosts) {
    let name = variable_name(set);
    if hosts.is_placeholder(set) {
        let _ = writeln!(
            out,
            "# Fill in the addresses of the {}, such as '10.0.0.5', '10.0.1.0/24' or '10.0.2.1-10.0.2.9'.",
            set.words()
        );
        let _ = writeln!(out, "{name} = @()\n");
        return;
    }
    let _ = writeln!(out, "{name} = @(");
    let members = hosts.of(set);
    for (nth, member) in members.iter().enumerate() {
        let comma = if nth + 1 == members.len() { "" } else { "," };
        let name = member.name.as_deref().map_or_else(String::new, |name| format!(" # {}", text::line(name, 200)));
        let _ = writeln!(out, "    '{member}'{comma}{name}");
    }
    out.push_str(")\n\n");
}

/// Addresses that rules share, each list under a name of its own.
#[derive(Default)]
struct Lists(Vec<(String, String)>);

impl Lists {
    /// The name of a list of addresses.
    fn name(&mut self, words: &str, addresses: String) -> String {
        if let Some((name, _)) = self.0.iter().find(|(_, known)| *known == addresses) {
            return name.clone();
        }
        let plain = text::slug(words);
        let capital = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        let base = format!("${}", plain.split('-').filter(|word| !word.is_empty()).map(capital).collect::<String>());
        let taken = |name: &String| self.0.iter().any(|(known, _)| known == name);
        let numbered = (2..).map(|number| format!("{base}{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base);
        self.0.push((name.clone(), addresses));
        name
    }

    fn declared(&self) -> String {
        self.0.iter().map(|(name, addresses)| format!("{name} = @({addresses})\n\n")).collect()
    }
}

/// A group is no address of this machine: what it may hear of a group is what it may hear at all.
fn covered(rule: &Rule, list: &RuleList) -> bool {
    let same = |other: &Rule| {
        other.to.base == Base::ThisHost
            && (other.way, &other.from, other.transport) == (rule.way, &rule.from, rule.transport)
            && (&other.ports, &other.client_ports, &other.types) == (&rule.ports, &rule.client_ports, &rule.types)
    };
    rule.way == RuleDirection::In && matches!(rule.to.base, Base::Group(_)) && list.rules.iter().any(same)
}

fn command(rule: &Rule, number: usize, list: &RuleList, told: (&mut Lists, &mut Vec<String>)) -> String {
    let (lists, losses) = told;
    let inbound = rule.way == RuleDirection::In;
    let (remote, local) = if inbound { (&rule.from, &rule.to) } else { (&rule.to, &rule.from) };
    let mut addresses = |end: &End| {
        let written_out = addresses(end, list, losses)?;
        let shared = !end.except.is_empty() || matches!(end.base, Base::Group(_));
        // A variable is a name already.
        Some(if shared && !written_out.starts_with('$') { lists.name(&end.words(), written_out) } else { written_out })
    };
    let mut parts = vec!["-Group $Group -Action Allow -Profile Any".to_owned()];
    parts.push(format!("-Direction {}", if inbound { "Inbound" } else { "Outbound" }));
    parts.push(protocol(rule));
    let (mine, theirs) = if inbound { (&rule.ports, &rule.client_ports) } else { (&rule.client_ports, &rule.ports) };
    for (flag, ports) in [("-LocalPort", mine), ("-RemotePort", theirs)] {
        if !ports.0.is_empty() {
            parts.push(format!("{flag} {}", port_list(ports)));
        }
    }
    let local_addresses = if matches!(local.base, Base::Group(_)) { None } else { addresses(local) };
    for (flag, end) in [("-RemoteAddress", addresses(remote)), ("-LocalAddress", local_addresses)] {
        if let Some(end) = end {
            parts.push(format!("{flag} {end}"));
        }
    }
    let way = if inbound { "from" } else { "to" };
    let what = match rule.transport {
        Some(transport @ (Transport::Tcp | Transport::Udp)) if !rule.ports.0.is_empty() => {
            format!("{} {}", transport.to_string().to_uppercase(), rule.ports.words('-').join(", "))
        }
        _ => rule.kind.to_string(),
    };
    let display = format!("Igor: {} ({what}) {way} {}", rule.service, remote.words());
    let description = text::line(&rule.citation, DESCRIPTION);
    let command = format!(
        "New-NetFirewallRule -Name {} -DisplayName {} `\n    -Description {} `\n    {} | Out-Null",
        crate::text::powershell(&format!("igorscope-{}-{number:03}", list.side)),
        crate::text::powershell(&text::line(&display, 200)),
        crate::text::powershell(&description),
        parts.join(" ")
    );
    match remote.base {
        // An empty list of addresses would be an error, or worse, every address.
        Base::Set(set) if list.hosts.is_placeholder(set) => format!("if ({}) {{ {command} }}\n\n", variable_name(set)),
        _ => format!("{command}\n\n"),
    }
}

fn protocol(rule: &Rule) -> String {
    let types = |name: &str| {
        let kinds: Vec<String> =
            rule.types.0.iter().flat_map(|range| range.clone()).map(|kind| format!("'{kind}'")).collect();
        if kinds.is_empty() {
            format!("-Protocol {name}")
        } else {
            format!("-Protocol {name} -IcmpType {}", kinds.join(", "))
        }
    };
    match rule.transport {
        None => "-Protocol Any".to_owned(),
        Some(Transport::Tcp) => "-Protocol TCP".to_owned(),
        Some(Transport::Udp) => "-Protocol UDP".to_owned(),
        Some(Transport::Icmp) => types("ICMPv4"),
        Some(Transport::Icmpv6) => types("ICMPv6"),
        Some(Transport::Other(number)) => format!("-Protocol {number}"),
    }
}

/// A range is text to PowerShell.
fn port_list(ports: &PortSet) -> String {
    let quoted = |ports: String| if ports.contains('-') { format!("'{ports}'") } else { ports };
    ports.words('-').into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// An end as a list of addresses; `None` for every address.
fn addresses(end: &End, list: &RuleList, losses: &mut Vec<String>) -> Option<String> {
    if !end.except.is_empty() {
        return complement(end, list, losses);
    }
    match &end.base {
        Base::Any | Base::ThisHost => None,
        Base::Set(set) => Some(variable_name(*set)),
        Base::Blocks(blocks) => Some(blocks.iter().map(|block| format!("'{block}'")).collect::<Vec<_>>().join(", ")),
        Base::Group(groups) => {
            // The subnet's own broadcast address has a keyword only together with the whole subnet.
            let broadcast = groups.broadcast.then(|| "'255.255.255.255', 'LocalSubnet4'".to_owned());
            let blocks = groups.blocks().map(|block| format!("'{}'", plain(block)));
            Some(blocks.chain(broadcast).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Windows knows no "but": what is left is written out as ranges.
fn complement(end: &End, list: &RuleList, losses: &mut Vec<String>) -> Option<String> {
    if end.except.iter().any(|set| list.hosts.is_placeholder(*set)) {
        let loss = format!(
            "Windows knows no \"{}\": without an inventory, from which the ranges between are worked out, the rule is \
             written without the exception",
            end.words()
        );
        if !losses.contains(&loss) {
            losses.push(loss);
        }
        return addresses(&End::of(end.base.clone()), list, losses);
    }
    let mut ranges = Vec::new();
    for family in Family::ALL {
        let base: Vec<(u128, u128)> = match &end.base {
            Base::Set(set) => list.hosts.of_family(*set, family).map(span).collect(),
            _ => vec![(0, if family == Family::V4 { u128::from(u32::MAX) } else { u128::MAX })],
        };
        let mut holes: Vec<(u128, u128)> =
            end.except.iter().flat_map(|set| list.hosts.of_family(*set, family)).map(span).collect();
        holes.sort_unstable();
        for (first, last) in base {
            ranges.extend(without((first, last), &holes).into_iter().map(|range| show(range, family)));
        }
    }
    Some(ranges.join(", "))
}

fn span(member: &Member) -> (u128, u128) {
    let number = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => u128::from(v4.to_bits()),
        std::net::IpAddr::V6(v6) => v6.to_bits(),
    };
    (number(member.first), number(member.last))
}

/// What is left of a range without the holes, which are in order.
fn without((first, last): (u128, u128), holes: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut left = Vec::new();
    let mut next = Some(first);
    for (from, to) in holes {
        let Some(start) = next else { break };
        if *to < start || *from > last {
            continue;
        }
        if *from > start {
            left.push((start, from - 1));
        }
        next = to.checked_add(1);
    }
    if let Some(start) = next.filter(|start| *start <= last) {
        left.push((start, last));
    }
    left
}

fn show((first, last): (u128, u128), family: Family) -> String {
    let address = |number: u128| -> std::net::IpAddr {
        match family {
            Family::V4 => std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            Family::V6 => std::net::Ipv6Addr::from_bits(number).into(),
        }
    };
    if first == last { format!("'{}'", address(first)) } else { format!("'{}-{}'", address(first), address(last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_holes_is_what_lies_between() {
        assert_eq!(without((0, 9), &[(3, 4), (4, 5), (9, 12)]), [(0, 2), (6, 8)]);
        assert_eq!(without((5, 9), &[(0, 5)]), [(6, 9)]);
        assert_eq!(without((0, u128::MAX), &[(0, u128::MAX)]), []);
        assert_eq!(without((1, 2), &[]), [(1, 2)]);
    }
}
