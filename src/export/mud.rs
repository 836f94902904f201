//! Manufacturer Usage Descriptions (RFC 8520): one file a role and version, for MUD managers.
//!
//! Roles become MUD's own abstractions, so the file holds for every site: the gateway is a node's
//! `my-controller`, the node a `model` by its MUD URL, a BACnet system a `controller` class.

use serde_json::{Map, Value, json};

use super::format::Written;
use super::rules::{Helper, Rule, RuleKind, RuleList};
use super::{Base, End, Family, HostSet, RuleDirection, text};
use crate::policy::mud::AUTHORITY;
use crate::policy::{PortSet, Role};
use crate::protocol::Transport;

/// `last-update` is mandatory, and the same rules are to be the same bytes.
const UPDATED: &str = "2026-01-01T00:00:00Z";

/// Which of the two policies an entry belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MudDirection {
    From,
    To,
}

pub(super) fn write(list: &RuleList) -> Written {
    let device = list.side.role().unwrap_or(Role::Node);
    let slug = role_slug(list, device);
    let (mut acls, mut names) = (Vec::new(), [Vec::new(), Vec::new()]);
    for family in Family::ALL {
        for (leg, word) in [(MudDirection::From, "from"), (MudDirection::To, "to")] {
            let aces = entries(list, device, family, leg);
            if aces.is_empty() {
                continue;
            }
            let name = format!("{slug}-v{}-{word}", family.digit());
            let kind = if family == Family::V4 { "ipv4-acl-type" } else { "ipv6-acl-type" };
            // One line an entry, so that versions can be compared.
            let lines: Vec<String> = aces.iter().map(ToString::to_string).collect();
            let lines = lines.join(",\n");
            acls.push(format!("{{\"name\": \"{name}\", \"type\": \"{kind}\", \"aces\": {{\"ace\": [\n{lines}\n]}}}}"));
            names[usize::from(leg == MudDirection::To)].push(json!({ "name": name }));
        }
    }
    let [from, to] = names;
    let mud = json!({
        "mud-version": 1,
        "mud-url": url(list, device),
        "last-update": UPDATED,
        "cache-validity": 48,
        "is-supported": true,
        "systeminfo": text::line(&info(list, device), 400),
        "mfg-name": text::line(&list.policy, 100),
        "model-name": text::line(&product(list, device).0, 100),
        "from-device-policy": { "access-lists": { "access-list": from } },
        "to-device-policy": { "access-lists": { "access-list": to } },
    });
    let text = format!(
        "{{\n\"ietf-mud:mud\": {},\n\"ietf-access-control-list:acls\": {{\"acl\": [\n{}\n]}}\n}}\n",
        serde_json::to_string_pretty(&mud).unwrap_or_default(),
        acls.join(",\n")
    );
    Written { text, losses: losses(list), limits: Vec::new() }
}

fn losses(list: &RuleList) -> Vec<String> {
    let mut losses = vec![
        format!(
            "mud-url and the URLs of models and controllers are placeholders below {AUTHORITY}; last-update is fixed"
        ),
        "MUD has no comments: each entry's name tells document, cell and service, cut to 64 characters".to_owned(),
        "direction-initiated exists for TCP only: UDP answers are let back by their source port, whoever asked first"
            .to_owned(),
    ];
    if !list.hosts.placeholders {
        losses.push(
            "the inventory's addresses are not used: MUD speaks of roles, which the MUD manager resolves".to_owned(),
        );
    }
    if list.needs_tftp() {
        losses.push(
            "TFTP's answer and data come from fresh ports, which MUD cannot say; they are not let through".to_owned(),
        );
    }
    if list.rules.iter().any(|rule| matches!(rule.helper, Some(Helper::Discovery { .. }))) {
        losses.push(
            "answers to SSDP and CoAP groups from other ports than the documented ones cannot be said".to_owned(),
        );
    }
    if list.rules.iter().any(|rule| matches!(&rule.to.base, Base::Group(groups) if groups.broadcast)) {
        losses.push("a subnet's directed broadcast address cannot be said; 255.255.255.255 is let through".to_owned());
    }
    losses
}

