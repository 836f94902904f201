//! One connection on several VLAN paths: who asked is the same on all of them.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{DirectionBasis, Orientation};
use crate::capture::Moment;
use crate::flow::{FlowView, Flows};
use crate::protocol::Transport;

/// A connection, on whatever VLAN path.
type TwinKey = ([(IpAddr, u16); 2], Transport, (Option<u8>, u8));

fn key(flow: &FlowView<'_>) -> TwinKey {
    let [a, b] = &flow.ends;
    ([(a.address, a.port), (b.address, b.port)], flow.transport, (flow.icmp_type, flow.icmp_code))
}

/// Where a mirror tags the two directions differently, each direction is a flow of its own, and the first
/// packet of the answers' flow is an answer. So a flow of which only the first packet tells who asked takes
/// the word of its twins on other paths: the best evidence, and of first packets the earliest. Tells
/// whether any flow's client changed.
pub fn agree(flows: &Flows, orientations: &mut [Orientation]) -> bool {
    let guessed = |orientation: &Orientation| orientation.basis == DirectionBasis::FirstPacket;
    if !flows.have_several_vlan_paths() {
        return false;
    }
    let both = || flows.iter().zip(orientations.iter());
    let mut best: HashMap<TwinKey, Option<(DirectionBasis, Moment, u8)>> =
        both().filter(|(_, way)| guessed(way)).map(|(flow, _)| (key(&flow), None)).collect();
    for (flow, way) in both() {
        if let Some(best) = best.get_mut(&key(&flow)) {
            let said = (way.basis, flow.begin(), way.client);
            *best = Some(best.map_or(said, |best| best.min(said)));
        }
    }
    let mut changed = false;
    for (flow, way) in flows.iter().zip(orientations).filter(|(_, way)| guessed(way)) {
        if let Some(Some((basis, _, client))) = best.get(&key(&flow)) {
            changed |= way.client != *client;
            *way = Orientation { client: *client, basis: *basis };
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::scene::Scene;

    /// A first packet on a VLAN from one of two ends, at a port, and what was thought of its flow.
    type First = (Option<u16>, usize, u16, Orientation);

    fn agreed(packets: [First; 2]) -> (bool, Vec<Orientation>) {
        let mut scene = Scene::default();
        for (at, (vlan, sender, port, _)) in (7..).zip(packets) {
            let ends = ["10.0.0.1", "10.0.0.2"].map(|address| (address.parse::<IpAddr>().unwrap(), port));
            scene.vlan = vlan;
            scene.at(at).udp(ends[sender], ends[1 - sender], b"");
        }
        let mut ways = packets.map(|(.., way)| way).to_vec();
        (agree(&scene.observe().flows, &mut ways), ways)
    }

    #[test]
    fn the_flow_of_the_answers_takes_the_word_of_the_requests() {
        let by = |client, basis| Orientation { client, basis };
        let guess = |client| by(client, DirectionBasis::FirstPacket);
        let answers = (Some(20), 0, 123, guess(0));
        assert_eq!(agreed([(None, 1, 123, guess(1)), answers]), (true, vec![guess(1), guess(1)]));
        let syn = by(0, DirectionBasis::Syn);
        assert_eq!(agreed([(None, 1, 123, guess(1)), (Some(20), 0, 123, syn)]), (true, vec![syn, syn]));
        // One that thinks so already, and another connection on the same path.
        assert_eq!(agreed([(None, 0, 123, guess(0)), answers]), (false, vec![guess(0), guess(0)]));
        assert_eq!(agreed([(Some(20), 1, 124, guess(1)), answers]), (false, vec![guess(1), guess(0)]));
    }
}
