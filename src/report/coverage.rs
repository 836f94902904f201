//! coverage.csv: the vendor's tables, cell by cell.

use super::flows::column;
use super::table::{Column, Table};
use crate::policy::{Cell, Document};
use crate::verdict::{CellCoverage, CellState};

/// The table of cells.
pub(super) enum Coverage {}

/// A cell and what was seen of it.
pub(super) struct CellRow<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// Its document.
    pub document: &'a Document,
    /// What was seen.
    pub coverage: &'a CellCoverage,
}

impl CellRow<'_> {
    /// How many devices of the cell's role are in a state, as files name it.
    pub(super) fn hosts(&self, state: CellState) -> u64 {
        self.coverage.hosts_in(state).into()
    }
}

impl Table for Coverage {
    type Row<'a> = CellRow<'a>;
    const FILE: &'static str = "coverage.csv";
    const ABOUT: &'static str = "One row for each cell of the vendor's tables, in the document's order.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("document", "name", "gateway", |r, c| c.text(&r.document.name), "The vendor's document, by product."),
        column!(
            "minimum_version",
            "version",
            "1.12.1",
            |r, c| c.shown(&r.document.minimum_version),
            "The lowest software version that the document covers."
        ),
        column!(
            "role",
            "role",
            "gateway",
            |r, c| c.word(r.cell.role.name()),
            "Whose port it is; the BACnet document's are the gateway's, where its service runs."
        ),
        column!(
            "direction",
            "name",
            "incoming",
            |r, c| c.word(r.cell.direction.name()),
            "`incoming` (the role listens) or `outgoing` (the role connects)."
        ),
        column!("transport", "name", "tcp", |r, c| c.transport(r.cell.transport), "`tcp` or `udp`."),
        column!("port", "port", "88", |r, c| c.number(r.cell.port.into()), "Port at the server."),
        column!("service", "text", "Configuration", |r, c| c.text(&r.cell.service), "The vendor's word for the port."),
        column!(
            "state",
            "name",
            "carried",
            |r, c| c.word(r.coverage.state.name()),
            "The best that was seen of any peer: `carried`, `blocked`, `one-way` or `not-seen`."
        ),
        column!("peers", "pairs", "24", |r, c| c.number(r.coverage.peers.into()), "Distinct peers that used it."),
        column!("flows", "flows", "31", |r, c| c.number(r.coverage.flows), "Flows that fill it."),
        column!("packets", "packets", "744", |r, c| c.number(r.coverage.packets), "Their packets."),
        column!("bytes", "bytes", "91230", |r, c| c.number(r.coverage.bytes), "Their bytes: original frame lengths."),
        column!(
            "first_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:00.000123000Z",
            |r, c| c.time(r.coverage.first),
            "Time of the earliest packet."
        ),
        column!(
            "last_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:02.500123000Z",
            |r, c| c.time(r.coverage.last),
            "Time of the latest packet."
        ),
        column!(
            "hosts_carried",
            "devices",
            "24",
            |r, c| c.number(r.hosts(CellState::Carried)),
            "Devices of the role that carried it with some peer: a row of nodes.csv each."
        ),
        column!(
            "hosts_blocked",
            "devices",
            "1",
            |r, c| c.number(r.hosts(CellState::Blocked)),
            "Devices of the role for which it was blocked and with no peer carried."
        ),
        column!(
            "hosts_one_way",
            "devices",
            "0",
            |r, c| c.number(r.hosts(CellState::OneWay)),
            "Devices of the role of which only one direction was seen."
        ),
        column!(
            "hosts_not_seen",
            "devices",
            "11",
            |r, c| c.number(r.hosts(CellState::NotSeen)),
            "Devices of the role, seen or declared, that were never seen to use it."
        ),
    ];
}
