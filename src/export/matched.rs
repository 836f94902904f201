//! The site's allowances and the supporting protocols as rules.

use ipnet::IpNet;

use super::ends::{Base, End, HostSet, RuleDirection, Side};
use super::groups::Groups;
use super::hosts::Hosts;
use super::rules::{Rule, RuleKind};
use crate::policy::{Endpoint, Matcher, Policy, Role, RoleSet};
use crate::protocol::Transport;

/// The site's own allowances.
pub(super) fn allowances(policy: &Policy, side: Side, hosts: &Hosts) -> Vec<Rule> {
    let rules = policy.allowances().iter().flat_map(|allowance| {
        let service = allowance.name.clone().unwrap_or_else(|| "allowance".to_owned());
        let citation = format!("allowance (line {}): {}", allowance.line, allowance.reason);
        of_matcher(&allowance.matcher, side, hosts, RuleKind::SiteApproved, (&service, &citation))
    });
    rules.collect()
}

/// DHCP, DNS, NTP and so on.
pub(super) fn supporting(policy: &Policy, side: Side, hosts: &Hosts) -> Vec<Rule> {
    let rules = policy.supporting().iter().flat_map(|entry| {
        let citation = format!("supporting {}: {}", entry.name, entry.reason);
        of_matcher(&entry.matcher, side, hosts, RuleKind::Supporting, (&entry.service, &citation))
    });
    rules.collect()
}

pub(super) fn of_matcher(
    matcher: &Matcher,
    side: Side,
    hosts: &Hosts,
    kind: RuleKind,
    (service, citation): (&str, &str),
) -> Vec<Rule> {
    let transports: Vec<Option<Transport>> = match matcher.transports.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    let mut rules = Vec::new();
    for transport in transports {
        for (way, from, to) in ways(matcher, side, hosts, transport) {
            rules.push(Rule {
                kind,
                way,
                from,
                to,
                transport,
                ports: matcher.ports.clone(),
                client_ports: matcher.client_ports.clone(),
                types: matcher.types.clone(),
                service: service.to_owned(),
                document: String::new(),
                citation: citation.to_owned(),
                helper: None,
            });
        }
    }
    rules
}

/// Which ways a matcher's flows pass a place. Between two hosts that the documents do not speak
/// of there is nothing to rule.
fn ways(matcher: &Matcher, side: Side, hosts: &Hosts, transport: Option<Transport>) -> Vec<(RuleDirection, End, End)> {
    let groups = Groups::of_port(transport, matcher.ports.0.first().map(|range| *range.start()));
    let (from, to) = (&matcher.from, &matcher.to);
    let mut ways = Vec::new();
    if let Some(here) = side.role() {
        for own in own_ends(from, here, hosts) {
            ways.extend(ends(to, Some(&groups), transport).into_iter().map(|to| (RuleDirection::Out, own.clone(), to)));
        }
        for own in own_ends(to, here, hosts) {
            ways.extend(ends(from, None, transport).into_iter().map(|from| (RuleDirection::In, from, own.clone())));
        }
        // Whoever may be asked by itself may be asked in a group.
        if to.roles.contains(Role::Group) && to.roles.contains(here) && transport != Some(Transport::Tcp) {
            let group = End::of(Base::Group(groups));
            ways.extend(ends(from, None, transport).into_iter().map(|from| (RuleDirection::In, from, group.clone())));
        }
        return ways;
    }
    let routed = groups.routed();
    for from_end in ends(from, None, transport) {
        for to_end in ends(to, routed.as_ref(), transport) {
            match (is_igor(&from_end), is_igor(&to_end)) {
                (false, false) => ways.extend(igor_part(from, &to_end, &from_end, to)),
                _ => ways.push((RuleDirection::Through, from_end.clone(), to_end)),
            }
        }
    }
    ways
}

/// This host's part in an end: by its role, or by the blocks that it may lie in.
fn own_ends(endpoint: &Endpoint, here: Role, hosts: &Hosts) -> Vec<End> {
    let mut own = Vec::new();
    if endpoint.roles.contains(here) {
        own.push(End::THIS_HOST);
    }
    let Some(set) = HostSet::of(here) else { return own };
    let meets = |block: &IpNet| {
        hosts.of(set).iter().any(|member| {
            let same_family = member.first.is_ipv4() == block.network().is_ipv4();
            same_family && member.first <= block.broadcast() && block.network() <= member.last
        })
    };
    let blocks: Vec<IpNet> =
        endpoint.blocks.iter().copied().filter(|block| hosts.is_placeholder(set) || meets(block)).collect();
    if !blocks.is_empty() {
        own.push(End::of(Base::Blocks(blocks)));
    }
    own
}

fn is_igor(end: &End) -> bool {
    match &end.base {
        Base::Set(set) => *set != HostSet::Site,
        Base::Blocks(_) => true,
        _ => false,
    }
}

/// Between two wide ends, only what has a gateway, node or BACnet system at one of them.
fn igor_part(from: &Endpoint, to_end: &End, from_end: &End, to: &Endpoint) -> Vec<(RuleDirection, End, End)> {
    let sets = |endpoint: &Endpoint| {
        let roles = [Role::Gateway, Role::Node, Role::Bacnet];
        roles.into_iter().filter(|role| endpoint.roles.contains(*role)).filter_map(HostSet::of).collect::<Vec<_>>()
    };
    let outward = sets(from).into_iter().map(|set| (RuleDirection::Through, End::set(set), to_end.clone()));
    let inward: Vec<_> = match to_end.base {
        Base::Group(_) => Vec::new(),
        _ => sets(to).into_iter().map(|set| (RuleDirection::Through, from_end.clone(), End::set(set))).collect(),
    };
    outward.chain(inward).collect()
}

fn ends(endpoint: &Endpoint, groups: Option<&Groups>, transport: Option<Transport>) -> Vec<End> {
    let unicast: RoleSet = endpoint.roles.iter().filter(|role| *role != Role::Group).collect();
    let mut ends = End::of_roles(unicast);
    if !endpoint.blocks.is_empty() {
        ends.push(End::of(Base::Blocks(endpoint.blocks.clone())));
    }
    if let Some(groups) = groups
        && endpoint.roles.contains(Role::Group)
        && transport != Some(Transport::Tcp)
    {
        ends.push(End::of(Base::Group(groups.clone())));
    }
    ends
}
