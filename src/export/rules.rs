//! Policy and inventory to a format-neutral list of rules: least privilege, only documented pairs
//! and directions. What the verdict calls documented, and nothing else, has a rule.

use std::collections::BTreeMap;

use super::ends::{End, HostSet, RuleDirection, Side};
use super::groups::Groups;
use super::hosts::{Family, Hosts};
use super::{groundwork, matched, refused};
use crate::inventory::Inventory;
use crate::policy::{Cell, Direction, Policy, PortSet, Role, RoleSet};
use crate::protocol::{Protocol, Transport};
use crate::text::named;
use crate::verdict::{Filled, documented};

named! {
    /// Why a rule is there. Orders as rules are listed.
    pub enum RuleKind {
        /// Without it the documented ports cannot work (neighbor discovery, group membership).
        Groundwork = "groundwork",
        /// The vendor's document lists it.
        Documented = "documented",
        /// The site's own allowance.
        SiteApproved = "site-approved",
        /// Networks need it; the vendor's document does not list it.
        Supporting = "supporting",
    }
}

/// What a firewall must know beyond ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Helper {
    /// TFTP answers from a fresh port (RFC 1350 section 4): a connection tracking helper has to
    /// read the request.
    Tftp,
    /// A request to a group is answered from unicast addresses, which no connection tracker
    /// takes for an answer.
    Discovery {
        /// `ssdp` or `coap`.
        protocol: &'static str,
        /// Who may answer.
        answerers: Vec<End>,
        /// How long after the request, in seconds.
        seconds: u16,
    },
}

/// One thing that is let through: the client's packets to the server, and the answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Why it is there.
    pub kind: RuleKind,
    /// Which way the client's packets go.
    pub way: RuleDirection,
    /// The client.
    pub from: End,
    /// The server.
    pub to: End,
    /// Transport; `None` for every one.
    pub transport: Option<Transport>,
    /// The server's ports.
    pub ports: PortSet,
    /// The client's ports.
    pub client_ports: PortSet,
    /// ICMP types.
    pub types: PortSet,
    /// What it is for, in the vendor's or the policy's word.
    pub service: String,
    /// The document, by its short name; empty where the rule is of none.
    pub document: String,
    /// What allows it: document, version and cell, or the allowance's or supporting entry's reason.
    pub citation: String,
    /// What a firewall must know beyond ports.
    pub helper: Option<Helper>,
}

impl Rule {
    /// Whether a transport exists in a family.
    pub(super) fn fits(&self, family: Family) -> bool {
        match self.transport {
            Some(Transport::Icmp | Transport::Other(2)) => family == Family::V4,
            Some(Transport::Icmpv6) => family == Family::V6,
            _ => true,
        }
    }
}

/// What to write rules for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The documents, allowances and supporting protocols.
    pub policy: &'a Policy,
    /// The site's addresses; without them, placeholders.
    pub inventory: Option<&'a Inventory>,
    /// Where the rules are enforced.
    pub side: Side,
    /// Whether DHCP, DNS, NTP and so on are let through too.
    pub with_supporting: bool,
    /// Whether what no rule lets through is only logged.
    pub log_only: bool,
}

/// The rules of one place.
#[derive(Clone, Debug)]
pub struct RuleList {
    /// Name of the policy.
    pub policy: String,
    /// Title of the vendor's document.
    pub title: String,
    /// Label of the site.
    pub site: Option<String>,
    /// Where they are enforced.
    pub side: Side,
    /// Whether supporting protocols are among them.
    pub with_supporting: bool,
    /// Whether what no rule lets through is only logged.
    pub log_only: bool,
    /// What the rules do not let through, in a few lines.
    pub refused: Vec<String>,
    /// Who is in the sets that the rules name.
    pub hosts: Hosts,
    /// The roles that a firewall between guards: everything else from and to them is dropped.
    pub guarded: Vec<HostSet>,
    /// The rules, in an order that does not change with the inventory.
    pub rules: Vec<Rule>,
    /// What whoever installs them has to know.
    pub notes: Vec<String>,
    /// The devices that the documents speak of, for MUD.
    pub products: Vec<Product>,
}

/// A document's product.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// Who runs it.
    pub role: Role,
    /// The vendor's name for it.
    pub name: String,
    /// The lowest version its document covers.
    pub version: String,
}

