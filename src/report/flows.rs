//! flows.csv: one row a flow, both directions.

use std::net::IpAddr;

use super::column::columns;
use super::community_id::{Endpoint, community_id};
use super::json::v1::Text;
use super::json::{Mac, Time};
use super::names::{Names, mac_of};
use super::value::Value;
use crate::decode::{MacAddr, TcpFlags};
use crate::flow::{EndView, FlowView};
use crate::policy::Role;
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::verdict::Judgement;

/// A flow, seen from its client.
pub(super) struct FlowRow<'a> {
    number: usize,
    flow: FlowView<'a>,
    judgement: &'a Judgement,
    client: EndCells<'a>,
    server: EndCells<'a>,
    tftp_file: Option<&'a str>,
    names: &'a Names,
}

struct EndCells<'a> {
    end: EndView<'a>,
    mac: Option<MacAddr>,
    role: Role,
    name: Option<&'a str>,
}

impl FlowRow<'_> {
    /// The flow's Community ID, if it has one.
    fn community_id(&self) -> Option<[u8; 30]> {
        let end = |party: &EndCells<'_>| Endpoint { address: party.end.address, port: party.end.port };
        let icmp = self.flow.icmp_type.map(|kind| (kind, self.flow.icmp_code));
        community_id(self.flow.transport, end(&self.client), end(&self.server), icmp)
    }

    fn port(&self, party: &EndCells<'_>) -> Option<u16> {
        self.flow.transport.has_ports().then_some(party.end.port)
    }

    fn tcp_flags(&self, party: &EndCells<'_>) -> Option<TcpFlags> {
        (self.flow.transport == Transport::Tcp).then(|| party.end.tcp_flags())
    }

    fn duplicates(&self) -> u64 {
        self.flow.ends.iter().map(|end| end.duplicates()).sum()
    }

    fn vlan(&self, between: char) -> Value<'_> {
        if self.flow.is_untagged() { Value::Missing } else { Value::Vlan(self.flow.vlan(), between) }
    }
}

/// The flow at a place of a survey, from 0.
pub(super) fn row<'a>(survey: &'a Survey, names: &'a Names, place: usize) -> FlowRow<'a> {
    let (flow, judgement) = survey.flows.view(place);
    let client = usize::from(judgement.client & 1);
    let party = |end: usize, host| EndCells {
        end: flow.ends[end],
        mac: mac_of(&flow, end),
        role: survey.hosts.role(host),
        name: survey.hosts.name(host),
    };
    let (client, server) = (party(client, judgement.client_host), party(1 - client, judgement.server_host));
    let tftp_file = survey.tftp_files.get(&(place as u32)).map(String::as_str);
    FlowRow { number: place + 1, flow, judgement, client, server, tftp_file, names }
}

/// The places of a survey's flows by the server's port, those without one first, then by time.
pub(super) fn by_port(survey: &Survey) -> Vec<u32> {
    let port = |place: &u32| {
        let (flow, judgement) = survey.flows.view(*place as usize);
        let server = 1 - usize::from(judgement.client & 1);
        flow.transport.has_ports().then_some(flow.ends[server].port)
    };
    // They are in the order of time.
    let mut order: Vec<u32> = (0..survey.flows.len() as u32).collect();
    order.sort_by_cached_key(port);
    order
}

