//! The program's own types to those of survey.json.

use super::v1::{self, Text};
use super::values::{Mac, Time};
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::finding::{Finding, Words};
use crate::flow::{FlowView, Limits};
use crate::inventory::Host;
use crate::policy::{Document, Policy};
use crate::protocol::Transport;
use crate::report::flows::{FlowRow, Nested, duplicates};
use crate::report::inventory::services;
use crate::report::names::{Names, mac_of, role_basis};
use crate::report::nodes::{NodeRow, PortColumn, state};
use crate::report::table::nanos_between;
use crate::survey::{EncapsulationSummary, FrameCounts, InputSummary, Judged, NonIpSummary, Survey};
use crate::verdict::{Caveat, CellCoverage, CellState, Conversation, Judgement};

fn transport(transport: Transport) -> Text<'static> {
    match transport {
        Transport::Tcp => "tcp".into(),
        Transport::Udp => "udp".into(),
        Transport::Icmp => "icmp".into(),
        Transport::Icmpv6 => "icmpv6".into(),
        Transport::Other(number) => number.to_string().into(),
    }
}

/// Empty text means not known.
fn known(text: &str) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text::Borrowed(text))
}

fn duration(first: Timestamp, last: Timestamp) -> Option<f64> {
    nanos_between(first, last).map(|nanos| nanos as f64 / 1e9)
}

pub(super) fn input(input: &InputSummary) -> v1::Input<'_> {
    v1::Input {
        path: Text::Borrowed(&input.path),
        size: input.size,
        sha256: input.sha256.as_deref().map(Text::Borrowed),
        format: Text::Borrowed(&input.format),
        link_types: input.link_types.iter().map(|link| link.to_string().into()).collect(),
        frames: input.frames,
        captured_bytes: input.captured_bytes,
        wire_bytes: input.wire_bytes,
        first_seen: Time::known(input.first),
        last_seen: Time::known(input.last),
        damage: input
            .damage
            .as_ref()
            .map(|damage| v1::Damage { offset: damage.offset, reason: Text::Borrowed(&damage.reason) }),
        site: None,
        survey: None,
    }
}

pub(super) fn frames(counts: &FrameCounts) -> v1::Frames<'_> {
    let stopped = counts.stopped.iter();
    v1::Frames {
        total: counts.total,
        decoded: counts.decoded,
        stopped: stopped
            .map(|(layer, reason, frames)| v1::Stopped {
                layer: Text::Borrowed(layer),
                reason: Text::Borrowed(reason),
                frames: *frames,
            })
            .collect(),
        unread: counts
            .unread
            .iter()
            .map(|(layer, frames)| v1::Unread {
                kind: layer.kind.into(),
                number: layer.number,
                name: known(layer.name),
                before_ip: layer.before_ip,
                frames: *frames,
                share: counts.share(*frames),
            })
            .collect(),
    }
}

pub(super) fn non_ip(kind: &NonIpSummary) -> v1::NonIp<'_> {
    v1::NonIp { kind: Text::Borrowed(&kind.kind), frames: kind.frames, bytes: kind.bytes, site: None, survey: None }
}

pub(super) fn encapsulation(tunnel: &EncapsulationSummary) -> v1::Encapsulation<'_> {
    v1::Encapsulation {
        kind: Text::Borrowed(&tunnel.kind),
        source: tunnel.source,
        destination: tunnel.destination,
        frames: tunnel.frames,
        bytes: tunnel.bytes,
        site: None,
        survey: None,
    }
}

pub(super) fn judged(judged: &Judged) -> v1::Judged<'_> {
    let said = |text| (!judged.value).then_some(Text::Borrowed(text));
    v1::Judged { value: judged.value, reason: said(&judged.reason), next: said(&judged.next), sites: Vec::new() }
}

pub(super) fn limits(limits: Limits) -> v1::Limits {
    v1::Limits { max_flows: limits.flows as u64, max_fragments: limits.fragments as u64 }
}

pub(super) fn caveat(caveat: &Caveat) -> v1::Caveat<'_> {
    v1::Caveat { kind: caveat.kind.into(), text: Text::Borrowed(&caveat.text), site: None, survey: None }
}