impl RuleList {
    /// The rules of a place.
    pub fn new(request: &Request<'_>) -> Self {
        let Request { policy, inventory, side, with_supporting, log_only } = *request;
        let mut notes = Vec::new();
        let hosts = Hosts::new(inventory);
        let mut rules = of_documents(policy, side, &mut notes);
        rules.extend(matched::allowances(policy, side, &hosts));
        if with_supporting {
            rules.extend(matched::supporting(policy, side, &hosts));
        }
        rules.extend(groundwork::rules(side, &rules));
        drop_the_empty(&mut rules, &hosts, &mut notes);
        rules.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        rules.dedup();
        if let Some(inventory) = inventory {
            groundwork::old_versions(policy, inventory, &mut notes);
        }
        let guarded = [Role::Gateway, Role::Node, Role::Bacnet].into_iter().filter(|role| policy.owns(*role));
        Self {
            policy: policy.name().to_owned(),
            title: policy.title().to_owned(),
            site: inventory.and_then(Inventory::site_name).map(str::to_owned),
            side,
            with_supporting,
            log_only,
            refused: refused::words(policy, side, &hosts, &rules),
            hosts,
            guarded: guarded.filter_map(HostSet::of).collect(),
            rules,
            notes,
            products: policy
                .documents()
                .iter()
                .map(|document| Product {
                    role: document.role,
                    name: document.product.clone(),
                    version: document.minimum_version.to_string(),
                })
                .collect(),
        }
    }

    /// The groups of addresses that rules name, each once, with a name that no other has.
    pub(super) fn groups(&self) -> Vec<(String, &Groups)> {
        let mut named: Vec<(String, &Groups)> = Vec::new();
        for rule in &self.rules {
            let super::Base::Group(groups) = &rule.to.base else { continue };
            if named.iter().any(|(_, known)| *known == groups) {
                continue;
            }
            let same = named.iter().filter(|(_, known)| known.name == groups.name).count();
            let number = if same == 0 { String::new() } else { format!(" {}", same + 1) };
            named.push((format!("{} groups{number}", groups.name), groups));
        }
        named
    }

    /// The name of a group of addresses, as [`Self::groups`] gives it.
    pub(super) fn group_name(&self, groups: &Groups) -> String {
        let named = self.groups().into_iter().find(|(_, known)| *known == groups);
        named.map_or_else(|| format!("{} groups", groups.name), |(name, _)| name)
    }

    /// The sets that rules name, in order.
    pub(super) fn used_sets(&self) -> Vec<HostSet> {
        let named = |set: &HostSet| {
            let in_rule = self.rules.iter().any(|rule| {
                let answerers = match &rule.helper {
                    Some(Helper::Discovery { answerers, .. }) => answerers.as_slice(),
                    _ => &[],
                };
                [&rule.from, &rule.to].into_iter().chain(answerers).any(|end| end.sets().any(|named| named == *set))
            });
            in_rule || self.side == Side::Firewall && self.guarded.contains(set)
        };
        HostSet::ALL.iter().copied().filter(named).collect()
    }

    /// Whether any rule lets a group be asked who is there.
    pub(super) fn has_discovery(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.helper, Some(Helper::Discovery { .. })))
    }

    /// What a firewall between cannot do for groups by its rules.
    pub(super) fn multicast_loss(&self) -> Option<String> {
        let to_group = |rule: &Rule| matches!(rule.to.base, super::Base::Group(_));
        (self.side == Side::Firewall && self.rules.iter().any(to_group)).then(|| {
            "rules let multicast pass, but forwarding it takes multicast routing (PIM or an IGMP/MLD proxy)".to_owned()
        })
    }

    /// Rules that need a TFTP helper.
    pub fn needs_tftp(&self) -> bool {
        self.rules.iter().any(|rule| rule.helper == Some(Helper::Tftp))
    }
}

fn sort_key(rule: &Rule) -> impl Ord {
    let port = |set: &PortSet| set.0.iter().map(|range| (*range.start(), *range.end())).collect::<Vec<_>>();
    let transport = rule.transport.map(Transport::number);
    (
        (rule.kind, rule.way, rule.from.clone(), rule.to.clone()),
        (transport, port(&rule.ports), port(&rule.client_ports), port(&rule.types)),
        rule.citation.clone(),
    )
}

