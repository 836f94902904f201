//! nodes.csv: the node-by-service matrix, one row a host that runs one of the vendor's products.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::column::columns;
use super::json::v1::Text;
use super::json::{Mac, Time};
use super::names::Names;
use super::value::Value;
use crate::finding::{Standing, Standings};
use crate::health::{Losses, Measure, Sums};
use crate::inventory::{Host, HostId, milliwatts};
use crate::policy::{Cell, Direction, Policy};
use crate::survey::Survey;
use crate::verdict::{CellState, HostCoverage};

/// A host and what was seen of its cells.
pub(super) struct NodeRow<'a> {
    pub host: &'a Host,
    pub coverage: &'a HostCoverage,
    pub standing: Standing,
    /// The columns of ports.
    pub ports: &'a [PortColumn],
    pub measured: Measured,
}

/// What `--health` measured of a device; nothing where it did not, or where there was nothing to measure.
#[derive(Clone, Copy, Default)]
pub(super) struct Measured {
    answers: Option<u64>,
    /// Nanoseconds that half of the answers, and 95 of 100, do not exceed.
    times: [Option<u64>; 2],
    asked_again: Option<u64>,
    segments: Option<u64>,
    retransmitted: Option<u64>,
}

impl Measured {
    /// All devices, each with all its addresses.
    fn by_device(survey: &Survey) -> HashMap<HostId, Self> {
        let mut devices: HashMap<HostId, Sums> = HashMap::new();
        for (pair, sums) in &survey.health.pairs {
            let address = match pair.measure {
                Measure::Ack => pair.asker,
                measure if measure.is_application() && measure.has_questions() => pair.answerer,
                _ => continue,
            };
            let Some(host) = survey.hosts.find(address) else { continue };
            let device = devices.entry(survey.hosts.device_of(host)).or_default();
            match &sums.losses {
                Some(lost) => device.losses.get_or_insert_default().absorb(lost),
                None if pair.measure == Measure::Ack => {}
                None => device.absorb(sums),
            }
        }
        devices.into_iter().map(|(device, sums)| (device, Self::of(&sums))).collect()
    }

    /// Of the sum of what it was asked as an application, and of what it sent by TCP.
    fn of(sums: &Sums) -> Self {
        let Sums { asked, repeated, times, losses, .. } = sums;
        let was_asked = *asked > 0 || *repeated > 0 || times.count() > 0;
        let lost = |of: fn(&Losses) -> u64| losses.as_deref().map(of);
        Self {
            answers: was_asked.then_some(times.count()),
            times: [50, 95].map(|percent| times.percentile(percent)),
            asked_again: was_asked.then_some(*repeated),
            segments: lost(|lost| lost.segments),
            retransmitted: lost(|lost| lost.again),
        }
    }

    fn seconds(self, place: usize) -> Value<'static> {
        self.times.get(place).copied().flatten().map_or(Value::Missing, |nanos| Value::Seconds(nanos, false))
    }
}

pub(super) fn rows<'a>(survey: &'a Survey, names: &'a Names) -> impl ExactSizeIterator<Item = NodeRow<'a>> {
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let measured = Measured::by_device(survey);
    survey.nodes.iter().map(move |coverage| NodeRow {
        host: survey.hosts.get(coverage.host),
        coverage,
        standing: standings.get(coverage.host),
        ports: names.ports(),
        measured: measured.get(&survey.hosts.device_of(coverage.host)).copied().unwrap_or_default(),
    })
}

impl NodeRow<'_> {
    /// How many of the host's cells are in a state, as files name it.
    pub(super) fn count(&self, state: CellState) -> u64 {
        self.coverage.cells.iter().filter(|(_, seen)| seen.name() == state.name()).count() as u64
    }
}

