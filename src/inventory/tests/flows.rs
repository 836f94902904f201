//! Conversations as tests tell them, and what is known of their hosts.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags};
use crate::flow::scene::Scene;
use crate::flow::{Endpoint, FlowView, SideEvidence};
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
    pub(super) answered: bool,
    pub(super) refused: bool,
    /// What the client says; else the capture is cut off behind the headers.
    pub(super) says: Option<&'static [u8]>,
    /// Nanoseconds at which it begins.
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
            answered: true,
            refused: false,
            says: None,
            at: 1_000,
        }
    }

    pub(super) fn macs(mut self, client: MacAddr, server: MacAddr) -> Self {
        (self.client_mac, self.server_mac) = (Some(client), Some(server));
        self
    }

    pub(super) fn unanswered(mut self) -> Self {
        self.answered = false;
        self
    }

    fn ends(&self) -> [Endpoint; 2] {
        [(self.client, self.client_port), (self.server, self.port)]
    }

    /// Three packets of the client of 100 bytes each and, if the server answers, two of it of 200.
    fn play(&self, scene: &mut Scene) {
        const SYN: u8 = TcpFlags::SYN;
        const ACK: u8 = TcpFlags::ACK;
        const RST: u8 = TcpFlags::RST;
        let flags = match (self.answered, self.refused) {
            (false, _) => [SYN; 5],
            (true, true) => [SYN, RST | ACK, SYN, SYN, RST | ACK],
            (true, false) => [SYN, SYN | ACK, ACK, ACK, ACK],
        };
        let ends = self.ends();
        let macs = [self.client_mac, self.server_mac].map(Option::unwrap_or_default);
        for ((sender, late), flags) in [(0, 0), (1, 1), (0, 5), (0, 10), (1, 20)].into_iter().zip(flags) {
            if sender == 1 && !self.answered {
                continue;
            }
            let (from, to) = (ends[sender], ends[1 - sender]);
            (scene.length, scene.macs) = (100 * (sender + 1), Some([macs[sender], macs[1 - sender]]));
            let says = self.says.filter(|_| sender == 0);
            scene.snap = if says.is_some() { None } else { Some(0) };
            scene.at_time(Timestamp::from_nanos(self.at + late));
            let payload = says.unwrap_or(b"cut off");
            match self.transport {
                Transport::Tcp => scene.tcp(from, to, flags, if flags == ACK { payload } else { b"" }),
                _ => scene.udp(from, to, payload),
            };
        }
    }
}

pub(super) fn hosts(talks: &[Traffic], inventory: &Inventory) -> Hosts {
    hosts_and_neighbours(talks, &[], inventory)
}

pub(super) fn hosts_and_neighbours(talks: &[Traffic], said: &[(IpAddr, MacAddr)], inventory: &Inventory) -> Hosts {
    known(talks, said, inventory).hosts
}

pub(super) fn known(talks: &[Traffic], said: &[(IpAddr, MacAddr)], inventory: &Inventory) -> Known {
    let mut scene = Scene::default();
    scene.hops = Some(0);
    talks.iter().for_each(|talk| talk.play(&mut scene));
    scene.sort();
    let key = |transport, [a, b]: [Endpoint; 2]| (transport, [a.min(b), a.max(b)]);
    let clients: HashMap<_, _> = talks.iter().map(|talk| (key(talk.transport, talk.ends()), talk.ends()[0])).collect();
    let flows = scene.observe().flows;
    let way = |flow: FlowView<'_>| {
        let ends = flow.ends.map(|end| (end.address, end.port));
        let client = u8::from(clients[&key(flow.transport, ends)] != ends[0]);
        Orientation { client, basis: DirectionBasis::Syn }
    };
    let ways: Vec<Orientation> = flows.iter().map(way).collect();
    let heard = Heard { neighbours: said, asked: &[], evidence: &SideEvidence::default() };
    let known = hosts_of(&flows, &ways, heard, inventory, &Policy::embedded());
    for (flow, parties) in flows.iter().zip(&known.parties) {
        assert_eq!(flow.ends.map(|end| end.address), parties.map(|id| known.hosts.get(id).address));
    }
    known
}

pub(super) fn parse(toml: &str) -> Inventory {
    Inventory::parse(toml, "site.toml").unwrap_or_else(|errors| panic!("{errors}"))
}
