//! What the documented ports stand on, and what the inventory says that the documents do not cover.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::ends::{Base, End, RuleDirection, Side};
use super::groups::Groups;
use super::rules::{Rule, RuleKind};
use crate::inventory::Inventory;
use crate::policy::{Policy, PortSet, Version};
use crate::protocol::Transport;

const IGMP: Transport = Transport::Other(2);

/// Neighbor discovery, without which a host has no IPv6, and group membership, without which a
/// switch or router keeps groups from it. A firewall between needs neither: both stay on the link.
pub(super) fn rules(side: Side, rules: &[Rule]) -> Vec<Rule> {
    if side == Side::Firewall {
        return Vec::new();
    }
    let link = Groups::of_port(Some(Transport::Icmpv6), None);
    let mut needed = vec![
        need(RuleDirection::Out, (End::THIS_HOST, End::ANY), Transport::Icmpv6, &[133..=136], NEIGHBORS),
        need(RuleDirection::In, (End::ANY, End::THIS_HOST), Transport::Icmpv6, &[133..=136], NEIGHBORS),
    ];
    let groups = rules.iter().any(|rule| matches!(rule.to.base, Base::Group(_)) && rule.kind == RuleKind::Documented);
    if groups {
        let all = Groups {
            name: "IGMP",
            v4: vec![Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4)],
            v6: vec![],
            broadcast: false,
        };
        let to = |groups: &Groups| End::of(Base::Group(groups.clone()));
        // Reports go to the group itself as well (RFC 2236 section 3).
        let wide = Groups { v6: vec![Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)], ..link };
        for way in [RuleDirection::Out, RuleDirection::In] {
            let from = if way == RuleDirection::Out { End::THIS_HOST } else { End::ANY };
            needed.push(need(way, (from.clone(), to(&all)), IGMP, &[], MEMBERSHIP));
            needed.push(need(way, (from, to(&wide)), Transport::Icmpv6, &[130..=132, 143..=143], MEMBERSHIP));
        }
    }
    needed
}

const NEIGHBORS: (&str, &str) =
    ("Neighbor discovery", "groundwork: IPv6 finds routers and neighbours by it (RFC 4861), as IPv4 does by ARP");
const MEMBERSHIP: (&str, &str) =
    ("Group membership", "groundwork: SSDP and CoAP discovery reach a host by groups that it joined (RFC 3376, 3810)");

fn need(
    way: RuleDirection,
    (from, to): (End, End),
    transport: Transport,
    types: &[std::ops::RangeInclusive<u16>],
    (service, citation): (&str, &str),
) -> Rule {
    Rule {
        kind: RuleKind::Groundwork,
        way,
        from,
        to,
        transport: Some(transport),
        ports: PortSet::default(),
        client_ports: PortSet::default(),
        types: PortSet(types.to_vec()),
        service: service.to_owned(),
        document: String::new(),
        citation: citation.to_owned(),
        helper: None,
    }
}

/// Names the devices below a document's lowest version: it does not speak for them.
pub(super) fn old_versions(policy: &Policy, inventory: &Inventory, notes: &mut Vec<String>) {
    for (nth, document) in policy.documents().iter().enumerate() {
        // An inventory's version is that of the host's own software, which its role's first document covers.
        if policy.documents()[..nth].iter().any(|other| other.role == document.role) {
            continue;
        }
        let old: Vec<String> = inventory
            .entries()
            .iter()
            .filter(|entry| entry.role == document.role)
            .filter_map(|entry| Some((entry.matcher, entry.version.as_deref().and_then(Version::parse)?)))
            .filter(|(_, version)| *version < document.minimum_version)
            .map(|(matcher, version)| format!("{matcher} ({version})"))
            .collect();
        let Some(first) = old.first() else { continue };
        let more = if old.len() > 1 { format!(" and {} more", old.len() - 1) } else { String::new() };
        notes.push(format!(
            "{first}{more} is below {} {}, the lowest version that the document covers; for it the rules are advisory",
            document.product, document.minimum_version
        ));
    }
}