/// Name and version of what a role runs, as its first document has it.
fn product(list: &RuleList, role: Role) -> (String, String) {
    let found = list.products.iter().find(|product| product.role == role);
    found.map_or_else(
        || (role.name().to_owned(), String::new()),
        |product| (product.name.clone(), product.version.clone()),
    )
}

fn info(list: &RuleList, role: Role) -> String {
    let own: Vec<String> = list
        .products
        .iter()
        .filter(|product| product.role == role)
        .map(|product| format!("{} {} and higher", product.name, product.version))
        .collect();
    own.join(", ")
}

fn role_slug(list: &RuleList, role: Role) -> String {
    let (_, version) = product(list, role);
    text::slug(&format!("igor-{}-{version}", role.name()))
}

fn url(list: &RuleList, role: Role) -> String {
    format!("{AUTHORITY}/{}.json", role_slug(list, role))
}

/// The entries of one family and leg, with names that are unique.
fn entries(list: &RuleList, device: Role, family: Family, leg: MudDirection) -> Vec<Value> {
    let mut aces: Vec<Value> = Vec::new();
    for rule in list.rules.iter().filter(|rule| rule.fits(family)) {
        let request = (rule.way == RuleDirection::Out) == (leg == MudDirection::From);
        let group = matches!(rule.to.base, Base::Group(_));
        let answers = matches!(rule.transport, Some(Transport::Tcp | Transport::Udp) | None) && !group;
        if !request && !answers {
            continue;
        }
        for matches in matches(list, device, rule, family, leg, request) {
            let name = name(aces.len() + 1, rule, leg);
            let forwarding = if matches.accept { "accept" } else { "drop" };
            aces.push(json!({ "name": name, "matches": matches.value, "actions": { "forwarding": forwarding } }));
        }
    }
    aces
}

/// `number-document-cell-service-leg`, at most 64 characters (RFC 8519 section 4.1).
fn name(number: usize, rule: &Rule, leg: MudDirection) -> String {
    let end = if leg == MudDirection::From { "frdev" } else { "todev" };
    let what = match rule.kind {
        RuleKind::Documented => {
            let cell = rule.citation.split([';', '(']).next().unwrap_or_default();
            format!("{cell} {}", rule.service)
        }
        kind => format!("{kind} {}", rule.service),
    };
    let slug: String = text::slug(&what).chars().take(64 - 5 - 1 - end.len()).collect();
    format!("{number:04}-{}-{end}", slug.trim_end_matches('-'))
}

struct Matches {
    accept: bool,
    value: Value,
}

/// What one rule matches in one leg: the client's packets (`request`), or what answers them.
fn matches(
    list: &RuleList,
    device: Role,
    rule: &Rule,
    family: Family,
    leg: MudDirection,
    request: bool,
) -> Vec<Matches> {
    let peer = if rule.way == RuleDirection::Out { &rule.to } else { &rule.from };
    let mut out = Vec::new();
    // What is excepted is dropped before the rest is let through: entries are in order (RFC 8519).
    let whole = End::of(peer.base.clone());
    let peers = peer.except.iter().map(|set| (false, End::set(*set))).chain([(true, whole)]);
    for (accept, peer) in peers {
        for (mud, network) in peer_matches(list, device, &peer, family) {
            for group in groups(rule, family) {
                for l4 in l4(rule, request) {
                    let mut value = Map::new();
                    if let Some(mud) = &mud {
                        value.insert("ietf-mud:mud".to_owned(), mud.clone());
                    }
                    let mut l3 = Map::new();
                    if let Some(transport) = rule.transport {
                        l3.insert("protocol".to_owned(), transport.number().into());
                    }
                    let ip = if family == Family::V4 { "ipv4" } else { "ipv6" };
                    let side = if leg == MudDirection::From { "destination" } else { "source" };
                    if let Some(network) = &network {
                        l3.insert(format!("{side}-{ip}-network"), network.clone().into());
                    }
                    if let Some(group) = &group {
                        l3.insert(format!("destination-{ip}-network"), group.clone().into());
                    }
                    value.insert(ip.to_owned(), l3.into());
                    if let Some((name, fields)) = l4 {
                        value.insert(name.to_owned(), fields);
                    }
                    out.push(Matches { accept, value: value.into() });
                }
            }
        }
    }
    out
}

