//! nftables, for `nft -f`: a table of its own, that replaces itself.

use super::format::{Written, commented, header};
use super::hosts::{Family, Hosts};
use super::rules::{Helper, Rule, RuleList};
use super::{Base, End, Groups, HostSet, RuleDirection, Side, text};
use crate::policy::PortSet;
use crate::protocol::Transport;

/// Longest comment that nftables keeps, in bytes, without its closing zero.
const COMMENT: usize = 120;

pub(super) fn write(list: &RuleList) -> Written {
    let losses: Vec<String> = list.multicast_loss().into_iter().collect();
    let mut lines = header(list, &losses, &[]);
    lines.push("Load with: nft -c -f FILE (checks only), then nft -f FILE; loading it again replaces it".to_owned());
    let mut out = String::from("#!/usr/sbin/nft -f\n");
    out.push_str(&commented("#", &lines));
    let table = format!("igor_{}", list.side);
    // Declared before it is deleted, so that the first load finds it.
    out.push_str(&format!("\ntable inet {table}\ndelete table inet {table}\n\ntable inet {table} {{\n"));
    for set in list.used_sets() {
        for family in Family::ALL {
            out.push_str(&set_block(set, family, &list.hosts));
        }
    }
    for (name, groups) in list.groups() {
        for family in Family::ALL {
            out.push_str(&group_block(&name, groups, family));
        }
    }
    if list.needs_tftp() {
        out.push_str("    # The module nf_conntrack_tftp reads requests, so that their data may pass.\n");
        out.push_str("    ct helper tftp {\n        type \"tftp\" protocol udp\n    }\n\n");
    }
    for (protocol, _) in discoveries(list) {
        for family in Family::ALL {
            let digit = family.digit();
            out.push_str(&format!(
                "    # Who asked the {protocol} groups, and from which port; answers may come back for a while.\n    \
                 set {protocol}_asked{digit} {{\n        type {} . inet_service\n        size 65535\n        flags dynamic,timeout\n    }}\n\n",
                address_type(family)
            ));
        }
    }
    if list.log_only {
        out.push_str(WOULD_DROP);
    }
    match list.side {
        Side::Firewall => forward_chains(&mut out, list),
        Side::Gateway | Side::Nodes => host_chains(&mut out, list),
    }
    out.push_str("}\n");
    Written { text: out, losses, limits: Vec::new() }
}

const fn address_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

fn set_block(set: HostSet, family: Family, hosts: &Hosts) -> String {
    let mut out = format!("    set {set}{} {{\n        type {}\n", family.digit(), address_type(family));
    out.push_str("        flags interval\n        auto-merge\n");
    let mut members = hosts.of_family(set, family).peekable();
    if members.peek().is_some() {
        out.push_str("        elements = {\n");
        for member in members {
            let name = member.name.as_deref().map_or_else(String::new, |name| format!(" # {}", text::line(name, 200)));
            out.push_str(&format!("            {member},{name}\n"));
        }
        out.push_str("        }\n");
    } else if hosts.is_placeholder(set) {
        out.push_str(&format!(
            "        # elements = {{ fill in the IPv{} addresses of the {} }}\n",
            family.digit(),
            set.words()
        ));
    }
    out.push_str("    }\n\n");
    out
}

/// A set of multicast addresses; nothing where the family has none.
fn group_block(name: &str, groups: &Groups, family: Family) -> String {
    let blocks = groups.blocks().filter(|block| family.holds(block.addr()));
    let elements: String = blocks.map(|block| format!("            {block},\n")).collect();
    if elements.is_empty() {
        return String::new();
    }
    format!(
        "    set {} {{\n        type {}\n        flags interval\n        elements = {{\n{elements}        }}\n    }}\n\n",
        group_set(name, family),
        address_type(family)
    )
}

fn group_set(name: &str, family: Family) -> String {
    format!("{}{}", text::slug(name).replace('-', "_"), family.digit())
}

