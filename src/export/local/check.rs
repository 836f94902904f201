//! The vendor's table of a product, against a machine that runs it.

use std::ops::RangeInclusive;

use super::{FirewallRule, Listening, Machine, Profile};
use crate::policy::{Cell, Direction, Policy, Role};
use crate::protocol::Transport;

/// What the firewall makes of a documented port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortState {
    /// A rule lets it through, whatever the profile.
    Allowed,
    /// Rules let it through in these profiles only.
    InProfiles(Vec<String>),
    /// A rule lets it through for one program only.
    ForProgram {
        /// The program.
        program: String,
        /// Whether it is the vendor's, or the one that listens there.
        is_meant: bool,
    },
    /// No rule is needed: the firewall is off, or lets through what no rule names.
    Open,
    /// A rule blocks it, which goes before all that allow.
    Blocked,
    /// No rule lets it through.
    Missing,
}

impl PortState {
    /// As it is printed.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::InProfiles(_) => "profiles",
            Self::ForProgram { .. } => "program",
            Self::Open => "open",
            Self::Blocked => "blocked",
            Self::Missing => "missing",
        }
    }

    /// Whether the port works whatever the network is called.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Allowed | Self::ForProgram { is_meant: true, .. } | Self::Open)
    }
}

/// A documented port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortCheck {
    /// The vendor's product whose table it stands in.
    pub product: String,
    /// Which way, seen from the machine.
    pub direction: Direction,
    /// TCP or UDP.
    pub transport: Transport,
    /// Its number.
    pub port: u16,
    /// The vendor's word for it.
    pub service: String,
    /// What the firewall makes of it.
    pub state: PortState,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Whether that rule holds for some addresses only.
    pub is_for_addresses: bool,
    /// Who listens; of what goes out, nobody.
    pub listeners: Vec<String>,
}

/// A rule that lets in more than the document names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WideRule {
    /// Its name.
    pub name: String,
    /// What it lets in, in words.
    pub lets_in: String,
    /// The program it is for, if it is for one.
    pub program: Option<String>,
}

/// A port that listens and is in no table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Port and program.
    pub listening: Listening,
    /// The supporting protocol that it is, if the policy knows it.
    pub supporting: Option<String>,
    /// The rule that lets others reach it.
    pub allowed_by: Option<String>,
}

/// A machine against the vendor's table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalCheck {
    /// Every documented port, in the vendor's order.
    pub ports: Vec<PortCheck>,
    /// Rules that let in more than that.
    pub wide: Vec<WideRule>,
    /// What listens beside that.
    pub listeners: Vec<Listener>,
}

impl LocalCheck {
    /// Holds a machine against the tables of the product with this role.
    pub fn new(policy: &Policy, role: Role, machine: &Machine) -> Self {
        let cells: Vec<&Cell> = policy.cells().iter().filter(|cell| cell.role == role).collect();
        let ports = cells.iter().map(|cell| port(policy, cell, machine)).collect();
        let incoming: Vec<(Transport, u16)> = cells
            .iter()
            .filter(|cell| cell.direction == Direction::Incoming)
            .map(|cell| (cell.transport, cell.port))
            .collect();
        let wide = machine.rules.iter().filter_map(|rule| wide(rule, &incoming)).collect();
        let beside = |listening: &&Listening| !incoming.contains(&(listening.transport, listening.port));
        let listeners = machine.listening.iter().filter(beside).map(|listening| listener(policy, machine, listening));
        Self { ports, wide, listeners: listeners.collect() }
    }

    /// Whether every documented port gets through.
    pub fn is_good(&self) -> bool {
        self.ports.iter().all(|port| port.state.is_good())
    }
}

fn port(policy: &Policy, cell: &Cell, machine: &Machine) -> PortCheck {
    let (direction, transport, port) = (cell.direction, cell.transport, cell.port);
    let rules = machine.rules.iter().filter(|rule| rule.direction == direction && rule.covers(transport, port));
    let (allowing, blocking): (Vec<&FirewallRule>, Vec<&FirewallRule>) = rules.partition(|rule| rule.allows);
    let is_here = |listening: &&Listening| {
        direction == Direction::Incoming && (listening.transport, listening.port) == (transport, port)
    };
    let listeners: Vec<String> =
        machine.listening.iter().filter(is_here).map(|listening| listening.process.clone()).collect();
    // A block for one program is one of the port if the program is the vendor's, or the one that listens there: Windows
    // makes such a rule where somebody answered its question by "Cancel".
    let vendors = policy.antivirus().processes.iter().chain(&listeners);
    let is_meant = |rule: &FirewallRule| vendors.clone().any(|process| rule.program_is(process));
    let (state, rule) = match blocking.iter().find(|rule| !rule.is_for_addresses && !rule.is_narrow && is_meant(rule)) {
        Some(rule) => (PortState::Blocked, Some(*rule)),
        None => state(direction, &allowing, &blocking, machine, &is_meant),
    };
    PortCheck {
        product: policy.document_of(cell).product.clone(),
        direction,
        transport,
        port,
        service: cell.service.clone(),
        state,
        rule: rule.map(|rule| rule.name.clone()),
        is_for_addresses: rule.is_some_and(|rule| rule.is_for_addresses),
        listeners,
    }
}

