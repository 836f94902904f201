//! inventory.csv: one row an address.

use std::fmt;

use super::flows::column;
use super::names::role_basis;
use super::table::{Column, Table};
use crate::inventory::Host;
use crate::protocol::Transport;

/// The table of hosts.
pub(super) enum Inventory {}

impl Table for Inventory {
    type Row<'a> = &'a Host;
    const FILE: &'static str = "inventory.csv";
    const ABOUT: &'static str = "One row an address that was seen or declared, sorted by address.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("address", "address", "10.20.0.31", |r, c| c.address(r.address), "The address."),
        column!(
            "mac",
            "MAC address",
            "02:1b:00:00:00:1f",
            |r, c| c.mac(r.mac),
            "Its link address; empty behind a router."
        ),
        column!(
            "role",
            "role",
            "node",
            |r, c| c.word(r.role.name()),
            "`gateway`, `node`, `bacnet`, `host`, `external` or `group`."
        ),
        column!(
            "role_basis",
            "text",
            "declared: site.toml line 12",
            |r, c| c.text(&role_basis(r)),
            "How the role is known: `declared`, `address` or `inferred`, and the entry or the traffic that says so."
        ),
        column!(
            "confidence",
            "percent",
            "100",
            |r, c| c.number(r.confidence.into()),
            "Confidence in an inferred role; 100 where it is declared or follows from the address."
        ),
        column!("name", "text", "Node 3.07", |r, c| c.optional(r.name.as_deref()), "Name, from the inventory."),
        column!(
            "version",
            "text",
            "3.1.0",
            |r, c| c.optional(r.version.as_deref()),
            "Software version, from the inventory."
        ),
        column!(
            "first_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:00.000123000Z",
            |r, c| c.time(r.first_seen),
            "First packet sent or received."
        ),
        column!(
            "last_seen",
            "RFC 3339, UTC",
            "2025-03-04T09:15:00.000123000Z",
            |r, c| c.time(r.last_seen),
            "Last packet sent or received."
        ),
        column!("packets_sent", "packets", "1200", |r, c| c.number(r.packets_sent), "Packets sent."),
        column!("bytes_sent", "bytes", "98400", |r, c| c.number(r.bytes_sent), "Bytes sent: original frame lengths."),
        column!("packets_received", "packets", "1188", |r, c| c.number(r.packets_received), "Packets received."),
        column!("bytes_received", "bytes", "97110", |r, c| c.number(r.bytes_received), "Bytes received."),
        column!(
            "serves",
            "transport/port, joined by `;`",
            "tcp/80;udp/69",
            |r, c| c.ports(&r.serves, r.serves_more),
            "Ports on which it answered as a server, lowest first; of many, the first and how many more (`+12`)."
        ),
        column!(
            "heard",
            "yes or no",
            "yes",
            |r, c| c.word(if r.heard { "yes" } else { "no" }),
            "`no` for a host that the inventory declares and of which nothing at all was captured."
        ),
        column!(
            "other_macs",
            "MAC addresses, joined by `;`",
            "02:1b:00:00:00:2a",
            |r, c| c.joined(&*r.more_macs),
            "Other link addresses that spoke for the address, no router's: two devices have it, or had it in turn."
        ),
        column!(
            "lldp_name",
            "text",
            "node-07",
            |r, c| c.optional(r.lldp_name.as_deref()),
            "The name that it gives itself by LLDP."
        ),
        column!(
            "switch",
            "text",
            "lighting-switch",
            |r, c| c.optional(r.attachment.as_ref().map(|at| &*at.switch)),
            "The switch that it is plugged into, as the switch tells by LLDP, where one capture shows just one port."
        ),
        column!(
            "switch_port",
            "text",
            "Gi1/0/7",
            |r, c| c.optional(r.attachment.as_ref().map(|at| &*at.port)),
            "That switch's port, with its description."
        ),
    ];
}

/// What a host serves: a port, or how many more.
pub(super) enum Service {
    Port(Transport, u16),
    More(u32),
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(transport, port) => write!(f, "{transport}/{port}"),
            Self::More(count) => write!(f, "+{count}"),
        }
    }
}

/// `tcp/80`, `udp/69`, ..., and `+12` if there were more.
pub(super) fn services(host: &Host) -> impl Iterator<Item = Service> {
    let more = (host.serves_more > 0).then_some(Service::More(host.serves_more));
    host.serves.iter().map(|(transport, port)| Service::Port(*transport, *port)).chain(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::HostId;
    use crate::report::{fixture, table::Cells};

    #[test]
    fn ports_read_the_same_in_csv_and_elsewhere() {
        let survey = fixture::survey();
        let mut host = survey.hosts.get(HostId(0)).clone();
        for (ports, more) in
            [(&[][..], 0), (&[(Transport::Udp, 69)], 0), (&[(Transport::Tcp, 80), (Transport::Udp, 69)], 12)]
        {
            (host.serves, host.serves_more) = (ports.into(), more);
            let mut cells = Cells::default();
            cells.ports(&host.serves, host.serves_more);
            let joined = services(&host).map(|service| service.to_string()).collect::<Vec<_>>().join(";");
            assert_eq!(String::from_utf8(cells.rows().clone()).unwrap(), format!("{joined},"));
        }
    }
}
