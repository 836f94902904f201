//! The site of the samples: who is there, and at which address.

use std::net::{IpAddr, Ipv4Addr};

use super::frame::{Mac, Tag};
use super::wire::{Host, Wire, Zone};

/// 2026-03-17T08:00:00Z, in nanoseconds: when the survey begins.
pub(crate) const START: u64 = 1_773_734_400 * 1_000_000_000;

/// Number of nodes; the first [`NODES_ON_LINK`] are on the lighting network, the others in the annex.
pub(crate) const NODES: usize = 36;
pub(crate) const NODES_ON_LINK: usize = 30;

/// The tag of the lighting network, and of the office network.
pub(crate) const LIGHTING: Tag = Tag(0x8100, 20);
pub(crate) const OFFICE: Tag = Tag(0x8100, 30);

/// The switch, which speaks only below IP.
pub(crate) const SWITCH: Mac = [0x02, 0x53, 0x57, 0, 0, 0x01];

/// Every host of the site.
pub(crate) struct Site {
    pub(crate) gateway: Host,
    nodes: Vec<Host>,
    /// The head end of the third-party BACnet/IP system.
    pub(crate) bacnet: Host,
    /// A field controller of the same system.
    pub(crate) controller: Host,
    pub(crate) router: Host,
    /// The router's address on the office network.
    pub(crate) office_router: Host,
    pub(crate) pc: Host,
    pub(crate) cloud: Host,
    pub(crate) stranger: Host,
}

fn host(zone: Zone, mac: Mac, ip: [u8; 4], ttl: u8) -> Host {
    Host { mac, ip: IpAddr::V4(Ipv4Addr::from(ip)), zone, ttl, untagged: false }
}

impl Site {
    pub(crate) fn new() -> Self {
        let node = |number: usize| {
            let low = number as u8;
            let mac = [0x02, 0x49, 0x67, 0x01, 0x00, low];
            if number <= NODES_ON_LINK {
                // Node 12's switch port is mirrored without its tag.
                Host { untagged: number == 12, ..host(Zone::Lighting, mac, [10, 20, 0, 100 + low], 64) }
            } else {
                host(Zone::Annex, mac, [10, 20, 1, 100 + low], 64)
            }
        };
        let router = host(Zone::Lighting, [0x02, 0x52, 0x54, 0, 0, 0x01], [10, 20, 0, 1], 64);
        Self {
            gateway: host(Zone::Lighting, [0x02, 0x49, 0x67, 0x00, 0x00, 0x0a], [10, 20, 0, 10], 128),
            nodes: (1..=NODES).map(node).collect(),
            bacnet: host(Zone::Lighting, [0x02, 0x42, 0x41, 0, 0, 0x28], [10, 20, 0, 40], 64),
            controller: host(Zone::Lighting, [0x02, 0x42, 0x41, 0, 0, 0x29], [10, 20, 0, 41], 64),
            router,
            office_router: Host { ip: Ipv4Addr::new(10, 30, 0, 1).into(), zone: Zone::Office, ..router },
            pc: host(Zone::Office, [0x02, 0x4f, 0x46, 0, 0, 0x19], [10, 30, 0, 25], 128),
            // RFC 5737's addresses for documentation stand for the internet.
            cloud: host(Zone::Internet, [0; 6], [203, 0, 113, 80], 52),
            stranger: host(Zone::Internet, [0; 6], [198, 51, 100, 53], 49),
        }
    }

    /// A node by its number, from 1.
    pub(crate) fn node(&self, number: usize) -> Host {
        self.nodes[number - 1]
    }

    /// The nodes that are there and speak, with their numbers. Node 30 is in the inventory and switched off; node 28 gets
    /// no address.
    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, Host)> + '_ {
        (1..=NODES).filter(|number| ![28, 30].contains(number)).map(|number| (number, self.node(number)))
    }

    pub(crate) fn wire(&self, seed: u64) -> Wire {
        Wire::new(seed, self.router, vec![LIGHTING], vec![OFFICE])
    }
}
