//! The conversations of survey.json: the flows between two hosts about one thing.

use std::net::IpAddr;

use super::column::columns;
use super::json::Time;
use super::json::v1::Text;
use super::names::Names;
use super::value::Value;
use crate::capture::Timestamp;
use crate::inventory::Host;
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::verdict;

pub(super) struct ConversationRow<'a> {
    conversation: &'a verdict::Conversation,
    client: &'a Host,
    server: &'a Host,
    names: &'a Names,
}

pub(super) fn rows<'a>(survey: &'a Survey, names: &'a Names) -> impl Iterator<Item = ConversationRow<'a>> {
    survey.conversations.iter().map(|conversation| ConversationRow::new(survey, names, conversation))
}

impl<'a> ConversationRow<'a> {
    pub(super) fn new(survey: &'a Survey, names: &'a Names, conversation: &'a verdict::Conversation) -> Self {
        let [client, server] = [conversation.client, conversation.server].map(|host| survey.hosts.get(host));
        Self { conversation, client, server, names }
    }

    fn port(&self) -> Option<u16> {
        self.conversation.transport.has_ports().then_some(self.conversation.port)
    }

    /// What columnar files are sorted by.
    pub(super) fn port_and_time(&self) -> (Option<u16>, Timestamp) {
        (self.port(), self.conversation.first)
    }

    fn icmp_type(&self) -> Option<u8> {
        let is_icmp = matches!(self.conversation.transport, Transport::Icmp | Transport::Icmpv6);
        is_icmp.then_some(self.conversation.port as u8)
    }
}

columns! {
    /// The flows of one (client, server, transport, service port), across VLAN paths.
    Conversations of ConversationRow, in "", read as Conversation<'a>:
    "One row for the flows of one (client, server, transport, service port), across VLAN paths, most packets first.";

    Json client_ip: IpAddr = |r| r.client.address;
    "address", "10.20.0.31", "Who asked.";
    Json client_role: Text<'a> = |r| Value::Name(r.client.role.name());
    "role", "node", "`gateway`, `node`, `bacnet`, `host`, `external` or `group`.";
    Json client_name: Option<Text<'a>> = |r| r.client.name.as_deref();
    "text", "Node 3.07", "The client's name, from the inventory.";
    Json server_ip: IpAddr = |r| r.server.address;
    "address", "10.20.0.2", "Who answered, or was asked.";
    Json server_role: Text<'a> = |r| Value::Name(r.server.role.name());
    "role", "gateway", "As for the client.";
    Json server_name: Option<Text<'a>> = |r| r.server.name.as_deref();
    "text", "Gateway", "The server's name, from the inventory.";
    Json transport: Text<'a> = |r| r.conversation.transport;
    "name or number", "tcp", "`tcp`, `udp`, `icmp`, `icmpv6` or the IP protocol's number.";
    Json server_port: Option<u16> = |r| r.port();
    "port", "80", "The server's port: the one that the vendor's document speaks of.";
    Json icmp_type: Option<u8> = |r| r.icmp_type();
    "type", "8", "ICMP and ICMPv6: the type.";
    Json service: Option<Text<'a>> = |r| r.names.service_of(r.conversation);
    "text", "HTTP", "The vendor's word for the port, or the supporting protocol's name.";
    Json verdict: Text<'a> = |r| Value::Name(r.conversation.verdict.name());
    "name", "documented", "`documented`, `related`, `site-approved`, `supporting`, `unexpected` or `bystander`.";
    Json reason: Option<Text<'a>> = |r| r.conversation.reason.map(|reason| Value::Name(reason.name()));
    "name", "wrong-direction", "Why it is unexpected.";
    Json severity: Option<Text<'a>> = |r| r.conversation.severity.map(|severity| Value::Name(severity.name()));
    "name", "alert", "`alert`, `warning` or `notice`, where it needs attention.";
    Json outcome: Text<'a> = |r| Value::Name(r.conversation.outcome.name());
    "name", "established",
    "What the network did: `established`, `refused`, `rejected`, `unanswered`, `one-way` or `midstream`.";
    Json stopped_answering: bool = |r| r.conversation.stopped_answering;
    "yes or no", "no", "Worked, then went silent while requests went on.";
    Json rule: Option<Text<'a>> = |r| r.names.rule_of(r.conversation.rule);
    "text", "gateway incoming tcp 80", "The document and cell, allowance or supporting entry that decided.";
    Json flows: u64 = |r| r.conversation.flows;
    "flows", "2", "Its flows.";
    Json client_packets: u64 = |r| r.conversation.packets[0];
    "packets", "12", "Packets sent by the client.";
    Json client_bytes: u64 = |r| r.conversation.bytes[0];
    "bytes", "1480", "Bytes sent by the client: original lengths of its frames.";
    Json server_packets: u64 = |r| r.conversation.packets[1];
    "packets", "11", "Packets sent by the server.";
    Json server_bytes: u64 = |r| r.conversation.bytes[1];
    "bytes", "9120", "Bytes sent by the server: original lengths of its frames.";
    Json first_seen: Option<Time> = |r| r.conversation.first;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Time of the earliest packet.";
    Json last_seen: Option<Time> = |r| r.conversation.last;
    "RFC 3339, UTC", "2025-03-04T08:15:02.500123000Z", "Time of the latest packet.";
}
