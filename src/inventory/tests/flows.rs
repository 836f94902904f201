//! Flows made by hand.

use std::net::IpAddr;

use crate::capture::{FrameId, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::flow::{Flow, FlowEnd, Flows, SideEvidence};
use crate::inventory::{Heard, Hosts, Inventory, Known, hosts_of};
use crate::policy::Policy;
use crate::protocol::Transport;
use crate::relation::{DirectionBasis, Orientation};

/// A MAC of the test site: 00:1b:c5:00:00:NN.
pub(super) fn mac(last: u8) -> MacAddr {
    MacAddr([0x00, 0x1b, 0xc5, 0, 0, last])
}

/// A conversation as it is told in a test: who asks whom for what.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) client: IpAddr,
    pub(super) client_mac: Option<MacAddr>,
    pub(super) server: IpAddr,
    pub(super) server_mac: Option<MacAddr>,
    pub(super) transport: Transport,
    pub(super) client_port: u16,
    pub(super) port: u16,
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) refused: bool,
    pub(super) conforms: u32,
    pub(super) violates: u32,
    pub(super) at: i64,
}

impl Traffic {
    /// An answered conversation, from a high port.
    pub(super) fn new(client: &str, server: &str, transport: Transport, port: u16) -> Self {
        Self {
            client: client.parse().expect("client"),
            client_mac: None,
            server: server.parse().expect("server"),
            server_mac: None,
            transport,
            client_port: 40_000,
            port,
            asked: 3,
            answered: 2,
            refused: false,
            conforms: 0,
            violates: 0,
            at: 1_000,
        }
    }

    pub(super) fn macs(mut self, client: MacAddr, server: MacAddr) -> Self {
        (self.client_mac, self.server_mac) = (Some(client), Some(server));
        self
    }

    pub(super) fn unanswered(mut self) -> Self {
        self.answered = 0;
        self
    }

    pub(super) fn flow(&self) -> (Flow, u8) {
        let mut client = FlowEnd::silent(self.client, self.client_port);
        let mut server = FlowEnd::silent(self.server, self.port);
        let tcp = self.transport == Transport::Tcp;
        client.packets = self.asked;
        client.bytes = self.asked * 100;
        client.first = Timestamp::from_nanos(self.at);
        client.last = Timestamp::from_nanos(self.at + 10);
        client.begin = Moment { time: client.first, frame: FrameId::new(0, self.at as u64) };
        client.end = client.last;
        (client.source_mac, client.destination_mac) = (self.client_mac, self.server_mac);
        client.has_payload = self.answered > 0 && !self.refused;
        client.conforms = self.conforms;
        client.violates = self.violates;
        if tcp {
            client.syns = 1;
            client.tcp_flags = TcpFlags(TcpFlags::SYN);
        }
        if self.answered > 0 {
            server.packets = self.answered;
            server.bytes = self.answered * 200;
            server.first = Timestamp::from_nanos(self.at + 1);
            server.last = Timestamp::from_nanos(self.at + 20);
            server.begin = Moment { time: server.first, frame: FrameId::new(0, self.at as u64 + 1) };
            server.end = server.last;
            (server.source_mac, server.destination_mac) = (self.server_mac, self.client_mac);
            server.has_payload = !self.refused;
            if tcp && self.refused {
                server.resets = self.answered as u16;
            } else if tcp {
                server.syn_acks = 1;
            }
        }
        let client_end = u8::from((server.address, server.port) < (client.address, client.port));
        let ends = if client_end == 0 { [client, server] } else { [server, client] };
        let vlan = VlanPath::Untagged;
        let flow = Flow {
            vlan,
            transport: self.transport,
            icmp_type: None,
            icmp_code: 0,
            ends,
            sources: [0].into_iter().collect(),
            folded: 0,
        };
        (flow, client_end)
    }
}

pub(super) fn hosts(talks: &[Traffic], inventory: &Inventory) -> Hosts {
    hosts_and_neighbours(talks, &[], inventory)
}

pub(super) fn hosts_and_neighbours(talks: &[Traffic], said: &[(IpAddr, MacAddr)], inventory: &Inventory) -> Hosts {
    known(talks, said, inventory).hosts
}

pub(super) fn known(talks: &[Traffic], said: &[(IpAddr, MacAddr)], inventory: &Inventory) -> Known {
    let (flows, ways): (Vec<Flow>, Vec<Orientation>) = talks
        .iter()
        .map(|talk| {
            let (flow, client) = talk.flow();
            (flow, Orientation { client, basis: DirectionBasis::Syn })
        })
        .unzip();
    let heard = Heard { neighbours: said, asked: &[], evidence: &SideEvidence::default() };
    let known = hosts_of(&Flows::from_list(flows.clone()), &ways, heard, inventory, &Policy::embedded());
    for (flow, parties) in flows.iter().zip(&known.parties) {
        assert_eq!(flow.ends.each_ref().map(|end| end.address), parties.map(|id| known.hosts.get(id).address));
    }
    known
}

pub(super) fn parse(toml: &str) -> Inventory {
    Inventory::parse(toml, "site.toml").unwrap_or_else(|errors| panic!("{errors}"))
}
