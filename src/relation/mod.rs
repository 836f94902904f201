//! Flows that belong together: who asked, TFTP transfers, SSDP and CoAP answers, ICMP errors.
//!
//! [`links`] runs once, after merging, on all flows: by key and time, never by the order in which
//! packets came. docs/relations.md has each rule with its source and the test that shows it.

mod bacnet;
mod coap;
mod direction;
mod group;
mod icmp;
mod location;
mod ports;
mod rejection;
mod relations;
mod skew;
mod ssdp;
mod target;
#[cfg(test)]
mod tests;
mod tftp;
mod transfer;
mod twins;
mod window;

pub use direction::{DirectionBasis, Orientation, is_group, orient};
pub use rejection::{Rejection, RejectionCause};
pub use relations::{Announcement, Link, LinkKind, Relations, Vain};
pub use skew::{Skews, believe_ports, believe_servers, skews};
pub(crate) use tftp::{WINDOW, opcode};
pub(crate) use transfer::UNTAKEN;
pub use twins::{agree, halves};

use std::collections::HashMap;

use crate::flow::{FlowView, Flows, SideEvidence, TransportPorts};
use crate::protocol::{Protocol, Tag, Transport};
use ports::Ports;

/// Asked for each flow, and seeded anew in each run: a capture cannot be made of keys that collide.
type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Relates all flows of a survey. The result names flows by their position in `flows`.
///
/// Two passes: the first arms what requests, searches, locations and quotes wait for, the second
/// looks only at flows that have an armed port. The clocks of inputs differ by so many nanoseconds ([`Skews`]).
pub fn links(flows: &Flows, evidence: &SideEvidence, skew: i64) -> Relations {
    let mut relations = Relations { skew, overflows: evidence.overflows().collect(), ..Relations::default() };
    let mut ports = Ports::new();
    let mut transfers = tftp::Transfers::new(skew);
    let mut searches = ssdp::Searches::new(evidence, &mut ports);
    let mut requests = coap::GroupRequests::new(evidence, &mut ports);
    let mut devices = bacnet::Searches::new(evidence);
    let mut quotes = icmp::Quotes::new(evidence, &mut ports);
    let mut locations = location::Locations::new(evidence, &mut ports);

    for (at, flow) in transport_ports(flows) {
        // Every request has a tag; TFTP and SSDP are believed by their ports where payload was cut off.
        let may_be_cut = flow.ports.iter().any(|port| matches!(*port, tftp::PORT | ssdp::PORT));
        if flow.transport == Transport::Udp && (may_be_cut || flows.is_tagged(at)) {
            let flow = flows.view(at);
            let traits = Traits::of(&flow);
            if traits.tftp {
                transfers.arm(at, &flow, evidence, &mut ports, &mut relations);
            }
            if traits.to_group || traits.ssdp {
                searches.arm(at, &flow, flows, &mut ports);
                locations.arm(at, &flow, flows, &mut ports);
            }
            if traits.to_group {
                requests.arm(at, &flow, flows, &mut ports);
            }
            if traits.bacnet {
                devices.arm(at, &flow, flows);
            }
        }
    }
    for (at, flow) in transport_ports(flows) {
        let armed = ports.of(flow.ports);
        if armed == 0 {
            continue;
        }
        let flow = flows.view(at);
        if armed & ports::QUOTED != 0 {
            quotes.consider(at, &flow);
        }
        match flow.transport {
            Transport::Udp => {
                if armed & ports::TFTP != 0 {
                    transfers.consider(at, &flow, &ports);
                }
                if armed & ports::SSDP != 0 {
                    searches.consider(at, &flow, &mut relations);
                }
                if armed & ports::COAP != 0 {
                    requests.consider(at, &flow, &mut relations);
                }
            }
            Transport::Tcp if armed & ports::LOCATION != 0 => locations.consider(at, &flow, &mut relations),
            _ => {}
        }
    }
    quotes.finish(&mut relations);
    relations.forget_sent_back(flows);
    transfers.finish(flows, &mut relations);
    devices.finish(flows, &mut relations);
    relations
}

/// Which relations a UDP flow may have a part in: most flows have one in one alone.
struct Traits {
    /// An end is a group.
    to_group: bool,
    tftp: bool,
    ssdp: bool,
    bacnet: bool,
}

impl Traits {
    fn of(flow: &FlowView<'_>) -> Self {
        let [a, b] = &flow.ends;
        let tags = [a, b].map(|end| Tag::from_raw(end.tag()));
        let conforms = a.conforms() | b.conforms();
        Self {
            to_group: is_group(flow, 0) || is_group(flow, 1),
            tftp: a.port == tftp::PORT
                || b.port == tftp::PORT
                || tags.iter().any(|tag| matches!(tag, Tag::Tftp { .. })),
            ssdp: conforms & Protocol::Ssdp.bit() != 0 || tags.iter().any(|tag| matches!(tag, Tag::Ssdp { .. })),
            bacnet: tags.iter().any(|tag| matches!(tag, Tag::Bacnet { .. })),
        }
    }
}

/// Transport and ports of each flow, with its position.
fn transport_ports(flows: &Flows) -> impl Iterator<Item = (u32, TransportPorts)> {
    flows.places().map(|at| (at, flows.transport_ports(at)))
}
