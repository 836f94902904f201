//! One connection on several VLAN paths: who asked is the same on all of them.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{DirectionBasis, Orientation};
use crate::capture::Moment;
use crate::flow::{FlowView, Flows};
use crate::protocol::Transport;

/// A connection, on whatever VLAN path.
type Key = ([(IpAddr, u16); 2], Transport, (Option<u8>, u8));

fn key(flow: &FlowView<'_>) -> Key {
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
    let mut best: HashMap<Key, Option<(DirectionBasis, Moment, u8)>> =
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
    use crate::capture::{FrameId, Timestamp};
    use crate::decode::VlanPath;
    use crate::flow::Flow;
    use crate::flow::FlowEnd;

    fn flow(vlan: VlanPath, sender: usize, frame: u64, way: Orientation) -> (Flow, Orientation) {
        let mut ends =
            [("10.0.0.1", 123), ("10.0.0.2", 123)].map(|(text, port)| FlowEnd::silent(text.parse().unwrap(), port));
        let begin = Moment { time: Timestamp::from_nanos(frame as i64), frame: FrameId::new(0, frame) };
        (ends[sender].packets, ends[sender].begin) = (1, begin);
        let flow = Flow {
            vlan,
            transport: Transport::Udp,
            icmp_type: None,
            icmp_code: 0,
            ends,
            sources: [0].into_iter().collect(),
            folded: 0,
        };
        (flow, way)
    }

    fn by(client: u8, basis: DirectionBasis) -> Orientation {
        Orientation { client, basis }
    }

    #[test]
    fn the_flow_of_the_answers_takes_the_word_of_the_requests() {
        let guess = |client| by(client, DirectionBasis::FirstPacket);
        let agreed = |list: [(Flow, Orientation); 2]| {
            let (flows, mut ways): (Vec<_>, Vec<_>) = list.into_iter().unzip();
            (agree(&Flows::from_list(flows), &mut ways), ways)
        };
        let list = [flow(VlanPath::One(20), 0, 8, guess(0)), flow(VlanPath::Untagged, 1, 7, guess(1))];
        assert_eq!(agreed(list), (true, vec![guess(1), guess(1)]));

        let syn = by(0, DirectionBasis::Syn);
        let list = [flow(VlanPath::One(20), 0, 8, syn), flow(VlanPath::Untagged, 1, 7, guess(1))];
        assert_eq!(agreed(list), (true, vec![syn, syn]));

        let list = [flow(VlanPath::One(20), 0, 7, guess(0)), flow(VlanPath::One(20), 0, 8, guess(0))];
        assert_eq!(agreed(list), (false, vec![guess(0), guess(0)]));
    }
}