fn discoveries(list: &RuleList) -> std::collections::BTreeMap<&'static str, Vec<&Rule>> {
    let mut found: std::collections::BTreeMap<_, Vec<&Rule>> = std::collections::BTreeMap::new();
    for rule in &list.rules {
        if let Some(Helper::Discovery { protocol, .. }) = rule.helper {
            found.entry(protocol).or_default().push(rule);
        }
    }
    found
}

/// Accepting ends this table's chain only: what else filters on the machine still decides.
const WOULD_DROP: &str = "    # Counts and logs what would be dropped, ten lines a second at most, and lets it go on.\n    \
    chain would_drop {\n        counter\n        limit rate 10/second burst 20 packets log prefix \"igor would drop: \"\n        \
    accept\n    }\n\n";

/// What becomes of packets that no rule lets through.
const fn refusal(list: &RuleList) -> &'static str {
    if list.log_only { "jump would_drop" } else { "drop" }
}

fn state(list: &RuleList) -> String {
    format!("        ct state established,related accept\n        ct state invalid {}\n", refusal(list))
}

fn host_chains(out: &mut String, list: &RuleList) {
    for (chain, hook, way, loopback) in
        [("incoming", "input", RuleDirection::In, "iifname"), ("outgoing", "output", RuleDirection::Out, "oifname")]
    {
        let (policy, fate) = if list.log_only { ("accept", "logged") } else { ("drop", "dropped") };
        let state = state(list);
        out.push_str(&format!(
            "    # Everything else is {fate}, remote administration too: what the site needs beyond the document\n    \
             # belongs in the policy as an [[allowance]] with its reason.\n    \
             chain {chain} {{\n        type filter hook {hook} priority filter; policy {policy};\n        {loopback} \"lo\" accept\n{state}"
        ));
        chain_rules(out, list, way);
        if list.log_only {
            out.push_str("        jump would_drop\n");
        }
        out.push_str("    }\n\n");
    }
}

fn forward_chains(out: &mut String, list: &RuleList) {
    out.push_str("    # Only what goes to or comes from the hosts of the documents is judged here.\n");
    out.push_str("    chain forward {\n        type filter hook forward priority filter; policy accept;\n");
    for set in &list.guarded {
        for family in Family::ALL {
            let ip = ip(family);
            out.push_str(&format!(
                "        {ip} saddr @{set}{digit} jump judge\n        {ip} daddr @{set}{digit} jump judge\n",
                digit = family.digit()
            ));
        }
    }
    out.push_str(&format!("    }}\n\n    chain judge {{\n{}", state(list)));
    chain_rules(out, list, RuleDirection::Through);
    out.push_str(&format!("        counter {}\n    }}\n\n", refusal(list)));
}

fn chain_rules(out: &mut String, list: &RuleList, way: RuleDirection) {
    for (protocol, rules) in discoveries(list) {
        out.push_str(&answers(protocol, &rules, list, way));
    }
    for rule in list.rules.iter().filter(|rule| rule.way == way) {
        for line in rule_lines(rule, list) {
            out.push_str(&format!("        {line}\n"));
        }
    }
}

