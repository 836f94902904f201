//! A small survey made by hand, for the tests of this stage: a gateway, two nodes, a BACnet system
//! and an outsider.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

pub(crate) use super::finding_text::FindingText;
use crate::capture::{FrameId, LinkType, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::finding::{Finding, Kind, Who, Words};
use crate::flow::{EndRow, FlowRow};
use crate::health::{Health, Measure, Pair, Sums};
use crate::inventory::{Host, HostId, Hosts, Labels, RoleSource};
use crate::policy::{Policy, Role, Severity};
use crate::protocol::{Evidence, Protocol, Transport};
use crate::relation::DirectionBasis;
use crate::survey::{Damage, FrameCounts, InputSummary, Judged, JudgedFlows, NonIpSummary, Survey};
use crate::verdict::{
    Caveat, CellCoverage, CellState, Conversation, HostCoverage, Judgement, Outcome, Reason, Rule, Verdict,
};

/// Holds a page of docs/ against what it is made from; with UPDATE_DOCS in the environment, writes it.
pub(super) fn assert_is_current(page: &str, name: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/{name} is not current: run UPDATE_DOCS=1 cargo test --lib");
}

/// 2025-03-04T08:15:00Z, and so many milliseconds.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(1_741_076_100_000_000_000 + millis * 1_000_000)
}

fn mac(last: u8) -> MacAddr {
    MacAddr([0x02, 0x1b, 0, 0, 0, last])
}

fn host(address: &str, role: Role, source: RoleSource, basis: &'static str, name: Option<&str>) -> Host {
    let is_gateway = role == Role::Gateway;
    Host {
        mac: (role != Role::External).then(|| mac(address.len() as u8)),
        role,
        source,
        basis: basis.into(),
        confidence: if source == RoleSource::Inferred { 85 } else { 100 },
        name: name.map(Into::into),
        version: is_gateway.then(|| "1.12.1".into()),
        first_seen: at(0),
        last_seen: at(2_500),
        last_sent: at(2_500),
        first_sent: at(2_500),
        mac_is_own: true,
        packets_sent: 12,
        bytes_sent: 1_480,
        packets_received: 11,
        bytes_received: 9_120,
        serves: if is_gateway { [(Transport::Tcp, 80), (Transport::Udp, 69)].into() } else { Box::default() },
        ..Host::new(address.parse().unwrap())
    }
}

fn end(address: &str, port: u16, packets: u64, bytes: u64) -> EndRow {
    EndRow {
        packets,
        bytes,
        first: at(0),
        last: at(2_500),
        source_mac: Some(mac(port as u8)),
        ..EndRow::silent(address.parse().unwrap(), port)
    }
}

fn flow(transport: Transport, vlan: VlanPath, ends: [EndRow; 2]) -> FlowRow {
    let icmp_type = (transport == Transport::Icmp).then_some(8);
    FlowRow { vlan, icmp_type, ..FlowRow::between(transport, ends) }
}

fn judgement(hosts: &Hosts, client: &str, server: &str) -> Judgement {
    let id = |text: &str| -> HostId { hosts.find(text.parse().unwrap()).unwrap() };
    Judgement {
        client: 1,
        basis: DirectionBasis::Syn,
        client_host: id(client),
        server_host: id(server),
        verdict: Verdict::Documented,
        reason: None,
        severity: None,
        outcome: Outcome::Established,
        rule: Rule::Cell(0),
        payload: Evidence::Conforms,
        payload_protocol: Some(Protocol::Http),
        related_to: None,
        conversation: 0,
    }
}

fn conversation(judgement: &Judgement, transport: Transport, port: u16) -> Conversation {
    Conversation {
        client: judgement.client_host,
        server: judgement.server_host,
        transport,
        port,
        verdict: judgement.verdict,
        reason: judgement.reason,
        severity: judgement.severity,
        outcome: judgement.outcome,
        stopped_answering: false,
        rule: judgement.rule,
        flows: 1,
        packets: [12, 11],
        bytes: [1_480, 9_120],
        first: at(0),
        last: at(2_500),
        begin: Moment { time: at(0), frame: FrameId::new(0, 1) },
    }
}

