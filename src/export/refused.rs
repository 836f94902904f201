//! What the rules do not let through, in a few words: nobody should learn it from what stops working.

use super::ends::{HostSet, RuleDirection, Side};
use super::hosts::Hosts;
use super::matched;
use super::rules::{Rule, RuleKind};
use crate::policy::{Policy, PortSet};
use crate::protocol::Transport;

/// Supporting protocols that no router carries on: a firewall between never sees them.
const OF_THE_LINK: [&str; 6] = ["router-discovery", "neighbor-discovery", "igmp", "mld", "mdns", "llmnr"];

/// An error belongs to the connection that it speaks of, and passes with it where connections are known.
const ERRORS: &str = "icmp-error";

/// What people administer machines by.
const ADMINISTRATION: [(&str, u16); 6] =
    [("SSH", 22), ("Telnet", 23), ("RDP", 3389), ("VNC", 5900), ("WinRM", 5985), ("WinRM over TLS", 5986)];

/// One line for supporting protocols and one for remote administration, where these rules let none through.
pub(super) fn words(policy: &Policy, side: Side, hosts: &Hosts, rules: &[Rule]) -> Vec<String> {
    let mut lines = Vec::new();
    let supporting = services(policy, side, hosts, rules);
    if !supporting.is_empty() {
        lines.push(format!("{} (--with-supporting adds them)", supporting.join(", ")));
    }
    let administration: Vec<String> =
        ADMINISTRATION.iter().map(|(name, port)| format!("{name} {port}{}", exception(rules, *port))).collect();
    lines
        .push(format!("remote administration ({}): an [[allowance]] in the policy adds it", administration.join(", ")));
    let others = match side.role().and_then(HostSet::of) {
        Some(own) => format!("all else from and to the {}", own.words()),
        None => "all else from and to gateways, nodes and BACnet systems".to_owned(),
    };
    lines.push(others);
    lines
}

/// The supporting services of which the rules have none.
fn services(policy: &Policy, side: Side, hosts: &Hosts, rules: &[Rule]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in policy.supporting() {
        let never_met = side == Side::Firewall && OF_THE_LINK.contains(&entry.name.as_str());
        if never_met || entry.name == ERRORS {
            continue;
        }
        let needed = matched::of_matcher(&entry.matcher, side, hosts, RuleKind::Supporting, ("", ""));
        let open = |wanted: &Rule| rules.iter().any(|rule| rule.kind != RuleKind::Documented && serves(rule, wanted));
        // Answers are of the service that they answer.
        let name = entry.service.trim_end_matches(" answer");
        if !needed.is_empty() && !needed.iter().all(open) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Whether a rule is of the same way and protocol as another, whoever the hosts are.
fn serves(rule: &Rule, wanted: &Rule) -> bool {
    let meets = |a: &PortSet, b: &PortSet| {
        a.0.is_empty() || a.0.iter().any(|x| b.0.iter().any(|y| x.start() <= y.end() && y.start() <= x.end()))
    };
    rule.way == wanted.way
        && rule.transport == wanted.transport
        && meets(&rule.ports, &wanted.ports)
        && meets(&rule.types, &wanted.types)
}

/// For a port of administration that an allowance names.
fn exception(rules: &[Rule], port: u16) -> &'static str {
    let allowed = |rule: &Rule| {
        let tcp = rule.transport.is_none_or(|transport| transport == Transport::Tcp);
        let named = rule.ports.0.is_empty() || rule.ports.contains(port);
        rule.kind == RuleKind::SiteApproved && rule.way != RuleDirection::Out && tcp && named
    };
    if rules.iter().any(allowed) { " but for the site's allowance" } else { "" }
}
