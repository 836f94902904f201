//! The rules tried on a survey: which of its conversations they would have dropped.

use std::collections::HashMap;
use std::net::IpAddr;

use unicode_width::UnicodeWidthStr;

use super::ends::{Base, End, HostSet, RuleDirection, Side};
use super::groups::Groups;
use super::hosts::Hosts;
use super::rules::{Rule, RuleList};
use crate::policy::PortSet;
use crate::protocol::Transport;
use crate::report::json::v1;
use crate::text::visible;

/// A conversation that the rules do not let through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Position in the survey's `conversations`, from 0.
    pub conversation: usize,
    /// How many of its flows are dropped.
    pub flows: u64,
    /// Why, for people.
    pub why: String,
}

/// What the rules do to the conversations of a survey.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rehearsal {
    /// Conversations that would pass where the rules stand.
    pub met: usize,
    /// Those that are dropped, in the survey's order.
    pub refused: Vec<Refused>,
}

/// The hosts of one end of a flow, as the rules see them.
#[derive(Clone, Copy)]
struct RuleParty<'a> {
    address: IpAddr,
    role: &'a str,
    sets: SetBits,
}

/// Which sets an address is in, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct SetBits(u8);

impl SetBits {
    fn has(self, set: HostSet) -> bool {
        self.0 & (1 << set as u8) != 0
    }

    /// A gateway, node or BACnet system.
    fn is_igor(self) -> bool {
        [HostSet::Gateway, HostSet::Node, HostSet::Bacnet].into_iter().any(|set| self.has(set))
    }
}

/// The addresses of each set in order, so that finding one takes no longer the more there are.
struct Members<'a> {
    hosts: &'a Hosts,
    ranges: Vec<Vec<(IpAddr, IpAddr)>>,
}

impl<'a> Members<'a> {
    fn new(hosts: &'a Hosts) -> Self {
        let ranges = HostSet::ALL.iter().map(|set| {
            let mut ranges: Vec<_> = hosts.of(*set).iter().map(|member| (member.first, member.last)).collect();
            ranges.sort_unstable();
            // What one range holds already is none of its own.
            ranges.dedup_by(|later, kept| {
                let overlaps = later.0.is_ipv4() == kept.0.is_ipv4() && later.0 <= kept.1;
                kept.1 = if overlaps { kept.1.max(later.1) } else { kept.1 };
                overlaps
            });
            ranges
        });
        Self { hosts, ranges: ranges.collect() }
    }

    /// The sets of an address. Where a person has yet to fill in a role's addresses, the survey's role counts.
    fn sets_of(&self, address: IpAddr, role: &str) -> SetBits {
        let holds = |ranges: &[(IpAddr, IpAddr)]| {
            let after = ranges.partition_point(|(first, _)| *first <= address);
            let range = after.checked_sub(1).and_then(|at| ranges.get(at));
            range.is_some_and(|(first, last)| first.is_ipv4() == address.is_ipv4() && address <= *last)
        };
        let is_in = |(set, ranges): &(&HostSet, &Vec<_>)| match self.hosts.is_placeholder(**set) {
            true => set.name() == role,
            false => holds(ranges),
        };
        SetBits(HostSet::ALL.iter().zip(&self.ranges).filter(is_in).fold(0, |bits, (set, _)| bits | 1 << *set as u8))
    }
}