pub(super) fn survey() -> Survey {
    let hosts = Hosts::new(vec![
        host("10.20.0.2", Role::Gateway, RoleSource::Declared, "site.toml line 3", Some("Gateway, floor 3")),
        host("10.20.0.31", Role::Node, RoleSource::Inferred, "answers TCP 88 of the gateway", None),
        host("10.20.0.32", Role::Node, RoleSource::Declared, "site.toml line 9", Some("=cmd|'/C calc'!A0")),
        host("10.20.0.9", Role::Bacnet, RoleSource::Declared, "--bacnet 10.20.0.9", None),
        host("203.0.113.9", Role::External, RoleSource::Address, "outside the private ranges", None),
        host("fe80::31", Role::Node, RoleSource::Inferred, "shares the MAC of 10.20.0.31", None),
    ]);

    let mut http = [end("10.20.0.2", 80, 11, 9_120), end("10.20.0.31", 52_114, 12, 1_480)];
    http[0].tcp_flags = TcpFlags(0x1b);
    http[1].tcp_flags = TcpFlags(0x1b);
    let documented = judgement(&hosts, "10.20.0.31", "10.20.0.2");

    let tftp = [end("10.20.0.2", 50_000, 40, 20_000), end("10.20.0.31", 1069, 40, 1_800)];
    let related = Judgement {
        basis: DirectionBasis::FirstPacket,
        verdict: Verdict::Related,
        payload_protocol: Some(Protocol::Tftp),
        related_to: Some(0),
        conversation: 1,
        ..documented
    };

    let mut out = [EndRow::silent("203.0.113.9".parse().unwrap(), 443), end("10.20.0.32", 40_000, 3, 222)];
    out[1].tcp_flags = TcpFlags(0x02);
    out[1].destination_mac = Some(mac(0xfe));
    let unexpected = Judgement {
        verdict: Verdict::Unexpected,
        reason: Some(Reason::UndocumentedPeer),
        severity: Some(Severity::Alert),
        outcome: Outcome::Unanswered,
        rule: Rule::None,
        payload: Evidence::Unknown,
        payload_protocol: None,
        conversation: 2,
        ..judgement(&hosts, "10.20.0.32", "203.0.113.9")
    };

    let ping = [end("10.20.0.2", 0, 2, 196), end("10.20.0.9", 0, 2, 196)];
    let echo = Judgement {
        basis: DirectionBasis::FirstPacket,
        verdict: Verdict::Supporting,
        rule: Rule::Supporting(0),
        payload: Evidence::Unknown,
        payload_protocol: None,
        conversation: 3,
        ..judgement(&hosts, "10.20.0.9", "10.20.0.2")
    };

    let conversations = vec![
        conversation(&related, Transport::Udp, 50_000),
        conversation(&documented, Transport::Tcp, 80),
        conversation(&unexpected, Transport::Tcp, 443),
        conversation(&echo, Transport::Icmp, 8),
    ];
    let findings = vec![Finding {
        kind: Kind::Unexpected(Reason::UndocumentedPeer),
        severity: Severity::Alert,
        verdict: Some(Verdict::Unexpected),
        outcome: Some(Outcome::Unanswered),
        client_role: Some(Role::Node),
        clients: [who("10.20.0.32")].into(),
        server_role: Some(Role::External),
        servers: [who("203.0.113.9")].into(),
        transport: Some(Transport::Tcp),
        server_port: Some(443),
        flows: 1,
        packets: 3,
        bytes: 222,
        first: at(0),
        last: at(2_500),
        rules: Vec::new(),
        sources: vec![0],
        conversations: vec![2],
        facts: Arc::new(FindingText {
            service: "HTTPS".to_owned(),
            detail:
                "Node 10.20.0.32 sent 3 SYNs to 203.0.113.9, outside the site, and nothing came back (frames 4 to 9). \
                     No document lets a node speak to the internet."
                    .to_owned(),
            advice: "Find out why the node calls out; block it at the firewall meanwhile.".to_owned(),
            rule: String::new(),
            display_filter: "ip.addr==10.20.0.32 && ip.addr==203.0.113.9 && tcp.port==443".to_owned(),
            ..FindingText::default()
        }),
    }];
    let policy = policy();
    let nodes: Vec<HostCoverage> = (0..)
        .zip(hosts.iter())
        .filter(|(_, host)| matches!(host.role, Role::Gateway | Role::Node))
        .map(|(at, host)| {
            let own = policy.cells().iter().zip(0u16..).filter(|(cell, _)| cell.role == host.role);
            let cells =
                own.map(|(_, cell)| (cell, if cell % 7 == 0 { CellState::Carried } else { CellState::NotSeen }));
            HostCoverage { host: HostId(at), cells: cells.collect() }
        })
        .collect();
    let coverage = (0..60)
        .map(|cell| CellCoverage {
            cell,
            state: [CellState::Carried, CellState::NotSeen, CellState::OneWay, CellState::Blocked]
                [usize::from(cell) % 4],
            hosts: states(&nodes, cell),
            peers: u32::from(cell % 4 != 1),
            peer_states: [0; CellState::ALL.len()],
            flows: 1,
            packets: 23,
            bytes: 10_600,
            first: at(0),
            last: at(2_500),
        })
        .collect();

    Survey {
        judged: Judged::yes(),
        site: "Harbour Street 4".to_owned(),
        labels: Labels::default(),
        tftp_files: HashMap::from([(1, "=lights.bin".to_owned())]),
        policy,
        inputs: vec![
            InputSummary {
                path: "survey/monday.pcapng".to_owned(),
                size: 1_048_576,
                digest: None,
                format: "pcapng".to_owned(),
                link_types: vec![LinkType::ETHERNET],
                frames: 110,
                unread: 0,
                captured_bytes: 33_214,
                wire_bytes: 33_214,
                first: at(0),
                last: at(2_500),
                damage: None,
            },
            InputSummary {
                path: "survey/tuesday.pcap".to_owned(),
                size: 4_000,
                digest: None,
                format: "pcap+gzip".to_owned(),
                link_types: vec![LinkType::ETHERNET],
                frames: 10,
                unread: 0,
                captured_bytes: 3_000,
                wire_bytes: 3_000,
                first: at(3_000),
                last: at(4_000),
                damage: Some(Damage { offset: 3_624, reason: "the file ends inside a record".to_owned() }),
            },
        ],
        frames: FrameCounts {
            total: 120,
            decoded: 118,
            stopped: vec![("ipv4".to_owned(), "bad-length".to_owned(), 2)],
            unread: Vec::new(),
        },
        non_ip: vec![NonIpSummary { kind: "arp".to_owned(), frames: 9, bytes: 540 }],
        encapsulations: Vec::new(),
        caveats: vec![Caveat {
            kind: "roles-inferred",
            text: "2 of 6 roles were inferred from the traffic; name the hosts with --inventory to be sure.".to_owned(),
        }],
        conversations,
        findings,
        coverage,
        nodes,
        flows: JudgedFlows::of_rows([
            (flow(Transport::Tcp, VlanPath::One(10), http), documented),
            (flow(Transport::Udp, VlanPath::Two(10, 20), tftp), related),
            (flow(Transport::Tcp, VlanPath::Untagged, out), unexpected),
            (flow(Transport::Icmp, VlanPath::Untagged, ping), echo),
        ]),
        health: health(),
        transfers: Vec::new(),
        limits: crate::flow::Limits::default(),
        hosts,
    }
}

