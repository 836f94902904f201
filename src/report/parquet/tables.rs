//! The tables that only columnar files have.

use std::net::IpAddr;

use super::Keys;
use crate::capture::Timestamp;
use crate::finding::{Finding, Who};
use crate::inventory::Host;
use crate::policy::{Cell, Document, Severity};
use crate::report::column::columns;
use crate::report::json::v1::Text;
use crate::report::json::{Mac, Time};
use crate::report::names::Names;
use crate::report::value::Value;
use crate::survey::{InputSummary, Survey};
use crate::verdict::{Caveat, CellState};

/// A survey.
pub(in crate::report) struct SurveyRow<'a> {
    pub survey: &'a Survey,
    pub keys: &'a Keys,
}

impl SurveyRow<'_> {
    fn first(&self) -> Timestamp {
        let known = self.survey.inputs.iter().filter(|input| input.first.nanos().is_some());
        known.map(|input| input.first).min().unwrap_or(Timestamp::UNKNOWN)
    }

    fn last(&self) -> Timestamp {
        let known = self.survey.inputs.iter().filter(|input| input.last.nanos().is_some());
        known.map(|input| input.last).max().unwrap_or(Timestamp::UNKNOWN)
    }

    fn findings(&self, severity: Severity) -> u64 {
        self.survey.findings.iter().filter(|finding| finding.severity == severity).count() as u64
    }

    fn cells(&self, state: CellState) -> u64 {
        self.survey.coverage.iter().filter(|cell| cell.state.name() == state.name()).count() as u64
    }
}

columns! {
    Surveys of SurveyRow, in "":
    "One row: the survey itself. It is written last: where it is, the other files of the survey are whole.";

    judged_at: Time = |r| r.keys.judged_at;
    "time, UTC", "2026-03-17 12:00:00", "When it was judged, by the clock of the computer (or SOURCE_DATE_EPOCH): of several \
        surveys of the same inputs the newest counts.";
    tool_version: Text<'static> = |_r| Value::Name(env!("CARGO_PKG_VERSION"));
    "version", "0.1.0", "The program that judged it.";
    policy_name: Text<'static> = |r| r.survey.policy.name();
    "text", "igor", "The policy that it was held against.";
    policy_digest: Text<'static> = |r| r.keys.policy.as_str();
    "SHA-256, first 16 bytes", "0cb52ac3...", "The same for policies that say the same, of one version of the program.";
    inventory_digest: Text<'static> = |r| r.keys.inventory.as_str();
    "SHA-256, first 16 bytes", "5f1e77aa...", "The same where hosts have the same roles, names and versions, for the same reasons.";
    judged: bool = |r| r.survey.judged.value;
    "yes or no", "yes", "Whether anything of Igor's hosts was judged: without, the capture proves nothing.";
    not_judged_because: Text<'static> = |r| Value::known(&r.survey.judged.reason);
    "text", "no frame of an Igor host was captured", "Why not.";
    first_seen: Time = |r| r.first();
    "time, UTC", "2025-03-04 08:15:00.000123", "Time of the earliest packet of all captures.";
    last_seen: Time = |r| r.last();
    "time, UTC", "2025-03-04 09:15:00.000123", "Time of the latest packet.";
    captures: u64 = |r| r.survey.inputs.len() as u64;
    "captures", "3", "How many captures there were.";
    damaged_captures: u64 = |r| r.survey.inputs.iter().filter(|input| input.damage.is_some()).count() as u64;
    "captures", "0", "How many of these could not be read to their end.";
    frames: u64 = |r| r.survey.frames.total;
    "frames", "120394", "Frames read.";
    frames_decoded: u64 = |r| r.survey.frames.decoded;
    "frames", "120390", "Those of which every layer could be read.";
    flows: u64 = |r| r.survey.flows.len() as u64;
    "flows", "5120", "Rows of `flows`.";
    alerts: u64 = |r| r.findings(Severity::Alert);
    "findings", "1", "Findings that are alerts.";
    warnings: u64 = |r| r.findings(Severity::Warning);
    "findings", "2", "Findings that are warnings.";
    notices: u64 = |r| r.findings(Severity::Notice);
    "findings", "3", "Findings that are notices.";
    cells: u64 = |r| r.survey.coverage.len() as u64;
    "cells", "60", "Cells of the vendor's tables.";
    cells_carried: u64 = |r| r.cells(CellState::Carried);
    "cells", "41", "Those that were seen to work.";
    cells_blocked: u64 = |r| r.cells(CellState::Blocked);
    "cells", "1", "Those that were blocked.";
    customer: Text<'static> = |r| r.survey.labels.customer.as_deref();
    "text", "Port Authority", "`customer` of the inventory.";
    building: Text<'static> = |r| r.survey.labels.building.as_deref();
    "text", "Warehouse 2", "`building` of the inventory.";
}

