//! The stage as a whole, on small surveys made by hand.

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags};
use crate::flow::Endpoint;
use crate::flow::scene::Scene;
use crate::inventory::{Host, Hosts, RoleSource};
use crate::policy::{Policy, Role};
use crate::protocol::{Evidence, Transport};
use crate::relation::{Link, LinkKind, Relations, orient};

pub(crate) const GATEWAY: &str = "10.0.0.1";
pub(crate) const NODES: [&str; 3] = ["10.0.1.1", "10.0.1.2", "10.0.1.3"];
pub(crate) const GROUP: &str = "239.255.255.250";

/// A payload of no protocol.
pub(crate) const JUNK: &[u8] = b"\xde\xad\xbe\xef\x01\x02";
/// A CoAP notification that nobody has to answer: NON 2.05 with the option Observe.
pub(crate) const COAP: &[u8] = b"\x50\x45\x12\x34\x60\xffon";

pub(crate) fn seconds(n: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + n * 1_000_000_000)
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What a server's TCP does with a SYN, or that the capture began later.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Course {
    Accepts,
    Refuses,
    /// It accepts, and the client never learns of it.
    HalfOpen,
    Midstream,
}

/// A connection as it is told in a test.
pub(crate) struct Talk {
    transport: Transport,
    ends: [Endpoint; 2],
    /// Packets of the client and of the server.
    pub(crate) packets: [u64; 2],
    pub(crate) course: Course,
    /// What each says: in every datagram, or once over TCP.
    pub(crate) says: [&'static [u8]; 2],
    /// The VLAN of each one's packets.
    pub(crate) vlans: [Option<u16>; 2],
}

impl Talk {
    /// Packets of 100 bytes by turns, each 20 ms after the other's.
    fn play(&self, scene: &mut Scene, begin: Timestamp) {
        scene.length = 100;
        for turn in 0..2 * self.packets[0].max(self.packets[1]) {
            let (side, sent) = (turn as usize % 2, turn / 2);
            if sent >= self.packets[side] {
                continue;
            }
            let (from, to, says) = (self.ends[side], self.ends[1 - side], self.says[side]);
            scene.vlan = self.vlans[side];
            scene.at_time(Timestamp::from_nanos(begin.raw() + turn as i64 * 20_000_000));
            if self.transport == Transport::Udp {
                scene.udp(from, to, says);
                continue;
            }
            let flags = match (self.course, side) {
                (Course::Midstream, _) => TcpFlags::ACK,
                (Course::Accepts, _) if sent > 0 && self.packets[1] > 0 => TcpFlags::ACK,
                (_, 0) => TcpFlags::SYN,
                (Course::Refuses, _) => TcpFlags::RST | TcpFlags::ACK,
                _ => TcpFlags::SYN | TcpFlags::ACK,
            };
            let is_first = sent == u64::from(self.course != Course::Midstream);
            scene.tcp(from, to, flags, if is_first { says } else { b"" });
        }
    }
}

/// A survey under construction.
pub(crate) struct Site {
    pub(crate) policy: Arc<Policy>,
    pub(crate) talks: Vec<Talk>,
    pub(crate) relations: Relations,
    pub(crate) versions: Vec<(&'static str, &'static str)>,
    pub(crate) missing: Missing,
    pub(crate) quiet: Vec<&'static str>,
    pub(crate) macs: Vec<(&'static str, u8)>,
}

pub(crate) fn site() -> Site {
    Site {
        policy: Policy::embedded(),
        talks: Vec::new(),
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
    /// A flow from a client to a server; `there` and `back` are the packets. It begins ten seconds after the one before.
    pub(crate) fn flow(
        &mut self,
        transport: Transport,
        client: (&str, u16),
        server: (&str, u16),
        there: u64,
        back: u64,
    ) -> &mut Talk {
        self.talks.push(Talk {
            transport,
            ends: [client, server].map(|(text, port)| (address(text), port)),
            packets: [there, back],
            course: Course::Accepts,
            says: [b""; 2],
            vlans: [None; 2],
        });
        self.talks.last_mut().unwrap()
    }

    /// Judges the flows, and hands on what is known of them.
    pub(crate) fn judge_with<T>(&self, then: impl FnOnce(&Observations<'_>, &Judgements) -> T) -> T {
        let mut scene = Scene::default();
        for (talk, number) in self.talks.iter().zip(1..) {
            talk.play(&mut scene, seconds(10 * number));
        }
        let flows = scene.observe().flows;
        let mut addresses: Vec<IpAddr> = flows.places().flat_map(|place| flows.addresses(place)).collect();
        addresses.sort();
        addresses.dedup();
        let hosts = addresses
            .into_iter()
            .map(|address| {
                let text = address.to_string();
                let own = flows.iter().flat_map(|flow| flow.ends).filter(|end| end.address == address);
                let sent = own.map(|end| end.packets()).sum();
                let version = self.versions.iter().find(|(of, _)| *of == text).map(|(_, version)| Arc::from(*version));
                Host {
                    mac: self.macs.iter().find(|(of, _)| *of == text).map(|(_, mac)| MacAddr([2, 0, 0, 0, 0, *mac])),
                    role: role(&text),
                    source: RoleSource::Declared,
                    basis: "".into(),
                    version,
                    first_seen: seconds(0),
                    last_seen: seconds(99),
                    last_sent: seconds(99),
                    first_sent: seconds(1),
                    mac_is_own: true,
                    packets_sent: if self.quiet.contains(&text.as_str()) { 0 } else { sent },
                    ..Host::new(address)
                }
            })
            .collect();
        let hosts = Hosts::new(hosts);
        let orientations: Vec<_> = flows.iter().map(|flow| orient(&flow, &self.policy)).collect();
        let parties: Vec<_> = flows.iter().map(|flow| flow.ends.map(|end| hosts.find(end.address).unwrap())).collect();
        let seen = Observations {
            flows: &flows,
            orientations: &orientations,
            hosts: &hosts,
            inventory: &Default::default(),
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
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 3, 2).vlans = [Some(10), Some(20)];
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
    (flow.course, flow.says) = (Course::Midstream, [JUNK, b""]);
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
    site.flow(Transport::Udp, (GATEWAY, 40_000), (NODES[0], 5683), 5, 4).says = [JUNK, COAP];
    site.flow(Transport::Tcp, (GATEWAY, 40_000), (NODES[0], 80), 5, 4).says = [JUNK, b"HTTP/1.1 200 OK\r\n\r\n"];
    let found = site.judge();
    assert_eq!((found.flows[0].verdict, found.flows[0].payload), (Verdict::Documented, Evidence::Conforms));
    assert_eq!((found.flows[1].verdict, found.flows[1].payload), (Verdict::Unexpected, Evidence::Violates));
}
