//! One connection on several VLAN paths: where a mirror tags the two directions differently, each direction is a flow of its
//! own, and neither tells by itself who asked, nor that both sides were seen.

use std::collections::HashSet;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::direction::decide;
use super::{DirectionBasis, Map, Orientation};
use crate::flow::{FlowView, Flows};
use crate::policy::Policy;
use crate::protocol::Transport;

/// A connection, on whatever VLAN path.
type VlanSiblingKey = ([(IpAddr, u16); 2], Transport, (Option<u8>, u8));

fn key(flow: &FlowView<'_>) -> VlanSiblingKey {
    let [a, b] = &flow.ends;
    ([(a.address, a.port), (b.address, b.port)], flow.transport, (flow.icmp_type, flow.icmp_code))
}

/// Positions of the flows of one connection.
pub(super) type VlanSiblings = SmallVec<[u32; 2]>;

/// The connections on several VLAN paths that have a flow that is `wanted`.
pub(super) fn twins(flows: &Flows, wanted: impl Fn(u32, &FlowView<'_>) -> bool) -> impl Iterator<Item = VlanSiblings> {
    let mut connections: Map<VlanSiblingKey, VlanSiblings> = Map::default();
    if flows.have_several_vlan_paths() {
        let all = || flows.places().map(|at| (at, flows.view(at)));
        connections =
            all().filter(|(at, flow)| wanted(*at, flow)).map(|(_, flow)| (key(&flow), VlanSiblings::new())).collect();
        for (at, flow) in all() {
            if let Some(twins) = connections.get_mut(&key(&flow)) {
                twins.push(at);
            }
        }
    }
    connections.into_values().filter(|twins| twins.len() > 1)
}

/// Whether one end sent nothing.
pub(super) fn is_half(flow: &FlowView<'_>) -> bool {
    flow.ends.iter().any(|end| end.packets() == 0)
}

/// Who asked is the same on all VLAN paths of a connection: all that they tell together decides, where the one tells of one
/// direction only, or by its first packet. Tells whether any flow's client changed.
pub fn agree(flows: &Flows, policy: &Policy, orientations: &mut [Orientation]) -> bool {
    let guessed = |at: u32| orientations[at as usize].basis == DirectionBasis::FirstPacket;
    let connections: Vec<VlanSiblings> = twins(flows, |at, flow| is_half(flow) || guessed(at)).collect();
    let mut changed = false;
    for twins in connections {
        let views: SmallVec<[FlowView<'_>; 2]> = twins.iter().map(|at| flows.view(*at)).collect();
        let way = decide(&views, policy);
        for at in twins {
            let held = &mut orientations[at as usize];
            changed |= held.client != way.client;
            *held = way;
        }
    }
    changed
}

/// The flows that show one direction of a connection of which another VLAN path shows the other one.
pub fn halves(flows: &Flows) -> HashSet<u32> {
    let mut halves = HashSet::new();
    for twins in twins(flows, |_, flow| is_half(flow)) {
        let speaks = |end: usize| twins.iter().any(|at| flows.view(*at).ends[end].packets() > 0);
        if speaks(0) && speaks(1) {
            halves.extend(twins.iter().copied().filter(|at| is_half(&flows.view(*at))));
        }
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::scene::Scene;
    use crate::relation::orient;

    const REQUEST: &[u8] = b"\x40\x01\0\x01\xb5light";
    const RESPONSE: &[u8] = b"\x60\x45\0\x01";

    /// A packet on a VLAN from one of two ends, at a port.
    type Sent<'a> = (Option<u16>, usize, u16, &'a [u8]);

    /// Who is taken for the client of each flow, whether any took the word of another, and which flows are halves.
    fn agreed(packets: &[Sent<'_>]) -> (Vec<u8>, bool, usize) {
        let (mut scene, policy) = (Scene::default(), Policy::embedded());
        for (at, (vlan, sender, port, payload)) in (7..).zip(packets) {
            let ends = ["10.0.0.1", "10.0.0.2"].map(|address| (address.parse::<IpAddr>().unwrap(), *port));
            scene.vlan = *vlan;
            scene.at(at).udp(ends[*sender], ends[1 - sender], payload);
        }
        let flows = scene.observe().flows;
        let mut ways: Vec<Orientation> = flows.iter().map(|flow| orient(&flow, &policy)).collect();
        let changed = agree(&flows, &policy, &mut ways);
        (ways.iter().map(|way| way.client).collect(), changed, halves(&flows).len())
    }

    #[test]
    fn the_flow_of_the_answers_takes_the_word_of_the_requests() {
        assert_eq!(agreed(&[(None, 1, 123, b""), (Some(20), 0, 123, b"")]), (vec![1, 1], true, 2));
        // One that thinks so already, and another connection on the same path.
        assert_eq!(agreed(&[(None, 0, 123, b""), (Some(20), 0, 123, b"")]), (vec![0, 0], false, 0));
        assert_eq!(agreed(&[(Some(20), 1, 124, b""), (Some(20), 0, 123, b"")]), (vec![1, 0], false, 0));
    }

    #[test]
    fn what_both_directions_say_together_tells_who_asked() {
        // By itself the second flow says that its sender asked.
        let both = [(None, 1, 5683, REQUEST), (Some(20), 0, 5683, REQUEST), (Some(20), 0, 5683, RESPONSE)];
        assert_eq!(agreed(&both), (vec![1, 1], true, 2));
        // What both directions of another path show needs no word.
        let whole = [(None, 1, 5683, REQUEST), (None, 0, 5683, RESPONSE), (Some(20), 0, 5683, REQUEST)];
        let (_, _, halves) = agreed(&whole);
        assert_eq!(halves, 1);
    }
}
