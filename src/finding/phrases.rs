//! Words that findings share.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{Cited, Context, Who};
use crate::capture::Timestamp;
use crate::policy::Role;
use crate::protocol::Transport;
pub(super) use crate::text::times;

/// How many addresses a finding names before "and N more".
pub(super) const MAX_NAMED: usize = 5;

/// The first few, joined by `;`, and how many more.
pub(super) fn listed(all: &[Who]) -> String {
    let mut list: Vec<String> = all.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if all.len() > MAX_NAMED {
        list.push(format!("and {} more", all.len() - MAX_NAMED));
    }
    list.join(";")
}

/// The same within a sentence.
pub(super) fn people(all: &[Who]) -> String {
    listed(all).replace(';', ", ")
}

/// Names that a line has room for.
const MAX_CALLED: usize = 3;

/// The first few by their names, or else addresses, and how many more. A device with two addresses is named once.
pub(super) fn called(all: &[Who], context: &Context<'_>) -> String {
    let mut names: Vec<String> = Vec::new();
    let (mut named, mut more) = (HashSet::new(), 0);
    for who in all {
        let host = match who {
            Who::Address(address) => context.hosts.at(*address),
            Who::Mac(_) => None,
        };
        // Who has no name is listed once.
        let name = host.and_then(|host| host.name.as_deref());
        if name.is_some_and(|name| !named.insert(name)) {
            continue;
        }
        if names.len() < MAX_CALLED {
            names.push(name.map_or_else(|| who.to_string(), str::to_owned));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        return format!("{} and {more} more", names.join(", "));
    }
    names.join(", ")
}

/// A frame by number and time, as Wireshark numbers it.
pub(super) fn frame(context: &Context<'_>, cited: Cited) -> String {
    if !cited.frame.is_some() {
        return "an unknown frame".to_owned();
    }
    let mut text = format!("frame {}", cited.frame.number());
    if let Some(input) = context.inputs.get(cited.frame.input() as usize) {
        let _ = write!(text, " of {}", input.rsplit(['/', '\\']).next().unwrap_or(input));
    }
    if cited.time != Timestamp::UNKNOWN {
        let _ = write!(text, " at {:.3}", cited.time);
    }
    text
}

/// A time without what is below a second, where nothing hangs on it.
pub(super) fn second(time: Timestamp) -> String {
    format!("{time:.0}")
}

/// The time between two times, as a person says it.
pub(super) fn lasting(first: Timestamp, last: Timestamp) -> String {
    let (Some(first), Some(last)) = (first.nanos(), last.nanos()) else { return "an unknown time".into() };
    match last.abs_diff(first) / 1_000_000_000 {
        0 => "less than a second".into(),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    }
}

/// A role with its article.
pub(super) const fn a(role: Role) -> &'static str {
    match role {
        Role::Gateway => "a gateway",
        Role::Node => "a node",
        Role::Bacnet => "a BACnet system",
        Role::Host => "a host the document does not speak of",
        Role::External => "an external host",
        Role::Group => "a group",
    }
}

/// So many hosts of a role.
pub(super) fn count(number: usize, role: Role) -> String {
    let (one, many) = match role {
        Role::Gateway => ("gateway", "gateways"),
        Role::Node => ("node", "nodes"),
        Role::Bacnet => ("BACnet system", "BACnet systems"),
        Role::Host => ("host", "hosts"),
        Role::External => ("external host", "external hosts"),
        Role::Group => ("group", "groups"),
    };
    times(number as u64, one, many)
}

/// A transport as sentences have it.
pub(super) const fn upper(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Icmp => "ICMP",
        Transport::Icmpv6 => "ICMPv6",
        Transport::Other(_) => "IP",
    }
}
