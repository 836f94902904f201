//! path.csv: one row a conversation, direction and leg.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::path::{LegReport, Report};
use crate::report::column::columns;
use crate::report::csv::write_table;
use crate::report::json::Time;
use crate::report::json::v1::Text;
use crate::report::value::Value;

/// A row and the places that it names.
pub(in crate::report) struct LegRow<'a> {
    report: &'a Report,
    row: &'a LegReport,
}

impl LegRow<'_> {
    /// A count that only a second place gives.
    fn counted(&self, count: u64) -> Option<u64> {
        self.row.to.map(|_| count)
    }
}

columns! {
    Legs of LegRow, in "path.csv":
    "Written by `igorscope path`. One row a conversation, direction and leg (from one place to the next), sorted by places, \
     client, server, transport, port and direction. Only packets of the time that all places share count.";

    from: Text<'static> = |r| r.report.places[r.row.from].name.as_str();
    "place", "node-switch", "Place that this direction passes first.";
    to: Text<'static> = |r| r.row.to.map(|to| r.report.places[to].name.as_str());
    "place", "gateway-switch",
    "Next place on its way; empty if it was seen at `from` only and nothing shows that it was to pass another.";
    client_ip: IpAddr = |r| r.row.client;
    "address", "10.20.0.31", "Who asked.";
    server_ip: IpAddr = |r| r.row.server;
    "address", "10.20.0.2", "Who answered, or was asked.";
    transport: Text<'static> = |r| r.row.transport;
    "name or number", "tcp", "`tcp`, `udp`, `icmp`, `icmpv6`, or the IP protocol's number.";
    server_port: u16 = |r| r.row.port;
    "number", "1901", "The server's port; empty where the transport has none, and for later fragments.";
    service: Text<'static> = |r| &*r.row.service;
    "text", "UPnP", "What the policy calls it; `fragments` for parts of datagrams behind the first.";
    direction: Text<'static> = |r| Value::Name(direction(r.row));
    "name", "to-server", "`to-server` for what the client sends, `to-client` for what the server sends.";
    sent: u64 = |r| r.row.leg.sent;
    "packets", "120", "Seen at `from`: `arrived` plus `missing`.";
    arrived: u64 = |r| r.counted(r.row.leg.arrived);
    "packets", "118", "Of these, seen at `to` within 2 s.";
    missing: u64 = |r| r.counted(r.row.leg.missing);
    "packets", "2", "Of these, never seen at `to`, or at any place behind it.";
    duplicated: u64 = |r| r.counted(r.row.leg.duplicated);
    "packets", "0", "Further copies at `to` of packets that `from` saw once.";
    reordered: u64 = |r| r.counted(r.row.leg.reordered);
    "packets", "0", "Arrived behind a packet of this direction that passed `from` later (RFC 4737).";
    changed: u64 = |r| r.counted(r.row.leg.changed);
    "packets", "0", "Arrived with another DSCP, MSS of a SYN, or outermost VLAN tag.";
    first_missing: Time = |r| r.row.leg.first_missing;
    "time", "2025-03-04T09:15:00.000000000Z", "When the first missing packet passed `from`, by the clock there.";
    last_missing: Time = |r| r.row.leg.last_missing;
    "time", "2025-03-04T09:15:07.000000000Z", "When the last did.";
    delay_min_s: f64 = |r| Value::seconds(r.row.leg.delays.min());
    "seconds", "0.000312000",
    "Shortest time from `from` to `to`, as exact as the clocks are aligned (path.json, `clock`).";
    delay_median_s: f64 = |r| Value::seconds(r.row.leg.delays.percentile(50));
    "seconds", "0.000400000", "Half take no longer, within 2.5 %.";
    delay_p95_s: f64 = |r| Value::seconds(r.row.leg.delays.percentile(95));
    "seconds", "0.001200000", "95 of 100 take no longer, within 2.5 %.";
    delay_max_s: f64 = |r| Value::seconds(r.row.leg.delays.max());
    "seconds", "0.004000000", "Longest.";
    ambiguous: u64 = |r| r.counted(r.row.leg.ambiguous);
    "packets", "0",
    "Packets at `from` that look alike, or a stream that `to` saw in other segments: how many came is counted as far \
        as it is sure, which is not known.";
    appeared: u64 = |r| r.counted(r.row.leg.appeared);
    "packets", "0", "Seen at `to` and never at `from`: not captured there, or made in between.";
    basis: Text<'static> = |r| r.row.basis.map(|basis| Value::Name(basis.name()));
    "name", "hops",
    "How it is known that `from` is first: `hops` (a router took one away), `delay`, `hosts` (their other \
        conversations), or `order`, that of the arguments.";
}

pub(super) const fn direction(row: &LegReport) -> &'static str {
    if row.to_server { "to-server" } else { "to-client" }
}

/// path.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_path_csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    write_table::<Legs>(out, &[], report.rows.iter().map(|row| LegRow { report, row }))
}