/// The answers to discovery, which go against the way of the requests.
fn answers(protocol: &str, rules: &[&Rule], list: &RuleList, way: RuleDirection) -> String {
    let mut lines: Vec<String> = Vec::new();
    for rule in rules {
        let Some(Helper::Discovery { answerers, .. }) = &rule.helper else { continue };
        if rule.way.back() != way {
            continue;
        }
        for family in Family::ALL {
            for answerer in answerers {
                for from in end_matches("saddr", answerer, family, list).unwrap_or_default() {
                    let (ip, digit) = (ip(family), family.digit());
                    let line = format!(
                        "{} counter accept comment \"answers to {protocol} requests to a group\"",
                        joined(&[&from, &format!("{ip} daddr . udp dport @{protocol}_asked{digit}")])
                    );
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
    }
    lines.iter().map(|line| format!("        {line}\n")).collect()
}

const fn ip(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn rule_lines(rule: &Rule, list: &RuleList) -> Vec<String> {
    let comment = text::quoted(&rule.citation, COMMENT);
    let transport = transport(rule);
    let either = rule.from.is_unrestricted() && rule.to.is_unrestricted();
    if either && rule.helper.is_none() {
        return vec![format!("{} counter accept comment \"{comment}\"", joined(&[&transport]))];
    }
    let mut lines = Vec::new();
    for family in Family::ALL.into_iter().filter(|family| rule.fits(*family)) {
        let froms = end_matches("saddr", &rule.from, family, list).unwrap_or_default();
        let tos = end_matches("daddr", &rule.to, family, list).unwrap_or_default();
        for from in &froms {
            for to in &tos {
                let bare = from.is_empty() && to.is_empty();
                let nfproto = match family {
                    _ if !bare => "",
                    Family::V4 => "meta nfproto ipv4",
                    Family::V6 => "meta nfproto ipv6",
                };
                let helper = helper(rule, family);
                lines.push(format!(
                    "{} counter accept comment \"{comment}\"",
                    joined(&[nfproto, from, to, &transport, &helper])
                ));
            }
        }
    }
    lines
}

fn helper(rule: &Rule, family: Family) -> String {
    match &rule.helper {
        Some(Helper::Tftp) => "ct helper set \"tftp\"".to_owned(),
        Some(Helper::Discovery { protocol, seconds, .. }) => {
            format!(
                "update @{protocol}_asked{} {{ {} saddr . udp sport timeout {seconds}s }}",
                family.digit(),
                ip(family)
            )
        }
        None => String::new(),
    }
}

/// The ways to match an end in a family, each for a line of its own; `None` or no way where it has nobody there.
fn end_matches(which: &str, end: &End, family: Family, list: &RuleList) -> Option<Vec<String>> {
    let hosts = &list.hosts;
    let (ip, digit) = (ip(family), family.digit());
    let listed =
        |blocks: Vec<String>| (!blocks.is_empty()).then(|| format!("{ip} {which} {{ {} }}", blocks.join(", ")));
    let mut ways: Vec<String> = match &end.base {
        Base::Any | Base::ThisHost => vec![String::new()],
        Base::Set(set) => {
            if !hosts.may_match(*set, family) {
                return None;
            }
            vec![format!("{ip} {which} @{set}{digit}")]
        }
        Base::Blocks(blocks) => {
            let own = blocks.iter().filter(|block| family.holds(block.addr())).map(ToString::to_string).collect();
            listed(own).into_iter().collect()
        }
        Base::Group(groups) => {
            let any = groups.blocks().any(|block| family.holds(block.addr()));
            let own = any.then(|| format!("{ip} {which} @{}", group_set(&list.group_name(groups), family)));
            let broadcast = (groups.broadcast && family == Family::V4).then(|| format!("fib {which} type broadcast"));
            own.into_iter().chain(broadcast).collect()
        }
    };
    for set in end.except.iter().filter(|set| hosts.may_match(**set, family)) {
        for way in &mut ways {
            *way = joined(&[way, &format!("{ip} {which} != @{set}{digit}")]);
        }
    }
    Some(ways)
}

fn transport(rule: &Rule) -> String {
    let set = |ports: &PortSet| match &ports.words('-')[..] {
        [one] => one.clone(),
        many => format!("{{ {} }}", many.join(", ")),
    };
    let part =
        |name: &str, ports: &PortSet| if ports.0.is_empty() { String::new() } else { format!("{name} {}", set(ports)) };
    let Some(transport) = rule.transport else { return String::new() };
    let text = match transport {
        Transport::Tcp | Transport::Udp => joined(&[
            &part(&format!("{transport} sport"), &rule.client_ports),
            &part(&format!("{transport} dport"), &rule.ports),
        ]),
        Transport::Icmp | Transport::Icmpv6 => part(&format!("{transport} type"), &rule.types),
        Transport::Other(_) => String::new(),
    };
    if text.is_empty() { format!("meta l4proto {}", transport.number()) } else { text }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}