pub(super) fn flow<'a>(
    survey: &'a Survey,
    names: &'a Names,
    index: usize,
    flow: &FlowView<'_>,
    judgement: &Judgement,
) -> v1::Flow<'a> {
    let client_end = usize::from(judgement.client & 1);
    let [client, server] = [client_end, 1 - client_end].map(|end| (&flow.ends[end], mac_of(flow, end).map(Mac)));
    let (client_host, server_host) = survey.parties(judgement);
    let port = |port: u16| flow.transport.has_ports().then_some(port);
    let flags = |flags: TcpFlags| (flow.transport == Transport::Tcp).then(|| flags.to_string().into());
    let id = FlowRow::new(survey, names, index, *flow, judgement).community_id();
    v1::Flow {
        flow_id: format!("f{}", index + 1).into(),
        first_seen: Time::known(flow.first()),
        last_seen: Time::known(flow.last()),
        duration_s: duration(flow.first(), flow.last()),
        vlan: (!flow.is_untagged()).then(|| flow.vlan().to_string().into()),
        transport: transport(flow.transport),
        icmp_type: flow.icmp_type,
        client_ip: client.0.address,
        client_port: port(client.0.port),
        client_mac: client.1,
        client_role: client_host.role.name().into(),
        client_name: client_host.name.as_deref().map(Text::Borrowed),
        server_ip: server.0.address,
        server_port: port(server.0.port),
        server_mac: server.1,
        server_role: server_host.role.name().into(),
        server_name: server_host.name.as_deref().map(Text::Borrowed),
        service: known(names.service(flow.transport, server.0.port, judgement)),
        verdict: judgement.verdict.name().into(),
        reason: judgement.reason.map(|reason| reason.name().into()),
        severity: judgement.severity.map(|severity| severity.name().into()),
        outcome: judgement.outcome.name().into(),
        direction_basis: judgement.basis.name().into(),
        payload: judgement.payload.name().into(),
        payload_protocol: judgement.payload_protocol.map(|protocol| protocol.name().into()),
        related_to: judgement.related_to.map(|index| format!("f{}", u64::from(index) + 1).into()),
        rule: known(names.rule(judgement.rule)),
        client_packets: client.0.packets(),
        client_bytes: client.0.bytes(),
        server_packets: server.0.packets(),
        server_bytes: server.0.bytes(),
        client_tcp_flags: flags(client.0.tcp_flags()),
        server_tcp_flags: flags(server.0.tcp_flags()),
        community_id: id.and_then(|id| String::from_utf8(id.to_vec()).ok()).map(Text::Owned),
        sources: flow.sources().to_vec(),
        conversation: judgement.conversation,
        duplicates: duplicates(flow),
        vlan_path: (!flow.is_untagged()).then(|| Nested(flow.vlan()).to_string().into()),
        site: None,
        survey: None,
    }
}

pub(super) fn conversation<'a>(
    survey: &'a Survey,
    names: &'a Names,
    conversation: &'a Conversation,
) -> v1::Conversation<'a> {
    let [client, server] = [conversation.client, conversation.server].map(|host| survey.hosts.get(host));
    let is_icmp = matches!(conversation.transport, Transport::Icmp | Transport::Icmpv6);
    v1::Conversation {
        client_ip: client.address,
        client_role: client.role.name().into(),
        client_name: client.name.as_deref().map(Text::Borrowed),
        server_ip: server.address,
        server_role: server.role.name().into(),
        server_name: server.name.as_deref().map(Text::Borrowed),
        transport: transport(conversation.transport),
        server_port: conversation.transport.has_ports().then_some(conversation.port),
        icmp_type: is_icmp.then_some(conversation.port as u8),
        service: known(names.conversation_service(conversation)),
        verdict: conversation.verdict.name().into(),
        reason: conversation.reason.map(|reason| reason.name().into()),
        severity: conversation.severity.map(|severity| severity.name().into()),
        outcome: conversation.outcome.name().into(),
        stopped_answering: conversation.stopped_answering,
        rule: known(names.rule(conversation.rule)),
        flows: conversation.flows.into(),
        client_packets: conversation.packets[0],
        client_bytes: conversation.bytes[0],
        server_packets: conversation.packets[1],
        server_bytes: conversation.bytes[1],
        first_seen: Time::known(conversation.first),
        last_seen: Time::known(conversation.last),
        site: None,
        survey: None,
    }
}

pub(super) fn finding(index: usize, finding: &Finding, words: Words) -> v1::Finding<'_> {
    let word = |text: String| (!text.is_empty()).then_some(Text::Owned(text));
    v1::Finding {
        id: index as u64 + 1,
        severity: finding.severity.name().into(),
        verdict: finding.verdict.map(|verdict| verdict.name().into()),
        reason: finding.kind.name().into(),
        outcome: finding.outcome.map(|outcome| outcome.name().into()),
        client_role: finding.client_role.map(|role| role.name().into()),
        client: word(words.client),
        server_role: finding.server_role.map(|role| role.name().into()),
        server: word(words.server),
        transport: finding.transport.map(transport),
        server_port: finding.server_port,
        service: word(words.service),
        flows: finding.flows,
        packets: finding.packets,
        bytes: finding.bytes,
        first_seen: Time::known(finding.first),
        last_seen: Time::known(finding.last),
        detail: Text::Owned(words.detail),
        advice: Text::Owned(words.advice),
        rule: word(words.rule),
        display_filter: word(words.display_filter),
        sources: finding.sources.clone(),
        conversations: finding.conversations.clone(),
        gist: word(words.gist),
        next: word(finding.facts.next(finding).to_owned()),
        site: None,
        survey: None,
    }
}

/// Tenths of a watt in watts.
fn in_watts(tenths: u16) -> f64 {
    f64::from(tenths) / 10.0
}