/// The other end: by MUD's abstractions, or by a network.
fn peer_matches(list: &RuleList, device: Role, peer: &End, family: Family) -> Vec<(Option<Value>, Option<String>)> {
    let mud = |value: Value| vec![(Some(value), None)];
    match &peer.base {
        Base::Any | Base::ThisHost | Base::Group(_) => vec![(None, None)],
        Base::Set(HostSet::Gateway) if device == Role::Node => mud(json!({ "my-controller": [null] })),
        Base::Set(HostSet::Gateway) => mud(json!({ "model": url(list, Role::Gateway) })),
        Base::Set(HostSet::Node) => mud(json!({ "model": url(list, Role::Node) })),
        Base::Set(HostSet::Bacnet) => mud(json!({ "controller": format!("{AUTHORITY}/class/bacnet") })),
        Base::Set(HostSet::Site) => mud(json!({ "local-networks": [null] })),
        Base::Blocks(blocks) => blocks
            .iter()
            .filter(|block| family.holds(block.addr()))
            .map(|block| (None, Some(block.trunc().to_string())))
            .collect(),
    }
}

/// The group that a rule is of; one empty way where it is of none.
fn groups(rule: &Rule, family: Family) -> Vec<Option<String>> {
    let Base::Group(groups) = &rule.to.base else { return vec![None] };
    let broadcast = (groups.broadcast && family == Family::V4).then(|| "255.255.255.255/32".to_owned());
    let blocks = groups.blocks().filter(|block| family.holds(block.addr())).map(|block| block.to_string());
    blocks.chain(broadcast).map(Some).collect()
}

/// Ports and types: one way for each combination of ranges.
fn l4(rule: &Rule, request: bool) -> Vec<Option<(&'static str, Value)>> {
    let ranges = |set: &PortSet| -> Vec<Option<Value>> {
        match set.0.as_slice() {
            [] => vec![None],
            some => some
                .iter()
                .map(|range| match (range.start(), range.end()) {
                    (a, b) if a == b => Some(json!({ "operator": "eq", "port": a })),
                    (a, b) => Some(json!({ "lower-port": a, "upper-port": b })),
                })
                .collect(),
        }
    };
    let (name, initiated) = match rule.transport {
        Some(Transport::Tcp) => ("tcp", Some(if rule.way == RuleDirection::Out { "from-device" } else { "to-device" })),
        Some(Transport::Udp) => ("udp", None),
        Some(Transport::Icmp | Transport::Icmpv6) if !rule.types.0.is_empty() => {
            let kinds = rule.types.0.iter().flat_map(|range| range.clone());
            return kinds.map(|kind| Some(("icmp", json!({ "type": kind })))).collect();
        }
        _ => return vec![None],
    };
    let mut ways = Vec::new();
    for server in ranges(&rule.ports) {
        for client in ranges(&rule.client_ports) {
            let mut fields = Map::new();
            if let Some(initiated) = initiated {
                fields.insert("ietf-mud:direction-initiated".to_owned(), initiated.into());
            }
            let (to, from) = if request { (&server, &client) } else { (&client, &server) };
            for (key, port) in [("destination-port", to), ("source-port", from)] {
                if let Some(port) = port {
                    fields.insert(key.to_owned(), port.clone());
                }
            }
            ways.push(if fields.is_empty() { None } else { Some((name, fields.into())) });
        }
    }
    ways
}
