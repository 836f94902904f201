//! findings.csv: one row a finding.

use super::flows::column;
use super::joins::Joins;
use super::names::Names;
use super::table::{Column, Table};
use crate::finding::{Finding, Words};
use crate::policy::Role;
use crate::survey::Survey;

/// The table of findings.
pub(super) enum Findings {}

/// A finding and its number in the report, from 1.
pub(super) struct FindingRow<'a> {
    /// Number, from 1.
    pub number: usize,
    /// The finding.
    pub finding: &'a Finding,
    /// The same as people read it.
    pub words: Words,
    /// Names of the inputs.
    pub names: &'a Names,
    /// Whom and which flows it is about.
    pub joins: &'a Joins<'a>,
}

/// The findings of a survey.
pub(super) fn rows<'a>(
    survey: &'a Survey,
    names: &'a Names,
    joins: &'a Joins<'a>,
) -> impl Iterator<Item = FindingRow<'a>> {
    let context = survey.context();
    let row = move |(at, finding): (usize, &'a Finding)| FindingRow {
        number: at + 1,
        finding,
        words: finding.words(&context),
        names,
        joins,
    };
    survey.findings.iter().enumerate().map(row)
}

impl Table for Findings {
    type Row<'a> = FindingRow<'a>;
    const FILE: &'static str = "findings.csv";
    const ABOUT: &'static str = "One row a finding, sorted by severity (alerts first), then packets.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!("id", "number", "1", |r, c| c.number(r.number as u64), "Number of the finding in this report."),
        column!(
            "severity",
            "name",
            "alert",
            |r, c| c.word(r.finding.severity.name()),
            "`alert`, `warning` or `notice`."
        ),
        column!(
            "verdict",
            "name",
            "unexpected",
            |r, c| c.word(r.finding.verdict.map_or("", |verdict| verdict.name())),
            "The verdict on its flows; empty for a finding that is not about flows."
        ),
        column!(
            "reason",
            "name",
            "undocumented-peer",
            |r, c| c.word(r.finding.kind.name()),
            "Why: a flow's reason, or what kind of finding it is otherwise (`blocked`, `stopped-answering`, ...)."
        ),
        column!(
            "outcome",
            "name",
            "refused",
            |r, c| c.word(r.finding.outcome.map_or("", |outcome| outcome.name())),
            "What the network did, where that is part of it."
        ),
        column!(
            "client_role",
            "role",
            "node",
            |r, c| c.word(r.finding.client_role.map_or("", Role::name)),
            "Role of the client or clients."
        ),
        column!(
            "client",
            "addresses, joined by `;`",
            "10.20.0.31",
            |r, c| c.text(&r.words.client),
            "Who asked; of many, the first few and how many more."
        ),
        column!(
            "server_role",
            "role",
            "external",
            |r, c| c.word(r.finding.server_role.map_or("", Role::name)),
            "Role of the server or servers."
        ),
        column!(
            "server",
            "addresses, joined by `;`",
            "203.0.113.9",
            |r, c| c.text(&r.words.server),
            "Who answered, or was asked."
        ),
        column!(
            "transport",
            "name or number",
            "tcp",
            |r, c| match r.finding.transport {
                Some(transport) => c.transport(transport),
                None => c.empty(),
            },
            "As in flows.csv."
        ),
        column!(
            "server_port",
            "port",
            "80",
            |r, c| c.optional_number(r.finding.server_port.map(u64::from)),
            "The server's port."
        ),
        column!(
            "service",
            "text",
            "HTTP",
            |r, c| c.text(&r.words.service),
            "The vendor's word for the port, or the protocol that the payload proves."
        ),
        column!("flows", "flows", "3", |r, c| c.number(r.finding.flows), "Flows that it groups."),
        column!("packets", "packets", "120", |r, c| c.number(r.finding.packets), "Their packets."),
        column!("bytes", "bytes", "15890", |r, c| c.number(r.finding.bytes), "Their bytes: original frame lengths."),
        column!(
            "first_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:00.000123000Z",
            |r, c| c.time(r.finding.first),
            "Time of the earliest packet."
        ),
        column!(
            "last_seen",
            "RFC 3339, UTC",
            "2025-03-04T08:15:02.500123000Z",
            |r, c| c.time(r.finding.last),
            "Time of the latest packet."
        ),
        column!(
            "detail",
            "text",
            "Node 10.20.0.31 sent 3 SYNs to ...",
            |r, c| c.text(&r.words.detail),
            "What was seen, with its evidence."
        ),
        column!(
            "advice",
            "text",
            "Open TCP 88 from nodes to the gateway.",
            |r, c| c.text(&r.words.advice),
            "What to do about it."
        ),
        column!(
            "rule",
            "text",
            "gateway incoming tcp 88",
            |r, c| c.text(&r.words.rule),
            "The document and cell, allowance or supporting entry that decided."
        ),
        column!(
            "display_filter",
            "Wireshark display filter",
            "ip.addr==10.20.0.31 && tcp.port==88",
            |r, c| c.text(&r.words.display_filter),
            "Shows just this finding's packets in Wireshark."
        ),
        column!(
            "sources",
            "paths, joined by `;`",
            "survey/monday.pcapng",
            |r, c| c.words(r.finding.sources.iter().map(|&source| r.names.input(source))),
            "The inputs in which it was seen."
        ),
        column!(
            "clients",
            "addresses, joined by `;`",
            "10.20.0.31;10.20.0.32",
            |r, c| c.joined(r.finding.clients.iter()),
            "Every client, or device that it is about, ascending."
        ),
        column!(
            "client_names",
            "text, joined by `;`",
            "Node 3.07;Node 3.08",
            |r, c| r.joins.names(&r.finding.clients, c),
            "Their names, in the same order, empty where one has none; a `;` in a name is written `,`."
        ),
        column!(
            "servers",
            "addresses, joined by `;`",
            "203.0.113.9",
            |r, c| c.joined(r.finding.servers.iter()),
            "Every server, ascending."
        ),
        column!(
            "server_names",
            "text, joined by `;`",
            "Gateway",
            |r, c| r.joins.names(&r.finding.servers, c),
            "Their names, as `client_names`."
        ),
        column!(
            "flow_ids",
            "`flow_id`s, joined by `;`",
            "f3;f17",
            |r, c| r.joins.flow_ids(r.number - 1, c),
            "Every flow that it groups, by its `flow_id` in flows.csv."
        ),
    ];
}