columns! {
    /// A row of nodes.csv.
    Nodes of NodeRow, in "nodes.csv", read as Node<'a>:
    "One row for each device that runs a documented product (nodes and gateways), seen or only declared, sorted by address; \
     the addresses of one device (one MAC, role and name) are one row. Its columns for ports: `in_tcp_88` is the port as the \
     host offers it, `out_tcp_88` as it uses it elsewhere; where a role has a second document, its name comes first \
     (`bacnet_in_udp_47808`).";

    All address: IpAddr = |r| r.host.address;
    "address", "10.20.0.31", "The address.";
    All mac: Option<Mac> = |r| r.host.mac;
    "MAC address", "02:1b:00:00:00:1f", "Its link address, if known.";
    All role: Text<'a> = |r| Value::Name(r.host.role.name());
    "role", "node", "`node` or `gateway`.";
    All name: Option<Text<'a>> = |r| r.host.name.as_deref();
    "text", "Node 3.07", "Name, from the inventory.";
    All carried: u64 = |r| r.count(CellState::Carried);
    "cells", "9", "How many of its ports worked.";
    All blocked: u64 = |r| r.count(CellState::Blocked);
    "cells", "1", "How many were blocked.";
    All one_way: u64 = |r| r.count(CellState::OneWay);
    "cells", "0", "How many were only tried, one way.";
    All not_seen: u64 = |r| r.count(CellState::NotSeen);
    "cells", "18", "How many were never seen.";
    All ports: BTreeMap<Text<'a>, Text<'a>> = |r| Value::Ports(r.ports, r.coverage);
    "name", "carried",
    "One column for each port of the vendor's tables (an object in survey.json): `carried`, `blocked`, `one-way` or \
        `not-seen`, the best that was seen, and empty where the port is not in the host's documents.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    All state: Option<Text<'a>> = |r| Value::Name(r.standing.state.name());
    "name", "blocked",
    "How the device stands, by the worst of its findings: `absent`, `no-address`, `address-conflict`, \
        `not-authenticated`, `silent`, `link-flaps`, `restarting`, `underpowered`, `old-version`, `blocked`, `unexpected`, \
        with `--health` `was-silent`, `lossy` and `slow`, or `healthy`.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse silent_since: Option<Time> = |r| r.standing.since;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Of a silent device: its last answer.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_class: Option<u8> = |r| r.host.power().and_then(|power| power.class);
    "number", "4", "Power class by LLDP, 0 to 8 (IEEE 802.3); empty where LLDP says nothing.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_requested_mw: Option<u32> = |r| r.host.power().and_then(|power| power.requested).map(milliwatts);
    "milliwatts", "25500", "The power that it asks for by LLDP, at its end of the cable.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_allocated_mw: Option<u32> = |r| r.host.power().and_then(|power| power.allocated).map(milliwatts);
    "milliwatts", "13000", "The power that the switch gives it by LLDP, at its end of the cable.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse dot1x: Option<Text<'a>> = |r| r.host.dot1x().map(|state| Value::Name(state.name()));
    "name", "authenticated",
    "How far it came with 802.1X: `authenticated`, `refused` or `started`; empty where nothing was heard of it.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse answers: Option<u64> = |r| r.measured.answers;
    "count", "1204",
    "Questions by CoAP, BACnet, TFTP, HTTP and DNS that it answered, by whomever they were asked: those that are timed in \
        health.csv. This column and those that follow are empty without `--health`, and where nothing was to be measured.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse answer_median_s: Option<f64> = |r| r.measured.seconds(0);
    "seconds", "0.002300000", "The time that half of these answers do not exceed, 2.5 % more or less.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse answer_p95_s: Option<f64> = |r| r.measured.seconds(1);
    "seconds", "0.011000000", "The 95th percentile of their times, 2.5 % more or less.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse asked_again: Option<u64> = |r| r.measured.asked_again;
    "count", "3", "Such questions to it that were sent again.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse segments_sent: Option<u64> = |r| r.measured.segments;
    "count", "5120", "TCP segments that it sent, without bare acknowledgments.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse segments_retransmitted: Option<u64> = |r| r.measured.retransmitted;
    "count", "12", "Of these, segments sent again: the network lost them or their acknowledgment, or was slow.";
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
