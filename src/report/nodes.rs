//! nodes.csv: the node-by-service matrix, one row a host that runs one of the vendor's products.

use std::io::{self, Write};

use csv::ByteRecord;

use super::csv::writer;
use super::flows::column;
use super::names::Names;
use super::table::{Cells, Column, Table};
use crate::capture::Timestamp;
use crate::finding::{Standing, Standings};
use crate::inventory::{Dot1x, Host, watts};
use crate::policy::{Cell, Direction, Policy};
use crate::survey::Survey;
use crate::text::{is_formula, visible};
use crate::verdict::{CellState, HostCoverage};

/// The table of hosts and their cells. Its first columns; [`PortColumn`]s follow.
pub(super) enum Nodes {}

/// A host and what was seen of its cells.
pub(super) struct NodeRow<'a> {
    /// The host.
    pub host: &'a Host,
    /// Its cells.
    pub coverage: &'a HostCoverage,
    /// How it stands.
    pub standing: Standing,
}

/// The devices of a survey.
pub(super) fn rows(survey: &Survey) -> impl ExactSizeIterator<Item = NodeRow<'_>> {
    let standings = Standings::of(&survey.findings, &survey.hosts);
    survey.nodes.iter().map(move |coverage| NodeRow {
        host: survey.hosts.get(coverage.host),
        coverage,
        standing: standings.get(coverage.host),
    })
}

impl NodeRow<'_> {
    /// How many of the host's cells are in a state, as files name it.
    pub(super) fn count(&self, state: CellState) -> u64 {
        self.coverage.cells.iter().filter(|(_, seen)| seen.name() == state.name()).count() as u64
    }
}

impl Table for Nodes {
    type Row<'a> = NodeRow<'a>;
    const FILE: &'static str = "nodes.csv";
    const ABOUT: &'static str = "One row for each device that runs a documented product (nodes and gateways), seen or only declared, sorted by \
        address; the addresses of one device (one MAC, role and name) are one row. After the columns below, one for each port of \
        the vendor's tables: `in_tcp_88` is the port as the host offers it, `out_tcp_88` as it uses it elsewhere; where a role has \
        a second document, its name comes first (`bacnet_in_udp_47808`). Such a cell is `carried`, `blocked`, `one-way` or \
        `not-seen`, the best that was seen, and empty where the port is not in the host's documents.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("address", "address", "10.20.0.31", |r, c| c.address(r.host.address), "The address."),
        column!("mac", "MAC address", "02:1b:00:00:00:1f", |r, c| c.mac(r.host.mac), "Its link address, if known."),
        column!("role", "role", "node", |r, c| c.word(r.host.role.name()), "`node` or `gateway`."),
        column!("name", "text", "Node 3.07", |r, c| c.optional(r.host.name.as_deref()), "Name, from the inventory."),
        column!("carried", "cells", "9", |r, c| c.number(r.count(CellState::Carried)), "How many of its ports worked."),
        column!("blocked", "cells", "1", |r, c| c.number(r.count(CellState::Blocked)), "How many were blocked."),
        column!(
            "one_way",
            "cells",
            "0",
            |r, c| c.number(r.count(CellState::OneWay)),
            "How many were only tried, one way."
        ),
        column!("not_seen", "cells", "18", |r, c| c.number(r.count(CellState::NotSeen)), "How many were never seen."),
    ];
}

/// The columns behind those of the ports.
pub(super) enum NodesLast {}