columns! {
    /// A row of flows.csv.
    Flows of FlowRow, in "flows.csv", read as Flow<'a>:
    "One row a flow, both directions, sorted by (first_seen, client, client port, server, server port, transport, vlan).";

    All flow_id: Text<'a> = |r| Value::Numbered(b'f', r.number as u64);
    "", "f17", "Name of the flow in this report: `f1`, `f2`, ... in the file's order.";
    All first_seen: Option<Time> = |r| r.flow.first();
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Time of the earliest packet, as written.";
    All last_seen: Option<Time> = |r| r.flow.last();
    "RFC 3339, UTC", "2025-03-04T08:15:02.500123000Z", "Time of the latest packet, as written.";
    All duration_s: Option<f64> = |r| Value::between(r.flow.first(), r.flow.last());
    "seconds", "2.500000000", "last_seen less first_seen.";
    All vlan: Option<Text<'a>> = |r| r.vlan('.');
    "VLAN identifiers", "10.20", "The VLAN tags, outermost first, joined by a dot; empty if untagged.";
    All transport: Text<'a> = |r| r.flow.transport;
    "name or number", "tcp", "`tcp`, `udp`, `icmp`, `icmpv6` or the IP protocol's number.";
    Json icmp_type: Option<u8> = |r| r.flow.icmp_type;
    "type", "8", "ICMP and ICMPv6: the type.";
    All client_ip: IpAddr = |r| r.client.end.address;
    "address", "10.20.0.31", "Who asked; direction_basis says how that is known.";
    All client_port: Option<u16> = |r| r.port(&r.client);
    "port", "52114", "The client's port; empty where the transport has none.";
    All client_mac: Option<Mac> = |r| r.client.mac;
    "MAC address", "02:1b:00:00:00:1f",
    "The client's link address, as seen where the capture was taken (behind a router: the router's).";
    All client_role: Text<'a> = |r| Value::Name(r.client.role.name());
    "role", "node", "`gateway`, `node`, `bacnet`, `host`, `external` or `group`.";
    All client_name: Option<Text<'a>> = |r| r.client.name;
    "text", "Node 3.07", "The client's name, from the inventory.";
    All server_ip: IpAddr = |r| r.server.end.address;
    "address", "10.20.0.2", "Who answered, or was asked.";
    All server_port: Option<u16> = |r| r.port(&r.server);
    "port", "80", "The server's port: the one that the vendor's document speaks of.";
    All server_mac: Option<Mac> = |r| r.server.mac;
    "MAC address", "02:1b:00:00:00:02", "The server's link address, as for the client.";
    All server_role: Text<'a> = |r| Value::Name(r.server.role.name());
    "role", "gateway", "As for the client.";
    All server_name: Option<Text<'a>> = |r| r.server.name;
    "text", "Gateway", "The server's name, from the inventory.";
    All service: Option<Text<'a>> = |r| r.names.service_of_flow(r.flow.transport, r.server.end.port, r.judgement);
    "text", "HTTP",
    "The vendor's word for the port, the supporting protocol's name, or the protocol that the payload proves.";
    All verdict: Text<'a> = |r| Value::Name(r.judgement.verdict.name());
    "name", "documented", "`documented`, `related`, `site-approved`, `supporting`, `unexpected` or `bystander`.";
    All reason: Option<Text<'a>> = |r| r.judgement.reason.map(|reason| Value::Name(reason.name()));
    "name", "wrong-direction", "Why a flow is unexpected; empty otherwise.";
    All severity: Option<Text<'a>> = |r| r.judgement.severity.map(|severity| Value::Name(severity.name()));
    "name", "alert", "`alert`, `warning` or `notice`; empty where nothing needs attention.";
    All outcome: Text<'a> = |r| Value::Name(r.judgement.outcome.name());
    "name", "established",
    "What the network did: `established`, `refused`, `rejected`, `unanswered`, `one-way` or `midstream`.";
    All direction_basis: Text<'a> = |r| Value::Name(r.judgement.basis.name());
    "name", "syn",
    "How the client was told from the server: `syn`, `syn-ack`, `group`, `documented-port`, `request` (a message that \
        says itself that it asks or answers, ICMP's included) or `first-packet`.";
    All payload: Text<'a> = |r| Value::Name(r.judgement.payload.name());
    "name", "conforms", "Whether the payload is what the port claims: `conforms`, `violates` or `unknown`.";
    All payload_protocol: Option<Text<'a>> = |r| r.judgement.payload_protocol.map(|protocol| Value::Name(protocol.name()));
    "name", "http", "The protocol that the payload conforms to.";
    All related_to: Option<Text<'a>> = |r| r.judgement.related_to.map(|place| Value::Numbered(b'f', u64::from(place) + 1));
    "flow_id", "f12", "The `flow_id` of the flow that this one belongs to.";
    All rule: Option<Text<'a>> = |r| r.names.rule_of(r.judgement.rule);
    "text", "gateway incoming tcp 80", "The document and cell, allowance or supporting entry that decided.";
    All client_packets: u64 = |r| r.client.end.packets();
    "packets", "12", "Packets sent by the client.";
    All client_bytes: u64 = |r| r.client.end.bytes();
    "bytes", "1480", "Bytes sent by the client: original lengths of its frames.";
    All server_packets: u64 = |r| r.server.end.packets();
    "packets", "11", "Packets sent by the server.";
    All server_bytes: u64 = |r| r.server.end.bytes();
    "bytes", "9120", "Bytes sent by the server: original lengths of its frames.";
    All client_tcp_flags: Option<Text<'a>> = |r| r.tcp_flags(&r.client);
    "FSRPAUEC", "FS.PA...",
    "Union of the TCP flags that the client sent, in the order FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, absent ones as \
        `.`.";
    All server_tcp_flags: Option<Text<'a>> = |r| r.tcp_flags(&r.server);
    "FSRPAUEC", "FS.PA...", "Union of the TCP flags that the server sent.";
    All community_id: Option<Text<'a>> = |r| r.community_id().map(Value::Ascii);
    "Community ID v1", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
    "The name by which other tools know the flow (seed 0); it knows no VLAN.";
    All sources: Vec<u32> = |r| Value::Inputs(r.flow.sources(), Some(r.names));
    "paths, joined by `;`", "survey/monday.pcapng", "The inputs in which the flow was seen; in survey.json their positions in `inputs`, from 0.";
    Json conversation: u32 = |r| r.judgement.conversation;
    "place", "4", "Position in `conversations`, from 0.";
    #[serde(default)]
    All duplicates: u64 = |r| r.duplicates();
    "packets", "0",
    "Packets of either side that were captured twice (the same IPv4 identification and checksum within 50 ms; without \
        identification and for IPv6 the same checksum, and TCP numbers or first bytes, within 1 ms), as some mirrors \
        do. They are in the packet counts, which hold what the file holds.";
    #[serde(default)]
    All vlan_path: Option<Text<'a>> = |r| r.vlan('>');
    "VLAN identifiers", "10>20",
    "The same tags as `vlan`, outermost first, joined by `>`: no spreadsheet takes two of them for a number or a date \
        (`100.10` becomes 100.1 there).";
    #[serde(skip)]
    Columnar tftp_file: Option<Text<'a>> = |r| r.tftp_file;
    "file name", "lights.bin", "The file that it asked for first, of a flow to TFTP's port.";
}