/// Rules for roles of which the inventory names nobody would match nothing.
fn drop_the_empty(rules: &mut Vec<Rule>, hosts: &Hosts, notes: &mut Vec<String>) {
    let empty =
        |end: &End| if let super::Base::Set(set) = end.base { hosts.is_empty(set).then_some(set) } else { None };
    let mut dropped: BTreeMap<HostSet, usize> = BTreeMap::new();
    rules.retain_mut(|rule| {
        if let Some(Helper::Discovery { answerers, .. }) = &mut rule.helper {
            answerers.retain(|end| empty(end).is_none());
        }
        match empty(&rule.from).or_else(|| empty(&rule.to)) {
            Some(set) => {
                *dropped.entry(set).or_default() += 1;
                false
            }
            None => true,
        }
    });
    for (set, count) in dropped {
        notes.push(format!("the inventory names no {} by address: {count} rules for them are left out", set.words()));
    }
}

const UNICAST: [Role; 5] = [Role::Gateway, Role::Node, Role::Bacnet, Role::Host, Role::External];

fn of_documents(policy: &Policy, side: Side, notes: &mut Vec<String>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (transport, port) in policy.documented_ports() {
        for role in UNICAST {
            match side.role() {
                Some(here) if here == role => {
                    outgoing(policy, here, (transport, port), &mut rules);
                    incoming(policy, here, (transport, port), &mut rules);
                    groups(policy, here, (transport, port), &mut rules);
                }
                Some(_) => {}
                None => {
                    through(policy, role, (transport, port), &mut rules);
                    routed_groups(policy, role, (transport, port), &mut rules, notes);
                }
            }
        }
    }
    rules
}

/// The servers (or clients) that a role's port is documented for, by the cells that say so.
fn peers(cells: impl Fn(Role) -> Option<Filled>) -> BTreeMap<(Option<u16>, Option<u16>), RoleSet> {
    let mut peers: BTreeMap<_, RoleSet> = BTreeMap::new();
    for role in UNICAST {
        if let Some(filled) = cells(role) {
            let set = peers.entry((filled.client, filled.server)).or_default();
            *set = set.with(role);
        }
    }
    peers
}

fn outgoing(policy: &Policy, here: Role, (transport, port): (Transport, u16), rules: &mut Vec<Rule>) {
    let documented =
        |server| documented(policy, here, server, transport, port).filter(|filled| filled.client.is_some());
    for ((client, server), roles) in peers(documented) {
        for to in End::of_roles(roles) {
            rules.push(rule(policy, RuleDirection::Out, (End::THIS_HOST, to), [client, server]));
        }
    }
}

fn incoming(policy: &Policy, here: Role, (transport, port): (Transport, u16), rules: &mut Vec<Rule>) {
    let documented =
        |client| documented(policy, client, here, transport, port).filter(|filled| filled.server.is_some());
    for ((client, server), roles) in peers(documented) {
        for from in End::of_roles(roles) {
            rules.push(rule(policy, RuleDirection::In, (from, End::THIS_HOST), [server, client]));
        }
    }
}

fn through(policy: &Policy, client: Role, (transport, port): (Transport, u16), rules: &mut Vec<Rule>) {
    for ((out, into), roles) in peers(|server| documented(policy, client, server, transport, port)) {
        for (from, to) in pairs(RoleSet::NONE.with(client), roles) {
            rules.push(rule(policy, RuleDirection::Through, (from, to), [into, out]));
        }
    }
}

fn pairs(from: RoleSet, to: RoleSet) -> impl Iterator<Item = (End, End)> {
    let to = End::of_roles(to);
    End::of_roles(from).into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from.clone(), to)))
}

/// The group requests of a host and those that it hears.
fn groups(policy: &Policy, here: Role, (transport, port): (Transport, u16), rules: &mut Vec<Rule>) {
    let Some(groups) = groups_on(policy, transport, port) else { return };
    let to_group = |client: Role| documented(policy, client, Role::Group, transport, port);
    if let Some(Filled { client: Some(cell), .. }) = to_group(here) {
        let to = End::of(super::Base::Group(groups.clone()));
        let mut rule = rule(policy, RuleDirection::Out, (End::THIS_HOST, to), [Some(cell), None]);
        let answerers = hearers(policy, here, (transport, port)).into_iter().filter_map(HostSet::of).map(End::set);
        rule.helper = discovery(&groups, answerers.collect());
        rules.push(rule);
    }
    for client in UNICAST.into_iter().filter(|client| *client != here) {
        let Some(sent) = to_group(client) else { continue };
        // A group rule opens only a port that this host's own list has, too.
        let Some(cell) = heard(policy, client, here, (transport, port)) else { continue };
        for from in End::of_roles(RoleSet::NONE.with(client)) {
            let to = End::of(super::Base::Group(groups.clone()));
            let mut rule = rule(policy, RuleDirection::In, (from, to), [Some(cell), sent.client]);
            rule.helper = discovery(&groups, vec![End::THIS_HOST]);
            rules.push(rule);
        }
    }
}

