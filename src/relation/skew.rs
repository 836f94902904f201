//! Inputs whose clocks differ, such as the directions of a TAP in files of their own: connections tell that, and by how much.

use std::collections::HashMap;

use super::window::SKEW;
use super::{DirectionBasis, Orientation};
use crate::capture::Moment;
use crate::flow::{EndView, FlowView, Flows};
use crate::policy::Policy;
use crate::protocol::Transport;

/// Nanoseconds by which clocks may differ: what lies farther back is of another connection.
const MOST: i64 = 5_000_000_000;
/// Connections between the same two inputs that show it, at least: one may be of ports that are used again.
const LEAST: usize = 2;

/// By how many nanoseconds the clock of one input is ahead of another's, where SYN-ACKs are stamped before the SYNs that they
/// answer.
#[derive(Clone, Debug, Default)]
pub struct Skews(HashMap<[u32; 2], i64>);

impl Skews {
    /// The largest; 0 where there is none.
    pub fn largest(&self) -> i64 {
        self.0.values().copied().max().unwrap_or(0)
    }

    /// How many nanoseconds later one moment is than another, by clocks that are put right; none where the order is known.
    fn put_right(&self, one: Moment, other: Moment) -> Option<i64> {
        let inputs = [one, other].map(|at| at.frame.input());
        let ahead = match (self.0.get(&inputs), self.0.get(&[inputs[1], inputs[0]])) {
            (Some(ahead), _) => *ahead,
            (None, behind) => -behind?,
        };
        let apart = one.time.raw().saturating_sub(other.time.raw());
        (apart.saturating_abs() <= ahead.saturating_abs().saturating_add(SKEW)).then(|| apart.saturating_sub(ahead))
    }
}

/// How the clocks of inputs differ.
pub fn skews(flows: &Flows) -> Skews {
    // By the inputs of SYN and SYN-ACK: how many came early, how many there are, and the earliest.
    let mut ways: HashMap<[u32; 2], (usize, usize, i64)> = HashMap::new();
    for flow in flows.iter().filter(|flow| flow.transport == Transport::Tcp) {
        let Some((inputs, ahead)) = ahead(&flow) else { continue };
        let (early, all, most) = ways.entry(inputs).or_default();
        let is_early = (1..MOST).contains(&ahead);
        (*early, *all) = (*early + usize::from(is_early), *all + 1);
        *most = if is_early { ahead.max(*most) } else { *most };
    }
    let believed = ways.into_iter().filter(|(_, (early, all, _))| *early >= LEAST && early * 2 >= *all);
    Skews(believed.map(|(inputs, (_, _, most))| (inputs, most)).collect())
}

/// The inputs of SYN and SYN-ACK where they lie in two, and how much earlier than the SYN the SYN-ACK is stamped.
fn ahead(flow: &FlowView<'_>) -> Option<([u32; 2], i64)> {
    let opens = |end: &EndView<'_>| end.syns() > 0 && end.syn_acks() == 0;
    let accepts = |end: &EndView<'_>| end.syn_acks() > 0 && end.syns() == 0;
    let [a, b] = &flow.ends;
    let (client, server) = match (opens(a) && accepts(b), opens(b) && accepts(a)) {
        (true, _) => (a.begin(), b.begin()),
        (_, true) => (b.begin(), a.begin()),
        _ => return None,
    };
    let apart = client.time.nanos()?.saturating_sub(server.time.nanos()?);
    let inputs = [client, server].map(|begin| begin.frame.input());
    (inputs[0] != inputs[1]).then_some((inputs, apart))
}

/// Whether two moments lie in two inputs whose clocks differ by `skew`, and may come in the other order.
pub(super) fn is_order_unknown(one: Moment, other: Moment, skew: i64) -> bool {
    let apart = one.time.raw().saturating_sub(other.time.raw()).saturating_abs();
    skew > 0 && one.frame.input() != other.frame.input() && apart <= skew.saturating_add(SKEW)
}

/// Puts the order of first packets right by the clocks; where it tells nothing then, a documented port that a client may hold by
/// chance tells more. Tells whether any flow's client changed.
pub fn believe_ports(flows: &Flows, policy: &Policy, orientations: &mut [Orientation], skews: &Skews) -> bool {
    let mut changed = false;
    if skews.0.is_empty() {
        return false;
    }
    let guessed = |(_, way): &(u32, &mut Orientation)| way.basis == DirectionBasis::FirstPacket;
    for (place, way) in flows.places().zip(orientations).filter(guessed) {
        let flow = flows.view(place);
        let documented = flow.ends.each_ref().map(|end| policy.is_documented_port(flow.transport, end.port));
        let [one, other] = flow.ends.each_ref().map(EndView::begin);
        let Some(later) = skews.put_right(one, other) else { continue };
        let by_port = Orientation { client: u8::from(documented[0]), basis: DirectionBasis::DocumentedPort };
        let right = match later.saturating_abs() <= SKEW {
            true if documented[0] != documented[1] => by_port,
            true => continue,
            false => Orientation { client: u8::from(later > 0), basis: DirectionBasis::FirstPacket },
        };
        changed |= way.client != right.client;
        *way = right;
    }
    changed
}