pub(super) fn host(host: &Host) -> v1::Host<'_> {
    v1::Host {
        address: host.address,
        mac: host.mac.map(Mac),
        role: host.role.name().into(),
        role_basis: role_basis(host).into(),
        confidence: host.confidence,
        name: host.name.as_deref().map(Text::Borrowed),
        version: host.version.as_deref().map(Text::Borrowed),
        first_seen: Time::known(host.first_seen),
        last_seen: Time::known(host.last_seen),
        packets_sent: host.packets_sent,
        bytes_sent: host.bytes_sent,
        packets_received: host.packets_received,
        bytes_received: host.bytes_received,
        serves: services(host).map(|service| Text::Owned(service.to_string())).collect(),
        heard: host.heard,
        other_macs: host.more_macs.iter().copied().map(Mac).collect(),
        lldp_name: host.lldp_name.as_deref().map(Text::Borrowed),
        switch: host.attachment.as_ref().map(|at| Text::Borrowed(&*at.switch)),
        switch_port: host.attachment.as_ref().map(|at| Text::Borrowed(&*at.port)),
        poe: host.power().map(|power| v1::Poe {
            class: power.class,
            requested_w: power.requested.map(in_watts),
            allocated_w: power.allocated.map(in_watts),
            pairs: power.pairs.map(Into::into),
        }),
        dot1x: host.dot1x().map(|state| state.name().into()),
        groups: host.link.as_ref().map(|link| link.groups.clone()).unwrap_or_default(),
        more_groups: host.link.as_ref().map_or(0, |link| link.more_groups),
        site: None,
        survey: None,
    }
}

pub(super) fn cell<'a>(names: &'a Names, coverage: &CellCoverage) -> Option<v1::Cell<'a>> {
    let (cell, document) = names.cell(coverage.cell)?;
    Some(v1::Cell {
        document: Text::Borrowed(&document.name),
        minimum_version: document.minimum_version.to_string().into(),
        role: cell.role.name().into(),
        direction: cell.direction.name().into(),
        transport: transport(cell.transport),
        port: cell.port,
        service: Text::Borrowed(&cell.service),
        state: coverage.state.name().into(),
        peers: coverage.peers.into(),
        flows: coverage.flows,
        packets: coverage.packets,
        bytes: coverage.bytes,
        first_seen: Time::known(coverage.first),
        last_seen: Time::known(coverage.last),
        hosts_carried: coverage.hosts_in(CellState::Carried).into(),
        hosts_blocked: coverage.hosts_in(CellState::Blocked).into(),
        hosts_one_way: coverage.hosts_in(CellState::OneWay).into(),
        hosts_not_seen: coverage.hosts_in(CellState::NotSeen).into(),
        site: None,
        survey: None,
    })
}

pub(super) fn node<'a>(columns: &'a [PortColumn], row: &NodeRow<'a>) -> v1::Node<'a> {
    let NodeRow { host, coverage, standing } = *row;
    let port = |column: &'a PortColumn| Some((Text::Borrowed(&*column.name), state(coverage, column)?.name().into()));
    v1::Node {
        address: host.address,
        mac: host.mac.map(Mac),
        role: host.role.name().into(),
        name: host.name.as_deref().map(Text::Borrowed),
        carried: row.count(CellState::Carried),
        blocked: row.count(CellState::Blocked),
        one_way: row.count(CellState::OneWay),
        not_seen: row.count(CellState::NotSeen),
        ports: columns.iter().filter_map(port).collect(),
        state: Some(standing.state.name().into()),
        silent_since: standing.since.and_then(Time::known),
        poe_class: host.power().and_then(|power| power.class),
        poe_requested_w: host.power().and_then(|power| power.requested).map(in_watts),
        poe_allocated_w: host.power().and_then(|power| power.allocated).map(in_watts),
        dot1x: host.dot1x().map(|state| state.name().into()),
        site: None,
        survey: None,
    }
}

pub(super) fn policy(policy: &Policy) -> v1::Policy<'_> {
    let document = |(at, document): (usize, &'_ Document)| v1::Document {
        name: document.name.clone().into(),
        product: document.product.clone().into(),
        minimum_version: document.minimum_version.to_string().into(),
        cells: policy.cells().iter().filter(|cell| usize::from(cell.document) == at).count() as u64,
    };
    v1::Policy {
        name: policy.name().into(),
        title: policy.title().into(),
        path: policy.path().map(|path| path.to_string_lossy()),
        documents: policy.documents().iter().enumerate().map(document).collect(),
        allowances: policy
            .allowances()
            .iter()
            .map(|entry| v1::Allowance {
                name: entry.name.as_deref().map(Text::Borrowed),
                reason: Text::Borrowed(&entry.reason),
            })
            .collect(),
        supporting: policy
            .supporting()
            .iter()
            .map(|entry| v1::Supporting {
                name: Text::Borrowed(&entry.name),
                service: Text::Borrowed(&entry.service),
                reason: Text::Borrowed(&entry.reason),
            })
            .collect(),
        antivirus: v1::Antivirus {
            paths: texts(&policy.antivirus().paths),
            processes: texts(&policy.antivirus().processes),
        },
        losses: texts(policy.losses()),
    }
}

fn texts(list: &[String]) -> Vec<Text<'_>> {
    list.iter().map(|text| Text::Borrowed(text.as_str())).collect()
}
