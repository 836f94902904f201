//! What a device may do, as the TOML of a policy file.

use std::fmt::Write;

use super::entry::Ports;
use super::gather::{Ask, Gathered};
use super::{Described, clean};
use crate::policy::{Direction, Role, RoleSet};
use crate::protocol::Transport;

/// The roles that documents speak of as the other end.
const PEERS: [Role; 3] = [Role::Gateway, Role::Node, Role::Bacnet];

/// A cell of a document to be: which way, transport, port, and peers where they are not the document's.
type CellDraft<'a> = (Direction, Transport, u16, Option<RoleSet>, &'a str);

/// The policy file, and for each allowance the line of its entry.
pub(super) fn write(device: &Described, gathered: &Gathered, losses: &[String]) -> (String, Vec<usize>) {
    let mut out = String::new();
    let _ = writeln!(out, "# From the MUD file of {} (RFC 8520).", clean(&device.url));
    for loss in losses {
        let _ = writeln!(out, "# Lost: {}", clean(loss));
    }
    let _ = writeln!(
        out,
        "name = {}\ntitle = {}\nextends = \"igor\"\nwithout_documents = [\"gateway\", \"node\", \"bacnet\"]\n\n\
         [antivirus]\npaths = []\nprocesses = []\n\n\
         [[severity]]\nlevel = \"notice\"\nfinding = \"unused-allowance\"\nwhy = \"a device need not do all it may\"",
        quoted(&device.slug),
        quoted(&format!("{}, as its MUD file describes it", device.product)),
    );
    let main = if device.role == Role::Gateway { Role::Node } else { Role::Gateway };
    for peer in PEERS.into_iter().filter(|peer| *peer != device.role) {
        let cells = cells_of(gathered, main, peer, device.role);
        if !cells.is_empty() {
            document(&mut out, device, peer, peer == main, &cells);
        }
    }
    for ask in &gathered.asks {
        allowance(&mut out, device, ask);
    }
    (out, gathered.asks.iter().map(|ask| ask.line).collect())
}

/// The cells of the document that speaks of `peer`. A port that is for other roles as well stands in
/// the `main` document, with its peers beside it.
fn cells_of(gathered: &Gathered, main: Role, peer: Role, device: Role) -> Vec<CellDraft<'_>> {
    let pairs: RoleSet = PEERS.into_iter().filter(|role| *role != device).collect();
    gathered
        .cells
        .iter()
        .filter_map(|((direction, transport, port), (roles, name))| {
            let own = match roles.iter().all(|role| pairs.contains(role)) {
                true if !roles.contains(peer) => return None,
                true => None,
                false if peer != main => return None,
                false => Some(*roles),
            };
            Some((*direction, *transport, *port, own, name.as_str()))
        })
        .collect()
}

fn document(out: &mut String, device: &Described, peer: Role, is_main: bool, cells: &[CellDraft<'_>]) {
    let Described { role, slug, product, version, .. } = device;
    let name = if is_main { slug.clone() } else { format!("{slug}-{}", peer.name()) };
    let _ = writeln!(
        out,
        "\n[[document]]\nname = {}\nproduct = {}\nminimum_version = {}\nrole = \"{}\"\npeer = \"{}\"",
        quoted(&name),
        quoted(product),
        quoted(version),
        role.name(),
        peer.name()
    );
    for direction in [Direction::Incoming, Direction::Outgoing] {
        for transport in [Transport::Tcp, Transport::Udp] {
            let ports: Vec<String> = cells
                .iter()
                .filter(|cell| (cell.0, cell.1) == (direction, transport))
                .map(|cell| cell.2.to_string())
                .collect();
            let _ = writeln!(out, "{}.{transport} = [{}]", direction.name(), ports.join(", "));
        }
    }
    let mut legend: Vec<(u16, &str)> = cells.iter().map(|cell| (cell.2, cell.4)).collect();
    legend.sort_by_key(|(port, _)| *port);
    legend.dedup_by_key(|(port, _)| *port);
    out.push_str("legend = [\n");
    for (port, service) in legend {
        let _ = writeln!(out, "    {{ port = {port}, service = {} }},", quoted(service));
    }
    out.push_str("]\npeers = [\n");
    for (direction, transport, port, roles, name) in cells {
        let Some(roles) = roles else { continue };
        let _ = writeln!(
            out,
            "    {{ direction = \"{}\", transport = \"{transport}\", port = {port}, roles = {}, reason = {} }},",
            direction.name(),
            role_words(*roles),
            quoted(name)
        );
    }
    out.push_str("]\n");
}

fn allowance(out: &mut String, device: &Described, ask: &Ask) {
    let own = format!("\"{}\"", device.role.name());
    let blocks = ask.peers.blocks.iter().map(|block| format!("\"{block}\""));
    let peers = match ask.peers.blocks.is_empty() {
        true => role_words(ask.peers.roles),
        false => format!("[{}]", blocks.collect::<Vec<_>>().join(", ")),
    };
    let (from, to) = if ask.direction == Direction::Outgoing { (own, peers) } else { (peers, own) };
    let _ = writeln!(out, "\n[[allowance]]\nname = {}\nfrom = {from}\nto = {to}", quoted(&ask.name));
    match ask.transport {
        Some(Transport::Other(number)) => drop(writeln!(out, "transport = {number}")),
        Some(transport) => drop(writeln!(out, "transport = \"{transport}\"")),
        None => {}
    }
    for (key, ports) in [("ports", &ask.server), ("client_ports", &ask.client)] {
        if !ports.is_empty() {
            let _ = writeln!(out, "{key} = [{}]", port_words(ports));
        }
    }
    if let Some(kind) = ask.kind {
        let _ = writeln!(out, "types = [{kind}]");
    }
    let _ = writeln!(out, "reason = {}", quoted(&format!("the MUD file of {} lets it through", device.product)));
}

fn role_words(roles: RoleSet) -> String {
    if roles == RoleSet::ANY {
        return "\"any\"".to_owned();
    }
    let words: Vec<String> = roles.iter().map(|role| format!("\"{}\"", role.name())).collect();
    format!("[{}]", words.join(", "))
}

fn port_words(ports: &Ports) -> String {
    let words = ports.iter().map(|range| match (range.start(), range.end()) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("\"{low}-{high}\""),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Text as a TOML string: JSON's escapes are TOML's, and control characters were left out before.
fn quoted(text: &str) -> String {
    serde_json::Value::from(match clean(text) {
        text if text.is_empty() => "unnamed".to_owned(),
        text => text,
    })
    .to_string()
}
