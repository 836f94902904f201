//! findings.csv: one row a finding.

use super::column::columns;
use super::joins::Joins;
use super::json::Time;
use super::json::v1::Text;
use super::value::Value;
use crate::finding::{self, SilentTime, Words};
use crate::survey::Survey;

/// A finding and its number in the report, from 1.
pub(super) struct FindingRow<'a> {
    /// Number, from 1.
    pub number: usize,
    pub finding: &'a finding::Finding,
    /// The same as people read it.
    pub words: Words,
    /// What it is joined with; survey.json does without.
    pub joins: Option<&'a Joins<'a>>,
}

pub(super) fn rows<'a>(survey: &'a Survey, joins: Option<&'a Joins<'a>>) -> impl Iterator<Item = FindingRow<'a>> {
    let context = survey.context();
    let row = move |(at, finding): (usize, &'a finding::Finding)| FindingRow {
        number: at + 1,
        finding,
        words: finding.words(&context),
        joins,
    };
    survey.findings.iter().enumerate().map(row)
}

/// When devices were silent, each in the words of survey.json.
fn silent_times(finding: &finding::Finding) -> Value<'static> {
    let times = finding.facts.silent_times().list;
    let said = |time: &SilentTime| {
        let SilentTime { who, start, end, lasts } = time;
        format!("{who} {start}/{end}{}", if *lasts { " lasts" } else { "" })
    };
    (!times.is_empty()).then(|| times.iter().map(|time| said(time).into()).collect::<Vec<Value<'_>>>()).into()
}

columns! {
    /// A row of findings.csv.
    Findings of FindingRow, in "findings.csv", read as Finding<'a>:
    "One row a finding, sorted by severity (alerts first), then packets.";

    All id: u64 = |r| r.number as u64;
    "number", "1", "Number of the finding in this report.";
    All severity: Text<'a> = |r| Value::Name(r.finding.severity.name());
    "name", "alert", "`alert`, `warning` or `notice`.";
    All verdict: Option<Text<'a>> = |r| r.finding.verdict.map(|verdict| Value::Name(verdict.name()));
    "name", "unexpected", "The verdict on its flows; empty for a finding that is not about flows.";
    All reason: Text<'a> = |r| Value::Name(r.finding.kind.name());
    "name", "undocumented-peer",
    "Why: a flow's reason, or what kind of finding it is otherwise (`blocked`, `stopped-answering`, ...).";
    All outcome: Option<Text<'a>> = |r| r.finding.outcome.map(|outcome| Value::Name(outcome.name()));
    "name", "refused", "What the network did, where that is part of it.";
    All client_role: Option<Text<'a>> = |r| r.finding.client_role.map(|role| Value::Name(role.name()));
    "role", "node", "Role of the client or clients.";
    All client: Option<Text<'a>> = |r| Value::known(&r.words.client);
    "addresses, joined by `;`", "10.20.0.31", "Who asked; of many, the first few and how many more.";
    All server_role: Option<Text<'a>> = |r| r.finding.server_role.map(|role| Value::Name(role.name()));
    "role", "external", "Role of the server or servers.";
    All server: Option<Text<'a>> = |r| Value::known(&r.words.server);
    "addresses, joined by `;`", "203.0.113.9", "Who answered, or was asked.";
    All transport: Option<Text<'a>> = |r| r.finding.transport;
    "name or number", "tcp", "As in flows.csv.";
    All server_port: Option<u16> = |r| r.finding.server_port;
    "port", "80", "The server's port.";
    All service: Option<Text<'a>> = |r| Value::known(&r.words.service);
    "text", "HTTP", "The vendor's word for the port, or the protocol that the payload proves.";
    All flows: u64 = |r| r.finding.flows;
    "flows", "3", "Flows that it groups.";
    All packets: u64 = |r| r.finding.packets;
    "packets", "120", "Their packets.";
    All bytes: u64 = |r| r.finding.bytes;
    "bytes", "15890", "Their bytes: original frame lengths.";
    All first_seen: Option<Time> = |r| r.finding.first;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Time of the earliest packet.";
    All last_seen: Option<Time> = |r| r.finding.last;
    "RFC 3339, UTC", "2025-03-04T08:15:02.500123000Z", "Time of the latest packet.";
    All detail: Text<'a> = |r| r.words.detail.as_str();
    "text", "Node 10.20.0.31 sent 3 SYNs to ...", "What was seen, with its evidence.";
    All advice: Text<'a> = |r| r.words.advice.as_str();
    "text", "Open TCP 88 from nodes to the gateway.", "What to do about it.";
    All rule: Option<Text<'a>> = |r| Value::known(&r.words.rule);
    "text", "gateway incoming tcp 88", "The document and cell, allowance or supporting entry that decided.";
    All display_filter: Option<Text<'a>> = |r| Value::known(&r.words.display_filter);
    "Wireshark display filter", "ip.addr==10.20.0.31 && tcp.port==88",
    "Shows just this finding's packets in Wireshark.";
    All sources: Vec<u32> = |r| Value::Inputs(&r.finding.sources, r.joins.map(|joins| joins.names));
    "paths, joined by `;`", "survey/monday.pcapng", "The inputs in which it was seen; in survey.json their positions in `inputs`, from 0.";
    #[serde(skip)]
    Csv clients: Vec<Text<'a>> = |r| Value::list(r.finding.clients.iter().copied());
    "addresses, joined by `;`", "10.20.0.31;10.20.0.32", "Every client, or device that it is about, ascending.";
    #[serde(skip)]
    Csv client_names: Option<Text<'a>> = |r| r.joins.and_then(|joins| joins.names_of(&r.finding.clients));
    "text, joined by `;`", "Node 3.07;Node 3.08",
    "Their names, in the same order, empty where one has none; a `;` in a name is written `,`.";
    #[serde(skip)]
    Csv servers: Vec<Text<'a>> = |r| Value::list(r.finding.servers.iter().copied());
    "addresses, joined by `;`", "203.0.113.9", "Every server, ascending.";
    #[serde(skip)]
    Csv server_names: Option<Text<'a>> = |r| r.joins.and_then(|joins| joins.names_of(&r.finding.servers));
    "text, joined by `;`", "Gateway", "Their names, as `client_names`.";
    #[serde(skip)]
    Csv flow_ids: Option<Vec<Text<'a>>> = |r| r.joins.map(|joins| joins.flow_ids(r.number - 1));
    "`flow_id`s, joined by `;`", "f3;f17", "Every flow that it groups, by its `flow_id` in flows.csv.";
    Json conversations: Vec<u32> = |r| Value::Places(&r.finding.conversations);
    "places", "[4]", "Positions in `conversations`, from 0.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    SparseJson gist: Option<Text<'a>> = |r| Value::known(&r.words.gist);
    "text", "refused 3 of 3", "What decides, in a few words. Older files do not say.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    SparseJson next: Option<Text<'a>> = |r| Value::known(r.finding.facts.next(r.finding));
    "text", "Open TCP 88", "What to do first, in a few words. Older files do not say.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    SparseJson silent_times: Option<Vec<Text<'a>>> = |r| silent_times(r.finding);
    "address, time/time (ISO 8601), `lasts`",
    "[\"10.20.0.31 2025-03-04T08:15:00.000000000Z/2025-03-04T08:17:00.000000000Z\"]",
    "When devices were silent, the longest first, at most 100; with `lasts` where one was not heard again until the capture ended.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    SparseJson more_silent_times: Option<u64> = |r| Some(r.finding.facts.silent_times().more).filter(|more| *more > 0);
    "count", "7", "How many more such times there are.";
}