fn state<'a>(
    direction: Direction,
    allowing: &[&'a FirewallRule],
    blocking: &[&'a FirewallRule],
    machine: &Machine,
    is_meant: &dyn Fn(&FirewallRule) -> bool,
) -> (PortState, Option<&'a FirewallRule>) {
    // A block for another program or for some addresses may mean somebody else.
    let is_for_all = |rule: &&&FirewallRule| rule.program.is_none() && !rule.is_for_addresses && !rule.is_narrow;
    let lets = |profile: &Profile| {
        !profile.is_on || if direction == Direction::Incoming { profile.lets_in } else { profile.lets_out }
    };
    // A group policy speaks of a profile beside the machine: what either closes is closed.
    let is_open = |name: &str| machine.profiles.iter().filter(|profile| profile.name == name).all(lets);
    let is_off = !machine.profiles.is_empty() && machine.profiles.iter().all(|profile| !profile.is_on);
    if is_off {
        return (PortState::Open, None);
    }
    if let Some(rule) = blocking.iter().find(is_for_all) {
        return (PortState::Blocked, Some(rule));
    }
    let allowed = |rule: &FirewallRule| match &rule.program {
        Some(program) => PortState::ForProgram { program: program.clone(), is_meant: true },
        None => PortState::Allowed,
    };
    // What lets through some clients, users or other programs only says nothing of the vendor's.
    let fits = |rule: &&&FirewallRule| rule.is_whole() && (rule.program.is_none() || is_meant(rule));
    let mut by_all: Vec<&&FirewallRule> = allowing.iter().filter(fits).collect();
    by_all.sort_by_key(|rule| (rule.program.is_some(), rule.is_for_addresses));
    if let Some(rule) = by_all.iter().find(|rule| rule.profiles.is_empty()) {
        return (allowed(rule), Some(rule));
    }
    let mut profiles: Vec<String> = by_all.iter().flat_map(|rule| rule.profiles.iter().cloned()).collect();
    profiles.extend(machine.profiles.iter().map(|profile| profile.name.clone()).filter(|name| is_open(name)));
    profiles.sort();
    profiles.dedup();
    if profiles.len() >= PROFILES {
        return by_all.first().map_or((PortState::Open, None), |rule| (allowed(rule), Some(**rule)));
    }
    if let Some(rule) = by_all.first() {
        return (PortState::InProfiles(profiles), Some(**rule));
    }
    let of_others = allowing.iter().filter(|rule| rule.is_whole());
    match of_others.filter_map(|rule| Some((rule, rule.program.clone()?))).next() {
        Some((rule, program)) => (PortState::ForProgram { program, is_meant: false }, Some(*rule)),
        // Windows lets everything out unless a profile says otherwise.
        None if machine.profiles.is_empty() && direction == Direction::Outgoing => (PortState::Open, None),
        None if !profiles.is_empty() => (PortState::InProfiles(profiles), None),
        None => (PortState::Missing, None),
    }
}

/// Domain, private and public.
const PROFILES: usize = 3;

/// What a rule lets in beyond the documented ports, if it lets in any of them.
fn wide(rule: &FirewallRule, documented: &[(Transport, u16)]) -> Option<WideRule> {
    let is_meant = rule.allows
        && rule.direction == Direction::Incoming
        && documented.iter().any(|(transport, port)| rule.covers(*transport, *port));
    if !is_meant {
        return None;
    }
    let protocol = rule.protocol.map(Transport::from);
    let count = |transport: Transport| {
        documented.iter().filter(|(of, port)| *of == transport && rule.covers(transport, *port)).count()
    };
    let size = |range: &RangeInclusive<u16>| usize::from(range.end().saturating_sub(*range.start())) + 1;
    let lets_in = match (protocol, rule.local.as_slice()) {
        (None, _) => "every protocol and port".to_owned(),
        (Some(transport), []) => format!("every {} port", transport.to_string().to_uppercase()),
        (Some(transport), ranges) => {
            let more = ranges.iter().map(size).sum::<usize>().saturating_sub(count(transport));
            if more == 0 {
                return None;
            }
            let ranges: Vec<String> = ranges.iter().map(shown).collect();
            format!(
                "{} {}, of which {more} are not documented",
                transport.to_string().to_uppercase(),
                ranges.join(", ")
            )
        }
    };
    Some(WideRule { name: rule.name.clone(), lets_in, program: rule.program.clone() })
}

fn shown(range: &RangeInclusive<u16>) -> String {
    if range.start() == range.end() { range.start().to_string() } else { format!("{}-{}", range.start(), range.end()) }
}

fn listener(policy: &Policy, machine: &Machine, listening: &Listening) -> Listener {
    let (transport, port) = (listening.transport, listening.port);
    let supporting = policy.supporting().iter().find(|entry| {
        entry.matcher.transports.contains(&transport)
            && !entry.matcher.ports.0.is_empty()
            && entry.matcher.ports.contains(port)
    });
    let allows = |rule: &&FirewallRule| {
        let is_for_it = rule.program.is_none() || rule.program_is(&listening.process);
        is_for_it
            && rule.is_whole()
            && rule.allows
            && rule.direction == Direction::Incoming
            && rule.covers(transport, port)
    };
    Listener {
        listening: listening.clone(),
        supporting: supporting.map(|entry| entry.service.clone()),
        allowed_by: machine.rules.iter().find(allows).map(|rule| rule.name.clone()),
    }
}
