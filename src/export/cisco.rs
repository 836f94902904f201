//! Cisco IOS extended access lists. They know no connections: what answers is let back by its
//! source port (UDP) or its flags (TCP).

use std::collections::HashMap;
use std::fmt::Write as _;

use ipnet::IpNet;

use super::format::{MANY, Written, commented, header};
use super::rules::{Rule, RuleList};
use super::{Base, End, Family, HostSet, RuleDirection, Side, text};
use crate::policy::{PortSet, Role};
use crate::protocol::Transport;

/// Longest remark that IOS keeps.
const REMARK: usize = 100;

/// The two directions of a host's port, or the one list of a router between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AccessList {
    To,
    From,
    Transit,
}

pub(super) fn write(list: &RuleList) -> Written {
    let losses = general_losses(list);
    let mut body = String::new();
    // Groups cannot be emptied while a list names them.
    for family in families(list) {
        for which in lists(list.side) {
            let _ = writeln!(body, "no {} {}", kind(family), name(list.side, which, family));
        }
    }
    for set in sets(list) {
        let _ = writeln!(body, "no object-group network {}", group_name(set));
    }
    for set in sets(list) {
        object_group(&mut body, set, list);
    }
    for family in families(list) {
        for which in lists(list.side) {
            access_list(&mut body, list, family, which);
        }
    }
    let limits = limits(list, &body);
    let mut lines = header(list, &losses, &limits);
    lines.push(match list.side {
        Side::Firewall => {
            "Apply both lists inbound on every routed interface towards gateways, nodes and BACnet systems:".to_owned()
        }
        side => format!(
            "Apply on the port or VLAN interface of each of the {}:",
            HostSet::of(side.role().unwrap_or(Role::Host)).map_or("hosts", HostSet::words)
        ),
    });
    lines.extend(applied(list));
    // `!` opens a comment in IOS; a `?` would call its help.
    let lines: Vec<String> = lines.iter().map(|line| text::ascii(line, &['?'], 400)).collect();
    Written { text: format!("{}{body}", commented("!", &lines)), losses, limits }
}

fn lists(side: Side) -> Vec<AccessList> {
    if side == Side::Firewall { vec![AccessList::Transit] } else { vec![AccessList::To, AccessList::From] }
}

/// IPv6 lists repeat their lines for each address, so they take addresses to be written at all.
fn families(list: &RuleList) -> Vec<Family> {
    let roles = [HostSet::Gateway, HostSet::Node, HostSet::Bacnet];
    let v6 = roles.into_iter().any(|set| list.hosts.of_family(set, Family::V6).next().is_some());
    if v6 { Family::ALL.to_vec() } else { vec![Family::V4] }
}

const fn kind(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip access-list extended",
        Family::V6 => "ipv6 access-list",
    }
}

fn name(side: Side, which: AccessList, family: Family) -> String {
    let which = match which {
        AccessList::To => "TO",
        AccessList::From => "FROM",
        AccessList::Transit => "TRANSIT",
    };
    format!("IGOR-{}-{which}-V{}", side.name().to_uppercase(), family.digit())
}

fn applied(list: &RuleList) -> Vec<String> {
    let mut lines = Vec::new();
    for family in families(list) {
        for which in lists(list.side) {
            let command = if family == Family::V4 { "ip access-group" } else { "ipv6 traffic-filter" };
            // Seen from the switch, what the host sends comes in.
            let way = if which == AccessList::To { "out" } else { "in" };
            lines.push(format!("  {command} {} {way}", name(list.side, which, family)));
        }
    }
    lines
}

/// Switches hold access lists in a table of their hardware, in which object groups are written out.
fn limits(list: &RuleList, body: &str) -> Vec<String> {
    let sizes: HashMap<String, usize> = sets(list)
        .into_iter()
        .map(|set| (group_name(set), list.hosts.of_family(set, Family::V4).map(|member| member.blocks().count()).sum()))
        .collect();
    let size = |entry: &str| {
        let groups = entry.split("object-group ").skip(1).filter_map(|rest| rest.split(' ').next());
        groups.map(|name| sizes.get(name).copied().unwrap_or(1).max(1)).product::<usize>()
    };
    let entries = body.lines().filter(|line| line.starts_with(" permit ") || line.starts_with(" deny "));
    let entries: usize = entries.map(size).sum();
    let many = (entries > MANY).then(|| {
        format!(
            "{entries} entries once object groups are written out, as in the hardware of a switch, which holds a few \
             thousand: check before use (show platform hardware fed switch active fwd-asic resource tcam utilization, \
             or your model's command), or give whole subnets in the inventory"
        )
    });
    many.into_iter().collect()
}

