//! The stage as a whole, on small surveys made by hand.

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::capture::{FrameId, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::flow::{Flow, FlowEnd, Flows};
use crate::inventory::{Host, Hosts, RoleSource};
use crate::policy::{Policy, Role};
use crate::protocol::Transport;
use crate::protocol::{Evidence, Protocol};
use crate::relation::{Link, LinkKind, Relations, orient};

pub(crate) const GATEWAY: &str = "10.0.0.1";
pub(crate) const NODES: [&str; 3] = ["10.0.1.1", "10.0.1.2", "10.0.1.3"];
pub(crate) const GROUP: &str = "239.255.255.250";

pub(crate) fn seconds(n: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + n * 1_000_000_000)
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A survey under construction.
pub(crate) struct Site {
    pub(crate) policy: Arc<Policy>,
    pub(crate) flows: Vec<Flow>,
    pub(crate) relations: Relations,
    pub(crate) versions: Vec<(&'static str, &'static str)>,
    pub(crate) missing: Missing,
    pub(crate) quiet: Vec<&'static str>,
    pub(crate) macs: Vec<(&'static str, u8)>,
}

pub(crate) fn site() -> Site {
    Site {
        policy: Policy::embedded(),
        flows: Vec::new(),
        relations: Relations::default(),
        versions: Vec::new(),
        missing: Missing::default(),
        quiet: Vec::new(),
        macs: Vec::new(),
    }
}

fn role(address: &str) -> Role {
    match address {
        GATEWAY => Role::Gateway,
        GROUP => Role::Group,
        _ if address.starts_with("10.0.1.") => Role::Node,
        _ if address.starts_with("10.0.2.") => Role::Bacnet,
        _ if address.starts_with("10.") => Role::Host,
        _ => Role::External,
    }
}

impl Site {
    /// A flow from a client to a server; `there` and `back` are the packets.
    pub(crate) fn flow(
        &mut self,
        transport: Transport,
        client: (&str, u16),
        server: (&str, u16),
        there: u64,
        back: u64,
    ) -> &mut Flow {
        let number = self.flows.len() as u64 + 1;
        let end = |(text, port): (&str, u16), packets: u64, late: i64| {
            let mut end = FlowEnd::silent(address(text), port);
            if packets > 0 {
                end.packets = packets;
                end.bytes = packets * 100;
                (end.first, end.last) = (seconds(number as i64 * 10 + late), seconds(number as i64 * 10 + 1 + late));
                end.begin = Moment { time: end.first, frame: FrameId::new(0, number * 10 + late as u64) };
                end.end = end.last;
            }
            end
        };
        let mut ends = [end(client, there, 0), end(server, back, 1)];
        if transport == Transport::Tcp {
            ends[0].syns = 1;
            ends[0].tcp_flags = TcpFlags(if back > 0 { TcpFlags::SYN | TcpFlags::ACK } else { TcpFlags::SYN });
            if back > 0 {
                ends[1].syn_acks = 1;
                ends[1].tcp_flags = TcpFlags(TcpFlags::SYN | TcpFlags::ACK);
            }
        }
        let flow = Flow {
            vlan: VlanPath::Untagged,
            transport,
            icmp_type: None,
            icmp_code: 0,
            ends,
            sources: [0].into_iter().collect(),
            folded: 0,
        };
        self.flows.push(flow);
        self.flows.last_mut().unwrap()
    }

    /// Judges the flows, and hands on what is known of them.
    pub(crate) fn judge_with<T>(&self, then: impl FnOnce(&Observations<'_>, &Judgements) -> T) -> T {
        let mut addresses: Vec<IpAddr> =
            self.flows.iter().flat_map(|flow| flow.ends.iter().map(|end| end.address)).collect();
        addresses.sort();
        addresses.dedup();
        let hosts = addresses
            .into_iter()
            .map(|address| {
                let text = address.to_string();
                let sent = |end: &FlowEnd| if end.address == address { end.packets } else { 0 };
                let version = self.versions.iter().find(|(of, _)| *of == text).map(|(_, version)| Arc::from(*version));
                Host {
                    address,
                    mac: self.macs.iter().find(|(of, _)| *of == text).map(|(_, mac)| MacAddr([2, 0, 0, 0, 0, *mac])),
                    more_macs: Box::default(),
                    lldp_name: None,
                    link: None,
                    attachment: None,
                    role: role(&text),
                    source: RoleSource::Declared,
                    basis: "".into(),
                    confidence: 100,
                    name: None,
                    version,
                    first_seen: seconds(0),
                    last_seen: seconds(99),
                    last_sent: seconds(99),
                    first_sent: seconds(1),
                    mac_is_own: true,
                    packets_sent: if self.quiet.contains(&text.as_str()) {
                        0
                    } else {
                        self.flows.iter().flat_map(|flow| &flow.ends).map(sent).sum()
                    },
                    bytes_sent: 0,
                    packets_received: 0,
                    bytes_received: 0,
                    serves: Box::default(),
                    heard: true,
                    serves_more: 0,
                }
            })
            .collect();
        let hosts = Hosts::new(hosts);
        let orientations: Vec<_> = self.flows.iter().map(|flow| orient(&flow.view(), &self.policy)).collect();
        let party = |end: &FlowEnd| hosts.find(end.address).unwrap();
        let parties: Vec<_> = self.flows.iter().map(|flow| flow.ends.each_ref().map(party)).collect();
        let seen = Observations {
            flows: &Flows::from_list(self.flows.clone()),
            orientations: &orientations,
            hosts: &hosts,
            parties: &parties,
            policy: &self.policy,
            relations: &self.relations,
            neighbours: &Default::default(),
            evidence: &Default::default(),
            health: &Default::default(),
            missing: &self.missing,
        };
        then(&seen, &judge(&seen))
    }

    fn judge(&self) -> Found {
        self.judge_with(|seen, judged| {
            let Judgements { flows, conversations, .. } = judged.clone();
            let (coverage, hosts) = cover(seen, judged);
            Found { flows, conversations, coverage, hosts }
        })
    }
}

/// What the stage yields.
struct Found {
    flows: Vec<Judgement>,
    conversations: Vec<Conversation>,
    coverage: Vec<CellCoverage>,
    hosts: Vec<HostCoverage>,
}

pub(crate) fn cell(
    coverage: &[CellCoverage],
    document: u16,
    direction: crate::policy::Direction,
    transport: Transport,
    port: u16,
) -> CellCoverage {
    let policy = Policy::embedded();
    let at = policy
        .cells()
        .iter()
        .position(|cell| {
            (cell.document, cell.direction, cell.transport, cell.port) == (document, direction, transport, port)
        })
        .unwrap();
    coverage[at].clone()
}

use crate::policy::Direction::{Incoming, Outgoing};

#[test]
fn a_documented_exchange_fills_the_cells_at_both_its_ends() {
    let mut site = site();
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4);
    site.flow(Transport::Udp, (NODES[1], 5683), (GATEWAY, 5683), 2, 0);
    site.flow(Transport::Udp, (NODES[1], 40_000), (GROUP, 1900), 3, 0);
    let found = site.judge();
    assert!(found.flows.iter().all(|judgement| judgement.verdict == Verdict::Documented));
    assert_eq!(found.coverage.len(), 60);

    let carried = cell(&found.coverage, 0, Outgoing, Transport::Tcp, 80);
    assert_eq!((carried.state, carried.peers, carried.flows, carried.packets), (CellState::Carried, 1, 1, 9));
    assert_eq!(carried.hosts, [0, 0, 0, 0, 1]);
    let incoming = cell(&found.coverage, 1, Incoming, Transport::Tcp, 80);
    assert_eq!((incoming.state, incoming.hosts), (CellState::Carried, [1, 0, 0, 0, 1]), "one of two nodes carried it");
    assert_eq!(cell(&found.coverage, 0, Incoming, Transport::Udp, 5683).state, CellState::OneWay);
    assert_eq!(cell(&found.coverage, 1, Outgoing, Transport::Udp, 1900).state, CellState::Sent);
    assert_eq!(
        cell(&found.coverage, 0, Incoming, Transport::Udp, 1900).state,
        CellState::NotSeen,
        "nobody knows who listened"
    );
    let used: usize = found.coverage.iter().filter(|cell| cell.state != CellState::NotSeen).count();
    assert_eq!(used, 2 + 2 + 1);
    let node = found.hosts.iter().find(|host| host.cells.iter().any(|(_, state)| *state == CellState::Carried));
    assert!(node.is_some());
}

#[test]
fn vlan_paths_of_one_conversation_are_judged_together() {
    let mut site = site();
    let flow = site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 3, 0);
    flow.vlan = VlanPath::One(10);
    flow.ends[0].tcp_flags.0 |= TcpFlags::ACK;
    let mut back = flow.clone();
    back.vlan = VlanPath::One(20);
    let server = FlowEnd { packets: 2, syn_acks: 1, ..FlowEnd::silent(address(NODES[0]), 80) };
    back.ends = [FlowEnd::silent(address(GATEWAY), 40_000), FlowEnd { tcp_flags: TcpFlags(0x12), ..server }];
    site.flows.push(back);
    let found = site.judge();
    assert_eq!(found.conversations.len(), 1);
    let conversation = &found.conversations[0];
    assert_eq!((conversation.outcome, conversation.flows, conversation.packets), (Outcome::Established, 2, [3, 2]));
    assert!(found.flows.iter().all(|judgement| judgement.outcome == Outcome::Established));
}

#[test]
fn a_transfer_whose_request_was_not_captured_is_related_where_its_request_would_be_documented() {
    let mut site = site();
    site.flow(Transport::Udp, (GATEWAY, 60_001), (NODES[0], 41_000), 9, 9);
    site.flow(Transport::Udp, (NODES[1], 60_001), (NODES[0], 41_000), 9, 9);
    let link = Some(Link { flow: None, kind: LinkKind::Tftp, probable: true, payload_fits: true });
    site.relations.links = vec![link, link];
    let found = site.judge();
    assert_eq!((found.flows[0].verdict, found.flows[0].related_to), (Verdict::Related, None));
    assert_eq!(found.flows[1].reason, Some(Reason::UndocumentedPort));
}

/// RFC 9112's first line is at the beginning of a connection only.
#[test]
fn a_connection_picked_up_midstream_violates_nothing() {
    let mut site = site();
    let flow = site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4);
    flow.ends[0].violates = Protocol::Http.bit();
    for end in &mut flow.ends {
        (end.syns, end.syn_acks) = (0, 0);
    }
    let found = site.judge();
    assert_eq!((found.flows[0].verdict, found.flows[0].payload), (Verdict::Documented, Evidence::Unknown));
}

