//! A change request: one line a rule, for people and ticket systems.

use super::format::{Written, header};
use super::rules::{Helper, Rule, RuleList};
use super::{Base, End, RuleDirection, text};
use crate::policy::PortSet;
use crate::protocol::Transport;

const COLUMNS: [&str; 13] = [
    "number",
    "kind",
    "way",
    "from",
    "from_addresses",
    "to",
    "to_addresses",
    "transport",
    "port",
    "client_port",
    "service",
    "needs",
    "allowed_by",
];

/// CSV by RFC 4180.
pub(super) fn write_csv(list: &RuleList) -> Written {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let rows = std::iter::once(COLUMNS.map(str::to_owned)).chain(rows(list));
    let mut losses = Vec::new();
    for row in rows {
        if let Err(error) = writer.write_record(row.iter().map(|cell| text::cell(cell).into_owned())) {
            losses.push(format!("a row: {error}"));
        }
    }
    let bytes = writer.into_inner().unwrap_or_default();
    losses.extend(list.notes.iter().map(|note| format!("the table has no place for this note: {note}")));
    Written { text: String::from_utf8_lossy(&bytes).into_owned(), losses, limits: Vec::new() }
}

pub(super) fn write_markdown(list: &RuleList) -> Written {
    let mut out = String::from("# Firewall change request\n\n");
    for line in header(list, &[], &[]) {
        out.push_str(&format!("- {}\n", text::markdown(&line)));
    }
    out.push_str(&addresses_once(list));
    let kept = || (0..COLUMNS.len()).filter(|at| !COLUMNS[*at].ends_with("_addresses"));
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str("\n## Rules\n\n");
    out.push_str(&line(kept().map(|at| COLUMNS[at].replace('_', " ")).collect()));
    out.push_str(&format!("|{}\n", "---|".repeat(kept().count())));
    for row in rows(list) {
        out.push_str(&line(kept().map(|at| text::markdown(&row[at])).collect()));
    }
    Written { text: out, losses: Vec::new(), limits: Vec::new() }
}

/// Who the names in the rules are, each told once.
fn addresses_once(list: &RuleList) -> String {
    let mut out = String::from("\n## Addresses\n\n| name | addresses |\n|---|---|\n");
    let sets = list.used_sets().into_iter().map(|set| (set.words().to_owned(), End::set(set)));
    let group = |(name, groups): (String, &super::Groups)| (name, End::of(Base::Group(groups.clone())));
    for (name, end) in sets.chain(list.groups().into_iter().map(group)) {
        let addresses = addresses(&end, list).replace(';', ", ");
        out.push_str(&format!("| {} | {} |\n", text::markdown(&name), text::markdown(&addresses)));
    }
    out
}

fn rows(list: &RuleList) -> impl Iterator<Item = [String; 13]> {
    list.rules.iter().zip(1u32..).map(|(rule, number)| {
        [
            number.to_string(),
            rule.kind.to_string(),
            rule.way.to_string(),
            name(&rule.from, list),
            addresses(&rule.from, list),
            name(&rule.to, list),
            addresses(&rule.to, list),
            transport(rule),
            server_ports(rule),
            ports(&rule.client_ports),
            rule.service.clone(),
            needs(rule),
            rule.citation.clone(),
        ]
    })
}

/// An end as people call it; a group of addresses by the name that no other has.
fn name(end: &End, list: &RuleList) -> String {
    match &end.base {
        Base::Group(groups) => list.group_name(groups),
        _ => end.words(),
    }
}

/// The addresses of an end, or whom to fill in.
fn addresses(end: &End, list: &RuleList) -> String {
    let of = |set| {
        if list.hosts.is_placeholder(set) {
            return format!("<{}>", set.words());
        }
        list.hosts.of(set).iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
    };
    let mut text = match &end.base {
        Base::Set(set) => of(*set),
        Base::Blocks(blocks) => blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"),
        Base::Group(groups) => {
            let broadcast = groups.broadcast.then(|| "broadcast".to_owned());
            groups.blocks().map(|block| block.to_string()).chain(broadcast).collect::<Vec<_>>().join(";")
        }
        Base::ThisHost | Base::Any => "any".to_owned(),
    };
    if end.base == Base::ThisHost {
        text.clear();
    }
    let except: Vec<String> = end.except.iter().map(|set| of(*set)).filter(|text| !text.is_empty()).collect();
    if !except.is_empty() {
        text.push_str(&format!(" but {}", except.join(";")));
    }
    text
}

fn transport(rule: &Rule) -> String {
    rule.transport.map_or_else(
        || "any".to_owned(),
        |transport| match transport {
            Transport::Other(number) => format!("IP protocol {number}"),
            named => named.to_string(),
        },
    )
}

/// The server's ports, or the ICMP types.
fn server_ports(rule: &Rule) -> String {
    match rule.transport {
        Some(Transport::Icmp | Transport::Icmpv6) if !rule.types.0.is_empty() => format!("type {}", ports(&rule.types)),
        _ => ports(&rule.ports),
    }
}

fn ports(set: &PortSet) -> String {
    set.words('-').join(";")
}

fn needs(rule: &Rule) -> String {
    let group = matches!(rule.to.base, Base::Group(_));
    match &rule.helper {
        Some(Helper::Tftp) => "TFTP helper: the answer and the data come from a fresh port".to_owned(),
        Some(Helper::Discovery { answerers, seconds, .. }) => format!(
            "multicast (IGMP, MLD); unicast answers of {} from any port within {seconds} s",
            answerers.iter().map(End::words).collect::<Vec<_>>().join(", ")
        ),
        None if group && rule.way == RuleDirection::Through => "multicast routing".to_owned(),
        None if group => "multicast or broadcast".to_owned(),
        None => String::new(),
    }
}