/// Tries the rules on every flow of a survey.
pub fn rehearse(list: &RuleList, survey: &v1::Survey<'_>) -> Rehearsal {
    let members = Members::new(&list.hosts);
    let party = |address: IpAddr, role| RuleParty { address, role, sets: members.sets_of(address, role) };
    let ends: Vec<[RuleParty<'_>; 2]> = survey
        .flows
        .iter()
        .map(|flow| [party(flow.client_ip, &flow.client_role), party(flow.server_ip, &flow.server_role)])
        .collect();
    let passes: Vec<Option<bool>> = survey.flows.iter().zip(&ends).map(|(flow, ends)| list.judge(flow, ends)).collect();
    let at: HashMap<&str, usize> = survey.flows.iter().enumerate().map(|(at, flow)| (&*flow.flow_id, at)).collect();
    let mut result = Rehearsal::default();
    let mut met = vec![false; survey.conversations.len()];
    let mut refused: HashMap<usize, Refused> = HashMap::new();
    for ((flow, ends), own) in survey.flows.iter().zip(&ends).zip(&passes) {
        let (Some(passed), Some(met)) = (own, met.get_mut(flow.conversation as usize)) else { continue };
        *met = true;
        // What a connection tracker lets back belongs to a flow that it let through.
        let related = flow.related_to.as_deref().and_then(|id| at.get(id));
        let tracked = related.is_some_and(|parent| passes.get(*parent) == Some(&Some(true)));
        if *passed || tracked {
            continue;
        }
        let why = why(list, flow, ends);
        let conversation = flow.conversation as usize;
        refused.entry(conversation).or_insert(Refused { conversation, flows: 0, why }).flows += 1;
    }
    result.met = met.iter().filter(|met| **met).count();
    result.refused = refused.into_values().collect();
    result.refused.sort_unstable_by_key(|refused| refused.conversation);
    result
}

impl RuleList {
    /// Whether the rules let a flow's request through; `None` where it does not come by.
    fn judge(&self, flow: &v1::Flow<'_>, [client, server]: &[RuleParty<'_>; 2]) -> Option<bool> {
        let group = server.role == "group";
        let ways: Vec<RuleDirection> = match self.side.role().and_then(HostSet::of) {
            None if !client.sets.is_igor() && !server.sets.is_igor() => Vec::new(),
            None if stays_on_link(client.address) || stays_on_link(server.address) => Vec::new(),
            None if group && !server.address.is_multicast() => Vec::new(),
            None => vec![RuleDirection::Through],
            Some(own) => {
                let out = client.sets.has(own).then_some(RuleDirection::Out);
                // Whether a host listens to a group no capture tells: of the others', only what Igor's hosts send counts.
                let into = server.sets.has(own) || group && out.is_none() && client.sets.is_igor();
                out.into_iter().chain(into.then_some(RuleDirection::In)).collect()
            }
        };
        let allowed = |way: &RuleDirection| {
            self.rules.iter().any(|rule| rule.way == *way && self.holds(rule, flow, client, server))
        };
        (!ways.is_empty()).then(|| ways.iter().all(allowed))
    }

    fn holds(&self, rule: &Rule, flow: &v1::Flow<'_>, client: &RuleParty<'_>, server: &RuleParty<'_>) -> bool {
        let port = |set: &PortSet, port: Option<u16>| set.0.is_empty() || port.is_some_and(|port| set.contains(port));
        transport(rule.transport, &flow.transport)
            && port(&rule.ports, flow.server_port)
            && port(&rule.client_ports, flow.client_port)
            && port(&rule.types, flow.icmp_type.map(u16::from))
            && self.is_at(&rule.from, client)
            && self.is_at(&rule.to, server)
    }

    fn is_at(&self, end: &End, party: &RuleParty<'_>) -> bool {
        let base = match &end.base {
            Base::Any => true,
            Base::ThisHost => self.side.role().and_then(HostSet::of).is_some_and(|own| party.sets.has(own)),
            Base::Set(set) => party.sets.has(*set),
            Base::Blocks(blocks) => blocks.iter().any(|block| block.contains(&party.address)),
            Base::Group(groups) => is_group(groups, party),
        };
        base && !end.except.iter().any(|set| party.sets.has(*set))
    }
}

fn is_group(groups: &Groups, party: &RuleParty<'_>) -> bool {
    let broadcast = party.role == "group" && party.address.is_ipv4() && !party.address.is_multicast();
    groups.broadcast && broadcast || groups.blocks().any(|block| block.contains(&party.address))
}

fn transport(wanted: Option<Transport>, found: &str) -> bool {
    wanted.is_none_or(|transport| match transport {
        Transport::Tcp => found == "tcp",
        Transport::Udp => found == "udp",
        Transport::Icmp => found == "icmp",
        Transport::Icmpv6 => found == "icmpv6",
        Transport::Other(number) => found.parse() == Ok(number),
    })
}

/// Addresses that no router carries on (RFC 3927, 4291, 5771).
fn stays_on_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.octets()[..3] == [224, 0, 0] || v4.is_broadcast() || v4.is_unspecified()
        }
        IpAddr::V6(v6) => {
            let multicast = v6.is_multicast() && v6.octets()[1] & 0xf <= 2;
            v6.is_unicast_link_local() || multicast || v6.is_unspecified()
        }
    }
}

/// A host that the survey knows by role and the rules by no address is the commonest cause.
fn why(list: &RuleList, flow: &v1::Flow<'_>, ends: &[RuleParty<'_>; 2]) -> String {
    let unplaced = ends.iter().find(|party| {
        let set = HostSet::ALL.iter().find(|set| set.name() == party.role && **set != HostSet::Site);
        set.is_some_and(|set| !party.sets.has(*set))
    });
    match unplaced {
        Some(party) => format!("{} is a {} here, by no address of the rules", party.address, party.role),
        None if flow.verdict == "supporting" && !list.with_supporting => "supporting; see --with-supporting".to_owned(),
        None => "no rule".to_owned(),
    }
}

/// What hurts most comes first: the vendor's own ports, then what the site wants, then the rest.
const ORDER: [&str; 5] = ["documented", "site-approved", "related", "supporting", "unexpected"];

