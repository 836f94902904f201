//! flows.csv: one row a flow, both directions.

use std::fmt;

use super::community_id::{Endpoint, community_id};
use super::names::{Names, mac_of};
use super::table::{Cells, Column, Table};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::flow::{EndView, FlowView};
use crate::policy::Role;
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::verdict::Judgement;

/// The table of flows.
pub(super) enum Flows {}

/// A flow, seen from its client.
pub(super) struct FlowRow<'a> {
    number: usize,
    flow: FlowView<'a>,
    judgement: &'a Judgement,
    client: Party<'a>,
    server: Party<'a>,
    names: &'a Names,
}

struct Party<'a> {
    end: EndView<'a>,
    mac: Option<MacAddr>,
    role: Role,
    name: Option<&'a str>,
}

impl<'a> FlowRow<'a> {
    /// The `index`-th flow of a survey, from 0.
    pub(super) fn new(
        survey: &'a Survey,
        names: &'a Names,
        index: usize,
        flow: FlowView<'a>,
        judgement: &'a Judgement,
    ) -> Self {
        let client = usize::from(judgement.client & 1);
        let party = |end: usize, host| Party {
            end: flow.ends[end],
            mac: mac_of(&flow, end),
            role: survey.hosts.role(host),
            name: survey.hosts.name(host),
        };
        Self {
            number: index + 1,
            flow,
            judgement,
            client: party(client, judgement.client_host),
            server: party(1 - client, judgement.server_host),
            names,
        }
    }

    /// The flow's Community ID, if it has one.
    pub(super) fn community_id(&self) -> Option<[u8; 30]> {
        let end = |party: &Party<'_>| Endpoint { address: party.end.address, port: party.end.port };
        let icmp = self.flow.icmp_type.map(|kind| (kind, self.flow.icmp_code));
        community_id(self.flow.transport, end(&self.client), end(&self.server), icmp)
    }

    fn port(&self, party: &Party<'_>, cells: &mut Cells) {
        cells.optional_number(self.flow.transport.has_ports().then_some(party.end.port.into()));
    }

    fn tcp_flags(&self, party: &Party<'_>, cells: &mut Cells) {
        match self.flow.transport {
            Transport::Tcp => flags(party.end.tcp_flags(), cells),
            _ => cells.empty(),
        }
    }
}

fn flags(flags: TcpFlags, cells: &mut Cells) {
    let mut text = *b"........";
    for (bit, (to, letter)) in text.iter_mut().zip(b"FSRPAUEC").enumerate() {
        if flags.0 & (1 << bit) != 0 {
            *to = *letter;
        }
    }
    cells.ascii(&text);
}

macro_rules! column {
    ($name:literal, $unit:literal, $example:literal, $cell:expr, $meaning:literal) => {
        Column { name: $name, meaning: $meaning, unit: $unit, example: $example, cell: $cell }
    };
}
pub(super) use column;

