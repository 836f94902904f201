//! Flows that belong together: who asked, TFTP transfers, SSDP and CoAP answers, ICMP errors.
//!
//! [`links`] runs once, after merging, on all flows: by key and time, never by the order in which
//! packets came. docs/relations.md has each rule with its source and the test that shows it.

mod coap;
mod direction;
mod group;
mod icmp;
mod location;
mod ports;
mod rejection;
mod relations;
mod ssdp;
#[cfg(test)]
mod tests;
mod tftp;
mod twins;
mod window;

pub use direction::{DirectionBasis, Orientation, is_group, orient};
pub use rejection::{Rejection, RejectionCause};
pub use relations::{Announcement, Link, LinkKind, Relations};
pub use twins::agree;

use crate::flow::{Flow, SideEvidence};
use crate::policy::Transport;
use ports::Ports;

/// Relates all flows of a survey. The result names flows by their position in `flows`.
///
/// Two passes: the first arms what requests, searches, locations and quotes wait for, the second
/// looks only at flows that have an armed port.
pub fn links(flows: &[Flow], evidence: &SideEvidence) -> Relations {
    let mut relations = Relations { overflows: evidence.overflows().collect(), ..Relations::default() };
    let mut ports = Ports::new();
    let mut transfers = tftp::Transfers::default();
    let mut searches = ssdp::Searches::new(evidence, &mut ports);
    let mut requests = coap::GroupRequests::new(evidence, &mut ports);
    let mut quotes = icmp::Quotes::new(evidence, &mut ports);
    let mut locations = location::Locations::new(evidence, &mut ports);

    for (at, flow) in numbered(flows) {
        // Every request has a tag; only TFTP is believed by its port where payload was cut off.
        let tagged = flow.ends[0].tag | flow.ends[1].tag != 0;
        let tftp_port = flow.ends[0].port == tftp::PORT || flow.ends[1].port == tftp::PORT;
        if flow.transport == Transport::Udp && (tagged || tftp_port) {
            transfers.arm(at, flow, &mut ports);
            searches.arm(at, flow, flows, &mut ports);
            requests.arm(at, flow, flows, &mut ports);
            locations.arm(at, flow, flows, &mut ports);
        }
    }
    for (at, flow) in numbered(flows) {
        let armed = ports.of(flow);
        if armed == 0 {
            continue;
        }
        if armed & ports::QUOTED != 0 {
            quotes.consider(at, flow);
        }
        match flow.transport {
            Transport::Udp => {
                if armed & ports::TFTP != 0 {
                    transfers.consider(at, flow);
                }
                if armed & ports::SSDP != 0 {
                    searches.consider(at, flow, &mut relations);
                }
                if armed & ports::COAP != 0 {
                    requests.consider(at, flow, &mut relations);
                }
            }
            Transport::Tcp if armed & ports::LOCATION != 0 => locations.consider(at, flow, &mut relations),
            _ => {}
        }
    }
    transfers.finish(flows, evidence, &mut relations);
    quotes.finish(&mut relations);
    relations
}

/// The flows with their positions.
fn numbered(flows: &[Flow]) -> impl Iterator<Item = (u32, &Flow)> {
    (0_u32..).zip(flows)
}