/// A capture.
pub(in crate::report) type InputRow<'a> = &'a InputSummary;

columns! {
    Inputs of InputRow, in "":
    "One row a capture, in the order in which flows and findings name them.";

    path: Text<'static> = |r| r.path.as_str();
    "path", "survey/monday.pcapng", "As it was named, or found in a folder.";
    size: u64 = |r| r.size;
    "bytes", "1048576", "Its size as it is stored.";
    sha256: Text<'static> = |r| r.sha256();
    "SHA-256", "9f86d081...", "SHA-256 of the file as it is stored.";
    format: Text<'static> = |r| r.format.as_str();
    "name", "pcapng+gzip", "`pcap` or `pcapng`, and how it is compressed.";
    link_types: Vec<Text<'static>> = |r| Value::list(r.link_types.iter().map(|link| link.to_string()));
    "names", "ETHERNET", "Link types of its frames.";
    frames: u64 = |r| r.frames;
    "frames", "120394", "Frames read.";
    captured_bytes: u64 = |r| r.captured_bytes;
    "bytes", "9120331", "Sum of the captured lengths.";
    wire_bytes: u64 = |r| r.wire_bytes;
    "bytes", "9120331", "Sum of the original lengths.";
    first_seen: Time = |r| r.first;
    "time, UTC", "2025-03-04 08:15:00.000123", "Time of its earliest packet.";
    last_seen: Time = |r| r.last;
    "time, UTC", "2025-03-04 09:15:00.000123", "Time of its latest packet.";
    damage_offset: u64 = |r| r.damage.as_ref().map(|damage| damage.offset);
    "bytes", "3624", "Where reading ended early.";
    damage: Text<'static> = |r| r.damage.as_ref().map(|damage| damage.reason.as_str());
    "text", "the last record is cut short", "Why.";
}

/// A caveat.
pub(in crate::report) type CaveatRow<'a> = &'a Caveat;

columns! {
    Caveats of CaveatRow, in "":
    "One row a doubt about the capture or the method, gravest first.";

    kind: Text<'static> = |r| Value::Name(r.kind);
    "name", "kernel-drops", "What kind, for scripts.";
    text: Text<'static> = |r| r.text.as_str();
    "text", "The capture lost 12 packets.", "In words.";
}

/// Somebody whom a finding is about.
pub(in crate::report) struct FindingHostRow<'a> {
    number: usize,
    finding: &'a Finding,
    is_server: bool,
    who: Who,
    host: Option<&'a Host>,
}

/// Everybody whom the findings of a survey are about.
pub(in crate::report) fn finding_hosts(survey: &Survey) -> impl Iterator<Item = FindingHostRow<'_>> {
    survey.findings.iter().zip(1..).flat_map(move |(finding, number)| {
        let side = move |who: &Who, is_server| FindingHostRow {
            number,
            finding,
            is_server,
            who: *who,
            host: match who {
                Who::Address(address) => survey.hosts.at(*address),
                Who::Mac(_) => None,
            },
        };
        let clients = finding.clients.iter().map(move |who| side(who, false));
        clients.chain(finding.servers.iter().map(move |who| side(who, true)))
    })
}