#[test]
fn addresses_of_one_device_count_once() {
    let mut site = site();
    site.macs = vec![(NODES[0], 1), (NODES[1], 1), (NODES[2], 3)];
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4);
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[1], 80), 5, 0);
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[2], 80), 5, 4);
    let found = site.judge();
    let http = cell(&found.coverage, 1, Incoming, Transport::Tcp, 80);
    assert_eq!((http.hosts, http.flows), ([0, 0, 0, 0, 2], 3));
    assert_eq!(cell(&found.coverage, 0, Outgoing, Transport::Tcp, 80).peer_states, [0, 0, 0, 0, 2]);
    assert_eq!(found.hosts.len(), 3, "the gateway and two nodes");
}

#[test]
fn udp_that_conforms_somewhere_is_no_violation() {
    let mut site = site();
    let flow = site.flow(Transport::Udp, (GATEWAY, 40_000), (NODES[0], 5683), 5, 4);
    flow.ends[0].violates = Protocol::Coap.bit();
    flow.ends[1].conforms = Protocol::Coap.bit();
    let flow = site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4);
    flow.ends[0].violates = Protocol::Http.bit();
    flow.ends[1].conforms = Protocol::Http.bit();
    let found = site.judge();
    assert_eq!((found.flows[0].verdict, found.flows[0].payload), (Verdict::Documented, Evidence::Conforms));
    assert_eq!((found.flows[1].verdict, found.flows[1].payload), (Verdict::Unexpected, Evidence::Violates));
}