fn general_losses(list: &RuleList) -> Vec<String> {
    let broadcasts = |rule: &Rule| matches!(&rule.to.base, Base::Group(groups) if groups.broadcast);
    let losses = [
        (
            true,
            "an access list knows no connections: UDP answers are let back from the documented port to any port from 1024 \
             on, TCP answers by their flags (established)",
        ),
        (
            !list.with_supporting,
            "ICMP errors are dropped, and with them the search for the largest packet of a way (path MTU discovery); \
             --with-supporting lets them pass",
        ),
        (
            list.needs_tftp(),
            "TFTP answers and data use fresh ports at both ends and are dropped; they need inspection (ip inspect name \
             IGOR tftp, or a zone-based policy with match protocol tftp)",
        ),
        (list.has_discovery(), "answers to SSDP and CoAP groups pass only from the documented ports"),
        (
            list.rules.iter().any(broadcasts),
            "the subnet's directed broadcast address is not known here; 255.255.255.255 is let through",
        ),
    ];
    let mut losses: Vec<String> =
        losses.into_iter().filter(|(is_so, _)| *is_so).map(|(_, loss)| loss.to_owned()).collect();
    if !families(list).contains(&Family::V6) {
        let why =
            if list.hosts.placeholders { "without an inventory" } else { "where the inventory has no IPv6 address" };
        losses.push(format!("IPv6 lists repeat their lines for each address; {why} none are written"));
    }
    losses
}

