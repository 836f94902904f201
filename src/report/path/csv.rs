//! path.csv: one row a conversation, direction and leg.

use std::fmt;
use std::io::{self, Write};

use crate::path::{Report, Row};
use crate::report::csv::write_table;
use crate::report::flows::column;
use crate::report::table::{Cells, Column, Table};

/// The table of legs.
pub(in crate::report) enum Legs {}

/// A row and the places that it names.
pub(in crate::report) struct LegRow<'a> {
    report: &'a Report,
    row: &'a Row,
}

/// Nanoseconds as decimal seconds, with their sign.
pub(super) struct Seconds(pub(super) i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nanos, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        write!(f, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

fn seconds(cells: &mut Cells, nanos: Option<i64>) {
    match nanos {
        Some(nanos) => cells.shown(Seconds(nanos)),
        None => cells.empty(),
    }
}

/// A count that only a second place gives.
fn counted(cells: &mut Cells, row: &LegRow<'_>, count: u64) {
    cells.optional_number(row.row.to.map(|_| count));
}

impl Table for Legs {
    type Row<'a> = LegRow<'a>;
    const FILE: &'static str = "path.csv";
    const ABOUT: &'static str = "Written by `igorscope path`. One row a conversation, direction and leg (from one place to the next), sorted by places, \
                                 client, server, transport, port and direction. Only packets of the time that all places share count.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!(
            "from",
            "place",
            "node-switch",
            |r, c| c.text(&r.report.places[r.row.from].name),
            "Place that this direction passes first."
        ),
        column!(
            "to",
            "place",
            "gateway-switch",
            |r, c| c.optional(r.row.to.map(|to| r.report.places[to].name.as_str())),
            "Next place on its way; empty if it was seen at `from` only and nothing shows that it was to pass another."
        ),
        column!("client_ip", "address", "10.20.0.31", |r, c| c.address(r.row.client), "Who asked."),
        column!("server_ip", "address", "10.20.0.2", |r, c| c.address(r.row.server), "Who answered, or was asked."),
        column!(
            "transport",
            "name or number",
            "tcp",
            |r, c| c.transport(r.row.transport),
            "`tcp`, `udp`, `icmp`, `icmpv6`, or the IP protocol's number."
        ),
        column!(
            "server_port",
            "number",
            "1901",
            |r, c| c.optional_number(r.row.port.map(u64::from)),
            "The server's port; empty where the transport has none, and for later fragments."
        ),
        column!(
            "service",
            "text",
            "UPnP",
            |r, c| c.text(&r.row.service),
            "What the policy calls it; `fragments` for parts of datagrams behind the first."
        ),
        column!(
            "direction",
            "name",
            "to-server",
            |r, c| c.name(direction(r.row)),
            "`to-server` for what the client sends, `to-client` for what the server sends."
        ),
        column!("sent", "packets", "120", |r, c| c.number(r.row.leg.sent), "Seen at `from`: `arrived` plus `missing`."),
        column!(
            "arrived",
            "packets",
            "118",
            |r, c| counted(c, r, r.row.leg.arrived),
            "Of these, seen at `to` within 2 s."
        ),
        column!(
            "missing",
            "packets",
            "2",
            |r, c| counted(c, r, r.row.leg.missing),
            "Of these, never seen at `to`, or at any place behind it."
        ),
        column!(
            "duplicated",
            "packets",
            "0",
            |r, c| counted(c, r, r.row.leg.duplicated),
            "Further copies at `to` of packets that `from` saw once."
        ),
        column!(
            "reordered",
            "packets",
            "0",
            |r, c| counted(c, r, r.row.leg.reordered),
            "Arrived behind a packet of this direction that passed `from` later (RFC 4737)."
        ),
        column!(
            "changed",
            "packets",
            "0",
            |r, c| counted(c, r, r.row.leg.changed),
            "Arrived with another DSCP, MSS of a SYN, or outermost VLAN tag."
        ),
        column!(
            "first_missing",
            "time",
            "2025-03-04T09:15:00.000000000Z",
            |r, c| c.time(r.row.leg.first_missing),
            "When the first missing packet passed `from`, by the clock there."
        ),
        column!(
            "last_missing",
            "time",
            "2025-03-04T09:15:07.000000000Z",
            |r, c| c.time(r.row.leg.last_missing),
            "When the last did."
        ),
        column!(
            "delay_min_s",
            "seconds",
            "0.000312000",
            |r, c| seconds(c, r.row.leg.delays.min()),
            "Shortest time from `from` to `to`, as exact as the clocks are aligned (path.json, `clock`)."
        ),
        column!(
            "delay_median_s",
            "seconds",
            "0.000400000",
            |r, c| seconds(c, r.row.leg.delays.percentile(50)),
            "Half take no longer, within 3.2 %."
        ),
        column!(
            "delay_p95_s",
            "seconds",
            "0.001200000",
            |r, c| seconds(c, r.row.leg.delays.percentile(95)),
            "95 of 100 take no longer, within 3.2 %."
        ),
        column!("delay_max_s", "seconds", "0.004000000", |r, c| seconds(c, r.row.leg.delays.max()), "Longest."),
        column!(
            "ambiguous",
            "packets",
            "0",
            |r, c| counted(c, r, r.row.leg.ambiguous),
            "Packets at `from` that look alike, or a stream that `to` saw in other segments: how many came is counted as far as it is sure, which is not known."
        ),
        column!(
            "appeared",
            "packets",
            "0",
            |r, c| counted(c, r, r.row.leg.appeared),
            "Seen at `to` and never at `from`: not captured there, or made in between."
        ),
        column!(
            "basis",
            "name",
            "hops",
            |r, c| c.name(r.row.basis.map_or("", |basis| basis.name())),
            "How it is known that `from` is first: `hops` (a router took one away), `delay`, `hosts` (their other conversations), or `order`, that of the arguments."
        ),
    ];
}

pub(super) const fn direction(row: &Row) -> &'static str {
    if row.to_server { "to-server" } else { "to-client" }
}

/// path.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_path_csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    write_table::<Legs>(out, report.rows.iter().map(|row| LegRow { report, row }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_keep_their_sign() {
        assert_eq!(Seconds(-12_000).to_string(), "-0.000012000");
        assert_eq!(Seconds(i64::MIN).to_string(), "-9223372036.854775808");
    }
}
