//! What must hold in a policy beyond the form of its values.

use std::ops::Range;

use toml::de::DeTable;

use super::read::Reader;
use super::{Cell, Document, Policy};
use crate::protocol::Transport;

/// Every line of a legend explains a port of its tables.
pub(super) fn legend_is_used(reader: &Reader<'_>, document: &Document, cells: &[Cell], at: &Range<usize>) {
    for (nth, line) in document.legend.iter().enumerate() {
        if document.legend[..nth].iter().any(|other| other.port == line.port) {
            reader.complain(at.clone(), format!("the legend of \"{}\" has port {} twice", document.name, line.port));
        } else if cells.iter().all(|cell| cell.port != line.port) {
            reader.complain(
                at.clone(),
                format!("the legend of \"{}\" has port {}, which its tables do not list", document.name, line.port),
            );
        }
    }
}

/// Ports belong to TCP and UDP, types to ICMP; a rule that asks for what its transport does not
/// have would silently mean more than it says.
pub(super) fn ports_fit(reader: &Reader<'_>, entry: &DeTable<'_>, transports: &[Transport]) {
    let icmp = |transport: &Transport| matches!(transport, Transport::Icmp | Transport::Icmpv6);
    for (key, fits, needs) in [
        ("ports", transports.iter().all(|transport| transport.has_ports()), "tcp or udp"),
        ("port", transports.iter().all(|transport| transport.has_ports()), "tcp or udp"),
        ("client_ports", transports.iter().all(|transport| transport.has_ports()), "tcp or udp"),
        ("types", transports.iter().all(icmp), "icmp or icmpv6"),
    ] {
        if let Some(value) = entry.get(key)
            && (!fits || transports.is_empty())
        {
            reader.complain(value.span(), format!("\"{key}\" needs transport = {needs} beside it, and no other"));
        }
    }
    if let (Some(_), Some(second)) = (entry.get("port"), entry.get("ports")) {
        reader.complain(second.span(), "\"port\" and \"ports\" mean the same; write one of them");
    }
}

/// Rules are cited by 16-bit numbers.
pub(super) fn too_many(reader: &Reader<'_>, policy: &Policy) {
    for (what, count) in [
        ("documented ports", policy.cells.len()),
        ("allowances", policy.allowances.len()),
        ("supporting entries", policy.supporting.len()),
    ] {
        if count > usize::from(u16::MAX) {
            reader.complain(0..0, format!("{count} {what} are more than the {} that can be cited", u16::MAX));
        }
    }
}