impl FindingHostRow<'_> {
    fn address(&self) -> Option<IpAddr> {
        match self.who {
            Who::Address(address) => Some(address),
            Who::Mac(_) => None,
        }
    }

    fn mac(&self) -> Value<'_> {
        match self.who {
            Who::Address(_) => self.host.and_then(|host| host.mac).into(),
            Who::Mac(mac) => mac.into(),
        }
    }
}

columns! {
    FindingHosts of FindingHostRow, in "":
    "One row a device that a finding is about: by finding, clients before servers, ascending.";

    finding_id: u64 = |r| r.number as u64;
    "number", "1", "The `id` of the finding in `findings`.";
    severity: Text<'static> = |r| Value::Name(r.finding.severity.name());
    "name", "alert", "Its severity.";
    reason: Text<'static> = |r| Value::Name(r.finding.kind.name());
    "name", "blocked", "Its reason.";
    side: Text<'static> = |r| Value::Name(if r.is_server { "server" } else { "client" });
    "name", "client", "`client` (or the device that it is about) or `server`.";
    address: IpAddr = |r| r.address();
    "address", "10.20.0.31", "The device's address, if it has one.";
    mac: Mac = |r| r.mac();
    "MAC address", "02:1b:00:00:00:1f", "Its link address, if known.";
    role: Text<'static> = |r| r.host.map(|host| Value::Name(host.role.name()));
    "role", "node", "`gateway`, `node`, `bacnet`, `host`, `external` or `group`.";
    name: Text<'static> = |r| r.host.and_then(|host| host.name.as_deref());
    "text", "Node 3.07", "Its name, from the inventory.";
}

/// A device and one of its ports.
pub(in crate::report) struct NodePortRow<'a> {
    host: &'a Host,
    cell: &'a Cell,
    document: &'a Document,
    state: CellState,
}

/// The ports of all devices of a survey.
pub(in crate::report) fn node_ports<'a>(survey: &'a Survey, names: &'a Names) -> impl Iterator<Item = NodePortRow<'a>> {
    survey.nodes.iter().flat_map(move |node| {
        node.cells.iter().filter_map(move |(at, state)| {
            let (cell, document) = names.cell(*at)?;
            Some(NodePortRow { host: survey.hosts.get(node.host), cell, document, state: *state })
        })
    })
}

columns! {
    NodePorts of NodePortRow, in "":
    "One row a device and port of its documents: by address, then in the document's order.";

    address: IpAddr = |r| r.host.address;
    "address", "10.20.0.31", "The device's address.";
    mac: Mac = |r| r.host.mac;
    "MAC address", "02:1b:00:00:00:1f", "Its link address, if known.";
    role: Text<'static> = |r| Value::Name(r.host.role.name());
    "role", "node", "`node` or `gateway`.";
    name: Text<'static> = |r| r.host.name.as_deref();
    "text", "Node 3.07", "Its name, from the inventory.";
    document: Text<'static> = |r| r.document.name.as_str();
    "name", "node", "The vendor's document, by product.";
    direction: Text<'static> = |r| Value::Name(r.cell.direction.name());
    "name", "incoming", "`incoming` (the device listens) or `outgoing` (the device connects).";
    transport: Text<'static> = |r| r.cell.transport;
    "name", "tcp", "`tcp` or `udp`.";
    port: u16 = |r| r.cell.port;
    "port", "88", "Port at the server.";
    service: Text<'static> = |r| r.cell.service.as_str();
    "text", "Configuration", "The vendor's word for the port.";
    state: Text<'static> = |r| Value::Name(r.state.name());
    "name", "carried", "The best that was seen: `carried`, `blocked`, `one-way` or `not-seen`.";
}