impl Table for NodesLast {
    type Row<'a> = NodeRow<'a>;
    const FILE: &'static str = "nodes.csv";
    const ABOUT: &'static str = "The last columns, behind those of the ports.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!(
            "state",
            "name",
            "blocked",
            |r, c| c.word(r.standing.state.name()),
            "How the device stands, by the worst of its findings: `absent`, `no-address`, `address-conflict`, \
             `not-authenticated`, `silent`, `restarting`, `underpowered`, `old-version`, `blocked`, `unexpected` or `healthy`."
        ),
        column!(
            "silent_since",
            "RFC 3339, UTC",
            "2025-03-04T08:15:00.000123000Z",
            |r, c| c.time(r.standing.since.unwrap_or(Timestamp::UNKNOWN)),
            "Of a silent device: its last answer."
        ),
        column!(
            "poe_class",
            "number",
            "4",
            |r, c| c.optional_number(r.host.power().and_then(|power| power.class).map(u64::from)),
            "Power class by LLDP, 0 to 8 (IEEE 802.3); empty where LLDP says nothing."
        ),
        column!(
            "poe_requested_w",
            "watts",
            "25.5",
            |r, c| c.ascii(watts_of(r.host.power().and_then(|power| power.requested)).as_bytes()),
            "The power that it asks for by LLDP, at its end of the cable."
        ),
        column!(
            "poe_allocated_w",
            "watts",
            "13.0",
            |r, c| c.ascii(watts_of(r.host.power().and_then(|power| power.allocated)).as_bytes()),
            "The power that the switch gives it by LLDP, at its end of the cable."
        ),
        column!(
            "dot1x",
            "name",
            "authenticated",
            |r, c| c.word(r.host.dot1x().map_or("", Dot1x::name)),
            "How far it came with 802.1X: `authenticated`, `refused` or `started`; empty where nothing was heard of it."
        ),
    ];
}

fn watts_of(tenths: Option<u16>) -> String {
    tenths.map_or_else(String::new, watts)
}

/// A column for one port, and the cells that it stands for: one for each role that has the port.
pub(crate) struct PortColumn {
    /// Name in the header line.
    pub name: String,
    /// Indices in `Policy::cells`.
    pub cells: Vec<u16>,
}

/// The columns after the fixed ones, by document, direction, transport and port, as the vendor lists them.
pub(super) fn port_columns(policy: &Policy) -> Vec<PortColumn> {
    let mut columns: Vec<PortColumn> = Vec::new();
    for (cell, at) in policy.cells().iter().zip(0u16..) {
        let name = column_name(policy, cell);
        match columns.iter_mut().find(|column| column.name == name) {
            Some(column) => column.cells.push(at),
            None => columns.push(PortColumn { name, cells: vec![at] }),
        }
    }
    columns
}

/// `in_tcp_88`; of the second document of a role `bacnet_in_udp_47808`.
fn column_name(policy: &Policy, cell: &Cell) -> String {
    let direction = if cell.direction == Direction::Incoming { "in" } else { "out" };
    let first = policy.documents().iter().position(|document| document.role == cell.role);
    let port = format!("{direction}_{}_{}", cell.transport, cell.port);
    if first == Some(usize::from(cell.document)) { port } else { format!("{}_{port}", policy.document_of(cell).name) }
}

/// The state of a column in a row; `None` where the host's documents have no such port.
pub(super) fn state(coverage: &HostCoverage, column: &PortColumn) -> Option<CellState> {
    // The cells of a host are ascending.
    let own = |at: &u16| {
        let place = coverage.cells.binary_search_by_key(at, |(cell, _)| *cell).ok()?;
        Some(coverage.cells[place].1)
    };
    column.cells.iter().filter_map(own).max()
}

/// A name from a policy file as it may stand in a cell.
fn harmless(name: &str) -> String {
    let quote = if is_formula(name) { "'" } else { "" };
    format!("{quote}{}", visible(name))
}

/// nodes.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_nodes(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    let columns = port_columns(names.policy());
    let mut writer = writer(&mut *out);
    let fixed = Nodes::COLUMNS.iter().map(|column| column.name.as_bytes());
    let names: Vec<String> = columns.iter().map(|column| harmless(&column.name)).collect();
    let last = NodesLast::COLUMNS.iter().map(|column| column.name.as_bytes());
    let header: ByteRecord = fixed.chain(names.iter().map(String::as_bytes)).chain(last).collect();
    writer.write_byte_record(&header)?;
    writer.flush()?;
    drop(writer);
    let mut cells = Cells::default();
    for row in rows(survey) {
        cells.cells_of::<Nodes>(&row);
        for column in &columns {
            cells.name(state(row.coverage, column).map_or("", CellState::name));
        }
        cells.cells_of::<NodesLast>(&row);
        cells.end_row();
    }
    out.write_all(cells.rows())
}
