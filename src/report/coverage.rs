//! coverage.csv: the vendor's tables, cell by cell.

use super::column::columns;
use super::json::Time;
use super::json::v1::Text;
use super::names::Names;
use super::value::Value;
use crate::policy::{self, Document};
use crate::survey::Survey;
use crate::verdict::{CellCoverage, CellState};

pub(super) struct CellRow<'a> {
    pub cell: &'a policy::Cell,
    pub document: &'a Document,
    pub coverage: &'a CellCoverage,
}

pub(super) fn rows<'a>(survey: &'a Survey, names: &'a Names) -> impl Iterator<Item = CellRow<'a>> {
    survey.coverage.iter().filter_map(|coverage| {
        let (cell, document) = names.cell(coverage.cell)?;
        Some(CellRow { cell, document, coverage })
    })
}

columns! {
    /// A row of coverage.csv.
    Coverage of CellRow, in "coverage.csv", read as Cell<'a>:
    "One row for each cell of the vendor's tables, in the document's order.";

    All document: Text<'a> = |r| r.document.name.as_str();
    "name", "gateway", "The vendor's document, by product.";
    All minimum_version: Text<'a> = |r| r.document.minimum_version.to_string();
    "version", "1.12.1", "The lowest software version that the document covers.";
    All role: Text<'a> = |r| Value::Name(r.cell.role.name());
    "role", "gateway", "Whose port it is; the BACnet document's are the gateway's, where its service runs.";
    All direction: Text<'a> = |r| Value::Name(r.cell.direction.name());
    "name", "incoming", "`incoming` (the role listens) or `outgoing` (the role connects).";
    All transport: Text<'a> = |r| r.cell.transport;
    "name", "tcp", "`tcp` or `udp`.";
    All port: u16 = |r| r.cell.port;
    "port", "88", "Port at the server.";
    All service: Text<'a> = |r| r.cell.service.as_str();
    "text", "Configuration", "The vendor's word for the port.";
    All state: Text<'a> = |r| Value::Name(r.coverage.state.name());
    "name", "carried", "The best that was seen of any peer: `carried`, `blocked`, `one-way` or `not-seen`.";
    All peers: u64 = |r| r.coverage.peers;
    "pairs", "24", "Distinct peers that used it.";
    All flows: u64 = |r| r.coverage.flows;
    "flows", "31", "Flows that fill it.";
    All packets: u64 = |r| r.coverage.packets;
    "packets", "744", "Their packets.";
    All bytes: u64 = |r| r.coverage.bytes;
    "bytes", "91230", "Their bytes: original frame lengths.";
    All first_seen: Option<Time> = |r| r.coverage.first;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Time of the earliest packet.";
    All last_seen: Option<Time> = |r| r.coverage.last;
    "RFC 3339, UTC", "2025-03-04T08:15:02.500123000Z", "Time of the latest packet.";
    #[serde(default)]
    All hosts_carried: u64 = |r| r.coverage.hosts_in(CellState::Carried);
    "devices", "24", "Devices of the role that carried it with some peer: a row of nodes.csv each.";
    #[serde(default)]
    All hosts_blocked: u64 = |r| r.coverage.hosts_in(CellState::Blocked);
    "devices", "1", "Devices of the role for which it was blocked and with no peer carried.";
    #[serde(default)]
    All hosts_one_way: u64 = |r| r.coverage.hosts_in(CellState::OneWay);
    "devices", "0", "Devices of the role of which only one direction was seen.";
    #[serde(default)]
    All hosts_not_seen: u64 = |r| r.coverage.hosts_in(CellState::NotSeen);
    "devices", "11", "Devices of the role, seen or declared, that were never seen to use it.";
}