/// A node that answers in 2 to 4 ms, and once after two seconds.
fn health() -> Health {
    let mut sums = Sums { asked: 5, repeated: 1, ..Sums::default() };
    [2_000_000, 2_500_000, 3_000_000, 2_004_000_000].into_iter().for_each(|nanos| sums.times.add(nanos));
    let [asker, answerer] = ["10.20.0.2", "10.20.0.31"].map(|address| address.parse().unwrap());
    let pair = Pair { asker, answerer, port: 5683, measure: Measure::Coap };
    Health { pairs: [(pair, sums)].into(), ..Health::default() }
}

/// How many devices have a cell in each state.
fn states(nodes: &[HostCoverage], cell: u16) -> [u32; CellState::ALL.len()] {
    let mut counts = [0; CellState::ALL.len()];
    let states = nodes.iter().flat_map(|node| &node.cells).filter(|(at, _)| *at == cell);
    states.for_each(|(_, state)| counts[*state as usize] += 1);
    counts
}

fn policy() -> Arc<Policy> {
    Policy::embedded()
}

/// Takes so many bytes, then is full.
pub(super) struct Full(pub(super) usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn who(address: &str) -> Who {
    Who::Address(address.parse().unwrap())
}

impl FindingText {
    /// What a finding says, each text changed.
    pub(crate) fn of(words: &Words, change: impl Fn(&str) -> String) -> Arc<Self> {
        Arc::new(Self {
            service: change(&words.service),
            detail: change(&words.detail),
            advice: change(&words.advice),
            rule: change(&words.rule),
            display_filter: change(&words.display_filter),
            ..Self::default()
        })
    }
}