impl Table for Flows {
    type Row<'a> = FlowRow<'a>;
    const FILE: &'static str = "flows.csv";
    const ABOUT: &'static str = "One row a flow, both directions, sorted by (first_seen, client, client port, server, \
                                 server port, transport, vlan).";
    const COLUMNS: &'static [Column<Self>] = &[
        column!(
            "flow_id",
            "",
            "f17",
            |r, c| c.numbered(b'f', r.number as u64),
            "Name of the flow in this report: `f1`, `f2`, ... in the file's order."
        ),
        column!(
            "first_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:00.000123000Z",
            |r, c| c.time(r.flow.first()),
            "Time of the earliest packet, as written."
        ),
        column!(
            "last_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:02.500123000Z",
            |r, c| c.time(r.flow.last()),
            "Time of the latest packet, as written."
        ),
        column!(
            "duration_s",
            "seconds",
            "2.500000000",
            |r, c| c.duration(r.flow.first(), r.flow.last()),
            "last_seen less first_seen."
        ),
        column!(
            "vlan",
            "VLAN identifiers",
            "10.20",
            |r, c| if r.flow.is_untagged() { c.empty() } else { c.shown(r.flow.vlan()) },
            "The VLAN tags, outermost first, joined by a dot; empty if untagged."
        ),
        column!(
            "transport",
            "name or number",
            "tcp",
            |r, c| c.transport(r.flow.transport),
            "`tcp`, `udp`, `icmp`, `icmpv6` or the IP protocol's number."
        ),
        column!(
            "client_ip",
            "address",
            "10.20.0.31",
            |r, c| c.address(r.client.end.address),
            "Who asked; direction_basis says how that is known."
        ),
        column!(
            "client_port",
            "port",
            "52114",
            |r, c| r.port(&r.client, c),
            "The client's port; empty where the transport has none."
        ),
        column!(
            "client_mac",
            "MAC address",
            "02:1b:00:00:00:1f",
            |r, c| c.mac(r.client.mac),
            "The client's link address, as seen where the capture was taken (behind a router: the router's)."
        ),
        column!(
            "client_role",
            "role",
            "node",
            |r, c| c.name(r.client.role.name()),
            "`gateway`, `node`, `bacnet`, `host`, `external` or `group`."
        ),
        column!(
            "client_name",
            "text",
            "Node 3.07",
            |r, c| c.optional(r.client.name),
            "The client's name, from the inventory."
        ),
        column!(
            "server_ip",
            "address",
            "10.20.0.2",
            |r, c| c.address(r.server.end.address),
            "Who answered, or was asked."
        ),
        column!(
            "server_port",
            "port",
            "80",
            |r, c| r.port(&r.server, c),
            "The server's port: the one that the vendor's document speaks of."
        ),
        column!(
            "server_mac",
            "MAC address",
            "02:1b:00:00:00:02",
            |r, c| c.mac(r.server.mac),
            "The server's link address, as for the client."
        ),
        column!("server_role", "role", "gateway", |r, c| c.name(r.server.role.name()), "As for the client."),
        column!(
            "server_name",
            "text",
            "Gateway",
            |r, c| c.optional(r.server.name),
            "The server's name, from the inventory."
        ),
        column!(
            "service",
            "text",
            "HTTP",
            |r, c| r.names.service_cell(r.flow.transport, r.server.end.port, r.judgement, c),
            "The vendor's word for the port, the supporting protocol's name, or the protocol that the payload proves."
        ),
        column!(
            "verdict",
            "name",
            "documented",
            |r, c| c.name(r.judgement.verdict.name()),
            "`documented`, `related`, `site-approved`, `supporting`, `unexpected` or `bystander`."
        ),
        column!(
            "reason",
            "name",
            "wrong-direction",
            |r, c| c.name(r.judgement.reason.map_or("", |reason| reason.name())),
            "Why a flow is unexpected; empty otherwise."
        ),
        column!(
            "severity",
            "name",
            "alert",
            |r, c| c.name(r.judgement.severity.map_or("", |severity| severity.name())),
            "`alert`, `warning` or `notice`; empty where nothing needs attention."
        ),
        column!(
            "outcome",
            "name",
            "established",
            |r, c| c.name(r.judgement.outcome.name()),
            "What the network did: `established`, `refused`, `rejected`, `unanswered`, `one-way` or `midstream`."
        ),
        column!(
            "direction_basis",
            "name",
            "syn",
            |r, c| c.name(r.judgement.basis.name()),
            "How the client was told from the server: `syn`, `syn-ack`, `group`, `documented-port`, `request` \
             (a message that says itself that it asks or answers, ICMP's included) or `first-packet`."
        ),
        column!(
            "payload",
            "name",
            "conforms",
            |r, c| c.name(r.judgement.payload.name()),
            "Whether the payload is what the port claims: `conforms`, `violates` or `unknown`."
        ),
        column!(
            "payload_protocol",
            "name",
            "http",
            |r, c| c.name(r.judgement.payload_protocol.map_or("", |protocol| protocol.name())),
            "The protocol that the payload conforms to."
        ),
        column!(
            "related_to",
            "flow_id",
            "f12",
            |r, c| match r.judgement.related_to {
                Some(index) => c.numbered(b'f', u64::from(index) + 1),
                None => c.empty(),
            },
            "The flow that this one belongs to."
        ),
        column!(
            "rule",
            "text",
            "gateway incoming tcp 80",
            |r, c| c.ready(r.names.rule_cell(r.judgement.rule)),
            "The document and cell, allowance or supporting entry that decided."
        ),
        column!(
            "client_packets",
            "packets",
            "12",
            |r, c| c.number(r.client.end.packets()),
            "Packets sent by the client."
        ),
        column!(
            "client_bytes",
            "bytes",
            "1480",
            |r, c| c.number(r.client.end.bytes()),
            "Bytes sent by the client: original lengths of its frames."
        ),
        column!(
            "server_packets",
            "packets",
            "11",
            |r, c| c.number(r.server.end.packets()),
            "Packets sent by the server."
        ),
        column!(
            "server_bytes",
            "bytes",
            "9120",
            |r, c| c.number(r.server.end.bytes()),
            "Bytes sent by the server: original lengths of its frames."
        ),
        column!(
            "client_tcp_flags",
            "FSRPAUEC",
            "FS.PA...",
            |r, c| r.tcp_flags(&r.client, c),
            "Union of the TCP flags that the client sent, in the order FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, absent ones as `.`."
        ),
        column!(
            "server_tcp_flags",
            "FSRPAUEC",
            "FS.PA...",
            |r, c| r.tcp_flags(&r.server, c),
            "Union of the TCP flags that the server sent."
        ),
        column!(
            "community_id",
            "Community ID v1",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            |r, c| match r.community_id() {
                Some(id) => c.ascii(&id),
                None => c.empty(),
            },
            "The name by which other tools know the flow (seed 0); it knows no VLAN."
        ),
        column!(
            "sources",
            "paths, joined by `;`",
            "survey/monday.pcapng",
            |r, c| match r.flow.sources() {
                [source] => c.ready(r.names.input_cell(*source)),
                sources => c.words(sources.iter().map(|source| r.names.input(*source))),
            },
            "The inputs in which the flow was seen."
        ),
        column!(
            "duplicates",
            "packets",
            "0",
            |r, c| c.number(duplicates(&r.flow)),
            "Packets of either side that were captured twice (the same IPv4 identification and checksum within 50 ms; without \
             identification and for IPv6 the same checksum, and TCP numbers or first bytes, within 1 ms), as some mirrors do. They are in the packet counts, which hold what the file holds."
        ),
        column!(
            "vlan_path",
            "VLAN identifiers",
            "10>20",
            |r, c| {
                if r.flow.is_untagged() {
                    c.empty();
                } else {
                    c.shown(Nested(r.flow.vlan()));
                }
            },
            "The same tags as `vlan`, outermost first, joined by `>`: no spreadsheet takes two of them for a number or a date \
             (`100.10` becomes 100.1 there)."
        ),
    ];
}

/// VLAN tags as `10>20`.
pub(super) struct Nested(pub(super) VlanPath);

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tag) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { ">" } else { "" })?;
            write!(f, "{tag}")?;
        }
        Ok(())
    }
}

/// Packets of either side that were captured twice.
pub(super) fn duplicates(flow: &FlowView<'_>) -> u64 {
    flow.ends.iter().map(|end| end.duplicates()).sum()
}