/// The dropped conversations as a list for people, one on a line.
pub fn rehearsal_page(list: &RuleList, survey: &v1::Survey<'_>, rehearsal: &Rehearsal) -> String {
    let Rehearsal { met, refused } = rehearsal;
    let place = match list.side {
        Side::Gateway => "on the gateway",
        Side::Nodes => "on the nodes",
        Side::Firewall => "on a firewall between",
    };
    let mut text =
        format!("{} of {met} conversations that these rules {place} judge would have been dropped.\n", refused.len());
    if list.side == Side::Firewall {
        text.push_str(
            "What two hosts of one link say to each other is listed, too, though no firewall between sees it.\n",
        );
    }
    let mut rows: Vec<_> =
        refused.iter().filter_map(|one| Some((survey.conversations.get(one.conversation)?, one))).collect();
    let rank = |verdict: &str| ORDER.iter().position(|known| *known == verdict).unwrap_or(ORDER.len());
    rows.sort_by_key(|(conversation, _)| rank(&conversation.verdict));
    text.push_str(&counts(rows.iter().map(|(conversation, _)| *conversation)));
    let rows: Vec<[String; 7]> = rows
        .into_iter()
        .map(|(conversation, one)| {
            let host = |address: IpAddr, role: &str, name: Option<&str>| match name {
                Some(name) => format!("{address} {role} \"{}\"", visible(name)),
                None => format!("{address} {}", visible(role)),
            };
            [
                visible(&conversation.verdict).into_owned(),
                host(conversation.client_ip, &conversation.client_role, conversation.client_name.as_deref()),
                host(conversation.server_ip, &conversation.server_role, conversation.server_name.as_deref()),
                port(conversation),
                visible(conversation.service.as_deref().unwrap_or("")).into_owned(),
                conversation.client_packets.saturating_add(conversation.server_packets).to_string(),
                one.why.clone(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push('\n');
        let head = ["VERDICT", "CLIENT", "SERVER", "PORT", "SERVICE", "PACKETS", "WHY"].map(str::to_owned);
        let widths: [usize; 7] =
            std::array::from_fn(|at| std::iter::once(&head).chain(&rows).map(|row| row[at].width()).max().unwrap_or(0));
        for row in std::iter::once(&head).chain(&rows) {
            let cells =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
    }
    text
}

/// How many of what, in a line.
fn counts<'a>(conversations: impl Iterator<Item = &'a v1::Conversation<'a>>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for conversation in conversations {
        let service =
            conversation.service.as_deref().map_or_else(|| port(conversation), |name| visible(name).into_owned());
        let what = format!("{service} ({})", visible(&conversation.verdict));
        match counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what, 1)),
        }
    }
    let shown = counts.iter().take(KINDS).map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
    match counts.len().saturating_sub(KINDS) {
        0 if counts.is_empty() => String::new(),
        0 => format!("{shown}.\n"),
        more => format!("{shown}, and {more} more kinds.\n"),
    }
}

/// So many kinds of conversations a line counts.
const KINDS: usize = 12;

fn port(conversation: &v1::Conversation<'_>) -> String {
    let transport = visible(&conversation.transport);
    match (conversation.server_port, conversation.icmp_type) {
        (Some(port), _) => format!("{transport} {port}"),
        (None, Some(kind)) => format!("{transport} type {kind}"),
        (None, None) => transport.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Inventory;

    #[test]
    fn an_address_is_in_the_sets_that_hold_it() {
        let text = "node = [\"10.0.0.0/29\", \"10.0.0.20-10.0.0.24\", \"fd00::5\"]\ngateway = \"10.0.0.2\"\n\
                    site = [\"198.51.100.0/24\", \"198.51.100.128/25\"]\n";
        let hosts = Hosts::new(Some(&Inventory::parse(text, "site.toml").unwrap()));
        let members = Members::new(&hosts);
        let sets = |address: &str| {
            let sets = members.sets_of(address.parse().unwrap(), "host");
            HostSet::ALL.iter().filter(|set| sets.has(**set)).map(|set| set.name()).collect::<Vec<_>>().join(" ")
        };
        for (address, expected) in [
            ("10.0.0.1", "node site"),
            ("10.0.0.2", "gateway site"),
            ("10.0.0.7", "node site"),
            ("10.0.0.8", "site"),
            ("10.0.0.22", "node site"),
            ("10.0.0.25", "site"),
            ("fd00::5", "node site"),
            ("fd00::6", "site"),
            ("198.51.100.200", "site"),
            ("203.0.113.1", ""),
            ("2001:db8::1", ""),
        ] {
            assert_eq!(sets(address), expected, "{address}");
        }
        let hosts = Hosts::new(None);
        let sets = Members::new(&hosts).sets_of("203.0.113.1".parse().unwrap(), "node");
        assert!(sets.has(HostSet::Node) && !sets.has(HostSet::Gateway), "the survey's role, where nobody filled it in");
    }
}
