//! ICMP errors about packets that the capture does not hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::commissioning::{Item, Who};
use super::detail::{frame, times};
use super::judge::Observations;
use crate::flow::{Endpoint, IcmpError, Window};
use crate::policy::{Role, Transport};
use crate::relation::Rejection;

/// What errors of one kind have in common: who could not be reached by whom, on which port, and who says so. The
/// sender's own port changes each time.
type Group = (IpAddr, IpAddr, u8, Option<u16>, IpAddr, u8, u8);

/// One item for each host that could not be reached, port and error.
pub(super) fn find(seen: &Observations<'_>) -> Vec<Item> {
    let mut groups: BTreeMap<Group, (IcmpError, Window)> = BTreeMap::new();
    for (error, window) in &seen.relations.orphan_rejections {
        let port = error.has_ports.then_some(error.destination.1);
        let (from, to) = (error.source.0, error.destination.0);
        let group = (to, from, error.protocol, port, error.sender, error.kind, error.code);
        let held = groups.entry(group).or_insert((*error, Window::NONE));
        held.1 = held.1.and(*window);
    }
    groups.into_values().map(|(error, window)| item(seen, &error, window)).collect()
}

fn item(seen: &Observations<'_>, error: &IcmpError, window: Window) -> Item {
    let role = |(address, _): Endpoint| seen.hosts.find(address).map_or(Role::Host, |id| seen.hosts.role(id));
    let ends = [error.source, error.destination].map(role);
    let rejection = Rejection {
        transport: if error.v6 { Transport::Icmpv6 } else { Transport::Icmp },
        kind: error.kind,
        code: error.code,
        sender: error.sender,
        by_destination: error.sender == error.destination.0,
        failed: 0,
        at: window.begin,
        time: window.first,
        count: window.count,
    };
    let transport = Transport::from(error.protocol).to_string().to_uppercase();
    let port = match error.destination.1 {
        port if error.has_ports && port > 0 => format!(" {transport} port {port}"),
        _ => format!(" {transport}"),
    };
    let (icmp, ip) = if error.v6 { ("icmpv6", "ipv6") } else { ("icmp", "ip") };
    Item {
        // An Igor host counts at either end.
        role: if ends[1].is_igor() || !ends[0].is_igor() { ends[1] } else { ends[0] },
        who: Who::Address(error.destination.0),
        text: format!(
            "{} reports {} of {} to {}{port}: {} (type {} code {}), the likely cause: {}; the first in {}.",
            error.sender,
            rejection.text(),
            error.source.0,
            error.destination.0,
            times(window.count, "error", "errors"),
            error.kind,
            error.code,
            rejection.cause().name(),
            frame(seen, window.frame(), window.first)
        ),
        filter: format!(
            "({icmp}.type == {} && {icmp}.code == {} && {ip}.src == {} && {ip}.dst == {})",
            error.kind, error.code, error.sender, error.destination.0
        ),
        packets: window.count,
        first: window.first,
        last: window.last,
    }
}