/// The sets that the lists name: an access list stands outside the host, which it has to name.
fn sets(list: &RuleList) -> Vec<HostSet> {
    let own = list.side.role().and_then(HostSet::of);
    let mut sets: Vec<HostSet> = own.into_iter().chain(list.used_sets()).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

fn group_name(set: HostSet) -> String {
    format!("IGOR-{}", set.name().to_uppercase())
}

/// Object groups are of IPv4 only; IPv6 lists repeat their lines for each address.
fn object_group(out: &mut String, set: HostSet, list: &RuleList) {
    let _ = writeln!(out, "!\nobject-group network {}", group_name(set));
    if list.hosts.is_placeholder(set) {
        let _ = writeln!(out, "! fill in the {}: host A.B.C.D, or A.B.C.D MASK", set.words());
    }
    for member in list.hosts.of_family(set, Family::V4) {
        if let Some(name) = &member.name {
            let _ = writeln!(out, "! {}", text::ascii(name, &['?'], REMARK));
        }
        for block in member.blocks() {
            match block {
                IpNet::V4(net) if net.prefix_len() == 32 => {
                    let _ = writeln!(out, " host {}", net.addr());
                }
                IpNet::V4(net) => {
                    let _ = writeln!(out, " {} {}", net.network(), net.netmask());
                }
                IpNet::V6(_) => {}
            }
        }
    }
}

fn access_list(out: &mut String, list: &RuleList, family: Family, which: AccessList) {
    let _ = writeln!(out, "!\n{} {}", kind(family), name(list.side, which, family));
    for rule in list.rules.iter().filter(|rule| rule.fits(family)) {
        let mut entries = Vec::new();
        let request = which == AccessList::Transit || (rule.way == RuleDirection::In) == (which == AccessList::To);
        if request {
            entries.extend(lines(rule, list, family, false));
        }
        if which == AccessList::Transit || !request {
            entries.extend(lines(rule, list, family, true));
        }
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(out, " remark {}", text::ascii(&rule.citation, &['?'], REMARK));
        for entry in entries {
            let _ = writeln!(out, " {}", fate(entry, list));
        }
    }
    let ip = if family == Family::V4 { "ip" } else { "ipv6" };
    if which == AccessList::Transit {
        for set in &list.guarded {
            let guarded = End::set(*set);
            for (from, to) in [(&guarded, &End::ANY), (&End::ANY, &guarded)] {
                for (from, to) in product(&address(from, list, family), &address(to, list, family)) {
                    let _ = writeln!(out, " {}", fate(format!("deny {ip} {from} {to}"), list));
                }
            }
        }
        let _ = writeln!(out, " permit {ip} any any");
    } else {
        let _ = writeln!(out, " {}", fate(format!("deny {ip} any any"), list));
    }
}

/// An entry as it is applied: where nothing is to be dropped, what would be is let through and logged.
fn fate(entry: String, list: &RuleList) -> String {
    match entry.strip_prefix("deny ") {
        Some(rest) if list.log_only => format!("permit {rest} log"),
        _ => entry,
    }
}

fn product(from: &[String], to: &[String]) -> Vec<(String, String)> {
    from.iter().flat_map(|from| to.iter().map(|to| (from.clone(), to.clone()))).collect()
}

/// The entries of a rule: the client's packets, or what answers them.
fn lines(rule: &Rule, list: &RuleList, family: Family, answer: bool) -> Vec<String> {
    let group = matches!(rule.to.base, Base::Group(_));
    let Some((client, server)) = ports(rule, answer, group) else { return Vec::new() };
    let mut out = Vec::new();
    // What is excepted is denied before the rest is let through.
    for (verb, from, to) in except(rule).into_iter().chain([("permit", rule.from.clone(), rule.to.clone())]) {
        let (mut from, mut to) = (address(&from, list, family), address(&to, list, family));
        if answer {
            std::mem::swap(&mut from, &mut to);
        }
        for (from, to) in product(&from, &to) {
            for (client, server) in product(&client, &server) {
                let (from_port, to_port) = if answer { (&server, &client) } else { (&client, &server) };
                let tail = tail(rule, answer && verb == "permit");
                for tail in tail {
                    out.push(format!("{verb} {} {from}{from_port} {to}{to_port}{tail}", protocol(rule, family)));
                }
            }
        }
    }
    out
}

fn except(rule: &Rule) -> Vec<(&'static str, End, End)> {
    let whole = |end: &End| End::of(end.base.clone());
    let of_to = rule.to.except.iter().map(|set| ("deny", whole(&rule.from), End::set(*set)));
    let of_from = rule.from.except.iter().map(|set| ("deny", End::set(*set), whole(&rule.to)));
    of_to.chain(of_from).collect()
}

/// Client's and server's port matches, each with a leading blank; `None` where nothing answers.
fn ports(rule: &Rule, answer: bool, group: bool) -> Option<(Vec<String>, Vec<String>)> {
    let texts = |set: &PortSet, none: &str| -> Vec<String> {
        if set.0.is_empty() {
            return vec![none.to_owned()];
        }
        let text = |range: &std::ops::RangeInclusive<u16>| match (range.start(), range.end()) {
            (a, b) if a == b => format!(" eq {a}"),
            (a, b) => format!(" range {a} {b}"),
        };
        set.0.iter().map(text).collect()
    };
    match rule.transport {
        Some(Transport::Tcp) => Some((texts(&rule.client_ports, ""), texts(&rule.ports, ""))),
        // A request to a group has no one answer; the unicast rule of the port lets answers back.
        Some(Transport::Udp) if answer && group => None,
        Some(Transport::Udp) if answer => Some((texts(&rule.client_ports, " gt 1023"), texts(&rule.ports, ""))),
        Some(Transport::Udp) => Some((texts(&rule.client_ports, ""), texts(&rule.ports, ""))),
        Some(Transport::Icmp | Transport::Icmpv6 | Transport::Other(_)) if answer => None,
        _ => Some((vec![String::new()], vec![String::new()])),
    }
}

fn tail(rule: &Rule, answer: bool) -> Vec<String> {
    match rule.transport {
        Some(Transport::Tcp) if answer => vec![" established".to_owned()],
        Some(Transport::Icmp | Transport::Icmpv6) if !rule.types.0.is_empty() => {
            rule.types.0.iter().flat_map(|range| range.clone()).map(|kind| format!(" {kind}")).collect()
        }
        _ => vec![String::new()],
    }
}

fn protocol(rule: &Rule, family: Family) -> String {
    match rule.transport {
        None if family == Family::V4 => "ip".to_owned(),
        None => "ipv6".to_owned(),
        Some(Transport::Icmpv6) => "icmp".to_owned(),
        Some(transport) => transport.to_string(),
    }
}

/// The ways to write an end in a family; none where nobody is there.
fn address(end: &End, list: &RuleList, family: Family) -> Vec<String> {
    let of_set = |set: HostSet| -> Vec<String> {
        match family {
            Family::V4 if list.hosts.may_match(set, family) => vec![format!("object-group {}", group_name(set))],
            Family::V4 => Vec::new(),
            Family::V6 => list.hosts.of_family(set, family).flat_map(|member| member.blocks()).map(block).collect(),
        }
    };
    match &end.base {
        Base::Any => vec!["any".to_owned()],
        Base::ThisHost => match list.side.role().and_then(HostSet::of) {
            // Its own lists hang on its own port: where its address is not known, nothing else sends there.
            Some(set) if !list.hosts.is_empty(set) => {
                let own = of_set(set);
                if own.is_empty() && list.hosts.is_placeholder(set) { vec!["any".to_owned()] } else { own }
            }
            _ => vec!["any".to_owned()],
        },
        Base::Set(set) => of_set(*set),
        Base::Blocks(blocks) => blocks.iter().copied().filter(|net| family.holds(net.addr())).map(block).collect(),
        Base::Group(groups) => {
            let broadcast = (groups.broadcast && family == Family::V4).then(|| "host 255.255.255.255".to_owned());
            groups.blocks().filter(|net| family.holds(net.addr())).map(block).chain(broadcast).collect()
        }
    }
}

/// A block as IOS writes it: with a wildcard mask for IPv4.
fn block(net: IpNet) -> String {
    match net {
        _ if net.prefix_len() == net.max_prefix_len() => format!("host {}", net.addr()),
        IpNet::V4(net) => format!("{} {}", net.network(), net.hostmask()),
        IpNet::V6(net) => net.trunc().to_string(),
    }
}
