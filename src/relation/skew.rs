//! Inputs whose clocks differ, such as the directions of a TAP in files of their own: connections tell that, and by how much.

use super::DirectionBasis;
use super::Orientation;
use super::window::SKEW;
use crate::capture::Moment;
use crate::flow::{EndView, FlowView, Flows};
use crate::policy::Policy;
use crate::protocol::Transport;

/// Nanoseconds by which clocks may differ: what lies farther back is of another connection.
const MOST: i64 = 5_000_000_000;
/// Of the connections whose directions lie in two inputs one in so many is opened by the later clock.
const OPENED: usize = 8;

/// By how many nanoseconds the clocks of inputs differ, where SYN-ACKs are stamped before the SYNs that they answer; 0 where
/// none is.
pub fn skew(flows: &Flows) -> i64 {
    let (mut early, mut all) = (Vec::new(), 0);
    for flow in flows.iter().filter(|flow| flow.transport == Transport::Tcp) {
        if let Some(ahead) = ahead(&flow) {
            all += 1;
            early.extend((1..MOST).contains(&ahead).then_some(ahead));
        }
    }
    if early.is_empty() || early.len() * OPENED < all { 0 } else { early.into_iter().max().unwrap_or(0) }
}

/// How much earlier than the SYN the SYN-ACK is stamped, of a connection whose directions lie in two inputs.
fn ahead(flow: &FlowView<'_>) -> Option<i64> {
    let opens = |end: &EndView<'_>| end.syns() > 0 && end.syn_acks() == 0;
    let accepts = |end: &EndView<'_>| end.syn_acks() > 0 && end.syns() == 0;
    let [a, b] = &flow.ends;
    let (client, server) = match (opens(a) && accepts(b), opens(b) && accepts(a)) {
        (true, _) => (a.begin(), b.begin()),
        (_, true) => (b.begin(), a.begin()),
        _ => return None,
    };
    let apart = client.time.nanos()?.saturating_sub(server.time.nanos()?);
    (client.frame.input() != server.frame.input()).then_some(apart)
}

/// Whether two moments lie in two inputs whose clocks differ by `skew`, and may come in the other order.
pub(super) fn is_order_unknown(one: Moment, other: Moment, skew: i64) -> bool {
    let apart = one.time.raw().saturating_sub(other.time.raw()).saturating_abs();
    skew > 0 && one.frame.input() != other.frame.input() && apart <= skew.saturating_add(SKEW)
}

/// Where the order of first packets tells nothing, a documented port that a client may hold by chance tells more. Tells
/// whether any flow's client changed.
pub fn believe_ports(flows: &Flows, policy: &Policy, orientations: &mut [Orientation], skew: i64) -> bool {
    let mut changed = false;
    if skew == 0 {
        return false;
    }
    let guessed = |(_, way): &(u32, &mut Orientation)| way.basis == DirectionBasis::FirstPacket;
    for (place, way) in flows.places().zip(orientations).filter(guessed) {
        let flow = flows.view(place);
        let documented = flow.ends.each_ref().map(|end| policy.is_documented_port(flow.transport, end.port));
        let [one, other] = flow.ends.each_ref().map(EndView::begin);
        if documented[0] != documented[1] && is_order_unknown(one, other, skew) {
            let client = u8::from(documented[0]);
            changed |= way.client != client;
            *way = Orientation { client, basis: DirectionBasis::DocumentedPort };
        }
    }
    changed
}