fn routed_groups(
    policy: &Policy,
    client: Role,
    (transport, port): (Transport, u16),
    rules: &mut Vec<Rule>,
    notes: &mut Vec<String>,
) {
    let Some(all) = groups_on(policy, transport, port) else { return };
    let Some(sent) = documented(policy, client, Role::Group, transport, port) else { return };
    let hearers = hearers(policy, client, (transport, port));
    if hearers.is_empty() {
        return;
    }
    if all.broadcast {
        let note = format!(
            "{} broadcasts do not cross a router; a BBMD sends them on as unicast to UDP {port}, which is let through",
            all.name
        );
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let Some(groups) = all.routed() else { return };
    for from in End::of_roles(RoleSet::NONE.with(client)) {
        let to = End::of(super::Base::Group(groups.clone()));
        let mut rule = rule(policy, RuleDirection::Through, (from, to), [sent.client, sent.server]);
        let answerers = hearers.iter().filter_map(|role| HostSet::of(*role)).map(End::set);
        rule.helper = discovery(&groups, answerers.collect());
        rules.push(rule);
    }
}

fn groups_on(policy: &Policy, transport: Transport, port: u16) -> Option<Groups> {
    (transport == Transport::Udp).then(|| Groups::of_protocol(policy.expected_protocol(transport, port)))?
}

/// The roles whose own list has the port for what this client asks of everyone.
fn hearers(policy: &Policy, client: Role, port: (Transport, u16)) -> Vec<Role> {
    UNICAST
        .into_iter()
        .filter(|role| *role != client)
        .filter(|role| {
            heard(policy, client, *role, port).is_some()
                // Whoever has no document of its own is spoken of in the client's.
                || !policy.owns(*role) && documented(policy, client, *role, port.0, port.1).is_some()
        })
        .collect()
}

/// The incoming cell by which a role hears a client's request to a group.
fn heard(policy: &Policy, client: Role, here: Role, (transport, port): (Transport, u16)) -> Option<u16> {
    let hears = |cell: &Cell| cell.direction == Direction::Incoming && cell.role == here && cell.admits(client);
    policy.cells_on(transport, port).iter().copied().find(|at| policy.cells().get(usize::from(*at)).is_some_and(hears))
}

/// SSDP answers come within MX, at most 5 s, and a second for the way (UPnP Device Architecture
/// 2.0 section 1.3.3); CoAP answers within the leisure, 5 s (RFC 7252 section 8.2), and as much again.
fn discovery(groups: &Groups, answerers: Vec<End>) -> Option<Helper> {
    match groups.name {
        "SSDP" => Some(Helper::Discovery { protocol: "ssdp", answerers, seconds: 6 }),
        "CoAP" => Some(Helper::Discovery { protocol: "coap", answerers, seconds: 10 }),
        _ => None,
    }
}

/// The rule of one or two cells, of which the first is this side's.
fn rule(policy: &Policy, way: RuleDirection, (from, to): (End, End), cells: [Option<u16>; 2]) -> Rule {
    let cells: Vec<&Cell> = cells.into_iter().flatten().filter_map(|at| policy.cells().get(usize::from(at))).collect();
    let cite = |cell: &&Cell| {
        let document = policy.document_of(cell);
        let transport = cell.transport.to_string().to_uppercase();
        format!(
            "{} {}+ {} {transport} {} ({})",
            document.name,
            document.minimum_version,
            cell.direction.name(),
            cell.port,
            cell.service
        )
    };
    let mut documents: Vec<&str> = cells.iter().map(|cell| policy.document_of(cell).name.as_str()).collect();
    documents.dedup();
    let first = cells.first();
    let port = first.map_or(0, |cell| cell.port);
    Rule {
        kind: RuleKind::Documented,
        way,
        from,
        to,
        transport: first.map(|cell| cell.transport),
        ports: PortSet(vec![port..=port]),
        client_ports: PortSet::default(),
        types: PortSet::default(),
        service: first.map(|cell| cell.service.clone()).unwrap_or_default(),
        document: documents.join(";"),
        citation: cells.iter().map(cite).collect::<Vec<_>>().join("; "),
        helper: first.is_some_and(|cell| cell.protocol == Some(Protocol::Tftp)).then_some(Helper::Tftp),
    }
}
